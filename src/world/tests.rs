//! The world's promises: the same everywhere, truth that fits the picture, motion where there should be.

use super::looks::fur;
use super::*;
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
            digests
                .push_str(&format!("{:02x}{:02x}{:02x}{:02x} ", digest[0], digest[1], digest[2], digest[3]));
        }
    }
    assert_eq!(digests.trim_end(), GOLDEN);
}

const GOLDEN: &str = "2b6ee2c5 35c43232 9f7182ec 0ec4fc5c f6309a0f dc154dc7 8f0cdf3f 25b4b3cb c208720b";

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
    assert!((large.1 as f32 / near.1 as f32 - 4.0).abs() < 0.25, "four times the pixels: {near:?} {large:?}");
}

#[test]
fn what_stands_before_an_animal_hides_it_and_the_edge_cuts_it() {
    let site = bare();
    let plan = alone(&site, Species::BrownBear, 12, 6.0, 0.0);
    let free = site.render(&plan, 0, (320, 240)).truth[0].clone();
    let trunk = super::site::Trunk { x: 0.0, z: 4.0, radius: 0.25, lean: 0.0, bark: [0.1; 3], seed: 1 };
    let mut site = bare();
    site.trunks.push(trunk);
    let hidden = site.render(&plan, 0, (320, 240)).truth[0].clone();
    assert!(hidden.visible < free.visible - 0.1, "{} {}", hidden.visible, free.visible);
    let edge = bare().render(&alone(&site, Species::BrownBear, 12, 6.0, 1.0), 0, (320, 240)).truth[0].clone();
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
            fur.colour(super::coat::Region::Trunk, [k as f32 * 0.004 - 0.3, 0.5, 0.12], [0.0, 0.1, 0.99])
        };
        (0..150).map(spot).map(|c| super::canvas::luma(c) < 0.12).collect::<Vec<bool>>()
    };
    assert_eq!(coat(4), coat(4));
    assert_ne!(coat(4), coat(5));
}
