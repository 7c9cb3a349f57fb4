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
    /// Says `command` and waits for a line that is `wanted`, or a refusal.
    fn say(
        &mut self,
        wire: &mut Wire,
        command: (&'static str, &str),
        until: Instant,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, Fault> {
        wire.ask(command, until, |wire, line| {
            if wanted(line) {
                return Some(Ok(line.to_owned()));
            }
            let refused = refusal(command.0, line, wire);
            if refused.is_none() && !self.hear(wire, line) {
                wire.line.stray();
            }
            refused.map(Err)
        })
    }

    fn set(&mut self, wire: &mut Wire, what: &'static str, value: &str, until: Instant) -> Result<(), Fault> {
        self.say(wire, (what, &format!("{what} {value}")), until, |line| line == "ok").map(drop)
    }
}

impl Dialogue for Rn2483 {
    const BAUD: u32 = 57_600;

    /// `z` is no word: an awake modem answers invalid_param, a woken one ok first.
    fn resync(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault> {
        let mut last = Fault::Silent("z");
        for _ in 0..3 {
            wire.line.write(b"\r\n", until)?;
            self.hear_out(wire, wire.limits.quiet, until.min(Instant::now() + wire.limits.answer))?;
            let known = wire.ask(("z", "z"), until, |wire, line| {
                self.hear(wire, line);
                (line == "invalid_param").then_some(Ok(()))
            });
            match known {
                Ok(()) => return Ok(()),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    fn identify(&mut self, wire: &mut Wire, until: Instant) -> Result<String, Fault> {
        let ours = |line: &str| line.starts_with("RN2483") || line.starts_with("RN2903");
        self.say(wire, ("sys get ver", "sys get ver"), until, ours).map_err(|fault| match fault {
            Fault::Refused(_, word) => Fault::Stranger(format!("sys get ver is answered by {word}")),
            other => other,
        })
    }

    fn configure(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<(), Fault> {
        self.set(wire, "mac set adr", if options.adr { "on" } else { "off" }, until)?;
        // 7 by default.
        let again = options.attempts.clamp(1, 8).saturating_sub(1);
        self.set(wire, "mac set retx", &again.to_string(), until)?;
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
        self.say(wire, ("mac save", "mac save"), until, |line| line == "ok").map(drop)
    }

    fn link(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<Link, Fault> {
        let rate = |line: &str| line.parse::<u8>().is_ok();
        let text = self.say(wire, ("mac get dr", "mac get dr"), until, rate)?;
        let rate: u8 = text.parse().map_err(|_| Fault::Refused("mac get dr", text))?;
        Ok(Link { max_payload: (options.max_payload)(rate), data_rate: Some(rate) })
    }

    fn send(&mut self, wire: &mut Wire, parcel: &Parcel, until: Instant) -> Result<Receipt, Fault> {
        let kind = if parcel.confirm { "cnf" } else { "uncnf" };
        let command = format!("mac tx {kind} {} {}", parcel.port, hex(&parcel.body));
        let shorter = parcel.body.len().saturating_sub(1);
        let taken = |line: &str| matches!(line, "ok" | "invalid_data_len");
        if self.say(wire, ("mac tx", &command), until, taken)? != "ok" {
            return Err(Fault::TooLong(shorter));
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
