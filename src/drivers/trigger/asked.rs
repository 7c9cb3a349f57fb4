//! A burst because somebody asked: a command, the page, a signal.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::budget::{Budget, Limits};
use crate::hal::{Asks, Clock, DeviceError, Source, Spent, Trigger, Triggered};

/// How often it looks: who asked by hand does not notice half a second, and a PIR beside it sleeps on meanwhile.
const LOOK: Duration = Duration::from_millis(500);

/// Its budget's name.
const ASKED: &str = "asked";

/// Who asked where a signal did: a signal carries no name.
const SIGNAL: &str = "signal";

/// Wishes for bursts. They have the same rules as a storm of the sensor, and a budget of their own: whoever asks does
/// not blind the sensor, nor a storm the one who asks.
pub struct Wishes {
    waiting: Mutex<(VecDeque<Arc<str>>, Option<Budget>)>,
    signal: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
    /// Whether anybody looks at them.
    heard: bool,
}

impl Wishes {
    /// Wishes within `limits`, by the monotonic time of `clock`; `None`: any number.
    pub fn new(limits: Option<Limits>, clock: Arc<dyn Clock>) -> Arc<Self> {
        // A sample of a storm goes on so that the scene is not lost from sight; wishes need none.
        let limits = limits.map(|limits| Limits { sample_every: Duration::ZERO, ..limits });
        let budget = limits.map(|limits| Budget::new(limits, clock.monotonic()));
        let signal = Arc::default();
        Arc::new(Wishes { waiting: Mutex::new((VecDeque::new(), budget)), signal, clock, heard: true })
    }

    /// Of a trap that takes no bursts on request.
    pub fn refused(clock: Arc<dyn Clock>) -> Arc<Self> {
        let (waiting, signal) = (Mutex::default(), Arc::default());
        Arc::new(Wishes { waiting, signal, clock, heard: false })
    }

    /// Set by a signal's handler, it is a wish as well.
    pub fn signal(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.signal)
    }

    /// Every change is whole, even if a thread died while it held them.
    fn lock(&self) -> MutexGuard<'_, (VecDeque<Arc<str>>, Option<Budget>)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next wish.
    fn take(&self) -> Option<Arc<str>> {
        if self.signal.swap(false, Ordering::SeqCst) && !self.ask(SIGNAL) {
            log::warn!("a signal asked for a burst too soon after others: none is taken");
        }
        self.lock().0.pop_front()
    }
}

impl Asks for Wishes {
    fn ask(&self, who: &str) -> bool {
        let now = self.clock.monotonic();
        let (waiting, budget) = &mut *self.lock();
        let admitted = self.heard && budget.as_mut().is_none_or(|budget| budget.admit(now));
        if admitted {
            waiting.push_back(who.into());
        }
        admitted
    }
}

/// Fires once for each wish.
pub struct Asked {
    wishes: Arc<Wishes>,
    clock: Arc<dyn Clock>,
}

impl Asked {
    /// Watches `wishes`; triggers carry the time of `clock`.
    pub fn new(wishes: Arc<Wishes>, clock: Arc<dyn Clock>) -> Self {
        Asked { wishes, clock }
    }
}

impl Trigger for Asked {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        let mut left = deadline;
        loop {
            if let Some(who) = self.wishes.take() {
                let at = self.clock.utc().0;
                return Ok(Some(Triggered { at, source: Source::Asked, detail: Some(who), suppressed: 0 }));
            }
            if left.is_zero() {
                return Ok(None);
            }
            let nap = left.min(LOOK);
            std::thread::sleep(nap);
            left -= nap;
        }
    }

    fn spent(&self) -> Vec<Spent> {
        let now = self.clock.monotonic();
        self.wishes.lock().1.iter().map(|budget| budget.spent(ASKED, now)).collect()
    }

    /// Who asks by hand is not taken for the reason of a power cut: no burst more counts.
    fn recall(&mut self, spent: &[Spent], passed: Duration, _cut_short: bool) {
        let ours = spent.iter().find(|spent| spent.name == ASKED);
        if let (Some(ours), Some(budget)) = (ours, &mut self.wishes.lock().1) {
            budget.recall(ours, passed, false, self.clock.monotonic());
        }
    }

    fn silent_for(&self) -> Option<Duration> {
        let waits = self.wishes.signal.load(Ordering::SeqCst) || !self.wishes.lock().0.is_empty();
        Some(if waits { Duration::ZERO } else { LOOK })
    }
}

#[cfg(test)]
mod tests {
    use super::super::storm::tests::HandClock;
    use super::*;

    fn who(asked: &mut Asked) -> Option<String> {
        let fired = asked.wait(Duration::ZERO).unwrap()?;
        assert_eq!(fired.source, Source::Asked);
        fired.detail.map(|who| who.to_string())
    }

    #[test]
    fn one_wish_is_one_burst_and_says_whose_it_is() {
        let clock = HandClock::at("2026-05-20T00:00:00Z");
        let wishes = Wishes::new(None, clock.clone());
        let mut asked = Asked::new(Arc::clone(&wishes), clock.clone());
        assert!(wishes.ask("command 7") && wishes.ask("page"));
        wishes.signal().store(true, Ordering::SeqCst);
        let told: Vec<_> = std::iter::from_fn(|| who(&mut asked)).collect();
        assert_eq!(told, ["command 7", "page", "signal"]);
        assert!(!Wishes::refused(clock).ask("page"));
    }

    #[test]
    fn storm_control_holds_for_wishes_too() {
        let clock = HandClock::at("2026-05-20T00:00:00Z");
        let second = Duration::from_secs(1);
        let limits = Limits {
            per_hour: 10,
            at_once: 3,
            cool_down: 2 * second,
            cool_down_max: 60 * second,
            sample_every: 300 * second,
        };
        let wishes = Wishes::new(Some(limits), clock.clone());
        let taken = (0..3600).filter(|_| {
            clock.pass(second);
            wishes.ask("command 7")
        });
        // The bucket's three, and what an hour's budget of ten drips into it.
        let taken = taken.count();
        assert!((3..=10).contains(&taken), "{taken}");
        clock.pass(3600 * second);
        assert!(wishes.ask("command 8"));
    }
}
