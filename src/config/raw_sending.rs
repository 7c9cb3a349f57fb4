//! The sections about sending, as written: names and defaults only.

use serde::Deserialize;

use super::sending::{Carrier, Modem, MqttModem, MqttVersion, Plan};

/// The sections about sending, gathered from the whole file.
#[derive(Debug, Clone, PartialEq, Default)]
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

/// What is sent, when, and by what.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sending {
    /// The trap's name; empty: the site's.
    pub device: String,
    /// In order of preference.
    pub uplinks: Vec<Carrier>,
    /// Hours between health messages; 0: none.
    pub health_hours: i64,
    /// Whether each day ends with a digest.
    pub digest: bool,
    /// Days after which an event is given up.
    pub expire_days: i64,
    /// Minutes that a sighting may wait for others.
    pub gather_min: i64,
    /// Sightings sent singly per day.
    pub singly_per_day: i64,
}

impl Default for Sending {
    fn default() -> Self {
        Sending {
            device: String::new(),
            uplinks: vec![Carrier::Directory],
            health_hours: 24,
            digest: true,
            expire_days: 60,
            gather_min: 30,
            // Half of what TTN's 30 s a day carry at SF9 (145 packets of 11 bytes), one by one.
            singly_per_day: 72,
        }
    }
}

/// A folder on the card.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Directory {
    /// The folder.
    pub path: String,
}

impl Default for Directory {
    fn default() -> Self {
        Directory { path: "outbox".to_owned() }
    }
}

/// A LoRaWAN modem and its network.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lorawan {
    /// Which modem.
    pub modem: Modem,
    /// Its serial port.
    pub port: String,
    /// The law of the place.
    pub region: Plan,
    /// Eight channels of US915 and AU915.
    pub sub_band: i64,
    /// 16 hex digits.
    pub dev_eui: String,
    /// 16 hex digits.
    pub join_eui: String,
    /// 32 hex digits.
    pub app_key: String,
    /// Whether the network sets the data rate.
    pub adr: bool,
    /// The data rate where it does not.
    pub data_rate: i64,
    /// The limit of 400 ms.
    pub dwell: bool,
    /// Seconds on the air per day; 0: the law alone.
    pub up_s_per_day: i64,
    /// Answers of the network per day; 0: any number.
    pub down_per_day: i64,
    /// Whether alerts ask for an acknowledgement.
    pub confirm_alerts: bool,
    /// GPIO line that resets the modem.
    pub reset_line: String,
    /// GPIO line that cuts its power.
    pub power_line: String,
}

impl std::fmt::Debug for Lorawan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lorawan").finish_non_exhaustive()
    }
}

impl Default for Lorawan {
    fn default() -> Self {
        Lorawan {
            modem: Modem::default(),
            port: "/dev/serial0".to_owned(),
            region: Plan::default(),
            // The Things Network's.
            sub_band: 2,
            dev_eui: String::new(),
            join_eui: "0000000000000000".to_owned(),
            app_key: String::new(),
            adr: true,
            data_rate: 3,
            dwell: false,
            // The Things Network's fair use.
            up_s_per_day: 30,
            down_per_day: 10,
            confirm_alerts: true,
            reset_line: String::new(),
            power_line: String::new(),
        }
    }
}

/// An MQTT broker.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mqtt {
    /// `mqtt://` or `mqtts://`.
    pub broker: String,
    /// Of the protocol.
    pub version: MqttVersion,
    /// Name for the broker.
    pub user: String,
    /// Its password.
    pub password: String,
    /// PEM.
    pub ca: String,
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: String,
    /// A modem that speaks MQTT itself.
    pub modem: MqttModem,
    /// Its serial port.
    pub port: String,
    /// Access point name of its SIM card.
    pub apn: String,
    /// Network interface whose route is waited for.
    pub interface: String,
    /// GPIO line that resets the modem.
    pub reset_line: String,
    /// GPIO line that cuts its power.
    pub power_line: String,
    /// Minutes without a message after which the power is cut.
    pub off_after_min: i64,
    /// First level of every topic.
    pub prefix: String,
    /// Home Assistant discovery.
    pub home_assistant: bool,
}

impl std::fmt::Debug for Mqtt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mqtt").finish_non_exhaustive()
    }
}

impl Default for Mqtt {
    fn default() -> Self {
        Mqtt {
            broker: String::new(),
            version: MqttVersion::default(),
            user: String::new(),
            password: String::new(),
            ca: String::new(),
            certificate: String::new(),
            key: String::new(),
            modem: MqttModem::default(),
            port: "/dev/serial0".to_owned(),
            apn: String::new(),
            interface: String::new(),
            reset_line: String::new(),
            power_line: String::new(),
            off_after_min: 5,
            prefix: "trapline".to_owned(),
            home_assistant: false,
        }
    }
}

/// An HTTP server.
#[derive(Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// `http://` or `https://`.
    pub url: String,
    /// Bearer token.
    pub token: String,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

/// An Iridium modem.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Satellite {
    /// Its serial port.
    pub port: String,
    /// GPIO line that resets the modem.
    pub reset_line: String,
    /// GPIO line that cuts its power.
    pub power_line: String,
}

impl Default for Satellite {
    fn default() -> Self {
        let line = String::new;
        Satellite { port: "/dev/ttyUSB0".to_owned(), reset_line: line(), power_line: line() }
    }
}

/// Who may tell the trap something.
#[derive(Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Commands {
    /// Hex.
    pub key: String,
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commands").finish_non_exhaustive()
    }
}
