//! What stays on the card: the journal (SQLite, survives power cuts) and the media (and why each is kept).
//!
//! The daemon opens a [`Journal`] and a [`MediaStore`], calls [`MediaStore::sweep`] once, and then
//! [`MediaStore::record`] for every burst: pictures first, then one transaction for all rows. Photos in folders
//! are recorded by [`Journal::record`] alone. [`Reader`] reads, beside the writer or from a card that was pulled.
//!
//! | file | what it is for |
//! |---|---|
//! | `record` | bursts, frames, observations as values |
//! | `journal`, `terms` | the one writer; what its calls take and give |
//! | `recording` | what a transaction writes |
//! | `notes` | labels, how a deployment stands, readings |
//! | `outbox` | the sender's side: what waits, left, arrived, was given up |
//! | `reader`, `browse`, `assemble` | reading, rows back to values |
//! | `opening`, `quarantine` | lock and check; what happens to a damaged file |
//! | `pages`, `wal`, `salvage` | rows out of a damaged file, without SQLite |
//! | `schema`, `tables`, `sealed`, `state` | versions, columns, row checksums, named bytes |
//! | `airlog` | what was on the air, written before the radio is asked |
//! | `reserve` | space held for a full card |
//! | `media`, `retention`, `room`, `sweep` | the pictures: names, policy, deletion, agreement with the rows |
//! | `durable` | files that are whole or not there |

mod airlog;
mod assemble;
mod browse;
mod durable;
mod error;
mod journal;
mod media;
mod notes;
mod opening;
mod outbox;
mod pages;
mod quarantine;
mod reader;
pub mod record;
mod recording;
mod reserve;
mod retention;
mod room;
mod salvage;
mod schema;
mod sealed;
mod state;
mod sweep;
mod tables;
mod terms;
mod wal;

pub use airlog::AirLog;
pub use browse::{Backlog, Numbered, Summary};
pub use durable::write as write_whole;
pub use error::JournalError;
pub use journal::Journal;
pub use media::{Kept, MediaStore, Picture, Stowed};
pub use notes::{
    Happening, Label, Notebook, Reading, Seen, StoredBoot, StoredDeployment, StoredLabel, StoredSetup,
    Supply, standing,
};
pub use opening::in_use;
pub use outbox::{EXPIRED, Located, Notice, Outbox, Priority, Route, Waiting};
pub use quarantine::Quarantined;
pub use reader::{Filter, Listing, MediaTotals, Reader};
pub use reserve::RESERVE_BYTES;
pub use retention::{Plan, Retention, Sightings};
pub use room::{DELETED_BYTES, DELETED_FILES, Deletion, MADE_ROOM, Room};
pub use sealed::Damage;
pub use sweep::{MISSING, Swept};
pub use terms::{
    DEFAULT_GAP_SECONDS, Deployment, Effort, EffortKind, HANDED_OVER, Opened, Recorded, SequenceVerdict,
    Start,
};
