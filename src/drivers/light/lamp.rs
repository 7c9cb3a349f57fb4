//! An infrared lamp that is never left on: a thread of its own switches it off when its time is over, whatever became of
//! who switched it on.
//!
//! A process that is killed outright cannot switch anything off, and a line that nobody holds may keep its level: the
//! next start takes the line as off. A lamp that must never burn through needs a timer in its driver.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::drivers::gpio::Switch;

/// Pause before a lamp that did not switch off is switched off again.
const AGAIN: Duration = Duration::from_millis(500);

struct State {
    switch: Box<dyn Switch>,
    until: Option<Instant>,
    stop: bool,
    overdue: u32,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    /// Even if a thread died while it held it, the lamp must be switched off.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Switches off; where that fails, it stays due.
    fn off(&mut self) -> bool {
        match self.switch.off() {
            Ok(()) => self.until = None,
            Err(error) => {
                log::error!("lamp: it does not switch off: {error}; trying again");
                self.until = Some(Instant::now() + AGAIN);
            }
        }
        self.until.is_none()
    }
}

/// The lamp; off at the start and when it is dropped.
pub struct Lamp {
    shared: Arc<Shared>,
    watch: Option<JoinHandle<()>>,
}

/// The lamp while it is on; dropped, it is off.
pub struct Lit<'a>(&'a Lamp);

impl Lamp {
    /// Takes the lamp's line and switches it off.
    pub fn new(switch: Box<dyn Switch>) -> Lamp {
        let mut state = State { switch, until: None, stop: false, overdue: 0 };
        state.off();
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let watched = Arc::clone(&shared);
        Lamp { shared, watch: Some(std::thread::spawn(move || watch(&watched))) }
    }

    /// Switches it on for `most` at most; off when what this gives is dropped. `None`: it does not switch, which is
    /// told in the log; pictures are taken in the dark rather than not at all.
    pub fn on(&self, most: Duration) -> Option<Lit<'_>> {
        let mut state = self.shared.lock();
        // Due before it is on, so that nothing can come between.
        state.until = Some(Instant::now() + most);
        let done = state.switch.on();
        if let Err(error) = done {
            log::error!("lamp: it does not switch on: {error}");
            state.off();
            return None;
        }
        self.shared.changed.notify_all();
        Some(Lit(self))
    }

    /// How often it had to be switched off because its time was over.
    pub fn overdue(&self) -> u32 {
        self.shared.lock().overdue
    }
}

impl Drop for Lit<'_> {
    fn drop(&mut self) {
        self.0.shared.lock().off();
        self.0.shared.changed.notify_all();
    }
}

fn watch(shared: &Shared) {
    let mut state = shared.lock();
    while !state.stop {
        let now = Instant::now();
        state = match state.until {
            None => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) if until > now => {
                let waited = shared.changed.wait_timeout(state, until - now);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            Some(_) => {
                log::warn!("lamp: on for as long as it may be; switched off");
                state.overdue += 1;
                state.off();
                state
            }
        };
    }
}

impl Drop for Lamp {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.stop = true;
        state.off();
        drop(state);
        self.shared.changed.notify_all();
        if let Some(watch) = self.watch.take() {
            // It has nothing to say.
            let _ = watch.join();
        }
    }
}
