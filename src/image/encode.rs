//! Pixels back to a JPEG, for crops and blurred frames.

use super::{ImageError, Rgb};

/// Writes `picture` as a baseline JPEG of `quality` 1..=100.
pub fn encode_jpeg(picture: &Rgb, quality: u8) -> Result<Vec<u8>, ImageError> {
    let refused = |reason: String| ImageError::Encode(reason);
    let (width, height) = match (u16::try_from(picture.width), u16::try_from(picture.height)) {
        (Ok(w @ 1..), Ok(h @ 1..)) => (w, h),
        _ => {
            return Err(refused(format!(
                "no side may be 0 or above 65535: {}x{}",
                picture.width, picture.height
            )));
        }
    };
    if picture.data.len() != 3 * usize::from(width) * usize::from(height) {
        return Err(refused(format!("{width}x{height} needs other than {} bytes", picture.data.len())));
    }
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, quality.clamp(1, 100))
        .encode(&picture.data, picture.width, picture.height, image::ExtendedColorType::Rgb8)
        .map_err(|e| refused(e.to_string()))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Want, decode};

    #[test]
    fn what_is_written_reads_back_nearly_the_same() {
        let data: Vec<u8> = (0..64 * 48 * 3).map(|i| (i / 144) as u8 * 4).collect();
        let picture = Rgb { width: 64, height: 48, data };
        let back = decode(&encode_jpeg(&picture, 95).unwrap(), Want::Full).unwrap();
        assert_eq!((back.width, back.height), (64, 48));
        let worst = back.data.iter().zip(&picture.data).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst < 24, "off by {worst}");
    }

    #[test]
    fn no_picture_is_an_error() {
        assert!(matches!(encode_jpeg(&Rgb::default(), 90), Err(ImageError::Encode(_))));
        let short = Rgb { width: 2, height: 2, data: vec![0; 3] };
        assert!(matches!(encode_jpeg(&short, 90), Err(ImageError::Encode(_))));
    }
}
