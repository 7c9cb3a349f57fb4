//! Wrong input is named with its cure, and damaged photos are never an empty.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sort_support;

use sort_support::*;

#[test]
fn a_missing_folder_is_named() {
    let output = sort(&["no/such/card"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("no/such/card"), "{}", said(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_folder_without_photos_says_what_was_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join("notes.txt"), b"x");
    let output = sort(&[dir.path()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains(".jpg") && said(&output).contains(dir.path().to_str().unwrap()));
}

#[test]
fn options_out_of_range_name_what_is_allowed() {
    for args in [["x", "--gap", "-3"], ["x", "--burst", "0"], ["x", "--utc-offset", "CET"]] {
        let output = sort(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(said(&output).contains(args[1]), "{}", said(&output));
    }
}

#[test]
fn damaged_photos_fail_with_a_reason_and_never_make_an_empty() {
    let dir = tempfile::tempdir().unwrap();
    let whole = photo(1, Stamp { time: "2024:05:01 10:00:00", ..Stamp::default() });
    put(&dir.path().join("a_zero.jpg"), b"");
    put(&dir.path().join("b_text.jpg"), b"this is no picture at all");
    put(&dir.path().join("c_cut.jpg"), &whole[..whole.len() / 2]);
    put(&dir.path().join("d_head.jpg"), &whole[..20]);
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", dir.path().join("e_gone.jpg")).unwrap();
    let output = sort(&[dir.path().to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let reports = reports(&output);
    assert_eq!(reports.len(), if cfg!(unix) { 5 } else { 4 });
    for report in &reports {
        assert_eq!(report["outcome"], "failed", "{report}");
        assert!(report["frames"][0]["failed"].as_str().is_some_and(|r| !r.is_empty()), "{report}");
        assert_eq!(report["sightings"], serde_json::json!([]));
    }
    assert!(said(&output).contains("could not be read or judged"), "{}", said(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn a_photo_that_is_a_pipe_does_not_hang_the_work() {
    let dir = tempfile::tempdir().unwrap();
    card(dir.path(), 1);
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("pipe.jpg")).status().unwrap();
    assert!(made.success());
    let output = sort(&[dir.path().to_str().unwrap(), "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("not a regular file"), "{text}");
}

#[test]
fn two_models_of_one_role_are_both_named() {
    let shared = std::env::var("TRAPLINE_SHARED").unwrap_or_else(|_| "../shared".into());
    if !std::path::Path::new(&shared).join("models/yolox_nano.onnx").exists() {
        assert!(std::env::var("CI").unwrap_or_default().is_empty(), "{shared} has no models");
        println!("skipped: {shared} has no models");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    card(dir.path(), 1);
    let manifests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models");
    let (one, two) = (format!("{manifests}/yolox_nano.toml"), format!("{manifests}/fastestdet.toml"));
    let output = sort(&[dir.path().to_str().unwrap(), "--model", &one, "--model", &two]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("yolox_nano.toml") && said(&output).contains("fastestdet.toml"),
        "{}",
        said(&output)
    );
    assert!(said(&output).contains("detector"), "{}", said(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn models_lists_and_engines_that_are_not_there_are_named() {
    let dir = tempfile::tempdir().unwrap();
    card(dir.path(), 1);
    let path = dir.path().to_str().unwrap();
    for args in [
        ["--model", "no/such/model.toml"],
        ["--species-list", "no/such/list.txt"],
        ["--engine", "abacus"],
        ["--rule", "dice"],
        ["--threshold", "1.5"],
    ] {
        let output = sort(&[path, args[0], args[1]]);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(said(&output).contains(args[1]), "{}", said(&output));
    }
}
