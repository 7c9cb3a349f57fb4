//! A scripted day and night at one site, for the demo: 43 bursts of three frames, of which 26 are empty.
//!
//! From morning to morning: wind, sun patches, a branch and hot ground; a stump with the look of an animal that stays
//! all day; red deer in a group, a fox, a pigeon, people, a car; at night badger, boar, a lynx and a wolf. Some visits
//! trigger several bursts a few seconds apart and make one sequence.

use chrono::{Duration, NaiveDate, NaiveDateTime};

use super::body::Gait;
use super::dice::{Dice, mix};
use super::palette::Biome;
use super::plan::{Actor, Being, BurstPlan, Cause, Weather};
use super::site::Site;
use super::species::Species;

/// Frames in each burst.
const FRAMES: usize = 3;

/// Seconds between the bursts of one visit: below the 20 s that open a new sequence.
const VISIT_GAP: i64 = 9;

/// A day's site and its bursts in the order of time.
#[derive(Debug)]
pub struct Day {
    /// Where it happens.
    pub site: Site,
    /// What happens, sorted by time.
    pub bursts: Vec<BurstPlan>,
}

/// One visit: time of day, who, how many, metres away, what it does in each burst.
struct Visit(u32, u32, Being, usize, f32, &'static [Gait]);

const VISITS: &[Visit] = &[
    Visit(6, 41, Being::Animal(Species::RedDeer), 3, 6.5, &[Gait::Walk, Gait::Graze, Gait::Graze]),
    Visit(7, 55, Being::Animal(Species::WoodPigeon), 1, 2.6, &[Gait::Walk, Gait::Graze]),
    Visit(9, 12, Being::Animal(Species::RedSquirrel), 1, 2.2, &[Gait::Stand]),
    Visit(10, 33, Being::Person, 2, 4.5, &[Gait::Walk]),
    Visit(12, 4, Being::Animal(Species::RedFox), 1, 3.6, &[Gait::Walk]),
    Visit(14, 26, Being::Vehicle, 1, 8.0, &[Gait::Walk]),
    Visit(16, 48, Being::Animal(Species::RoeDeer), 1, 5.0, &[Gait::Graze]),
    Visit(18, 52, Being::Animal(Species::EuropeanHare), 1, 2.8, &[Gait::Stand]),
    Visit(21, 37, Being::Animal(Species::EuropeanBadger), 1, 2.8, &[Gait::Walk]),
    Visit(23, 18, Being::Animal(Species::WildBoar), 4, 4.6, &[Gait::Graze, Gait::Graze]),
    Visit(25, 44, Being::Animal(Species::EurasianLynx), 1, 3.4, &[Gait::Stand, Gait::Walk]),
    Visit(28, 9, Being::Animal(Species::GreyWolf), 1, 4.2, &[Gait::Walk]),
];

/// The empties by hour: most come with the sun and the wind of the day.
const EMPTIES: &[(f32, Cause)] = &[
    (6.2, Cause::HotGround),
    (7.3, Cause::Wind),
    (8.4, Cause::Sun),
    (8.7, Cause::Sun),
    (9.6, Cause::Wind),
    (10.1, Cause::Sun),
    (10.9, Cause::Wind),
    (11.2, Cause::Branch),
    (11.5, Cause::Sun),
    (11.9, Cause::Wind),
    (12.5, Cause::HotGround),
    (12.9, Cause::Wind),
    (13.2, Cause::Sun),
    (13.6, Cause::Wind),
    (13.9, Cause::Branch),
    (14.8, Cause::Wind),
    (15.2, Cause::HotGround),
    (15.5, Cause::Sun),
    (15.9, Cause::Wind),
    (16.4, Cause::Wind),
    (17.3, Cause::HotGround),
    (19.6, Cause::Wind),
    (22.3, Cause::Branch),
    (24.4, Cause::Wind),
    (26.8, Cause::HotGround),
    (29.2, Cause::Wind),
];

impl Day {
    /// The day of a seed; the script is the same for every seed, the place, individuals and chances differ.
    pub fn new(seed: u64) -> Self {
        let site = wooded_site(seed);
        let start = NaiveDate::from_ymd_opt(2025, 6, 14).unwrap_or_default().and_time(chrono::NaiveTime::MIN);
        let mut d = Dice::new(seed, 101);
        let mut bursts = Vec::new();
        for &(hour, cause) in EMPTIES {
            let taken = start + Duration::seconds((hour * 3600.0) as i64 + d.below(300) as i64);
            let mut plan = BurstPlan::quiet(taken, d.bits());
            plan.cause = cause;
            plan.wind = match cause {
                Cause::Wind => d.range(0.4, 0.9),
                Cause::Branch => d.range(0.2, 0.5),
                _ => 0.0,
            };
            bursts.push(plan);
        }
        for visit in VISITS {
            let taken =
                start + Duration::seconds(i64::from(visit.0 * 3600 + visit.1 * 60) + d.below(60) as i64);
            bursts.extend(play(&site, visit, taken, &mut d));
        }
        bursts.sort_by_key(|b| b.taken);
        Day { site, bursts }
    }
}

/// A wood with a strip, a clear view and a stump that looks like an animal.
fn wooded_site(seed: u64) -> Site {
    let mut site = Site::new(mix(seed, 0));
    for k in 1..200 {
        let near_trunks = site.trunks.iter().filter(|t| t.z < 9.0).count();
        let fits = matches!(site.biome, Biome::Broadleaf | Biome::Conifer)
            && (0.18..0.4).contains(&site.lens.horizon)
            && (0.6..1.2).contains(&site.lens.height)
            && site.strip.share > 0.0
            && near_trunks < 4;
        if fits {
            break;
        }
        site = Site::new(mix(seed, k));
    }
    site.lay_mimic(&mut Dice::new(seed, 100));
    site
}

/// The bursts of a visit, moved sideways to where it can be seen.
fn play(site: &Site, visit: &Visit, taken: NaiveDateTime, d: &mut Dice) -> Vec<BurstPlan> {
    let &Visit(_, _, being, count, distance, gaits) = visit;
    let (cause, base) = match being {
        Being::Animal(_) => (Cause::Animal, 1 + d.below(30) as u32),
        Being::Person => (Cause::Person, 1 + d.below(900) as u32),
        Being::Vehicle => (Cause::Vehicle, 1 + d.below(900) as u32),
    };
    let left = d.chance(0.5);
    let seed = d.bits();
    let cast = |across: f32| -> Vec<BurstPlan> {
        let mut d = Dice::new(seed, 1);
        let heading = if left { core::f32::consts::PI } else { 0.0 } + d.bell() * 0.15;
        let mut actors: Vec<Actor> = Vec::new();
        for k in 0..count {
            let place = distance * (1.0 + 0.22 * k as f32);
            let mut actor =
                Actor::new(site, being, base + k as u32, place, across).walking(heading + d.bell() * 0.2);
            actor.x += k as f32 * d.sign() * d.range(0.4, 0.9);
            actor.turn = d.bell() * 0.3;
            actors.push(actor);
        }
        let burst = |k: usize| {
            let mut plan =
                BurstPlan::quiet(taken + Duration::seconds(VISIT_GAP * k as i64), mix(seed, k as u64));
            plan.cause = cause;
            plan.wind = 0.1;
            plan.weather = Weather::Clear;
            plan.frames = FRAMES;
            plan.actors = actors.clone();
            for actor in &mut plan.actors {
                actor.gait = gaits[k];
                actor.speed *= if gaits[k] == Gait::Walk { 0.6 } else { 0.0 };
                let way = actor.at(-plan.interval);
                (actor.x, actor.z) = (way[0], way[1]);
            }
            plan
        };
        (0..gaits.len()).map(burst).collect()
    };
    let places = [0.0, 0.25, -0.25, 0.5, -0.5];
    let best = places.into_iter().find(|&across| cast(across).iter().all(|plan| in_view(site, plan)));
    cast(best.unwrap_or(0.0))
}

/// True when at least half of the leading actor is seen in the middle frame.
fn in_view(site: &Site, plan: &BurstPlan) -> bool {
    let frame = site.render(plan, 1, (320, 240));
    let leader = plan.actors.first().map(|a| a.individual);
    frame.truth.iter().any(|t| Some(t.individual) == leader && t.visible > 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_in_order_mostly_empty_and_holds_its_story() {
        let day = Day::new(7);
        assert!(day.bursts.windows(2).all(|w| w[0].taken <= w[1].taken));
        let empties = day.bursts.iter().filter(|b| b.cause.is_empty()).count();
        assert_eq!((day.bursts.len(), empties), (VISITS.iter().map(|v| v.5.len()).sum::<usize>() + 26, 26));
        assert!(empties * 10 >= day.bursts.len() * 6, "at least six in ten are empty");
        let night_wolf = day.bursts.iter().any(|b| {
            day.site.infrared(b.taken) && b.actors.iter().any(|a| a.being == Being::Animal(Species::GreyWolf))
        });
        assert!(night_wolf);
    }

    #[test]
    fn every_visit_is_seen_and_no_empty_shows_anybody() {
        let day = Day::new(7);
        for plan in &day.bursts {
            let seen = (0..plan.frames).any(|k| !day.site.render(plan, k, (160, 120)).truth.is_empty());
            assert_eq!(seen, !plan.cause.is_empty(), "{} {:?}", plan.taken, plan.cause);
        }
    }
}
