//! Which side of an animal is seen, from the way it goes: to the right it shows its right one.

use super::FrameJudgement;
use crate::units::Flank;

/// An animal must go this share of its box's width to have gone anywhere; boxes of one that stands differ by less.
const GONE: f32 = 0.5;

/// The side that the animal of `tracks` shows over `frames`, in order of time: by the track that goes farthest across;
/// unknown where it stands, comes or leaves.
pub fn flank(frames: &[FrameJudgement], tracks: &[u32]) -> Flank {
    let way = tracks.iter().filter_map(|track| across(frames, *track));
    match way.max_by(|a, b| a.abs().total_cmp(&b.abs())) {
        Some(way) if way >= GONE => Flank::Right,
        Some(way) if way <= -GONE => Flank::Left,
        _ => Flank::Unknown,
    }
}

/// How far a track goes to the right, in widths of its boxes; `None` where it goes up or down the picture as much.
fn across(frames: &[FrameJudgement], track: u32) -> Option<f32> {
    let on = |frame: &FrameJudgement| {
        let bbox = frame.detections.iter().find(|found| found.track == track)?.bbox;
        let (width, height) = (frame.size.0 as f32, frame.size.1 as f32);
        let (x, y) = bbox.centre();
        Some((x * width, y * height, bbox.w * width))
    };
    let places: Vec<(f32, f32, f32)> = frames.iter().filter_map(on).collect();
    let (first, last) = (places.first()?, places.last()?);
    let width = places.iter().map(|place| place.2).sum::<f32>() / places.len() as f32;
    let (dx, dy) = (last.0 - first.0, last.1 - first.1);
    (width > 0.0 && dx.abs() > dy.abs()).then(|| dx / width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{BBox, Score};
    use crate::vision::{Category, Detection, Source};

    /// Frames of 1000 x 500 with a box 100 wide and 100 high at each place, in pixels.
    fn frames(places: &[(f32, f32)]) -> Vec<FrameJudgement> {
        let frame = |&(x, y): &(f32, f32)| FrameJudgement {
            size: (1000, 500),
            detections: vec![Detection {
                bbox: BBox { x: x / 1000.0, y: y / 500.0, w: 0.1, h: 0.2 },
                category: Category::Animal,
                confidence: Score::ONE,
                moving: true,
                source: Source::Frame,
                track: 4,
                logits: None,
                embedding: None,
            }],
            ..FrameJudgement::default()
        };
        places.iter().map(frame).collect()
    }

    #[test]
    fn the_way_tells_the_side() {
        let of = |places: &[(f32, f32)]| flank(&frames(places), &[4]);
        assert_eq!(of(&[(100.0, 100.0), (300.0, 110.0), (600.0, 120.0)]), Flank::Right);
        assert_eq!(of(&[(600.0, 100.0), (300.0, 110.0)]), Flank::Left);
        assert_eq!(of(&[(300.0, 100.0), (330.0, 100.0)]), Flank::Unknown, "it stands");
        assert_eq!(of(&[(300.0, 50.0), (380.0, 300.0)]), Flank::Unknown, "it comes nearer");
        assert_eq!(of(&[(300.0, 50.0)]), Flank::Unknown);
        assert_eq!(flank(&frames(&[(100.0, 0.0), (400.0, 0.0)]), &[5]), Flank::Unknown, "another track");
    }
}
