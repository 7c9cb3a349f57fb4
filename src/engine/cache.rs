//! Optimised networks, kept on the card between starts: a trap whose power is cut between triggers loads them every time.
//!
//! One folder per network, engine and processor, named by the key of all three. In it lie the files that the engine wrote,
//! a seal that says whether they are whole, and what the network was checked for. It appears whole, by its new name. What
//! is damaged, or cannot be loaded, is made anew.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use tempfile::TempDir;

use super::EngineError;
use super::hash::sha256;
use super::note::Note;

/// Names the folder; empty for none.
const VARIABLE: &str = "TRAPLINE_CACHE";

/// The file that an engine loads. Others may lie beside it.
const NETWORK: &str = "network";

/// Name, length and checksum of each file, a line each.
const SEAL: &str = "seal";

/// What the network was checked for.
const CHECKED: &str = "checked";

/// What the names of folders begin with in which a network is being written.
const NEW: &str = "trapline-new-";

/// What files ended in while a network was a file under its key.
const EARLIER: [&str; 4] = ["network", "seal", "checked", "onnx"];

/// Digits of a key.
const DIGITS: usize = 32;

/// Networks kept, the newest: a detector and a classifier for each of a few versions of the library.
const KEPT: usize = 8;

/// Nobody writes a network for so long: what is not done by then was left behind.
const ABANDONED: Duration = Duration::from_secs(3600);

/// What the processor can do, as the kernel says it; it takes the kernel milliseconds to write that down.
static PROCESSOR: LazyLock<String> = LazyLock::new(|| {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let told = |line: &&str| line.starts_with("flags") || line.starts_with("Features");
    cpu.lines().find(told).unwrap_or_default().to_owned()
});

/// A folder of optimised networks.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    folder: PathBuf,
}

/// A folder that a library may write a network to, for [`Cache::keep`]; it goes with this if it was not kept.
#[derive(Debug)]
pub(super) struct Room(TempDir);

impl Cache {
    /// In the folder that `TRAPLINE_CACHE` names, else where systemd's `CacheDirectory=` says, else in the user's own
    /// folder for such files (XDG base directories); `None` where there is none.
    pub fn usual() -> Option<Cache> {
        let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let folder = match named(VARIABLE) {
            Some(folder) => Some(folder),
            None => named("CACHE_DIRECTORY")
                .or_else(|| named("XDG_CACHE_HOME").map(|folder| folder.join("trapline")))
                .or_else(|| named("HOME").map(|home| home.join(".cache/trapline"))),
        };
        folder.filter(|folder| folder.is_absolute()).map(Cache::at)
    }

    /// In `folder`, which is made when something is kept.
    pub fn at(folder: PathBuf) -> Cache {
        Cache { folder }
    }

    /// Whether anything may be kept there.
    pub fn holds_any(&self) -> bool {
        std::fs::read_dir(&self.folder).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// The key of a network: `model` is its SHA-256, `engine` who optimised it; how, each release of this program may do
    /// in another way. Optimised networks are laid out for one kind of processor.
    pub fn key(model: &str, engine: &str) -> String {
        let (release, arch) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
        let all = format!("{model}\n{engine}\n{release}\n{arch}\n{}", *PROCESSOR);
        sha256(all.as_bytes()).get(..DIGITS).unwrap_or_default().to_owned()
    }

    /// The file of the network kept under `key`, if all that was written with it is whole.
    pub fn get(&self, key: &str) -> Option<PathBuf> {
        let folder = self.folder.join(key);
        let read = || std::fs::read_to_string(folder.join(SEAL)).ok();
        let seal = read()?;
        if is_whole(&folder, &seal) {
            return Some(folder.join(NETWORK));
        }
        // Another process may have put a new one in its place meanwhile.
        if read().is_some_and(|now| now == seal) {
            log::warn!("{} is damaged and made anew", folder.display());
            self.forget(key);
        }
        None
    }

    /// The network kept under `key`, made by `load` of its file; one that does not load is told to the log and goes.
    pub fn load<T>(&self, key: &str, load: impl FnOnce(&Path) -> Result<T, EngineError>) -> Option<T> {
        let file = self.get(key)?;
        let loaded = load(&file).inspect_err(|error| {
            log::warn!("{}: {error}; it is made anew", file.display());
            self.forget(key);
        });
        loaded.ok()
    }

    /// An empty folder for a network that is to be kept.
    pub fn room(&self) -> Option<Room> {
        std::fs::create_dir_all(&self.folder).ok()?;
        tempfile::Builder::new().prefix(NEW).tempdir_in(&self.folder).ok().map(Room)
    }

    /// Keeps what was written to `room` under `key`. What fails is told to the log: the next start is as slow as this.
    pub fn keep(&self, key: &str, room: Room) {
        let kept = seal(room.0.path()).and_then(|seal| {
            let file = room.0.path().join(SEAL);
            std::fs::write(&file, seal)?;
            // A trap whose power is cut soon after would find empty files, and make them at every start.
            File::open(&file)?.sync_all()?;
            File::open(room.0.path())?.sync_all()?;
            // A process that has the old files mapped goes on with them.
            self.forget(key);
            std::fs::rename(room.0.path(), self.folder.join(key))
        });
        match kept {
            // Nothing is left to remove under its first name.
            Ok(()) => drop(room.0.keep()),
            Err(error) => {
                log::debug!("the optimised network is not kept in {}: {error}", self.folder.display());
            }
        }
        self.clear(key);
    }

    /// The note beside the network kept under `key`, if there is one.
    pub fn note(&self, key: &str) -> Option<Note> {
        let folder = self.folder.join(key);
        folder.is_dir().then(|| Note::at(folder.join(CHECKED)))
    }

    /// Removes what is kept under `key`, at once for whoever looks.
    pub fn forget(&self, key: &str) {
        let folder = self.folder.join(key);
        if !folder.exists() {
            return;
        }
        let _ = match self.room() {
            Some(room) => std::fs::rename(folder, room.0.path().join(key)),
            None => std::fs::remove_dir_all(folder),
        };
    }

    /// Leaves the newest [`KEPT`] networks, `key` among them whatever the clock says, and nothing of what was left behind
    /// or kept in an earlier form, a file each.
    fn clear(&self, key: &str) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        let mut networks = Vec::new();
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let (Ok(about), Some(name)) = (entry.metadata(), name.to_str()) else { continue };
            let Ok(changed) = about.modified() else { continue };
            let left_behind = || changed.elapsed().is_ok_and(|age| age > ABANDONED);
            match name.split_once('.') {
                None if name != key && is_key(name) && path.join(SEAL).is_file() => {
                    networks.push((changed, path))
                }
                None if name.starts_with(NEW) && about.is_dir() && left_behind() => {
                    let _ = std::fs::remove_dir_all(path);
                }
                Some((stem, ending)) if is_key(stem) && EARLIER.contains(&ending) && about.is_file() => {
                    let _ = std::fs::remove_file(path);
                }
                _ => {}
            }
        }
        networks.sort();
        let surplus = (networks.len() + 1).saturating_sub(KEPT);
        for (_, folder) in networks.iter().take(surplus) {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

impl Room {
    /// The file that is to be loaded.
    pub fn network(&self) -> PathBuf {
        self.0.path().join(NETWORK)
    }
}

fn is_key(name: &str) -> bool {
    name.len() == DIGITS && name.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A line for each file in `folder`, which are on the card then. One without the file to load is an error.
fn seal(folder: &Path) -> io::Result<String> {
    File::open(folder.join(NETWORK))?;
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        File::open(entry.path())?.sync_all()?;
        lines.push(format!("{} {}\n", entry.file_name().display(), sealed(&entry.path())?));
    }
    lines.sort();
    Ok(lines.concat())
}

/// Whether the files in `folder` are those of its seal.
fn is_whole(folder: &Path, seal: &str) -> bool {
    let whole = |line: &str| {
        line.split_once(' ')
            .is_some_and(|(name, rest)| sealed(&folder.join(name)).is_ok_and(|now| now == rest))
    };
    let network = format!("{NETWORK} ");
    seal.ends_with('\n') && seal.lines().any(|line| line.starts_with(&network)) && seal.lines().all(whole)
}

/// Length and CRC-32 of a file, read in pieces.
fn sealed(file: &Path) -> io::Result<String> {
    let (mut file, mut piece) = (File::open(file)?, vec![0; 1 << 16]);
    let (mut length, mut sum) = (0, crc32fast::Hasher::new());
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(format!("{length} {:08x}", sum.finalize())),
            n => {
                length += n;
                sum.update(piece.get(..n).unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn kept(cache: &Cache, key: &str, network: &[u8]) {
        let room = cache.room().unwrap();
        std::fs::write(room.network(), network).unwrap();
        std::fs::write(room.network().with_extension("weights"), b"weights").unwrap();
        let place = room.0.path().to_owned();
        cache.keep(key, room);
        assert!(!place.exists());
    }

    #[test]
    fn what_is_kept_comes_back_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("a/b"));
        assert_eq!(cache.get(KEY), None);
        kept(&cache, KEY, b"a network");
        let file = cache.get(KEY).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"a network");
        let weights = file.with_extension("weights");
        assert_eq!(std::fs::read(&weights).unwrap(), b"weights");
        let seal = file.with_file_name(SEAL);
        let damages = [
            (&file, &b"a networ"[..]),
            (&file, b"A network"),
            (&file, b""),
            (&weights, b"weight"),
            (&seal, b""),
        ];
        for (file, damage) in damages {
            std::fs::write(file, damage).unwrap();
            assert_eq!(cache.get(KEY), None);
            assert!(!file.exists(), "what is damaged goes");
            kept(&cache, KEY, b"a network");
        }
        std::fs::remove_file(&weights).unwrap();
        assert_eq!(cache.get(KEY), None);
    }

    #[test]
    fn a_room_without_a_network_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().to_owned());
        cache.keep(KEY, cache.room().unwrap());
        assert_eq!((cache.get(KEY), cache.note(KEY)), (None, None));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_checked_goes_with_what_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().to_owned());
        let says = |checks| cache.note(KEY).is_some_and(|note| note.says(checks));
        assert_eq!(cache.note(KEY), None, "there is nothing to note it with");
        kept(&cache, KEY, b"a network");
        cache.note(KEY).unwrap().write("all of it");
        assert!(says("all of it") && !says("more"));
        std::fs::write(cache.get(KEY).unwrap(), b"damaged").unwrap();
        assert_eq!(cache.get(KEY), None);
        kept(&cache, KEY, b"a network");
        assert!(!says("all of it"), "another one was kept");
        cache.note(KEY).unwrap().write("all of it");
        kept(&cache, KEY, b"a network in its place");
        assert!(!says("all of it"), "the same without damage");
    }

    #[test]
    fn the_key_tells_models_and_libraries_apart_and_what_is_old_goes() {
        assert_ne!(Cache::key("a", "x 1"), Cache::key("b", "x 1"));
        assert_ne!(Cache::key("a", "x 1"), Cache::key("a", "x 2"));
        assert!(is_key(&Cache::key("a", "x 1")));
        let folder = tempfile::tempdir().unwrap();
        // Of an earlier release; of somebody else; begun and never ended, now and long ago.
        std::fs::write(folder.path().join(format!("{KEY}.onnx")), b"old").unwrap();
        std::fs::write(folder.path().join("notes.txt"), b"mine").unwrap();
        let folders = ["trapline-new-1", "trapline-new-2", "mine", "d41d8cd98f00b204e9800998ecf8427e"];
        let long_ago = std::time::SystemTime::now() - 2 * ABANDONED;
        for name in folders {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            if name != "trapline-new-1" {
                File::open(folder.path().join(name)).unwrap().set_modified(long_ago).unwrap();
            }
        }
        std::fs::write(folder.path().join("d41d8cd98f00b204e9800998ecf8427e.jpg"), b"a photo").unwrap();
        let cache = Cache::at(folder.path().to_owned());
        (0..KEPT + 3).for_each(|i| kept(&cache, &format!("{i:032x}"), b"n"));
        let mut left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let newest = (3..KEPT + 3).map(|i| format!("{i:032x}"));
        let others =
            ["d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e.jpg", "mine", "notes.txt"];
        let others = others.into_iter().chain(["trapline-new-1"]).map(str::to_owned);
        let expected: Vec<_> = newest.chain(others).collect();
        assert_eq!(left, expected);
        // On a trap whose clock begins in the past the new one is the oldest.
        for i in 3..KEPT + 3 {
            let tomorrow = std::time::SystemTime::now() + Duration::from_secs(86_400);
            File::open(folder.path().join(format!("{i:032x}"))).unwrap().set_modified(tomorrow).unwrap();
        }
        kept(&cache, KEY, b"n");
        assert!(cache.get(KEY).is_some());
    }
}
