//! The computer's own clock.

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::hal::Clock;
use crate::units::{ClockQuality, SET_AFTER};

/// Exists once systemd-timesyncd has set the clock from the network since the start of the system
/// (systemd-timesyncd.service(8)).
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// The battery-backed clock that the kernel set the system's from, by its own seconds (sysfs-class-rtc).
const RTC: &str = "/sys/class/rtc/rtc0/since_epoch";

/// Farther apart than this the system's clock is not that of the battery-backed one: it was set by somebody since, or the
/// kernel could not read it.
const APART_S: i64 = 60;

/// The kernel's monotonic and real-time clocks. A correction is kept in the process and does not set the system's
/// clock, which belongs to the system's own time service; once that is synchronised, it is believed again.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    corrected: Mutex<Option<(TimeDelta, ClockQuality)>>,
    /// What the clock is worth by itself; looked at once, for reading a chip on a bus takes time.
    by_itself: OnceLock<ClockQuality>,
}

/// What the system's clock, at `now`, is worth by a battery-backed one that says `rtc` (seconds since 1970).
fn worth(now: i64, rtc: Option<i64>) -> ClockQuality {
    match rtc {
        Some(rtc) if rtc >= SET_AFTER && (now - rtc).abs() <= APART_S => ClockQuality::Rtc,
        _ => ClockQuality::Unset,
    }
}

impl SystemClock {
    /// Starts counting now.
    pub fn new() -> Self {
        SystemClock { started: Instant::now(), corrected: Mutex::new(None), by_itself: OnceLock::new() }
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
        let quality = self.by_itself.get_or_init(|| {
            let rtc = std::fs::read_to_string(RTC).ok().and_then(|text| text.trim().parse().ok());
            worth(Utc::now().timestamp(), rtc)
        });
        (Utc::now(), *quality)
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
    fn a_clock_that_lost_the_time_is_worth_nothing() {
        let now = 1_800_000_000;
        assert_eq!(worth(now, Some(now - 2)), ClockQuality::Rtc);
        assert_eq!(worth(now, None), ClockQuality::Unset, "there is none");
        // A DS3231 without a battery begins in 2000, and the kernel takes that over.
        assert_eq!(worth(946_684_800, Some(946_684_800)), ClockQuality::Unset);
        assert_eq!(worth(now, Some(now - 86_400)), ClockQuality::Unset, "the system's is another");
    }

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
