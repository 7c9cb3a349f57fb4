//! One file over HTTP(S): resumed where it was cut, never larger than allowed.
//!
//! Bytes arrive in `NAME.part`. A cut leaves it there; the next try asks for the rest (`Range`) on the condition
//! that the file is still the same (`If-Range` with the ETag kept in `NAME.etag`). A server that gives no ETag, or
//! no part of a file, is asked for the whole again.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use super::install::InstallError;

/// Told of bytes so far and, where known, of all.
pub type Progress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// Tries in one call; each goes on where the last was cut.
const TRIES: usize = 3;

/// Longest a single try may take. What it brought is kept, so a slow line only needs another try.
const BODY_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Fetches `url` to the file `to`, at most `limit` bytes.
pub(super) fn download(url: &str, to: &Path, limit: u64, progress: Progress<'_>) -> Result<(), InstallError> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_recv_body(Some(BODY_TIMEOUT))
        .build()
        .into();
    let transfer = Transfer { agent, url, limit, part: suffixed(to, "part"), etag: suffixed(to, "etag") };
    let mut tries = 1;
    loop {
        match transfer.attempt(progress) {
            Ok(()) => break,
            Err(InstallError::Cut { .. }) if tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
    let _ = std::fs::remove_file(&transfer.etag);
    std::fs::rename(&transfer.part, to).map_err(|e| InstallError::io(to, &e))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

struct Transfer<'a> {
    agent: Agent,
    url: &'a str,
    limit: u64,
    part: PathBuf,
    etag: PathBuf,
}

impl Transfer<'_> {
    /// One request, from where the part ends.
    fn attempt(&self, progress: Progress<'_>) -> Result<(), InstallError> {
        let (have, etag) = self.kept();
        let mut request = self.agent.get(self.url);
        if let Some(etag) = &etag {
            request = request.header("Range", format!("bytes={have}-")).header("If-Range", etag);
        }
        let response = request.call().map_err(|e| self.unreachable(e.to_string()))?;
        let start = match response.status().as_u16() {
            200 => 0,
            206 if etag.is_some() && range_start(response.headers()) == Some(have) => have,
            // The part is whole already, or nonsense: a fresh start settles it.
            206 | 416 if have > 0 => {
                std::fs::remove_file(&self.part).map_err(|e| InstallError::io(&self.part, &e))?;
                return Err(self.cut(0, "the server gave another part than asked for".into()));
            }
            status => return Err(InstallError::Status { url: self.url.into(), status }),
        };
        self.receive(response, start, progress)
    }

    /// Bytes kept of an earlier try, and the ETag they belong to; nothing when either is missing.
    fn kept(&self) -> (u64, Option<String>) {
        let have = std::fs::metadata(&self.part).map_or(0, |m| m.len());
        let etag = std::fs::read_to_string(&self.etag).ok().filter(|e| have > 0 && !e.is_empty());
        (if etag.is_some() { have } else { 0 }, etag)
    }

    fn receive(
        &self,
        response: Response<Body>,
        start: u64,
        progress: Progress<'_>,
    ) -> Result<(), InstallError> {
        let io = |e: &std::io::Error| InstallError::io(&self.part, e);
        let length = header(response.headers(), "content-length").and_then(|v| v.parse::<u64>().ok());
        let total = length.map(|length| start.saturating_add(length));
        if total.is_some_and(|total| total > self.limit) {
            return Err(InstallError::TooLarge { from: self.url.into(), limit: self.limit });
        }
        let mut file = if start > 0 {
            OpenOptions::new().append(true).open(&self.part).map_err(|e| io(&e))?
        } else {
            // A weak ETag (`W/`) does not promise the same bytes.
            let etag = header(response.headers(), "etag").filter(|etag| !etag.starts_with("W/"));
            std::fs::write(&self.etag, etag.unwrap_or("")).map_err(|e| InstallError::io(&self.etag, &e))?;
            File::create(&self.part).map_err(|e| io(&e))?
        };
        let mut body = response.into_body().into_reader();
        let (mut done, mut piece) = (start, vec![0; 1 << 16]);
        loop {
            let count = body.read(&mut piece).map_err(|e| self.cut(done, e.to_string()))?;
            if count == 0 {
                break;
            }
            done += count as u64;
            if done > self.limit {
                return Err(InstallError::TooLarge { from: self.url.into(), limit: self.limit });
            }
            file.write_all(piece.get(..count).unwrap_or_default()).map_err(|e| io(&e))?;
            progress(done, total);
        }
        if total.is_some_and(|total| done < total) {
            return Err(self.cut(done, "the connection was closed".into()));
        }
        file.sync_all().map_err(|e| io(&e))
    }

    fn cut(&self, kept: u64, reason: String) -> InstallError {
        InstallError::Cut { url: self.url.into(), kept, reason }
    }

    fn unreachable(&self, reason: String) -> InstallError {
        InstallError::Unreachable { url: self.url.into(), reason }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// First byte of `Content-Range: bytes FIRST-LAST/TOTAL`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    header(headers, "content-range")?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}
