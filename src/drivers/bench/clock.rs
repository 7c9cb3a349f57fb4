//! The bench's clock: shows the script's time.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Stage;
use crate::hal::Clock;
use crate::units::ClockQuality;

/// Stands still between scenes; the script runs forwards only, and so does this.
pub struct BenchClock {
    stage: Arc<Stage>,
    started: DateTime<Utc>,
}

impl BenchClock {
    /// Shows the time of `stage`.
    pub fn new(stage: Arc<Stage>) -> Self {
        let started = stage.now();
        BenchClock { stage, started }
    }
}

impl Clock for BenchClock {
    fn monotonic(&self) -> Duration {
        (self.stage.now() - self.started).to_std().unwrap_or_default()
    }

    fn utc(&self) -> (DateTime<Utc>, ClockQuality) {
        (self.stage.now(), ClockQuality::Rtc)
    }

    /// The script's time is right by definition.
    fn correct(&self, _utc: DateTime<Utc>, _quality: ClockQuality) -> TimeDelta {
        TimeDelta::zero()
    }
}
