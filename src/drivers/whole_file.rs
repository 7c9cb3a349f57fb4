//! Files that are whole or not there, whatever moment the power goes: temporary file, fsync, rename, fsync of the
//! folder.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Ending of files that are being written.
pub(super) const TEMPORARY: &str = "tmp";

/// Writes `bytes` to `folder`/`name`; when it returns, they are on the card under that name.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!("{name}.{TEMPORARY}"));
    let written = fill(&temporary, bytes).and_then(|()| fs::rename(&temporary, folder.join(name)));
    if written.is_err() {
        // Best effort: the next attempt under this name writes over it otherwise.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    sync_folder(folder)
}

fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Creates `folder` in one that exists, its entry on the card.
pub(super) fn create_folder(parent: &Path, name: &str) -> io::Result<()> {
    let folder = parent.join(name);
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir(&folder)?;
    sync_folder(parent)
}

/// Renames within `folder`, durably.
pub(super) fn rename(folder: &Path, from: &str, to: &str) -> io::Result<()> {
    fs::rename(folder.join(from), folder.join(to))?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
