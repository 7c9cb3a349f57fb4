//! Journals of a made-up season at three sites, to try `trapline report` and the exports on:
//! `cargo run --release --example season -- FOLDER [DAYS]`.
//!
//! The pictures are rendered, the numbers are dice with a seed. Nothing in it was seen by a trap.

use std::error::Error;
use std::f64::consts::TAU;
use std::path::Path;

use chrono::{DateTime, Days, TimeDelta, Timelike, Utc};
use trapline::deployment::Setup;
use trapline::event::{Outcome, Source};
use trapline::store::record::{Box, Burst, Cause, Frame, MediaKind, Observation};
use trapline::store::{
    Deployment, Effort, EffortKind, Journal, Label, MediaStore, Notebook, Outbox, Picture, Reading,
    Retention, Seen, Start, Supply,
};
use trapline::units::{BBox, ClockQuality, Score};
use trapline::world::{Actor, Being, BurstPlan, Category, Site, Species, jpeg};

/// Hour of most activity (the second, twelve hours later, for those active at dusk and dawn), concentration, visits a
/// day.
const HABITS: [(Species, f64, bool, f64, f64); 10] = [
    (Species::RoeDeer, 5.5, true, 2.5, 2.2),
    (Species::RedDeer, 6.0, true, 2.0, 0.9),
    (Species::WildBoar, 0.5, false, 1.2, 0.9),
    (Species::RedFox, 23.0, false, 0.9, 1.1),
    (Species::EuropeanBadger, 23.5, false, 3.0, 0.6),
    (Species::EuropeanHare, 21.0, false, 1.0, 0.5),
    (Species::RedSquirrel, 9.5, false, 2.5, 0.5),
    (Species::GreyWolf, 3.0, false, 0.8, 0.12),
    (Species::EurasianLynx, 22.0, false, 0.8, 0.07),
    (Species::BrownBear, 20.5, false, 0.6, 0.05),
];

/// Pictures rendered of each species at each site.
const PICTURES: usize = 3;

/// Name, place, seed, and the days between which the battery was empty.
type Spot = (&'static str, f64, f64, u64, Option<(u64, u64)>);

const SITES: [Spot; 3] = [
    ("Ridge path", 46.53, 25.31, 11, None),
    ("Beech hollow", 46.49, 25.36, 12, Some((14, 17))),
    ("Stream crossing", 46.51, 25.27, 13, None),
];

fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = args.first().ok_or("usage: season FOLDER [DAYS]")?;
    let days: u64 = args.get(1).map_or(Ok(45), |d| d.parse())?;
    for site in SITES {
        season(Path::new(folder), site, days)?;
    }
    Ok(())
}

type Failed = std::boxed::Box<dyn Error>;

struct Visit {
    at: DateTime<Utc>,
    species: Option<Species>,
    outcome: Outcome,
    moved: f32,
}

fn season(folder: &Path, (name, north, east, seed, out): Spot, days: u64) -> Result<(), Failed> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let slug = name.to_lowercase().replace(' ', "-");
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{slug}.db"));
    let begin: DateTime<Utc> = "2026-04-18T09:20:00Z".parse()?;
    let end = begin + TimeDelta::hours(i64::try_from(days)? * 24 - 5);
    let visits = visits(&mut dice, begin, end, seed);
    let media = MediaStore::open(&folder.join(format!("{slug}-media")), Retention::default())?;
    let setup = Setup { camera_id: Some(format!("cam-{seed}")), ..Setup::default() };
    let deployment =
        Deployment { latitude: Some(north), longitude: Some(east), setup, ..Deployment::named(name) };
    let dark = out.map(|(a, b)| (begin + Days::new(a), begin + Days::new(b)));
    let spells = match dark {
        Some((a, b)) => vec![(begin, a, false), (b, end, true)],
        None => vec![(begin, end, true)],
    };
    let place = Site::new(seed);
    let mut drawn = std::collections::HashMap::new();
    let mut labels = Vec::new();
    for (from, to, stopped) in spells {
        let start = Start { at: from, clock: ClockQuality::Gps, kernel_boot: String::new() };
        let (mut journal, _) = Journal::open(&path, &deployment, &start)?;
        let mut outbox = Outbox::of(&journal)?;
        let mut hour = from + TimeDelta::hours(1);
        let mut effort = Effort::default();
        for visit in visits.iter().filter(|v| (from..to).contains(&v.at)) {
            while hour <= visit.at {
                beat((&mut journal, &mut outbox), &mut dice, hour, from, &mut effort, seed)?;
                hour += TimeDelta::hours(1);
            }
            let many = drawn.entry((visit.species, visit.outcome)).or_insert(0_usize);
            let wanted = *many < PICTURES && matches!(visit.outcome, Outcome::Sighting | Outcome::Uncertain);
            // The newest of the uncertain ones are what a report shows.
            let wanted =
                wanted || (visit.outcome == Outcome::Uncertain && visit.at > end - TimeDelta::days(4));
            *many += 1;
            let (mut burst, picture) = burst(&mut dice, visit, wanted.then_some(&place))?;
            let pictures: Vec<Picture<'_>> =
                picture.iter().map(|b| Picture { frame: 0, kind: MediaKind::Frame, bytes: b }).collect();
            let key = media.record(&mut journal, &mut burst, &pictures)?.recorded.key;
            effort.triggers += 1;
            effort.bursts += 1;
            effort.empties += u32::from(visit.outcome == Outcome::Empty);
            effort.suppressed += if visit.moved > 0.1 { dice.u32(0..12) } else { 0 };
            if dice.f64() < 0.1 && matches!(visit.outcome, Outcome::Sighting | Outcome::Uncertain) {
                labels.push((key, visit.species, visit.outcome, *many > PICTURES && dice.f64() < 0.12));
            }
        }
        while hour <= to {
            beat((&mut journal, &mut outbox), &mut dice, hour, from, &mut effort, seed)?;
            hour += TimeDelta::hours(1);
        }
        if stopped {
            journal.log_effort(EffortKind::Stop, to, ClockQuality::Gps, &effort)?;
        }
    }
    let mut desk = Notebook::open(&path)?;
    for (key, species, outcome, wrong) in labels {
        let species = if wrong { Some(Species::RedDeer) } else { species };
        let seen = species.map(|s| Seen {
            taxon: s.scientific().to_owned(),
            rank: "species".to_owned(),
            label: s.english().to_owned(),
            count: 1,
            ..Seen::default()
        });
        let outcome =
            if outcome == Outcome::Uncertain && !wrong { Outcome::Empty } else { Outcome::Sighting };
        let seen = if outcome == Outcome::Empty { Vec::new() } else { seen.into_iter().collect() };
        desk.label(key, &Label { at: end, who: "anna".to_owned(), outcome, seen, comment: String::new() })?;
    }
    println!("{}", path.display());
    Ok(())
}

/// An hourly row of effort and a reading.
fn beat(
    (journal, readings): (&mut Journal, &mut Outbox),
    dice: &mut fastrand::Rng,
    at: DateTime<Utc>,
    from: DateTime<Utc>,
    effort: &mut Effort,
    seed: u64,
) -> Result<(), Failed> {
    journal.log_effort(EffortKind::Heartbeat, at, ClockQuality::Gps, effort)?;
    *effort = Effort::default();
    let age = (at - from).as_seconds_f64() / 86_400.0;
    let hour = f64::from(at.hour()) + 1.7;
    let warm = 9.0 + 6.0 * ((hour - 15.0) / 24.0 * TAU).cos() + 4.0 * (age / 11.0).sin() + dice.f64() * 1.5;
    let volts =
        6.35 - 0.012 * age - 0.02 * (seed % 3) as f64 * age / 10.0 + 0.008 * (warm - 9.0) + dice.f64() * 0.01;
    readings.reading(&Reading {
        boot: journal.boot(),
        at,
        clock: ClockQuality::Gps,
        battery: Some((volts * 1000.0) as u16),
        temperature: Some(warm.round() as i8),
        card_free: Some(90),
        supply: Supply::default(),
    })?;
    Ok(())
}

fn visits(dice: &mut fastrand::Rng, begin: DateTime<Utc>, end: DateTime<Utc>, seed: u64) -> Vec<Visit> {
    let mut visits = Vec::new();
    let mut midnight = begin - TimeDelta::hours(12);
    while midnight < end {
        let at = |hour: f64| midnight + TimeDelta::seconds((hour.rem_euclid(24.0) * 3600.0) as i64);
        for (i, (species, peak, twice, kappa, daily)) in HABITS.into_iter().enumerate() {
            // Sites differ in who likes them.
            let rate = daily * [1.4, 0.5, 1.0][(i + seed as usize) % 3];
            for _ in 0..poisson(dice, rate) {
                let peak = if twice && dice.bool() { peak + 13.5 } else { peak };
                // The sites' clock is 1.7 h before UTC.
                let hour = peak + mises(dice, kappa) * 24.0 / TAU - 1.7;
                let uncertain = dice.f64() < 0.12;
                let outcome = if uncertain { Outcome::Uncertain } else { Outcome::Sighting };
                let moved = 0.01 + dice.f32() * 0.08;
                // They linger for some bursts.
                for again in 0..=poisson(dice, 0.6) {
                    let at = at(hour) + TimeDelta::seconds(95 * i64::from(again));
                    visits.push(Visit { at, species: Some(species), outcome, moved });
                }
            }
        }
        for _ in 0..poisson(dice, 7.0) {
            let hour = 13.5 + mises(dice, 2.2) * 24.0 / TAU - 1.7;
            let moved = if dice.f64() < 0.3 { 0.0 } else { dice.f32() * 0.25 };
            visits.push(Visit { at: at(hour), species: None, outcome: Outcome::Empty, moved });
        }
        for _ in 0..poisson(dice, 0.8) {
            let hour = 11.0 + mises(dice, 1.8) * 24.0 / TAU - 1.7;
            let outcome = if dice.f64() < 0.2 { Outcome::Vehicle } else { Outcome::Person };
            visits.push(Visit { at: at(hour), species: None, outcome, moved: 0.2 });
        }
        if dice.f64() < 0.03 {
            visits.push(Visit {
                at: at(dice.f64() * 24.0),
                species: None,
                outcome: Outcome::Failed,
                moved: 0.0,
            });
        }
        midnight += TimeDelta::hours(24);
    }
    visits.sort_by_key(|v| v.at);
    visits
}

fn poisson(dice: &mut fastrand::Rng, mean: f64) -> u32 {
    let (limit, mut product, mut n) = ((-mean).exp(), dice.f64(), 0);
    while product > limit {
        product *= dice.f64();
        n += 1;
    }
    n
}

/// An angle about 0 with the density of von Mises, by rejection.
fn mises(dice: &mut fastrand::Rng, kappa: f64) -> f64 {
    loop {
        let angle = (dice.f64() - 0.5) * TAU;
        if dice.f64() < (kappa * (angle.cos() - 1.0)).exp() {
            return angle;
        }
    }
}

/// The burst of a visit, with a rendered picture where there is a place to render.
fn burst(
    dice: &mut fastrand::Rng,
    visit: &Visit,
    place: Option<&Site>,
) -> Result<(Burst, Option<Vec<u8>>), Failed> {
    let local = visit.at + TimeDelta::minutes(102);
    let night = !(5..20).contains(&local.hour());
    let mut bbox = BBox::from_corners(0.35, 0.4, 0.65, 0.75);
    let mut picture = None;
    if let (Some(place), Some(species)) = (place, visit.species) {
        let mut plan = BurstPlan::quiet(local.naive_utc(), dice.u64(..));
        plan.wind = 0.2;
        let distance = if visit.outcome == Outcome::Uncertain { 16.0 } else { 4.0 + dice.f32() * 3.0 };
        let actor = Actor::new(place, Being::Animal(species), dice.u32(0..9), distance, dice.f32() - 0.5);
        plan.actors = vec![actor.walking(dice.f32() * 6.0)];
        let frame = place.render(&plan, 0, (1280, 960));
        let seen = frame.truth.iter().find(|t| t.category == Category::Animal);
        if let Some([x, y, w, h]) = seen.map(|t| t.bbox) {
            bbox = BBox { x, y, w, h };
        }
        picture = Some(jpeg(&frame, local.naive_utc(), place.camera(), 85)?);
    }
    let score =
        if visit.outcome == Outcome::Uncertain { 0.3 + dice.f32() * 0.3 } else { 0.7 + dice.f32() * 0.29 };
    let category = match visit.outcome {
        Outcome::Person => "person",
        Outcome::Vehicle => "vehicle",
        _ => "animal",
    };
    let none = matches!(visit.outcome, Outcome::Empty | Outcome::Failed);
    let found =
        Box { bbox, category: category.to_owned(), confidence: Score::new(score), moving: true, track: 0 };
    let frames = (0..3).map(|i| Frame {
        taken: visit.at + TimeDelta::seconds(i),
        failed: (visit.outcome == Outcome::Failed).then(|| "truncated JPEG".to_owned()),
        moved: visit.moved,
        size: (1280, 960),
        infrared: night,
        bytes: 240_000,
        boxes: if none { Vec::new() } else { vec![found.clone()] },
        media: None,
    });
    let (taxon, label) = match (visit.species, visit.outcome) {
        (Some(species), _) => (species.scientific(), species.english()),
        (None, Outcome::Person) => ("Homo sapiens", "human"),
        (None, _) => ("", "vehicle"),
    };
    let observation = Observation {
        taxon: taxon.to_owned(),
        rank: if taxon.is_empty() { String::new() } else { "species".to_owned() },
        label: label.to_owned(),
        score: Score::new(score),
        count: 1 + u16::from(dice.f64() < 0.2),
        top5: Vec::new(),
        tracks: vec![0],
        traits: Default::default(),
        individuals: Vec::new(),
    };
    let burst = Burst {
        triggered: visit.at,
        clock: ClockQuality::Gps,
        outcome: visit.outcome,
        probability: Score::new(score),
        frames: frames.collect(),
        observations: if none { Vec::new() } else { vec![observation] },
        faults: Vec::new(),
        millis: 900,
        suppressed: 0,
        models: Vec::new(),
        cause: Some(Cause { source: Source::Pir, detail: Some("GPIO17".into()) }),
        source: None,
        report: None,
    };
    Ok((burst, picture))
}
