//! One journal to deployments and records: a trap's watch, or the cameras of folders of photos.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, TimeDelta};

use super::dates::{self, Placed};
use super::gather::{Gathered, Picture, Record};
use super::photos::{self, Told};
use super::places::{self, Deployment};
use super::watch::{self, DOWNTIME, Watch};
use super::{ExportError, Options, word};
use crate::deployment::Setup;
use crate::event::EventKey;
use crate::store::record::{MediaKind, Stored, StoredEffort};
use crate::store::{Damage, Filter, Listing, Reader, StoredBoot, StoredLabel, StoredSetup, standing};
use crate::units::ClockQuality;

/// One journal as it was read.
pub(super) struct Journal {
    number: usize,
    file: String,
    stem: String,
    bursts: Vec<Stored>,
    labels: BTreeMap<u32, StoredLabel>,
    boots: Vec<StoredBoot>,
    effort: Vec<StoredEffort>,
    setups: Vec<StoredSetup>,
    names: Vec<(String, Option<(f64, f64)>)>,
    damaged: usize,
}

impl Journal {
    /// Reads all of it.
    pub fn read(path: &Path, number: usize) -> Result<Journal, ExportError> {
        let reader = Reader::open_readonly(path)?;
        let mut damaged = BTreeSet::new();
        let names = items(reader.deployments()?, &mut damaged);
        Ok(Journal {
            number,
            file: path.display().to_string(),
            stem: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            bursts: items(reader.events(&Filter::default())?, &mut damaged),
            labels: standing(items(reader.labels()?, &mut damaged)),
            boots: items(reader.boots()?, &mut damaged),
            effort: items(reader.effort()?, &mut damaged),
            setups: items(reader.setups()?, &mut damaged),
            names: names.into_iter().map(|d| (d.name, d.coordinates)).collect(),
            damaged: damaged.len(),
        })
    }

    /// Adds its deployments and records. `several`: there are other journals, whose pictures lie elsewhere.
    pub fn add(mut self, all: &mut Gathered, options: &Options, several: bool) {
        if self.damaged > 0 {
            let (file, n) = (&self.file, self.damaged);
            all.notes.push(format!("{file}: {n} rows do not match their checksum and are left out"));
        }
        let (photos, bursts): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.bursts).into_iter().partition(|s| s.burst.source.is_some());
        let from_photos: BTreeSet<&str> = photos.iter().map(|s| s.deployment.as_str()).collect();
        let mut by_name: BTreeMap<String, Vec<Stored>> = BTreeMap::new();
        for (name, _) in &self.names {
            by_name.entry(name.clone()).or_default();
        }
        for stored in bursts {
            by_name.entry(stored.deployment.clone()).or_default().push(stored);
        }
        for (name, bursts) in by_name {
            // `trapline sort` reads at its desk: its starts are no watch.
            if !bursts.is_empty() || !from_photos.contains(name.as_str()) {
                self.add_trap(all, options, &name, bursts, several);
            }
        }
        self.add_photos(all, options, photos);
    }

    /// What is known of a deployment of this journal.
    fn setup(&self, options: &Options, name: &str) -> Setup {
        let newest = self.setups.iter().rev().find(|s| s.deployment == name);
        let mut setup = newest.map(|s| s.setup.clone()).unwrap_or_default();
        let row = self.names.iter().find(|(own, _)| own == name).and_then(|(_, c)| *c);
        if setup.latitude.zip(setup.longitude).is_none() {
            (setup.latitude, setup.longitude) = (row.map(|c| c.0), row.map(|c| c.1));
        }
        places::known(&options.project, &self.file, name, setup)
    }

    fn deployment(&self, options: &Options, name: &str) -> Deployment {
        let setup = self.setup(options, name);
        let said = |text: &Option<String>| text.clone().filter(|t| !t.trim().is_empty());
        let location_name = said(&setup.location_name);
        let located = said(&setup.location_id).or_else(|| location_name.clone());
        Deployment {
            id: String::new(),
            name: name.to_owned(),
            journal: self.number,
            file: self.file.clone(),
            located: located.is_some(),
            location_id: located.unwrap_or_else(|| name.to_owned()),
            location_name: location_name.unwrap_or_else(|| name.to_owned()),
            setup,
            rounded: None,
            from: DateTime::UNIX_EPOCH,
            until: DateTime::UNIX_EPOCH,
            issues: false,
            watched: Vec::new(),
            boots: 0,
            cuts: 0,
            photos: false,
        }
    }

    fn add_trap(
        &self,
        all: &mut Gathered,
        options: &Options,
        name: &str,
        bursts: Vec<Stored>,
        several: bool,
    ) {
        let own: BTreeSet<u32> =
            self.boots.iter().filter(|b| b.deployment == name).map(|b| b.number).collect();
        let effort: Vec<_> = self.effort.iter().filter(|e| own.contains(&e.boot)).cloned().collect();
        let signs = bursts.iter().map(|s| (s.key.boot, s.burst.triggered, s.burst.clock));
        let watches = watch::watches(&effort, signs);
        let placed = dates::place(&watches);
        let first = all.deployments.len();
        let spans = watch::spans(&watches, DOWNTIME);
        let plain = self.deployment(options, name);
        for (from, until) in &spans {
            let within: Vec<Watch> =
                watches.iter().filter(|w| w.timed && (*from..=*until).contains(&w.from)).copied().collect();
            let starts: BTreeSet<u32> = within.iter().map(|w| w.boot).collect();
            all.deployments.push(Deployment {
                id: format!("{}-{}", places::slug(name), from.format("%Y%m%dT%H%M%SZ")),
                from: *from,
                until: *until,
                watched: watch::merged(&within),
                boots: starts.len(),
                cuts: within.iter().filter(|w| w.cut).count(),
                ..plain.clone()
            });
        }
        let groups: BTreeSet<usize> = placed.iter().filter_map(|p| p.group).collect();
        for group in &groups {
            let own = || placed.iter().filter(|p| p.group == Some(*group));
            let boot = own().next().map_or(0, |p| p.watch.boot);
            let from = own().map(Placed::from).min().unwrap_or_default();
            all.deployments.push(Deployment {
                // Estimates change as the journal grows; the boot stays.
                id: format!("{}-undated-boot-{boot}", places::slug(name)),
                from,
                until: own().map(Placed::until).max().unwrap_or(from),
                issues: true,
                ..plain.clone()
            });
        }
        if !groups.is_empty() {
            let hours: TimeDelta = watches.iter().filter(|w| !w.timed).map(Watch::length).sum();
            all.notes.push(format!(
                "{}: {name} stood watch {:.1} h without a set clock; times of that are estimated, and it counts for no effort",
                self.file,
                hours.as_seconds_f64() / 3600.0
            ));
        }
        for stored in bursts {
            let Some(spell) = spell(&placed, &stored) else { continue };
            let place = match spell.group {
                Some(group) => spans.len() + groups.range(..group).count(),
                None => {
                    spans.iter().position(|s| s.0 <= spell.watch.from && spell.watch.from <= s.1).unwrap_or(0)
                }
            };
            let prefix = if several { format!("{}/", self.stem) } else { String::new() };
            let pictures = stored
                .media
                .iter()
                .filter(|m| m.media.kind == MediaKind::Frame && m.gone.is_none())
                .map(|m| Picture {
                    frame: m.frame,
                    path: photos::allowed(&format!("{prefix}{}", m.media.path)),
                })
                .collect();
            let (shift, dated) = (spell.shift, spell.group.is_none());
            let label = self.labels.get(&stored.key.number).cloned();
            self.push(all, first + place, stored, label, shift, dated, pictures);
        }
    }

    /// One deployment per camera, from its first photo to its last.
    fn add_photos(&self, all: &mut Gathered, options: &Options, bursts: Vec<Stored>) {
        let mut told: Vec<(Stored, Told, Option<StoredLabel>)> = bursts
            .into_iter()
            .map(|s| {
                let label = self.labels.get(&s.key.number).cloned();
                let told = photos::told(&s);
                (s, told, label)
            })
            .collect();
        let again = newest_only(&mut told);
        if again > 0 {
            let file = &self.file;
            all.notes.push(format!(
                "{file}: {again} sequences were judged again later; the newest judgement counts"
            ));
        }
        let mut cameras: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for one in told {
            let camera =
                if one.1.camera.is_empty() { one.0.deployment.clone() } else { one.1.camera.clone() };
            cameras.entry(camera).or_default().push(one);
        }
        for (camera, bursts) in cameras {
            let dated: Vec<bool> = bursts.iter().map(|b| b.0.burst.clock != ClockQuality::Unset).collect();
            let taken = || bursts.iter().filter(|b| b.0.burst.clock != ClockQuality::Unset);
            let from = taken().map(|b| b.0.burst.triggered).min();
            let frames = taken().flat_map(|b| b.0.burst.frames.iter().map(|f| f.taken));
            let until = frames.max().max(from);
            let plain = Deployment { photos: true, ..self.deployment(options, &camera) };
            let first = all.deployments.len();
            if let Some((from, until)) = from.zip(until) {
                let id = format!("{}-{}", places::slug(&camera), from.format("%Y%m%dT%H%M%SZ"));
                let watched = vec![(from, until)];
                all.deployments.push(Deployment { id, from, until, watched, ..plain.clone() });
            }
            let undated = all.deployments.len();
            let n = dated.iter().filter(|d| !**d).count();
            let place = from.unwrap_or(DateTime::UNIX_EPOCH);
            if n > 0 {
                let id = format!("{}-undated", places::slug(&camera));
                let (from, until) = (place, place);
                all.deployments.push(Deployment { id, from, until, issues: true, ..plain });
                let file = &self.file;
                all.notes.push(format!("{file}: {n} sequences of {camera} have no time; theirs is made up"));
            }
            for ((stored, told, label), dated) in bursts.into_iter().zip(dated) {
                let place = if dated { first } else { undated };
                let shift = match dated {
                    true => TimeDelta::zero(),
                    false => all
                        .deployments
                        .get(undated)
                        .map_or(TimeDelta::zero(), |d| d.from - stored.burst.triggered),
                };
                let pictures =
                    told.frames.iter().enumerate().map(|(frame, f)| Picture { frame, path: f.file.clone() });
                let pictures = pictures.filter(|p| !p.path.is_empty()).collect();
                self.push(all, place, stored, label, shift, dated, pictures);
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // One call each for traps and photos.
    fn push(
        &self,
        all: &mut Gathered,
        deployment: usize,
        stored: Stored,
        label: Option<StoredLabel>,
        shift: TimeDelta,
        dated: bool,
        pictures: Vec<Picture>,
    ) {
        let Some(place) = all.deployments.get_mut(deployment) else { return };
        let EventKey { boot, number } = stored.key;
        let version = self.boots.iter().find(|b| b.number == boot).map_or("", |b| b.version.as_str());
        let models = match stored.burst.models.is_empty() {
            true => "motion alone".to_owned(),
            false => stored.burst.models.join(", "),
        };
        let record = Record {
            deployment,
            id: format!("{}:{boot}-{number}", place.id),
            words: word::words(&stored.burst, label.as_ref()),
            machine: format!("Trapline {version} ({models})"),
            stored,
            shift,
            dated,
            label,
            pictures,
        };
        // The last frame may come after the last sign of life.
        place.from = place.from.min(record.from());
        place.until = place.until.max(record.until());
        all.records.push(record);
    }
}

fn items<T>(listing: Listing<T>, damaged: &mut BTreeSet<(&'static str, i64)>) -> Vec<T> {
    damaged.extend(listing.damaged.iter().map(|Damage { table, id }| (*table, *id)));
    listing.items
}

/// The spell a burst belongs to: that of its boot which holds its time, else the nearest.
fn spell(placed: &[Placed], stored: &Stored) -> Option<Placed> {
    let (at, unset) = (stored.burst.triggered, stored.burst.clock == ClockQuality::Unset);
    let far = |p: &&Placed| {
        let outside = (p.watch.from - at).max(at - p.watch.until).max(TimeDelta::zero());
        // A burst of a set clock is not one of an unset clock's spell, whatever the distance.
        (unset == p.watch.timed, outside)
    };
    placed.iter().filter(|p| p.watch.boot == stored.key.boot).min_by_key(far).copied()
}

/// Drops judgements of photos that were judged again later, with other models or settings; a person's word about the
/// same photos goes over to the newest. Gives how many were dropped.
fn newest_only(bursts: &mut Vec<(Stored, Told, Option<StoredLabel>)>) -> usize {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let (mut keep, mut orphans) = (vec![true; bursts.len()], Vec::new());
    for (i, (_, told, label)) in bursts.iter().enumerate().rev() {
        let later = told.frames.iter().find_map(|f| seen.get(&f.file).copied());
        if let Some(later) = later {
            if let Some(slot) = keep.get_mut(i) {
                *slot = false;
            }
            orphans.extend(label.clone().map(|label| (later, told.sequence.clone(), label)));
            continue;
        }
        told.frames.iter().filter(|f| !f.file.is_empty()).for_each(|f| {
            seen.insert(f.file.clone(), i);
        });
    }
    for (later, sequence, label) in orphans {
        if let Some((_, told, own)) = bursts.get_mut(later)
            && told.sequence == sequence
            && own.is_none()
        {
            *own = Some(label);
        }
    }
    let dropped = keep.iter().filter(|k| !**k).count();
    let mut kept = keep.into_iter();
    bursts.retain(|_| kept.next().unwrap_or(true));
    dropped
}
