//! A board's gauges, open, as one reader for everybody who asks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{Chemistry, Profile, TriggerDriver};
use crate::drivers::battery::{Hwmon, Kind, Pack, Shunt, Supply};
use crate::drivers::bench::BenchBattery;
use crate::drivers::gauges::{Housing, Opener};
use crate::drivers::lux::Iio;
use crate::drivers::strain::StrainGauge;
use crate::hal::{Battery, Clock, DeviceError, Gauges, LightSensor};

/// Gauges that threads share.
pub type SharedGauges = Arc<dyn Gauges + Sync>;

/// Drivers of the battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatteryDriver {
    /// The kernel's power supply, where there is one.
    #[default]
    Supply,
    /// A chip that the kernel reads, [`Hwmon`].
    Hwmon,
    /// [`crate::drivers::battery::Ina`].
    Ina219,
    /// The same.
    Ina226,
    /// [`crate::drivers::battery::Witty`].
    Witty,
    /// [`crate::drivers::battery::PiJuice`].
    PiJuice,
    /// There is none.
    None,
}

/// The battery and its gauge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatteryWiring {
    /// Who reads it.
    pub driver: BatteryDriver,
    /// The I2C bus.
    pub bus: PathBuf,
    /// The chip's address; 0: its usual one.
    pub address: u8,
    /// The shunt.
    pub shunt: Shunt,
    /// Name of the supply or of the chip.
    pub name: String,
    /// Numbers of voltage and current of the chip.
    pub inputs: (u8, u8),
    /// What it is made of, and how many in series.
    pub cells: Option<(Chemistry, u8)>,
    /// Inner resistance of a cell, milliohms; 0: a usual one.
    pub milliohms: u16,
    /// Between two readings.
    pub every: Duration,
}

/// Drivers of the light sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LightDriver {
    /// There is none.
    #[default]
    None,
    /// [`crate::drivers::lux::Bh1750`].
    Bh1750,
    /// [`Iio`].
    Iio,
}

/// The light sensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LightWiring {
    /// Who reads it.
    pub driver: LightDriver,
    /// The I2C bus.
    pub bus: PathBuf,
    /// The chip's address.
    pub address: u8,
    /// The kernel's name for it; empty: the first that tells light.
    pub name: String,
}

/// The gauges of `profile`, by `clock`. Nothing is opened before it is asked, and what fails is tried again: a gauge
/// that is dead keeps no trap from its watch.
pub fn gauges(profile: &Profile, clock: &Arc<dyn Clock>) -> SharedGauges {
    let root = Path::new("/sys");
    let wiring = &profile.battery;
    let battery = if profile.trigger == TriggerDriver::Bench && wiring.driver == BatteryDriver::Supply {
        // A laptop's battery is not that of the trap it plays.
        played(profile, clock)
    } else {
        opener(wiring, root)
    };
    let strain = StrainGauge::of_system();
    Arc::new(Housing::new(Arc::clone(clock), wiring.every, battery, light(profile, root), strain, root))
}

/// The bench's own battery, where it has a script.
fn played(profile: &Profile, clock: &Arc<dyn Clock>) -> Option<Opener<dyn Battery>> {
    let steps = profile.bench.battery.clone();
    let clock = Arc::clone(clock);
    (!steps.is_empty())
        .then(|| Box::new(move || boxed(BenchBattery::new(steps.clone(), Arc::clone(&clock)))) as Opener<_>)
}

fn boxed(battery: impl Battery + 'static) -> Result<Box<dyn Battery>, DeviceError> {
    Ok(Box::new(battery))
}

/// How the battery's gauge is opened; `None`: there is none.
fn opener(wiring: &BatteryWiring, root: &Path) -> Option<Opener<dyn Battery>> {
    let supply = Supply::new(root, &wiring.name);
    if wiring.driver == BatteryDriver::None
        || (wiring.driver == BatteryDriver::Supply && wiring.name.is_empty() && !supply.exists())
    {
        return None;
    }
    let (wiring, root) = (wiring.clone(), root.to_owned());
    Some(Box::new(move || boxed(Pack::new(open(&wiring, &root)?, wiring.cells, wiring.milliohms))))
}

/// How the light sensor is opened; `None`: there is none.
fn light(profile: &Profile, root: &Path) -> Option<Opener<dyn LightSensor>> {
    let (wiring, root) = (profile.light_sensor.clone(), root.to_owned());
    match wiring.driver {
        LightDriver::None => None,
        LightDriver::Bh1750 => Some(Box::new(move || chip::bh1750(&wiring))),
        LightDriver::Iio => {
            Some(Box::new(move || Ok(Box::new(Iio::new(&root, &wiring.name)) as Box<dyn LightSensor>)))
        }
    }
}

fn open(wiring: &BatteryWiring, root: &Path) -> Result<Box<dyn Battery>, DeviceError> {
    let (input, current) = wiring.inputs;
    match wiring.driver {
        BatteryDriver::Hwmon => boxed(Hwmon::new(root, &wiring.name, input, current)),
        BatteryDriver::Ina219 => chip::ina(wiring, Kind::Ina219),
        BatteryDriver::Ina226 => chip::ina(wiring, Kind::Ina226),
        BatteryDriver::Witty => chip::witty(wiring),
        BatteryDriver::PiJuice => chip::pijuice(wiring),
        BatteryDriver::Supply | BatteryDriver::None => boxed(Supply::new(root, &wiring.name)),
    }
}

/// Chips on a bus of the kernel.
#[cfg(target_os = "linux")]
mod chip {
    use linux_embedded_hal::Delay;

    use super::*;
    use crate::drivers::battery::{Ina, PIJUICE, PiJuice, WITTY, Witty};
    use crate::drivers::i2c;
    use crate::drivers::lux::Bh1750;

    /// The address of an INA with both its address pins at ground.
    const INA: u8 = 0x40;

    fn at(wiring: &BatteryWiring, usual: u8) -> u8 {
        if wiring.address == 0 { usual } else { wiring.address }
    }

    pub(super) fn ina(wiring: &BatteryWiring, kind: Kind) -> Result<Box<dyn Battery>, DeviceError> {
        let address = at(wiring, INA);
        let bus = i2c::open(&wiring.bus, address, "INA219/226")?;
        boxed(Ina::new(bus, Delay, address, kind, wiring.shunt)?)
    }

    pub(super) fn bh1750(wiring: &LightWiring) -> Result<Box<dyn LightSensor>, DeviceError> {
        let bus = i2c::open(&wiring.bus, wiring.address, "BH1750")?;
        Ok(Box::new(Bh1750::new(bus, Delay, wiring.address)))
    }

    pub(super) fn witty(wiring: &BatteryWiring) -> Result<Box<dyn Battery>, DeviceError> {
        let address = at(wiring, WITTY);
        boxed(Witty::new(i2c::open(&wiring.bus, address, "Witty Pi 4")?, address)?)
    }

    pub(super) fn pijuice(wiring: &BatteryWiring) -> Result<Box<dyn Battery>, DeviceError> {
        let address = at(wiring, PIJUICE);
        boxed(PiJuice::new(i2c::open(&wiring.bus, address, "PiJuice")?, address)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod chip {
    use super::*;

    pub(super) fn bh1750(wiring: &LightWiring) -> Result<Box<dyn LightSensor>, DeviceError> {
        none(&wiring.bus)
    }

    fn none<T: ?Sized>(bus: &Path) -> Result<Box<T>, DeviceError> {
        Err(DeviceError {
            device: bus.display().to_string(),
            what: "only Linux has I2C buses".to_owned(),
            cure: "run it on the board".to_owned(),
        })
    }

    pub(super) fn ina(wiring: &BatteryWiring, _: Kind) -> Result<Box<dyn Battery>, DeviceError> {
        none(&wiring.bus)
    }

    pub(super) fn witty(wiring: &BatteryWiring) -> Result<Box<dyn Battery>, DeviceError> {
        none(&wiring.bus)
    }

    pub(super) fn pijuice(wiring: &BatteryWiring) -> Result<Box<dyn Battery>, DeviceError> {
        none(&wiring.bus)
    }
}
