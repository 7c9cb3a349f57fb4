//! Keys of the gauges: battery, light sensor.

use std::path::PathBuf;
use std::time::Duration;

use super::super::gauges::{BatteryDriver, BatteryWiring, LightWiring};
use super::super::raw::{RawBattery, RawLight};
use super::super::{BoardError, Chemistry};
use super::Check;
use crate::drivers::battery::Shunt;
use crate::drivers::bench::Step;

impl Check<'_> {
    pub fn battery(&self, raw: &RawBattery) -> Result<BatteryWiring, BoardError> {
        if raw.driver == BatteryDriver::Hwmon && raw.name.is_empty() {
            return Err(self.refused(
                "battery.name",
                "empty",
                "the chip's name (cat /sys/class/hwmon/*/name)",
            ));
        }
        let cells = self.whole("battery.cells", raw.cells, 1..=24)?;
        let chemistry = match raw.chemistry.as_str() {
            "" => None,
            name => Some(Chemistry::parse(name).ok_or_else(|| {
                let names = Chemistry::ALL.map(Chemistry::as_str).join(", ");
                self.refused("battery.chemistry", format!("\"{name}\""), names)
            })?),
        };
        Ok(BatteryWiring {
            driver: raw.driver,
            bus: self.bus("battery.bus", &raw.bus)?,
            // 0: the usual one. Beyond 0x77 and below 0x08 addresses are reserved.
            address: match raw.address {
                0 => 0,
                address => self.whole("battery.address", address, 0x08..=0x77)?,
            },
            shunt: Shunt {
                milliohms: self.whole("battery.shunt_mohm", raw.shunt_mohm, 1..=10_000)?,
                reversed: raw.shunt_reversed,
            },
            name: raw.name.clone(),
            inputs: (
                self.whole("battery.input", raw.input, 0..=99)?,
                self.whole("battery.current", raw.current, 1..=99)?,
            ),
            cells: chemistry.map(|chemistry| (chemistry, cells)),
            milliohms: self.whole("battery.cell_mohm", raw.cell_mohm, 0..=5000)?,
            every: self.seconds("battery.every_s", raw.every_s, 1..=3600)?,
        })
    }

    pub fn light_sensor(&self, raw: &RawLight) -> Result<LightWiring, BoardError> {
        Ok(LightWiring {
            driver: raw.sensor,
            bus: self.bus("light.sensor_bus", &raw.sensor_bus)?,
            address: self.whole("light.sensor_address", raw.sensor_address, 0x08..=0x77)?,
            name: raw.sensor_name.clone(),
        })
    }

    pub fn bus(&self, key: &'static str, bus: &str) -> Result<PathBuf, BoardError> {
        if bus.starts_with("/dev/i2c-") {
            return Ok(PathBuf::from(bus));
        }
        Err(self.refused(key, format!("\"{bus}\""), "/dev/i2c- and its number (i2cdetect -l)"))
    }

    /// Steps of the bench's battery: `hours:percent` or `hours:fails`, in the order of their times.
    pub fn bench_battery(&self, steps: &[String]) -> Result<Vec<Step>, BoardError> {
        let step = |text: &String| -> Option<Step> {
            let (hours, percent) = text.split_once(':')?;
            let hours: f64 = hours.parse().ok().filter(|hours| (0.0..=87_600.0).contains(hours))?;
            let percent = match percent {
                "fails" => None,
                percent => Some(percent.parse().ok().filter(|percent| *percent <= 100)?),
            };
            Some((Duration::from_secs_f64(hours * 3600.0), percent))
        };
        let mut read: Vec<Step> = Vec::new();
        for text in steps {
            let step = step(text).filter(|step| read.last().is_none_or(|last| last.0 < step.0));
            read.push(step.ok_or_else(|| {
                let allowed = "hours:percent or hours:fails, in the order of their times, as \"6:25\"";
                self.refused("bench.battery.steps", format!("\"{text}\""), allowed)
            })?);
        }
        Ok(read)
    }
}
