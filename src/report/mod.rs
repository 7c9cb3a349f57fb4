//! A season on one page: what journals hold, counted, drawn and written as one HTML file that needs no network.
//!
//! [`collect`] reads journals and counts, [`Report::html`] writes the page. A [`Report`] is also what
//! `trapline report --json` prints. Nothing in it depends on when or where it is made: the same journals give the same
//! bytes.
//!
//! | file | what it is for |
//! |---|---|
//! | `gather` | journals to one record per burst, with the word that counts |
//! | `count` | records to species, days, hours, causes |
//! | `effort` | when each trap stood watch |
//! | `activity`, `accumulation`, `sun` | the arithmetic behind three of the figures |
//! | `pictures` | from the card to small JPEGs |
//! | `plot` | the figures, as SVG |
//! | `page`, `texts` | the HTML and its words |

mod accumulation;
mod activity;
mod count;
mod effort;
mod gather;
mod page;
mod pictures;
mod plot;
mod sun;
mod texts;

use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use serde::Serialize;

pub use accumulation::Accumulation;
pub use count::{Activity, Cause, Day, Fired, Hour, Kinds, Labels, Species, Totals};
pub use effort::{Gap, Series, SeriesPoint, Spell, Stand};
pub use gather::{JournalNote, Name};
pub use pictures::{Shown, Uncertain, Waiting};
pub use sun::Sun;

/// Bursts of one kind at one place that come at most so long after each other are counted once, minutes: the usual
/// choice of camera-trap studies (O'Brien, Kinnaird & Wibisono 2003, Animal Conservation 6:131).
pub const INDEPENDENCE_MINUTES: u32 = 30;

/// A journal and the folder of its pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The journal.
    pub journal: PathBuf,
    /// The trap's media folder; it may be missing.
    pub media: PathBuf,
}

/// How to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bursts of one kind at one place at most so far apart are one record.
    pub independence: TimeDelta,
    /// The clock of the report; `None`: mean solar time at each site, UTC where its longitude is not known.
    pub utc_offset: Option<FixedOffset>,
    /// So many uncertain bursts are shown.
    pub uncertain: usize,
    /// Printed as the time the report was made; `None`: it does not say.
    pub now: Option<DateTime<Utc>>,
}

impl Default for Options {
    fn default() -> Self {
        let independence = TimeDelta::minutes(INDEPENDENCE_MINUTES.into());
        Options { independence, utc_offset: None, uncertain: 24, now: None }
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A journal that cannot be opened as one.
    #[error(transparent)]
    Journal(#[from] crate::store::JournalError),
    /// Nothing could be read at all.
    #[error("no journal could be read: {0}")]
    Nothing(String),
    /// The arithmetic of a figure went wrong.
    #[error("a figure could not be drawn: {0}; please report it with the output of --json")]
    Figure(String),
}

impl ReportError {
    /// Whether what was given is at fault, rather than its content.
    pub fn is_input(&self) -> bool {
        matches!(self, ReportError::Journal(error) if error.is_input())
    }
}

/// The numbers behind the page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of Trapline.
    pub version: &'static str,
    /// When it was made, if that was to be said.
    pub made: Option<DateTime<Utc>>,
    /// Independence interval, minutes.
    pub independence_minutes: i64,
    /// The clock of every time and date of the report: an offset from UTC, `local solar time`, or a mixture.
    pub clock: String,
    /// The journals.
    pub journals: Vec<JournalNote>,
    /// First and last day with anything in it.
    pub period: Option<(chrono::NaiveDate, chrono::NaiveDate)>,
    /// Sums.
    pub totals: Totals,
    /// What people said.
    pub labels: Labels,
    /// The deployments and their watch.
    pub stands: Vec<Stand>,
    /// The kinds of animals, most records first.
    pub species: Vec<Species>,
    /// Mean sunrise and sunset.
    pub sun: Option<Sun>,
    /// Days with watch or bursts, in order.
    pub days: Vec<Day>,
    /// The 24 hours of the day.
    pub hours: Vec<Hour>,
    /// Why the traps fired.
    pub causes: Vec<Cause>,
    /// Who asked for the bursts.
    pub fired: Vec<Fired>,
    /// Species against days of watch.
    pub accumulation: Accumulation,
    /// Battery and temperature.
    pub readings: Vec<Series>,
    /// What waits for eyes.
    pub uncertain: Uncertain,
}

/// Reads journals and counts. Damage is told in the report; a journal that cannot be read at all as well, as long as
/// another can.
pub fn collect(sources: &[Source], options: &Options) -> Result<Report, ReportError> {
    let gathered = gather::gather(sources, options)?;
    let told: Vec<&str> = gathered.journals.iter().filter_map(|j| j.unreadable.as_deref()).collect();
    if !told.is_empty() && told.len() == gathered.journals.len() {
        return Err(ReportError::Nothing(told.join("; ")));
    }
    let watches = effort::watches(&gathered);
    let days = count::days(&gathered, &watches);
    let stands = effort::stands(&gathered, &watches);
    let nights: f64 = stands.iter().map(|s| s.nights).sum();
    let species = count::species(&gathered, options.independence, nights);
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        made: options.now,
        independence_minutes: options.independence.num_minutes(),
        clock: texts::clock(&gathered.sites, options.utc_offset.is_some()),
        period: days.first().zip(days.last()).map(|(a, b)| (a.date, b.date)),
        totals: count::totals(&gathered, &stands, &species),
        labels: count::labels(&gathered),
        sun: sun::sun(&gathered, &watches),
        hours: count::hours(&gathered),
        causes: count::causes(&gathered),
        fired: count::fired(&gathered),
        accumulation: accumulation::accumulation(&count::species_of_days(&gathered, &watches)),
        readings: effort::readings(&gathered),
        uncertain: pictures::uncertain(&gathered, options.uncertain),
        journals: gathered.journals,
        stands,
        species,
        days,
    })
}

impl Report {
    /// The page.
    pub fn html(&self) -> Result<String, ReportError> {
        page::page(self)
    }
}
