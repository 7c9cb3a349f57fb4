//! How many species so many days show: the exact expectation over all orders of the days (Mao Tau).
//!
//! Colwell, Mao & Chang 2004, Ecology 85:2717: the expectation (their equation 5) and its unconditional variance
//! (equation 6), with Chao2 for the species that are there (bias-corrected; EstimateS user's guide, appendix B).
//! No dice are thrown, so the same journals give the same curve.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Half the width of a 95 % interval in standard deviations of a normal distribution.
const Z95: f64 = 1.959_964;

/// Species against days of watch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Accumulation {
    /// Days of watch, summed over the deployments.
    pub days: usize,
    /// Species seen.
    pub species: usize,
    /// Chao2: species that are there, seen or not; at least so many.
    pub estimate: f64,
    /// Expected species after 1, 2, … days, any order of days being as likely.
    pub expected: Vec<f64>,
    /// Standard deviation of each.
    pub deviation: Vec<f64>,
    /// Species seen after 1, 2, … days, as the days came.
    pub observed: Vec<usize>,
}

impl Accumulation {
    /// The 95 % band at the `i`-th day.
    pub fn band(&self, i: usize) -> (f64, f64) {
        let at = |values: &[f64]| values.get(i).copied().unwrap_or_default();
        let (mean, spread) = (at(&self.expected), Z95 * at(&self.deviation));
        ((mean - spread).max(0.0), mean + spread)
    }
}

/// From the species of each day, in the order of the days.
pub(super) fn accumulation(days: &[BTreeSet<String>]) -> Accumulation {
    let total = days.len();
    let mut incidence: BTreeMap<&str, usize> = BTreeMap::new();
    let mut observed = Vec::with_capacity(total);
    for day in days {
        for name in day {
            *incidence.entry(name).or_default() += 1;
        }
        observed.push(incidence.len());
    }
    let on = |j: usize| incidence.values().filter(|n| **n == j).count() as f64;
    let estimate = chao2(incidence.len(), total, on(1), on(2));
    let logs = log_factorials(total);
    let mut expected = Vec::with_capacity(total);
    let mut deviation = Vec::with_capacity(total);
    for h in 1..=total {
        let seen = incidence.values().map(|&j| 1.0 - missed(&logs, total, h, j));
        let (sum, squares) = seen.fold((0.0, 0.0), |(sum, squares), p| (sum + p, squares + p * p));
        expected.push(sum);
        let variance = if estimate > 0.0 { squares - sum * sum / estimate } else { 0.0 };
        deviation.push(variance.max(0.0).sqrt());
    }
    Accumulation { days: total, species: incidence.len(), estimate, expected, deviation, observed }
}

/// Probability that a species seen on `j` of `total` days is on none of `h` days drawn from them.
fn missed(logs: &[f64], total: usize, h: usize, j: usize) -> f64 {
    let log = |n: usize| logs.get(n).copied().unwrap_or_default();
    match total.checked_sub(h + j) {
        Some(rest) => (log(total - h) + log(total - j) - log(rest) - log(total)).exp(),
        None => 0.0,
    }
}

/// ln n! for 0..=n.
fn log_factorials(n: usize) -> Vec<f64> {
    let sums = (1..=n).scan(0.0, |sum, i| {
        *sum += (i as f64).ln();
        Some(*sum)
    });
    std::iter::once(0.0).chain(sums).collect()
}

fn chao2(species: usize, days: usize, once: f64, twice: f64) -> f64 {
    let share = if days > 0 { (days as f64 - 1.0) / days as f64 } else { 0.0 };
    species as f64 + share * once * (once - 1.0) / (2.0 * (twice + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(text: &[&str]) -> Vec<BTreeSet<String>> {
        text.iter().map(|day| day.split_whitespace().map(str::to_owned).collect()).collect()
    }

    /// Every order of `days`, by Heap's algorithm.
    fn orders(days: &mut Vec<BTreeSet<String>>, k: usize, all: &mut Vec<Vec<BTreeSet<String>>>) {
        if k <= 1 {
            all.push(days.clone());
            return;
        }
        for i in 0..k {
            orders(days, k - 1, all);
            let other = if k.is_multiple_of(2) { i } else { 0 };
            days.swap(other, k - 1);
        }
    }

    #[test]
    fn the_curve_is_the_mean_over_every_order_of_days() {
        let mut seen = days(&["roe fox", "", "roe", "roe hare", "lynx", "roe fox"]);
        let curve = accumulation(&seen);
        let mut all = Vec::new();
        orders(&mut seen, 6, &mut all);
        assert_eq!(all.len(), 720);
        for h in 1..=6 {
            let sum: usize = all.iter().map(|o| o[..h].iter().flatten().collect::<BTreeSet<_>>().len()).sum();
            assert!((curve.expected[h - 1] - sum as f64 / 720.0).abs() < 1e-9, "after {h} days");
        }
        assert_eq!(curve.observed, [2, 2, 2, 3, 4, 4]);
        // By hand: once hare, lynx; twice fox: 4 + 5/6 * 2 * 1 / (2 * 2).
        assert!((curve.estimate - (4.0 + 5.0 / 12.0)).abs() < 1e-12);
        // At the end the variance is S - S²/estimate.
        let end = (4.0 - 16.0 / curve.estimate).sqrt();
        assert!((curve.deviation[5] - end).abs() < 1e-9);
    }

    #[test]
    fn no_days_and_no_species_are_an_empty_curve() {
        assert_eq!(accumulation(&[]).expected, Vec::<f64>::new());
        let nothing = accumulation(&days(&["", ""]));
        assert_eq!((nothing.expected, nothing.deviation), (vec![0.0, 0.0], vec![0.0, 0.0]));
    }
}
