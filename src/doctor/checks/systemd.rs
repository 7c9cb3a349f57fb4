//! Whether the service is there, enabled, running and watched over.

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};

/// The unit of the package.
const UNIT: &str = "trapline.service";

/// What is asked of it (systemctl(1), `show`).
const PROPERTIES: &str = "LoadState,ActiveState,UnitFileState,Result,WatchdogUSec,NRestarts";

pub(in crate::doctor) const CHECK: Check = Check {
    name: "systemd",
    causes: &[
        ("none", Grey),
        ("not-installed", Grey),
        ("well", Green),
        ("not-enabled", Amber),
        ("no-watchdog", Amber),
        ("restarted", Amber),
        ("inactive", Red),
        ("failed", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let property = format!("--property={PROPERTIES}");
    let Ok(text) = patient.hands.program("systemctl", &["show", UNIT, &property]) else {
        return vec![check.found("none")];
    };
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default().trim()
    };
    let restarts: u32 = value("NRestarts").parse().unwrap_or(0);
    let cause = match (value("LoadState"), value("ActiveState")) {
        ("" | "not-found", _) => "not-installed",
        (_, "failed") => "failed",
        (_, "active" | "activating" | "reloading") if value("UnitFileState") != "enabled" => "not-enabled",
        (_, "active" | "activating" | "reloading") if matches!(value("WatchdogUSec"), "0" | "") => {
            "no-watchdog"
        }
        (_, "active" | "activating" | "reloading") if restarts > 0 => "restarted",
        (_, "active" | "activating" | "reloading") => "well",
        _ => "inactive",
    };
    vec![
        check
            .found(cause)
            .with("state", value("ActiveState"))
            .with("why", value("Result"))
            .with("n", restarts)
            .with("watchdog", value("WatchdogUSec")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    /// What `systemctl show` of systemd 252 writes.
    fn shown(load: &str, active: &str, file: &str, watchdog: &str, restarts: u32) -> String {
        format!(
            "Result=success\nNRestarts={restarts}\nWatchdogUSec={watchdog}\nLoadState={load}\n\
             ActiveState={active}\nUnitFileState={file}\n"
        )
    }

    #[test]
    fn a_service_that_does_not_run_is_red_and_one_that_is_watched_green() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "none");
        for (text, cause) in [
            (shown("not-found", "inactive", "", "0", 0), "not-installed"),
            (shown("loaded", "inactive", "enabled", "1min", 0), "inactive"),
            (shown("loaded", "failed", "enabled", "1min", 5), "failed"),
            (shown("loaded", "active", "disabled", "1min", 0), "not-enabled"),
            (shown("loaded", "active", "enabled", "0", 0), "no-watchdog"),
            (shown("loaded", "active", "enabled", "1min", 2), "restarted"),
            (shown("loaded", "active", "enabled", "1min", 0), "well"),
        ] {
            trap.hands.programs = vec![("systemctl", text)];
            assert_eq!(trap.ask(&CHECK)[0].cause, cause);
        }
    }
}
