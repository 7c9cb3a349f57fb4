//! Looking at a burst ends when it is decided: what matters comes out as of the full look, and the networks run less.
//!
//! Runs are counted, not timed. The bursts are those of the bench world, whose truth is known, and twenty real ones
//! whose labels are those of `photos/labels.csv`.
#![cfg(feature = "tract")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shared_support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use shared_support::{peru, read, shared};
use trapline::engine::manifest::Input;
use trapline::engine::model::Model;
use trapline::engine::{Engine, EngineError, Network, Tensor, builtin};
use trapline::event::Outcome;
use trapline::vision::cascade::{Effort, Stop};
use trapline::vision::detect::Detector;
use trapline::vision::judge::{Judge, Settings};
use trapline::world::{DataSet, export};

const EFFORTS: [Effort; 3] = [Effort::Full, Effort::Cascade, Effort::Frugal];

/// From this count on, every run fails.
const BROKEN: usize = 1 << 40;

/// The engine with every run counted.
struct Counting {
    runs: Arc<AtomicUsize>,
}

struct Counted {
    network: Box<dyn Network>,
    runs: Arc<AtomicUsize>,
}

impl Engine for Counting {
    fn name(&self) -> String {
        "counting".to_owned()
    }

    fn load(&self, onnx: &[u8], spec: &Input, threads: usize) -> Result<Box<dyn Network>, EngineError> {
        let network = builtin()?.load(onnx, spec, threads)?;
        Ok(Box::new(Counted { network, runs: Arc::clone(&self.runs) }))
    }
}

impl Network for Counted {
    fn run(&mut self, input: &Tensor) -> Result<Vec<(String, Tensor)>, EngineError> {
        if self.runs.fetch_add(1, Ordering::SeqCst) >= BROKEN {
            return Err(EngineError::Run { engine: "counting".into(), reason: "no more".into() });
        }
        self.network.run(input)
    }
}

/// A judge with the detector of `manifest`, and the count of its runs so far, beginning at `from`.
fn judge(manifest: &str, effort: Effort, from: usize) -> (Judge, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let engine = Counting { runs: Arc::clone(&runs) };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest);
    let detector = Detector::new(Model::open(&path, &engine, 1).unwrap()).unwrap();
    // Opening ran it once.
    runs.store(from, Ordering::SeqCst);
    (Judge::new(Some(detector), None, Settings { effort, ..Settings::default() }), runs)
}

const BENCH: &str = "models/bench-detector/manifest.toml";

/// Bursts of the bench world, with whether anything is to be seen in them; drawn once.
fn world() -> &'static [(bool, Vec<Vec<u8>>)] {
    static WORLD: OnceLock<Vec<(bool, Vec<Vec<u8>>)>> = OnceLock::new();
    WORLD.get_or_init(draw)
}

fn draw() -> Vec<(bool, Vec<Vec<u8>>)> {
    let dir = tempfile::tempdir().unwrap();
    let set = DataSet { seed: 12, bursts: 14, size: (816, 612), empties: 0.5 };
    export(dir.path(), &set, |_| {}).unwrap();
    let mut found: BTreeMap<u64, (bool, Vec<Vec<u8>>)> = BTreeMap::new();
    for line in std::fs::read_to_string(dir.path().join("truth.jsonl")).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let burst = found.entry(row["burst"].as_u64().unwrap()).or_default();
        burst.0 |= row["boxes"].as_array().unwrap().iter().any(|b| b["visible"].as_f64().unwrap() >= 0.25);
        burst.1.push(std::fs::read(dir.path().join(row["file"].as_str().unwrap())).unwrap());
    }
    found.into_values().collect()
}

fn frames(files: &[Vec<u8>]) -> Vec<Result<&[u8], &str>> {
    files.iter().map(|bytes| Ok(bytes.as_slice())).collect()
}

#[test]
fn on_the_bench_world_what_is_kept_is_kept_by_less_than_half_of_the_runs() {
    let bursts = world();
    assert!(bursts.iter().any(|(alive, _)| *alive) && bursts.iter().any(|(alive, _)| !*alive));
    let mut kept: Vec<Vec<bool>> = Vec::new();
    let mut runs = Vec::new();
    for effort in EFFORTS {
        let (mut judge, count) = judge(BENCH, effort, 0);
        let mut told = 0;
        let outcomes: Vec<bool> = bursts
            .iter()
            .map(|(alive, files)| {
                let judged = judge.judge(&frames(files));
                judge.end_sequence();
                assert_eq!(judged.faults, Vec::<String>::new());
                told += judged.looked.detector as usize;
                let skipped = judged.frames.iter().filter(|f| f.skipped).count();
                if effort == Effort::Full || judged.looked.stopped == Stop::All {
                    assert_eq!(skipped, 0, "{effort:?} {:?}", judged.looked);
                }
                println!("{effort:?} {alive} {:?} {:?}", judged.outcome, judged.looked);
                *alive && judged.outcome != Outcome::Empty
            })
            .collect();
        kept.push(outcomes);
        assert_eq!(told, count.load(Ordering::SeqCst), "what is told is what ran");
        runs.push(told);
    }
    println!("{runs:?}");
    for (cascade, full) in kept[1].iter().zip(&kept[0]) {
        assert!(*cascade >= *full, "{kept:?}");
    }
    assert!(2 * runs[1] < runs[0], "{runs:?}");
    assert!(runs[2] <= runs[1], "{runs:?}");
}

#[test]
fn a_broken_frame_and_a_network_that_fails_are_never_an_empty() {
    let bursts = world();
    for effort in EFFORTS {
        let (mut whole, _) = judge(BENCH, effort, 0);
        let (mut failing, _) = judge(BENCH, effort, BROKEN);
        for (_, files) in bursts.iter().take(4) {
            let mut cut = files.clone();
            let half = cut[1].len() / 2;
            cut[1].truncate(half);
            let judged = whole.judge(&frames(&cut));
            assert_ne!(judged.outcome, Outcome::Empty, "{effort:?}: a frame was cut short");
            assert!(judged.frames[1].failed.is_some());
            let mut missing = frames(files);
            missing[1] = Err("the camera gave nothing");
            assert_ne!(whole.judge(&missing).outcome, Outcome::Empty, "{effort:?}: a frame is missing");

            let judged = failing.judge(&frames(files));
            // Where nothing moved in a known scene no network is asked, and none fails.
            if judged.looked.stopped != Stop::Still {
                assert_ne!(judged.outcome, Outcome::Empty, "{effort:?}: the network failed");
                assert!(!judged.faults.is_empty(), "{effort:?}");
            }
        }
    }
}

#[test]
fn on_real_bursts_the_cascade_keeps_every_animal_by_less_than_half_of_the_runs() {
    let Some(root) = shared() else { return };
    let bursts = peru(&root);
    let (mut missed, mut runs) = (Vec::new(), Vec::new());
    for effort in [Effort::Full, Effort::Cascade] {
        let (mut judge, count) = judge("tests/models/yolox_nano.toml", effort, 0);
        let mut lost = Vec::new();
        for (label, files) in &bursts {
            let judged = judge.judge(&frames(&read(files)));
            judge.end_sequence();
            println!(
                "{effort:?} {label:8} {:?} {:?} {:?}",
                judged.outcome, judged.probability, judged.looked
            );
            if judged.outcome == Outcome::Empty && label != "empty" {
                lost.push(label.clone());
            }
        }
        missed.push(lost);
        runs.push(count.load(Ordering::SeqCst));
    }
    println!("missed {missed:?}, runs {runs:?}");
    // By the labels 13 of the 20 hold something alive, a bird that hardly moves among them.
    assert_eq!(bursts.iter().filter(|(label, _)| label != "empty").count(), 13);
    assert_eq!(missed, [Vec::<String>::new(), Vec::new()]);
    assert!(2 * runs[1] < runs[0], "{runs:?}");
}
