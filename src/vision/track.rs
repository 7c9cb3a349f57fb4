//! Boxes linked over the frames of a burst, so that one animal is one track.
//!
//! Frames of a trap come a second or so apart, so an animal moves by whole body lengths and boxes need not overlap.
//! A box is linked to the track whose predicted place (constant velocity over its last two boxes) and size it fits
//! best, by position alone: appearance is what the classifier judges afterwards. The assignment of one frame is the
//! optimal one (Kuhn-Munkres), because in a herd taking the nearest pair first can force two wrong links; frames hold
//! tens of boxes, for which its cubic cost is far below a millisecond.

use super::{Category, FrameJudgement};
use crate::units::BBox;

/// How far and how long a track reaches. Lengths are in body sizes: the square root of the box's area.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Farthest move per frame from the predicted place. Default 5: an animal at a gallop makes about three body
    /// lengths a second, frames come a second apart, and a body seen from the side is up to 1.7 sizes long.
    pub reach: f32,
    /// Largest growth or shrinkage of the size between two boxes. Default 3: an animal that enters the picture
    /// shows a tenth of its area first.
    pub growth: f32,
    /// Frames an animal may be missing from before its track ends. Default 2.
    pub missed: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { reach: 5.0, growth: 3.0, missed: 2 }
    }
}

/// Sets `track` of every detection in `frames`: numbers from 0, never shared between categories, in the order in
/// which the tracks begin. A failed frame counts as one from which everything is missing.
pub fn link(frames: &mut [FrameJudgement], settings: &Settings) {
    let mut tracks: Vec<Track> = Vec::new();
    for (index, frame) in frames.iter_mut().enumerate() {
        let aspect = if frame.size.1 > 0 { frame.size.0 as f32 / frame.size.1 as f32 } else { 1.0 };
        for category in [Category::Animal, Category::Person, Category::Vehicle] {
            let mut boxes: Vec<_> = frame.detections.iter_mut().filter(|d| d.category == category).collect();
            let places: Vec<Place> = boxes.iter().map(|d| Place::new(&d.bbox, aspect)).collect();
            let open: Vec<usize> = (0..tracks.len())
                .filter(|&t| {
                    tracks
                        .get(t)
                        .is_some_and(|t| t.category == category && t.steps(index) <= settings.missed + 1)
                })
                .collect();
            let costs: Vec<Vec<f32>> = places
                .iter()
                .map(|p| {
                    open.iter().filter_map(|&t| tracks.get(t)).map(|t| t.cost(p, index, settings)).collect()
                })
                .collect();
            let links = assign(&costs, open.len());
            for ((detection, place), link) in boxes.iter_mut().zip(places).zip(links) {
                let number = match link.and_then(|l| open.get(l).copied()) {
                    Some(number) => number,
                    None => {
                        tracks.push(Track { category, before: None, last: (index, place) });
                        tracks.len() - 1
                    }
                };
                if let Some(track) = tracks.get_mut(number) {
                    track.extend(index, place);
                }
                detection.track = u32::try_from(number).unwrap_or(u32::MAX);
            }
        }
    }
}

/// The largest number of boxes of `tracks` on one frame.
pub fn at_once(frames: &[FrameJudgement], tracks: &[u32]) -> u16 {
    let on = |frame: &FrameJudgement| frame.detections.iter().filter(|d| tracks.contains(&d.track)).count();
    u16::try_from(frames.iter().map(on).max().unwrap_or(0)).unwrap_or(u16::MAX)
}

/// Centre and size of a box, in heights of the picture, so that both axes count alike.
#[derive(Debug, Clone, Copy)]
struct Place {
    x: f32,
    y: f32,
    /// Square root of the area; never 0.
    size: f32,
}

impl Place {
    fn new(bbox: &BBox, aspect: f32) -> Self {
        let (x, y) = bbox.centre();
        Place { x: x * aspect, y, size: (bbox.area() * aspect).sqrt().max(1e-4) }
    }

    fn distance(&self, other: &Place) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// One animal (or person, or vehicle) so far.
struct Track {
    category: Category,
    before: Option<(usize, Place)>,
    last: (usize, Place),
}

impl Track {
    fn extend(&mut self, frame: usize, place: Place) {
        if frame > self.last.0 {
            self.before = Some(self.last);
            self.last = (frame, place);
        }
    }

    /// Frames from the last box to `frame`.
    fn steps(&self, frame: usize) -> usize {
        frame.saturating_sub(self.last.0)
    }

    /// Where it would be on `frame` if it went on as it went last.
    fn predicted(&self, frame: usize) -> Place {
        let (index, last) = self.last;
        let Some((earlier, before)) = self.before else { return last };
        let ahead = self.steps(frame) as f32 / index.saturating_sub(earlier).max(1) as f32;
        Place {
            x: last.x + (last.x - before.x) * ahead,
            y: last.y + (last.y - before.y) * ahead,
            size: last.size,
        }
    }

    /// How badly `place` fits, 0 (where predicted, same size) to 2; infinite where it cannot be the same animal.
    fn cost(&self, place: &Place, frame: usize, settings: &Settings) -> f32 {
        let size = (self.last.1.size + place.size) / 2.0;
        let reach = settings.reach * size * self.steps(frame) as f32;
        let moved = self.predicted(frame).distance(place) / reach;
        let grown = (place.size / self.last.1.size).ln().abs() / settings.growth.ln();
        // An animal that stops or turns is far from where it was predicted, yet near where it was.
        let stayed = self.last.1.distance(place) / reach;
        if moved.min(stayed) <= 1.0 && grown <= 1.0 { moved.min(1.0) + grown } else { f32::INFINITY }
    }
}

/// Stands for an infinite cost in the sums; more than any sum of finite costs.
const FORBIDDEN: f64 = 1e6;

/// For each row the column of the cheapest assignment that links as many rows as it can, each column at most once;
/// infinite costs are never linked. Kuhn-Munkres with potentials, one row added at a time.
fn assign(costs: &[Vec<f32>], columns: usize) -> Vec<Option<usize>> {
    let rows = costs.len();
    // One column more for each row to stay alone in, so that a solution always exists.
    let width = columns + rows;
    let cost = |row: usize, column: usize| {
        let given = costs.get(row).and_then(|r| r.get(column)).copied().map(f64::from);
        given.filter(|c| c.is_finite()).unwrap_or(if column < columns { 2.0 * FORBIDDEN } else { FORBIDDEN })
    };
    let mut row_price = vec![0.0; rows];
    let mut column_price = vec![0.0; width];
    let mut owner: Vec<Option<usize>> = vec![None; width];
    for start in 0..rows {
        grow(start, &cost, &mut row_price, &mut column_price, &mut owner);
    }
    let mut links = vec![None; rows];
    for (column, row) in owner.into_iter().enumerate().take(columns) {
        if let Some(row) = row.filter(|&row| cost(row, column) < FORBIDDEN) {
            links[row] = Some(column);
        }
    }
    links
}

/// Finds the cheapest alternating path from row `start` to a free column and flips it (Dijkstra on reduced costs).
fn grow(
    start: usize,
    cost: &impl Fn(usize, usize) -> f64,
    row_price: &mut [f64],
    column_price: &mut [f64],
    owner: &mut [Option<usize>],
) {
    let width = owner.len();
    let mut least = vec![f64::INFINITY; width];
    let mut from: Vec<Option<usize>> = vec![None; width];
    let mut done = vec![false; width];
    let mut visited_rows = vec![start];
    let (mut row, mut entered) = (start, None);
    let free = loop {
        let mut next: Option<usize> = None;
        for column in (0..width).filter(|&c| !done[c]) {
            let reduced = cost(row, column) - row_price[row] - column_price[column];
            if reduced < least[column] {
                (least[column], from[column]) = (reduced, entered);
            }
            if next.is_none_or(|n| least[column] < least[n]) {
                next = Some(column);
            }
        }
        // There is always a column left: `assign` adds one for each row.
        let Some(next) = next else { return };
        let delta = least[next];
        for &visited in &visited_rows {
            row_price[visited] += delta;
        }
        for column in 0..width {
            if done[column] {
                column_price[column] -= delta;
            } else {
                least[column] -= delta;
            }
        }
        done[next] = true;
        match owner[next] {
            Some(owning) => {
                (row, entered) = (owning, Some(next));
                visited_rows.push(owning);
            }
            None => break next,
        }
    };
    let mut column = free;
    while let Some(previous) = from[column] {
        owner[column] = owner[previous];
        column = previous;
    }
    owner[column] = Some(start);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Score;
    use crate::vision::{Detection, Source};
    use proptest::prelude::*;

    fn found(category: Category, x: f32, y: f32, size: f32) -> Detection {
        let half = size / 2.0;
        Detection {
            bbox: BBox::from_corners(x - half, y - half, x + half, y + half),
            category,
            confidence: Score::ONE,
            moving: true,
            source: Source::Frame,
            track: u32::MAX,
            logits: None,
            embedding: None,
        }
    }

    fn animal(x: f32, y: f32) -> Detection {
        found(Category::Animal, x, y, 0.1)
    }

    fn frames(detections: Vec<Vec<Detection>>) -> Vec<FrameJudgement> {
        detections
            .into_iter()
            .map(|detections| FrameJudgement { size: (100, 100), detections, ..FrameJudgement::default() })
            .collect()
    }

    fn linked(mut frames: Vec<FrameJudgement>) -> Vec<Vec<u32>> {
        link(&mut frames, &Settings::default());
        frames.iter().map(|f| f.detections.iter().map(|d| d.track).collect()).collect()
    }

    #[test]
    fn one_animal_walking_is_one_track() {
        let walk = frames(vec![vec![animal(0.1, 0.5)], vec![animal(0.3, 0.5)], vec![animal(0.5, 0.52)]]);
        assert_eq!(linked(walk), [[0], [0], [0]]);
    }

    #[test]
    fn two_that_cross_keep_their_tracks() {
        // On the third frame each stands nearer to where the other was than to where it was itself.
        let paths = [0.1, 0.3, 0.5, 0.7].map(|x| vec![animal(x, 0.5), animal(0.86 - x, 0.52)]);
        assert_eq!(linked(frames(paths.to_vec())), [[0, 1]; 4]);
    }

    #[test]
    fn a_herd_is_linked_as_a_whole() {
        // Each moved by 0.1 to the right: the nearest pair first would link the second box to the first animal.
        let herd = frames(vec![
            vec![animal(0.20, 0.5), animal(0.31, 0.5), animal(0.42, 0.5)],
            vec![animal(0.30, 0.5), animal(0.41, 0.5), animal(0.52, 0.5)],
        ]);
        let mut herd = linked(herd);
        herd[1].sort_unstable();
        assert_eq!(herd[1], [0, 1, 2]);
    }

    #[test]
    fn missing_and_failed_frames_are_bridged_but_not_for_ever() {
        let mut gap = frames(vec![vec![animal(0.1, 0.5)], vec![], vec![], vec![animal(0.2, 0.5)]]);
        gap[1].failed = Some("cut".into());
        assert_eq!(linked(gap)[3], [0]);
        let long = frames(vec![vec![animal(0.1, 0.5)], vec![], vec![], vec![], vec![animal(0.1, 0.5)]]);
        assert_eq!(linked(long)[4], [1]);
    }

    #[test]
    fn far_away_or_much_larger_is_another_animal() {
        let far = frames(vec![vec![animal(0.1, 0.1)], vec![animal(0.9, 0.9)]]);
        assert_eq!(linked(far), [[0], [1]]);
        let large = frames(vec![vec![animal(0.5, 0.5)], vec![found(Category::Animal, 0.5, 0.5, 0.8)]]);
        assert_eq!(linked(large), [[0], [1]]);
    }

    #[test]
    fn categories_never_share_a_track() {
        let both = frames(vec![
            vec![found(Category::Person, 0.5, 0.5, 0.2), animal(0.5, 0.5)],
            vec![animal(0.5, 0.5), found(Category::Person, 0.5, 0.5, 0.2)],
        ]);
        assert_eq!(linked(both), [[1, 0], [0, 1]]);
    }

    #[test]
    fn the_count_is_the_largest_number_at_once() {
        let mut herd = frames(vec![
            vec![animal(0.1, 0.2)],
            vec![animal(0.1, 0.2), animal(0.8, 0.8)],
            vec![animal(0.8, 0.8)],
        ]);
        link(&mut herd, &Settings::default());
        assert_eq!(at_once(&herd, &[0, 1]), 2);
        assert_eq!(at_once(&herd, &[1]), 1);
        assert_eq!(at_once(&herd, &[]), 0);
    }

    /// Number of links and their cost, the best over every assignment, by trying all.
    fn brute(costs: &[Vec<f32>], row: usize, taken: &mut Vec<usize>) -> (usize, f32) {
        let Some(options) = costs.get(row) else { return (0, 0.0) };
        let mut best = brute(costs, row + 1, taken);
        for (column, &cost) in options.iter().enumerate() {
            if cost.is_finite() && !taken.contains(&column) {
                taken.push(column);
                let (links, sum) = brute(costs, row + 1, taken);
                taken.pop();
                if links + 1 > best.0 || (links + 1 == best.0 && sum + cost < best.1) {
                    best = (links + 1, sum + cost);
                }
            }
        }
        best
    }

    proptest! {
        #[test]
        fn the_assignment_is_as_good_as_the_best_of_all(
            costs in (0usize..5, 0usize..5).prop_flat_map(|(r, c)| {
                let cost = prop_oneof![3 => 0.0f32..2.0, 1 => Just(f32::INFINITY)];
                (Just(c), proptest::collection::vec(proptest::collection::vec(cost, c), r))
            })
        ) {
            let (columns, costs) = costs;
            let links = assign(&costs, columns);
            let mut used: Vec<usize> = links.iter().flatten().copied().collect();
            let sum: f32 = links.iter().zip(&costs).filter_map(|(l, row)| l.map(|l| row[l])).sum();
            let (best_links, best_sum) = brute(&costs, 0, &mut Vec::new());
            prop_assert_eq!(used.len(), best_links);
            prop_assert!((sum - best_sum).abs() < 1e-4, "{} against {}", sum, best_sum);
            used.sort_unstable();
            used.dedup();
            prop_assert_eq!(used.len(), best_links);
        }
    }
}
