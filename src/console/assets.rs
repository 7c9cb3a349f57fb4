//! The page's own files: part of the program, compressed once.

use std::io::Write;
use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// Path, content type, bytes.
type File = (&'static str, &'static str, &'static [u8]);

/// A module of the page.
macro_rules! script {
    ($name:literal) => {
        (concat!("/", $name), "text/javascript; charset=utf-8", include_bytes!(concat!("page/", $name)))
    };
}

const FILES: [File; 29] = [
    ("/", "text/html; charset=utf-8", include_bytes!("page/index.html")),
    ("/app.css", "text/css; charset=utf-8", include_bytes!("page/app.css")),
    ("/icon.svg", "image/svg+xml", include_bytes!("page/icon.svg")),
    ("/manifest.webmanifest", "application/manifest+json", include_bytes!("page/manifest.webmanifest")),
    script!("theme.js"),
    script!("app.js"),
    script!("texts.js"),
    script!("dom.js"),
    script!("kept.js"),
    script!("words.js"),
    script!("net.js"),
    script!("sheet.js"),
    script!("picture.js"),
    script!("labels.js"),
    script!("taxon.js"),
    script!("burst.js"),
    script!("individuals.js"),
    script!("form.js"),
    script!("login.js"),
    script!("live.js"),
    script!("events.js"),
    script!("uncertain.js"),
    script!("review.js"),
    script!("setup.js"),
    script!("settings.js"),
    script!("bundles.js"),
    script!("doctor.js"),
    script!("data.js"),
    script!("power.js"),
];

struct Asset {
    path: &'static str,
    kind: &'static str,
    plain: &'static [u8],
    gzip: Bytes,
    etag: String,
}

fn assets() -> &'static [Asset] {
    static ASSETS: OnceLock<Vec<Asset>> = OnceLock::new();
    ASSETS.get_or_init(|| {
        let asset = |&(path, kind, plain): &File| {
            let hash: String = Sha256::digest(plain).iter().take(8).map(|b| format!("{b:02x}")).collect();
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            // A vector takes everything.
            let gzip = gzip.write_all(plain).and_then(|()| gzip.finish()).unwrap_or_default();
            Asset { path, kind, plain, gzip: gzip.into(), etag: format!("\"{hash}\"") }
        };
        FILES.iter().map(asset).collect()
    })
}

/// The paths there are.
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(path, _, _)| *path)
}

/// A file of the page.
pub(super) fn answer(path: &str, asked: &HeaderMap) -> Response {
    let Some(asset) = assets().iter().find(|asset| asset.path == path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let text = |name: header::HeaderName| asked.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    let mut put = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, asset.kind);
    put(header::ETAG, &asset.etag);
    put(header::CACHE_CONTROL, "no-cache");
    put(header::VARY, "accept-encoding");
    if text(header::IF_NONE_MATCH).split(',').any(|tag| tag.trim() == asset.etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    if text(header::ACCEPT_ENCODING).split(',').any(|c| c.trim().split(';').next() == Some("gzip")) {
        put(header::CONTENT_ENCODING, "gzip");
        return (headers, asset.gzip.clone()).into_response();
    }
    (headers, asset.plain).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_load_is_small() {
        let sum: usize = assets().iter().map(|asset| asset.gzip.len()).sum();
        assert!(sum < 150_000, "{sum} bytes");
        assert!(assets().iter().all(|asset| !asset.gzip.is_empty()));
    }
}
