//! `trapline bench gauges`: what the board's gauges say now, as the trap, the page and doctor read them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use serde_json::json;

use crate::board;
use crate::cli::burst_line::say;
use crate::cli::{Done, Failure};
use crate::drivers::system_clock::SystemClock;
use crate::hal::{Clock, DeviceError, Fix, Gauges, Locator, Sky};

pub(super) const EXAMPLES: &str = "\
Examples:
  trapline bench gauges --board auto
  trapline bench gauges --board ridge --boards /etc/trapline/boards --json | jq .millivolts

Exit code 1: a battery is configured and cannot be read, or a satellite receiver is and says nothing.";

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
    /// How long to wait for a satellite receiver's fix, seconds
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=900))]
    wait: u16,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What a satellite receiver said.
struct Found {
    fix: Option<Fix>,
    sky: Sky,
    /// Seconds that its time is ahead of the clock.
    ahead: Option<f64>,
}

/// Asks the receiver until it has a fix; `None`: the board has none.
fn locate(
    locator: Option<Box<dyn Locator>>,
    clock: &dyn Clock,
    wait: Duration,
) -> Result<Option<Found>, DeviceError> {
    let Some(mut locator) = locator else { return Ok(None) };
    let begun = Instant::now();
    loop {
        let fix = locator.fix(Duration::from_millis(500))?;
        if fix.is_some() || begun.elapsed() >= wait {
            let ahead = fix.map(|fix| (fix.utc - clock.utc().0).as_seconds_f64());
            return Ok(Some(Found { fix, sky: locator.sky(), ahead }));
        }
    }
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
    let wait = Duration::from_secs(args.wait.into());
    let located = board::locator(&profile).and_then(|locator| locate(locator, &*clock, wait));
    let (found, lost) = match located {
        Ok(found) => (found, None),
        Err(fault) => (None, Some(fault.to_string())),
    };
    let place = found.as_ref().and_then(|found| found.fix?.place);
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
            "gps": profile.gps.is_some(),
            "latitude": place.map(|place| place.0),
            "longitude": place.map(|place| place.1),
            "gps_ahead_s": found.as_ref().and_then(|found| found.ahead),
            "gps_sentences": found.as_ref().map(|found| found.sky.sentences),
            "gps_damaged": found.as_ref().map(|found| found.sky.damaged),
            "gps_satellites": found.as_ref().and_then(|found| found.sky.satellites),
            "gps_fault": lost,
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
        say(&format!("satellites   {}", satellites(profile.gps.is_some(), found.as_ref(), wait)));
    }
    match fault.or(lost) {
        None => Ok(()),
        Some(fault) => Err(Failure::Runtime(anyhow!(fault))),
    }
}

/// What the receiver said, for people.
fn satellites(there: bool, found: Option<&Found>, wait: Duration) -> String {
    let Some(found) = found else {
        return if there { "not known" } else { "no receiver" }.to_owned();
    };
    let used = found.sky.satellites.map_or(String::new(), |used| format!(", {used} used"));
    match (found.fix.and_then(|fix| fix.place), found.ahead) {
        (Some((north, east)), Some(ahead)) => {
            format!("{north}, {east} degrees north and east, {ahead:.1} s ahead of the clock{used}")
        }
        _ => {
            let (waited, sky) = (wait.as_secs(), found.sky);
            format!("no fix in {waited} s{used}; {} sentences, {} damaged", sky.sentences, sky.damaged)
        }
    }
}
