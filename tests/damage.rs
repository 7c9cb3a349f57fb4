//! A card that loses bits: the journal always opens, what it says is true, and what it lost is told.
#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests are tests.

mod store_support;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use store_support::{Dice, open, sighting};
use trapline::event::{EventKey, Outcome};
use trapline::store::record::{Burst, Stored};
use trapline::store::{Filter, Journal, Opened, Quarantined};

const BURSTS: i64 = 60;
const ROUNDS: usize = 40;

/// A journal of [`BURSTS`] bursts; `closed` in order, or as a power cut leaves it, with its write-ahead log.
fn journal(dir: &Path, closed: bool) -> (PathBuf, HashMap<u32, Burst>) {
    let work = dir.join("work.db");
    let path = dir.join("journal.db");
    let (mut journal, _) = open(&work);
    let mut written = HashMap::new();
    for i in 0..BURSTS {
        let mut burst =
            sighting(i * 3600, ["Lynx lynx", "Sus scrofa", "Capreolus capreolus"][i as usize % 3]);
        // Some rows too long for one page.
        if i % 10 == 0 {
            burst.report = Some("r".repeat(9000));
        }
        let key = journal.record(&burst, &[]).unwrap().key;
        written.insert(key.number, burst);
    }
    if closed {
        drop(journal);
    }
    for suffix in ["", "-wal", ".boot"] {
        let from = PathBuf::from(format!("{}{suffix}", work.display()));
        if from.exists() {
            fs::copy(&from, format!("{}{suffix}", path.display())).unwrap();
        }
    }
    (path, written)
}

fn wal(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", path.display()))
}

/// Length of the log's current turn: SQLite overwrites it from the start and leaves longer turns' frames behind.
/// Frames carry the salt of the header (file format document, section 4.1).
fn turn(log: &[u8]) -> usize {
    let frame = 24 + 4096;
    let mine = log[32..].chunks_exact(frame).take_while(|f| f[8..16] == log[16..24]).count();
    32 + mine * frame
}

fn all(journal: &Journal) -> Vec<Stored> {
    let listing = journal.reader().unwrap().events(&Filter::default()).unwrap();
    assert!(listing.damaged.is_empty());
    listing.items
}

/// Opens, goes on, and checks that nothing untrue is told. Gives what was found and how many bursts are whole.
fn opens_and_tells_the_truth(path: &Path, written: &HashMap<u32, Burst>) -> (Opened, usize) {
    let (mut journal, opened) = open(path);
    let stored = all(&journal);
    let mut whole = 0;
    for stored in &stored {
        let truth = &written[&stored.key.number];
        if stored.burst == *truth {
            whole += 1;
        } else {
            // Less than the truth, and said so; never something else.
            assert!(opened.quarantined.is_some(), "{stored:?}");
            for frame in &stored.burst.frames {
                assert!(truth.frames.iter().any(|f| f.taken == frame.taken));
            }
            assert!(stored.burst.observations.iter().all(|o| truth.observations.contains(o)));
        }
    }
    if whole < written.len() {
        let told = opened.quarantined.is_some() || (opened.torn && whole + 1 == written.len());
        assert!(told, "{whole} of {} and nothing told", written.len());
    }
    let next = journal.record(&sighting(999_999, "Lynx lynx"), &[]).unwrap();
    assert!(!next.joined);
    assert!(stored.iter().all(|s| s.key != next.key));
    drop(journal);
    let (_, again) = open(path);
    assert_eq!(again.quarantined, None, "what was saved is sound");
    (opened, whole)
}

fn quarantined(opened: &Opened) -> &Quarantined {
    let quarantined = opened.quarantined.as_ref().expect("damage is told");
    assert!(quarantined.file.exists());
    assert!(quarantined.file.file_name().unwrap().to_string_lossy().contains(".damaged-"));
    quarantined
}

#[test]
fn random_bit_flips_cost_their_own_rows_at_most() {
    let dir = tempfile::tempdir().unwrap();
    for closed in [true, false] {
        let made = tempfile::tempdir_in(dir.path()).unwrap();
        let (path, written) = journal(made.path(), closed);
        let log = (!closed).then(|| wal(&path));
        let victim = log.as_ref().unwrap_or(&path);
        let (sound, sound_db) = (fs::read(victim).unwrap(), fs::read(&path).unwrap());
        let mut dice = Dice(u64::from(closed));
        let (mut told, mut fewest) = (0, written.len());
        for round in 0..ROUNDS {
            let case = made.path().join(format!("{round}"));
            fs::create_dir(&case).unwrap();
            let copy = case.join("journal.db");
            fs::write(&copy, &sound_db).unwrap();
            let mut bytes = sound.clone();
            let at = dice.roll(bytes.len());
            bytes[at] ^= 1 << dice.roll(8);
            fs::write(if closed { copy.clone() } else { wal(&copy) }, &bytes).unwrap();
            let before = BURSTS as usize;
            let (opened, whole) = opens_and_tells_the_truth(&copy, &written);
            told += usize::from(opened.quarantined.is_some() || opened.torn);
            fewest = fewest.min(whole);
            // One flip spoils at most the rows of one page; a page holds some thirty frames, of ten bursts.
            assert!(whole + 15 >= before, "round {round}: only {whole} of {before} bursts are whole");
        }
        println!(
            "closed {closed}: {told} of {ROUNDS} flips told, at least {fewest} of {BURSTS} bursts whole"
        );
        // The rest hit what no row lies in: the free room of pages, most of all of those of tables without rows.
        assert!(told * 4 > ROUNDS, "only {told} of {ROUNDS} flips were noticed");
    }
}

#[test]
fn a_zeroed_header_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (path, written) = journal(dir.path(), true);
    let mut bytes = fs::read(&path).unwrap();
    bytes[..100].fill(0);
    fs::write(&path, &bytes).unwrap();
    let (opened, whole) = opens_and_tells_the_truth(&path, &written);
    assert_eq!(whole, written.len());
    assert_eq!(quarantined(&opened).bursts, BURSTS as u64);
    assert_eq!(opened.boot, 2);
    assert_eq!(fs::read(&quarantined(&opened).file).unwrap(), bytes, "the evidence is untouched");
}

#[test]
fn a_lost_first_page_costs_little() {
    let dir = tempfile::tempdir().unwrap();
    let (path, written) = journal(dir.path(), true);
    let mut bytes = fs::read(&path).unwrap();
    bytes[..4096].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    let (_, whole) = opens_and_tells_the_truth(&path, &written);
    assert_eq!(whole, written.len(), "the first page holds the schema only");
}

#[test]
fn a_truncated_file_keeps_the_rows_before_the_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (path, written) = journal(dir.path(), true);
    let bytes = fs::read(&path).unwrap();
    for (i, length) in [bytes.len() * 3 / 4, bytes.len() / 2, 5000, 99].into_iter().enumerate() {
        let copy = dir.path().join(format!("cut-{i}.db"));
        fs::write(&copy, &bytes[..length]).unwrap();
        let (opened, whole) = opens_and_tells_the_truth(&copy, &written);
        quarantined(&opened);
        println!("{length} of {} bytes: {whole} bursts whole, {} rows", bytes.len(), opened.salvaged);
        if i == 0 {
            assert!(opened.salvaged > 0);
        }
    }
}

#[test]
fn a_file_that_is_no_database_is_set_aside_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    for n in 1..=2 {
        fs::write(&path, b"these are not the rows you are looking for".repeat(300)).unwrap();
        let (journal, opened) = open(&path);
        let quarantined = quarantined(&opened);
        assert_eq!(quarantined.file, dir.path().join(format!("journal.db.damaged-{n}")));
        assert_eq!((opened.salvaged, opened.boot), (0, n), "boots go on although the journal was lost");
        assert!(all(&journal).is_empty());
    }
}

#[test]
fn an_emptied_file_is_told_and_event_keys_stay_unique() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = journal(dir.path(), true);
    fs::write(&path, b"").unwrap();
    let (mut journal, opened) = open(&path);
    quarantined(&opened);
    let key = journal.record(&sighting(0, "Lynx lynx"), &[]).unwrap().key;
    assert_eq!(key, EventKey { boot: 2, number: 1 });
}

#[test]
fn a_broken_log_in_the_middle_is_not_taken_for_a_torn_end() {
    // SQLite by itself drops every transaction behind the first broken frame, and says nothing.
    let dir = tempfile::tempdir().unwrap();
    let (path, written) = journal(dir.path(), false);
    let mut bytes = fs::read(wal(&path)).unwrap();
    let at = turn(&bytes) / 3;
    bytes[at] ^= 0x10;
    fs::write(wal(&path), &bytes).unwrap();
    let (opened, whole) = opens_and_tells_the_truth(&path, &written);
    assert!(quarantined(&opened).why.contains("write-ahead log"));
    assert!(whole + 15 >= written.len(), "{whole}");
}

#[test]
fn a_torn_end_of_the_log_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (path, written) = journal(dir.path(), false);
    let bytes = fs::read(wal(&path)).unwrap();
    // Within the last frame: the transaction that the power cut tore.
    fs::write(wal(&path), &bytes[..turn(&bytes) - 1000]).unwrap();
    let (journal, opened) = open(&path);
    assert_eq!(opened.quarantined, None);
    assert!(opened.torn && opened.cut_short);
    let stored = all(&journal);
    assert_eq!(stored.len(), written.len() - 1);
    assert!(stored.iter().all(|s| s.burst == written[&s.key.number]));
}

#[test]
fn a_burst_whose_own_row_is_lost_is_rebuilt_from_its_event() {
    let dir = tempfile::tempdir().unwrap();
    let (path, written) = journal(dir.path(), true);
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute("UPDATE burst SET millis = 1 WHERE id = 7", []).unwrap();
    drop(db);
    let (journal, opened) = open(&path);
    assert_eq!(quarantined(&opened).rebuilt, 1);
    assert!(quarantined(&opened).why.contains("row 7 of burst"), "{opened:?}");
    let stored = all(&journal);
    let seventh = stored.iter().find(|s| s.key == EventKey { boot: 1, number: 7 }).unwrap();
    assert_eq!(seventh.burst.outcome, Outcome::Sighting);
    assert_eq!(seventh.burst.observations, written[&7].observations);
    assert_eq!(seventh.burst.frames, written[&7].frames);
    assert!(seventh.burst.faults[0].contains("rebuilt"));
    assert_eq!(journal.outbox(100).unwrap().len(), BURSTS as usize, "no event is lost");
}

#[test]
fn a_swap_that_the_power_cut_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let (path, written) = journal(dir.path(), true);
    // The state between the two renames: the damaged file aside, the fresh one ready, an old log left behind.
    fs::rename(&path, dir.path().join("journal.db.salvage")).unwrap();
    fs::write(dir.path().join("journal.db.damaged-1"), b"damaged").unwrap();
    fs::write(wal(&path), b"its log").unwrap();
    let (journal, opened) = open(&path);
    assert_eq!(opened.quarantined, None);
    assert_eq!(all(&journal).len(), written.len());
    assert_eq!(fs::read(dir.path().join("journal.db.damaged-1-wal")).unwrap(), b"its log");
    drop(journal);
    // A half-made copy beside a journal is from an attempt before that.
    fs::write(dir.path().join("journal.db.salvage"), b"half").unwrap();
    assert_eq!(all(&open(&path).0).len(), written.len());
}
