//! Whether what was seen gets out.

use chrono::{DateTime, TimeDelta, Utc};

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
        ("hours", Green),
        ("days", Green),
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

fn judged(check: &Check, backlog: &Backlog, now: DateTime<Utc>) -> Finding {
    let cause = match (backlog.waiting, backlog.arrived) {
        (n, _) if n >= BACKLOG => "waiting",
        (_, None) => "never",
        (_, Some(at)) if now - at < TimeDelta::hours(2) => "well",
        (_, Some(at)) if now - at < TimeDelta::days(2) => "hours",
        _ => "days",
    };
    let since = backlog.arrived.map_or(TimeDelta::zero(), |at| (now - at).max(TimeDelta::zero()));
    let ago = match cause {
        "hours" => since.num_hours(),
        "days" => since.num_days(),
        _ => since.num_minutes(),
    };
    check.found(cause).with("n", backlog.waiting).with("ago", ago)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn many_that_wait_are_amber_and_the_last_arrival_is_told_in_its_unit() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(400);
        let found = |waiting, since: Option<TimeDelta>| {
            let arrived = since.map(|since| now - since);
            let found = judged(&CHECK, &Backlog { waiting, arrived }, now);
            let ago = found.values.iter().find(|(name, _)| *name == "ago").map(|(_, value)| value.clone());
            (found.cause, ago.unwrap_or_default())
        };
        let cause = |waiting, since| found(waiting, since).0;
        assert_eq!(
            [cause(0, None), cause(100, Some(TimeDelta::zero())), cause(100, None)],
            ["never", "waiting", "waiting"]
        );
        // In the unit that one says it in.
        let told = |since| found(3, Some(since));
        assert_eq!(told(TimeDelta::minutes(119)), ("well", "119".to_owned()));
        assert_eq!(told(TimeDelta::minutes(47 * 60 + 59)), ("hours", "47".to_owned()));
        assert_eq!(told(TimeDelta::hours(49)), ("days", "2".to_owned()));
        // A clock that was set back.
        assert_eq!(told(-TimeDelta::hours(3)), ("well", "0".to_owned()));
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
