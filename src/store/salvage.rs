//! Saves the sound rows of a damaged journal into a fresh one.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::error::JournalError;
use super::pages::Pages;
use super::sealed::{Kind, Row, Table, real};
use super::{schema, tables};
use crate::event::{Outcome, Sighting};
use crate::units::ClockQuality;

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Saved {
    /// Rows.
    pub rows: u64,
    /// Bursts among them.
    pub bursts: u64,
    /// Records whose seal was broken, and rows that had lost what they belong to.
    pub broken: u64,
    /// Bursts rebuilt from what hung on them.
    pub rebuilt: u64,
}

/// Fault noted on a burst that was rebuilt.
const REBUILT: &str = "the row of this burst was lost on the card; rebuilt from its frames and events";
/// Name of a deployment whose row was lost.
const LOST_NAME: &str = "lost";

/// Reads whatever is sound in `damaged` into the new file `fresh`, which is on the card when this returns.
pub(super) fn salvage(damaged: &Path, fresh: &Path) -> Result<Saved, JournalError> {
    let fail = |e| JournalError::sqlite(fresh, e);
    let pages = Pages::open(damaged).map_err(|e| JournalError::io("reading", damaged, e))?;
    let db = Connection::open(fresh).map_err(fail)?;
    let saved = fill(&db, &pages).map_err(fail)?;
    db.close().map_err(|(_, e)| fail(e))?;
    super::durable::sync_folder_of(fresh).map_err(|e| JournalError::io("syncing the folder of", fresh, e))?;
    Ok(saved)
}

fn fill(db: &Connection, pages: &Pages) -> rusqlite::Result<Saved> {
    db.pragma_update(None, "page_size", schema::PAGE_SIZE as i64)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", false)?;
    schema::create(db)?;
    let tx = db.unchecked_transaction()?;
    let mut saved = Saved::default();
    let mut failure = None;
    pages.visit(|id, values| {
        if failure.is_none() {
            failure = keep(&tx, id, values, &mut saved).err();
        }
    });
    if let Some(error) = failure {
        return Err(error);
    }
    mend(&tx, &mut saved)?;
    tx.commit()?;
    Ok(saved)
}

/// Inserts a record into the table whose seal it bears.
fn keep(db: &Connection, id: i64, mut values: Vec<Value>, saved: &mut Saved) -> rusqlite::Result<()> {
    let Some(Value::Integer(crc)) = values.pop() else { return Ok(()) };
    let Some(first @ Value::Null) = values.first_mut() else { return Ok(()) };
    *first = Value::Integer(id);
    let mut alike = false;
    for table in tables::ALL.into_iter().filter(|t| t.columns.len() == values.len()) {
        alike = true;
        let row = typed(table, &values);
        if table.seal(&row) == crc {
            // The fresh journal has its own version row.
            let own = table.name == "state" && row.get(1) == Some(&Value::Text("schema".into()));
            if !own && insert(db, table, row)? {
                saved.rows += 1;
                saved.bursts += u64::from(table.name == "burst");
            }
            return Ok(());
        }
    }
    saved.broken += u64::from(alike);
    Ok(())
}

/// Inserts; false where a row with that key is there (a stale copy of the page).
fn insert(db: &Connection, table: &Table, row: Vec<Value>) -> rusqlite::Result<bool> {
    match table.insert(db, row) {
        Ok(()) => Ok(true),
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => Ok(false),
        Err(e) => Err(e),
    }
}

/// SQLite stores whole REALs as integers; the seal was made over REALs.
fn typed(table: &Table, values: &[Value]) -> Vec<Value> {
    let column = |(value, column): (&Value, &super::sealed::Column)| match (value, column.kind) {
        (Value::Integer(i), Kind::Real) => Value::Real(*i as f64),
        (value, _) => value.clone(),
    };
    values.iter().zip(table.columns).map(column).collect()
}

/// Makes parents for rows that lost theirs, and drops rows that say nothing without them.
fn mend(db: &Connection, saved: &mut Saved) -> rusqlite::Result<()> {
    rebuild_bursts(db, saved)?;
    let orphans = [
        ("box", "frame"),
        ("merged", "sequence"),
        ("label", "burst"),
        ("cause", "burst"),
        ("supply", "reading"),
        ("setup", "deployment"),
    ];
    for (table, parent) in orphans {
        let sql = format!("DELETE FROM {table} WHERE {parent} NOT IN (SELECT id FROM {parent})");
        saved.broken += db.execute(&sql, [])? as u64;
    }
    for sequence in missing(db, "sequence", &["burst"])? {
        let bursts =
            tables::BURST.select(db, "WHERE sequence = ? ORDER BY id", &[Value::Integer(sequence)])?.sound;
        let Some(first) = bursts.first() else { continue };
        let times = bursts.iter().map(|b| b.integer("triggered_us"));
        let values = vec![
            sequence.into(),
            first.integer("deployment").into(),
            times.clone().min().unwrap_or(0).into(),
            times.max().unwrap_or(0).into(),
            (bursts.len() as i64).into(),
            Value::Text(first.text("outcome").to_owned()),
            real(first.real("probability")),
        ];
        tables::SEQUENCE.insert(db, values)?;
    }
    for boot in missing(db, "boot", &["burst", "effort", "reading"])? {
        let deployment = "SELECT deployment FROM burst WHERE boot = ?";
        let deployment: i64 = db.query_row(deployment, [boot], |r| r.get(0)).or_else(none_is(1))?;
        let text = |s: &str| Value::Text(s.to_owned());
        let clock = text(ClockQuality::Unset.as_str());
        tables::BOOT
            .insert(db, vec![boot.into(), deployment.into(), 0i64.into(), clock, text(""), text("")])?;
    }
    for deployment in missing(db, "deployment", &["burst", "boot", "sequence"])? {
        let name = Value::Text(format!("{LOST_NAME}-{deployment}"));
        tables::DEPLOYMENT.insert(db, vec![deployment.into(), name, Value::Null, Value::Null])?;
    }
    Ok(())
}

/// Keys that `children` name but `parent` lacks.
fn missing(db: &Connection, parent: &str, children: &[&str]) -> rusqlite::Result<Vec<i64>> {
    let named: Vec<_> = children.iter().map(|c| format!("SELECT {parent} FROM {c}")).collect();
    let sql = format!("{} EXCEPT SELECT id FROM {parent}", named.join(" UNION "));
    db.prepare(&sql)?.query_map([], |row| row.get(0))?.collect()
}

/// Bursts that are only known by what hung on them.
fn rebuild_bursts(db: &Connection, saved: &mut Saved) -> rusqlite::Result<()> {
    for id in missing(db, "burst", &["frame", "observation", "media", "outbox", "label"])? {
        let key = [Value::Integer(id)];
        let events = tables::OUTBOX.select(db, "WHERE burst = ? ORDER BY id", &key)?.sound;
        let sent = events.first().and_then(|row| Sighting::decode(row.blob("payload")).ok());
        let neighbour = tables::BURST.select(db, "ORDER BY abs(id - ?) LIMIT 1", &key)?.sound;
        let neighbour = neighbour.first();
        let near = |column| neighbour.map_or(1, |row: &Row| row.integer(column));
        let frame = tables::FRAME.select(db, "WHERE burst = ? ORDER BY taken_us LIMIT 1", &key)?.sound;
        let taken = frame.first().map(|row| row.integer("taken_us"));
        let at = taken.or_else(|| sent.as_ref().map(|s| s.at.saturating_mul(1_000_000)));
        let sequence = "SELECT 1 + max(coalesce((SELECT max(sequence) FROM burst), 0), \
                        coalesce((SELECT max(id) FROM sequence), 0))";
        let sequence: i64 = db.query_row(sequence, [], |r| r.get(0))?;
        let text = |s: &str| Value::Text(s.to_owned());
        let values = vec![
            id.into(),
            sent.as_ref().map_or(near("boot"), |s| s.key.boot.into()).into(),
            near("deployment").into(),
            sequence.into(),
            (events.len().max(1) as i64).into(),
            at.unwrap_or_else(|| near("triggered_us")).into(),
            text(sent.as_ref().map_or(ClockQuality::Unset, |s| s.clock).as_str()),
            text(sent.as_ref().map_or(Outcome::Failed, |s| s.outcome).as_str()),
            real(sent.as_ref().map_or(0.0, |s| s.score.get())),
            0i64.into(),
            0i64.into(),
            Value::Text(serde_json::json!([REBUILT]).to_string()),
            text("[]"),
            Value::Null,
            Value::Null,
        ];
        tables::BURST.insert(db, values)?;
        saved.rebuilt += 1;
    }
    Ok(())
}

fn none_is(default: i64) -> impl Fn(rusqlite::Error) -> rusqlite::Result<i64> {
    move |error| match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(default),
        other => Err(other),
    }
}
