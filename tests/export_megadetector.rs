//! MegaDetector results: accepted by the MegaDetector package's own validator, with every picture found.

#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod export_support;

use export_support::{Spell, animal, burst, export, place, reads, says, trapline};
use serde_json::{Value, json};
use trapline::event::Outcome;

/// What the validator's own imports need, all from its package's requirements.
const NEEDS: &str = "megadetector, numpy, tqdm, jsonpickle, PIL, requests, pytest";

fn load(path: &std::path::Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn pictures_of_a_trap_carry_the_word_that_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ridge.db");
    let mut spell = Spell::begin(&path, &place("ridge", 46.5, 7.1), "2026-05-01T00:00");
    spell.burst("2026-05-01T04:00", animal("Lynx lynx", "Eurasian lynx", 1, Some("a.jpg")));
    let wolf = spell.burst("2026-05-01T05:00", animal("Canis lupus", "wolf", 1, Some("b.jpg")));
    spell.burst("2026-05-01T06:00", burst(Outcome::Person, &[("Homo sapiens", "human", 3)], Some("c.jpg")));
    spell.burst("2026-05-01T09:00", burst(Outcome::Failed, &[], Some("d.jpg")));
    let leaf = spell.burst("2026-05-01T10:00", burst(Outcome::Uncertain, &[], Some("e.jpg")));
    spell.burst("2026-05-01T11:00", animal("Lynx lynx", "Eurasian lynx", 1, None));
    spell.stop("2026-05-02T00:00");
    says(&path, wolf, "Anna", Outcome::Sighting, &[("Canis aureus", 1)]);
    says(&path, leaf, "Anna", Outcome::Empty, &[]);

    let taxa = dir.path().join("labels.csv");
    let table = "label,scientific,rank,english,genus,family,order,class\n\
                 lynx,Lynx lynx,species,Eurasian lynx,Lynx,Felidae,Carnivora,Mammalia\n";
    std::fs::write(&taxa, table).unwrap();
    let out = dir.path().join("out");
    let told = export("megadetector", &[&path], &out, &["--taxa", taxa.to_str().unwrap()]);
    assert!(told["notes"].to_string().contains("1 bursts have no picture"), "{told}");
    let file = out.join("megadetector.json");
    let found = load(&file);
    assert_eq!(found["info"]["format_version"], "1.6");
    let described = json!({"1": "1;;;;canis;aureus;canis aureus", "2": "2;mammalia;carnivora;felidae;lynx;lynx;eurasian lynx"});
    assert_eq!(found["classification_category_descriptions"], described);
    let image = |name: &str| {
        let images = found["images"].as_array().unwrap();
        images.iter().find(|i| i["file"] == name).unwrap().clone()
    };
    let box_of = |category: &str| json!({"category": category, "conf": 0.9, "bbox": [0.25, 0.5, 0.5, 0.125]});
    let mut lynx = box_of("1");
    lynx["classifications"] = json!([["2", 0.875]]);
    assert_eq!(image("a.jpg")["detections"], json!([lynx]));
    let mut jackal = box_of("1");
    jackal["classifications"] = json!([["1", 1.0]]);
    assert_eq!(image("b.jpg")["detections"], json!([jackal]), "Anna's word");
    assert_eq!(image("c.jpg")["detections"], json!([box_of("2")]));
    assert_eq!(
        (&image("d.jpg")["detections"], &image("d.jpg")["failure"]),
        (&Value::Null, &json!("not a JPEG"))
    );
    assert_eq!(image("a.jpg")["trigger"], "pir");
    assert_eq!(image("e.jpg")["detections"], json!([]), "Anna saw nothing there");

    if let Some(said) = reads("check_megadetector.py", &[&file], NEEDS) {
        assert_eq!((&said["errors"], &said["warnings"]), (&json!([]), &json!([])));
        assert_eq!(said["detection_category_id_to_count"], json!({"1": 2, "2": 1}));
        assert_eq!(said["classification_category_id_to_count"], json!({"1": 1, "2": 1}));
    }
}

#[test]
fn photos_of_a_card_are_found_where_the_results_say() {
    let dir = tempfile::tempdir().unwrap();
    let card = dir.path().join("card");
    assert!(
        trapline(&["world", card.to_str().unwrap(), "--bursts", "6", "--size", "320x240"]).status.success()
    );
    std::fs::write(card.join("broken.jpg"), b"\xff\xd8 nothing more").unwrap();
    let journal = dir.path().join("card.db");
    trapline(&["sort", card.to_str().unwrap(), "--journal", journal.to_str().unwrap(), "--quiet"]);
    let out = dir.path().join("out");
    let more = ["--media-root", card.to_str().unwrap()];
    export("megadetector", &[&journal], &out, &more);
    let file = out.join("megadetector.json");
    let found = load(&file);
    let photo = |e: &walkdir::DirEntry| e.path().extension().is_some_and(|e| e == "jpg");
    let photos = walkdir::WalkDir::new(&card).into_iter().map(Result::unwrap).filter(photo).count();
    assert!(photos > 6);
    assert_eq!(found["images"].as_array().unwrap().len(), photos);
    let failed: Vec<_> =
        found["images"].as_array().unwrap().iter().filter(|i| i["failure"].is_string()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["file"], "broken.jpg");
    if let Some(said) = reads("check_megadetector.py", &[&file, &card], NEEDS) {
        assert_eq!((&said["errors"], &said["warnings"]), (&json!([]), &json!([])));
    }
}
