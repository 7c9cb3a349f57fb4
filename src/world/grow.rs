//! What grows at a site, by its country; and twigs that reach in near the lens.

use super::canvas::{Rgb, dim};
use super::dice::Dice;
use super::palette::Biome;
use super::plants::{Form, Plant};
use super::site::Site;

/// Draws a site's plants.
pub(crate) fn grow(site: &Site, d: &mut Dice) -> Vec<Plant> {
    let mut plants = Vec::new();
    let (tufts, ferns, bushes, saplings) = match site.biome {
        Biome::Broadleaf => (10 + d.below(40), d.below(8), 4 + d.below(12), d.below(7)),
        Biome::Conifer => (8 + d.below(40), d.below(8), 4 + d.below(12), d.below(5)),
        Biome::Meadow => (90 + d.below(120), d.below(3), d.below(8), d.below(2)),
        Biome::Rainforest => (4 + d.below(20), 4 + d.below(12), 10 + d.below(14), 2 + d.below(7)),
        Biome::Snow => (2 + d.below(16), 0, 1 + d.below(7), d.below(5)),
        Biome::Steppe => (50 + d.below(90), 0, 2 + d.below(8), d.below(2)),
    };
    let lee = d.range(0.0, 0.7);
    let p = site.palette;
    let dry: Rgb = [0.3, 0.22, 0.1];
    let place = |d: &mut Dice, near: f32, far: f32| {
        let (a, b) = (1.0 / near, 1.0 / far);
        let z = 1.0 / d.range(b, a);
        (site.x_at(d.range(-1.3, 1.3), z), z)
    };
    for _ in 0..tufts {
        let (x, z) = place(d, 1.3, 16.0);
        let tall =
            d.range(0.12, 0.45) * if d.chance(0.15) && z > 3.5 { 1.8 } else { 1.0 } * (z / 2.6).min(1.0);
        let k = d.range(0.7, 1.3);
        let rgb = if d.chance(0.2) { [dry, p.grass[1]] } else { p.grass };
        plants.push(Plant {
            form: Form::Tuft,
            x,
            z,
            root: 0.0,
            tall,
            spread: tall * d.range(0.5, 1.3),
            rgb: rgb.map(|c| dim(c, k)),
            count: 10 + d.below(26),
            seed: d.bits(),
            give: tall * 0.35,
            moves: !d.chance(lee),
        });
    }
    for _ in 0..ferns {
        let (x, z) = place(d, 1.5, 10.0);
        let tall = d.range(0.25, 0.8);
        plants.push(Plant {
            form: Form::Fern,
            x,
            z,
            root: 0.0,
            tall,
            spread: tall * d.range(0.8, 1.4),
            rgb: p.leaf,
            count: 6 + d.below(8),
            seed: d.bits(),
            give: tall * 0.2,
            moves: !d.chance(lee),
        });
    }
    for _ in 0..bushes {
        let (x, z) = if d.chance(0.8) { place(d, 5.0, 20.0) } else { place(d, 2.2, 6.0) };
        let tall = d.range(0.4, 2.2) * (z / 7.0).clamp(0.3, 1.0);
        if z < 7.0 && cleared(site, x, z) {
            continue;
        }
        let k = d.range(0.7, 1.3);
        plants.push(Plant {
            form: Form::Bush,
            x,
            z,
            root: 0.0,
            tall,
            spread: tall * d.range(0.4, 0.9),
            rgb: p.leaf.map(|c| dim(c, k)),
            count: 220 + d.below(380),
            seed: d.bits(),
            give: tall * 0.05,
            moves: !d.chance(lee * 0.8 + 0.2),
        });
    }
    for _ in 0..saplings {
        let (x, z) = place(d, 2.6, 14.0);
        let tall = d.range(1.0, 3.5);
        if z < 5.0 && cleared(site, x, z) {
            continue;
        }
        plants.push(Plant {
            form: Form::Sapling,
            x,
            z,
            root: 0.0,
            tall,
            spread: tall * 0.2,
            rgb: [p.bark, p.leaf[1]],
            count: 40 + d.below(90),
            seed: d.bits(),
            give: tall * 0.1,
            moves: !d.chance(lee),
        });
    }
    if !matches!(site.biome, Biome::Meadow | Biome::Steppe) {
        // Crowns that hang into the upper picture.
        for _ in 0..4 + d.below(12) {
            let z = d.range(6.0, 20.0);
            let x = site.x_at(d.range(-1.3, 1.3), z);
            let root = site.lens.height + z * (site.lens.horizon - d.range(-0.05, 0.25)) / site.lens.focal;
            plants.push(Plant {
                form: Form::Bush,
                x,
                z,
                root,
                tall: d.range(1.0, 2.5),
                spread: d.range(0.8, 2.2),
                rgb: p.leaf,
                count: 100 + d.below(200),
                seed: d.bits(),
                give: 0.12,
                moves: !d.chance(lee * 0.8 + 0.2),
            });
        }
    }
    if d.chance(0.3) {
        plants.push(branch(site, d, 1.3, 2.6));
    }
    plants
}

/// Near the camera's axis, where whoever sets up a camera clears the view.
fn cleared(site: &Site, x: f32, z: f32) -> bool {
    x.abs() < site.x_at(0.6, z)
}

/// A twig reaching into the picture between `near` and `far` metres from the lens.
pub(crate) fn branch(site: &Site, d: &mut Dice, near: f32, far: f32) -> Plant {
    let z = d.range(near, far);
    let side = d.sign();
    let top = site.lens.height + z * site.lens.horizon / site.lens.focal;
    let from_top = d.chance(0.5);
    let (x, root, tall) = if from_top {
        (site.x_at(d.range(-0.9, 0.9), z), top + 0.02, -d.range(0.15, 0.5) * z)
    } else {
        (site.x_at(1.05 * side, z), top - d.range(0.05, 0.6) * z / site.lens.focal, d.range(-0.2, 0.15) * z)
    };
    Plant {
        form: Form::Branch,
        x,
        z,
        root,
        tall,
        spread: if from_top { side * 0.15 * z } else { -side * d.range(0.2, 0.5) * z },
        rgb: [site.palette.bark, site.palette.leaf[1]],
        count: 6 + d.below(18),
        seed: d.bits(),
        give: 0.12 * z,
        moves: true,
    }
}
