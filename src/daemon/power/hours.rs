//! The windows of watch: whether one is open, and when the next one opens.
//!
//! Sunrise and sunset come from the `sunrise` crate. Where the sun does not rise, both are taken to be at the noon of
//! mean solar time, where it does not set, at the midnights around it: what the two come to as the last day, or the
//! last night, of the season grows short. So a window from sunset to sunrise covers a polar night whole, and one from
//! sunrise to sunset a polar day.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use sunrise::{Coordinates, SolarDay, SolarEvent};

use crate::config::power::{Edge, Window};
use crate::daemon::rules::hours::never_sets;

/// So many days ahead a window is looked for: a polar night or day may lie between.
const AHEAD: u64 = 370;

/// Sunrise and sunset of a date at a place (degrees north, east).
pub fn sun(date: NaiveDate, place: (f64, f64)) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let day = SolarDay::new(Coordinates::new(place.0, place.1)?, date);
    if let (Some(rise), Some(set)) = (day.event_time(SolarEvent::Sunrise), day.event_time(SolarEvent::Sunset))
    {
        return Some((rise, set));
    }
    // 15 degrees an hour; the sun itself is up to 17 minutes before or behind mean time.
    let noon = date.and_time(NaiveTime::from_hms_opt(12, 0, 0)?).and_utc()
        - TimeDelta::seconds((place.1 * 240.0) as i64);
    Some(match never_sets(place.0, date) {
        true => (noon - TimeDelta::hours(12), noon + TimeDelta::hours(12)),
        false => (noon, noon),
    })
}

/// The window as it opens on `date`: begin and end; `None` where it does not open then, or the place is not known.
fn on(window: Window, date: NaiveDate, place: Option<(f64, f64)>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    use Edge::{Clock, Sunrise, Sunset};
    let next = |days| date.checked_add_days(Days::new(days));
    let from = moment(window.from, date, place)?;
    let until = match (window.from, window.until) {
        // By the sun itself and not by the minutes added to it: those must not make an end come before its begin.
        (Sunrise(_), Sunset(_)) => moment(window.until, date, place)?,
        (Sunset(_), _) | (Sunrise(_), Sunrise(_)) if !matches!(window.until, Clock(_)) => {
            moment(window.until, next(1)?, place)?
        }
        _ => {
            // The first one after the begin; in the evening of one date it may be that of the date before or after.
            let dates = [date.pred_opt(), Some(date), next(1), next(2)];
            dates
                .into_iter()
                .flatten()
                .filter_map(|date| moment(window.until, date, place))
                .find(|until| *until > from)?
        }
    };
    (until > from).then_some((from, until))
}

fn moment(edge: Edge, date: NaiveDate, place: Option<(f64, f64)>) -> Option<DateTime<Utc>> {
    match edge {
        Edge::Clock(minutes) => {
            Some(date.and_time(NaiveTime::MIN).and_utc() + TimeDelta::minutes(minutes.into()))
        }
        Edge::Sunrise(offset) => Some(sun(date, place?)?.0 + TimeDelta::minutes(offset.into())),
        Edge::Sunset(offset) => Some(sun(date, place?)?.1 + TimeDelta::minutes(offset.into())),
    }
}

/// Whether one of the windows is open at `at`; without windows it always is.
pub fn open(windows: &[Window], at: DateTime<Utc>, place: Option<(f64, f64)>) -> bool {
    let today = at.date_naive();
    let dates = [-2, -1, 0, 1].map(|days| today.checked_add_signed(TimeDelta::days(days)));
    windows.is_empty()
        || dates.into_iter().flatten().any(|date| {
            windows
                .iter()
                .filter_map(|w| on(*w, date, place))
                .any(|(from, until)| (from..until).contains(&at))
        })
}

/// When the next window opens after `at`; `None`: none does within a year.
pub fn opens(windows: &[Window], at: DateTime<Utc>, place: Option<(f64, f64)>) -> Option<DateTime<Utc>> {
    let first = at.date_naive().pred_opt()?;
    let next = |date: NaiveDate| {
        // A window of the date after may open earlier than one of this date, by the sun far from Greenwich.
        let dates = [Some(date), date.succ_opt()];
        let all =
            dates.into_iter().flatten().flat_map(|d| windows.iter().filter_map(move |w| on(*w, d, place)));
        all.map(|(from, _)| from).filter(|from| *from > at).min()
    };
    (0..AHEAD).find_map(|days| next(first.checked_add_days(Days::new(days))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn windows(texts: &[&str]) -> Vec<Window> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    const CARPATHIANS: Option<(f64, f64)> = Some((46.5, 25.3));
    const TROMSO: Option<(f64, f64)> = Some((69.65, 18.96));

    #[test]
    fn times_of_the_clock_go_over_midnight() {
        let night = windows(&["20:00..06:30", "12:00..13:00"]);
        for (time, is) in
            [("19:59", false), ("20:00", true), ("03:00", true), ("06:30", false), ("12:30", true)]
        {
            assert_eq!(open(&night, at(&format!("2026-05-31T{time}:00Z")), None), is, "{time}");
        }
        assert_eq!(opens(&night, at("2026-05-31T06:30:00Z"), None), Some(at("2026-05-31T12:00:00Z")));
        assert_eq!(opens(&night, at("2026-05-31T13:00:00Z"), None), Some(at("2026-05-31T20:00:00Z")));
        assert!(open(&[], at("2026-05-31T13:00:00Z"), None), "no window: always");
    }

    #[test]
    fn the_night_begins_with_the_almanacs_sunset() {
        // Sunrise and sunset at 46.5 N 25.3 E on 2026-06-21 by the NOAA solar calculator's equations: 05:29 and 21:16
        // in summer time (UTC+3), to a few minutes.
        let (rise, set) = sun(at("2026-06-21T00:00:00Z").date_naive(), (46.5, 25.3)).unwrap();
        assert!((rise - at("2026-06-21T02:29:00Z")).abs() < TimeDelta::minutes(6), "{rise}");
        assert!((set - at("2026-06-21T18:16:00Z")).abs() < TimeDelta::minutes(6), "{set}");
        let night = windows(&["sunset-30..sunrise+30"]);
        assert!(!open(&night, set - TimeDelta::minutes(31), CARPATHIANS));
        assert!(open(&night, set - TimeDelta::minutes(29), CARPATHIANS));
        assert!(open(&night, at("2026-06-22T00:00:00Z"), CARPATHIANS));
        let noon = at("2026-06-21T09:00:00Z");
        assert!(!open(&night, noon, CARPATHIANS));
        assert_eq!(opens(&night, noon, CARPATHIANS), Some(set - TimeDelta::minutes(30)));
    }

    #[test]
    fn a_polar_night_is_one_night_and_a_polar_day_one_day() {
        let (night, day) = (windows(&["sunset-30..sunrise+30"]), windows(&["sunrise..sunset"]));
        // Tromsø: no sunrise from 27 November to 15 January, no sunset from 20 May to 22 July (its almanac).
        for hour in 0..48 {
            let winter = at("2026-12-20T00:30:00Z") + TimeDelta::hours(hour);
            assert!(open(&night, winter, TROMSO) && !open(&day, winter, TROMSO), "{winter}");
            let summer = at("2026-06-20T00:30:00Z") + TimeDelta::hours(hour);
            assert!(open(&day, summer, TROMSO), "{summer}");
        }
        let june = at("2026-06-20T09:00:00Z");
        assert!(!open(&night, june, TROMSO));
        // Half an hour before midnight by the sun, 24:00 - 18.96 degrees / 15 = 22:44:09.6 UTC, to a second.
        let dusk = opens(&night, june, TROMSO).unwrap();
        assert!((dusk - at("2026-06-20T22:14:09.6Z")).abs() < TimeDelta::seconds(1), "{dusk}");
        // Day watch: the sun comes back in the middle of January.
        let back = opens(&day, at("2026-12-20T12:00:00Z"), TROMSO).unwrap();
        assert!((at("2027-01-12T00:00:00Z")..at("2027-01-18T00:00:00Z")).contains(&back), "{back}");
    }

    #[test]
    fn every_place_has_a_next_window_and_it_is_open_then() {
        for place in [(-77.8, 166.7), (0.0, -179.9), (64.1, -21.9), (-54.8, 179.9), (89.0, 0.0)] {
            for text in ["sunset-30..sunrise+30", "sunrise-60..sunset+60", "sunset..23:00", "04:00..sunrise"]
            {
                let window = windows(&[text]);
                for step in 0..60 {
                    let at = at("2026-01-01T05:00:00Z") + TimeDelta::hours(150 * step);
                    let next =
                        opens(&window, at, Some(place)).unwrap_or_else(|| panic!("{text} {place:?} {at}"));
                    assert!(next > at && open(&window, next, Some(place)), "{text} {place:?} {at} {next}");
                }
            }
        }
        assert_eq!(opens(&windows(&["sunset..sunrise"]), at("2026-01-01T05:00:00Z"), None), None);
    }
}
