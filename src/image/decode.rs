//! JPEG bytes to an upright picture, at the smallest scale that serves.
//!
//! For whole pictures, and for files that `baseline` leaves to crates. Two decoders, each where it is the faster
//! (`docs/performance.md`): jpeg-decoder decodes straight to 1/8, 1/4 or 1/2 of the size; zune-jpeg decodes every pixel
//! in half its time and without a second copy of the picture. Their leniency
//! is taken away: see [`strict_copy`].

use std::panic::{AssertUnwindSafe, catch_unwind};

use jpeg_decoder::{Decoder, Error, PixelFormat};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::header::{orientation, parse_exif};
use super::orient::upright;
use super::segments::{Frame, Segments};
use super::{ImageError, Orientation, Rgb};

/// Largest picture taken: 64 megapixels, above any camera trap sold (interpolated "48 MP" included).
pub const MAX_PIXELS: u64 = 64_000_000;

/// Most memory one decode may take: 512 MiB, all the memory of the smallest boards.
pub const MAX_DECODE_BYTES: u64 = 512 << 20;

/// How large the picture is needed. The decoder gives the smallest of 1/8, 1/4, 1/2 and 1/1 that is not below the
/// wish, and the full size when nothing reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Every pixel.
    Full,
    /// The upright picture's longer side has at least so many pixels: what a square letterbox needs.
    LongSide(u32),
    /// The upright picture is at least so wide and at least so high: what stretching needs.
    AtLeast {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

/// Decodes a JPEG to an upright picture. Grey and CMYK pictures become RGB.
///
/// A file that is empty, no JPEG, cut short, corrupt, or larger than [`MAX_PIXELS`] or [`MAX_DECODE_BYTES`] is an
/// error; the limits are checked on the header, before anything is allocated.
pub fn decode(bytes: &[u8], want: Want) -> Result<Rgb, ImageError> {
    let header = Segments::of_header(bytes)?;
    let orientation = header
        .exif
        .and_then(|range| parse_exif(bytes.get(range)?))
        .map(|exif| orientation(&exif))
        .unwrap_or_default();
    let eighths = choose_eighths(&header.frame, orientation, want);
    check_limits(&header.frame, eighths)?;
    let segments = Segments::of_file(bytes)?;
    decode_segments(bytes, &segments, orientation, eighths)
}

/// The same of a file whose structure is known, at `eighths` of its size.
pub(super) fn decode_segments(
    bytes: &[u8],
    segments: &Segments,
    orientation: Orientation,
    eighths: u32,
) -> Result<Rgb, ImageError> {
    let file = strict_copy(bytes, &segments.scan_ends);
    // A decoder that panics has met a file its authors did not foresee: that frame failed, the trap goes on.
    let whole = eighths == 8 && simple(&segments.frame);
    let decoded = catch_unwind(AssertUnwindSafe(|| match whole {
        true => decode_whole(&file, &segments.frame),
        false => decode_stored(&file, &segments.frame, eighths),
    }));
    let stored = decoded.unwrap_or_else(|_| Err(ImageError::Corrupt("the decoder gave up".into())))?;
    Ok(upright(stored, orientation))
}

/// Side length at `eighths` of full size, rounded up as the decoder does.
pub(super) fn scaled(length: u32, eighths: u32) -> u32 {
    (length * eighths).div_ceil(8)
}

pub(super) fn choose_eighths(frame: &Frame, orientation: Orientation, want: Want) -> u32 {
    let enough = |eighths: &u32| {
        let (stored_width, stored_height) = (scaled(frame.width, *eighths), scaled(frame.height, *eighths));
        let (w, h) = orientation.upright_size(stored_width, stored_height);
        match want {
            Want::Full => *eighths == 8,
            Want::LongSide(pixels) => w.max(h) >= pixels,
            Want::AtLeast { width, height } => w >= width && h >= height,
        }
    };
    [1, 2, 4].into_iter().find(enough).unwrap_or(8)
}

/// Memory that decoding takes: the planes, the interleaved picture, its RGB form turned upright and, for
/// progressive files, 16 bits per coefficient of the full picture.
fn decode_bytes(frame: &Frame, eighths: u32) -> u64 {
    let components = u64::from(frame.components);
    let full = u64::from(frame.width) * u64::from(frame.height);
    let out = u64::from(scaled(frame.width, eighths)) * u64::from(scaled(frame.height, eighths));
    let coefficients = if frame.progressive() { 2 * components * full } else { 0 };
    out * (components + components.max(3)) + coefficients
}

pub(super) fn check_limits(frame: &Frame, eighths: u32) -> Result<(), ImageError> {
    let need = decode_bytes(frame, eighths);
    if u64::from(frame.width) * u64::from(frame.height) > MAX_PIXELS || need > MAX_DECODE_BYTES {
        return Err(ImageError::TooLarge { width: frame.width, height: frame.height, need_mib: need >> 20 });
    }
    Ok(())
}

/// The file with a run of one-bits behind each scan's data, which takes the decoder's leniency away.
///
/// Decoders read zero-bits where the data end early and paint what these happen to mean. T.81 (C.2) forbids codes
/// made of ones only, so a decoder that still needs a code there now fails, while one that has all it needs skips
/// the run (`FF 00` is no marker) on its way to the next marker.
fn strict_copy(bytes: &[u8], scan_ends: &[usize]) -> Vec<u8> {
    const ONES: [u8; 1024] = {
        let mut run = [0; 1024];
        let mut i = 0;
        while i < run.len() {
            run[i] = 0xFF;
            i += 2;
        }
        run
    };
    let mut out = Vec::with_capacity(bytes.len() + ONES.len() * scan_ends.len());
    let mut from = 0;
    for &end in scan_ends {
        out.extend_from_slice(bytes.get(from..end).unwrap_or_default());
        out.extend_from_slice(&ONES);
        from = end;
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    out
}

/// Whether a file is of the kind that cameras write: baseline, grey or colour.
fn simple(frame: &Frame) -> bool {
    frame.baseline() && matches!(frame.components, 1 | 3)
}

/// Every pixel, as stored.
fn decode_whole(file: &[u8], frame: &Frame) -> Result<Rgb, ImageError> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    let length = 3 * frame.width as usize * frame.height as usize;
    let mut data = vec![0; length];
    decoder.decode_into(&mut data).map_err(|error| {
        let said = error.to_string();
        let ends_early = ["Huffman", "Premature", "xhausted"].iter().any(|word| said.contains(word));
        match error {
            DecodeErrors::Unsupported(_) => ImageError::Unsupported(said),
            DecodeErrors::HuffmanDecode(_) | DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_) => {
                ends(&said)
            }
            _ if ends_early => ends(&said),
            _ => ImageError::Corrupt(said),
        }
    })?;
    let picture = Rgb { width: frame.width, height: frame.height, data };
    if decoder.output_buffer_size() != Some(length) {
        return Err(ImageError::Corrupt(format!(
            "{} bytes for {}x{}",
            picture.data.len(),
            frame.width,
            frame.height
        )));
    }
    Ok(picture)
}

fn decode_stored(file: &[u8], frame: &Frame, eighths: u32) -> Result<Rgb, ImageError> {
    let mut decoder = Decoder::new(file);
    decoder.set_max_decoding_buffer_size(MAX_DECODE_BYTES as usize);
    // The decoder takes the smallest scale that satisfies either side: ask for the longer side only.
    let side = |length: u32| u16::try_from(scaled(length, eighths)).unwrap_or(u16::MAX);
    let (width, height) = if frame.width >= frame.height {
        (side(frame.width), u16::MAX)
    } else {
        (u16::MAX, side(frame.height))
    };
    let (width, height) = decoder.scale(width, height).map_err(explain)?;
    let data = decoder.decode().map_err(explain)?;
    let info = decoder.info().ok_or_else(|| ImageError::Corrupt("no frame header".into()))?;
    let data = match info.pixel_format {
        PixelFormat::RGB24 => data,
        PixelFormat::L8 => data.iter().flat_map(|&v| [v, v, v]).collect(),
        PixelFormat::CMYK32 => data.as_chunks::<4>().0.iter().flat_map(cmyk_to_rgb).collect(),
        PixelFormat::L16 => return Err(ImageError::Unsupported("16 bits per sample".into())),
    };
    let picture = Rgb { width: width.into(), height: height.into(), data };
    if picture.data.len() as u64 != 3 * u64::from(width) * u64::from(height) {
        return Err(ImageError::Corrupt(format!("{} bytes for {width}x{height}", picture.data.len())));
    }
    Ok(picture)
}

/// Ink (0 none, 255 full) to light, without a colour profile.
fn cmyk_to_rgb(&[c, m, y, k]: &[u8; 4]) -> [u8; 3] {
    let light = |ink: u8| (u32::from(255 - ink) * u32::from(255 - k)).div_ceil(255).min(255) as u8;
    [light(c), light(m), light(y)]
}

pub(super) fn ends(reason: &str) -> ImageError {
    ImageError::Truncated(format!("the picture data end early or are damaged ({reason})"))
}

fn explain(error: Error) -> ImageError {
    match error {
        Error::Format(reason) if reason.contains("huffman code") || reason.contains("inside scan where") => {
            ends(&reason)
        }
        Error::Format(reason) => ImageError::Corrupt(reason),
        Error::Unsupported(feature) => ImageError::Unsupported(format!("{feature:?}")),
        Error::Io(e) => ImageError::Truncated(e.to_string()),
        other => ImageError::Corrupt(other.to_string()),
    }
}
