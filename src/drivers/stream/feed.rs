//! Keeps a source running and its last pictures in memory. A thread watches over it, another reads its pictures.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::Options;
use super::source::{Pictures, Source};
use crate::hal::Clock;

/// Pause before the source is started again; doubles with each failure.
const PAUSE: Duration = Duration::from_millis(200);

/// Longest pause: a camera that is plugged in again works within half a minute.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// From this failure in a row on, the camera is recovered before the next start.
const RECOVER_FROM: u32 = 2;

/// What is done to a camera that a new start does not bring back: a power cycle, another command.
pub type Recovery = Arc<Mutex<Option<Box<dyn FnMut() -> Result<(), String> + Send>>>>;

/// One picture of a stream.
#[derive(Debug)]
pub struct Still {
    /// Rises by one from picture to picture, over restarts too.
    pub number: u64,
    /// When it was read.
    pub seen: Instant,
    /// The same by the trap's clock.
    pub taken: DateTime<Utc>,
    /// The bytes.
    pub jpeg: Vec<u8>,
}

#[derive(Default)]
struct State {
    ring: VecDeque<Arc<Still>>,
    held: usize,
    count: u64,
    /// Which run is on.
    run: u32,
    /// Pictures of this run, those that settle included.
    pictures: u64,
    broken: u64,
    heard: Option<Instant>,
    ended: bool,
    stop: bool,
    /// Runs in a row without a usable picture.
    failures: u32,
    resting_until: Option<Instant>,
    fault: String,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    /// The state stays usable even if a thread died while it held it: pictures are only ever added whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The source, watched over until this is dropped.
pub(super) struct Feed {
    shared: Arc<Shared>,
    watch: Option<JoinHandle<()>>,
}

impl Feed {
    /// Starts `source`.
    pub(super) fn start(
        source: Arc<dyn Source>,
        options: Options,
        clock: Arc<dyn Clock>,
        recovery: Recovery,
    ) -> Feed {
        let shared = Arc::new(Shared::default());
        let watch = Watch { shared: Arc::clone(&shared), source, options, clock, recovery };
        Feed { shared, watch: Some(std::thread::spawn(move || watch.run())) }
    }

    /// The newest picture.
    pub(super) fn newest(&self) -> Option<Arc<Still>> {
        self.shared.lock().ring.back().cloned()
    }

    /// The pictures in memory that are not older than `oldest`, less `wanted` intervals.
    pub(super) fn since(&self, oldest: Instant, interval: Duration, wanted: usize) -> Vec<Arc<Still>> {
        let reach = interval * u32::try_from(wanted).unwrap_or(0);
        let oldest = oldest.checked_sub(reach).unwrap_or(oldest);
        self.shared.lock().ring.iter().filter(|still| still.seen >= oldest).cloned().collect()
    }

    /// The first picture after number `last` that came at `due` or later; why not, when there is none by `deadline`.
    pub(super) fn next(
        &self,
        last: Option<u64>,
        due: Option<Instant>,
        deadline: Instant,
    ) -> Result<Arc<Still>, String> {
        let mut state = self.shared.lock();
        loop {
            let fits = |s: &&Arc<Still>| {
                last.is_none_or(|last| s.number > last) && due.is_none_or(|due| s.seen >= due)
            };
            if let Some(still) = state.ring.iter().find(fits) {
                return Ok(Arc::clone(still));
            }
            let now = Instant::now();
            let resting = state.resting_until.is_some_and(|until| until >= deadline);
            if now >= deadline || resting || state.stop {
                let fault = std::mem::take(&mut state.fault);
                let broken = match state.broken {
                    0 => String::new(),
                    n => format!("; {n} pictures were not whole"),
                };
                state.broken = 0;
                let told = if fault.is_empty() { "no picture in time".to_owned() } else { fault.clone() };
                state.fault = fault;
                return Err(told + &broken);
            }
            state = self.shared.wait(state, deadline - now);
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
        if let Some(watch) = self.watch.take() {
            // The thread has nothing to say; if it died, what it held is closed and ends.
            let _ = watch.join();
        }
    }
}

struct Watch {
    shared: Arc<Shared>,
    source: Arc<dyn Source>,
    options: Options,
    clock: Arc<dyn Clock>,
    recovery: Recovery,
}

impl Watch {
    fn run(&self) {
        loop {
            let run = {
                let mut state = self.shared.lock();
                if state.stop {
                    return;
                }
                state.run += 1;
                (state.pictures, state.ended, state.heard) = (0, false, Some(Instant::now()));
                state.run
            };
            let fault = match self.source.start() {
                Ok((pictures, mut hold)) => {
                    self.read(run, pictures);
                    let reason = self.stand(run);
                    if reason.is_some() && self.shared.lock().ended {
                        hold.drained();
                    }
                    let told = hold.end();
                    reason.map(|reason| reason + &told)
                }
                Err(error) => Some(error),
            };
            let Some(fault) = fault else { return };
            log::error!("camera: {fault}; starting it again");
            let failures = self.failed(fault);
            if failures >= RECOVER_FROM {
                self.recover();
            }
            self.rest(failures);
        }
    }

    /// Reads the pictures of this run in a thread: one that hangs in the kernel never ends.
    fn read(&self, run: u32, mut pictures: Box<dyn Pictures>) {
        let (shared, clock) = (Arc::clone(&self.shared), Arc::clone(&self.clock));
        let (settle, most) = (u64::from(self.options.settle), self.options.ring);
        std::thread::spawn(move || {
            let mut whole = Vec::new();
            let mut broken = 0;
            loop {
                let more = pictures.read(&mut whole);
                let mut state = shared.lock();
                if state.run != run || state.stop {
                    return;
                }
                let now = pictures.broken();
                if now > broken && broken == 0 {
                    log::warn!("camera: a picture that is not whole; others of this run are counted");
                }
                state.broken += now - broken;
                broken = now;
                for jpeg in whole.drain(..) {
                    state.pictures += 1;
                    state.heard = Some(Instant::now());
                    if state.pictures > settle {
                        state.keep(jpeg, clock.utc().0, most);
                    }
                }
                state.ended = !more;
                drop(state);
                shared.changed.notify_all();
                if !more {
                    if broken > 0 {
                        log::warn!("camera: {broken} pictures of this run were not whole");
                    }
                    return;
                }
            }
        });
    }

    /// Waits while all is well; `None`: it is to stop.
    fn stand(&self, run: u32) -> Option<String> {
        let mut state = self.shared.lock();
        loop {
            if state.stop {
                return None;
            }
            if state.ended && state.run == run {
                return Some("it ended".to_owned());
            }
            let (patience, what) = match state.pictures {
                0 => (self.options.start, "no picture after its start"),
                _ => (self.options.frame, "no more pictures"),
            };
            let silent = state.heard.map_or(Duration::ZERO, |heard| heard.elapsed());
            if silent >= patience {
                return Some(format!("{what} for {:.1} s", silent.as_secs_f32()));
            }
            state = self.shared.wait(state, patience - silent);
        }
    }

    /// Notes a failure; how many there were in a row.
    fn failed(&self, fault: String) -> u32 {
        let mut state = self.shared.lock();
        state.failures = if state.pictures > u64::from(self.options.settle) { 1 } else { state.failures + 1 };
        state.fault = fault;
        state.failures
    }

    fn recover(&self) {
        let mut recovery = self.recovery.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recover) = recovery.as_mut() {
            match recover() {
                Ok(()) => log::warn!("camera: recovered before its next start"),
                Err(error) => log::error!("camera: not recovered: {error}"),
            }
        }
    }

    fn rest(&self, failures: u32) {
        let pause = PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(PAUSE_MAX);
        let until = Instant::now() + pause;
        let mut state = self.shared.lock();
        state.resting_until = Some(until);
        self.shared.changed.notify_all();
        while !state.stop && Instant::now() < until {
            state = self.shared.wait(state, until.saturating_duration_since(Instant::now()));
        }
        state.resting_until = None;
    }
}

impl State {
    fn keep(&mut self, jpeg: Vec<u8>, taken: DateTime<Utc>, most: usize) {
        self.count += 1;
        self.held += jpeg.len();
        self.ring.push_back(Arc::new(Still { number: self.count, seen: Instant::now(), taken, jpeg }));
        // The newest stays, whatever its size.
        while self.held > most && self.ring.len() > 1 {
            self.held -= self.ring.pop_front().map_or(0, |old| old.jpeg.len());
        }
    }
}
