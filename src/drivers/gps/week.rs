//! Dates of satellite receivers whose count of weeks ran over.
//!
//! GPS tells the week in ten bits (IS-GPS-200, subframe 1): after 1024 of them the count begins anew, as it did on
//! 1999-08-22, 2019-04-07 and will on 2038-11-21. A receiver has to know which turn it is in, and one whose firmware is
//! older than it thinks then says a date that is 1024 weeks too early, with the right time of day.

use chrono::{NaiveDate, TimeDelta};

/// One turn of the count.
const TURN: TimeDelta = TimeDelta::weeks(1024);

/// No trap took a fix before this; that of [`crate::drivers::system_clock`] and of the alarm clocks.
const FLOOR: Option<NaiveDate> = NaiveDate::from_ymd_opt(2024, 1, 1);

/// The date that `told` means, and how many turns it was behind. Exactly one date of those that lie a whole number of
/// turns later falls into the 1024 weeks from 2024-01-01 on, that is until 2043-08-16; `None`: `told` lies after them,
/// which no count that ran over explains, or before the count began (1980-01-06).
pub fn corrected(told: NaiveDate) -> Option<(NaiveDate, u32)> {
    let (floor, began) = (FLOOR?, NaiveDate::from_ymd_opt(1980, 1, 6)?);
    if told < began {
        return None;
    }
    let (mut date, mut turns) = (told, 0);
    while date < floor {
        date = date.checked_add_signed(TURN)?;
        turns += 1;
    }
    (date < floor.checked_add_signed(TURN)?).then_some((date, turns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_date_a_whole_number_of_turns_back_is_brought_forward() {
        for (told, meant) in [
            ("2026-11-26", Some(("2026-11-26", 0))),
            // The two turns that have been, by their published dates: a receiver that missed one is a turn behind it.
            ("1999-08-22", Some(("2038-11-21", 2))),
            ("1980-01-06", Some(("2038-11-21", 3))),
            // 7168 days before 2026-11-26 and 2024-01-01 (Python: date - timedelta(weeks=1024)).
            ("2007-04-12", Some(("2026-11-26", 1))),
            ("2004-05-17", Some(("2024-01-01", 1))),
            ("2023-12-31", Some(("2043-08-16", 1))),
            ("2043-08-16", Some(("2043-08-16", 0))),
            ("2043-08-17", None),
            ("2082-12-31", None),
            ("1980-01-05", None),
        ] {
            assert_eq!(corrected(day(told)), meant.map(|(date, turns)| (day(date), turns)), "{told}");
        }
    }

    #[test]
    fn the_published_turns_are_1024_weeks_apart() {
        assert_eq!(day("1980-01-06") + TURN, day("1999-08-22"));
        assert_eq!(day("1999-08-22") + TURN, day("2019-04-07"));
        assert_eq!(day("2019-04-07") + TURN, day("2038-11-21"));
    }
}
