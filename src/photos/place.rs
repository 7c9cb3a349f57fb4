//! Copies and moves of photos into species folders that lose nothing: no file is ever overwritten, and an original
//! is removed only when its copy has been written, flushed to the disk, read back and found equal.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Whether the originals stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Originals stay.
    Copy,
    /// Originals go, once they have arrived.
    Move,
}

/// Why a photo was not placed. The original is still where it was.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The photo cannot be read.
    #[error("{from} was not placed, it cannot be read: {reason}; try another card reader", from = .from.display())]
    Source {
        /// The original.
        from: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// The target cannot take it.
    #[error(
        "{from} was not put into {into}: {reason}; the original is untouched; check that the target can be \
         written and has room",
        from = .from.display(), into = .into.display()
    )]
    Target {
        /// The original.
        from: PathBuf,
        /// The folder it was to go to.
        into: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
}

/// Puts photos into folders below one target.
#[derive(Debug)]
pub struct Placer {
    target: PathBuf,
    mode: Mode,
}

/// Longest chain of names tried when the wanted one is taken (`a.jpg`, `a_1.jpg`, …).
const SUFFIX_MAX: u32 = 100_000;

impl Placer {
    /// Makes the target folder if needed and tries whether it can be written, before anything is judged.
    pub fn open(target: &Path, mode: Mode) -> io::Result<Self> {
        fs::create_dir_all(target)?;
        tempfile::tempfile_in(target)?;
        Ok(Placer { target: target.to_owned(), mode })
    }

    /// Puts `photo` into the folder named after `label` and says under which name. A copy that is there already,
    /// byte for byte, is not made again.
    pub fn place(&self, photo: &Path, label: &str) -> Result<PathBuf, PlaceError> {
        let into = self.target.join(folder_name(label));
        let placed = fs::create_dir_all(&into).and_then(|()| match self.mode {
            Mode::Copy => copy(photo, &into),
            Mode::Move => relocate(photo, &into),
        });
        // Whose fault it is shows by reading the photo once more.
        placed.map_err(|reason| match digest(photo) {
            Err(reason) => PlaceError::Source { from: photo.to_owned(), reason },
            Ok(_) => PlaceError::Target { from: photo.to_owned(), into, reason },
        })
    }
}

/// A label as a folder name: nothing that leads elsewhere, nothing a FAT card refuses.
fn folder_name(label: &str) -> String {
    let safe = |c: char| if c.is_control() || r#"/\:*?"<>|"#.contains(c) { '_' } else { c };
    let name: String = label.trim().chars().map(safe).collect();
    let name = name.trim_matches(['.', ' ']);
    if name.is_empty() { "unnamed".into() } else { name.into() }
}

/// Moves by renaming where possible, else by copying to the other file system.
fn relocate(photo: &Path, into: &Path) -> io::Result<PathBuf> {
    // A link is moved as what it shows, and only the link itself goes.
    if !fs::symlink_metadata(photo)?.is_symlink() {
        match claim(photo, photo, into) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
            done => return done,
        }
    }
    let placed = copy_verified(photo, into)?;
    fs::remove_file(photo)?;
    Ok(placed)
}

/// Copies, unless an equal copy is there already under a name this photo could have.
fn copy(photo: &Path, into: &Path) -> io::Result<PathBuf> {
    let length = fs::metadata(photo)?.len();
    for taken in names(photo, into).take_while(|n| n.exists()) {
        if fs::metadata(&taken)?.len() == length && digest(&taken)? == digest(photo)? {
            return Ok(taken);
        }
    }
    copy_verified(photo, into)
}

/// Copies to a temporary name, flushes, reads back, then takes the first free name. Keeps the time of last change and
/// the permissions.
fn copy_verified(photo: &Path, into: &Path) -> io::Result<PathBuf> {
    let mut source = File::open(photo)?;
    let mut copy = tempfile::Builder::new().prefix(".placing-").tempfile_in(into)?;
    let sent = pour(&mut source, copy.as_file_mut())?;
    let meta = source.metadata()?;
    // Temporary files are made for their owner's eyes only. A card that knows no owners refuses; that is no loss.
    let _ = copy.as_file().set_permissions(meta.permissions());
    if let Ok(modified) = meta.modified() {
        copy.as_file().set_modified(modified)?;
    }
    copy.as_file().sync_all()?;
    if digest(copy.path())? != sent {
        return Err(io::Error::other("the copy read back differs from the original"));
    }
    let placed = claim(photo, copy.path(), into)?;
    // The file has its name now; there is nothing left to clean up.
    let _ = copy.into_temp_path().keep();
    sync_folder(into)?;
    Ok(placed)
}

/// Renames `file` to the first name of `photo` that is free in `into`, never over another file.
fn claim(photo: &Path, file: &Path, into: &Path) -> io::Result<PathBuf> {
    for name in names(photo, into) {
        match rename_to_free(file, &name) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "every name tried is taken"))
}

/// Renames atomically, refusing with `AlreadyExists` when the name is taken.
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // File systems that cannot refuse a taken name can still refuse a taken link.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        done => Ok(done?),
    }
}

/// The names `photo` may have in `into`: its own, then `name_1.jpg`, `name_2.jpg`, …
fn names<'a>(photo: &'a Path, into: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
    let part = |p: Option<&std::ffi::OsStr>| p.unwrap_or_default().to_owned();
    (0..SUFFIX_MAX).map(move |n| {
        let mut name = part(photo.file_stem());
        if n > 0 {
            name.push(format!("_{n}"));
        }
        if let Some(extension) = photo.extension() {
            name.push(".");
            name.push(extension);
        }
        into.join(name)
    })
}

/// Copies all bytes and says what they hash to.
fn pour(from: &mut impl Read, to: &mut impl Write) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            n => {
                let bytes = buffer.get(..n).unwrap_or_default();
                hash.update(bytes);
                to.write_all(bytes)?;
            }
        }
    }
}

/// SHA-256 of a file.
fn digest(path: &Path) -> io::Result<[u8; 32]> {
    pour(&mut File::open(path)?, &mut io::sink())
}

/// Makes the names in a folder last through a power cut.
fn sync_folder(folder: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: PathBuf, bytes: &[u8]) -> PathBuf {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn names_taken_get_a_suffix_and_nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        let placer = Placer::open(&target, Mode::Move).unwrap();
        for (camera, bytes) in [("c1", b"one"), ("c2", b"two"), ("c3", b"two")] {
            let photo = file(dir.path().join(camera).join("a.JPG"), bytes);
            placer.place(&photo, "red fox").unwrap();
            assert!(!photo.exists());
        }
        let read = |name: &str| fs::read(target.join("red fox").join(name)).unwrap();
        assert_eq!(
            (read("a.JPG"), read("a_1.JPG"), read("a_2.JPG")),
            (b"one".into(), b"two".into(), b"two".into())
        );
    }

    #[test]
    fn a_copy_keeps_original_and_times_and_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let photo = file(dir.path().join("a.jpg"), b"fox");
        let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        File::options().write(true).open(&photo).unwrap().set_modified(then).unwrap();
        let placer = Placer::open(&dir.path().join("out"), Mode::Copy).unwrap();
        let first = placer.place(&photo, "fox").unwrap();
        assert_eq!(placer.place(&photo, "fox").unwrap(), first);
        assert_eq!(fs::read(&photo).unwrap(), fs::read(&first).unwrap());
        assert_eq!(fs::metadata(&first).unwrap().modified().unwrap(), then);
        assert_eq!(fs::read_dir(first.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn the_way_across_file_systems_verifies_before_it_deletes() {
        let dir = tempfile::tempdir().unwrap();
        let photo = file(dir.path().join("a.jpg"), b"fox");
        let into = dir.path().join("out");
        fs::create_dir_all(&into).unwrap();
        let placed = copy_verified(&photo, &into).unwrap();
        assert_eq!(fs::read(placed).unwrap(), b"fox");
        assert!(photo.exists(), "removing is the caller's step, after this one");
    }

    #[test]
    fn a_target_that_is_a_file_is_refused_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let photo = file(dir.path().join("a.jpg"), b"fox");
        let placer = Placer::open(&dir.path().join("out"), Mode::Move).unwrap();
        file(dir.path().join("out/fox"), b"in the way");
        let said = placer.place(&photo, "fox").unwrap_err().to_string();
        assert!(said.contains("a.jpg") && said.contains("untouched"), "{said}");
        assert_eq!(fs::read(&photo).unwrap(), b"fox");
        assert!(Placer::open(&photo, Mode::Copy).is_err());
        let gone = placer.place(&dir.path().join("gone.jpg"), "deer").unwrap_err();
        assert!(matches!(gone, PlaceError::Source { .. }), "{gone}");
    }

    #[test]
    fn labels_lead_nowhere_else() {
        assert_eq!(folder_name("../../etc"), "_.._etc");
        assert_eq!(folder_name(" .. "), "unnamed");
        assert_eq!(folder_name("roe/deer?"), "roe_deer_");
        assert_eq!(folder_name("Größe \u{7}x"), "Größe _x");
    }
}
