//! Battery, charge or temperature over time, a line per deployment, broken where nothing was measured.

use chrono::NaiveDateTime;

use super::frame::Frame;
use super::{Drawing, Screen, draw, ink, ticks};
use crate::report::{ReportError, Series, SeriesPoint};

/// Readings further apart are not joined, hours: they come hourly.
const BREAK_HOURS: f64 = 6.0;

/// Points of a line drawn at most.
const POINTS: usize = 800;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Quantity {
    Battery,
    Charge,
    Temperature,
}

impl Quantity {
    pub fn of(self, point: &SeriesPoint) -> Option<f64> {
        match self {
            Quantity::Battery => point.volts,
            Quantity::Charge => point.percent.map(f64::from),
            Quantity::Temperature => point.celsius.map(f64::from),
        }
    }

    /// What a range of nothing is widened to.
    fn least(self) -> f64 {
        match self {
            Quantity::Battery => 0.4,
            Quantity::Charge => 10.0,
            Quantity::Temperature => 4.0,
        }
    }
}

fn days(at: NaiveDateTime) -> f64 {
    ticks::day(at.date()) + (at - at.date().and_time(chrono::NaiveTime::MIN)).as_seconds_f64() / 86_400.0
}

/// `series` are at most as many as there are [`ink::LINES`].
pub(in crate::report) fn readings(
    series: &[Series],
    quantity: Quantity,
    screen: Screen,
) -> Result<Drawing, ReportError> {
    let (width, height) = (screen.width(), 220);
    let points = || series.iter().flat_map(|s| &s.points).filter_map(|p| Some((p.at, quantity.of(p)?)));
    let Some((from, to)) = points().map(|(at, _)| at).min().zip(points().map(|(at, _)| at).max()) else {
        return draw(width, 10, |_| Ok(()));
    };
    let low = points().map(|(_, v)| v).fold(f64::INFINITY, f64::min);
    let high = points().map(|(_, v)| v).fold(f64::NEG_INFINITY, f64::max);
    let margin = ((high - low) * 0.08).max((quantity.least() - (high - low)) / 2.0);
    draw(width, height, |area| {
        let y = (low - margin, high + margin);
        let frame = Frame::new(area, (50, 10, width - 18, height - 34), (days(from), days(to)), y);
        frame.y_axis(&ticks::numbers(y.0, y.1, 5))?;
        for (one, colour) in series.iter().zip(ink::LINES) {
            let known: Vec<_> =
                one.points.iter().filter_map(|p| Some((days(p.at), quantity.of(p)?))).collect();
            let step = known.len().div_ceil(POINTS).max(1);
            for part in known.chunk_by(|a, b| (b.0 - a.0) * 24.0 <= BREAK_HOURS) {
                let used = part.iter().enumerate().filter(|(i, _)| i % step == 0 || i + 1 == part.len());
                frame.line(used.map(|(_, p)| *p), colour, false)?;
            }
        }
        let about = if screen == Screen::Wide { 9 } else { 4 };
        frame.x_axis(&ticks::days(from.date().succ_opt().unwrap_or(from.date()), to.date(), about))
    })
}
