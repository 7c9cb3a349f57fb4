//! Pictures made ready to be compared: softened, with room at the sides, and once more at a quarter of their size.

use crate::image::Gray;

/// Pixels of zeros before every row, so that a row of cells can be read displaced without asking at each where the
/// picture begins: more than the 21 that [`super::align`] and [`super::cells`] displace by together, a multiple of 4.
pub const LEFT: usize = 24;
/// The same after every row, and what the last cells of a row are read beyond it.
const RIGHT: usize = 64;

/// A picture with zeros before and after each row.
pub struct Soft {
    /// Pixels in a row, without the zeros.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Numbers from one row to the next.
    pub stride: usize,
    /// `stride * height` grey levels; the first pixel of a row is its number [`LEFT`]. In 16 bits: processors multiply
    /// and add pairs of these in one instruction.
    pub data: Vec<i16>,
}

impl Soft {
    fn new(width: usize, height: usize) -> Soft {
        // A multiple of 8, so that rows divide into whole groups of columns.
        let stride = (LEFT + width + RIGHT).next_multiple_of(8);
        Soft { width, height, stride, data: vec![0; stride * height] }
    }

    /// `picture` as it is.
    pub fn plain(picture: &Gray) -> Soft {
        let width = picture.width as usize;
        let mut out = Soft::new(width, picture.height as usize);
        for (y, row) in picture.data.chunks_exact(width.max(1)).enumerate() {
            out.row_mut(y).iter_mut().zip(row).for_each(|(to, &from)| *to = i16::from(from));
        }
        out
    }

    /// `picture` through a binomial filter (1 2 1 along both axes): noise falls to three eighths, and shifts by parts
    /// of a pixel, which no search over whole pixels finds, change less. Border pixels stay as they are.
    pub fn softened(picture: &Gray) -> Soft {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let mut out = Soft::plain(picture);
        let row = |y: usize| picture.data.get(y * width..(y + 1) * width).unwrap_or_default();
        let mut columns = vec![0i16; width];
        for y in 1..height.saturating_sub(1) {
            if width < 3 {
                break;
            }
            let here = row(y);
            let to = out.row_mut(y);
            for (column, ((a, h), b)) in columns.iter_mut().zip(row(y - 1).iter().zip(here).zip(row(y + 1))) {
                *column = i16::from(*a) + 2 * i16::from(*h) + i16::from(*b);
            }
            let inner = width - 2;
            let sides = columns[..inner].iter().zip(&columns[1..=inner]).zip(&columns[2..]);
            for (pixel, ((left, middle), right)) in to[1..=inner].iter_mut().zip(sides) {
                *pixel = (left + 2 * middle + right + 8) >> 4;
            }
        }
        out
    }

    /// The picture at a quarter of its size, by averaging 4×4 pixels.
    fn quarter(&self) -> Soft {
        let mut out = Soft::new(self.width / 4, self.height / 4);
        let mut sums = vec![0i16; out.width];
        for y in 0..out.height {
            sums.fill(0);
            for row in 4 * y..4 * y + 4 {
                for (sum, four) in sums.iter_mut().zip(self.row(row).as_chunks::<4>().0) {
                    *sum += four.iter().sum::<i16>();
                }
            }
            out.row_mut(y).iter_mut().zip(&sums).for_each(|(pixel, sum)| *pixel = sum >> 4);
        }
        out
    }

    /// The pixels of row `y`; none outside of the picture.
    pub fn row(&self, y: usize) -> &[i16] {
        let from = y * self.stride + LEFT;
        self.data.get(from..from + self.width).unwrap_or_default()
    }

    fn row_mut(&mut self, y: usize) -> &mut [i16] {
        let from = y * self.stride + LEFT;
        self.data.get_mut(from..from + self.width).unwrap_or_default()
    }

    /// Row `y` with its zeros; none outside of the picture.
    pub fn padded(&self, y: usize) -> &[i16] {
        self.data.get(y * self.stride..(y + 1) * self.stride).unwrap_or_default()
    }

    /// From pixel (`x`, `y`) on to the end; `x` may be as far out as the zeros reach.
    #[inline]
    pub fn from(&self, x: i32, y: usize) -> Option<&[i16]> {
        let column = usize::try_from(LEFT as i32 + x).ok()?;
        self.data.get(y * self.stride + column..)
    }
}

/// A picture ready to be compared with others.
pub struct Ready {
    /// As large as it came.
    pub full: Soft,
    /// At a quarter of its size.
    pub small: Soft,
}

impl Ready {
    /// Makes `picture` ready.
    pub fn new(picture: &Gray) -> Self {
        Ready::of(Soft::softened(picture))
    }

    /// The same of a picture that is softened, or shall stay as it is.
    pub fn of(full: Soft) -> Self {
        Ready { small: full.quarter(), full }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softening_and_a_quarter_by_hand() {
        let mut data = vec![0u8; 8 * 4];
        data[8 + 1] = 160;
        let soft = Soft::softened(&Gray { width: 8, height: 4, data });
        // 160 at (1, 1): a quarter stays, an eighth goes to its sides; the border keeps its zeros.
        assert_eq!(soft.row(1), [0, 40, 20, 0, 0, 0, 0, 0]);
        assert_eq!(soft.row(2), [0, 20, 10, 0, 0, 0, 0, 0]);
        assert_eq!((soft.row(0), soft.row(3)), ([0i16; 8].as_slice(), [0i16; 8].as_slice()));
        // (40 + 20 + 20 + 10) / 16 = 5.6.
        assert_eq!(soft.quarter().row(0), [5, 0]);
        assert_eq!(soft.padded(1).len() % 8, 0);
        assert!(soft.row(4).is_empty() && soft.from(-25, 0).is_none());
    }
}
