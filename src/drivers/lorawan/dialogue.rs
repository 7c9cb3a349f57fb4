//! What one modem must be able to say, and the wire it says it over.

use std::io;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};

use super::options::{Limits, Options};
use crate::drivers::serial::Line;
use crate::hal::{Downlink, Link, Parcel, Receipt};

/// Why a dialogue did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No answer in time.
    #[error("no answer to {0}")]
    Silent(&'static str),
    /// The port itself failed.
    #[error("the serial port fails: {0}")]
    Port(#[from] io::Error),
    /// Another device than expected answered.
    #[error("another device answers: {0}")]
    Stranger(String),
    /// The modem refused what was said.
    #[error("{0} was answered by {1}")]
    Refused(&'static str, String),
    /// It wants a pause.
    #[error("busy for {} ms", .0.as_millis())]
    Wait(Duration),
    /// Longer than the modem takes now.
    #[error("at most {0} bytes")]
    TooLong(usize),
    /// It has no session.
    #[error("not joined")]
    NotJoined,
    /// The network did not let it in.
    #[error("the join failed: {0}")]
    JoinFailed(String),
    /// Nobody acknowledged a confirmed uplink.
    #[error("nobody acknowledged")]
    NoAck,
}

/// The line, the deadlines, and what came in meanwhile.
pub struct Wire {
    /// The line.
    pub line: Line,
    /// Deadlines.
    pub limits: Limits,
    /// Downlinks not fetched yet.
    pub inbox: Vec<Downlink>,
    /// Empty frames sent by the firmware on its own (RUI3 on a payload too long): airtime nobody asked for.
    pub empty_frames: u64,
}

/// Downlinks kept until they are fetched; more are dropped and counted as strays. Commands are few.
const INBOX: usize = 64;

impl Wire {
    /// Says `command`, then gives each line to `heed` until it has an answer. `what` names the command in errors,
    /// because commands hold keys.
    pub fn ask<T>(
        &mut self,
        (what, command): (&'static str, &str),
        until: Instant,
        heed: impl FnMut(&mut Wire, &str) -> Option<Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let until = until.min(Instant::now() + self.limits.answer);
        self.line.command(command, "\r\n", until)?;
        self.await_line(what, until, heed)
    }

    /// Gives each line to `heed` until it has an answer.
    pub fn await_line<T>(
        &mut self,
        what: &'static str,
        until: Instant,
        mut heed: impl FnMut(&mut Wire, &str) -> Option<Result<T, Fault>>,
    ) -> Result<T, Fault> {
        while let Some(line) = self.line.line(until)? {
            if let Some(answer) = heed(self, &line) {
                return answer;
            }
            if Instant::now() >= until {
                break;
            }
        }
        Err(Fault::Silent(what))
    }

    /// Keeps a downlink.
    pub fn keep(&mut self, downlink: Downlink) {
        match self.inbox.len() < INBOX {
            true => self.inbox.push(downlink),
            false => self.line.stray(),
        }
    }
}

/// One kind of modem: its words, nothing of when to say them. Every call ends at `until`.
pub trait Dialogue: Send {
    /// Bits per second after power-up.
    const BAUD: u32;

    /// Wakes it where it sleeps, and makes sure that it listens.
    fn resync(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault>;
    /// Makes sure that it is the modem we think, and gives its version.
    fn identify(&mut self, wire: &mut Wire, until: Instant) -> Result<String, Fault>;
    /// Settings that do not touch a session.
    fn configure(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<(), Fault>;
    /// Whether it has a session; `None` where it cannot be asked, so that only sending shows it.
    fn joined(&mut self, wire: &mut Wire, until: Instant) -> Result<Option<bool>, Fault>;
    /// Region, identity and key, then one join.
    fn join(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<(), Fault>;
    /// What it can carry now.
    fn link(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<Link, Fault>;
    /// Sends.
    fn send(&mut self, wire: &mut Wire, parcel: &Parcel, until: Instant) -> Result<Receipt, Fault>;
    /// Takes up a line that came on its own; false where it means nothing.
    fn hear(&mut self, wire: &mut Wire, line: &str) -> bool;
    /// The network's time.
    fn time(&mut self, _: &mut Wire, _: Instant) -> Result<Option<DateTime<Utc>>, Fault> {
        Ok(None)
    }
    /// Sleeps until the next word.
    fn sleep(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault>;
}

/// The time in an answer whose format no source gives: six numbers, year first or (`14h25m30s on 06/27/2022`) hour
/// first. `None` where they are no time.
pub fn time_in(text: &str) -> Option<DateTime<Utc>> {
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let numbers: Vec<u32> = numbers.map(str::parse).collect::<Result<_, _>>().ok()?;
    let (year, month, day, hour, minute, second) = match numbers[..] {
        [y, mo, d, h, mi, s, ..] if y >= 2000 => (y, mo, d, h, mi, s),
        [h, mi, s, mo, d, y, ..] => (y, mo, d, h, mi, s),
        _ => return None,
    };
    // A modem that never heard the network counts from 1970 or 1980.
    let year = i32::try_from(year).ok().filter(|year| (2020..2100).contains(year))?;
    Some(NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(hour, minute, second)?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_either_order_and_never_guessed() {
        let expected = "2026-06-27T14:25:30Z".parse().ok();
        assert_eq!(time_in("LTIME: 14h25m30s on 06/27/2026"), expected);
        assert_eq!(time_in("+RTC: 2026-06-27 14:25:30.123"), expected);
        assert_eq!(time_in("+RTC: 1980-01-06 00:00:10"), None);
        assert_eq!(time_in("14h25m"), None);
        assert_eq!(time_in("99999999999 1 1 1 1 1"), None);
    }
}
