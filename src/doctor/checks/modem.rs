//! Whether each uplink's modem or server answers, hears its network, and has joined.

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Linked, Patient};
use crate::hal::Signal;

/// Weaker than this is poor: 15 steps of AT+CSQ (the Cacophony Project's limit for SIM7600), and 2 bars of a satellite
/// modem (below them sessions mostly fail).
const POOR: (i16, u8) = (-83, 2);

pub(in crate::doctor) const CHECK: Check = Check {
    name: "modem",
    causes: &[
        ("none", Grey),
        ("held", Grey),
        ("up", Green),
        ("not-joined", Amber),
        ("weak", Amber),
        ("busy", Amber),
        ("down", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    if patient.config.out.sending.uplinks.is_empty() {
        return vec![check.found("none")];
    }
    if patient.daemon.is_some() {
        return vec![check.found("held")];
    }
    let links = patient.hands.links();
    links.into_iter().map(|(name, linked)| judged(check, &linked).with("name", name)).collect()
}

fn judged(check: &Check, linked: &Linked) -> Finding {
    let (cause, signal) = match linked {
        Linked::Down(why) => return check.found("down").with("why", why),
        Linked::Busy(pause) => return check.found("busy").with("seconds", pause.as_secs()),
        Linked::NotJoined(signal) => ("not-joined", signal),
        Linked::Up(Some(Signal::Dbm(dbm))) if *dbm < POOR.0 => ("weak", &Some(Signal::Dbm(*dbm))),
        Linked::Up(Some(Signal::Bars(bars))) if *bars < POOR.1 => ("weak", &Some(Signal::Bars(*bars))),
        Linked::Up(signal) => ("up", signal),
    };
    let told = match signal {
        Some(Signal::Dbm(dbm)) => format!(", {dbm} dBm"),
        Some(Signal::Bars(bars)) => format!(", {bars}/5"),
        None => String::new(),
    };
    check.found(cause).with("signal", told)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::sending::Carrier;
    use crate::doctor::Daemon;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn a_silent_modem_is_red_and_a_poor_signal_amber() {
        let mut trap = Trap::new();
        trap.config.out.sending.uplinks = Vec::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "none");
        trap.config.out.sending.uplinks = vec![Carrier::Lorawan];
        for (linked, cause) in [
            (Linked::Up(None), "up"),
            (Linked::Up(Some(Signal::Dbm(-71))), "up"),
            (Linked::Up(Some(Signal::Dbm(-105))), "weak"),
            (Linked::Up(Some(Signal::Bars(1))), "weak"),
            (Linked::NotJoined(None), "not-joined"),
            (Linked::Busy(Duration::from_secs(9)), "busy"),
            (Linked::Down("no answer to AT".to_owned()), "down"),
        ] {
            trap.hands.links = vec![("lorawan".to_owned(), linked)];
            assert_eq!(trap.ask(&CHECK)[0].cause, cause);
        }
        trap.daemon = Some(Daemon::default());
        assert_eq!(trap.ask(&CHECK)[0].cause, "held");
    }
}
