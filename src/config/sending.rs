//! How messages leave: `[sending]`, `[directory]`, `[lorawan]`, `[mqtt]`, `[webhook]`, `[satellite]`, `[commands]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::check::Ranges;
use super::{ConfigError, raw};

/// What may carry messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// A folder on the card.
    Directory,
    /// A LoRaWAN modem.
    Lorawan,
    /// An MQTT broker.
    Mqtt,
    /// An HTTP server.
    Webhook,
    /// An Iridium modem.
    Satellite,
}

impl Carrier {
    /// Its name in the configuration and in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Carrier::Directory => "directory",
            Carrier::Lorawan => "lorawan",
            Carrier::Mqtt => "mqtt",
            Carrier::Webhook => "webhook",
            Carrier::Satellite => "satellite",
        }
    }
}

/// What is sent, when, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Name of the trap in topics and commands, `[A-Za-z0-9_-]`, 1 to 40 characters.
    pub device: String,
    /// In order of preference; empty: nothing is sent.
    pub uplinks: Vec<Carrier>,
    /// Between two health messages, 1 h to 7 days; `None`: none are sent.
    pub health: Option<Duration>,
    /// Whether each UTC day ends with a digest.
    pub digest: bool,
    /// Events older than this are given up, counted and told.
    pub expiry: Duration,
    /// Sightings of no rule wait at most so long to share a packet, 0 to 1 day.
    pub gather: Duration,
    /// The sightings that one day may send singly by LoRaWAN or satellite; the rest are told by the digest.
    pub singly: u32,
}

/// A folder on the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The folder.
    pub path: PathBuf,
}

/// The modems there are drivers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Modem {
    /// No hardware: the bench's own network.
    Bench,
    /// RAK3172, RUI3 firmware.
    #[default]
    Rak3172,
    /// Seeed Wio-E5, LoRa-E5.
    WioE5,
    /// RAK4270, RAK811.
    Rak4270,
    /// Microchip RN2483, RN2903.
    Rn2483,
}

/// Regional parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Plan {
    /// Europe, 863 to 870 MHz.
    #[default]
    EU868,
    /// North America.
    US915,
    /// Australia, South America.
    AU915,
    /// Asia.
    AS923,
}

/// Pins of a modem: GPIO lines by name or chip:number, `!` in front where low is on; empty: there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pins {
    /// Resets it.
    pub reset: String,
    /// Cuts its power.
    pub power: String,
}

/// A LoRaWAN modem and its network.
#[derive(Clone, PartialEq, Eq)]
pub struct Lorawan {
    /// Which modem.
    pub modem: Modem,
    /// Its serial port.
    pub port: PathBuf,
    /// The law of the place.
    pub region: Plan,
    /// US915 and AU915: the sub-band of eight channels, 1 to 8.
    pub sub_band: u8,
    /// 16 hex digits.
    pub dev_eui: String,
    /// 16 hex digits.
    pub join_eui: String,
    /// 32 hex digits; never shown.
    pub app_key: String,
    /// Whether the network sets data rate and power.
    pub adr: bool,
    /// The data rate where the network does not set it, 0 to 7.
    pub data_rate: u8,
    /// The 400 ms limit on one transmission, where the network asks for it.
    pub dwell: bool,
    /// Most time on air per sliding day; `None`: the law alone.
    pub up_per_day: Option<Duration>,
    /// Most answers asked of the network per sliding day: acknowledgements of alerts, and the time. `None`: any number.
    pub down_per_day: Option<u32>,
    /// Whether alerts ask the network for an acknowledgement.
    pub confirm_alerts: bool,
    /// Its pins.
    pub pins: Pins,
}

impl std::fmt::Debug for Lorawan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lorawan")
            .field("modem", &self.modem)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// MQTT versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum MqttVersion {
    /// 3.1.1
    #[default]
    #[serde(rename = "3.1.1")]
    V311,
    /// 5
    #[serde(rename = "5")]
    V5,
}

/// Who speaks MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MqttModem {
    /// Trapline, over the link that the system brings up.
    #[default]
    None,
    /// A SIM7080 on a serial port.
    Sim7080,
}

/// An MQTT broker.
#[derive(Clone, PartialEq, Eq)]
pub struct Mqtt {
    /// `mqtt://host:port` or `mqtts://host:port`.
    pub broker: String,
    /// Of the protocol.
    pub version: MqttVersion,
    /// Name for the broker; empty: none.
    pub user: String,
    /// Never shown.
    pub password: String,
    /// The authority to trust, PEM; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// The trap's own certificate, PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
    /// A modem that speaks MQTT itself.
    pub modem: MqttModem,
    /// Its serial port.
    pub port: PathBuf,
    /// Access point name of its SIM card.
    pub apn: String,
    /// Network interface whose default route is waited for; empty: any, and only if there is a power pin.
    pub interface: String,
    /// Pins of the modem.
    pub pins: Pins,
    /// Time without a message after which the modem's power is cut, if there is a pin for it; 1 min to 1 day.
    pub off_after: Duration,
    /// First level of every topic.
    pub prefix: String,
    /// Whether the trap introduces itself to Home Assistant.
    pub home_assistant: bool,
}

impl std::fmt::Debug for Mqtt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mqtt").field("broker", &self.broker).field("user", &self.user).finish_non_exhaustive()
    }
}

/// An HTTP server.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `http://` or `https://`.
    pub url: String,
    /// Sent as `Authorization: Bearer`; empty: none; never shown.
    pub token: String,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url).finish_non_exhaustive()
    }
}

/// An Iridium modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Satellite {
    /// Its serial port.
    pub port: PathBuf,
    /// Its pins.
    pub pins: Pins,
}

/// Who may tell the trap something.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Commands {
    /// 16 to 64 bytes; empty: every command is refused; never shown.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commands").field("key", &format!("{} bytes", self.key.len())).finish()
    }
}

/// Everything about sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Out {
    /// `[sending]`
    pub sending: Sending,
    /// `[directory]`
    pub directory: Directory,
    /// `[lorawan]`
    pub lorawan: Lorawan,
    /// `[mqtt]`
    pub mqtt: Mqtt,
    /// `[webhook]`
    pub webhook: Webhook,
    /// `[satellite]`
    pub satellite: Satellite,
    /// `[commands]`
    pub commands: Commands,
}

/// The defaults of [`raw::Out`], written out as they are once checked; a test keeps the two the same.
pub(super) fn defaults() -> Out {
    Out {
        sending: Sending {
            device: "trap".to_owned(),
            uplinks: vec![Carrier::Directory],
            health: Some(Duration::from_secs(24 * 3600)),
            digest: true,
            expiry: Duration::from_secs(60 * 86_400),
            gather: Duration::from_secs(30 * 60),
            singly: 72,
        },
        directory: Directory { path: "outbox".into() },
        lorawan: Lorawan {
            modem: Modem::Rak3172,
            port: "/dev/serial0".into(),
            region: Plan::EU868,
            sub_band: 2,
            dev_eui: String::new(),
            join_eui: "0000000000000000".to_owned(),
            app_key: String::new(),
            adr: true,
            data_rate: 3,
            dwell: false,
            up_per_day: Some(Duration::from_secs(30)),
            down_per_day: Some(10),
            confirm_alerts: true,
            pins: Pins::default(),
        },
        mqtt: Mqtt {
            broker: String::new(),
            version: MqttVersion::V311,
            user: String::new(),
            password: String::new(),
            ca: None,
            certificate: None,
            key: None,
            modem: MqttModem::None,
            port: "/dev/serial0".into(),
            apn: String::new(),
            interface: String::new(),
            pins: Pins::default(),
            off_after: Duration::from_secs(5 * 60),
            prefix: "trapline".to_owned(),
            home_assistant: false,
        },
        webhook: Webhook { url: String::new(), token: String::new() },
        satellite: Satellite { port: "/dev/ttyUSB0".into(), pins: Pins::default() },
        commands: Commands::default(),
    }
}

/// Checks all of it; `site` is the default of the trap's name.
pub(super) fn check(
    raw: raw::Out,
    site: &str,
    ranges: &Ranges<'_>,
    folder: &Path,
) -> Result<Out, ConfigError> {
    let file = |path: String| (!path.is_empty()).then(|| folder.join(path));
    let lorawan = lorawan(raw.lorawan, ranges, raw.sending.uplinks.contains(&Carrier::Lorawan))?;
    let mqtt = raw.mqtt;
    if raw.sending.uplinks.contains(&Carrier::Mqtt) && mqtt.broker.is_empty() {
        return ranges.refuse("mqtt.broker", "empty", "mqtt://host:port or mqtts://host:port");
    }
    if mqtt.modem == MqttModem::Sim7080 && mqtt.broker.starts_with("mqtts:") {
        // Silently without TLS would be worse than not at all.
        return ranges.refuse(
            "mqtt.broker",
            format!("\"{}\"", mqtt.broker),
            "mqtt://host:port with a sim7080",
        );
    }
    let off_after = ranges.whole("mqtt.off_after_min", mqtt.off_after_min, 1..=1440u32)?;
    if raw.sending.uplinks.contains(&Carrier::Webhook) && !raw.webhook.url.starts_with("http") {
        return ranges.refuse("webhook.url", format!("\"{}\"", raw.webhook.url), "http://… or https://…");
    }
    Ok(Out {
        sending: sending(raw.sending, site, ranges)?,
        directory: Directory { path: folder.join(raw.directory.path) },
        lorawan,
        mqtt: Mqtt {
            broker: mqtt.broker,
            version: mqtt.version,
            user: mqtt.user,
            password: mqtt.password,
            ca: file(mqtt.ca),
            certificate: file(mqtt.certificate),
            key: file(mqtt.key),
            modem: mqtt.modem,
            port: mqtt.port.into(),
            apn: mqtt.apn,
            interface: mqtt.interface,
            pins: Pins { reset: mqtt.reset_line, power: mqtt.power_line },
            off_after: Duration::from_secs(u64::from(off_after) * 60),
            prefix: mqtt.prefix,
            home_assistant: mqtt.home_assistant,
        },
        webhook: Webhook { url: raw.webhook.url, token: raw.webhook.token },
        satellite: Satellite {
            port: raw.satellite.port.into(),
            pins: Pins { reset: raw.satellite.reset_line, power: raw.satellite.power_line },
        },
        commands: Commands { key: key(&raw.commands.key, ranges)? },
    })
}

fn sending(raw: raw::Sending, site: &str, ranges: &Ranges<'_>) -> Result<Sending, ConfigError> {
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let device = match raw.device.is_empty() {
        // A site may be called what it likes; its topics may not.
        true => site.chars().map(|c| if plain(&c.to_string()) { c } else { '-' }).take(40).collect(),
        false => raw.device,
    };
    if !(1..=40).contains(&device.chars().count()) || !plain(&device) {
        let allowed = "1 to 40 of A-Z, a-z, 0-9, _ and -";
        return ranges.refuse("sending.device", format!("\"{device}\""), allowed);
    }
    let hours = ranges.whole("sending.health_hours", raw.health_hours, 0..=168)?;
    let days = ranges.whole("sending.expire_days", raw.expire_days, 1..=3650)?;
    let gather = ranges.whole("sending.gather_min", raw.gather_min, 0..=1440)?;
    Ok(Sending {
        device,
        uplinks: raw.uplinks,
        health: (hours > 0).then(|| Duration::from_secs(u64::from(hours) * 3600)),
        digest: raw.digest,
        expiry: Duration::from_secs(u64::from(days) * 86_400),
        gather: Duration::from_secs(u64::from(gather) * 60),
        singly: ranges.whole("sending.singly_per_day", raw.singly_per_day, 0..=100_000)?,
    })
}

fn lorawan(raw: raw::Lorawan, ranges: &Ranges<'_>, used: bool) -> Result<Lorawan, ConfigError> {
    let keyed = used && raw.modem != Modem::Bench;
    let hex = |key: &'static str, value: &str, digits: usize| {
        let fits = value.len() == digits && value.bytes().all(|b| b.is_ascii_hexdigit());
        match fits || (value.is_empty() && !keyed) {
            true => Ok(value.to_ascii_uppercase()),
            // Never with the value: one of them is a secret.
            false => {
                ranges.refuse(key, format!("of {} characters", value.len()), &format!("{digits} hex digits"))
            }
        }
    };
    let up = ranges.whole("lorawan.up_s_per_day", raw.up_s_per_day, 0..=86_400)?;
    let down = ranges.whole("lorawan.down_per_day", raw.down_per_day, 0..=100_000u32)?;
    Ok(Lorawan {
        modem: raw.modem,
        down_per_day: (down > 0).then_some(down),
        pins: Pins { reset: raw.reset_line, power: raw.power_line },
        region: raw.region,
        sub_band: ranges.whole("lorawan.sub_band", raw.sub_band, 1..=8)? as u8,
        dev_eui: hex("lorawan.dev_eui", &raw.dev_eui, 16)?,
        join_eui: hex("lorawan.join_eui", &raw.join_eui, 16)?,
        app_key: hex("lorawan.app_key", &raw.app_key, 32)?,
        adr: raw.adr,
        data_rate: ranges.whole("lorawan.data_rate", raw.data_rate, 0..=7)? as u8,
        dwell: raw.dwell,
        up_per_day: (up > 0).then(|| Duration::from_secs(up.into())),
        confirm_alerts: raw.confirm_alerts,
        port: raw.port.into(),
    })
}

/// The key of the commands, from hex.
fn key(hex: &str, ranges: &Ranges<'_>) -> Result<Vec<u8>, ConfigError> {
    if hex.is_empty() {
        return Ok(Vec::new());
    }
    parse_key(hex).ok_or(()).or_else(|()| {
        let given = format!("of {} characters", hex.len());
        ranges.refuse("commands.key", given, "32 to 128 hex digits (`openssl rand -hex 32`), or nothing")
    })
}

/// A key of 16 to 64 bytes from its hex digits; `None` for anything else.
pub fn parse_key(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let fits = digits.len().is_multiple_of(2) && (32..=128).contains(&digits.len());
    fits.then(|| digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn parse(text: &str) -> Result<Out, String> {
        Config::parse(text, "site.toml", Path::new("")).map(|c| c.out).map_err(|e| e.to_string())
    }

    #[test]
    fn the_default_writes_to_the_card() {
        let out = parse("[site]\nname = 'Nordhang 7'").unwrap();
        assert_eq!(out.sending.uplinks, [Carrier::Directory]);
        assert_eq!(out.sending.device, "Nordhang-7");
    }

    #[test]
    fn what_an_uplink_needs_is_asked_for_when_it_is_used() {
        let said = parse("[sending]\nuplinks = ['lorawan']").unwrap_err();
        assert_eq!(said, "site.toml: key `lorawan.dev_eui` is of 0 characters; allowed: 16 hex digits");
        let said = parse("[sending]\nuplinks = ['mqtt']").unwrap_err();
        assert!(said.contains("mqtt.broker"), "{said}");
        assert!(parse("[sending]\nuplinks = ['lorawan']\n[lorawan]\nmodem = 'bench'").is_ok());
        let said = parse("[sending]\nuplinks = ['pigeon']").unwrap_err();
        assert!(said.contains("directory, lorawan, mqtt"), "{said}");
    }

    #[test]
    fn a_modem_without_tls_is_never_given_an_encrypted_broker() {
        let said = parse("[mqtt]\nbroker = 'mqtts://b.example'\nmodem = 'sim7080'").unwrap_err();
        assert!(said.contains("mqtt.broker") && said.contains("mqtt://host:port"), "{said}");
    }

    #[test]
    fn secrets_are_in_no_error_and_in_no_debug_output() {
        let secret = "5ec2e75ec2e75ec2e75ec2e75ec2e7ff";
        let said = parse(&format!("[lorawan]\napp_key = '{secret}0'")).unwrap_err();
        assert!(!said.contains("5ec2e7"), "{said}");
        let text = format!(
            "[commands]\nkey = '{secret}'\n[mqtt]\npassword = '{secret}'\n[lorawan]\napp_key = '{secret}'"
        );
        let out = parse(&text).unwrap();
        assert_eq!(out.commands.key[..2], [0x5e, 0xc2]);
        assert!(!format!("{out:?}").to_lowercase().contains("5ec2e7"));
        assert!(parse("[commands]\nkey = 'abc'").unwrap_err().contains("openssl rand"));
    }
}
