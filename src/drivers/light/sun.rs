//! Whether the sun stands above a height.

use chrono::{DateTime, Days, Utc};
use sunrise::{Coordinates, SolarDay, SolarEvent};

/// Whether the sun's middle stands at `degrees` over the horizon or higher, seen from `place` at `at`.
pub(super) fn above(place: Coordinates, at: DateTime<Utc>, degrees: f64) -> bool {
    let today = at.date_naive();
    // Far east and west, the day that is on there has another date than UTC's.
    let days = [today.checked_sub_days(Days::new(1)), Some(today), today.checked_add_days(Days::new(1))];
    let mut crossed = false;
    for date in days.into_iter().flatten() {
        let day = SolarDay::new(place, date);
        let event =
            |morning| day.event_time(SolarEvent::Elevation { elevation: -degrees.to_radians(), morning });
        if let (Some(up), Some(down)) = (event(true), event(false)) {
            crossed = true;
            if (up..down).contains(&at) {
                return true;
            }
        }
    }
    if crossed {
        return false;
    }
    // The sun does not pass this height: it stays above where all the heights that it does pass are above.
    let day = SolarDay::new(place, today);
    (-180..=180).map(|half| f64::from(half) / 2.0).any(|height| {
        let elevation = -height.to_radians();
        height > degrees && day.event_time(SolarEvent::Elevation { elevation, morning: true }).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    // Heights by hand: 90 degrees less latitude, plus or minus the declination of the day (23.4 at the solstices, 0 at
    // the equinox). Times by longitude, four minutes a degree; sunrise is when the sun's middle is at −50/60 degrees.
    #[test]
    fn the_sun_rises_and_sets_where_and_when_it_does() {
        // Greenwich at the equinox: six hours before and after noon (12:08 by the equation of time), and the rim's share.
        let greenwich = Coordinates::new(51.4779, 0.0).unwrap();
        let rim = -50.0 / 60.0;
        for (time, up) in
            [("05:55", false), ("06:15", true), ("12:00", true), ("18:03", true), ("18:23", false)]
        {
            assert_eq!(above(greenwich, at(&format!("2026-03-20T{time}:00Z")), rim), up, "{time}");
        }
        // At noon of the equinox the sun stands at 90 − 51.5 degrees.
        let noon = at("2026-03-20T12:08:00Z");
        assert!(above(greenwich, noon, 37.5) && !above(greenwich, noon, 39.5));
    }

    #[test]
    fn far_east_and_west_the_days_date_is_another() {
        // Auckland's solar noon is twelve hours before Greenwich's.
        let auckland = Coordinates::new(-36.85, 174.76).unwrap();
        assert!(above(auckland, at("2026-12-21T00:20:00Z"), 70.0));
        assert!(!above(auckland, at("2026-12-21T12:20:00Z"), -6.0));
        // Honolulu's is ten and a half after it.
        let honolulu = Coordinates::new(21.3, -157.86).unwrap();
        assert!(above(honolulu, at("2026-06-21T22:30:00Z"), 80.0));
        assert!(!above(honolulu, at("2026-06-21T10:30:00Z"), -6.0));
    }

    #[test]
    fn the_polar_day_has_no_night_and_the_polar_night_no_day() {
        let tromso = Coordinates::new(69.65, 18.96).unwrap();
        for hour in 0..24 {
            assert!(above(tromso, at(&format!("2026-06-21T{hour:02}:00:00Z")), 0.0), "{hour}");
            assert!(!above(tromso, at(&format!("2026-12-21T{hour:02}:00:00Z")), 0.0), "{hour}");
        }
        // Its noon in December is civil twilight, its midnight is not.
        assert!(above(tromso, at("2026-12-21T10:45:00Z"), -6.0));
        assert!(!above(tromso, at("2026-12-21T22:45:00Z"), -6.0));
    }
}
