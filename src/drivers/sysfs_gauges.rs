//! Battery and temperature as the kernel tells them.

use std::fs;
use std::path::{Path, PathBuf};

use super::battery::Supply;
use crate::hal::{Battery, Charge, Gauges};

/// Millidegrees Celsius (Documentation/ABI/testing/sysfs-class-thermal of the kernel).
const THERMAL: &str = "class/thermal/thermal_zone0/temp";

/// The kernel's thermal zone and power supplies.
#[derive(Debug)]
pub struct SysfsGauges {
    root: PathBuf,
}

impl SysfsGauges {
    /// Reads below `root`, on a real system `/sys`.
    pub fn new(root: &Path) -> Self {
        SysfsGauges { root: root.to_owned() }
    }
}

fn number(file: &Path) -> Option<i64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

impl Gauges for SysfsGauges {
    fn battery(&self) -> Option<u16> {
        self.charge()?.millivolts
    }

    fn charge(&self) -> Option<Charge> {
        Supply::new(&self.root, "").read().ok()
    }

    fn temperature(&self) -> Option<i8> {
        let milli = number(&self.root.join(THERMAL))?;
        i8::try_from(milli.div_euclid(1000)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUPPLIES: &str = "class/power_supply";

    #[test]
    fn the_kernels_units_become_ours_and_missing_files_are_no_value() {
        let root = tempfile::tempdir().unwrap();
        let gauges = SysfsGauges::new(root.path());
        assert_eq!((gauges.battery(), gauges.temperature()), (None, None));
        for (name, kind) in [("ac", "Mains"), ("bat", "Battery")] {
            let folder = root.path().join(SUPPLIES).join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("type"), format!("{kind}\n")).unwrap();
            fs::write(folder.join("voltage_now"), "3812500\n").unwrap();
        }
        assert_eq!(gauges.charge().unwrap().percent, None, "a supply that does not say is not empty");
        for (told, percent) in [("37\n", Some(37)), ("0\n", Some(0)), ("101\n", None), ("-1\n", None)] {
            fs::write(root.path().join(SUPPLIES).join("bat/capacity"), told).unwrap();
            assert_eq!(gauges.charge().unwrap().percent, percent);
        }
        fs::create_dir_all(root.path().join("class/thermal/thermal_zone0")).unwrap();
        fs::write(root.path().join(THERMAL), "-7400\n").unwrap();
        assert_eq!((gauges.battery(), gauges.temperature()), (Some(3812), Some(-8)));
    }
}
