//! Iridium short bursts: 9602, 9603 and RockBLOCKs around them (not the 9704, which speaks otherwise).

use std::io;
use std::time::{Duration, Instant};

use crate::drivers::serial::ladder::Climbs;
use crate::drivers::serial::line::Noise;
use crate::drivers::serial::{Ladder, Line, Port};
use crate::hal::{DeviceError, Downlink, Form, Link, Parcel, Receipt, Signal, Uplink, UplinkError};

/// Longest message from the trap, bytes (9602 and 9603).
pub const MAX_BYTES: usize = 340;

/// Longest message to the trap, bytes (from memory: 270 for the 9602 and 9603).
const MAX_DOWN: usize = 270;

/// Bytes among which the echo of a command must come.
const ECHO_WITHIN: usize = 64;

/// Settings of a satellite modem.
#[derive(Debug, Clone)]
pub struct Options {
    /// The uplink's name in messages.
    pub name: String,
    /// For an answer to a command. Default 2 s.
    pub answer: Duration,
    /// For one session with a satellite (AT+SBDIX). Default 90 s; from memory, sessions end within a minute.
    pub session: Duration,
    /// Pause between tries. Default 30 s, right for a RockBLOCK on USB power; 10 s with a strong supply.
    pub retry: Duration,
    /// Weakest signal worth a try, 0..=5. Default 1.
    pub min_signal: u8,
}

impl Default for Options {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Options {
            name: "iridium".to_owned(),
            answer: secs(2),
            session: secs(90),
            retry: secs(30),
            min_signal: 1,
        }
    }
}

/// Why a word with the modem did not end well.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("no answer to {0}")]
    Silent(&'static str),
    #[error("the serial port fails: {0}")]
    Port(#[from] io::Error),
    #[error("{0} was answered by {1}")]
    Refused(&'static str, String),
    #[error("too weak a signal, or no satellite")]
    Later,
    #[error("the gateway refused the message: MO status {0}")]
    Fatal(u16),
}

/// A satellite modem.
pub struct Iridium {
    line: Line,
    options: Options,
    ladder: Ladder,
    begun: Instant,
    known: bool,
    /// Until when no session may begin.
    not_before: Option<Instant>,
    inbox: Vec<Downlink>,
    damaged: u64,
}

impl Iridium {
    /// Bits per second (from memory: the factory setting).
    pub const BAUD: u32 = 19_200;

    /// Over `port`; nothing is said before [`Uplink::ready`].
    pub fn new(port: Box<dyn Port>, options: Options, ladder: Ladder) -> Self {
        let (line, begun) = (Line::new(port), Instant::now());
        let (known, not_before, inbox, damaged) = (false, None, Vec::new(), 0);
        Iridium { line, options, ladder, begun, known, not_before, inbox, damaged }
    }

    /// Dropped on the line; steps back from silence; messages whose checksum was wrong.
    pub fn counts(&self) -> (Noise, Climbs, u64) {
        (self.line.noise(), self.ladder.climbs(), self.damaged)
    }

    /// Says `command`; `heed` picks the line that is wanted, and OK ends it.
    fn ask(
        &mut self,
        command: &'static str,
        wait: Duration,
        until: Instant,
    ) -> Result<Option<String>, Fault> {
        let until = until.min(Instant::now() + wait);
        self.line.command(command, "\r", until)?;
        let verb = command.trim_start_matches("AT");
        let mut value = None;
        while let Some(line) = self.line.line(until)? {
            match line.as_str() {
                "OK" => return Ok(value),
                "ERROR" => return Err(Fault::Refused(command, line)),
                _ => match line.strip_prefix(verb).and_then(|rest| rest.strip_prefix(':')) {
                    Some(text) if verb.starts_with('+') => value = Some(text.trim().to_owned()),
                    _ => self.line.stray(),
                },
            }
            if Instant::now() >= until {
                break;
            }
        }
        Err(Fault::Silent(command))
    }

    fn stand(&mut self, until: Instant) -> Result<(), Fault> {
        if !self.known {
            self.line.drain(Duration::from_millis(50), until.min(Instant::now() + self.options.answer))?;
            let answer = self.options.answer;
            // The first AT may end half a command the modem still holds.
            self.ask("AT", answer, until).or_else(|_| self.ask("AT", answer, until))?;
            for command in ["ATE1", "AT&D0", "AT&K0", "AT+SBDMTA=0"] {
                self.ask(command, answer, until)?;
            }
            self.known = true;
        }
        self.ladder.stands();
        Ok(())
    }

    /// Puts `body` into the modem: its length, then the bytes and the sum of them.
    fn load(&mut self, body: &[u8], until: Instant) -> Result<(), Fault> {
        let until = until.min(Instant::now() + self.options.answer);
        self.line.command(&format!("AT+SBDWB={}", body.len()), "\r", until)?;
        self.await_one("AT+SBDWB", until, |line| line == "READY")?;
        let sum = checksum(body);
        self.line.write(&[body, &sum.to_be_bytes()].concat(), until)?;
        self.await_one("AT+SBDWB", until, |line| line == "0")?;
        self.await_one("AT+SBDWB", until, |line| line == "OK")
    }

    fn await_one(
        &mut self,
        what: &'static str,
        until: Instant,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(), Fault> {
        while let Some(line) = self.line.line(until)? {
            if wanted(&line) {
                return Ok(());
            }
            // from memory: 1 timeout, 2 checksum, 3 size.
            if matches!(line.as_str(), "1" | "2" | "3" | "ERROR") {
                return Err(Fault::Refused(what, line));
            }
            self.line.stray();
            if Instant::now() >= until {
                break;
            }
        }
        Err(Fault::Silent(what))
    }

    /// One session: what is loaded goes up, one message may come down. Gives the MO status.
    fn session(&mut self, until: Instant) -> Result<u16, Fault> {
        if let Some(wait) = self.not_before.and_then(|at| at.checked_duration_since(Instant::now())) {
            log::debug!("{}: the next session may begin in {} ms", self.options.name, wait.as_millis());
            return Err(Fault::Later);
        }
        let signal = self.ask("AT+CSQ", self.options.answer.max(Duration::from_secs(1)), until)?;
        let signal: u8 = signal.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        self.not_before = Some(Instant::now() + self.options.retry);
        if signal < self.options.min_signal {
            return Err(Fault::Later);
        }
        let text = self.ask("AT+SBDIX", self.options.session, until)?.unwrap_or_default();
        let codes: Vec<u16> = text.split(',').filter_map(|code| code.trim().parse().ok()).collect();
        let [status, _momsn, mt, _mtmsn, _length, _queued] = codes[..] else {
            return Err(Fault::Refused("AT+SBDIX", text));
        };
        if mt == 1
            && let Err(fault) = self.fetch(until)
        {
            // What went up is up, whatever became of what came down: it must not be paid for twice.
            self.damaged += 1;
            self.known = false;
            log::warn!("{}: a message to the trap was not read: {fault}", self.options.name);
        }
        Ok(status)
    }

    /// Reads the message from the gateway: length, bytes, sum.
    fn fetch(&mut self, until: Instant) -> Result<(), Fault> {
        let until = until.min(Instant::now() + self.options.answer);
        self.line.command("AT+SBDRB", "\r", until)?;
        // Echo is on: what follows the command's own echo are the bytes.
        let mut before = Vec::new();
        while !before.ends_with(b"AT+SBDRB\r") {
            before.extend(self.line.bytes(1, until)?.ok_or(Fault::Silent("AT+SBDRB"))?);
            if before.len() > ECHO_WITHIN {
                return Err(Fault::Refused("AT+SBDRB", "something else than its echo".to_owned()));
            }
        }
        let head = self.line.bytes(2, until)?.ok_or(Fault::Silent("AT+SBDRB"))?;
        let length = head.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length > MAX_DOWN {
            return Err(Fault::Refused("AT+SBDRB", format!("a message of {length} bytes")));
        }
        let bytes = self.line.bytes(length + 2, until)?.ok_or(Fault::Silent("AT+SBDRB"))?;
        let (bytes, sum) = bytes.split_at(length);
        match checksum(bytes).to_be_bytes() == sum {
            true => self.inbox.push(Downlink { port: 0, bytes: bytes.to_vec() }),
            false => {
                self.damaged += 1;
                log::warn!("{}: a message to the trap was damaged on the wire", self.options.name);
            }
        }
        self.await_one("AT+SBDRB", until, |line| line == "OK")
    }

    fn give(&mut self, body: &[u8], until: Instant) -> Result<Receipt, Fault> {
        self.stand(until)?;
        self.load(body, until)?;
        let status = self.session(until)?;
        match status {
            // Sent: the modem would send it again with the next session otherwise.
            0..=4 => {
                if let Err(fault) = self.ask("AT+SBDD0", self.options.answer, until) {
                    log::warn!("{}: the sent message stays in the modem: {fault}", self.options.name);
                }
                Ok(Receipt::Delivered)
            }
            12 | 14 | 16 => Err(Fault::Fatal(status)),
            _ => Err(Fault::Later),
        }
    }

    fn told(&mut self, fault: Fault, until: Instant) -> UplinkError {
        let (device, what) = (self.options.name.clone(), fault.to_string());
        let error = |cure: &str| DeviceError { device, what, cure: cure.to_owned() };
        match fault {
            Fault::Later => {
                let wait = self.not_before.map(|at| at.saturating_duration_since(Instant::now()));
                UplinkError::Wait(wait.unwrap_or(self.options.retry))
            }
            Fault::Fatal(_) => UplinkError::Refused(error("check the modem's subscription")),
            Fault::Refused(..) => {
                self.known = false;
                UplinkError::Down(error("check that the modem is a 9602 or 9603; it tries again"))
            }
            Fault::Silent(_) | Fault::Port(_) => {
                self.known = false;
                let left = until.saturating_duration_since(Instant::now());
                self.ladder.climb(self.begun.elapsed(), left);
                UplinkError::Down(error("check power, wiring and baud rate; it is reset if it stays so"))
            }
        }
    }
}

/// The sum of all bytes, modulo 65536.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(u16::from(*byte)))
}

impl Uplink for Iridium {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn form(&self) -> Form {
        Form::Packet
    }

    fn ready(&mut self, deadline: Duration) -> Result<Link, UplinkError> {
        let until = Instant::now() + deadline;
        self.stand(until).map_err(|fault| self.told(fault, until))?;
        Ok(Link { max_payload: MAX_BYTES, data_rate: None })
    }

    /// Bars by AT+CSQ; the modem looks at the sky for it and sends nothing.
    fn signal(&mut self, deadline: Duration) -> Result<Option<Signal>, UplinkError> {
        let until = Instant::now() + deadline;
        let wait = self.options.session;
        let asked = self.stand(until).and_then(|()| self.ask("AT+CSQ", wait, until));
        let text = asked.map_err(|fault| self.told(fault, until))?;
        Ok(text.as_deref().and_then(|text| text.parse().ok()).filter(|bars| *bars <= 5).map(Signal::Bars))
    }

    fn send(&mut self, parcel: &Parcel, deadline: Duration) -> Result<Receipt, UplinkError> {
        let until = Instant::now() + deadline;
        if parcel.body.len() > MAX_BYTES {
            return Err(UplinkError::TooLong { max: MAX_BYTES });
        }
        self.give(&parcel.body, until).map_err(|fault| self.told(fault, until))
    }

    /// What came down with the last sessions. Nothing is asked for its own sake: every session costs money.
    fn receive(&mut self, _deadline: Duration) -> Result<Vec<Downlink>, UplinkError> {
        Ok(std::mem::take(&mut self.inbox))
    }
}
