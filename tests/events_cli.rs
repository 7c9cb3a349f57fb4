//! `trapline events`: what it prints, and what it says when it cannot.
#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests are tests.

mod store_support;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use store_support::{burst, dawn, open, sighting};
use trapline::event::Outcome;
use trapline::store::{Effort, EffortKind};
use trapline::units::ClockQuality;

fn events(journal: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trapline"))
        .arg("events")
        .args(args)
        .arg("--journal")
        .arg(journal)
        .env("TZ", "UTC")
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", err(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Vec<Value> {
    out(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Four bursts an hour apart: lynx, boar (with a fault), empty, uncertain.
fn journal(dir: &Path) -> std::path::PathBuf {
    let path = dir.join("journal.db");
    let (mut journal, _) = open(&path);
    journal.record(&sighting(0, "Lynx lynx"), &[]).unwrap();
    let mut boar = sighting(3600, "Sus scrofa");
    boar.faults.push("frame 2: truncated".into());
    journal.record(&boar, &[]).unwrap();
    journal.record(&burst(7200, Outcome::Empty), &[]).unwrap();
    journal.record(&burst(10800, Outcome::Uncertain), &[]).unwrap();
    let counts = Effort { triggers: 4, bursts: 4, empties: 1, suppressed: 8, failed_captures: 0 };
    journal.log_effort(EffortKind::Stop, dawn(), ClockQuality::Rtc, &counts).unwrap();
    path
}

#[test]
fn the_list_is_a_table_of_bursts_in_local_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal(dir.path());
    let text = out(&events(&path, &["list"]));
    for wanted in
        ["1-1", "2026-05-01T04:00:00+00:00", "ridge", "sighting", "Lynx lynx × 2 (0.80)", "uncertain"]
    {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
}

#[test]
fn filters_narrow_the_list() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal(dir.path());
    let keys = |args: &[&str]| -> Vec<String> {
        let mut all = vec!["list", "--json"];
        all.extend(args);
        json(&events(&path, &all)).iter().map(|o| o["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys(&[]), ["1-1", "1-2", "1-3", "1-4"]);
    assert_eq!(keys(&["--species", "sus scrofa"]), ["1-2"]);
    assert_eq!(keys(&["--outcome", "empty"]), ["1-3"]);
    assert_eq!(keys(&["--since", "2026-05-01T05:00", "--until", "2026-05-01T06:30:00Z"]), ["1-2", "1-3"]);
    assert_eq!(keys(&["--limit", "1"]), ["1-4"]);
    let none = events(&path, &["list", "--species", "Homo erectus"]);
    assert!(out(&none).is_empty() && err(&none).contains("no burst"));
}

#[test]
fn show_prints_everything_about_a_burst() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal(dir.path());
    let text = out(&events(&path, &["show", "1-2"]));
    for wanted in [
        "Sus scrofa",
        "top 5    Sus scrofa 0.800, other 0.100",
        "frame 2: truncated",
        "track 0, moving",
        "waits",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
    let object = json(&events(&path, &["show", "1-2", "--json"])).remove(0);
    assert_eq!(object["sightings"][0]["top5"][1][0], "other");
    assert_eq!(object["sightings"][0]["score"].to_string(), "0.8");
    assert_eq!(object["frames"][0]["detections"][0]["bbox"].to_string(), "[0.1,0.2,0.2,0.3]");
    assert_eq!(object["faults"][0], "frame 2: truncated");
    assert_eq!(object["time"], "2026-05-01T05:00:00.250Z");
}

#[test]
fn effort_is_printed_as_it_was_logged() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal(dir.path());
    let rows = json(&events(&path, &["effort", "--json"]));
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["kind"], &rows[1]["kind"]), (&"start".into(), &"stop".into()));
    assert_eq!(rows[1]["suppressed"], 8);
    assert!(out(&events(&path, &["effort"])).contains("suppressed"));
}

#[test]
fn what_the_user_got_wrong_ends_with_2_and_the_cure() {
    let dir = tempfile::tempdir().unwrap();
    let missing = events(&dir.path().join("none.db"), &["list"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(err(&missing).contains("none.db does not exist; give the file"), "{}", err(&missing));

    let path = journal(dir.path());
    let cases = [
        (vec!["show", "1-99"], "no event 99"),
        (vec!["show", "lynx"], "boot-number"),
        (vec!["list", "--outcome", "maybe"], "uncertain"),
        (vec!["list", "--since", "noon"], "2026-05-01T04:30"),
    ];
    for (args, cure) in cases {
        let wrong = events(&path, &args);
        assert_eq!(wrong.status.code(), Some(2), "{args:?}");
        assert!(err(&wrong).contains(cure), "{args:?}: {}", err(&wrong));
    }
}

#[test]
fn a_damaged_row_is_told_and_not_listed() {
    let dir = tempfile::tempdir().unwrap();
    let path = journal(dir.path());
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute("UPDATE burst SET outcome = 'empty' WHERE id = 2", [])
        .unwrap();
    let listed = events(&path, &["list", "--json"]);
    assert_eq!(json(&listed).len(), 3);
    assert!(err(&listed).contains("row 2 of burst"), "{}", err(&listed));
}

#[test]
fn help_gives_examples() {
    let help =
        Command::new(env!("CARGO_BIN_EXE_trapline")).args(["events", "list", "--help"]).output().unwrap();
    assert!(out(&help).contains("trapline events show 3-300"));
}
