//! Looking at all of a burst: the detector on every frame, again where something moved, and close looks into boxes
//! that stand still. [`super::cascade`] takes some of these steps and leaves the others out.

use std::time::Instant;

use super::album::{Album, each_ahead};
use super::detect::{Detector, RawBox};
use super::judge::{CLASSIFIED, Gathered, Judge, Work, millis, timed};
use super::looks::{CloseUps, Cuts, FirstLook, SAME_OBJECT, first_look};
use super::memory::Seen;
use super::motion::{self, Motion};
use super::regions::{self, Look};
use super::strip::Strip;
use super::{Detection, Source, fuse};
use crate::image::{self, Gray};
use crate::units::{BBox, Score};

/// Most still boxes whose inside is looked at closely; each costs as much as motion on a small picture.
const CLOSE_LOOKS: usize = 4;

/// Motion inside a box from which it counts as moving: where [`Fusion::default`] holds motion alone for even.
const MOVES_INSIDE: f32 = 4.9;

impl Judge {
    /// Everything there is to see: the detector on every frame, again where something moved, and close looks.
    pub(super) fn look_at_all(&mut self, work: &mut Work<'_>) -> Gathered {
        let (mut looks, found) = self.first_looks(work);
        let (motion, strip) = self.motion(&looks, work);
        // Nothing is known of what they show against the others: they are no part of an empty.
        for &frame in &motion.odd {
            work.fault(another_size(frame));
        }
        for (look, found) in looks.iter_mut().zip(found) {
            look.add(found, Source::Frame, &motion, strip);
        }
        let cuts = self.look_again(&mut looks, &motion, strip, (None, regions::LOOKS_MAX), work);
        let spots = self.spots(&looks, &[], &[], fuse::REACH_LOOK);
        let inside = self.look_inside(&spots, &mut looks, work);
        let seen = self.discount(&mut looks);
        Gathered { looks, motion, cuts, inside, seen }
    }

    /// What moved outside of the strip, and the strip.
    pub(super) fn motion(&self, looks: &[FirstLook], work: &mut Work<'_>) -> (Motion, Strip) {
        let began = Instant::now();
        let lumas: Vec<Option<&Gray>> = looks.iter().map(|l| l.luma.as_ref()).collect();
        let strip = self.strip(&lumas);
        let motion = motion::evidence(&lumas, strip);
        work.spent.motion += millis(began);
        (motion, strip)
    }

    fn strip(&self, lumas: &[Option<&Gray>]) -> Strip {
        if !self.settings.find_strip {
            return self.settings.strip;
        }
        let found = lumas.iter().flatten().map(|l| Strip::find(l));
        found.fold(self.settings.strip.with(self.learnt.strip.strip()), Strip::with)
    }

    /// Every frame decoded as small as motion and the detector allow, and the detector's boxes on it.
    fn first_looks(&mut self, work: &mut Work<'_>) -> (Vec<FirstLook>, Vec<Vec<RawBox>>) {
        let side = self.detector.as_ref().map_or(0, Detector::side);
        let album = work.album;
        let count = album.len();
        let (mut looks, mut boxes) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let indexes: Vec<usize> = (0..count).collect();
        each_ahead(
            &indexes,
            work.threads,
            |index| timed(|| first_look(album, index, motion::WIDTH, side)),
            |_, ((mut look, picture), took)| {
                work.spent.decode += took;
                let began = Instant::now();
                let found = match (&mut self.detector, &picture) {
                    (Some(detector), Some(picture)) => {
                        let found = detector.detect(picture);
                        work.looked.detector += detector.runs();
                        found
                    }
                    _ => Ok(Vec::new()),
                };
                boxes.push(found.unwrap_or_else(|error| {
                    work.faults.push(error.to_string());
                    look.judgement.failed = Some(error.to_string());
                    Vec::new()
                }));
                looks.push(look);
                work.spent.detect += millis(began);
            },
        );
        (looks, boxes)
    }

    /// The detector at native resolution where something moved and the first pass saw nothing, so many times at `most`,
    /// on the frame `only` if it is given. Returns what the classifier may want of the frames it decoded.
    pub(super) fn look_again(
        &mut self,
        looks: &mut [FirstLook],
        motion: &Motion,
        strip: Strip,
        (only, most): (Option<usize>, usize),
        work: &mut Work<'_>,
    ) -> Cuts {
        let mut cuts = Cuts::default();
        let Some(detector) = &mut self.detector else { return cuts };
        let side = detector.input_size().0.max(detector.input_size().1);
        let Some(first) = motion
            .compared
            .checked_sub(2)
            .and_then(|_| looks.iter().position(|l| l.judgement.failed.is_none()))
        else {
            return cuts;
        };
        let album = work.album;
        let size = match album.size(first) {
            Ok(size) => size,
            Err(reason) => {
                work.faults.push(reason);
                return cuts;
            }
        };
        let seen: Vec<&[Detection]> = looks.iter().map(|l| l.judgement.detections.as_slice()).collect();
        let mut plan = regions::plan(motion, &seen, size, side);
        plan.retain(|look| only.is_none_or(|frame| look.frame == frame));
        plan.truncate(most);
        let planned = |frame: usize| plan.iter().any(|look| look.frame == frame);
        let sound = |(frame, look): (usize, &FirstLook)| {
            (planned(frame) && look.judgement.failed.is_none()).then_some(frame)
        };
        let frames: Vec<usize> = looks.iter().enumerate().filter_map(sound).collect();
        let classifier = self.classifier.as_ref().map(|(classifier, _)| classifier);
        each_ahead(
            &frames,
            work.threads,
            |frame| album.view(frame),
            |frame, view| {
                let began = Instant::now();
                let (Some(look), Ok(whole)) = (looks.get_mut(frame), &view) else {
                    work.faults.extend(view.err());
                    return;
                };
                for Look { crop, .. } in plan.iter().filter(|look| look.frame == frame) {
                    let region =
                        image::Region { x: crop.x, y: crop.y, width: crop.width, height: crop.height };
                    work.looked.detector += 1;
                    match detector.detect_in(whole, &region.to_bbox(size.0, size.1)) {
                        Ok(found) => look.add(found, Source::Region, motion, strip),
                        Err(error) => work.faults.push(error.to_string()),
                    }
                }
                if let Some(classifier) = classifier {
                    let boxes = look.judgement.detections.iter().take(CLASSIFIED);
                    boxes.for_each(|d| cuts.add(classifier, frame, whole, d.bbox));
                }
                let took = whole.took().as_secs_f32() * 1000.0;
                work.spent.decode += took;
                work.spent.detect += millis(began) - took;
            },
        );
        cuts
    }

    /// Still boxes that come back in every sequence lose their weight. Returns what the boxes were before.
    pub(super) fn discount(&self, looks: &mut [FirstLook]) -> Vec<Seen> {
        let mut all = Vec::new();
        for detection in looks.iter_mut().flat_map(|l| &mut l.judgement.detections) {
            let Detection { bbox, category, confidence, moving, .. } = *detection;
            let seen = Seen { bbox, category, confidence, moving };
            detection.confidence = Score::new(confidence.get() * self.learnt.scene.weight(&seen));
            all.push(seen);
        }
        all
    }

    /// Where a close look is worth it: the most confident still boxes from `reach` times the threshold's odds on, those of
    /// `faint` among them, [`CLOSE_LOOKS`] in all with those that were `looked` at before.
    pub(super) fn spots(
        &self,
        looks: &[FirstLook],
        faint: &[RawBox],
        looked: &[BBox],
        reach: f32,
    ) -> Vec<BBox> {
        let Some(threshold) = self.threshold() else { return Vec::new() };
        let boxes = looks.iter().flat_map(|l| &l.judgement.detections).filter(|d| !d.moving);
        let boxes = boxes.map(|d| (d.confidence, d.bbox)).chain(faint.iter().map(|b| (b.confidence, b.bbox)));
        let mut still: Vec<(f32, BBox)> = boxes
            .filter(|(confidence, _)| fuse::worth_a_look(*confidence, threshold, reach))
            .map(|(confidence, bbox)| (confidence.get(), bbox))
            .collect();
        still.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut spots = looked.to_vec();
        for (_, bbox) in still {
            if spots.len() < CLOSE_LOOKS && spots.iter().all(|s| s.iou(&bbox) < SAME_OBJECT) {
                spots.push(bbox);
            }
        }
        spots.split_off(looked.len())
    }

    /// Looks closely into still boxes: a bird that turns its head moves too little for [`motion::evidence`], a stump not
    /// at all. Returns the strongest motion inside a box.
    pub(super) fn look_inside(&self, spots: &[BBox], looks: &mut [FirstLook], work: &mut Work<'_>) -> f32 {
        if spots.is_empty() {
            return 0.0;
        }
        let sound = |(index, look): (usize, &FirstLook)| look.judgement.failed.is_none().then_some(index);
        let readable: Vec<usize> = looks.iter().enumerate().filter_map(sound).collect();
        let album = work.album;
        let (readable, odd) = same_size(album, &readable);
        odd.into_iter().for_each(|frame| work.fault(another_size(frame)));
        let mut close = CloseUps::new(spots);
        each_ahead(
            &readable,
            work.threads,
            |index| album.view(index),
            |_, view| match view {
                Ok(view) => {
                    work.faults.extend(close.add(&view).err());
                    work.spent.decode += view.took().as_secs_f32() * 1000.0;
                }
                Err(reason) => work.faults.push(reason),
            },
        );
        let began = Instant::now();
        let mut strongest = 0.0f32;
        for (at, spot) in spots.iter().enumerate() {
            let inside = close.motion_inside(at);
            if inside >= MOVES_INSIDE {
                let here = looks.iter_mut().flat_map(|l| &mut l.judgement.detections);
                here.filter(|d| d.bbox.iou(spot) >= SAME_OBJECT).for_each(|d| d.moving = true);
            }
            strongest = strongest.max(inside);
        }
        work.spent.motion += millis(began);
        strongest
    }
}

/// Those of `frames` whose pictures have the commonest size, and the others.
fn same_size(album: &Album<'_>, frames: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let sizes: Vec<(u32, u32)> = frames.iter().filter_map(|&frame| album.size(frame).ok()).collect();
    let most = motion::commonest(sizes.into_iter());
    frames.iter().partition(|&&frame| album.size(frame).ok() == most)
}

fn another_size(frame: usize) -> String {
    format!("frame {} has another size than most of the burst and was not compared with them", frame + 1)
}
