//! JPEG bytes to pixels: headers and EXIF, scaled decoding, resize, crop.
//!
//! A frame is decoded at the scale its reader needs and never larger; a frame that cannot be decoded is an
//! [`ImageError`] with a reason, which the caller records on the frame.
//!
//! [`Header::read`] tells size and time without decoding. [`Source`] opens a file for several looks: all of it small,
//! then parts of it, decoded by themselves (`baseline`). [`decode`] gives a whole upright picture in RGB; [`resize`] and
//! [`crop`] cut it to what a network takes; [`encode_jpeg`] writes crops back.

mod baseline;
mod decode;
mod encode;
mod header;
mod orient;
mod picture;
mod resize;
mod segments;
mod source;
mod thumbnail;

pub use decode::{MAX_DECODE_BYTES, MAX_PIXELS, Want, decode};
pub use encode::encode_jpeg;
pub use header::{Header, Taken};
pub use orient::Orientation;
pub use picture::{Picture, Pixels, Planes};
pub use resize::{Filter, Region, crop, luma, resize, resize_gray, resize_region};
pub use source::{Source, View};
pub use thumbnail::{THUMBNAIL_BYTES, thumbnail};

/// Interleaved 8-bit RGB, row by row, no padding: `data.len() == 3 * width * height`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rgb {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `3 * width * height` bytes.
    pub data: Vec<u8>,
}

/// 8-bit luma (BT.601), row by row, no padding: `data.len() == width * height`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gray {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height` bytes.
    pub data: Vec<u8>,
}

impl Gray {
    /// Whether it has all of its bytes.
    pub fn is_whole(&self) -> bool {
        self.data.len() == self.width as usize * self.height as usize
    }
}

/// Why a picture could not be read, made smaller or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The file has no bytes: cards that fill up or lose power leave such files.
    #[error("the file is empty (0 bytes)")]
    Empty,
    /// The first bytes are not those of a JPEG.
    #[error("not a JPEG: it starts with {start}")]
    NotJpeg {
        /// The first bytes in hexadecimal.
        start: String,
    },
    /// The file ends, or its picture data end, before the picture does.
    #[error("truncated JPEG: {0}")]
    Truncated(String),
    /// The file breaks the rules of the format.
    #[error("corrupt JPEG: {0}")]
    Corrupt(String),
    /// A valid file of a kind cameras do not write (arithmetic coding, lossless, hierarchical, 12 bits).
    #[error("unsupported JPEG: {0}")]
    Unsupported(String),
    /// The header asks for more than a trap should ever allocate.
    #[error(
        "the header claims {width}x{height}, which needs {need_mib} MiB to decode; the limits are {} megapixels and {} MiB",
        MAX_PIXELS / 1_000_000,
        MAX_DECODE_BYTES >> 20
    )]
    TooLarge {
        /// Claimed width in pixels.
        width: u32,
        /// Claimed height in pixels.
        height: u32,
        /// What decoding would take.
        need_mib: u64,
    },
    /// A resize or a crop to nothing, or from nothing.
    #[error("cannot make a picture of {width}x{height} from one of {from_width}x{from_height}")]
    Size {
        /// Wanted width.
        width: u32,
        /// Wanted height.
        height: u32,
        /// Width of the source.
        from_width: u32,
        /// Height of the source.
        from_height: u32,
    },
    /// The encoder refused.
    #[error("cannot write a JPEG: {0}")]
    Encode(String),
}
