//! Who takes part in a burst drawn at random: species, numbers, distance, way.

use super::body::Gait;
use super::dice::Dice;
use super::plan::{Actor, Being, BurstPlan};
use super::site::Site;
use super::species::Species;

impl BurstPlan {
    pub(crate) fn cast_animals(&mut self, site: &Site, d: &mut Dice) {
        let night = site.infrared(self.taken);
        let kinds = if d.chance(0.05) { 2 } else { 1 };
        for _ in 0..kinds {
            let odds = Species::ALL.map(|s| (s, if night { s.activity().0 } else { s.activity().1 }));
            let species = d.weighted(&odds);
            let most = species.group();
            let count = if most > 1 && d.chance(0.4) { 2 + d.below(most - 1) } else { 1 };
            let build = species.build();
            // Apparent length as a share of the picture's width: even on a logarithmic scale.
            let share = 0.05 * libm::expf(d.unit() * if d.chance(0.8) { 2.4 } else { 3.2 });
            let long = build.length + build.head[0] + build.neck[0] * 0.5;
            let mut z = (long * site.lens.focal / (share * 4.0 / 3.0)).clamp(0.7, 24.0);
            if night {
                z = z.min(site.flash * 2.4);
            }
            let heading = way(d);
            let across = if d.chance(0.22) { d.sign() * d.range(0.8, 1.1) } else { d.range(-0.8, 0.8) };
            let gait =
                d.weighted(&[(Gait::Walk, 0.5), (Gait::Run, 0.12), (Gait::Stand, 0.2), (Gait::Graze, 0.18)]);
            for k in 0..count {
                let mut a = Actor::new(site, Being::Animal(species), d.below(40) as u32, z, across);
                if k > 0 {
                    a.z = (a.z + d.bell() * 1.3 * long).clamp(z * 0.6, z * 2.0 + 1.0);
                    a.x = site.x_at(across, a.z) + d.bell() * 1.8 * long;
                    if d.chance(0.25) && species != Species::WoodPigeon {
                        a.scale = d.range(0.5, 0.75);
                    }
                }
                a.scale *= d.range(0.88, 1.1);
                a = a.walking(heading + d.bell() * if k > 0 { 0.4 } else { 0.05 });
                a.gait = gait;
                a.speed *= match gait {
                    Gait::Walk => d.range(0.5, 1.2),
                    Gait::Run => d.range(2.0, 3.2),
                    _ => 0.0,
                };
                a.turn = if d.chance(0.35) { d.bell() * 0.6 } else { 0.0 };
                self.centre(&mut a);
                self.actors.push(a);
            }
        }
    }

    pub(crate) fn cast_people(&mut self, site: &Site, d: &mut Dice) {
        let z = 1.4 * libm::expf(d.unit() * 2.3);
        let z = if site.infrared(self.taken) { z.min(site.flash * 2.2) } else { z };
        let (heading, across) = (way(d), d.range(-0.95, 0.95));
        for k in 0..1 + d.below(3) * usize::from(d.chance(0.4)) {
            let mut a = Actor::new(
                site,
                Being::Person,
                d.below(5000) as u32,
                z + k as f32 * d.range(0.4, 1.5),
                across,
            );
            a = a.walking(heading + d.bell() * 0.1);
            a.x += k as f32 * d.range(-1.2, 1.2);
            a.scale = d.range(0.85, 1.1);
            if d.chance(0.25) {
                (a.gait, a.speed) = (if d.chance(0.3) { Gait::Graze } else { Gait::Stand }, 0.0);
            }
            self.centre(&mut a);
            self.actors.push(a);
        }
    }

    pub(crate) fn cast_vehicle(&mut self, site: &Site, d: &mut Dice) {
        let z = d.range(4.5, 14.0);
        let z = if site.infrared(self.taken) { z.min(site.flash * 2.2).max(4.0) } else { z };
        let mut a = Actor::new(site, Being::Vehicle, d.below(5000) as u32, z, d.range(-0.8, 0.8));
        a = a.walking(d.weighted(&[(0.0, 1.0), (core::f32::consts::PI, 1.0)]) + d.bell() * 0.35);
        a.speed = d.weighted(&[(0.0, 0.3), (1.5, 0.4), (4.0, 0.3)]);
        self.centre(&mut a);
        self.actors.push(a);
    }

    /// Moves the start of an actor's way so that it is at its place in the middle of the burst.
    fn centre(&self, a: &mut Actor) {
        let [x, z] = a.at(-self.middle());
        let nearest = if a.being == Being::Vehicle { 3.2 } else { 0.6 };
        // Nobody walks through the lens: those who would, pass before it.
        let last = z + 2.0 * self.middle() * a.speed * libm::sinf(a.heading);
        (a.x, a.z) = (x, z + (nearest - z.min(last)).max(0.0));
    }
}

/// A way across the picture: mostly sideways, sometimes towards the camera or away.
fn way(d: &mut Dice) -> f32 {
    let side = d.weighted(&[(0.0, 1.0), (core::f32::consts::PI, 1.0)]);
    if d.chance(0.75) { side + d.bell() * 0.25 } else { d.range(0.0, core::f32::consts::TAU) }
}
