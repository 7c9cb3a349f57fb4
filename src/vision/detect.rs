//! Boxes of one frame: a detector on the whole picture or on a part of it.

use super::Category;
use super::heads::{ClassMap, decode};
use super::nms::suppress;
use super::prepare::prepare;
use crate::engine::EngineError;
use crate::engine::manifest::{Decode, Role};
use crate::engine::model::Model;
use crate::image::{Pixels, Region};
use crate::units::{BBox, Score};

/// A box as the detector gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RawBox {
    /// Where, on the picture given.
    pub bbox: BBox,
    /// What it is.
    pub category: Category,
    /// The detector's confidence.
    pub confidence: Score,
}

/// A detector ready to look at frames.
#[derive(Debug)]
pub struct Detector {
    model: Model,
    classes: ClassMap,
}

impl Detector {
    /// From an opened model, whose role must be detector.
    pub fn new(model: Model) -> Result<Detector, EngineError> {
        let role = model.manifest().role;
        if role != Role::Detector {
            return Err(EngineError::Unfit {
                key: "role".into(),
                manifest: role.as_str().into(),
                network: "to be used as a detector".into(),
            });
        }
        Ok(Detector { classes: ClassMap::new(&model.manifest().classes), model })
    }

    /// The model behind it.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The network's input size in pixels, (width, height).
    pub fn input_size(&self) -> (u32, u32) {
        (self.model.manifest().input.width, self.model.manifest().input.height)
    }

    /// From here on a box counts as seen, 0..=1: the manifest's `thresholds.detection`.
    pub fn threshold(&self) -> f32 {
        self.model.manifest().thresholds.detection
    }

    /// Every box on `picture` from the manifest's low threshold on, most confident first, one per thing.
    pub fn detect(&mut self, picture: &impl Pixels) -> Result<Vec<RawBox>, EngineError> {
        self.detect_in(picture, &BBox::FULL)
    }

    /// The same on `region` of `picture` alone, at the picture's own resolution; boxes are on the whole picture.
    pub fn detect_in(&mut self, picture: &impl Pixels, region: &BBox) -> Result<Vec<RawBox>, EngineError> {
        let (width, height) = picture.size();
        let region = Region::of(region, width, height);
        let (tensor, fit) = prepare(picture, region, &self.model.manifest().input)?;
        let (main, boxes) = self.model.infer(&tensor)?;
        let manifest = self.model.manifest();
        let mut found: Vec<RawBox> = decode(manifest, &main, boxes.as_ref(), &self.classes)
            .into_iter()
            .map(|c| RawBox {
                bbox: fit.on_picture(c.corners),
                category: c.category,
                confidence: Score::new(c.score),
            })
            .filter(|b| b.bbox.area() > 0.0)
            .collect();
        // End-to-end heads give each thing once: nothing overlaps too much for them.
        let iou = match manifest.output.decode {
            Decode::Yolov10 | Decode::RtDetr => 1.0,
            _ => manifest.thresholds.nms_iou,
        };
        suppress(&mut found, iou);
        Ok(found)
    }
}
