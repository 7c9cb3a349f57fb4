//! The media folder: pictures by day, each whole under its name before the journal speaks of it.
//!
//! `2026/11/21/b00003-e00000300-f02.jpg` is frame 2 of event 300 of boot 3; a crop ends in `-c00.jpg`.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::durable;
use super::error::JournalError;
use super::journal::Journal;
use super::record::{Burst, Media, MediaKind};
use super::retention::Retention;
use super::room::{self, Room};
use super::sweep::{self, Swept};
use super::terms::Recorded;
use crate::event::EventKey;

/// A picture offered for keeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture<'a> {
    /// Position of its frame in the burst, from 0.
    pub frame: usize,
    /// The whole frame or a crop of it.
    pub kind: MediaKind,
    /// JPEG bytes, or whatever the camera gave.
    pub bytes: &'a [u8],
}

/// A file that was written for a burst to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Position of its frame in the burst, from 0.
    pub frame: usize,
    /// The file.
    pub media: Media,
}

/// What keeping and recording a burst gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stowed {
    /// The journal's answer.
    pub recorded: Recorded,
    /// Files written.
    pub kept: Vec<Kept>,
    /// What was deleted to make room, if anything.
    pub room: Room,
}

/// The media folder of a trap. One writer, the one that holds the [`Journal`].
#[derive(Debug)]
pub struct MediaStore {
    root: PathBuf,
    retention: Retention,
}

impl MediaStore {
    /// Opens the folder at `root`, creating it where it is missing.
    pub fn open(root: &Path, retention: Retention) -> Result<Self, JournalError> {
        durable::create_folders(root).map_err(|e| JournalError::io("creating the media folder", root, e))?;
        Ok(MediaStore { root: root.to_path_buf(), retention })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The policy.
    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    /// Brings folder and journal into agreement after whatever ended the run before; to be called once after
    /// opening, before the first burst. `after_damage` says that the journal was quarantined: pictures that it no
    /// longer knows are then moved to `NAME.orphans` instead of deleted.
    pub fn sweep(
        &self,
        journal: &mut Journal,
        at: DateTime<Utc>,
        after_damage: bool,
    ) -> Result<Swept, JournalError> {
        sweep::sweep(&self.root, journal, at, after_damage)
    }

    /// Deletes the least valuable media until `needed` more bytes fit the budget and the card.
    pub fn make_room(
        &self,
        journal: &mut Journal,
        needed: u64,
        at: DateTime<Utc>,
    ) -> Result<Room, JournalError> {
        room::make_room(&self.root, &self.retention, journal, needed, at)
    }

    /// Keeps what the policy keeps of `pictures` and records the burst with it: the daemon's one door.
    ///
    /// Pictures are on the card before their rows. Where there is no room for them even after deleting, the burst
    /// is recorded without them and says so among its faults; so it is where the media folder fails.
    pub fn record(
        &self,
        journal: &mut Journal,
        burst: &mut Burst,
        pictures: &[Picture<'_>],
    ) -> Result<Stowed, JournalError> {
        let key = journal.next_key()?;
        let wanted = self.wanted(key, burst, pictures);
        let needed: u64 = wanted.iter().map(|p| p.bytes.len() as u64).sum();
        let mut done = Room::default();
        let mut kept = Vec::new();
        if !wanted.is_empty() {
            match self.make_room(journal, needed, burst.triggered) {
                Ok(room) => done = room,
                Err(error @ (JournalError::Io { .. } | JournalError::ReadOnly { .. })) => {
                    done.short_by = needed;
                    burst.faults.push(format!("no room could be made: {error}"));
                }
                Err(error) => return Err(error),
            }
            if done.short_by > 0 {
                burst.faults.push(format!("pictures not kept: {} bytes too little room", done.short_by));
            } else {
                match self.write(key, burst.triggered, &wanted) {
                    Ok(files) => kept = files,
                    Err(error) => burst.faults.push(format!("pictures not kept: {error}")),
                }
            }
        }
        let recorded = journal.record(burst, &kept);
        // After any other error the commit may have reached the card: then the files must be there.
        if let Err(JournalError::Full(_) | JournalError::Duplicate(_) | JournalError::Codec { .. }) =
            &recorded
        {
            self.remove(&kept);
        }
        Ok(Stowed { recorded: recorded?, kept, room: done })
    }

    /// The pictures that the policy keeps.
    fn wanted<'a>(&self, key: EventKey, burst: &Burst, pictures: &[Picture<'a>]) -> Vec<Picture<'a>> {
        let plan = self.retention.plan(key, burst);
        let keeps = |p: &&Picture<'_>| match p.kind {
            MediaKind::Frame => plan.frames.contains(&p.frame),
            MediaKind::Crop => plan.crops.contains(&p.frame),
        };
        pictures.iter().filter(keeps).filter(|p| !p.bytes.is_empty()).copied().collect()
    }

    /// Writes pictures of the burst to be recorded as `key`; when it returns they are on the card. All or none.
    pub fn write(
        &self,
        key: EventKey,
        at: DateTime<Utc>,
        pictures: &[Picture<'_>],
    ) -> Result<Vec<Kept>, JournalError> {
        let mut kept = Vec::with_capacity(pictures.len());
        for (i, picture) in pictures.iter().enumerate() {
            let alike = |p: &&Picture<'_>| p.kind == picture.kind && p.frame == picture.frame;
            let nth = pictures.iter().take(i).filter(alike).count();
            match self.write_one(&name(key, at, picture, nth), picture) {
                Ok(file) => kept.push(file),
                Err(error) => {
                    self.remove(&kept);
                    return Err(error);
                }
            }
        }
        Ok(kept)
    }

    fn write_one(&self, name: &str, picture: &Picture<'_>) -> Result<Kept, JournalError> {
        let file = self.root.join(name);
        let folder = file.parent().unwrap_or(&self.root);
        durable::create_folders(folder).map_err(|e| JournalError::io("creating", folder, e))?;
        durable::write(&file, picture.bytes).map_err(|e| JournalError::io("writing", &file, e))?;
        let media = Media {
            path: name.to_owned(),
            sha256: Sha256::digest(picture.bytes).into(),
            bytes: picture.bytes.len() as u64,
            kind: picture.kind,
        };
        Ok(Kept { frame: picture.frame, media })
    }

    /// Takes back files that no row speaks of.
    fn remove(&self, files: &[Kept]) {
        for file in files {
            // The sweep at the next start finds what stays.
            let _ = std::fs::remove_file(self.root.join(&file.media.path));
        }
    }
}

/// Where a picture lies below the media folder. `nth` tells apart pictures of one kind and frame.
fn name(key: EventKey, at: DateTime<Utc>, picture: &Picture<'_>, nth: usize) -> String {
    let tail = match picture.kind {
        MediaKind::Frame if nth == 0 => String::new(),
        MediaKind::Frame => format!("-n{nth:02}"),
        MediaKind::Crop => format!("-c{nth:02}"),
    };
    let day = at.format("%Y/%m/%d");
    format!("{day}/b{:05}-e{:08}-f{:02}{tail}.jpg", key.boot, key.number, picture.frame)
}

/// True for names that [`MediaStore`] gives: the sweep touches no other file.
pub(super) fn is_ours(file_name: &str) -> bool {
    let stem = file_name.strip_suffix(durable::TEMPORARY).unwrap_or(file_name);
    let Some(stem) = stem.strip_suffix(".jpg") else { return false };
    let mut parts = stem.split('-');
    let starts = |letter| {
        move |part: &str| {
            let digits = part.strip_prefix(letter);
            digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
        }
    };
    parts.next().is_some_and(starts('b'))
        && parts.next().is_some_and(starts('e'))
        && parts.next().is_some_and(starts('f'))
        && parts.next().is_none_or(|p| starts('c')(p) || starts('n')(p))
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_by_day_boot_event_and_frame_and_known_as_ours() {
        let at = "2026-11-21T23:59:59Z".parse().unwrap();
        let key = EventKey { boot: 3, number: 300 };
        let frame = Picture { frame: 2, kind: MediaKind::Frame, bytes: &[] };
        let crop = Picture { kind: MediaKind::Crop, ..frame };
        assert_eq!(name(key, at, &frame, 0), "2026/11/21/b00003-e00000300-f02.jpg");
        assert_eq!(name(key, at, &crop, 1), "2026/11/21/b00003-e00000300-f02-c01.jpg");
        for ours in ["b00003-e00000300-f02.jpg", "b1-e2-f3-c00.jpg.tmp", "b123456-e2-f3-n01.jpg"] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in ["IMG_0001.JPG", "b-e1-f1.jpg", "b1-e1.jpg", "b1-e1-f1-c0-x.jpg", "notes.txt", "x.tmp"] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
