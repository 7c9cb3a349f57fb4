//! Coefficients of a block to its pixels, at 8, 4, 2 or 1 pixels per side.
//!
//! A block of fewer pixels is the inverse transform of that length over its lowest frequencies (Dugad and Ahuja 2001), so
//! the higher ones need not even be read. In floats: exact to less than a tenth of a grey level, and processors without
//! a fast 32-bit integer multiplication (SSE2) are no slower for it.

/// Where the coefficients of a block stand, in the order of the file (T.81, figure 5): row * 8 + column.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The last coefficient, in the order of the file, that a block of `side` pixels needs.
pub(super) const fn last_needed(side: usize) -> usize {
    match side {
        1 => 0,
        2 => 4,
        4 => 24,
        _ => 63,
    }
}

/// For each coefficient, in the order of the file: its place in a corner of `side` x `side`, `side * side` for those outside.
pub(super) const fn corner(side: usize) -> [u8; 64] {
    let mut out = [0; 64];
    let mut k = 0;
    while k < 64 {
        let (v, u) = (ZIGZAG[k] as usize / 8, ZIGZAG[k] as usize % 8);
        out[k] = if v < side && u < side { v * side + u } else { side * side } as u8;
        k += 1;
    }
    out
}

/// `cos(i π / 16)`.
const COS: [f32; 9] = [
    1.0,
    0.980_785_25,
    0.923_879_5,
    0.831_469_6,
    std::f32::consts::FRAC_1_SQRT_2,
    0.555_570_25,
    0.382_683_43,
    0.195_090_32,
    0.0,
];

const fn cosine(sixteenths: usize) -> f32 {
    match sixteenths % 32 {
        i @ 0..=8 => COS[i],
        i @ 9..=16 => -COS[16 - i],
        i @ 17..=24 => -COS[i - 16],
        i => COS[32 - i],
    }
}

/// Weight of frequency `k` at pixel `n` of `N`: `½ cos((2n + 1) k π / 2N)`, and `√⅛` for `k` = 0.
const fn basis<const N: usize>() -> [[f32; N]; N] {
    let mut out = [[0.0; N]; N];
    let mut k = 0;
    while k < N {
        let mut n = 0;
        while n < N {
            out[k][n] = if k == 0 { COS[4] / 2.0 } else { cosine((2 * n + 1) * k * (8 / N)) / 2.0 };
            n += 1;
        }
        k += 1;
    }
    out
}

/// The pixel that is eight times `eightfold` above mid grey.
#[inline(always)]
pub(super) fn level(eightfold: i32) -> u8 {
    ((eightfold.wrapping_add(4) >> 3) + 128).clamp(0, 255) as u8
}

/// The pixels of a block of `N` x `N`, 0 to 255, from its first `N` rows and columns of coefficients, row by row.
#[inline(always)]
pub(super) fn pixels<const N: usize>(coefficients: &[i32]) -> [[u8; N]; N] {
    if N == 2
        && let [mean, across, down, both, ..] = *coefficients
    {
        // All weights are the same.
        let (left, right) = (mean.wrapping_add(across), mean.wrapping_sub(across));
        let (slope_left, slope_right) = (down.wrapping_add(both), down.wrapping_sub(both));
        let corners = [
            left.wrapping_add(slope_left),
            right.wrapping_add(slope_right),
            left.wrapping_sub(slope_left),
            right.wrapping_sub(slope_right),
        ]
        .map(level);
        return std::array::from_fn(|y| std::array::from_fn(|x| corners[2 * y + x]));
    }
    let mut rows = [[0.0f32; N]; N];
    for (row, values) in rows.iter_mut().zip(coefficients.as_chunks::<N>().0) {
        *row = values.map(|value| value as f32);
    }
    let down = transposed(&along(&rows));
    // Transposed twice: rows are rows again.
    transposed(&along(&down)).map(|row| row.map(|value| (value + 128.5).clamp(0.0, 255.0) as u8))
}

/// The transform along the first axis, for each place on the second.
#[inline(always)]
fn along<const N: usize>(of: &[[f32; N]; N]) -> [[f32; N]; N] {
    let weights = const { basis::<N>() };
    let mut out = [[0.0; N]; N];
    if N == 1 {
        out[0] = of[0].map(|value| value * weights[0][0]);
        return out;
    }
    for n in 0..N / 2 {
        // Even frequencies are the same at both ends, odd ones the opposite.
        let (mut even, mut odd) = ([0.0; N], [0.0; N]);
        for k in 0..N / 2 {
            for lane in 0..N {
                even[lane] += weights[2 * k][n] * of[2 * k][lane];
                odd[lane] += weights[2 * k + 1][n] * of[2 * k + 1][lane];
            }
        }
        for lane in 0..N {
            out[n][lane] = even[lane] + odd[lane];
            out[N - 1 - n][lane] = even[lane] - odd[lane];
        }
    }
    out
}

#[inline(always)]
fn transposed<const N: usize>(of: &[[f32; N]; N]) -> [[f32; N]; N] {
    let mut out = [[0.0; N]; N];
    for (y, row) in of.iter().enumerate() {
        for (x, value) in row.iter().enumerate() {
            out[x][y] = *value;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula of T.81, A.3.3, in doubles.
    fn by_the_standard(coefficients: &[i32; 64]) -> [[f64; 8]; 8] {
        let c = |k: usize| if k == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
        let wave = |n: usize, k: usize| ((2 * n + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0).cos();
        std::array::from_fn(|y| {
            std::array::from_fn(|x| {
                let terms = (0..64).map(|i| {
                    let (v, u) = (i / 8, i % 8);
                    c(u) * c(v) * f64::from(coefficients[i]) * wave(x, u) * wave(y, v)
                });
                (terms.sum::<f64>() / 4.0 + 128.0).clamp(0.0, 255.0)
            })
        })
    }

    /// A block of made-up frequencies, `reach` rows and columns of them.
    fn block(reach: usize) -> [i32; 64] {
        std::array::from_fn(|i| {
            let (v, u) = (i / 8, i % 8);
            if v < reach && u < reach { ((i * 37 % 61) as i32 - 30) * 6 / (1 + u + v) as i32 } else { 0 }
        })
    }

    #[test]
    fn full_blocks_are_those_of_the_standard() {
        let expected = by_the_standard(&block(8));
        for (row, expected) in pixels::<8>(&block(8)).iter().zip(expected) {
            for (pixel, expected) in row.iter().zip(expected) {
                assert!((f64::from(*pixel) - expected).abs() <= 0.51, "{pixel} {expected}");
            }
        }
    }

    #[test]
    fn smaller_blocks_are_nearly_the_means_of_full_ones() {
        fn check<const N: usize>() {
            let full = by_the_standard(&block(2));
            let corner: Vec<i32> = (0..N * N).map(|i| block(2)[i / N * 8 + i % N]).collect();
            let small = pixels::<N>(&corner);
            let side = 8 / N;
            for (y, row) in small.iter().enumerate() {
                for (x, pixel) in row.iter().enumerate() {
                    let within = (0..side * side).map(|i| full[y * side + i / side][x * side + i % side]);
                    let mean = within.sum::<f64>() / (side * side) as f64;
                    assert!((f64::from(*pixel) - mean).abs() < 13.0, "{N}: {pixel} {mean}");
                }
            }
        }
        check::<4>();
        check::<2>();
        check::<1>();
    }

    #[test]
    fn the_order_of_the_file_reaches_every_place_once() {
        let mut places = ZIGZAG;
        places.sort_unstable();
        assert!(places.iter().enumerate().all(|(i, &place)| i == usize::from(place)));
        for side in [1, 2, 4, 8] {
            let within = |&&place: &&u8| usize::from(place / 8) < side && usize::from(place % 8) < side;
            let last = ZIGZAG.iter().rposition(|place| within(&place)).unwrap();
            assert_eq!(last_needed(side), last);
            let inside = corner(side).iter().filter(|&&place| usize::from(place) < side * side).count();
            assert_eq!(inside, side * side);
        }
    }
}
