//! The bursts that modes of judging are measured on: of the bench world, with their truth, or of a folder of photos.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::Value;

use crate::cli::Failure;
use crate::photos::{find, group, stamp};

/// A burst and what is known of it.
pub(super) struct Burst {
    /// Where it was taken: what is learnt of a scene holds there alone.
    pub(super) place: String,
    /// JPEG bytes.
    pub(super) frames: Vec<Vec<u8>>,
    /// Whether something is to be seen in it; `None`: only the full look knows.
    pub(super) alive: Option<bool>,
    /// Its species, if it is one alone.
    pub(super) species: Option<String>,
}

/// Share of a body that must be visible for a burst to count as alive; less is a tail behind a trunk.
const VISIBLE: f64 = 0.25;

/// Bursts that `trapline world` wrote into `folder`.
pub(super) fn of_world(folder: &Path) -> anyhow::Result<Vec<Burst>> {
    let list = folder.join("truth.jsonl");
    let text = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let mut found = BTreeMap::<(u64, u64), (Burst, Vec<String>)>::new();
    for line in text.lines() {
        let wrong = || anyhow!("{} is not what `trapline world` writes", list.display());
        let row: Value = serde_json::from_str(line).with_context(wrong)?;
        let number = |key: &str| row[key].as_u64().ok_or_else(wrong);
        let (site, burst) = (number("site")?, number("burst")?);
        let (burst, seen) = found.entry((site, burst)).or_insert_with(|| {
            let place = format!("site {site}");
            (Burst { place, frames: Vec::new(), alive: Some(false), species: None }, Vec::new())
        });
        let file = folder.join(row["file"].as_str().ok_or_else(wrong)?);
        burst.frames.push(std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        let boxes = row["boxes"].as_array().into_iter().flatten();
        for visible in boxes.filter(|b| b["visible"].as_f64().is_some_and(|v| v >= VISIBLE)) {
            burst.alive = Some(true);
            seen.push(visible["species"].as_str().unwrap_or_default().to_owned());
        }
    }
    let one_species = |(mut burst, mut seen): (Burst, Vec<String>)| {
        seen.sort();
        seen.dedup();
        burst.species = match seen.as_slice() {
            [only] if !only.is_empty() => Some(only.clone()),
            _ => None,
        };
        burst
    };
    Ok(found.into_values().map(one_species).collect())
}

/// The bursts of a folder of photos.
pub(super) fn of_photos(folder: &Path) -> Result<Vec<Burst>, Failure> {
    let mut photos = find::find(&[folder.to_owned()], None).map_err(Failure::input)?.photos;
    let zone = chrono::FixedOffset::east_opt(0).ok_or_else(|| Failure::runtime(anyhow!("no such zone")))?;
    photos.iter_mut().for_each(|photo| {
        stamp::stamp(photo, zone);
    });
    let rules = group::Rules { gap: chrono::TimeDelta::seconds(20), undated: 1 };
    let mut bursts = Vec::new();
    for sequence in group::group(photos, &rules) {
        for burst in &sequence.bursts {
            let read = |photo: &crate::photos::Photo| {
                std::fs::read(&photo.path).with_context(|| format!("cannot read {}", photo.path.display()))
            };
            let frames: anyhow::Result<Vec<Vec<u8>>> = burst.iter().map(read).collect();
            let frames = frames.map_err(Failure::Runtime)?;
            bursts.push(Burst { place: sequence.camera.clone(), frames, alive: None, species: None });
        }
    }
    Ok(bursts)
}
