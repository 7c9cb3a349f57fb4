//! What `trapline run` and `trapline demo` say to wrong input: the message names file, key and what is allowed, and the
//! exit code is 2.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod daemon_support;

use std::io::{BufRead, BufReader};
use std::process::Output;

use daemon_support::{FAST, SITE, Trap};

/// Exit code and what was said, without the program's name.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find_map(|line| line.strip_prefix("trapline: ")).unwrap_or_default();
    (output.status.code(), line.to_owned())
}

/// A manifest of a detector, checked before its network is looked at.
fn detector(file: &str, sha256: &str) -> String {
    format!(
        "role = \"detector\"\nname = \"d\"\nversion = \"1\"\nfile = \"{file}\"\nsha256 = \"{sha256}\"\n\
         licence = \"MIT\"\nsource = \"https://example.org/d.onnx\"\n[input]\nname = \"images\"\nwidth = 32\n\
         height = 32\nlayout = \"nchw\"\ncolour = \"rgb\"\ndtype = \"f32\"\n[input.resize]\nrule = \"letterbox\"\n\
         [output]\ndecode = \"yolov8\"\n[classes]\nanimal = [0]\n[thresholds]\ndetection = 0.3\n"
    )
}

#[test]
fn an_unknown_board_is_answered_with_the_known_and_the_nearest() {
    let trap = Trap::new();
    let expected = "no board is called `fats` (did you mean `fast`?); known: bench, fast, jetson-orin-nano, pi-3, pi-4, \
                    pi-5, pi-zero-2-w; others are files NAME.toml in boards";
    assert_eq!(said(&trap.run(&["--board", "fats"])), (Some(2), expected.to_owned()));
}

#[test]
fn an_unknown_key_is_answered_with_the_allowed_and_the_nearest() {
    let trap = Trap::new();
    trap.write("site.toml", "[burst]\nframe = 3\n");
    let expected = "site.toml: unknown key `burst.frame` (did you mean `frames`?); allowed here: frames, \
                    interval_ms, gap_s";
    assert_eq!(said(&trap.run(&[])), (Some(2), expected.to_owned()));
    trap.write("site.toml", SITE);
    trap.write("boards/fast.toml", &FAST.replace("seed", "sed"));
    let (code, text) = said(&trap.run(&[]));
    assert!(text.starts_with("boards/fast.toml: unknown key `bench.sed` (did you mean `seed`?)"), "{text}");
    assert_eq!(code, Some(2));
}

#[test]
fn a_value_out_of_its_range_is_answered_with_the_range() {
    let trap = Trap::new();
    trap.write("site.toml", "[burst]\nframes = 21\n");
    let expected = "site.toml: key `burst.frames` is 21; allowed: 1 to 20";
    assert_eq!(said(&trap.run(&[])), (Some(2), expected.to_owned()));
}

#[test]
fn a_missing_configuration_is_named() {
    let trap = Trap::new();
    std::fs::remove_file(trap.path("site.toml")).unwrap();
    let (code, text) = said(&trap.run(&[]));
    assert!(text.starts_with("cannot read the configuration site.toml: No such file"), "{text}");
    assert_eq!(code, Some(2));
}

#[test]
fn two_models_with_one_role_are_both_named() {
    let trap = Trap::new();
    for name in ["one", "two"] {
        trap.write(&format!("{name}.toml"), &detector("d.onnx", &"0".repeat(64)));
    }
    trap.write("d.onnx", "");
    let expected = "one.toml and two.toml are both detectors; give one model per role";
    let output = trap.run(&["--model", "one.toml", "--model", "two.toml"]);
    assert_eq!(said(&output), (Some(2), expected.to_owned()));
}

#[test]
fn a_network_with_another_hash_is_refused() {
    let trap = Trap::new();
    trap.write("one.toml", &detector("d.onnx", &"0".repeat(64)));
    trap.write("d.onnx", "abc");
    let (code, text) = said(&trap.run(&["--model", "one.toml"]));
    // SHA-256 of "abc": FIPS 180-2, appendix B.1.
    assert!(text.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{text}");
    assert!(text.contains(&"0".repeat(64)) && text.contains("d.onnx") && text.contains("sha256"), "{text}");
    assert_eq!(code, Some(2));
}

#[test]
fn a_journal_in_use_is_left_to_its_writer_who_loses_nothing() {
    let trap = Trap::new();
    let mut first = trap.start(&["--json"]);
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let (code, text) = said(&trap.run(&["--bursts", "1"]));
    assert!(text.contains("trapline.db is locked: another trapline writes it"), "{text}");
    assert_eq!(code, Some(2));
    let more = lines.by_ref().take(2).count();
    first.kill().unwrap();
    first.wait().unwrap();
    let all = 1 + more + lines.map_while(Result::ok).count();
    assert!(trap.reader().events(&Default::default()).unwrap().items.len() >= all);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let trap = Trap::new();
    // Nobody, not even root, can make files in sysfs.
    let (code, text) = said(&trap.run(&["--journal", "/sys/trapline.db"]));
    assert!(text.contains("/sys/") && text.contains("cannot be written"), "{text}");
    assert_eq!(code, Some(2));
}
