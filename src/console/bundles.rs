//! Signed bundles by the page: what is in force, and a file that a phone sends.

use std::fs::File;
use std::io::Write;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::Utc;
use serde_json::{Value, json};
use tokio_stream::StreamExt;

use super::api::{Answer, Shared, only_on_a_trap, work};
use super::refusal::Refusal;
use super::{Trap, held};
use crate::bundle::{BundleError, Site};

/// Bytes of a bundle beside its archive.
const HEAD: u64 = 4096;

/// A bundle so many times too large is cut off.
const DRAINED: u64 = 4;

fn site(trap: &Trap) -> Site {
    Site { file: trap.file.clone(), base: trap.config.clone() }
}

fn told(site: &Site) -> Value {
    let state = site.state();
    json!({ "on": site.is_on(), "kinds": state.kinds, "log": state.log })
}

/// What is in force and what happened.
pub(super) async fn status(State(console): Shared) -> Answer {
    work(&console, |console| Ok(Json(told(&site(only_on_a_trap(console)?))))).await
}

/// Takes a bundle and installs it; it is in force from the next start on.
pub(super) async fn upload(State(console): Shared, body: Body) -> Answer {
    let site = site(only_on_a_trap(&console)?);
    if !site.is_on() {
        return Err(refused(BundleError::Off));
    }
    // One at a time: each is staged in the same place.
    let _place = console.uploads.acquire().await.map_err(|e| Refusal::new(StatusCode::CONFLICT, e))?;
    let file = site.incoming().map_err(refused)?;
    let most = site.base.bundles.most + HEAD;
    let written = receive(&file, body, most).await;
    let done = match written {
        Err(refusal) => Err(refusal),
        Ok(()) => {
            let (site, path) = (site.clone(), file.clone());
            work(&console, move |console| {
                let _alone = held(&console.writing);
                site.install(&path, Utc::now()).map_err(refused)?;
                Ok(Json(told(&site)))
            })
            .await
        }
    };
    // Best effort: the next one writes over it.
    let _ = std::fs::remove_file(&file);
    done
}

/// Puts a body on the card, as it comes: a small board's memory does not hold it.
async fn receive(path: &std::path::Path, body: Body, most: u64) -> Result<(), Refusal> {
    let card = |e: std::io::Error| {
        Refusal::new(StatusCode::INSUFFICIENT_STORAGE, format!("{}: {e}", path.display()))
    };
    let mut file = File::create(path).map_err(card)?;
    let (mut stream, mut bytes) = (body.into_data_stream(), 0u64);
    while let Some(part) = stream.next().await {
        let part = part.map_err(|e| Refusal::new(StatusCode::BAD_REQUEST, format!("it broke off: {e}")))?;
        bytes += part.len() as u64;
        // What is too much is read and dropped, for a browser listens only once it has sent everything.
        if bytes > most.saturating_mul(DRAINED) {
            break;
        }
        if bytes <= most {
            file.write_all(&part).map_err(card)?;
        }
    }
    if bytes > most {
        let said = format!("at most {most} bytes are taken; raise [bundles] max_mb, or bring it by card");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, said));
    }
    file.sync_all().map_err(card)
}

fn refused(error: BundleError) -> Refusal {
    let status = match &error {
        BundleError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        BundleError::Off => StatusCode::CONFLICT,
        BundleError::Io { .. } => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Refusal::new(status, error)
}
