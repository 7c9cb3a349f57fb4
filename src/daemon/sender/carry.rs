//! Parcels to uplinks, and what becomes of them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::channel::pay;
use super::{Sender, compose, letter, report};
use crate::event::{EventKey, Message, wire};
use crate::hal::{Parcel, Receipt, Subject, UplinkError};
use crate::store::{JournalError, Notice, Priority, Waiting};

/// Time for a parcel and its acknowledgement.
const SEND: Duration = Duration::from_secs(60);

/// Letters on their way at once.
const WINDOW: usize = 50;

/// More than fit any packet.
const FULL: usize = 64;

/// What left without an acknowledgement goes again after this, then after twice as long, and so on: the receiver
/// acknowledges once a day, and may be late.
const AGAIN: TimeDelta = TimeDelta::hours(26);

/// The longest of those pauses.
const AGAIN_MAX: TimeDelta = TimeDelta::days(7);

/// One thing of a letter, and what it stands for.
enum Item {
    Event(Waiting),
    Notice(Notice),
}

/// What one packet may hold, most urgent first.
struct Load {
    messages: Vec<Message>,
    /// The message at the same place tells of this.
    items: Vec<Item>,
}

impl Sender {
    /// Sends what `index` may carry now; gives how long it need not be asked.
    pub(super) fn carry(&mut self, index: usize) -> Result<Duration, JournalError> {
        let up = self.up();
        let Some(channel) = self.setup.channels.get(index) else { return Ok(super::GLANCE) };
        if up < channel.not_before {
            return Ok(channel.not_before - up);
        }
        let sent = match channel.is_packets() {
            true => self.packets(index)?,
            false => self.letters(index)?,
        };
        match (sent, self.setup.channels.get_mut(index)) {
            (Err(error), Some(channel)) => {
                channel.failed(&error, up);
                Ok(channel.not_before.saturating_sub(up))
            }
            _ => Ok(super::GLANCE),
        }
    }

    /// Letters until there are no more or the link fails.
    fn letters(&mut self, index: usize) -> Result<Result<(), UplinkError>, JournalError> {
        loop {
            let items = self.letter_items(index)?;
            if items.is_empty() {
                return Ok(Ok(()));
            }
            let mut parcels = Vec::with_capacity(items.len());
            let mut carried = Vec::with_capacity(items.len());
            for item in items {
                match self.letter(&item)? {
                    Some(parcel) => {
                        parcels.push(parcel);
                        carried.push(item);
                    }
                    // Told where it was found to be impossible.
                    None => self.drop_item(&item, "it cannot be put into a letter")?,
                }
            }
            if let Err(error) = self.ready(index)? {
                return Ok(Err(error));
            }
            let Some(channel) = self.setup.channels.get_mut(index) else { return Ok(Ok(())) };
            let answers = channel.uplink.send_all(&parcels, SEND);
            let early = answers.len() < parcels.len();
            let failed = self.settle(index, &carried, &parcels, answers)?;
            match failed {
                Some(error) => return Ok(Err(error)),
                None if early => return Ok(Ok(())),
                None => {}
            }
        }
    }

    /// What waits and may go by this uplink as letters, most urgent first.
    fn letter_items(&self, index: usize) -> Result<Vec<Item>, JournalError> {
        let Some(channel) = self.setup.channels.get(index) else { return Ok(Vec::new()) };
        let now = self.now();
        let open = |name: &str| !channel.refused.contains(name);
        let limit = WINDOW + channel.refused.len();
        let events = self.outbox.waiting(limit)?.into_iter().filter(|w| {
            self.allowed(index, w) && !rests(w.passed, w.tries, now) && open(&compose::name(w.event.key))
        });
        let notices = self
            .outbox
            .notices(limit)?
            .into_iter()
            .filter(|n| !rests(n.passed, n.tries, now) && open(&n.name));
        let (alerts, others): (Vec<_>, Vec<_>) = events.partition(|w| w.route.priority == Priority::Alert);
        let alerts = alerts.into_iter().map(Item::Event);
        Ok(alerts
            .chain(notices.map(Item::Notice))
            .chain(others.into_iter().map(Item::Event))
            .take(WINDOW)
            .collect())
    }

    /// Whether an event may go by an uplink. A route that names only uplinks the site has not is open to all.
    fn allowed(&self, index: usize, waiting: &Waiting) -> bool {
        let named = &waiting.route.uplinks;
        let known = self.setup.channels.iter().any(|channel| channel.may_carry(named));
        !known || self.setup.channels.get(index).is_some_and(|channel| channel.may_carry(named))
    }

    fn letter(&mut self, item: &Item) -> Result<Option<Parcel>, JournalError> {
        let from = letter::From { device: self.setup.sending.device.clone(), site: self.setup.site.clone() };
        let (subject, name, body) = match item {
            Item::Event(waiting) => {
                let when = self.times.right(&self.outbox, &waiting.event)?;
                let body = letter::event(&from, &waiting.event, &waiting.route, when);
                (Subject::Event, compose::name(waiting.event.key), body.to_string().into_bytes())
            }
            Item::Notice(notice) if notice.subject == Subject::Picture.as_str() => {
                match self.load_picture(&notice.payload)? {
                    Some(jpeg) => (Subject::Picture, notice.name.clone(), jpeg),
                    None => return Ok(None),
                }
            }
            Item::Notice(notice) => {
                let Some(message) = message(notice) else { return Ok(None) };
                let Some(body) = letter::notice(&from, &self.setup.names, &message) else { return Ok(None) };
                (subject(notice), notice.name.clone(), body.to_string().into_bytes())
            }
        };
        Ok(Some(Parcel { subject, name, body, port: wire::PORT_UPLINK, confirm: true }))
    }

    /// Writes down what became of letters; gives the error that ends this round, if there is one.
    fn settle(
        &mut self,
        index: usize,
        items: &[Item],
        parcels: &[Parcel],
        answers: Vec<Result<Receipt, UplinkError>>,
    ) -> Result<Option<UplinkError>, JournalError> {
        let Some(channel) = self.setup.channels.get_mut(index) else { return Ok(None) };
        let via = channel.uplink.name().to_owned();
        let at = self.setup.clock.utc().0;
        let (mut delivered, mut passed, mut notices, mut failed) = (Vec::new(), Vec::new(), Vec::new(), None);
        let mut refused = 0u64;
        for ((item, parcel), answer) in items.iter().zip(parcels).zip(answers) {
            match answer {
                Ok(receipt) => {
                    channel.went();
                    channel.carried.parcels += 1;
                    channel.carried.bytes += parcel.body.len() as u64;
                    match item {
                        Item::Event(waiting) => {
                            channel.carried.events += 1;
                            let done = receipt == Receipt::Delivered;
                            if done { &mut delivered } else { &mut passed }.push(waiting);
                        }
                        Item::Notice(notice) => notices.push(notice),
                    }
                }
                Err(UplinkError::Refused(error)) => {
                    log::error!("{via} refuses {}: {error}", parcel.name);
                    channel.refused.insert(parcel.name.clone());
                    // A loss that cannot be told must not be told as a loss.
                    refused += u64::from(parcel.subject != Subject::Lost);
                }
                Err(UplinkError::TooLong { max }) => {
                    log::error!("{via} takes at most {max} bytes, not {}", parcel.name);
                    channel.refused.insert(parcel.name.clone());
                    refused += u64::from(parcel.subject != Subject::Lost);
                }
                Err(error) => failed = Some(error),
            }
        }
        let keys = |events: &[&Waiting]| events.iter().map(|w| w.event.key).collect::<Vec<EventKey>>();
        if !delivered.is_empty() {
            self.outbox.sent(&keys(&delivered), &via, true, at)?;
        }
        if !passed.is_empty() {
            self.outbox.sent(&keys(&passed), &via, false, at)?;
        }
        for waiting in delivered.iter().filter(|w| w.route.picture) {
            self.queue_picture(waiting.event.key)?;
        }
        for notice in notices {
            self.notice_left(notice, at)?;
        }
        if refused > 0 {
            self.outbox.count(report::REFUSED, refused)?;
            self.tell_losses()?;
        }
        Ok(failed)
    }

    /// A notice left the trap: it need not go again. A digest also settles the events that it stands for.
    fn notice_left(&mut self, notice: &Notice, at: DateTime<Utc>) -> Result<(), JournalError> {
        self.outbox.noticed(&notice.name, true, None, at)?;
        if let Some(Message::Digest(digest)) = message(notice)
            && digest.part + 1 == digest.parts
            && let Some(from) =
                DateTime::from_timestamp(crate::event::EPOCH + i64::from(digest.day) * 86_400, 0)
        {
            self.outbox.digest_arrived(from, from + TimeDelta::days(1), at)?;
        }
        self.left(&notice.name)
    }

    fn drop_item(&mut self, item: &Item, reason: &str) -> Result<(), JournalError> {
        if let Item::Notice(notice) = item {
            log::warn!("{} is given up: {reason}", notice.name);
            let at = self.now();
            self.outbox.noticed(&notice.name, true, Some(reason), at)?;
        }
        Ok(())
    }

    /// Packets until there are no more, the law wants a pause or the link fails.
    fn packets(&mut self, index: usize) -> Result<Result<(), UplinkError>, JournalError> {
        while let Some(Load { messages, items }) = self.packet_items(index)? {
            let link = match self.ready(index)? {
                Ok(link) => link,
                Err(error) => return Ok(Err(error)),
            };
            let Some(channel) = self.setup.channels.get_mut(index) else { break };
            let packed = match wire::pack(&messages, link.max_payload) {
                Ok(packed) => packed,
                Err(error) => {
                    log::warn!("{}: {error}", channel.uplink.name());
                    // A digest made for 51 bytes does not fit 11: it waits for a better link.
                    return Ok(Err(UplinkError::TooLong { max: link.max_payload }));
                }
            };
            let urgent = items.first().is_some_and(is_alert);
            if let Some(toll) = channel.toll.clone() {
                let now = self.air();
                // A modem that does not know its data rate pays for the slowest.
                let rate = link.data_rate.unwrap_or(0);
                match pay(&toll, &mut self.outbox, rate, packed.frame.len(), &now)? {
                    Ok(airtime) => {
                        if let Some(channel) = self.setup.channels.get_mut(index) {
                            channel.carried.airtime += airtime;
                        }
                    }
                    Err(pause) => {
                        self.fold_surplus(&items, packed.taken)?;
                        return Ok(Err(UplinkError::Wait(pause)));
                    }
                }
            }
            let now = self.air();
            let Some(channel) = self.setup.channels.get_mut(index) else { break };
            let confirm = urgent && channel.may_confirm(&mut self.outbox, &now)?;
            let parcel = Parcel {
                subject: items.first().map_or(Subject::Event, item_subject),
                name: items.first().map_or_else(String::new, item_name),
                port: wire::PORT_UPLINK,
                confirm,
                body: packed.frame.to_vec(),
            };
            let receipt = match channel.uplink.send(&parcel, SEND) {
                Ok(receipt) => receipt,
                Err(error) => return Ok(Err(error)),
            };
            channel.went();
            channel.carried.parcels += 1;
            channel.carried.bytes += parcel.body.len() as u64;
            let via = channel.uplink.name().to_owned();
            let at = self.now();
            let gone: Vec<Item> = items.into_iter().take(packed.taken).collect();
            let keys: Vec<EventKey> = gone.iter().filter_map(event_key).collect();
            if let Some(channel) = self.setup.channels.get_mut(index) {
                channel.carried.events += keys.len() as u64;
            }
            if !keys.is_empty() {
                self.outbox.sent(&keys, &via, receipt == Receipt::Delivered, at)?;
            }
            for item in &gone {
                if let Item::Notice(notice) = item {
                    self.notice_left(notice, at)?;
                }
            }
        }
        Ok(Ok(()))
    }

    /// What the next packet may hold, most urgent first; `None` where nothing is due. Sightings wait for company
    /// until the oldest has waited long enough or there are enough for a packet.
    fn packet_items(&mut self, index: usize) -> Result<Option<Load>, JournalError> {
        let now = self.now();
        let mut waiting = self.outbox.waiting(FULL)?;
        waiting.retain(|w| self.allowed(index, w) && !rests(w.passed, w.tries, now));
        let notices = self.outbox.notices(FULL)?;
        let notices = notices.into_iter().filter(|n| {
            n.subject != Subject::Picture.as_str() && !rests(n.passed, n.tries, now) && message(n).is_some()
        });
        let alert = waiting.first().is_some_and(|w| w.route.priority == Priority::Alert);
        let gather = TimeDelta::from_std(self.setup.sending.gather).unwrap_or(TimeDelta::MAX);
        let ripe = waiting
            .iter()
            .any(|w| now.timestamp() - w.event.at >= gather.num_seconds() || w.event.at > now.timestamp());
        let enough = waiting.len() >= GATHERED;
        let mut items: Vec<Item> = Vec::new();
        if alert {
            items.extend(waiting.into_iter().map(Item::Event));
        } else {
            items.extend(notices.map(Item::Notice));
            // A packet holds one kind: sightings follow in the next one.
            if items.is_empty() && (ripe || enough) {
                items.extend(waiting.into_iter().map(Item::Event));
            }
        }
        let mut messages = Vec::with_capacity(items.len());
        for item in &items {
            messages.extend(match item {
                Item::Event(w) => Some(compose::seen(&mut self.times, &self.outbox, &self.setup.names, w)?),
                Item::Notice(n) => message(n),
            });
        }
        Ok((!messages.is_empty()).then_some(Load { messages, items }))
    }

    /// The law leaves no room: sightings of no rule beyond one packet are told by the day's digest.
    fn fold_surplus(&mut self, items: &[Item], taken: usize) -> Result<(), JournalError> {
        if !self.setup.sending.digest {
            return Ok(());
        }
        let plain = items.iter().skip(taken).filter(|item| !is_alert(item));
        let keys: Vec<EventKey> = plain.filter_map(event_key).collect();
        if !keys.is_empty() {
            log::info!("no air time for {} sightings: the day's digest tells of them", keys.len());
            self.outbox.fold(&keys)?;
        }
        Ok(())
    }
}

/// Sightings that are worth a packet at once: they fill the 51 bytes of the slowest data rates.
const GATHERED: usize = 6;

/// Whether something left lately and is to be left alone until its receiver has had time to acknowledge it.
fn rests(passed: Option<DateTime<Utc>>, tries: u32, now: DateTime<Utc>) -> bool {
    let Some(passed) = passed else { return false };
    let pause = AGAIN * 2i32.saturating_pow(tries.saturating_sub(1).min(8));
    // A clock that was set back must not silence an event for ever.
    passed <= now && now - passed < pause.min(AGAIN_MAX)
}

fn message(notice: &Notice) -> Option<Message> {
    serde_json::from_slice(&notice.payload).ok()
}

fn subject(notice: &Notice) -> Subject {
    let known =
        [Subject::Health, Subject::Digest, Subject::Lost, Subject::Ack, Subject::Anchor, Subject::Picture];
    known.into_iter().find(|s| s.as_str() == notice.subject).unwrap_or(Subject::Event)
}

fn item_subject(item: &Item) -> Subject {
    match item {
        Item::Event(_) => Subject::Event,
        Item::Notice(notice) => subject(notice),
    }
}

fn item_name(item: &Item) -> String {
    match item {
        Item::Event(waiting) => compose::name(waiting.event.key),
        Item::Notice(notice) => notice.name.clone(),
    }
}

fn event_key(item: &Item) -> Option<EventKey> {
    match item {
        Item::Event(waiting) => Some(waiting.event.key),
        Item::Notice(_) => None,
    }
}

fn is_alert(item: &Item) -> bool {
    matches!(item, Item::Event(waiting) if waiting.route.priority == Priority::Alert)
}
