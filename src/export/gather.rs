//! Journals to deployments and records: every burst with its place, its time and the word that counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};

use super::photos;
use super::places::{self, Deployment};
use super::reading::Journal;
use super::word::{self, Word};
use super::{ExportError, Options, Step};
use crate::event::Source;
use crate::store::StoredLabel;
use crate::store::record::Stored;

/// A picture that is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picture {
    /// Position of its frame in the burst, from 0.
    pub frame: usize,
    /// Relative path, or with the URL in front.
    pub path: String,
}

/// One burst.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// Number of its deployment, from 0.
    pub deployment: usize,
    /// Its event's name.
    pub id: String,
    pub stored: Stored,
    /// Added to the trap's times.
    pub shift: TimeDelta,
    /// Whether its date can be believed.
    pub dated: bool,
    /// A person's word.
    pub label: Option<StoredLabel>,
    /// What was seen.
    pub words: Vec<Word>,
    /// The machine that judged: Trapline's version and the models.
    pub machine: String,
    pub pictures: Vec<Picture>,
}

impl Record {
    /// Who asked for it, where that was written down.
    pub fn source(&self) -> Option<Source> {
        self.stored.burst.cause.as_ref().map(|cause| cause.source)
    }

    /// Trigger, or first photo.
    pub fn at(&self) -> DateTime<Utc> {
        self.stored.burst.triggered + self.shift
    }

    /// First frame.
    pub fn from(&self) -> DateTime<Utc> {
        self.taken().min().unwrap_or_else(|| self.at()).min(self.at())
    }

    /// Last frame.
    pub fn until(&self) -> DateTime<Utc> {
        self.taken().max().unwrap_or_else(|| self.at()).max(self.at())
    }

    fn taken(&self) -> impl Iterator<Item = DateTime<Utc>> {
        self.stored.burst.frames.iter().map(|f| f.taken + self.shift)
    }
}

/// Everything that is to be told.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// In the order of location and time.
    pub deployments: Vec<Deployment>,
    /// In the order of deployment and time.
    pub records: Vec<Record>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

pub(super) fn gather(
    journals: &[PathBuf],
    options: &Options,
    told: &mut dyn FnMut(Step<'_>),
) -> Result<Gathered, ExportError> {
    let mut all = Gathered::default();
    for (number, path) in journals.iter().enumerate() {
        Journal::read(path, number)?.add(&mut all, options, journals.len() > 1);
        told(Step::Read(path));
    }
    places::check(&all.deployments)?;
    relative_photos(&mut all, options)?;
    round(&mut all, options);
    cut(&mut all, options);
    order(&mut all);
    if let Some(url) = &options.media_url {
        let pictures = all.records.iter_mut().flat_map(|r| &mut r.pictures);
        pictures.for_each(|p| p.path = format!("{url}{}", p.path));
    }
    if all.deployments.is_empty() {
        let names: Vec<_> = journals.iter().map(|j| j.display().to_string()).collect();
        return Err(ExportError::Nothing(names.join(", ")));
    }
    Ok(all)
}

/// Paths of photos from the folder that holds them all, or from the one that was given.
fn relative_photos(all: &mut Gathered, options: &Options) -> Result<(), ExportError> {
    let from_photos = |r: &&Record| r.stored.burst.source.is_some();
    let files = all.records.iter().filter(from_photos).flat_map(|r| &r.pictures).map(|p| p.path.as_str());
    let root = options.media_root.clone().unwrap_or_else(|| photos::common_root(files));
    for record in all.records.iter_mut().filter(|r| r.stored.burst.source.is_some()) {
        for picture in &mut record.pictures {
            picture.path = photos::allowed(&photos::below(&picture.path, &root)?);
        }
    }
    Ok(())
}

/// Coordinates as exact as they may be told: a species counts as seen by anybody's word, at any time.
fn round(all: &mut Gathered, options: &Options) {
    let sensitive = |r: &&Record| {
        let machine = word::machine(&r.stored.burst);
        let mut words = r.words.iter().chain(&machine);
        words.any(|w| options.round_for.iter().any(|name| w.may_be(name)))
    };
    let at = all.records.iter().filter(sensitive).filter_map(|r| all.deployments.get(r.deployment));
    let places: BTreeSet<String> = at.map(|d| d.location_id.clone()).collect();
    places::round(&mut all.deployments, options, &|location| places.contains(location));
}

/// Takes out what was not asked for.
fn cut(all: &mut Gathered, options: &Options) {
    let (since, until) = (options.since, options.until);
    if !options.species.is_empty() {
        let asked = |w: &Word| options.species.iter().any(|name| w.is_called(name));
        all.records.iter_mut().for_each(|r| r.words.retain(asked));
        all.records.retain(|r| !r.words.is_empty());
    }
    if since.is_none() && until.is_none() {
        return;
    }
    let late_enough = |at: DateTime<Utc>| since.is_none_or(|s| at >= s);
    let early_enough = |at: DateTime<Utc>| until.is_none_or(|u| at < u);
    all.records.retain(|r| late_enough(r.at()) && early_enough(r.at()));
    let (low, high) = (since.unwrap_or(DateTime::<Utc>::MIN_UTC), until.unwrap_or(DateTime::<Utc>::MAX_UTC));
    for place in &mut all.deployments {
        place.watched =
            place.watched.iter().map(|w| (w.0.max(low), w.1.min(high))).filter(|w| w.0 < w.1).collect();
        place.from = place.from.max(low);
        place.until = place.until.min(high);
    }
    // A burst that began in time counts whole.
    for record in &all.records {
        if let Some(place) = all.deployments.get_mut(record.deployment) {
            place.from = place.from.min(record.from());
            place.until = place.until.max(record.until());
        }
    }
}

/// Sorts, and drops deployments outside the time asked for.
fn order(all: &mut Gathered) {
    let used: BTreeSet<usize> = all.records.iter().map(|r| r.deployment).collect();
    let mut order: Vec<(usize, Deployment)> =
        std::mem::take(&mut all.deployments).into_iter().enumerate().collect();
    order.retain(|(i, d)| d.from < d.until || used.contains(i) || (d.from == d.until && d.boots > 0));
    order.sort_by(|(_, a), (_, b)| (&a.location_id, a.from, &a.id).cmp(&(&b.location_id, b.from, &b.id)));
    let places: BTreeMap<usize, usize> =
        order.iter().enumerate().map(|(to, (from, _))| (*from, to)).collect();
    all.deployments = order.into_iter().map(|(_, d)| d).collect();
    for record in &mut all.records {
        record.deployment = places.get(&record.deployment).copied().unwrap_or(0);
    }
    all.records.sort_by_key(|r| (r.deployment, r.at(), r.stored.key));
}
