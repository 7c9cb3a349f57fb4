//! The rows of the journal as values: what the pipeline hands over and what readers get back.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::event::{EventKey, Outcome, Source};
use crate::units::{BBox, ClockQuality, Flank, Recognition, Score};

/// One burst as it is journaled, in one transaction. The journal adds deployment, boot and number.
#[derive(Debug, Clone, PartialEq)]
pub struct Burst {
    /// Time of the trigger by the trap's clock (or of the first photo, for folders of photos).
    pub triggered: DateTime<Utc>,
    /// How far that clock could be trusted.
    pub clock: ClockQuality,
    /// The verdict.
    pub outcome: Outcome,
    /// Calibrated probability that something living is in it.
    pub probability: Score,
    /// Every frame, in order.
    pub frames: Vec<Frame>,
    /// What was seen.
    pub observations: Vec<Observation>,
    /// Faults on the way, told.
    pub faults: Vec<String>,
    /// From trigger to verdict, milliseconds.
    pub millis: u32,
    /// Triggers swallowed before this burst (effort).
    pub suppressed: u32,
    /// The models that judged: `role name@sha256-prefix`.
    pub models: Vec<String>,
    /// Who asked for it; `None` for photos from folders, and in journals from before version 5.
    pub cause: Option<Cause>,
    /// For photos from folders: the stable id of the sequence they came as; `None` on the trap.
    pub source: Option<String>,
    /// For photos from folders: the JSON object that was printed, for resuming.
    pub report: Option<String>,
}

/// Who asked for a burst.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// Which kind of trigger.
    pub source: Source,
    /// The PIRs' lines that saw it, or who it was that asked.
    pub detail: Option<String>,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{} ({detail})", self.source.as_str()),
            None => f.write_str(self.source.as_str()),
        }
    }
}

/// One frame of a burst.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// When it was taken.
    pub taken: DateTime<Utc>,
    /// Why it could not be read or judged.
    pub failed: Option<String>,
    /// Share of the picture that moved, 0..=1.
    pub moved: f32,
    /// Upright size in pixels, (width, height).
    pub size: (u32, u32),
    /// No colour in it.
    pub infrared: bool,
    /// Bytes the camera gave, kept or not.
    pub bytes: u64,
    /// Its boxes.
    pub boxes: Vec<Box>,
    /// The file kept on the card, if any.
    pub media: Option<Media>,
}

/// One box on a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Box {
    /// Where, normalised.
    pub bbox: BBox,
    /// `animal`, `person` or `vehicle`.
    pub category: String,
    /// Confidence.
    pub confidence: Score,
    /// Overlaps a region that moved.
    pub moving: bool,
    /// Individual within the burst.
    pub track: u32,
}

/// A file on the card that belongs to a burst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Path below the media folder (trap) or as given (folders of photos).
    pub path: String,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// Length in bytes.
    pub bytes: u64,
    /// What it shows: a whole frame or a crop.
    pub kind: MediaKind,
}

/// What a media file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// The whole frame, bytes as the camera gave them.
    Frame,
    /// A crop around a box.
    Crop,
}

/// One kind of animal (or person, or vehicle) seen in a burst.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Scientific name; `Homo sapiens` for people, empty for vehicles.
    pub taxon: String,
    /// Rank of `taxon`, lower case: `species`, `genus`, …, `kingdom`.
    pub rank: String,
    /// English name.
    pub label: String,
    /// Probability of `taxon`.
    pub score: Score,
    /// Largest number seen at once.
    pub count: u16,
    /// The classifier's five most probable labels, before roll-up and geofence.
    pub top5: Vec<(String, Score)>,
    /// The tracks it is made of.
    pub tracks: Vec<u32>,
    /// What else a network told of it.
    #[serde(default)]
    pub traits: Traits,
    /// Which individuals they are, as far as a gallery tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub individuals: Vec<Identity>,
}

/// What a gallery tells of one animal that was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Whether it was met before.
    pub recognition: Recognition,
    /// Its name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub individual: Option<String>,
    /// Cosine to the nearest individual, -1..=1; `None` where nobody could be compared.
    pub similarity: Option<f32>,
    /// Probability that it is the nearest individual; `None` where nobody could be compared or the network has no
    /// calibration.
    pub probability: Option<Score>,
    /// The side towards the camera.
    pub flank: Flank,
    /// The tracks it is made of.
    pub tracks: Vec<u32>,
    /// The individuals it is most like with their similarities, most similar first.
    pub nearest: Vec<(String, f32)>,
}

/// Life stage and behaviour of what was seen, in Camtrap DP's terms, where a network tells them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traits {
    /// `adult`, `subadult` or `juvenile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life_stage: Option<String>,
    /// Behaviours with `|` between them, the most certain first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<String>,
}

/// What the column `top5` of an observation holds: the list alone, or an object with the list and what else was told.
/// Journals from before that hold lists only, so the schema did not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Told {
    /// The list.
    Plain(Vec<(String, Score)>),
    /// With what else was told.
    More {
        /// The list.
        top5: Vec<(String, Score)>,
        /// Life stage and behaviour.
        #[serde(flatten)]
        traits: Traits,
        /// Individuals.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        individuals: Vec<Identity>,
    },
}

impl Told {
    pub(super) fn of(seen: &Observation) -> Told {
        let (top5, traits, individuals) = (seen.top5.clone(), seen.traits.clone(), seen.individuals.clone());
        if traits == Traits::default() && individuals.is_empty() {
            return Told::Plain(top5);
        }
        Told::More { top5, traits, individuals }
    }

    pub(super) fn parts(self) -> (Vec<(String, Score)>, Traits, Vec<Identity>) {
        match self {
            Told::Plain(top5) => (top5, Traits::default(), Vec::new()),
            Told::More { top5, traits, individuals } => (top5, traits, individuals),
        }
    }
}

impl Default for Told {
    fn default() -> Self {
        Told::Plain(Vec::new())
    }
}

/// A burst read back from the journal. Times are kept to the microsecond.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Names it for ever.
    pub key: EventKey,
    /// Site or deployment it was recorded under.
    pub deployment: String,
    /// Id of the sequence it belongs to: bursts closer than the gap share one.
    pub sequence: u64,
    /// What was recorded. A frame's `media` is there as long as its file is kept.
    pub burst: Burst,
    /// Every file it had, those that are gone as well.
    pub media: Vec<StoredMedia>,
    /// The events it sent or will send.
    pub events: Vec<StoredEvent>,
}

/// A file of a burst, with its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMedia {
    /// Its number, unique in the journal.
    pub number: u64,
    /// Position of its frame in the burst, from 0.
    pub frame: usize,
    /// The file.
    pub media: Media,
    /// True where it lies in the trap's media folder, false for users' photos.
    pub owned: bool,
    /// When and why it went.
    pub gone: Option<(DateTime<Utc>, String)>,
}

/// An event of a burst in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its key.
    pub key: EventKey,
    /// When a receiver acknowledged it.
    pub sent: Option<DateTime<Utc>>,
}

/// A sequence read back from the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSequence {
    /// Its id.
    pub id: u64,
    /// Site or deployment.
    pub deployment: String,
    /// Time of its first frame.
    pub first: DateTime<Utc>,
    /// Time of its last frame.
    pub last: DateTime<Utc>,
    /// How many bursts it is made of.
    pub bursts: u32,
    /// The judgement over all its frames.
    pub outcome: Outcome,
    /// Calibrated probability that something living is in it.
    pub probability: Score,
    /// What was seen over all its frames.
    pub observations: Vec<Observation>,
}

/// One row of effort: what the trap did since the row before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEffort {
    /// The start it belongs to.
    pub boot: u32,
    /// When, by the trap's clock.
    pub at: DateTime<Utc>,
    /// How far that clock could be trusted.
    pub clock: ClockQuality,
    /// Start, heartbeat or stop.
    pub kind: super::EffortKind,
    /// The counts.
    pub effort: super::Effort,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journals_of_before_are_read_and_traits_come_back() {
        let old: Told = serde_json::from_str("[[\"fox\",0.5]]").unwrap();
        assert_eq!(old.parts(), (vec![("fox".to_owned(), Score::new(0.5))], Traits::default(), Vec::new()));
        let seen = Observation {
            taxon: "Vulpes vulpes".into(),
            rank: "species".into(),
            label: "red fox".into(),
            score: Score::new(0.9),
            count: 1,
            top5: vec![("fox".to_owned(), Score::new(0.5))],
            tracks: vec![0],
            traits: Traits { life_stage: Some("juvenile".into()), behavior: None },
            individuals: Vec::new(),
        };
        let text = serde_json::to_string(&Told::of(&seen)).unwrap();
        assert_eq!(text, "{\"top5\":[[\"fox\",0.5]],\"life_stage\":\"juvenile\"}");
        assert_eq!(
            serde_json::from_str::<Told>(&text).unwrap().parts(),
            (seen.top5.clone(), seen.traits.clone(), Vec::new())
        );
        let identity = Identity {
            recognition: Recognition::Known,
            individual: Some("Luchs-07".into()),
            similarity: Some(0.75),
            probability: None,
            flank: Flank::Left,
            tracks: vec![0],
            nearest: vec![("Luchs-07".into(), 0.75)],
        };
        let known =
            Observation { individuals: vec![identity.clone()], traits: Traits::default(), ..seen.clone() };
        let text = serde_json::to_string(&Told::of(&known)).unwrap();
        assert!(text.contains("\"recognition\":\"known\",\"individual\":\"Luchs-07\""), "{text}");
        assert_eq!(
            serde_json::from_str::<Told>(&text).unwrap().parts(),
            (seen.top5.clone(), Traits::default(), vec![identity])
        );
        let plain = Observation { traits: Traits::default(), ..seen };
        assert_eq!(serde_json::to_string(&Told::of(&plain)).unwrap(), "[[\"fox\",0.5]]");
    }
}
