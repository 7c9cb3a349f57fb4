//! Days and occasions: which of them a site was watched in, and for how long.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveTime, TimeZone, Utc};

use crate::export::places::Deployment;
use crate::export::watch;
use crate::export::{Align, ExportError, Options};

/// Most occasions or days a table may have: R reads more columns, people and spreadsheets do not (Excel's limit is
/// 16,384).
const COLUMNS_MAX: i64 = 16_000;

/// A place over the whole survey.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// Its location.
    pub name: String,
    /// When something stood watch there, in order and without overlap.
    pub watched: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// First and last day of each of its deployments.
    set_up: Vec<(NaiveDate, NaiveDate)>,
    /// First day of its first and last day of its last deployment; none where no date is known.
    pub first: Option<NaiveDate>,
    pub last: Option<NaiveDate>,
}

impl Site {
    /// Whether a camera was there on a day.
    pub fn is_set_up(&self, day: NaiveDate) -> bool {
        self.set_up.iter().any(|(first, last)| (*first..=*last).contains(&day))
    }
}

/// The survey's days and occasions.
#[derive(Debug)]
pub(super) struct Calendar {
    /// Sites in the order of their names.
    pub sites: Vec<Site>,
    /// Occasions of every site.
    pub occasions: usize,
    /// Days per occasion.
    pub length: u32,
    /// Where midnights lie.
    pub offset: FixedOffset,
    align: Align,
    first: NaiveDate,
    last: NaiveDate,
}

impl Calendar {
    pub fn of(deployments: &[Deployment], options: &Options) -> Result<Self, ExportError> {
        let offset = options.offset;
        let day = |at: DateTime<Utc>| at.with_timezone(&offset).date_naive();
        let mut by_name: BTreeMap<&str, Vec<&Deployment>> = BTreeMap::new();
        for one in deployments {
            by_name.entry(&one.location_id).or_default().push(one);
        }
        let sites: Vec<Site> = by_name
            .into_iter()
            .map(|(name, own)| {
                let dated = || own.iter().filter(|d| !d.issues);
                let mut watched: Vec<_> = dated().flat_map(|d| d.watched.clone()).collect();
                watched.sort();
                Site {
                    name: name.to_owned(),
                    watched: union(&watched),
                    set_up: dated().map(|d| (day(d.from), day(d.until))).collect(),
                    first: dated().map(|d| day(d.from)).min(),
                    last: dated().map(|d| day(d.until)).max(),
                }
            })
            .collect();
        let nothing = || {
            let files: Vec<_> = deployments.iter().map(|d| d.file.clone()).collect();
            ExportError::Nothing(format!("{} (no deployment has a date)", files.join(", ")))
        };
        let earliest = sites.iter().filter_map(|s| s.first).min().ok_or_else(nothing)?;
        let last = sites.iter().filter_map(|s| s.last).max().unwrap_or(earliest);
        let first = if let Align::Day(day) = options.align { day } else { earliest };
        let mut calendar = Calendar {
            sites,
            occasions: 0,
            length: options.occasion_days.max(1),
            offset,
            align: options.align,
            first,
            last,
        };
        let days = (last - first.min(earliest)).num_days() + 1;
        let each = i64::from(calendar.length);
        let spans = calendar.sites.iter().filter_map(|s| Some((s.last? - calendar.begin(s)?).num_days() + 1));
        let occasions = spans.max().unwrap_or(0).max(0);
        let occasions = occasions / each + i64::from(occasions % each > 0);
        if days > COLUMNS_MAX || occasions > COLUMNS_MAX {
            return Err(ExportError::TooLong { days, each: calendar.length });
        }
        calendar.occasions = usize::try_from(occasions).unwrap_or(0);
        Ok(calendar)
    }

    /// First day of a site's first occasion.
    fn begin(&self, site: &Site) -> Option<NaiveDate> {
        if self.align == Align::Station { site.first } else { Some(self.first) }
    }

    /// Whether occasions are the same days everywhere.
    pub fn shared(&self) -> bool {
        self.align != Align::Station
    }

    /// Every day of the survey.
    pub fn days(&self) -> impl Iterator<Item = NaiveDate> {
        let last = self.last;
        let first = self.sites.iter().filter_map(|s| s.first).min().unwrap_or(last);
        first.iter_days().take_while(move |d| *d <= last)
    }

    /// First and last day of an occasion, from 0.
    pub fn days_of(&self, site: &Site, occasion: usize) -> Option<(NaiveDate, NaiveDate)> {
        let length = u64::from(self.length);
        let first = self.begin(site)?.checked_add_days(Days::new(occasion as u64 * length))?;
        Some((first, first.checked_add_days(Days::new(length - 1))?))
    }

    /// The occasion in which a moment lies, from 0.
    pub fn occasion(&self, site: &Site, at: DateTime<Utc>) -> Option<usize> {
        let day = at.with_timezone(&self.offset).date_naive();
        let days = (day - self.begin(site)?).num_days();
        let occasion = usize::try_from(days).ok()? / self.length as usize;
        (occasion < self.occasions).then_some(occasion)
    }

    /// Days on watch in each occasion.
    pub fn effort(&self, site: &Site) -> Vec<f64> {
        let covered = |occasion| {
            let (first, last) = self.days_of(site, occasion)?;
            Some(self.covered(site, first, last.succ_opt()?))
        };
        (0..self.occasions).map(|o| covered(o).unwrap_or(0.0)).collect()
    }

    /// Share of a day on watch, 0..=1.
    pub fn share(&self, site: &Site, day: NaiveDate) -> f64 {
        day.succ_opt().map_or(0.0, |next| self.covered(site, day, next))
    }

    fn covered(&self, site: &Site, from: NaiveDate, until: NaiveDate) -> f64 {
        let midnight = |day: NaiveDate| {
            let at = self.offset.from_local_datetime(&day.and_time(NaiveTime::MIN)).single();
            at.map_or(DateTime::<Utc>::MAX_UTC, |at| at.to_utc())
        };
        watch::covered(&site.watched, midnight(from), midnight(until)).as_seconds_f64() / 86_400.0
    }
}

/// Sorted stretches without overlap.
fn union(sorted: &[(DateTime<Utc>, DateTime<Utc>)]) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut out: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for (from, until) in sorted {
        match out.last_mut() {
            Some(last) if *from <= last.1 => last.1 = last.1.max(*until),
            _ => out.push((*from, *until)),
        }
    }
    out
}
