//! The journal over many starts: numbers, sequences, outbox, effort, readers, one writer.
#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests are tests.

mod store_support;

use chrono::TimeDelta;
use store_support::{burst, dawn, observation, open, sighting, start};
use trapline::event::{EventKey, Outcome, Source};
use trapline::store::record::{Cause, Media, MediaKind};
use trapline::store::{
    Deployment, Effort, EffortKind, Filter, Journal, JournalError, Reader, SequenceVerdict,
};
use trapline::units::{ClockQuality, Score};

#[test]
fn what_was_recorded_is_read_back_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, opened) = open(&path);
    assert_eq!((opened.boot, opened.cut_short, opened.salvaged), (1, false, 0));
    assert!(opened.quarantined.is_none());

    let mut written = sighting(0, "Panthera onca");
    written.faults = vec!["frame 2: truncated".into()];
    written.frames[2].failed = Some("truncated".into());
    written.observations.push(observation("Tapirus terrestris", 0.6));
    written.source = Some("folder/1".into());
    written.report = Some(r#"{"sequence":1}"#.into());
    let photo = Media { path: "in/IMG_1.JPG".into(), sha256: [7; 32], bytes: 99, kind: MediaKind::Frame };
    written.frames[0].media = Some(photo);
    let recorded = journal.record(&written, &[]).unwrap();
    assert_eq!(recorded.key, EventKey { boot: 1, number: 1 });
    assert_eq!(recorded.events, [], "photos from folders are at home already: nothing is sent of them");
    (written.source, written.report) = (None, None);
    let recorded = journal.record(&written, &[]).unwrap();
    assert_eq!(recorded.events, [recorded.key, EventKey { boot: 1, number: 3 }]);

    let reader = Reader::open_readonly(&path).unwrap();
    for key in recorded.events {
        let read = reader.event(key).unwrap().unwrap();
        assert!(read.damaged.is_empty());
        assert_eq!(read.items[0].burst, written);
        assert_eq!(read.items[0].key, recorded.key);
        assert_eq!(read.items[0].deployment, "ridge");
    }
    assert!(reader.event(EventKey { boot: 1, number: 4 }).unwrap().is_none());
    assert!(reader.verify().unwrap().is_empty());
}

#[test]
fn event_numbers_count_over_the_life_and_boots_over_the_starts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let mut keys = Vec::new();
    for boot in 1..=3u32 {
        let (mut journal, opened) = open(&path);
        assert_eq!(opened.boot, boot);
        // The second start comes after a stop, the third after a cut.
        assert_eq!(opened.cut_short, boot == 3);
        let mut two = sighting(i64::from(boot) * 100, "Lynx lynx");
        two.observations.push(observation("Vulpes vulpes", 0.7));
        assert_eq!(journal.next_key().unwrap(), EventKey { boot, number: 3 * (boot - 1) + 1 });
        keys.extend(journal.record(&two, &[]).unwrap().events);
        keys.push(journal.record(&burst(i64::from(boot) * 100 + 1, Outcome::Empty), &[]).unwrap().key);
        if boot == 1 {
            journal.log_effort(EffortKind::Stop, dawn(), ClockQuality::Rtc, &Effort::default()).unwrap();
        }
    }
    let expected: Vec<EventKey> =
        (1..=9).map(|number| EventKey { boot: (number - 1) / 3 + 1, number }).collect();
    assert_eq!(keys, expected);
}

#[test]
fn only_sightings_people_and_vehicles_wait_to_be_sent() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(&dir.path().join("journal.db"));
    for (i, outcome) in Outcome::ALL.into_iter().enumerate() {
        journal.record(&burst(i as i64 * 60, outcome), &[]).unwrap();
    }
    let waiting = journal.outbox(10).unwrap();
    let outcomes: Vec<_> = waiting.iter().map(|s| s.outcome).collect();
    assert_eq!(outcomes, [Outcome::Sighting, Outcome::Person, Outcome::Vehicle]);
    assert_eq!(waiting[0].taxon.as_str(), "Canis lupus");
    assert_eq!(waiting[0].at, dawn().timestamp() + 60);
    assert_eq!((waiting[0].count, waiting[0].clock), (2, ClockQuality::Rtc));
    assert_eq!(waiting[2].taxon.as_str(), "");

    journal.mark_sent(&[waiting[0].key], dawn()).unwrap();
    assert_eq!(journal.outbox(10).unwrap(), waiting[1..]);
    assert_eq!(journal.outbox(1).unwrap().len(), 1);
    let stored = journal.reader().unwrap().event(waiting[0].key).unwrap().unwrap().items.remove(0);
    assert_eq!(stored.events[0].sent, Some(dawn()));
}

#[test]
fn bursts_closer_than_the_gap_share_a_sequence() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, _) = open(&path);
    // A burst lasts 2 s, the gap is 20 s from its last frame: the second trigger may come 22 s after the first.
    let mut sequence_at = |seconds| {
        let recorded = journal.record(&sighting(seconds, "Sus scrofa"), &[]).unwrap();
        (recorded.sequence, recorded.joined)
    };
    assert_eq!(sequence_at(0), (1, false));
    assert_eq!(sequence_at(22), (1, true));
    assert_eq!(sequence_at(47), (2, false), "23 s after the last frame");
    assert_eq!(sequence_at(-3600), (3, false), "the clock was set back");
    let mut photos = sighting(-3600, "Sus scrofa");
    photos.source = Some("a".into());
    assert_eq!(journal.record(&photos, &[]).unwrap().sequence, 4, "photos come grouped");

    // After a restart times compare only where the clock was set.
    let mut unset = sighting(-3590, "Sus scrofa");
    unset.clock = ClockQuality::Unset;
    journal.record(&unset, &[]).unwrap();
    drop(journal);
    let (mut journal, _) = open(&path);
    assert!(!journal.record(&unset, &[]).unwrap().joined);
    assert!(journal.record(&unset, &[]).unwrap().joined);

    let read = journal.reader().unwrap().sequences(None, None).unwrap().items;
    assert_eq!((read[0].id, read[0].bursts), (1, 2));
    assert_eq!(read[0].first, dawn());
    assert_eq!(read[0].last, dawn() + TimeDelta::seconds(24));
    assert_eq!(journal.reader().unwrap().bursts_of(1).unwrap().items.len(), 2);
}

#[test]
fn another_deployment_opens_another_sequence() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    open(&path).0.record(&sighting(0, "Sus scrofa"), &[]).unwrap();
    let (mut journal, _) = Journal::open(&path, &Deployment::named("valley"), &start()).unwrap();
    assert!(!journal.record(&sighting(5, "Sus scrofa"), &[]).unwrap().joined);
    let names: Vec<_> = journal.reader().unwrap().events(&Filter::default()).unwrap().items;
    assert_eq!(names.iter().map(|s| s.deployment.as_str()).collect::<Vec<_>>(), ["ridge", "valley"]);
}

#[test]
fn a_sequence_takes_the_label_of_all_its_frames() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(&dir.path().join("journal.db"));
    let sequence = journal.record(&burst(0, Outcome::Uncertain), &[]).unwrap().sequence;
    journal.record(&sighting(10, "Meles meles"), &[]).unwrap();
    let verdict = SequenceVerdict {
        outcome: Outcome::Sighting,
        probability: Score::new(0.75),
        observations: vec![observation("Meles meles", 0.5)],
    };
    journal.update_sequence(sequence, &verdict).unwrap();
    let read = journal.reader().unwrap().sequences(None, None).unwrap().items.remove(0);
    assert_eq!((read.outcome, read.probability), (verdict.outcome, verdict.probability));
    assert_eq!(read.observations, verdict.observations);
    let error = journal.update_sequence(99, &verdict).unwrap_err();
    assert!(error.to_string().contains("no sequence 99"), "{error}");
}

#[test]
fn filters_choose_and_the_limit_takes_the_latest() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(&dir.path().join("journal.db"));
    for (i, taxon) in ["Lynx lynx", "Sus scrofa", "Lynx lynx", "Cervus elaphus"].into_iter().enumerate() {
        journal.record(&sighting(i as i64 * 3600, taxon), &[]).unwrap();
    }
    journal.record(&burst(5 * 3600, Outcome::Empty), &[]).unwrap();
    let reader = journal.reader().unwrap();
    let numbers = |filter: Filter| -> Vec<u32> {
        reader.events(&filter).unwrap().items.iter().map(|s| s.key.number).collect()
    };
    let hour = |h| Some(dawn() + TimeDelta::hours(h));
    assert_eq!(numbers(Filter::default()), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(Filter { limit: Some(2), ..Filter::default() }), [4, 5]);
    assert_eq!(numbers(Filter { species: Some("lynx LYNX".into()), ..Filter::default() }), [1, 3]);
    assert_eq!(numbers(Filter { species: Some("the sus scrofa".into()), ..Filter::default() }), [2]);
    assert_eq!(numbers(Filter { since: hour(1), until: hour(3), ..Filter::default() }), [2, 3]);
    assert_eq!(numbers(Filter { outcome: Some(Outcome::Empty), ..Filter::default() }), [5]);
}

#[test]
fn effort_tells_when_the_trap_stood_watch() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, _) = open(&path);
    let counts = Effort { triggers: 9, bursts: 7, empties: 4, suppressed: 30, failed_captures: 2 };
    let hour = dawn() + TimeDelta::hours(1);
    journal.log_effort(EffortKind::Heartbeat, hour, ClockQuality::Gps, &counts).unwrap();
    journal.log_effort(EffortKind::Stop, hour, ClockQuality::Gps, &Effort::default()).unwrap();
    let rows = journal.reader().unwrap().effort().unwrap().items;
    let kinds: Vec<_> = rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, [EffortKind::Start, EffortKind::Heartbeat, EffortKind::Stop]);
    assert_eq!(
        (rows[1].effort, rows[1].at, rows[1].clock, rows[1].boot),
        (counts, hour, ClockQuality::Gps, 1)
    );
    assert_eq!(rows[0].at, dawn());
}

#[test]
fn state_and_counters_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, _) = open(&path);
    assert_eq!(journal.state("memory").unwrap(), None);
    journal.put_state("memory", b"stump").unwrap();
    journal.put_state("memory", b"rock").unwrap();
    assert_eq!(journal.count("storms", 2).unwrap(), 2);
    drop(journal);
    let (mut journal, _) = open(&path);
    assert_eq!(journal.state("memory").unwrap().as_deref(), Some(b"rock".as_slice()));
    assert_eq!(journal.count("storms", 3).unwrap(), 5);
    assert_eq!(journal.counter("storms").unwrap(), 5);
}

#[test]
fn photos_that_were_done_are_known_and_not_recorded_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, _) = open(&path);
    let mut photos = sighting(0, "Sus scrofa");
    photos.source = Some("cam1/20260501".into());
    photos.report = Some("{}".into());
    assert_eq!(journal.has_source("cam1/20260501").unwrap(), None);
    journal.record(&photos, &[]).unwrap();
    let error = journal.record(&photos, &[]).unwrap_err();
    assert!(matches!(error, JournalError::Duplicate(_)), "{error}");
    drop(journal);
    let (journal, _) = open(&path);
    assert_eq!(journal.has_source("cam1/20260501").unwrap().as_deref(), Some("{}"));
    assert_eq!(journal.reader().unwrap().events(&Filter::default()).unwrap().items.len(), 1);
}

#[test]
fn a_second_writer_is_told_which_file_is_locked_and_readers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let (mut journal, _) = open(&path);
    let error = Journal::open(&path, &Deployment::named("ridge"), &start()).unwrap_err();
    assert!(matches!(error, JournalError::Locked(_)));
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert!(error.is_input());
    let reader = Reader::open_readonly(&path).unwrap();
    journal.record(&sighting(0, "Sus scrofa"), &[]).unwrap();
    assert_eq!(reader.events(&Filter::default()).unwrap().items.len(), 1);
    drop(journal);
    assert_eq!(open(&path).1.boot, 2, "a failed attempt is no boot");
}

#[test]
fn files_that_are_not_journals_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none.db");
    let error = Reader::open_readonly(&missing).unwrap_err();
    assert!(error.to_string().contains("none.db does not exist"), "{error}");
    let error = Journal::open(&dir.path().join("no/j.db"), &Deployment::named("x"), &start()).unwrap_err();
    assert!(error.is_input() && error.to_string().contains("does not exist; create it"), "{error}");
    let error = Journal::open(dir.path(), &Deployment::named("x"), &start()).unwrap_err();
    assert!(error.is_input(), "{error}");

    let foreign = dir.path().join("bookmarks.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let before = std::fs::read(&foreign).unwrap();
    let error = Journal::open(&foreign, &Deployment::named("x"), &start()).unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");
    assert_eq!(std::fs::read(&foreign).unwrap(), before, "it was left alone");
}

/// A journal that Trapline wrote when its journals were of version 3 (commit 5c96ae2: `trapline run --board bench
/// --bursts 4`, then VACUUM): four bursts of the bench, of which nobody wrote down who had asked for them.
fn version_3(path: &std::path::Path) {
    let mut packed = flate2::read::GzDecoder::new(include_bytes!("data/journal-3.db.gz").as_slice());
    std::io::copy(&mut packed, &mut std::fs::File::create(path).unwrap()).unwrap();
}

fn causes(reader: &Reader) -> Vec<Option<String>> {
    let listing = reader.events(&Filter::default()).unwrap();
    assert!(listing.damaged.is_empty());
    listing.items.iter().map(|stored| stored.burst.cause.as_ref().map(ToString::to_string)).collect()
}

#[test]
fn a_journal_of_an_older_trapline_is_read_as_it_is_and_grows_when_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    version_3(&path);
    let before = std::fs::read(&path).unwrap();
    assert_eq!(causes(&Reader::open_readonly(&path).unwrap()), [None, None, None, None]);
    assert_eq!(std::fs::read(&path).unwrap(), before, "reading changes nothing");

    let (mut journal, opened) = open(&path);
    assert_eq!((opened.boot, opened.salvaged, opened.quarantined.is_none()), (2, 0, true));
    let recorded = journal.record(&sighting(0, "Lynx lynx"), &[]).unwrap();
    assert_eq!(recorded.key, EventKey { boot: 2, number: 5 }, "numbers go on");
    let mut asked = burst(60, Outcome::Empty);
    asked.cause = Some(Cause { source: Source::Asked, detail: None });
    journal.record(&asked, &[]).unwrap();
    let reader = journal.reader().unwrap();
    let told = [None, None, None, None, Some("pir (GPIO17)".to_owned()), Some("asked".to_owned())];
    assert_eq!(causes(&reader), told);
    assert!(reader.verify().unwrap().is_empty());
    let outcomes: Vec<_> =
        reader.events(&Filter::default()).unwrap().items.iter().map(|s| s.burst.outcome.as_str()).collect();
    assert_eq!(
        outcomes[..4],
        ["empty", "sighting", "uncertain", "sighting"],
        "as that Trapline printed them"
    );
}

#[test]
fn a_trigger_whose_row_is_damaged_is_told_and_the_burst_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    open(&path).0.record(&sighting(0, "Lynx lynx"), &[]).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute("UPDATE cause SET source = 'timer'", []).unwrap();
    let listing = Reader::open_readonly(&path).unwrap().events(&Filter::default()).unwrap();
    let burst = &listing.items[0].burst;
    assert_eq!((burst.cause.as_ref(), listing.damaged.len()), (None, 1));
    assert!(burst.faults[0].contains("row 1 of cause"), "{:?}", burst.faults);
}
