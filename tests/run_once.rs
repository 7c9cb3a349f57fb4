//! A trap whose power a controller cuts between triggers: each start takes one burst, and nothing is lost.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod daemon_support;

use std::os::unix::fs::PermissionsExt;

use daemon_support::{SITE, Trap, objects};
use trapline::event::{Outcome, Source};
use trapline::store::EffortKind;
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
