//! A stream of JPEG pictures, one after the other, taken apart: whole pictures come out, whatever bytes go in.
//!
//! The structure of ITU-T T.81 annex B is followed marker by marker, so a thumbnail inside EXIF does not end its
//! picture. What does not fit is passed over up to the next start of a picture, and counted.

use std::collections::VecDeque;

/// Longest picture, bytes: a 64-megapixel camera at quality 100 stays below.
const LONGEST: usize = 48 * 1024 * 1024;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;

/// Where the parser stands in the picture that begins the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before a start of image.
    Between,
    /// A marker is due.
    Marker,
    /// In entropy-coded data.
    Scan,
}

/// Takes a stream apart.
#[derive(Debug)]
pub struct Splitter {
    buffer: Vec<u8>,
    /// Bytes of the buffer that were understood.
    read: usize,
    at: At,
    scanned: bool,
    done: VecDeque<Vec<u8>>,
    broken: u64,
    skipped: u64,
}

impl Default for Splitter {
    fn default() -> Self {
        Splitter::new()
    }
}

impl Splitter {
    /// At the beginning of a stream.
    pub fn new() -> Self {
        Splitter {
            buffer: Vec::new(),
            read: 0,
            at: At::Between,
            scanned: false,
            done: VecDeque::new(),
            broken: 0,
            skipped: 0,
        }
    }

    /// Takes up the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        while self.step() {}
    }

    /// The next whole picture.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        self.done.pop_front()
    }

    /// Pictures that began and were not whole.
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// Bytes that belonged to no whole picture.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Reads on; false when more bytes are needed.
    fn step(&mut self) -> bool {
        if self.at != At::Between && self.buffer.len() > LONGEST && self.read > LONGEST {
            self.give_up();
            return true;
        }
        match self.at {
            At::Between => self.seek(),
            At::Marker => self.marker(),
            At::Scan => self.scan(),
        }
    }

    /// Looks for SOI and the beginning of a marker after it.
    fn seek(&mut self) -> bool {
        match self.buffer.windows(3).position(|w| w == [0xFF, SOI, 0xFF]) {
            Some(start) => {
                self.forget(start);
                (self.at, self.read, self.scanned) = (At::Marker, 2, false);
                true
            }
            None => {
                // The last two bytes may be the beginning of one.
                self.forget(self.buffer.len().saturating_sub(2));
                false
            }
        }
    }

    fn marker(&mut self) -> bool {
        let rest = self.buffer.get(self.read..).unwrap_or_default();
        // Any number of fill bytes may precede a marker (B.1.1.2).
        let fill = rest.iter().take_while(|b| **b == 0xFF).count();
        let Some(&code) = rest.get(fill) else {
            return false;
        };
        if fill == 0 {
            self.give_up();
            return true;
        }
        let after = self.read + fill + 1;
        match code {
            EOI if self.scanned => {
                self.finish(after);
                true
            }
            // TEM and the restarts stand alone; what has no length and no place here ends the picture.
            0x01 => {
                self.read = after;
                true
            }
            0x00 | 0x02..=0xBF | 0xD0..=EOI => {
                self.give_up();
                true
            }
            _ => {
                let Some(length) = self.buffer.get(after..after + 2) else { return false };
                let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                if length < 2 {
                    self.give_up();
                    return true;
                }
                self.read = after + length;
                if code == SOS {
                    (self.at, self.scanned) = (At::Scan, true);
                }
                true
            }
        }
    }

    fn scan(&mut self) -> bool {
        let Some(rest) = self.buffer.get(self.read..) else { return false };
        let Some(found) = rest.iter().position(|b| *b == 0xFF) else {
            self.read = self.buffer.len();
            return false;
        };
        self.read += found;
        match self.buffer.get(self.read + 1) {
            None => false,
            // A stuffed zero and the restarts belong to the data.
            Some(0x00 | 0xD0..=0xD7) => {
                self.read += 2;
                true
            }
            Some(0xFF) => {
                self.read += 1;
                true
            }
            Some(_) => {
                self.at = At::Marker;
                true
            }
        }
    }

    /// The first `end` bytes are a picture.
    fn finish(&mut self, end: usize) {
        let rest = self.buffer.split_off(end.min(self.buffer.len()));
        self.done.push_back(std::mem::replace(&mut self.buffer, rest));
        (self.at, self.read) = (At::Between, 0);
    }

    /// The picture that was begun is none; the next may begin inside what was taken for it.
    fn give_up(&mut self) {
        self.broken += 1;
        self.forget(1);
        self.at = At::Between;
    }

    fn forget(&mut self, bytes: usize) {
        let bytes = bytes.min(self.buffer.len());
        self.skipped += bytes as u64;
        self.buffer.drain(..bytes);
        self.read = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A JPEG as an encoder writes it.
    pub(crate) fn picture(shade: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let pixels = image::RgbImage::from_pixel(16, 16, image::Rgb([shade, 200, 9]));
        image::codecs::jpeg::JpegEncoder::new(&mut bytes).encode_image(&pixels).unwrap();
        bytes
    }

    /// The picture with an application segment that holds another picture, as EXIF holds a thumbnail.
    fn with_thumbnail(shade: u8) -> Vec<u8> {
        let (outer, inner) = (picture(shade), picture(shade ^ 1));
        let mut bytes = outer[..2].to_vec();
        bytes.extend([0xFF, 0xE1]);
        bytes.extend(u16::try_from(inner.len() + 2).unwrap().to_be_bytes());
        bytes.extend(inner);
        bytes.extend(&outer[2..]);
        bytes
    }

    fn split(stream: &[u8], chunk: usize) -> (Vec<Vec<u8>>, u64) {
        let mut splitter = Splitter::new();
        for part in stream.chunks(chunk.max(1)) {
            splitter.push(part);
        }
        (std::iter::from_fn(|| splitter.take()).collect(), splitter.broken())
    }

    #[test]
    fn pictures_come_out_as_they_went_in_whatever_the_chunks() {
        let pictures = [picture(1), with_thumbnail(2), picture(3)];
        for chunk in [1, 2, 7, 1000, 100_000] {
            assert_eq!(split(&pictures.concat(), chunk), (pictures.to_vec(), 0), "chunk {chunk}");
        }
    }

    #[test]
    fn a_cut_picture_and_words_between_cost_no_whole_one() {
        let (first, second) = (picture(1), picture(2));
        let cut = &first[..first.len() / 2];
        let stream = [&first, b"GST_ARGUS: Creating output stream\n".as_slice(), cut, &second].concat();
        assert_eq!(split(&stream, 64), (vec![first.clone(), second.clone()], 1));
        // Cut inside a segment, whose length then reaches into the next picture.
        let stream = [&first[..24], &second, &first].concat();
        assert_eq!(split(&stream, 64).0, [second, first]);
    }

    #[test]
    fn files_of_other_encoders_are_whole_pictures() {
        for name in ["baseline", "progressive", "restarts", "grey", "cmyk"] {
            let file = format!("{}/tests/data/{name}.jpg", env!("CARGO_MANIFEST_DIR"));
            let bytes = std::fs::read(file).unwrap();
            let (out, broken) = split(&[bytes.clone(), bytes.clone()].concat(), 100);
            // Bytes behind the end of a picture are no part of it.
            assert!(out.len() == 2 && broken == 0 && bytes.starts_with(&out[0]), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived_and_the_next_picture_is_found(
            noise in prop::collection::vec(prop_oneof![3 => any::<u8>(), 2 => Just(0xFF), 1 => Just(SOI)], 0..600),
            chunk in 1usize..50,
        ) {
            let good = picture(4);
            // Two pictures: a length in the noise may reach into the first, never beyond 64 KiB.
            let calm = vec![0u8; 70_000];
            let stream = [&noise[..], &calm, &good].concat();
            let (out, _) = split(&stream, chunk * 40);
            prop_assert_eq!(out.last(), Some(&good));
        }

        #[test]
        fn every_byte_is_in_a_picture_or_counted(noise in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut splitter = Splitter::new();
            let stream = [&picture(1)[..], &noise, &picture(2)].concat();
            splitter.push(&stream);
            let held = splitter.buffer.len() as u64 + splitter.skipped();
            let taken: usize = std::iter::from_fn(|| splitter.take()).map(|p| p.len()).sum();
            prop_assert_eq!(held + taken as u64, stream.len() as u64);
        }
    }
}
