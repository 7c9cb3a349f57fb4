//! What a sentence of a receiver says: the crate `nmea` reads it, here it is judged.

use chrono::{NaiveDateTime, TimeDelta, Utc};
use nmea::ParseResult;
use nmea::sentences::rmc::{RmcNavigationStatus, RmcStatusOfFix};
use nmea::sentences::{FaaMode, RmcData};

use super::week;

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Heard {
    /// Time and place, by satellites.
    Fix(Place),
    /// Satellites that are used.
    Satellites(u32),
    /// A whole sentence that says nothing of either.
    Other,
    /// Cut, without a checksum, or with a wrong one.
    Damaged,
}

/// A receiver's word on time and place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// UTC.
    pub utc: chrono::DateTime<Utc>,
    /// Degrees north and east.
    pub at: (f64, f64),
    /// Turns of 1024 weeks that the date was brought forward by.
    pub turns: u32,
}

/// What `line` says. Noise before its `$` is dropped.
pub fn heard(line: &str) -> Heard {
    let Some(sentence) = line.rfind('$').and_then(|at| line.get(at..)) else { return Heard::Damaged };
    if !whole(sentence) {
        return Heard::Damaged;
    }
    match nmea::parse_str(sentence) {
        Ok(ParseResult::RMC(told)) => place(&told).map_or(Heard::Other, Heard::Fix),
        Ok(ParseResult::GGA(told)) => told.fix_satellites.map_or(Heard::Other, Heard::Satellites),
        // The others of a receiver are whole all the same.
        _ => Heard::Other,
    }
}

/// Whether the checksum behind the `*`, exclusive or of all between it and the `$`, is there and right (NMEA 0183).
fn whole(sentence: &str) -> bool {
    let Some((text, told)) = sentence.strip_prefix('$').and_then(|rest| rest.split_once('*')) else {
        return false;
    };
    let sum = text.bytes().fold(0, |sum, byte| sum ^ byte);
    told.len() == 2 && u8::from_str_radix(told, 16) == Ok(sum)
}

/// Time and place of a sentence that is a fix by satellites; not what was reckoned, typed in or simulated.
fn place(told: &RmcData) -> Option<Place> {
    use FaaMode::{Caution, DataNotValid, Estimated, Manual, Simulator, Unsafe};
    let unsure = [Caution, DataNotValid, Estimated, Manual, Simulator, Unsafe];
    // "Not valid" as a navigation status (NMEA 4.1) is what most receivers say who have no integrity to tell of.
    let reckoned =
        [RmcNavigationStatus::Estimated, RmcNavigationStatus::Manual, RmcNavigationStatus::Simulator];
    if told.status_of_fix == RmcStatusOfFix::Invalid
        || told.faa_mode.is_some_and(|mode| unsure.contains(&mode))
        || told.nav_status.is_some_and(|status| reckoned.contains(&status))
    {
        return None;
    }
    let (north, east) = told.lat.zip(told.lon)?;
    // The crate takes any number: "nan", and minutes beyond 60.
    if !(-90.0..=90.0).contains(&north) || !(-180.0..=180.0).contains(&east) {
        return None;
    }
    let (date, turns) = week::corrected(told.fix_date?)?;
    let utc = NaiveDateTime::new(date, told.fix_time?).and_utc();
    Some(Place { utc, at: (north, east), turns })
}

/// Farther apart than this two sentences, one after another, are not of one place: half a kilometre, far more than a
/// receiver's first fixes differ by.
const APART_DEG: f64 = 0.005;

/// So far the time between two sentences may differ from what passed between their coming in.
const SLACK: TimeDelta = TimeDelta::milliseconds(1500);

/// Whether `second`, heard `passed` after `first`, says the same. A sentence that noise has changed is taken for a whole
/// one once in 256 times: one alone is not believed.
pub fn agree(first: &Place, second: &Place, passed: TimeDelta) -> bool {
    let apart = |a: f64, b: f64| (a - b).abs() > APART_DEG;
    let turned = (first.at.1 - second.at.1).abs();
    (second.utc - first.utc - passed).abs() <= SLACK
        && first.turns == second.turns
        && !apart(first.at.0, second.at.0)
        // Both sides of 180 degrees are one place.
        && (turned <= APART_DEG || 360.0 - turned <= APART_DEG)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sentence with its checksum.
    fn sealed(text: &str) -> String {
        format!("${text}*{:02X}", text.bytes().fold(0, |sum, byte| sum ^ byte))
    }

    fn fix(text: &str) -> Option<Place> {
        match heard(&sealed(text)) {
            Heard::Fix(place) => Some(place),
            _ => None,
        }
    }

    #[test]
    fn a_documented_sentence_is_read_and_its_date_is_a_turn_behind() {
        // The example of gpsd's page on NMEA (RMC), whose own checksum this is: 23 March 1994, which is two turns back.
        let told = heard("$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A");
        let Heard::Fix(place) = told else { panic!("{told:?}") };
        assert_eq!(place.utc.to_string(), "2033-06-22 12:35:19 UTC");
        assert!((place.at.0 - (48.0 + 7.038 / 60.0)).abs() < 1e-9);
        assert!((place.at.1 - (11.0 + 31.0 / 60.0)).abs() < 1e-9);
        assert_eq!(place.turns, 2);
    }

    #[test]
    fn what_is_cut_garbled_or_without_a_checksum_is_damaged() {
        let good = sealed("GNRMC,101112.00,A,4630.000,N,02518.000,E,0.0,,261126,,,A,V");
        assert!(matches!(heard(&good), Heard::Fix(_)));
        assert!(matches!(heard(&format!("~x{good}")), Heard::Fix(_)), "noise before it");
        assert!(matches!(heard(&format!("$GNRMC,1011{good}")), Heard::Fix(_)), "a cut one before it");
        for cut in 0..good.len() {
            assert_eq!(heard(&good[..cut]), Heard::Damaged, "{}", &good[..cut]);
        }
        for at in 1..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 0x01;
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(heard(&text), Heard::Damaged, "{text}");
        }
        assert_eq!(heard(good.split('*').next().unwrap()), Heard::Damaged);
    }

    #[test]
    fn only_a_fix_by_satellites_is_one() {
        let with = |status: &str, end: &str| {
            format!("GPRMC,101112.00,{status},4630.000,N,02518.000,E,0.0,,261126,,{end}")
        };
        for (text, is) in [
            (with("A", ","), true),
            (with("A", ",A"), true),
            (with("A", ",D,V"), true),
            (with("V", ",A"), false),
            (with("A", ",N"), false),
            // Reckoned, typed in, simulated.
            (with("A", ",E"), false),
            (with("A", ",M"), false),
            (with("A", ",S"), false),
            (with("A", ",A,S"), false),
            ("GPRMC,,V,,,,,,,,,,N".to_owned(), false),
            ("GPRMC,101112.00,A,,,,,0.0,,261126,,,A".to_owned(), false),
            ("GPRMC,,A,4630.000,N,02518.000,E,0.0,,261126,,,A".to_owned(), false),
            ("GPRMC,101112.00,A,4630.000,N,02518.000,E,0.0,,,,,A".to_owned(), false),
            // No such place, no such time, no such date.
            ("GPRMC,101112.00,A,46nan,N,02518.000,E,0.0,,261126,,,A".to_owned(), false),
            ("GPRMC,101112.00,A,9130.000,N,02518.000,E,0.0,,261126,,,A".to_owned(), false),
            ("GPRMC,251112.00,A,4630.000,N,02518.000,E,0.0,,261126,,,A".to_owned(), false),
            ("GPRMC,101112.00,A,4630.000,N,02518.000,E,0.0,,310226,,,A".to_owned(), false),
            // Beyond the turn from 2024 on.
            ("GPRMC,101112.00,A,4630.000,N,02518.000,E,0.0,,010160,,,A".to_owned(), false),
        ] {
            assert_eq!(fix(&text).is_some(), is, "{text}");
        }
        assert_eq!(
            heard(&sealed("GPGGA,101112,4630.0,N,02518.0,E,1,07,1.1,545.4,M,46.9,M,,")),
            Heard::Satellites(7)
        );
        assert_eq!(heard(&sealed("PUBX,00,081350.00")), Heard::Other);
    }

    #[test]
    fn two_sentences_must_agree() {
        let said = |time: &str, place: &str, date: &str| {
            fix(&format!("GPRMC,{time},A,{place},0.0,,{date},,,A")).unwrap()
        };
        let here = "4630.000,N,02518.000,E";
        let first = said("235959.00", here, "261126");
        let passed = TimeDelta::seconds(1);
        assert!(agree(&first, &said("000000.00", here, "271126"), passed), "over midnight");
        assert!(!agree(&first, &said("000000.00", here, "261126"), passed), "a day back");
        assert!(!agree(&first, &said("000010.00", here, "271126"), passed));
        assert!(!agree(&first, &said("000000.00", "4730.000,N,02518.000,E", "271126"), passed));
        let fiji = said("235959.00", "1700.000,S,17959.999,E", "261126");
        assert!(agree(&fiji, &said("000000.00", "1700.000,S,17959.999,W", "271126"), passed));
    }
}
