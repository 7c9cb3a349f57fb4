//! The kinds of country and their colours.

use super::canvas::Rgb;
use super::dice::Dice;

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

/// Reflectances of the biomes, each shifted a little by chance. Values are by eye from camera-trap pictures.
pub(crate) fn palette(biome: Biome, d: &mut Dice) -> Palette {
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
