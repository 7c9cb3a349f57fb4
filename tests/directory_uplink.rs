//! Events are left on a card for whoever comes by, and commands are picked up from it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use trapline::drivers::directory::Directory;
use trapline::hal::{Parcel, Receipt, Subject, Uplink, UplinkError};

const SOON: Duration = Duration::from_secs(1);

fn parcel(subject: Subject, name: &str, body: &[u8]) -> Parcel {
    Parcel { subject, name: name.to_owned(), body: body.to_vec(), port: 1, confirm: false }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn cure(error: UplinkError) -> String {
    match error {
        UplinkError::Down(e) => e.cure,
        other => panic!("not down: {other:?}"),
    }
}

#[test]
fn each_message_is_a_file_of_its_own_and_a_retry_replaces_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut card = Directory::new(dir.path());
    card.ready(SOON).unwrap();
    let parcels = [
        parcel(Subject::Event, "t1-3-300", b"{\"number\":300}"),
        parcel(Subject::Picture, "t1-3-300", &[0xFF, 0xD8, 0, 10]),
        parcel(Subject::Health, "t1-3-h1", b"{}"),
        parcel(Subject::Event, "t1-3-300", b"{\"number\":300}"),
    ];
    assert!(card.send_all(&parcels, SOON).iter().all(|a| matches!(a, Ok(Receipt::Delivered))));
    assert_eq!(names(dir.path()), ["event", "health", "picture"]);
    assert_eq!(names(&dir.path().join("event")), ["t1-3-300.json"]);
    assert_eq!(fs::read(dir.path().join("event/t1-3-300.json")).unwrap(), b"{\"number\":300}");
    assert_eq!(fs::read(dir.path().join("picture/t1-3-300.jpg")).unwrap(), [0xFF, 0xD8, 0, 10]);
}

#[test]
fn what_a_power_cut_left_half_written_has_no_message_name_and_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("event")).unwrap();
    fs::write(dir.path().join("event/t1-3-1.json.tmp"), "{\"numb").unwrap();
    let mut card = Directory::new(dir.path());
    card.send(&parcel(Subject::Event, "t1-3-1", b"whole"), SOON).unwrap();
    assert_eq!(names(&dir.path().join("event")), ["t1-3-1.json"]);
    assert_eq!(fs::read(dir.path().join("event/t1-3-1.json")).unwrap(), b"whole");
}

#[test]
fn a_card_that_is_not_in_is_told_and_its_folder_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("card");
    let mut card = Directory::new(&missing);
    let event = parcel(Subject::Event, "a", b"{}");
    assert!(cure(card.ready(SOON).unwrap_err()).contains("put the card in"));
    assert!(cure(card.send(&event, SOON).unwrap_err()).contains("put the card in"));
    assert!(cure(card.receive(SOON).unwrap_err()).contains("put the card in"));
    assert!(!missing.exists());
    // And once it is in, all is well.
    fs::create_dir(&missing).unwrap();
    card.send(&event, SOON).unwrap();
}

#[test]
fn a_folder_that_is_a_file_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("event"), "").unwrap();
    let mut card = Directory::new(dir.path());
    assert!(!cure(card.send(&parcel(Subject::Event, "a", b"{}"), SOON).unwrap_err()).is_empty());
    card.send(&parcel(Subject::Health, "a", b"{}"), SOON).unwrap();
}

/// A file system of its own, unmounted at the end.
struct Mounted(tempfile::TempDir);

impl Mounted {
    /// `None` where mounting is not allowed.
    fn tmpfs(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(dir.path()).output();
        mount.is_ok_and(|done| done.status.success()).then_some(Mounted(dir))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_card_is_told_and_what_was_on_it_stays() {
    // /dev/full says "no space left" to every write; links to it stand for a full card where nothing can be mounted.
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("event")).unwrap();
    std::os::unix::fs::symlink("/dev/full", dir.path().join("event/a.json.tmp")).unwrap();
    let mut card = Directory::new(dir.path());
    assert!(cure(card.send(&parcel(Subject::Event, "a", b"{}"), SOON).unwrap_err()).contains("off the card"));
    assert!(!dir.path().join("event/a.json").exists());

    let Some(small) = Mounted::tmpfs("size=64k") else { return };
    let mut card = Directory::new(small.0.path());
    card.send(&parcel(Subject::Event, "a", b"old"), SOON).unwrap();
    let large = vec![b'x'; 100_000];
    for name in ["a", "b"] {
        let error = card.send(&parcel(Subject::Event, name, &large), SOON).unwrap_err();
        assert!(cure(error).contains("off the card"));
    }
    assert_eq!(fs::read(small.0.path().join("event/a.json")).unwrap(), b"old");
    assert_eq!(names(&small.0.path().join("event")), ["a.json"]);
}

#[test]
fn a_card_that_may_not_be_written_is_told_and_taken_again_when_it_may() {
    // For root nothing but the mount itself forbids writing.
    let Some(card) = Mounted::tmpfs("size=64k") else { return };
    let remount = |how: &str| {
        let options = format!("remount,{how}");
        assert!(Command::new("mount").args(["-o", &options]).arg(card.0.path()).status().unwrap().success());
    };
    let mut uplink = Directory::new(card.0.path());
    let event = parcel(Subject::Event, "a", b"{}");
    remount("ro");
    assert!(cure(uplink.send(&event, SOON).unwrap_err()).contains("lock"));
    remount("rw");
    assert_eq!(uplink.send(&event, SOON).unwrap(), Receipt::Delivered);
    remount("ro");
    assert!(cure(uplink.send(&parcel(Subject::Event, "b", b"{}"), SOON).unwrap_err()).contains("lock"));
    assert_eq!(names(&card.0.path().join("event")), ["a.json"]);
    remount("rw");
}

#[test]
fn commands_on_the_card_are_picked_up_once_in_the_order_of_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("commands");
    let mut card = Directory::new(dir.path());
    assert_eq!(card.receive(SOON).unwrap(), []);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("2.txt"), "0102\n").unwrap();
    fs::write(folder.join("1.bin"), [1, 0, 0xFE]).unwrap();
    fs::write(folder.join("large"), vec![b'x'; 5_000]).unwrap();
    fs::write(folder.join(".hidden"), "01").unwrap();
    fs::create_dir(folder.join("folder")).unwrap();
    let given: Vec<Vec<u8>> = card.receive(SOON).unwrap().into_iter().map(|d| d.bytes).collect();
    assert_eq!(given, [vec![1, 0, 0xFE], vec![1, 2]]);
    // Not yet marked: a power cut here brings them again.
    assert_eq!(Directory::new(dir.path()).receive(SOON).unwrap().len(), 2);
    assert_eq!(card.receive(SOON).unwrap(), []);
    assert_eq!(names(&folder), [".hidden", "1.bin.done", "2.txt.done", "folder", "large.done"]);
    assert_eq!(Directory::new(dir.path()).receive(SOON).unwrap(), []);
}
