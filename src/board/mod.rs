//! `boards/*.toml` to opened devices: a board is data, and its profile says which drivers stand for which seam.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::drivers::bench::{BenchAlarm, BenchCamera, BenchClock, BenchTrigger, Script, Stage};
use crate::drivers::spool;
use crate::drivers::system_clock::SystemClock;
use crate::drivers::trigger::Wishes;
use crate::hal::{Camera, Clock, Place, PowerControl, Trigger};

mod camera;
mod check;
mod energy;
mod find;
mod gauges;
mod gps;
mod power;
mod profile;
mod raw;
mod watch;

pub use crate::drivers::battery::Chemistry;
pub use camera::alone as camera;
pub use energy::{Energy, Figure};
pub use find::{AUTO, BoardError, DEVICE_TREE, detect, find};
pub use gauges::{BatteryDriver, BatteryWiring, LightDriver, LightWiring, SharedGauges, gauges};
pub use gps::{GpsDriver, GpsWiring, locator};
pub use power::alarm;
pub use profile::{
    CameraDriver, ClockDriver, Light, Power, PowerDriver, Profile, Stream, TriggerDriver, Wired,
};
pub use watch::sensor;

/// A board's devices, open.
pub struct Board {
    /// Says when to take a burst.
    pub trigger: Box<dyn Trigger>,
    /// Takes it.
    pub camera: Box<dyn Camera>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Tells how the trap is; one reader for all who ask.
    pub gauges: SharedGauges,
    /// What the bench plays, where a bench device is among them: it knows the truth.
    pub script: Option<Arc<Script>>,
    /// Wakes the machine when it is off, and cuts its power; `None`: nothing does.
    pub power: Option<Box<dyn PowerControl>>,
    /// Whether there is no hardware behind it at all.
    pub bench: bool,
    /// Takes wishes for a burst; the bench and the spool refuse all.
    pub asked: Arc<Wishes>,
    /// Set by a camera that nothing but a restart of the system may bring back.
    pub reboot: Arc<AtomicBool>,
}

/// Finds the profile called `name` (see [`find`]) and opens its devices, which stand at `place`.
pub fn open(name: &str, folder: &Path, place: &Place) -> Result<Board, BoardError> {
    open_profile(&find(name, folder)?, place)
}

/// Opens the devices of `profile`, which stand at `place`.
pub fn open_profile(profile: &Profile, place: &Place) -> Result<Board, BoardError> {
    let reboot = Arc::new(AtomicBool::new(false));
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
        let camera = BenchCamera::new(script, Arc::clone(&stage), time, profile.bench.faults);
        let (trigger, camera) = (Box::new(trigger), Box::new(camera));
        let asked = Wishes::refused(Arc::clone(&clock));
        let power: Option<Box<dyn PowerControl>> = match &profile.power {
            Power::Bench => Some(Box::new(BenchAlarm::new(Arc::clone(&stage), profile.bench.alarm))),
            _ => alarm(profile),
        };
        let gauges = gauges(profile, &clock);
        let script = Some(played);
        return Ok(Board { trigger, camera, clock, gauges, script, power, bench: true, asked, reboot });
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let gauges = gauges(profile, &clock);
    let asked = match profile.camera {
        CameraDriver::Spool => Wishes::refused(Arc::clone(&clock)),
        _ => Wishes::new(profile.storm, Arc::clone(&clock)),
    };
    let (trigger, camera): (Box<dyn Trigger>, Box<dyn Camera>) = match profile.camera {
        CameraDriver::Spool => {
            let (trigger, camera) = spool::spool(profile.spool.clone(), Arc::clone(&clock));
            (Box::new(trigger), Box::new(camera))
        }
        _ => {
            let (camera, eyes) = camera::open(profile, &clock, &reboot, place, &gauges)?;
            (watch::watch(profile, &clock, &asked, eyes)?, camera)
        }
    };
    let power = alarm(profile);
    Ok(Board { trigger, camera, clock, gauges, script: None, power, bench: false, asked, reboot })
}

/// The pictures of the first burst of the bench, `width` pixels wide, to try networks with.
pub fn bench_burst(frames: usize, width: u32) -> Result<Vec<Vec<u8>>, BoardError> {
    let mut profile = find("bench", Path::new(""))?;
    (profile.bench.scenery.width, profile.bench.scenery.height) = (width, width * 3 / 4);
    let mut board = open_profile(&profile, &Place::default())?;
    board.trigger.wait(Duration::ZERO)?;
    let shots = board.camera.burst(frames, Duration::from_secs(1))?;
    Ok(shots.into_iter().filter_map(|shot| shot.jpeg.ok()).collect())
}
