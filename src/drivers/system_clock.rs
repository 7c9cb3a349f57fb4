//! The computer's own clock.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::hal::Clock;
use crate::units::ClockQuality;

/// Exists once systemd-timesyncd has set the clock from the network since the start of the system
/// (systemd-timesyncd.service(8)).
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// A battery-backed clock, as the kernel names the first one.
const RTC: &str = "/dev/rtc0";

/// The kernel's monotonic and real-time clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts counting now.
    pub fn new() -> Self {
        SystemClock { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn utc(&self) -> (DateTime<Utc>, ClockQuality) {
        let quality = if Path::new(SYNCHRONISED).exists() {
            ClockQuality::Network
        } else if Path::new(RTC).exists() {
            ClockQuality::Rtc
        } else {
            ClockQuality::Unset
        };
        (Utc::now(), quality)
    }
}
