//! When a rule counts: always, by the sun, or between two times.

use chrono::{DateTime, Datelike, Days, NaiveDate, Timelike, Utc};
use sunrise::{Coordinates, SolarDay, SolarEvent};

use crate::config::alerts::Hours;

/// The days of the year, the first and the last, on which the sun stands north of the equator (20 March to
/// 22 September, a day more or less).
const NORTHERN: std::ops::RangeInclusive<u32> = 79..=265;

/// Whether `hours` hold at `at`. Where nobody knows yet where the trap stands, the sun's hours always hold: rather an alert
/// too many than none of a night.
pub(super) fn hold(hours: Hours, at: DateTime<Utc>, coordinates: Option<(f64, f64)>) -> bool {
    match hours {
        Hours::Any => true,
        Hours::Between { from, to } => {
            let minute = at.hour() * 60 + at.minute();
            let (from, to) = (u32::from(from), u32::from(to));
            if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
        }
        Hours::Day => sun_is_up(at, coordinates) != Some(false),
        Hours::Night => sun_is_up(at, coordinates) != Some(true),
    }
}

/// Whether any of the sun is above the horizon; `None` where the place is not known.
fn sun_is_up(at: DateTime<Utc>, coordinates: Option<(f64, f64)>) -> Option<bool> {
    let (latitude, longitude) = coordinates?;
    let place = Coordinates::new(latitude, longitude)?;
    let today = at.date_naive();
    // Far from Greenwich the day that holds `at` began on another date.
    let days = [today.checked_sub_days(Days::new(1)), Some(today), today.checked_add_days(Days::new(1))];
    Some(days.into_iter().flatten().any(|date| {
        let day = SolarDay::new(place, date);
        match (day.event_time(SolarEvent::Sunrise), day.event_time(SolarEvent::Sunset)) {
            (Some(rise), Some(set)) => (rise..set).contains(&at),
            _ => date == today && never_sets(latitude, date),
        }
    }))
}

/// On a day without sunrise and sunset: whether the sun stays up (midnight sun) rather than down (polar night).
pub(in crate::daemon) fn never_sets(latitude: f64, date: NaiveDate) -> bool {
    NORTHERN.contains(&date.ordinal()) == (latitude > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Height of the sun above the horizon, degrees, by the low-accuracy formula of the Astronomical Almanac
    /// (page C5; good to 0.01 degrees from 1950 to 2050), written here as an independent source.
    fn height(at: DateTime<Utc>, latitude: f64, longitude: f64) -> f64 {
        let n = at.timestamp() as f64 / 86_400.0 + 2_440_587.5 - 2_451_545.0;
        let mean = (280.460 + 0.985_647_4 * n).rem_euclid(360.0);
        let g = (357.528 + 0.985_600_3 * n).to_radians();
        let ecliptic = (mean + 1.915 * g.sin() + 0.020 * (2.0 * g).sin()).to_radians();
        let tilt = (23.439 - 0.000_000_4 * n).to_radians();
        let right_ascension = (tilt.cos() * ecliptic.sin()).atan2(ecliptic.cos());
        let declination = (tilt.sin() * ecliptic.sin()).asin();
        let sidereal = (280.460_618_37 + 360.985_647_366_29 * n + longitude).to_radians();
        let hour_angle = sidereal - right_ascension;
        let phi = latitude.to_radians();
        (phi.sin() * declination.sin() + phi.cos() * declination.cos() * hour_angle.cos()).asin().to_degrees()
    }

    #[test]
    fn the_sun_is_up_when_the_almanac_says_so() {
        // The upper rim shows when the centre is 0.833 degrees below (refraction and half a diameter).
        let mut looked = 0;
        for (latitude, longitude) in
            [(46.5, 25.3), (-33.9, 151.2), (0.0, -78.5), (64.1, -21.9), (69.6, 18.9), (-54.8, 179.0)]
        {
            let mut t = at("2026-01-01T00:07:00Z");
            while t < at("2027-01-01T00:00:00Z") {
                let truth = height(t, latitude, longitude) + 0.833;
                // Within half a degree of the horizon, 2 to 10 minutes, the two may differ.
                if truth.abs() > 0.5 {
                    looked += 1;
                    let up = sun_is_up(t, Some((latitude, longitude)));
                    assert_eq!(up, Some(truth > 0.0), "{t} at {latitude}, {longitude}");
                }
                t += chrono::TimeDelta::minutes(97);
            }
        }
        assert!(looked > 30_000);
    }

    #[test]
    fn the_pole_has_one_day_a_year() {
        let tromso = Some((69.6, 18.9));
        assert!(hold(Hours::Day, at("2026-06-21T23:59:00Z"), tromso), "midnight sun");
        assert!(hold(Hours::Night, at("2026-12-21T11:00:00Z"), tromso), "polar night");
        assert!(hold(Hours::Day, at("2026-12-21T00:00:00Z"), Some((-75.0, 0.0))));
    }

    #[test]
    fn times_of_the_day_go_over_midnight() {
        let night = Hours::Between { from: 22 * 60, to: 5 * 60 + 30 };
        for (time, holds) in
            [("22:00", true), ("03:12", true), ("05:29", true), ("05:30", false), ("21:59", false)]
        {
            assert_eq!(hold(night, at(&format!("2026-05-01T{time}:00Z")), None), holds, "{time}");
        }
        let noon = at("2026-05-01T12:00:00Z");
        assert!(
            hold(Hours::Night, noon, None) && hold(Hours::Day, noon, None),
            "no place yet, no sun to go by"
        );
    }
}
