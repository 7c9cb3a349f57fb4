//! The published TensorFlow Lite classifiers, made into floats when they are loaded, give what another conversion of the
//! same files to ONNX floats gives.
//!
//! The shared `.onnx` files were made by other tools (`models/README.md` there: dequantised, bit-exact as bytes against
//! LiteRT). Both run on the engine that is built in, on whole photos of every site: what differs is the conversion alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shared_support;

use std::path::Path;

use shared_support::shared;
use trapline::engine::builtin;
use trapline::engine::hash::sha256_file;
use trapline::engine::model::Model;
use trapline::image::{Want, decode};
use trapline::units::BBox;
use trapline::vision::classify::Classifier;

const PHOTOS: [&str; 8] = [
    "ena24/2999.jpg",
    "ena24/596.jpg",
    "ena24/8831.jpg",
    "ena24/49.jpg",
    "southwest/MDF10.jpg",
    "southwest/MDF125.jpg",
    "sweden/20250816150938.jpg",
    "peru/EK000001.JPG",
];

fn classifier(manifest: &Path) -> Classifier {
    let model = Model::open(manifest, builtin().unwrap().as_ref(), 1).unwrap_or_else(|e| panic!("{e}"));
    Classifier::new(model).unwrap()
}

/// The starter pack's model `name`, its network taken from the shared folder.
fn published(dir: &Path, root: &Path, name: &str, file: &str) -> Classifier {
    let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/starter");
    let text = std::fs::read_to_string(starter.join(name).with_extension("toml")).unwrap();
    let network = root.join("models").join(file);
    assert!(text.contains(&sha256_file(&network).unwrap()), "{name}: another file");
    let named = text.lines().find_map(|l| l.strip_prefix("file = ")).unwrap().trim_matches('"').to_owned();
    let folder = dir.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(network, folder.join(named)).unwrap();
    for labels in ["imagenet_taxa.csv", "inat_birds_taxa.csv"] {
        std::fs::copy(starter.join(labels), folder.join(labels)).unwrap();
    }
    std::fs::write(folder.join("model.toml"), text).unwrap();
    classifier(&folder)
}

#[test]
fn the_same_class_wins_and_probabilities_agree() {
    let Some(root) = shared() else { return };
    let dir = tempfile::tempdir().unwrap();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    // Twice what 40 photos showed: 0.00036 and 0.0033.
    let cases = [
        ("imagenet-mobilenetv2", "imagenet_mobilenetv2_int8.tflite", "imagenet_mobilenetv2.toml", 0.001),
        ("inat-birds-mobilenetv2", "inat_birds_mobilenetv2_int8.tflite", "inat_birds.toml", 0.007),
    ];
    for (name, file, other, tolerance) in cases {
        let mut ours = published(dir.path(), &root, name, file);
        let mut theirs = classifier(&tests.join(other));
        for photo in PHOTOS {
            let picture =
                decode(&std::fs::read(root.join("photos").join(photo)).unwrap(), Want::LongSide(640))
                    .unwrap();
            let of = |classifier: &mut Classifier| -> Vec<f32> {
                classifier.logits(&picture, &BBox::FULL).unwrap().iter().map(|l| l.exp()).collect()
            };
            let (ours, theirs) = (of(&mut ours), of(&mut theirs));
            let best = |p: &[f32]| p.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
            let most = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            println!("{name} {photo}: class {}, largest difference {most:.5}", best(&ours));
            assert_eq!(best(&ours), best(&theirs), "{name} {photo}");
            assert!(most <= tolerance, "{name} {photo}: {most}");
        }
    }
}
