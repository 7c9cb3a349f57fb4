//! What a site says about its broker, checked.

use std::path::PathBuf;
use std::time::Duration;

use crate::drivers::Secret;

/// Shortest and longest keep-alive, seconds: below 5 the MQTT 5 client refuses; the protocol's field has 16 bits.
pub const KEEP_ALIVE_S: std::ops::RangeInclusive<u64> = 5..=65_535;

/// The protocol's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// MQTT 3.1.1: every broker speaks it.
    #[default]
    V3,
    /// MQTT 5: the broker says why it refuses.
    V5,
}

/// Where the broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Name or address; an IPv6 address in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Over TLS (`mqtts://`).
    pub tls: bool,
}

/// What a site says about its broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `mqtt://host[:1883]` or `mqtts://host[:8883]`.
    pub broker: Broker,
    /// The protocol's version.
    pub version: Version,
    /// Names the trap to the broker, which keeps its session by it: one trap, one name.
    pub client_id: String,
    /// User name, where the broker wants one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// PEM file of the authorities trusted instead of the system's (a site's own CA).
    pub ca_file: Option<PathBuf>,
    /// PEM file of the trap's own certificate and those above it, where the broker wants one.
    pub certificate_file: Option<PathBuf>,
    /// PEM file of its private key.
    pub key_file: Option<PathBuf>,
    /// Silence after which the trap asks for a sign of life, [`KEEP_ALIVE_S`]. After one and a half times as long
    /// without any call of the driver, the broker declares the trap offline.
    pub keep_alive: Duration,
    /// First part of every topic; may have several levels.
    pub prefix: String,
    /// The site's name, one level of the topic.
    pub site: String,
    /// The trap's name, one level of the topic.
    pub device: String,
    /// Announce the trap to Home Assistant.
    pub home_assistant: bool,
}

impl Options {
    /// The defaults: MQTT 3.1.1, no credentials, the system's authorities, a keep-alive of a minute, topics under
    /// `trapline/`.
    pub fn new(broker: Broker, site: &str, device: &str) -> Self {
        Options {
            broker,
            version: Version::default(),
            client_id: format!("trapline-{site}-{device}"),
            user: None,
            password: None,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            keep_alive: Duration::from_secs(60),
            prefix: "trapline".to_owned(),
            site: site.to_owned(),
            device: device.to_owned(),
            home_assistant: false,
        }
    }

    /// What no broker would take.
    pub fn check(&self) -> Result<(), OptionsError> {
        if self.client_id.is_empty() || self.client_id.len() > 65_535 {
            return Err(OptionsError::ClientId(self.client_id.len()));
        }
        let seconds = self.keep_alive.as_secs();
        if !KEEP_ALIVE_S.contains(&seconds) {
            return Err(OptionsError::KeepAlive { seconds });
        }
        if self.password.is_some() && self.user.is_none() {
            return Err(OptionsError::PasswordAlone);
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            return Err(OptionsError::HalfCertificate);
        }
        let tls_keys = [("ca_file", &self.ca_file), ("certificate_file", &self.certificate_file)];
        match tls_keys.iter().find(|(_, file)| file.is_some() && !self.broker.tls) {
            Some((key, _)) => Err(OptionsError::PlainText(key)),
            None => Ok(()),
        }
    }
}

/// Why the options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The broker's address.
    #[error("broker \"{0}\" is no address of a broker; give mqtt://host:1883 or mqtts://host:8883")]
    Broker(String),
    /// Length of the client id in bytes.
    #[error("client_id has {0} bytes; give 1 to 65535")]
    ClientId(usize),
    /// Too short or too long.
    #[error("keep_alive_s is {seconds}; give {} to {}", KEEP_ALIVE_S.start(), KEEP_ALIVE_S.end())]
    KeepAlive {
        /// As given.
        seconds: u64,
    },
    /// A password without a user.
    #[error("a password without user; give user too")]
    PasswordAlone,
    /// One of two files.
    #[error("certificate_file and key_file belong together; give both or none")]
    HalfCertificate,
    /// A key that only TLS can use.
    #[error("{0} is of no use over mqtt://, which is not encrypted; give broker as mqtts://host:8883")]
    PlainText(&'static str),
    /// A file that holds no certificate or key.
    #[error("{key} {}: {what}; give a PEM file that the trap can read", file.display())]
    File {
        /// The key that names it.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No authority to trust.
    #[error("the system has no certificates of authorities; install ca-certificates or set ca_file")]
    NoAuthorities,
    /// Certificate and key do not go together, or are of a kind that rustls does not know.
    #[error("certificate_file and key_file: {0}; give the certificate of that very key")]
    Certificate(String),
    /// The TLS library refused its own settings.
    #[error("TLS cannot be set up: {0}; report this")]
    Tls(String),
}

impl std::str::FromStr for Broker {
    type Err = OptionsError;

    /// Reads `mqtt://host[:port]` and `mqtts://host[:port]`; nothing may follow the port but one slash.
    fn from_str(url: &str) -> Result<Self, OptionsError> {
        // Without what stands before an `@`: people paste passwords there, and errors are logged.
        let shown = || match url.rsplit_once('@') {
            Some((_, after)) => format!("…@{after}"),
            None => url.to_owned(),
        };
        let refused = || OptionsError::Broker(shown());
        let (tls, rest) = match url.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => return Err(refused()),
        };
        let address = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match address.rsplit_once(':') {
            // The last colon may be one of the address's own.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| refused())?),
            _ => (address, if tls { 8883 } else { 1883 }),
        };
        let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let good = match bracketed {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
            }
        };
        if !good || port == 0 {
            return Err(refused());
        }
        Ok(Broker { host: host.to_owned(), port, tls })
    }
}

impl std::fmt::Display for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(url: &str) -> Result<String, OptionsError> {
        url.parse::<Broker>().map(|b| b.to_string())
    }

    #[test]
    fn addresses_of_brokers() {
        // 1883 and 8883 are IANA's ports of MQTT and secure MQTT.
        for (url, full) in [
            ("mqtt://broker.example", "mqtt://broker.example:1883"),
            ("mqtts://broker.example/", "mqtts://broker.example:8883"),
            ("mqtt://10.0.0.2:1884", "mqtt://10.0.0.2:1884"),
            ("mqtts://[::1]", "mqtts://[::1]:8883"),
            ("mqtt://[fe80::1]:1", "mqtt://[fe80::1]:1"),
        ] {
            assert_eq!(broker(url).unwrap(), full);
        }
    }

    #[test]
    fn what_is_no_address_is_told_without_its_password() {
        for url in
            ["broker", "http://b", "mqtt://", "mqtt://b:0", "mqtt://b:99999", "mqtt://b/x", "mqtt://::1", ""]
        {
            let told = broker(url).unwrap_err().to_string();
            assert!(told.contains(&format!("\"{url}\"")) && told.contains("mqtts://host:8883"), "{told}");
        }
        let told = broker("mqtt://me:geheim@b").unwrap_err().to_string();
        assert!(!told.contains("geheim"), "{told}");
    }

    #[test]
    fn options_no_broker_would_take_name_their_key() {
        let good = Options::new("mqtt://b".parse().unwrap(), "s", "d");
        good.check().unwrap();
        for (key, wrong) in [
            ("client_id", Options { client_id: String::new(), ..good.clone() }),
            ("keep_alive_s", Options { keep_alive: Duration::from_secs(4), ..good.clone() }),
            ("user", Options { password: Some(Secret::new("x")), ..good.clone() }),
            ("key_file", Options { certificate_file: Some("c.pem".into()), ..good.clone() }),
            ("ca_file", Options { ca_file: Some("ca.pem".into()), ..good.clone() }),
        ] {
            assert!(wrong.check().unwrap_err().to_string().contains(key), "{key}");
        }
        let mut secret = good;
        secret.password = Some(Secret::new("geheim"));
        assert!(!format!("{secret:?}").contains("geheim"));
    }
}
