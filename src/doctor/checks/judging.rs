//! How long a burst takes on this board, and whether bursts get lost.

use std::time::{Duration, Instant};

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};
use crate::event::Outcome;
use crate::vision::judge::Frame;

/// Longer than this and the next animal waits: bursts 20 s apart are one sequence (DeepFaune's gap), half of it is left
/// for the camera and the card.
const SLOW: Duration = Duration::from_secs(10);

pub(in crate::doctor) const CHECK: Check = Check {
    name: "judging",
    causes: &[
        ("no-burst", Grey),
        ("no-models", Grey),
        ("last", Green),
        ("last-slow", Amber),
        ("bench", Green),
        ("bench-slow", Amber),
        ("bench-failed", Red),
        ("lost", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let Some(daemon) = &patient.daemon else { return vec![bench(check, patient)] };
    if daemon.lost > 0 {
        return vec![check.found("lost").with("n", daemon.lost)];
    }
    let Some(last) = &daemon.last else { return vec![check.found("no-burst")] };
    let cause = if last.took > SLOW { "last-slow" } else { "last" };
    let found = check.found(cause).with("burst", format!("{}-{}", last.key.boot, last.key.number));
    vec![found.with("ms", last.took.as_millis()).with("missed", daemon.missed)]
}

/// A burst of the bench world through the site's networks.
fn bench(check: &Check, patient: &mut Patient<'_>) -> Finding {
    let pictures = match patient.hands.bench() {
        Ok(pictures) => pictures,
        Err(why) => return check.found("bench-failed").with("why", why),
    };
    // What is wrong with the networks is told by their own check.
    let Ok(loaded) = patient.networks() else { return check.found("no-models") };
    let frames: Vec<Frame<'_>> = pictures.iter().map(|jpeg| Ok(jpeg.as_slice())).collect();
    let begun = Instant::now();
    let judged = loaded.judge.judge(&frames);
    let took = begun.elapsed();
    let failed = judged.frames.iter().find_map(|frame| frame.failed.clone());
    if let Some(why) = failed
        .or_else(|| judged.faults.first().cloned())
        .or_else(|| (judged.outcome == Outcome::Failed).then(String::new))
    {
        return check.found("bench-failed").with("why", why);
    }
    let cause = if took > SLOW { "bench-slow" } else { "bench" };
    check
        .found(cause)
        .with("ms", took.as_millis())
        .with("n", frames.len())
        .with("outcome", judged.outcome.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;
    use crate::doctor::{Burst, Daemon};
    use crate::event::EventKey;

    #[test]
    fn a_burst_that_the_networks_cannot_judge_is_red() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "bench");
        trap.hands.judged = Outcome::Failed;
        assert_eq!(trap.ask(&CHECK)[0].cause, "bench-failed");
        trap.hands.models = Err("no".to_owned());
        assert_eq!(trap.ask(&CHECK)[0].cause, "no-models");
    }

    #[test]
    fn a_running_trap_tells_of_its_last_burst() {
        let mut trap = Trap::new();
        trap.daemon = Some(Daemon::default());
        assert_eq!(trap.ask(&CHECK)[0].cause, "no-burst");
        let burst = |seconds| Burst {
            key: EventKey { boot: 2, number: 9 },
            at: chrono::DateTime::UNIX_EPOCH,
            took: Duration::from_secs(seconds),
            failed: (0, 3),
        };
        trap.daemon = Some(Daemon { last: Some(burst(2)), ..Daemon::default() });
        assert_eq!(trap.ask(&CHECK)[0].state, Green);
        trap.daemon = Some(Daemon { last: Some(burst(12)), ..Daemon::default() });
        assert_eq!(trap.ask(&CHECK)[0].state, Amber);
        trap.daemon = Some(Daemon { lost: 1, ..Daemon::default() });
        assert_eq!(trap.ask(&CHECK)[0].state, Red);
    }
}
