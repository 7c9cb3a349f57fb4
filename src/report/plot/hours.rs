//! Empties of each hour of the day, by how much moved, beside everything else.

use plotters::style::RGBColor;

use super::frame::Frame;
use super::{Drawing, Screen, draw, ink, ticks};
use crate::report::{Hour, ReportError};

/// Empties in which nothing moved.
pub(in crate::report) const EMPTY_STILL: RGBColor = ink::YELLOW;
/// Empties in which little moved.
pub(in crate::report) const EMPTY_LITTLE: RGBColor = ink::ORANGE;
/// Empties in which much moved.
pub(in crate::report) const EMPTY_MUCH: RGBColor = ink::VERMILION;

/// From below.
const LAYERS: [RGBColor; 4] = [EMPTY_STILL, EMPTY_LITTLE, EMPTY_MUCH, ink::GRID];

pub(in crate::report) fn hours(hours: &[Hour], screen: Screen) -> Result<Drawing, ReportError> {
    let (width, height) = (screen.width(), 230);
    let most = hours.iter().map(|h| h.bursts.all()).max().unwrap_or(0);
    let top = f64::from(most.max(1)) * 1.06;
    draw(width, height, |area| {
        let frame = Frame::new(area, (46, 10, width - 24, height - 34), (0.0, 24.0), (0.0, top));
        frame.y_axis(&ticks::counts(top))?;
        for (i, hour) in hours.iter().enumerate() {
            let others = hour.bursts.all() - hour.bursts.empty;
            let parts = [hour.empty_still, hour.empty_little, hour.empty_much, others];
            let mut below = 0.0;
            for (n, colour) in parts.into_iter().zip(LAYERS).filter(|(n, _)| *n > 0) {
                let above = below + f64::from(n);
                frame.bar((i as f64 + 0.08, i as f64 + 0.92), (below, above), colour)?;
                below = above;
            }
        }
        let every = if screen == Screen::Wide { 3 } else { 6 };
        let marks: Vec<_> =
            (0..=24).step_by(every).map(|h| (f64::from(h as u32), format!("{h}:00"))).collect();
        frame.x_axis(&marks)
    })
}
