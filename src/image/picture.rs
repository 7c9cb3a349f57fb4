//! A picture as its file holds it: brightness and colours apart, the colours often at half the size.
//!
//! Nothing needs a whole picture in RGB: motion wants the brightness, networks a small part. So parts are made smaller
//! first and turned into RGB then.

use super::baseline::Plane;
use super::orient::upright_gray;
use super::resize::{Frame, resize_frame};
use super::{Filter, Gray, ImageError, Orientation, Region, Rgb, luma, resize_region};

/// Something whose parts can be looked at.
pub trait Pixels {
    /// Width and height in pixels, upright.
    fn size(&self) -> (u32, u32);

    /// `region`, which lies within the picture, at `width` x `height`.
    fn cut(&self, region: Region, width: u32, height: u32, filter: Filter) -> Result<Rgb, ImageError>;
}

impl Pixels for Rgb {
    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn cut(&self, region: Region, width: u32, height: u32, filter: Filter) -> Result<Rgb, ImageError> {
        resize_region(self, region, width, height, filter)
    }
}

/// An upright picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// Red, green, blue.
    Rgb(Rgb),
    /// Brightness and colours apart.
    Planes(Planes),
}

/// Brightness and colours of an upright picture, each by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Planes {
    luma: Gray,
    /// Blue and red against the brightness (BT.601); none for grey pictures.
    colours: Option<[Gray; 2]>,
    /// Pixels of the picture per sample of the colours, across and down: 1 or 2.
    halved: (u32, u32),
}

impl Planes {
    /// Of the planes of a decoder, which are whole units: cut to `width` x `height` as stored, and turned upright.
    pub(super) fn new(
        planes: Vec<Plane>,
        (width, height): (u32, u32),
        orientation: Orientation,
    ) -> Option<Planes> {
        let mut planes = planes.into_iter();
        let first = planes.next()?;
        let size = (first.width, first.height);
        let rest: Vec<Plane> = planes.collect();
        let factor =
            |whole: usize, part: usize| u32::try_from(whole.checked_div(part).unwrap_or(1)).unwrap_or(1);
        let halved = rest.first().map_or((1, 1), |c| (factor(size.0, c.width), factor(size.1, c.height)));
        let fitted = |plane: Plane, (across, down): (u32, u32)| {
            upright_gray(trimmed(plane, width.div_ceil(across), height.div_ceil(down)), orientation)
        };
        let luma = fitted(first, (1, 1));
        let colours: Vec<Gray> = rest.into_iter().map(|plane| fitted(plane, halved)).collect();
        let halved = if orientation.swaps_sides() { (halved.1, halved.0) } else { halved };
        Some(Planes { luma, colours: colours.try_into().ok(), halved })
    }

    /// The brightness.
    pub(super) fn gray(&self) -> &Gray {
        &self.luma
    }

    /// What `frame` shows, at `width` x `height`.
    pub(super) fn cut_frame(
        &self,
        frame: Frame,
        (width, height): (u32, u32),
        filter: Filter,
    ) -> Result<Rgb, ImageError> {
        let luma = resize_frame(&self.luma, frame, (width, height), filter)?;
        let Some(colours) = &self.colours else {
            return Ok(Rgb { width, height, data: luma.data.iter().flat_map(|&y| [y; 3]).collect() });
        };
        let (across, down) = (f64::from(self.halved.0), f64::from(self.halved.1));
        let frame = Frame {
            x: frame.x / across,
            y: frame.y / down,
            width: frame.width / across,
            height: frame.height / down,
        };
        let [blue, red] = colours;
        let blue = resize_frame(blue, frame, (width, height), filter)?;
        let red = resize_frame(red, frame, (width, height), filter)?;
        let samples = luma.data.iter().zip(&blue.data).zip(&red.data);
        let data = samples.flat_map(|((&y, &blue), &red)| rgb(y, blue, red)).collect();
        Ok(Rgb { width, height, data })
    }

    /// Red, green and blue at a place.
    fn at(&self, x: u32, y: u32) -> [u8; 3] {
        let sample = |of: &Gray, x: u32, y: u32| {
            of.data.get(y as usize * of.width as usize + x as usize).copied().unwrap_or(128)
        };
        let luma = sample(&self.luma, x, y);
        match &self.colours {
            None => [luma; 3],
            Some([blue, red]) => {
                let (x, y) = (x / self.halved.0, y / self.halved.1);
                rgb(luma, sample(blue, x, y), sample(red, x, y))
            }
        }
    }
}

/// JFIF 1.02: BT.601 with all of 0..=255.
#[inline(always)]
fn rgb(y: u8, blue: u8, red: u8) -> [u8; 3] {
    // In 1/65536: 1.402, 0.344136, 0.714136, 1.772.
    let (y, blue, red) = ((i32::from(y) << 16) + 32_768, i32::from(blue) - 128, i32::from(red) - 128);
    let level = |value: i32| (value >> 16).clamp(0, 255) as u8;
    [level(y + 91_881 * red), level(y - 22_554 * blue - 46_802 * red), level(y + 116_130 * blue)]
}

/// A plane without what units have beyond `width` x `height`.
fn trimmed(plane: Plane, width: u32, height: u32) -> Gray {
    let Plane { width: whole, height: rows, mut data } = plane;
    let (keep, height) = ((width as usize).min(whole), (height as usize).min(rows));
    if keep != whole {
        for row in 1..height {
            data.copy_within(row * whole..row * whole + keep, row * keep);
        }
    }
    data.truncate(keep * height);
    Gray { width: keep as u32, height: height as u32, data }
}

impl Picture {
    /// Every `step`th pixel of a row, row by row.
    pub fn sampled(&self, step: usize) -> impl Iterator<Item = [u8; 3]> + '_ {
        let (width, height) = self.size();
        let places = (0..u64::from(width) * u64::from(height)).step_by(step.max(1));
        places.map(move |at| {
            let (x, y) = ((at % u64::from(width)) as u32, (at / u64::from(width)) as u32);
            match self {
                Picture::Planes(planes) => planes.at(x, y),
                Picture::Rgb(rgb) => {
                    let start = 3 * at as usize;
                    let pixel = rgb.data.get(start..start + 3).and_then(|p| p.try_into().ok());
                    pixel.unwrap_or_default()
                }
            }
        })
    }

    /// The brightness of every pixel (BT.601).
    pub fn luma(&self) -> std::borrow::Cow<'_, Gray> {
        match self {
            Picture::Planes(planes) => std::borrow::Cow::Borrowed(&planes.luma),
            Picture::Rgb(rgb) => std::borrow::Cow::Owned(luma(rgb)),
        }
    }
}

impl Pixels for Picture {
    fn size(&self) -> (u32, u32) {
        match self {
            Picture::Planes(planes) => (planes.luma.width, planes.luma.height),
            Picture::Rgb(rgb) => rgb.size(),
        }
    }

    fn cut(&self, region: Region, width: u32, height: u32, filter: Filter) -> Result<Rgb, ImageError> {
        match self {
            Picture::Planes(planes) => planes.cut_frame(region.into(), (width, height), filter),
            Picture::Rgb(rgb) => rgb.cut(region, width, height, filter),
        }
    }
}
