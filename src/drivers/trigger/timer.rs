//! The time-lapse: a burst at every whole multiple of its interval, counted from midnight UTC.

use std::sync::Arc;
use std::time::Duration;

use crate::hal::{Clock, DeviceError, Source, Trigger, Triggered};

/// Fires at the same times of day on every trap, whenever it was started: pictures of many traps can be compared.
pub struct Timer {
    clock: Arc<dyn Clock>,
    every: Duration,
    slot: i64,
    fired: Duration,
}

impl Timer {
    /// A burst each `every`, 1 s at least, by the time of `clock`; the first at the next whole multiple.
    pub fn new(every: Duration, clock: Arc<dyn Clock>) -> Self {
        let every = every.max(Duration::from_secs(1));
        let fired = clock.monotonic();
        let mut timer = Timer { clock, every, slot: 0, fired };
        timer.slot = timer.now().0;
        timer
    }

    /// The interval that is on, counted from 1970-01-01, and the milliseconds until the next.
    fn now(&self) -> (i64, u64) {
        let every = i64::try_from(self.every.as_millis()).unwrap_or(i64::MAX);
        let now = self.clock.utc().0.timestamp_millis();
        let left = every - now.rem_euclid(every);
        (now.div_euclid(every), u64::try_from(left).unwrap_or(0))
    }

    fn due_in(&self) -> Duration {
        let (slot, left) = self.now();
        if slot != self.slot { Duration::ZERO } else { Duration::from_millis(left) }
    }
}

impl Trigger for Timer {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        let due_in = self.due_in();
        std::thread::sleep(due_in.min(deadline));
        let (slot, _) = self.now();
        if slot == self.slot {
            return Ok(None);
        }
        self.slot = slot;
        // A clock that was set back or on is in another interval at once; that is no reason for a picture.
        let passed = self.clock.monotonic().saturating_sub(self.fired);
        if passed < self.every / 2 {
            return Ok(None);
        }
        self.fired += passed;
        // What came due while the trap was busy; half an interval allows for a late start of the count.
        let missed = passed.saturating_sub(self.every / 2).as_millis() / self.every.as_millis().max(1);
        let suppressed = u32::try_from(missed).unwrap_or(u32::MAX);
        Ok(Some(Triggered { at: self.clock.utc().0, source: Source::Timer, detail: None, suppressed }))
    }

    fn silent_for(&self) -> Option<Duration> {
        Some(self.due_in())
    }
}

#[cfg(test)]
mod tests {
    use super::super::storm::tests::HandClock;
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn it_fires_at_whole_multiples_and_counts_what_it_missed() {
        let clock = HandClock::at("2026-05-20T06:07:30Z");
        let mut timer = Timer::new(15 * MINUTE, clock.clone());
        let mut fired = Vec::new();
        for _ in 0..60 {
            clock.pass(MINUTE);
            fired.extend(timer.wait(Duration::ZERO).unwrap().map(|t| t.at.format("%H:%M").to_string()));
        }
        assert_eq!(fired, ["06:15", "06:30", "06:45", "07:00"]);
        clock.pass(45 * MINUTE);
        let late = timer.wait(Duration::ZERO).unwrap().unwrap();
        assert_eq!((late.suppressed, late.source), (2, Source::Timer));
        assert!(timer.silent_for().unwrap() <= 15 * MINUTE);
    }

    #[test]
    fn a_corrected_clock_takes_no_picture_and_stops_none() {
        let clock = HandClock::at("2026-05-20T06:01:00Z");
        let mut timer = Timer::new(15 * MINUTE, clock.clone());
        for hours in [5, -9] {
            clock.shift(chrono::TimeDelta::hours(hours));
            assert_eq!(timer.wait(Duration::ZERO).unwrap(), None);
        }
        clock.pass(14 * MINUTE);
        assert!(timer.wait(Duration::ZERO).unwrap().is_some());
    }
}
