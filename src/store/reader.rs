//! Reading the journal, beside the daemon that writes it or from a card pulled out of a trap.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::assemble;
use super::durable::with_suffix;
use super::error::JournalError;
use super::record::{Stored, StoredEffort, StoredSequence};
use super::schema::{self, Nature};
use super::sealed::{Damage, Row, Table};
use super::tables;
use crate::event::{EventKey, Outcome};

/// Which bursts to read; what is `None` does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Scientific or English name of something seen, in any case.
    pub species: Option<String>,
    /// Triggered at or after.
    pub since: Option<DateTime<Utc>>,
    /// Triggered before.
    pub until: Option<DateTime<Utc>>,
    /// What it turned out to be.
    pub outcome: Option<Outcome>,
    /// At most so many, the latest.
    pub limit: Option<usize>,
}

/// What was read, with the rows that were left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    /// In the order of recording.
    pub items: Vec<T>,
    /// Rows met whose checksum did not hold; they are in no item.
    pub damaged: Vec<Damage>,
}

/// Files on the card, kept and gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaTotals {
    /// Files kept.
    pub kept_files: u64,
    /// Their bytes.
    pub kept_bytes: u64,
    /// Files deleted or missing.
    pub gone_files: u64,
    /// Their bytes.
    pub gone_bytes: u64,
    /// Bytes of all frames as the camera gave them, kept or not.
    pub taken_bytes: u64,
}

/// The journal, open for reading.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens an existing journal without changing it; a writer may be at work. On a read-only card it is read as
    /// long as no write-ahead log is left beside it.
    pub fn open_readonly(path: &Path) -> Result<Self, JournalError> {
        if !path.is_file() {
            return Err(JournalError::Missing(path.to_path_buf()));
        }
        match Self::open_with(path, false) {
            Err(error) if is_about_place(&error) => {
                let left = std::fs::metadata(with_suffix(path, "-wal")).is_ok_and(|m| m.len() > 0);
                if left {
                    return Err(JournalError::ReadOnly {
                        path: path.to_path_buf(),
                        what: "its last bursts are in the write-ahead log beside it; copy all of its files \
                               to a place that can be written"
                            .to_owned(),
                    });
                }
                Self::open_with(path, true)
            }
            done => done,
        }
    }

    fn open_with(path: &Path, immutable: bool) -> Result<Self, JournalError> {
        let fail = |e| JournalError::sqlite(path, e);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = match immutable {
            false => Connection::open_with_flags(path, flags),
            true => {
                let uri = format!("file:{}?immutable=1", escape(path));
                Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
            }
        }
        .map_err(fail)?;
        db.busy_timeout(Duration::from_secs(5)).map_err(fail)?;
        db.set_prepared_statement_cache_capacity(64);
        match schema::nature(&db, path, schema::VERSION)? {
            // Versions up to today's only added tables: what is read here stands in all of them.
            Nature::Journal => {}
            Nature::New => return Err(JournalError::Missing(path.to_path_buf())),
            Nature::Damaged => {
                let what = "its header and its content contradict each other".to_owned();
                return Err(JournalError::Damaged { path: path.to_path_buf(), what });
            }
        }
        Ok(Reader { db, path: path.to_path_buf() })
    }

    /// Bursts that pass `filter`, in the order of recording.
    pub fn events(&self, filter: &Filter) -> Result<Listing<Stored>, JournalError> {
        let (condition, mut params) = conditions(filter);
        let limit = filter.limit.and_then(|n| i64::try_from(n).ok()).unwrap_or(-1);
        params.push(Value::Integer(limit));
        let tail = format!("WHERE {condition} ORDER BY id DESC LIMIT ?");
        let read = || {
            let rows = tables::BURST.select(&self.db, &tail, &params)?;
            let mut damaged = rows.damaged;
            let items: rusqlite::Result<Vec<_>> =
                rows.sound.iter().rev().map(|row| assemble::stored(&self.db, row, &mut damaged)).collect();
            Ok(Listing { items: items?, damaged })
        };
        self.snapshot(read)
    }

    /// One burst, by its key or by that of any of its events.
    pub fn event(&self, key: EventKey) -> Result<Option<Listing<Stored>>, JournalError> {
        let params = [Value::Integer(key.number.into()), Value::Integer(key.boot.into())];
        let read = || {
            let tail = "WHERE id <= ?1 AND id + numbers > ?1 AND boot = ?2";
            let rows = tables::BURST.select(&self.db, tail, &params)?;
            let mut damaged = rows.damaged;
            let found = rows.sound.first().map(|row| assemble::stored(&self.db, row, &mut damaged));
            let found = found.transpose()?;
            Ok((found.is_some() || !damaged.is_empty())
                .then(|| Listing { items: found.into_iter().collect(), damaged }))
        };
        self.snapshot(read)
    }

    /// Bursts of one sequence, in order.
    pub fn bursts_of(&self, sequence: u64) -> Result<Listing<Stored>, JournalError> {
        let id = Value::Integer(i64::try_from(sequence).unwrap_or(-1));
        self.snapshot(|| {
            let rows = tables::BURST.select(
                &self.db,
                "WHERE sequence = ? ORDER BY id",
                std::slice::from_ref(&id),
            )?;
            let mut damaged = rows.damaged;
            let items: rusqlite::Result<Vec<_>> =
                rows.sound.iter().map(|row| assemble::stored(&self.db, row, &mut damaged)).collect();
            Ok(Listing { items: items?, damaged })
        })
    }

    /// Sequences whose first frame is within the times, in order.
    pub fn sequences(
        &self,
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
    ) -> Result<Listing<StoredSequence>, JournalError> {
        let params = [
            Value::Integer(since.map_or(i64::MIN, |t| t.timestamp_micros())),
            Value::Integer(until.map_or(i64::MAX, |t| t.timestamp_micros())),
        ];
        self.snapshot(|| {
            let tail = "WHERE first_us >= ? AND first_us < ? ORDER BY id";
            let rows = tables::SEQUENCE.select(&self.db, tail, &params)?;
            let mut damaged = rows.damaged;
            let items: rusqlite::Result<Vec<_>> =
                rows.sound.iter().map(|row| assemble::sequence(&self.db, row, &mut damaged)).collect();
            Ok(Listing { items: items?, damaged })
        })
    }

    /// Effort, in the order it was logged.
    pub fn effort(&self) -> Result<Listing<StoredEffort>, JournalError> {
        let rows = tables::EFFORT
            .select(&self.db, "ORDER BY id", &[])
            .map_err(|e| JournalError::sqlite(&self.path, e))?;
        Ok(Listing { items: rows.sound.iter().map(assemble::effort).collect(), damaged: rows.damaged })
    }

    /// Every row of a table; none where the journal is of a version that has no such table.
    pub(super) fn all<T>(
        &self,
        table: &'static Table,
        value: impl Fn(&Row) -> T,
    ) -> Result<Listing<T>, JournalError> {
        self.snapshot(|| {
            if !schema::present(&self.db)?.contains(&table) {
                return Ok(Listing { items: Vec::new(), damaged: Vec::new() });
            }
            let rows = table.select(&self.db, "ORDER BY id", &[])?;
            Ok(Listing { items: rows.sound.iter().map(value).collect(), damaged: rows.damaged })
        })
    }

    /// Files and bytes, kept and gone.
    pub fn media_totals(&self) -> Result<MediaTotals, JournalError> {
        let sum = |sql: &str| -> rusqlite::Result<(u64, u64)> {
            let row = |r: &rusqlite::Row<'_>| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?));
            let (files, bytes) = self.db.query_row(sql, [], row)?;
            Ok((files.unsigned_abs(), bytes.unsigned_abs()))
        };
        self.snapshot(|| {
            let files = "SELECT count(*), coalesce(sum(bytes), 0) FROM media WHERE owned = 1 AND gone_us IS";
            let (kept_files, kept_bytes) = sum(&format!("{files} NULL"))?;
            let (gone_files, gone_bytes) = sum(&format!("{files} NOT NULL"))?;
            let (_, taken_bytes) = sum("SELECT count(*), coalesce(sum(bytes), 0) FROM frame")?;
            Ok(MediaTotals { kept_files, kept_bytes, gone_files, gone_bytes, taken_bytes })
        })
    }

    /// Reads every row and gives those whose checksum does not hold.
    pub fn verify(&self) -> Result<Vec<Damage>, JournalError> {
        self.snapshot(|| {
            let mut damaged = Vec::new();
            for table in schema::present(&self.db)? {
                damaged.extend(table.scan(&self.db)?);
            }
            Ok(damaged)
        })
    }

    /// The same for other files of this room, with the connection.
    pub(super) fn within<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        self.snapshot(|| read(&self.db))
    }

    /// Writes all of it into a new file.
    pub(super) fn vacuum_into(&self, to: &Path) -> Result<(), JournalError> {
        use std::os::unix::ffi::OsStrExt;
        let name = String::from_utf8_lossy(to.as_os_str().as_bytes()).into_owned();
        self.db.execute("VACUUM INTO ?", [name]).map_err(|e| JournalError::sqlite(&self.path, e))?;
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs several queries on one state of the journal, whatever the writer does meanwhile.
    fn snapshot<T>(&self, read: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, JournalError> {
        let fail = |e| JournalError::sqlite(&self.path, e);
        let tx = self.db.unchecked_transaction().map_err(fail)?;
        let found = read().map_err(fail)?;
        tx.finish().map_err(fail)?;
        Ok(found)
    }
}

fn is_about_place(error: &JournalError) -> bool {
    match error {
        JournalError::ReadOnly { .. } => true,
        JournalError::Sqlite { source, .. } => source.sqlite_error_code() == Some(ErrorCode::CannotOpen),
        _ => false,
    }
}

/// The SQL condition of a filter and its parameters.
fn conditions(filter: &Filter) -> (String, Vec<Value>) {
    let mut conditions = vec!["TRUE"];
    let mut params = Vec::new();
    if let Some(species) = &filter.species {
        conditions.push(
            "id IN (SELECT burst FROM observation WHERE taxon = ? COLLATE NOCASE OR label = ? COLLATE NOCASE)",
        );
        params.extend([Value::Text(species.clone()), Value::Text(species.clone())]);
    }
    if let Some(since) = filter.since {
        conditions.push("triggered_us >= ?");
        params.push(Value::Integer(since.timestamp_micros()));
    }
    if let Some(until) = filter.until {
        conditions.push("triggered_us < ?");
        params.push(Value::Integer(until.timestamp_micros()));
    }
    if let Some(outcome) = filter.outcome {
        conditions.push("outcome = ?");
        params.push(Value::Text(outcome.as_str().to_owned()));
    }
    (conditions.join(" AND "), params)
}

/// A path in a URI: everything but unreserved characters and slashes percent-encoded (RFC 3986).
fn escape(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut out = String::new();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte.into())
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
