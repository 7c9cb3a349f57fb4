//! Two pictures compared cell by cell: how much of a cell's structure the other picture cannot explain.
//!
//! A cell is a window of [`WINDOW`]² pixels; cells lie [`STRIDE`] pixels apart. The other picture may differ in
//! brightness and contrast (sun patches, flash) and be displaced by up to [`REACH`] pixels (leaves, a swaying
//! mount) without counting as change: what remains of a cell's variance after the best displaced linear fit is
//! its *residual*. Residuals at rest tell the noise of the camera per grey level, and change is measured in it.
//!
//! [`LANES`] cells of a row are compared at a time, see [`super::lanes`].

use wide::f32x8;

use super::align::{Shift, align};
use super::grid::{Grid, quantile};
use super::lanes::{Found, Halves, LANES, OFFSETS, Pair};
use super::soft::{Ready, Soft};
use super::windows::Windows;

/// Side of a cell in pixels: the smallest animals worth a frame (15 px at 816 px width) cover several cells.
pub const WINDOW: usize = 8;
/// Distance of neighbouring cells in pixels; half a window, so that nothing falls between two cells.
pub const STRIDE: usize = 4;
/// Largest displacement forgiven, in pixels. 1 to 3 separate the real test bursts equally well; 2 is the middle.
const REACH: i32 = 2;
/// Change is full when a cell's unexplained variance exceeds this many times the noise variance.
/// 18 = 2·3²: three standard deviations of the difference of two equally noisy pictures.
pub const NOISE_VARIANCES: f32 = 18.0;
/// Least noise assumed, grey levels: rounding to 8 bits and JPEG quantisation are never absent.
pub const NOISE_MIN: f32 = 1.5;
/// Most noise assumed, grey levels: softened infrared night pictures at high gain measure 4.
const NOISE_MAX: f32 = 4.0;
/// Brightness bins of the noise curve, each 16 grey levels: sensor noise depends on the signal.
const BINS: usize = 16;
/// A bin with fewer cells borrows from its neighbours.
const BIN_LEAST: usize = 100;
/// Displacements tried, none among them.
const DISPLACEMENTS: usize = ((2 * REACH + 1) * (2 * REACH + 1)) as usize;

/// What follows from the sums over one cell of a pair of pictures.
#[derive(Clone, Copy)]
pub struct Moments {
    variance: (f32, f32),
    covariance: f32,
}

impl Moments {
    /// From the sums of the pixels of both, of their squares, and of their products.
    #[inline]
    pub fn new(sum: (f32, f32), squares: (f32, f32), products: f32) -> Moments {
        let variance = |squares: f32, mean: f32| (squares / PIXELS - mean * mean).max(0.0);
        let mean = (sum.0 / PIXELS, sum.1 / PIXELS);
        Moments {
            variance: (variance(squares.0, mean.0), variance(squares.1, mean.1)),
            covariance: products / PIXELS - mean.0 * mean.1,
        }
    }

    /// Variance that a linear fit of one cell on the other leaves, in grey levels². A negative gain (a negative
    /// print) explains nothing. The 1 is the rounding variance that keeps flat cells from dividing by zero.
    #[inline]
    pub fn residual(&self) -> f32 {
        let gain = self.covariance.max(0.0);
        let explained = gain * gain / ((self.variance.0 + 1.0) * (self.variance.1 + 1.0));
        self.larger_variance() * (1.0 - explained.min(1.0))
    }

    /// The variance of the cell that has more of it.
    #[inline]
    pub fn larger_variance(&self) -> f32 {
        self.variance.0.max(self.variance.1)
    }
}

/// Pixels of a cell.
pub const PIXELS: f32 = (WINDOW * WINDOW) as f32;

/// Residual, larger variance and mean brightness of every cell.
struct Residuals {
    residual: Grid,
    variance: Vec<f32>,
    brightness: Vec<f32>,
}

/// Every cell of `a` against `b` displaced by `shift` and by up to [`REACH`] more.
fn residuals(a: &Soft, b: &Soft, rows: std::ops::Range<usize>, shift: Shift) -> Residuals {
    let mut residual = Grid::for_rows(a.width, &rows);
    let (width, cells) = (residual.width, residual.data.len());
    let (mut variance, mut brightness) = (vec![0.0; cells], vec![0.0; cells]);
    let groups = width.div_ceil(LANES);
    let mut halves = Halves::new(a, b, groups, DISPLACEMENTS);
    let (mut own, mut other) = (Windows::new(a), Windows::new(b));
    let around = displacements();
    let last = (b.height as i32 - WINDOW as i32, b.width as i32 - WINDOW as i32);
    for row in 0..residual.height {
        let top = rows.start + row * STRIDE;
        own.make(top..top + 1);
        let b_top = top as i32 + shift.1;
        // A cell that the other picture does not show cannot have changed.
        if !(0..=last.0).contains(&b_top) {
            continue;
        }
        let from = (b_top - REACH).max(0) as usize;
        other.make(from..(b_top + REACH).min(last.0) as usize + 1);
        for group in 0..groups {
            let first = group * LANES;
            let count = LANES.min(width - first);
            let at = row * width + first;
            let Some((means, variances)) = own.group(top, (first * STRIDE) as i32) else { continue };
            let inside = f32x8::new(OFFSETS).simd_lt((count * STRIDE) as f32);
            let mut least = Found::default();
            for (nth, &(dx, dy)) in around.iter().enumerate() {
                let y = b_top + dy;
                if nth > 0 && least.settled() {
                    break;
                }
                if !(0..=last.0).contains(&y) {
                    continue;
                }
                let dx = shift.0 + dx;
                let x = (first * STRIDE) as i32 + dx;
                let Some((b_means, b_variances)) = other.group(y as usize, x) else { continue };
                let y = y as usize;
                let upper = halves.of(row, (top, y), dx, nth, group);
                let lower = halves.of(row + 1, (top + STRIDE, y + STRIDE), dx, nth, group);
                let x = f32x8::splat(x as f32) + f32x8::new(OFFSETS);
                let shown = x.simd_ge(0.0) & x.simd_le(last.1 as f32) & inside;
                let pair = Pair::new((means, variances), (b_means, b_variances), upper + lower);
                if nth == 0 {
                    least = pair.at_rest(shown);
                } else {
                    pair.displaced(shown, &mut least);
                }
            }
            let take = |to: &mut [f32], from: f32x8| {
                let to = to.get_mut(at..at + count).unwrap_or_default();
                to.iter_mut().zip(from.to_array()).for_each(|(to, from)| *to = from);
            };
            take(&mut residual.data, least.residual);
            take(&mut variance, least.variance);
            take(&mut brightness, least.brightness);
        }
    }
    Residuals { residual, variance, brightness }
}

/// All displacements within [`REACH`], nearest first, none before all.
fn displacements() -> [Shift; DISPLACEMENTS] {
    let side = 2 * REACH + 1;
    let mut all = std::array::from_fn(|i| (i as i32 % side - REACH, i as i32 / side - REACH));
    all.sort_by_key(|&(dx, dy)| dx * dx + dy * dy);
    all
}

/// Change of every cell between two pictures of one size, 0 (explained) to 1 (new), over the pixel `rows`.
pub fn change(a: &Ready, b: &Ready, rows: std::ops::Range<usize>) -> Grid {
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
pub fn unexplained(a: &Ready, b: &Ready) -> Grid {
    let rows = 0..a.full.height;
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

#[cfg(test)]
pub(super) mod tests {
    use super::super::align::Cell;
    use super::super::lanes::EXPLAINED;
    use super::*;
    use crate::image::Gray;

    /// A picture of `width` × `height` from a function of the pixel.
    pub(in crate::vision) fn picture(width: u32, height: u32, level: impl Fn(i32, i32) -> u8) -> Gray {
        let pixels = (0..height as i32).flat_map(|y| (0..width as i32).map(move |x| (x, y)));
        Gray { width, height, data: pixels.map(|(x, y)| level(x, y)).collect() }
    }

    /// Blotches of three pixels, 60..=187, the same for the same place.
    pub(in crate::vision) fn texture(x: i32, y: i32) -> u8 {
        let cell = (x.div_euclid(3) as u32).wrapping_mul(73_856_093)
            ^ (y.div_euclid(3) as u32).wrapping_mul(19_349_663);
        60 + (cell.wrapping_mul(2_654_435_761) >> 25) as u8
    }

    fn changed(a: &Gray, b: &Gray, height: usize) -> Grid {
        change(&Ready::of(Soft::plain(a)), &Ready::of(Soft::plain(b)), 0..height)
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
    fn pictures_without_structure_are_not_changed() {
        let flat = |level: u8| picture(160, 120, move |_, _| level);
        let (dark, bright) = (flat(0), flat(255));
        assert_eq!(worst(&changed(&dark, &bright, 120)), 0.0);
    }

    #[test]
    fn moments_by_hand() {
        // Columns 0 and 10 alternate in a (mean 5, variance 25); b is 3a + 7: mean 22, variance 225, covariance 75.
        let a = picture(32, 32, |x, _| if x % 2 == 0 { 0 } else { 10 });
        let b = picture(32, 32, |x, _| if x % 2 == 0 { 7 } else { 37 });
        let (a, b) = (Soft::plain(&a), Soft::plain(&b));
        let m = Cell::new(&a, 0, 0).unwrap().moments(&b, 0, 0).unwrap();
        assert_eq!((m.variance, m.covariance), ((25.0, 225.0), 75.0));
        // 225 · (1 − 75² / (26 · 226)) = 9.6111.
        assert!((m.residual() - 9.6111).abs() < 1e-3);
        assert!(
            Cell::new(&a, 24, 24).unwrap().moments(&b, 25, 24).is_none(),
            "one pixel beyond the right edge"
        );
    }

    /// The residual of the cell at (`x`, `y`) by itself, pixel by pixel.
    fn by_itself(a: &Soft, b: &Soft, (x, y): (usize, usize), shift: Shift) -> f32 {
        let own = Cell::new(a, x, y).unwrap();
        let at = |(dx, dy): Shift| own.moments(b, x as i32 + shift.0 + dx, y as i32 + shift.1 + dy);
        let Some(rest) = at((0, 0)) else { return 0.0 };
        let enough = EXPLAINED * (rest.larger_variance() + NOISE_VARIANCES * NOISE_MIN * NOISE_MIN);
        displacements()
            .into_iter()
            .skip(1)
            .filter_map(at)
            .fold(rest.residual(), |least, m| if least <= enough { least } else { least.min(m.residual()) })
    }

    #[test]
    fn cells_side_by_side_are_compared_as_each_by_itself() {
        // Odd sizes; a part is new, a part is displaced, all of it noisy.
        let noise = |x: i32, y: i32| texture(5 * x, 3 * y + 77) / 20;
        let a = picture(203, 117, |x, y| texture(x, y) / 2 + noise(x, y));
        let b = picture(203, 117, |x, y| match x {
            ..70 => texture(x + 300, y) / 2 + noise(y, x),
            70..140 => texture(x + 2, y - 1) / 2 + noise(y, x),
            _ => texture(x, y) / 3 + noise(y, x),
        });
        let (a, b) = (Soft::plain(&a), Soft::plain(&b));
        for (shift, rows) in [((0, 0), 0..117), ((5, -3), 4..113), ((-19, 19), 0..117)] {
            let found = residuals(&a, &b, rows.clone(), shift).residual;
            for (i, &residual) in found.data.iter().enumerate() {
                let at = (i % found.width * STRIDE, rows.start + i / found.width * STRIDE);
                let expected = by_itself(&a, &b, at, shift);
                assert!(
                    (residual - expected).abs() <= 1e-4 * expected,
                    "{at:?} {shift:?}: {residual} {expected}"
                );
            }
        }
    }
}
