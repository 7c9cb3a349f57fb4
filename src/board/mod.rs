//! `boards/*.toml` to opened devices: a board is data, and its profile says which drivers stand for which seam.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::drivers::bench::{BenchCamera, BenchClock, BenchTrigger, Script, Stage};
use crate::drivers::pir::{GpioLines, Pir, output};
use crate::drivers::spool::{self, SpoolTrigger};
use crate::drivers::stream::{Reboots, Recovery, StreamCamera};
use crate::drivers::system_clock::SystemClock;
use crate::drivers::trigger::{Asked, Combined, Rule, Storm, Timer};
use crate::hal::{Camera, Clock, DeviceError, Trigger};

mod energy;
mod find;
mod profile;
mod raw;

pub use energy::{Energy, Figure};
pub use find::{AUTO, BoardError, DEVICE_TREE, detect, find};
pub use profile::{CameraDriver, ClockDriver, Profile, Stream, TriggerDriver};

/// Longest time that a program may take to bring the camera back.
const RECOVER: Duration = Duration::from_secs(20);

/// A board's devices, open.
pub struct Board {
    /// Says when to take a burst.
    pub trigger: Box<dyn Trigger>,
    /// Takes it.
    pub camera: Box<dyn Camera>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What the bench plays, where a bench device is among them: it knows the truth.
    pub script: Option<Arc<Script>>,
    /// Whether there is no hardware behind it at all.
    pub bench: bool,
    /// Set to have a burst taken at once; the bench does not look at it.
    pub asked: Arc<AtomicBool>,
    /// Set by a camera that nothing but a restart of the system may bring back.
    pub reboot: Arc<AtomicBool>,
}

/// Finds the profile called `name` (see [`find`]) and opens its devices.
pub fn open(name: &str, folder: &Path) -> Result<Board, BoardError> {
    open_profile(&find(name, folder)?)
}

/// Opens the devices of `profile`.
pub fn open_profile(profile: &Profile) -> Result<Board, BoardError> {
    let (asked, reboot) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    if profile.trigger == TriggerDriver::Bench {
        let script = Arc::new(Script::new(&profile.bench));
        let stage = Stage::new(&script);
        let clock: Arc<dyn Clock> = match profile.clock {
            ClockDriver::Bench => Arc::new(BenchClock::new(Arc::clone(&stage))),
            ClockDriver::System => Arc::new(SystemClock::new()),
        };
        let (played, time) = (Arc::clone(&script), Arc::clone(&clock));
        let trigger = BenchTrigger::new(
            Arc::clone(&script),
            Arc::clone(&stage),
            Arc::clone(&clock),
            profile.bench.pace,
        );
        let camera = BenchCamera::new(script, stage, time, profile.bench.faults);
        let (trigger, camera) = (Box::new(trigger), Box::new(camera));
        return Ok(Board { trigger, camera, clock, script: Some(played), bench: true, asked, reboot });
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (spooled, camera): (Option<SpoolTrigger>, Box<dyn Camera>) = match profile.camera {
        CameraDriver::Spool => {
            let (trigger, camera) = spool::spool(profile.spool.clone(), Arc::clone(&clock));
            (Some(trigger), Box::new(camera))
        }
        _ => (None, Box::new(stream(&profile.stream, &clock, &reboot)?)),
    };
    let trigger: Box<dyn Trigger> = match spooled {
        Some(spooled) => Box::new(spooled),
        None => watch(profile, &clock, &asked)?,
    };
    Ok(Board { trigger, camera, clock, script: None, bench: false, asked, reboot })
}

/// The sensor of `profile` alone, believed from now on: no warm-up, no hold-off, no budget. `None`: it has none.
pub fn sensor(profile: &Profile, clock: &Arc<dyn Clock>) -> Result<Option<Box<dyn Trigger>>, DeviceError> {
    if profile.trigger != TriggerDriver::Pir {
        return Ok(None);
    }
    let (wiring, mut options) = profile.pir.clone();
    (options.warm_up, options.hold_off) = (Duration::ZERO, Duration::ZERO);
    Ok(Some(Box::new(Pir::new(GpioLines::open(&wiring)?, options, Arc::clone(clock)))))
}

/// The camera of `profile` alone; `None`: it takes no pictures of its own accord.
pub fn camera(profile: &Profile, clock: &Arc<dyn Clock>) -> Result<Option<Box<dyn Camera>>, DeviceError> {
    match profile.camera {
        CameraDriver::Spool => Ok(None),
        // It shows what its trigger has set the scene for.
        CameraDriver::Bench => match open_profile(profile) {
            Ok(mut board) => board.trigger.wait(Duration::ZERO).map(|_| Some(board.camera)),
            Err(BoardError::Device(fault)) => Err(fault),
            Err(_) => Ok(None),
        },
        _ => Ok(Some(Box::new(stream(&profile.stream, clock, &Arc::new(AtomicBool::new(false)))?))),
    }
}

/// The pictures of the first burst of the bench, `width` pixels wide, to try networks with.
pub fn bench_burst(frames: usize, width: u32) -> Result<Vec<Vec<u8>>, BoardError> {
    let mut profile = find("bench", Path::new(""))?;
    (profile.bench.scenery.width, profile.bench.scenery.height) = (width, width * 3 / 4);
    let mut board = open_profile(&profile)?;
    board.trigger.wait(Duration::ZERO)?;
    let shots = board.camera.burst(frames, Duration::from_secs(1))?;
    Ok(shots.into_iter().filter_map(|shot| shot.jpeg.ok()).collect())
}

/// The PIR within its budget, the time-lapse and whoever asks, as one.
fn watch(
    profile: &Profile,
    clock: &Arc<dyn Clock>,
    asked: &Arc<AtomicBool>,
) -> Result<Box<dyn Trigger>, DeviceError> {
    let mut members: Vec<Box<dyn Trigger>> = vec![Box::new(Asked::new(Arc::clone(asked), Arc::clone(clock)))];
    if profile.trigger == TriggerDriver::Pir {
        let (wiring, options) = &profile.pir;
        let pir = Pir::new(GpioLines::open(wiring)?, *options, Arc::clone(clock));
        members.push(match profile.storm {
            Some(limits) => Box::new(Storm::new(pir, limits, Arc::clone(clock))),
            None => Box::new(pir),
        });
    }
    if let Some(every) = profile.timer {
        members.push(Box::new(Timer::new(every, Arc::clone(clock))));
    }
    Ok(Box::new(Combined::new(members, Rule::Any, Duration::ZERO, Arc::clone(clock))))
}

/// The camera program with what brings it back.
fn stream(
    chosen: &Stream,
    clock: &Arc<dyn Clock>,
    reboot: &Arc<AtomicBool>,
) -> Result<StreamCamera, DeviceError> {
    let mut switch = match &chosen.power {
        Some((spot, active_low, off)) => Some((output(spot, *active_low)?, *off)),
        None => None,
    };
    let program = chosen.recover.clone();
    let recover = move || {
        if let Some((switch, off)) = &mut switch {
            let failed = |error: std::io::Error| format!("its power line does not switch: {error}");
            switch(false).map_err(failed)?;
            std::thread::sleep(*off);
            switch(true).map_err(failed)?;
        }
        if program.is_empty() { Ok(()) } else { call(&program) }
    };
    let recovery: Recovery = Arc::new(Mutex::new(match (&chosen.power, chosen.recover.is_empty()) {
        (None, true) => None,
        _ => Some(Box::new(recover)),
    }));
    let (per_day, after, ledger) = chosen.reboots.clone();
    let reboots = Reboots { ledger, per_day, after, wish: Arc::clone(reboot) };
    Ok(StreamCamera::new(chosen.options.clone(), Arc::clone(clock), recovery, Some(reboots)))
}

/// Runs a program to its end, [`RECOVER`] at most.
fn call(command: &[String]) -> Result<(), String> {
    let (program, arguments) = command.split_first().ok_or("no program is named")?;
    let quiet = || Stdio::null();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .spawn()
        .map_err(|error| format!("{program} does not start: {error}"))?;
    let begun = Instant::now();
    while begun.elapsed() < RECOVER {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{program} ended with {status}")),
            Ok(None) => std::thread::sleep(Duration::from_millis(50)),
            Err(error) => return Err(format!("{program}: {error}")),
        }
    }
    // It is left to itself where it cannot be ended; waiting for it would hold up the camera.
    let _ = child.kill();
    Err(format!("{program} took longer than {} s", RECOVER.as_secs()))
}
