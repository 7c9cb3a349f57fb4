//! The seams to the outside, traits and what they share. Each trait has a real driver and a bench driver in `drivers`.

mod place;
mod power;
mod uplink;

pub use place::Place;
pub use power::{Battery, Charge, Fix, Handed, LightSensor, Locator, PowerControl, Sky, Strain, Woken};
pub use uplink::{
    Downlink, Dues, Form, Link, NetworkTime, Parcel, Receipt, Signal, Subject, Uplink, UplinkError,
};

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use crate::event::Source;
use crate::units::ClockQuality;

/// Why a device did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{device}: {what}; {cure}")]
pub struct DeviceError {
    /// Which device, as the board profile names it.
    pub device: String,
    /// What failed.
    pub what: String,
    /// What a technician can do about it.
    pub cure: String,
}

/// Something moved in front of the trap, or it is time for a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triggered {
    /// When, by the trap's clock.
    pub at: DateTime<Utc>,
    /// Who asked.
    pub source: Source,
    /// More exactly: the lines of the PIRs that saw it (`GPIO17`, `GPIO17 + GPIO27`), or who it was that asked.
    pub detail: Option<Arc<str>>,
    /// Triggers swallowed since the last one given (storm control, hold-off): they are effort and must be counted.
    pub suppressed: u32,
}

/// What a trigger has used up of its rules, to be kept over restarts. All in milliseconds, counted from the moment it is
/// told: by what clock, is the reader's to know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Spent {
    /// Whose it is, one of a kind in a trap.
    pub name: String,
    /// Ages of the bursts of the last hour, oldest first.
    pub given: Vec<u64>,
    /// Bursts in the bucket, in thousandths.
    pub tokens: u64,
    /// The pause after a burst, as long as it has grown.
    pub cool_down: u64,
    /// Age of the last trigger, given or not.
    pub heard: Option<u64>,
    /// What is left of a hold-off.
    pub held: u64,
}

impl Spent {
    /// The name of a sensor's hold-off.
    const HOLD_OFF: &str = "hold-off";

    /// What is left at `now` of a hold-off that began when a sensor `fired`; nothing where none is.
    pub fn held_off(fired: Option<Duration>, hold_off: Duration, now: Duration) -> Vec<Spent> {
        let left = fired.map_or(Duration::ZERO, |fired| (fired + hold_off).saturating_sub(now));
        let held = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let spent = Spent { name: Spent::HOLD_OFF.to_owned(), held, ..Spent::default() };
        if held > 0 { vec![spent] } else { Vec::new() }
    }

    /// What is left of a sensor's hold-off, `passed` after it was told.
    pub fn held(spent: &[Spent], passed: Duration) -> Duration {
        let ours = spent.iter().find(|spent| spent.name == Spent::HOLD_OFF);
        ours.map_or(Duration::ZERO, |ours| Duration::from_millis(ours.held).saturating_sub(passed))
    }
}

/// Says when to take a burst.
pub trait Trigger: Send {
    /// Waits at most `deadline`; `Ok(None)` when nothing came. A trigger that has no more to give says so by
    /// [`Trigger::exhausted`].
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError>;

    /// True when no trigger will ever come again (a script that ended). A PIR never is.
    fn exhausted(&self) -> bool {
        false
    }

    /// Longest time that this trigger surely stays silent, where it knows (a timer does); `None`: it may fire at any
    /// moment.
    fn silent_for(&self) -> Option<Duration> {
        None
    }

    /// Triggers swallowed that no [`Triggered`] has told of yet; telling them here counts as telling.
    fn take_suppressed(&mut self) -> u32 {
        0
    }

    /// What is used up of its budget and its hold-off, where it has any.
    fn spent(&self) -> Vec<Spent> {
        Vec::new()
    }

    /// Takes up what an earlier run had used up, `passed` after that was told. `cut_short`: that run did not end in order,
    /// and may have taken a burst that nobody noted.
    fn recall(&mut self, _spent: &[Spent], _passed: Duration, _cut_short: bool) {}
}

/// Takes wishes for a burst.
pub trait Asks: Send + Sync {
    /// Asks for a burst in the name of `who`, which the journal keeps with it. False: too many were asked for lately,
    /// or this trap takes none on request.
    fn ask(&self, who: &str) -> bool;
}

impl Trigger for Box<dyn Trigger> {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        (**self).wait(deadline)
    }

    fn exhausted(&self) -> bool {
        (**self).exhausted()
    }

    fn silent_for(&self) -> Option<Duration> {
        (**self).silent_for()
    }

    fn take_suppressed(&mut self) -> u32 {
        (**self).take_suppressed()
    }

    fn spent(&self) -> Vec<Spent> {
        (**self).spent()
    }

    fn recall(&mut self, spent: &[Spent], passed: Duration, cut_short: bool) {
        (**self).recall(spent, passed, cut_short);
    }
}

/// One picture of a burst, as the camera gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shot {
    /// When it was taken, by the trap's clock.
    pub taken: DateTime<Utc>,
    /// JPEG bytes, or why there are none.
    pub jpeg: Result<Vec<u8>, String>,
}

/// Takes bursts.
pub trait Camera: Send {
    /// Takes `frames` pictures `interval` apart. A picture that failed stands in its place with its reason; an
    /// error means that the camera as a whole did not answer.
    fn burst(&mut self, frames: usize, interval: Duration) -> Result<Vec<Shot>, DeviceError>;

    /// Whether it can take a picture of its own accord, to aim by; a folder that others fill cannot.
    fn aims(&self) -> bool {
        true
    }

    /// Nothing is asked of it just now: time to get ready for what comes. Called again and again between triggers.
    fn idle(&mut self) {}

    /// The last burst is in the journal for good: what it was made from is no longer needed.
    fn journaled(&mut self) {}
}

/// Tells the time and how far to trust it.
pub trait Clock: Send + Sync {
    /// Never runs backwards; from an arbitrary start.
    fn monotonic(&self) -> Duration;

    /// The best idea of the time, and its quality.
    fn utc(&self) -> (DateTime<Utc>, ClockQuality);

    /// Takes up a better time and gives how far the clock was behind it (negative: ahead). Records made before keep
    /// their times; the caller journals the difference.
    fn correct(&self, utc: DateTime<Utc>, quality: ClockQuality) -> TimeDelta;
}

/// Reads how the trap is. A gauge that is not there, or that does not answer, gives `None`.
pub trait Gauges: Send {
    /// Battery, millivolts.
    fn battery(&self) -> Option<u16>;

    /// Inside the housing, degrees Celsius.
    fn temperature(&self) -> Option<i8>;

    /// All that is known of the battery; `None`: there is no gauge.
    fn charge(&self) -> Option<Charge> {
        self.battery().map(|millivolts| Charge { millivolts: Some(millivolts), ..Charge::default() })
    }

    /// What the computer says of its supply.
    fn strain(&self) -> Option<Strain> {
        None
    }

    /// Light outside, lux.
    fn light(&self) -> Option<f32> {
        None
    }

    /// Why the last reading of the battery is unknown, where there is a gauge that should know.
    fn fault(&self) -> Option<String> {
        None
    }

    /// Readings of a gauge that failed since the start.
    fn failures(&self) -> u64 {
        0
    }
}

impl<G: Gauges + Sync + ?Sized> Gauges for Arc<G> {
    fn battery(&self) -> Option<u16> {
        (**self).battery()
    }

    fn temperature(&self) -> Option<i8> {
        (**self).temperature()
    }

    fn charge(&self) -> Option<Charge> {
        (**self).charge()
    }

    fn strain(&self) -> Option<Strain> {
        (**self).strain()
    }

    fn light(&self) -> Option<f32> {
        (**self).light()
    }

    fn fault(&self) -> Option<String> {
        (**self).fault()
    }

    fn failures(&self) -> u64 {
        (**self).failures()
    }
}
