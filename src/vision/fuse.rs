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
    /// The largest `inside::inside` of the detector's boxes; 0 for none.
    pub inside: f32,
}

/// What the model weighs. All are 0 when they say nothing, and larger means more likely alive, except
/// `silence`, which speaks against.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clues {
    /// Salience of the motion, 0..=[`SALIENCE_MAX`]; [`SALIENCE_UNKNOWN`] when frames could not be compared.
    pub motion: f32,
    /// The best box in which something moved, or may have: log-odds above those of `REACH_MOVING` times the threshold's odds.
    pub moving_box: f32,
    /// The best box in which nothing moved: log-odds above those of `REACH_STILL` times the threshold's odds.
    pub still_box: f32,
    /// Share of the frames with a box of at least half the threshold, 0..=1.
    pub persistence: f32,
    /// How far a large part of the scene was replaced, 0..=1: something big or near, a hand over the lens.
    pub upheaval: f32,
    /// 1 when something moved, a detector looked at it and saw nothing at all.
    pub silence: f32,
}

/// More salience than this says no more, so that motion alone, with a detector that sees nothing in it, stays
/// uncertain however strong: a branch before the lens is as salient as a jaguar.
pub const SALIENCE_MAX: f32 = 6.5;
/// What a single frame counts as where a detector looked: below the odds-even point, so that without any box it
/// is rather empty.
pub const SALIENCE_UNKNOWN: f32 = 4.0;
/// What a single frame counts as where nothing can look at it: about even, so that it is kept.
pub const SALIENCE_BLIND: f32 = 4.9;
/// Odds, relative to those of the threshold, from which a moving box counts: a tenth (0.25 becomes 0.032).
const REACH_MOVING: f32 = 0.1;
/// Odds, relative to those of the threshold, from which a still box counts: a third (0.25 becomes 0.1).
const REACH_STILL: f32 = 1.0 / 3.0;
/// Odds, relative to those of the threshold, from which a close look is taken: a twentieth (0.25 becomes 0.016).
pub const REACH_LOOK: f32 = 0.05;
/// Replacement that a storm reaches (0.49 in the stormiest test burst).
const REPLACED_STORM: f32 = 0.5;
/// Replacement that only a body before the lens reaches (a jaguar 0.6, a hand 0.8).
const REPLACED_BODY: f32 = 0.65;

/// What was seen, in numbers that carry from camera to camera.
pub fn clues(evidence: &Evidence<'_>) -> Clues {
    let motion = evidence.motion;
    let comparable = motion.compared >= 2;
    let mut clues = Clues {
        motion: if comparable {
            motion.salience.max(evidence.inside).clamp(0.0, SALIENCE_MAX)
        } else if evidence.threshold.is_some() {
            SALIENCE_UNKNOWN
        } else {
            SALIENCE_BLIND
        },
        upheaval: ((motion.replaced - REPLACED_STORM) / (REPLACED_BODY - REPLACED_STORM)).clamp(0.0, 1.0),
        ..Clues::default()
    };
    let Some(threshold) = evidence.threshold else { return clues };
    // Where nothing could be compared, no box is known to be still.
    let best = |moving: bool| {
        let is = |d: &&Detection| (d.moving || !comparable) == moving;
        let of_kind = evidence.frames.iter().flat_map(|f| f.iter()).filter(is);
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

/// Whether a box is worth a close look (`inside::inside`), from `reach` times the threshold's odds on: what moves in
/// even a very weak box says more than the box.
pub fn worth_a_look(confidence: Score, threshold: Score, reach: f32) -> bool {
    log_odds(confidence.get()) > log_odds(threshold.get()) + reach.ln()
}

/// The confidence with `reach` times the odds of `threshold`.
pub fn confidence_at(threshold: Score, reach: f32) -> f32 {
    let odds = reach * log_odds(threshold.get()).exp();
    odds / (1.0 + odds)
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
    /// Motion is even at 4.9: the stormiest empties reach 4.2 and animals start at 7.4, perturbed 5.0 and 4.7. A
    /// still box is even only near 0.75 (for a threshold of 0.25), a moving one helps from 0.03. Where a detector
    /// is silent about what moves, the burst is uncertain at most.
    fn default() -> Self {
        Fusion {
            bias: -7.8,
            weights: Clues {
                motion: 1.6,
                moving_box: 0.9,
                still_box: 1.6,
                persistence: 0.5,
                upheaval: 5.0,
                silence: -2.0,
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
            Some("`empty` must not be above `sighting`, both 0 to 1 (defaults 0.25 and 0.75)")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::BBox;
    use crate::vision::motion::Region;
    use crate::vision::{Category, Source};

    fn boxed(confidence: f32, moving: bool) -> Detection {
        Detection {
            bbox: BBox { x: 0.4, y: 0.4, w: 0.2, h: 0.2 },
            category: Category::Animal,
            confidence: Score::new(confidence),
            moving,
            source: Source::Frame,
            track: 0,
            logits: None,
            embedding: None,
        }
    }

    fn moved(salience: f32) -> Motion {
        let bbox = BBox { x: 0.4, y: 0.4, w: 0.2, h: 0.2 };
        let regions = vec![Region { bbox, salience, frames: vec![1.0; 3] }];
        Motion { compared: 3, salience, regions, ..Motion::default() }
    }

    fn still() -> Motion {
        Motion { compared: 3, salience: 0.8, ..Motion::default() }
    }

    const NONE: &[Detection] = &[];

    fn verdict(motion: &Motion, frames: &[&[Detection]], detector: bool) -> Verdict {
        let threshold = detector.then(|| Score::new(0.25));
        let clues = clues(&Evidence { motion, frames, threshold, inside: 0.0 });
        let fusion = Fusion::default();
        fusion.verdict(fusion.probability(&clues))
    }

    #[test]
    fn odds_relative_to_the_threshold_by_hand() {
        let strong = [boxed(0.5, true)];
        let weak = [boxed(0.25, false)];
        let got = clues(&Evidence {
            motion: &moved(7.0),
            frames: &[&strong, &weak, NONE],
            threshold: Some(Score::new(0.25)),
            inside: 0.0,
        });
        // ln(1) − ln(1/3) − ln(0.1) = ln 30; at the threshold itself ln 3; boxes in two of three frames.
        assert!((got.moving_box - 30f32.ln()).abs() < 1e-5);
        assert!((got.still_box - 3f32.ln()).abs() < 1e-5);
        assert!((got.persistence - 2.0 / 3.0).abs() < 1e-6);
        assert_eq!((got.motion, got.silence, got.upheaval), (SALIENCE_MAX, 0.0, 0.0));
    }

    #[test]
    fn boxes_are_worth_a_close_look_from_the_confidence_at_their_reach_on() {
        // A threshold of 0.25 has odds of 1 to 3; a fiftieth of that is 1 to 150.
        let threshold = Score::new(0.25);
        let faintest = confidence_at(threshold, 0.02);
        assert!((faintest - 1.0 / 151.0).abs() < 1e-6);
        assert!(worth_a_look(Score::new(faintest + 1e-4), threshold, 0.02));
        assert!(!worth_a_look(Score::new(faintest - 1e-4), threshold, 0.02));
    }

    #[test]
    fn still_bursts_without_boxes_are_empty_and_storms_too() {
        assert_eq!(verdict(&still(), &[NONE; 3], true), Verdict::Empty);
        assert_eq!(verdict(&still(), &[NONE; 3], false), Verdict::Empty);
        assert_eq!(verdict(&moved(4.2), &[NONE; 3], true), Verdict::Empty);
    }

    #[test]
    fn motion_stands_on_its_own_without_a_detector_and_is_doubted_by_a_silent_one() {
        assert_eq!(verdict(&moved(8.0), &[NONE; 3], false), Verdict::Alive);
        assert_eq!(verdict(&moved(8.0), &[NONE; 3], true), Verdict::Uncertain);
        let faint = [boxed(0.05, true)];
        assert_eq!(verdict(&moved(8.0), &[&faint, NONE, NONE], true), Verdict::Alive);
    }

    #[test]
    fn a_strong_box_that_does_not_move_is_kept_and_a_forgotten_stump_is_not() {
        let leaf = [boxed(0.8, false)];
        assert_ne!(verdict(&still(), &[&leaf, &leaf, &leaf], true), Verdict::Empty);
        // The memory has taken the weight from it.
        let stump = [boxed(0.0, false)];
        assert_eq!(verdict(&still(), &[&stump, &stump, &stump], true), Verdict::Empty);
    }

    #[test]
    fn a_single_frame_is_judged_by_the_detector_and_kept_without_one() {
        let single = Motion { compared: 1, ..Motion::default() };
        let seen = [boxed(0.4, false)];
        assert_eq!(verdict(&single, &[&seen], true), Verdict::Alive);
        assert_eq!(verdict(&single, &[NONE], true), Verdict::Empty);
        assert_eq!(verdict(&single, &[NONE], false), Verdict::Uncertain);
    }

    #[test]
    fn every_clue_turns_the_probability_its_own_way() {
        let fusion = Fusion::default();
        let base = Clues { motion: 3.0, ..Clues::default() };
        let p = |c: Clues| fusion.probability(&c).get();
        for more in [
            Clues { motion: 4.0, ..base },
            Clues { moving_box: 1.0, ..base },
            Clues { still_box: 1.0, ..base },
            Clues { persistence: 1.0, ..base },
            Clues { upheaval: 1.0, ..base },
        ] {
            assert!(p(more) > p(base), "{more:?}");
        }
        assert!(p(Clues { silence: 1.0, ..base }) < p(base));
        // By hand: −7.8 + 1.6 · 3 = −3; 1 / (1 + e³) = 0.04743.
        assert!((p(base) - 0.04743).abs() < 1e-4);
    }

    #[test]
    fn weights_of_the_wrong_sign_are_refused() {
        let good = Fusion::default();
        assert_eq!(good.fault(), None);
        let mut bad = good;
        bad.weights.motion = -1.0;
        assert!(bad.fault().is_some_and(|f| f.starts_with("weights")));
        assert!(Fusion { floor: 0.9, ..good }.fault().is_some_and(|f| f.starts_with("`empty`")));
        assert!(Fusion { bias: f32::NAN, ..good }.fault().is_some());
    }
}
