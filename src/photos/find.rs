//! Which files are photos: a sorted walk that survives loops, dead links and folders that cannot be read.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::{Photo, PhotosError};

/// What a walk found.
#[derive(Debug, Default)]
pub struct Found {
    /// Photos in file order: as the user named folders and files, within a folder by name (byte order), each file
    /// once. Time and camera are not filled in yet.
    pub photos: Vec<Photo>,
    /// Sentences on what was passed over: folders that cannot be read, files named that are no photos.
    pub warnings: Vec<String>,
    /// Folders that could not be looked into. Photos in them were not seen.
    pub unseen: usize,
}

/// Walks `roots` (folders and files), leaving out the folder `except` (where sorted photos are put).
///
/// Links are followed; a link back to a folder above is passed over without a word, since what it leads to is
/// walked anyway. Names that begin with a dot are hidden files and skipped, except where the user named them.
pub fn find(roots: &[PathBuf], except: Option<&Path>) -> Result<Found, PhotosError> {
    let except = except.and_then(|p| p.canonicalize().ok());
    let mut found = Found::default();
    let mut seen = HashSet::new();
    for root in roots {
        let meta = root.metadata().map_err(|reason| PhotosError::Missing { path: root.clone(), reason })?;
        if meta.is_dir() {
            std::fs::read_dir(root).map_err(|reason| PhotosError::Missing { path: root.clone(), reason })?;
            walk(root, except.as_deref(), &mut seen, &mut found);
        } else if is_photo_name(root) {
            add(root, &folder_of_file(root), &mut seen, &mut found);
        } else {
            found.warnings.push(format!("{}: passed over, it does not end in .jpg or .jpeg", root.display()));
        }
    }
    if found.photos.is_empty() {
        let looked = roots.iter().map(|r| r.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(PhotosError::NonePresent { looked });
    }
    Ok(found)
}

/// Takes in one folder and all below it.
fn walk(root: &Path, except: Option<&Path>, seen: &mut HashSet<PathBuf>, found: &mut Found) {
    let wanted = |entry: &DirEntry| {
        let hidden = entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
        let excluded = entry.file_type().is_dir()
            && except.is_some_and(|e| entry.path().canonicalize().is_ok_and(|p| p == e));
        !hidden && !excluded
    };
    for entry in WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter().filter_entry(wanted) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => {
                if is_photo_name(entry.path()) {
                    add(entry.path(), &folder_below(root, entry.path()), seen, found);
                }
            }
            Err(error) if error.loop_ancestor().is_some() => {}
            Err(error) => match error.path().filter(|p| is_photo_name(p)) {
                // A link to nowhere, most often: a photo that should be there and is not.
                Some(path) => add(path, &folder_below(root, path), seen, found),
                None => {
                    found.unseen += 1;
                    found.warnings.push(format!("{error}; photos in it were not seen"));
                }
            },
        }
    }
}

/// Takes in one file, unless it came before under this or another name.
fn add(path: &Path, folder: &str, seen: &mut HashSet<PathBuf>, found: &mut Found) {
    if !seen.insert(path.canonicalize().unwrap_or_else(|_| path.to_owned())) {
        return;
    }
    let (bytes, modified, unreadable) = match path.metadata() {
        Ok(meta) if meta.is_file() => (meta.len(), meta.modified().ok(), None),
        Ok(_) => (0, None, Some("not a regular file".to_owned())),
        Err(error) => (0, None, Some(error.to_string())),
    };
    found.photos.push(Photo {
        path: path.to_owned(),
        folder: folder.to_owned(),
        device: String::new(),
        taken: None,
        bytes,
        modified,
        unreadable,
    });
}

/// Whether a name ends in .jpg or .jpeg, in any case.
fn is_photo_name(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("jpeg"))
}

/// The folder of `path` as seen from `root`, led by the last name of `root`.
fn folder_below(root: &Path, path: &Path) -> String {
    let parent = path.parent().unwrap_or(root);
    let below = parent.strip_prefix(root).unwrap_or(Path::new(""));
    let top = last_name(root);
    if below.as_os_str().is_empty() { top } else { format!("{top}/{}", below.display()) }
}

/// The folder of a file that the user named.
fn folder_of_file(path: &Path) -> String {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => last_name(parent),
        _ => last_name(Path::new(".")),
    }
}

/// The last name of a folder, `.` and `..` resolved.
fn last_name(folder: &Path) -> String {
    let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().into_owned());
    name(folder)
        .or_else(|| folder.canonicalize().ok().as_deref().and_then(name))
        .unwrap_or_else(|| "/".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"x").unwrap();
    }

    fn names(found: &Found) -> Vec<String> {
        found.photos.iter().map(|p| p.path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn any_case_sorted_hidden_left_out_each_once() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.JPG", "a.jpeg", "c.txt", ".hidden.jpg", ".trash/d.jpg", "sub/e.Jpg"] {
            touch(&dir.path().join(name));
        }
        let roots = [dir.path().to_owned(), dir.path().join("sub"), dir.path().join("c.txt")];
        let found = find(&roots, None).unwrap();
        assert_eq!(names(&found), ["a.jpeg", "b.JPG", "e.Jpg"]);
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
        assert!(found.photos[2].folder.ends_with("/sub"));
    }

    #[cfg(unix)]
    #[test]
    fn loops_end_and_dead_links_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        touch(&dir.path().join("one/a.jpg"));
        std::os::unix::fs::symlink(dir.path(), dir.path().join("one/up")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("one/gone.jpg")).unwrap();
        let found = find(&[dir.path().to_owned()], None).unwrap();
        assert_eq!(names(&found), ["a.jpg", "gone.jpg"]);
        assert!(found.photos[1].unreadable.is_some());
        assert!(found.warnings.is_empty());
    }

    #[test]
    fn the_target_of_a_move_is_not_walked_again() {
        let dir = tempfile::tempdir().unwrap();
        touch(&dir.path().join("a.jpg"));
        touch(&dir.path().join("sorted/empty/b.jpg"));
        let found = find(&[dir.path().to_owned()], Some(&dir.path().join("sorted"))).unwrap();
        assert_eq!(names(&found), ["a.jpg"]);
    }

    #[test]
    fn nothing_there_says_what_was_looked_for() {
        let dir = tempfile::tempdir().unwrap();
        touch(&dir.path().join("a.png"));
        let said = find(&[dir.path().to_owned()], None).unwrap_err().to_string();
        assert!(said.contains(".jpg") && said.contains(&dir.path().display().to_string()), "{said}");
        let said = find(&[dir.path().join("none")], None).unwrap_err().to_string();
        assert!(said.contains("none"), "{said}");
    }
}
