//! `trapline import`: the deployments of a Camtrap DP package become configurations of traps.

use std::path::PathBuf;

use serde_json::json;

use super::burst_line::say;
use super::{Done, Failure};
use crate::config::Config;
use crate::export::sites;

const EXAMPLES: &str = "\
Examples:
  trapline import jura-2025 --out sites
  trapline import jura-2025/deployments.csv --out sites
  trapline run --config sites/Crossing-7.toml

One file per location, from its newest deployment: name, coordinates, camera, height, heading, bait, feature, habitat, \
groups, tags. Everything else is left at its default; cross/trapline.toml shows what that is.";

/// Arguments of `trapline import`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A Camtrap DP package: its folder, its datapackage.json or its deployments.csv
    #[arg(value_name = "PATH")]
    package: PathBuf,
    /// Folder to write NAME.toml into; made if absent
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write into a folder that holds other files, which stay
    #[arg(long)]
    force: bool,
    /// Print what was written as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let sites = sites::read(&args.package).map_err(Failure::input)?;
    let written = sites::write(&sites, &args.out, args.force);
    let files = written.map_err(|e| if e.is_input() { Failure::input(e) } else { Failure::runtime(e) })?;
    for name in &files {
        // What this program wrote, it must be able to read.
        Config::load(&args.out.join(name)).map_err(Failure::runtime)?;
    }
    if args.json {
        let told = sites.iter().zip(&files).map(|(site, file)| {
            json!({
                "file": file, "name": site.name, "locationID": site.setup.location_id, "deployments": site.deployments,
                "newest": site.newest,
            })
        });
        say(&json!({"out": args.out.display().to_string(), "sites": told.collect::<Vec<_>>()}).to_string());
    }
    eprintln!("trapline: {}: {} sites", args.out.display(), files.len());
    Ok(())
}
