//! Twenty real bursts of one camera, by day and by night, through the whole judgement: what is empty and what is not.
//!
//! The labels are those of `photos/labels.csv`, made by eye. The networks know no wild animals (COCO classes), so the
//! motion evidence must carry most of it; a peer that lets the detector alone decide finds 3 of the 12 animal bursts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shared_support;

use std::path::Path;

use shared_support::{peru, read, shared};
use trapline::engine::builtin;
use trapline::engine::model::Model;
use trapline::event::Outcome;
use trapline::vision::detect::Detector;
use trapline::vision::judge::{Judge, Settings};

fn detector() -> Detector {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/yolox_nano.toml");
    Detector::new(Model::open(&manifest, builtin().unwrap().as_ref(), 1).unwrap()).unwrap()
}

/// Judges every burst; returns (animal or person bursts called empty, empty bursts called empty).
fn judge_all(root: &Path, mut judge: Judge) -> (usize, usize) {
    let (mut missed, mut dropped) = (0, 0);
    for (label, files) in peru(root) {
        let bytes = read(&files);
        let frames: Vec<_> = bytes.iter().map(|b| Ok(b.as_slice())).collect();
        let judgement = judge.judge(&frames);
        judge.end_sequence();
        println!(
            "{label:8} {:?} {:.3} {:?}",
            judgement.outcome,
            judgement.probability.get(),
            judgement.faults
        );
        let called_empty = judgement.outcome == Outcome::Empty;
        missed += usize::from(called_empty && label != "empty");
        dropped += usize::from(called_empty && label == "empty");
    }
    (missed, dropped)
}

#[test]
fn with_a_detector_at_most_one_animal_is_lost_and_five_of_seven_empties_are_dropped() {
    let Some(root) = shared() else { return };
    let (missed, dropped) = judge_all(&root, Judge::new(Some(detector()), None, Settings::default()));
    assert!(missed <= 1, "{missed} of 13 bursts with an animal or a person called empty");
    assert!(dropped >= 5, "only {dropped} of 7 empty bursts called empty");
}

#[test]
fn motion_stands_on_its_own_without_a_detector() {
    let Some(root) = shared() else { return };
    let (missed, dropped) = judge_all(&root, Judge::new(None, None, Settings::default()));
    assert!(missed <= 1, "{missed} of 13 bursts with an animal or a person called empty");
    assert!(dropped >= 5, "only {dropped} of 7 empty bursts called empty");
}
