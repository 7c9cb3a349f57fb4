//! A small picture of an event: what was seen, cut out and made small enough for a slow link.

use super::{Filter, ImageError, Region, Rgb, Want, decode, encode_jpeg, resize_region};
use crate::units::BBox;

/// Longest thumbnail, bytes: ten seconds of a link of 10 kbit/s.
pub const THUMBNAIL_BYTES: usize = 12_000;

/// Shortest long side that is still worth a look, pixels; cut-outs of smaller animals are widened to it.
const SMALLEST: u32 = 160;

/// Long sides that are tried, pixels, the largest first. Below [`SMALLEST`] only pure noise gets.
const SIDES: [u32; 8] = [640, 512, 400, 320, 240, SMALLEST, 96, 48];

/// JPEG qualities tried for each side: a smaller picture looks better than one below 50.
const QUALITIES: [u8; 3] = [75, 60, 50];

/// Share of the box's own sides that is added on each of its sides: legs, tail, and what it stands on.
const MARGIN: f32 = 0.2;

/// Cuts `bbox` with a margin out of the picture in `jpeg` and gives it as a JPEG of at most `limit` bytes, upright,
/// at most 640 pixels long and, where the picture has them, at least 160.
///
/// A picture that cannot be decoded, or a limit that no picture fits, is an error.
pub fn thumbnail(jpeg: &[u8], bbox: &BBox, limit: usize) -> Result<Vec<u8>, ImageError> {
    let wide = widened(bbox);
    // The cut-out has the longest side tried when the whole picture has this one.
    let share = wide.w.max(wide.h).max(1e-3);
    let wanted = (SIDES[0] as f32 / share).ceil() as u32;
    let picture = decode(jpeg, Want::LongSide(wanted))?;
    let region = at_least(Region::of(&wide, picture.width, picture.height), &picture);
    let long = region.width.max(region.height);
    // Never larger than the cut-out itself.
    let own = long.min(SIDES[0]);
    for side in std::iter::once(own).chain(SIDES.into_iter().filter(|side| *side < own)) {
        let scaled = |length: u32| {
            let exact = u64::from(length) * u64::from(side) / u64::from(long.max(1));
            u32::try_from(exact).unwrap_or(side).max(1)
        };
        let small =
            resize_region(&picture, region, scaled(region.width), scaled(region.height), Filter::Bilinear)?;
        for quality in QUALITIES {
            let written = encode_jpeg(&small, quality)?;
            if written.len() <= limit {
                return Ok(written);
            }
        }
    }
    Err(ImageError::Encode(format!("no picture fits {limit} bytes")))
}

/// `bbox` with its margin, clipped to the picture.
fn widened(bbox: &BBox) -> BBox {
    let (dx, dy) = (bbox.w * MARGIN, bbox.h * MARGIN);
    BBox::from_corners(bbox.x - dx, bbox.y - dy, bbox.right() + dx, bbox.bottom() + dy)
}

/// `region` widened about its centre to [`SMALLEST`] pixels on both sides, as far as the picture has them.
fn at_least(region: Region, picture: &Rgb) -> Region {
    let grow = |start: u32, length: u32, whole: u32| {
        let wanted = length.max(SMALLEST.min(whole));
        let start = start.saturating_sub((wanted - length) / 2).min(whole.saturating_sub(wanted));
        (start, wanted)
    };
    let (x, width) = grow(region.x, region.width, picture.width);
    let (y, height) = grow(region.y, region.height, picture.height);
    Region { x, y, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise, the hardest to compress, by a linear congruence (Numerical Recipes' constants).
    fn noise(width: u32, height: u32) -> Vec<u8> {
        let mut state = 1u32;
        let data = (0..3 * width * height).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let data = data.collect();
        encode_jpeg(&Rgb { width, height, data }, 95).unwrap()
    }

    fn size(jpeg: &[u8]) -> (u32, u32) {
        let picture = decode(jpeg, Want::Full).unwrap();
        (picture.width, picture.height)
    }

    #[test]
    fn even_noise_fits() {
        let small = thumbnail(&noise(800, 600), &BBox::FULL, THUMBNAIL_BYTES).unwrap();
        assert!(small.len() <= THUMBNAIL_BYTES);
        let (w, h) = size(&small);
        assert!(w >= SMALLEST && w * 3 / 4 == h, "{w}x{h}");
    }

    #[test]
    fn a_speck_is_shown_with_what_is_around_it_and_nothing_is_enlarged() {
        let source = noise(400, 300);
        let corner = BBox { x: 0.99, y: 0.0, w: 0.01, h: 0.01 };
        assert_eq!(size(&thumbnail(&source, &corner, 60_000).unwrap()), (160, 160));
        assert_eq!(size(&thumbnail(&noise(40, 30), &corner, 60_000).unwrap()), (40, 30));
    }

    #[test]
    fn what_cannot_be_is_told() {
        assert!(matches!(thumbnail(b"", &BBox::FULL, 12_000), Err(ImageError::Empty)));
        assert!(matches!(thumbnail(&noise(64, 64), &BBox::FULL, 100), Err(ImageError::Encode(_))));
    }
}
