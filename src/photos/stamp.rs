//! Time and camera of a photo, from its header.

use std::fs::File;
use std::io::Read;

use chrono::{DateTime, FixedOffset, TimeZone};

use super::Photo;
use crate::image::{Header, Taken};

/// How much of a file is read for its header. EXIF lives in one JPEG segment of at most 64 KiB, near the front;
/// four times that leaves room for the segments some makers put before it.
const HEADER_MAX: u64 = 256 * 1024;

/// Fills in time, device and, where the file cannot be read, the reason. `zone` is where clocks that do not tell
/// their offset stand. A photo with a broken header is a photo without a time: what is wrong with it is found when
/// it is judged.
pub fn stamp(photo: &mut Photo, zone: FixedOffset) {
    if photo.unreadable.is_some() {
        return;
    }
    let mut head = Vec::new();
    if let Err(error) = File::open(&photo.path).and_then(|f| f.take(HEADER_MAX).read_to_end(&mut head)) {
        photo.unreadable = Some(error.to_string());
        return;
    }
    if let Ok(header) = Header::read(&head) {
        photo.taken = header.taken.as_ref().and_then(|taken| instant(taken, zone));
        photo.device = device(&header);
    }
}

/// The camera's local time as an instant.
fn instant(taken: &Taken, zone: FixedOffset) -> Option<DateTime<FixedOffset>> {
    taken.offset.unwrap_or(zone).from_local_datetime(&taken.local).single()
}

/// Make, model and serial number with single spaces; cameras pad them with blanks.
fn device(header: &Header) -> String {
    let fields = [&header.make, &header.model, &header.serial].into_iter().flatten();
    fields.flat_map(|text| text.split_whitespace()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    #[test]
    fn the_cameras_own_offset_goes_before_the_users() {
        let local = NaiveDate::from_ymd_opt(2024, 5, 1).and_then(|d| d.and_hms_opt(10, 0, 0)).unwrap();
        let east = |hours| FixedOffset::east_opt(hours * 3600).unwrap();
        let told = Taken { local, offset: Some(east(2)) };
        assert_eq!(instant(&told, east(-5)).unwrap().to_rfc3339(), "2024-05-01T10:00:00+02:00");
        let silent = Taken { local, offset: None };
        assert_eq!(instant(&silent, east(-5)).unwrap().to_rfc3339(), "2024-05-01T10:00:00-05:00");
    }
}
