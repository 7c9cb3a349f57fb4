//! Paints what never moves: sky or a wall of trees, the ground with its litter, trunks, stones and stumps.

use super::canvas::{Canvas, NOBODY, Rgb, SKY, blend, dim, ink};
use super::dice::{Dice, lerp, noise2, smooth};
use super::lens::View;
use super::palette::Biome;
use super::site::{Lump, Site, Trunk};

/// Metres to where the ground ends.
const FAR: f32 = 38.0;

/// Paints the still layer of a site.
pub(crate) fn paint(site: &Site, view: &View, canvas: &mut Canvas, infrared: bool) {
    backdrop(site, view, canvas, infrared);
    foliage(site, view, canvas, infrared);
    soil(site, view, canvas, infrared);
    litter(site, view, canvas, infrared);
    let mut lumps: Vec<&Lump> = site.lumps.iter().collect();
    lumps.sort_by(|a, b| b.z.total_cmp(&a.z));
    for lump in lumps {
        let s = view.scale(lump.z);
        let foot = view.pixel([lump.x, 0.0, lump.z]);
        canvas.shadow(foot, [lump.half[0] * s * 1.2, lump.half[0] * s * 0.3], lump.z, 0.8, 0.6);
        let half = [lump.half[0] * s, lump.half[1] * s];
        let at = view.pixel([lump.x, lump.y, lump.z]);
        canvas.lump(at, half, ink(lump.rgb, 0.0, infrared), [lump.z, lump.half[1]], lump.seed, infrared);
    }
    for trunk in &site.trunks {
        stem(trunk, view, canvas, infrared);
    }
}

/// Everything above the ground: sky, and in wooded country a wall of trees before it.
fn backdrop(site: &Site, view: &View, canvas: &mut Canvas, infrared: bool) {
    let (seed, p) = (site.grain_seed(10), &site.palette);
    // How far up the wall of trees reaches, in picture heights above the horizon.
    let crest = match site.biome {
        Biome::Meadow | Biome::Steppe => 0.05 + 0.16 * noise2(0.5, 0.5, seed),
        Biome::Conifer | Biome::Snow => 0.35 + 0.5 * noise2(0.5, 0.5, seed),
        _ => 0.9,
    };
    let horizon = view.lens.horizon * view.height;
    for y in 0..canvas.height {
        let above = (horizon - y as f32) / view.height;
        if above < -view.lens.focal * view.lens.height / FAR - 0.01 {
            break;
        }
        for x in 0..canvas.width {
            let u = (x as f32 - view.width * 0.5) / view.height;
            let edge =
                crest * (0.6 + 0.8 * noise2(u * 3.0 + 7.0, 0.0, seed)) + 0.05 * noise2(u * 40.0, 3.0, seed);
            let texel = &mut canvas.texels[y * canvas.width + x];
            if above > edge {
                let cloud = smooth(
                    0.45,
                    0.8,
                    noise2(u * 2.0, above * 6.0, seed ^ 1) * 0.6
                        + noise2(u * 6.0, above * 15.0, seed ^ 2) * 0.4,
                );
                let clear = blend([0.95, 0.95, 0.93], p.sky, smooth(0.0, 0.5, above));
                texel.rgb = if infrared { [0.0; 3] } else { blend(clear, [1.0, 1.0, 1.0], cloud * 0.7) };
                texel.depth = SKY;
                continue;
            }
            let clump =
                noise2(u * 5.0, above * 5.0, seed ^ 3) * 0.5 + noise2(u * 14.0, above * 14.0, seed ^ 4) * 0.5;
            let fine = noise2(u * 90.0, above * 90.0, seed ^ 5);
            let leafy = smooth(0.35, 0.75, clump) * (0.4 + 0.9 * fine) + 0.15 * fine;
            let far = 14.0 + 22.0 * noise2(u * 4.0, above * 2.0, seed ^ 6);
            texel.rgb = ink(blend(dim(p.wall, 0.5), blend(p.wall, p.leaf[1], 0.45), leafy), 0.5, infrared);
            texel.depth = far;
        }
    }
}

/// Leaves, needles and twigs of the wall of trees, light in clumps and dark between.
fn foliage(site: &Site, view: &View, canvas: &mut Canvas, infrared: bool) {
    let (seed, p) = (site.grain_seed(10), &site.palette);
    let mut d = Dice::new(site.seed, 13);
    let needles = matches!(site.biome, Biome::Conifer | Biome::Snow);
    let low = view.lens.horizon + view.lens.focal * view.lens.height / FAR;
    for _ in 0..4500 {
        let (u, row) = (d.range(-0.9, 0.9), d.range(0.0, low.max(0.02)));
        let (size, angle, tone, mixed) =
            (d.range(0.002, 0.008), d.range(0.0, core::f32::consts::TAU), d.range(0.5, 1.4), d.unit());
        let at = [view.width * 0.5 + u * view.height, row * view.height];
        let (x, y) = (at[0].max(0.0) as usize, at[1].max(0.0) as usize);
        let Some(texel) = canvas.texels.get(y * canvas.width + x.min(canvas.width - 1)).copied() else {
            continue;
        };
        if texel.depth >= SKY {
            continue;
        }
        let above = view.lens.horizon - row;
        let clump =
            noise2(u * 5.0, above * 5.0, seed ^ 3) * 0.5 + noise2(u * 14.0, above * 14.0, seed ^ 4) * 0.5;
        let rgb = dim(blend(p.wall, p.leaf[1], smooth(0.3, 0.75, clump) * mixed), tone);
        let rgb = ink(rgb, 0.6, infrared);
        let half = size * view.height;
        let turn =
            if needles { [0.25 * libm::cosf(angle), 0.97] } else { [libm::cosf(angle), libm::sinf(angle)] };
        let slim = if needles { 0.22 } else { 0.5 };
        canvas.leaf(
            at,
            [half * if needles { 1.8 } else { 1.0 }, half * slim],
            turn,
            rgb,
            texel.depth - 0.3,
            0.8,
        );
    }
}

/// Noise at a world scale, faded out where its grains become smaller than a pixel.
fn octave(x: f32, z: f32, grain: f32, foot: f32, seed: u32) -> f32 {
    let keep = smooth(1.6, 0.5, foot / grain);
    if keep <= 0.0 { 0.0 } else { (noise2(x / grain, z / grain, seed) - 0.5) * keep }
}

fn soil(site: &Site, view: &View, canvas: &mut Canvas, infrared: bool) {
    let (seed, p) = (site.grain_seed(11), &site.palette);
    let green = match site.biome {
        Biome::Meadow => 0.85,
        Biome::Steppe => 0.5,
        Biome::Snow => 0.0,
        Biome::Rainforest => 0.3,
        _ => 0.25 + 0.4 * noise2(0.3, 0.8, seed),
    };
    let rough = if site.biome == Biome::Snow { 0.35 } else { 1.0 };
    for y in 0..canvas.height {
        let Some(z) = view.ground(y as f32 + 0.5) else { continue };
        let s = view.scale(z);
        let deep = z * z / (view.lens.focal * view.lens.height * view.height);
        for x in 0..canvas.width {
            let texel = &mut canvas.texels[y * canvas.width + x];
            let wx = view.across(x as f32, z);
            // Far ground goes under the wall of trees.
            if z > FAR {
                continue;
            }
            let foot = (1.0 / s).max(deep * 0.5);
            let broad = octave(wx, z, 2.3, foot, seed) + 0.6 * octave(wx, z, 0.8, foot, seed ^ 1);
            let mid = octave(wx, z, 0.25, foot, seed ^ 2) + octave(wx, z, 0.11, foot, seed ^ 3);
            let fine =
                octave(wx, z * 0.6, 0.045, foot, seed ^ 4) + octave(wx, z * 0.6, 0.018, foot, seed ^ 5);
            let grassy = smooth(0.35, 0.65, green + broad * 0.7 + mid * 0.25);
            let mut rgb = blend(p.soil, p.grass[0], grassy * 0.85);
            let mut leaf = grassy;
            if let Some([x0, slope, half]) = site.track {
                let off = (wx - x0 - slope * z).abs() / half;
                let on = smooth(1.25, 0.85, off + mid * 0.4);
                let rut = smooth(0.25, 0.0, (off - 0.6).abs() + fine * 0.1);
                rgb = blend(rgb, dim(blend(p.soil, [0.4, 0.34, 0.26], 0.4), 1.1 - 0.35 * rut), on * 0.85);
                leaf *= 1.0 - on;
            }
            let shade = 1.0 + rough * (0.7 * broad + 0.8 * mid + 1.1 * fine);
            texel.rgb = ink(dim(rgb, shade.max(0.15)), leaf * 0.7 + 0.1, infrared);
            texel.depth = z;
        }
    }
}

/// Fallen leaves, twigs, stones: flat splats with the ground's perspective.
fn litter(site: &Site, view: &View, canvas: &mut Canvas, infrared: bool) {
    let mut d = Dice::new(site.seed, 12);
    let count = match site.biome {
        Biome::Broadleaf | Biome::Rainforest => 5200,
        Biome::Conifer => 2600,
        Biome::Snow => 500,
        Biome::Meadow | Biome::Steppe => 1800,
    };
    let top = view.lens.horizon.max(0.0);
    let p = &site.palette;
    for _ in 0..count {
        // Even over the ground rows, a little denser far away where they are small.
        let row = top + (1.02 - top) * (0.02 + 0.98 * d.unit());
        let across = d.range(-0.85, 0.85);
        let size = d.range(0.02, 0.075) * if d.chance(0.1) { 1.7 } else { 1.0 };
        let (angle, tone, pick) = (d.range(0.0, core::f32::consts::TAU), d.range(0.55, 1.5), d.below(3));
        let stick = d.chance(0.06);
        let Some(z) = view.ground(row * view.height) else { continue };
        if z > 16.0 {
            continue;
        }
        let s = view.scale(z);
        let at = [view.width * 0.5 + across * view.height, row * view.height];
        let flat = (view.lens.height / z).clamp(0.2, 0.9);
        let (c, n) = (libm::cosf(angle), libm::sinf(angle) * flat);
        let norm = (c * c + n * n).sqrt().max(1e-3);
        let rgb = ink(dim(p.litter[pick], tone), 0.25, infrared);
        if stick {
            let l = size * s * 4.0;
            let q = [at[0] + c * l, at[1] + n * l];
            let w = (size * s * 0.22).max(0.5);
            canvas.stroke(at, q, [w, w * 0.6], [rgb, dim(rgb, 0.8)], z - 0.05, 0.7);
        } else {
            let half = [size * s * norm.max(flat), size * s * 0.55 * flat.max(0.4)];
            if half[0] > 0.5 {
                let low = [at[0] + half[0] * 0.25, at[1] + half[1] * 0.5];
                canvas.leaf(low, half, [c / norm, n / norm], dim(rgb, 0.35), z - 0.02, 1.0);
                canvas.leaf(at, half, [c / norm, n / norm], rgb, z - 0.04, 0.8);
            }
        }
    }
}

/// A trunk: a leaning column with a root flare, round shading and bark.
fn stem(t: &Trunk, view: &View, canvas: &mut Canvas, infrared: bool) {
    let s = view.scale(t.z);
    let foot = view.pixel([t.x, 0.0, t.z]);
    canvas.shadow(foot, [t.radius * s * 2.2, t.radius * s * 0.7], t.z, 1.0, 0.55);
    let widest = t.radius * s * 2.0 + 2.0;
    for y in 0..canvas.height.min((foot[1] + t.radius * s * 0.4).max(0.0) as usize + 1) {
        let up = (foot[1] - y as f32) / s;
        let flare =
            1.0 + 0.7 * smooth(0.5, -0.05, up / (t.radius * 6.0).max(0.2)) - 0.03 * up.clamp(0.0, 8.0);
        let ragged = 0.12 * (noise2(up * 3.0, 0.0, t.seed) - 0.5);
        let r = t.radius * s * (flare + ragged);
        let middle = foot[0] + t.lean * up * s + 0.06 * s * (noise2(up * 0.7, 5.0, t.seed) - 0.5);
        for x in Canvas::span(middle - widest, middle + widest, canvas.width) {
            let u = (x as f32 + 0.5 - middle) / r;
            let alpha = ((1.0 - u.abs()) * r + 0.5).clamp(0.0, 1.0);
            if alpha <= 0.0 {
                continue;
            }
            let round = (1.0 - (u * u).min(1.0)).sqrt();
            let bark = noise2(u * 6.0 + up * 0.8, up * 5.0, t.seed ^ 1) * 0.6
                + noise2(u * 15.0, up * 22.0, t.seed ^ 2) * 0.4;
            let light = if infrared { 0.25 + 0.75 * round } else { 0.45 + 0.35 * round - 0.25 * u };
            let moss: Rgb = [0.09, 0.14, 0.04];
            let rgb = blend(t.bark, moss, smooth(0.5, 0.8, noise2(u, up * 1.2, t.seed ^ 3)) * 0.5);
            let rgb = ink(dim(rgb, lerp(0.45, 1.4, bark) * light * 1.3), 0.0, infrared);
            canvas.put(x, y, rgb, alpha, t.z - round * t.radius, NOBODY);
        }
    }
}
