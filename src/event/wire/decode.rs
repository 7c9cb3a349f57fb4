//! A frame into messages. No bytes make it panic; what it does not know it skips and counts.

use serde::de::DeserializeOwned;

use super::items::{AckBody, DigestBody, HealthBody, PowerBody};
use super::sighting::Run;
use super::{
    KIND_MIXED, KIND_SIGHTINGS, TAG_ACK, TAG_ANCHOR, TAG_DIGEST, TAG_HEALTH, TAG_LOST, TAG_POWER,
    TAG_SIGHTINGS, VERSION, WireError,
};
use crate::event::Message;

/// The messages of a frame, one after the other.
#[derive(Debug, Clone)]
pub struct Decoded<'a> {
    run: Option<Run<'a>>,
    items: &'a [u8],
    skipped: usize,
    longer: usize,
}

/// Begins to decode a frame.
///
/// # Errors
/// [`WireError::Nothing`] for no bytes, [`WireError::Version`] for a frame of another version.
pub fn decode(frame: &[u8]) -> Result<Decoded<'_>, WireError> {
    let (&header, body) = frame.split_first().ok_or(WireError::Nothing)?;
    if header >> 4 != VERSION {
        return Err(WireError::Version(header >> 4));
    }
    let none = Decoded { run: None, items: &[], skipped: 0, longer: 0 };
    Ok(match header & 15 {
        KIND_SIGHTINGS => Decoded { run: Some(Run::new(body)), ..none },
        KIND_MIXED => Decoded { items: body, ..none },
        _ => Decoded { skipped: 1, ..none },
    })
}

impl Decoded<'_> {
    /// How much was skipped so far because this version does not know it: items of an unknown tag, or the whole
    /// frame (counted as 1) of an unknown kind.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// How many messages so far had fields at their end that this version does not know.
    pub fn longer(&self) -> usize {
        self.longer
    }

    /// `None` for a tag that is not known.
    fn message(&mut self, tag: u8, bytes: &[u8]) -> Option<Result<Message, WireError>> {
        let read = match tag {
            TAG_HEALTH => body::<HealthBody>(bytes).map(|(b, rest)| (Message::Health(b.into()), rest)),
            TAG_DIGEST => body::<DigestBody>(bytes)
                .and_then(|(b, rest)| b.digest().map(|digest| (Message::Digest(digest), rest))),
            TAG_LOST => body(bytes).map(|(lost, rest)| (Message::Lost(lost), rest)),
            TAG_ACK => body::<AckBody>(bytes).and_then(|(ack, rest)| {
                if rest.is_empty() {
                    return Some((Message::Ack(ack.ack(None)), rest));
                }
                body::<u32>(rest).map(|(number, rest)| (Message::Ack(ack.ack(Some(number))), rest))
            }),
            TAG_ANCHOR => body(bytes).map(|(anchor, rest)| (Message::Anchor(anchor), rest)),
            TAG_POWER => body::<PowerBody>(bytes).map(|(b, rest)| (Message::Power(b.into()), rest)),
            _ => return None,
        };
        Some(read.ok_or(WireError::Body(tag)).map(|(message, rest)| {
            self.longer += usize::from(!rest.is_empty());
            message
        }))
    }
}

/// A body and what follows it; `None` where it cannot be read.
fn body<T: DeserializeOwned>(bytes: &[u8]) -> Option<(T, &[u8])> {
    postcard::take_from_bytes(bytes).ok()
}

impl Iterator for Decoded<'_> {
    type Item = Result<Message, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(run) = &mut self.run {
                match run.next() {
                    Some(Some(seen)) => return Some(Ok(Message::Sighting(seen))),
                    Some(None) => {
                        self.run = None;
                        return Some(Err(WireError::Cut));
                    }
                    None => self.run = None,
                }
            }
            let (tag, rest) = self.items.split_first()?;
            let whole = rest.split_first().and_then(|(&n, rest)| rest.split_at_checked(usize::from(n)));
            let Some((body, rest)) = whole else {
                self.items = &[];
                return Some(Err(WireError::Cut));
            };
            self.items = rest;
            if *tag == TAG_SIGHTINGS {
                self.run = Some(Run::new(body));
                continue;
            }
            match self.message(*tag, body) {
                Some(message) => return Some(message),
                None => self.skipped += 1,
            }
        }
    }
}
