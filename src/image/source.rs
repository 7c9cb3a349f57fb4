//! A file opened for several looks: all of it once and small, parts of it in as many pixels as are asked for.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::baseline::{Baseline, Window};
use super::decode::{check_limits, choose_eighths, decode_segments, scaled};
use super::header::{orientation, parse_exif};
use super::picture::{Picture, Pixels, Planes};
use super::resize::Frame;
use super::segments::Segments;
use super::{Filter, Gray, ImageError, Orientation, Region, Rgb, Want, crop, luma};

/// A JPEG whose structure was read and found whole.
#[derive(Debug)]
pub struct Source<'a> {
    bytes: &'a [u8],
    segments: Segments,
    orientation: Orientation,
    /// What reads parts of it; `None` for kinds that only crates decode.
    baseline: Option<Baseline<'a>>,
}

impl<'a> Source<'a> {
    /// Reads the structure; a file that is empty, no JPEG, or cut short is an error.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let segments = Segments::of_file(bytes)?;
        let exif = segments.exif.clone().and_then(|range| parse_exif(bytes.get(range)?));
        let orientation = exif.map(|exif| orientation(&exif)).unwrap_or_default();
        let baseline = Baseline::of(bytes, &segments);
        Ok(Source { bytes, segments, orientation, baseline })
    }

    /// Width and height in pixels, upright.
    pub fn size(&self) -> (u32, u32) {
        self.orientation.upright_size(self.segments.frame.width, self.segments.frame.height)
    }

    /// All of the picture, as small as `want` allows. Damaged data and sizes beyond [`super::MAX_PIXELS`] or
    /// [`super::MAX_DECODE_BYTES`] are errors.
    pub fn look(&self, want: Want) -> Result<Picture, ImageError> {
        let frame = &self.segments.frame;
        let eighths = choose_eighths(frame, self.orientation, want);
        check_limits(frame, eighths)?;
        let Some(baseline) = &self.baseline else { return Ok(Picture::Rgb(self.rgb(eighths)?)) };
        let size = (scaled(frame.width, eighths), scaled(frame.height, eighths));
        let planes = guarded(|| baseline.whole(eighths as usize))?;
        let planes = Planes::new(planes, size, self.orientation);
        planes.map(Picture::Planes).ok_or_else(|| ImageError::Corrupt("no components".into()))
    }

    /// The same file, for looks at parts of it.
    pub fn view(&self) -> View<'_, 'a> {
        View { source: self, whole: RefCell::new(None), took: Cell::new(Duration::ZERO) }
    }

    fn rgb(&self, eighths: u32) -> Result<Rgb, ImageError> {
        decode_segments(self.bytes, &self.segments, self.orientation, eighths)
    }

    /// The units that hold `region`, a part of the upright full picture, with `eighths` samples for each 8 pixels,
    /// upright; and where on them the region lies.
    fn part(
        &self,
        baseline: &Baseline<'a>,
        region: Region,
        eighths: u32,
        gray: bool,
    ) -> Result<(Planes, Frame), ImageError> {
        check_limits(&self.segments.frame, 1)?;
        let frame = &self.segments.frame;
        let stored = self.orientation.stored(region, frame.width, frame.height);
        let (unit_width, unit_height) = baseline.unit();
        let (columns, rows) = baseline.units();
        let cover = |from: u32, length: u32, unit: usize, units: usize| {
            let first = (from as usize / unit).min(units.saturating_sub(1));
            let end = (from as usize + length as usize).div_ceil(unit).clamp(first + 1, units.max(first + 1));
            first..end
        };
        let window = Window {
            columns: cover(stored.x, stored.width, unit_width, columns),
            rows: cover(stored.y, stored.height, unit_height, rows),
        };
        let planes = guarded(|| baseline.part(&window, eighths as usize, gray))?;
        let pixels = |units: usize, unit: usize| u32::try_from(units * unit).unwrap_or(u32::MAX);
        let held = Region {
            x: pixels(window.columns.start, unit_width),
            y: pixels(window.rows.start, unit_height),
            width: pixels(window.columns.len(), unit_width),
            height: pixels(window.rows.len(), unit_height),
        };
        let size = (held.width * eighths / 8, held.height * eighths / 8);
        let planes = Planes::new(planes, size, self.orientation);
        let planes = planes.ok_or_else(|| ImageError::Corrupt("no components".into()))?;
        // The region within the units, as stored, then upright.
        let within = Region {
            x: stored.x.saturating_sub(held.x),
            y: stored.y.saturating_sub(held.y),
            width: stored.width,
            height: stored.height,
        };
        let (width, height) = self.orientation.upright_size(held.width, held.height);
        let within = self.orientation.inverse().stored(within, width, height);
        let share = f64::from(eighths) / 8.0;
        let place = Frame::from(within);
        let place = Frame {
            x: place.x * share,
            y: place.y * share,
            width: place.width * share,
            height: place.height * share,
        };
        Ok((planes, place))
    }
}

impl Pixels for View<'_, '_> {
    fn size(&self) -> (u32, u32) {
        self.source.size()
    }

    fn cut(&self, region: Region, width: u32, height: u32, filter: Filter) -> Result<Rgb, ImageError> {
        let Some(baseline) = &self.source.baseline else {
            return self.on_whole(8, |whole| whole.cut(region, width, height, filter));
        };
        // As many pixels as are asked for, no more than twice as many.
        let enough = |&eighths: &u32| {
            scaled(region.width, eighths) >= width && scaled(region.height, eighths) >= height
        };
        let eighths = [1, 2, 4].into_iter().find(enough).unwrap_or(8);
        let began = Instant::now();
        let part = self.source.part(baseline, region, eighths, false);
        self.took.set(self.took.get() + began.elapsed());
        let (planes, place) = part?;
        planes.cut_frame(place, (width, height), filter)
    }
}

/// A decoder that panics has met a file its authors did not foresee: that frame failed, the trap goes on.
fn guarded<T>(work: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(ImageError::Corrupt("the decoder gave up".into())))
}

/// Looks at parts of one file. What had to be decoded for one look and serves the next is kept until it is dropped.
#[derive(Debug)]
pub struct View<'s, 'a> {
    source: &'s Source<'a>,
    /// A file that only crates decode, whole: eighths of its size, and its pixels.
    whole: RefCell<Option<(u32, Rgb)>>,
    took: Cell<Duration>,
}

impl View<'_, '_> {
    /// Time spent decoding so far.
    pub fn took(&self) -> Duration {
        self.took.get()
    }

    /// The size of the picture that [`Source::look`] gives for `want`.
    pub fn size_at(&self, want: Want) -> (u32, u32) {
        let (frame, orientation) = (&self.source.segments.frame, self.source.orientation);
        let eighths = choose_eighths(frame, orientation, want);
        orientation.upright_size(scaled(frame.width, eighths), scaled(frame.height, eighths))
    }

    /// The brightness of `region` of the picture that [`Source::look`] gives for `want`.
    pub fn luma_at(&self, want: Want, region: Region) -> Result<Gray, ImageError> {
        let frame = &self.source.segments.frame;
        let eighths = choose_eighths(frame, self.source.orientation, want);
        let Some(baseline) = &self.source.baseline else {
            return self.on_whole(eighths, |whole| Ok(luma(&crop(whole, region)?)));
        };
        let full = |length: u32| length.saturating_mul(8) / eighths;
        let (width, height) = self.source.size();
        let (x, y) =
            (full(region.x).min(width.saturating_sub(1)), full(region.y).min(height.saturating_sub(1)));
        let wide = Region {
            x,
            y,
            width: full(region.width).clamp(1, width - x),
            height: full(region.height).clamp(1, height - y),
        };
        let began = Instant::now();
        let part = self.source.part(baseline, wide, eighths, true);
        self.took.set(self.took.get() + began.elapsed());
        let (planes, place) = part?;
        let (x, y) = (place.x as u32, place.y as u32);
        crop_gray(planes.gray(), Region { x, y, ..region })
    }

    /// The file decoded whole by a crate, or what is left of the last time.
    fn on_whole<T>(
        &self,
        eighths: u32,
        look: impl FnOnce(&Rgb) -> Result<T, ImageError>,
    ) -> Result<T, ImageError> {
        let mut whole = self.whole.borrow_mut();
        if whole.as_ref().is_none_or(|(have, _)| *have != eighths) {
            *whole = None;
            check_limits(&self.source.segments.frame, eighths)?;
            let began = Instant::now();
            *whole = Some((eighths, self.source.rgb(eighths)?));
            self.took.set(self.took.get() + began.elapsed());
        }
        match whole.as_ref() {
            Some((_, picture)) => look(picture),
            None => Err(ImageError::Corrupt("nothing was decoded".into())),
        }
    }
}

/// The pixels of `region` of a grey picture, as far as it has them.
fn crop_gray(picture: &Gray, region: Region) -> Result<Gray, ImageError> {
    let whole = picture.width as usize;
    let (x, y) = (region.x.min(picture.width), region.y.min(picture.height));
    let (width, height) = (region.width.min(picture.width - x), region.height.min(picture.height - y));
    if width == 0 || height == 0 {
        let (from_width, from_height) = (picture.width, picture.height);
        return Err(ImageError::Size { width: region.width, height: region.height, from_width, from_height });
    }
    let rows = picture.data.chunks_exact(whole.max(1)).skip(y as usize).take(height as usize);
    let span = x as usize..(x + width) as usize;
    let data = rows.flat_map(|row| row.get(span.clone()).unwrap_or_default()).copied().collect();
    Ok(Gray { width, height, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{decode, encode_jpeg};

    /// Soft blobs of colour, 210 x 141: no whole number of units.
    fn scene() -> Rgb {
        let (width, height) = (210u32, 141u32);
        let wave = |v: u32, period: f32| 127.0 + 100.0 * (v as f32 / period).sin();
        let pixel = |x: u32, y: u32| {
            let level = [wave(x, 9.0), wave(y, 13.0), wave(x + y, 21.0)];
            level.map(|v| v as u8)
        };
        let data = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect();
        Rgb { width, height, data }
    }

    /// `jpeg` with an EXIF segment that says how it is turned (CIPA DC-008, TIFF 6.0).
    fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let mut out = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, 34];
        out.extend_from_slice(b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0");
        out.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&jpeg[2..]);
        out
    }

    fn apart(a: &[u8], b: &[u8]) -> f32 {
        assert_eq!(a.len(), b.len());
        let sum: u32 = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        sum as f32 / a.len() as f32
    }

    fn whole(picture: &impl Pixels) -> Rgb {
        let (width, height) = picture.size();
        picture.cut(Region { x: 0, y: 0, width, height }, width, height, Filter::Bilinear).unwrap()
    }

    #[test]
    fn every_scale_and_orientation_is_what_the_crates_make_of_it() {
        let plain = encode_jpeg(&scene(), 92).unwrap();
        for orientation in 1..=8 {
            let file = turned(&plain, orientation);
            let source = Source::open(&file).unwrap();
            assert!(source.baseline.is_some());
            for want in [Want::LongSide(20), Want::LongSide(50), Want::LongSide(100), Want::Full] {
                let (ours, theirs) = (source.look(want).unwrap(), decode(&file, want).unwrap());
                assert_eq!(ours.size(), theirs.size());
                let (rgb, grey) =
                    (apart(&whole(&ours).data, &theirs.data), apart(&ours.luma().data, &luma(&theirs).data));
                assert!(rgb < 1.5 && grey < 1.5, "{orientation} {want:?}: {rgb} {grey}");
            }
        }
    }

    #[test]
    fn a_part_is_what_the_whole_shows_there() {
        let plain = encode_jpeg(&scene(), 92).unwrap();
        for orientation in 1..=8 {
            let file = turned(&plain, orientation);
            let (source, theirs) = (Source::open(&file).unwrap(), decode(&file, Want::Full).unwrap());
            let view = source.view();
            let (width, height) = view.size();
            let corners = [(0, 0), (37, 51), (width - 60, height - 50)];
            for region in corners.map(|(x, y)| Region { x, y, width: 60, height: 50 }) {
                for (width, height) in [(60, 50), (30, 25)] {
                    let ours = view.cut(region, width, height, Filter::Bilinear).unwrap();
                    let theirs = theirs.cut(region, width, height, Filter::Bilinear).unwrap();
                    let apart = apart(&ours.data, &theirs.data);
                    assert!(apart < 2.0, "{orientation} {region:?} {width}: {apart}");
                }
            }
            let want = Want::LongSide(100);
            let (small, region) =
                (decode(&file, want).unwrap(), Region { x: 11, y: 7, width: 40, height: 33 });
            let ours = view.luma_at(want, region).unwrap();
            let theirs = luma(&crop(&small, region).unwrap());
            assert_eq!((ours.width, ours.height), (40, 33));
            assert!(apart(&ours.data, &theirs.data) < 1.5, "{orientation}");
        }
    }

    #[test]
    fn data_that_end_early_are_an_error_wherever_they_end() {
        let file = encode_jpeg(&scene(), 92).unwrap();
        let begin = file.windows(2).position(|two| two == [0xFF, 0xDA]).unwrap() + 14;
        let cuts: Vec<usize> = (begin..file.len() - 10).step_by(97).collect();
        assert!(cuts.len() > 20);
        for cut in cuts {
            let mut damaged = file[..cut].to_vec();
            damaged.extend_from_slice(&[0xFF, 0xD9]);
            let source = Source::open(&damaged).unwrap();
            let error = source.look(Want::LongSide(50)).unwrap_err();
            assert!(matches!(error, ImageError::Truncated(_)), "{cut}: {error}");
        }
    }

    #[test]
    fn grey_files_have_no_colours() {
        let mut file = Vec::new();
        let grey: Vec<u8> = scene().data.chunks(3).map(|p| p[0]).collect();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 95)
            .encode(&grey, 210, 141, image::ExtendedColorType::L8)
            .unwrap();
        let source = Source::open(&file).unwrap();
        assert!(source.baseline.is_some());
        let look = source.look(Want::Full).unwrap();
        assert!(apart(&look.luma().data, &grey) < 1.5);
        assert!(whole(&look).data.chunks(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    }
}
