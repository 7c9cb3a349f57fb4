//! A board's camera, open, with what brings it back.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{BoardError, CameraDriver, Profile, SharedGauges, Stream};
use crate::drivers::gpio::{GpioLine, LineName, Switch};
use crate::drivers::light::{Adjusts, ByLight, Filter};
use crate::drivers::still::{self, StillCamera};
use crate::drivers::stream::{Eyes, Program, Reboots, Recovery, Source, StreamCamera};
use crate::drivers::v4l2::V4l2;
use crate::hal::{Camera, Clock, DeviceError, Place};

/// Longest time that a program may take to bring the camera back.
const RECOVER: Duration = Duration::from_secs(20);

/// The camera of `profile` at `place`, and what looks at its pictures between bursts, where it is a stream.
pub(super) fn open(
    profile: &Profile,
    clock: &Arc<dyn Clock>,
    reboot: &Arc<AtomicBool>,
    place: &Place,
    gauges: &SharedGauges,
) -> Result<(Box<dyn Camera>, Option<Eyes>), DeviceError> {
    let chosen = &profile.stream;
    let (recovery, reboots) = ladder(chosen, reboot)?;
    if let Some(folder) = &chosen.files {
        let camera = still(chosen, folder, clock, recovery, reboots);
        return Ok((by_light(camera, profile, clock, place, gauges)?, None));
    }
    let camera = stream(chosen, clock, recovery, reboots);
    let eyes = Some(camera.eyes());
    Ok((by_light(camera, profile, clock, place, gauges)?, eyes))
}

/// The camera of `profile` alone, at `place`; `None`: it takes no pictures of its own accord.
pub fn alone(
    profile: &Profile,
    clock: &Arc<dyn Clock>,
    place: &Place,
) -> Result<Option<Box<dyn Camera>>, DeviceError> {
    match profile.camera {
        CameraDriver::Spool => Ok(None),
        // It shows what its trigger has set the scene for.
        CameraDriver::Bench => match super::open_profile(profile, place) {
            Ok(mut board) => board.trigger.wait(Duration::ZERO).map(|_| Some(board.camera)),
            Err(BoardError::Device(fault)) => Err(fault),
            Err(_) => Ok(None),
        },
        _ => {
            let (reboot, gauges) = (Arc::new(AtomicBool::new(false)), super::gauges(profile, clock));
            open(profile, clock, &reboot, place, &gauges).map(|(camera, _)| Some(camera))
        }
    }
}

/// The camera with its lamp and its filter, where it has any or is set by the light.
fn by_light<C: Adjusts + 'static>(
    camera: C,
    profile: &Profile,
    clock: &Arc<dyn Clock>,
    place: &Place,
    gauges: &SharedGauges,
) -> Result<Box<dyn Camera>, DeviceError> {
    let Some(light) = &profile.light else { return Ok(Box::new(camera)) };
    let line = |name: &LineName, user: &str| -> Result<Box<dyn Switch>, DeviceError> {
        Ok(Box::new(GpioLine::open(name, user, false)?))
    };
    let lamp = light.lamp.as_ref().map(|name| line(name, "trapline lamp")).transpose()?;
    let (lines, pulse) = &light.filter;
    let filter = match lines.as_slice() {
        [held] => Filter::Held(line(held, "trapline filter")?),
        [into, out, ..] => {
            Filter::Pulsed(line(into, "trapline filter in")?, line(out, "trapline filter out")?, *pulse)
        }
        [] => Filter::None,
    };
    let options = light.options.clone();
    let camera = ByLight::new(camera, options, Arc::clone(clock), place.clone(), lamp, filter);
    Ok(Box::new(camera.sees(Arc::clone(gauges))))
}

/// What brings a camera back, and when to give it up.
fn ladder(chosen: &Stream, reboot: &Arc<AtomicBool>) -> Result<(Recovery, Reboots), DeviceError> {
    let mut switch = match &chosen.power {
        Some((line, off)) => Some((GpioLine::open(line, "trapline camera", true)?, *off)),
        None => None,
    };
    let program = chosen.recover.clone();
    let recover = move || {
        if let Some((switch, off)) = &mut switch {
            let failed = |error: std::io::Error| format!("its power line does not switch: {error}");
            switch.off().map_err(failed)?;
            std::thread::sleep(*off);
            switch.on().map_err(failed)?;
        }
        if program.is_empty() { Ok(()) } else { call(&program) }
    };
    let recovery: Recovery = Arc::new(Mutex::new(match (&chosen.power, chosen.recover.is_empty()) {
        (None, true) => None,
        _ => Some(Box::new(recover)),
    }));
    let (per_day, after, ledger) = chosen.reboots.clone();
    Ok((recovery, Reboots { ledger, per_day, after, wish: Arc::clone(reboot) }))
}

/// A camera that writes a file for each picture.
fn still(
    chosen: &Stream,
    folder: &Path,
    clock: &Arc<dyn Clock>,
    recovery: Recovery,
    reboots: Reboots,
) -> StillCamera {
    let of = &chosen.options;
    let options = still::Options {
        command: of.command.clone(),
        folder: folder.to_owned(),
        most: of.ring as u64,
        warm: of.warm,
        settle: Duration::from_secs(of.settle.into()) / chosen.rate,
        start: of.start,
        frame: of.frame,
        burst: of.burst,
    };
    StillCamera::new(options, Arc::clone(clock), recovery, Some(reboots))
}

/// A camera that is a stream.
fn stream(chosen: &Stream, clock: &Arc<dyn Clock>, recovery: Recovery, reboots: Reboots) -> StreamCamera {
    let (options, clock) = (chosen.options.clone(), Arc::clone(clock));
    let source: Arc<dyn Source> = match &chosen.device {
        Some(wanted) => Arc::new(V4l2::new(wanted.clone())),
        None => Arc::new(Program::new(options.command.clone())),
    };
    StreamCamera::of(source, options, clock, recovery, Some(reboots))
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
