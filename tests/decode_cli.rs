//! `trapline decode`: what can be read is printed, what cannot is told, and commands can be read before they are sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests may unwrap.

use std::process::{Command, Output};

use serde_json::{Value, json};

fn trapline(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trapline")).args(args).output().unwrap()
}

fn objects(out: &Output) -> Vec<Value> {
    let text = String::from_utf8(out.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn one_item_that_cannot_be_read_hides_no_other() {
    // An acknowledgement of a result that is not known here (11), and one that is (docs/wire-format.md).
    let out = trapline(&["decode", "--json", "12 05 02 07 0b 05 03 ac02 03"]);
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(objects(&out), [json!({"type": "ack", "counter": 300, "result": "reverted"})]);
    let told = String::from_utf8(out.stderr).unwrap();
    assert!(told.contains("the item of tag 5 cannot be read"), "{told}");
    assert!(told.contains("1 messages could not be read"), "{told}");
}

#[test]
fn a_cut_frame_hides_no_other_frame() {
    let out = trapline(&["decode", "--json", "1106002588ae8a30011e", "1106002588ae8a30011e46"]);
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(objects(&out)[0]["number"], 300);
    assert!(String::from_utf8(out.stderr).unwrap().contains("1106002588ae8a30011e: the frame ends within"));
}

#[test]
fn a_sealed_command_can_be_read_before_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "30313233343536373839616263646566\n").unwrap();
    let key = key.to_str().unwrap();
    let seal = [
        "command",
        "--device",
        "ridge-3",
        "--key-file",
        key,
        "--counter",
        "7",
        "threshold",
        "sighting",
        "0.8",
    ];
    let sealed = trapline(&seal);
    assert!(sealed.status.success());
    let hex = String::from_utf8(sealed.stdout).unwrap();
    let out = trapline(&["decode", "--json", "--port", "2", hex.trim()]);
    assert!(out.status.success());
    let told = &objects(&out)[0];
    for (field, value) in [
        ("command", json!("threshold")),
        ("which", json!("sighting")),
        ("value", json!(0.8)),
        ("counter", json!(7)),
    ] {
        assert_eq!(told[field], value);
    }
    assert!(hex.trim().ends_with(told["seal"].as_str().unwrap()));
    assert!(String::from_utf8(out.stderr).unwrap().contains("seals are not checked here"));
    let other = trapline(&["decode", "--port", "3", hex.trim()]);
    assert_eq!(other.status.code(), Some(2));
}
