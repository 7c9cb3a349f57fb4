//! What the daemon shows while it works: notes for whoever watches, and wishes from them.
//!
//! The pipeline only ever tries to leave a note and never waits: a reader that is slow, or not there, loses notes.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::event::EventKey;
use crate::units::{BBox, Score};

/// The aim view ends by itself after this: a forgotten one must not empty the battery.
pub const AIM_FOR: Duration = Duration::from_secs(600);

/// Notes that may wait. An aim frame is some 100 kB, so a reader that stopped costs at most a few megabytes.
const NOTES: usize = 32;

/// A box on an aim frame.
#[derive(Debug, Clone, PartialEq)]
pub struct AimBox {
    /// Where, normalised.
    pub bbox: BBox,
    /// `animal`, `person` or `vehicle`.
    pub category: &'static str,
    /// Confidence.
    pub confidence: Score,
}

/// A picture taken to aim by; it is judged by itself and kept nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct AimFrame {
    /// When it was taken.
    pub taken: DateTime<Utc>,
    /// Upright size of `jpeg`, pixels.
    pub size: (u32, u32),
    /// The picture with people made unrecognisable, or why there is none.
    pub jpeg: Result<Arc<[u8]>, String>,
    /// What the detector found on it.
    pub boxes: Vec<AimBox>,
}

/// Something happened.
#[derive(Debug, Clone)]
pub enum Note {
    /// The trigger fired.
    Triggered(DateTime<Utc>),
    /// A burst is in the journal for good.
    Burst {
        /// Its key.
        key: EventKey,
        /// Time the judgement took.
        judging: Duration,
    },
    /// The camera as a whole did not answer, or answered again after that.
    Camera(Result<(), String>),
    /// A burst was lost: not even its row could be written.
    Lost,
    /// An aim frame.
    Aim(AimFrame),
}

/// What is to become of the machine when the run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Switched off.
    Off,
    /// Started anew.
    Reboot,
}

/// The daemon's side and its watchers' side of it, shared.
#[derive(Debug)]
pub struct Live {
    notes: SyncSender<Note>,
    missed: AtomicU64,
    started: Instant,
    /// Milliseconds since `started` until which the aim view is on; 0: off.
    aim_until: AtomicU64,
    power: AtomicU8,
    stop: RwLock<Option<Arc<AtomicBool>>>,
}

impl Live {
    /// Both sides; the notes are to be taken by one reader.
    pub fn new() -> (Arc<Live>, Receiver<Note>) {
        let (notes, taken) = sync_channel(NOTES);
        let live = Live {
            notes,
            missed: AtomicU64::new(0),
            started: Instant::now(),
            aim_until: AtomicU64::new(0),
            power: AtomicU8::new(0),
            stop: RwLock::new(None),
        };
        (Arc::new(live), taken)
    }

    /// Leaves a note if there is room for one.
    pub fn note(&self, note: Note) {
        if self.notes.try_send(note).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that found no room.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Time since the daemon began.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Switches the aim view on, for [`AIM_FOR`], or off.
    pub fn aim(&self, on: bool) {
        let until = if on { millis(self.started.elapsed() + AIM_FOR) } else { 0 };
        self.aim_until.store(until, Ordering::Relaxed);
    }

    /// How long the aim view stays on; `None`: it is off.
    pub fn aiming(&self) -> Option<Duration> {
        let left = self.aim_until.load(Ordering::Relaxed).saturating_sub(millis(self.started.elapsed()));
        (left > 0).then(|| Duration::from_millis(left))
    }

    /// What ends the run when [`Live::end`] is called.
    pub fn ends_by(&self, stop: Arc<AtomicBool>) {
        *self.stop.write().unwrap_or_else(PoisonError::into_inner) = Some(stop);
    }

    /// Ends the run in order; the machine then goes off or starts anew.
    pub fn end(&self, power: Power) {
        self.power.store(power as u8 + 1, Ordering::SeqCst);
        if let Some(stop) = &*self.stop.read().unwrap_or_else(PoisonError::into_inner) {
            stop.store(true, Ordering::SeqCst);
        }
    }

    /// What was asked for, if anything.
    pub fn power(&self) -> Option<Power> {
        match self.power.load(Ordering::SeqCst) {
            1 => Some(Power::Off),
            2 => Some(Power::Reboot),
            _ => None,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_that_nobody_takes_are_dropped_and_counted() {
        let (live, notes) = Live::new();
        for _ in 0..NOTES + 5 {
            live.note(Note::Lost);
        }
        assert_eq!((notes.try_iter().count(), live.missed()), (NOTES, 5));
        drop(notes);
        live.note(Note::Lost);
        assert_eq!(live.missed(), 6);
    }

    #[test]
    fn the_aim_view_has_an_end() {
        let (live, _notes) = Live::new();
        assert_eq!(live.aiming(), None);
        live.aim(true);
        assert!(live.aiming().is_some_and(|left| left <= AIM_FOR));
        live.aim(false);
        assert_eq!(live.aiming(), None);
    }

    #[test]
    fn the_end_is_told_and_ends_the_run() {
        let (live, _notes) = Live::new();
        let stop = Arc::new(AtomicBool::new(false));
        live.ends_by(Arc::clone(&stop));
        assert_eq!(live.power(), None);
        live.end(Power::Reboot);
        assert_eq!(live.power(), Some(Power::Reboot));
        assert!(stop.load(Ordering::SeqCst));
    }
}
