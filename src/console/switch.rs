//! When the trap's page can be reached: switched on by a start, a command, a signal or a button; off by itself.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Console, ConsoleError, Trap, api, held, serve};
use crate::config::console::On;
use crate::daemon::live::Note;
use crate::daemon::pulse::{Beat, Pulse};
use crate::daemon::taxa::Known;

/// Between two looks for a request, while the page is off and while it is on.
const LOOK: Duration = Duration::from_secs(1);

/// Pause before the next try where nothing could listen: the access point may be on its way.
const AGAIN: Duration = Duration::from_secs(3);

/// Between two statuses to the pages that listen.
const STATUS: Duration = Duration::from_secs(5);

/// How long a thread of the page may be without a step before it is missed. Both look at least every [`AGAIN`] or
/// [`STATUS`], and close what is open within seconds; a card that is slow to write may hold them up for tens of seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Below the daemon's own threads (nice(2)).
const NICE: i32 = 10;

/// When the page can be reached.
#[derive(Debug)]
pub struct Switch {
    lasts: Duration,
    until: Mutex<Option<Instant>>,
    bell: Condvar,
    signal: Arc<AtomicBool>,
    ended: AtomicBool,
}

impl Switch {
    /// Off; when switched on, on for `lasts`.
    pub fn new(lasts: Duration) -> Arc<Switch> {
        Arc::new(Switch {
            lasts,
            until: Mutex::new(None),
            bell: Condvar::new(),
            signal: Arc::default(),
            ended: AtomicBool::new(false),
        })
    }

    /// On, for `lasts` from now or as long as configured.
    pub fn on(&self, lasts: Option<Duration>) {
        *held(&self.until) = Some(Instant::now() + lasts.unwrap_or(self.lasts));
        self.bell.notify_all();
    }

    /// Off.
    pub fn off(&self) {
        *held(&self.until) = None;
        self.bell.notify_all();
    }

    /// Somebody works with the page: the time runs from now again.
    pub fn used(&self) {
        let mut until = held(&self.until);
        *until = until.map(|until| until.max(Instant::now() + self.lasts));
    }

    /// How long it stays on; `None`: it is off.
    pub fn left(&self) -> Option<Duration> {
        let left = (*held(&self.until))?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.bell.notify_all();
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn wait(&self, time: Duration) {
        let until = held(&self.until);
        // Woken early or late, the caller looks again.
        drop(self.bell.wait_timeout(until, time));
    }
}

/// The file beside a journal by which `trapline console` asks the daemon: the minutes, or 0 for off. A file works on
/// every card and needs the same rights as the journal.
pub fn request_file(journal: &Path) -> PathBuf {
    let mut name = OsString::from(journal.as_os_str());
    name.push(".console");
    name.into()
}

/// Takes up what was asked by signal or file.
fn take_request(switch: &Switch, file: &Path) {
    if switch.signal.swap(false, Ordering::SeqCst) {
        switch.on(None);
    }
    let Ok(text) = fs::read_to_string(file) else { return };
    // Removed before it is followed: the verb sees that it was taken.
    if let Err(error) = fs::remove_file(file) {
        log::error!("{}: {error}; the page is not switched", file.display());
        return;
    }
    match text.trim().parse::<u64>() {
        Ok(0) => switch.off(),
        Ok(minutes @ 1..=1440) => switch.on(Some(Duration::from_secs(60 * minutes))),
        _ => log::error!("{} asked for nothing known", file.display()),
    }
}

/// The page's threads beside the daemon. Dropping it ends them.
#[derive(Debug)]
pub struct Running {
    switch: Arc<Switch>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// The switch.
    pub fn switch(&self) -> &Arc<Switch> {
        &self.switch
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.switch.end();
        for thread in self.threads.drain(..) {
            // It told of its fault where it had one.
            let _ = thread.join();
        }
    }
}

/// Starts the page's threads, which `pulse` watches; nothing listens until it is switched on.
pub fn start(
    trap: Trap,
    notes: Receiver<Note>,
    known: Vec<Known>,
    pulse: &Pulse,
) -> Result<Running, ConsoleError> {
    let switch = Arc::clone(&trap.switch);
    let chosen = trap.config.console.clone();
    let file = request_file(&trap.config.journal.path);
    // What was asked of a daemon before this one.
    let _ = fs::remove_file(&file);
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&switch.signal))?;
    if chosen.on == On::Start {
        switch.on(None);
    }
    let console = Arc::new(Console::of_trap(trap, known)?);
    let (heard, waker) = (Arc::clone(&console), Arc::clone(&switch));
    let (hearing, hosting) = (pulse.watch("console-ear", PATIENCE), pulse.watch("console", PATIENCE));
    let ear = thread::Builder::new().name("console-ear".to_owned()).spawn(move || {
        listen(&heard, &waker, &notes, &hearing);
    })?;
    let waiter = Arc::clone(&switch);
    let host = thread::Builder::new().name("console".to_owned()).spawn(move || {
        // Where the system refuses, the page runs at the daemon's own priority.
        let _ = rustix::process::setpriority_process(None, NICE);
        host(&console, &waiter, &file, chosen.listen, &hosting);
    })?;
    Ok(Running { switch, threads: vec![ear, host] })
}

/// Follows requests, and serves the page at `at` while it is on.
fn host(console: &Arc<Console>, switch: &Switch, file: &Path, at: SocketAddr, beat: &Beat) {
    let mut complaint = String::new();
    while !switch.has_ended() {
        beat.beat();
        take_request(switch, file);
        if switch.left().is_some() {
            // Asked by the loop that takes connections in: a page that hangs does not ask.
            let over = || {
                beat.beat();
                take_request(switch, file);
                switch.has_ended() || switch.left().is_none()
            };
            match serve::trap(at, console, over) {
                Ok(()) => complaint.clear(),
                Err(error) => {
                    // Once for each reason: the access point may take its time.
                    let said = error.to_string();
                    if said != complaint {
                        log::error!("{said}");
                        complaint = said;
                    }
                    switch.wait(AGAIN);
                    continue;
                }
            }
        }
        switch.wait(LOOK);
    }
}

/// Takes the daemon's notes and tells the pages that listen.
fn listen(console: &Console, switch: &Switch, notes: &Receiver<Note>, beat: &Beat) {
    let mut next_status = Instant::now();
    while !switch.has_ended() {
        beat.beat();
        match notes.recv_timeout(LOOK) {
            Ok(note) => {
                if let Some(key) = console.hub.take(note)
                    && console.hub.is_heard()
                {
                    api::tell_burst(console, key);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => switch.wait(LOOK),
        }
        if Instant::now() >= next_status && console.hub.is_heard() {
            next_status = Instant::now() + STATUS;
            api::tell_status(console);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_off_by_itself_and_later_while_it_is_used() {
        let switch = Switch::new(Duration::from_secs(600));
        assert_eq!(switch.left(), None);
        switch.used();
        assert_eq!(switch.left(), None, "use alone does not switch it on");
        switch.on(Some(Duration::from_secs(60)));
        assert!(switch.left().is_some_and(|left| left <= Duration::from_secs(60)));
        switch.used();
        assert!(switch.left().is_some_and(|left| left > Duration::from_secs(500)));
        switch.off();
        assert_eq!(switch.left(), None);
    }

    #[test]
    fn a_request_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = request_file(&folder.path().join("trapline.db"));
        let switch = Switch::new(Duration::from_secs(600));
        fs::write(&file, "3\n").unwrap();
        take_request(&switch, &file);
        assert!(switch.left().is_some_and(|left| left <= Duration::from_secs(180)));
        assert!(!file.exists());
        fs::write(&file, "0").unwrap();
        take_request(&switch, &file);
        assert_eq!(switch.left(), None);
        fs::write(&file, "99999999").unwrap();
        take_request(&switch, &file);
        assert_eq!(switch.left(), None);
    }

    /// Waits until a step was made: with no patience everybody is always missed, and the silence grows until a step.
    fn steps(pulse: &Pulse) {
        let begun = Instant::now();
        for _ in 0..2 {
            let mut longest = Duration::ZERO;
            loop {
                let (_, silent) = pulse.stuck().unwrap_or_default();
                if silent < longest {
                    break;
                }
                longest = silent;
                assert!(begun.elapsed() < PATIENCE, "no step is made");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    #[test]
    fn both_threads_say_that_they_go_on_and_are_not_missed_after_their_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = request_file(&folder.path().join("trapline.db"));
        let console = Arc::new(Console::of_desk(&[], Vec::new()).unwrap().0);
        let switch = Switch::new(Duration::from_secs(600));
        let (_live, notes) = std::sync::mpsc::channel();
        let (ear, page) = (Pulse::default(), Pulse::default());
        let (hearing, hosting) =
            (ear.watch("console-ear", Duration::ZERO), page.watch("console", Duration::ZERO));
        thread::scope(|scope| {
            let (console, switch, file) = (&console, &switch, &file);
            scope.spawn(move || listen(console, switch, &notes, &hearing));
            scope.spawn(move || host(console, switch, file, "127.0.0.1:0".parse().unwrap(), &hosting));
            steps(&ear);
            steps(&page);
            // The page is off until now; on, the loop that takes connections in makes the steps.
            switch.on(None);
            steps(&page);
            switch.end();
        });
        assert_eq!((ear.stuck(), page.stuck()), (None, None));
    }
}
