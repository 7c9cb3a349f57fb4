//! What a computer says of its own supply: Raspberry Pi's firmware, the kernel's voltage alarm, throttled processors.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::hal::Strain;

/// Bits of the firmware's answer (`vcgencmd get_throttled` in Raspberry Pi's documentation): now, and since the start
/// 16 bits higher. Under-voltage; slowed down by heat or voltage (frequency capped, throttled, soft limit).
const UNDER_VOLTAGE: u32 = 1;
const SLOWED: u32 = 0b1110;

/// The program that asks the firmware, where the kernel does not show its word.
const PROGRAM: &str = "vcgencmd";
const LONGEST: Duration = Duration::from_secs(2);

/// Reads it.
#[derive(Debug)]
pub struct StrainGauge {
    root: PathBuf,
    program: Option<PathBuf>,
    /// Over-current events that were counted up to the last reading.
    events: Option<u64>,
}

impl StrainGauge {
    /// Below `root`, on a real system `/sys`; `program`: `vcgencmd` or what stands for it, `None`: it is not asked.
    pub fn new(root: &Path, program: Option<&Path>) -> Self {
        StrainGauge { root: root.to_owned(), program: program.map(Path::to_owned), events: None }
    }

    /// That of this computer.
    pub fn of_system() -> Self {
        StrainGauge::new(Path::new("/sys"), Some(Path::new(PROGRAM)))
    }

    /// `None`: nothing tells.
    pub fn read(&mut self) -> Option<Strain> {
        let all = [self.firmware(), self.alarm(), self.overcurrent(), self.cooling()];
        all.into_iter().flatten().reduce(|a, b| Strain {
            under_voltage: a.under_voltage || b.under_voltage,
            under_voltage_before: a.under_voltage_before || b.under_voltage_before,
            throttled: a.throttled || b.throttled,
            throttled_before: a.throttled_before || b.throttled_before,
        })
    }

    /// The firmware's word, by the kernel (`soc` is `soc@107c000000` on a Raspberry Pi 5) or by its program.
    fn firmware(&mut self) -> Option<Strain> {
        let shown = entries(&self.root.join("devices/platform")).into_iter().filter(|dir| starts(dir, "soc"));
        let shown = shown.flat_map(|dir| entries(&dir)).map(|dir| dir.join("get_throttled"));
        let hex = |text: &str| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok();
        if let Some(word) = shown.into_iter().find_map(|file| hex(&line(&file)?)) {
            return Some(decoded(word));
        }
        match ask(self.program.as_deref()?) {
            Ok(text) => hex(text.trim().strip_prefix("throttled=")?).map(decoded),
            Err(error) => {
                // Another computer, or a unit without access to the firmware's device: not asked again.
                log::debug!("{PROGRAM}: {error}");
                self.program = None;
                None
            }
        }
    }

    /// The kernel's alarm of any time since the start (Documentation/hwmon/raspberrypi-hwmon.rst).
    fn alarm(&self) -> Option<Strain> {
        let chips = entries(&self.root.join("class/hwmon"));
        let volt = chips.into_iter().find(|chip| line(&chip.join("name")).as_deref() == Some("rpi_volt"))?;
        let before = line(&volt.join("in0_lcrit_alarm"))? != "0";
        Some(Strain { under_voltage_before: before, ..Strain::default() })
    }

    /// A Jetson counts what its supply could not give, and slows down meanwhile (`oc1_event_cnt` … of its soctherm_oc,
    /// by NVIDIA's developer guide; not seen on one).
    fn overcurrent(&mut self) -> Option<Strain> {
        let files = entries(&self.root.join("class/hwmon")).into_iter().flat_map(|chip| entries(&chip));
        let counters =
            files.filter(|file| starts(file, "oc") && file.to_string_lossy().ends_with("_event_cnt"));
        let counts: Vec<u64> = counters.filter_map(|file| line(&file)?.parse().ok()).collect();
        if counts.is_empty() {
            return None;
        }
        let sum = counts.iter().sum();
        let before = self.events.replace(sum);
        let throttled = before.is_some_and(|before| sum > before);
        Some(Strain { throttled, throttled_before: sum > 0, ..Strain::default() })
    }

    /// The kernel slows the processor down by heat (ABI/testing/sysfs-class-thermal).
    fn cooling(&self) -> Option<Strain> {
        let devices = entries(&self.root.join("class/thermal"));
        let cpu = |device: &PathBuf| line(&device.join("type")).is_some_and(|kind| kind.contains("cpufreq"));
        let states = devices.into_iter().filter(cpu).filter_map(|device| line(&device.join("cur_state")));
        let states: Vec<String> = states.collect();
        let throttled = states.iter().any(|state| state != "0");
        (!states.is_empty()).then_some(Strain { throttled, ..Strain::default() })
    }
}

fn decoded(word: u32) -> Strain {
    let before = word >> 16;
    Strain {
        under_voltage: word & UNDER_VOLTAGE != 0,
        under_voltage_before: before & UNDER_VOLTAGE != 0,
        throttled: word & SLOWED != 0,
        throttled_before: before & SLOWED != 0,
    }
}

/// What the program writes, within its time.
fn ask(program: &Path) -> io::Result<String> {
    let quiet = Stdio::null;
    let mut command = Command::new(program);
    let mut child =
        command.arg("get_throttled").stdin(quiet()).stdout(Stdio::piped()).stderr(quiet()).spawn()?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > LONGEST {
            child.kill()?;
            child.wait()?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut text = String::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_string(&mut text)?;
    }
    if child.wait()?.success() { Ok(text) } else { Err(io::Error::other("it failed")) }
}

fn line(file: &Path) -> Option<String> {
    std::fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

fn starts(path: &Path, with: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(with))
}

/// The entries of a folder in order.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = read.map(|entry| entry.path()).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn put(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }

    fn strain(flags: [bool; 4]) -> Option<Strain> {
        let [under_voltage, under_voltage_before, throttled, throttled_before] = flags;
        Some(Strain { under_voltage, under_voltage_before, throttled, throttled_before })
    }

    #[test]
    fn the_firmwares_word_tells_now_from_before() {
        let root = tempfile::tempdir().unwrap();
        let mut gauge = StrainGauge::new(root.path(), None);
        assert_eq!(gauge.read(), None, "nothing tells");
        // 0x50005 and 0x20000 are the words of the field reports (motioneye#2072).
        for (word, flags) in [
            ("50005", [true, true, true, true]),
            ("20000", [false, false, false, true]),
            ("10000", [false, true, false, false]),
            ("0x8", [false, false, true, false]),
            ("0", [false; 4]),
        ] {
            put(root.path(), "devices/platform/soc/soc:firmware/get_throttled", word);
            assert_eq!(gauge.read(), strain(flags), "{word}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn where_the_kernel_does_not_show_the_word_its_program_is_asked() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("vcgencmd");
        fs::write(&program, "#!/bin/sh\necho throttled=0x50000\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut gauge = StrainGauge::new(root.path(), Some(&program));
        assert_eq!(gauge.read(), strain([false, true, false, true]));
        // The kernel is asked first, a program that is not there once.
        put(root.path(), "devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled", "1");
        assert_eq!(gauge.read(), strain([true, false, false, false]));
        let mut gauge = StrainGauge::new(&root.path().join("none"), Some(Path::new("/no/such/program")));
        assert_eq!(gauge.read(), None);
        assert_eq!(gauge.program, None);
    }

    #[test]
    fn the_kernels_alarm_a_jetsons_counters_and_a_slowed_processor_are_believed() {
        let root = tempfile::tempdir().unwrap();
        let mut gauge = StrainGauge::new(root.path(), None);
        put(root.path(), "class/hwmon/hwmon1/name", "rpi_volt");
        put(root.path(), "class/hwmon/hwmon1/in0_lcrit_alarm", "1");
        assert_eq!(gauge.read(), strain([false, true, false, false]));
        put(root.path(), "class/hwmon/hwmon1/in0_lcrit_alarm", "0");
        put(root.path(), "class/thermal/cooling_device0/type", "cpufreq-cpu0");
        put(root.path(), "class/thermal/cooling_device0/cur_state", "2");
        assert_eq!(gauge.read(), strain([false, false, true, false]));
        put(root.path(), "class/thermal/cooling_device0/cur_state", "0");
        put(root.path(), "class/hwmon/hwmon2/oc3_event_cnt", "4");
        assert_eq!(gauge.read(), strain([false, false, false, true]));
        put(root.path(), "class/hwmon/hwmon2/oc3_event_cnt", "5");
        assert_eq!(gauge.read(), strain([false, false, true, true]), "it goes on");
        assert_eq!(gauge.read(), strain([false, false, false, true]));
    }
}
