//! What is held of a burst's frames while it is judged: small looks with their boxes, close-ups, the classifier's cuts.

use super::album::{self, Album};
use super::detect::RawBox;
use super::inside;
use super::motion::{self, Motion};
use super::namer::{Crop as Sized, Namer};
use super::regions::{self, Crop};
use super::strip::Strip;
use super::{Detection, FrameJudgement, Source};
use crate::engine::EngineError;
use crate::image::{self, Gray, ImageError, Picture, Pixels, View, Want};
use crate::units::BBox;

/// Boxes on one spot are one object when they overlap so much; the usual value for merging two detector passes.
pub(super) const SAME_OBJECT: f32 = 0.5;

/// Boxes of full pictures at the classifiers' sizes, so that no full picture must be kept for it.
#[derive(Default)]
pub(super) struct Cuts(Vec<(usize, BBox, Result<Sized, EngineError>)>);

impl Cuts {
    pub(super) fn add(&mut self, namer: &Namer, frame: usize, picture: &impl Pixels, bbox: BBox) {
        if self.find(frame, &bbox).is_none() {
            self.0.push((frame, bbox, namer.cut(picture, &bbox)));
        }
    }

    /// Takes those of `more` that are not there yet.
    pub(super) fn extend(&mut self, more: Cuts) {
        for (frame, bbox, cut) in more.0 {
            if self.find(frame, &bbox).is_none() {
                self.0.push((frame, bbox, cut));
            }
        }
    }

    pub(super) fn find(&self, frame: usize, bbox: &BBox) -> Option<&Result<Sized, EngineError>> {
        self.0.iter().find(|(f, b, _)| *f == frame && b == bbox).map(|(_, _, cut)| cut)
    }
}

/// The surroundings of a few boxes over the frames of a burst, about twice [`motion::WIDTH`] wide.
pub(super) struct CloseUps<'a> {
    spots: &'a [BBox],
    size: (u32, u32),
    lumas: Vec<Vec<Gray>>,
}

impl<'a> CloseUps<'a> {
    pub(super) fn new(spots: &'a [BBox]) -> Self {
        CloseUps { spots, size: (0, 0), lumas: vec![Vec::new(); spots.len()] }
    }

    /// Takes a frame in; all must have one size.
    pub(super) fn add(&mut self, frame: &View<'_, '_>) -> Result<(), String> {
        let want = Want::LongSide(2 * motion::WIDTH);
        let size = frame.size_at(want);
        if self.size == (0, 0) {
            self.size = size;
        }
        if self.size != size {
            return Err(format!(
                "a close look at {} × {} pixels among others of {} × {}",
                size.0, size.1, self.size.0, self.size.1
            ));
        }
        for (spot, lumas) in self.spots.iter().zip(&mut self.lumas) {
            let around = Crop::around(spot, self.size);
            let region =
                image::Region { x: around.x, y: around.y, width: around.width, height: around.height };
            match frame.luma_at(want, region) {
                Ok(luma) => lumas.push(luma),
                // A box of no size has nothing inside.
                Err(ImageError::Size { .. }) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }

    /// How far something inside the spot numbered `at` moved.
    pub(super) fn motion_inside(&self, at: usize) -> f32 {
        let (Some(spot), Some(lumas)) = (self.spots.get(at), self.lumas.get(at)) else { return 0.0 };
        let inside = Crop::around(spot, self.size).from_picture(spot, self.size);
        inside::inside(&lumas.iter().collect::<Vec<_>>(), inside)
    }
}

/// Decodes a frame as small as motion on pictures `width` wide and a detector whose input is `side` pixels allow.
pub(super) fn first_look(
    album: &Album<'_>,
    index: usize,
    width: u32,
    side: u32,
) -> (FirstLook, Option<Picture>) {
    let look = album.small(index, width.max(side)).and_then(|picture| {
        let luma = album::motion_luma(&picture, width).map_err(|e| e.to_string())?;
        Ok((picture, luma))
    });
    match look {
        Ok((picture, luma)) => {
            let judgement = FrameJudgement {
                size: picture.size(),
                infrared: album::is_infrared(&picture),
                ..FrameJudgement::default()
            };
            (FirstLook { luma: Some(luma), judgement }, Some(picture))
        }
        Err(reason) => {
            let judgement = FrameJudgement { failed: Some(reason), ..FrameJudgement::default() };
            (FirstLook { luma: None, judgement }, None)
        }
    }
}

/// A frame while it is judged.
pub(super) struct FirstLook {
    pub(super) luma: Option<Gray>,
    pub(super) judgement: FrameJudgement,
}

impl FirstLook {
    /// Takes boxes in, most confident first: none on the info strip, one per object.
    pub(super) fn add(&mut self, found: Vec<RawBox>, source: Source, motion: &Motion, strip: Strip) {
        for RawBox { bbox, category, confidence } in found {
            if strip.holds(&bbox) {
                continue;
            }
            let moving = motion.overlaps(&bbox, regions::BELONGS);
            let new = Detection {
                bbox,
                category,
                confidence,
                moving,
                source,
                track: 0,
                logits: None,
                embedding: None,
            };
            let boxes = &mut self.judgement.detections;
            match boxes.iter_mut().find(|d| d.category == category && d.bbox.iou(&bbox) >= SAME_OBJECT) {
                Some(known) if known.confidence >= confidence => {}
                Some(known) => *known = new,
                None => boxes.push(new),
            }
        }
        self.judgement.detections.sort_by(|a, b| b.confidence.get().total_cmp(&a.confidence.get()));
    }
}
