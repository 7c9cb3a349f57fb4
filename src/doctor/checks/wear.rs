//! How worn the card is, where it tells: eMMC and some industrial cards do.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::patient::line;
use crate::doctor::{Check, Finding, Patient};

/// Tenths of its life from which a card should be changed at the next visit (JESD84-B51, DEVICE_LIFE_TIME_EST: 0x01 is
/// 0 to 10 %, 0x0A 90 to 100 %, 0x0B exceeded).
const OLD: u32 = 8;
const OVER: u32 = 11;

pub(in crate::doctor) const CHECK: Check = Check {
    name: "wear",
    causes: &[("not-told", Grey), ("well", Green), ("old", Amber), ("worn", Red)],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    vec![match card(&patient.roots.sys, &patient.card()) {
        Some(card) => judged(check, &card),
        None => check.found("not-told"),
    }]
}

/// The card's folder in sysfs: that of the device the folder lies on, else the first card there is.
fn card(sys: &Path, folder: &Path) -> Option<PathBuf> {
    let told = |device: &Path| device.join("life_time").is_file();
    if let Ok(metadata) = std::fs::metadata(folder) {
        let device = metadata.dev();
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let block = sys.join(format!("dev/block/{major}:{minor}"));
        // A partition lies in the folder of its disk.
        for device in [block.join("device"), block.join("../device")] {
            if told(&device) {
                return Some(device);
            }
        }
    }
    let mut disks: Vec<PathBuf> = std::fs::read_dir(sys.join("block"))
        .ok()?
        .flatten()
        .map(|entry| entry.path().join("device"))
        .collect();
    disks.sort();
    disks.into_iter().find(|device| told(device))
}

/// `life_time` holds two estimates, `pre_eol_info` 1 (normal), 2 (80 % of the spare blocks are used) or 3 (90 %)
/// (Documentation/driver-api/mmc/mmc-dev-attrs.rst).
fn judged(check: &Check, card: &Path) -> Finding {
    let hex = |word: &str| u32::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    let life = line(&card.join("life_time")).unwrap_or_default();
    let life = life.split_whitespace().filter_map(hex).max().unwrap_or(0);
    let spare = line(&card.join("pre_eol_info")).as_deref().and_then(hex).unwrap_or(0);
    let cause = match (life, spare) {
        (0, 0) => "not-told",
        (life, spare) if life >= OVER || spare >= 3 => "worn",
        (life, spare) if life >= OLD || spare == 2 => "old",
        _ => "well",
    };
    check
        .found(cause)
        .with("percent", (life * 10).min(100))
        .with("name", line(&card.join("name")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn what_the_card_says_of_its_life_has_a_colour() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "not-told");
        for (life, spare, cause) in [
            ("0x01 0x02", "0x01", "well"),
            ("0x09 0x02", "0x01", "old"),
            ("0x01 0x01", "0x02", "old"),
            ("0x0b 0x01", "0x01", "worn"),
            ("0x01 0x01", "0x03", "worn"),
            ("0x00 0x00", "0x00", "not-told"),
        ] {
            trap.put("sys/block/mmcblk0/device/life_time", life);
            trap.put("sys/block/mmcblk0/device/pre_eol_info", spare);
            assert_eq!(trap.ask(&CHECK)[0].cause, cause, "{life} {spare}");
        }
    }
}
