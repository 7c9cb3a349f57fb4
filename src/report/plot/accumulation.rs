//! Species against days: the expectation with its band, and the steps as they came.

use plotters::style::text_anchor::{HPos, VPos};

use super::frame::Frame;
use super::{Drawing, Screen, draw, ink, ticks};
use crate::report::{Accumulation, ReportError};

/// Points of a curve; of longer seasons every n-th day is drawn.
const POINTS: usize = 300;

pub(in crate::report) fn accumulation(of: &Accumulation, screen: Screen) -> Result<Drawing, ReportError> {
    let (width, height) = (screen.width(), 260);
    draw(width, height, |area| {
        let days = of.days as f64;
        let top = (0..of.days).map(|i| of.band(i).1).fold(of.species as f64, f64::max).max(1.0) * 1.05;
        let frame = Frame::new(area, (40, 10, width - 18, height - 52), (0.0, days), (0.0, top));
        let step = of.days.div_ceil(POINTS).max(1);
        let used = || (0..of.days).filter(move |i| i % step == 0 || i + 1 == of.days);
        let band: Vec<_> = used().map(|i| ((i + 1) as f64, of.band(i).0, of.band(i).1)).collect();
        frame.band(&band, ink::STEPS[0])?;
        frame.y_axis(&ticks::counts(top))?;
        let steps =
            used().zip(of.observed.iter().enumerate().filter(|(i, _)| i % step == 0 || i + 1 == of.days));
        let mut before = (0.0, 0.0);
        let mut stairs = vec![before];
        for (i, (_, n)) in steps {
            let here = ((i + 1) as f64, *n as f64);
            stairs.extend([(here.0, before.1), here]);
            before = here;
        }
        frame.line(stairs.into_iter(), ink::GREY, false)?;
        let expected = used().filter_map(|i| Some(((i + 1) as f64, *of.expected.get(i)?)));
        frame.line(std::iter::once((0.0, 0.0)).chain(expected), ink::BLUE, false)?;
        let about = if screen == Screen::Wide { 10 } else { 5 };
        frame.x_axis(&ticks::whole(days, about))?;
        frame.words("days of watch, all deployments", days / 2.0, 0.0, (0, 32), (HPos::Center, VPos::Top))
    })
}
