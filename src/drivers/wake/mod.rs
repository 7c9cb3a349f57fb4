//! Power boards on the Raspberry Pi's header that wake the machine by their own clock and cut its power.
//!
//! Their alarms name a day of the month, hour, minute and second, by the board's own clock; here is what they share. A
//! board that is not there is told when it is asked: a trap without it stays awake and goes on watching.

pub mod pijuice;
pub mod witty;

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};

use crate::hal::{DeviceError, Handed, PowerControl, Woken};

/// Beyond four weeks a day of the month comes twice.
pub const LONGEST: Duration = Duration::from_secs(27 * 24 * 3600);

/// From the hand-over to the cut of the power: the system must be down by then. systemd gives a service 90 s.
const OFF_AFTER: Duration = Duration::from_secs(90);

/// What must lie at least between the cut and the alarm.
const SPARE: Duration = Duration::from_secs(30);

/// What is read back may be from what was written by the seconds that the reading took.
const NEAR: Duration = Duration::from_secs(3);

/// A number to 99 in two decimal digits.
fn bcd(value: u32) -> u8 {
    u8::try_from(value / 10 % 10 * 16 + value % 10).unwrap_or_default()
}

/// The number of two decimal digits; `None`: they are none.
fn number(bcd: u8) -> Option<u32> {
    let (tens, ones) = (u32::from(bcd >> 4), u32::from(bcd & 0x0f));
    (tens < 10 && ones < 10).then_some(tens * 10 + ones)
}

/// When an alarm fires, in decimal digits: second, minute, hour, day of the month.
type Alarm = [u8; 4];

/// The alarm for `at`.
fn alarm(at: DateTime<Utc>) -> Alarm {
    [bcd(at.second()), bcd(at.minute()), bcd(at.hour()), bcd(at.day())]
}

/// From `now` until `alarm` fires; `None`: never, or not within [`LONGEST`], so that it lies in the past.
fn left(now: DateTime<Utc>, alarm: Alarm) -> Option<Duration> {
    let [second, minute, hour, day] = alarm.map(number);
    let (second, minute, hour, day) = (second?, minute?, hour?, day?);
    let today = now.date_naive();
    // The day comes within 62 days, but for those that no month has.
    let next = (0..62).filter_map(|days| today.checked_add_signed(TimeDelta::days(days)));
    let next = next.filter(|date| date.day() == day).find_map(|date| {
        let at = date.and_hms_opt(hour, minute, second)?.and_utc();
        (at > now).then_some(at)
    })?;
    (next - now).to_std().ok().filter(|left| *left <= LONGEST)
}

/// A moment of a board's clock, from the numbers of its digits.
fn moment(year: u32, month: u32, day: u32, time: (u32, u32, u32)) -> Option<DateTime<Utc>> {
    let date = NaiveDate::from_ymd_opt(i32::try_from(2000 + year).ok()?, month, day)?;
    Some(date.and_hms_opt(time.0, time.1, time.2)?.and_utc())
}

/// A clock that runs shows it within this.
const TICK_MS: u32 = 1300;

/// What a board's chip can be asked.
trait Chip {
    /// What its clock says; `None`: no time at all.
    fn clock(&mut self) -> Result<Option<DateTime<Utc>>, DeviceError>;

    /// Lets time pass.
    fn pause(&mut self, ms: u32);

    /// Something is wrong with it.
    fn fault(&self, what: String) -> DeviceError;

    /// The clock's time, which moves on; `lost` is how one that says none is told.
    fn ticking(&mut self, lost: &str) -> Result<DateTime<Utc>, DeviceError> {
        let lost = |chip: &Self| {
            let known = "it is set as soon as the trap knows it (satellites, a network, the page)";
            chip.fault(format!("its clock {lost}; {known}"))
        };
        let Some(first) = self.clock()? else { return Err(lost(self)) };
        for _ in 0..TICK_MS / 100 {
            if let Some(now) = self.clock()?.filter(|now| *now > first) {
                return Ok(now);
            }
            self.pause(100);
        }
        Err(self.fault("its clock stands still".to_owned()))
    }
}

/// Why the power is not cut, with what became of taking the cut back: one that nobody is prepared for must not come, and
/// if it may come after all, that is told too.
fn taken_back(mut fault: DeviceError, back: Result<(), DeviceError>) -> DeviceError {
    if let Err(error) = back {
        let within = OFF_AFTER.as_secs();
        fault.what.push_str(&format!(
            "; the cut cannot be taken back and may come within {within} s ({})",
            error.what
        ));
    }
    fault
}

/// An alarm `after` from now that cannot be.
fn refused(after: Duration) -> Option<String> {
    (after.is_zero() || after > LONGEST)
        .then(|| format!("an alarm in {} s cannot be set: 1 s to 27 days can", after.as_secs()))
}

/// Opens a board; called again after every failure.
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn PowerControl>, DeviceError> + Send>;

/// A board that is opened when it is asked, and anew after a failure.
pub struct Late {
    name: &'static str,
    open: Opener,
    board: Option<Box<dyn PowerControl>>,
}

impl Late {
    /// The board `name`, opened by `open`.
    pub fn new(name: &'static str, open: Opener) -> Late {
        Late { name, open, board: None }
    }

    fn ask<T>(
        &mut self,
        ask: impl FnOnce(&mut dyn PowerControl) -> Result<T, DeviceError>,
    ) -> Result<T, DeviceError> {
        let board = match &mut self.board {
            Some(board) => board,
            None => self.board.insert((self.open)()?),
        };
        let answer = ask(&mut **board);
        if answer.is_err() {
            self.board = None;
        }
        answer
    }
}

impl PowerControl for Late {
    fn name(&self) -> &str {
        self.name
    }

    fn greet(&mut self) -> Result<(), DeviceError> {
        self.ask(|board| board.greet())
    }

    fn woken(&mut self) -> Result<Woken, DeviceError> {
        self.ask(|board| board.woken())
    }

    fn longest(&self) -> Duration {
        LONGEST
    }

    fn arm(&mut self, after: Duration) -> Result<Duration, DeviceError> {
        self.ask(|board| board.arm(after))
    }

    fn armed(&mut self) -> Result<Option<Duration>, DeviceError> {
        self.ask(|board| board.armed())
    }

    fn disarm(&mut self) -> Result<(), DeviceError> {
        self.ask(|board| board.disarm())
    }

    fn hand_over(&mut self) -> Result<Handed, DeviceError> {
        self.ask(|board| board.hand_over())
    }

    fn tells_time(&self) -> bool {
        true
    }

    fn time(&mut self) -> Result<Option<DateTime<Utc>>, DeviceError> {
        self.ask(|board| board.time())
    }

    fn set_time(&mut self, utc: DateTime<Utc>) -> Result<(), DeviceError> {
        self.ask(|board| board.set_time(utc))
    }
}

#[cfg(test)]
mod tests;
