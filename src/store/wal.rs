//! Looks at SQLite's write-ahead log without SQLite, which drops what it cannot read and says nothing.
//!
//! After <https://www.sqlite.org/fileformat2.html>, section 4.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::durable::with_suffix;
use super::pages::u32_at;
use super::schema::PAGE_SIZE;

const PAGE: u64 = PAGE_SIZE as u64;
const HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// A write-ahead log.
pub(super) struct Log {
    /// The log itself.
    pub file: File,
    /// Whole frames in the file.
    frames: u64,
    /// The file ends within a frame.
    partial: bool,
    header: [u8; HEADER as usize],
}

/// One frame of a log, of those that carry the log's salt.
pub(super) struct Frame {
    /// The page it holds.
    pub page: u32,
    /// It ends a transaction.
    pub commit: bool,
    /// Where its page lies in the file.
    pub at: u64,
    /// The chain of checksums holds up to here.
    pub sound: bool,
}

impl Log {
    /// The log of `database`, if there is one.
    pub fn open(database: &Path) -> Option<Self> {
        let path = with_suffix(database, "-wal");
        let length = fs::metadata(&path).ok()?.len();
        let length = length.checked_sub(HEADER)?;
        let (frames, rest) = (length / (FRAME_HEADER + PAGE), length % (FRAME_HEADER + PAGE));
        let file = File::open(path).ok()?;
        let mut header = [0; HEADER as usize];
        file.read_exact_at(&mut header, 0).ok()?;
        Some(Log { file, frames, partial: rest > 0, header })
    }

    /// Frames that belong to this turn of the log: those whose salt is that of the header, or of the first frame
    /// where the header is damaged.
    pub fn frames(&self) -> Vec<Frame> {
        let big = self.header.get(3).is_some_and(|b| b & 1 == 1);
        let sum = checksum(big, (0, 0), self.header.get(..24).unwrap_or(&[]));
        let stored = (u32_at(&self.header, 24), u32_at(&self.header, 28));
        let mut sound = stored == (Some(sum.0), Some(sum.1));
        let mut salt = self.header.get(16..24).map(<[u8]>::to_vec).filter(|_| sound);
        let mut sum = sum;
        let mut frames = Vec::new();
        for i in 0..self.frames {
            let at = HEADER + i * (FRAME_HEADER + PAGE);
            let mut bytes = vec![0; FRAME_HEADER as usize + PAGE_SIZE];
            if self.file.read_exact_at(&mut bytes, at).is_err() {
                break;
            }
            let Some((head, page)) = bytes.split_at_checked(FRAME_HEADER as usize) else { break };
            let Some((numbers, marks)) = head.split_at_checked(8) else { break };
            let frame_salt = marks.get(..8).unwrap_or(&[]);
            if salt.get_or_insert_with(|| frame_salt.to_vec()) != frame_salt {
                // A frame of the turn before, or a damaged one with sound ones behind it.
                sound = false;
                continue;
            }
            sum = checksum(big, checksum(big, sum, numbers), page);
            sound &= (u32_at(marks, 8), u32_at(marks, 12)) == (Some(sum.0), Some(sum.1));
            let (Some(page), Some(size)) = (u32_at(numbers, 0), u32_at(numbers, 4)) else { break };
            frames.push(Frame { page, commit: size != 0, at: at + FRAME_HEADER, sound });
        }
        frames
    }
}

/// SQLite's log checksum over words of 32 bits, two at a time.
fn checksum(big: bool, (mut a, mut b): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let word = |w: &[u8]| match <[u8; 4]>::try_from(w) {
        Ok(w) if big => u32::from_be_bytes(w),
        Ok(w) => u32::from_le_bytes(w),
        Err(_) => 0,
    };
    for pair in bytes.chunks_exact(8) {
        let (first, second) = pair.split_at(4);
        a = a.wrapping_add(word(first)).wrapping_add(b);
        b = b.wrapping_add(word(second)).wrapping_add(a);
    }
    (a, b)
}

/// What a look at a write-ahead log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogState {
    /// There is none, or it is whole.
    Whole,
    /// Its last transaction is incomplete, as a power cut leaves it. SQLite drops it.
    Torn,
    /// It holds acknowledged transactions that SQLite would silently drop.
    Damaged,
}

/// Judges the log of `database`.
///
/// SQLite reads a log up to the first frame whose checksum fails, which is right for a transaction that the power
/// cut tore. But a transaction is only begun once the one before is on the card: two commits at or after the
/// broken frame mean that the first of them had been acknowledged, and that the card lost it since.
pub(super) fn log_state(database: &Path) -> LogState {
    let Some(log) = Log::open(database) else { return LogState::Whole };
    let frames = log.frames();
    let unsound = frames.iter().filter(|frame| !frame.sound);
    if unsound.clone().filter(|frame| frame.commit).count() >= 2 {
        return LogState::Damaged;
    }
    // A partial frame counts where it follows this turn's frames, not those of a longer turn before.
    let cut = log.partial && frames.len() as u64 == log.frames;
    let incomplete = cut || frames.last().is_some_and(|frame| !frame.commit);
    if incomplete || unsound.count() > 0 { LogState::Torn } else { LogState::Whole }
}
