//! `trapline models add starter`: the networks of the catalogue from a server, a stick, or not at all; whole or nothing.
//!
//! The files are those of the shared folder, under the names they are published with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

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
