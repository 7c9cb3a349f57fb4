//! Whether the sensor sees the technician wave.

use std::time::Duration;

use crate::doctor::Colour::{Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};

/// Between two looks at a running trap.
const LOOK: Duration = Duration::from_millis(200);

pub(in crate::doctor) const CHECK: Check = Check {
    name: "pir",
    causes: &[("none", Grey), ("toggles", Green), ("silent", Red), ("broken", Red)],
    hands: true,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    vec![match patient.daemon {
        Some(_) => beside(check, patient),
        None => alone(check, patient),
    }]
}

/// The sensor by itself: its first trigger after the wave began.
fn alone(check: &Check, patient: &mut Patient<'_>) -> Finding {
    let mut sensor = match patient.hands.sensor() {
        Ok(Some(sensor)) => sensor,
        Ok(None) => return check.found("none"),
        Err(fault) => return check.found("broken").with("why", fault),
    };
    patient.hands.wave(patient.patience);
    let begun = patient.clock.monotonic();
    loop {
        let spent = patient.clock.monotonic().saturating_sub(begun);
        let Some(left) = patient.patience.checked_sub(spent).filter(|left| !left.is_zero()) else {
            return check.found("silent").with("seconds", patient.patience.as_secs());
        };
        match sensor.wait(left.min(LOOK)) {
            Err(fault) => return check.found("broken").with("why", fault),
            Ok(None) => {}
            Ok(Some(_)) => {
                let spent = patient.clock.monotonic().saturating_sub(begun);
                return check.found("toggles").with("ms", spent.as_millis());
            }
        }
    }
}

/// A running trap holds the sensor: whether it takes a burst for the wave.
fn beside(check: &Check, patient: &mut Patient<'_>) -> Finding {
    use crate::board::TriggerDriver;
    if patient.profile.is_some_and(|profile| profile.trigger != TriggerDriver::Pir) {
        return check.found("none");
    }
    let before = patient.hands.triggered();
    patient.hands.wave(patient.patience);
    let begun = patient.clock.monotonic();
    loop {
        let spent = patient.clock.monotonic().saturating_sub(begun);
        if patient.hands.triggered() > before {
            return check.found("toggles").with("ms", spent.as_millis());
        }
        if spent >= patient.patience {
            return check.found("silent").with("seconds", patient.patience.as_secs());
        }
        std::thread::sleep(LOOK.min(patient.patience));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Daemon;
    use crate::doctor::checks::fake::{Sensor, Trap};

    #[test]
    fn a_sensor_that_sees_nobody_is_red() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "none");
        trap.patience = Duration::from_millis(50);
        for (sensor, cause) in [
            (Sensor::Sees, "toggles"),
            (Sensor::Blind, "silent"),
            (Sensor::Breaks, "broken"),
            (Sensor::Gone, "broken"),
        ] {
            trap.hands.sensor = Some(sensor);
            assert_eq!(trap.ask(&CHECK)[0].cause, cause);
        }
        assert_eq!(trap.hands.waves, 3, "nobody waves at a sensor that is not there");
    }

    #[test]
    fn beside_a_running_trap_its_burst_counts() {
        let mut trap = Trap::new();
        trap.patience = Duration::from_millis(50);
        trap.daemon = Some(Daemon::default());
        assert_eq!(trap.ask(&CHECK)[0].cause, "silent");
        trap.hands.fires = true;
        assert_eq!(trap.ask(&CHECK)[0].cause, "toggles");
    }
}
