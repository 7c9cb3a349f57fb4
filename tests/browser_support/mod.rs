//! A real browser: Chromium behind chromedriver, spoken to in WebDriver's own JSON. Needs the programs `chromium` and `chromedriver`, and axe-core's `axe.min.js` for accessibility.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::panic)] // As the other supports of tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::console_support::{free_port, within};

/// Why there is no browser to test with, if there is none.
pub fn missing() -> Option<String> {
    for program in ["chromium", "chromedriver"] {
        let found =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|s| s.success()) {
            return Some(format!("no {program}"));
        }
    }
    None
}

/// axe-core (Deque Systems), as `npm pack axe-core` brings it: the file that `TRAPLINE_AXE` names, or where CI puts it.
pub fn axe() -> Result<String, String> {
    let usual = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/axe/package/axe.min.js");
    let file = std::env::var_os("TRAPLINE_AXE").map_or(usual, PathBuf::from);
    std::fs::read_to_string(&file).map_err(|e| format!("no axe-core at {}: {e}", file.display()))
}

/// A request of its own connection; the driver says how long its answers are.
fn request(at: SocketAddr, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().unwrap();
        } else if let Some(rest) = line.strip_prefix("content-length:") {
            length = rest.trim().parse().unwrap();
        } else if line.is_empty() {
            break;
        }
    }
    let mut answer = vec![0; length];
    reader.read_exact(&mut answer).unwrap();
    (status, serde_json::from_slice(&answer).unwrap_or_default())
}

/// One window. Ended, with its driver, when dropped.
pub struct Browser {
    driver: Child,
    at: SocketAddr,
    session: String,
}

impl Drop for Browser {
    fn drop(&mut self) {
        request(self.at, "DELETE", &self.session, "");
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Browser {
    /// A window of this size, as a phone or a desktop has it.
    pub fn new(width: u32, height: u32) -> Browser {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        assert!(within(Duration::from_secs(20), || TcpStream::connect(at).is_ok()));
        let size = format!("--window-size={width},{height}");
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {
                "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en", size],
                "mobileEmulation": { "deviceMetrics": { "width": width, "height": height, "pixelRatio": 1.0, "touch": width < 600 } },
            },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": 60000 },
        } } });
        let (status, answer) = request(at, "POST", "/session", &wanted.to_string());
        assert_eq!(status, 200, "{answer}");
        let id = answer["value"]["sessionId"].as_str().unwrap().to_owned();
        Browser { driver, at, session: format!("/session/{id}") }
    }

    fn tell(&self, what: &str, body: &Value) -> Value {
        let (status, answer) =
            request(self.at, "POST", &format!("{}/{what}", self.session), &body.to_string());
        assert_eq!(status, 200, "{what} {body}: {answer}");
        answer["value"].clone()
    }

    pub fn open(&self, url: &str) {
        self.tell("url", &json!({ "url": url }));
    }

    /// What a function's body returns in the page.
    pub fn js(&self, body: &str) -> Value {
        self.tell("execute/sync", &json!({ "script": body, "args": [] }))
    }

    pub fn truth(&self, expression: &str) -> bool {
        self.js(&format!("return !!({expression})")) == true
    }

    /// Waits until the expression is true in the page.
    pub fn until(&self, expression: &str) {
        let text = "document.body.innerText.slice(0, 3000)";
        let came = within(Duration::from_secs(30), || self.truth(expression));
        assert!(came, "never: {expression}\n{}", self.js(&format!("return location.href + '\\n' + {text}")));
    }

    /// Waits for words on the page.
    pub fn reads(&self, words: &str) {
        self.until(&format!("document.body.innerText.includes({})", json!(words)));
    }

    fn find(&self, css: &str) -> String {
        self.until(&format!("document.querySelector({})", json!(css)));
        let found = self.tell("element", &json!({ "using": "css selector", "value": css }));
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    /// As a finger or a mouse does it: in view, not covered.
    pub fn click(&self, css: &str) {
        let element = self.find(css);
        self.tell(&format!("element/{element}/click"), &json!({}));
    }

    /// Presses the button with these words.
    pub fn press(&self, words: &str) {
        let mark = format!(
            "[...document.querySelectorAll('button, a')].filter(b => b.offsetParent && b.textContent.trim() === {})",
            json!(words)
        );
        self.until(&format!("{mark}.length"));
        self.js(&format!("{mark}[0].setAttribute('data-press', '1')"));
        self.click("[data-press]");
        self.js("for (const b of document.querySelectorAll('[data-press]')) b.removeAttribute('data-press')");
    }

    pub fn write(&self, css: &str, text: &str) {
        let element = self.find(css);
        self.tell(&format!("element/{element}/clear"), &json!({}));
        self.tell(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// Keys, one after the other, to whatever has the focus.
    pub fn keys(&self, keys: &str) {
        let each = keys.chars().flat_map(|k| {
            let key = k.to_string();
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        });
        let actions: Vec<Value> = each.collect();
        self.tell("actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    /// The words of every message of the browser's log at warning and above since the last time asked.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.tell("se/log", &json!({ "type": "browser" }));
        let grave = |l: &&Value| matches!(l["level"].as_str(), Some("WARNING" | "SEVERE"));
        log.as_array().unwrap().iter().filter(grave).map(|l| l["message"].to_string()).collect()
    }

    /// What axe finds wrong with what is shown: rule, place, reason.
    pub fn violations(&self, axe: &str) -> Vec<String> {
        if !self.truth("window.axe") {
            self.js(axe);
        }
        let script = "const done = arguments[arguments.length - 1];
            axe.run(document, { resultTypes: ['violations'] }).then((r) => done(r.violations.flatMap((v) =>
                v.nodes.map((n) => v.id + ' ' + n.target.join(' ') + ': ' + n.failureSummary))), (e) => done([String(e)]));";
        let found = self.tell("execute/async", &json!({ "script": script, "args": [] }));
        found.as_array().unwrap().iter().map(Value::to_string).collect()
    }
}

/// Keys that are no letters (WebDriver, keyboard actions).
pub mod key {
    pub const ENTER: &str = "\u{e007}";
    pub const ESCAPE: &str = "\u{e00c}";
    pub const RIGHT: &str = "\u{e014}";
    pub const SPACE: &str = " ";
}
