//! A day of grass in the wind: the sensor fires ten times a second for 24 hours, and twenty animals come by. The
//! budget holds in every hour, nothing is swallowed uncounted, and the pictures of most visits are taken.
#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use trapline::drivers::trigger::{Limits, Storm};
use trapline::hal::{Clock, DeviceError, Source, Trigger, Triggered};
use trapline::units::ClockQuality;

/// 24 hours of 10 Hz.
const TICKS: u64 = 24 * 3600 * 10;
const TICK: Duration = Duration::from_millis(100);

/// As in the board profiles.
const LIMITS: Limits = Limits {
    per_hour: 120,
    at_once: 6,
    cool_down: Duration::from_secs(2),
    cool_down_max: Duration::from_secs(60),
    sample_every: Duration::from_secs(300),
};

/// Ticks of 100 ms since midnight.
struct Ticks(AtomicU64);

impl Ticks {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Clock for Ticks {
    fn monotonic(&self) -> Duration {
        TICK * u32::try_from(self.now()).unwrap()
    }

    fn utc(&self) -> (DateTime<Utc>, ClockQuality) {
        (DateTime::<Utc>::from_timestamp(1_779_235_200, 0).unwrap() + self.monotonic(), ClockQuality::Rtc)
    }

    fn correct(&self, _: DateTime<Utc>, _: ClockQuality) -> TimeDelta {
        TimeDelta::zero()
    }
}

/// Fires at each tick for which `fires` says so.
struct Sensor<F> {
    clock: Arc<Ticks>,
    fires: F,
    fired: u64,
}

impl<F: Fn(u64) -> bool + Send> Trigger for Sensor<F> {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        let most = (deadline.as_millis() / TICK.as_millis()) as u64;
        for _ in 0..most.max(1) {
            let now = self.clock.0.fetch_add(1, Ordering::SeqCst);
            if (self.fires)(now) {
                self.fired += 1;
                let at = self.clock.utc().0;
                return Ok(Some(Triggered { at, source: Source::Pir, detail: None, suppressed: 0 }));
            }
        }
        Ok(None)
    }

    fn exhausted(&self) -> bool {
        self.clock.now() >= TICKS
    }
}

/// Twenty visits over the day, (first tick, last tick): 20 to 115 s long, at odd times.
fn visits() -> Vec<(u64, u64)> {
    (0..20u64)
        .map(|n| {
            let begin = n * 43_200 + (n * 7919) % 30_000;
            (begin, begin + 200 + 50 * n)
        })
        .collect()
}

/// Ticks of the bursts, triggers in all and those swallowed.
fn day(fires: impl Fn(u64) -> bool + Send) -> (Vec<u64>, u64, u64) {
    let clock = Arc::new(Ticks(AtomicU64::new(0)));
    // The sensor is inside; what it fired is known from the outside by the same rule.
    let all = (0..TICKS).filter(|tick| fires(*tick)).count() as u64;
    let sensor = Sensor { clock: Arc::clone(&clock), fires, fired: 0 };
    let mut storm = Storm::new(sensor, LIMITS, clock.clone());
    let (mut bursts, mut swallowed) = (Vec::new(), 0);
    while !storm.exhausted() {
        if let Some(fired) = storm.wait(Duration::from_millis(500)).unwrap() {
            bursts.push(clock.now());
            swallowed += u64::from(fired.suppressed);
        }
    }
    swallowed += u64::from(storm.take_suppressed());
    (bursts, all, swallowed)
}

fn caught(bursts: &[u64]) -> Vec<(u64, u64)> {
    let hit = |(first, last): &(u64, u64)| bursts.iter().any(|b| (first..=last).contains(&b));
    visits().into_iter().filter(hit).collect()
}

/// The largest number of bursts in any hour.
fn busiest_hour(bursts: &[u64]) -> usize {
    (0..bursts.len())
        .map(|i| bursts[i..].iter().take_while(|b| **b < bursts[i] + 36_000).count())
        .max()
        .unwrap_or(0)
}

#[test]
fn a_storm_of_a_day_stays_within_the_budget_and_most_visits_are_caught() {
    let (bursts, all, swallowed) = day(|_| true);
    assert_eq!(bursts.len() as u64 + swallowed, all, "each trigger is answered or counted");
    let busiest = busiest_hour(&bursts);
    assert!(busiest <= LIMITS.per_hour as usize, "{busiest} bursts in an hour");
    let pauses = bursts.windows(2).map(|w| w[1] - w[0]);
    assert!(pauses.max().unwrap() <= 3000, "a sample each 5 minutes at least");
    // In a storm, bursts are 60 s apart at most: every visit as long as that has one.
    let caught = caught(&bursts);
    let missed: Vec<_> = visits().into_iter().filter(|v| !caught.contains(v)).collect();
    assert!(missed.iter().all(|(first, last)| last - first < 600), "{missed:?}");
    println!(
        "{} bursts of {all} triggers, {busiest} in the busiest hour; {} of 20 visits caught",
        bursts.len(),
        caught.len()
    );
    assert!(caught.len() >= 12);
}

#[test]
fn without_a_storm_every_visit_has_its_burst_at_once() {
    let visits = visits();
    let first: Vec<u64> = visits.iter().map(|(first, _)| *first).collect();
    let inside = visits.clone();
    let (bursts, ..) =
        day(move |tick| inside.iter().any(|(a, b)| (a..=b).contains(&&tick) && (tick - a) % 50 == 0));
    assert_eq!(caught(&bursts).len(), 20);
    assert!(first.iter().all(|f| bursts.contains(&(f + 1))));
}

/// A day of 10 Hz in which the trap starts anew every seven minutes: each time it knows what `kept` gives it, so long
/// after. Ticks of the bursts.
fn restarting(keeps: bool, passed: impl Fn(u64) -> Duration) -> Vec<u64> {
    let clock = Arc::new(Ticks(AtomicU64::new(0)));
    let (mut bursts, mut kept) = (Vec::new(), None);
    while clock.now() < TICKS {
        let sensor = Sensor { clock: Arc::clone(&clock), fires: |_| true, fired: 0 };
        let mut storm = Storm::new(sensor, LIMITS, clock.clone());
        if let Some((spent, at)) = kept.take().filter(|_| keeps) {
            let spent: Vec<trapline::hal::Spent> = spent;
            storm.recall(&spent, passed(clock.now() - at), true);
        }
        let until = clock.now() + 7 * 600;
        while clock.now() < until.min(TICKS) {
            if storm.wait(Duration::from_millis(500)).unwrap().is_some() {
                bursts.push(clock.now());
                // As the daemon does after each burst, through the bytes that the journal keeps.
                let bytes = serde_json::to_vec(&storm.spent()).unwrap();
                kept = Some((serde_json::from_slice(&bytes).unwrap(), clock.now()));
            }
        }
        // Half a minute to start, in which the sensor fires on.
        clock.0.fetch_add(300, Ordering::SeqCst);
    }
    bursts
}

#[test]
fn a_trap_that_starts_anew_in_a_storm_has_no_fresh_budget() {
    let spread = |bursts: &[u64]| bursts.windows(2).map(|w| w[1] - w[0]).min().unwrap();
    let whole = day(|_| true).0.len();
    let ticks = |passed: u64| TICK * u32::try_from(passed).unwrap();
    let fresh = restarting(false, ticks);
    let kept = restarting(true, ticks);
    // With a clock that was never set no time counts as passed while it starts.
    let unset = restarting(true, |_| Duration::ZERO);
    println!(
        "a day of a storm, 192 starts: {} bursts with fresh budgets, {} with kept ones, {} by an unset clock; {whole} \
         without a start",
        fresh.len(),
        kept.len(),
        unset.len()
    );
    assert!(fresh.len() > whole * 5 / 4, "each start brought a burst of bursts: {} of {whole}", fresh.len());
    for bursts in [&kept, &unset] {
        assert!(bursts.len() <= whole, "{} of {whole}", bursts.len());
        assert!(busiest_hour(bursts) <= LIMITS.per_hour as usize);
        // Samples go on all the same.
        let pauses = bursts.windows(2).map(|w| w[1] - w[0]);
        assert!(pauses.max().unwrap() <= 2 * 3000 + 300);
        assert!(spread(bursts) >= 20, "the cool-down holds over a start");
    }
}
