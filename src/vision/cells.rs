//! Two pictures compared cell by cell: how much of a cell's structure the other picture cannot explain.
//!
//! A cell is a window of [`WINDOW`]² pixels; cells lie [`STRIDE`] pixels apart. The other picture may differ in
//! brightness and contrast (sun patches, flash) and be displaced by up to [`REACH`] pixels (leaves, a swaying
//! mount) without counting as change: what remains of a cell's variance after the best displaced linear fit is
//! its *residual*. Residuals at rest tell the noise of the camera per grey level, and change is measured in it.

use std::borrow::Cow;

use crate::image::Gray;

/// Side of a cell in pixels: the smallest animals worth a frame (15 px at 816 px width) cover several cells.
pub const WINDOW: usize = 8;
/// Distance of neighbouring cells in pixels; half a window, so that nothing falls between two cells.
pub const STRIDE: usize = 4;
/// Largest displacement forgiven, in pixels. 1 to 3 separate the real test bursts equally well; 2 is the middle.
const REACH: i32 = 2;
/// Change is full when a cell's unexplained variance exceeds this many times the noise variance.
/// 18 = 2·3²: three standard deviations of the difference of two equally noisy pictures.
const NOISE_VARIANCES: f32 = 18.0;
/// Least noise assumed, grey levels: rounding to 8 bits and JPEG quantisation are never absent.
const NOISE_MIN: f32 = 1.5;
/// Most noise assumed, grey levels: softened infrared night pictures at high gain measure 4.
const NOISE_MAX: f32 = 4.0;
/// Brightness bins of the noise curve, each 16 grey levels: sensor noise depends on the signal.
const BINS: usize = 16;
/// A bin with fewer cells borrows from its neighbours.
const BIN_LEAST: usize = 100;
/// A change below this is not searched further for a better displacement.
const EXPLAINED: f32 = 0.1;

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
    /// The grid of a picture of `width` × `height` pixels of which `rows` (pixels) are looked at.
    fn for_rows(width: usize, rows: &std::ops::Range<usize>) -> Grid {
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

/// A displacement of one picture against another, in pixels.
pub type Shift = (i32, i32);

/// Sums over one cell of a pair of pictures, from which means, variances and the covariance follow.
#[derive(Clone, Copy)]
struct Moments {
    mean: (f32, f32),
    variance: (f32, f32),
    covariance: f32,
}

/// A picture with the sums of its pixels and of their squares up to each place, so that the sums over any cell cost
/// four look-ups (Crow 1984). The tables wrap around; what is taken of them fits.
struct Summed<'a> {
    picture: Cow<'a, Gray>,
    /// Per place, with a row and a column of zeros before the first: sum, sum of squares.
    sums: Vec<(u32, u32)>,
}

impl<'a> Summed<'a> {
    fn new(picture: Cow<'a, Gray>) -> Self {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let mut sums = Vec::with_capacity((width + 1) * (height + 1));
        sums.resize(width + 1, (0, 0));
        for (y, row) in picture.data.chunks_exact(width.max(1)).take(height).enumerate() {
            let (mut sum, mut squares) = (0u32, 0u32);
            sums.push((0, 0));
            for (x, &pixel) in row.iter().enumerate() {
                let pixel = u32::from(pixel);
                (sum, squares) = (sum.wrapping_add(pixel), squares.wrapping_add(pixel * pixel));
                let above: (u32, u32) = sums[y * (width + 1) + x + 1];
                sums.push((above.0.wrapping_add(sum), above.1.wrapping_add(squares)));
            }
        }
        Summed { picture, sums }
    }

    /// Sum and sum of squares over the cell at (`x`, `y`).
    #[inline]
    fn cell(&self, x: usize, y: usize) -> Option<(u32, u32)> {
        let stride = self.picture.width as usize + 1;
        let at = |x: usize, y: usize| self.sums.get(y * stride + x);
        let (right, bottom) = (x + WINDOW, y + WINDOW);
        let (a, b, c, d) = (at(x, y)?, at(right, y)?, at(x, bottom)?, at(right, bottom)?);
        let over = |a: u32, b: u32, c: u32, d: u32| d.wrapping_sub(b).wrapping_sub(c).wrapping_add(a);
        Some((over(a.0, b.0, c.0, d.0), over(a.1, b.1, c.1, d.1)))
    }

    /// A row of pixels of a cell, from (`x`, `y`) on.
    #[inline]
    fn row(&self, x: usize, y: usize) -> Option<&[u8; WINDOW]> {
        self.picture.data.get(y * self.picture.width as usize + x..)?.first_chunk()
    }
}

/// A cell of a picture, ready to be compared with others.
struct Cell {
    sum: u32,
    squares: u32,
    /// Its pixels, in 16 bits: processors multiply and add pairs of these in one instruction.
    pixels: [[i16; WINDOW]; WINDOW],
}

impl Cell {
    /// The cell at (`x`, `y`); `None` outside of the picture.
    fn new(of: &Summed<'_>, x: usize, y: usize) -> Option<Cell> {
        let (sum, squares) = of.cell(x, y)?;
        let mut pixels = [[0; WINDOW]; WINDOW];
        for (row, out) in pixels.iter_mut().enumerate() {
            *out = of.row(x, y + row)?.map(i16::from);
        }
        Some(Cell { sum, squares, pixels })
    }

    /// Its moments against the cell at (`x`, `y`) of `b`; `None` outside of `b`.
    #[inline]
    fn moments(&self, b: &Summed<'_>, x: i32, y: i32) -> Option<Moments> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        if x + WINDOW > b.picture.width as usize || y + WINDOW > b.picture.height as usize {
            return None;
        }
        let (sum, squares) = b.cell(x, y)?;
        let mut products = [0i32; WINDOW / 2];
        let width = b.picture.width as usize;
        for (own, other) in self.pixels.iter().zip(b.picture.data.get(y * width + x..)?.chunks(width)) {
            let other = other.first_chunk::<WINDOW>()?.map(i16::from);
            let pairs = own.as_chunks::<2>().0.iter().zip(other.as_chunks::<2>().0);
            for (product, ([p, q], [r, s])) in products.iter_mut().zip(pairs) {
                *product += i32::from(*p) * i32::from(*r) + i32::from(*q) * i32::from(*s);
            }
        }
        let n = (WINDOW * WINDOW) as f32;
        let mean = (self.sum as f32 / n, sum as f32 / n);
        let variance = |squares: u32, mean: f32| (squares as f32 / n - mean * mean).max(0.0);
        Some(Moments {
            mean,
            variance: (variance(self.squares, mean.0), variance(squares, mean.1)),
            covariance: products.iter().sum::<i32>() as f32 / n - mean.0 * mean.1,
        })
    }
}

impl Moments {
    /// Variance that a linear fit of one cell on the other leaves, in grey levels². A negative gain (a negative
    /// print) explains nothing. The 1 is the rounding variance that keeps flat cells from dividing by zero.
    fn residual(&self) -> f32 {
        let gain = self.covariance.max(0.0);
        let explained = gain * gain / ((self.variance.0 + 1.0) * (self.variance.1 + 1.0));
        self.larger_variance() * (1.0 - explained.min(1.0))
    }

    fn larger_variance(&self) -> f32 {
        self.variance.0.max(self.variance.1)
    }
}

/// A picture ready to be compared with others: with its sums, and with those of the picture reduced four times.
pub struct Ready<'a> {
    full: Summed<'a>,
    small: Summed<'a>,
}

impl<'a> Ready<'a> {
    /// Makes `picture` ready.
    pub fn new(picture: &'a Gray) -> Self {
        Ready { full: Summed::new(Cow::Borrowed(picture)), small: Summed::new(Cow::Owned(reduced(picture))) }
    }
}

/// How far `b` lies displaced against `a` as a whole: (dx, dy) such that `a(x, y)` shows what `b(x+dx, y+dy)` does.
///
/// Searched over ±16 pixels on pictures reduced four times, then refined to one pixel. Each cell's vote is
/// capped, so that a large animal cannot drag the picture along; a tie goes to no displacement.
fn align(a: &Ready<'_>, b: &Ready<'_>, rows: std::ops::Range<usize>) -> Shift {
    let coarse = best_shift(&a.small, &b.small, rows.start / 4..rows.end / 4, (0, 0), 4, WINDOW);
    best_shift(&a.full, &b.full, rows, (coarse.0 * 4, coarse.1 * 4), 3, 4 * WINDOW)
}

/// The picture at a quarter of its size, by averaging 4×4 pixels.
fn reduced(picture: &Gray) -> Gray {
    let (width, height) = (picture.width as usize / 4, picture.height as usize / 4);
    let mut data = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let sum: u32 = (0..16)
                .map(|k| u32::from(picture.data[(4 * y + k / 4) * picture.width as usize + 4 * x + k % 4]))
                .sum();
            data.push((sum / 16) as u8);
        }
    }
    Gray { width: width as u32, height: height as u32, data }
}

/// The shift within `reach` of `around` that leaves the least unexplained, over cells `step` pixels apart.
fn best_shift(
    a: &Summed<'_>,
    b: &Summed<'_>,
    rows: std::ops::Range<usize>,
    around: Shift,
    reach: i32,
    step: usize,
) -> Shift {
    let ys = (rows.start..(rows.end + 1).saturating_sub(WINDOW)).step_by(step);
    let xs = (0..(a.picture.width as usize + 1).saturating_sub(WINDOW)).step_by(step);
    let cells: Vec<(usize, usize, Cell)> =
        ys.flat_map(|y| xs.clone().filter_map(move |x| Some((x, y, Cell::new(a, x, y)?)))).collect();
    let cost = |shift: Shift| -> f32 {
        let (mut sum, mut n) = (0.0, 0u32);
        for (x, y, cell) in &cells {
            if let Some(m) = cell.moments(b, *x as i32 + shift.0, *y as i32 + shift.1) {
                sum += m.residual() / (m.larger_variance() + NOISE_VARIANCES * NOISE_MIN * NOISE_MIN);
                n += 1;
            }
        }
        if n == 0 { f32::INFINITY } else { sum / n as f32 }
    };
    // Without structure every shift costs the same; a shift must win clearly.
    const CLEARLY: f32 = 0.9;
    let mut best = ((0, 0), cost((0, 0)) * CLEARLY);
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let shift = (around.0 + dx, around.1 + dy);
            let c = cost(shift);
            if c < best.1 {
                best = (shift, c);
            }
        }
    }
    best.0
}

/// Residual, larger variance and mean brightness of every cell.
struct Residuals {
    residual: Grid,
    variance: Vec<f32>,
    brightness: Vec<f32>,
}

/// Every cell of `a` against `b` displaced by `shift` and by up to [`REACH`] more.
fn residuals(a: &Summed<'_>, b: &Summed<'_>, rows: std::ops::Range<usize>, shift: Shift) -> Residuals {
    let mut residual = Grid::for_rows(a.picture.width as usize, &rows);
    let cells = residual.data.len();
    let (mut variance, mut brightness) = (vec![0.0; cells], vec![0.0; cells]);
    let around = displacements();
    for cell in 0..cells {
        let x = cell % residual.width * STRIDE;
        let y = rows.start + cell / residual.width * STRIDE;
        // A cell that the other picture does not show cannot have changed.
        let Some(own) = Cell::new(a, x, y) else { continue };
        let (bx, by) = (x as i32 + shift.0, y as i32 + shift.1);
        let Some(at_rest) = own.moments(b, bx, by) else { continue };
        variance[cell] = at_rest.larger_variance();
        brightness[cell] = (at_rest.mean.0 + at_rest.mean.1) / 2.0;
        let enough = EXPLAINED * (variance[cell] + NOISE_VARIANCES * NOISE_MIN * NOISE_MIN);
        let mut least = at_rest.residual();
        for &(dx, dy) in &around {
            if least <= enough {
                break;
            }
            if let Some(m) = own.moments(b, bx + dx, by + dy) {
                least = least.min(m.residual());
            }
        }
        residual.data[cell] = least;
    }
    Residuals { residual, variance, brightness }
}

/// All displacements within [`REACH`] but none, nearest first.
fn displacements() -> Vec<Shift> {
    let mut all: Vec<Shift> = (-REACH..=REACH)
        .flat_map(|dy| (-REACH..=REACH).map(move |dx| (dx, dy)))
        .filter(|&s| s != (0, 0))
        .collect();
    all.sort_by_key(|&(dx, dy)| dx * dx + dy * dy);
    all
}

/// Change of every cell between two pictures of one size, 0 (explained) to 1 (new), over the pixel `rows`.
pub fn change(a: &Ready<'_>, b: &Ready<'_>, rows: std::ops::Range<usize>) -> Grid {
    let shift = align(a, b, rows.clone());
    let found = residuals(&a.full, &b.full, rows, shift);
    let noise = noise_curve(&found.residual.data, &found.brightness);
    let mut out = found.residual;
    for ((value, variance), brightness) in out.data.iter_mut().zip(&found.variance).zip(&found.brightness) {
        let sigma = noise[bin(*brightness)];
        *value = (*value / (variance + NOISE_VARIANCES * sigma * sigma)).clamp(0.0, 1.0);
    }
    out
}

/// What a linear fit leaves of every cell between two pictures of one size, in grey levels.
pub fn unexplained(a: &Ready<'_>, b: &Ready<'_>) -> Grid {
    let rows = 0..a.full.picture.height as usize;
    let shift = align(a, b, rows.clone());
    let mut out = residuals(&a.full, &b.full, rows, shift).residual;
    out.data.iter_mut().for_each(|v| *v = v.sqrt());
    out
}

fn bin(brightness: f32) -> usize {
    (brightness as usize * BINS / 256).min(BINS - 1)
}

/// Noise per brightness bin, grey levels: the lower quartile of the residuals there, since up to three quarters
/// of the cells of one brightness may truly have changed. Bins without enough cells take the nearest that has.
fn noise_curve(residual: &[f32], brightness: &[f32]) -> [f32; BINS] {
    let mut by_bin: [Vec<f32>; BINS] = Default::default();
    for (r, b) in residual.iter().zip(brightness) {
        by_bin[bin(*b)].push(r.sqrt());
    }
    let measured: Vec<Option<f32>> =
        by_bin.iter_mut().map(|v| (v.len() >= BIN_LEAST).then(|| quantile(v, 0.25))).collect();
    std::array::from_fn(|i| {
        let nearest = (0..BINS)
            .filter_map(|k| measured[k].map(|sigma| (k.abs_diff(i), sigma)))
            .min_by_key(|&(distance, _)| distance);
        nearest.map_or(NOISE_MIN, |(_, sigma)| sigma.clamp(NOISE_MIN, NOISE_MAX))
    })
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

    /// A picture of `width` × `height` from a function of the pixel.
    fn picture(width: u32, height: u32, level: impl Fn(i32, i32) -> u8) -> Gray {
        let pixels = (0..height as i32).flat_map(|y| (0..width as i32).map(move |x| (x, y)));
        Gray { width, height, data: pixels.map(|(x, y)| level(x, y)).collect() }
    }

    /// Blotches of three pixels, 60..=187, the same for the same place.
    fn texture(x: i32, y: i32) -> u8 {
        let cell = (x.div_euclid(3) as u32).wrapping_mul(73_856_093)
            ^ (y.div_euclid(3) as u32).wrapping_mul(19_349_663);
        60 + (cell.wrapping_mul(2_654_435_761) >> 25) as u8
    }

    fn changed(a: &Gray, b: &Gray, height: usize) -> Grid {
        change(&Ready::new(a), &Ready::new(b), 0..height)
    }

    fn worst(grid: &Grid) -> f32 {
        grid.data.iter().copied().fold(0.0, f32::max)
    }

    #[test]
    fn other_light_and_a_small_displacement_explain_themselves() {
        let a = picture(160, 120, texture);
        // Sun through a leaf roof: a third of the contrast gone, and brighter.
        let sunny = picture(160, 120, |x, y| texture(x, y) / 3 * 2 + 40);
        assert!(worst(&changed(&a, &sunny, 120)) < 0.1);
        let fluttered = picture(160, 120, |x, y| texture(x + 2, y - 1));
        assert!(worst(&changed(&a, &fluttered, 120)) < 0.1);
    }

    #[test]
    fn what_is_new_changes_its_cells_and_no_others() {
        let a = picture(160, 120, texture);
        let b = picture(160, 120, |x, y| {
            if (80..104).contains(&x) && (40..64).contains(&y) {
                texture(x + 500, y + 500)
            } else {
                texture(x, y)
            }
        });
        let grid = changed(&a, &b, 120);
        for (i, &value) in grid.data.iter().enumerate() {
            let (x, y) = (i % grid.width * STRIDE, i / grid.width * STRIDE);
            let inside = (80..=96).contains(&x) && (40..=56).contains(&y);
            let outside = x + WINDOW <= 80 || x >= 104 || y + WINDOW <= 40 || y >= 64;
            if inside {
                assert!(value > 0.3, "{value} at {x},{y}");
            } else if outside {
                assert!(value < 0.1, "{value} at {x},{y}");
            }
        }
    }

    #[test]
    fn a_swaying_camera_is_found_out_to_the_pixel() {
        let a = picture(320, 240, texture);
        for shift in [(0, 0), (7, -4), (-13, 9)] {
            let b = picture(320, 240, |x, y| texture(x - shift.0, y - shift.1));
            assert_eq!(align(&Ready::new(&a), &Ready::new(&b), 0..240), shift);
        }
    }

    #[test]
    fn pictures_without_structure_are_neither_shifted_nor_changed() {
        let flat = |level: u8| picture(160, 120, move |_, _| level);
        let (dark, bright) = (flat(0), flat(255));
        assert_eq!(align(&Ready::new(&dark), &Ready::new(&bright), 0..120), (0, 0));
        assert_eq!(worst(&changed(&flat(0), &flat(255), 120)), 0.0);
    }

    #[test]
    fn moments_by_hand() {
        // Columns 0 and 10 alternate in a (mean 5, variance 25); b is 3a + 7: mean 22, variance 225, covariance 75.
        let a = picture(32, 32, |x, _| if x % 2 == 0 { 0 } else { 10 });
        let b = picture(32, 32, |x, _| if x % 2 == 0 { 7 } else { 37 });
        let (a, b) = (Summed::new(Cow::Borrowed(&a)), Summed::new(Cow::Borrowed(&b)));
        let m = Cell::new(&a, 0, 0).unwrap().moments(&b, 0, 0).unwrap();
        assert_eq!((m.mean, m.variance, m.covariance), ((5.0, 22.0), (25.0, 225.0), 75.0));
        // 225 · (1 − 75² / (26 · 226)) = 9.6111.
        assert!((m.residual() - 9.6111).abs() < 1e-3);
        assert!(
            Cell::new(&a, 24, 24).unwrap().moments(&b, 25, 24).is_none(),
            "one pixel beyond the right edge"
        );
    }

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

    #[test]
    fn sums_from_the_tables_are_those_of_the_pixels() {
        // 700 x 300 bright pixels: the sum of the squares (1.4e10) wraps around 32 bits three times.
        let (width, height) = (700usize, 300usize);
        let data: Vec<u8> = (0..width * height).map(|i| 255 - (i * i % 7) as u8).collect();
        let picture = Gray { width: width as u32, height: height as u32, data };
        let summed = Summed::new(Cow::Borrowed(&picture));
        for (x, y) in [(0, 0), (692, 292), (17, 203), (350, 1)] {
            let pixels = (0..WINDOW).flat_map(|r| &picture.data[(y + r) * width + x..][..WINDOW]);
            let (sum, squares) =
                pixels.fold((0, 0), |(s, q), &p| (s + u32::from(p), q + u32::from(p) * u32::from(p)));
            assert_eq!(summed.cell(x, y), Some((sum, squares)), "{x}, {y}");
        }
        assert_eq!(summed.cell(0, 293), None);
    }
}
