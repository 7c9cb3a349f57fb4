//! Seeed Wio-E5 (LoRa-E5, Grove, RHF76-052): every reply is `+CMD: text`.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::dialogue::{Dialogue, Fault, Wire, numbers, utc};
use super::options::{Options, Region, hex, unhex};
use crate::hal::{Downlink, Link, Parcel, Receipt};

/// The words of the Wio-E5 (captured sessions of the LoRa-E5 library).
#[derive(Debug, Default)]
pub struct WioE5 {
    /// The port as last set.
    port: Option<u8>,
    /// The network's time was asked for; `true`: and a parcel went since.
    asked_time: Option<bool>,
}

/// Wakes it from AT+LOWPOWER, where any bytes do; awake it drops them.
const WAKE: [u8; 4] = [0xff; 4];

/// `PORT: 1; RX: "AABB"`.
fn downlink(text: &str) -> Option<Downlink> {
    let (port, bytes) = text.strip_prefix("PORT: ")?.split_once("; RX: ")?;
    Some(Downlink { port: port.parse().ok()?, bytes: unhex(bytes.trim_matches('"'))? })
}

/// What a refusal means; `None` where `text` is none.
fn refusal(what: &'static str, text: &str, wire: &Wire) -> Option<Fault> {
    let between = |start, end| text.strip_prefix(start).and_then(|rest: &str| rest.strip_suffix(end));
    if let Some(wait) = between("No band in ", "ms").and_then(|ms: &str| ms.trim().parse().ok()) {
        return Some(Fault::Wait(Duration::from_millis(wait)));
    }
    if let Some(max) = text.strip_prefix("Length error").and_then(|max| max.trim().parse().ok()) {
        return Some(Fault::TooLong(max));
    }
    match text {
        "LoRaWAN modem is busy" | "No free channel" => Some(Fault::Wait(wire.limits.busy)),
        "Please join network first" => Some(Fault::NotJoined),
        "DR error" | "Not in OTAA mode" => Some(Fault::Refused(what, text.to_owned())),
        _ if text.starts_with("ERROR") => Some(Fault::Refused(what, text.to_owned())),
        _ => None,
    }
}

impl WioE5 {
    /// Says `AT+<verb><rest>` and gives the text after `+<verb>: `.
    fn say(
        &mut self,
        wire: &mut Wire,
        (what, rest): (&'static str, &str),
        until: Instant,
    ) -> Result<String, Fault> {
        wire.ask((what, &format!("AT+{what}{rest}")), until, |wire, line| {
            match line.strip_prefix(&format!("+{what}: ")) {
                Some(text) => Some(refusal(what, text, wire).map_or(Ok(text.to_owned()), Err)),
                None => {
                    self.hear(wire, line);
                    None
                }
            }
        })
    }

    /// Sets an EUI where the modem has another; it shows them with colons.
    fn eui(&mut self, wire: &mut Wire, name: &str, eui: &[u8; 8], until: Instant) -> Result<(), Fault> {
        let shown = self.say(wire, ("ID", &format!("={name}")), until)?;
        let shown = shown.rsplit(',').next().unwrap_or_default().replace([':', ' '], "");
        if !shown.eq_ignore_ascii_case(&hex(eui)) {
            self.say(wire, ("ID", &format!("={name},\"{}\"", hex(eui))), until)?;
        }
        Ok(())
    }
}

impl Dialogue for WioE5 {
    const BAUD: u32 = 9600;

    fn forget(&mut self) {
        *self = WioE5::default();
    }

    fn resync(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault> {
        let mut last = Fault::Silent("AT");
        for _ in 0..3 {
            wire.line.write(&WAKE, until)?;
            self.hear_out(wire, wire.limits.quiet, until.min(Instant::now() + wire.limits.answer))?;
            let ok = wire.ask(("AT", "AT"), until, |wire, line| {
                self.hear(wire, line);
                line.starts_with("+AT: OK").then_some(Ok(()))
            });
            match ok {
                Ok(()) => return Ok(()),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    fn identify(&mut self, wire: &mut Wire, until: Instant) -> Result<String, Fault> {
        self.say(wire, ("VER", ""), until)
    }

    fn configure(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<(), Fault> {
        self.say(wire, ("ADR", if options.adr { "=ON" } else { "=OFF" }), until)?;
        if let (Some(rate), false) = (options.data_rate, options.adr) {
            self.say(wire, ("DR", &format!("={rate}")), until)?;
        }
        if options.region == Region::Eu868 {
            // A second fence beside the sender's own ledger.
            match self.say(wire, ("LW", "=DC,ON"), until) {
                Err(Fault::Refused(what, word)) => log::debug!("{what} is answered by {word}"),
                answer => drop(answer?),
            }
        }
        // Unconfirmed parcels go once.
        self.say(wire, ("REPT", "=1"), until)?;
        self.say(wire, ("RETRY", &format!("={}", options.attempts.clamp(1, 8))), until).map(drop)
    }

    fn joined(&mut self, _: &mut Wire, _: Instant) -> Result<Option<bool>, Fault> {
        Ok(None)
    }

    fn join(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<(), Fault> {
        self.eui(wire, "DevEui", &options.dev_eui, until)?;
        self.eui(wire, "AppEui", &options.join_eui, until)?;
        self.say(wire, ("KEY", &format!("=APPKEY,\"{}\"", hex(&options.app_key.0))), until)?;
        self.say(wire, ("MODE", "=LWOTAA"), until)?;
        self.say(wire, ("DR", &format!("={}", options.region.as_str())), until)?;
        if let (Some(sub_band @ 1..=8), true) = (options.sub_band, options.region.has_sub_bands()) {
            let first = (sub_band - 1) * 8;
            self.say(wire, ("CH", &format!("=NUM,{first}-{}", first + 7)), until)?;
        }
        self.say(wire, ("CLASS", "=A"), until)?;
        wire.line.command("AT+JOIN", "\r\n", until)?;
        let (mut joined, mut failed) = (false, None);
        wire.await_line("JOIN", until, |wire, line| {
            let Some(text) = line.strip_prefix("+JOIN: ") else {
                self.hear(wire, line);
                return None;
            };
            joined |= text.starts_with("Network joined") || text.starts_with("Joined already");
            if text.starts_with("Join failed") {
                failed = Some(Fault::JoinFailed(text.to_owned()));
            }
            if text.starts_with("Joined already") || (text == "Done" && joined) {
                return Some(Ok(()));
            }
            match text {
                "Done" => Some(Err(failed.take().unwrap_or(Fault::JoinFailed(text.to_owned())))),
                _ => refusal("JOIN", text, wire).map(Err),
            }
        })
    }

    fn link(&mut self, wire: &mut Wire, _: &Options, until: Instant) -> Result<Link, Fault> {
        let text = self.say(wire, ("DR", ""), until)?;
        let rate = text.split_whitespace().find_map(|word| word.strip_prefix("DR")?.parse().ok());
        let text = self.say(wire, ("LW", "=LEN"), until)?;
        let max = text.rsplit(',').next().and_then(|max| max.trim().parse().ok());
        let max_payload = max.ok_or(Fault::Refused("LW=LEN", text))?;
        Ok(Link { max_payload, data_rate: rate })
    }

    /// "Done" comes with and without an acknowledgement: only "ACK Received" is one.
    fn send(&mut self, wire: &mut Wire, parcel: &Parcel, until: Instant) -> Result<Receipt, Fault> {
        if self.port != Some(parcel.port) {
            self.say(wire, ("PORT", &format!("={}", parcel.port)), until)?;
            self.port = Some(parcel.port);
        }
        let what = if parcel.confirm { "CMSGHEX" } else { "MSGHEX" };
        wire.line.command(&format!("AT+{what}=\"{}\"", hex(&parcel.body)), "\r\n", until)?;
        let mut acked = false;
        let sent = wire.await_line(what, until, |wire, line| {
            let Some(text) = line.strip_prefix(&format!("+{what}: ")) else {
                self.hear(wire, line);
                return None;
            };
            acked |= text == "ACK Received";
            if let Some(downlink) = downlink(text) {
                wire.keep(downlink);
            }
            match text {
                "Done" if acked => Some(Ok(Receipt::Delivered)),
                "Done" if parcel.confirm => Some(Err(Fault::NoAck)),
                "Done" => Some(Ok(Receipt::Passed)),
                _ => refusal(what, text, wire).map(Err),
            }
        });
        if let Err(Fault::TooLong(0)) = sent {
            // Answers of the MAC are pending and want a frame of their own.
            wire.line.command("AT+MSGHEX", "\r\n", until)?;
            wire.empty_frames += 1;
            wire.await_line("MSGHEX", until, |_, line| (line == "+MSGHEX: Done").then_some(Ok(())))?;
        }
        self.asked_time = self.asked_time.map(|_| sent.is_ok());
        sent
    }

    fn hear(&mut self, wire: &mut Wire, line: &str) -> bool {
        let text = line.split_once(": ").map(|(_, text)| text);
        match text.and_then(downlink) {
            Some(downlink) => wire.keep(downlink),
            None if line.starts_with('+') => {}
            None => {
                wire.line.stray();
                return true;
            }
        }
        true
    }

    /// AT+LW=DTR asks with the next uplink; after it AT+RTC=UTCMS tells, `2026-04-30 12:30:49.465`. The modem's clock
    /// counts from 2020 until a network has set it, and on by itself where the network did not answer.
    fn time(&mut self, wire: &mut Wire, until: Instant) -> Result<Option<DateTime<Utc>>, Fault> {
        if self.asked_time != Some(true) {
            self.say(wire, ("LW", "=DTR"), until)?;
            self.asked_time = Some(false);
            return Ok(None);
        }
        self.asked_time = None;
        Ok(match numbers(&self.say(wire, ("RTC", "=UTCMS"), until)?)[..] {
            [year, month, day, h, m, s, ..] => utc([year, month, day], [h, m, s]),
            _ => None,
        })
    }

    fn sleep(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault> {
        self.say(wire, ("LOWPOWER", ""), until).map(drop)
    }
}
