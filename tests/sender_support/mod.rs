//! A trap whose uplinks, clock and power are played: time passes when the story says so.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::panic)] // Each story uses its own part.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use trapline::airtime::{Limit, Region};
use trapline::config::{Config, Thresholds};
use trapline::daemon::sender::channel::{Channel, Toll};
use trapline::daemon::sender::{Alert, Errand, Sender, Setup, Watch};
use trapline::event::command::{Command, Order};
use trapline::event::wire::{Anchors, decode};
use trapline::event::{EPOCH, Message, Seen, When};
use trapline::hal::{
    Asks, Clock, DeviceError, Downlink, Dues, Form, Gauges, Link, NetworkTime, Parcel, Receipt, Uplink,
    UplinkError,
};
use trapline::store::record::{Burst, Stored};
use trapline::store::{Deployment, Effort, EffortKind, Journal, Outbox, Reader, Start};
use trapline::units::ClockQuality;

use super::store_support;

pub const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

pub fn dead() -> DeviceError {
    DeviceError { device: "link".into(), what: "no answer".into(), cure: "wait".into() }
}

/// A parcel with the true time at which it was taken.
#[derive(Debug, Clone)]
pub struct Post {
    pub at: DateTime<Utc>,
    pub parcel: Parcel,
    pub body: Vec<u8>,
    pub confirm: bool,
}

impl Post {
    pub fn is_event(&self) -> bool {
        !sightings(&self.body).is_empty()
    }
}

pub fn sightings(frame: &[u8]) -> Vec<Seen> {
    let messages = decode(frame).into_iter().flatten().map(Result::unwrap);
    messages.filter_map(|m| if let Message::Sighting(seen) = m { Some(seen) } else { None }).collect()
}

type Answer = Box<dyn FnMut(&Parcel, &mut Vec<Parcel>) -> Result<Receipt, UplinkError> + Send>;

struct State {
    /// Since the story began, and when the trap last started.
    up: Duration,
    booted: Duration,
    /// What the trap's clock shows less the truth.
    wrong: TimeDelta,
    quality: ClockQuality,
    posts: Vec<Post>,
    answer: Answer,
    network: Network,
    /// Who asked for bursts; a third is one too many.
    wishes: Vec<String>,
}

/// What a LoRaWAN network does beside carrying.
#[derive(Default)]
struct Network {
    /// It tells the time with the answer to a parcel, if it was asked before.
    tells_time: bool,
    asked: bool,
    told: bool,
    questions: u32,
    /// It lets nobody in, and the trap has no session.
    shut: bool,
    /// When join requests went.
    joins: Vec<DateTime<Utc>>,
    rests: u32,
}

/// The world around a trap.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    form: Form,
    max: usize,
    toll: Option<(u8, Toll)>,
}

fn kind_answer() -> Answer {
    Box::new(|parcel, heard| {
        heard.push(parcel.clone());
        Ok(Receipt::Delivered)
    })
}

impl World {
    fn new(form: Form, max: usize) -> World {
        let state = State {
            up: Duration::ZERO,
            booted: Duration::ZERO,
            wrong: TimeDelta::zero(),
            quality: ClockQuality::Network,
            posts: Vec::new(),
            answer: kind_answer(),
            network: Network::default(),
            wishes: Vec::new(),
        };
        World { state: Arc::new(Mutex::new(state)), form, max, toll: None }
    }

    pub fn letters() -> World {
        World::new(Form::Letter, usize::MAX)
    }

    pub fn packets(max: usize) -> World {
        World::new(Form::Packet, max)
    }

    pub fn with_toll(mut self, region: Region, rate: u8, limits: Vec<Limit>) -> World {
        self.toll = Some((rate, Toll { region, limits }));
        self
    }

    pub fn form(&self) -> Form {
        self.form
    }

    pub fn answer(
        &self,
        answer: impl FnMut(&Parcel, &mut Vec<Parcel>) -> Result<Receipt, UplinkError> + Send + 'static,
    ) {
        self.state.lock().unwrap().answer = Box::new(answer);
    }

    pub fn tells_time(&self, tells: bool) {
        self.state.lock().unwrap().network.tells_time = tells;
    }

    /// How often the network was asked for the time.
    pub fn questions(&self) -> u32 {
        self.state.lock().unwrap().network.questions
    }

    /// The trap has no session, and gets none.
    pub fn shut(&self) {
        self.state.lock().unwrap().network.shut = true;
    }

    pub fn joins(&self) -> Vec<DateTime<Utc>> {
        self.state.lock().unwrap().network.joins.clone()
    }

    pub fn rests(&self) -> u32 {
        self.state.lock().unwrap().network.rests
    }

    pub fn heal(&self) {
        self.state.lock().unwrap().answer = kind_answer();
    }

    pub fn pass(&self, time: Duration) {
        self.state.lock().unwrap().up += time;
    }

    pub fn clock(&self, wrong: TimeDelta, quality: ClockQuality) {
        let mut state = self.state.lock().unwrap();
        (state.wrong, state.quality) = (wrong, quality);
    }

    pub fn true_time(&self) -> DateTime<Utc> {
        store_support::dawn() + self.state.lock().unwrap().up
    }

    pub fn posts(&self, wanted: impl Fn(&Post) -> bool) -> Vec<Post> {
        self.state.lock().unwrap().posts.iter().filter(|p| wanted(p)).cloned().collect()
    }

    pub fn letters_of(&self, subject: &str) -> Vec<Value> {
        let of = self.posts(|p| p.parcel.subject.as_str() == subject);
        of.iter().map(|p| serde_json::from_slice(&p.body).unwrap()).collect()
    }

    pub fn sightings(&self) -> Vec<Seen> {
        self.posts(|_| true).iter().flat_map(|p| sightings(&p.body)).collect()
    }

    /// Times of all sightings as a receiver has them in the end.
    pub fn resolved(&self) -> BTreeMap<u32, Option<i64>> {
        let messages: Vec<Message> = self
            .posts(|_| true)
            .iter()
            .flat_map(|p| decode(&p.body).unwrap().map(Result::unwrap).collect::<Vec<_>>())
            .collect();
        let mut anchors = Anchors::<16>::new();
        for message in &messages {
            if let Message::Anchor(anchor) = message {
                anchors.add(*anchor).unwrap();
            }
        }
        let seen = messages.iter().filter_map(|m| if let Message::Sighting(s) = m { Some(s) } else { None });
        seen.map(|s| match anchors.resolve(s.key, s.at) {
            When::Utc { seconds, .. } => (s.key.number, Some(seconds)),
            When::SinceBoot { .. } => (s.key.number, None),
        })
        .collect()
    }

    pub fn trap(&self) -> Trap {
        self.open(tempfile::tempdir().unwrap(), None)
    }

    pub fn trap_alerting(&self, taxon: &'static str) -> Trap {
        self.open(tempfile::tempdir().unwrap(), Some(taxon))
    }

    pub fn trap_with(&self, others: &[&World]) -> Trap {
        let channels = std::iter::once(self).chain(others.iter().copied()).map(World::channel).collect();
        self.open_with(tempfile::tempdir().unwrap(), None, channels)
    }

    /// A trap whose journal lies in `folder` and that sends by `channels`; this world is its clock.
    pub fn trap_sending(&self, folder: tempfile::TempDir, channels: Vec<Channel>) -> Trap {
        self.open_with(folder, None, channels)
    }

    fn channel(&self) -> Channel {
        let toll = self.toll.as_ref().map(|(_, toll)| toll.clone());
        Channel::new(Box::new(Wire(self.clone())), toll, true).resting().confirming_at_most(Some(9))
    }

    fn open(&self, folder: tempfile::TempDir, alert: Option<&'static str>) -> Trap {
        self.open_with(folder, alert, vec![self.channel()])
    }

    fn open_with(
        &self,
        folder: tempfile::TempDir,
        alert: Option<&'static str>,
        channels: Vec<Channel>,
    ) -> Trap {
        let (at, clock) = self.utc();
        let start = Start { at, clock, kernel_boot: "5f7c".into() };
        let (journal, opened) =
            Journal::open(&folder.path().join("trap.db"), &Deployment::named("ridge"), &start).unwrap();
        let (errands, told) = mpsc::channel();
        let config = Config::default();
        let mut sending = config.out.sending.clone();
        sending.device = "ridge-3".into();
        let mut names: Vec<String> =
            ["Canis lupus", "Capreolus capreolus", "Lynx lynx", "Sus scrofa", "Vulpes vulpes"]
                .map(String::from)
                .into();
        names.sort();
        let setup = Setup {
            sending,
            site: "ridge".into(),
            thresholds: Thresholds::default(),
            names,
            channels,
            watch: Box::new(Only(alert)),
            key: KEY.to_vec(),
            media: folder.path().join("media"),
            clock: Arc::new(self.clone()),
            gauges: Box::new(Nothing),
            errands: Box::new(move |errand| drop(errands.send(errand))),
            asks: Arc::new(self.clone()),
            shedding: Default::default(),
            boot: opened.boot,
        };
        let sender = Sender::new(Outbox::of(&journal).unwrap(), setup).unwrap();
        Trap { sender, journal, told, world: self.clone(), alert, folder }
    }
}

impl Clock for World {
    fn monotonic(&self) -> Duration {
        let state = self.state.lock().unwrap();
        state.up - state.booted
    }

    fn utc(&self) -> (DateTime<Utc>, ClockQuality) {
        let truth = self.true_time();
        let state = self.state.lock().unwrap();
        (truth + state.wrong, state.quality)
    }

    fn correct(&self, utc: DateTime<Utc>, quality: ClockQuality) -> TimeDelta {
        let (before, truth) = (self.utc().0, self.true_time());
        self.clock(utc - truth, quality);
        utc - before
    }
}

impl Asks for World {
    fn ask(&self, who: &str) -> bool {
        let wishes = &mut self.state.lock().unwrap().wishes;
        wishes.push(who.to_owned());
        wishes.len() < 3
    }
}

struct Wire(World);

impl Uplink for Wire {
    fn name(&self) -> &str {
        "wire"
    }

    fn form(&self) -> Form {
        self.0.form
    }

    fn dues(&self) -> Option<Dues> {
        self.0.state.lock().unwrap().network.shut.then_some(Dues { bytes: 10, data_rate: 0 })
    }

    fn ready(&mut self, _: Duration) -> Result<Link, UplinkError> {
        let now = self.0.true_time();
        let network = &mut self.0.state.lock().unwrap().network;
        if network.shut {
            network.joins.push(now);
            return Err(UplinkError::Down(dead()));
        }
        Ok(Link { max_payload: self.0.max, data_rate: self.0.toll.as_ref().map(|(rate, _)| *rate) })
    }

    fn send(&mut self, parcel: &Parcel, _: Duration) -> Result<Receipt, UplinkError> {
        assert!(parcel.body.len() <= self.0.max);
        let at = self.0.true_time();
        let mut state = self.0.state.lock().unwrap();
        let mut heard = Vec::new();
        let receipt = (state.answer)(parcel, &mut heard);
        let network = &mut state.network;
        if receipt.is_ok() {
            network.told |= std::mem::take(&mut network.asked) && network.tells_time;
        }
        state.posts.extend(heard.into_iter().map(|parcel| {
            let (body, confirm) = (parcel.body.clone(), parcel.confirm);
            Post { at, parcel, body, confirm }
        }));
        receipt
    }

    fn receive(&mut self, _: Duration) -> Result<Vec<Downlink>, UplinkError> {
        Ok(Vec::new())
    }

    fn network_time(&mut self, _: Duration) -> Result<Option<NetworkTime>, UplinkError> {
        let utc = self.0.true_time();
        let network = &mut self.0.state.lock().unwrap().network;
        if std::mem::take(&mut network.told) {
            return Ok(Some(NetworkTime { utc, quality: ClockQuality::Network }));
        }
        network.asked = true;
        network.questions += 1;
        Ok(None)
    }

    fn rest(&mut self) {
        self.0.state.lock().unwrap().network.rests += 1;
    }
}

struct Nothing;

impl Gauges for Nothing {
    fn battery(&self) -> Option<u16> {
        None
    }

    fn temperature(&self) -> Option<i8> {
        None
    }
}

/// Alerts for one taxon.
struct Only(Option<&'static str>);

impl Watch for Only {
    fn alert(&mut self, burst: &Stored, observation: usize) -> Option<Alert> {
        let seen = burst.burst.observations.get(observation)?;
        (self.0 == Some(seen.taxon.as_str())).then(|| Alert {
            rule: "only".into(),
            uplinks: Vec::new(),
            picture: false,
        })
    }

    fn rules(&self) -> usize {
        1
    }

    fn switch(&mut self, _: usize, _: Option<bool>) {}

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: &[u8]) {}
}

pub struct Trap {
    pub sender: Sender,
    journal: Journal,
    told: Receiver<Errand>,
    world: World,
    alert: Option<&'static str>,
    folder: tempfile::TempDir,
}

impl Trap {
    pub fn step(&mut self) {
        self.sender.step().unwrap();
    }

    /// Records a burst for each taxon, now by the trap's clock; gives their numbers.
    pub fn record(&mut self, taxa: &[&str]) -> Vec<u32> {
        let (at, clock) = self.world.utc();
        let mut numbers = Vec::new();
        for taxon in taxa {
            let mut burst = store_support::sighting(0, taxon);
            burst.triggered = at;
            burst.clock = clock;
            numbers.push(self.journal.record(&burst, &[]).unwrap().key.number);
        }
        numbers
    }

    /// Records the burst that the command of this counter asked for; its number.
    pub fn record_asked(&mut self, counter: u32) -> u32 {
        let mut burst = store_support::burst(0, trapline::event::Outcome::Empty);
        let detail = Some(format!("command {counter}"));
        burst.cause = Some(trapline::store::record::Cause { source: trapline::event::Source::Asked, detail });
        self.journal.record(&burst, &[]).unwrap().key.number
    }

    /// Records one burst in which each of `taxa` is seen.
    pub fn record_together(&mut self, taxa: &[&str]) {
        let (at, clock) = self.world.utc();
        let observations = taxa.iter().map(|taxon| store_support::observation(taxon, 0.8)).collect();
        let burst = Burst { triggered: at, clock, observations, ..store_support::sighting(0, "") };
        self.journal.record(&burst, &[]).unwrap();
    }

    pub fn heartbeat(&mut self) {
        let (at, clock) = self.world.utc();
        self.journal.log_effort(EffortKind::Heartbeat, at, clock, &Effort::default()).unwrap();
    }

    /// A command, sealed with the trap's key and good for a day.
    pub fn command(&mut self, counter: u32, command: Command) -> Vec<u8> {
        let expires = u32::try_from(self.world.true_time().timestamp() - EPOCH + 86_400).unwrap();
        let sealed = Order { counter, expires, command }.seal("ridge-3", KEY).unwrap().to_vec();
        self.sender.command(&sealed).unwrap();
        sealed
    }

    /// The thresholds last put in force since the last question.
    pub fn thresholds(&mut self) -> Option<Thresholds> {
        let told: Vec<Errand> = self.told.try_iter().collect();
        told.into_iter().rev().find_map(|e| if let Errand::Retune(t) = e { Some(t) } else { None })
    }

    pub fn reader(&self) -> Reader {
        self.journal.reader().unwrap()
    }

    pub fn waiting_events(&self) -> usize {
        self.journal.outbox(usize::MAX).unwrap().len()
    }

    /// Power goes and comes.
    pub fn restart(self) -> Trap {
        let Trap { sender, journal, world, alert, folder, .. } = self;
        drop(sender);
        drop(journal);
        {
            // Monotonic time begins anew.
            let mut state = world.state.lock().unwrap();
            state.booted = state.up;
        }
        world.open(folder, alert)
    }
}
