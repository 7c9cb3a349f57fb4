//! The surface buffer: what is seen at each pixel before light falls on it, with its distance and its owner.
//!
//! Things are blended in with a depth test, so a trunk hides the animal behind it however they were drawn. The
//! owner of a pixel is whoever last covered at least half of it: the truth counts those pixels.

use super::dice::noise2;

/// Linear red, green and blue reflectance, about 0..1.
pub(crate) type Rgb = [f32; 3];

/// Owner of pixels that belong to no actor.
pub(crate) const NOBODY: u8 = 0;

/// Distance given to the sky, metres.
pub(crate) const SKY: f32 = 10_000.0;

/// One pixel of surface.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texel {
    /// Reflectance with its own shading.
    pub(crate) rgb: Rgb,
    /// Metres from the camera plane.
    pub(crate) depth: f32,
}

/// A picture of surfaces, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) texels: Vec<Texel>,
    pub(crate) owners: Vec<u8>,
}

/// Scales a colour.
pub(crate) fn dim(c: Rgb, by: f32) -> Rgb {
    [c[0] * by, c[1] * by, c[2] * by]
}

/// Blends two colours.
pub(crate) fn blend(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// Luminance by the Rec. 709 weights.
pub(crate) fn luma(c: Rgb) -> f32 {
    0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]
}

/// Colour of a surface as the camera takes it: as it is by day, its near-infrared grey by night.
/// `leaf` is 1 for green leaves, which shine in the near infrared, 0 for fur, bark, stone and cloth.
pub(crate) fn ink(rgb: Rgb, leaf: f32, infrared: bool) -> Rgb {
    if infrared {
        let l = luma(rgb);
        let grey = (0.07 + 0.95 * l) * (1.0 - leaf) + (0.22 + 1.5 * l) * leaf;
        [grey; 3]
    } else {
        rgb
    }
}

impl Canvas {
    /// A canvas of sky of one colour.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        let texel = Texel { rgb: [0.0; 3], depth: SKY };
        Canvas { width, height, texels: vec![texel; width * height], owners: vec![NOBODY; width * height] }
    }

    /// Blends a colour into a pixel if it is not behind what is there.
    #[inline]
    pub(crate) fn put(&mut self, x: usize, y: usize, rgb: Rgb, alpha: f32, depth: f32, owner: u8) {
        let at = y * self.width + x;
        let Some(texel) = self.texels.get_mut(at) else { return };
        if depth > texel.depth {
            return;
        }
        texel.rgb = blend(texel.rgb, rgb, alpha);
        if alpha >= 0.5 {
            texel.depth = depth;
            self.owners[at] = owner;
        }
    }

    /// The whole pixels touched by a span from `low` to `high` along an axis of `size` pixels.
    pub(crate) fn span(low: f32, high: f32, size: usize) -> std::ops::Range<usize> {
        let low = low.floor().clamp(0.0, size as f32) as usize;
        let high = (high.ceil() + 1.0).clamp(0.0, size as f32) as usize;
        low..high.max(low)
    }

    /// A filled ellipse with half axes `a`, `b` pixels, turned by the direction (`c`, `s`), edge `soft` pixels wide.
    /// It darkens along its middle line and to one side, as a leaf does.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn leaf(
        &mut self,
        at: [f32; 2],
        half: [f32; 2],
        turn: [f32; 2],
        rgb: Rgb,
        depth: f32,
        soft: f32,
    ) {
        let (a, b) = (half[0].max(0.45), half[1].max(0.4));
        // Where the true leaf is thinner than a pixel it covers only a part of it.
        let cover = (half[1] / b).min(1.0) * (half[0] / a).min(1.0);
        let (c, s) = (turn[0], turn[1]);
        let reach_x = (a * c).abs() + (b * s).abs() + soft;
        let reach_y = (a * s).abs() + (b * c).abs() + soft;
        let edge = soft.max(0.7) / b.min(a);
        for y in Self::span(at[1] - reach_y, at[1] + reach_y, self.height) {
            for x in Self::span(at[0] - reach_x, at[0] + reach_x, self.width) {
                let (dx, dy) = (x as f32 + 0.5 - at[0], y as f32 + 0.5 - at[1]);
                let (u, v) = ((dx * c + dy * s) / a, (dy * c - dx * s) / b);
                let r = (u * u + v * v).sqrt();
                let alpha = ((1.0 - r) / edge + 0.5).clamp(0.0, 1.0) * cover;
                if alpha > 0.02 {
                    let shade = if v > 0.0 { 0.86 } else { 1.08 } + 0.1 * u;
                    self.put(x, y, dim(rgb, shade), alpha, depth, NOBODY);
                }
            }
        }
    }

    /// A tapering line from `p` (width `w0` pixels) to `q` (width `w1`).
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn stroke(
        &mut self,
        p: [f32; 2],
        q: [f32; 2],
        w: [f32; 2],
        rgb: [Rgb; 2],
        depth: f32,
        soft: f32,
    ) {
        let (dx, dy) = (q[0] - p[0], q[1] - p[1]);
        let length2 = (dx * dx + dy * dy).max(1e-6);
        let widest = w[0].max(w[1]) * 0.5 + soft.max(0.7) + 0.5;
        for y in Self::span(p[1].min(q[1]) - widest, p[1].max(q[1]) + widest, self.height) {
            let (mut low, mut high) = (p[0].min(q[0]) - widest, p[0].max(q[0]) + widest);
            if dy.abs() > 1.0 {
                // Only the part of the row near the line: its points within `widest` above and below.
                let (mid, slope) = ((y as f32 + 0.5 - p[1]) / dy, dx / dy);
                let centre = p[0] + dx * mid.clamp(0.0, 1.0);
                let room = widest * (1.0 + slope.abs()) * 1.2;
                (low, high) = (low.max(centre - room), high.min(centre + room));
            }
            for x in Self::span(low, high, self.width) {
                let (ex, ey) = (x as f32 + 0.5 - p[0], y as f32 + 0.5 - p[1]);
                let t = ((ex * dx + ey * dy) / length2).clamp(0.0, 1.0);
                let (ox, oy) = (ex - dx * t, ey - dy * t);
                let half = (w[0] + (w[1] - w[0]) * t) * 0.5;
                let gap = (ox * ox + oy * oy).sqrt();
                let edge = soft.max(0.7);
                let thin = (half * 2.0).min(1.0);
                let alpha = ((half.max(0.5) - gap) / edge + 0.5).clamp(0.0, 1.0) * thin;
                if alpha > 0.02 {
                    self.put(x, y, blend(rgb[0], rgb[1], t), alpha, depth, NOBODY);
                }
            }
        }
    }

    /// A lumpy stone or stump: an ellipse with half axes `half` pixels, lit from above (or from the camera).
    pub(crate) fn lump(
        &mut self,
        at: [f32; 2],
        half: [f32; 2],
        rgb: Rgb,
        depth: [f32; 2],
        seed: u32,
        infrared: bool,
    ) {
        let (a, b) = (half[0].max(0.6), half[1].max(0.6));
        for y in Self::span(at[1] - b * 1.3, at[1] + b * 1.3, self.height) {
            for x in Self::span(at[0] - a * 1.3, at[0] + a * 1.3, self.width) {
                let (u, v) = ((x as f32 + 0.5 - at[0]) / a, (y as f32 + 0.5 - at[1]) / b);
                let bump = noise2(u * 1.7 + 9.0, v * 1.7, seed) - 0.5;
                let fine = 0.6 * noise2(u * 7.0, v * 7.0, seed ^ 0x55)
                    + 0.5 * noise2(u * 23.0, v * 23.0, seed ^ 0x56)
                    - 0.55;
                let r2 = (u * u + v * v) * (1.0 + bump * 0.7);
                if r2 > 1.15 {
                    continue;
                }
                let out = (1.0 - r2).max(0.0).sqrt();
                let light = if infrared { 0.35 + 0.65 * out } else { 0.55 - 0.4 * v + 0.2 * out - 0.12 * u };
                let alpha = ((1.07 - r2) * b.min(a) * 0.5 + 0.5).clamp(0.0, 1.0);
                let shade = (light + fine * 0.55 + bump * 0.5).max(0.08);
                self.put(x, y, dim(rgb, shade), alpha, depth[0] - depth[1] * out, NOBODY);
            }
        }
    }

    /// Darkens ground near `depth` in a soft ellipse: the shadow under a body.
    pub(crate) fn shadow(&mut self, at: [f32; 2], half: [f32; 2], depth: f32, reach: f32, strength: f32) {
        let (a, b) = (half[0].max(1.0), half[1].max(0.8));
        for y in Self::span(at[1] - b, at[1] + b, self.height) {
            for x in Self::span(at[0] - a, at[0] + a, self.width) {
                let (u, v) = ((x as f32 + 0.5 - at[0]) / a, (y as f32 + 0.5 - at[1]) / b);
                let fade = 1.0 - (u * u + v * v);
                let i = y * self.width + x;
                let texel = &mut self.texels[i];
                if fade > 0.0 && (texel.depth - depth).abs() < reach && self.owners[i] == NOBODY {
                    texel.rgb = dim(texel.rgb, 1.0 - strength * fade);
                }
            }
        }
    }
}
