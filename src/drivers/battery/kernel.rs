//! Batteries that a driver of the kernel reads: power supplies and hardware monitors, by name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::hal::{Battery, Charge, DeviceError};

fn text(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

fn number(file: &Path) -> Option<i64> {
    text(file)?.parse().ok()
}

/// The entries of a folder in order.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn fault(device: String, what: impl Into<String>, cure: &str) -> DeviceError {
    DeviceError { device, what: what.into(), cure: cure.to_owned() }
}

/// A supply of type Battery (ABI/testing/sysfs-class-power of the kernel).
#[derive(Debug)]
pub struct Supply {
    root: PathBuf,
    name: String,
}

impl Supply {
    /// The one called `name` below `root` (on a real system `/sys`); an empty name: the first that feeds the computer.
    pub fn new(root: &Path, name: &str) -> Self {
        Supply { root: root.join("class/power_supply"), name: name.to_owned() }
    }

    fn folder(&self) -> Option<PathBuf> {
        entries(&self.root).into_iter().find(|folder| {
            // A mouse's battery has the scope Device.
            let feeds = text(&folder.join("scope")).as_deref() != Some("Device");
            let battery = text(&folder.join("type")).as_deref() == Some("Battery");
            let named = folder.file_name().is_some_and(|name| name.to_string_lossy() == self.name);
            battery && if self.name.is_empty() { feeds } else { named }
        })
    }

    /// Whether there is one.
    pub fn exists(&self) -> bool {
        self.folder().is_some()
    }
}

impl Battery for Supply {
    fn read(&mut self) -> Result<Charge, DeviceError> {
        let device = || format!("power supply {}", self.name);
        let folder = self.folder().ok_or_else(|| {
            fault(device(), "there is no such battery", "look with ls /sys/class/power_supply for its name")
        })?;
        if number(&folder.join("present")) == Some(0) {
            return Err(fault(device(), "the battery is not there", "put it in"));
        }
        // Microvolts, microamperes, percent. The current's sign differs between drivers, the status does not.
        let millivolts = number(&folder.join("voltage_now")).and_then(|uv| u16::try_from(uv / 1000).ok());
        let charging = text(&folder.join("status")).as_deref() == Some("Charging");
        let milliamps = number(&folder.join("current_now"))
            .and_then(|ua| i32::try_from(ua.abs() / 1000).ok())
            .map(|ma| if charging { -ma } else { ma });
        let percent = number(&folder.join("capacity")).and_then(|n| u8::try_from(n).ok());
        let percent = percent.filter(|percent| *percent <= 100);
        if millivolts.is_none() && percent.is_none() {
            let cure = "look at voltage_now and capacity in its folder, and at the kernel's log";
            return Err(fault(device(), "it tells neither voltage nor charge", cure));
        }
        Ok(Charge { millivolts, milliamps, percent })
    }
}

/// A chip of hwmon (ABI/testing/sysfs-class-hwmon of the kernel).
#[derive(Debug)]
pub struct Hwmon {
    root: PathBuf,
    name: String,
    input: u8,
    current: u8,
}

impl Hwmon {
    /// The first chip whose `name` is this, below `root`; voltage from `in<input>_input` (millivolts), current from
    /// `curr<current>_input` (milliamperes) where there is one.
    pub fn new(root: &Path, name: &str, input: u8, current: u8) -> Self {
        Hwmon { root: root.join("class/hwmon"), name: name.to_owned(), input, current }
    }
}

impl Battery for Hwmon {
    fn read(&mut self) -> Result<Charge, DeviceError> {
        let device = || format!("hwmon {}", self.name);
        let named = |folder: &PathBuf| text(&folder.join("name")).as_deref() == Some(&self.name);
        let folder = entries(&self.root).into_iter().find(named).ok_or_else(|| {
            fault(
                device(),
                "there is no such chip",
                "look with cat /sys/class/hwmon/*/name, and for its overlay",
            )
        })?;
        let file = folder.join(format!("in{}_input", self.input));
        let millivolts = number(&file).and_then(|mv| u16::try_from(mv).ok()).ok_or_else(|| {
            fault(
                device(),
                format!("{} is no voltage", file.display()),
                "choose another input under [battery]",
            )
        })?;
        let current = number(&folder.join(format!("curr{}_input", self.current)));
        let milliamps = current.and_then(|ma| i32::try_from(ma).ok());
        Ok(Charge { millivolts: Some(millivolts), milliamps, percent: None })
    }
}
