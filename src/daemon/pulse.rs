//! Whether every part of the daemon makes progress: each beats as it goes on, and one that is silent for too long is
//! named, so that whoever watches over the process starts it anew.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// All parts that are watched.
#[derive(Debug, Default)]
pub struct Pulse {
    workers: Mutex<Vec<Arc<Worker>>>,
}

#[derive(Debug)]
struct Worker {
    name: &'static str,
    patience: Duration,
    began: Instant,
    /// Milliseconds from `began` to the last step.
    last: AtomicU64,
    over: AtomicBool,
}

/// One part's hand on it. Dropping it says that the part has ended in order; a part whose thread died by a panic
/// stays silent and is missed.
#[derive(Debug)]
pub struct Beat(Arc<Worker>);

impl Pulse {
    /// A new part, which promises a step at least every `patience` from now on.
    pub fn watch(&self, name: &'static str, patience: Duration) -> Beat {
        let worker = Worker {
            name,
            patience,
            began: Instant::now(),
            last: AtomicU64::new(0),
            over: AtomicBool::new(false),
        };
        let worker = Arc::new(worker);
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&worker));
        Beat(worker)
    }

    /// The first part that broke its promise, and how long it has been silent.
    pub fn stuck(&self) -> Option<(&'static str, Duration)> {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.retain(|worker| !worker.over.load(Ordering::Relaxed));
        workers.iter().find_map(|worker| {
            let silent = worker.silent();
            (silent > worker.patience).then_some((worker.name, silent))
        })
    }
}

impl Worker {
    fn silent(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }
}

impl Beat {
    /// A step was made.
    pub fn beat(&self) {
        let now = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last.store(now, Ordering::Relaxed);
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.0.over.store(!std::thread::panicking(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn only_who_is_silent_for_too_long_is_stuck() {
        let pulse = Pulse::default();
        let _patient = pulse.watch("sender", LONG);
        let beat = pulse.watch("pipeline", Duration::ZERO);
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(pulse.stuck().map(|(name, _)| name), Some("pipeline"));
        drop(beat);
        assert_eq!(pulse.stuck(), None, "who ended in order is not missed");
    }

    #[test]
    fn a_step_counts_from_when_it_was_made() {
        let pulse = Pulse::default();
        let beat = pulse.watch("pipeline", LONG);
        std::thread::sleep(Duration::from_millis(20));
        assert!(beat.0.silent() >= Duration::from_millis(20));
        beat.beat();
        // The clock has milliseconds.
        assert!(beat.0.last.load(Ordering::Relaxed) >= 20);
    }

    #[test]
    fn a_part_that_died_is_missed() {
        let pulse = Arc::new(Pulse::default());
        let beat = pulse.watch("page", Duration::ZERO);
        let died = std::thread::spawn(move || {
            let _beat = beat;
            panic!("on purpose");
        });
        assert!(died.join().is_err());
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(pulse.stuck().map(|(name, _)| name), Some("page"));
    }
}
