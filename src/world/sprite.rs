//! Draws one body or vehicle: which limb is seen at each pixel, its colour there, and how much of it there is.
//!
//! Limbs are tapered and round, faces are flat triangles; whatever is nearest wins. Small bodies are drawn at two or
//! three times the picture's resolution and averaged down, so that their edges are soft and their size is fair.

use super::body::Limb;
use super::canvas::{Canvas, Rgb, dim, ink};
use super::cast::{Flat, Hit, MISS, cast_face, cast_limb, holds};
use super::coat::{Fur, Region};
use super::dice::noise2;
use super::lens::View;

/// Where a body stands and which way it looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stand {
    pub(crate) x: f32,
    pub(crate) z: f32,
    /// Cosine and sine of the heading: (1, 0) to the right, (0, 1) away from the camera.
    pub(crate) heading: [f32; 2],
}

impl Stand {
    /// World point of a body point.
    pub(crate) fn place(&self, p: [f32; 3]) -> [f32; 3] {
        let [c, s] = self.heading;
        [self.x + p[0] * c - p[2] * s, p[1], self.z + p[0] * s + p[2] * c]
    }
}

/// A flat triangle in world metres.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Face {
    pub(crate) corners: [[f32; 3]; 3],
    pub(crate) rgb: Rgb,
}

/// How things are lit while they are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Light {
    pub(crate) infrared: bool,
    /// −1 from the left … 1 from the right, by day.
    pub(crate) side: f32,
}

/// A drawn body: colours with coverage, ready to be put on a canvas.
#[derive(Debug)]
pub(crate) struct Sprite {
    x0: usize,
    y0: usize,
    width: usize,
    /// Premultiplied colour, coverage, depth.
    pixels: Vec<(Rgb, f32, f32)>,
    /// Pixels the whole body would cover, outside the picture too.
    pub(crate) whole: f32,
}

/// The parts of a body to draw.
pub(crate) struct Parts<'a> {
    pub(crate) limbs: &'a [Limb],
    pub(crate) faces: &'a [Face],
    pub(crate) fur: Option<&'a Fur>,
    /// Width of the trunk against its height.
    pub(crate) width: f32,
}

/// Draws the parts of a body seen through `view`; `None` when nothing of it can be in the picture.
pub(crate) fn draw(parts: &Parts, stand: &Stand, view: &View, light: Light) -> Option<Sprite> {
    if parts.limbs.iter().any(|l| stand.place(l.a)[2] < 0.2)
        || parts.faces.iter().flat_map(|f| f.corners).any(|c| c[2] < 0.2)
    {
        return None;
    }
    let flats: Vec<Flat> = parts.limbs.iter().map(|l| Flat::of(l, stand, view, parts.width, 1.0)).collect();
    let faces: Vec<[[f32; 2]; 3]> = parts.faces.iter().map(|f| f.corners.map(|c| view.pixel(c))).collect();
    let mut full = [f32::MAX, f32::MAX, f32::MIN, f32::MIN];
    let points = faces.iter().flatten().map(|p| [p[0], p[1], p[0], p[1]]);
    for b in flats.iter().map(Flat::bounds).chain(points) {
        full = [full[0].min(b[0]), full[1].min(b[1]), full[2].max(b[2]), full[3].max(b[3])];
    }
    if full[2] < 0.0 || full[3] < 0.0 || full[0] > view.width || full[1] > view.height || full[2] < full[0] {
        return None;
    }
    let xs = Canvas::span(full[0] - 1.0, full[2] + 1.0, view.width as usize);
    let ys = Canvas::span(full[1] - 1.0, full[3] + 1.0, view.height as usize);
    if xs.is_empty() || ys.is_empty() {
        return None;
    }
    let size = xs.len().max(ys.len());
    let ss = if size < 110 {
        3
    } else if size < 330 {
        2
    } else {
        1
    };
    let (w, h) = (xs.len() * ss, ys.len() * ss);
    let mut hits = vec![MISS; w * h];
    let k = ss as f32;
    for (who, limb) in parts.limbs.iter().enumerate() {
        let flat = Flat::of(limb, stand, view, parts.width, k);
        cast_limb(&flat, limb.fur, who as u32, [xs.start * ss, ys.start * ss], [w, h], &mut hits);
    }
    for (at, (face, flat)) in parts.faces.iter().zip(&faces).enumerate() {
        let who = (parts.limbs.len() + at) as u32;
        let flat = flat.map(|p| [p[0] * k - (xs.start * ss) as f32, p[1] * k - (ys.start * ss) as f32]);
        cast_face(&flat, face, who, [w, h], &mut hits);
    }
    let pixels = resolve(parts, stand, light, &hits, [xs.len(), ys.len()], ss);
    let mut sprite = Sprite { x0: xs.start, y0: ys.start, width: xs.len(), pixels, whole: 0.0 };
    let inside: f32 = sprite.pixels.iter().map(|p| p.1).sum();
    sprite.whole = inside / share_inside(&flats, &faces, full, view).max(0.002);
    Some(sprite)
}

/// Colours of the hits, averaged down to whole pixels.
fn resolve(
    parts: &Parts,
    stand: &Stand,
    light: Light,
    hits: &[Hit],
    [w, h]: [usize; 2],
    ss: usize,
) -> Vec<(Rgb, f32, f32)> {
    let mut pixels = vec![([0.0; 3], 0.0, f32::MAX); w * h];
    let part = 1.0 / (ss * ss) as f32;
    for (at, hit) in hits.iter().enumerate() {
        if hit.who == u32::MAX {
            continue;
        }
        let (x, y) = (at % (w * ss) / ss, at / (w * ss) / ss);
        let rgb = match parts.limbs.get(hit.who as usize) {
            Some(limb) => limb_colour(parts, limb, stand, light, hit),
            None => parts
                .faces
                .get(hit.who as usize - parts.limbs.len())
                .map_or([0.0; 3], |f| ink(f.rgb, 0.0, light.infrared)),
        };
        let pixel = &mut pixels[y * w + x];
        for (sum, c) in pixel.0.iter_mut().zip(rgb) {
            *sum += c * part;
        }
        pixel.1 += part;
        pixel.2 = pixel.2.min(hit.depth);
    }
    pixels
}

/// The resting point (body axes, metres) that a hit shows, and which way its surface faces.
pub(crate) fn resting(limb: &Limb, stand: &Stand, hit: &Hit) -> ([f32; 3], [f32; 3]) {
    let [nx, ny] = hit.n;
    let out = (1.0 - nx * nx - ny * ny).max(0.0).sqrt();
    let [c, s] = stand.heading;
    // From the camera's axes (out is towards the camera, −z) to the body's.
    let n = [nx * c - out * s, ny, -nx * s - out * c];
    let r = limb.ra + (limb.rb - limb.ra) * hit.t;
    let p = [0, 1, 2].map(|i| limb.rest[0][i] + (limb.rest[1][i] - limb.rest[0][i]) * hit.t + n[i] * r);
    (p, n)
}

fn limb_colour(parts: &Parts, limb: &Limb, stand: &Stand, light: Light, hit: &Hit) -> Rgb {
    let (p, n) = resting(limb, stand, hit);
    let [nx, ny] = hit.n;
    let out = (1.0 - nx * nx - ny * ny).max(0.0).sqrt();
    let rgb = match (parts.fur, limb.region) {
        (_, Region::Plain(rgb)) => dim(rgb, 0.85 + 0.3 * noise2(p[0] * 30.0, p[1] * 30.0, 11)),
        (Some(fur), region) => fur.colour(region, p, n),
        (None, _) => [0.3; 3],
    };
    let lit = if light.infrared {
        0.38 + 0.62 * out
    } else {
        (0.56 + 0.42 * ny + 0.16 * out + 0.24 * light.side * nx).max(0.16)
    };
    ink(dim(rgb, lit), 0.0, light.infrared)
}

/// Share of a body's area that lies in the picture, judged on a coarse grid over its bounds.
fn share_inside(flats: &[Flat], faces: &[[[f32; 2]; 3]], full: [f32; 4], view: &View) -> f32 {
    if full[0] >= 0.0 && full[1] >= 0.0 && full[2] <= view.width && full[3] <= view.height {
        return 1.0;
    }
    let (mut all, mut inside) = (0u32, 0u32);
    for k in 0..72 * 72 {
        let x = full[0] + (full[2] - full[0]) * ((k % 72) as f32 + 0.5) / 72.0;
        let y = full[1] + (full[3] - full[1]) * ((k / 72) as f32 + 0.5) / 72.0;
        let on_limb = flats.iter().any(|f| {
            let (u, v, _, _) = f.locate(x, y);
            u * u + v * v <= 1.0
        });
        let on_face = || faces.iter().any(|f| holds(f, x, y));
        if on_limb || on_face() {
            all += 1;
            inside += u32::from(x >= 0.0 && y >= 0.0 && x < view.width && y < view.height);
        }
    }
    if all == 0 { 1.0 } else { inside as f32 / all as f32 }
}

impl Sprite {
    /// Smears the body sideways over `pixels` pixels, as its own movement does while the shutter is open.
    pub(crate) fn smear(&mut self, pixels: usize) {
        if pixels < 2 {
            return;
        }
        let share = 1.0 / pixels as f32;
        for row in self.pixels.chunks_mut(self.width) {
            let sharp = row.to_vec();
            for (x, pixel) in row.iter_mut().enumerate() {
                let low = x.saturating_sub(pixels / 2);
                let near = &sharp[low..(low + pixels).min(sharp.len())];
                *pixel = ([0.0; 3], 0.0, f32::MAX);
                for n in near {
                    pixel.0 = [
                        pixel.0[0] + n.0[0] * share,
                        pixel.0[1] + n.0[1] * share,
                        pixel.0[2] + n.0[2] * share,
                    ];
                    pixel.1 += n.1 * share;
                    pixel.2 = pixel.2.min(n.2);
                }
            }
        }
    }

    /// Puts the body on a canvas under an owner's number.
    pub(crate) fn put(&self, canvas: &mut Canvas, owner: u8) {
        for (at, (rgb, cover, depth)) in self.pixels.iter().enumerate() {
            if *cover > 0.02 {
                let (x, y) = (self.x0 + at % self.width, self.y0 + at / self.width);
                canvas.put(x, y, dim(*rgb, 1.0 / cover), cover.min(1.0), *depth, owner);
            }
        }
    }
}
