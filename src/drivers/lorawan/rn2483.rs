//! Microchip RN2483 and RN2903, no longer made: lower-case words without echo.

use std::time::Instant;

use super::dialogue::{Dialogue, Fault, Wire};
use super::options::{Options, hex, unhex};
use crate::hal::{Downlink, Link, Parcel, Receipt};

/// The words of the RN2483 (crate `rn2xx3`, its source and tests).
#[derive(Debug, Default)]
pub struct Rn2483;

/// Longest sleep the modem takes, ms.
const FOREVER: &str = "sys sleep 4294967295";

/// `mac_rx <port> <hex>`.
fn downlink(line: &str) -> Option<Downlink> {
    let (port, bytes) = line.strip_prefix("mac_rx ")?.split_once(' ')?;
    Some(Downlink { port: port.parse().ok()?, bytes: unhex(bytes.trim())? })
}

/// What a refusal means; `None` where `line` is none.
fn refusal(what: &'static str, line: &str, wire: &Wire) -> Option<Fault> {
    match line {
        // no_free_ch is the duty cycle; the modem does not say how long.
        "no_free_ch" | "busy" | "mac_paused" => Some(Fault::Wait(wire.limits.busy)),
        "not_joined" | "frame_counter_err_rejoin_needed" => Some(Fault::NotJoined),
        "invalid_param" | "keys_not_init" | "silent" => Some(Fault::Refused(what, line.to_owned())),
        _ => None,
    }
}

impl Rn2483 {
    /// Says `command` and takes the next line that is no downlink.
    fn say(
        &mut self,
        wire: &mut Wire,
        command: (&'static str, &str),
        until: Instant,
    ) -> Result<String, Fault> {
        wire.ask(command, until, |wire, line| {
            if self.hear(wire, line) {
                return None;
            }
            Some(refusal(command.0, line, wire).map_or(Ok(line.to_owned()), Err))
        })
    }

    fn set(&mut self, wire: &mut Wire, what: &'static str, value: &str, until: Instant) -> Result<(), Fault> {
        match self.say(wire, (what, &format!("{what} {value}")), until)? {
            ok if ok == "ok" => Ok(()),
            other => Err(Fault::Refused(what, other)),
        }
    }
}

impl Dialogue for Rn2483 {
    const BAUD: u32 = 57_600;

    /// `z` is no word: an awake modem answers invalid_param, a woken one ok first.
    fn resync(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault> {
        let mut last = Fault::Silent("z");
        for _ in 0..3 {
            wire.line.write(b"\r\n", until)?;
            wire.line.drain(wire.limits.quiet, until.min(Instant::now() + wire.limits.answer))?;
            match wire.ask(("z", "z"), until, |_, line| (line == "invalid_param").then_some(Ok(()))) {
                Ok(()) => return Ok(()),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    fn identify(&mut self, wire: &mut Wire, until: Instant) -> Result<String, Fault> {
        let version = self.say(wire, ("sys get ver", "sys get ver"), until)?;
        match version.starts_with("RN2483") || version.starts_with("RN2903") {
            true => Ok(version),
            false => Err(Fault::Stranger(format!("{version:.40}, no RN2483 or RN2903"))),
        }
    }

    fn configure(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<(), Fault> {
        self.set(wire, "mac set adr", if options.adr { "on" } else { "off" }, until)?;
        match (options.data_rate, options.adr) {
            (Some(rate), false) => self.set(wire, "mac set dr", &rate.to_string(), until),
            _ => Ok(()),
        }
    }

    fn joined(&mut self, _: &mut Wire, _: Instant) -> Result<Option<bool>, Fault> {
        Ok(None)
    }

    /// The band is the modem's own (RN2483: EU868, RN2903: US915 and AU915), so region and sub-band are not set.
    fn join(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<(), Fault> {
        self.set(wire, "mac set deveui", &hex(&options.dev_eui), until)?;
        self.set(wire, "mac set appeui", &hex(&options.join_eui), until)?;
        self.set(wire, "mac set appkey", &hex(&options.app_key.0), until)?;
        self.set(wire, "mac join", "otaa", until)?;
        wire.await_line("mac join", until, |wire, line| match line {
            "accepted" => Some(Ok(())),
            "denied" => Some(Err(Fault::JoinFailed(line.to_owned()))),
            _ => {
                wire.line.stray();
                None
            }
        })?;
        // Kept over a loss of power.
        self.say(wire, ("mac save", "mac save"), until).map(drop)
    }

    fn link(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<Link, Fault> {
        let text = self.say(wire, ("mac get dr", "mac get dr"), until)?;
        let rate: u8 = text.parse().map_err(|_| Fault::Refused("mac get dr", text))?;
        Ok(Link { max_payload: (options.max_payload)(rate), data_rate: Some(rate) })
    }

    fn send(&mut self, wire: &mut Wire, parcel: &Parcel, until: Instant) -> Result<Receipt, Fault> {
        let kind = if parcel.confirm { "cnf" } else { "uncnf" };
        let command = format!("mac tx {kind} {} {}", parcel.port, hex(&parcel.body));
        let shorter = parcel.body.len().saturating_sub(1);
        match self.say(wire, ("mac tx", &command), until)?.as_str() {
            "ok" => {}
            "invalid_data_len" => return Err(Fault::TooLong(shorter)),
            other => return Err(Fault::Refused("mac tx", other.to_owned())),
        }
        let receipt = if parcel.confirm { Receipt::Delivered } else { Receipt::Passed };
        wire.await_line("mac tx", until, |wire, line| match line {
            "mac_tx_ok" => Some(Ok(receipt)),
            "mac_err" => Some(Err(Fault::NoAck)),
            "invalid_data_len" => Some(Err(Fault::TooLong(shorter))),
            _ if self.hear(wire, line) => Some(Ok(receipt)),
            _ => {
                wire.line.stray();
                None
            }
        })
    }

    fn hear(&mut self, wire: &mut Wire, line: &str) -> bool {
        let heard = downlink(line);
        let known = heard.is_some();
        heard.into_iter().for_each(|downlink| wire.keep(downlink));
        known
    }

    /// No answer comes before it wakes.
    fn sleep(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault> {
        Ok(wire.line.command(FOREVER, "\r\n", until)?)
    }
}
