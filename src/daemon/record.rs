//! A judged burst as the journal keeps it.

use chrono::{DateTime, Utc};

use crate::hal::Shot;
use crate::store::record::{Box, Burst, Cause, Frame, Identity, Observation, Traits};
use crate::units::ClockQuality;
use crate::vision::{Category, FrameJudgement, Judgement, Sighting};

/// What is known of a burst besides its pictures and its judgement.
#[derive(Debug, Clone, PartialEq)]
pub struct Circumstances<'a> {
    /// Time of the trigger.
    pub triggered: DateTime<Utc>,
    /// Who asked for it.
    pub cause: Cause,
    /// How far that time can be trusted.
    pub clock: ClockQuality,
    /// From trigger to verdict, milliseconds.
    pub millis: u32,
    /// Triggers swallowed before it.
    pub suppressed: u32,
    /// The models that judged.
    pub models: &'a [String],
}

/// The rows of one burst. Frames and shots stand in the same order.
pub fn burst(around: &Circumstances<'_>, shots: &[Shot], judged: &Judgement) -> Burst {
    Burst {
        triggered: around.triggered,
        clock: around.clock,
        outcome: judged.outcome,
        probability: judged.probability,
        frames: shots.iter().zip(&judged.frames).map(|(shot, frame)| row(shot, frame)).collect(),
        observations: judged.sightings.iter().map(observation).collect(),
        faults: judged.faults.clone(),
        millis: around.millis,
        suppressed: around.suppressed,
        models: models(around.models, judged),
        cause: Some(around.cause.clone()),
        source: None,
        report: None,
    }
}

/// The models that judged, and how much they looked at where that was not all.
pub fn models(models: &[String], judged: &Judgement) -> Vec<String> {
    let mut models = models.to_vec();
    let skipped = judged.frames.iter().filter(|f| f.skipped).count();
    if skipped > 0 {
        let (all, why) = (judged.frames.len(), judged.looked.stopped.word());
        models.push(format!("looked at {} of {all} frames: {why}", all - skipped));
    }
    models
}

fn row(shot: &Shot, judged: &FrameJudgement) -> Frame {
    let boxes = judged.detections.iter().map(|d| Box {
        bbox: d.bbox,
        category: category(d.category).to_owned(),
        confidence: d.confidence,
        moving: d.moving,
        track: d.track,
    });
    Frame {
        taken: shot.taken,
        failed: judged.failed.clone(),
        moved: judged.moved,
        size: judged.size,
        infrared: judged.infrared,
        bytes: shot.jpeg.as_ref().map_or(0, |jpeg| jpeg.len() as u64),
        boxes: boxes.collect(),
        media: None,
    }
}

/// A sighting as the journal keeps it.
pub fn observation(seen: &Sighting) -> Observation {
    Observation {
        taxon: seen.taxon.clone(),
        rank: seen.rank.as_str().to_owned(),
        label: seen.label.clone(),
        score: seen.score,
        count: seen.count,
        top5: seen.top5.clone(),
        tracks: seen.tracks.clone(),
        traits: Traits { life_stage: seen.traits.life_stage.clone(), behavior: seen.traits.behavior.clone() },
        individuals: seen.individuals.iter().map(identity).collect(),
    }
}

/// What a gallery tells of an animal, as the journal keeps it.
fn identity(of: &crate::vision::Identity) -> Identity {
    Identity {
        recognition: of.recognition,
        individual: of.individual.clone(),
        similarity: of.similarity,
        probability: of.probability,
        flank: of.flank,
        tracks: of.tracks.clone(),
        nearest: of.nearest.clone(),
    }
}

/// The journal's word for a category.
pub fn category(category: Category) -> &'static str {
    match category {
        Category::Animal => "animal",
        Category::Person => "person",
        Category::Vehicle => "vehicle",
    }
}
