//! Hostile requests against the page while the trap stands watch: nothing outside is read, nothing is changed, and the
//! bursts go on.
#![cfg(feature = "console")]
#![allow(clippy::unwrap_used)]

mod console_support;
mod daemon_support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use console_support::{Client, Daemon, free_port, raw, within};
use daemon_support::{SITE, Trap};
use serde_json::json;
use trapline::event::EventKey;
use trapline::store::{Label, Notebook, Seen};

fn started() -> (Trap, Daemon) {
    let (trap, port) = (Trap::new(), free_port());
    let console = format!("[console]\non = \"start\"\nlisten = \"127.0.0.1:{port}\"\n");
    trap.write("site.toml", &format!("{SITE}{console}"));
    let daemon = Daemon::of(trap.start(&["--json"]), port);
    (trap, daemon)
}

#[test]
fn wrong_secrets_are_slowed_down() {
    let (_trap, daemon) = started();
    let mut mallory = Client::new(daemon.at);
    let left: Vec<u64> =
        (0..5).map(|_| mallory.login("aaaa-aaaa-aaaa").json()["tries_left"].as_u64().unwrap()).collect();
    assert_eq!(left, [4, 3, 2, 1, 0]);
    let refused = mallory.login(&daemon.secret);
    assert_eq!(refused.status, 429, "even the right one waits");
    assert!(refused.json()["retry_s"].as_u64().is_some_and(|s| (20..=31).contains(&s)), "{}", refused.text());
    assert!(daemon.captures());
}

#[test]
fn no_path_and_no_number_leads_outside() {
    let (trap, daemon) = started();
    trap.write("bait.jpg", "\u{0}bait outside of the media folder");
    let client = daemon.client();
    let paths = [
        "/../bait.jpg",
        "/..%2fbait.jpg",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/api/picture/../../bait.jpg",
        "/api/picture/..%2f..%2fbait.jpg",
        "/api/picture/%2e%2e%2fbait.jpg",
        "/api/picture/bait.jpg",
        "/api/picture/-1",
        "/api/picture/18446744073709551615",
        "/api/picture/1099511627777",
        "/api/picture/1e3",
        "/api/live/frame/../../../site.toml",
        "/api/download/../site.toml",
        "/api/download/..%2f..%2fsite.toml",
        "/api/burst/..%2f..%2f",
        "/api/burst/9:1-1",
        "/api/burst/1-1%00",
        "/api/sequence/9223372036854775808",
        "/site.toml",
        "/trapline.db",
        "/.git/config",
        "/app.js/../../site.toml",
        "/index.html",
    ];
    for path in paths {
        let answer = client.get(path);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        for secret in ["bait", "story", "root:", "journal"] {
            assert!(!answer.text().contains(secret), "{path}: {}", answer.text());
        }
    }
    // A journal that was tampered with, or a link on the card: the file's own place counts.
    assert!(within(Duration::from_secs(20), || client.object("/api/bursts")["total"].as_u64() > Some(3)));
    let kept = trap.reader().events(&Default::default()).unwrap().items;
    let media = kept.iter().flat_map(|b| &b.media).find(|m| m.gone.is_none()).unwrap();
    let file = trap.media().join(&media.media.path);
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(trap.path("bait.jpg"), &file).unwrap();
    let answer = client.get(&format!("/api/picture/{}?w=0", media.number));
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert!(daemon.captures());
}

#[test]
fn other_hosts_other_pages_and_forged_changes_are_refused() {
    let (_trap, daemon) = started();
    let client = daemon.client();
    let at = daemon.at.to_string();
    for host in ["evil.example", "evil.example:80", "localhost", "127.0.0.1", "127.0.0.1:1", "trapline.local"]
    {
        assert_eq!(client.with("GET", "/api/me", &[("Host", host)], "").status, 403, "{host}");
        assert_eq!(client.with("GET", "/", &[("Host", host)], "").status, 403, "{host}");
    }
    let named = format!("trapline.local:{}", daemon.at.port());
    assert_eq!(client.with("GET", "/api/me", &[("Host", &named)], "").status, 200);
    let two = format!("GET / HTTP/1.1\r\nHost: {at}\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert!((400..404).contains(&raw(daemon.at, two.as_bytes()).unwrap().status));
    assert!((400..404).contains(&raw(daemon.at, b"GET / HTTP/1.0\r\n\r\n").unwrap().status));

    let change =
        |headers: &[(&str, &str)]| client.with("POST", "/api/aim", headers, r#"{"on":false}"#).status;
    assert_eq!(change(&[]), 200);
    assert_eq!(change(&[("Origin", &format!("http://{at}"))]), 200);
    assert_eq!(change(&[("x-csrf", "")]), 403);
    assert_eq!(change(&[("x-csrf", &"0".repeat(64))]), 403);
    assert_eq!(change(&[("Origin", "http://evil.example")]), 403);
    assert_eq!(change(&[("Origin", "null")]), 403);
    assert_eq!(change(&[("Sec-Fetch-Site", "cross-site")]), 403);
    assert_eq!(change(&[("Cookie", "trapline=1")]), 401);
    assert_eq!(change(&[("Content-Type", "text/plain")]), 415, "a form of another page");
    for (method, path) in
        [("DELETE", "/api/bursts"), ("PUT", "/api/label"), ("GET", "/api/power"), ("POST", "/")]
    {
        assert_eq!(client.with(method, path, &[], "").status, 405, "{method} {path}");
    }
    for (body, status) in [("{", 400), ("{}", 422), (r#"{"on":true,"x":1}"#, 422), (r#"{"on":"yes"}"#, 422)] {
        let answer = client.with("POST", "/api/aim", &[], body);
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.json()["error"].is_string());
    }
    let page = client.get("/");
    for (name, value) in [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY")] {
        assert_eq!(page.header(name), Some(value));
    }
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'self'"));
    assert_eq!(client.get("/api/me").header("cache-control"), Some("no-store"));
    assert!(daemon.captures());
}

#[test]
fn huge_and_broken_requests_end_early() {
    let (_trap, daemon) = started();
    let client = daemon.client();
    let huge = json!({ "bursts": ["1-1"], "outcome": "empty", "comment": "x".repeat(1 << 20) });
    assert_eq!(client.post("/api/label", &huge).status, 413);
    let endless = format!(
        "POST /api/label HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nx-csrf: {}\r\nContent-Type: application/json\r\n\
         Content-Length: 99999999999\r\n\r\n{}",
        daemon.at,
        client.cookie,
        client.csrf,
        "x".repeat(200_000)
    );
    assert_eq!(raw(daemon.at, endless.as_bytes()).unwrap().status, 413);
    let heads = [
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(100_000)),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-A: b\r\n".repeat(5000)),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "\u{1}\u{2}\u{3}\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
    ];
    for head in heads {
        // Refused or closed, and at once.
        let begun = Instant::now();
        let status = raw(daemon.at, head.as_bytes()).map(|answer| answer.status);
        assert!(status.is_none_or(|status| (400..600).contains(&status)), "{status:?}");
        assert!(begun.elapsed() < Duration::from_secs(25));
    }
    assert_eq!(client.get("/api/me").status, 200);
    assert!(daemon.captures());
}

#[test]
fn slow_and_many_connections_hold_nothing_up() {
    let (_trap, daemon) = started();
    let client = daemon.client();
    // A second address of the loopback network stands for a second phone.
    let mut held = Vec::new();
    let mut refused = 0;
    for n in 0..1000 {
        let Ok(mut stream) = TcpStream::connect(daemon.at) else {
            refused += 1;
            continue;
        };
        // Half of them begin a request that never ends.
        if n % 2 == 0 {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: ");
        }
        held.push(stream);
    }
    assert!(daemon.captures(), "the watch goes on under 1000 connections ({refused} not even begun)");
    // Most were refused at once, and the rest end because they are slow.
    let closed = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let mut byte = [0; 256];
        matches!(stream.read(&mut byte), Ok(n) if n == 0 || byte.starts_with(b"HTTP/1.1 "))
            || stream.take_error().is_ok_and(|e| e.is_some())
    };
    let begun = Instant::now();
    let mut open = held;
    while !open.is_empty() && begun.elapsed() < Duration::from_secs(40) {
        open.retain_mut(|stream| !closed(stream));
    }
    assert_eq!(open.len(), 0, "connections without a request end by themselves");
    assert!(within(Duration::from_secs(20), || client.get("/api/me").status == 200));
    assert!(daemon.captures());
}

#[test]
fn a_slow_body_ends() {
    let (_trap, daemon) = started();
    let client = daemon.client();
    let mut stream = TcpStream::connect(daemon.at).unwrap();
    let head = format!(
        "POST /api/aim HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nx-csrf: {}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000\r\n\r\n",
        daemon.at, client.cookie, client.csrf
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let begun = Instant::now();
    let mut got = [0; 32];
    let n = loop {
        let _ = stream.write_all(b" ");
        match stream.read(&mut got) {
            Ok(n) => break n,
            Err(_) => assert!(begun.elapsed() < Duration::from_secs(40), "still open"),
        }
    };
    assert!(String::from_utf8_lossy(&got[..n]).starts_with("HTTP/1.1 408"));
    assert!(daemon.captures());
}

#[test]
fn people_that_only_a_person_saw_are_not_shown_any_more() {
    let (trap, daemon) = started();
    let client = daemon.client();
    assert!(within(Duration::from_secs(20), || client.object("/api/bursts")["total"].as_u64() > Some(3)));
    let kept = trap.reader().events(&Default::default()).unwrap().items;
    let burst = kept.iter().find(|b| b.media.iter().any(|m| m.gone.is_none())).unwrap();
    let number = burst.media[0].number;
    assert_eq!(client.get(&format!("/api/picture/{number}")).status, 200);
    let EventKey { boot, number: own } = burst.key;
    let id = format!("{boot}-{own}");
    let label =
        json!({ "bursts": [id], "outcome": "person", "seen": [{ "taxon": "Homo sapiens", "count": 1 }] });
    assert_eq!(client.post("/api/label", &label).status, 200);
    assert_eq!(client.get(&format!("/api/picture/{number}")).status, 403);
    let shown = client.object(&format!("/api/burst/{id}"));
    assert!(
        shown["frames"].as_array().unwrap().iter().all(|f| f["picture"].is_null() && f["crop"].is_null())
    );
    // Whoever writes it.
    let mut notebook = Notebook::open(&trap.journal()).unwrap();
    let other = kept.iter().rfind(|b| b.media.iter().any(|m| m.gone.is_none())).unwrap();
    let seen = vec![Seen { taxon: "Homo sapiens".to_owned(), count: 1, ..Seen::default() }];
    let outcome = trapline::event::Outcome::Sighting;
    let said =
        Label { at: Default::default(), who: "desk".to_owned(), outcome, seen, comment: String::new() };
    notebook.label(other.key, &said).unwrap();
    assert_eq!(client.get(&format!("/api/picture/{}", other.media[0].number)).status, 403);
}
