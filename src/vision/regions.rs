//! The second look: where something moved and the whole-frame pass saw nothing, the detector looks again at
//! native resolution. Small and far animals are where whole-frame detection loses most.
//!
//! This file says where to look and what to make of the answer; cropping and inference are the caller's.

use super::Detection;
use super::motion::{Motion, Region};
use crate::units::BBox;

/// Less salient regions are what wind does to vegetation: a look there finds but false alarms.
const SALIENT: f32 = 4.5;
/// Room around a region, as a multiple of its longer side: detectors want to see what a thing stands on.
const ROOM: f32 = 1.6;
/// A crop larger than this share of the picture's shorter side shows no more than the whole-frame pass did.
const WORTHWHILE: f32 = 0.75;
/// Most looks per burst: on a slow board each costs as much as a whole frame.
pub const LOOKS_MAX: usize = 6;
/// A box belongs to a region when this share of the one lies in the other.
pub const BELONGS: f32 = 0.3;
/// Margin around a box for the comparison with its surroundings, as a share of the picture's width.
const SURROUNDINGS: f32 = 0.04;

/// A square or oblong of native pixels, inside the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// One look to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The frame, by its place in the burst.
    pub frame: usize,
    /// The region, by its place in [`Motion::regions`].
    pub region: usize,
    /// What to show the detector.
    pub crop: Crop,
}

/// The looks worth taking, best first: the most salient region first, and of it the frame that shows most of
/// it. `seen` holds the whole-frame boxes per frame, `size` the native (width, height), `side` the detector's
/// input side in pixels: a crop is never smaller, so nothing is magnified.
pub fn plan(motion: &Motion, seen: &[&[Detection]], size: (u32, u32), side: u32) -> Vec<Look> {
    let mut looks = Vec::new();
    for (index, region) in motion.regions.iter().enumerate().filter(|(_, r)| r.salience >= SALIENT) {
        let Some(crop) = square(region, size, side) else { continue };
        let mut frames: Vec<usize> = (0..seen.len().min(region.frames.len()))
            .filter(|&f| !seen[f].iter().any(|d| belongs(&d.bbox, &region.bbox)))
            .collect();
        frames.sort_by(|&a, &b| region.frames[b].total_cmp(&region.frames[a]));
        looks.extend(frames.into_iter().map(|frame| Look { frame, region: index, crop }));
    }
    looks.truncate(LOOKS_MAX);
    looks
}

/// The square around a region; `None` when the whole-frame pass saw it just as large.
fn square(region: &Region, size: (u32, u32), side: u32) -> Option<Crop> {
    let (width, height) = (size.0 as f32, size.1 as f32);
    let longer = (region.bbox.w * width).max(region.bbox.h * height);
    let wanted = (ROOM * longer).max(side as f32);
    if wanted > WORTHWHILE * width.min(height) {
        return None;
    }
    let (cx, cy) = region.bbox.centre();
    let from = |centre: f32, extent: f32| (centre * extent - wanted / 2.0).clamp(0.0, extent - wanted) as u32;
    let side = wanted as u32;
    Some(Crop { x: from(cx, width), y: from(cy, height), width: side, height: side })
}

/// Whether a box and a region are about the same thing.
pub fn belongs(bbox: &BBox, region: &BBox) -> bool {
    bbox.covered_by(region) >= BELONGS || region.covered_by(bbox) >= BELONGS
}

impl Crop {
    /// A box found on this crop (normalised to it) as a box on the picture of `size`.
    pub fn to_picture(&self, found: &BBox, size: (u32, u32)) -> BBox {
        let x = |v: f32| (self.x as f32 + v * self.width as f32) / size.0.max(1) as f32;
        let y = |v: f32| (self.y as f32 + v * self.height as f32) / size.1.max(1) as f32;
        BBox::from_corners(x(found.x), y(found.y), x(found.right()), y(found.bottom()))
    }

    /// A box on the picture of `size` as a box on this crop, clipped to it.
    pub fn from_picture(&self, bbox: &BBox, size: (u32, u32)) -> BBox {
        let x = |v: f32| (v * size.0 as f32 - self.x as f32) / self.width.max(1) as f32;
        let y = |v: f32| (v * size.1 as f32 - self.y as f32) / self.height.max(1) as f32;
        BBox::from_corners(x(bbox.x), y(bbox.y), x(bbox.right()), y(bbox.bottom()))
    }

    /// A box and what surrounds it, for `inside::inside`; `size` is the native (width, height).
    pub fn around(bbox: &BBox, size: (u32, u32)) -> Crop {
        let (width, height) = (size.0 as f32, size.1 as f32);
        let margin = SURROUNDINGS * width;
        let (x0, y0) = ((bbox.x * width - margin).max(0.0), (bbox.y * height - margin).max(0.0));
        let (x1, y1) =
            ((bbox.right() * width + margin).min(width), (bbox.bottom() * height + margin).min(height));
        Crop {
            x: x0 as u32,
            y: y0 as u32,
            width: (x1 - x0).max(0.0) as u32,
            height: (y1 - y0).max(0.0) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Score;
    use crate::vision::{Category, Source};

    fn region(bbox: BBox, frames: &[f32]) -> Region {
        Region { bbox, salience: 8.0, frames: frames.to_vec() }
    }

    fn boxed(bbox: BBox) -> Detection {
        Detection {
            bbox,
            category: Category::Animal,
            confidence: Score::new(0.3),
            moving: false,
            source: Source::Frame,
            track: 0,
            logits: None,
            embedding: None,
        }
    }

    #[test]
    fn a_small_region_is_looked_at_in_the_frames_where_nothing_was_seen_there() {
        // 32 × 24 px of 3200 × 2400 in the left top corner; frame 1 has a box on it, frame 2 shows most of it.
        let small = BBox { x: 0.0, y: 0.0, w: 0.01, h: 0.01 };
        let motion = Motion { regions: vec![region(small, &[0.2, 0.9, 0.7])], ..Motion::default() };
        let (none, on_it): (&[Detection], _) = (&[], [boxed(small)]);
        let looks = plan(&motion, &[none, &on_it, none], (3200, 2400), 416);
        let crop = Crop { x: 0, y: 0, width: 416, height: 416 };
        assert_eq!(looks, [Look { frame: 2, region: 0, crop }, Look { frame: 0, region: 0, crop }]);
    }

    #[test]
    fn a_region_as_large_as_the_picture_needs_no_second_look() {
        let motion = Motion { regions: vec![region(BBox::FULL, &[1.0])], ..Motion::default() };
        assert!(plan(&motion, &[&[]], (3200, 2400), 416).is_empty());
    }

    #[test]
    fn looks_are_limited() {
        let at = |i: f32| BBox { x: 0.1 * i, y: 0.5, w: 0.01, h: 0.01 };
        let motion = Motion {
            regions: (0..6).map(|i| region(at(i as f32), &[0.5, 0.4])).collect(),
            ..Motion::default()
        };
        assert_eq!(plan(&motion, &[&[], &[]], (3200, 2400), 416).len(), LOOKS_MAX);
    }

    #[test]
    fn a_box_on_a_crop_goes_to_the_picture_and_back() {
        // By hand: the crop covers 400..800 × 200..600 of 1000 × 1000; its right half is 600..800.
        let crop = Crop { x: 400, y: 200, width: 400, height: 400 };
        let found = BBox { x: 0.5, y: 0.0, w: 0.5, h: 1.0 };
        let there = crop.to_picture(&found, (1000, 1000));
        for (got, expected) in <[f32; 4]>::from(there).into_iter().zip([0.6, 0.2, 0.2, 0.4]) {
            assert!((got - expected).abs() < 1e-6);
        }
        for (got, expected) in
            <[f32; 4]>::from(crop.from_picture(&there, (1000, 1000))).into_iter().zip(<[f32; 4]>::from(found))
        {
            assert!((got - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn surroundings_stay_inside_the_picture() {
        let crop = Crop::around(&BBox { x: 0.0, y: 0.5, w: 0.1, h: 0.1 }, (1000, 500));
        // By hand: a margin of 40 px, cut at the left edge.
        assert_eq!(crop, Crop { x: 0, y: 210, width: 140, height: 130 });
    }
}
