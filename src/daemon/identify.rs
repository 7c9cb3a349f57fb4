//! A judge who also asks a gallery who the animals are, once a burst is judged.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::pipeline::Judges;
use crate::config::Thresholds;
use crate::gallery::identify::Identifier;
use crate::image::Rgb;
use crate::vision::cascade::Effort;
use crate::vision::judge::{Frame, Judge};
use crate::vision::{Detection, Judgement};

/// What is told of a burst whose animals the program failed to look at.
const BROKEN: &str = "individuals: the program failed on this burst";

/// The judge, and whom he knows.
#[derive(Debug)]
pub struct Identifying {
    judge: Judge,
    identifier: Identifier,
}

impl Identifying {
    /// A judge with a gallery.
    pub fn new(judge: Judge, identifier: Identifier) -> Identifying {
        Identifying { judge, identifier }
    }
}

/// Names the animals of a judged burst; whatever fails, the verdict stays and the failure is told.
pub fn identify(identifier: &mut Identifier, judged: &mut Judgement, frames: &[Frame<'_>]) {
    let mut named = judged.clone();
    let done = catch_unwind(AssertUnwindSafe(|| identifier.identify(&mut named, frames)));
    match done {
        Ok(()) => *judged = named,
        Err(_) => judged.faults.push(BROKEN.to_owned()),
    }
}

impl Judges for Identifying {
    fn judge(&mut self, frames: &[Frame<'_>]) -> Judgement {
        let mut judged = self.judge.judge(frames);
        identify(&mut self.identifier, &mut judged, frames);
        judged
    }

    fn end_sequence(&mut self) {
        self.judge.end_sequence();
    }

    fn learnt(&self) -> Option<Vec<u8>> {
        Judges::learnt(&self.judge)
    }

    fn recall(&mut self, learnt: &[u8]) {
        Judges::recall(&mut self.judge, learnt);
    }

    fn merge(&self, bursts: &[Judgement]) -> Judgement {
        let mut merged = self.judge.merge(bursts);
        self.identifier.name(&mut merged);
        merged
    }

    fn retune(&mut self, thresholds: &Thresholds) {
        self.judge.retune(thresholds);
    }

    fn spare(&mut self, effort: Effort) {
        self.judge.spare(effort);
    }

    fn glance(&mut self, picture: &Rgb) -> Option<Result<Vec<Detection>, String>> {
        self.judge.glance(picture)
    }
}
