//! What is done stays done: results of sequences in the journal, found again by what they depend on.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::report::Report;
use super::work::Judged;
use crate::cli::Failure;
use crate::photos::Sequence;

/// The journal as this verb uses it.
#[derive(Debug)]
pub struct Keep {}

impl Keep {
    /// Opens or makes the journal.
    pub fn open(_file: &Path, _models: &[String]) -> Result<Self, Failure> {
        Err(Failure::runtime(anyhow::anyhow!("not built yet")))
    }

    /// The result of a sequence, if it was judged before.
    pub fn get(&self, _source: &str) -> anyhow::Result<Option<Report>> {
        Ok(None)
    }

    /// Keeps a result: when this returns, it survives a power cut.
    pub fn put(&mut self, _judged: &Judged, _report: &Report) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Names a result by all that it depends on: every file with its length and time of last change, what was read
/// from it, how it was grouped, the models and the settings. Any change makes another name, so that no stale
/// result is taken. 64 hexadecimal digits.
pub fn source(sequence: &Sequence, models: &[String], settings: &str) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    models.iter().for_each(|m| add(m.as_bytes()));
    add(settings.as_bytes());
    add(sequence.camera.as_bytes());
    for burst in &sequence.bursts {
        add(b"burst");
        for photo in burst {
            add(photo.path.as_os_str().as_encoded_bytes());
            add(&photo.bytes.to_le_bytes());
            let modified = photo.modified.and_then(|m| m.duration_since(std::time::UNIX_EPOCH).ok());
            add(&modified.map_or(0, |m| m.as_nanos()).to_le_bytes());
            add(photo.taken.map(|t| t.to_rfc3339()).unwrap_or_default().as_bytes());
            add(photo.unreadable.as_deref().unwrap_or_default().as_bytes());
        }
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
