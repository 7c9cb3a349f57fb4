//! A board profile, checked, with units in its types.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::BoardError;
use super::check::Check;
use super::energy::Energy;
use super::gauges::{BatteryWiring, LightWiring};
use super::gps::GpsWiring;
use super::raw::Raw;
use crate::drivers::bench::Options;
use crate::drivers::gpio::LineName;
use crate::drivers::light;
use crate::drivers::motion;
use crate::drivers::pir::{self, Wiring};
use crate::drivers::rtc_alarm::Rest;
use crate::drivers::spool;
use crate::drivers::stream;
use crate::drivers::trigger::Limits;
use crate::drivers::v4l2::Wanted;

/// Which drivers stand for which seam, and what they are told.
#[derive(Debug, Clone, PartialEq)]
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
    /// How the camera's own motion is taken.
    pub motion: motion::Options,
    /// A time-lapse beside the trigger; `None`: none.
    pub timer: Option<Duration>,
    /// The budget of the PIR and of motion; `None`: none.
    pub storm: Option<Limits>,
    /// The camera.
    pub stream: Stream,
    /// How the camera is run by the light; `None`: always alike.
    pub light: Option<Light>,
    /// The battery.
    pub battery: BatteryWiring,
    /// The light sensor.
    pub light_sensor: LightWiring,
    /// The satellite receiver; `None`: there is none.
    pub gps: Option<GpsWiring>,
    /// The spool folder.
    pub spool: spool::Options,
    /// What the bench devices play.
    pub bench: Options,
    /// Who wakes the machine when it is off.
    pub power: Power,
    /// What the board draws; `None`: not known.
    pub energy: Option<Energy>,
}

/// A camera that is a stream, and how it is brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Width and height of its pictures, pixels.
    pub size: (u32, u32),
    /// Pictures a second, 1 at least.
    pub rate: u32,
    /// How it is run.
    pub options: stream::Options,
    /// The camera, where it is a device and no program.
    pub device: Option<Wanted>,
    /// Where its pictures appear, where it is a program that writes files.
    pub files: Option<PathBuf>,
    /// The line that switches the camera's power, and how long it is off.
    pub power: Option<(LineName, Duration)>,
    /// A program that brings the camera back.
    pub recover: Vec<String>,
    /// Restarts of the system: most a day, after how many bursts without a picture, where they are noted.
    pub reboots: (u32, u32, PathBuf),
}

/// How a camera is run by the light, and its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Light {
    /// When and how.
    pub options: light::Options,
    /// The infrared lamp's line.
    pub lamp: Option<LineName>,
    /// The line that holds the infrared filter in the way, or the two that move it in and out, and the pulse they need.
    pub filter: (Vec<LineName>, Duration),
}

/// Where a power board is on I2C.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wired {
    /// The bus.
    pub bus: PathBuf,
    /// Its address.
    pub address: u8,
}

/// Who wakes the machine when it is off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Power {
    /// Nobody: it stays on.
    #[default]
    None,
    /// One of the kernel's clocks, [`crate::drivers::rtc_alarm`].
    Rtc {
        /// Its name below /sys/class/rtc.
        name: String,
        /// How the machine rests.
        rest: Rest,
    },
    /// A Witty Pi 4 on the header, [`crate::drivers::wake::witty`].
    WittyPi(Wired),
    /// A PiJuice on the header, [`crate::drivers::wake::pijuice`].
    PiJuice(Wired),
    /// A controller outside, at the sensor: it cuts the power of a machine that went off, and switches it on.
    Outside,
    /// The bench's clock, [`crate::drivers::bench::BenchAlarm`].
    Bench,
}

/// Drivers of what wakes the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PowerDriver {
    /// Nobody.
    #[default]
    None,
    /// One of the kernel's clocks.
    Rtc,
    /// A Witty Pi 4.
    #[serde(rename = "witty-pi")]
    WittyPi,
    /// A PiJuice.
    PiJuice,
    /// A controller outside.
    Outside,
    /// The bench's clock.
    Bench,
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
    /// [`crate::drivers::motion::Motion`].
    Motion,
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
    /// [`crate::drivers::still::StillCamera`] with `rpicam-still` (`libcamera-still`).
    #[serde(rename = "rpicam-still")]
    RpicamStill,
    /// [`crate::drivers::stream::StreamCamera`] with GStreamer's `nvarguscamerasrc`.
    Nvargus,
    /// [`crate::drivers::stream::StreamCamera`] with the profile's own command.
    Command,
    /// [`crate::drivers::stream::StreamCamera`] with a USB camera, [`crate::drivers::v4l2`].
    V4l2,
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
        let every = check.seconds("timer.every_s", raw.timer.every_s, 0..=86_400)?;
        check.combination(&raw)?;
        let energy = raw.energy.map(|energy| energy.check(file)).transpose()?;
        Ok(Profile {
            pir: check.pir(&raw.pir)?,
            timer: (!every.is_zero()).then_some(every),
            motion: check.motion(&raw.motion)?,
            storm: check.storm(&raw.storm, energy.as_ref())?,
            light: check.light(&raw.light, &raw.stream, raw.camera)?,
            stream: check.stream(raw.stream, raw.camera)?,
            light_sensor: check.light_sensor(&raw.light)?,
            battery: check.battery(&raw.battery)?,
            gps: check.gps(&raw.gps)?,
            spool: check.spool(&raw.spool)?,
            power: check.power(&raw.power)?,
            energy,
            bench: check.bench(&raw.bench)?,
            description: raw.description,
            compatible: raw.compatible,
            trigger: raw.trigger,
            camera: raw.camera,
            clock: raw.clock,
        })
    }
}
