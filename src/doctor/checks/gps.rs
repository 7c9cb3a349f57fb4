//! Whether the satellite receiver is heard, and finds itself.

use std::time::{Duration, Instant};

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};
use crate::hal::{Fix, Locator};

/// A receiver under open sky that had power of late finds itself within this; one that was without power for days needs
/// minutes, and the daemon waits longer than a technician.
const WAIT: Duration = Duration::from_secs(60);

/// Listened to in one go.
const GLANCE: Duration = Duration::from_millis(500);

pub(in crate::doctor) const CHECK: Check = Check {
    name: "gps",
    causes: &[("none", Grey), ("held", Grey), ("fix", Green), ("no-fix", Amber), ("silent", Red)],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    if patient.profile.is_none_or(|profile| profile.gps.is_none()) {
        return vec![check.found("none")];
    }
    if patient.daemon.is_some() {
        return vec![check.found("held")];
    }
    let mut locator = match patient.hands.locator() {
        Ok(Some(locator)) => locator,
        Ok(None) => return vec![check.found("none")],
        Err(fault) => return vec![check.found("silent").with("why", fault)],
    };
    let wait =
        patient.profile.and_then(|profile| profile.gps.as_ref()).map_or(WAIT, |gps| gps.wait.min(WAIT));
    let begun = Instant::now();
    let found = loop {
        match locator.fix(GLANCE) {
            Ok(Some(fix)) => break found(check, patient, &fix),
            Ok(None) if begun.elapsed() < wait => {}
            Ok(None) => break missing(check, &*locator, begun.elapsed()),
            Err(fault) => break check.found("silent").with("why", fault),
        }
    };
    locator.rest();
    vec![found]
}

fn found(check: &Check, patient: &Patient<'_>, fix: &Fix) -> Finding {
    let behind = fix.utc - patient.clock.utc().0;
    let place = fix.place.map_or(String::new(), |(north, east)| format!("{north}, {east}"));
    let seconds = format!("{:.1}", behind.as_seconds_f64());
    check.found("fix").with("place", place).with("seconds", seconds)
}

fn missing(check: &Check, locator: &dyn Locator, waited: Duration) -> Finding {
    let sky = locator.sky();
    let used = sky.satellites.map_or("?".to_owned(), |used| used.to_string());
    check
        .found("no-fix")
        .with("seconds", waited.as_secs())
        .with("satellites", used)
        .with("damaged", sky.damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Profile;
    use crate::doctor::Daemon;
    use crate::doctor::checks::fake::{Sky, Trap};

    #[test]
    fn a_receiver_is_red_when_it_is_silent_and_green_with_a_fix() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "none");
        trap.profile = Some(Profile::parse("[gps]\ndriver = \"nmea\"\nwait_s = 10", "b.toml").unwrap());
        for (sky, cause) in [(Sky::Silent, "silent"), (Sky::Fix, "fix"), (Sky::Absent, "none")] {
            trap.hands.sky = sky;
            assert_eq!(trap.ask(&CHECK)[0].cause, cause);
        }
        trap.hands.sky = Sky::Fix;
        let values = trap.ask(&CHECK)[0].values.clone();
        assert!(values.contains(&("place", "46.512, 25.301".to_owned())), "{values:?}");
        trap.daemon = Some(Daemon::default());
        assert_eq!(trap.ask(&CHECK)[0].cause, "held");
    }
}
