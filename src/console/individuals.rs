//! Who is in the gallery, and the small pictures of them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Console;
use super::api::{Answer, Shared};
use super::refusal::Refusal;
use crate::gallery::Entry;

/// Everybody, each with the numbers of its pictures.
pub(super) async fn list(State(console): Shared) -> Answer {
    let mut number = 0;
    let mut items = Vec::new();
    for individual in console.gallery.iter().flat_map(|gallery| gallery.individuals()) {
        let mut pictures: Vec<Value> = Vec::new();
        for entry in &individual.entries {
            if entry.thumbnail.is_some() {
                pictures.push(json!({ "n": number, "flank": entry.flank.as_str() }));
                number += 1;
            }
        }
        items.push(json!({
            "taxon": individual.taxon, "individual": individual.name, "note": individual.note, "pictures": pictures,
        }));
    }
    Ok(Json(json!({ "items": items })))
}

/// A picture by its number.
pub(super) async fn picture(State(console): Shared, Path(number): Path<String>) -> Result<Response, Refusal> {
    let unknown = || Refusal::unknown("picture");
    let number: usize = number.parse().map_err(|_| unknown())?;
    let jpeg =
        entries(&console).filter_map(|entry| entry.thumbnail.as_ref()).nth(number).ok_or_else(unknown)?;
    let headers = [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "private, max-age=600")];
    Ok((headers, jpeg.clone()).into_response())
}

fn entries(console: &Console) -> impl Iterator<Item = &Entry> {
    let individuals = console.gallery.iter().flat_map(|gallery| gallery.individuals());
    individuals.flat_map(|individual| &individual.entries)
}
