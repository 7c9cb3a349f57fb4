//! The pictures of one burst, decoded at the scale a step needs and no sooner.

use super::judge::Frame;
use super::motion;
use crate::image::{self, Gray, ImageError, Rgb, Want};

/// Most bytes of full-resolution pixels held at once: a burst of three 8-megapixel frames (72 MB), or one frame of
/// 24 megapixels, on boards whose whole memory is 512 MB.
const FULL_BYTES: usize = 80 << 20;

/// A picture is made smaller for motion evidence when it is wider than this many times [`motion::WIDTH`]; the
/// decoder's own steps of two stay within it.
const WIDE: f32 = 1.3;

/// Mean difference between the largest and the smallest colour of a pixel, in levels of 255, below which a picture
/// has no colour: infrared frames of the test cameras stay below 3, the greyest daylight above 8.
const COLOURLESS: f32 = 5.0;

/// Frames with what has been decoded of them so far.
pub(super) struct Album<'a> {
    frames: &'a [Frame<'a>],
    full: Vec<Option<Rgb>>,
}

impl<'a> Album<'a> {
    pub(super) fn new(frames: &'a [Frame<'a>]) -> Self {
        Album { frames, full: vec![None; frames.len()] }
    }

    /// Frame `index`, upright, its longer side at least `long_side` pixels if it has so many.
    pub(super) fn small(&self, index: usize, long_side: u32) -> Result<Rgb, String> {
        let bytes = self.bytes(index)?;
        image::decode(bytes, Want::LongSide(long_side)).map_err(|e| e.to_string())
    }

    /// Frame `index`, upright, every pixel of it. Kept for the next step while there is room.
    pub(super) fn full(&mut self, index: usize) -> Result<&Rgb, String> {
        if self.full.get(index).is_none_or(Option::is_none) {
            let picture =
                image::decode(self.bytes(index)?, Want::Full).map_err(|e: ImageError| e.to_string())?;
            let held: usize = self.full.iter().flatten().map(|p| p.data.len()).sum();
            if held + picture.data.len() > FULL_BYTES {
                self.full.iter_mut().for_each(|p| *p = None);
            }
            if let Some(place) = self.full.get_mut(index) {
                *place = Some(picture);
            }
        }
        self.full.get(index).and_then(Option::as_ref).ok_or_else(|| "no such frame".to_owned())
    }

    fn bytes(&self, index: usize) -> Result<&'a [u8], String> {
        match self.frames.get(index) {
            Some(Ok(bytes)) => Ok(bytes),
            Some(Err(reason)) => Err((*reason).to_owned()),
            None => Err("no such frame".to_owned()),
        }
    }
}

/// The luma that motion evidence looks at: about [`motion::WIDTH`] wide.
pub(super) fn motion_luma(picture: &Rgb) -> Result<Gray, ImageError> {
    let gray = image::luma(picture);
    let wide = gray.width as f32 / motion::WIDTH as f32;
    if wide <= WIDE {
        return Ok(gray);
    }
    let height = ((gray.height as f32 / wide).round() as u32).max(1);
    image::resize_gray(&gray, motion::WIDTH, height)
}

/// Whether a picture shows no colour: taken by infrared light.
pub(super) fn is_infrared(picture: &Rgb) -> bool {
    // Every 16th pixel tells as much as all of them.
    let spread = |p: &[u8]| p.iter().max().zip(p.iter().min()).map_or(0, |(a, b)| u32::from(a - b));
    let pixels = picture.data.chunks_exact(3).step_by(16);
    let (sum, count) = pixels.fold((0u32, 0u32), |(sum, count), p| (sum + spread(p), count + 1));
    count > 0 && (sum as f32) < COLOURLESS * count as f32
}
