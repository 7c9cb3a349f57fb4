//! What `trapline sort` writes: results on stdout, progress and the summary on stderr.

use std::io::{self, Write};
use std::time::Instant;

use super::report::Report;
use crate::cli::burst_line::known;
use crate::event::Outcome;

/// Widest camera column of the table, in characters.
const CAMERA_MAX: usize = 36;

/// Width of the column for species, in characters.
const SPECIES: usize = 28;

/// Writes results, each flushed at once, so that a reader at the other end of a pipe sees them as they come.
pub struct Results<W> {
    out: W,
    json: bool,
    camera: usize,
    begun: bool,
}

impl<W: Write> Results<W> {
    /// `cameras` are the names that will come, for the width of the table.
    pub fn new<'a>(out: W, json: bool, cameras: impl Iterator<Item = &'a str>) -> Self {
        let widest = cameras.map(|c| c.chars().count()).max().unwrap_or(0);
        Results { out, json, camera: widest.clamp(6, CAMERA_MAX), begun: false }
    }

    /// One sequence: one JSON object on a line, or one row.
    pub fn write(&mut self, report: &Report) -> io::Result<()> {
        if self.json {
            serde_json::to_writer(&mut self.out, report)?;
            writeln!(self.out)?;
        } else {
            self.row(report)?;
        }
        self.out.flush()
    }

    fn row(&mut self, report: &Report) -> io::Result<()> {
        let width = self.camera;
        if !std::mem::replace(&mut self.begun, true) {
            writeln!(
                self.out,
                "{:25}  {:width$}  {:>6}  {:9}  {:28}  {:>5}  {:>5}  first file",
                "time", "camera", "frames", "outcome", "species", "score", "count"
            )?;
        }
        let time = report.first.map_or_else(|| "-".into(), |t| t.format("%Y-%m-%d %H:%M:%S %:z").to_string());
        let camera = short(&report.camera, width);
        let file = report.frames.first().map_or("-", |f| f.file.as_str());
        let frames = match report.failed() {
            0 => report.frames.len().to_string(),
            failed => format!("{}!{failed}", report.frames.len()),
        };
        // A recognised individual goes before what was seen more surely.
        let recognised =
            report.sightings.iter().find(|s| s.individuals.iter().any(|i| i.individual.is_some()));
        let (species, score, count) = recognised.or(report.sightings.first()).map_or_else(
            || ("-".to_owned(), report.probability, "-".to_owned()),
            |s| {
                let name = if s.label.is_empty() { &s.taxon } else { &s.label };
                let more = if report.sightings.len() > 1 {
                    format!(" +{}", report.sightings.len() - 1)
                } else {
                    String::new()
                };
                let name = if name.is_empty() { "-" } else { name };
                let known = known(s.individuals.iter().filter_map(|i| i.individual.as_deref()));
                let room = SPECIES.saturating_sub(more.len() + known.chars().count());
                (format!("{}{more}{known}", short(name, room)), s.score, s.count.to_string())
            },
        );
        writeln!(
            self.out,
            "{time:25}  {camera:width$}  {frames:>6}  {:9}  {species:28}  {:>5.2}  {count:>5}  {file}",
            report.outcome.as_str(),
            score.get(),
        )
    }
}

/// At most `width` characters; the end of a name tells more than its beginning.
fn short(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    std::iter::once('…').chain(text.chars().skip(length + 1 - width.max(1))).collect()
}

/// Counts for the summary.
pub struct Summary {
    began: Instant,
    photos: usize,
    failed: usize,
    sequences: [usize; Outcome::ALL.len()],
    /// Sequences taken from the journal.
    kept: usize,
    judged_photos: usize,
}

impl Summary {
    /// Starts the watch.
    pub fn begin() -> Self {
        Summary { began: Instant::now(), photos: 0, failed: 0, sequences: [0; 6], kept: 0, judged_photos: 0 }
    }

    /// Counts one sequence; `kept` when it came from the journal.
    pub fn count(&mut self, report: &Report, kept: bool) {
        self.photos += report.frames.len();
        self.failed += report.failed();
        let slot = Outcome::ALL.iter().position(|o| *o == report.outcome);
        if let Some(n) = slot.and_then(|i| self.sequences.get_mut(i)) {
            *n += 1;
        }
        if kept {
            self.kept += 1;
        } else {
            self.judged_photos += report.frames.len();
        }
    }

    /// The last lines: what was found and how long it took.
    pub fn tell(&self) -> String {
        let outcomes: Vec<String> = Outcome::ALL
            .iter()
            .zip(self.sequences)
            .filter(|(_, n)| *n > 0)
            .map(|(o, n)| format!("{n} {}", o.as_str()))
            .collect();
        let total: usize = self.sequences.iter().sum();
        let mut text = format!("{} photos in {total} sequences: {}", self.photos, outcomes.join(", "));
        if self.kept > 0 {
            text.push_str(&format!("; {} sequences kept from the journal", self.kept));
        }
        if self.failed > 0 {
            text.push_str(&format!("; {} photos could not be read or judged", self.failed));
        }
        let spent = self.began.elapsed();
        if self.judged_photos > 0 {
            let each = spent.as_secs_f64() * 1000.0 / self.judged_photos as f64;
            text.push_str(&format!("; {:.1} s, {each:.0} ms per photo judged", spent.as_secs_f64()));
        }
        text
    }
}
