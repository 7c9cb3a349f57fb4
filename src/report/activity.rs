//! When in the day: a kernel density on the circle, with the kernel and the bandwidth of R's `overlap`.
//!
//! Kernel: von Mises. Bandwidth: the rule of Taylor (2008, Computational Statistics & Data Analysis 52:3493) as
//! `overlap::getBandWidth` applies it (Ridout & Linkie 2009, J. Agric. Biol. Environ. Stat. 14:322): the largest
//! concentration among those that the first three trigonometric moments suggest.

use std::f64::consts::{PI, TAU};

/// Trigonometric moments tried (`kmax` of `overlap::getBandWidth`).
const MOMENTS: u32 = 3;

/// Range in which a concentration is sought (the limits of `overlap::getBandWidth`).
const CONCENTRATION: (f64, f64) = (0.0001, 345.0);

/// Points of the integral behind a Bessel function. A periodic integrand converges faster than any power: at the
/// highest argument, 2 * 345, its peak still spans 12 of them.
const BESSEL_POINTS: u32 = 2048;

/// Concentration of the kernel for these times, radians; `None` where no moment suggests one (too few, or even).
pub(super) fn bandwidth(times: &[f64]) -> Option<f64> {
    let suggested = (1..=MOMENTS).filter_map(|k| concentration(moment(times, k), k));
    let kappa = suggested.fold(0.0_f64, f64::max);
    if kappa <= 0.0 {
        return None;
    }
    // Both scaled by exp(-2 kappa), which cancels.
    let ratio = scaled_bessel(2.0 * kappa, 2) / scaled_bessel(kappa, 0).powi(2);
    let n = times.len() as f64;
    Some((3.0 * n * kappa.powi(2) * ratio / (4.0 * PI.sqrt())).powf(0.4))
}

/// Density at `angle`, per radian.
pub(super) fn density(times: &[f64], bandwidth: f64, angle: f64) -> f64 {
    let norm = TAU * scaled_bessel(bandwidth, 0) * times.len() as f64;
    times.iter().map(|t| (bandwidth * ((angle - t).cos() - 1.0)).exp()).sum::<f64>() / norm
}

/// The mean direction of angles, 0..2π, and the length of their mean vector, 0..=1.
pub(super) fn mean_direction(angles: &[f64]) -> (f64, f64) {
    let n = (angles.len() as f64).max(1.0);
    let (sin, cos) = angles.iter().fold((0.0, 0.0), |(s, c), a| (s + a.sin(), c + a.cos()));
    (sin.atan2(cos).rem_euclid(TAU), sin.hypot(cos) / n)
}

/// Length of the `k`-th trigonometric moment about the mean direction, 0..=1.
fn moment(times: &[f64], k: u32) -> f64 {
    let (mean, _) = mean_direction(times);
    let turned: Vec<f64> = times.iter().map(|t| f64::from(k) * (t - mean)).collect();
    mean_direction(&turned).1
}

/// The concentration of a von Mises distribution with that `k`-th moment: the root of I_k/I_0 = `moment`, which
/// grows with the concentration.
fn concentration(moment: f64, k: u32) -> Option<f64> {
    let excess = |kappa: f64| scaled_bessel(kappa, k) / scaled_bessel(kappa, 0) - moment;
    let (mut low, mut high) = CONCENTRATION;
    if excess(low) * excess(high) > 0.0 {
        return None;
    }
    // 345 / 2^60 is below the last bit.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if excess(middle) < 0.0 { low = middle } else { high = middle }
    }
    Some(f64::midpoint(low, high))
}

/// exp(-x) I_n(x), the modified Bessel function of the first kind, by its integral (DLMF 10.32.3).
fn scaled_bessel(x: f64, n: u32) -> f64 {
    let sum: f64 = (0..BESSEL_POINTS)
        .map(|i| TAU * f64::from(i) / f64::from(BESSEL_POINTS))
        .map(|t| (x * (t.cos() - 1.0)).exp() * (f64::from(n) * t).cos())
        .sum();
    sum / f64::from(BESSEL_POINTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, wanted: f64) {
        assert!((got - wanted).abs() <= 1e-9 * wanted.abs().max(1e-3), "{got} is not {wanted}");
    }

    #[test]
    fn bessel_functions_are_those_of_the_tables() {
        // SciPy 1.17 `scipy.special.ive(n, x)`.
        close(scaled_bessel(0.5, 0), 0.6450352704491501);
        close(scaled_bessel(2.0, 1), 0.21526928924893765);
        close(scaled_bessel(40.0, 2), 0.06015416842151322);
        close(scaled_bessel(345.0, 3), 0.021207290715074597);
        close(scaled_bessel(690.0, 2), 0.01514622893038616);
    }

    #[test]
    fn bandwidth_and_density_are_those_of_a_second_implementation() {
        // The formulas of `overlap::getBandWidth` in Python with SciPy's `ive` and `brentq`, densities with
        // `scipy.stats.vonmises.pdf`.
        let times = [0.2, 0.4, 6.1, 5.9, 0.05, 1.0, 0.7];
        let kappa = bandwidth(&times).unwrap();
        close(kappa, 9.549544567126778);
        close(density(&times, kappa, 0.3), 0.6389782887251793);
        let times = [1.2, 1.3, 1.1, 4.4, 4.5, 4.6, 4.3, 1.25, 4.45, 0.2];
        let kappa = bandwidth(&times).unwrap();
        close(kappa, 24.518896497985384);
        close(density(&times, kappa, 0.3), 0.1740043278217806);
    }

    #[test]
    fn times_without_a_direction_have_no_bandwidth() {
        assert_eq!(bandwidth(&[]), None);
        // Eight times spread evenly: the first three moments are zero.
        let even: Vec<f64> = (0..8).map(|i| TAU * f64::from(i) / 8.0).collect();
        assert_eq!(bandwidth(&even).filter(|b| *b > 1e-3), None);
    }

    #[test]
    fn a_density_over_the_day_sums_to_one() {
        let times = [0.1, 6.2, 1.0, 3.3];
        let kappa = bandwidth(&times).unwrap();
        let sum: f64 = (0..1440).map(|i| density(&times, kappa, TAU * f64::from(i) / 1440.0)).sum();
        close(sum * TAU / 1440.0, 1.0);
    }
}
