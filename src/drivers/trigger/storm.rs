//! Keeps grass in the wind and a sensor in the sun from emptying the battery: a budget over any trigger.
//!
//! Four rules, each with a key in the board profile. A token bucket lets a few bursts through at once. A cool-down
//! after each burst doubles while triggers keep coming and falls back after a pause. No sliding hour has more bursts
//! than the budget. However full the hour is, one trigger per sample interval goes on as long as the budget lasts: a
//! part of the budget is kept back for these samples. What is swallowed is counted, for it is effort.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::hal::{Clock, DeviceError, Trigger, Triggered};

const HOUR: Duration = Duration::from_secs(3600);

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bursts in any hour, 1 at least.
    pub per_hour: u32,
    /// Bursts that may come at once after a quiet time, 1 at least.
    pub at_once: u32,
    /// Pause after a burst.
    pub cool_down: Duration,
    /// Longest pause that a storm can bring about.
    pub cool_down_max: Duration,
    /// One trigger in so long goes on in any case; zero: none does.
    pub sample_every: Duration,
}

/// A trigger with a budget.
pub struct Storm<T> {
    inner: T,
    limits: Limits,
    clock: Arc<dyn Clock>,
    /// Times of the bursts of the last hour.
    given: VecDeque<Duration>,
    /// Bursts in the bucket, in thousandths.
    tokens: u64,
    filled: Duration,
    cool_down: Duration,
    /// Time of the last trigger, given or not.
    heard: Option<Duration>,
    suppressed: u32,
}

impl<T: Trigger> Storm<T> {
    /// `inner` within `limits`, by the monotonic time of `clock`.
    pub fn new(inner: T, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let filled = clock.monotonic();
        let tokens = u64::from(limits.at_once.max(1)) * 1000;
        let cool_down = limits.cool_down;
        let given = VecDeque::new();
        Storm { inner, limits, clock, given, tokens, filled, cool_down, heard: None, suppressed: 0 }
    }

    /// Puts into the bucket what the hours' budget has given since.
    fn fill(&mut self, now: Duration) {
        let per_hour = u64::from(self.limits.per_hour.max(1));
        let passed = u64::try_from(now.saturating_sub(self.filled).as_millis()).unwrap_or(u64::MAX);
        // `per_hour` bursts in 3 600 000 ms are `per_hour` thousandths of a burst in 3 600 ms.
        let steps = passed / 3600;
        let most = u64::from(self.limits.at_once.max(1)) * 1000;
        self.tokens = steps.saturating_mul(per_hour).saturating_add(self.tokens).min(most);
        self.filled += Duration::from_millis(steps * 3600);
    }

    /// Bursts of an hour that only samples may use, half the budget at most.
    fn kept_back(&self) -> usize {
        let every = self.limits.sample_every.as_secs();
        let samples = if every == 0 { 0 } else { HOUR.as_secs().div_ceil(every) };
        usize::try_from(samples.min(u64::from(self.limits.per_hour / 2))).unwrap_or(usize::MAX)
    }

    /// Whether a trigger at `now` goes on.
    fn admit(&mut self, now: Duration) -> bool {
        self.fill(now);
        while self.given.front().is_some_and(|at| *at + HOUR <= now) {
            self.given.pop_front();
        }
        let quiet = self.heard.replace(now).is_none_or(|heard| now.saturating_sub(heard) >= self.cool_down);
        let since = self.given.back().map(|at| now.saturating_sub(*at));
        let budget = usize::try_from(self.limits.per_hour).unwrap_or(usize::MAX).max(1);
        let cool = since.is_none_or(|since| since >= self.cool_down);
        let ordinary =
            cool && self.tokens >= 1000 && self.given.len() < budget.saturating_sub(self.kept_back()).max(1);
        let sample = !self.limits.sample_every.is_zero()
            && since.is_none_or(|since| since >= self.limits.sample_every)
            && self.given.len() < budget;
        if !ordinary && !sample {
            return false;
        }
        self.tokens = self.tokens.saturating_sub(1000);
        self.given.push_back(now);
        self.cool_down = match quiet {
            true => self.limits.cool_down,
            false => (self.cool_down * 2).clamp(self.limits.cool_down, self.limits.cool_down_max),
        };
        true
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
            if self.admit(now) {
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
}

#[cfg(test)]
pub(super) mod tests {
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
