//! Keeps grass in the wind and a sensor in the sun from emptying the battery: a budget over any trigger.
//!
//! Four rules, each with a key in the board profile. A token bucket lets a few bursts through at once. A cool-down
//! after each burst doubles while triggers keep coming and falls back after a pause. No sliding hour has more bursts
//! than the budget. However full the hour is, one trigger per sample interval goes on as long as the budget lasts: a
//! part of the budget is kept back for these samples. What is swallowed is counted, for it is effort. What is used up
//! outlives a restart: a trap that starts anew in a storm has no fresh budget.

use std::sync::Arc;
use std::time::Duration;

use super::budget::{Budget, Limits};
use crate::hal::{Clock, DeviceError, Spent, Trigger, Triggered};

/// Its budget's name.
const SENSOR: &str = "sensor";

/// A trigger with a budget.
pub struct Storm<T> {
    inner: T,
    budget: Budget,
    clock: Arc<dyn Clock>,
    suppressed: u32,
}

impl<T: Trigger> Storm<T> {
    /// `inner` within `limits`, by the monotonic time of `clock`.
    pub fn new(inner: T, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let budget = Budget::new(limits, clock.monotonic());
        Storm { inner, budget, clock, suppressed: 0 }
    }
}

impl<T: Trigger> Trigger for Storm<T> {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        let begun = self.clock.monotonic();
        let mut left = deadline;
        loop {
            let Some(fired) = self.inner.wait(left)? else { return Ok(None) };
            let now = self.clock.monotonic();
            self.suppressed = self.suppressed.saturating_add(fired.suppressed);
            if self.budget.admit(now) {
                return Ok(Some(Triggered { suppressed: std::mem::take(&mut self.suppressed), ..fired }));
            }
            self.suppressed = self.suppressed.saturating_add(1);
            left = deadline.saturating_sub(now.saturating_sub(begun));
            if left.is_zero() || self.inner.exhausted() {
                return Ok(None);
            }
        }
    }

    fn exhausted(&self) -> bool {
        self.inner.exhausted()
    }

    fn silent_for(&self) -> Option<Duration> {
        self.inner.silent_for()
    }

    fn take_suppressed(&mut self) -> u32 {
        self.inner.take_suppressed().saturating_add(std::mem::take(&mut self.suppressed))
    }

    fn spent(&self) -> Vec<Spent> {
        let mut spent = self.inner.spent();
        spent.push(self.budget.spent(SENSOR, self.clock.monotonic()));
        spent
    }

    fn recall(&mut self, spent: &[Spent], passed: Duration, cut_short: bool) {
        self.inner.recall(spent, passed, cut_short);
        if let Some(ours) = spent.iter().find(|spent| spent.name == SENSOR) {
            self.budget.recall(ours, passed, cut_short, self.clock.monotonic());
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::hal::Source;
    use crate::units::ClockQuality;

    /// A clock that is moved by hand.
    pub(in crate::drivers) struct HandClock(Mutex<(Duration, DateTime<Utc>)>);

    impl HandClock {
        pub(in crate::drivers) fn at(utc: &str) -> Arc<Self> {
            Arc::new(HandClock(Mutex::new((Duration::ZERO, utc.parse().unwrap()))))
        }

        pub(in crate::drivers) fn pass(&self, time: Duration) {
            let mut now = self.0.lock().unwrap();
            *now = (now.0 + time, now.1 + time);
        }

        /// Sets the time of day, as a correction does.
        pub(in crate::drivers) fn shift(&self, by: TimeDelta) {
            self.0.lock().unwrap().1 += by;
        }
    }

    impl Clock for HandClock {
        fn monotonic(&self) -> Duration {
            self.0.lock().unwrap().0
        }

        fn utc(&self) -> (DateTime<Utc>, ClockQuality) {
            (self.0.lock().unwrap().1, ClockQuality::Rtc)
        }

        fn correct(&self, _: DateTime<Utc>, _: ClockQuality) -> TimeDelta {
            TimeDelta::zero()
        }
    }

    /// Fires at seconds of its clock; a negative one: it fails from the start.
    pub(in crate::drivers) struct Scripted {
        at: VecDeque<i32>,
        source: Source,
        clock: Arc<HandClock>,
    }

    impl Scripted {
        pub(in crate::drivers) fn new(at: &[i32], source: Source, clock: Arc<HandClock>) -> Self {
            Scripted { at: at.iter().copied().collect(), source, clock }
        }
    }

    impl Trigger for Scripted {
        fn wait(&mut self, _: Duration) -> Result<Option<Triggered>, DeviceError> {
            let Some(&next) = self.at.front() else { return Ok(None) };
            let Ok(next) = u64::try_from(next) else {
                let told = |text: &str| text.to_owned();
                return Err(DeviceError { device: told("pir"), what: told("dead"), cure: told("replace") });
            };
            if self.clock.monotonic().as_secs() < next {
                return Ok(None);
            }
            self.at.pop_front();
            Ok(Some(Triggered { at: self.clock.utc().0, source: self.source, detail: None, suppressed: 0 }))
        }
    }

    const LIMITS: Limits = Limits {
        per_hour: 60,
        at_once: 3,
        cool_down: Duration::from_secs(2),
        cool_down_max: Duration::from_secs(60),
        sample_every: Duration::from_secs(300),
    };

    fn given(at: &[i32], limits: Limits) -> (Vec<u64>, u32) {
        let clock = HandClock::at("2026-05-20T00:00:00Z");
        let last = *at.last().unwrap();
        let mut storm = Storm::new(
            Scripted::new(at, Source::Pir, clock.clone()),
            limits,
            clock.clone() as Arc<dyn Clock>,
        );
        let (mut times, mut swallowed) = (Vec::new(), 0);
        for second in 0..=last {
            if let Some(fired) = storm.wait(Duration::ZERO).unwrap() {
                times.push(second as u64);
                swallowed += fired.suppressed;
            }
            clock.pass(Duration::from_secs(1));
        }
        (times, swallowed + storm.take_suppressed())
    }

    #[test]
    fn ordinary_visits_pass_untouched() {
        let visits = [10, 200, 203, 800, 1600];
        assert_eq!(given(&visits, LIMITS), (visits.map(|t| t as u64).to_vec(), 0));
    }

    #[test]
    fn a_storm_lengthens_the_pauses_and_a_quiet_time_ends_that() {
        let mut at: Vec<i32> = (0..120).collect();
        at.extend([400, 403]);
        let (times, swallowed) = given(&at, LIMITS);
        // 2 s, then doubling: the third burst after 4, the fourth after 8 by the bucket's last token and its refill.
        assert_eq!(times[..3], [0, 2, 6]);
        let pauses: Vec<u64> = times.windows(2).map(|w| w[1] - w[0]).collect();
        assert!(pauses[..pauses.len() - 2].is_sorted(), "{pauses:?}");
        assert!(times.ends_with(&[400, 403]), "{times:?}");
        assert_eq!(times.len() as u32 + swallowed, at.len() as u32, "each trigger is given or counted");
    }

    #[test]
    fn the_budget_of_the_hour_leaves_room_for_samples() {
        // 20 an hour, 12 of them kept back for samples every 300 s, but never more than half.
        let limits = Limits { per_hour: 20, at_once: 20, cool_down_max: Duration::from_secs(2), ..LIMITS };
        let (times, _) = given(&(0..3600).collect::<Vec<_>>(), limits);
        assert_eq!(times[..10], [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
        assert_eq!(times[10..13], [318, 618, 918]);
        assert!(times.len() <= 20);
    }
}
