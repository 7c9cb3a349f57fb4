//! The sender beside the pipeline: set up, and run in a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Failure, uplinks};
use crate::board::SharedGauges;
use crate::bundle::Site;
use crate::config::{Config, Thresholds};
use crate::daemon::models::Networks;
use crate::daemon::pipeline::Pipeline;
use crate::daemon::power::Shedding;
use crate::daemon::pulse::Beat;
use crate::daemon::rules::Rules;
use crate::daemon::sender::{Errand, Sender, Setup};
use crate::daemon::taxa;
use crate::hal::{Asks, Clock, Place};
use crate::store::{JournalError, Outbox};
use crate::vision::fence::Fence;

/// What the sender needs of the networks, which the judge takes over.
pub(super) struct Taxa {
    names: Vec<String>,
    ancestors: std::collections::BTreeMap<String, Vec<String>>,
}

impl Taxa {
    /// Every name the classifiers can give.
    pub fn known(networks: &Networks) -> Vec<taxa::Known> {
        taxa::known(&networks.labels())
    }

    /// Of the classifier, under the site's lists; a trap without one knows animals, people and vehicles.
    pub fn of(networks: &Networks, config: &Config) -> Taxa {
        let labels = &networks.labels();
        let fence = Fence { allow: config.species.allow.clone(), block: config.species.block.clone() };
        Taxa { names: taxa::names(labels, &fence), ancestors: taxa::ancestors(labels) }
    }

    /// The codebook's names, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// A sender, and what it has others do.
pub(super) struct Ready {
    pub sender: Sender,
    /// Thresholds, for [`Pipeline::listen`].
    pub retunes: Receiver<Thresholds>,
    /// Set when the system is to start anew.
    pub reboot: Arc<AtomicBool>,
}

/// What a sender has around it.
pub(super) struct Around<'a> {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Tells how the trap is.
    pub gauges: SharedGauges,
    /// Set when a command wants a restart.
    pub stop: &'a Arc<AtomicBool>,
    /// Where bundles go; `None`: they are not taken.
    pub site: Option<&'a Site>,
    /// What is to be left be while the battery is low.
    pub shedding: Arc<Shedding>,
    /// Takes wishes for a burst.
    pub asks: Arc<dyn Asks>,
    /// Where the trap stands.
    pub place: Place,
}

/// Sets a sender up on the journal of `pipeline`.
pub(super) fn ready(
    config: &Config,
    pipeline: &Pipeline,
    taxa: Taxa,
    around: Around<'_>,
) -> Result<Ready, Failure> {
    let Around { clock, gauges, stop, site, shedding, asks, place } = around;
    let channels = uplinks::open(config, &clock)?;
    let outbox = Outbox::of(pipeline.journal()).map_err(Failure::runtime)?;
    let (retune, retunes) = mpsc::channel();
    let reboot = Arc::new(AtomicBool::new(false));
    let (ordered, stop) = (Arc::clone(&reboot), Arc::clone(stop));
    let site = site.filter(|site| site.is_on()).cloned();
    let ancestors = taxa.ancestors;
    let lineage = move |name: &str| ancestors.get(name).cloned().unwrap_or_default();
    let setup = Setup {
        sending: config.out.sending.clone(),
        site: config.site.name.clone(),
        thresholds: config.thresholds.clone(),
        names: taxa.names,
        channels,
        watch: Box::new(Rules::new(config.alerts.clone(), place, Box::new(lineage))),
        key: config.out.commands.key.clone(),
        media: config.journal.media.clone(),
        clock,
        gauges: Box::new(gauges),
        errands: Box::new(move |errand| match errand {
            // A pipeline that has ended needs no thresholds.
            Errand::Retune(thresholds) => drop(retune.send(thresholds)),
            Errand::Bundle(bytes) => match &site {
                Some(site) => bundle_came(site.clone(), bytes),
                None => {
                    log::warn!("a bundle came by an uplink, and [bundles] keys is empty: it is not looked at")
                }
            },
            Errand::Reboot => {
                ordered.store(true, Ordering::SeqCst);
                stop.store(true, Ordering::SeqCst);
            }
        }),
        asks,
        shedding,
        boot: pipeline.journal().boot(),
    };
    let sender = Sender::new(outbox, setup).map_err(Failure::runtime)?;
    Ok(Ready { sender, retunes, reboot })
}

/// Installs a bundle that an uplink brought, in a thread of its own: its self-test takes seconds.
fn bundle_came(site: Site, bytes: Vec<u8>) {
    let work = move || {
        // What became of it is in the log, in the folder of the bundles and in the journal.
        let _ = site.install_bytes(&bytes, chrono::Utc::now());
        super::bundle::note(&site);
    };
    if let Err(error) = std::thread::Builder::new().name("bundle".to_owned()).spawn(work) {
        log::error!("a bundle is not installed: {error}");
    }
}

/// The sender in its thread. Dropping it without [`Working::finish`] lets the thread end by itself.
pub(super) struct Working {
    bell: mpsc::Sender<()>,
    thread: JoinHandle<Sender>,
}

impl Working {
    /// Starts the thread.
    pub fn start(mut sender: Sender, beat: Beat) -> Result<Working, Failure> {
        let (bell, rung) = mpsc::channel();
        let work = move || {
            loop {
                beat.beat();
                let pause = attempt(&mut sender);
                beat.beat();
                match rung.recv_timeout(pause) {
                    Ok(()) => rung.try_iter().for_each(drop),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return sender,
                }
            }
        };
        let thread =
            std::thread::Builder::new().name("sender".to_owned()).spawn(work).map_err(Failure::runtime)?;
        Ok(Working { bell, thread })
    }

    /// Something was recorded.
    pub fn ring(&self) {
        // A sender that has ended was told where it ended.
        let _ = self.bell.send(());
    }

    /// Lets it finish what it is at and take one last look.
    pub fn finish(self) -> Option<Sender> {
        drop(self.bell);
        let mut sender = self.thread.join().ok()?;
        attempt(&mut sender);
        Some(sender)
    }
}

/// One step; what fails is told and tried again, for the journal keeps everything meanwhile.
pub(super) fn attempt(sender: &mut Sender) -> Duration {
    /// After a journal that could not be read or written.
    const AFTER_FAULT: Duration = Duration::from_secs(10);
    sender.step().unwrap_or_else(|error: JournalError| {
        log::error!("the sender waits: {error}");
        AFTER_FAULT
    })
}
