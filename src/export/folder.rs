//! Files that appear together or not at all: written beside the target, then renamed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{ExportError, Step};

/// A folder in the making.
#[derive(Debug)]
pub(super) struct Folder {
    out: PathBuf,
    draft: tempfile::TempDir,
    files: Vec<String>,
}

impl Folder {
    /// A draft beside `out`, whose parent is made if it is not there.
    pub fn begin(out: &Path) -> Result<Self, ExportError> {
        let parent = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|e| io("making", parent, e))?;
        if out.exists() && !out.is_dir() {
            let folder = out.display().to_string();
            return Err(ExportError::Occupied { stranger: "a file of that name".to_owned(), folder });
        }
        let draft = tempfile::Builder::new().prefix(".trapline-export-").tempdir_in(parent);
        let draft = draft.map_err(|e| io("making a folder in", parent, e))?;
        Ok(Folder { out: out.to_path_buf(), draft, files: Vec::new() })
    }

    /// Adds a file; a name with a slash lies in a folder, which is made.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.draft.path().join(name);
        if let Some(parent) = path.parent().filter(|_| name.contains('/')) {
            fs::create_dir_all(parent).map_err(|e| io("making", parent, e))?;
        }
        let mut file = fs::File::create(&path).map_err(|e| io("writing", &path, e))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| io("writing", &path, e))?;
        self.files.push(name.to_owned());
        Ok(())
    }

    /// Puts the files in place and gives their names. A folder that was there and holds other files (folders within it
    /// always count as such) is refused unless `force`; those are then left as they are.
    pub fn finish(self, force: bool, told: &mut dyn FnMut(Step<'_>)) -> Result<Vec<String>, ExportError> {
        let Folder { out, draft, files } = self;
        let mut there = false;
        if out.is_dir() {
            for entry in fs::read_dir(&out).map_err(|e| io("reading", &out, e))? {
                let name = entry.map_err(|e| io("reading", &out, e))?.file_name();
                let name = name.to_string_lossy().into_owned();
                if !files.contains(&name) && !force {
                    let folder = out.display().to_string();
                    return Err(ExportError::Occupied { folder, stranger: name });
                }
                there = true;
            }
            if !there {
                fs::remove_dir(&out).map_err(|e| io("replacing", &out, e))?;
            }
        }
        if there {
            for name in &files {
                let to = out.join(name);
                if let Some(parent) = to.parent().filter(|_| name.contains('/')) {
                    fs::create_dir_all(parent).map_err(|e| io("making", parent, e))?;
                }
                fs::rename(draft.path().join(name), &to).map_err(|e| io("writing", &to, e))?;
            }
        } else {
            let kept = draft.keep();
            if let Err(error) = readable(&kept).and_then(|()| fs::rename(&kept, &out)) {
                let _ = fs::remove_dir_all(&kept);
                return Err(io("writing", &out, error));
            }
        }
        files.iter().for_each(|name| told(Step::Wrote(name)));
        Ok(files)
    }
}

/// Folders for temporary things are closed to others; this one is to be read like any other (0755, as `mkdir` makes
/// them under the usual mask).
fn readable(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

fn io(doing: &'static str, path: &Path, source: std::io::Error) -> ExportError {
    ExportError::Io { doing, path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(out: &Path, names: &[&str], force: bool) -> Result<Vec<String>, ExportError> {
        let mut folder = Folder::begin(out)?;
        for name in names {
            folder.add(name, name.as_bytes())?;
        }
        folder.finish(force, &mut |_| ())
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("deep/out");
        assert_eq!(put(&out, &["a", "b"], false).unwrap(), ["a", "b"]);
        put(&out, &["a", "b"], false).unwrap();
        fs::write(out.join("thesis.doc"), "mine").unwrap();
        let error = put(&out, &["a", "b"], false).unwrap_err();
        assert!(error.is_input() && error.to_string().contains("thesis.doc"), "{error}");
        put(&out, &["a", "c"], true).unwrap();
        assert_eq!(fs::read_to_string(out.join("thesis.doc")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(out.join("c")).unwrap(), "c");
        let left: Vec<_> = fs::read_dir(out.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no draft is left");
    }

    #[test]
    fn an_export_that_ends_early_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let mut folder = Folder::begin(&out).unwrap();
        folder.add("a", b"a").unwrap();
        drop(folder);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
