//! ONNX Runtime and tract say the same of the same photos; without its library the trap works on, on tract.
//!
//! The library is the one `ORT_DYLIB_PATH` names, for instance from the `onnxruntime` package of PyPI.
#![cfg(all(feature = "onnxruntime", feature = "tract"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use trapline::engine::Engine;
use trapline::engine::choose::{Choice, Provider, Wish, choose};
use trapline::engine::model::Model;
use trapline::engine::onnxruntime::OnnxRuntime;
use trapline::image::{Want, decode};
use trapline::units::BBox;
use trapline::vision::classify::Classifier;
use trapline::vision::detect::Detector;

/// Float networks: sums in another order and other approximations of exp. Scores are 0 to 1; the largest difference
/// seen is 5e-6.
const FLOAT: f32 = 1e-3;

/// Quantised networks: a sum that rounds to the other byte in an early layer spreads. Half a grey value of noise on a
/// picture moves the probabilities by 0.04 within ONNX Runtime alone (`real_networks.rs`); the largest difference seen
/// between the engines is 0.074.
const QUANTISED: f32 = 0.1;

/// The shared folder, where there is one and a library too; else a word on what lacks.
fn ready() -> Option<PathBuf> {
    let root = std::env::var_os("TRAPLINE_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let lacks = if !(root.join("models").is_dir() && root.join("photos").is_dir()) {
        format!("{} holds no models and photos", root.display())
    } else if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        "ORT_DYLIB_PATH names no ONNX Runtime library".to_owned()
    } else {
        return Some(root);
    };
    let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty());
    assert!(!ci, "{lacks}");
    println!("skipped: {lacks}");
    None
}

/// Every third photo of each set: some fifty, by day and by night.
fn photos(root: &Path) -> Vec<PathBuf> {
    let sets = ["ena24", "peru", "southwest", "sweden"];
    let mut found = Vec::new();
    for set in sets {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(root.join("photos").join(set)).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        found.extend(files.into_iter().filter(|f| f.extension().is_some()).step_by(3));
    }
    assert!(found.len() > 40, "{found:?}");
    found
}

fn engines() -> [Box<dyn Engine>; 2] {
    let runtime = OnnxRuntime::open(None, Provider::Cpu).unwrap();
    let tract = choose(&Wish { engine: Choice::Tract, ..Wish::default() }).unwrap();
    [Box::new(runtime), tract]
}

fn open(name: &str, engine: &dyn Engine) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name).with_extension("toml");
    Model::open(&path, engine, 1).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn both_find_the_same_boxes() {
    let Some(root) = ready() else { return };
    let engines = engines();
    for name in ["yolox_nano", "fastestdet"] {
        let mut pair = engines.each_ref().map(|e| Detector::new(open(name, e.as_ref())).unwrap());
        let (mut boxes, mut most) = (0, 0f32);
        for photo in photos(&root) {
            let (width, height) = pair[0].input_size();
            let want = Want::LongSide(width.max(height));
            let picture = decode(&std::fs::read(&photo).unwrap(), want).unwrap();
            let [ours, other] = pair.each_mut().map(|d| d.detect(&picture).unwrap());
            let threshold = pair[0].threshold();
            // A box at the very edge of the threshold may be on either side of it.
            for (from, to) in [(&ours, &other), (&other, &ours)] {
                for found in from.iter().filter(|b| b.confidence.get() > threshold + FLOAT) {
                    let twin = to
                        .iter()
                        .filter(|b| b.category == found.category)
                        .max_by(|a, b| a.bbox.iou(&found.bbox).total_cmp(&b.bbox.iou(&found.bbox)))
                        .unwrap_or_else(|| panic!("{name}, {}: {found:?} has no twin", photo.display()));
                    assert!(
                        twin.bbox.iou(&found.bbox) > 0.99,
                        "{name}, {}: {found:?} {twin:?}",
                        photo.display()
                    );
                    let apart = (twin.confidence.get() - found.confidence.get()).abs();
                    assert!(apart < FLOAT, "{name}, {}: {found:?} {twin:?}", photo.display());
                    most = most.max(apart);
                    boxes += 1;
                }
            }
        }
        println!("{name}: {boxes} boxes, scores at most {most:.1e} apart");
        assert!(boxes > 10, "{name}: {boxes}");
    }
}

#[test]
fn both_name_the_same_five_classes_first() {
    let Some(root) = ready() else { return };
    let engines = engines();
    let middle = BBox::from_corners(0.25, 0.25, 0.75, 0.75);
    let cases = [
        ("imagenet_mobilenetv2", FLOAT),
        ("imagenet_mobilenetv2_int8", QUANTISED),
        ("inat_birds", FLOAT),
        ("inat_birds_int8", QUANTISED),
    ];
    for (name, tolerance) in cases {
        let mut pair = engines.each_ref().map(|e| Classifier::new(open(name, e.as_ref())).unwrap());
        let (mut most, mut led) = (0f32, 0);
        for photo in photos(&root) {
            let picture = decode(&std::fs::read(&photo).unwrap(), Want::LongSide(816)).unwrap();
            let scores = pair.each_mut().map(|c| c.logits(&picture, &middle).unwrap());
            let [ours, other] = scores.each_ref().map(|s| s.iter().map(|l| l.exp()).collect::<Vec<f32>>());
            let apart = ours.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < tolerance, "{name}, {}: {apart}", photo.display());
            most = most.max(apart);
            // Who leads by more than the two can differ leads in both.
            let order = |scores: &[f32]| {
                let mut order: Vec<usize> = (0..scores.len()).collect();
                order.sort_by(|&i, &j| scores[j].total_cmp(&scores[i]));
                order
            };
            let first = order(&ours);
            if ours[first[0]] - ours[first[1]] > 2.0 * tolerance {
                assert_eq!(order(&other)[0], first[0], "{name}, {}", photo.display());
                led += 1;
            }
            // The five best of one are among the best of the other, but for ties within the tolerance.
            for (a, b) in [(&ours, &other), (&other, &ours)] {
                let fifth = |scores: &[f32]| {
                    let mut sorted = scores.to_vec();
                    sorted.sort_by(|x, y| y.total_cmp(x));
                    sorted[4]
                };
                let (best, limit) = (fifth(a), fifth(b) - 2.0 * tolerance);
                assert!(
                    (0..a.len()).filter(|&i| a[i] >= best).all(|i| b[i] >= limit),
                    "{name}, {}",
                    photo.display()
                );
            }
        }
        println!("{name}: probabilities at most {most:.1e} apart, {led} clear leaders");
        assert!(led > 5, "{name}: {led}");
    }
}

#[test]
fn an_optimised_network_is_kept_for_the_next_start_and_made_anew_when_damaged() {
    let Some(root) = ready() else { return };
    let dir = tempfile::tempdir().unwrap();
    let photo = decode(&std::fs::read(&photos(&root)[0]).unwrap(), Want::LongSide(416)).unwrap();
    let start = || {
        let engine = OnnxRuntime::open(None, Provider::Cpu).unwrap().caching(Some(dir.path().to_owned()));
        let boxes = Detector::new(open("yolox_nano", &engine)).unwrap().detect(&photo).unwrap();
        let kept = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(kept).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        (boxes, files)
    };
    let (first, files) = start();
    assert!(!first.is_empty());
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["checked", "network", "seal", "weights"]);
    let sizes: Vec<u64> = files.iter().map(|file| std::fs::metadata(file).unwrap().len()).collect();
    assert!(sizes[1] < 500_000 && sizes[3] > 3_000_000, "the weights lie apart: {sizes:?}");
    let (second, _) = start();
    assert_eq!(second, first, "the same network gives the same numbers");
    for (file, size) in [(&files[1], sizes[1]), (&files[3], sizes[3])] {
        let whole = std::fs::read(file).unwrap();
        // A cut by power loss, a bit that flipped, and nothing at all.
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        for damaged in [&whole[..whole.len() / 3], &flipped, b""] {
            std::fs::write(file, damaged).unwrap();
            assert_eq!(start().0, first);
            // The library does not write the same bytes each time.
            let now = std::fs::read(file).unwrap();
            assert!(now.len() as u64 == size && now != damaged, "it was made anew");
        }
    }
}

fn sort(library: &Path, photos: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["sort", "--json", "--quiet", "--threads", "1", "--engine", "onnxruntime", "--onnxruntime"])
        .arg(library)
        .args(["--model", "models/bench-detector"])
        .arg(photos)
        .output()
        .unwrap()
}

#[test]
fn a_library_that_cannot_be_used_is_told_once_and_tract_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    std::fs::create_dir(&photos).unwrap();
    std::fs::copy("tests/data/baseline.jpg", photos.join("a.jpg")).unwrap();
    let rubbish = dir.path().join("libonnxruntime.so");
    std::fs::write(&rubbish, b"\x7fELF and OrtGetApiBase, and no more").unwrap();
    // Missing; no library; a folder with one that is none; a program.
    let program = PathBuf::from(env!("CARGO_BIN_EXE_trapline"));
    for library in [Path::new("/no/such/libonnxruntime.so"), &rubbish, dir.path(), &program] {
        let done = sort(library, &photos);
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
        assert_eq!(String::from_utf8_lossy(&done.stdout).lines().count(), 1);
        let lines: Vec<&str> =
            said.lines().filter(|l| l.contains("no usable ONNX Runtime library")).collect();
        assert_eq!(lines.len(), 1, "{said}");
        assert!(lines[0].contains("tract") && lines[0].contains("models.onnxruntime"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn what_runs_the_networks_can_be_asked() {
    let Some(_) = ready() else { return };
    let trapline = |args: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_trapline")).args(args).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let bench = ["models", "bench", "models/bench-classifier", "--passes", "1", "--engine"];
    for (name, starts) in
        [("onnxruntime", "ONNX Runtime 1."), ("auto", "ONNX Runtime 1."), ("tract", "tract ")]
    {
        let told = trapline(&[&bench[..], &[name, "--json"]].concat());
        let object: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert!(object["engine"].as_str().unwrap().starts_with(starts), "{told}");
    }
    // No build of ONNX Runtime for the CPU alone has CUDA in it: the CPU does the work.
    let told = trapline(&[&bench[..], &["onnxruntime", "--provider", "cuda"]].concat());
    assert!(told.contains("(CPU, ") || told.contains("(CUDA, "), "{told}");
    assert!(trapline(&["models", "list", "--dir", "models"]).contains("engine: ONNX Runtime 1."));
}

/// Its makers say that the option of its interface is enough; what leaves the machine without the variable was seen
/// under strace (docs/models.md). So an engine in a process that lacks it must not come to be.
#[test]
fn a_process_that_does_not_keep_the_library_silent_does_not_load_it() {
    const ASKED: &str = "TRAPLINE_STORY_UNSILENCED";
    if std::env::var_os(ASKED).is_some() {
        let refused = OnnxRuntime::open(None, Provider::Cpu).expect_err("it was loaded");
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains("libonnxruntime"), "it was refused and is in memory all the same");
        println!("refused: {refused}");
        return;
    }
    if ready().is_none() {
        return;
    }
    // The variable is read as the process begins: a process of its own.
    let out = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_that_does_not_keep_the_library_silent_does_not_load_it", "--nocapture"])
        .env(ASKED, "1")
        .env_remove("ORT_DISABLE_TELEMETRY")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{told}{}", String::from_utf8_lossy(&out.stderr));
    assert!(told.contains("refused: ") && told.contains("set ORT_DISABLE_TELEMETRY=1"), "{told}");
}
