//! Named bytes in the journal: what the vision learnt of the scene, and counters. Sealed like every row.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::tables::STATE;

/// Writes `value` under `key`, replacing what was there.
pub(super) fn put(db: &Connection, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    let id: Option<i64> = {
        let mut statement = db.prepare_cached("SELECT id FROM state WHERE key = ?")?;
        let mut rows = statement.query([key])?;
        rows.next()?.map(|row| row.get(0)).transpose()?
    };
    let row = |id| vec![Value::Integer(id), Value::Text(key.to_owned()), Value::Blob(value.to_vec())];
    match id {
        Some(id) => STATE.update(db, row(id)),
        None => STATE.insert(db, row(STATE.next_id(db)?)),
    }
}

/// Reads what is under `key`; a damaged value counts as absent, so that its owner starts anew.
pub(super) fn get(db: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let rows = STATE.select(db, "WHERE key = ?", &[Value::Text(key.to_owned())])?;
    Ok(rows.sound.first().map(|row| row.blob("value").to_vec()))
}

/// Reads a counter; 0 where there is none.
pub(super) fn counter(db: &Connection, key: &str) -> rusqlite::Result<u64> {
    let bytes = get(db, key)?.and_then(|b| <[u8; 8]>::try_from(b).ok());
    Ok(bytes.map_or(0, u64::from_le_bytes))
}

/// Adds to a counter and gives its new value.
pub(super) fn count(db: &Connection, key: &str, more: u64) -> rusqlite::Result<u64> {
    let value = counter(db, key)?.saturating_add(more);
    put(db, key, &value.to_le_bytes())?;
    Ok(value)
}
