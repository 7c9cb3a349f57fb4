//! The bench's PIR: fires when the script says that something happens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Pace, Script, Stage};
use crate::hal::{Clock, DeviceError, Source, Trigger, Triggered};

/// Walks through the script, scene by scene.
pub struct BenchTrigger {
    script: Arc<Script>,
    stage: Arc<Stage>,
    clock: Arc<dyn Clock>,
    pace: Pace,
    started: Instant,
    next: u64,
}

impl BenchTrigger {
    /// At the beginning of `script`; triggers carry the time of `clock`.
    pub fn new(script: Arc<Script>, stage: Arc<Stage>, clock: Arc<dyn Clock>, pace: Pace) -> Self {
        BenchTrigger { script, stage, clock, pace, started: Instant::now(), next: 0 }
    }

    /// Time still to wait for the next scene.
    fn due_in(&self) -> Duration {
        match self.pace {
            Pace::Instant => Duration::ZERO,
            Pace::Real => {
                let since_first = self.script.at(self.next) - self.script.at(0);
                since_first.to_std().unwrap_or_default().saturating_sub(self.started.elapsed())
            }
        }
    }
}

impl Trigger for BenchTrigger {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        while !self.exhausted() && self.stage.missed(self.script.at(self.next)) {
            self.next += 1;
        }
        let due_in = self.due_in();
        if self.exhausted() || due_in > deadline {
            std::thread::sleep(if self.exhausted() { Duration::ZERO } else { deadline });
            return Ok(None);
        }
        std::thread::sleep(due_in);
        self.stage.enter(self.next, self.script.at(self.next));
        self.next += 1;
        Ok(Some(Triggered { at: self.clock.utc().0, source: Source::Bench, detail: None, suppressed: 0 }))
    }

    fn exhausted(&self) -> bool {
        self.script.len().is_some_and(|len| self.next >= len)
    }
}
