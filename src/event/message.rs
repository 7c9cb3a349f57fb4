//! What a trap says, as values; the wire format packs them (`docs/wire-format.md`).

use heapless::Vec;
use serde::{Deserialize, Serialize};

use super::{Code, EventKey};
use crate::units::{ClockQuality, Score};

/// Seconds from 1970-01-01 to 2024-01-01 UTC: the wire format counts from there, so that 30 bits last until 2058.
pub const EPOCH: i64 = 1_704_067_200;

/// One message.
// Boxing a digest needs an allocator, which this module does without.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// Something was seen.
    Sighting(Seen),
    /// How the trap is.
    Health(Health),
    /// A day's species and effort, or a part of it.
    Digest(Digest),
    /// What was lost since the trap was first started.
    Lost(Lost),
    /// What became of a command.
    Ack(CommandAck),
    /// The right time of a boot whose clock was wrong.
    Anchor(Anchor),
    /// What gauges tell beside the voltage, and what the power plan had to leave out.
    Power(Power),
}

/// When something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum When {
    /// By a clock that was set.
    Utc {
        /// Seconds since 1970-01-01 UTC.
        seconds: i64,
        /// How the clock was set; never [`ClockQuality::Unset`].
        quality: ClockQuality,
    },
    /// By a clock that was never set: an [`Anchor`] of the same boot makes it absolute.
    SinceBoot {
        /// Seconds since the boot's start.
        seconds: u32,
    },
}

/// One sighting as it travels: a code stands for the taxon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// De-duplication key. On the wire the boot is cut to 7 bits and the number to 20; health messages carry both whole.
    pub key: EventKey,
    /// When it was triggered.
    pub at: When,
    /// What was seen, by the site's codebook.
    pub code: Code,
    /// Probability of the taxon, in 64 steps.
    pub score: Score,
    /// Individuals seen at once, at least 1; the wire format rounds large ones down.
    pub count: u16,
    /// An alert rule asked for it.
    pub alert: bool,
}

/// Why a boot began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Reset {
    /// Not known.
    #[default]
    Unknown,
    /// Power came (back).
    Power,
    /// The program was restarted on a system that went on running.
    Program,
    /// A command asked for it.
    Command,
    /// The watchdog did it.
    Watchdog,
}

/// How the trap is. Counts are since the health message before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// When it was made.
    pub at: When,
    /// Number of the start, whole.
    pub boot: u32,
    /// The next event's number, whole.
    pub next: u32,
    /// Hash of the codebook that sightings are told in.
    pub codebook: u32,
    /// Since the boot, seconds.
    pub uptime: u32,
    /// Why the boot began.
    pub reset: Reset,
    /// Version of the program: major, minor, patch.
    pub version: [u8; 3],
    /// Battery, millivolts.
    pub battery: Option<u16>,
    /// Inside the housing, degrees Celsius.
    pub temperature: Option<i8>,
    /// Free space on the card, percent.
    pub card_free: Option<u8>,
    /// Triggers answered.
    pub triggers: u32,
    /// Bursts judged empty.
    pub empties: u32,
    /// Triggers swallowed by hold-off and storm control.
    pub suppressed: u32,
    /// Captures that failed.
    pub failed: u32,
    /// Messages waiting to be sent.
    pub waiting: u32,
}

/// What gauges tell beside the voltage, and what the power plan had to leave out; it goes with [`Health`] where there is
/// anything of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Power {
    /// When it was made.
    pub at: When,
    /// Number of the start, whole.
    pub boot: u32,
    /// The next event's number, whole.
    pub next: u32,
    /// State of charge, 0..=100 percent.
    pub percent: Option<u8>,
    /// Milliamperes out of the battery; negative while it is charged.
    pub milliamps: Option<i32>,
    /// What the computer says of its supply: the bits [`Power::UNDER_VOLTAGE`] to [`Power::THROTTLED_BEFORE`].
    pub strain: Option<u8>,
    /// Light outside, lux.
    pub lux: Option<u32>,
    /// Readings of battery and light that failed since the program was started.
    pub failures: u32,
    /// Bursts kept unjudged because the battery was low, over the life of the trap.
    pub unjudged: u32,
    /// Times the trap stayed awake because its alarm could not be read back, over its life.
    pub unverified: u32,
}

impl Power {
    /// The supply is too low now.
    pub const UNDER_VOLTAGE: u8 = 1;
    /// The supply was too low since the system's start.
    pub const UNDER_VOLTAGE_BEFORE: u8 = 2;
    /// The processor is slowed down now.
    pub const THROTTLED: u8 = 4;
    /// The processor was slowed down since the system's start.
    pub const THROTTLED_BEFORE: u8 = 8;
    /// The words for the bits, from the lowest.
    pub const STRAINS: [&'static str; 4] =
        ["under-voltage", "under-voltage-before", "throttled", "throttled-before"];
}

/// Most lines of one [`Digest`]; more species than that are told in several parts.
pub const DIGEST_LINES: usize = 24;

/// A UTC day: which species in which hours, and how long the trap stood watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Days since 2024-01-01 UTC.
    pub day: u16,
    /// This part, from 0.
    pub part: u8,
    /// Parts in all, at least 1.
    pub parts: u8,
    /// Minutes of watch, 0..=1440.
    pub effort: u16,
    /// Triggers answered.
    pub triggers: u16,
    /// Bursts judged empty.
    pub empties: u16,
    /// What was seen; each species stands once in all parts together.
    pub lines: Vec<DigestLine, DIGEST_LINES>,
}

/// One species of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestLine {
    /// What was seen.
    pub code: Code,
    /// Bit h set: seen in hour h (UTC), 0..=23.
    pub hours: u32,
    /// Events.
    pub events: u16,
    /// Of these, events that this digest stands for: they are not sent singly.
    pub folded: u16,
}

/// What was lost over the life of the trap. The counts only grow, so the newest message says it all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lost {
    /// Events that grew too old to be sent.
    pub expired: u32,
    /// Messages that no uplink would take.
    pub refused: u32,
    /// Bursts that could not be journaled.
    pub bursts: u32,
    /// Captures that failed.
    pub captures: u32,
    /// Rows of the journal whose checksum did not hold.
    pub damaged: u32,
    /// Commands refused (forged, replayed, expired, unknown).
    pub commands: u32,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandAck {
    /// The command's counter; 0 where it could not be read.
    pub counter: u32,
    /// What became of it.
    pub result: CommandResult,
    /// The number of the burst that it asked for, once that is in the journal.
    #[serde(default)]
    pub number: Option<u32>,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CommandResult {
    /// It was carried out.
    Done,
    /// It is in force on trial: it is taken back unless the trap reports healthy.
    Trial,
    /// The trial went well.
    Kept,
    /// The trial went badly: everything is as before.
    Reverted,
    /// Its seal is not ours.
    Forged,
    /// Its counter was used before.
    Replayed,
    /// It came after its expiry.
    Expired,
    /// The clock is not set: its expiry cannot be judged.
    NoClock,
    /// Not a command this version knows.
    Unknown,
    /// A value outside its range, or no such rule or species.
    Invalid,
    /// It should have been done and was not.
    Failed,
}

/// Makes the times of a boot absolute, or right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The boot, whole.
    pub boot: u32,
    /// When that boot started, seconds since 1970-01-01 UTC, by the corrected clock: adds to [`When::SinceBoot`].
    pub started: i64,
    /// Adds to the times that events of this boot with smaller numbers than `before` were told at, seconds.
    pub shift: i32,
    /// First event number with the right time.
    pub before: u32,
    /// How the clock was corrected.
    pub quality: ClockQuality,
}
