//! The bits of entropy-coded data, byte stuffing taken out on the way (ITU-T T.81, B.1.1.5 and F.2.2.5).

/// Reads bits, most significant first. Copying it is remembering the place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'a> {
    /// The data of one scan, with its restart markers, up to the marker that ends it.
    data: &'a [u8],
    /// The next byte to take.
    at: usize,
    /// Bits taken and not yet used, from the top. What lies below them is either zero or what follows them.
    held: u64,
    /// How many.
    count: u32,
    /// How many bits that the data do not have were handed out in advance.
    lent: u32,
}

impl<'a> Bits<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Bits { data, at: 0, held: 0, count: 0, lent: 0 }
    }

    /// Takes bits until at least 56 are held; past a marker or the end these are ones, of which no code is made.
    #[inline(always)]
    pub fn fill(&mut self) {
        if let Some(bytes) = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*bytes);
            if !holds_ff(word) {
                self.held |= word >> self.count;
                self.at += ((63 - self.count) >> 3) as usize;
                self.count |= 56;
                return;
            }
        }
        self.fill_bytewise();
    }

    #[inline(never)]
    fn fill_bytewise(&mut self) {
        while self.count <= 56 {
            let (byte, taken) = match self.data.get(self.at..) {
                Some([0xFF, 0, ..]) => (0xFF, 2),
                Some([0xFF, ..] | []) | None => (0xFF, 0),
                Some([byte, ..]) => (*byte, 1),
            };
            self.lent += if taken == 0 { 8 } else { 0 };
            self.at += taken;
            self.held |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The same unless 40 bits are there: the longest code with what follows it has 31.
    #[inline(always)]
    pub fn ensure(&mut self) {
        if self.count < 40 {
            self.fill();
        }
    }

    /// The next `count` bits, 1 to 16.
    #[inline(always)]
    pub fn peek(&self, count: u32) -> usize {
        (self.held >> (64 - count)) as usize
    }

    /// Uses up `count` bits, no more than are held.
    #[inline(always)]
    pub fn skip(&mut self, count: u32) {
        self.held <<= count;
        self.count = self.count.wrapping_sub(count);
    }

    /// The number that `size` bits (0 to 15) stand for (T.81, F.2.2.1), and uses them up.
    #[inline(always)]
    pub fn number(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        let bits = self.peek(size) as i32;
        self.skip(size);
        extended(bits, size)
    }

    /// Whether bits were used that the data do not have.
    #[inline(always)]
    pub fn overdrawn(&self) -> bool {
        self.lent > self.count
    }

    /// Goes on behind restart marker `number` (0 to 7); false where it does not come next.
    pub fn restart(&mut self, number: u8) -> bool {
        self.fill();
        // What is left of the last byte is filled with ones; a byte of its own would be data that nobody asked for.
        if self.overdrawn() || self.count - self.lent.min(self.count) >= 8 {
            return false;
        }
        let rest = self.data.get(self.at..).unwrap_or_default();
        let fill = rest.iter().take_while(|&&byte| byte == 0xFF).count();
        if fill == 0 || rest.get(fill) != Some(&(0xD0 + number)) {
            return false;
        }
        *self = Bits { at: self.at + fill + 1, ..Bits::new(self.data) };
        true
    }
}

/// The number that `size` bits stand for: those that begin with a zero are negative.
#[inline(always)]
pub(super) fn extended(bits: i32, size: u32) -> i32 {
    let half = 1 << size >> 1;
    if bits < half { bits - 2 * half + 1 } else { bits }
}

/// Whether one of eight bytes is `FF`.
#[inline(always)]
fn holds_ff(word: u64) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let inverse = !word;
    inverse.wrapping_sub(ONES) & word & (ONES << 7) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(data: &[u8], count: usize) -> (Vec<u8>, bool) {
        let mut bits = Bits::new(data);
        let mut out = Vec::new();
        for _ in 0..count {
            bits.ensure();
            out.push(bits.peek(8) as u8);
            bits.skip(8);
        }
        (out, bits.overdrawn())
    }

    #[test]
    fn stuffing_is_taken_out_wherever_it_lies() {
        for place in 0..20 {
            let mut plain: Vec<u8> = (1..=20).collect();
            plain[place] = 0xFF;
            let stuffed: Vec<u8> =
                plain.iter().flat_map(|&b| if b == 0xFF { vec![b, 0] } else { vec![b] }).collect();
            assert_eq!(bytes_of(&stuffed, 20), (plain, false), "{place}");
        }
    }

    #[test]
    fn what_is_not_there_is_ones_and_told() {
        assert_eq!(bytes_of(&[1, 2], 2), (vec![1, 2], false));
        assert_eq!(bytes_of(&[1, 2], 4), (vec![1, 2, 0xFF, 0xFF], true));
        assert_eq!(bytes_of(&[1, 0xFF, 0xD9, 7], 3), (vec![1, 0xFF, 0xFF], true));
    }

    #[test]
    fn a_restart_is_taken_only_where_it_is() {
        let data = [0xA0, 0xFF, 0xFF, 0xD3, 0x5A, 0x5A];
        let begin = |used| {
            let mut bits = Bits::new(&data);
            bits.fill();
            bits.skip(used);
            bits
        };
        let mut bits = begin(4);
        assert!(bits.restart(3));
        bits.fill();
        assert_eq!(bits.peek(8), 0x5A);
        assert!(!begin(4).restart(2), "another number");
        assert!(!begin(0).restart(3), "a byte is left");
        assert!(!begin(9).restart(3), "more was used than there is");
    }

    #[test]
    fn numbers_follow_table_f_1() {
        // T.81, table F.1: two bits 00 01 10 11 stand for -3 -2 2 3.
        let mut bits = Bits::new(&[0b0001_1011]);
        bits.fill();
        assert_eq!([0; 4].map(|_: i32| bits.number(2)), [-3, -2, 2, 3]);
        assert_eq!(bits.number(0), 0);
    }
}
