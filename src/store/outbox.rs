//! The sender's side of the journal: what waits, what left, what arrived, what was given up.
//!
//! It has a connection of its own, so that the sender thread and the pipeline share nothing but the file. Nothing
//! goes out of the outbox but by an acknowledgement or by being given up, which is counted and told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::types::Value;
use rusqlite::{Connection, TransactionBehavior};

use super::error::JournalError;
use super::journal::Journal;
use super::notes::{self, Reading};
use super::reader::Reader;
use super::record::Stored;
use super::sealed::Row;
use super::tables::{BOOT, CAUSE, DELIVERY, NOTICE, OUTBOX};
use super::{opening, state};
use crate::event::{EPOCH, EventKey, Sighting, Source};

/// How urgent an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// An alert rule asked for it: it never waits.
    Alert,
    /// It may wait to share a packet.
    Sighting,
    /// It is told by the day's digest.
    Folded,
}

impl Priority {
    fn number(self) -> i64 {
        match self {
            Priority::Alert => 0,
            Priority::Sighting => 1,
            Priority::Folded => 2,
        }
    }

    fn parse(number: i64) -> Self {
        match number {
            0 => Priority::Alert,
            2 => Priority::Folded,
            _ => Priority::Sighting,
        }
    }
}

/// How an event is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// How urgent.
    pub priority: Priority,
    /// The alert rule that asked for it.
    pub rule: Option<String>,
    /// It must go by one of these; empty: by any.
    pub uplinks: Vec<String>,
    /// Whether a small picture follows it.
    pub picture: bool,
}

/// An event on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The event as it was recorded.
    pub event: Sighting,
    /// How it is to go.
    pub route: Route,
    /// How often it left or was tried.
    pub tries: u32,
    /// When it last left the trap without anybody saying that it arrived.
    pub passed: Option<DateTime<Utc>>,
}

/// A message that is no event, on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Names it for ever.
    pub name: String,
    /// `health`, `digest`, `lost`, `ack`, `anchor` or `picture`.
    pub subject: String,
    /// The encoded message.
    pub payload: Vec<u8>,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// How often it left or was tried.
    pub tries: u32,
    /// When it last left the trap.
    pub passed: Option<DateTime<Utc>>,
}

/// What a satellite receiver's place was to a deployment.
#[derive(Debug, Clone, PartialEq)]
pub enum Located {
    /// It had none and has this one now.
    First,
    /// It has this one already.
    Same,
    /// It had another one by the receiver, and has this one now: the trap was carried.
    Moved {
        /// Degrees north and east.
        from: (f64, f64),
    },
    /// It has another one that people said, and keeps it.
    Elsewhere {
        /// Degrees north and east.
        from: (f64, f64),
        /// Who said it: `configuration`, `page` or `command`.
        source: String,
    },
}

/// Who said it, where a satellite receiver did.
const RECEIVER: &str = "gps";

/// The row of the deployment of `boot`.
fn deployment(db: &Connection, boot: u32) -> rusqlite::Result<Option<i64>> {
    let rows = BOOT.select(db, "WHERE id = ?", &[Value::Integer(boot.into())])?;
    Ok(rows.sound.first().map(|row| row.integer("deployment")))
}

/// The outbox, open for sending.
#[derive(Debug)]
pub struct Outbox {
    pub(super) db: Connection,
    path: PathBuf,
    reader: Reader,
}

impl Outbox {
    /// Opens the outbox of a journal that stays open for writing as long as this is used.
    pub fn of(journal: &Journal) -> Result<Outbox, JournalError> {
        Outbox::beside(journal.path())
    }

    /// The same where nobody has the journal open for writing: what a technician's tools pay for is in its books.
    pub fn beside(journal: &Path) -> Result<Outbox, JournalError> {
        let path = journal.to_owned();
        // Before the connection, which would make an empty file of none.
        let reader = Reader::open_readonly(&path)?;
        let fail = |e| JournalError::sqlite(&path, e);
        let db = Connection::open(&path).map_err(fail)?;
        // Longer than the pipeline holds the file for one burst, on a slow card.
        db.busy_timeout(Duration::from_secs(10)).map_err(fail)?;
        opening::settings(&db).map_err(fail)?;
        Ok(Outbox { db, reader, path })
    }

    /// The journal's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything that was recorded, for reading.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Events that nobody planned yet, oldest first, at most `limit`, each with the burst it is of.
    pub fn fresh(&self, limit: usize) -> Result<Vec<(Sighting, Option<Stored>)>, JournalError> {
        let tail = "WHERE sent_us IS NULL AND id NOT IN (SELECT id FROM delivery) ORDER BY id LIMIT ?";
        let rows = OUTBOX.select(&self.db, tail, &[count(limit)]).map_err(|e| self.fail(e))?;
        let events = rows.sound.iter().filter_map(|row| Sighting::decode(row.blob("payload")).ok());
        events
            .map(|event| {
                let burst = self.reader.event(event.key)?.and_then(|found| found.items.into_iter().next());
                Ok((event, burst))
            })
            .collect()
    }

    /// Plans events, in one transaction.
    pub fn plan(&mut self, plans: &[(EventKey, Route)]) -> Result<(), JournalError> {
        self.transaction(|db| {
            for (key, plan) in plans {
                let uplinks = serde_json::to_string(&plan.uplinks).unwrap_or_else(|_| "[]".to_owned());
                let row = vec![
                    key.number.into(),
                    plan.priority.number().into(),
                    plan.rule.clone().map_or(Value::Null, Value::Text),
                    Value::Text(uplinks),
                    plan.picture.into(),
                    0i64.into(),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    Value::Null,
                ];
                DELIVERY.insert(db, row)?;
            }
            Ok(())
        })
    }

    /// Planned events that did not arrive yet, alerts first, then oldest first; those that left lately last.
    pub fn waiting(&self, limit: usize) -> Result<Vec<Waiting>, JournalError> {
        let tail = "WHERE dropped_us IS NULL AND priority < 2 \
                    AND id IN (SELECT id FROM outbox WHERE sent_us IS NULL) \
                    ORDER BY passed_us IS NOT NULL, priority, id LIMIT ?";
        let rows = DELIVERY.select(&self.db, tail, &[count(limit)]).map_err(|e| self.fail(e))?;
        let mut waiting = Vec::with_capacity(rows.sound.len());
        for row in &rows.sound {
            let id = [Value::Integer(row.integer("id"))];
            let found = OUTBOX.select(&self.db, "WHERE id = ?", &id).map_err(|e| self.fail(e))?;
            let Some(Ok(event)) = found.sound.first().map(|o| Sighting::decode(o.blob("payload"))) else {
                continue;
            };
            waiting.push(Waiting {
                event,
                route: route(row),
                tries: u32::try_from(row.integer("tries")).unwrap_or(u32::MAX),
                passed: row.integer_or_null("passed_us").and_then(DateTime::from_timestamp_micros),
            });
        }
        Ok(waiting)
    }

    /// Events that did not arrive and were not given up, folded ones among them, and notices.
    pub fn backlog(&self) -> Result<u32, JournalError> {
        let sql = "SELECT (SELECT count(*) FROM outbox WHERE sent_us IS NULL AND id NOT IN \
                   (SELECT id FROM delivery WHERE dropped_us IS NOT NULL)) \
                   + (SELECT count(*) FROM notice WHERE done_us IS NULL)";
        let n: i64 = self.db.query_row(sql, [], |row| row.get(0)).map_err(|e| self.fail(e))?;
        Ok(u32::try_from(n).unwrap_or(u32::MAX))
    }

    /// Events went by `via`: with `delivered`, somebody said that they arrived and they are done; else they only left.
    pub fn sent(
        &mut self,
        events: &[EventKey],
        via: &str,
        delivered: bool,
        at: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let now = at.timestamp_micros();
        self.transaction(|db| {
            for key in events {
                let id = [Value::Integer(key.number.into())];
                for mut row in DELIVERY.select(db, "WHERE id = ?", &id)?.sound {
                    row.set("tries", row.integer("tries") + 1);
                    row.set("passed_us", now);
                    row.set("via", via.to_owned());
                    DELIVERY.update(db, row.into_values())?;
                }
                if delivered {
                    arrived(db, &id, now)?;
                }
            }
            Ok(())
        })
    }

    /// Of the 32 events that end with `upto` the receiver has all but those named in `missing`: bit n stands for
    /// `upto - n`. Those that it has are done, those that left and are missing go again at once. Gives how many are
    /// done by it.
    pub fn received(&mut self, upto: u32, missing: u32, at: DateTime<Utc>) -> Result<usize, JournalError> {
        let window = [Value::Integer(upto.saturating_sub(31).into()), Value::Integer(upto.into())];
        self.transaction(|db| {
            let tail = "WHERE id >= ? AND id <= ? AND passed_us IS NOT NULL AND dropped_us IS NULL \
                        AND id IN (SELECT id FROM outbox WHERE sent_us IS NULL)";
            let mut done = 0;
            for mut row in DELIVERY.select(db, tail, &window)?.sound {
                let id = row.integer("id");
                if missing >> (i64::from(upto) - id) & 1 == 1 {
                    row.set("passed_us", Value::Null);
                    DELIVERY.update(db, row.into_values())?;
                } else {
                    arrived(db, &[Value::Integer(id)], at.timestamp_micros())?;
                    done += 1;
                }
            }
            Ok(done)
        })
    }

    /// Turns events over to the digest of their day.
    pub fn fold(&mut self, events: &[EventKey]) -> Result<(), JournalError> {
        self.transaction(|db| {
            for key in events {
                for mut row in
                    DELIVERY.select(db, "WHERE id = ?", &[Value::Integer(key.number.into())])?.sound
                {
                    row.set("priority", Priority::Folded.number());
                    DELIVERY.update(db, row.into_values())?;
                }
            }
            Ok(())
        })
    }

    /// Numbers of the folded events triggered in `from..until` that no digest told yet.
    pub fn folded(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<u32>, JournalError> {
        let tail = "WHERE priority = 2 AND dropped_us IS NULL AND id IN \
                    (SELECT outbox.id FROM outbox JOIN burst ON burst.id = outbox.burst \
                     WHERE outbox.sent_us IS NULL AND triggered_us >= ? AND triggered_us < ?)";
        let span = [Value::Integer(from.timestamp_micros()), Value::Integer(until.timestamp_micros())];
        let rows = DELIVERY.select(&self.db, tail, &span).map_err(|e| self.fail(e))?;
        Ok(rows.sound.iter().filter_map(|row| u32::try_from(row.integer("id")).ok()).collect())
    }

    /// The digest of `from..until` arrived: the events that it stands for are done.
    pub fn digest_arrived(
        &mut self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let folded = self.folded(from, until)?;
        self.transaction(|db| {
            for number in &folded {
                arrived(db, &[Value::Integer((*number).into())], at.timestamp_micros())?;
            }
            Ok(())
        })
    }

    /// Events whose burst was triggered before `before`, by the clock of that time, and that did not arrive.
    pub fn older(&self, before: DateTime<Utc>) -> Result<Vec<Sighting>, JournalError> {
        let tail = "WHERE sent_us IS NULL AND id IN (SELECT id FROM delivery WHERE dropped_us IS NULL) \
                    AND burst IN (SELECT id FROM burst WHERE triggered_us < ?) ORDER BY id";
        let params = [Value::Integer(before.timestamp_micros())];
        let rows = OUTBOX.select(&self.db, tail, &params).map_err(|e| self.fail(e))?;
        Ok(rows.sound.iter().filter_map(|row| Sighting::decode(row.blob("payload")).ok()).collect())
    }

    /// Gives up events, for `reason`; they are counted as [`EXPIRED`] in the same transaction.
    pub fn give_up(
        &mut self,
        events: &[EventKey],
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        self.transaction(|db| {
            let mut given_up = 0;
            for key in events {
                let id = [Value::Integer(key.number.into())];
                for mut row in DELIVERY.select(db, "WHERE id = ? AND dropped_us IS NULL", &id)?.sound {
                    row.set("dropped_us", at.timestamp_micros());
                    row.set("reason", reason.to_owned());
                    DELIVERY.update(db, row.into_values())?;
                    given_up += 1;
                }
            }
            state::count(db, EXPIRED, given_up).map(|_| ())
        })
    }

    /// Gives up notices made before `before` that did not leave; gives how many. Losses stay: the newest says all.
    pub fn expire_notices(&mut self, before: DateTime<Utc>, at: DateTime<Utc>) -> Result<u32, JournalError> {
        // What was made by a clock that was never set has no age.
        let span = [Value::Integer(EPOCH * 1_000_000), Value::Integer(before.timestamp_micros())];
        let tail = "WHERE done_us IS NULL AND subject <> 'lost' AND made_us >= ? AND made_us < ?";
        if NOTICE.select(&self.db, tail, &span).map_err(|e| self.fail(e))?.sound.is_empty() {
            return Ok(0);
        }
        self.transaction(|db| {
            let rows = NOTICE.select(db, tail, &span)?.sound;
            let n = rows.len();
            for mut row in rows {
                row.set("done_us", at.timestamp_micros());
                row.set("reason", "expired".to_owned());
                NOTICE.update(db, row.into_values())?;
            }
            Ok(u32::try_from(n).unwrap_or(u32::MAX))
        })
    }

    /// Queues a notice. One of the same name that still waits gets the new payload; one that is done stays done.
    pub fn post(
        &mut self,
        name: &str,
        subject: &str,
        payload: &[u8],
        at: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        self.transaction(|db| {
            let known = NOTICE.select(db, "WHERE name = ?", &[Value::Text(name.to_owned())])?.sound;
            if let Some(mut row) = known.into_iter().next() {
                if row.integer_or_null("done_us").is_none() {
                    row.set("payload", payload.to_vec());
                    NOTICE.update(db, row.into_values())?;
                }
                return Ok(());
            }
            let row = vec![
                NOTICE.next_id(db)?.into(),
                Value::Text(name.to_owned()),
                Value::Text(subject.to_owned()),
                Value::Blob(payload.to_vec()),
                at.timestamp_micros().into(),
                0i64.into(),
                Value::Null,
                Value::Null,
                Value::Null,
            ];
            NOTICE.insert(db, row)
        })
    }

    /// Notices that wait, oldest first; those that left lately last.
    pub fn notices(&self, limit: usize) -> Result<Vec<Notice>, JournalError> {
        let tail = "WHERE done_us IS NULL ORDER BY passed_us IS NOT NULL, id LIMIT ?";
        let rows = NOTICE.select(&self.db, tail, &[count(limit)]).map_err(|e| self.fail(e))?;
        let time = |row: &Row, column| row.integer_or_null(column).and_then(DateTime::from_timestamp_micros);
        Ok(rows
            .sound
            .iter()
            .map(|row| Notice {
                name: row.text("name").to_owned(),
                subject: row.text("subject").to_owned(),
                payload: row.blob("payload").to_vec(),
                made: time(row, "made_us").unwrap_or_default(),
                tries: u32::try_from(row.integer("tries")).unwrap_or(u32::MAX),
                passed: time(row, "passed_us"),
            })
            .collect())
    }

    /// A notice left (`done`: it need not go again), or was given up for `reason`.
    pub fn noticed(
        &mut self,
        name: &str,
        done: bool,
        reason: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let now = at.timestamp_micros();
        self.transaction(|db| {
            for mut row in NOTICE.select(db, "WHERE name = ?", &[Value::Text(name.to_owned())])?.sound {
                row.set("tries", row.integer("tries") + 1);
                row.set("passed_us", now);
                if done {
                    row.set("done_us", now);
                }
                if let Some(reason) = reason {
                    row.set("reason", reason.to_owned());
                }
                NOTICE.update(db, row.into_values())?;
            }
            // A name is remembered for a while, so that a message is not made twice.
            let old = Value::Integer(now - 40 * 86_400_000_000);
            db.execute("DELETE FROM notice WHERE done_us < ?", [old])?;
            Ok(())
        })
    }

    /// Whether a notice of this name was ever queued.
    pub fn has_notice(&self, name: &str) -> Result<bool, JournalError> {
        let rows = NOTICE.select(&self.db, "WHERE name = ?", &[Value::Text(name.to_owned())]);
        Ok(!rows.map_err(|e| self.fail(e))?.sound.is_empty())
    }

    /// When a boot started by its own clock, and the kernel boot it belongs to.
    pub fn boot(&self, number: u32) -> Result<Option<(DateTime<Utc>, String)>, JournalError> {
        let rows = BOOT.select(&self.db, "WHERE id = ?", &[Value::Integer(number.into())]);
        let rows = rows.map_err(|e| self.fail(e))?;
        Ok(rows.sound.first().and_then(|row| {
            let started = DateTime::from_timestamp_micros(row.integer("started_us"))?;
            Some((started, row.text("kernel_boot").to_owned()))
        }))
    }

    /// The key of a burst with a picture on the card: the one that event `number` is of, or the latest for 0.
    pub fn pictured(&self, number: u32) -> Result<Option<EventKey>, JournalError> {
        let sql = "SELECT boot, id FROM burst WHERE (?1 = 0 OR (id <= ?1 AND id + numbers > ?1)) \
                   AND id IN (SELECT burst FROM media WHERE gone_us IS NULL) ORDER BY id DESC LIMIT 1";
        let found =
            self.db.query_row(sql, [number], |row| Ok(EventKey { boot: row.get(0)?, number: row.get(1)? }));
        match found {
            Ok(key) => Ok(Some(key)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// The number that the next event will get.
    pub fn next_number(&self) -> Result<u32, JournalError> {
        let sql = "SELECT coalesce(max(id + numbers), 1) FROM burst";
        let next: i64 = self.db.query_row(sql, [], |row| row.get(0)).map_err(|e| self.fail(e))?;
        Ok(u32::try_from(next).unwrap_or(u32::MAX))
    }

    /// Keeps bytes under a name, replacing those before.
    pub fn put_state(&mut self, key: &str, value: &[u8]) -> Result<(), JournalError> {
        self.transaction(|db| state::put(db, key, value))
    }

    /// The bytes under a name; `None` where there are none or they are damaged.
    pub fn state(&self, key: &str) -> Result<Option<Vec<u8>>, JournalError> {
        state::get(&self.db, key).map_err(|e| self.fail(e))
    }

    /// The number of the burst that came about so, if one did.
    pub fn caused(&self, source: Source, detail: &str) -> Result<Option<u32>, JournalError> {
        let wanted = [Value::Text(source.as_str().to_owned()), Value::Text(detail.to_owned())];
        let rows =
            CAUSE.select(&self.db, "WHERE source = ? AND detail = ? ORDER BY id DESC LIMIT 1", &wanted);
        let rows = rows.map_err(|e| self.fail(e))?;
        Ok(rows.sound.first().and_then(|row| u32::try_from(row.integer("burst")).ok()))
    }

    /// A command said where the trap of `boot` stands, in degrees north and east: what else is known of its
    /// deployment stays.
    pub fn place(&mut self, boot: u32, north: f64, east: f64, at: DateTime<Utc>) -> Result<(), JournalError> {
        self.transaction(|db| {
            let Some(deployment) = deployment(db, boot)? else { return Ok(()) };
            let mut setup = notes::newest_setup(db, deployment)?.1;
            (setup.latitude, setup.longitude) = (Some(north), Some(east));
            notes::write_setup(db, deployment, &setup, "command", at)
        })
    }

    /// A satellite receiver found the trap of `boot` at `place`, degrees north and east. That becomes its deployment's
    /// place where nobody else said one: what people say goes before. Places `within` so many degrees of each other are
    /// the same; `uncertainty_m` are metres around it.
    pub fn located(
        &mut self,
        boot: u32,
        place: (f64, f64),
        within: f64,
        uncertainty_m: u32,
        at: DateTime<Utc>,
    ) -> Result<Located, JournalError> {
        self.transaction(|db| {
            let Some(deployment) = deployment(db, boot)? else { return Ok(Located::Same) };
            let (source, mut setup) = notes::newest_setup(db, deployment)?;
            let before = setup.latitude.zip(setup.longitude);
            let near = |(north, east): (f64, f64)| {
                (north - place.0).abs() <= within && (east - place.1).abs() <= within
            };
            let found = match before {
                None => Located::First,
                Some(from) if near(from) => return Ok(Located::Same),
                Some(from) if source == RECEIVER => Located::Moved { from },
                Some(from) => return Ok(Located::Elsewhere { from, source }),
            };
            (setup.latitude, setup.longitude) = (Some(place.0), Some(place.1));
            setup.coordinate_uncertainty_m = Some(uncertainty_m);
            notes::write_setup(db, deployment, &setup, RECEIVER, at)?;
            Ok(found)
        })
    }

    /// Whether a notice left or was given up.
    pub fn is_done(&self, name: &str) -> Result<bool, JournalError> {
        let rows = NOTICE.select(&self.db, "WHERE name = ?", &[Value::Text(name.to_owned())]);
        Ok(rows.map_err(|e| self.fail(e))?.sound.iter().any(|row| row.integer_or_null("done_us").is_some()))
    }

    /// Writes that something happened to the trap beside its bursts.
    pub fn happened(&mut self, happening: &notes::Happening) -> Result<(), JournalError> {
        self.transaction(|db| notes::write_happening(db, happening))
    }

    /// Writes how the trap fares.
    pub fn reading(&mut self, reading: &Reading) -> Result<(), JournalError> {
        self.transaction(|db| notes::write_reading(db, reading))
    }

    /// Adds to a counter that outlives restarts, and gives its new value.
    pub fn count(&mut self, key: &str, more: u64) -> Result<u64, JournalError> {
        self.transaction(|db| state::count(db, key, more))
    }

    /// A counter's value; 0 where it was never counted.
    pub fn counter(&self, key: &str) -> Result<u64, JournalError> {
        state::counter(&self.db, key).map_err(|e| self.fail(e))
    }

    /// Runs `work` in one transaction that is on the card when this returns.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let path = &self.path;
        let fail = |e| JournalError::sqlite(path, e);
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let done = work(&tx).map_err(fail)?;
        tx.commit().map_err(fail)?;
        Ok(done)
    }

    pub(super) fn fail(&self, source: rusqlite::Error) -> JournalError {
        JournalError::sqlite(&self.path, source)
    }
}

/// Counter of the events given up because they grew too old.
pub const EXPIRED: &str = "sender.expired";

fn count(limit: usize) -> Value {
    Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX))
}

fn arrived(db: &Connection, id: &[Value; 1], now: i64) -> rusqlite::Result<()> {
    for mut row in OUTBOX.select(db, "WHERE id = ? AND sent_us IS NULL", id)?.sound {
        row.set("sent_us", now);
        OUTBOX.update(db, row.into_values())?;
    }
    Ok(())
}

fn route(row: &Row) -> Route {
    Route {
        priority: Priority::parse(row.integer("priority")),
        rule: row.text_or_null("rule").map(str::to_owned),
        uplinks: serde_json::from_str(row.text("uplinks")).unwrap_or_default(),
        picture: row.integer("picture") != 0,
    }
}
