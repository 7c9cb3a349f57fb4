//! Bursts of each day, stacked by what they turned out to be; of long seasons, of each week.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use plotters::style::RGBColor;

use super::frame::Frame;
use super::{Drawing, Screen, draw, ink, ticks};
use crate::report::{Day, Kinds, ReportError};

/// From so many days on, a bar is a week.
const WEEKLY: i64 = 200;

/// The axis has room for so many bars, so that a single day is no wall.
const LEAST: f64 = 14.0;

/// The layers from below, with their colours.
pub(in crate::report) fn layers(kinds: &Kinds) -> [(u32, RGBColor); 5] {
    [
        (kinds.sighting, ink::BLUE),
        (kinds.uncertain, ink::ORANGE),
        (kinds.person + kinds.vehicle, ink::PURPLE),
        (kinds.empty, ink::GREY),
        (kinds.failed, ink::VERMILION),
    ]
}

/// Whether the bars of this season are weeks.
pub(in crate::report) fn weekly(days: &[Day]) -> bool {
    days.first().zip(days.last()).is_some_and(|(a, b)| (b.date - a.date).num_days() > WEEKLY)
}

pub(in crate::report) fn days(days: &[Day], screen: Screen) -> Result<Drawing, ReportError> {
    let (width, height) = (screen.width(), 240);
    let weekly = weekly(days);
    let begin = |date: NaiveDate| match weekly {
        true => date - Days::new(u64::from(date.weekday().num_days_from_monday())),
        false => date,
    };
    let length = if weekly { 7.0 } else { 1.0 };
    let mut bars: BTreeMap<NaiveDate, [u32; 5]> = BTreeMap::new();
    for day in days {
        let bar = bars.entry(begin(day.date)).or_default();
        bar.iter_mut().zip(layers(&day.bursts)).for_each(|(sum, (n, _))| *sum += n);
    }
    let Some((from, to)) = bars.keys().next().copied().zip(days.last().map(|d| d.date)) else {
        return draw(width, 10, |_| Ok(()));
    };
    let most = bars.values().map(|b| b.iter().sum::<u32>()).max().unwrap_or(0);
    let top = f64::from(most.max(1)) * 1.06;
    draw(width, height, |area| {
        let end = ticks::day(to).max(ticks::day(from) + (LEAST - 1.0) * length) + 1.0;
        let frame = Frame::new(area, (46, 10, width - 18, height - 34), (ticks::day(from), end), (0.0, top));
        frame.y_axis(&ticks::counts(top))?;
        for (date, bar) in &bars {
            let x = ticks::day(*date);
            let mut below = 0.0;
            for (n, (_, colour)) in bar.iter().zip(layers(&Kinds::default())).filter(|(n, _)| **n > 0) {
                let above = below + f64::from(*n);
                frame.bar((x + 0.08 * length, x + 0.92 * length), (below, above), colour)?;
                below = above;
            }
        }
        let about = if screen == Screen::Wide { 9 } else { 4 };
        // A label stands under the middle of its bar.
        let middle = if weekly { 0.0 } else { 0.5 };
        let marks: Vec<_> = ticks::days(from, to, about).into_iter().map(|(x, l)| (x + middle, l)).collect();
        frame.x_axis(&marks)
    })
}
