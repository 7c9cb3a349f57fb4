//! Motion evidence across a burst: what stands out as moved, where, and how much of the picture moved at all.
//!
//! Every pair of frames is compared cell by cell (`cells.rs`). Change is then averaged over patches the
//! size of a small animal and measured against the rest of the same picture: in a calm scene a small bird
//! stands out by ten times the spread; in a storm, where every leaf moves, nothing stands out by four.
//! It needs no detector and knows no species. Two frames are enough; one says nothing.

use std::ops::Range;

use super::cells::{self, WINDOW};
use super::grid::{Grid, quantile};
use super::patches::regions;
use super::soft::Ready;
use super::strip::Strip;
use crate::image::Gray;
use crate::units::BBox;

/// Picture width the constants of this room are made for, in pixels; the caller decodes near it.
pub const WIDTH: u32 = 816;
/// Patches are (2·2+1)² cells, about 20 pixels: the smallest animals that a camera trap is set for.
const PATCH: usize = 2;
/// Blocks are (2·12+1)² cells, about 100 pixels: the part of a large animal that is sure to be all animal.
const BLOCK: usize = 12;
/// Spread assumed even in a perfectly still scene; halving or doubling it keeps empties and animals apart in the test bursts.
const SPREAD_MIN: f32 = 0.05;
/// A cell counts as moved when more than half of its structure is new.
const MOVED: f32 = 0.5;
/// Up to this many frames every pair is compared; in longer bursts each frame with its next two.
const ALL_PAIRS: usize = 4;

/// A compact part of the picture that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Where, on the upright picture, over all frames.
    pub bbox: BBox,
    /// How far its most changed patch stands out of the picture, in robust standard deviations.
    pub salience: f32,
    /// Per frame, 0..=1: how much of the region this frame shows as no other does.
    pub frames: Vec<f32>,
}

/// What moved over a burst.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Motion {
    /// Frames that could be compared; below 2 there is no evidence either way.
    pub compared: usize,
    /// How far the most changed patch stands out, in robust standard deviations; still scenes stay below 2,
    /// waving vegetation below 4, animals reach 6 to 13. 0 when nothing could be compared.
    pub salience: f32,
    /// Mean change, 0..=1, of the most changed square of a hundred pixels, between two frames: a storm shakes
    /// half of its structure at most, a large or near animal and a hand over the lens replace most of it.
    pub replaced: f32,
    /// Share of the picture that moved, 0..=1.
    pub moved: f32,
    /// Share of the picture that each frame shows as no other does, 0..=1; 0 for frames not compared.
    pub frames: Vec<f32>,
    /// What stands out, most salient first.
    pub regions: Vec<Region>,
    /// Frames that could be read and not compared, since most have another size: what they show is not in here.
    pub odd: Vec<usize>,
}

impl Motion {
    /// Whether at least `share` of `bbox` lies in one region, or the other way round.
    pub fn overlaps(&self, bbox: &BBox, share: f32) -> bool {
        self.regions.iter().any(|r| bbox.covered_by(&r.bbox) >= share || r.bbox.covered_by(bbox) >= share)
    }
}

/// One pair of frames, compared.
struct Pair {
    frames: (usize, usize),
    change: Grid,
}

/// Compares the frames of a burst outside of the info `strip`. Frames are upright luma about [`WIDTH`] wide;
/// `None` for those that failed. Only frames of the commonest size are compared, see [`Motion::odd`].
pub fn evidence(frames: &[Option<&Gray>], strip: Strip) -> Motion {
    let mut motion = Motion { frames: vec![0.0; frames.len()], ..Motion::default() };
    let whole =
        || frames.iter().enumerate().filter_map(|(i, f)| Some((i, (*f)?))).filter(|(_, f)| f.is_whole());
    let Some(size) = commonest(whole().map(|(_, f)| (f.width, f.height))) else { return motion };
    let (usable, odd): (Vec<_>, Vec<_>) = whole().partition(|(_, f)| (f.width, f.height) == size);
    motion.odd = odd.into_iter().map(|(i, _)| i).collect();
    let rows = strip.rows(size.1);
    if usable.len() < 2 || rows.len() < 4 * WINDOW || (size.0 as usize) < 4 * WINDOW {
        return motion;
    }
    let pairs = compare(&usable, &rows);
    let overall = combined(&pairs, usable.len());
    let calmest = pairs.iter().map(|p| (median(&p.change), &p.change)).min_by(|a, b| a.0.total_cmp(&b.0));

    motion.compared = usable.len();
    motion.replaced = pairs.iter().map(|p| p.change.smoothed(BLOCK).peak()).fold(0.0, f32::max);
    motion.moved = share_moved(&overall.data);
    let own: Vec<(usize, Vec<f32>)> = usable.iter().map(|&(i, _)| (i, own_change(&pairs, i))).collect();
    for (frame, change) in &own {
        motion.frames[*frame] = share_moved(change);
    }
    // Glare or a hand over the lens in one frame unsettles all pairs but the one without it.
    let candidates = [Some(&overall), calmest.map(|(_, change)| change)];
    let best = candidates.into_iter().flatten().map(salience).max_by(|a, b| a.peak().total_cmp(&b.peak()));
    if let Some(salience) = best {
        motion.salience = salience.peak().max(0.0);
        motion.regions = regions(&salience, &own, frames.len(), size, rows.start);
    }
    motion
}

/// The size that most have, the first of those that equally many have.
pub fn commonest(sizes: impl Iterator<Item = (u32, u32)>) -> Option<(u32, u32)> {
    let mut counted: Vec<((u32, u32), usize)> = Vec::new();
    for size in sizes {
        match counted.iter_mut().find(|(known, _)| *known == size) {
            Some((_, count)) => *count += 1,
            None => counted.push((size, 1)),
        }
    }
    counted.into_iter().rev().max_by_key(|(_, count)| *count).map(|(size, _)| size)
}

fn compare(usable: &[(usize, &Gray)], rows: &Range<usize>) -> Vec<Pair> {
    let n = usable.len();
    let ahead = if n <= ALL_PAIRS { n } else { 2 };
    let ready: Vec<(usize, Ready)> = usable.iter().map(|(i, picture)| (*i, Ready::new(picture))).collect();
    let mut pairs = Vec::new();
    for (i, (frame, picture)) in ready.iter().enumerate() {
        for (other, against) in ready.iter().skip(i + 1).take(ahead) {
            let change = cells::change(picture, against, rows.clone());
            pairs.push(Pair { frames: (*frame, *other), change });
        }
    }
    pairs
}

/// Change over all pairs, such that a thing seen in a single frame counts fully.
fn combined(pairs: &[Pair], frames: usize) -> Grid {
    let pairs_of_a_frame = if frames <= ALL_PAIRS { frames - 1 } else { 2 } as f32;
    let mut sum = pairs[0].change.clone();
    for pair in &pairs[1..] {
        sum.data.iter_mut().zip(&pair.change.data).for_each(|(s, c)| *s += c);
    }
    sum.data.iter_mut().for_each(|s| *s = (*s / pairs_of_a_frame).min(1.0));
    sum
}

/// Per cell: the least change of `frame` against those it was compared with, so what no other frame shows.
fn own_change(pairs: &[Pair], frame: usize) -> Vec<f32> {
    let mut own = vec![1.0f32; pairs.first().map_or(0, |p| p.change.data.len())];
    for pair in pairs.iter().filter(|p| p.frames.0 == frame || p.frames.1 == frame) {
        own.iter_mut().zip(&pair.change.data).for_each(|(o, c)| *o = o.min(*c));
    }
    own
}

fn median(grid: &Grid) -> f32 {
    quantile(&mut grid.data.clone(), 0.5)
}

fn share_moved(change: &[f32]) -> f32 {
    let moved = change.iter().filter(|&&c| c > MOVED).count();
    moved as f32 / change.len().max(1) as f32
}

/// How far each patch stands out of the picture, in robust standard deviations.
///
/// The spread is the larger of what the median deviation and the upper 30 % tell: with wind in a third of the
/// picture (tree tops) the median is still calm, but one more waving leaf is no news. 1.4826 and 0.5244 turn
/// the two into standard deviations of a normal distribution.
fn salience(change: &Grid) -> Grid {
    let mut patches = change.smoothed(PATCH);
    let mut sorted = patches.data.clone();
    let middle = quantile(&mut sorted, 0.5);
    let upper = (quantile(&mut sorted, 0.7) - middle) / 0.5244;
    sorted.iter_mut().for_each(|d| *d = (*d - middle).abs());
    let spread = SPREAD_MIN + upper.max(1.4826 * quantile(&mut sorted, 0.5));
    patches.data.iter_mut().for_each(|d| *d = (*d - middle) / spread);
    patches
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const W: u32 = 400;
    const H: u32 = 300;

    fn hash(x: i32, y: i32, seed: u32) -> u8 {
        let h = (x as u32).wrapping_mul(73_856_093)
            ^ (y as u32).wrapping_mul(19_349_663)
            ^ seed.wrapping_mul(83_492_791);
        (h.wrapping_mul(2_654_435_761) >> 24) as u8
    }

    /// A forest floor: blotches of three pixels under sensor noise of ±3 that differs from frame to frame.
    fn floor(x: i32, y: i32, frame: u32) -> u8 {
        70 + hash(x.div_euclid(3), y.div_euclid(3), 1) / 4 + hash(x, y, 100 + frame) % 7
    }

    pub(in crate::vision) fn frame(number: u32, level: impl Fn(i32, i32, u8) -> u8) -> Gray {
        let pixels = (0..H as i32).flat_map(|y| (0..W as i32).map(move |x| (x, y)));
        Gray { width: W, height: H, data: pixels.map(|(x, y)| level(x, y, floor(x, y, number))).collect() }
    }

    /// A spotted body of 24 × 16 pixels at (`x0`, `y0`).
    pub(in crate::vision) fn body(x: i32, y: i32, x0: i32, y0: i32, ground: u8) -> u8 {
        let inside = (x0..x0 + 24).contains(&x) && (y0..y0 + 16).contains(&y);
        if inside { 40 + hash((x - x0) / 4, (y - y0) / 4, 7) / 2 } else { ground }
    }

    fn judged(frames: &[Gray]) -> Motion {
        evidence(&frames.iter().map(Some).collect::<Vec<_>>(), Strip::default())
    }

    #[test]
    fn a_walking_bird_stands_out_where_it_is() {
        let frames: Vec<Gray> =
            (0..3).map(|i| frame(i, |x, y, ground| body(x, y, 200 + 20 * i as i32, 120, ground))).collect();
        let motion = judged(&frames);
        assert_eq!(motion.compared, 3);
        assert!(motion.salience > 6.0, "{}", motion.salience);
        assert_eq!(motion.regions.len(), 1);
        // It walks over x 200..264, y 120..136; patches reach up to 16 pixels further.
        let found = motion.regions[0].bbox;
        let walked = BBox::from_corners(200.0 / 400.0, 120.0 / 300.0, 264.0 / 400.0, 136.0 / 300.0);
        assert!(walked.covered_by(&found) > 0.9, "{found:?}");
        let around = BBox::from_corners(180.0 / 400.0, 100.0 / 300.0, 284.0 / 400.0, 156.0 / 300.0);
        assert!(found.covered_by(&around) > 0.99, "{found:?}");
        assert!(motion.moved > 0.0 && motion.moved < 0.05);
    }

    #[test]
    fn a_sun_patch_and_a_flash_are_no_motion() {
        let frames: Vec<Gray> = (0..3)
            .map(|i| {
                frame(i, |x, _, ground| {
                    let lit = (x - 100 * i as i32).rem_euclid(400) < 150;
                    if lit { (f32::from(ground) * 1.4) as u8 } else { ground }
                })
            })
            .collect();
        let motion = judged(&frames);
        // Only the sharp edges of the patches, eight pixels wide, are new.
        let dark = judged(&[frame(0, |_, _, g| g), frame(1, |_, _, g| g / 2), frame(2, |_, _, g| g)]);
        assert!(dark.salience < 2.0, "{}", dark.salience);
        assert!(motion.moved < 0.02, "{}", motion.moved);
    }

    #[test]
    fn in_a_storm_nothing_stands_out_and_a_calm_burst_is_calm() {
        let calm: Vec<Gray> = (0..3).map(|i| frame(i, |_, _, ground| ground)).collect();
        assert!(judged(&calm).salience < 2.0);
        // One in four patches of 16 pixels is another leaf in each frame.
        let storm: Vec<Gray> = (0..3)
            .map(|i| {
                frame(i, |x, y, ground| {
                    let tossed = hash(x / 16, y / 16, 200 + i) < 64;
                    if tossed { 40 + hash(x / 3, y / 3, 300 + i) / 2 } else { ground }
                })
            })
            .collect();
        let motion = judged(&storm);
        assert!(motion.moved > 0.1, "{}", motion.moved);
        assert!(motion.salience < 4.9, "{}", motion.salience);
    }

    #[test]
    fn failed_and_odd_frames_are_left_out_and_one_frame_says_nothing() {
        let (a, b) = (frame(0, |_, _, g| g), frame(1, |x, y, g| body(x, y, 50, 50, g)));
        let odd = Gray { width: 10, height: 10, data: vec![0; 100] };
        let broken = Gray { width: W, height: H, data: vec![0; 5] };
        let motion = evidence(&[Some(&a), None, Some(&b), Some(&odd), Some(&broken)], Strip::default());
        assert_eq!((motion.compared, motion.frames.len()), (2, 5));
        assert_eq!(motion.odd, [3], "read, of another size");
        assert!(motion.salience > 6.0);
        assert_eq!(motion.frames[1], 0.0);
        // The odd one first: most frames are compared all the same.
        let late = evidence(&[Some(&odd), Some(&a), Some(&b)], Strip::default());
        assert_eq!((late.compared, late.odd.as_slice()), (2, [0].as_slice()));
        let single = evidence(&[Some(&a), None], Strip::default());
        assert_eq!(single, Motion { frames: vec![0.0, 0.0], ..Motion::default() });
        assert_eq!(evidence(&[], Strip::default()), Motion::default());
    }

    #[test]
    fn changing_seconds_in_the_strip_are_not_looked_at() {
        let frames: Vec<Gray> = (0..3)
            .map(|i| frame(i, |x, y, g| if y >= 276 { hash(x / 4, y / 4, 400 + i) } else { g }))
            .collect();
        let all: Vec<Option<&Gray>> = frames.iter().map(Some).collect();
        let seen = evidence(&all, Strip::default());
        assert!(seen.salience > 4.9, "{seen:?}");
        let masked = evidence(&all, Strip { top: 0.0, bottom: 0.085 });
        assert!(masked.salience < 2.0, "{masked:?}");
    }

    #[test]
    fn a_hand_over_the_lens_replaces_the_scene() {
        let rich = |g: u8| 20 + (g - 70) * 3;
        let covered = frame(1, |x, y, g| if x < 250 { 30 + hash(x / 20, y / 20, 9) / 8 } else { rich(g) });
        let motion = judged(&[frame(0, |_, _, g| rich(g)), covered]);
        assert!(motion.replaced > 0.7, "{}", motion.replaced);
    }
}
