//! A board's satellite receiver, to be asked.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::Profile;
use crate::drivers::gpio::{GpioLine, LineName, Switch};
use crate::drivers::gps::Receiver;
use crate::drivers::serial::Port;
use crate::drivers::serial::uart::Uart;
use crate::hal::{DeviceError, Locator};

/// Drivers of the satellite receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GpsDriver {
    /// There is none.
    #[default]
    None,
    /// [`Receiver`].
    Nmea,
}

/// A satellite receiver, and how often it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpsWiring {
    /// The serial port.
    pub port: PathBuf,
    /// Bits per second.
    pub baud: u32,
    /// The line that gives it power; `None`: it always has.
    pub power: Option<LineName>,
    /// Decimal places of the degrees that are told.
    pub decimals: u8,
    /// Between two fixes.
    pub every: Duration,
    /// Longest time that a fix is waited for.
    pub wait: Duration,
    /// After an attempt that failed, so long until the next.
    pub again: Duration,
}

/// The satellite receiver of `profile`; `None`: it has none. Its port opens when it is asked, for a receiver that is
/// not there keeps no trap from its watch. An error: its power line cannot be had.
pub fn locator(profile: &Profile) -> Result<Option<Box<dyn Locator>>, DeviceError> {
    let Some(wiring) = profile.gps.clone() else { return Ok(None) };
    let power = match &wiring.power {
        Some(name) => Some(Box::new(GpioLine::open(name, "trapline gps", false)?) as Box<dyn Switch>),
        None => None,
    };
    let (path, baud) = (wiring.port.display().to_string(), wiring.baud);
    let name = format!("satellite receiver on {path}");
    let open = move || Uart::open(&path, baud).map(|port| Box::new(port) as Box<dyn Port>);
    Ok(Some(Box::new(Receiver::new(&name, Box::new(open), power, wiring.decimals))))
}
