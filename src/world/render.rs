//! One frame: still layer, plants in the wind, actors, light, strip, and the truth counted from what can be seen.

use super::body::{self, Body, Dress, Pose};
use super::canvas::Canvas;
use super::coat::Fur;
use super::dice::{Dice, mix};
use super::lens::View;
use super::light::{self, Glow, Lamp};
use super::plan::{Actor, Being, BurstPlan, Cause};
use super::plants::{self, Plant, Wind};
use super::site::Site;
use super::sprite::{self, Light, Parts, Sprite, Stand};
use super::vehicle::{self, Make};
use super::{Category, Frame, Truth};

/// Fewest visible pixels that put an actor into the truth.
const LEAST_PIXELS: u32 = 40;

/// Something that is drawn afresh in every frame.
enum Mover<'a> {
    Plant(&'a Plant),
    Actor(usize),
}

impl Site {
    /// Renders one frame of a burst at `size` (width, height in pixels), with its truth.
    ///
    /// The scene does not depend on the size: a larger picture shows the same in more pixels. A wider shape shows
    /// more to the sides. The last still layer is kept, so rendering the frames of a burst in a row is fastest.
    pub fn render(&self, plan: &BurstPlan, frame: usize, size: (u32, u32)) -> Frame {
        let (width, height) = (size.0.max(16) as usize, size.1.max(16) as usize);
        let view = View::new(self.lens, width, height);
        let lamp = Lamp::new(self, plan, frame, &view);
        let time = plan.elapsed(frame);
        let wind = Wind { force: plan.wind, time, seed: plan.seed as u32 };
        let mut canvas = self.still(width, height, lamp.infrared).as_ref().clone();

        let near = (plan.cause == Cause::Branch)
            .then(|| plants::branch(self, &mut Dice::new(plan.seed, 50), 0.45, 1.2));
        let mut movers: Vec<(f32, Mover)> = self
            .plants
            .iter()
            .filter(|p| p.moves)
            .chain(near.iter())
            .map(|p| (p.z, Mover::Plant(p)))
            .collect();
        movers.extend(plan.actors.iter().enumerate().map(|(k, a)| (a.at(time)[1], Mover::Actor(k))));
        movers.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut cast: Vec<Drawn> = Vec::new();
        for (_, mover) in &movers {
            match mover {
                Mover::Plant(plant) => plants::draw(plant, &view, &mut canvas, lamp.infrared, Some(&wind)),
                Mover::Actor(k) => cast.extend(draw_actor(plan, *k, time, &view, &mut canvas, &lamp)),
            }
        }
        let mut glows = light::nuisances(plan, frame, lamp.infrared, &view);
        if lamp.infrared {
            for drawn in &cast {
                glows.extend(drawn.eyes.iter().filter(|e| sees(&canvas, e.at, drawn.owner)));
            }
        }
        let mut rgb = lamp.expose(self, &canvas, &view, &glows);
        let celsius = (14.0 - 9.0 * libm::cosf((plan.hour() - 3.0) / 12.0 * core::f32::consts::PI)) as i32;
        self.strip.print(&mut rgb, plan.taken_at(frame), celsius);
        let truth = self.count(plan, &canvas, &cast, &lamp, height);
        Frame { rgb, truth, infrared: lamp.infrared }
    }

    /// Counts the visible pixels of every actor: not those shaken out of the picture nor those under the strip.
    fn count(
        &self,
        plan: &BurstPlan,
        canvas: &Canvas,
        cast: &[Drawn],
        lamp: &Lamp,
        height: usize,
    ) -> Vec<Truth> {
        let (dx, dy) = (lamp.shake[0].round() as isize, lamp.shake[1].round() as isize);
        let (w, bottom) = (canvas.width as isize, self.strip.top(height) as isize);
        let mut boxes = vec![(0_u32, [isize::MAX, isize::MAX, 0, 0]); plan.actors.len() + 1];
        for (at, &owner) in canvas.owners.iter().enumerate() {
            if owner == 0 {
                continue;
            }
            let (x, y) = (at as isize % w - dx, at as isize / w - dy);
            if x < 0 || y < 0 || x >= w || y >= bottom {
                continue;
            }
            if let Some((n, b)) = boxes.get_mut(owner as usize) {
                *n += 1;
                *b = [b[0].min(x), b[1].min(y), b[2].max(x + 1), b[3].max(y + 1)];
            }
        }
        let mut truth = Vec::new();
        for (k, actor) in plan.actors.iter().enumerate() {
            let (Some(&(pixels, b)), Some(drawn)) =
                (boxes.get(k + 1), cast.iter().find(|d| d.owner as usize == k + 1))
            else {
                continue;
            };
            if pixels < LEAST_PIXELS {
                continue;
            }
            let share = |v: isize, of: usize| v as f32 / of as f32;
            let (category, species) = match actor.being {
                Being::Animal(species) => (Category::Animal, Some(species)),
                Being::Person => (Category::Person, None),
                Being::Vehicle => (Category::Vehicle, None),
            };
            truth.push(Truth {
                bbox: [
                    share(b[0], canvas.width),
                    share(b[1], height),
                    share(b[2] - b[0], canvas.width),
                    share(b[3] - b[1], height),
                ],
                category,
                species,
                individual: actor.individual,
                visible: (pixels as f32 / drawn.whole.max(1.0)).min(1.0),
                pixels,
            });
        }
        truth
    }
}

/// An actor as it was drawn.
struct Drawn {
    owner: u8,
    whole: f32,
    eyes: Vec<Glow>,
}

fn sees(canvas: &Canvas, at: [f32; 2], owner: u8) -> bool {
    let (x, y) = (at[0].floor(), at[1].floor());
    if x < 0.0 || y < 0.0 || x >= canvas.width as f32 || y >= canvas.height as f32 {
        return false;
    }
    canvas.owners[y as usize * canvas.width + x as usize] == owner
}

fn draw_actor(
    plan: &BurstPlan,
    k: usize,
    time: f32,
    view: &View,
    canvas: &mut Canvas,
    lamp: &Lamp,
) -> Option<Drawn> {
    let actor = plan.actors.get(k)?;
    let owner = u8::try_from(k + 1).ok()?;
    let [x, z] = actor.at(time);
    let stand = Stand { x, z, heading: [libm::cosf(actor.heading), libm::sinf(actor.heading)] };
    let light = Light { infrared: lamp.infrared, side: lamp.side };
    let mut own = Dice::new(mix(plan.seed, k as u64), actor.individual as u64);
    let mut now = Dice::new(mix(plan.seed, 60 + k as u64), (time * 1000.0) as u64);
    let phase = own.unit();
    let whim = own.range(-1.0, 1.0) * 0.8 + now.range(-0.2, 0.2);
    let turn =
        actor.turn + if actor.gait == super::Gait::Stand { now.bell() * 0.2 } else { now.bell() * 0.05 };
    let mut pose =
        Pose { gait: actor.gait, phase, turn, male: actor.individual % 2 == 0 && actor.scale > 0.8, whim };
    let mut eyes = Vec::new();
    let (drawn, footprint) = match actor.being {
        Being::Animal(species) => {
            let build = species.build();
            let stride =
                build.shoulder * actor.scale * if actor.gait == super::Gait::Run { 0.85 } else { 0.5 } / 0.6;
            pose.phase += actor.speed * time / stride;
            let mut body = Body::of(species, &pose);
            let fur = fur(species, &build, actor);
            body.grow(actor.scale);
            eyes = eye_shine(&body, &stand, view, &mut own);
            let parts = Parts { limbs: &body.limbs, faces: &[], fur: Some(&fur), width: build.width };
            (sprite::draw(&parts, &stand, view, light), build.length * actor.scale)
        }
        Being::Person => {
            pose.phase += actor.speed * time / (0.62 / 0.6);
            let mut body = body::person(1.75, &dress(actor.individual), &pose);
            body.grow(actor.scale);
            let parts = Parts { limbs: &body.limbs, faces: &[], fur: None, width: 1.0 };
            (sprite::draw(&parts, &stand, view, light), 0.6)
        }
        Being::Vehicle => {
            let mut d = Dice::new(actor.individual as u64, 71);
            let make = d.weighted(&[(Make::Car, 1.0), (Make::Pickup, 0.8), (Make::Quad, 0.6)]);
            let faces = vehicle::faces(make, cloth(&mut d), &stand);
            let parts = Parts { limbs: &[], faces: &faces, fur: None, width: 1.0 };
            (sprite::draw(&parts, &stand, view, light), if make == Make::Quad { 1.6 } else { 4.2 })
        }
    };
    let mut drawn: Sprite = drawn?;
    let s = view.scale(z);
    let along = stand.heading[0].abs().max(0.35);
    canvas.shadow(
        view.pixel([x, 0.0, z]),
        [footprint * s * 0.75 * along, footprint * s * 0.16],
        z,
        1.2,
        if lamp.infrared { 0.35 } else { 0.6 },
    );
    // Shutter times about 1/25 s in infrared and 1/120 s by day.
    let open = if lamp.infrared { 0.04 } else { 0.008 };
    drawn.smear((actor.speed * stand.heading[0].abs() * open * s) as usize);
    drawn.put(canvas, owner);
    Some(Drawn { owner, whole: drawn.whole, eyes })
}

fn fur(species: super::Species, build: &super::species::Build, actor: &Actor) -> Fur {
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
fn cloth(d: &mut Dice) -> [f32; 3] {
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

fn dress(individual: u32) -> Dress {
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

/// Eyes that look into the flash shine back.
fn eye_shine(body: &Body, stand: &Stand, view: &View, d: &mut Dice) -> Vec<Glow> {
    let strength = d.range(0.5, 1.3);
    let [c, s] = stand.heading;
    let mut glows = Vec::new();
    for (eye, look) in &body.eyes {
        let at = stand.place(*eye);
        // The share of the look that goes towards the camera (−z).
        let facing = -(look[0] * s + look[2] * c);
        if facing > 0.25 && at[2] > 0.2 {
            let r = (body.eye_radius * view.scale(at[2]) * 1.5).max(0.9 * view.height / 480.0);
            let level = strength * facing;
            glows.push(Glow {
                at: view.pixel(at),
                half: [r * 1.4, r * 1.4],
                rgb: [1.3 * level; 3],
                cover: 0.8,
            });
            glows.push(Glow {
                at: view.pixel(at),
                half: [r * 3.0, r * 3.0],
                rgb: [0.25 * level; 3],
                cover: 0.0,
            });
        }
    }
    glows
}

impl Body {
    /// Scales a body about the ground point under it; textures keep their place on it.
    fn grow(&mut self, by: f32) {
        let scale = |p: &mut [f32; 3]| *p = p.map(|v| v * by);
        for limb in &mut self.limbs {
            scale(&mut limb.a);
            scale(&mut limb.b);
            limb.ra *= by;
            limb.rb *= by;
        }
        for (eye, _) in &mut self.eyes {
            scale(eye);
        }
        self.eye_radius *= by;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Gait, Species, Weather};
    use chrono::{NaiveDate, NaiveDateTime};
    use sha2::{Digest, Sha256};

    fn at(hour: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2025, 6, 1).unwrap().and_hms_opt(hour, 0, 0).unwrap()
    }

    /// An open site without things in front of the middle.
    fn bare() -> Site {
        let mut site = Site::new(21);
        site.plants.clear();
        site.trunks.clear();
        site.lumps.clear();
        site
    }

    fn alone(site: &Site, species: Species, hour: u32, distance: f32, across: f32) -> BurstPlan {
        let mut plan = BurstPlan::quiet(at(hour), 5);
        plan.weather = Weather::Overcast;
        plan.cause = Cause::Animal;
        plan.actors.push(Actor::new(site, Being::Animal(species), 3, distance, across));
        plan
    }

    /// The same seed must give the same bytes everywhere: these digests were taken on x86-64 Linux.
    #[test]
    fn golden_frames() {
        let mut digests = String::new();
        for seed in [1, 2, 3] {
            let site = Site::new(seed);
            for n in 0..3 {
                let plan = BurstPlan::draw_with(&site, 77, n, 0.2);
                let frame = site.render(&plan, 1, (96, 72));
                let digest = Sha256::digest(frame.rgb.as_raw());
                digests.push_str(&format!(
                    "{:02x}{:02x}{:02x}{:02x} ",
                    digest[0], digest[1], digest[2], digest[3]
                ));
            }
        }
        assert_eq!(digests.trim_end(), GOLDEN);
    }

    const GOLDEN: &str = "e215f26a 0de85c32 24c5a0fc d2e37bcd d7c3d2f1 cfcd5e06 ba56d1c4 3bb09829 36a68cba";

    #[test]
    fn a_frame_does_not_depend_on_what_was_rendered_before() {
        let site = Site::new(4);
        let plan = BurstPlan::draw_with(&site, 9, 2, 0.0);
        let first = site.render(&plan, 1, (120, 90));
        let _ = site.render(&BurstPlan::quiet(at(1), 3), 0, (64, 48));
        let again = Site::new(4).render(&plan, 1, (120, 90));
        assert_eq!(first.rgb.as_raw(), again.rgb.as_raw());
        assert_eq!(first.truth, again.truth);
    }

    #[test]
    fn the_box_holds_the_pixels_that_differ_from_the_empty_scene() {
        let site = bare();
        for hour in [12, 0] {
            let plan = alone(&site, Species::RoeDeer, hour, 4.0, 0.1);
            let mut empty = plan.clone();
            empty.actors.clear();
            let (with, without) = (site.render(&plan, 0, (320, 240)), site.render(&empty, 0, (320, 240)));
            let truth = &with.truth[0];
            let [x, y, w, h] = truth.bbox.map(f64::from);
            // Exposure shifts a little with the animal: only strong differences count.
            let (mut inside, mut outside) = (0, 0);
            for (px, py, a) in with.rgb.enumerate_pixels() {
                let b = without.rgb.get_pixel(px, py);
                if (0..3).map(|i| a.0[i].abs_diff(b.0[i])).max() < Some(60) {
                    continue;
                }
                let (u, v) = ((f64::from(px) + 0.5) / 320.0, (f64::from(py) + 0.5) / 240.0);
                // Three pixels of room for the lens blur and, below the feet, the shadow.
                let within = u > x - 0.01 && u < x + w + 0.01 && v > y - 0.0125 && v < y + h + 0.03;
                if within { inside += 1 } else { outside += 1 }
            }
            assert!(inside > 300, "hour {hour}: {inside} pixels changed in the box");
            assert!(outside * 50 < inside, "hour {hour}: {outside} outside, {inside} inside");
            assert!(truth.visible > 0.97, "nothing hides it: {}", truth.visible);
        }
    }

    #[test]
    fn size_follows_distance_and_picture() {
        let site = bare();
        let height = |distance: f32, size| {
            let plan = alone(&site, Species::GreyWolf, 12, distance, 0.0);
            let frame = site.render(&plan, 0, size);
            (frame.truth[0].bbox[3], frame.truth[0].pixels)
        };
        let (near, far) = (height(4.0, (320, 240)), height(8.0, (320, 240)));
        assert!((near.0 / far.0 - 2.0).abs() < 0.25, "half the distance, twice the height: {near:?} {far:?}");
        let large = height(4.0, (640, 480));
        assert!((large.0 - near.0).abs() < 0.015, "same share of a larger picture");
        assert!(
            (large.1 as f32 / near.1 as f32 - 4.0).abs() < 0.25,
            "four times the pixels: {near:?} {large:?}"
        );
    }

    #[test]
    fn what_stands_before_an_animal_hides_it_and_the_edge_cuts_it() {
        let site = bare();
        let plan = alone(&site, Species::BrownBear, 12, 6.0, 0.0);
        let free = site.render(&plan, 0, (320, 240)).truth[0].clone();
        let trunk =
            super::super::site::Trunk { x: 0.0, z: 4.0, radius: 0.25, lean: 0.0, bark: [0.1; 3], seed: 1 };
        let mut site = bare();
        site.trunks.push(trunk);
        let hidden = site.render(&plan, 0, (320, 240)).truth[0].clone();
        assert!(hidden.visible < free.visible - 0.1, "{} {}", hidden.visible, free.visible);
        let edge =
            bare().render(&alone(&site, Species::BrownBear, 12, 6.0, 1.0), 0, (320, 240)).truth[0].clone();
        assert!((0.2..0.8).contains(&edge.visible), "half outside: {}", edge.visible);
        assert!(edge.bbox[0] + edge.bbox[2] > 0.999);
        // Far behind the trees at the end of the ground it is too small or hidden: not in the truth.
        assert!(
            bare().render(&alone(&site, Species::RedSquirrel, 12, 36.0, 0.0), 0, (160, 120)).truth.is_empty()
        );
    }

    #[test]
    fn wind_moves_plants_and_hot_ground_moves_nothing() {
        let site = Site::new(11);
        let changed = |cause: Cause, wind: f32| {
            let mut plan = BurstPlan::quiet(at(12), 8);
            (plan.cause, plan.wind, plan.weather) = (cause, wind, Weather::Overcast);
            let (a, b) = (site.render(&plan, 0, (320, 240)).rgb, site.render(&plan, 1, (320, 240)).rgb);
            let top = site.strip.top(240);
            let far = |(p, q): (&u8, &u8)| usize::from(p.abs_diff(*q) > 40);
            a.as_raw().iter().zip(b.as_raw()).take(top * 320 * 3).map(far).sum::<usize>()
        };
        let (calm, windy) = (changed(Cause::HotGround, 0.0), changed(Cause::Wind, 0.9));
        assert!(calm < 60, "{calm} values changed in the calm");
        assert!(windy > 600, "{windy} values changed in the wind");
    }

    #[test]
    fn night_is_grey_and_the_coat_of_an_individual_stays() {
        let site = bare();
        let frame = site.render(&alone(&site, Species::EurasianLynx, 1, 3.0, 0.0), 0, (160, 120));
        assert!(frame.infrared);
        let coat = |individual| {
            let mut actor = Actor::new(&site, Being::Animal(Species::EurasianLynx), individual, 3.0, 0.0);
            actor.gait = Gait::Stand;
            let fur = fur(Species::EurasianLynx, &Species::EurasianLynx.build(), &actor);
            let spot = |k: usize| {
                fur.colour(
                    super::super::coat::Region::Trunk,
                    [k as f32 * 0.004 - 0.3, 0.5, 0.12],
                    [0.0, 0.1, 0.99],
                )
            };
            (0..150).map(spot).map(|c| super::super::canvas::luma(c) < 0.12).collect::<Vec<bool>>()
        };
        assert_eq!(coat(4), coat(4));
        assert_ne!(coat(4), coat(5));
    }
}
