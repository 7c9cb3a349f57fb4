//! Keeps the bursts of the open sequence as they were judged, so that its label can be recomputed from all their
//! frames when another burst joins it.

use super::record::observation;
use crate::event::Outcome;
use crate::store::{Recorded, SequenceVerdict};
use crate::vision::Judgement;

/// Most bursts kept of one sequence: an animal that rests before the trap for an hour must not fill the memory.
/// Beyond it the oldest empties, then the oldest, are left out of the recomputation; with 3 frames each, 100 frames and more still count.
const MOST: usize = 40;

/// The sequence that is still open.
#[derive(Debug, Default)]
pub struct OpenSequence {
    number: u64,
    bursts: Vec<Judgement>,
}

impl OpenSequence {
    /// Takes in a recorded burst; gives all bursts of its sequence where it joined others.
    ///
    /// After a restart in the middle of a sequence the bursts before it are not at hand as judged (the journal
    /// keeps no logits): then the label stays what it was, which is `None` here.
    pub fn join(&mut self, recorded: &Recorded, judged: Judgement) -> Option<&[Judgement]> {
        if !recorded.joined {
            *self = OpenSequence { number: recorded.sequence, bursts: vec![judged] };
            return None;
        }
        if self.number != recorded.sequence {
            return None;
        }
        if self.bursts.len() == MOST {
            // What was seen stays; empties go first.
            let oldest = self.bursts.iter().position(|b| b.outcome == Outcome::Empty).unwrap_or(0);
            self.bursts.remove(oldest);
        }
        self.bursts.push(judged);
        Some(&self.bursts)
    }
}

/// A merged judgement as the journal takes it.
pub fn verdict(merged: &Judgement) -> SequenceVerdict {
    SequenceVerdict {
        outcome: merged.outcome,
        probability: merged.probability,
        observations: merged.sightings.iter().map(observation).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKey, Outcome};
    use crate::units::Score;
    use crate::vision::Spent;
    use crate::vision::cascade::Looked;

    fn recorded(sequence: u64, joined: bool) -> Recorded {
        let key = EventKey { boot: 1, number: 1 };
        Recorded { key, sequence, joined, events: Vec::new(), reserve_used: false }
    }

    fn judged(p: f32) -> Judgement {
        Judgement {
            outcome: Outcome::Empty,
            probability: Score::new(p),
            frames: Vec::new(),
            sightings: Vec::new(),
            faults: Vec::new(),
            looked: Looked::default(),
            spent: Spent::default(),
        }
    }

    #[test]
    fn only_bursts_that_join_are_merged_and_only_with_their_own() {
        let mut open = OpenSequence::default();
        assert_eq!(open.join(&recorded(9, true), judged(0.1)), None, "its first burst was before this start");
        assert_eq!(open.join(&recorded(10, false), judged(0.2)), None);
        assert_eq!(open.join(&recorded(10, true), judged(0.3)), Some(&[judged(0.2), judged(0.3)][..]));
        assert_eq!(open.join(&recorded(11, false), judged(0.4)), None);
        assert_eq!(open.join(&recorded(11, true), judged(0.5)), Some(&[judged(0.4), judged(0.5)][..]));
    }

    #[test]
    fn a_long_sequence_forgets_its_oldest_bursts() {
        let mut open = OpenSequence::default();
        open.join(&recorded(1, false), judged(0.0));
        for _ in 0..MOST {
            open.join(&recorded(1, true), judged(1.0));
        }
        assert_eq!(open.bursts.len(), MOST);
        assert!(open.bursts.iter().all(|b| b.probability == Score::ONE));
    }
}
