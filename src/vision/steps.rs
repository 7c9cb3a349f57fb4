//! Looking no more than needed: motion on small pictures first, then frame by frame, the most informative first, until
//! the burst is decided. Of a frame in which something stands out as moved the detector sees that part again; where
//! nothing does, boxes too weak to say anything are looked into, over all frames. When looking ends is said by
//! [`super::cascade::Exits`].
//!
//! Every frame is read, whatever is skipped, so that a broken one is found. A burst with a frame that cannot be read or
//! compared, or with a network that fails, goes the long way: [`super::judge`] looks at all of it.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::album::side_by_side;
use super::cascade::{Exits, Stop};
use super::detect::RawBox;
use super::fuse::{self, Verdict};
use super::judge::{CLASSIFIED, Gathered, Judge, Work, millis, timed};
use super::looks::{Cuts, FirstLook, first_look};
use super::memory::Seen;
use super::motion::{self, Motion};
use super::regions;
use super::strip::Strip;
use super::{Category, FrameJudgement, Source};
use crate::image::Picture;
use crate::units::{BBox, Score};

/// Most pictures kept between motion and the detector; of longer bursts the later ones are decoded again.
const KEPT: usize = 4;
/// A picture this share as large as the detector's input is enlarged for it: 408 pixels, an eighth of 8 megapixels, for 416.
const NEARLY: f32 = 0.97;
/// Larger boxes, as a share of the picture, are not looked into: what moves in them is seen on small pictures.
const INSIDE_MAX: f32 = 0.06;

/// What a step looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// Motion over the whole burst, without the detector.
    Motion,
    /// A frame.
    Frame,
    /// Part of a frame, at native resolution.
    Region,
    /// The inside of still boxes, over all frames.
    Inside,
}

/// A step of looking and what was known after it: what exits are chosen from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    /// What it looked at.
    pub view: View,
    /// Frames that the detector has seen.
    pub frames: usize,
    /// Salience of the motion.
    pub salience: f32,
    /// The probability so far.
    pub probability: f32,
    /// Whether one more look was wanted at what was seen so far, see [`Exits`].
    pub due: bool,
    /// Milliseconds since the burst began, by the clock.
    pub ms: f32,
}

/// What the steps of one burst gather.
#[derive(Default)]
struct Trail {
    cuts: Cuts,
    inside: f32,
    /// Boxes that were looked into.
    spots: Vec<BBox>,
    /// Boxes too faint to count.
    faint: Vec<RawBox>,
    /// Second looks taken.
    again: usize,
    /// Frames seen.
    frames: usize,
}

/// What does not change over the steps of one burst.
struct Course<'a> {
    exits: &'a Exits,
    motion: &'a Motion,
    strip: Strip,
    began: Instant,
}

impl Course<'_> {
    fn lively(&self) -> bool {
        self.motion.salience >= self.exits.calm
    }
}

impl Judge {
    /// Looks until the burst is decided. `None` where it has to be looked at as a whole: without a detector, with fewer
    /// than two frames, or with one that could not be read, compared or shown to the detector.
    pub(super) fn look_by_steps(&mut self, exits: &Exits, work: &mut Work<'_>) -> Option<Gathered> {
        let began = Instant::now();
        let side = self.detector.as_ref().map(|d| nearly(d.side()))?;
        if work.album.len() < 2 {
            return None;
        }
        let (mut looks, pictures) = small_looks(exits.width, side, work);
        let (motion, strip) = self.motion(&looks, work);
        if motion.compared < looks.len() {
            return None;
        }
        let course = Course { exits, motion: &motion, strip, began };
        let mut trail = Trail::default();
        let probability = self.known(&mut looks, &course, &trail);
        self.note(View::Motion, false, probability, &course, 0);
        let stopped = if self.is_still(&looks, &motion, exits) {
            Stop::Still
        } else {
            self.walk(&mut looks, pictures, &course, &mut trail, work)?
        };
        work.looked.stopped = stopped;
        let seen = self.discount(&mut looks);
        let Trail { cuts, inside, .. } = trail;
        Some(Gathered { looks, motion, cuts, inside, seen })
    }

    /// Frame by frame until the burst is decided; `None` when the detector failed.
    fn walk(
        &mut self,
        looks: &mut [FirstLook],
        mut pictures: Vec<Option<Picture>>,
        course: &Course<'_>,
        trail: &mut Trail,
        work: &mut Work<'_>,
    ) -> Option<Stop> {
        let exits = course.exits;
        let order = informative(course.motion);
        for &frame in &order {
            let (found, faint) = self.show(frame, pictures.get_mut(frame)?.take(), exits, work)?;
            let look = looks.get_mut(frame)?;
            look.judgement.skipped = false;
            look.add(found, Source::Frame, course.motion, course.strip);
            trail.faint.extend(faint.into_iter().filter(|b| !course.strip.holds(&b.bbox)));
            trail.frames += 1;

            let again = trail.again < exits.looks && self.wants_a_second_look(frame, looks, course, work);
            if let Some(stop) = self.step(View::Frame, again, looks, course, trail) {
                return Some(stop);
            }
            if again {
                let cuts = self.look_again(looks, course.motion, course.strip, (Some(frame), 1), work);
                trail.cuts.extend(cuts);
                trail.again += 1;
                if let Some(stop) = self.step(View::Region, false, looks, course, trail) {
                    return Some(stop);
                }
            }
            let spots = self.new_spots(looks, course, trail);
            if !spots.is_empty() {
                trail.inside = trail.inside.max(self.look_inside(&spots, looks, work));
                trail.spots.extend(spots);
                if let Some(stop) = self.step(View::Inside, false, looks, course, trail) {
                    return Some(stop);
                }
            }
        }
        // Every frame was seen.
        let probability = self.known(looks, course, trail);
        let verdict = self.settings.fusion.verdict(probability);
        let kept = verdict == Verdict::Empty && probability.get() >= exits.last;
        Some(if kept { Stop::Moved } else { Stop::All })
    }

    /// Notes a step; what the burst is after it, if further ones would not change it.
    fn step(
        &mut self,
        view: View,
        again: bool,
        looks: &mut [FirstLook],
        course: &Course<'_>,
        trail: &Trail,
    ) -> Option<Stop> {
        let probability = self.known(looks, course, trail);
        let sure = probability.get() >= course.exits.alive;
        let due = again || (!sure && !self.new_spots(looks, course, trail).is_empty());
        self.note(view, due, probability, course, trail.frames);
        let verdict = self.settings.fusion.verdict(probability);
        course.exits.decided(verdict, probability, course.lively(), due, trail.frames)
    }

    /// The probability of what was seen so far; the boxes stay as they are.
    fn known(&mut self, looks: &mut [FirstLook], course: &Course<'_>, trail: &Trail) -> Score {
        let before: Vec<Vec<Score>> = looks.iter().map(confidences).collect();
        let _: Vec<Seen> = self.discount(looks);
        let probability = self.fuse(looks, course.motion, trail.inside);
        for (look, before) in looks.iter_mut().zip(before) {
            let boxes = look.judgement.detections.iter_mut();
            boxes.zip(before).for_each(|(d, confidence)| d.confidence = confidence);
        }
        probability
    }

    fn note(&mut self, view: View, due: bool, probability: Score, course: &Course<'_>, frames: usize) {
        self.steps.push(Step {
            view,
            frames,
            salience: course.motion.salience,
            probability: probability.get(),
            due,
            ms: millis(course.began),
        });
    }

    /// Whether something stands out as moved on a frame and the detector saw nothing there.
    fn wants_a_second_look(
        &self,
        frame: usize,
        looks: &[FirstLook],
        course: &Course<'_>,
        work: &Work<'_>,
    ) -> bool {
        let (Some(detector), Ok(size)) = (&self.detector, work.album.size(frame)) else { return false };
        let (width, height) = detector.input_size();
        let seen: Vec<&[super::Detection]> =
            looks.iter().map(|l| l.judgement.detections.as_slice()).collect();
        let plan = regions::plan(course.motion, &seen, size, width.max(height));
        plan.iter().any(|look| look.frame == frame)
    }

    /// Boxes worth a close look that were not looked into yet; where much moves, none: what moves inside a box says no
    /// more there.
    fn new_spots(&self, looks: &[FirstLook], course: &Course<'_>, trail: &Trail) -> Vec<BBox> {
        if course.motion.salience >= fuse::SALIENCE_MAX {
            return Vec::new();
        }
        let spots = self.spots(looks, &trail.faint, &trail.spots, course.exits.close);
        spots.into_iter().filter(|spot| spot.area() <= INSIDE_MAX).collect()
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

    /// The detector on a frame: its boxes, and those too faint to count; `None` when it failed, which is told by the long
    /// way.
    fn show(
        &mut self,
        frame: usize,
        kept: Option<Picture>,
        exits: &Exits,
        work: &mut Work<'_>,
    ) -> Option<(Vec<RawBox>, Vec<RawBox>)> {
        let began = Instant::now();
        let faintest = fuse::confidence_at(self.threshold()?, exits.close);
        let detector = self.detector.as_mut()?;
        let picture = match kept {
            Some(picture) => picture,
            None => work.album.small(frame, exits.width.max(nearly(detector.side()))).ok()?,
        };
        work.spent.decode += millis(began);
        let began = Instant::now();
        let found = detector.detect_faint(&picture, faintest).ok();
        work.looked.detector += detector.runs();
        work.spent.detect += millis(began);
        found
    }
}

/// The side that is enough for a detector whose input is `side` pixels: the decoder's steps of two would make four times
/// the pixels of what falls short by a hair.
fn nearly(side: u32) -> u32 {
    (side as f32 * NEARLY) as u32
}

fn confidences(look: &FirstLook) -> Vec<Score> {
    look.judgement.detections.iter().map(|d| d.confidence).collect()
}

/// Every frame decoded once and small, all of them skipped so far.
fn small_looks(width: u32, side: u32, work: &mut Work<'_>) -> (Vec<FirstLook>, Vec<Option<Picture>>) {
    let album = work.album;
    let indexes: Vec<usize> = (0..album.len()).collect();
    let made = side_by_side(&indexes, work.threads, |index| {
        let ((look, picture), took) = timed(|| first_look(album, index, width, side));
        (look, picture.filter(|_| index < KEPT), took)
    });
    let (mut looks, mut pictures) = (Vec::with_capacity(album.len()), Vec::with_capacity(album.len()));
    for (mut look, picture, took) in made {
        work.spent.decode += took;
        look.judgement.skipped = true;
        looks.push(look);
        pictures.push(picture);
    }
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
    fn a_picture_that_falls_short_by_a_hair_is_enough_for_the_detector() {
        // 3264 / 8 = 408 pixels for an input of 416; 320 of 416 are not.
        assert!((321..=408).contains(&nearly(416)), "{}", nearly(416));
    }
}
