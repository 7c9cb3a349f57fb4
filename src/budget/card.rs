//! What a day writes to the card, and how long it takes to fill it.

use serde::Serialize;

use super::{Days24, Given};
use crate::config::{Config, KeepSightings};

/// Journal rows of a burst, kilobytes: measured by `tests/card.rs`, about 2 kB for three frames.
const ROWS_KB: f64 = 2.0;

/// A crop beside the best frame, as a share of the frame's bytes.
const CROP: f64 = 0.2;

/// The card.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Card {
    /// Megabytes a day that stay.
    pub mb_a_day: f64,
    /// Megabytes that pictures may fill.
    pub room_mb: f64,
    /// Days until that is full; then the policy deletes the least valuable.
    pub days: f64,
    /// What the policy keeps.
    pub policy: String,
}

/// A card under a site's retention.
pub fn card(config: &Config, days: &Days24, card_gb: &Given) -> Card {
    let keeps = &config.retention;
    let (bursts, picture) = (days.bursts.value, days.picture_kb.value);
    let frames = match keeps.sightings {
        KeepSightings::Best => 1.0 + CROP,
        KeepSightings::All => config.burst.frames as f64,
    };
    let sightings = bursts * days.sightings.value;
    let audit = keeps.empties_one_in.map_or(0.0, |n| (bursts - sightings) / f64::from(n.max(1)));
    let kb = sightings * frames * picture + audit * config.burst.frames as f64 * picture + bursts * ROWS_KB;
    let card_mb = card_gb.value * 1000.0;
    let floor = keeps.floor as f64 / 1e6;
    // The system itself takes a few gigabytes.
    let room = (card_mb - SYSTEM_MB - floor).max(0.0);
    let room_mb = keeps.budget.map_or(room, |budget| room.min(budget as f64 / 1e6));
    let mb_a_day = kb / 1000.0;
    let kept = match keeps.sightings {
        KeepSightings::Best => "the best frame and its crop of a sighting",
        KeepSightings::All => "every frame of a sighting",
    };
    let empties = keeps.empties_one_in.map_or("no empties".to_owned(), |n| format!("one empty in {n}"));
    Card { mb_a_day, room_mb, days: room_mb / mb_a_day.max(1e-9), policy: format!("{kept}, {empties}") }
}

/// What the system takes of a card, megabytes: Raspberry Pi OS Lite and Trapline (assumed).
pub const SYSTEM_MB: f64 = 4000.0;
