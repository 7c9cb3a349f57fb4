//! `trapline models add` against a server that cuts, lies, refuses and is not there: a model is installed whole or not
//! at all, and what was there before stays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use trapline::engine::hash::sha256;
use trapline::engine::install::{InstallError, Installed, Request, default_dir, install, installed};

/// A network of 300 kB that is no ONNX: what is installed is not run here.
fn weights() -> Vec<u8> {
    (0..300_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

const MANIFEST: &str = r#"
role = "classifier"
name = "fox or hare"
version = "1"
file = "net.onnx"
sha256 = "HASH"
licence = "MIT"
source = "https://example.org/net.onnx"
labels = { file = "labels.txt" }

[input]
name = "image"
width = 4
height = 4
layout = "nchw"
colour = "rgb"
dtype = "f32"

[input.resize]
rule = "square"

[output]
decode = "logits"
"#;

/// How the server behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Gives whole files and parts, with an ETag.
    Good,
    /// As good, but closes the connection after so many bytes of the first answer about the network.
    CutsOnce(usize),
    /// Closes every connection after so many bytes.
    CutsAlways(usize),
    /// As `CutsOnce`, but knows neither parts nor ETags.
    CutsOnceWithoutParts(usize),
}

struct Server {
    address: String,
    /// Request lines and `Range` headers, in order.
    seen: Arc<Mutex<Vec<String>>>,
}

/// Serves `files` (path, bytes) for as long as the test runs. tiny_http cannot break a promise of length, so the few
/// lines of HTTP are written here.
fn serve(files: Vec<(&'static str, Vec<u8>)>, manner: Manner) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    std::thread::spawn(move || {
        let mut network_answers = 0;
        for stream in listener.incoming() {
            answer(stream.unwrap(), &files, manner, &mut network_answers, &log);
        }
    });
    Server { address, seen }
}

fn answer(
    mut stream: TcpStream,
    files: &[(&str, Vec<u8>)],
    manner: Manner,
    network_answers: &mut usize,
    log: &Mutex<Vec<String>>,
) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let range = request
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned))
        .and_then(|r| r.trim_end_matches('-').parse::<usize>().ok());
    log.lock().unwrap().push(format!("{path} {range:?}"));
    let Some((_, bytes)) = files.iter().find(|(name, _)| *name == path) else {
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    };
    let parts = !matches!(manner, Manner::CutsOnceWithoutParts(_));
    let start = if parts { range.unwrap_or(0) } else { 0 };
    let mut head = if start > 0 {
        format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{}\r\n",
            bytes.len() - 1,
            bytes.len()
        )
    } else {
        "HTTP/1.1 200 OK\r\n".to_owned()
    };
    if parts {
        head.push_str("ETag: \"v1\"\r\n");
    }
    head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", bytes.len() - start));
    let body = &bytes[start..];
    let is_network = path.ends_with(".onnx");
    *network_answers += usize::from(is_network);
    let sent = match manner {
        Manner::CutsOnce(n) | Manner::CutsOnceWithoutParts(n) if is_network && *network_answers == 1 => n,
        Manner::CutsAlways(n) if is_network => n,
        _ => body.len(),
    };
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&body[..sent.min(body.len())]);
}

/// A server with a whole model and a bare network.
fn model_server(manner: Manner) -> Server {
    let manifest = MANIFEST.replace("HASH", &sha256(&weights()));
    let files = vec![
        ("/m/model.toml", manifest.into_bytes()),
        ("/m/net.onnx", weights()),
        ("/m/labels.txt", b"fox\nhare\n".to_vec()),
    ];
    serve(files, manner)
}

fn request(source: String) -> Request {
    Request { source, sha256: None, limit: 1 << 20, replace: false }
}

fn add(dir: &Path, request: &Request) -> Result<Installed, InstallError> {
    install(dir, request, &mut |_, _| ())
}

/// Names in `dir`, hidden ones aside.
fn names(dir: &Path) -> Vec<String> {
    installed(dir).unwrap().iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_model_comes_with_its_manifest_network_and_labels() {
    let server = model_server(Manner::Good);
    let dir = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    let wanted = request(format!("{}/m/model.toml", server.address));
    let done = install(dir.path(), &wanted, &mut |done, total| told.push((done, total))).unwrap();
    assert_eq!(done.path, dir.path().join("fox-or-hare"));
    assert_eq!((done.sha256, done.bytes, done.complete), (sha256(&weights()), 300_000, true));
    assert_eq!(std::fs::read(done.path.join("net.onnx")).unwrap(), weights());
    assert_eq!(std::fs::read(done.path.join("labels.txt")).unwrap(), b"fox\nhare\n");
    assert_eq!(told.last(), Some(&(300_000, Some(300_000))));
    assert_eq!(names(dir.path()), ["fox-or-hare"]);
    // A second time it is there already, unless it is to be replaced.
    assert!(matches!(add(dir.path(), &wanted), Err(InstallError::Exists { .. })));
    add(dir.path(), &Request { replace: true, ..wanted }).unwrap();
    assert_eq!(names(dir.path()), ["fox-or-hare"]);
}

#[test]
fn a_cut_download_goes_on_where_it_was_cut() {
    let server = model_server(Manner::CutsOnce(100_000));
    let dir = tempfile::tempdir().unwrap();
    let done = add(dir.path(), &request(format!("{}/m/net.onnx", server.address))).unwrap();
    assert_eq!(done.sha256, sha256(&weights()));
    assert!(!done.complete);
    let seen = server.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2, "{seen:?}");
    let resumed: usize =
        seen[1].trim_start_matches("/m/net.onnx Some(").trim_end_matches(')').parse().expect("a range");
    assert!(resumed > 0 && resumed <= 100_000, "{seen:?}");
}

#[test]
fn a_server_without_parts_is_asked_for_the_whole_again() {
    let server = model_server(Manner::CutsOnceWithoutParts(100_000));
    let dir = tempfile::tempdir().unwrap();
    let done = add(dir.path(), &request(format!("{}/m/net.onnx", server.address))).unwrap();
    assert_eq!(done.sha256, sha256(&weights()));
    assert_eq!(*server.seen.lock().unwrap(), ["/m/net.onnx None", "/m/net.onnx None"]);
}

#[test]
fn what_a_hopeless_line_brought_is_kept_for_the_next_command() {
    // Each of the three tries brings at most 60 kB of the 300 kB.
    let server = model_server(Manner::CutsAlways(60_000));
    let dir = tempfile::tempdir().unwrap();
    let wanted = request(format!("{}/m/model.toml", server.address));
    let first = match add(dir.path(), &wanted) {
        Err(InstallError::Cut { kept, .. }) => kept,
        other => panic!("{other:?}"),
    };
    assert!(first > 0 && first <= 180_000);
    assert!(names(dir.path()).is_empty(), "nothing half installed is shown");
    let done = add(dir.path(), &wanted).unwrap();
    assert_eq!(std::fs::read(done.path.join("net.onnx")).unwrap(), weights());
}

#[test]
fn a_wrong_hash_installs_nothing() {
    let server = model_server(Manner::Good);
    let dir = tempfile::tempdir().unwrap();
    for file in ["model.toml", "net.onnx"] {
        let wanted =
            Request { sha256: Some("0".repeat(64)), ..request(format!("{}/m/{file}", server.address)) };
        let error = add(dir.path(), &wanted).unwrap_err();
        assert!(matches!(error, InstallError::Hash { .. }), "{error}");
        assert!(error.to_string().contains(&sha256(&weights())), "{error}");
        assert!(names(dir.path()).is_empty());
    }
    let right =
        Request { sha256: Some(sha256(&weights())), ..request(format!("{}/m/net.onnx", server.address)) };
    add(dir.path(), &right).unwrap();
}

#[test]
fn what_is_too_large_missing_or_unreachable_says_so() {
    let server = model_server(Manner::Good);
    let dir = tempfile::tempdir().unwrap();
    let url = |path: &str| format!("{}{path}", server.address);
    let error = add(dir.path(), &Request { limit: 299_999, ..request(url("/m/net.onnx")) }).unwrap_err();
    assert!(error.to_string().contains("larger than the limit of 299999 bytes"), "{error}");
    let error = add(dir.path(), &request(url("/m/nothing.onnx"))).unwrap_err();
    assert!(error.to_string().ends_with("the server answers 404 (not found)"), "{error}");
    // A port nobody listens on: bound and let go of.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = add(dir.path(), &request(format!("http://{free}/net.onnx"))).unwrap_err();
    assert!(matches!(error, InstallError::Unreachable { .. }), "{error}");
    let error = add(dir.path(), &request("ftp://example.org/net.onnx".into())).unwrap_err();
    assert!(error.to_string().contains("https:// or http://"), "{error}");
    let error = add(dir.path(), &request("no/such/model.toml".into())).unwrap_err();
    assert!(matches!(error, InstallError::Io { .. }), "{error}");
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_manifest_from_the_network_cannot_reach_out_of_its_folder() {
    for file in ["../../etc/passwd", "${HOME}/secret", "/etc/passwd", "a/../../b"] {
        let manifest = MANIFEST.replace("net.onnx\"\nsha", &format!("{file}\"\nsha"));
        assert!(manifest.contains(file));
        let server = serve(vec![("/m/model.toml", manifest.into_bytes())], Manner::Good);
        let dir = tempfile::tempdir().unwrap();
        let error = add(dir.path(), &request(format!("{}/m/model.toml", server.address))).unwrap_err();
        assert!(error.to_string().contains("is not a file beside the manifest"), "{file}: {error}");
    }
}

#[test]
fn the_folder_of_models_follows_the_environment() {
    let env = |pairs: &'static [(&str, &str)]| {
        move |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| v.into())
    };
    assert_eq!(default_dir(env(&[("TRAPLINE_MODELS", "/m"), ("HOME", "/h")])).unwrap(), Path::new("/m"));
    if cfg!(all(unix, not(target_os = "macos"))) {
        let home = default_dir(env(&[("TRAPLINE_MODELS", ""), ("HOME", "/h")])).unwrap();
        assert_eq!(home, Path::new("/h/.local/share/trapline/models"));
        let data = default_dir(env(&[("XDG_DATA_HOME", "/d"), ("HOME", "/h")])).unwrap();
        assert_eq!(data, Path::new("/d/trapline/models"));
    }
    assert_eq!(default_dir(env(&[])), None);
}

fn trapline(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["models", "--dir"])
        .arg(dir)
        .args(args)
        .output()
        .expect("the program runs")
}

#[test]
fn the_verb_installs_lists_verifies_and_times_a_real_network() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = tempfile::tempdir().unwrap();
    let network = std::fs::read(root.join("tests/data/int8_weights.onnx")).unwrap();
    std::fs::write(source.path().join("net.onnx"), &network).unwrap();
    std::fs::write(source.path().join("labels.txt"), "fox\nhare\n").unwrap();
    let manifest = MANIFEST.replace("HASH", &sha256(&network));
    std::fs::write(source.path().join("model.toml"), manifest).unwrap();
    let dir = tempfile::tempdir().unwrap();

    let added = trapline(dir.path(), &["add", &source.path().to_string_lossy()]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    assert!(String::from_utf8_lossy(&added.stdout).contains(&sha256(&network)));
    let listed = trapline(dir.path(), &["list", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((&listed["name"], &listed["role"]), (&"fox or hare".into(), &"classifier".into()));
    let verified = trapline(dir.path(), &["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let timed = trapline(dir.path(), &["bench", "fox-or-hare", "--passes", "3", "--json"]);
    let timed: serde_json::Value = serde_json::from_slice(&timed.stdout).unwrap();
    assert!(timed["median_ms"].as_f64().unwrap() > 0.0);

    // A bit of the network flips on the card: verify says so and ends with 1.
    let installed = dir.path().join("fox-or-hare/net.onnx");
    let mut damaged = network.clone();
    damaged[100] ^= 1;
    std::fs::write(&installed, damaged).unwrap();
    let verified = trapline(dir.path(), &["verify"]);
    assert_eq!(verified.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verified.stdout).contains("the SHA-256 of"));
    // Wrong input ends with 2.
    assert_eq!(trapline(dir.path(), &["bench", "wolf"]).status.code(), Some(2));
    assert_eq!(trapline(dir.path(), &["add", "x.onnx", "--sha256", "12"]).status.code(), Some(2));
}
