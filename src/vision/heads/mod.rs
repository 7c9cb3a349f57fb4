//! A detector's numbers to boxes: one file per kind of output.
//!
//! Every head gives its boxes as corners in input pixels. Of a box's classes the best of each category counts, so a
//! thing that looks a bit like a horse and a bit like a cow is one animal.

mod fastestdet;
mod rtdetr;
mod yolov10;
mod yolov5;
mod yolov8;
mod yolox;

use super::Category;
use crate::engine::Tensor;
use crate::engine::manifest::{Classes, Decode, Manifest};

/// A box on the network's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// x0, y0, x1, y1 in input pixels; may reach beyond the input.
    pub corners: [f32; 4],
    /// What it is.
    pub category: Category,
    /// Confidence, 0..=1.
    pub score: f32,
}

/// The manifest's classes by category.
#[derive(Debug, Clone)]
pub(super) struct ClassMap([(Category, Vec<usize>); 3]);

impl ClassMap {
    /// From the manifest's lists.
    pub fn new(classes: &Classes) -> Self {
        ClassMap([
            (Category::Animal, classes.animal.clone()),
            (Category::Person, classes.person.clone()),
            (Category::Vehicle, classes.vehicle.clone()),
        ])
    }

    /// The category of one class; `None` for classes to be ignored.
    fn of(&self, class: usize) -> Option<Category> {
        self.0.iter().find(|(_, list)| list.contains(&class)).map(|(category, _)| *category)
    }

    /// The best score of each category: `score` is asked for each class that counts.
    fn best(&self, score: impl Fn(usize) -> f32) -> impl Iterator<Item = (Category, f32)> {
        self.0.iter().filter(|(_, list)| !list.is_empty()).map(move |(category, list)| {
            (*category, list.iter().map(|&class| score(class)).fold(0.0, f32::max))
        })
    }
}

/// What a head needs besides the numbers.
struct Context<'a> {
    /// Input width and height in pixels.
    input: (f32, f32),
    /// Boxes below are dropped.
    low: f32,
    classes: &'a ClassMap,
}

impl Context<'_> {
    /// Adds a box for each category whose best class reaches the low threshold.
    fn push(&self, out: &mut Vec<Candidate>, corners: [f32; 4], score: impl Fn(usize) -> f32) {
        let seen = self.classes.best(score).filter(|(_, score)| *score >= self.low && *score > 0.0);
        out.extend(seen.map(|(category, score)| Candidate { corners, category, score }));
    }
}

/// Reads the boxes from `low` on out of a detector's output, whose shape was checked against the manifest.
pub(super) fn decode(
    manifest: &Manifest,
    low: f32,
    main: &Tensor,
    boxes: Option<&Tensor>,
    classes: &ClassMap,
) -> Vec<Candidate> {
    let input = (manifest.input.width as f32, manifest.input.height as f32);
    let context = Context { input, low, classes };
    let numbers = main.to_f32();
    let extent = |axis: usize| main.shape.get(axis).copied().unwrap_or(0);
    match manifest.output.decode {
        Decode::Yolox => yolox::decode(&numbers, extent(2), &context),
        Decode::Yolov5 => yolov5::decode(&numbers, extent(2), &context),
        Decode::Yolov8 => yolov8::decode(&numbers, extent(2), &context),
        Decode::Yolov10 => yolov10::decode(&numbers, &context),
        Decode::RtDetr => {
            let boxes = boxes.map(Tensor::to_f32).unwrap_or_default();
            rtdetr::decode(&numbers, &boxes, extent(2), &context)
        }
        Decode::FastestDet => fastestdet::decode(&numbers, (extent(2), extent(3)), &context),
        // Not a detector's: refused when the detector was made.
        Decode::Logits | Decode::Softmax | Decode::Probabilities | Decode::Embedding => Vec::new(),
    }
}

/// Corners of a box given by its centre and size.
fn corners(cx: f32, cy: f32, w: f32, h: f32) -> [f32; 4] {
    [cx - w / 2.0, cy - h / 2.0, cx + w / 2.0, cy + h / 2.0]
}

/// The logistic function.
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod testing {
    //! Random outputs for the heads' tests.

    use super::*;

    /// Animal is class 1 and 3, person 0, vehicle 2; class 4 is ignored.
    pub fn classes() -> ClassMap {
        ClassMap::new(&Classes { animal: vec![1, 3], person: vec![0], vehicle: vec![2] })
    }

    /// The category of a class by the same table, written out.
    pub const TABLE: [Option<Category>; 5] = [
        Some(Category::Person),
        Some(Category::Animal),
        Some(Category::Vehicle),
        Some(Category::Animal),
        None,
    ];

    /// Uniform numbers in 0..1 (xorshift, Marsaglia 2003).
    pub fn uniform(seed: u64) -> impl FnMut() -> f32 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 24) as f32
        }
    }

    /// What a box with these class scores must give: the best score per category from `low` on.
    pub fn expected(corners: [f32; 4], scores: &[f32], low: f32) -> Vec<Candidate> {
        [Category::Animal, Category::Person, Category::Vehicle]
            .into_iter()
            .filter_map(|category| {
                let of_category = (0..scores.len()).filter(|&c| TABLE[c] == Some(category));
                let score = of_category.map(|c| scores[c]).max_by(f32::total_cmp)?;
                (score >= low).then_some(Candidate { corners, category, score })
            })
            .collect()
    }

    /// Equal up to rounding.
    pub fn assert_same(got: &[Candidate], expected: &[Candidate]) {
        assert_eq!(got.len(), expected.len());
        assert!(!expected.is_empty(), "a test that compares nothing");
        for (a, b) in got.iter().zip(expected) {
            assert_eq!(a.category, b.category);
            assert!((a.score - b.score).abs() < 1e-5, "{a:?} {b:?}");
            for (x, y) in a.corners.iter().zip(b.corners) {
                assert!((x - y).abs() < 1e-3 * y.abs().max(1.0), "{a:?} {b:?}");
            }
        }
    }
}
