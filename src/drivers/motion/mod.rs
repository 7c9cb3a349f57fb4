//! The camera's own idea of motion, as a trigger for housings without a PIR.
//!
//! The pictures are those of the camera's stream, decoded small between bursts: `rpicam-vid` gives its low-resolution
//! stream to programs inside it only, and this works for every camera that is a stream. It sees what the camera sees:
//! nothing in the dark without a lamp.

use std::sync::Arc;
use std::time::Duration;

use super::stream::{Eyes, Still};
use crate::hal::{Clock, DeviceError, Source, Spent, Trigger, Triggered};
use crate::image::{Gray, Want, decode, luma, resize_gray};

mod blocks;

pub use blocks::{Blocks, Limits, Seen};

/// Width that pictures are compared at, pixels: five to a block.
const WIDTH: u32 = 160;

/// Without a new picture for so long the camera is said to have failed. Its own ladder has tried by then.
const BLIND: Duration = Duration::from_secs(60);

/// How it looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Between two looks.
    pub every: Duration,
    /// No trigger for so long after one.
    pub hold_off: Duration,
    /// Exposure settles for so long after the start.
    pub warm_up: Duration,
    /// What counts as motion.
    pub limits: Limits,
}

/// Where pictures come from.
pub trait Looks: Send {
    /// The newest picture; the same one again where there is no newer.
    fn newest(&mut self) -> Option<Arc<Still>>;
}

impl Looks for Eyes {
    fn newest(&mut self) -> Option<Arc<Still>> {
        Eyes::newest(self)
    }
}

/// Fires when something moves in the pictures of a stream.
pub struct Motion<L> {
    eyes: L,
    options: Options,
    clock: Arc<dyn Clock>,
    blocks: Blocks,
    started: Duration,
    looked: Duration,
    /// Number of the last picture, and when it came.
    last: (u64, Duration),
    fired: Option<Duration>,
    /// Until when the hold-off of an earlier run lasts.
    held: Duration,
    suppressed: u32,
    lights: u32,
}

impl<L: Looks> Motion<L> {
    /// Looks at what `eyes` see.
    pub fn new(eyes: L, options: Options, clock: Arc<dyn Clock>) -> Self {
        let now = clock.monotonic();
        let blocks = Blocks::new(options.limits);
        Motion {
            eyes,
            options,
            clock,
            blocks,
            started: now,
            looked: now,
            last: (0, now),
            fired: None,
            held: Duration::ZERO,
            suppressed: 0,
            lights: 0,
        }
    }

    /// Changes of the light so far, which were no triggers.
    pub fn lights(&self) -> u32 {
        self.lights
    }

    fn due_in(&self) -> Duration {
        (self.looked + self.options.every).saturating_sub(self.clock.monotonic())
    }

    /// One look. A picture that cannot be read is the camera's to tell of: its bursts will say so.
    fn look(&mut self, now: Duration) -> Result<Option<Triggered>, DeviceError> {
        self.looked = now;
        let still = self.eyes.newest().filter(|still| still.number != self.last.0);
        let Some(still) = still else {
            let blind = now.saturating_sub(self.last.1);
            if blind < BLIND {
                return Ok(None);
            }
            self.last.1 = now;
            return Err(DeviceError {
                device: "motion".to_owned(),
                what: format!("no picture to look at for {} s", blind.as_secs()),
                cure: "look at the camera's own messages; a camera must be warm for this trigger".to_owned(),
            });
        };
        self.last = (still.number, now);
        let Some(seen) = small(&still.jpeg).map(|picture| self.blocks.look(&picture)) else {
            return Ok(None);
        };
        let moved = match seen {
            Seen::Moved(blocks) => blocks,
            Seen::Light => {
                self.lights = self.lights.saturating_add(1);
                log::debug!("motion: the light changed");
                return Ok(None);
            }
            Seen::Learning | Seen::Still => return Ok(None),
        };
        let held = self.fired.is_some_and(|fired| now < fired + self.options.hold_off);
        if held || now < self.held || now < self.started + self.options.warm_up {
            self.suppressed = self.suppressed.saturating_add(1);
            return Ok(None);
        }
        log::debug!("motion in {moved} blocks");
        self.fired = Some(now);
        let suppressed = std::mem::take(&mut self.suppressed);
        Ok(Some(Triggered { at: still.taken, source: Source::Motion, detail: None, suppressed }))
    }
}

/// The picture as it is compared: grey, [`WIDTH`] across.
fn small(jpeg: &[u8]) -> Option<Gray> {
    let picture = decode(jpeg, Want::AtLeast { width: WIDTH, height: 1 }).ok()?;
    let grey = luma(&picture);
    let height = (u64::from(grey.height) * u64::from(WIDTH)).div_ceil(u64::from(grey.width.max(1)));
    resize_gray(&grey, WIDTH, u32::try_from(height).ok()?.max(1)).ok()
}

impl<L: Looks> Trigger for Motion<L> {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        let begun = self.clock.monotonic();
        loop {
            let due = self.due_in();
            let left = deadline.saturating_sub(self.clock.monotonic().saturating_sub(begun));
            if due > left {
                std::thread::sleep(left);
                return Ok(None);
            }
            std::thread::sleep(due);
            let fired = self.look(self.clock.monotonic())?;
            if fired.is_some() || deadline.is_zero() {
                return Ok(fired);
            }
        }
    }

    fn spent(&self) -> Vec<Spent> {
        Spent::held_off(self.fired, self.options.hold_off, self.clock.monotonic())
    }

    fn recall(&mut self, spent: &[Spent], passed: Duration, _cut_short: bool) {
        self.held = self.clock.monotonic() + Spent::held(spent, passed).min(self.options.hold_off);
    }

    fn silent_for(&self) -> Option<Duration> {
        Some(self.due_in())
    }

    fn take_suppressed(&mut self) -> u32 {
        std::mem::take(&mut self.suppressed)
    }
}

#[cfg(test)]
mod tests;
