//! PiJuice: commands by the maker's pijuice.py. Every transfer ends with its checksum, 0xff and all data bytes, exclusive
//! or.
//!
//! Its microcontroller's clock has an alarm by day of the month, hour, minute, second, which switches the power on if
//! waking is allowed; that is forgotten at every start and set anew with every alarm. The maker's service must not set
//! alarms beside this one.

use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;

use super::{
    Alarm, Chip, LONGEST, NEAR, OFF_AFTER, SPARE, alarm, bcd, left, moment, number, refused, taken_back,
};
use crate::drivers::i2c::Registers;
use crate::hal::{DeviceError, Handed, PowerControl};
use crate::units::SET_AFTER;

/// The name in messages.
pub const NAME: &str = "PiJuice";

const FIRMWARE: u8 = 0xfd;
/// Seconds until the power is cut; 255: it is not.
const POWER_OFF: u8 = 0x62;
const NOT_AT_ALL: u8 = 0xff;
/// Nine bytes each.
const TIME: u8 = 0xb0;
const ALARM: u8 = 0xb9;
/// Two bytes: waking is allowed while bits 0 and 2 of the first are set; bit 0 of the second: the alarm has fired.
const CONTROL: u8 = 0xc2;
const WAKES: u8 = 0b101;
const FIRED: u8 = 1;

/// Behind second, minute, hour and day of an alarm: every hour and weekday that it might name by bits, and no period.
const REST_OF_ALARM: [u8; 5] = [0xff, 0xff, 0xff, 0x00, 0xff];

/// The maker's program waits so long before it reads back what it wrote.
const SETTLE_MS: u32 = 200;

/// The board.
pub struct PiJuice<B, D> {
    chip: Registers<B>,
    delay: D,
}

impl<B: I2c, D: DelayNs> PiJuice<B, D> {
    /// The board at `address` of `bus`; nothing is said before [`PowerControl::greet`].
    pub fn new(bus: B, delay: D, address: u8) -> Self {
        PiJuice { chip: Registers::new(bus, address, NAME), delay }
    }

    #[cfg(test)]
    pub(super) fn release(self) -> B {
        self.chip.release()
    }

    fn ask<const N: usize>(&mut self, command: u8) -> Result<[u8; N], DeviceError> {
        let mut bytes = [0; 10];
        let bytes = &mut bytes[..=N.min(9)];
        self.chip.read(command, bytes)?;
        let (data, told) = bytes.split_at(bytes.len() - 1);
        match <[u8; N]>::try_from(data) {
            Ok(data) if told == [sum(&data)] => Ok(data),
            _ => Err(self.chip.fault(format!("the checksum of its answer to 0x{command:02x} is wrong"))),
        }
    }

    fn tell(&mut self, command: u8, data: &[u8]) -> Result<(), DeviceError> {
        let bytes: Vec<u8> = data.iter().copied().chain([sum(data)]).collect();
        self.chip.write(command, &bytes)?;
        self.delay.delay_ms(SETTLE_MS);
        Ok(())
    }

    /// It has no identity: its firmware's version with a right checksum must do.
    fn identify(&mut self) -> Result<(), DeviceError> {
        self.ask::<2>(FIRMWARE).map(drop)
    }

    /// Writes the alarm and reads it back.
    fn set_alarm(&mut self, [second, minute, hour, day]: Alarm) -> Result<(), DeviceError> {
        let [a, b, c, d, e] = REST_OF_ALARM;
        let data = [second, minute, hour, day, a, b, c, d, e];
        self.tell(ALARM, &data)?;
        let read = self.ask::<9>(ALARM)?;
        if read == data {
            return Ok(());
        }
        Err(self.chip.fault(format!("the alarm was set to {data:02x?} and reads {read:02x?}")))
    }

    /// Allows waking, and forgets that an alarm has fired.
    fn allow(&mut self) -> Result<(), DeviceError> {
        let [control, status] = self.ask::<2>(CONTROL)?;
        self.tell(CONTROL, &[control | WAKES, status & !FIRED])?;
        let [control, status] = self.ask::<2>(CONTROL)?;
        if control & WAKES == WAKES && status & FIRED == 0 {
            return Ok(());
        }
        Err(self.chip.fault(format!("waking was allowed and reads 0x{control:02x} 0x{status:02x}")))
    }
}

fn sum(data: &[u8]) -> u8 {
    data.iter().fold(0xff, |sum, byte| sum ^ byte)
}

impl<B: I2c, D: DelayNs> Chip for PiJuice<B, D> {
    fn clock(&mut self) -> Result<Option<DateTime<Utc>>, DeviceError> {
        let [second, minute, hour, _, day, month, year, ..] = self.ask::<9>(TIME)?;
        // Bit 6 of the hours: twelve of them, bit 5 the second twelve.
        let hours = match hour & 0x40 {
            0 => number(hour & 0x3f),
            _ => number(hour & 0x1f)
                .map(|hour| hour % 12)
                .map(|twelve| twelve + if hour & 0x20 == 0 { 0 } else { 12 }),
        };
        let digits = || {
            let time = (hours?, number(minute & 0x7f)?, number(second & 0x7f)?);
            moment(number(year)?, number(month & 0x1f)?, number(day & 0x3f)?, time)
        };
        Ok(digits())
    }

    fn pause(&mut self, ms: u32) {
        self.delay.delay_ms(ms);
    }

    fn fault(&self, what: String) -> DeviceError {
        self.chip.fault(what)
    }
}

impl<B: I2c + Send, D: DelayNs + Send> PowerControl for PiJuice<B, D> {
    fn name(&self) -> &str {
        NAME
    }

    /// A cut that was to come, and did not, must not come now.
    fn greet(&mut self) -> Result<(), DeviceError> {
        self.identify()?;
        let [off] = self.ask::<1>(POWER_OFF)?;
        if off != NOT_AT_ALL {
            self.tell(POWER_OFF, &[NOT_AT_ALL])?;
        }
        Ok(())
    }

    fn longest(&self) -> Duration {
        LONGEST
    }

    fn arm(&mut self, after: Duration) -> Result<Duration, DeviceError> {
        if let Some(why) = refused(after) {
            return Err(self.chip.fault(why));
        }
        self.identify()?;
        let at = self.ticking("says no time")? + TimeDelta::from_std(after).unwrap_or_default();
        self.set_alarm(alarm(at))?;
        self.allow()?;
        let left = self.armed()?;
        left.ok_or_else(|| self.chip.fault("the alarm was written and is not kept"))
    }

    fn armed(&mut self) -> Result<Option<Duration>, DeviceError> {
        let [control, status] = self.ask::<2>(CONTROL)?;
        let [second, minute, hour, day, rest @ ..] = self.ask::<9>(ALARM)?;
        // Bits 7 say "every"; bit 6 of the day a weekday: none of them was set here.
        let plain = [second, minute, hour, day].iter().all(|byte| byte & 0x80 == 0) && day & 0x40 == 0;
        if control & WAKES != WAKES || status & FIRED != 0 || !plain || rest != REST_OF_ALARM {
            return Ok(None);
        }
        Ok(self.clock()?.and_then(|now| left(now, [second, minute, hour, day])))
    }

    /// Day 0 never comes.
    fn disarm(&mut self) -> Result<(), DeviceError> {
        self.set_alarm([0; 4])
    }

    fn hand_over(&mut self) -> Result<Handed, DeviceError> {
        match self.armed()? {
            Some(wakes) if wakes >= OFF_AFTER + SPARE => {}
            wakes => {
                let wakes =
                    wakes.map_or("is not set".to_owned(), |left| format!("fires in {} s", left.as_secs()));
                return Err(self
                    .chip
                    .fault(format!("the alarm {wakes}; the power is cut in {} s", OFF_AFTER.as_secs())));
            }
        }
        let delay = u8::try_from(OFF_AFTER.as_secs()).unwrap_or(NOT_AT_ALL - 1);
        self.tell(POWER_OFF, &[delay])?;
        // It counts down.
        let near = u8::try_from(NEAR.as_secs()).unwrap_or_default();
        match self.ask::<1>(POWER_OFF) {
            Ok([left]) if left <= delay && left >= delay.saturating_sub(near) => Ok(Handed::GoesOff),
            read => {
                let fault = match read {
                    Err(fault) => fault,
                    Ok([left]) => {
                        self.chip.fault(format!("the power was to be cut in {delay} s, and it says {left}"))
                    }
                };
                Err(taken_back(fault, self.tell(POWER_OFF, &[NOT_AT_ALL])))
            }
        }
    }

    fn tells_time(&self) -> bool {
        true
    }

    fn time(&mut self) -> Result<Option<DateTime<Utc>>, DeviceError> {
        Ok(self.clock()?.filter(|now| now.timestamp() >= SET_AFTER))
    }

    fn set_time(&mut self, utc: DateTime<Utc>) -> Result<(), DeviceError> {
        self.identify()?;
        let year = u32::try_from(utc.year() - 2000).unwrap_or(0);
        let weekday = utc.weekday().number_from_monday();
        let [s, m, h, w, d, mo, y] =
            [utc.second(), utc.minute(), utc.hour(), weekday, utc.day(), utc.month(), year].map(bcd);
        self.tell(TIME, &[s, m, h, w, d, mo, y, 0, 0])?;
        let read = self.clock()?;
        match read.and_then(|read| (read - utc + TimeDelta::seconds(1)).to_std().ok()) {
            Some(passed) if passed <= NEAR => Ok(()),
            _ => Err(self.chip.fault(format!("its clock was set to {utc} and reads {read:?}"))),
        }
    }
}
