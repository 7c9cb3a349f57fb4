//! `trapline bench energy`: what a burst costs and what is found, by how much is looked at.
//!
//! The bursts are those of the bench world, whose truth is known, or sequences of real photos, where the full look stands
//! in for the truth. All modes take their turns on every burst in one run, each with networks and a memory of its own:
//! the ratios mean something elsewhere, the milliseconds do not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use serde_json::{Value, json};

use super::bursts::{Burst, of_photos, of_world};
use super::sensor::Sensor;
use crate::cli::burst_line::say;
use crate::cli::engine::EngineArgs;
use crate::cli::progress::Progress;
use crate::cli::{Done, Failure};
use crate::config::Models;
use crate::daemon::models;
use crate::eval::sure::share;
use crate::event::Outcome;
use crate::vision::Judgement;
use crate::vision::cascade::{Effort, Exits};
use crate::vision::fence::Fence;
use crate::vision::fuse::Clues;
use crate::vision::judge::{Judge, Learnt, Settings};
use crate::vision::steps::Step;
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
    /// Measure the exits of this TOML file too, one table per row: [name] width, still, calm, empty, last, close,
    /// frames, doubt, alive, looks, crops; what is left out is as in the full look
    #[arg(long, value_name = "FILE")]
    exits: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArgs,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What one way of judging made of a burst, and what it took.
struct Run {
    judged: Judgement,
    clues: Clues,
    steps: Vec<Step>,
    cpu_ms: f64,
    joules: Option<f64>,
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
    stages: [f64; STAGES.len()],
}

/// Steps of judging whose milliseconds are told; `network` is part of the two before it.
const STAGES: [&str; 5] = ["decode", "motion", "detect", "classify", "network"];

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
        // All take turns in going first: whoever does finds caches cold.
        let count = modes.len();
        let mut runs: Vec<(usize, Run)> = (0..count)
            .map(|turn| (turn + number) % count.max(1))
            .filter_map(|at| Some((at, modes.get_mut(at)?.judge_one(burst, sensor.as_ref()))))
            .collect();
        runs.sort_by_key(|(at, _)| *at);
        // Where the truth is not known the full look stands in for it.
        let full = runs.first().is_some_and(|(_, run)| run.judged.outcome != Outcome::Empty);
        let alive = burst.alive.unwrap_or(full);
        for (mode, (_, run)) in modes.iter_mut().zip(runs) {
            mode.count(burst, alive, run);
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
    /// Judges one burst.
    fn judge_one(&mut self, burst: &Burst, sensor: Option<&Sensor>) -> Run {
        let frames: Vec<_> = burst.frames.iter().map(|bytes| Ok(bytes.as_slice())).collect();
        let energy = sensor.and_then(Sensor::read);
        let began = cpu_ms();
        let judged = self.judge.judge(&frames);
        self.judge.end_sequence();
        let cpu_ms = cpu_ms() - began;
        let joules = match (sensor, energy, sensor.and_then(Sensor::read)) {
            (Some(sensor), Some(from), Some(to)) => Some(sensor.joules(from, to)),
            _ => None,
        };
        Run { judged, clues: self.judge.clues(), steps: self.judge.steps().to_vec(), cpu_ms, joules }
    }

    /// Adds what came of a burst in which something is `alive` or not.
    fn count(&mut self, burst: &Burst, alive: bool, run: Run) {
        let Run { judged, clues, steps, cpu_ms, joules } = run;
        let kept = judged.outcome != Outcome::Empty;
        let first = judged.sightings.first().map(|s| s.taxon.as_str());
        let spent = &judged.spent;
        let stages = [spent.decode, spent.motion, spent.detect, spent.classify, spent.network];
        let sums = &mut self.sums;
        sums.bursts += 1;
        sums.alive += u32::from(alive);
        sums.kept += u32::from(alive && kept);
        sums.dropped += u32::from(!alive && !kept);
        sums.species += u32::from(burst.species.is_some());
        sums.named += u32::from(burst.species.is_some() && first == burst.species.as_deref());
        sums.cpu_ms += cpu_ms;
        sums.detector_runs += judged.looked.detector;
        sums.classifier_runs += judged.looked.classifier;
        sums.joules += joules.unwrap_or_default();
        sums.stages.iter_mut().zip(stages).for_each(|(sum, ms)| *sum += f64::from(ms));
        self.bursts.push(json!({
            "alive": alive, "outcome": judged.outcome, "probability": judged.probability, "cpu_ms": cpu_ms,
            "looked": judged.looked, "taxon": first, "clues": clues, "steps": steps, "spent": judged.spent,
        }));
    }

    /// What it came to, beside the first of `all`.
    fn told(&self, all: &[Mode], measured: bool) -> Value {
        let sums = &self.sums;
        let per_burst = |sum: f64| sum / f64::from(sums.bursts.max(1));
        let share = |part: u32, of: u32| (of > 0).then(|| f64::from(part) / f64::from(of));
        let full = all.first().map_or(0.0, |mode| mode.sums.cpu_ms);
        let stages =
            STAGES.iter().zip(sums.stages).map(|(stage, ms)| ((*stage).to_owned(), json!(per_burst(ms))));
        json!({
            "stages_ms": stages.collect::<serde_json::Map<_, _>>(),
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
    lines.push(String::new());
    let head = STAGES.iter().map(|stage| format!("{stage:>10}")).collect::<String>();
    lines.push(format!("{:<16}{head}", "ms by stage"));
    for mode in told {
        let ms = |stage: &str| format!("{:>10.1}", mode["stages_ms"][stage].as_f64().unwrap_or_default());
        let cells = STAGES.iter().map(|stage| ms(stage)).collect::<String>();
        lines.push(format!("{:<16}{cells}", mode["mode"].as_str().unwrap_or_default()));
    }
    lines.push(
        "By the clock; network is the part of detect and classify that passes inside the networks."
            .to_owned(),
    );
    lines.push(String::new());
    lines.push("All per burst. kept: of the bursts with something alive; dropped: of the others.".to_owned());
    lines.push(sensor.map_or_else(
        || "No sensor of energy can be read on this machine.".to_owned(),
        |file| format!("Joules from {file}: those of the whole machine."),
    ));
    lines
}

/// The bounds of a share, 95 %: how far `part` of `of` can be believed; of nothing, nothing is known.
fn wilson(part: u32, of: u32) -> [f64; 2] {
    share(part as usize, of as usize).map_or([0.0, 1.0], |sure| [sure.low, sure.high])
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
