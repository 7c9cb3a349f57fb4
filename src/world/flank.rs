//! Where the flank of an animal lies in a picture: a grid of resting points of its trunk, and their places there.
//!
//! Markings are looked up at resting points (`coat`), so the same grid point has the same markings in every picture of
//! an individual's side. Found by casting the trunk alone and asking each pixel which resting point it shows.

use super::body::{Body, Limb, Pose};
use super::canvas::Canvas;
use super::cast::{Flat, Hit, MISS, cast_limb};
use super::coat::Region;
use super::lens::View;
use super::species::Species;
use super::sprite::{Stand, resting};

/// Grid points from shoulder to hip.
pub const ALONG: usize = 7;

/// Grid points from back to belly.
pub const HIGH: usize = 5;

/// How far the first and last row lie from the middle line, as a share of the trunk's radius: a smaller animal's outline
/// lies within them still.
const REACH: f32 = 0.76;

/// A grid point in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spot {
    /// Pixels.
    pub(crate) at: [f32; 2],
    /// Nothing stands before it, and it is inside the picture.
    pub(crate) seen: bool,
}

/// The resting points (x forward, y up) of a species, row by row from the back, each from shoulder to hip.
pub(crate) fn grid(species: Species) -> Vec<[f32; 2]> {
    let still = Pose { gait: super::Gait::Stand, phase: 0.0, turn: 0.0, male: false, whim: 0.0 };
    let body = Body::of(species, &still);
    let trunk: Vec<&Limb> = body.limbs.iter().filter(|l| l.region == Region::Trunk).collect();
    // Chest to loin and loin to rump; the limb between them is the withers'.
    let (Some(fore), Some(hind)) = (trunk.first(), trunk.last()) else { return Vec::new() };
    let bones = [(fore.a, fore.ra), (hind.a, hind.ra), (hind.b, hind.rb)];
    let mut points = Vec::with_capacity(ALONG * HIGH);
    for row in 0..HIGH {
        let up = REACH * (1.0 - 2.0 * row as f32 / (HIGH - 1) as f32);
        for column in 0..ALONG {
            let part = column as f32 / (ALONG - 1) as f32;
            let x = bones[0].0[0] + (bones[2].0[0] - bones[0].0[0]) * part;
            let at = usize::from(x < bones[1].0[0]);
            let ((a, ra), (b, rb)) = (bones[at], bones[at + 1]);
            let t = (x - a[0]) / (b[0] - a[0]);
            points.push([x, a[1] + (b[1] - a[1]) * t + up * (ra + (rb - ra) * t)]);
        }
    }
    points
}

/// Where the grid of a species lies in a picture on which its body was drawn as `owner`; `None` if the trunk is outside.
pub(crate) fn lie(
    species: Species,
    body: &Body,
    width: f32,
    stand: &Stand,
    view: &View,
    canvas: &Canvas,
    owner: u8,
) -> Option<Vec<Spot>> {
    let whole: Vec<(usize, Flat)> =
        body.limbs.iter().map(|l| Flat::of(l, stand, view, width, 1.0)).enumerate().collect();
    let trunk: Vec<(usize, Flat)> =
        whole.iter().copied().filter(|(k, _)| body.limbs[*k].region == Region::Trunk).collect();
    let mut reach = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
    for b in trunk.iter().map(|(_, f)| f.bounds()) {
        reach = [reach[0].min(b[0]), reach[1].min(b[1]), reach[2].max(b[2]), reach[3].max(b[3])];
    }
    let xs = Canvas::span(reach[0], reach[2], canvas.width);
    let ys = Canvas::span(reach[1], reach[3], canvas.height);
    let (origin, size) = ([xs.start, ys.start], [xs.len(), ys.len()]);
    if xs.is_empty() || ys.is_empty() {
        return None;
    }
    let cast = |flats: &[(usize, Flat)]| {
        let mut hits = vec![MISS; size[0] * size[1]];
        for (who, flat) in flats {
            // Without its fur: the outline's roughness moves no marking.
            cast_limb(flat, 0.0, *who as u32, origin, size, &mut hits);
        }
        hits
    };
    let (bare, all) = (cast(&trunk), cast(&whole));
    let shown: Vec<Option<[f32; 3]>> = bare
        .iter()
        .map(|hit| body.limbs.get(hit.who as usize).map(|limb| resting(limb, stand, hit).0))
        .collect();
    let spots = grid(species).into_iter().map(|wanted| {
        let inner = solve(&shown, &bare, size, wanted)?;
        let at = [inner[0] + origin[0] as f32, inner[1] + origin[1] as f32];
        let seen = |at: [f32; 2]| -> Option<bool> {
            let (x, y) = (at[0].floor() as usize, at[1].floor() as usize);
            let hit = all.get(y.checked_sub(origin[1])? * size[0] + x.checked_sub(origin[0])?)?;
            let mine = *canvas.owners.get(y * canvas.width + x)? == owner;
            Some(mine && body.limbs.get(hit.who as usize)?.region == Region::Trunk)
        };
        let inside =
            at[0] >= 0.0 && at[1] >= 0.0 && at[0] < canvas.width as f32 && at[1] < canvas.height as f32;
        Some(Spot { at, seen: inside && seen(at).unwrap_or(false) })
    });
    spots.collect()
}

/// The place at which a resting point is shown: from the pixel that shows the nearest one, along the slope around it.
fn solve(shown: &[Option<[f32; 3]>], bare: &[Hit], [w, h]: [usize; 2], wanted: [f32; 2]) -> Option<[f32; 2]> {
    let off = |p: &[f32; 3]| [wanted[0] - p[0], wanted[1] - p[1]];
    let far = |p: &[f32; 3]| {
        let [x, y] = off(p);
        x * x + y * y
    };
    let (at, p) = shown
        .iter()
        .enumerate()
        .filter_map(|(at, p)| Some((at, p.as_ref()?)))
        .min_by(|a, b| far(a.1).total_cmp(&far(b.1)))?;
    let (x, y) = (at % w, at / w);
    let centre = [x as f32 + 0.5, y as f32 + 0.5];
    // How the resting point changes from pixel to pixel, on the same limb: from the left and right, above and below.
    let of = |x: Option<usize>, y: Option<usize>| -> Option<[f32; 3]> {
        let (x, y) = (x.filter(|x| *x < w)?, y.filter(|y| *y < h)?);
        (bare[y * w + x].who == bare[at].who).then_some(shown[y * w + x]).flatten()
    };
    let slope = |low: Option<[f32; 3]>, high: Option<[f32; 3]>| -> Option<[f32; 2]> {
        let (a, b, steps) = match (low, high) {
            (Some(a), Some(b)) => (a, b, 2.0),
            (Some(a), None) => (a, *p, 1.0),
            (None, Some(b)) => (*p, b, 1.0),
            (None, None) => return None,
        };
        Some([(b[0] - a[0]) / steps, (b[1] - a[1]) / steps])
    };
    let dx = slope(of(x.checked_sub(1), Some(y)), of(Some(x + 1), Some(y)));
    let dy = slope(of(Some(x), y.checked_sub(1)), of(Some(x), Some(y + 1)));
    let (Some(dx), Some(dy)) = (dx, dy) else { return Some(centre) };
    let det = dx[0] * dy[1] - dx[1] * dy[0];
    if det.abs() < 1e-12 {
        return Some(centre);
    }
    let e = off(p);
    let step = [(e[0] * dy[1] - e[1] * dy[0]) / det, (dx[0] * e[1] - dx[1] * e[0]) / det];
    // Far steps lead off the trunk, where the slope says nothing any more.
    Some([0, 1].map(|i| centre[i] + step[i].clamp(-4.0, 4.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Gait;
    use crate::world::lens::Lens;

    const LENS: Lens = Lens { focal: 1.2, horizon: 0.45, height: 0.6 };

    /// The grid of a jaguar that stands still at (`x`, 4 m) on an empty picture of 480×360.
    fn standing(x: f32, heading: f32, scale: f32, owner: u8) -> (View, Stand, Option<Vec<Spot>>) {
        let view = View::new(LENS, 480, 360);
        let stand = Stand { x, z: 4.0, heading: [libm::cosf(heading), libm::sinf(heading)] };
        let mut canvas = Canvas::new(480, 360);
        canvas.owners.fill(1);
        let pose = Pose { gait: Gait::Stand, phase: 0.0, turn: 0.0, male: false, whim: 0.0 };
        let mut body = Body::of(Species::Jaguar, &pose);
        body.grow(scale);
        let width = Species::Jaguar.build().width;
        (view, stand, lie(Species::Jaguar, &body, width, &stand, &view, &canvas, owner))
    }

    #[test]
    fn seen_from_the_side_the_grid_is_where_the_lens_puts_the_resting_points() {
        for heading in [0.0, core::f32::consts::PI] {
            let (view, stand, spots) = standing(0.1, heading, 1.0, 1);
            let spots = spots.unwrap();
            assert_eq!(spots.len(), ALONG * HIGH);
            for (spot, [x, y]) in spots.iter().zip(grid(Species::Jaguar)) {
                let at = view.pixel(stand.place([x, y, 0.0]));
                assert!(
                    (spot.at[0] - at[0]).abs() < 1.0 && (spot.at[1] - at[1]).abs() < 1.0,
                    "{x} {y}: {:?}, expected {at:?}",
                    spot.at
                );
            }
            // The middle of the back is bare; something else everywhere before the animal hides it.
            assert!(spots[ALONG / 2].seen);
            assert!(standing(0.1, heading, 1.0, 2).2.unwrap().iter().all(|s| !s.seen));
        }
    }

    #[test]
    fn a_small_and_a_large_animal_show_the_same_points_inside_their_outlines() {
        let flat = |scale: f32| standing(0.0, 0.1, scale, 1).2.unwrap();
        let (small, large) = (flat(0.9), flat(1.08));
        let wide = |s: &[Spot]| s[0].at[0] - s[ALONG - 1].at[0];
        assert!((wide(&small) / wide(&large) - 0.9 / 1.08).abs() < 0.02);
        // Markings lie at points of the resting body, whose trunk is fatter on a large animal: nearer to its middle line.
        let high = |s: &[Spot]| s[ALONG * (HIGH - 1)].at[1] - s[0].at[1];
        assert!(high(&large) > 0.0 && high(&small) > 0.0 && small.iter().filter(|s| s.seen).count() > 20);
    }

    #[test]
    fn what_is_outside_is_not_seen() {
        assert!(standing(9.0, 0.0, 1.0, 1).2.is_none_or(|s| s.iter().all(|s| !s.seen)));
    }
}
