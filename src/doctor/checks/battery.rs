//! The battery's voltage.

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};

/// A single lithium cell, millivolts: below the first it should be changed, below the second the trap goes out soon.
const CELL: (u16, u16) = (3500, 3300);

/// Above this it is more than one cell, whose number is not known here: 4.2 V is a full cell.
const ONE_CELL: u16 = 4300;

pub(in crate::doctor) const CHECK: Check = Check {
    name: "battery",
    causes: &[("no-gauge", Grey), ("well", Green), ("low", Amber), ("empty", Red)],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let Some(mv) = patient.gauges.battery() else { return vec![check.found("no-gauge")] };
    let cause = match mv {
        mv if mv > ONE_CELL || mv >= CELL.0 => "well",
        mv if mv >= CELL.1 => "low",
        _ => "empty",
    };
    vec![check.found(cause).with("mv", mv)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn levels_have_their_colours() {
        let mut trap = Trap::new();
        for (mv, state) in
            [(None, Grey), (Some(3200), Red), (Some(3400), Amber), (Some(3900), Green), (Some(12_300), Green)]
        {
            trap.gauges.battery = mv;
            assert_eq!(trap.ask(&CHECK)[0].state, state, "{mv:?}");
        }
    }
}
