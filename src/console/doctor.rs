//! Whether the trap is well, on the page: the checks are those of `trapline doctor`, asked beside the daemon.

use std::path::Path;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::api::{Answer as Reply, Shared, work};
use super::book::Book;
use super::refusal::Refusal;
use super::{Console, Trap, held};
use crate::config::Config;
use crate::doctor::{Answer, Asked, Burst, Daemon, Finding, Hands, Language, Linked, Loaded, Patient, Roots};
use crate::doctor::{examine, newest_picture};
use crate::hal::{Camera, Charge, Clock, DeviceError, Gauges, Strain, Trigger};
use crate::units::ClockQuality;

/// What a laptop can say of a card.
const AT_HOME: [&str; 2] = ["journal", "card"];

/// All checks.
pub(super) async fn answer(State(console): Shared) -> Reply {
    work(&console, |console| {
        let found = match console.trap() {
            Some(trap) => of_trap(console, trap)?,
            None => console.books.iter().flat_map(of_card).collect(),
        };
        let checks: Vec<_> = found.iter().map(|finding| finding.to_json(Language::En)).collect();
        Ok(Json(json!({ "checks": checks })))
    })
    .await
}

fn of_trap(console: &Console, trap: &Trap) -> Result<Vec<Finding>, Refusal> {
    let book = console.book(0).ok_or_else(|| Refusal::unknown("journal"))?;
    // Asked once, so that others can ask meanwhile.
    let gauges = {
        let gauges = held(&trap.gauges);
        Told {
            charge: gauges.charge(),
            temperature: gauges.temperature(),
            strain: gauges.strain(),
            fault: gauges.fault(),
        }
    };
    let mut hands = Page { console, book };
    let mut patient = Patient {
        config: &trap.config,
        file: trap.file.as_deref(),
        profile: trap.profile.as_ref(),
        roots: Roots::default(),
        clock: &*trap.clock,
        gauges: &gauges,
        daemon: Some(daemon(console, trap)),
        journals: vec![book.path().to_owned()],
        hands: &mut hands,
        patience: Duration::ZERO,
        at_home: false,
        asked: Asked::default(),
    };
    Ok(examine(&mut patient, &|check| !check.hands, &mut |_| {}))
}

fn daemon(console: &Console, trap: &Trap) -> Daemon {
    let vitals = console.hub.vitals();
    let last = vitals.last.map(|(key, took)| {
        // What became of its frames is told by the camera's own note.
        Burst { key, at: vitals.triggered.unwrap_or_default(), took, failed: (0, 0) }
    });
    let camera = match (&vitals.camera, &last) {
        (Some(fault), _) => Answer::Failed(fault.clone()),
        (None, Some(_)) => Answer::Well,
        (None, None) => Answer::Unknown,
    };
    Daemon {
        last,
        triggered: vitals.triggered,
        camera,
        aim: vitals.aim,
        lost: vitals.lost,
        missed: trap.live.missed(),
        models: Some(trap.models.clone()),
    }
}

/// A card on a laptop.
fn of_card(book: &Book) -> Vec<Finding> {
    let mut config = Config::default();
    config.journal.path = book.path().to_owned();
    let (clock, gauges) = (Laptop(Instant::now()), Told::default());
    let mut patient = Patient {
        config: &config,
        file: None,
        profile: None,
        roots: Roots::default(),
        clock: &clock,
        gauges: &gauges,
        daemon: None,
        journals: vec![book.path().to_owned()],
        hands: &mut Nobody,
        patience: Duration::ZERO,
        at_home: true,
        asked: Asked::default(),
    };
    examine(&mut patient, &|check| AT_HOME.contains(&check.name), &mut |_| {})
}

/// What gauges said.
#[derive(Default)]
struct Told {
    charge: Option<Charge>,
    temperature: Option<i8>,
    strain: Option<Strain>,
    fault: Option<String>,
}

impl Gauges for Told {
    fn battery(&self) -> Option<u16> {
        self.charge?.millivolts
    }

    fn temperature(&self) -> Option<i8> {
        self.temperature
    }

    fn charge(&self) -> Option<Charge> {
        self.charge
    }

    fn strain(&self) -> Option<Strain> {
        self.strain
    }

    fn fault(&self) -> Option<String> {
        self.fault.clone()
    }
}

/// A laptop's clock, which its own system keeps.
struct Laptop(Instant);

impl Clock for Laptop {
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn utc(&self) -> (DateTime<Utc>, ClockQuality) {
        (Utc::now(), ClockQuality::Network)
    }

    fn correct(&self, _: DateTime<Utc>, _: ClockQuality) -> TimeDelta {
        TimeDelta::zero()
    }
}

/// The daemon holds the devices: only its pictures can be looked at.
struct Page<'a> {
    console: &'a Console,
    book: &'a Book,
}

impl Hands for Page<'_> {
    fn sensor(&mut self) -> Result<Option<Box<dyn Trigger>>, DeviceError> {
        Ok(None)
    }

    fn camera(&mut self) -> Result<Option<Box<dyn Camera>>, DeviceError> {
        Ok(None)
    }

    fn picture(&mut self) -> Option<(DateTime<Utc>, Vec<u8>)> {
        if let Some(jpeg) = self.console.hub.newest_frame() {
            return Some((self.console.now(), jpeg.to_vec()));
        }
        let media: &Path = self.book.media();
        self.book.read(|reader| Ok(newest_picture(reader, media))).ok().flatten()
    }

    fn networks(&mut self) -> Result<Loaded, String> {
        Err("the daemon holds them".to_owned())
    }

    fn bench(&mut self) -> Result<Vec<Vec<u8>>, String> {
        Err("the daemon judges its own bursts".to_owned())
    }

    fn links(&mut self) -> Vec<(String, Linked)> {
        Vec::new()
    }

    fn triggered(&mut self) -> Option<DateTime<Utc>> {
        self.console.hub.vitals().triggered
    }

    fn wave(&mut self, _: Duration) {}
}

/// A laptop has no devices of a trap.
struct Nobody;

impl Hands for Nobody {
    fn sensor(&mut self) -> Result<Option<Box<dyn Trigger>>, DeviceError> {
        Ok(None)
    }

    fn camera(&mut self) -> Result<Option<Box<dyn Camera>>, DeviceError> {
        Ok(None)
    }

    fn picture(&mut self) -> Option<(DateTime<Utc>, Vec<u8>)> {
        None
    }

    fn networks(&mut self) -> Result<Loaded, String> {
        Err("a laptop judges nothing".to_owned())
    }

    fn bench(&mut self) -> Result<Vec<Vec<u8>>, String> {
        Err("a laptop judges nothing".to_owned())
    }

    fn links(&mut self) -> Vec<(String, Linked)> {
        Vec::new()
    }

    fn triggered(&mut self) -> Option<DateTime<Utc>> {
        None
    }

    fn wave(&mut self, _: Duration) {}
}
