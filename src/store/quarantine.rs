//! What happens to a damaged journal, which never stops the trap.
//!
//! Its sound rows go into a fresh file `NAME.salvage`; then the damaged file is renamed to `NAME.damaged-N` and
//! the fresh one takes its place. Each step can be cut by a power loss and is taken up again at the next start.

use std::fs;
use std::path::{Path, PathBuf};

use super::durable::{self, with_suffix};
use super::error::JournalError;
use super::salvage;

/// A damaged journal that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Where it stands now; its `-wal` and `-shm` stand beside it.
    pub file: PathBuf,
    /// What was wrong with it.
    pub why: String,
    /// Rows saved.
    pub salvaged: u64,
    /// Bursts saved.
    pub bursts: u64,
    /// Rows met whose seal was broken, or that had lost what they belong to.
    pub broken: u64,
    /// Bursts whose own row was lost and was rebuilt from their frames, observations and events.
    pub rebuilt: u64,
}

/// Saves what is sound into a fresh file and swaps the two.
pub(super) fn replace(path: &Path, why: String) -> Result<Quarantined, JournalError> {
    log::error!("journal {} is damaged: {why}", path.display());
    let fresh = with_suffix(path, ".salvage");
    remove_with_companions(&fresh);
    let saved = match salvage::salvage(path, &fresh) {
        // No space for both: the daemon matters more; the rows stay in the file set aside.
        Err(error) if error.is_full() => {
            log::error!("{error}; starting without the old rows");
            remove_with_companions(&fresh);
            salvage::Saved::default()
        }
        done => done?,
    };
    let file = set_aside(path)?;
    if fresh.exists() {
        durable::rename(&fresh, path).map_err(|e| JournalError::io("renaming", &fresh, e))?;
    }
    log::error!("it stands at {} now; {} rows were saved", file.display(), saved.rows);
    Ok(Quarantined {
        file,
        why,
        salvaged: saved.rows,
        bursts: saved.bursts,
        broken: saved.broken,
        rebuilt: saved.rebuilt,
    })
}

/// Renames the damaged file, then its companions, to the first free `damaged-N`.
fn set_aside(path: &Path) -> Result<PathBuf, JournalError> {
    let aside = (1u32..)
        .map(|n| with_suffix(path, &format!(".damaged-{n}")))
        .find(|p| !p.exists())
        .unwrap_or_else(|| with_suffix(path, ".damaged"));
    if path.exists() {
        durable::rename(path, &aside).map_err(|e| JournalError::io("setting aside", path, e))?;
    }
    set_companions_aside(path, &aside)?;
    Ok(aside)
}

fn set_companions_aside(path: &Path, aside: &Path) -> Result<(), JournalError> {
    for suffix in ["-wal", "-shm"] {
        let companion = with_suffix(path, suffix);
        if companion.exists() {
            durable::rename(&companion, &with_suffix(aside, suffix))
                .map_err(|e| JournalError::io("setting aside", &companion, e))?;
        }
    }
    Ok(())
}

/// Finishes a swap that a power cut interrupted: the damaged file is aside already, the fresh one not in place.
/// A fresh file beside a journal is from a cut before that, and is made again.
pub(super) fn take_up_interrupted(path: &Path) -> Result<(), JournalError> {
    let fresh = with_suffix(path, ".salvage");
    if path.exists() || !fresh.exists() {
        return Ok(());
    }
    let last =
        (1u32..).map(|n| with_suffix(path, &format!(".damaged-{n}"))).take_while(|p| p.exists()).last();
    if let Some(aside) = last {
        set_companions_aside(path, &aside)?;
    }
    durable::rename(&fresh, path).map_err(|e| JournalError::io("renaming", &fresh, e))
}

fn remove_with_companions(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        // Absent as a rule.
        let _ = fs::remove_file(with_suffix(path, suffix));
    }
}
