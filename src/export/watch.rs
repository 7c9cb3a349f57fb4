//! When a trap stood watch: spells from the rows of effort, and what they add up to.
//!
//! The journal gets a row at every start, once an hour, and at an orderly stop. Between two rows of one boot the
//! daemon was at work. A boot without a stop ended some time after its last sign of life, at most an hour later by
//! the pace of the heartbeat; here it ends with that sign, so that effort is never claimed that was not made.
//!
//! A trap whose sensor switches the machine on stands watch while the machine is off: from the row that hands over to
//! the next start, if that came in time ([`HANDED_OVER`]). One that came too late was without power, from when nobody
//! knows; then nothing of the time between is claimed.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::record::StoredEffort;
use crate::store::{EffortKind, HANDED_OVER};
use crate::units::ClockQuality;

/// A step of the clock by more than this, where its quality changed, is the clock being set and not time that passed:
/// twice the pace of the heartbeat (an hour).
pub const CLOCK_STEP: TimeDelta = TimeDelta::hours(2);

/// Downtime longer than this begins a new deployment: the default of camtrapR's `readcamtrapDP(min_gap_hours)`.
pub const DOWNTIME: TimeDelta = TimeDelta::hours(24);

/// A spell of watch within one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// The boot it belongs to.
    pub boot: u32,
    /// Its first sign of life.
    pub from: DateTime<Utc>,
    /// Its stop, or its last sign of life; not before `from`.
    pub until: DateTime<Utc>,
    /// Whether its times can be believed. False as long as the clock was never set, and before a step of more than
    /// [`CLOCK_STEP`] that set it right: the length of such a spell holds, its dates do not.
    pub timed: bool,
    /// It ended without a stop: power cut, kill or crash.
    pub cut: bool,
}

impl Watch {
    /// How long it lasted; never negative.
    pub fn length(&self) -> TimeDelta {
        self.until - self.from
    }
}

/// A sign of life: a row of effort or a burst.
#[derive(Debug, Clone, Copy)]
struct Sign {
    at: DateTime<Utc>,
    clock: ClockQuality,
    stop: bool,
    handover: bool,
}

/// The spells of watch of one deployment in one journal, ordered by boot and by recording.
///
/// `effort`: the rows of the deployment's boots, in the order of recording. `bursts`: boot, time and clock of its
/// bursts, in the same order; a burst after the last row of a boot is a later sign of life. A boot without a row of
/// effort (its rows were damaged) is known by its bursts alone. Where a clock was set during a boot, or ran backwards,
/// the spell is split there.
pub fn watches(
    effort: &[StoredEffort],
    bursts: impl IntoIterator<Item = (u32, DateTime<Utc>, ClockQuality)>,
) -> Vec<Watch> {
    let mut boots: BTreeMap<u32, (Vec<Sign>, Vec<Sign>)> = BTreeMap::new();
    for row in effort {
        let handover = row.kind == EffortKind::Handover;
        let sign =
            Sign { at: row.at, clock: row.clock, stop: handover || row.kind == EffortKind::Stop, handover };
        boots.entry(row.boot).or_default().0.push(sign);
    }
    for (boot, at, clock) in bursts {
        boots.entry(boot).or_default().1.push(Sign { at, clock, stop: false, handover: false });
    }
    let mut spells = Vec::new();
    let mut before: Option<Sign> = None;
    for (boot, (rows, bursts)) in boots {
        if let (Some(last), Some(first)) = (before.filter(|last| last.handover), rows.first()) {
            spells.extend(alone(boot, last, *first));
        }
        before = rows.last().copied();
        spells.extend(of_boot(boot, &rows, &bursts));
    }
    spells
}

/// The watch of the sensor alone, between a hand-over and the start `first` of the boot after it.
fn alone(boot: u32, last: Sign, first: Sign) -> Option<Watch> {
    let set = |sign: Sign| sign.clock != ClockQuality::Unset;
    let off = first.at - last.at;
    let in_time = (TimeDelta::zero()..=TimeDelta::seconds(HANDED_OVER)).contains(&off);
    let timed = set(last) && set(first);
    (in_time && timed).then_some(Watch { boot, from: last.at, until: first.at, timed, cut: false })
}

fn of_boot(boot: u32, rows: &[Sign], bursts: &[Sign]) -> Vec<Watch> {
    let mut spells: Vec<Watch> = Vec::new();
    let mut before: Option<Sign> = None;
    for sign in if rows.is_empty() { bursts } else { rows } {
        match (spells.last_mut(), before) {
            // After a stop the watch began anew: what lies between was a rest.
            (Some(spell), Some(last)) if !last.stop && !stepped(last, *sign) => spell.until = sign.at,
            (last, stopped) => {
                if let Some(spell) = last.filter(|_| stopped.is_none_or(|sign| !sign.stop)) {
                    // The clock was wrong until here, unless it was set back by little.
                    let back = spell.until - sign.at;
                    spell.timed &= (TimeDelta::zero()..=CLOCK_STEP).contains(&back);
                }
                let timed = sign.clock != ClockQuality::Unset;
                spells.push(Watch { boot, from: sign.at, until: sign.at, timed, cut: false });
            }
        }
        before = Some(*sign);
    }
    let stopped = rows.last().is_some_and(|sign| sign.stop);
    if let (Some(last), Some(quality)) = (spells.last_mut(), before.map(|sign| sign.clock)) {
        last.cut = !stopped;
        let later = bursts.iter().filter(|b| b.clock == quality && !stopped).map(|b| b.at);
        last.until = later.fold(last.until, DateTime::max);
    }
    spells
}

/// Whether the clock was set between two signs of one boot.
fn stepped(before: Sign, sign: Sign) -> bool {
    let unset = |sign: Sign| sign.clock == ClockQuality::Unset;
    unset(before) != unset(sign)
        || sign.at < before.at
        || (before.clock != sign.clock && sign.at - before.at > CLOCK_STEP)
}

/// Spells that overlap or touch as one, in the order of time, as begin and end; those without believable times are
/// left out. What a trap did twice by its clock counts once.
pub fn merged(watches: &[Watch]) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    spans(watches, TimeDelta::zero())
}

/// Stretches of time between which there was more than `downtime` without a watch, in order, as begin and end; spells
/// without believable times are left out.
pub fn spans(watches: &[Watch], downtime: TimeDelta) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut known: Vec<_> = watches.iter().filter(|w| w.timed).map(|w| (w.from, w.until)).collect();
    known.sort();
    let mut spans: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for (from, until) in known {
        match spans.last_mut() {
            Some(last) if from - last.1 <= downtime => last.1 = last.1.max(until),
            _ => spans.push((from, until)),
        }
    }
    spans
}

/// How much of `from..until` the stretches cover. They must not overlap: those of [`merged`] do not.
pub fn covered(
    stretches: &[(DateTime<Utc>, DateTime<Utc>)],
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> TimeDelta {
    let shared = stretches.iter().map(|s| s.1.min(until) - s.0.max(from));
    shared.filter(|shared| *shared > TimeDelta::zero()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Effort;
    use EffortKind::{Handover, Heartbeat, Start, Stop};

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}:00Z").parse().unwrap()
    }

    fn row(boot: u32, kind: EffortKind, time: &str, clock: ClockQuality) -> StoredEffort {
        StoredEffort { boot, at: at(time), clock, kind, effort: Effort::default() }
    }

    fn rtc(boot: u32, kind: EffortKind, time: &str) -> StoredEffort {
        row(boot, kind, time, ClockQuality::Rtc)
    }

    fn told(watches: &[Watch]) -> Vec<(String, String, bool, bool)> {
        let time = |t: DateTime<Utc>| t.format("%m-%dT%H:%M").to_string();
        watches.iter().map(|w| (time(w.from), time(w.until), w.timed, w.cut)).collect()
    }

    fn spell(from: &str, until: &str, timed: bool, cut: bool) -> (String, String, bool, bool) {
        (from.to_owned(), until.to_owned(), timed, cut)
    }

    #[test]
    fn a_watch_ends_with_its_stop_or_with_its_last_sign_of_life() {
        let rows = [
            rtc(1, Start, "2026-05-01T20:00"),
            rtc(1, Heartbeat, "2026-05-01T21:00"),
            rtc(1, Stop, "2026-05-01T21:30"),
            rtc(2, Start, "2026-05-03T06:00"),
            rtc(2, Heartbeat, "2026-05-03T07:00"),
        ];
        let none = std::iter::empty();
        let expected = [
            spell("05-01T20:00", "05-01T21:30", true, false),
            spell("05-03T06:00", "05-03T07:00", true, true),
        ];
        assert_eq!(told(&watches(&rows, none)), expected);
        // A burst before the cut is a later sign of life; one of another boot is not.
        let bursts =
            [(1, at("2026-05-01T20:10"), ClockQuality::Rtc), (2, at("2026-05-03T07:40"), ClockQuality::Rtc)];
        let found = watches(&rows, bursts);
        assert_eq!(told(&found)[1], spell("05-03T06:00", "05-03T07:40", true, true));
        assert_eq!(found[1].length(), TimeDelta::minutes(100));
    }

    #[test]
    fn a_rest_within_one_boot_is_no_watch() {
        let rows = [
            rtc(1, Start, "2026-05-01T20:00"),
            rtc(1, Stop, "2026-05-02T06:00"),
            rtc(1, Start, "2026-05-02T20:00"),
            rtc(1, Heartbeat, "2026-05-02T21:00"),
        ];
        let expected = [
            spell("05-01T20:00", "05-02T06:00", true, false),
            spell("05-02T20:00", "05-02T21:00", true, true),
        ];
        assert_eq!(told(&watches(&rows, [])), expected);
        // The clock was set back by hours while it rested: both spells have their times.
        let rows = [
            rtc(1, Start, "2026-05-01T20:00"),
            rtc(1, Stop, "2026-05-02T06:00"),
            row(1, Start, "2026-05-02T01:00", ClockQuality::Gps),
        ];
        assert!(watches(&rows, []).iter().all(|w| w.timed));
    }

    #[test]
    fn a_sensor_that_switches_the_machine_on_stands_watch_alone_as_long_as_it_is_proved() {
        let rows = [
            rtc(1, Start, "2026-05-01T20:00"),
            rtc(1, Handover, "2026-05-01T20:01"),
            rtc(2, Start, "2026-05-02T20:01"),
            rtc(2, Handover, "2026-05-02T20:02"),
            // Two days later: the battery was empty in between.
            rtc(3, Start, "2026-05-04T20:02"),
            rtc(3, Handover, "2026-05-04T20:03"),
        ];
        let found = watches(&rows, []);
        let expected = [
            (at("2026-05-01T20:00"), at("2026-05-02T20:02")),
            (at("2026-05-04T20:02"), at("2026-05-04T20:03")),
        ];
        assert_eq!(merged(&found), expected);
        assert!(found.iter().all(|w| !w.cut));
    }

    #[test]
    fn hours_before_the_clock_was_set_have_a_length_and_no_date() {
        let rows = [
            row(1, Start, "1970-01-01T00:01", ClockQuality::Unset),
            row(1, Heartbeat, "1970-01-01T01:01", ClockQuality::Unset),
            row(1, Heartbeat, "2026-05-01T12:00", ClockQuality::Network),
            row(1, Stop, "2026-05-01T14:00", ClockQuality::Network),
        ];
        let found = watches(&rows, []);
        let expected = [
            spell("01-01T00:01", "01-01T01:01", false, false),
            spell("05-01T12:00", "05-01T14:00", true, false),
        ];
        assert_eq!(told(&found), expected);
        assert_eq!(found[0].length(), TimeDelta::hours(1));
        assert_eq!(merged(&found), [(at("2026-05-01T12:00"), at("2026-05-01T14:00"))]);
    }

    #[test]
    fn a_clock_that_was_years_off_is_not_taken_for_years_of_watch() {
        let rows = [
            rtc(1, Start, "2020-01-01T00:00"),
            rtc(1, Heartbeat, "2020-01-01T01:00"),
            row(1, Heartbeat, "2026-05-01T12:00", ClockQuality::Gps),
        ];
        let expected = [
            spell("01-01T00:00", "01-01T01:00", false, false),
            spell("05-01T12:00", "05-01T12:00", true, true),
        ];
        assert_eq!(told(&watches(&rows, [])), expected);
        // Set back by a quarter of an hour: two spells that overlap, counted once.
        let rows = [
            rtc(1, Start, "2026-05-01T10:00"),
            rtc(1, Heartbeat, "2026-05-01T11:00"),
            row(1, Heartbeat, "2026-05-01T10:45", ClockQuality::Gps),
            row(1, Stop, "2026-05-01T11:30", ClockQuality::Gps),
        ];
        let found = watches(&rows, []);
        assert_eq!(found.len(), 2);
        assert_eq!(merged(&found), [(at("2026-05-01T10:00"), at("2026-05-01T11:30"))]);
        // Heartbeats that a full card did not take: the daemon was at work all the same.
        let rows = [rtc(1, Start, "2026-05-01T10:00"), rtc(1, Stop, "2026-05-03T10:00")];
        assert_eq!(told(&watches(&rows, [])), [spell("05-01T10:00", "05-03T10:00", true, false)]);
    }

    #[test]
    fn a_pause_of_more_than_a_day_parts_two_deployments() {
        let rows = [
            rtc(1, Start, "2026-05-01T00:00"),
            rtc(1, Stop, "2026-05-02T00:00"),
            rtc(2, Start, "2026-05-03T00:00"),
            rtc(2, Stop, "2026-05-04T00:00"),
            rtc(3, Start, "2026-05-05T00:01"),
            rtc(3, Stop, "2026-05-06T00:00"),
        ];
        let found = watches(&rows, []);
        let expected = [
            (at("2026-05-01T00:00"), at("2026-05-04T00:00")),
            (at("2026-05-05T00:01"), at("2026-05-06T00:00")),
        ];
        assert_eq!(spans(&found, DOWNTIME), expected);
        let day = covered(&merged(&found), at("2026-05-01T12:00"), at("2026-05-03T06:00"));
        assert_eq!(day, TimeDelta::hours(18));
    }
}
