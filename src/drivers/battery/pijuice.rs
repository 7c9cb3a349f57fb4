//! PiJuice: what its microcontroller says of its battery (commands in the maker's pijuice.py).

use embedded_hal::i2c::I2c;

use crate::drivers::i2c::Registers;
use crate::hal::{Battery, Charge, DeviceError};

/// The maker's address.
pub const ADDRESS: u8 = 0x14;

const STATUS: u8 = 0x40;
const CHARGE: u8 = 0x41;
const VOLTAGE: u8 = 0x49;
const CURRENT: u8 = 0x4b;

/// Bits 3 and 2 of the status: charging from its own input or from the 5 V of the pins, and no battery.
const CHARGING: [u8; 2] = [1, 2];
const ABSENT: u8 = 3;

/// The board.
pub struct PiJuice<B>(Registers<B>);

impl<B: I2c> PiJuice<B> {
    /// It has no identity register: an answer with a right checksum must do.
    pub fn new(bus: B, address: u8) -> Result<Self, DeviceError> {
        let mut juice = PiJuice(Registers::new(bus, address, "PiJuice"));
        juice.ask::<1>(STATUS)?;
        Ok(juice)
    }

    /// Data bytes and behind them their checksum: 0xff and all of them, exclusive or.
    fn ask<const N: usize>(&mut self, command: u8) -> Result<[u8; N], DeviceError> {
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..=N.min(7)];
        self.0.read(command, bytes)?;
        let (data, told) = bytes.split_at(bytes.len() - 1);
        let sum = data.iter().fold(0xff, |sum, byte| sum ^ byte);
        match <[u8; N]>::try_from(data) {
            Ok(data) if told == [sum] => Ok(data),
            _ => Err(self.0.fault(format!("the checksum of its answer to 0x{command:02x} is wrong"))),
        }
    }

    #[cfg(test)]
    pub(super) fn release(self) -> B {
        self.0.release()
    }
}

impl<B: I2c + Send> Battery for PiJuice<B> {
    fn read(&mut self) -> Result<Charge, DeviceError> {
        let [status] = self.ask(STATUS)?;
        let state = status >> 2 & 0b11;
        if state == ABSENT {
            return Err(self.0.fault("it says that it has no battery"));
        }
        let [percent] = self.ask(CHARGE)?;
        let millivolts = u16::from_le_bytes(self.ask(VOLTAGE)?);
        // The sign has changed between firmwares: whether it charges is told by the status.
        let milliamps = i32::from(i16::from_le_bytes(self.ask(CURRENT)?)).abs();
        Ok(Charge {
            millivolts: Some(millivolts),
            milliamps: Some(if CHARGING.contains(&state) { -milliamps } else { milliamps }),
            percent: Some(percent).filter(|percent| *percent <= 100),
        })
    }
}
