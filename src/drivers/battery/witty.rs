//! Witty Pi 4: what its microcontroller measures (registers in the maker's utilities.sh).

use embedded_hal::i2c::I2c;

use crate::drivers::i2c::Registers;
use crate::hal::{Battery, Charge, DeviceError};

/// The maker's address.
pub const ADDRESS: u8 = 0x08;

const ID: u8 = 0;
/// Whole units, hundredths in the next: input and output voltage, output current.
const INPUT: u8 = 1;
const OUTPUT: u8 = 3;
const CURRENT: u8 = 5;
const MODE: u8 = 7;

/// Witty Pi 4, 4 Mini, 4 L3V7.
const IDS: [u8; 3] = [0x26, 0x36, 0x37];
/// The last has its own lithium cell.
const WITH_CELL: u8 = 0x37;

/// The board.
pub struct Witty<B> {
    chip: Registers<B>,
    id: u8,
}

impl<B: I2c> Witty<B> {
    /// Makes sure that it is one.
    pub fn new(bus: B, address: u8) -> Result<Self, DeviceError> {
        let mut chip = Registers::new(bus, address, "Witty Pi 4");
        let id = chip.byte(ID)?;
        if !IDS.contains(&id) {
            return Err(chip.fault(format!("it says 0x{id:02x}, a Witty Pi 4 says 0x26, 0x36 or 0x37")));
        }
        Ok(Witty { chip, id })
    }

    /// Hundredths of a unit.
    fn hundredths(&mut self, register: u8) -> Result<u32, DeviceError> {
        let (whole, part) = (self.chip.byte(register)?, self.chip.byte(register + 1)?);
        if part > 99 {
            return Err(self.chip.fault(format!("register 0x{:02x} reads {part} hundredths", register + 1)));
        }
        Ok(u32::from(whole) * 100 + u32::from(part))
    }

    #[cfg(test)]
    pub(super) fn release(self) -> B {
        self.chip.release()
    }
}

impl<B: I2c + Send> Battery for Witty<B> {
    /// The input's voltage. The current is computed from what goes out at 5 V, so what the converter loses (about a
    /// tenth) is missing in it.
    fn read(&mut self) -> Result<Charge, DeviceError> {
        if self.id != WITH_CELL && self.chip.byte(MODE)? == 0 {
            return Err(self.chip.fault("it is fed by its USB socket and does not see the battery"));
        }
        let input = self.hundredths(INPUT)?;
        let (output, current) = (self.hundredths(OUTPUT)?, self.hundredths(CURRENT)?);
        if input == 0 {
            return Err(self.chip.fault("it reads 0 V at its input"));
        }
        Ok(Charge {
            millivolts: u16::try_from(input * 10).ok(),
            milliamps: i32::try_from(output * current * 10 / input).ok(),
            percent: None,
        })
    }
}
