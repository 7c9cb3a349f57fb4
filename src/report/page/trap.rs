//! How the traps fared: effort, empties, battery and temperature.

use maud::{Markup, html};

use super::figure::{Words, figure, table};
use crate::event::{Outcome, Source};
use crate::report::texts::{self, count, percent, thousands};
use crate::report::{Fired, Gap, Report, ReportError, Series, plot};
use plot::{Quantity, ink};

fn nights(nights: f64) -> String {
    if nights > 0.0 { format!("{nights:.1}") } else { "–".to_owned() }
}

fn hours(hours: f64) -> String {
    if hours < 48.0 { format!("{hours:.0} h") } else { format!("{:.1} d", hours / 24.0) }
}

pub(super) fn effort(report: &Report) -> Result<Markup, ReportError> {
    let heads =
        ["Deployment", "Near", "Trap nights", "From", "To", "Gaps", "Longest gap", "Cut short", "Bursts"];
    let rows = report.stands.iter().map(|s| {
        let date = |at: Option<chrono::NaiveDateTime>| {
            at.map_or("–".to_owned(), |at| at.format("%Y-%m-%d %H:%M").to_string())
        };
        let longest = s.gaps.iter().map(Gap::hours).fold(0.0, f64::max);
        vec![
            s.name.clone(),
            s.near.map_or("–".to_owned(), |(north, east)| format!("{north:.1}°, {east:.1}°")),
            nights(s.nights),
            date(s.spells.iter().map(|w| w.from).min()),
            date(s.spells.iter().map(|w| w.to).max()),
            s.gaps.len().to_string(),
            if s.gaps.is_empty() { "–".to_owned() } else { hours(longest) },
            s.spells.iter().filter(|w| w.cut).count().to_string(),
            thousands(s.bursts.all().into()),
        ]
    });
    let summary = html! { div.scroll tabindex="0" { (table(&heads, rows)) } };
    if report.stands.iter().all(|s| s.spells.is_empty()) {
        return Ok(html! { p.nothing { (texts::NO_EFFORT) } @if !report.stands.is_empty() { (summary) } });
    }
    let gaps = report.stands.iter().map(|s| s.gaps.len()).sum::<usize>();
    let words = Words {
        id: "effort".to_owned(),
        title: "When each deployment stood watch".to_owned(),
        description: format!(
            "{} trap nights at {}, {}.",
            nights(report.totals.nights),
            count(report.stands.len() as u64, "deployment", "deployments"),
            count(gaps as u64, "gap", "gaps")
        ),
    };
    let spells = report.stands.iter().flat_map(|s| {
        s.spells.iter().map(move |w| {
            let end = if w.cut { "cut short" } else { "stopped" };
            vec![s.name.clone(), w.from.to_string(), w.to.to_string(), end.to_owned()]
        })
    });
    let behind = table(&["Deployment", "From", "To", "End"], spells);
    let entries = [(ink::GREEN, "on watch"), (ink::BARE, "no watch")];
    let drawn = figure(&words, &entries, &behind, |screen| plot::watch(&report.stands, screen))?;
    Ok(html! {
        p { (texts::EFFORT_NOTE) }
        (drawn)
        (summary)
    })
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Empty => "Empty",
        Outcome::Sighting => "Animals",
        Outcome::Uncertain => "Uncertain",
        Outcome::Person => "People",
        Outcome::Vehicle => "Vehicles",
        Outcome::Failed => "Failed",
    }
}

/// A trigger in plain words.
fn trigger(fired: &Fired) -> String {
    let name = match fired.source {
        Some(Source::Pir) => "PIR",
        Some(Source::Motion) => "Motion in the picture",
        Some(Source::Timer) => "Time-lapse",
        Some(Source::Asked) => "On request",
        Some(Source::Spool) => "Another camera",
        Some(Source::Bench) => "Bench",
        None => "Not recorded",
    };
    fired.detail.as_ref().map_or(name.to_owned(), |detail| format!("{name}, {detail}"))
}

pub(super) fn empties(report: &Report) -> Result<Markup, ReportError> {
    let totals = &report.totals;
    if totals.bursts.all() == 0 {
        return Ok(html! { p.nothing { (texts::NO_BURSTS) } });
    }
    let kinds = &totals.bursts;
    let summary = format!(
        "{} of {} were empty ({}). Storm control swallowed {}; {} failed in the camera.",
        thousands(kinds.empty.into()),
        count(kinds.all(), "burst", "bursts"),
        kinds.empty_share().map_or("–".to_owned(), percent),
        count(totals.suppressed, "trigger", "triggers"),
        count(totals.failed_captures, "capture", "captures"),
    );
    let days = Words {
        id: "days".to_owned(),
        title: format!("Bursts of each {}", if plot::weekly(&report.days) { "week" } else { "day" }),
        description: summary.clone(),
    };
    let heads = ["Day", "Bursts", "Empty", "Share"];
    let rows = report.days.iter().filter(|d| d.bursts.all() > 0).map(|d| {
        let share = d.bursts.empty_share().map_or("–".to_owned(), percent);
        vec![d.date.to_string(), d.bursts.all().to_string(), d.bursts.empty.to_string(), share]
    });
    let entries = [
        (ink::BLUE, "animals"),
        (ink::ORANGE, "uncertain"),
        (ink::PURPLE, "people and vehicles"),
        (ink::GREY, "empty"),
        (ink::VERMILION, "failed"),
    ];
    let by_day = figure(&days, &entries, &table(&heads, rows), |screen| plot::days(&report.days, screen))?;
    let busiest =
        (0..).zip(&report.hours).max_by_key(|(h, hour)| (hour.bursts.empty, -*h)).map_or(0, |(h, _)| h);
    let hours = Words {
        id: "hours".to_owned(),
        title: "Empties of each hour of the day".to_owned(),
        description: format!("Most empties in the hour from {busiest}:00."),
    };
    let heads =
        ["Hour", "Empty, still", "Empty, little moved", "Empty, much moved", "All else", "Share of empties"];
    let rows = report.hours.iter().enumerate().map(|(h, hour)| {
        let share = hour.bursts.empty_share().map_or("–".to_owned(), percent);
        let counts =
            [hour.empty_still, hour.empty_little, hour.empty_much, hour.bursts.all() - hour.bursts.empty];
        let counts = counts.map(|n| n.to_string());
        std::iter::once(format!("{h}:00")).chain(counts).chain([share]).collect()
    });
    let entries = [
        (plot::EMPTY_STILL, "empty, nothing moved"),
        (plot::EMPTY_LITTLE, "empty, less than 5 % moved"),
        (plot::EMPTY_MUCH, "empty, more moved"),
        (ink::GRID, "not empty"),
    ];
    let by_hour =
        figure(&hours, &entries, &table(&heads, rows), |screen| plot::hours(&report.hours, screen))?;
    let causes = report.causes.iter().map(|c| {
        let all = c.still + c.little + c.much;
        let light = if c.infrared { "infrared" } else { "daylight" };
        let cell =
            |n: u32| format!("{} ({})", thousands(n.into()), percent(f64::from(n) / f64::from(all.max(1))));
        let counts = [cell(c.still), cell(c.little), cell(c.much)];
        std::iter::once(format!("{}, {light}", outcome(c.outcome)))
            .chain([thousands(all.into())])
            .chain(counts)
            .collect()
    });
    let fired_heads = ["Trigger", "Bursts", "Animals", "Empty", "Share of empties", "All else"];
    let fired = report.fired.iter().map(|f| {
        let else_ = f.bursts.all() - f.bursts.sighting - f.bursts.empty;
        vec![
            trigger(f),
            thousands(f.bursts.all().into()),
            thousands(f.bursts.sighting.into()),
            thousands(f.bursts.empty.into()),
            f.bursts.empty_share().map_or("–".to_owned(), percent),
            thousands(else_.into()),
        ]
    });
    let cause_heads =
        ["What it was, and the light", "Bursts", "Nothing moved", "Less than 5 % moved", "More moved"];
    let place_heads = ["Deployment", "Bursts", "Empty", "Share", "Suppressed triggers", "Failed captures"];
    let places = report.stands.iter().map(|s| {
        vec![
            s.name.clone(),
            thousands(s.bursts.all().into()),
            thousands(s.bursts.empty.into()),
            s.bursts.empty_share().map_or("–".to_owned(), percent),
            thousands(s.suppressed),
            thousands(s.failed_captures),
        ]
    });
    Ok(html! {
        p { (summary) }
        h3 { (days.title) }
        (by_day)
        h3 { (hours.title) }
        (by_hour)
        h3 { "What fired" }
        @if report.fired.is_empty() {
            p { (texts::NOT_RECORDED) }
        } @else {
            p { (texts::FIRED_NOTE) }
            div.scroll tabindex="0" { (table(&fired_heads, fired)) }
        }
        h3 { "What moved" }
        p { (texts::EMPTIES_NOTE) }
        div.scroll tabindex="0" { (table(&cause_heads, causes)) }
        h3 { "By deployment" }
        div.scroll tabindex="0" { (table(&place_heads, places)) }
    })
}

pub(super) fn power(report: &Report) -> Result<Markup, ReportError> {
    if report.readings.is_empty() {
        return Ok(html! { p.nothing { (texts::NO_POWER) } });
    }
    let mut figures = Vec::new();
    let quantities = [
        (Quantity::Battery, "Battery", "V"),
        (Quantity::Charge, "State of charge", "%"),
        (Quantity::Temperature, "Temperature", "°C"),
    ];
    for (quantity, name, unit) in quantities {
        let with: Vec<Series> = report
            .readings
            .iter()
            .filter(|s| s.points.iter().any(|p| quantity.of(p).is_some()))
            .cloned()
            .collect();
        let mut drawn = Vec::new();
        for (number, some) in with.chunks(ink::LINES.len()).enumerate() {
            drawn.push(curves(some, quantity, (name, unit), number)?);
        }
        if !drawn.is_empty() {
            figures.push(html! { h3 { (name) ", " (unit) } @for figure in &drawn { (figure) } });
        }
    }
    Ok(html! { p { (texts::POWER_NOTE) } @for figure in &figures { (figure) } })
}

fn curves(
    some: &[Series],
    quantity: Quantity,
    (name, unit): (&str, &str),
    number: usize,
) -> Result<Markup, ReportError> {
    let of = |s: &Series| -> Vec<f64> { s.points.iter().filter_map(|p| quantity.of(p)).collect() };
    let low = |v: &[f64]| v.iter().copied().fold(f64::INFINITY, f64::min);
    let high = |v: &[f64]| v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let all: Vec<f64> = some.iter().flat_map(of).collect();
    let words = Words {
        id: format!("{}-{number}", name.to_lowercase()),
        title: format!("{name} over time"),
        description: format!(
            "{}: from {:.1} to {:.1} {unit}.",
            count(some.len() as u64, "deployment", "deployments"),
            low(&all),
            high(&all)
        ),
    };
    let rows = some.iter().map(|s| {
        let values = of(s);
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let last = values.last().copied().unwrap_or_default();
        let cells = [low(&values), mean, high(&values), last].map(|v| format!("{v:.2}"));
        std::iter::once(s.name.clone()).chain([values.len().to_string()]).chain(cells).collect()
    });
    let table = table(&["Deployment", "Readings", "Lowest", "Mean", "Highest", "Last"], rows);
    let entries: Vec<_> = ink::LINES.iter().zip(some).map(|(colour, s)| (*colour, s.name.as_str())).collect();
    figure(&words, &entries, &table, |screen| plot::readings(some, quantity, screen))
}
