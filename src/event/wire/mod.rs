//! The wire format: messages in frames of a few bytes. Big-endian in bits, no allocation.
//!
//! A frame is a header byte (version, kind; four bits each) and a body. A frame of sightings is one run: 80 bits
//! for the first, so that one sighting takes 11 bytes, and 34 to 75 for each further one. A mixed frame is a row
//! of items `tag, length, body`: an old decoder skips a tag it does not know, and fields at a body's end.

mod anchors;
mod bits;
mod decode;
mod digest;
mod items;
mod pack;
mod sighting;
#[cfg(test)]
mod tests;

pub use anchors::{Anchors, widen};
pub use decode::{Decoded, decode};
pub use digest::{DigestParts, split_digest};
pub use pack::{Packed, pack};
pub use sighting::{BOOT_BITS, COUNTS, NUMBER_BITS, TIME_BITS};

use super::Message;

/// Version in every frame's upper four bits; a new one only for what an old decoder would misread.
pub const VERSION: u8 = 1;

/// LoRaWAN port of every uplink frame. Ports 1 to 223 are the application's (LoRaWAN 1.0.4, 4.3.2).
pub const PORT_UPLINK: u8 = 1;
/// LoRaWAN port of sealed commands, downlink.
pub const PORT_COMMAND: u8 = 2;

/// Longest frame, bytes: an Iridium SBD message of a 9602 (its manual: 340 mobile originated).
pub const FRAME_MAX: usize = 340;
/// Bytes of a frame with one sighting, and the least that a transport must carry.
pub const SIGHTING_BYTES: usize = 11;
/// Longest frame with one health message, bytes. A test holds it.
pub const HEALTH_MAX: usize = 50;
/// Longest frame with one [`super::Power`], bytes. A test holds it.
pub const POWER_MAX: usize = 40;
/// Longest frame with one [`super::Lost`], bytes. A test holds it.
pub const LOST_MAX: usize = 33;
/// Longest frame with one [`super::CommandAck`], bytes. A test holds it.
pub const ACK_MAX: usize = 14;
/// Longest frame with one [`super::Anchor`], bytes. A test holds it.
pub const ANCHOR_MAX: usize = 29;

/// Kind of a frame that is one run of sightings.
const KIND_SIGHTINGS: u8 = 1;
/// Kind of a frame of items.
const KIND_MIXED: u8 = 2;

const TAG_SIGHTINGS: u8 = 1;
const TAG_HEALTH: u8 = 2;
const TAG_DIGEST: u8 = 3;
const TAG_LOST: u8 = 4;
const TAG_ACK: u8 = 5;
const TAG_ANCHOR: u8 = 6;
const TAG_POWER: u8 = 7;

fn tag(message: &Message) -> u8 {
    match message {
        Message::Sighting(_) => TAG_SIGHTINGS,
        Message::Health(_) => TAG_HEALTH,
        Message::Digest(_) => TAG_DIGEST,
        Message::Lost(_) => TAG_LOST,
        Message::Ack(_) => TAG_ACK,
        Message::Anchor(_) => TAG_ANCHOR,
        Message::Power(_) => TAG_POWER,
    }
}

/// Why messages are not a frame, or bytes not messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// No messages to pack, or no bytes to decode.
    #[error("there is nothing in it; give at least one message or byte")]
    Nothing,
    /// A frame of another version.
    #[error("frame version {0} is not known here (known: {VERSION}); update the decoder")]
    Version(u8),
    /// The bytes end within a message.
    #[error("the frame ends within a message; check that it was not cut")]
    Cut,
    /// An item's body is not what its tag says.
    #[error(
        "the item of tag {0} cannot be read; update the decoder, or check that the frame was not damaged"
    )]
    Body(u8),
    /// Does not fit.
    #[error("the message does not fit {max} bytes; wait for a faster data rate or split the digest")]
    TooLong {
        /// Bytes there were.
        max: usize,
    },
    /// Too many anchors.
    #[error("more than {0} anchors; decode fewer frames at a time")]
    Full(usize),
}
