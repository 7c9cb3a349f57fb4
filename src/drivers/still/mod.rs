//! A camera that is a program which takes a picture at each signal and writes it to a file: `rpicam-still --signal`.
//!
//! Each picture is a whole still of the sensor; there are fewer a second than a stream has, and none from before the
//! trigger. Files are written to a folder in memory, picked up once they are whole, and deleted. The program is watched
//! over as a stream's is: one that does not answer in time, ends, floods or writes no pictures is ended with all its
//! children and started anew; from the second failure in a row on the camera is recovered before that, and when whole
//! bursts keep failing the system is asked to start anew. Kept warm, one that died between bursts is started again
//! then; one that hangs is found out by the next signal.
//!
//! What the program does at a signal (apps/rpicam_still.cpp of rpicam-apps): SIGUSR1 is noticed with the next frame of
//! the preview and the frame after it is written, so two or three frame times pass; SIGUSR2 ends it. Until it has
//! opened the camera it has no answer to either, and a signal would end it: it is not sent before.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::light::Adjusts;
use super::stream::process::Process;
use super::stream::{Reboots, Recovery};
use crate::hal::{Camera, Clock, DeviceError, Shot};

mod folder;

pub use folder::{NAME_MAX, pattern};

use folder::{Folder, Found};

/// Between two looks for a file: a picture takes tenths of a second.
const LOOK: Duration = Duration::from_millis(5);

/// A program that was asked to end by its own signal has so long before it is ended by force.
const GRACE: Duration = Duration::from_millis(1000);

/// Pause before the program is started again; doubles with each failure.
const PAUSE: Duration = Duration::from_millis(200);

/// Longest pause: a camera that is plugged in again works within half a minute.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// From this failure in a row on, the camera is recovered before the next start.
const RECOVER_FROM: u32 = 2;

/// How the program is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The program and its arguments; it writes to [`pattern`] of the folder.
    pub command: Vec<String>,
    /// Where its pictures appear, in a folder of our own; on a tmpfs, or each picture wears the card.
    pub folder: PathBuf,
    /// Most bytes of its pictures in memory.
    pub most: u64,
    /// Keep it running between bursts.
    pub warm: bool,
    /// Exposure and white balance settle for so long after each start.
    pub settle: Duration,
    /// Longest time from its start until it takes signals.
    pub start: Duration,
    /// Longest time from a signal to its picture.
    pub frame: Duration,
    /// Longest time for a burst, beside the pauses between its pictures.
    pub burst: Duration,
}

/// The program at work.
struct Running {
    process: Process,
    started: Instant,
    /// Since when it takes signals, once that is known.
    listens: Option<Instant>,
}

/// The camera.
pub struct StillCamera {
    options: Options,
    folder: Folder,
    clock: Arc<dyn Clock>,
    recovery: Recovery,
    reboots: Option<Reboots>,
    running: Option<Running>,
    /// Runs in a row without a picture, and bursts.
    failures: u32,
    failed: u32,
    /// Not to be started again before.
    not_before: Option<Instant>,
}

impl StillCamera {
    /// Starts the program if it is to be warm, and does not wait for it. `recovery` is done after the second failure in
    /// a row; `reboots` says when to give up.
    pub fn new(
        options: Options,
        clock: Arc<dyn Clock>,
        recovery: Recovery,
        reboots: Option<Reboots>,
    ) -> StillCamera {
        let folder = Folder::new(&options.folder, options.most);
        let mut camera = StillCamera {
            options,
            folder,
            clock,
            recovery,
            reboots,
            running: None,
            failures: 0,
            failed: 0,
            not_before: None,
        };
        camera.keep_warm();
        camera
    }

    /// Starts the program.
    fn start(&mut self) -> Result<(), String> {
        self.folder.make()?;
        self.folder.clear();
        let (process, mut output) = Process::start(&self.options.command)?;
        self.running = Some(Running { process, started: Instant::now(), listens: None });
        // What it says must go somewhere, or it stands still.
        std::thread::spawn(move || drop(io::copy(&mut output, &mut io::sink())));
        Ok(())
    }

    /// Starts it if it should be running and is not.
    fn keep_warm(&mut self) {
        let rests = self.not_before.is_some_and(|until| Instant::now() < until);
        if !self.options.warm || rests {
            return;
        }
        let gone = self.running.as_mut().map(|running| running.process.gone());
        let done = match gone {
            None => self.start(),
            Some(true) => Err("it ended".to_owned()),
            Some(false) => Ok(()),
        };
        if let Err(fault) = done {
            self.climb(&fault);
        }
    }

    /// Waits until the program takes signals and its picture has settled.
    fn ready(&mut self, deadline: Instant) -> Result<(), String> {
        if self.running.is_none() {
            self.start()?;
        }
        let options = &self.options;
        let Some(running) = &mut self.running else { return Err("it is not running".to_owned()) };
        let latest = deadline.min(running.started + options.start);
        let listens = loop {
            if running.process.gone() {
                return Err("it ended".to_owned());
            }
            if let Some(since) = running.listens {
                break since;
            }
            if takes_signals(running.process.id()) {
                running.listens = Some(Instant::now());
            } else if Instant::now() >= latest {
                return Err("it takes no signals after its start".to_owned());
            } else {
                std::thread::sleep(LOOK);
            }
        };
        std::thread::sleep((listens + options.settle).saturating_duration_since(Instant::now()));
        Ok(())
    }

    /// One picture, and when it was asked for.
    fn picture(&mut self, deadline: Instant) -> Result<Shot, String> {
        self.ready(deadline)?;
        self.folder.clear();
        let Some(running) = &mut self.running else { return Err("it is not running".to_owned()) };
        let taken = self.clock.utc().0;
        running.process.tell(Signal::USR1);
        let deadline = deadline.min(Instant::now() + self.options.frame);
        loop {
            let found = self.folder.look()?;
            if let Found::Picture(jpeg) = found {
                return Ok(Shot { taken, jpeg: Ok(jpeg) });
            }
            if let Found::Flood(held) = found {
                return Err(format!("it floods its folder: {held} bytes in it"));
            }
            if running.process.gone() {
                return Err("it ended".to_owned());
            }
            if Instant::now() >= deadline {
                return Err(match found {
                    Found::Begun => "its picture is not whole".to_owned(),
                    Found::Other(name) => format!("it wrote {name} in the place of a picture"),
                    _ => "no picture after a signal".to_owned(),
                });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Ends the program as it wishes to be ended.
    fn end(&mut self) {
        let Some(Running { mut process, listens, .. }) = self.running.take() else { return };
        if listens.is_some() {
            process.asked_to_end(Signal::USR2, GRACE);
        }
        process.end();
    }

    /// A run failed: it is ended, from the second in a row on the camera is recovered, and a pause is due.
    fn climb(&mut self, fault: &str) -> String {
        self.failures += 1;
        // It hangs or is gone: there is no use in asking.
        let said = self.running.take().map(|running| running.process.end()).unwrap_or_default();
        self.folder.clear();
        let told = format!("{fault}{said}");
        log::error!("camera: {told}; starting it again");
        if self.failures >= RECOVER_FROM {
            let mut recovery = self.recovery.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(recover) = recovery.as_mut() {
                match recover() {
                    Ok(()) => log::warn!("camera: recovered before its next start"),
                    Err(error) => log::error!("camera: not recovered: {error}"),
                }
            }
        }
        let pause = PAUSE.saturating_mul(1 << self.failures.saturating_sub(1).min(10)).min(PAUSE_MAX);
        self.not_before = Some(Instant::now() + pause);
        told
    }

    /// Pictures until the burst is whole or its time is up; then what was wrong.
    fn collect(&mut self, frames: usize, interval: Duration) -> (Vec<Shot>, String) {
        let begun = Instant::now();
        let deadline = begun + self.options.burst + interval * u32::try_from(frames).unwrap_or(u32::MAX);
        let (mut shots, mut fault) = (Vec::new(), String::new());
        let mut due = begun;
        while shots.len() < frames && Instant::now() < deadline {
            let wait = due.max(self.not_before.take().unwrap_or(due));
            if wait >= deadline {
                // The pause holds for the next burst as well.
                self.not_before = Some(wait);
                break;
            }
            std::thread::sleep(wait.saturating_duration_since(Instant::now()));
            let signalled = Instant::now();
            match self.picture(deadline) {
                Ok(shot) => {
                    self.failures = 0;
                    shots.push(shot);
                    due = signalled + interval;
                }
                Err(error) => fault = self.climb(&error),
            }
        }
        if shots.len() < frames && fault.is_empty() {
            "no picture in time".clone_into(&mut fault);
        }
        (shots, fault)
    }

    fn name(&self) -> String {
        format!("camera {}", self.options.command.first().map_or("without a program", String::as_str))
    }
}

/// Whether a program has its own answer to SIGUSR1 (SigCgt of proc_pid_status(5)).
fn takes_signals(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    caught >> (Signal::USR1.as_raw() - 1) & 1 == 1
}

impl Camera for StillCamera {
    fn burst(&mut self, frames: usize, interval: Duration) -> Result<Vec<Shot>, DeviceError> {
        let (mut shots, fault) = self.collect(frames, interval);
        if !self.options.warm {
            self.end();
        }
        if shots.is_empty() && frames > 0 {
            self.failed += 1;
            if let Some(reboots) = &mut self.reboots {
                reboots.burst_failed(self.failed, self.clock.utc().0);
            }
            let cure = "run the program by hand; check the camera's cable and that no other program uses it";
            return Err(DeviceError { device: self.name(), what: fault, cure: cure.to_owned() });
        }
        self.failed = 0;
        let now = self.clock.utc().0;
        shots.resize_with(frames, || Shot { taken: now, jpeg: Err(fault.clone()) });
        Ok(shots)
    }

    fn idle(&mut self) {
        self.keep_warm();
    }
}

impl Adjusts for StillCamera {
    fn adjust(&mut self, words: &[String]) {
        if self.options.command == words {
            return;
        }
        self.options.command = words.to_vec();
        self.end();
        self.keep_warm();
    }

    fn lit(&mut self) {
        // Every picture is taken after its signal; the lamp's `settle` covers the frames that are on their way by then.
    }
}

impl Drop for StillCamera {
    fn drop(&mut self) {
        self.end();
    }
}
