//! One connection to a broker, from CONNECT to its end, the same for both versions of the protocol.
//!
//! A session never outlives its connection: at the first fault it is dropped with all it had under way, so nothing
//! is sent later behind the sender's back, and a packet id means one message only.

use std::error::Error;
use std::time::Duration;

use super::options::{Options, Version};
use super::topics::Topics;
use super::{v3, v5};

/// Messages that may be under way at once: twenty, as many as mosquitto holds for one client by default
/// (mosquitto.conf(5), `max_inflight_messages`).
pub(super) const WINDOW: usize = 20;

/// Packet ids the client library cycles through; it stops to wait when it meets one whose PUBACK is still out, so
/// that there are more of them than [`WINDOW`].
pub(super) const PACKET_IDS: u16 = 100;

/// Longest message body, bytes: far above a picture of 12 kB, far below what a small broker refuses.
pub(super) const MAX_BODY: usize = 1 << 20;

/// Room for topic and properties beside the longest body, bytes.
pub(super) const HEAD_ROOM: usize = 1 << 16;

/// Requests the client library takes before it is run: a full window, subscriptions and acknowledgements.
pub(super) const REQUESTS: usize = 4 * WINDOW;

/// How long a broker of MQTT 5 keeps commands for a trap that is away, seconds: a winter of 180 days. Brokers of
/// MQTT 3.1.1 have no such word and keep them as their own configuration says.
pub(super) const SESSION_EXPIRY_S: u32 = 180 * 86_400;

/// What the status topic says.
pub(super) const ONLINE: &str = "online";
/// What the status topic says after the trap left, by its own word or by its last will.
pub(super) const OFFLINE: &str = "offline";

/// One message for the broker, with QoS 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) topic: String,
    pub(super) body: Vec<u8>,
    pub(super) retain: bool,
    /// MIME type, told in MQTT 5 only.
    pub(super) content_type: Option<&'static str>,
}

/// What a session tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happening {
    /// The broker took the connection.
    Connected,
    /// The oldest letter that had no packet id yet has this one.
    Sent(u16),
    /// PUBACK of this packet id; the reason where the broker refused the message (MQTT 5).
    Acked(u16, Result<(), String>),
    /// SUBACK: for each topic, whether it was granted.
    Subscribed(Vec<bool>),
    /// A message came. `ticket` acknowledges it; 0: nothing to acknowledge. `retained`: the broker keeps it and gives
    /// it at each subscription.
    Message { topic: String, body: Vec<u8>, ticket: u16, retained: bool },
    /// Pings and the like.
    Other,
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// User, password or client certificate.
    Credentials(String),
    /// TLS.
    Tls(String, &'static str),
    /// Anything else on the way to the broker.
    Link(String, &'static str),
}

/// One connection. Calls but [`Session::next`] only queue what they are asked.
pub(super) trait Session: Send {
    /// Sends `letter` with QoS 1. False: the queue is full.
    fn publish(&mut self, letter: &Letter) -> bool;
    /// Subscribes with QoS 1. False: the queue is full.
    fn subscribe(&mut self, topics: &[String]) -> bool;
    /// Acknowledges a message that came. One that cannot be acknowledged comes again, which is harmless.
    fn acknowledge(&mut self, ticket: u16);
    /// Leaves in order: the broker does not speak the last will.
    fn disconnect(&mut self);
    /// Lets the connection work for at most `wait`; `None` when nothing happened.
    fn next(&mut self, wait: Duration) -> Result<Option<Happening>, Fault>;
}

/// A session that connects at its first [`Session::next`].
pub(super) fn open(
    options: &Options,
    topics: &Topics,
    tls: Option<std::sync::Arc<rustls::ClientConfig>>,
) -> Box<dyn Session> {
    match options.version {
        Version::V3 => Box::new(v3::V3::open(options, topics, tls)),
        Version::V5 => Box::new(v5::V5::open(options, topics, tls)),
    }
}

/// What the client library's `error` means to a technician.
pub(super) fn fault(error: &(dyn Error + 'static)) -> Fault {
    let mut link: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(e) = link {
        let inside = e.downcast_ref::<std::io::Error>();
        let hidden = inside.and_then(std::io::Error::get_ref);
        if let Some(tls) = e.downcast_ref().or_else(|| hidden.and_then(|h| h.downcast_ref())) {
            return Fault::Tls(format!("TLS: {tls}"), tls_cure(tls));
        }
        if let Some(cure) = inside.and_then(link_cure) {
            return Fault::Link(error.to_string(), cure);
        }
        link = e.source();
    }
    let what = error.to_string();
    // The client of MQTT 5 passes some errors on as text only.
    if what.contains("received fatal alert") {
        return Fault::Tls(what, REFUSED_CURE);
    }
    let named = what.contains("lookup") || what.contains("resolve");
    Fault::Link(
        what,
        if named { NAME_CURE } else { "it is tried again; look into the broker's log if it stays" },
    )
}

const REFUSED_CURE: &str =
    "the broker refused the trap; check certificate_file and key_file against the broker's authority";

const NAME_CURE: &str = "check the host in broker, and the name server of the link";

fn link_cure(error: &std::io::Error) -> Option<&'static str> {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => Some("check host and port in broker, and that the broker runs"),
        Kind::HostUnreachable | Kind::NetworkUnreachable => {
            Some("there is no route; check the modem and its contract")
        }
        _ if error.to_string().contains("lookup") => Some(NAME_CURE),
        _ => None,
    }
}

fn tls_cure(error: &rustls::Error) -> &'static str {
    use rustls::{CertificateError as Bad, Error as Tls};
    match error {
        Tls::InvalidCertificate(
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. },
        ) => "renew the broker's certificate, or set the trap's clock",
        Tls::InvalidCertificate(Bad::UnknownIssuer) => {
            "set ca_file to the authority that signed the broker's certificate"
        }
        Tls::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "give in broker the host name that the broker's certificate has"
        }
        Tls::InvalidCertificate(_) => "the broker's certificate is not good; check it and ca_file",
        Tls::AlertReceived(_) => REFUSED_CURE,
        _ => "check that the port in broker is the one for mqtts://",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_tls_is_found_however_deep_it_is_wrapped() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let io = std::io::Error::new(std::io::ErrorKind::InvalidData, tls);
        let error = rumqttc::ConnectionError::Tls(rumqttc::TlsError::Io(io));
        assert!(matches!(fault(&error), Fault::Tls(_, cure) if cure.contains("ca_file")));
    }

    #[test]
    fn a_refused_connection_names_the_broker() {
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = rumqttc::v5::ConnectionError::Io(io);
        assert!(matches!(fault(&error), Fault::Link(_, cure) if cure.contains("in broker")));
    }
}
