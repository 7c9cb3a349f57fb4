//! Optimised networks, kept on the card between starts: a trap whose power is cut between triggers loads them every time.
//!
//! One file per network, engine and processor, named by the key of all three; small ones beside it say whether it is
//! whole, and what it was checked for. What is damaged, or cannot be loaded, is made anew.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::hash::sha256;

/// Names the folder; empty for none.
const VARIABLE: &str = "TRAPLINE_CACHE";

/// What the files of networks end in, after a dot.
const NETWORK: &str = "network";

/// Networks kept, the newest: a detector and a classifier for each of a few versions of the library.
const KEPT: usize = 8;

/// A folder of optimised networks.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    folder: PathBuf,
}

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

    /// The key of a network: `model` is its SHA-256, `engine` who optimised it and how. Optimised networks are laid
    /// out for one kind of processor.
    pub fn key(model: &str, engine: &str) -> String {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let told = |line: &&str| line.starts_with("flags") || line.starts_with("Features");
        let cpu = cpu.lines().find(told).unwrap_or_default();
        let all = format!("{model}\n{engine}\n{}\n{cpu}", std::env::consts::ARCH);
        sha256(all.as_bytes()).get(..32).unwrap_or_default().to_owned()
    }

    /// The file of the network kept under `key`, if it is whole.
    pub fn get(&self, key: &str) -> Option<PathBuf> {
        let file = self.file(key);
        let seal = std::fs::read_to_string(self.seal(key)).ok()?;
        if sealed(&file).is_ok_and(|now| now == seal) {
            return Some(file);
        }
        log::warn!("{} is damaged and made anew", file.display());
        self.forget(key);
        None
    }

    /// A file that a library may write a network to, for [`Cache::keep`].
    pub fn room(&self) -> Option<PathBuf> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        std::fs::create_dir_all(&self.folder).ok()?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Some(self.folder.join(format!("{}-{count}.new", std::process::id())))
    }

    /// Keeps what was written to `room` under `key`. What fails is told to the log: the next start is as slow as this.
    pub fn keep(&self, key: &str, room: &Path) {
        // What was checked was another file, made anew since. The seal comes last: without it there is nothing.
        let _ = std::fs::remove_file(self.note(key));
        let kept = sealed(room).and_then(|seal| {
            std::fs::rename(room, self.file(key))?;
            std::fs::write(self.seal(key), seal)
        });
        if let Err(error) = kept {
            log::debug!("the optimised network is not kept in {}: {error}", self.folder.display());
            let _ = std::fs::remove_file(room);
        }
        self.clear();
    }

    /// Whether `checks` is the line that was last noted under `key`.
    pub fn checked(&self, key: &str, checks: &str) -> bool {
        std::fs::read_to_string(self.note(key)).is_ok_and(|noted| noted == checks)
    }

    /// Notes the line `checks` under `key`, if something is kept there.
    pub fn note_checked(&self, key: &str, checks: &str) {
        if self.seal(key).exists()
            && let Err(error) = std::fs::write(self.note(key), checks)
        {
            log::debug!("{}: {error}", self.note(key).display());
        }
    }

    /// Removes what is kept under `key`.
    pub fn forget(&self, key: &str) {
        let _ = std::fs::remove_file(self.note(key));
        let _ = std::fs::remove_file(self.seal(key));
        let _ = std::fs::remove_file(self.file(key));
    }

    fn file(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.{NETWORK}"))
    }

    fn seal(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.seal"))
    }

    fn note(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.checked"))
    }

    /// Leaves the newest [`KEPT`] networks.
    fn clear(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        let dated = |entry: std::fs::DirEntry| {
            let path = entry.path();
            let network = path.extension().is_some_and(|extension| extension == NETWORK);
            Some((entry.metadata().ok()?.modified().ok()?, path)).filter(|_| network)
        };
        let mut files: Vec<_> = entries.flatten().filter_map(dated).collect();
        files.sort();
        let surplus = files.len().saturating_sub(KEPT);
        for (_, path) in files.iter().take(surplus) {
            if let Some(key) = path.file_stem().and_then(|stem| stem.to_str()) {
                self.forget(key);
            }
        }
    }
}

/// Length and CRC-32 of a file, read in pieces.
fn sealed(file: &Path) -> io::Result<String> {
    let (mut file, mut piece) = (File::open(file)?, vec![0; 1 << 16]);
    let (mut length, mut sum) = (0, crc32fast::Hasher::new());
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(format!("{length} {:08x}\n", sum.finalize())),
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

    fn kept(cache: &Cache, key: &str, network: &[u8]) {
        let room = cache.room().unwrap();
        std::fs::write(&room, network).unwrap();
        cache.keep(key, &room);
        assert!(!room.exists());
    }

    #[test]
    fn what_is_kept_comes_back_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("a/b"));
        assert_eq!(cache.get("k"), None);
        kept(&cache, "k", b"a network");
        let file = cache.get("k").unwrap();
        let whole = std::fs::read(&file).unwrap();
        assert_eq!(whole, b"a network");
        for damage in [&b"a networ"[..], b"A network", b""] {
            std::fs::write(&file, damage).unwrap();
            assert_eq!(cache.get("k"), None);
            assert!(!file.exists(), "what is damaged goes");
            kept(&cache, "k", b"a network");
        }
    }

    #[test]
    fn what_was_checked_goes_with_what_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().to_owned());
        cache.note_checked("k", "all of it");
        assert!(!cache.checked("k", "all of it"), "there is nothing to note it with");
        kept(&cache, "k", b"a network");
        cache.note_checked("k", "all of it");
        assert!(
            cache.checked("k", "all of it")
                && !cache.checked("k", "more")
                && !cache.checked("l", "all of it")
        );
        std::fs::write(cache.get("k").unwrap(), b"damaged").unwrap();
        assert_eq!(cache.get("k"), None);
        kept(&cache, "k", b"a network");
        assert!(!cache.checked("k", "all of it"), "another one was kept");
        cache.note_checked("k", "all of it");
        kept(&cache, "k", b"a network in its place");
        assert!(!cache.checked("k", "all of it"), "the same without damage");
    }

    #[test]
    fn the_key_tells_models_and_libraries_apart_and_old_files_go() {
        assert_ne!(Cache::key("a", "x 1"), Cache::key("b", "x 1"));
        assert_ne!(Cache::key("a", "x 1"), Cache::key("a", "x 2"));
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().to_owned());
        (0..KEPT + 3).for_each(|i| kept(&cache, &format!("{i}"), b"n"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2 * KEPT);
    }
}
