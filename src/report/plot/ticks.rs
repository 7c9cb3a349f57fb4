//! Where the marks of an axis stand: round numbers, and days that people name.

use chrono::{Datelike, NaiveDate};
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;

/// Whole round numbers from 0 to `top`.
pub(super) fn counts(top: f64) -> Vec<(f64, String)> {
    whole(top.max(1.0), 5)
}

/// Whole round numbers from 0 to `top`, about so many.
pub(super) fn whole(top: f64, about: usize) -> Vec<(f64, String)> {
    let points = numbers(0.0, top, about);
    points.into_iter().filter(|(y, _)| y.fract() == 0.0).map(|(y, _)| (y, format!("{y:.0}"))).collect()
}

/// Round numbers within a range.
pub(super) fn numbers(from: f64, to: f64, about: usize) -> Vec<(f64, String)> {
    let range = RangedCoordf64::from(from..to);
    let points = range.key_points(about);
    points.into_iter().map(|v| (v, RangedCoordf64::format(&v))).collect()
}

/// Days since the first of the era, as a coordinate.
pub(super) fn day(date: NaiveDate) -> f64 {
    f64::from(date.num_days_from_ce())
}

/// Days within a range, about so many marks: the finest of every day, every second, Mondays, every second Monday, firsts of
/// months, quarters, half-years, and Januaries that is not too dense.
pub(super) fn days(from: NaiveDate, to: NaiveDate, about: usize) -> Vec<(f64, String)> {
    let all = || from.iter_days().take_while(move |d| *d <= to);
    let dated = |d: NaiveDate| (day(d), d.format("%-d %b").to_string());
    let monthly = |d: NaiveDate| {
        let form = if d.month() == 1 || d.year() != from.year() { "%b %Y" } else { "%b" };
        (day(d), d.format(form).to_string())
    };
    let fits = |marks: &Vec<(f64, String)>| marks.len() <= about + about / 2;
    let mondays = || all().filter(|d| d.weekday() == chrono::Weekday::Mon);
    let months = |every: u32| all().filter(move |d| d.day() == 1 && d.month0().is_multiple_of(every));
    let near = [1, 2].into_iter().map(|n| all().step_by(n).map(dated).collect());
    let weeks = [1, 2].into_iter().map(|n| mondays().step_by(n).map(dated).collect());
    let far = [1, 3, 6].into_iter().map(|n| months(n).map(monthly).collect());
    let found = near.chain(weeks).chain(far).find(fits);
    found.unwrap_or_else(|| {
        let years: Vec<NaiveDate> = months(12).collect();
        let every = years.len().div_ceil(about.max(1)).max(1);
        years.into_iter().step_by(every).map(|d| (day(d), d.format("%Y").to_string())).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn seasons_of_any_length_have_some_marks_and_not_too_many() {
        let from = date("2025-03-11");
        for length in [1, 2, 5, 12, 30, 45, 70, 100, 190, 370, 800, 3000, 9000] {
            let to = from + chrono::Days::new(length - 1);
            for about in [4, 10] {
                let marks = days(from, to, about).len();
                let least = if length > 1 { 2 } else { 1 };
                assert!((least..=about + about / 2).contains(&marks), "{length} days, {about}: {marks}");
            }
        }
    }

    #[test]
    fn counts_are_whole_numbers() {
        let labels: Vec<String> = counts(3.0).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0", "1", "2", "3"]);
    }
}
