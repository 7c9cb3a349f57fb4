//! A model of several forms, as its user meets it: installed whole, listed with the form that is taken, verified in all
//! of them; and a network's raw outputs for numbers from a file.

#![cfg(all(feature = "std", feature = "tract"))]
#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may unwrap.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use trapline::engine::hash::sha256_file;

fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/exports/yolov5")
}

/// A model folder whose `file` is one network and whose form for tract is another file.
fn model(dir: &Path) -> PathBuf {
    let folder = dir.join("two-forms");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["tiny-yolov5.onnx", "for-tract.onnx", "for-onnxruntime.onnx"] {
        std::fs::copy(tiny().join("tiny-yolov5.onnx"), folder.join(name)).unwrap();
    }
    let hash = sha256_file(&folder.join("for-tract.onnx")).unwrap();
    let form = |engine: &str| {
        format!("[[form]]\nengine = \"{engine}\"\nfile = \"for-{engine}.onnx\"\nsha256 = \"{hash}\"\n")
    };
    let manifest = std::fs::read_to_string(tiny().join("manifest.toml")).unwrap();
    std::fs::write(folder.join("manifest.toml"), manifest + &form("onnxruntime") + &form("tract")).unwrap();
    folder
}

fn trapline(args: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["models"])
        .args(args)
        .args(["--engine", "tract", "--dir"])
        .arg(dir)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn every_form_is_installed_and_the_one_that_is_taken_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let source = model(scratch.path());
    let dir = scratch.path().join("models");
    let added = trapline(&["add", source.to_str().unwrap()], &dir);
    assert!(added.status.success(), "{}", said(&added));
    let listed = trapline(&["list"], &dir);
    assert!(said(&listed).contains("takes for-tract.onnx"), "{}", said(&listed));
    let listed = trapline(&["list", "--json"], &dir);
    let row: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert!(row["file"].as_str().unwrap().ends_with("for-tract.onnx"), "{row}");
    assert_eq!(row["forms"][0]["engine"], "onnxruntime", "{row}");
    let verified = trapline(&["verify"], &dir);
    assert!(verified.status.success(), "{}", said(&verified));

    // Another engine's form is damaged: this engine runs, `verify` tells.
    let installed = PathBuf::from(row["path"].as_str().unwrap());
    std::fs::write(installed.join("for-onnxruntime.onnx"), b"cut").unwrap();
    let verified = trapline(&["verify"], &dir);
    assert_eq!(verified.status.code(), Some(1));
    assert!(said(&verified).contains("for-onnxruntime.onnx"), "{}", said(&verified));
    assert!(trapline(&["bench", "--passes", "1"], &dir).status.success());
    std::fs::remove_file(installed.join("for-tract.onnx")).unwrap();
    let bench = trapline(&["bench", "--passes", "1"], &dir);
    assert_eq!(bench.status.code(), Some(2));
    assert!(said(&bench).contains("for-tract.onnx"), "{}", said(&bench));
}

#[test]
fn a_form_with_another_hash_is_not_installed() {
    let scratch = tempfile::tempdir().unwrap();
    let source = model(scratch.path());
    std::fs::write(source.join("for-onnxruntime.onnx"), b"another").unwrap();
    let dir = scratch.path().join("models");
    let added = trapline(&["add", source.to_str().unwrap()], &dir);
    assert_eq!(added.status.code(), Some(2), "{}", said(&added));
    assert!(said(&added).contains("for-onnxruntime.onnx: the SHA-256 is"), "{}", said(&added));
    assert!(!dir.join("tiny-yolov5").exists());
}

#[test]
fn raw_outputs_are_written_for_numbers_from_a_file() {
    let scratch = tempfile::tempdir().unwrap();
    let input = scratch.path().join("grey.bin");
    let bytes: Vec<u8> = std::iter::repeat_n(0.5f32.to_le_bytes(), 3 * 64 * 64).flatten().collect();
    std::fs::write(&input, &bytes).unwrap();
    let out = scratch.path().join("out");
    let (model, input, out) = (tiny(), input.to_str().unwrap().to_owned(), out.to_str().unwrap().to_owned());
    let run = ["run", model.to_str().unwrap(), &input, "--out", &out, "--json"];
    let ran = trapline(&run, scratch.path());
    assert!(ran.status.success(), "{}", said(&ran));
    let row: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(row["shape"], serde_json::json!([1, 240, 8]));
    assert_eq!(std::fs::metadata(row["file"].as_str().unwrap()).unwrap().len(), 240 * 8 * 4);
    std::fs::write(&input, &bytes[4..]).unwrap();
    let ran = trapline(&run, scratch.path());
    assert_eq!(ran.status.code(), Some(2));
    assert!(said(&ran).contains("[1, 3, 64, 64] 32-bit floats, which are 49152 bytes"), "{}", said(&ran));
}
