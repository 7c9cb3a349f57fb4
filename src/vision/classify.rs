//! Crops to logits: what a box shows, as the classifier's raw scores.

use std::sync::Arc;

use super::prepare::{Cut, cut};
use crate::engine::EngineError;
use crate::engine::labels::Label;
use crate::engine::manifest::{Decode, Resize, Role};
use crate::engine::model::Model;
use crate::image::{Pixels, Region};
use crate::units::BBox;

/// Probabilities below count as this when they are turned back into logits, so that 0 stays finite.
pub const LEAST_PROBABILITY: f32 = 1e-9;

/// A classifier ready to look at boxes.
#[derive(Debug)]
pub struct Classifier {
    model: Model,
}

impl Classifier {
    /// From an opened model, whose role must be classifier, or attributes: a classifier each of whose classes stands
    /// for itself.
    pub fn new(model: Model) -> Result<Classifier, EngineError> {
        let role = model.manifest().role;
        if matches!(role, Role::Classifier | Role::Attributes) {
            return Ok(Classifier { model });
        }
        Err(EngineError::Unfit {
            key: "role".into(),
            manifest: role.as_str().into(),
            network: "to be used as a classifier".into(),
        })
    }

    /// The model behind it.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The network's input size in pixels, (width, height).
    pub fn input_size(&self) -> (u32, u32) {
        (self.model.manifest().input.width, self.model.manifest().input.height)
    }

    /// One label per logit.
    pub fn labels(&self) -> &[Label] {
        &self.model.manifest().labels
    }

    /// What logits are divided by before the softmax, > 0.
    pub fn temperature(&self) -> f32 {
        self.model.manifest().temperature
    }

    /// The only labels that may win; `None` for all.
    pub fn allowed(&self) -> Option<&[String]> {
        self.model.manifest().allowed.as_deref()
    }

    /// The logits of what `bbox` shows on `picture`, one per label. Networks that give probabilities `p` are taken
    /// back to logits by `ln(max(p, 1e-9))`, which differs from the network's own by a constant that softmax ignores.
    pub fn logits(&mut self, picture: &impl Pixels, bbox: &BBox) -> Result<Arc<[f32]>, EngineError> {
        let cut = self.cut(picture, bbox)?;
        self.logits_of(&cut)
    }

    /// What `bbox` shows on `picture`, at the size the network takes: for [`Classifier::logits_of`].
    pub(super) fn cut(&self, picture: &impl Pixels, bbox: &BBox) -> Result<Cut, EngineError> {
        let input = &self.model.manifest().input;
        cut(picture, crop_region(picture.size(), bbox, input.resize), input)
    }

    /// Whether what is cut for it is what is cut for `other`, pixel by pixel.
    pub(super) fn cuts_like(&self, other: &Classifier) -> bool {
        let of = |c: &Classifier| {
            let input = &c.model.manifest().input;
            (input.width, input.height, input.resize, input.bicubic)
        };
        of(self) == of(other)
    }

    /// The same as [`Classifier::logits`] of what was cut before.
    pub(super) fn logits_of(&mut self, cut: &Cut) -> Result<Arc<[f32]>, EngineError> {
        let plain = self.pass(cut)?;
        if !self.model.manifest().look.mirror {
            return Ok(plain.into());
        }
        let mirrored = self.pass(&cut.mirrored())?;
        Ok(plain.iter().zip(mirrored).map(|(a, b)| (a + b) / 2.0).collect())
    }

    /// Networks that run for one box.
    pub(super) fn runs(&self) -> u32 {
        1 + u32::from(self.model.manifest().look.mirror)
    }

    /// One pass of the network.
    fn pass(&mut self, cut: &Cut) -> Result<Vec<f32>, EngineError> {
        let manifest = self.model.manifest();
        let (tensor, _) = cut.tensor(&manifest.input);
        let (decode, role) = (manifest.output.decode, manifest.role);
        let (scores, _) = self.model.infer(&tensor)?;
        let scores = scores.to_f32();
        Ok(match decode {
            // Log-odds: these need not sum to 1.
            Decode::Probabilities if role == Role::Attributes => scores
                .iter()
                .map(|p| p.clamp(LEAST_PROBABILITY, 1.0 - f32::EPSILON))
                .map(|p| (p / (1.0 - p)).ln())
                .collect(),
            Decode::Softmax | Decode::Probabilities => {
                scores.iter().map(|p| p.max(LEAST_PROBABILITY).ln()).collect()
            }
            _ => scores.iter().copied().collect(),
        })
    }
}

/// The pixels to classify: the box itself, or DeepFaune's square around it: its side the longer one of the box (and
/// the margin), centred, clipped to the picture.
pub(super) fn crop_region(size: (u32, u32), bbox: &BBox, resize: Resize) -> Region {
    let Resize::Square { margin } = resize else { return Region::of(bbox, size.0, size.1) };
    let (width, height) = (size.0 as f32, size.1 as f32);
    let side = (bbox.w * width).max(bbox.h * height) * (1.0 + margin);
    let (cx, cy) = bbox.centre();
    let span = |centre: f32, length: u32| {
        // Down to whole pixels; a float this close below one means that one.
        const SLACK: f32 = 1e-3;
        let start = (centre - side / 2.0 + SLACK).max(0.0) as u32;
        let end = ((centre + side / 2.0 + SLACK).max(0.0) as u32).min(length);
        let start = start.min(length.saturating_sub(1));
        (start, end.max(start + 1) - start)
    };
    let ((x, width), (y, height)) = (span(cx * width, size.0), span(cy * height, size.1));
    Region { x, y, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_crop_is_centred_and_clipped() {
        let square = |bbox: &BBox, margin| crop_region((200, 100), bbox, Resize::Square { margin });
        // By hand: a box of 40x20 pixels around (100, 50) becomes 40x40; with a fifth more, 48x48.
        let middle = BBox::from_corners(0.4, 0.4, 0.6, 0.6);
        assert_eq!(square(&middle, 0.0), Region { x: 80, y: 30, width: 40, height: 40 });
        assert_eq!(square(&middle, 0.2), Region { x: 76, y: 26, width: 48, height: 48 });
        // At the corner it is clipped, not moved: 40x20 at the top left becomes 40 wide and 10 + 20 high.
        let corner = BBox::from_corners(0.0, 0.0, 0.2, 0.2);
        assert_eq!(square(&corner, 0.0), Region { x: 0, y: 0, width: 40, height: 30 });
        let speck = BBox { x: 1.0, y: 1.0, w: 0.0, h: 0.0 };
        assert_eq!(square(&speck, 0.2), Region { x: 199, y: 99, width: 1, height: 1 });
    }

    #[test]
    fn other_rules_take_the_box_itself() {
        let bbox = BBox::from_corners(0.1, 0.1, 0.3, 0.2);
        let region = crop_region((200, 100), &bbox, Resize::Stretch);
        assert_eq!(region, Region { x: 20, y: 10, width: 40, height: 10 });
    }
}
