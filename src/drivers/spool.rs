//! Pictures that another camera or program puts into a folder: a trail camera's card, a phone's upload.
//!
//! A folder and all below it are looked through now and then. A file counts once it has not changed between two looks
//! and ends as a JPEG ends, so none is taken half written; one that never ends is given as it is after a while, to be
//! kept as failed. Files come in the order of their EXIF times and are grouped into bursts by their distance. What
//! becomes of them once the burst is in the journal is the board's choice; before, nothing is touched. When the power
//! goes in between, the burst is there twice, never lost.
//!
//! Trigger and camera are two ends of one spool.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta, TimeZone, Utc};
use walkdir::WalkDir;

use crate::hal::{Camera, Clock, DeviceError, Shot, Source, Trigger, Triggered};
use crate::image::Header;

/// A file that does not end as a JPEG ends is waited for so many looks, then given as it is.
const UNFINISHED_LOOKS: u32 = 20;

/// With so many whole files in hand, those that are still coming in are not waited for.
const MANY: usize = 20;

/// Longest file that is read, bytes: a 64-megapixel camera at quality 100 stays below.
const LONGEST: u64 = 48 * 1024 * 1024;

/// Names the file that lists what was taken where files stay.
const TAKEN: &str = ".trapline-taken";

/// What becomes of files that are in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum After {
    /// They stay; a list beside them remembers that they were taken.
    #[default]
    Keep,
    /// They go to another folder on the same card.
    Move,
    /// They are deleted.
    Delete,
}

/// How the folder is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The folder.
    pub folder: PathBuf,
    /// What becomes of files.
    pub after: After,
    /// Where they go under [`After::Move`].
    pub moved_to: PathBuf,
    /// Between two looks.
    pub look: Duration,
    /// Longest time between two pictures of one burst.
    pub gap: TimeDelta,
    /// Where the camera's clock stands, for pictures that do not say.
    pub zone: FixedOffset,
}

/// The folder and what is known of it.
struct Spool {
    options: Options,
    clock: Arc<dyn Clock>,
    looked: Option<Duration>,
    /// Size and change time of files at the last look, and looks at which they were the same and not whole.
    seen: BTreeMap<PathBuf, (u64, Option<std::time::SystemTime>, u32)>,
    /// Whole files, in the order of their times.
    ready: BTreeSet<(DateTime<Utc>, PathBuf)>,
    /// The burst that is on: files that the camera is to give, then those that wait for the journal.
    burst: Vec<(DateTime<Utc>, PathBuf)>,
    given: Vec<PathBuf>,
    taken: BTreeSet<PathBuf>,
}

/// The two ends of a spool.
pub fn spool(options: Options, clock: Arc<dyn Clock>) -> (SpoolTrigger, SpoolCamera) {
    let taken = fs::read_to_string(options.folder.join(TAKEN)).unwrap_or_default();
    let taken = taken.lines().map(PathBuf::from).collect();
    let spool = Spool {
        options,
        clock,
        looked: None,
        seen: BTreeMap::new(),
        ready: BTreeSet::new(),
        burst: Vec::new(),
        given: Vec::new(),
        taken,
    };
    let spool = Arc::new(Mutex::new(spool));
    (SpoolTrigger(Arc::clone(&spool)), SpoolCamera(spool))
}

/// Fires when a burst of pictures has arrived.
pub struct SpoolTrigger(Arc<Mutex<Spool>>);

/// Gives the pictures of that burst.
pub struct SpoolCamera(Arc<Mutex<Spool>>);

/// The lists stay usable even if a thread died while it held them: they are looked up anew.
fn lock(spool: &Mutex<Spool>) -> MutexGuard<'_, Spool> {
    spool.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spool {
    fn fault(&self, what: String) -> DeviceError {
        let cure = "check that the folder exists and may be read, and that the card is in".to_owned();
        DeviceError { device: format!("spool {}", self.options.folder.display()), what, cure }
    }

    fn due_in(&self) -> Duration {
        let now = self.clock.monotonic();
        self.looked.map_or(Duration::ZERO, |looked| (looked + self.options.look).saturating_sub(now))
    }

    /// Looks for files that are whole.
    fn look(&mut self) -> Result<(), DeviceError> {
        self.looked = Some(self.clock.monotonic());
        fs::read_dir(&self.options.folder).map_err(|e| self.fault(e.to_string()))?;
        let moved_to = self.options.moved_to.clone();
        let wanted = |path: &Path| self.options.after != After::Move || path != moved_to;
        let mut now = BTreeMap::new();
        let walk = WalkDir::new(&self.options.folder).into_iter();
        let mut files = Vec::new();
        for entry in walk.filter_entry(|e| e.depth() == 0 || (!hidden(e.path()) && wanted(e.path()))) {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_jpeg(entry.path()) => files.push(entry),
                Ok(_) => {}
                Err(error) => log::warn!("spool: {error}"),
            }
        }
        for entry in files {
            let path = entry.into_path();
            if self.known(&path) {
                continue;
            }
            // One that went meanwhile is somebody else's.
            let Ok(about) = path.metadata() else { continue };
            let (size, changed) = (about.len(), about.modified().ok());
            let before = self.seen.get(&path).filter(|(s, c, _)| (*s, *c) == (size, changed));
            let still = before.map_or(0, |(_, _, looks)| looks + 1);
            if still > 0 && (still > UNFINISHED_LOOKS || (size > 0 && ends(&path))) {
                self.ready.insert((self.time(&path, changed), path.clone()));
            }
            now.insert(path, (size, changed, still));
        }
        self.seen = now;
        Ok(())
    }

    /// In hand, or dealt with.
    fn known(&self, path: &Path) -> bool {
        self.given.iter().any(|p| p == path)
            || self.burst.iter().any(|(_, p)| p == path)
            || self.taken.contains(self.inside(path))
            || self.ready.iter().any(|(_, p)| p == path)
    }

    fn inside<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.options.folder).unwrap_or(path)
    }

    /// When a picture was taken: by its camera, else by the file, else now.
    fn time(&self, path: &Path, changed: Option<std::time::SystemTime>) -> DateTime<Utc> {
        let told = read(path).ok().and_then(|bytes| Header::read(&bytes).ok()?.taken);
        let told = told.and_then(|taken| {
            let zone = taken.offset.unwrap_or(self.options.zone);
            zone.from_local_datetime(&taken.local).single()
        });
        let changed = changed.map(DateTime::<Utc>::from);
        told.map(|t| t.to_utc()).or(changed).unwrap_or_else(|| self.clock.utc().0)
    }

    /// The oldest pictures that belong together. While files are still coming in they wait, but not for ever.
    fn next_burst(&mut self) -> Option<DateTime<Utc>> {
        let arriving = self.seen.values().any(|(_, _, looks)| *looks == 0);
        if arriving && self.ready.len() < MANY {
            return self.burst.first().map(|(at, _)| *at);
        }
        if self.burst.is_empty() {
            let first = self.ready.first()?.0;
            let mut last = first;
            while let Some((at, _)) = self.ready.first()
                && *at - last <= self.options.gap
            {
                last = *at;
                self.burst.extend(self.ready.pop_first());
            }
        }
        self.burst.first().map(|(at, _)| *at)
    }

    /// Deals with the files of the last burst.
    fn settle(&mut self) {
        for path in std::mem::take(&mut self.given) {
            let inside = self.inside(&path).to_path_buf();
            let done = match self.options.after {
                After::Keep => Ok(()),
                After::Move => shift(&path, &self.options.moved_to.join(&inside)),
                After::Delete => fs::remove_file(&path),
            };
            match done {
                Ok(()) => log::debug!("spool: {} is in the journal", path.display()),
                // It is in the journal; it must not come again.
                Err(error) => log::error!("spool: {} stays where it is: {error}", path.display()),
            }
            if path.exists() {
                self.taken.insert(inside);
            }
        }
        if self.taken.is_empty() {
            return;
        }
        self.taken.retain(|inside| self.options.folder.join(inside).exists());
        let list: String = self.taken.iter().map(|p| format!("{}\n", p.display())).collect();
        if let Err(error) = super::whole_file::write(&self.options.folder, TAKEN, list.as_bytes()) {
            log::error!("spool: what was taken is not remembered, it comes again at the next start: {error}");
        }
    }
}

fn hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn is_jpeg(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("jpeg"))
}

/// Ends with an end of image; some cameras fill up with zeros behind it.
fn ends(path: &Path) -> bool {
    read(path).is_ok_and(|bytes| {
        let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        bytes.get(..end).is_some_and(|b| b.ends_with(&[0xFF, 0xD9]))
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let length = path.metadata()?.len();
    if length > LONGEST {
        return Err(io::Error::other(format!("{length} bytes are too many for a picture")));
    }
    fs::read(path)
}

/// Moves a file, never over another.
fn shift(from: &Path, to: &Path) -> io::Result<()> {
    let mut target = to.to_path_buf();
    for n in 1.. {
        if !target.exists() {
            break;
        }
        let stem = to.file_stem().unwrap_or_default().to_string_lossy();
        target = to.with_file_name(format!("{stem}-{n}.jpg"));
    }
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(from, &target)
}

impl Trigger for SpoolTrigger {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        let mut left = deadline;
        loop {
            let due = {
                let mut spool = lock(&self.0);
                let due = spool.due_in();
                if due.is_zero() {
                    spool.look()?;
                }
                if let Some(at) = spool.next_burst() {
                    return Ok(Some(Triggered { at, source: Source::Spool, detail: None, suppressed: 0 }));
                }
                spool.due_in()
            };
            let nap = due.min(left);
            std::thread::sleep(nap);
            left -= nap;
            if left.is_zero() {
                return Ok(None);
            }
        }
    }

    fn silent_for(&self) -> Option<Duration> {
        let spool = lock(&self.0);
        Some(if spool.ready.is_empty() && spool.burst.is_empty() { spool.due_in() } else { Duration::ZERO })
    }
}

impl Camera for SpoolCamera {
    fn aims(&self) -> bool {
        false
    }

    /// At most `frames` pictures, as they come; what is left of a longer burst is the next one.
    fn burst(&mut self, frames: usize, _interval: Duration) -> Result<Vec<Shot>, DeviceError> {
        let mut spool = lock(&self.0);
        if spool.burst.is_empty() {
            return Err(spool.fault("no picture waits".to_owned()));
        }
        // What the journal did not take is found again at a later look.
        spool.given.clear();
        let count = frames.min(spool.burst.len());
        let now: Vec<_> = spool.burst.drain(..count).collect();
        spool.given.extend(now.iter().map(|(_, path)| path.clone()));
        let shot = |(taken, path): (DateTime<Utc>, PathBuf)| Shot {
            taken,
            jpeg: read(&path).map_err(|error| format!("{}: {error}", path.display())),
        };
        Ok(now.into_iter().map(shot).collect())
    }

    fn journaled(&mut self) {
        lock(&self.0).settle();
    }
}
