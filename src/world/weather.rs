//! What comes between scene and lens: rain, flakes, insects, glare; and the spots of light they are made of.

use super::canvas::{Canvas, Rgb, blend, dim};
use super::dice::{Dice, mix};
use super::lens::View;
use super::plan::{BurstPlan, Weather};

/// Additive spots of light drawn after the surfaces are lit: eyes, insects, rain, glare.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glow {
    pub(crate) at: [f32; 2],
    /// Half axes, pixels.
    pub(crate) half: [f32; 2],
    pub(crate) rgb: Rgb,
    /// How much it hides what is behind: 0 adds light only.
    pub(crate) cover: f32,
}

impl Glow {
    /// Adds the spot to levels of a picture `w`×`h`; `unit` is the level that becomes 1 after exposure.
    pub(crate) fn add(&self, levels: &mut [Rgb], w: usize, h: usize, unit: f32) {
        let (a, b) = (self.half[0].max(0.6), self.half[1].max(0.6));
        for y in Canvas::span(self.at[1] - b, self.at[1] + b, h) {
            for x in Canvas::span(self.at[0] - a, self.at[0] + a, w) {
                let (u, v) = ((x as f32 + 0.5 - self.at[0]) / a, (y as f32 + 0.5 - self.at[1]) / b);
                let fade = (1.0 - (u * u + v * v)).max(0.0);
                let fade = fade * fade;
                let level = &mut levels[y * w + x];
                *level = blend(*level, dim(self.rgb, unit), (fade * 1.5).min(1.0) * self.cover);
                for (sum, c) in level.iter_mut().zip(self.rgb) {
                    *sum += c * unit * fade * (1.0 - self.cover);
                }
            }
        }
    }
}

/// What the weather and the night put before the lens.
pub(crate) fn nuisances(plan: &BurstPlan, frame: usize, infrared: bool, view: &View) -> Vec<Glow> {
    let mut burst = Dice::new(plan.seed, 40);
    let mut d = Dice::new(mix(plan.seed, 41), frame as u64);
    let (w, h) = (view.width, view.height);
    let mut glows = Vec::new();
    let at = |d: &mut Dice| [d.unit() * w, d.unit() * h];
    match plan.weather {
        Weather::Rain => {
            let level = if infrared { 0.35 } else { 0.09 };
            for _ in 0..60 + burst.below(160) {
                let half = [0.0012 * h, d.range(0.01, 0.05) * h];
                glows.push(Glow { at: at(&mut d), half, rgb: [level * d.unit(); 3], cover: 0.0 });
            }
        }
        Weather::Snow => {
            for _ in 0..30 + burst.below(120) {
                let r = d.range(0.002, 0.01) * h;
                glows.push(Glow { at: at(&mut d), half: [r, r * 1.4], rgb: [0.7; 3], cover: 0.7 });
            }
        }
        _ => {}
    }
    if infrared && burst.chance(0.14) {
        for _ in 0..1 + burst.below(4) {
            let r = d.range(0.006, 0.035) * h;
            let half = [r * d.range(0.8, 2.5), r];
            glows.push(Glow { at: at(&mut d), half, rgb: [d.range(0.4, 1.4); 3], cover: 0.3 });
        }
    }
    if infrared && burst.chance(0.04) {
        // A leaf or web just before the lens, burnt out by the flash; mostly at the edge.
        let place = [(0.5 + 0.35 * burst.bell()) * w, (0.5 + 0.4 * burst.bell()) * h];
        let r = burst.range(0.1, 0.5) * h;
        let half = [r * burst.range(0.5, 2.0), r];
        glows.push(Glow { at: place, half, rgb: [burst.range(0.15, 1.3); 3], cover: burst.range(0.2, 0.7) });
    }
    if !infrared && plan.weather == Weather::Clear && burst.chance(0.06) {
        let place = [burst.unit() * w, burst.unit() * 0.3 * h];
        let r = burst.range(0.3, 0.9) * h;
        glows.push(Glow {
            at: place,
            half: [r, r],
            rgb: dim([0.5, 0.46, 0.4], burst.range(0.4, 1.0)),
            cover: 0.0,
        });
    }
    glows
}
