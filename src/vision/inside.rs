//! A close look into a box that stands still: a head that turns, a tail that flicks.

use super::cells::{self, STRIDE, WINDOW};
use super::grid::quantile;
#[cfg(doc)]
use super::motion::{WIDTH, evidence};
use super::soft::Ready;
use crate::image::Gray;
use crate::units::BBox;

/// How far something inside `bbox` moved more than its surroundings, in robust standard deviations: the second
/// largest over the pairs of frames, since what moves in one frame changes two pairs. 0 for fewer than two.
///
/// `crops` show the same part of the picture at about twice [`WIDTH`], with a margin around `bbox` (normalised
/// to the crop). A bird that turns its head moves too little for [`evidence`]; a stump that a detector takes
/// for an animal does not move at all.
pub fn inside(crops: &[&Gray], bbox: BBox) -> f32 {
    let whole = crops.iter().filter(|crop| crop.is_whole());
    let ready: Vec<(&Gray, Ready)> = whole.map(|crop| (*crop, Ready::new(crop))).collect();
    let mut found = Vec::new();
    for (i, (crop, a)) in ready.iter().enumerate() {
        let size = (crop.width, crop.height);
        for (_, b) in ready.iter().skip(i + 1).filter(|(b, _)| (b.width, b.height) == size) {
            found.push(inside_pair(a, b, size, &bbox));
        }
    }
    found.sort_by(|a, b| b.total_cmp(a));
    found.get(1).or(found.first()).copied().unwrap_or(0.0)
}

/// Grey levels of spread assumed around a box even in a perfectly still scene.
const LOCAL_SPREAD_MIN: f32 = 0.3;

fn inside_pair(a: &Ready, b: &Ready, size: (u32, u32), bbox: &BBox) -> f32 {
    let left = cells::unexplained(a, b).smoothed(1);
    let (w, h) = (size.0 as f32, size.1 as f32);
    let centre = |cell: usize| (cell * STRIDE + WINDOW / 2) as f32;
    let (mut within, mut around) = (0.0f32, Vec::new());
    for (i, &value) in left.data.iter().enumerate() {
        let (x, y) = (centre(i % left.width) / w, centre(i / left.width) / h);
        if x >= bbox.x && x <= bbox.right() && y >= bbox.y && y <= bbox.bottom() {
            within = within.max(value);
        } else {
            around.push(value);
        }
    }
    if around.is_empty() {
        return 0.0;
    }
    let middle = quantile(&mut around, 0.5);
    around.iter_mut().for_each(|v| *v = (*v - middle).abs());
    ((within - middle) / (LOCAL_SPREAD_MIN + 1.4826 * quantile(&mut around, 0.5))).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::motion::tests::{body, frame};
    use super::*;

    #[test]
    fn a_head_that_turns_moves_inside_its_box_and_a_stump_does_not() {
        let turned = |i: u32| frame(i, |x, y, g| if i == 1 { body(x, y, 190, 150, g) } else { g });
        let frames: Vec<Gray> = (0..3).map(turned).collect();
        let crops: Vec<&Gray> = frames.iter().collect();
        let head = BBox { x: 0.45, y: 0.45, w: 0.1, h: 0.15 };
        let stump = BBox { x: 0.1, y: 0.1, w: 0.1, h: 0.15 };
        assert!(inside(&crops, head) > 4.9);
        assert!(inside(&crops, stump) < 4.0);
        assert_eq!(inside(&crops[..1], head), 0.0);
        assert_eq!(inside(&crops, BBox::FULL), 0.0, "no surroundings to compare with");
    }
}
