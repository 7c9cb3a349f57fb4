//! EXIF orientation: how to turn the stored picture upright.

use super::{Gray, Region, Rgb};

/// The EXIF `Orientation` tag (0x0112), values 1..=8 (CIPA DC-008, 4.6.5.1.6): which edge of the scene the
/// stored row 0 and column 0 show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orientation(u8);

impl Orientation {
    /// Stored upright.
    pub const UPRIGHT: Orientation = Orientation(1);

    /// From the tag's value; anything but 1..=8 (cameras write 0 and rubbish) counts as upright.
    pub fn from_exif(value: u32) -> Self {
        match u8::try_from(value) {
            Ok(v @ 1..=8) => Orientation(v),
            _ => Orientation::UPRIGHT,
        }
    }

    /// The tag's value, 1..=8.
    pub fn exif(self) -> u8 {
        self.0.clamp(1, 8)
    }

    /// True when upright width is stored height.
    pub fn swaps_sides(self) -> bool {
        self.exif() >= 5
    }

    /// Upright size of a picture stored as `width` x `height`.
    pub fn upright_size(self, width: u32, height: u32) -> (u32, u32) {
        if self.swaps_sides() { (height, width) } else { (width, height) }
    }
}

impl Orientation {
    /// The orientation that undoes this one.
    pub(super) fn inverse(self) -> Orientation {
        match self.exif() {
            6 => Orientation(8),
            8 => Orientation(6),
            same => Orientation(same),
        }
    }

    /// Where a rectangle of the upright picture lies on the stored one, which is `width` x `height`.
    pub(super) fn stored(self, of: Region, width: u32, height: u32) -> Region {
        let right = width.saturating_sub(of.x + of.width);
        let below = height.saturating_sub(of.y + of.height);
        // The same for pictures that lie on their side: x runs down the stored picture.
        let (side_right, side_below) =
            (width.saturating_sub(of.y + of.height), height.saturating_sub(of.x + of.width));
        let (x, y) = match self.exif() {
            2 => (right, of.y),
            3 => (right, below),
            4 => (of.x, below),
            5 => (of.y, of.x),
            6 => (of.y, side_below),
            7 => (side_right, side_below),
            8 => (side_right, of.x),
            _ => (of.x, of.y),
        };
        let (width, height) = self.upright_size(of.width, of.height);
        Region { x, y, width, height }
    }
}

/// Turns `picture` upright.
pub(super) fn upright(picture: Rgb, orientation: Orientation) -> Rgb {
    let (width, height) = orientation.upright_size(picture.width, picture.height);
    let data = turn::<3>(picture.data, picture.width, picture.height, orientation);
    Rgb { width, height, data }
}

/// The same for a grey one.
pub(super) fn upright_gray(picture: Gray, orientation: Orientation) -> Gray {
    let (width, height) = orientation.upright_size(picture.width, picture.height);
    let data = turn::<1>(picture.data, picture.width, picture.height, orientation);
    Gray { width, height, data }
}

/// Reorders pixels of `N` bytes; `width` and `height` are those of the stored picture.
fn turn<const N: usize>(data: Vec<u8>, width: u32, height: u32, orientation: Orientation) -> Vec<u8> {
    let value = orientation.exif();
    if value == 1 {
        return data;
    }
    let (w, h) = (width as usize, height as usize);
    let (out_w, out_h) = orientation.upright_size(width, height);
    let (pixels, _) = data.as_chunks::<N>();
    let mut out = Vec::with_capacity(data.len());
    for y in 0..out_h as usize {
        for x in 0..out_w as usize {
            // Where the upright pixel (x, y) is stored.
            let (sx, sy) = match value {
                2 => (w - 1 - x, y),
                3 => (w - 1 - x, h - 1 - y),
                4 => (x, h - 1 - y),
                5 => (y, x),
                6 => (y, h - 1 - x),
                7 => (w - 1 - y, h - 1 - x),
                _ => (w - 1 - y, x),
            };
            out.extend_from_slice(&pixels[sy * w + sx]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eight_orientations_of_the_letter_f() {
        // The customary picture of EXIF orientations: the same F stored in eight ways, written out by hand on a
        // grid of 3 columns and 4 rows (1 = ink).
        const UPRIGHT: [u8; 12] = [1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 0, 0];
        let stored: [(u32, u32, [u8; 12]); 8] = [
            (3, 4, [1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 0, 0]),
            (3, 4, [1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1]),
            (3, 4, [0, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1]),
            (3, 4, [1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1]),
            (4, 3, [1, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0]),
            (4, 3, [1, 0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1]),
            (4, 3, [0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1]),
            (4, 3, [1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1]),
        ];
        for (i, (width, height, data)) in stored.into_iter().enumerate() {
            let orientation = Orientation::from_exif(i as u32 + 1);
            let rgb = Rgb { width, height, data: data.iter().flat_map(|&v| [v, 0, 7]).collect() };
            let rgb = upright(rgb, orientation);
            assert_eq!((rgb.width, rgb.height), (3, 4));
            let expected: Vec<u8> = UPRIGHT.iter().flat_map(|&v| [v, 0, 7]).collect();
            assert_eq!(rgb.data, expected, "orientation {}", i + 1);
        }
    }

    #[test]
    fn rubbish_is_upright() {
        for value in [0, 9, 35, u32::MAX] {
            assert_eq!(Orientation::from_exif(value), Orientation::UPRIGHT);
        }
        assert_eq!(Orientation::default().exif(), 1);
    }
}
