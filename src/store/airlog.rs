//! What was on the air: one row per transmission, written before the radio is asked.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::error::JournalError;
use super::outbox::Outbox;
use super::sealed::Damage;
use super::tables::AIRTIME;
use crate::airtime::{Band, Entry, Micros, Now};
use crate::units::ClockQuality;

/// Entries are kept for 25 h: the longest window, 24 h of fair use, and an hour to spare.
pub(super) const KEPT_US: Micros = 25 * 3_600_000_000;

/// Writes one transmission. `at_us` is the trap's clock with its `clock` quality, kept also where it is not trusted.
/// Durable when it returns if `db` is outside a transaction and at `synchronous = FULL`.
pub(super) fn write(db: &Connection, entry: &Entry, at_us: i64, clock: ClockQuality) -> rusqlite::Result<()> {
    let row = vec![
        Value::Integer(AIRTIME.next_id(db)?),
        integer(entry.at.boot),
        Value::Integer(at_us),
        Value::Text(clock.as_str().to_owned()),
        integer(entry.at.up),
        Value::Text(entry.band.as_str().to_owned()),
        integer(entry.micros),
    ];
    AIRTIME.insert(db, row)
}

/// Entries that may still count at `now`, oldest first, and rows that the card damaged, to be told.
pub(super) fn recent(db: &Connection, now: &Now) -> rusqlite::Result<(Vec<Entry>, Vec<Damage>)> {
    let (rows, damaged) = read(db)?;
    let entries = rows.into_iter().map(|(_, entry)| entry).filter(|e| e.age(now) < KEPT_US).collect();
    Ok((entries, damaged))
}

/// Deletes entries that count no more and gives their number.
pub(super) fn prune(db: &Connection, now: &Now) -> rusqlite::Result<usize> {
    let mut deleted = 0;
    for (id, _) in read(db)?.0.into_iter().filter(|(_, e)| e.age(now) >= KEPT_US) {
        deleted += db.prepare_cached("DELETE FROM airtime WHERE id = ?")?.execute([id])?;
    }
    Ok(deleted)
}

type Read = (Vec<(i64, Entry)>, Vec<Damage>);

fn read(db: &Connection) -> rusqlite::Result<Read> {
    let rows = AIRTIME.select(db, "ORDER BY id", &[])?;
    let natural = |value: i64| u64::try_from(value).unwrap_or(0);
    let entry = |row: &super::sealed::Row| {
        // A battery-backed clock may be wrong by any amount: it does not date an entry.
        let trusted =
            matches!(ClockQuality::parse(row.text("clock")), Some(ClockQuality::Gps | ClockQuality::Network));
        let at = Now {
            boot: natural(row.integer("boot")),
            up: natural(row.integer("up_us")),
            utc: trusted.then(|| natural(row.integer("at_us"))),
        };
        let entry = Entry { at, band: Band::parse(row.text("band")), micros: natural(row.integer("micros")) };
        (row.integer("id"), entry)
    };
    Ok((rows.sound.iter().map(entry).collect(), rows.damaged))
}

fn integer(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// The moment of a transmission, as the journal keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AirLog {
    /// This start.
    pub boot: u32,
    /// Monotonic time of this start.
    pub up: Duration,
    /// By the trap's clock.
    pub utc: DateTime<Utc>,
    /// Its quality.
    pub clock: ClockQuality,
}

impl AirLog {
    /// As the law's windows see it.
    pub fn now(&self) -> Now {
        let trusted = matches!(self.clock, ClockQuality::Gps | ClockQuality::Network);
        Now {
            boot: self.boot.into(),
            up: Micros::try_from(self.up.as_micros()).unwrap_or(Micros::MAX),
            utc: trusted.then(|| u64::try_from(self.utc.timestamp_micros()).unwrap_or(0)),
        }
    }
}

impl Outbox {
    /// What was on the air lately, as far as it still counts. A damaged row counts as an hour's legal share of 1 %,
    /// sent just now: it may have been as much.
    pub fn on_air(&self, at: &AirLog) -> Result<Vec<Entry>, JournalError> {
        let now = at.now();
        let (mut entries, damaged) = recent(&self.db, &now).map_err(|e| self.fail(e))?;
        entries.extend(damaged.iter().map(|_| Entry { at: now, band: Band::Any, micros: HOUR_PERCENT_US }));
        Ok(entries)
    }

    /// Writes a transmission; it is on the card when this returns, and only then may the radio be asked.
    pub fn go_on_air(&mut self, at: &AirLog, band: Band, micros: Micros) -> Result<(), JournalError> {
        let entry = Entry { at: at.now(), band, micros };
        self.transaction(|db| {
            prune(db, &entry.at)?;
            write(db, &entry, at.utc.timestamp_micros(), at.clock)
        })
    }
}

/// One percent of an hour.
const HOUR_PERCENT_US: Micros = 36_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;

    const HOUR: u64 = 3_600_000_000;

    #[test]
    fn entries_are_read_back_and_pruned_when_they_count_no_more() {
        let db = Connection::open_in_memory().unwrap();
        schema::create(&db).unwrap();
        let entry = |boot, up, utc, band| Entry { at: Now { boot, up, utc }, band, micros: 61_696 };
        let dated = entry(1, 5, Some(100 * HOUR), Band::Eu865);
        let undated = entry(1, 6, None, Band::Any);
        let own = entry(2, 7, None, Band::Eu8694);
        write(&db, &dated, 100 * HOUR as i64, ClockQuality::Network).unwrap();
        write(&db, &undated, 7, ClockQuality::Rtc).unwrap();
        write(&db, &own, 8, ClockQuality::Unset).unwrap();
        let soon = Now { boot: 2, up: 8, utc: Some(101 * HOUR) };
        assert_eq!(recent(&db, &soon).unwrap().0, [dated, undated, own]);
        let next_day = Now { utc: Some(125 * HOUR), ..soon };
        assert_eq!(recent(&db, &next_day).unwrap().0, [undated, own]);
        assert_eq!(prune(&db, &next_day).unwrap(), 1);
        let later = Now { boot: 2, up: 26 * HOUR, utc: None };
        assert_eq!(prune(&db, &later).unwrap(), 2);
    }

    #[test]
    fn a_damaged_row_is_told() {
        let db = Connection::open_in_memory().unwrap();
        schema::create(&db).unwrap();
        let at = Now { boot: 1, up: 0, utc: None };
        write(&db, &Entry { at, band: Band::Any, micros: 5 }, 0, ClockQuality::Unset).unwrap();
        db.execute("UPDATE airtime SET micros = 4", []).unwrap();
        let (entries, damaged) = recent(&db, &at).unwrap();
        assert_eq!((entries.len(), damaged.len()), (0, 1));
    }
}
