//! Light sensors: a BH1750 on I2C, and whatever a driver of the kernel reads as illuminance (a VEML7700 or a TSL2591,
//! whose identity the kernel checks).

use std::fs;
use std::path::{Path, PathBuf};

use bh1750::{BH1750, BH1750Error, Resolution};
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;

use crate::hal::{DeviceError, LightSensor};

/// A BH1750. It has no identity register, and answers to anything: what reads as darkness may be another chip.
pub struct Bh1750<B, D>(BH1750<B, D>);

impl<B: I2c, D: DelayNs> Bh1750<B, D> {
    /// At `address`: 0x23, or 0x5c where its pin ADDR is high.
    pub fn new(bus: B, delay: D, address: u8) -> Self {
        Bh1750(BH1750::new_custom_address(bus, delay, address))
    }
}

impl<B: I2c + Send, D: DelayNs + Send> LightSensor for Bh1750<B, D> {
    /// To a lux, up to 54612 (its data sheet's 65535 / 1.2): full sun is more and reads as that.
    fn lux(&mut self) -> Result<f32, DeviceError> {
        self.0.get_one_time_measurement(Resolution::High).map_err(|error| {
            let what = match error {
                BH1750Error::I2C(error) => format!("it does not answer: {error:?}"),
                BH1750Error::MeasurementTimeOutOfRange => "its measuring time is wrong".to_owned(),
            };
            let cure = "look with i2cdetect -y whether it answers, check its wires and sensor_address in the board profile";
            DeviceError { device: "BH1750".to_owned(), what, cure: cure.to_owned() }
        })
    }
}

/// A sensor of the kernel's industrial I/O (ABI/testing/sysfs-bus-iio).
#[derive(Debug)]
pub struct Iio {
    root: PathBuf,
    name: String,
}

impl Iio {
    /// The first device of this `name` below `root` (on a real system `/sys`); an empty name: the first that tells
    /// light.
    pub fn new(root: &Path, name: &str) -> Self {
        Iio { root: root.join("bus/iio/devices"), name: name.to_owned() }
    }

    /// Lux of a device, ready or from raw steps and their scale.
    fn told(device: &Path) -> Option<f32> {
        let number = |end: &str| {
            let text = fs::read_to_string(device.join(format!("in_illuminance{end}"))).ok()?;
            text.trim().parse::<f32>().ok().filter(|value| value.is_finite())
        };
        if let Some(lux) = number("_input").or_else(|| number("0_input")) {
            return Some(lux);
        }
        let raw = number("_raw").or_else(|| number("0_raw"))?;
        let scale = number("_scale").or_else(|| number("0_scale"))?;
        Some((raw + number("_offset").unwrap_or(0.0)) * scale)
    }
}

impl LightSensor for Iio {
    fn lux(&mut self) -> Result<f32, DeviceError> {
        let mut devices: Vec<PathBuf> =
            fs::read_dir(&self.root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        devices.sort();
        let named = |device: &PathBuf| {
            let name = fs::read_to_string(device.join("name")).unwrap_or_default();
            self.name.is_empty() || name.trim() == self.name
        };
        let lux = devices.into_iter().filter(named).find_map(|device| Iio::told(&device));
        lux.filter(|lux| *lux >= 0.0).ok_or_else(|| DeviceError {
            device: format!("light sensor {}", self.name),
            what: "no such device tells light".to_owned(),
            cure: "look with cat /sys/bus/iio/devices/*/name, and for its overlay in config.txt".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
    use embedded_hal_mock::eh1::delay::NoopDelay;
    use embedded_hal_mock::eh1::i2c::{Mock, Transaction};

    // The BH1750FVI's data sheet, measurement sequence example: 1000_0011 1001_0000 read after the command 0010_0000
    // (one measurement, high resolution) is 33680 / 1.2 = 28067 lux.
    #[test]
    fn the_example_of_the_bh1750s_data_sheet() {
        let script = [
            Transaction::write(0x23, vec![0b0010_0000]),
            Transaction::read(0x23, vec![0b1000_0011, 0b1001_0000]),
        ];
        let bus = Mock::new(&script);
        let mut watched = bus.clone();
        let mut sensor = Bh1750::new(bus, NoopDelay, 0x23);
        assert!((sensor.lux().unwrap() - 28_067.0).abs() < 1.0);
        watched.done();
        let silent = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
        let bus = Mock::new(&[Transaction::write(0x5c, vec![0b0010_0000]).with_error(silent)]);
        let mut watched = bus.clone();
        let said = Bh1750::new(bus, NoopDelay, 0x5c).lux().unwrap_err().to_string();
        assert!(said.contains("does not answer") && said.contains("i2cdetect"), "{said}");
        watched.done();
    }

    #[test]
    fn the_kernels_illuminance_is_lux_or_steps_with_a_scale() {
        let root = tempfile::tempdir().unwrap();
        let put = |device: &str, file: &str, text: &str| {
            let folder = root.path().join("bus/iio/devices").join(device);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(file), format!("{text}\n")).unwrap();
        };
        let lux = |name: &str| Iio::new(root.path(), name).lux();
        assert!(lux("").unwrap_err().to_string().contains("tells light"));
        put("iio:device0", "name", "ads1115");
        put("iio:device1", "name", "veml7700");
        put("iio:device1", "in_illuminance_raw", "250");
        put("iio:device1", "in_illuminance_scale", "0.0576");
        assert!((lux("").unwrap() - 14.4).abs() < 0.001);
        put("iio:device2", "name", "tsl2591");
        put("iio:device2", "in_illuminance_input", "321.5");
        assert_eq!(lux("tsl2591").unwrap(), 321.5);
        assert!(lux("ads1115").is_err());
        put("iio:device2", "in_illuminance_input", "nan");
        assert!(lux("tsl2591").is_err(), "no number is no darkness");
    }
}
