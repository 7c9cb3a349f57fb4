//! From journals to what others read: tables of the field's standards, effort, detection histories.
//!
//! [`write()`] reads journals, gives every burst to a deployment, takes a person's word before the machine's, and
//! writes one format into a folder that is there whole or not at all.
//!
//! | file | what it is for |
//! |---|---|
//! | `watch` | rows of effort to spells of watch |
//! | `dates` | where spells stand whose clock was never set |
//! | `gather`, `reading`, `places`, `photos` | journals to deployments and records |
//! | `word` | what was seen, by whose word |
//! | `camtrap` | Camtrap DP 1.0.2 |
//! | `megadetector` | MegaDetector results 1.6 |
//! | `occupancy` | detection histories and effort for R |
//! | `crops` | pictures to learn from, in a folder per taxon |
//! | `media` | where the pictures of a journal lie |
//! | `tables` | one row per sighting, deployments as GeoJSON, one workbook |
//! | `project` | what no journal knows: title, people, licences |
//! | `sites` | the other way: deployments of Camtrap DP to configurations |
//! | `table`, `folder` | rows to bytes, bytes to the disk |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde::Serialize;

use crate::event::Source;
use crate::store::JournalError;

mod camtrap;
pub mod crops;
mod dates;
mod folder;
mod gather;
pub mod media;
mod megadetector;
mod occupancy;
mod photos;
mod places;
pub mod project;
mod reading;
pub mod sites;
mod table;
mod tables;
pub mod watch;
mod word;

use folder::Folder;
use gather::Gathered;
use project::Project;

/// What can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Camtrap DP 1.0.2: `datapackage.json` and three tables.
    CamtrapDp,
    /// MegaDetector results, format 1.6.
    MegaDetector,
    /// Detection histories, effort and sites for occupancy models in R.
    Occupancy,
    /// One row per sighting.
    Csv,
    /// Deployments as points.
    GeoJson,
    /// One workbook with a sheet per table.
    Xlsx,
    /// Crops by taxon, to train a classifier on.
    Crops,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Format; 7] = [
        Format::CamtrapDp,
        Format::MegaDetector,
        Format::Occupancy,
        Format::Csv,
        Format::GeoJson,
        Format::Xlsx,
        Format::Crops,
    ];

    /// The name used on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::CamtrapDp => "camtrap-dp",
            Format::MegaDetector => "megadetector",
            Format::Occupancy => "occupancy",
            Format::Csv => "csv",
            Format::GeoJson => "geojson",
            Format::Xlsx => "xlsx",
            Format::Crops => "crops",
        }
    }

    /// The inverse of [`Format::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Format::ALL.into_iter().find(|f| f.as_str() == name)
    }
}

/// Which observations Camtrap DP holds. Event rows are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// One row per kind of animal and burst.
    #[default]
    Event,
    /// The same, and a row with its box for everything found on a picture that is kept.
    Both,
}

/// On which day the first occasion begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// On the first day of the earliest deployment, for all sites (camtrapR: `day1 = "survey"`).
    #[default]
    Survey,
    /// On each site's own first day (camtrapR: `day1 = "station"`).
    Station,
    /// On this day, for all sites.
    Day(NaiveDate),
}

/// Which bursts count as detections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Capture {
    /// Those that something in front of the camera brought about.
    #[default]
    Activity,
    /// Those of the time-lapse.
    TimeLapse,
    /// Both. What somebody asked for never counts: it is no sample.
    Both,
}

impl Capture {
    /// Every choice, in the order of the documentation.
    pub const ALL: [Capture; 3] = [Capture::Activity, Capture::TimeLapse, Capture::Both];

    /// The name used on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Capture::Activity => "activity",
            Capture::TimeLapse => "time-lapse",
            Capture::Both => "both",
        }
    }

    /// The inverse of [`Capture::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Capture::ALL.into_iter().find(|c| c.as_str() == name)
    }

    /// Whether a burst of `source` counts; one that nobody knows the source of came about because something moved.
    pub(crate) fn counts(self, source: Option<Source>) -> bool {
        match source {
            Some(Source::Asked) => false,
            Some(Source::Timer) => self != Capture::Activity,
            _ => self != Capture::TimeLapse,
        }
    }
}

/// A taxon's place among the others; an empty string means not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ancestors {
    /// Class.
    pub class: String,
    /// Order.
    pub order: String,
    /// Family.
    pub family: String,
    /// Genus.
    pub genus: String,
}

/// What to write and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Only bursts triggered at or after; effort before it is cut off.
    pub since: Option<DateTime<Utc>>,
    /// Only bursts triggered before; effort after it is cut off.
    pub until: Option<DateTime<Utc>>,
    /// Only what has one of these scientific or plain names, in any case; empty: everything.
    pub species: Vec<String>,
    /// Title, people, licences, corrections of deployments.
    pub project: Project,
    /// Where one of these was seen, coordinates are rounded; empty with `round_to` given: everywhere.
    pub round_for: Vec<String>,
    /// To multiples of so many degrees, 0.001 to 1.
    pub round_to: Option<f64>,
    /// Camtrap DP: which observations.
    pub level: Level,
    /// Put in front of every path of a picture, such as `https://example.org/pictures/`.
    pub media_url: Option<String>,
    /// Folders of photos: paths are told from here; `None`: from the folder that holds all of them.
    pub media_root: Option<PathBuf>,
    /// Taxa of the classifiers by scientific name.
    pub ancestors: BTreeMap<String, Ancestors>,
    /// Occupancy: days per occasion, at least 1.
    pub occasion_days: u32,
    /// Occupancy: detections of one species at one site closer than so many minutes are one.
    pub independence_minutes: u32,
    /// Occupancy: where occasions begin.
    pub align: Align,
    /// Occupancy: an occasion watched for less than so many days is NA.
    pub min_effort_days: f64,
    /// Occupancy: which bursts count.
    pub capture: Capture,
    /// Occupancy: the zone whose midnights part days.
    pub offset: FixedOffset,
    /// Crops: which, and how they are cut.
    pub crops: crops::Wish,
    /// Write into a folder that holds other files.
    pub force: bool,
    /// The moment that files tell as their making.
    pub now: DateTime<Utc>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            since: None,
            until: None,
            species: Vec::new(),
            project: Project::default(),
            round_for: Vec::new(),
            round_to: None,
            level: Level::Event,
            media_url: None,
            media_root: None,
            ancestors: BTreeMap::new(),
            occasion_days: 1,
            independence_minutes: 30,
            align: Align::Survey,
            min_effort_days: 0.0,
            capture: Capture::Activity,
            offset: FixedOffset::east_opt(0).unwrap_or_else(|| chrono::Offset::fix(&Utc)),
            crops: crops::Wish::default(),
            force: false,
            now: Utc::now(),
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Summary {
    /// Names of the files, in the order of writing.
    pub files: Vec<String>,
    /// Rows of deployments.
    pub deployments: usize,
    /// Places.
    pub locations: usize,
    /// Bursts told.
    pub bursts: usize,
    /// Rows of observations: kinds seen, empties and failures included.
    pub observations: usize,
    /// Pictures told of.
    pub media: usize,
    /// Observations that stand by a person's word.
    pub human: usize,
    /// Days of watch with a date.
    pub trap_days: f64,
    /// What a reader should know: rows left out, dates estimated, defaults taken.
    pub notes: Vec<String>,
    /// The crops, which are not among `files`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crops: Option<crops::Crops>,
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The same journal under two names, or a copy of it.
    #[error("{second}: deployment {id} is in {first} as well; give each journal once, the newest copy of it")]
    Twice {
        /// The deployment.
        id: String,
        /// Where it was met.
        first: String,
        /// Where it was met again.
        second: String,
    },
    /// Two places under one name.
    #[error(
        "deployment `{name}` {how} in {first} and {second}: give each a location of its own, in --project under \
         [deployment.\"FILE:{name}\"] with location_id = \"…\""
    )]
    Apart {
        /// The deployment.
        name: String,
        /// Why it cannot be one.
        how: String,
        /// One journal.
        first: String,
        /// The other.
        second: String,
    },
    /// A deployment without coordinates in a format that needs them.
    #[error(
        "deployment `{name}` of {journal} has no coordinates, which Camtrap DP requires: set `site.latitude` and \
         `site.longitude` in the trap's configuration, or write them into --project under [deployment.\"{name}\"]"
    )]
    NoCoordinates {
        /// The deployment.
        name: String,
        /// Its journal.
        journal: String,
    },
    /// Nothing to write.
    #[error("{0}: no deployment with anything in it; check --journal, --since, --until and --species")]
    Nothing(String),
    /// A photo outside the root.
    #[error("photo {photo} does not lie below --media-root {root}; give a folder that holds all photos")]
    Outside {
        /// The photo.
        photo: String,
        /// The root.
        root: String,
    },
    /// The folder holds something else.
    #[error(
        "{folder} holds {stranger}, which this export does not replace; give an empty folder, or --force to write beside it"
    )]
    Occupied {
        /// The folder.
        folder: String,
        /// One of the files.
        stranger: String,
    },
    /// More occasions than a table can have.
    #[error("{days} days of survey in occasions of {each} are too many columns; give --since and --until")]
    TooLong {
        /// Days.
        days: i64,
        /// Days per occasion.
        each: u32,
    },
    /// A table cannot be made.
    #[error("making {name}: {reason}")]
    Table {
        /// Its file.
        name: String,
        /// Why.
        reason: String,
    },
    /// The disk.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
}

impl ExportError {
    /// Whether the user's input is to blame.
    pub fn is_input(&self) -> bool {
        match self {
            ExportError::Journal(error) => error.is_input(),
            ExportError::Table { .. } | ExportError::Io { .. } => false,
            _ => true,
        }
    }
}

/// One step of the work, for showing how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// A journal was read.
    Read(&'a Path),
    /// The pictures of so many bursts were looked at.
    Looked {
        /// These.
        done: usize,
        /// All.
        of: usize,
    },
    /// A file was written.
    Wrote(&'a str),
}

/// Writes `journals` in `format` into the folder `out`, which is made; nothing is left there if this fails. Journals
/// may be of different traps and of different seasons of one trap, and a daemon may be at work on them.
pub fn write(
    format: Format,
    journals: &[PathBuf],
    options: &Options,
    out: &Path,
    told: &mut dyn FnMut(Step<'_>),
) -> Result<Summary, ExportError> {
    let all = gather::gather(journals, options, told)?;
    let mut folder = Folder::begin(out)?;
    let mut summary = summary(&all);
    match format {
        Format::CamtrapDp => camtrap::write(&all, options, &mut folder, &mut summary),
        Format::MegaDetector => megadetector::write(&all, options, &mut folder, &mut summary),
        Format::Occupancy => occupancy::write(&all, options, &mut folder, &mut summary),
        Format::Csv => tables::csv(&all, &mut folder),
        Format::GeoJson => tables::geojson(&all, &mut folder),
        Format::Xlsx => tables::xlsx(&all, &mut folder),
        Format::Crops => crops::write(&all, options, journals, &mut folder, &mut summary, told),
    }?;
    summary.files = folder.finish(options.force, told)?;
    // Crops are thousands: their table is named, and they are counted.
    summary.files.retain(|name| !name.contains('/'));
    Ok(summary)
}

fn summary(all: &Gathered) -> Summary {
    let words = || all.records.iter().flat_map(|r| &r.words);
    let locations: std::collections::BTreeSet<&str> =
        all.deployments.iter().map(|d| d.location_id.as_str()).collect();
    let watched: f64 = all.deployments.iter().map(|d| d.watched().as_seconds_f64()).sum();
    Summary {
        files: Vec::new(),
        deployments: all.deployments.len(),
        locations: locations.len(),
        bursts: all.records.len(),
        observations: words().count(),
        media: all.records.iter().flat_map(|r| &r.pictures).count(),
        human: all.records.iter().filter(|r| r.label.is_some()).map(|r| r.words.len()).sum(),
        trap_days: (watched / 8640.0).round() / 10.0,
        notes: all.notes.clone(),
        crops: None,
    }
}
