//! Which of the camera's formats is taken, and what its driver makes of what was asked.

use super::{Device, Wanted};

/// Formats that are JPEG pictures, the usual one first (linux/videodev2.h: V4L2_PIX_FMT_MJPEG, _JPEG).
const JPEG: [[u8; 4]; 2] = [*b"MJPG", *b"JPEG"];

/// Uncompressed: Y0 U Y1 V, two pixels in four bytes (V4L2_PIX_FMT_YUYV). Every UVC camera without JPEG has it.
const YUYV: [u8; 4] = *b"YUYV";

/// Formats of the pictures that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JPEG pictures.
    Jpeg,
    /// YUYV, made into JPEG here.
    Yuyv,
}

/// What a camera gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// Four characters that name the format.
    pub format: [u8; 4],
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes of a row, where the format has rows; 0: as many as its pixels need.
    pub stride: u32,
    /// Pictures a second.
    pub rate: u32,
}

/// Sets the best format that both sides know: JPEG before YUYV. The camera may give another size than was asked, its
/// nearest; that is told in the log.
pub(super) fn negotiate(device: &mut dyn Device, wanted: &Wanted) -> Result<(Kind, Mode), String> {
    let offered = device.formats().map_err(|e| format!("it does not tell its formats: {e}"))?;
    let jpeg = JPEG.into_iter().map(|format| (Kind::Jpeg, format));
    let candidates = jpeg.chain([(Kind::Yuyv, YUYV)]).filter(|(_, format)| offered.contains(format));
    let mut refusals = Vec::new();
    for (kind, format) in candidates {
        let Wanted { width, height, rate, .. } = *wanted;
        match device.set(Mode { format, width, height, stride: 0, rate }) {
            Ok(mode) if mode.format == format && mode.width > 1 && mode.height > 0 => {
                if (mode.width, mode.height) != (width, height) {
                    log::warn!(
                        "camera \"{}\" gives pictures of {}x{}, not of {width}x{height}",
                        wanted.device,
                        mode.width,
                        mode.height
                    );
                }
                return Ok((kind, mode));
            }
            Ok(mode) => refusals.push(format!("for {} it gives {}", word(format), word(mode.format))),
            Err(error) => refusals.push(format!("it refuses {}: {error}", word(format))),
        }
    }
    let offered = offered.into_iter().map(word).collect::<Vec<_>>().join(", ");
    let refusals: String = refusals.into_iter().map(|refusal| format!("; {refusal}")).collect();
    Err(format!("none of its formats can be read; it offers: {offered}; read are MJPG, JPEG, YUYV{refusals}"))
}

fn word(format: [u8; 4]) -> String {
    format.iter().map(|b| char::from(*b)).collect::<String>().trim().to_owned()
}

/// Sets the control `text`, `name=value`.
pub(super) fn control(device: &mut dyn Device, text: &str) -> Result<(), String> {
    let (name, value) = text.split_once('=').ok_or("write name=value")?;
    let value = value.trim().parse().map_err(|_| "its value is no whole number")?;
    device.control(name.trim(), value).map_err(|error| error.to_string())
}

/// A control's name as `v4l2-ctl` writes it: lower case, whatever is no letter or digit as one underscore.
#[cfg(any(all(target_os = "linux", target_pointer_width = "64"), test))]
pub(super) fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}
