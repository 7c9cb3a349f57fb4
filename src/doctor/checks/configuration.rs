//! Whether the configuration that the next start would read is valid.

use crate::config::Config;
use crate::doctor::Colour::{Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};

pub(in crate::doctor) const CHECK: Check = Check {
    name: "configuration",
    causes: &[("none", Grey), ("valid", Green), ("wrong", Red)],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    vec![match patient.file {
        None => check.found("none"),
        Some(file) => match Config::load(file) {
            Ok(_) => check.found("valid").with("file", file.display()),
            Err(error) => check.found("wrong").with("why", error),
        },
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn a_wrong_file_is_red_and_a_right_one_green() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "none");
        let file = trap.path("site.toml");
        std::fs::write(&file, "[burst]\nframes = 3").unwrap();
        trap.file = Some(file.clone());
        assert_eq!(trap.ask(&CHECK)[0].state, Green);
        std::fs::write(&file, "[burst]\nframes = 99").unwrap();
        let found = trap.ask(&CHECK).remove(0);
        assert_eq!(found.state, Red);
        assert!(found.values[0].1.contains("burst.frames"), "{found:?}");
    }
}
