//! What the trap says to the world: outcomes, event keys and the record that waits in the outbox. `no_std`.
//!
//! The outbox holds [`Sighting`]s encoded by `postcard` behind one version byte. The packed wire format for
//! LoRaWAN is built from the same record. `json`, for people and programs on the ground, needs `std`.

/// The first line of a signed bundle; a downlink that begins so is one, and no command.
pub const BUNDLE_MAGIC: &[u8] = b"trapline bundle 1\n";

mod codebook;
pub mod command;
#[cfg(feature = "std")]
pub mod json;
mod message;
pub mod wire;

pub use codebook::{CODEBOOK_MAX, Code, Codebook, CodebookError};
pub use message::{
    Anchor, CommandAck, CommandResult, DIGEST_LINES, Digest, DigestLine, EPOCH, Health, Lost, Message, Power,
    Reset, Seen, When,
};

use heapless::String;
use serde::{Deserialize, Serialize};

use crate::units::{ClockQuality, Score};

/// What a burst turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing living in any frame: counted and dropped.
    Empty,
    /// At least one animal.
    Sighting,
    /// Between the floor and the threshold: kept for human eyes, never sent as a species.
    Uncertain,
    /// People, and at least as many of them as vehicles.
    Person,
    /// Vehicles.
    Vehicle,
    /// No frame could be read, or inference failed: kept and flagged, never an empty.
    Failed,
}

impl Outcome {
    /// Every outcome, in the order of the documentation.
    pub const ALL: [Outcome; 6] = [
        Outcome::Empty,
        Outcome::Sighting,
        Outcome::Uncertain,
        Outcome::Person,
        Outcome::Vehicle,
        Outcome::Failed,
    ];

    /// The name used in the journal, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Empty => "empty",
            Outcome::Sighting => "sighting",
            Outcome::Uncertain => "uncertain",
            Outcome::Person => "person",
            Outcome::Vehicle => "vehicle",
            Outcome::Failed => "failed",
        }
    }

    /// The inverse of [`Outcome::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Outcome::ALL.into_iter().find(|o| o.as_str() == name)
    }
}

/// Who asked for a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A passive infrared sensor.
    Pir,
    /// The camera's own idea of motion.
    Motion,
    /// The time-lapse.
    Timer,
    /// Somebody asked for it: a command, a button, a signal.
    Asked,
    /// Pictures that another camera took.
    Spool,
    /// The bench.
    Bench,
}

impl Source {
    /// Every source, in the order of the documentation.
    pub const ALL: [Source; 6] =
        [Source::Pir, Source::Motion, Source::Timer, Source::Asked, Source::Spool, Source::Bench];

    /// The name used in the journal, in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Pir => "pir",
            Source::Motion => "motion",
            Source::Timer => "timer",
            Source::Asked => "asked",
            Source::Spool => "spool",
            Source::Bench => "bench",
        }
    }

    /// The inverse of [`Source::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Source::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// Whether something in front of the camera brought the burst about. Another camera fires, as far as anybody knows,
    /// because something moves.
    pub fn senses(self) -> bool {
        !matches!(self, Source::Timer | Source::Asked)
    }
}

/// Names one event for ever: the key by which a receiver drops duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventKey {
    /// Counts the starts of this trap, from 1.
    pub boot: u32,
    /// Counts the events of this trap over all its life, from 1.
    pub number: u32,
}

/// Longest taxon name carried, in bytes; longer names are cut at a character's edge.
/// The longest animal binomial in use, *Gammaracanthuskytodermogammarus loricatobaicalensis*, has 51.
pub const TAXON_MAX: usize = 64;

/// One sighting as it waits to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// De-duplication key.
    pub key: EventKey,
    /// Time of the trigger, seconds since 1970-01-01 UTC by the trap's clock.
    pub at: i64,
    /// How far that clock could be trusted.
    pub clock: ClockQuality,
    /// Person and vehicle sightings have no taxon.
    pub outcome: Outcome,
    /// Scientific name of the taxon.
    pub taxon: String<TAXON_MAX>,
    /// Score of the taxon.
    pub score: Score,
    /// Individuals seen at once, at least 1.
    pub count: u16,
}

/// Version byte in front of every encoded [`Sighting`].
pub const VERSION: u8 = 1;

/// Why bytes are not an event, or an event does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The first byte names another format.
    #[error("event version {0} is not known here (known: {VERSION}); update the decoder")]
    Version(u8),
    /// Not a whole event.
    #[error("the bytes are not a whole event; check that the message was not cut")]
    Malformed,
    /// The buffer is too small.
    #[error("an event of more than {0} bytes does not fit its buffer")]
    TooLong(usize),
}

/// Upper bound of an encoded [`Sighting`], bytes: version 1 + boot 5 + number 5 + time 10 + clock 1 + outcome 1
/// + taxon 1 + 64 + score 4 + count 3.
pub const SIGHTING_MAX: usize = 95;

impl Sighting {
    /// Encodes behind [`VERSION`].
    pub fn encode(&self) -> Result<heapless::Vec<u8, SIGHTING_MAX>, CodecError> {
        let mut buffer = [0u8; SIGHTING_MAX];
        buffer[0] = VERSION;
        let used =
            postcard::to_slice(self, &mut buffer[1..]).map_err(|_| CodecError::TooLong(SIGHTING_MAX))?.len();
        heapless::Vec::from_slice(&buffer[..=used]).map_err(|_| CodecError::TooLong(SIGHTING_MAX))
    }

    /// Decodes what [`Sighting::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(|_| CodecError::Malformed),
            Some((&other, _)) => Err(CodecError::Version(other)),
            None => Err(CodecError::Malformed),
        }
    }
}

/// Cuts `name` to [`TAXON_MAX`] bytes at a character's edge.
pub fn taxon(name: &str) -> String<TAXON_MAX> {
    let mut out = String::new();
    for c in name.chars() {
        if out.push(c).is_err() {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wolf() -> Sighting {
        Sighting {
            key: EventKey { boot: 3, number: 300 },
            at: 1_700_000_000,
            clock: ClockQuality::Rtc,
            outcome: Outcome::Sighting,
            taxon: taxon("Canis lupus"),
            score: Score::new(0.5),
            count: 2,
        }
    }

    #[test]
    fn golden_bytes_both_ways() {
        // By hand from postcard's wire format: varints little-endian base 128, zigzag for i64,
        // strings length-prefixed, f32 little-endian, unit variants by index.
        let golden: &[u8] = &[
            1, // version
            3, // boot
            0xac, 0x02, // number 300
            0x80, 0xc4, 0x9f, 0xd5, 0x0c, // zigzag(1_700_000_000) = 3_400_000_000
            1,    // rtc
            1,    // sighting
            11, b'C', b'a', b'n', b'i', b's', b' ', b'l', b'u', b'p', b'u', b's', //
            0, 0, 0, 0x3f, // 0.5
            2,    // count
        ];
        assert_eq!(wolf().encode().unwrap().as_slice(), golden);
        assert_eq!(Sighting::decode(golden).unwrap(), wolf());
    }

    #[test]
    fn the_longest_event_fits() {
        let longest = Sighting {
            key: EventKey { boot: u32::MAX, number: u32::MAX },
            at: i64::MIN,
            taxon: taxon(&"x".repeat(200)),
            count: u16::MAX,
            ..wolf()
        };
        assert_eq!(longest.encode().unwrap().len(), SIGHTING_MAX);
    }

    #[test]
    fn strange_bytes_are_refused_by_name() {
        assert_eq!(Sighting::decode(&[]), Err(CodecError::Malformed));
        assert_eq!(Sighting::decode(&[9, 1, 2]), Err(CodecError::Version(9)));
        assert_eq!(Sighting::decode(&[VERSION, 3]), Err(CodecError::Malformed));
    }

    #[test]
    fn a_long_name_is_cut_at_a_characters_edge() {
        let cut = taxon(&"é".repeat(40));
        assert_eq!(cut.len(), 64);
        assert!(cut.chars().all(|c| c == 'é'));
    }

    #[test]
    fn outcome_names_round_trip() {
        for o in Outcome::ALL {
            assert_eq!(Outcome::parse(o.as_str()), Some(o));
        }
    }
}
