//! Whether the trap is well: each check looks at one thing and says what to do about it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::json;

use super::api::{Answer, Shared, work};
use super::book::Book;
use super::hub::Vitals;
use super::refusal::Refusal;
use super::{Console, Trap, held, trap::card_free};
use crate::config::Config;
use crate::store::Reader;
use crate::units::ClockQuality;

/// Free space below which the card is watched, and below which it is nearly full, percent.
const CARD: (u8, u8) = (20, 5);

/// The operating range of a Raspberry Pi's chip ends at 85 °C, and cards are rated from -25 °C (SD Physical Layer
/// Specification); amber begins 15 degrees before.
const HEAT: (i8, i8) = (70, 85);
const COLD: (i8, i8) = (-10, -25);

/// A single lithium cell: below the first it should be changed, below the second the trap goes out soon.
const BATTERY: (u16, u16) = (3500, 3300);

/// Events that wait before it is told.
const BACKLOG: u64 = 100;

/// Under this name the journal keeps when it was last tried by writing.
const TRIED: &str = "console.tried";

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Green,
    Amber,
    Red,
    Grey,
}

use Colour::{Amber, Green, Grey, Red};

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    id: &'static str,
    state: Colour,
    title: &'static str,
    text: String,
    cure: &'static str,
}

fn check(
    id: &'static str,
    title: &'static str,
    (state, text, cure): (Colour, String, &'static str),
) -> Check {
    Check { id, state, title, text, cure: if state == Green { "" } else { cure } }
}

/// All checks.
pub(super) async fn answer(State(console): Shared) -> Answer {
    work(&console, |console| Ok(Json(json!({ "checks": examine(console)? })))).await
}

fn examine(console: &Console) -> Result<Vec<Check>, Refusal> {
    let mut checks = Vec::new();
    for book in &console.books {
        checks.push(check("journal", "Journal", journal(book, console)));
        checks.push(check("card", "Card", card(book)));
    }
    let Some(trap) = console.trap() else { return Ok(checks) };
    let vitals = console.hub.vitals();
    let (battery, temperature) = {
        let gauges = held(&trap.gauges);
        (gauges.battery(), gauges.temperature())
    };
    checks.push(check("clock", "Clock", clock(trap.clock.utc().1)));
    checks.push(check("models", "Models", models(trap)));
    checks.push(check("judging", "Judging", judging(trap, &vitals)));
    checks.push(check("camera", "Camera", camera(&vitals)));
    checks.push(check("battery", "Battery", level(battery)));
    checks.push(check("temperature", "Temperature", warmth(temperature)));
    if let Some(book) = console.book(0) {
        checks.push(check("sending", "Sending", sending(trap, book, console)?));
    }
    checks.push(check("configuration", "Configuration", configuration(trap)));
    Ok(checks)
}

type Found = (Colour, String, &'static str);

fn journal(book: &Book, console: &Console) -> Found {
    let name = book.path().display();
    // A reader of its own: this may take long, and pages go on meanwhile.
    match Reader::open_readonly(book.path()).and_then(|reader| reader.verify()) {
        Ok(damaged) if !damaged.is_empty() => {
            let cure = "start the trap anew: it saves what is sound and sets the damaged file aside";
            return (Red, format!("{} rows of {name} are damaged", damaged.len()), cure);
        }
        Err(error) => return (Red, error.to_string(), "look at the card"),
        Ok(_) => {}
    }
    let now = console.now().timestamp().to_le_bytes();
    if let Err(error) = book.write(|notebook| notebook.put_state(TRIED, &now)) {
        return (
            if console.trap().is_some() { Red } else { Amber },
            error.to_string(),
            "labels cannot be kept",
        );
    }
    match book.entries(<[_]>::len) {
        Ok(bursts) => (Green, format!("{name} is sound and can be written: {bursts} bursts"), ""),
        Err(error) => (Red, error.to_string(), "look at the card"),
    }
}

fn card(book: &Book) -> Found {
    let Some((bytes, percent)) = card_free(book.path()) else {
        return (Grey, "the system does not say how much is free".to_owned(), "");
    };
    let state = match percent {
        p if p < CARD.1 => Red,
        p if p < CARD.0 => Amber,
        _ => Green,
    };
    let text = format!("{percent} % free, {} MB", bytes / 1_000_000);
    (state, text, "fetch the data and put in an empty card, or lower retention.budget_mb")
}

fn clock(quality: ClockQuality) -> Found {
    let cure = "take the phone's time";
    match quality {
        ClockQuality::Unset => (Red, "was not set since the power came".to_owned(), cure),
        ClockQuality::Rtc => (Green, "from the battery-backed clock".to_owned(), ""),
        ClockQuality::Gps => (Green, "from satellites".to_owned(), ""),
        ClockQuality::Network => (Green, "set from the network or a phone".to_owned(), ""),
    }
}

fn models(trap: &Trap) -> Found {
    let cure = "name a detector and a classifier in [models] manifests";
    match trap.models.as_slice() {
        [] => (Amber, "none: motion alone judges and no species is named".to_owned(), cure),
        names if !names.iter().any(|name| name.starts_with("classifier")) => {
            (Amber, format!("{}; no classifier: no species is named", names.join(", ")), cure)
        }
        names => (Green, names.join(", "), ""),
    }
}

fn judging(trap: &Trap, vitals: &Vitals) -> Found {
    if vitals.lost > 0 {
        let text = format!("{} bursts could not even be journaled", vitals.lost);
        return (Red, text, "free space on the card and look at the log");
    }
    match vitals.last {
        None => (Grey, "no burst yet: walk past the sensor".to_owned(), "walk past the sensor"),
        Some((key, took)) => {
            let missed = match trap.live.missed() {
                0 => String::new(),
                n => format!("; the page missed {n} notes"),
            };
            (Green, format!("burst {}-{} took {} ms{missed}", key.boot, key.number, took.as_millis()), "")
        }
    }
}

fn camera(vitals: &Vitals) -> Found {
    match (&vitals.camera, &vitals.aim, &vitals.last) {
        (Some(fault), _, _) => (Red, fault.clone(), "look at the camera's cable"),
        (None, Some(fault), _) => {
            (Amber, format!("the aim view: {fault}"), "let it take a burst, then look again")
        }
        (None, None, Some(_)) => (Green, "answered at the last burst".to_owned(), ""),
        (None, None, None) => (Grey, "was not asked yet".to_owned(), "switch the aim view on"),
    }
}

fn level(battery: Option<u16>) -> Found {
    let cure = "change the battery";
    match battery {
        None => (Grey, "has no gauge".to_owned(), ""),
        // More than one cell: their number is not known here.
        Some(mv) if mv > 4300 => (Green, format!("{mv} mV"), ""),
        Some(mv) if mv < BATTERY.1 => (Red, format!("{mv} mV"), cure),
        Some(mv) if mv < BATTERY.0 => (Amber, format!("{mv} mV"), cure),
        Some(mv) => (Green, format!("{mv} mV"), ""),
    }
}

fn warmth(temperature: Option<i8>) -> Found {
    let cure = "shade the housing, or wait";
    match temperature {
        None => (Grey, "has no gauge".to_owned(), ""),
        Some(t) if t >= HEAT.1 || t <= COLD.1 => (Red, format!("{t} °C"), cure),
        Some(t) if t >= HEAT.0 || t <= COLD.0 => (Amber, format!("{t} °C"), cure),
        Some(t) => (Green, format!("{t} °C"), ""),
    }
}

fn sending(trap: &Trap, book: &Book, console: &Console) -> Result<Found, Refusal> {
    if trap.config.out.sending.uplinks.is_empty() {
        return Ok((Grey, "nothing is sent: `sending.uplinks` is empty".to_owned(), ""));
    }
    let backlog = book.read(|reader| reader.backlog())?;
    let arrived = backlog.arrived.map_or("none arrived yet".to_owned(), |at| {
        let ago = console.now() - at;
        format!("the last arrived {} min ago", ago.num_minutes().max(0))
    });
    let text = format!("{} events wait; {arrived}", backlog.waiting);
    let state = if backlog.waiting >= BACKLOG { Amber } else { Green };
    Ok((state, text, "look at the uplink: coverage, antenna, credentials"))
}

fn configuration(trap: &Trap) -> Found {
    match &trap.file {
        None => (Grey, "there is no file: every key has its default".to_owned(), ""),
        Some(file) => match Config::load(file) {
            Ok(_) => (Green, format!("{} is valid", file.display()), ""),
            Err(error) => (Red, error.to_string(), "put it right before the next start"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_their_colours() {
        assert_eq!(
            [None, Some(3200), Some(3400), Some(3900), Some(12_300)].map(|mv| level(mv).0),
            [Grey, Red, Amber, Green, Green]
        );
        assert_eq!([-30, -12, 20, 70, 90].map(|t| warmth(Some(t)).0), [Red, Amber, Green, Amber, Red]);
        assert_eq!(clock(ClockQuality::Unset).0, Red);
    }

    #[test]
    fn what_is_red_says_what_to_do() {
        let shown = check("battery", "Battery", level(Some(3000)));
        assert_eq!(shown.cure, "change the battery");
        assert_eq!(check("battery", "Battery", level(Some(4000))).cure, "");
    }
}
