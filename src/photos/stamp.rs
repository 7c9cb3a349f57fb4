//! Time and camera of a photo, from its EXIF header.

use std::fs::File;
use std::io::{Cursor, Read};

use chrono::{DateTime, FixedOffset, NaiveDate, TimeZone};
use exif::{Exif, In, Reader, Tag, Value};

use super::Photo;

/// How much of a file is read for its header. EXIF lives in one JPEG segment of at most 64 KiB, near the front;
/// four times that leaves room for the segments some makers put before it.
const HEADER_MAX: u64 = 256 * 1024;

/// Fills in time, device and, where the file cannot be read, the reason. `zone` is where clocks without an
/// OffsetTimeOriginal stand.
pub fn stamp(photo: &mut Photo, zone: FixedOffset) {
    if photo.unreadable.is_some() {
        return;
    }
    let mut head = Vec::new();
    match File::open(&photo.path).and_then(|f| f.take(HEADER_MAX).read_to_end(&mut head)) {
        Err(error) => photo.unreadable = Some(error.to_string()),
        // A photo without a header, or with a broken one, is a photo without a time: no error here.
        Ok(_) => {
            if let Ok(exif) = Reader::new()
                .continue_on_error(true)
                .read_from_container(&mut Cursor::new(head))
                .or_else(|e| e.distill_partial_result(|_| {}))
            {
                photo.taken = taken(&exif, zone);
                photo.device = device(&exif);
            }
        }
    }
}

/// DateTimeOriginal with its sub-seconds and offset; DateTimeDigitized, which cameras set alike, where it is
/// missing. DateTime is when the file was last edited and is not taken. Clocks that were never set write zeros or
/// blanks: no time.
fn taken(exif: &Exif, zone: FixedOffset) -> Option<DateTime<FixedOffset>> {
    let original = (Tag::DateTimeOriginal, Tag::SubSecTimeOriginal, Tag::OffsetTimeOriginal);
    let digitized = (Tag::DateTimeDigitized, Tag::SubSecTimeDigitized, Tag::OffsetTimeDigitized);
    [original, digitized].into_iter().find_map(|(time, fraction, offset)| {
        let mut at = exif::DateTime::from_ascii(ascii(exif, time)?).ok()?;
        if let Some(bytes) = ascii(exif, fraction) {
            let _ = at.parse_subsec(bytes);
        }
        if let Some(bytes) = ascii(exif, offset) {
            let _ = at.parse_offset(bytes);
        }
        let zone = at.offset.and_then(|m| FixedOffset::east_opt(i32::from(m) * 60)).unwrap_or(zone);
        let local = NaiveDate::from_ymd_opt(at.year.into(), at.month.into(), at.day.into())?
            .and_hms_nano_opt(
                at.hour.into(),
                at.minute.into(),
                at.second.into(),
                at.nanosecond.unwrap_or(0),
            )?;
        zone.from_local_datetime(&local).single()
    })
}

/// Make, model and body serial number with single spaces; cameras pad them with blanks.
fn device(exif: &Exif) -> String {
    let fields =
        [Tag::Make, Tag::Model, Tag::BodySerialNumber].into_iter().filter_map(|tag| ascii(exif, tag));
    let words =
        fields.map(|bytes| String::from_utf8_lossy(bytes).replace('\0', " ")).collect::<Vec<_>>().join(" ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text of a field.
fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(lines) => lines.first().map(Vec::as_slice),
        _ => None,
    }
}
