//! What the triggers have used up of their budgets, kept in the journal: a trap that starts anew in a storm, by its own
//! fault or for want of power, goes on where it was.
//!
//! How long it was gone is told by the kernel's own count while the kernel is the same, and else by the clock, where it
//! was set then and is now. Where it was not, or runs behind what it said, no time counts as passed: a budget that comes
//! back too late costs bursts for an hour, one that comes back too early the battery.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Devices, Pipeline};
use crate::hal::{Clock, Spent};
use crate::store::{Journal, JournalError};
use crate::units::ClockQuality;

/// Under this name the journal keeps it.
const SPENT: &str = "trigger.spent";

/// The kernel's name for this boot (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The kernel's name for this boot; empty where it has none.
pub(super) fn kernel_boot() -> String {
    std::fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned()
}

/// A moment, by every clock there is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Moment {
    /// The kernel's boot, and milliseconds since it, sleep included.
    boot: String,
    up: u64,
    /// Milliseconds since 1970, where the clock was set.
    utc: Option<i64>,
}

impl Moment {
    fn now(clock: &dyn Clock) -> Moment {
        let (utc, quality) = clock.utc();
        let utc = (quality != ClockQuality::Unset).then(|| utc.timestamp_millis());
        Moment { boot: kernel_boot(), up: up(), utc }
    }

    /// Time from `then` until this moment, as far as it is certain.
    fn since(&self, then: &Moment) -> Duration {
        if !self.boot.is_empty() && self.boot == then.boot {
            return Duration::from_millis(self.up.saturating_sub(then.up));
        }
        let passed =
            self.utc.zip(then.utc).and_then(|(now, then)| u64::try_from(now.checked_sub(then)?).ok());
        Duration::from_millis(passed.unwrap_or(0))
    }
}

/// Milliseconds since the kernel's boot.
fn up() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let whole = u64::try_from(time.tv_sec).unwrap_or(0).saturating_mul(1000);
        whole + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000
    }
    #[cfg(not(target_os = "linux"))]
    0
}

/// What was used up, and when that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    at: Moment,
    spent: Vec<Spent>,
}

/// Has the trigger take up what an earlier run has used up; bytes that cannot be read are told and left alone.
pub(super) fn recall(journal: &Journal, devices: &mut Devices, cut_short: bool) -> Result<(), JournalError> {
    let Some(bytes) = journal.state(SPENT)? else { return Ok(()) };
    match serde_json::from_slice::<Kept>(&bytes) {
        Ok(kept) => {
            let passed = Moment::now(&*devices.clock).since(&kept.at);
            devices.trigger.recall(&kept.spent, passed, cut_short);
        }
        Err(error) => log::error!("what the triggers had used up cannot be read, they begin anew: {error}"),
    }
    Ok(())
}

impl Pipeline {
    /// Keeps what the triggers have used up. A card that does not take it costs a budget at the next start, no burst now.
    pub(super) fn keep_spent(&mut self) {
        let spent = self.devices.trigger.spent();
        if spent.is_empty() {
            return;
        }
        let kept = Kept { at: Moment::now(&*self.devices.clock), spent };
        let bytes = serde_json::to_vec(&kept).unwrap_or_default();
        if let Err(error) = self.journal.put_state(SPENT, &bytes) {
            log::error!("what the triggers have used up is not kept: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(boot: &str, up: u64, utc: Option<i64>) -> Moment {
        Moment { boot: boot.to_owned(), up, utc }
    }

    #[test]
    fn time_passes_by_the_kernel_else_by_clocks_that_were_set_and_else_not_at_all() {
        let then = moment("a", 60_000, Some(1_000_000));
        for (now, passed) in [
            // A restart of the program: whatever the clock was set to meanwhile.
            (moment("a", 75_000, Some(9_000_000_000)), 15_000),
            (moment("a", 75_000, None), 15_000),
            (moment("a", 75_000, Some(0)), 15_000),
            // A restart of the machine.
            (moment("b", 5_000, Some(1_040_000)), 40_000),
            (moment("b", 5_000, None), 0),
            (moment("b", 5_000, Some(900_000)), 0),
            (moment("", 75_000, Some(1_040_000)), 40_000),
        ] {
            assert_eq!(now.since(&then).as_millis(), passed, "{now:?}");
        }
        let unset = moment("a", 60_000, None);
        assert_eq!(moment("b", 5_000, Some(1_040_000)).since(&unset), Duration::ZERO);
        assert_eq!(
            moment("", 75_000, None).since(&moment("", 60_000, None)),
            Duration::ZERO,
            "no name, no boot"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_counts() {
        let (first, begun) = (up(), std::time::Instant::now());
        std::thread::sleep(Duration::from_millis(30));
        let passed = up() - first;
        assert!(passed >= 29 && passed <= begun.elapsed().as_millis() as u64 + 1, "{passed}");
        assert!(!kernel_boot().is_empty());
    }
}
