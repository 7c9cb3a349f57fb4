//! Whether the networks load, and what they can name.

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};
use crate::engine::manifest::Manifest;

pub(in crate::doctor) const CHECK: Check = Check {
    name: "models",
    causes: &[("well", Green), ("held", Grey), ("none", Amber), ("no-classifier", Amber), ("broken", Red)],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    vec![match &patient.daemon {
        Some(daemon) => match &daemon.models {
            Some(names) => judged(check, names),
            None => held(check, patient),
        },
        None => match patient.networks() {
            Ok(loaded) => judged(check, &loaded.names).with("ms", loaded.took.as_millis()),
            Err(why) => check.found("broken").with("why", why),
        },
    }]
}

/// A running trap has them in memory, and there may not be room for them twice: their manifests are read.
fn held(check: &Check, patient: &Patient<'_>) -> Finding {
    let manifests = &patient.config.models.manifests;
    match manifests.iter().find_map(|path| Manifest::load(path).err()) {
        Some(error) => check.found("broken").with("why", error),
        None => check.found("held").with("n", manifests.len()),
    }
}

fn judged(check: &Check, names: &[String]) -> Finding {
    let cause = match names {
        [] => "none",
        names if !names.iter().any(|name| name.starts_with("classifier")) => "no-classifier",
        _ => "well",
    };
    check.found(cause).with("names", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Daemon;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn networks_that_do_not_load_are_red() {
        let mut trap = Trap::new();
        let detector = "detector a@12".to_owned();
        for (names, cause) in [
            (vec![], "none"),
            (vec![detector.clone()], "no-classifier"),
            (vec![detector, "classifier b@34".to_owned()], "well"),
        ] {
            trap.hands.models = Ok(names);
            assert_eq!(trap.ask(&CHECK)[0].cause, cause);
        }
        trap.hands.models = Err("the hash is another".to_owned());
        assert_eq!(trap.ask(&CHECK)[0].state, Red);
    }

    #[test]
    fn a_running_trap_is_asked_and_its_manifests_read() {
        let mut trap = Trap::new();
        trap.daemon = Some(Daemon { models: Some(vec!["classifier b@34".to_owned()]), ..Daemon::default() });
        assert_eq!(trap.ask(&CHECK)[0].state, Green);
        trap.daemon = Some(Daemon::default());
        assert_eq!(trap.ask(&CHECK)[0].cause, "held");
        trap.config.models.manifests = vec!["/no/such/model".into()];
        assert_eq!(trap.ask(&CHECK)[0].cause, "broken");
    }
}
