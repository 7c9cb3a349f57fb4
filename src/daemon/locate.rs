//! Place and time by satellite: when the receiver is asked, and what becomes of its word.
//!
//! It is asked at most once in `every`, over restarts too, so that it costs little energy; while the clock was never set,
//! at every start. Its time corrects the trap's own idea of the time, and never the system's clock. Its place becomes the
//! deployment's where nobody said one. What is uncommon is told in the journal: a first place, a trap that was carried, a
//! receiver that finds nothing.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::power::Shedding;
use crate::hal::{Clock, DeviceError, Fix, Locator, Place};
use crate::store::{Happening, JournalError, Located, Outbox, Reader};
use crate::units::ClockQuality;

/// Counter of attempts without a fix, whatever the reason.
pub const WITHOUT_FIX: &str = "gps.without_fix";

/// Under this name the journal keeps the last fix.
const LAST: &str = "gps.last";

/// Under this name the journal keeps the last attempt without a fix; nothing is there once one was found again.
const MISSED: &str = "gps.missed";

/// The receiver is listened to so long in one go, so that a wish to stop is noticed.
const GLANCE: Duration = Duration::from_millis(500);

/// While the battery is low, so long until the next look whether it still is.
const LATER: Duration = Duration::from_secs(600);

/// A network's time and a receiver's that differ by more are told: a network's is right to a second, and so is a
/// receiver's but for its leap seconds, of which it may miss some in its first minutes.
const APART: TimeDelta = TimeDelta::seconds(30);

/// Metres of a degree of latitude: the Earth's mean circumference, 40,030 km, over 360.
const METRES: f64 = 111_195.0;

/// How far a receiver's first fix may be off, metres (assumed: under trees, some ten metres and more).
const ERROR_M: f64 = 50.0;

/// A place that somebody said and one farther than this from it are not the same, metres.
const FAR_M: f64 = 1000.0;

/// How the receiver is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// From a fix to the next.
    pub every: Duration,
    /// Longest time that a fix is waited for.
    pub wait: Duration,
    /// After an attempt that failed, so long until the next.
    pub again: Duration,
    /// Decimal places of the degrees that the receiver tells.
    pub decimals: u8,
}

/// The last fix, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Last {
    /// The deployment's name.
    pub deployment: String,
    /// When, seconds since 1970.
    pub at: i64,
    /// Degrees north and east, rounded.
    pub place: Option<(f64, f64)>,
}

impl Last {
    /// What `outbox` keeps; bytes that cannot be read count as nothing.
    fn of(outbox: &Outbox) -> Result<Option<Last>, JournalError> {
        Ok(outbox.state(LAST)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Where the last fix found `deployment`, by its journal's `outbox`.
    pub fn place(outbox: &Outbox, deployment: &str) -> Option<(f64, f64)> {
        let last = Last::of(outbox).ok().flatten()?;
        last.place.filter(|_| last.deployment == deployment)
    }
}

/// The last attempt, where it found nothing, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// The deployment's name.
    pub deployment: String,
    /// When it ended, seconds since 1970; `None`: the clock was not set.
    pub at: Option<i64>,
    /// Why there was none.
    pub why: String,
}

/// What is known of the receiver, for people.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Word {
    /// The last fix.
    pub last: Option<Last>,
    /// The attempt after it that found nothing.
    pub missed: Option<Missed>,
}

impl Word {
    /// What the journal behind `reader` knows of the receiver of `deployment`; bytes that cannot be read count as nothing.
    pub fn of(reader: &Reader, deployment: &str) -> Result<Word, JournalError> {
        let last: Option<Last> = reader.state(LAST)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let missed: Option<Missed> =
            reader.state(MISSED)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(Word {
            last: last.filter(|last| last.deployment == deployment),
            missed: missed.filter(|missed| missed.deployment == deployment),
        })
    }
}

/// What is around it.
pub struct Around {
    /// Tells the time, and is corrected.
    pub clock: Arc<dyn Clock>,
    /// The journal, by a connection of its own.
    pub outbox: Outbox,
    /// Whether the battery is low.
    pub shedding: Arc<Shedding>,
    /// Number of this start.
    pub boot: u32,
    /// The deployment's name.
    pub deployment: String,
    /// Told of every place that is found.
    pub place: Place,
}

/// Asks the receiver.
pub struct Whereabouts {
    locator: Box<dyn Locator>,
    plan: Plan,
    around: Around,
    /// Monotonic: when it is asked next, and since when it is being asked.
    next: Duration,
    since: Option<Duration>,
    /// It found nothing last time.
    fails: bool,
    elsewhere_told: bool,
    apart_told: bool,
}

impl Whereabouts {
    /// Asks `locator` by `plan`; the first time at once where the clock was never set or the last fix is older than
    /// that.
    pub fn new(locator: Box<dyn Locator>, plan: Plan, around: Around) -> Result<Whereabouts, JournalError> {
        let (utc, quality) = around.clock.utc();
        let last = Last::of(&around.outbox)?.filter(|last| last.deployment == around.deployment);
        let age = last.and_then(|last| u64::try_from(utc.timestamp().checked_sub(last.at)?).ok());
        let wait = match age {
            Some(age) if quality != ClockQuality::Unset => {
                plan.every.saturating_sub(Duration::from_secs(age))
            }
            _ => Duration::ZERO,
        };
        let next = around.clock.monotonic() + wait;
        let (fails, elsewhere_told, apart_told) = (false, false, false);
        Ok(Whereabouts { locator, plan, around, next, since: None, fails, elsewhere_told, apart_told })
    }

    /// Does what is due, for half a second at most; gives how long nothing is.
    pub fn step(&mut self) -> Result<Duration, JournalError> {
        let now = self.around.clock.monotonic();
        if now < self.next {
            return Ok(self.next - now);
        }
        let unset = self.around.clock.utc().1 == ClockQuality::Unset;
        if self.since.is_none() && self.around.shedding.uplink() && !unset {
            return Ok(LATER);
        }
        let since = *self.since.get_or_insert(now);
        match self.locator.fix(GLANCE) {
            Ok(Some(fix)) => {
                self.ends(self.plan.every);
                self.found(&fix)?;
            }
            Ok(None) if self.around.clock.monotonic().saturating_sub(since) >= self.plan.wait => {
                self.ends(self.plan.again);
                let (sky, wait) = (self.locator.sky(), self.plan.wait.as_secs());
                let used =
                    sky.satellites.map_or("no satellite told".to_owned(), |n| format!("{n} satellites used"));
                let text = format!("no fix in {wait} s: {used}, {} sentences damaged", sky.damaged);
                self.nothing(&text)?;
            }
            Ok(None) => {}
            Err(fault) => {
                self.ends(self.plan.again);
                self.failed(&fault)?;
            }
        }
        Ok(Duration::ZERO)
    }

    /// The attempt is over; the next is `after` from now.
    fn ends(&mut self, after: Duration) {
        self.since = None;
        self.next = self.around.clock.monotonic() + after;
        self.locator.rest();
    }

    fn failed(&mut self, fault: &DeviceError) -> Result<(), JournalError> {
        self.nothing(&fault.to_string())
    }

    /// Counted each time, told once.
    fn nothing(&mut self, why: &str) -> Result<(), JournalError> {
        self.around.outbox.count(WITHOUT_FIX, 1)?;
        let (utc, quality) = self.around.clock.utc();
        let at = (quality != ClockQuality::Unset).then(|| utc.timestamp());
        let missed = Missed { deployment: self.around.deployment.clone(), at, why: why.to_owned() };
        if let Ok(bytes) = serde_json::to_vec(&missed) {
            self.around.outbox.put_state(MISSED, &bytes)?;
        }
        if std::mem::replace(&mut self.fails, true) {
            return Ok(());
        }
        log::warn!("{why}");
        self.tell("gps", why)
    }

    fn tell(&mut self, kind: &str, text: &str) -> Result<(), JournalError> {
        let (at, clock) = self.around.clock.utc();
        let boot = self.around.boot;
        self.around.outbox.happened(&Happening {
            boot,
            at,
            clock,
            kind: kind.to_owned(),
            text: text.to_owned(),
        })
    }

    fn found(&mut self, fix: &Fix) -> Result<(), JournalError> {
        // Before the journal, which a full card may keep from taking it.
        if let Some(place) = fix.place {
            self.around.place.find(place);
        }
        self.take_time(fix.utc)?;
        if self.around.outbox.state(MISSED)?.is_some_and(|missed| !missed.is_empty()) {
            self.around.outbox.put_state(MISSED, &[])?;
        }
        if std::mem::replace(&mut self.fails, false) {
            self.tell("gps", "the satellite receiver has a fix again")?;
        }
        let Some(place) = fix.place else { return Ok(()) };
        let last =
            Last { deployment: self.around.deployment.clone(), at: fix.utc.timestamp(), place: Some(place) };
        let step = 10f64.powi(-i32::from(self.plan.decimals));
        // Half the diagonal of a square of that size, at the equator.
        let uncertainty = (METRES * step * 0.71 + ERROR_M).ceil();
        // A place near the border between two roundings goes to and fro.
        let within = (1.5 * step).max(2.0 * ERROR_M / METRES);
        let boot = self.around.boot;
        let located = self.around.outbox.located(boot, place, within, uncertainty as u32, fix.utc)?;
        self.placed(place, &located)?;
        if let Ok(bytes) = serde_json::to_vec(&last) {
            self.around.outbox.put_state(LAST, &bytes)?;
        }
        Ok(())
    }

    /// The trap's time is corrected, unless a network keeps it.
    fn take_time(&mut self, utc: DateTime<Utc>) -> Result<(), JournalError> {
        let (told, quality) = self.around.clock.utc();
        let behind = utc - told;
        if quality == ClockQuality::Network {
            if behind.abs() > APART && !std::mem::replace(&mut self.apart_told, true) {
                let text = format!(
                    "the satellite receiver says {}, {} s from the network's time, which is kept",
                    utc.format("%Y-%m-%dT%H:%M:%SZ"),
                    behind.num_seconds()
                );
                log::warn!("clock: {text}");
                self.tell("clock", &text)?;
            }
            return Ok(());
        }
        self.around.clock.correct(utc, ClockQuality::Gps);
        log::info!("clock: by satellite, it was {:.1} s behind", behind.as_seconds_f64());
        Ok(())
    }

    fn placed(&mut self, place: (f64, f64), located: &Located) -> Result<(), JournalError> {
        let shown = shown(place, self.plan.decimals);
        let text = match located {
            Located::Same => return Ok(()),
            Located::First => format!("the deployment's place is {shown}, by satellite: nobody had said one"),
            Located::Moved { from } => format!(
                "the trap was carried {} m: its place is {shown}, by satellite; give it another site.name if this is \
                 another deployment",
                metres(*from, place)
            ),
            Located::Elsewhere { from, source } => {
                let apart = metres(*from, place);
                if f64::from(apart) < FAR_M || std::mem::replace(&mut self.elsewhere_told, true) {
                    return Ok(());
                }
                format!("the receiver finds the trap {apart} m from where the {source} says, at {shown}")
            }
        };
        log::warn!("{text}");
        self.tell("place", &text)
    }

    /// Leaves the receiver without power.
    pub fn rest(&mut self) {
        self.locator.rest();
    }
}

/// A place for people.
fn shown((north, east): (f64, f64), decimals: u8) -> String {
    let places = usize::from(decimals);
    let (ns, ew) = (if north < 0.0 { "S" } else { "N" }, if east < 0.0 { "W" } else { "E" });
    format!("{:.places$} {ns} {:.places$} {ew}", north.abs(), east.abs())
}

/// Metres between two places, on a plane: good for those that are near each other.
fn metres(one: (f64, f64), other: (f64, f64)) -> u32 {
    let north = (one.0 - other.0) * METRES;
    let turned = (one.1 - other.1).abs();
    let east = turned.min(360.0 - turned) * METRES * one.0.to_radians().cos();
    north.hypot(east).round() as u32
}

#[cfg(test)]
mod tests;
