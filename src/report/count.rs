//! Records to numbers: species, days, hours, causes, labels.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use serde::Serialize;

use super::activity;
use super::effort::{Stand, days as days_of};
use super::gather::{Animal, Check, Gathered, Name, Record, Shot};
use super::pictures::{self, Shown};
use crate::event::{Outcome, Source};
use crate::export::watch::Watch;
use crate::store::record;

/// A frame of which less than this share moved counts as still: half a percent, about 15 of the motion stage's 3,000
/// cells. A reading aid, not a threshold of the pipeline.
const STILL: f32 = 0.005;

/// From this share on much of the frame moved: more than an animal at some distance covers. A reading aid as well.
const MUCH: f32 = 0.05;

/// Fewer records than this draw no curve of activity.
const CURVE_MIN: usize = 5;

/// Points of a curve of activity over the day: every ten minutes.
const CURVE_POINTS: u32 = 144;

/// Bursts by what they turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Kinds {
    /// With animals.
    pub sighting: u32,
    /// Nobody knows yet.
    pub uncertain: u32,
    /// With people.
    pub person: u32,
    /// With vehicles.
    pub vehicle: u32,
    /// Nothing living in them.
    pub empty: u32,
    /// Not readable, or not judged.
    pub failed: u32,
}

impl Kinds {
    fn add(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Sighting => &mut self.sighting,
            Outcome::Uncertain => &mut self.uncertain,
            Outcome::Person => &mut self.person,
            Outcome::Vehicle => &mut self.vehicle,
            Outcome::Empty => &mut self.empty,
            Outcome::Failed => &mut self.failed,
        } += 1;
    }

    /// All of them.
    pub fn all(&self) -> u32 {
        self.sighting + self.uncertain + self.person + self.vehicle + self.empty + self.failed
    }

    /// Empties among them, 0..=1; `None` without bursts.
    pub fn empty_share(&self) -> Option<f64> {
        (self.all() > 0).then(|| f64::from(self.empty) / f64::from(self.all()))
    }

    fn of<'a>(records: impl Iterator<Item = &'a Record>) -> Kinds {
        let mut kinds = Kinds::default();
        records.for_each(|r| kinds.add(r.outcome));
        kinds
    }
}

/// What the bursts of one trigger turned out to be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fired {
    /// Who asked for them; `None`: the journal does not say.
    pub source: Option<Source>,
    /// The PIRs' lines that saw it, or who it was that asked.
    pub detail: Option<String>,
    /// Its bursts.
    pub bursts: Kinds,
}

/// Sums over everything.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Totals {
    /// Bursts.
    pub bursts: Kinds,
    /// Bursts whose time is not known, because the trap's clock was never set.
    pub without_time: u32,
    /// Independent records of animals.
    pub records: u32,
    /// Kinds of animals identified to species.
    pub species: u32,
    /// Days of watch, in trap nights of 24 h.
    pub nights: f64,
    /// Triggers swallowed by storm control.
    pub suppressed: u64,
    /// Bursts that the camera did not give.
    pub failed_captures: u64,
}

/// What people said of bursts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Labels {
    /// Bursts with a label that stands.
    pub labelled: u32,
    /// Of these: the machine had said the same.
    pub confirmed: u32,
    /// Of these: the machine had said something else.
    pub corrected: u32,
}

/// A kind of animal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Species {
    /// Its name.
    pub name: Name,
    /// Bursts it was seen in.
    pub bursts: u32,
    /// Independent records.
    pub records: u32,
    /// Largest number seen at once.
    pub largest_group: u16,
    /// Bursts in which a person saw it.
    pub by_people: u32,
    /// Independent records per 100 trap nights; `None` with less than one night, from which no rate follows.
    pub per_100_nights: Option<f64>,
    /// First time, UTC.
    pub first: DateTime<Utc>,
    /// Last time, UTC.
    pub last: DateTime<Utc>,
    /// First and last day on the sites' clocks.
    pub seen: (NaiveDate, NaiveDate),
    /// Deployments it was seen at.
    pub stands: u32,
    /// When in the day.
    pub activity: Activity,
    /// The best picture still on the card.
    pub best: Option<Shown>,
}

/// When in the day a kind is seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Activity {
    /// Independent records with a known time.
    pub records: usize,
    /// Of these, in each hour.
    pub hours: Vec<u32>,
    /// Concentration of the kernel; `None`: too few records for a curve, or no direction in them.
    pub bandwidth: Option<f64>,
    /// Records per hour expected at every tenth minute; empty without a curve.
    pub curve: Vec<f64>,
}

/// A day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Day {
    /// On the sites' clocks.
    pub date: NaiveDate,
    /// Its bursts.
    pub bursts: Kinds,
    /// Hours of watch, summed over the deployments.
    pub watched_hours: f64,
}

/// An hour of the day, over all days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Hour {
    /// Its bursts.
    pub bursts: Kinds,
    /// Empties in which nothing moved.
    pub empty_still: u32,
    /// Empties in which little moved.
    pub empty_little: u32,
    /// Empties in which much moved.
    pub empty_much: u32,
}

/// Bursts of one outcome in one light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// What they turned out to be.
    pub outcome: Outcome,
    /// By infrared light.
    pub infrared: bool,
    /// Of these, nothing moved between the frames.
    pub still: u32,
    /// Less than 5 % of a frame moved.
    pub little: u32,
    /// More moved.
    pub much: u32,
}

pub(super) fn totals(all: &Gathered, stands: &[Stand], species: &[Species]) -> Totals {
    Totals {
        bursts: Kinds::of(all.records.iter()),
        without_time: all.records.iter().map(|r| u32::from(!r.timed)).sum(),
        records: species.iter().map(|s| s.records).sum(),
        species: species.iter().map(|s| u32::from(s.name.is_species())).sum(),
        nights: stands.iter().map(|s| s.nights).sum(),
        suppressed: stands.iter().map(|s| s.suppressed).sum(),
        failed_captures: stands.iter().map(|s| s.failed_captures).sum(),
    }
}

pub(super) fn labels(all: &Gathered) -> Labels {
    let with = |wanted| all.records.iter().map(|r| u32::from(r.checked == Some(wanted))).sum();
    let (confirmed, corrected) = (with(Check::Confirmed), with(Check::Corrected));
    Labels { labelled: confirmed + corrected, confirmed, corrected }
}

/// Bursts of one deployment.
pub(super) fn kinds_at(all: &Gathered, site: usize) -> Kinds {
    Kinds::of(all.records.iter().filter(|r| r.site == site))
}

/// What was collected of one kind of animal.
#[derive(Default)]
struct Found<'a> {
    sightings: Vec<(&'a Record, &'a Animal)>,
    /// Independent records: times on the site's clock, where known.
    records: u32,
    times: Vec<NaiveDateTime>,
}

pub(super) fn species(all: &Gathered, independence: TimeDelta, nights: f64) -> Vec<Species> {
    let mut found: BTreeMap<String, Found<'_>> = BTreeMap::new();
    let mut newest: BTreeMap<(String, usize), DateTime<Utc>> = BTreeMap::new();
    // In order of time; only sightings count: what is uncertain may be nothing.
    for record in all.records.iter().filter(|r| r.outcome == Outcome::Sighting) {
        let mut named = BTreeSet::new();
        for animal in &record.animals {
            let key = animal.name.key();
            let kind = found.entry(key.clone()).or_default();
            kind.sightings.push((record, animal));
            if !named.insert(key.clone()) {
                continue;
            }
            let before = newest.insert((key, record.site), record.at);
            if before.is_none_or(|before| record.at - before > independence) {
                kind.records += 1;
                kind.times.extend(record.timed.then_some(record.local));
            }
        }
    }
    let mut species: Vec<Species> = found.into_values().filter_map(|found| one(&found, nights)).collect();
    species.sort_by(|a, b| (b.records, b.bursts, &a.name).cmp(&(a.records, a.bursts, &b.name)));
    species
}

fn one(found: &Found<'_>, nights: f64) -> Option<Species> {
    let (first, named) = found.sightings.first()?;
    let (last, _) = found.sightings.last()?;
    // The name as it is written most fully.
    let names = found.sightings.iter().map(|(_, a)| &a.name);
    let name = names.max_by_key(|n| (!n.label.is_empty(), !n.rank.is_empty())).unwrap_or(&named.name).clone();
    let bursts: BTreeSet<_> = found.sightings.iter().map(|(r, _)| (r.site, r.key)).collect();
    let by_people: BTreeSet<_> =
        found.sightings.iter().filter(|(r, _)| r.checked.is_some()).map(|(r, _)| (r.site, r.key)).collect();
    let places: BTreeSet<usize> = found.sightings.iter().map(|(r, _)| r.site).collect();
    let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let days = || found.sightings.iter().map(|(r, _)| r.local.date());
    Some(Species {
        bursts: narrow(bursts.len()),
        records: found.records,
        largest_group: found.sightings.iter().map(|(_, a)| a.count).max().unwrap_or(1),
        by_people: narrow(by_people.len()),
        per_100_nights: (nights >= 1.0).then(|| f64::from(found.records) / nights * 100.0),
        first: first.at,
        last: last.at,
        seen: (days().min()?, days().max()?),
        stands: narrow(places.len()),
        activity: when(&found.times),
        best: best(&found.sightings),
        name,
    })
}

/// The best picture that can be read: a person's word first, then the score, then the box's confidence.
fn best(sightings: &[(&Record, &Animal)]) -> Option<Shown> {
    let mut shots: Vec<(bool, f32, &Shot, &Record)> = sightings
        .iter()
        .flat_map(|(record, animal)| {
            let score = animal.score.unwrap_or(0.0);
            animal.shots.iter().map(move |shot| (record.checked.is_some(), score, shot, *record))
        })
        .collect();
    // Stable: of equals the earliest.
    shots.sort_by(|a, b| {
        let by_score = b.1.total_cmp(&a.1).then(b.2.confidence.total_cmp(&a.2.confidence));
        b.0.cmp(&a.0).then(by_score)
    });
    shots.into_iter().find_map(|(_, _, shot, record)| pictures::large(shot, record))
}

/// Hours and curve of independent records.
fn when(times: &[NaiveDateTime]) -> Activity {
    let mut hours = vec![0_u32; 24];
    for time in times {
        if let Some(hour) = hours.get_mut(time.hour() as usize) {
            *hour += 1;
        }
    }
    let angle = |seconds: f64| seconds / 86_400.0 * std::f64::consts::TAU;
    let angles: Vec<f64> = times.iter().map(|t| angle(t.num_seconds_from_midnight().into())).collect();
    let bandwidth = (times.len() >= CURVE_MIN).then(|| activity::bandwidth(&angles)).flatten();
    // Per radian to per hour, times the records.
    let per_hour = times.len() as f64 * std::f64::consts::TAU / 24.0;
    let curve = bandwidth.map(|kappa| {
        let point = |i: u32| f64::from(i) / f64::from(CURVE_POINTS) * std::f64::consts::TAU;
        (0..=CURVE_POINTS).map(|i| per_hour * activity::density(&angles, kappa, point(i))).collect()
    });
    Activity { records: times.len(), hours, bandwidth, curve: curve.unwrap_or_default() }
}

/// Every day with watch or bursts.
pub(super) fn days(all: &Gathered, watches: &[Vec<Watch>]) -> Vec<Day> {
    let mut days: BTreeMap<NaiveDate, (Kinds, f64)> = BTreeMap::new();
    for record in all.records.iter().filter(|r| r.timed) {
        days.entry(record.local.date()).or_default().0.add(record.outcome);
    }
    for (site, watch) in all.sites.iter().zip(watches) {
        for (date, hours) in watch.iter().filter(|w| w.timed).flat_map(|w| days_of(w, site.offset)) {
            days.entry(date).or_default().1 += hours;
        }
    }
    days.into_iter().map(|(date, (bursts, watched_hours))| Day { date, bursts, watched_hours }).collect()
}

/// The species of each day of each deployment, in the order of the days. A day without watch and without bursts is
/// none; a deployment without effort (folders of photos) has its days with bursts.
pub(super) fn species_of_days(all: &Gathered, watches: &[Vec<Watch>]) -> Vec<BTreeSet<String>> {
    let mut days: BTreeMap<(NaiveDate, usize), BTreeSet<String>> = BTreeMap::new();
    for (number, (site, watch)) in all.sites.iter().zip(watches).enumerate() {
        for (date, _) in watch.iter().filter(|w| w.timed).flat_map(|w| days_of(w, site.offset)) {
            days.entry((date, number)).or_default();
        }
    }
    for record in all.records.iter().filter(|r| r.timed) {
        let day = days.entry((record.local.date(), record.site)).or_default();
        if record.outcome == Outcome::Sighting {
            day.extend(record.animals.iter().filter(|a| a.name.is_species()).map(|a| a.name.key()));
        }
    }
    days.into_values().collect()
}

/// What each trigger's bursts turned out to be, most bursts first; empty where no journal says who asked.
pub(super) fn fired(all: &Gathered) -> Vec<Fired> {
    let mut kinds: BTreeMap<Option<&record::Cause>, Kinds> = BTreeMap::new();
    for record in all.records.iter().filter(|r| !r.from_photos) {
        kinds.entry(record.cause.as_ref()).or_default().add(record.outcome);
    }
    if kinds.keys().all(Option::is_none) {
        return Vec::new();
    }
    let one = |(cause, bursts): (Option<&record::Cause>, Kinds)| Fired {
        source: cause.map(|c| c.source),
        detail: cause.and_then(|c| c.detail.clone()),
        bursts,
    };
    let mut fired: Vec<Fired> = kinds.into_iter().map(one).collect();
    fired.sort_by_key(|f| std::cmp::Reverse(f.bursts.all()));
    fired
}

/// Hours of the day; only what something in front of the camera brought about: an empty picture of the time-lapse is no
/// false alarm.
pub(super) fn hours(all: &Gathered) -> Vec<Hour> {
    let mut hours = vec![Hour::default(); 24];
    for record in all.records.iter().filter(|r| r.timed && r.senses()) {
        let Some(hour) = hours.get_mut(record.local.hour() as usize) else { continue };
        hour.bursts.add(record.outcome);
        if record.outcome == Outcome::Empty {
            *match record.moved {
                share if share < STILL => &mut hour.empty_still,
                share if share < MUCH => &mut hour.empty_little,
                _ => &mut hour.empty_much,
            } += 1;
        }
    }
    hours
}

pub(super) fn causes(all: &Gathered) -> Vec<Cause> {
    let of = |outcome: Outcome, infrared: bool| {
        let own = all.records.iter().filter(move |r| r.outcome == outcome && r.infrared == infrared);
        let own = own.filter(|r| r.senses());
        let mut cause = Cause { outcome, infrared, still: 0, little: 0, much: 0 };
        for record in own {
            *match record.moved {
                share if share < STILL => &mut cause.still,
                share if share < MUCH => &mut cause.little,
                _ => &mut cause.much,
            } += 1;
        }
        cause
    };
    let causes = Outcome::ALL.into_iter().flat_map(|o| [of(o, false), of(o, true)]);
    causes.filter(|c| c.still + c.little + c.much > 0).collect()
}
