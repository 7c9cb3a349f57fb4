//! JPEG bytes to pixels: headers and EXIF, scaled decoding, resize, crop.
//!
//! A frame is decoded at the scale its reader needs and never larger; a frame that cannot be decoded is a
//! [`ImageError`] with a reason, which the caller records on the frame.

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
