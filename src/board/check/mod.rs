//! Values of a profile within their ranges, and devices that go together.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::raw::Raw;
use super::{BoardError, CameraDriver, ClockDriver, PowerDriver, TriggerDriver};
use crate::drivers::gpio::LineName;

mod battery;
mod camera;
mod gps;
mod power;
mod trigger;

/// Checks values of the file it names.
pub(super) struct Check<'a>(pub &'a str);

impl Check<'_> {
    /// A whole number within `range`.
    pub fn whole<T>(&self, key: &'static str, value: i64, range: RangeInclusive<T>) -> Result<T, BoardError>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        match T::try_from(value) {
            Ok(v) if range.contains(&v) => Ok(v),
            _ => Err(self.refused(key, value, format!("{} to {}", range.start(), range.end()))),
        }
    }

    pub fn millis(
        &self,
        key: &'static str,
        value: i64,
        range: RangeInclusive<u64>,
    ) -> Result<Duration, BoardError> {
        self.whole(key, value, range).map(Duration::from_millis)
    }

    pub fn seconds(
        &self,
        key: &'static str,
        value: i64,
        range: RangeInclusive<u64>,
    ) -> Result<Duration, BoardError> {
        self.whole(key, value, range).map(Duration::from_secs)
    }

    pub fn refused(&self, key: &'static str, value: impl Display, allowed: impl Into<String>) -> BoardError {
        BoardError::Range { file: self.0.to_owned(), key, value: value.to_string(), allowed: allowed.into() }
    }

    /// Devices that go together, and keys that they cannot do without.
    pub fn combination(&self, raw: &Raw) -> Result<(), BoardError> {
        let bench = raw.trigger == TriggerDriver::Bench || raw.camera == CameraDriver::Bench;
        if bench && !(raw.trigger == TriggerDriver::Bench && raw.camera == CameraDriver::Bench) {
            return Err(self.refused("camera", "not the trigger's", "bench with bench, none of them alone"));
        }
        if (raw.trigger == TriggerDriver::Spool) != (raw.camera == CameraDriver::Spool) {
            return Err(self.refused("camera", "not the trigger's", "spool with spool, none of them alone"));
        }
        if raw.clock == ClockDriver::Bench && !bench {
            return Err(self.refused("clock", "bench", "system, for it tells the bench's time only"));
        }
        if raw.power.driver == PowerDriver::Bench && raw.clock != ClockDriver::Bench {
            return Err(self.refused(
                "power.driver",
                "bench",
                "none or rtc, for it wakes by the bench's clock only",
            ));
        }
        if raw.trigger == TriggerDriver::Pir && raw.pir.lines.is_empty() {
            return Err(self.refused("pir.lines", "empty", "1 to 8 lines"));
        }
        if raw.trigger == TriggerDriver::Timer && raw.timer.every_s == 0 {
            return Err(self.refused("timer.every_s", 0, "1 to 86400"));
        }
        let streams = matches!(
            raw.camera,
            CameraDriver::Rpicam | CameraDriver::Nvargus | CameraDriver::Command | CameraDriver::V4l2
        );
        if raw.trigger == TriggerDriver::Motion && !(streams && raw.stream.warm) {
            let allowed = "a warm one that gives pictures all the time: rpicam, nvargus, command or v4l2 with \
                           stream.warm = true, for motion is seen in them";
            return Err(self.refused("camera", "not the trigger's", allowed));
        }
        if bench || raw.trigger == TriggerDriver::Spool {
            if raw.timer.every_s > 0 {
                return Err(self.refused(
                    "timer.every_s",
                    raw.timer.every_s,
                    "0, for this camera has no other time",
                ));
            }
            if raw.trigger == TriggerDriver::Spool && raw.spool.folder.is_empty() {
                return Err(self.refused("spool.folder", "empty", "a folder"));
            }
        }
        self.header(raw)?;
        if raw.camera == CameraDriver::Command && raw.stream.command.is_empty() {
            return Err(self.refused("stream.command", "empty", "a program and its arguments"));
        }
        Ok(())
    }

    /// A line's name. A chip's number is refused: it has changed between kernels on the same board.
    pub fn line(&self, key: &'static str, text: &str) -> Result<LineName, BoardError> {
        let name = text.parse::<LineName>().ok().filter(|name| !name.numbered());
        name.ok_or_else(|| {
            let allowed =
                "a line's name (GPIO17) or label:number (pinctrl-rp1:17), with ! in front if low is on";
            self.refused(key, format!("\"{text}\""), allowed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Profile;

    fn refused(text: &str) -> String {
        Profile::parse(text, "b.toml").unwrap_err().to_string()
    }

    #[test]
    fn bad_profiles_are_refused_by_file_key_and_range() {
        assert_eq!(refused("[bench]\nwidth = 9"), "b.toml: key `bench.width` is 9; allowed: 64 to 8000");
        assert_eq!(
            refused("camera = \"bensh\""),
            "b.toml: key `camera`: unknown value \"bensh\" (did you mean \"bench\"?); allowed: bench, rpicam, \
             rpicam-still, nvargus, command, v4l2, spool"
        );
        assert!(refused("[bench.faults]\ncamera = 1").contains("did you mean `camera_every`?"));
        let pir = "trigger = \"pir\"\ncamera = \"rpicam\"\n[pir]\nlines = ";
        assert_eq!(refused(&format!("{pir}[]")), "b.toml: key `pir.lines` is empty; allowed: 1 to 8 lines");
        assert_eq!(
            refused(&format!("{pir}[\"gpiochip0:17\"]")),
            "b.toml: key `pir.lines` is \"gpiochip0:17\"; allowed: a line's name (GPIO17) or label:number \
             (pinctrl-rp1:17), with ! in front if low is on"
        );
        let usb = "trigger = \"timer\"\ncamera = \"v4l2\"\n[timer]\nevery_s = 9\n[stream]\n";
        let device = "key `stream.device` is \"/dev/video0\"; allowed: the camera's name in /dev/v4l/by-id";
        assert!(refused(&format!("{usb}device = \"/dev/video0\"")).contains(device));
        let control = format!("{usb}device = \"Webcam\"\nextra = [\"focus\"]");
        assert!(refused(&control).contains("key `stream.extra` is \"focus\""), "{}", refused(&control));
    }

    #[test]
    fn devices_that_do_not_go_together_are_refused() {
        for (text, key) in [
            ("trigger = \"timer\"", "camera"),
            ("trigger = \"spool\"\ncamera = \"rpicam\"", "camera"),
            ("trigger = \"spool\"\ncamera = \"spool\"", "spool.folder"),
            ("trigger = \"timer\"\ncamera = \"rpicam\"", "timer.every_s"),
            ("trigger = \"timer\"\ncamera = \"command\"\n[timer]\nevery_s = 9", "stream.command"),
            ("trigger = \"timer\"\ncamera = \"rpicam\"\nclock = \"bench\"\n[timer]\nevery_s = 9", "clock"),
            (
                "trigger = \"timer\"\ncamera = \"rpicam-still\"\n[timer]\nevery_s = 9\n[stream]\nbefore = 1",
                "stream.before",
            ),
            (
                "trigger = \"timer\"\ncamera = \"rpicam-still\"\n[timer]\nevery_s = 9\n[stream]\nstill_folder = \"run\"",
                "stream.still_folder",
            ),
            ("trigger = \"motion\"\ncamera = \"rpicam-still\"", "camera"),
            (
                "trigger = \"pir\"\ncamera = \"rpicam\"\n[pir]\ndriver = \"rppal\"\nlines = [\"pinctrl-rp1:17\"]",
                "pir.lines",
            ),
            ("[storm]\nenergy_mwh = 500", "storm.energy_mwh"),
            ("[timer]\nevery_s = 9", "timer.every_s"),
            ("trigger = \"motion\"\ncamera = \"rpicam\"\n[stream]\nwarm = false", "camera"),
        ] {
            assert!(
                refused(text).starts_with(&format!("b.toml: key `{key}` is ")),
                "{text}: {}",
                refused(text)
            );
        }
    }

    #[test]
    fn an_hours_energy_is_a_number_of_bursts() {
        let figure = |key: &str, value: u32| format!("{key} = {{ value = {value}, from = \"assumed\" }}\n");
        let values = [
            ("idle_mw", 600),
            ("busy_mw", 1800),
            ("sleep_mw", 0),
            ("wake_s", 0),
            ("cut_mw", 0),
            ("boot_s", 0),
            ("boot_mw", 0),
            ("burst_s", 6),
            ("camera_mw", 1000),
            ("infrared_mw", 3500),
            ("sensor_mw", 0),
        ];
        let energy: String = values.iter().map(|(key, value)| figure(key, *value)).collect();
        let per_hour = |storm: &str| {
            let text = format!(
                "trigger = \"pir\"\ncamera = \"rpicam\"\n[pir]\nlines = [\"GPIO17\"]\n[storm]\n{storm}\n[energy]\n{energy}"
            );
            Profile::parse(&text, "b.toml").map(|profile| profile.storm.unwrap().per_hour)
        };
        // By hand: (4 s + 6 s) at 1800 mW and 4 s at 4500 mW are 36 000 mW s, 10 mWh.
        assert_eq!(per_hour("energy_mwh = 500").unwrap(), 50);
        assert_eq!(per_hour("energy_mwh = 5000").unwrap(), 120, "the default of per_hour");
        let told = per_hour("energy_mwh = 9").unwrap_err().to_string();
        assert!(told.contains("storm.energy_mwh") && told.contains("10.0"), "{told}");
    }

    #[test]
    fn every_key_stands_in_the_readme() {
        let readme = include_str!("../../../boards/README.md");
        let sections = [
            "pir",
            "motion",
            "timer",
            "storm",
            "stream",
            "light",
            "battery",
            "gps",
            "spool",
            "power",
            "bench",
            "bench.faults",
            "bench.battery",
            "energy",
        ];
        let heads = sections.map(|name| format!("[{name}]\n"));
        for section in std::iter::once("").chain(heads.iter().map(String::as_str)) {
            let said = refused(&format!("{section}no_such_key = 1"));
            let (_, allowed) = said.split_once("allowed here: ").unwrap();
            let part = match section {
                "" => readme,
                "[bench.faults]\n" => readme.split("`[bench.faults]`").nth(1).unwrap(),
                "[bench.battery]\n" => readme.split("`[bench.battery]`").nth(1).unwrap(),
                _ => readme.split(&format!("`{}`", section.trim())).nth(1).unwrap(),
            };
            let part = part.split("\n\n`[").next().unwrap();
            for key in allowed.split(", ").filter(|k| !sections.contains(k) && *k != "faults") {
                assert!(part.contains(&format!("`{key}`")), "boards/README.md: {section} has no `{key}`");
            }
        }
    }
}
