//! How long a battery, a card and the air suffice: computed from a site's configuration, a board's figures, and what
//! is assumed of the animals; every figure says whether it was measured, cited or assumed.
//!
//! | file | what it is for |
//! |---|---|
//! | `energy` | a day's energy in three ways of running, and days per battery |
//! | `gps` | a satellite receiver's share of it |
//! | `card` | megabytes a day and days until the card is full |
//! | `air` | seconds on the air a day against law and fair use |

mod air;
mod card;
mod energy;
mod gps;

use serde::Serialize;

pub use self::air::{Air, Rate, air};
pub use self::card::{Card, card};
pub use self::energy::{BATTERIES, Battery, Days, Way, day_length_h, energy};
pub use crate::board::Chemistry;

use crate::board::{Energy, GpsWiring};
use crate::config::Config;

/// A figure that goes into a budget, or comes out of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Given {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// `measured …`, `cited: source` or `assumed …`; `computed` for what follows from others.
    pub from: String,
}

impl Given {
    /// One figure.
    pub fn new(name: &str, value: f64, unit: &'static str, from: &str) -> Given {
        Given { name: name.to_owned(), value, unit, from: from.to_owned() }
    }
}

/// What is known or assumed of a site's days.
#[derive(Debug, Clone, PartialEq)]
pub struct Days24 {
    /// Bursts a day.
    pub bursts: Given,
    /// Share of bursts that are sightings, 0 to 1.
    pub sightings: Given,
    /// Seconds to judge a burst.
    pub burst_s: Given,
    /// Kilobytes of a picture.
    pub picture_kb: Given,
    /// Share of bursts in the dark, 0 to 1.
    pub dark: Given,
    /// Degrees Celsius of the battery.
    pub celsius: Given,
}

/// A budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Budget {
    /// The board.
    pub board: String,
    /// Everything that goes into it.
    pub given: Vec<Given>,
    /// Energy and days, in each way of running.
    pub ways: Vec<Way>,
    /// The card.
    pub card: Card,
    /// The air, where the site has a LoRaWAN uplink.
    pub air: Option<Air>,
}

/// Computes it. `gps` is the board's satellite receiver, `card_gb` the size of the card.
pub fn budget(
    config: &Config,
    board: &Energy,
    gps: Option<&GpsWiring>,
    days: &Days24,
    batteries: &[Battery],
    card_gb: &Given,
) -> Budget {
    let air = air(config, days);
    let sent = air.as_ref().map(|air| air.energy_mwh.clone());
    let (ways, more) = energy(config, board, gps, days, batteries, sent.as_ref());
    let card = card(config, days, card_gb);
    let unit = |key: &str| if key.ends_with("_mw") { "mW" } else { "s" };
    let mut given: Vec<Given> = board
        .figures()
        .into_iter()
        // Said by the site's own figure.
        .filter(|(key, _)| *key != "burst_s")
        .map(|(key, figure)| Given::new(key, figure.value, unit(key), &figure.from))
        .collect();
    let own =
        [&days.bursts, &days.sightings, &days.burst_s, &days.picture_kb, &days.dark, &days.celsius, card_gb];
    given.extend(own.into_iter().cloned());
    given.extend(more);
    if let Some(air) = &air {
        given.extend(air.given.iter().cloned());
    }
    Budget { board: config.board.clone(), given, ways, card, air }
}
