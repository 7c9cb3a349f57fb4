//! `trapline budget`: every figure says what it is worth, and the field guide shows what the program says.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may unwrap.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn trapline(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    let out = command.arg("budget").args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    (out.status.code(), String::from_utf8(said).unwrap())
}

fn told(args: &[&str]) -> Value {
    let (code, said) = trapline(&[args, &["--json"]].concat());
    assert_eq!(code, Some(0), "{said}");
    serde_json::from_str(&said).unwrap()
}

#[test]
fn the_field_guide_shows_what_the_program_says() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/field-guide.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    for board in ["pi-zero-2-w", "pi-4"] {
        let (code, said) = trapline(&["--board", board]);
        assert_eq!(code, Some(0), "{said}");
        let block = format!("```text\n$ trapline budget --board {board}\n{}\n```", said.trim_end());
        assert!(guide.contains(&block), "docs/field-guide.md differs for {board}; it should hold:\n{block}");
    }
}

#[test]
fn every_figure_says_what_it_is_worth() {
    for board in ["pi-zero-2-w", "pi-3", "pi-4", "pi-5", "jetson-orin-nano"] {
        let told = told(&["--board", board]);
        let given = told["given"].as_array().unwrap();
        assert!(given.len() > 15);
        for one in given {
            let from = one["from"].as_str().unwrap();
            let words = ["measured", "cited: ", "assumed", "computed"];
            assert!(words.iter().any(|word| from.starts_with(word)), "{board}: {one}");
        }
    }
}

#[test]
fn a_day_is_the_sum_that_a_pocket_calculator_gives() {
    // Pi 4: 3 W idle, 6 W busy, 1 W camera, 3 W light; no burst, so the board idles: 72 Wh, by a converter of 85 %.
    let idle = told(&["--board", "pi-4", "--bursts", "0", "--battery-wh", "100", "--celsius", "25"]);
    let way = &idle["ways"][0];
    let close = |value: &Value, wanted: f64| (value.as_f64().unwrap() / wanted - 1.0).abs() < 1e-3;
    // The sensor draws 0.3 mW.
    assert!(close(&way["day_wh"], (72.0 + 0.0072) / 0.85), "{way}");
    assert!(close(&way["days"][0]["days"], 90.0 / ((72.0 + 0.0072) / 0.85)), "{way}");
    // Power cut: 1000 bursts of 20 s start at 4.25 W, 2 + 2 s of pictures and 10 s of judging at 6 W, 1 W of camera and
    // half the time 3 W of light; 5 mW at rest.
    let more = ["--board", "pi-4", "--bursts", "1000", "--burst-seconds", "10", "--latitude", "0"];
    let cut = &told(&more)["ways"][2];
    let burst = 20.0 * 4.25 + 14.0 * 6.0 + 4.0 * (1.0 + 1.5);
    let rest = (86_400.0 - 1000.0 * 34.0) * 0.005 + 86_400.0 * 0.0003;
    assert!(close(&cut["bursts_wh"], 1000.0 * burst / 3600.0 / 0.85), "{cut}");
    assert!(close(&cut["rest_wh"], rest / 3600.0 / 0.85), "{cut}");
}

#[test]
fn the_air_is_weighed_against_law_and_fair_use() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site.toml");
    let key = "0".repeat(32);
    let text = format!(
        "[sending]\nuplinks = [\"lorawan\"]\ndigest = false\nhealth_hours = 0\n[lorawan]\nmodem = \"bench\"\n\
         dev_eui = \"0011223344556677\"\napp_key = \"{key}\"\n"
    );
    std::fs::write(&site, text).unwrap();
    let air =
        told(&["--config", site.to_str().unwrap(), "--board", "pi-4", "--bursts", "160"])["air"].clone();
    assert_eq!((air["packets"].as_f64(), air["allowed_s"].as_f64()), (Some(40.0), Some(30.0)));
    let slowest = &air["rates"][0];
    // Semtech's table: 11 bytes at SF12 are 1482.752 ms; 30 s are 20 of them.
    assert_eq!(
        (slowest["packet_ms"].as_f64(), slowest["packets_allowed"].as_f64()),
        (Some(1482.752), Some(20.0))
    );
    assert_eq!(slowest["fits"], false);
    assert_eq!(
        (air["rates"][5]["spreading_factor"].as_u64(), &air["rates"][5]["fits"]),
        (Some(7), &true.into())
    );
}

#[test]
fn a_board_without_figures_and_a_wrong_number_are_refused() {
    let (code, said) = trapline(&["--board", "bench"]);
    assert!(code == Some(2) && said.contains("no [energy] table; give --board pi-zero-2-w"), "{said}");
    let (code, said) = trapline(&["--board", "pi-4", "--sightings", "1.5"]);
    assert!(code == Some(2) && said.contains("a number from 0 to 1"), "{said}");
}

#[test]
fn a_satellite_receiver_takes_its_share() {
    let folder = tempfile::tempdir().unwrap();
    let board = Path::new(env!("CARGO_MANIFEST_DIR")).join("boards/pi-4.toml");
    let board = std::fs::read_to_string(board).unwrap();
    let boards = folder.path().to_str().unwrap().to_owned();
    let with = |energy: &str, gps: &str| {
        let text = format!("{}\n{energy}\n[gps]\ndriver = \"nmea\"\n{gps}\n", board.trim_end());
        std::fs::write(folder.path().join("mine.toml"), text).unwrap();
        told(&["--board", "mine", "--boards", &boards, "--bursts", "1000", "--burst-seconds", "10"])
    };
    let close = |value: &Value, wanted: f64| (value.as_f64().unwrap() / wanted - 1.0).abs() < 1e-3;
    let figure = |told: &Value, name: &str| {
        told["given"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
    };
    // 96 mW all day, by a converter of 85 %; with the power cut 34 s for each of 1000 bursts.
    let always = with("", "");
    for (way, hours) in [(0, 24.0), (1, 24.0), (2, 34_000.0 / 3600.0)] {
        assert!(close(&always["ways"][way]["gps_wh"], 0.096 * hours / 0.85), "{}", always["ways"][way]);
    }
    let draws = figure(&always, "gps_mw");
    assert!(draws["from"].as_str().unwrap().starts_with("cited: u-blox SAM-M8Q"), "{draws}");
    assert_eq!(figure(&always, "satellite receiver is on")["value"], 1440.0);
    // Its own figure, and power for 300 s every 12 h only: 10 min a day.
    let gps = "power_line = \"GPIO22\"\nwait_s = 300\nevery_h = 12";
    let asked = with("gps_mw = { value = 150, from = \"measured at the bench\" }", gps);
    for way in 0..3 {
        assert!(close(&asked["ways"][way]["gps_wh"], 0.15 / 6.0 / 0.85), "{}", asked["ways"][way]);
    }
    assert_eq!(figure(&asked, "gps_mw")["from"], "measured at the bench");
    assert_eq!(figure(&asked, "satellite receiver is on")["value"], 10.0);
    let way = &asked["ways"][0];
    let parts: f64 =
        ["rest_wh", "bursts_wh", "sending_wh", "gps_wh"].iter().map(|part| way[part].as_f64().unwrap()).sum();
    assert!(close(&way["day_wh"], parts), "{way}");
    assert!(told(&["--board", "pi-4"])["ways"][0].get("gps_wh").is_none(), "no receiver, no share");
    let (_, said) = trapline(&["--board", "mine", "--boards", &boards]);
    let head = said.lines().find(|line| line.contains("at rest")).unwrap();
    assert!(
        head.contains("gps") && said.contains("satellite receiver is on 10.0 min/day: computed"),
        "{said}"
    );
}
