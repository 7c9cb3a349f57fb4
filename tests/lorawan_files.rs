//! The device files for LoRaWAN servers: complete, and every example in them is what both codecs say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests may unwrap.

mod codec_support;

use std::collections::BTreeSet;
use std::path::Path;

use codec_support::{Js, assert_same, codec, file, rust_uplink};
use serde_json::{Value, json};
use trapline::event::command::Order;
use trapline::event::json as told;
use yaml_rust2::{Yaml, YamlLoader};

const THINGS: &str = "the-things-stack/vendor";
const CHIRP: &str = "chirpstack/vendors/trapline";

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn yaml(name: &str) -> Value {
    fn value(yaml: &Yaml) -> Value {
        match yaml {
            Yaml::Real(text) => text.parse::<f64>().unwrap().into(),
            Yaml::Integer(n) => (*n).into(),
            Yaml::String(text) => text.as_str().into(),
            Yaml::Boolean(b) => (*b).into(),
            Yaml::Array(all) => all.iter().map(value).collect(),
            Yaml::Hash(all) => {
                Value::Object(all.iter().map(|(k, v)| (k.as_str().unwrap().to_owned(), value(v))).collect())
            }
            Yaml::Null => Value::Null,
            other => panic!("{other:?}"),
        }
    }
    let documents = YamlLoader::load_from_str(&text(name)).unwrap();
    assert_eq!(documents.len(), 1, "{name}");
    value(&documents[0])
}

fn toml(name: &str) -> Value {
    serde_json::to_value(::toml::from_str::<::toml::Table>(&text(name)).unwrap()).unwrap()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// `^[a-z0-9](?:[-]?[a-z0-9]){2,}$`, at most 36 (`schema.json` of The Things Network's lorawan-devices).
#[track_caller]
fn identifier(id: &str) {
    let whole = id.len() >= 3 && id.len() <= 36 && !id.contains("--");
    let edges = !id.starts_with('-') && !id.ends_with('-');
    assert!(
        whole && edges && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
        "{id}"
    );
}

/// Runs a codec's function on an example's input, and where the Rust codec can say the same, compares it too.
fn check(js: &Js, function: &str, input: &Value, output: &Value) {
    let what = format!("{function}({input})");
    assert_same(&js.call(function, input), output, &what);
    let bytes: Option<Vec<u8>> = serde_json::from_value(input["bytes"].clone()).ok();
    match (function, &input["fPort"], bytes) {
        ("decodeUplink", port, Some(bytes)) if port == 1 => {
            assert_same(output, &rust_uplink(&bytes, &[]), &what)
        }
        ("decodeUplink", _, _) => assert!(output["errors"][0].is_string()),
        ("decodeDownlink", _, Some(bytes)) => {
            let (order, seal) = Order::peek(&bytes).unwrap();
            assert_same(output, &json!({"data": told::order(&order, &seal)}), &what);
        }
        ("encodeDownlink", _, _) => {
            let Ok(bytes) = serde_json::from_value::<Vec<u8>>(output["bytes"].clone()) else {
                assert!(output["errors"][0].is_string());
                return;
            };
            // The seal is that of src/event/command.rs, which openssl made.
            let key = b"0123456789abcdef0123456789abcdef";
            assert_eq!(Order::open(&bytes, "ridge-3", key).unwrap().counter, 7);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_things_stacks_files_name_each_other_and_cover_four_regions() {
    let vendors = yaml(&format!("{THINGS}/index.yaml"));
    let vendor = vendors["vendors"][0]["id"].as_str().unwrap();
    identifier(vendor);
    let index = yaml(&format!("{THINGS}/{vendor}/index.yaml"));
    for device in items(&index["endDevices"]) {
        let device = device.as_str().unwrap();
        identifier(device);
        let device = yaml(&format!("{THINGS}/{vendor}/{device}.yaml"));
        // The vendor's name does not stand in the device's.
        assert!(!device["name"].as_str().unwrap().to_lowercase().contains(vendor));
        let sensors = ["pir", "motion", "battery", "temperature", "time"];
        assert!(items(&device["sensors"]).iter().all(|s| sensors.contains(&s.as_str().unwrap())));
        for firmware in items(&device["firmwareVersions"]) {
            assert!(env!("CARGO_PKG_VERSION").starts_with(firmware["version"].as_str().unwrap()));
            let profiles = firmware["profiles"].as_object().unwrap();
            let regions: BTreeSet<&str> = profiles.keys().map(String::as_str).collect();
            assert_eq!(regions, BTreeSet::from(["AS923", "AU915-928", "EU863-870", "US902-928"]));
            for profile in profiles.values() {
                let (id, codec) = (profile["id"].as_str().unwrap(), profile["codec"].as_str().unwrap());
                identifier(id);
                identifier(codec);
                let profile = yaml(&format!("{THINGS}/{vendor}/{id}.yaml"));
                // What the schema requires; 1.0.3 goes with this one revision only.
                assert_eq!(profile["macVersion"], "1.0.3");
                assert_eq!(profile["regionalParametersVersion"], "RP001-1.0.3-RevA");
                assert_eq!(profile["supportsJoin"], true);
                assert_eq!(
                    (&profile["supportsClassB"], &profile["supportsClassC"]),
                    (&json!(false), &json!(false))
                );
                assert!(profile["maxEIRP"].is_u64());
                let codec = yaml(&format!("{THINGS}/{vendor}/{codec}.yaml"));
                for part in ["uplinkDecoder", "downlinkEncoder", "downlinkDecoder"] {
                    assert_eq!(codec[part]["fileName"], "trapline-codec.js");
                }
            }
        }
    }
}

#[test]
fn chirpstacks_files_name_each_other_and_cover_four_regions() {
    let vendor = toml(&format!("{CHIRP}/vendor.toml"));
    let mut ids = vec![vendor["vendor"]["id"].as_str().unwrap().to_owned()];
    let mut regions = BTreeSet::new();
    for device in items(&vendor["vendor"]["devices"]) {
        let device = toml(&format!("{CHIRP}/devices/{}", device.as_str().unwrap()));
        ids.push(device["device"]["id"].as_str().unwrap().to_owned());
        for firmware in items(&device["device"]["firmware"]) {
            assert_eq!(firmware["codec"], "trapline-codec.js");
            for name in items(&firmware["profiles"]) {
                let name = name.as_str().unwrap();
                let profile = toml(&format!("{CHIRP}/profiles/{name}"))["profile"].clone();
                ids.push(profile["id"].as_str().unwrap().to_owned());
                let region = profile["region"].as_str().unwrap();
                assert_eq!(name, format!("{region}-1_0_3.toml"));
                assert_eq!(
                    (&profile["mac_version"], &profile["reg_params_revision"]),
                    (&json!("1.0.3"), &json!("A"))
                );
                assert_eq!(profile["supports_otaa"], true);
                // Both repositories tell the same power.
                let other = yaml(&format!("{THINGS}/trapline/camera-trap-{}.yaml", region.to_lowercase()));
                assert_eq!(profile["max_eirp"], other["maxEIRP"], "{region}");
                regions.insert(region.to_owned());
            }
        }
    }
    assert_eq!(regions, ["AS923", "AU915", "EU868", "US915"].map(String::from).into());
    // UUIDs, each its own.
    let dashes = |id: &str| id.len() == 36 && id.match_indices('-').map(|(i, _)| i).eq([8, 13, 18, 23]);
    assert!(ids.iter().all(|id| dashes(id)), "{ids:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

#[test]
fn every_example_is_what_both_codecs_say() {
    let js = Js::new();
    let codec = yaml(&format!("{THINGS}/trapline/trapline-codec.yaml"));
    for (part, function) in [
        ("uplinkDecoder", "decodeUplink"),
        ("downlinkEncoder", "encodeDownlink"),
        ("downlinkDecoder", "decodeDownlink"),
    ] {
        for example in items(&codec[part]["examples"]) {
            check(&js, function, &example["input"], &example["output"]);
            if let Some(normalized) = example.get("normalizedOutput") {
                let told = js.call("normalizeUplink", &example["output"]);
                assert_same(&told, normalized, example["description"].as_str().unwrap());
            }
        }
    }
    for (name, function) in [("decode", "decodeUplink"), ("encode", "encodeDownlink")] {
        let tests: Value =
            serde_json::from_str(&text(&format!("{CHIRP}/codecs/test_{name}_trapline-codec.json"))).unwrap();
        assert!(items(&tests).len() >= 3);
        for test in items(&tests) {
            check(&js, function, &test["input"], &test["expected"]);
        }
    }
    // Every kind of message has its example.
    let told: BTreeSet<&str> = items(&codec["uplinkDecoder"]["examples"])
        .iter()
        .filter_map(|example| example["output"]["data"]["messages"].as_array())
        .flatten()
        .map(|message| message["type"].as_str().unwrap())
        .collect();
    assert_eq!(told, BTreeSet::from(["ack", "anchor", "digest", "health", "lost", "power", "sighting"]));
}

#[test]
fn the_script_puts_the_one_codec_where_both_servers_look() {
    fn scripts(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                scripts(&path, found);
            } else if path.extension().is_some_and(|e| e == "js") {
                found.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut here = Vec::new();
    scripts(&file(""), &mut here);
    assert_eq!(here.len(), 1);
    let target = tempfile::tempdir().unwrap();
    let done =
        std::process::Command::new("bash").arg(file("assemble.sh")).arg(target.path()).status().unwrap();
    assert!(done.success());
    for place in [format!("{THINGS}/trapline"), format!("{CHIRP}/codecs")] {
        let copy = std::fs::read_to_string(target.path().join(place).join("trapline-codec.js")).unwrap();
        assert_eq!(copy, codec());
    }
}
