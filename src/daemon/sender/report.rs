//! What the trap says of itself: health, the day's digest, what was lost.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Days, TimeDelta, Timelike, Utc};

use crate::event::{
    Code, Codebook, Digest, DigestLine, EPOCH, Health, Lost, Outcome, Power, Reset, Sighting, When,
};
use crate::hal::{Gauges, Strain};
use crate::store::record::{Stored, StoredEffort};
use crate::store::{EXPIRED, Effort, EffortKind, Filter, HANDED_OVER, JournalError, Outbox, Reading, Supply};
use crate::units::ClockQuality;

/// Counter of messages that no uplink would take.
pub const REFUSED: &str = "sender.refused";
/// Counter of commands that were not carried out.
pub const COMMANDS: &str = "sender.commands_refused";
/// Counter of bursts that could not be journaled.
pub const BURSTS_LOST: &str = "daemon.bursts_lost";
/// Counter of bursts that were kept unjudged because the battery was low.
pub const UNJUDGED: &str = "power.unjudged";
/// Counter of the times that the trap stayed awake because its alarm could not be verified.
pub const UNVERIFIED: &str = "power.unverified";
/// Under this name the journal keeps the sums of effort at the last health message.
const TOLD: &str = "sender.effort_told";
/// Under this name the journal keeps the boot in which a restart was ordered.
pub(super) const ORDERED: &str = "sender.reboot_ordered";

/// Sums over all effort rows, in the order triggers, empties, suppressed, failed.
type Sums = [u64; 4];

/// The moment of a report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// By the trap's clock.
    pub utc: DateTime<Utc>,
    /// Its quality.
    pub quality: ClockQuality,
    /// This start.
    pub boot: u32,
    /// Seconds since this start.
    pub uptime: u32,
}

impl Moment {
    fn when(&self) -> When {
        match self.quality {
            ClockQuality::Unset => When::SinceBoot { seconds: self.uptime },
            quality => When::Utc { seconds: self.utc.timestamp(), quality },
        }
    }
}

/// A health message; the counts since the last one are taken over by [`told`] once it is queued.
pub(super) fn health(
    outbox: &Outbox,
    now: &Moment,
    names: &[String],
    gauges: &dyn Gauges,
) -> Result<Health, JournalError> {
    let [triggers, empties, suppressed, failed] = since_told(outbox)?;
    Ok(Health {
        at: now.when(),
        boot: now.boot,
        next: outbox.next_number()?,
        codebook: Codebook::new(names).map_or(0, |book| book.hash()),
        uptime: now.uptime,
        reset: reset(outbox, now.boot)?,
        version: version(),
        battery: gauges.battery(),
        temperature: gauges.temperature(),
        card_free: card_free(outbox.path()),
        triggers,
        empties,
        suppressed,
        failed,
        waiting: outbox.backlog()?,
    })
}

/// What health has no room for, where there is anything of it.
pub(super) fn power(
    outbox: &Outbox,
    now: &Moment,
    gauges: &dyn Gauges,
) -> Result<Option<Power>, JournalError> {
    let (unjudged, unverified) = (counter(outbox, UNJUDGED)?, counter(outbox, UNVERIFIED)?);
    let supply = supply(gauges);
    if supply == Supply::default() && unjudged == 0 && unverified == 0 {
        return Ok(None);
    }
    Ok(Some(Power {
        at: now.when(),
        boot: now.boot,
        next: outbox.next_number()?,
        percent: supply.percent,
        milliamps: supply.milliamps,
        strain: supply.strain,
        lux: supply.lux,
        failures: supply.failures,
        unjudged,
        unverified,
    }))
}

/// A counter as messages tell it.
fn counter(outbox: &Outbox, key: &str) -> Result<u32, JournalError> {
    Ok(u32::try_from(outbox.counter(key)?).unwrap_or(u32::MAX))
}

fn supply(gauges: &dyn Gauges) -> Supply {
    let charge = gauges.charge().unwrap_or_default();
    Supply {
        percent: charge.percent,
        milliamps: charge.milliamps,
        strain: gauges.strain().map(bits),
        lux: gauges.light().map(|lux| lux.round() as u32),
        failures: u32::try_from(gauges.failures()).unwrap_or(u32::MAX),
    }
}

fn bits(strain: Strain) -> u8 {
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    bit(strain.under_voltage, Power::UNDER_VOLTAGE)
        | bit(strain.under_voltage_before, Power::UNDER_VOLTAGE_BEFORE)
        | bit(strain.throttled, Power::THROTTLED)
        | bit(strain.throttled_before, Power::THROTTLED_BEFORE)
}

/// How the trap fares just now.
pub(super) fn reading(outbox: &Outbox, now: &Moment, gauges: &dyn Gauges) -> Reading {
    Reading {
        boot: now.boot,
        at: now.utc,
        clock: now.quality,
        battery: gauges.battery(),
        temperature: gauges.temperature(),
        card_free: card_free(outbox.path()),
        supply: supply(gauges),
    }
}

/// Remembers that everything up to now stands in a health message.
pub(super) fn told(outbox: &mut Outbox) -> Result<(), JournalError> {
    let sums = sums(outbox)?;
    match serde_json::to_vec(&sums) {
        Ok(bytes) => outbox.put_state(TOLD, &bytes),
        Err(_) => Ok(()),
    }
}

fn since_told(outbox: &Outbox) -> Result<[u32; 4], JournalError> {
    let before: Sums =
        outbox.state(TOLD)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let now = sums(outbox)?;
    let mut since = [0; 4];
    for ((out, now), before) in since.iter_mut().zip(now).zip(before) {
        *out = u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX);
    }
    Ok(since)
}

fn sums(outbox: &Outbox) -> Result<Sums, JournalError> {
    let rows = outbox.reader().effort()?.items;
    Ok(rows.iter().fold([0; 4], |[t, e, s, f], row| {
        let Effort { triggers, empties, suppressed, failed_captures, .. } = row.effort;
        [
            t + u64::from(triggers),
            e + u64::from(empties),
            s + u64::from(suppressed),
            f + u64::from(failed_captures),
        ]
    }))
}

/// Why this boot began: a restart of the program goes on in the same kernel boot.
fn reset(outbox: &Outbox, boot: u32) -> Result<Reset, JournalError> {
    let Some(before) = boot.checked_sub(1).filter(|b| *b > 0) else { return Ok(Reset::Unknown) };
    let ordered = outbox.state(ORDERED)?.is_some_and(|bytes| bytes == before.to_le_bytes());
    if ordered {
        return Ok(Reset::Command);
    }
    Ok(match (outbox.boot(boot)?, outbox.boot(before)?) {
        (Some((_, now)), Some((_, then))) if !now.is_empty() => {
            if now == then {
                Reset::Program
            } else {
                Reset::Power
            }
        }
        _ => Reset::Unknown,
    })
}

fn version() -> [u8; 3] {
    let mut parts = env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse().unwrap_or(0));
    [parts.next().unwrap_or(0), parts.next().unwrap_or(0), parts.next().unwrap_or(0)]
}

/// Free space where the journal lies, percent.
fn card_free(journal: &Path) -> Option<u8> {
    let folder = journal.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let card = rustix::fs::statvfs(folder).ok()?;
    let percent = card.f_bavail.saturating_mul(100).checked_div(card.f_blocks)?;
    u8::try_from(percent.min(100)).ok()
}

/// What was lost over the life of the trap.
pub(super) fn lost(outbox: &Outbox) -> Result<Lost, JournalError> {
    let captures = sums(outbox)?[3];
    Ok(Lost {
        expired: counter(outbox, EXPIRED)?,
        refused: counter(outbox, REFUSED)?,
        bursts: counter(outbox, BURSTS_LOST)?,
        captures: u32::try_from(captures).unwrap_or(u32::MAX),
        damaged: 0,
        commands: counter(outbox, COMMANDS)?,
    })
}

/// The UTC day that a digest is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    /// Its first moment.
    pub from: DateTime<Utc>,
    /// The first moment of the next.
    pub until: DateTime<Utc>,
    /// Days since 2024-01-01.
    pub number: u16,
}

impl Day {
    /// The day that `at` lies in; `None` before 2024 and after 2203.
    pub fn of(at: DateTime<Utc>) -> Option<Day> {
        let from = at.date_naive().and_hms_opt(0, 0, 0)?.and_utc();
        let number = u16::try_from((from.timestamp() - EPOCH).div_euclid(86_400)).ok()?;
        Some(Day { from, until: from.checked_add_days(Days::new(1))?, number })
    }

    /// The day that a digest will count an event to; `None` where its time is not known.
    pub fn of_event(event: &Sighting) -> Option<Day> {
        match event.clock {
            ClockQuality::Unset => None,
            _ => Day::of(DateTime::from_timestamp(event.at, 0)?),
        }
    }

    /// The day before.
    pub fn before(self) -> Option<Day> {
        Day::of(self.from - TimeDelta::hours(12))
    }

    /// `2026-11-25`.
    pub fn name(&self) -> String {
        self.from.format("%Y-%m-%d").to_string()
    }
}

/// The head of a day's digest and its lines, the commonest species first.
pub(super) fn digest(
    outbox: &Outbox,
    day: &Day,
    code: &dyn Fn(Outcome, &str) -> Code,
) -> Result<(Digest, Vec<DigestLine>), JournalError> {
    let filter = Filter { since: Some(day.from), until: Some(day.until), ..Filter::default() };
    let bursts = outbox.reader().events(&filter)?.items;
    let folded = outbox.folded(day.from, day.until)?;
    let mut lines: BTreeMap<Code, DigestLine> = BTreeMap::new();
    let mut empties = 0u16;
    for stored in &bursts {
        empties = empties.saturating_add((stored.burst.outcome == Outcome::Empty).into());
        tell(stored, &folded, code, &mut lines);
    }
    let mut lines: Vec<DigestLine> = lines.into_values().collect();
    lines.sort_by_key(|line| (std::cmp::Reverse(line.events), line.code));
    let head = Digest {
        day: day.number,
        part: 0,
        parts: 1,
        effort: effort(&outbox.reader().effort()?.items, day),
        triggers: u16::try_from(bursts.len()).unwrap_or(u16::MAX),
        empties,
        lines: heapless::Vec::new(),
    };
    Ok((head, lines))
}

fn tell(
    stored: &Stored,
    folded: &[u32],
    code: &dyn Fn(Outcome, &str) -> Code,
    lines: &mut BTreeMap<Code, DigestLine>,
) {
    let burst = &stored.burst;
    for (seen, event) in burst.observations.iter().zip(&stored.events) {
        let code = code(burst.outcome, &seen.taxon);
        let line = lines.entry(code).or_insert(DigestLine { code, hours: 0, events: 0, folded: 0 });
        line.hours |= 1 << burst.triggered.hour().min(23);
        line.events = line.events.saturating_add(1);
        line.folded = line.folded.saturating_add(folded.contains(&event.key.number).into());
    }
}

/// Minutes of a day that the trap stood watch: from each start to the last row before the next one, and to the next
/// start where the machine was handed over to its sensor.
fn effort(rows: &[StoredEffort], day: &Day) -> u16 {
    let mut watches: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    let mut handed: Option<DateTime<Utc>> = None;
    for row in rows {
        if row.kind == EffortKind::Start {
            let in_time = |since: &DateTime<Utc>| (row.at - *since).num_seconds() <= HANDED_OVER;
            watches.push((handed.filter(in_time).map_or(row.at, |since| since.min(row.at)), row.at));
        } else if let Some(watch) = watches.last_mut() {
            watch.1 = watch.1.max(row.at);
        }
        handed = (row.kind == EffortKind::Handover).then_some(row.at);
    }
    let minutes: i64 = watches
        .iter()
        .map(|(from, until)| (*until.min(&day.until) - *from.max(&day.from)).num_minutes().max(0))
        .sum();
    u16::try_from(minutes.min(1440)).unwrap_or(1440)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn days_count_from_2024() {
        let day = Day::of(at("2024-01-03T23:59:59Z")).unwrap();
        assert_eq!((day.number, day.name().as_str()), (2, "2024-01-03"));
        assert_eq!(day.before().unwrap().number, 1);
        assert_eq!(Day::of(at("1970-01-01T05:00:00Z")), None, "a clock that was never set has no days");
    }

    #[test]
    fn effort_is_the_part_of_each_watch_within_the_day() {
        let row = |boot, kind, time: &str| StoredEffort {
            boot,
            at: at(time),
            clock: ClockQuality::Rtc,
            kind,
            effort: Effort::default(),
        };
        let rows = [
            row(1, EffortKind::Start, "2026-05-01T20:00:00Z"),
            row(1, EffortKind::Heartbeat, "2026-05-02T06:00:00Z"),
            row(2, EffortKind::Start, "2026-05-02T12:00:00Z"),
            row(2, EffortKind::Stop, "2026-05-02T12:30:00Z"),
        ];
        let day = Day::of(at("2026-05-02T09:00:00Z")).unwrap();
        assert_eq!(effort(&rows, &day), 6 * 60 + 30);
    }
}
