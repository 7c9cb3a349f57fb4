//! The pictures of a burst as they are offered for keeping: frames as they came, people blurred where the site
//! asks for it, and a crop of each individual. The store decides which of them stay.

use std::borrow::Cow;

use crate::config::KeepPeople;
use crate::event::Outcome;
use crate::hal::Shot;
use crate::image::{ImageError, Region, Rgb, Want, crop, decode, encode_jpeg};
use crate::store::Picture;
use crate::store::record::MediaKind;
use crate::units::BBox;
use crate::vision::{Category, Detection, FrameJudgement, Judgement};

/// JPEG quality of crops and blurred frames: above what cameras use, so that a second coding adds little.
const QUALITY: u8 = 92;

/// Margin around a box in its crop, as a share of the box's sides: enough to see what a tail belongs to.
const MARGIN: f32 = 0.1;

/// Blocks along the longer side of a blurred person; at this coarseness neither face nor clothes can be told.
const BLOCKS: u32 = 6;

/// A picture that may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered<'a> {
    /// The frame it comes from, from 0.
    pub frame: usize,
    /// What it shows.
    pub kind: MediaKind,
    /// Its JPEG bytes.
    pub jpeg: Cow<'a, [u8]>,
}

impl Offered<'_> {
    /// As the store takes it.
    pub fn as_picture(&self) -> Picture<'_> {
        Picture { frame: self.frame, kind: self.kind, bytes: &self.jpeg }
    }
}

/// The pictures of a burst, and what went wrong in making them. A person's box counts from confidence `floor`.
pub fn offer<'a>(
    judged: &Judgement,
    shots: &'a [Shot],
    people: KeepPeople,
    floor: f32,
) -> (Vec<Offered<'a>>, Vec<String>) {
    let mut offered = Vec::new();
    let mut faults = Vec::new();
    for (frame, jpeg) in shots.iter().enumerate().filter_map(|(n, s)| Some((n, s.jpeg.as_deref().ok()?))) {
        let found = judged.frames.get(frame).map_or(&[][..], |f| &f.detections);
        let person = |d: &&Detection| d.category == Category::Person && d.confidence.get() >= floor;
        let persons: Vec<BBox> = found.iter().filter(person).map(|d| d.bbox).collect();
        let jpeg = match people {
            KeepPeople::Blur if !persons.is_empty() => blurred(jpeg, &persons).map(Cow::Owned),
            _ => Ok(Cow::Borrowed(jpeg)),
        };
        match jpeg {
            Ok(jpeg) => offered.push(Offered { frame, kind: MediaKind::Frame, jpeg }),
            Err(error) => {
                faults.push(format!("frame {} shows people and cannot be blurred: {error}", frame + 1))
            }
        }
    }
    if matches!(judged.outcome, Outcome::Sighting) {
        for (frame, bbox) in individuals(judged) {
            match shots.get(frame).and_then(|s| s.jpeg.as_deref().ok()).map(|jpeg| cut(jpeg, &bbox)) {
                Some(Ok(crop)) => {
                    offered.push(Offered { frame, kind: MediaKind::Crop, jpeg: Cow::Owned(crop) })
                }
                Some(Err(error)) => faults.push(format!("no crop of frame {}: {error}", frame + 1)),
                None => {}
            }
        }
    }
    (offered, faults)
}

/// Each animal's surest box with its frame, by track, in the order of the tracks. Frames that show people give none:
/// a crop is cut from the sharp picture.
fn individuals(judged: &Judgement) -> Vec<(usize, BBox)> {
    let mut best: std::collections::BTreeMap<u32, (usize, &Detection)> = Default::default();
    let alone = |f: &FrameJudgement| f.detections.iter().all(|d| d.category != Category::Person);
    for (frame, judged) in judged.frames.iter().enumerate().filter(|(_, f)| alone(f)) {
        for found in judged.detections.iter().filter(|d| d.category == Category::Animal) {
            let known = best.entry(found.track).or_insert((frame, found));
            if found.confidence > known.1.confidence {
                *known = (frame, found);
            }
        }
    }
    best.into_values().map(|(frame, found)| (frame, found.bbox)).collect()
}

/// The box with its margin, cut out at full resolution.
fn cut(jpeg: &[u8], bbox: &BBox) -> Result<Vec<u8>, ImageError> {
    let picture = decode(jpeg, Want::Full)?;
    let (dx, dy) = (bbox.w * MARGIN, bbox.h * MARGIN);
    let wide = BBox::from_corners(bbox.x - dx, bbox.y - dy, bbox.right() + dx, bbox.bottom() + dy);
    encode_jpeg(&crop(&picture, Region::of(&wide, picture.width, picture.height))?, QUALITY)
}

/// The picture with each box turned into coarse blocks.
pub fn blurred(jpeg: &[u8], boxes: &[BBox]) -> Result<Vec<u8>, ImageError> {
    let mut picture = decode(jpeg, Want::Full)?;
    for bbox in boxes {
        let region = Region::of(bbox, picture.width, picture.height);
        coarsen(&mut picture, region);
    }
    encode_jpeg(&picture, QUALITY)
}

/// Makes people unrecognisable: gives every block of `region` the colour of its middle.
pub(super) fn coarsen(picture: &mut Rgb, region: Region) {
    let side = region.width.max(region.height).div_ceil(BLOCKS).max(1);
    let middle = |at: u32, from: u32, length: u32| {
        (from + (at - from) / side * side + side / 2).min(from + length - 1)
    };
    let index = |x: u32, y: u32| 3 * (y as usize * picture.width as usize + x as usize);
    let before = picture.data.clone();
    for y in region.y..region.y + region.height {
        for x in region.x..region.x + region.width {
            let from = index(middle(x, region.x, region.width), middle(y, region.y, region.height));
            let to = index(x, y);
            if let (Some(to), Some(from)) = (picture.data.get_mut(to..to + 3), before.get(from..from + 3)) {
                to.copy_from_slice(from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Score;
    use crate::vision::cascade::Looked;
    use crate::vision::{FrameJudgement, Source, Spent};

    /// 64x48, every pixel unlike its neighbours, smooth enough for JPEG.
    fn shot() -> Shot {
        let data =
            (0..48u32).flat_map(|y| (0..64u32).flat_map(move |x| [x as u8 * 4, y as u8 * 5, 90])).collect();
        let jpeg = encode_jpeg(&Rgb { width: 64, height: 48, data }, 95).unwrap();
        Shot { taken: Default::default(), jpeg: Ok(jpeg) }
    }

    fn seen(category: Category, confidence: f32, track: u32, bbox: BBox) -> Detection {
        let confidence = Score::new(confidence);
        Detection {
            bbox,
            category,
            confidence,
            moving: true,
            source: Source::Frame,
            track,
            logits: None,
            embedding: None,
        }
    }

    fn judged(outcome: Outcome, frames: Vec<Vec<Detection>>) -> Judgement {
        let frames = frames
            .into_iter()
            .map(|detections| FrameJudgement { detections, ..Default::default() })
            .collect();
        Judgement {
            outcome,
            probability: Score::ONE,
            frames,
            sightings: Vec::new(),
            faults: Vec::new(),
            looked: Looked::default(),
            spent: Spent::default(),
        }
    }

    const LEFT: BBox = BBox { x: 0.0, y: 0.0, w: 0.5, h: 1.0 };
    const RIGHT: BBox = BBox { x: 0.75, y: 0.5, w: 0.25, h: 0.5 };

    #[test]
    fn frames_are_offered_untouched_and_one_crop_of_each_individual() {
        let shots = [shot(), shot()];
        let frames = vec![
            vec![seen(Category::Animal, 0.5, 0, LEFT), seen(Category::Animal, 0.9, 1, RIGHT)],
            vec![seen(Category::Animal, 0.6, 0, RIGHT)],
        ];
        let (offered, faults) = offer(&judged(Outcome::Sighting, frames), &shots, KeepPeople::Count, 0.2);
        assert_eq!(faults, Vec::<String>::new());
        let kinds: Vec<_> = offered.iter().map(|o| (o.frame, o.kind)).collect();
        let (frame, crop) = (MediaKind::Frame, MediaKind::Crop);
        assert_eq!(kinds, [(0, frame), (1, frame), (1, crop), (0, crop)]);
        assert_eq!(offered[0].jpeg.as_ref(), shots[0].jpeg.as_ref().unwrap());
        // By hand: a box of 16x24 with a tenth around it, clipped at the right and the bottom: from (46.4, 21.6).
        let size = decode(&offered[2].jpeg, Want::Full).map(|p| (p.width, p.height)).unwrap();
        assert!((17..=18).contains(&size.0) && (26..=27).contains(&size.1), "{size:?}");
    }

    #[test]
    fn people_are_blurred_on_request_and_nothing_else_is() {
        let shots = [shot()];
        let person = judged(Outcome::Person, vec![vec![seen(Category::Person, 0.9, 0, LEFT)]]);
        let plain = decode(shots[0].jpeg.as_ref().unwrap(), Want::Full).unwrap();
        let (offered, _) = offer(&person, &shots, KeepPeople::Blur, 0.2);
        let blurred = decode(&offered[0].jpeg, Want::Full).unwrap();
        let tones = |picture: &Rgb, from: usize, to: usize| {
            let row = picture.data[3 * 64 * 20..3 * 64 * 21].as_chunks::<3>().0;
            let mut reds: Vec<u8> = row[from..to].iter().map(|p| p[0] / 8).collect();
            reds.dedup();
            reds.len()
        };
        assert!(tones(&blurred, 0, 28) < tones(&plain, 0, 28) / 2, "the person's half lost its detail");
        assert!(tones(&blurred, 40, 64) + 3 >= tones(&plain, 40, 64), "the other half kept it");
        let (untouched, _) = offer(&person, &shots, KeepPeople::Blur, 0.95);
        assert_eq!(untouched[0].jpeg.as_ref(), shots[0].jpeg.as_ref().unwrap());
    }

    #[test]
    fn a_picture_that_cannot_be_blurred_is_not_offered_and_that_is_told() {
        let shots = [Shot { jpeg: Ok(vec![0xff, 0xd8, 0, 0]), ..shot() }];
        let person = judged(Outcome::Person, vec![vec![seen(Category::Person, 0.9, 0, LEFT)]]);
        let (offered, faults) = offer(&person, &shots, KeepPeople::Blur, 0.2);
        assert!(offered.is_empty());
        assert!(faults[0].starts_with("frame 1 shows people and cannot be blurred"), "{faults:?}");
    }
}
