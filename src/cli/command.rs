//! `trapline command`: a sealed command, ready to be sent down.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use clap::ValueEnum;

use super::burst_line::say;
use super::{Done, Failure};
use crate::config::sending::parse_key;
use crate::event::command::{Command, Order, Threshold};
use crate::event::wire::PORT_COMMAND;
use crate::event::{Code, EPOCH};

const EXAMPLES: &str = "Examples:\n  trapline command --device ridge-3 --key-file key --counter 7 status\n  \
                        trapline command --device ridge-3 --key-file key --counter 8 threshold sighting 0.8\n\n\
                        A trap takes each counter once, and only one greater than all before.";

/// Arguments of `trapline command`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The trap's name
    #[arg(long, value_name = "NAME")]
    device: String,
    /// File with the trap's key: the hex digits of `[commands] key` in its configuration
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Greater than that of every command before
    #[arg(long, value_name = "N")]
    counter: u32,
    /// Hours from now after which the trap refuses it
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    expires: u32,
    /// One JSON object instead of hexadecimal
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Set a threshold, 0 to 1, on trial
    Threshold {
        /// Which
        which: Which,
        /// Its new value
        value: f64,
        /// The species' code, for `taxon`
        #[arg(long, required_if_eq("which", "taxon"))]
        code: Option<u16>,
    },
    /// Switch an alert rule, counted from 0, on or off, on trial
    Rule {
        /// Its place in the configuration
        index: u8,
        /// true or false
        #[arg(action = clap::ArgAction::Set)]
        on: bool,
    },
    /// Ask for a health message
    Status,
    /// Ask for a small picture
    Picture {
        /// Of this event; 0: of the latest
        #[arg(default_value_t = 0)]
        number: u32,
    },
    /// Tell the trap where it stands
    #[command(allow_negative_numbers = true)]
    Mark {
        /// Degrees north
        latitude: f64,
        /// Degrees east
        longitude: f64,
    },
    /// Start the system anew
    Reboot,
    /// Tell the trap the time
    Time,
    /// Acknowledge events
    Received {
        /// Of the 32 events up to this one, all have come
        upto: u32,
        /// But those: bit n stands for `upto` - n
        #[arg(default_value_t = 0)]
        missing: u32,
    },
    /// Ask for a burst, now; the acknowledgement tells its number
    Burst,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Empty,
    Sighting,
    Species,
    Taxon,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(Failure::runtime)?.as_secs();
    let now = i64::try_from(now).map_err(Failure::runtime)?;
    let command = command(&args.what, now).map_err(Failure::Input)?;
    let expires = u32::try_from(now - EPOCH + i64::from(args.expires) * 3600)
        .map_err(|_| Failure::Input(anyhow!("--expires {} is too far away; 24 is usual", args.expires)))?;
    let text = std::fs::read_to_string(&args.key_file)
        .with_context(|| args.key_file.display().to_string())
        .map_err(Failure::Input)?;
    let key = parse_key(text.trim()).ok_or_else(|| {
        let file = args.key_file.display();
        Failure::Input(anyhow!(
            "{file} is no key; it must hold 32 to 128 hex digits, as `[commands] key` does"
        ))
    })?;
    let sealed =
        Order { counter: args.counter, expires, command }.seal(&args.device, &key).map_err(Failure::input)?;
    let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
    if args.json {
        say(&serde_json::json!({"device": args.device, "fPort": PORT_COMMAND, "hex": hex}).to_string());
    } else {
        say(&hex);
    }
    Ok(())
}

fn command(what: &What, now: i64) -> anyhow::Result<Command> {
    Ok(match *what {
        What::Threshold { which, value, code } => {
            let which = match which {
                Which::Empty => Threshold::Empty,
                Which::Sighting => Threshold::Sighting,
                Which::Species => Threshold::Species,
                Which::Taxon => Threshold::Taxon(
                    code.and_then(Code::new).ok_or_else(|| anyhow!("--code must be 0 to 511"))?,
                ),
            };
            Command::Threshold {
                which,
                thousandths: within(value, 1.0, 1e3, "threshold").and_then(positive)?,
            }
        }
        What::Rule { index, on } => Command::Rule { index, on },
        What::Status => Command::Status,
        What::Picture { number } => Command::Picture { number },
        What::Mark { latitude, longitude } => Command::Mark {
            latitude: within(latitude, 90.0, 1e6, "latitude")?,
            longitude: within(longitude, 180.0, 1e6, "longitude")?,
        },
        What::Reboot => Command::Reboot,
        What::Time => Command::Time { utc: now },
        What::Received { upto, missing } => Command::Received { upto, missing },
        What::Burst => Command::Burst,
    })
}

/// `value` in steps of 1 / `scale`.
fn within(value: f64, most: f64, scale: f64, name: &str) -> anyhow::Result<i32> {
    if value.abs() <= most {
        // At most 180 million.
        Ok((value * scale).round() as i32)
    } else {
        Err(anyhow!("{name} {value} is not within {most}"))
    }
}

fn positive(value: i32) -> anyhow::Result<u16> {
    u16::try_from(value).map_err(|_| anyhow!("a threshold is 0 to 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_steps_and_those_out_of_range_are_refused() {
        let set = |value| command(&What::Threshold { which: Which::Sighting, value, code: None }, 0);
        let expected = Command::Threshold { which: Threshold::Sighting, thousandths: 825 };
        assert_eq!(set(0.825).unwrap(), expected);
        for value in [-0.1, 1.1, f64::NAN] {
            assert!(set(value).is_err());
        }
        let mark = command(&What::Mark { latitude: -45.5, longitude: 179.25 }, 0).unwrap();
        assert_eq!(mark, Command::Mark { latitude: -45_500_000, longitude: 179_250_000 });
        assert!(command(&What::Mark { latitude: 91.0, longitude: 0.0 }, 0).is_err());
        let taxon = What::Threshold { which: Which::Taxon, value: 0.5, code: Some(512) };
        assert!(command(&taxon, 0).is_err());
    }
}
