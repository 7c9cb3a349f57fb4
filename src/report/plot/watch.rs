//! When each deployment stood watch: a bar per spell, nothing where there was none.

use chrono::NaiveDateTime;
use plotters::style::text_anchor::{HPos, VPos};

use super::frame::{Frame, short};
use super::{Drawing, Screen, draw, ink, ticks};
use crate::report::{ReportError, Stand};

/// Height of a row, CSS pixels.
const ROW: i32 = 30;

fn days(at: NaiveDateTime) -> f64 {
    ticks::day(at.date()) + (at - at.date().and_time(chrono::NaiveTime::MIN)).as_seconds_f64() / 86_400.0
}

pub(in crate::report) fn watch(stands: &[Stand], screen: Screen) -> Result<Drawing, ReportError> {
    let shown: Vec<&Stand> = stands.iter().filter(|s| !s.spells.is_empty()).collect();
    let rows = i32::try_from(shown.len()).unwrap_or(1).max(1);
    let width = screen.width();
    // On a phone the name stands above its bar.
    let (left, row, letters) = match screen {
        Screen::Wide => (210, ROW, 28),
        Screen::Narrow => (12, ROW + 16, 44),
    };
    let height = rows * row + 44;
    let spells = || shown.iter().flat_map(|s| &s.spells);
    let Some((from, to)) = spells().map(|s| s.from).min().zip(spells().map(|s| s.to).max()) else {
        return draw(width, 10, |_| Ok(()));
    };
    draw(width, height, |area| {
        let place = (left, 8, width - 18, 8 + rows * row);
        let frame = Frame::new(area, place, (days(from), days(to)), (0.0, f64::from(rows)));
        for (number, stand) in shown.iter().enumerate() {
            let bottom = f64::from(rows) - number as f64 - 1.0;
            let bar = match screen {
                Screen::Wide => (bottom + 0.2, bottom + 0.8),
                Screen::Narrow => (bottom + 0.12, bottom + 0.52),
            };
            frame.bar(frame.x, bar, ink::BARE)?;
            for spell in &stand.spells {
                frame.bar((days(spell.from), days(spell.to)), bar, ink::GREEN)?;
            }
            let name = short(&stand.name, letters);
            match screen {
                Screen::Wide => {
                    frame.words(&name, frame.x.0, bottom + 0.5, (-12, 0), (HPos::Right, VPos::Center))?
                }
                Screen::Narrow => {
                    frame.words(&name, frame.x.0, bottom + 0.58, (0, -2), (HPos::Left, VPos::Bottom))?
                }
            }
        }
        let about = if screen == Screen::Wide { 8 } else { 4 };
        let first = from.date().succ_opt().unwrap_or(from.date());
        let mut marks = ticks::days(first, to.date(), about);
        if marks.is_empty() {
            marks = vec![(days(from), from.format("%-d %b %H:%M").to_string())];
        }
        frame.x_axis(&marks)
    })
}
