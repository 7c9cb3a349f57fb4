//! MQTT 3.1.1 and 5 over TCP or TLS: the carrier of letters for traps with a modem or a network.
//!
//! | topic, under `<prefix>/<site>/<device>/` | what | retained |
//! |---|---|---|
//! | `status` | `online`; `offline` when the trap leaves or its last will is spoken | yes |
//! | `event`, `health`, `digest`, `lost`, `ack`, `anchor` | one JSON object each | no |
//! | `picture/<name>` | JPEG bytes | no |
//! | `command` | sealed commands to the trap: raw bytes, or their hexadecimal or base64 text | no |
//!
//! Everything goes with QoS 1, and a parcel counts as delivered only when the PUBACK of its own packet came on the
//! connection that carried it. At any fault the connection is dropped with all it had under way: the client library
//! would send unacknowledged packets again by itself, behind the back of the sender, whose journal is the one queue.
//! So a parcel may arrive twice, under the same name and with the same content, and is never lost.
//!
//! The broker keeps a session for the trap, so commands wait while it sleeps. They are acknowledged when the next
//! [`Uplink::receive`] shows that the caller has dealt with them: a power cut in between brings them again.
//!
//! A command that was published as retained, which the broker repeats at each connection, is given out once.
//!
//! Everything runs within the calls, on the caller's thread. Between calls nobody answers the broker: a trap that
//! stays away for one and a half keep-alives is `offline`, and the next call connects anew.

mod discovery;
mod link;
mod options;
mod session;
mod tls;
mod topics;
mod v3;
mod v5;

pub use options::{Broker, KEEP_ALIVE_S, Options, OptionsError, Version};
pub use topics::Topics;

use std::time::{Duration, Instant};

use self::link::{Broken, Line};
use self::session::{Letter, MAX_BODY};
use super::command_text::command_bytes;
use crate::hal::{DeviceError, Downlink, Form, Link, Parcel, Receipt, Subject, Uplink, UplinkError};

/// Its name in configuration, records and messages.
const NAME: &str = "mqtt";

/// Longest time for the goodbye, when the trap rests or stops.
const GOODBYE: Duration = Duration::from_secs(2);

/// The MQTT uplink.
pub struct Mqtt {
    line: Line,
}

impl Mqtt {
    /// Checks `options` and reads the certificates; the network is not touched.
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        options.check()?;
        let tls = if options.broker.tls { Some(tls::client_config(&options)?) } else { None };
        Ok(Mqtt { line: Line::new(options, tls) })
    }

    /// Where it sends and listens.
    pub fn topics(&self) -> &Topics {
        self.line.topics()
    }
}

impl Uplink for Mqtt {
    fn name(&self) -> &str {
        NAME
    }

    fn form(&self) -> Form {
        Form::Letter
    }

    fn ready(&mut self, deadline: Duration) -> Result<Link, UplinkError> {
        self.line.up(Instant::now() + deadline).map_err(uplink_error)?;
        Ok(Link { max_payload: usize::MAX, data_rate: None })
    }

    fn send(&mut self, parcel: &Parcel, deadline: Duration) -> Result<Receipt, UplinkError> {
        let down = || uplink_error(Broken::down("no answer came", "it is tried again"));
        self.send_all(std::slice::from_ref(parcel), deadline).pop().unwrap_or_else(|| Err(down()))
    }

    fn send_all(&mut self, parcels: &[Parcel], deadline: Duration) -> Vec<Result<Receipt, UplinkError>> {
        let until = Instant::now() + deadline;
        if let Err(broken) = self.line.up(until) {
            return vec![Err(uplink_error(broken))];
        }
        let letters: Vec<Letter> = parcels.iter().map(|parcel| self.letter(parcel)).collect();
        let answers = self.line.deliver(&letters, until);
        answers.into_iter().map(|answer| answer.map(|()| Receipt::Delivered).map_err(uplink_error)).collect()
    }

    fn receive(&mut self, deadline: Duration) -> Result<Vec<Downlink>, UplinkError> {
        let commands = self.line.commands(Instant::now() + deadline).map_err(uplink_error)?;
        Ok(commands.iter().map(|bytes| Downlink { port: 0, bytes: command_bytes(bytes) }).collect())
    }

    fn rest(&mut self) {
        self.line.leave(Instant::now() + GOODBYE);
    }
}

impl Mqtt {
    fn letter(&self, parcel: &Parcel) -> Letter {
        let content_type = match parcel.subject {
            Subject::Picture => "image/jpeg",
            _ => "application/json",
        };
        Letter {
            topic: self.topics().of_parcel(parcel),
            // One that is too long stays here and is refused in its place.
            body: parcel.body.clone(),
            retain: false,
            content_type: Some(content_type),
        }
    }
}

impl Drop for Mqtt {
    fn drop(&mut self) {
        self.line.disown_commands();
        self.rest();
    }
}

fn uplink_error(broken: Broken) -> UplinkError {
    let device = |what, cure| DeviceError { device: NAME.to_owned(), what, cure };
    match broken {
        Broken::Down { what, cure } => UplinkError::Down(device(what, cure)),
        Broken::Refused { what, cure } => UplinkError::Refused(device(what, cure)),
        Broken::TooLong(bytes) => UplinkError::Refused(device(
            format!("a message of {bytes} bytes is longer than {MAX_BODY}"),
            "send a smaller picture".to_owned(),
        )),
    }
}
