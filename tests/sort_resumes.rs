//! What is done stays done: after an interrupt, a kill, a second run; and never when the photos changed.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod sort_support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};

use sort_support::*;

/// More results than a pipe holds (64 KiB on Linux), so that the work stands still until they are read.
const MANY: u32 = 300;

/// How many sequences a run took from its journal, by its own summary.
fn kept(output: &std::process::Output) -> u32 {
    let said = said(output);
    let before = said.split(" sequences kept").next().filter(|b| b.len() < said.len());
    before.and_then(|b| b.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

fn start(card: &Path, journal: &Path) -> Child {
    command(&[card.as_os_str(), "--json".as_ref(), "--journal".as_ref(), journal.as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs to the end and gives back what came out.
fn finish(card: &Path, journal: &Path) -> std::process::Output {
    sort(&[card.as_os_str(), "--json".as_ref(), "--journal".as_ref(), journal.as_os_str()])
}

fn without_journal(card: &Path) -> Vec<u8> {
    sort(&[card.as_os_str(), "--json".as_ref(), "--quiet".as_ref()]).stdout
}

#[test]
fn a_second_run_prints_the_same_and_judges_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (source, journal) = (card(&dir.path().join("card"), 4), dir.path().join("journal.db"));
    let before = state(&source);
    let first = finish(&source, &journal);
    assert_eq!((first.status.code(), kept(&first)), (Some(0), 0), "{}", said(&first));
    let second = finish(&source, &journal);
    assert_eq!((second.status.code(), kept(&second)), (Some(0), 4), "{}", said(&second));
    assert_eq!(second.stdout, first.stdout);
    assert_eq!(first.stdout, without_journal(&source));
    assert_eq!(state(&source), before);
}

#[test]
fn changed_photos_and_changed_settings_are_judged_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (source, journal) = (card(&dir.path().join("card"), 4), dir.path().join("journal.db"));
    finish(&source, &journal);
    let changed = source.join("IMG_0001a.JPG");
    put(
        &changed,
        &photo(99, Stamp { time: "2024:05:01 10:01:00", make: "TRAP", model: "ONE", ..Stamp::default() }),
    );
    assert_eq!(kept(&finish(&source, &journal)), 3);
    let journal = journal.to_str().unwrap();
    let stricter = sort(&[source.to_str().unwrap(), "--json", "--journal", journal, "--threshold", "0.99"]);
    assert_eq!((stricter.status.code(), kept(&stricter)), (Some(0), 0), "{}", said(&stricter));
}

#[test]
fn an_interrupt_finishes_what_is_in_hand_and_says_how_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (source, journal) = (card(&dir.path().join("card"), MANY), dir.path().join("journal.db"));
    let mut child = start(&source, &journal);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    out.read_line(&mut text).unwrap();
    let signalled =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    out.read_to_string(&mut text).unwrap();
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{words}");
    assert!(words.contains("interrupted") && words.contains("run the same command again"), "{words}");
    assert!(text.ends_with("}\n"), "the last line is not whole");
    let done = u32::try_from(text.lines().count()).unwrap();
    assert!((1..MANY).contains(&done), "{done}");

    let rest = finish(&source, &journal);
    assert_eq!((rest.status.code(), kept(&rest)), (Some(0), done), "{}", said(&rest));
    assert!(rest.stdout.starts_with(text.as_bytes()));
    assert_eq!(rest.stdout, without_journal(&source));
}

#[test]
fn a_kill_at_any_moment_costs_at_most_the_sequence_in_hand() {
    let dir = tempfile::tempdir().unwrap();
    let (source, journal) = (card(&dir.path().join("card"), MANY), dir.path().join("journal.db"));
    let mut seen = 0;
    for wait_for in [1, 40, 90] {
        let mut child = start(&source, &journal);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        for _ in 0..wait_for {
            line.clear();
            out.read_line(&mut line).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What is still in the pipe was printed too; its last line may be cut.
        let mut rest = Vec::new();
        out.read_to_end(&mut rest).unwrap();
        seen = wait_for + rest.iter().filter(|b| **b == b'\n').count();
    }
    let last = finish(&source, &journal);
    assert_eq!(last.status.code(), Some(0), "{}", said(&last));
    assert!(kept(&last) as usize >= seen, "{} kept, {seen} were printed", kept(&last));
    assert_eq!(last.stdout, without_journal(&source));
}

#[test]
fn a_journal_that_cannot_be_one_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let source = card(&dir.path().join("card"), 1);
    let nowhere = dir.path().join("no/such/folder/journal.db");
    let output = finish(&source, &nowhere);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("no/such/folder does not exist"), "{}", said(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn two_runs_do_not_write_one_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (source, journal) = (card(&dir.path().join("card"), MANY), dir.path().join("journal.db"));
    let mut child = start(&source, &journal);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    let second = finish(&source, &journal);
    assert_eq!(second.status.code(), Some(2), "{}", said(&second));
    assert!(said(&second).contains("locked"), "{}", said(&second));
    out.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
