//! One frame: still layer, plants in the wind, actors, light, strip, and the truth counted from what can be seen.

use super::body::{Body, Pose};
use super::canvas::Canvas;
use super::dice::{Dice, mix};
use super::flank::{self, Spot};
use super::grow;
use super::lens::View;
use super::light::Lamp;
use super::looks;
use super::plan::{Actor, Being, BurstPlan, Cause};
use super::plants::{self, Plant, Wind};
use super::site::Site;
use super::species::Species;
use super::sprite::{self, Light, Parts, Sprite, Stand};
use super::upright;
use super::vehicle::{self, Make};
use super::weather::{self, Glow};
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
        self.shot(plan, frame, size, false).0
    }

    /// The same frame, and where the flank of its first actor lies in it (`flank::grid`, in pixels), if it is an animal.
    pub(crate) fn render_flank(
        &self,
        plan: &BurstPlan,
        frame: usize,
        size: (u32, u32),
    ) -> (Frame, Option<Vec<Spot>>) {
        self.shot(plan, frame, size, true)
    }

    fn shot(
        &self,
        plan: &BurstPlan,
        frame: usize,
        size: (u32, u32),
        lies: bool,
    ) -> (Frame, Option<Vec<Spot>>) {
        let (width, height) = (size.0.max(16) as usize, size.1.max(16) as usize);
        let view = View::new(self.lens, width, height);
        let lamp = Lamp::new(self, plan, frame, &view);
        let time = plan.elapsed(frame);
        let wind = Wind { force: plan.wind, time, seed: plan.seed as u32 };
        let mut canvas = self.still(width, height, lamp.infrared).as_ref().clone();

        let near = (plan.cause == Cause::Branch)
            .then(|| grow::branch(self, &mut Dice::new(plan.seed, 50), 0.45, 1.2));
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
        let mut glows = weather::nuisances(plan, frame, lamp.infrared, &view);
        if lamp.infrared {
            for drawn in &cast {
                glows.extend(drawn.eyes.iter().filter(|e| sees(&canvas, e.at, drawn.owner)));
            }
        }
        let mut rgb = lamp.expose(self, &canvas, &view, &glows);
        let celsius = (14.0 - 9.0 * libm::cosf((plan.hour() - 3.0) / 12.0 * core::f32::consts::PI)) as i32;
        self.strip.print(&mut rgb, plan.taken_at(frame), celsius);
        let truth = self.count(plan, &canvas, &cast, &lamp, height);
        let spots = if lies { flank_of(plan, time, &view, &canvas) } else { None };
        // The picture was shaken after the body was drawn.
        let shaken = |s: Spot| Spot { at: [s.at[0] - lamp.shake[0], s.at[1] - lamp.shake[1]], ..s };
        let spots = spots.map(|spots| spots.into_iter().map(shaken).collect());
        (Frame { rgb, truth, infrared: lamp.infrared }, spots)
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
    let light = Light { infrared: lamp.infrared, side: lamp.side };
    let (stand, mut pose, mut own) = moment(plan, k, actor, time);
    let [x, z] = [stand.x, stand.z];
    let mut eyes = Vec::new();
    let (drawn, footprint) = match actor.being {
        Being::Animal(species) => {
            let build = species.build();
            let body = posed(species, actor, pose, time);
            let fur = looks::fur(species, &build, actor);
            eyes = eye_shine(&body, &stand, view, &mut own);
            let parts = Parts { limbs: &body.limbs, faces: &[], fur: Some(&fur), width: build.width };
            (sprite::draw(&parts, &stand, view, light), build.length * actor.scale)
        }
        Being::Person => {
            pose.phase += actor.speed * time / (0.62 / 0.6);
            let mut body = upright::person(1.75, &looks::dress(actor.individual), &pose);
            body.grow(actor.scale);
            let parts = Parts { limbs: &body.limbs, faces: &[], fur: None, width: 1.0 };
            (sprite::draw(&parts, &stand, view, light), 0.6)
        }
        Being::Vehicle => {
            let mut d = Dice::new(actor.individual as u64, 71);
            let make = d.weighted(&[(Make::Car, 1.0), (Make::Pickup, 0.8), (Make::Quad, 0.6)]);
            let faces = vehicle::faces(make, looks::cloth(&mut d), &stand);
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

/// Where an actor stands and how it holds itself; and its own dice, for what is left to chance.
fn moment(plan: &BurstPlan, k: usize, actor: &Actor, time: f32) -> (Stand, Pose, Dice) {
    let [x, z] = actor.at(time);
    let stand = Stand { x, z, heading: [libm::cosf(actor.heading), libm::sinf(actor.heading)] };
    let mut own = Dice::new(mix(plan.seed, k as u64), actor.individual as u64);
    let mut now = Dice::new(mix(plan.seed, 60 + k as u64), (time * 1000.0) as u64);
    let phase = own.unit();
    let whim = own.range(-1.0, 1.0) * 0.8 + now.range(-0.2, 0.2);
    let turn =
        actor.turn + if actor.gait == super::Gait::Stand { now.bell() * 0.2 } else { now.bell() * 0.05 };
    let male = actor.individual.is_multiple_of(2) && actor.scale > 0.8;
    (stand, Pose { gait: actor.gait, phase, turn, male, whim }, own)
}

/// The body of an animal at that moment, at its own size.
fn posed(species: Species, actor: &Actor, mut pose: Pose, time: f32) -> Body {
    let shoulder = species.build().shoulder;
    let stride = shoulder * actor.scale * if actor.gait == super::Gait::Run { 0.85 } else { 0.5 } / 0.6;
    pose.phase += actor.speed * time / stride;
    let mut body = Body::of(species, &pose);
    body.grow(actor.scale);
    body
}

/// Where the flank of the first actor lies.
fn flank_of(plan: &BurstPlan, time: f32, view: &View, canvas: &Canvas) -> Option<Vec<Spot>> {
    let actor = plan.actors.first()?;
    let Being::Animal(species) = actor.being else { return None };
    let (stand, pose, _) = moment(plan, 0, actor, time);
    let body = posed(species, actor, pose, time);
    flank::lie(species, &body, species.build().width, &stand, view, canvas, 1)
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
