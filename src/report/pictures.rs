//! From the card to small JPEGs inside the page; pictures of people never.

use std::fs;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::gather::{Gathered, Name, Record, Shot};
use crate::event::{EventKey, Outcome};
use crate::image::{self, ImageError};
use crate::units::BBox;

/// Largest best picture, bytes: at 640 pixels a JPEG of quality 75 rarely needs more.
const LARGE_BYTES: usize = 90_000;

/// Largest picture of an uncertain burst, bytes.
const SMALL_BYTES: usize = 14_000;

/// Largest file opened: above it lies no photo of a camera trap.
const FILE_MAX: u64 = 64 << 20;

/// The best picture shows at least this share of each side of the frame: an animal in its place, not a nose.
const SURROUNDINGS: f32 = 0.55;

/// A picture in the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// The burst.
    pub key: String,
    /// Number of its deployment in the report's list, from 0.
    pub stand: usize,
    /// When, on the site's clock.
    pub at: NaiveDateTime,
    /// The file, as the journal has it.
    pub file: String,
    /// A person confirmed or gave the name.
    pub by_person: bool,
    /// JPEG bytes, at most 640 pixels long.
    #[serde(skip)]
    pub jpeg: Vec<u8>,
}

/// A burst that waits for eyes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waiting {
    /// The burst.
    pub key: String,
    /// Number of its deployment in the report's list, from 0.
    pub stand: usize,
    /// When, on the site's clock.
    pub at: NaiveDateTime,
    /// Whether the trap knew the time.
    pub timed: bool,
    /// The machine's best guess, if it had one, with its score.
    pub guess: Option<(Name, f32)>,
    /// People may be on it: its picture is left out.
    pub people: bool,
    /// The picture, if one is still on the card.
    pub picture: Option<Shown>,
}

/// The bursts that wait for eyes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Uncertain {
    /// Uncertain bursts that nobody has labelled.
    pub waiting: usize,
    /// Failed bursts that nobody has labelled.
    pub failed: usize,
    /// The newest of the uncertain ones, newest first.
    pub shown: Vec<Waiting>,
}

/// The picture of a sighting; `None` where it cannot be read.
pub(super) fn large(shot: &Shot, record: &Record) -> Option<Shown> {
    let grow = |start: f32, length: f32| {
        let wanted = length.max(SURROUNDINGS);
        let start = (start - (wanted - length) / 2.0).clamp(0.0, 1.0 - wanted.min(1.0));
        (start, (start + wanted).min(1.0))
    };
    let (x0, x1) = grow(shot.bbox.x, shot.bbox.w);
    let (y0, y1) = grow(shot.bbox.y, shot.bbox.h);
    shown(shot, record, &BBox::from_corners(x0, y0, x1, y1), LARGE_BYTES)
}

fn shown(shot: &Shot, record: &Record, bbox: &BBox, limit: usize) -> Option<Shown> {
    if record.people {
        return None;
    }
    let bytes = shot.paths.iter().find_map(|path| {
        let small = fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() <= FILE_MAX);
        small.then(|| fs::read(path).ok()).flatten()
    })?;
    let jpeg = match image::thumbnail(&bytes, bbox, limit) {
        Ok(jpeg) => jpeg,
        Err(error) => {
            tell(&shot.given, &error);
            return None;
        }
    };
    Some(Shown {
        key: key_text(record.key),
        stand: record.site,
        at: record.local,
        file: shot.given.clone(),
        by_person: record.checked.is_some(),
        jpeg,
    })
}

fn tell(file: &str, error: &ImageError) {
    log::warn!("{file} is left out of the report: {error}");
}

/// Boot and number, as the command line takes them.
pub(super) fn key_text(key: EventKey) -> String {
    format!("{}-{}", key.boot, key.number)
}

pub(super) fn uncertain(all: &Gathered, limit: usize) -> Uncertain {
    let waits = |outcome| all.records.iter().filter(move |r| r.outcome == outcome && r.checked.is_none());
    let mut waiting: Vec<&Record> = waits(Outcome::Uncertain).collect();
    waiting.reverse();
    let shown = waiting.iter().take(limit).map(|record| {
        let guess =
            record.animals.iter().max_by(|a, b| a.score.unwrap_or(0.0).total_cmp(&b.score.unwrap_or(0.0)));
        Waiting {
            key: key_text(record.key),
            stand: record.site,
            at: record.local,
            timed: record.timed,
            guess: guess.map(|a| (a.name.clone(), a.score.unwrap_or(0.0))),
            people: record.people,
            picture: record.shots.iter().find_map(|shot| small(shot, record)),
        }
    });
    Uncertain { waiting: waiting.len(), failed: waits(Outcome::Failed).count(), shown: shown.collect() }
}

fn small(shot: &Shot, record: &Record) -> Option<Shown> {
    shown(shot, record, &shot.bbox, SMALL_BYTES)
}
