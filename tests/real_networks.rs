//! Real networks on a real photo give what ONNX Runtime gives.
//!
//! The expected numbers were made once with Python onnxruntime 1.31 and Pillow 12 on `photos/ena24/2999.jpg` (a striped
//! skunk, 2048x1536): `Image.resize(…, BILINEAR)` to the network's input, decoding by the formulas in
//! `models/README.md` there; crops are `1.2 * max(w, h)` squares around `BOX`, clipped. Tolerances cover the decoder's
//! rounding (a few grey values), not another algorithm.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shared_support;

use std::path::Path;

use shared_support::shared;
use trapline::engine::builtin;
use trapline::engine::model::Model;
use trapline::image::{Rgb, Want, decode};
use trapline::units::BBox;
use trapline::vision::Category;
use trapline::vision::classify::Classifier;
use trapline::vision::detect::Detector;

/// The box whose crop was classified, as corners.
const BOX: [f32; 4] = [0.621, 0.435, 0.976, 0.748];

fn open(name: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name).with_extension("toml");
    Model::open(&path, builtin().unwrap().as_ref(), 1).unwrap_or_else(|e| panic!("{e}"))
}

fn skunk(root: &Path, want: Want) -> Rgb {
    decode(&std::fs::read(root.join("photos/ena24/2999.jpg")).unwrap(), want).unwrap()
}

fn corners([x0, y0, x1, y1]: [f32; 4]) -> BBox {
    BBox::from_corners(x0, y0, x1, y1)
}

#[test]
fn detectors_find_the_skunk_where_onnx_runtime_does() {
    let Some(root) = shared() else { return };
    // (network, score, corners) of the best animal.
    let cases = [
        ("yolox_nano", 0.4143, [0.6211, 0.4346, 0.9760, 0.7483]),
        ("fastestdet", 0.7456, [0.5001, 0.0, 0.9714, 0.7453]),
    ];
    for (name, score, bbox) in cases {
        let mut detector = Detector::new(open(name)).unwrap();
        let boxes = detector.detect(&skunk(&root, Want::Full)).unwrap();
        let best = boxes.iter().find(|b| b.category == Category::Animal).expect("an animal");
        assert!((best.confidence.get() - score).abs() < 0.02, "{name}: {best:?}");
        assert!(best.bbox.iou(&corners(bbox)) > 0.97, "{name}: {best:?}");
        // The scaled decoding that the trap uses finds it too.
        let (width, height) = detector.input_size();
        let side = width.max(height);
        let scaled = detector.detect(&skunk(&root, Want::LongSide(side))).unwrap();
        let best = scaled.iter().find(|b| b.category == Category::Animal).expect("an animal");
        assert!(best.bbox.iou(&corners(bbox)) > 0.9, "{name} scaled: {best:?}");
    }
}

#[test]
fn a_look_at_a_region_gives_boxes_on_the_whole_picture() {
    let Some(root) = shared() else { return };
    let mut detector = Detector::new(open("yolox_nano")).unwrap();
    let picture = skunk(&root, Want::Full);
    let region = corners([0.5, 0.3, 1.0, 0.9]);
    let boxes = detector.detect_in(&picture, &region).unwrap();
    let best = boxes.iter().find(|b| b.category == Category::Animal).expect("an animal");
    assert!(best.bbox.iou(&corners(BOX)) > 0.6, "{best:?}");
    assert!(best.bbox.covered_by(&region) > 0.999, "{best:?}");
}

#[test]
fn classifiers_give_the_probabilities_onnx_runtime_gives() {
    let Some(root) = shared() else { return };
    let picture = skunk(&root, Want::Full);
    // (network, [(class, probability)], tolerance). Quantised networks differ by up to 0.07 between the two engines on
    // the same pixels (`engines_agree.rs`), so theirs is wider than a decoder's rounding asks for. A skunk is no bird: noise of half a grey value on the crop moves the
    // bird networks' probabilities by 0.04 in ONNX Runtime itself, so their tolerance is wider.
    /// Model, a few classes with their probabilities, tolerance.
    type Case<'a> = (&'a str, &'a [(usize, f32)], f32);
    let cases: [Case<'_>; 4] = [
        ("imagenet_mobilenetv2", &[(362, 0.9571), (359, 0.0211), (363, 0.0105)], 0.01),
        ("imagenet_mobilenetv2_int8", &[(362, 0.9531), (359, 0.0234), (363, 0.0117)], 0.05),
        ("inat_birds", &[(867, 0.3300), (362, 0.3100), (72, 0.0732)], 0.06),
        ("inat_birds_int8", &[(867, 0.4414), (362, 0.2695), (72, 0.0508)], 0.1),
    ];
    for (name, expected, tolerance) in cases {
        let mut classifier = Classifier::new(open(name)).unwrap();
        let logits = classifier.logits(&picture, &corners(BOX)).unwrap();
        assert_eq!(logits.len(), classifier.labels().len(), "{name}");
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        let top: Vec<(usize, f32)> = order[..5].iter().map(|&c| (c, logits[c].exp())).collect();
        println!("{name}: {top:?}");
        for &(class, probability) in expected {
            let got = logits[class].exp();
            assert!((got - probability).abs() < tolerance, "{name} class {class}: {got} for {probability}");
        }
    }
}
