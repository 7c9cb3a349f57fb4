//! `trapline eval`: measures what `trapline sort --json` told against the truth; or, with --individuals, how well an
//! embedder tells individuals apart.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::gallery::looking::LookingArgs;
use super::{Done, Failure};
use crate::engine::labels;
use crate::eval::{cases, measure, predicted, truth};

mod individuals;
mod render;

/// Shown at the end of `--help`.
const EXAMPLES: &str = "\
Example:
  trapline sort photos --json --model detector.toml --model classifier.toml > found.jsonl
  trapline eval --truth labels.csv --predictions found.jsonl --taxa labels-of-the-classifier.csv

Individuals, in folders TAXON/INDIVIDUAL/left and right, half of them enrolled:
  trapline world coats --individuals 20 --first 3000 --encounters 4 --size 480x360
  trapline eval --individuals coats --model my-embedder";

/// Arguments of `trapline eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What every photo shows: a table with the columns `file` and `label`
    #[arg(long, value_name = "CSV", required_unless_present = "individuals")]
    truth: Option<PathBuf>,
    /// Measure an embedder instead: photos in folders TAXON/INDIVIDUAL/left and right, of which half the individuals are
    /// enrolled
    #[arg(long, value_name = "DIR", conflicts_with_all = ["truth", "predictions", "root", "map", "taxa"])]
    individuals: Option<PathBuf>,
    /// With --individuals: write what the embedder made of each photo to this table
    #[arg(long, value_name = "CSV", requires = "individuals")]
    embeddings: Option<PathBuf>,
    #[command(flatten)]
    looking: LookingArgs,
    /// What `trapline sort --json` wrote; `-` is standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    predictions: PathBuf,
    /// Folder that the paths of the truth start from; without it a photo is known by the end of its path
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// What each label of the truth stands for: a table with the columns
    /// `label,accepts,genus,family,order,class`
    #[arg(long, value_name = "CSV")]
    map: Option<PathBuf>,
    /// Label table of a classifier, by which its names are placed in the tree of life; repeatable
    #[arg(long, value_name = "CSV")]
    taxa: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown
    #[arg(long)]
    markdown: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let text = match &args.individuals {
        Some(folder) => {
            individuals::run(folder, &args.looking, args.embeddings.as_deref(), args.json, args.markdown)?
        }
        None => predictions(&args)?,
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::runtime),
    }
}

/// What is printed of predictions.
fn predictions(args: &Args) -> Result<String, Failure> {
    let report = measured(args).map_err(Failure::Input)?;
    Ok(match args.json {
        true => serde_json::to_string_pretty(&report).map_err(Failure::runtime)? + "\n",
        false => render::tables(&report, args.markdown),
    })
}

/// Reads everything and compares. All that can go wrong here is in what was given.
fn measured(args: &Args) -> anyhow::Result<measure::Report> {
    let mut taxa = truth::Taxa::default();
    for file in &args.taxa {
        taxa.add(&labels::load(file)?);
    }
    let truth = args.truth.as_deref().context("give --truth, or --individuals")?;
    let truth = truth::read(truth, args.map.as_deref(), &taxa)?;
    let predictions = if args.predictions == Path::new("-") {
        predicted::read(io::stdin().lock(), &args.predictions)?
    } else {
        let file = File::open(&args.predictions).with_context(|| args.predictions.display().to_string())?;
        predicted::read(BufReader::new(file), &args.predictions)?
    };
    let cases = cases::compare(&truth, &predictions, args.root.as_deref(), &taxa)?;
    Ok(measure::report(&cases, &truth))
}
