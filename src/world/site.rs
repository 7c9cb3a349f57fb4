//! A place with a camera: what grows and lies there, where the camera looks from, and how it prints its strip.

use std::sync::{Arc, Mutex};

use super::canvas::{Canvas, Rgb};
use super::dice::{Dice, mix};
use super::ground;
use super::grow;
use super::lens::{Lens, View};
use super::palette::{Biome, Palette, palette};
use super::plants::{self, Plant};
use super::strip::Strip;

/// A standing trunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trunk {
    pub(crate) x: f32,
    pub(crate) z: f32,
    /// Radius at the base, metres.
    pub(crate) radius: f32,
    /// Sideways metres per metre of height.
    pub(crate) lean: f32,
    pub(crate) bark: Rgb,
    pub(crate) seed: u32,
}

/// A stone, stump or log: an ellipse of `half` metres standing on the ground.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lump {
    pub(crate) x: f32,
    pub(crate) z: f32,
    /// Height of its centre, metres.
    pub(crate) y: f32,
    pub(crate) half: [f32; 2],
    pub(crate) rgb: Rgb,
    pub(crate) seed: u32,
}

type Layer = (usize, usize, bool, Arc<Canvas>);

/// A camera site by seed: the same seed is the same place on every platform.
#[derive(Debug)]
pub struct Site {
    pub(crate) seed: u64,
    pub(crate) biome: Biome,
    pub(crate) lens: Lens,
    pub(crate) palette: Palette,
    pub(crate) trunks: Vec<Trunk>,
    pub(crate) lumps: Vec<Lump>,
    pub(crate) plants: Vec<Plant>,
    /// A track: its x at z = 0, x per metre of z, and half width; metres.
    pub(crate) track: Option<[f32; 3]>,
    pub(crate) strip: Strip,
    /// Distance at which the infrared flash has fallen to half, metres.
    pub(crate) flash: f32,
    /// Tint of infrared pictures.
    pub(crate) tint: Rgb,
    /// How dense the canopy is: 0 open sky, 1 closed.
    pub(crate) canopy: f32,
    /// White balance by day.
    pub(crate) balance: Rgb,
    /// Lens softness, 0 sharp to 1 soft.
    pub(crate) softness: f32,
    /// Noise of the sensor, about 1.
    pub(crate) grain: f32,
    layer: Mutex<Option<Layer>>,
}

impl Site {
    /// The site of a seed.
    pub fn new(seed: u64) -> Self {
        let mut d = Dice::new(seed, 1);
        let biome = d.weighted(&[
            (Biome::Broadleaf, 0.27),
            (Biome::Conifer, 0.2),
            (Biome::Meadow, 0.16),
            (Biome::Rainforest, 0.17),
            (Biome::Snow, 0.09),
            (Biome::Steppe, 0.11),
        ]);
        let open = matches!(biome, Biome::Meadow | Biome::Steppe);
        let lens = Lens {
            focal: d.range(1.0, 1.6),
            horizon: if d.chance(0.8) { d.range(0.1, 0.42) } else { d.range(-0.15, 0.1) },
            height: d.range(0.45, 1.7),
        };
        let palette = palette(biome, &mut d);
        let track = d.chance(0.35).then(|| [d.range(-1.5, 1.5), d.range(-0.6, 0.6), d.range(0.5, 1.6)]);
        let canopy = match biome {
            Biome::Meadow | Biome::Steppe => d.range(0.0, 0.35),
            Biome::Rainforest => d.range(0.6, 0.95),
            _ => d.range(0.25, 0.85),
        };
        let mut site = Site {
            seed,
            biome,
            lens,
            palette,
            trunks: Vec::new(),
            lumps: Vec::new(),
            plants: Vec::new(),
            track,
            strip: Strip::draw(&mut Dice::new(seed, 2)),
            flash: d.range(3.0, 7.0),
            tint: if d.chance(0.7) { [1.0; 3] } else { [d.range(0.94, 1.06), 1.0, d.range(0.92, 1.08)] },
            canopy,
            balance: [d.range(0.86, 1.16), 1.0, d.range(0.84, 1.18)],
            softness: d.unit() * d.unit(),
            grain: d.range(0.6, 1.6),
            layer: Mutex::new(None),
        };
        site.stand_trunks(&mut Dice::new(seed, 3), open);
        site.lay_lumps(&mut Dice::new(seed, 4));
        site.plants = grow::grow(&site, &mut Dice::new(seed, 5));
        site
    }

    /// The seed this site was made from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A number that stays the same for this site, as cameras are numbered.
    pub fn camera(&self) -> &str {
        &self.strip.name
    }

    /// World x in view at distance `z`, from a place across the picture (−1 left edge … 1 right edge of 4:3).
    pub(crate) fn x_at(&self, across: f32, z: f32) -> f32 {
        across * z * (2.0 / 3.0) / self.lens.focal
    }

    fn stand_trunks(&mut self, d: &mut Dice, open: bool) {
        let n = if open { d.below(3) } else { 3 + d.below(14) };
        for _ in 0..n {
            let z = if d.chance(0.12) { d.range(1.6, 4.0) } else { d.range(4.0, 22.0) };
            let radius = d.range(0.06, 0.3) * if d.chance(0.2) { 1.8 } else { 1.0 };
            let across = d.range(-1.35, 1.35);
            if z < 4.0 && across.abs() < 0.65 {
                continue;
            }
            let k = d.range(0.6, 1.35);
            let bark = self.palette.bark.map(|c| c * k);
            self.trunks.push(Trunk {
                x: self.x_at(across, z),
                z,
                radius,
                lean: d.bell() * 0.04,
                bark,
                seed: d.bits() as u32,
            });
        }
    }

    fn lay_lumps(&mut self, d: &mut Dice) {
        for _ in 0..d.below(7) {
            let z = d.range(2.0, 14.0);
            let size = d.range(0.08, 0.5) * (z / 6.0).min(1.0);
            let half = [size * d.range(0.9, 2.0), size * d.range(0.5, 1.0)];
            let rgb = if d.chance(0.6) { self.palette.stone } else { self.palette.bark };
            let k = d.range(0.7, 1.3);
            self.lumps.push(Lump {
                x: self.x_at(d.range(-1.1, 1.1), z),
                z,
                y: half[1] * d.range(0.2, 0.8),
                half,
                rgb: rgb.map(|c| c * k),
                seed: d.bits() as u32,
            });
        }
        for _ in 0..d.below(3) {
            self.lay_mimic(d);
        }
    }

    /// A stump or root plate with the colour and about the shape of an animal: a body, a head, maybe stubs.
    pub(crate) fn lay_mimic(&mut self, d: &mut Dice) {
        let z = d.range(2.5, 11.0);
        let x = self.x_at(d.range(-0.9, 0.9), z);
        let long = d.range(0.25, 0.7) * (z / 5.0).min(1.0);
        let tall = long * d.range(0.35, 0.6);
        let base = d.weighted(&[
            ([0.16, 0.09, 0.05], 1.0),
            ([0.07, 0.05, 0.04], 1.0),
            ([0.2, 0.16, 0.11], 1.0),
            ([0.3, 0.17, 0.08], 0.7),
        ]);
        let side = d.sign();
        let lift = long * d.range(0.1, 0.6);
        let mut add = |dx: f32, y: f32, half: [f32; 2], seed: u64| {
            self.lumps.push(Lump { x: x + dx * side, z, y, half, rgb: base, seed: seed as u32 });
        };
        add(0.0, lift + tall * 0.7, [long, tall], d.bits());
        add(long * d.range(0.8, 1.2), lift + tall * d.range(0.8, 1.7), [long * 0.33, tall * 0.5], d.bits());
        if d.chance(0.6) {
            for k in [-0.7, 0.6] {
                add(k * long, lift * 0.5, [long * 0.12, lift * 0.6 + 0.05], d.bits());
            }
        }
    }

    /// What never moves here, painted once for a picture size and kept for the next frame.
    pub(crate) fn still(&self, width: usize, height: usize, infrared: bool) -> Arc<Canvas> {
        let mut slot = self.layer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((w, h, ir, canvas)) = slot.as_ref()
            && (*w, *h, *ir) == (width, height, infrared)
        {
            return Arc::clone(canvas);
        }
        let view = View::new(self.lens, width, height);
        let mut canvas = Canvas::new(width, height);
        ground::paint(self, &view, &mut canvas, infrared);
        let mut still: Vec<&Plant> = self.plants.iter().filter(|p| !p.moves).collect();
        still.sort_by(|a, b| b.z.total_cmp(&a.z));
        for plant in still {
            plants::draw(plant, &view, &mut canvas, infrared, None);
        }
        let canvas = Arc::new(canvas);
        *slot = Some((width, height, infrared, Arc::clone(&canvas)));
        canvas
    }

    /// A 32-bit seed for textures of this site.
    pub(crate) fn grain_seed(&self, label: u64) -> u32 {
        mix(self.seed, label) as u32
    }
}
