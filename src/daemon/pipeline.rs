//! The way of the data, one function per arrow: trigger → burst → judgement → pictures → journal → room.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::aim;
use super::health::{Totals, Watch};
use super::live::{Live, Note};
use super::merge::{self, OpenSequence};
use super::models;
use super::pictures::{self, Offered};
use super::power::Keeper;
use super::pulse::Beat;
use super::ration::Ration;
use super::record::{self, Circumstances};
use super::sender::{BURSTS_LOST, UNJUDGED};
use super::start;
use crate::config::{Config, KeepPeople, KeepSightings, Thresholds};
use crate::hal::{Camera, Clock, Gauges, Shot, Source, Trigger, Triggered};
use crate::image::Rgb;
use crate::store::record::{Burst, Cause};
use crate::store::{
    Deployment, EffortKind, Journal, JournalError, MediaStore, Opened, Recorded, Retention, Sightings, Start,
    Stowed, Swept,
};
use crate::vision::cascade::Effort;
use crate::vision::judge::{Frame, Judge, Learnt};
use crate::vision::{Detection, Judgement};

mod rest;
mod spent;

pub use rest::{NOT_JUDGED, OUTSIDE};

use rest::unjudged;

/// Longest wait for a trigger in one go, so that a wish to stop is noticed.
const GLANCE: Duration = Duration::from_millis(500);

/// Between two rows that say that the watch goes on.
const HEARTBEAT: Duration = Duration::from_secs(3600);

/// Pause after a trigger that reported a fault, so that a dead device does not burn the battery.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// Under this name the journal keeps what the judge learnt of the scene.
const LEARNT: &str = "vision.learnt";

/// The devices of a board.
pub struct Devices {
    /// Says when to take a burst.
    pub trigger: Box<dyn Trigger>,
    /// Takes it.
    pub camera: Box<dyn Camera>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Who judges bursts: [`Judge`] on the trap, a script in tests.
pub trait Judges {
    /// Judges one burst; never fails.
    fn judge(&mut self, frames: &[Frame<'_>]) -> Judgement;

    /// The sequence of the last burst is over: learn from it.
    fn end_sequence(&mut self);

    /// What was learnt of the scene, to be kept over restarts; `None` where there is nothing.
    fn learnt(&self) -> Option<Vec<u8>>;

    /// Takes up what an earlier run learnt; bytes it cannot read are left alone.
    fn recall(&mut self, learnt: &[u8]);

    /// Judges a sequence anew from all its bursts, in order of time.
    fn merge(&self, bursts: &[Judgement]) -> Judgement;

    /// Judges by these thresholds from the next burst on.
    fn retune(&mut self, thresholds: &Thresholds);

    /// Looks so much at bursts from the next one on; whoever looks at nothing may ignore it.
    fn spare(&mut self, _effort: Effort) {}

    /// Boxes on one picture by itself, nothing learnt from it; `None` where nobody can tell people from animals.
    fn glance(&mut self, picture: &Rgb) -> Option<Result<Vec<Detection>, String>>;
}

impl Judges for Judge {
    fn judge(&mut self, frames: &[Frame<'_>]) -> Judgement {
        Judge::judge(self, frames)
    }

    fn end_sequence(&mut self) {
        Judge::end_sequence(self);
    }

    fn learnt(&self) -> Option<Vec<u8>> {
        match serde_json::to_vec(Judge::learnt(self)) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                log::error!("what was learnt of the scene is not kept: {error}");
                None
            }
        }
    }

    fn recall(&mut self, learnt: &[u8]) {
        match serde_json::from_slice::<Learnt>(learnt) {
            Ok(learnt) => Judge::recall(self, learnt),
            Err(error) => log::error!("what was learnt of the scene cannot be read, learning anew: {error}"),
        }
    }

    fn merge(&self, bursts: &[Judgement]) -> Judgement {
        Judge::merge(self, bursts)
    }

    fn retune(&mut self, thresholds: &Thresholds) {
        if let Some(fault) = self.tune(|settings| models::tune(settings, thresholds)) {
            log::error!("the thresholds stay as they are: {fault}");
        }
    }

    fn spare(&mut self, effort: Effort) {
        self.tune(|settings| settings.effort = effort);
    }

    fn glance(&mut self, picture: &Rgb) -> Option<Result<Vec<Detection>, String>> {
        Judge::glance(self, picture)
    }
}

/// A burst that is in the journal for good.
pub struct Acknowledged<'a> {
    /// What the journal and the media folder made of it.
    pub stowed: &'a Stowed,
    /// What was recorded.
    pub burst: &'a Burst,
    /// Who asked for it.
    pub source: Source,
    /// Time the judgement took.
    pub judging: Duration,
}

/// The daemon at work.
pub struct Pipeline {
    devices: Devices,
    config: Config,
    judge: Box<dyn Judges>,
    models: Vec<String>,
    journal: Journal,
    media: MediaStore,
    open: OpenSequence,
    watch: Watch,
    totals: Totals,
    next_heartbeat: Duration,
    last_taken: Option<DateTime<Utc>>,
    retunes: Option<Receiver<Thresholds>>,
    lost_told: u64,
    live: Option<Arc<Live>>,
    ration: Option<Ration>,
    next_aim: Instant,
    camera_fails: bool,
    beat: Option<Beat>,
    keeper: Option<Keeper>,
    /// The watch has ended and the machine is awake, or about to go off.
    resting: bool,
    goes_off: bool,
    /// Triggers of the rest that were not answered.
    outside: u64,
    /// A sensor outside stands watch when the run is over.
    hands_over: bool,
}

impl Pipeline {
    /// Opens the journal and the media folder of `config` and takes up what was learnt. `models` names the models
    /// that `judge` uses, for the record.
    pub fn open(
        config: Config,
        devices: Devices,
        mut judge: Box<dyn Judges>,
        models: Vec<String>,
    ) -> Result<Pipeline, JournalError> {
        let (mut journal, opened) =
            Journal::open(&config.journal.path, &deployment(&config), &start(&*devices.clock))?;
        let media = MediaStore::open(&config.journal.media, retention(&config))?;
        let swept = media.sweep(&mut journal, devices.clock.utc().0, opened.quarantined.is_some())?;
        tell(&opened, &swept);
        if let Some(learnt) = journal.state(LEARNT)? {
            judge.recall(&learnt);
        }
        let next_heartbeat = devices.clock.monotonic() + HEARTBEAT;
        let mut devices = devices;
        spent::recall(&journal, &mut devices, opened.cut_short)?;
        let pipeline = Pipeline {
            devices,
            config,
            judge,
            models,
            journal,
            media,
            open: OpenSequence::default(),
            watch: Watch::default(),
            totals: Totals::default(),
            next_heartbeat,
            last_taken: None,
            retunes: None,
            lost_told: 0,
            live: None,
            ration: None,
            next_aim: Instant::now(),
            camera_fails: false,
            beat: None,
            keeper: None,
            resting: false,
            goes_off: false,
            outside: 0,
            hands_over: false,
        };
        Ok(pipeline)
    }

    /// Leaves notes for whoever watches, and takes aim frames when they wish for them.
    pub fn show(&mut self, live: Arc<Live>) {
        self.live = Some(live);
    }

    /// Says at every step that it goes on.
    pub fn watched(&mut self, beat: Beat) {
        self.beat = Some(beat);
    }

    fn step(&self) {
        if let Some(beat) = &self.beat {
            beat.beat();
        }
    }

    /// Looks less at bursts while the battery is low, if the site wishes so.
    pub fn ration(&mut self, gauges: Box<dyn Gauges>) {
        self.ration = Ration::new(&self.config.models, gauges);
    }

    /// Takes thresholds from elsewhere (commands), looked for before every burst.
    pub fn listen(&mut self, retunes: Receiver<Thresholds>) {
        self.retunes = Some(retunes);
    }

    /// Stands watch until `stop` is set, `limit` triggers were answered, no more can come or the power plan has the
    /// machine go off; then writes the row of an orderly end. `told` hears of every burst once it is in the journal for good.
    pub fn run(
        &mut self,
        stop: &AtomicBool,
        limit: Option<u64>,
        told: &mut dyn FnMut(&Acknowledged<'_>),
    ) -> Result<(), JournalError> {
        let mut left = limit.unwrap_or(u64::MAX);
        while left > 0 && !stop.load(Ordering::SeqCst) && !self.devices.trigger.exhausted() {
            self.step();
            let triggered = self.wait();
            // After the wait: by the time of the trigger, not by that of the one before.
            if self.power()? {
                return self.count_outside();
            }
            // Whoever asks for a burst gets one at any hour.
            let wanted = |triggered: &Triggered| !self.resting || triggered.source == Source::Asked;
            if triggered.as_ref().is_some_and(|triggered| !wanted(triggered)) {
                self.outside += 1;
            }
            if let Some(triggered) = triggered.filter(wanted) {
                self.step();
                self.answer(triggered, told)?;
                left -= 1;
            } else {
                self.devices.camera.idle();
                self.aim();
            }
            self.heartbeat()?;
        }
        if self.resting {
            return self.count_outside();
        }
        self.judge.end_sequence();
        self.effort(if self.hands_over { EffortKind::Handover } else { EffortKind::Stop })
    }

    /// The run is one of many short ones: after it a sensor outside stands watch ([`EffortKind::Handover`]).
    pub fn hands_over(&mut self) {
        self.hands_over = true;
    }

    /// What happened since the start.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The journal, for reading what was recorded.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// A trigger, if one comes soon.
    fn wait(&mut self) -> Option<Triggered> {
        // While somebody aims, what is left until the next aim frame.
        let until_aim = self.next_aim.saturating_duration_since(Instant::now()).min(GLANCE);
        let glance = if self.aiming() { until_aim } else { GLANCE };
        match self.devices.trigger.wait(glance) {
            Ok(triggered) => triggered,
            Err(fault) => {
                log::error!("{fault}");
                std::thread::sleep(AFTER_FAULT);
                None
            }
        }
    }

    fn aiming(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.aiming().is_some())
    }

    /// Takes an aim frame when one is wished for and due. A trigger goes before it.
    fn aim(&mut self) {
        let Some(live) = self.live.as_ref().filter(|live| live.aiming().is_some()) else { return };
        if Instant::now() < self.next_aim {
            return;
        }
        self.next_aim = Instant::now() + aim::PERIOD;
        let floor = self.media.retention().person_floor;
        let judge = &mut self.judge;
        let camera = &mut *self.devices.camera;
        let taken = self.devices.clock.utc().0;
        let frame = catch_unwind(AssertUnwindSafe(|| aim::frame(camera, &mut **judge, floor, taken)));
        live.note(Note::Aim(
            frame.unwrap_or_else(|_| aim::failed(taken, "the program failed on this picture")),
        ));
    }

    fn note(&self, note: impl FnOnce() -> Note) {
        if let Some(live) = &self.live {
            live.note(note());
        }
    }

    /// One burst, from the trigger to the journal.
    fn answer(
        &mut self,
        triggered: Triggered,
        told: &mut dyn FnMut(&Acknowledged<'_>),
    ) -> Result<(), JournalError> {
        let shutter = Instant::now();
        let first = self.totals.frames == 0;
        if first && !self.hands_over {
            start::reached("camera asked");
        }
        // Whoever walks in front of the trap wants to see what the sensor sees.
        if triggered.source.senses() {
            self.note(|| Note::Triggered(triggered.at));
        }
        if let Some(thresholds) = self.retunes.as_ref().and_then(|told| told.try_iter().last()) {
            self.judge.retune(&thresholds);
        }
        if let Some(effort) = self.ration.as_mut().and_then(Ration::change) {
            self.judge.spare(effort);
        }
        self.watch.trigger(triggered.suppressed);
        if self.last_taken.is_some_and(|last| triggered.at - last > gap(&self.config)) {
            self.judge.end_sequence();
        }
        let shots = self.shoot(triggered.at);
        self.keep_spent();
        self.step();
        self.last_taken = shots.iter().map(|shot| shot.taken).max().or(self.last_taken);
        let begun = Instant::now();
        let spares = self.keeper.as_ref().is_some_and(Keeper::spares_judge);
        let judged = if spares { unjudged(&shots) } else { self.look(&shots) };
        let judging = begun.elapsed();
        self.totals.spend(&judged.spent, judging);
        let circumstances = Circumstances {
            triggered: triggered.at,
            cause: Cause { source: triggered.source, detail: triggered.detail.as_deref().map(str::to_owned) },
            clock: self.devices.clock.utc().1,
            millis: u32::try_from(shutter.elapsed().as_millis()).unwrap_or(u32::MAX),
            suppressed: triggered.suppressed,
            models: if spares { &[] } else { &self.models },
        };
        let mut burst = record::burst(&circumstances, &shots, &judged);
        self.step();
        if let Some(stowed) = self.stow(&mut burst, &judged, &shots)? {
            self.devices.camera.journaled();
            if spares {
                self.journal.count(UNJUDGED, 1)?;
            }
            if first {
                start::reached("event journaled");
            }
            self.merge(&stowed.recorded, judged)?;
            self.note(|| Note::Burst { key: stowed.recorded.key, judging });
            told(&Acknowledged { stowed: &stowed, burst: &burst, source: triggered.source, judging });
        }
        Ok(())
    }

    /// Judges the burst. A fault in the program must not end the watch nor pass for an empty.
    fn look(&mut self, shots: &[Shot]) -> Judgement {
        let judge = &mut self.judge;
        catch_unwind(AssertUnwindSafe(|| judge.judge(&frames(shots)))).unwrap_or_else(|_| {
            log::error!("the program failed on this burst; it is kept as failed");
            Judgement::failed(shots.len(), "the program failed on this burst")
        })
    }

    /// Takes the burst. A camera that does not answer gives frames that say so: they are kept and flagged.
    fn shoot(&mut self, at: DateTime<Utc>) -> Vec<Shot> {
        let plan = self.config.burst;
        let taken = self.devices.camera.burst(plan.frames, plan.interval);
        if taken.is_err() || self.camera_fails {
            self.camera_fails = taken.is_err();
            let told = taken.as_ref().map(|_| ()).map_err(ToString::to_string);
            self.note(|| Note::Camera(told));
        }
        let shots = taken.unwrap_or_else(|fault| {
            log::error!("{fault}");
            self.watch.failed_capture();
            vec![Shot { taken: at, jpeg: Err(fault.to_string()) }; plan.frames]
        });
        let arrived = shots.iter().find(|shot| shot.jpeg.is_ok()).filter(|_| self.totals.frames == 0);
        if let Some(ago) = arrived.and_then(|shot| (self.devices.clock.utc().0 - shot.taken).to_std().ok()) {
            start::was("first frame", ago);
        }
        self.totals.frames += shots.len() as u64;
        self.totals.taken += shots.iter().flat_map(|s| &s.jpeg).map(|jpeg| jpeg.len() as u64).sum::<u64>();
        shots
    }

    /// Puts pictures and rows on the card. Where pictures do not fit they are lost first, then the burst: it is
    /// counted and told, and the watch goes on, for a technician may free the card.
    fn stow(
        &mut self,
        burst: &mut Burst,
        judged: &Judgement,
        shots: &[Shot],
    ) -> Result<Option<Stowed>, JournalError> {
        let floor = self.media.retention().person_floor;
        let (offered, faults) = pictures::offer(judged, shots, self.config.retention.people, floor);
        burst.faults.extend(faults);
        let told_before = burst.faults.len();
        let offered: Vec<_> = offered.iter().map(Offered::as_picture).collect();
        let stowed = match self.media.record(&mut self.journal, burst, &offered) {
            Err(error) if error.is_full() => {
                burst.faults.push(format!("pictures not kept: {error}"));
                self.media.record(&mut self.journal, burst, &[])
            }
            done => done,
        };
        for fault in burst.faults.iter().skip(told_before) {
            log::error!("{fault}");
        }
        self.totals.pictureless += u64::from(burst.faults.len() > told_before);
        match stowed {
            Ok(stowed) => {
                self.account(burst, &stowed);
                Ok(Some(stowed))
            }
            Err(error) if error.is_full() => {
                log::error!("burst of {} is lost ({}): {error}", burst.triggered, burst.outcome.as_str());
                self.totals.bursts_lost += 1;
                self.note(|| Note::Lost);
                Ok(None)
            }
            Err(error) => {
                log::error!("burst of {} is lost ({}): {error}", burst.triggered, burst.outcome.as_str());
                self.totals.bursts_lost += 1;
                self.note(|| Note::Lost);
                // The watch ends with this error, and with it the rows that would have told. The counter is tried now.
                if let Err(also) = self.count_lost() {
                    log::error!("the lost burst is counted nowhere but here: {also}");
                }
                Err(error)
            }
        }
    }

    fn count_lost(&mut self) -> Result<(), JournalError> {
        count_lost(&mut self.journal, self.totals.bursts_lost, &mut self.lost_told)
    }

    /// Counts what is on the card now.
    fn account(&mut self, burst: &Burst, stowed: &Stowed) {
        self.watch.judged(burst.outcome);
        self.totals.count(burst.outcome);
        self.totals.events += stowed.recorded.events.len() as u64;
        self.totals.kept += stowed.kept.iter().map(|file| file.media.bytes).sum::<u64>();
        if stowed.recorded.reserve_used {
            log::error!("the card is full: the journal's reserve was given up for this burst");
        }
        for file in &stowed.room.deleted {
            log::warn!("deleted {} to make room", file.path);
        }
        self.totals.media_deleted += stowed.room.deleted.len() as u64;
    }

    /// Recomputes the sequence that the burst joined.
    fn merge(&mut self, recorded: &Recorded, judged: Judgement) -> Result<(), JournalError> {
        let Some(bursts) = self.open.join(recorded, judged) else { return Ok(()) };
        let judge = &self.judge;
        let Ok(merged) = catch_unwind(AssertUnwindSafe(|| merge::verdict(&judge.merge(bursts)))) else {
            log::error!("the program failed on sequence {}, which keeps its first label", recorded.sequence);
            return Ok(());
        };
        match self.journal.update_sequence(recorded.sequence, &merged) {
            Err(error) if error.is_full() => {
                log::error!("sequence {} keeps its first label: {error}", recorded.sequence);
                Ok(())
            }
            done => done,
        }
    }

    /// Writes the hourly row when it is due.
    fn heartbeat(&mut self) -> Result<(), JournalError> {
        let now = self.devices.clock.monotonic();
        if now < self.next_heartbeat || self.resting {
            return Ok(());
        }
        self.next_heartbeat = now + HEARTBEAT;
        self.effort(EffortKind::Heartbeat)
    }

    /// Writes an effort row and what was learnt. A full card costs the row, not the watch: the counts go on.
    fn effort(&mut self, kind: EffortKind) -> Result<(), JournalError> {
        let (at, clock) = self.devices.clock.utc();
        self.watch.suppressed(self.devices.trigger.take_suppressed());
        self.keep_spent();
        let written = self.journal.log_effort(kind, at, clock, self.watch.effort()).and_then(|()| {
            self.watch.written();
            count_lost(&mut self.journal, self.totals.bursts_lost, &mut self.lost_told)?;
            match self.judge.learnt() {
                Some(learnt) => self.journal.put_state(LEARNT, &learnt),
                None => Ok(()),
            }
        });
        match written {
            Err(error) if error.is_full() => {
                log::error!("effort is not logged yet: {error}");
                Ok(())
            }
            done => done,
        }
    }
}

/// Brings the journal's counter of lost bursts up to `lost`, of which it knows `told`.
fn count_lost(journal: &mut Journal, lost: u64, told: &mut u64) -> Result<(), JournalError> {
    if lost > *told {
        journal.count(BURSTS_LOST, lost - *told)?;
        *told = lost;
    }
    Ok(())
}

/// Says what the start found.
fn tell(opened: &Opened, swept: &Swept) {
    log::info!("start {} of this trap", opened.boot);
    if let Some(aside) = &opened.quarantined {
        log::error!("the journal was damaged: {aside:?}; {} sound rows were saved", opened.salvaged);
    }
    if opened.cut_short {
        log::warn!("the run before this one was cut short");
    }
    if opened.reserve_used {
        log::error!("the card is full: the journal's reserve was given up to start");
    }
    if !swept.is_clean() {
        log::warn!("pictures and journal were brought into agreement: {swept:?}");
    }
}

/// The frames as the judge takes them.
fn frames(shots: &[Shot]) -> Vec<Frame<'_>> {
    shots.iter().map(|shot| shot.jpeg.as_deref().map_err(String::as_str)).collect()
}

fn deployment(config: &Config) -> Deployment {
    let (latitude, longitude) = config.site.coordinates.unzip();
    let setup = config.site.setup.clone();
    Deployment { name: config.site.name.clone(), latitude, longitude, gap: gap(config), setup }
}

/// Longest time between two pictures of one sequence.
fn gap(config: &Config) -> TimeDelta {
    TimeDelta::from_std(config.burst.gap).unwrap_or(TimeDelta::MAX)
}

/// The store's policy for what the site chose.
fn retention(config: &Config) -> Retention {
    let chosen = &config.retention;
    Retention {
        sightings: match chosen.sightings {
            KeepSightings::Best => Sightings::BestFrame,
            KeepSightings::All => Sightings::AllFrames,
        },
        people_blurred: chosen.people == KeepPeople::Blur,
        audit_empties: chosen.empties_one_in.unwrap_or(0),
        budget_bytes: chosen.budget,
        free_floor_bytes: chosen.floor,
        rare_below: chosen.rare_below,
        protect_unsent: chosen.keep_unsent,
        ..Retention::default()
    }
}

fn start(clock: &dyn Clock) -> Start {
    let (at, quality) = clock.utc();
    Start { at, clock: quality, kernel_boot: spent::kernel_boot() }
}
