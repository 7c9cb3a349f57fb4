//! Keys of the triggers: PIR, motion, storm control, spool, bench.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{FixedOffset, TimeDelta};

use super::super::raw::{RawBench, RawMotion, RawPir, RawSpool, RawStorm};
use super::super::{BoardError, Energy};
use super::Check;
use crate::drivers::bench::{Options, Scenery};
use crate::drivers::gpio::LineName;
use crate::drivers::motion;
use crate::drivers::pir::{self, By, Wiring};
use crate::drivers::spool::{self, After};
use crate::drivers::trigger::{Limits, Rule};

impl Check<'_> {
    pub fn pir(&self, raw: &RawPir) -> Result<(Wiring, pir::Options), BoardError> {
        if raw.lines.len() > 8 {
            return Err(self.refused("pir.lines", format!("{} lines", raw.lines.len()), "1 to 8 lines"));
        }
        let turned = |line: LineName| line.turned(raw.active_low);
        let lines = raw.lines.iter().map(|line| self.line("pir.lines", line).map(turned));
        if raw.driver == By::Rppal {
            let bcm = |line: &&String| line.trim_start_matches('!').strip_prefix("GPIO").is_none();
            if let Some(other) = raw.lines.iter().find(bcm) {
                let allowed = "lines by their BCM number, as GPIO17, for driver = \"rppal\" knows no others";
                return Err(self.refused("pir.lines", format!("\"{other}\""), allowed));
            }
        }
        let wiring = Wiring {
            by: raw.driver,
            lines: lines.collect::<Result<_, BoardError>>()?,
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

    pub fn motion(&self, raw: &RawMotion) -> Result<motion::Options, BoardError> {
        let percent = |key, value, range| self.whole::<u8>(key, value, range).map(|v| f32::from(v) / 100.0);
        let limits = motion::Limits {
            least: percent("motion.contrast_percent", raw.contrast_percent, 1..=100)?,
            times: f32::from(self.whole::<u8>("motion.times_restless", raw.times_restless, 1..=100)?),
            blocks: self.whole("motion.blocks", raw.blocks, 1..=200)?,
            light: percent("motion.light_percent", raw.light_percent, 5..=100)?,
            margins: (
                percent("motion.top_percent", raw.top_percent, 0..=45)?,
                percent("motion.bottom_percent", raw.bottom_percent, 0..=45)?,
            ),
        };
        Ok(motion::Options {
            every: self.millis("motion.every_ms", raw.every_ms, 50..=60_000)?,
            hold_off: self.millis("motion.hold_off_ms", raw.hold_off_ms, 0..=600_000)?,
            warm_up: self.seconds("motion.warm_up_s", raw.warm_up_s, 0..=600)?,
            limits,
        })
    }

    pub fn storm(&self, raw: &RawStorm, energy: Option<&Energy>) -> Result<Option<Limits>, BoardError> {
        let sample = self.whole("storm.sample_min", raw.sample_min, 0..=60)?;
        let per_hour: u32 = self.whole("storm.per_hour", raw.per_hour, 1..=3600)?;
        let budget: u32 = self.whole("storm.energy_mwh", raw.energy_mwh, 0..=1_000_000)?;
        let per_hour = match (budget, energy) {
            (0, _) => per_hour,
            (_, None) => {
                let allowed = "0, for without [energy] nobody knows what a burst takes";
                return Err(self.refused("storm.energy_mwh", budget, allowed));
            }
            (_, Some(energy)) => {
                let bursts = f64::from(budget) / energy.burst_mwh().max(f64::MIN_POSITIVE);
                if bursts < 1.0 {
                    let allowed = format!("0, or what one burst takes at least: {:.1}", energy.burst_mwh());
                    return Err(self.refused("storm.energy_mwh", budget, allowed));
                }
                // Cut to whole bursts; a number beyond u32 becomes its largest.
                per_hour.min(bursts as u32)
            }
        };
        let limits = Limits {
            per_hour,
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

    pub fn spool(&self, raw: &RawSpool) -> Result<spool::Options, BoardError> {
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

    pub fn bench(&self, raw: &RawBench) -> Result<Options, BoardError> {
        let scenery = Scenery {
            width: self.whole("bench.width", raw.width, 64..=8000)?,
            height: self.whole("bench.height", raw.height, 64..=8000)?,
            quality: self.whole("bench.quality", raw.quality, 1..=100)?,
        };
        Ok(Options {
            play: raw.play,
            seed: self.whole("bench.seed", raw.seed, 0..=i64::MAX as u64)?,
            bursts: self.whole("bench.bursts", raw.bursts, 0..=1_000_000)?,
            scenery,
            pace: raw.pace,
            faults: raw.faults,
            alarm: raw.alarm,
            battery: self.bench_battery(&raw.battery.steps)?,
        })
    }
}
