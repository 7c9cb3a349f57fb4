//! The command line: one file per verb. Bad input ends with exit code 2, a failure at run time with 1.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod bench;
pub mod budget;
pub mod bundle;
mod burst_line;
pub mod codebook;
pub mod command;
pub mod console;
pub mod decode;
pub mod demo;
pub mod doctor;
mod engine;
pub mod eval;
pub mod events;
pub mod export;
pub mod gallery;
pub mod import;
pub mod locating;
mod models;
mod once;
mod progress;
pub mod report;
pub mod review;
pub mod rules;
pub mod run;
mod sending;
mod service;
mod site;
pub mod sort;
mod truth;
mod uplinks;
pub mod world;

/// The daemon inside a camera trap: from a PIR trigger to a species event of a few bytes.
#[derive(Debug, Parser)]
#[command(name = "trapline", version, about, long_about = None)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Stand watch: trigger, burst, judgement, journal, until stopped
    Run(run::Args),
    /// Play a scripted day and night of the bench world through the daemon's pipeline
    Demo(demo::Args),
    /// Check everything a technician can check in the field, with the cure for each fault
    Doctor(doctor::Args),
    /// Judge folders of photos: empties, animals, species, per sequence
    Sort(sort::Args),
    /// Measure against truth: confusion, sensitivity, specificity, accuracy against coverage
    Eval(eval::Args),
    /// Measure parts of the program on this machine
    Bench(bench::Args),
    /// How long battery, card and air suffice
    Budget(budget::Args),
    /// Make, sign, verify and install bundles of models or configuration
    Bundle(bundle::Args),
    /// Print the names that a trap's species codes stand for
    Codebook(codebook::Args),
    /// Seal a command for a trap
    Command(command::Args),
    /// Say what frames of the wire format hold
    Decode(decode::Args),
    /// Read the journal
    Events(events::Args),
    /// Write Camtrap DP, MegaDetector results, detection histories and tables from journals
    Export(export::Args),
    /// Galleries of individuals: make them from photos, look into them, ask them whom photos show
    Gallery(gallery::Args),
    /// Make configurations of a Camtrap DP package's deployments
    Import(import::Args),
    /// A season on one page: what journals hold, as one HTML file
    Report(report::Args),
    /// Look through a card or a journal in a browser, confirm and correct, export
    Review(review::Args),
    /// Switch the page of a running trap on or off, or make its secret anew
    Console(console::Args),
    /// Replay a journal through alert rules
    Rules(rules::Args),
    /// List, verify, install and time models
    Models(models::Args),
    /// Render bursts of the bench world with their truth
    World(world::Args),
}

/// How a verb ends when it does not end well.
#[derive(Debug)]
pub enum Failure {
    /// The user's input is wrong: exit code 2.
    Input(anyhow::Error),
    /// Something failed at run time: exit code 1.
    Runtime(anyhow::Error),
}

impl Failure {
    /// Wrong input, from any error.
    pub fn input(error: impl Into<anyhow::Error>) -> Self {
        Failure::Input(error.into())
    }

    /// A failure at run time, from any error.
    pub fn runtime(error: impl Into<anyhow::Error>) -> Self {
        Failure::Runtime(error.into())
    }
}

/// What every verb returns.
pub type Done = Result<(), Failure>;

/// Parses `args`, runs the verb, prints an error if there is one, and says how the process is to end.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    crate::daemon::start::begin();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help to stdout and errors to stderr; a closed pipe is nobody's fault.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    let done = match cli.verb {
        Verb::Run(args) => run::run(args),
        Verb::Demo(args) => demo::run(args),
        Verb::Doctor(args) => doctor::run(args),
        Verb::Sort(args) => sort::run(args),
        Verb::Eval(args) => eval::run(args),
        Verb::Bench(args) => bench::run(args),
        Verb::Budget(args) => budget::run(args),
        Verb::Bundle(args) => bundle::run(args),
        Verb::Codebook(args) => codebook::run(args),
        Verb::Command(args) => command::run(args),
        Verb::Decode(args) => decode::run(args),
        Verb::Events(args) => events::run(args),
        Verb::Export(args) => export::run(args),
        Verb::Gallery(args) => gallery::run(args),
        Verb::Import(args) => import::run(args),
        Verb::Report(args) => report::run(args),
        Verb::Review(args) => review::run(args),
        Verb::Console(args) => console::run(args),
        Verb::Rules(args) => rules::run(args),
        Verb::Models(args) => models::run(args),
        Verb::World(args) => world::run(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Input(error)) => {
            eprintln!("trapline: {error:#}");
            ExitCode::from(2)
        }
        Err(Failure::Runtime(error)) => {
            eprintln!("trapline: {error:#}");
            ExitCode::FAILURE
        }
    }
}
