//! Numbers of any width, most significant bit first.

use heapless::Vec;

use super::FRAME_MAX;

/// Writes behind the whole bytes that are there.
pub(super) struct Writer<'a> {
    bytes: &'a mut Vec<u8, FRAME_MAX>,
    free: u32,
}

impl<'a> Writer<'a> {
    /// `free`: how many bits of the last byte are still to be written, 0..=7.
    pub(super) fn new(bytes: &'a mut Vec<u8, FRAME_MAX>, free: u32) -> Self {
        Writer { bytes, free }
    }

    /// Appends the low `width` bits of `value`; false where the frame is full.
    #[must_use]
    pub(super) fn put(&mut self, value: u32, width: u32) -> bool {
        for bit in (0..width).rev() {
            if self.free == 0 {
                if self.bytes.push(0).is_err() {
                    return false;
                }
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from((value >> bit) & 1 == 1) << self.free;
            }
        }
        true
    }

    /// Bits of the last byte that are still to be written.
    pub(super) fn free(&self) -> u32 {
        self.free
    }
}

/// Reads from the front.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    /// Bits not yet read.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// The next `width` bits, at most 32; none where fewer are left.
    pub(super) fn take(&mut self, width: u32) -> Option<u32> {
        if self.left() < width as usize {
            return None;
        }
        let mut value = 0;
        for _ in 0..width {
            let byte = self.bytes.get(self.at / 8)?;
            value = (value << 1) | u32::from((byte >> (7 - self.at % 8)) & 1);
            self.at += 1;
        }
        Some(value)
    }
}
