//! What people add: labels, and how the deployment stands.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Answer, Shared, given, work};
use super::book::Book;
use super::refusal::Refusal;
use super::{Console, hub};
use crate::deployment::Setup;
use crate::event::{EventKey, Outcome};
use crate::store::{JournalError, Label, Notebook, Seen};

/// Most bursts labelled at once.
const AT_ONCE: usize = 1000;

/// Longest text of a label, characters.
const TEXT_MAX: usize = 200;

/// Longest comment, characters.
const COMMENT_MAX: usize = 2000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    bursts: Vec<String>,
    outcome: String,
    #[serde(default)]
    seen: Vec<Seen>,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    who: String,
}

/// Writes a label for each of the bursts.
pub(super) async fn label(State(console): Shared, body: Result<Json<Said>, JsonRejection>) -> Answer {
    let said = given(body)?;
    work(&console, move |console| {
        let (bursts, label) = check(console, said)?;
        let mut labels = Vec::with_capacity(bursts.len());
        for (index, keys) in bursts {
            let book = console.book(index).ok_or_else(|| Refusal::unknown("burst"))?;
            let given = book.write(|notebook| label_all(notebook, &keys, &label))?;
            labels.extend(given.into_iter().map(|id| book.number(id)));
        }
        Ok(Json(json!({ "labels": labels })))
    })
    .await
}

fn label_all(notebook: &mut Notebook, keys: &[EventKey], label: &Label) -> Result<Vec<u64>, JournalError> {
    keys.iter().map(|key| notebook.label(*key, label)).collect()
}

/// Keys of bursts, by the place of their journal.
type Named = Vec<(usize, Vec<EventKey>)>;

/// Checks all of it before any of it is written. The bursts come by journal.
fn check(console: &Console, said: Said) -> Result<(Named, Label), Refusal> {
    let outcome = Outcome::parse(&said.outcome).filter(|outcome| *outcome != Outcome::Failed);
    let allowed = "empty, sighting, uncertain, person or vehicle";
    let outcome =
        outcome.ok_or_else(|| Refusal::value("outcome", format!("\"{}\"", said.outcome), allowed))?;
    if said.bursts.is_empty() || said.bursts.len() > AT_ONCE {
        return Err(Refusal::value("bursts", said.bursts.len(), "1 to 1000"));
    }
    if outcome == Outcome::Empty && !said.seen.is_empty() {
        return Err(Refusal::value("seen", "given for an empty", "nothing where nothing was seen"));
    }
    let long = |text: &str, most: usize| text.chars().count() > most;
    if long(&said.who, TEXT_MAX) || long(&said.comment, COMMENT_MAX) {
        return Err(Refusal::value("comment", "too long", "2000 characters, 200 for who"));
    }
    for seen in &said.seen {
        let texts = [Some(&seen.taxon), Some(&seen.rank), Some(&seen.label)].into_iter();
        let mut texts = texts.chain([seen.behavior.as_ref(), seen.individual.as_ref()]).flatten();
        if texts.any(|text| long(text, TEXT_MAX)) {
            return Err(Refusal::value("seen", "too long", "200 characters each"));
        }
        if seen.count == 0 {
            return Err(Refusal::value("count", 0, "1 to 65535"));
        }
        let among =
            |value: &Option<String>, known: &[&str]| value.as_deref().is_none_or(|v| known.contains(&v));
        if !among(&seen.life_stage, &["adult", "subadult", "juvenile"]) {
            let value = seen.life_stage.clone().unwrap_or_default();
            return Err(Refusal::value("life_stage", format!("\"{value}\""), "adult, subadult or juvenile"));
        }
        if !among(&seen.sex, &["female", "male"]) {
            let value = seen.sex.clone().unwrap_or_default();
            return Err(Refusal::value("sex", format!("\"{value}\""), "female or male"));
        }
    }
    let mut bursts = Named::new();
    for name in &said.bursts {
        let unknown = || Refusal::unknown(&format!("burst as \"{name}\""));
        let (index, key) = Book::parse(name).ok_or_else(unknown)?;
        let entry = console.book(index).ok_or_else(unknown)?.entry(key.number)?;
        entry.filter(|entry| entry.summary.key == key).ok_or_else(unknown)?;
        match bursts.iter_mut().find(|(known, _)| *known == index) {
            Some((_, keys)) => keys.push(key),
            None => bursts.push((index, vec![key])),
        }
    }
    let who = if said.who.trim().is_empty() { "page".to_owned() } else { said.who };
    Ok((bursts, Label { at: console.now(), who, outcome, seen: said.seen, comment: said.comment }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Undo {
    labels: Vec<u64>,
}

/// Takes labels back.
pub(super) async fn undo(
    State(console): Shared,
    body: Result<Json<Undo>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    let labels = given(body)?.labels;
    work(&console, move |console| {
        let now = console.now();
        for number in labels {
            let (index, own) = Book::split(number);
            let book = console.book(index).ok_or_else(|| Refusal::unknown("label"))?;
            book.write(|notebook| notebook.undo(own, now))?;
        }
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// The deployment that is shown and changed: the trap's, or a journal's newest.
fn deployment(console: &Console) -> Result<(&Book, String), Refusal> {
    let unknown = || Refusal::unknown("deployment");
    let book = console.book(0).ok_or_else(unknown)?;
    let name = match console.trap() {
        Some(trap) => trap.config.site.name.clone(),
        None => {
            let deployments = book.read(|reader| reader.deployments())?.items;
            deployments.last().map(|d| d.name.clone()).ok_or_else(unknown)?
        }
    };
    Ok((book, name))
}

/// How the deployment stands.
pub(super) async fn setup(State(console): Shared) -> Answer {
    work(&console, |console| {
        let (book, name) = deployment(console)?;
        let setups = book.read(|reader| reader.setups())?.items;
        let newest = setups.into_iter().rfind(|s| s.deployment == name);
        Ok(Json(told(newest.map(|s| s.setup).unwrap_or_default())))
    })
    .await
}

/// Writes how the deployment stands.
pub(super) async fn put_setup(State(console): Shared, body: Result<Json<Setup>, JsonRejection>) -> Answer {
    let setup = given(body)?;
    setup.check()?;
    work(&console, move |console| {
        let (book, name) = deployment(console)?;
        let now = console.now();
        book.write(|notebook| notebook.setup(&name, &setup, "page", now))?;
        log::info!("the page says how {name} stands, at {}", hub::time(now));
        Ok(Json(told(setup)))
    })
    .await
}

fn told(setup: Setup) -> Value {
    serde_json::to_value(setup).unwrap_or_default()
}
