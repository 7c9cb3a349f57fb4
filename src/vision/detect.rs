//! Boxes of one frame: a detector on the whole picture or on a part of it.

use super::Category;
use super::heads::{ClassMap, decode};
use super::nms::suppress;
use super::prepare::{Cut, Fit, cut};
use crate::engine::EngineError;
use crate::engine::look::{Look, Tiles};
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
    /// Whether the frames that come now stand alone.
    alone: bool,
    passes: u32,
    /// Boxes weaker than this are dropped.
    low: f32,
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
        let low = model.manifest().thresholds.low;
        let classes = ClassMap::new(&model.manifest().classes);
        Ok(Detector { classes, model, alone: false, passes: 0, low })
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

    /// Every box on `picture` down to the confidence `faintest`, those from the manifest's low threshold on apart from the
    /// fainter ones, which say nothing by themselves.
    pub(super) fn detect_faint(
        &mut self,
        picture: &impl Pixels,
        faintest: f32,
    ) -> Result<(Vec<RawBox>, Vec<RawBox>), EngineError> {
        let low = self.low;
        self.low = faintest.min(low);
        let found = self.detect(picture);
        self.low = low;
        Ok(found?.into_iter().partition(|b| b.confidence.get() >= low))
    }

    /// The side in pixels that frames are to be decoded for: larger than the input's where quarters are looked at.
    pub fn side(&self) -> u32 {
        let (width, height) = self.input_size();
        let side = width.max(height);
        if self.tiles() == Tiles::Never { side } else { (side as f32 / TILE).ceil() as u32 }
    }

    /// Says whether the frames that come now stand alone: no other of the burst can be compared with them.
    pub fn stands_alone(&mut self, alone: bool) {
        self.alone = alone;
    }

    /// When quarters are looked at, of the frames that come now.
    fn tiles(&self) -> Tiles {
        match self.model.manifest().look.tiles {
            Tiles::Alone if self.alone => Tiles::Unseen,
            Tiles::Alone => Tiles::Never,
            always => always,
        }
    }

    /// Every box on `picture` from the manifest's low threshold on, most confident first, one per thing; of its quarters
    /// too where the manifest's `[look]` says so.
    pub fn detect(&mut self, picture: &impl Pixels) -> Result<Vec<RawBox>, EngineError> {
        self.passes = 0;
        let mut found = self.detect_in(picture, &BBox::FULL)?;
        let (tiles, tile_odds) = (self.tiles(), self.model.manifest().look.tile_odds);
        let seen = found.iter().any(|b| b.confidence.get() >= self.threshold());
        if tiles == Tiles::Never || (tiles == Tiles::Unseen && seen) {
            return Ok(found);
        }
        let mut pieces = Vec::new();
        for tile in tiles_of() {
            for found_here in self.detect_in(picture, &tile)? {
                let confidence = by_odds(found_here.confidence, tile_odds);
                let list = if cut_off(&found_here.bbox, &tile) { &mut pieces } else { &mut found };
                list.push(RawBox { confidence, ..found_here });
            }
        }
        // A piece of what another box shows whole is that thing; of one that nothing shows whole the piece is all there is.
        pieces.retain(|piece| {
            let same = found.iter().filter(|whole| whole.category == piece.category);
            same.map(|whole| piece.bbox.covered_by(&whole.bbox)).all(|covered| covered < PIECE)
        });
        found.extend(pieces);
        self.suppress(&mut found);
        Ok(found)
    }

    /// Passes of the network since the last [`Detector::detect`] began.
    pub(super) fn runs(&self) -> u32 {
        self.passes
    }

    /// The same on `region` of `picture` alone, at the picture's own resolution; boxes are on the whole picture.
    pub fn detect_in(&mut self, picture: &impl Pixels, region: &BBox) -> Result<Vec<RawBox>, EngineError> {
        let (width, height) = picture.size();
        let region = Region::of(region, width, height);
        let Look { contrast, mirror, infrared_odds, .. } = self.model.manifest().look;
        let mut cut = cut(picture, region, &self.model.manifest().input)?;
        let dark = if contrast { cut.level() } else { infrared_odds != 1.0 && cut.is_colourless() };
        let mut found = self.pass(&cut, |_, corners| corners)?;
        if mirror {
            found.extend(self.pass(&cut.mirrored(), |fit, corners| fit.unmirrored(corners))?);
        }
        if dark && infrared_odds != 1.0 {
            found.iter_mut().for_each(|b| b.confidence = by_odds(b.confidence, infrared_odds));
        }
        self.suppress(&mut found);
        Ok(found)
    }

    /// One pass of the network; `plain` brings corners on its input to where they lie on a plain one.
    fn pass(
        &mut self,
        cut: &Cut,
        plain: impl Fn(&Fit, [f32; 4]) -> [f32; 4],
    ) -> Result<Vec<RawBox>, EngineError> {
        self.passes += 1;
        let (tensor, fit) = cut.tensor(&self.model.manifest().input);
        let (main, boxes) = self.model.infer(&tensor)?;
        let found = decode(self.model.manifest(), self.low, &main, boxes.as_ref(), &self.classes).into_iter();
        let found = found.map(|c| RawBox {
            bbox: fit.on_picture(plain(&fit, c.corners)),
            category: c.category,
            confidence: Score::new(c.score),
        });
        Ok(found.filter(|b| b.bbox.area() > 0.0).collect())
    }

    fn suppress(&self, found: &mut Vec<RawBox>) {
        let manifest = self.model.manifest();
        let once = self.looks_once() && matches!(manifest.output.decode, Decode::Yolov10 | Decode::RtDetr);
        // End-to-end heads give each thing once in one pass: nothing overlaps too much for them.
        suppress(found, if once { 1.0 } else { manifest.thresholds.nms_iou });
    }

    fn looks_once(&self) -> bool {
        self.tiles() == Tiles::Never && !self.model.manifest().look.mirror
    }
}

/// Share of each side that a quarter takes: two of them overlap by a fifth of the frame, so that what one cuts through
/// the other shows whole, up to that size.
const TILE: f32 = 0.6;

/// A box so much of which lies in another is a piece of what that shows.
const PIECE: f32 = 0.7;

/// A box that ends this close to an inner edge of its quarter, in shares of the quarter, is cut through there.
const EDGE: f32 = 0.01;

/// The four quarters.
fn tiles_of() -> [BBox; 4] {
    let far = 1.0 - TILE;
    [(0.0, 0.0), (far, 0.0), (0.0, far), (far, far)].map(|(x, y)| BBox { x, y, w: TILE, h: TILE })
}

/// Whether a box is cut through by an edge of its quarter that is none of the frame's.
fn cut_off(bbox: &BBox, tile: &BBox) -> bool {
    let at = |near: f32, far: f32, from: f32, length: f32| {
        let edge = EDGE * length;
        (from > 0.0 && near <= from + edge) || (from + length < 1.0 - EDGE && far >= from + length - edge)
    };
    at(bbox.x, bbox.x + bbox.w, tile.x, tile.w) || at(bbox.y, bbox.y + bbox.h, tile.y, tile.h)
}

/// A confidence with its odds multiplied.
fn by_odds(confidence: Score, factor: f32) -> Score {
    let p = confidence.get();
    Score::new(p * factor / (1.0 - p + p * factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_by_hand() {
        // 0.35 has odds of 7 to 13; by 1/1.6 they are 4.375 to 13.
        assert!((by_odds(Score::new(0.35), 1.0 / 1.6).get() - 4.375 / 17.375).abs() < 1e-6);
        assert_eq!(by_odds(Score::ONE, 0.5), Score::ONE);
        assert_eq!(by_odds(Score::ZERO, 0.5), Score::ZERO);
    }

    #[test]
    fn quarters_cover_the_frame_and_know_what_they_cut() {
        let [first, .., last] = tiles_of();
        assert!((last.x + last.w - 1.0).abs() < 1e-6);
        let bbox = |x0, y0, x1, y1| BBox::from_corners(x0, y0, x1, y1);
        assert!(cut_off(&bbox(0.4, 0.1, 0.6, 0.3), &first));
        assert!(!cut_off(&bbox(0.0, 0.0, 0.5, 0.5), &first));
        assert!(cut_off(&bbox(0.4, 0.5, 0.7, 0.9), &last));
        assert!(!cut_off(&bbox(0.5, 0.5, 1.0, 1.0), &last));
    }
}
