//! Bursts that commands asked for: each is answered once, with its number or with a failure, over restarts too.

use std::time::Duration;

use crate::event::Source;
use crate::store::{JournalError, Outbox};

/// Under this name the journal keeps the counters of commands whose burst is not there yet.
const WAITING: &str = "sender.wishes";

/// A burst that is not in the journal after this does not come: the camera's longest burst is five minutes
/// (`stream.burst_ms`), and another may be at work before it.
const PATIENCE: Duration = Duration::from_secs(900);

/// Between two looks for a burst that is to come; the bell rings before that, as a rule.
pub(super) const LOOK: Duration = Duration::from_secs(2);

/// Commands whose burst is not there yet, and until when they are waited for; at once where a restart cut them.
#[derive(Debug, Default)]
pub(super) struct Wishes(Vec<(u32, Duration)>);

/// Who asked, as the journal keeps it with the burst.
pub(super) fn who(counter: u32) -> String {
    format!("command {counter}")
}

impl Wishes {
    /// Those that an earlier start left: the wish itself is gone with it, its burst may be in the journal.
    pub fn load(outbox: &Outbox) -> Result<Wishes, JournalError> {
        let counters: Vec<u32> =
            outbox.state(WAITING)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Ok(Wishes(counters.into_iter().map(|counter| (counter, Duration::ZERO)).collect()))
    }

    pub fn add(&mut self, outbox: &mut Outbox, counter: u32, up: Duration) -> Result<(), JournalError> {
        self.0.push((counter, up + PATIENCE));
        self.keep(outbox)
    }

    pub fn remove(&mut self, outbox: &mut Outbox, counter: u32) -> Result<(), JournalError> {
        self.0.retain(|(waiting, _)| *waiting != counter);
        self.keep(outbox)
    }

    /// Whether any is waited for.
    pub fn waits(&self) -> bool {
        !self.0.is_empty()
    }

    /// Those that are over: with the number of their burst, or without one.
    pub fn over(&self, outbox: &Outbox, up: Duration) -> Result<Vec<(u32, Option<u32>)>, JournalError> {
        let mut over = Vec::new();
        for (counter, until) in &self.0 {
            let number = outbox.caused(Source::Asked, &who(*counter))?;
            if number.is_some() || up >= *until {
                over.push((*counter, number));
            }
        }
        Ok(over)
    }

    fn keep(&self, outbox: &mut Outbox) -> Result<(), JournalError> {
        let counters: Vec<u32> = self.0.iter().map(|(counter, _)| *counter).collect();
        // Numbers always have a JSON form.
        outbox.put_state(WAITING, &serde_json::to_vec(&counters).unwrap_or_default())
    }
}
