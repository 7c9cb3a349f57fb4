//! Means and variances of windows at every place of a picture, made row by row as they are needed and forgotten again.

use super::cells::{PIXELS, STRIDE, WINDOW};
use super::soft::{LEFT, Soft};

/// Rows held at a time: more than the five that displacements by up to two pixels ask for.
const RING: usize = 8;

/// Means and variances of the windows whose upper edge is one row of pixels.
struct Row {
    y: usize,
    /// For each of [`STRIDE`] phases the windows that begin [`STRIDE`] pixels apart, from the picture's zeros on.
    mean: Vec<f32>,
    variance: Vec<f32>,
}

/// The windows of a picture.
pub struct Windows<'a> {
    picture: &'a Soft,
    /// The row at which the sums of the columns begin; `None`: nothing is summed yet.
    top: Option<usize>,
    /// Per column, over [`WINDOW`] rows.
    sums: Vec<i16>,
    squares: Vec<i32>,
    /// Room for sums over [`WINDOW`] columns.
    wide: (Vec<i16>, Vec<i16>, Vec<i32>, Vec<i32>),
    ring: [Row; RING],
}

impl<'a> Windows<'a> {
    /// None made so far.
    pub fn new(picture: &'a Soft) -> Self {
        let n = picture.stride;
        let row = || Row { y: usize::MAX, mean: vec![0.0; n], variance: vec![0.0; n] };
        Windows {
            picture,
            top: None,
            sums: vec![0; n],
            squares: vec![0; n],
            wide: (vec![0; n], vec![0; n], vec![0; n], vec![0; n]),
            ring: std::array::from_fn(|_| row()),
        }
    }

    /// Makes the windows whose upper edges are `ys`, at most [`RING`] rows, which do not come before those made last.
    pub fn make(&mut self, ys: std::ops::Range<usize>) {
        for y in ys {
            if self.ring[y % RING].y != y && y + WINDOW <= self.picture.height {
                self.sum(y);
                self.ring[y % RING].y = y;
                self.fill(y % RING);
            }
        }
    }

    /// Moves the sums of the columns down to row `y`.
    fn sum(&mut self, y: usize) {
        let add = |sums: &mut [i16], squares: &mut [i32], row: &[i16]| {
            for ((sum, square), &p) in sums.iter_mut().zip(squares).zip(row) {
                *sum += p;
                *square += i32::from(p) * i32::from(p);
            }
        };
        let from = match self.top {
            Some(top) if top <= y && y < top + WINDOW => top,
            _ => {
                self.sums.fill(0);
                self.squares.fill(0);
                (y..y + WINDOW)
                    .for_each(|row| add(&mut self.sums, &mut self.squares, self.picture.padded(row)));
                y
            }
        };
        for top in from..y {
            let (gone, come) = (self.picture.padded(top), self.picture.padded(top + WINDOW));
            let columns = self.sums.iter_mut().zip(&mut self.squares).zip(gone.iter().zip(come));
            for ((sum, square), (&gone, &come)) in columns {
                *sum += come - gone;
                *square += i32::from(come) * i32::from(come) - i32::from(gone) * i32::from(gone);
            }
        }
        self.top = Some(y);
    }

    /// Turns the sums of the columns into means and variances.
    fn fill(&mut self, slot: usize) {
        let phases = self.picture.stride / STRIDE;
        let row = &mut self.ring[slot];
        across(&self.sums, &mut self.wide.0, &mut self.wide.1);
        across(&self.squares, &mut self.wide.2, &mut self.wide.3);
        let (means, variances) = (row.mean.chunks_exact_mut(phases), row.variance.chunks_exact_mut(phases));
        for (phase, (means, variances)) in means.zip(variances).enumerate() {
            let sums = self.wide.0.as_chunks::<STRIDE>().0.iter().zip(self.wide.2.as_chunks::<STRIDE>().0);
            for ((mean, variance), (sums, squares)) in means.iter_mut().zip(variances).zip(sums) {
                *mean = f32::from(sums[phase]) / PIXELS;
                *variance = (squares[phase] as f32 / PIXELS - *mean * *mean).max(0.0);
            }
        }
    }

    /// Means and variances of `N` windows that begin at (`x`, `y`) and [`STRIDE`] pixels further each; `None` for rows
    /// that are not made and where `x` is beyond the picture's zeros.
    #[inline]
    pub fn group<const N: usize>(&self, y: usize, x: i32) -> Option<(&[f32; N], &[f32; N])> {
        let row = &self.ring[y % RING];
        if row.y != y {
            return None;
        }
        let column = usize::try_from(x + LEFT as i32).ok()?;
        let at = column % STRIDE * (self.picture.stride / STRIDE) + column / STRIDE;
        Some((row.mean.get(at..)?.first_chunk()?, row.variance.get(at..)?.first_chunk()?))
    }
}

/// Sums over [`WINDOW`] neighbours, from each on: pairs, pairs of pairs, and pairs of those.
fn across<T: Copy + std::ops::Add<Output = T>>(of: &[T], out: &mut [T], between: &mut [T]) {
    let pairs = |from: &[T], to: &mut [T], apart: usize| {
        let both = from.iter().zip(from.get(apart..).unwrap_or_default());
        to.iter_mut().zip(both).for_each(|(to, (a, b))| *to = *a + *b);
    };
    pairs(of, out, 1);
    pairs(out, between, 2);
    pairs(between, out, 4);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Gray;

    #[test]
    fn rolled_windows_are_those_of_the_pixels() {
        let (width, height) = (70usize, 40usize);
        let data: Vec<u8> = (0..width * height).map(|i| 255 - (i * i % 97) as u8).collect();
        let picture = Soft::softened(&Gray { width: width as u32, height: height as u32, data });
        let mut windows = Windows::new(&picture);
        for ys in [0..3, 2..7, 20..21, 28..33] {
            windows.make(ys.clone());
            for (y, x) in ys.flat_map(|y| (0..30).map(move |x| (y, x))) {
                let pixels =
                    || (y..y + WINDOW).flat_map(|y| &picture.row(y)[x..x + WINDOW]).map(|&p| f32::from(p));
                let mean = pixels().sum::<f32>() / PIXELS;
                let variance = pixels().map(|p| (p - mean) * (p - mean)).sum::<f32>() / PIXELS;
                let (means, variances) = windows.group::<8>(y, x as i32).unwrap();
                assert_eq!(means[0], mean, "{x}, {y}");
                assert!((variances[0] - variance).abs() < 0.05, "{x}, {y}: {} {variance}", variances[0]);
            }
        }
        assert!(windows.group::<8>(0, 0).is_none(), "long gone");
        assert!(windows.group::<8>(32, -25).is_none(), "beyond the zeros");
    }
}
