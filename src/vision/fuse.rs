//! One calibrated probability per burst that something living (or a vehicle) is in it.
//!
//! A logistic model over a few clues whose meaning does not depend on the camera or the network: motion in
//! spreads of its own picture, detector scores relative to the network's own threshold. The signs of all
//! weights are fixed by that meaning, so that a fit can never turn a clue round; `models/recipes/fit_fusion.py`
//! fits their sizes on bursts of the bench world.

use serde::{Deserialize, Serialize};

use super::motion::Motion;
use super::{Detection, regions};
use crate::units::Score;

/// What is known of a burst when all has been looked at.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What moved.
    pub motion: &'a Motion,
    /// Boxes of every frame that could be read, whole frame and second look, after the memory's discount.
    pub frames: &'a [&'a [Detection]],
    /// The detector's own threshold; `None` when there is no detector.
    pub threshold: Option<Score>,
    /// The largest [`super::motion::inside`] of the detector's boxes; 0 for none.
    pub inside: f32,
}

/// What the model weighs. All are 0 when they say nothing, and larger means more likely alive, except
/// `silence`, which speaks against.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clues {
    /// Salience of the motion, 0..=[`SALIENCE_MAX`]; [`SALIENCE_UNKNOWN`] when frames could not be compared.
    pub motion: f32,
    /// The best box in which something moved: log-odds above those of [`REACH_MOVING`] times the threshold's odds.
    pub moving_box: f32,
    /// The best box in which nothing moved: log-odds above those of [`REACH_STILL`] times the threshold's odds.
    pub still_box: f32,
    /// Share of the frames with a box of at least half the threshold, 0..=1.
    pub persistence: f32,
    /// How far the whole scene is another from frame to frame, 0..=1: a covered lens, something very close.
    pub upheaval: f32,
    /// 1 when something moved, a detector looked at it and saw nothing at all.
    pub silence: f32,
}

/// More salience than this says no more: the smallest of the birds in the test bursts reach it.
pub const SALIENCE_MAX: f32 = 8.0;
/// What a single frame counts as: short of the odds-even point, so that without a box it is rather empty.
pub const SALIENCE_UNKNOWN: f32 = 4.2;
/// Odds, relative to those of the threshold, from which a moving box counts: a twentieth (0.25 becomes 0.016).
const REACH_MOVING: f32 = 0.05;
/// Odds, relative to those of the threshold, from which a still box counts: a third (0.25 becomes 0.1).
const REACH_STILL: f32 = 1.0 / 3.0;
/// Unrest of the stormiest scene seen; beyond it the scene is another.
const UNREST_STORM: f32 = 0.3;
/// Unrest of a scene that is another altogether.
const UNREST_OTHER: f32 = 0.5;

/// What was seen, in numbers that carry from camera to camera.
pub fn clues(evidence: &Evidence<'_>) -> Clues {
    let motion = evidence.motion;
    let comparable = motion.compared >= 2;
    let mut clues = Clues {
        motion: if comparable {
            motion.salience.max(evidence.inside).clamp(0.0, SALIENCE_MAX)
        } else {
            SALIENCE_UNKNOWN
        },
        upheaval: ((motion.unrest - UNREST_STORM) / (UNREST_OTHER - UNREST_STORM)).clamp(0.0, 1.0),
        ..Clues::default()
    };
    let Some(threshold) = evidence.threshold else { return clues };
    let best = |moving: bool| {
        let of_kind = evidence.frames.iter().flat_map(|f| f.iter()).filter(|d| d.moving == moving);
        of_kind.map(|d| d.confidence.get()).fold(0.0, f32::max)
    };
    let above = |score: f32, reach: f32| (log_odds(score) - log_odds(threshold.get()) - reach.ln()).max(0.0);
    clues.moving_box = above(best(true), REACH_MOVING);
    clues.still_box = above(best(false), REACH_STILL);
    let supported = |f: &&&[Detection]| f.iter().any(|d| 2.0 * d.confidence.get() >= threshold.get());
    if !evidence.frames.is_empty() {
        clues.persistence =
            evidence.frames.iter().filter(supported).count() as f32 / evidence.frames.len() as f32;
    }
    let answered = |d: &Detection| motion.regions.iter().any(|r| regions::belongs(&d.bbox, &r.bbox));
    let moved = comparable && !motion.regions.is_empty();
    let heard = clues.moving_box > 0.0 || evidence.frames.iter().flat_map(|f| f.iter()).any(answered);
    clues.silence = f32::from(u8::from(moved && !heard));
    clues
}

/// Whether a box says anything at all against a detector's `threshold`: what neither a moving nor a still box
/// of its kind is weighed for is noise.
pub fn counts(detection: &Detection, threshold: Score) -> bool {
    let reach = if detection.moving { REACH_MOVING } else { REACH_STILL };
    log_odds(detection.confidence.get()) > log_odds(threshold.get()) + reach.ln()
}

/// Natural logarithm of the odds; scores are kept away from 0 and 1 so that it stays finite.
fn log_odds(score: f32) -> f32 {
    let p = score.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln()
}

/// The fitted model and where it draws the lines.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fusion {
    /// Log-odds with no clue at all.
    pub bias: f32,
    /// Weight of each clue; all at least 0, that of `silence` at most 0.
    pub weights: Clues,
    /// A burst less probable than this is empty, 0..=1.
    pub floor: f32,
    /// A burst at least this probable is a sighting, 0..=1; between the two it is uncertain.
    pub threshold: f32,
}

impl Default for Fusion {
    /// Weights as reasoned from the test bursts; a fit may replace them.
    ///
    /// Motion is even at 4.9: the stormiest empties reach 3.9 under any perturbation tried, animals 5.3. A still
    /// box is even only near 0.8, a moving one helps from a sixtieth. A detector that is silent about what
    /// moves keeps the burst uncertain.
    fn default() -> Self {
        Fusion {
            bias: -7.8,
            weights: Clues {
                motion: 1.6,
                moving_box: 0.9,
                still_box: 1.8,
                persistence: 0.5,
                upheaval: 7.0,
                silence: -3.5,
            },
            floor: 0.25,
            threshold: 0.75,
        }
    }
}

/// What the probability of a burst makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Below the floor: nothing living in it.
    Empty,
    /// Between the floor and the threshold: kept for human eyes.
    Uncertain,
    /// At or above the threshold.
    Alive,
}

impl Fusion {
    /// The probability that a burst with these clues holds something.
    pub fn probability(&self, clues: &Clues) -> Score {
        let w = &self.weights;
        let log_odds = self.bias
            + w.motion * clues.motion
            + w.moving_box * clues.moving_box
            + w.still_box * clues.still_box
            + w.persistence * clues.persistence
            + w.upheaval * clues.upheaval
            + w.silence * clues.silence;
        Score::new(1.0 / (1.0 + (-log_odds).exp()))
    }

    /// What to make of a probability. Whether the burst may be called empty at all (no failed frame, no failed
    /// inference) is for the caller to know.
    pub fn verdict(&self, probability: Score) -> Verdict {
        match probability.get() {
            p if p < self.floor => Verdict::Empty,
            p if p < self.threshold => Verdict::Uncertain,
            _ => Verdict::Alive,
        }
    }

    /// Why these numbers cannot be used, naming the key; `None` when they can.
    pub fn fault(&self) -> Option<&'static str> {
        let w = &self.weights;
        let positive = [w.motion, w.moving_box, w.still_box, w.persistence, w.upheaval];
        if positive.iter().any(|v| !v.is_finite() || *v < 0.0) {
            Some("weights: all but silence must be finite and at least 0")
        } else if !w.silence.is_finite() || w.silence > 0.0 {
            Some("weights.silence must be finite and at most 0")
        } else if !self.bias.is_finite() {
            Some("bias must be finite")
        } else if !(0.0 <= self.floor && self.floor <= self.threshold && self.threshold <= 1.0) {
            Some("floor and threshold must be 0 <= floor <= threshold <= 1")
        } else {
            None
        }
    }
}
