//! `boards/*.toml` to opened devices: a board is data, and its profile says which drivers stand for which seam.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::drivers::bench::{BenchCamera, BenchClock, BenchTrigger, Script, Stage};
use crate::drivers::spool;
use crate::drivers::system_clock::SystemClock;
use crate::hal::{Camera, Clock, Trigger};

mod camera;
mod check;
mod energy;
mod find;
mod gauges;
mod profile;
mod raw;
mod watch;

pub use crate::drivers::battery::Chemistry;
pub use camera::alone as camera;
pub use energy::{Energy, Figure};
pub use find::{AUTO, BoardError, DEVICE_TREE, detect, find};
pub use gauges::{BatteryDriver, BatteryWiring, LightDriver, LightWiring, SharedGauges, gauges};
pub use profile::{CameraDriver, ClockDriver, Light, Profile, Stream, TriggerDriver};
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
    /// Whether there is no hardware behind it at all.
    pub bench: bool,
    /// Set to have a burst taken at once; the bench does not look at it.
    pub asked: Arc<AtomicBool>,
    /// Set by a camera that nothing but a restart of the system may bring back.
    pub reboot: Arc<AtomicBool>,
}

/// Finds the profile called `name` (see [`find`]) and opens its devices, which stand at `place` (degrees north and
/// east, where that is known).
pub fn open(name: &str, folder: &Path, place: Option<(f64, f64)>) -> Result<Board, BoardError> {
    open_profile(&find(name, folder)?, place)
}

/// Opens the devices of `profile`, which stand at `place`.
pub fn open_profile(profile: &Profile, place: Option<(f64, f64)>) -> Result<Board, BoardError> {
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
        let gauges = gauges(profile, &clock);
        return Ok(Board {
            trigger,
            camera,
            clock,
            gauges,
            script: Some(played),
            bench: true,
            asked,
            reboot,
        });
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let gauges = gauges(profile, &clock);
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
    Ok(Board { trigger, camera, clock, gauges, script: None, bench: false, asked, reboot })
}

/// The pictures of the first burst of the bench, `width` pixels wide, to try networks with.
pub fn bench_burst(frames: usize, width: u32) -> Result<Vec<Vec<u8>>, BoardError> {
    let mut profile = find("bench", Path::new(""))?;
    (profile.bench.scenery.width, profile.bench.scenery.height) = (width, width * 3 / 4);
    let mut board = open_profile(&profile, None)?;
    board.trigger.wait(Duration::ZERO)?;
    let shots = board.camera.burst(frames, Duration::from_secs(1))?;
    Ok(shots.into_iter().filter_map(|shot| shot.jpeg.ok()).collect())
}
