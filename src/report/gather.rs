//! Journals to records: one per burst, with the word that counts (a person's before the machine's).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use serde::Serialize;

use super::{Options, ReportError, Source};
use crate::event::{EventKey, Outcome};
use crate::export::media::places;
use crate::store::record::{Cause, MediaKind, Observation, Stored, StoredEffort};
use crate::store::{Damage, Filter, JournalError, Listing, Reader, Reading, Seen, StoredLabel, standing};
use crate::units::{BBox, ClockQuality};

/// Name of people in journals.
const PEOPLE: &str = "Homo sapiens";

/// Category of boxes around people.
const PERSON: &str = "person";

/// Damaged rows named per journal; more are counted.
const DAMAGE_NAMED: usize = 20;

/// Seconds of mean solar time per degree of longitude: 86,400 / 360.
const SECONDS_PER_DEGREE: f64 = 240.0;

/// One journal, and how reading it went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JournalNote {
    /// Name of its file.
    pub file: String,
    /// Bursts read.
    pub bursts: usize,
    /// Rows left out because their checksum does not hold.
    pub damaged: usize,
    /// The first of them, by name.
    pub damage: Vec<String>,
    /// Why nothing could be read, if so.
    pub unreadable: Option<String>,
}

/// A kind of animal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Name {
    /// Scientific name; may be empty.
    pub taxon: String,
    /// Its rank, lower case; may be empty.
    pub rank: String,
    /// Name in plain words; may be empty.
    pub label: String,
}

impl Name {
    /// The same for the same kind, however it is written.
    pub(super) fn key(&self) -> String {
        if self.taxon.is_empty() { &self.label } else { &self.taxon }.to_lowercase()
    }

    /// In plain words, as long as there are any.
    pub fn plain(&self) -> &str {
        if self.label.is_empty() { &self.taxon } else { &self.label }
    }

    /// Whether it is a species, or finer.
    pub fn is_species(&self) -> bool {
        matches!(self.rank.as_str(), "species" | "subspecies" | "variety" | "form") && !self.taxon.is_empty()
    }
}

/// A kind of animal in one burst.
#[derive(Debug, Clone)]
pub(super) struct Animal {
    pub name: Name,
    /// The machine's, where it said the same.
    pub score: Option<f32>,
    pub count: u16,
    pub shots: Vec<Shot>,
}

/// A picture on the card that may show it.
#[derive(Debug, Clone)]
pub(super) struct Shot {
    /// Where it may lie, the likeliest first.
    pub paths: Vec<PathBuf>,
    /// As the journal has it.
    pub given: String,
    /// The animal on it.
    pub bbox: BBox,
    pub confidence: f32,
}

/// How a person's word stands to the machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    Confirmed,
    Corrected,
}

/// One burst.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub key: EventKey,
    pub site: usize,
    pub at: DateTime<Utc>,
    /// On the site's clock.
    pub local: NaiveDateTime,
    /// How far the time can be trusted.
    pub clock: ClockQuality,
    /// Whether the trap knew the time.
    pub timed: bool,
    pub outcome: Outcome,
    pub animals: Vec<Animal>,
    pub checked: Option<Check>,
    /// Largest share of a frame that moved.
    pub moved: f32,
    pub infrared: bool,
    /// Who asked for it, where that was written down.
    pub cause: Option<Cause>,
    /// Pictures of a burst that waits for eyes.
    pub shots: Vec<Shot>,
    /// People were seen, or may have been: no picture of it is shown.
    pub people: bool,
    /// From a folder of photos, not from a trap.
    pub from_photos: bool,
}

impl Record {
    /// Whether something in front of the camera brought it about, as far as is known.
    pub fn senses(&self) -> bool {
        self.cause.as_ref().is_none_or(|cause| cause.source.senses())
    }
}

/// A deployment in one journal.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub name: String,
    pub journal: usize,
    pub coordinates: Option<(f64, f64)>,
    pub offset: FixedOffset,
    pub efforts: Vec<StoredEffort>,
    pub readings: Vec<Reading>,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub journals: Vec<JournalNote>,
    pub sites: Vec<Site>,
    pub records: Vec<Record>,
}

pub(super) fn gather(sources: &[Source], options: &Options) -> Result<Gathered, ReportError> {
    let mut all = Gathered::default();
    for source in sources {
        let shown = source.journal.file_name().unwrap_or(source.journal.as_os_str()).to_string_lossy();
        let file = shown.into_owned();
        match read(source, options, &mut all) {
            Ok(mut damage) => {
                damage.sort_by_key(|d| (d.table, d.id));
                damage.dedup();
                let named = damage.iter().take(DAMAGE_NAMED).map(Damage::to_string).collect();
                let journal = all.journals.len();
                let own = |r: &&Record| all.sites.get(r.site).is_some_and(|s| s.journal == journal);
                let bursts = all.records.iter().filter(own).count();
                let (damaged, damage, unreadable) = (damage.len(), named, None);
                all.journals.push(JournalNote { file, bursts, damaged, damage, unreadable });
            }
            Err(error) if error.is_input() => return Err(ReportError::Journal(error)),
            Err(error) => {
                let unreadable = Some(error.to_string());
                all.journals.push(JournalNote { file, bursts: 0, damaged: 0, damage: vec![], unreadable });
            }
        }
    }
    tell_apart(&mut all);
    all.records.sort_by_key(|r| (r.at, r.site, r.key));
    Ok(all)
}

/// Deployments of the same name in several journals get the journal's name as well.
fn tell_apart(all: &mut Gathered) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for site in &all.sites {
        *times.entry(site.name.clone()).or_default() += 1;
    }
    let mut given = BTreeSet::new();
    for site in &mut all.sites {
        if times.get(&site.name).is_some_and(|n| *n > 1) {
            let file = all.journals.get(site.journal).map_or("", |j| j.file.as_str());
            site.name = format!("{} ({file})", site.name);
        }
        let (plain, mut n) = (site.name.clone(), 1);
        while !given.insert(site.name.clone()) {
            n += 1;
            site.name = format!("{plain} #{n}");
        }
    }
}

/// Adds one journal; gives its damaged rows.
fn read(source: &Source, options: &Options, all: &mut Gathered) -> Result<Vec<Damage>, JournalError> {
    let reader = Reader::open_readonly(&source.journal)?;
    let mut damage = Vec::new();
    let mut site_of = BTreeMap::new();
    let mut sites: Vec<Site> = Vec::new();
    let setups = items(reader.setups()?, &mut damage);
    for deployment in items(reader.deployments()?, &mut damage) {
        let newest = setups.iter().rev().filter(|s| s.deployment == deployment.name);
        let said = newest.filter_map(|s| s.setup.latitude.zip(s.setup.longitude)).next();
        site_of.insert(deployment.name.clone(), sites.len());
        sites.push(site(deployment.name, all, said.or(deployment.coordinates), options));
    }
    let mut boots = BTreeMap::new();
    for boot in items(reader.boots()?, &mut damage) {
        boots.insert(boot.number, boot.deployment);
    }
    // A name whose row is damaged is still a place.
    let mut place = |name: &str, sites: &mut Vec<Site>| -> usize {
        *site_of.entry(name.to_owned()).or_insert_with(|| {
            sites.push(site(name.to_owned(), all, None, options));
            sites.len() - 1
        })
    };
    let of_boot = |boot: u32| boots.get(&boot).cloned().unwrap_or_default();
    for effort in items(reader.effort()?, &mut damage) {
        let at = place(&of_boot(effort.boot), &mut sites);
        sites.get_mut(at).into_iter().for_each(|s| s.efforts.push(effort.clone()));
    }
    for reading in items(reader.readings()?, &mut damage) {
        let at = place(&of_boot(reading.boot), &mut sites);
        sites.get_mut(at).into_iter().for_each(|s| s.readings.push(reading));
    }
    let labels = standing(items(reader.labels()?, &mut damage));
    let mut records = Vec::new();
    for stored in items(reader.events(&Filter::default())?, &mut damage) {
        let at = place(&stored.deployment, &mut sites);
        if let Some(site) = sites.get(at) {
            let site_number = all.sites.len() + at;
            records.push(record(source, &stored, labels.get(&stored.key.number), site, site_number));
        }
    }
    // Only now: a journal that fails on the way adds nothing.
    all.sites.append(&mut sites);
    all.records.append(&mut records);
    Ok(damage)
}

fn items<T>(listing: Listing<T>, damage: &mut Vec<Damage>) -> Vec<T> {
    damage.extend(listing.damaged);
    listing.items
}

fn site(name: String, all: &Gathered, coordinates: Option<(f64, f64)>, options: &Options) -> Site {
    let solar =
        coordinates.and_then(|(_, east)| FixedOffset::east_opt((east * SECONDS_PER_DEGREE).round() as i32));
    let offset = options.utc_offset.or(solar).unwrap_or(const { FixedOffset::east_opt(0).unwrap() });
    let journal = all.journals.len();
    Site { name, journal, coordinates, offset, efforts: Vec::new(), readings: Vec::new() }
}

fn record(
    source: &Source,
    stored: &Stored,
    label: Option<&StoredLabel>,
    site: &Site,
    number: usize,
) -> Record {
    let burst = &stored.burst;
    let machine = &burst.observations;
    let (outcome, animals) = match label {
        Some(said) => {
            let seen = said.label.seen.iter();
            let animals = seen.filter(|s| s.taxon != PEOPLE).map(|s| by_person(source, stored, s)).collect();
            (said.label.outcome, animals)
        }
        None => {
            let seen = machine.iter().filter(|o| o.taxon != PEOPLE);
            (burst.outcome, seen.map(|o| by_machine(source, stored, o)).collect())
        }
    };
    let boxes = || burst.frames.iter().flat_map(|f| &f.boxes);
    let people = outcome == Outcome::Person
        || burst.outcome == Outcome::Person
        || machine.iter().any(|o| o.taxon == PEOPLE)
        || label.is_some_and(|l| l.label.seen.iter().any(|s| s.taxon == PEOPLE))
        || boxes().any(|b| b.category == PERSON);
    let mut record = Record {
        key: stored.key,
        site: number,
        at: burst.triggered,
        local: burst.triggered.with_timezone(&site.offset).naive_local(),
        clock: burst.clock,
        timed: burst.clock != ClockQuality::Unset,
        outcome,
        // Vehicles, people and empties name no animals.
        animals: if matches!(outcome, Outcome::Sighting | Outcome::Uncertain) { animals } else { vec![] },
        checked: label.map(|said| check(stored, said)),
        cause: burst.cause.clone(),
        moved: burst.frames.iter().map(|f| f.moved).fold(0.0, f32::max),
        infrared: burst.frames.iter().filter(|f| f.infrared).count() * 2 > burst.frames.len(),
        shots: Vec::new(),
        people,
        from_photos: burst.source.is_some(),
    };
    if people {
        record.animals.iter_mut().for_each(|a| a.shots.clear());
    } else if outcome == Outcome::Uncertain && label.is_none() {
        record.shots = shots(source, stored, None);
    }
    record
}

fn by_machine(source: &Source, stored: &Stored, seen: &Observation) -> Animal {
    Animal {
        name: Name { taxon: seen.taxon.clone(), rank: seen.rank.clone(), label: seen.label.clone() },
        score: Some(seen.score.get()),
        count: seen.count.max(1),
        shots: shots(source, stored, Some(&seen.tracks)),
    }
}

fn by_person(source: &Source, stored: &Stored, seen: &Seen) -> Animal {
    let name = Name { taxon: seen.taxon.clone(), rank: seen.rank.clone(), label: seen.label.clone() };
    let said = stored.burst.observations.iter().find(|o| {
        let machine = Name { taxon: o.taxon.clone(), rank: String::new(), label: o.label.clone() };
        machine.key() == name.key()
    });
    Animal {
        score: said.map(|o| o.score.get()),
        count: seen.count.max(1),
        shots: shots(source, stored, said.map(|o| o.tracks.as_slice())),
        name,
    }
}

/// Whether the label says what the machine said: the same outcome and the same kinds.
fn check(stored: &Stored, said: &StoredLabel) -> Check {
    let kind = |taxon: &str, label: &str| if taxon.is_empty() { label } else { taxon }.to_lowercase();
    let machine: BTreeSet<String> =
        stored.burst.observations.iter().map(|o| kind(&o.taxon, &o.label)).collect();
    let person: BTreeSet<String> = said.label.seen.iter().map(|s| kind(&s.taxon, &s.label)).collect();
    // Who confirms people or vehicles need not name them.
    let same = machine == person || (person.is_empty() && said.label.outcome != Outcome::Sighting);
    if stored.burst.outcome == said.label.outcome && same { Check::Confirmed } else { Check::Corrected }
}

/// Pictures still on the card, the best first: those with a box of `tracks` (of anything, for `None`).
fn shots(source: &Source, stored: &Stored, tracks: Option<&[u32]>) -> Vec<Shot> {
    let alone = stored.burst.observations.len() <= 1;
    let mut found: Vec<Shot> = stored
        .media
        .iter()
        .filter(|m| m.gone.is_none())
        // Of several animals it is not known which one a crop shows.
        .filter(|m| m.media.kind == MediaKind::Frame || alone)
        .filter_map(|m| {
            let frame = stored.burst.frames.get(m.frame)?;
            let on_track = |b: &&crate::store::record::Box| tracks.is_none_or(|t| t.contains(&b.track));
            let best = frame
                .boxes
                .iter()
                .filter(on_track)
                .max_by(|a, b| a.confidence.get().total_cmp(&b.confidence.get()));
            let (bbox, confidence) = best.map_or((BBox::FULL, 0.0), |b| (b.bbox, b.confidence.get()));
            let bbox = if m.media.kind == MediaKind::Crop { BBox::FULL } else { bbox };
            let given = m.media.path.clone();
            Some(Shot {
                paths: places(&source.media, &source.journal, &given, m.owned),
                given,
                bbox,
                confidence,
            })
        })
        .collect();
    // Stable: of equals the frame, which comes before its crops.
    found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    found
}
