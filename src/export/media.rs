//! Where the pictures of a journal lie.

use std::path::{Component, Path, PathBuf};

/// Where a file may lie, the likeliest place first. The trap's own (`owned`) lie below its media folder, whatever a
/// journal may say; photos from folders where they lay when they were judged, or beside the journal.
pub fn places(media: &Path, journal: &Path, given: &str, owned: bool) -> Vec<PathBuf> {
    let path = Path::new(given);
    let below = path.components().all(|c| matches!(c, Component::Normal(_)));
    match (owned, below) {
        (true, true) => vec![media.join(path)],
        (true, false) => Vec::new(),
        (false, _) => {
            let beside = journal.parent().unwrap_or(Path::new("")).join(path);
            vec![path.to_path_buf(), beside]
        }
    }
}

/// `NAME-media` as the daemon and the demo make it for `--journal`, or `media` as the configuration has it.
pub fn beside(journal: &Path) -> PathBuf {
    let mut name = journal.file_stem().unwrap_or_default().to_owned();
    name.push("-media");
    let named = journal.with_file_name(name);
    if named.is_dir() { named } else { journal.with_file_name("media") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trap_s_pictures_lie_below_its_folder_and_nowhere_else() {
        let all =
            |given: &str, owned| places(Path::new("/card/media"), Path::new("/card/t.db"), given, owned);
        assert_eq!(all("2026/a.jpg", true), [Path::new("/card/media/2026/a.jpg")]);
        assert!(all("../../etc/passwd", true).is_empty() && all("/etc/passwd", true).is_empty());
        assert_eq!(all("dcim/a.jpg", false), [Path::new("dcim/a.jpg"), Path::new("/card/dcim/a.jpg")]);
    }
}
