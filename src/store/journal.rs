//! The journal: the one writer of everything that happened. What [`Journal::record`] has returned is on the card
//! and survives a power cut; what it has not returned is there whole or not at all.

use std::fs::File;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::types::Value;
use rusqlite::{Connection, TransactionBehavior};

use super::error::JournalError;
use super::media::Kept;
use super::notes::{self, Happening};
use super::opening::{self, Database};
use super::reader::Reader;
use super::record::Burst;
use super::recording;
use super::reserve::Reserve;
use super::state;
use super::tables;
use super::terms::{Deployment, Effort, EffortKind, Opened, Recorded, SequenceVerdict, Start};
use crate::event::{EventKey, Sighting};
use crate::units::ClockQuality;

/// The journal, open for writing. Dropping it without [`EffortKind::Stop`] looks like a power cut.
#[derive(Debug)]
pub struct Journal {
    pub(super) db: Connection,
    path: PathBuf,
    reserve: Reserve,
    boot: u32,
    deployment: i64,
    gap: TimeDelta,
    /// Held, never read: the lock goes with it.
    _lock: File,
}

impl Journal {
    /// Opens the journal at `path`, creating it where there is none, and begins a new boot.
    ///
    /// A damaged file is set aside as `NAME.damaged-N` and its sound rows are saved into a fresh journal; see
    /// [`Opened`]. Errors: [`JournalError::Locked`] while another process writes it, [`JournalError::Newer`] and
    /// [`JournalError::Foreign`] for files that are not ours to touch, [`JournalError::ReadOnly`] and
    /// [`JournalError::Full`] for the place.
    pub fn open(
        path: &Path,
        deployment: &Deployment,
        start: &Start,
    ) -> Result<(Journal, Opened), JournalError> {
        let reserve = Reserve::beside(path);
        match Self::open_once(path, &reserve, deployment, start) {
            Err(error) if error.is_full() && reserve.release() => {
                let (journal, mut opened) = Self::open_once(path, &reserve, deployment, start)?;
                opened.reserve_used = true;
                Ok((journal, opened))
            }
            Ok((journal, opened)) => {
                journal.reserve.restore();
                Ok((journal, opened))
            }
            Err(error) => Err(error),
        }
    }

    fn open_once(
        path: &Path,
        reserve: &Reserve,
        deployment: &Deployment,
        start: &Start,
    ) -> Result<(Journal, Opened), JournalError> {
        let lock = opening::lock(path)?;
        let Database { db, quarantined, torn } = opening::open(path)?;
        let begun = opening::begin(&db, path, deployment, start)?;
        let opened = Opened {
            boot: begun.boot,
            salvaged: quarantined.as_ref().map_or(0, |q| q.salvaged),
            quarantined,
            cut_short: begun.cut_short,
            torn,
            reserve_used: false,
        };
        let journal = Journal {
            db,
            path: path.to_path_buf(),
            reserve: reserve.clone(),
            boot: begun.boot,
            deployment: begun.deployment,
            gap: deployment.gap,
            _lock: lock,
        };
        Ok((journal, opened))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of this start, from 1.
    pub fn boot(&self) -> u32 {
        self.boot
    }

    /// The key that the next burst will get; media are named by it before they are recorded.
    pub fn next_key(&self) -> Result<EventKey, JournalError> {
        let next: i64 = self
            .db
            .prepare_cached("SELECT coalesce(max(id + numbers), 1) FROM burst")
            .and_then(|mut s| s.query_row([], |row| row.get(0)))
            .map_err(|e| self.fail(e))?;
        let number = u32::try_from(next).map_err(|_| JournalError::Exhausted(self.path.clone()))?;
        Ok(EventKey { boot: self.boot, number })
    }

    /// Records a burst in one transaction: burst, frames, boxes, observations, media and outbox.
    ///
    /// `kept` are the files that [`super::MediaStore`] wrote for it; `burst.frames[..].media` are files of others
    /// (photos in folders), which are never deleted. Bursts from folders (`source` given) are a sequence each;
    /// others join the sequence before where their frames are at most the gap apart. When this returns, all of it
    /// is on the card. On a full card the reserve is given up once.
    pub fn record(&mut self, burst: &Burst, kept: &[Kept]) -> Result<Recorded, JournalError> {
        let (recorded, reserve_used) = self.spending_reserve(|journal| journal.record_once(burst, kept))?;
        Ok(Recorded { reserve_used, ..recorded })
    }

    fn record_once(&mut self, burst: &Burst, kept: &[Kept]) -> Result<Recorded, JournalError> {
        let key = self.next_key()?;
        if let Some(source) = &burst.source
            && self.has_source(source)?.is_some()
        {
            return Err(JournalError::Duplicate(source.clone()));
        }
        let context = recording::Context { key, deployment: self.deployment, gap: self.gap };
        self.transaction_once(|db| recording::burst(db, &context, burst, kept))?
    }

    /// The report of a photo sequence that was journaled before (empty where it had none), or `None`.
    pub fn has_source(&self, source: &str) -> Result<Option<String>, JournalError> {
        let rows = tables::BURST
            .select(&self.db, "WHERE source = ?", &[Value::Text(source.to_owned())])
            .map_err(|e| self.fail(e))?;
        Ok(rows.sound.first().map(|row| row.text("report").to_owned()))
    }

    /// Replaces the judgement of a sequence by the one recomputed from all its frames.
    pub fn update_sequence(&mut self, sequence: u64, verdict: &SequenceVerdict) -> Result<(), JournalError> {
        let known = self.transaction(|db| recording::merge(db, sequence, verdict))?;
        if known { Ok(()) } else { Err(JournalError::Unknown { what: "sequence", number: sequence }) }
    }

    /// Logs effort: what was done since the row before. The row of a start is written by [`Journal::open`].
    pub fn log_effort(
        &mut self,
        kind: EffortKind,
        at: DateTime<Utc>,
        clock: ClockQuality,
        effort: &Effort,
    ) -> Result<(), JournalError> {
        let boot = self.boot;
        self.transaction(|db| recording::effort(db, boot, kind, at, clock, effort))
    }

    /// Writes that something happened to the trap beside its bursts: a word for its kind, and plain words.
    pub fn happened(
        &mut self,
        at: DateTime<Utc>,
        clock: ClockQuality,
        kind: &str,
        text: &str,
    ) -> Result<(), JournalError> {
        let happening =
            Happening { boot: self.boot, at, clock, kind: kind.to_owned(), text: text.to_owned() };
        self.transaction(|db| notes::write_happening(db, &happening))
    }

    /// Keeps bytes under a name (what the vision learnt), replacing those before.
    pub fn put_state(&mut self, key: &str, value: &[u8]) -> Result<(), JournalError> {
        self.transaction(|db| state::put(db, key, value))
    }

    /// The bytes under a name; `None` where there are none or they are damaged, so that learning starts anew.
    pub fn state(&self, key: &str) -> Result<Option<Vec<u8>>, JournalError> {
        state::get(&self.db, key).map_err(|e| self.fail(e))
    }

    /// Adds to a counter that outlives restarts, and gives its new value.
    pub fn count(&mut self, key: &str, more: u64) -> Result<u64, JournalError> {
        self.transaction(|db| state::count(db, key, more))
    }

    /// A counter's value; 0 where it was never counted.
    pub fn counter(&self, key: &str) -> Result<u64, JournalError> {
        state::counter(&self.db, key).map_err(|e| self.fail(e))
    }

    /// Events that wait to be sent, oldest first. A damaged one is skipped: opening has told of it.
    pub fn outbox(&self, limit: usize) -> Result<Vec<Sighting>, JournalError> {
        let limit = [Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX))];
        let rows = tables::OUTBOX
            .select(&self.db, "WHERE sent_us IS NULL ORDER BY id LIMIT ?", &limit)
            .map_err(|e| self.fail(e))?;
        Ok(rows.sound.iter().filter_map(|row| Sighting::decode(row.blob("payload")).ok()).collect())
    }

    /// Marks events as acknowledged by the receiver, in one transaction; unknown numbers are left alone.
    pub fn mark_sent(&mut self, events: &[EventKey], at: DateTime<Utc>) -> Result<(), JournalError> {
        self.transaction(|db| {
            for key in events {
                let rows = tables::OUTBOX.select(db, "WHERE id = ?", &[Value::Integer(key.number.into())])?;
                for mut row in rows.sound {
                    row.set("sent_us", at.timestamp_micros());
                    tables::OUTBOX.update(db, row.into_values())?;
                }
            }
            Ok(())
        })
    }

    /// Makes the reserve for a full card again, where there is space for it; true where it stands.
    pub fn restore_reserve(&self) -> bool {
        self.reserve.restore()
    }

    /// A reader of this journal.
    pub fn reader(&self) -> Result<Reader, JournalError> {
        Reader::open_readonly(&self.path)
    }

    /// Runs `work` in one transaction that is on the card when this returns. A full card costs the reserve.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        Ok(self.spending_reserve(|journal| journal.transaction_once(&work))?.0)
    }

    /// Does `work`; on a full card the write-ahead log is folded and, if that is not enough, the reserve given up.
    /// Says whether it was.
    fn spending_reserve<T>(
        &mut self,
        work: impl Fn(&mut Journal) -> Result<T, JournalError>,
    ) -> Result<(T, bool), JournalError> {
        let mut reserve_used = false;
        let mut done = work(self);
        while matches!(&done, Err(error) if error.is_full()) {
            // Folding fails on a full card where the file must grow for it; the reserve is for that.
            if opening::fold_log(&self.db).is_ok() {
                done = work(self);
            }
            if done.is_ok() || !self.reserve.release() {
                break;
            }
            reserve_used = true;
            done = work(self);
        }
        done.map(|value| (value, reserve_used))
    }

    fn transaction_once<T>(
        &mut self,
        work: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let path = &self.path;
        let fail = |e| JournalError::sqlite(path, e);
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        let done = work(&tx).map_err(fail)?;
        tx.commit().map_err(fail)?;
        Ok(done)
    }

    pub(super) fn fail(&self, source: rusqlite::Error) -> JournalError {
        JournalError::sqlite(&self.path, source)
    }
}
