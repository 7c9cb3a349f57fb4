//! What a page asks of the journal besides whole bursts: a line of each, single files, what waits, a copy.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::assemble;
use super::error::JournalError;
use super::reader::{Listing, Reader};
use super::record::{Observation, StoredMedia};
use super::sealed::Row;
use super::tables::{BURST, DEPLOYMENT, MEDIA, OBSERVATION, STATE};
use crate::event::{EventKey, Outcome};
use crate::units::{ClockQuality, Score};

/// A burst without its frames: enough to sort and to choose by.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Names it for ever.
    pub key: EventKey,
    /// Site or deployment it was recorded under.
    pub deployment: String,
    /// The sequence it belongs to.
    pub sequence: u64,
    /// Time of the trigger.
    pub triggered: DateTime<Utc>,
    /// How far that time can be trusted.
    pub clock: ClockQuality,
    /// The verdict.
    pub outcome: Outcome,
    /// Probability that something living is in it.
    pub probability: Score,
    /// What was seen, without its top five and its tracks.
    pub observations: Vec<Observation>,
}

/// A file of the journal, found by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// Number of the burst it belongs to.
    pub burst: u32,
    /// The file.
    pub file: StoredMedia,
}

/// What waits to be sent, and when something arrived last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Events not acknowledged yet.
    pub waiting: u64,
    /// When the last event was acknowledged.
    pub arrived: Option<DateTime<Utc>>,
}

impl Reader {
    /// Bursts whose number is above `after`, in the order of recording, without their frames.
    pub fn summaries(&self, after: u32) -> Result<Listing<Summary>, JournalError> {
        self.within(|db| {
            let after = [Value::Integer(after.into())];
            let names = DEPLOYMENT.select(db, "", &[])?.sound;
            let names: BTreeMap<i64, String> =
                names.iter().map(|row| (row.integer("id"), row.text("name").to_owned())).collect();
            let bursts = BURST.select(db, "WHERE id > ? ORDER BY id", &after)?;
            let seen = OBSERVATION.select(db, "WHERE burst > ? ORDER BY id", &after)?;
            let mut observations: BTreeMap<i64, Vec<Observation>> = BTreeMap::new();
            for row in &seen.sound {
                let seen = assemble::observation(row);
                // Half of its memory, and nothing to choose by.
                let seen = Observation { top5: Vec::new(), tracks: Vec::new(), ..seen };
                observations.entry(row.integer("burst")).or_default().push(seen);
            }
            let mut line = |row: &Row| Summary {
                key: EventKey { boot: narrow(row, "boot"), number: narrow(row, "id") },
                deployment: names.get(&row.integer("deployment")).cloned().unwrap_or_default(),
                sequence: row.integer("sequence").unsigned_abs(),
                triggered: DateTime::from_timestamp_micros(row.integer("triggered_us")).unwrap_or_default(),
                clock: ClockQuality::parse(row.text("clock")).unwrap_or_default(),
                outcome: Outcome::parse(row.text("outcome")).unwrap_or(Outcome::Failed),
                probability: Score::new(row.real("probability") as f32),
                observations: observations.remove(&row.integer("id")).unwrap_or_default(),
            };
            let items = bursts.sound.iter().map(&mut line).collect();
            let mut damaged = bursts.damaged;
            damaged.extend(seen.damaged);
            Ok(Listing { items, damaged })
        })
    }

    /// A number that changes whenever somebody else has written.
    pub fn version(&self) -> Result<i64, JournalError> {
        self.within(|db| db.query_row("PRAGMA data_version", [], |row| row.get(0)))
    }

    /// A file by its number, gone or not.
    pub fn media(&self, number: u64) -> Result<Option<Numbered>, JournalError> {
        let number = [Value::Integer(i64::try_from(number).unwrap_or(-1))];
        self.within(|db| {
            let rows = MEDIA.select(db, "WHERE id = ?", &number)?.sound;
            Ok(rows.first().map(|row| Numbered { burst: narrow(row, "burst"), file: assemble::file(row) }))
        })
    }

    /// What waits to be sent.
    pub fn backlog(&self) -> Result<Backlog, JournalError> {
        self.within(|db| {
            let sql = "SELECT count(*) - count(sent_us), max(sent_us) FROM outbox";
            let (waiting, arrived): (i64, Option<i64>) =
                db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let arrived = arrived.and_then(DateTime::from_timestamp_micros);
            Ok(Backlog { waiting: waiting.unsigned_abs(), arrived })
        })
    }

    /// Bytes kept under a name; `None` where there are none or they are damaged.
    pub fn state(&self, key: &str) -> Result<Option<Vec<u8>>, JournalError> {
        let key = [Value::Text(key.to_owned())];
        self.within(|db| {
            let rows = STATE.select(db, "WHERE key = ?", &key)?.sound;
            Ok(rows.first().map(|row| row.blob("value").to_vec()))
        })
    }

    /// Writes a consistent copy of the journal to `to`, which must not exist or be empty, while a writer may be at work. State
    /// under the names in `without` is left out of it.
    pub fn copy(&self, to: &Path, without: &[&str]) -> Result<(), JournalError> {
        let fail = |e| JournalError::sqlite(to, e);
        self.vacuum_into(to)?;
        let copy = Connection::open(to).map_err(fail)?;
        copy.pragma_update(None, "secure_delete", true).or_else(|error| match error {
            rusqlite::Error::ExecuteReturnedResults => Ok(()),
            other => Err(fail(other)),
        })?;
        for name in without {
            copy.execute("DELETE FROM state WHERE key = ?", [name]).map_err(fail)?;
        }
        Ok(())
    }
}

fn narrow(row: &Row, column: &str) -> u32 {
    u32::try_from(row.integer(column)).unwrap_or(u32::MAX)
}
