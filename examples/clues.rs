//! Clues of bursts whose truth is known, for `models/recipes/fit_fusion.py`:
//! `cargo run --release --example clues -- DETECTOR.toml DATA > clues.jsonl`.
//!
//! `DATA` is a data set of the bench world (`trapline world`), `DETECTOR.toml` a detector's manifest. One JSON object
//! per burst: whether anything alive is to be seen in it, its site, and what the fusion weighs.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use serde_json::{Value, json};
use trapline::engine::builtin;
use trapline::engine::model::Model;
use trapline::vision::detect::Detector;
use trapline::vision::judge::{Judge, Learnt, Settings};

/// Share of a body that must be visible for the burst to count as alive; less is a tail behind a trunk.
const VISIBLE: f64 = 0.25;

/// The frames of one burst.
#[derive(Default)]
struct Burst {
    site: u64,
    files: Vec<String>,
    alive: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [manifest, data] = args.as_slice() else { return Err("usage: clues DETECTOR.toml DATA".into()) };
    let model = Model::open(Path::new(manifest), builtin()?.as_ref(), 0)?;
    let mut judge = Judge::new(Some(Detector::new(model)?), None, Settings::default());
    let mut site = None;
    for burst in bursts(Path::new(data))?.values() {
        if site.replace(burst.site) != Some(burst.site) {
            judge.recall(Learnt::default());
        }
        let read: Vec<Vec<u8>> =
            burst.files.iter().map(|f| std::fs::read(Path::new(data).join(f))).collect::<Result<_, _>>()?;
        judge.judge(&read.iter().map(|b| Ok(b.as_slice())).collect::<Vec<_>>());
        judge.end_sequence();
        let group = format!("site {}", burst.site);
        println!("{}", json!({"alive": burst.alive, "group": group, "clues": judge.clues()}));
    }
    Ok(())
}

/// The bursts of a data set by site and number.
fn bursts(data: &Path) -> Result<BTreeMap<(u64, u64), Burst>, Box<dyn Error>> {
    let mut found = BTreeMap::<(u64, u64), Burst>::new();
    for line in std::fs::read_to_string(data.join("truth.jsonl"))?.lines() {
        let row: Value = serde_json::from_str(line)?;
        let number = |key: &str| row[key].as_u64().ok_or(format!("truth.jsonl: a row without {key}"));
        let burst = found.entry((number("site")?, number("burst")?)).or_default();
        burst.site = number("site")?;
        burst.files.push(row["file"].as_str().ok_or("truth.jsonl: a row without file")?.to_owned());
        let visible = |b: &Value| b["visible"].as_f64().is_some_and(|v| v >= VISIBLE);
        burst.alive |= row["boxes"].as_array().is_some_and(|boxes| boxes.iter().any(visible));
    }
    Ok(found)
}
