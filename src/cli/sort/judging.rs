//! The judge of sequences: opened from what the user gave, bursts judged one by one, then merged.

use crate::event::Outcome;
use crate::units::Score;
use crate::vision::judge::Judge;
use crate::vision::{FrameJudgement, Judgement, Spent};

/// How to judge.
#[derive(Debug, clap::Args)]
pub struct JudgingArgs {
    /// Threads; 0: one per core
    #[arg(long, value_name = "N", default_value = "0")]
    threads: u16,

    /// Least score a species needs to be named, 0 to 1
    #[arg(long, value_name = "SCORE")]
    threshold: Option<f32>,
}

/// Judges ready to work, and what their results depend on.
pub struct Judges {
    /// One per thread.
    pub judges: Vec<SequenceJudge>,
    /// The models, `role name@sha256-prefix`.
    pub models: Vec<String>,
    /// Every setting that changes a result.
    pub settings: String,
}

/// Opens what the user asked for.
pub fn open(args: &JudgingArgs) -> anyhow::Result<Judges> {
    Ok(Judges { judges: vec![SequenceJudge::default()], models: Vec::new(), settings: format!("{args:?}") })
}

/// Judges the sequences of one camera after another.
#[derive(Debug, Default)]
pub struct SequenceJudge {
    judge: Judge,
}

impl SequenceJudge {
    /// Forgets the scene and takes up what was learnt of another, if anything was.
    pub fn new_scene(&mut self, _learnt: Option<&[u8]>) {}

    /// What was learnt of the scene.
    pub fn learnt(&self) -> Option<Vec<u8>> {
        None
    }

    /// Judges one burst.
    pub fn burst(&mut self, files: &[Result<Vec<u8>, String>]) -> Judgement {
        let frames: Vec<_> = files.iter().map(|f| f.as_deref().map_err(String::as_str)).collect();
        self.judge.judge(&frames)
    }

    /// One judgement for all bursts of a sequence.
    pub fn merge(&self, bursts: Vec<Judgement>) -> Judgement {
        bursts
            .into_iter()
            .reduce(|mut all, next| {
                all.frames.extend(next.frames);
                all
            })
            .unwrap_or_else(|| Self::broken(0, "no photos"))
    }

    /// The judgement of a burst that could not be judged.
    pub fn broken(frames: usize, reason: &str) -> Judgement {
        let failed = FrameJudgement { failed: Some(reason.to_owned()), ..FrameJudgement::default() };
        Judgement {
            outcome: Outcome::Failed,
            probability: Score::ZERO,
            frames: vec![failed; frames],
            sightings: Vec::new(),
            faults: vec![reason.to_owned()],
            spent: Spent::default(),
        }
    }
}
