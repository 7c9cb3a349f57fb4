//! The figures, as the inside of an SVG: `plotters` writes the elements, text stays text, and every colour is one of
//! [`ink`], which the style sheet maps to its light and its dark value.

mod accumulation;
mod activity;
mod calendar;
mod days;
mod frame;
mod hours;
pub(super) mod ink;
mod readings;
mod ticks;
mod watch;

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend};

use super::ReportError;

pub(super) use accumulation::accumulation;
pub(super) use activity::{FEW, activity, clock};
pub(super) use calendar::{calendar, steps};
pub(super) use days::{days, weekly};
pub(super) use hours::{EMPTY_LITTLE, EMPTY_MUCH, EMPTY_STILL, hours};
pub(super) use readings::{Quantity, readings};
pub(super) use watch::watch;

/// Units of the drawing per CSS pixel: `plotters` rounds to whole units.
const UNITS: i32 = 2;

/// For which screen a figure is drawn; all of them have letters of the same size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Screen {
    /// Desks and paper.
    Wide,
    /// Phones.
    Narrow,
}

impl Screen {
    /// Width of a figure, CSS pixels.
    fn width(self) -> i32 {
        match self {
            Screen::Wide => 920,
            Screen::Narrow => 360,
        }
    }
}

/// A drawn figure.
#[derive(Debug, Clone)]
pub(super) struct Drawing {
    /// CSS pixels.
    pub width: i32,
    /// CSS pixels.
    pub height: i32,
    /// Elements of the SVG.
    pub inside: String,
}

impl Drawing {
    /// The `viewBox`.
    pub fn view(&self) -> String {
        format!("0 0 {} {}", self.width * UNITS, self.height * UNITS)
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), ReportError>;

fn draw(width: i32, height: i32, paint: impl FnOnce(&Area<'_>) -> Drawn) -> Result<Drawing, ReportError> {
    let size = |pixels: i32| u32::try_from(pixels * UNITS).unwrap_or(1).max(1);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (size(width), size(height))).into_drawing_area();
        paint(&area)?;
        area.present().map_err(failed)?;
    }
    // The page has its own element around it, with a title; a namespace is not needed inside HTML.
    let inside = text.split_once('>').map_or("", |(_, rest)| rest).trim_end();
    let inside = inside.strip_suffix("</svg>").unwrap_or(inside).to_owned();
    Ok(Drawing { width, height, inside })
}

fn failed(error: impl std::fmt::Display) -> ReportError {
    ReportError::Figure(error.to_string())
}
