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

/// A chip with eight lines, the third named PIR (Documentation/admin-guide/gpio/gpio-sim.rst of the kernel).
struct Chip(PathBuf);

impl Chip {
    fn new() -> Chip {
        let root = Path::new("/sys/kernel/config/gpio-sim/trapline");
        let line = root.join("bank0/line2");
        fs::create_dir_all(&line).unwrap();
        fs::write(root.join("bank0/num_lines"), "8").unwrap();
        fs::write(root.join("bank0/label"), "trap-sim").unwrap();
        fs::write(line.join("name"), "PIR").unwrap();
        fs::write(root.join("live"), "1").unwrap();
        let device = fs::read_to_string(root.join("dev_name")).unwrap();
        let chip = fs::read_to_string(root.join("bank0/chip_name")).unwrap();
        Chip(Path::new("/sys/devices/platform").join(device.trim()).join(chip.trim()).join("sim_gpio2"))
    }

    fn pull(&self, way: &str) {
        fs::write(self.0.join("pull"), way).unwrap();
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        let root = Path::new("/sys/kernel/config/gpio-sim/trapline");
        fs::write(root.join("live"), "0").unwrap();
        for folder in ["bank0/line2", "bank0", ""] {
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
