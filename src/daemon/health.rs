//! What happened, counted: since the last effort row (for the journal) and since the start (for people).

use std::time::Duration;

use crate::event::Outcome;
use crate::store::Effort;
use crate::vision::Spent;

/// Counts since the start of the daemon.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Bursts in the journal, by outcome in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Frames asked of the camera.
    pub frames: u64,
    /// Bytes the camera gave.
    pub taken: u64,
    /// Bytes written to the card as pictures.
    pub kept: u64,
    /// Bursts whose pictures should have been kept and could not be.
    pub pictureless: u64,
    /// Bursts that could not even be journaled: nothing of them is left but this count and a log line.
    pub bursts_lost: u64,
    /// Pictures deleted to make room.
    pub media_deleted: u64,
    /// Events queued for sending.
    pub events: u64,
    /// Time spent per step, milliseconds, summed.
    pub spent: Spent,
    /// Time from shutter to verdict, summed.
    pub judging: Duration,
}

impl Totals {
    /// Bursts in the journal.
    pub fn bursts(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Bursts of one outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        Outcome::ALL.iter().zip(&self.outcomes).filter(|(o, _)| **o == outcome).map(|(_, n)| *n).sum()
    }

    pub(super) fn count(&mut self, outcome: Outcome) {
        for (known, n) in Outcome::ALL.iter().zip(&mut self.outcomes) {
            *n += u64::from(*known == outcome);
        }
    }

    pub(super) fn spend(&mut self, spent: &Spent, judging: Duration) {
        self.spent.decode += spent.decode;
        self.spent.motion += spent.motion;
        self.spent.detect += spent.detect;
        self.spent.classify += spent.classify;
        self.spent.second += spent.second;
        self.spent.network += spent.network;
        self.judging += judging;
    }
}

/// Counts of [`Effort`] since its last row.
#[derive(Debug, Default)]
pub(super) struct Watch(Effort);

impl Watch {
    pub(super) fn trigger(&mut self, suppressed: u32) {
        self.0.triggers += 1;
        self.suppressed(suppressed);
    }

    pub(super) fn suppressed(&mut self, suppressed: u32) {
        self.0.suppressed = self.0.suppressed.saturating_add(suppressed);
    }

    pub(super) fn failed_capture(&mut self) {
        self.0.failed_captures += 1;
    }

    pub(super) fn judged(&mut self, outcome: Outcome) {
        self.0.bursts += 1;
        self.0.empties += u32::from(outcome == Outcome::Empty);
    }

    /// What is to be written; counting goes on until [`Watch::written`].
    pub(super) fn effort(&self) -> &Effort {
        &self.0
    }

    /// The row is on the card: counts from zero.
    pub(super) fn written(&mut self) {
        self.0 = Effort::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_each_for_itself() {
        let mut totals = Totals::default();
        for outcome in [Outcome::Empty, Outcome::Empty, Outcome::Failed] {
            totals.count(outcome);
        }
        assert_eq!((totals.of(Outcome::Empty), totals.of(Outcome::Failed), totals.bursts()), (2, 1, 3));
    }

    #[test]
    fn effort_counts_triggers_empties_and_what_was_swallowed_until_written() {
        let mut watch = Watch::default();
        watch.trigger(2);
        watch.trigger(1);
        watch.judged(Outcome::Empty);
        watch.failed_capture();
        watch.judged(Outcome::Failed);
        watch.suppressed(4);
        let expected = Effort { triggers: 2, bursts: 2, empties: 1, suppressed: 7, failed_captures: 1 };
        assert_eq!(watch.effort(), &expected);
        watch.written();
        assert_eq!(watch.effort(), &Effort::default());
    }
}
