//! What people write into a journal stands beside what the networks said, also while the daemon writes.

#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod store_support;

use chrono::{DateTime, TimeDelta, Utc};
use store_support::{open, sighting};
use trapline::deployment::Setup;
use trapline::event::{EventKey, Outcome};
use trapline::store::{JournalError, Label, Notebook, Reader, Seen, standing};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn lynx(who: &str) -> Label {
    Label {
        at: at(500),
        who: who.into(),
        outcome: Outcome::Sighting,
        seen: vec![Seen { taxon: "Lynx lynx".into(), rank: "species".into(), count: 1, ..Seen::default() }],
        comment: String::new(),
    }
}

#[test]
fn a_label_stands_beside_the_machines_word_until_it_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trap.db");
    let (mut journal, _) = open(&path);
    let first = journal.record(&sighting(0, "Canis lupus"), &[]).unwrap().key;

    let mut desk = Notebook::open(&path).unwrap();
    let id = desk.label(first, &lynx("anna")).unwrap();
    let empty = Label { outcome: Outcome::Empty, seen: Vec::new(), at: at(600), ..lynx("ben") };
    let second = desk.label(first, &empty).unwrap();
    // The daemon goes on while the notebook is open.
    journal.record(&sighting(60, "Canis lupus"), &[]).unwrap();

    let reader = Reader::open_readonly(&path).unwrap();
    let of = |reader: &Reader| standing(reader.labels().unwrap().items);
    assert_eq!(of(&reader)[&first.number].label, empty, "the newest stands");
    desk.undo(second, at(700)).unwrap();
    assert_eq!(of(&reader)[&first.number].label, lynx("anna"));
    desk.undo(id, at(800)).unwrap();
    assert!(of(&reader).is_empty());
    assert_eq!(reader.labels().unwrap().items.len(), 2, "nothing that was said is deleted");
    let burst = reader.event(first).unwrap().unwrap().items.remove(0).burst;
    assert_eq!(burst.observations[0].taxon, "Canis lupus", "the machine's word is untouched");

    let nobody = EventKey { boot: first.boot, number: 99 };
    assert!(matches!(desk.label(nobody, &lynx("anna")), Err(JournalError::Unknown { number: 99, .. })));
    assert!(matches!(desk.undo(77, at(0)), Err(JournalError::Unknown { what: "label", .. })));
}

#[test]
fn what_the_page_says_of_a_deployment_outlives_restarts_with_the_same_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trap.db");
    drop(open(&path));
    let name = Reader::open_readonly(&path).unwrap().deployments().unwrap().items[0].name.clone();
    let told = Setup { height_m: Some(0.6), heading_deg: Some(340), bait: Some(false), ..Setup::default() };
    Notebook::open(&path).unwrap().setup(&name, &told, "page", at(10)).unwrap();
    drop(open(&path));

    let reader = Reader::open_readonly(&path).unwrap();
    let newest = reader.setups().unwrap().items.pop().unwrap();
    assert_eq!((newest.setup, newest.source.as_str(), newest.deployment), (told, "page", name));
    let boots = reader.boots().unwrap().items;
    assert_eq!(boots.iter().map(|b| b.number).collect::<Vec<_>>(), [1, 2]);
    assert!(boots[1].started - boots[0].started < TimeDelta::minutes(5));
    let mut desk = Notebook::open(&path).unwrap();
    let error = desk.setup("elsewhere", &Setup::default(), "page", at(0)).unwrap_err();
    assert!(error.to_string().contains("elsewhere") && error.is_input());
}
