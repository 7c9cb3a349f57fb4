//! The seam to the world outside: carriers that take messages away and bring commands back.
//!
//! A carrier of packets (LoRaWAN, satellite) takes frames of the wire format, a few bytes that hold several messages;
//! a carrier of letters (MQTT, HTTP, files) takes one JSON object per message. Neither looks inside. Calls block, but
//! never past their deadline; drivers keep no queue of their own, because the journal is the queue.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::DeviceError;
use crate::units::ClockQuality;

/// What a carrier takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Frames of the wire format, up to [`Link::max_payload`] bytes.
    Packet,
    /// JSON objects, one per message.
    Letter,
}

/// What a parcel is about: MQTT topics, files and LoRaWAN ports are named by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Something was seen.
    Event,
    /// How the trap is.
    Health,
    /// A day's species and effort.
    Digest,
    /// What could not be sent or recorded.
    Lost,
    /// What became of a command.
    Ack,
    /// The right time of a boot whose clock was wrong.
    Anchor,
    /// What gauges tell beside the voltage.
    Power,
    /// A small picture of an event.
    Picture,
}

impl Subject {
    /// The word in topics and file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Subject::Event => "event",
            Subject::Health => "health",
            Subject::Digest => "digest",
            Subject::Lost => "lost",
            Subject::Ack => "ack",
            Subject::Anchor => "anchor",
            Subject::Power => "power",
            Subject::Picture => "picture",
        }
    }
}

/// One thing to be carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// What it is about. A packet of several messages has the subject of the most urgent one.
    pub subject: Subject,
    /// Names it for ever among the parcels of this trap, in `[a-z0-9-]`: the same after a retry, so that a receiver
    /// can drop duplicates (file name, idempotency key).
    pub name: String,
    /// Frame or JSON; for [`Subject::Picture`] the JPEG bytes.
    pub body: Vec<u8>,
    /// LoRaWAN port, 1..=223; other carriers ignore it.
    pub port: u8,
    /// Ask the receiver to acknowledge, where the carrier has a choice (LoRaWAN confirmed uplink).
    pub confirm: bool,
}

/// What the carrier knows once a parcel is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// The receiver has it (PUBACK, HTTP 2xx, confirmed uplink, file synced to the card, satellite gateway).
    Delivered,
    /// It left the trap; nobody said that it arrived (LoRaWAN unconfirmed uplink).
    Passed,
}

/// What the link can do just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Longest packet, bytes; `usize::MAX` for letters.
    pub max_payload: usize,
    /// LoRaWAN data rate, from which the time on air follows.
    pub data_rate: Option<u8>,
}

/// What a carrier must say by itself before it can carry: air time that no parcel paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dues {
    /// As long on the air as a packet of so many bytes.
    pub bytes: usize,
    /// LoRaWAN data rate, the slowest that may be used.
    pub data_rate: u8,
}

/// Why a parcel did not go.
#[derive(Debug, thiserror::Error)]
pub enum UplinkError {
    /// Longer than the link carries now; nothing of it went out. Pack anew.
    #[error("the link takes at most {max} bytes now; send a shorter packet")]
    TooLong {
        /// Bytes it takes.
        max: usize,
    },
    /// The modem or the law wants a pause first.
    #[error("the link is busy for {} ms; it is tried again", .0.as_millis())]
    Wait(Duration),
    /// The link must say something of its own first (a LoRaWAN join request): pay what [`Uplink::dues`] asks, then
    /// call again.
    #[error("the link must be paid for first")]
    Unpaid,
    /// No link: not joined, no route, no answer. Worth trying again later.
    #[error(transparent)]
    Down(DeviceError),
    /// The other side will never take this parcel as it is (HTTP 4xx, bad credentials). Trying again unchanged is
    /// useless, but the parcel is kept for another uplink.
    #[error(transparent)]
    Refused(DeviceError),
}

/// Bytes from the world to the trap: commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downlink {
    /// LoRaWAN port; 0 where there is none.
    pub port: u8,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The time as the network has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkTime {
    /// UTC at the moment of return.
    pub utc: DateTime<Utc>,
    /// How good it is.
    pub quality: ClockQuality,
}

/// How well a modem hears its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Strength, dBm: -113 to -51 where a modem tells it by AT+CSQ (3GPP TS 27.007, 8.5).
    Dbm(i16),
    /// Bars, 0 to 5, of a satellite modem.
    Bars(u8),
}

/// Takes parcels away and brings commands back.
pub trait Uplink: Send {
    /// Its name in configuration, records and messages.
    fn name(&self) -> &str;

    /// What it takes; never changes.
    fn form(&self) -> Form;

    /// What the next [`Uplink::ready`] would put on the air by itself; who has a duty cycle to keep pays for it before
    /// calling. `None`: nothing.
    fn dues(&self) -> Option<Dues> {
        None
    }

    /// Brings the link up where it is not (power, join, connect) within `deadline`, and says what it can carry. It
    /// puts on the air no more than [`Uplink::dues`] said just before, else it ends with [`UplinkError::Unpaid`].
    fn ready(&mut self, deadline: Duration) -> Result<Link, UplinkError>;

    /// Sends one parcel and waits for what the carrier can say about it, at most `deadline`. After an error the
    /// parcel may or may not have arrived; it is sent again under the same name.
    fn send(&mut self, parcel: &Parcel, deadline: Duration) -> Result<Receipt, UplinkError>;

    /// Sends several; the answers stand in the order of the parcels and end early at the first that shows the link
    /// gone. Carriers that can have several on the way at once override it.
    fn send_all(&mut self, parcels: &[Parcel], deadline: Duration) -> Vec<Result<Receipt, UplinkError>> {
        let begun = std::time::Instant::now();
        let mut answers = Vec::with_capacity(parcels.len());
        for parcel in parcels {
            let answer = self.send(parcel, deadline.saturating_sub(begun.elapsed()));
            let over = matches!(answer, Err(UplinkError::Down(_) | UplinkError::Wait(_)));
            answers.push(answer);
            if over {
                break;
            }
        }
        answers
    }

    /// How well it hears its network, without putting anything on the air; `None` where it does not say. It may be asked
    /// before the link is up.
    fn signal(&mut self, _deadline: Duration) -> Result<Option<Signal>, UplinkError> {
        Ok(None)
    }

    /// What came in since the last call; waits at most `deadline` for something.
    fn receive(&mut self, deadline: Duration) -> Result<Vec<Downlink>, UplinkError>;

    /// Asks the network for the time; `None` where it has none, or where the question travels with the next parcel
    /// (LoRaWAN): called again after that parcel, it has the answer. Puts nothing on the air, brings up no link.
    fn network_time(&mut self, _deadline: Duration) -> Result<Option<NetworkTime>, UplinkError> {
        Ok(None)
    }

    /// Nothing to do for a while: sleep, power down, as far as the carrier can and still be woken by
    /// [`Uplink::ready`].
    fn rest(&mut self) {}
}
