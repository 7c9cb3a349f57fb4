//! Opening the journal for writing: the lock, the look at all of it, the settings, and the boot that begins.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, TransactionBehavior};

use super::durable::{self, with_suffix};
use super::error::JournalError;
use super::quarantine::{self, Quarantined};
use super::schema::{self, Nature};
use super::terms::{Deployment, Effort, EffortKind, Start};
use super::{notes, recording, tables, wal};

/// The first SQLite without the WAL-reset bug of 3.7.0..=3.51.2, as SQLite counts versions.
const SQLITE_MIN: i32 = 3_051_003;

/// How long SQLite waits for a reader that is in the way, e.g. of a checkpoint.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages in the write-ahead log before it is folded into the file: half a megabyte instead of SQLite's four, on a
/// card that may be nearly full. A burst of three frames writes about fifteen.
const LOG_PAGES: i64 = 128;

/// Takes the writer's lock, which the system gives back when the process ends in whatever way.
pub(super) fn lock(path: &Path) -> Result<File, JournalError> {
    if path.is_dir() {
        return Err(JournalError::Foreign(path.to_path_buf()));
    }
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty() && !f.exists()) {
        return Err(JournalError::NoFolder(folder.to_path_buf()));
    }
    let name = with_suffix(path, ".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(|e| JournalError::io("opening", &name, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::Locked(path.to_path_buf())),
        Err(TryLockError::Error(e)) => Err(JournalError::io("locking", &name, e)),
    }
}

/// Whether a daemon writes this journal now. It looks at the lock, and holds it for no longer than the look.
pub fn in_use(path: &Path) -> bool {
    path.is_file() && matches!(lock(path), Err(JournalError::Locked(_)))
}

/// The database, open.
pub(super) struct Database {
    /// Sound and of the newest schema.
    pub db: Connection,
    /// The damaged file that it replaces.
    pub quarantined: Option<Quarantined>,
    /// The last transaction of the run before was incomplete and is dropped.
    pub torn: bool,
}

/// Opens the database, sound and of the newest schema, whatever state the file was in. Needs the lock.
pub(super) fn open(path: &Path) -> Result<Database, JournalError> {
    if rusqlite::version_number() < SQLITE_MIN {
        return Err(JournalError::OldSqlite(rusqlite::version()));
    }
    quarantine::take_up_interrupted(path)?;
    let torn = wal::log_state(path) == wal::LogState::Torn;
    let (db, quarantined) = match examine(path)? {
        Ok(db) => (db, None),
        Err(why) => {
            let quarantined = quarantine::replace(path, why)?;
            (connect(path).map_err(|e| JournalError::sqlite(path, e))?, Some(quarantined))
        }
    };
    let fail = |e| JournalError::sqlite(path, e);
    settings(&db).map_err(fail)?;
    if schema::nature(&db, path, schema::VERSION)? == Nature::New {
        schema::create(&db).map_err(fail)?;
    } else {
        schema::apply(&db, &schema::STEPS).map_err(fail)?;
    }
    fold_log(&db).map_err(fail)?;
    durable::sync_folder_of(path).map_err(|e| JournalError::io("syncing the folder of", path, e))?;
    Ok(Database { db, quarantined, torn })
}

/// Opens the file and looks at all of it: `Ok(Err(why))` where it is damaged.
fn examine(path: &Path) -> Result<Result<Connection, String>, JournalError> {
    let length = fs::metadata(path).map(|m| m.len());
    if matches!(length, Ok(0)) && (boot_file(path).exists() || with_suffix(path, "-wal").exists()) {
        return Ok(Err("it is empty, although it was written before".to_owned()));
    }
    if wal::log_state(path) == wal::LogState::Damaged {
        return Ok(Err("its write-ahead log is damaged before its end".to_owned()));
    }
    let looked = connect(path).map_err(|e| JournalError::sqlite(path, e)).and_then(|db| {
        let found = inspect(&db, path)?;
        Ok((db, found))
    });
    match looked {
        Ok((db, None)) => Ok(Ok(db)),
        Ok((_, Some(why))) => Ok(Err(why)),
        Err(JournalError::Damaged { what, .. }) => Ok(Err(what)),
        // A damaged schema is an SQL error like any other ("malformed database schema", "no such table").
        Err(JournalError::Sqlite { source, .. })
            if source.sqlite_error_code().is_none_or(is_about_content) =>
        {
            Ok(Err(source.to_string()))
        }
        Err(other) => Err(other),
    }
}

fn is_about_content(code: rusqlite::ErrorCode) -> bool {
    !matches!(
        code,
        rusqlite::ErrorCode::CannotOpen
            | rusqlite::ErrorCode::SystemIoFailure
            | rusqlite::ErrorCode::OutOfMemory
    )
}

fn inspect(db: &Connection, path: &Path) -> Result<Option<String>, JournalError> {
    let fail = |e| JournalError::sqlite(path, e);
    match schema::nature(db, path, schema::VERSION)? {
        Nature::New => return Ok(None),
        Nature::Damaged => return Ok(Some("its header and its content contradict each other".to_owned())),
        Nature::Journal => {}
    }
    // Not quick_check: that does not compare indexes with their tables, and a row that an index has lost is lost
    // to every query.
    let verdict: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(fail)?;
    if verdict != "ok" {
        return Ok(Some(verdict));
    }
    for table in schema::present(db).map_err(fail)? {
        let damaged = table.scan(db).map_err(fail)?;
        if let Some(first) = damaged.first() {
            return Ok(Some(format!("{first} and {} more do not match their checksum", damaged.len() - 1)));
        }
    }
    Ok(None)
}

/// A connection for looking. It leaves the write-ahead log in place when it is closed, so that a damaged or
/// foreign file is not changed.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    Ok(db)
}

/// What makes it fit for writing.
pub(super) fn settings(db: &Connection) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    db.set_prepared_statement_cache_capacity(64);
    db.pragma_update(None, "page_size", schema::PAGE_SIZE as i64)?;
    db.pragma_update(None, "journal_mode", "WAL").or_else(done_with_row)?;
    // FULL: a commit is on the card when it returns. NORMAL lost commits in 54 of 60 power cuts.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "mmap_size", 0).or_else(done_with_row)?;
    db.pragma_update(None, "wal_autocheckpoint", LOG_PAGES).or_else(done_with_row)?;
    db.pragma_update(None, "foreign_keys", true)?;
    // What was deleted leaves no copy on the card, which salvaging would take for a row.
    db.pragma_update(None, "secure_delete", true).or_else(done_with_row)
}

/// Folds the write-ahead log into the file and gives its space back; a reader at work may put that off.
pub(super) fn fold_log(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "wal_checkpoint", "TRUNCATE").or_else(done_with_row)
}

/// Some settings answer with a row, which is no error.
fn done_with_row(error: rusqlite::Error) -> rusqlite::Result<()> {
    match error {
        rusqlite::Error::ExecuteReturnedResults => Ok(()),
        other => Err(other),
    }
}

/// A boot that has begun.
pub(super) struct Begun {
    /// Its number.
    pub boot: u32,
    /// Row of the deployment.
    pub deployment: i64,
    /// The run before ended without a stop.
    pub cut_short: bool,
}

/// Begins a boot: its row, the deployment's row and the effort row of the start, in one transaction.
///
/// The boot number is also kept in a small file beside the journal. Event keys stay unique as long as boot
/// numbers do, and so they survive even a journal of which nothing could be saved.
pub(super) fn begin(
    db: &Connection,
    path: &Path,
    deployment: &Deployment,
    start: &Start,
) -> Result<Begun, JournalError> {
    let fail = |e| JournalError::sqlite(path, e);
    let last: i64 = db.query_row("SELECT coalesce(max(id), 0) FROM boot", [], |r| r.get(0)).map_err(fail)?;
    let boot = last.max(remembered_boot(path).into()) + 1;
    let boot = u32::try_from(boot).map_err(|_| JournalError::Exhausted(path.to_path_buf()))?;
    let tx = rusqlite::Transaction::new_unchecked(db, TransactionBehavior::Immediate).map_err(fail)?;
    let cut_short = last > 0 && !stopped(&tx).map_err(fail)?;
    let row = write_deployment(&tx, deployment).map_err(fail)?;
    notes::write_setup(&tx, row, &deployment.setup, "configuration", start.at).map_err(fail)?;
    let values = vec![
        boot.into(),
        row.into(),
        start.at.timestamp_micros().into(),
        Value::Text(start.clock.as_str().to_owned()),
        Value::Text(start.kernel_boot.clone()),
        Value::Text(env!("CARGO_PKG_VERSION").to_owned()),
    ];
    tables::BOOT.insert(&tx, values).map_err(fail)?;
    recording::effort(&tx, boot, EffortKind::Start, start.at, start.clock, &Effort::default())
        .map_err(fail)?;
    tx.commit().map_err(fail)?;
    let text = format!("{boot} {:08x}\n", crc32fast::hash(boot.to_string().as_bytes()));
    let file = boot_file(path);
    durable::write(&file, text.as_bytes()).map_err(|e| JournalError::io("writing", &file, e))?;
    Ok(Begun { boot, deployment: row, cut_short })
}

fn boot_file(path: &Path) -> PathBuf {
    with_suffix(path, ".boot")
}

/// The boot number kept beside the journal; 0 where there is none or its checksum does not hold.
fn remembered_boot(path: &Path) -> u32 {
    let text = fs::read_to_string(boot_file(path)).unwrap_or_default();
    let Some((number, crc)) = text.trim_end().split_once(' ') else { return 0 };
    let sound = u32::from_str_radix(crc, 16).is_ok_and(|crc| crc == crc32fast::hash(number.as_bytes()));
    if sound { number.parse().unwrap_or(0) } else { 0 }
}

/// Whether the last effort row is an orderly end.
fn stopped(db: &Connection) -> rusqlite::Result<bool> {
    let rows = tables::EFFORT.select(db, "ORDER BY id DESC LIMIT 1", &[])?;
    Ok(rows.sound.first().is_some_and(|row| {
        [EffortKind::Stop, EffortKind::Handover].iter().any(|kind| row.text("kind") == kind.as_str())
    }))
}

fn write_deployment(db: &Connection, deployment: &Deployment) -> rusqlite::Result<i64> {
    let number = |v: Option<f64>| v.map_or(Value::Null, super::sealed::real);
    let name = Value::Text(deployment.name.clone());
    let known = tables::DEPLOYMENT.select(db, "WHERE name = ?", std::slice::from_ref(&name))?;
    let id = match known.sound.first() {
        Some(row) => row.integer("id"),
        None => tables::DEPLOYMENT.next_id(db)?,
    };
    let values = vec![id.into(), name, number(deployment.latitude), number(deployment.longitude)];
    match known.sound.is_empty() {
        true => tables::DEPLOYMENT.insert(db, values)?,
        false => tables::DEPLOYMENT.update(db, values)?,
    }
    Ok(id)
}
