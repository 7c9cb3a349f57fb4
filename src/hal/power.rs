//! The seams of power: what is left in the battery, who wakes a trap that is off, and what else a housing can tell.
//!
//! Sleeping is dangerous: a trap that goes off and is not woken is lost until somebody walks there. So an alarm is
//! given as a time from now, by the controller's own clock, is read back from the device, and only then believed.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::DeviceError;

/// What a battery gauge reads. What it cannot tell is `None`, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charge {
    /// Millivolts at the battery.
    pub millivolts: Option<u16>,
    /// Milliamperes out of the battery; negative while it is charged.
    pub milliamps: Option<i32>,
    /// State of charge, 0 to 100 percent; from the gauge itself or from the chemistry's curve.
    pub percent: Option<u8>,
}

/// Reads the battery.
pub trait Battery: Send {
    /// What is left. A bus that fails, a chip that is not the one expected and a value that cannot be are errors.
    fn read(&mut self) -> Result<Charge, DeviceError>;
}

/// Measures light.
pub trait LightSensor: Send {
    /// Lux.
    fn lux(&mut self) -> Result<f32, DeviceError>;
}

/// What the computer says of its own supply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strain {
    /// The supply is too low now.
    pub under_voltage: bool,
    /// The supply was too low since the start.
    pub under_voltage_before: bool,
    /// The processor is slowed down now.
    pub throttled: bool,
    /// The processor was slowed down since the start.
    pub throttled_before: bool,
}

/// Why the machine has power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Woken {
    /// The controller does not say.
    #[default]
    Unknown,
    /// The alarm that was set.
    Alarm,
    /// The battery came back above its limit.
    Recovered,
    /// Somebody: a button, a cable.
    Hand,
}

/// What is to follow a hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    /// The system has to shut down now.
    GoesOff,
    /// The machine slept and is awake again.
    Slept,
}

/// A fix of a satellite receiver.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fix {
    /// UTC as the satellites tell it, for the moment it is given.
    pub utc: DateTime<Utc>,
    /// Degrees north and east, rounded as the board asks; `None`: the time is known and the place is not.
    pub place: Option<(f64, f64)>,
}

/// What a satellite receiver said while it was listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sky {
    /// Sentences that were whole.
    pub sentences: u64,
    /// Sentences that were cut, or whose checksum was wrong or missing.
    pub damaged: u64,
    /// Satellites that it used last; `None`: it did not say.
    pub satellites: Option<u32>,
}

/// Tells the place and the time by satellite.
pub trait Locator: Send {
    /// A fix no older than a second or two; waits at most `wait`. `Ok(None)`: there is none yet; ask again. It has power
    /// from the first call on, until [`Locator::rest`].
    fn fix(&mut self, wait: Duration) -> Result<Option<Fix>, DeviceError>;

    /// It is not needed for a while: its power is cut, where there is a pin for that.
    fn rest(&mut self) {}

    /// What it said so far.
    fn sky(&self) -> Sky {
        Sky::default()
    }
}

/// Wakes a trap that is off, and cuts its power.
///
/// The order is: [`PowerControl::greet`] at every start; before going off [`PowerControl::arm`], then
/// [`PowerControl::armed`] as often as wanted; [`PowerControl::hand_over`] last, with the system's own shut-down right
/// after it. Nobody hands over without an alarm that was read back.
pub trait PowerControl: Send {
    /// Its name in messages.
    fn name(&self) -> &str;

    /// Tells the controller that the system is up, and sets again what it forgets at every start.
    fn greet(&mut self) -> Result<(), DeviceError> {
        Ok(())
    }

    /// Why the machine has power.
    fn woken(&mut self) -> Result<Woken, DeviceError> {
        Ok(Woken::Unknown)
    }

    /// Longest time from now that an alarm can be set to.
    fn longest(&self) -> Duration;

    /// Sets the alarm to `after` from now and gives what the device says, read back, is left until it fires. Refuses a
    /// time that is zero or longer than [`PowerControl::longest`], and a clock of the controller that does not run.
    fn arm(&mut self, after: Duration) -> Result<Duration, DeviceError>;

    /// Time left until the alarm fires, read from the device; `None`: none is set, or it lies in the past.
    fn armed(&mut self) -> Result<Option<Duration>, DeviceError>;

    /// Takes the alarm back.
    fn disarm(&mut self) -> Result<(), DeviceError>;

    /// The system goes off right after this: the power is to be cut then, where the controller needs to be told.
    /// [`Handed::Slept`]: the machine has slept meanwhile and is awake again, nothing is to be switched off.
    fn hand_over(&mut self) -> Result<Handed, DeviceError> {
        Ok(Handed::GoesOff)
    }

    /// Whether [`PowerControl::hand_over`] sleeps in its place.
    fn sleeps_in_place(&self) -> bool {
        false
    }

    /// Whether it has a clock of its own that nobody else reads: the kernel's are read by the system.
    fn tells_time(&self) -> bool {
        false
    }

    /// The controller's own clock; `None`: it has none, or lost the time, or nobody knows in what zone it is.
    fn time(&mut self) -> Result<Option<DateTime<Utc>>, DeviceError> {
        Ok(None)
    }

    /// Sets the controller's own clock, where it has one.
    fn set_time(&mut self, _utc: DateTime<Utc>) -> Result<(), DeviceError> {
        Ok(())
    }
}
