//! The words of the report, in one place.

use super::gather::Site;
use super::{Report, Sun, plot};

pub(super) const TITLE: &str = "Camera-trap report";

pub(super) const SEEN: &str = "What was seen";
pub(super) const SEEN_NOTE: &str = "A person’s label counts before the machine’s word. Only bursts that were judged to show \
animals are counted; what is uncertain waits at the end of this report.";
pub(super) const NOTHING_SEEN: &str = "No animals have been seen.";

pub(super) const PICTURES: &str = "The best picture of each kind";
pub(super) const PICTURES_NOTE: &str = "Of the pictures still on the card, those a person has named come first, then those \
with the highest score. Pictures with people are never shown.";
pub(super) const NO_PICTURES: &str = "No picture of an animal is on the card, or the media folder was not found. Say where it \
is with --media.";

pub(super) const ACTIVITY: &str = "Activity over the day";
pub(super) const NO_ACTIVITY: &str = "There is no record with a known time.";
pub(super) const NO_CURVE: &str = "too few records for a curve";

pub(super) const CALENDAR: &str = "Calendar";
pub(super) const CALENDAR_NOTE: &str =
    "Bursts with animals on each day of watch. A day without a square was not watched.";

pub(super) const ACCUMULATION: &str = "Species accumulation";
pub(super) const ACCUMULATION_NOTE: &str = "Expected number of species over all orders of the days (Mao Tau, exact, without \
dice) with its 95 % band, and the species as they came. A day is a day of one deployment. Only what is identified to \
species counts.";
pub(super) const NO_ACCUMULATION: &str = "There is no curve without a species and two days of watch.";
pub(super) const NO_DAYS: &str = "There are no days with a known date yet.";

pub(super) const EFFORT: &str = "Effort and gaps";
pub(super) const EFFORT_NOTE: &str = "A trap night is 24 hours on watch. A watch that ended without a stop (power cut) counts \
to its last sign of life, at most an hour before it ended; pauses of less than an hour are no gaps.";
pub(super) const NO_EFFORT: &str = "The journals tell no effort: folders of photos have been read, not watched, or the traps’ \
clocks were never set.";

pub(super) const EMPTIES: &str = "Empties, and why the trap fired";
pub(super) const NOT_RECORDED: &str = "The journals do not say who asked for their bursts: they are older than that, or of \
photos from folders.";
pub(super) const FIRED_NOTE: &str = "Every burst by who asked for it. An empty picture of the time-lapse, or one on request, is \
no false alarm: the hours above and what moved below are of the other triggers only. A PIR with a larger share of empties \
than its neighbour looks into sun, leaves or a warm wall.";
pub(super) const EMPTIES_NOTE: &str = "How much of the frame moved between a burst's pictures. Empties in which \
nothing moved point to warmth (sun on ground or leaves) or to animals that were gone before the first picture; empties \
in which much moved point to wind in plants, or to changing light.";
pub(super) const NO_BURSTS: &str = "There are no bursts.";

pub(super) const POWER: &str = "Battery and temperature";
pub(super) const POWER_NOTE: &str = "Hourly readings inside the housing.";
pub(super) const NO_POWER: &str = "The journals hold no readings of battery or temperature.";

pub(super) const UNCERTAIN: &str = "Waiting for eyes";
pub(super) const NO_UNCERTAIN: &str = "No uncertain burst waits.";

pub(super) const ABOUT: &str = "About this report";
pub(super) const NUMBERS: &str = "Numbers behind the figure";

/// The clock of the report.
pub(super) fn clock(sites: &[Site], chosen: bool) -> String {
    let placed = sites.iter().filter(|s| s.coordinates.is_some()).count();
    match (chosen, sites.first()) {
        (true, Some(site)) => format!("UTC{}", site.offset),
        (true, None) => "UTC".to_owned(),
        (false, _) if placed == 0 => {
            "UTC (the deployments have no coordinates; choose with --utc-offset)".to_owned()
        }
        (false, _) if placed == sites.len() => "mean local solar time of each deployment".to_owned(),
        _ => "mean local solar time of each deployment, UTC for those without coordinates".to_owned(),
    }
}

/// What a record is.
pub(super) fn independence(minutes: i64) -> String {
    match minutes {
        0 => "Each burst counts as a record of its own.".to_owned(),
        _ => format!(
            "Bursts of one kind at one deployment that follow each other within {minutes} min are one record."
        ),
    }
}

/// How the curves are made, and when the sun rose and set.
pub(super) fn activity(sun: Option<&Sun>, clock: &str) -> String {
    let curve = format!(
        "Bars: independent records in each hour. Curve: kernel density on the circle (von Mises kernel, bandwidth after \
         Taylor 2008 as in R’s overlap), scaled to records per hour; dashed below {} records, where it is little more \
         than a guess. Time: {clock}.",
        plot::FEW
    );
    let sky = match sun {
        None => {
            " Night is not shown: no deployment has coordinates, or the sun neither rose nor set.".to_owned()
        }
        Some(sun) => {
            let polar = match sun.polar_days {
                0 => String::new(),
                n => format!("; {n} days without sunrise or sunset are left out"),
            };
            format!(
                " Shaded: night, from the mean sunset ({}, from {} to {}) to the mean sunrise ({}, from {} to {}){polar}.",
                plot::clock(sun.set),
                plot::clock(sun.sets.0),
                plot::clock(sun.sets.1),
                plot::clock(sun.rise),
                plot::clock(sun.rises.0),
                plot::clock(sun.rises.1),
            )
        }
    };
    curve + &sky
}

/// `1 burst`, `2 bursts`.
pub(super) fn count(n: impl Into<u64>, one: &str, many: &str) -> String {
    let n = n.into();
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// `12,345`.
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|c| std::str::from_utf8(c).ok()).collect();
    groups.join(",")
}

/// A share as `12 %`, below 1 % with a digit more.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 1.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// What people have looked at.
pub(super) fn labels(report: &Report) -> String {
    let labels = &report.labels;
    match labels.labelled {
        0 => "Nobody has labelled any burst yet: every name is the machine’s word.".to_owned(),
        n => format!(
            "People have labelled {}: {} the machine’s word, {} it.",
            count(n, "burst", "bursts"),
            verb(labels.confirmed, "confirms", "confirm"),
            verb(labels.corrected, "corrects", "correct"),
        ),
    }
}

fn verb(n: u32, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n.into()), if n == 1 { one } else { many })
}

/// What was read, and what could not be.
pub(super) fn journal(note: &super::JournalNote) -> String {
    match (&note.unreadable, note.damaged) {
        (Some(why), _) => format!("could not be read: {why}"),
        (None, 0) => count(note.bursts as u64, "burst", "bursts"),
        (None, damaged) => format!(
            "{}; {} not match {} checksum and {} left out",
            count(note.bursts as u64, "burst", "bursts"),
            count(damaged as u64, "row does", "rows do"),
            if damaged == 1 { "its" } else { "their" },
            if damaged == 1 { "is" } else { "are" },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_readers() {
        assert_eq!([0, 12, 999, 1000, 1234567].map(thousands), ["0", "12", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 0.004, 0.5, 1.0].map(percent), ["0 %", "0.4 %", "50 %", "100 %"]);
        assert_eq!(count(1_u32, "burst", "bursts"), "1 burst");
    }
}
