//! What a site chooses, in two stages: [`raw::Raw`] as written (unknown keys refused), then [`Config`], checked
//! and with units in its types. `cross/trapline.toml` is the annotated example.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::deployment::Setup;
use crate::strict::StrictError;
use crate::units::Score;

pub mod alerts;
pub mod bundles;
mod check;
pub mod console;
pub mod power;
pub mod raw;
mod raw_alerts;
mod raw_sending;
pub mod sending;
pub mod watchdog;

/// A checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the trap stands.
    pub site: Site,
    /// Name of the board profile.
    pub board: String,
    /// How pictures are taken and grouped.
    pub burst: Burst,
    /// The networks.
    pub models: Models,
    /// When something counts.
    pub thresholds: Thresholds,
    /// What can occur at this site.
    pub species: Species,
    /// Where the camera prints on the picture.
    pub strip: Strip,
    /// Where records go.
    pub journal: Journal,
    /// What stays on the card.
    pub retention: Retention,
    /// How messages leave.
    pub out: sending::Out,
    /// What must not wait, in the order of the file.
    pub alerts: Vec<alerts::Alert>,
    /// The page.
    pub console: console::Console,
    /// Who may bring models and configuration.
    pub bundles: bundles::Bundles,
    /// When a part of the daemon counts as stuck.
    pub watchdog: watchdog::Watchdog,
    /// When it stands watch, and what it gives up as the battery falls.
    pub power: power::Power,
}

/// Where the trap stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The deployment's name, in every record; 1 to 64 characters.
    pub name: String,
    /// The place's name; may be empty.
    pub location: String,
    /// Degrees (north -90..=90, east -180..=180), both or neither.
    pub coordinates: Option<(f64, f64)>,
    /// Whether a satellite receiver is to say where it stands, where there are none.
    pub receiver: bool,
    /// What else is known of the deployment, name and coordinates included where they are given.
    pub setup: Setup,
}

/// How pictures are taken and grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// Pictures per trigger, 1..=20.
    pub frames: usize,
    /// Between pictures, 0..=60 s.
    pub interval: Duration,
    /// Longest time between two pictures of one sequence, 0..=1 day.
    pub gap: Duration,
}

/// The networks.
#[derive(Debug, Clone, PartialEq)]
pub struct Models {
    /// Manifests or model directories, as paths from the working directory.
    pub manifests: Vec<PathBuf>,
    /// How several classifiers become one; `None`: what a pack among them says, else there is one at most.
    pub ensemble: Option<EnsembleMean>,
    /// Second heads, besides those of packs.
    pub seconds: Vec<SecondHead>,
    /// Who runs them.
    pub engine: EngineChoice,
    /// ONNX Runtime's shared library or its folder, as a path from the working directory; `None`: looked for.
    pub onnxruntime: Option<PathBuf>,
    /// What ONNX Runtime computes with.
    pub provider: ProviderChoice,
    /// Threads for inference, 0..=64; 0: one per core.
    pub threads: usize,
    /// How much of a burst is looked at.
    pub effort: EffortChoice,
    /// How closely the networks look, in the place of what their manifests say; `None`: as those say.
    pub look: Option<Vec<LookWord>>,
    /// With less than this in the battery, millivolts, `frugal` counts whatever `effort` says; 0: never.
    pub frugal_below_mv: u16,
    /// The gallery of individuals (`[individuals] gallery`), as a path from the working directory; `None`: nobody is
    /// known.
    pub gallery: Option<PathBuf>,
}

/// What a network may do beyond one pass over the whole picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookWord {
    /// Nothing.
    Plain,
    /// Look at the quarters of every frame.
    Tiles,
    /// Look at the quarters of frames that show nothing as a whole.
    TilesUnseen,
    /// The same, on photos that stand alone.
    TilesAlone,
    /// Level the contrast of infrared pictures.
    Contrast,
    /// Detect once more as in a mirror.
    Mirror,
    /// Classify once more as in a mirror.
    MirrorNames,
}

/// How several classifiers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnsembleMean {
    /// The mean of their probabilities.
    Probabilities,
    /// The mean of their logarithms.
    Logits,
}

/// A classifier that is asked for a finer name where the first one sees a certain taxon.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondHead {
    /// The taxon, by scientific name.
    pub on: String,
    /// Manifest or model directory, as a path from the working directory.
    pub model: PathBuf,
    /// Least score of its name.
    pub threshold: Score,
    /// What its logits are divided by, 0.01..=100; `None`: what its manifest says.
    pub temperature: Option<f32>,
}

/// How much of a burst is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EffortChoice {
    /// Every frame, and again where something moved.
    Full,
    /// Until the burst is decided: each frame that is not shown to the detector is a joule saved.
    #[default]
    Cascade,
    /// Less: certainty is traded for energy.
    Frugal,
}

/// Who runs the networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// ONNX Runtime where it is built in and found, else tract.
    #[default]
    Auto,
    /// tract, pure Rust.
    Tract,
    /// ONNX Runtime.
    OnnxRuntime,
}

/// What ONNX Runtime computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderChoice {
    /// The processor.
    #[default]
    Cpu,
    /// The processor, by XNNPACK.
    Xnnpack,
    /// A graphics card, by CUDA.
    Cuda,
    /// A graphics card, by TensorRT.
    TensorRt,
}

/// When something counts. `None`: what the models and the fitted fusion say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thresholds {
    /// Below this probability a burst is empty.
    pub empty: Option<Score>,
    /// At or above this probability it is a sighting.
    pub sighting: Option<Score>,
    /// Score from which a species is named.
    pub species: Option<Score>,
    /// Overrides of `species`, by scientific name.
    pub per_species: BTreeMap<String, Score>,
}

/// What can occur at this site, by scientific name of any rank.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Species {
    /// What occurs; empty: anything.
    pub allow: Vec<String>,
    /// What does not occur.
    pub block: Vec<String>,
}

/// Where the camera prints on the picture, as shares of its height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strip {
    /// Look for rows that never change, too.
    pub find: bool,
    /// Band at the top, 0..=0.5.
    pub top: f32,
    /// Band at the bottom, 0..=0.5.
    pub bottom: f32,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The journal's file.
    pub path: PathBuf,
    /// The folder of pictures.
    pub media: PathBuf,
}

/// What stays on the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Keep one empty burst in this many for audit; `None`: no empty is kept.
    pub empties_one_in: Option<u32>,
    /// Which frames of a sighting.
    pub sightings: KeepSightings,
    /// What becomes of pictures of people.
    pub people: KeepPeople,
    /// Most bytes of pictures on the card; `None`: only the floor limits them.
    pub budget: Option<u64>,
    /// Bytes left free for the system.
    pub floor: u64,
    /// Species with fewer events than this keep all their pictures.
    pub rare_below: u32,
    /// Pictures of events that were not sent yet are never deleted.
    pub keep_unsent: bool,
}

/// Which frames of a sighting stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeepSightings {
    /// The best frame and the crops of its boxes.
    #[default]
    Best,
    /// Every frame.
    All,
}

/// What becomes of pictures of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeepPeople {
    /// People are counted, no picture is stored.
    #[default]
    Count,
    /// The best frame is stored with people blurred.
    Blur,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {file}: {reason}; give an existing file with --config FILE")]
    Unreadable {
        /// Which file.
        file: String,
        /// The system's words.
        reason: String,
    },
    /// Not TOML, an unknown key, a value of the wrong kind.
    #[error(transparent)]
    Strict(#[from] StrictError),
    /// A value outside its range.
    #[error("{file}: key `{key}` is {value}; allowed: {allowed}")]
    Range {
        /// Which file.
        file: String,
        /// The whole key, dotted.
        key: String,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: String,
    },
}

impl Config {
    /// Reads and checks `file`. Paths in it are taken from the file's own folder.
    pub fn load(file: &Path) -> Result<Config, ConfigError> {
        let shown = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|e| ConfigError::Unreadable { file: shown.clone(), reason: e.to_string() })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        Config::parse(&text, &shown, folder)
    }

    /// Checks `text`, which came from `file` (named in errors); relative paths start at `folder`.
    pub fn parse(text: &str, file: &str, folder: &Path) -> Result<Config, ConfigError> {
        check::check(crate::strict::read(text, file)?, file, folder)
    }
}

impl Default for Config {
    /// What an empty file means, with paths from the working directory.
    fn default() -> Self {
        check::defaults()
    }
}
