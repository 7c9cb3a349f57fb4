//! One kind over the 24 hours: bars of records, the curve of the kernel, night in the background.

use plotters::style::text_anchor::{HPos, VPos};

use super::frame::Frame;
use super::{Drawing, draw, ink, ticks};
use crate::report::{Activity, ReportError, Sun};

/// Size, CSS pixels: two stand beside each other on a desk, one on a phone.
const SIZE: (i32, i32) = (430, 190);

/// Fewer records than this make a curve that is little more than a guess, and it is dashed.
pub(in crate::report) const FEW: usize = 20;

pub(in crate::report) fn activity(of: &Activity, sun: Option<&Sun>) -> Result<Drawing, ReportError> {
    let (width, height) = SIZE;
    draw(width, height, |area| {
        let highest =
            of.hours.iter().map(|n| f64::from(*n)).chain(of.curve.iter().copied()).fold(1.0, f64::max);
        let top = (highest * 1.08).max(1.2);
        let frame = Frame::new(area, (36, 22, width - 24, height - 34), (0.0, 24.0), (0.0, top));
        if let Some(sun) = sun {
            night(&frame, sun)?;
        }
        frame.y_axis(&ticks::counts(highest))?;
        for (hour, n) in of.hours.iter().enumerate().filter(|(_, n)| **n > 0) {
            let from = hour as f64;
            frame.bar((from + 0.08, from + 0.92), (0.0, f64::from(*n)), ink::PALE)?;
        }
        let points = of.curve.iter().enumerate();
        let step = 24.0 / (of.curve.len().max(2) - 1) as f64;
        if !of.curve.is_empty() {
            frame.line(points.map(|(i, y)| (i as f64 * step, *y)), ink::BLUE, of.records < FEW)?;
        }
        let hours: Vec<_> = (0..=24).step_by(6).map(|h| (f64::from(h), format!("{h}:00"))).collect();
        frame.x_axis(&hours)
    })
}

/// Night from sunset to sunrise, with the hours at which it ends and begins.
fn night(frame: &Frame<'_, '_>, sun: &Sun) -> Result<(), ReportError> {
    let (bottom, top) = frame.y;
    let dark =
        if sun.set > sun.rise { vec![(0.0, sun.rise), (sun.set, 24.0)] } else { vec![(sun.set, sun.rise)] };
    for (from, to) in dark {
        frame.bar((from, to), (bottom, top), ink::NIGHT)?;
    }
    for (hour, sign) in [(sun.rise, "↑"), (sun.set, "↓")] {
        let text = format!("{sign} {}", clock(hour));
        let to = if hour < 4.0 {
            HPos::Left
        } else if hour > 20.0 {
            HPos::Right
        } else {
            HPos::Center
        };
        frame.words(&text, hour, top, (0, -5), (to, VPos::Bottom))?;
    }
    Ok(())
}

/// `6.5` as `6:30`.
pub(in crate::report) fn clock(hours: f64) -> String {
    let minutes = (hours * 60.0).round().rem_euclid(1440.0) as u32;
    format!("{}:{:02}", minutes / 60, minutes % 60)
}
