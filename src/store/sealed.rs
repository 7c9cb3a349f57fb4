//! Rows under seal: every row carries the CRC-32 of its content, so that a bit that fell over on the card is told
//! and never read as truth. SQLite by itself notices next to none of them.
//!
//! The sum runs over the table's name and then, for each column but `crc` in the order of the schema, a type byte
//! (0 null, 1 integer, 2 real, 3 text, 4 blob), for text and blob the length as 8 bytes, and the value; all
//! little-endian. The polynomial is that of IEEE 802.3, which finds every single and double flip in such rows.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Type of a column in a STRICT table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Signed 64 bits.
    Integer,
    /// Double.
    Real,
    /// UTF-8.
    Text,
    /// Bytes.
    Blob,
}

/// One column; every one but `id` may hold a null as far as the seal is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
}

/// A table: its columns but the last, `crc`; the first is `id`, the row's integer key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns without `crc`.
    pub columns: &'static [Column],
}

impl Table {
    /// The seal of a row of this table.
    pub fn seal(&self, values: &[Value]) -> i64 {
        let mut crc = crc32fast::Hasher::new();
        crc.update(self.name.as_bytes());
        for value in values {
            match value {
                Value::Null => crc.update(&[0]),
                Value::Integer(i) => {
                    crc.update(&[1]);
                    crc.update(&i.to_le_bytes());
                }
                Value::Real(r) => {
                    crc.update(&[2]);
                    crc.update(&r.to_le_bytes());
                }
                Value::Text(t) => {
                    crc.update(&[3]);
                    crc.update(&(t.len() as u64).to_le_bytes());
                    crc.update(t.as_bytes());
                }
                Value::Blob(b) => {
                    crc.update(&[4]);
                    crc.update(&(b.len() as u64).to_le_bytes());
                    crc.update(b);
                }
            }
        }
        i64::from(crc.finalize())
    }

    /// Inserts a row, sealed. `values` are in the order of the columns.
    pub fn insert(&self, db: &Connection, values: Vec<Value>) -> rusqlite::Result<()> {
        let marks = vec!["?"; self.columns.len() + 1].join(", ");
        let sql = format!("INSERT INTO {} ({}, crc) VALUES ({marks})", self.name, self.names());
        self.run(db, &sql, values)
    }

    /// Writes a row anew, sealed; the row is found by its `id`.
    pub fn update(&self, db: &Connection, values: Vec<Value>) -> rusqlite::Result<()> {
        let names = self.columns.iter().map(|c| c.name).chain(["crc"]);
        let sets: Vec<_> = names.enumerate().map(|(i, name)| format!("{name} = ?{}", i + 1)).collect();
        self.run(db, &format!("UPDATE {} SET {} WHERE id = ?1", self.name, sets.join(", ")), values)
    }

    fn run(&self, db: &Connection, sql: &str, mut values: Vec<Value>) -> rusqlite::Result<()> {
        values.push(Value::Integer(self.seal(&values)));
        db.prepare_cached(sql)?.execute(params_from_iter(values))?;
        Ok(())
    }

    /// Reads rows; `tail` is what comes after `FROM table`, its parameters are `params`.
    pub fn select(&self, db: &Connection, tail: &str, params: &[Value]) -> rusqlite::Result<Rows> {
        let mut rows = Rows { sound: Vec::new(), damaged: Vec::new() };
        self.visit(db, tail, params, |row| match row {
            Ok(row) => rows.sound.push(row),
            Err(id) => rows.damaged.push(Damage { table: self.name, id }),
        })?;
        Ok(rows)
    }

    /// Counts rows whose seal is broken, reading the whole table.
    pub fn scan(&self, db: &Connection) -> rusqlite::Result<Vec<Damage>> {
        let mut damaged = Vec::new();
        self.visit(db, "NOT INDEXED", &[], |row| {
            if let Err(id) = row {
                damaged.push(Damage { table: self.name, id });
            }
        })?;
        Ok(damaged)
    }

    fn visit(
        &self,
        db: &Connection,
        tail: &str,
        params: &[Value],
        mut each: impl FnMut(Result<Row, i64>),
    ) -> rusqlite::Result<()> {
        let sql = format!("SELECT {}, crc FROM {} {tail}", self.names(), self.name);
        let mut statement = db.prepare_cached(&sql)?;
        let mut found = statement.query(params_from_iter(params))?;
        while let Some(row) = found.next()? {
            let mut values = Vec::with_capacity(self.columns.len());
            for (i, column) in self.columns.iter().enumerate() {
                values.push(read(row.get_ref(i)?, column.kind));
            }
            let values: Option<Vec<Value>> = values.into_iter().collect();
            let crc = row.get_ref(self.columns.len())?.as_i64().ok();
            each(match values {
                Some(values) if crc == Some(self.seal(&values)) => Ok(Row { table: self.columns, values }),
                _ => Err(row.get_ref(0)?.as_i64().unwrap_or(0)),
            });
        }
        Ok(())
    }

    /// The next free `id`. Only the one writer asks.
    pub fn next_id(&self, db: &Connection) -> rusqlite::Result<i64> {
        let sql = format!("SELECT coalesce(max(id), 0) + 1 FROM {}", self.name);
        db.prepare_cached(&sql)?.query_row([], |row| row.get(0))
    }

    fn names(&self) -> String {
        self.columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ")
    }
}

/// A value as SQLite gives it, or `None` where a flipped bit made it something that this column cannot hold.
fn read(value: rusqlite::types::ValueRef<'_>, kind: Kind) -> Option<Value> {
    use rusqlite::types::ValueRef;
    match (value, kind) {
        (ValueRef::Null, _) => Some(Value::Null),
        (ValueRef::Integer(i), Kind::Integer) => Some(Value::Integer(i)),
        (ValueRef::Real(r), Kind::Real) => Some(Value::Real(r)),
        (ValueRef::Text(t), Kind::Text) => Some(Value::Text(std::str::from_utf8(t).ok()?.to_owned())),
        (ValueRef::Blob(b), Kind::Blob) => Some(Value::Blob(b.to_vec())),
        _ => None,
    }
}

/// A row whose seal is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its table.
    pub table: &'static str,
    /// Its key, as far as that can be read.
    pub id: i64,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "row {} of {}", self.id, self.table)
    }
}

/// What a query found.
pub(super) struct Rows {
    /// Rows whose seal holds.
    pub sound: Vec<Row>,
    /// The others.
    pub damaged: Vec<Damage>,
}

/// A row whose seal held.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    table: &'static [Column],
    values: Vec<Value>,
}

impl Row {
    /// The row's values, to be changed by [`Row::set`] and written anew.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// Puts `value` into `column`.
    pub fn set(&mut self, column: &str, value: impl Into<Value>) {
        if let Some(slot) = self.at(column).and_then(|i| self.values.get_mut(i)) {
            *slot = value.into();
        }
    }

    /// An integer; 0 for a null.
    pub fn integer(&self, column: &str) -> i64 {
        self.integer_or_null(column).unwrap_or(0)
    }

    /// An integer that may be null.
    pub fn integer_or_null(&self, column: &str) -> Option<i64> {
        match self.get(column) {
            Some(Value::Integer(i)) => Some(*i),
            _ => None,
        }
    }

    /// A number; 0 for a null.
    pub fn real(&self, column: &str) -> f64 {
        self.real_or_null(column).unwrap_or(0.0)
    }

    /// A number that may be null.
    pub fn real_or_null(&self, column: &str) -> Option<f64> {
        match self.get(column) {
            Some(Value::Real(r)) => Some(*r),
            _ => None,
        }
    }

    /// A text; empty for a null.
    pub fn text(&self, column: &str) -> &str {
        self.text_or_null(column).unwrap_or("")
    }

    /// A text that may be null.
    pub fn text_or_null(&self, column: &str) -> Option<&str> {
        match self.get(column) {
            Some(Value::Text(t)) => Some(t),
            _ => None,
        }
    }

    /// Bytes; none for a null.
    pub fn blob(&self, column: &str) -> &[u8] {
        match self.get(column) {
            Some(Value::Blob(b)) => b,
            _ => &[],
        }
    }

    fn get(&self, column: &str) -> Option<&Value> {
        self.values.get(self.at(column)?)
    }

    fn at(&self, column: &str) -> Option<usize> {
        self.table.iter().position(|c| c.name == column)
    }
}

/// A number for a REAL column. SQLite keeps neither NaN nor the sign of zero; the first becomes 0 here, told by
/// nobody because no measure of ours is NaN by right.
pub(super) fn real(value: impl Into<f64>) -> Value {
    let value = value.into();
    Value::Real(if value.is_finite() { value + 0.0 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{schema, tables};

    #[test]
    fn the_seal_is_the_standard_crc_of_the_written_layout() {
        // The bytes are laid out by hand from the module's documentation; the polynomial is checked against the
        // published check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926);
        let bytes = b"state\x01\x07\0\0\0\0\0\0\0\x03\x01\0\0\0\0\0\0\0k\x04\x02\0\0\0\0\0\0\0\xff\x00";
        let row = [Value::Integer(7), Value::Text("k".into()), Value::Blob(vec![0xff, 0])];
        assert_eq!(tables::STATE.seal(&row), i64::from(crc32fast::hash(bytes)));
    }

    #[test]
    fn the_code_and_the_schema_name_the_same_columns() {
        let db = Connection::open_in_memory().unwrap();
        schema::create(&db).unwrap();
        for table in tables::ALL {
            let mut info = db.prepare("SELECT name, type FROM pragma_table_info(?1)").unwrap();
            let found: Vec<(String, String)> = info
                .query_map([table.name], |r| Ok((r.get(0)?, r.get(1)?)))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let mut expected: Vec<(String, String)> = table
                .columns
                .iter()
                .map(|c| (c.name.to_owned(), format!("{:?}", c.kind).to_uppercase()))
                .collect();
            expected.push(("crc".into(), "INTEGER".into()));
            assert_eq!(found, expected, "{}", table.name);
        }
        let count: usize = db
            .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", [], |r| r.get::<_, i64>(0))
            .unwrap() as usize;
        assert_eq!(count, tables::ALL.len());
    }

    #[test]
    fn a_changed_value_is_damage_and_not_a_row() {
        let db = Connection::open_in_memory().unwrap();
        schema::create(&db).unwrap();
        for (id, key) in [(11, "a"), (12, "b")] {
            let row = vec![Value::Integer(id), Value::Text(key.into()), Value::Blob(vec![1, 2, 3])];
            tables::STATE.insert(&db, row).unwrap();
        }
        db.execute("UPDATE state SET value = x'010203FF' WHERE key = 'a'", []).unwrap();
        let rows = tables::STATE.select(&db, "", &[]).unwrap();
        assert_eq!(rows.damaged, vec![Damage { table: "state", id: 11 }]);
        let keys: Vec<_> = rows.sound.iter().map(|row| row.text("key")).collect();
        assert_eq!(keys, ["schema", "b"]);
        assert_eq!(tables::STATE.scan(&db).unwrap().len(), 1);
    }

    #[test]
    fn reals_survive_the_round_trip_bit_by_bit() {
        // SQLite keeps whole REALs as integers on disk and has no NaN: both must not break the seal.
        let db = Connection::open_in_memory().unwrap();
        schema::create(&db).unwrap();
        for (i, v) in [0.0, -0.0, 1.0, f64::from(0.1f32), f64::NAN, f64::INFINITY].into_iter().enumerate() {
            let row = vec![Value::Integer(i as i64 + 1), Value::Text(i.to_string()), real(v), Value::Null];
            tables::DEPLOYMENT.insert(&db, row).unwrap();
        }
        let rows = tables::DEPLOYMENT.select(&db, "ORDER BY id", &[]).unwrap();
        assert!(rows.damaged.is_empty());
        assert_eq!(rows.sound[3].real("latitude") as f32, 0.1f32);
        assert_eq!(rows.sound[4].real("latitude"), 0.0);
        assert_eq!(rows.sound[0].real_or_null("longitude"), None);
    }
}
