//! Gauges as the trap's user sees them: what `bench gauges` prints, and what a battery does to the watch: a low one is
//! spared, one that cannot be read changes nothing.

#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod daemon_support;

use std::process::{Command, Output};

use daemon_support::{FAST, SITE, Trap, objects};

fn gauges(trap: &Trap, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.current_dir(trap.path("")).args(["bench", "gauges"]).args(arguments).output().unwrap()
}

#[test]
fn a_gauge_that_is_not_there_is_told_with_its_cure_and_is_no_charge() {
    let trap = Trap::new();
    trap.write("boards/ridge.toml", "[battery]\ndriver = \"ina219\"\nbus = \"/dev/i2c-250\"\n");
    let out = gauges(&trap, &["--board", "ridge", "--json"]);
    assert_eq!(out.status.code(), Some(1));
    let told = &objects(&out.stdout)[0];
    assert_eq!(told["battery"], true, "there is a gauge");
    assert!(told["millivolts"].is_null() && told["percent"].is_null(), "{told}");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("/dev/i2c-250") && said.contains("group i2c"), "{said}");
}

#[test]
fn bad_keys_of_the_battery_are_refused_with_what_is_allowed() {
    let trap = Trap::new();
    for (keys, said) in [
        ("driver = \"ina209\"", "ina219"),
        ("bus = \"1\"", "/dev/i2c-"),
        ("address = 3", "8 to 119"),
        ("chemistry = \"lifepo\"", "lifepo4, li-ion, lead, alkaline, nimh"),
        ("driver = \"hwmon\"", "battery.name"),
        ("cells = 0", "1 to 24"),
    ] {
        trap.write("boards/ridge.toml", &format!("[battery]\n{keys}\n"));
        let out = gauges(&trap, &["--board", "ridge"]);
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && error.contains(said), "{keys}: {error}");
    }
    trap.write("boards/ridge.toml", "[bench.battery]\nsteps = [\"0:80\", \"0:70\"]\n");
    let out = gauges(&trap, &["--board", "ridge"]);
    assert_eq!(out.status.code(), Some(2), "steps must follow one another");
}

#[test]
fn a_battery_that_cannot_be_read_changes_nothing_and_a_low_one_spares_the_judge() {
    let trap = Trap::new();
    // One burst a day: bursts 4 to 6 fall into the days in which the gauge is dead, from 10 on it is surely low.
    let steps = "[bench.battery]\nsteps = [\"0:80\", \"72:fails\", \"168:25\"]\n";
    trap.write("boards/fast.toml", &format!("{FAST}{steps}"));
    let sends = "[sending]\nuplinks = [\"directory\"]\n[directory]\npath = \"told\"\n";
    trap.write("site.toml", &format!("{SITE}{sends}"));
    let out = trap.run(&["--bursts", "14", "--json"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let events = trap.reader().events(&Default::default()).unwrap().items;
    let unjudged: Vec<bool> = events
        .iter()
        .map(|event| {
            let told = |failed: &Option<String>| {
                failed.as_deref().is_some_and(|why| why.contains("battery was low"))
            };
            event.burst.frames.iter().all(|frame| told(&frame.failed))
        })
        .collect();
    assert_eq!(unjudged.len(), 14);
    assert!(!unjudged[..7].contains(&true), "dead is not low: {unjudged:?}");
    assert!(!unjudged[10..].contains(&false), "{unjudged:?}");
    let told = trap.reader().happenings().unwrap().items;
    let kinds: Vec<&str> = told.iter().map(|told| told.kind.as_str()).collect();
    assert_eq!(kinds, ["gauge", "gauge", "battery"], "{told:?}");
    assert!(told[0].text.contains("told to fail") && told[2].text.starts_with("low: "), "{told:?}");
    // The battery's voltage stands in the readings of the day.
    let readings = trap.reader().readings().unwrap().items;
    assert!(readings.iter().any(|reading| reading.battery.is_some()), "{readings:?}");
    // And so does what it holds, as the script has it; once the gauge was dead, that it failed. How often the sender
    // wakes in the days of this clock is the machine's affair.
    let known = |percent: Option<u64>, failures: u64| match percent {
        Some(80) => failures == 0,
        None | Some(25) => failures > 0,
        Some(_) => false,
    };
    let supplies = readings.iter().map(|reading| reading.supply);
    let well = |supply: trapline::store::Supply| known(supply.percent.map(u64::from), supply.failures.into());
    assert!(supplies.clone().all(well), "{readings:?}");
    assert!(supplies.clone().any(|supply| supply.percent.is_some()), "{readings:?}");
    // It goes out beside health: what is left, what could not be read, and how many bursts nobody looked at.
    let files = std::fs::read_dir(trap.path("told/power")).unwrap().map(|entry| entry.unwrap().path());
    let told: Vec<serde_json::Value> =
        files.map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()).collect();
    assert!(!told.is_empty());
    for told in &told {
        assert_eq!(told["type"], "power", "{told}");
        assert!(known(told["battery_percent"].as_u64(), told["gauge_failures"].as_u64().unwrap()), "{told}");
        assert!(told["unjudged"].as_u64() == Some(0) || told["battery_percent"] == 25, "{told}");
    }
}
