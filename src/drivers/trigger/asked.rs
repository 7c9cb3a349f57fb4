//! A burst because somebody asked: a signal, a button, a command.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::hal::{Clock, DeviceError, Source, Trigger, Triggered};

/// How often it looks: who asked by hand does not notice half a second, and a PIR beside it sleeps on meanwhile.
const LOOK: Duration = Duration::from_millis(500);

/// Fires once each time its flag is found set, and clears it.
pub struct Asked {
    flag: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
}

impl Asked {
    /// Watches `flag`; triggers carry the time of `clock`.
    pub fn new(flag: Arc<AtomicBool>, clock: Arc<dyn Clock>) -> Self {
        Asked { flag, clock }
    }
}

impl Trigger for Asked {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        let mut left = deadline;
        loop {
            if self.flag.swap(false, Ordering::SeqCst) {
                let at = self.clock.utc().0;
                return Ok(Some(Triggered { at, source: Source::Asked, detail: None, suppressed: 0 }));
            }
            if left.is_zero() {
                return Ok(None);
            }
            let nap = left.min(LOOK);
            std::thread::sleep(nap);
            left -= nap;
        }
    }

    fn silent_for(&self) -> Option<Duration> {
        Some(if self.flag.load(Ordering::SeqCst) { Duration::ZERO } else { LOOK })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::system_clock::SystemClock;

    #[test]
    fn one_wish_is_one_burst() {
        let flag = Arc::new(AtomicBool::new(true));
        let mut asked = Asked::new(Arc::clone(&flag), Arc::new(SystemClock::new()));
        let first = asked.wait(Duration::ZERO).unwrap();
        assert_eq!(first.map(|t| t.source), Some(Source::Asked));
        assert_eq!(asked.wait(Duration::ZERO).unwrap(), None);
        flag.store(true, Ordering::SeqCst);
        assert!(asked.wait(Duration::ZERO).unwrap().is_some());
    }
}
