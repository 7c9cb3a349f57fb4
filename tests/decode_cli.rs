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
    assert!(told.contains("one message could not be read"), "{told}");
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

#[test]
fn the_codebook_of_a_site_gives_its_codes_names() {
    let folder = tempfile::tempdir().unwrap();
    let (config, names) = (folder.path().join("site.toml"), folder.path().join("species.txt"));
    let classifier = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/bench-classifier");
    let manifest = std::fs::read_dir(classifier).unwrap().map(|entry| entry.unwrap().path());
    let manifest = manifest.into_iter().find(|path| path.extension().is_some_and(|e| e == "toml")).unwrap();
    let allow = r#"["Canis lupus", "Lynx lynx"]"#;
    std::fs::write(&config, format!("[models]\nmanifests = [{manifest:?}]\n[species]\nallow = {allow}\n"))
        .unwrap();
    let printed = trapline(&["codebook", config.to_str().unwrap()]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    std::fs::write(&names, &printed.stdout).unwrap();
    let told = &objects(&trapline(&["codebook", "--json", config.to_str().unwrap()]))[0];
    let listed: Vec<&str> = told["names"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    assert!(listed.contains(&"Canis lupus") && listed.contains(&"Canidae"), "{listed:?}");

    // A sighting of code 4, the second of the names, and a health message of this codebook: the first 80 bits by the
    // table in docs/wire-format.md, with code 4 (0 0000 0100) in the place of 17.
    let second =
        trapline(&["decode", "--json", "--codebook", names.to_str().unwrap(), "1106002588ae8a30004e46"]);
    assert_eq!(objects(&second)[0]["code"], 4);
    assert_eq!(objects(&second)[0]["species"], listed[1]);
    let hash = told["hash"].as_str().unwrap();
    let health = |hash: &str| {
        format!("12 021d c5745180 03 ad02 {hash} 901c 01 000100 01f060 01fc 0157 0c 09 00 00 02")
    };
    let asked = |hash: &str| {
        trapline(&[
            "decode",
            "--json",
            "--codebook",
            names.to_str().unwrap(),
            &health(hash),
            "1106002588ae8a30004e46",
        ])
    };
    assert_eq!(objects(&asked(hash))[1]["species"], listed[1]);
    let other = asked("00000000");
    assert_eq!(objects(&other)[1]["species"], Value::Null);
    assert!(String::from_utf8(other.stderr).unwrap().contains("the trap's codebook is 00000000"));
}
