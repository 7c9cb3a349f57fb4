//! MegaDetector's own rule, as a mode to compare with: a photo shows what has a box above the threshold.
//!
//! Source: agentmorris/MegaDetector at 136e1e38. Each of its three categories counts by itself: a photo is an animal's
//! if an animal's box reaches the threshold, a person's and a vehicle's likewise, and empty if no box does. There is
//! no sequence logic and no classifier: a sequence shows what any of its photos does. Its typical thresholds are 0.2
//! for version 5, 0.8 for version 4, 0.3 for MDv1000 redwood; the conservative ones 0.05 and 0.3. An unreadable photo,
//! which its results list apart, makes an otherwise empty sequence `failed`.

use super::decide::{ANIMAL, PERSON, VEHICLE};
use super::traits::Traits;
use super::{Category, Detection, FrameJudgement, Sighting};
use crate::engine::labels::ANIMALIA;
use crate::event::Outcome;
use crate::units::{Rank, Score};

/// Version 5's typical threshold.
pub const TYPICAL: f32 = 0.2;

/// What a sequence shows: one sighting per category that reaches `threshold` (0..=1), the most confident first. An
/// animal makes it a sighting, else the category with the best box names the outcome.
pub fn conclude(frames: &[FrameJudgement], threshold: f32) -> (Outcome, Vec<Sighting>) {
    let mut seen: Vec<(Category, Sighting)> = [Category::Animal, Category::Person, Category::Vehicle]
        .into_iter()
        .filter_map(|category| Some((category, sighting(frames, category, threshold)?)))
        .collect();
    seen.sort_by(|a, b| b.1.score.get().total_cmp(&a.1.score.get()));
    let outcome = match seen.first() {
        _ if seen.iter().any(|(category, _)| *category == Category::Animal) => Outcome::Sighting,
        Some((Category::Vehicle, _)) => Outcome::Vehicle,
        Some(_) => Outcome::Person,
        None if frames.is_empty() || frames.iter().any(|f| f.failed.is_some()) => Outcome::Failed,
        None => Outcome::Empty,
    };
    (outcome, seen.into_iter().map(|(_, sighting)| sighting).collect())
}

fn sighting(frames: &[FrameJudgement], category: Category, threshold: f32) -> Option<Sighting> {
    let counts = |d: &&Detection| d.category == category && d.confidence.get() >= threshold;
    let best = frames
        .iter()
        .flat_map(|f| f.detections.iter().filter(counts))
        .map(|d| d.confidence)
        .max_by(|a, b| a.get().total_cmp(&b.get()))?;
    let most = frames.iter().map(|f| f.detections.iter().filter(counts).count()).max().unwrap_or(0);
    let (taxon, rank, label) = match category {
        Category::Animal => (ANIMALIA, Rank::Kingdom, ANIMAL),
        Category::Person => ("Homo sapiens", Rank::Species, PERSON),
        Category::Vehicle => ("", Rank::Kingdom, VEHICLE),
    };
    Some(Sighting {
        taxon: taxon.into(),
        rank,
        label: label.into(),
        score: Score::new(best.get()),
        count: u16::try_from(most).unwrap_or(u16::MAX),
        top5: Vec::new(),
        tracks: Vec::new(),
        traits: Traits::default(),
        individuals: Vec::new(),
    })
}
