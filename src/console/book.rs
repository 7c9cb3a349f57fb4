//! One journal as the page reads it: a line of every burst in memory, whole bursts and files when asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::event::{EventKey, Outcome};
use crate::store::record::Stored;
use crate::store::{JournalError, Notebook, Numbered, Reader, Seen, StoredLabel, Summary, standing};

/// Numbers of the second journal begin here, those of the third at twice that. A page's numbers are exact up to 2⁵³.
const STRIDE: u64 = 1 << 40;

/// A burst as one chooses and sorts by it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub summary: Summary,
    pub label: Option<StoredLabel>,
}

impl Entry {
    /// What a person said, else the machine.
    pub fn outcome(&self) -> Outcome {
        self.label.as_ref().map_or(self.summary.outcome, |l| l.label.outcome)
    }

    /// What was seen, by a person's word, else by the machine's.
    pub fn seen(&self) -> Vec<Seen> {
        match &self.label {
            Some(label) => label.label.seen.clone(),
            None => self.summary.observations.iter().map(machine).collect(),
        }
    }

    /// Scientific names, ranks and plain names of what was seen.
    pub fn names(&self) -> Vec<(&str, &str, &str)> {
        match &self.label {
            Some(label) => {
                let seen = label.label.seen.iter();
                seen.map(|s| (s.taxon.as_str(), s.rank.as_str(), s.label.as_str())).collect()
            }
            None => {
                let seen = self.summary.observations.iter();
                seen.map(|s| (s.taxon.as_str(), s.rank.as_str(), s.label.as_str())).collect()
            }
        }
    }

    /// The machine's score of the surest name, else the probability that something living is in it.
    pub fn score(&self) -> f32 {
        let scores = self.summary.observations.iter().map(|o| o.score.get());
        scores.reduce(f32::max).unwrap_or(self.summary.probability.get())
    }

    /// Whether people are in it, by whoever's word.
    pub fn has_people(&self) -> bool {
        let person = |label: &StoredLabel| {
            label.label.outcome == Outcome::Person
                || label.label.seen.iter().any(|s| s.taxon == "Homo sapiens")
        };
        self.summary.outcome == Outcome::Person || self.label.as_ref().is_some_and(person)
    }

    /// Whether a person found people in what the machine took for something else.
    pub fn people_overlooked(&self) -> bool {
        self.has_people() && self.summary.outcome != Outcome::Person
    }
}

fn machine(seen: &crate::store::record::Observation) -> Seen {
    Seen {
        taxon: seen.taxon.clone(),
        rank: seen.rank.clone(),
        label: seen.label.clone(),
        count: seen.count,
        ..Seen::default()
    }
}

/// What is kept in memory of a journal.
#[derive(Debug, Default)]
struct Known {
    version: Option<i64>,
    entries: Vec<Entry>,
}

/// A journal, open.
#[derive(Debug)]
pub(super) struct Book {
    index: u64,
    several: bool,
    path: PathBuf,
    media: PathBuf,
    reader: Mutex<(Reader, Known)>,
}

impl Book {
    /// Opens journal number `index`, one of `several` or alone; `media` is the folder of the trap's own pictures.
    pub fn open(path: &Path, media: &Path, index: usize, several: bool) -> Result<Book, JournalError> {
        let reader = Reader::open_readonly(path)?;
        Ok(Book {
            index: index as u64,
            several,
            path: path.to_owned(),
            media: media.to_owned(),
            reader: Mutex::new((reader, Known::default())),
        })
    }

    /// The journal's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of pictures.
    pub fn media(&self) -> &Path {
        &self.media
    }

    /// A number of this journal as the page knows it.
    pub fn number(&self, own: u64) -> u64 {
        self.index * STRIDE + own
    }

    /// The place of the journal and its own number, of a page's number.
    pub fn split(number: u64) -> (usize, u64) {
        (usize::try_from(number / STRIDE).unwrap_or(usize::MAX), number % STRIDE)
    }

    /// A burst's name.
    pub fn name(&self, key: EventKey) -> String {
        match self.several {
            true => format!("{}:{}-{}", self.index, key.boot, key.number),
            false => format!("{}-{}", key.boot, key.number),
        }
    }

    /// The place of the journal and the key, of a burst's name.
    pub fn parse(name: &str) -> Option<(usize, EventKey)> {
        let (book, key) = name.split_once(':').map_or((Some(0), name), |(b, key)| (b.parse().ok(), key));
        let (boot, number) = key.split_once('-')?;
        Some((book?, EventKey { boot: boot.parse().ok()?, number: number.parse().ok()? }))
    }

    /// Reads the lines of all bursts as they stand now.
    pub fn entries<T>(&self, read: impl FnOnce(&[Entry]) -> T) -> Result<T, JournalError> {
        let mut held = self.held();
        let (reader, known) = &mut *held;
        refresh(reader, known)?;
        Ok(read(&known.entries))
    }

    /// The line of one burst.
    pub fn entry(&self, number: u32) -> Result<Option<Entry>, JournalError> {
        self.entries(|entries| {
            let at = entries.binary_search_by_key(&number, |e| e.summary.key.number).ok()?;
            entries.get(at).cloned()
        })
    }

    /// One burst with its frames and its line.
    pub fn burst(&self, key: EventKey) -> Result<Option<(Stored, Entry)>, JournalError> {
        let stored = self.read(|reader| reader.event(key))?.and_then(|found| found.items.into_iter().next());
        let entry = self.entry(key.number)?;
        Ok(stored.zip(entry))
    }

    /// A file by its number.
    pub fn file(&self, number: u64) -> Result<Option<Numbered>, JournalError> {
        self.read(|reader| reader.media(number))
    }

    /// Anything else of the journal.
    pub fn read<T>(&self, read: impl FnOnce(&Reader) -> Result<T, JournalError>) -> Result<T, JournalError> {
        read(&self.held().0)
    }

    /// Writes what people add.
    pub fn write<T>(
        &self,
        write: impl FnOnce(&mut Notebook) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        write(&mut Notebook::open(&self.path)?)
    }

    /// Since when bursts of the day of `now` count, and how many of them there are and are empty.
    pub fn today(&self, now: DateTime<Utc>) -> Result<(u64, u64), JournalError> {
        self.entries(|entries| {
            let today =
                entries.iter().rev().take_while(|e| e.summary.triggered.date_naive() == now.date_naive());
            today.fold((0, 0), |(all, empty), e| {
                (all + 1, empty + u64::from(e.summary.outcome == Outcome::Empty))
            })
        })
    }

    fn held(&self) -> MutexGuard<'_, (Reader, Known)> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what was added since the last time, and all labels.
fn refresh(reader: &Reader, known: &mut Known) -> Result<(), JournalError> {
    let version = reader.version()?;
    if known.version == Some(version) {
        return Ok(());
    }
    let after = known.entries.last().map_or(0, |e| e.summary.key.number);
    let fresh = reader.summaries(after)?;
    for damage in &fresh.damaged {
        log::warn!("{damage} of {} is damaged and left out", reader.path().display());
    }
    known.entries.extend(fresh.items.into_iter().map(|summary| Entry { summary, label: None }));
    let mut labels: BTreeMap<u32, StoredLabel> = standing(reader.labels()?.items);
    for entry in &mut known.entries {
        entry.label = labels.remove(&entry.summary.key.number);
    }
    known.version = Some(version);
    Ok(())
}
