//! `trapline demo`.

use super::{Done, Failure};

/// Arguments of `trapline demo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the verb.
pub fn run(_args: Args) -> Done {
    Err(Failure::runtime(anyhow::anyhow!("not built yet")))
}
