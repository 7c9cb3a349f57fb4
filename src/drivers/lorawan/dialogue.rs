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
    /// It must join, and nobody paid for the air time.
    #[error("a join must be paid for")]
    Unpaid,
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

    /// It answers to a parcel before the receive windows: its downlink may still come.
    const EARLY: bool = false;

    /// It may have lost power: what is remembered of its settings counts no more.
    fn forget(&mut self) {}

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
    /// Hears what it has to say until nothing came for `quiet`, at the longest until `until`. Downlinks are kept; half
    /// a line is dropped.
    fn hear_out(&mut self, wire: &mut Wire, quiet: Duration, until: Instant) -> io::Result<()> {
        while let Some(line) = wire.line.line(until.min(Instant::now() + quiet))? {
            if !self.hear(wire, &line) {
                wire.line.stray();
            }
            if Instant::now() >= until {
                break;
            }
        }
        wire.line.forget();
        Ok(())
    }
    /// The network's time; `None` where the question only travels with the next parcel. Asked again after it.
    fn time(&mut self, _: &mut Wire, _: Instant) -> Result<Option<DateTime<Utc>>, Fault> {
        Ok(None)
    }
    /// Sleeps until the next word.
    fn sleep(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault>;
}

/// The natural numbers in `text`, in their order.
pub fn numbers(text: &str) -> Vec<u32> {
    let parts = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    parts.map_while(|part| part.parse().ok()).collect()
}

/// No network tells an earlier time: this program was written then. A modem that never heard the network counts from
/// 1970, 1980 or (Wio-E5) 2020.
const FIRST_YEAR: i32 = 2026;

/// UTC of its numbers; `None` where they are none or lie before [`FIRST_YEAR`].
pub fn utc(date: [u32; 3], time: [u32; 3]) -> Option<DateTime<Utc>> {
    let ([year, month, day], [hour, minute, second]) = (date, time);
    let year = i32::try_from(year).ok().filter(|year| (FIRST_YEAR..2100).contains(year))?;
    Some(NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(hour, minute, second)?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_never_guessed() {
        assert_eq!(numbers("14h25m30s on 06/27/2026"), [14, 25, 30, 6, 27, 2026]);
        assert!(numbers("x 99999999999 1").is_empty());
        assert_eq!(utc([2026, 6, 27], [14, 25, 30]), "2026-06-27T14:25:30Z".parse().ok());
        assert_eq!(utc([2020, 1, 1], [0, 0, 10]), None);
        assert_eq!(utc([2026, 27, 6], [0, 0, 0]), None);
    }
}
