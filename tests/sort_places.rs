//! Photos put into folders by what they show: nothing overwritten, nothing lost, originals moved only when asked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sort_support;

use std::collections::BTreeMap;
use std::path::Path;

use sort_support::*;

/// How often each content occurs below `dir`.
fn contents(dir: &Path) -> BTreeMap<Vec<u8>, usize> {
    let mut counts = BTreeMap::new();
    for (_, bytes, _) in state(dir) {
        *counts.entry(bytes).or_insert(0) += 1;
    }
    counts
}

#[test]
fn copies_leave_originals_and_are_not_made_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (source, target) = (dir.path().join("card"), dir.path().join("sorted"));
    card(&source, 3);
    let before = state(&source);
    let args = [source.as_os_str(), "--copy-to".as_ref(), target.as_os_str()];
    assert_eq!(sort(&args).status.code(), Some(0));
    assert_eq!(state(&source), before);
    assert_eq!(contents(&target), contents(&source));
    let first = state(&target);
    assert_eq!(sort(&args).status.code(), Some(0));
    assert_eq!(state(&target), first, "a second run copied again");
    for (path, ..) in first {
        let folder = path.strip_prefix(&target).unwrap().components().count();
        assert_eq!(folder, 2, "{}", path.display());
    }
}

#[test]
fn moves_keep_every_photo_even_when_names_collide() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("cards");
    for station in ["s1", "s2"] {
        card(&source.join(station), 2);
    }
    put(&source.join("s1/broken.jpg"), b"");
    let before = contents(&source);
    let target = source.join("sorted");
    let output = sort(&[source.as_os_str(), "--move-to".as_ref(), target.as_os_str()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(contents(&target), before);
    assert_eq!(contents(&source), before, "everything is below the target now");
    assert!(target.join("failed/broken.jpg").exists());
    // The target inside the source is not sorted again.
    let again = sort(&[source.as_os_str(), "--move-to".as_ref(), target.as_os_str()]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
}

#[test]
fn a_target_that_cannot_be_a_folder_is_refused_before_anything_happens() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("card");
    card(&source, 1);
    let before = state(&source);
    let file = put(&dir.path().join("file"), b"not a folder");
    let output = sort(&[source.as_os_str(), "--move-to".as_ref(), file.as_os_str()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains(file.to_str().unwrap()) && said(&output).contains("no original"),
        "{}",
        said(&output)
    );
    assert_eq!(state(&source), before);
    let both = sort(&[source.to_str().unwrap(), "--move-to", "x", "--copy-to", "y"]);
    assert_eq!(both.status.code(), Some(2));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_work_with_every_original_in_place() {
    // A limit on the length of files makes every write beyond it fail, as a full disk does.
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("card");
    card(&source, 1);
    let before = state(&source);
    let target = dir.path().join("sorted");
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec '{}' sort '{}' --copy-to '{}' --json",
        env!("CARGO_BIN_EXE_trapline"),
        source.display(),
        target.display()
    );
    let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("untouched"), "{}", said(&output));
    assert_eq!(state(&source), before);
    assert!(state(&target).is_empty(), "half a copy was left");
}

#[cfg(target_os = "linux")]
#[test]
fn a_move_to_another_file_system_arrives_whole() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let memory = Path::new("/dev/shm");
    let device = |p: &Path| p.metadata().map(|m| m.dev()).ok();
    if device(memory).is_none() || device(memory) == device(dir.path()) {
        println!("skipped: /dev/shm is not another file system here");
        return;
    }
    let target = tempfile::tempdir_in(memory).unwrap();
    let source = card(&dir.path().join("card"), 2);
    let (before, times) = (contents(&source), |dir: &Path| {
        let mut times: Vec<_> = state(dir).into_iter().map(|(.., modified)| modified).collect();
        times.sort();
        times
    });
    let modified = times(&source);
    let output = sort(&[source.as_os_str(), "--move-to".as_ref(), target.path().as_os_str()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(contents(target.path()), before);
    assert_eq!(times(target.path()), modified);
    assert!(contents(&source).is_empty());
}
