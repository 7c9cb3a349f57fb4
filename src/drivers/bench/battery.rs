//! The bench's battery: a lithium-ion cell whose charge follows a script by the bench's clock.

use std::sync::Arc;
use std::time::Duration;

use crate::drivers::battery::Chemistry;
use crate::hal::{Battery, Charge, Clock, DeviceError};

/// From a time of the script on: a charge in percent, or `None`: it cannot be read.
pub type Step = (Duration, Option<u8>);

/// Plays its steps.
pub struct BenchBattery {
    steps: Vec<Step>,
    clock: Arc<dyn Clock>,
}

impl BenchBattery {
    /// `steps` in the order of their times, by `clock`'s time since its start.
    pub fn new(steps: Vec<Step>, clock: Arc<dyn Clock>) -> Self {
        BenchBattery { steps, clock }
    }
}

impl Battery for BenchBattery {
    fn read(&mut self) -> Result<Charge, DeviceError> {
        let now = self.clock.monotonic();
        let step = self.steps.iter().rev().find(|(from, _)| *from <= now);
        let percent = step.and_then(|(_, percent)| *percent).ok_or_else(|| DeviceError {
            device: "bench battery".to_owned(),
            what: "it was told to fail".to_owned(),
            cure: "wait for its next step".to_owned(),
        })?;
        let millivolts = Some(Chemistry::LiIon.millivolts(percent));
        Ok(Charge { millivolts, milliamps: None, percent: Some(percent) })
    }
}
