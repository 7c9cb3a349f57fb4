//! Whether the satellite receiver is heard, and finds itself.

use std::time::{Duration, Instant};

use chrono::DateTime;

use crate::daemon::locate::Word;
use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};
use crate::hal::{Fix, Locator};
use crate::store::Reader;

/// A receiver under open sky that had power of late finds itself within this; one that was without power for days needs
/// minutes, and the daemon waits longer than a technician.
const WAIT: Duration = Duration::from_secs(60);

/// Listened to in one go.
const GLANCE: Duration = Duration::from_millis(500);

pub(in crate::doctor) const CHECK: Check = Check {
    name: "gps",
    causes: &[
        ("none", Grey),
        ("wanted", Amber),
        ("held", Grey),
        ("had", Green),
        ("never", Amber),
        ("lost", Amber),
        ("fix", Green),
        ("no-fix", Amber),
        ("silent", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    if patient.profile.is_none_or(|profile| profile.gps.is_none()) {
        let wanted = patient.config.site.receiver && patient.config.site.coordinates.is_none();
        return vec![check.found(if wanted { "wanted" } else { "none" })];
    }
    if patient.daemon.is_some() {
        return vec![told(check, patient)];
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

/// What the running daemon has journaled of it.
fn told(check: &Check, patient: &Patient<'_>) -> Finding {
    let deployment = &patient.config.site.name;
    let read = |path| Word::of(&Reader::open_readonly(path)?, deployment);
    let word = patient.journals.first().and_then(|path| read(path).ok()).unwrap_or_default();
    let when = |seconds: i64| {
        DateTime::from_timestamp(seconds, 0).map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string())
    };
    let had = word.last.and_then(|last| Some((when(last.at)?, last.place?)));
    let finding = match (&had, &word.missed) {
        (None, None) => return check.found("held"),
        (None, Some(_)) => check.found("never"),
        (Some(_), None) => check.found("had"),
        (Some(_), Some(_)) => check.found("lost"),
    };
    let (at, place) = had.map_or_else(Default::default, |(at, place)| (at, shown(place)));
    let (tried, why) = word.missed.map_or_else(Default::default, |missed| {
        (missed.at.and_then(when).unwrap_or_else(|| "?".to_owned()), missed.why)
    });
    finding.with("at", at).with("place", place).with("tried", tried).with("why", why)
}

fn shown((north, east): (f64, f64)) -> String {
    format!("{north}, {east}")
}

fn found(check: &Check, patient: &Patient<'_>, fix: &Fix) -> Finding {
    let behind = fix.utc - patient.clock.utc().0;
    let place = fix.place.map_or(String::new(), shown);
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
    use crate::doctor::checks::fake::{Sky, Trap};
    use crate::doctor::{Daemon, Language, said};
    use crate::store::Notebook;

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
    }

    #[test]
    fn what_a_running_daemon_found_or_missed_is_told_by_its_journal() {
        let mut trap = Trap::new();
        trap.profile = Some(Profile::parse("[gps]\ndriver = \"nmea\"", "b.toml").unwrap());
        trap.daemon = Some(Daemon::default());
        assert_eq!(trap.ask(&CHECK)[0].cause, "held", "no journal yet");
        trap.journal();
        assert_eq!(trap.ask(&CHECK)[0].cause, "held");
        let path = trap.config.journal.path.clone();
        let keep = |key: &str, value: &str| {
            Notebook::open(&path).unwrap().put_state(key, value.as_bytes()).unwrap();
        };
        let missed = r#"{"deployment": "trap", "at": 1779235200, "why": "no fix in 180 s"}"#;
        keep("gps.missed", missed);
        let text = |trap: &mut Trap, cause: &str| {
            let found = trap.ask(&CHECK).remove(0);
            assert_eq!(found.cause, cause);
            said(&found, Language::En).1
        };
        let never = "No fix yet; the last attempt (2026-05-20 00:00 UTC): no fix in 180 s.";
        assert_eq!(text(&mut trap, "never"), never);
        keep("gps.last", r#"{"deployment": "trap", "at": 1779148800, "place": [46.512, 25.301]}"#);
        let lost = "No fix since 2026-05-19 00:00 UTC (46.512, 25.301); the last attempt (2026-05-20 00:00 UTC): no fix \
                    in 180 s.";
        assert_eq!(text(&mut trap, "lost"), lost);
        keep("gps.missed", "");
        assert_eq!(text(&mut trap, "had"), "Last fix 2026-05-19 00:00 UTC: 46.512, 25.301.");
        trap.config.site.name = "another".to_owned();
        assert_eq!(trap.ask(&CHECK)[0].cause, "held", "another deployment was somewhere else");
    }

    #[test]
    fn a_site_that_goes_by_a_receiver_needs_one_or_a_place() {
        let mut trap = Trap::new();
        trap.config.site.receiver = true;
        assert_eq!(trap.ask(&CHECK)[0].cause, "wanted");
        trap.config.site.coordinates = Some((46.5, 25.3));
        assert_eq!(trap.ask(&CHECK)[0].cause, "none");
    }
}
