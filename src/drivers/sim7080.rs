//! SIM7080 on a UART: MQTT spoken by the modem itself, where no kernel driver gives a network.

use std::io;
use std::time::{Duration, Instant};

use crate::drivers::serial::ladder::Climbs;
use crate::drivers::serial::line::Noise;
use crate::drivers::serial::{Ladder, Line, Port};
use crate::hal::{DeviceError, Downlink, Form, Link, Parcel, Receipt, Uplink, UplinkError};

/// Settings of the modem and its broker.
#[derive(Clone)]
pub struct Options {
    /// The uplink's name in messages.
    pub name: String,
    /// Access point name of the SIM card.
    pub apn: String,
    /// Broker's host name.
    pub host: String,
    /// Broker's port.
    pub port: u16,
    /// MQTT user and password; never shown.
    pub login: Option<(String, String)>,
    /// Topics are `{prefix}/{site}/{device}/{subject}`.
    pub prefix: String,
    /// The site's name.
    pub site: String,
    /// The trap's name; the MQTT client's too.
    pub device: String,
    /// Longest body, bytes. Default 512 (\[K\]: the modem's limit is 512 or 1024 by firmware).
    pub max_body: usize,
    /// For an answer to a command. Default 5 s.
    pub answer: Duration,
    /// For the network and the broker. Default 60 s.
    pub connect: Duration,
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
}

/// An MQTT client inside a modem.
pub struct Sim7080 {
    line: Line,
    options: Options,
    ladder: Ladder,
    begun: Instant,
    connected: bool,
    inbox: Vec<Downlink>,
}

/// `+SMSUB: "<topic>","<payload>"` ([K]: this format is in no source).
fn subscribed(line: &str) -> Option<Downlink> {
    let (_topic, payload) = line.strip_prefix("+SMSUB: \"")?.split_once("\",\"")?;
    Some(Downlink { port: 0, bytes: payload.strip_suffix('"')?.as_bytes().to_vec() })
}

/// Text inside quotation marks must hold none, and no end of line.
fn quotable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"')
}

impl Sim7080 {
    /// Bits per second (\[K\]: it finds the rate itself).
    pub const BAUD: u32 = 115_200;

    /// Over `port`; nothing is said before [`Uplink::ready`].
    pub fn new(port: Box<dyn Port>, options: Options, ladder: Ladder) -> Self {
        let (line, begun, connected, inbox) = (Line::new(port), Instant::now(), false, Vec::new());
        Sim7080 { line, options, ladder, begun, connected, inbox }
    }

    /// Dropped on the line; steps back from silence.
    pub fn counts(&self) -> (Noise, Climbs) {
        (self.line.noise(), self.ladder.climbs())
    }

    /// Says `command` and waits for OK; gives the value after `+<verb>:`.
    fn ask(
        &mut self,
        (what, command): (&'static str, &str),
        wait: Duration,
        until: Instant,
    ) -> Result<Option<String>, Fault> {
        let until = until.min(Instant::now() + wait);
        self.line.command(command, "\r\n", until)?;
        self.await_ok(what, until)
    }

    fn await_ok(&mut self, what: &'static str, until: Instant) -> Result<Option<String>, Fault> {
        let mut value = None;
        while let Some(line) = self.line.line(until)? {
            match line.as_str() {
                "OK" => return Ok(value),
                "ERROR" => return Err(Fault::Refused(what, line)),
                _ if line.starts_with("+CME ERROR") => return Err(Fault::Refused(what, line)),
                _ => match line.strip_prefix(&format!("+{what}:")) {
                    Some(text) => value = Some(text.trim().to_owned()),
                    None => self.heard(&line),
                },
            }
            if Instant::now() >= until {
                break;
            }
        }
        Err(Fault::Silent(what))
    }

    fn heard(&mut self, line: &str) {
        match subscribed(line) {
            Some(downlink) if self.inbox.len() < 64 => self.inbox.push(downlink),
            _ => self.line.stray(),
        }
    }

    fn topic(&self, subject: &str) -> String {
        let Options { prefix, site, device, .. } = &self.options;
        format!("{prefix}/{site}/{device}/{subject}")
    }

    fn connect(&mut self, until: Instant) -> Result<(), Fault> {
        let (answer, connect) = (self.options.answer, self.options.connect);
        self.line.drain(Duration::from_millis(50), until.min(Instant::now() + answer))?;
        self.ask(("AT", "AT"), answer, until).or_else(|_| self.ask(("AT", "AT"), answer, until))?;
        let state = self.ask(("SMSTATE", "AT+SMSTATE?"), answer, until)?;
        if state.as_deref() != Some("1") {
            let Options { apn, host, port, login, device, .. } = self.options.clone();
            let (user, password) = login.unwrap_or_default();
            let texts = [&apn, &host, &device, &user, &password, &self.topic("cmd")];
            if !texts.into_iter().all(|text| quotable(text)) {
                return Err(Fault::Refused("SMCONF", "us: a setting holds quotation marks".to_owned()));
            }
            self.ask(("CGDCONT", &format!("AT+CGDCONT=1,\"IP\",\"{apn}\"")), answer, until)?;
            self.ask(("CNCFG", &format!("AT+CNCFG=0,1,\"{apn}\"")), answer, until)?;
            // Refused where the network is already there; SMCONN shows whether it is.
            if let Err(Fault::Refused(what, line)) = self.ask(("CNACT", "AT+CNACT=0,1"), connect, until) {
                log::debug!("{}: {what} was answered by {line}", self.options.name);
            }
            let mut settings = vec![
                format!("\"URL\",\"{host}\",\"{port}\""),
                format!("\"CLIENTID\",\"{device}\""),
                "\"KEEPTIME\",60".to_owned(),
                // The broker keeps commands for the time we sleep.
                "\"CLEANSS\",0".to_owned(),
            ];
            if !user.is_empty() {
                settings.push(format!("\"USERNAME\",\"{user}\""));
                settings.push(format!("\"PASSWORD\",\"{password}\""));
            }
            for setting in settings {
                self.ask(("SMCONF", &format!("AT+SMCONF={setting}")), answer, until)?;
            }
            self.ask(("SMCONN", "AT+SMCONN"), connect, until)?;
            let subscribe = format!("AT+SMSUB=\"{}\",1", self.topic("cmd"));
            self.ask(("SMSUB", &subscribe), answer, until)?;
        }
        self.connected = true;
        self.ladder.stands();
        Ok(())
    }

    fn publish(&mut self, parcel: &Parcel, until: Instant) -> Result<(), Fault> {
        if !self.connected {
            self.connect(until)?;
        }
        let topic = self.topic(parcel.subject.as_str());
        self.line.command(&format!("AT+SMPUB=\"{topic}\",{},1,0", parcel.body.len()), "\r\n", until)?;
        let stop = |line: &str| line == "ERROR" || line.starts_with("+CME ERROR");
        let prompted = until.min(Instant::now() + self.options.answer);
        if !self.line.prompt(b'>', prompted, stop)? {
            return Err(Fault::Silent("SMPUB"));
        }
        self.line.write(&parcel.body, until)?;
        self.await_ok("SMPUB", until).map(drop)
    }

    fn told(&mut self, fault: Fault, until: Instant) -> UplinkError {
        self.connected = false;
        let (device, what) = (self.options.name.clone(), fault.to_string());
        let cure = match fault {
            Fault::Refused(..) => {
                "check the SIM card, its access point name, and the broker's address and login"
            }
            Fault::Silent(_) | Fault::Port(_) => {
                let left = until.saturating_duration_since(Instant::now());
                self.ladder.climb(self.begun.elapsed(), left);
                "check power, wiring and reception; the modem is reset if it stays so"
            }
        };
        UplinkError::Down(DeviceError { device, what, cure: cure.to_owned() })
    }
}

impl Uplink for Sim7080 {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn form(&self) -> Form {
        Form::Letter
    }

    fn ready(&mut self, deadline: Duration) -> Result<Link, UplinkError> {
        let until = Instant::now() + deadline;
        self.connect(until).map_err(|fault| self.told(fault, until))?;
        Ok(Link { max_payload: usize::MAX, data_rate: None })
    }

    /// Delivered at quality of service 1: the modem says OK after the broker's PUBACK.
    fn send(&mut self, parcel: &Parcel, deadline: Duration) -> Result<Receipt, UplinkError> {
        let until = Instant::now() + deadline;
        if parcel.body.len() > self.options.max_body {
            let what = format!(
                "{} bytes, and the modem publishes at most {}",
                parcel.body.len(),
                self.options.max_body
            );
            let cure = "send pictures by another uplink, or make them smaller".to_owned();
            return Err(UplinkError::Refused(DeviceError { device: self.options.name.clone(), what, cure }));
        }
        self.publish(parcel, until).map_err(|fault| self.told(fault, until))?;
        Ok(Receipt::Delivered)
    }

    fn receive(&mut self, deadline: Duration) -> Result<Vec<Downlink>, UplinkError> {
        let until = Instant::now() + deadline;
        while self.inbox.is_empty() {
            match self.line.line(until) {
                Ok(Some(line)) => self.heard(&line),
                Ok(None) => break,
                Err(error) => return Err(self.told(error.into(), until)),
            }
            if Instant::now() >= until {
                break;
            }
        }
        Ok(std::mem::take(&mut self.inbox))
    }

    fn rest(&mut self) {
        let until = Instant::now() + self.options.answer;
        if std::mem::take(&mut self.connected)
            && let Err(fault) = self.ask(("SMDISC", "AT+SMDISC"), self.options.answer, until)
        {
            log::warn!("{}: the modem does not disconnect: {fault}", self.options.name);
        }
    }
}
