//! `[[alert]]` as written: names and defaults only.

use serde::Deserialize;

use super::sending::Carrier;

/// One rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alert {
    /// What it is called.
    pub name: String,
    /// What it is about.
    pub species: Vec<String>,
    /// Which individual of it.
    pub individual: Option<String>,
    /// Least score.
    pub score: f64,
    /// Least frames.
    pub frames: i64,
    /// Least bursts.
    pub bursts: i64,
    /// Minutes that those bursts may take.
    pub within_min: i64,
    /// When it counts.
    pub hours: String,
    /// Minutes of silence per species.
    pub cooldown_min: i64,
    /// Once per species and UTC day.
    pub first_of_day: bool,
    /// What may carry it.
    pub uplinks: Vec<Carrier>,
    /// Whether a small picture follows.
    pub picture: bool,
    /// Whether it counts at all.
    pub on: bool,
}

impl Default for Alert {
    fn default() -> Self {
        Alert {
            name: String::new(),
            species: Vec::new(),
            individual: None,
            score: 0.0,
            frames: 1,
            bursts: 1,
            within_min: 30,
            hours: "any".to_owned(),
            cooldown_min: 30,
            first_of_day: false,
            uplinks: Vec::new(),
            picture: false,
            on: true,
        }
    }
}
