//! Whether the power board that is to wake the machine answers, and knows the time.

use crate::board::Power;
use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};

pub(in crate::doctor) const CHECK: Check = Check {
    name: "wake",
    causes: &[
        ("none", Grey),
        ("clock", Grey),
        ("held", Grey),
        ("well", Green),
        ("no-time", Amber),
        ("silent", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let name = match patient.profile.map(|profile| &profile.power) {
        None | Some(Power::None | Power::Bench | Power::Outside) => return vec![check.found("none")],
        // That is the clock's own check.
        Some(Power::Rtc { name, .. }) => return vec![check.found("clock").with("name", name)],
        Some(Power::WittyPi(_) | Power::PiJuice(_)) if patient.daemon.is_some() => {
            return vec![check.found("held")];
        }
        Some(Power::WittyPi(_)) => "Witty Pi",
        Some(Power::PiJuice(_)) => "PiJuice",
    };
    // Only read: a daemon that starts next greets it.
    let found = match patient.hands.control().map(|mut control| control.time()) {
        None => check.found("none"),
        Some(Ok(Some(time))) => check.found("well").with("time", time.format("%Y-%m-%d %H:%M:%S")),
        Some(Ok(None)) => check.found("no-time"),
        Some(Err(fault)) => check.found("silent").with("why", fault),
    };
    vec![found.with("name", name)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Profile;
    use crate::doctor::Daemon;
    use crate::doctor::checks::fake::{Board, Trap};

    #[test]
    fn a_power_board_is_red_when_it_is_silent_and_amber_without_the_time() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "none");
        trap.profile = Some(Profile::parse("[power]\ndriver = \"rtc\"", "b.toml").unwrap());
        assert_eq!(trap.ask(&CHECK)[0].cause, "clock");
        trap.profile = Some(Profile::parse("[power]\ndriver = \"witty-pi\"", "b.toml").unwrap());
        for (board, cause) in [(Board::Silent, "silent"), (Board::Lost, "no-time"), (Board::Knows, "well")] {
            trap.hands.board = board;
            let found = &trap.ask(&CHECK)[0];
            assert_eq!(found.cause, cause);
            assert!(found.values.contains(&("name", "Witty Pi".to_owned())));
        }
        trap.daemon = Some(Daemon::default());
        assert_eq!(trap.ask(&CHECK)[0].cause, "held");
    }
}
