//! `[watchdog]`: how long each part of the daemon may go without progress before it counts as stuck.

use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;
use super::check::Ranges;

/// As written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// Seconds.
    pub pipeline_s: i64,
    /// Seconds.
    pub sender_s: i64,
}

impl Default for Raw {
    fn default() -> Self {
        Raw { pipeline_s: 600, sender_s: 1800 }
    }
}

/// Once checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watchdog {
    /// Longest time from one step of a burst (taken, judged, stored) to the next. The default leaves a network that
    /// needs 30 s per picture on the smallest board the 20 pictures that a burst may have.
    pub pipeline: Duration,
    /// Longest time for one round of the sender. The default leaves a cellular modem the time to find its network
    /// twice.
    pub sender: Duration,
}

pub(super) fn check(raw: &Raw, ranges: &Ranges<'_>) -> Result<Watchdog, ConfigError> {
    // The pipeline looks up twice a second, the sender twice a minute.
    let pipeline = ranges.whole("watchdog.pipeline_s", raw.pipeline_s, 5..=86_400)?;
    let sender = ranges.whole("watchdog.sender_s", raw.sender_s, 60..=86_400)?;
    Ok(Watchdog {
        pipeline: Duration::from_secs(pipeline.into()),
        sender: Duration::from_secs(sender.into()),
    })
}

/// The defaults of [`Raw`], written out as they are once checked.
pub(super) fn defaults() -> Watchdog {
    Watchdog { pipeline: Duration::from_secs(600), sender: Duration::from_secs(1800) }
}
