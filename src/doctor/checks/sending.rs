//! Whether what was seen gets out.

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};
use crate::store::{Backlog, Reader};

/// Events that wait before it is told.
const BACKLOG: u64 = 100;

pub(in crate::doctor) const CHECK: Check = Check {
    name: "sending",
    causes: &[
        ("nothing", Grey),
        ("no-journal", Grey),
        ("never", Green),
        ("well", Green),
        ("waiting", Amber),
        ("unread", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    if patient.config.out.sending.uplinks.is_empty() {
        return vec![check.found("nothing")];
    }
    let Some(journal) = patient.journals.first().filter(|journal| journal.exists()) else {
        return vec![check.found("no-journal")];
    };
    let now = patient.clock.utc().0;
    vec![match Reader::open_readonly(journal).and_then(|reader| reader.backlog()) {
        Ok(backlog) => judged(check, &backlog, now),
        Err(error) => check.found("unread").with("why", error),
    }]
}

fn judged(check: &Check, backlog: &Backlog, now: chrono::DateTime<chrono::Utc>) -> Finding {
    let cause = match (backlog.waiting, backlog.arrived) {
        (n, _) if n >= BACKLOG => "waiting",
        (_, None) => "never",
        _ => "well",
    };
    let minutes = backlog.arrived.map_or(0, |at| (now - at).num_minutes().max(0));
    check.found(cause).with("n", backlog.waiting).with("minutes", minutes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn many_that_wait_are_amber() {
        let at = chrono::DateTime::UNIX_EPOCH;
        let cause = |waiting, arrived| judged(&CHECK, &Backlog { waiting, arrived }, at).cause;
        assert_eq!(
            [cause(0, None), cause(3, Some(at)), cause(100, Some(at)), cause(100, None)],
            ["never", "well", "waiting", "waiting"]
        );
    }

    #[test]
    fn the_journal_is_asked() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "no-journal");
        trap.journal();
        assert_eq!(trap.ask(&CHECK)[0].state, Green);
        std::fs::write(&trap.config.journal.path, "no journal").unwrap();
        assert_eq!(trap.ask(&CHECK)[0].state, Red);
        trap.config.out.sending.uplinks = Vec::new();
        assert_eq!(trap.ask(&CHECK)[0].state, Grey);
    }
}
