//! The last rung: ask for a restart of the system, a few times a day at most, remembered over restarts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use crate::drivers::whole_file;

/// When to give up and start the system anew.
#[derive(Debug, Clone)]
pub struct Reboots {
    /// Remembers the restarts; one that cannot be written means no restart, so that nothing goes round in circles.
    pub ledger: PathBuf,
    /// Most restarts in 24 hours; 0: never.
    pub per_day: u32,
    /// After so many bursts in a row without a picture.
    pub after: u32,
    /// Set when the system is to start anew.
    pub wish: Arc<AtomicBool>,
}

impl Reboots {
    /// The last `failed` bursts had no picture.
    pub(in crate::drivers) fn burst_failed(&mut self, failed: u32, now: DateTime<Utc>) {
        if self.per_day == 0 || failed < self.after.max(1) {
            return;
        }
        // A clock without battery may stand anywhere: whatever is within a day of now counts, before or after it.
        let text = fs::read_to_string(&self.ledger).unwrap_or_default();
        let day = |at: &DateTime<Utc>| (now - *at).abs() < TimeDelta::days(1);
        let times = text.lines().filter_map(|line| line.trim().parse::<DateTime<Utc>>().ok());
        let mut recent: Vec<DateTime<Utc>> = times.filter(day).collect();
        if recent.len() >= usize::try_from(self.per_day).unwrap_or(usize::MAX) {
            log::error!("the camera fails; {} restarts in a day are enough, the watch goes on", recent.len());
            return;
        }
        recent.push(now);
        let lines: String = recent.iter().map(|at| format!("{}\n", at.to_rfc3339())).collect();
        match write(&self.ledger, &lines) {
            Ok(()) => {
                log::error!("{failed} bursts in a row have no picture: the system is to start anew");
                self.wish.store(true, Ordering::SeqCst);
            }
            Err(error) => {
                log::error!("no restart: it could not be noted in {}: {error}", self.ledger.display())
            }
        }
    }
}

fn write(ledger: &Path, text: &str) -> std::io::Result<()> {
    let folder = ledger.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = ledger.file_name().unwrap_or_default().to_string_lossy();
    whole_file::write(folder, &name, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_rationed_over_restarts_and_need_a_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let start = "2026-05-20T06:00:00Z".parse::<DateTime<Utc>>().unwrap();
        // Each round is a new start of the program that knows no more than the ledger.
        let wishes = |ledger: PathBuf, hours: i64, failed: u32| {
            let wish = Arc::new(AtomicBool::new(false));
            let mut reboots = Reboots { ledger, per_day: 2, after: 3, wish: Arc::clone(&wish) };
            reboots.burst_failed(failed, start + TimeDelta::hours(hours));
            wish.load(Ordering::SeqCst)
        };
        let ledger = folder.path().join("reboots");
        assert!(!wishes(ledger.clone(), 0, 2), "two bursts may fail");
        let day: Vec<bool> = [0, 1, 2, 23, 25].map(|hours| wishes(ledger.clone(), hours, 3)).into();
        assert_eq!(day, [true, true, false, false, true]);
        assert!(!wishes(PathBuf::from("/sys/reboots"), 0, 3));
    }
}
