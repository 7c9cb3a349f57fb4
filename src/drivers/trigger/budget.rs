//! The rules of storm control over a series of bursts: a token bucket, a cool-down, an hour's budget, and samples.

use std::collections::VecDeque;
use std::time::Duration;

use crate::hal::Spent;

const HOUR: Duration = Duration::from_secs(3600);

/// Times here begin so long before the clock's own zero, so that those of an earlier run have a place.
const PAST: Duration = Duration::from_secs(2 * 3600);

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

/// How much of the rules is used up.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    /// Times of the bursts of the last hour.
    given: VecDeque<Duration>,
    /// Bursts in the bucket, in thousandths.
    tokens: u64,
    filled: Duration,
    cool_down: Duration,
    /// Time of the last trigger, given or not.
    heard: Option<Duration>,
}

impl Budget {
    /// A full bucket at `now`.
    pub fn new(limits: Limits, now: Duration) -> Self {
        let tokens = u64::from(limits.at_once.max(1)) * 1000;
        let cool_down = limits.cool_down;
        Budget { limits, given: VecDeque::new(), tokens, filled: now + PAST, cool_down, heard: None }
    }

    /// What is used up at `now`, in the name of `name`.
    pub fn spent(&self, name: &str, now: Duration) -> Spent {
        let now = now + PAST;
        let age = |at: Duration| millis(now.saturating_sub(at));
        let given = self.given.iter().copied().filter(|at| *at + HOUR > now).map(age).collect();
        // What has dripped into the bucket since it was filled is not used up.
        let most = u64::from(self.limits.at_once.max(1)) * 1000;
        let dripped = millis(now.saturating_sub(self.filled)) / 3600 * u64::from(self.limits.per_hour.max(1));
        let tokens = self.tokens.saturating_add(dripped).min(most);
        let (cool_down, heard) = (millis(self.cool_down), self.heard.map(age));
        Spent { name: name.to_owned(), given, tokens, cool_down, heard, held: 0 }
    }

    /// Takes up what an earlier run had used up `passed` before `now`. After one that was `cut_short` one burst more
    /// counts, now: it may have been what the power went out over.
    pub fn recall(&mut self, spent: &Spent, passed: Duration, cut_short: bool, now: Duration) {
        let now = now + PAST;
        let at = |age: u64| now.saturating_sub(passed.saturating_add(Duration::from_millis(age)));
        let most = u64::from(self.limits.at_once.max(1)) * 1000;
        self.given = spent.given.iter().map(|age| at(*age)).filter(|at| *at + HOUR > now).collect();
        self.tokens = spent.tokens.min(most);
        self.filled = now.saturating_sub(passed);
        self.fill(now);
        self.cool_down = Duration::from_millis(spent.cool_down)
            .clamp(self.limits.cool_down, self.limits.cool_down_max.max(self.limits.cool_down));
        self.heard = spent.heard.map(at);
        if cut_short {
            self.given.push_back(now);
            self.tokens = self.tokens.saturating_sub(1000);
        }
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
    pub fn admit(&mut self, now: Duration) -> bool {
        let now = now + PAST;
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

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
