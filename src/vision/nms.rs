//! Non-maximum suppression: several boxes of one kind on one thing become the most confident of them.

use super::detect::RawBox;

/// At most so many boxes are compared, the most confident ones: enough for any frame, and a bound on the time a
/// broken network can take (the comparison is quadratic). torchvision's detectors keep 1000 as well.
pub const MAX_BOXES: usize = 1000;

/// Sorts `boxes` by confidence and drops each that overlaps a more confident one of its own category by more than
/// `iou` (intersection over union, 0..=1).
pub fn suppress(boxes: &mut Vec<RawBox>, iou: f32) {
    // Ties go to the earlier box, so that the result does not depend on the sort.
    boxes.sort_by(|a, b| b.confidence.get().total_cmp(&a.confidence.get()));
    boxes.truncate(MAX_BOXES);
    let mut kept: Vec<RawBox> = Vec::new();
    for candidate in boxes.drain(..) {
        let same = |k: &&RawBox| k.category == candidate.category;
        if !kept.iter().filter(same).any(|k| k.bbox.iou(&candidate.bbox) > iou) {
            kept.push(candidate);
        }
    }
    *boxes = kept;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::{BBox, Score};
    use crate::vision::Category;

    /// The definition, naively: while boxes are left, take the most confident, drop all of its category that overlap.
    fn reference(boxes: &[RawBox], iou: f32) -> Vec<RawBox> {
        let mut left: Vec<RawBox> = boxes.to_vec();
        let mut out = Vec::new();
        while !left.is_empty() {
            let mut best = 0;
            for i in 1..left.len() {
                if left[i].confidence.get() > left[best].confidence.get() {
                    best = i;
                }
            }
            let taken = left.remove(best);
            left.retain(|b| {
                let (w, h) = (
                    (b.bbox.x + b.bbox.w).min(taken.bbox.x + taken.bbox.w) - b.bbox.x.max(taken.bbox.x),
                    (b.bbox.y + b.bbox.h).min(taken.bbox.y + taken.bbox.h) - b.bbox.y.max(taken.bbox.y),
                );
                let shared = if w > 0.0 && h > 0.0 { w * h } else { 0.0 };
                let union = b.bbox.w * b.bbox.h + taken.bbox.w * taken.bbox.h - shared;
                b.category != taken.category || !(union > 0.0 && shared / union > iou)
            });
            out.push(taken);
        }
        out
    }

    prop_compose! {
        fn a_box()(x in 0.0..0.8f32, y in 0.0..0.8f32, w in 0.0..0.4f32, h in 0.0..0.4f32,
                   p in 0.0..1.0f32, kind in 0..3usize) -> RawBox {
            RawBox {
                bbox: BBox::from_corners(x, y, x + w, y + h),
                category: [Category::Animal, Category::Person, Category::Vehicle][kind],
                confidence: Score::new(p),
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(boxes in proptest::collection::vec(a_box(), 0..60), iou in 0.0..0.9f32) {
            let expected = reference(&boxes, iou);
            let mut got = boxes;
            suppress(&mut got, iou);
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn two_kinds_on_one_spot_both_stay() {
        let at = |category, p| RawBox { bbox: BBox::FULL, category, confidence: Score::new(p) };
        let mut boxes = vec![at(Category::Animal, 0.4), at(Category::Person, 0.3), at(Category::Animal, 0.5)];
        suppress(&mut boxes, 0.5);
        assert_eq!(boxes, [at(Category::Animal, 0.5), at(Category::Person, 0.3)]);
    }
}
