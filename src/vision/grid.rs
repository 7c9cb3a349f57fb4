//! Numbers per cell of a picture: smoothed, and their quantiles.

use super::cells::{STRIDE, WINDOW};

/// A rectangular grid of numbers, one per cell, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Cells in a row.
    pub width: usize,
    /// Rows of cells.
    pub height: usize,
    /// `width * height` numbers.
    pub data: Vec<f32>,
}

impl Grid {
    /// Zeros for the cells of a picture `width` pixels wide of which `rows` (pixels) are looked at.
    pub fn for_rows(width: usize, rows: &std::ops::Range<usize>) -> Grid {
        let cells = |pixels: usize| (pixels + STRIDE).saturating_sub(WINDOW) / STRIDE;
        let (width, height) = (cells(width), cells(rows.len()));
        Grid { width, height, data: vec![0.0; width * height] }
    }

    /// The mean over the (2·`radius`+1)² cells around each cell; at the border over those that exist.
    pub fn smoothed(&self, radius: usize) -> Grid {
        let mut out = self.clone();
        for (row, means) in self.rows().zip(out.data.chunks_exact_mut(self.width.max(1))) {
            let mut sum = row.iter().take(radius).map(|&v| f64::from(v)).sum::<f64>();
            for (x, mean) in means.iter_mut().enumerate() {
                sum += row.get(x + radius).map_or(0.0, |&v| f64::from(v));
                if x > radius {
                    sum -= f64::from(row[x - radius - 1]);
                }
                let (from, to) = (x.saturating_sub(radius), (x + radius + 1).min(self.width));
                *mean = (sum / (to - from) as f64) as f32;
            }
        }
        out.smoothed_down(radius)
    }

    /// The largest number.
    pub fn peak(&self) -> f32 {
        self.data.iter().copied().fold(f32::NEG_INFINITY, f32::max)
    }

    fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.data.chunks_exact(self.width.max(1))
    }

    /// Running means down the columns, all of them at once.
    fn smoothed_down(&self, radius: usize) -> Grid {
        let mut out = self.clone();
        let mut sums = vec![0.0f64; self.width];
        let add = |sums: &mut [f64], row: Option<&[f32]>, sign: f64| {
            for (sum, &value) in sums.iter_mut().zip(row.unwrap_or_default()) {
                *sum += sign * f64::from(value);
            }
        };
        for row in self.rows().take(radius) {
            add(&mut sums, Some(row), 1.0);
        }
        for (y, means) in out.data.chunks_exact_mut(self.width.max(1)).enumerate() {
            add(&mut sums, self.rows().nth(y + radius), 1.0);
            if y > radius {
                add(&mut sums, self.rows().nth(y - radius - 1), -1.0);
            }
            let (from, to) = (y.saturating_sub(radius), (y + radius + 1).min(self.height));
            let share = 1.0 / (to - from) as f64;
            means.iter_mut().zip(&sums).for_each(|(mean, sum)| *mean = (sum * share) as f32);
        }
        out
    }
}

/// The `q`-quantile (0..=1, nearest rank) of `values`, which are reordered; 0 for none.
pub fn quantile(values: &mut [f32], q: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let rank = (q * (values.len() - 1) as f32).round() as usize;
    *values.select_nth_unstable_by(rank.min(values.len() - 1), f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_takes_the_mean_of_what_exists() {
        let grid = Grid { width: 3, height: 2, data: vec![6.0, 0.0, 0.0, 0.0, 0.0, 12.0] };
        // By hand, top left: (6 + 0 + 0 + 0) / 4; top middle: (6 + 12) / 6.
        let got = grid.smoothed(1).data;
        for (got, expected) in got.iter().zip([1.5, 3.0, 3.0, 1.5, 3.0, 3.0]) {
            assert!((got - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn quantiles_by_nearest_rank() {
        assert_eq!(quantile(&mut [], 0.5), 0.0);
        assert_eq!(quantile(&mut [5.0, 1.0, 4.0, 2.0, 3.0], 0.25), 2.0);
        assert_eq!(quantile(&mut [5.0, 1.0, 4.0, 2.0, 3.0], 1.0), 5.0);
    }
}
