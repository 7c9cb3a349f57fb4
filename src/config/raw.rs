//! The site configuration as written: names and defaults only, nothing checked yet.
//!
//! Every key may be left out. `cross/trapline.toml` shows each with its default; a test keeps the two the same.

use std::collections::BTreeMap;

use serde::Deserialize;

pub use super::raw_alerts::Alert;
pub use super::raw_sending::{Commands, Directory, Lorawan, Mqtt, Out, Satellite, Sending, Webhook};

/// The file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// Board profile.
    pub board: String,
    /// `[site]`
    pub site: Site,
    /// `[burst]`
    pub burst: Burst,
    /// `[models]`
    pub models: Models,
    /// `[individuals]`
    pub individuals: Individuals,
    /// `[thresholds]`
    pub thresholds: Thresholds,
    /// `[species]`
    pub species: Species,
    /// `[strip]`
    pub strip: Strip,
    /// `[journal]`
    pub journal: Journal,
    /// `[retention]`
    pub retention: Retention,
    /// `[sending]`
    pub sending: Sending,
    /// `[directory]`
    pub directory: Directory,
    /// `[lorawan]`
    pub lorawan: Lorawan,
    /// `[mqtt]`
    pub mqtt: Mqtt,
    /// `[webhook]`
    pub webhook: Webhook,
    /// `[satellite]`
    pub satellite: Satellite,
    /// `[commands]`
    pub commands: Commands,
    /// `[[alert]]`
    pub alert: Vec<Alert>,
    /// `[console]`
    pub console: super::console::Raw,
    /// `[bundles]`
    pub bundles: super::bundles::Raw,
    /// `[watchdog]`
    pub watchdog: super::watchdog::Raw,
    /// `[power]`
    pub power: super::power::Raw,
}

impl Default for Raw {
    fn default() -> Self {
        Raw {
            board: "bench".to_owned(),
            site: Site::default(),
            burst: Burst::default(),
            models: Models::default(),
            individuals: Individuals::default(),
            thresholds: Thresholds::default(),
            species: Species::default(),
            strip: Strip::default(),
            journal: Journal::default(),
            retention: Retention::default(),
            sending: Sending::default(),
            directory: Directory::default(),
            lorawan: Lorawan::default(),
            mqtt: Mqtt::default(),
            webhook: Webhook::default(),
            satellite: Satellite::default(),
            commands: Commands::default(),
            alert: Vec::new(),
            console: super::console::Raw::default(),
            bundles: super::bundles::Raw::default(),
            watchdog: super::watchdog::Raw::default(),
            power: super::power::Raw::default(),
        }
    }
}

/// Where the trap stands.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// The deployment's name.
    pub name: String,
    /// The place's name.
    pub location: String,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Whether a satellite receiver says where it stands.
    pub receiver: bool,
    /// Metres.
    pub coordinate_uncertainty_m: Option<u32>,
    /// Identifier of the place.
    pub location_id: Option<String>,
    /// Who put the camera up.
    pub setup_by: Option<String>,
    /// Serial number or name.
    pub camera_id: Option<String>,
    /// Maker and model.
    pub camera_model: Option<String>,
    /// Metres above the ground.
    pub height_m: Option<f64>,
    /// Degrees from the horizontal.
    pub tilt_deg: Option<i32>,
    /// Compass degrees.
    pub heading_deg: Option<u32>,
    /// Metres.
    pub detection_distance_m: Option<f64>,
    /// Whether bait lies there.
    pub bait: Option<bool>,
    /// What runs past it.
    pub feature: Option<String>,
    /// In one's own words.
    pub habitat: Option<String>,
    /// Season, grid and the like.
    pub groups: Vec<String>,
    /// `word` or `key:value`.
    pub tags: Vec<String>,
    /// Anything else.
    pub comments: Option<String>,
}

impl Default for Site {
    fn default() -> Self {
        Site {
            name: "trap".to_owned(),
            location: String::new(),
            latitude: None,
            longitude: None,
            receiver: false,
            coordinate_uncertainty_m: None,
            location_id: None,
            setup_by: None,
            camera_id: None,
            camera_model: None,
            height_m: None,
            tilt_deg: None,
            heading_deg: None,
            detection_distance_m: None,
            bait: None,
            feature: None,
            habitat: None,
            groups: Vec::new(),
            tags: Vec::new(),
            comments: None,
        }
    }
}

/// How pictures are taken.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Burst {
    /// Pictures per trigger.
    pub frames: i64,
    /// Milliseconds between them.
    pub interval_ms: i64,
    /// Seconds without a picture that open a new sequence.
    pub gap_s: i64,
}

impl Default for Burst {
    fn default() -> Self {
        // 3 frames a second apart: the commonest setting of camera traps on sale; 20 s: the gap of DeepFaune's paper.
        Burst { frames: 3, interval_ms: 1000, gap_s: 20 }
    }
}

/// The networks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Models {
    /// Manifests or model directories, one per role.
    pub manifests: Vec<String>,
    /// How several classifiers become one.
    pub ensemble: Option<super::EnsembleMean>,
    /// Second heads.
    pub second: Vec<SecondHead>,
    /// `auto` or an engine's name.
    pub engine: super::EngineChoice,
    /// ONNX Runtime's shared library.
    pub onnxruntime: Option<String>,
    /// What ONNX Runtime computes with.
    pub provider: super::ProviderChoice,
    /// Threads for inference; 0: one per core.
    pub threads: i64,
    /// How much of a burst is looked at.
    pub effort: super::EffortChoice,
    /// How closely the networks look.
    pub look: Option<Vec<super::LookWord>>,
    /// Millivolts; 0: never.
    pub frugal_below_mv: i64,
}

impl Default for Models {
    fn default() -> Self {
        Models {
            manifests: Vec::new(),
            ensemble: None,
            second: Vec::new(),
            engine: super::EngineChoice::Auto,
            onnxruntime: None,
            provider: super::ProviderChoice::Cpu,
            threads: 0,
            effort: super::EffortChoice::default(),
            look: None,
            frugal_below_mv: 0,
        }
    }
}

/// A second head.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondHead {
    /// Scientific name.
    pub on: String,
    /// Manifest or model directory.
    pub model: String,
    /// 0 to 1.
    #[serde(default = "SecondHead::threshold")]
    pub threshold: f64,
    /// 0.01 to 100.
    pub temperature: Option<f64>,
}

impl SecondHead {
    /// DeepFaune's for its bird head.
    fn threshold() -> f64 {
        0.8
    }
}

/// Who was met before.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Individuals {
    /// The gallery.
    pub gallery: Option<String>,
}

/// When something counts.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Below this probability a burst is empty.
    pub empty: Option<f64>,
    /// At or above it, a sighting.
    pub sighting: Option<f64>,
    /// Score from which a species is named.
    pub species: Option<f64>,
    /// Overrides by scientific name.
    pub per_species: BTreeMap<String, f64>,
}

/// What can occur here.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Species {
    /// Scientific names (of any rank) that occur; empty: all.
    pub allow: Vec<String>,
    /// Scientific names that do not occur.
    pub block: Vec<String>,
}

/// Where the camera prints on the picture.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Strip {
    /// Look for rows that never change.
    pub find: bool,
    /// Share of the height at the top.
    pub top: f64,
    /// Share of the height at the bottom.
    pub bottom: f64,
}

impl Default for Strip {
    fn default() -> Self {
        Strip { find: true, top: 0.0, bottom: 0.0 }
    }
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    /// The journal's file.
    pub path: String,
    /// The folder of pictures.
    pub media: String,
}

impl Default for Journal {
    fn default() -> Self {
        Journal { path: "trapline.db".to_owned(), media: "media".to_owned() }
    }
}

/// What stays on the card.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Keep one empty burst in this many for audit; 0: none.
    pub empties_one_in: i64,
    /// Which frames of a sighting.
    pub sightings: super::KeepSightings,
    /// What becomes of pictures of people.
    pub people: super::KeepPeople,
    /// Most bytes of pictures on the card, megabytes; 0: no limit but the floor.
    pub budget_mb: i64,
    /// Free space left to the system, megabytes.
    pub floor_mb: i64,
    /// Species with fewer events than this keep all their pictures.
    pub rare_below: i64,
    /// Pictures of events that were not sent yet are never deleted.
    pub keep_unsent: bool,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            empties_one_in: 0,
            sightings: super::KeepSightings::Best,
            people: super::KeepPeople::Count,
            budget_mb: 0,
            // tc2-agent keeps 200 MB free.
            floor_mb: 200,
            // BirdNET-Go keeps at least 10 clips of each species.
            rare_below: 10,
            keep_unsent: true,
        }
    }
}
