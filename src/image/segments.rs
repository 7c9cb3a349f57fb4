//! The bones of a JPEG file: which segments it has and where its entropy-coded data end.
//!
//! Decoders forgive much: libjpeg and its relatives pad a picture that ends early with grey. A trap must not
//! judge grey for forest, so this walk demands what ITU-T T.81 (annex B) demands of every file: SOI first, a
//! frame header, at least one scan, and EOI. Bytes after EOI are allowed (cameras pad and append previews).

use std::ops::Range;

use super::ImageError;

/// Scans a progressive file may have. Encoders write about 10; thousands are an attack on the processor.
const MAX_SCANS: usize = 100;

/// Marker codes of ITU-T T.81, table B.1.
mod code {
    pub const TEM: u8 = 0x01;
    pub const SOF0: u8 = 0xC0;
    pub const SOF2: u8 = 0xC2;
    pub const DHT: u8 = 0xC4;
    pub const JPG: u8 = 0xC8;
    pub const DAC: u8 = 0xCC;
    pub const SOF15: u8 = 0xCF;
    pub const RST0: u8 = 0xD0;
    pub const RST7: u8 = 0xD7;
    pub const SOI: u8 = 0xD8;
    pub const EOI: u8 = 0xD9;
    pub const SOS: u8 = 0xDA;
    pub const APP1: u8 = 0xE1;
}

/// What the frame header (SOF) says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Width in pixels as stored, before orientation.
    pub width: u32,
    /// Height in pixels as stored, before orientation.
    pub height: u32,
    /// Colour components: 1 grey, 3 YCbCr or RGB, 4 CMYK.
    pub components: u8,
    /// Bits per sample.
    pub precision: u8,
    /// The SOF marker's code, `C0`..`CF`.
    pub kind: u8,
}

impl Frame {
    /// True for baseline files: what cameras write.
    pub fn baseline(&self) -> bool {
        self.kind == code::SOF0
    }

    /// True for progressive files, whose coefficients must all be held in memory.
    pub fn progressive(&self) -> bool {
        self.kind == code::SOF2
    }
}

/// Where the parts of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segments {
    /// The frame header.
    pub frame: Frame,
    /// The TIFF bytes of the first EXIF segment, past `Exif\0\0`.
    pub exif: Option<Range<usize>>,
    /// Where each scan's entropy-coded data end (the offset of the marker that ends them, fill bytes included).
    /// Empty after [`Segments::of_header`].
    pub scan_ends: Vec<usize>,
}

impl Segments {
    /// Reads up to the first scan: enough for size and EXIF, also of a file whose end is missing.
    pub fn of_header(bytes: &[u8]) -> Result<Segments, ImageError> {
        Walk::begin(bytes)?.run(true)
    }

    /// Reads the whole file up to EOI.
    pub fn of_file(bytes: &[u8]) -> Result<Segments, ImageError> {
        Walk::begin(bytes)?.run(false)
    }
}

/// A walk along the markers.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    frame: Option<Frame>,
    exif: Option<Range<usize>>,
    scan_ends: Vec<usize>,
}

impl<'a> Walk<'a> {
    fn begin(bytes: &'a [u8]) -> Result<Self, ImageError> {
        match bytes {
            [] => Err(ImageError::Empty),
            [0xFF, code::SOI, ..] => {
                Ok(Walk { bytes, at: 2, frame: None, exif: None, scan_ends: Vec::new() })
            }
            _ => {
                let start: Vec<String> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
                Err(ImageError::NotJpeg { start: start.join(" ") })
            }
        }
    }

    fn run(mut self, header_only: bool) -> Result<Segments, ImageError> {
        loop {
            let marker = self.next_marker()?;
            match marker {
                code::EOI if self.scan_ends.is_empty() => {
                    return Err(ImageError::Corrupt("it ends before any picture data".into()));
                }
                code::EOI => return self.finish(),
                code::TEM | code::RST0..=code::RST7 => continue,
                code::SOI => {
                    return Err(ImageError::Corrupt("a second picture starts inside the first".into()));
                }
                _ => {}
            }
            let body = self.segment_body()?;
            match marker {
                code::SOS => {
                    if self.frame.is_none() {
                        return Err(ImageError::Corrupt("picture data before the frame header".into()));
                    }
                    if header_only {
                        return self.finish();
                    }
                    self.skip_entropy_coded_data()?;
                }
                code::DHT | code::JPG | code::DAC => {}
                code::SOF0..=code::SOF15 if self.frame.is_some() => {
                    return Err(ImageError::Unsupported("hierarchical (more than one frame header)".into()));
                }
                code::SOF0..=code::SOF15 => {
                    self.frame = Some(parse_frame(marker, self.bytes.get(body).unwrap_or_default())?)
                }
                code::APP1 if self.exif.is_none() => self.exif = self.exif_in(body),
                _ => {}
            }
        }
    }

    fn finish(self) -> Result<Segments, ImageError> {
        let frame = self.frame.ok_or_else(|| ImageError::Corrupt("no frame header".into()))?;
        Ok(Segments { frame, exif: self.exif, scan_ends: self.scan_ends })
    }

    /// The code of the next marker; skips fill bytes and stray bytes between segments, as decoders do.
    fn next_marker(&mut self) -> Result<u8, ImageError> {
        loop {
            let found = self.bytes.get(self.at..).and_then(|rest| rest.iter().position(|&b| b == 0xFF));
            let Some(skip) = found else { return Err(self.cut()) };
            self.at += skip;
            while self.bytes.get(self.at) == Some(&0xFF) {
                self.at += 1;
            }
            match self.bytes.get(self.at) {
                None => return Err(self.cut()),
                Some(0) => self.at += 1,
                Some(&code) => {
                    self.at += 1;
                    return Ok(code);
                }
            }
        }
    }

    /// The bytes of the segment that starts here, past its length; moves behind it.
    fn segment_body(&mut self) -> Result<Range<usize>, ImageError> {
        let length = match self.bytes.get(self.at..self.at + 2) {
            Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
            _ => return Err(self.cut()),
        };
        if length < 2 {
            return Err(ImageError::Corrupt(format!("a segment of length {length} at byte {}", self.at)));
        }
        let body = self.at + 2..self.at + length;
        if body.end > self.bytes.len() {
            return Err(self.cut());
        }
        self.at = body.end;
        Ok(body)
    }

    /// Moves to the marker that ends the scan: one that is neither byte stuffing, fill nor a restart.
    fn skip_entropy_coded_data(&mut self) -> Result<(), ImageError> {
        let end = loop {
            let found = self.bytes.get(self.at..).and_then(|rest| rest.iter().position(|&b| b == 0xFF));
            let Some(skip) = found else { return Err(self.cut()) };
            let end = self.at + skip;
            self.at = end + 1;
            while self.bytes.get(self.at) == Some(&0xFF) {
                self.at += 1;
            }
            match self.bytes.get(self.at) {
                None => return Err(self.cut()),
                Some(0) | Some(code::RST0..=code::RST7) => self.at += 1,
                Some(_) => break end,
            }
        };
        // The marker, with any fill bytes before it, is for the next step.
        self.at = end;
        self.scan_ends.push(end);
        if self.scan_ends.len() > MAX_SCANS {
            return Err(ImageError::Unsupported(format!("more than {MAX_SCANS} scans")));
        }
        Ok(())
    }

    fn exif_in(&self, body: Range<usize>) -> Option<Range<usize>> {
        let tiff = body.start + 6..body.end;
        let known = self.bytes.get(body)?.starts_with(b"Exif\0");
        (known && !tiff.is_empty()).then_some(tiff)
    }

    fn cut(&self) -> ImageError {
        let what = if self.scan_ends.is_empty() && self.frame.is_none() {
            "it ends within the header"
        } else {
            "it has no end marker"
        };
        ImageError::Truncated(format!("{what} ({} bytes)", self.bytes.len()))
    }
}

fn parse_frame(kind: u8, body: &[u8]) -> Result<Frame, ImageError> {
    let &[precision, h1, h0, w1, w0, components, ..] = body else {
        return Err(ImageError::Corrupt("a frame header that is too short".into()));
    };
    let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
    if width == 0 || height == 0 {
        return Err(ImageError::Corrupt(format!("the frame header claims a picture of {width}x{height}")));
    }
    Ok(Frame { width: width.into(), height: height.into(), components, precision, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A minimal file written by hand from T.81 annex B: SOI, SOF0 of 8x16 grey, SOS, data with a stuffed FF and
    /// a restart marker, EOI, two bytes of trailer.
    const TINY: &[u8] = &[
        0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 16, 0, 8, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0,
        0xAA, 0xFF, 0x00, 0xFF, 0xD0, 0xBB, 0xFF, 0xD9, 0, 0,
    ];

    #[test]
    fn finds_frame_and_end_of_scan() {
        let found = Segments::of_file(TINY).unwrap();
        assert_eq!((found.frame.width, found.frame.height, found.frame.components), (8, 16, 1));
        assert_eq!(found.scan_ends, [31]);
    }

    #[test]
    fn every_cut_before_the_end_marker_is_noticed() {
        for length in 1..TINY.len() - 2 {
            let error = Segments::of_file(&TINY[..length]).unwrap_err();
            let fits = matches!(error, ImageError::Truncated(_))
                || (length < 2 && matches!(error, ImageError::NotJpeg { .. }));
            assert!(fits, "cut at {length}: {error}");
        }
        assert_eq!(Segments::of_file(&[]), Err(ImageError::Empty));
    }

    #[test]
    fn a_header_can_be_read_from_a_file_without_end() {
        assert_eq!(Segments::of_header(&TINY[..26]).unwrap().frame.height, 16);
    }
}
