//! A LoRaWAN network without a radio: it loses packets, answers confirmed ones and acknowledges the rest in one
//! downlink now and then, as the server of a site does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::event::command::{Command, Order};
use crate::event::{EPOCH, Message, wire};
use crate::hal::{Clock, Downlink, Form, Link, Parcel, Receipt, Uplink, UplinkError};

/// One packet in so many that ask for no acknowledgement is lost on its way. Deployed networks lose about as many
/// (The Things Network's forum speaks of 5 to 20 %).
const LOST_ONE_IN: u64 = 10;

/// The server acknowledges after so many packets.
const ACKNOWLEDGED_EACH: u64 = 8;

/// What the network is like.
#[derive(Clone)]
pub struct Network {
    /// Data rate that it gives to the trap.
    pub data_rate: u8,
    /// What that carries, bytes.
    pub max_payload: usize,
    /// The trap's name, for the seals of commands.
    pub device: String,
    /// The key of its commands; empty: the server says nothing.
    pub key: Vec<u8>,
}

/// The bench's LoRaWAN uplink.
pub struct BenchLorawan {
    network: Network,
    clock: Arc<dyn Clock>,
    packets: u64,
    /// Events that it has and did not acknowledge yet.
    heard: BTreeSet<u32>,
    counter: u32,
    inbox: Vec<Downlink>,
}

impl BenchLorawan {
    /// A trap that has joined.
    pub fn new(network: Network, clock: Arc<dyn Clock>) -> Self {
        BenchLorawan { network, clock, packets: 0, heard: BTreeSet::new(), counter: 0, inbox: Vec::new() }
    }

    /// The server gets a frame.
    fn hear(&mut self, frame: &[u8]) {
        let Ok(decoded) = wire::decode(frame) else { return };
        self.heard.extend(decoded.flatten().filter_map(|message| match message {
            Message::Sighting(seen) => Some(seen.key.number),
            _ => None,
        }));
    }

    /// The server tells what it has, a downlink for each 32 numbers.
    fn acknowledge(&mut self) {
        while let Some(&upto) = self.heard.last() {
            let first = upto.saturating_sub(31);
            let missing = (0..=upto - first)
                .filter(|back| !self.heard.contains(&(upto - back)))
                .fold(0, |bits, back| bits | 1 << back);
            self.heard.retain(|number| *number < first);
            self.counter += 1;
            let now = u32::try_from(self.clock.utc().0.timestamp() - EPOCH).unwrap_or(0);
            let order = Order {
                counter: self.counter,
                expires: now.saturating_add(86_400),
                command: Command::Received { upto, missing },
            };
            if let Ok(sealed) = order.seal(&self.network.device, &self.network.key) {
                self.inbox.push(Downlink { port: wire::PORT_COMMAND, bytes: sealed.to_vec() });
            }
        }
    }
}

impl Uplink for BenchLorawan {
    fn name(&self) -> &str {
        "lorawan"
    }

    fn form(&self) -> Form {
        Form::Packet
    }

    fn ready(&mut self, _deadline: Duration) -> Result<Link, UplinkError> {
        Ok(Link { max_payload: self.network.max_payload, data_rate: Some(self.network.data_rate) })
    }

    fn send(&mut self, parcel: &Parcel, _deadline: Duration) -> Result<Receipt, UplinkError> {
        if parcel.body.len() > self.network.max_payload {
            return Err(UplinkError::TooLong { max: self.network.max_payload });
        }
        self.packets += 1;
        let lost = !parcel.confirm && self.packets.is_multiple_of(LOST_ONE_IN);
        if !lost {
            self.hear(&parcel.body);
        }
        if self.packets.is_multiple_of(ACKNOWLEDGED_EACH) && !self.network.key.is_empty() {
            self.acknowledge();
        }
        Ok(if parcel.confirm { Receipt::Delivered } else { Receipt::Passed })
    }

    fn receive(&mut self, _deadline: Duration) -> Result<Vec<Downlink>, UplinkError> {
        Ok(std::mem::take(&mut self.inbox))
    }
}
