//! The power plan as a site sees it: hours without watch are gaps in the effort, and a trap that something wakes sleeps
//! through them, but never on an alarm that is not certain.

#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod daemon_support;

use std::process::Command;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use daemon_support::{SITE, Trap};
use trapline::config::Config;
use trapline::daemon::once::Unable;
use trapline::daemon::pipeline::{Devices, OUTSIDE, Pipeline};
use trapline::daemon::power::Keeper;
use trapline::drivers::trigger::Start;
use trapline::hal::{Camera, Clock, DeviceError, Gauges, Shot, Source};
use trapline::store::record::StoredEffort;
use trapline::store::{EffortKind, Outbox};
use trapline::units::ClockQuality;

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
    // The bench plays one a day: what was not taken is counted, and so nothing is lost silently.
    let outside = Outbox::beside(&trap.journal()).unwrap().counter(OUTSIDE).unwrap();
    assert_eq!(bursts.len() as u64 + outside, 30, "{outside} outside");
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

/// Ten in the morning, by a battery-backed clock; a camera that gives what is no picture; no battery gauge.
struct Morning;

impl Clock for Morning {
    fn monotonic(&self) -> Duration {
        Duration::from_secs(7)
    }
    fn utc(&self) -> (DateTime<Utc>, ClockQuality) {
        ("2026-11-26T10:00:00Z".parse().unwrap(), ClockQuality::Rtc)
    }
    fn correct(&self, _: DateTime<Utc>, _: ClockQuality) -> TimeDelta {
        TimeDelta::zero()
    }
}

impl Camera for Morning {
    fn burst(&mut self, frames: usize, _: Duration) -> Result<Vec<Shot>, DeviceError> {
        Ok(vec![Shot { taken: self.utc().0, jpeg: Ok(vec![1, 2, 3]) }; frames])
    }
}

impl Gauges for Morning {
    fn battery(&self) -> Option<u16> {
        None
    }
    fn temperature(&self) -> Option<i8> {
        None
    }
}

#[test]
fn a_start_for_one_burst_outside_the_hours_keeps_none_and_counts_it() {
    for (hours, bursts, outside) in [("06:00..18:00", 1, 0), ("20:00..06:00", 0, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.journal.path = folder.path().join("trap.db");
        config.journal.media = folder.path().join("media");
        config.retention.floor = 0;
        config.power.hours = vec![hours.parse().unwrap()];
        let trigger = Box::new(Start::new(Morning.utc().0, Source::Pir));
        let devices = Devices { trigger, camera: Box::new(Morning), clock: Arc::new(Morning) };
        let judge = Box::new(Unable("nobody judges here".to_owned()));
        let plan = config.power.clone();
        let path = config.journal.path.clone();
        let mut pipeline = Pipeline::open(config, devices, judge, Vec::new()).unwrap();
        pipeline.keep(Keeper::new(plan, None, Box::new(Morning), None, Duration::ZERO)).unwrap();
        pipeline.hands_over();
        pipeline.run(&AtomicBool::new(false), Some(1), &mut |_| {}).unwrap();
        assert!(pipeline.hand_over(true).unwrap(), "it goes off either way");
        let reader = pipeline.journal().reader().unwrap();
        assert_eq!(reader.events(&Default::default()).unwrap().items.len(), bursts, "{hours}");
        assert_eq!(Outbox::beside(&path).unwrap().counter(OUTSIDE).unwrap(), outside, "{hours}");
        let told = reader.happenings().unwrap().items;
        assert_eq!(told.iter().filter(|told| told.kind == "rest").count() as u64, outside, "{told:?}");
    }
}
