//! One uplink as the sender sees it: what it may carry when, and what it carried.

use std::collections::HashSet;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::airtime::{Band, Law, Limit, Micros, Region, time_on_air, wait};
use crate::event::wire::FRAME_MAX;
use crate::hal::{Form, Uplink, UplinkError};
use crate::store::{AirLog, JournalError, Outbox};

/// First pause after a failure, and the longest: an hour keeps a dead link from draining the battery.
const PAUSES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3600));

/// How long a link's longest packet is taken for granted: adaptive data rate moves over hours.
const ASK_AGAIN: Duration = Duration::from_secs(3600);

/// From asking the modem to the end of the packet: a modem may hold it for a receive window and a retry.
const SLACK_US: Micros = 30_000_000;

/// What an uplink on the air must pay.
#[derive(Debug, Clone)]
pub struct Toll {
    /// The law of the place.
    pub region: Region,
    /// All limits that hold.
    pub limits: Vec<Limit>,
}

/// What went by an uplink since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carried {
    /// Parcels.
    pub parcels: u64,
    /// Events in them.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Time on air, microseconds.
    pub airtime: Micros,
    /// Attempts that failed.
    pub failures: u64,
}

/// One uplink.
pub struct Channel {
    pub(super) uplink: Box<dyn Uplink>,
    pub(super) toll: Option<Toll>,
    /// Ask the network to acknowledge alerts.
    pub(super) confirm: bool,
    pub(super) carried: Carried,
    pub(super) not_before: Duration,
    pub(super) refused: HashSet<String>,
    /// The longest packet that the link took when it was last asked, and when that was.
    longest: Option<(usize, Duration)>,
    /// The pause is for a failure, not for the law.
    failing: bool,
    pauses: ExponentialBackoff,
}

impl Channel {
    /// Wraps an uplink; `toll` for those on the air.
    pub fn new(uplink: Box<dyn Uplink>, toll: Option<Toll>, confirm: bool) -> Self {
        Channel {
            uplink,
            toll,
            confirm,
            carried: Carried::default(),
            not_before: Duration::ZERO,
            refused: HashSet::new(),
            longest: None,
            failing: false,
            pauses: pauses(),
        }
    }

    /// Whether a route allows it.
    pub(super) fn may_carry(&self, uplinks: &[String]) -> bool {
        uplinks.is_empty() || uplinks.iter().any(|name| name == self.uplink.name())
    }

    pub(super) fn is_packets(&self) -> bool {
        self.uplink.form() == Form::Packet
    }

    /// Something went: pauses start small again.
    pub(super) fn went(&mut self) {
        self.pauses = pauses();
        self.failing = false;
    }

    /// The link said how long a packet it takes now.
    pub(super) fn took(&mut self, max: usize, up: Duration) {
        self.longest = Some((max, up));
    }

    /// The longest packet that is worth waking the link for: what it took last, until it is time to ask again.
    pub(super) fn room(&self, up: Duration) -> usize {
        self.longest.filter(|(_, at)| up.saturating_sub(*at) < ASK_AGAIN).map_or(usize::MAX, |(max, _)| max)
    }

    /// An alert came in: a link that failed is tried again at once. The law's pauses stand.
    pub(super) fn hurry(&mut self, up: Duration) {
        if self.failing && self.not_before > up {
            self.not_before = up;
        }
    }

    /// Something did not go; says when to try again.
    pub(super) fn failed(&mut self, error: &UplinkError, up: Duration) {
        self.failing = !matches!(error, UplinkError::Wait(_));
        let pause = match error {
            UplinkError::Wait(pause) => *pause,
            _ => {
                self.carried.failures += 1;
                self.pauses.next().unwrap_or(PAUSES.1)
            }
        };
        log::warn!("{}: {error}; again in {} s", self.uplink.name(), pause.as_secs());
        self.not_before = up + pause;
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(PAUSES.0)
        .with_max_delay(PAUSES.1)
        .without_max_times()
        .build()
}

/// The pause that the law asks for before a packet of `bytes`; `Ok` once its time on air is in the journal.
pub(super) fn pay(
    toll: &Toll,
    outbox: &mut Outbox,
    data_rate: u8,
    bytes: usize,
    now: &AirLog,
) -> Result<Result<Micros, Duration>, JournalError> {
    let Some(cost) = time_on_air(toll.region, data_rate, bytes.min(FRAME_MAX)) else {
        return Ok(Err(PAUSES.1));
    };
    let law = Law { limits: &toll.limits, slack: SLACK_US };
    let entries = outbox.on_air(now)?;
    match wait(&law, &entries, &now.now(), Band::Any, cost) {
        None => Ok(Err(PAUSES.1)),
        Some(pause) if pause > Duration::ZERO => Ok(Err(pause)),
        Some(_) => {
            outbox.go_on_air(now, Band::Any, cost)?;
            Ok(Ok(cost))
        }
    }
}
