//! Groups of cells compared at a time, one a lane, in vector instructions; sums of products over bands of [`STRIDE`] rows
//! are shared by the two rows of cells that they belong to.

use wide::{f32x8, i16x8, i32x4, i32x8};

#[cfg(doc)]
use super::cells::Moments;
use super::cells::{NOISE_MIN, NOISE_VARIANCES, PIXELS, STRIDE, WINDOW};
use super::soft::Soft;

/// A change below this is not searched further for a better displacement.
pub const EXPLAINED: f32 = 0.1;
/// Cells compared at a time.
pub const LANES: usize = 8;
/// Pixels of a row that these cells cover together.
pub const SPAN: usize = LANES * STRIDE + WINDOW;
/// Sums of the products of two pictures, over the upper or lower half of each cell of a group.
pub type Half = i32x8;

/// The halves that two neighbouring rows of cells share.
pub struct Halves<'a> {
    a: &'a Soft,
    b: &'a Soft,
    groups: usize,
    /// For even and for odd bands: the band that each place holds, and its sums. A place belongs to one displacement
    /// of one group.
    held: [Vec<(usize, Half)>; 2],
}

impl<'a> Halves<'a> {
    /// Nothing held, for rows of so many `groups` and so many `displacements`.
    pub fn new(a: &'a Soft, b: &'a Soft, groups: usize, displacements: usize) -> Self {
        let none = vec![(usize::MAX, i32x8::ZERO); groups * displacements];
        Halves { a, b, groups, held: [none.clone(), none] }
    }

    /// Sums over the band of rows numbered `band`, which begins at row `ys.0` of `a` and `ys.1` of `b`; `dx` is how far
    /// `b` is displaced, `nth` the number of the displacement.
    #[inline]
    pub fn of(&mut self, band: usize, ys: (usize, usize), dx: i32, nth: usize, group: usize) -> Half {
        let (a, b) = (self.a, self.b);
        let Some(place) = self.held[band % 2].get_mut(nth * self.groups + group) else { return i32x8::ZERO };
        if place.0 != band {
            let x = (group * LANES * STRIDE) as i32;
            if let (Some(own), Some(other)) = (a.from(x, ys.0), b.from(x + dx, ys.1)) {
                *place = (band, products(own, a.stride, other, b.stride));
            }
        }
        place.1
    }
}

/// Sums of products over [`STRIDE`] rows for each of [`LANES`] cells, which overlap by half.
#[inline]
fn products(a: &[i16], a_stride: usize, b: &[i16], b_stride: usize) -> Half {
    let mut pairs = [i32x4::ZERO; SPAN / 8];
    for (own, other) in a.chunks(a_stride).zip(b.chunks(b_stride)).take(STRIDE) {
        let (Some(own), Some(other)) = (own.first_chunk::<SPAN>(), other.first_chunk::<SPAN>()) else {
            break;
        };
        let eights = own.as_chunks().0.iter().zip(other.as_chunks().0);
        pairs.iter_mut().zip(eights).for_each(|(sum, (a, b))| *sum += i16x8::new(*a).dot(i16x8::new(*b)));
    }
    let pairs = pairs.map(i32x4::to_array);
    let fours: [i32; SPAN / 4] =
        std::array::from_fn(|i| pairs[i / 2][2 * (i % 2)] + pairs[i / 2][2 * (i % 2) + 1]);
    i32x8::new(std::array::from_fn(|cell| fours[cell] + fours[cell + 1]))
}

/// Where the cells of a group begin, in pixels.
pub const OFFSETS: [f32; LANES] = [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0];

/// A group of cells of both pictures at one displacement: [`Moments`], a cell a lane.
pub struct Pair {
    mean: (f32x8, f32x8),
    variance: (f32x8, f32x8),
    covariance: f32x8,
}

/// What is known of a group of cells so far.
#[derive(Default)]
pub struct Found {
    /// What is left unexplained, grey levels².
    pub residual: f32x8,
    /// The larger variance of both pictures, grey levels².
    pub variance: f32x8,
    /// Mean brightness of both.
    pub brightness: f32x8,
    /// A residual that needs no further search; of cells that the other picture does not show, infinite.
    enough: f32x8,
}

impl Found {
    #[inline]
    /// Whether no cell needs a further search.
    pub fn settled(&self) -> bool {
        self.residual.simd_le(self.enough).all()
    }
}

impl Pair {
    /// From means and variances of both and the sums of products.
    #[inline]
    pub fn new(
        a: (&[f32; LANES], &[f32; LANES]),
        b: (&[f32; LANES], &[f32; LANES]),
        products: i32x8,
    ) -> Pair {
        let mean = (f32x8::new(*a.0), f32x8::new(*b.0));
        let covariance = f32x8::from_i32x8(products) * (1.0 / PIXELS) - mean.0 * mean.1;
        Pair { mean, variance: (f32x8::new(*a.1), f32x8::new(*b.1)), covariance }
    }

    #[inline]
    fn larger_variance(&self) -> f32x8 {
        self.variance.0.fast_max(self.variance.1)
    }

    /// See [`Moments::residual`].
    #[inline]
    fn residual(&self) -> f32x8 {
        let gain = self.covariance.fast_max(f32x8::ZERO);
        let explained = gain * gain / ((self.variance.0 + 1.0) * (self.variance.1 + 1.0));
        self.larger_variance() * (f32x8::ONE - explained.fast_min(f32x8::ONE))
    }

    /// What is known of the cells `shown` when this is where they are without a displacement.
    #[inline]
    pub fn at_rest(&self, shown: f32x8) -> Found {
        let variance = self.larger_variance() & shown;
        let enough = (variance + NOISE_VARIANCES * NOISE_MIN * NOISE_MIN) * EXPLAINED;
        Found {
            residual: self.residual() & shown,
            variance,
            brightness: ((self.mean.0 + self.mean.1) * 0.5) & shown,
            enough: shown.bitselect(enough, f32x8::splat(f32::INFINITY)),
        }
    }

    /// Takes what it explains better of the cells `shown` that are not explained well enough.
    #[inline]
    pub fn displaced(&self, shown: f32x8, found: &mut Found) {
        let residual = self.residual();
        let better = shown & found.residual.simd_gt(found.enough) & residual.simd_lt(found.residual);
        found.residual = better.bitselect(residual, found.residual);
    }
}
