//! Room on the card: within the byte budget and above the free-space floor, by deleting the least valuable
//! media first.
//!
//! In this order, whole bursts at a time, oldest first within each: empties kept for audit; sent events of the
//! commonest species down to the rarest (vehicles count as a species); failed and uncertain bursts. Never what is
//! unsent (unless the policy says that nothing is ever sent), and never a rare species: one with fewer kept
//! events than the policy's number. Rows stay and tell when and why.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use rusqlite::types::Value;

use super::error::JournalError;
use super::journal::Journal;
use super::retention::Retention;
use super::sealed::Row;
use super::sweep::mark_gone;
use super::tables::{BURST, MEDIA, OBSERVATION, OUTBOX};
use crate::event::Outcome;

/// Why a file was deleted to make room.
pub const MADE_ROOM: &str = "made room";
/// Counter of files deleted to make room, see [`Journal::counter`].
pub const DELETED_FILES: &str = "media.deleted.files";
/// Counter of bytes deleted to make room.
pub const DELETED_BYTES: &str = "media.deleted.bytes";

/// A file that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Path below the media folder.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Number of its burst.
    pub burst: u32,
}

/// What making room gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// What was deleted, in order.
    pub deleted: Vec<Deletion>,
    /// Bytes still lacking, with nothing left that may be deleted; 0 as a rule.
    pub short_by: u64,
}

/// A burst whose media may be weighed.
struct Candidate {
    burst: i64,
    taxa: Vec<String>,
    outcome: Outcome,
    sent: bool,
    files: Vec<Row>,
}

/// See [`super::MediaStore::make_room`].
pub(super) fn make_room(
    root: &Path,
    retention: &Retention,
    journal: &mut Journal,
    needed: u64,
    at: DateTime<Utc>,
) -> Result<Room, JournalError> {
    let mut lacking = lacking(root, retention, journal, needed)?;
    let mut room = Room::default();
    if lacking > 0 {
        let mut candidates = candidates(journal).map_err(|e| journal.fail(e))?;
        let mut kept = kept_events(&candidates);
        while lacking > 0
            && let Some(next) = least_valuable(&candidates, &kept, retention)
        {
            let burst = candidates.swap_remove(next);
            for taxon in burst.taxa.iter().filter(|_| is_event(burst.outcome)) {
                kept.entry(taxon.clone()).and_modify(|n| *n = n.saturating_sub(1));
            }
            let freed = delete(root, journal, &burst, at, &mut room.deleted)?;
            lacking = lacking.saturating_sub(freed);
        }
        room.short_by = lacking;
        if !room.deleted.is_empty() {
            log::info!("media: {} files deleted to make room", room.deleted.len());
            journal.restore_reserve();
        }
    }
    Ok(room)
}

/// Bytes to be freed before `needed` more fit.
fn lacking(root: &Path, retention: &Retention, journal: &Journal, needed: u64) -> Result<u64, JournalError> {
    let kept = "SELECT coalesce(sum(bytes), 0) FROM media WHERE owned = 1 AND gone_us IS NULL";
    let kept: i64 = journal.db.query_row(kept, [], |row| row.get(0)).map_err(|e| journal.fail(e))?;
    let over_budget = retention
        .budget_bytes
        .map_or(0, |budget| kept.unsigned_abs().saturating_add(needed).saturating_sub(budget));
    let card = rustix::fs::statvfs(root)
        .map_err(|e| JournalError::io("asking the free space of", root, e.into()))?;
    let free = card.f_bavail.saturating_mul(card.f_frsize);
    let below_floor = retention.free_floor_bytes.saturating_add(needed).saturating_sub(free);
    Ok(over_budget.max(below_floor))
}

/// Every burst that has media of ours on the card, oldest first.
fn candidates(journal: &Journal) -> rusqlite::Result<Vec<Candidate>> {
    let db = &journal.db;
    let files = MEDIA.select(db, "WHERE owned = 1 AND gone_us IS NULL ORDER BY burst, id", &[])?.sound;
    let mut candidates: Vec<Candidate> = Vec::new();
    for file in files {
        let burst = file.integer("burst");
        if let Some(last) = candidates.last_mut().filter(|c| c.burst == burst) {
            last.files.push(file);
            continue;
        }
        let id = [Value::Integer(burst)];
        let own = BURST.select(db, "WHERE id = ?", &id)?.sound;
        let Some(outcome) = own.first().and_then(|row| Outcome::parse(row.text("outcome"))) else { continue };
        let seen = OBSERVATION.select(db, "WHERE burst = ?", &id)?.sound;
        // Events that were given up wait no more.
        let given_up = "AND id NOT IN (SELECT id FROM delivery WHERE dropped_us IS NOT NULL)";
        let queued = OUTBOX.select(db, &format!("WHERE burst = ? {given_up}"), &id)?;
        let waits = |row: &Row| row.integer_or_null("sent_us").is_none();
        let taxa: HashSet<String> = seen.iter().map(|row| row.text("taxon").to_owned()).collect();
        candidates.push(Candidate {
            burst,
            taxa: taxa.into_iter().collect(),
            outcome,
            // A damaged outbox row may be an unsent one.
            sent: queued.damaged.is_empty() && !queued.sound.iter().any(waits),
            files: vec![file],
        });
    }
    Ok(candidates)
}

/// How many events of each taxon have media on the card. Uncertain bursts name species that nobody confirmed.
fn kept_events(candidates: &[Candidate]) -> HashMap<String, u32> {
    let mut kept = HashMap::new();
    for taxon in candidates.iter().filter(|c| is_event(c.outcome)).flat_map(|c| &c.taxa) {
        *kept.entry(taxon.clone()).or_insert(0) += 1;
    }
    kept
}

fn is_event(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Sighting | Outcome::Vehicle | Outcome::Person)
}

/// Index of the burst to go next, or `None` where none may.
fn least_valuable(
    candidates: &[Candidate],
    kept: &HashMap<String, u32>,
    retention: &Retention,
) -> Option<usize> {
    let rank = |c: &Candidate| {
        // The rarest species of a burst speaks for it.
        let common = c.taxa.iter().filter_map(|t| kept.get(t)).min().copied().unwrap_or(0);
        match c.outcome {
            Outcome::Empty => Some((0, 0, c.burst)),
            Outcome::Uncertain | Outcome::Failed => Some((2, 0, c.burst)),
            _ if !c.sent && retention.protect_unsent => None,
            Outcome::Sighting if common < retention.rare_below => None,
            _ => Some((1, u32::MAX - common, c.burst)),
        }
    };
    let ranked = candidates.iter().enumerate().filter_map(|(i, c)| Some((rank(c)?, i)));
    ranked.min().map(|(_, i)| i)
}

/// Deletes the files of a burst: first the rows say so, then the files go, so that a power cut between the two
/// leaves what the sweep finishes. Gives the bytes freed.
fn delete(
    root: &Path,
    journal: &mut Journal,
    burst: &Candidate,
    at: DateTime<Utc>,
    deleted: &mut Vec<Deletion>,
) -> Result<u64, JournalError> {
    let bytes: u64 = burst.files.iter().map(|f| f.integer("bytes").unsigned_abs()).sum();
    journal.transaction(|db| {
        mark_gone(db, &burst.files, at, MADE_ROOM)?;
        super::state::count(db, DELETED_FILES, burst.files.len() as u64)?;
        super::state::count(db, DELETED_BYTES, bytes)
    })?;
    for file in &burst.files {
        let path = file.text("path").to_owned();
        let full = root.join(&path);
        match fs::remove_file(&full) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(JournalError::io("removing", &full, e));
            }
            _ => {}
        }
        let burst = u32::try_from(burst.burst).unwrap_or(u32::MAX);
        deleted.push(Deletion { path, bytes: file.integer("bytes").unsigned_abs(), burst });
    }
    Ok(bytes)
}
