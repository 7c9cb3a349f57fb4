//! `trapline doctor`: everything a technician can check in the field, in colours, with what to do about it.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use serde_json::json;

use super::burst_line::say;
use super::site::{InsteadArgs, SiteArgs};
use super::{Done, Failure, uplinks};
use crate::board::{self, BoardError, Profile};
use crate::config::Config;
use crate::config::sending::Carrier;
use crate::daemon::models;
use crate::doctor::{self, Asked, CHECKS, Colour, Finding, Hands, Language, Linked, Loaded, Patient, Roots};
use crate::drivers::system_clock::SystemClock;
use crate::hal::{Camera, Clock, DeviceError, Locator, Place, PowerControl, Trigger, UplinkError};
use crate::store::{AirLog, Outbox, Reader, in_use};

/// Shown at the end of `--help`.
const EXAMPLES: &str = "\
Examples:
  sudo -u trapline trapline doctor --config /etc/trapline/trapline.toml
  trapline doctor --quick --json
  trapline doctor --only camera picture pir --wave 60

It runs beside a running trap, too: what the trap holds is then asked of its journal. Exit code 1: something is red.";

/// Arguments of `trapline doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    site: SiteArgs,
    #[command(flatten)]
    instead: InsteadArgs,
    /// Only these checks; `--only help` lists them
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    /// Leave out what needs somebody to wave
    #[arg(long)]
    quick: bool,
    /// How long to wait for the sensor to see somebody wave, seconds
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=600))]
    wave: u16,
    /// Let a LoRaWAN modem join its network, which costs air time
    #[arg(long)]
    join: bool,
    /// Language of the sentences
    #[arg(long, value_enum, default_value_t = Tongue::En)]
    language: Tongue,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tongue {
    /// English
    En,
    /// German
    De,
    /// French
    Fr,
}

impl From<Tongue> for Language {
    fn from(tongue: Tongue) -> Language {
        match tongue {
            Tongue::En => Language::En,
            Tongue::De => Language::De,
            Tongue::Fr => Language::Fr,
        }
    }
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    wanted(&args.only)?;
    let language = args.language.into();
    let printer = Printer { json: args.json, language, colour: std::io::stdout().is_terminal() };
    let config = match args.site.load() {
        Ok(config) => args.instead.change(config),
        Err(error) => {
            let error = anyhow::Error::from(error);
            // Nothing else can be asked, but the way to say so is the same.
            let finding =
                Finding { check: "configuration", cause: "wrong", state: Colour::Red, values: vec![] }
                    .with("why", format!("{error:#}"));
            printer.line(&finding);
            printer.end(&[finding]);
            return Err(Failure::Input(error));
        }
    };
    let profile = args.site.profile(&config).map_err(Failure::input)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let running = in_use(&config.journal.path);
    let reader = running.then(|| Reader::open_readonly(&config.journal.path).ok()).flatten();
    let mut hands = Field {
        config: &config,
        profile: &profile,
        clock: Arc::clone(&clock),
        joins: args.join,
        told: !args.json,
    };
    let gauges = board::gauges(&profile, &clock);
    let mut patient = Patient {
        config: &config,
        file: args.site.config.as_deref(),
        profile: Some(&profile),
        roots: Roots::default(),
        clock: &*clock,
        gauges: &gauges,
        daemon: running.then(|| reader.as_ref().map(doctor::by_journal).unwrap_or_default()),
        journals: vec![config.journal.path.clone()],
        hands: &mut hands,
        patience: Duration::from_secs(args.wave.into()),
        at_home: false,
        asked: Asked::default(),
    };
    let wanted = |check: &doctor::Check| {
        let named = args.only.iter().any(|name| name == check.name);
        named || (args.only.is_empty() && !(check.hands && args.quick))
    };
    let found = doctor::examine(&mut patient, &wanted, &mut |finding| printer.line(finding));
    printer.end(&found);
    match found.iter().filter(|finding| finding.state == Colour::Red).count() {
        0 => Ok(()),
        n => Err(Failure::Runtime(anyhow!("{n} of {} findings are red", found.len()))),
    }
}

/// Refuses names that no check has.
fn wanted(only: &[String]) -> Done {
    match only.iter().find(|name| !CHECKS.iter().any(|check| check.name == *name)) {
        None => Ok(()),
        Some(stray) => {
            let names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
            Err(Failure::Input(anyhow!("no check is called `{stray}`; there are: {}", names.join(", "))))
        }
    }
}

struct Printer {
    json: bool,
    language: Language,
    colour: bool,
}

impl Printer {
    /// A finding as it comes: colour, title, sentence; below it the cure.
    fn line(&self, finding: &Finding) {
        if self.json {
            return;
        }
        let (title, text, cure) = doctor::said(finding, self.language);
        let word = format!("{:<5}", finding.state.as_str());
        let word = match (self.colour, finding.state) {
            (false, _) => word,
            (true, Colour::Green) => format!("\u{1b}[32m{word}\u{1b}[0m"),
            (true, Colour::Amber) => format!("\u{1b}[33m{word}\u{1b}[0m"),
            (true, Colour::Red) => format!("\u{1b}[31;1m{word}\u{1b}[0m"),
            (true, Colour::Grey) => format!("\u{1b}[2m{word}\u{1b}[0m"),
        };
        let _ = say(&format!("{word}  {title}: {text}"));
        if !cure.is_empty() {
            let _ = say(&format!("       -> {cure}"));
        }
    }

    /// How many of each.
    fn end(&self, found: &[Finding]) {
        let count = |state| found.iter().filter(|finding| finding.state == state).count();
        let [red, amber, green, grey] = [Colour::Red, Colour::Amber, Colour::Green, Colour::Grey].map(count);
        if self.json {
            let checks: Vec<_> = found.iter().map(|finding| finding.to_json(self.language)).collect();
            let counts = json!({ "red": red, "amber": amber, "green": green, "grey": grey });
            let _ = say(&json!({ "checks": checks, "counts": counts }).to_string());
        } else {
            let _ = say(&format!("{red} red, {amber} amber, {green} green, {grey} not known"));
        }
    }
}

/// The devices of the board, and a technician at a terminal.
struct Field<'a> {
    config: &'a Config,
    profile: &'a Profile,
    clock: Arc<dyn Clock>,
    joins: bool,
    told: bool,
}

impl Field<'_> {
    fn reader(&self) -> Option<Reader> {
        Reader::open_readonly(&self.config.journal.path).ok()
    }

    fn link(&self, carrier: Carrier) -> Linked {
        let opened = uplinks::channel(carrier, &self.config.out, &self.config.site.name, &self.clock);
        let mut channel = match opened {
            Ok(channel) => channel,
            Err(Failure::Input(error) | Failure::Runtime(error)) => {
                return Linked::Down(format!("{error:#}"));
            }
        };
        let asked = doctor::link(channel.uplink(), &mut doctor::free_of_charge);
        if !self.joins || !matches!(asked, Linked::NotJoined(_)) {
            return asked;
        }
        // Paid from the journal's own air-time books, so that the law holds for the daemon's next start, too.
        let boot = self
            .reader()
            .and_then(|reader| reader.boots().ok())
            .and_then(|list| list.items.last().map(|b| b.number));
        let (utc, clock) = self.clock.utc();
        let now = AirLog { boot: boot.unwrap_or(0), up: self.clock.monotonic(), utc, clock };
        let paid = Outbox::beside(&self.config.journal.path)
            .and_then(|mut outbox| channel.ready(&mut outbox, &now))
            .map_err(|error| error.to_string());
        match paid {
            Err(why) => {
                Linked::Down(format!("{why}; a join is paid for in the journal: start the trap once"))
            }
            Ok(Ok(_)) => Linked::Up(None),
            Ok(Err(UplinkError::Wait(pause))) => Linked::Busy(pause),
            Ok(Err(error)) => Linked::Down(error.to_string()),
        }
    }
}

impl Hands for Field<'_> {
    fn sensor(&mut self) -> Result<Option<Box<dyn Trigger>>, DeviceError> {
        board::sensor(self.profile, &self.clock)
    }

    fn camera(&mut self) -> Result<Option<Box<dyn Camera>>, DeviceError> {
        board::camera(self.profile, &self.clock, &Place::said(self.config.site.coordinates))
    }

    fn control(&mut self) -> Option<Box<dyn PowerControl>> {
        board::alarm(self.profile)
    }

    fn locator(&mut self) -> Result<Option<Box<dyn Locator>>, DeviceError> {
        board::locator(self.profile)
    }

    fn picture(&mut self) -> Option<(DateTime<Utc>, Vec<u8>)> {
        doctor::newest_picture(&self.reader()?, &self.config.journal.media)
    }

    fn networks(&mut self) -> Result<Loaded, String> {
        let begun = Instant::now();
        let networks = models::open(&self.config.models).map_err(|error| error.to_string())?;
        let names = networks.names();
        let judge = models::judges(networks, self.config).map_err(|error| error.to_string())?;
        Ok(Loaded { names, took: begun.elapsed(), judge })
    }

    fn bench(&mut self) -> Result<Vec<Vec<u8>>, String> {
        board::bench_burst(self.config.burst.frames, 1280).map_err(|error: BoardError| error.to_string())
    }

    fn links(&mut self) -> Vec<(String, Linked)> {
        let carriers = self.config.out.sending.uplinks.clone();
        carriers.into_iter().map(|carrier| (carrier.as_str().to_owned(), self.link(carrier))).collect()
    }

    fn triggered(&mut self) -> Option<DateTime<Utc>> {
        doctor::by_journal(&self.reader()?).triggered
    }

    fn wave(&mut self, limit: Duration) {
        if self.told {
            eprintln!("trapline: wave before the sensor now; {} s at most", limit.as_secs());
        }
    }
}
