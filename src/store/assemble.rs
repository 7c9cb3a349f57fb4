//! Rows to values: what was written comes back as it was, or is told as damaged.

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::record::{
    Box, Burst, Cause, Frame, Media, MediaKind, Observation, Stored, StoredEffort, StoredEvent, StoredMedia,
    StoredSequence, Told,
};
use super::sealed::{Damage, Row, Table};
use super::terms::{Effort, EffortKind};
use super::{schema, tables};
use crate::event::{EventKey, Outcome, Source};
use crate::units::{BBox, ClockQuality, Score};

/// Collects rows of one owner, noting the damaged ones.
struct Gather<'a> {
    db: &'a Connection,
    damaged: &'a mut Vec<Damage>,
}

impl Gather<'_> {
    fn rows(&mut self, table: &Table, tail: &str, owner: i64) -> rusqlite::Result<Vec<Row>> {
        let rows = table.select(self.db, tail, &[Value::Integer(owner)])?;
        self.damaged.extend(rows.damaged);
        Ok(rows.sound)
    }

    fn deployment(&mut self, id: i64) -> rusqlite::Result<String> {
        let rows = self.rows(&tables::DEPLOYMENT, "WHERE id = ?", id)?;
        Ok(rows.first().map(|row| row.text("name").to_owned()).unwrap_or_default())
    }
}

/// A burst with all that hangs on it. Damaged rows are left out, added to `damaged` and noted among its faults.
pub(super) fn stored(db: &Connection, row: &Row, damaged: &mut Vec<Damage>) -> rusqlite::Result<Stored> {
    let before = damaged.len();
    let id = row.integer("id");
    let mut gather = Gather { db, damaged };
    let deployment = gather.deployment(row.integer("deployment"))?;
    let media: Vec<StoredMedia> =
        gather.rows(&tables::MEDIA, "WHERE burst = ? ORDER BY id", id)?.iter().map(file).collect();
    let mut frames = Vec::new();
    for frame in gather.rows(&tables::FRAME, "WHERE burst = ? ORDER BY position", id)? {
        let boxes = gather.rows(&tables::BOX, "WHERE frame = ? ORDER BY id", frame.integer("id"))?;
        frames.push(read_frame(&frame, &boxes, &media));
    }
    let observations = gather
        .rows(&tables::OBSERVATION, "WHERE burst = ? ORDER BY id", id)?
        .iter()
        .map(observation)
        .collect();
    let causes = match schema::present(db)?.contains(&&tables::CAUSE) {
        true => gather.rows(&tables::CAUSE, "WHERE burst = ? ORDER BY id", id)?,
        false => Vec::new(),
    };
    let boot = unsigned(row, "boot");
    let events = gather.rows(&tables::OUTBOX, "WHERE burst = ? ORDER BY id", id)?;
    let events = events.iter().map(|row| StoredEvent {
        key: EventKey { boot, number: unsigned(row, "id") },
        sent: row.integer_or_null("sent_us").map(time),
    });
    let mut burst = Burst { cause: causes.first().and_then(cause), ..read_burst(row, frames, observations) };
    let events = events.collect();
    for lost in damaged.iter().skip(before) {
        burst.faults.push(format!("{lost} does not match its checksum and is left out"));
    }
    let key = EventKey { boot, number: unsigned(row, "id") };
    let sequence = row.integer("sequence").unsigned_abs();
    Ok(Stored { key, deployment, sequence, burst, media, events })
}

fn read_burst(row: &Row, frames: Vec<Frame>, observations: Vec<Observation>) -> Burst {
    Burst {
        triggered: time(row.integer("triggered_us")),
        clock: clock(row),
        outcome: outcome(row),
        probability: score(row, "probability"),
        frames,
        observations,
        faults: json(row.text("faults")),
        millis: unsigned(row, "millis"),
        suppressed: unsigned(row, "suppressed"),
        models: json(row.text("models")),
        cause: None,
        source: row.text_or_null("source").map(str::to_owned),
        report: row.text_or_null("report").map(str::to_owned),
    }
}

/// A source that a later version may write is not known here.
fn cause(row: &Row) -> Option<Cause> {
    let detail = row.text_or_null("detail").map(str::to_owned);
    Source::parse(row.text("source")).map(|source| Cause { source, detail })
}

fn read_frame(row: &Row, boxes: &[Row], media: &[StoredMedia]) -> Frame {
    let position = row.integer("position");
    let own =
        |m: &&StoredMedia| m.frame as i64 == position && m.media.kind == MediaKind::Frame && m.gone.is_none();
    Frame {
        taken: time(row.integer("taken_us")),
        failed: row.text_or_null("failed").map(str::to_owned),
        moved: row.real("moved") as f32,
        size: (unsigned(row, "width"), unsigned(row, "height")),
        infrared: row.integer("infrared") != 0,
        bytes: row.integer("bytes").unsigned_abs(),
        boxes: boxes.iter().map(read_box).collect(),
        media: media.iter().find(own).map(|m| m.media.clone()),
    }
}

fn read_box(row: &Row) -> Box {
    let share = |column| row.real(column) as f32;
    Box {
        bbox: BBox { x: share("x"), y: share("y"), w: share("w"), h: share("h") },
        category: row.text("category").to_owned(),
        confidence: score(row, "confidence"),
        moving: row.integer("moving") != 0,
        track: unsigned(row, "track"),
    }
}

/// A file's row.
pub(super) fn file(row: &Row) -> StoredMedia {
    let gone = row.integer_or_null("gone_us").map(|at| (time(at), row.text("reason").to_owned()));
    StoredMedia {
        number: row.integer("id").unsigned_abs(),
        frame: usize::try_from(row.integer("frame")).unwrap_or(0),
        media: Media {
            path: row.text("path").to_owned(),
            sha256: row.blob("sha256").try_into().unwrap_or_default(),
            bytes: row.integer("bytes").unsigned_abs(),
            kind: if row.text("kind") == "crop" { MediaKind::Crop } else { MediaKind::Frame },
        },
        owned: row.integer("owned") != 0,
        gone,
    }
}

/// What was seen.
pub(super) fn observation(row: &Row) -> Observation {
    let (top5, traits, individuals) =
        serde_json::from_str::<Told>(row.text("top5")).unwrap_or_default().parts();
    Observation {
        taxon: row.text("taxon").to_owned(),
        rank: row.text("rank").to_owned(),
        label: row.text("label").to_owned(),
        score: score(row, "score"),
        count: u16::try_from(row.integer("count")).unwrap_or(u16::MAX),
        top5,
        tracks: json(row.text("tracks")),
        traits,
        individuals,
    }
}

/// A sequence with what was seen in it.
pub(super) fn sequence(
    db: &Connection,
    row: &Row,
    damaged: &mut Vec<Damage>,
) -> rusqlite::Result<StoredSequence> {
    let id = row.integer("id");
    let mut gather = Gather { db, damaged };
    let merged = gather.rows(&tables::MERGED, "WHERE sequence = ? ORDER BY id", id)?;
    Ok(StoredSequence {
        id: id.unsigned_abs(),
        deployment: gather.deployment(row.integer("deployment"))?,
        first: time(row.integer("first_us")),
        last: time(row.integer("last_us")),
        bursts: unsigned(row, "bursts"),
        outcome: outcome(row),
        probability: score(row, "probability"),
        observations: merged.iter().map(observation).collect(),
    })
}

/// A row of effort.
pub(super) fn effort(row: &Row) -> StoredEffort {
    StoredEffort {
        boot: unsigned(row, "boot"),
        at: time(row.integer("at_us")),
        clock: clock(row),
        kind: EffortKind::parse(row.text("kind")).unwrap_or(EffortKind::Heartbeat),
        effort: Effort {
            triggers: unsigned(row, "triggers"),
            bursts: unsigned(row, "bursts"),
            empties: unsigned(row, "empties"),
            suppressed: unsigned(row, "suppressed"),
            failed_captures: unsigned(row, "failed"),
        },
    }
}

// What follows reads rows whose seal held: they are as this code wrote them, and the defaults are never taken.

fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

fn clock(row: &Row) -> ClockQuality {
    ClockQuality::parse(row.text("clock")).unwrap_or_default()
}

fn outcome(row: &Row) -> Outcome {
    Outcome::parse(row.text("outcome")).unwrap_or(Outcome::Failed)
}

fn score(row: &Row, column: &str) -> Score {
    Score::new(row.real(column) as f32)
}

fn unsigned(row: &Row, column: &str) -> u32 {
    u32::try_from(row.integer(column)).unwrap_or(u32::MAX)
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    serde_json::from_str(text).unwrap_or_default()
}
