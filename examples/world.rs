//! Writes a data set of the bench world: `cargo run --release --example world -- OUT BURSTS SEED WIDTH HEIGHT [EMPTIES]`.
//!
//! `EMPTIES` is the share of empty bursts, 0..1 (default 0.65). The format is told in `src/world/export.rs`.

use std::path::Path;
use std::process::ExitCode;

use trapline::world::{DataSet, export};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((out, set)) = parse(&args) else {
        eprintln!("usage: world OUT BURSTS SEED WIDTH HEIGHT [EMPTIES]");
        return ExitCode::from(2);
    };
    let told = |done: u64| {
        if done.is_multiple_of(50) || done == set.bursts {
            eprintln!("{done} of {} bursts", set.bursts);
        }
    };
    match export(Path::new(&out), &set, told) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn parse(args: &[String]) -> Option<(String, DataSet)> {
    let number = |i: usize| args.get(i)?.parse::<u64>().ok();
    let side = |i: usize| u32::try_from(number(i)?).ok();
    let empties = args.get(5).map_or(Some(0.65), |s| s.parse().ok())?;
    Some((
        args.first()?.clone(),
        DataSet { bursts: number(1)?, seed: number(2)?, size: (side(3)?, side(4)?), empties },
    ))
}
