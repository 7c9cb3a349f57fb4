//! Bursts that were asked for, up to the board's budget; then the trap is killed and starts anew: the budget is as used up as
//! it was.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod console_support;
mod daemon_support;

use std::process::Child;
use std::time::Duration;

use console_support::within;
use daemon_support::{SITE, Trap};
use rustix::process::{Pid, Signal, kill_process};

/// A trap whose camera is a script that sends the same picture ten times a second, whose timer waits for tomorrow, and that
/// takes two bursts an hour.
fn trap() -> Trap {
    let trap = Trap::new();
    trap.write_camera();
    let board = "trigger = \"timer\"\ncamera = \"command\"\n[stream]\nsettle = 0\ncommand = [\"./camera\"]\n\
                 [timer]\nevery_s = 86400\n[storm]\nper_hour = 2\nat_once = 2\ncool_down_ms = 0\n";
    trap.write("boards/cam.toml", board);
    trap.write("site.toml", &SITE.replace("\"fast\"", "\"cam\""));
    trap
}

fn bursts(trap: &Trap) -> usize {
    let reader = trapline::store::Reader::open_readonly(&trap.journal());
    reader.and_then(|reader| reader.events(&Default::default())).map_or(0, |list| list.items.len())
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
}

/// Starts the trap and waits until it stands watch, so that a signal finds it.
fn start(trap: &Trap, boot: usize) -> Child {
    let child = trap.start(&["--json"]);
    let boots = || {
        let reader = trapline::store::Reader::open_readonly(&trap.journal());
        reader.and_then(|reader| reader.boots()).map_or(0, |list| list.items.len())
    };
    assert!(within(Duration::from_secs(60), || boots() == boot), "it does not start");
    child
}

/// Asks for a burst by a signal; whether one came.
fn asked(trap: &Trap, child: &Child, wait: u64) -> bool {
    let before = bursts(trap);
    signal(child, Signal::USR2);
    within(Duration::from_secs(wait), || bursts(trap) == before + 1)
}

#[test]
fn a_budget_that_is_used_up_is_so_after_a_restart() {
    let trap = trap();
    let mut child = start(&trap, 1);
    assert!(asked(&trap, &child, 60) && asked(&trap, &child, 60), "two an hour are taken");
    // As a power cut ends it: nothing is written in the end.
    child.kill().unwrap();
    child.wait().unwrap();
    let child = start(&trap, 2);
    assert!(!asked(&trap, &child, 5), "the third within the hour");
    signal(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("too soon after others"), "{said}");
    // And after one that ended in order.
    let mut child = start(&trap, 3);
    assert!(!asked(&trap, &child, 5));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(bursts(&trap), 2);
}
