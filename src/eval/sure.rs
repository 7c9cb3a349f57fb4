//! How far a number measured on a sample can be believed: intervals of 95 %.

/// The standard normal's 97.5 % point.
const Z: f64 = 1.959_963_984_540_054;

/// Samples drawn anew. 1000 give the bounds to about a twentieth of the interval.
const DRAWS: usize = 1000;

/// A measured number with its bounds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Sure {
    /// What was measured.
    pub value: f64,
    /// Lower bound, 95 %.
    pub low: f64,
    /// Upper bound, 95 %.
    pub high: f64,
}

/// The share of `part` in `of` with Wilson's bounds (1927); `None` of nothing.
pub fn share(part: usize, of: usize) -> Option<Sure> {
    if of == 0 {
        return None;
    }
    let (n, p) = (of as f64, part as f64 / of as f64);
    let middle = p + Z * Z / (2.0 * n);
    let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let whole = 1.0 + Z * Z / n;
    Some(Sure {
        value: p,
        low: ((middle - reach) / whole).max(0.0),
        high: ((middle + reach) / whole).min(1.0),
    })
}

/// `measure` of the whole sample, and its percentile bounds over samples drawn anew from each of `groups` (their sizes),
/// each draw being the places taken. The same every time. `None` where a group is empty.
pub fn bootstrap(groups: &[usize], measure: impl Fn(&[Vec<usize>]) -> f64) -> Option<Sure> {
    if groups.contains(&0) {
        return None;
    }
    let all: Vec<Vec<usize>> = groups.iter().map(|n| (0..*n).collect()).collect();
    let mut dice = fastrand::Rng::with_seed(7);
    let mut drawn: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let draw = groups.iter().map(|n| (0..*n).map(|_| dice.usize(..*n)).collect());
            measure(&draw.collect::<Vec<Vec<usize>>>())
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let at =
        |share: f64| drawn.get((share * (DRAWS - 1) as f64).round() as usize).copied().unwrap_or(f64::NAN);
    Some(Sure { value: measure(&all), low: at(0.025), high: at(0.975) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_wilsons_bounds() {
        // Newcombe 1998, table I: 81 of 263 and 15 of 148.
        let near = |sure: Sure, low: f64, high: f64| {
            (sure.low - low).abs() < 1e-4 && (sure.high - high).abs() < 1e-4
        };
        assert!(near(share(81, 263).unwrap(), 0.2553, 0.3662));
        assert!(near(share(15, 148).unwrap(), 0.0624, 0.1605));
        assert_eq!(share(0, 0), None);
    }

    #[test]
    fn draws_of_a_mean_spread_as_statistics_says() {
        // The mean of 400 zeros and ones, half each: standard error 0.025.
        let mean = |draw: &[Vec<usize>]| draw[0].iter().filter(|at| **at % 2 == 0).count() as f64 / 400.0;
        let sure = bootstrap(&[400], mean).unwrap();
        assert_eq!(sure.value, 0.5);
        assert!((sure.low - 0.451).abs() < 0.008 && (sure.high - 0.549).abs() < 0.008, "{sure:?}");
        assert_eq!(bootstrap(&[3, 0], |_| 0.0), None);
    }
}
