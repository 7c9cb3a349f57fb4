//! A burst as the page reads it.

use serde_json::{Value, json};

use super::book::{Book, Entry};
use super::hub::{share, time};
use crate::store::record::{Box, Frame, MediaKind, Stored, StoredMedia};
use crate::store::{Label, Seen, StoredLabel};

/// Everything about a burst. `hidden`: its pictures are not to be shown.
pub(super) fn burst(book: &Book, stored: &Stored, entry: &Entry, hidden: bool) -> Value {
    let burst = &stored.burst;
    let machine = burst.observations.iter().map(|seen| {
        json!({
            "taxon": seen.taxon, "rank": seen.rank, "label": seen.label,
            "score": share(seen.score.get()), "count": seen.count, "individuals": seen.individuals,
        })
    });
    let frames = burst.frames.iter().enumerate().map(|(i, f)| frame(book, stored, i, f, hidden));
    json!({
        "id": book.name(stored.key),
        "sequence": book.number(stored.sequence),
        "deployment": stored.deployment,
        "at": time(burst.triggered),
        "clock": burst.clock.as_str(),
        "trigger": burst.cause.as_ref().map(|cause| cause.source.as_str()),
        "trigger_detail": burst.cause.as_ref().and_then(|cause| cause.detail.as_deref()),
        "outcome": burst.outcome.as_str(),
        "probability": share(burst.probability.get()),
        "seen": machine.collect::<Vec<_>>(),
        "frames": frames.collect::<Vec<_>>(),
        "faults": burst.faults,
        "ms": burst.millis,
        "models": burst.models,
        "label": entry.label.as_ref().map(|l| label(book, l)),
        "decided": {
            "outcome": entry.outcome().as_str(),
            "seen": entry.seen().iter().map(seen).collect::<Vec<_>>(),
        },
    })
}

fn frame(book: &Book, stored: &Stored, i: usize, frame: &Frame, hidden: bool) -> Value {
    let kept = |kind: MediaKind| {
        let fits = |m: &&StoredMedia| m.frame == i && m.media.kind == kind && m.gone.is_none() && !hidden;
        stored.media.iter().find(fits).map(|m| book.number(m.number))
    };
    json!({
        "i": i,
        "taken": time(frame.taken),
        "failed": frame.failed,
        "moved": share(frame.moved),
        "infrared": frame.infrared,
        "width": frame.size.0,
        "height": frame.size.1,
        "picture": kept(MediaKind::Frame),
        "crop": kept(MediaKind::Crop),
        "boxes": frame.boxes.iter().map(found).collect::<Vec<_>>(),
    })
}

fn found(found: &Box) -> Value {
    let b = found.bbox;
    json!({
        "x": share(b.x), "y": share(b.y), "w": share(b.w), "h": share(b.h),
        "category": found.category, "confidence": share(found.confidence.get()),
        "moving": found.moving, "track": found.track,
    })
}

fn label(book: &Book, stored: &StoredLabel) -> Value {
    let Label { at, who, outcome, seen: all, comment } = &stored.label;
    json!({
        "id": book.number(stored.id),
        "who": who,
        "at": time(*at),
        "outcome": outcome.as_str(),
        "seen": all.iter().map(seen).collect::<Vec<_>>(),
        "comment": comment,
    })
}

fn seen(seen: &Seen) -> Value {
    serde_json::to_value(seen).unwrap_or_default()
}
