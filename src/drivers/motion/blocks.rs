//! What changed between small pictures: means of blocks against what is usual and against the last look.
//!
//! Blocks are compared by the logarithm of their brightness, less what the whole picture became brighter or darker:
//! exposure, a cloud, dusk move all of them alike. A block counts as changed when it differs from its usual mean by
//! more than a least contrast, by several times its own restlessness, which leaves and water raise, and by twice its
//! swing, which is how far it went again and again in the last minutes: patches of sun come and go seldom, but far. It
//! must differ from the last look by half of that too, so that what an animal left behind does not count as another.
//! Where most blocks change at once it was the light: that is learnt and no motion.

use crate::image::Gray;

/// Blocks side by side; a fox at ten metres fills several.
const COLUMNS: usize = 32;

/// Added to brightness before its logarithm, grey levels: sensor noise in the dark is no contrast.
const DARK: f32 = 12.0;

/// How fast what is usual follows, share of a look; slower where something moves.
const FOLLOW: f32 = 0.1;
const FOLLOW_CHANGED: f32 = 0.03;

/// How fast a block's restlessness follows.
const RESTLESS: f32 = 0.05;

/// A change counts at most so many times its limit towards restlessness: one passage must not blind a block.
const RESTLESS_MOST: f32 = 1.5;

/// A block's swing grows by so much of what a change is beyond it, and is forgotten by so much with each look: what
/// happened once is soon no measure any more, what happens again and again within minutes is.
const SWING_UP: f32 = 0.3;
const SWING_DOWN: f32 = 1.0 / 480.0;

/// A change counts when it is so many times a block's swing.
const BEYOND_SWING: f32 = 2.0;

/// Looks before changes are believed, at the start and after the light changed; until then means are plain means.
const LEARN: u32 = 6;

/// A picture that as a whole became so much brighter or darker between two looks, in its logarithm, was lit anew: a
/// fifth is more than clouds do in a second.
const JUMP: f32 = 0.2;

/// What counts as motion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Least change of brightness, share: 0.08 is eight in a hundred.
    pub least: f32,
    /// Times the block's own restlessness.
    pub times: f32,
    /// Changed blocks that hang together, 1 at least.
    pub blocks: usize,
    /// From this share of changed blocks on it is the light, 0..=1.
    pub light: f32,
    /// Share of the rows at the top and at the bottom that is not looked at: date and time stand there.
    pub margins: (f32, f32),
}

/// What a look showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Not enough is known yet.
    Learning,
    /// Nothing.
    Still,
    /// Light on the whole picture.
    Light,
    /// Something moved: so many blocks that hang together.
    Moved(usize),
}

/// The memory of a scene.
#[derive(Debug)]
pub struct Blocks {
    limits: Limits,
    /// Size of the pictures and rows of blocks it was learnt from.
    size: (u32, u32),
    usual: Vec<f32>,
    restless: Vec<f32>,
    /// How far each block goes in its larger changes of the last minutes.
    swing: Vec<f32>,
    last: Vec<f32>,
    looks: u32,
}

impl Blocks {
    /// Knows nothing yet.
    pub fn new(limits: Limits) -> Self {
        let (usual, restless, swing, last) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Blocks { limits, size: (0, 0), usual, restless, swing, last, looks: 0 }
    }

    /// The next picture, of any size from 64 pixels across on; another size than before begins anew.
    pub fn look(&mut self, picture: &Gray) -> Seen {
        let now = self.levels(picture);
        if self.size != (picture.width, picture.height) || now.len() != self.usual.len() {
            self.size = (picture.width, picture.height);
            self.restless = vec![0.0; now.len()];
            self.swing = vec![0.0; now.len()];
            (self.usual, self.last, self.looks) = (now.clone(), now, 1);
            return Seen::Learning;
        }
        let limits = self.limits;
        let (against_usual, _) = apart(&now, &self.usual);
        let (against_last, shift) = apart(&now, &self.last);
        let least = limits.least.ln_1p();
        let mut changed = vec![false; now.len()];
        let mut different = 0usize;
        let rows =
            against_usual.iter().zip(&against_last).zip(&self.restless).zip(&self.swing).zip(&mut changed);
        for ((((usual, last), restless), swing), changed) in rows {
            let limit = least.max(limits.times * restless).max(BEYOND_SWING * swing);
            different += usize::from(*usual > limit);
            *changed = *usual > limit && *last > limit / 2.0;
        }
        let light = shift.abs() > JUMP || different as f32 >= limits.light * now.len().max(1) as f32;
        let learning = self.looks < LEARN;
        if light {
            self.usual.clone_from(&now);
            (self.last, self.looks) = (now, 1);
            return if learning { Seen::Learning } else { Seen::Light };
        }
        self.follow(&now, &against_usual, &against_last, &changed);
        self.last = now;
        self.looks = self.looks.saturating_add(1);
        match largest(&changed) {
            _ if learning => Seen::Learning,
            group if group >= limits.blocks.max(1) => Seen::Moved(group),
            _ => Seen::Still,
        }
    }

    /// Lets what is usual, and how restless it is, follow the picture.
    fn follow(&mut self, now: &[f32], apart: &[f32], anew: &[f32], changed: &[bool]) {
        let least = self.limits.least.ln_1p();
        for (index, level) in now.iter().enumerate() {
            let memory = (self.usual.get_mut(index), self.restless.get_mut(index), self.swing.get_mut(index));
            let (Some(usual), Some(restless), Some(swing)) = memory else { continue };
            let apart = apart.get(index).copied().unwrap_or(0.0);
            let moved = changed.get(index).copied().unwrap_or(false);
            // The first looks count alike: the very first would otherwise stand for all.
            let first = if self.looks < LEARN { 1.0 / (self.looks + 1) as f32 } else { 0.0 };
            *usual += (level - *usual) * if moved { FOLLOW_CHANGED } else { FOLLOW }.max(first);
            // What came, not what stays or goes: an animal that passes counts once, leaves that come back do each time.
            let beyond = apart.min(anew.get(index).copied().unwrap_or(0.0)) - *swing;
            *swing += if beyond > 0.0 { beyond * SWING_UP } else { -*swing * SWING_DOWN };
            let most = RESTLESS_MOST * least.max(*restless);
            *restless += (apart.min(most) - *restless) * RESTLESS.max(first);
        }
    }

    /// Logarithm of the mean brightness of each block, row by row.
    fn levels(&self, picture: &Gray) -> Vec<f32> {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let side = (width / COLUMNS).max(1);
        let (top, bottom) = self.limits.margins;
        let skip = |share: f32| (share.clamp(0.0, 0.5) * height as f32).ceil() as usize;
        let columns = COLUMNS.min(width / side);
        let lines = height.saturating_sub(skip(top) + skip(bottom)) / side;
        let mut levels = Vec::with_capacity(columns * lines);
        for row in 0..lines {
            let mut sums = vec![0u32; columns];
            for y in 0..side {
                let begin = (skip(top) + row * side + y) * width;
                let line = picture.data.get(begin..begin + columns * side).unwrap_or_default();
                for (sum, pixels) in sums.iter_mut().zip(line.chunks_exact(side)) {
                    *sum += pixels.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
                }
            }
            let area = (side * side) as f32;
            levels.extend(sums.into_iter().map(|sum| (sum as f32 / area + DARK).ln()));
        }
        levels
    }
}

/// How far each block is from `before`, less what all of them moved by, and that.
fn apart(now: &[f32], before: &[f32]) -> (Vec<f32>, f32) {
    let mut moved: Vec<f32> = now.iter().zip(before).map(|(now, before)| now - before).collect();
    let mut sorted = moved.clone();
    sorted.sort_by(f32::total_cmp);
    let shift = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    for block in &mut moved {
        *block = (*block - shift).abs();
    }
    (moved, shift)
}

/// The largest group of changed blocks that touch each other by a side.
fn largest(changed: &[bool]) -> usize {
    let mut left = changed.to_vec();
    let mut largest = 0;
    for start in 0..left.len() {
        let mut group = 0;
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            if !left.get_mut(at).is_some_and(std::mem::take) {
                continue;
            }
            group += 1;
            if at % COLUMNS > 0 {
                open.push(at - 1);
            }
            if at % COLUMNS + 1 < COLUMNS {
                open.push(at + 1);
            }
            open.push(at + COLUMNS);
            open.extend(at.checked_sub(COLUMNS));
        }
        largest = largest.max(group);
    }
    largest
}
