//! From records to messages: codes for taxa, times that stay true when the clock was wrong.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::event::wire::Anchors;
use crate::event::{Anchor, Code, Codebook, EventKey, Message, Outcome, Seen, Sighting, When};
use crate::store::{JournalError, Outbox, Priority, Waiting};
use crate::units::ClockQuality;

/// Under this name the journal keeps the anchors of boots whose clock was wrong.
const ANCHORS: &str = "sender.anchors";

/// A clock that moves by less was only being steered.
const JUMP: TimeDelta = TimeDelta::seconds(2);

/// So many anchors are kept, the latest: events older than that have long expired.
const KEPT: usize = 64;

/// What is known of the times of boots.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// In the order of correction.
    anchors: Vec<Anchor>,
    /// UTC less monotonic time as last seen, and the clock's quality then.
    last: Option<(TimeDelta, ClockQuality)>,
    started: BTreeMap<u32, DateTime<Utc>>,
}

impl Times {
    /// Takes up what earlier runs knew.
    pub fn load(outbox: &Outbox) -> Result<Times, JournalError> {
        let known: Vec<Anchor> =
            outbox.state(ANCHORS)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Ok(Times { anchors: known, ..Times::default() })
    }

    /// Looks whether the clock was set since the last look, and gives the anchor that follows from it, once it is in
    /// the journal. `up` is monotonic time.
    pub fn watch(
        &mut self,
        outbox: &mut Outbox,
        boot: u32,
        up: std::time::Duration,
        utc: DateTime<Utc>,
        quality: ClockQuality,
    ) -> Result<Option<Anchor>, JournalError> {
        let offset =
            TimeDelta::microseconds(utc.timestamp_micros()) - TimeDelta::from_std(up).unwrap_or_default();
        let Some((before, was)) = self.last.replace((offset, quality)) else { return Ok(None) };
        let moved = offset - before;
        let set_at_last = was == ClockQuality::Unset && quality != ClockQuality::Unset;
        if quality == ClockQuality::Unset || (moved.abs() < JUMP && !set_at_last) {
            return Ok(None);
        }
        let Some(started) = self.started(outbox, boot)? else { return Ok(None) };
        let begun = self.of(boot).last().map_or(started.timestamp(), |a| a.started);
        // What was told by a clock that was never set is told as time since the boot: it needs no shift.
        let shift = if was == ClockQuality::Unset { 0 } else { seconds(moved) };
        let anchor = Anchor {
            boot,
            started: begun + seconds(moved),
            shift: i32::try_from(shift).unwrap_or(if shift < 0 { i32::MIN } else { i32::MAX }),
            before: outbox.next_number()?,
            quality,
        };
        self.anchors.push(anchor);
        let surplus = self.anchors.len().saturating_sub(KEPT);
        self.anchors.drain(..surplus);
        match serde_json::to_vec(&self.anchors) {
            Ok(bytes) => outbox.put_state(ANCHORS, &bytes)?,
            Err(error) => log::error!("the anchors of the clock are not kept: {error}"),
        }
        Ok(Some(anchor))
    }

    /// When an event happened, as it is told on the wire: a receiver that knows the boot's anchor makes it right.
    pub fn told(&mut self, outbox: &Outbox, event: &Sighting) -> Result<When, JournalError> {
        if event.clock != ClockQuality::Unset {
            return Ok(When::Utc { seconds: event.at, quality: event.clock });
        }
        let since = self.started(outbox, event.key.boot)?.map_or(0, |started| event.at - started.timestamp());
        let since = u32::try_from(since.max(0)).unwrap_or(u32::MAX);
        // Always by the first anchor: the receiver adds what later ones shifted.
        Ok(match self.of(event.key.boot).next() {
            Some(anchor) => When::Utc { seconds: anchor.started + i64::from(since), quality: anchor.quality },
            None => When::SinceBoot { seconds: since },
        })
    }

    /// When an event happened, as well as it is known here: what a receiver of all anchors would make of it.
    pub fn right(&mut self, outbox: &Outbox, event: &Sighting) -> Result<When, JournalError> {
        let told = self.told(outbox, event)?;
        let mut anchors = Anchors::<KEPT>::new();
        for anchor in self.of(event.key.boot) {
            // There are no more of them than that.
            let _ = anchors.add(*anchor);
        }
        Ok(anchors.resolve(event.key, told))
    }

    fn of(&self, boot: u32) -> impl Iterator<Item = &Anchor> {
        self.anchors.iter().filter(move |anchor| anchor.boot == boot)
    }

    fn started(&mut self, outbox: &Outbox, boot: u32) -> Result<Option<DateTime<Utc>>, JournalError> {
        if let Some(known) = self.started.get(&boot) {
            return Ok(Some(*known));
        }
        let found = outbox.boot(boot)?.map(|(started, _)| started);
        if let Some(started) = found {
            self.started.insert(boot, started);
        }
        Ok(found)
    }
}

/// To the nearest second.
fn seconds(span: TimeDelta) -> i64 {
    (span.num_milliseconds() + 500).div_euclid(1000)
}

/// The code of what was seen.
pub(super) fn code_of(names: &[String], outcome: Outcome, taxon: &str) -> Code {
    match outcome {
        Outcome::Person => Code::PERSON,
        Outcome::Vehicle => Code::VEHICLE,
        _ if taxon.is_empty() => Code::ANIMAL,
        _ => Codebook::new(names).map_or(Code::OTHER, |book| book.code(taxon)),
    }
}

/// A waiting event as it travels in a packet.
pub(super) fn seen(
    times: &mut Times,
    outbox: &Outbox,
    names: &[String],
    waiting: &Waiting,
) -> Result<Message, JournalError> {
    let event = &waiting.event;
    Ok(Message::Sighting(Seen {
        key: event.key,
        at: times.told(outbox, event)?,
        code: code_of(names, event.outcome, &event.taxon),
        score: event.score,
        count: event.count,
        alert: waiting.route.priority == Priority::Alert,
    }))
}

/// The name of an event's parcel: its key.
pub(super) fn name(key: EventKey) -> String {
    format!("event-{}-{}", key.boot, key.number)
}
