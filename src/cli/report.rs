//! `trapline report`: a season on one page, from journals.

use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

use super::{Done, Failure};
use crate::report::{self, INDEPENDENCE_MINUTES, Options, Report, ReportError, Source};

const EXAMPLES: &str = "Examples:
  trapline report --journal journal.db --out report.html
  trapline report --journal card1/trapline.db card2/trapline.db --out spring.html
  trapline report --journal journal.db --media /mnt/card/media --utc-offset +02:00 --out report.html
  trapline report --journal journal.db --json | jq '.species[] | [.name.taxon, .records]'

The file holds everything it shows: no network, no script. Print it to PDF from any browser.
Pictures are looked for in NAME-media beside each journal, then in media beside it.";

/// Arguments of `trapline report`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Journals to report on
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    journal: Vec<PathBuf>,
    /// Media folders, one for each journal in the same order
    #[arg(long, value_name = "FOLDER", num_args = 1..)]
    media: Vec<PathBuf>,
    /// Write the page here
    #[arg(long, value_name = "FILE", required_unless_present = "json")]
    out: Option<PathBuf>,
    /// Bursts of one kind at one place at most so many minutes apart count as one record
    #[arg(long, value_name = "MINUTES", default_value_t = INDEPENDENCE_MINUTES,
          value_parser = clap::value_parser!(u32).range(0..=10_080))]
    independence: u32,
    /// The clock of the report, e.g. +02:00; otherwise each site's mean solar time
    #[arg(long, value_name = "±HH:MM", value_parser = offset, allow_hyphen_values = true)]
    utc_offset: Option<FixedOffset>,
    /// Show so many of the uncertain bursts
    #[arg(long, value_name = "N", default_value_t = 24)]
    uncertain: usize,
    /// Print this as the time the report was made, e.g. 2026-05-01T12:00:00Z; otherwise it does not say
    #[arg(long, value_name = "TIME")]
    now: Option<DateTime<Utc>>,
    /// Print the numbers behind the report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let sources = sources(&args)?;
    let options = Options {
        independence: TimeDelta::minutes(args.independence.into()),
        utc_offset: args.utc_offset,
        uncertain: args.uncertain,
        now: args.now,
    };
    let report = report::collect(&sources, &options).map_err(failure)?;
    warn(&report);
    if let Some(out) = &args.out {
        let page = report.html().map_err(failure)?;
        write(out, &page)?;
        eprintln!("{} written, {} kB", out.display(), page.len().div_ceil(1000));
    }
    if args.json {
        let text = serde_json::to_string_pretty(&report).map_err(Failure::runtime)?;
        print(&format!("{text}\n"))?;
    }
    Ok(())
}

fn sources(args: &Args) -> Result<Vec<Source>, Failure> {
    if !args.media.is_empty() && args.media.len() != args.journal.len() {
        let (media, journals) = (args.media.len(), args.journal.len());
        return Err(Failure::input(anyhow::anyhow!(
            "--media names {media} folders for {journals} journals; give one for each, in the same order"
        )));
    }
    let mut given = args.media.iter();
    let source = |journal: &PathBuf| Source {
        media: given.next().cloned().unwrap_or_else(|| crate::export::media::beside(journal)),
        journal: journal.clone(),
    };
    Ok(args.journal.iter().map(source).collect())
}

fn warn(report: &Report) {
    for note in &report.journals {
        if let Some(why) = &note.unreadable {
            eprintln!("trapline: {} is left out: {why}", note.file);
        }
        if note.damaged > 0 {
            eprintln!(
                "trapline: {}: rows left out because they do not match their checksum: {}",
                note.file, note.damaged
            );
        }
    }
}

/// Whole or not at all.
fn write(out: &Path, page: &str) -> Done {
    use std::io::Write;
    let folder = match out.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let fail = |error: std::io::Error| {
        let told =
            anyhow::anyhow!("writing {}: {error}; check that its folder exists and has room", out.display());
        if folder.is_dir() { Failure::Runtime(told) } else { Failure::Input(told) }
    };
    let mut file = tempfile::Builder::new().permissions(readable()).tempfile_in(folder).map_err(fail)?;
    file.write_all(page.as_bytes()).map_err(fail)?;
    file.persist(out).map_err(|error| fail(error.error))?;
    Ok(())
}

/// What a new file usually gets; the umask takes its part.
fn readable() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o666)
}

fn print(text: &str) -> Done {
    use std::io::Write;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::runtime(e)),
        _ => Ok(()),
    }
}

fn failure(error: ReportError) -> Failure {
    if error.is_input() { Failure::input(error) } else { Failure::runtime(error) }
}

/// `+02:00`, `-0330`, `Z`.
fn offset(text: &str) -> Result<FixedOffset, String> {
    let sample = format!("2000-01-01T00:00:00{text}");
    let at = DateTime::parse_from_rfc3339(&sample).or_else(|_| DateTime::parse_from_str(&sample, "%FT%T%z"));
    at.map(|at| *at.offset()).map_err(|_| "write it as +02:00, -03:30 or Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_as_people_write_them() {
        let seconds = |text| offset(text).map(|o| o.local_minus_utc());
        assert_eq!(seconds("+02:00"), Ok(7200));
        assert_eq!(seconds("-0330"), Ok(-12_600));
        assert_eq!(seconds("Z"), Ok(0));
        assert!(seconds("2").unwrap_err().contains("+02:00"));
        assert!(seconds("+99:00").is_err());
    }
}
