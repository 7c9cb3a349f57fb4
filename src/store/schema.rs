//! The journal's schema and how it grows: one SQL file per version, applied in one transaction each.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::error::JournalError;
use super::sealed::Table;
use super::tables;

/// Marks the file as ours in SQLite's header: "TRAP" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x5452_4150;

/// SQLite's default page size, bytes; fixed so that a damaged journal can be read without its header.
pub(super) const PAGE_SIZE: usize = 4096;

/// Key of the state row that repeats the version under seal: the header's own number has no checksum.
const VERSION_KEY: &str = "schema";

/// Brings a journal from the version before to its own.
pub(super) type Step = fn(&Connection) -> rusqlite::Result<()>;

/// The steps in order; step n leads to version n + 1. A step that adds a column also seals the rows anew.
pub(super) const STEPS: [Step; 6] = [
    |db| db.execute_batch(include_str!("schema/0001.sql")),
    |db| db.execute_batch(include_str!("schema/0002.sql")),
    |db| db.execute_batch(include_str!("schema/0003.sql")),
    |db| db.execute_batch(include_str!("schema/0004.sql")),
    |db| db.execute_batch(include_str!("schema/0005.sql")),
    |db| db.execute_batch(include_str!("schema/0006.sql")),
];

/// The newest version known.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// The version in the header; 0 for a new file.
pub(super) fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The version under seal, if its row is sound.
fn sealed_version(db: &Connection) -> Option<i64> {
    let key = [Value::Text(VERSION_KEY.into())];
    let rows = tables::STATE.select(db, "WHERE key = ?", &key).ok()?;
    let bytes = rows.sound.first()?.blob("value").try_into().ok()?;
    Some(i64::from_le_bytes(bytes))
}

/// The tables that a journal of its version has. Versions only add tables, those of [`tables::ALL`] in its order.
pub(super) fn present(db: &Connection) -> rusqlite::Result<&'static [&'static Table]> {
    // Tables of versions 1 to 5; a version from a file that contradicts itself was refused before.
    let known = match version(db)? {
        0 => 0,
        1 => 12,
        2 => 15,
        3 => 18,
        4 => 19,
        5 => 20,
        _ => tables::ALL.len(),
    };
    Ok(tables::ALL.get(..known).unwrap_or_default())
}

/// A journal in a fresh file.
pub(super) fn create(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    apply(db, &STEPS)
}

/// Applies the steps that `db` lacks.
pub(super) fn apply(db: &Connection, steps: &[Step]) -> rusqlite::Result<()> {
    let from = usize::try_from(version(db)?).unwrap_or(0);
    for (i, step) in steps.iter().enumerate().skip(from) {
        let tx = db.unchecked_transaction()?;
        step(&tx)?;
        let reached = i as i64 + 1;
        tx.pragma_update(None, "user_version", reached)?;
        super::state::put(&tx, VERSION_KEY, &reached.to_le_bytes())?;
        tx.commit()?;
    }
    Ok(())
}

/// What the file is, judged by its header and schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// Nothing in it.
    New,
    /// A journal of a version known here.
    Journal,
    /// Ours, but its header or schema contradicts itself.
    Damaged,
}

/// Says what `db` is; a journal that is too new, or another program's database, is an error.
pub(super) fn nature(db: &Connection, path: &Path, known: i64) -> Result<Nature, JournalError> {
    let fail = |e| JournalError::sqlite(path, e);
    let objects: i64 =
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fail)?;
    let ours: i64 = db
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name IN ('burst', 'effort', 'boot')",
            [],
            |row| row.get(0),
        )
        .map_err(fail)?;
    let id: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(fail)?;
    let found = version(db).map_err(fail)?;
    match (objects, id == APPLICATION_ID) {
        (0, true) => Ok(if found == 0 { Nature::New } else { Nature::Damaged }),
        (0, false) if id == 0 && found == 0 => Ok(Nature::New),
        (_, false) => {
            if ours > 0 {
                Ok(Nature::Damaged)
            } else {
                Err(JournalError::Foreign(path.to_path_buf()))
            }
        }
        (_, true) => match sealed_version(db) {
            Some(sealed) if sealed == found && found > known => {
                Err(JournalError::Newer { path: path.to_path_buf(), found, known })
            }
            Some(sealed) if sealed == found => Ok(Nature::Journal),
            _ => Ok(Nature::Damaged),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sealed::{Column, Kind, Table};

    /// The state table of an imagined next version, with one column more.
    const GROWN: Table = Table {
        name: "state",
        columns: &[
            Column { name: "id", kind: Kind::Integer },
            Column { name: "key", kind: Kind::Text },
            Column { name: "value", kind: Kind::Blob },
            Column { name: "note", kind: Kind::Text },
        ],
    };

    fn add_a_column(db: &Connection) -> rusqlite::Result<()> {
        let rows = tables::STATE.select(db, "", &[])?.sound;
        db.execute_batch("ALTER TABLE state ADD COLUMN note TEXT")?;
        for row in rows {
            let mut values = row.into_values();
            values.push(Value::Text("grown".into()));
            GROWN.update(db, values)?;
        }
        Ok(())
    }

    /// All steps, and one more.
    fn then(step: Step) -> Vec<Step> {
        STEPS.into_iter().chain([step]).collect()
    }

    #[test]
    fn a_journal_of_version_1_grows_to_todays_and_keeps_its_rows() {
        let db = Connection::open_in_memory().unwrap();
        db.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        apply(&db, &STEPS[..1]).unwrap();
        super::super::state::put(&db, "memory", b"stump").unwrap();
        for table in present(&db).unwrap() {
            assert_eq!(table.scan(&db).unwrap(), [], "{} is there", table.name);
        }
        assert!(tables::DELIVERY.scan(&db).is_err(), "came with version 2");
        apply(&db, &STEPS).unwrap();
        assert_eq!(present(&db).unwrap().len(), tables::ALL.len());
        assert_eq!(version(&db).unwrap(), VERSION);
        assert_eq!(super::super::state::get(&db, "memory").unwrap().unwrap(), b"stump");
        assert_eq!(nature(&db, Path::new("j.db"), VERSION).unwrap(), Nature::Journal);
    }

    #[test]
    fn a_journal_grows_to_a_later_version_and_keeps_its_rows() {
        let db = Connection::open_in_memory().unwrap();
        create(&db).unwrap();
        super::super::state::put(&db, "memory", b"stump").unwrap();
        // The version row is written by the step's runner with the columns of today; an imagined version
        // that changes that very table therefore looks at the other row only.
        let refused = |db: &Connection| db.execute_batch("CREATE TABLE half (x) STRICT; SELECT nonsense");
        assert!(apply(&db, &then(refused)).is_err());
        assert_eq!(version(&db).unwrap(), VERSION, "a step that fails leaves nothing");

        apply(&db, &then(add_a_column)).unwrap();
        assert_eq!(version(&db).unwrap(), VERSION + 1);
        let rows = GROWN.select(&db, "WHERE key = 'memory'", &[]).unwrap();
        assert_eq!(rows.sound[0].blob("value"), b"stump");
        assert_eq!(rows.sound[0].text("note"), "grown");
        apply(&db, &then(add_a_column)).unwrap();
        assert_eq!(version(&db).unwrap(), VERSION + 1, "nothing is applied twice");
    }

    #[test]
    fn newer_foreign_and_contradictory_files_are_told_apart() {
        let path = Path::new("j.db");
        let db = Connection::open_in_memory().unwrap();
        assert_eq!(nature(&db, path, VERSION).unwrap(), Nature::New);
        create(&db).unwrap();
        assert_eq!(nature(&db, path, VERSION).unwrap(), Nature::Journal);

        // One flipped bit in the header's version must not lock the owner out.
        db.pragma_update(None, "user_version", VERSION + 4096).unwrap();
        assert_eq!(nature(&db, path, VERSION).unwrap(), Nature::Damaged);

        let db = Connection::open_in_memory().unwrap();
        create(&db).unwrap();
        apply(&db, &then(|db| db.execute_batch("CREATE TABLE later (x INTEGER) STRICT"))).unwrap();
        let error = nature(&db, path, VERSION).unwrap_err();
        assert!(
            matches!(error, JournalError::Newer { found, known: VERSION, .. } if found == VERSION + 1),
            "{error}"
        );

        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
        assert!(matches!(nature(&db, path, VERSION), Err(JournalError::Foreign(_))));
    }
}
