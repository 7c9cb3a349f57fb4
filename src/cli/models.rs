//! `trapline models`.

use super::{Done, Failure};

/// Arguments of `trapline models`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the verb.
pub fn run(_args: Args) -> Done {
    Err(Failure::runtime(anyhow::anyhow!("not built yet")))
}
