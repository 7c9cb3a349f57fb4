//! Reads rows out of an SQLite file without SQLite: page by page, with neither header nor schema nor tree needed.
//!
//! After <https://www.sqlite.org/fileformat2.html>, sections 1.6 (b-tree pages), 2.1 (records) and 4 (WAL).
//! Whatever looks like a table leaf is read; the caller's seal says which records are rows. A damaged page costs
//! its own rows and no other's.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::types::Value;

use super::schema::PAGE_SIZE;
use super::wal::Log;

const PAGE: u64 = PAGE_SIZE as u64;
/// Type byte of a table leaf.
const TABLE_LEAF: u8 = 0x0d;
/// The file header in front of page 1.
const FILE_HEADER: usize = 100;
/// No row of ours comes near: a report of photos may have some MB.
const PAYLOAD_MAX: usize = 64 << 20;

/// A database file with its write-ahead log laid over it.
pub(super) struct Pages {
    file: File,
    count: u32,
    wal: Option<File>,
    /// Where the newest image of a page lies in the log.
    newest: HashMap<u32, u64>,
}

impl Pages {
    /// Opens the file and reads the log's index, if there is a log.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let mut count = u32::try_from(file.metadata()?.len().div_ceil(PAGE)).unwrap_or(u32::MAX);
        let mut newest = HashMap::new();
        let wal = Log::open(path);
        if let Some(log) = &wal {
            let (mut transaction, mut committed) = (Vec::new(), Vec::new());
            for frame in log.frames() {
                transaction.push((frame.page, frame.at));
                if frame.commit {
                    committed.append(&mut transaction);
                }
            }
            for (page, at) in committed {
                count = count.max(page);
                newest.insert(page, at);
            }
        }
        Ok(Pages { file, count, wal: wal.map(|log| log.file), newest })
    }

    /// Gives every record found: key and values.
    pub fn visit(&self, mut each: impl FnMut(i64, Vec<Value>)) {
        for number in 1..=self.count {
            let Some(page) = self.page(number) else { continue };
            let start = if number == 1 { FILE_HEADER } else { 0 };
            let cells = match page.get(start..start + 8) {
                Some([TABLE_LEAF, _, _, high, low, ..]) => usize::from(u16::from_be_bytes([*high, *low])),
                _ => continue,
            };
            for i in 0..cells {
                let at = start + 8 + 2 * i;
                let Some(&[high, low]) = page.get(at..at + 2) else { break };
                let offset = usize::from(u16::from_be_bytes([high, low]));
                if let Some((id, values)) = self.cell(&page, offset) {
                    each(id, values);
                }
            }
        }
    }

    /// One page, zero-filled where the file ends within it; `None` beyond the end.
    fn page(&self, number: u32) -> Option<Vec<u8>> {
        let mut page = vec![0; PAGE_SIZE];
        match (self.newest.get(&number), &self.wal) {
            (Some(&at), Some(wal)) => wal.read_exact_at(&mut page, at).ok()?,
            _ => {
                let at = u64::from(number.checked_sub(1)?) * PAGE;
                let mut got = 0;
                while let Some(rest) = page.get_mut(got..).filter(|rest| !rest.is_empty()) {
                    match self.file.read_at(rest, at + got as u64) {
                        Ok(0) | Err(_) => break,
                        Ok(n) => got += n,
                    }
                }
                if got == 0 {
                    return None;
                }
            }
        }
        Some(page)
    }

    /// The record in the cell at `offset`, or `None` where it is no record.
    fn cell(&self, page: &[u8], offset: usize) -> Option<(i64, Vec<Value>)> {
        let mut rest = page.get(offset..)?;
        let length = usize::try_from(varint(&mut rest)?).ok().filter(|&n| n <= PAYLOAD_MAX)?;
        let id = varint(&mut rest)?;
        let payload = self.payload(rest, length)?;
        Some((id, record(&payload)?))
    }

    /// The payload of a cell, put together from the page and its overflow pages.
    fn payload(&self, rest: &[u8], length: usize) -> Option<Vec<u8>> {
        let most = PAGE_SIZE - 35;
        if length <= most {
            return Some(rest.get(..length)?.to_vec());
        }
        let least = (PAGE_SIZE - 12) * 32 / 255 - 23;
        let here = least + (length - least) % (PAGE_SIZE - 4);
        let here = if here <= most { here } else { least };
        let mut payload = rest.get(..here)?.to_vec();
        let mut next = u32_at(rest, here)?;
        while payload.len() < length {
            if next == 0 {
                return None;
            }
            let page = self.page(next)?;
            let want = (length - payload.len()).min(PAGE_SIZE - 4);
            payload.extend_from_slice(page.get(4..4 + want)?);
            next = u32_at(&page, 0)?;
        }
        Some(payload)
    }
}

/// A record's values; `None` where the bytes are not one.
fn record(payload: &[u8]) -> Option<Vec<Value>> {
    let mut header = payload;
    let length = usize::try_from(varint(&mut header)?).ok()?;
    let mut types = payload.get(payload.len() - header.len()..length)?;
    let mut body = payload.get(length..)?;
    let mut values = Vec::new();
    while !types.is_empty() {
        values.push(value(varint(&mut types)?, &mut body)?);
    }
    Some(values)
}

fn value(kind: i64, body: &mut &[u8]) -> Option<Value> {
    Some(match kind {
        0 => Value::Null,
        1 => Value::Integer(signed(take(body, 1)?)),
        2 => Value::Integer(signed(take(body, 2)?)),
        3 => Value::Integer(signed(take(body, 3)?)),
        4 => Value::Integer(signed(take(body, 4)?)),
        5 => Value::Integer(signed(take(body, 6)?)),
        6 => Value::Integer(signed(take(body, 8)?)),
        7 => Value::Real(f64::from_be_bytes(take(body, 8)?.try_into().ok()?)),
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        n if n >= 12 => {
            let bytes = take(body, usize::try_from((n - 12) / 2).ok()?)?;
            match n % 2 {
                0 => Value::Blob(bytes.to_vec()),
                _ => Value::Text(std::str::from_utf8(bytes).ok()?.to_owned()),
            }
        }
        _ => return None,
    })
}

/// A big-endian two's complement number of 1 to 8 bytes.
fn signed(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|b| b & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |n, &b| (n << 8) | i64::from(b))
}

fn take<'a>(body: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = body.split_at_checked(n)?;
    *body = tail;
    Some(head)
}

/// SQLite's variable-length integer: seven bits a byte, high first; all eight of the ninth.
fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut n: u64 = 0;
    for i in 0..9 {
        let byte = *take(bytes, 1)?.first()?;
        if i == 8 {
            return Some(((n << 8) | u64::from(byte)) as i64);
        }
        n = (n << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(n as i64)
}

/// A big-endian number.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::wal::{LogState, log_state};

    #[test]
    fn numbers_as_the_file_format_document_defines_them() {
        // By hand: 0x81 0x00 is 128; nine bytes of ones are -1.
        assert_eq!(varint(&mut [0x81, 0x00].as_slice()), Some(128));
        assert_eq!(varint(&mut [0xff; 9].as_slice()), Some(-1));
        assert_eq!(varint(&mut [0x81].as_slice()), None);
        assert_eq!(signed(&[0xff, 0xfe]), -2);
        assert_eq!(signed(&[0x00, 0x80, 0x00]), 32768);
    }

    #[test]
    fn sqlite_and_this_reader_see_the_same_rows() {
        // Independent source: SQLite itself. Sizes around the overflow limits, every integer width, log and file.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let db = rusqlite::Connection::open(&path).unwrap();
        db.pragma_update(None, "page_size", 4096).unwrap();
        let _: String = db.query_row("PRAGMA journal_mode = WAL", [], |r| r.get(0)).unwrap();
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)", []).unwrap();
        let put = |id: i64, n: usize| {
            let wide = if id % 2 == 0 { i64::MIN >> (id % 60) } else { i64::MAX >> (id % 60) };
            db.execute("INSERT INTO t VALUES (?1, ?2, ?3)", (id, wide, "é".repeat(n))).unwrap();
        };
        for (id, n) in [0, 1, 2025, 2026, 2027, 2028, 2030, 2040, 4000, 9000].into_iter().enumerate() {
            put(id as i64 + 1, n);
        }
        let _: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0)).unwrap();
        (100..400).for_each(|id| put(id, (id % 50) as usize));
        let mut expected = HashMap::new();
        let mut all = db.prepare("SELECT id, a, b FROM t").unwrap();
        let mut rows = all.query([]).unwrap();
        while let Some(r) = rows.next().unwrap() {
            expected.insert(
                r.get::<_, i64>(0).unwrap(),
                (r.get::<_, Value>(1).unwrap(), r.get::<_, Value>(2).unwrap()),
            );
        }
        let mut found = HashMap::new();
        Pages::open(&path).unwrap().visit(|id, values| {
            if let [Value::Null, a, b] = values.as_slice() {
                found.insert(id, (a.clone(), b.clone()));
            }
        });
        assert_eq!(expected.len(), 310);
        assert_eq!(found, expected);
        assert_eq!(log_state(&path), LogState::Whole);
    }
}
