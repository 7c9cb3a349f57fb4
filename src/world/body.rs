//! Skeletons: from a build, a pose and a moment to the tapered limbs that are drawn.
//!
//! Body axes: x forward, y up, z to the animal's left; the origin is on the ground under the middle of the trunk.
//! Legs are solved from the feet: the foot follows the gait, the knee or elbow goes where two bones allow.

use super::builds::Build;
use super::coat::Region;
use super::species::Species;
use super::upright;

/// A point or direction in body axes, metres.
pub(crate) type Point = [f32; 3];

/// A tapered limb: from `a` with radius `ra` to `b` with radius `rb`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limb {
    pub(crate) a: Point,
    pub(crate) b: Point,
    pub(crate) ra: f32,
    pub(crate) rb: f32,
    /// The same ends at rest: where textures are looked up.
    pub(crate) rest: [Point; 2],
    pub(crate) region: Region,
    /// Roughness of the outline, share of the radius.
    pub(crate) fur: f32,
}

/// What an animal is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gait {
    /// Standing, head up.
    Stand,
    /// Standing or stepping with the head to the ground.
    Graze,
    /// Walking.
    Walk,
    /// Trotting or bounding.
    Run,
}

/// A body at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pose {
    pub(crate) gait: Gait,
    /// Position in the stride, in strides.
    pub(crate) phase: f32,
    /// Head turned to its left (+) or right (−), radians.
    pub(crate) turn: f32,
    /// Carries antlers.
    pub(crate) male: bool,
    /// −1…1: this moment's own variation of head and tail.
    pub(crate) whim: f32,
}

/// The limbs of a body and where its eyes are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    pub(crate) limbs: Vec<Limb>,
    /// Eye centres with the direction they look.
    pub(crate) eyes: Vec<(Point, Point)>,
    pub(crate) eye_radius: f32,
}

pub(crate) fn add(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// From `a` a length `l` at angle `angle` above forward, in the x–y plane.
pub(crate) fn along(a: Point, l: f32, angle: f32) -> Point {
    add(a, [l * libm::cosf(angle), l * libm::sinf(angle), 0.0])
}

impl Body {
    /// Adds a limb whose textures rest where it is.
    pub(crate) fn limb(&mut self, a: Point, b: Point, ra: f32, rb: f32, region: Region, fur: f32) {
        self.limbs.push(Limb { a, b, ra, rb, rest: [a, b], region, fur });
    }

    /// The body of a species in a pose.
    pub(crate) fn of(species: Species, pose: &Pose) -> Body {
        let b = species.build();
        match species {
            Species::WoodPigeon => upright::bird(&b, pose),
            _ => quadruped(&b, pose, species == Species::WildBoar),
        }
    }
}

/// Where a foot is in its stride: metres forward of its hip, metres above ground.
pub(crate) fn step(phase: f32, stride: f32, lift: f32) -> (f32, f32) {
    let t = phase - phase.floor();
    if t < 0.6 {
        (stride * (0.5 - t / 0.6), 0.0)
    } else {
        let u = (t - 0.6) / 0.4;
        (stride * (u - 0.5), lift * libm::sinf(u * core::f32::consts::PI))
    }
}

/// The joint between bones of lengths `l0` and `l1` from `a` to `b`, bent forward (+1) or back (−1).
pub(crate) fn joint(a: Point, b: Point, l0: f32, l1: f32, bend: f32) -> Point {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let d = (dx * dx + dy * dy).sqrt().clamp(1e-4, (l0 + l1) * 0.999);
    let along = (l0 * l0 - l1 * l1 + d * d) / (2.0 * d);
    let off = (l0 * l0 - along * along).max(0.0).sqrt() * bend;
    let (ux, uy) = (dx / d, dy / d);
    [a[0] + ux * along - uy * off, a[1] + uy * along + ux * off, (a[2] + b[2]) * 0.5]
}

fn quadruped(b: &Build, pose: &Pose, bristle: bool) -> Body {
    let mut body = Body { eye_radius: b.head[1] * 0.16, ..Body::default() };
    let run = pose.gait == Gait::Run;
    let moving = matches!(pose.gait, Gait::Walk | Gait::Run);
    let bob = if moving { 0.012 * b.shoulder * libm::sinf(pose.phase * 12.566) } else { 0.0 };
    let half = b.length * 0.5;
    let top = b.shoulder + bob;
    let chest = [half * 0.72, top - b.chest, 0.0];
    let withers = [half * 0.5, top - b.chest * 0.8 + b.hump, 0.0];
    let loin = [-half * 0.12, top - b.slope * 0.5 - b.loin * 1.02, 0.0];
    let rump = [-half * 0.78, top - b.slope - b.rump, 0.0];
    body.limb(chest, loin, b.chest, b.loin, Region::Trunk, b.fur);
    body.limb(withers, loin, b.chest * 0.8, b.loin * 0.9, Region::Trunk, b.fur);
    body.limb(loin, rump, b.loin, b.rump, Region::Trunk, b.fur);
    legs(&mut body, b, pose, [chest, rump], run, moving);
    head(&mut body, b, pose, chest, bristle);
    tail(&mut body, b, pose, rump);
    body
}

fn legs(body: &mut Body, b: &Build, pose: &Pose, [chest, rump]: [Point; 2], run: bool, moving: bool) {
    let stride = b.shoulder * if run { 0.85 } else { 0.5 };
    // Walk: hind left, fore left, hind right, fore right, a quarter apart; trot: diagonal pairs.
    let offsets = if run { [0.0, 0.5, 0.5, 0.0] } else { [0.25, 0.75, 0.0, 0.5] };
    for (k, offset) in offsets.into_iter().enumerate() {
        let (fore, left) = (k < 2, k % 2 == 0);
        let z = if left { 1.0 } else { -1.0 } * b.chest * b.width * 0.55;
        let (mut reach, mut lift) =
            step(pose.phase + offset, stride, b.shoulder * if run { 0.22 } else { 0.1 });
        if !moving {
            reach = stride * 0.22 * (((k * 7 + 3) % 5) as f32 / 2.0 - 1.0) * pose.whim;
            lift = 0.0;
        }
        let foot_r = b.leg * if b.plantigrade { 0.62 } else { 0.36 };
        let rest_reach = 0.0;
        let build = |reach: f32, lift: f32| -> [Point; 4] {
            if fore {
                let hip = [chest[0] - b.chest * 0.25, chest[1] - b.chest * 0.35, z];
                let foot = [hip[0] + reach, lift + foot_r * 0.6, z];
                let wrist = [
                    foot[0] - b.shoulder * 0.01 - lift * 0.9,
                    foot[1] + b.shoulder * if b.plantigrade { 0.1 } else { 0.2 },
                    z,
                ];
                let long = (hip[1] - b.shoulder * 0.2) * 0.53;
                [hip, joint(hip, wrist, long, long, -1.0), wrist, foot]
            } else {
                let hip = [rump[0] + b.rump * 0.2, rump[1] - b.rump * 0.2, z];
                let foot = [hip[0] + reach - b.rump * 0.2, lift + foot_r * 0.6, z];
                let rise = b.shoulder * if b.plantigrade { 0.12 } else { 0.29 };
                let hock = [foot[0] - b.shoulder * 0.08 - lift * 0.8, foot[1] + rise, z];
                let long = (hip[1] - rise) * 0.55;
                [hip, joint(hip, hock, long, long, 1.0), hock, foot]
            }
        };
        let (now, rest) = (build(reach, lift), build(rest_reach, 0.0));
        let thick = b.leg * if fore { 1.0 } else { b.hind };
        let radii = [thick * 1.25, thick * 0.75, b.leg * 0.5, foot_r];
        for i in 0..3 {
            let fur = b.fur * if i == 0 { 0.8 } else { 0.3 };
            body.limbs.push(Limb {
                a: now[i],
                b: now[i + 1],
                ra: radii[i],
                rb: radii[i + 1],
                rest: [rest[i], rest[i + 1]],
                region: Region::Leg,
                fur,
            });
        }
        // The foot itself, forward of the ankle.
        let sole =
            b.leg * if b.plantigrade { 1.5 } else { 0.8 } * if !fore && b.hind > 1.5 { 2.2 } else { 1.0 };
        let toe = add(now[3], [sole, -foot_r * 0.15, 0.0]);
        body.limb(now[3], toe, foot_r * 1.05, foot_r * 0.75, Region::Leg, 0.0);
    }
}

fn head(body: &mut Body, b: &Build, pose: &Pose, chest: Point, bristle: bool) {
    let raised = match pose.gait {
        Gait::Stand => b.neck[2] + 0.2 * pose.whim,
        Gait::Walk => b.neck[2] - 0.25 + 0.1 * pose.whim,
        Gait::Run => b.neck[2] - 0.35,
        Gait::Graze => (b.neck[2] - 1.9).max(-1.05),
    };
    let root = add(chest, [b.chest * 0.25, b.chest * 0.35, 0.0]);
    let poll = along(root, b.neck[0], raised);
    body.limb(root, poll, b.neck[1] * 1.35, b.neck[1] * 0.9, Region::Neck, b.fur);
    let down = match pose.gait {
        Gait::Graze => -0.95,
        _ => -0.28 - 0.25 * raised.max(0.0) * 0.5,
    };
    let start = body.limbs.len();
    let brow = along(poll, b.head[0] * 0.5, down);
    body.limb(poll, brow, b.head[1], b.head[1] * 0.95, Region::Head, b.fur * 0.6);
    let nose_root = along(brow, b.head[1] * 0.5, down - 0.1);
    let nose = along(nose_root, b.muzzle[0], down - 0.05);
    body.limb(nose_root, nose, b.head[1] * 0.62, b.muzzle[1], Region::Muzzle, b.fur * 0.2);
    let tip = add(nose, [b.muzzle[1] * 0.6, b.muzzle[1] * 0.25, 0.0]);
    body.limb(tip, tip, b.muzzle[1] * 0.55, b.muzzle[1] * 0.55, Region::Plain([0.02, 0.018, 0.017]), 0.0);
    for side in [1.0, -1.0] {
        let base = add(poll, [0.0, b.head[1] * 0.75, side * b.head[1] * 0.6]);
        let angle = core::f32::consts::PI - b.ear[2] - 0.25;
        let end = add(along(base, b.ear[0], angle.min(2.4)), [0.0, 0.0, side * b.ear[0] * 0.35]);
        body.limb(base, end, b.ear[1], b.ear[1] * 0.35, Region::Ear, 0.0);
        if b.tufts {
            let tuft = add(end, [0.0, b.ear[0] * 0.5, 0.0]);
            body.limb(end, tuft, b.ear[1] * 0.25, b.ear[1] * 0.1, Region::Plain([0.02, 0.02, 0.02]), 0.0);
        }
        if bristle && pose.male {
            let fang = add(nose_root, [b.muzzle[0] * 0.6, -b.muzzle[1] * 0.5, side * b.muzzle[1] * 0.8]);
            body.limb(
                fang,
                add(fang, [0.02, 0.07, 0.0]),
                0.014,
                0.006,
                Region::Plain([0.7, 0.66, 0.55]),
                0.0,
            );
        }
        if b.antlers > 0.0 && pose.male {
            antler(body, b, add(base, [0.02, 0.0, -side * b.head[1] * 0.2]), side);
        }
        let eye = add(brow, [b.head[1] * 0.35, b.head[1] * 0.42, side * b.head[1] * 0.68]);
        body.limb(eye, eye, body.eye_radius, body.eye_radius, Region::Plain([0.015, 0.012, 0.01]), 0.0);
        body.eyes.push((eye, [0.75, 0.1, side * 0.65]));
    }
    turn_head(body, start, poll, pose.turn);
}

/// Turns everything from limb `start` on about the vertical through `pivot`.
pub(crate) fn turn_head(body: &mut Body, start: usize, pivot: Point, angle: f32) {
    let (c, s) = (libm::cosf(angle), libm::sinf(angle));
    let turn = |p: Point| -> Point {
        let (x, z) = (p[0] - pivot[0], p[2] - pivot[2]);
        [pivot[0] + x * c - z * s, p[1], pivot[2] + x * s + z * c]
    };
    for limb in body.limbs.iter_mut().skip(start) {
        limb.a = turn(limb.a);
        limb.b = turn(limb.b);
    }
    for (eye, look) in &mut body.eyes {
        *eye = turn(*eye);
        *look = [look[0] * c - look[2] * s, look[1], look[0] * s + look[2] * c];
    }
}

fn antler(body: &mut Body, b: &Build, base: Point, side: f32) {
    let bone = Region::Plain([0.2, 0.15, 0.1]);
    let l = b.antlers;
    let r = 0.018 + 0.012 * l;
    let mid = add(base, [-0.15 * l, 0.5 * l, side * 0.35 * l]);
    let top = add(mid, [0.1 * l, 0.5 * l, side * 0.05 * l]);
    body.limb(base, mid, r, r * 0.8, bone, 0.0);
    body.limb(mid, top, r * 0.8, r * 0.4, bone, 0.0);
    for (from, forward, up) in [(base, 0.3, 0.14), (mid, 0.26, 0.2), (mid, -0.1, 0.35)] {
        let from = add(from, [0.0, 0.03 * l, 0.0]);
        body.limb(from, add(from, [forward * l, up * l, side * 0.05 * l]), r * 0.65, r * 0.25, bone, 0.0);
    }
}

fn tail(body: &mut Body, b: &Build, pose: &Pose, rump: Point) {
    let [length, radius, lift, bend] = b.tail;
    let joints = 5;
    let mut angle = core::f32::consts::PI - lift - 0.12 * pose.whim;
    if pose.gait == Gait::Run && length > b.shoulder * 0.4 && lift < 0.0 {
        angle = core::f32::consts::PI + 0.15;
    }
    let mut at = add(rump, [-b.rump * 0.8, b.rump * 0.45, 0.0]);
    for k in 0..joints {
        let t = (k as f32 + 0.5) / joints as f32;
        let end = along(at, length / joints as f32, angle);
        // Bushy tails swell to the middle.
        let swell = |t: f32| radius * (0.6 + 0.9 * t * (1.6 - 1.35 * t));
        body.limb(at, end, swell(k as f32 / 5.0), swell((k + 1) as f32 / 5.0), Region::Tail(t), b.fur);
        at = end;
        angle -= bend + 0.05 * pose.whim;
    }
}

impl Body {
    /// Scales a body about the ground point under it; textures keep their place on it.
    pub(crate) fn grow(&mut self, by: f32) {
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
