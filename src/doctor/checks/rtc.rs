//! Whether the battery-backed clock is there, ticks, and agrees with a better one.

use std::path::Path;
use std::time::Duration;

use crate::board::Power;
use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::patient::line;
use crate::doctor::{Check, Finding, Patient};
use crate::units::{ClockQuality, SET_AFTER};

/// A stopped clock shows itself within this: a clock that did not tick was found in the field (the Cacophony Project).
const TICK: Duration = Duration::from_millis(1200);

/// Farther apart than this it loses time: a DS3231 drifts 2 ppm, 5 s a month; a PCF8563's crystal some 20 ppm.
const APART_S: i64 = 60;

pub(in crate::doctor) const CHECK: Check = Check {
    name: "rtc",
    causes: &[
        ("none", Amber),
        ("network", Grey),
        ("unread", Red),
        ("stopped", Red),
        ("unset", Red),
        ("apart", Amber),
        ("ticks", Green),
        ("agrees", Green),
    ],
    hands: false,
    examine,
};

fn seconds(clock: &Path) -> Option<i64> {
    line(&clock.join("since_epoch"))?.parse().ok()
}

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    // Documentation/ABI/testing/sysfs-class-rtc of the kernel.
    let chosen = match patient.profile.map(|profile| &profile.power) {
        Some(Power::Rtc { name, .. }) => name.as_str(),
        _ => "rtc0",
    };
    let clock = patient.roots.sys.join("class/rtc").join(chosen);
    let trusted = matches!(patient.clock.utc().1, ClockQuality::Network | ClockQuality::Gps);
    if !clock.is_dir() {
        return vec![check.found(if trusted { "network" } else { "none" })];
    }
    let name = line(&clock.join("name")).unwrap_or_default();
    let Some(first) = seconds(&clock) else { return vec![check.found("unread").with("name", name)] };
    let begun = patient.clock.monotonic();
    while patient.clock.monotonic().saturating_sub(begun) < TICK && seconds(&clock) == Some(first) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let Some(second) = seconds(&clock) else { return vec![check.found("unread").with("name", name)] };
    let found = match second {
        _ if second <= first => check.found("stopped"),
        _ if second < SET_AFTER => check.found("unset"),
        _ if trusted => {
            let apart = (patient.clock.utc().0.timestamp() - second).abs();
            check.found(if apart > APART_S { "apart" } else { "agrees" }).with("seconds", apart)
        }
        _ => check.found("ticks"),
    };
    vec![found.with("name", name)]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::doctor::checks::fake::Trap;

    /// A clock as the kernel shows it: a file that a thread advances, or does not.
    fn asked(start: i64, ticks: bool, quality: ClockQuality) -> &'static str {
        let mut trap = Trap::new();
        let file = trap.put("sys/class/rtc/rtc0/since_epoch", &start.to_string());
        trap.put("sys/class/rtc/rtc0/name", "rtc-ds1307 1-0068");
        trap.clock.quality = quality;
        trap.clock.utc = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (seen, path) = (Arc::clone(&over), file.clone());
        let thread = std::thread::spawn(move || {
            let mut now = start;
            while ticks && !seen.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(30));
                now += 1;
                let other = path.with_extension("new");
                std::fs::write(&other, now.to_string()).unwrap();
                std::fs::rename(&other, &path).unwrap();
            }
        });
        let cause = trap.ask(&CHECK)[0].cause;
        over.store(true, Ordering::SeqCst);
        thread.join().unwrap();
        cause
    }

    #[test]
    fn a_clock_that_stands_still_is_red_and_one_that_ticks_green() {
        assert_eq!(asked(1_800_000_000, false, ClockQuality::Rtc), "stopped");
        assert_eq!(asked(1_800_000_000, true, ClockQuality::Rtc), "ticks");
        assert_eq!(asked(946_684_800, true, ClockQuality::Rtc), "unset");
        assert_eq!(asked(1_800_000_000, true, ClockQuality::Network), "agrees");
        assert_eq!(asked(1_799_990_000, true, ClockQuality::Network), "apart");
    }

    #[test]
    fn without_one_the_network_must_set_the_time() {
        let mut trap = Trap::new();
        trap.clock.quality = ClockQuality::Unset;
        assert_eq!(trap.ask(&CHECK)[0].state, Amber);
        trap.clock.quality = ClockQuality::Network;
        assert_eq!(trap.ask(&CHECK)[0].state, Grey);
        trap.put("sys/class/rtc/rtc0/name", "broken");
        assert_eq!(trap.ask(&CHECK)[0].state, Red);
    }
}
