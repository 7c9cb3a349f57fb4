//! The power plan as a site sees it: hours without watch are gaps in the effort, and a trap that something wakes sleeps
//! through them, but never on an alarm that is not certain.

#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod daemon_support;

use std::process::Command;

use chrono::{DateTime, Timelike, Utc};
use daemon_support::{SITE, Trap};
use trapline::store::record::StoredEffort;
use trapline::store::{EffortKind, Outbox};

/// One burst a day at any hour, for thirty days; the plan lets those of one window through.
fn thirty_days(power: &str, alarm: &str) -> Trap {
    let trap = Trap::new();
    trap.write("site.toml", &format!("{SITE}[power]\nhours = [\"06:00..18:00\"]\n"));
    let board = daemon_support::FAST.replace("[bench]\n", &format!("{power}[bench]\nbursts = 30\n{alarm}"));
    trap.write("boards/fast.toml", &board);
    let output = trap.run(&[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    trap
}

fn bursts(trap: &Trap) -> Vec<DateTime<Utc>> {
    let events = trap.reader().events(&Default::default()).unwrap().items;
    events.iter().map(|event| event.burst.triggered).collect()
}

fn effort(trap: &Trap) -> Vec<StoredEffort> {
    trap.reader().effort().unwrap().items
}

fn count(effort: &[StoredEffort], kind: EffortKind) -> usize {
    effort.iter().filter(|row| row.kind == kind).count()
}

fn happened(trap: &Trap, kind: &str) -> Vec<String> {
    let all = trap.reader().happenings().unwrap().items;
    all.into_iter().filter(|told| told.kind == kind).map(|told| told.text).collect()
}

#[test]
fn bursts_outside_the_hours_of_watch_are_not_taken_and_the_effort_has_gaps() {
    let trap = thirty_days("", "");
    let (effort, bursts) = (effort(&trap), bursts(&trap));
    // One boot: it rests within it, and takes the watch up again.
    assert!(effort.iter().all(|row| row.boot == 1));
    assert!(count(&effort, EffortKind::Stop) > 1 && count(&effort, EffortKind::Start) > 1, "{effort:?}");
    assert!(bursts.iter().all(|at| (6..18).contains(&at.hour())), "{bursts:?}");
    assert!(!bursts.is_empty() && bursts.len() < 30, "{} of 30", bursts.len());
    assert_eq!(effort.iter().map(|row| row.effort.bursts).sum::<u32>() as usize, bursts.len());
    assert!(happened(&trap, "sleep").is_empty(), "nothing wakes this board");
}

#[test]
fn a_trap_that_something_wakes_sleeps_through_the_hours_without_watch() {
    let trap = thirty_days("[power]\ndriver = \"bench\"\n", "");
    let sleeps = happened(&trap, "sleep");
    assert!(sleeps.len() > 1, "{sleeps:?}");
    // It wakes 90 s before the watch, `power.wake_early_s`.
    assert!(
        sleeps.iter().all(|told| told.contains("outside the hours of watch: sleeps until ")),
        "{sleeps:?}"
    );
    assert!(sleeps.iter().all(|told| told.contains("T05:58:3")), "{sleeps:?}");
    assert_eq!(happened(&trap, "wake").len(), sleeps.len());
    let mut reads = Command::new(env!("CARGO_BIN_EXE_trapline"));
    let output = reads.args(["events", "power", "--json", "--journal"]).arg(trap.journal()).output().unwrap();
    let rows = daemon_support::objects(&output.stdout);
    assert_eq!(rows.iter().filter(|row| row["kind"] == "sleep").count(), sleeps.len());
    let bursts = bursts(&trap);
    assert!(!bursts.is_empty() && bursts.iter().all(|at| (6..18).contains(&at.hour())), "{bursts:?}");
    // What the bench played while it slept was missed and is no effort.
    let effort = effort(&trap);
    assert!(count(&effort, EffortKind::Start) > 1);
    assert_eq!(effort.iter().map(|row| row.effort.bursts).sum::<u32>() as usize, bursts.len());
}

#[test]
fn no_alarm_that_is_not_certain_sends_the_trap_to_sleep() {
    for fault in ["forgets", "late", "gone"] {
        let trap = thirty_days("[power]\ndriver = \"bench\"\n", &format!("alarm = \"{fault}\"\n"));
        assert!(happened(&trap, "sleep").is_empty(), "{fault}");
        assert!(!happened(&trap, "unverified").is_empty(), "{fault}: it is told");
        let counted = Outbox::beside(&trap.journal()).unwrap().counter("power.unverified").unwrap();
        assert!(counted > 0, "{fault}: it is counted");
        assert!(!bursts(&trap).is_empty(), "{fault}: it stays awake and watches");
    }
}

#[test]
fn a_power_board_that_is_not_there_leaves_the_trap_awake() {
    for driver in ["witty-pi", "pijuice"] {
        let trap = thirty_days(&format!("[power]\ndriver = \"{driver}\"\nbus = \"/dev/i2c-250\"\n"), "");
        assert!(happened(&trap, "sleep").is_empty(), "{driver}");
        let told = happened(&trap, "unverified");
        assert!(told.iter().any(|text| text.contains("/dev/i2c-250")), "{driver}: {told:?}");
        assert!(!bursts(&trap).is_empty(), "{driver}: it watches in its hours");
    }
}
