//! How full the battery is, in three steps with hysteresis, so that a burst or a cloud changes nothing.

use std::time::Duration;

use crate::config::power::Power;

/// How full the battery is, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Nothing is given up.
    #[default]
    Full,
    /// What can wait is given up.
    Low,
    /// The machine sleeps.
    Critical,
}

impl Level {
    /// Its name in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Full => "full",
            Level::Low => "low",
            Level::Critical => "critical",
        }
    }

    /// The inverse of [`Level::as_str`].
    pub fn parse(name: &str) -> Option<Level> {
        [Level::Full, Level::Low, Level::Critical].into_iter().find(|level| level.as_str() == name)
    }
}

/// The level that a battery is at, reading by reading.
#[derive(Debug, Clone, Default)]
pub struct Battery {
    level: Level,
    /// The level it is on its way to, and since when (monotonic).
    pending: Option<(Level, Duration)>,
}

impl Battery {
    /// At the level where it was left.
    pub fn at(level: Level) -> Battery {
        Battery { level, pending: None }
    }

    /// Its level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether it is on its way to another level: what is pending would be forgotten by a machine that goes off.
    pub fn changing(&self) -> bool {
        self.pending.is_some()
    }

    /// Takes a reading at `now` (monotonic) and gives the new level where it changes. An unknown reading changes
    /// nothing: it is no proof of an empty battery, and none of a full one.
    pub fn read(&mut self, percent: Option<u8>, now: Duration, plan: &Power) -> Option<Level> {
        let percent = percent?;
        let wanted = self.wanted(percent, plan);
        if wanted == self.level {
            self.pending = None;
            return None;
        }
        // On its way further in the same direction goes on counting: from full through low to critical.
        let same_way = |level: Level| (level > self.level) == (wanted > self.level);
        let since = match self.pending {
            Some((level, since)) if same_way(level) => since,
            _ => now,
        };
        self.pending = Some((wanted, since));
        if now.saturating_sub(since) < plan.settle {
            return None;
        }
        (self.level, self.pending) = (wanted, None);
        Some(wanted)
    }

    /// The level that `percent` speaks for, from where it is.
    fn wanted(&self, percent: u8, plan: &Power) -> Level {
        let below = |threshold: u8, level: Level| {
            let leaves =
                if self.level >= level { threshold.saturating_add(plan.rise).min(100) } else { threshold };
            threshold > 0 && percent < leaves
        };
        if below(plan.critical, Level::Critical) {
            Level::Critical
        } else if below(plan.low, Level::Low) {
            Level::Low
        } else {
            Level::Full
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The levels after readings ten minutes apart.
    fn levels(readings: &[i32]) -> Vec<&'static str> {
        let plan = Power { settle: Duration::from_secs(1200), ..Power::default() };
        let mut battery = Battery::default();
        (0u64..)
            .zip(readings)
            .map(|(n, reading)| {
                battery.read(u8::try_from(*reading).ok(), Duration::from_secs(600 * n), &plan);
                battery.level().as_str()
            })
            .collect()
    }

    #[test]
    fn a_threshold_must_be_passed_for_a_while() {
        assert_eq!(levels(&[50, 25, 25, 25]), ["full", "full", "full", "low"]);
        assert_eq!(levels(&[50, 25, 31, 25, 25]), ["full"; 5], "a dip does not count");
    }

    #[test]
    fn a_level_is_left_above_its_threshold_only() {
        let down_and_up = levels(&[25, 25, 25, 35, 35, 35, 35, 40, 40, 40]);
        assert_eq!(down_and_up[2..], ["low", "low", "low", "low", "low", "low", "low", "full"]);
        let deep = levels(&[5, 5, 5, 15, 15, 15, 20, 20, 20]);
        assert_eq!(
            deep[2..],
            ["critical", "critical", "critical", "critical", "critical", "critical", "low"]
        );
    }

    #[test]
    fn what_is_not_known_changes_nothing() {
        assert_eq!(levels(&[50, -1, -1, -1, -1]), ["full"; 5]);
        assert_eq!(levels(&[25, 25, 25, -1, -1])[2..], ["low"; 3]);
        // Unknown readings in between do not start the wait anew.
        assert_eq!(levels(&[25, -1, 25]), ["full", "full", "low"]);
    }
}
