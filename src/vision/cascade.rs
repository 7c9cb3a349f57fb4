//! Looking no more than needed: motion on small pictures first, then frame by frame, the most informative first, until
//! the burst is decided. What each exit saves and what it misses is measured in `docs/cascade.md`.
//!
//! Every frame is read, whatever is skipped, so that a broken one is found. A burst with a frame that cannot be read or
//! compared, or with a network that fails, goes the long way: [`super::judge`] looks at all of it.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::album::each_ahead;
use super::detect::Detector;
use super::fuse::{self, Verdict};
use super::judge::{CLASSIFIED, Gathered, Judge, Work, millis, timed};
use super::looks::{Cuts, FirstLook, first_look};
use super::memory::Seen;
use super::motion::{self, Motion};
use super::{Category, FrameJudgement, Source};
use crate::image::Picture;
use crate::units::{BBox, Score};

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// Everything: each frame, again where something moved.
    #[default]
    Full,
    /// Until the burst is decided.
    Cascade,
    /// Less than that: some certainty is traded for energy.
    Frugal,
}

/// When looking ends early. Fitted on bursts of the bench world, see `docs/cascade.md`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exits {
    /// Width of the pictures that motion is looked for on, pixels; [`motion::WIDTH`] is the plain path's.
    pub width: u32,
    /// A burst whose salience stays below this, in a scene that is known, is empty without any look; 0: never.
    pub still: f32,
    /// A burst whose salience stays below this may be empty after one frame. A livelier one that is not recognised is
    /// never empty without a second look: what moved is kept as uncertain.
    pub calm: f32,
    /// Below this probability a burst is empty; 0: never before all was looked at.
    pub empty: f32,
    /// Frames of a lively burst that are looked at before it is given up as unrecognised; the one that differs most may
    /// be the one that the animal has left. 0: all, and again.
    pub frames: usize,
    /// From this probability on it is alive; above 1: never.
    pub alive: f32,
    /// Most second looks at what moved.
    pub looks: usize,
    /// Most boxes classified of one individual, the most confident.
    pub crops: usize,
}

impl Exits {
    /// No exit at all.
    pub const NONE: Exits = Exits {
        width: motion::WIDTH,
        still: 0.0,
        calm: 0.0,
        empty: 0.0,
        frames: 0,
        alive: 2.0,
        looks: super::regions::LOOKS_MAX,
        crops: usize::MAX,
    };
    /// Those of [`Effort::Cascade`].
    pub const CASCADE: Exits = Exits {
        width: motion::WIDTH / 2,
        still: 0.0,
        calm: 3.0,
        empty: 0.15,
        frames: 2,
        alive: 0.9,
        looks: 1,
        crops: 2,
    };
    /// Those of [`Effort::Frugal`].
    pub const FRUGAL: Exits = Exits {
        still: 1.0,
        calm: 4.5,
        empty: 0.2,
        frames: 1,
        alive: 0.75,
        looks: 0,
        crops: 1,
        ..Exits::CASCADE
    };
}

impl Default for Exits {
    fn default() -> Self {
        Exits::NONE
    }
}

impl Effort {
    /// When looking ends early; `None`: never.
    pub fn exits(self) -> Option<Exits> {
        match self {
            Effort::Full => None,
            Effort::Cascade => Some(Exits::CASCADE),
            Effort::Frugal => Some(Exits::FRUGAL),
        }
    }
}

/// Why looking ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// Nothing moved in a known scene: no frame was shown to the detector.
    Still,
    /// What was seen so far was decided to be empty.
    Empty,
    /// What was seen so far was decided to be alive.
    Alive,
    /// Something moved and was not recognised: it was kept as uncertain, and further looks were spared.
    Moved,
    /// All frames were looked at.
    #[default]
    All,
}

impl Stop {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Stop::Still => "still",
            Stop::Empty => "decided as empty",
            Stop::Alive => "decided as alive",
            Stop::Moved => "moved, not recognised, kept",
            Stop::All => "undecided until the last",
        }
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Looked {
    /// Runs of the detector.
    pub detector: u32,
    /// Runs of the classifier.
    pub classifier: u32,
    /// Why it ended there; of several bursts the one that looked longest.
    pub stopped: Stop,
}

impl Looked {
    /// Of several bursts together.
    pub(super) fn all(bursts: impl Iterator<Item = Looked>) -> Looked {
        let of = bursts.reduce(|sum, one| Looked {
            detector: sum.detector + one.detector,
            classifier: sum.classifier + one.classifier,
            stopped: sum.stopped.max(one.stopped),
        });
        of.unwrap_or_default()
    }
}

/// Most pictures kept between motion and the detector; of longer bursts the later ones are decoded again.
const KEPT: usize = 4;

impl Judge {
    /// Looks until the burst is decided. `None` where it has to be looked at as a whole: without a detector, with fewer
    /// than two frames, or with one that could not be read, compared or shown to the detector.
    pub(super) fn look_by_steps(&mut self, exits: &Exits, work: &mut Work<'_>) -> Option<Gathered> {
        let side = self.detector.as_ref().map(Detector::side)?;
        if work.album.len() < 2 {
            return None;
        }
        let (mut looks, mut pictures) = small_looks(exits.width, side, work);
        let (motion, strip) = self.motion(&looks, work);
        if motion.compared < looks.len() {
            return None;
        }
        let mut stopped = Stop::All;
        if self.is_still(&looks, &motion, exits) {
            stopped = Stop::Still;
        } else {
            for (nth, &frame) in informative(&motion).iter().enumerate() {
                let found = self.show(frame, pictures.get_mut(frame)?.take(), (exits.width, side), work)?;
                let look = looks.get_mut(frame)?;
                look.judgement.skipped = false;
                look.add(found, Source::Frame, &motion, strip);
                let left = nth + 1 < looks.len();
                if let Some(decided) = self.decided(&mut looks, &motion, nth + 1, exits).filter(|_| left) {
                    stopped = decided;
                    break;
                }
            }
        }
        work.looked.stopped = stopped;
        let (mut cuts, mut inside) = (Cuts::default(), 0.0);
        if stopped == Stop::All {
            if exits.looks > 0 {
                cuts = self.look_again(&mut looks, &motion, strip, exits.looks, work);
            }
            inside = self.look_inside(&mut looks, work);
        }
        let seen = self.discount(&mut looks);
        if stopped == Stop::All && exits.frames > 0 && motion.salience >= exits.calm {
            // Fewer second looks than the plain path takes make it less probable than there.
            let probability = self.fuse(&looks, &motion, inside);
            let verdict = self.settings.fusion.verdict(probability);
            if verdict == Verdict::Empty && probability.get() >= exits.empty {
                work.looked.stopped = Stop::Moved;
            }
        }
        Some(Gathered { looks, motion, cuts, inside, seen })
    }

    /// Whether nothing moves, in a scene that is known, and that alone makes the burst empty.
    fn is_still(&mut self, looks: &[FirstLook], motion: &Motion, exits: &Exits) -> bool {
        let known = |look: &FirstLook| {
            let scene = &self.learnt.scene;
            look.luma.as_ref().is_some_and(|luma| scene.knows(luma, look.judgement.infrared))
        };
        if motion.salience >= exits.still || !looks.iter().all(known) {
            return false;
        }
        let probability = self.fuse(looks, motion, 0.0);
        self.settings.fusion.verdict(probability) == Verdict::Empty
    }

    /// The detector on a frame; `None` when it failed, which is told by the long way.
    fn show(
        &mut self,
        frame: usize,
        kept: Option<Picture>,
        (width, side): (u32, u32),
        work: &mut Work<'_>,
    ) -> Option<Vec<super::detect::RawBox>> {
        let began = Instant::now();
        let picture = match kept {
            Some(picture) => picture,
            None => work.album.small(frame, width.max(side)).ok()?,
        };
        work.spent.decode += millis(began);
        let began = Instant::now();
        let detector = self.detector.as_mut()?;
        let found = detector.detect(&picture).ok();
        work.looked.detector += detector.runs();
        work.spent.detect += millis(began);
        found
    }

    /// What the burst is after `count` frames, if further ones would not change it.
    fn decided(
        &mut self,
        looks: &mut [FirstLook],
        motion: &Motion,
        count: usize,
        exits: &Exits,
    ) -> Option<Stop> {
        let before: Vec<Vec<Score>> = looks.iter().map(confidences).collect();
        let _: Vec<Seen> = self.discount(looks);
        let probability = self.fuse(looks, motion, 0.0);
        for (look, before) in looks.iter_mut().zip(before) {
            let boxes = look.judgement.detections.iter_mut();
            boxes.zip(before).for_each(|(d, confidence)| d.confidence = confidence);
        }
        let verdict = self.settings.fusion.verdict(probability);
        let calm = motion.salience < exits.calm;
        match verdict {
            Verdict::Alive if probability.get() >= exits.alive => Some(Stop::Alive),
            // What turns its head in a weak box is found by a close look, for which all frames are needed.
            Verdict::Empty if self.asks_for_a_close_look(looks) => None,
            Verdict::Empty if calm && probability.get() < exits.empty => Some(Stop::Empty),
            Verdict::Empty if !calm && exits.frames > 0 && count >= exits.frames => Some(Stop::Moved),
            _ => None,
        }
    }

    fn asks_for_a_close_look(&self, looks: &[FirstLook]) -> bool {
        let Some(threshold) = self.detector.as_ref().map(|d| Score::new(d.threshold())) else { return false };
        let mut boxes = looks.iter().flat_map(|l| &l.judgement.detections);
        boxes.any(|d| !d.moving && fuse::worth_a_look(d, threshold))
    }
}

fn confidences(look: &FirstLook) -> Vec<Score> {
    look.judgement.detections.iter().map(|d| d.confidence).collect()
}

/// Every frame decoded once and small, all of them skipped so far.
fn small_looks(width: u32, side: u32, work: &mut Work<'_>) -> (Vec<FirstLook>, Vec<Option<Picture>>) {
    let album = work.album;
    let indexes: Vec<usize> = (0..album.len()).collect();
    let (mut looks, mut pictures) = (Vec::with_capacity(album.len()), Vec::with_capacity(album.len()));
    each_ahead(
        &indexes,
        work.threads,
        |index| timed(|| first_look(album, index, width, side)),
        |index, ((mut look, picture), took)| {
            work.spent.decode += took;
            look.judgement.skipped = true;
            looks.push(look);
            pictures.push(picture.filter(|_| index < KEPT));
        },
    );
    (looks, pictures)
}

/// The frames in the order in which they tell most: by how much of what moved each shows as no other does.
pub fn informative(motion: &Motion) -> Vec<usize> {
    let mass = |frame: usize| -> f32 {
        let region = |r: &motion::Region| r.salience * r.frames.get(frame).copied().unwrap_or(0.0);
        motion.regions.iter().map(region).sum::<f32>() + motion.frames.get(frame).copied().unwrap_or(0.0)
    };
    let mut order: Vec<usize> = (0..motion.frames.len()).collect();
    order.sort_by(|&a, &b| mass(b).total_cmp(&mass(a)));
    order
}

/// The boxes to classify, as (frame, box): of every animal at most `crops`, its most confident ones.
pub(super) fn chosen(frames: &[FrameJudgement], crops: usize) -> Vec<(usize, BBox)> {
    let mut all: Vec<(usize, u32, Score, BBox)> = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let animals = frame.detections.iter().filter(|d| d.category == Category::Animal).take(CLASSIFIED);
        all.extend(animals.map(|d| (index, d.track, d.confidence, d.bbox)));
    }
    all.sort_by(|a, b| b.2.get().total_cmp(&a.2.get()));
    let mut taken: BTreeMap<u32, usize> = BTreeMap::new();
    all.retain(|(_, track, ..)| {
        let taken = taken.entry(*track).or_default();
        *taken += 1;
        *taken <= crops
    });
    let mut boxes: Vec<(usize, BBox)> = all.into_iter().map(|(index, _, _, bbox)| (index, bbox)).collect();
    boxes.sort_by_key(|(index, _)| *index);
    boxes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::Detection;

    #[test]
    fn the_frame_that_shows_most_of_what_moved_comes_first() {
        let region = motion::Region { bbox: BBox::FULL, salience: 8.0, frames: vec![0.1, 0.2, 0.9] };
        let motion = Motion { frames: vec![0.3, 0.1, 0.1], regions: vec![region], ..Motion::default() };
        assert_eq!(informative(&motion), [2, 1, 0]);
        // Nothing moved: in order.
        assert_eq!(informative(&Motion { frames: vec![0.0; 3], ..Motion::default() }), [0, 1, 2]);
    }

    #[test]
    fn of_each_animal_the_most_confident_boxes_are_classified_and_no_person() {
        let found = |track: u32, confidence: f32, x: f32| Detection {
            bbox: BBox { x, y: 0.1, w: 0.1, h: 0.1 },
            category: if track == 9 { Category::Person } else { Category::Animal },
            confidence: Score::new(confidence),
            moving: true,
            source: Source::Frame,
            track,
            logits: None,
            embedding: None,
        };
        let frame = |detections| FrameJudgement { detections, ..FrameJudgement::default() };
        let frames = [
            frame(vec![found(0, 0.4, 0.1), found(1, 0.3, 0.2)]),
            frame(vec![found(0, 0.9, 0.3), found(9, 0.9, 0.4)]),
            frame(vec![found(0, 0.6, 0.5)]),
        ];
        let at = |crops| chosen(&frames, crops).iter().map(|(f, b)| (*f, b.x)).collect::<Vec<_>>();
        assert_eq!(at(1), [(0, 0.2), (1, 0.3)]);
        assert_eq!(at(2), [(0, 0.2), (1, 0.3), (2, 0.5)]);
        assert_eq!(at(usize::MAX).len(), 4);
    }

    #[test]
    fn of_several_bursts_the_longest_look_counts() {
        let one = |detector, stopped| Looked { detector, classifier: 1, stopped };
        let all = Looked::all([one(1, Stop::Empty), one(3, Stop::All), one(0, Stop::Still)].into_iter());
        assert_eq!(all, Looked { detector: 4, classifier: 3, stopped: Stop::All });
    }
}
