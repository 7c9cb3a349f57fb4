//! A trap whose power a controller cuts between triggers: each start takes one burst, and nothing is lost.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod daemon_support;

use std::os::unix::fs::PermissionsExt;

use daemon_support::{SITE, Trap, objects};
use trapline::daemon::pipeline::OUTSIDE as OUTSIDE_HOURS;
use trapline::event::{Outcome, Source};
use trapline::store::{EffortKind, Outbox};
use trapline::world::{BurstPlan, Site, jpeg};

/// A camera program that writes a few JPEGs and stays, as `rpicam-vid --codec mjpeg` does, or fails as asked; and a
/// program in the place of `systemctl poweroff` that notes that it was called.
fn trap(camera: &str, power: &str, site: &str) -> Trap {
    let trap = Trap::new();
    let plan = BurstPlan::draw_with(&Site::new(3), 5, 0, 1.0);
    let site_drawn = Site::new(3);
    for frame in 0..2 {
        let picture =
            jpeg(&site_drawn.render(&plan, frame, (320, 240)), plan.taken_at(frame), site_drawn.camera(), 85);
        std::fs::write(trap.path(&format!("{frame}.jpg")), picture.unwrap()).unwrap();
    }
    program(&trap, "camera.sh", camera);
    program(&trap, "off.sh", "echo off >> off.log");
    let (shown, off) =
        (trap.path("camera.sh").display().to_string(), trap.path("off.sh").display().to_string());
    trap.write(
        "boards/fast.toml",
        &format!(
            "trigger = \"timer\"\ncamera = \"command\"\n[timer]\nevery_s = 3600\n[stream]\ncommand = [\"{shown}\"]\n\
             start_ms = 3000\nburst_ms = 4000\nwarm = false\nsettle = 0\nbefore = 0\nwidth = 320\nheight = 240\n{power}"
        ),
    );
    trap.write(
        "site.toml",
        &format!("{SITE}[console]\npower_off = \"{off}\"\n[power]\nonce_send_s = 1\n{site}"),
    );
    trap
}

fn program(trap: &Trap, name: &str, body: &str) {
    trap.write(name, &format!("#!/bin/sh\ncd {}\n{body}\n", trap.path("").display()));
    std::fs::set_permissions(trap.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

const PLAYS: &str = "while :; do cat 0.jpg 1.jpg; sleep 0.2; done";
const OUTSIDE: &str = "[power]\ndriver = \"outside\"\n";

#[test]
fn each_start_is_one_burst_and_the_machine_goes_off() {
    let trap = trap(PLAYS, OUTSIDE, "");
    for start in 1..=3 {
        let output = trap.run(&["--once", "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = objects(&output.stdout);
        assert_eq!(told.len(), 1, "{told:?}");
        let events = trap.reader().events(&Default::default()).unwrap().items;
        assert_eq!(events.len(), start);
        let off = std::fs::read_to_string(trap.path("off.log")).unwrap();
        assert_eq!(off.lines().count(), start, "the power goes off after each burst");
    }
    let reader = trap.reader();
    // The sensor that stood watch while the machine was off has seen it.
    assert!(
        reader.events(&Default::default()).unwrap().items.iter().all(|e| e
            .burst
            .cause
            .as_ref()
            .is_some_and(|cause| cause.source == Source::Pir))
    );
    // Unless the controller says that it was its clock.
    assert!(trap.run(&["--once", "--by-clock"]).status.success());
    let last = trap.reader().events(&Default::default()).unwrap().items.pop().unwrap();
    assert_eq!(last.burst.cause.unwrap().source, Source::Timer);
    let effort = reader.effort().unwrap().items;
    let ends = effort.iter().filter(|row| row.kind == EffortKind::Handover).count();
    assert_eq!(ends, 4, "the sensor goes on watching after each: {effort:?}");
}

#[test]
fn without_anybody_who_switches_it_on_again_the_machine_stays_on() {
    let trap = trap(PLAYS, "", "");
    assert!(trap.run(&["--once"]).status.success());
    assert!(!trap.path("off.log").exists());
}

#[test]
fn networks_that_cannot_be_opened_cost_no_burst() {
    let broken = "[models]\nmanifests = [\"nowhere/manifest.toml\"]\n";
    let trap = trap(PLAYS, OUTSIDE, broken);
    let output = trap.run(&["--once"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let events = trap.reader().events(&Default::default()).unwrap().items;
    assert_eq!(events[0].burst.outcome, Outcome::Failed, "kept and flagged, never an empty");
    assert!(!daemon_support::files(&trap.media()).is_empty(), "the pictures are kept");
    assert!(trap.path("off.log").exists());
}

#[test]
fn a_camera_that_gives_nothing_is_told_and_the_machine_goes_off_all_the_same() {
    for camera in ["exit 1", "sleep 60"] {
        let trap = trap(camera, OUTSIDE, "");
        let output = trap.run(&["--once"]);
        assert!(output.status.success(), "{camera}: {}", String::from_utf8_lossy(&output.stderr));
        let events = trap.reader().events(&Default::default()).unwrap().items;
        assert_eq!((events.len(), events[0].burst.outcome), (1, Outcome::Failed), "{camera}");
        assert!(trap.path("off.log").exists(), "{camera}");
    }
}

#[test]
fn a_start_outside_the_hours_of_watch_is_counted_and_told_unless_nobody_knows_the_hour() {
    // A window of an hour that is far from now.
    let hour = |ahead: i64| (chrono::Utc::now() + chrono::TimeDelta::hours(ahead)).format("%H:00");
    let trap = trap(PLAYS, OUTSIDE, &format!("hours = [\"{}..{}\"]\n", hour(10), hour(11)));
    let output = trap.run(&["--once", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let reader = trap.reader();
    // Where nobody has set the machine's clock, as on most that run these tests, no hour is better than another.
    if reader.happenings().unwrap().items.iter().any(|told| told.text.contains("never set")) {
        assert_eq!(
            (objects(&output.stdout).len(), reader.events(&Default::default()).unwrap().items.len()),
            (1, 1)
        );
        return;
    }
    assert!(objects(&output.stdout).is_empty() && said.contains("outside the hours of watch"), "{said}");
    assert!(reader.events(&Default::default()).unwrap().items.is_empty(), "nothing is kept of the burst");
    assert!(daemon_support::files(&trap.media()).is_empty());
    let counted = Outbox::beside(&trap.journal()).unwrap().counter(OUTSIDE_HOURS).unwrap();
    assert_eq!(counted, 1);
    let told: Vec<_> = reader.happenings().unwrap().items.into_iter().filter(|t| t.kind == "rest").collect();
    assert!(told.len() == 1 && told[0].text.contains("the burst is not kept"), "{told:?}");
    assert!(trap.path("off.log").exists());
}

#[test]
fn wrong_input_switches_nothing_off_by_itself() {
    let configured = trap(PLAYS, OUTSIDE, "");
    configured.write("site.toml", "[power]\nhours = [\"always\"]\n");
    let profiled = trap(PLAYS, "[power]\ndriver = \"outsider\"\n", "");
    for (trap, named) in [(configured, "power.hours"), (profiled, "outsider")] {
        let output = trap.run(&["--once"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(named), "{said}");
        assert!(
            !trap.path("off.log").exists(),
            "by hand, at a bench, nothing goes off; in the forest systemd does it"
        );
    }
}

/// The package's program that systemd calls after a run that cannot succeed, with stand-ins for what it calls: minutes are
/// noted and not waited, logind says what `sessions` (a shell command that sees `minute`) prints.
fn after_a_failed_run(sessions: &str) -> Vec<String> {
    let trap = trap(PLAYS, OUTSIDE, "");
    std::fs::create_dir(trap.path("bin")).unwrap();
    let note = "minutes=$(cat minutes 2>/dev/null || echo 0)";
    for (name, body) in [
        ("bin/sleep", format!("{note}; echo $((minutes + $1 / 60)) >minutes")),
        ("bin/wall", "echo warned >>told".to_owned()),
        ("bin/systemctl", format!("{note}; echo \"$* after $minutes minutes\" >>told")),
        (
            "bin/loginctl",
            format!(
                "{note}\n[ \"$1\" = list-sessions ] && {{ echo '3 1000 pi seat0 tty1'; echo '7 1000 pi'; exit; }}\n\
                 case \"$2\" in 3) echo yes ;; 7) {sessions} ;; esac"
            ),
        ),
    ] {
        program(&trap, name, &body);
    }
    let path = format!("{}:{}", trap.path("bin").display(), std::env::var("PATH").unwrap());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/cross/deb/off-unless-attended");
    let output = std::process::Command::new(script).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read_to_string(trap.path("told")).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn after_a_run_that_cannot_succeed_the_machine_goes_off_unless_somebody_is_at_work() {
    // Somebody who logged in by himself at the start and never typed, and nobody at all, are the same.
    assert_eq!(after_a_failed_run("echo yes"), ["warned", "poweroff after 5 minutes"]);
    assert_eq!(after_a_failed_run("exit 1"), ["warned", "poweroff after 5 minutes"]);
    // A technician comes in the third minute and works until the twentieth; he is warned before it goes off.
    let works = "[ \"$minutes\" -ge 3 ] && [ \"$minutes\" -lt 20 ] && echo no || echo yes";
    assert_eq!(after_a_failed_run(works), ["warned", "warned", "poweroff after 21 minutes"]);
}
