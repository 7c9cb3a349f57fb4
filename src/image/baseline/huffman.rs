//! Huffman tables (ITU-T T.81, annex C), laid out for reading symbols and for passing over many at once.

use super::bits::{Bits, extended};

/// Codes up to so many bits are found by one look. 11 bits hold two symbols on the average photo, and the tables of a
/// picture (two for AC, 8 KB each) stay in the nearest cache of the smallest boards.
const LOOK: u32 = 11;

/// What the next [`LOOK`] bits say of AC symbols, in one number: bits to use up (8), coefficients passed (8), end of block (1).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Leap(u32);

impl Leap {
    const END: u32 = 1 << 16;

    fn new(bits: u32, passed: u32, end: bool) -> Leap {
        Leap(bits | passed << 8 | if end { Leap::END } else { 0 })
    }

    /// Bits to use up, those behind the codes included; 0: look symbol by symbol.
    #[inline(always)]
    pub fn bits(self) -> u32 {
        self.0 & 0xFF
    }

    /// Coefficients passed.
    #[inline(always)]
    pub fn passed(self) -> usize {
        (self.0 >> 8 & 0xFF) as usize
    }

    /// Whether the block ends behind them.
    #[inline(always)]
    pub fn ends(self) -> bool {
        self.0 & Leap::END != 0
    }
}

/// One symbol and the number that follows it, where [`LOOK`] bits hold both: bits to use up (8), zeros before the number (8),
/// the number (16).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Step(i32);

impl Step {
    /// More zeros than a block has coefficients: it ends here.
    pub const END: usize = 64;

    fn new(bits: u32, zeros: u32, number: i32) -> Step {
        Step(number << 16 | (zeros << 8 | bits) as i32)
    }

    /// Bits to use up; 0: read symbol and number one after the other.
    #[inline(always)]
    pub fn bits(self) -> u32 {
        self.0 as u32 & 0xFF
    }

    /// Zeros before the number, or [`Step::END`].
    #[inline(always)]
    pub fn zeros(self) -> usize {
        (self.0 as u32 >> 8 & 0xFF) as usize
    }

    /// The number.
    #[inline(always)]
    pub fn number(self) -> i32 {
        self.0 >> 16
    }
}

/// What a table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Differences of means.
    Dc,
    /// All other frequencies.
    Ac,
}

/// One table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Per [`LOOK`] bits: the symbol and the length of its code, length 0 for longer codes and none.
    short: Box<[(u8, u8); 1 << LOOK]>,
    /// Per length: the first 16 bits behind the codes up to it.
    ends: [u32; 17],
    /// Per length: what is added to a code to find its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
    steps: Box<[Step; 1 << LOOK]>,
    leaps: Box<[Leap; 1 << LOOK]>,
}

impl Table {
    /// From the number of codes of each length, 1 to 16, and their symbols; `None` for what cannot be a table.
    pub fn new(kind: Kind, counts: &[u8; 16], symbols: &[u8]) -> Option<Table> {
        let mut table = Table {
            short: Box::new([(0, 0); 1 << LOOK]),
            ends: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
            steps: Box::new([Step::default(); 1 << LOOK]),
            leaps: Box::new([Leap::default(); 1 << LOOK]),
        };
        let (mut code, mut index) = (0u32, 0u32);
        for (length, &count) in (1u32..).zip(counts) {
            table.offsets[length as usize] = index as i32 - code as i32;
            for _ in 0..count {
                let symbol = *symbols.get(index as usize)?;
                if length <= LOOK {
                    let first = (code << (LOOK - length)) as usize;
                    let all = table.short.get_mut(first..first + (1 << (LOOK - length)))?;
                    all.fill((symbol, length as u8));
                }
                (code, index) = (code + 1, index + 1);
            }
            if code > 1 << length {
                return None;
            }
            table.ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        for look in 0..1 << LOOK {
            table.steps[look] = table.step(kind, look);
            if kind == Kind::Ac {
                table.leaps[look] = table.leap(look);
            }
        }
        Some(table)
    }

    fn step(&self, kind: Kind, look: usize) -> Step {
        let (symbol, length) = self.short[look];
        let length = u32::from(length);
        let (zeros, size) = match kind {
            Kind::Dc => (0, u32::from(symbol)),
            Kind::Ac => (u32::from(symbol >> 4), u32::from(symbol & 15)),
        };
        match (kind, zeros, size) {
            _ if length == 0 || length + size > LOOK => Step::default(),
            (Kind::Ac, 15, 0) => Step::default(),
            (Kind::Ac, _, 0) => Step::new(length, Step::END as u32, 0),
            _ => {
                let bits = (look >> (LOOK - length - size)) as i32 & ((1 << size) - 1);
                Step::new(length + size, zeros, extended(bits, size))
            }
        }
    }

    /// As many symbols as `look` holds whole codes of; the bits that follow the last may lie beyond it.
    fn leap(&self, look: usize) -> Leap {
        let (mut used, mut passed) = (0u32, 0u32);
        while used < LOOK {
            let rest = (look << used) & ((1 << LOOK) - 1);
            let (symbol, length) = self.short[rest];
            if length == 0 || used + u32::from(length) > LOOK {
                break;
            }
            let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            match (run, size) {
                (15, 0) => passed += 16,
                (_, 0) => return Leap::new(used + u32::from(length), passed, true),
                _ => passed += run + 1,
            }
            used += u32::from(length) + size;
            if passed > 63 {
                break;
            }
        }
        Leap::new(used, passed, false)
    }

    /// The next symbol; `None` where no code matches. 16 bits must be held.
    #[inline(always)]
    pub fn symbol(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let (symbol, length) = self.short[bits.peek(LOOK) & ((1 << LOOK) - 1)];
        if length != 0 {
            bits.skip(length.into());
            return Some(symbol);
        }
        self.long_symbol(bits)
    }

    #[inline(never)]
    fn long_symbol(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let next = bits.peek(16);
        for length in LOOK + 1..=16 {
            if (next as u32) < self.ends[length as usize] {
                let code = (next >> (16 - length)) as i32;
                bits.skip(length);
                return self
                    .symbols
                    .get(usize::try_from(code + self.offsets[length as usize]).ok()?)
                    .copied();
            }
        }
        None
    }

    /// What the next bits say of one symbol and its number.
    #[inline(always)]
    pub fn next_step(&self, bits: &Bits<'_>) -> Step {
        self.steps[bits.peek(LOOK) & ((1 << LOOK) - 1)]
    }

    /// What the next bits say of AC symbols.
    #[inline(always)]
    pub fn next_leap(&self, bits: &Bits<'_>) -> Leap {
        self.leaps[bits.peek(LOOK) & ((1 << LOOK) - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T.81, table K.3: the usual DC table, codes 00 010 011 100 101 110 1110 11110 …
    const COUNTS: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
    const SYMBOLS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

    #[test]
    fn codes_are_those_of_the_standard() {
        let table = Table::new(Kind::Dc, &COUNTS, &SYMBOLS).unwrap();
        // 00 010 1110 111111110 and ones, of which there is no code.
        let mut bits = Bits::new(&[0b0001_0111, 0b0111_1111, 0b1011_1111]);
        bits.fill();
        assert_eq!([(); 4].map(|()| table.symbol(&mut bits)), [Some(0), Some(1), Some(6), Some(11)]);
        assert_eq!(table.symbol(&mut bits), None);
    }

    #[test]
    fn long_codes_are_found_too() {
        // One code of 1 bit, one of 15, two of 16.
        let mut counts = [0; 16];
        (counts[0], counts[14], counts[15]) = (1, 1, 2);
        let table = Table::new(Kind::Ac, &counts, &[7, 8, 9, 10]).unwrap();
        let mut bits = Bits::new(&[0b0100_0000, 0b0000_0000, 0b1000_0000, 0b0000_0011]);
        bits.fill();
        // 0, 100000000000000, 1000000000000011
        assert_eq!([(); 3].map(|()| table.symbol(&mut bits)), [Some(7), Some(8), Some(10)]);
    }

    #[test]
    fn a_leap_takes_whole_codes_and_stops_at_the_end_of_a_block() {
        // Codes: 0 is (run 0, size 1), 10 is the end of the block, 110 is (run 2, size 3).
        let mut counts = [0; 16];
        (counts[0], counts[1], counts[2]) = (1, 1, 1);
        let table = Table::new(Kind::Ac, &counts, &[0x01, 0x00, 0x23]).unwrap();
        let leap = |data: [u8; 2]| {
            let mut bits = Bits::new(&data);
            bits.fill();
            let leap = table.next_leap(&bits);
            (leap.bits(), leap.passed(), leap.ends())
        };
        // 0 1, 110 101, 10: eleven bits hold ten of these.
        assert_eq!(leap([0b0111_0101, 0b1000_0000]), (10, 4, true));
        // 0 1, 0 1, 0 1, 0 1, 110 and three bits of which none is in sight.
        assert_eq!(leap([0b0101_0101, 0b1101_1111]), (14, 7, false));
        // No code begins with 111.
        assert_eq!(leap([0b1110_0000, 0]).0, 0);
    }

    #[test]
    fn a_step_takes_a_code_with_its_number() {
        let table = Table::new(Kind::Dc, &COUNTS, &SYMBOLS).unwrap();
        let step = |data: [u8; 2]| {
            let mut bits = Bits::new(&data);
            bits.fill();
            let step = table.next_step(&bits);
            (step.bits(), step.zeros(), step.number())
        };
        // T.81, tables K.3 and F.1: 011 is size 2, and 01 then -2; 00 is size 0.
        assert_eq!(step([0b0110_1111, 0]), (5, 0, -2));
        assert_eq!(step([0b0011_1111, 0]), (2, 0, 0));
        // 1110 is size 6; 11110 is size 7, with which the look is too short.
        assert_eq!(step([0b1110_1000, 0b0000_0000]), (10, 0, 32));
        assert_eq!(step([0b1111_0100, 0b0000_0000]).0, 0);
    }

    #[test]
    fn what_cannot_be_a_table_is_none() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Table::new(Kind::Ac, &counts, &[1, 2, 3]).is_none(), "three codes of one bit");
        assert!(Table::new(Kind::Ac, &COUNTS, &SYMBOLS[..11]).is_none(), "a symbol is missing");
    }
}
