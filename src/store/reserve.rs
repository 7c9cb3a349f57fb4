//! The reserve: a file that holds space on the card and is given up when the card is full, so that journalling
//! goes on without pictures until room is made.

use std::path::{Path, PathBuf};

use super::durable;

/// Size of the reserve, bytes: room for the write-ahead log at its longest (half a megabyte) and some hundreds
/// of bursts (`tests/card.rs` counts about 500 of three frames).
pub const RESERVE_BYTES: usize = 1 << 20;

/// The reserve of one journal.
#[derive(Debug, Clone)]
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// The reserve that lies beside `journal`.
    pub fn beside(journal: &Path) -> Self {
        Reserve { path: durable::with_suffix(journal, ".reserve") }
    }

    /// Gives the space up; true where there was any.
    pub fn release(&self) -> bool {
        let released = std::fs::remove_file(&self.path).is_ok();
        if released {
            log::warn!("the card is full: {} was given up so that journalling goes on", self.path.display());
        }
        released
    }

    /// Takes the space where it is not held yet; true where it is held now. A card too full to hold it is no
    /// error: the next call tries again.
    pub fn restore(&self) -> bool {
        if std::fs::metadata(&self.path).is_ok_and(|m| m.len() == RESERVE_BYTES as u64) {
            return true;
        }
        // Not zeros, which some file systems keep as a hole.
        durable::write(&self.path, &vec![0xA5; RESERVE_BYTES]).is_ok()
    }
}
