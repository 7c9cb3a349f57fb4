//! The folder that a still program writes to: its pictures picked up once they are whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::drivers::stream::mjpeg::Splitter;

/// Below the folder of the options; everything in it is ours to delete.
const OURS: &str = "trapline-stills";

const BEGIN: &str = "still-";
const END: &str = ".jpg";

/// Longest name of a picture with its path, bytes: rpicam-still cuts longer ones (`generate_filename`, 127 and a zero).
pub const NAME_MAX: usize = 127;

/// The kernel's mark of a file system in memory (TMPFS_MAGIC of linux/magic.h).
#[cfg(target_os = "linux")]
const TMPFS: u64 = 0x0102_1994;

/// The names that the program is told to give its pictures in `folder`, as it counts them: printf's `%08d`.
pub fn pattern(folder: &Path) -> String {
    folder.join(OURS).join(format!("{BEGIN}%08d{END}")).display().to_string()
}

/// The folder.
pub(super) struct Folder {
    ours: PathBuf,
    /// Most bytes in it.
    most: u64,
    /// Lengths of files that were not whole at the last look: nothing new stands in them while they last.
    looked: BTreeMap<PathBuf, u64>,
}

/// What a look into the folder found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing of ours yet.
    Nothing,
    /// The beginning of a picture.
    Begun,
    /// A whole picture; its file is gone.
    Picture(Vec<u8>),
    /// Only files of other names.
    Other(String),
    /// More than the folder may hold.
    Flood(u64),
}

impl Folder {
    pub fn new(folder: &Path, most: u64) -> Self {
        Folder { ours: folder.join(OURS), most, looked: BTreeMap::new() }
    }

    /// Makes it, if it is not there.
    pub fn make(&self) -> Result<(), String> {
        fs::create_dir_all(&self.ours).map_err(|e| format!("its folder {}: {e}", self.ours.display()))?;
        #[cfg(target_os = "linux")]
        if rustix::fs::statfs(&self.ours).is_ok_and(|about| u64::try_from(about.f_type).ok() != Some(TMPFS)) {
            log::warn!("{} is not in memory: each picture wears the card", self.ours.display());
        }
        Ok(())
    }

    /// Deletes whatever is in it: a picture that nobody asked for, or one of an earlier run.
    pub fn clear(&mut self) {
        self.looked.clear();
        for (path, _) in self.files() {
            // One that cannot be deleted is told of when its name is needed.
            let _ = fs::remove_file(path);
        }
    }

    /// Files and their lengths, in the order of their names.
    fn files(&self) -> Vec<(PathBuf, u64)> {
        let entries = fs::read_dir(&self.ours).into_iter().flatten().flatten();
        let mut files: Vec<(PathBuf, u64)> = entries
            .filter_map(|entry| {
                let about = entry.metadata().ok()?;
                about.is_file().then(|| (entry.path(), about.len()))
            })
            .collect();
        files.sort();
        files
    }

    /// Looks for the first whole picture.
    pub fn look(&mut self) -> Result<Found, String> {
        let files = self.files();
        let held = files.iter().map(|(_, bytes)| bytes).sum();
        if held > self.most {
            return Ok(Found::Flood(held));
        }
        let mut found = Found::Nothing;
        for (path, bytes) in files {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !is_picture(&name) {
                found = if found == Found::Nothing { Found::Other(name.into_owned()) } else { found };
                continue;
            }
            found = Found::Begun;
            if bytes == 0 || self.looked.insert(path.clone(), bytes) == Some(bytes) {
                continue;
            }
            // It is being written, or was deleted between two lines: the next look tells.
            let Ok(content) = fs::read(&path) else { continue };
            if let Some(jpeg) = whole(&content) {
                fs::remove_file(&path).map_err(|e| format!("{} cannot be deleted: {e}", path.display()))?;
                return Ok(Found::Picture(jpeg));
            }
        }
        Ok(found)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.clear();
        // It goes if it is empty.
        let _ = fs::remove_dir(&self.ours);
    }
}

/// Whether a name is one of [`pattern`]'s.
fn is_picture(name: &str) -> bool {
    let number = name.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// A whole picture at the beginning of a file: rpicam-still writes the end of the image last.
fn whole(content: &[u8]) -> Option<Vec<u8>> {
    let mut splitter = Splitter::new();
    splitter.push(content);
    splitter.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pictures_of_the_right_name_are_taken_and_everything_is_cleared() {
        let place = tempfile::tempdir().unwrap();
        let mut folder = Folder::new(place.path(), 100_000);
        folder.make().unwrap();
        let name = |n: u32| PathBuf::from(pattern(place.path()).replace("%08d", &format!("{n:08}")));
        let picture = fs::read("tests/data/baseline.jpg").unwrap();
        assert_eq!(folder.look(), Ok(Found::Nothing));
        fs::write(name(0).with_file_name("img.jpg"), &picture).unwrap();
        assert_eq!(folder.look(), Ok(Found::Other("img.jpg".to_owned())));
        for cut in [0, 2, picture.len() / 2, picture.len() - 1] {
            fs::write(name(0), &picture[..cut]).unwrap();
            assert_eq!(folder.look(), Ok(Found::Begun), "{cut} bytes");
        }
        fs::write(name(0), &picture).unwrap();
        assert!(matches!(folder.look(), Ok(Found::Picture(jpeg)) if picture.starts_with(&jpeg)));
        assert!(!name(0).exists());
        fs::write(name(1), vec![0; 100_001]).unwrap();
        assert!(matches!(folder.look(), Ok(Found::Flood(held)) if held > 100_000));
        folder.clear();
        assert_eq!(fs::read_dir(place.path().join(OURS)).unwrap().count(), 0);
        drop(folder);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }
}
