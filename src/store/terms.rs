//! What goes into the journal's calls and what comes out of them.

use chrono::{DateTime, TimeDelta, Utc};

use super::quarantine::Quarantined;
use super::record::Observation;
use crate::deployment::Setup;
use crate::event::{EventKey, Outcome};
use crate::units::{ClockQuality, Score};

/// DeepFaune's gap between the bursts of one sequence, seconds (its paper and API; its window offers 10).
pub const DEFAULT_GAP_SECONDS: i64 = 20;

/// Where and under which name the trap stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Name of the site or deployment; with another name the journal goes on under that one.
    pub name: String,
    /// Degrees north, WGS 84.
    pub latitude: Option<f64>,
    /// Degrees east, WGS 84.
    pub longitude: Option<f64>,
    /// Bursts whose frames are at most this far apart share a sequence.
    pub gap: TimeDelta,
    /// What else the configuration says of it.
    pub setup: Setup,
}

impl Deployment {
    /// A deployment without a position, with the default gap.
    pub fn named(name: impl Into<String>) -> Self {
        let gap = TimeDelta::seconds(DEFAULT_GAP_SECONDS);
        Deployment { name: name.into(), latitude: None, longitude: None, gap, setup: Setup::default() }
    }
}

/// The moment and circumstances of a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Time by the trap's clock.
    pub at: DateTime<Utc>,
    /// How far that clock can be trusted.
    pub clock: ClockQuality,
    /// The kernel's boot id (`/proc/sys/kernel/random/boot_id`), or empty where there is none.
    pub kernel_boot: String,
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// Number of this start, from 1.
    pub boot: u32,
    /// The journal before was damaged and stands aside.
    pub quarantined: Option<Quarantined>,
    /// Rows saved from the damaged journal.
    pub salvaged: u64,
    /// The run before this one ended without a stop: power cut, kill or crash.
    pub cut_short: bool,
    /// The last transaction before the cut was incomplete and is dropped: as a rule a burst that was not yet
    /// acknowledged. (A card that lost bits of the very last burst looks the same.)
    pub torn: bool,
    /// The card was so full that the reserve had to be given up to open.
    pub reserve_used: bool,
}

/// What recording a burst gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Names the burst for ever.
    pub key: EventKey,
    /// The sequence it belongs to.
    pub sequence: u64,
    /// True where the sequence had bursts before: its label is then to be recomputed from all its frames and
    /// given to [`super::Journal::update_sequence`].
    pub joined: bool,
    /// Keys of the events queued for sending, in the order of the observations; the first is `key`.
    pub events: Vec<EventKey>,
    /// The card was full: the reserve was given up for this burst.
    pub reserve_used: bool,
}

/// What an effort row marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EffortKind {
    /// The watch began; written by [`super::Journal::open`], and after a rest.
    Start,
    /// The watch goes on; once an hour.
    Heartbeat,
    /// The watch ended in order.
    Stop,
    /// The machine went off in order and its sensor stands watch alone: it switches the machine on when something
    /// moves, and an alarm does in any case, at most [`HANDED_OVER`] later.
    Handover,
}

/// A trap that was handed over to its sensor starts again within this time, seconds: a day, the longest that its alarm
/// is set to, and an hour. One that comes later was without power in between.
pub const HANDED_OVER: i64 = 25 * 3600;

impl EffortKind {
    /// The name used in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            EffortKind::Start => "start",
            EffortKind::Heartbeat => "heartbeat",
            EffortKind::Stop => "stop",
            EffortKind::Handover => "handover",
        }
    }

    /// The inverse of [`EffortKind::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        let all = [EffortKind::Start, EffortKind::Heartbeat, EffortKind::Stop, EffortKind::Handover];
        all.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What the trap did since the effort row before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Effort {
    /// Triggers that led to a burst or an attempt at one.
    pub triggers: u32,
    /// Bursts judged.
    pub bursts: u32,
    /// Bursts that were empty.
    pub empties: u32,
    /// Triggers swallowed by storm control.
    pub suppressed: u32,
    /// Bursts that the camera did not give.
    pub failed_captures: u32,
}

/// The judgement over all frames of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceVerdict {
    /// What the sequence turned out to be.
    pub outcome: Outcome,
    /// Calibrated probability that something living is in it.
    pub probability: Score,
    /// What was seen over the sequence.
    pub observations: Vec<Observation>,
}
