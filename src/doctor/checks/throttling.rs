//! Whether the board is short of voltage or slows itself down, as the firmware of a Raspberry Pi tells it.

use crate::doctor::Colour::{Amber, Green, Grey, Red};
use crate::doctor::patient::line;
use crate::doctor::{Check, Finding, Patient};

/// Bits of the firmware's answer (`vcgencmd get_throttled` in Raspberry Pi's documentation): now, and since the start
/// 16 bits higher. Under-voltage; slowed down by heat or voltage (frequency capped, throttled, soft limit).
const UNDER_VOLTAGE: u32 = 1;
const SLOWED: u32 = 0b1110;

/// The same word where the Raspberry Pi's own kernel shows it.
const SYSFS: &str = "devices/platform/soc/soc:firmware/get_throttled";

pub(in crate::doctor) const CHECK: Check = Check {
    name: "throttling",
    causes: &[
        ("not-told", Grey),
        ("well", Green),
        ("was-low", Amber),
        ("was-slowed", Amber),
        ("slowed", Amber),
        ("low", Red),
    ],
    hands: false,
    examine,
};

fn examine(check: &Check, patient: &mut Patient<'_>) -> Vec<Finding> {
    let Some(word) = word(patient) else { return vec![check.found("not-told")] };
    let before = word >> 16;
    let cause = match word {
        w if w & UNDER_VOLTAGE != 0 => "low",
        w if w & SLOWED != 0 => "slowed",
        _ if before & UNDER_VOLTAGE != 0 => "was-low",
        _ if before & SLOWED != 0 => "was-slowed",
        _ => "well",
    };
    vec![check.found(cause).with("word", format!("0x{word:x}"))]
}

/// The firmware's word by the kernel, by `vcgencmd`, or what the kernel's voltage alarm says
/// (Documentation/hwmon/raspberrypi-hwmon.rst).
fn word(patient: &mut Patient<'_>) -> Option<u32> {
    let sys = patient.roots.sys.clone();
    let hex = |text: &str| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok();
    if let Some(word) = line(&sys.join(SYSFS)).and_then(|text| hex(&text)) {
        return Some(word);
    }
    let told = patient.hands.program("vcgencmd", &["get_throttled"]).ok();
    if let Some(word) = told.and_then(|text| hex(text.trim().strip_prefix("throttled=")?)) {
        return Some(word);
    }
    let monitors = std::fs::read_dir(sys.join("class/hwmon")).ok()?;
    let volt = monitors
        .flatten()
        .map(|entry| entry.path())
        .find(|path| line(&path.join("name")).as_deref() == Some("rpi_volt"))?;
    // The alarm is of any time since the start.
    Some(u32::from(line(&volt.join("in0_lcrit_alarm"))? != "0") << 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::fake::Trap;

    #[test]
    fn under_voltage_now_is_red_and_before_amber() {
        let mut trap = Trap::new();
        assert_eq!(trap.ask(&CHECK)[0].cause, "not-told");
        // 0x50005 and 0x20000 are the words of the field reports (motioneye#2072).
        for (word, cause) in [
            ("0x50005", "low"),
            ("0x20000", "was-slowed"),
            ("0x50000", "was-low"),
            ("0x8", "slowed"),
            ("0x0", "well"),
        ] {
            trap.hands.programs = vec![("vcgencmd", format!("throttled={word}\n"))];
            assert_eq!(trap.ask(&CHECK)[0].cause, cause, "{word}");
        }
        trap.put("sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n");
        assert_eq!(trap.ask(&CHECK)[0].cause, "low", "the kernel is asked first");
    }

    #[test]
    fn the_kernels_alarm_is_believed_where_nothing_else_tells() {
        let mut trap = Trap::new();
        trap.put("sys/class/hwmon/hwmon1/name", "rpi_volt\n");
        trap.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n");
        assert_eq!(trap.ask(&CHECK)[0].state, Green);
        trap.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n");
        assert_eq!(trap.ask(&CHECK)[0].cause, "was-low");
    }
}
