//! DeepFaune's, SpeciesNet's and MegaDetector's decisions on random outputs, against a second implementation of their
//! rules: `decisions_support/reference.py`, written in Python from the published algorithms and constants.
//!
//! Trapline computes in 32-bit floats, the reference in 64: cases where any number comes within 1e-4 of what it is
//! compared with may fall on either side and are left out; they must be few.

#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may unwrap.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use trapline::engine::labels::{self, Label};
use trapline::event::Outcome;
use trapline::units::{BBox, Score};
use trapline::vision::fence::Fence;
use trapline::vision::speciesnet::What;
use trapline::vision::taxonomy::Taxonomy;
use trapline::vision::{Category, Detection, FrameJudgement, Source, deepfaune, megadetector, speciesnet};

/// Cases closer to a threshold are not told apart.
const CLOSE: f64 = 1e-4;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn fauna() -> PathBuf {
    root().join("models/export/taxa/deepfaune.csv")
}

/// What the reference says.
fn cases() -> &'static Value {
    static CASES: OnceLock<Value> = OnceLock::new();
    CASES.get_or_init(|| {
        let python = std::env::var("TRAPLINE_PYTHON").unwrap_or_else(|_| "python3".into());
        let script = root().join("tests/decisions_support/reference.py");
        let output = Command::new(&python).arg(script).arg(fauna()).output();
        let output = output.expect("python3, or the interpreter that TRAPLINE_PYTHON names");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

/// The cases of one rule that are not too close to call, and how many there were.
fn of(rule: &str) -> Vec<&'static Value> {
    let all = cases()[rule].as_array().unwrap();
    let clear: Vec<&Value> = all.iter().filter(|c| c["margin"].as_f64().unwrap() > CLOSE).collect();
    println!("{rule}: {} of {} cases are clear", clear.len(), all.len());
    assert!(clear.len() * 10 >= all.len() * 9, "{rule}: {} of {}", clear.len(), all.len());
    clear
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

fn number(value: &Value, key: &str) -> f32 {
    value[key].as_f64().unwrap() as f32
}

fn frames(case: &Value) -> Vec<FrameJudgement> {
    let frame = |boxes: &Value| FrameJudgement {
        detections: boxes.as_array().unwrap().iter().map(detection).collect(),
        ..FrameJudgement::default()
    };
    case["frames"].as_array().unwrap().iter().map(frame).collect()
}

fn detection(found: &Value) -> Detection {
    let logits: Vec<f32> =
        found["logits"].as_array().unwrap().iter().map(|l| l.as_f64().unwrap() as f32).collect();
    Detection {
        bbox: BBox::FULL,
        category: match text(found, "kind") {
            "animal" => Category::Animal,
            "person" => Category::Person,
            _ => Category::Vehicle,
        },
        confidence: Score::new(number(found, "score")),
        moving: false,
        source: Source::Frame,
        track: 0,
        logits: Some(logits.into()),
        embedding: None,
    }
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()).collect()
}

#[test]
fn deepfaunes_labels_and_scores() {
    let labels = labels::load(&fauna()).unwrap();
    // DeepFaune deletes columns by class, Trapline by taxon: two classes of one taxon, or one within another, cannot be
    // listed apart. So the list is put in the labels: what is not allowed is no animal.
    let taxonomy = |allowed: &[String]| {
        let keep = |label: &Label| Label {
            name: label.name.clone(),
            taxon: label.taxon.clone().filter(|_| allowed.contains(&label.name)),
        };
        Taxonomy::new(labels.iter().map(keep).collect(), &Fence::default(), &Fence::default())
    };
    let mut told = std::collections::BTreeMap::<String, usize>::new();
    for case in of("deepfaune") {
        let want = &case["want"];
        let taxonomy = taxonomy(&names(&case["allowed"]));
        let (outcome, sightings) =
            deepfaune::conclude(&frames(case), Some(&taxonomy), &deepfaune::Settings::default());
        let label = text(want, "label");
        *told.entry(label.to_owned()).or_default() += 1;
        match label {
            "empty" => assert_eq!((outcome, sightings.len()), (Outcome::Empty, 0)),
            "person" => assert_eq!(outcome, Outcome::Person),
            "vehicle" => assert_eq!(outcome, Outcome::Vehicle),
            label => {
                assert_eq!((outcome, sightings.len()), (Outcome::Sighting, 1));
                let sighting = &sightings[0];
                assert_eq!(sighting.top5[0].0, text(want, "top1"));
                assert!((sighting.score.get() - number(want, "score")).abs() < 1e-5, "{sighting:?} {want}");
                let taxon = labels.iter().find(|l| l.name == label).and_then(|l| l.taxon.as_ref());
                let taxon = taxon.map_or("Animalia", |t| t.scientific.as_str());
                assert_eq!(sighting.taxon, taxon, "{label}");
            }
        }
    }
    assert!(["empty", "person", "vehicle", "undefined"].iter().all(|l| told[*l] > 5), "{told:?}");
    assert!(told.len() > 20, "{told:?}");
}

#[test]
fn speciesnets_answers_scores_and_sources() {
    let field = |label: &Value, key: &str| text(label, key).to_owned();
    let mut table = labels::COLUMNS.join(",") + "\n";
    for label in cases()["labels"].as_array().unwrap() {
        let english = text(label, if text(label, "scientific").is_empty() { "scientific" } else { "label" });
        let row = ["label", "scientific", "rank", "", "genus", "family", "order", "class"];
        let cells: Vec<String> = row
            .iter()
            .map(|key| if key.is_empty() { english.to_owned() } else { field(label, key) })
            .collect();
        table += &(cells.join(",") + "\n");
    }
    let labels = labels::parse(&table, Path::new("invented.csv")).unwrap();
    let mut sources = std::collections::BTreeMap::<String, usize>::new();
    for case in of("speciesnet") {
        let want = &case["want"];
        let fence = Fence { allow: Vec::new(), block: names(&case["blocked"]) };
        let taxonomy = Taxonomy::new(labels.clone(), &Fence::default(), &fence);
        let frames = frames(case);
        let answer = speciesnet::answer(&frames[0], Some(&taxonomy));
        let label = match &answer.what {
            What::Blank => "blank",
            What::Human => "human",
            What::Vehicle => "vehicle",
            What::Unknown => "unknown",
            What::Animal(taxon) => taxon.scientific.as_str(),
        };
        let said = (label.to_owned(), answer.source.to_string());
        let wanted = (text(want, "label").to_owned(), text(want, "source").to_owned());
        assert_eq!(said, wanted, "{answer:?} {want} {}", case["margin"]);
        assert!((answer.score - number(want, "score")).abs() < 1e-4, "{answer:?} {want}");
        *sources
            .entry(format!("{} {}", wanted.1, if label.contains("vehicle") { "vehicle" } else { "" }))
            .or_default() += 1;
        // A sequence of one photo says the same.
        let (outcome, sightings) = speciesnet::conclude(&frames, Some(&taxonomy));
        let expected = match answer.what {
            What::Blank => Outcome::Empty,
            What::Unknown => Outcome::Uncertain,
            What::Human => Outcome::Person,
            What::Vehicle => Outcome::Vehicle,
            What::Animal(_) => Outcome::Sighting,
        };
        assert_eq!(
            (outcome, sightings.len()),
            (expected, usize::from(!matches!(expected, Outcome::Empty | Outcome::Uncertain)))
        );
    }
    println!("{sources:?}");
    // Every way to an answer was taken.
    assert!(sources.len() >= 8, "{sources:?}");
}

#[test]
fn megadetectors_categories_scores_and_counts() {
    let mut empties = 0;
    for case in of("megadetector") {
        let want = case["want"].as_object().unwrap();
        let (outcome, sightings) = megadetector::conclude(&frames(case), number(case, "threshold"));
        assert_eq!(sightings.len(), want.len(), "{sightings:?} {want:?}");
        empties += usize::from(want.is_empty());
        assert_eq!(outcome == Outcome::Empty, want.is_empty());
        assert_eq!(outcome == Outcome::Sighting, want.contains_key("animal"));
        for sighting in &sightings {
            let wanted = &want[&sighting.label];
            assert!((sighting.score.get() - number(wanted, "score")).abs() < 1e-6);
            assert_eq!(u64::from(sighting.count), wanted["count"].as_u64().unwrap());
        }
    }
    assert!(empties > 5, "{empties}");
}
