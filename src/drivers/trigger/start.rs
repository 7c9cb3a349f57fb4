//! The start itself as a trigger: a controller outside switched the power on because its sensor fired, or its alarm.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::hal::{DeviceError, Source, Trigger, Triggered};

/// Fires once, and is exhausted.
pub struct Start {
    fires: Option<Triggered>,
}

impl Start {
    /// The process began at `at` because of `source`.
    pub fn new(at: DateTime<Utc>, source: Source) -> Start {
        Start { fires: Some(Triggered { at, source, detail: None, suppressed: 0 }) }
    }
}

impl Trigger for Start {
    fn wait(&mut self, _deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        Ok(self.fires.take())
    }

    fn exhausted(&self) -> bool {
        self.fires.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fires_once() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut start = Start::new(at, Source::Pir);
        assert!(!start.exhausted());
        let fired = start.wait(Duration::ZERO).unwrap().unwrap();
        assert_eq!((fired.at, fired.source), (at, Source::Pir));
        assert!(start.exhausted() && start.wait(Duration::ZERO).unwrap().is_none());
    }
}
