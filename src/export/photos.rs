//! Bursts that came from folders of photos: their camera, their files, paths as others want them.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::ExportError;
use crate::store::record::Stored;

/// What `trapline sort` printed of a sequence, as far as it is needed here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    /// Folder and device.
    pub camera: String,
    /// Names the photos.
    pub sequence: String,
    /// One per photo.
    pub frames: Vec<ToldFrame>,
}

/// One photo.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToldFrame {
    /// Its path.
    pub file: String,
}

/// What was printed of a burst from a folder; without it (it was damaged) the camera has no name.
pub(super) fn told(stored: &Stored) -> Told {
    let report = stored.burst.report.as_deref().unwrap_or_default();
    serde_json::from_str(report).unwrap_or_default()
}

/// The deepest folder that holds all of `files`.
pub(super) fn common_root<'a>(files: impl IntoIterator<Item = &'a str>) -> PathBuf {
    let mut folders = files.into_iter().filter_map(|file| Path::new(file).parent());
    let Some(first) = folders.next() else { return PathBuf::new() };
    folders.fold(first.to_path_buf(), |root, folder| {
        root.components().zip(folder.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    })
}

/// `file` from `root`, with forward slashes.
pub(super) fn below(file: &str, root: &Path) -> Result<String, ExportError> {
    let outside = || ExportError::Outside { photo: file.to_owned(), root: root.display().to_string() };
    let rest = Path::new(file).strip_prefix(root).map_err(|_| outside())?;
    let names = rest.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    Ok(names.collect::<Vec<_>>().join("/"))
}

/// A relative path as Camtrap DP allows it: it begins with none of `.`, `/`, `~` and has no `..` in it. What stands in
/// the way is percent-encoded.
pub(super) fn allowed(path: &str) -> String {
    let mut path = path.trim_start_matches('/').replace("..", "%2E%2E");
    for (sign, code) in [('.', "%2E"), ('~', "%7E")] {
        if let Some(rest) = path.strip_prefix(sign) {
            path = format!("{code}{rest}");
        }
    }
    path
}

/// Type of a picture by its ending.
pub(super) fn mediatype(path: &str) -> &'static str {
    let ending = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    if ending == "png" { "image/png" } else { "image/jpeg" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_told_from_the_folder_that_holds_all() {
        let root = common_root(["/card/a/1.jpg", "/card/a/b/2.jpg", "/card/ab/3.jpg"]);
        assert_eq!(root, Path::new("/card"));
        assert_eq!(below("/card/a/b/2.jpg", &root).unwrap(), "a/b/2.jpg");
        assert_eq!(common_root(["card/x/1.jpg"]), Path::new("card/x"));
        assert_eq!(common_root([]), Path::new(""));
        let error = below("/else/1.jpg", Path::new("/card")).unwrap_err();
        assert!(error.is_input() && error.to_string().contains("/else/1.jpg"));
    }

    #[test]
    fn paths_begin_as_camtrap_dp_wants_them() {
        // The pattern of `filePath` in the schema: ^(?=^[^./~])(^((?!\.{2}).)*$).*$
        assert_eq!(allowed("a/b.jpg"), "a/b.jpg");
        assert_eq!(allowed("/a/b.jpg"), "a/b.jpg");
        assert_eq!(allowed("../b..c.jpg"), "%2E%2E/b%2E%2Ec.jpg");
        assert_eq!(allowed(".hidden/x.jpg"), "%2Ehidden/x.jpg");
        assert_eq!(allowed("~x.jpg"), "%7Ex.jpg");
    }
}
