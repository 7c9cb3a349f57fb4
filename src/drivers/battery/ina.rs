//! INA219 and INA226: voltage and current over a shunt, by I2C (TI data sheets SBOS448G and SBOS547A).
//!
//! The current is the shunt's voltage divided here: the chips' own current register needs a calibration that is lost
//! with their supply, and then reads zero.

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;

use crate::drivers::i2c::Registers;
use crate::hal::{Battery, Charge, DeviceError};

const CONFIG: u8 = 0x00;
const SHUNT: u8 = 0x01;
const BUS: u8 = 0x02;
/// Of the INA219: reading it clears the flag of a finished conversion.
const POWER: u8 = 0x03;
/// Of the INA226: holds the flag of a finished conversion; reading clears it.
const MASK: u8 = 0x06;
const MANUFACTURER: u8 = 0xfe;
const DIE: u8 = 0xff;

/// Both chips: bit 15 of the configuration sets every register to its value after power-on.
const RESET: u16 = 0x8000;

/// A conversion of these settings takes 136 ms (INA219) or 141 ms (INA226); so long is waited at most, in steps.
const STEPS: u32 = 30;
const STEP_MS: u32 = 10;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Up to 26 V. It has no identity register: what it reads after a reset, and that its unused bit stays zero, must
    /// do.
    Ina219,
    /// Up to 36 V.
    Ina226,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Ina219 => "INA219",
            Kind::Ina226 => "INA226",
        }
    }

    /// The configuration after a reset (SBOS448G table 4, SBOS547A table 6).
    fn fresh(self) -> u16 {
        match self {
            Kind::Ina219 => 0x399f,
            Kind::Ina226 => 0x4127,
        }
    }

    /// Ours, both inputs all the time. INA219: 32 V, shunt up to 320 mV, 128 samples of 532 us each; INA226: 64 samples
    /// of 1.1 ms each. A mean over a tenth of a second: no single pulse of a modem or a lamp.
    fn wanted(self) -> u16 {
        match self {
            Kind::Ina219 => 0x3fff,
            Kind::Ina226 => 0x4727,
        }
    }
}

/// The resistor that the current flows through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shunt {
    /// Milliohms. Full scale is 320 mV (INA219) or 81.92 mV (INA226) over it: 3.2 A and 0.82 A at 100 mohm.
    pub milliohms: u16,
    /// The battery is at IN-, so a current out of it reads negative.
    pub reversed: bool,
}

/// The chip.
pub struct Ina<B, D> {
    chip: Registers<B>,
    delay: D,
    kind: Kind,
    shunt: Shunt,
}

impl<B: I2c, D: DelayNs> Ina<B, D> {
    /// Makes sure that the chip at `address` is a `kind`, and sets it.
    pub fn new(bus: B, delay: D, address: u8, kind: Kind, shunt: Shunt) -> Result<Self, DeviceError> {
        let mut ina = Ina { chip: Registers::new(bus, address, kind.name()), delay, kind, shunt };
        if kind == Kind::Ina226 {
            // The lowest four bits of the die's number are its revision.
            let ids = (ina.chip.word(MANUFACTURER)?, ina.chip.word(DIE)?);
            if (ids.0, ids.1 & 0xfff0) != (0x5449, 0x2260) {
                let read = format!("it says 0x{:04x} 0x{:04x}, an INA226 0x5449 0x2260", ids.0, ids.1);
                return Err(ina.chip.fault(read));
            }
        }
        ina.chip.put(CONFIG, RESET)?;
        let fresh = ina.chip.word(CONFIG)?;
        if fresh != kind.fresh() {
            let other = if fresh == Kind::Ina226.fresh() { ": this is an INA226" } else { "" };
            let read = format!("after a reset it reads 0x{fresh:04x} and not 0x{:04x}{other}", kind.fresh());
            return Err(ina.chip.fault(read));
        }
        ina.set()?;
        Ok(ina)
    }

    fn set(&mut self) -> Result<(), DeviceError> {
        self.chip.put(CONFIG, self.kind.wanted())?;
        let set = self.chip.word(CONFIG)?;
        if set != self.kind.wanted() {
            let read = format!(
                "set to 0x{:04x} it reads 0x{set:04x}: another chip, or a bad wire",
                self.kind.wanted()
            );
            return Err(self.chip.fault(read));
        }
        Ok(())
    }

    /// The bus register once a conversion has ended since the last reading: a chip that stands still is not believed.
    fn fresh_bus(&mut self) -> Result<u16, DeviceError> {
        for _ in 0..STEPS {
            match self.kind {
                Kind::Ina219 => {
                    let bus = self.chip.word(BUS)?;
                    if bus & 0b10 != 0 {
                        return Ok(bus);
                    }
                }
                Kind::Ina226 => {
                    if self.chip.word(MASK)? & 0b1000 != 0 {
                        return self.chip.word(BUS);
                    }
                }
            }
            self.delay.delay_ms(STEP_MS);
        }
        Err(self.chip.fault("it measures nothing new"))
    }

    #[cfg(test)]
    pub(super) fn release(self) -> B {
        self.chip.release()
    }
}

impl<B: I2c + Send, D: DelayNs + Send> Battery for Ina<B, D> {
    fn read(&mut self) -> Result<Charge, DeviceError> {
        if self.chip.word(CONFIG)? != self.kind.wanted() {
            // Its supply was gone for a moment.
            self.set()?;
        }
        let bus = self.fresh_bus()?;
        let raw = i64::from(self.chip.word(SHUNT)?.cast_signed());
        // Microvolts over the shunt, and millivolts at the battery.
        let (drop, full, mut millivolts) = match self.kind {
            // 10 uV and 4 mV a step; voltage in bits 15 to 3. It is taken at IN-.
            Kind::Ina219 => {
                self.chip.word(POWER)?;
                (raw * 10, 320_000, i64::from(bus >> 3) * 4)
            }
            // 2.5 uV and 1.25 mV a step. It is taken at a pin of its own.
            Kind::Ina226 => (raw * 5 / 2, 81_917, i64::from(bus) * 5 / 4),
        };
        if self.kind == Kind::Ina219 && !self.shunt.reversed {
            // The battery is at IN+.
            millivolts += drop / 1000;
        }
        let milliamps = drop / i64::from(self.shunt.milliohms.max(1));
        let milliamps = if self.shunt.reversed { -milliamps } else { milliamps };
        Ok(Charge {
            millivolts: u16::try_from(millivolts).ok(),
            // At the end of the scale it is more than can be told.
            milliamps: i32::try_from(milliamps).ok().filter(|_| drop.abs() < full),
            percent: None,
        })
    }
}
