//! `boards/*.toml` to opened devices: a board is data, and its profile says which drivers stand for which seam.

use std::path::Path;
use std::sync::Arc;

use crate::drivers::bench::{BenchCamera, BenchClock, BenchTrigger, Script, Stage};
use crate::drivers::system_clock::SystemClock;
use crate::hal::{Camera, Clock, Trigger};

mod find;
mod profile;

pub use find::{BoardError, find};
pub use profile::{CameraDriver, ClockDriver, Profile, TriggerDriver};

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
}

/// Finds the profile called `name` (see [`find`]) and opens its devices.
pub fn open(name: &str, folder: &Path) -> Result<Board, BoardError> {
    Ok(open_profile(&find(name, folder)?))
}

/// Opens the devices of `profile`.
pub fn open_profile(profile: &Profile) -> Board {
    let script = Arc::new(Script::new(&profile.bench));
    let stage = Stage::new(&script);
    let clock: Arc<dyn Clock> = match profile.clock {
        ClockDriver::Bench => Arc::new(BenchClock::new(Arc::clone(&stage))),
        ClockDriver::System => Arc::new(SystemClock::new()),
    };
    let trigger = match profile.trigger {
        TriggerDriver::Bench => {
            BenchTrigger::new(Arc::clone(&script), Arc::clone(&stage), Arc::clone(&clock), profile.bench.pace)
        }
    };
    let camera = match profile.camera {
        CameraDriver::Bench => {
            BenchCamera::new(Arc::clone(&script), stage, Arc::clone(&clock), profile.bench.faults)
        }
    };
    Board { trigger: Box::new(trigger), camera: Box::new(camera), clock, script: Some(script) }
}
