//! How far the trap's time can be trusted.

use crate::doctor::Colour::{Green, Red};
use crate::doctor::{Check, Finding, Patient};
use crate::units::ClockQuality;

pub(in crate::doctor) const CHECK: Check = Check {
    name: "clock",
    causes: &[("unset", Red), ("rtc", Green), ("gps", Green), ("network", Green)],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let (time, quality) = patient.clock.utc();
    let cause = match quality {
        ClockQuality::Unset => "unset",
        ClockQuality::Rtc => "rtc",
        ClockQuality::Gps => "gps",
        ClockQuality::Network => "network",
    };
    vec![check.found(cause).with("time", time.format("%Y-%m-%d %H:%M:%S"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn a_clock_that_nobody_set_is_red() {
        let mut trap = Trap::new();
        for (quality, state) in
            [(ClockQuality::Unset, Red), (ClockQuality::Rtc, Green), (ClockQuality::Network, Green)]
        {
            trap.clock.quality = quality;
            assert_eq!(trap.ask(&CHECK)[0].state, state, "{quality:?}");
        }
    }
}
