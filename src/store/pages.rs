//! Reads rows out of an SQLite file without SQLite: page by page, with neither header nor schema nor tree needed.
//!
//! After <https://www.sqlite.org/fileformat2.html>, sections 1.6 (b-tree pages), 2.1 (records) and 4 (WAL).
//! Whatever looks like a table leaf is read; the caller's seal says which records are rows. A damaged page costs
//! its own rows and no other's.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::types::Value;

use super::durable::with_suffix;
use super::schema::PAGE_SIZE;

const PAGE: u64 = PAGE_SIZE as u64;
const WAL_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;
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

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// A write-ahead log.
struct Log {
    file: File,
    /// Whole frames in the file.
    frames: u64,
    /// The file ends within a frame.
    partial: bool,
    header: [u8; WAL_HEADER as usize],
}

/// One frame of a log, of those that carry the log's salt.
struct Frame {
    /// The page it holds.
    page: u32,
    /// It ends a transaction.
    commit: bool,
    /// Where its page lies in the file.
    at: u64,
    /// The chain of checksums holds up to here.
    sound: bool,
}

impl Log {
    fn open(database: &Path) -> Option<Self> {
        let path = with_suffix(database, "-wal");
        let length = fs::metadata(&path).ok()?.len();
        let length = length.checked_sub(WAL_HEADER)?;
        let (frames, rest) = (length / (FRAME_HEADER + PAGE), length % (FRAME_HEADER + PAGE));
        let file = File::open(path).ok()?;
        let mut header = [0; WAL_HEADER as usize];
        file.read_exact_at(&mut header, 0).ok()?;
        Some(Log { file, frames, partial: rest > 0, header })
    }

    /// Frames that belong to this turn of the log: those whose salt is that of the header, or of the first frame
    /// where the header is damaged.
    fn frames(&self) -> Vec<Frame> {
        let big = self.header.get(3).is_some_and(|b| b & 1 == 1);
        let sum = checksum(big, (0, 0), self.header.get(..24).unwrap_or(&[]));
        let stored = (u32_at(&self.header, 24), u32_at(&self.header, 28));
        let mut sound = stored == (Some(sum.0), Some(sum.1));
        let mut salt = self.header.get(16..24).map(<[u8]>::to_vec).filter(|_| sound);
        let mut sum = sum;
        let mut frames = Vec::new();
        for i in 0..self.frames {
            let at = WAL_HEADER + i * (FRAME_HEADER + PAGE);
            let mut bytes = vec![0; FRAME_HEADER as usize + PAGE_SIZE];
            if self.file.read_exact_at(&mut bytes, at).is_err() {
                break;
            }
            let Some((head, page)) = bytes.split_at_checked(FRAME_HEADER as usize) else { break };
            let Some((numbers, marks)) = head.split_at_checked(8) else { break };
            let frame_salt = marks.get(..8).unwrap_or(&[]);
            if salt.get_or_insert_with(|| frame_salt.to_vec()) != frame_salt {
                // A frame of the turn before, or a damaged one with sound ones behind it.
                sound = false;
                continue;
            }
            sum = checksum(big, checksum(big, sum, numbers), page);
            sound &= (u32_at(marks, 8), u32_at(marks, 12)) == (Some(sum.0), Some(sum.1));
            let (Some(page), Some(size)) = (u32_at(numbers, 0), u32_at(numbers, 4)) else { break };
            frames.push(Frame { page, commit: size != 0, at: at + FRAME_HEADER, sound });
        }
        frames
    }
}

/// SQLite's log checksum over words of 32 bits, two at a time.
fn checksum(big: bool, (mut a, mut b): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let word = |w: &[u8]| match <[u8; 4]>::try_from(w) {
        Ok(w) if big => u32::from_be_bytes(w),
        Ok(w) => u32::from_le_bytes(w),
        Err(_) => 0,
    };
    for pair in bytes.chunks_exact(8) {
        let (first, second) = pair.split_at(4);
        a = a.wrapping_add(word(first)).wrapping_add(b);
        b = b.wrapping_add(word(second)).wrapping_add(a);
    }
    (a, b)
}

/// What a look at a write-ahead log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogState {
    /// There is none, or it is whole.
    Whole,
    /// Its last transaction is incomplete, as a power cut leaves it. SQLite drops it.
    Torn,
    /// It holds acknowledged transactions that SQLite would silently drop.
    Damaged,
}

/// Judges the log of `database`.
///
/// SQLite reads a log up to the first frame whose checksum fails, which is right for a transaction that the power
/// cut tore. But a transaction is only begun once the one before is on the card: two commits at or after the
/// broken frame mean that the first of them had been acknowledged, and that the card lost it since.
pub(super) fn log_state(database: &Path) -> LogState {
    let Some(log) = Log::open(database) else { return LogState::Whole };
    let frames = log.frames();
    let unsound = frames.iter().filter(|frame| !frame.sound);
    if unsound.clone().filter(|frame| frame.commit).count() >= 2 {
        return LogState::Damaged;
    }
    let incomplete = log.partial || frames.last().is_some_and(|frame| !frame.commit);
    if incomplete || unsound.count() > 0 { LogState::Torn } else { LogState::Whole }
}

#[cfg(test)]
mod tests {
    use super::*;

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
