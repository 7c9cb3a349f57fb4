//! A board profile as written: unknown keys refused, every key's default. `boards/README.md` tells of each.

use serde::Deserialize;

use super::energy::Energy;
use super::gauges::{BatteryDriver, LightDriver};
use super::gps::GpsDriver;
use super::profile::{CameraDriver, ClockDriver, PowerDriver, TriggerDriver};
use crate::drivers::bench::{AlarmFault, Faults, Pace, Play, Scenery};
use crate::drivers::light::Level;
use crate::drivers::pir::{Bias, By};
use crate::drivers::rtc_alarm::Rest;
use crate::drivers::spool::After;
use crate::drivers::trigger::Rule;

/// The whole file.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    pub description: String,
    pub compatible: Vec<String>,
    pub trigger: TriggerDriver,
    pub camera: CameraDriver,
    pub clock: ClockDriver,
    pub pir: RawPir,
    pub timer: RawTimer,
    pub motion: RawMotion,
    pub storm: RawStorm,
    pub stream: RawStream,
    pub light: RawLight,
    pub battery: RawBattery,
    pub gps: RawGps,
    pub spool: RawSpool,
    pub power: RawPower,
    pub energy: Option<Energy>,
    pub bench: RawBench,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPower {
    pub driver: PowerDriver,
    pub rtc: String,
    pub rest: Rest,
    pub bus: String,
    pub address: i64,
}

impl Default for RawPower {
    fn default() -> Self {
        RawPower {
            driver: PowerDriver::None,
            rtc: "rtc0".to_owned(),
            rest: Rest::Off,
            bus: "/dev/i2c-1".to_owned(),
            address: 0,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPir {
    pub lines: Vec<String>,
    pub driver: By,
    pub rule: Rule,
    pub window_ms: i64,
    pub active_low: bool,
    pub bias: Bias,
    pub debounce_ms: i64,
    pub hold_off_ms: i64,
    pub warm_up_s: i64,
    pub again_s: i64,
}

impl Default for RawPir {
    fn default() -> Self {
        RawPir {
            lines: Vec::new(),
            driver: By::default(),
            rule: Rule::Any,
            window_ms: 3000,
            active_low: false,
            bias: Bias::None,
            debounce_ms: 20,
            hold_off_ms: 1000,
            warm_up_s: 30,
            again_s: 10,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTimer {
    pub every_s: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMotion {
    pub every_ms: i64,
    pub contrast_percent: i64,
    pub times_restless: i64,
    pub blocks: i64,
    pub light_percent: i64,
    pub top_percent: i64,
    pub bottom_percent: i64,
    pub hold_off_ms: i64,
    pub warm_up_s: i64,
}

impl Default for RawMotion {
    fn default() -> Self {
        RawMotion {
            every_ms: 500,
            contrast_percent: 8,
            times_restless: 6,
            blocks: 2,
            light_percent: 50,
            top_percent: 0,
            bottom_percent: 0,
            hold_off_ms: 3000,
            warm_up_s: 60,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStorm {
    pub on: bool,
    pub per_hour: i64,
    pub energy_mwh: i64,
    pub at_once: i64,
    pub cool_down_ms: i64,
    pub cool_down_max_s: i64,
    pub sample_min: i64,
}

impl Default for RawStorm {
    fn default() -> Self {
        RawStorm {
            on: true,
            per_hour: 120,
            energy_mwh: 0,
            at_once: 6,
            cool_down_ms: 2000,
            cool_down_max_s: 60,
            sample_min: 5,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStream {
    pub program: String,
    pub device: String,
    pub command: Vec<String>,
    pub extra: Vec<String>,
    pub width: i64,
    pub height: i64,
    pub rate: i64,
    pub quality: i64,
    pub warm: bool,
    pub before: Option<i64>,
    pub still_folder: String,
    pub settle: i64,
    pub ring_mb: i64,
    pub start_ms: i64,
    pub frame_ms: i64,
    pub burst_ms: i64,
    pub power_line: String,
    pub power_active_low: bool,
    pub power_off_ms: i64,
    pub recover: Vec<String>,
    pub reboots_per_day: i64,
    pub reboot_after: i64,
    pub reboot_ledger: String,
}

impl Default for RawStream {
    fn default() -> Self {
        RawStream {
            program: String::new(),
            device: String::new(),
            command: Vec::new(),
            extra: Vec::new(),
            width: 1536,
            height: 864,
            rate: 5,
            quality: 90,
            warm: true,
            before: None,
            still_folder: "/run/trapline".to_owned(),
            settle: 5,
            ring_mb: 16,
            start_ms: 5000,
            frame_ms: 2000,
            burst_ms: 15_000,
            power_line: String::new(),
            power_active_low: false,
            power_off_ms: 2000,
            recover: Vec::new(),
            reboots_per_day: 0,
            reboot_after: 5,
            reboot_ledger: "/var/lib/trapline/camera-reboots".to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLight {
    pub day_above_deg: i64,
    pub night_below_deg: i64,
    pub day: Vec<String>,
    pub dusk: Vec<String>,
    pub night: Vec<String>,
    pub dark_below: i64,
    pub bright_above: i64,
    pub sensor: LightDriver,
    pub sensor_bus: String,
    pub sensor_address: i64,
    pub sensor_name: String,
    pub day_above_lux: i64,
    pub night_below_lux: i64,
    pub lamp_line: String,
    pub lamp_from: Level,
    pub lamp_settle_ms: i64,
    pub lamp_most_ms: i64,
    pub filter_lines: Vec<String>,
    pub filter_pulse_ms: i64,
}

impl Default for RawLight {
    fn default() -> Self {
        RawLight {
            day_above_deg: 0,
            night_below_deg: -4,
            day: Vec::new(),
            dusk: Vec::new(),
            night: Vec::new(),
            dark_below: 40,
            bright_above: 90,
            sensor: LightDriver::default(),
            sensor_bus: "/dev/i2c-1".to_owned(),
            sensor_address: 0x23,
            sensor_name: String::new(),
            day_above_lux: 100,
            night_below_lux: 10,
            lamp_line: String::new(),
            lamp_from: Level::Night,
            lamp_settle_ms: 300,
            lamp_most_ms: 20_000,
            filter_lines: Vec::new(),
            filter_pulse_ms: 100,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBattery {
    pub driver: BatteryDriver,
    pub bus: String,
    pub address: i64,
    pub shunt_mohm: i64,
    pub shunt_reversed: bool,
    pub name: String,
    pub input: i64,
    pub current: i64,
    pub chemistry: String,
    pub cells: i64,
    pub cell_mohm: i64,
    pub every_s: i64,
}

impl Default for RawBattery {
    fn default() -> Self {
        RawBattery {
            driver: BatteryDriver::default(),
            bus: "/dev/i2c-1".to_owned(),
            address: 0,
            shunt_mohm: 100,
            shunt_reversed: false,
            name: String::new(),
            input: 1,
            current: 1,
            chemistry: String::new(),
            cells: 1,
            cell_mohm: 0,
            every_s: 10,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGps {
    pub driver: GpsDriver,
    pub port: String,
    pub baud: i64,
    pub power_line: String,
    pub decimals: i64,
    pub every_h: i64,
    pub wait_s: i64,
    pub again_min: i64,
}

impl Default for RawGps {
    fn default() -> Self {
        RawGps {
            driver: GpsDriver::None,
            port: "/dev/serial0".to_owned(),
            baud: 9600,
            power_line: String::new(),
            decimals: 3,
            every_h: 24,
            wait_s: 180,
            again_min: 60,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSpool {
    pub folder: String,
    pub after: After,
    pub moved_to: String,
    pub look_ms: i64,
    pub gap_s: i64,
    pub utc_offset_min: i64,
}

impl Default for RawSpool {
    fn default() -> Self {
        RawSpool {
            folder: String::new(),
            after: After::Keep,
            moved_to: String::new(),
            look_ms: 2000,
            gap_s: 5,
            utc_offset_min: 0,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBench {
    pub play: Play,
    pub seed: i64,
    pub bursts: i64,
    pub width: i64,
    pub height: i64,
    pub quality: i64,
    pub pace: Pace,
    pub faults: Faults,
    pub alarm: AlarmFault,
    pub battery: RawBenchBattery,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBenchBattery {
    pub steps: Vec<String>,
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
            alarm: AlarmFault::default(),
            battery: RawBenchBattery::default(),
        }
    }
}
