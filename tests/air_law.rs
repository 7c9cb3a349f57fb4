//! Thirty days on the air: whatever happens to the trap, no sliding window exceeds the law.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use trapline::airtime::{Band, Entry, Law, Limit, Now, Region, max_payload, time_on_air, wait};

const SECOND: u64 = 1_000_000;
const DAY: u64 = 86_400 * SECOND;
const SLACK: u64 = 10 * SECOND;

/// Microseconds on the air before `t`; `sent` is start and length in order, `sums` what lies before each.
fn before(sent: &[(u64, u64)], sums: &[u64], t: u64) -> u64 {
    match sent.partition_point(|(start, _)| *start < t) {
        0 => 0,
        n => sums[n - 1] + sent[n - 1].1.min(t - sent[n - 1].0),
    }
}

/// The fullest window, by brute force: it begins with a packet's start or ends with a packet's end.
fn fullest(sent: &[(u64, u64)], window: u64) -> u64 {
    let sums: Vec<u64> = sent
        .iter()
        .scan(0, |sum, (_, length)| {
            *sum += length;
            Some(*sum - length)
        })
        .collect();
    let within = |from: u64| before(sent, &sums, from + window) - before(sent, &sums, from);
    sent.iter().map(|(s, l)| within(*s).max(within((s + l).saturating_sub(window)))).max().unwrap_or(0)
}

/// Thirty days; gives the fullest window of each limit and the share of its budget that was used. `busy`: there is
/// always something to send. `reboots_a_day` is the mean.
fn month(seed: u64, region: Region, limits: &[Limit], busy: bool, reboots_a_day: u64) -> Vec<(u64, f64)> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let law = Law { limits, slack: SLACK };
    let longest = limits.iter().map(|l| l.window).max().unwrap() + SLACK;
    let (mut t, mut boot, mut began, mut known) = (0, 1, 0, false);
    let (mut entries, mut sent): (Vec<Entry>, Vec<(Band, u64, u64)>) = (Vec::new(), Vec::new());
    let mut next_reboot = dice.u64(0..2 * DAY / reboots_a_day);
    let mut dr = 5;
    while t < 30 * DAY {
        if t >= next_reboot {
            (boot, began, known) = (boot + 1, t, dice.bool());
            next_reboot = t + dice.u64(1..2 * DAY / reboots_a_day);
        }
        // The network sets the clock now and then, to a second.
        known |= dice.u8(..) == 0;
        let utc = known.then(|| 1_700_000_000 * SECOND + t + dice.u64(0..SECOND));
        let now = Now { boot, up: t - began, utc };
        entries.retain(|e| e.age(&now) < longest + SECOND);
        if dice.u8(0..20) == 0 {
            dr = dice.u8(0..6);
        }
        let Some(most) = max_payload(region, dr, true) else {
            dr = 2;
            continue;
        };
        let cost = time_on_air(region, dr, dice.usize(0..=most)).unwrap();
        let delay = wait(&law, &entries, &now, Band::Any, cost).unwrap().as_micros() as u64;
        if delay > 0 {
            t = (t + delay).min(next_reboot.max(t + 1));
            continue;
        }
        entries.push(Entry { at: now, band: Band::Any, micros: cost });
        // Written but never sent: the modem refused, or the power was cut before it was asked.
        if dice.u8(0..50) == 0 {
            if dice.u8(0..50) == 0 {
                next_reboot = t;
            }
            continue;
        }
        let start = t + dice.u64(0..SLACK - 2 * SECOND - cost.min(7 * SECOND));
        let band = *dice.choice(&[Band::Eu865, Band::Eu868]).unwrap();
        sent.push((band, start, cost));
        t = start + cost + if busy { 0 } else { dice.u64(0..600 * SECOND) };
    }
    let judge = |limit: &Limit| {
        let here: Vec<_> = sent
            .iter()
            .filter(|s| limit.band == Band::Any || s.0 == limit.band)
            .map(|s| (s.1, s.2))
            .collect();
        let total: u64 = sent.iter().map(|s| s.2).sum();
        (
            fullest(&here, limit.window),
            total as f64 / (limit.budget as f64 * (30 * DAY) as f64 / limit.window as f64),
        )
    };
    limits.iter().map(judge).collect()
}

#[test]
fn no_window_of_thirty_days_exceeds_the_law() {
    let mut shares = Vec::new();
    for seed in 0..3 {
        for (region, limits) in [
            (Region::Eu868, Limit::EU868.to_vec()),
            (Region::As923, vec![Limit::AS923]),
            (Region::Us915, vec![Limit::FAIR_USE]),
            (Region::Au915, vec![Limit::FAIR_USE]),
        ] {
            for (busy, reboots) in [(true, 1), (true, 24), (false, 4)] {
                for (limit, (most, share)) in limits.iter().zip(month(seed, region, &limits, busy, reboots)) {
                    assert!(most <= limit.budget, "{region:?} seed {seed}: {most} of {}", limit.budget);
                    println!("{region:?} seed {seed} busy {busy} reboots/day {reboots}: share {share:.3}");
                    if busy && reboots == 1 && limit.window < DAY {
                        shares.push(share);
                    }
                }
            }
        }
    }
    // The budget is not wasted: with a reboot a day a busy trap uses most of what the law gives.
    assert!(shares.iter().all(|share| *share > 0.8), "{shares:?}");
}

#[test]
fn the_check_finds_a_window_that_is_too_full() {
    let sent = [(0, 10), (95, 10), (200, 5)];
    assert_eq!(fullest(&sent, 100), 15);
    assert_eq!(fullest(&sent, 105), 20);
}
