//! The bench: a trigger, a camera and a clock that play a script of the bench world, and the faults of the field.
//!
//! The three share a [`Stage`]: the trigger sets the scene, the camera takes its pictures, the clock shows its
//! time. Pictures are rendered ahead on a second thread; what is played depends on the options alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};

mod ahead;
mod alarm;
mod battery;
mod camera;
mod clock;
mod faults;
mod lorawan;
mod script;
mod trigger;

pub use alarm::{AlarmFault, BenchAlarm};
pub use battery::{BenchBattery, Step};
pub use camera::BenchCamera;
pub use clock::BenchClock;
pub use faults::Faults;
pub use lorawan::{BenchLorawan, Network};
pub use script::{Play, Script};
pub use trigger::BenchTrigger;

/// What the bench plays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Which script.
    pub play: Play,
    /// The same seed plays the same on every platform.
    pub seed: u64,
    /// Triggers until the script ends; 0: the whole day, or random bursts without end.
    pub bursts: u32,
    /// The pictures.
    pub scenery: Scenery,
    /// When triggers come.
    pub pace: Pace,
    /// What goes wrong.
    pub faults: Faults,
    /// What goes wrong with the alarm clock.
    pub alarm: AlarmFault,
    /// How the battery fares; empty: there is none.
    pub battery: Vec<Step>,
}

/// What pictures the bench camera takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenery {
    /// Picture width, pixels.
    pub width: u32,
    /// Picture height, pixels.
    pub height: u32,
    /// JPEG quality, 1..=100.
    pub quality: u8,
}

impl Default for Scenery {
    /// The size of a small trap's thumbnails, large enough for every species.
    fn default() -> Self {
        Scenery { width: 1280, height: 960, quality: 88 }
    }
}

/// When triggers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// As soon as they are waited for.
    #[default]
    Instant,
    /// When the script's own time has passed.
    Real,
}

/// Where the script stands, seen by the three bench devices.
#[derive(Debug)]
pub struct Stage {
    /// 0: before the first scene; n: scene n - 1 is on.
    scenes: AtomicU64,
    /// The scene's time, milliseconds since 1970-01-01 UTC.
    now: AtomicI64,
    /// Until when the machine slept last; what happened before is missed.
    slept: AtomicI64,
}

impl Stage {
    /// Before the first scene of `script`.
    pub fn new(script: &Script) -> Arc<Self> {
        let now = script.at(0).timestamp_millis();
        Arc::new(Stage {
            scenes: AtomicU64::new(0),
            now: AtomicI64::new(now),
            slept: AtomicI64::new(i64::MIN),
        })
    }

    /// Scene `index` begins at `at`.
    fn enter(&self, index: u64, at: DateTime<Utc>) {
        self.now.store(at.timestamp_millis(), Ordering::SeqCst);
        self.scenes.store(index + 1, Ordering::SeqCst);
    }

    /// The scene that is on, if one is.
    fn scene(&self) -> Option<u64> {
        self.scenes.load(Ordering::SeqCst).checked_sub(1)
    }

    /// The script's time.
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.now.load(Ordering::SeqCst)).unwrap_or_default()
    }

    /// Lets `time` pass in the script while nobody looks.
    fn sleep(&self, time: Duration) {
        self.pass(time);
        self.slept.store(self.now.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Whether the machine slept at `at`, or later.
    fn missed(&self, at: DateTime<Utc>) -> bool {
        at.timestamp_millis() < self.slept.load(Ordering::SeqCst)
    }

    /// Lets `time` pass in the script.
    fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.now.fetch_add(millis, Ordering::SeqCst);
    }
}
