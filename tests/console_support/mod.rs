//! A trap with its page on, or a laptop's page, and a plain HTTP client on sockets.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|l| l.split_once(": "))
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|h| h.1)
    }
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends these very bytes and reads until the other side closes. `None`: it closed without an answer.
pub fn raw(at: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // It may refuse before it has read everything.
    let _ = stream.write_all(request);
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let end = all.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: all[end + 4..].to_vec() })
}

/// Someone with a browser.
#[derive(Debug, Clone)]
pub struct Client {
    pub at: SocketAddr,
    pub cookie: String,
    pub csrf: String,
}

impl Client {
    pub fn new(at: SocketAddr) -> Client {
        Client { at, cookie: String::new(), csrf: String::new() }
    }

    /// With other headers than usual: `Host` and `x-csrf` are there unless given.
    pub fn with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let has = |name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        let mut put = |name: &str, value: &str| {
            if !has(name) && !value.is_empty() {
                request.push_str(&format!("{name}: {value}\r\n"));
            }
        };
        put("Host", &self.at.to_string());
        put("Cookie", &self.cookie);
        put("x-csrf", &self.csrf);
        if !body.is_empty() || method != "GET" {
            put("Content-Type", "application/json");
            put("Content-Length", &body.len().to_string());
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body);
        raw(self.at, request.as_bytes()).unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.with("GET", path, &[], "")
    }

    /// The object behind a path.
    pub fn object(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.with("POST", path, &[], &body.to_string())
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.with("PUT", path, &[], &body.to_string())
    }

    pub fn login(&mut self, secret: &str) -> Answer {
        let answer = self.post("/api/login", &serde_json::json!({ "secret": secret }));
        if answer.status == 200 {
            self.cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
            self.csrf = answer.json()["csrf"].as_str().unwrap().to_owned();
        }
        answer
    }

    /// Listens to the live events until one of this name comes whose data `wanted` takes.
    pub fn hear(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let request =
            format!("GET /api/live HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", self.at, self.cookie);
        stream.write_all(request.as_bytes()).unwrap();
        let begun = Instant::now();
        let mut event = String::new();
        for line in BufReader::new(stream).lines() {
            assert!(begun.elapsed() < Duration::from_secs(60), "no {name} within a minute");
            let line = line.unwrap();
            if let Some(named) = line.strip_prefix("event: ") {
                event = named.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ").filter(|_| event == name) {
                let data = serde_json::from_str(data).unwrap();
                if wanted(&data) {
                    return data;
                }
            }
        }
        panic!("the events ended without {name}");
    }
}

/// A daemon at work, ended when dropped.
pub struct Daemon {
    pub child: Child,
    pub at: SocketAddr,
    pub secret: String,
    /// Bursts printed so far.
    pub bursts: Arc<AtomicUsize>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    /// From a child with both outputs piped, once it has told its secret and listens.
    pub fn of(mut child: Child, port: u16) -> Daemon {
        let bursts = Arc::new(AtomicUsize::new(0));
        let (out, count) = (child.stdout.take().unwrap(), Arc::clone(&bursts));
        std::thread::spawn(move || {
            for _ in BufReader::new(out).lines() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let (send, told) = std::sync::mpsc::channel();
        let err = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once("page is ") {
                    let _ = send.send(rest.chars().take(14).collect::<String>());
                }
            }
        });
        let secret = told.recv_timeout(Duration::from_secs(30)).unwrap();
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let daemon = Daemon { child, at, secret, bursts };
        assert!(daemon.listens_within(Duration::from_secs(20)));
        daemon
    }

    pub fn listens_within(&self, time: Duration) -> bool {
        within(time, || TcpStream::connect(self.at).is_ok())
    }

    pub fn client(&self) -> Client {
        let mut client = Client::new(self.at);
        let answer = client.login(&self.secret);
        assert_eq!(answer.status, 200, "{}", answer.text());
        client
    }

    /// True where the daemon captures still.
    pub fn captures(&self) -> bool {
        let before = self.bursts.load(Ordering::SeqCst);
        within(Duration::from_secs(20), || self.bursts.load(Ordering::SeqCst) > before + 2)
    }
}

pub fn within(time: Duration, done: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < time {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    done()
}
