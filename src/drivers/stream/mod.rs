//! A camera that is a stream of JPEG pictures: another program (`rpicam-vid`, a GStreamer pipeline, anything that
//! writes them one after the other to its standard output), or a device ([`super::v4l2`]).
//!
//! Kept warm, the stream runs all the time and the last pictures before a trigger are in memory; cold, it is started
//! for each burst. Either way it is watched over: a source that is silent too long, ends or gives what is no picture
//! is ended, a program with all its children, and started anew, after a second failure the camera is power-cycled,
//! and when whole bursts keep failing the system is asked to start anew, a few times a day at most.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::light::Adjusts;
use crate::hal::{Camera, Clock, DeviceError, Shot};

mod commands;
mod feed;
pub mod mjpeg;
pub(super) mod process;
mod reboots;
mod source;

pub use commands::{Picture, nvargus, rpicam, rpicam_still};
pub use feed::{Recovery, Still};
pub use reboots::Reboots;
pub use source::{Hold, Pictures, Program, Run, Source};

use feed::Feed;

/// How the stream is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The program and its arguments; empty for a device.
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

/// A stream that may be running, shared by the camera and by whoever looks at its pictures between bursts.
type Running = Arc<Mutex<Option<Feed>>>;

/// A feed is only ever put there or taken away, so it is good even if a thread died while it held it.
fn lock(feed: &Running) -> MutexGuard<'_, Option<Feed>> {
    feed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at a warm stream's pictures between bursts.
#[derive(Clone)]
pub struct Eyes(Running);

impl Eyes {
    /// The newest picture, if the stream is running and has one.
    pub fn newest(&self) -> Option<Arc<Still>> {
        lock(&self.0).as_ref()?.newest()
    }
}

/// The camera.
pub struct StreamCamera {
    source: Arc<dyn Source>,
    options: Options,
    clock: Arc<dyn Clock>,
    recovery: Recovery,
    reboots: Option<Reboots>,
    feed: Running,
    /// Pictures from before now are of no use to the next burst.
    fresh: bool,
    failed: u32,
}

impl StreamCamera {
    /// A camera that is the program of `options`; see [`StreamCamera::of`].
    pub fn new(
        options: Options,
        clock: Arc<dyn Clock>,
        recovery: Recovery,
        reboots: Option<Reboots>,
    ) -> StreamCamera {
        let program = Arc::new(Program::new(options.command.clone()));
        StreamCamera::of(program, options, clock, recovery, reboots)
    }

    /// Starts `source` if it is to be warm. `recovery` is done after the second failure in a row; `reboots` says
    /// when to give up.
    pub fn of(
        source: Arc<dyn Source>,
        options: Options,
        clock: Arc<dyn Clock>,
        recovery: Recovery,
        reboots: Option<Reboots>,
    ) -> StreamCamera {
        let feed = Running::default();
        let camera =
            StreamCamera { source, options, clock, recovery, reboots, feed, fresh: false, failed: 0 };
        if camera.options.warm {
            *lock(&camera.feed) = Some(camera.start());
        }
        camera
    }

    /// For looking at the pictures between bursts; there are none while the stream is cold.
    pub fn eyes(&self) -> Eyes {
        Eyes(Arc::clone(&self.feed))
    }

    fn start(&self) -> Feed {
        let (source, clock) = (Arc::clone(&self.source), Arc::clone(&self.clock));
        Feed::start(source, self.options.clone(), clock, Arc::clone(&self.recovery))
    }

    /// Pictures as they come, until the burst is whole or its time is up; then what was wrong.
    fn collect(&self, feed: &Feed, frames: usize, interval: Duration) -> (Vec<Arc<Still>>, Option<String>) {
        let begun = Instant::now();
        let pauses = interval * u32::try_from(frames).unwrap_or(u32::MAX);
        let deadline = begun + self.options.burst + pauses;
        let mut taken = self.earlier(feed, begun, frames, interval);
        let before = taken.len();
        let mut last =
            taken.last().map(|still| still.number).or_else(|| feed.newest().map(|still| still.number));
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
        let wanted = if self.fresh { 0 } else { self.options.before.min(frames.saturating_sub(1)) };
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
        let running = lock(&self.feed).take();
        let feed = running.unwrap_or_else(|| self.start());
        let (taken, fault) = self.collect(&feed, frames, interval);
        if self.options.warm {
            *lock(&self.feed) = Some(feed);
        }
        self.fresh = false;
        let fault = fault.unwrap_or_default();
        if taken.is_empty() && frames > 0 {
            self.failed += 1;
            if let Some(reboots) = &mut self.reboots {
                reboots.burst_failed(self.failed, self.clock.utc().0);
            }
            return Err(DeviceError {
                device: self.source.name(),
                what: fault,
                cure: self.source.cure().to_owned(),
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

impl Adjusts for StreamCamera {
    fn adjust(&mut self, words: &[String]) {
        if self.source.set(words) {
            let running = lock(&self.feed).take();
            if running.is_some() {
                // Ended before the next start: they share the camera.
                drop(running);
                *lock(&self.feed) = Some(self.start());
            }
        }
    }

    fn lit(&mut self) {
        self.fresh = true;
    }
}
