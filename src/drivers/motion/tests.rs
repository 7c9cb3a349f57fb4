//! Motion in drawn pictures, in the bench world's stream and in real bursts; light that changes is none.

use std::path::PathBuf;
use std::sync::Mutex;

use super::*;
use crate::drivers::trigger::HandClock;
use crate::image::encode_jpeg;
use crate::world::{Day, Frame};

const LIMITS: Limits = Limits { least: 0.08, times: 6.0, blocks: 2, light: 0.5, margins: (0.0, 0.0) };

/// Grain that differs from pixel to pixel and from picture to picture, within `most` grey levels.
fn grain(x: u32, y: u32, number: u32, most: i32) -> i32 {
    let mut bits =
        x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA6B) ^ number.wrapping_mul(0xC2B2_AE35);
    bits ^= bits >> 15;
    bits = bits.wrapping_mul(0x2C1B_3CB5);
    bits ^= bits >> 12;
    (bits % (2 * most as u32 + 1)) as i32 - most
}

/// A forest floor of 160x120 with sensor noise, in this light, with whatever `over` puts on it.
fn drawn(number: u32, light: f32, over: impl Fn(u32, u32) -> Option<i32>) -> Gray {
    let level = |x: u32, y: u32| {
        let ground = 90 + grain(x / 7, y / 5, 0, 40);
        let level = over(x, y).unwrap_or(ground) as f32 * light;
        (level as i32 + grain(x, y, number + 1, 4)).clamp(0, 255) as u8
    };
    let data = (0..120).flat_map(|y| (0..160).map(move |x| (x, y))).map(|(x, y)| level(x, y)).collect();
    Gray { width: 160, height: 120, data }
}

fn bare(_: u32, _: u32) -> Option<i32> {
    None
}

/// What each of the pictures shows.
fn seen(pictures: impl IntoIterator<Item = Gray>) -> Vec<Seen> {
    let mut blocks = Blocks::new(LIMITS);
    pictures.into_iter().map(|picture| blocks.look(&picture)).collect()
}

fn moved(seen: &[Seen]) -> usize {
    seen.iter().filter(|seen| matches!(seen, Seen::Moved(_))).count()
}

#[test]
fn a_walking_animal_is_motion_from_its_first_step_and_what_it_left_is_none() {
    // 20x12 pixels, as dark as a boar, ten pixels further in each picture, gone after ten.
    let animal = |number: u32| {
        move |x: u32, y: u32| {
            let left = 10 * number.saturating_sub(8);
            ((8..18).contains(&number) && (left..left + 20).contains(&x) && (60..72).contains(&y))
                .then_some(35)
        }
    };
    let seen = seen((0..40).map(|number| drawn(number, 1.0, animal(number))));
    assert!(seen[..6].iter().all(|s| *s == Seen::Learning) && moved(&seen[6..8]) == 0, "{seen:?}");
    assert_eq!(moved(&seen[8..18]), 10, "{seen:?}");
    assert_eq!(moved(&seen[20..]), 0, "{seen:?}");
}

#[test]
fn clouds_dusk_a_lamp_that_flickers_and_one_that_goes_on_are_no_motion() {
    let steady = |number: u32| 1.0 - 0.02 * number as f32;
    let flicker = |number: u32| if number.is_multiple_of(2) { 1.0 } else { 0.6 };
    let lamp = |number: u32| if number < 20 { 0.15 } else { 1.0 };
    for light in [steady as fn(u32) -> f32, flicker, lamp] {
        let seen = seen((0..40).map(|number| drawn(number, light(number), bare)));
        assert_eq!(moved(&seen), 0, "{seen:?}");
    }
    // A lamp that lights two thirds of the picture: learnt as the scene's new look, and an animal then seen.
    let patch = |on: bool| move |x: u32, y: u32| (on && x < 107).then(|| 200 + grain(x / 7, y / 5, 0, 40));
    let pictures = (0..40).map(|number| {
        drawn(number, 1.0, move |x, y| {
            let animal = number >= 35 && (40 + 8 * (number - 35)..60 + 8 * (number - 35)).contains(&x);
            if animal && (60..72).contains(&y) { Some(60) } else { patch(number >= 20)(x, y) }
        })
    });
    let seen = seen(pictures);
    assert_eq!((seen[20], moved(&seen[..35])), (Seen::Light, 0), "{seen:?}");
    assert_eq!(moved(&seen[35..]), 5, "{seen:?}");
}

#[test]
fn a_bush_in_the_wind_is_soon_known_and_does_not_hide_the_rest() {
    let bush = |number: u32| {
        move |x: u32, y: u32| {
            let sway = 5 * (number % 3);
            (x < 40 && y < 50).then(|| if ((x + sway) / 10).is_multiple_of(2) { 60 } else { 120 })
        }
    };
    let pictures = (0..90).map(|number| {
        drawn(number, 1.0, move |x, y| {
            let animal = number >= 80 && (90 + 5 * (number - 80)..110 + 5 * (number - 80)).contains(&x);
            if animal && (60..72).contains(&y) { Some(35) } else { bush(number)(x, y) }
        })
    });
    let seen = seen(pictures);
    assert!(moved(&seen[40..80]) <= 2, "{seen:?}");
    assert_eq!(moved(&seen[80..]), 10, "{seen:?}");
}

#[test]
fn whatever_the_size_it_says_something() {
    let mut blocks = Blocks::new(LIMITS);
    for (width, height) in [(0, 0), (1, 1), (31, 9), (33, 1), (160, 120), (1000, 3)] {
        let data = vec![7; (width * height) as usize];
        for _ in 0..6 {
            assert!(!matches!(blocks.look(&Gray { width, height, data: data.clone() }), Seen::Moved(_)));
        }
    }
}

/// A stream that gives these pictures, one a look.
struct Played(Mutex<std::vec::IntoIter<Vec<u8>>>, u64);

impl Looks for Played {
    fn newest(&mut self) -> Option<Arc<Still>> {
        let jpeg = self.0.lock().unwrap().next()?;
        self.1 += 1;
        let (seen, taken) = (std::time::Instant::now(), chrono::DateTime::UNIX_EPOCH);
        Some(Arc::new(Still { number: self.1, seen, taken, jpeg }))
    }
}

fn trigger(pictures: Vec<Vec<u8>>, clock: &Arc<HandClock>) -> Motion<Played> {
    let options = Options {
        every: Duration::from_millis(500),
        hold_off: Duration::from_secs(2),
        warm_up: Duration::from_secs(1),
        limits: LIMITS,
    };
    Motion::new(Played(Mutex::new(pictures.into_iter()), 0), options, clock.clone())
}

#[test]
fn it_fires_once_in_the_hold_off_counts_the_rest_and_says_when_it_is_blind() {
    let clock = HandClock::at("2026-05-20T06:00:00Z");
    let jpegs = (0..20).map(|number| {
        let x = move |x: u32, y: u32| {
            (number >= 10 && (8 * number - 80..8 * number - 50).contains(&x) && y > 60).then_some(30)
        };
        let grey = drawn(number, 1.0, x);
        let data = grey.data.iter().flat_map(|level| [*level; 3]).collect();
        encode_jpeg(&crate::image::Rgb { width: 160, height: 120, data }, 90).unwrap()
    });
    let mut motion = trigger(jpegs.collect(), &clock);
    let mut fired = Vec::new();
    for look in 0..20 {
        clock.pass(Duration::from_millis(500));
        fired.extend(motion.wait(Duration::ZERO).unwrap().map(|t| (look, t.source, t.suppressed)));
    }
    // Every fourth look is 2 s apart; the three between are counted.
    assert_eq!(fired, [(10, Source::Motion, 0), (14, Source::Motion, 3), (18, Source::Motion, 3)]);
    assert_eq!(motion.take_suppressed(), 1);
    clock.pass(Duration::from_secs(61));
    let said = motion.wait(Duration::ZERO).unwrap_err().to_string();
    assert!(said.contains("no picture to look at"), "{said}");
}

/// Grey and small, without the info strip of the bench's cameras.
fn grey(frame: &Frame) -> Gray {
    let (width, height) = frame.rgb.dimensions();
    let rgb = crate::image::Rgb { width, height, data: frame.rgb.as_raw().clone() };
    luma(&rgb)
}

/// A minute of looks before each burst: a trap stands there for weeks.
const BEFORE: usize = 120;

#[test]
fn visits_of_the_bench_worlds_day_are_seen_and_its_wind_and_sun_are_soon_known() {
    let Day { site, bursts } = Day::new(7);
    let limits = Limits { margins: (0.1, 0.1), ..LIMITS };
    let (mut visits, mut hits, mut empties, mut false_triggers) = (0, 0, 0, 0);
    for mut plan in bursts.into_iter().filter(|plan| (8..17).contains(&chrono::Timelike::hour(&plan.taken))) {
        plan.interval = 0.5;
        plan.frames = BEFORE + 6;
        let mut blocks = Blocks::new(limits);
        let mut before = plan.clone();
        before.actors.clear();
        for frame in 0..BEFORE {
            blocks.look(&grey(&site.render(&before, frame, (160, 120))));
        }
        // They come when that minute is over.
        for actor in &mut plan.actors {
            let way = actor.speed * plan.interval * BEFORE as f32;
            actor.x -= way * actor.heading.cos();
            actor.z -= way * actor.heading.sin();
        }
        let fired = (BEFORE..BEFORE + 6).any(|frame| {
            matches!(blocks.look(&grey(&site.render(&plan, frame, (160, 120)))), Seen::Moved(_))
        });
        if plan.cause.is_empty() {
            (empties, false_triggers) = (empties + 1, false_triggers + usize::from(fired));
        } else {
            (visits, hits) = (visits + 1, hits + usize::from(fired));
        }
    }
    println!(
        "bench world by day: {hits} of {visits} visits seen, {false_triggers} of {empties} empties fired"
    );
    assert_eq!((visits, empties), (5, 18));
    assert_eq!(hits, 5);
    // Measured: none of these 18; 1 of 54 on the days of the seeds 7, 8 and 9.
    assert!(false_triggers <= 1, "{false_triggers} of {empties}");
}

#[test]
fn one_who_comes_the_same_way_again_is_seen_again() {
    // 20x12 pixels, ten further in each picture, for ten of every thirty.
    let animal = |number: u32| {
        move |x: u32, y: u32| {
            let left = 10 * (number % 30);
            let there = number >= 120 && number % 30 < 10;
            (there && (left..left + 20).contains(&x) && (60..72).contains(&y)).then_some(35)
        }
    };
    let seen = seen((0..210).map(|number| drawn(number, 1.0, animal(number))));
    let passages: Vec<usize> = [120, 150, 180].map(|from| moved(&seen[from..from + 10])).to_vec();
    assert!(passages.iter().all(|looks| *looks >= 8), "{passages:?}");
}

#[test]
fn real_bursts_with_animals_fire_more_often_than_empty_ones() {
    let shared = std::env::var_os("TRAPLINE_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
    let Ok(labels) = std::fs::read_to_string(shared.join("photos/labels.csv")) else {
        println!("skipped: no photos in {}", shared.display());
        return;
    };
    // Labels by eye (photos/README.md). The camera's strip with its date is at the bottom.
    let limits = Limits { margins: (0.0, 0.08), ..LIMITS };
    let mut bursts: std::collections::BTreeMap<&str, (Vec<&str>, &str)> = std::collections::BTreeMap::new();
    for row in labels.lines().filter(|row| row.starts_with("peru/")) {
        let cells: Vec<&str> = row.split(',').collect();
        let burst = bursts.entry(cells[2]).or_insert_with(|| (Vec::new(), cells[5]));
        burst.0.push(cells[0]);
    }
    let (mut hits, mut animals, mut false_triggers, mut empties) = (0, 0, 0, 0);
    for (burst, (files, label)) in &bursts {
        let pictures: Vec<Gray> = files
            .iter()
            .map(|file| small(&std::fs::read(shared.join("photos").join(file)).unwrap()).unwrap())
            .collect();
        let mut blocks = Blocks::new(limits);
        // The scene before is not in these photos: the first frame stands for it.
        for _ in 0..6 {
            blocks.look(&pictures[0]);
        }
        let seen: Vec<Seen> = pictures[1..].iter().map(|picture| blocks.look(picture)).collect();
        let fired = moved(&seen) > 0;
        println!("{burst} {label}: {seen:?}");
        match *label {
            "empty" => (empties, false_triggers) = (empties + 1, false_triggers + usize::from(fired)),
            _ => (animals, hits) = (animals + 1, hits + usize::from(fired)),
        }
    }
    println!(
        "peru: {hits} of {animals} bursts with animals or people fired, {false_triggers} of {empties} empty ones"
    );
    assert_eq!((animals, empties), (13, 7));
    // Both of the empties are sun patches, of which these photos do not hold the minutes before.
    assert!(hits >= 7 && false_triggers <= 2, "{hits}, {false_triggers}");
}
