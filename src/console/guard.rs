//! What every request must pass: its host and origin, a session, a token for changes, a time. And what every answer
//! carries.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Console;
use super::door::same;
use super::refusal::Refusal;
use super::serve::Ends;

/// Time for an answer to begin. A slow body ends here too.
const ANSWER: Duration = Duration::from_secs(20);

/// The same for downloads, which are made first.
const DOWNLOAD: Duration = Duration::from_secs(600);

/// The header of every change.
pub(super) const CSRF: &str = "x-csrf";

/// What every answer carries (OWASP, HTTP Headers Cheat Sheet).
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The session of a request.
#[derive(Debug, Clone)]
pub(super) struct Inside {
    /// The cookie's token.
    pub token: String,
    /// The token of changes.
    pub csrf: String,
}

/// Lets a request through, or not.
pub(super) async fn guard(
    State(console): State<Arc<Console>>,
    Extension(ends): Extension<Ends>,
    request: Request,
    next: Next,
) -> Response {
    // A bundle is sent, and tried on a burst, as long as a download may take.
    let path = request.uri().path();
    let download = path.starts_with("/api/download") || path == "/api/bundle";
    let mut response = match admit(&console, ends, request) {
        Err(refusal) => refusal.into_response(),
        Ok(request) => {
            let time = if download { DOWNLOAD } else { ANSWER };
            tokio::time::timeout(time, next.run(request)).await.unwrap_or_else(|_| {
                let mut slow = Refusal::new(StatusCode::REQUEST_TIMEOUT, "that took too long; try again");
                slow.body["retry_s"] = 5.into();
                slow.into_response()
            })
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn admit(console: &Console, ends: Ends, mut request: Request) -> Result<Request, Refusal> {
    let host = text(request.headers(), &header::HOST).unwrap_or_default().to_ascii_lowercase();
    if request.headers().get_all(header::HOST).iter().count() != 1 || !is_ours(&host, ends, &console.hosts) {
        let refused = format!("this page is not called \"{host}\"; open http://{}", ends.local);
        return Err(Refusal::new(StatusCode::FORBIDDEN, refused));
    }
    let change = !matches!(*request.method(), Method::GET | Method::HEAD);
    if change && !is_same_origin(request.headers(), &host) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "a request of another page is not followed"));
    }
    let path = request.uri().path();
    if !path.starts_with("/api/") || path == "/api/login" {
        return Ok(request);
    }
    let token = cookie(request.headers(), ends.local.port()).unwrap_or_default().to_owned();
    let Some(csrf) = console.door().session(&token, Instant::now()) else {
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "log in first"));
    };
    if change && !text(request.headers(), &HeaderName::from_static(CSRF)).is_some_and(|t| same(t, &csrf)) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "the header x-csrf is not that of this session"));
    }
    if let Some(trap) = console.trap() {
        trap.switch.used();
    }
    request.extensions_mut().insert(Inside { token, csrf });
    Ok(request)
}

/// Whether a host is the address this connection came to, or a name that was given: no name that somebody else's DNS
/// points here.
fn is_ours(host: &str, ends: Ends, hosts: &[String]) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port.parse().ok()),
        _ => (host, Some(80)),
    };
    if port != Some(ends.local.port()) {
        return false;
    }
    let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    literal.is_ok_and(|ip| ip == ends.local.ip()) || hosts.iter().any(|known| known == name)
}

/// Browsers say where a change comes from (Fetch Standard); whoever says nothing has no cookie of a browser.
fn is_same_origin(headers: &HeaderMap, host: &str) -> bool {
    let origin = text(headers, &header::ORIGIN);
    let site = text(headers, &HeaderName::from_static("sec-fetch-site"));
    origin.is_none_or(|origin| origin.eq_ignore_ascii_case(&format!("http://{host}")))
        && site.is_none_or(|site| site == "same-origin" || site == "none")
        && headers.get(header::ORIGIN).is_none_or(|origin| origin.to_str().is_ok())
}

/// The cookie's name: cookies do not tell ports apart, and a laptop may have several pages open.
pub(super) fn cookie_name(port: u16) -> String {
    format!("trapline-{port}")
}

fn cookie(headers: &HeaderMap, port: u16) -> Option<&str> {
    let name = cookie_name(port);
    let pairs =
        headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(n, _)| *n == name).map(|(_, value)| value)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_address_and_names_are_its_host() {
        let local = "10.42.0.1:8080".parse().unwrap();
        let ends = Ends { peer: "10.42.0.7:5000".parse().unwrap(), local };
        let hosts = ["trapline.local".to_owned()];
        for host in ["10.42.0.1:8080", "trapline.local:8080"] {
            assert!(is_ours(host, ends, &hosts), "{host}");
        }
        let strange = [
            "",
            "10.42.0.1",
            "10.42.0.1:80",
            "10.42.0.2:8080",
            "evil.example:8080",
            "trapline.local.evil.example:8080",
            "trapline.local",
            "10.42.0.1:8080:8080",
            "[::1]:8080",
            "localhost:8080",
        ];
        for host in strange {
            assert!(!is_ours(host, ends, &hosts), "{host}");
        }
        let local = "[::1]:80".parse().unwrap();
        assert!(is_ours("[::1]", Ends { local, ..ends }, &hosts));
        assert!(is_ours("[::1]:80", Ends { local, ..ends }, &hosts));
    }

    #[test]
    fn a_change_comes_from_this_page() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
        };
        let ok = |pairs: &[(&'static str, &'static str)]| is_same_origin(&headers(pairs), "10.42.0.1:8080");
        assert!(ok(&[]));
        assert!(ok(&[("origin", "http://10.42.0.1:8080"), ("sec-fetch-site", "same-origin")]));
        for origin in ["null", "http://evil.example", "https://10.42.0.1:8080", "http://10.42.0.1"] {
            assert!(!ok(&[("origin", origin)]), "{origin}");
        }
        assert!(!ok(&[("sec-fetch-site", "cross-site")]));
    }
}
