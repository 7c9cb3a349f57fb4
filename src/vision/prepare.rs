//! A picture, or a part of it, made into a network's input; and boxes on the input brought back to the picture.

use super::contrast;
use crate::engine::manifest::{Align, Colour, Dtype, Input, Layout, Resize};
use crate::engine::{Data, EngineError, Tensor};
use crate::image::{Filter, ImageError, Pixels, Region, Rgb};
use crate::units::BBox;

/// Where a part of a picture lies on a network's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    /// The part, in pixels of the picture.
    region: Region,
    /// Picture size in pixels.
    picture: (u32, u32),
    /// Input pixels per picture pixel, (x, y).
    scale: (f32, f32),
    /// Where the part's top left corner lies on the input, in input pixels.
    origin: (f32, f32),
}

impl Fit {
    /// A box on a mirrored input where it lies on the plain one.
    pub fn unmirrored(&self, [x0, y0, x1, y1]: [f32; 4]) -> [f32; 4] {
        let across = 2.0 * self.origin.0 + self.region.width as f32 * self.scale.0;
        [across - x1, y0, across - x0, y1]
    }

    /// A box on the input, as corners x0, y0, x1, y1 in input pixels, on the picture; clipped to the part shown.
    pub fn on_picture(&self, [x0, y0, x1, y1]: [f32; 4]) -> BBox {
        let (width, height) = (self.region.width as f32, self.region.height as f32);
        let x = |v: f32| ((v - self.origin.0) / self.scale.0).clamp(0.0, width) + self.region.x as f32;
        let y = |v: f32| ((v - self.origin.1) / self.scale.1).clamp(0.0, height) + self.region.y as f32;
        let (whole_width, whole_height) = (self.picture.0 as f32, self.picture.1 as f32);
        BBox::from_corners(
            x(x0) / whole_width,
            y(y0) / whole_height,
            x(x1) / whole_width,
            y(y1) / whole_height,
        )
    }
}

/// A part of a picture at the size a network takes; the picture is no longer needed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cut {
    pixels: Rgb,
    fit: Fit,
}

impl Cut {
    /// Levels the contrast if there is no colour; says whether there is none.
    pub fn level(&mut self) -> bool {
        let colourless = contrast::is_colourless(&self.pixels);
        if colourless {
            contrast::level(&mut self.pixels);
        }
        colourless
    }

    /// Whether there is no colour in it.
    pub fn is_colourless(&self) -> bool {
        contrast::is_colourless(&self.pixels)
    }

    /// The same as in a mirror. Boxes found on it lie as [`Fit::unmirrored`] has them.
    pub fn mirrored(&self) -> Cut {
        let row_bytes = 3 * self.pixels.width.max(1) as usize;
        let rows = self.pixels.data.chunks_exact(row_bytes);
        let data = rows.flat_map(|row| row.as_chunks::<3>().0.iter().rev().flatten().copied()).collect();
        Cut { pixels: Rgb { data, ..self.pixels }, fit: self.fit }
    }

    /// The tensor `input` asks for, and where the part lies on it.
    pub fn tensor(&self, input: &Input) -> (Tensor, Fit) {
        let (left, top) = (self.fit.origin.0 as u32, self.fit.origin.1 as u32);
        (Tensor { shape: input.shape().to_vec(), data: fill(&self.pixels, left, top, input) }, self.fit)
    }
}

/// Cuts `region` out of `picture` at the size `input` asks for.
pub(super) fn cut(picture: &impl Pixels, region: Region, input: &Input) -> Result<Cut, EngineError> {
    let (width, height, left, top) = place(region, input);
    let filter = if input.bicubic { Filter::Bicubic } else { Filter::Bilinear };
    let resized = picture
        .cut(region, width, height, filter)
        .map_err(|e: ImageError| EngineError::Picture(e.to_string()))?;
    let fit = Fit {
        region,
        picture: picture.size(),
        scale: (width as f32 / region.width as f32, height as f32 / region.height as f32),
        origin: (left as f32, top as f32),
    };
    Ok(Cut { pixels: resized, fit })
}

#[cfg(test)]
/// Makes `region` of `picture` into the tensor `input` asks for.
pub(super) fn prepare(
    picture: &impl Pixels,
    region: Region,
    input: &Input,
) -> Result<(Tensor, Fit), EngineError> {
    Ok(cut(picture, region, input)?.tensor(input))
}

/// Size of the resized region and where it lies on the input: width, height, left, top.
fn place(region: Region, input: &Input) -> (u32, u32, u32, u32) {
    let Resize::Letterbox { align, .. } = input.resize else { return (input.width, input.height, 0, 0) };
    let (w, h) = (region.width.max(1) as f32, region.height.max(1) as f32);
    let ratio = (input.width as f32 / w).min(input.height as f32 / h);
    let width = ((w * ratio).round() as u32).clamp(1, input.width);
    let height = ((h * ratio).round() as u32).clamp(1, input.height);
    match align {
        Align::TopLeft => (width, height, 0, 0),
        Align::Centre => (width, height, (input.width - width) / 2, (input.height - height) / 2),
    }
}

/// The input's numbers: `picture` at (left, top), padding around it.
fn fill(picture: &Rgb, left: u32, top: u32, input: &Input) -> Data {
    let pad = match input.resize {
        Resize::Letterbox { pad, .. } => pad,
        Resize::Stretch | Resize::Square { .. } => 0,
    };
    match input.dtype {
        Dtype::U8 => Data::U8(lay(picture, left, top, input, |_, pixel| pixel, pad)),
        Dtype::F32 => {
            // Only 256 values can occur per colour.
            let table = [0, 1, 2].map(|channel: usize| {
                let (scale, mean, std) = (input.scale, input.mean[channel], input.std[channel]);
                (0..=255u8).map(|v| (f32::from(v) * scale - mean) / std).collect::<Vec<f32>>()
            });
            let value = |channel: usize, pixel: u8| table[channel][usize::from(pixel)];
            Data::F32(lay(picture, left, top, input, value, pad))
        }
    }
}

/// Lays the pixels out; `value` turns a pixel of a channel (in the network's colour order) into its number.
fn lay<T: Copy>(
    picture: &Rgb,
    left: u32,
    top: u32,
    input: &Input,
    value: impl Fn(usize, u8) -> T,
    pad: u8,
) -> Vec<T> {
    let (width, height) = (input.width as usize, input.height as usize);
    let plane = width * height;
    let padding = [value(0, pad), value(1, pad), value(2, pad)];
    let mut out: Vec<T> = match input.layout {
        Layout::Nchw => padding.iter().flat_map(|&v| std::iter::repeat_n(v, plane)).collect(),
        Layout::Nhwc => std::iter::repeat_n(padding, plane).flatten().collect(),
    };
    let order = match input.colour {
        Colour::Rgb => [0, 1, 2],
        Colour::Bgr => [2, 1, 0],
    };
    let row_bytes = 3 * picture.width.max(1) as usize;
    for (y, row) in picture.data.chunks_exact(row_bytes).enumerate() {
        let start = (top as usize + y) * width + left as usize;
        for (x, pixel) in row.as_chunks::<3>().0.iter().enumerate() {
            for (channel, source) in order.into_iter().enumerate() {
                let at = match input.layout {
                    Layout::Nchw => channel * plane + start + x,
                    Layout::Nhwc => 3 * (start + x) + channel,
                };
                out[at] = value(channel, pixel[source]);
            }
        }
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An input of `width` x `height` with everything else plain.
    pub(in crate::vision) fn plain_input(width: u32, height: u32, resize: Resize) -> Input {
        Input {
            name: "images".into(),
            width,
            height,
            layout: Layout::Nchw,
            colour: Colour::Rgb,
            dtype: Dtype::F32,
            scale: 1.0,
            mean: [0.0; 3],
            std: [1.0; 3],
            resize,
            bicubic: false,
        }
    }

    fn one_colour(width: u32, height: u32, rgb: [u8; 3]) -> Rgb {
        Rgb { width, height, data: rgb.repeat((width * height) as usize) }
    }

    fn whole(picture: &Rgb) -> Region {
        Region { x: 0, y: 0, width: picture.width, height: picture.height }
    }

    #[test]
    fn letterbox_pads_where_it_says() {
        // By hand: 8x4 into 4x4 is 4x2; top left leaves rows 2 and 3 to the padding, centred rows 0 and 3.
        let picture = one_colour(8, 4, [10, 20, 30]);
        for (align, rows) in
            [(Align::TopLeft, [10.0, 10.0, 7.0, 7.0]), (Align::Centre, [7.0, 10.0, 10.0, 7.0])]
        {
            let input = plain_input(4, 4, Resize::Letterbox { align, pad: 7 });
            let (tensor, _) = prepare(&picture, whole(&picture), &input).unwrap();
            let red: Vec<f32> = tensor.to_f32()[..16].chunks(4).map(|row| row[0]).collect();
            assert_eq!(red, rows, "{align:?}");
        }
    }

    #[test]
    fn colours_layout_and_arithmetic_follow_the_manifest() {
        let picture = one_colour(2, 2, [10, 20, 30]);
        let mut input = plain_input(2, 2, Resize::Stretch);
        (input.colour, input.layout) = (Colour::Bgr, Layout::Nhwc);
        (input.scale, input.mean, input.std) = (0.1, [1.0, 1.0, 0.0], [2.0, 1.0, 0.5]);
        let (tensor, _) = prepare(&picture, whole(&picture), &input).unwrap();
        // (30 * 0.1 - 1) / 2, (20 * 0.1 - 1) / 1, (10 * 0.1 - 0) / 0.5
        for (got, expected) in tensor.to_f32()[..3].iter().zip([1.0, 1.0, 2.0]) {
            assert!((got - expected).abs() < 1e-5);
        }
        input.dtype = Dtype::U8;
        let (tensor, _) = prepare(&picture, whole(&picture), &input).unwrap();
        assert_eq!(tensor.data, Data::U8([30, 20, 10].repeat(4)));
    }

    #[test]
    fn a_box_on_the_input_comes_back_to_where_it_was_on_the_picture() {
        // By hand: the region 100..300 x 50..150 of 400x200 in a centred 64x64 letterbox is 64x32 from row 16 on, 0.32
        // input pixels per pixel. The picture box 150..250 x 75..100 is at (150-100)*0.32=16 .. 48 and 24 .. 32.
        let picture = one_colour(400, 200, [0; 3]);
        let region = Region { x: 100, y: 50, width: 200, height: 100 };
        let input = plain_input(64, 64, Resize::Letterbox { align: Align::Centre, pad: 114 });
        let (_, fit) = prepare(&picture, region, &input).unwrap();
        let found = fit.on_picture([16.0, 24.0, 48.0, 32.0]);
        let expected = BBox::from_corners(0.375, 0.375, 0.625, 0.5);
        assert!(found.iou(&expected) > 0.9999, "{found:?}");
        // What lies in the padding is clipped to the region.
        let clipped = fit.on_picture([-50.0, -50.0, 500.0, 500.0]);
        assert!(clipped.iou(&BBox::from_corners(0.25, 0.25, 0.75, 0.75)) > 0.9999, "{clipped:?}");
    }

    #[test]
    fn what_a_mirrored_cut_shows_lies_where_it_was() {
        // A red half of a 40x20 picture, left; letterboxed into 16x16, centred: 16x8 from row 4 on.
        let row: Vec<u8> = (0..40).flat_map(|x| if x < 20 { [255, 0, 0] } else { [0, 0, 0] }).collect();
        let picture = Rgb { width: 40, height: 20, data: row.repeat(20) };
        let input = plain_input(16, 16, Resize::Letterbox { align: Align::Centre, pad: 0 });
        let plain = cut(&picture, whole(&picture), &input).unwrap();
        let (tensor, fit) = plain.mirrored().tensor(&input);
        let reds: Vec<bool> = tensor.to_f32()[8 * 16..9 * 16].iter().map(|v| *v > 200.0).collect();
        assert!(reds[..7].iter().all(|red| !red) && reds[9..].iter().all(|red| *red), "{reds:?}");
        let found = fit.on_picture(fit.unmirrored([8.0, 4.0, 16.0, 12.0]));
        assert!(found.iou(&BBox::from_corners(0.0, 0.0, 0.5, 1.0)) > 0.999, "{found:?}");
    }

    #[test]
    fn no_pixels_are_an_error_not_an_empty_input() {
        let input = plain_input(4, 4, Resize::Stretch);
        assert!(matches!(
            prepare(&Rgb::default(), whole(&Rgb::default()), &input),
            Err(EngineError::Picture(_))
        ));
    }
}
