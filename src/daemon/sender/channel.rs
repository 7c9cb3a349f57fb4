//! One uplink as the sender sees it: what it may carry when, and what it carried.

use std::collections::HashSet;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use serde::{Deserialize, Serialize};

use crate::airtime::{Band, Entry, Law, Limit, Micros, Now, Region, time_on_air, wait};
use crate::event::wire::FRAME_MAX;
use crate::hal::{Form, Link, NetworkTime, Uplink, UplinkError};
use crate::store::{AirLog, JournalError, Outbox};
use crate::units::ClockQuality;

/// First pause after a failure, and the longest: an hour keeps a dead link from draining the battery.
const PAUSES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3600));

/// How long a link's longest packet is taken for granted: adaptive data rate moves over hours.
const ASK_AGAIN: Duration = Duration::from_secs(3600);

/// From asking the modem to the end of the packet: a modem may hold it for a receive window and a retry.
const SLACK_US: Micros = 30_000_000;

/// Time to bring a link up: a cellular modem needs a minute to find its network.
const READY: Duration = Duration::from_secs(90);

/// Time for an answer of the modem about the time; nothing goes over the air for it.
const ASK_TIME: Duration = Duration::from_secs(5);

/// The network's time is asked for once a day: a crystal of 20 ppm drifts 1.7 s in it.
const TIME_EACH: Duration = Duration::from_secs(24 * 3600);

/// Between two questions that were not answered, with a clock that was never set and with one that was.
const TIME_AGAIN: (Duration, Duration) = (Duration::from_secs(600), Duration::from_secs(6 * 3600));

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

/// Under this name the journal keeps when acknowledgements were asked for.
const CONFIRMED: &str = "sender.confirmed";

/// When an acknowledgement was asked for, as [`Now`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Asked {
    boot: u64,
    up: Micros,
    utc: Option<u64>,
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
    /// It rests between the times it is needed.
    rests: bool,
    /// Most acknowledgements that it may ask for in a day.
    confirmations: Option<u32>,
    /// When the network's time is asked for next; parcels carried when it was asked for last, without an answer yet.
    time_due: Duration,
    time_asked: Option<u64>,
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
            rests: false,
            confirmations: None,
            time_due: Duration::ZERO,
            time_asked: None,
        }
    }

    /// It rests whenever there is nothing to send: a modem that sleeps and is woken by the next parcel.
    pub fn resting(mut self) -> Self {
        self.rests = true;
        self
    }

    /// The uplink itself, for who only asks it something.
    pub fn uplink(&mut self) -> &mut dyn Uplink {
        &mut *self.uplink
    }

    /// Brings the link up. What that puts on the air by itself (a join request) is paid first.
    pub fn ready(
        &mut self,
        outbox: &mut Outbox,
        now: &AirLog,
    ) -> Result<Result<Link, UplinkError>, JournalError> {
        for _ in 0..2 {
            if let (Some(dues), Some(toll)) = (self.uplink.dues(), &self.toll) {
                match pay(toll, outbox, dues.data_rate, dues.bytes, now)? {
                    Ok(airtime) => self.carried.airtime += airtime,
                    Err(pause) => return Ok(Err(UplinkError::Wait(pause))),
                }
            }
            match self.uplink.ready(READY) {
                Err(UplinkError::Unpaid) => {}
                answer => return Ok(answer),
            }
        }
        Ok(Err(UplinkError::Unpaid))
    }

    /// Asks the network for its time where that is due: before a parcel, when the link was just brought up
    /// (`before`), and after it for the answer. A clock set by satellites is better.
    pub(super) fn time(&mut self, before: bool, up: Duration, quality: ClockQuality) -> Option<NetworkTime> {
        let asked = self.time_asked.take_if(|parcels| *parcels < self.carried.parcels);
        let due = asked.is_some() || (before && self.time_asked.is_none());
        if !due || up < self.time_due || quality == ClockQuality::Gps {
            return None;
        }
        let again = if quality == ClockQuality::Unset { TIME_AGAIN.0 } else { TIME_AGAIN.1 };
        match self.uplink.network_time(ASK_TIME) {
            Ok(Some(time)) => {
                self.time_due = up + TIME_EACH;
                return Some(time);
            }
            // A parcel took the question along, and no answer came.
            Ok(None) if asked.is_some() => self.time_due = up + again,
            Ok(None) => self.time_asked = Some(self.carried.parcels),
            Err(error) => {
                log::debug!("{}: the network's time was not asked for: {error}", self.uplink.name());
                self.time_due = up + again;
            }
        }
        None
    }

    /// Lets it rest, where it does.
    pub(super) fn rest(&mut self) {
        if self.rests {
            self.uplink.rest();
        }
    }

    /// Asks for at most so many acknowledgements in any day: each costs the network a downlink.
    pub fn confirming_at_most(mut self, most: Option<u32>) -> Self {
        self.confirmations = most;
        self
    }

    /// Whether a parcel that wants an acknowledgement may ask for it now. Written down as asked before this returns true.
    pub(super) fn may_confirm(&self, outbox: &mut Outbox, now: &AirLog) -> Result<bool, JournalError> {
        let Some(most) = self.confirmations else { return Ok(true) };
        let now = now.now();
        let asked =
            outbox.state(CONFIRMED)?.and_then(|bytes| serde_json::from_slice::<Vec<Asked>>(&bytes).ok());
        let mut asked = asked.unwrap_or_default();
        let entry = |Asked { boot, up, utc }| Entry { at: Now { boot, up, utc }, band: Band::Any, micros: 1 };
        asked.retain(|asked| entry(*asked).age(&now) < Limit::FAIR_USE.window);
        let law = Law { limits: &[Limit { budget: most.into(), ..Limit::FAIR_USE }], slack: 0 };
        let entries: Vec<Entry> = asked.iter().copied().map(entry).collect();
        if wait(&law, &entries, &now, Band::Any, 1) != Some(Duration::ZERO) {
            return Ok(false);
        }
        asked.push(Asked { boot: now.boot, up: now.up, utc: now.utc });
        match serde_json::to_vec(&asked) {
            Ok(bytes) => outbox.put_state(CONFIRMED, &bytes).map(|()| true),
            Err(error) => {
                log::error!("{CONFIRMED} is not kept: {error}");
                Ok(false)
            }
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
