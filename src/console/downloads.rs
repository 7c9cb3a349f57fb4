//! Everything that can be carried away: each format has one entry here.

use std::fs::File;
use std::io::Read;
use std::path::Path as FilePath;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio_stream::wrappers::ReceiverStream;

use super::api::{Answer, Shared, work};
use super::book::Book;
use super::refusal::Refusal;
use super::{Console, secret};
use crate::export::{self, Options};
use crate::store::Reader;

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// A format: its name in the address, for people, the file's ending and type, and what makes it.
struct Format {
    name: &'static str,
    title: &'static str,
    ending: &'static str,
    kind: &'static str,
    make: Make,
}

/// What makes a download.
#[derive(Clone, Copy)]
enum Make {
    /// A copy of the journal.
    Journal,
    /// An export of one file.
    File(export::Format),
    /// An export of several files, in one archive.
    Archive(export::Format),
}

const FORMATS: [Format; 7] = [
    Format {
        name: "journal",
        title: "The journal (SQLite): everything but the pictures",
        ending: "db",
        kind: "application/vnd.sqlite3",
        make: Make::Journal,
    },
    Format {
        name: "csv",
        title: "One line per sighting (CSV)",
        ending: "csv",
        kind: "text/csv; charset=utf-8",
        make: Make::File(export::Format::Csv),
    },
    Format {
        name: "xlsx",
        title: "The same as a workbook (XLSX)",
        ending: "xlsx",
        kind: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        make: Make::File(export::Format::Xlsx),
    },
    Format {
        name: "camtrap-dp",
        title: "Camtrap DP 1.0.2: deployments, media, observations (ZIP)",
        ending: "zip",
        kind: "application/zip",
        make: Make::Archive(export::Format::CamtrapDp),
    },
    Format {
        name: "occupancy",
        title: "Detection histories and effort for R (ZIP)",
        ending: "zip",
        kind: "application/zip",
        make: Make::Archive(export::Format::Occupancy),
    },
    Format {
        name: "megadetector",
        title: "MegaDetector results 1.6 (JSON), for Timelapse and AddaxAI",
        ending: "json",
        kind: "application/json",
        make: Make::File(export::Format::MegaDetector),
    },
    Format {
        name: "geojson",
        title: "Where the deployments stand (GeoJSON)",
        ending: "geojson",
        kind: "application/geo+json",
        make: Make::File(export::Format::GeoJson),
    },
];

/// What there is.
pub(super) async fn list(State(console): Shared) -> Answer {
    work(&console, |console| {
        let size = console.book(0).and_then(|book| std::fs::metadata(book.path()).ok()).map(|m| m.len());
        let bytes = |format: &Format| size.filter(|_| format.name == "journal");
        let item = |f: &Format| json!({ "format": f.name, "title": f.title, "bytes": bytes(f) });
        Ok(Json(json!({ "items": FORMATS.iter().map(item).collect::<Vec<Value>>() })))
    })
    .await
}

/// Makes one and sends it.
pub(super) async fn download(State(console): Shared, Path(name): Path<String>) -> Result<Response, Refusal> {
    let format = FORMATS.iter().find(|format| format.name == name);
    let format = format.ok_or_else(|| Refusal::unknown("download"))?;
    let Ok(turn) = Arc::clone(&console.downloads).try_acquire_owned() else {
        let busy = "another download is under way; try again when it is done";
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, busy).with("retry_s", 5));
    };
    let (file, bytes) = work(&console, move |console| {
        let book = console.book(0).ok_or_else(|| Refusal::unknown("journal"))?;
        let file = temporary(book)?;
        match format.make {
            Make::Journal => journal(console, file.path())?,
            Make::File(what) => exported(console, what, &file, one)?,
            Make::Archive(what) => exported(console, what, &file, archive)?,
        }
        let bytes = std::fs::metadata(file.path()).map(|m| m.len()).map_err(failed)?;
        Ok((file, bytes))
    })
    .await?;
    let (send, receive) = tokio::sync::mpsc::channel::<std::io::Result<Bytes>>(2);
    tokio::task::spawn_blocking(move || {
        let mut open = match File::open(file.path()) {
            Ok(open) => open,
            Err(error) => return drop(send.blocking_send(Err(error))),
        };
        // Whoever has the last byte may ask for the next download: the turn ends before that byte leaves.
        let (mut turn, mut left) = (Some(turn), bytes);
        while left > 0 {
            let mut chunk = vec![0; CHUNK];
            let read = open.read(&mut chunk).map(|n| {
                chunk.truncate(n);
                Bytes::from(chunk)
            });
            let got = read.as_ref().map_or(0, |chunk| chunk.len() as u64);
            left = left.saturating_sub(got);
            if left == 0 {
                turn.take();
            }
            // A file that was cut short, or nobody takes it any more.
            if send.blocking_send(read).is_err() || got == 0 {
                break;
            }
        }
        drop((file, turn));
    });
    let site = console.trap().map_or("review", |trap| trap.config.out.sending.device.as_str());
    let name = format!("trapline-{site}-{}.{}", console.now().format("%Y%m%d-%H%M%S"), format.ending);
    let headers = [
        (header::CONTENT_TYPE, format.kind.to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(receive))).into_response())
}

/// A file for it, beside the journal, else where the system keeps such files.
fn temporary(book: &Book) -> Result<NamedTempFile, Refusal> {
    let folder = book.path().parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(FilePath::new("."));
    let builder = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".trapline-download-");
        builder
    };
    builder().tempfile_in(folder).or_else(|_| builder().tempfile()).map_err(failed)
}

fn failed(error: std::io::Error) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the download cannot be made: {error}"))
}

/// A copy of the journal as it stands, without the page's secret. Of several journals the first.
fn journal(console: &Console, to: &FilePath) -> Result<(), Refusal> {
    let book = console.book(0).ok_or_else(|| Refusal::unknown("journal"))?;
    // A reader of its own: pages go on meanwhile.
    Ok(Reader::open_readonly(book.path())?.copy(to, &[secret::STATE])?)
}

/// Exports all journals into a folder of its own, from which `pack` makes the download.
fn exported(
    console: &Console,
    what: export::Format,
    to: &NamedTempFile,
    pack: impl Fn(&FilePath, &[String], &FilePath) -> std::io::Result<()>,
) -> Result<(), Refusal> {
    let beside = to.path().parent().unwrap_or(FilePath::new("."));
    let folder = tempfile::Builder::new().prefix(".trapline-export-").tempdir_in(beside).map_err(failed)?;
    let journals: Vec<_> = console.books.iter().map(|book| book.path().to_owned()).collect();
    let options = Options { now: console.now(), ..Options::default() };
    let made = folder.path().join("export");
    let summary = export::write(what, &journals, &options, &made, &mut |_| {}).map_err(|error| {
        let status = match error.is_input() {
            true => StatusCode::CONFLICT,
            false => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refusal::new(status, error.to_string())
    })?;
    pack(&made, &summary.files, to.path()).map_err(failed)
}

/// The one file of an export.
fn one(made: &FilePath, names: &[String], to: &FilePath) -> std::io::Result<()> {
    let name = names.first().ok_or_else(|| std::io::Error::other("the export is empty"))?;
    std::fs::copy(made.join(name), to).map(|_| ())
}

/// All files of an export in one archive.
fn archive(made: &FilePath, names: &[String], to: &FilePath) -> std::io::Result<()> {
    let mut zip = zip::ZipWriter::new(File::create(to)?);
    for name in names {
        zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default())?;
        std::io::copy(&mut File::open(made.join(name))?, &mut zip)?;
    }
    zip.finish()?.sync_all()
}
