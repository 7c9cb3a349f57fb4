//! How much is free on the card.

use std::path::Path;

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::{Check, Finding, Patient};

/// Free space below which the card is watched, and below which it is nearly full, percent.
const CARD: (u8, u8) = (20, 5);

pub(in crate::doctor) const CHECK: Check = Check {
    name: "card",
    causes: &[("not-told", Grey), ("well", Green), ("filling", Amber), ("full", Red)],
    hands: false,
    examine,
};

/// Bytes and percent free where `folder` lies.
pub fn free(folder: &Path) -> Option<(u64, u8)> {
    let card = rustix::fs::statvfs(folder).ok()?;
    let percent = card.f_bavail.saturating_mul(100).checked_div(card.f_blocks)?;
    Some((card.f_bavail.saturating_mul(card.f_frsize), u8::try_from(percent).ok()?))
}

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    vec![judged(check, free(&patient.card()))]
}

fn judged(check: &Check, free: Option<(u64, u8)>) -> Finding {
    let Some((bytes, percent)) = free else { return check.found("not-told") };
    let cause = match percent {
        p if p < CARD.1 => "full",
        p if p < CARD.0 => "filling",
        _ => "well",
    };
    check.found(cause).with("percent", percent).with("mb", bytes / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn a_full_card_is_red() {
        let states =
            [None, Some((1, 3)), Some((1, 10)), Some((1, 60))].map(|free| judged(&CHECK, free).state);
        assert_eq!(states, [Grey, Red, Amber, Green]);
    }

    #[test]
    fn the_card_of_the_journal_is_asked() {
        let mut trap = Trap::new();
        assert_ne!(trap.ask(&CHECK)[0].cause, "not-told");
        trap.config.journal.path = "/no/such/folder/trap.db".into();
        assert_eq!(trap.ask(&CHECK)[0].cause, "not-told");
    }
}
