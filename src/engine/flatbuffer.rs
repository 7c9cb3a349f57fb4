//! Reading FlatBuffers without trusting them: every offset is checked, nothing can be read outside the bytes.
//!
//! Tables of a FlatBuffer carry no types; who reads one knows its schema (field numbers in the order of the schema).

/// A table within the bytes of a FlatBuffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Table<'a> {
    /// The root table, if the file bears the `identifier` (four letters after the first offset).
    pub fn root(bytes: &'a [u8], identifier: &[u8; 4]) -> Option<Table<'a>> {
        (bytes.get(4..8)? == identifier).then_some(())?;
        Some(Table { bytes, at: usize::try_from(u32_at(bytes, 0)?).ok()? })
    }

    /// Where field `number` lies; `None` where the table leaves it out.
    fn field(&self, number: usize) -> Option<usize> {
        let back = i64::from(u32_at(self.bytes, self.at)? as i32);
        let table = usize::try_from(i64::try_from(self.at).ok()?.checked_sub(back)?).ok()?;
        let size = usize::from(u16_at(self.bytes, table)?);
        let slot = 4 + 2 * number;
        if slot + 2 > size {
            return None;
        }
        match usize::from(u16_at(self.bytes, table + slot)?) {
            0 => None,
            offset => self.at.checked_add(offset),
        }
    }

    /// A byte; `default` where it is left out.
    pub fn byte(&self, number: usize, default: u8) -> u8 {
        self.field(number).and_then(|at| self.bytes.get(at).copied()).unwrap_or(default)
    }

    /// A 32-bit whole number; `default` where it is left out.
    pub fn int(&self, number: usize, default: i32) -> i32 {
        self.field(number).and_then(|at| u32_at(self.bytes, at)).map_or(default, |v| v as i32)
    }

    /// A 32-bit float; `default` where it is left out.
    pub fn float(&self, number: usize, default: f32) -> f32 {
        self.field(number).and_then(|at| u32_at(self.bytes, at)).map_or(default, f32::from_bits)
    }

    /// A table within.
    pub fn table(&self, number: usize) -> Option<Table<'a>> {
        Some(Table { bytes: self.bytes, at: follow(self.bytes, self.field(number)?)? })
    }

    /// The elements of a vector, each `size` bytes; empty where it is left out.
    fn vector(&self, number: usize, size: usize) -> Option<&'a [u8]> {
        let at = follow(self.bytes, self.field(number)?)?;
        let count = usize::try_from(u32_at(self.bytes, at)?).ok()?;
        let start = at.checked_add(4)?;
        self.bytes.get(start..start.checked_add(count.checked_mul(size)?)?)
    }

    /// A vector of bytes.
    pub fn bytes(&self, number: usize) -> &'a [u8] {
        self.vector(number, 1).unwrap_or_default()
    }

    /// Text; empty where it is left out or no UTF-8.
    pub fn text(&self, number: usize) -> &'a str {
        std::str::from_utf8(self.bytes(number)).unwrap_or_default()
    }

    /// A vector of 32-bit whole numbers.
    pub fn ints(&self, number: usize) -> Vec<i32> {
        self.words(number).map(|v| v as i32).collect()
    }

    /// A vector of 32-bit floats.
    pub fn floats(&self, number: usize) -> Vec<f32> {
        self.words(number).map(f32::from_bits).collect()
    }

    fn words(&self, number: usize) -> impl Iterator<Item = u32> + 'a {
        let words = self.vector(number, 4).unwrap_or_default();
        words.as_chunks::<4>().0.iter().map(|w| u32::from_le_bytes(*w))
    }

    /// A vector of 64-bit whole numbers.
    pub fn longs(&self, number: usize) -> Vec<i64> {
        let words = self.vector(number, 8).unwrap_or_default();
        words.as_chunks::<8>().0.iter().map(|w| i64::from_le_bytes(*w)).collect()
    }

    /// A vector of tables.
    pub fn tables(&self, number: usize) -> Vec<Table<'a>> {
        let Some(at) = self.field(number).and_then(|at| follow(self.bytes, at)) else { return Vec::new() };
        let count = self.vector(number, 4).map_or(0, |v| v.len() / 4);
        let each = (0..count).filter_map(|i| follow(self.bytes, at + 4 + 4 * i));
        each.map(|at| Table { bytes: self.bytes, at }).collect()
    }
}

/// Where the offset at `at` leads.
fn follow(bytes: &[u8], at: usize) -> Option<usize> {
    at.checked_add(usize::try_from(u32_at(bytes, at)?).ok()?)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand from the FlatBuffers encoding: root offset 16, identifier, a vtable at 8 (8 bytes long, table of 12,
    /// field 0 at 4, field 1 at 8), the table at 16 (vtable 8 bytes back), 7 in field 0, field 1 leading to the
    /// vector at 28: two numbers, 5 and -1.
    const BYTES: [u8; 40] = [
        16, 0, 0, 0, b'T', b'E', b'S', b'T', 8, 0, 12, 0, 4, 0, 8, 0, 8, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0, 0, 2,
        0, 0, 0, 5, 0, 0, 0, 255, 255, 255, 255,
    ];

    #[test]
    fn fields_are_found_by_their_number() {
        let table = Table::root(&BYTES, b"TEST").unwrap();
        assert_eq!((table.int(0, 3), table.int(2, 3), table.byte(0, 0)), (7, 3, 7));
        assert_eq!(table.ints(1), [5, -1]);
        assert!(table.ints(2).is_empty() && table.table(2).is_none());
        assert!(Table::root(&BYTES, b"TFL3").is_none());
    }

    #[test]
    fn damaged_bytes_give_nothing_and_never_read_outside() {
        for end in 0..BYTES.len() {
            if let Some(table) = Table::root(&BYTES[..end], b"TEST") {
                assert!(table.ints(1).is_empty());
            }
        }
        for at in 0..BYTES.len() {
            let mut bytes = BYTES;
            bytes[at] = 255;
            if let Some(table) = Table::root(&bytes, b"TEST") {
                let _ = (table.int(0, 0), table.ints(1), table.tables(1), table.longs(1), table.text(1));
            }
        }
    }
}
