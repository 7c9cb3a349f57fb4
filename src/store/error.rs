//! What can go wrong with the journal and the media: what failed, on what, and the cure.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the journal or the media folder did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process writes it.
    #[error("journal {} is locked: another trapline writes it; stop that one first, or give another --journal", .0.display())]
    Locked(PathBuf),
    /// There is none to read.
    #[error("journal {} does not exist; give the file that `trapline run` or `trapline sort --journal` wrote", .0.display())]
    Missing(PathBuf),
    /// There is no folder to write it in.
    #[error("the folder {} does not exist; create it, or give another place for the journal", .0.display())]
    NoFolder(PathBuf),
    /// A later trapline wrote it.
    #[error("journal {} has schema version {found}, this trapline knows up to {known}; update trapline", path.display())]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// A sound SQLite file, but somebody else's.
    #[error("{} is a database of another program, not a journal; it was left alone, give another file", .0.display())]
    Foreign(PathBuf),
    /// The place cannot be written.
    #[error("{} cannot be written: {what}; remount it for writing or give another place", path.display())]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        what: String,
    },
    /// No space, and the reserve is spent.
    #[error("no space left for {}; free some, or lower the media budget in the configuration", .0.display())]
    Full(PathBuf),
    /// A reader met damage.
    #[error("journal {} is damaged: {what}; start `trapline run` on it once, which saves what is sound", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// This photo sequence was journaled before.
    #[error("photos {0} are in the journal already; skip them, or give another --journal")]
    Duplicate(String),
    /// There is no such burst or sequence.
    #[error("the journal has no {what} {number}; `trapline events list` names those it has")]
    Unknown {
        /// `burst`, `sequence`, `label` or `photo`.
        what: &'static str,
        /// The number asked for.
        number: u64,
    },
    /// There is no such deployment.
    #[error("the journal has no deployment \"{0}\"; `trapline events effort` names those it has")]
    Unnamed(String),
    /// An event that does not fit its wire format.
    #[error("event {number} cannot be encoded: {source}; report this as a bug")]
    Codec {
        /// The event's number.
        number: u32,
        /// Why.
        source: crate::event::CodecError,
    },
    /// The event numbers or boots of a lifetime are used up.
    #[error("journal {} has used up its event numbers; start a new one", .0.display())]
    Exhausted(PathBuf),
    /// SQLite older than the fix of the WAL-reset bug.
    #[error("SQLite {0} can lose data (fixed in 3.51.3); build trapline with its bundled SQLite")]
    OldSqlite(&'static str),
    /// The system refused.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("journal {}: {source}; check the card and the free space", path.display())]
    Sqlite {
        /// The journal.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
}

impl JournalError {
    /// True where what the user gave is wrong (exit code 2), false where the machine failed (exit code 1).
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            JournalError::Locked(_)
                | JournalError::Missing(_)
                | JournalError::NoFolder(_)
                | JournalError::Newer { .. }
                | JournalError::Foreign(_)
                | JournalError::ReadOnly { .. }
                | JournalError::Unknown { .. }
                | JournalError::Unnamed(_)
        )
    }

    /// True where freeing space can help.
    pub fn is_full(&self) -> bool {
        matches!(self, JournalError::Full(_))
    }

    /// An error of the system, with full and read-only places told apart.
    pub(super) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => JournalError::Full(path),
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                JournalError::ReadOnly { path, what: source.to_string() }
            }
            _ => JournalError::Io { what, path, source },
        }
    }

    /// An error of SQLite, with the cases that have their own cure told apart.
    pub(super) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        let Some(failure) = source.sqlite_error() else {
            return JournalError::Sqlite { path, source };
        };
        match (failure.code, failure.extended_code) {
            (ErrorCode::DiskFull, _) | (_, rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => JournalError::Full(path),
            (ErrorCode::ReadOnly, _) => JournalError::ReadOnly { path, what: source.to_string() },
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => JournalError::Locked(path),
            (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => {
                JournalError::Damaged { path, what: source.to_string() }
            }
            _ => JournalError::Sqlite { path, source },
        }
    }
}
