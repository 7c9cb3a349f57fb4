//! The calls of the page: coming in, what is live, and who answers what.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router, middleware};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};

use super::guard::{Inside, cookie_name, guard};
use super::refusal::Refusal;
use super::serve::Ends;
use super::{
    Console, assets, browse, bundles, doctor, downloads, files, held, individuals, people, secret, show, trap,
};
use crate::config::KeepPeople;
use crate::event::EventKey;

/// Longest body of a request, bytes: labels of some hundred bursts.
const BODY: usize = 64 << 10;

pub(super) type Shared = State<Arc<Console>>;
pub(super) type Answer = Result<Json<Value>, Refusal>;

/// Every call.
pub(super) fn router(console: &Arc<Console>) -> Router {
    let mut router = Router::new();
    for path in assets::paths() {
        router = router.route(path, get(asset));
    }
    router
        .route("/api/login", post(login))
        .route("/api/logout", post(logout))
        .route("/api/me", get(me))
        .route("/api/status", get(status))
        .route("/api/live", get(live))
        .route("/api/live/frame/{id}", get(frame))
        .route("/api/aim", post(trap::aim))
        .route("/api/burst", post(trap::burst))
        .route("/api/doctor", get(doctor::answer))
        .route("/api/species", get(browse::species))
        .route("/api/bursts", get(browse::bursts))
        .route("/api/burst/{id}", get(browse::burst))
        .route("/api/sequence/{id}", get(browse::sequence))
        .route("/api/taxa", get(browse::taxa))
        .route("/api/picture/{n}", get(browse::picture))
        .route("/api/individuals", get(individuals::list))
        .route("/api/individual/{n}", get(individuals::picture))
        .route("/api/label", post(people::label))
        .route("/api/undo", post(people::undo))
        .route("/api/setup", get(people::setup).put(people::put_setup))
        .route("/api/settings", get(trap::settings).put(trap::put_settings))
        .route("/api/bundle", get(bundles::status).post(bundles::upload))
        .route("/api/time", post(trap::time))
        .route("/api/power", post(trap::power))
        .route("/api/downloads", get(downloads::list))
        .route("/api/download/{format}", get(downloads::download))
        .route("/api/files", post(files::begin))
        .fallback(async || Refusal::unknown("page"))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(console), guard))
        .with_state(Arc::clone(console))
}

/// Does `job` on a thread that may wait.
pub(super) async fn work<T: Send + 'static>(
    console: &Arc<Console>,
    job: impl FnOnce(&Console) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let console = Arc::clone(console);
    let done = tokio::task::spawn_blocking(move || job(&console)).await;
    done.unwrap_or_else(|_| {
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the program failed on this; see its log"))
    })
}

/// The body of a request, or what is wrong with it.
pub(super) fn given<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Refusal> {
    body.map(|Json(body)| body).map_err(|e| Refusal::new(e.status(), e.body_text()))
}

/// What stands behind the question mark, or what is wrong with it.
pub(super) fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Refusal> {
    query.map(|Query(query)| query).map_err(|e| Refusal::new(e.status(), e.body_text()))
}

/// The trap, where the page is one's.
pub(super) fn only_on_a_trap(console: &Console) -> Result<&super::Trap, Refusal> {
    let refused =
        || Refusal::new(StatusCode::NOT_FOUND, "this is a laptop's page: there is no trap behind it");
    console.trap().ok_or_else(refused)
}

#[derive(Deserialize)]
struct Key {
    key: Option<String>,
}

/// The page's own files. On a laptop the address with the key opens the door, once.
async fn asset(
    State(console): Shared,
    Extension(ends): Extension<Ends>,
    uri: Uri,
    query: Result<Query<Key>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    if let (Some(desk), Ok(Query(Key { key: Some(given) }))) = (console.desk(), query) {
        let mut key = held(&desk.key);
        if key.as_deref().is_some_and(|key| super::door::same(key, &given)) {
            *key = None;
            return match enter(&console, ends) {
                Ok((cookie, _)) => {
                    let home = (header::LOCATION, HeaderValue::from_static("/"));
                    (StatusCode::SEE_OTHER, [home, cookie]).into_response()
                }
                Err(refusal) => refusal.into_response(),
            };
        }
    }
    assets::answer(uri.path(), &headers)
}

fn enter(console: &Console, ends: Ends) -> Result<((header::HeaderName, HeaderValue), String), Refusal> {
    let pass = console.door().enter(ends.peer.ip(), Instant::now())?;
    let cookie =
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", cookie_name(ends.local.port()), pass.token);
    let cookie =
        HeaderValue::from_str(&cookie).map_err(|e| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, e))?;
    Ok(((header::SET_COOKIE, cookie), pass.csrf))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    secret: String,
}

async fn login(
    State(console): Shared,
    Extension(ends): Extension<Ends>,
    body: Result<Json<Login>, JsonRejection>,
) -> Result<Response, Refusal> {
    let caller = ends.peer.ip();
    let wait = |seconds: u64| {
        let sentence = format!("too many tries; wait {seconds} s");
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, sentence).with("retry_s", seconds)
    };
    let given = given(body)?.secret;
    // One after another, or tries would be made before the first of them is counted.
    let Ok(_alone) = console.guesses.try_acquire() else { return Err(wait(2)) };
    let may = console.door().may_try(caller, Instant::now());
    may.map_err(|left| wait(left.as_secs() + 1))?;
    let right = work(&console, move |console| {
        let refused = || {
            let cure = if console.desk().is_some() {
                "open the address that `trapline review` printed"
            } else {
                "this trap has no secret yet: make one with `trapline console secret`"
            };
            Refusal::new(StatusCode::CONFLICT, cure)
        };
        let trap_book = console.trap().and_then(|_| console.book(0)).ok_or_else(refused)?;
        let kept = trap_book.read(|reader| reader.state(secret::STATE))?.ok_or_else(refused)?;
        Ok(secret::verify(&kept, &given)?)
    })
    .await?;
    if !right {
        let left = console.door().wrong(caller, Instant::now());
        log::warn!("the page: a wrong secret from {caller}, {left} tries left before a pause");
        return Err(
            Refusal::new(StatusCode::UNAUTHORIZED, "the secret is not right").with("tries_left", left)
        );
    }
    let (cookie, csrf) = enter(&console, ends)?;
    if let Some(trap) = console.trap() {
        trap.switch.used();
    }
    Ok(([cookie], Json(json!({ "csrf": csrf }))).into_response())
}

async fn logout(
    State(console): Shared,
    Extension(ends): Extension<Ends>,
    Extension(inside): Extension<Inside>,
) -> Result<Response, Refusal> {
    console.door().leave(&inside.token);
    // Live events end for all; who is still in comes back by itself.
    console.hub.hush();
    let gone = format!("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0", cookie_name(ends.local.port()));
    let gone =
        HeaderValue::from_str(&gone).map_err(|e| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, e))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

async fn me(State(console): Shared, Extension(inside): Extension<Inside>) -> Answer {
    let common = json!({ "version": env!("CARGO_PKG_VERSION"), "csrf": inside.csrf });
    let own = match console.trap() {
        Some(trap) => {
            let mut powers = vec!["aim", "time", "setup"];
            if !trap.bench {
                powers.push("burst");
            }
            if trap.file.is_some() {
                powers.push("settings");
            }
            if trap::has_power(trap) {
                powers.push("power");
            }
            json!({
                "mode": "trap",
                "device": trap.config.out.sending.device,
                "site": trap.config.site.name,
                "off_in_s": trap.switch.left().map(|left| left.as_secs()),
                "people_pictures": trap.config.retention.people == KeepPeople::Blur,
                "powers": powers,
            })
        }
        None => {
            let site = work(&console, |console| {
                let book = console.book(0).ok_or_else(|| Refusal::unknown("journal"))?;
                let deployments = book.read(|reader| reader.deployments())?.items;
                Ok(deployments.last().map(|d| d.name.clone()).unwrap_or_default())
            });
            let journals: Vec<_> =
                console.books.iter().map(|b| b.path().to_string_lossy().into_owned()).collect();
            json!({
                "mode": "desk",
                "device": null,
                "site": site.await?,
                "off_in_s": null,
                "people_pictures": true,
                "powers": ["files", "setup"],
                "journals": journals,
            })
        }
    };
    let (Value::Object(mut all), Value::Object(own)) = (common, own) else {
        return Err(Refusal::unknown("page"));
    };
    all.extend(own);
    Ok(Json(Value::Object(all)))
}

async fn status(State(console): Shared) -> Answer {
    work(&console, |console| Ok(Json(trap::status(console)?))).await
}

async fn live(State(console): Shared) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let receive = console.hub.listen();
    let first = work(&console, trap::status).await?;
    let told = ReceiverStream::new(receive).map(|(name, data)| Ok(Event::default().event(name).data(&*data)));
    let first = Event::default().event("status").data(first.to_string());
    Ok(Sse::new(tokio_stream::once(Ok(first)).chain(told)))
}

async fn frame(State(console): Shared, Path(id): Path<String>) -> Result<Response, Refusal> {
    let jpeg = id.parse().ok().and_then(|id| console.hub.frame(id));
    let jpeg = jpeg.ok_or_else(|| Refusal::unknown("frame any more"))?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], jpeg.to_vec()).into_response())
}

/// Tells the pages of a burst that was recorded.
pub(super) fn tell_burst(console: &Console, key: EventKey) {
    let Some(book) = console.book(0) else { return };
    match book.burst(key) {
        Ok(Some((stored, entry))) => {
            console
                .hub
                .tell("burst", &show::burst(book, &stored, &entry, browse::is_hidden(console, &entry)));
        }
        Ok(None) => log::debug!("burst {} is not in the journal yet", key.number),
        Err(error) => log::warn!("the page is not told of burst {}: {error}", key.number),
    }
}

/// Tells the pages how the trap is.
pub(super) fn tell_status(console: &Console) {
    match trap::status(console) {
        Ok(status) => console.hub.tell("status", &status),
        Err(refusal) => log::warn!("the page is not told the status: {}", refusal.body),
    }
}
