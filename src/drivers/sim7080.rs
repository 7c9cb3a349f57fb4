//! SIM7080 on a UART: MQTT spoken by the modem itself, where no kernel driver gives a network. Over TCP without TLS.
//! Topics are those of [`super::mqtt`]; commands are given as hexadecimal or base64 text, since bytes that are no text
//! do not pass the modem.

use std::io;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::drivers::command_text::command_bytes;
use crate::drivers::mqtt::Topics;
use crate::drivers::serial::ladder::Climbs;
use crate::drivers::serial::line::Noise;
use crate::drivers::serial::{Ladder, Line, Port};
use crate::hal::{
    DeviceError, Downlink, Form, Link, NetworkTime, Parcel, Receipt, Signal, Uplink, UplinkError,
};
use crate::units::ClockQuality;

/// A look at what already came in.
const GLANCE: Duration = Duration::from_millis(2);

/// No network tells an earlier time: this program was written then.
const FIRST_YEAR: i32 = 2026;

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
    /// First part of every topic.
    pub prefix: String,
    /// The site's name.
    pub site: String,
    /// The trap's name; the MQTT client's too.
    pub device: String,
    /// Longest body, bytes. Default 512 (from memory: the modem's limit is 512 or 1024 by firmware).
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
    topics: Topics,
    connected: bool,
    inbox: Vec<Downlink>,
}

/// `+SMSUB: "<topic>","<payload>"` (from memory).
fn subscribed(line: &str) -> Option<Downlink> {
    let (_topic, payload) = line.strip_prefix("+SMSUB: \"")?.split_once("\",\"")?;
    Some(Downlink { port: 0, bytes: command_bytes(payload.strip_suffix('"')?.as_bytes()) })
}

/// `"26/05/04,22:36:22+08"`: local time, and how far it is ahead of UTC in quarters of an hour (3GPP TS 27.007, 8.15).
/// A modem that no network told the time counts from 1980.
fn network_clock(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim().trim_matches('"');
    let (local, zone) = text.split_at_checked(17)?;
    let quarters: i64 = if zone.is_empty() { 0 } else { zone.parse().ok()? };
    let numbers: Vec<u32> = local.split(['/', ',', ':']).map_while(|part| part.parse().ok()).collect();
    let [year, month, day, h, m, s] = numbers[..] else { return None };
    let year = i32::try_from(2000 + year).ok().filter(|year| (FIRST_YEAR..2080).contains(year))?;
    let local = NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(h, m, s)?;
    local.and_utc().checked_sub_signed(TimeDelta::try_minutes(quarters.checked_mul(15)?)?)
}

/// Text inside quotation marks must hold none, and no end of line.
fn quotable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"')
}

impl Sim7080 {
    /// Bits per second (from memory: it finds the rate itself).
    pub const BAUD: u32 = 115_200;

    /// Over `port`; nothing is said before [`Uplink::ready`].
    pub fn new(port: Box<dyn Port>, options: Options, ladder: Ladder) -> Self {
        let (line, begun, connected, inbox) = (Line::new(port), Instant::now(), false, Vec::new());
        let topics = Topics::new(&options.prefix, &options.site, &options.device);
        Sim7080 { line, options, ladder, begun, topics, connected, inbox }
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
            // Told by itself when the broker goes.
            _ if line == "+SMSTATE: 0" => self.connected = false,
            _ => self.line.stray(),
        }
    }

    /// Hears what it has to say by itself, until it is quiet.
    fn hear_out(&mut self, until: Instant) -> Result<(), Fault> {
        let quiet = Duration::from_millis(50);
        while let Some(line) = self.line.line(until.min(Instant::now() + quiet))? {
            self.heard(&line);
            if Instant::now() >= until {
                break;
            }
        }
        self.line.forget();
        Ok(())
    }

    fn connect(&mut self, until: Instant) -> Result<(), Fault> {
        let (answer, connect) = (self.options.answer, self.options.connect);
        self.hear_out(until.min(Instant::now() + answer))?;
        self.ask(("AT", "AT"), answer, until).or_else(|_| self.ask(("AT", "AT"), answer, until))?;
        let state = self.ask(("SMSTATE", "AT+SMSTATE?"), answer, until)?;
        // 2: the broker kept our session.
        if !matches!(state.as_deref(), Some("1" | "2")) {
            let Options { apn, host, port, login, device, .. } = self.options.clone();
            let (user, password) = login.unwrap_or_default();
            let (status, command) = (self.topics.status(), self.topics.command());
            let texts = [&apn, &host, &device, &user, &password, &command];
            if !texts.into_iter().all(|text| quotable(text)) {
                return Err(Fault::Refused("SMCONF", "us: a setting holds quotation marks".to_owned()));
            }
            self.ask(("CGDCONT", &format!("AT+CGDCONT=1,\"IP\",\"{apn}\"")), answer, until)?;
            // The network's clock is taken over; not every firmware knows the word.
            if let Err(Fault::Refused(what, line)) = self.ask(("CLTS", "AT+CLTS=1"), answer, until) {
                log::debug!("{}: {what} was answered by {line}", self.options.name);
            }
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
                // The last will.
                format!("\"TOPIC\",\"{status}\""),
                "\"MESSAGE\",\"offline\"".to_owned(),
                "\"QOS\",1".to_owned(),
                "\"RETAIN\",1".to_owned(),
            ];
            if !user.is_empty() {
                settings.push(format!("\"USERNAME\",\"{user}\""));
                settings.push(format!("\"PASSWORD\",\"{password}\""));
            }
            for setting in settings {
                self.ask(("SMCONF", &format!("AT+SMCONF={setting}")), answer, until)?;
            }
            self.ask(("SMCONN", "AT+SMCONN"), connect, until)?;
            self.ask(("SMSUB", &format!("AT+SMSUB=\"{command}\",1")), answer, until)?;
            self.say(&status, b"online", true, until)?;
        }
        self.connected = true;
        self.ladder.stands();
        Ok(())
    }

    fn publish(&mut self, parcel: &Parcel, until: Instant) -> Result<(), Fault> {
        if !self.connected {
            self.connect(until)?;
        }
        self.say(&self.topics.of_parcel(parcel), &parcel.body, false, until)
    }

    fn say(&mut self, topic: &str, body: &[u8], retain: bool, until: Instant) -> Result<(), Fault> {
        let command = format!("AT+SMPUB=\"{topic}\",{},1,{}", body.len(), u8::from(retain));
        self.line.command(&command, "\r\n", until)?;
        let prompted = until.min(Instant::now() + self.options.answer);
        let (mut heard, mut refused) = (Vec::new(), None);
        let prompt = self.line.prompt(b'>', prompted, |line| {
            let refusal = line == "ERROR" || line.starts_with("+CME ERROR");
            match refusal {
                true => refused = Some(line.to_owned()),
                false => heard.push(line.to_owned()),
            }
            // A flood must not fill the memory.
            refusal || heard.len() > 64
        });
        heard.iter().for_each(|line| self.heard(line));
        match (prompt?, refused) {
            (true, _) => {}
            (false, Some(line)) => return Err(Fault::Refused("SMPUB", line)),
            (false, None) => return Err(Fault::Silent("SMPUB")),
        }
        self.line.write(body, until)?;
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

    /// What AT+CSQ says: 0 is -113 dBm, each step 2 dB, 99 unknown (3GPP TS 27.007, 8.5).
    fn signal(&mut self, deadline: Duration) -> Result<Option<Signal>, UplinkError> {
        let until = Instant::now() + deadline;
        let answer = self.options.answer;
        let told = self.ask(("AT", "AT"), answer, until).or_else(|_| self.ask(("AT", "AT"), answer, until));
        let told = told.and_then(|_| self.ask(("CSQ", "AT+CSQ"), answer, until));
        let text = told.map_err(|fault| self.told(fault, until))?.unwrap_or_default();
        let steps: Option<i16> = text.split(',').next().and_then(|steps| steps.trim().parse().ok());
        Ok(steps.filter(|steps| (0..=31).contains(steps)).map(|steps| Signal::Dbm(2 * steps - 113)))
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
        // At least what already came in.
        let until = Instant::now() + deadline.max(GLANCE);
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

    /// What the modem knows from its network (AT+CCLK).
    fn network_time(&mut self, deadline: Duration) -> Result<Option<NetworkTime>, UplinkError> {
        let until = Instant::now() + deadline;
        if !self.connected {
            return Ok(None);
        }
        match self.ask(("CCLK", "AT+CCLK?"), self.options.answer, until) {
            Ok(text) => Ok(text
                .as_deref()
                .and_then(network_clock)
                .map(|utc| NetworkTime { utc, quality: ClockQuality::Network })),
            Err(Fault::Refused(..)) => Ok(None),
            Err(fault) => Err(self.told(fault, until)),
        }
    }

    fn rest(&mut self) {
        if !self.connected {
            return;
        }
        let until = Instant::now() + self.options.answer * 2;
        let gone = self.say(&self.topics.status(), b"offline", true, until);
        let gone = gone.and_then(|()| self.ask(("SMDISC", "AT+SMDISC"), self.options.answer, until));
        self.connected = false;
        if let Err(fault) = gone {
            log::warn!("{}: the modem does not disconnect: {fault}", self.options.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_networks_clock_is_put_to_utc() {
        // The manual of 3GPP's example form, "yy/MM/dd,hh:mm:ss±zz".
        assert_eq!(network_clock("\"26/05/04,22:36:22+08\""), "2026-05-04T20:36:22Z".parse().ok());
        assert_eq!(network_clock("\"26/05/04,22:36:22-20\""), "2026-05-05T03:36:22Z".parse().ok());
        assert_eq!(network_clock("\"80/01/06,02:08:09+00\""), None);
        assert_eq!(network_clock("26/13/04,22:36:22+00"), None);
        assert_eq!(network_clock("\"26/05\""), None);
    }
}
