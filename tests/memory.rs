//! What the trap holds in memory: no more after many bursts than after a few.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shared_support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use shared_support::shared;
use trapline::config::Config;
use trapline::daemon::models;
#[cfg(feature = "onnxruntime")]
use trapline::engine::{choose::Provider, onnxruntime::OnnxRuntime};
use trapline::vision::judge::Frame;
use trapline::world::{BurstPlan, Site, jpeg};

/// Bursts judged; `TRAPLINE_BURSTS` says another number.
const BURSTS: usize = 90;

/// Bursts until everything that is kept between bursts has its full size.
const WARM: usize = 30;

/// Growth allowed after that, megabytes: what an allocator keeps moves by one or two.
const GROWTH: f64 = 4.0;

/// Most megabytes that judging bursts of 8 megapixels takes with networks of 18 MB, once they are kept. Of a release build
/// 79 to 89 were seen with tract and 94 to 103 with ONNX Runtime, by how its threads and a busy machine took turns; one that
/// is not optimised is larger itself: 94 and 98.
const PEAK: f64 = if cfg!(debug_assertions) { 112.0 } else { 105.0 };

/// Megabytes of a line of /proc/PID/status.
fn status(process: &str, line: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let found = text.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'))?;
    Some(found.trim().split(' ').next()?.parse::<f64>().ok()? / 1024.0)
}

#[test]
fn many_bursts_take_no_more_memory_than_a_few() {
    let asked = std::env::var("TRAPLINE_BURSTS").ok().and_then(|n| n.parse().ok());
    let bursts = asked.unwrap_or(BURSTS).max(2 * WARM);
    let config = Config::default();
    let mut judge = models::judge(models::bundled(&config.models).unwrap(), &config).unwrap();
    let site = Site::new(3);
    // Six bursts of half a megapixel, half of them with somebody in them: the judge's own code is not optimised here.
    let drawn: Vec<Vec<Vec<u8>>> = (0..6)
        .map(|n| {
            let plan = BurstPlan::draw_with(&site, 77, n, 0.5);
            let shot = |f| jpeg(&site.render(&plan, f, (816, 612)), plan.taken_at(f), site.camera(), 90);
            (0..3.min(plan.frames)).map(|f| shot(f).unwrap()).collect()
        })
        .collect();
    let mut outcomes = std::collections::BTreeSet::new();
    let mut before = 0.0;
    for burst in 0..bursts {
        let frames: Vec<Frame<'_>> = drawn[burst % drawn.len()].iter().map(|f| Ok(f.as_slice())).collect();
        outcomes.insert(format!("{:?}", judge.judge(&frames).outcome));
        judge.end_sequence();
        if burst + 1 == WARM {
            before = status("self", "VmRSS").unwrap();
        }
    }
    let after = status("self", "VmRSS").unwrap();
    println!("{before:.1} MB after {WARM} bursts, {after:.1} MB after {bursts}; outcomes {outcomes:?}");
    assert!(outcomes.len() > 1, "every burst was {outcomes:?}");
    assert!(after - before < GROWTH, "{before:.1} MB after {WARM} bursts, {after:.1} MB after {bursts}");
}

/// The most memory that sorting three bursts of Peru took, megabytes: one without and one with an animal, and one more in
/// which something moved. Networks are kept in `cache`.
fn peak(root: &Path, engine: &str, cache: &Path) -> f64 {
    let photos = root.join("photos/peru");
    let files = (7..=15).map(|n| photos.join(format!("EK{n:06}.JPG")));
    let mut sorting = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["sort", "--json", "--quiet", "--threads", "1", "--engine", engine, "--effort", "cascade"])
        .args([
            "--model",
            "tests/models/yolox_nano.toml",
            "--model",
            "tests/models/imagenet_mobilenetv2.toml",
        ])
        .args(files)
        .env("TRAPLINE_CACHE", cache)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The kernel keeps the peak as long as the process is there, and knows none of one that has ended.
    let (mut peak, process) = (0.0f64, sorting.id().to_string());
    let ended = loop {
        peak = peak.max(status(&process, "VmHWM").unwrap_or_default());
        match sorting.try_wait().unwrap() {
            Some(ended) => break ended,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    assert!(ended.success(), "{engine}");
    peak
}

/// tract, and ONNX Runtime where its library is: without it tract would be measured in its name.
fn engines() -> Vec<&'static str> {
    #[cfg(feature = "onnxruntime")]
    match OnnxRuntime::open(None, Provider::Cpu) {
        Ok(_) => return vec!["tract", "onnxruntime"],
        Err(why) => println!("skipped: ONNX Runtime: {why}"),
    }
    vec!["tract"]
}

#[test]
fn bursts_of_eight_megapixels_are_judged_within_the_bound() {
    let Some(root) = shared() else { return };
    for engine in engines() {
        let cache = tempfile::tempdir().unwrap();
        let (first, second) = (peak(&root, engine, cache.path()), peak(&root, engine, cache.path()));
        println!("{engine}: {first:.1} MB at the peak, {second:.1} MB with kept networks");
        assert!(second > 20.0, "{engine}, {second:.1} MB: that was not the peak");
        assert!(second < PEAK, "{engine}: {second:.1} MB");
    }
}
