//! Where motion stands out: connected patches of cells as boxes on the picture.

use super::cells::{STRIDE, WINDOW};
use super::grid::Grid;
use super::motion::Region;
use crate::units::BBox;

/// A patch belongs to a region when it stands out this much …
const REGION_SALIENCE: f32 = 2.5;
/// … and this share of what the most salient patch does.
const REGION_OF_BEST: f32 = 0.4;
/// Most regions reported, most salient first: a second look at each costs a network pass per frame.
const REGIONS_MAX: usize = 6;
/// Connected patches that stand out, as boxes, most salient first.
pub fn regions(
    salience: &Grid,
    own: &[(usize, Vec<f32>)],
    frames: usize,
    size: (u32, u32),
    top: usize,
) -> Vec<Region> {
    let least = (REGION_OF_BEST * salience.peak()).max(REGION_SALIENCE);
    let mut seen = vec![false; salience.data.len()];
    let mut found = Vec::new();
    for start in 0..salience.data.len() {
        if seen[start] || salience.data[start] < least {
            continue;
        }
        let cells = flood(salience, start, least, &mut seen);
        let strength = |change: &[f32]| cells.iter().map(|&c| change[c]).sum::<f32>() / cells.len() as f32;
        let mut by_frame = vec![0.0; frames];
        for (frame, change) in own {
            by_frame[*frame] = strength(change);
        }
        found.push(Region {
            bbox: bounds(&cells, salience.width, size, top),
            salience: cells.iter().map(|&c| salience.data[c]).fold(0.0, f32::max),
            frames: by_frame,
        });
    }
    found.sort_by(|a, b| b.salience.total_cmp(&a.salience));
    found.truncate(REGIONS_MAX);
    found
}

/// The cells connected (over sides and corners) to `start` that reach `least`; marks them seen.
fn flood(grid: &Grid, start: usize, least: f32, seen: &mut [bool]) -> Vec<usize> {
    seen[start] = true;
    let (mut cells, mut next) = (vec![start], 0);
    while let Some(&cell) = cells.get(next) {
        next += 1;
        let (x, y) = (cell % grid.width, cell / grid.width);
        for ny in y.saturating_sub(1)..(y + 2).min(grid.height) {
            for nx in x.saturating_sub(1)..(x + 2).min(grid.width) {
                let neighbour = ny * grid.width + nx;
                if !seen[neighbour] && grid.data[neighbour] >= least {
                    seen[neighbour] = true;
                    cells.push(neighbour);
                }
            }
        }
    }
    cells
}

/// The box around `cells`, normalised to the picture of `size`; `top` is the pixel row where the grid starts.
fn bounds(cells: &[usize], width: usize, size: (u32, u32), top: usize) -> BBox {
    let xs = || cells.iter().map(|c| c % width);
    let ys = || cells.iter().map(|c| c / width);
    let from = |v: Option<usize>| (v.unwrap_or(0) * STRIDE) as f32;
    let to = |v: Option<usize>| (v.unwrap_or(0) * STRIDE + WINDOW) as f32;
    let (w, h, top) = (size.0 as f32, size.1 as f32, top as f32);
    BBox::from_corners(
        from(xs().min()) / w,
        (top + from(ys().min())) / h,
        to(xs().max()) / w,
        (top + to(ys().max())) / h,
    )
}
