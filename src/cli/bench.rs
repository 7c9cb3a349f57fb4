//! `trapline bench`: measures parts of the program on this machine.

mod bursts;
mod energy;
mod gauges;
mod sensor;
mod wire;

use super::Done;

const EXAMPLES: &str = "Examples:\n  trapline bench wire\n  trapline bench wire --json | jq .sightings_in_51";

/// Arguments of `trapline bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The wire format: how many sightings fit, how long they take on the air and in the processor
    #[command(after_help = EXAMPLES)]
    Wire(wire::Args),
    /// Processor time, energy and recall per burst by how much is looked at
    #[command(after_help = energy::EXAMPLES)]
    Energy(energy::Args),
    /// Battery, supply, temperature and light as the board's gauges tell them now
    #[command(after_help = gauges::EXAMPLES)]
    Gauges(gauges::Args),
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    match args.what {
        What::Wire(args) => wire::run(&args),
        What::Energy(args) => energy::run(args),
        What::Gauges(args) => gauges::run(&args),
    }
}
