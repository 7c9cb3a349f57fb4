//! A camera that is another program: `rpicam-vid`, a GStreamer pipeline, anything that writes JPEG pictures one after
//! the other to its standard output.
//!
//! Kept warm, the program runs all the time and the last pictures before a trigger are in memory; cold, it is started
//! for each burst. Either way it is watched over: a program that is silent too long, dies or writes what is no
//! picture is killed with all its children and started anew, after a second failure the camera is power-cycled, and
//! when whole bursts keep failing the system is asked to start anew, a few times a day at most.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::hal::{Camera, Clock, DeviceError, Shot};

mod commands;
mod feed;
pub mod mjpeg;
mod process;
mod reboots;

pub use commands::{Picture, nvargus, rpicam};
pub use feed::Recovery;
pub use reboots::Reboots;

use feed::{Feed, Still};

/// How the program is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Keep it running between bursts.
    pub warm: bool,
    /// Pictures of a burst that are from before the trigger; warm only.
    pub before: usize,
    /// Pictures after each start that are not used: exposure and white balance settle.
    pub settle: u32,
    /// Most bytes of pictures in memory.
    pub ring: usize,
    /// Longest time from its start to the first picture.
    pub start: Duration,
    /// Longest time between two pictures.
    pub frame: Duration,
    /// Longest time for a burst, beside the pauses between its pictures.
    pub burst: Duration,
}

/// The camera.
pub struct StreamCamera {
    options: Options,
    clock: Arc<dyn Clock>,
    recovery: Recovery,
    reboots: Option<Reboots>,
    feed: Option<Feed>,
    failed: u32,
}

impl StreamCamera {
    /// Starts the program if it is to be warm. `recovery` is done after the second failure in a row; `reboots` says
    /// when to give up.
    pub fn new(
        options: Options,
        clock: Arc<dyn Clock>,
        recovery: Recovery,
        reboots: Option<Reboots>,
    ) -> StreamCamera {
        let mut camera = StreamCamera { options, clock, recovery, reboots, feed: None, failed: 0 };
        if camera.options.warm {
            camera.feed = Some(camera.start());
        }
        camera
    }

    fn start(&self) -> Feed {
        Feed::start(self.options.clone(), Arc::clone(&self.clock), Arc::clone(&self.recovery))
    }

    fn name(&self) -> String {
        let program =
            self.options.command.iter().find(|word| word.starts_with(|c: char| c.is_alphanumeric()));
        format!("camera {}", program.map_or("without a program", String::as_str))
    }

    /// Pictures as they come, until the burst is whole or its time is up; then what was wrong.
    fn collect(&self, feed: &Feed, frames: usize, interval: Duration) -> (Vec<Arc<Still>>, Option<String>) {
        let begun = Instant::now();
        let pauses = interval * u32::try_from(frames).unwrap_or(u32::MAX);
        let deadline = begun + self.options.burst + pauses;
        let mut taken = self.earlier(feed, begun, frames, interval);
        let before = taken.len();
        let mut last = taken.last().map(|still| still.number).or_else(|| feed.newest());
        while taken.len() < frames {
            let later = u32::try_from(taken.len() - before).unwrap_or(u32::MAX);
            let due = (!interval.is_zero()).then(|| begun + interval * later);
            match feed.next(last, due, deadline) {
                Ok(still) => {
                    last = Some(still.number);
                    taken.push(still);
                }
                Err(fault) => return (taken, Some(fault)),
            }
        }
        (taken, None)
    }

    /// The pictures from before the trigger, spaced like the others.
    fn earlier(&self, feed: &Feed, begun: Instant, frames: usize, interval: Duration) -> Vec<Arc<Still>> {
        let wanted = self.options.before.min(frames.saturating_sub(1));
        // Older pictures are those of a program that has stopped since.
        let oldest = begun.checked_sub(self.options.frame).unwrap_or(begun);
        let ring = feed.since(oldest, interval, wanted);
        if interval.is_zero() {
            return ring.into_iter().rev().take(wanted).rev().collect();
        }
        let mut chosen: Vec<Arc<Still>> = Vec::new();
        for back in (1..=u32::try_from(wanted).unwrap_or(0)).rev() {
            let Some(at) = begun.checked_sub(interval * back) else { continue };
            let off = |still: &Arc<Still>| at.max(still.seen) - at.min(still.seen);
            let best = ring.iter().min_by_key(|still| off(still)).filter(|still| off(still) <= interval / 2);
            chosen.extend(best.filter(|b| chosen.last().is_none_or(|c| c.number < b.number)).cloned());
        }
        chosen
    }
}

impl Camera for StreamCamera {
    fn burst(&mut self, frames: usize, interval: Duration) -> Result<Vec<Shot>, DeviceError> {
        let feed = self.feed.take().unwrap_or_else(|| self.start());
        let (taken, fault) = self.collect(&feed, frames, interval);
        if self.options.warm {
            self.feed = Some(feed);
        }
        let fault = fault.unwrap_or_default();
        if taken.is_empty() && frames > 0 {
            self.failed += 1;
            if let Some(reboots) = &mut self.reboots {
                reboots.burst_failed(self.failed, self.clock.utc().0);
            }
            return Err(DeviceError {
                device: self.name(),
                what: fault,
                cure: "run the program by hand; check the camera's cable and that no other program uses it"
                    .to_owned(),
            });
        }
        self.failed = 0;
        let mut shots: Vec<Shot> =
            taken.iter().map(|still| Shot { taken: still.taken, jpeg: Ok(still.jpeg.clone()) }).collect();
        let now = self.clock.utc().0;
        shots.resize_with(frames, || Shot { taken: now, jpeg: Err(fault.clone()) });
        Ok(shots)
    }
}
