//! A camera that is run by the light: other arguments by day, at dusk and by night, an infrared lamp that is on for the
//! burst only, and the filter that keeps infrared out by day.
//!
//! Day and night are told by a light sensor where there is one that answers, else by the sun's height where the trap's
//! place and time are known, else by how bright the last burst was.

use std::sync::Arc;
use std::time::Duration;

use sunrise::Coordinates;

use super::gpio::Switch;
use crate::hal::{Camera, Clock, DeviceError, Gauges, Place, Shot};
use crate::image::{Want, decode, luma};
use crate::units::ClockQuality;

mod lamp;
mod sun;

pub use lamp::Lamp;

/// Between two looks at the sun while nothing is asked of the camera: a quarter of a degree.
const LOOK: Duration = Duration::from_secs(60);

/// Between two pictures that are taken with the lamp off to see whether it is day yet, where the sun is not known.
const PROBE: Duration = Duration::from_secs(600);

/// By the sensor, a level is left only this far beyond its limit: a cloud over the moon or a lamp's glow is no dawn.
const STAYS: f32 = 1.4;

/// Pictures are measured at about this width, pixels.
const WIDTH: u32 = 160;

/// A camera that can be run in several ways.
pub trait Adjusts: Camera {
    /// From now on it is run by these words: a program with its arguments, or what else they mean to it.
    fn adjust(&mut self, words: &[String]);

    /// The light has changed just now: pictures from before are of no use to the next burst.
    fn lit(&mut self);
}

/// How much light there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The sun is up.
    Day,
    /// It is setting or rising.
    Dusk,
    /// It is dark.
    Night,
}

/// How the camera is run by the light.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// It is day while the sun stands at so many degrees or higher …
    pub day_above: f64,
    /// … and night while it stands lower than this.
    pub night_below: f64,
    /// By a light sensor it is day at so many lux and more, and night below so many.
    pub day_above_lux: f32,
    /// See there.
    pub night_below_lux: f32,
    /// The words for day, dusk and night.
    pub words: [Vec<String>; 3],
    /// The lamp is used from this level on.
    pub lamp_from: Level,
    /// From the lamp's switching on to the first picture.
    pub settle: Duration,
    /// Longest time that the lamp is on for a burst.
    pub most: Duration,
    /// Without the sun: a picture of a lower mean brightness says that it is night …
    pub dark_below: u8,
    /// … and one of a higher one, taken without the lamp, that it is day.
    pub bright_above: u8,
}

/// The filter that keeps infrared out.
pub enum Filter {
    /// There is none to be moved.
    None,
    /// On: it is in the way.
    Held(Box<dyn Switch>),
    /// A pulse on the first line puts it in the way, one on the second takes it out; it stays where it is.
    Pulsed(Box<dyn Switch>, Box<dyn Switch>, Duration),
}

impl Filter {
    /// Puts the filter in the way, or takes it out.
    fn put(&mut self, inside: bool) -> std::io::Result<()> {
        match self {
            Filter::None => Ok(()),
            Filter::Held(line) => {
                if inside {
                    line.on()
                } else {
                    line.off()
                }
            }
            Filter::Pulsed(into, out, pulse) => {
                let line = if inside { into } else { out };
                let begun = line.on();
                std::thread::sleep(*pulse);
                // Off in any case: a coil that is left on burns.
                line.off().and(begun)
            }
        }
    }
}

/// The camera with its light.
pub struct ByLight<C> {
    camera: C,
    options: Options,
    clock: Arc<dyn Clock>,
    place: Place,
    gauges: Option<Arc<dyn Gauges + Sync>>,
    lamp: Option<Lamp>,
    filter: Filter,
    /// Whether the filter is in the way, once that is known.
    filtered: Option<bool>,
    /// What it is set to.
    level: Option<Level>,
    /// What the last picture without the lamp said.
    measured: Level,
    probed: Option<Duration>,
    looked: Option<Duration>,
}

impl<C: Adjusts> ByLight<C> {
    /// `camera` by the light at `place`, which may become known later; `lamp` and `filter` are taken off and out or in at
    /// the first burst.
    pub fn new(
        camera: C,
        options: Options,
        clock: Arc<dyn Clock>,
        place: Place,
        lamp: Option<Box<dyn Switch>>,
        filter: Filter,
    ) -> Self {
        let lamp = lamp.map(Lamp::new);
        ByLight {
            camera,
            options,
            clock,
            place,
            gauges: None,
            lamp,
            filter,
            filtered: None,
            level: None,
            measured: Level::Day,
            probed: None,
            looked: None,
        }
    }

    /// Goes by the light sensor of `gauges` while it answers.
    pub fn sees(mut self, gauges: Arc<dyn Gauges + Sync>) -> Self {
        self.gauges = Some(gauges);
        self
    }

    /// What the light sensor says, where there is one that answers.
    fn seen(&self) -> Option<Level> {
        let lux = self.gauges.as_ref()?.light()?;
        let (mut day, mut night) = (self.options.day_above_lux, self.options.night_below_lux);
        match self.level {
            Some(Level::Day) => day /= STAYS,
            Some(Level::Night) => night *= STAYS,
            _ => {}
        }
        Some(match lux {
            lux if lux < night => Level::Night,
            lux if lux >= day => Level::Day,
            _ => Level::Dusk,
        })
    }

    /// The place, where the sun's height can be told.
    fn sunlit(&self) -> Option<Coordinates> {
        let (north, east) = self.place.get().filter(|_| self.clock.utc().1 != ClockQuality::Unset)?;
        Coordinates::new(north, east)
    }

    fn level(&self) -> Level {
        if let Some(seen) = self.seen() {
            return seen;
        }
        let Some(place) = self.sunlit() else { return self.measured };
        let now = self.clock.utc().0;
        if sun::above(place, now, self.options.day_above) {
            Level::Day
        } else if sun::above(place, now, self.options.night_below) {
            Level::Dusk
        } else {
            Level::Night
        }
    }

    /// Sets the camera and the filter where the level is another than before.
    fn set(&mut self) -> Level {
        let level = self.level();
        self.looked = Some(self.clock.monotonic());
        if self.level.replace(level) != Some(level) {
            log::info!("camera: set for {level:?}");
            let words = match level {
                Level::Day => &self.options.words[0],
                Level::Dusk => &self.options.words[1],
                Level::Night => &self.options.words[2],
            };
            self.camera.adjust(words);
            let inside = level < self.options.lamp_from;
            if self.filtered != Some(inside) {
                match self.filter.put(inside) {
                    Ok(()) => self.filtered = Some(inside),
                    Err(error) => log::error!("infrared filter: it does not move: {error}"),
                }
            }
            self.camera.lit();
        }
        level
    }

    /// The burst with the lamp on around it.
    fn shoot(&mut self, level: Level, frames: usize, interval: Duration) -> Result<Vec<Shot>, DeviceError> {
        let lamp = self.lamp.as_ref().filter(|_| level >= self.options.lamp_from);
        // Off when this is dropped: at the end, on an error, and while a panic passes through.
        let lit = lamp.and_then(|lamp| lamp.on(self.options.most));
        if lit.is_some() {
            std::thread::sleep(self.options.settle);
            self.camera.lit();
        }
        self.camera.burst(frames, interval)
    }

    /// Learns from pictures how bright it is, where the sun cannot tell.
    fn measure(&mut self, level: Level, shots: &[Shot]) {
        let now = self.clock.monotonic();
        let lamp = self.lamp.is_some() && level >= self.options.lamp_from;
        let brightness = if !lamp {
            shots.iter().rev().flat_map(|shot| &shot.jpeg).find_map(|jpeg| brightness(jpeg))
        } else if self.probed.is_none_or(|probed| now.saturating_sub(probed) >= PROBE) {
            // One picture more, with the lamp off, after the burst: it costs no animal its picture.
            self.probed = Some(now);
            self.camera.lit();
            let probe = self.camera.burst(1, Duration::ZERO).unwrap_or_default();
            probe.first().and_then(|shot| brightness(shot.jpeg.as_ref().ok()?))
        } else {
            None
        };
        match brightness {
            Some(dark) if dark < self.options.dark_below => self.measured = Level::Night,
            Some(bright) if bright > self.options.bright_above => self.measured = Level::Day,
            _ => {}
        }
    }
}

/// Mean brightness of a picture, grey levels.
fn brightness(jpeg: &[u8]) -> Option<u8> {
    let grey = luma(&decode(jpeg, Want::AtLeast { width: WIDTH, height: 1 }).ok()?);
    let sum: u64 = grey.data.iter().map(|level| u64::from(*level)).sum();
    u8::try_from(sum / u64::try_from(grey.data.len().max(1)).ok()?).ok()
}

impl<C: Adjusts> Camera for ByLight<C> {
    fn burst(&mut self, frames: usize, interval: Duration) -> Result<Vec<Shot>, DeviceError> {
        let level = self.set();
        let shots = self.shoot(level, frames, interval)?;
        if self.sunlit().is_none() && self.seen().is_none() {
            self.measure(level, &shots);
        }
        Ok(shots)
    }

    fn aims(&self) -> bool {
        self.camera.aims()
    }

    fn journaled(&mut self) {
        self.camera.journaled();
    }

    fn idle(&mut self) {
        self.camera.idle();
        // A program that is started anew at dusk is ready when the next animal comes.
        let now = self.clock.monotonic();
        if self.looked.is_none_or(|looked| now.saturating_sub(looked) >= LOOK) {
            self.set();
        }
    }
}

#[cfg(test)]
mod tests;
