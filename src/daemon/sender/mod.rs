//! The sender: what the journal holds goes out by the site's uplinks, and commands come in.
//!
//! It works in steps: [`Sender::step`] does what is due and says how long it may sleep. On the trap a thread calls
//! it; the bench calls it between bursts. Everything that must survive is in the journal before the step that
//! needs it: what is planned, what left, what was on the air, which command was taken.
//!
//! | file | what it is for |
//! |---|---|
//! | `channel` | one uplink: pauses, the price of air time |
//! | `compose` | records to messages: codes, times |
//! | `housing` | what a low battery has it do |
//! | `letter` | messages as JSON |
//! | `report` | health, digest, losses |
//! | `orders` | commands: counters, trials |
//! | `wishes` | bursts that commands asked for |
//! | `picture` | small pictures of events |
//! | `carry` | parcels to uplinks and what becomes of them |

mod carry;
pub mod channel;
mod compose;
mod housing;
mod letter;
mod orders;
mod picture;
mod report;
mod wishes;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};

pub use orders::{Changes, Errand};
pub use report::{BURSTS_LOST, COMMANDS, REFUSED, UNJUDGED, UNVERIFIED};

use self::channel::{Carried, Channel};
use self::compose::Times;
use self::orders::{Asked, Orders};
use self::report::{Day, Moment};
use self::wishes::Wishes;
use super::power::Shedding;
use crate::config::Thresholds;
use crate::config::sending::Sending;
use crate::event::{CommandAck, CommandResult, Message, Sighting, When, wire};
use crate::hal::{Asks, Clock, Gauges, Link, Subject, UplinkError};
use crate::store::record::Stored;
use crate::store::{AirLog, JournalError, Outbox, Priority, Route};
use crate::units::ClockQuality;

/// Longest pause between two steps: a clock that was set, a bell that was missed.
const GLANCE: Duration = Duration::from_secs(30);

/// Between two readings of battery and temperature: as often as effort is written.
const READING: Duration = Duration::from_secs(3600);

/// Between two looks for commands.
const LISTEN: Duration = Duration::from_secs(300);

/// Fresh events planned in one transaction.
const AT_ONCE: usize = 200;

/// Between two looks for what grew too old.
const EXPIRY: Duration = Duration::from_secs(3600);

/// So many days back a digest is made up for: the journal remembers for longer which ones were made.
const DIGESTS_OWED: usize = 30;

/// Digests are cut to fit the slowest data rate of most regions, bytes.
const DIGEST_BYTES: usize = 51;

/// What an alert rule asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The rule.
    pub rule: String,
    /// By which uplinks; empty: by any.
    pub uplinks: Vec<String>,
    /// A small picture follows.
    pub picture: bool,
}

/// Decides which events are alerts; the site's rules do, and tests.
pub trait Watch: Send {
    /// The alert that an observation of a burst asks for, if any.
    fn alert(&mut self, burst: &Stored, observation: usize) -> Option<Alert>;

    /// How many rules there are.
    fn rules(&self) -> usize;

    /// Switches a rule on or off; `None`: as configured.
    fn switch(&mut self, rule: usize, on: Option<bool>);

    /// What must survive a restart (cooldowns).
    fn save(&self) -> Vec<u8>;

    /// Takes up what [`Watch::save`] gave.
    fn restore(&mut self, saved: &[u8]);
}

/// Under this name the journal keeps the state of the alert rules.
const RULES: &str = "sender.rules";

/// What a sender is made of.
pub struct Setup {
    /// What the site chose.
    pub sending: Sending,
    /// The deployment's name.
    pub site: String,
    /// The configuration's thresholds, which commands may change.
    pub thresholds: Thresholds,
    /// The codebook's names, sorted.
    pub names: Vec<String>,
    /// The uplinks, in order of preference.
    pub channels: Vec<Channel>,
    /// The alert rules.
    pub watch: Box<dyn Watch>,
    /// Seals commands; empty: all are refused.
    pub key: Vec<u8>,
    /// The folder of pictures.
    pub media: PathBuf,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Battery and temperature.
    pub gauges: Box<dyn Gauges>,
    /// Takes what others must do.
    pub errands: Box<dyn FnMut(Errand) + Send>,
    /// Asks for a burst in the name of a command.
    pub asks: Arc<dyn Asks>,
    /// What is to be left be while the battery is low.
    pub shedding: Arc<Shedding>,
    /// This start.
    pub boot: u32,
}

/// The sender at work.
pub struct Sender {
    outbox: Outbox,
    setup: Setup,
    times: Times,
    orders: Orders,
    started: Duration,
    next_reading: Duration,
    next_expiry: Duration,
    next_health: Duration,
    next_listen: Duration,
    digested: Option<Day>,
    reboot: bool,
    singly: (Option<Day>, u32),
    /// Messages wait because the battery is low.
    held: bool,
    /// The health message that ends a trial once it has left.
    proof: Option<String>,
    /// Bursts that commands asked for.
    wishes: Wishes,
}

impl Sender {
    /// Takes up where the last run stopped.
    pub fn new(mut outbox: Outbox, mut setup: Setup) -> Result<Sender, JournalError> {
        let times = Times::load(&outbox)?;
        let rules = setup.watch.rules();
        let (orders, reverted) = {
            let (device, key) = (&setup.sending.device, &setup.key);
            Orders::load(&mut outbox, device, key, rules, &setup.thresholds)?
        };
        if let Some(saved) = outbox.state(RULES)? {
            setup.watch.restore(&saved);
        }
        let started = setup.clock.monotonic();
        let wishes = Wishes::load(&outbox)?;
        let mut sender = Sender {
            outbox,
            times,
            orders,
            started,
            next_reading: started,
            next_expiry: started,
            // The first health message says that the trap is up.
            next_health: started,
            next_listen: started,
            digested: None,
            reboot: false,
            singly: (None, 0),
            held: false,
            proof: None,
            wishes,
            setup,
        };
        sender.apply();
        if let Some(counter) = reverted {
            sender.acknowledge(counter, CommandResult::Reverted)?;
        }
        Ok(sender)
    }

    /// Does what is due; gives how long nothing is.
    pub fn step(&mut self) -> Result<Duration, JournalError> {
        self.watch_clock()?;
        self.plan()?;
        self.fulfilled()?;
        self.expire()?;
        self.report()?;
        let mut next = GLANCE;
        if !self.holds()? {
            for index in 0..self.setup.channels.len() {
                next = next.min(self.carry(index)?);
                self.keep_time(index, false)?;
            }
            self.listen(Duration::ZERO)?;
        }
        self.trials()?;
        if self.wishes.waits() {
            next = next.min(wishes::LOOK);
        }
        self.setup.channels.iter_mut().for_each(Channel::rest);
        if self.reboot {
            self.reboot = false;
            self.outbox.put_state(report::ORDERED, &self.setup.boot.to_le_bytes())?;
            (self.setup.errands)(Errand::Reboot);
        }
        Ok(next)
    }

    /// What went by each uplink since the start, by its name.
    pub fn carried(&self) -> impl Iterator<Item = (&str, Carried)> {
        self.setup.channels.iter().map(|channel| (channel.uplink.name(), channel.carried))
    }

    /// Messages that wait.
    pub fn backlog(&self) -> Result<u32, JournalError> {
        self.outbox.backlog()
    }

    fn up(&self) -> Duration {
        self.setup.clock.monotonic()
    }

    fn moment(&self) -> Moment {
        let (utc, quality) = self.setup.clock.utc();
        let uptime = self.up().saturating_sub(self.started).as_secs();
        Moment { utc, quality, boot: self.setup.boot, uptime: u32::try_from(uptime).unwrap_or(u32::MAX) }
    }

    fn air(&self) -> AirLog {
        let (utc, clock) = self.setup.clock.utc();
        AirLog { boot: self.setup.boot, up: self.up(), utc, clock }
    }

    /// Tells the receiver when the clock was set: what was told before can then be put right.
    fn watch_clock(&mut self) -> Result<(), JournalError> {
        let (utc, quality) = self.setup.clock.utc();
        let up = self.setup.clock.monotonic();
        let boot = self.setup.boot;
        if let Some(anchor) = self.times.watch(&mut self.outbox, boot, up, utc, quality)? {
            let name = format!("anchor-{}-{}", anchor.boot, anchor.before);
            self.post(&name, Subject::Anchor, &Message::Anchor(anchor))?;
        }
        Ok(())
    }

    /// Brings the link of an uplink up, and asks it for the time where that is due.
    fn ready(&mut self, index: usize) -> Result<Result<Link, UplinkError>, JournalError> {
        let now = self.air();
        let Some(channel) = self.setup.channels.get_mut(index) else { return Ok(Err(UplinkError::Unpaid)) };
        let link = channel.ready(&mut self.outbox, &now)?;
        if link.is_ok() {
            self.keep_time(index, true)?;
        }
        Ok(link)
    }

    /// Sets the clock by the network's, where it is due and the network tells it.
    fn keep_time(&mut self, index: usize, before: bool) -> Result<(), JournalError> {
        let (up, (_, quality)) = (self.up(), self.setup.clock.utc());
        let Some(channel) = self.setup.channels.get_mut(index) else { return Ok(()) };
        let Some(time) = channel.time(before, up, quality) else { return Ok(()) };
        let moved = self.setup.clock.correct(time.utc, time.quality);
        let by = moved.num_milliseconds();
        log::info!("{}: the network's time moves the clock by {by} ms", channel.uplink.name());
        self.watch_clock()
    }

    /// Plans the events that the pipeline recorded since the last step.
    fn plan(&mut self) -> Result<(), JournalError> {
        loop {
            let fresh = self.outbox.fresh(AT_ONCE)?;
            let mut plans = Vec::with_capacity(fresh.len());
            for (event, burst) in &fresh {
                plans.push((event.key, self.route(event, burst.as_ref())));
            }
            if plans.iter().any(|(_, route)| route.priority == Priority::Alert) {
                let up = self.up();
                self.setup.channels.iter_mut().for_each(|channel| channel.hurry(up));
            }
            if plans.is_empty() {
                return Ok(());
            }
            self.outbox.plan(&plans)?;
            self.outbox.put_state(RULES, &self.setup.watch.save())?;
            if fresh.len() < AT_ONCE {
                return Ok(());
            }
        }
    }

    fn route(&mut self, event: &Sighting, burst: Option<&Stored>) -> Route {
        let observation = burst.and_then(|b| b.events.iter().position(|e| e.key == event.key));
        let alert = burst.zip(observation).and_then(|(burst, i)| self.setup.watch.alert(burst, i));
        if let Some(alert) = alert {
            let Alert { rule, uplinks, picture } = alert;
            return Route { priority: Priority::Alert, rule: Some(rule), uplinks, picture };
        }
        let priority = if self.folds(event) { Priority::Folded } else { Priority::Sighting };
        Route { priority, rule: None, uplinks: Vec::new(), picture: false }
    }

    /// Whether the day's share of single sightings is used up on an uplink that has little room.
    fn folds(&mut self, event: &Sighting) -> bool {
        let narrow = self.setup.channels.first().is_some_and(Channel::is_packets);
        if !narrow || !self.setup.sending.digest {
            return false;
        }
        let today = Day::of(self.setup.clock.utc().0);
        // Only what the digest of today, which is still to be made, will tell.
        if today.is_none() || Day::of_event(event) != today {
            return false;
        }
        if self.singly.0 != today {
            self.singly = (today, 0);
        }
        self.singly.1 = self.singly.1.saturating_add(1);
        self.singly.1 > self.setup.sending.singly
    }

    fn expire(&mut self) -> Result<(), JournalError> {
        let (utc, quality) = self.setup.clock.utc();
        if quality == ClockQuality::Unset {
            return Ok(());
        }
        let up = self.up();
        if up < self.next_expiry {
            return Ok(());
        }
        self.next_expiry = up + EXPIRY;
        let expiry = TimeDelta::from_std(self.setup.sending.expiry).unwrap_or(TimeDelta::MAX);
        let Some(before) = utc.checked_sub_signed(expiry) else { return Ok(()) };
        let mut old = Vec::new();
        for event in self.outbox.older(before)? {
            // By the time as it is known now: an event of a clock that was wrong is not old for that.
            if matches!(self.times.right(&self.outbox, &event)?, When::Utc { seconds, .. } if seconds < before.timestamp())
            {
                old.push(event.key);
            }
        }
        let notices = self.outbox.expire_notices(before, utc)?;
        if notices > 0 {
            log::error!("{notices} messages grew too old to be sent and were given up");
            self.outbox.count(report::REFUSED, notices.into())?;
        }
        if !old.is_empty() {
            self.outbox.give_up(&old, "expired", utc)?;
            log::error!(
                "{} events grew too old to be sent and were given up; they stay in the journal",
                old.len()
            );
        }
        if notices > 0 || !old.is_empty() {
            self.tell_losses()?;
        }
        Ok(())
    }

    /// Writes a reading and queues health and digest when they are due.
    fn report(&mut self) -> Result<(), JournalError> {
        if self.up() >= self.next_reading {
            self.next_reading = self.up() + READING;
            let reading = report::reading(&self.outbox, &self.moment(), &*self.setup.gauges);
            self.outbox.reading(&reading)?;
        }
        if let Some(every) = self.setup.sending.health
            && self.up() >= self.next_health
        {
            self.next_health = self.up() + every;
            drop(self.health()?);
        }
        let (utc, quality) = self.setup.clock.utc();
        if !self.setup.sending.digest || quality == ClockQuality::Unset {
            return Ok(());
        }
        let Some(yesterday) = Day::of(utc).and_then(Day::before) else { return Ok(()) };
        if self.digested != Some(yesterday) {
            // A trap that was without power at midnight still owes the digests of the days before.
            let owed = std::iter::successors(Some(yesterday), |day| day.before()).take(DIGESTS_OWED);
            let owed: Vec<Day> = owed.collect();
            for day in owed.iter().rev() {
                self.digest(day)?;
            }
            self.digested = Some(yesterday);
        }
        Ok(())
    }

    fn health(&mut self) -> Result<String, JournalError> {
        let moment = self.moment();
        let health = report::health(&self.outbox, &moment, &self.setup.names, &*self.setup.gauges)?;
        let name = format!("health-{}-{}", moment.boot, moment.uptime);
        self.post(&name, Subject::Health, &Message::Health(health))?;
        report::told(&mut self.outbox)?;
        if let Some(power) = report::power(&self.outbox, &moment, &*self.setup.gauges)? {
            let name = format!("power-{}-{}", moment.boot, moment.uptime);
            self.post(&name, Subject::Power, &Message::Power(power))?;
        }
        Ok(name)
    }

    /// Queues the digest of a day that is over, if the trap stood watch then and it was not queued before.
    fn digest(&mut self, day: &Day) -> Result<(), JournalError> {
        if self.outbox.has_notice(&format!("digest-{}-0", day.name()))? {
            return Ok(());
        }
        let names = &self.setup.names;
        let code = |outcome, taxon: &str| compose::code_of(names, outcome, taxon);
        let (head, lines) = report::digest(&self.outbox, day, &code)?;
        if head.effort == 0 && head.triggers == 0 {
            return Ok(());
        }
        let parts = match wire::split_digest(&head, &lines, DIGEST_BYTES) {
            Ok(parts) => parts,
            Err(error) => {
                log::error!("the digest of {} is not sent: {error}", day.name());
                return Ok(());
            }
        };
        for part in parts {
            let name = format!("digest-{}-{}", day.name(), part.part);
            self.post(&name, Subject::Digest, &Message::Digest(part))?;
        }
        Ok(())
    }

    fn tell_losses(&mut self) -> Result<(), JournalError> {
        let lost = report::lost(&self.outbox)?;
        let total = lost
            .expired
            .saturating_add(lost.refused)
            .saturating_add(lost.bursts)
            .saturating_add(lost.commands);
        self.post(&format!("lost-{}-{total}", self.setup.boot), Subject::Lost, &Message::Lost(lost))
    }

    fn acknowledge(&mut self, counter: u32, result: CommandResult) -> Result<(), JournalError> {
        self.answer(CommandAck { counter, result, number: None })
    }

    fn answer(&mut self, ack: CommandAck) -> Result<(), JournalError> {
        let CommandAck { counter, result, .. } = ack;
        let word = format!("{result:?}").to_lowercase();
        let at = self.setup.clock.utc().0.timestamp();
        self.post(&format!("ack-{counter}-{word}-{at}"), Subject::Ack, &Message::Ack(ack))
    }

    fn post(&mut self, name: &str, subject: Subject, message: &Message) -> Result<(), JournalError> {
        let at = self.setup.clock.utc().0;
        match serde_json::to_vec(message) {
            Ok(payload) => self.outbox.post(name, subject.as_str(), &payload, at),
            Err(error) => {
                log::error!("{name} is not sent: {error}");
                Ok(())
            }
        }
    }

    /// Hears what came in, from every uplink, once in a while or as soon as something was sent.
    fn listen(&mut self, wait: Duration) -> Result<(), JournalError> {
        let up = self.up();
        let due = up >= self.next_listen;
        if due {
            self.next_listen = up + LISTEN;
        }
        for index in 0..self.setup.channels.len() {
            let Some(channel) = self.setup.channels.get_mut(index) else { continue };
            let talks = channel.carried.parcels > 0 || due;
            if !talks || up < channel.not_before {
                continue;
            }
            let heard = match channel.uplink.receive(wait) {
                Ok(heard) => heard,
                Err(error) => {
                    log::debug!("{}: {error}", channel.uplink.name());
                    continue;
                }
            };
            for downlink in heard {
                self.command(&downlink.bytes)?;
            }
        }
        Ok(())
    }

    /// Takes a command, from whatever uplink.
    pub fn command(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        if bytes.starts_with(crate::event::BUNDLE_MAGIC) {
            (self.setup.errands)(Errand::Bundle(bytes.to_vec()));
            return Ok(());
        }
        let (utc, quality) = self.setup.clock.utc();
        let up = self.up();
        let taken = self.orders.take(&mut self.outbox, bytes, &self.setup.names, utc, quality, up)?;
        let (counter, mut result, asked) = taken;
        if let Asked::Picture(number) = asked
            && !self.picture(number)?
        {
            result = CommandResult::Failed;
        }
        if asked == Asked::Burst && !self.wish(counter)? {
            log::warn!(
                "command {counter}: too many bursts were asked for, or this trap takes none on request"
            );
            result = CommandResult::Failed;
        }
        let refused = !matches!(result, CommandResult::Done | CommandResult::Trial);
        if refused {
            log::warn!("command {counter} is refused: {result:?}");
            self.outbox.count(COMMANDS, 1)?;
        }
        // A storm of forgeries must not cost a packet each: they are told as a count.
        if result == CommandResult::Forged {
            return self.tell_losses();
        }
        // An acknowledgement of an acknowledgement would never end; that of a burst tells its number, once it has one.
        let later = asked == Asked::Burst && result == CommandResult::Done;
        if !matches!(asked, Asked::Received { .. }) && !later {
            self.acknowledge(counter, result)?;
        }
        match asked {
            Asked::Nothing | Asked::Picture(_) | Asked::Burst => {}
            Asked::Status => drop(self.health()?),
            Asked::Mark(north, east) => self.outbox.place(self.setup.boot, north, east, utc)?,
            Asked::Time(utc) => {
                self.setup.clock.correct(utc, ClockQuality::Network);
                self.watch_clock()?;
            }
            Asked::Changed => {
                self.apply();
                // The proof of health that ends the trial.
                self.proof = Some(self.health()?);
            }
            Asked::Received { upto, missing } => {
                let done = self.outbox.received(upto, missing, utc)?;
                log::info!("{done} events are acknowledged up to number {upto}");
            }
            Asked::Reboot => self.reboot = true,
        }
        Ok(())
    }

    /// Asks for a burst; whether one is to come.
    fn wish(&mut self, counter: u32) -> Result<bool, JournalError> {
        // Written down first: a cut in between is told as a failure, and never as nothing.
        self.wishes.add(&mut self.outbox, counter, self.setup.clock.monotonic())?;
        let comes = self.setup.asks.ask(&wishes::who(counter));
        if !comes {
            self.wishes.remove(&mut self.outbox, counter)?;
        }
        Ok(comes)
    }

    /// Answers commands whose burst is in the journal, or came not.
    fn fulfilled(&mut self) -> Result<(), JournalError> {
        let up = self.up();
        for (counter, number) in self.wishes.over(&self.outbox, up)? {
            let result = if number.is_some() { CommandResult::Done } else { CommandResult::Failed };
            if number.is_none() {
                log::error!("command {counter}: the burst that it asked for is not in the journal");
            }
            self.answer(CommandAck { counter, result, number })?;
            self.wishes.remove(&mut self.outbox, counter)?;
        }
        Ok(())
    }

    /// Puts what commands changed in force.
    fn apply(&mut self) {
        let changes = self.orders.changes();
        for rule in 0..self.setup.watch.rules() {
            let told = u8::try_from(rule).ok().and_then(|rule| changes.rules.get(&rule));
            self.setup.watch.switch(rule, told.copied());
        }
        (self.setup.errands)(Errand::Retune(changes.over(&self.setup.thresholds)));
    }

    /// Ends trials whose time is over.
    fn trials(&mut self) -> Result<(), JournalError> {
        let up = self.up();
        if let Some(counter) = self.orders.overdue(&mut self.outbox, up)? {
            log::error!("command {counter} is taken back: no health message left the trap after it");
            self.apply();
            self.acknowledge(counter, CommandResult::Reverted)?;
        }
        Ok(())
    }

    /// A notice left: if it proves that all is well after a change, the change is kept.
    fn left(&mut self, name: &str) -> Result<(), JournalError> {
        if self.proof.as_deref() != Some(name) {
            return Ok(());
        }
        self.proof = None;
        if let Some(counter) = self.orders.healthy(&mut self.outbox)? {
            self.acknowledge(counter, CommandResult::Kept)?;
        }
        Ok(())
    }

    fn now(&self) -> chrono::DateTime<Utc> {
        self.setup.clock.utc().0
    }
}
