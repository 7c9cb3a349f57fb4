//! Individuals from photos to a gallery, asked, measured: the program as its user runs it.
//!
//! The network is `tests/data/exports/miewid`, of random weights: what it tells apart is little, and the same for everybody;
//! in one story it is the bundled one, which tells rendered coats apart.
//! The numbers of `eval --individuals` are held against NumPy, which computes them anew from the embeddings.
#![cfg(all(feature = "std", feature = "tract"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The network with a calibration, and crops of eight lynx and jaguars, of 3 encounters a flank.
struct Story {
    dir: tempfile::TempDir,
}

impl Story {
    fn new() -> Story {
        let dir = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/exports/miewid");
        let to = dir.path().join("embedder");
        std::fs::create_dir(&to).unwrap();
        std::fs::copy(from.join("tiny-miewid.onnx"), to.join("tiny-miewid.onnx")).unwrap();
        let manifest = std::fs::read_to_string(from.join("manifest.toml")).unwrap();
        let curve = "[individuals]\nslope = 400\nintercept = -399\nknown = 0.7\nnew = 0.3\n";
        std::fs::write(to.join("manifest.toml"), manifest + curve).unwrap();
        Story { dir }
    }

    fn crops(&self) {
        let made =
            self.run(&["world", "coats", "--individuals", "4", "--encounters", "3", "--size", "200x150"]);
        assert!(made.status.success(), "{}", said(&made));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
        command.current_dir(self.dir.path()).args(args).output().unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        let done = self.run(args);
        assert!(done.status.success(), "{args:?}: {}", said(&done));
        serde_json::from_slice(&done.stdout).unwrap()
    }

    /// What is said of wrong input.
    fn refused(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!(done.status.code(), Some(2), "{args:?}: {}", said(&done));
        said(&done)
    }
}

fn said(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// The photos below a folder, sorted.
fn photos(folder: &Path) -> Vec<String> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    let photos = walk.filter(|e| e.path().extension().is_some_and(|e| e == "jpg"));
    photos.map(|e| e.path().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_gallery_is_built_asked_added_to_and_taken_apart() {
    let story = Story::new();
    story.crops();
    let built = story.json(&["gallery", "build", "coats", "-o", "g", "--model", "embedder", "--json"]);
    assert_eq!(built["individuals"], 8);
    // A folder of a flank holds 3 encounters at most: some may show too little of the animal.
    assert!(built["encounters"].as_u64().is_some_and(|n| (30..=48).contains(&n)), "{built}");
    let listed = story.json(&["gallery", "list", "g", "--json"]);
    let first = &listed["individuals"][0];
    assert_eq!((&first["taxon"], &first["individual"]), (&"Lynx lynx".into(), &"1000".into()));
    assert_eq!(first["thumbnails"], 4, "two of each side");

    // Who is in the gallery by this very photo is found by it, whatever the network's weights.
    let own = photos(&story.path("coats/Panthera onca/1002/left"));
    let pair: Vec<&String> = own.iter().filter(|p| p.contains(encounter(&own[0]))).collect();
    let mut ask =
        vec!["gallery", "match", "g", "--model", "embedder", "--flank", "left", "--burst", "--json"];
    ask.extend(pair.iter().map(|p| p.as_str()));
    let answer = story.json(&ask);
    assert_eq!(
        (&answer["recognition"], &answer["individual"]),
        (&"known".into(), &"1002".into()),
        "{answer}"
    );
    assert!(answer["nearest"][0]["similarity"].as_f64().is_some_and(|s| s > 0.999));
    let other = story.json(&[&ask[..], &["--taxon", "Lynx lynx"]].concat());
    assert_eq!(other["nearest"][0]["taxon"], "Lynx lynx");

    let added = story.json(&[
        "gallery",
        "add",
        "g",
        &own[0],
        "--model",
        "embedder",
        "--taxon",
        "Panthera onca",
        "--individual",
        "Onça-1",
        "--note",
        "torn ear",
        "--json",
    ]);
    assert_eq!(added["individuals"], 9);
    let exported = story.json(&["gallery", "export", "g", "-o", "out", "--json"]);
    assert_eq!(photos(&story.path("out")).len() as u64, exported["thumbnails"].as_u64().unwrap());
    let table = std::fs::read_to_string(story.path("out/gallery.csv")).unwrap();
    assert!(table.contains("Panthera onca,Onça-1,torn ear,unknown,"), "{table}");
}

/// `e0012_` of a photo's name.
fn encounter(photo: &str) -> &str {
    let name = photo.rsplit_once('/').unwrap().1;
    &name[..=name.find('_').unwrap()]
}

#[test]
fn the_bundled_embedder_names_far_more_than_chance() {
    let story = Story::new();
    let embedder = format!("{}/models/bench-embedder", env!("CARGO_MANIFEST_DIR"));
    // Individuals that it did not learn from: those have numbers from 1000 to 1219.
    let made = story.run(&[
        "world",
        "coats",
        "--individuals",
        "6",
        "--first",
        "4000",
        "--encounters",
        "2",
        "--size",
        "400x300",
    ]);
    assert!(made.status.success(), "{}", said(&made));
    // The later encounter of each side is kept back as the question.
    let mut questions = std::collections::BTreeMap::new();
    for photo in photos(&story.path("coats")) {
        let folder = photo.rsplit_once('/').unwrap().0.to_owned();
        let met = encounter(&photo).to_owned();
        let of = questions.entry(folder).or_insert_with(std::collections::BTreeMap::new);
        of.entry(met).or_insert_with(Vec::new).push(photo);
    }
    questions.retain(|_, met| met.len() == 2);
    std::fs::create_dir(story.path("later")).unwrap();
    let mut asked = Vec::new();
    for (folder, met) in questions {
        let parts: Vec<&str> = folder.rsplit('/').take(3).collect();
        let mut moved = Vec::new();
        for photo in met.into_values().next_back().unwrap() {
            let to = story.path("later").join(photo.rsplit_once('/').unwrap().1);
            std::fs::rename(&photo, &to).unwrap();
            moved.push(to.to_string_lossy().into_owned());
        }
        asked.push((parts[2].to_owned(), parts[1].to_owned(), parts[0].to_owned(), moved));
    }
    assert!(asked.len() >= 20, "{}", asked.len());
    story.json(&["gallery", "build", "coats", "-o", "g", "--model", &embedder, "--json"]);
    let mut right = 0;
    for (taxon, individual, flank, moved) in &asked {
        let mut ask = vec!["gallery", "match", "g", "--model", &embedder, "--taxon", taxon, "--flank", flank];
        ask.extend(["--burst", "--json"]);
        ask.extend(moved.iter().map(String::as_str));
        let answer = story.json(&ask);
        right += usize::from(answer["nearest"][0]["individual"] == individual.as_str());
    }
    println!("{right} of {} are right", asked.len());
    // Chance is one of six.
    assert!(right * 2 > asked.len(), "{right} of {}", asked.len());
}

#[test]
fn wrong_input_is_told_with_its_cure() {
    let story = Story::new();
    let photo = story.path("Lynx lynx/A/1.jpg");
    std::fs::create_dir_all(photo.parent().unwrap()).unwrap();
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/baseline.jpg"), &photo).unwrap();
    let photo = photo.to_string_lossy().into_owned();
    std::fs::create_dir(story.path("wild")).unwrap();
    std::fs::rename(story.path("Lynx lynx"), story.path("wild/Lynx lynx")).unwrap();
    let photo = photo.replace("Lynx lynx/A", "wild/Lynx lynx/A");
    story.json(&["gallery", "build", "wild", "-o", "g", "--model", "embedder", "--json"]);
    assert!(
        story.refused(&["gallery", "build", "wild", "-o", "g", "--model", "embedder"]).contains("--force")
    );
    assert!(
        story
            .refused(&["gallery", "build", "wild", "-o", "h"])
            .contains("no embedder among the models (none")
    );
    let detector = format!("{}/models/bench-detector", env!("CARGO_MANIFEST_DIR"));
    let none = story.refused(&["gallery", "build", "wild", "-o", "h", "--model", &detector]);
    assert!(none.contains("no embedder among the models") && none.contains("bench-detector"), "{none}");
    assert!(story.refused(&["gallery", "list", "none"]).contains("cannot read the gallery none"));
    assert!(story.refused(&["gallery", "list", "embedder/manifest.toml"]).contains("is no gallery"));
    let mut bytes = std::fs::read(story.path("g")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(story.path("broken"), bytes).unwrap();
    assert!(story.refused(&["gallery", "list", "broken"]).contains("damaged: its checksum does not fit"));
    let strange =
        story.refused(&["gallery", "match", "g", &photo, "--model", "embedder", "--taxon", "Puma concolor"]);
    assert!(strange.contains("nobody in the gallery is a Puma concolor; it has Lynx lynx"), "{strange}");
    // Another network: MegaDescriptor's is as random, and another one.
    let other = format!("{}/tests/data/exports/megadescriptor", env!("CARGO_MANIFEST_DIR"));
    let refused = story.refused(&["gallery", "match", "g", &photo, "--model", &other]);
    assert!(refused.contains("was made with tiny-miewid 1 (sha256 3b1d19c2f9be…)"), "{refused}");
    assert!(refused.contains("trapline gallery build"), "{refused}");
    std::fs::write(story.path("none.jpg"), b"no picture").unwrap();
    let unread = story.refused(&["gallery", "match", "g", "none.jpg", "--model", "embedder"]);
    assert!(unread.contains("the photo none.jpg") && unread.contains("not a JPEG"), "{unread}");
}

/// The same numbers from the embeddings alone: the protocol as docs/individuals.md has it, written anew.
const NUMPY: &str = r#"
import csv, json, sys
from itertools import groupby
import numpy as np
rows = list(csv.reader(open(sys.argv[1])))[1:]
def unit(x): return x / np.linalg.norm(x)
met = []
for key, group in groupby(sorted(rows, key=lambda r: r[:4]), key=lambda r: r[:4]):
    met.append((*key, unit(np.mean([unit(np.array(r[4:], float)) for r in group], 0))))
entries, questions = [], []
for taxon in sorted({m[0] for m in met}):
    for turn, name in enumerate(sorted({m[1] for m in met if m[0] == taxon})):
        for side in ("left", "right", "unknown"):
            own = [m for m in met if m[:3] == (taxon, name, side)]
            half = (len(own) + 1) // 2
            if turn % 2 == 0: entries += own[:half]
            questions += [(turn % 2 == 0, m) for m in own[half:]]
right, precisions, known, new = 0, [], [], []
for enrolled, (taxon, name, side, _, q) in questions:
    fits = [e for e in entries if e[0] == taxon and (e[2] == side or "unknown" in (e[2], side))]
    if not fits: continue
    s = np.array([e[4] @ q for e in fits])
    (known if enrolled else new).append(s.max())
    if enrolled:
        right += fits[int(s.argmax())][1] == name
        hits = np.array([fits[i][1] == name for i in np.argsort(-s, kind="stable")])
        precisions.append((np.cumsum(hits) / np.arange(1, len(hits) + 1) * hits).sum() / hits.sum())
known, new = np.array(known), np.array(new)
n, p, z = len(known), right / len(known), 1.959963984540054
mid, reach = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
auroc = (known[:, None] > new).mean() + 0.5 * (known[:, None] == new).mean()
draws = np.random.default_rng(1).integers(0, n, (4000, n))
spread = np.quantile(np.array(precisions)[draws].mean(1), [0.025, 0.975])
print(json.dumps({"known": n, "new": len(new), "rank1": p, "low": max(0, (mid - reach) / (1 + z * z / n)),
    "high": (mid + reach) / (1 + z * z / n), "map": np.mean(precisions), "auroc": auroc, "spread": list(spread)}))
"#;

#[test]
fn the_numbers_are_those_that_numpy_finds() {
    let Some(python) = std::env::var_os("TRAPLINE_PYTHON") else {
        println!("skipped: TRAPLINE_PYTHON names no Python with NumPy");
        return;
    };
    let story = Story::new();
    story.crops();
    let ours = story.json(&[
        "eval",
        "--individuals",
        "coats",
        "--model",
        "embedder",
        "--embeddings",
        "e.csv",
        "--json",
    ]);
    std::fs::write(story.path("check.py"), NUMPY).unwrap();
    let run = Command::new(python).arg(story.path("check.py")).arg(story.path("e.csv")).output().unwrap();
    assert!(run.status.success(), "{}", said(&run));
    let theirs: Value = serde_json::from_slice(&run.stdout).unwrap();
    println!("{theirs}");
    assert_eq!(ours["known_questions"], theirs["known"]);
    assert_eq!(ours["new_questions"], theirs["new"]);
    let near = |ours: &Value, theirs: &Value, apart: f64| {
        let (a, b) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
        assert!((a - b).abs() < apart, "{a} {b}");
    };
    for (name, key) in [("rank1", "rank1"), ("map", "map"), ("auroc", "auroc")] {
        near(&ours[name]["value"], &theirs[key], 1e-6);
    }
    near(&ours["rank1"]["low"], &theirs["low"], 1e-9);
    near(&ours["rank1"]["high"], &theirs["high"], 1e-9);
    // Two random draws of the same quantiles.
    near(&ours["map"]["low"], &theirs["spread"][0], 0.03);
    near(&ours["map"]["high"], &theirs["spread"][1], 0.03);
    let decisions = &ours["decisions"];
    let all = ["right", "wrong", "unsure", "missed"]
        .map(|key| decisions[key].as_u64().unwrap())
        .iter()
        .sum::<u64>();
    assert_eq!(Some(all), theirs["known"].as_u64());
    let refused = story.refused(&["eval", "--individuals", "embedder", "--model", "embedder"]);
    assert!(refused.contains("holds no photo"), "{refused}");
    assert!(story.refused(&["eval"]).contains("--truth"));
}
