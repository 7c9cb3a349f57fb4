//! `trapline events`: reads the journal, beside the daemon or from a card that was pulled out of a trap.

mod render;

use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use self::render::{burst_json, detail, effort_json, happening_json, key_text, local};
use super::{Done, Failure};
use crate::event::{EventKey, Outcome};
use crate::store::record::Observation;
use crate::store::{Damage, Filter, JournalError, Reader};

const EXAMPLES: &str = "Examples:
  trapline events list --journal journal.db
  trapline events list --journal journal.db --species \"Lynx lynx\" --since 2026-05-01
  trapline events list --journal journal.db --outcome uncertain --limit 20
  trapline events show 3-300 --journal journal.db
  trapline events effort --journal journal.db
  trapline events power --journal journal.db
  trapline events list --journal journal.db --json | jq .sightings

Times are local; --since and --until take 2026-05-01, 2026-05-01T04:30 or a time with its zone
(2026-05-01T04:30:00Z). With --json each burst is one object on a line of its own.";

/// Arguments of `trapline events`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// One line per burst, in the order of recording
    #[command(after_help = EXAMPLES)]
    List(List),
    /// Everything about one burst
    #[command(after_help = EXAMPLES)]
    Show(Show),
    /// When the trap stood watch, and what it did
    #[command(after_help = EXAMPLES)]
    Effort(Source),
    /// What happened beside the bursts: to the battery, the clock and the machine's sleep
    #[command(after_help = EXAMPLES)]
    Power(Source),
}

#[derive(Debug, clap::Args)]
struct Source {
    /// The journal, as written by `trapline run` or `trapline sort --journal`
    #[arg(long, value_name = "FILE")]
    journal: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    source: Source,
    /// Only bursts in which this was seen: scientific or English name, in any case
    #[arg(long, value_name = "NAME")]
    species: Option<String>,
    /// Only bursts triggered at or after this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<DateTime<Utc>>,
    /// Only bursts triggered before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<DateTime<Utc>>,
    /// Only bursts of this outcome
    #[arg(long, value_name = "OUTCOME", value_parser = outcomes())]
    outcome: Option<Outcome>,
    /// At most so many, the latest
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Key of the burst or of one of its events: boot-number, as `list` prints it
    #[arg(value_name = "KEY", value_parser = key)]
    key: EventKey,
    #[command(flatten)]
    source: Source,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let text = match args.what {
        What::List(list) => list_bursts(&list),
        What::Show(show) => show_burst(&show),
        What::Effort(source) => list_effort(&source),
        What::Power(source) => list_power(&source),
    }?;
    print(&text)
}

fn list_bursts(list: &List) -> Result<String, Failure> {
    let reader = open(&list.source)?;
    let filter = Filter {
        species: list.species.clone(),
        since: list.since,
        until: list.until,
        outcome: list.outcome,
        limit: list.limit,
    };
    let found = reader.events(&filter).map_err(failure)?;
    // A damaged row may be one that the filter should have met.
    warn(&reader.verify().map_err(failure)?);
    if list.source.json {
        return Ok(lines(found.items.iter().map(burst_json)));
    }
    if found.items.is_empty() {
        eprintln!("no burst in {} matches", list.source.journal.display());
        return Ok(String::new());
    }
    let mut table = new_table(&["key", "time", "site", "outcome", "p", "seen", "frames", "kept", "ms"]);
    for stored in &found.items {
        let burst = &stored.burst;
        table.add_row([
            key_text(stored.key),
            local(burst.triggered),
            stored.deployment.clone(),
            burst.outcome.as_str().to_owned(),
            format!("{:.2}", burst.probability.get()),
            burst.observations.iter().map(seen).collect::<Vec<_>>().join(", "),
            burst.frames.len().to_string(),
            stored.media.iter().filter(|m| m.gone.is_none()).count().to_string(),
            burst.millis.to_string(),
        ]);
    }
    Ok(format!("{table}\n"))
}

fn show_burst(show: &Show) -> Result<String, Failure> {
    let reader = open(&show.source)?;
    let unknown =
        || Failure::input(JournalError::Unknown { what: "event", number: u64::from(show.key.number) });
    let found = reader.event(show.key).map_err(failure)?.ok_or_else(unknown)?;
    warn(&found.damaged);
    let stored = found.items.first().ok_or_else(unknown)?;
    if show.source.json {
        return Ok(lines([burst_json(stored)].into_iter()));
    }
    Ok(detail(stored))
}

fn list_effort(source: &Source) -> Result<String, Failure> {
    let found = open(source)?.effort().map_err(failure)?;
    warn(&found.damaged);
    if source.json {
        return Ok(lines(found.items.iter().map(effort_json)));
    }
    let mut table = new_table(&[
        "boot",
        "time",
        "clock",
        "what",
        "triggers",
        "bursts",
        "empties",
        "suppressed",
        "failed captures",
    ]);
    for row in &found.items {
        let counts = &row.effort;
        let numbers =
            [counts.triggers, counts.bursts, counts.empties, counts.suppressed, counts.failed_captures];
        let mut cells = vec![
            row.boot.to_string(),
            local(row.at),
            row.clock.as_str().to_owned(),
            row.kind.as_str().to_owned(),
        ];
        cells.extend(numbers.map(|n| n.to_string()));
        table.add_row(cells);
    }
    Ok(format!("{table}\n"))
}

fn list_power(source: &Source) -> Result<String, Failure> {
    let found = open(source)?.happenings().map_err(failure)?;
    warn(&found.damaged);
    if source.json {
        return Ok(lines(found.items.iter().map(happening_json)));
    }
    let mut table = new_table(&["boot", "time", "clock", "what", "more"]);
    for row in &found.items {
        let clock = row.clock.as_str().to_owned();
        table.add_row([row.boot.to_string(), local(row.at), clock, row.kind.clone(), row.text.clone()]);
    }
    Ok(format!("{table}\n"))
}

fn open(source: &Source) -> Result<Reader, Failure> {
    Reader::open_readonly(&source.journal).map_err(failure)
}

fn failure(error: JournalError) -> Failure {
    if error.is_input() { Failure::input(error) } else { Failure::runtime(error) }
}

fn warn(damaged: &[Damage]) {
    for row in damaged {
        eprintln!("trapline: {row} does not match its checksum and is left out");
    }
}

/// Prints to stdout; a reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> Done {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Failure::runtime(e)),
        _ => Ok(()),
    }
}

fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.to_vec());
    table
}

fn lines(objects: impl Iterator<Item = Value>) -> String {
    objects.map(|object| format!("{object}\n")).collect()
}

fn seen(seen: &Observation) -> String {
    let name = if seen.taxon.is_empty() { &seen.label } else { &seen.taxon };
    format!("{name} × {} ({:.2})", seen.count, seen.score.get())
}

fn outcomes() -> impl TypedValueParser<Value = Outcome> {
    PossibleValuesParser::new(Outcome::ALL.map(Outcome::as_str))
        .try_map(|name| Outcome::parse(&name).ok_or("not an outcome"))
}

fn key(text: &str) -> Result<EventKey, String> {
    let parts = text
        .split_once('-')
        .and_then(|(boot, number)| Some(EventKey { boot: boot.parse().ok()?, number: number.parse().ok()? }));
    parts.ok_or_else(|| "a key is boot-number as `trapline events list` prints it, e.g. 3-300".to_owned())
}

/// A time, local where it names no zone.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let naive = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN)))
        .ok_or("write it as 2026-05-01, 2026-05-01T04:30 or 2026-05-01T04:30:00Z")?;
    // Of an hour that the clocks repeat, the earlier; of one that they skip, there is none.
    let at = Local.from_local_datetime(&naive).earliest();
    at.map(|at| at.to_utc()).ok_or_else(|| "this hour was skipped by the clocks; give another".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_zone() {
        assert_eq!(time("2026-05-01T04:30:00+02:00").unwrap().to_rfc3339(), "2026-05-01T02:30:00+00:00");
        let midnight = time("2026-05-01").unwrap().with_timezone(&Local);
        assert_eq!(midnight.naive_local().to_string(), "2026-05-01 00:00:00");
        assert_eq!(time("2026-05-01 04:30").unwrap(), time("2026-05-01T04:30:00").unwrap());
        assert!(time("yesterday").unwrap_err().contains("2026-05-01T04:30"));
    }

    #[test]
    fn keys_are_boot_and_number() {
        assert_eq!(key("3-300"), Ok(EventKey { boot: 3, number: 300 }));
        for wrong in ["3", "3-", "-3", "3-x", "a-b"] {
            assert!(key(wrong).unwrap_err().contains("3-300"), "{wrong}");
        }
    }
}
