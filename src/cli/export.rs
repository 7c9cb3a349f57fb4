//! `trapline export`: journals to Camtrap DP, MegaDetector results, detection histories, tables, crops.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::progress::{Progress, warn};
use super::{Done, Failure, burst_line::say};
use crate::engine::labels;
use crate::export::crops::Wish;
use crate::export::project::{Contributor, Project};
use crate::export::{self, Align, Ancestors, Capture, Format, Level, Options, Step};
use crate::units::Rank;

const EXAMPLES: &str = "\
Examples:
  trapline export camtrap-dp --journal ridge.db --out ridge-dp --title \"Ridge 2026\" --contributor \"Ana Kovač\"
  trapline export camtrap-dp --journal card1/trapline.db card2/trapline.db --project jura.toml --level both --out jura
  trapline export camtrap-dp --journal ridge.db --round-for \"Lynx lynx\" --round-to 0.1 --out public
  trapline export megadetector --journal card.db --media-root /media/card --taxa labels.csv --out results
  trapline export occupancy --journal *.db --occasion 7 --independence 60 --out histories
  trapline export xlsx --journal ridge.db --since 2026-05-01 --until 2026-06-01 --out may
  trapline export crops --journal card1/trapline.db --out lynx-crops

Formats: camtrap-dp (Camtrap DP 1.0.2), megadetector (MegaDetector results 1.6), occupancy (tables for R's unmarked and \
camtrapR), csv (a row per sighting), geojson (deployments as points), xlsx (a workbook), crops (what people named, cut out, in a folder per taxon, to train a \
network on). What they hold and how things \
were decided: docs/exports.md. A person's label stands before the machine's word. The journal itself is an SQLite file.

Exit status: 0 when all was written, 1 when something failed, 2 when what was given is wrong; then nothing is written.";

/// Arguments of `trapline export`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to write
    #[arg(value_name = "FORMAT", value_parser = formats())]
    format: Format,
    /// Journals, as written by `trapline run` or `trapline sort --journal`
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    journal: Vec<PathBuf>,
    /// Folder to write into; made if absent
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write into a folder that holds other files, which stay
    #[arg(long)]
    force: bool,

    /// Only bursts triggered at or after this time; effort before it is cut off
    #[arg(long, value_name = "TIME", value_parser = super::events::time)]
    since: Option<DateTime<Utc>>,
    /// Only bursts triggered before this time; effort after it is cut off
    #[arg(long, value_name = "TIME", value_parser = super::events::time)]
    until: Option<DateTime<Utc>>,
    /// Only this species, by scientific or English name in any case; repeatable
    #[arg(long, value_name = "NAME")]
    species: Vec<String>,

    /// Title, people, licences and corrections of deployments, as TOML; see docs/exports.md
    #[arg(long, value_name = "FILE")]
    project: Option<PathBuf>,
    /// Title of the package
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Who took part; repeatable
    #[arg(long, value_name = "NAME")]
    contributor: Vec<String>,
    /// Round coordinates wherever this species was seen; repeatable
    #[arg(long, value_name = "NAME")]
    round_for: Vec<String>,
    /// To so many degrees, 0.001 to 1 [with --round-for alone: 0.1]; without --round-for everywhere
    #[arg(long, value_name = "DEGREES", value_parser = step)]
    round_to: Option<f64>,

    /// Camtrap DP: observations of events alone, or (media and both are the same) those of single pictures with their
    /// boxes as well
    #[arg(long, value_name = "LEVEL", default_value = "event", value_parser = levels())]
    level: Level,
    /// Put this address in front of every picture's path; it begins with http:// or https:// and ends where the
    /// path begins
    #[arg(long, value_name = "URL")]
    media_url: Option<String>,
    /// Photos from folders: tell paths from here [the folder that holds all of them]
    #[arg(long, value_name = "DIR")]
    media_root: Option<PathBuf>,
    /// Label table of a classifier, for class, order and family of what was seen; repeatable
    #[arg(long, value_name = "CSV")]
    taxa: Vec<PathBuf>,

    /// Occupancy: days per occasion
    #[arg(long, value_name = "DAYS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=366))]
    occasion: u32,
    /// Occupancy: detections of one species at one site closer than this are one
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=525_600))]
    independence: u32,
    /// Occupancy: where occasions begin: survey (the first day of all), station (each site's own), or a day
    #[arg(long, value_name = "DAY", default_value = "survey", value_parser = align)]
    align: Align,
    /// Occupancy: an occasion watched for less than so many days is NA
    #[arg(long, value_name = "DAYS", default_value_t = 0.0, value_parser = days)]
    min_effort: f64,
    /// Occupancy: which bursts count as detections: activity (a sensor or motion fired), time-lapse, or both; those that
    /// somebody asked for never do
    #[arg(long, value_name = "KIND", default_value = "activity", value_parser = captures())]
    capture: Capture,
    /// Occupancy: zone whose midnights part days: Z, +02:00, -05:30
    #[arg(long, value_name = "OFFSET", default_value = "Z", value_parser = super::sort::zone, allow_hyphen_values = true)]
    utc_offset: FixedOffset,

    /// Crops: media folder of each journal, in the same order [NAME-media or media beside it]
    #[arg(long, value_name = "DIR", num_args = 1..)]
    media: Vec<PathBuf>,
    /// Crops: also what only the networks named, from this probability on [people's words only]
    #[arg(long, value_name = "SCORE", value_parser = probability)]
    machine_from: Option<f32>,
    /// Crops: people and vehicles as well, and animals beside people [left out]
    #[arg(long)]
    people: bool,
    /// Crops: what is added on each side of a box, as a share of its longer side, 0 to 2
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = margin)]
    margin: f32,
    /// Crops: their longest side in pixels at most
    #[arg(long, value_name = "PIXELS", default_value_t = 512, value_parser = clap::value_parser!(u32).range(32..=4096))]
    side: u32,

    /// Print what was written as one JSON object
    #[arg(long)]
    json: bool,
    /// No progress and no summary
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let options = options(&args)?;
    let mut progress = Progress::new("journals", args.journal.len(), args.quiet || args.journal.len() == 1);
    let mut told = |step: Step<'_>| match step {
        Step::Read(_) => progress.step(1, || ()),
        Step::Looked { done, of } => {
            if done == 1 {
                progress.end();
                progress = Progress::new("bursts", of, args.quiet);
            }
            progress.step(1, || ());
        }
        Step::Wrote(_) => {}
    };
    let done = export::write(args.format, &args.journal, &options, &args.out, &mut told);
    progress.end();
    let summary = done.map_err(|e| if e.is_input() { Failure::input(e) } else { Failure::runtime(e) })?;
    if args.json {
        let mut value = serde_json::to_value(&summary).map_err(Failure::runtime)?;
        value["format"] = json!(args.format.as_str());
        value["out"] = json!(args.out.display().to_string());
        say(&value.to_string());
    }
    if !args.quiet {
        summary.notes.iter().for_each(|note| warn(note));
        eprintln!(
            "trapline: {}: {} files; {} deployments at {} locations, {:.1} days of watch, {} bursts, {} observations ({} by \
             people), {} pictures",
            args.out.display(),
            summary.files.len(),
            summary.deployments,
            summary.locations,
            summary.trap_days,
            summary.bursts,
            summary.observations,
            summary.human,
            summary.media,
        );
        for (class, count) in summary.crops.iter().flat_map(|c| &c.classes) {
            eprintln!("  {count:>6} crops of {class}");
        }
    }
    Ok(())
}

fn options(args: &Args) -> Result<Options, Failure> {
    if args.since.zip(args.until).is_some_and(|(since, until)| since >= until) {
        return Err(Failure::input(anyhow!("--since is not before --until")));
    }
    let url = args.media_url.as_deref();
    if let Some(url) = url.filter(|u| !["http://", "https://"].iter().any(|scheme| u.starts_with(scheme))) {
        return Err(Failure::input(anyhow!("--media-url is \"{url}\"; allowed: http://…, https://…")));
    }
    if !args.media.is_empty() && args.media.len() != args.journal.len() {
        let (media, journals) = (args.media.len(), args.journal.len());
        return Err(Failure::input(anyhow!(
            "--media names {media} folders for {journals} journals; give one for each, in the same order"
        )));
    }
    if let Some(absent) = args.media.iter().find(|m| !m.is_dir()) {
        return Err(Failure::input(anyhow!("--media {}: no such folder", absent.display())));
    }
    let mut project = args.project.as_deref().map(project).transpose()?.unwrap_or_default();
    project.title = args.title.clone().or(project.title);
    for name in &args.contributor {
        if name.trim().is_empty() {
            return Err(Failure::input(anyhow!("--contributor is empty; give a name")));
        }
        project.contributor.push(Contributor { title: name.clone(), ..Contributor::default() });
    }
    Ok(Options {
        since: args.since,
        until: args.until,
        species: args.species.clone(),
        project,
        round_for: args.round_for.clone(),
        round_to: args.round_to,
        level: args.level,
        media_url: url.map(|u| if u.ends_with(['/', '=']) { u.to_owned() } else { format!("{u}/") }),
        media_root: args.media_root.clone(),
        ancestors: ancestors(&args.taxa).map_err(Failure::Input)?,
        occasion_days: args.occasion,
        independence_minutes: args.independence,
        align: args.align,
        min_effort_days: args.min_effort,
        capture: args.capture,
        offset: args.utc_offset,
        crops: Wish {
            media: args.media.clone(),
            machine_from: args.machine_from,
            people: args.people,
            margin: args.margin,
            side: args.side,
        },
        force: args.force,
        now: Utc::now(),
    })
}

/// Reads and checks the project's file.
fn project(file: &Path) -> Result<Project, Failure> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| format!("project {shown}"));
    let project: Project =
        crate::strict::read(&text.map_err(Failure::Input)?, &shown).map_err(Failure::input)?;
    project.check().with_context(|| shown).map_err(Failure::Input)?;
    Ok(project)
}

/// The taxa of label tables and those above them.
fn ancestors(tables: &[PathBuf]) -> anyhow::Result<BTreeMap<String, Ancestors>> {
    let mut known = BTreeMap::new();
    for table in tables {
        for taxon in labels::load(table)?.iter().filter_map(|label| label.taxon.as_ref()) {
            for rank in Rank::ALL {
                // Above a taxon of that rank stands what is coarser.
                let above =
                    |other: Rank| if other >= rank { taxon.at(other).to_owned() } else { String::new() };
                let name = taxon.at(rank);
                if !name.is_empty() {
                    known.entry(name.to_owned()).or_insert_with(|| Ancestors {
                        class: above(Rank::Class),
                        order: above(Rank::Order),
                        family: above(Rank::Family),
                        genus: above(Rank::Genus),
                    });
                }
            }
        }
    }
    Ok(known)
}

fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::as_str))
        .try_map(|name| Format::parse(&name).ok_or("not a format"))
}

fn levels() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(["event", "media", "both"])
        .map(|name| if name == "event" { Level::Event } else { Level::Both })
}

fn captures() -> impl TypedValueParser<Value = Capture> {
    PossibleValuesParser::new(Capture::ALL.map(Capture::as_str))
        .try_map(|name| Capture::parse(&name).ok_or("not a kind of capture"))
}

fn align(text: &str) -> Result<Align, String> {
    match text {
        "survey" => Ok(Align::Survey),
        "station" => Ok(Align::Station),
        day => {
            let day: Result<NaiveDate, _> = day.parse();
            day.map(Align::Day)
                .map_err(|_| format!("`{text}` is none of survey, station and a day such as 2026-05-01"))
        }
    }
}

fn step(text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok().filter(|v| (0.001..=1.0).contains(v));
    value.ok_or_else(|| format!("`{text}` is no number of degrees from 0.001 to 1"))
}

fn probability(text: &str) -> Result<f32, String> {
    let value: Option<f32> = text.parse().ok().filter(|v| (0.0..=1.0).contains(v));
    value.ok_or_else(|| format!("`{text}` is no probability from 0 to 1"))
}

fn margin(text: &str) -> Result<f32, String> {
    let value: Option<f32> = text.parse().ok().filter(|v| (0.0..=2.0).contains(v));
    value.ok_or_else(|| format!("`{text}` is no share from 0 to 2"))
}

fn days(text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok().filter(|v| (0.0..=366.0).contains(v));
    value.ok_or_else(|| format!("`{text}` is no number of days from 0 to 366"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_read_strictly() {
        assert_eq!(align("2026-05-01"), Ok(Align::Day(NaiveDate::from_ymd_opt(2026, 5, 1).unwrap())));
        assert!(align("monday").unwrap_err().contains("survey, station"));
        assert!(["0", "2", "NaN", "x"].into_iter().all(|t| step(t).is_err()));
        assert!(["-1", "inf"].into_iter().all(|t| days(t).is_err()));
    }
}
