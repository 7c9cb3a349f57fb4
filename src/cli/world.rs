//! `trapline world`: a data set of the bench world, rendered with exact truth, for training and for trying things out.

use std::path::PathBuf;

use super::progress::Progress;
use super::{Done, Failure};
use crate::world::{DataSet, export};

/// Arguments of `trapline world`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trapline world /tmp/bursts --bursts 60 --seed 3\n  \
                        trapline sort /tmp/bursts\n\n\
                        Beside the photos, truth.jsonl holds one line per frame: file, burst, boxes, species.")]
pub struct Args {
    /// Folder to write into; made if absent
    #[arg(value_name = "DIR")]
    out: PathBuf,
    /// Bursts of three frames to render
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    bursts: u64,
    /// The same seed gives the same pictures on every machine
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Size of the pictures in pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1280x960", value_parser = size)]
    size: (u32, u32),
    /// Share of bursts with nothing alive in them, 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0.65", value_parser = share)]
    empties: f32,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let set = DataSet { seed: args.seed, bursts: args.bursts, size: args.size, empties: args.empties };
    let mut progress = Progress::new("bursts", usize::try_from(args.bursts).unwrap_or(usize::MAX), false);
    let done = export(&args.out, &set, |_| progress.step(1, || ()));
    progress.end();
    done.map_err(Failure::runtime)
}

/// Smallest and largest side of a rendered picture: below, animals are a few pixels; above, memory for one frame
/// exceeds a gigabyte.
const SIDES: std::ops::RangeInclusive<u32> = 64..=6000;

fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    sides
        .filter(|(w, h)| SIDES.contains(w) && SIDES.contains(h))
        .ok_or_else(|| format!("`{text}` is no size; give for instance 640x480, each side 64 to 6000"))
}

fn share(text: &str) -> Result<f32, String> {
    let value: Option<f32> = text.parse().ok().filter(|v| (0.0..=1.0).contains(v));
    value.ok_or_else(|| format!("`{text}` is no number from 0 to 1"))
}
