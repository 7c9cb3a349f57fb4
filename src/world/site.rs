//! A place with a camera: what grows and lies there, where the camera looks from, and how it prints its strip.

use std::sync::{Arc, Mutex};

use super::canvas::{Canvas, Rgb};
use super::dice::{Dice, mix};
use super::ground;
use super::lens::{Lens, View};
use super::plants::{self, Plant};
use super::strip::Strip;

/// What kind of country a site lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Biome {
    Broadleaf,
    Conifer,
    Meadow,
    Rainforest,
    Snow,
    Steppe,
}

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

/// The colours of a site.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    pub(crate) soil: Rgb,
    pub(crate) litter: [Rgb; 3],
    pub(crate) leaf: [Rgb; 2],
    pub(crate) grass: [Rgb; 2],
    pub(crate) wall: Rgb,
    pub(crate) sky: Rgb,
    pub(crate) bark: Rgb,
    pub(crate) stone: Rgb,
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
        site.plants = plants::grow(&site, &mut Dice::new(seed, 5));
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

/// Reflectances of the biomes, each shifted a little by chance. Values are by eye from camera-trap pictures.
fn palette(biome: Biome, d: &mut Dice) -> Palette {
    let green = d.range(0.8, 1.25);
    let base = match biome {
        Biome::Broadleaf => Palette {
            soil: [0.13, 0.09, 0.06],
            litter: [[0.26, 0.16, 0.08], [0.17, 0.11, 0.06], [0.32, 0.23, 0.13]],
            leaf: [[0.07, 0.15, 0.03], [0.14, 0.22, 0.05]],
            grass: [[0.1, 0.18, 0.04], [0.2, 0.22, 0.08]],
            wall: [0.05, 0.08, 0.03],
            sky: [0.75, 0.85, 0.95],
            bark: [0.15, 0.12, 0.09],
            stone: [0.25, 0.24, 0.22],
        },
        Biome::Conifer => Palette {
            soil: [0.11, 0.08, 0.05],
            litter: [[0.16, 0.1, 0.06], [0.1, 0.12, 0.04], [0.22, 0.15, 0.08]],
            leaf: [[0.03, 0.08, 0.03], [0.06, 0.12, 0.04]],
            grass: [[0.08, 0.14, 0.04], [0.17, 0.19, 0.08]],
            wall: [0.025, 0.04, 0.02],
            sky: [0.7, 0.8, 0.95],
            bark: [0.13, 0.09, 0.07],
            stone: [0.3, 0.3, 0.28],
        },
        Biome::Meadow => Palette {
            soil: [0.14, 0.13, 0.06],
            litter: [[0.16, 0.2, 0.06], [0.22, 0.22, 0.1], [0.12, 0.17, 0.05]],
            leaf: [[0.08, 0.16, 0.04], [0.15, 0.25, 0.07]],
            grass: [[0.13, 0.23, 0.05], [0.28, 0.3, 0.11]],
            wall: [0.06, 0.1, 0.04],
            sky: [0.55, 0.72, 0.98],
            bark: [0.18, 0.15, 0.12],
            stone: [0.32, 0.31, 0.28],
        },
        Biome::Rainforest => Palette {
            soil: [0.1, 0.065, 0.04],
            litter: [[0.18, 0.1, 0.05], [0.11, 0.1, 0.04], [0.22, 0.15, 0.07]],
            leaf: [[0.04, 0.12, 0.025], [0.11, 0.2, 0.04]],
            grass: [[0.07, 0.15, 0.03], [0.16, 0.2, 0.06]],
            wall: [0.02, 0.045, 0.015],
            sky: [0.8, 0.88, 0.85],
            bark: [0.16, 0.13, 0.1],
            stone: [0.2, 0.19, 0.17],
        },
        Biome::Snow => Palette {
            soil: [0.74, 0.77, 0.82],
            litter: [[0.7, 0.73, 0.78], [0.8, 0.82, 0.85], [0.4, 0.36, 0.3]],
            leaf: [[0.04, 0.07, 0.04], [0.2, 0.15, 0.09]],
            grass: [[0.3, 0.24, 0.13], [0.4, 0.33, 0.2]],
            wall: [0.05, 0.06, 0.06],
            sky: [0.8, 0.85, 0.9],
            bark: [0.12, 0.09, 0.075],
            stone: [0.5, 0.5, 0.52],
        },
        Biome::Steppe => Palette {
            soil: [0.3, 0.22, 0.14],
            litter: [[0.38, 0.3, 0.18], [0.27, 0.2, 0.12], [0.42, 0.36, 0.26]],
            leaf: [[0.12, 0.15, 0.07], [0.2, 0.22, 0.12]],
            grass: [[0.36, 0.28, 0.13], [0.46, 0.37, 0.18]],
            wall: [0.14, 0.13, 0.09],
            sky: [0.5, 0.68, 0.97],
            bark: [0.17, 0.13, 0.1],
            stone: [0.42, 0.38, 0.33],
        },
    };
    let mut shift = |c: Rgb| {
        let k = d.range(0.8, 1.25);
        [c[0] * k * d.range(0.9, 1.1), c[1] * k, c[2] * k * d.range(0.88, 1.12)]
    };
    let lush = |c: Rgb| [c[0], c[1] * green, c[2]];
    Palette {
        soil: shift(base.soil),
        litter: base.litter.map(&mut shift),
        leaf: base.leaf.map(|c| lush(shift(c))),
        grass: base.grass.map(|c| lush(shift(c))),
        wall: shift(base.wall),
        sky: shift(base.sky),
        bark: shift(base.bark),
        stone: shift(base.stone),
    }
}
