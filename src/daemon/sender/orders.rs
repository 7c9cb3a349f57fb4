//! Commands from outside: who may give them, how often, and what becomes of them.
//!
//! A command counts once: its counter is in the journal before it is carried out. Changes of the configuration are
//! on trial until a health message made after them has left the trap; a restart or [`TRIAL`] without that takes
//! them back.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::config::Thresholds;
use crate::event::command::{Command, CommandError, Order, Threshold};
use crate::event::{Codebook, CommandResult, EPOCH};
use crate::store::{JournalError, Outbox};
use crate::units::{ClockQuality, Score};

/// Under this name the journal keeps the counter of the last command taken.
const COUNTER: &str = "sender.command_counter";
/// Under this name the journal keeps what commands changed for good.
const CHANGES: &str = "sender.changes";
/// Under this name the journal keeps the change on trial.
const ON_TRIAL: &str = "sender.trial";

/// A change that no health message followed in this time is taken back: four tries of an hourly back-off.
pub(super) const TRIAL: Duration = Duration::from_secs(4 * 3600);

/// What commands changed, over what the configuration says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    empty: Option<f32>,
    sighting: Option<f32>,
    species: Option<f32>,
    per_species: BTreeMap<String, f32>,
    /// Alert rules switched on or off, by place.
    pub rules: BTreeMap<u8, bool>,
}

impl Changes {
    /// The configuration's thresholds with these changes.
    pub fn over(&self, chosen: &Thresholds) -> Thresholds {
        let mut out = chosen.clone();
        out.empty = self.empty.map(Score::new).or(out.empty);
        out.sighting = self.sighting.map(Score::new).or(out.sighting);
        out.species = self.species.map(Score::new).or(out.species);
        out.per_species
            .extend(self.per_species.iter().map(|(name, score)| (name.clone(), Score::new(*score))));
        out
    }
}

/// A change on trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Trial {
    counter: u32,
    before: Changes,
}

/// What is to be done by others.
#[derive(Debug, Clone, PartialEq)]
pub enum Errand {
    /// Judge by these thresholds from now on.
    Retune(Thresholds),
    /// Start the system anew.
    Reboot,
    /// Verify this bundle and install it.
    Bundle(Vec<u8>),
}

/// What a command asks of the sender.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    /// Nothing more.
    Nothing,
    /// A health message.
    Status,
    /// A picture of this event; 0: of the latest.
    Picture(u32),
    /// The trap stands here: degrees north, east.
    Mark(f64, f64),
    /// The clock is wrong: this is the time.
    Time(DateTime<Utc>),
    /// Thresholds or rules changed.
    Changed,
    /// The receiver has these.
    Received { upto: u32, missing: u32 },
    /// Start anew, after the acknowledgement left.
    Reboot,
    /// A burst, now.
    Burst,
}

/// Who gave a command and what is known of the site.
pub(super) struct Orders {
    key: Vec<u8>,
    device: String,
    rules: usize,
    /// What the configuration says.
    chosen: Thresholds,
    changes: Changes,
    trial: Option<(Trial, Duration)>,
}

impl Orders {
    /// Takes up what commands changed before. A trial that a restart cut short went badly: its counter is given
    /// back, and what stood before it is in force again.
    pub fn load(
        outbox: &mut Outbox,
        device: &str,
        key: &[u8],
        rules: usize,
        chosen: &Thresholds,
    ) -> Result<(Orders, Option<u32>), JournalError> {
        let read = |bytes: Option<Vec<u8>>| bytes.filter(|b| !b.is_empty());
        let mut changes: Changes = read(outbox.state(CHANGES)?)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let cut: Option<Trial> =
            read(outbox.state(ON_TRIAL)?).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let reverted = cut.map(|trial| {
            changes = trial.before;
            trial.counter
        });
        let (key, device, chosen) = (key.to_vec(), device.to_owned(), chosen.clone());
        let orders = Orders { key, device, rules, chosen, changes, trial: None };
        if reverted.is_some() {
            orders.keep(outbox)?;
        }
        Ok((orders, reverted))
    }

    /// What commands changed so far, on trial or not.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Looks at bytes from outside. Gives the acknowledgement and what is asked; the counter of a command that may
    /// be carried out is in the journal when this returns.
    pub fn take(
        &mut self,
        outbox: &mut Outbox,
        bytes: &[u8],
        names: &[String],
        utc: DateTime<Utc>,
        quality: ClockQuality,
        up: Duration,
    ) -> Result<(u32, CommandResult, Asked), JournalError> {
        if self.key.is_empty() {
            return Ok((0, CommandResult::Forged, Asked::Nothing));
        }
        let order = match Order::open(bytes, &self.device, &self.key) {
            Ok(order) => order,
            Err(CommandError::Unknown { counter }) => {
                let fresh = self.use_up(outbox, counter)?;
                let result = if fresh { CommandResult::Unknown } else { CommandResult::Replayed };
                return Ok((counter, result, Asked::Nothing));
            }
            Err(_) => return Ok((0, CommandResult::Forged, Asked::Nothing)),
        };
        let counter = order.counter;
        if u64::from(counter) <= outbox.counter(COUNTER)? {
            return Ok((counter, CommandResult::Replayed, Asked::Nothing));
        }
        // A time may be told to a clock that cannot judge its expiry: it is what sets the clock, once.
        let sets_clock = matches!(order.command, Command::Time { .. });
        if quality == ClockQuality::Unset && !sets_clock {
            return Ok((counter, CommandResult::NoClock, Asked::Nothing));
        }
        if quality != ClockQuality::Unset && utc.timestamp() > EPOCH + i64::from(order.expires) {
            return Ok((counter, CommandResult::Expired, Asked::Nothing));
        }
        self.use_up(outbox, counter)?;
        let (result, asked) = self.obey(outbox, &order, names, up)?;
        Ok((counter, result, asked))
    }

    /// A health message made after the change has left: a trial went well. Gives its counter.
    pub fn healthy(&mut self, outbox: &mut Outbox) -> Result<Option<u32>, JournalError> {
        let Some((trial, _)) = self.trial.take() else { return Ok(None) };
        outbox.put_state(ON_TRIAL, &[])?;
        Ok(Some(trial.counter))
    }

    /// Takes back a trial whose time is over. Gives its counter.
    pub fn overdue(&mut self, outbox: &mut Outbox, up: Duration) -> Result<Option<u32>, JournalError> {
        let Some((trial, _)) = self.trial.take_if(|(_, until)| up >= *until) else { return Ok(None) };
        self.changes = trial.before;
        self.keep(outbox)?;
        Ok(Some(trial.counter))
    }

    fn use_up(&self, outbox: &mut Outbox, counter: u32) -> Result<bool, JournalError> {
        let last = outbox.counter(COUNTER)?;
        let more = u64::from(counter).saturating_sub(last);
        if more > 0 {
            outbox.count(COUNTER, more)?;
        }
        Ok(more > 0)
    }

    fn obey(
        &mut self,
        outbox: &mut Outbox,
        order: &Order,
        names: &[String],
        up: Duration,
    ) -> Result<(CommandResult, Asked), JournalError> {
        let done = |asked| Ok((CommandResult::Done, asked));
        let invalid = Ok((CommandResult::Invalid, Asked::Nothing));
        match order.command {
            Command::Status => done(Asked::Status),
            Command::Picture { number } => done(Asked::Picture(number)),
            Command::Reboot => done(Asked::Reboot),
            Command::Burst => done(Asked::Burst),
            Command::Received { upto, missing } => done(Asked::Received { upto, missing }),
            Command::Time { utc } => match DateTime::from_timestamp(utc, 0) {
                Some(utc) if utc.timestamp() >= EPOCH => done(Asked::Time(utc)),
                _ => invalid,
            },
            Command::Mark { latitude, longitude } => {
                if latitude.abs() > 90_000_000 || longitude.abs() > 180_000_000 {
                    return invalid;
                }
                done(Asked::Mark(f64::from(latitude) / 1e6, f64::from(longitude) / 1e6))
            }
            Command::Rule { index, .. } if usize::from(index) >= self.rules => invalid,
            Command::Rule { index, on } => {
                let mut changes = self.changes.clone();
                changes.rules.insert(index, on);
                self.try_out(outbox, order.counter, changes, up)
            }
            Command::Threshold { thousandths, .. } if thousandths > 1000 => invalid,
            Command::Threshold { which, thousandths } => {
                let score = Some(f32::from(thousandths) / 1000.0);
                let mut changes = self.changes.clone();
                match which {
                    Threshold::Empty => changes.empty = score,
                    Threshold::Sighting => changes.sighting = score,
                    Threshold::Species => changes.species = score,
                    Threshold::Taxon(code) => {
                        let book = Codebook::new(names).ok();
                        let Some(name) = book.and_then(|book| book.name(code).map(str::to_owned)) else {
                            return invalid;
                        };
                        changes.per_species.insert(name, f32::from(thousandths) / 1000.0);
                    }
                }
                let force = changes.over(&self.chosen);
                if let (Some(empty), Some(sighting)) = (force.empty, force.sighting)
                    && empty.get() > sighting.get()
                {
                    return invalid;
                }
                self.try_out(outbox, order.counter, changes, up)
            }
        }
    }

    /// Puts a change in force on trial. A second change during a trial joins it: both are kept or taken back.
    fn try_out(
        &mut self,
        outbox: &mut Outbox,
        counter: u32,
        changes: Changes,
        up: Duration,
    ) -> Result<(CommandResult, Asked), JournalError> {
        let before = match self.trial.take() {
            Some((trial, _)) => trial.before,
            None => self.changes.clone(),
        };
        let trial = Trial { counter, before };
        // The trial first: a cut between the two leaves a trial of nothing, which is taken back.
        put(outbox, ON_TRIAL, &trial)?;
        put(outbox, CHANGES, &changes)?;
        self.changes = changes;
        self.trial = Some((trial, up + TRIAL));
        Ok((CommandResult::Trial, Asked::Changed))
    }

    fn keep(&self, outbox: &mut Outbox) -> Result<(), JournalError> {
        put(outbox, CHANGES, &self.changes)?;
        outbox.put_state(ON_TRIAL, &[])
    }
}

fn put<T: Serialize>(outbox: &mut Outbox, key: &str, value: &T) -> Result<(), JournalError> {
    match serde_json::to_vec(value) {
        Ok(bytes) => outbox.put_state(key, &bytes),
        Err(error) => {
            log::error!("{key} is not kept: {error}");
            Ok(())
        }
    }
}
