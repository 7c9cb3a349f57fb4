//! Bodies on two legs: birds and people.

use super::body::{Body, Gait, Pose, add, along, joint, step, turn_head};
use super::builds::Build;
use super::coat::Region;

/// A walking or pecking bird.
pub(crate) fn bird(b: &Build, pose: &Pose) -> Body {
    let mut body = Body { eye_radius: b.head[1] * 0.2, ..Body::default() };
    let low = pose.gait == Gait::Graze;
    let breast = [0.05, b.shoulder - b.chest, 0.0];
    let back = [-0.08, b.shoulder - b.chest * if low { 0.75 } else { 1.05 }, 0.0];
    body.limb(breast, back, b.chest, b.rump * 1.2, Region::Trunk, b.fur);
    let tail = add(back, [-b.tail[0], b.tail[2] * b.tail[0] * if low { 2.5 } else { -1.0 }, 0.0]);
    body.limb(
        back,
        add(back, [-b.tail[0] * 0.6, (tail[1] - back[1]) * 0.6, 0.0]),
        0.045,
        0.03,
        Region::Tail(0.2),
        0.0,
    );
    body.limb(
        add(back, [-b.tail[0] * 0.6, (tail[1] - back[1]) * 0.6, 0.0]),
        tail,
        0.03,
        0.024,
        Region::Tail(0.95),
        0.0,
    );
    let nod =
        if pose.gait == Gait::Walk { 0.02 * libm::sinf(pose.phase * core::f32::consts::TAU) } else { 0.0 };
    let angle = if low { -0.7 } else { b.neck[2] };
    let root = add(breast, [b.chest * 0.45, b.chest * if low { 0.1 } else { 0.5 }, 0.0]);
    let crown = add(along(root, b.neck[0] * 0.75, angle), [nod, 0.0, 0.0]);
    body.limb(root, crown, b.neck[1] * 1.1, b.neck[1] * 0.75, Region::Neck, 0.02);
    let start = body.limbs.len();
    body.limb(crown, crown, b.head[1], b.head[1], Region::Head, 0.0);
    let bill = along(add(crown, [b.head[1] * 0.8, -0.003, 0.0]), b.muzzle[0], if low { -0.8 } else { -0.15 });
    body.limb(add(crown, [b.head[1] * 0.6, 0.0, 0.0]), bill, 0.012, 0.005, Region::Muzzle, 0.0);
    for side in [1.0, -1.0] {
        let eye = add(crown, [b.head[1] * 0.4, b.head[1] * 0.25, side * b.head[1] * 0.8]);
        body.limb(eye, eye, body.eye_radius, body.eye_radius, Region::Plain([0.02, 0.02, 0.02]), 0.0);
        body.eyes.push((eye, [0.5, 0.0, side * 0.85]));
    }
    turn_head(&mut body, start, crown, pose.turn * 0.5);
    for (k, side) in [1.0, -1.0].into_iter().enumerate() {
        let (reach, lift) =
            if pose.gait == Gait::Walk { step(pose.phase + k as f32 * 0.5, 0.09, 0.03) } else { (0.0, 0.0) };
        let hip = [-0.01, b.shoulder - b.chest * 1.7, side * 0.03];
        let foot = [reach, 0.008 + lift, side * 0.03];
        body.limb(hip, foot, b.leg * 1.0, b.leg * 0.5, Region::Leg, 0.0);
        body.limb(foot, add(foot, [0.035, -0.004, 0.0]), b.leg * 0.7, b.leg * 0.5, Region::Leg, 0.0);
    }
    body
}

/// Clothes of a person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dress {
    pub(crate) jacket: [f32; 3],
    pub(crate) trousers: [f32; 3],
    pub(crate) skin: [f32; 3],
    pub(crate) hat: [f32; 3],
    pub(crate) pack: Option<[f32; 3]>,
}

/// A walking or standing person of `tall` metres.
pub(crate) fn person(tall: f32, dress: &Dress, pose: &Pose) -> Body {
    let mut body = Body { eye_radius: 0.012, ..Body::default() };
    let k = tall / 1.75;
    let moving = matches!(pose.gait, Gait::Walk | Gait::Run);
    let hip = 0.93 * k;
    let plain = Region::Plain;
    let stoop = if pose.gait == Gait::Graze { 0.35 } else { 0.04 };
    let pelvis = [0.0, hip, 0.0];
    let chest = [stoop * 0.5 * k, 1.32 * k - stoop * 0.1, 0.0];
    body.limb(pelvis, chest, 0.135 * k, 0.175 * k, plain(dress.jacket), 0.03);
    let neck = add(chest, [stoop * 0.15, 0.2 * k, 0.0]);
    body.limb(chest, neck, 0.13 * k, 0.065 * k, plain(dress.jacket), 0.0);
    let skull = add(neck, [0.03 + stoop * 0.1, 0.13 * k, 0.0]);
    body.limb(neck, skull, 0.06 * k, 0.085 * k, plain(dress.skin), 0.0);
    let start = body.limbs.len();
    body.limb(skull, add(skull, [0.02, 0.02, 0.0]), 0.1 * k, 0.098 * k, plain(dress.skin), 0.0);
    let cap = add(skull, [-0.015, 0.06 * k, 0.0]);
    body.limb(cap, add(cap, [-0.02, -0.01, 0.0]), 0.1 * k, 0.1 * k, plain(dress.hat), 0.03);
    turn_head(&mut body, start, skull, pose.turn);
    if let Some(pack) = dress.pack {
        body.limb(
            [-0.2 * k, 1.05 * k, 0.0],
            [-0.19 * k, 1.38 * k, 0.0],
            0.16 * k,
            0.15 * k,
            plain(pack),
            0.0,
        );
    }
    for (i, side) in [1.0, -1.0].into_iter().enumerate() {
        let swing = if moving {
            libm::sinf((pose.phase + i as f32 * 0.5) * core::f32::consts::TAU)
        } else {
            0.15 * pose.whim
        };
        let (reach, lift) = if moving {
            step(pose.phase + i as f32 * 0.5 + 0.25, 0.62 * k, 0.12)
        } else {
            (0.05 * side, 0.0)
        };
        let socket = [0.0, hip, side * 0.1 * k];
        let ankle = [reach, 0.08 * k + lift, side * 0.1 * k];
        let knee = joint(socket, ankle, 0.435 * k, 0.435 * k, 1.0);
        body.limb(socket, knee, 0.105 * k, 0.075 * k, plain(dress.trousers), 0.02);
        body.limb(knee, ankle, 0.075 * k, 0.055 * k, plain(dress.trousers), 0.02);
        body.limb(
            ankle,
            add(ankle, [0.17 * k, -0.035, 0.0]),
            0.055 * k,
            0.045 * k,
            plain([0.05, 0.04, 0.035]),
            0.0,
        );
        let shoulder = add(chest, [0.0, 0.1 * k, side * 0.2 * k]);
        let elbow = add(shoulder, [-swing * 0.13 * k, -0.29 * k, side * 0.05]);
        let hand = add(elbow, [(0.08 - swing * 0.16) * k, -0.24 * k, 0.0]);
        body.limb(shoulder, elbow, 0.07 * k, 0.055 * k, plain(dress.jacket), 0.02);
        body.limb(elbow, hand, 0.055 * k, 0.04 * k, plain(dress.jacket), 0.02);
        body.limb(hand, add(hand, [0.02, -0.06, 0.0]), 0.045 * k, 0.035 * k, plain(dress.skin), 0.0);
    }
    body
}
