//! A board profile: as written (unknown keys refused), then checked. `boards/README.md` lists every key.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::Deserialize;

use super::BoardError;
use crate::drivers::bench::{Faults, Options, Pace, Play, Scenery};

/// Which drivers stand for which seam.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// One line for people.
    pub description: String,
    /// Who says when to take a burst.
    pub trigger: TriggerDriver,
    /// Who takes it.
    pub camera: CameraDriver,
    /// Who tells the time.
    pub clock: ClockDriver,
    /// What the bench devices play.
    pub bench: Options,
}

/// Drivers of the trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TriggerDriver {
    /// [`crate::drivers::bench::BenchTrigger`].
    #[default]
    Bench,
}

/// Drivers of the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraDriver {
    /// [`crate::drivers::bench::BenchCamera`].
    #[default]
    Bench,
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

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    description: String,
    trigger: TriggerDriver,
    camera: CameraDriver,
    clock: ClockDriver,
    bench: RawBench,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawBench {
    play: Play,
    seed: i64,
    bursts: i64,
    width: i64,
    height: i64,
    quality: i64,
    pace: Pace,
    faults: Faults,
}

impl Default for RawBench {
    fn default() -> Self {
        let Scenery { width, height, quality } = Scenery::default();
        RawBench {
            play: Play::default(),
            seed: 0,
            bursts: 0,
            width: width.into(),
            height: height.into(),
            quality: quality.into(),
            pace: Pace::default(),
            faults: Faults::default(),
        }
    }
}

impl Profile {
    /// Reads and checks `text`, which came from `file` (named in errors).
    pub fn parse(text: &str, file: &str) -> Result<Self, BoardError> {
        let raw: Raw = crate::strict::read(text, file)?;
        let bench = raw.bench;
        let scenery = Scenery {
            width: whole(file, "bench.width", bench.width, 64..=8000)?,
            height: whole(file, "bench.height", bench.height, 64..=8000)?,
            quality: whole(file, "bench.quality", bench.quality, 1..=100)?,
        };
        Ok(Profile {
            description: raw.description,
            trigger: raw.trigger,
            camera: raw.camera,
            clock: raw.clock,
            bench: Options {
                play: bench.play,
                seed: whole(file, "bench.seed", bench.seed, 0..=i64::MAX as u64)?,
                bursts: whole(file, "bench.bursts", bench.bursts, 0..=1_000_000)?,
                scenery,
                pace: bench.pace,
                faults: bench.faults,
            },
        })
    }
}

/// A whole number within `range`.
fn whole<T>(file: &str, key: &'static str, value: i64, range: RangeInclusive<T>) -> Result<T, BoardError>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    match T::try_from(value) {
        Ok(v) if range.contains(&v) => Ok(v),
        _ => {
            let allowed = format!("{} to {}", range.start(), range.end());
            Err(BoardError::Range { file: file.to_owned(), key, value, allowed })
        }
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
            "b.toml: key `camera`: unknown value \"bensh\" (did you mean \"bench\"?); allowed: bench"
        );
        assert!(refused("[bench.faults]\ncamera = 1").contains("did you mean `camera_every`?"));
    }

    #[test]
    fn every_key_stands_in_the_readme() {
        let readme = include_str!("../../boards/README.md");
        for section in ["", "[bench]\n", "[bench.faults]\n"] {
            let said = refused(&format!("{section}no_such_key = 1"));
            let (_, allowed) = said.split_once("allowed here: ").unwrap();
            for key in allowed.split(", ").filter(|k| !["bench", "faults"].contains(k)) {
                assert!(readme.contains(&format!("`{key}`")), "boards/README.md does not tell of `{key}`");
            }
        }
    }
}
