//! A trap whose every answer a test chooses.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::board::Profile;
use crate::config::{Config, Thresholds};
use crate::daemon::pipeline::Judges;
use crate::doctor::{Check, Daemon, Finding, Hands, Linked, Loaded, Patient, Roots};
use crate::event::Outcome;
use crate::hal::{
    Camera, Charge, Clock, DeviceError, Fix, Gauges, Locator, PowerControl, Shot, Source, Strain, Trigger,
    Triggered,
};
use crate::image::Rgb;
use crate::units::ClockQuality;
use crate::vision::judge::Frame;
use crate::vision::{Detection, Judgement};

/// A clock that runs, from a time and with a quality that the test sets.
pub struct FakeClock {
    pub utc: DateTime<Utc>,
    pub quality: ClockQuality,
    begun: Instant,
}

impl Clock for FakeClock {
    fn monotonic(&self) -> Duration {
        self.begun.elapsed()
    }
    fn utc(&self) -> (DateTime<Utc>, ClockQuality) {
        (self.utc, self.quality)
    }
    fn correct(&self, _: DateTime<Utc>, _: ClockQuality) -> TimeDelta {
        TimeDelta::zero()
    }
}

#[derive(Default)]
pub struct FakeGauges {
    pub charge: Option<Charge>,
    pub temperature: Option<i8>,
    pub strain: Option<Strain>,
    pub fault: Option<String>,
}

impl Gauges for FakeGauges {
    fn battery(&self) -> Option<u16> {
        self.charge?.millivolts
    }
    fn temperature(&self) -> Option<i8> {
        self.temperature
    }
    fn charge(&self) -> Option<Charge> {
        self.charge
    }
    fn strain(&self) -> Option<Strain> {
        self.strain
    }
    fn fault(&self) -> Option<String> {
        self.fault.clone()
    }
}

/// A sensor.
#[derive(Clone, Copy, PartialEq)]
pub enum Sensor {
    Sees,
    Blind,
    Breaks,
    /// Its line is not there.
    Gone,
}

/// A satellite receiver.
#[derive(Clone, Copy, PartialEq)]
pub enum Sky {
    /// There is none.
    Absent,
    Silent,
    Fix,
}

impl Locator for Sky {
    fn fix(&mut self, _: Duration) -> Result<Option<Fix>, DeviceError> {
        match self {
            Sky::Fix => Ok(Some(Fix { utc: Utc::now(), place: Some((46.512, 25.301)) })),
            _ => Err(fault("nothing came")),
        }
    }
}

/// A power board.
#[derive(Clone, Copy, PartialEq)]
pub enum Board {
    Silent,
    /// It answers and has lost the time.
    Lost,
    Knows,
}

impl PowerControl for Board {
    fn name(&self) -> &str {
        "board"
    }
    fn longest(&self) -> Duration {
        Duration::MAX
    }
    fn arm(&mut self, _: Duration) -> Result<Duration, DeviceError> {
        Err(fault("the doctor sets no alarm"))
    }
    fn armed(&mut self) -> Result<Option<Duration>, DeviceError> {
        Ok(None)
    }
    fn disarm(&mut self) -> Result<(), DeviceError> {
        Err(fault("the doctor sets no alarm"))
    }
    fn time(&mut self) -> Result<Option<DateTime<Utc>>, DeviceError> {
        match self {
            Board::Silent => Err(fault("no answer")),
            Board::Lost => Ok(None),
            Board::Knows => Ok(Some(Utc::now())),
        }
    }
}

fn fault(what: &str) -> DeviceError {
    DeviceError { device: "fake".to_owned(), what: what.to_owned(), cure: "mend it".to_owned() }
}

impl Trigger for Sensor {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        match self {
            Sensor::Sees => {
                Ok(Some(Triggered { at: Utc::now(), source: Source::Pir, detail: None, suppressed: 0 }))
            }
            Sensor::Breaks | Sensor::Gone => Err(fault("the line cannot be read")),
            Sensor::Blind => {
                std::thread::sleep(deadline);
                Ok(None)
            }
        }
    }
}

struct FakeCamera(Result<Vec<Result<Vec<u8>, String>>, String>);

impl Camera for FakeCamera {
    fn burst(&mut self, _: usize, _: Duration) -> Result<Vec<Shot>, DeviceError> {
        let shots = self.0.clone().map_err(|what| fault(&what))?;
        Ok(shots.into_iter().map(|jpeg| Shot { taken: Utc::now(), jpeg }).collect())
    }
}

struct FakeJudge(Outcome);

impl Judges for FakeJudge {
    fn judge(&mut self, frames: &[Frame<'_>]) -> Judgement {
        let mut judged = Judgement::failed(frames.len(), "the network failed");
        if self.0 != Outcome::Failed {
            judged.outcome = self.0;
            judged.faults.clear();
            judged.frames.iter_mut().for_each(|frame| frame.failed = None);
        }
        judged
    }
    fn end_sequence(&mut self) {}
    fn learnt(&self) -> Option<Vec<u8>> {
        None
    }
    fn recall(&mut self, _: &[u8]) {}
    fn merge(&self, bursts: &[Judgement]) -> Judgement {
        bursts[0].clone()
    }
    fn retune(&mut self, _: &Thresholds) {}
    fn glance(&mut self, _: &Rgb) -> Option<Result<Vec<Detection>, String>> {
        None
    }
}

/// Who can be asked.
pub struct FakeHands {
    pub sensor: Option<Sensor>,
    pub shots: Result<Vec<Result<Vec<u8>, String>>, String>,
    pub newest: Option<(DateTime<Utc>, Vec<u8>)>,
    pub models: Result<Vec<String>, String>,
    pub judged: Outcome,
    pub links: Vec<(String, Linked)>,
    /// Programs that are there, and what they write.
    pub programs: Vec<(&'static str, String)>,
    /// Whether a running trap takes a burst when somebody waves.
    pub fires: bool,
    pub waves: usize,
    pub sky: Sky,
    pub board: Board,
}

impl Hands for FakeHands {
    fn sensor(&mut self) -> Result<Option<Box<dyn Trigger>>, DeviceError> {
        match self.sensor {
            Some(Sensor::Gone) => Err(fault("there is no such line")),
            sensor => Ok(sensor.map(|sensor| Box::new(sensor) as Box<dyn Trigger>)),
        }
    }
    fn camera(&mut self) -> Result<Option<Box<dyn Camera>>, DeviceError> {
        Ok(Some(Box::new(FakeCamera(self.shots.clone()))))
    }
    fn control(&mut self) -> Option<Box<dyn PowerControl>> {
        Some(Box::new(self.board))
    }
    fn locator(&mut self) -> Result<Option<Box<dyn Locator>>, DeviceError> {
        let sky = self.sky;
        Ok((sky != Sky::Absent).then(|| Box::new(sky) as Box<dyn Locator>))
    }
    fn picture(&mut self) -> Option<(DateTime<Utc>, Vec<u8>)> {
        self.newest.clone()
    }
    fn networks(&mut self) -> Result<Loaded, String> {
        let names = self.models.clone()?;
        Ok(Loaded { names, took: Duration::from_millis(5), judge: Box::new(FakeJudge(self.judged)) })
    }
    fn bench(&mut self) -> Result<Vec<Vec<u8>>, String> {
        Ok(vec![vec![1], vec![2]])
    }
    fn links(&mut self) -> Vec<(String, Linked)> {
        self.links.clone()
    }
    fn program(&mut self, program: &str, _: &[&str]) -> io::Result<String> {
        let found = self.programs.iter().find(|(name, _)| *name == program);
        found.map(|(_, text)| text.clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn triggered(&mut self) -> Option<DateTime<Utc>> {
        (self.fires && self.waves > 1).then(Utc::now)
    }
    fn wave(&mut self, _: Duration) {
        self.waves += 1;
    }
}

/// All of it.
pub struct Trap {
    folder: tempfile::TempDir,
    pub config: Config,
    pub file: Option<PathBuf>,
    pub profile: Option<Profile>,
    pub clock: FakeClock,
    pub gauges: FakeGauges,
    pub daemon: Option<Daemon>,
    pub hands: FakeHands,
    pub patience: Duration,
    pub at_home: bool,
}

impl Trap {
    /// A trap whose files lie in a folder of their own.
    pub fn new() -> Trap {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.journal.path = folder.path().join("trap.db");
        config.journal.media = folder.path().join("media");
        config.out.directory.path = folder.path().join("outbox");
        Trap {
            folder,
            config,
            file: None,
            profile: None,
            clock: FakeClock { utc: Utc::now(), quality: ClockQuality::Rtc, begun: Instant::now() },
            gauges: FakeGauges::default(),
            daemon: None,
            hands: FakeHands {
                sensor: None,
                shots: Ok(Vec::new()),
                newest: None,
                models: Ok(Vec::new()),
                judged: Outcome::Empty,
                links: Vec::new(),
                programs: Vec::new(),
                fires: false,
                waves: 0,
                sky: Sky::Absent,
                board: Board::Silent,
            },
            patience: Duration::from_secs(1),
            at_home: false,
        }
    }

    /// A place in the trap's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the system.
    pub fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A journal with one burst in it.
    pub fn journal(&self) {
        use crate::store::{Deployment, Journal, Start};
        let deployment = Deployment {
            name: "trap".to_owned(),
            latitude: None,
            longitude: None,
            gap: TimeDelta::seconds(20),
            setup: crate::deployment::Setup::default(),
        };
        let start = Start { at: Utc::now(), clock: ClockQuality::Rtc, kernel_boot: String::new() };
        let (mut journal, _) = Journal::open(&self.config.journal.path, &deployment, &start).unwrap();
        let cause = crate::store::record::Cause { source: Source::Pir, detail: None };
        let circumstances = crate::daemon::record::Circumstances {
            cause,
            triggered: Utc::now(),
            clock: ClockQuality::Rtc,
            millis: 5,
            suppressed: 0,
            models: &[],
        };
        let shots = [Shot { taken: Utc::now(), jpeg: Err("none".to_owned()) }];
        let judged = Judgement::failed(1, "none");
        let burst = crate::daemon::record::burst(&circumstances, &shots, &judged);
        journal.record(&burst, &[]).unwrap();
    }

    /// What a check finds.
    pub fn ask(&mut self, check: &Check) -> Vec<Finding> {
        let root = |name: &str| self.folder.path().join(name);
        let mut patient = Patient {
            config: &self.config,
            file: self.file.as_deref(),
            profile: self.profile.as_ref(),
            roots: Roots { sys: root("sys"), dev: root("dev"), proc: root("proc"), etc: root("etc") },
            clock: &self.clock,
            gauges: &self.gauges,
            daemon: self.daemon.clone(),
            journals: vec![self.config.journal.path.clone()],
            hands: &mut self.hands,
            patience: self.patience,
            at_home: self.at_home,
            asked: Default::default(),
        };
        (check.examine)(check, &mut patient)
    }
}

/// A JPEG of 320 x 240 with this brightness at each place.
pub fn picture(bright: &dyn Fn(u32, u32) -> u8) -> Vec<u8> {
    let (width, height) = (320, 240);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let data = pixels.flat_map(|(x, y)| [bright(x, y); 3]).collect();
    crate::image::encode_jpeg(&Rgb { width, height, data }, 92).unwrap()
}
