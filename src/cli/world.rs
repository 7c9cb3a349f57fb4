//! `trapline world`: a data set of the bench world, rendered with exact truth, for training and for trying things out;
//! bursts, or crops of individually marked animals.

use std::path::PathBuf;

use super::progress::Progress;
use super::{Done, Failure};
use crate::world::{DataSet, MarkedSet, export, export_marked};

/// Arguments of `trapline world`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  trapline world /tmp/bursts --bursts 60 --seed 3\n  \
                        trapline sort /tmp/bursts\n\n\
                        Beside the photos, truth.jsonl holds one line per frame: file, burst, boxes, species.\n\n\
                        Crops of lynx and jaguars by their coats, one folder per individual and flank:\n  \
                        trapline world /tmp/coats --individuals 8 --first 3000 --encounters 4 --size 480x360")]
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
    /// Write crops of this many individuals of each marked species instead of bursts, and individuals.jsonl
    #[arg(long, value_name = "N", conflicts_with_all = ["bursts", "empties"],
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    individuals: Option<u32>,
    /// Number of the first individual; bursts drawn at random show numbers 0 to 39
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "individuals",
          value_parser = clap::value_parser!(u32).range(..=1_000_000_000))]
    first: u32,
    /// Times each flank of an individual is met, each at another site
    #[arg(long, value_name = "N", default_value_t = 4, requires = "individuals",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    encounters: u32,
}

/// Frames of an encounter: alike, yet not the same step nor the same place in the picture.
const FRAMES: usize = 2;

/// Runs the verb.
pub fn run(args: Args) -> Done {
    if let Some(individuals) = args.individuals {
        return marked(&args, individuals);
    }
    let set = DataSet { seed: args.seed, bursts: args.bursts, size: args.size, empties: args.empties };
    let mut progress = Progress::new("bursts", usize::try_from(args.bursts).unwrap_or(usize::MAX), false);
    let done = export(&args.out, &set, |_| progress.step(1, || ()));
    progress.end();
    done.map_err(Failure::runtime)
}

/// Crops of marked individuals; tells how many of those asked for could be seen.
fn marked(args: &Args, individuals: u32) -> Done {
    let set = MarkedSet {
        seed: args.seed,
        first: args.first,
        individuals,
        encounters: args.encounters,
        frames: FRAMES,
        size: args.size,
    };
    let mut progress = Progress::new("encounters", usize::try_from(set.total()).unwrap_or(usize::MAX), false);
    let done = export_marked(&args.out, &set, |_| progress.step(1, || ()));
    progress.end();
    let crops = done.map_err(Failure::runtime)?;
    let asked = set.total() * FRAMES as u64;
    if crops < asked {
        eprintln!("{} of {asked} frames show too little of the animal and were left out", asked - crops);
    }
    Ok(())
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
