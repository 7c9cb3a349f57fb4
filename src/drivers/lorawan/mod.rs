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
use crate::hal::{Downlink, Form, Link, NetworkTime, Parcel, Receipt, Uplink, UplinkError};
use crate::units::ClockQuality;

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
        let (known, joined, joins) = (false, None, 0);
        LoraWan {
            dialogue,
            wire,
            options,
            ladder,
            begun,
            known,
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

    /// Identified, configured and joined.
    fn stand(&mut self, until: Instant) -> Result<(), Fault> {
        let LoraWan { dialogue, wire, options, .. } = self;
        if !self.known {
            dialogue.resync(wire, until)?;
            let version = dialogue.identify(wire, until)?;
            dialogue.configure(wire, options, until)?;
            log::info!("{}: modem {version}", options.name);
            self.known = true;
        }
        if self.joined != Some(true) {
            // `None` twice: the modem cannot be asked and nothing speaks against the session it may have kept.
            let asked = self.dialogue.joined(&mut self.wire, until)?;
            match asked.or(self.joined) {
                Some(false) => self.join(until)?,
                Some(true) | None => self.joined = asked.or(Some(true)),
            }
        }
        self.ladder.stands();
        Ok(())
    }

    fn join(&mut self, until: Instant) -> Result<(), Fault> {
        let now = Instant::now();
        if let Some(wait) = self.join_not_before.and_then(|at| at.checked_duration_since(now)) {
            return Err(Fault::Wait(wait));
        }
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
            Fault::NotJoined => {
                self.joined = Some(false);
                down(what, "it joins again")
            }
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
        match self.dialogue.send(&mut self.wire, parcel, until) {
            Err(Fault::NotJoined) => {
                self.joined = Some(false);
                self.join(until)?;
                self.dialogue.send(&mut self.wire, parcel, until)
            }
            // The modem rarely says what fits. Where the data rate would take the parcel, answers of the MAC were
            // in the way, and they are gone now.
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

    fn ready(&mut self, deadline: Duration) -> Result<Link, UplinkError> {
        let until = Instant::now() + deadline;
        let link = self.stand(until);
        let link = link.and_then(|()| self.dialogue.link(&mut self.wire, &self.options, until));
        link.map_err(|fault| self.told(fault, until))
    }

    fn send(&mut self, parcel: &Parcel, deadline: Duration) -> Result<Receipt, UplinkError> {
        let until = Instant::now() + deadline;
        self.send_once(parcel, until).map_err(|fault| self.told(fault, until))
    }

    fn receive(&mut self, deadline: Duration) -> Result<Vec<Downlink>, UplinkError> {
        let until = Instant::now() + deadline;
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
        let until = Instant::now() + deadline;
        let time = self.stand(until).and_then(|()| self.dialogue.time(&mut self.wire, until));
        let time = time.map_err(|fault| self.told(fault, until))?;
        Ok(time.map(|utc| NetworkTime { utc, quality: ClockQuality::Network }))
    }

    fn rest(&mut self) {
        let until = Instant::now() + self.options.limits.answer;
        if let Err(fault) = self.dialogue.sleep(&mut self.wire, until) {
            log::warn!("{}: the modem does not sleep: {fault}", self.options.name);
        }
        // Waking is a resync; the session stays.
        self.known = false;
    }
}
