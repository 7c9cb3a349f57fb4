//! Parcels to uplinks, and what becomes of them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::channel::pay;
use super::report::Day;
use super::{Sender, compose, letter, report};
use crate::airtime::Micros;
use crate::event::wire::{self, Packed};
use crate::event::{EventKey, Message, Sighting};
use crate::hal::{Link, Parcel, Receipt, Subject, UplinkError};
use crate::store::record::Identity;
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

/// What packets may hold, most urgent first.
#[derive(Default)]
struct Load {
    messages: Vec<Message>,
    /// The message at the same place tells of this.
    items: Vec<Item>,
}

impl Load {
    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Without what is too long for a packet of `max` bytes even alone.
    fn fitting(self, max: usize) -> Load {
        let fits = |message: &Message| wire::pack(std::slice::from_ref(message), max).is_ok();
        let (messages, items) =
            self.messages.into_iter().zip(self.items).filter(|(message, _)| fits(message)).unzip();
        Load { messages, items }
    }
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
        let ranked = events.map(|w| match w.route.priority {
            Priority::Alert => (0, Item::Event(w)),
            _ => (2, Item::Event(w)),
        });
        let mut items: Vec<(u8, Item)> =
            ranked.chain(notices.map(|n| (urgency(subject(&n)), Item::Notice(n)))).collect();
        items.sort_by_key(|(rank, _)| *rank);
        Ok(items.into_iter().take(WINDOW).map(|(_, item)| item).collect())
    }

    /// Whether an event may go by an uplink. A route that names only uplinks the site has not is open to all.
    fn allowed(&self, index: usize, waiting: &Waiting) -> bool {
        let named = &waiting.route.uplinks;
        let known = self.setup.channels.iter().any(|channel| channel.may_carry(named));
        !known || self.setup.channels.get(index).is_some_and(|channel| channel.may_carry(named))
    }

    /// What a gallery told of the animals of an event: JSON has room for it, the frames of a radio have not.
    fn individuals(&self, event: &Sighting) -> Result<Vec<Identity>, JournalError> {
        let found = self.outbox.reader().event(event.key)?;
        let Some(stored) = found.and_then(|found| found.items.into_iter().next()) else {
            return Ok(Vec::new());
        };
        let at = stored.events.iter().position(|own| own.key == event.key);
        let seen = at.and_then(|at| stored.burst.observations.get(at));
        Ok(seen.map(|seen| seen.individuals.clone()).unwrap_or_default())
    }

    fn letter(&mut self, item: &Item) -> Result<Option<Parcel>, JournalError> {
        let from = letter::From { device: self.setup.sending.device.clone(), site: self.setup.site.clone() };
        let (subject, name, body) = match item {
            Item::Event(waiting) => {
                let when = self.times.right(&self.outbox, &waiting.event)?;
                let individuals = self.individuals(&waiting.event)?;
                let body = letter::event(&from, &waiting.event, &waiting.route, when, &individuals);
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
            && let Some(from) =
                DateTime::from_timestamp(crate::event::EPOCH + i64::from(digest.day) * 86_400, 0)
            && self.all_parts_left(notice, digest.part, digest.parts)?
        {
            self.outbox.digest_arrived(from, from + TimeDelta::days(1), at)?;
        }
        self.left(&notice.name)
    }

    /// Whether every part of the digest that `notice` is a part of has left.
    fn all_parts_left(&self, notice: &Notice, part: u8, parts: u8) -> Result<bool, JournalError> {
        let Some(stem) = notice.name.strip_suffix(&part.to_string()) else { return Ok(false) };
        for other in (0..parts).filter(|other| *other != part) {
            if !self.outbox.is_done(&format!("{stem}{other}"))? {
                return Ok(false);
            }
        }
        Ok(true)
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
        loop {
            let load = self.load(index)?;
            if load.is_empty() {
                return Ok(Ok(()));
            }
            let up = self.up();
            let link = match self.ready(index)? {
                Ok(link) => link,
                Err(error) => return Ok(Err(error)),
            };
            if let Some(channel) = self.setup.channels.get_mut(index) {
                channel.took(link.max_payload, up);
            }
            let load = load.fitting(link.max_payload);
            let packed = match self.paid(index, &load, &link)? {
                Ok(Some(packed)) => packed,
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            };
            let now = self.air();
            let Some(channel) = self.setup.channels.get_mut(index) else { return Ok(Ok(())) };
            let gone: Vec<Item> = load.items.into_iter().take(packed.taken).collect();
            let wanted = gone.iter().any(|item| match is_alert(item) {
                true => channel.confirm,
                false => needs_receipt(item),
            });
            let confirm = wanted && channel.may_confirm(&mut self.outbox, &now)?;
            let parcel = Parcel {
                subject: gone.first().map_or(Subject::Event, item_subject),
                name: gone.first().map_or_else(String::new, item_name),
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
            let keys: Vec<EventKey> = gone.iter().filter_map(event_key).collect();
            channel.carried.events += keys.len() as u64;
            let at = self.now();
            let delivered = receipt == Receipt::Delivered;
            if !keys.is_empty() {
                self.outbox.sent(&keys, &via, delivered, at)?;
            }
            for item in &gone {
                match item {
                    Item::Notice(notice) if delivered || !needs_receipt(item) => {
                        self.notice_left(notice, at)?
                    }
                    Item::Notice(notice) => self.outbox.noticed(&notice.name, false, None, at)?,
                    Item::Event(_) => {}
                }
            }
        }
    }

    /// Packs what goes next and pays for its time on air: `None` where nothing of it fits the link.
    fn paid(
        &mut self,
        index: usize,
        load: &Load,
        link: &Link,
    ) -> Result<Result<Option<Packed>, UplinkError>, JournalError> {
        let Ok(packed) = wire::pack(&load.messages, link.max_payload) else { return Ok(Ok(None)) };
        let toll = self.setup.channels.get(index).and_then(|channel| channel.toll.clone());
        let Some(toll) = toll else { return Ok(Ok(Some(packed))) };
        // A modem that does not know its data rate pays for the slowest.
        let rate = link.data_rate.unwrap_or(0);
        let now = self.air();
        let pause = match pay(&toll, &mut self.outbox, rate, packed.frame.len(), &now)? {
            Ok(airtime) => {
                self.spent(index, airtime);
                return Ok(Ok(Some(packed)));
            }
            Err(pause) => pause,
        };
        self.fold_surplus(&load.items, packed.taken)?;
        // There may be room for the alerts alone: nothing that rides along may hold them up.
        let alerts = load.items.iter().take_while(|item| is_alert(item)).count();
        let urgent = load.messages.get(..alerts).filter(|urgent| !urgent.is_empty() && alerts < packed.taken);
        if let Some(Ok(packed)) = urgent.map(|urgent| wire::pack(urgent, link.max_payload))
            && let Ok(airtime) = pay(&toll, &mut self.outbox, rate, packed.frame.len(), &now)?
        {
            self.spent(index, airtime);
            return Ok(Ok(Some(packed)));
        }
        Ok(Err(UplinkError::Wait(pause)))
    }

    fn spent(&mut self, index: usize, airtime: Micros) {
        if let Some(channel) = self.setup.channels.get_mut(index) {
            channel.carried.airtime += airtime;
        }
    }

    /// What may go by packets now, in the order of urgency: alerts, what times and commands hang on, sightings,
    /// digests, losses, health. Sightings wait for company until the oldest has waited long enough or there are
    /// enough for a packet; where something else goes anyway they ride along. What the link has no room for at its
    /// present rate waits for a better one and holds nothing up.
    fn load(&mut self, index: usize) -> Result<Load, JournalError> {
        let now = self.now();
        let mut waiting = self.outbox.waiting(FULL)?;
        waiting.retain(|w| self.allowed(index, w) && !rests(w.passed, w.tries, now));
        let gather = TimeDelta::from_std(self.setup.sending.gather).unwrap_or(TimeDelta::MAX);
        let ripe = waiting.len() >= GATHERED
            || waiting.iter().any(|w| {
                now.timestamp() - w.event.at >= gather.num_seconds() || w.event.at > now.timestamp()
            });
        let mut items: Vec<(u8, Item)> = Vec::new();
        for event in waiting {
            let rank = match event.route.priority {
                Priority::Alert => 0,
                _ if ripe => 2,
                _ => 6,
            };
            items.push((rank, Item::Event(event)));
        }
        for notice in self.outbox.notices(FULL)? {
            if !rests(notice.passed, notice.tries, now) {
                items.push((urgency(subject(&notice)), Item::Notice(notice)));
            }
        }
        // Stable: within a rank the order of the journal stays.
        items.sort_by_key(|(rank, _)| *rank);
        let nothing_due = items.iter().all(|(rank, _)| *rank == 6);
        let mut load = Load::default();
        for (_, item) in items {
            let message = match &item {
                _ if nothing_due => None,
                Item::Event(w) => Some(compose::seen(&mut self.times, &self.outbox, &self.setup.names, w)?),
                Item::Notice(n) if subject(n) == Subject::Picture => None,
                Item::Notice(n) => message(n),
            };
            if let Some(message) = message {
                load.messages.push(message);
                load.items.push(item);
            }
        }
        let up = self.up();
        let room = self.setup.channels.get(index).map_or(0, |channel| channel.room(up));
        Ok(load.fitting(room))
    }

    /// The law leaves no room: sightings of no rule beyond one packet are told by the day's digest.
    fn fold_surplus(&mut self, items: &[Item], taken: usize) -> Result<(), JournalError> {
        if !self.setup.sending.digest {
            return Ok(());
        }
        let today = Day::of(self.now());
        // The digest of an earlier day was made already: what it does not tell still goes singly.
        let plain = items.iter().skip(taken).filter(|item| match item {
            Item::Event(waiting) => !is_alert(item) && Day::of_event(&waiting.event) == today,
            Item::Notice(_) => false,
        });
        let keys: Vec<EventKey> = plain.filter_map(event_key).collect();
        if today.is_none() {
            return Ok(());
        }
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

/// The rank of a notice among alerts (0) and sightings (2): times and trials hang on anchors and acknowledgements,
/// and both are small.
fn urgency(subject: Subject) -> u8 {
    match subject {
        Subject::Event => 2,
        Subject::Ack | Subject::Anchor => 1,
        Subject::Digest => 3,
        Subject::Lost => 4,
        Subject::Health | Subject::Power | Subject::Picture => 5,
    }
}

/// Whether a notice is done only when its receiver has it: events hang on it that do not go again. The others say
/// what later ones say anew.
fn needs_receipt(item: &Item) -> bool {
    match item {
        Item::Notice(notice) => match message(notice) {
            Some(Message::Digest(digest)) => digest.lines.iter().any(|line| line.folded > 0),
            Some(Message::Anchor(_)) => true,
            _ => false,
        },
        Item::Event(_) => false,
    }
}

fn message(notice: &Notice) -> Option<Message> {
    serde_json::from_slice(&notice.payload).ok()
}

fn subject(notice: &Notice) -> Subject {
    let known = [
        Subject::Health,
        Subject::Digest,
        Subject::Lost,
        Subject::Ack,
        Subject::Anchor,
        Subject::Power,
        Subject::Picture,
    ];
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
