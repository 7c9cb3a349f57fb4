//! What a LoRaWAN modem must know.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A band plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// 868 MHz, Europe.
    Eu868,
    /// 915 MHz, North America.
    Us915,
    /// 915 MHz, Australia.
    Au915,
    /// 923 MHz, Asia, first group of channels.
    As923,
    /// 865 MHz, India.
    In865,
    /// 920 MHz, Korea.
    Kr920,
}

impl Region {
    /// The name modems use: `EU868`.
    pub fn as_str(self) -> &'static str {
        match self {
            Region::Eu868 => "EU868",
            Region::Us915 => "US915",
            Region::Au915 => "AU915",
            Region::As923 => "AS923",
            Region::In865 => "IN865",
            Region::Kr920 => "KR920",
        }
    }

    /// True where gateways listen on eight of 64 channels and a sub-band must be chosen.
    pub fn has_sub_bands(self) -> bool {
        matches!(self, Region::Us915 | Region::Au915)
    }
}

/// A root key. It never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub [u8; 16]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

/// Bytes a data rate carries; given from outside, because drivers know no band plans.
pub type MaxPayload = Arc<dyn Fn(u8) -> usize + Send + Sync>;

/// How long the modem may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For an answer to a command. Default 2 s: the slowest modem talks at 9600 baud and writes its flash.
    pub answer: Duration,
    /// Silence that ends a drain. Default 100 ms.
    pub quiet: Duration,
    /// For a join: two receive windows end 6 s after the request, with eight attempts at most 10 s apart. Default 90 s.
    pub join: Duration,
    /// Time on air of one join request, from which the pauses between joins follow. Default 1.5 s: 23 bytes at
    /// SF12/125 kHz are 1.483 s by the formula in Semtech AN1200.13.
    pub join_airtime: Duration,
    /// How long after a parcel its downlink may come. Default 7 s: the second window opens 6 s after the parcel on The
    /// Things Network.
    pub windows: Duration,
    /// Pause where the modem is busy and does not say how long. Default 10 s.
    pub busy: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            answer: Duration::from_secs(2),
            quiet: Duration::from_millis(100),
            join: Duration::from_secs(90),
            join_airtime: Duration::from_millis(1500),
            windows: Duration::from_secs(7),
            busy: Duration::from_secs(10),
        }
    }
}

/// Settings of any LoRaWAN modem.
#[derive(Clone)]
pub struct Options {
    /// The uplink's name in messages.
    pub name: String,
    /// The band plan.
    pub region: Region,
    /// Sub-band 1..=8 of US915 and AU915; ignored elsewhere.
    pub sub_band: Option<u8>,
    /// Device EUI, most significant byte first.
    pub dev_eui: [u8; 8],
    /// Join EUI (once: AppEUI), most significant byte first.
    pub join_eui: [u8; 8],
    /// Root key.
    pub app_key: Key,
    /// The network chooses the data rate.
    pub adr: bool,
    /// A fixed data rate, 0..=15; only without `adr`.
    pub data_rate: Option<u8>,
    /// How often the modem tries a confirmed uplink in all, 1..=8. More than 1 is air time that nobody paid for.
    pub attempts: u8,
    /// Bytes a data rate carries.
    pub max_payload: MaxPayload,
    /// Deadlines.
    pub limits: Limits,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Options");
        shown.field("name", &self.name).field("region", &self.region).field("sub_band", &self.sub_band);
        shown.field("dev_eui", &hex(&self.dev_eui)).field("join_eui", &hex(&self.join_eui));
        shown.field("adr", &self.adr).field("data_rate", &self.data_rate).field("attempts", &self.attempts);
        shown.finish_non_exhaustive()
    }
}

/// Upper-case hexadecimal, as all these modems take it.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Bytes of hexadecimal text; `None` where it is none.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_there_and_back() {
        assert_eq!(hex(&[0, 0xab, 0xff]), "00ABFF");
        assert_eq!(unhex("00abFF"), Some(vec![0, 0xab, 0xff]));
        assert_eq!((unhex("0"), unhex("zz"), unhex("")), (None, None, Some(vec![])));
    }

    #[test]
    fn keys_do_not_show() {
        assert_eq!(format!("{:?}", Key([7; 16])), "Key(hidden)");
    }
}
