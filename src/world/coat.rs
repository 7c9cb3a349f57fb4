//! What colour a point of a body is: ground colour by region and side, then markings, then single hairs.
//!
//! Markings are solid textures in the body's own resting coordinates, so an individual keeps its pattern from burst
//! to burst, whatever it does, and its left side differs from its right, as in life.

use super::canvas::{Rgb, blend, dim};
use super::coats::{Coat, Pattern};
use super::dice::{cells, noise3, smooth};

/// Part of a body, for its colour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Region {
    Trunk,
    Neck,
    Head,
    Muzzle,
    Ear,
    Leg,
    /// With the place along the tail, 0 root … 1 tip.
    Tail(f32),
    /// A flat colour: antlers, eyes, noses, bills, clothes, skin.
    Plain(Rgb),
}

/// The coat of one individual.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fur {
    pub(crate) coat: Coat,
    /// Which individual: seeds its markings.
    pub(crate) seed: u32,
    /// The body's size, to scale textures: its shoulder height, metres.
    pub(crate) size: f32,
    /// Half the trunk's length, metres.
    pub(crate) half: f32,
}

impl Fur {
    /// Colour at resting-pose point `p` (metres, x forward) where the surface faces `n` (body axes).
    pub(crate) fn colour(&self, region: Region, p: [f32; 3], n: [f32; 3]) -> Rgb {
        let c = &self.coat;
        let flat = match region {
            Region::Plain(rgb) => return rgb,
            Region::Trunk => self.trunk(p, n),
            Region::Neck => blend(c.flank, c.head, 0.4),
            Region::Head => c.head,
            Region::Muzzle => c.muzzle,
            Region::Ear => c.ear.unwrap_or(dim(c.head, 0.6)),
            Region::Leg => blend(c.leg, c.flank, smooth(0.3, 0.65, p[1] / self.size)),
            Region::Tail(t) => blend(c.tail, c.tip, smooth(0.68, 0.8, t)),
        };
        let under = match region {
            Region::Neck | Region::Head => smooth(-0.1, -0.8, n[1]),
            _ => 0.0,
        };
        let ground = blend(flat, c.belly, under * 0.8);
        self.hairs(self.markings(region, p, n, ground), p)
    }

    fn trunk(&self, p: [f32; 3], n: [f32; 3]) -> Rgb {
        let c = &self.coat;
        let wave = noise3(p.map(|v| v * 3.0 / self.size), self.seed) - 0.5;
        let up = n[1] + wave * 0.5;
        let side = blend(c.belly, c.flank, smooth(-0.75, -0.25, up));
        let mut rgb = blend(side, c.back, smooth(0.25, 0.85, up));
        rgb = blend(rgb, dim(c.back, 0.5), c.saddle * smooth(0.3, 0.9, up));
        if let Some(mirror) = c.rump {
            let behind = smooth(-0.35, -0.75, n[0] + wave * 0.2) * smooth(-0.6, -0.85, p[0] / self.half);
            rgb = blend(rgb, mirror, behind);
        }
        rgb
    }

    fn markings(&self, region: Region, p: [f32; 3], n: [f32; 3], ground: Rgb) -> Rgb {
        let dark: Rgb = [0.025, 0.02, 0.016];
        match self.coat.pattern {
            Pattern::Plain => ground,
            Pattern::Spots => {
                let legs = region == Region::Leg;
                let cell = self.size * if legs { 0.07 } else { 0.105 };
                let (near, _, id) = cells([p[0] / cell, p[1] / cell, p[2] / cell], self.seed);
                let size = 0.24 + 0.2 * (id & 0xff) as f32 / 256.0;
                let fade = if n[1] < -0.5 { 0.3 } else { 0.85 };
                let on = matches!(region, Region::Trunk | Region::Leg | Region::Neck);
                if on { blend(ground, dark, smooth(size, size - 0.14, near) * fade) } else { ground }
            }
            Pattern::Rosettes => {
                let small = !matches!(region, Region::Trunk | Region::Neck);
                let cell = self.size * if small { 0.075 } else { 0.185 };
                let q = [p[0] / cell, p[1] / cell, p[2] / cell];
                let (near, second, id) = cells(q, self.seed);
                if small {
                    return blend(
                        ground,
                        dark,
                        smooth(0.34, 0.24, near) * if region == Region::Muzzle { 0.3 } else { 0.95 },
                    );
                }
                let ring =
                    smooth(0.24, 0.32, near) * smooth(0.5, 0.42, near) * smooth(0.04, 0.12, second - near);
                let broken = smooth(0.22, 0.38, noise3(q.map(|v| v * 3.1), self.seed ^ 9));
                let dot = if id & 3 == 0 { smooth(0.13, 0.08, near) } else { 0.0 };
                let inside = blend(ground, dim(ground, 0.72), smooth(0.4, 0.3, near));
                blend(inside, dark, (ring * broken).max(dot) * 0.95)
            }
            Pattern::Mask => match region {
                Region::Head | Region::Muzzle => {
                    let side = n[2].abs();
                    let band = smooth(0.25, 0.4, side) * smooth(0.92, 0.8, side) * smooth(-0.25, 0.0, n[1]);
                    let throat = smooth(-0.3, -0.6, n[1]);
                    blend(ground, dark, band.max(throat))
                }
                Region::Neck => blend(ground, self.coat.back, 0.6),
                _ => ground,
            },
            Pattern::Collar => match region {
                Region::Neck => {
                    let patch =
                        smooth(0.35, 0.6, n[2].abs()) * smooth(0.5, 0.62, noise3(p.map(|v| v * 9.0), 3));
                    blend(ground, [0.8; 3], patch.max(smooth(0.5, 0.8, n[2].abs()) * 0.7))
                }
                Region::Trunk => {
                    let bar = smooth(0.012, 0.004, (p[0] + 0.02).abs())
                        * smooth(0.3, 0.6, n[2].abs())
                        * smooth(0.4, 0.1, n[1]);
                    blend(ground, [0.75; 3], bar)
                }
                _ => ground,
            },
        }
    }

    fn hairs(&self, rgb: Rgb, p: [f32; 3]) -> Rgb {
        let k = 26.0 / self.size.max(0.1);
        let hair = noise3([p[0] * k * 0.6, p[1] * k, p[2] * k], self.seed ^ 77);
        let fine = noise3([p[0] * k * 1.6, p[1] * k * 3.1, p[2] * k * 3.1], self.seed ^ 79);
        let broad = noise3(p.map(|v| v * 5.0 / self.size), self.seed ^ 78);
        let rough = 0.35 + 0.7 * self.coat.grizzle;
        dim(rgb, 1.0 + ((hair - 0.5) + 0.8 * (fine - 0.5)) * rough + (broad - 0.5) * 0.3)
    }
}
