//! How warm it is inside the housing.

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};

/// The operating range of a Raspberry Pi's chip ends at 85 °C, and cards are rated from -25 °C (SD Physical Layer
/// Specification); amber begins 15 degrees before.
const HEAT: (i8, i8) = (70, 85);
const COLD: (i8, i8) = (-10, -25);

pub(in crate::doctor) const CHECK: Check = Check {
    name: "temperature",
    causes: &[
        ("no-gauge", Grey),
        ("well", Green),
        ("warm", Amber),
        ("cold", Amber),
        ("hot", Red),
        ("freezing", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let Some(degrees) = patient.gauges.temperature() else { return vec![check.found("no-gauge")] };
    let cause = match degrees {
        t if t >= HEAT.1 => "hot",
        t if t >= HEAT.0 => "warm",
        t if t <= COLD.1 => "freezing",
        t if t <= COLD.0 => "cold",
        _ => "well",
    };
    vec![check.found(cause).with("degrees", degrees)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn heat_and_cold_have_their_colours() {
        let mut trap = Trap::new();
        for (degrees, state) in [(-30, Red), (-12, Amber), (20, Green), (70, Amber), (90, Red)] {
            trap.gauges.temperature = Some(degrees);
            assert_eq!(trap.ask(&CHECK)[0].state, state, "{degrees}");
        }
        trap.gauges.temperature = None;
        assert_eq!(trap.ask(&CHECK)[0].state, Grey);
    }
}
