//! The satellite receiver beside the pipeline: asked in a thread of its own.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Failure;
use crate::board::{self, Profile};
use crate::daemon::locate::{Around, Last, Plan, Whereabouts};
use crate::store::Outbox;

/// After a journal that could not be read or written.
const AFTER_FAULT: Duration = Duration::from_secs(60);

/// Where the receiver of `profile` found `deployment` in an earlier run, by `journal`.
pub(super) fn remembered(profile: &Profile, journal: &Path, deployment: &str) -> Option<(f64, f64)> {
    profile.gps.as_ref().filter(|_| journal.is_file())?;
    // A journal that cannot be read is told where it is opened for writing.
    Last::place(&Outbox::beside(journal).ok()?, deployment)
}

/// The thread; `None`: the board has no receiver.
pub(super) struct Locating(Option<(mpsc::Sender<()>, JoinHandle<()>)>);

impl Locating {
    /// Starts it. A receiver whose power line cannot be had is told and left alone: it keeps no trap from its watch.
    pub fn start(profile: &Profile, around: Around) -> Result<Locating, Failure> {
        let Some(wiring) = &profile.gps else { return Ok(Locating(None)) };
        let locator = match board::locator(profile) {
            Ok(Some(locator)) => locator,
            Ok(None) => return Ok(Locating(None)),
            Err(fault) => {
                log::error!("{fault}");
                return Ok(Locating(None));
            }
        };
        let plan =
            Plan { every: wiring.every, wait: wiring.wait, again: wiring.again, decimals: wiring.decimals };
        let mut whereabouts = Whereabouts::new(locator, plan, around).map_err(Failure::runtime)?;
        let (over, ended) = mpsc::channel::<()>();
        let work = move || {
            loop {
                let pause = whereabouts.step().unwrap_or_else(|error| {
                    log::error!("the satellite receiver's word is not journaled: {error}");
                    AFTER_FAULT
                });
                if ended.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    whereabouts.rest();
                    return;
                }
            }
        };
        let thread =
            std::thread::Builder::new().name("gps".to_owned()).spawn(work).map_err(Failure::runtime)?;
        Ok(Locating(Some((over, thread))))
    }

    /// Ends it, the receiver without power; what it listens to ends within a second.
    pub fn finish(self) {
        if let Some((over, thread)) = self.0 {
            drop(over);
            if thread.join().is_err() {
                log::error!("the program failed on the satellite receiver");
            }
        }
    }
}
