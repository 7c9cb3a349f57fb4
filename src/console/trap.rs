//! What the page does with the trap itself: status, aim, settings, time, power.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use chrono::{DateTime, Datelike, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::api::{Answer, Shared, given, only_on_a_trap, work};
use super::refusal::Refusal;
use super::{Console, Trap, held, hub, settings};
use crate::config::Config;
use crate::daemon::live::Power;
use crate::daemon::locate::Word;
use crate::units::ClockQuality;

/// Before the run is ended for good, the answer to the page leaves.
const PARTING: Duration = Duration::from_millis(300);

/// Years that a phone may say it is: a phone at 1970 or 2099 is wrong.
const YEARS: std::ops::RangeInclusive<i32> = 2024..=2090;

/// How the trap is.
pub(super) fn status(console: &Console) -> Result<Value, Refusal> {
    let Some(trap) = console.trap() else {
        let now = Utc::now();
        return Ok(json!({
            "now": hub::time(now), "clock": null, "boot": null, "uptime_s": null, "battery_mv": null,
            "battery_percent": null, "battery_ma": null, "strained": null,
            "temperature_c": null, "card_free": null, "bursts_today": null, "empties_today": null,
            "events_waiting": null, "last_burst": null, "gps": null, "models": [], "aim": { "on": false, "ends_in_s": null },
        }));
    };
    let book = console.book(0).ok_or_else(|| Refusal::unknown("journal"))?;
    let (now, clock) = trap.clock.utc();
    let (bursts, empties) = book.today(now)?;
    let last = book.entries(|entries| entries.last().map(|e| hub::time(e.summary.triggered)))?;
    let waiting = book.read(|reader| reader.backlog())?.waiting;
    let (battery, charge, strain, temperature) = {
        let gauges = held(&trap.gauges);
        (gauges.battery(), gauges.charge().unwrap_or_default(), gauges.strain(), gauges.temperature())
    };
    let vitals = console.hub.vitals();
    let gps = match trap.profile.as_ref().is_some_and(|profile| profile.gps.is_some()) {
        true => Some(by_satellite(&book.read(|reader| Word::of(reader, &trap.config.site.name))?)),
        false => None,
    };
    Ok(json!({
        "now": hub::time(now),
        "clock": clock.as_str(),
        "boot": trap.boot,
        "uptime_s": trap.live.uptime().as_secs(),
        "battery_mv": battery,
        "battery_percent": charge.percent,
        "battery_ma": charge.milliamps,
        "strained": strain.map(|strain| strain.under_voltage || strain.throttled),
        "temperature_c": temperature,
        "card_free": crate::doctor::free(folder_of(book.path())).map(|(_, percent)| percent),
        "bursts_today": bursts,
        "empties_today": empties,
        "events_waiting": waiting,
        "last_burst": last,
        "last_pir": vitals.triggered.map(hub::time),
        "gps": gps,
        "models": trap.models,
        "aim": {
            "on": trap.live.aiming().is_some(),
            "ends_in_s": trap.live.aiming().map(|left| left.as_secs()),
            "failed": vitals.aim,
        },
        "off_in_s": trap.switch.left().map(|left| left.as_secs()),
    }))
}

/// The last fix of the satellite receiver, and the attempt after it that found nothing.
fn by_satellite(word: &Word) -> Value {
    let when = |seconds: i64| DateTime::from_timestamp(seconds, 0).map(hub::time);
    let last = word.last.as_ref();
    let missed = word.missed.as_ref();
    json!({
        "at": last.and_then(|last| when(last.at)),
        "place": last.and_then(|last| last.place),
        "missed": missed.map(|missed| json!({ "at": missed.at.and_then(when), "why": missed.why })),
    })
}

/// The folder that holds `path`.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Aim {
    on: bool,
}

/// The aim view on or off.
pub(super) async fn aim(State(console): Shared, body: Result<Json<Aim>, JsonRejection>) -> Answer {
    let on = given(body)?.on;
    let trap = only_on_a_trap(&console)?;
    trap.live.aim(on);
    Ok(Json(json!({ "on": on, "ends_in_s": trap.live.aiming().map(|left| left.as_secs()) })))
}

/// Who asks for a burst by the page, as the journal keeps it.
const PAGE: &str = "page";

/// A burst, now: it comes to the page as every other.
pub(super) async fn burst(State(console): Shared) -> Result<StatusCode, Refusal> {
    let trap = only_on_a_trap(&console)?;
    if trap.asks.ask(PAGE) {
        return Ok(StatusCode::ACCEPTED);
    }
    if trap.bench {
        let refused = "this is the bench: its bursts come by its script";
        return Err(Refusal::new(StatusCode::CONFLICT, refused));
    }
    let refused = "no burst is taken now: there were too many on request just before, or this trap takes none; \
                   wait a minute (`[storm]` of the board profile says how many there may be)";
    Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, refused))
}

/// The configuration's keys that the page may change.
pub(super) async fn settings(State(console): Shared) -> Answer {
    work(&console, |console| {
        let trap = only_on_a_trap(console)?;
        let file = file(trap)?;
        let text = read(file)?;
        Ok(Json(told(console, file, settings::list(&text)?)))
    })
    .await
}

fn told(console: &Console, file: &Path, keys: Vec<Value>) -> Value {
    let restart = console.changed.load(Ordering::SeqCst);
    json!({ "file": file.to_string_lossy(), "keys": keys, "restart": restart })
}

fn file(trap: &Trap) -> Result<&Path, Refusal> {
    let cure =
        "the trap runs without a configuration file; start it with --config FILE to change settings here";
    trap.file.as_deref().ok_or_else(|| Refusal::new(StatusCode::CONFLICT, cure))
}

fn read(file: &Path) -> Result<String, Refusal> {
    std::fs::read_to_string(file)
        .map_err(|e| Refusal::new(StatusCode::CONFLICT, format!("{}: {e}", file.display())))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Values {
    values: Map<String, Value>,
}

/// Writes settings into the configuration file: all of them, or none.
pub(super) async fn put_settings(
    State(console): Shared,
    body: Result<Json<Values>, JsonRejection>,
) -> Answer {
    let values = given(body)?.values;
    work(&console, move |console| {
        let file = file(only_on_a_trap(console)?)?;
        // Two phones must not write over each other.
        let _alone = held(&console.writing);
        let before = read(file)?;
        let after = settings::change(&before, &values)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        Config::parse(&after, &file.to_string_lossy(), folder)?;
        if after != before {
            settings::write(file, &after).map_err(|e| {
                Refusal::new(StatusCode::CONFLICT, format!("{} is as it was: {e}", file.display()))
            })?;
            console.changed.store(true, Ordering::SeqCst);
            let keys: Vec<&str> = values.keys().map(String::as_str).collect();
            log::warn!("the page changed {} in {}", keys.join(", "), file.display());
        }
        Ok(Json(told(console, file, settings::list(&after)?)))
    })
    .await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Time {
    utc: DateTime<Utc>,
}

/// Takes the phone's time.
pub(super) async fn time(State(console): Shared, body: Result<Json<Time>, JsonRejection>) -> Answer {
    let utc = given(body)?.utc;
    let trap = only_on_a_trap(&console)?;
    if !YEARS.contains(&utc.year()) {
        return Err(Refusal::value("utc", hub::time(utc), "a time from 2024 to 2090"));
    }
    let moved = trap.clock.correct(utc, ClockQuality::Network);
    log::warn!("the page set the clock; it was {} ms behind", moved.num_milliseconds());
    Ok(Json(json!({ "moved_s": moved.num_milliseconds() as f64 / 1000.0 })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    action: String,
}

/// Whether there is something to switch off: a bench has only what its configuration names.
pub(super) fn has_power(trap: &Trap) -> bool {
    let usual = Config::default().console;
    let console = &trap.config.console;
    !trap.bench || (&console.power_off, &console.reboot) != (&usual.power_off, &usual.reboot)
}

/// Ends the watch in order, then the machine.
pub(super) async fn power(
    State(console): Shared,
    body: Result<Json<Wish>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    let wish = given(body)?.action;
    let trap = only_on_a_trap(&console)?;
    let power = match wish.as_str() {
        "off" => Power::Off,
        "reboot" => Power::Reboot,
        other => return Err(Refusal::value("action", format!("\"{other}\""), "off or reboot")),
    };
    if !has_power(trap) {
        let refused = "this is the bench: there is no trap to switch off; stop it with Ctrl-C";
        return Err(Refusal::new(StatusCode::CONFLICT, refused));
    }
    log::warn!("the page asked: {wish}");
    let console = Arc::clone(&console);
    tokio::spawn(async move {
        tokio::time::sleep(PARTING).await;
        if let Some(trap) = console.trap() {
            trap.live.end(power);
        }
    });
    Ok(StatusCode::ACCEPTED)
}
