//! A PIR on a line of the kernel's own simulated GPIO chip (gpio-sim): the test pulls the line and the driver sees it.
//!
//! Ignored, for most kernels lack the module. With it (as root: `modprobe gpio-sim`, configfs mounted at
//! `/sys/kernel/config`): `cargo test --test gpio_sim -- --ignored`.
#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use trapline::drivers::gpio::LineName;
use trapline::drivers::pir::{GpioLines, Options, Pir, Wiring};
use trapline::drivers::system_clock::SystemClock;
use trapline::drivers::trigger::Rule;
use trapline::hal::Trigger;

/// A chip with eight lines, the third named PIR and the fourth PIR-2 (Documentation/admin-guide/gpio/gpio-sim.rst of the kernel).
struct Chip(PathBuf);

impl Chip {
    fn new() -> Chip {
        let root = Path::new("/sys/kernel/config/gpio-sim/trapline");
        let lines = [(root.join("bank0/line2"), "PIR"), (root.join("bank0/line3"), "PIR-2")];
        for (line, _) in &lines {
            fs::create_dir_all(line).unwrap();
        }
        fs::write(root.join("bank0/num_lines"), "8").unwrap();
        fs::write(root.join("bank0/label"), "trap-sim").unwrap();
        for (line, name) in &lines {
            fs::write(line.join("name"), name).unwrap();
        }
        fs::write(root.join("live"), "1").unwrap();
        let device = fs::read_to_string(root.join("dev_name")).unwrap();
        let chip = fs::read_to_string(root.join("bank0/chip_name")).unwrap();
        Chip(Path::new("/sys/devices/platform").join(device.trim()).join(chip.trim()))
    }

    fn pull(&self, way: &str) {
        self.pull_line(2, way);
    }

    fn pull_line(&self, line: u32, way: &str) {
        fs::write(self.0.join(format!("sim_gpio{line}/pull")), way).unwrap();
    }

    /// Up and down again, as a sensor does that saw something.
    fn pulse(&self, line: u32) {
        for way in ["pull-up", "pull-down"] {
            self.pull_line(line, way);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        let root = Path::new("/sys/kernel/config/gpio-sim/trapline");
        fs::write(root.join("live"), "0").unwrap();
        for folder in ["bank0/line2", "bank0/line3", "bank0", ""] {
            fs::remove_dir(root.join(folder)).unwrap();
        }
    }
}

const OPTIONS: Options = Options {
    sensors: 1,
    rule: Rule::Any,
    window: Duration::from_secs(1),
    hold_off: Duration::ZERO,
    warm_up: Duration::ZERO,
    again: None,
};

/// The sensor on the line `spot`, debounced for so many milliseconds.
fn pir(spot: &str, active_low: bool, debounce: u64) -> Pir<GpioLines> {
    let debounce = Duration::from_millis(debounce);
    let line = spot.parse::<LineName>().unwrap().turned(active_low);
    let wiring = Wiring { lines: vec![line], debounce, ..Wiring::default() };
    Pir::new(GpioLines::open(&wiring).unwrap(), OPTIONS, Arc::new(SystemClock::new()))
}

/// One after the other: they share the chip.
#[test]
#[ignore = "needs the kernel's gpio-sim module and root"]
fn a_sensor_on_a_simulated_line() {
    let chip = Chip::new();
    a_line_that_is_pulled_up_is_a_trigger(&chip);
    what_is_shorter_than_the_debounce_is_none(&chip);
    every_pulse_of_a_flood_is_given_or_counted(&chip);
    two_sensors_fire_each_or_together(&chip);
    the_hold_off_and_the_warm_up_swallow_and_count(&chip);
}

/// Two sensors on two lines, by `options`.
fn two(options: Options) -> Pir<GpioLines> {
    let lines = ["PIR", "PIR-2"].map(|name| name.parse::<LineName>().unwrap()).into();
    let wiring = Wiring { lines, ..Wiring::default() };
    Pir::new(GpioLines::open(&wiring).unwrap(), options, Arc::new(SystemClock::new()))
}

fn two_sensors_fire_each_or_together(chip: &Chip) {
    let said = |pir: &mut Pir<GpioLines>| {
        let fired = pir.wait(Duration::from_millis(300)).unwrap();
        fired.map(|fired| (fired.detail.unwrap().to_string(), fired.suppressed))
    };
    let mut any = two(Options { sensors: 2, ..OPTIONS });
    for (line, name) in [(2, "PIR"), (3, "PIR-2")] {
        chip.pulse(line);
        assert_eq!(said(&mut any), Some((name.to_owned(), 0)));
    }
    drop(any);
    let mut both = two(Options { sensors: 2, rule: Rule::Both, ..OPTIONS });
    chip.pulse(2);
    assert_eq!(said(&mut both), None, "one alone is none");
    chip.pulse(3);
    assert_eq!(said(&mut both), Some(("PIR + PIR-2".to_owned(), 0)), "both within the window of a second");
    chip.pulse(2);
    std::thread::sleep(Duration::from_millis(1200));
    chip.pulse(3);
    assert_eq!(said(&mut both), None, "too far apart");
}

fn the_hold_off_and_the_warm_up_swallow_and_count(chip: &Chip) {
    let second = Duration::from_secs(1);
    let mut pir = two(Options { sensors: 2, hold_off: second, warm_up: second, ..OPTIONS });
    chip.pulse(2);
    assert_eq!(pir.wait(Duration::from_millis(50)).unwrap(), None, "it warms up");
    std::thread::sleep(second);
    chip.pulse(2);
    let fired = pir.wait(second).unwrap().unwrap();
    assert_eq!(fired.suppressed, 1, "what came while it warmed up");
    chip.pulse(3);
    assert_eq!(pir.wait(Duration::from_millis(50)).unwrap(), None, "held off");
    std::thread::sleep(second);
    chip.pulse(3);
    assert_eq!(pir.wait(second).unwrap().unwrap().suppressed, 1);
}

fn what_is_shorter_than_the_debounce_is_none(chip: &Chip) {
    chip.pull("pull-down");
    let mut pir = pir("PIR", false, 200);
    for (long, fires) in [(20, false), (600, true)] {
        chip.pull("pull-up");
        std::thread::sleep(Duration::from_millis(long));
        chip.pull("pull-down");
        let fired = pir.wait(Duration::from_millis(500)).unwrap();
        assert_eq!(fired.is_some(), fires, "{long} ms");
    }
}

/// The kernel holds 16 edges of a line and drops the oldest; their numbers tell how many.
fn every_pulse_of_a_flood_is_given_or_counted(chip: &Chip) {
    let mut pir = pir("PIR", false, 0);
    for way in ["pull-up", "pull-down"].repeat(100) {
        chip.pull(way);
        // The simulated interrupt runs a little later; edges that overtake it are one to the kernel.
        std::thread::sleep(Duration::from_millis(2));
    }
    let fired = pir.wait(Duration::from_millis(100)).unwrap().unwrap();
    assert_eq!(fired.suppressed, 99);
    assert_eq!(pir.wait(Duration::from_millis(100)).unwrap(), None);
}

fn a_line_that_is_pulled_up_is_a_trigger(chip: &Chip) {
    for (spot, active_low) in [("PIR", false), ("trap-sim:2", true)] {
        let (rest, moves) = if active_low { ("pull-up", "pull-down") } else { ("pull-down", "pull-up") };
        chip.pull(rest);
        let mut pir = pir(spot, active_low, 0);
        assert_eq!(pir.wait(Duration::from_millis(50)).unwrap(), None);
        let before = chrono::Utc::now();
        chip.pull(moves);
        let after = chrono::Utc::now();
        // The daemon is busy; the kernel's stamp tells when it was.
        std::thread::sleep(Duration::from_millis(300));
        let fired = pir.wait(Duration::from_secs(1)).unwrap().unwrap();
        let slack = chrono::TimeDelta::milliseconds(20);
        assert!(fired.at > before - slack && fired.at < after + slack, "{before} {} {after}", fired.at);
        chip.pull(rest);
        assert_eq!(pir.wait(Duration::from_millis(100)).unwrap(), None, "the falling edge is none");
    }
}
