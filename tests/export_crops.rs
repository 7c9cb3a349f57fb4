//! Crops to learn from: what people named, cut out, with whose word it is and where it was; people left out.

#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod export_support;

use std::path::{Path, PathBuf};

use export_support::{Spell, animal, burst, export, place, reads, refused, rows, says, trapline};
use serde_json::json;
use trapline::event::Outcome;
use trapline::image::{Rgb, Want, decode, encode_jpeg};
use trapline::store::record::{Box, Burst};
use trapline::units::{BBox, Score};

/// A picture of 400x320 whose box of the helper's frames (left 100, top 160, 200x40) is white on black.
fn picture(path: &Path) {
    let mut picture = Rgb { width: 400, height: 320, data: vec![0; 3 * 400 * 320] };
    for y in 160..200 {
        for x in 100..300 {
            picture.data[3 * (y * 400 + x)..][..3].fill(255);
        }
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, encode_jpeg(&picture, 95).unwrap()).unwrap();
}

/// A season in which Anna named some; its journal.
fn season(dir: &Path) -> PathBuf {
    let path = dir.join("ridge.db");
    for name in ["lynx", "wolf", "walker", "leaf", "two", "dog"] {
        picture(&dir.join(format!("{name}.jpg")));
    }
    std::fs::write(dir.join("broken.jpg"), [0xff, 0xd8, 0xff, 0xe0, 0, 4]).unwrap();
    let mut spell = Spell::begin(&path, &place("ridge", 46.5, 7.1), "2026-05-01T00:00");
    let kept = |name: &str| Some(format!("{name}.jpg"));
    let mut animal_of =
        |time: &str, name: &str| spell.burst(time, animal("Canis lupus", "wolf", 1, kept(name).as_deref()));
    animal_of("2026-05-01T04:00", "lynx");
    let wolf = animal_of("2026-05-01T05:00", "wolf");
    let broken = animal_of("2026-05-01T06:00", "broken");
    let lost = animal_of("2026-05-01T07:00", "lost");
    let two = animal_of("2026-05-01T08:00", "two");
    let leaf = animal_of("2026-05-01T09:00", "leaf");
    let walker = burst(Outcome::Person, &[("Homo sapiens", "human", 1)], Some("walker.jpg"));
    let walker = spell.burst("2026-05-01T10:00", walker);
    let beside = Box {
        bbox: BBox::from_corners(0.75, 0.25, 1.0, 1.0),
        category: "person".to_owned(),
        confidence: Score::new(0.8),
        moving: true,
        track: 1,
    };
    let mut dog: Burst = animal("Canis familiaris", "dog", 1, Some("dog.jpg"));
    dog.frames.iter_mut().for_each(|f| f.boxes.push(beside.clone()));
    dog.observations
        .push(burst(Outcome::Person, &[("Homo sapiens", "human", 1)], None).observations.remove(0));
    let dog = spell.burst("2026-05-01T11:00", dog);
    spell.stop("2026-05-02T00:00");
    for (key, name) in [(wolf, "Canis aureus"), (broken, "Lynx lynx"), (lost, "Lynx lynx")] {
        says(&path, key, "Anna", Outcome::Sighting, &[(name, 1)]);
    }
    says(&path, two, "Anna", Outcome::Sighting, &[("Lynx lynx", 1), ("Vulpes vulpes", 1)]);
    says(&path, leaf, "Anna", Outcome::Empty, &[]);
    says(&path, walker, "Anna", Outcome::Person, &[]);
    says(&path, dog, "Anna", Outcome::Sighting, &[("Canis familiaris", 1), ("Homo sapiens", 1)]);
    path
}

#[test]
fn what_people_named_is_cut_out_and_people_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = season(dir.path());
    let out = dir.path().join("crops");
    let told = export("crops", &[&path], &out, &[]);
    assert_eq!(told["files"], json!(["crops.csv"]));
    // Left out: what only the machine named (the lynx), two kinds in one burst, the walker, the dog beside a person and
    // that person.
    let expected = json!({
        "written": 2, "classes": {"Canis aureus": 1, "blank": 1}, "bursts": 2, "unreadable": 1, "missing": 1, "people": 3,
        "machine": 1, "several": 1, "unnamed": 0, "bare": 0,
    });
    assert_eq!(told["crops"], expected);
    assert!(
        told["notes"].to_string().contains("broken.jpg") && told["notes"].to_string().contains("lost.jpg")
    );
    let table = rows(&out.join("crops.csv"));
    let jackal = table.iter().find(|r| r["class"] == "Canis aureus").unwrap();
    assert_eq!((jackal["classificationMethod"].as_str(), jackal["classifiedBy"].as_str()), ("human", "Anna"));
    assert_eq!((jackal["locationID"].as_str(), jackal["infrared"].as_str()), ("ridge", "false"));
    assert_eq!(jackal["timestamp"], "2026-05-01T05:00:01Z");
    // By hand: the longer side has 200 pixels; half of it more on each side makes 400x400 around (200, 180), of which
    // rows 0 to 320 are on the picture.
    let crop = decode(&std::fs::read(out.join(&jackal["filePath"])).unwrap(), Want::Full).unwrap();
    assert_eq!((crop.width, crop.height), (400, 320));
    let side = |key: &str| jackal[key].parse::<f64>().unwrap();
    assert_eq!(
        [side("cropX"), side("cropY"), side("cropWidth"), side("cropHeight")],
        [0.25, 0.5, 0.5, 0.125]
    );
    let at = |x: usize, y: usize| crop.data[3 * (y * 400 + x)];
    assert!(at(200, 180) > 200 && at(200, 100) < 50 && at(50, 180) < 50);
    // The rows join those of the package of the same journal.
    let package = dir.path().join("dp");
    export("camtrap-dp", &[&path], &package, &["--title", "t", "--contributor", "Anna", "--level", "both"]);
    let media = rows(&package.join("media.csv"));
    let pictures: Vec<_> = media.iter().filter(|m| m["mediaID"] == jackal["mediaID"]).collect();
    assert_eq!((pictures.len(), pictures[0]["deploymentID"].as_str()), (1, jackal["deploymentID"].as_str()));
    let events = rows(&package.join("observations.csv"));
    assert!(
        events.iter().any(|o| o["eventID"] == jackal["eventID"] && o["scientificName"] == "Canis aureus")
    );

    // As the training recipe reads it.
    if let Some(read) = reads("read_crops.py", &[&out], "PIL") {
        let examples = read["examples"].as_array().unwrap();
        assert_eq!(examples.len(), 2);
        let jackal = examples.iter().find(|e| e["label"] == "Canis aureus").unwrap();
        assert_eq!((&jackal["box"], &jackal["there"]), (&json!([0.25, 0.5, 0.5, 0.125]), &json!(true)));
        assert_eq!((&jackal["site"], &jackal["by"]), (&json!("ridge"), &json!("Anna")));
        assert_ne!(jackal["sequence"], "");
    }
}

#[test]
fn people_and_the_machine_s_words_come_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = season(dir.path());
    let more = ["--people", "--machine-from", "0.8", "--side", "64", "--margin", "0"];
    let out = dir.path().join("crops");
    let told = export("crops", &[&path], &out, &more);
    let classes = json!({
        "Canis aureus": 1, "Canis familiaris": 1, "Canis lupus": 1, "Homo sapiens": 2, "blank": 1,
    });
    assert_eq!(told["crops"]["classes"], classes, "{told}");
    let table = rows(&out.join("crops.csv"));
    let wolf = table.iter().find(|r| r["class"] == "Canis lupus").unwrap();
    assert_eq!(
        (wolf["classificationMethod"].as_str(), wolf["classificationProbability"].as_str()),
        ("machine", "0.875")
    );
    let crop = decode(&std::fs::read(out.join(&wolf["filePath"])).unwrap(), Want::Full).unwrap();
    assert_eq!((crop.width, crop.height), (64, 64));
    assert_eq!((wolf["cropX"].as_str(), wolf["cropWidth"].as_str()), ("0", "1"));
    let none = export("crops", &[&path], &dir.path().join("sure"), &["--machine-from", "0.9"]);
    assert_eq!(none["crops"]["machine"], 1, "0.875 is not sure enough");
}

#[test]
fn a_folder_with_crops_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = season(dir.path());
    let out = dir.path().join("crops");
    export("crops", &[&path], &out, &[]);
    assert!(refused("crops", &[&path], &out, &[]).contains("--force"));
    export("crops", &[&path], &out, &["--force"]);
    assert!(
        refused("crops", &[&path], &dir.path().join("x"), &["--media", "/no/such"])
            .contains("no such folder")
    );
    assert!(refused("crops", &[&path], &dir.path().join("x"), &["--margin", "3"]).contains("0 to 2"));
    let said = trapline(&["export", "--help"]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("trapline export crops --journal"));
}
