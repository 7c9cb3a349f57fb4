//! Time since the process began, for the log: traps whose power is cut between triggers start for every burst.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

static BEGAN: OnceLock<Instant> = OnceLock::new();

/// The process begins: to be called first of all. Later calls change nothing.
pub fn begin() {
    BEGAN.get_or_init(Instant::now);
}

/// Tells the log (debug) that `what` is reached, and how many milliseconds after [`begin`].
pub fn reached(what: &str) {
    was(what, Duration::ZERO);
}

/// The same for what was reached so long `ago`.
pub fn was(what: &str, ago: Duration) {
    if let Some(began) = BEGAN.get() {
        let after = began.elapsed().saturating_sub(ago);
        log::debug!("{what} {:.1} ms after the start", after.as_secs_f64() * 1000.0);
    }
}
