//! `trapline run --once`: one burst because the power came on, its messages, and the power goes off again.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Failure;
use super::run::{self, Args};
use super::sending::Working;
use crate::board::{Board, Power, Profile};
use crate::bundle::{Site, StartError};
use crate::config::Config;
use crate::daemon::models::Networks;
use crate::daemon::once::{Early, Unable};
use crate::daemon::pipeline::Judges;
use crate::drivers::trigger::Start;
use crate::hal::{PowerControl, Source, Woken};
use crate::store::Outbox;

/// A start: the configuration, its networks, and who judges where those cannot be opened.
pub(super) type Begun = (Config, Networks, Option<Box<dyn Judges>>);

/// Between two looks whether the messages have left.
const LOOK: Duration = Duration::from_millis(200);

/// Asks the camera for its pictures and puts the start in the trigger's place. The bench's own devices stay: they play
/// their first scene.
pub(super) fn begin(board: Board, config: &Config, by_clock: bool) -> Result<Board, Failure> {
    if board.bench {
        return Ok(board);
    }
    let Board { camera, clock, mut power, .. } = board;
    let at = clock.utc().0;
    let camera = Early::ask(camera, config.burst.frames, config.burst.interval).map_err(Failure::runtime)?;
    let source = if by_clock { Source::Timer } else { source(power.as_deref_mut()) };
    let trigger = Start::new(at, source);
    Ok(Board { trigger: Box::new(trigger), camera: Box::new(camera), clock, power, ..board })
}

/// The sensor outside, unless the controller says that its alarm woke the machine.
fn source(power: Option<&mut (dyn PowerControl + 'static)>) -> Source {
    match power.map(|control| control.woken()) {
        Some(Ok(Woken::Alarm)) => Source::Timer,
        _ => Source::Pir,
    }
}

/// The configuration and the networks, or, in a run for one burst whose networks cannot be opened, what keeps the burst
/// without them: the pictures are taken, and nobody may come for weeks.
pub(super) fn judge(site: &Site, args: &Args) -> Result<Begun, Failure> {
    let finish = |config| args.instead.change(config);
    if !args.once {
        let (config, networks, _) = site.start(&finish, chrono::Utc::now()).map_err(run::unstarted)?;
        return Ok((config, networks, None));
    }
    match site.start(&finish, chrono::Utc::now()) {
        Ok((config, networks, _)) => Ok((config, networks, None)),
        Err(StartError::Models(error)) => {
            log::error!("{error}; this burst is kept and not judged");
            let unable: Box<dyn Judges> = Box::new(Unable(format!("no networks: {error}")));
            Ok((finish(site.base.clone()), Networks::default(), Some(unable)))
        }
        Err(error) => Err(run::unstarted(error)),
    }
}

/// Waits until the messages of `journal` have left, `most` at the longest. How many did not.
pub(super) fn send(sender: &Working, journal: &Path, most: Duration) -> u32 {
    let begun = Instant::now();
    loop {
        sender.ring();
        let left = Outbox::beside(journal).and_then(|outbox| outbox.backlog());
        match left {
            Ok(0) => return 0,
            Ok(left) if begun.elapsed() >= most => return left,
            Err(error) if begun.elapsed() >= most => {
                log::error!("{error}");
                return 0;
            }
            _ => std::thread::sleep(LOOK),
        }
    }
}

/// Whether a controller at the sensor wakes the machine.
pub(super) fn watched(profile: &Profile) -> bool {
    profile.power == Power::Outside
}
