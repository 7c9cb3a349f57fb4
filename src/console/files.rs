//! Photos put into species folders by what people or the machine saw: copied or moved, people made unrecognisable or
//! left out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::api::{Answer, Shared, given};
use super::book::{Book, Entry};
use super::refusal::Refusal;
use super::{Console, held, pictures};
use crate::daemon::pictures::blurred;
use crate::event::Outcome;
use crate::photos::place::{Mode, Placer};
use crate::store::record::{MediaKind, Stored, StoredMedia};
use crate::store::{Numbered, Retention};
use crate::units::BBox;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    action: Action,
    to: PathBuf,
    #[serde(default)]
    by: By,
    #[serde(default)]
    people: People,
    /// Only these; none: all.
    #[serde(default)]
    bursts: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Copy,
    Move,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    #[default]
    Species,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum People {
    #[default]
    AsIs,
    Blur,
    LeaveOut,
}

/// Begins the job; the pages hear how far it is.
pub(super) async fn begin(State(console): Shared, body: Result<Json<Wish>, JsonRejection>) -> Answer {
    let wish = given(body)?;
    let refused =
        || Refusal::new(StatusCode::NOT_FOUND, "files are put into folders on a laptop: `trapline review`");
    let desk = console.desk().ok_or_else(refused)?;
    if !wish.to.is_absolute() {
        let allowed = "a whole path, such as /home/me/sorted";
        return Err(Refusal::value("to", format!("\"{}\"", wish.to.display()), allowed));
    }
    if wish.action == Action::Move && wish.people == People::Blur {
        let allowed = "as_is or leave_out when photos are moved: a blurred photo is a copy";
        return Err(Refusal::value("people", "\"blur\"", allowed));
    }
    let mode = if wish.action == Action::Move { Mode::Move } else { Mode::Copy };
    let placer = Placer::open(&wish.to, mode).map_err(|e| {
        let allowed = format!("a folder that can be written ({e})");
        Refusal::value("to", format!("\"{}\"", wish.to.display()), &allowed)
    })?;
    {
        let mut busy = held(&desk.busy);
        if *busy {
            return Err(Refusal::new(StatusCode::CONFLICT, "photos are being put into folders already"));
        }
        *busy = true;
    }
    let job = desk.jobs.fetch_add(1, Ordering::Relaxed) + 1;
    let worker = Arc::clone(&console);
    tokio::task::spawn_blocking(move || {
        let mut work = Work { console: &worker, placer, wish, job, done: 0, total: 0, failed: Vec::new() };
        let ended = work.all();
        work.tell(true, ended.err().map(|r| r.body["error"].as_str().unwrap_or_default().to_owned()));
        worker.thumbnails.clear();
        if let Some(desk) = worker.desk() {
            *held(&desk.busy) = false;
        }
    });
    Ok(Json(json!({ "job": job })))
}

struct Work<'a> {
    console: &'a Console,
    placer: Placer,
    wish: Wish,
    job: u64,
    done: usize,
    total: usize,
    failed: Vec<String>,
}

impl Work<'_> {
    fn all(&mut self) -> Result<(), Refusal> {
        let mut jobs = Vec::new();
        for (index, book) in self.console.books.iter().enumerate() {
            let wanted: Vec<Entry> = book.entries(|entries| {
                let named = |e: &&Entry| {
                    self.wish.bursts.is_empty() || self.wish.bursts.contains(&book.name(e.summary.key))
                };
                entries.iter().filter(named).cloned().collect()
            })?;
            jobs.extend(wanted.into_iter().map(|entry| (index, entry)));
        }
        self.total = jobs.len();
        self.tell(false, None);
        for (index, entry) in jobs {
            let Some(book) = self.console.book(index) else { continue };
            if let Some((stored, _)) = book.burst(entry.summary.key)? {
                for media in
                    stored.media.iter().filter(|m| m.media.kind == MediaKind::Frame && m.gone.is_none())
                {
                    self.one(book, &stored, &entry, media);
                }
            }
            self.done += 1;
            self.tell(false, None);
        }
        match self.failed.as_slice() {
            [] => Ok(()),
            [first, rest @ ..] => {
                let more =
                    if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
                Err(Refusal::new(StatusCode::CONFLICT, format!("{first}{more}")))
            }
        }
    }

    /// One photo. What cannot be placed stays where it is and is told.
    fn one(&mut self, book: &Book, stored: &Stored, entry: &Entry, media: &StoredMedia) {
        let file = Numbered { burst: stored.key.number, file: media.clone() };
        let placed = pictures::place(self.console, book, &file)
            .map_err(|r| r.body["error"].as_str().unwrap_or_default().to_owned())
            .and_then(|photo| self.place(book, stored, entry, media, &photo));
        if let Err(reason) = placed {
            self.failed.push(reason);
        }
    }

    fn place(
        &self,
        book: &Book,
        stored: &Stored,
        entry: &Entry,
        media: &StoredMedia,
        photo: &Path,
    ) -> Result<(), String> {
        if self.wish.action == Action::Move && media.owned {
            return Err(format!("{} belongs to the trap's journal and can be copied only", photo.display()));
        }
        let folder = match self.wish.by {
            By::Species => folder(entry),
        };
        let boxes = people(stored, entry, media.frame);
        match self.wish.people {
            People::LeaveOut if !boxes.is_empty() => return Ok(()),
            People::Blur if !boxes.is_empty() => {
                let jpeg = std::fs::read(photo).map_err(|e| format!("{}: {e}", photo.display()))?;
                let jpeg =
                    blurred(&jpeg, &boxes).map_err(|e| format!("{} is left out: {e}", photo.display()))?;
                let folder_of_copy = tempfile::tempdir().map_err(|e| e.to_string())?;
                let copy = folder_of_copy.path().join(photo.file_name().unwrap_or_default());
                std::fs::write(&copy, jpeg).map_err(|e| e.to_string())?;
                return self.placer.place(&copy, &folder).map(|_| ()).map_err(|e| e.to_string());
            }
            _ => {}
        }
        let placed = self.placer.place(photo, &folder).map_err(|e| e.to_string())?;
        if self.wish.action == Action::Move {
            let path = std::path::absolute(&placed).unwrap_or(placed);
            let told = book.write(|notebook| notebook.moved(media.number, &path.to_string_lossy()));
            told.map_err(|e| format!("{} was moved, but the journal does not know: {e}", path.display()))?;
        }
        Ok(())
    }

    fn tell(&self, finished: bool, error: Option<String>) {
        let text = match (finished, self.failed.len()) {
            (true, 0) => format!("photos of {} bursts are in {}", self.done, self.wish.to.display()),
            (true, n) => format!("{n} photos stay where they are"),
            (false, _) => format!("{} of {} bursts", self.done, self.total),
        };
        self.console.hub.tell(
            "job",
            &json!({
                "job": self.job, "done": self.done, "total": self.total, "text": text, "finished": finished,
                "error": error,
            }),
        );
    }
}

/// The folder that photos of a burst belong in: the name of what was seen first, the outcome where nothing was named.
fn folder(entry: &Entry) -> String {
    match (entry.outcome(), entry.names().first()) {
        (Outcome::Sighting, Some((_, _, label))) if !label.is_empty() => (*label).to_owned(),
        (Outcome::Sighting, Some((taxon, _, _))) if !taxon.is_empty() => (*taxon).to_owned(),
        (Outcome::Sighting, _) => "animal".to_owned(),
        (other, _) => other.as_str().to_owned(),
    }
}

/// Where people are on a frame. Where a person says there are some and the machine saw none, they may be anywhere.
fn people(stored: &Stored, entry: &Entry, frame: usize) -> Vec<BBox> {
    let floor = Retention::default().person_floor;
    let boxes = stored.burst.frames.get(frame).map(|f| f.boxes.as_slice()).unwrap_or_default();
    let persons = boxes.iter().filter(|b| b.category == "person" && b.confidence.get() >= floor);
    let persons: Vec<BBox> = persons.map(|b| b.bbox).collect();
    let anywhere = persons.is_empty()
        && entry.has_people()
        && (entry.people_overlooked() || stored.burst.frames.len() == 1);
    if anywhere { vec![BBox::FULL] } else { persons }
}
