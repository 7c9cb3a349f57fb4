//! What happens in one burst: when, why the sensor fired, the weather, and who walks where.

use chrono::{Duration, NaiveDate, NaiveDateTime, Timelike};

use super::body::Gait;
use super::dice::{Dice, mix};
use super::site::Site;
use super::species::Species;

/// Why the sensor fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// One or more animals.
    Animal,
    /// One or more people.
    Person,
    /// A car or a quad.
    Vehicle,
    /// Wind in the vegetation.
    Wind,
    /// Patches of sun that wander over the ground.
    Sun,
    /// A branch near the lens.
    Branch,
    /// Warm ground or air: nothing moves at all.
    HotGround,
}

impl Cause {
    /// The word used in `truth.jsonl`.
    pub fn word(self) -> &'static str {
        match self {
            Cause::Animal => "animal",
            Cause::Person => "person",
            Cause::Vehicle => "vehicle",
            Cause::Wind => "wind",
            Cause::Sun => "sun",
            Cause::Branch => "branch",
            Cause::HotGround => "hot-ground",
        }
    }

    /// True when nothing living and no vehicle fired the sensor.
    pub fn is_empty(self) -> bool {
        !matches!(self, Cause::Animal | Cause::Person | Cause::Vehicle)
    }
}

/// The weather of a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Sun by day, dry by night.
    Clear,
    /// Flat light without sun patches.
    Overcast,
    /// Streaks and a wet lens.
    Rain,
    /// Distance fades.
    Fog,
    /// Falling flakes.
    Snow,
}

/// Who an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Being {
    /// An animal.
    Animal(Species),
    /// A person.
    Person,
    /// A car, a pickup or a quad (by the individual's number).
    Vehicle,
}

/// One animal, person or vehicle of a burst.
#[derive(Debug, Clone, PartialEq)]
pub struct Actor {
    /// Who it is.
    pub being: Being,
    /// Which individual: coat markings, clothes and paint follow from it and stay from burst to burst.
    pub individual: u32,
    /// Metres right of the camera's axis when the first frame is taken.
    pub x: f32,
    /// Metres before the camera when the first frame is taken.
    pub z: f32,
    /// Direction of its nose and its way, radians: 0 right, π/2 away from the camera, π left.
    pub heading: f32,
    /// Metres per second.
    pub speed: f32,
    /// What it does.
    pub gait: Gait,
    /// Its size against an adult's: about 0.5 for young, 1 for adults.
    pub scale: f32,
    /// Head turned to the camera's left or right, radians.
    pub turn: f32,
}

impl Actor {
    /// A standing adult at `distance` metres, `across` the picture (−1 left edge … 1 right edge of a 4:3 picture).
    pub fn new(site: &Site, being: Being, individual: u32, distance: f32, across: f32) -> Self {
        let x = site.x_at(across, distance);
        Actor {
            being,
            individual,
            x,
            z: distance,
            heading: 0.0,
            speed: 0.0,
            gait: Gait::Stand,
            scale: 1.0,
            turn: 0.0,
        }
    }

    /// The same actor on its way: walking with `heading` radians (0 right, π left) at its species' pace.
    pub fn walking(mut self, heading: f32) -> Self {
        self.heading = heading;
        self.gait = Gait::Walk;
        self.speed = match self.being {
            Being::Animal(species) => species.build().pace * self.scale,
            Being::Person => 1.3,
            Being::Vehicle => 5.0,
        };
        self
    }

    /// Where it is `time` seconds after the first frame: x and z in metres.
    pub(crate) fn at(&self, time: f32) -> [f32; 2] {
        let way = self.speed * time;
        [self.x + way * libm::cosf(self.heading), self.z + way * libm::sinf(self.heading)]
    }
}

/// Everything that sets one burst apart at its site. All fields may be set freely.
#[derive(Debug, Clone, PartialEq)]
pub struct BurstPlan {
    /// Seeds wind, noise and small changes of this burst.
    pub seed: u64,
    /// Why the sensor fired.
    pub cause: Cause,
    /// Local time of the first frame; its time of day sets the light.
    pub taken: NaiveDateTime,
    /// 0 calm … 1 strong wind.
    pub wind: f32,
    /// The weather.
    pub weather: Weather,
    /// Who is there.
    pub actors: Vec<Actor>,
    /// Frames in the burst.
    pub frames: usize,
    /// Seconds between frames.
    pub interval: f32,
}

impl BurstPlan {
    /// A calm, empty burst of three frames a second apart, to be filled in.
    pub fn quiet(taken: NaiveDateTime, seed: u64) -> Self {
        let cause = Cause::HotGround;
        BurstPlan {
            seed,
            cause,
            taken,
            wind: 0.0,
            weather: Weather::Clear,
            actors: Vec::new(),
            frames: 3,
            interval: 1.0,
        }
    }

    /// The `n`-th burst of a site at random, two thirds of them empty; each is taken on a day of its own.
    pub fn draw(site: &Site, seed: u64, n: u64) -> Self {
        Self::draw_with(site, seed, n, 0.65)
    }

    /// As [`BurstPlan::draw`], with a share of empties between 0 and 1.
    pub fn draw_with(site: &Site, seed: u64, n: u64, empties: f32) -> Self {
        let mut d = Dice::new(mix(seed, site.seed), n);
        let start = NaiveDate::from_ymd_opt(2025, 3, 1).unwrap_or_default();
        let midnight = (start + Duration::days((n % 240) as i64)).and_time(chrono::NaiveTime::MIN);
        let hour = if d.chance(0.45) { (20.5 + d.range(0.0, 8.5)) % 24.0 } else { d.range(5.0, 20.5) };
        let taken = midnight + Duration::milliseconds((hour * 3_600_000.0) as i64);
        let mut plan = BurstPlan::quiet(taken, d.bits());
        plan.cause = if d.chance(empties) {
            d.weighted(&[
                (Cause::Wind, 0.42),
                (Cause::Sun, 0.22),
                (Cause::Branch, 0.14),
                (Cause::HotGround, 0.22),
            ])
        } else {
            d.weighted(&[(Cause::Animal, 0.8), (Cause::Person, 0.13), (Cause::Vehicle, 0.07)])
        };
        if plan.cause == Cause::Sun && site.infrared(taken) {
            plan.cause = Cause::Wind;
        }
        plan.weather = d.weighted(&[
            (Weather::Clear, 0.55),
            (Weather::Overcast, 0.28),
            (Weather::Rain, 0.07),
            (Weather::Fog, 0.07),
            (Weather::Snow, if site.biome == super::palette::Biome::Snow { 0.15 } else { 0.0 }),
        ]);
        plan.wind = match plan.cause {
            Cause::Wind => d.range(0.35, 1.0),
            Cause::HotGround => 0.0,
            Cause::Branch => d.range(0.15, 0.6),
            _ => d.unit() * d.unit() * 0.8,
        };
        if plan.cause == Cause::Sun {
            plan.weather = Weather::Clear;
        }
        plan.frames = if d.chance(0.8) { 3 } else { 2 + d.below(4) };
        plan.interval = d.weighted(&[(0.35, 0.2), (0.7, 0.3), (1.0, 0.35), (2.0, 0.15)]);
        match plan.cause {
            Cause::Animal => plan.cast_animals(site, &mut d),
            Cause::Person => plan.cast_people(site, &mut d),
            Cause::Vehicle => plan.cast_vehicle(site, &mut d),
            _ => {}
        }
        plan
    }

    /// Seconds from the first frame to `frame`.
    pub fn elapsed(&self, frame: usize) -> f32 {
        frame as f32 * self.interval
    }

    /// Local time of a frame.
    pub fn taken_at(&self, frame: usize) -> NaiveDateTime {
        self.taken + Duration::milliseconds((self.elapsed(frame) * 1000.0) as i64)
    }

    /// Hours since midnight of the first frame.
    pub(crate) fn hour(&self) -> f32 {
        self.taken.num_seconds_from_midnight() as f32 / 3600.0
    }

    /// Seconds from the first frame to the middle of the burst.
    pub(crate) fn middle(&self) -> f32 {
        self.elapsed(self.frames.saturating_sub(1)) * 0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_thirds_of_many_bursts_are_empty_and_all_causes_come() {
        let mut empties = 0;
        let mut seen = Vec::new();
        for k in 0..20 {
            let site = Site::new(k);
            for n in 0..30 {
                let plan = BurstPlan::draw(&site, 3, n);
                empties += u32::from(plan.cause.is_empty());
                assert_eq!(plan.actors.is_empty(), plan.cause.is_empty());
                if !seen.contains(&plan.cause) {
                    seen.push(plan.cause);
                }
            }
        }
        // 600 draws at 0.65: 390 expected, standard deviation 11.7; within four of them.
        assert!((343..=437).contains(&empties), "{empties} of 600 empty");
        assert_eq!(seen.len(), 7, "causes seen: {seen:?}");
    }

    #[test]
    fn a_walker_goes_where_its_heading_points() {
        let site = Site::new(1);
        let mut actor = Actor::new(&site, Being::Person, 1, 5.0, 0.0).walking(core::f32::consts::PI);
        actor.speed = 2.0;
        let [x, z] = actor.at(1.5);
        assert!((x + 3.0).abs() < 1e-4 && (z - 5.0).abs() < 1e-4, "{x} {z}");
    }
}
