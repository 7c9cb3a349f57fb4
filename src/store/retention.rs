//! What stays on the card, and why.
//!
//! | outcome | kept |
//! |---|---|
//! | empty | nothing, or one burst in `audit_empties` for later audit |
//! | sighting, vehicle | the best frame and the crops, or all frames |
//! | uncertain, failed | all frames: a human decides |
//! | person | nothing: people are counted, never stored; or the best frame, where people are blurred |
//!
//! In every burst but a person's, a frame that could not be read is kept as it is, and a frame with a person on
//! it is not kept, unless people are blurred.

use super::record::{Box, Burst};
use crate::event::{EventKey, Outcome};

/// What is kept of a sighting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sightings {
    /// The best frame and the crops.
    #[default]
    BestFrame,
    /// All frames and the crops.
    AllFrames,
}

/// The policy, chosen by the site.
#[derive(Debug, Clone, PartialEq)]
pub struct Retention {
    /// What is kept of sightings and vehicles. Default: the best frame and the crops.
    pub sightings: Sightings,
    /// Keeps one empty burst in so many for audit; 0 keeps none. Default 0.
    pub audit_empties: u32,
    /// A frame with a person of at least this confidence is not stored. Default 0.2: MegaDetector's authors take
    /// 0.2 as its usual threshold, and privacy asks for no higher one.
    pub person_floor: f32,
    /// The pictures offered have people blurred already and may be stored. Default false.
    pub people_blurred: bool,
    /// Most bytes of media on the card. Default: no limit but the floor.
    pub budget_bytes: Option<u64>,
    /// Space that media must leave free on the card, bytes. Default 64 MiB: the journal of
    /// some ten thousand bursts.
    pub free_floor_bytes: u64,
    /// A species with fewer kept events than this is rare and its media are never deleted. Default 10, as many
    /// clips as BirdNET-Go keeps of each species.
    pub rare_below: u32,
    /// Media of events not yet acknowledged by a receiver are never deleted. Default true; false for a trap
    /// without uplink, whose card would otherwise only fill.
    pub protect_unsent: bool,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            sightings: Sightings::default(),
            audit_empties: 0,
            person_floor: 0.2,
            people_blurred: false,
            budget_bytes: None,
            free_floor_bytes: 64 << 20,
            rare_below: 10,
            protect_unsent: true,
        }
    }
}

/// What to keep of one burst.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Positions of the frames to keep, ascending.
    pub frames: Vec<usize>,
    /// Positions of the frames whose crops may be kept, ascending.
    pub crops: Vec<usize>,
}

impl Retention {
    /// Decides what of `burst`, to be recorded under `key`, stays on the card.
    pub fn plan(&self, key: EventKey, burst: &Burst) -> Plan {
        let storable: Vec<usize> =
            (0..burst.frames.len()).filter(|&i| !self.shows_person(burst, i)).collect();
        let unreadable = || {
            let failed = |&i: &usize| burst.frames.get(i).is_some_and(|f| f.failed.is_some());
            storable.iter().copied().filter(failed).collect()
        };
        match burst.outcome {
            Outcome::Person if self.people_blurred => {
                Plan { frames: best(burst, &storable).into_iter().collect(), crops: Vec::new() }
            }
            Outcome::Person => Plan::default(),
            Outcome::Empty if self.audit_empties > 0 && key.number.is_multiple_of(self.audit_empties) => {
                Plan { frames: storable, crops: Vec::new() }
            }
            Outcome::Empty => Plan { frames: unreadable(), crops: Vec::new() },
            Outcome::Uncertain | Outcome::Failed => Plan { frames: storable, crops: Vec::new() },
            Outcome::Sighting | Outcome::Vehicle => {
                let frames = match self.sightings {
                    Sightings::AllFrames => storable.clone(),
                    Sightings::BestFrame => {
                        let mut frames: Vec<usize> = unreadable();
                        frames.extend(best(burst, &storable));
                        frames.sort_unstable();
                        frames.dedup();
                        frames
                    }
                };
                Plan { frames, crops: storable }
            }
        }
    }

    fn shows_person(&self, burst: &Burst, frame: usize) -> bool {
        let person = |b: &Box| b.category == "person" && b.confidence.get() >= self.person_floor;
        !self.people_blurred && burst.frames.get(frame).is_some_and(|f| f.boxes.iter().any(person))
    }
}

/// The frame that shows most: the most confident box, the larger one among equals; the first frame where there
/// are no boxes.
fn best(burst: &Burst, among: &[usize]) -> Option<usize> {
    let worth = |i: usize| {
        let boxes = burst.frames.get(i).map(|f| f.boxes.as_slice()).unwrap_or(&[]);
        boxes
            .iter()
            .map(|b| (b.confidence.get(), b.bbox.area()))
            .fold((0.0, 0.0), |a, b| if b > a { b } else { a })
    };
    let readable = |&i: &usize| burst.frames.get(i).is_some_and(|f| f.failed.is_none());
    among.iter().copied().filter(readable).reduce(|a, b| if worth(b) > worth(a) { b } else { a })
}
