//! The bench's camera: pictures of the scene that is on, with the faults it was told to play.

use std::sync::Arc;
use std::time::Duration;

use super::ahead::{Ahead, Pictures};
use super::{Faults, Script, Stage};
use crate::hal::{Camera, Clock, DeviceError, Shot};

/// Renders ahead of the trigger.
pub struct BenchCamera {
    stage: Arc<Stage>,
    clock: Arc<dyn Clock>,
    faults: Faults,
    ahead: Ahead,
    /// The scene that was taken last: one that is still on can be looked at again.
    last: Option<(u64, Pictures)>,
    looks: usize,
}

impl BenchCamera {
    /// Takes pictures of `script` as `stage` has it; they carry the time of `clock`.
    pub fn new(script: Arc<Script>, stage: Arc<Stage>, clock: Arc<dyn Clock>, faults: Faults) -> Self {
        BenchCamera { stage, clock, faults, ahead: Ahead::new(script), last: None, looks: 0 }
    }
}

/// A bench camera's complaint.
fn refused(what: &str, cure: &str) -> DeviceError {
    DeviceError { device: "bench camera".to_owned(), what: what.to_owned(), cure: cure.to_owned() }
}

impl Camera for BenchCamera {
    fn burst(&mut self, frames: usize, interval: Duration) -> Result<Vec<Shot>, DeviceError> {
        let scene =
            self.stage.scene().ok_or_else(|| refused("nothing is on", "wait for the trigger first"))?;
        if self.faults.camera(scene) {
            return Err(refused("does not answer", "the bench was told to play this fault"));
        }
        while self.faults.hang(scene) {
            std::thread::park();
        }
        let mut pictures = match &self.last {
            // Looks at a scene that goes on: its pictures in turn.
            Some((last, taken)) if *last == scene => {
                self.looks += 1;
                let turn = taken.iter().cycle().skip(self.looks % taken.len().max(1));
                turn.take(frames).cloned().collect()
            }
            _ => {
                let stopped = || refused("its renderer stopped", "this is a fault in the bench; report it");
                let taken = self.ahead.take(scene, frames, interval).ok_or_else(stopped)?;
                self.last = Some((scene, taken.clone()));
                taken
            }
        };
        self.faults.spoil(scene, &mut pictures);
        let first = self.clock.utc().0;
        let shots =
            pictures.into_iter().zip(0u32..).map(|(jpeg, n)| Shot { taken: first + interval * n, jpeg });
        let shots = shots.collect();
        self.stage.pass(interval * u32::try_from(frames.saturating_sub(1)).unwrap_or(0));
        Ok(shots)
    }
}
