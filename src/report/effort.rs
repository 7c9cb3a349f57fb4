//! When each trap stood watch: spells from the rows of effort, nights, gaps; battery and temperature over them.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use serde::Serialize;

use super::count::{self, Kinds};
use super::gather::{Gathered, Site};
use crate::export::watch::{self, Watch};
use crate::store::record::StoredEffort;
use crate::units::ClockQuality;

/// A pause of the watch shorter than this is a restart and no gap: a spell that ends without a stop is known to the
/// hour only, the pace of the heartbeat.
const GAP: TimeDelta = TimeDelta::hours(1);

/// The days that a watch touches on a clock, with hours of each.
pub(super) fn days(watch: &Watch, offset: FixedOffset) -> Vec<(NaiveDate, f64)> {
    let local = |at: DateTime<Utc>| at.with_timezone(&offset).naive_local();
    let (mut from, until) = (local(watch.from), local(watch.until));
    let mut days = Vec::new();
    loop {
        let date = from.date();
        let midnight = date.succ_opt().map(|next| next.and_time(NaiveTime::MIN));
        let end = midnight.map_or(until, |m| m.min(until));
        days.push((date, (end - from).as_seconds_f64().max(0.0) / 3600.0));
        if end >= until {
            return days;
        }
        from = end;
    }
}

/// A spell of watch, for printing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spell {
    /// Begin on the site's clock.
    pub from: NaiveDateTime,
    /// End on the site's clock: a stop, or the last sign of life.
    pub to: NaiveDateTime,
    /// It ended without a stop: power cut, kill or crash.
    pub cut: bool,
}

/// A pause of the watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Begin on the site's clock.
    pub from: NaiveDateTime,
    /// End on the site's clock.
    pub to: NaiveDateTime,
}

impl Gap {
    /// Its length, hours.
    pub fn hours(&self) -> f64 {
        (self.to - self.from).as_seconds_f64() / 3600.0
    }
}

/// A deployment: its watch and its bursts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stand {
    /// Its name.
    pub name: String,
    /// Number of its journal among those of the report, from 0.
    pub journal: usize,
    /// Degrees north and east to one decimal (about 10 km), so that the report does not give the place away.
    pub near: Option<(f64, f64)>,
    /// Offset of its clock from UTC, seconds.
    pub utc_offset_seconds: i32,
    /// Time on watch, in trap nights of 24 h.
    pub nights: f64,
    /// When it stood watch by a clock that was set.
    pub spells: Vec<Spell>,
    /// Pauses of an hour and more.
    pub gaps: Vec<Gap>,
    /// Its bursts.
    pub bursts: Kinds,
    /// Triggers swallowed by storm control.
    pub suppressed: u64,
    /// Bursts that the camera did not give.
    pub failed_captures: u64,
}

/// Battery and temperature of one deployment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// The deployment's name.
    pub name: String,
    /// Readings with a known time, in order.
    pub points: Vec<SeriesPoint>,
}

/// A reading.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SeriesPoint {
    /// On the site's clock.
    pub at: NaiveDateTime,
    /// Volts.
    pub volts: Option<f64>,
    /// State of charge, percent.
    pub percent: Option<u8>,
    /// Degrees Celsius inside the housing.
    pub celsius: Option<i8>,
}

/// The watch of every deployment, in the order of the sites.
pub(super) fn watches(all: &Gathered) -> Vec<Vec<Watch>> {
    all.sites.iter().enumerate().map(|(number, site)| watch(all, number, site)).collect()
}

fn watch(all: &Gathered, number: usize, site: &Site) -> Vec<Watch> {
    let records = || all.records.iter().filter(|r| r.site == number);
    // Folders of photos have been read, not watched.
    if records().any(|r| r.from_photos) {
        return Vec::new();
    }
    let mut watches = watch::watches(&site.efforts, records().map(|r| (r.key.boot, r.at, r.clock)));
    watches.sort_by_key(|w| (w.from, w.until));
    watches
}

pub(super) fn stands(all: &Gathered, watches: &[Vec<Watch>]) -> Vec<Stand> {
    let stand = |(number, (site, watch)): (usize, (&Site, &Vec<Watch>))| {
        let local = |at: DateTime<Utc>| at.with_timezone(&site.offset).naive_local();
        let timed = || watch.iter().filter(|w| w.timed);
        let mut gaps = Vec::new();
        let mut until: Option<DateTime<Utc>> = None;
        for watch in timed() {
            if let Some(before) = until.filter(|before| watch.from - *before >= GAP) {
                gaps.push(Gap { from: local(before), to: local(watch.from) });
            }
            until = until.max(Some(watch.until));
        }
        let sum = |of: fn(&StoredEffort) -> u32| site.efforts.iter().map(|e| u64::from(of(e))).sum();
        Stand {
            name: site.name.clone(),
            journal: site.journal,
            near: site.coordinates.map(|(north, east)| (tenth(north), tenth(east))),
            utc_offset_seconds: site.offset.local_minus_utc(),
            nights: watch.iter().map(|w| w.length().as_seconds_f64()).sum::<f64>() / 86_400.0,
            spells: timed().map(|w| Spell { from: local(w.from), to: local(w.until), cut: w.cut }).collect(),
            gaps,
            bursts: count::kinds_at(all, number),
            suppressed: sum(|e| e.effort.suppressed),
            failed_captures: sum(|e| e.effort.failed_captures),
        }
    };
    all.sites.iter().zip(watches).enumerate().map(stand).collect()
}

fn tenth(degrees: f64) -> f64 {
    (degrees * 10.0).round() / 10.0
}

/// Battery and temperature of the deployments that have any.
pub(super) fn readings(all: &Gathered) -> Vec<Series> {
    let series = all.sites.iter().map(|site| {
        let known = site.readings.iter().filter(|r| r.clock != ClockQuality::Unset);
        let point = |r: &crate::store::Reading| SeriesPoint {
            at: r.at.with_timezone(&site.offset).naive_local(),
            volts: r.battery.map(|millivolts| f64::from(millivolts) / 1000.0),
            percent: r.supply.percent,
            celsius: r.temperature,
        };
        let mut points: Vec<_> = known
            .map(point)
            .filter(|p| p.volts.is_some() || p.percent.is_some() || p.celsius.is_some())
            .collect();
        points.sort_by_key(|p| p.at);
        Series { name: site.name.clone(), points }
    });
    series.filter(|s| !s.points.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_over_midnight_is_split_by_the_clock_of_the_site() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let watch = Watch {
            boot: 1,
            from: at("2026-05-01T20:00:00Z"),
            until: at("2026-05-03T01:30:00Z"),
            timed: true,
            cut: false,
        };
        let day = |d| NaiveDate::from_ymd_opt(2026, 5, d).unwrap();
        let utc = days(&watch, FixedOffset::east_opt(0).unwrap());
        assert_eq!(utc, [(day(1), 4.0), (day(2), 24.0), (day(3), 1.5)]);
        let east = days(&watch, FixedOffset::east_opt(4 * 3600).unwrap());
        assert_eq!(east, [(day(2), 24.0), (day(3), 5.5)]);
    }
}
