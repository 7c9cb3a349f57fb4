//! What wakes a board's machine, to be asked.

use std::path::Path;

use super::Profile;
use super::profile::{Power, Wired};
use crate::drivers::rtc_alarm::RtcAlarm;
use crate::drivers::wake::{Late, Opener, pijuice, witty};
use crate::hal::{DeviceError, PowerControl};

/// What wakes the machine of `profile`; the bench's is opened with its other devices.
pub fn alarm(profile: &Profile) -> Option<Box<dyn PowerControl>> {
    let late =
        |name, open: Opener| -> Option<Box<dyn PowerControl>> { Some(Box::new(Late::new(name, open))) };
    match profile.power.clone() {
        Power::Rtc { name, rest } => Some(Box::new(RtcAlarm::new(Path::new("/sys"), &name, rest))),
        Power::WittyPi(wired) => late(witty::NAME, Box::new(move || chip::witty(&wired))),
        Power::PiJuice(wired) => late(pijuice::NAME, Box::new(move || chip::pijuice(&wired))),
        Power::None | Power::Outside | Power::Bench => None,
    }
}

/// Boards on a bus of the kernel.
#[cfg(target_os = "linux")]
mod chip {
    use linux_embedded_hal::Delay;

    use super::*;
    use crate::drivers::i2c;
    use crate::drivers::wake::pijuice::PiJuice;
    use crate::drivers::wake::witty::Witty;

    pub(super) fn witty(at: &Wired) -> Result<Box<dyn PowerControl>, DeviceError> {
        let bus = i2c::open(&at.bus, at.address, witty::NAME)?;
        Ok(Box::new(Witty::new(bus, Delay, at.address)))
    }

    pub(super) fn pijuice(at: &Wired) -> Result<Box<dyn PowerControl>, DeviceError> {
        let bus = i2c::open(&at.bus, at.address, pijuice::NAME)?;
        Ok(Box::new(PiJuice::new(bus, Delay, at.address)))
    }
}

#[cfg(not(target_os = "linux"))]
mod chip {
    use super::*;

    fn none(at: &Wired) -> Result<Box<dyn PowerControl>, DeviceError> {
        Err(DeviceError {
            device: at.bus.display().to_string(),
            what: "only Linux has I2C buses".to_owned(),
            cure: "run it on the board".to_owned(),
        })
    }

    pub(super) fn witty(at: &Wired) -> Result<Box<dyn PowerControl>, DeviceError> {
        none(at)
    }

    pub(super) fn pijuice(at: &Wired) -> Result<Box<dyn PowerControl>, DeviceError> {
        none(at)
    }
}
