//! Axes, bars, lines and words on a drawing area, in data's coordinates and CSS pixels.

use plotters::element::{DashedPathElement, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, IntoTextStyle, RGBColor, ShapeStyle, TextStyle};

use super::{Area, Drawn, UNITS, failed, ink};

/// Height of letters, CSS pixels.
pub(super) const LETTERS: f64 = 13.0;

/// What `plotters` divides a font's size by.
const FONT_SCALE: f64 = 1.24;

/// A rectangle of the drawing with the data's ranges over it.
pub(super) struct Frame<'a, 'b> {
    area: &'a Area<'b>,
    /// Left, top, right, bottom, CSS pixels.
    pub place: (i32, i32, i32, i32),
    pub x: (f64, f64),
    pub y: (f64, f64),
}

impl<'a, 'b> Frame<'a, 'b> {
    pub fn new(area: &'a Area<'b>, place: (i32, i32, i32, i32), x: (f64, f64), y: (f64, f64)) -> Self {
        // A range of nothing still has a middle.
        let wide = |(a, b): (f64, f64)| if b > a { (a, b) } else { (a, a + 1.0) };
        Frame { area, place, x: wide(x), y: wide(y) }
    }

    fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let (left, top, right, bottom) = self.place;
        let along = |v: f64, (from, to): (f64, f64), a: i32, b: i32| {
            let share = (v - from) / (to - from);
            ((f64::from(a) + share * f64::from(b - a)) * f64::from(UNITS)).round() as i32
        };
        (along(x, self.x, left, right), along(y, self.y, bottom, top))
    }

    /// A filled rectangle; slivers get a pixel of width.
    pub fn bar(&self, x: (f64, f64), y: (f64, f64), colour: RGBColor) -> Drawn {
        let ((x0, y0), (x1, y1)) = (self.at(x.0, y.0), self.at(x.1, y.1));
        let corners = [(x0, y1), (x1.max(x0 + UNITS), y0)];
        self.area.draw(&Rectangle::new(corners, colour.filled())).map_err(failed)
    }

    pub fn line(&self, points: impl Iterator<Item = (f64, f64)>, colour: RGBColor, dashed: bool) -> Drawn {
        let points: Vec<_> = points.map(|(x, y)| self.at(x, y)).collect();
        let style = ShapeStyle::from(&colour).stroke_width(2 * UNITS as u32);
        if dashed {
            let dashes = DashedPathElement::new(points, 5 * UNITS as u32, 4 * UNITS as u32, style);
            return self.area.draw(&dashes).map_err(failed);
        }
        self.area.draw(&PathElement::new(points, style)).map_err(failed)
    }

    /// A filled area between two lines over the same `x`.
    pub fn band(&self, points: &[(f64, f64, f64)], colour: RGBColor) -> Drawn {
        let upper = points.iter().map(|(x, _, high)| self.at(*x, *high));
        let lower = points.iter().rev().map(|(x, low, _)| self.at(*x, *low));
        let corners: Vec<_> = upper.chain(lower).collect();
        self.area.draw(&Polygon::new(corners, colour.filled())).map_err(failed)
    }

    /// Lines across at the ticks with their labels, and a line below.
    pub fn y_axis(&self, ticks: &[(f64, String)]) -> Drawn {
        for (y, label) in ticks {
            self.rule((self.x.0, *y), (self.x.1, *y), ink::GRID)?;
            let (_, at) = self.at(self.x.0, *y);
            write(
                self.area,
                label,
                (self.place.0 * UNITS - 7 * UNITS, at),
                ink::MUTED,
                (HPos::Right, VPos::Center),
            )?;
        }
        Ok(())
    }

    /// Labels below, with small marks.
    pub fn x_axis(&self, ticks: &[(f64, String)]) -> Drawn {
        self.rule((self.x.0, self.y.0), (self.x.1, self.y.0), ink::MUTED)?;
        for (x, label) in ticks {
            let (at, base) = self.at(*x, self.y.0);
            let mark = PathElement::new(vec![(at, base), (at, base + 4 * UNITS)], hair(ink::MUTED));
            self.area.draw(&mark).map_err(failed)?;
            write(self.area, label, (at, base + 8 * UNITS), ink::MUTED, (HPos::Center, VPos::Top))?;
        }
        Ok(())
    }

    /// A thin line.
    pub fn rule(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor) -> Drawn {
        let ends = vec![self.at(from.0, from.1), self.at(to.0, to.1)];
        self.area.draw(&PathElement::new(ends, hair(colour))).map_err(failed)
    }

    /// Words at a point of the data.
    pub fn words(&self, text: &str, x: f64, y: f64, shift: (i32, i32), to: (HPos, VPos)) -> Drawn {
        let (px, py) = self.at(x, y);
        write(self.area, text, (px + shift.0 * UNITS, py + shift.1 * UNITS), ink::MUTED, to)
    }
}

fn hair(colour: RGBColor) -> ShapeStyle {
    ShapeStyle::from(&colour).stroke_width(UNITS as u32 / 2)
}

/// Words at a place of the drawing, in its units.
pub(super) fn write(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    colour: RGBColor,
    (h, v): (HPos, VPos),
) -> Drawn {
    let font = ("sans-serif", LETTERS * FONT_SCALE * f64::from(UNITS)).into_font();
    let style: TextStyle<'_> = font.into_text_style(area).color(&colour).pos(Pos::new(h, v));
    area.draw(&Text::new(text.to_owned(), at, style)).map_err(failed)
}

/// A filled rectangle in CSS pixels.
pub(super) fn cell(area: &Area<'_>, (x, y): (i32, i32), side: i32, colour: RGBColor) -> Drawn {
    let corners = [(x * UNITS, y * UNITS), ((x + side) * UNITS, (y + side) * UNITS)];
    area.draw(&Rectangle::new(corners, colour.filled())).map_err(failed)
}

/// `text`, cut so that it has at most `most` characters.
pub(super) fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(std::iter::once('…')).collect()
}
