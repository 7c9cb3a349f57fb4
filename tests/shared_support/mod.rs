//! The folder of real photos and networks, and its bursts.
#![allow(dead_code, clippy::unwrap_used)] // Each story uses what it needs; helpers of tests may unwrap.

use std::path::{Path, PathBuf};

/// The shared folder, or `None` with a word on why; a missing one fails where `CI` is set.
pub fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("TRAPLINE_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    if root.join("models").is_dir() && root.join("photos/peru").is_dir() {
        return Some(root);
    }
    let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty());
    assert!(!ci, "{} holds no models and photos", root.display());
    println!("skipped: {} holds no models and photos", root.display());
    None
}

/// The bursts of `peru` as (label, files), in the order they were taken.
pub fn peru(root: &Path) -> Vec<(String, Vec<PathBuf>)> {
    let table = std::fs::read_to_string(root.join("photos/labels.csv")).unwrap();
    let mut found: Vec<(String, String, Vec<PathBuf>)> = Vec::new();
    for row in table.lines().skip(1).map(|l| l.split(',').collect::<Vec<_>>()).filter(|r| r[1] == "peru") {
        if found.last().is_none_or(|(burst, ..)| burst != row[2]) {
            found.push((row[2].to_owned(), row[5].to_owned(), Vec::new()));
        }
        found.last_mut().unwrap().2.push(root.join("photos").join(row[0]));
    }
    found.into_iter().map(|(_, label, files)| (label, files)).collect()
}

/// A burst's pictures.
pub fn read(files: &[PathBuf]) -> Vec<Vec<u8>> {
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}
