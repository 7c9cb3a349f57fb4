//! A mosquitto of the test's own, on a free port, with its files in a temporary folder, and people who listen to it.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests may.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use trapline::drivers::mqtt::{Options, Version};
use trapline::hal::{Parcel, Subject, UplinkError};

/// Every story is told for both versions of the protocol.
pub const BOTH: [Version; 2] = [Version::V3, Version::V5];

/// Longest that anything is waited for before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// True when the programs of mosquitto and openssl are there; else says that the test is skipped, and fails under CI.
pub fn available() -> bool {
    let missing =
        ["mosquitto", "mosquitto_sub", "mosquitto_pub", "openssl"].map(|name| (name, program(name)));
    let Some((name, _)) = missing.iter().find(|(_, path)| path.is_none()) else { return true };
    assert!(std::env::var_os("CI").is_none(), "{name} must be installed under CI");
    println!("skipped: {name} is not installed");
    false
}

/// Where a program is; Debian keeps brokers in a folder that is not in everybody's `PATH`.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

pub fn command(name: &str) -> Command {
    Command::new(program(name).unwrap())
}

/// A port that was free just now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A parcel with a JSON body.
pub fn event(name: &str, body: &str) -> Parcel {
    Parcel { subject: Subject::Event, name: name.to_owned(), body: body.into(), port: 1, confirm: false }
}

/// Whether the error is a refusal, and what it says.
pub fn told(error: UplinkError) -> (bool, String) {
    match error {
        UplinkError::Down(e) => (false, e.to_string()),
        UplinkError::Refused(e) => (true, e.to_string()),
        other => panic!("neither down nor refused: {other:?}"),
    }
}

pub struct Broker {
    pub dir: tempfile::TempDir,
    pub port: u16,
    child: Arc<Mutex<Child>>,
}

impl Broker {
    /// A broker anybody may use.
    pub fn open() -> Self {
        Broker::with(|_| "allow_anonymous true\n".to_owned())
    }

    /// A broker with the lines that `lines` gives for its folder.
    pub fn with(lines: impl FnOnce(&Path) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let config = format!(
            "listener {port} 127.0.0.1\nuser root\npersistence true\npersistence_location {}/\n\
             max_inflight_messages 0\nmax_queued_messages 100000\n{}",
            dir.path().display(),
            lines(dir.path())
        );
        std::fs::write(dir.path().join("mosquitto.conf"), config).unwrap();
        let child = Arc::new(Mutex::new(Broker::spawn(dir.path())));
        let broker = Broker { dir, port, child };
        broker.wait();
        broker
    }

    fn spawn(dir: &Path) -> Child {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
        let config = dir.join("mosquitto.conf");
        command("mosquitto").arg("-c").arg(config).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn wait(&self) {
        wait_until("the broker", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// SIGKILL.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGSTOP or SIGCONT: its connections stay open, and nobody answers.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.lock().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// SIGKILL after a while.
    pub fn kill_after(&self, after: Duration) -> std::thread::JoinHandle<()> {
        let child = Arc::clone(&self.child);
        std::thread::spawn(move || {
            std::thread::sleep(after);
            child.lock().unwrap().kill().unwrap();
        })
    }

    /// Reaps the dead broker and starts it again on the same port and files.
    pub fn restart(&self) {
        let mut child = self.child.lock().unwrap();
        child.wait().unwrap();
        *child = Broker::spawn(self.dir.path());
        drop(child);
        self.wait();
    }

    pub fn options(&self) -> Options {
        Options::new(format!("mqtt://127.0.0.1:{}", self.port).parse().unwrap(), "rila", "t1")
    }

    pub fn publish(&self, topic: &str, body: &[u8], more: &[&str]) {
        let mut child = command("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1", "-t", topic, "-s"])
            .args(more)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(body).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Somebody who hears every topic from now on.
    pub fn listen(&self) -> Listener {
        self.listen_as(&[])
    }

    pub fn listen_as(&self, more: &[&str]) -> Listener {
        self.publish("ready", b"ready", &["-r"]);
        let listener = Listener::new(self.port, more);
        wait_until("the listener", || listener.heard().iter().any(|heard| heard.topic == "ready"));
        listener
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub topic: String,
    pub retained: bool,
    pub content_type: String,
    pub body: Vec<u8>,
}

/// `mosquitto_sub`, which knows nothing of Trapline.
pub struct Listener {
    child: Child,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Listener {
    fn new(port: u16, more: &[&str]) -> Self {
        let mut child = command("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-V", "5", "-q", "1", "-t", "#"])
            .args(["-F", "%t\t%r\t%C\t%x"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&heard);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut parts = line.split('\t').map(str::to_owned);
                let mut part = || parts.next().unwrap_or_default();
                let (topic, retained, content_type, hex) = (part(), part() == "1", part(), part());
                book.lock().unwrap().push(Heard { topic, retained, content_type, body: unhex(&hex) });
            }
        });
        Listener { child, heard }
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until something was heard on `topic` and gives the latest body as text.
    pub fn last(&self, topic: &str) -> Option<String> {
        let heard = self.heard();
        heard.iter().rfind(|h| h.topic == topic).map(|h| String::from_utf8_lossy(&h.body).into_owned())
    }

    pub fn wait_for(&self, topic: &str, body: &str) {
        wait_until(&format!("{body} on {topic}"), || {
            self.heard().iter().any(|h| h.topic == topic && h.body == body.as_bytes())
        });
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A wire between trap and broker that can be cut without a word to either.
pub struct Wire {
    pub port: u16,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Wire { port: listener.local_addr().unwrap().port(), ends: Arc::default() };
        let ends = Arc::clone(&wire.ends);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let pairs = [(near.try_clone(), far.try_clone()), (far.try_clone(), near.try_clone())];
                for (from, to) in pairs {
                    let (mut from, mut to) = (from.unwrap(), to.unwrap());
                    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                }
                ends.lock().unwrap().extend([near, far]);
            }
        });
        wire
    }

    pub fn cut(&self) {
        for end in self.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(std::net::Shutdown::Both);
        }
    }
}
