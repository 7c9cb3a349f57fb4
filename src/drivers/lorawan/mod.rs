//! LoRaWAN modems on a serial port. Here is what they share: when to ask, join, send, wait and give up. One file per
//! modem holds its words.

mod backoff;
mod dialogue;
mod options;
pub mod rak3172;
pub mod rak4270;
pub mod rn2483;
pub mod wio_e5;

use std::time::{Duration, Instant};

pub use dialogue::{Dialogue, Fault, Wire};
pub use options::{Key, Limits, MaxPayload, Options, Region, hex, unhex};

use crate::drivers::serial::ladder::Climbs;
use crate::drivers::serial::line::Noise;
use crate::drivers::serial::{Ladder, Line, Port};
use crate::hal::DeviceError;
use crate::hal::{Downlink, Dues, Form, Link, NetworkTime, Parcel, Receipt, Uplink, UplinkError};
use crate::units::ClockQuality;

/// A join request has 23 bytes (LoRaWAN Link Layer 1.0.4, 6.2.5), a frame without payload 13.
const JOIN_REQUEST_BYTES: usize = 23 - 13;

/// A look at what already came in.
const GLANCE: Duration = Duration::from_millis(2);

/// What happened to a modem since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Dropped on the line.
    pub noise: Noise,
    /// Steps back from silence.
    pub climbs: Climbs,
    /// Joins tried.
    pub joins: u64,
    /// Empty frames that the firmware sent on its own.
    pub empty_frames: u64,
}

/// A modem with the dialogue `D`.
pub struct LoraWan<D> {
    dialogue: D,
    wire: Wire,
    options: Options,
    ladder: Ladder,
    begun: Instant,
    /// Identified and configured since it last failed.
    known: bool,
    /// It sleeps, or may.
    asleep: bool,
    /// When a parcel was last answered: its downlink may still come.
    answered: Option<Instant>,
    /// What is known of the session: at the start nothing.
    joined: Option<bool>,
    /// The first failed join in a row, and until when the next must wait.
    first_failure: Option<Instant>,
    join_not_before: Option<Instant>,
    joins: u64,
}

impl<D: Dialogue> LoraWan<D> {
    /// Over `port`, which was opened with [`Dialogue::BAUD`]. Nothing is said before [`Uplink::ready`].
    pub fn new(port: Box<dyn Port>, dialogue: D, options: Options, ladder: Ladder) -> Self {
        let limits = options.limits.clone();
        let wire = Wire { line: Line::new(port), limits, inbox: Vec::new(), empty_frames: 0 };
        let (first_failure, join_not_before) = (None, None);
        let begun = Instant::now();
        let (known, asleep, answered, joined, joins) = (false, false, None, None, 0);
        LoraWan {
            dialogue,
            wire,
            options,
            ladder,
            begun,
            known,
            asleep,
            answered,
            joined,
            first_failure,
            join_not_before,
            joins,
        }
    }

    /// What happened since the start.
    pub fn counts(&self) -> Counts {
        let (noise, climbs) = (self.wire.line.noise(), self.ladder.climbs());
        Counts { noise, climbs, joins: self.joins, empty_frames: self.wire.empty_frames }
    }

    /// Awake, identified and configured.
    fn stand(&mut self, until: Instant) -> Result<(), Fault> {
        let LoraWan { dialogue, wire, options, .. } = self;
        if !self.known {
            dialogue.forget();
            dialogue.resync(wire, until)?;
            let version = dialogue.identify(wire, until)?;
            dialogue.configure(wire, options, until)?;
            log::info!("{}: modem {version}", options.name);
            (self.known, self.asleep) = (true, false);
        }
        if self.asleep {
            dialogue.resync(wire, until)?;
            self.asleep = false;
        }
        self.ladder.stands();
        Ok(())
    }

    /// Stands and has a session. Joins only where [`Uplink::dues`] said so.
    fn session(&mut self, until: Instant) -> Result<(), Fault> {
        let paid = self.joined == Some(false);
        self.stand(until)?;
        if self.joined == Some(true) {
            return Ok(());
        }
        let asked = self.dialogue.joined(&mut self.wire, until)?;
        // `None` twice: the modem cannot be asked and nothing speaks against the session it may have kept.
        self.joined = Some(asked.or(self.joined).unwrap_or(true));
        match (self.joined, paid) {
            (Some(true), _) => Ok(()),
            (_, true) => self.join(until),
            (_, false) => Err(Fault::Unpaid),
        }
    }

    /// How long the next join must still wait.
    fn join_wait(&self) -> Option<Duration> {
        self.join_not_before?.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
    }

    fn join(&mut self, until: Instant) -> Result<(), Fault> {
        if let Some(wait) = self.join_wait() {
            return Err(Fault::Wait(wait));
        }
        let now = Instant::now();
        self.joins += 1;
        let answer =
            self.dialogue.join(&mut self.wire, &self.options, until.min(now + self.options.limits.join));
        match answer {
            Ok(()) => {
                (self.first_failure, self.join_not_before, self.joined) = (None, None, Some(true));
                Ok(())
            }
            Err(fault) => {
                if let Fault::JoinFailed(_) | Fault::Silent(_) = fault {
                    let since = *self.first_failure.get_or_insert(now);
                    let pause = backoff::pause(self.options.limits.join_airtime, now - since);
                    self.join_not_before = Some(now + backoff::jittered(pause));
                }
                self.joined = Some(false);
                Err(fault)
            }
        }
    }

    /// Says what a fault means to the sender, and what must be done again after it.
    fn told(&mut self, fault: Fault, until: Instant) -> UplinkError {
        let down = |what: String, cure: &str| {
            UplinkError::Down(DeviceError { device: self.options.name.clone(), what, cure: cure.to_owned() })
        };
        let what = fault.to_string();
        match fault {
            Fault::Wait(wait) => UplinkError::Wait(wait),
            Fault::TooLong(max) => UplinkError::TooLong { max },
            Fault::NoAck => down(what, "the parcel is sent again; check the gateway if it goes on"),
            // It may have lost its settings with its session.
            Fault::NotJoined => {
                (self.known, self.joined) = (false, Some(false));
                down(what, "it joins again")
            }
            Fault::Unpaid => UplinkError::Unpaid,
            Fault::JoinFailed(_) => {
                down(what, "check the keys on both sides, the antenna and the gateway; it tries again")
            }
            Fault::Stranger(_) => {
                self.known = false;
                down(what, "check the kind of modem and the serial port in the board profile")
            }
            Fault::Refused(..) => {
                self.known = false;
                down(what, "check the region and the settings of the modem, and its firmware")
            }
            Fault::Silent(_) | Fault::Port(_) => {
                let error = down(what, "check power, wiring and baud rate; it is reset if it stays so");
                // A session may be lost, if the modem rebooted: it is asked again where it can be.
                (self.known, self.joined) = (false, self.joined.filter(|joined| !joined));
                let left = until.saturating_duration_since(Instant::now());
                self.ladder.climb(self.begun.elapsed(), left);
                error
            }
        }
    }

    fn send_once(&mut self, parcel: &Parcel, until: Instant) -> Result<Receipt, Fault> {
        self.stand(until)?;
        if self.joined == Some(false) {
            return Err(Fault::NotJoined);
        }
        let answer = self.dialogue.send(&mut self.wire, parcel, until);
        if matches!(answer, Ok(_) | Err(Fault::NoAck)) {
            self.answered = Some(Instant::now());
            // What comes with the answer of the network is told right behind the modem's own.
            let quiet = self.wire.limits.quiet;
            self.dialogue.hear_out(&mut self.wire, quiet, until)?;
        }
        match answer {
            // The modem rarely says what fits. Where the data rate would take the parcel, answers of the MAC were
            // in the way, and they are gone now with an empty frame, which the parcel's own price covers.
            Err(Fault::TooLong(max)) => {
                let link = self.dialogue.link(&mut self.wire, &self.options, until)?;
                match parcel.body.len() <= link.max_payload {
                    true => Err(Fault::Wait(self.options.limits.busy)),
                    false => Err(Fault::TooLong(link.max_payload.min(max))),
                }
            }
            answer => answer,
        }
    }
}

impl<D: Dialogue> Uplink for LoraWan<D> {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn form(&self) -> Form {
        Form::Packet
    }

    /// A join request at the slowest data rate, since the modem chooses.
    fn dues(&self) -> Option<Dues> {
        let join = self.joined == Some(false) && self.join_wait().is_none();
        let data_rate = (0..=15).find(|rate| (self.options.max_payload)(*rate) > 0).unwrap_or(0);
        join.then_some(Dues { bytes: JOIN_REQUEST_BYTES, data_rate })
    }

    fn ready(&mut self, deadline: Duration) -> Result<Link, UplinkError> {
        let until = Instant::now() + deadline;
        let link = self.session(until);
        let link = link.and_then(|()| self.dialogue.link(&mut self.wire, &self.options, until));
        link.map_err(|fault| self.told(fault, until))
    }

    fn send(&mut self, parcel: &Parcel, deadline: Duration) -> Result<Receipt, UplinkError> {
        let until = Instant::now() + deadline;
        self.send_once(parcel, until).map_err(|fault| self.told(fault, until))
    }

    fn receive(&mut self, deadline: Duration) -> Result<Vec<Downlink>, UplinkError> {
        // At least what already came in.
        let until = Instant::now() + deadline.max(GLANCE);
        while self.wire.inbox.is_empty() {
            match self.wire.line.line(until) {
                Ok(Some(line)) => {
                    if !self.dialogue.hear(&mut self.wire, &line) {
                        self.wire.line.stray();
                    }
                }
                Ok(None) => break,
                Err(error) => return Err(self.told(error.into(), until)),
            }
            if Instant::now() >= until {
                break;
            }
        }
        Ok(std::mem::take(&mut self.wire.inbox))
    }

    fn network_time(&mut self, deadline: Duration) -> Result<Option<NetworkTime>, UplinkError> {
        if self.joined != Some(true) || !self.known || self.asleep {
            return Ok(None);
        }
        let until = Instant::now() + deadline;
        let time = self.dialogue.time(&mut self.wire, until);
        let time = time.map_err(|fault| self.told(fault, until))?;
        Ok(time.map(|utc| NetworkTime { utc, quality: ClockQuality::Network }))
    }

    /// Waits for the receive windows where the modem answered before them.
    fn rest(&mut self) {
        if !self.known || self.asleep {
            return;
        }
        let windows = self.answered.take().filter(|_| D::EARLY).map(|at| at + self.options.limits.windows);
        while let Some(until) = windows.filter(|until| Instant::now() < *until) {
            match self.wire.line.line(until) {
                Ok(Some(line)) if self.dialogue.hear(&mut self.wire, &line) => {}
                Ok(Some(_)) => self.wire.line.stray(),
                Ok(None) | Err(_) => break,
            }
        }
        let until = Instant::now() + self.options.limits.answer;
        if let Err(fault) = self.dialogue.sleep(&mut self.wire, until) {
            log::warn!("{}: the modem does not sleep: {fault}", self.options.name);
        }
        // The session and the settings stay.
        self.asleep = true;
    }
}
