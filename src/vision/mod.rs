//! Frames to a [`Judgement`]: motion, detection, classification, fusion, taxonomy. No files, clocks or devices.
//!
//! One file per step, in reading order: `strip` (where the camera writes on the picture), `motion` (what moved
//! across the burst), `detect` (boxes of one frame, with `contrast` where there is no colour), `regions` (a second look where something moved), `memory`
//! (boxes that always come back without motion), `fuse` (one probability for the burst), `track` (boxes linked
//! over the frames), `classify` (crops to logits), `namer` (the classifiers of a site) with `ensemble`
//! (several as one) and `second` (asked for finer names), `traits` (life stage, behaviour), `taxonomy` (labels, roll-up) with `fence` (what can live here) and
//! `names` (English for higher ranks), `decide` (the sightings) with `individual` (pieces of one animal), `sequence`
//! (bursts merged), `embed` (crops to what tells individuals apart), `flank` (which side is seen), `deepfaune`,
//! `speciesnet` and `megadetector` (those programs' rules, to compare with), `cascade` (where looking ends early) with
//! `steps`, `judge` (all of it in order, over `looks`).

mod album;
mod align;
pub mod cascade;
mod cells;
pub mod classify;
mod contrast;
pub mod decide;
pub mod deepfaune;
pub mod detect;
pub mod embed;
pub mod ensemble;
pub mod fence;
pub mod flank;
pub mod fuse;
mod grid;
mod heads;
mod individual;
mod inside;
pub mod judge;
mod lanes;
mod looks;
pub mod megadetector;
pub mod memory;
pub mod motion;
pub mod namer;
pub mod names;
mod naming;
pub mod nms;
mod patches;
mod prepare;
pub mod regions;
pub mod second;
pub mod sequence;
mod soft;
pub mod speciesnet;
pub mod steps;
pub mod strip;
pub mod taxonomy;
pub mod track;
pub mod traits;
mod whole;
mod windows;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::cascade::Looked;
use self::traits::Traits;
use crate::event::Outcome;
use crate::units::{BBox, Flank, Rank, Recognition, Score};

/// What a detector tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Any animal but a human.
    Animal,
    /// A human.
    Person,
    /// Anything people drive or ride.
    Vehicle,
}

/// Where a box comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The detector, on the whole frame.
    Frame,
    /// The detector, on a moving region at native resolution.
    Region,
    /// Motion alone: no detector saw it.
    Motion,
}

/// One box on one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Where, on the upright picture.
    pub bbox: BBox,
    /// What the detector takes it for; [`Category::Animal`] for motion alone.
    pub category: Category,
    /// The detector's confidence (after the memory's discount), or that of the motion evidence.
    pub confidence: Score,
    /// Whether it overlaps a region that moved.
    pub moving: bool,
    /// Where the box comes from.
    pub source: Source,
    /// The individual it belongs to over the burst, from 0.
    pub track: u32,
    /// The classifier's raw logits on this box's crop, one per class, and behind them those of second heads and attributes that were
    /// asked, NaN for those that were not (`second` says where each begins); `None` where it was not classified.
    pub logits: Option<Arc<[f32]>>,
    /// What an embedder made of this box's crop, of length 1; `None` where it was not asked.
    pub embedding: Option<Arc<[f32]>>,
}

/// One frame, judged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrameJudgement {
    /// Why the frame could not be read or judged; such a frame says nothing about emptiness.
    pub failed: Option<String>,
    /// Upright picture size in pixels, (width, height); (0, 0) when unreadable.
    pub size: (u32, u32),
    /// True when the picture has no colour (night, infrared light).
    pub infrared: bool,
    /// Share of the picture that moved against the other frames, 0..=1.
    pub moved: f32,
    /// Read and compared for motion, but not shown to the detector: the burst was decided before.
    pub skipped: bool,
    /// Boxes, most confident first.
    pub detections: Vec<Detection>,
}

/// One kind of animal (or person, or vehicle) seen in a burst.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// Scientific name; `Animalia` when nothing finer is certain, `Homo sapiens` for people, empty for vehicles.
    pub taxon: String,
    /// Rank of `taxon`.
    pub rank: Rank,
    /// English name.
    pub label: String,
    /// Probability of `taxon`.
    pub score: Score,
    /// Largest number seen at once, at least 1.
    pub count: u16,
    /// The classifier's five most probable labels, before roll-up and geofence.
    pub top5: Vec<(String, Score)>,
    /// The tracks this sighting is made of.
    pub tracks: Vec<u32>,
    /// Life stage and behaviour, where a network tells them.
    #[serde(default)]
    pub traits: Traits,
    /// Which individuals they are, as far as a gallery tells; empty where none was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub individuals: Vec<Identity>,
}

/// What a gallery tells of one animal of a sighting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Whether it was met before.
    pub recognition: Recognition,
    /// Its name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub individual: Option<String>,
    /// Cosine to the nearest individual, -1..=1; `None` where nobody could be compared.
    pub similarity: Option<f32>,
    /// Probability that it is the nearest individual; `None` where nobody could be compared or the network has no
    /// calibration.
    pub probability: Option<Score>,
    /// The side towards the camera.
    pub flank: Flank,
    /// The tracks it is made of.
    pub tracks: Vec<u32>,
    /// The individuals it is most like with their similarities, most similar first, at most [`NEAREST`].
    pub nearest: Vec<(String, f32)>,
}

/// Individuals told as most like an animal.
pub const NEAREST: usize = 3;

/// What a burst (or a sequence of bursts) turned out to be, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub outcome: Outcome,
    /// Calibrated probability that something living, or a vehicle, is in it.
    pub probability: Score,
    /// Every frame given, in order.
    pub frames: Vec<FrameJudgement>,
    /// What was seen, most certain first; empty unless the outcome is sighting, person or vehicle.
    pub sightings: Vec<Sighting>,
    /// Faults that happened on the way (an inference that failed), told and never an empty.
    pub faults: Vec<String>,
    /// How much was looked at, and why it ended there.
    pub looked: Looked,
    /// Time spent per step.
    pub spent: Spent,
}

impl Judgement {
    /// What is made of a burst of `frames` frames that could not be judged at all: kept and flagged.
    pub fn failed(frames: usize, reason: &str) -> Judgement {
        let failed = FrameJudgement { failed: Some(reason.to_owned()), ..FrameJudgement::default() };
        Judgement {
            outcome: Outcome::Failed,
            probability: Score::ZERO,
            frames: vec![failed; frames],
            sightings: Vec::new(),
            faults: vec![reason.to_owned()],
            looked: Looked::default(),
            spent: Spent::default(),
        }
    }
}

/// Time spent per step, milliseconds, as measured by the caller's stopwatch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Spent {
    /// JPEG to pixels; with two threads or more much of it passes while a network runs.
    pub decode: f32,
    /// Motion evidence.
    pub motion: f32,
    /// Detector on frames and regions, and the classifier's crops of these.
    pub detect: f32,
    /// The classifier.
    pub classify: f32,
    /// Second heads.
    pub second: f32,
    /// What of the last three passed inside the networks.
    pub network: f32,
}
