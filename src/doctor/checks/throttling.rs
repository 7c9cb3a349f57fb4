//! Whether the board is short of voltage or slows itself down, as its own gauge tells it ([`crate::hal::Strain`]).

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};

pub(in crate::doctor) const CHECK: Check = Check {
    name: "throttling",
    causes: &[
        ("not-told", Grey),
        ("well", Green),
        ("was-low", Amber),
        ("was-slowed", Amber),
        ("slowed", Amber),
        ("low", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let Some(strain) = patient.gauges.strain() else { return vec![check.found("not-told")] };
    let cause = match strain {
        s if s.under_voltage => "low",
        s if s.throttled => "slowed",
        s if s.under_voltage_before => "was-low",
        s if s.throttled_before => "was-slowed",
        _ => "well",
    };
    vec![check.found(cause)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;
    use crate::hal::Strain;

    #[test]
    fn under_voltage_now_is_red_and_before_amber() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "not-told");
        let well = Strain::default();
        let before = Strain { under_voltage_before: true, throttled_before: true, ..well };
        for (strain, cause, state) in [
            (well, "well", Green),
            (Strain { throttled_before: true, ..well }, "was-slowed", Amber),
            (before, "was-low", Amber),
            (Strain { throttled: true, ..before }, "slowed", Amber),
            (Strain { under_voltage: true, throttled: true, ..before }, "low", Red),
        ] {
            trap.gauges.strain = Some(strain);
            let found = &trap.ask(&CHECK)[0];
            assert_eq!((found.cause, found.state), (cause, state));
        }
    }
}
