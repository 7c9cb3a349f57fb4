//! A board profile, checked, with units in its types.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{FixedOffset, TimeDelta};
use serde::Deserialize;

use super::BoardError;
use super::energy::Energy;
use super::raw::{Raw, RawPir, RawSpool, RawStorm, RawStream};
use crate::drivers::bench::{Options, Scenery};
use crate::drivers::pir::{self, Spot, Wiring};
use crate::drivers::spool::{self, After};
use crate::drivers::stream::{self, Picture};
use crate::drivers::trigger::{Limits, Rule};

/// Which drivers stand for which seam, and what they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// One line for people.
    pub description: String,
    /// Names in the device tree of the computers that this profile is for.
    pub compatible: Vec<String>,
    /// Who says when to take a burst.
    pub trigger: TriggerDriver,
    /// Who takes it.
    pub camera: CameraDriver,
    /// Who tells the time.
    pub clock: ClockDriver,
    /// The PIR's lines, and how it is taken.
    pub pir: (Wiring, pir::Options),
    /// A time-lapse beside the trigger; `None`: none.
    pub timer: Option<Duration>,
    /// The budget of the PIR; `None`: none.
    pub storm: Option<Limits>,
    /// The camera program.
    pub stream: Stream,
    /// The spool folder.
    pub spool: spool::Options,
    /// What the bench devices play.
    pub bench: Options,
    /// What the board draws; `None`: not known.
    pub energy: Option<Energy>,
}

/// The camera program, and how the camera is brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Width and height of its pictures, pixels.
    pub size: (u32, u32),
    /// How it is run.
    pub options: stream::Options,
    /// The line that switches the camera's power, low for on where the flag is set, and how long it is off.
    pub power: Option<(Spot, bool, Duration)>,
    /// A program that brings the camera back.
    pub recover: Vec<String>,
    /// Restarts of the system: most a day, after how many bursts without a picture, where they are noted.
    pub reboots: (u32, u32, PathBuf),
}

/// Drivers of the trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TriggerDriver {
    /// [`crate::drivers::bench::BenchTrigger`].
    #[default]
    Bench,
    /// [`crate::drivers::pir::Pir`].
    Pir,
    /// [`crate::drivers::trigger::Timer`].
    Timer,
    /// [`crate::drivers::spool::SpoolTrigger`].
    Spool,
}

/// Drivers of the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraDriver {
    /// [`crate::drivers::bench::BenchCamera`].
    #[default]
    Bench,
    /// [`crate::drivers::stream::StreamCamera`] with `rpicam-vid`.
    Rpicam,
    /// [`crate::drivers::stream::StreamCamera`] with GStreamer's `nvarguscamerasrc`.
    Nvargus,
    /// [`crate::drivers::stream::StreamCamera`] with the profile's own command.
    Command,
    /// [`crate::drivers::spool::SpoolCamera`].
    Spool,
}

/// Drivers of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockDriver {
    /// [`crate::drivers::bench::BenchClock`].
    Bench,
    /// [`crate::drivers::system_clock::SystemClock`].
    #[default]
    System,
}

impl Profile {
    /// Reads and checks `text`, which came from `file` (named in errors).
    pub fn parse(text: &str, file: &str) -> Result<Self, BoardError> {
        let raw: Raw = crate::strict::read(text, file)?;
        let check = Check(file);
        let every = check.whole("timer.every_s", raw.timer.every_s, 0..=86_400)?;
        check.combination(&raw)?;
        let bench = raw.bench;
        let scenery = Scenery {
            width: check.whole("bench.width", bench.width, 64..=8000)?,
            height: check.whole("bench.height", bench.height, 64..=8000)?,
            quality: check.whole("bench.quality", bench.quality, 1..=100)?,
        };
        Ok(Profile {
            pir: check.pir(&raw.pir)?,
            timer: (every > 0).then(|| Duration::from_secs(every)),
            storm: check.storm(&raw.storm)?,
            stream: check.stream(raw.stream, raw.camera)?,
            spool: check.spool(&raw.spool)?,
            energy: raw.energy.map(|energy| energy.check(file)).transpose()?,
            description: raw.description,
            compatible: raw.compatible,
            trigger: raw.trigger,
            camera: raw.camera,
            clock: raw.clock,
            bench: Options {
                play: bench.play,
                seed: check.whole("bench.seed", bench.seed, 0..=i64::MAX as u64)?,
                bursts: check.whole("bench.bursts", bench.bursts, 0..=1_000_000)?,
                scenery,
                pace: bench.pace,
                faults: bench.faults,
            },
        })
    }
}

/// Checks values of the file it names.
struct Check<'a>(&'a str);

impl Check<'_> {
    /// A whole number within `range`.
    fn whole<T>(&self, key: &'static str, value: i64, range: RangeInclusive<T>) -> Result<T, BoardError>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        match T::try_from(value) {
            Ok(v) if range.contains(&v) => Ok(v),
            _ => Err(self.refused(key, value, format!("{} to {}", range.start(), range.end()))),
        }
    }

    fn millis(
        &self,
        key: &'static str,
        value: i64,
        range: RangeInclusive<u64>,
    ) -> Result<Duration, BoardError> {
        self.whole(key, value, range).map(Duration::from_millis)
    }

    fn seconds(
        &self,
        key: &'static str,
        value: i64,
        range: RangeInclusive<u64>,
    ) -> Result<Duration, BoardError> {
        self.whole(key, value, range).map(Duration::from_secs)
    }

    fn refused(&self, key: &'static str, value: impl Display, allowed: impl Into<String>) -> BoardError {
        BoardError::Range { file: self.0.to_owned(), key, value: value.to_string(), allowed: allowed.into() }
    }

    /// Devices that go together, and keys that they cannot do without.
    fn combination(&self, raw: &Raw) -> Result<(), BoardError> {
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
        if raw.trigger == TriggerDriver::Pir && raw.pir.lines.is_empty() {
            return Err(self.refused("pir.lines", "empty", "1 to 8 lines"));
        }
        if raw.trigger == TriggerDriver::Timer && raw.timer.every_s == 0 {
            return Err(self.refused("timer.every_s", 0, "1 to 86400"));
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
        if raw.camera == CameraDriver::Command && raw.stream.command.is_empty() {
            return Err(self.refused("stream.command", "empty", "a program and its arguments"));
        }
        Ok(())
    }

    fn spot(&self, key: &'static str, text: &str) -> Result<Spot, BoardError> {
        text.parse().map_err(|_| {
            self.refused(
                key,
                format!("\"{text}\""),
                "a line's name (GPIO17) or label:number (pinctrl-rp1:17)",
            )
        })
    }

    fn pir(&self, raw: &RawPir) -> Result<(Wiring, pir::Options), BoardError> {
        if raw.lines.len() > 8 {
            return Err(self.refused("pir.lines", format!("{} lines", raw.lines.len()), "1 to 8 lines"));
        }
        let wiring = Wiring {
            lines: raw.lines.iter().map(|line| self.spot("pir.lines", line)).collect::<Result<_, _>>()?,
            active_low: raw.active_low,
            bias: raw.bias,
            debounce: self.millis("pir.debounce_ms", raw.debounce_ms, 0..=10_000)?,
        };
        let again = self.seconds("pir.again_s", raw.again_s, 0..=3600)?;
        let options = pir::Options {
            sensors: raw.lines.len(),
            rule: if raw.lines.len() > 1 { raw.rule } else { Rule::Any },
            window: self.millis("pir.window_ms", raw.window_ms, 1..=60_000)?,
            hold_off: self.millis("pir.hold_off_ms", raw.hold_off_ms, 0..=600_000)?,
            warm_up: self.seconds("pir.warm_up_s", raw.warm_up_s, 0..=600)?,
            again: (!again.is_zero()).then_some(again),
        };
        Ok((wiring, options))
    }

    fn storm(&self, raw: &RawStorm) -> Result<Option<Limits>, BoardError> {
        let sample = self.whole("storm.sample_min", raw.sample_min, 0..=60)?;
        let limits = Limits {
            per_hour: self.whole("storm.per_hour", raw.per_hour, 1..=3600)?,
            at_once: self.whole("storm.at_once", raw.at_once, 1..=3600)?,
            cool_down: self.millis("storm.cool_down_ms", raw.cool_down_ms, 0..=600_000)?,
            cool_down_max: self.seconds("storm.cool_down_max_s", raw.cool_down_max_s, 0..=3600)?,
            sample_every: Duration::from_secs(60 * sample),
        };
        if limits.cool_down_max < limits.cool_down {
            let allowed = "storm.cool_down_ms and more";
            return Err(self.refused("storm.cool_down_max_s", raw.cool_down_max_s, allowed));
        }
        Ok(raw.on.then_some(limits))
    }

    fn stream(&self, raw: RawStream, camera: CameraDriver) -> Result<Stream, BoardError> {
        let picture = Picture {
            width: self.whole("stream.width", raw.width, 64..=16_384)?,
            height: self.whole("stream.height", raw.height, 64..=16_384)?,
            rate: self.whole("stream.rate", raw.rate, 1..=120)?,
            quality: self.whole("stream.quality", raw.quality, 1..=100)?,
            extra: raw.extra,
        };
        let size = (picture.width, picture.height);
        let program = |usual: &'static str| if raw.program.is_empty() { usual } else { &raw.program };
        let ring: usize = self.whole("stream.ring_mb", raw.ring_mb, 1..=1024)?;
        let options = stream::Options {
            command: match camera {
                CameraDriver::Rpicam => stream::rpicam(program("rpicam-vid"), &picture),
                CameraDriver::Nvargus => stream::nvargus(program("gst-launch-1.0"), &picture),
                _ => raw.command,
            },
            warm: raw.warm,
            before: if raw.warm { self.whole("stream.before", raw.before, 0..=19)? } else { 0 },
            settle: self.whole("stream.settle", raw.settle, 0..=1000)?,
            ring: ring << 20,
            start: self.millis("stream.start_ms", raw.start_ms, 100..=120_000)?,
            frame: self.millis("stream.frame_ms", raw.frame_ms, 50..=120_000)?,
            burst: self.millis("stream.burst_ms", raw.burst_ms, 100..=300_000)?,
        };
        let off = self.millis("stream.power_off_ms", raw.power_off_ms, 1..=60_000)?;
        let power = match raw.power_line.as_str() {
            "" => None,
            line => Some((self.spot("stream.power_line", line)?, raw.power_active_low, off)),
        };
        let reboots = (
            self.whole("stream.reboots_per_day", raw.reboots_per_day, 0..=24)?,
            self.whole("stream.reboot_after", raw.reboot_after, 1..=1000)?,
            PathBuf::from(raw.reboot_ledger),
        );
        Ok(Stream { size, options, power, recover: raw.recover, reboots })
    }

    fn spool(&self, raw: &RawSpool) -> Result<spool::Options, BoardError> {
        if raw.after == After::Move && raw.moved_to.is_empty() {
            return Err(self.refused("spool.moved_to", "empty", "a folder on the same card"));
        }
        let offset: i32 = self.whole("spool.utc_offset_min", raw.utc_offset_min, -1439..=1439)?;
        let zone = FixedOffset::east_opt(offset * 60);
        Ok(spool::Options {
            folder: PathBuf::from(&raw.folder),
            after: raw.after,
            moved_to: PathBuf::from(&raw.moved_to),
            look: self.millis("spool.look_ms", raw.look_ms, 100..=3_600_000)?,
            gap: TimeDelta::seconds(self.whole("spool.gap_s", raw.gap_s, 0..=3600)?),
            zone: zone.ok_or_else(|| self.refused("spool.utc_offset_min", offset, "-1439 to 1439"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Profile::parse(text, "b.toml").unwrap_err().to_string()
    }

    #[test]
    fn bad_profiles_are_refused_by_file_key_and_range() {
        assert_eq!(refused("[bench]\nwidth = 9"), "b.toml: key `bench.width` is 9; allowed: 64 to 8000");
        assert_eq!(
            refused("camera = \"bensh\""),
            "b.toml: key `camera`: unknown value \"bensh\" (did you mean \"bench\"?); allowed: bench, rpicam, \
             nvargus, command, spool"
        );
        assert!(refused("[bench.faults]\ncamera = 1").contains("did you mean `camera_every`?"));
        let pir = "trigger = \"pir\"\ncamera = \"rpicam\"\n[pir]\nlines = ";
        assert_eq!(refused(&format!("{pir}[]")), "b.toml: key `pir.lines` is empty; allowed: 1 to 8 lines");
        assert_eq!(
            refused(&format!("{pir}[\"gpiochip0:17\"]")),
            "b.toml: key `pir.lines` is \"gpiochip0:17\"; allowed: a line's name (GPIO17) or label:number \
             (pinctrl-rp1:17)"
        );
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
            ("[timer]\nevery_s = 9", "timer.every_s"),
        ] {
            assert!(
                refused(text).starts_with(&format!("b.toml: key `{key}` is ")),
                "{text}: {}",
                refused(text)
            );
        }
    }

    #[test]
    fn every_key_stands_in_the_readme() {
        let readme = include_str!("../../boards/README.md");
        let sections = ["pir", "timer", "storm", "stream", "spool", "energy", "bench", "bench.faults"];
        let heads = sections.map(|name| format!("[{name}]\n"));
        for section in std::iter::once("").chain(heads.iter().map(String::as_str)) {
            let said = refused(&format!("{section}no_such_key = 1"));
            let (_, allowed) = said.split_once("allowed here: ").unwrap();
            let part = match section {
                "" => readme,
                "[bench.faults]\n" => readme.split("`[bench.faults]`").nth(1).unwrap(),
                _ => readme.split(&format!("`{}`", section.trim())).nth(1).unwrap(),
            };
            let part = part.split("\n\n`[").next().unwrap();
            for key in allowed.split(", ").filter(|k| !sections.contains(k) && *k != "faults") {
                assert!(part.contains(&format!("`{key}`")), "boards/README.md: {section} has no `{key}`");
            }
        }
    }
}
