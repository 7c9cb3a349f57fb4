//! One frame of a camera to one whole JPEG picture, or none.

use super::negotiate::{Kind, Mode};
use crate::drivers::stream::mjpeg::Splitter;
use crate::image::{Rgb, encode_jpeg};

/// Makes pictures of frames.
pub(super) struct Sorter {
    kind: Kind,
    mode: Mode,
    quality: u8,
}

impl Sorter {
    pub(super) fn new(kind: Kind, mode: Mode, quality: u8) -> Self {
        Sorter { kind, mode, quality }
    }

    /// The picture of a frame; `None` where there is none in it: the driver calls it damaged, it is cut, or it holds
    /// nothing but one value, as buffers do that no data came for.
    pub(super) fn picture(&self, frame: &[u8], sound: bool) -> Option<Vec<u8>> {
        let first = frame.first()?;
        if !sound || frame.iter().all(|byte| byte == first) {
            return None;
        }
        match self.kind {
            // What is behind the end of the picture is padding.
            Kind::Jpeg => {
                let mut splitter = Splitter::new();
                splitter.push(frame);
                splitter.take().map(with_huffman_tables)
            }
            Kind::Yuyv => encode_jpeg(&rgb(frame, &self.mode)?, self.quality).ok(),
        }
    }
}

/// YUYV to RGB: BT.601 with the limited range that Video4Linux has for it (`V4L2_MAP_QUANTIZATION_DEFAULT`), in
/// 16 bits of fraction.
fn rgb(frame: &[u8], mode: &Mode) -> Option<Rgb> {
    let width = usize::try_from(mode.width & !1).ok()?;
    let height = usize::try_from(mode.height).ok()?;
    let stride = usize::try_from(mode.stride).ok()?.max(2 * usize::try_from(mode.width).ok()?);
    let mut data = Vec::with_capacity(3 * width * height);
    for row in 0..height {
        let row = frame.get(row * stride..row * stride + 2 * width)?;
        for &[first, u, second, v] in row.as_chunks::<4>().0 {
            let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
            for y in [first, second] {
                // 255/219; 2·(1−0.299)·255/224; 2·(1−0.114)·255/224 and their shares in green, times 65536.
                let y = 76_309 * (i32::from(y) - 16) + 32_768;
                let byte = |value: i32| (value >> 16).clamp(0, 255) as u8;
                data.extend([
                    byte(y + 104_597 * v),
                    byte(y - 53_279 * v - 25_675 * u),
                    byte(y + 132_201 * u),
                ]);
            }
        }
    }
    Some(Rgb { width: mode.width & !1, height: mode.height, data })
}

/// Huffman tables that pictures without any are coded with (ITU-T T.81, K.3): cameras leave them out of Motion JPEG,
/// and only some programs know that. Per table its class and number, codes per length, values.
const TABLES: [(u8, [u8; 16], &[u8]); 4] = [
    (0x00, [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    (0x10, [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D], &LUMA_AC),
    (0x01, [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    (0x11, [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77], &CHROMA_AC),
];

/// Table K.5.
const LUMA_AC: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22,
    0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33,
    0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34,
    0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55,
    0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76,
    0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5,
    0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4,
    0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1,
    0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

/// Table K.6.
const CHROMA_AC: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13,
    0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62,
    0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29,
    0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54,
    0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75,
    0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94,
    0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3,
    0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2,
    0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA,
    0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

/// The picture with those tables where it has none of its own; every other byte as it was.
fn with_huffman_tables(jpeg: Vec<u8>) -> Vec<u8> {
    const DHT: u8 = 0xC4;
    const SOS: u8 = 0xDA;
    // Segments follow each other from behind SOI (T.81, B.1.1.4); the splitter has seen that they do.
    let mut at = 2;
    while let Some(&[0xFF, code, high, low]) = jpeg.get(at..at + 4) {
        match code {
            0xFF => at += 1,
            DHT => return jpeg,
            SOS => {
                let mut segment = Vec::with_capacity(432);
                for (number, lengths, values) in TABLES {
                    segment.extend([number].iter().chain(&lengths).chain(values));
                }
                let length = (segment.len() + 2) as u16;
                let (head, tail) = jpeg.split_at(at);
                return [head, &[0xFF, DHT], &length.to_be_bytes(), &segment, tail].concat();
            }
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    jpeg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Want, decode};

    fn scene() -> Rgb {
        let pixel = |x: u32, y: u32| [(x * 4) as u8, (y * 5) as u8, (x ^ y) as u8 * 3];
        let data = (0..48).flat_map(|y| (0..64).flat_map(move |x| pixel(x, y))).collect();
        Rgb { width: 64, height: 48, data }
    }

    fn sorter(kind: Kind) -> Sorter {
        let format = if kind == Kind::Jpeg { *b"MJPG" } else { *b"YUYV" };
        Sorter::new(kind, Mode { format, width: 64, height: 48, stride: 0, rate: 5 }, 90)
    }

    /// The picture without its Huffman tables, as UVC cameras send it.
    fn stripped(jpeg: &[u8]) -> Vec<u8> {
        let mut out = jpeg[..2].to_vec();
        let mut at = 2;
        while jpeg[at + 1] != 0xDA {
            let length = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
            if jpeg[at + 1] != 0xC4 {
                out.extend(&jpeg[at..at + length]);
            }
            at += length;
        }
        out.extend(&jpeg[at..]);
        out
    }

    #[test]
    fn a_picture_that_has_its_tables_passes_byte_for_byte_and_padding_is_cut_off() {
        let jpeg = encode_jpeg(&scene(), 90).unwrap();
        let padded = [&jpeg[..], &[0; 300]].concat();
        assert_eq!(sorter(Kind::Jpeg).picture(&padded, true), Some(jpeg));
    }

    #[test]
    fn tables_that_a_camera_left_out_are_put_back() {
        // The encoder of the crate image codes with the tables of T.81 K.3.
        let jpeg = encode_jpeg(&scene(), 90).unwrap();
        let bare = stripped(&jpeg);
        assert!(bare.len() + 400 < jpeg.len());
        let whole = sorter(Kind::Jpeg).picture(&bare, true).unwrap();
        assert_eq!(decode(&whole, Want::Full).unwrap(), decode(&jpeg, Want::Full).unwrap());
    }

    #[test]
    fn garbage_is_no_picture() {
        let jpeg = encode_jpeg(&scene(), 90).unwrap();
        let cut = &jpeg[..jpeg.len() / 2];
        for (frame, sound) in
            [(&jpeg[..], false), (cut, true), (&[], true), (&[0; 6144], true), (b"\xFF\xD8\xFF", true)]
        {
            assert_eq!(sorter(Kind::Jpeg).picture(frame, sound), None);
        }
        let grey = [100, 128].repeat(64 * 48);
        for (frame, sound) in [(&grey[..6143], true), (&grey[..], false), (&[0; 6144], true)] {
            assert_eq!(sorter(Kind::Yuyv).picture(frame, sound), None);
        }
    }

    #[test]
    fn yuyv_becomes_the_colours_of_bt_601() {
        // ITU-R BT.601: black, white and the primaries' Y, Cb, Cr in 8 bits, from the standard's bars of 100 %.
        for (yuv, expected) in [
            ([16, 128, 128], [0, 0, 0]),
            ([235, 128, 128], [255, 255, 255]),
            ([81, 90, 240], [255, 0, 0]),
            ([145, 54, 34], [0, 255, 0]),
            ([41, 240, 110], [0, 0, 255]),
        ] {
            let [y, u, v] = yuv;
            let mut frame = [y, u, y, v].repeat(32 * 48);
            frame[0] ^= 1;
            let jpeg = sorter(Kind::Yuyv).picture(&frame, true).unwrap();
            let picture = decode(&jpeg, Want::Full).unwrap();
            assert_eq!((picture.width, picture.height), (64, 48));
            let middle = &picture.data[3 * (64 * 24 + 32)..][..3];
            let off = middle.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            assert!(off <= 4, "{yuv:?}: {middle:?}");
        }
    }
}
