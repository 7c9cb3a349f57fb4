//! RAK4270 and RAK811 with firmware V3.x: lower-case `at+set_config` words, errors by number.

use std::time::Instant;

use super::dialogue::{Dialogue, Fault, Wire};
use super::options::{Options, Region, hex, unhex};
use crate::hal::{Downlink, Link, Parcel, Receipt};

/// The words of the RAK4270 (its AT command manual).
#[derive(Debug, Default)]
pub struct Rak4270 {
    confirm: Option<bool>,
}

/// A line holds 255 characters, the command with its port up to 16 of them.
const MAX_BYTES: usize = (255 - 16) / 2;

/// `at+recv=<port>,<rssi>,<snr>,<len>[:<hex>]`; a length of 0 is a bare acknowledgement.
fn received(line: &str) -> Option<(Option<Downlink>, bool)> {
    let (head, data) = line.strip_prefix("at+recv=")?.split_once(':').map_or_else(
        || (line.trim_start_matches("at+recv="), None),
        |(head, data)| (head.trim_start_matches("at+recv="), Some(data)),
    );
    let port = head.split(',').next()?.parse().ok()?;
    let bytes = data.and_then(unhex).filter(|bytes| !bytes.is_empty());
    let bare = bytes.is_none();
    Some((bytes.map(|bytes| Downlink { port, bytes }), bare))
}

/// What the numbers mean (manual, table of error codes).
fn error(what: &'static str, line: &str, wire: &Wire) -> Option<Fault> {
    let number: u16 = line.strip_prefix("ERROR:")?.trim().parse().ok()?;
    Some(match number {
        80 | 90..=92 => Fault::Wait(wire.limits.busy),
        86 => Fault::NotJoined,
        87 | 101 => Fault::TooLong(MAX_BYTES),
        95 | 96 => Fault::NoAck,
        99 => Fault::JoinFailed("no join accept".to_owned()),
        _ => Fault::Refused(what, line.to_owned()),
    })
}

impl Rak4270 {
    fn say(
        &mut self,
        wire: &mut Wire,
        command: (&'static str, &str),
        until: Instant,
    ) -> Result<String, Fault> {
        wire.ask(command, until, |wire, line| self.heed(command.0, wire, line))
    }

    fn heed(&mut self, what: &'static str, wire: &mut Wire, line: &str) -> Option<Result<String, Fault>> {
        if let Some(fault) = error(what, line, wire) {
            return Some(Err(fault));
        }
        if line == "OK" || line.starts_with("OK ") {
            return Some(Ok(line.to_owned()));
        }
        if !self.hear(wire, line) {
            wire.line.stray();
        }
        None
    }

    fn set(&mut self, wire: &mut Wire, name: &'static str, value: &str, until: Instant) -> Result<(), Fault> {
        self.say(wire, (name, &format!("at+set_config=lora:{name}:{value}")), until).map(drop)
    }
}

impl Dialogue for Rak4270 {
    const BAUD: u32 = 115_200;

    /// OK may say only that the modem took the parcel: the manual does not tell whether the windows are over.
    const EARLY: bool = true;

    fn forget(&mut self) {
        self.confirm = None;
    }

    fn resync(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault> {
        let mut last = Fault::Silent("device:sleep:0");
        for _ in 0..3 {
            wire.line.write(b"\r\n", until)?;
            self.hear_out(wire, wire.limits.quiet, until.min(Instant::now() + wire.limits.answer))?;
            match self.say(wire, ("device:sleep:0", "at+set_config=device:sleep:0"), until) {
                // Any word shows that it listens, a refusal too.
                Ok(_) | Err(Fault::Refused(..)) => return Ok(()),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    fn identify(&mut self, wire: &mut Wire, until: Instant) -> Result<String, Fault> {
        self.say(wire, ("at+version", "at+version"), until).map_err(|fault| match fault {
            Fault::Refused(_, line) => Fault::Stranger(line),
            other => other,
        })
    }

    fn configure(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<(), Fault> {
        self.set(wire, "adr", if options.adr { "1" } else { "0" }, until)?;
        if let (Some(rate), false) = (options.data_rate, options.adr) {
            self.set(wire, "dr", &rate.to_string(), until)?;
        }
        // Off by default in the firmware, and the law in Europe.
        let duty_cycle = if options.region == Region::Eu868 { "1" } else { "0" };
        self.set(wire, "dutycycle_enable", duty_cycle, until)?;
        self.set(wire, "send_repeat_cnt", &options.attempts.clamp(1, 8).saturating_sub(1).to_string(), until)
    }

    fn joined(&mut self, _: &mut Wire, _: Instant) -> Result<Option<bool>, Fault> {
        Ok(None)
    }

    /// An all-zero join EUI is refused by the modem.
    fn join(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<(), Fault> {
        if options.join_eui == [0; 8] {
            return Err(Fault::Refused("app_eui", "the modem: it takes no join EUI of zeros".to_owned()));
        }
        self.set(wire, "join_mode", "0", until)?;
        self.set(wire, "class", "0", until)?;
        let region = match options.region {
            Region::As923 => "AS923-1",
            region => region.as_str(),
        };
        self.set(wire, "region", region, until)?;
        self.set(wire, "dev_eui", &hex(&options.dev_eui), until)?;
        self.set(wire, "app_eui", &hex(&options.join_eui), until)?;
        self.set(wire, "app_key", &hex(&options.app_key.0), until)?;
        wire.line.command("at+join", "\r\n", until)?;
        wire.await_line("at+join", until, |wire, line| self.heed("at+join", wire, line)).map(drop)
    }

    /// The modem cannot be asked: the fixed rate, else the slowest, which is the safe guess.
    fn link(&mut self, _: &mut Wire, options: &Options, _: Instant) -> Result<Link, Fault> {
        let rate = options.data_rate.filter(|_| !options.adr).unwrap_or(0);
        Ok(Link { max_payload: (options.max_payload)(rate).min(MAX_BYTES), data_rate: Some(rate) })
    }

    fn send(&mut self, wire: &mut Wire, parcel: &Parcel, until: Instant) -> Result<Receipt, Fault> {
        if parcel.body.len() > MAX_BYTES {
            return Err(Fault::TooLong(MAX_BYTES));
        }
        if self.confirm != Some(parcel.confirm) {
            self.set(wire, "confirm", if parcel.confirm { "1" } else { "0" }, until)?;
            self.confirm = Some(parcel.confirm);
        }
        let command = format!("at+send=lora:{}:{}", parcel.port, hex(&parcel.body));
        wire.line.command(&command, "\r\n", until)?;
        wire.await_line("at+send", until, |wire, line| self.heed("at+send", wire, line))?;
        if !parcel.confirm {
            return Ok(Receipt::Passed);
        }
        // Only what the network sends back acknowledges.
        let acked = wire.await_line("at+recv", until, |wire, line| match received(line) {
            Some((downlink, _)) => {
                downlink.into_iter().for_each(|downlink| wire.keep(downlink));
                Some(Ok(()))
            }
            None => error("at+send", line, wire).map(Err),
        });
        match acked {
            Ok(()) => Ok(Receipt::Delivered),
            Err(Fault::Silent(_)) => Err(Fault::NoAck),
            Err(fault) => Err(fault),
        }
    }

    fn hear(&mut self, wire: &mut Wire, line: &str) -> bool {
        let Some((downlink, _)) = received(line) else { return false };
        downlink.into_iter().for_each(|downlink| wire.keep(downlink));
        true
    }

    fn sleep(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault> {
        self.say(wire, ("device:sleep:1", "at+set_config=device:sleep:1"), until).map(drop)
    }
}
