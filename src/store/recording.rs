//! What one transaction writes: a burst with all that hangs on it, a sequence's merged judgement, effort.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::error::JournalError;
use super::media::Kept;
use super::record::{Burst, Frame, Media, MediaKind, Observation, Told};
use super::sealed::{Table, real};
use super::tables;
use super::terms::{Effort, EffortKind, Recorded, SequenceVerdict};
use crate::event::{self, EventKey, Outcome, Sighting};
use crate::units::ClockQuality;

/// Under what a burst is recorded.
pub(super) struct Context {
    /// Its key.
    pub key: EventKey,
    /// Row of the deployment.
    pub deployment: i64,
    /// Bursts at most this far apart share a sequence.
    pub gap: TimeDelta,
}

/// Writes `burst`. The inner error is ours (an event that cannot be encoded) and leaves a transaction that the
/// caller must not keep; encoding is therefore done before the first row.
pub(super) fn burst(
    db: &Connection,
    context: &Context,
    burst: &Burst,
    kept: &[Kept],
) -> rusqlite::Result<Result<Recorded, JournalError>> {
    let events = match encode(context.key, burst) {
        Ok(events) => events,
        Err(error) => return Ok(Err(error)),
    };
    let (sequence, joined) = join(db, context, burst)?;
    let number = i64::from(context.key.number);
    tables::BURST.insert(
        db,
        vec![
            number.into(),
            context.key.boot.into(),
            context.deployment.into(),
            sequence.into(),
            (events.len().max(1) as i64).into(),
            burst.triggered.timestamp_micros().into(),
            text(burst.clock.as_str()),
            text(burst.outcome.as_str()),
            real(burst.probability.get()),
            burst.millis.into(),
            burst.suppressed.into(),
            json(&burst.faults),
            json(&burst.models),
            optional(burst.source.as_deref()),
            optional(burst.report.as_deref()),
        ],
    )?;
    if let Some(cause) = &burst.cause {
        let (source, detail) = (text(cause.source.as_str()), optional(cause.detail.as_deref()));
        tables::CAUSE.insert(db, vec![tables::CAUSE.next_id(db)?.into(), number.into(), source, detail])?;
    }
    for (position, frame) in burst.frames.iter().enumerate() {
        write_frame(db, number, position as i64, frame)?;
        if let Some(media) = &frame.media {
            write_media(db, number, position as i64, media, false)?;
        }
    }
    for file in kept {
        write_media(db, number, file.frame as i64, &file.media, true)?;
    }
    write_observations(db, &tables::OBSERVATION, number, &burst.observations)?;
    for (key, payload) in &events {
        let row = vec![key.number.into(), number.into(), Value::Blob(payload.clone()), Value::Null];
        tables::OUTBOX.insert(db, row)?;
    }
    Ok(Ok(Recorded {
        key: context.key,
        sequence: sequence.unsigned_abs(),
        joined,
        events: events.into_iter().map(|(key, _)| key).collect(),
        reserve_used: false,
    }))
}

/// The events a burst sends, encoded: one for each observation of a sighting, a person or a vehicle. Each takes
/// an event number of its own, counting up from the burst's, so that no receiver drops the second species of a
/// burst as a duplicate of the first.
fn encode(key: EventKey, burst: &Burst) -> Result<Vec<(EventKey, Vec<u8>)>, JournalError> {
    // Photos from folders are at home already: nobody waits to hear of them.
    let at_home = burst.source.is_some();
    if at_home || !matches!(burst.outcome, Outcome::Sighting | Outcome::Person | Outcome::Vehicle) {
        return Ok(Vec::new());
    }
    (key.number..)
        .zip(&burst.observations)
        .map(|(number, seen)| {
            let key = EventKey { number, ..key };
            let sighting = Sighting {
                key,
                at: burst.triggered.timestamp(),
                clock: burst.clock,
                outcome: burst.outcome,
                taxon: event::taxon(&seen.taxon),
                score: seen.score,
                count: seen.count.max(1),
            };
            let bytes = sighting.encode().map_err(|source| JournalError::Codec { number, source })?;
            Ok((key, bytes.to_vec()))
        })
        .collect()
}

/// The sequence of a burst and whether it had bursts before.
fn join(db: &Connection, context: &Context, burst: &Burst) -> rusqlite::Result<(i64, bool)> {
    let first = burst.frames.iter().map(|f| f.taken).min().unwrap_or(burst.triggered).timestamp_micros();
    let last = burst.frames.iter().map(|f| f.taken).max().unwrap_or(burst.triggered).timestamp_micros();
    if burst.source.is_none()
        && let Some(mut before) = latest(db, context, burst.clock)?
    {
        let apart = first - before.integer("last_us");
        let gap = context.gap.num_microseconds().unwrap_or(i64::MAX);
        // A clock that was set back by more than the gap opens a new sequence as well.
        if apart.abs() <= gap {
            before.set("last_us", before.integer("last_us").max(last));
            before.set("bursts", before.integer("bursts") + 1);
            let id = before.integer("id");
            tables::SEQUENCE.update(db, before.into_values())?;
            return Ok((id, true));
        }
    }
    let id = tables::SEQUENCE.next_id(db)?;
    tables::SEQUENCE.insert(
        db,
        vec![
            id.into(),
            context.deployment.into(),
            first.into(),
            last.into(),
            1i64.into(),
            text(burst.outcome.as_str()),
            real(burst.probability.get()),
        ],
    )?;
    write_observations(db, &tables::MERGED, id, &burst.observations)?;
    Ok((id, false))
}

/// The sequence of the burst before, where times can be compared with it: same deployment, from the trap, and
/// either the same boot or both clocks set.
fn latest(
    db: &Connection,
    context: &Context,
    clock: ClockQuality,
) -> rusqlite::Result<Option<super::sealed::Row>> {
    let bursts = tables::BURST.select(db, "ORDER BY id DESC LIMIT 1", &[])?;
    let Some(burst) = bursts.sound.first() else { return Ok(None) };
    let unset = ClockQuality::Unset;
    let both_set = clock != unset && burst.text("clock") != unset.as_str();
    let comparable = burst.integer("boot") == i64::from(context.key.boot) || both_set;
    let ours = burst.integer("deployment") == context.deployment && burst.text_or_null("source").is_none();
    if !(comparable && ours) {
        return Ok(None);
    }
    let id = Value::Integer(burst.integer("sequence"));
    Ok(tables::SEQUENCE.select(db, "WHERE id = ?", &[id])?.sound.into_iter().next())
}

/// Replaces the judgement of a sequence; false where there is no such sequence.
pub(super) fn merge(db: &Connection, sequence: u64, verdict: &SequenceVerdict) -> rusqlite::Result<bool> {
    let id = i64::try_from(sequence).unwrap_or(-1);
    let Some(mut row) =
        tables::SEQUENCE.select(db, "WHERE id = ?", &[Value::Integer(id)])?.sound.into_iter().next()
    else {
        return Ok(false);
    };
    row.set("outcome", verdict.outcome.as_str().to_owned());
    row.set("probability", real(verdict.probability.get()));
    tables::SEQUENCE.update(db, row.into_values())?;
    db.execute("DELETE FROM merged WHERE sequence = ?", [id])?;
    write_observations(db, &tables::MERGED, id, &verdict.observations)?;
    Ok(true)
}

/// Writes an effort row.
pub(super) fn effort(
    db: &Connection,
    boot: u32,
    kind: EffortKind,
    at: DateTime<Utc>,
    clock: ClockQuality,
    effort: &Effort,
) -> rusqlite::Result<()> {
    tables::EFFORT.insert(
        db,
        vec![
            tables::EFFORT.next_id(db)?.into(),
            boot.into(),
            at.timestamp_micros().into(),
            text(clock.as_str()),
            text(kind.as_str()),
            effort.triggers.into(),
            effort.bursts.into(),
            effort.empties.into(),
            effort.suppressed.into(),
            effort.failed_captures.into(),
        ],
    )
}

fn write_frame(db: &Connection, burst: i64, position: i64, frame: &Frame) -> rusqlite::Result<()> {
    let id = tables::FRAME.next_id(db)?;
    tables::FRAME.insert(
        db,
        vec![
            id.into(),
            burst.into(),
            position.into(),
            frame.taken.timestamp_micros().into(),
            optional(frame.failed.as_deref()),
            real(frame.moved),
            frame.size.0.into(),
            frame.size.1.into(),
            frame.infrared.into(),
            bytes(frame.bytes),
        ],
    )?;
    for found in &frame.boxes {
        tables::BOX.insert(
            db,
            vec![
                tables::BOX.next_id(db)?.into(),
                id.into(),
                real(found.bbox.x),
                real(found.bbox.y),
                real(found.bbox.w),
                real(found.bbox.h),
                text(&found.category),
                real(found.confidence.get()),
                found.moving.into(),
                found.track.into(),
            ],
        )?;
    }
    Ok(())
}

fn write_media(db: &Connection, burst: i64, frame: i64, media: &Media, owned: bool) -> rusqlite::Result<()> {
    let kind = match media.kind {
        MediaKind::Frame => "frame",
        MediaKind::Crop => "crop",
    };
    tables::MEDIA.insert(
        db,
        vec![
            tables::MEDIA.next_id(db)?.into(),
            burst.into(),
            frame.into(),
            text(&media.path),
            Value::Blob(media.sha256.to_vec()),
            bytes(media.bytes),
            text(kind),
            owned.into(),
            Value::Null,
            Value::Null,
        ],
    )
}

fn write_observations(
    db: &Connection,
    table: &Table,
    owner: i64,
    observations: &[Observation],
) -> rusqlite::Result<()> {
    for seen in observations {
        table.insert(
            db,
            vec![
                table.next_id(db)?.into(),
                owner.into(),
                text(&seen.taxon),
                text(&seen.rank),
                text(&seen.label),
                real(seen.score.get()),
                i64::from(seen.count).into(),
                json(&Told::of(seen)),
                json(&seen.tracks),
            ],
        )?;
    }
    Ok(())
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn optional(value: Option<&str>) -> Value {
    value.map_or(Value::Null, text)
}

fn bytes(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Lists of strings and numbers always have a JSON form.
pub(super) fn json<T: serde::Serialize + ?Sized>(value: &T) -> Value {
    Value::Text(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
}
