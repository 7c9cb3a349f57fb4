//! Witty Pi 4 (also Mini and L3V7): registers by the maker's firmware, revision 5, and utilities.sh.
//!
//! Its microcontroller compares the clock with two alarms once a second, each by day of the month, hour, minute, second:
//! the first switches the power on, the second cuts it. An alarm counts for two seconds and is then over. The maker's own
//! way to the cut (a pulse on SYS_UP, then TXD falling) needs two lines of the header and cannot be read back; the second
//! alarm can, so it is what cuts the power here. The maker's daemon must not run beside this one: it sets the same
//! registers. A read of several registers at once gives 0xff, so each is read alone.

use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;

use super::{
    Alarm, Chip, LONGEST, NEAR, OFF_AFTER, SPARE, alarm, bcd, left, moment, number, refused, taken_back,
};
use crate::drivers::i2c::Registers;
use crate::hal::{DeviceError, Handed, PowerControl, Woken};
use crate::units::SET_AFTER;

/// The name in messages.
pub const NAME: &str = "Witty Pi 4";

const ID: u8 = 0;
/// Witty Pi 4, 4 Mini, 4 L3V7.
const IDS: [u8; 3] = [0x26, 0x36, 0x37];
/// 1: fed by its own input, 0: by USB.
const MODE: u8 = 7;
/// 1: the first alarm has fired since it was set.
const FIRED: u8 = 9;
const REASON: u8 = 11;
/// Tenths of a volt; 255: none.
const LOW_VOLTAGE: u8 = 19;
/// Tenths of a second from the second alarm to the cut.
const CUT_DELAY: u8 = 21;
/// Tenths of a volt; 255: none.
const RECOVERY: u8 = 22;
/// Second, minute, hour, day of the alarm that switches the power on, and of that which cuts it.
const ON: u8 = 27;
const OFF: u8 = 32;
/// 1: fired, and nobody has taken notice; for the first alarm and the second.
const FLAGS: [u8; 2] = [39, 40];
/// The clock (PCF85063): control; a byte that is anybody's; seconds, minutes, hours, days, weekdays, months, years.
const CONTROL: u8 = 54;
const FREE: u8 = 57;
const CLOCK: u8 = 58;
/// Bit 7 of the seconds: the clock has stood still.
const STOPPED: u8 = 0x80;
/// Stands in the free byte where Trapline has set the clock, to UTC: the maker's tools set it to local time.
const OURS: u8 = 0x55;

/// Nothing.
const NONE: Alarm = [0; 4];

/// A byte is written, and read back, so many times at most: the microcontroller may be busy with its memory.
const TRIES: u32 = 3;
const PAUSE_MS: u32 = 10;

/// The board.
pub struct Witty<B, D> {
    chip: Registers<B>,
    delay: D,
}

impl<B: I2c, D: DelayNs> Witty<B, D> {
    /// The board at `address` of `bus`; nothing is said before [`PowerControl::greet`].
    pub fn new(bus: B, delay: D, address: u8) -> Self {
        Witty { chip: Registers::new(bus, address, NAME), delay }
    }

    #[cfg(test)]
    pub(super) fn release(self) -> B {
        self.chip.release()
    }

    fn identify(&mut self) -> Result<(), DeviceError> {
        let id = self.chip.byte(ID)?;
        if IDS.contains(&id) {
            return Ok(());
        }
        Err(self.chip.fault(format!("it says 0x{id:02x}, a Witty Pi 4 says 0x26, 0x36 or 0x37")))
    }

    /// Writes a byte and believes it once it was read back.
    fn set(&mut self, register: u8, byte: u8) -> Result<(), DeviceError> {
        let mut read = None;
        for _ in 0..TRIES {
            let written = self.chip.write(register, &[byte]);
            self.delay.delay_ms(PAUSE_MS);
            read = written.and_then(|()| self.chip.byte(register)).ok();
            if read == Some(byte) {
                return Ok(());
            }
        }
        let read = read.map_or("cannot be read".to_owned(), |read| format!("reads 0x{read:02x}"));
        Err(self.chip.fault(format!("register {register} was set to 0x{byte:02x} and {read}")))
    }

    /// Sets an alarm: the day last, for with day 0 it never fires.
    fn set_alarm(&mut self, from: u8, [second, minute, hour, day]: Alarm) -> Result<(), DeviceError> {
        self.set(from + 3, 0)?;
        for (register, byte) in (from..).zip([second, minute, hour, day]) {
            self.set(register, byte)?;
        }
        Ok(())
    }

    fn alarm(&mut self, from: u8) -> Result<Alarm, DeviceError> {
        let mut read = NONE;
        for (register, byte) in (from..).zip(&mut read) {
            *byte = self.chip.byte(register)?;
        }
        Ok(read)
    }

    /// Refuses an alarm that the board may hold back: below its low voltage it starts nothing, and an alarm that was held
    /// back is over; only a recovery voltage brings it back then.
    fn not_held_back(&mut self) -> Result<(), DeviceError> {
        let (low, recovery) = (self.chip.byte(LOW_VOLTAGE)?, self.chip.byte(RECOVERY)?);
        if self.chip.byte(MODE)? == 0 || low == 255 || recovery != 255 {
            return Ok(());
        }
        let (whole, part) = (low / 10, low % 10);
        Err(self.chip.fault(format!(
            "below {whole}.{part} V it holds its alarm back for good: set its recovery voltage (register 22), or no low \
             voltage (register 19 to 255)"
        )))
    }
}

impl<B: I2c, D: DelayNs> Chip for Witty<B, D> {
    /// What its clock says; `None`: it has stood still, or says no time at all.
    fn clock(&mut self) -> Result<Option<DateTime<Utc>>, DeviceError> {
        for _ in 0..TRIES {
            let mut read = [0; 7];
            for (register, byte) in (CLOCK..).zip(&mut read) {
                *byte = self.chip.byte(register)?;
            }
            // The seconds again: in between, a minute may have ended.
            if self.chip.byte(CLOCK)? < read[0] {
                continue;
            }
            let [seconds, minutes, hours, days, _, months, years] = read;
            if seconds & STOPPED != 0 {
                return Ok(None);
            }
            let digits = || {
                let time = (number(hours & 0x3f)?, number(minutes & 0x7f)?, number(seconds)?);
                moment(number(years)?, number(months & 0x1f)?, number(days & 0x3f)?, time)
            };
            return Ok(digits());
        }
        Err(self.chip.fault("its clock runs while it is read"))
    }

    fn pause(&mut self, ms: u32) {
        self.delay.delay_ms(ms);
    }

    fn fault(&self, what: String) -> DeviceError {
        self.chip.fault(what)
    }
}

impl<B: I2c + Send, D: DelayNs + Send> PowerControl for Witty<B, D> {
    fn name(&self) -> &str {
        NAME
    }

    /// Takes the cut of the last night back and starts the clock, should it be stopped.
    fn greet(&mut self) -> Result<(), DeviceError> {
        self.identify()?;
        self.set_alarm(OFF, NONE)?;
        for flag in FLAGS {
            self.set(flag, 0)?;
        }
        self.set(CONTROL, 0)
    }

    fn woken(&mut self) -> Result<Woken, DeviceError> {
        self.identify()?;
        Ok(match self.chip.byte(REASON)? {
            // At its time, or right after a cut that it came before.
            1 | 8 => Woken::Alarm,
            3 => Woken::Hand,
            5 => Woken::Recovered,
            _ => Woken::Unknown,
        })
    }

    fn longest(&self) -> Duration {
        LONGEST
    }

    fn arm(&mut self, after: Duration) -> Result<Duration, DeviceError> {
        if let Some(why) = refused(after) {
            return Err(self.chip.fault(why));
        }
        self.identify()?;
        self.not_held_back()?;
        let now = self.ticking("has lost the time")?;
        let at = now + TimeDelta::from_std(after).unwrap_or_default();
        self.set_alarm(ON, alarm(at))?;
        let left = self.armed()?;
        left.ok_or_else(|| self.chip.fault("the alarm was written and is not kept"))
    }

    fn armed(&mut self) -> Result<Option<Duration>, DeviceError> {
        self.identify()?;
        let set = self.alarm(ON)?;
        if set == NONE || self.chip.byte(FIRED)? != 0 {
            return Ok(None);
        }
        Ok(self.clock()?.and_then(|now| left(now, set)))
    }

    fn disarm(&mut self) -> Result<(), DeviceError> {
        self.identify()?;
        self.set_alarm(ON, NONE)
    }

    /// Sets the second alarm, which cuts the power; the system must be down by then.
    fn hand_over(&mut self) -> Result<Handed, DeviceError> {
        let delay = Duration::from_millis(100 * u64::from(self.chip.byte(CUT_DELAY)?));
        let least = OFF_AFTER + delay + SPARE;
        match self.armed()? {
            Some(wakes) if wakes >= least => {}
            wakes => {
                let wakes =
                    wakes.map_or("is not set".to_owned(), |left| format!("fires in {} s", left.as_secs()));
                let least = least.as_secs();
                return Err(self
                    .chip
                    .fault(format!("the alarm {wakes}; {least} s are needed until the power is cut")));
            }
        }
        let Some(now) = self.clock()? else { return Err(self.chip.fault("its clock has lost the time")) };
        let off = alarm(now + TimeDelta::from_std(OFF_AFTER).unwrap_or_default());
        let set = self.set_alarm(OFF, off).and_then(|()| Ok((self.clock()?, self.alarm(OFF)?)));
        let cut = set.and_then(|(now, read)| match now.and_then(|now| left(now, read)) {
            Some(left) if left.abs_diff(OFF_AFTER) <= NEAR => Ok(Handed::GoesOff),
            _ => Err(self.chip.fault("the time of the cut is not what was set")),
        });
        cut.map_err(|fault| taken_back(fault, self.set_alarm(OFF, NONE)))
    }

    fn tells_time(&self) -> bool {
        true
    }

    fn time(&mut self) -> Result<Option<DateTime<Utc>>, DeviceError> {
        self.identify()?;
        if self.chip.byte(FREE)? != OURS {
            return Ok(None);
        }
        Ok(self.clock()?.filter(|now| now.timestamp() >= SET_AFTER))
    }

    fn set_time(&mut self, utc: DateTime<Utc>) -> Result<(), DeviceError> {
        self.identify()?;
        // The registers are written one by one: not across the end of a minute.
        let wait = match utc.second() {
            second @ 57.. => 60_u32.saturating_sub(second),
            _ => 0,
        };
        self.delay.delay_ms(1000 * wait);
        let utc = utc + TimeDelta::seconds(wait.into());
        let year = u32::try_from(utc.year() - 2000).unwrap_or(0);
        let weekday = utc.weekday().num_days_from_sunday();
        let digits = [utc.second(), utc.minute(), utc.hour(), utc.day(), weekday, utc.month(), year].map(bcd);
        // Of the free byte, what stood there may be the maker's: first of all it is no longer true.
        self.set(FREE, 0)?;
        for (register, byte) in (CLOCK..).zip(digits) {
            self.chip.write(register, &[byte])?;
            self.delay.delay_ms(PAUSE_MS);
        }
        let read = self.clock()?;
        match read.and_then(|read| (read - utc).to_std().ok()) {
            Some(passed) if passed <= NEAR => self.set(FREE, OURS),
            _ => Err(self.chip.fault(format!("its clock was set to {utc} and reads {read:?}"))),
        }
    }
}
