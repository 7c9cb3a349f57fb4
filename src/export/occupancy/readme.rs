//! What lies beside the tables for whoever opens them in R.

use std::collections::BTreeSet;

use super::calendar::Calendar;
use crate::export::places::slug;
use crate::export::{Align, Capture, Options};

/// `README.txt`.
pub(super) fn text(calendar: &Calendar, options: &Options, species: &BTreeSet<&str>) -> String {
    let first = species.first().copied().unwrap_or("Lynx lynx");
    let file = slug(first);
    let align = match options.align {
        Align::Survey => "the first day of the survey, the same for all sites".to_owned(),
        Align::Station => "each site's own first day".to_owned(),
        Align::Day(day) => format!("{day}, the same for all sites"),
    };
    let day1 = match options.align {
        Align::Survey => "survey".to_owned(),
        Align::Station => "station".to_owned(),
        Align::Day(day) => day.to_string(),
    };
    let captured = match options.capture {
        Capture::Activity => {
            "Bursts that a sensor or a camera's motion brought about count; time-lapse and bursts on request do not."
        }
        Capture::TimeLapse => "Bursts of the time-lapse count; those of sensors and on request do not.",
        Capture::Both => "Bursts of sensors and of the time-lapse count; bursts on request do not.",
    };
    format!(
        "Detection histories written by Trapline {version}.

sites {sites}, occasions {occasions} of {length} days, beginning on {align}; days begin at midnight {offset}.
Detections of one species at one site closer than {minutes} min to the last independent one are one.
{captured}
Species: {species}

history_*.csv         1 detected, 0 not detected, NA no watch (or less than {least} days of it)
counts_*.csv          independent detections
effort.csv            days on watch, NA where the histories are NA
sites.csv             one row per site, in the same order
occasions.csv         first and last day of each occasion
camera_operation.csv  share of each day on watch: NA no camera set up, 0 set up and not at work
records.csv           independent detections, one per row

unmarked:

  library(unmarked)
  y      <- as.matrix(read.csv(\"history_{file}.csv\", row.names = 1))
  effort <- as.matrix(read.csv(\"effort.csv\", row.names = 1))
  sites  <- read.csv(\"sites.csv\", row.names = 1)
  umf    <- unmarkedFrameOccu(y = y, siteCovs = sites, obsCovs = list(effort = effort))
  occu(~ effort ~ 1, data = umf)

camtrapR:

  library(camtrapR)
  camop   <- as.matrix(read.csv(\"camera_operation.csv\", row.names = 1, check.names = FALSE))
  records <- read.csv(\"records.csv\")
  detectionHistory(recordTable = records, species = \"{first}\", camOp = camop, stationCol = \"Station\",
                   speciesCol = \"Species\", recordDateTimeCol = \"DateTimeOriginal\",
                   recordDateTimeFormat = \"%Y-%m-%d %H:%M:%S\", occasionLength = {length}, day1 = \"{day1}\",
                   includeEffort = TRUE, datesAsOccasionNames = FALSE, timeZone = \"UTC\")
",
        version = env!("CARGO_PKG_VERSION"),
        sites = calendar.sites.len(),
        occasions = calendar.occasions,
        length = calendar.length,
        offset = calendar.offset,
        minutes = options.independence_minutes,
        species = species.iter().copied().collect::<Vec<_>>().join(", "),
        least = options.min_effort_days,
    )
}
