//! `trapline console`: the page of a running trap switched on and off, its secret made anew. And the page's start
//! beside the daemon.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::{Done, Failure};
use crate::config::Config;

/// Shown at the end of `--help`.
const EXAMPLES: &str = "\
Examples:
  trapline console on --config /etc/trapline/trapline.toml
  trapline console on --minutes 30
  trapline console off
  trapline console secret

The page is for a phone on the trap's own Wi-Fi. It listens only while it is on, and only where [console] on is
\"start\" or \"command\". The signal USR1 switches it on as well. Only a hash of the secret is kept: when it is lost,
make a new one.";

/// Arguments of `trapline console`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to do
    #[arg(value_name = "WHAT")]
    what: What,
    /// What the site chose (TOML). Default: every key's default
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Journal; overrides the configuration's
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// For `on`: until it goes off by itself. Default: the configuration's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1440))]
    minutes: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Let the page be reached, for a while
    On,
    /// Let it be reached no more
    Off,
    /// Make a new secret and print it; the one before counts no more
    Secret,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let mut config = match &args.config {
        Some(file) => Config::load(file).map_err(Failure::input)?,
        None => Config::default(),
    };
    if let Some(journal) = &args.journal {
        config.journal.path = journal.clone();
    }
    match args.what {
        What::Secret => page::secret(&config.journal.path),
        What::On => page::ask(&config, args.minutes.map_or(config.console.lasts.as_secs() / 60, u64::from)),
        What::Off => page::ask(&config, 0),
    }
}

/// The name of the configuration file, for what the page writes into it.
pub(super) fn absolute(file: Option<&Path>) -> Option<PathBuf> {
    file.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.to_owned()))
}

pub(super) use page::start;

/// What the page needs of the daemon's start.
#[cfg_attr(not(feature = "console"), allow(dead_code))] // The page alone uses it.
pub(super) struct Beside<'a> {
    /// What the site chose.
    pub config: &'a Config,
    /// The file it came from.
    pub file: Option<PathBuf>,
    /// Whether there is no hardware behind it.
    pub bench: bool,
    /// The board's profile.
    pub profile: Option<crate::board::Profile>,
    /// The models that judge.
    pub models: Vec<String>,
    /// Tells the time.
    pub clock: std::sync::Arc<dyn crate::hal::Clock>,
    /// Tells how the trap is.
    pub gauges: crate::board::SharedGauges,
    /// The names the models can give.
    pub known: Vec<crate::daemon::taxa::Known>,
    /// Ends the run.
    pub stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    /// Takes wishes for a burst.
    pub asks: std::sync::Arc<dyn crate::hal::Asks>,
    /// Watches the page's threads too.
    pub pulse: &'a crate::daemon::pulse::Pulse,
}

#[cfg(feature = "console")]
mod page {
    use std::path::Path;
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use anyhow::anyhow;

    use super::super::run::failed;
    use super::super::{Done, Failure};
    use super::Beside;
    use crate::config::Config;
    use crate::config::console::On;
    use crate::console::switch::{Running, Switch, request_file};
    use crate::console::{ConsoleError, Trap, secret as trap_secret};
    use crate::daemon::live::{Live, Power};
    use crate::daemon::pipeline::Pipeline;
    use crate::store::Notebook;

    /// How long the verb waits for the daemon to take up what was asked; it looks once a second.
    const TAKEN_WITHIN: Duration = Duration::from_secs(5);

    /// The page beside a daemon.
    pub struct Page {
        live: Arc<Live>,
        running: Option<Running>,
    }

    impl Page {
        /// Ends it; says what is to become of the machine.
        pub fn finish(mut self) -> Option<Power> {
            drop(self.running.take());
            self.live.power()
        }
    }

    fn told(error: ConsoleError) -> Failure {
        match error {
            ConsoleError::Journal(error) => failed(error),
            error @ ConsoleError::Listen { .. } => Failure::input(error),
            other => Failure::runtime(other),
        }
    }

    /// Starts the page beside `pipeline`, unless the site wants none.
    pub fn start(pipeline: &mut Pipeline, beside: Beside<'_>) -> Result<Option<Page>, Failure> {
        let config = beside.config;
        if config.console.on == On::Never {
            return Ok(None);
        }
        let mut notebook = Notebook::open(&config.journal.path).map_err(failed)?;
        if !trap_secret::is_set(&notebook).map_err(told)? {
            let secret = trap_secret::renew(&mut notebook).map_err(told)?;
            eprintln!(
                "trapline: the secret of this trap's page is {secret}; write it down, it is shown this once \
                 (`trapline console secret` makes another)"
            );
        }
        drop(notebook);
        let (live, notes) = Live::new();
        live.ends_by(beside.stop);
        pipeline.show(Arc::clone(&live));
        let trap = Trap {
            live: Arc::clone(&live),
            config: config.clone(),
            file: beside.file,
            clock: beside.clock,
            profile: beside.profile,
            gauges: Mutex::new(Box::new(beside.gauges)),
            models: beside.models,
            boot: pipeline.journal().boot(),
            bench: beside.bench,
            asks: beside.asks,
            switch: Switch::new(config.console.lasts),
        };
        let running = crate::console::start(trap, notes, beside.known, beside.pulse).map_err(told)?;
        Ok(Some(Page { live, running: Some(running) }))
    }

    /// A new secret, printed.
    pub fn secret(journal: &Path) -> Done {
        let mut notebook = Notebook::open(journal).map_err(failed)?;
        println!("{}", trap_secret::renew(&mut notebook).map_err(told)?);
        Ok(())
    }

    /// Asks the daemon that writes this journal.
    pub fn ask(config: &Config, minutes: u64) -> Done {
        let journal = &config.journal.path;
        if !journal.is_file() {
            return Err(Failure::input(anyhow!(
                "{} does not exist; give the trap's --config or --journal",
                journal.display()
            )));
        }
        let file = request_file(journal);
        std::fs::write(&file, format!("{minutes}\n"))
            .map_err(|e| Failure::input(anyhow!("{}: {e}; run this as who runs the trap", file.display())))?;
        let begun = Instant::now();
        while begun.elapsed() < TAKEN_WITHIN {
            if !file.exists() {
                match minutes {
                    0 => println!("the page is off"),
                    n => println!("the page is on for {n} minutes at http://{}", config.console.listen),
                }
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        // Best effort: the next start removes it otherwise.
        let _ = std::fs::remove_file(&file);
        let cure = "start it with [console] on = \"command\" or \"start\" in its configuration";
        Err(Failure::runtime(anyhow!("no trapline with a page writes {}; {cure}", journal.display())))
    }
}

#[cfg(not(feature = "console"))]
mod page {
    use std::path::Path;

    use super::super::{Done, Failure};
    use super::Beside;
    use crate::config::Config;
    use crate::config::console::On;
    use crate::daemon::live::Power;
    use crate::daemon::pipeline::Pipeline;

    /// No page.
    pub enum Page {}

    impl Page {
        /// There is none to end.
        pub fn finish(self) -> Option<Power> {
            match self {}
        }
    }

    pub(in crate::cli) fn missing() -> Failure {
        Failure::input(anyhow::anyhow!(
            "this trapline was built without the page; build it with `--features console` (it is on by default)"
        ))
    }

    /// Refuses where the site wants a page.
    pub fn start(_pipeline: &mut Pipeline, beside: Beside<'_>) -> Result<Option<Page>, Failure> {
        if beside.config.console.on == On::Never { Ok(None) } else { Err(missing()) }
    }

    pub fn secret(_journal: &Path) -> Done {
        Err(missing())
    }

    pub fn ask(_config: &Config, _minutes: u64) -> Done {
        Err(missing())
    }
}

#[cfg(not(feature = "console"))]
pub(super) use page::missing;
