//! Light, sensor and weather: from surfaces to the picture a camera would write.
//!
//! By day: sky light plus sun through a canopy whose gaps wander. By night: the camera's own infrared flash, falling
//! off with distance and towards the corners. Then exposure, lens blur, shake, noise and the tone curve.
//! Levels are linear until the square-root tone curve at the end (a gamma of 2, exact on every platform).

use image::RgbImage;

use super::canvas::{Canvas, Rgb, SKY, dim};
use super::dice::{Dice, lattice, lerp, mix, noise2, smooth};
use super::lens::View;
use super::plan::{BurstPlan, Cause, Weather};
use super::site::Site;
use super::weather::Glow;

/// The light of one frame.
#[derive(Debug)]
pub(crate) struct Lamp {
    pub(crate) infrared: bool,
    ambient: Rgb,
    sun: Rgb,
    /// Threshold of the canopy's gaps, their place this frame.
    gaps: f32,
    drift: [f32; 2],
    /// Size of the gaps: about 1.
    dapple: f32,
    slant: f32,
    fog: f32,
    target: f32,
    most_gain: f32,
    noise: f32,
    seed: u32,
    /// Whole and part of a pixel the picture is shifted by.
    pub(crate) shake: [f32; 2],
    soft: f32,
    contrast: f32,
    saturation: f32,
    pub(crate) side: f32,
}

/// Height of the sun above the horizon, −1…1, by the hour (sunrise at six, sunset at eighteen).
fn sun_height(hour: f32) -> f32 {
    libm::sinf((hour - 6.0) / 12.0 * core::f32::consts::PI)
}

impl Site {
    /// True when this camera would take an infrared picture at that time.
    pub fn infrared(&self, taken: chrono::NaiveDateTime) -> bool {
        use chrono::Timelike;
        let hour = taken.num_seconds_from_midnight() as f32 / 3600.0;
        // Closed woods go dark earlier.
        sun_height(hour) < 0.02 + 0.1 * self.canopy
    }
}

impl Lamp {
    pub(crate) fn new(site: &Site, plan: &BurstPlan, frame: usize, view: &View) -> Lamp {
        let infrared = site.infrared(plan.taken);
        let mut burst = Dice::new(plan.seed, 20);
        let mut now = Dice::new(mix(plan.seed, 21), frame as u64);
        let high = sun_height(plan.hour()).max(0.0);
        let low_sun = smooth(0.5, 0.05, high);
        let clear = plan.weather == Weather::Clear;
        let direct = if clear { smooth(0.06, 0.35, high) * burst.range(1.5, 5.0) } else { 0.0 };
        let blue = smooth(0.25, 0.0, high);
        let sky: Rgb = [lerp(1.0, 0.72, blue), lerp(1.0, 0.86, blue), lerp(1.04, 1.2, blue)];
        let warm: Rgb = [1.0, lerp(0.95, 0.72, low_sun), lerp(0.86, 0.42, low_sun)];
        let balance = [0, 1, 2].map(|i| site.balance[i] * burst.range(0.95, 1.05));
        let tinted = |c: Rgb| [c[0] * balance[0], c[1] * balance[1], c[2] * balance[2]];
        let seconds = plan.elapsed(frame);
        // Gaps wander with the canopy; when the sun fired the sensor they wander far and open or close.
        let sunny = plan.cause == Cause::Sun;
        let roam = if sunny { 0.25 + 0.25 * seconds } else { 0.05 * plan.wind };
        let sway = |k: f32| roam * libm::sinf(seconds * (1.1 + k) + k * 9.0 + (plan.seed & 15) as f32);
        let opening = if sunny { 0.16 * (noise2(seconds * 0.7, 1.0, plan.seed as u32) - 0.5) } else { 0.0 };
        let height = view.height / 480.0;
        let shaky = 0.15 + 1.6 * plan.wind * plan.wind * burst.unit();
        let weak = smooth(0.3, 0.0, high);
        Lamp {
            infrared,
            ambient: if infrared { [0.0; 3] } else { tinted(sky) },
            sun: tinted(dim(warm, direct)),
            gaps: lerp(0.05, 0.78, site.canopy) + opening,
            drift: [
                burst.range(0.0, 50.0) + plan.hour() * 3.0 + sway(0.0),
                burst.range(0.0, 50.0) + sway(0.4),
            ],
            dapple: 0.7 + 1.1 * noise2(0.5, 0.5, site.grain_seed(31)),
            slant: burst.range(-0.8, 0.8),
            fog: match plan.weather {
                Weather::Fog => burst.range(0.012, 0.08),
                Weather::Rain | Weather::Snow => 0.02,
                _ => burst.unit() * 0.006,
            },
            target: if infrared {
                burst.range(0.1, 0.26)
            } else {
                burst.range(0.15, 0.34) * lerp(1.0, 0.5, weak)
            } * now.range(0.96, 1.04)
                * if now.chance(0.05) { now.range(0.75, 1.3) } else { 1.0 },
            most_gain: if infrared { 1.9 } else { 6.0 },
            noise: site.grain * if infrared { burst.range(0.012, 0.032) } else { lerp(0.006, 0.026, weak) },
            seed: now.bits() as u32,
            shake: [now.bell() * shaky * 0.6 * height, now.bell() * shaky * 0.4 * height],
            soft: (0.1 + 0.9 * site.softness * burst.range(0.7, 1.2) + if infrared { 0.25 } else { 0.0 })
                * height,
            contrast: burst.range(0.0, 0.6),
            saturation: burst.range(0.7, 1.15) * lerp(1.0, 0.45, weak),
            side: burst.range(-1.0, 1.0),
        }
    }

    /// Lights every surface: linear levels before exposure.
    fn shine(&self, site: &Site, canvas: &Canvas, view: &View, y: usize, row: &mut [Rgb]) {
        let seed = site.grain_seed(30);
        let reach = site.flash * site.flash;
        for (x, out) in row.iter_mut().enumerate() {
            let texel = canvas.texels[y * canvas.width + x];
            let (z, rgb) = (texel.depth, texel.rgb);
            if self.infrared {
                let (u, v) = (x as f32 / view.width - 0.5, y as f32 / view.height - 0.5);
                let round = (1.0 - 1.5 * (u * u + v * v)).max(0.12);
                let flash = reach / (z * z + 0.35 * reach) * round * round;
                // Fog, rain and dust throw the flash back.
                let veil = self.fog * 0.9 * (1.0 - u * u);
                *out = [rgb[0] * flash * 0.8 + veil; 3];
            } else if z >= SKY {
                *out = [0, 1, 2].map(|i| rgb[i] * self.ambient[i] * 1.5 + self.sun[i] * 0.08);
            } else {
                let wx = view.across(x as f32, z) - view.up(y as f32, z) * self.slant + self.drift[0];
                let wz = z * 0.7 + view.up(y as f32, z) * 0.5 + self.drift[1];
                let lit = if self.sun[0] > 0.0 {
                    let (gx, gz) = (wx * self.dapple, wz * self.dapple);
                    let gap = 0.68 * noise2(gx * 0.75, gz * 0.6, seed)
                        + 0.32 * noise2(gx * 2.9, gz * 2.3, seed ^ 1);
                    // Far away the gaps blur into an even half light.
                    lerp(
                        smooth(self.gaps - 0.03, self.gaps + 0.06, gap),
                        0.5 * (1.0 - self.gaps) + 0.2,
                        smooth(9.0, 18.0, z),
                    )
                } else {
                    0.0
                };
                let haze = 1.0 - 1.0 / (1.0 + self.fog * z);
                *out = [0, 1, 2].map(|i| {
                    let level = rgb[i] * (self.ambient[i] * 0.8 + self.sun[i] * lit);
                    lerp(level, 0.55 * self.ambient[i], haze)
                });
            }
        }
    }

    /// The picture a camera would write, before its info strip.
    pub(crate) fn expose(&self, site: &Site, canvas: &Canvas, view: &View, glows: &[Glow]) -> RgbImage {
        let (w, h) = (canvas.width, canvas.height);
        let mut levels = vec![[0.0_f32; 3]; w * h];
        for (y, row) in levels.chunks_mut(w).enumerate() {
            self.shine(site, canvas, view, y, row);
        }
        let gain = self.gain(&levels);
        for glow in glows {
            glow.add(&mut levels, w, h, 1.0 / gain);
        }
        let levels = blur(&levels, w, h, self.shake, self.soft);
        let mut picture = RgbImage::new(w as u32, h as u32);
        for (at, (pixel, level)) in picture.pixels_mut().zip(&levels).enumerate() {
            pixel.0 = self.develop(dim(*level, gain), site, at, w);
        }
        picture
    }

    /// Exposure so that the mean level comes near the target; a night's flash is metered only half.
    fn gain(&self, levels: &[Rgb]) -> f32 {
        let (mut sum, mut n) = (0.0_f64, 0.0_f64);
        for level in levels.iter().step_by(37) {
            sum += f64::from(level[1].min(1.5));
            n += 1.0;
        }
        let mean = (sum / n.max(1.0)) as f32;
        let wanted = (self.target / mean.max(1e-3)).clamp(0.2, self.most_gain);
        if self.infrared { wanted.sqrt() } else { wanted }
    }

    /// Noise, colour and tone of one pixel.
    fn develop(&self, level: Rgb, site: &Site, at: usize, width: usize) -> [u8; 3] {
        let h = lattice((at % width) as i32, (at / width) as i32, 0, self.seed);
        let four = (h & 255) + (h >> 8 & 255) + (h >> 16 & 255) + (h >> 24);
        let grain = (four as f32 - 510.0) / 148.0 * self.noise;
        let grey = 0.3 * level[0] + 0.59 * level[1] + 0.11 * level[2];
        let chroma = h.wrapping_mul(0x9e37_79b1) >> 8;
        let mut out = [0; 3];
        for (i, byte) in out.iter_mut().enumerate() {
            let own = if self.infrared {
                0.0
            } else {
                ((chroma >> (8 * i) & 255) as f32 - 127.5) / 128.0 * self.noise * 0.5
            };
            let colour =
                if self.infrared { grey * site.tint[i] } else { grey + (level[i] - grey) * self.saturation };
            let x = colour.max(0.0);
            let x = if x < 0.6 { x } else { 0.6 + 0.4 * (x - 0.6) / (x - 0.2) };
            let code = x.sqrt();
            let code = code + self.contrast * 0.6 * (code * code * (3.0 - 2.0 * code) - code);
            *byte = ((code + grain + own) * 255.0 + 0.5).clamp(0.0, 255.0) as u8;
        }
        out
    }
}

/// Weights of five neighbours for a blur of `soft` pixels (variance) shifted by `part` of a pixel.
fn weights(part: f32, soft: f32) -> [f32; 5] {
    let mut k = [-2.0, -1.0, 0.0, 1.0, 2.0_f32].map(|x| {
        let d = x - part;
        libm::expf(-d * d / (0.5 + 1.6 * soft))
    });
    if soft < 0.3 {
        // A sharp lens: little more than the shift itself.
        let mut sharp = [0.0; 5];
        let whole = part.floor();
        let share = part - whole;
        let first = (2.0 + whole) as usize;
        sharp[first.min(4)] += 1.0 - share;
        sharp[(first + 1).min(4)] += share;
        k = [0, 1, 2, 3, 4].map(|i| sharp[i] * 0.75 + k[i] * 0.25 * soft / 0.3);
    }
    let sum: f32 = k.iter().sum();
    k.map(|v| v / sum)
}

/// Shifts by `shake` and blurs, columns then rows; the edge repeats.
fn blur(levels: &[Rgb], w: usize, h: usize, shake: [f32; 2], soft: f32) -> Vec<Rgb> {
    let whole = shake.map(|s| s.round());
    let kx = weights(shake[0] - whole[0], soft);
    let ky = weights(shake[1] - whole[1], soft);
    let (sx, sy) = (whole[0] as isize - 2, whole[1] as isize - 2);
    let mut across = vec![[0.0; 3]; w * h];
    for (row, out) in levels.chunks(w).zip(across.chunks_mut(w)) {
        for (x, pixel) in out.iter_mut().enumerate() {
            let mut sum = [0.0; 3];
            for (k, weight) in kx.iter().enumerate() {
                let from = (x as isize + k as isize + sx).clamp(0, w as isize - 1) as usize;
                let c = row[from];
                sum = [sum[0] + c[0] * weight, sum[1] + c[1] * weight, sum[2] + c[2] * weight];
            }
            *pixel = sum;
        }
    }
    let mut out = vec![[0.0_f32; 3]; w * h];
    for (y, line) in out.chunks_mut(w).enumerate() {
        for (k, weight) in ky.iter().enumerate() {
            let from = (y as isize + k as isize + sy).clamp(0, h as isize - 1) as usize;
            for (pixel, c) in line.iter_mut().zip(&across[from * w..(from + 1) * w]) {
                *pixel = [pixel[0] + c[0] * weight, pixel[1] + c[1] * weight, pixel[2] + c[2] * weight];
            }
        }
    }
    out
}
