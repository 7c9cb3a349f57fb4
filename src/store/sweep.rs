//! Folder and journal in agreement: after the sweep there is no media file without a row and no kept row
//! without its file. Users' photos and files with other names are never touched.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use walkdir::WalkDir;

use super::durable::{self, TEMPORARY, with_suffix};
use super::error::JournalError;
use super::journal::Journal;
use super::media::is_ours;
use super::sealed::Row;
use super::tables::MEDIA;

/// Why a row's file is gone when nobody deleted it.
pub const MISSING: &str = "missing";

/// What the sweep found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// Half-written files removed.
    pub temporary: Vec<PathBuf>,
    /// Whole files of bursts that were never recorded, removed.
    pub unrecorded: Vec<PathBuf>,
    /// Files that a damaged journal no longer knows, moved out of the folder to here.
    pub orphans: Vec<PathBuf>,
    /// Files whose deletion the power cut interrupted, removed now.
    pub finished: Vec<PathBuf>,
    /// Files that the journal knows and the card has lost; their rows say so now.
    pub missing: Vec<String>,
    /// Files that are there with another length than the journal knows; kept.
    pub wrong_length: Vec<String>,
}

impl Swept {
    /// True where folder and journal agreed.
    pub fn is_clean(&self) -> bool {
        *self == Swept::default()
    }
}

/// See [`super::MediaStore::sweep`].
pub(super) fn sweep(
    root: &Path,
    journal: &mut Journal,
    at: DateTime<Utc>,
    after_damage: bool,
) -> Result<Swept, JournalError> {
    let rows = MEDIA.select(&journal.db, "WHERE owned = 1", &[]).map_err(|e| journal.fail(e))?.sound;
    let known: HashMap<&str, &Row> = rows.iter().map(|row| (row.text("path"), row)).collect();
    let mut swept = Swept::default();
    let mut present = HashSet::new();
    for entry in WalkDir::new(root).sort_by_file_name() {
        let entry = entry.map_err(|e| JournalError::io("reading", root, e.into()))?;
        if !entry.file_type().is_file() || !is_ours(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let file = entry.path();
        let relative = file.strip_prefix(root).unwrap_or(file).to_string_lossy().into_owned();
        match known.get(relative.as_str()) {
            _ if relative.ends_with(TEMPORARY) => remove(file, &mut swept.temporary)?,
            Some(row) if row.integer_or_null("gone_us").is_some() => remove(file, &mut swept.finished)?,
            Some(row) => {
                let length = entry.metadata().map_or(0, |m| m.len());
                if length != row.integer("bytes").unsigned_abs() {
                    swept.wrong_length.push(relative.clone());
                }
                present.insert(relative);
            }
            None if after_damage => swept.orphans.push(move_out(root, file, &relative)?),
            None => remove(file, &mut swept.unrecorded)?,
        }
    }
    let lost: Vec<Row> = rows
        .iter()
        .filter(|row| row.integer_or_null("gone_us").is_none() && !present.contains(row.text("path")))
        .cloned()
        .collect();
    swept.missing = lost.iter().map(|row| row.text("path").to_owned()).collect();
    if !lost.is_empty() {
        journal.transaction(|db| mark_gone(db, &lost, at, MISSING))?;
    }
    tell(&swept);
    Ok(swept)
}

/// Marks files as gone, with the reason.
pub(super) fn mark_gone(
    db: &Connection,
    files: &[Row],
    at: DateTime<Utc>,
    reason: &str,
) -> rusqlite::Result<()> {
    for file in files {
        let mut file = file.clone();
        file.set("gone_us", at.timestamp_micros());
        file.set("reason", reason.to_owned());
        MEDIA.update(db, file.into_values())?;
    }
    Ok(())
}

fn remove(file: &Path, told: &mut Vec<PathBuf>) -> Result<(), JournalError> {
    fs::remove_file(file).map_err(|e| JournalError::io("removing", file, e))?;
    told.push(file.to_path_buf());
    Ok(())
}

/// Moves a file to the folder of orphans beside the media folder.
fn move_out(root: &Path, file: &Path, relative: &str) -> Result<PathBuf, JournalError> {
    let target = with_suffix(root, ".orphans").join(relative);
    let moved = match target.parent() {
        Some(folder) => durable::create_folders(folder).and_then(|()| durable::rename(file, &target)),
        None => Ok(()),
    };
    moved.map_err(|e| JournalError::io("moving", file, e))?;
    Ok(target)
}

fn tell(swept: &Swept) {
    let counts = [
        (swept.temporary.len(), "half-written files removed"),
        (swept.unrecorded.len(), "files of unrecorded bursts removed"),
        (swept.orphans.len(), "files unknown to the journal moved to the folder of orphans"),
        (swept.finished.len(), "interrupted deletions finished"),
        (swept.missing.len(), "files are missing from the card"),
        (swept.wrong_length.len(), "files have another length than they were written with"),
    ];
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        log::warn!("media: {count} {what}");
    }
}
