//! The steps on the card. Each is one call, so that a test can cut the power before, within and after every one.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// What an install does to a card.
pub trait Disk {
    /// Makes a folder whose parent is there; one that is there already is left.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Writes a file whole, from `from`; nothing of it is safe before [`Disk::sync`].
    fn write(&self, path: &Path, from: &mut dyn Read) -> io::Result<u64>;
    /// Makes a file's bytes safe.
    fn sync(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder's entries safe: which names there are, not what they hold.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Gives a file or folder another name, at once; safe once the folder is.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file, or a folder with everything in it.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The card itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            done => done,
        }
    }

    fn write(&self, path: &Path, from: &mut dyn Read) -> io::Result<u64> {
        let mut file = File::create(path)?;
        let written = io::copy(from, &mut file)?;
        file.flush()?;
        Ok(written)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
    }
}
