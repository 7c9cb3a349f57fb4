//! Folders of photos: found, dated, grouped into bursts and sequences, and put into species folders when asked.
//!
//! One file per step, in reading order: `find` (which files), `stamp` (time and camera of a file), `group`
//! (bursts and sequences; pure), `place` (copies and moves that lose nothing).

use std::path::PathBuf;
use std::time::SystemTime;

use chrono::{DateTime, FixedOffset};

pub mod find;
pub mod group;
pub mod place;
pub mod stamp;

/// One photo, not yet decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// The file, as reached from what the user named.
    pub path: PathBuf,
    /// Its folder, starting with the last name of what the user gave: `card/100RECNX` for `/mnt/card`.
    pub folder: String,
    /// Make, model and serial number, as far as the file tells them; empty when it tells none.
    pub device: String,
    /// When it was taken, in the camera's own zone; `None` when the file does not tell.
    pub taken: Option<DateTime<FixedOffset>>,
    /// Length in bytes; 0 when it could not be asked for.
    pub bytes: u64,
    /// Last change of the file, if the file system tells it.
    pub modified: Option<SystemTime>,
    /// Why it cannot be read, where that is known already. Such a photo is kept and told, never left out.
    pub unreadable: Option<String>,
}

/// Photos of one camera close enough in time to show one visit.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// Folder and device, for people: `card/100RECNX (RECONYX HC500)`.
    pub camera: String,
    /// Photos of one trigger each, in order of time; never empty, and none of them is.
    pub bursts: Vec<Vec<Photo>>,
}

impl Sequence {
    /// Every photo, in order.
    pub fn photos(&self) -> impl Iterator<Item = &Photo> {
        self.bursts.iter().flatten()
    }

    /// Number of photos.
    pub fn len(&self) -> usize {
        self.bursts.iter().map(Vec::len).sum()
    }

    /// Never true for what [`group::group`] gives.
    pub fn is_empty(&self) -> bool {
        self.bursts.iter().all(Vec::is_empty)
    }
}

/// Why folders of photos could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum PhotosError {
    /// The user named something that is not there.
    #[error("{path}: {reason}; check the spelling and that the card is mounted", path = .path.display())]
    Missing {
        /// What was named.
        path: PathBuf,
        /// The system's words.
        reason: std::io::Error,
    },
    /// Nothing to do.
    #[error(
        "no photos in {looked}; looked for files ending in .jpg or .jpeg, in any case, sub-folders included, \
         hidden ones left out"
    )]
    NonePresent {
        /// Where was looked.
        looked: String,
    },
}
