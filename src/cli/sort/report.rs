//! One sequence as `trapline sort --json` prints it: the schema, field for field, and how a judgement fills it.

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::Outcome;
use crate::photos;
use crate::units::{BBox, Rank, Score};
use crate::vision::cascade::Looked;
use crate::vision::{Category, Identity, Judgement};

/// One sequence. Times are RFC 3339 in the camera's zone, `null` where no photo tells one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Names the sequence: 16 hexadecimal digits, the same for the same photos.
    pub sequence: String,
    /// Folder and device.
    pub camera: String,
    /// Earliest time.
    pub first: Option<DateTime<FixedOffset>>,
    /// Latest time.
    pub last: Option<DateTime<FixedOffset>>,
    /// Every photo, in order.
    pub frames: Vec<Frame>,
    /// The verdict.
    pub outcome: Outcome,
    /// Calibrated probability that something living, or a vehicle, is in it.
    pub probability: Score,
    /// What was seen, most certain first.
    pub sightings: Vec<Sighting>,
    /// How often the networks ran, and why looking ended; what older programs wrote has none.
    #[serde(default)]
    pub looked: Looked,
    /// What failed on the way, such as an inference; with any of them the sequence is never empty.
    #[serde(default)]
    pub faults: Vec<String>,
}

/// One photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The path, as reached from what the user named.
    pub file: String,
    /// When it was taken.
    pub taken: Option<DateTime<FixedOffset>>,
    /// Why it could not be read or judged.
    pub failed: Option<String>,
    /// Not shown to the detector: the burst was decided before.
    #[serde(default)]
    pub skipped: bool,
    /// Its boxes, most confident first.
    pub detections: Vec<Detection>,
}

/// One box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Where, `[x, y, w, h]` on the upright photo, 0..=1.
    pub bbox: BBox,
    /// What the detector takes it for.
    pub category: Category,
    /// How sure it is.
    pub confidence: Score,
    /// Whether it overlaps something that moved.
    pub moving: bool,
    /// The individual, from 0 within the sequence.
    pub track: u32,
}

/// One kind of animal (or people, or vehicles).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// Scientific name; `Homo sapiens` for people, empty for vehicles.
    pub taxon: String,
    /// Rank of `taxon`.
    pub rank: Rank,
    /// English name.
    pub label: String,
    /// Probability of `taxon`.
    pub score: Score,
    /// Largest number seen at once.
    pub count: u16,
    /// The classifier's five most probable labels.
    pub top5: Vec<(String, Score)>,
    /// `adult`, `subadult` or `juvenile`, where a network tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life_stage: Option<String>,
    /// Behaviours with `|` between them, where a network tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<String>,
    /// Which individuals they are, where a gallery was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub individuals: Vec<Identity>,
}

impl Report {
    /// From a sequence and the judgement of all its photos, in the same order.
    pub fn new(sequence: &photos::Sequence, judged: &Judgement) -> Self {
        let times = || sequence.photos().filter_map(|p| p.taken);
        Report {
            sequence: name(sequence),
            camera: sequence.camera.clone(),
            first: times().min(),
            last: times().max(),
            frames: frames(sequence, judged),
            outcome: judged.outcome,
            probability: judged.probability,
            sightings: judged.sightings.iter().map(sighting).collect(),
            looked: judged.looked,
            faults: judged.faults.clone(),
        }
    }

    /// Number of photos that could not be read or judged.
    pub fn failed(&self) -> usize {
        self.frames.iter().filter(|f| f.failed.is_some()).count()
    }

    /// The name of the folder its photos belong in: the English name of the most certain sighting, the outcome
    /// where there is none.
    pub fn folder(&self) -> &str {
        match (self.outcome, self.sightings.first()) {
            (Outcome::Sighting, Some(s)) if !s.label.is_empty() => &s.label,
            (Outcome::Sighting, Some(s)) if !s.taxon.is_empty() => &s.taxon,
            (Outcome::Sighting, _) => "animal",
            (other, _) => other.as_str(),
        }
    }
}

/// Photos and what was found on them. A photo without a judgement did not get one, which is a failure.
fn frames(sequence: &photos::Sequence, judged: &Judgement) -> Vec<Frame> {
    let mut judged = judged.frames.iter();
    sequence
        .photos()
        .map(|photo| {
            let frame = judged.next();
            Frame {
                file: photo.path.to_string_lossy().into_owned(),
                taken: photo.taken,
                failed: frame.map_or_else(|| Some("not judged".to_owned()), |f| f.failed.clone()),
                skipped: frame.is_some_and(|f| f.skipped),
                detections: frame.into_iter().flat_map(|f| &f.detections).map(detection).collect(),
            }
        })
        .collect()
}

fn detection(d: &crate::vision::Detection) -> Detection {
    Detection {
        bbox: d.bbox,
        category: d.category,
        confidence: d.confidence,
        moving: d.moving,
        track: d.track,
    }
}

fn sighting(s: &crate::vision::Sighting) -> Sighting {
    Sighting {
        taxon: s.taxon.clone(),
        rank: s.rank,
        label: s.label.clone(),
        score: s.score,
        count: s.count,
        top5: s.top5.clone(),
        life_stage: s.traits.life_stage.clone(),
        behavior: s.traits.behavior.clone(),
        individuals: s.individuals.clone(),
    }
}

/// The first 64 bits of SHA-256 over the camera and the name and time of every photo: the same wherever the folder
/// lies.
fn name(sequence: &photos::Sequence) -> String {
    let mut hash = Sha256::new();
    hash.update(sequence.camera.as_bytes());
    for photo in sequence.photos() {
        hash.update([0]);
        hash.update(photo.path.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update([0]);
        hash.update(photo.taken.map(|t| t.to_rfc3339()).unwrap_or_default());
    }
    hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect()
}
