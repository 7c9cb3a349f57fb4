//! `trapline bench gauges`: what the board's gauges say now, as the trap, the page and doctor read them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use serde_json::json;

use crate::board;
use crate::cli::burst_line::say;
use crate::cli::{Done, Failure};
use crate::drivers::system_clock::SystemClock;
use crate::hal::{Clock, Gauges};

pub(super) const EXAMPLES: &str = "\
Examples:
  trapline bench gauges --board auto
  trapline bench gauges --board ridge --boards /etc/trapline/boards --json | jq .millivolts

Exit code 1: a battery is configured and cannot be read.";

/// Arguments of `trapline bench gauges`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Board profile, or "auto" for that of this computer
    #[arg(long, value_name = "NAME", default_value = board::AUTO)]
    board: String,
    /// Folder of board profiles
    #[arg(long, value_name = "DIR", default_value = "boards")]
    boards: PathBuf,
    /// Where the device tree is that "auto" goes by
    #[arg(long, value_name = "DIR", default_value = board::DEVICE_TREE, hide = true)]
    device_tree: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Reads each gauge once.
pub(super) fn run(args: &Args) -> Done {
    let name = match args.board.as_str() {
        board::AUTO => board::detect(&args.device_tree, &args.boards).map_err(Failure::input)?,
        name => name.to_owned(),
    };
    let profile = board::find(&name, &args.boards).map_err(Failure::input)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let gauges = board::gauges(&profile, &clock);
    let (charge, fault) = (gauges.charge(), gauges.fault());
    let known = charge.unwrap_or_default();
    let (strain, celsius, lux) = (gauges.strain(), gauges.temperature(), gauges.light());
    if args.json {
        say(&json!({
            "board": name,
            "battery": charge.is_some(),
            "millivolts": known.millivolts,
            "milliamps": known.milliamps,
            "percent": known.percent,
            "fault": fault,
            "celsius": celsius,
            "lux": lux,
            "under_voltage": strain.map(|strain| strain.under_voltage),
            "under_voltage_before": strain.map(|strain| strain.under_voltage_before),
            "throttled": strain.map(|strain| strain.throttled),
            "throttled_before": strain.map(|strain| strain.throttled_before),
        })
        .to_string());
    } else {
        let value = |value: Option<String>, unit: &str| match value {
            Some(value) => format!("{value} {unit}"),
            None => "not known".to_owned(),
        };
        let battery = match charge {
            None => "no gauge".to_owned(),
            Some(charge) => [
                value(charge.millivolts.map(|mv| mv.to_string()), "mV"),
                value(charge.milliamps.map(|ma| ma.to_string()), "mA"),
                value(charge.percent.map(|percent| percent.to_string()), "%"),
            ]
            .join(", "),
        };
        let supply = match strain {
            None => "not told",
            Some(strain) if strain.under_voltage => "too low now",
            Some(strain) if strain.throttled => "processor slowed down now",
            Some(strain) if strain.under_voltage_before => "was too low since the start",
            Some(strain) if strain.throttled_before => "processor was slowed down since the start",
            Some(_) => "well",
        };
        say(&format!("battery      {battery}"));
        say(&format!("supply       {supply}"));
        say(&format!(
            "temperature  {}",
            value(celsius.map(|celsius| celsius.to_string()), "degrees Celsius")
        ));
        say(&format!("light        {}", value(lux.map(|lux| format!("{lux:.1}")), "lux")));
    }
    match fault {
        None => Ok(()),
        Some(fault) => Err(Failure::Runtime(anyhow!(fault))),
    }
}
