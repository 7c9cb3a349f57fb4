//! How far one picture as a whole lies displaced against another: a camera on a swaying tree.

use wide::{i16x8, i32x4};

use super::cells::{Moments, NOISE_MIN, NOISE_VARIANCES, WINDOW};
use super::soft::{Ready, Soft};

/// A displacement of one picture against another, in pixels.
pub type Shift = (i32, i32);

/// A cell of a picture, ready to be compared with others.
pub struct Cell {
    sum: i32,
    squares: i32,
    pixels: [i16x8; WINDOW],
}

impl Cell {
    /// The cell at (`x`, `y`); `None` outside of the picture.
    pub fn new(of: &Soft, x: usize, y: usize) -> Option<Cell> {
        if x + WINDOW > of.width || y + WINDOW > of.height {
            return None;
        }
        let mut pixels = [i16x8::ZERO; WINDOW];
        for (row, out) in pixels.iter_mut().enumerate() {
            *out = i16x8::new(*of.row(y + row).get(x..)?.first_chunk::<WINDOW>()?);
        }
        let sum = pixels.iter().fold(i16x8::ZERO, |sum, row| sum + *row);
        let squares = pixels.iter().fold(i32x4::ZERO, |sum, row| sum + row.dot(*row));
        Some(Cell { sum: sum.dot(i16x8::ONE).reduce_add(), squares: squares.reduce_add(), pixels })
    }

    /// Its moments against the cell at (`x`, `y`) of `b`; `None` outside of `b`.
    #[inline]
    pub fn moments(&self, b: &Soft, x: i32, y: i32) -> Option<Moments> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        if x + WINDOW > b.width || y + WINDOW > b.height {
            return None;
        }
        let (mut products, mut squares, mut sum) = (i32x4::ZERO, i32x4::ZERO, i16x8::ZERO);
        let mut rows = b.from(x as i32, y)?;
        for own in &self.pixels {
            let other = i16x8::new(*rows.first_chunk::<WINDOW>()?);
            products += own.dot(other);
            squares += other.dot(other);
            sum += other;
            rows = rows.get(b.stride..).unwrap_or_default();
        }
        let sum = sum.dot(i16x8::ONE).reduce_add();
        let (squares, products) = (squares.reduce_add(), products.reduce_add());
        Some(Moments::new(
            (self.sum as f32, sum as f32),
            (self.squares as f32, squares as f32),
            products as f32,
        ))
    }
}

/// How far `b` lies displaced against `a` as a whole: (dx, dy) such that `a(x, y)` shows what `b(x+dx, y+dy)` does.
///
/// Searched over ±16 pixels on pictures reduced four times, then refined to one pixel. Each cell's vote is
/// capped, so that a large animal cannot drag the picture along; a tie goes to no displacement.
pub fn align(a: &Ready, b: &Ready, rows: std::ops::Range<usize>) -> Shift {
    let coarse = best_shift(&a.small, &b.small, rows.start / 4..rows.end / 4, (0, 0), 4, WINDOW);
    best_shift(&a.full, &b.full, rows, (coarse.0 * 4, coarse.1 * 4), 3, 4 * WINDOW)
}

/// The shift within `reach` of `around` that leaves the least unexplained, over cells `step` pixels apart.
fn best_shift(
    a: &Soft,
    b: &Soft,
    rows: std::ops::Range<usize>,
    around: Shift,
    reach: i32,
    step: usize,
) -> Shift {
    let ys = (rows.start..(rows.end + 1).saturating_sub(WINDOW)).step_by(step);
    let xs = (0..(a.width + 1).saturating_sub(WINDOW)).step_by(step);
    let cells: Vec<(usize, usize, Cell)> =
        ys.flat_map(|y| xs.clone().filter_map(move |x| Some((x, y, Cell::new(a, x, y)?)))).collect();
    // The mean over the cells that `b` shows; once it is sure to be more than `most`, no matter what.
    let cost = |shift: Shift, most: f32| -> f32 {
        let (mut sum, mut n) = (0.0, 0u32);
        // The mean is over no more cells than there are; the part in a thousand is for the rounding of sums.
        let hopeless = most * 1.001 * cells.len() as f32;
        for (x, y, cell) in &cells {
            if let Some(m) = cell.moments(b, *x as i32 + shift.0, *y as i32 + shift.1) {
                sum += m.residual() / (m.larger_variance() + NOISE_VARIANCES * NOISE_MIN * NOISE_MIN);
                n += 1;
                if sum > hopeless {
                    return f32::INFINITY;
                }
            }
        }
        if n == 0 { f32::INFINITY } else { sum / n as f32 }
    };
    // Without structure every shift costs the same; a shift must win clearly.
    const CLEARLY: f32 = 0.9;
    let mut best = ((0, 0), cost((0, 0), f32::INFINITY) * CLEARLY);
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let shift = (around.0 + dx, around.1 + dy);
            let c = cost(shift, best.1);
            if c < best.1 {
                best = (shift, c);
            }
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::super::cells::tests::{picture, texture};
    use super::*;

    #[test]
    fn a_swaying_camera_is_found_out_to_the_pixel() {
        let a = picture(320, 240, texture);
        for shift in [(0, 0), (7, -4), (-13, 9)] {
            let b = picture(320, 240, |x, y| texture(x - shift.0, y - shift.1));
            assert_eq!(align(&Ready::new(&a), &Ready::new(&b), 0..240), shift);
        }
    }

    #[test]
    fn pictures_without_structure_are_not_shifted() {
        let flat = |level: u8| picture(160, 120, move |_, _| level);
        assert_eq!(align(&Ready::new(&flat(0)), &Ready::new(&flat(255)), 0..120), (0, 0));
    }
}
