//! What a kept network passed, noted beside it, so that it is not asked to pass it again.

use std::path::PathBuf;

/// A line in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note(PathBuf);

impl Note {
    /// The note in `file`, which need not be there yet.
    pub fn at(file: PathBuf) -> Note {
        Note(file)
    }

    /// Whether it is the line `checks`.
    pub fn says(&self, checks: &str) -> bool {
        std::fs::read_to_string(&self.0).is_ok_and(|noted| noted == checks)
    }

    /// Notes the line `checks`, which tells all that the checks depend on. What fails is told to the log: the network is
    /// tried again at the next start.
    pub fn write(&self, checks: &str) {
        if let Err(error) = std::fs::write(&self.0, checks) {
            log::debug!("{}: {error}", self.0.display());
        }
    }
}
