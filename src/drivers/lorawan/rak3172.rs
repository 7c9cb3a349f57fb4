//! RAK3172 and RAK4630-R with RUI3 firmware, and the older firmware up to 1.0.4 that answers a little differently.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::dialogue::{Dialogue, Fault, Wire, numbers, utc};
use super::options::{Options, Region, hex, unhex};
use crate::hal::{Downlink, Link, Parcel, Receipt};

/// The words of RUI3 (atcmd.c and service_lora.c of RAK-STM32-RUI).
#[derive(Debug, Default)]
pub struct Rak3172 {
    /// Firmware that answers questions by their names. Before it is known, bare values are taken too.
    rui3: bool,
    /// Confirmed mode as last set; it is kept by the modem, so that it is only set when it changes.
    confirm: Option<bool>,
    /// The network answered a question for the time.
    time_came: bool,
}

/// Digits of a payload that AT+SEND takes: 500, two per byte.
const MAX_BYTES: usize = 250;

/// The name of a status word, `None` for OK; the outer `None` where the line is no status.
fn status(line: &str) -> Option<Option<&str>> {
    match line {
        "OK" => Some(None),
        _ if line.starts_with("AT_") => Some(Some(line)),
        _ => None,
    }
}

/// Milliseconds in `Restricted_Wait_<ms>_ms`.
fn restricted(line: &str) -> Option<Duration> {
    let ms = line.strip_prefix("Restricted_Wait_")?.strip_suffix("_ms")?;
    ms.parse().ok().map(Duration::from_millis)
}

/// `14h25m30s on 06/27/2026` (month first) or `14h25m30s 27-06-2026` (day first), by version of the firmware; both take
/// the leap seconds off (service_lora_get_local_time).
fn local_time(text: &str) -> Option<DateTime<Utc>> {
    let (h, m, s, a, b, year) = match numbers(text)[..] {
        [h, m, s, a, b, year] => (h, m, s, a, b, year),
        _ => return None,
    };
    let (month, day) = if text.contains('/') { (a, b) } else { (b, a) };
    utc([year, month, day], [h, m, s])
}

/// `+EVT:RX_<slot>:<rssi>:<snr>:<cast>:<port>:<hex>`.
fn downlink(line: &str) -> Option<Downlink> {
    let mut parts = line.strip_prefix("+EVT:RX_")?.split(':').skip(3);
    let (_cast, port) = (parts.next()?, parts.next()?.parse().ok()?);
    Some(Downlink { port, bytes: unhex(parts.next()?)? })
}

impl Rak3172 {
    /// Sets a value.
    fn set(&mut self, wire: &mut Wire, what: &'static str, value: &str, until: Instant) -> Result<(), Fault> {
        let command = format!("{what}={value}");
        let mut pause = None;
        wire.ask((what, &command), until, |wire, line| match status(line) {
            Some(None) => Some(Ok(())),
            Some(Some("AT_BUSY_ERROR")) => Some(Err(Fault::Wait(pause.unwrap_or(wire.limits.busy)))),
            Some(Some("AT_DUTYCYLE_RESTRICTED")) => Some(Err(Fault::Wait(wire.limits.busy))),
            Some(Some("AT_NO_NETWORK_JOINED")) => Some(Err(Fault::NotJoined)),
            Some(Some(word)) => Some(Err(Fault::Refused(what, word.to_owned()))),
            None => {
                pause = pause.or(restricted(line));
                self.heard(wire, line);
                None
            }
        })
    }

    /// Asks for a value: `AT+X=<value>`, in the older firmware the bare value, then OK.
    fn get(&mut self, wire: &mut Wire, what: &'static str, until: Instant) -> Result<String, Fault> {
        let mut value = None;
        wire.ask((what, &format!("{what}=?")), until, |wire, line| match status(line) {
            Some(None) => value.take().map(Ok),
            Some(Some("AT_BUSY_ERROR")) => Some(Err(Fault::Wait(wire.limits.busy))),
            Some(Some(word)) => Some(Err(Fault::Refused(what, word.to_owned()))),
            None => {
                let named = line.strip_prefix(what).and_then(|rest| rest.strip_prefix('='));
                match named {
                    Some(text) => value = Some(text.to_owned()),
                    None if line.starts_with('+') || self.rui3 || value.is_some() => self.heard(wire, line),
                    None => value = Some(line.to_owned()),
                }
                None
            }
        })
    }

    /// Sets a value where the modem has another.
    fn adjust(
        &mut self,
        wire: &mut Wire,
        what: &'static str,
        value: &str,
        until: Instant,
    ) -> Result<(), Fault> {
        match self.get(wire, what, until)?.eq_ignore_ascii_case(value) {
            true => Ok(()),
            false => self.set(wire, what, value, until),
        }
    }

    fn heard(&mut self, wire: &mut Wire, line: &str) {
        if !self.hear(wire, line) {
            wire.line.stray();
        }
    }
}

impl Dialogue for Rak3172 {
    const BAUD: u32 = 115_200;

    fn forget(&mut self) {
        *self = Rak3172::default();
    }

    fn resync(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault> {
        // Ends half a command that the modem may still hold.
        wire.line.write(b"\r\n", until)?;
        self.hear_out(wire, wire.limits.quiet, until.min(Instant::now() + wire.limits.answer))?;
        let mut last = Fault::Silent("AT");
        for _ in 0..3 {
            let ok = wire.ask(("AT", "AT"), until, |wire, line| {
                if line != "OK" {
                    self.heard(wire, line);
                }
                (line == "OK").then_some(Ok(()))
            });
            match ok {
                Ok(()) => return Ok(()),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    fn identify(&mut self, wire: &mut Wire, until: Instant) -> Result<String, Fault> {
        let version = self.get(wire, "AT+VER", until).map_err(|fault| match fault {
            Fault::Refused(_, word) => Fault::Stranger(format!("AT+VER is answered by {word}")),
            other => other,
        })?;
        self.rui3 = version.starts_with("RUI_");
        // RUI3 says RUI_4.x; the older firmware 1.0.x, with or without a V.
        match version.starts_with("RUI_") || version.trim_start_matches(['V', 'v']).starts_with("1.") {
            true => Ok(version),
            false => Err(Fault::Stranger(format!("version {version:.40}, no RAK3172"))),
        }
    }

    fn configure(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<(), Fault> {
        self.adjust(wire, "AT+ADR", if options.adr { "1" } else { "0" }, until)?;
        if let (Some(rate), false) = (options.data_rate, options.adr) {
            self.adjust(wire, "AT+DR", &rate.to_string(), until)?;
        }
        if options.region == Region::Eu868 {
            // A second fence beside the sender's own ledger; not every firmware has it.
            match self.adjust(wire, "AT+DCS", "1", until) {
                Err(Fault::Refused(what, word)) => log::debug!("{what} is answered by {word}"),
                answer => answer?,
            }
        }
        self.adjust(wire, "AT+RETY", &options.attempts.clamp(1, 8).saturating_sub(1).to_string(), until)
    }

    fn joined(&mut self, wire: &mut Wire, until: Instant) -> Result<Option<bool>, Fault> {
        Ok(Some(self.get(wire, "AT+NJS", until)? == "1"))
    }

    fn join(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<(), Fault> {
        self.adjust(wire, "AT+NWM", "1", until)?;
        self.adjust(wire, "AT+NJM", "1", until)?;
        let band = match options.region {
            Region::In865 => "3",
            Region::Eu868 => "4",
            Region::Us915 => "5",
            Region::Au915 => "6",
            Region::Kr920 => "7",
            Region::As923 => "8",
        };
        self.adjust(wire, "AT+BAND", band, until)?;
        if let (Some(sub_band @ 1..=8), true) = (options.sub_band, options.region.has_sub_bands()) {
            self.adjust(wire, "AT+MASK", &format!("{:04X}", 1u16 << (sub_band - 1)), until)?;
        }
        self.adjust(wire, "AT+CLASS", "A", until)?;
        self.adjust(wire, "AT+DEVEUI", &hex(&options.dev_eui), until)?;
        self.adjust(wire, "AT+APPEUI", &hex(&options.join_eui), until)?;
        // The key is not asked back, only written: it should cross the wire as seldom as can be.
        self.set(wire, "AT+APPKEY", &hex(&options.app_key.0), until)?;
        // One attempt, no automatic join: the pauses are ours.
        self.set(wire, "AT+JOIN", "1:0:10:0", until)?;
        wire.await_line("AT+JOIN", until, |wire, line| match line.strip_prefix("+EVT:") {
            Some("JOINED") => Some(Ok(())),
            Some(event) if event.starts_with("JOIN_FAILED") => Some(Err(Fault::JoinFailed(event.to_owned()))),
            _ => {
                self.heard(wire, line);
                None
            }
        })
    }

    fn link(&mut self, wire: &mut Wire, options: &Options, until: Instant) -> Result<Link, Fault> {
        let text = self.get(wire, "AT+DR", until)?;
        let rate: u8 = text.parse().map_err(|_| Fault::Refused("AT+DR", text))?;
        Ok(Link { max_payload: (options.max_payload)(rate).min(MAX_BYTES), data_rate: Some(rate) })
    }

    /// On a payload longer than the data rate takes, or where answers of the MAC are pending, the firmware has
    /// already sent an empty frame when it says AT_PARAM_ERROR: airtime is spent, and is counted.
    fn send(&mut self, wire: &mut Wire, parcel: &Parcel, until: Instant) -> Result<Receipt, Fault> {
        if parcel.body.len() > MAX_BYTES {
            return Err(Fault::TooLong(MAX_BYTES));
        }
        if self.confirm != Some(parcel.confirm) {
            self.adjust(wire, "AT+CFM", if parcel.confirm { "1" } else { "0" }, until)?;
            self.confirm = Some(parcel.confirm);
        }
        let payload = format!("{}:{}", parcel.port, hex(&parcel.body));
        match self.set(wire, "AT+SEND", &payload, until) {
            Err(Fault::Refused(_, word)) if word == "AT_PARAM_ERROR" => {
                wire.empty_frames += 1;
                log::warn!("the modem refused {} bytes and has sent an empty frame", parcel.body.len());
                // How much would have fitted is not said: at least one byte less than this.
                return Err(Fault::TooLong(parcel.body.len().saturating_sub(1)));
            }
            answer => answer?,
        }
        let confirm = parcel.confirm;
        wire.await_line("AT+SEND", until, |wire, line| {
            // The older firmware has spaces where RUI3 has underscores.
            let event = line.strip_prefix("+EVT:").unwrap_or_default().replace(' ', "_");
            match event.as_str() {
                "TX_DONE" if !confirm => Some(Ok(Receipt::Passed)),
                "SEND_CONFIRMED_OK" if confirm => Some(Ok(Receipt::Delivered)),
                event if event.starts_with("SEND_CONFIRMED_FAILED") && confirm => Some(Err(Fault::NoAck)),
                _ => {
                    self.heard(wire, line);
                    None
                }
            }
        })
    }

    fn hear(&mut self, wire: &mut Wire, line: &str) -> bool {
        if let Some(downlink) = downlink(line) {
            wire.keep(downlink);
            return true;
        }
        self.time_came |= line == "+EVT:TIMEREQ_OK";
        line.starts_with("+EVT:") || restricted(line).is_some()
    }

    /// The question travels with the next uplink: the first call asks and has no time yet, a call after an uplink
    /// has it.
    fn time(&mut self, wire: &mut Wire, until: Instant) -> Result<Option<DateTime<Utc>>, Fault> {
        if !self.time_came {
            self.set(wire, "AT+TIMEREQ", "1", until)?;
            return Ok(None);
        }
        self.time_came = false;
        Ok(local_time(&self.get(wire, "AT+LTIME", until)?))
    }

    /// RUI3 sleeps by itself between commands and keeps its session; AT+SLEEP would need a time.
    fn sleep(&mut self, wire: &mut Wire, until: Instant) -> Result<(), Fault> {
        self.adjust(wire, "AT+LPM", "1", until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_firmware() {
        assert_eq!(restricted("Restricted_Wait_12345_ms"), Some(Duration::from_millis(12345)));
        assert_eq!(restricted("Restricted_Wait_x_ms"), None);
        let heard = downlink("+EVT:RX_1:-70:8:UNICAST:2:0A0B");
        assert_eq!(heard, Some(Downlink { port: 2, bytes: vec![10, 11] }));
        assert_eq!(downlink("+EVT:RX_1:-70:8:UNICAST:2"), None);
        // Both forms stand in service_lora.c, of different versions.
        let expected = "2026-06-05T14:25:30Z".parse().ok();
        assert_eq!(local_time("14h25m30s on 06/05/2026"), expected);
        assert_eq!(local_time("14h25m30s 05-06-2026"), expected);
        assert_eq!(local_time("00h00m10s on 01/06/1980"), None);
        assert_eq!(local_time("14h25m30s"), None);
    }
}
