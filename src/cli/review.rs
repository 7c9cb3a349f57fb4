//! `trapline review`: a card or a journal in a browser: look, confirm, correct, put into folders, export.

use std::path::PathBuf;

use chrono::{FixedOffset, TimeDelta};

#[cfg(not(feature = "console"))]
use super::Done;
#[cfg(feature = "console")]
use super::Failure;
use super::sort;
use super::sort::judging::JudgingArgs;

/// Shown at the end of `--help`.
const HELP: &str = "\
Examples:
  trapline review /media/card --model detector.toml --model classifier.toml
  trapline review trapline.db
  trapline review ridge.db creek.db --no-open
  trapline review /media/card --journal ~/card-07.db --port 8080
  trapline review trapline.db --gallery lynx.gallery   # suggested individuals beside their pictures

A folder of photos is sorted first, into FOLDER/.trapline.db or the --journal; what was judged before is taken up. A \
folder with a trap's journal (trapline.db) in it is opened as that. Labels go into the journal beside what the machine \
said, and can be taken back. The page listens on 127.0.0.1 only, and its address opens it once. Ctrl-C ends it.";

/// Arguments of `trapline review`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
#[cfg_attr(not(feature = "console"), allow(dead_code))]
pub struct Args {
    /// A folder of photos, a trap's card, or journals
    #[arg(required = true, value_name = "DIR|JOURNAL")]
    paths: Vec<PathBuf>,

    /// Journal for a folder of photos. Default: .trapline.db in the folder
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    /// Folder of a trap's pictures. Default: NAME-media or media beside the journal
    #[arg(long, value_name = "DIR")]
    media: Option<PathBuf>,

    /// Port; 0: one that is free
    #[arg(long, value_name = "N", default_value = "0")]
    port: u16,

    /// Only print the address
    #[arg(long)]
    no_open: bool,

    /// Print the address as a JSON object
    #[arg(long)]
    json: bool,

    /// Longest gap between consecutive photos of one sequence, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = sort::seconds, allow_hyphen_values = true)]
    gap: TimeDelta,

    /// Zone of camera clocks that do not tell theirs: Z, +02:00, -05:30
    #[arg(long, value_name = "OFFSET", default_value = "Z", value_parser = sort::zone, allow_hyphen_values = true)]
    utc_offset: FixedOffset,

    #[command(flatten)]
    judging: JudgingArgs,
}

/// The journal of a trap, where a card holds one.
#[cfg(feature = "console")]
const OF_A_TRAP: &str = "trapline.db";

/// The journal of a folder of photos.
#[cfg(feature = "console")]
const OF_PHOTOS: &str = ".trapline.db";

/// What a path is.
#[cfg(feature = "console")]
enum Kind {
    Journal(PathBuf),
    Photos(PathBuf),
}

#[cfg(feature = "console")]
fn kind(path: &std::path::Path) -> Result<Kind, Failure> {
    let meta = path.metadata().map_err(|e| {
        Failure::input(anyhow::anyhow!(
            "{}: {e}; check the spelling and that the card is mounted",
            path.display()
        ))
    })?;
    if !meta.is_dir() {
        return Ok(Kind::Journal(path.to_owned()));
    }
    let journal = path.join(OF_A_TRAP);
    Ok(if journal.is_file() { Kind::Journal(journal) } else { Kind::Photos(path.to_owned()) })
}

/// Runs the verb.
#[cfg(not(feature = "console"))]
pub fn run(args: Args) -> Done {
    drop(args);
    Err(super::console::missing())
}

#[cfg(feature = "console")]
pub use with_page::run;

#[cfg(feature = "console")]
mod with_page {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use anyhow::{Context, anyhow};
    use serde_json::json;

    use super::super::run::{failed, stop_on_signals};
    use super::super::site::neighbour;
    use super::super::sort::{self, Into};
    use super::super::{Done, Failure};
    use super::{Args, Kind, OF_PHOTOS, kind};
    use crate::console::{Console, ConsoleError, Stop, Volume, desk};
    use crate::daemon::taxa;
    use crate::engine::labels::Label;
    use crate::gallery::Gallery;

    /// Programs that open an address, the first that is there.
    const OPENERS: [&str; 3] = ["xdg-open", "open", "wslview"];

    /// Runs the verb.
    pub fn run(mut args: Args) -> Done {
        args.judging.whole();
        let kinds = args.paths.iter().map(|path| kind(path)).collect::<Result<Vec<_>, _>>()?;
        let folders = kinds.iter().filter(|k| matches!(k, Kind::Photos(_))).count();
        if args.journal.is_some() && folders != 1 {
            return Err(Failure::input(anyhow!(
                "--journal goes with one folder of photos; {folders} were given"
            )));
        }
        let mut labels = Vec::new();
        let mut volumes = Vec::new();
        for kind in kinds {
            let (journal, known) = match kind {
                Kind::Journal(journal) => {
                    (std::path::absolute(journal).map_err(Failure::runtime)?, Vec::new())
                }
                Kind::Photos(folder) => sorted(&folder, &args)?,
            };
            labels.extend(known);
            let media = args.media.clone().unwrap_or_else(|| media_of(&journal));
            volumes.push(Volume { journal, media });
        }
        serve(&args, &volumes, &labels)
    }

    /// Sorts a folder into its journal.
    fn sorted(folder: &Path, args: &Args) -> Result<(PathBuf, Vec<Label>), Failure> {
        let within = |e: std::io::Error| Failure::input(anyhow!("{}: {e}", folder.display()));
        let whole = folder.canonicalize().map_err(within)?;
        let into = |folder: &Path, journal: &Path| {
            let (gap, zone) = (args.gap, args.utc_offset);
            sort::into_journal(&Into { folder, journal, gap, zone, judging: &args.judging })
        };
        if let Some(journal) = &args.journal {
            let journal = std::path::absolute(journal).map_err(Failure::runtime)?;
            let labels = into(&whole, &journal)?;
            return Ok((journal, labels));
        }
        // From inside the folder, so that the journal on a card names photos as they lie on the card, wherever that
        // is mounted.
        let before = std::env::current_dir().map_err(Failure::runtime)?;
        std::env::set_current_dir(&whole).map_err(within)?;
        let labels = into(Path::new("."), Path::new(OF_PHOTOS));
        std::env::set_current_dir(before).map_err(Failure::runtime)?;
        Ok((whole.join(OF_PHOTOS), labels?))
    }

    /// The folder of pictures that goes with a journal.
    fn media_of(journal: &Path) -> PathBuf {
        let own = neighbour(journal, "-media");
        if own.is_dir() { own } else { journal.with_file_name("media") }
    }

    fn serve(args: &Args, volumes: &[Volume], labels: &[Label]) -> Done {
        let told = |error: ConsoleError| match error {
            ConsoleError::Journal(error) => failed(error),
            other => Failure::runtime(other),
        };
        let gallery = args.judging.gallery().map(Gallery::load).transpose().map_err(Failure::input)?;
        let (console, key) = Console::of_desk(volumes, taxa::known(labels)).map_err(told)?;
        let console = console.with_gallery(gallery);
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
        let listener =
            TcpListener::bind(at).map_err(|reason| Failure::input(ConsoleError::Listen { at, reason }))?;
        let at = listener.local_addr().map_err(Failure::runtime)?;
        let address = format!("http://{at}/?key={key}");
        match args.json {
            true => println!("{}", json!({ "url": address })),
            false => println!("{address}"),
        }
        if !args.no_open && !opened(&address) {
            eprintln!("trapline: no browser was found; open the address above");
        }
        let stop = Stop::from_flag(stop_on_signals()?);
        desk(listener, console, &stop).map_err(told).map_err(|failure| match failure {
            Failure::Runtime(error) => Failure::Runtime(error.context("the page ended")),
            input => input,
        })
    }

    /// Asks the system to open an address.
    fn opened(address: &str) -> bool {
        OPENERS.iter().any(|program| {
            let quiet = || Stdio::null();
            Command::new(program)
                .arg(address)
                .stdin(quiet())
                .stdout(quiet())
                .stderr(quiet())
                .spawn()
                .with_context(|| (*program).to_owned())
                .is_ok()
        })
    }
}
