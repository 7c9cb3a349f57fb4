//! Grass, ferns, bushes, saplings and branches, and how the wind moves them.
//!
//! A plant sways about its root: the offset grows with the square of the height, gusts come and go over a second or
//! two, and each leaf flutters by itself. Plants that stand in the lee are painted into the still layer.

use super::canvas::{Canvas, Rgb, blend, dim, ink};
use super::dice::{Dice, noise2};
use super::lens::View;

/// How a plant is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Blades from one root.
    Tuft,
    /// A round cloud of leaves.
    Bush,
    /// Fronds arching from one root.
    Fern,
    /// A thin stem with leaves.
    Sapling,
    /// A twig that hangs or reaches in from outside the picture, near the lens.
    Branch,
}

/// One plant, in metres.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plant {
    pub(crate) form: Form,
    pub(crate) x: f32,
    pub(crate) z: f32,
    /// Height of the root: above 0 for branches and tree crowns.
    pub(crate) root: f32,
    /// Height above the root (negative: hanging), metres.
    pub(crate) tall: f32,
    pub(crate) spread: f32,
    pub(crate) rgb: [Rgb; 2],
    /// How many blades or leaves.
    pub(crate) count: usize,
    pub(crate) seed: u64,
    /// Metres its top gives way in a strong wind.
    pub(crate) give: f32,
    /// Whether it moves at all.
    pub(crate) moves: bool,
}

/// The wind at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wind {
    /// 0 calm … 1 strong.
    pub(crate) force: f32,
    /// Seconds since the burst began.
    pub(crate) time: f32,
    pub(crate) seed: u32,
}

impl Wind {
    /// How far a plant's top is pushed now, as a share of its give, about −0.6 … 1.2.
    fn push(&self, plant: &Plant) -> f32 {
        let gust = noise2(self.time * 0.8 + plant.x * 0.15, plant.z * 0.2, self.seed) * 1.4 - 0.2;
        let phase = (plant.seed & 0xffff) as f32 * 0.001;
        let rate = 3.0 + (plant.seed >> 16 & 0xff) as f32 * 0.012;
        self.force * (gust * 0.7 + 0.55 * libm::sinf(self.time * rate + phase))
    }

    /// A leaf's own flutter, −1…1 times the force.
    fn flutter(&self, k: usize, seed: u64) -> f32 {
        let phase = ((seed ^ (k as u64).wrapping_mul(0x9e37_79b9)) & 0x3ff) as f32 * 0.05;
        self.force * libm::sinf(self.time * 7.0 + phase)
    }
}

/// Draws a plant, still or as the wind has it now.
pub(crate) fn draw(plant: &Plant, view: &View, canvas: &mut Canvas, infrared: bool, wind: Option<&Wind>) {
    // Quick exit for what lies outside the picture.
    let at = view.pixel([plant.x, plant.root, plant.z]);
    let reach = (plant.spread.abs() + plant.tall.abs()) * view.scale(plant.z) * 1.5 + 4.0;
    if at[0] + reach < 0.0 || at[0] - reach > view.width || at[1] + reach < 0.0 || at[1] - reach > view.height
    {
        return;
    }
    let push = wind.map_or(0.0, |w| w.push(plant)) * plant.give;
    let mut d = Dice::new(plant.seed, 1);
    let flutter = |k: usize| wind.map_or(0.0, |w| w.flutter(k, plant.seed));
    match plant.form {
        Form::Tuft => tuft(plant, view, canvas, infrared, push, &mut d, &flutter),
        Form::Fern => fern(plant, view, canvas, infrared, push, &mut d, &flutter),
        Form::Bush => bush(plant, view, canvas, infrared, push, &mut d, &flutter),
        Form::Sapling | Form::Branch => twig(plant, view, canvas, infrared, push, &mut d, &flutter),
    }
}

type Flutter<'a> = &'a dyn Fn(usize) -> f32;

fn tuft(
    p: &Plant,
    view: &View,
    canvas: &mut Canvas,
    infrared: bool,
    push: f32,
    d: &mut Dice,
    flutter: Flutter,
) {
    let s = view.scale(p.z);
    let width = (0.006 * s).clamp(0.5, 14.0);
    for k in 0..p.count {
        let root = p.x + d.bell() * p.spread * 0.25;
        let tall = p.tall * d.range(0.5, 1.15);
        let lean = d.bell() * tall * 0.35 + push + flutter(k) * p.give * 0.25;
        let z = p.z + d.range(-0.1, 0.1);
        let rgb = ink(dim(blend(p.rgb[0], p.rgb[1], d.unit()), d.range(0.7, 1.35)), 0.8, infrared);
        let foot = view.pixel([root, 0.0, z]);
        let knee = view.pixel([root + lean * 0.3, tall * 0.6, z]);
        let tip = view.pixel([root + lean, tall * (1.0 - 0.2 * (lean / tall).abs().min(1.0)), z]);
        canvas.stroke(foot, knee, [width, width * 0.8], [dim(rgb, 0.45), rgb], z, 0.7);
        canvas.stroke(knee, tip, [width * 0.8, width * 0.2], [rgb, dim(rgb, 1.2)], z, 0.7);
    }
}

fn fern(
    p: &Plant,
    view: &View,
    canvas: &mut Canvas,
    infrared: bool,
    push: f32,
    d: &mut Dice,
    flutter: Flutter,
) {
    let s = view.scale(p.z);
    for k in 0..p.count {
        let side = (k as f32 + d.unit()) / p.count as f32 * 2.0 - 1.0;
        let tall = p.tall * d.range(0.6, 1.0);
        let z = p.z + d.range(-0.25, 0.25) * p.spread;
        let rgb = ink(dim(blend(p.rgb[0], p.rgb[1], d.unit()), d.range(0.7, 1.3)), 0.9, infrared);
        let reach = side * p.spread * 0.8 + push + flutter(k) * p.give * 0.3;
        let mut last = view.pixel([p.x, 0.0, z]);
        for step in 1..=9 {
            let t = step as f32 / 9.0;
            let bend = [p.x + reach * t * t.max(0.3), tall * t * (1.7 - 0.9 * t), z];
            let here = view.pixel(bend);
            canvas.stroke(last, here, [1.0, 0.7], [dim(rgb, 0.7), rgb], z, 0.7);
            let (dx, dy) = (here[0] - last[0], here[1] - last[1]);
            let long = (dx * dx + dy * dy).sqrt().max(0.01);
            let leaflet = p.tall * s * 0.14 * (1.15 - t) + 0.5;
            for side in [-1.0, 1.0] {
                let turn =
                    [-dy / long * side * 0.9 + dx / long * 0.44, dx / long * side * 0.9 + dy / long * 0.44];
                let mid = [here[0] + turn[0] * leaflet, here[1] + turn[1] * leaflet];
                canvas.leaf(mid, [leaflet, leaflet * 0.25], turn, rgb, z, 0.7);
            }
            last = here;
        }
    }
}

fn bush(
    p: &Plant,
    view: &View,
    canvas: &mut Canvas,
    infrared: bool,
    push: f32,
    d: &mut Dice,
    flutter: Flutter,
) {
    let s = view.scale(p.z);
    for k in 0..p.count {
        // Deep leaves first: dark, then the lit outside.
        let out = k as f32 / p.count as f32;
        let (a, b) = (d.bell() * 0.45, d.range(0.0, 1.0));
        let y = p.tall * b;
        let round = 1.0 - (b - 0.5) * (b - 0.5) * 2.2;
        let sway = push * b * b + flutter(k) * p.give * 0.2;
        let x = p.x + a * p.spread * round + sway;
        let z = p.z + d.range(-0.3, 0.3) * p.spread * (1.0 - out) - 0.15 * p.spread * out;
        let shade = (0.3 + 0.75 * out) * (0.7 + 0.45 * b) * d.range(0.7, 1.35);
        let rgb = ink(dim(blend(p.rgb[0], p.rgb[1], d.unit() * out), shade), 0.9, infrared);
        let size = d.range(0.013, 0.034) * s * (1.0 + 0.35 * p.tall) * (1.9 - 1.0 * out);
        let angle = d.range(0.0, core::f32::consts::TAU) + flutter(k) * 0.4;
        let at = view.pixel([x, p.root + y, z]);
        canvas.leaf(
            at,
            [size, size * d.range(0.3, 0.6)],
            [libm::cosf(angle), libm::sinf(angle)],
            rgb,
            z,
            0.8,
        );
    }
}

fn twig(
    p: &Plant,
    view: &View,
    canvas: &mut Canvas,
    infrared: bool,
    push: f32,
    d: &mut Dice,
    flutter: Flutter,
) {
    let s = view.scale(p.z);
    // Near the lens nothing is sharp.
    let soft = (0.9 + 2.2 * (1.6 - p.z).max(0.0)) * view.height / 480.0;
    let hang = p.form == Form::Branch;
    let bark = ink(p.rgb[0], 0.0, infrared);
    let reach = if hang { p.spread } else { d.bell() * p.spread * 0.5 };
    let point = |t: f32| {
        let curve = 0.1 * p.tall * libm::sinf(t * 5.0 + (p.seed & 7) as f32);
        view.pixel([
            p.x + reach * t + push * t * t + curve * 0.4,
            p.root + p.tall * t + 0.3 * push * t * t,
            p.z,
        ])
    };
    let width = (0.012 + 0.006 * p.tall.abs()) * s;
    let mut last = point(0.0);
    for step in 1..=8 {
        let t = step as f32 / 8.0;
        let here = point(t);
        let w = width * (1.15 - t);
        canvas.stroke(last, here, [w * 1.1, w], [bark, bark], p.z, soft);
        last = here;
    }
    for k in 0..p.count {
        let t = if hang { d.range(0.15, 1.0) } else { d.range(0.3, 1.0) };
        let size = d.range(0.014, 0.04) * s * if hang { 1.0 } else { 1.25 };
        let angle = d.range(0.0, core::f32::consts::TAU) + flutter(k) * 0.5;
        let turn = [libm::cosf(angle), libm::sinf(angle)];
        let stem = point(t);
        let off = if hang { size } else { size + d.unit() * p.spread * s * (1.1 - t) * 1.2 };
        let at = [stem[0] + turn[0] * off + flutter(k) * size * 0.3, stem[1] + turn[1] * off * 0.7];
        let rgb = ink(dim(p.rgb[1], d.range(0.6, 1.4)), 1.0, infrared);
        canvas.leaf(at, [size, size * 0.42], turn, rgb, p.z - 0.02, soft);
    }
}
