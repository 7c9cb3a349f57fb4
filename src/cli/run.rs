//! `trapline run`: the daemon. A burst's line appears on standard output once the burst is in the journal for good.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use chrono::Utc;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR2};

use super::burst_line::{Paint, columns, object, say};
use super::console::{self, Beside};
use super::locating::{self, Locating};
use super::sending::{self, Around, Taxa, Working};
use super::service::Service;
use super::site::{InsteadArgs, SiteArgs};
use super::{Done, Failure, bundle, once};
use crate::board::{self, Board, BoardError};
use crate::bundle::{BundleError, Kind, Site, StartError};
use crate::config::Config;
use crate::daemon::live::Power;
use crate::daemon::locate;
use crate::daemon::models;
use crate::daemon::pipeline::{Acknowledged, Devices, Judges, Pipeline};
use crate::daemon::power::{self, Keeper};
use crate::daemon::pulse::Pulse;
use crate::daemon::start;
use crate::event::Outcome;
use crate::hal::{Asks, Place};
use crate::store::{JournalError, Outbox};

/// Shown at the end of `--help`.
const EXAMPLES: &str = "\
Examples:
  trapline run --board bench --bursts 5 --journal /tmp/trap.db
  trapline run --config cross/trapline.toml --model models/bench-detector
  trapline run --board auto --bursts 1   # then: kill -USR2 its process, to take a burst by hand
  trapline run --once   # the power came on for one burst: take it, judge it, send it, go off";

/// Arguments of `trapline run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    site: SiteArgs,
    /// Stop after so many bursts
    #[arg(long, value_name = "N")]
    bursts: Option<u64>,
    /// The power was switched on for one burst: take it at once, judge it, let its messages leave, and go off where
    /// the board's [power] says who switches the power on again
    #[arg(long, conflicts_with = "bursts")]
    pub(super) once: bool,
    /// With --once: the controller's clock switched the power on, not its sensor; the burst counts as a time-lapse
    #[arg(long, requires = "once")]
    pub(super) by_clock: bool,
    #[command(flatten)]
    pub(super) instead: InsteadArgs,
    /// One JSON object per burst instead of columns
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: Args) -> Done {
    let site = Site { file: args.site.config.clone(), base: args.site.load().map_err(Failure::input)? };
    let profile = args.site.profile(&site.base).map_err(Failure::input)?;
    // Where nobody said where it stands, the sun goes by what the satellite receiver found in an earlier run.
    let journal = args.instead.journal().unwrap_or(&site.base.journal.path);
    let remembered = locating::remembered(&profile, journal, &site.base.site.name);
    let found = Place::said(None);
    remembered.into_iter().for_each(|place| found.find(place));
    let open = |config: &Config| {
        let place = found.unless(config.site.coordinates);
        let mut board = board::open_profile(&profile, &place).map_err(unopened)?;
        if let Some(control) = board.power.as_deref_mut() {
            power::adopt(&*board.clock, control);
        }
        Ok::<_, Failure>(board)
    };
    // The camera exposes while the networks load.
    let early = match args.once {
        true => Some(once::begin(open(&site.base)?, &site.base, args.by_clock)?),
        false => None,
    };
    let (mut config, networks, unable) = once::judge(&site, &args)?;
    let place = found.unless(config.site.coordinates);
    config.site.coordinates = place.get();
    let mut board = early.map_or_else(|| open(&config), Ok)?;
    signal_hook::flag::register(SIGUSR2, board.asked.signal()).map_err(Failure::runtime)?;
    let given_up = Arc::clone(&board.reboot);
    let asks: Arc<dyn Asks> = board.asked.clone();
    let (names, taxa, known) = (networks.names(), Taxa::of(&networks, &config), Taxa::known(&networks));
    let judge: Box<dyn Judges> = match unable {
        Some(unable) => unable,
        None => models::judges(networks, &config).map_err(Failure::input)?,
    };
    start::reached("ready to judge");
    let (bench, gauges) = (board.bench, Arc::clone(&board.gauges));
    let (control, stop) = (board.power.take(), stop_on_signals()?);
    let devices = devices(board);
    let clock = Arc::clone(&devices.clock);
    let opened = Pipeline::open(config.clone(), devices, judge, names.clone());
    let mut pipeline = opened.map_err(failed)?;
    pipeline.ration(Box::new(Arc::clone(&gauges)));
    let (mut plan, told) = (config.power.clone(), Box::new(Arc::clone(&gauges)));
    if args.once {
        // A run is over before a level could settle; the battery has rested since the last one.
        plan.settle = Duration::ZERO;
    }
    let keeper = Keeper::new(plan, place.clone(), told, control, clock.monotonic());
    let shedding = keeper.shedding();
    pipeline.keep(keeper).map_err(failed)?;
    let around = Around {
        clock: Arc::clone(&clock),
        gauges: Arc::clone(&gauges),
        stop: &stop,
        site: Some(&site),
        shedding: Arc::clone(&shedding),
        asks: Arc::clone(&asks),
        place: place.clone(),
    };
    let whereabouts = locate::Around {
        clock: Arc::clone(&clock),
        outbox: Outbox::of(pipeline.journal()).map_err(Failure::runtime)?,
        shedding,
        boot: pipeline.journal().boot(),
        deployment: config.site.name.clone(),
        place: found.clone(),
    };
    let ready = sending::ready(&config, &pipeline, taxa, around)?;
    pipeline.listen(ready.retunes);
    let pulse = Arc::new(Pulse::default());
    let beside = Beside {
        config: &config,
        file: console::absolute(args.site.config.as_deref()),
        bench,
        profile: Some(profile.clone()),
        models: names,
        clock,
        gauges,
        known,
        stop: Arc::clone(&stop),
        asks,
        pulse: &pulse,
    };
    bundle::note(&site);
    let trial = Watched::begin(&site);
    let page = console::start(&mut pipeline, beside)?;
    let sender = Working::start(ready.sender, pulse.watch("sender", config.watchdog.sender))?;
    pipeline.watched(pulse.watch("pipeline", config.watchdog.pipeline));
    let locating = Locating::start(&profile, whereabouts)?;
    let service = Service::start(pulse)?;
    let mut tally = Tally::default();
    let paint = Paint::for_stdout();
    if args.once {
        pipeline.hands_over();
    }
    let mut told = |done: &Acknowledged<'_>| {
        sender.ring();
        trial.burst(done.burst.outcome);
        if let Some(service) = &service {
            service.status(tally.count(done));
        }
        let line = match args.json {
            true => object(done).to_string(),
            false => paint.outcome(done.burst.outcome, &columns(done)),
        };
        if !say(&line) || given_up.load(Ordering::SeqCst) {
            stop.store(true, Ordering::SeqCst);
        }
    };
    let limit = if args.once { Some(1) } else { args.bursts };
    let ended = pipeline.run(&stop, limit, &mut told).map_err(failed);
    if args.once {
        let left = once::send(&sender, &config.journal.path, config.power.once_send);
        if left > 0 {
            log::warn!("{left} messages wait for the next start");
        }
    }
    if let Some(service) = service {
        service.finish();
    }
    drop(sender.finish());
    locating.finish();
    if args.once {
        pipeline.hand_over(once::watched(&profile)).map_err(failed)?;
    }
    trial.end(ended.is_ok());
    let asked = match page.and_then(|page| page.finish()) {
        None if ready.reboot.load(Ordering::SeqCst) || given_up.load(Ordering::SeqCst) => Some(Power::Reboot),
        None if pipeline.goes_off() => Some(Power::Off),
        asked => asked,
    };
    match asked {
        Some(Power::Reboot) => system(&config.console.reboot)?,
        Some(Power::Off) => system(&config.console.power_off)?,
        None => {}
    }
    ended
}

/// What the daemon has done, for `systemctl status`.
#[derive(Default)]
struct Tally {
    bursts: u64,
    sightings: u64,
}

impl Tally {
    /// Counts a burst; one line on all of them.
    fn count(&mut self, done: &Acknowledged<'_>) -> String {
        self.bursts += 1;
        self.sightings += u64::from(done.burst.outcome == Outcome::Sighting);
        let (at, last) = (done.burst.triggered.format("%Y-%m-%d %H:%M UTC"), done.burst.outcome.as_str());
        format!("on watch: {} bursts, {} sightings; the last {last}, {at}", self.bursts, self.sightings)
    }
}

/// Switches the machine off or starts it anew, as a command or the page asked; systemd does it in order.
fn system(words: &[String]) -> Done {
    let shown = words.join(" ");
    let [program, arguments @ ..] = words else { return Ok(()) };
    match std::process::Command::new(program).args(arguments).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::runtime(anyhow::anyhow!("{shown} ended with {status}"))),
        Err(error) => Err(Failure::runtime(anyhow::anyhow!("{shown}: {error}"))),
    }
}

/// A trap that cannot start: mostly wrong input.
pub(super) fn unstarted(error: StartError) -> Failure {
    match error {
        StartError::Bundle(error) if !error.is_input() => Failure::runtime(error),
        other => Failure::input(other),
    }
}

/// Bundles on trial, watched as the trap stands watch.
struct Watched {
    site: Site,
    /// Dropped when the run ends.
    over: Option<mpsc::Sender<()>>,
}

impl Watched {
    fn begin(site: &Site) -> Watched {
        let trial = site.is_on() && Kind::ALL.iter().any(|kind| site.state().of(*kind).trial.is_some());
        let over = trial.then(|| {
            let (over, ended) = mpsc::channel();
            let site = site.clone();
            // It ends with the run; where it cannot begin, bursts alone tell.
            let _ = std::thread::Builder::new().name("trial".to_owned()).spawn(move || {
                let waited = ended.recv_timeout(site.base.bundles.good_after);
                if waited == Err(mpsc::RecvTimeoutError::Timeout) {
                    told(site.slots().stood(Utc::now()));
                    bundle::note(&site);
                }
            });
            over
        });
        Watched { site: site.clone(), over }
    }

    fn burst(&self, outcome: Outcome) {
        if self.over.is_some() && outcome != Outcome::Failed {
            told(self.site.slots().healthy_burst(self.site.base.bundles.good_after_bursts, Utc::now()));
        }
    }

    fn end(self, orderly: bool) {
        if self.over.is_some() && orderly {
            told(self.site.slots().orderly());
            bundle::note(&self.site);
        }
    }
}

fn told(done: Result<(), BundleError>) {
    if let Err(error) = done {
        log::error!("bundles: {error}");
    }
}

/// Wrong input or a device that failed.
fn unopened(error: BoardError) -> Failure {
    if error.is_input() { Failure::input(error) } else { Failure::runtime(error) }
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
