//! The computer's own clock.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::hal::Clock;
use crate::units::ClockQuality;

/// Exists once systemd-timesyncd has set the clock from the network since the start of the system
/// (systemd-timesyncd.service(8)).
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// A battery-backed clock, as the kernel names the first one.
const RTC: &str = "/dev/rtc0";

/// The kernel's monotonic and real-time clocks. A correction is kept in the process and does not set the system's
/// clock, which belongs to the system's own time service; once that is synchronised, it is believed again.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    corrected: Mutex<Option<(TimeDelta, ClockQuality)>>,
}

impl SystemClock {
    /// Starts counting now.
    pub fn new() -> Self {
        SystemClock { started: Instant::now(), corrected: Mutex::new(None) }
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
        if Path::new(SYNCHRONISED).exists() {
            return (Utc::now(), ClockQuality::Network);
        }
        if let Some((behind, quality)) = *self.corrected.lock().unwrap_or_else(PoisonError::into_inner) {
            return (Utc::now() + behind, quality);
        }
        let quality = if Path::new(RTC).exists() { ClockQuality::Rtc } else { ClockQuality::Unset };
        (Utc::now(), quality)
    }

    fn correct(&self, utc: DateTime<Utc>, quality: ClockQuality) -> TimeDelta {
        let told = self.utc().0;
        let mut corrected = self.corrected.lock().unwrap_or_else(PoisonError::into_inner);
        *corrected = Some((utc - Utc::now(), quality));
        utc - told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_moves_the_time_and_names_its_source() {
        if Path::new(SYNCHRONISED).exists() {
            return; // The system's own synchronisation is believed before any other.
        }
        let clock = SystemClock::new();
        let right = Utc::now() + TimeDelta::hours(5);
        let behind = clock.correct(right, ClockQuality::Network);
        assert!((behind - TimeDelta::hours(5)).abs() < TimeDelta::seconds(1));
        let (told, quality) = clock.utc();
        assert_eq!(quality, ClockQuality::Network);
        assert!((told - right).abs() < TimeDelta::seconds(1));
        let behind = clock.correct(right, ClockQuality::Gps);
        assert!(behind.abs() < TimeDelta::seconds(1), "a second correction starts from the first");
    }
}
