//! What is in force, what is on trial, and what happened, in a folder of the trap's own.
//!
//! `slots/KIND-VERSION` holds what a bundle brought and never changes. Which slot is in force stands in one of two
//! files, `state-a.json` and `state-b.json`: the one with the greater number whose checksum holds counts, and the other
//! is written next. So every change is one rename, and a file that rots leaves the one before it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::manifest::MANIFEST;
use super::pack::hash;
use super::{BundleError, Disk, Kind, Manifest};

/// Happenings kept.
const KEPT: usize = 32;

/// The two places of the state.
const PLACES: [&str; 2] = ["state-a.json", "state-b.json"];

/// What happened to a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Happened {
    /// Put in force, on trial.
    Installed,
    /// Counted as good.
    Good,
    /// Not taken.
    Refused,
    /// Taken back.
    Reverted,
}

impl Happened {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Happened::Installed => "installed",
            Happened::Good => "good",
            Happened::Refused => "refused",
            Happened::Reverted => "reverted",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// When, by the trap's clock.
    pub at: DateTime<Utc>,
    /// What.
    pub what: Happened,
    /// To which bundle: `config 3`, or a file's name.
    pub bundle: String,
    /// Why; empty where there is nothing to say.
    pub why: String,
}

/// A slot in force, and how to know that it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Its bundle's version.
    pub version: u64,
    /// SHA-256 of its manifest, which has those of its files.
    pub manifest: String,
}

/// A bundle that must still show that it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Trial {
    /// Starts since the last sign of health.
    pub starts: u32,
    /// Healthy bursts.
    pub bursts: u32,
}

/// How one kind stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// In force; `None`: what the configuration says.
    pub current: Option<Slot>,
    /// In force before it.
    pub previous: Option<Slot>,
    /// The greatest version ever taken: none up to it is taken again.
    pub highest: u64,
    /// The current one is on trial.
    pub trial: Option<Trial>,
}

/// A file of the inbox that was looked at, known by name, size and time.
pub(super) type Seen = (String, u64, i64);

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    number: u64,
    /// By kind.
    pub kinds: BTreeMap<Kind, Standing>,
    /// Files of the inbox that could not be renamed after they were looked at.
    pub(super) seen: Vec<Seen>,
    /// What happened, oldest first.
    pub log: Vec<Happening>,
}

impl State {
    /// How a kind stands.
    pub fn of(&self, kind: Kind) -> Standing {
        self.kinds.get(&kind).cloned().unwrap_or_default()
    }

    pub(super) fn happened(&mut self, at: DateTime<Utc>, what: Happened, bundle: String, why: String) {
        self.log.push(Happening { at, what, bundle, why });
        let surplus = self.log.len().saturating_sub(KEPT);
        self.log.drain(..surplus);
    }

    /// Takes the current bundle of a kind back.
    fn revert(&mut self, kind: Kind, why: &str, at: DateTime<Utc>) {
        let standing = self.kinds.entry(kind).or_default();
        let Some(slot) = standing.current.take() else { return };
        standing.current = standing.previous.take();
        standing.trial = None;
        self.happened(at, Happened::Reverted, format!("{} {}", kind.as_str(), slot.version), why.to_owned());
    }
}

/// The folder.
#[derive(Debug)]
pub struct Slots<D> {
    pub(super) disk: D,
    pub(super) folder: PathBuf,
}

impl<D: Disk> Slots<D> {
    /// The folder of a trap; nothing is made before something is to be written.
    pub fn new(folder: &Path, disk: D) -> Slots<D> {
        Slots { disk, folder: folder.to_owned() }
    }

    /// Where a slot lies.
    pub fn path(&self, kind: Kind, version: u64) -> PathBuf {
        self.folder.join("slots").join(format!("{}-{version}", kind.as_str()))
    }

    /// The state as it is on the card; that of a folder that is not there is empty.
    pub fn state(&self) -> State {
        PLACES
            .iter()
            .filter_map(|place| self.read(place))
            .max_by_key(|state| state.number)
            .unwrap_or_default()
    }

    fn read(&self, place: &str) -> Option<State> {
        let text = std::fs::read_to_string(self.folder.join(place)).ok()?;
        let (body, sum) = text.trim_end().rsplit_once('\n')?;
        (u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(body.as_bytes())).then_some(())?;
        serde_json::from_str(body).ok()
    }

    /// Changes the state: alone, and on the card when it returns.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, BundleError> {
        let _alone = self.alone()?;
        let before = self.state();
        let mut state = before.clone();
        let done = change(&mut state);
        if state != before {
            state.number = before.number + 1;
            let place = PLACES.into_iter().nth((state.number % 2) as usize).unwrap_or_default();
            self.write(place, &state)?;
        }
        Ok(done)
    }

    fn write(&self, place: &str, state: &State) -> Result<(), BundleError> {
        let path = self.folder.join(place);
        let fresh = self.folder.join(format!("{place}.new"));
        let failed = || BundleError::io("writing", &path);
        let body = serde_json::to_string(state).map_err(|e| failed()(e.into()))?;
        let text = format!("{body}\n{:08x}\n", crc32fast::hash(body.as_bytes()));
        self.disk.write(&fresh, &mut Cursor::new(text)).map_err(failed())?;
        self.disk.sync(&fresh).map_err(failed())?;
        self.disk.rename(&fresh, &path).map_err(failed())?;
        self.disk.sync_folder(&self.folder).map_err(failed())
    }

    /// Nobody else changes the folder as long as this is held.
    fn alone(&self) -> Result<File, BundleError> {
        self.make_folder(&self.folder)?;
        let path = self.folder.join("lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(BundleError::io("opening", &path))?;
        file.lock().map_err(BundleError::io("locking", &path))?;
        Ok(file)
    }

    /// Makes a folder and what is missing above it.
    pub(super) fn make_folder(&self, folder: &Path) -> Result<(), BundleError> {
        if folder.is_dir() || folder.as_os_str().is_empty() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.make_folder(parent)?;
        }
        self.disk.create_folder(folder).map_err(BundleError::io("making", folder))?;
        match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => {
                self.disk.sync_folder(parent).map_err(BundleError::io("making", folder))
            }
            _ => Ok(()),
        }
    }

    /// Whether a slot is whole: its manifest is that of the state, its files are those of the manifest.
    fn whole(&self, kind: Kind, slot: &Slot) -> Result<Manifest, String> {
        let folder = self.path(kind, slot.version);
        let read = |name: &str| std::fs::read(folder.join(name)).map_err(|e| format!("{name}: {e}"));
        let manifest = read(MANIFEST)?;
        if hash(&manifest) != slot.manifest {
            return Err(format!("{MANIFEST} is damaged"));
        }
        let text = String::from_utf8(manifest).map_err(|e| e.to_string())?;
        let manifest = Manifest::parse(&text, &folder.display().to_string()).map_err(|e| e.to_string())?;
        for (name, wanted) in &manifest.files {
            if hash(&read(name)?) != *wanted {
                return Err(format!("{name} is damaged"));
            }
        }
        Ok(manifest)
    }

    /// The slot in force, whole, with its manifest. One that is not whole is taken back, and the one before it counts.
    pub fn in_force(
        &self,
        kind: Kind,
        now: DateTime<Utc>,
    ) -> Result<Option<(PathBuf, Manifest)>, BundleError> {
        loop {
            let Some(slot) = self.state().of(kind).current else { return Ok(None) };
            match self.whole(kind, &slot) {
                Ok(manifest) => return Ok(Some((self.path(kind, slot.version), manifest))),
                Err(why) => {
                    log::error!("{} {} is taken back: {why}", kind.as_str(), slot.version);
                    self.change(|state| state.revert(kind, &why, now))?;
                }
            }
        }
    }

    /// A start begins: what an install left half done is removed, and a bundle that `starts` starts in a row brought no
    /// sign of health under is taken back. Counted before the bundle is used.
    pub fn begin(&self, starts: u32, now: DateTime<Utc>) -> Result<(), BundleError> {
        if !self.folder.is_dir() {
            return Ok(());
        }
        self.tidy()?;
        self.change(|state| {
            for kind in Kind::ALL {
                let Some(trial) = state.of(kind).trial else { continue };
                if trial.starts >= starts {
                    let why = format!("{starts} starts in a row without a healthy burst");
                    log::error!("the {} bundle is taken back: {why}", kind.as_str());
                    state.revert(kind, &why, now);
                } else if let Some(trial) = state.kinds.entry(kind).or_default().trial.as_mut() {
                    trial.starts += 1;
                }
            }
        })
    }

    /// A burst was judged well: bundles on trial come closer to being good, which they are after `enough` of them.
    pub fn healthy_burst(&self, enough: u32, now: DateTime<Utc>) -> Result<(), BundleError> {
        if Kind::ALL.iter().all(|kind| self.state().of(*kind).trial.is_none()) {
            return Ok(());
        }
        self.change(|state| {
            for kind in Kind::ALL {
                let Some(trial) = state.kinds.entry(kind).or_default().trial.as_mut() else { continue };
                (trial.starts, trial.bursts) = (0, trial.bursts + 1);
                if trial.bursts >= enough {
                    good(state, kind, now);
                }
            }
        })
    }

    /// The trap has stood watch long enough: bundles on trial are good.
    pub fn stood(&self, now: DateTime<Utc>) -> Result<(), BundleError> {
        self.change(|state| {
            for kind in Kind::ALL {
                if state.of(kind).trial.is_some() {
                    good(state, kind, now);
                }
            }
        })
    }

    /// The run ended in order: that start says nothing against a bundle.
    pub fn orderly(&self) -> Result<(), BundleError> {
        if Kind::ALL.iter().all(|kind| self.state().of(*kind).trial.is_none()) {
            return Ok(());
        }
        self.change(|state| {
            for standing in state.kinds.values_mut() {
                if let Some(trial) = &mut standing.trial {
                    trial.starts = trial.starts.saturating_sub(1);
                }
            }
        })
    }

    /// Takes the bundle in force back.
    pub fn revert(&self, kind: Kind, why: &str, now: DateTime<Utc>) -> Result<(), BundleError> {
        if self.state().of(kind).current.is_none() {
            return Err(BundleError::Nothing(kind.as_str()));
        }
        self.change(|state| state.revert(kind, why, now))
    }

    /// A bundle was not taken.
    pub fn refused(&self, bundle: &str, why: &str, now: DateTime<Utc>) -> Result<(), BundleError> {
        self.change(|state| state.happened(now, Happened::Refused, bundle.to_owned(), why.to_owned()))
    }

    /// Removes what no state names: staged files, slots of an install that was cut short or that are too old.
    pub(super) fn tidy(&self) -> Result<(), BundleError> {
        let _alone = self.alone()?;
        let state = self.state();
        let kept: Vec<PathBuf> = state
            .kinds
            .iter()
            .flat_map(|(kind, s)| {
                s.current.iter().chain(&s.previous).map(|slot| self.path(*kind, slot.version))
            })
            .collect();
        let slots =
            std::fs::read_dir(self.folder.join("slots")).into_iter().flatten().flatten().map(|e| e.path());
        let staged = [self.folder.join("staging")].into_iter().filter(|path| path.exists());
        for stray in slots.filter(|path| !kept.contains(path)).chain(staged) {
            self.disk.remove(&stray).map_err(BundleError::io("removing", &stray))?;
        }
        Ok(())
    }
}

fn good(state: &mut State, kind: Kind, now: DateTime<Utc>) {
    let standing = state.kinds.entry(kind).or_default();
    standing.trial = None;
    let Some(slot) = &standing.current else { return };
    let bundle = format!("{} {}", kind.as_str(), slot.version);
    log::warn!("bundle {bundle} is good");
    state.happened(now, Happened::Good, bundle, String::new());
}
