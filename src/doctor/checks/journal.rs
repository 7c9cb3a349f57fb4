//! Whether the journal is sound and can be written.

use std::path::Path;

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};
use crate::store::{Notebook, Reader};

/// Under this name the journal keeps when it was last tried by writing.
const TRIED: &str = "doctor.tried";

pub(in crate::doctor) const CHECK: Check = Check {
    name: "journal",
    causes: &[
        ("none", Grey),
        ("well", Green),
        ("only-read", Amber),
        ("unwritable", Red),
        ("damaged", Red),
        ("unreadable", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let (now, at_home) = (patient.clock.utc().0.timestamp(), patient.at_home);
    let look = |path: &std::path::PathBuf| look(check, path, now, at_home).with("file", path.display());
    patient.journals.iter().map(look).collect()
}

fn look(check: &Check, path: &Path, now: i64, at_home: bool) -> Finding {
    if !path.exists() {
        return check.found("none");
    }
    // A reader of its own: this may take long, and others go on meanwhile.
    let reader = match Reader::open_readonly(path) {
        Ok(reader) => reader,
        Err(error) => return check.found("unreadable").with("why", error),
    };
    match reader.verify() {
        Ok(damaged) if !damaged.is_empty() => return check.found("damaged").with("n", damaged.len()),
        Err(error) => return check.found("unreadable").with("why", error),
        Ok(_) => {}
    }
    let written = Notebook::open(path).and_then(|mut book| book.put_state(TRIED, &now.to_le_bytes()));
    if let Err(error) = written {
        return check.found(if at_home { "only-read" } else { "unwritable" }).with("why", error);
    }
    match reader.summaries(0) {
        Ok(bursts) => check.found("well").with("n", bursts.items.len()),
        Err(error) => check.found("unreadable").with("why", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn a_sound_journal_is_green_a_damaged_one_red_and_none_is_told() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "none");
        trap.journal();
        let found = trap.ask(&CHECK).remove(0);
        assert_eq!((found.state, found.values[0].1.as_str()), (Green, "1"), "{found:?}");
        let journal = trap.config.journal.path.clone();
        let bytes = std::fs::read(&journal).unwrap();
        std::fs::write(&journal, [b"no journal at all".as_slice(), &bytes[17..]].concat()).unwrap();
        assert_eq!(trap.ask(&CHECK)[0].state, Red);
    }
}
