//! How `trapline events` prints one burst or one row of effort: for people, and as JSON.

use chrono::{DateTime, Local, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::event::EventKey;
use crate::store::Happening;
use crate::store::record::{Box, Frame, Identity, MediaKind, Observation, Stored, StoredEffort};

/// Everything about a burst, for reading.
pub(super) fn detail(stored: &Stored) -> String {
    let burst = &stored.burst;
    let mut out = vec![
        format!("burst      {}", key_text(stored.key)),
        format!("site       {}", stored.deployment),
        format!("time       {} (clock: {})", local(burst.triggered), burst.clock.as_str()),
        format!("sequence   {}", stored.sequence),
        format!("outcome    {} (p {:.3})", burst.outcome.as_str(), burst.probability.get()),
        format!("took       {} ms, {} triggers suppressed before it", burst.millis, burst.suppressed),
        format!("models     {}", burst.models.join(", ")),
    ];
    out.extend(burst.cause.iter().map(|cause| format!("trigger    {cause}")));
    out.extend(burst.source.iter().map(|source| format!("source     {source}")));
    out.extend(burst.faults.iter().map(|fault| format!("fault      {fault}")));
    for seen in &burst.observations {
        out.push(format!(
            "seen       {} × {} ({}, {}), score {:.3}, tracks {:?}",
            seen.count,
            seen.taxon,
            seen.label,
            seen.rank,
            seen.score.get(),
            seen.tracks
        ));
        let traits = [("life stage", &seen.traits.life_stage), ("behaviour", &seen.traits.behavior)];
        let told =
            traits.into_iter().filter_map(|(name, value)| Some(format!("  {name}  {}", value.as_ref()?)));
        out.extend(told);
        out.extend(seen.individuals.iter().map(individual));
        let top5 = seen.top5.iter().map(|(label, score)| format!("{label} {:.3}", score.get()));
        out.push(format!("  top 5    {}", top5.collect::<Vec<_>>().join(", ")));
    }
    for (i, frame) in burst.frames.iter().enumerate() {
        out.extend(frame_detail(i, frame));
    }
    for media in &stored.media {
        let fate = match &media.gone {
            Some((at, why)) => format!("gone {} ({why})", local(*at)),
            None => "kept".to_owned(),
        };
        out.push(format!("file       {} ({} bytes, {fate})", media.media.path, media.media.bytes));
        out.push(format!("  sha-256  {}", hex(&media.media.sha256)));
    }
    for event in &stored.events {
        let fate = event.sent.map_or("waits to be sent".to_owned(), |at| format!("sent {}", local(at)));
        out.push(format!("event      {} {fate}", key_text(event.key)));
    }
    out.join("\n") + "\n"
}

/// `  known    Luchs-07 (0.97), left; nearest: Luchs-07 0.83, Luchs-03 0.41`
fn individual(of: &Identity) -> String {
    let sure = of.probability.map(|p| format!(" ({:.2})", p.get())).unwrap_or_default();
    let nearest: Vec<String> =
        of.nearest.iter().map(|(name, similarity)| format!("{name} {similarity:.2}")).collect();
    format!(
        "  {:<8} {}{sure}, {}; nearest: {}",
        of.recognition.as_str(),
        of.individual.as_deref().unwrap_or("-"),
        of.flank.as_str(),
        if nearest.is_empty() { "nobody can be compared".to_owned() } else { nearest.join(", ") }
    )
}

fn frame_detail(i: usize, frame: &Frame) -> Vec<String> {
    let light = if frame.infrared { "infrared" } else { "colour" };
    let (w, h) = frame.size;
    let mut out = vec![format!(
        "frame {i:<4} {} {w}×{h} {light}, {} bytes, {:.1} % moved",
        local(frame.taken),
        frame.bytes,
        frame.moved * 100.0
    )];
    out.extend(frame.failed.iter().map(|why| format!("  failed   {why}")));
    for found in &frame.boxes {
        let b = found.bbox;
        let moving = if found.moving { ", moving" } else { "" };
        out.push(format!(
            "  box      {} {:.2} at {:.3} {:.3} {:.3} {:.3}, track {}{moving}",
            found.category,
            found.confidence.get(),
            b.x,
            b.y,
            b.w,
            b.h,
            found.track
        ));
    }
    out
}

/// Everything about a burst, as an object.
pub(super) fn burst_json(stored: &Stored) -> Value {
    let burst = &stored.burst;
    json!({
        "key": key_text(stored.key),
        "boot": stored.key.boot,
        "number": stored.key.number,
        "deployment": stored.deployment,
        "sequence": stored.sequence,
        "time": utc(burst.triggered),
        "clock": burst.clock,
        "outcome": burst.outcome,
        "probability": number(burst.probability.get()),
        "sightings": burst.observations.iter().map(observation_json).collect::<Vec<_>>(),
        "frames": burst.frames.iter().map(frame_json).collect::<Vec<_>>(),
        "media": stored.media.iter().map(|m| json!({
            "frame": m.frame,
            "path": m.media.path,
            "kind": match m.media.kind { MediaKind::Frame => "frame", MediaKind::Crop => "crop" },
            "bytes": m.media.bytes,
            "sha256": hex(&m.media.sha256),
            "gone": m.gone.as_ref().map(|(at, why)| json!({"at": utc(*at), "reason": why})),
        })).collect::<Vec<_>>(),
        "events": stored.events.iter().map(|e| json!({"key": key_text(e.key), "sent": e.sent.map(utc)}))
            .collect::<Vec<_>>(),
        "faults": burst.faults,
        "ms": burst.millis,
        "suppressed": burst.suppressed,
        "models": burst.models,
        "trigger": burst.cause.as_ref().map(|cause| cause.source.as_str()),
        "trigger_detail": burst.cause.as_ref().and_then(|cause| cause.detail.as_deref()),
        "source": burst.source,
    })
}

fn observation_json(seen: &Observation) -> Value {
    let top5: Vec<_> = seen.top5.iter().map(|(label, score)| json!([label, number(score.get())])).collect();
    json!({
        "taxon": seen.taxon,
        "rank": seen.rank,
        "label": seen.label,
        "score": number(seen.score.get()),
        "count": seen.count,
        "top5": top5,
        "life_stage": seen.traits.life_stage,
        "behavior": seen.traits.behavior,
        "individuals": seen.individuals,
    })
}

fn frame_json(frame: &Frame) -> Value {
    let found = |b: &Box| {
        let corners = <[f32; 4]>::from(b.bbox).map(number);
        json!({
            "bbox": corners,
            "category": b.category,
            "confidence": number(b.confidence.get()),
            "moving": b.moving,
            "track": b.track,
        })
    };
    json!({
        "taken": utc(frame.taken),
        "failed": frame.failed,
        "moved": number(frame.moved),
        "size": [frame.size.0, frame.size.1],
        "infrared": frame.infrared,
        "bytes": frame.bytes,
        "detections": frame.boxes.iter().map(found).collect::<Vec<_>>(),
    })
}

/// A row of effort, as an object.
pub(super) fn effort_json(row: &StoredEffort) -> Value {
    json!({
        "boot": row.boot,
        "time": utc(row.at),
        "clock": row.clock,
        "kind": row.kind,
        "triggers": row.effort.triggers,
        "bursts": row.effort.bursts,
        "empties": row.effort.empties,
        "suppressed": row.effort.suppressed,
        "failed_captures": row.effort.failed_captures,
    })
}

/// Something that happened beside the bursts, as an object.
pub(super) fn happening_json(row: &Happening) -> Value {
    json!({ "boot": row.boot, "time": utc(row.at), "clock": row.clock, "kind": row.kind, "text": row.text })
}

/// Boot and number, as the command line takes them.
pub(super) fn key_text(key: EventKey) -> String {
    format!("{}-{}", key.boot, key.number)
}

/// In the time zone of whoever reads.
pub(super) fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).to_rfc3339_opts(SecondsFormat::Secs, false)
}

fn utc(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A share or a score to six decimals, which is more than its 24 bits are worth.
fn number(value: f32) -> Value {
    Value::from((f64::from(value) * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_people_write_them() {
        assert_eq!(number(0.1).to_string(), "0.1");
        assert_eq!(number(f32::NAN), Value::Null);
    }
}
