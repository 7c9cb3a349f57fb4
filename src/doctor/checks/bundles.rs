//! What signed bundles are in force, and what became of the last one.

use crate::bundle::{Happened, Kind, RealDisk, Slots};
use crate::doctor::Colour::{Amber, Green, Grey};
use crate::doctor::{Check, Finding, Patient};

pub(in crate::doctor) const CHECK: Check = Check {
    name: "bundles",
    causes: &[
        ("off", Grey),
        ("none", Grey),
        ("well", Green),
        ("trial", Amber),
        ("refused", Amber),
        ("reverted", Amber),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let chosen = &patient.config.bundles;
    if chosen.keys.is_empty() {
        return vec![check.found("off")];
    }
    let state = Slots::new(&chosen.folder, RealDisk).state();
    if let Some(last) = state.log.last() {
        let cause = match last.what {
            Happened::Refused => Some("refused"),
            Happened::Reverted => Some("reverted"),
            Happened::Installed | Happened::Good => None,
        };
        if let Some(cause) = cause {
            return vec![check.found(cause).with("why", format!("{}: {}", last.bundle, last.why))];
        }
    }
    let standing = Kind::ALL.map(|kind| (kind, state.of(kind)));
    let named = standing.iter().filter_map(|(kind, s)| Some((kind, s.current.as_ref()?, s.trial)));
    let names: Vec<String> =
        named.clone().map(|(kind, slot, _)| format!("{} {}", kind.as_str(), slot.version)).collect();
    let cause = match named.clone().any(|(_, _, trial)| trial.is_some()) {
        _ if names.is_empty() => "none",
        true => "trial",
        false => "well",
    };
    vec![check.found(cause).with("names", names.join(", "))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Recipe, Target, install, key_pair, pack, seal, sign};
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn a_bundle_on_trial_is_amber_and_a_good_one_green() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "off");
        let (public, secret) = key_pair(None).unwrap();
        trap.config.bundles.keys = vec![public.clone()];
        trap.config.bundles.folder = trap.path("bundles");
        assert_eq!(trap.ask(&CHECK)[0].cause, "none");
        trap.put("overlay/trapline.toml", "[burst]\nframes = 2");
        let one = || vec!["*".to_owned()];
        let recipe = Recipe {
            kind: Kind::Config,
            version: 1,
            sites: one(),
            boards: one(),
            description: String::new(),
        };
        let (_, archive) = pack(&trap.path("overlay"), &recipe).unwrap();
        let file = trap.path("c.bundle");
        std::fs::write(&file, seal(&sign(&archive, &secret, None, "c").unwrap(), &archive)).unwrap();
        let slots = Slots::new(&trap.config.bundles.folder, RealDisk);
        let target = Target { site: "a".into(), board: "bench".into(), keys: vec![public], most: 1 << 20 };
        let now = trap.clock.utc;
        install(&slots, &file, &target, &mut |_, _| Ok("well".to_owned()), now).unwrap();
        assert_eq!(trap.ask(&CHECK)[0].cause, "trial");
        slots.healthy_burst(1, now).unwrap();
        assert_eq!(trap.ask(&CHECK)[0].cause, "well");
        install(&slots, &file, &target, &mut |_, _| Ok("well".to_owned()), now).unwrap_err();
        assert_eq!(trap.ask(&CHECK)[0].cause, "refused");
        slots.revert(Kind::Config, "it was asked for", now).unwrap();
        assert_eq!(trap.ask(&CHECK)[0].cause, "reverted");
    }
}
