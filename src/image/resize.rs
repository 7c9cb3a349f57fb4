//! Smaller, cut, grey: from a picture to what a step needs of it.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, IntoImageView, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::{Gray, ImageError, Rgb};
use crate::units::BBox;

/// How pixels are weighed. Both average over the whole source area when making smaller, so nothing aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// Triangle filter: the default.
    #[default]
    Bilinear,
    /// Catmull-Rom cubic (a = -0.5), as Pillow's `BICUBIC`; DeepFaune's crops are made with it.
    Bicubic,
}

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Left edge in pixels.
    pub x: u32,
    /// Top edge in pixels.
    pub y: u32,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
}

impl Region {
    /// The pixels `bbox` touches on a picture of `width` x `height`; at least one pixel of a picture that has any.
    pub fn of(bbox: &BBox, width: u32, height: u32) -> Region {
        let (x, right) = span(bbox.x, bbox.right(), width);
        let (y, bottom) = span(bbox.y, bbox.bottom(), height);
        Region { x, y, width: right - x, height: bottom - y }
    }

    /// The same rectangle as shares of a picture of `width` x `height`.
    pub fn to_bbox(&self, width: u32, height: u32) -> BBox {
        let (w, h) = (width.max(1) as f32, height.max(1) as f32);
        BBox::from_corners(
            self.x as f32 / w,
            self.y as f32 / h,
            (self.x + self.width) as f32 / w,
            (self.y + self.height) as f32 / h,
        )
    }
}

/// `from`..`to` as shares of `length`, widened to whole pixels within it.
fn span(from: f32, to: f32, length: u32) -> (u32, u32) {
    // A float this close to a whole pixel means that pixel's edge.
    const SLACK: f32 = 1e-3;
    let start = ((from * length as f32 + SLACK).floor().max(0.0) as u32).min(length.saturating_sub(1));
    let end = ((to * length as f32 - SLACK).ceil().max(0.0) as u32).min(length);
    (start, end.max(start + 1).min(length.max(1)))
}

/// `picture` at `width` x `height`, bilinear.
pub fn resize(picture: &Rgb, width: u32, height: u32) -> Result<Rgb, ImageError> {
    let whole = Region { x: 0, y: 0, width: picture.width, height: picture.height };
    resize_region(picture, whole, width, height, Filter::Bilinear)
}

/// `region` of `picture` at `width` x `height`.
pub fn resize_region(
    picture: &Rgb,
    region: Region,
    width: u32,
    height: u32,
    filter: Filter,
) -> Result<Rgb, ImageError> {
    let refused = || size_error(width, height, region.width, region.height);
    let source = ImageRef::new(picture.width, picture.height, &picture.data, PixelType::U8x3)
        .map_err(|_| refused())?;
    let data = run(&source, region.into(), (width, height), PixelType::U8x3, filter).ok_or_else(refused)?;
    Ok(Rgb { width, height, data })
}

/// `picture` at `width` x `height`, bilinear.
pub fn resize_gray(picture: &Gray, width: u32, height: u32) -> Result<Gray, ImageError> {
    let refused = || size_error(width, height, picture.width, picture.height);
    let source =
        ImageRef::new(picture.width, picture.height, &picture.data, PixelType::U8).map_err(|_| refused())?;
    let whole = Region { x: 0, y: 0, width: picture.width, height: picture.height };
    let data =
        run(&source, whole.into(), (width, height), PixelType::U8, Filter::Bilinear).ok_or_else(refused)?;
    Ok(Gray { width, height, data })
}

/// A rectangle whose edges need not lie between pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    /// Left edge in pixels.
    pub x: f64,
    /// Top edge in pixels.
    pub y: f64,
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
}

impl From<Region> for Frame {
    fn from(region: Region) -> Self {
        Frame {
            x: region.x.into(),
            y: region.y.into(),
            width: region.width.into(),
            height: region.height.into(),
        }
    }
}

/// What `frame` shows of `picture`, at `width` x `height`.
pub(super) fn resize_frame(
    picture: &Gray,
    frame: Frame,
    (width, height): (u32, u32),
    filter: Filter,
) -> Result<Gray, ImageError> {
    let refused = || size_error(width, height, picture.width, picture.height);
    let source =
        ImageRef::new(picture.width, picture.height, &picture.data, PixelType::U8).map_err(|_| refused())?;
    let data = run(&source, frame, (width, height), PixelType::U8, filter).ok_or_else(refused)?;
    Ok(Gray { width, height, data })
}

/// The pixels of `region`, which must lie within `picture`.
pub fn crop(picture: &Rgb, region: Region) -> Result<Rgb, ImageError> {
    let refused = || size_error(region.width, region.height, picture.width, picture.height);
    let fits = |from: u32, length: u32, whole: u32| {
        length > 0 && from.checked_add(length).is_some_and(|end| end <= whole)
    };
    if !fits(region.x, region.width, picture.width) || !fits(region.y, region.height, picture.height) {
        return Err(refused());
    }
    let mut data = Vec::with_capacity(3 * region.width as usize * region.height as usize);
    for y in region.y..region.y + region.height {
        let start = 3 * (y as usize * picture.width as usize + region.x as usize);
        data.extend_from_slice(
            picture.data.get(start..start + 3 * region.width as usize).ok_or_else(refused)?,
        );
    }
    Ok(Rgb { width: region.width, height: region.height, data })
}

/// Luma of ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, rounded.
pub fn luma(picture: &Rgb) -> Gray {
    let weigh = |&[r, g, b]: &[u8; 3]| {
        // In 1/65536: 19595 + 38470 + 7471 = 65536.
        ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 32_768) >> 16) as u8
    };
    let data = picture.data.as_chunks::<3>().0.iter().map(weigh).collect();
    Gray { width: picture.width, height: picture.height, data }
}

fn run(
    source: &impl IntoImageView,
    frame: Frame,
    (width, height): (u32, u32),
    kind: PixelType,
    filter: Filter,
) -> Option<Vec<u8>> {
    if width == 0 || height == 0 || frame.width <= 0.0 || frame.height <= 0.0 {
        return None;
    }
    let filter = match filter {
        Filter::Bilinear => FilterType::Bilinear,
        Filter::Bicubic => FilterType::CatmullRom,
    };
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(
        frame.x,
        frame.y,
        frame.width,
        frame.height,
    );
    let mut out = Image::new(width, height, kind);
    Resizer::new().resize(source, &mut out, &options).ok()?;
    Some(out.into_vec())
}

fn size_error(width: u32, height: u32, from_width: u32, from_height: u32) -> ImageError {
    ImageError::Size { width, height, from_width, from_height }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: u32, height: u32) -> Rgb {
        let data = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [(x * 10) as u8, (y * 10) as u8, 200]))
            .collect();
        Rgb { width, height, data }
    }

    #[test]
    fn halving_takes_the_triangle_filter_of_the_source() {
        // By hand: a triangle of radius 2 source pixels around the edge between pixels 2k and 2k+1 weighs
        // 1/8 3/8 3/8 1/8, so a ramp of 10 per pixel gives 10 * (2k + 1/2) away from the borders.
        let half = resize(&ramp(16, 16), 8, 8).unwrap();
        let red: Vec<u8> = half.data[24 * 3..24 * 4].chunks(3).map(|p| p[0]).collect();
        assert_eq!(red[1..7], [25, 45, 65, 85, 105, 125]);
        assert!(half.data.chunks(3).all(|p| p[2] == 200));
    }

    #[test]
    fn a_region_is_cut_before_it_is_resized() {
        let picture = ramp(16, 12);
        let region = Region { x: 4, y: 2, width: 8, height: 6 };
        let cut = crop(&picture, region).unwrap();
        assert_eq!(&cut.data[..3], &[40, 20, 200]);
        assert_eq!(cut.data.len(), 3 * 48);
        let both = resize_region(&picture, region, 8, 6, Filter::Bicubic).unwrap();
        assert_eq!(both, cut, "the same size leaves the pixels as they are");
    }

    #[test]
    fn nothing_can_be_made_of_nothing() {
        let picture = ramp(4, 4);
        assert!(resize(&picture, 0, 4).is_err());
        assert!(resize(&Rgb::default(), 4, 4).is_err());
        assert!(crop(&picture, Region { x: 3, y: 0, width: 2, height: 1 }).is_err());
        assert!(crop(&picture, Region { x: u32::MAX, y: 0, width: 2, height: 1 }).is_err());
        assert!(resize_gray(&Gray::default(), 2, 2).is_err());
    }

    #[test]
    fn boxes_become_whole_pixels_and_back() {
        let region = Region { x: 3, y: 7, width: 5, height: 2 };
        assert_eq!(Region::of(&region.to_bbox(31, 17), 31, 17), region);
        let speck = BBox { x: 1.0, y: 0.5, w: 0.0, h: 0.0 };
        assert_eq!(Region::of(&speck, 10, 10), Region { x: 9, y: 5, width: 1, height: 1 });
        assert_eq!(Region::of(&BBox::FULL, 7, 3), Region { x: 0, y: 0, width: 7, height: 3 });
    }

    #[test]
    fn luma_of_the_primaries() {
        // BT.601: 0.299, 0.587 and 0.114 of 255.
        let picture = Rgb { width: 4, height: 1, data: vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255] };
        assert_eq!(luma(&picture).data, [76, 150, 29, 255]);
    }
}
