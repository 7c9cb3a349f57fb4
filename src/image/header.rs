//! What a file says of its picture without decoding it: size, orientation, time, camera.

use chrono::{FixedOffset, NaiveDate, NaiveDateTime};
use exif::{Exif, In, Tag, Value};

use super::segments::Segments;
use super::{ImageError, Orientation};

/// A JPEG's header and EXIF. Reading it takes the start of the file only, so it also works on a truncated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Width in pixels as stored, 1..=65535.
    pub width: u32,
    /// Height in pixels as stored, 1..=65535.
    pub height: u32,
    /// How to turn the stored picture upright.
    pub orientation: Orientation,
    /// When it was taken, if the camera said so with a date that exists.
    pub taken: Option<Taken>,
    /// Camera maker, trimmed; `None` when missing or blank.
    pub make: Option<String>,
    /// Camera model, trimmed; `None` when missing or blank.
    pub model: Option<String>,
    /// Serial number of the camera body, trimmed; `None` when missing or blank.
    pub serial: Option<String>,
}

/// When a picture was taken, by the camera's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Local time of the camera, with sub-seconds where it gave them.
    pub local: NaiveDateTime,
    /// Offset from UTC where the camera gave it (EXIF 2.31 `OffsetTime…`); most traps do not.
    pub offset: Option<FixedOffset>,
}

impl Header {
    /// Reads the header of the JPEG that starts with `bytes`. Damaged EXIF is no error: what can be read of it is.
    pub fn read(bytes: &[u8]) -> Result<Header, ImageError> {
        let segments = Segments::of_header(bytes)?;
        let exif = segments.exif.clone().and_then(|range| parse_exif(bytes.get(range)?));
        Ok(Header {
            width: segments.frame.width,
            height: segments.frame.height,
            orientation: exif.as_ref().map(orientation).unwrap_or_default(),
            taken: exif.as_ref().and_then(taken),
            make: exif.as_ref().and_then(|e| text(e, Tag::Make)),
            model: exif.as_ref().and_then(|e| text(e, Tag::Model)),
            serial: exif.as_ref().and_then(|e| text(e, Tag::BodySerialNumber)),
        })
    }

    /// Width and height of the upright picture.
    pub fn upright_size(&self) -> (u32, u32) {
        self.orientation.upright_size(self.width, self.height)
    }
}

/// Whatever can be read of EXIF's TIFF bytes; `None` when nothing can.
pub(super) fn parse_exif(tiff: &[u8]) -> Option<Exif> {
    let mut reader = exif::Reader::new();
    reader.continue_on_error(true);
    reader.read_raw(tiff.to_vec()).or_else(|e| e.distill_partial_result(|_| ())).ok()
}

pub(super) fn orientation(exif: &Exif) -> Orientation {
    let value = exif.get_field(Tag::Orientation, In::PRIMARY).and_then(|f| f.value.get_uint(0));
    Orientation::from_exif(value.unwrap_or(1))
}

/// DateTimeOriginal, else DateTimeDigitized, else DateTime, each with its own sub-seconds and offset.
fn taken(exif: &Exif) -> Option<Taken> {
    [
        (Tag::DateTimeOriginal, Tag::SubSecTimeOriginal, Tag::OffsetTimeOriginal),
        (Tag::DateTimeDigitized, Tag::SubSecTimeDigitized, Tag::OffsetTimeDigitized),
        (Tag::DateTime, Tag::SubSecTime, Tag::OffsetTime),
    ]
    .into_iter()
    .find_map(|(date, fraction, offset)| taken_from(exif, date, fraction, offset))
}

fn taken_from(exif: &Exif, date: Tag, fraction: Tag, offset: Tag) -> Option<Taken> {
    let mut time = exif::DateTime::from_ascii(ascii(exif, date)?).ok()?;
    if let Some(digits) = ascii(exif, fraction) {
        // Unreadable sub-seconds or offsets leave the seconds standing.
        let _ = time.parse_subsec(digits);
    }
    if let Some(sign_and_hours) = ascii(exif, offset) {
        let _ = time.parse_offset(sign_and_hours);
    }
    let local = NaiveDate::from_ymd_opt(time.year.into(), time.month.into(), time.day.into())?
        .and_hms_nano_opt(
            time.hour.into(),
            time.minute.into(),
            time.second.into(),
            time.nanosecond.unwrap_or(0),
        )?;
    Some(Taken { local, offset: time.offset.and_then(|m| FixedOffset::east_opt(i32::from(m) * 60)) })
}

fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(lines) => lines.first().map(Vec::as_slice),
        _ => None,
    }
}

/// A text field without the blanks and NULs cameras pad it with.
fn text(exif: &Exif, tag: Tag) -> Option<String> {
    let text = String::from_utf8_lossy(ascii(exif, tag)?);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG header of 8x16 around EXIF with the given ASCII fields; layout by CIPA DC-008 and TIFF 6.0.
    fn with_exif(main: &[(u16, &str)], sub: &[(u16, &str)]) -> Vec<u8> {
        fn ifd(at: u32, fields: &[(u16, &str)], pointer: Option<u32>) -> Vec<u8> {
            let count = fields.len() + usize::from(pointer.is_some());
            let mut out = (count as u16).to_be_bytes().to_vec();
            let mut values = Vec::new();
            let values_at = at + 2 + 12 * count as u32 + 4;
            for (tag, value) in fields {
                // Count at least 5, so that every value lies outside the entry.
                let value = format!("{value:\0<6}\0");
                out.extend([&tag.to_be_bytes()[..], &[0, 2], &(value.len() as u32).to_be_bytes()].concat());
                out.extend((values_at + values.len() as u32).to_be_bytes());
                values.extend(value.bytes());
            }
            if let Some(pointer) = pointer {
                out.extend([0x87, 0x69, 0, 4, 0, 0, 0, 1]);
                out.extend(pointer.to_be_bytes());
            }
            out.extend([0; 4]);
            out.extend(values);
            out
        }
        let first = ifd(8, main, Some(0));
        let sub_at = 8 + first.len() as u32;
        let mut tiff = b"MM\0*\0\0\0\x08".to_vec();
        tiff.extend(ifd(8, main, Some(sub_at)));
        tiff.extend(ifd(sub_at, sub, None));
        let mut out = vec![0xFF, 0xD8, 0xFF, 0xE1];
        out.extend((tiff.len() as u16 + 8).to_be_bytes());
        out.extend(b"Exif\0\0");
        out.extend(tiff);
        out.extend([0xFF, 0xC0, 0, 11, 8, 0, 16, 0, 8, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]);
        out
    }

    #[test]
    fn time_with_sub_seconds_and_offset() {
        let bytes = with_exif(
            &[(0x010F, "RECONYX "), (0x0110, "HP2X\0\0\0")],
            &[(0x9003, "2024:02:29 23:59:58"), (0x9011, "-05:30"), (0x9291, "25"), (0xA431, "  ")],
        );
        let header = Header::read(&bytes).unwrap();
        let taken = header.taken.unwrap();
        assert_eq!(taken.local.to_string(), "2024-02-29 23:59:58.250");
        assert_eq!(taken.offset, FixedOffset::west_opt(5 * 3600 + 30 * 60));
        assert_eq!((header.make.as_deref(), header.model.as_deref()), (Some("RECONYX"), Some("HP2X")));
        assert_eq!((header.upright_size(), header.serial), ((8, 16), None));
    }

    #[test]
    fn a_date_that_does_not_exist_is_no_time() {
        for date in ["2023:02:29 00:00:00", "0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday"] {
            let bytes = with_exif(&[], &[(0x9003, date)]);
            assert_eq!(Header::read(&bytes).unwrap().taken, None, "{date}");
        }
    }

    #[test]
    fn the_next_best_time_is_taken_when_the_original_is_missing() {
        let bytes = with_exif(&[(0x0132, "2020:01:02 03:04:05")], &[]);
        assert_eq!(Header::read(&bytes).unwrap().taken.unwrap().local.to_string(), "2020-01-02 03:04:05");
    }

    #[test]
    fn damaged_exif_does_not_hide_the_size() {
        let mut bytes = with_exif(&[(0x010F, "MAKER")], &[(0x9003, "2020:01:02 03:04:05")]);
        for byte in &mut bytes[12..60] {
            *byte = 0xEE;
        }
        let header = Header::read(&bytes).unwrap();
        assert_eq!((header.width, header.height, header.taken), (8, 16, None));
    }
}
