//! What becomes of a burst's boxes once its probability is known: noise goes, motion without a box gets one, animals
//! are shown to the classifier.

use std::time::Instant;

use super::album::each_ahead;
use super::judge::{Judge, Work, millis};
use super::looks::{Cuts, FirstLook};
use super::motion::Motion;
use super::steps::chosen;
use super::{Category, Detection, FrameJudgement, Source, fuse};
use crate::units::Score;

/// A frame shows a region that moved when at least this share of what changed there is its own.
const SHOWS_REGION: f32 = 0.3;

impl Judge {
    /// Boxes too weak to have counted for anything are noise. Weak boxes of people and vehicles stand for something
    /// that is there but say little of what it is: they become boxes of animals, unless the burst shows people or
    /// vehicles for sure, whose parts they then are.
    pub(super) fn weigh_weak(&self, looks: &mut [FirstLook]) {
        let Some(threshold) = self.threshold() else { return };
        let doubtful = |d: &Detection| d.confidence.get() < believed(d.category, threshold);
        let all = || looks.iter().flat_map(|l| &l.judgement.detections);
        let sure = |category| all().any(|d| d.category == category && !doubtful(d));
        let sure = [Category::Person, Category::Vehicle].map(|category| (category, sure(category)));
        for boxes in looks.iter_mut().map(|l| &mut l.judgement.detections) {
            boxes.retain(|d| fuse::counts(d, threshold));
            for found in boxes.iter_mut().filter(|d| doubtful(d)) {
                if !sure.contains(&(found.category, true)) {
                    found.category = Category::Animal;
                }
            }
        }
    }

    /// Where something living moved and no box says what, the most salient region is the box.
    pub(super) fn box_motion(&self, frames: &mut [FrameJudgement], motion: &Motion, probability: Score) {
        let Some(region) = motion.regions.first().filter(|_| frames.iter().all(|f| f.detections.is_empty()))
        else {
            return;
        };
        let most = region.frames.iter().copied().fold(0.0, f32::max);
        for (frame, share) in frames.iter_mut().zip(&region.frames) {
            if frame.failed.is_none() && most > 0.0 && *share >= SHOWS_REGION * most {
                frame.detections.push(Detection {
                    bbox: region.bbox,
                    category: Category::Animal,
                    confidence: probability,
                    moving: true,
                    source: Source::Motion,
                    track: 0,
                    logits: None,
                    embedding: None,
                });
            }
        }
    }

    /// The classifier on every animal box, at full resolution: on what was cut before, or on the frame decoded again.
    /// Returns what was cut.
    pub(super) fn classify(
        &mut self,
        frames: &mut [FrameJudgement],
        mut cuts: Cuts,
        crops: usize,
        work: &mut Work<'_>,
    ) -> Cuts {
        let Some((classifier, _)) = &mut self.classifier else { return cuts };
        let wanted = chosen(frames, crops);
        let mut missing: Vec<usize> =
            wanted.iter().filter(|(at, bbox)| cuts.find(*at, bbox).is_none()).map(|(at, _)| *at).collect();
        missing.dedup();
        let album = work.album;
        each_ahead(
            &missing,
            work.threads,
            |index| album.view(index),
            |index, view| match view {
                Ok(view) => {
                    let here = wanted.iter().filter(|(at, _)| *at == index);
                    here.for_each(|(at, bbox)| cuts.add(classifier, *at, &view, *bbox));
                    work.spent.decode += view.took().as_secs_f32() * 1000.0;
                }
                Err(reason) => work.faults.push(reason),
            },
        );
        let began = Instant::now();
        for (index, frame) in frames.iter_mut().enumerate() {
            let animals = frame.detections.iter_mut().filter(|d| d.category == Category::Animal);
            for detection in animals.filter(|d| wanted.contains(&(index, d.bbox))) {
                let logits = match cuts.find(index, &detection.bbox) {
                    Some(Ok(cut)) => {
                        work.looked.classifier += classifier.runs();
                        classifier.logits_of(cut)
                    }
                    Some(Err(error)) => Err(error.clone()),
                    None => continue,
                };
                match logits {
                    Ok(logits) => detection.logits = Some(logits),
                    Err(error) => work.faults.push(error.to_string()),
                }
            }
        }
        work.spent.classify += millis(began);
        cuts
    }
}

/// Confidence from which the detector is believed about the category. A person is believed at half the threshold:
/// taking an animal for a person costs a picture, the other way round somebody's privacy.
fn believed(category: Category, threshold: Score) -> f32 {
    match category {
        Category::Animal => 0.0,
        Category::Person => threshold.get() / 2.0,
        Category::Vehicle => threshold.get(),
    }
}
