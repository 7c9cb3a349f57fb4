//! How fast the card is: what a burst waits for is `fsync`, what a picture waits for is the rate.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::doctor::Colour::{Amber, Green, Red};
use crate::doctor::{Check, Finding, Patient};

/// Small writes, each made durable: a burst of three frames is one transaction and some pictures.
const SMALL: usize = 12;
const SMALL_BYTES: usize = 4 << 10;

/// What is written in one go, bytes.
const LARGE: usize = 4 << 20;

/// A slow card's `fsync`, and one that holds a burst up; milliseconds.
const FSYNC_MS: (u64, u64) = (150, 1000);

/// Kilobytes a second: speed class 4 (SD Association) promises 4 MB/s; below 1 MB/s pictures pile up.
const RATE: (u64, u64) = (4000, 1000);

/// The file that is written and removed.
const NAME: &str = ".trapline-doctor";

pub(in crate::doctor) const CHECK: Check = Check {
    name: "speed",
    causes: &[("well", Green), ("slow", Amber), ("too-slow", Red), ("unwritten", Red)],
    hands: false,
    examine,
};

/// What was measured.
struct Measured {
    /// The median and the longest `fsync`.
    fsync: (Duration, Duration),
    /// Kilobytes a second.
    rate: u64,
}

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    if patient.at_home {
        return Vec::new();
    }
    let folder = patient.card();
    let file = folder.join(NAME);
    let measured = measure(&file);
    // Best effort: the next check writes over it.
    let _ = std::fs::remove_file(&file);
    vec![match measured {
        Ok(measured) => judged(check, &measured),
        Err(error) => check.found("unwritten").with("folder", folder.display()).with("why", error),
    }]
}

fn measure(path: &Path) -> io::Result<Measured> {
    let mut file = File::create(path)?;
    // Not zeros, which some cards and file systems do not write.
    let mut bytes = vec![0u8; LARGE];
    fastrand::fill(&mut bytes);
    let mut took = Vec::with_capacity(SMALL);
    for chunk in bytes.chunks(SMALL_BYTES).take(SMALL) {
        let begun = Instant::now();
        file.write_all(chunk)?;
        file.sync_data()?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    let begun = Instant::now();
    file.write_all(&bytes)?;
    file.sync_data()?;
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    let middle = took.get(SMALL / 2).copied().unwrap_or_default();
    let rate = (LARGE as u64).saturating_mul(1000) / micros;
    Ok(Measured { fsync: (middle, took.last().copied().unwrap_or_default()), rate })
}

fn judged(check: &Check, measured: &Measured) -> Finding {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (middle, longest) = (millis(measured.fsync.0), millis(measured.fsync.1));
    let cause = if middle >= FSYNC_MS.1 || measured.rate < RATE.1 {
        "too-slow"
    } else if middle >= FSYNC_MS.0 || longest >= FSYNC_MS.1 || measured.rate < RATE.0 {
        "slow"
    } else {
        "well"
    };
    let fsync = format!("{:.1}", measured.fsync.0.as_secs_f64() * 1e3);
    let rate = format!("{:.1}", measured.rate as f64 / 1000.0);
    check.found(cause).with("fsync", fsync).with("longest", longest).with("rate", rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn slow_cards_have_their_colours() {
        let judged = |fsync: u64, longest: u64, rate| {
            let fsync = (Duration::from_millis(fsync), Duration::from_millis(longest));
            super::judged(&CHECK, &Measured { fsync, rate }).state
        };
        assert_eq!(judged(8, 40, 12_000), Green);
        assert_eq!(judged(8, 1500, 12_000), Amber);
        assert_eq!(judged(200, 400, 12_000), Amber);
        assert_eq!(judged(8, 40, 2000), Amber);
        assert_eq!(judged(8, 40, 500), Red);
        assert_eq!(judged(1200, 2000, 12_000), Red);
    }

    #[test]
    fn the_card_is_measured_and_left_as_it_was() {
        let mut trap = Trap::new();
        let found = trap.ask(&CHECK).remove(0);
        assert_ne!(found.cause, "unwritten", "{found:?}");
        assert!(!trap.path(NAME).exists());
        trap.config.journal.path = "/no/such/folder/trap.db".into();
        assert_eq!(trap.ask(&CHECK)[0].cause, "unwritten");
        trap.at_home = true;
        assert!(trap.ask(&CHECK).is_empty(), "a card at home is only read");
    }
}
