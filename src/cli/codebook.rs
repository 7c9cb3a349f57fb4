//! `trapline codebook`: the names that a trap's species codes stand for, as `decode` and the payload codec take them.

use std::path::PathBuf;

use serde_json::json;

use super::burst_line::say;
use super::sending::Taxa;
use super::{Done, Failure};
use crate::config::Config;
use crate::daemon::models;
use crate::event::{Code, Codebook};

const EXAMPLES: &str = "Examples:\n  trapline codebook site.toml > species.txt\n  \
                        trapline decode --codebook species.txt 1106002588ae8a30011e46\n\n\
                        The first name has code 3. Another classifier or species list makes another codebook.";

/// Arguments of `trapline codebook`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The site's configuration, with its classifier and its species list
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// One JSON object: the hash, the first code, the names
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let config = Config::load(&args.config).map_err(Failure::input)?;
    let networks = models::open(&config.models).map_err(Failure::input)?;
    let taxa = Taxa::of(&networks, &config);
    let book = Codebook::new(taxa.names()).map_err(Failure::runtime)?;
    let (hash, first) = (format!("{:08x}", book.hash()), Code::FIRST.get());
    if taxa.names().is_empty() {
        eprintln!("trapline: no classifier in `models.manifests`: the codes are those of every codebook");
    }
    if args.json {
        say(&json!({"hash": hash, "first_code": first, "names": taxa.names()}).to_string());
    } else {
        say(&format!("# codebook {hash}; the first name has code {first}"));
        for name in taxa.names() {
            say(name);
        }
    }
    Ok(())
}
