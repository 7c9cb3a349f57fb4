//! What the machine says of its energy: counters of the processor (RAPL) or of a board's power chip (hwmon).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A counter of energy, or a gauge of power.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sensor {
    /// Microjoules that only grow, until they begin again after `range`; 0: never told.
    Counter {
        /// The file.
        file: PathBuf,
        /// Largest value.
        range: u64,
    },
    /// Microwatts at this moment.
    Gauge {
        /// The file.
        file: PathBuf,
    },
}

/// A reading, to be compared with a later one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    value: u64,
    at: Instant,
}

impl Sensor {
    /// The first sensor below `root` (on a real system `/sys`) that can be read: the kernel's
    /// `class/powercap/*/energy_uj` (ABI/testing/sysfs-class-powercap), then `class/hwmon/*/energy*_input` and
    /// `power*_input` (ABI/testing/sysfs-class-hwmon).
    pub(super) fn find(root: &Path) -> Option<Sensor> {
        let zones = entries(&root.join("class/powercap"));
        let counter = zones.into_iter().find_map(|zone| {
            let file = zone.join("energy_uj");
            number(&file).map(|_| (file, number(&zone.join("max_energy_range_uj")).unwrap_or(0)))
        });
        if let Some((file, range)) = counter {
            return Some(Sensor::Counter { file, range });
        }
        let chips: Vec<PathBuf> =
            entries(&root.join("class/hwmon")).iter().flat_map(|chip| entries(chip)).collect();
        let named = |prefix: &str| {
            chips.iter().find(|file| {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(prefix) && name.ends_with("_input") && number(file).is_some()
            })
        };
        let counter = named("energy").map(|file| Sensor::Counter { file: file.clone(), range: 0 });
        counter.or_else(|| named("power").map(|file| Sensor::Gauge { file: file.clone() }))
    }

    /// The file that is read.
    pub(super) fn file(&self) -> &Path {
        match self {
            Sensor::Counter { file, .. } | Sensor::Gauge { file } => file,
        }
    }

    /// What it says now; `None` when it cannot be read any more.
    pub(super) fn read(&self) -> Option<Reading> {
        Some(Reading { value: number(self.file())?, at: Instant::now() })
    }

    /// Joules between two readings, of the whole machine: whatever else runs is in it.
    pub(super) fn joules(&self, from: Reading, to: Reading) -> f64 {
        match self {
            Sensor::Counter { range, .. } => {
                let wrapped = if to.value < from.value { *range } else { 0 };
                (to.value + wrapped).saturating_sub(from.value) as f64 / 1e6
            }
            Sensor::Gauge { .. } => {
                let watts = (from.value + to.value) as f64 / 2e6;
                watts * to.at.saturating_duration_since(from.at).as_secs_f64()
            }
        }
    }
}

/// The entries of a folder in order; none where it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    found.sort();
    found
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_counter_is_taken_before_a_gauge_and_nothing_where_nothing_is() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Sensor::find(root.path()), None);
        let put = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        let file = put("class/hwmon/hwmon1/power1_input", "2500000\n");
        assert_eq!(Sensor::find(root.path()), Some(Sensor::Gauge { file }));
        let file = put("class/powercap/intel-rapl:0/energy_uj", "100\n");
        put("class/powercap/intel-rapl:0/max_energy_range_uj", "1000\n");
        assert_eq!(Sensor::find(root.path()), Some(Sensor::Counter { file, range: 1000 }));
    }

    #[test]
    fn joules_from_a_counter_that_began_again_and_from_watts() {
        let at = Instant::now();
        let reading = |value, ms| Reading { value, at: at + Duration::from_millis(ms) };
        let counter = Sensor::Counter { file: PathBuf::new(), range: 10_000_000 };
        assert_eq!(counter.joules(reading(1_000_000, 0), reading(3_500_000, 5)), 2.5);
        assert_eq!(counter.joules(reading(9_000_000, 0), reading(1_000_000, 5)), 2.0);
        // 2 W, then 4 W, over half a second.
        let gauge = Sensor::Gauge { file: PathBuf::new() };
        assert_eq!(gauge.joules(reading(2_000_000, 0), reading(4_000_000, 500)), 1.5);
    }
}
