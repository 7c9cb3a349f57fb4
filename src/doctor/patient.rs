//! What checks ask: the site's choice, files below a root, the board's devices, a running daemon, a technician.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::board::Profile;
use crate::config::Config;
use crate::daemon::pipeline::Judges;
use crate::event::EventKey;
use crate::hal::{
    Camera, Clock, DeviceError, Gauges, Link, Locator, PowerControl, Shot, Signal, Trigger, Uplink,
    UplinkError,
};
use crate::store::Reader;
use crate::store::record::{MediaKind, StoredMedia};

/// A program that takes longer hangs. What it writes fits a pipe.
const PROGRAM: Duration = Duration::from_secs(5);

/// Time to bring a link up: a cellular modem needs a minute to find its network.
const READY: Duration = Duration::from_secs(90);

/// Bursts that are looked through for a whole picture.
const BACK: usize = 50;

/// Where the system shows itself; others in tests.
#[derive(Debug, Clone)]
pub struct Roots {
    /// `/sys`.
    pub sys: PathBuf,
    /// `/dev`.
    pub dev: PathBuf,
    /// `/proc`.
    pub proc: PathBuf,
    /// `/etc`.
    pub etc: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        let path = PathBuf::from;
        Roots { sys: path("/sys"), dev: path("/dev"), proc: path("/proc"), etc: path("/etc") }
    }
}

/// The last burst that a daemon recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Burst {
    /// Its key.
    pub key: EventKey,
    /// When it was triggered.
    pub at: DateTime<Utc>,
    /// How long its judgement took, or shutter to verdict where only the journal tells.
    pub took: Duration,
    /// Frames that could not be read, and all.
    pub failed: (usize, usize),
}

/// What a device of a running daemon said last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Answer {
    /// It was not asked yet, or nobody knows.
    #[default]
    Unknown,
    /// It answered.
    Well,
    /// It did not.
    Failed(String),
}

/// What is known of a daemon that runs and holds its devices.
#[derive(Debug, Clone, Default)]
pub struct Daemon {
    /// Its last burst.
    pub last: Option<Burst>,
    /// When its trigger fired last.
    pub triggered: Option<DateTime<Utc>>,
    /// The camera.
    pub camera: Answer,
    /// Why the last aim frame could not be shown.
    pub aim: Option<String>,
    /// Bursts of which nothing is left.
    pub lost: u64,
    /// Notes that the page missed.
    pub missed: u64,
    /// The models it judges by, where it says so.
    pub models: Option<Vec<String>>,
}

/// Networks, loaded.
pub struct Loaded {
    /// For the record: `role name@hash`.
    pub names: Vec<String>,
    /// How long loading took.
    pub took: Duration,
    /// Who judges with them.
    pub judge: Box<dyn Judges>,
}

/// What an uplink said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linked {
    /// It carries, with this signal where it tells one.
    Up(Option<Signal>),
    /// It answers and has no session; joining would go over the air.
    NotJoined(Option<Signal>),
    /// It wants a pause.
    Busy(Duration),
    /// It does not: what it says, with its cure.
    Down(String),
}

/// Who can be asked: each question opens a device, and lets it go again.
pub trait Hands {
    /// The board's sensor alone, without the time-lapse and whoever else triggers; `None`: it has none.
    fn sensor(&mut self) -> Result<Option<Box<dyn Trigger>>, DeviceError>;

    /// The board's camera; `None`: it takes no pictures of its own accord (a spool folder).
    fn camera(&mut self) -> Result<Option<Box<dyn Camera>>, DeviceError>;

    /// The board's satellite receiver; `None`: it has none, or somebody else asks it.
    fn locator(&mut self) -> Result<Option<Box<dyn Locator>>, DeviceError> {
        Ok(None)
    }

    /// What wakes the board's machine; `None`: nothing does, or somebody else asks it.
    fn control(&mut self) -> Option<Box<dyn PowerControl>> {
        None
    }

    /// The newest whole picture that was taken, and when.
    fn picture(&mut self) -> Option<(DateTime<Utc>, Vec<u8>)>;

    /// The networks that the site chose.
    fn networks(&mut self) -> Result<Loaded, String>;

    /// A burst of the bench world with something in it, to judge.
    fn bench(&mut self) -> Result<Vec<Vec<u8>>, String>;

    /// Every uplink of the site, by name.
    fn links(&mut self) -> Vec<(String, Linked)>;

    /// What a program wrote to its standard output; it ended well, within its time.
    fn program(&mut self, program: &str, arguments: &[&str]) -> io::Result<String> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let begun = Instant::now();
        while child.try_wait()?.is_none() {
            if begun.elapsed() > PROGRAM {
                child.kill()?;
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(io::Error::other(output.status.to_string()));
        }
        String::from_utf8(output.stdout).map_err(io::Error::other)
    }

    /// When the trigger of a running daemon fired last.
    fn triggered(&mut self) -> Option<DateTime<Utc>>;

    /// Asks the technician to wave before the sensor for so long.
    fn wave(&mut self, limit: Duration);
}

/// The trap.
pub struct Patient<'a> {
    /// What the site chose, or why it cannot be read.
    pub config: &'a Config,
    /// The file it came from.
    pub file: Option<&'a Path>,
    /// The board's profile; `None` where it is not known.
    pub profile: Option<&'a Profile>,
    /// Where the system shows itself.
    pub roots: Roots,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Battery and temperature.
    pub gauges: &'a dyn Gauges,
    /// A daemon that runs and holds the devices.
    pub daemon: Option<Daemon>,
    /// Journals to look at: the trap's, or those of a laptop.
    pub journals: Vec<PathBuf>,
    /// Who can be asked.
    pub hands: &'a mut dyn Hands,
    /// How long the technician may take to wave.
    pub patience: Duration,
    /// A card on a laptop, with no trap around it.
    pub at_home: bool,
    /// What was asked before: networks take long to load, bursts to take.
    pub asked: Asked,
}

/// What several checks look at, asked once.
#[derive(Default)]
pub struct Asked {
    networks: Option<Result<Loaded, String>>,
    shots: Option<Result<Option<Vec<Shot>>, String>>,
}

impl Patient<'_> {
    /// The networks, loaded.
    pub(super) fn networks(&mut self) -> &mut Result<Loaded, String> {
        self.asked.networks.get_or_insert_with(|| self.hands.networks())
    }

    /// A burst of the camera; `None` where it takes none of its own accord.
    pub(super) fn shots(&mut self) -> &Result<Option<Vec<Shot>>, String> {
        let (frames, interval) = (self.config.burst.frames, self.config.burst.interval);
        self.asked.shots.get_or_insert_with(|| {
            let Some(mut camera) = self.hands.camera().map_err(|fault| fault.to_string())? else {
                return Ok(None);
            };
            camera.burst(frames, interval).map(Some).map_err(|fault| fault.to_string())
        })
    }

    /// The folder of the journal.
    pub(super) fn card(&self) -> PathBuf {
        let journal = self.journals.first().unwrap_or(&self.config.journal.path);
        let folder = journal.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).to_owned()
    }
}

/// Asks an uplink how it is. Nothing goes over the air for a join that nobody paid for: `ready` brings it up where it
/// need not join, or where the caller pays.
pub fn link(
    uplink: &mut dyn Uplink,
    ready: &mut dyn FnMut(&mut dyn Uplink) -> Result<Link, UplinkError>,
) -> Linked {
    let signal = uplink.signal(READY).ok().flatten();
    match ready(uplink) {
        Ok(_) | Err(UplinkError::TooLong { .. }) => {
            Linked::Up(signal.or_else(|| uplink.signal(READY).ok().flatten()))
        }
        Err(UplinkError::Unpaid) => Linked::NotJoined(signal),
        Err(UplinkError::Wait(pause)) => Linked::Busy(pause),
        Err(UplinkError::Down(fault) | UplinkError::Refused(fault)) => Linked::Down(fault.to_string()),
    }
}

/// Brings a link up as far as nothing must be paid for.
pub fn free_of_charge(uplink: &mut dyn Uplink) -> Result<Link, UplinkError> {
    uplink.ready(READY)
}

/// What the journal of a running daemon tells of it.
pub fn by_journal(reader: &Reader) -> Daemon {
    let last = reader.summaries(0).ok().and_then(|list| list.items.last().map(|last| last.key));
    let stored =
        last.and_then(|key| reader.event(key).ok().flatten()).and_then(|list| list.items.into_iter().next());
    let last = stored.map(|stored| {
        let frames = &stored.burst.frames;
        let failed = frames.iter().filter(|frame| frame.failed.is_some()).count();
        Burst {
            key: stored.key,
            at: stored.burst.triggered,
            took: Duration::from_millis(stored.burst.millis.into()),
            failed: (failed, frames.len()),
        }
    });
    Daemon { triggered: last.as_ref().map(|last| last.at), last, ..Daemon::default() }
}

/// The newest whole picture of a journal whose pictures lie in `media`.
pub fn newest_picture(reader: &Reader, media: &Path) -> Option<(DateTime<Utc>, Vec<u8>)> {
    let bursts = reader.summaries(0).ok()?.items;
    bursts.iter().rev().take(BACK).find_map(|summary| {
        let stored = reader.event(summary.key).ok()??.items.into_iter().next()?;
        let whole =
            |file: &&StoredMedia| file.owned && file.gone.is_none() && file.media.kind == MediaKind::Frame;
        let file = stored.media.iter().rev().find(whole)?;
        Some((summary.triggered, std::fs::read(media.join(&file.media.path)).ok()?))
    })
}

/// A line of text from a file.
pub(super) fn line(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}
