//! Detection histories, effort and sites, as R's `unmarked` and `camtrapR` take them.
//!
//! A site is a location. An occasion of a site is NA where nothing stood watch there; else 1 where the species was
//! detected and 0 where it was not. Only what has a date counts, for effort and for detections.

mod calendar;
mod readme;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use self::calendar::{Calendar, Site};
use super::folder::Folder;
use super::gather::Gathered;
use super::places::slug;
use super::table::{Cell, Table, number};
use super::word::Word;
use super::{Capture, ExportError, Options, Summary};
use crate::event::Source;

/// Decimals of days: a hundredth of a day is a quarter of an hour, and effort is known to seconds.
const DECIMALS: usize = 4;

/// An independent detection.
struct Detection<'a> {
    site: usize,
    species: &'a str,
    at: DateTime<Utc>,
    count: Option<u16>,
    /// Since the one before at the same site.
    since: Option<TimeDelta>,
}

pub(super) fn write(
    all: &Gathered,
    options: &Options,
    folder: &mut Folder,
    summary: &mut Summary,
) -> Result<(), ExportError> {
    let calendar = Calendar::of(&all.deployments, options)?;
    let sites = &calendar.sites;
    let effort: Vec<Vec<f64>> = sites.iter().map(|site| calendar.effort(site)).collect();
    let watched = |days: f64| days > 0.0 && days >= options.min_effort_days;
    let row = |site: &Site, cells: &mut dyn Iterator<Item = Cell>| -> Vec<Cell> {
        std::iter::once(Cell::from(site.name.as_str())).chain(cells).collect()
    };

    let mut tables = vec![sites_table(all, &calendar), occasions_table(&calendar)];
    let mut table = matrix("effort", &calendar);
    for (site, days) in sites.iter().zip(&effort) {
        let mut cells = days.iter().map(|d| if watched(*d) { number(*d, DECIMALS) } else { Cell::Empty });
        table.rows.push(row(site, &mut cells));
    }
    tables.push(table);
    tables.push(operation(&calendar));

    let detections = detections(all, &calendar, options);
    let mut lost = 0;
    let species: BTreeSet<&str> = detections.iter().map(|d| d.species).collect();
    for name in &species {
        let mut counts: Vec<BTreeMap<usize, u32>> = vec![BTreeMap::new(); sites.len()];
        for detection in detections.iter().filter(|d| d.species == *name) {
            let occasion = sites.get(detection.site).and_then(|s| calendar.occasion(s, detection.at));
            let days = effort.get(detection.site).zip(occasion).and_then(|(e, o)| e.get(o)).copied();
            match (counts.get_mut(detection.site), occasion) {
                (Some(counts), Some(o)) if days.is_some_and(watched) => *counts.entry(o).or_default() += 1,
                _ => lost += 1,
            }
        }
        for (kind, most) in [("history", 1), ("counts", u32::MAX)] {
            let mut table = matrix(&format!("{kind}_{}", slug(name)), &calendar);
            for ((site, days), counts) in sites.iter().zip(&effort).zip(&counts) {
                let cell = |(o, d): (usize, &f64)| match watched(*d) {
                    true => Cell::from(counts.get(&o).copied().unwrap_or(0).min(most)),
                    false => Cell::Empty,
                };
                table.rows.push(row(site, &mut days.iter().enumerate().map(cell)));
            }
            tables.push(table);
        }
    }
    tables.push(records(&detections, &calendar));
    for table in &tables {
        folder.add(&table.file(), &table.csv("NA")?)?;
    }
    folder.add("README.txt", readme::text(&calendar, options, &species).as_bytes())?;

    let undated = all.records.iter().filter(|r| !r.dated).count();
    if undated > 0 {
        summary.notes.push(format!("{undated} bursts without a date are in no history"));
    }
    let left_out = |source| all.records.iter().filter(|r| r.dated && r.source() == Some(source)).count();
    let (lapse, asked) = (left_out(Source::Timer), left_out(Source::Asked));
    if lapse > 0 && options.capture == Capture::Activity {
        summary.notes.push(format!(
            "{lapse} bursts of the time-lapse are in no history: their chance to see an animal is another than a sensor's; \
             --capture time-lapse or both takes them"
        ));
    }
    if asked > 0 {
        summary
            .notes
            .push(format!("{asked} bursts that somebody asked for are in no history: they are no sample"));
    }
    if lost > 0 {
        summary
            .notes
            .push(format!("{lost} detections lie in occasions without enough effort and are in no history"));
    }
    summary.observations = detections.len();
    Ok(())
}

/// An empty table of sites and occasions.
fn matrix(name: &str, calendar: &Calendar) -> Table {
    let names: Vec<String> = (1..=calendar.occasions).map(|o| format!("o{o}")).collect();
    let columns: Vec<&str> = std::iter::once("site").chain(names.iter().map(String::as_str)).collect();
    Table::new(name, &columns)
}

/// One row per site, in the order of the matrices.
fn sites_table(all: &Gathered, calendar: &Calendar) -> Table {
    let columns = [
        "site",
        "name",
        "latitude",
        "longitude",
        "first",
        "last",
        "trap_days",
        "deployments",
        "height",
        "bait",
        "feature",
        "habitat",
    ];
    let mut table = Table::new("sites", &columns);
    for site in &calendar.sites {
        let mut own = all.deployments.iter().filter(|d| d.location_id == site.name);
        let deployments = own.clone().count();
        let newest = own.next_back();
        let setup = newest.map(|d| &d.setup);
        let coordinates = newest.and_then(|d| d.coordinates());
        table.rows.push(vec![
            site.name.as_str().into(),
            newest.map(|d| d.location_name.clone()).into(),
            coordinates.map(|c| number(c.0, 6)).into(),
            coordinates.map(|c| number(c.1, 6)).into(),
            site.first.map(|d| d.to_string()).into(),
            site.last.map(|d| d.to_string()).into(),
            number(calendar.effort(site).iter().sum(), DECIMALS),
            deployments.into(),
            setup.and_then(|s| s.height_m).map(|h| number(h, 2)).into(),
            setup.and_then(|s| s.bait).into(),
            setup.and_then(|s| s.feature.clone()).into(),
            setup.and_then(|s| s.habitat.clone()).into(),
        ]);
    }
    table
}

/// First and last day of every occasion; of every site where they differ.
fn occasions_table(calendar: &Calendar) -> Table {
    let mut table = Table::new("occasions", &["site", "occasion", "first", "last"]);
    let shared = calendar.shared();
    let sites = if shared { calendar.sites.get(..1).unwrap_or_default() } else { &calendar.sites };
    for site in sites {
        for occasion in 0..calendar.occasions {
            let Some((first, last)) = calendar.days_of(site, occasion) else { continue };
            let name = if shared { "all" } else { &site.name };
            let day = |d: NaiveDate| Cell::from(d.to_string());
            table.rows.push(vec![name.into(), format!("o{}", occasion + 1).into(), day(first), day(last)]);
        }
    }
    table
}

/// Share of each day on watch: camtrapR's camera operation matrix. NA: no camera was set up; 0: it stood still.
fn operation(calendar: &Calendar) -> Table {
    let days: Vec<NaiveDate> = calendar.days().collect();
    let names: Vec<String> = days.iter().map(NaiveDate::to_string).collect();
    let columns: Vec<&str> = std::iter::once("site").chain(names.iter().map(String::as_str)).collect();
    let mut table = Table::new("camera_operation", &columns);
    for site in &calendar.sites {
        let share = |day: &NaiveDate| match site.is_set_up(*day) {
            true => number(calendar.share(site, *day), DECIMALS),
            false => Cell::Empty,
        };
        let name = std::iter::once(Cell::from(site.name.as_str()));
        table.rows.push(name.chain(days.iter().map(share)).collect());
    }
    table
}

/// Detections of species, those too close to the last independent one left out (camtrapR:
/// `deltaTimeComparedTo = "lastIndependentRecord"`).
fn detections<'a>(all: &'a Gathered, calendar: &Calendar, options: &Options) -> Vec<Detection<'a>> {
    let apart = TimeDelta::minutes(options.independence_minutes.into());
    // A group is a kind like any other once it was asked for by name.
    let wanted = |w: &&Word| w.is_species() || (!options.species.is_empty() && !w.taxon.is_empty());
    let mut found: Vec<Detection<'a>> = Vec::new();
    for record in all.records.iter().filter(|r| r.dated && options.capture.counts(r.source())) {
        let place = all.deployments.get(record.deployment);
        let Some(site) = place.and_then(|d| calendar.sites.iter().position(|s| s.name == d.location_id))
        else {
            continue;
        };
        for word in record.words.iter().filter(wanted) {
            found.push(Detection {
                site,
                species: &word.taxon,
                at: record.at(),
                count: word.count,
                since: None,
            });
        }
    }
    found.sort_by_key(|d| (d.site, d.species, d.at));
    let mut kept: Vec<Detection<'a>> = Vec::new();
    for mut one in found {
        match kept.last().filter(|last| last.site == one.site && last.species == one.species) {
            Some(last) if one.at - last.at < apart => continue,
            last => one.since = last.map(|last| one.at - last.at),
        }
        kept.push(one);
    }
    kept
}

/// camtrapR's record table.
fn records(detections: &[Detection<'_>], calendar: &Calendar) -> Table {
    let columns = [
        "Station",
        "Species",
        "DateTimeOriginal",
        "Date",
        "Time",
        "delta.time.secs",
        "delta.time.mins",
        "delta.time.hours",
        "delta.time.days",
        "n",
    ];
    let mut table = Table::new("records", &columns);
    for one in detections {
        let local = one.at.with_timezone(&calendar.offset).naive_local();
        let seconds = one.since.map_or(0, |s| s.num_seconds()) as f64;
        table.rows.push(vec![
            calendar.sites.get(one.site).map(|s| s.name.clone()).into(),
            one.species.into(),
            local.format("%Y-%m-%d %H:%M:%S").to_string().into(),
            local.date().to_string().into(),
            local.format("%H:%M:%S").to_string().into(),
            number(seconds, 0),
            number(seconds / 60.0, 0),
            number(seconds / 3600.0, 1),
            number(seconds / 86_400.0, 1),
            one.count.into(),
        ]);
    }
    table
}
