//! What tells individuals apart: shade and markings of coats, clothes, paint.

use super::builds::Build;
use super::coat::Fur;
use super::dice::{Dice, mix};
use super::plan::Actor;
use super::species::Species;
use super::upright::Dress;

/// The coat of an individual.
pub(crate) fn fur(species: Species, build: &Build, actor: &Actor) -> Fur {
    let mut d = Dice::new(mix(species as u64, 81), actor.individual as u64);
    let mut coat = species.coat();
    let (k, warm) = (d.range(0.78, 1.25), d.range(0.93, 1.07));
    for c in [&mut coat.back, &mut coat.flank, &mut coat.belly, &mut coat.leg, &mut coat.head, &mut coat.tail]
    {
        *c = [c[0] * k * warm, c[1] * k, c[2] * k / warm];
    }
    Fur { coat, seed: d.bits() as u32, size: build.shoulder, half: build.length * 0.5 }
}

/// Colour of clothes or paint.
pub(crate) fn cloth(d: &mut Dice) -> [f32; 3] {
    if d.chance(0.45) {
        let grey = d.range(0.02, 0.6);
        return [grey * d.range(0.85, 1.15), grey, grey * d.range(0.8, 1.15)];
    }
    d.weighted(&[
        ([0.55, 0.05, 0.04], 1.0),
        ([0.04, 0.1, 0.4], 1.2),
        ([0.05, 0.2, 0.07], 1.0),
        ([0.75, 0.3, 0.03], 0.7),
        ([0.7, 0.6, 0.08], 0.5),
        ([0.12, 0.11, 0.06], 1.5),
        ([0.3, 0.06, 0.25], 0.4),
        ([0.1, 0.35, 0.5], 0.6),
    ])
}

/// The clothes of a person.
pub(crate) fn dress(individual: u32) -> Dress {
    let mut d = Dice::new(u64::from(individual), 72);
    let skin = d.weighted(&[([0.55, 0.36, 0.26], 1.0), ([0.35, 0.2, 0.12], 0.6), ([0.12, 0.07, 0.045], 0.5)]);
    let jacket = cloth(&mut d);
    let trousers = d.weighted(&[
        ([0.03, 0.04, 0.08], 1.0),
        ([0.1, 0.09, 0.06], 1.0),
        ([0.03, 0.03, 0.03], 1.0),
        ([0.2, 0.18, 0.13], 0.7),
    ]);
    let hat = if d.chance(0.4) {
        cloth(&mut d)
    } else {
        d.weighted(&[([0.03, 0.02, 0.015], 1.0), ([0.15, 0.09, 0.04], 1.0), ([0.4, 0.3, 0.15], 0.5)])
    };
    let pack = d.chance(0.4).then(|| cloth(&mut d));
    Dress { jacket, trousers, skin, hat, pack }
}
