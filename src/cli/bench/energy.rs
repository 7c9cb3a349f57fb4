//! `trapline bench energy`: what a burst costs and what is found, by how much is looked at.
//!
//! The bursts are those of the bench world, whose truth is known, or sequences of real photos, where the full look stands
//! in for the truth. All modes take their turns on every burst in one run, each with networks and a memory of its own:
//! the ratios mean something elsewhere, the milliseconds do not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use serde_json::{Value, json};

use super::sensor::Sensor;
use crate::cli::burst_line::say;
use crate::cli::engine::EngineArgs;
use crate::cli::progress::Progress;
use crate::cli::{Done, Failure};
use crate::config::Models;
use crate::daemon::models;
use crate::event::Outcome;
use crate::photos::{find, group, stamp};
use crate::vision::cascade::{Effort, Exits};
use crate::vision::fence::Fence;
use crate::vision::judge::{Judge, Learnt, Settings};
use crate::world::{DataSet, export};

pub(super) const EXAMPLES: &str = "Examples:\n  trapline bench energy --bursts 60 --seed 7\n  \
    trapline bench energy --photos /media/card --model detector.toml --json\n\n\
    Processor time is that of the whole process, all threads together. Joules are those of the whole machine, where it \
    has a sensor that may be read (/sys/class/powercap/*/energy_uj, /sys/class/hwmon/*/energy*_input or power*_input). \
    `kept` is the share of bursts with something alive in them that are not called empty, with its 95 % interval \
    (Wilson); for photos, the share of those that the full look kept.";

/// Arguments of `trapline bench energy`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Bursts of the bench world to render and judge
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    bursts: u64,
    /// The same seed gives the same pictures on every machine
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Take bursts rendered before: a folder that `trapline world` made
    #[arg(long, value_name = "DIR", conflicts_with_all = ["bursts", "seed"])]
    data: Option<PathBuf>,
    /// Take real photos from this folder instead
    #[arg(long, value_name = "DIR", conflicts_with_all = ["bursts", "seed", "data"], requires = "models")]
    photos: Option<PathBuf>,
    /// A model's manifest, or its folder; left out: the networks of the bench world
    #[arg(long = "model", value_name = "FILE")]
    models: Vec<PathBuf>,
    /// Measure the exits of this TOML file too, one table per row: [name] width, still, calm, empty, frames,
    /// alive, looks, crops; what is left out is as in the full look
    #[arg(long, value_name = "FILE")]
    exits: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArgs,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// A burst and what is known of it.
struct Burst {
    place: String,
    frames: Vec<Vec<u8>>,
    /// Whether something is to be seen in it; `None`: only the full look knows.
    alive: Option<bool>,
    /// Its species, if it is one alone.
    species: Option<String>,
}

/// A way of judging and what came of it so far.
struct Mode {
    name: String,
    judge: Judge,
    sums: Sums,
    bursts: Vec<Value>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize)]
struct Sums {
    bursts: u32,
    alive: u32,
    kept: u32,
    dropped: u32,
    species: u32,
    named: u32,
    cpu_ms: f64,
    detector_runs: u32,
    classifier_runs: u32,
    joules: f64,
}

/// Runs the measurement.
pub(super) fn run(args: Args) -> Done {
    let sensor = Sensor::find(Path::new("/sys"));
    let bursts = bursts(&args)?;
    let mut modes = modes(&args)?;
    let mut progress = Progress::new("bursts", bursts.len(), false);
    let mut place = None;
    for (number, burst) in bursts.iter().enumerate() {
        if place.replace(&burst.place) != Some(&burst.place) {
            modes.iter_mut().for_each(|mode| mode.judge.recall(Learnt::default()));
        }
        // The full look first: it may have to stand in for the truth. The others take turns in going first.
        let mut order: Vec<usize> = (1..modes.len()).collect();
        order.rotate_left(number % (modes.len() - 1).max(1));
        let mut alive = burst.alive;
        for at in std::iter::once(0).chain(order) {
            let Some(mode) = modes.get_mut(at) else { continue };
            let kept = mode.judge_one(burst, alive, sensor.as_ref());
            alive = alive.or(Some(kept));
        }
        progress.step(1, || ());
    }
    progress.end();
    let told: Vec<Value> = modes.iter().map(|mode| mode.told(&modes, sensor.is_some())).collect();
    let sensor = sensor.map(|s| s.file().display().to_string());
    if args.json {
        say(&json!({"sensor": sensor, "modes": told}).to_string());
    } else {
        lines(&told, sensor.as_deref()).iter().for_each(|line| {
            say(line);
        });
    }
    Ok(())
}

impl Mode {
    /// Judges one burst; gives whether it was kept.
    fn judge_one(&mut self, burst: &Burst, alive: Option<bool>, sensor: Option<&Sensor>) -> bool {
        let frames: Vec<_> = burst.frames.iter().map(|bytes| Ok(bytes.as_slice())).collect();
        let energy = sensor.and_then(Sensor::read);
        let began = cpu_ms();
        let judged = self.judge.judge(&frames);
        self.judge.end_sequence();
        let took = cpu_ms() - began;
        let kept = judged.outcome != Outcome::Empty;
        let alive = alive.unwrap_or(kept);
        let sums = &mut self.sums;
        if let (Some(sensor), Some(from), Some(to)) = (sensor, energy, sensor.and_then(Sensor::read)) {
            sums.joules += sensor.joules(from, to);
        }
        let first = judged.sightings.first().map(|s| s.taxon.as_str());
        sums.bursts += 1;
        sums.alive += u32::from(alive);
        sums.kept += u32::from(alive && kept);
        sums.dropped += u32::from(!alive && !kept);
        sums.species += u32::from(burst.species.is_some());
        sums.named += u32::from(burst.species.is_some() && first == burst.species.as_deref());
        sums.cpu_ms += took;
        sums.detector_runs += judged.looked.detector;
        sums.classifier_runs += judged.looked.classifier;
        self.bursts.push(json!({
            "alive": alive, "outcome": judged.outcome, "probability": judged.probability, "cpu_ms": took,
            "looked": judged.looked, "taxon": first, "clues": self.judge.clues(),
        }));
        kept
    }

    /// What it came to, beside the first of `all`.
    fn told(&self, all: &[Mode], measured: bool) -> Value {
        let sums = &self.sums;
        let per_burst = |sum: f64| sum / f64::from(sums.bursts.max(1));
        let share = |part: u32, of: u32| (of > 0).then(|| f64::from(part) / f64::from(of));
        let full = all.first().map_or(0.0, |mode| mode.sums.cpu_ms);
        json!({
            "mode": self.name,
            "bursts": sums.bursts,
            "cpu_ms": per_burst(sums.cpu_ms),
            "cpu_ratio": if full > 0.0 { sums.cpu_ms / full } else { 1.0 },
            "joules": measured.then(|| per_burst(sums.joules)),
            "detector_runs": per_burst(sums.detector_runs.into()),
            "classifier_runs": per_burst(sums.classifier_runs.into()),
            "alive": sums.alive,
            "kept": sums.kept,
            "kept_share": share(sums.kept, sums.alive),
            "kept_interval": wilson(sums.kept, sums.alive),
            "empty": sums.bursts - sums.alive,
            "dropped": sums.dropped,
            "species": sums.species,
            "named": sums.named,
            "each": self.bursts,
        })
    }
}

/// The table for people.
fn lines(told: &[Value], sensor: Option<&str>) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<16}{:>9}{:>8}{:>10}{:>10}{:>12}{:>24}{:>11}{:>9}",
        "mode", "cpu ms", "ratio", "joules", "detector", "classifier", "kept", "dropped", "named"
    )];
    for mode in told {
        let number = |key: &str| mode[key].as_f64().unwrap_or_default();
        let interval = |at: usize| mode["kept_interval"][at].as_f64().unwrap_or_default() * 100.0;
        lines.push(format!(
            "{:<16}{:>9.1}{:>8.2}{:>10}{:>10.2}{:>12.2}{:>24}{:>11}{:>9}",
            mode["mode"].as_str().unwrap_or_default(),
            number("cpu_ms"),
            number("cpu_ratio"),
            mode["joules"].as_f64().map_or_else(|| "no sensor".to_owned(), |j| format!("{j:.2}")),
            number("detector_runs"),
            number("classifier_runs"),
            format!("{} of {} ({:.0}-{:.0} %)", mode["kept"], mode["alive"], interval(0), interval(1)),
            format!("{} of {}", mode["dropped"], mode["empty"]),
            format!("{} of {}", mode["named"], mode["species"]),
        ));
    }
    lines.push("All per burst. kept: of the bursts with something alive; dropped: of the others.".to_owned());
    lines.push(sensor.map_or_else(
        || "No sensor of energy can be read on this machine.".to_owned(),
        |file| format!("Joules from {file}: those of the whole machine."),
    ));
    lines
}

/// The bounds of a share, 95 % (Wilson 1927): how far `part` of `of` can be believed.
fn wilson(part: u32, of: u32) -> [f64; 2] {
    const Z: f64 = 1.959_964;
    if of == 0 {
        return [0.0, 1.0];
    }
    let (n, p) = (f64::from(of), f64::from(part) / f64::from(of));
    let middle = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    [((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0)]
}

/// Processor time of this process so far, milliseconds.
fn cpu_ms() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1000.0 + now.tv_nsec as f64 / 1e6
}

/// The ways of judging: the three efforts, and what the user's file adds.
fn modes(args: &Args) -> Result<Vec<Mode>, Failure> {
    let efforts = [("full", Effort::Full), ("cascade", Effort::Cascade), ("frugal", Effort::Frugal)];
    let mut wanted: Vec<(String, Effort, Option<Exits>)> =
        efforts.into_iter().map(|(name, effort)| (name.to_owned(), effort, None)).collect();
    if let Some(file) = &args.exits {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))
            .map_err(Failure::Input)?;
        let more: BTreeMap<String, Exits> =
            toml::from_str(&text).with_context(|| file.display().to_string()).map_err(Failure::Input)?;
        wanted.extend(more.into_iter().map(|(name, exits)| (name, Effort::Full, Some(exits))));
    }
    // One thread: what runs side by side costs more processor time, and differently from run to run.
    let chosen = Models { manifests: args.models.clone(), threads: 1, ..args.engine.models() };
    let open = |effort: Effort, exits: Option<Exits>| -> anyhow::Result<Judge> {
        let networks =
            if args.models.is_empty() { models::bundled(&chosen)? } else { models::open(&chosen)? };
        let settings = Settings { effort, exits, ..Settings::default() };
        Ok(models::build(networks, settings, &Fence::default(), &Fence::default())?)
    };
    let made = wanted.into_iter().map(|(name, effort, exits)| {
        Ok(Mode { name, judge: open(effort, exits)?, sums: Sums::default(), bursts: Vec::new() })
    });
    made.collect::<anyhow::Result<_>>().map_err(Failure::Input)
}

/// The bursts that were asked for.
fn bursts(args: &Args) -> Result<Vec<Burst>, Failure> {
    if let Some(folder) = &args.photos {
        return of_photos(folder);
    }
    if let Some(folder) = &args.data {
        return of_world(folder).map_err(Failure::Input);
    }
    let folder = tempfile::tempdir().map_err(Failure::runtime)?;
    let set = DataSet { seed: args.seed, bursts: args.bursts, size: (1280, 960), empties: 0.65 };
    let mut progress = Progress::new("bursts rendered", usize::try_from(args.bursts).unwrap_or(0), false);
    export(folder.path(), &set, |_| progress.step(1, || ())).map_err(Failure::runtime)?;
    progress.end();
    of_world(folder.path()).map_err(Failure::Runtime)
}

/// Share of a body that must be visible for a burst to count as alive; less is a tail behind a trunk.
const VISIBLE: f64 = 0.25;

/// Bursts that `trapline world` wrote into `folder`.
fn of_world(folder: &Path) -> anyhow::Result<Vec<Burst>> {
    let list = folder.join("truth.jsonl");
    let text = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let mut found = BTreeMap::<(u64, u64), (Burst, Vec<String>)>::new();
    for line in text.lines() {
        let wrong = || anyhow!("{} is not what `trapline world` writes", list.display());
        let row: Value = serde_json::from_str(line).with_context(wrong)?;
        let number = |key: &str| row[key].as_u64().ok_or_else(wrong);
        let (site, burst) = (number("site")?, number("burst")?);
        let (burst, seen) = found.entry((site, burst)).or_insert_with(|| {
            let place = format!("site {site}");
            (Burst { place, frames: Vec::new(), alive: Some(false), species: None }, Vec::new())
        });
        let file = folder.join(row["file"].as_str().ok_or_else(wrong)?);
        burst.frames.push(std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        let boxes = row["boxes"].as_array().into_iter().flatten();
        for visible in boxes.filter(|b| b["visible"].as_f64().is_some_and(|v| v >= VISIBLE)) {
            burst.alive = Some(true);
            seen.push(visible["species"].as_str().unwrap_or_default().to_owned());
        }
    }
    let one_species = |(mut burst, mut seen): (Burst, Vec<String>)| {
        seen.sort();
        seen.dedup();
        burst.species = match seen.as_slice() {
            [only] if !only.is_empty() => Some(only.clone()),
            _ => None,
        };
        burst
    };
    Ok(found.into_values().map(one_species).collect())
}

/// The bursts of a folder of photos.
fn of_photos(folder: &Path) -> Result<Vec<Burst>, Failure> {
    let mut photos = find::find(&[folder.to_owned()], None).map_err(Failure::input)?.photos;
    let zone = chrono::FixedOffset::east_opt(0).ok_or_else(|| Failure::runtime(anyhow!("no such zone")))?;
    photos.iter_mut().for_each(|photo| {
        stamp::stamp(photo, zone);
    });
    let rules = group::Rules { gap: chrono::TimeDelta::seconds(20), undated: 1 };
    let mut bursts = Vec::new();
    for sequence in group::group(photos, &rules) {
        for burst in &sequence.bursts {
            let read = |photo: &crate::photos::Photo| {
                std::fs::read(&photo.path).with_context(|| format!("cannot read {}", photo.path.display()))
            };
            let frames: anyhow::Result<Vec<Vec<u8>>> = burst.iter().map(read).collect();
            let frames = frames.map_err(Failure::Runtime)?;
            bursts.push(Burst { place: sequence.camera.clone(), frames, alive: None, species: None });
        }
    }
    Ok(bursts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_table() {
        // Newcombe 1998, table I: 81 of 263 and 15 of 148, method 3.
        let near = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).abs() < 5e-5 && (a[1] - b[1]).abs() < 5e-5;
        assert!(near(wilson(81, 263), [0.2553, 0.3662]), "{:?}", wilson(81, 263));
        assert!(near(wilson(15, 148), [0.0624, 0.1605]), "{:?}", wilson(15, 148));
        assert_eq!(wilson(0, 0), [0.0, 1.0]);
    }
}
