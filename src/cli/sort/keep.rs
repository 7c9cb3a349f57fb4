//! What is done stays done: results of sequences in the journal, found again by what they depend on.

use std::path::Path;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::report::Report;
use super::work::Judged;
use crate::cli::Failure;
use crate::cli::progress::warn;
use crate::daemon::record::{category, models, observation};
use crate::photos::{Photo, Sequence};
use crate::store::record::{Box, Burst, Frame, Media, MediaKind};
use crate::store::{Deployment, Effort, EffortKind, Journal, JournalError, Start};
use crate::units::ClockQuality;
use crate::vision::FrameJudgement;

/// Under this name, followed by the lane's, the journal keeps what was learnt of a scene.
const LEARNT: &str = "sort.learnt.";

/// The journal as this verb uses it.
#[derive(Debug)]
pub struct Keep {
    journal: Journal,
    models: Vec<String>,
}

impl Keep {
    /// Opens or makes the journal. What is wrong with the file or its place is wrong input.
    pub fn open(file: &Path, models: &[String]) -> Result<Self, Failure> {
        let start = Start { at: Utc::now(), clock: ClockQuality::Rtc, kernel_boot: String::new() };
        let (journal, opened) = Journal::open(file, &Deployment::named("photos"), &start).map_err(failure)?;
        if let Some(aside) = opened.quarantined {
            warn(&format!(
                "journal {} was damaged; it stands aside as {}, {} rows were saved from it",
                file.display(),
                aside.file.display(),
                opened.salvaged
            ));
        }
        Ok(Keep { journal, models: models.to_vec() })
    }

    /// The result of a sequence, if it was judged before. One that cannot be read is judged again.
    pub fn get(&self, source: &str) -> Result<Option<Report>, JournalError> {
        Ok(self.journal.has_source(source)?.and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// What was learnt of the scene of `lane`.
    pub fn learnt(&self, lane: &str) -> Result<Option<Vec<u8>>, JournalError> {
        self.journal.state(&format!("{LEARNT}{lane}"))
    }

    /// Keeps a result: when this returns, it survives a power cut.
    pub fn put(&mut self, judged: &Judged, report: &Report) -> anyhow::Result<()> {
        match self.journal.record(&self.burst(judged, report)?, &[]) {
            // Kept before, but its report could not be read back: the record stands.
            Ok(_) | Err(JournalError::Duplicate(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(learnt) = &judged.learnt {
            self.journal.put_state(&format!("{LEARNT}{}", judged.job.lane), learnt)?;
        }
        Ok(())
    }

    /// Ends in order, so that the next start does not take this one for a power cut.
    pub fn close(mut self) -> Result<(), JournalError> {
        self.journal.log_effort(EffortKind::Stop, Utc::now(), ClockQuality::Rtc, &Effort::default())
    }

    /// The rows of a sequence. Without a time it stands at the epoch, its clock unset.
    fn burst(&self, judged: &Judged, report: &Report) -> anyhow::Result<Burst> {
        let first = report.first.map(|t| t.to_utc());
        let triggered = first.unwrap_or(DateTime::UNIX_EPOCH);
        let judgement = &judged.judgement;
        let photos = judged.job.sequence.photos();
        Ok(Burst {
            triggered,
            clock: if first.is_some() { ClockQuality::Rtc } else { ClockQuality::Unset },
            outcome: judgement.outcome,
            probability: judgement.probability,
            frames: photos
                .zip(&judgement.frames)
                .zip(&judged.hashes)
                .map(|((photo, frame), hash)| row(photo, frame, *hash, triggered))
                .collect(),
            observations: judgement.sightings.iter().map(observation).collect(),
            faults: judgement.faults.clone(),
            millis: u32::try_from(judged.spent.as_millis()).unwrap_or(u32::MAX),
            suppressed: 0,
            models: models(&self.models, judgement),
            cause: None,
            source: Some(judged.job.source.clone()),
            report: Some(serde_json::to_string(report)?),
        })
    }
}

/// The row of one photo; one without a time stands at `otherwise`.
fn row(photo: &Photo, judged: &FrameJudgement, hash: Option<[u8; 32]>, otherwise: DateTime<Utc>) -> Frame {
    let boxes = judged.detections.iter().map(|d| Box {
        bbox: d.bbox,
        category: category(d.category).to_owned(),
        confidence: d.confidence,
        moving: d.moving,
        track: d.track,
    });
    Frame {
        taken: photo.taken.map_or(otherwise, |t| t.to_utc()),
        failed: judged.failed.clone(),
        moved: judged.moved,
        size: judged.size,
        infrared: judged.infrared,
        bytes: photo.bytes,
        boxes: boxes.collect(),
        // A name that is no text cannot be kept, and a photo that cannot be read has no hash.
        media: hash.zip(photo.path.to_str()).map(|(sha256, path)| Media {
            path: path.to_owned(),
            sha256,
            bytes: photo.bytes,
            kind: MediaKind::Frame,
        }),
    }
}

/// Where the user is to blame and where the machine.
fn failure(error: JournalError) -> Failure {
    if error.is_input() { Failure::input(error) } else { Failure::runtime(error) }
}

/// Names what is learnt of one camera's scene: it depends on models and settings as the results do.
pub fn lane(camera: &str, models: &[String], settings: &str) -> String {
    let mut hash = Fingerprint::new(models, settings);
    hash.add(camera.as_bytes());
    hash.end()
}

/// Names a result by all that it depends on: every file with its length and time of last change, what was read
/// from it, how it was grouped, the models and the settings. Any change makes another name, so that no stale
/// result is taken. 64 hexadecimal digits.
pub fn source(sequence: &Sequence, models: &[String], settings: &str) -> String {
    let mut hash = Fingerprint::new(models, settings);
    hash.add(sequence.camera.as_bytes());
    for burst in &sequence.bursts {
        hash.add(b"burst");
        for photo in burst {
            hash.add(photo.path.as_os_str().as_encoded_bytes());
            hash.add(&photo.bytes.to_le_bytes());
            let modified = photo.modified.and_then(|m| m.duration_since(std::time::UNIX_EPOCH).ok());
            hash.add(&modified.map_or(0, |m| m.as_nanos()).to_le_bytes());
            hash.add(photo.taken.map(|t| t.to_rfc3339()).unwrap_or_default().as_bytes());
            hash.add(photo.unreadable.as_deref().unwrap_or_default().as_bytes());
        }
    }
    hash.end()
}

/// SHA-256 over fields, each led by its length so that none can run into the next.
struct Fingerprint(Sha256);

impl Fingerprint {
    /// Begins with what every result depends on.
    fn new(models: &[String], settings: &str) -> Self {
        let mut hash = Fingerprint(Sha256::new());
        hash.add(env!("CARGO_PKG_VERSION").as_bytes());
        hash.add(&(models.len() as u64).to_le_bytes());
        models.iter().for_each(|m| hash.add(m.as_bytes()));
        hash.add(settings.as_bytes());
        hash
    }

    fn add(&mut self, field: &[u8]) {
        self.0.update((field.len() as u64).to_le_bytes());
        self.0.update(field);
    }

    /// 64 hexadecimal digits.
    fn end(self) -> String {
        self.0.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(change: impl Fn(&mut Photo)) -> Sequence {
        let mut photo = Photo {
            path: "card/a.jpg".into(),
            folder: "card".into(),
            device: String::new(),
            taken: None,
            bytes: 7,
            modified: Some(std::time::UNIX_EPOCH),
            unreadable: None,
        };
        change(&mut photo);
        Sequence { camera: "card".into(), bursts: vec![vec![photo]] }
    }

    #[test]
    fn whatever_a_result_depends_on_changes_its_name() {
        let models = ["detector a@1".to_owned()];
        let same = |_: &mut Photo| {};
        let plain = source(&sequence(same), &models, "gap 20");
        assert_eq!(plain, source(&sequence(same), &models, "gap 20"));
        let second = std::time::Duration::from_secs(1);
        let others = [
            source(&sequence(|p| p.bytes = 8), &models, "gap 20"),
            source(&sequence(|p| p.path = "card/b.jpg".into()), &models, "gap 20"),
            source(&sequence(|p| p.modified = Some(std::time::UNIX_EPOCH + second)), &models, "gap 20"),
            source(&sequence(|p| p.unreadable = Some("gone".into())), &models, "gap 20"),
            source(&sequence(same), &[], "gap 20"),
            source(&sequence(same), &models, "gap 21"),
        ];
        assert!(others.iter().all(|o| *o != plain));
    }
}
