//! What the exporters write runs on both engines and gives PyTorch's numbers.
//!
//! `tests/data/exports` holds a tiny network of every exported family, made by `models/export/fixtures.py` through the
//! same modules and the same export path as the real ones, with random weights, and PyTorch's outputs for one input.

#![cfg(all(feature = "std", feature = "tract"))]
#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may unwrap.

use std::path::{Path, PathBuf};

use trapline::engine::manifest::{Decode, Role};
use trapline::engine::model::Model;
use trapline::engine::{Data, Engine, Tensor};

/// Largest difference from PyTorch's numbers, as a share of the largest of them: sums of floats in another order.
const TOLERANCE: f32 = 1e-3;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/exports");
    let mut found: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    found.sort();
    found
}

fn engines() -> Vec<Box<dyn Engine>> {
    #[cfg_attr(not(feature = "onnxruntime"), allow(unused_mut))]
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(trapline::engine::tract::Tract::default())];
    #[cfg(feature = "onnxruntime")]
    match trapline::engine::onnxruntime::OnnxRuntime::open(None, trapline::engine::choose::Provider::Cpu) {
        Ok(engine) => engines.push(Box::new(engine)),
        Err(why) => println!("skipped: ONNX Runtime: {why}"),
    }
    engines
}

/// The input the fixtures were made with: number i is frac(i * 0.6180339887).
fn input(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let data = (0..count).map(|i| (i as f64 * 0.618_033_988_7).fract() as f32).collect();
    Tensor { shape: shape.to_vec(), data: Data::F32(data) }
}

fn numbers(file: &Path) -> Vec<f32> {
    let bytes = std::fs::read(file).unwrap();
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

/// Rows of all outputs side by side: what an end-to-end detector says of each thing.
fn rows(outputs: &[(Vec<usize>, Vec<f32>)]) -> Vec<Vec<f32>> {
    let count = outputs[0].0[1];
    let row = |i: usize| {
        let part = |(shape, data): &(Vec<usize>, Vec<f32>)| data[i * shape[2]..(i + 1) * shape[2]].to_vec();
        outputs.iter().flat_map(part).collect()
    };
    (0..count).map(row).collect()
}

fn apart(a: &[f32], b: &[f32], scale: f32) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max) / scale
}

#[test]
fn every_exported_family_gives_pytorchs_numbers_on_both_engines() {
    let folders = folders();
    assert_eq!(folders.len(), 8, "{folders:?}");
    for engine in engines() {
        for folder in &folders {
            let mut model = Model::open(folder, engine.as_ref(), 1).unwrap();
            let outputs = model.run(&input(&model.manifest().input.shape())).unwrap();
            let ours: Vec<(Vec<usize>, Vec<f32>)> =
                outputs.into_iter().map(|(_, t)| (t.shape.clone(), t.to_f32().into_owned())).collect();
            let mut all = numbers(&folder.join("expected.f32"));
            let theirs: Vec<(Vec<usize>, Vec<f32>)> =
                ours.iter().map(|(shape, data)| (shape.clone(), all.drain(..data.len()).collect())).collect();
            assert!(all.is_empty(), "{}: PyTorch gave more", folder.display());
            let largest = |values: &[f32]| values.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
            let most = match model.manifest().output.decode {
                // The best of many, in order: two nearly equal ones may change places.
                Decode::Yolov10 | Decode::RtDetr => {
                    let (ours, theirs) = (rows(&ours), rows(&theirs));
                    let scale = largest(&theirs.concat());
                    let nearest = |row: &Vec<f32>| {
                        ours.iter().map(|o| apart(o, row, scale)).fold(f32::INFINITY, f32::min)
                    };
                    theirs.iter().map(nearest).fold(0.0, f32::max)
                }
                _ => ours
                    .iter()
                    .zip(&theirs)
                    .map(|(o, t)| apart(&o.1, &t.1, largest(&t.1)))
                    .fold(0.0, f32::max),
            };
            let name = &model.manifest().name;
            println!("{} {name}: apart by at most {most:.1e}", model.engine());
            assert!(most < TOLERANCE, "{} {name}: {most}", model.engine());
            // Numbers that differ from one another: a network of zeros would agree with anything.
            let spread = theirs.iter().map(|t| largest(&t.1)).fold(0.0, f32::max);
            assert!(spread > 0.1, "{name}: {spread}");
        }
    }
}

#[test]
fn their_manifests_say_what_they_are() {
    let roles: Vec<(Role, String, String)> = folders()
        .iter()
        .map(|f| trapline::engine::manifest::Manifest::load(f).unwrap())
        .map(|m| (m.role, m.name.clone(), format!("{:?}", m.output.decode)))
        .collect();
    let count = |role| roles.iter().filter(|r| r.0 == role).count();
    assert_eq!(
        (count(Role::Detector), count(Role::Classifier), count(Role::Embedder)),
        (4, 2, 2),
        "{roles:?}"
    );
    for (role, name, decode) in roles.iter().filter(|r| r.0 == Role::Detector) {
        assert_eq!(format!("tiny-{}", decode.to_lowercase()), *name, "{role:?}");
    }
}
