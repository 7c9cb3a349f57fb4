//! `trapline run`: the daemon. A burst's line appears on standard output once the burst is in the journal for good.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

use super::burst_line::{Paint, columns, object, say};
use super::sending::{self, Taxa, Working};
use super::{Done, Failure};
use crate::board::{self, Board};
use crate::config::{Config, Journal};
use crate::daemon::models;
use crate::daemon::pipeline::{Devices, Pipeline};
use crate::store::JournalError;

/// Shown at the end of `--help`.
const EXAMPLES: &str = "\
Examples:
  trapline run --board bench --bursts 5 --journal /tmp/trap.db
  trapline run --config cross/trapline.toml --model models/bench-detector";

/// Arguments of `trapline run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What the site chose (TOML); cross/trapline.toml shows every key. Default: every key's default
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Board profile; overrides the configuration's
    #[arg(long, value_name = "NAME")]
    board: Option<String>,
    /// Folder of board profiles
    #[arg(long, value_name = "DIR", default_value = "boards")]
    boards: PathBuf,
    /// Stop after so many bursts
    #[arg(long, value_name = "N")]
    bursts: Option<u64>,
    /// Journal; overrides the configuration's. Pictures go to a folder NAME-media beside it, messages for the card to
    /// NAME-outbox
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Model: a manifest or a folder with one; repeatable, one per role. Overrides the configuration's
    #[arg(long, value_name = "FILE")]
    model: Vec<PathBuf>,
    /// One JSON object per burst instead of columns
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let config = chosen(&args)?;
    let board = board::open(&config.board, &args.boards).map_err(Failure::input)?;
    let networks = models::open(&config.models).map_err(Failure::input)?;
    let (names, taxa) = (networks.names(), Taxa::of(&networks, &config));
    let judge = models::judge(networks, &config).map_err(Failure::input)?;
    let (devices, stop) = (devices(board), stop_on_signals()?);
    let clock = Arc::clone(&devices.clock);
    let opened = Pipeline::open(config.clone(), devices, Box::new(judge), names);
    let mut pipeline = opened.map_err(failed)?;
    let ready = sending::ready(&config, &pipeline, taxa, clock, &stop)?;
    pipeline.listen(ready.retunes);
    let sender = Working::start(ready.sender)?;
    let paint = Paint::for_stdout();
    let ended = pipeline
        .run(&stop, args.bursts, &mut |done| {
            sender.ring();
            let line = match args.json {
                true => object(done).to_string(),
                false => paint.outcome(done.burst.outcome, &columns(done)),
            };
            if !say(&line) {
                stop.store(true, Ordering::SeqCst);
            }
        })
        .map_err(failed);
    drop(sender.finish());
    if ready.reboot.load(Ordering::SeqCst) {
        reboot()?;
    }
    ended
}

/// Starts the system anew, as a command asked; systemd does it in order.
fn reboot() -> Done {
    let asked = std::process::Command::new("systemctl").arg("reboot").status();
    match asked {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::runtime(anyhow::anyhow!("systemctl reboot ended with {status}"))),
        Err(error) => Err(Failure::runtime(anyhow::anyhow!("systemctl reboot: {error}"))),
    }
}

/// The configuration with what the command line overrides.
fn chosen(args: &Args) -> Result<Config, Failure> {
    let mut config = match &args.config {
        Some(file) => Config::load(file).map_err(Failure::input)?,
        None => Config::default(),
    };
    if let Some(board) = &args.board {
        config.board = board.clone();
    }
    if let Some(journal) = &args.journal {
        config.journal = beside(journal);
        config.out.directory.path = neighbour(journal, "-outbox");
    }
    if !args.model.is_empty() {
        config.models.manifests = args.model.clone();
    }
    Ok(config)
}

/// A journal at `path` with its own folder of pictures beside it.
pub(super) fn beside(path: &Path) -> Journal {
    Journal { path: path.to_owned(), media: neighbour(path, "-media") }
}

/// A folder beside a journal, named after it.
pub(super) fn neighbour(journal: &Path, ending: &str) -> PathBuf {
    let mut folder = journal.file_stem().map(OsString::from).unwrap_or_default();
    folder.push(ending);
    journal.with_file_name(folder)
}

/// The devices of a board, as the pipeline takes them.
pub(super) fn devices(board: Board) -> Devices {
    Devices { trigger: board.trigger, camera: board.camera, clock: board.clock }
}

/// A flag that SIGTERM and SIGINT set; a second one ends the process at once.
pub(super) fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(Failure::runtime)?;
    }
    Ok(stop)
}

/// Wrong input or a failure at run time, as the journal says.
pub(super) fn failed(error: JournalError) -> Failure {
    if error.is_input() { Failure::input(error) } else { Failure::runtime(error) }
}
