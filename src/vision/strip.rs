//! The camera's info strip: the rows at the top or bottom where it writes date, temperature and its name.
//!
//! The strip is configured, or found in a picture by its flat ground, or learned from rows that stay the same
//! over many bursts. Its changing seconds must not count as motion, and no animal is ever in it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::image::Gray;
use crate::units::BBox;

/// Rows not to be looked at, as shares of the picture's height.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strip {
    /// Height of the strip at the top, 0..=1.
    #[serde(default)]
    pub top: f32,
    /// Height of the strip at the bottom, 0..=1.
    #[serde(default)]
    pub bottom: f32,
}

/// Highest strip believed, as a share of the picture: the highest seen on trail cameras is 8 %.
const HIGHEST: f32 = 0.12;
/// Lowest strip believed: a line of text needs some rows.
const LOWEST: f32 = 0.012;
/// The strip's outermost rows are bare ground: this share of them lies within [`FLAT_LEVELS`] of the median …
const BARE_SHARE: f32 = 0.8;
/// … and this share of every other row; the rest is text.
const FLAT_SHARE: f32 = 0.3;
/// Grey levels around the ground that count as flat; JPEG rings around text by about this much.
const FLAT_LEVELS: u8 = 8;
/// The edge of a strip is straight and sharp: this share of the row beyond differs from the row within.
const EDGE_SHARE: f32 = 0.6;
/// Grey levels by which they differ: infrared ground is often nearly as white as the strip.
const EDGE_LEVELS: u8 = 8;

impl Strip {
    /// The pixel rows of a picture `height` high that lie outside of the strip; empty if the strip is all.
    pub fn rows(&self, height: u32) -> Range<usize> {
        let share = |s: f32| (s.clamp(0.0, 1.0) * height as f32).ceil() as usize;
        let end = (height as usize).saturating_sub(share(self.bottom));
        share(self.top).min(end)..end
    }

    /// Whether the centre of `bbox` lies in it.
    pub fn holds(&self, bbox: &BBox) -> bool {
        let (_, y) = bbox.centre();
        y < self.top || y > 1.0 - self.bottom
    }

    /// The smallest strip that covers both.
    pub fn with(self, other: Strip) -> Strip {
        Strip { top: self.top.max(other.top), bottom: self.bottom.max(other.bottom) }
    }

    /// Finds the strips of one picture by their flat ground and straight edge. Conservative: a strip whose
    /// ground is transparent, or snow or night without an edge, is not found.
    pub fn find(picture: &Gray) -> Strip {
        let height = picture.height as usize;
        let at_top = flat_rows(picture, |i| i);
        let at_bottom = flat_rows(picture, |i| height - 1 - i);
        let share = |rows: usize| if height == 0 { 0.0 } else { rows as f32 / height as f32 };
        Strip { top: share(at_top), bottom: share(at_bottom) }
    }
}

/// Rows of the strip counted from the edge, `row(i)` being the i-th from there; 0 where there is none.
fn flat_rows(picture: &Gray, row: impl Fn(usize) -> usize) -> usize {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let line = |i: usize| picture.data.get(row(i) * width..(row(i) + 1) * width).unwrap_or(&[]);
    let most = (height as f32 * HIGHEST) as usize;
    if width == 0 || most + 2 >= height {
        return 0;
    }
    let ground = median_level(line(1));
    let flat = |i: usize| share(line(i), |p| p.abs_diff(ground) <= FLAT_LEVELS);
    if flat(1) < BARE_SHARE {
        return 0;
    }
    let rows = (0..=most).take_while(|&i| flat(i) >= FLAT_SHARE).count();
    if rows > most || (rows as f32) < (height as f32 * LOWEST).max(3.0) {
        return 0;
    }
    let (within, beyond) = (line(rows - 2), line(rows + 1));
    let differ = within.iter().zip(beyond).filter(|(a, b)| a.abs_diff(**b) > EDGE_LEVELS).count();
    let believed = differ as f32 >= EDGE_SHARE * width as f32;
    // Two rows more: JPEG blurs the edge, and so does whoever compares softened pictures.
    if believed { rows + 2 } else { 0 }
}

fn share(line: &[u8], wanted: impl Fn(u8) -> bool) -> f32 {
    line.iter().filter(|&&p| wanted(p)).count() as f32 / line.len().max(1) as f32
}

fn median_level(line: &[u8]) -> u8 {
    let mut levels = line.to_vec();
    let middle = levels.len() / 2;
    if levels.is_empty() { 0 } else { *levels.select_nth_unstable(middle).1 }
}

/// Bands that a picture is cut into for learning.
const BANDS: usize = 100;
/// Points across a band; text that changes touches few of them.
const POINTS: usize = 32;
/// Bursts seen before rows are believed to stand still: enough for day and night to differ.
const BURSTS_LEAST: u32 = 8;
/// Weight of the newest burst in the running mean: the last dozen bursts count.
const NEWEST: f32 = 0.1;
/// A band stands still when its mean change between bursts is below this many grey levels …
const STILL_LEVELS: f32 = 4.0;
/// … while the picture's median band changes by this many times as much.
const STILL_AGAINST: f32 = 4.0;

/// Learns from the first picture of every burst which rows never change. Serialisable, so that it survives.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StripMemory {
    bursts: u32,
    last: Vec<u8>,
    change: Vec<f32>,
}

impl StripMemory {
    /// Takes one picture of a new burst into account.
    pub fn learn(&mut self, picture: &Gray) {
        let Some(now) = points(picture) else { return };
        if self.last.len() == now.len() && self.change.len() == BANDS {
            let newest = if self.bursts == 0 { 1.0 } else { NEWEST };
            let bands = self.last.chunks(POINTS).zip(now.chunks(POINTS));
            for (mean, (before, after)) in self.change.iter_mut().zip(bands) {
                let sum: u32 = before.iter().zip(after).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
                *mean += newest * (sum as f32 / POINTS as f32 - *mean);
            }
            self.bursts = self.bursts.saturating_add(1);
        } else {
            self.bursts = 0;
            self.change = vec![0.0; BANDS];
        }
        self.last = now;
    }

    /// The strip learned so far; none before enough bursts, nor while the scene itself hardly changes.
    pub fn strip(&self) -> Strip {
        let mut sorted = self.change.clone();
        let usual = super::grid::quantile(&mut sorted, 0.5);
        if self.bursts < BURSTS_LEAST || sorted.len() != BANDS {
            return Strip::default();
        }
        let still = |c: &&f32| **c < STILL_LEVELS && **c * STILL_AGAINST < usual;
        let believed = |bands: usize| {
            let height = bands as f32 / BANDS as f32;
            if height <= HIGHEST { height } else { 0.0 }
        };
        Strip {
            top: believed(self.change.iter().take_while(still).count()),
            bottom: believed(self.change.iter().rev().take_while(still).count()),
        }
    }
}

/// Samples of a picture, band by band; `None` for a picture too small to sample.
fn points(picture: &Gray) -> Option<Vec<u8>> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    if width < POINTS || height < BANDS || picture.data.len() != width * height {
        return None;
    }
    let at = |band: usize, point: usize| {
        let y = (2 * band + 1) * height / (2 * BANDS);
        let x = (2 * point + 1) * width / (2 * POINTS);
        picture.data[y * width + x]
    };
    Some((0..BANDS).flat_map(|band| (0..POINTS).map(move |point| at(band, point))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(x: u32, y: u32, seed: u32) -> u8 {
        let h = x.wrapping_mul(73_856_093) ^ y.wrapping_mul(19_349_663) ^ seed.wrapping_mul(83_492_791);
        (h.wrapping_mul(2_654_435_761) >> 24) as u8
    }

    fn picture(level: impl Fn(u32, u32) -> u8) -> Gray {
        let pixels = (0..300).flat_map(|y| (0..400).map(move |x| (x, y)));
        Gray { width: 400, height: 300, data: pixels.map(|(x, y)| level(x, y)).collect() }
    }

    /// White ground with black text on a third of it, 15 rows high, at the bottom.
    fn with_strip(seed: u32) -> Gray {
        picture(|x, y| match y {
            285.. if x % 40 < 13 && (289..296).contains(&y) => noise(x / 2, y / 2, seed),
            285.. => 255,
            _ => noise(x, y, seed) / 2,
        })
    }

    #[test]
    fn a_white_band_with_text_is_found_to_the_row() {
        let strip = Strip::find(&with_strip(1));
        assert_eq!(strip, Strip { top: 0.0, bottom: 17.0 / 300.0 });
        assert_eq!(strip.rows(300), 0..283);
    }

    #[test]
    fn a_black_band_at_the_top_is_found() {
        let strip = Strip::find(&picture(|x, y| if y < 12 { 0 } else { 60 + noise(x, y, 1) / 2 }));
        assert_eq!(strip, Strip { top: 14.0 / 300.0, bottom: 0.0 });
    }

    #[test]
    fn snow_night_and_sky_are_no_strips() {
        let fading = picture(|_, y| (y * 255 / 300) as u8);
        let night = picture(|_, _| 3);
        let sky = picture(|x, y| if y < 100 { 250 } else { noise(x, y, 1) });
        for scene in [fading, night, sky] {
            assert_eq!(Strip::find(&scene), Strip::default());
        }
        assert_eq!(Strip::find(&Gray::default()), Strip::default());
    }

    #[test]
    fn rows_never_leave_the_picture() {
        assert_eq!(Strip { top: 0.7, bottom: 0.9 }.rows(10), 1..1);
        assert_eq!(Strip { top: f32::NAN, bottom: -3.0 }.rows(10), 0..10);
        assert_eq!(Strip::default().with(Strip { top: 0.1, bottom: 0.0 }).rows(100), 10..100);
    }

    #[test]
    fn rows_that_stay_over_many_bursts_are_learned() {
        // A strip without an edge: the same grey pattern in every picture, 24 of 300 rows, 8 bands of 100.
        let scene = |seed: u32| picture(|x, y| if y >= 276 { noise(x, y, 0) } else { noise(x, y, seed) });
        let mut memory = StripMemory::default();
        for burst in 0..BURSTS_LEAST {
            memory.learn(&scene(1 + burst));
            assert_eq!(memory.strip(), Strip::default());
        }
        memory.learn(&scene(50));
        assert_eq!(memory.strip(), Strip { top: 0.0, bottom: 0.08 });
    }

    #[test]
    fn a_scene_where_all_stays_has_no_strip() {
        let mut memory = StripMemory::default();
        for _ in 0..20 {
            memory.learn(&picture(|x, y| noise(x, y, 1)));
        }
        assert_eq!(memory.strip(), Strip::default());
    }
}
