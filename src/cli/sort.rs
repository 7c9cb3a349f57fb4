//! `trapline sort`: folders of photos judged as the trap judges, one result per sequence.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, anyhow};
use chrono::{FixedOffset, TimeDelta};

use self::keep::Keep;
use self::session::Session;
use super::{Done, Failure};
use crate::engine::labels::Label;
use crate::photos::find::{Found, find};
use crate::photos::group::{Rules, group};
use crate::photos::place::{Mode, Placer};
use crate::photos::{Photo, Sequence, stamp};

pub mod judging;
pub mod keep;
pub mod print;
pub mod report;
pub mod session;
pub mod work;

/// What the user is told at the end of `--help`.
const HELP: &str = "\
Examples:
  trapline sort /media/card --model detector.toml --model classifier.toml
  trapline sort /media/card --model detector.toml --json --journal card.db > card.jsonl
  trapline sort /media/card --model detector.toml --copy-to sorted
  trapline sort /media/card --model pack --model embedder --gallery lynx.gallery --json

Grouping: photos are grouped by folder and camera (make, model, serial number). Photos at most 3 s apart are one \
burst; photos at most --gap apart, each from the one before it, one sequence of any length. A photo without a \
time between two photos of one burst belongs to it; other photos without a time follow file order, each alone \
unless --burst says how many belong together.

Output: one line per sequence, or with --json one object with the fields sequence, camera, first, last, frames, \
outcome (empty, sighting, uncertain, person, vehicle, failed), probability, sightings (with individuals, where --gallery was given), looked (runs of detector and \
classifier; stopped: still, empty, alive or moved when looking ended early, else all), faults (what failed on the \
way, such as an inference). Times are RFC 3339; first, \
last and taken are null for photos without a time. Boxes are [x, y, width, height], 0 to 1, on the upright photo. \
An empty taxon means a vehicle; `failed` says why a photo could not be read or judged and is null for all others; `skipped` is true for one that the \
detector did not need to see. \
A sequence is never called empty on the strength of photos that failed. Progress, warnings and a summary go to \
stderr.

Exit status: 0 when every photo was looked at (also if some turned out to be damaged), 1 when the work was \
interrupted or something failed, 2 when what was given is wrong.";

/// Arguments of `trapline sort`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Folders (with all below them) and photos; .jpg and .jpeg in any case, hidden files left out
    #[arg(required = true, value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,

    /// Print one JSON object per sequence, one per line
    #[arg(long)]
    json: bool,

    /// Longest gap between consecutive photos of one sequence, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds, allow_hyphen_values = true)]
    gap: TimeDelta,

    /// Photos without a time: take every N consecutive ones of a folder as one burst
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    burst: u16,

    /// Zone of camera clocks that do not tell theirs: Z, +02:00, -05:30
    #[arg(long, value_name = "OFFSET", default_value = "Z", value_parser = zone, allow_hyphen_values = true)]
    utc_offset: FixedOffset,

    /// Copy each photo into a folder below DIR named after its species, or empty, uncertain, person, vehicle,
    /// failed
    #[arg(long, value_name = "DIR", conflicts_with = "move_to")]
    copy_to: Option<PathBuf>,

    /// Move each photo there instead; without one of the two no original is touched
    #[arg(long, value_name = "DIR")]
    move_to: Option<PathBuf>,

    /// Keep every result in this journal; what it has already is printed again and not judged again
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    #[command(flatten)]
    judging: judging::JudgingArgs,

    /// No progress and no summary
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let target = args.move_to.as_deref().or(args.copy_to.as_deref());
    let found = find(&args.paths, target).map_err(Failure::input)?;
    let unseen = found.unseen;
    let sequences = take_in(found, &args);
    let judges = judging::open(&args.judging, cameras(&sequences)).map_err(Failure::input)?;
    let keep = args.journal.as_deref().map(|file| Keep::open(file, &judges.models)).transpose()?;
    let placer = target.map(|dir| open_placer(dir, args.move_to.is_some())).transpose()?;
    let stop = watch_signals().map_err(Failure::runtime)?;

    let mut session = Session::new(&sequences, Box::new(io::stdout()), args.json, args.quiet, keep, placer);
    let ended = session.work(sequences, judges, &stop);
    session.progress.end();
    finish(&args, &session, ended, unseen)
}

/// What a folder is sorted by when its results go to a journal alone.
#[cfg_attr(not(feature = "console"), allow(dead_code))] // The page alone uses it.
pub(super) struct Into<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// The journal; one that has some of it already is taken up.
    pub journal: &'a Path,
    /// Longest gap within a sequence.
    pub gap: TimeDelta,
    /// Zone of cameras that do not tell theirs.
    pub zone: FixedOffset,
    /// How to judge.
    pub judging: &'a judging::JudgingArgs,
}

/// Sorts a folder into a journal; gives the classifier's labels.
#[cfg_attr(not(feature = "console"), allow(dead_code))] // The page alone uses it.
pub(super) fn into_journal(wanted: &Into<'_>) -> Result<Vec<Label>, Failure> {
    let mut found = find(&[wanted.folder.to_owned()], None).map_err(Failure::input)?;
    for sentence in &found.warnings {
        super::progress::warn(sentence);
    }
    for photo in &mut found.photos {
        stamp::stamp(photo, wanted.zone);
    }
    let sequences = group(found.photos, &Rules { gap: wanted.gap, undated: 1 });
    let judges = judging::open(wanted.judging, cameras(&sequences)).map_err(Failure::input)?;
    let labels = judges.labels();
    let keep = Keep::open(wanted.journal, &judges.models)?;
    let stop = watch_signals().map_err(Failure::runtime)?;
    let mut session = Session::new(&sequences, Box::new(io::sink()), false, false, Some(keep), None);
    let ended = session.work(sequences, judges, &stop);
    session.progress.end();
    let left = || left_over(&session, Some(wanted.journal));
    ended.map_err(|error| Failure::runtime(error.context(left())))?;
    eprintln!("trapline: {}", session.summary.tell());
    if session.remaining() > 0 {
        return Err(Failure::runtime(anyhow!("interrupted; {}", left())));
    }
    Ok(labels)
}

/// The last words, and how the process ends.
fn finish(args: &Args, session: &Session, ended: anyhow::Result<()>, unseen: usize) -> Done {
    let left = || left_over(session, args.journal.as_deref());
    match ended {
        // Whoever read the results has enough: not a failure.
        Err(error) if is_broken_pipe(&error) => return Ok(()),
        Err(error) => return Err(Failure::runtime(error.context(left()))),
        Ok(()) => {}
    }
    if !args.quiet {
        eprintln!("trapline: {}", session.summary.tell());
    }
    if session.remaining() > 0 {
        return Err(Failure::runtime(anyhow!("interrupted; {}", left())));
    }
    let lost = [
        (unseen, "folders could not be read and photos in them were not seen"),
        (session.unplaced, "photos could not be read to be placed and stay where they are"),
    ];
    match lost
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .reduce(|a, b| a + "; " + &b)
    {
        Some(what) => Err(Failure::runtime(anyhow!("{what}; see the warnings above"))),
        None => Ok(()),
    }
}

/// How much is left to do and how to go on.
fn left_over(session: &Session, journal: Option<&Path>) -> String {
    let left = format!("{} of {} sequences are left", session.remaining(), session.total);
    match journal {
        Some(file) => {
            format!("{left}; what is done is in {}: run the same command again to go on", file.display())
        }
        None => format!("{left}; without --journal FILE, running again begins anew"),
    }
}

/// Whether the reader of stdout went away.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|e| match e.downcast_ref::<io::Error>() {
        Some(e) => e.kind() == ErrorKind::BrokenPipe,
        None => e
            .downcast_ref::<serde_json::Error>()
            .is_some_and(|e| e.io_error_kind() == Some(ErrorKind::BrokenPipe)),
    })
}

/// Dates and groups what was found, and says what is odd about it.
fn take_in(found: Found, args: &Args) -> Vec<Sequence> {
    for sentence in &found.warnings {
        super::progress::warn(sentence);
    }
    let mut photos = found.photos;
    for photo in &mut photos {
        stamp::stamp(photo, args.utc_offset);
    }
    if let Some(sentence) = undated(&photos, args.burst) {
        super::progress::warn(&sentence);
    }
    group(photos, &Rules { gap: args.gap, undated: args.burst.into() })
}

/// The warning about photos without a time.
fn undated(photos: &[Photo], burst: u16) -> Option<String> {
    let mut undated = photos.iter().filter(|p| p.taken.is_none());
    let first = undated.next()?.path.display().to_string();
    let how = match burst {
        1 => "each alone (--burst N takes N together)".to_owned(),
        n => format!("{n} together"),
    };
    let n = 1 + undated.count();
    Some(format!(
        "{n} of {} photos tell no time ({first} is the first); they follow file order, {how}",
        photos.len()
    ))
}

/// Number of cameras.
fn cameras(sequences: &[Sequence]) -> usize {
    sequences.chunk_by(|a, b| a.camera == b.camera).count()
}

/// Tries the target before anything is judged.
fn open_placer(dir: &Path, moving: bool) -> Result<Placer, Failure> {
    let mode = if moving { Mode::Move } else { Mode::Copy };
    Placer::open(dir, mode)
        .with_context(|| format!("photos cannot be put into {}; no original was touched", dir.display()))
        .map_err(Failure::Input)
}

/// Set by the first SIGINT or SIGTERM; a second one ends the process at once.
fn watch_signals() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

/// Seconds, whole or with decimals, up to a day.
pub(super) fn seconds(text: &str) -> Result<TimeDelta, String> {
    let allowed = || format!("`{text}` is no number of seconds from 0 to 86400");
    let seconds: f64 = text.parse().map_err(|_| allowed())?;
    if !(0.0..=86_400.0).contains(&seconds) {
        return Err(allowed());
    }
    Ok(TimeDelta::milliseconds((seconds * 1000.0).round() as i64))
}

/// `Z`, `+02:00`, `-0530`.
pub(super) fn zone(text: &str) -> Result<FixedOffset, String> {
    let plain = if text.eq_ignore_ascii_case("z") { "+00:00" } else { text };
    plain.parse().map_err(|_| format!("`{text}` is no offset from UTC; allowed: Z, +02:00, -05:30"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_zones_are_read_strictly() {
        assert_eq!(seconds("0.5"), Ok(TimeDelta::milliseconds(500)));
        assert!(["-1", "NaN", "20s", "1e9"].into_iter().all(|t| seconds(t).is_err()));
        assert_eq!(zone("Z"), Ok(FixedOffset::east_opt(0).unwrap()));
        assert_eq!(zone("-05:30"), Ok(FixedOffset::west_opt(5 * 3600 + 1800).unwrap()));
        assert!(["", "CET", "+25:00", "2"].into_iter().all(|t| zone(t).is_err()));
    }

    #[test]
    fn the_arguments_hold_together() {
        use clap::CommandFactory;
        super::super::Cli::command().debug_assert();
    }
}
