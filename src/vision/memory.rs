//! Repeat-detection memory: a box that comes back in the same place, burst after burst, without anything moving
//! in it is a stump, a rock or a leaf, and loses its weight for this deployment.
//!
//! The idea and its limits are MegaDetector's repeat detection elimination (`repeat_detections_core.py`:
//! IoU 0.9 and 20 occurrences, 0.85 and 15 in the production notebook, boxes up to 0.2 of the picture), which
//! needs a person to confirm each suspect. On the device nobody does, so suspicion here is gradual, anything
//! that moves is exempt, and all is forgotten when the camera looks at another scene.

use serde::{Deserialize, Serialize};

use super::Category;
use crate::image::Gray;
use crate::units::{BBox, Score};

/// Two boxes are the same spot from this IoU on: the production value of MegaDetector's RDE.
const SAME_SPOT: f32 = 0.85;
/// Sequences after which a still box has no weight left: MegaDetector's production value.
const OCCURRENCES: f32 = 15.0;
/// Larger boxes are never suspected: MegaDetector's `maxSuspiciousDetectionSize`.
const LARGEST: f32 = 0.2;
/// Weaker boxes are not remembered: MegaDetector's `confidenceMin`.
const WEAKEST: f32 = 0.1;
/// A spot not seen for this many sequences is forgotten, twice what it takes to learn it.
const FORGOTTEN_AFTER: u32 = 30;
/// Most spots kept, so that the memory stays below 2 kB.
const SPOTS_MAX: usize = 64;
/// A picture is of another scene when its layout correlates less than this with the remembered one …
const SAME_SCENE: f32 = 0.3;
/// … and that holds for so many sequences on end: one may be an animal before the lens.
const OTHER_SCENES: u8 = 3;
/// Layout: the picture's contrast on this many columns …
const COLUMNS: usize = 16;
/// … and rows.
const ROWS: usize = 12;
/// Weight of the newest picture in the remembered layout.
const NEWEST: f32 = 0.2;

/// A place where a still box was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Spot {
    bbox: BBox,
    category: Category,
    /// Sequences in which it was seen.
    seen: u32,
    /// The sequence in which it was last seen.
    last: u32,
}

/// A box as the memory takes it in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Where.
    pub bbox: BBox,
    /// What the detector took it for.
    pub category: Category,
    /// The detector's own confidence, before any discount.
    pub confidence: Score,
    /// Whether anything moved in it.
    pub moving: bool,
}

/// What is remembered of the scene. Serialisable: it outlives the power.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SceneMemory {
    sequences: u32,
    spots: Vec<Spot>,
    /// Mean layouts by day and by night (infrared light makes another picture of one scene); empty until seen.
    layouts: [Vec<f32>; 2],
    strange: u8,
}

impl SceneMemory {
    /// The weight of a box, 0..=1: 1 for anything that moves or is new, falling to 0 with every sequence in
    /// which the same still box was seen.
    pub fn weight(&self, seen: &Seen) -> f32 {
        if seen.moving {
            return 1.0;
        }
        let times = self.spots.iter().filter(|s| s.is(seen)).map(|s| s.seen).max().unwrap_or(0);
        (1.0 - times as f32 / OCCURRENCES).max(0.0)
    }

    /// Whether `picture` shows the remembered scene, as seen in enough sequences to tell it from others.
    pub fn knows(&self, picture: &Gray, infrared: bool) -> bool {
        let known = &self.layouts[usize::from(infrared)];
        self.sequences >= u32::from(OTHER_SCENES)
            && layout(picture)
                .is_some_and(|seen| !known.is_empty() && correlation(known, &seen) >= SAME_SCENE)
    }

    /// Takes the boxes of a burst into account, all frames together.
    ///
    /// To be called once per sequence, for its last burst: a deer that rests before the camera for an hour is
    /// one sequence, a stump comes back in all of them.
    pub fn learn(&mut self, seen: &[Seen]) {
        self.sequences = self.sequences.saturating_add(1);
        for one in seen {
            let worth = !one.moving && one.bbox.area() <= LARGEST && one.confidence.get() >= WEAKEST;
            if worth {
                self.note(one);
            }
        }
        let now = self.sequences;
        self.spots.retain(|s| now - s.last < FORGOTTEN_AFTER);
        self.spots.sort_by_key(|s| std::cmp::Reverse((s.seen, s.last)));
        self.spots.truncate(SPOTS_MAX);
    }

    fn note(&mut self, seen: &Seen) {
        let now = self.sequences;
        match self.spots.iter_mut().find(|s| s.is(seen)) {
            // Frames of one burst count once.
            Some(spot) if spot.last == now => {}
            Some(spot) => {
                spot.seen += 1;
                spot.last = now;
                spot.bbox = seen.bbox;
            }
            None => self.spots.push(Spot { bbox: seen.bbox, category: seen.category, seen: 1, last: now }),
        }
    }

    /// Compares a picture with the remembered scene and forgets everything if the camera was moved; returns
    /// whether it forgot. To be called once per sequence, before [`SceneMemory::learn`].
    pub fn recognise(&mut self, picture: &Gray, infrared: bool) -> bool {
        let Some(layout) = layout(picture) else { return false };
        let known = &mut self.layouts[usize::from(infrared)];
        if known.is_empty() {
            *known = layout;
            return false;
        }
        if correlation(known, &layout) >= SAME_SCENE {
            known.iter_mut().zip(&layout).for_each(|(k, l)| *k += NEWEST * (l - *k));
            self.strange = 0;
            return false;
        }
        self.strange += 1;
        if self.strange < OTHER_SCENES {
            return false;
        }
        *self = SceneMemory::default();
        self.layouts[usize::from(infrared)] = layout;
        true
    }
}

impl Spot {
    fn is(&self, seen: &Seen) -> bool {
        self.category == seen.category && self.bbox.iou(&seen.bbox) >= SAME_SPOT
    }
}

/// Brightness against the left and the upper neighbour on a coarse raster: shapes without the light on them.
fn layout(picture: &Gray) -> Option<Vec<f32>> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    if width < COLUMNS || height < ROWS || picture.data.len() != width * height {
        return None;
    }
    let mean = |column: usize, row: usize| {
        let (x0, x1) = (column * width / COLUMNS, (column + 1) * width / COLUMNS);
        let (y0, y1) = (row * height / ROWS, (row + 1) * height / ROWS);
        let sum: u64 = (y0..y1)
            .map(|y| picture.data[y * width + x0..y * width + x1].iter().map(|&p| u64::from(p)).sum::<u64>())
            .sum();
        sum as f32 / ((x1 - x0) * (y1 - y0)) as f32
    };
    let means: Vec<f32> =
        (0..ROWS).flat_map(|r| (0..COLUMNS).map(move |c| (c, r))).map(|(c, r)| mean(c, r)).collect();
    let at = |c: usize, r: usize| means[r * COLUMNS + c];
    let across =
        (0..ROWS).flat_map(|r| (1..COLUMNS).map(move |c| (c, r))).map(|(c, r)| at(c, r) - at(c - 1, r));
    let down =
        (1..ROWS).flat_map(|r| (0..COLUMNS).map(move |c| (c, r))).map(|(c, r)| at(c, r) - at(c, r - 1));
    Some(across.chain(down).collect())
}

/// Pearson's r; 0 when either has no variance.
fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len()).max(1) as f32;
    let (ma, mb) = (a.iter().sum::<f32>() / n, b.iter().sum::<f32>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma) * (x - ma);
        bb += (y - mb) * (y - mb);
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stump(moving: bool) -> Seen {
        Seen {
            bbox: BBox { x: 0.4, y: 0.5, w: 0.2, h: 0.3 },
            category: Category::Animal,
            confidence: Score::new(0.8),
            moving,
        }
    }

    #[test]
    fn a_stump_loses_its_weight_and_an_animal_before_it_does_not() {
        let mut memory = SceneMemory::default();
        for _ in 0..6 {
            memory.learn(&[stump(false), stump(false)]);
        }
        // By hand: 6 of 15 sequences.
        assert!((memory.weight(&stump(false)) - 0.6).abs() < 1e-6);
        assert_eq!(memory.weight(&stump(true)), 1.0);
        for _ in 0..9 {
            memory.learn(&[stump(false)]);
        }
        assert_eq!(memory.weight(&stump(false)), 0.0);
        let elsewhere = Seen { bbox: BBox { x: 0.5, ..stump(false).bbox }, ..stump(false) };
        assert_eq!(memory.weight(&elsewhere), 1.0);
    }

    #[test]
    fn moving_weak_and_large_boxes_are_not_learned() {
        let mut memory = SceneMemory::default();
        let weak = Seen { confidence: Score::new(0.05), ..stump(false) };
        let large = Seen { bbox: BBox { x: 0.0, y: 0.0, w: 0.5, h: 0.5 }, ..stump(false) };
        for _ in 0..20 {
            memory.learn(&[stump(true), weak, large]);
        }
        assert_eq!(memory, SceneMemory { sequences: 20, ..SceneMemory::default() });
    }

    #[test]
    fn a_stump_that_was_taken_away_is_forgotten() {
        let mut memory = SceneMemory::default();
        memory.learn(&[stump(false)]);
        for _ in 0..FORGOTTEN_AFTER {
            memory.learn(&[]);
        }
        assert!(memory.spots.is_empty());
    }

    /// A scene of blocks; `seed` chooses which.
    fn scene(seed: u32, brightness: u8) -> Gray {
        let level = |i: u32| {
            let block = (i % 160 / 20) * 31 + (i / 160 / 20) * 17 + seed;
            (block.wrapping_mul(2_654_435_761) >> 25) as u8 + brightness
        };
        Gray { width: 160, height: 120, data: (0..160 * 120).map(level).collect() }
    }

    #[test]
    fn a_moved_camera_forgets_after_three_sequences_and_a_dimmer_day_does_not() {
        let mut memory = SceneMemory::default();
        memory.recognise(&scene(1, 0), false);
        memory.learn(&[stump(false)]);
        assert!(!memory.recognise(&scene(1, 60), false));
        assert!(!memory.recognise(&scene(9, 0), true), "the first night is no other scene");
        assert_eq!(memory.spots.len(), 1);
        assert!(!memory.recognise(&scene(5, 0), false));
        assert!(!memory.recognise(&scene(5, 0), false));
        assert!(memory.recognise(&scene(5, 0), false));
        assert!(memory.spots.is_empty());
    }

    #[test]
    fn the_memory_survives_being_written_down() {
        let mut memory = SceneMemory::default();
        memory.recognise(&scene(1, 0), false);
        memory.learn(&[stump(false)]);
        let written = serde_json::to_string(&memory).unwrap();
        assert_eq!(serde_json::from_str::<SceneMemory>(&written).unwrap(), memory);
    }
}
