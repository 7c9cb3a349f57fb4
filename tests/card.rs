//! The pictures on the card: what is kept, what goes first, and what happens when the card is full or read-only.
#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests are tests.

mod store_support;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use store_support::{Card, burst, dawn, open, sighting, start};
use trapline::event::{EventKey, Outcome};
use trapline::store::record::{Box, Burst, MediaKind};
use trapline::store::{
    DELETED_BYTES, DELETED_FILES, Deployment, Filter, Journal, JournalError, MADE_ROOM, MISSING, MediaStore,
    Picture, RESERVE_BYTES, Reader, Retention, Sightings,
};
use trapline::units::{BBox, Score};
use walkdir::WalkDir;

/// Keeps everything that may be kept, however full the disk of the test machine is.
fn roomy() -> Retention {
    Retention { free_floor_bytes: 0, ..Retention::default() }
}

/// Three frames and a crop of the second.
fn pictures(bytes: &[u8]) -> Vec<Picture<'_>> {
    let frame = |frame| Picture { frame, kind: MediaKind::Frame, bytes };
    vec![frame(0), frame(1), frame(2), Picture { frame: 1, kind: MediaKind::Crop, bytes }]
}

fn files(root: &Path) -> HashSet<String> {
    let inside = |p: &Path| p.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    WalkDir::new(root)
        .into_iter()
        .map(Result::unwrap)
        .filter(|e| e.file_type().is_file())
        .map(|e| inside(e.path()))
        .collect()
}

/// The paths that the journal says are kept.
fn rows(journal: &Journal) -> HashSet<String> {
    let stored = journal.reader().unwrap().events(&Filter::default()).unwrap().items;
    stored.iter().flat_map(|s| &s.media).filter(|m| m.gone.is_none()).map(|m| m.media.path.clone()).collect()
}

struct Trap {
    _dir: tempfile::TempDir,
    root: PathBuf,
    journal: Journal,
    store: MediaStore,
}

fn trap(retention: Retention) -> Trap {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("media");
    let (journal, _) = open(&dir.path().join("journal.db"));
    let store = MediaStore::open(&root, retention).unwrap();
    Trap { _dir: dir, root, journal, store }
}

impl Trap {
    fn record(&mut self, burst: &mut Burst, bytes: usize) -> EventKey {
        let picture = vec![1; bytes];
        let stowed = self.store.record(&mut self.journal, burst, &pictures(&picture)).unwrap();
        stowed.recorded.key
    }
}

#[test]
fn the_policy_says_what_of_each_outcome_is_kept() {
    // Expected from the table in the documentation of `store::retention`; frame 1 has the surest box.
    let best = ["f01.jpg", "f01-c00.jpg"].as_slice();
    let all = ["f00.jpg", "f01.jpg", "f02.jpg"].as_slice();
    let cases = [
        (Outcome::Empty, [].as_slice()),
        (Outcome::Sighting, best),
        (Outcome::Uncertain, all),
        (Outcome::Person, &[]),
        (Outcome::Vehicle, best),
        (Outcome::Failed, all),
    ];
    for (outcome, expected) in cases {
        let mut trap = trap(roomy());
        trap.record(&mut burst(0, outcome), 10);
        let found = files(&trap.root);
        let expected: HashSet<String> =
            expected.iter().map(|f| format!("2026/05/01/b00001-e00000001-{f}")).collect();
        assert_eq!(found, expected, "{outcome:?}");
        assert_eq!(rows(&trap.journal), found);
    }
}

#[test]
fn all_frames_and_audited_empties_on_request_but_never_a_person() {
    let mut trap = trap(Retention { sightings: Sightings::AllFrames, audit_empties: 2, ..roomy() });
    let mut with_person = sighting(0, "Canis lupus");
    with_person.frames[0].boxes.push(Box {
        bbox: BBox::FULL,
        category: "person".into(),
        confidence: Score::new(0.3),
        moving: true,
        track: 1,
    });
    trap.record(&mut with_person, 10);
    assert_eq!(files(&trap.root).len(), 3, "frames 1 and 2 and the crop, not frame 0");
    assert!(files(&trap.root).iter().all(|f| !f.contains("f00")));
    for i in 0..4 {
        trap.record(&mut burst(100 + i, Outcome::Empty), 10);
    }
    let audited: HashSet<_> =
        files(&trap.root).iter().filter_map(|f| f.get(18..27).map(str::to_owned)).collect();
    assert_eq!(audited.len(), 3, "event 1, and of the empties 2 to 5 every second: {audited:?}");
}

#[test]
fn an_unreadable_frame_is_kept_whatever_the_others_show() {
    let mut trap = trap(roomy());
    let mut burst = burst(0, Outcome::Empty);
    burst.frames[2].failed = Some("truncated".into());
    trap.record(&mut burst, 10);
    assert_eq!(files(&trap.root), HashSet::from(["2026/05/01/b00001-e00000001-f02.jpg".to_owned()]));
}

#[test]
fn rows_carry_length_and_hash_of_the_files() {
    let mut trap = trap(roomy());
    let key = trap.record(&mut sighting(0, "Canis lupus"), 5000);
    let stored = trap.journal.reader().unwrap().event(key).unwrap().unwrap().items.remove(0);
    assert_eq!(stored.media.len(), 2);
    for media in &stored.media {
        let bytes = fs::read(trap.root.join(&media.media.path)).unwrap();
        assert_eq!(media.media.bytes, bytes.len() as u64);
        assert_eq!(media.media.sha256[..], Sha256::digest(&bytes)[..]);
        assert!(media.owned);
    }
    assert_eq!(stored.burst.frames[1].media.as_ref(), Some(&stored.media[0].media));
}

#[test]
fn after_the_sweep_folder_and_journal_agree() {
    let mut trap = trap(roomy());
    for i in 0..3 {
        trap.record(&mut sighting(i * 100, "Canis lupus"), 10);
    }
    let day = trap.root.join("2026/05/01");
    // What cuts at every moment leave behind: half a file, a file of a burst never recorded, a file lost, one
    // that a worn card shortened; and what is none of our business.
    fs::write(day.join("b00001-e00000004-f00.jpg.tmp"), b"half").unwrap();
    fs::write(day.join("b00001-e00000004-f01.jpg"), b"whole").unwrap();
    fs::remove_file(day.join("b00001-e00000002-f01.jpg")).unwrap();
    fs::write(day.join("b00001-e00000003-f01.jpg"), b"").unwrap();
    fs::write(day.join("holiday.jpg"), b"mine").unwrap();
    let swept = trap.store.sweep(&mut trap.journal, dawn(), false).unwrap();
    assert_eq!(swept.temporary, [day.join("b00001-e00000004-f00.jpg.tmp")]);
    assert_eq!(swept.unrecorded, [day.join("b00001-e00000004-f01.jpg")]);
    assert_eq!(swept.missing, ["2026/05/01/b00001-e00000002-f01.jpg"]);
    assert_eq!(swept.wrong_length, ["2026/05/01/b00001-e00000003-f01.jpg"]);
    let mut left = files(&trap.root);
    assert!(left.remove("2026/05/01/holiday.jpg"));
    assert_eq!(left, rows(&trap.journal));
    let key = EventKey { boot: 1, number: 2 };
    let stored = trap.journal.reader().unwrap().event(key).unwrap().unwrap().items.remove(0);
    assert_eq!(stored.media[0].gone, Some((dawn(), MISSING.to_owned())));
    assert_eq!(stored.burst.frames[1].media, None);
}

#[test]
fn pictures_that_a_damaged_journal_forgot_are_moved_and_not_deleted() {
    let mut trap = trap(roomy());
    let stray = trap.root.join("2026/05/01/b00001-e00000009-f00.jpg");
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, b"an animal").unwrap();
    let swept = trap.store.sweep(&mut trap.journal, dawn(), true).unwrap();
    assert!(files(&trap.root).is_empty());
    assert_eq!(fs::read(&swept.orphans[0]).unwrap(), b"an animal");
}

#[test]
fn users_photos_are_never_swept_nor_deleted() {
    let mut trap = trap(Retention { budget_bytes: Some(0), protect_unsent: false, rare_below: 0, ..roomy() });
    let mut photos = burst(0, Outcome::Uncertain);
    photos.source = Some("a".into());
    photos.frames[0].media = Some(trapline::store::record::Media {
        path: "in/IMG_1.JPG".into(),
        sha256: [0; 32],
        bytes: 1000,
        kind: MediaKind::Frame,
    });
    trap.journal.record(&photos, &[]).unwrap();
    assert!(trap.store.sweep(&mut trap.journal, dawn(), false).unwrap().is_clean());
    let room = trap.store.make_room(&mut trap.journal, 10, dawn()).unwrap();
    assert_eq!((room.deleted.len(), room.short_by), (0, 10));
    assert_eq!(rows(&trap.journal).len(), 1);
}

#[test]
fn the_least_valuable_goes_first_and_the_unsent_and_the_rare_never() {
    let mut trap = trap(Retention { audit_empties: 1, rare_below: 3, ..roomy() });
    let mut keys = Vec::new();
    let plan = ["Vulpes vulpes"; 3].into_iter().chain(["Sus scrofa"; 5]).chain(["Lynx lynx"; 2]);
    for (i, taxon) in plan.enumerate() {
        keys.push(trap.record(&mut sighting(i as i64 * 100, taxon), 100));
    }
    trap.record(&mut burst(2000, Outcome::Uncertain), 100);
    trap.record(&mut burst(3000, Outcome::Empty), 100);
    // All sent but the second boar, event 5.
    keys.remove(4);
    trap.journal.mark_sent(&keys, dawn()).unwrap();

    // By hand: the empty; boars until they are no commoner than foxes (5 -> 3, 5 stays); then of three and three
    // the oldest, a fox; then two foxes are rare; a boar, and then these are rare; at last the uncertain burst.
    let total: u64 = trap.journal.reader().unwrap().media_totals().unwrap().kept_bytes;
    let tight = Retention { budget_bytes: Some(total), ..trap.store.retention().clone() };
    let store = MediaStore::open(&trap.root, tight).unwrap();
    let order: Vec<u32> = (0..6)
        .map(|_| {
            let needed = lacking_one(&trap.journal, total);
            let room = store.make_room(&mut trap.journal, needed, dawn()).unwrap();
            let bursts: HashSet<u32> = room.deleted.iter().map(|d| d.burst).collect();
            assert_eq!(bursts.len(), 1, "one burst at a time: {room:?}");
            *bursts.iter().next().unwrap()
        })
        .collect();
    assert_eq!(order, [12, 4, 6, 1, 7, 11]);
    let room = store.make_room(&mut trap.journal, total, dawn()).unwrap();
    assert!(room.deleted.is_empty() && room.short_by > 0, "the unsent and the rare stay");
    assert_eq!(files(&trap.root), rows(&trap.journal));

    let stored = trap.journal.reader().unwrap().events(&Filter::default()).unwrap().items;
    let gone: Vec<_> = stored.iter().flat_map(|s| &s.media).filter_map(|m| m.gone.as_ref()).collect();
    assert!(gone.iter().all(|(at, why)| *at == dawn() && why == MADE_ROOM));
    assert_eq!(trap.journal.counter(DELETED_FILES).unwrap(), gone.len() as u64);
    assert_eq!(trap.journal.counter(DELETED_BYTES).unwrap(), 100 * gone.len() as u64);
}

/// So many bytes that one burst must go.
fn lacking_one(journal: &Journal, total: u64) -> u64 {
    total - journal.reader().unwrap().media_totals().unwrap().kept_bytes + 1
}

#[test]
fn a_deletion_that_the_power_cut_is_finished_by_the_sweep() {
    let mut trap = trap(Retention { budget_bytes: Some(0), ..roomy() });
    let retention = Retention { protect_unsent: false, rare_below: 0, ..trap.store.retention().clone() };
    let roomy = MediaStore::open(&trap.root, self::roomy()).unwrap();
    roomy.record(&mut trap.journal, &mut sighting(0, "Sus scrofa"), &pictures(b"boar")).unwrap();
    let path = "2026/05/01/b00001-e00000001-f01.jpg";
    let store = MediaStore::open(&trap.root, retention).unwrap();
    assert_eq!(store.make_room(&mut trap.journal, 1, dawn()).unwrap().deleted.len(), 2);
    // The rows say deleted, the file is back: the cut came between the two.
    fs::write(trap.root.join(path), b"boar").unwrap();
    let swept = store.sweep(&mut trap.journal, dawn(), false).unwrap();
    assert_eq!(swept.finished, [trap.root.join(path)]);
    assert!(files(&trap.root).is_empty());
}

#[test]
fn no_room_for_pictures_does_not_stop_the_journal() {
    let mut trap = trap(Retention { budget_bytes: Some(150), ..roomy() });
    trap.record(&mut sighting(0, "Sus scrofa"), 70);
    let mut second = sighting(100, "Sus scrofa");
    let picture = vec![1; 70];
    let stowed = trap.store.record(&mut trap.journal, &mut second, &pictures(&picture)).unwrap();
    assert!(stowed.kept.is_empty());
    assert_eq!(stowed.room.short_by, 130);
    let stored = trap.journal.reader().unwrap().event(stowed.recorded.key).unwrap().unwrap().items.remove(0);
    assert!(stored.burst.faults[0].contains("pictures not kept: 130 bytes"), "{:?}", stored.burst.faults);
}

#[test]
fn a_full_card_costs_the_reserve_first_and_no_acknowledged_burst() {
    let Some(card) = Card::new(4096) else { return };
    let path = card.path().join("journal.db");
    let (mut journal, _) = open(&path);
    let reserve = card.path().join("journal.db.reserve");
    assert_eq!(fs::metadata(&reserve).unwrap().len(), RESERVE_BYTES as u64);
    let ballast = card.path().join("ballast");
    fill(&ballast);

    let (mut acknowledged, mut after_reserve) = (0, None);
    let error = loop {
        match journal.record(&sighting(acknowledged * 100, "Sus scrofa"), &[]) {
            Ok(recorded) => {
                acknowledged += 1;
                if recorded.reserve_used {
                    assert!(!reserve.exists());
                    after_reserve = Some(acknowledged);
                }
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, JournalError::Full(_)), "{error}");
    assert!(error.to_string().contains("no space left"), "{error}");
    let spared = acknowledged - after_reserve.expect("the reserve was used");
    println!("{spared} bursts more by the reserve");
    assert!(spared >= 20, "only {spared} bursts more");
    assert_eq!(
        journal.reader().unwrap().events(&Filter::default()).unwrap().items.len() as i64,
        acknowledged
    );

    // It opens on the full card as well, and goes on by itself once there is room.
    drop(journal);
    fs::remove_file(&ballast).unwrap();
    let (mut journal, opened) = open(&path);
    assert_eq!(opened.quarantined, None);
    assert!(reserve.exists());
    journal.record(&sighting(acknowledged * 100, "Sus scrofa"), &[]).unwrap();
    assert!(journal.reader().unwrap().verify().unwrap().is_empty());
}

#[test]
fn a_journal_opens_on_a_full_card() {
    let Some(card) = Card::new(4096) else { return };
    let path = card.path().join("journal.db");
    open(&path).0.record(&sighting(0, "Sus scrofa"), &[]).unwrap();
    fill(&card.path().join("ballast"));
    let (mut journal, opened) = open(&path);
    assert!(opened.reserve_used);
    journal.record(&sighting(100, "Sus scrofa"), &[]).unwrap();
    assert_eq!(journal.reader().unwrap().events(&Filter::default()).unwrap().items.len(), 2);
}

#[test]
fn pictures_make_way_on_a_full_card_and_every_burst_is_journaled() {
    let Some(card) = Card::new(6144) else { return };
    let (mut journal, _) = open(&card.path().join("journal.db"));
    let root = card.path().join("media");
    let retention =
        Retention { free_floor_bytes: 1 << 20, protect_unsent: false, rare_below: 2, ..Retention::default() };
    let store = MediaStore::open(&root, retention).unwrap();
    // Ten times what the card holds; the one lynx comes first.
    let picture = vec![7; 200_000];
    let mut deleted = 0;
    for i in 0..150 {
        let mut burst = sighting(i * 100, if i == 0 { "Lynx lynx" } else { "Sus scrofa" });
        let stowed = store.record(&mut journal, &mut burst, &pictures(&picture)).unwrap();
        assert_eq!(stowed.kept.len(), 2, "burst {i}: {:?}", burst.faults);
        deleted += stowed.room.deleted.len();
    }
    assert!(deleted > 200);
    let lynx = Filter { species: Some("Lynx lynx".into()), ..Filter::default() };
    let kept = journal.reader().unwrap().events(&lynx).unwrap().items.remove(0);
    assert!(kept.media.iter().all(|m| m.gone.is_none()), "the rare one stays");
    assert_eq!(files(&root), rows(&journal));
    assert_eq!(journal.reader().unwrap().events(&Filter::default()).unwrap().items.len(), 150);
}

#[test]
fn a_read_only_card_is_told_and_can_still_be_read() {
    let Some(card) = Card::new(4096) else { return };
    let path = card.path().join("journal.db");
    open(&path).0.record(&sighting(0, "Sus scrofa"), &[]).unwrap();
    card.read_only();
    let error = Journal::open(&path, &Deployment::named("ridge"), &start()).unwrap_err();
    assert!(matches!(error, JournalError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("journal.db"), "{error}");
    assert!(error.is_input());
    let error = MediaStore::open(&card.path().join("media"), roomy()).unwrap_err();
    assert!(matches!(error, JournalError::ReadOnly { .. }), "{error}");
    let reader = Reader::open_readonly(&path).unwrap();
    assert_eq!(reader.events(&Filter::default()).unwrap().items.len(), 1);
}

/// Takes all the space that is left.
fn fill(ballast: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(ballast).unwrap();
    for size in [65536, 4096, 512] {
        while file.write_all(&vec![0xAA; size]).is_ok() {}
    }
}
