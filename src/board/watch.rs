//! A board's triggers, open, as one.

use std::sync::Arc;
use std::time::Duration;

use super::{Profile, TriggerDriver};
use crate::drivers::motion::Motion;
use crate::drivers::pir::{self, Pir};
use crate::drivers::stream::Eyes;
use crate::drivers::trigger::{Asked, Combined, Rule, Storm, Timer, Wishes};
use crate::hal::{Clock, DeviceError, Trigger};

/// The sensor of `profile` alone, believed from now on: no warm-up, no hold-off, no budget. `None`: it has none of its
/// own.
pub fn sensor(profile: &Profile, clock: &Arc<dyn Clock>) -> Result<Option<Box<dyn Trigger>>, DeviceError> {
    if profile.trigger != TriggerDriver::Pir {
        return Ok(None);
    }
    let (wiring, mut options) = profile.pir.clone();
    (options.warm_up, options.hold_off) = (Duration::ZERO, Duration::ZERO);
    Ok(Some(Box::new(Pir::new(pir::open(&wiring)?, options, Arc::clone(clock)))))
}

/// The PIR or motion within its budget, the time-lapse and whoever asks, as one. `eyes` look at the camera's stream.
pub(super) fn watch(
    profile: &Profile,
    clock: &Arc<dyn Clock>,
    asked: &Arc<Wishes>,
    eyes: Option<Eyes>,
) -> Result<Box<dyn Trigger>, DeviceError> {
    let mut members: Vec<Box<dyn Trigger>> = vec![Box::new(Asked::new(Arc::clone(asked), Arc::clone(clock)))];
    let sensor: Option<Box<dyn Trigger>> = match (profile.trigger, eyes) {
        (TriggerDriver::Pir, _) => {
            let (wiring, options) = &profile.pir;
            Some(Box::new(Pir::new(pir::open(wiring)?, *options, Arc::clone(clock))))
        }
        (TriggerDriver::Motion, Some(eyes)) => {
            Some(Box::new(Motion::new(eyes, profile.motion, Arc::clone(clock))))
        }
        _ => None,
    };
    if let Some(sensor) = sensor {
        members.push(match profile.storm {
            Some(limits) => Box::new(Storm::new(sensor, limits, Arc::clone(clock))),
            None => sensor,
        });
    }
    if let Some(every) = profile.timer {
        members.push(Box::new(Timer::new(every, Arc::clone(clock))));
    }
    Ok(Box::new(Combined::new(members, Rule::Any, Duration::ZERO, Arc::clone(clock))))
}
