//! The bench's alarm clock: the machine "sleeps" by letting the script's time pass.

use std::sync::Arc;
use std::time::Duration;

use super::Stage;
use crate::hal::{DeviceError, Handed, PowerControl};

/// What goes wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmFault {
    /// Nothing.
    #[default]
    None,
    /// It takes the alarm and forgets it.
    Forgets,
    /// It takes the alarm and has set it an hour later.
    Late,
    /// It does not answer.
    Gone,
}

/// An alarm by the time of a [`Stage`].
pub struct BenchAlarm {
    stage: Arc<Stage>,
    fault: AlarmFault,
    at_millis: Option<i64>,
}

impl BenchAlarm {
    /// By the time of `stage`.
    pub fn new(stage: Arc<Stage>, fault: AlarmFault) -> BenchAlarm {
        BenchAlarm { stage, fault, at_millis: None }
    }

    fn answer(&self) -> Result<(), DeviceError> {
        if self.fault != AlarmFault::Gone {
            return Ok(());
        }
        let (what, cure) = ("it does not answer", "look at its wiring");
        Err(DeviceError { device: self.name().to_owned(), what: what.to_owned(), cure: cure.to_owned() })
    }
}

impl PowerControl for BenchAlarm {
    fn name(&self) -> &str {
        "the bench's alarm"
    }

    fn longest(&self) -> Duration {
        Duration::from_secs(7 * 24 * 3600)
    }

    fn arm(&mut self, after: Duration) -> Result<Duration, DeviceError> {
        self.answer()?;
        let late = if self.fault == AlarmFault::Late { 3_600_000 } else { 0 };
        let after_millis = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let at = self.stage.now().timestamp_millis().saturating_add(after_millis).saturating_add(late);
        self.at_millis = (self.fault != AlarmFault::Forgets).then_some(at);
        Ok(after)
    }

    fn armed(&mut self) -> Result<Option<Duration>, DeviceError> {
        self.answer()?;
        let left = self.at_millis.map(|at| at - self.stage.now().timestamp_millis());
        Ok(left.and_then(|left| u64::try_from(left).ok()).filter(|left| *left > 0).map(Duration::from_millis))
    }

    fn disarm(&mut self) -> Result<(), DeviceError> {
        self.at_millis = None;
        self.answer()
    }

    fn hand_over(&mut self) -> Result<Handed, DeviceError> {
        if let Some(left) = self.armed()? {
            self.stage.sleep(left);
        }
        self.at_millis = None;
        Ok(Handed::Slept)
    }

    fn sleeps_in_place(&self) -> bool {
        true
    }
}
