//! `trapline eval`: predictions against truth, and what it says of input it cannot use.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TAXA: &str = "label,scientific,rank,english,genus,family,order,class\n\
    fox,Vulpes vulpes,species,red fox,Vulpes,Canidae,Carnivora,Mammalia\n\
    boar,Sus scrofa,species,wild boar,Sus,Suidae,Artiodactyla,Mammalia\n";
const MAP: &str = "label,accepts,genus,family,order,class\n\
    pig,Sus scrofa,Sus,Suidae,Artiodactyla,Mammalia\n\
    nothing,empty,,,,\n";
const TRUTH: &str = "file,burst,label\n\
    a/1.jpg,b1,pig\na/2.jpg,b1,pig\na/3.jpg,b2,Vulpes vulpes\na/4.jpg,b3,nothing\na/5.jpg,b4,pig\n";

/// One line of `sort --json`.
fn line(files: &[&str], outcome: &str, probability: f32, taxa: &[(&str, &str, f32)]) -> String {
    let frames: Vec<_> = files
        .iter()
        .map(|f| serde_json::json!({"file": format!("/card/{f}"), "taken": null, "failed": null, "detections": []}))
        .collect();
    let sightings: Vec<_> = taxa
        .iter()
        .map(|(taxon, rank, score)| {
            serde_json::json!({"taxon": taxon, "rank": rank, "label": "", "score": score, "count": 1, "top5": []})
        })
        .collect();
    let sequence = serde_json::json!({"sequence": files[0], "camera": "c", "first": null, "last": null,
        "frames": frames, "outcome": outcome, "probability": probability, "sightings": sightings});
    format!("{sequence}\n")
}

fn predictions() -> String {
    line(&["a/1.jpg", "a/2.jpg"], "sighting", 0.9, &[("Sus scrofa", "species", 0.95)])
        + &line(&["a/3.jpg"], "sighting", 0.8, &[("Canidae", "family", 0.7)])
        + &line(&["a/4.jpg"], "empty", 0.1, &[])
        + &line(&["a/5.jpg"], "empty", 0.2, &[])
}

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Desk(tempfile::tempdir().unwrap());
        for (name, text) in
            [("taxa.csv", TAXA), ("map.csv", MAP), ("truth.csv", TRUTH), ("sort.jsonl", &predictions())]
        {
            std::fs::write(desk.path(name), text).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the verb on the desk's files, with `more` arguments.
    fn eval(&self, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
        command.arg("eval");
        for (key, file) in [("truth", "truth.csv"), ("map", "map.csv"), ("taxa", "taxa.csv")] {
            command.arg(format!("--{key}")).arg(self.path(file));
        }
        command.arg("--predictions").arg(self.path("sort.jsonl"));
        command.args(more).output().unwrap()
    }

    /// The message of an input error.
    fn refused(&self, more: &[&str]) -> String {
        let output = self.eval(more);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn the_numbers_are_those_counted_by_hand() {
    let output = Desk::new().eval(&["--json"]);
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    // Five photos in four sequences: the pigs of one sequence right, the fox only a canid, a pig taken for empty.
    let sequences = &report["sequences"];
    assert_eq!(
        (&sequences["cases"], &sequences["right"], &sequences["above"]),
        (&4.into(), &2.into(), &1.into())
    );
    assert_eq!((&report["images"]["cases"], &report["images"]["right"]), (&5.into(), &3.into()));
    let class = |of: &str, label: &str| {
        report[of]["classes"].as_array().unwrap().iter().find(|c| c["label"] == label).unwrap().clone()
    };
    assert_eq!(class("sequences", "pig")["sensitivity"], 0.5);
    assert_eq!(class("images", "pig")["sensitivity"], 2.0 / 3.0);
    assert_eq!(class("sequences", "pig")["specificity"], 1.0);
    assert_eq!(class("sequences", "Vulpes vulpes")["above"], 1);
    // The one empty was dropped, and one pig with it: three others of which one was called empty.
    assert_eq!(class("sequences", "nothing")["specificity"], 2.0 / 3.0);
    assert_eq!(sequences["confusion"]["pig"], serde_json::json!({"nothing": 1, "pig": 1}));
    let curve = sequences["species_curve"].as_array().unwrap();
    assert_eq!((curve.len(), &curve[0]["accuracy"], &curve[1]["accuracy"]), (2, &1.0.into(), &0.5.into()));
    assert_eq!(curve[1]["accuracy_or_above"], 1.0);
}

#[test]
fn tables_come_for_people_and_in_markdown_and_say_what_is_missing() {
    let desk = Desk::new();
    std::fs::write(desk.path("truth.csv"), format!("{TRUTH}a/6.jpg,b5,pig\n")).unwrap();
    let markdown = String::from_utf8(desk.eval(&["--markdown"]).stdout).unwrap();
    assert!(markdown.contains("## Per sequence") && markdown.contains("| pig "), "{markdown}");
    assert!(markdown.contains("1 photos of the truth are in no prediction and in no number: a/6.jpg."));
    let plain = String::from_utf8(desk.eval(&[]).stdout).unwrap();
    assert!(plain.contains("PER SEQUENCE") && plain.contains("Canidae 1"), "{plain}");
}

#[test]
fn predictions_come_from_standard_input_too() {
    let desk = Desk::new();
    let output = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["eval", "--json", "--truth"])
        .arg(desk.path("truth.csv"))
        .arg("--map")
        .arg(desk.path("map.csv"))
        .arg("--taxa")
        .arg(desk.path("taxa.csv"))
        .stdin(std::fs::File::open(desk.path("sort.jsonl")).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.stdout, desk.eval(&["--json"]).stdout);
}

#[test]
fn bad_input_is_named_with_its_file_and_line() {
    let desk = Desk::new();
    assert!(desk.refused(&["--root", "/elsewhere"]).contains("none of the 5 predicted photos"));
    std::fs::write(desk.path("sort.jsonl"), "{\n").unwrap();
    assert!(desk.refused(&[]).contains("predictions, line 1"));
    std::fs::write(desk.path("truth.csv"), "file,label\nx.jpg,yeti\n").unwrap();
    let unknown = desk.refused(&[]);
    assert!(unknown.contains("truth.csv: line 2: label `yeti`"), "{unknown}");
    std::fs::remove_file(desk.path("taxa.csv")).unwrap();
    assert!(desk.refused(&[]).contains("taxa.csv"));
}

#[test]
fn the_shared_photos_have_a_meaning_for_every_label() {
    let root = std::env::var_os("TRAPLINE_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let truth = root.join("photos/labels.csv");
    if !truth.exists() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{} is needed on CI", truth.display());
        println!("skipped: {} is not there", truth.display());
        return;
    }
    let mut taxa = trapline::eval::truth::Taxa::default();
    taxa.add(&trapline::engine::labels::load(Path::new("models/starter/imagenet_taxa.csv")).unwrap());
    let read =
        trapline::eval::truth::read(&truth, Some(Path::new("tests/models/truth_map.csv")), &taxa).unwrap();
    assert_eq!(read.photos.len(), 137);
}
