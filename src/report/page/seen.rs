//! What the traps saw: species, pictures, activity, calendar, accumulation, and what waits for eyes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::figure::{Words, behind, drawing, figure, legend, table};
use crate::report::texts::{self, count};
use crate::report::{Name, Report, ReportError, Shown, Species, plot};
use plot::ink;

/// Activity is drawn for so many kinds, those with most records.
const ACTIVITIES: usize = 24;

/// English and scientific name.
fn name(name: &Name) -> Markup {
    html! {
        @if name.taxon.is_empty() || name.label.is_empty() || name.taxon.eq_ignore_ascii_case(&name.label) {
            @if name.label.is_empty() && name.is_species() { i { (name.plain()) } } @else { (name.plain()) }
        } @else {
            (name.label) " " span.taxon { (name.taxon) }
        }
        @if !name.is_species() && !name.rank.is_empty() { " " span.rank { (name.rank) } }
    }
}

pub(super) fn seen(report: &Report) -> Markup {
    if report.species.is_empty() {
        return html! { p.nothing { (texts::NOTHING_SEEN) } };
    }
    let row = |s: &Species| {
        html! {
            tr {
                th scope="row" { (name(&s.name)) }
                td { (s.records) }
                td { (s.bursts) }
                td { (s.largest_group) }
                td { (s.per_100_nights.map_or("–".to_owned(), |n| format!("{n:.1}"))) }
                td { (s.stands) }
                td.date { (s.seen.0) }
                td.date { (s.seen.1) }
                td { (s.by_people) }
            }
        }
    };
    html! {
        p { (texts::SEEN_NOTE) " " (texts::independence(report.independence_minutes)) }
        div.scroll tabindex="0" {
            table {
                thead { tr {
                    @for head in ["Kind", "Records", "Bursts", "Largest group", "Per 100 nights", "Places", "First", "Last", "Seen by people"] {
                        th scope="col" { (head) }
                    }
                } }
                tbody { @for s in &report.species { (row(s)) } }
            }
        }
        p.note {
            (texts::labels(report)) " "
            "Beside the animals: " (count(report.totals.bursts.person, "burst", "bursts")) " with people, "
            (count(report.totals.bursts.vehicle, "burst", "bursts")) " with vehicles."
        }
    }
}

fn image(shown: &Shown, alt: &str) -> Markup {
    html! { img alt=(alt) src={ "data:image/jpeg;base64," (STANDARD.encode(&shown.jpeg)) }; }
}

fn place(report: &Report, stand: usize) -> &str {
    report.stands.get(stand).map_or("", |s| s.name.as_str())
}

pub(super) fn pictures(report: &Report) -> Markup {
    let shown: Vec<_> = report.species.iter().filter_map(|s| Some((s, s.best.as_ref()?))).collect();
    if shown.is_empty() {
        let why = if report.species.is_empty() { texts::NOTHING_SEEN } else { texts::NO_PICTURES };
        return html! { p.nothing { (why) } };
    }
    let without: Vec<&str> =
        report.species.iter().filter(|s| s.best.is_none()).map(|s| s.name.plain()).collect();
    html! {
        p { (texts::PICTURES_NOTE) }
        ul.cards {
            @for (species, best) in shown {
                li {
                    (image(best, &format!("{} at {}", species.name.plain(), place(report, best.stand))))
                    div {
                        strong { (name(&species.name)) }
                        span { (place(report, best.stand)) ", " (best.at.format("%-d %b %Y, %H:%M")) }
                        span { "burst " code { (best.key) } @if best.by_person { ", named by a person" } }
                    }
                }
            }
        }
        @if !without.is_empty() { p.note { "No picture on the card of: " (without.join(", ")) "." } }
    }
}

pub(super) fn activity(report: &Report) -> Result<Markup, ReportError> {
    let timed: Vec<&Species> = report.species.iter().filter(|s| s.activity.records > 0).collect();
    if timed.is_empty() {
        return Ok(html! { p.nothing { (texts::NO_ACTIVITY) } });
    }
    let sun = report.sun.as_ref();
    let mut figures = Vec::new();
    for (number, species) in timed.iter().take(ACTIVITIES).enumerate() {
        let drawn = plot::activity(&species.activity, sun)?;
        let hours = &species.activity.hours;
        let busiest = (0..).zip(hours).max_by_key(|(hour, n)| (**n, -*hour)).map_or(0, |(hour, _)| hour);
        let words = Words {
            id: format!("activity-{number}"),
            title: format!("Activity of {} over the day", species.name.plain()),
            description: format!(
                "{}; most in the hour from {busiest}:00.",
                count(species.activity.records as u64, "record", "records")
            ),
        };
        let note = match (species.activity.curve.is_empty(), species.activity.records < plot::FEW) {
            (true, _) => format!(": {}", texts::NO_CURVE),
            (false, true) => ": few, the curve is a guess".to_owned(),
            (false, false) => String::new(),
        };
        figures.push(html! {
            figure.small {
                figcaption {
                    strong { (name(&species.name)) }
                    span.n { (count(species.activity.records as u64, "record", "records")) (note) }
                }
                (drawing(&words, "a", "any", &drawn))
            }
        });
    }
    let heads: Vec<String> =
        std::iter::once("Kind".to_owned()).chain((0..24).map(|h| format!("{h}"))).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let rows = timed.iter().map(|s| {
        let hours = s.activity.hours.iter().map(|n| n.to_string());
        std::iter::once(s.name.plain().to_owned()).chain(hours).collect()
    });
    let legend =
        legend(&[(ink::PALE, "records in the hour"), (ink::BLUE, "kernel density"), (ink::NIGHT, "night")]);
    Ok(html! {
        p { (texts::activity(sun, &report.clock)) }
        (legend)
        div.pair { @for figure in &figures { (figure) } }
        @if timed.len() > ACTIVITIES {
            p.note { (timed.len() - ACTIVITIES) " more kinds, with fewer records, are in the table only." }
        }
        (behind(&table(&heads, rows)))
    })
}

pub(super) fn calendar(report: &Report) -> Result<Markup, ReportError> {
    if report.days.is_empty() {
        return Ok(html! { p.nothing { (texts::NO_DAYS) } });
    }
    let most = report.days.iter().max_by_key(|d| (d.bursts.sighting, std::cmp::Reverse(d.date)));
    let sum = u64::from(report.totals.bursts.sighting);
    let words = Words {
        id: "calendar".to_owned(),
        title: "Bursts with animals on each day".to_owned(),
        description: format!(
            "{} on {}{}.",
            count(sum, "burst", "bursts"),
            count(report.days.len() as u64, "day", "days"),
            most.filter(|d| d.bursts.sighting > 0)
                .map_or(String::new(), |d| format!("; most, {}, on {}", d.bursts.sighting, d.date)),
        ),
    };
    let ends = plot::steps(most.map_or(0, |d| d.bursts.sighting));
    let mut entries = vec![(ink::GRID, "0".to_owned())];
    let mut from = 1;
    for (end, colour) in ends.iter().zip(ink::STEPS.iter().skip(ink::STEPS.len() - ends.len())) {
        entries.push((*colour, if from == *end { end.to_string() } else { format!("{from}–{end}") }));
        from = end + 1;
    }
    let entries: Vec<_> = entries.iter().map(|(colour, text)| (*colour, text.as_str())).collect();
    let heads =
        ["Day", "With animals", "Uncertain", "People", "Vehicles", "Empty", "Failed", "Hours of watch"];
    let rows = report.days.iter().map(|d| {
        let b = &d.bursts;
        let counts = [b.sighting, b.uncertain, b.person, b.vehicle, b.empty, b.failed].map(|n| n.to_string());
        let hours = format!("{:.1}", d.watched_hours);
        std::iter::once(d.date.to_string()).chain(counts).chain([hours]).collect()
    });
    let drawn =
        figure(&words, &entries, &table(&heads, rows), |screen| plot::calendar(&report.days, screen))?;
    Ok(html! { p { (texts::CALENDAR_NOTE) } (drawn) })
}

pub(super) fn accumulation(report: &Report) -> Result<Markup, ReportError> {
    let of = &report.accumulation;
    if of.days < 2 || of.species == 0 {
        return Ok(html! { p.nothing { (texts::NO_ACCUMULATION) } });
    }
    let words = Words {
        id: "accumulation".to_owned(),
        title: "Species against days of watch".to_owned(),
        description: format!(
            "{} in {}; Chao2 suggests at least {:.0}.",
            count(of.species as u64, "species", "species"),
            count(of.days as u64, "day", "days"),
            of.estimate
        ),
    };
    let entries =
        [(ink::BLUE, "expected over all orders"), (ink::STEPS[0], "95 % band"), (ink::GREY, "as they came")];
    let step = of.days.div_ceil(40).max(1);
    let rows = (0..of.days).filter(|i| i % step == 0 || i + 1 == of.days).map(|i| {
        let (low, high) = of.band(i);
        let expected = of.expected.get(i).copied().unwrap_or_default();
        let observed = of.observed.get(i).copied().unwrap_or_default();
        vec![
            (i + 1).to_string(),
            format!("{expected:.2}"),
            format!("{low:.2}"),
            format!("{high:.2}"),
            observed.to_string(),
        ]
    });
    let table = table(&["Days", "Expected", "2.5 %", "97.5 %", "As they came"], rows);
    let drawn = figure(&words, &entries, &table, |screen| plot::accumulation(of, screen))?;
    Ok(html! {
        p { (texts::ACCUMULATION_NOTE) }
        (drawn)
        p.note { (words.description) }
    })
}

pub(super) fn uncertain(report: &Report) -> Markup {
    let uncertain = &report.uncertain;
    let failed = html! {
        @if uncertain.failed > 0 {
            p.note { (count(uncertain.failed as u64, "failed burst", "failed bursts")) " that nobody has labelled: "
                code { "trapline events list --outcome failed" } }
        }
    };
    if uncertain.waiting == 0 {
        return html! { p.nothing { (texts::NO_UNCERTAIN) } (failed) };
    }
    html! {
        p {
            (count(uncertain.waiting as u64, "uncertain burst waits", "uncertain bursts wait")) " for a person"
            @if uncertain.shown.len() < uncertain.waiting { "; the newest " (uncertain.shown.len()) " are shown" }
            ". " code { "trapline events show KEY" } " tells everything about one."
        }
        ul.cards.little {
            @for waiting in &uncertain.shown {
                li {
                    @if let Some(picture) = &waiting.picture {
                        (image(picture, &format!("uncertain burst {}", waiting.key)))
                    } @else {
                        div.blank { (if waiting.people { "may show people" } else { "no picture" }) }
                    }
                    div {
                        strong { code { (waiting.key) } }
                        span {
                            @if let Some((guess, score)) = &waiting.guess { (guess.plain()) "? " (texts::percent((*score).into())) }
                            @else { "no guess" }
                        }
                        span {
                            (place(report, waiting.stand))
                            @if waiting.timed { ", " (waiting.at.format("%-d %b %Y, %H:%M")) } @else { ", time not known" }
                        }
                    }
                }
            }
        }
        (failed)
    }
}
