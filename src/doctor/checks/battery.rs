//! What is left in the battery.

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};

/// A single lithium cell, millivolts, where nothing is known of its chemistry: below the first it should be changed,
/// below the second the trap goes out soon.
const CELL: (u16, u16) = (3500, 3300);

/// Above this it is more than one cell, whose number is not known here: 4.2 V is a full cell.
const ONE_CELL: u16 = 4300;

pub(in crate::doctor) const CHECK: Check = Check {
    name: "battery",
    causes: &[
        ("no-gauge", Grey),
        ("dead-gauge", Red),
        ("well", Green),
        ("voltage", Grey),
        ("loaded", Green),
        ("low", Amber),
        ("empty", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let charge = patient.gauges.charge();
    if let Some(fault) = patient.gauges.fault() {
        return vec![check.found("dead-gauge").with("why", fault)];
    }
    let Some(charge) = charge else { return vec![check.found("no-gauge")] };
    // The plan's own thresholds, where the charge is known.
    let plan = &patient.config.power;
    let known = patient.profile.is_some_and(|profile| profile.battery.cells.is_some());
    let cause = match (charge.percent, charge.millivolts) {
        (Some(percent), _) if percent < plan.critical => "empty",
        (Some(percent), _) if percent < plan.low => "low",
        (Some(_), _) => "well",
        (None, Some(_)) if known => "loaded",
        (None, Some(mv)) if mv > ONE_CELL => "voltage",
        (None, Some(mv)) if mv >= CELL.0 => "well",
        (None, Some(mv)) if mv >= CELL.1 => "low",
        (None, Some(_)) => "empty",
        (None, None) => "no-gauge",
    };
    let parts = [
        charge.millivolts.map(|mv| format!("{mv} mV")),
        charge.percent.map(|percent| format!("{percent} %")),
        charge.milliamps.map(|ma| format!("{ma} mA")),
    ];
    vec![check.found(cause).with("charge", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Profile;
    use crate::doctor::checks::fake::Trap;
    use crate::hal::Charge;

    fn charge(millivolts: u16, percent: Option<u8>) -> Option<Charge> {
        Some(Charge { millivolts: Some(millivolts), milliamps: None, percent })
    }

    #[test]
    fn levels_have_their_colours() {
        let mut trap = Trap::new();
        for (read, state) in [
            (None, Grey),
            (charge(3200, None), Red),
            (charge(3400, None), Amber),
            (charge(3900, None), Green),
            // How many cells these are is not known, nor what they are made of: no green for them.
            (charge(12_300, None), Grey),
            // The power plan's thresholds, 30 and 10 percent.
            (charge(12_300, Some(30)), Green),
            (charge(12_300, Some(29)), Amber),
            (charge(12_300, Some(9)), Red),
        ] {
            trap.gauges.charge = read;
            assert_eq!(trap.ask(&CHECK)[0].state, state, "{read:?}");
        }
    }

    #[test]
    fn a_gauge_that_does_not_answer_is_red_and_a_battery_under_load_is_not() {
        let mut trap = Trap::new();
        trap.gauges.charge = Some(Charge::default());
        trap.gauges.fault = Some("INA219 at 0x40: no answer".to_owned());
        let found = &trap.ask(&CHECK)[0];
        assert_eq!((found.cause, found.state), ("dead-gauge", Red));
        trap.gauges.fault = None;
        let board = "[battery]\nchemistry = \"lead\"\ncells = 6";
        trap.profile = Some(Profile::parse(board, "b.toml").unwrap());
        trap.gauges.charge = charge(11_000, None);
        assert_eq!(trap.ask(&CHECK)[0].cause, "loaded");
    }
}
