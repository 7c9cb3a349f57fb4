//! The daemon as a systemd service (`Type=notify`): it says when it is ready and what it does, and feeds the service's
//! watchdog for as long as every part of it makes progress. Without systemd nothing of this happens.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use sd_notify::NotifyState;

use super::Failure;
use crate::daemon::pulse::Pulse;

/// Between two looks where the service has no watchdog.
const LOOK: Duration = Duration::from_secs(10);

/// Tells systemd, in a thread of its own.
pub(super) struct Service {
    told: mpsc::Sender<String>,
    thread: JoinHandle<()>,
}

impl Service {
    /// Says that the daemon is ready, and begins to watch over its parts. `None` where no systemd started it.
    pub fn start(pulse: Arc<Pulse>) -> Result<Option<Service>, Failure> {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(None);
        }
        // Half of the watchdog's time: sd_watchdog_enabled(3) asks for it.
        let every = sd_notify::watchdog_enabled().map(|whole| whole / 2);
        tell(&[NotifyState::Ready, NotifyState::Status("on watch")]);
        let (told, statuses) = mpsc::channel::<String>();
        let work = move || {
            let mut missed = false;
            loop {
                match statuses.recv_timeout(every.unwrap_or(LOOK)) {
                    Ok(status) => {
                        let status = statuses.try_iter().last().unwrap_or(status);
                        tell(&[NotifyState::Status(&status)]);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                match pulse.stuck() {
                    None => {
                        missed = false;
                        if every.is_some() {
                            tell(&[NotifyState::Watchdog]);
                        }
                    }
                    Some((part, silent)) if !missed => {
                        missed = true;
                        let told = format!("the {part} has made no progress for {} s", silent.as_secs());
                        log::error!("{told}");
                        tell(&[NotifyState::Status(&told)]);
                    }
                    Some(_) => {}
                }
            }
        };
        let thread =
            std::thread::Builder::new().name("service".to_owned()).spawn(work).map_err(Failure::runtime)?;
        Ok(Some(Service { told, thread }))
    }

    /// One line on what the daemon does, for `systemctl status`.
    pub fn status(&self, line: String) {
        // A thread that has ended was told where it ended.
        let _ = self.told.send(line);
    }

    /// Says that the daemon ends in order.
    pub fn finish(self) {
        tell(&[NotifyState::Stopping]);
        drop(self.told);
        let _ = self.thread.join();
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("systemd was not told: {error}");
    }
}
