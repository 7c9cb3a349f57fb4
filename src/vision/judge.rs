//! All the steps in order: the one door through which a burst becomes a [`Judgement`].

use super::{FrameJudgement, Judgement, Spent};
use crate::event::Outcome;
use crate::units::Score;

/// A frame to judge: its JPEG bytes, or why the camera gave none.
pub type Frame<'a> = Result<&'a [u8], &'a str>;

/// Judges bursts; holds the networks and what was learnt of the scene.
#[derive(Debug, Default)]
pub struct Judge {}

impl Judge {
    /// Judges one burst. Never fails: what could not be read or run is in the judgement.
    pub fn judge(&mut self, frames: &[Frame<'_>]) -> Judgement {
        Judgement {
            outcome: Outcome::Failed,
            probability: Score::ZERO,
            frames: frames
                .iter()
                .map(|f| FrameJudgement { failed: f.err().map(str::to_owned), ..FrameJudgement::default() })
                .collect(),
            sightings: Vec::new(),
            faults: Vec::new(),
            spent: Spent::default(),
        }
    }
}
