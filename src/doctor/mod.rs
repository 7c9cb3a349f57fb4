//! Whether the trap is well: one list of checks for the page and for `trapline doctor`, and what to do about each.
//!
//! A check asks its [`Patient`] and gives [`Finding`]s: which check, which cause, a colour, values. The sentences stand
//! in the page's catalogue in every language, by check and cause (`words`). What a check asks is a seam: the devices
//! of the board, the files below a root, a running daemon, a technician who waves; tests put others in their place.
//!
//! | file | what it is for |
//! |---|---|
//! | `patient` | what checks ask, and what a running daemon answers |
//! | `words` | sentences and cures |
//! | `checks` | one file per check |

mod checks;
mod patient;
mod words;

use serde::Serialize;
use serde_json::{Value, json};

pub use self::checks::picture::{Look, look};
pub use self::checks::space::free;
pub use self::patient::{
    Answer, Asked, Burst, Daemon, Hands, Linked, Loaded, Patient, Roots, by_journal, free_of_charge, link,
    newest_picture,
};
pub use self::words::{Language, said};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Well.
    Green,
    /// Not known, or not there.
    Grey,
    /// To be watched.
    Amber,
    /// To be mended.
    Red,
}

impl Colour {
    /// Its word in messages and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Colour::Green => "green",
            Colour::Grey => "grey",
            Colour::Amber => "amber",
            Colour::Red => "red",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the check.
    pub check: &'static str,
    /// Why it has this colour; with the check's name it names the sentence and the cure.
    pub cause: &'static str,
    /// The colour.
    pub state: Colour,
    /// What the sentence has to be filled with.
    pub values: Vec<(&'static str, String)>,
}

impl Finding {
    /// Adds a value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Finding {
        self.values.push((name, value.to_string()));
        self
    }

    /// As programs and the page read it: `id`, `cause`, `state`, `values`, and title, text and cure in `language`.
    pub fn to_json(&self, language: Language) -> Value {
        let values: serde_json::Map<String, Value> =
            self.values.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
        let (title, text, cure) = said(self, language);
        json!({
            "id": self.check, "cause": self.cause, "state": self.state, "values": values,
            "title": title, "text": text, "cure": cure,
        })
    }
}

/// A check: its name, the causes it can give (each with its colour), and what it does.
pub struct Check {
    /// Its name in `--only`, messages and the catalogue.
    pub name: &'static str,
    /// Every cause it can give.
    pub causes: &'static [(&'static str, Colour)],
    /// Whether somebody must do something for it: `--quick` and the page leave it out.
    pub hands: bool,
    examine: fn(&Check, &mut Patient<'_>) -> Vec<Finding>,
}

impl Check {
    /// A finding of one of the causes.
    fn found(&self, cause: &'static str) -> Finding {
        let state = self.causes.iter().find(|(known, _)| *known == cause).map(|(_, state)| *state);
        debug_assert!(state.is_some(), "{}: {cause} is none of its causes", self.name);
        Finding { check: self.name, cause, state: state.unwrap_or(Colour::Grey), values: Vec::new() }
    }
}

/// Every check, in the order a technician would go by.
pub const CHECKS: &[Check] = &[
    checks::configuration::CHECK,
    checks::permissions::CHECK,
    checks::systemd::CHECK,
    checks::journal::CHECK,
    checks::space::CHECK,
    checks::speed::CHECK,
    checks::wear::CHECK,
    checks::clock::CHECK,
    checks::rtc::CHECK,
    checks::wake::CHECK,
    checks::gps::CHECK,
    checks::battery::CHECK,
    checks::temperature::CHECK,
    checks::throttling::CHECK,
    checks::models::CHECK,
    checks::judging::CHECK,
    checks::camera::CHECK,
    checks::picture::CHECK,
    checks::modem::CHECK,
    checks::sending::CHECK,
    checks::bundles::CHECK,
    checks::pir::CHECK,
];

/// Goes through the checks whose name `wanted` takes; `told` hears of each finding as it comes.
pub fn examine(
    patient: &mut Patient<'_>,
    wanted: &dyn Fn(&Check) -> bool,
    told: &mut dyn FnMut(&Finding),
) -> Vec<Finding> {
    let mut all = Vec::new();
    for check in CHECKS.iter().filter(|check| wanted(check)) {
        for finding in (check.examine)(check, patient) {
            told(&finding);
            all.push(finding);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_sentence_in_every_language_and_what_is_not_well_its_cure() {
        for check in CHECKS {
            for (cause, state) in check.causes {
                let finding = Finding { check: check.name, cause, state: *state, values: Vec::new() };
                for language in Language::ALL {
                    let (title, text, cure) = said(&finding, language);
                    assert!(title != check.name && !text.starts_with("found."), "{} {cause}", check.name);
                    let needs = matches!(state, Colour::Amber | Colour::Red);
                    assert_eq!(!cure.is_empty(), needs, "{} {cause}: {cure}", check.name);
                }
            }
        }
    }

    #[test]
    fn every_check_can_be_green_and_names_are_unique() {
        let mut names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CHECKS.len());
        for check in CHECKS {
            assert!(check.causes.iter().any(|(_, state)| *state == Colour::Green), "{}", check.name);
        }
    }
}
