//! Chance and noise that come out the same on every platform: integer hashing and plain IEEE arithmetic.
//!
//! The generator and the finaliser are SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
//! generators", OOPSLA 2014: increment 0x9e3779b97f4a7c15, multipliers 0xbf58476d1ce4e5b9 and 0x94d049bb133111eb).
//! Value noise is the usual lattice noise with a smooth-step blend; the lattice hash multiplies by odd constants
//! (the 32-bit primes of xxHash) and folds.

/// One SplitMix64 step over a value: a 64-bit finaliser.
fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed derived from a seed and a label, so that parts of a scene draw from independent streams.
pub(crate) fn mix(seed: u64, label: u64) -> u64 {
    scramble(seed ^ scramble(label.wrapping_add(0x9e37_79b9_7f4a_7c15)))
}

/// A seeded stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// A stream by `seed` and `label` (see [`mix`]).
    pub(crate) fn new(seed: u64, label: u64) -> Self {
        Dice(mix(seed, label))
    }

    /// The next 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// Uniform in 0 ≤ x < 1, in steps of 2⁻²⁴.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / 16_777_216.0
    }

    /// Uniform between `low` and `high`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// About normal with mean 0 and standard deviation 1 (a sum of four uniforms), within ±3.5.
    pub(crate) fn bell(&mut self) -> f32 {
        // The variance of a sum of four uniforms is 4/12: scale by sqrt(3).
        (self.unit() + self.unit() + self.unit() + self.unit() - 2.0) * 1.732_050_8
    }

    /// Uniform over 0..n; 0 for n = 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { (self.bits() % n as u64) as usize }
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Plus or minus one.
    pub(crate) fn sign(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// One of `items`, by weight; the last when rounding leaves none. `items` must not be empty.
    pub(crate) fn weighted<T: Copy>(&mut self, items: &[(T, f32)]) -> T {
        let total: f32 = items.iter().map(|i| i.1).sum();
        let mut left = self.unit() * total;
        for &(item, weight) in items {
            left -= weight;
            if left < 0.0 {
                return item;
            }
        }
        items[items.len() - 1].0
    }
}

/// 32 random bits of a lattice point.
pub(crate) fn lattice(x: i32, y: i32, z: i32, seed: u32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
    h ^= (z as u32).wrapping_mul(0xc2b2_ae3d) ^ seed.wrapping_mul(0x27d4_eb2f);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2c1b_3c6d);
    h ^= h >> 12;
    h = h.wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// 0..1 of a lattice point.
fn corner(x: i32, y: i32, z: i32, seed: u32) -> f32 {
    (lattice(x, y, z, seed) >> 8) as f32 / 16_777_216.0
}

fn ease(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

/// Blend from `a` (t = 0) to `b` (t = 1).
pub(crate) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `low`, 1 above `high`, a smooth step between.
pub(crate) fn smooth(low: f32, high: f32, x: f32) -> f32 {
    ease(((x - low) / (high - low)).clamp(0.0, 1.0))
}

/// Value noise in the plane, 0..1, one feature per unit.
pub(crate) fn noise2(x: f32, y: f32, seed: u32) -> f32 {
    let (fx, fy) = (x.floor(), y.floor());
    let (ix, iy) = (fx as i32, fy as i32);
    let (tx, ty) = (ease(x - fx), ease(y - fy));
    let top = lerp(corner(ix, iy, 0, seed), corner(ix.wrapping_add(1), iy, 0, seed), tx);
    let iy = iy.wrapping_add(1);
    let low = lerp(corner(ix, iy, 0, seed), corner(ix.wrapping_add(1), iy, 0, seed), tx);
    lerp(top, low, ty)
}

/// Value noise in space, 0..1, one feature per unit.
pub(crate) fn noise3(p: [f32; 3], seed: u32) -> f32 {
    let f = p.map(f32::floor);
    let [x, y, z] = f.map(|v| v as i32);
    let (tx, ty, tz) = (ease(p[0] - f[0]), ease(p[1] - f[1]), ease(p[2] - f[2]));
    let row = |y: i32, z: i32| lerp(corner(x, y, z, seed), corner(x.wrapping_add(1), y, z, seed), tx);
    let (y1, z1) = (y.wrapping_add(1), z.wrapping_add(1));
    lerp(lerp(row(y, z), row(y1, z), ty), lerp(row(y, z1), row(y1, z1), ty), tz)
}

/// Distances to the nearest and second nearest of jittered points, one per unit cell, with the nearest one's hash.
///
/// Points keep to the middle of their cells, so the eight cells around `p` are enough.
pub(crate) fn cells(p: [f32; 3], seed: u32) -> (f32, f32, u32) {
    let base = p.map(|v| (v - 0.5).floor());
    let (mut first, mut second, mut id) = (9.0_f32, 9.0_f32, 0);
    for k in 0..8 {
        let c = [base[0] + (k & 1) as f32, base[1] + (k >> 1 & 1) as f32, base[2] + (k >> 2) as f32];
        let h = lattice(c[0] as i32, c[1] as i32, c[2] as i32, seed);
        let part = |shift: u32| 0.22 + 0.56 * ((h >> shift & 0x3ff) as f32 / 1024.0);
        let d = [c[0] + part(0) - p[0], c[1] + part(10) - p[1], c[2] + part(20) - p[2]];
        let d = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
        if d < first {
            (second, first, id) = (first, d, h);
        } else if d < second {
            second = d;
        }
    }
    (first.sqrt(), second.sqrt(), id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_gives_the_published_sequence() {
        // SplitMix64 seeded with 1234567, as listed at Rosetta Code ("Pseudo-random numbers/Splitmix64").
        let mut dice = Dice(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| dice.bits()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn noise_meets_its_lattice_and_stays_in_range() {
        for k in 0..200 {
            let (x, y) = (k as f32 * 0.37 - 30.0, k as f32 * 0.11 - 9.0);
            assert!((0.0..1.0).contains(&noise2(x, y, 7)));
        }
        assert_eq!(noise2(3.0, -2.0, 5), corner(3, -2, 0, 5));
        assert_eq!(noise3([3.0, -2.0, 8.0], 5), corner(3, -2, 8, 5));
    }
}
