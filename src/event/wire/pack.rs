//! Messages into a frame: as many from the front as fit.

use heapless::Vec;
use serde::Serialize;

use super::bits::Writer;
use super::items::{AckBody, DigestBody, HealthBody, PowerBody};
use super::sighting::Raw;
use super::{FRAME_MAX, KIND_MIXED, KIND_SIGHTINGS, VERSION, WireError, tag};
use crate::event::Message;

/// A frame, and how many messages are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// What to send.
    pub frame: Vec<u8, FRAME_MAX>,
    /// How many messages from the front it holds, at least 1.
    pub taken: usize,
}

/// Packs `messages` from the front, in order, as many as fit in `max` bytes (at most [`FRAME_MAX`] are used).
///
/// # Errors
/// [`WireError::Nothing`] for no messages, [`WireError::TooLong`] where the first alone does not fit: wait for a
/// faster data rate, or split a digest ([`super::split_digest`]).
pub fn pack(messages: &[Message], max: usize) -> Result<Packed, WireError> {
    let max = max.min(FRAME_MAX);
    if messages.is_empty() {
        return Err(WireError::Nothing);
    }
    let (run, mixed) = (sightings(messages, max), mixed(messages, max));
    // With as many in it, a frame of sightings is the shorter one.
    let best = if run.taken >= mixed.taken { run } else { mixed };
    if best.taken == 0 { Err(WireError::TooLong { max }) } else { Ok(best) }
}

fn header(kind: u8) -> Vec<u8, FRAME_MAX> {
    let mut frame = Vec::new();
    // A frame holds more than one byte.
    let _ = frame.push(VERSION << 4 | kind);
    frame
}

fn sightings(messages: &[Message], max: usize) -> Packed {
    let mut frame = header(KIND_SIGHTINGS);
    let taken = run(messages, &mut frame, max);
    Packed { frame, taken }
}

/// Appends a run of sightings, to `max` bytes of frame, and says how many.
fn run(messages: &[Message], frame: &mut Vec<u8, FRAME_MAX>, max: usize) -> usize {
    let (mut before, mut taken, mut free) = (None::<Raw>, 0, 0u32);
    for message in messages {
        let Message::Sighting(seen) = message else { break };
        let raw = Raw::new(seen);
        let bits = match &before {
            None => 80,
            Some(b) if raw.follows(b) => raw.next_bits(b),
            Some(_) => break,
        };
        if frame.len() + bits.saturating_sub(free).div_ceil(8) as usize > max {
            break;
        }
        let mut out = Writer::new(frame, free);
        let whole = match &before {
            None => raw.put_first(&mut out),
            Some(b) => raw.put_next(b, &mut out),
        };
        if !whole {
            break;
        }
        free = out.free();
        before = Some(raw);
        taken += 1;
    }
    taken
}

fn mixed(messages: &[Message], max: usize) -> Packed {
    let mut frame = header(KIND_MIXED);
    let mut taken = 0;
    while let Some(rest) = messages.get(taken..).filter(|rest| !rest.is_empty()) {
        let start = frame.len();
        let added = item(rest, &mut frame, max);
        if added == 0 {
            frame.truncate(start);
            break;
        }
        taken += added;
    }
    Packed { frame, taken }
}

/// Appends one item, and says how many messages are in it.
fn item(messages: &[Message], frame: &mut Vec<u8, FRAME_MAX>, max: usize) -> usize {
    let Some(first) = messages.first() else { return 0 };
    let start = frame.len();
    if frame.extend_from_slice(&[tag(first), 0]).is_err() {
        return 0;
    }
    let body = start + 2;
    // The length is one byte.
    let max = max.min(body + usize::from(u8::MAX));
    let added = match first {
        Message::Sighting(_) => run(messages, frame, max),
        Message::Health(health) => put(&HealthBody::from(health), frame, max),
        Message::Digest(digest) => put(&DigestBody::from(digest), frame, max),
        Message::Lost(lost) => put(lost, frame, max),
        Message::Ack(ack) => match ack.number {
            Some(number) => put(&(AckBody::from(ack), number), frame, max),
            None => put(&AckBody::from(ack), frame, max),
        },
        Message::Anchor(anchor) => put(anchor, frame, max),
        Message::Power(power) => put(&PowerBody::from(power), frame, max),
    };
    let length = u8::try_from(frame.len() - body).unwrap_or(u8::MAX);
    if let Some(place) = frame.get_mut(start + 1) {
        *place = length;
    }
    added
}

fn put(body: &impl Serialize, frame: &mut Vec<u8, FRAME_MAX>, max: usize) -> usize {
    let mut buffer = [0u8; FRAME_MAX];
    match postcard::to_slice(body, &mut buffer) {
        Ok(bytes) if frame.len() + bytes.len() <= max => usize::from(frame.extend_from_slice(bytes).is_ok()),
        _ => 0,
    }
}
