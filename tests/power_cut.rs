//! The trap dies at any moment: what was acknowledged is there, and folder and journal agree.
//!
//! A writer process is killed with SIGKILL at random moments. That leaves the page cache alone; real power cuts are
//! played by a block device that forgets what was not flushed, with the same writer and checker: the ignored tests
//! `writer` and `checker`. They read the environment: `TRAPLINE_CARD` is the folder, `TRAPLINE_BURSTS` how many
//! bursts to write, `MARK` a file that takes the last acknowledged number, `TRAPLINE_ACKNOWLEDGED` that number.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests are tests.

mod store_support;

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};
use store_support::{Dice, dawn, open, sighting};
use trapline::store::record::MediaKind;
use trapline::store::{Filter, Journal, MediaStore, Picture, Retention};
use walkdir::WalkDir;

const ROUNDS: usize = 25;

/// The picture of the burst with this number: any two differ, so that a mix-up shows.
fn picture(number: u32) -> Vec<u8> {
    let mut dice = Dice(number.into());
    (0..3000).map(|_| dice.roll(256) as u8).collect()
}

fn open_card(card: &Path) -> (Journal, MediaStore) {
    let (mut journal, opened) = open(&card.join("journal.db"));
    let retention = Retention { free_floor_bytes: 0, ..Retention::default() };
    let store = MediaStore::open(&card.join("media"), retention).unwrap();
    store.sweep(&mut journal, dawn(), opened.quarantined.is_some()).unwrap();
    assert_eq!(opened.quarantined, None, "a cut is no damage");
    (journal, store)
}

/// Checks a card after a cut; `acknowledged` is the highest number that the writer had acknowledged.
fn check(card: &Path, acknowledged: u32) {
    let (journal, store) = open_card(card);
    let reader = journal.reader().unwrap();
    assert!(reader.verify().unwrap().is_empty());
    let stored = reader.events(&Filter::default()).unwrap().items;
    let numbers: HashSet<u32> = stored.iter().map(|s| s.key.number).collect();
    let lost: Vec<u32> = (1..=acknowledged).filter(|n| !numbers.contains(n)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let mut rows = HashSet::new();
    for burst in &stored {
        assert_eq!((burst.burst.frames.len(), burst.events.len()), (3, 1), "whole or not at all");
        let expected = Sha256::digest(picture(burst.key.number));
        for media in &burst.media {
            assert_eq!(media.gone, None, "no row without its file");
            let bytes = fs::read(store.root().join(&media.media.path)).unwrap();
            assert_eq!(Sha256::digest(bytes), expected, "{}", media.media.path);
            rows.insert(media.media.path.clone());
        }
    }
    let files: HashSet<String> = WalkDir::new(store.root())
        .into_iter()
        .map(Result::unwrap)
        .filter(|e| e.file_type().is_file())
        .map(|e| e.path().strip_prefix(store.root()).unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(files, rows, "no file without its row");
}

#[test]
#[ignore = "the process that the other tests cut"]
fn writer() {
    let card = PathBuf::from(std::env::var_os("TRAPLINE_CARD").unwrap());
    let most = std::env::var("TRAPLINE_BURSTS").map_or(u32::MAX, |n| n.parse().unwrap());
    let mark = std::env::var_os("MARK");
    let (mut journal, store) = open_card(&card);
    for _ in 0..most {
        let number = journal.next_key().unwrap().number;
        let bytes = picture(number);
        let frame = Picture { frame: 1, kind: MediaKind::Frame, bytes: &bytes };
        let crop = Picture { kind: MediaKind::Crop, ..frame };
        let mut burst = sighting(i64::from(number) * 100, "Sus scrofa");
        store.record(&mut journal, &mut burst, &[frame, crop]).unwrap();
        match &mark {
            Some(mark) => fs::write(mark, number.to_string()).unwrap(),
            None => {
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {number}").unwrap();
                out.flush().unwrap();
            }
        }
    }
}

#[test]
#[ignore = "checks a card that was cut elsewhere"]
fn checker() {
    let card = PathBuf::from(std::env::var_os("TRAPLINE_CARD").unwrap());
    check(&card, std::env::var("TRAPLINE_ACKNOWLEDGED").unwrap().parse().unwrap());
}

#[test]
fn a_killed_writer_loses_nothing_that_it_acknowledged() {
    let card = tempfile::tempdir().unwrap();
    let mut dice = Dice(26);
    let mut acknowledged = 0;
    for _ in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["writer", "--exact", "--ignored", "--nocapture"])
            .env("TRAPLINE_CARD", card.path())
            .env_remove("MARK")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Some die while opening, most at a random moment after a few bursts.
        let bursts = dice.roll(6);
        let pause = Duration::from_millis(dice.roll(40) as u64);
        if bursts == 0 {
            std::thread::sleep(pause);
            child.kill().unwrap();
        }
        let mut seen = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let Some((_, number)) = line.rsplit_once("acknowledged ") else { continue };
            acknowledged = number.parse().unwrap();
            seen += 1;
            if seen == bursts {
                std::thread::sleep(pause);
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        check(card.path(), acknowledged);
    }
    println!("{ROUNDS} kills, {acknowledged} bursts acknowledged, none lost");
    assert!(acknowledged > 0);
}
