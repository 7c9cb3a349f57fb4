//! The rows of `observations`: for each burst what was seen, and for each box on a picture that is kept what it shows.

use chrono::{DateTime, TimeDelta, Utc};

use super::media_id;
use crate::export::Level;
use crate::export::gather::{Gathered, Picture, Record};
use crate::export::table::{Cell, Table, number};
use crate::export::word::{self, Kind, Word, kind_of_box};
use crate::store::record::{Box, Frame};

/// Columns of `observations`.
const COLUMNS: [&str; 28] = [
    "observationID",
    "deploymentID",
    "mediaID",
    "eventID",
    "eventStart",
    "eventEnd",
    "observationLevel",
    "observationType",
    "cameraSetupType",
    "scientificName",
    "count",
    "lifeStage",
    "sex",
    "behavior",
    "individualID",
    "individualPositionRadius",
    "individualPositionAngle",
    "individualSpeed",
    "bboxX",
    "bboxY",
    "bboxWidth",
    "bboxHeight",
    "classificationMethod",
    "classifiedBy",
    "classificationTimestamp",
    "classificationProbability",
    "observationTags",
    "observationComments",
];

/// Decimals of probabilities and boxes: more than 24 bits of a network's output are worth, fewer than a pixel.
const DECIMALS: usize = 5;

/// Who says it, when, and how sure.
struct Voice {
    method: Cell,
    by: Cell,
    at: Cell,
    probability: Cell,
}

/// All rows, in the order of the bursts.
pub(in crate::export) fn observations(all: &Gathered, level: Level) -> Table {
    let mut table = Table::new("observations", &COLUMNS);
    for record in &all.records {
        let place = all.deployments.get(record.deployment).map_or("", |d| d.id.as_str());
        for (i, word) in record.words.iter().enumerate() {
            table.rows.push(event(record, place, i, word));
        }
        if level == Level::Both {
            for picture in &record.pictures {
                if let Some(frame) = record.stored.burst.frames.get(picture.frame) {
                    on_picture(record, place, picture, frame, &mut table.rows);
                }
            }
        }
    }
    table
}

/// A burst's row.
fn event(record: &Record, place: &str, i: usize, word: &Word) -> Vec<Cell> {
    let voice = voice(record, word, word.score);
    let id = format!("{}:{}", record.id, i + 1);
    let span = (record.from(), record.until());
    row(Row {
        id,
        place,
        record,
        picture: None,
        span,
        level: "event",
        word,
        bbox: None,
        voice,
        tags: tags(record),
        comments: comments(record),
    })
}

/// The rows of one picture.
fn on_picture(record: &Record, place: &str, picture: &Picture, frame: &Frame, rows: &mut Vec<Vec<Cell>>) {
    let taken = frame.taken + record.shift;
    let media = media_id(record, picture.frame);
    let mut push = |i: usize, word: &Word, bbox: Option<&Box>, voice: Voice, comments: Cell| {
        let id = format!("{media}:{i}");
        let (span, tags) = ((taken, taken), Cell::Empty);
        let picture = Some(media.as_str());
        rows.push(row(Row {
            id,
            place,
            record,
            picture,
            span,
            level: "media",
            word,
            bbox,
            voice,
            tags,
            comments,
        }));
    };
    let empty_by_person = record.label.is_some() && record.words.iter().all(|w| w.kind == Kind::Blank);
    if frame.failed.is_some() || frame.boxes.is_empty() || empty_by_person {
        // A frame without a box is a blank by the machine, not by the person who looked at the burst.
        let kind = match (frame.failed.is_some(), empty_by_person) {
            (_, true) => Kind::Blank,
            (true, _) => Kind::Unclassified,
            (false, _) => Kind::Blank,
        };
        let word = Word::of(kind);
        let voice = if empty_by_person { voice(record, &word, None) } else { machine(record, kind, None) };
        push(1, &word, None, voice, frame.failed.clone().map(|f| format!("could not be judged: {f}")).into());
        return;
    }
    for (i, found) in frame.boxes.iter().enumerate() {
        let named = word::word_of_box(&record.words, found, record.label.is_some());
        match named {
            Some(word) => {
                let one = Word { count: Some(1), ..word.clone() };
                let voice = voice(record, &one, one.score);
                push(i + 1, &one, Some(found), voice, comment_of(found));
            }
            None => {
                // Of a burst between the thresholds no box is sure to be what the detector takes it for.
                let unsure = record.words.iter().any(|w| w.kind == Kind::Unknown);
                let kind = if unsure { Kind::Unknown } else { kind_of_box(found) };
                let mut word = Word::of(kind);
                word.taxon = if kind == Kind::Human { word::PEOPLE.to_owned() } else { String::new() };
                let voice = machine(record, kind, Some(found.confidence.get()));
                push(i + 1, &word, Some(found), voice, comment_of(found));
            }
        }
    }
}

fn comment_of(found: &Box) -> Cell {
    format!("detector: {} {:.2}, track {}", found.category, found.confidence.get(), found.track).into()
}

/// The person's voice where there is one.
fn voice(record: &Record, word: &Word, score: Option<f32>) -> Voice {
    match &record.label {
        Some(said) => Voice {
            method: "human".into(),
            by: said.label.who.as_str().into(),
            at: said.label.at.into(),
            probability: Cell::Empty,
        },
        None => machine(record, word.kind, score),
    }
}

/// The machine's voice. What was never classified has none.
fn machine(record: &Record, kind: Kind, score: Option<f32>) -> Voice {
    if kind == Kind::Unclassified {
        return Voice { method: Cell::Empty, by: Cell::Empty, at: Cell::Empty, probability: Cell::Empty };
    }
    // Photos are judged long after they were taken, and the journal does not say when.
    let lived = record.stored.burst.source.is_none();
    let at = lived.then(|| record.at() + TimeDelta::milliseconds(record.stored.burst.millis.into()));
    Voice {
        method: "machine".into(),
        by: record.machine.as_str().into(),
        at: at.into(),
        probability: score.map(|s| number(f64::from(s), DECIMALS)).into(),
    }
}

/// Sequence, clock, who asked for the burst and, beside a person's word, the machine's.
fn tags(record: &Record) -> Cell {
    let mut tags = vec![
        format!("sequence:{}", record.stored.sequence),
        format!("clock:{}", record.stored.burst.clock.as_str()),
    ];
    tags.extend(record.source().map(|source| format!("trigger:{}", source.as_str())));
    if record.label.is_some() {
        let plain = |word: &Word| {
            if word.taxon.is_empty() { word.kind.as_str().to_owned() } else { word.taxon.clone() }
        };
        tags.extend(word::machine(&record.stored.burst).iter().map(|w| format!("machine:{}", plain(w))));
    }
    tags.join(" | ").into()
}

/// What else is known: the person's words, the machine's, and what went wrong.
fn comments(record: &Record) -> Cell {
    let burst = &record.stored.burst;
    let mut told = Vec::new();
    if let Some(said) = &record.label {
        told.extend(Some(said.label.comment.clone()).filter(|c| !c.is_empty()));
        let machine: Vec<_> = word::machine(burst).iter().map(Word::told).collect();
        told.push(format!("machine: {} by {}", machine.join(", "), record.machine));
    }
    let failed: Vec<_> = burst.frames.iter().filter_map(|f| f.failed.as_deref()).collect();
    if let Some(first) = failed.first() {
        told.push(format!("{} of {} frames could not be judged: {first}", failed.len(), burst.frames.len()));
    }
    told.extend(burst.faults.iter().cloned());
    if !record.dated {
        told.push("the clock was not set: time is an estimate".to_owned());
    }
    told.join("; ").into()
}

/// A row in the making.
struct Row<'a> {
    id: String,
    place: &'a str,
    record: &'a Record,
    picture: Option<&'a str>,
    span: (DateTime<Utc>, DateTime<Utc>),
    level: &'a str,
    word: &'a Word,
    bbox: Option<&'a Box>,
    voice: Voice,
    tags: Cell,
    comments: Cell,
}

fn row(row: Row<'_>) -> Vec<Cell> {
    let word = row.word;
    // Boxes without an area are no boxes to the standard.
    let bbox = row.bbox.map(|b| b.bbox).filter(|b| b.w > 0.0 && b.h > 0.0);
    let side = |value: Option<f32>| Cell::from(value.map(|v| number(f64::from(v), DECIMALS)));
    vec![
        row.id.into(),
        row.place.into(),
        row.picture.unwrap_or_default().into(),
        row.record.id.as_str().into(),
        row.span.0.into(),
        row.span.1.into(),
        row.level.into(),
        word.kind.as_str().into(),
        Cell::Empty,
        word.taxon.as_str().into(),
        word.count.into(),
        word.life_stage.clone().into(),
        word.sex.clone().into(),
        word.behavior.clone().into(),
        word.individual.clone().into(),
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
        side(bbox.map(|b| b.x)),
        side(bbox.map(|b| b.y)),
        side(bbox.map(|b| b.w)),
        side(bbox.map(|b| b.h)),
        row.voice.method,
        row.voice.by,
        row.voice.at,
        row.voice.probability,
        row.tags,
        row.comments,
    ]
}
