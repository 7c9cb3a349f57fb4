//! Registers of a chip on an I2C bus, and a bus by the kernel's character device.

#[cfg(target_os = "linux")]
use std::path::Path;

use embedded_hal::i2c::I2c;

use crate::hal::DeviceError;

/// Where a technician looks when a chip does not answer.
const CURE: &str = "look with i2cdetect -y whether it answers, check its wires, its address in the board profile and that \
                    the user is in the group i2c";

/// A chip's registers.
pub struct Registers<B> {
    bus: B,
    address: u8,
    chip: &'static str,
}

impl<B: I2c> Registers<B> {
    /// Those of `chip` (its name in messages) at `address`, seven bits.
    pub fn new(bus: B, address: u8, chip: &'static str) -> Self {
        Registers { bus, address, chip }
    }

    /// Fills `bytes` from `register` on.
    pub fn read(&mut self, register: u8, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let read = self.bus.write_read(self.address, &[register], bytes);
        read.map_err(|error| self.fault(format!("register 0x{register:02x} cannot be read: {error:?}")))
    }

    /// One byte.
    pub fn byte(&mut self, register: u8) -> Result<u8, DeviceError> {
        let mut byte = [0];
        self.read(register, &mut byte)?;
        Ok(byte[0])
    }

    /// Sixteen bits, the high byte first.
    pub fn word(&mut self, register: u8) -> Result<u16, DeviceError> {
        let mut bytes = [0; 2];
        self.read(register, &mut bytes)?;
        Ok(u16::from_be_bytes(bytes))
    }

    /// Writes sixteen bits, the high byte first.
    pub fn put(&mut self, register: u8, word: u16) -> Result<(), DeviceError> {
        let [high, low] = word.to_be_bytes();
        let written = self.bus.write(self.address, &[register, high, low]);
        written.map_err(|error| self.fault(format!("register 0x{register:02x} cannot be written: {error:?}")))
    }

    /// Writes bytes from `register` on, at most sixteen.
    pub fn write(&mut self, register: u8, bytes: &[u8]) -> Result<(), DeviceError> {
        let mut sent = [register; 17];
        let length = 1 + bytes.len().min(16);
        for (place, byte) in sent.iter_mut().skip(1).zip(bytes) {
            *place = *byte;
        }
        let written = self.bus.write(self.address, sent.get(..length).unwrap_or_default());
        written.map_err(|error| self.fault(format!("register 0x{register:02x} cannot be written: {error:?}")))
    }

    /// What is wrong with the chip.
    pub fn fault(&self, what: impl Into<String>) -> DeviceError {
        DeviceError {
            device: format!("{} at 0x{:02x}", self.chip, self.address),
            what: what.into(),
            cure: CURE.to_owned(),
        }
    }

    /// The bus back.
    #[cfg(test)]
    pub fn release(self) -> B {
        self.bus
    }
}

/// Opens `bus` (`/dev/i2c-1`) for the chip at `address`. A chip that a driver of the kernel has taken is refused: two
/// that set its registers get in each other's way, and plain transfers are not kept apart by the kernel.
#[cfg(target_os = "linux")]
pub fn open(
    bus: &Path,
    address: u8,
    chip: &str,
) -> Result<impl I2c<Error = linux_embedded_hal::I2CError> + Send + use<>, DeviceError> {
    let fault = |what: String, cure: &str| DeviceError {
        device: format!("{chip} on {}", bus.display()),
        what,
        cure: cure.to_owned(),
    };
    let number = bus.to_string_lossy().rsplit('-').next().unwrap_or_default().to_owned();
    let taken = format!("/sys/bus/i2c/devices/{number}-{address:04x}/driver");
    if Path::new(&taken).exists() {
        let cure = "read it through the kernel (driver = \"hwmon\" or \"supply\"), or take its overlay out of config.txt";
        return Err(fault(format!("a driver of the kernel has 0x{address:02x}"), cure));
    }
    linux_embedded_hal::I2cdev::new(bus).map_err(|error| {
        let cure = "switch I2C on (raspi-config, or dtparam=i2c_arm=on), load i2c-dev, and put the user into the group i2c";
        fault(format!("the bus does not open: {error}"), cure)
    })
}
