//! Which limb or face is nearest at each (sub-)pixel.

use super::body::Limb;
use super::canvas::Canvas;
use super::coat::Region;
use super::dice::noise2;
use super::lens::View;
use super::sprite::{Face, Stand};

/// A limb in super-sampled pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flat {
    a: [f32; 2],
    d: [f32; 2],
    length2: f32,
    r: [f32; 2],
    /// Depth of both ends and their radii in metres.
    z: [f32; 2],
    m: [f32; 2],
    squash: f32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) depth: f32,
    /// Index of the limb, or of the face plus the number of limbs.
    pub(crate) who: u32,
    pub(crate) t: f32,
    pub(crate) n: [f32; 2],
}

/// Nothing seen yet.
pub(crate) const MISS: Hit = Hit { depth: f32::MAX, who: u32::MAX, t: 0.0, n: [0.0; 2] };

impl Flat {
    /// A limb as `view` sees it, `ss` sub-pixels to the pixel; the trunk is `width` times as wide as high.
    pub(crate) fn of(limb: &Limb, stand: &Stand, view: &View, width: f32, ss: f32) -> Flat {
        let (a, b) = (stand.place(limb.a), stand.place(limb.b));
        let (pa, pb) = (view.pixel(a), view.pixel(b));
        let [c, s] = stand.heading;
        let squash = if limb.region == Region::Trunk { (c * c + width * width * s * s).sqrt() } else { 1.0 };
        let d = [(pb[0] - pa[0]) * ss / squash, (pb[1] - pa[1]) * ss];
        Flat {
            a: [pa[0] * ss, pa[1] * ss],
            d,
            length2: d[0] * d[0] + d[1] * d[1],
            r: [limb.ra * view.scale(a[2]) * ss, limb.rb * view.scale(b[2]) * ss],
            z: [a[2], b[2]],
            m: [limb.ra, limb.rb],
            squash,
        }
    }

    /// Left, top, right, bottom with room for fur.
    pub(crate) fn bounds(&self) -> [f32; 4] {
        let b = [self.a[0] + self.d[0] * self.squash, self.a[1] + self.d[1]];
        let r = self.r[0].max(self.r[1]) * 1.15 + 1.0;
        [self.a[0].min(b[0]) - r, self.a[1].min(b[1]) - r, self.a[0].max(b[0]) + r, self.a[1].max(b[1]) + r]
    }

    /// Place along the limb, offset from its middle line as a share of the radius.
    pub(crate) fn locate(&self, x: f32, y: f32) -> (f32, f32, f32, f32) {
        let (ex, ey) = ((x - self.a[0]) / self.squash, y - self.a[1]);
        let t = if self.length2 < 1e-6 {
            0.0
        } else {
            ((ex * self.d[0] + ey * self.d[1]) / self.length2).clamp(0.0, 1.0)
        };
        let r = self.r[0] + (self.r[1] - self.r[0]) * t;
        ((ex - self.d[0] * t) / r, (ey - self.d[1] * t) / r, t, r)
    }
}

/// Enters a limb wherever it is nearer than what was hit before.
pub(crate) fn cast_limb(
    flat: &Flat,
    fur: f32,
    who: u32,
    origin: [usize; 2],
    [w, h]: [usize; 2],
    hits: &mut [Hit],
) {
    let b = flat.bounds();
    let (ox, oy) = (origin[0] as f32, origin[1] as f32);
    for y in Canvas::span(b[1] - oy, b[3] - oy, h) {
        for x in Canvas::span(b[0] - ox, b[2] - ox, w) {
            let (px, py) = (x as f32 + 0.5 + ox, y as f32 + 0.5 + oy);
            let (u, v, t, r) = flat.locate(px, py);
            let d2 = u * u + v * v;
            if d2 > 1.25 {
                continue;
            }
            if fur > 0.0 && d2 > 0.7 {
                let rough = |cell: f32| {
                    noise2((px - flat.a[0]) / cell + 100.0, (py - flat.a[1]) / cell + who as f32 * 7.0, 5)
                };
                let ragged = 0.5 * rough(r / 8.0) + 0.5 * rough((r / 25.0).max(1.2));
                let edge = 1.0 + fur * (ragged * 1.3 - 0.75);
                if d2 > edge * edge {
                    continue;
                }
            } else if d2 > 1.0 {
                continue;
            }
            let out = (1.0 - d2).max(0.0).sqrt();
            let depth =
                flat.z[0] + (flat.z[1] - flat.z[0]) * t - out * (flat.m[0] + (flat.m[1] - flat.m[0]) * t);
            let hit = &mut hits[y * w + x];
            if depth < hit.depth {
                *hit = Hit { depth, who, t, n: [u.clamp(-1.0, 1.0), (-v).clamp(-1.0, 1.0)] };
            }
        }
    }
}

/// The same for a face.
pub(crate) fn cast_face(flat: &[[f32; 2]; 3], face: &Face, who: u32, [w, h]: [usize; 2], hits: &mut [Hit]) {
    let [a, b, c] = *flat;
    let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    if area.abs() < 1e-3 {
        return;
    }
    let low = |i: usize| a[i].min(b[i]).min(c[i]);
    let high = |i: usize| a[i].max(b[i]).max(c[i]);
    for y in Canvas::span(low(1), high(1), h) {
        for x in Canvas::span(low(0), high(0), w) {
            let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
            let side =
                |p: [f32; 2], q: [f32; 2]| ((q[0] - p[0]) * (py - p[1]) - (q[1] - p[1]) * (px - p[0])) / area;
            let (wc, wa, wb) = (side(a, b), side(b, c), side(c, a));
            if wa < 0.0 || wb < 0.0 || wc < 0.0 {
                continue;
            }
            // Depth interpolates as its reciprocal in the picture.
            let [za, zb, zc] = face.corners.map(|p| p[2]);
            let depth = 1.0 / (wa / za + wb / zb + wc / zc);
            let hit = &mut hits[y * w + x];
            if depth < hit.depth {
                *hit = Hit { depth, who, t: 0.0, n: [0.0; 2] };
            }
        }
    }
}

/// True when a triangle holds a point.
pub(crate) fn holds([a, b, c]: &[[f32; 2]; 3], x: f32, y: f32) -> bool {
    let side = |p: &[f32; 2], q: &[f32; 2]| (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]);
    let (s, t, u) = (side(a, b), side(b, c), side(c, a));
    (s >= 0.0 && t >= 0.0 && u >= 0.0) || (s <= 0.0 && t <= 0.0 && u <= 0.0)
}
