//! Bursts chosen, sorted, paged; species; pictures; names for what is typed.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Answer, Shared, asked, work};
use super::book::{Book, Entry};
use super::refusal::Refusal;
use super::{Console, pictures, show};
use crate::event::Outcome;

/// Most bursts in one answer.
const PAGE_MAX: usize = 200;

/// Most names in one answer.
const NAMES_MAX: usize = 20;

/// On a trap no picture is shown in which a person found people that the machine had overlooked: nobody blurred it.
pub(super) fn is_hidden(console: &Console, entry: &Entry) -> bool {
    console.trap().is_some() && entry.people_overlooked()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choice {
    taxon: Option<String>,
    outcome: Option<String>,
    uncertain: Option<String>,
    labelled: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    min: Option<f32>,
    max: Option<f32>,
    sort: Option<String>,
    group: Option<String>,
    offset: Option<usize>,
    limit: Option<usize>,
}

/// How a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sort {
    New,
    Old,
    Low,
    High,
}

/// A choice, checked.
struct Wanted {
    choice: Choice,
    taxon: Option<String>,
    outcome: Option<Outcome>,
    labelled: Option<bool>,
    uncertain: bool,
    sort: Sort,
}

impl Wanted {
    fn of(choice: Choice) -> Result<Wanted, Refusal> {
        let refuse = |key, value: &str, allowed| Err(Refusal::value(key, format!("\"{value}\""), allowed));
        let outcome = match choice.outcome.as_deref().filter(|o| !o.is_empty()) {
            None => None,
            Some(name) => match Outcome::parse(name) {
                None => {
                    let allowed = "empty, sighting, uncertain, person, vehicle, failed";
                    return refuse("outcome", name, allowed);
                }
                known => known,
            },
        };
        let labelled = match choice.labelled.as_deref().unwrap_or_default() {
            "" => None,
            "yes" | "1" => Some(true),
            "no" | "0" => Some(false),
            other => return refuse("labelled", other, "yes or no"),
        };
        let sort = match choice.sort.as_deref().unwrap_or_default() {
            "" | "new" => Sort::New,
            "old" => Sort::Old,
            "score" => Sort::Low,
            "-score" => Sort::High,
            other => {
                return refuse("sort", other, "new, old, score (lowest first) or -score (highest first)");
            }
        };
        let group = choice.group.as_deref().unwrap_or_default();
        if !matches!(group, "" | "sequence") {
            return refuse("group", group, "sequence");
        }
        let taxon = choice.taxon.as_deref().filter(|t| !t.is_empty()).map(str::to_lowercase);
        let uncertain = matches!(choice.uncertain.as_deref(), Some("1" | "yes" | "true"));
        Ok(Wanted { taxon, outcome, labelled, uncertain, sort, choice })
    }

    fn takes(&self, entry: &Entry) -> bool {
        let within = |value: &str, name: &String| value.to_lowercase() == *name;
        let at = entry.summary.triggered;
        self.outcome.is_none_or(|outcome| entry.outcome() == outcome)
            && self.labelled.is_none_or(|labelled| entry.label.is_some() == labelled)
            && (!self.uncertain || (entry.label.is_none() && entry.summary.outcome == Outcome::Uncertain))
            && self.choice.since.is_none_or(|since| at >= since)
            && self.choice.until.is_none_or(|until| at < until)
            && self.choice.min.is_none_or(|min| entry.score() >= min)
            && self.choice.max.is_none_or(|max| entry.score() <= max)
            && self.taxon.as_ref().is_none_or(|taxon| {
                entry.names().iter().any(|(name, _, label)| within(name, taxon) || within(label, taxon))
            })
    }
}

/// A burst's place and what it is sorted by.
#[derive(Debug, Clone, Copy)]
struct Line {
    book: usize,
    key: crate::event::EventKey,
    sequence: u64,
    at: DateTime<Utc>,
    score: f32,
    together: usize,
}

/// Bursts.
pub(super) async fn bursts(State(console): Shared, query: Result<Query<Choice>, QueryRejection>) -> Answer {
    let wanted = Wanted::of(asked(query)?)?;
    work(&console, move |console| list(console, &wanted).map(Json)).await
}

fn list(console: &Console, wanted: &Wanted) -> Result<Value, Refusal> {
    let mut lines = Vec::new();
    for (book, volume) in console.books.iter().enumerate() {
        volume.entries(|entries| {
            lines.extend(entries.iter().filter(|entry| wanted.takes(entry)).map(|entry| Line {
                book,
                key: entry.summary.key,
                sequence: entry.summary.sequence,
                at: entry.summary.triggered,
                score: entry.score(),
                together: 1,
            }));
        })?;
    }
    if wanted.choice.group.as_deref() == Some("sequence") {
        lines = grouped(lines);
    }
    lines.sort_by(|a, b| {
        let by_time = (a.at, a.key.number).cmp(&(b.at, b.key.number));
        match wanted.sort {
            Sort::New => by_time.reverse(),
            Sort::Old => by_time,
            Sort::Low => a.score.total_cmp(&b.score).then(by_time),
            Sort::High => b.score.total_cmp(&a.score).then(by_time),
        }
    });
    let limit = wanted.choice.limit.unwrap_or(60).min(PAGE_MAX);
    let mut items = Vec::new();
    for line in lines.iter().skip(wanted.choice.offset.unwrap_or(0)).take(limit) {
        let Some(book) = console.book(line.book) else { continue };
        if let Some((stored, entry)) = book.burst(line.key)? {
            let mut item = show::burst(book, &stored, &entry, is_hidden(console, &entry));
            if wanted.choice.group.is_some() {
                item["together"] = line.together.into();
            }
            items.push(item);
        }
    }
    Ok(json!({ "items": items, "total": lines.len() }))
}

/// One line for each sequence: that of its surest burst.
fn grouped(lines: Vec<Line>) -> Vec<Line> {
    let mut best: BTreeMap<(usize, u64), Line> = BTreeMap::new();
    for line in lines {
        best.entry((line.book, line.sequence))
            .and_modify(|known| {
                let together = known.together + 1;
                if line.score > known.score {
                    *known = line;
                }
                known.together = together;
            })
            .or_insert(line);
    }
    best.into_values().collect()
}

/// One burst.
pub(super) async fn burst(State(console): Shared, Path(id): Path<String>) -> Answer {
    work(&console, move |console| {
        let unknown = || Refusal::unknown("burst");
        let (index, key) = Book::parse(&id).ok_or_else(unknown)?;
        let book = console.book(index).ok_or_else(unknown)?;
        let (stored, entry) = book.burst(key)?.ok_or_else(unknown)?;
        Ok(Json(show::burst(book, &stored, &entry, is_hidden(console, &entry))))
    })
    .await
}

/// All bursts of a sequence.
pub(super) async fn sequence(State(console): Shared, Path(id): Path<String>) -> Answer {
    work(&console, move |console| {
        let unknown = || Refusal::unknown("sequence");
        let (index, own) = Book::split(id.parse().map_err(|_| unknown())?);
        let book = console.book(index).ok_or_else(unknown)?;
        let mut items = Vec::new();
        for stored in book.read(|reader| reader.bursts_of(own))?.items {
            if let Some(entry) = book.entry(stored.key.number)? {
                items.push(show::burst(book, &stored, &entry, is_hidden(console, &entry)));
            }
        }
        if items.is_empty() { Err(unknown()) } else { Ok(Json(json!({ "items": items }))) }
    })
    .await
}

/// What was seen, how often.
pub(super) async fn species(State(console): Shared) -> Answer {
    work(&console, |console| {
        let mut outcomes: BTreeMap<&str, usize> = Outcome::ALL.iter().map(|o| (o.as_str(), 0)).collect();
        let mut taxa: BTreeMap<(String, String), (String, usize)> = BTreeMap::new();
        for book in &console.books {
            book.entries(|entries| {
                for entry in entries {
                    *outcomes.entry(entry.outcome().as_str()).or_default() += 1;
                    let mut names = entry.names();
                    names.sort_unstable();
                    names.dedup();
                    for (taxon, rank, label) in names {
                        let known = taxa.entry((taxon.to_owned(), label.to_owned()));
                        known.or_insert_with(|| (rank.to_owned(), 0)).1 += 1;
                    }
                }
            })?;
        }
        let mut items: Vec<_> = taxa.into_iter().collect();
        items.sort_by(|a, b| b.1.1.cmp(&a.1.1).then_with(|| a.0.cmp(&b.0)));
        let item = |((taxon, label), (rank, bursts)): &((String, String), (String, usize))| {
            json!({ "taxon": taxon, "rank": rank, "label": label, "bursts": bursts })
        };
        let items: Vec<Value> = items.iter().map(item).collect();
        Ok(Json(json!({ "items": items, "outcomes": outcomes })))
    })
    .await
}

#[derive(Deserialize)]
pub(super) struct Typed {
    q: Option<String>,
}

/// Names that begin with, or hold, what was typed.
pub(super) async fn taxa(State(console): Shared, query: Result<Query<Typed>, QueryRejection>) -> Answer {
    let typed = asked(query)?.q.unwrap_or_default().trim().to_lowercase();
    work(&console, move |console| {
        let mut all: BTreeMap<(String, String), String> = BTreeMap::new();
        for known in &console.known {
            all.insert((known.taxon.clone(), known.label.clone()), known.rank.as_str().to_owned());
        }
        for book in &console.books {
            book.entries(|entries| {
                for (taxon, rank, label) in entries.iter().flat_map(Entry::names) {
                    if !taxon.is_empty() {
                        all.entry((taxon.to_owned(), label.to_owned())).or_insert_with(|| rank.to_owned());
                    }
                }
            })?;
        }
        // 0: a name begins with it; 1: a word of a name does; 2: it stands somewhere.
        let place = |taxon: &str, label: &str| {
            [taxon, label]
                .iter()
                .filter_map(|name| {
                    let name = name.to_lowercase();
                    let at = name.find(&typed)?;
                    Some(match at {
                        0 => 0,
                        _ if name.split([' ', '-']).any(|word| word.starts_with(&typed)) => 1,
                        _ => 2,
                    })
                })
                .min()
        };
        let mut found: Vec<_> = all
            .iter()
            .filter_map(|((taxon, label), rank)| Some((place(taxon, label)?, taxon, label, rank)))
            .collect();
        found.sort();
        let items: Vec<_> = found
            .iter()
            .take(NAMES_MAX)
            .map(|(_, taxon, label, rank)| json!({ "taxon": taxon, "rank": rank, "label": label }))
            .collect();
        Ok(Json(json!({ "items": items })))
    })
    .await
}

#[derive(Deserialize)]
pub(super) struct Width {
    w: Option<u32>,
}

/// A picture.
pub(super) async fn picture(
    State(console): Shared,
    Path(number): Path<String>,
    query: Result<Query<Width>, QueryRejection>,
) -> Result<Response, Refusal> {
    let number = number.parse().map_err(|_| Refusal::unknown("picture"))?;
    let width = asked(query)?.w.unwrap_or(320);
    if !pictures::WIDTHS.contains(&width) {
        return Err(Refusal::value("w", width, "96, 320, 800 or 0 (as stored)"));
    }
    let _turn = console.decoders.acquire().await;
    let bytes = work(&console, move |console| pictures::picture(console, number, width)).await?;
    let headers = [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "private, max-age=600")];
    Ok((headers, bytes).into_response())
}
