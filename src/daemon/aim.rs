//! One picture to aim the camera by: taken between triggers, judged by itself, never stored.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::live::{AimBox, AimFrame};
use super::pictures::coarsen;
use super::pipeline::Judges;
use super::record::category;
use crate::hal::Camera;
use crate::image::{Region, Rgb, Want, decode, encode_jpeg, resize};
use crate::vision::Category;

/// From one aim frame to the next: a camera that is turned by hand is followed well enough.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// Longest side of an aim frame, pixels: a phone's screen, held upright.
const LONG_SIDE: u32 = 960;

/// JPEG quality of aim frames: they are looked at for a second.
const QUALITY: u8 = 70;

/// Boxes below this confidence would flicker; MegaDetector's usual threshold. People are blurred from the site's own
/// floor on, which may be lower.
const SHOWN: f32 = 0.2;

/// Takes one. People of at least confidence `floor` are made unrecognisable; a picture on which they could not be
/// looked for is withheld, unless there is nobody who looks.
pub(super) fn frame(
    camera: &mut dyn Camera,
    judge: &mut dyn Judges,
    floor: f32,
    now: DateTime<Utc>,
) -> AimFrame {
    if !camera.aims() {
        return failed(now, "pictures come from a folder that others fill: there is no live view");
    }
    let shot = match camera.burst(1, Duration::ZERO) {
        Ok(shots) => shots.into_iter().next(),
        Err(fault) => return failed(now, &fault.to_string()),
    };
    let Some(shot) = shot else { return failed(now, "the camera gave no picture") };
    let picture = shot.jpeg.and_then(|jpeg| small(&jpeg));
    let mut picture = match picture {
        Ok(picture) => picture,
        Err(reason) => return failed(shot.taken, &reason),
    };
    let size = (picture.width, picture.height);
    let found = match judge.glance(&picture) {
        None => Vec::new(),
        Some(Ok(found)) => found,
        Some(Err(reason)) => return AimFrame { size, ..failed(shot.taken, &format!("withheld: {reason}")) },
    };
    for person in found.iter().filter(|d| d.category == Category::Person && d.confidence.get() >= floor) {
        let region = Region::of(&person.bbox, picture.width, picture.height);
        coarsen(&mut picture, region);
    }
    let boxes = found.iter().filter(|d| d.confidence.get() >= SHOWN.min(floor)).map(|d| AimBox {
        bbox: d.bbox,
        category: category(d.category),
        confidence: d.confidence,
    });
    let jpeg = encode_jpeg(&picture, QUALITY).map(Arc::from).map_err(|error| error.to_string());
    AimFrame { taken: shot.taken, size, jpeg, boxes: boxes.collect() }
}

/// There is none.
pub(super) fn failed(taken: DateTime<Utc>, reason: &str) -> AimFrame {
    AimFrame { taken, size: (0, 0), jpeg: Err(reason.to_owned()), boxes: Vec::new() }
}

/// The picture, upright, its longer side at most [`LONG_SIDE`].
fn small(jpeg: &[u8]) -> Result<Rgb, String> {
    let picture = decode(jpeg, Want::LongSide(LONG_SIDE)).map_err(|error| error.to_string())?;
    let long = picture.width.max(picture.height);
    if long <= LONG_SIDE {
        return Ok(picture);
    }
    let scaled = |length: u32| (length * LONG_SIDE / long).max(1);
    let (width, height) = (scaled(picture.width), scaled(picture.height));
    resize(&picture, width, height).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Thresholds;
    use crate::hal::{DeviceError, Shot};
    use crate::units::{BBox, Score};
    use crate::vision::judge::Frame;
    use crate::vision::{Detection, Judgement, Source};

    struct Lens(Result<Vec<u8>, String>);

    impl Camera for Lens {
        fn burst(&mut self, frames: usize, _interval: Duration) -> Result<Vec<Shot>, DeviceError> {
            Ok(vec![Shot { taken: DateTime::UNIX_EPOCH, jpeg: self.0.clone() }; frames])
        }
    }

    /// Sees what it was told to see.
    struct Eye(Option<Result<Vec<Detection>, String>>);

    impl Judges for Eye {
        fn judge(&mut self, frames: &[Frame<'_>]) -> Judgement {
            Judgement::failed(frames.len(), "not asked here")
        }

        fn end_sequence(&mut self) {}

        fn learnt(&self) -> Option<Vec<u8>> {
            None
        }

        fn recall(&mut self, _learnt: &[u8]) {}

        fn merge(&self, bursts: &[Judgement]) -> Judgement {
            Judgement::failed(bursts.len(), "not asked here")
        }

        fn retune(&mut self, _thresholds: &Thresholds) {}

        fn glance(&mut self, _picture: &Rgb) -> Option<Result<Vec<Detection>, String>> {
            self.0.clone()
        }
    }

    /// Stripes two pixels wide, 1920x160.
    fn stripes() -> Lens {
        let data = (0..1920u32 * 160).flat_map(|i| [if i % 8 < 4 { 0 } else { 255 }; 3]).collect();
        Lens(encode_jpeg(&Rgb { width: 1920, height: 160, data }, 95).map_err(|e| e.to_string()))
    }

    fn seen(category: Category, confidence: f32) -> Detection {
        let bbox = BBox { x: 0.0, y: 0.0, w: 0.5, h: 1.0 };
        let confidence = Score::new(confidence);
        Detection {
            bbox,
            category,
            confidence,
            moving: false,
            source: Source::Frame,
            track: 0,
            logits: None,
            embedding: None,
        }
    }

    /// How often light and dark change along a row between two columns.
    fn edges(jpeg: &[u8], from: usize, to: usize) -> usize {
        let picture = decode(jpeg, Want::Full).unwrap();
        assert_eq!((picture.width, picture.height), (960, 80));
        let row = &picture.data[3 * 960 * 40..3 * 960 * 41];
        let light: Vec<bool> = row.as_chunks::<3>().0[from..to].iter().map(|p| p[0] > 127).collect();
        light.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    #[test]
    fn people_cannot_be_told_and_all_else_can() {
        let look = |found| frame(&mut stripes(), &mut Eye(found), 0.2, DateTime::UNIX_EPOCH);
        let shown = look(Some(Ok(vec![seen(Category::Person, 0.3)])));
        let jpeg = shown.jpeg.unwrap();
        // 4 stripes to 16 pixels: 240 changes in a half of 480; a person keeps 6 blocks.
        assert!(edges(&jpeg, 0, 470) <= 6, "{}", edges(&jpeg, 0, 470));
        assert!(edges(&jpeg, 490, 960) > 200);
        assert_eq!(shown.boxes[0].category, "person");
        for harmless in [seen(Category::Animal, 0.9), seen(Category::Person, 0.1)] {
            assert!(edges(&look(Some(Ok(vec![harmless]))).jpeg.unwrap(), 0, 470) > 200);
        }
    }

    #[test]
    fn what_could_not_be_looked_at_is_withheld() {
        let look = |found| frame(&mut stripes(), &mut Eye(found), 0.2, DateTime::UNIX_EPOCH);
        let withheld = look(Some(Err("no memory".to_owned())));
        assert_eq!(withheld.jpeg.unwrap_err(), "withheld: no memory");
        assert!(look(None).jpeg.is_ok(), "nobody looks for people on such a trap");
        let mut broken = Lens(Err("lens cap".to_owned()));
        let none = frame(&mut broken, &mut Eye(None), 0.2, DateTime::UNIX_EPOCH);
        assert_eq!(none.jpeg.unwrap_err(), "lens cap");
    }
}
