//! A picture small enough for a slow link: the surroundings of a box, as a JPEG of at most [`MAX_BYTES`].

use super::{Filter, ImageError, Region, Rgb, Want, decode, encode_jpeg, resize_region};
use crate::units::BBox;

/// A cellular link of 20 kbit/s carries it in 5 s; mail and messengers show it inline.
pub const MAX_BYTES: usize = 12_000;

/// Share of the box's longer side that is shown around it, so that the animal stands in its place.
const MARGIN: f32 = 0.25;

/// Long sides that are tried, pixels, largest first, each with every quality.
const SIDES: [u32; 4] = [480, 320, 240, 160];

/// JPEG qualities that are tried; below 40 blocks hide the fur.
const QUALITIES: [u8; 4] = [80, 65, 50, 40];

/// The part of the picture `jpeg` around `bbox` (all of it without one), never enlarged.
///
/// # Errors
/// A picture that cannot be read, or one that is larger than [`MAX_BYTES`] even at the smallest size (noise).
pub fn thumbnail(jpeg: &[u8], bbox: Option<&BBox>) -> Result<Vec<u8>, ImageError> {
    let picture = decode(jpeg, Want::Full)?;
    let shown = bbox.map_or(BBox::FULL, |bbox| around(bbox, picture.width, picture.height));
    let region = Region::of(&shown, picture.width, picture.height);
    let mut smallest = 0;
    for side in SIDES {
        let small = shrink(&picture, &region, side)?;
        for quality in QUALITIES {
            let bytes = encode_jpeg(&small, quality)?;
            if bytes.len() <= MAX_BYTES {
                return Ok(bytes);
            }
            smallest = bytes.len();
        }
    }
    Err(ImageError::TooDetailed { bytes: smallest, max: MAX_BYTES })
}

/// `bbox` with its margin, clipped to the picture.
fn around(bbox: &BBox, width: u32, height: u32) -> BBox {
    let (w, h) = (width as f32, height as f32);
    let margin = MARGIN * (bbox.w * w).max(bbox.h * h);
    BBox::from_corners(
        bbox.x - margin / w,
        bbox.y - margin / h,
        bbox.right() + margin / w,
        bbox.bottom() + margin / h,
    )
}

fn shrink(picture: &Rgb, region: &Region, side: u32) -> Result<Rgb, ImageError> {
    let long = region.width.max(region.height).max(1);
    let scale = (side as f32 / long as f32).min(1.0);
    let scaled = |pixels: u32| ((pixels as f32 * scale).round() as u32).max(1);
    resize_region(picture, *region, scaled(region.width), scaled(region.height), Filter::default())
}
