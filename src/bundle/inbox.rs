//! The folder on the card: bundles that somebody put there are installed at the next start.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use chrono::{DateTime, Utc};

use super::install::SelfTest;
use super::slots::{Seen, Slots};
use super::{BundleError, Disk, Installed, Target, install};

/// Ending of bundles that wait.
const WAITING: &str = "bundle";

/// Files remembered that could not be renamed.
const REMEMBERED: usize = 16;

/// A file of the inbox, and what became of it.
pub type Taken = (PathBuf, Result<Installed, BundleError>);

/// Installs every `*.bundle` of `inbox` in the order of their names. Each is renamed once it was looked at, to
/// `*.bundle.installed` or `*.bundle.refused`; on a card that cannot be written it is remembered.
pub fn take_in<D: Disk>(
    slots: &Slots<D>,
    inbox: &Path,
    target: &Target,
    test: &mut SelfTest<'_>,
    now: DateTime<Utc>,
) -> Vec<Taken> {
    let entries = std::fs::read_dir(inbox).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|p| p.extension().is_some_and(|e| e == WAITING)).collect();
    files.sort();
    let mut taken = Vec::new();
    for file in files {
        let Some(seen) = known_by(&file) else { continue };
        if slots.state().seen.contains(&seen) {
            continue;
        }
        let done = install(slots, &file, target, test, now);
        // A card that failed may be well at the next start.
        if done.as_ref().is_err_and(|error| !error.is_input()) {
            taken.push((file, done));
            continue;
        }
        let ending = if done.is_ok() { "bundle.installed" } else { "bundle.refused" };
        if std::fs::rename(&file, file.with_extension(ending)).is_err() {
            let remembered = slots.change(|state| {
                state.seen.push(seen);
                let surplus = state.seen.len().saturating_sub(REMEMBERED);
                state.seen.drain(..surplus);
            });
            if let Err(error) = remembered {
                log::error!("{} will be looked at again: {error}", file.display());
            }
        }
        taken.push((file, done));
    }
    taken
}

fn known_by(file: &Path) -> Option<Seen> {
    let metadata = std::fs::metadata(file).ok().filter(|metadata| metadata.is_file())?;
    let time = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some((file.file_name()?.to_string_lossy().into_owned(), metadata.len(), i64::try_from(time).ok()?))
}
