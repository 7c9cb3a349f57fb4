//! `trapline models add starter`: the networks of the catalogue from a server, a stick, or not at all; whole or nothing.
//!
//! The files are those of the shared folder, under the names they are published with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

/// The published names and the shared files.
const FILES: [(&str, &str); 3] = [
    ("yolox_nano.onnx", "yolox_nano.onnx"),
    ("mobilenet_v2_1.0_224_quant.tflite", "imagenet_mobilenetv2_int8.tflite"),
    ("mobilenet_v2_1.0_224_inat_bird_quant.tflite", "inat_birds_mobilenetv2_int8.tflite"),
];

/// The shared models, or `None` with a word on why; absent is an error on CI.
fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("TRAPLINE_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let models = root.join("models");
    if models.join("inat_birds_mobilenetv2_int8.tflite").is_file() {
        return Some(models);
    }
    let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty());
    assert!(!ci, "{} holds no models", root.display());
    println!("skipped: {} holds no models", root.display());
    None
}

fn add(dir: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["models", "--dir"])
        .arg(dir)
        .args(["add", "starter"])
        .args(more)
        .output()
        .expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Serves the files under their published names; `change` may alter what is given. Answers its address.
fn serve(
    models: PathBuf,
    seen: Arc<Mutex<Vec<String>>>,
    change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + 'static,
) -> String {
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let address = format!("http://{}", server.server_addr());
    std::thread::spawn(move || {
        for request in server.incoming_requests() {
            let name = request.url().trim_start_matches('/').to_owned();
            seen.lock().unwrap().push(name.clone());
            let file = FILES.iter().find(|(published, _)| *published == name);
            let _ = match file {
                Some((_, file)) => {
                    let bytes = change(&name, std::fs::read(models.join(file)).unwrap());
                    request.respond(tiny_http::Response::from_data(bytes))
                }
                None => request.respond(tiny_http::Response::from_string("no").with_status_code(404)),
            };
        }
    });
    address
}

#[test]
fn a_stick_with_the_files_under_any_name_is_enough() {
    let Some(models) = shared() else { return };
    let dir = tempfile::tempdir().unwrap();
    let done = add(dir.path(), &["--from", models.to_str().unwrap()]);
    assert!(done.status.success(), "{}", said(&done));
    for folder in ["yolox-nano", "imagenet-mobilenetv2", "inat-birds-mobilenetv2"] {
        assert!(dir.path().join("starter").join(folder).join("model.toml").is_file());
    }
    let again = add(dir.path(), &["--from", models.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
}

#[test]
fn a_wrong_network_installs_nothing_and_the_next_try_fetches_only_what_lacks() {
    let Some(models) = shared() else { return };
    let (dir, seen) = (tempfile::tempdir().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let flipped = |name: &str, mut bytes: Vec<u8>| {
        if name.contains("inat") {
            bytes[100] ^= 1;
        }
        bytes
    };
    let bad = serve(models.clone(), seen.clone(), flipped);
    let failed = add(dir.path(), &["--from", &bad]);
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    assert!(said(&failed).contains("the SHA-256 is"), "{}", said(&failed));
    assert!(!dir.path().join("starter").exists());
    seen.lock().unwrap().clear();
    let good = serve(models, seen.clone(), |_, bytes| bytes);
    let done = add(dir.path(), &["--from", &good]);
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(*seen.lock().unwrap(), ["mobilenet_v2_1.0_224_inat_bird_quant.tflite"]);
}

#[test]
fn without_a_network_it_says_so_and_ends_with_one() {
    let dir = tempfile::tempdir().unwrap();
    // A port nobody listens on: bound and let go of.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failed = add(dir.path(), &["--from", &format!("http://{free}")]);
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    assert!(said(&failed).contains("cannot reach"), "{}", said(&failed));
    assert!(!dir.path().join("starter").exists());
}

/// How a server of files by hand behaves.
#[derive(Clone, Copy)]
struct Manners {
    /// Knows `Range` and gives an ETag.
    parts: bool,
    /// Of every file, the first so many answers end after a quarter of what was asked for.
    cuts: usize,
    /// Sends everybody from `/NAME` to `/elsewhere/NAME` first.
    redirects: bool,
}

/// Serves the files by hand, as servers on the way do; logs `NAME FIRST-BYTE`. Answers its address.
fn serve_by_hand(models: PathBuf, manners: Manners, log: Arc<Mutex<Vec<String>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut answered: Vec<String> = Vec::new();
        for stream in listener.incoming() {
            let _ = answer(&models, manners, &mut answered, &log, stream.unwrap());
        }
    });
    address
}

fn answer(
    models: &Path,
    manners: Manners,
    answered: &mut Vec<String>,
    log: &Mutex<Vec<String>>,
    mut stream: TcpStream,
) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines();
    let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let path = head.first().and_then(|l| l.split(' ').nth(1)).unwrap_or_default().to_owned();
    if manners.redirects && !path.starts_with("/elsewhere/") {
        let moved = "HTTP/1.1 302 Found\r\nLocation: /elsewhere";
        return stream.write_all(
            format!("{moved}{path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes(),
        );
    }
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let file =
        FILES.iter().find(|(published, _)| *published == name).map(|(_, file)| *file).unwrap_or_default();
    let whole = std::fs::read(models.join(file)).unwrap();
    let range =
        head.iter().find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let range = range.and_then(|r| r.trim_end_matches('-').parse::<usize>().ok()).filter(|_| manners.parts);
    let start = range.unwrap_or(0);
    log.lock().unwrap().push(format!("{name} {start}"));
    let rest = &whole[start..];
    let mut text = match range {
        Some(start) => {
            let last = whole.len() - 1;
            format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{last}/{}\r\n", whole.len())
        }
        None => "HTTP/1.1 200 OK\r\n".to_owned(),
    };
    if manners.parts {
        text.push_str("ETag: \"v1\"\r\n");
    }
    stream
        .write_all(format!("{text}Content-Length: {}\r\nConnection: close\r\n\r\n", rest.len()).as_bytes())?;
    let before = answered.iter().filter(|other| **other == name).count();
    answered.push(name);
    stream.write_all(if before < manners.cuts { &rest[..rest.len() / 4] } else { rest })
}

/// Whether the pack is there and every network of it is what the catalogue says.
fn is_whole(dir: &Path) -> bool {
    let verified = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["models", "--engine", "tract", "--dir"])
        .arg(dir)
        .arg("verify")
        .output()
        .unwrap();
    verified.status.success() && String::from_utf8_lossy(&verified.stdout).matches("  ok").count() == 3
}

#[test]
fn a_line_that_is_cut_once_is_gone_on_with_where_it_broke() {
    let Some(models) = shared() else { return };
    let (dir, seen) = (tempfile::tempdir().unwrap(), Arc::default());
    let manners = Manners { parts: true, cuts: 1, redirects: false };
    let done = add(dir.path(), &["--from", &serve_by_hand(models, manners, Arc::clone(&seen))]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(is_whole(dir.path()));
    // Each file twice, the second time from a quarter on.
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 6, "{seen:?}");
    let quarter = 3_713_911 / 4;
    assert_eq!(seen[..2], ["yolox_nano.onnx 0".to_owned(), format!("yolox_nano.onnx {quarter}")]);
}

#[test]
fn a_line_that_is_cut_again_and_again_leaves_nothing_installed_and_the_next_try_goes_on() {
    let Some(models) = shared() else { return };
    let (dir, seen) = (tempfile::tempdir().unwrap(), Arc::<Mutex<Vec<String>>>::default());
    let manners = Manners { parts: true, cuts: usize::MAX, redirects: false };
    let failed = add(dir.path(), &["--from", &serve_by_hand(models.clone(), manners, Arc::clone(&seen))]);
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    assert!(
        said(&failed).contains("they are kept, run the same command again to go on"),
        "{}",
        said(&failed)
    );
    assert!(!dir.path().join("starter").exists());
    seen.lock().unwrap().clear();
    let manners = Manners { cuts: 0, ..manners };
    let done = add(dir.path(), &["--from", &serve_by_hand(models, manners, Arc::clone(&seen))]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(is_whole(dir.path()));
    // Three quarters of three quarters of three quarters were left.
    let first = seen.lock().unwrap()[0].clone();
    let from: usize = first.trim_start_matches("yolox_nano.onnx ").parse().unwrap();
    assert!((2_147_000..2_147_200).contains(&from), "{first}");
}

#[test]
fn a_server_without_parts_is_asked_for_the_whole_again() {
    let Some(models) = shared() else { return };
    let (dir, seen) = (tempfile::tempdir().unwrap(), Arc::<Mutex<Vec<String>>>::default());
    let manners = Manners { parts: false, cuts: 1, redirects: false };
    let done = add(dir.path(), &["--from", &serve_by_hand(models, manners, Arc::clone(&seen))]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(is_whole(dir.path()));
    assert!(seen.lock().unwrap().iter().all(|line| line.ends_with(" 0")));
}

#[test]
fn a_redirect_is_followed() {
    let Some(models) = shared() else { return };
    let (dir, seen) = (tempfile::tempdir().unwrap(), Arc::default());
    let manners = Manners { parts: true, cuts: 1, redirects: true };
    let done = add(dir.path(), &["--from", &serve_by_hand(models, manners, seen)]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(is_whole(dir.path()));
}

#[test]
fn what_is_shorter_or_longer_than_the_catalogue_says_is_refused() {
    let Some(models) = shared() else { return };
    type Change = fn(&str, Vec<u8>) -> Vec<u8>;
    let cases: [(Change, &str); 2] = [
        (|_, bytes| bytes[..bytes.len() / 2].to_vec(), "the SHA-256 is"),
        (|_, bytes| [bytes, vec![0; 9]].concat(), "is larger than the limit"),
    ];
    for (change, wanted) in cases {
        let dir = tempfile::tempdir().unwrap();
        let address = serve(models.clone(), Arc::default(), change);
        let failed = add(dir.path(), &["--from", &address]);
        assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
        assert!(said(&failed).contains(wanted), "{}", said(&failed));
        assert!(!dir.path().join("starter").exists());
    }
}

#[test]
fn sort_takes_the_pack_and_the_journal_names_all_its_networks() {
    let Some(models) = shared() else { return };
    let dir = tempfile::tempdir().unwrap();
    assert!(add(dir.path(), &["--from", models.to_str().unwrap()]).status.success());
    let photo = models.parent().unwrap().join("photos/ena24/7951.jpg");
    let journal = dir.path().join("card.db");
    let sorted = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["sort", "--json", "--engine", "tract", "--journal"])
        .args([&journal, &photo])
        .env("TRAPLINE_MODELS", dir.path())
        .output()
        .unwrap();
    assert!(sorted.status.success(), "{}", said(&sorted));
    let line: serde_json::Value = serde_json::from_slice(&sorted.stdout).unwrap();
    // A crow: the first classifier is sure of a bird and of no species, so the second head was asked.
    assert_eq!(line["looked"]["classifier"], 2, "{line}");
    let events = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["events", "list", "--json", "--journal"])
        .arg(&journal)
        .output()
        .unwrap();
    let events = String::from_utf8_lossy(&events.stdout).into_owned();
    for network in [
        "yolox-nano@d39bee73564e",
        "imagenet-mobilenetv2@7aad0c74c5e3",
        "inat-birds-mobilenetv2@350fcd8cf1df",
    ] {
        assert!(events.contains(network), "{events}");
    }
    let list = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["models", "list", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(
        list.contains("starter/inat-birds-mobilenetv2") && list.contains("second head for Aves from 0.8"),
        "{list}"
    );
}
