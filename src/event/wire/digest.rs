//! A day of many species in parts that fit.

use super::{WireError, pack};
use crate::event::{DIGEST_LINES, Digest, DigestLine, Message};

/// The parts of a day, in order.
#[derive(Debug, Clone)]
pub struct DigestParts<'a> {
    day: Digest,
    lines: &'a [DigestLine],
    max: usize,
    done: bool,
}

/// Splits a day into digests that each fit a frame of `max` bytes alone. `day` gives all but the lines, which may
/// be more than one [`Digest`] holds; its own `lines`, `part` and `parts` are not looked at. A day without lines
/// is one part.
///
/// # Errors
/// [`WireError::TooLong`] where not even one line fits, or more than 255 parts would be needed.
pub fn split_digest<'a>(
    day: &Digest,
    lines: &'a [DigestLine],
    max: usize,
) -> Result<DigestParts<'a>, WireError> {
    let day = Digest { part: 0, parts: u8::MAX, lines: heapless::Vec::new(), ..day.clone() };
    let mut parts = DigestParts { day, lines, max, done: false };
    let (mut count, mut told, mut trial) = (0usize, 0, parts.clone());
    for part in trial.by_ref() {
        count += 1;
        told += part.lines.len();
    }
    parts.day.parts = u8::try_from(count).map_err(|_| WireError::TooLong { max })?;
    // The trial stops where a line, or the bare day, does not fit.
    if count == 0 || told < lines.len() { Err(WireError::TooLong { max }) } else { Ok(parts) }
}

impl Iterator for DigestParts<'_> {
    type Item = Digest;

    fn next(&mut self) -> Option<Digest> {
        if self.done {
            return None;
        }
        let mut part = self.day.clone();
        let mut rest = self.lines;
        while let Some((line, after)) = rest.split_first() {
            if part.lines.len() == DIGEST_LINES || part.lines.push(*line).is_err() {
                break;
            }
            if !fits(&part, self.max) {
                part.lines.pop();
                break;
            }
            rest = after;
        }
        let stuck = part.lines.is_empty() && !rest.is_empty();
        if stuck || !fits(&part, self.max) {
            self.done = true;
            return None;
        }
        self.lines = rest;
        self.done = rest.is_empty();
        self.day.part = self.day.part.saturating_add(1);
        Some(part)
    }
}

fn fits(part: &Digest, max: usize) -> bool {
    pack(&[Message::Digest(part.clone())], max).is_ok()
}
