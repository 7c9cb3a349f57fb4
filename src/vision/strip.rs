//! The camera's info strip: the rows at the top or bottom where it writes date, temperature and its name.
//!
//! The strip is configured, or found in a picture by its flat ground, or learned from rows that stay the same
//! over many bursts. Its changing seconds must not count as motion, and no animal is ever in it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::image::Gray;

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
/// A row is flat when this share of it lies within [`FLAT_LEVELS`] of its median; the rest is text.
const FLAT_SHARE: f32 = 0.5;
/// Grey levels around the median that count as flat; JPEG rings around text by about this much.
const FLAT_LEVELS: u8 = 10;
/// The edge of a strip is straight: this share of the row beyond differs from the strip's ground.
const EDGE_SHARE: f32 = 0.6;
/// Grey levels by which it differs.
const EDGE_LEVELS: u8 = 20;

impl Strip {
    /// The pixel rows of a picture `height` high that lie outside of the strip; empty if the strip is all.
    pub fn rows(&self, height: u32) -> Range<usize> {
        let share = |s: f32| (s.clamp(0.0, 1.0) * height as f32).ceil() as usize;
        let end = (height as usize).saturating_sub(share(self.bottom));
        share(self.top).min(end)..end
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
    let is_flat = |i: usize| share(line(i), |p| p.abs_diff(ground) <= FLAT_LEVELS) >= FLAT_SHARE;
    let rows = (0..=most).take_while(|&i| is_flat(i)).count();
    let edge = share(line(rows + 1), |p| p.abs_diff(ground) > EDGE_LEVELS);
    let believed = rows <= most && rows as f32 >= height as f32 * LOWEST && edge >= EDGE_SHARE;
    // One row more: JPEG blurs the edge.
    if believed { rows + 1 } else { 0 }
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
        let usual = super::cells::quantile(&mut sorted, 0.5);
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
