//! The bodies of a mixed frame's items, in postcard's encoding, narrowed so that each fits a slow packet.

use serde::{Deserialize, Serialize};

use super::sighting::{time_from_wire, time_to_wire};
use crate::event::{
    Code, CommandAck, CommandResult, DIGEST_LINES, Digest, DigestLine, Health, Power, Reset, When,
};

/// Largest number that postcard's varint holds in four bytes.
const FOUR_BYTES: u32 = (1 << 28) - 1;
/// Largest number that postcard's varint holds in three bytes.
const THREE_BYTES: u32 = (1 << 21) - 1;

/// A moment as it travels: two bits of clock, 30 of time, big-endian.
type Moment = [u8; 4];

fn moment(at: When) -> Moment {
    let (clock, time) = time_to_wire(at);
    (clock << 30 | time).to_be_bytes()
}

fn when(moment: Moment) -> When {
    let at = u32::from_be_bytes(moment);
    time_from_wire(at >> 30, at & 0x3fff_ffff)
}

/// [`Health`] as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HealthBody {
    at: Moment,
    boot: u32,
    next: u32,
    codebook: [u8; 4],
    uptime: u32,
    reset: Reset,
    version: [u8; 3],
    battery: Option<u16>,
    temperature: Option<i8>,
    card_free: Option<u8>,
    triggers: u32,
    empties: u32,
    suppressed: u32,
    failed: u32,
    waiting: u32,
}

impl From<&Health> for HealthBody {
    fn from(h: &Health) -> Self {
        HealthBody {
            at: moment(h.at),
            boot: h.boot.min(FOUR_BYTES),
            next: h.next.min(FOUR_BYTES),
            codebook: h.codebook.to_be_bytes(),
            uptime: h.uptime.min(FOUR_BYTES),
            reset: h.reset,
            version: h.version,
            battery: h.battery,
            temperature: h.temperature,
            card_free: h.card_free,
            triggers: h.triggers.min(THREE_BYTES),
            empties: h.empties.min(THREE_BYTES),
            suppressed: h.suppressed.min(THREE_BYTES),
            failed: h.failed.min(THREE_BYTES),
            waiting: h.waiting.min(THREE_BYTES),
        }
    }
}

impl From<HealthBody> for Health {
    fn from(b: HealthBody) -> Self {
        Health {
            at: when(b.at),
            boot: b.boot,
            next: b.next,
            codebook: u32::from_be_bytes(b.codebook),
            uptime: b.uptime,
            reset: b.reset,
            version: b.version,
            battery: b.battery,
            temperature: b.temperature,
            card_free: b.card_free,
            triggers: b.triggers,
            empties: b.empties,
            suppressed: b.suppressed,
            failed: b.failed,
            waiting: b.waiting,
        }
    }
}

/// [`Power`] as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PowerBody {
    at: Moment,
    boot: u32,
    next: u32,
    percent: Option<u8>,
    milliamps: Option<i32>,
    strain: Option<u8>,
    lux: Option<u32>,
    failures: u32,
    unjudged: u32,
    unverified: u32,
}

impl From<&Power> for PowerBody {
    fn from(p: &Power) -> Self {
        PowerBody {
            at: moment(p.at),
            boot: p.boot.min(FOUR_BYTES),
            next: p.next.min(FOUR_BYTES),
            percent: p.percent,
            milliamps: p.milliamps,
            strain: p.strain,
            lux: p.lux,
            failures: p.failures.min(THREE_BYTES),
            unjudged: p.unjudged.min(THREE_BYTES),
            unverified: p.unverified.min(THREE_BYTES),
        }
    }
}

impl From<PowerBody> for Power {
    fn from(b: PowerBody) -> Self {
        Power {
            at: when(b.at),
            boot: b.boot,
            next: b.next,
            percent: b.percent,
            milliamps: b.milliamps,
            strain: b.strain,
            lux: b.lux,
            failures: b.failures,
            unjudged: b.unjudged,
            unverified: b.unverified,
        }
    }
}

/// [`CommandAck`] as it travels; the number of its burst follows where there is one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AckBody {
    counter: u32,
    result: CommandResult,
}

impl From<&CommandAck> for AckBody {
    fn from(a: &CommandAck) -> Self {
        AckBody { counter: a.counter, result: a.result }
    }
}

impl AckBody {
    /// The acknowledgement, with the number that followed.
    pub(super) fn ack(&self, number: Option<u32>) -> CommandAck {
        CommandAck { counter: self.counter, result: self.result, number }
    }
}

/// [`DigestLine`] as it travels: code, hours as 24 bits big-endian, events, folded.
#[derive(Debug, Serialize, Deserialize)]
struct LineBody(u16, [u8; 3], u16, u16);

/// [`Digest`] as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DigestBody {
    day: u16,
    part: u8,
    parts: u8,
    effort: u16,
    triggers: u16,
    empties: u16,
    lines: heapless::Vec<LineBody, DIGEST_LINES>,
}

impl From<&Digest> for DigestBody {
    fn from(d: &Digest) -> Self {
        let line = |l: &DigestLine| {
            let [_, a, b, c] = l.hours.to_be_bytes();
            LineBody(l.code.get(), [a, b, c], l.events, l.folded)
        };
        DigestBody {
            day: d.day,
            part: d.part,
            parts: d.parts,
            effort: d.effort,
            triggers: d.triggers,
            empties: d.empties,
            lines: d.lines.iter().map(line).collect(),
        }
    }
}

impl DigestBody {
    /// The digest; none where a code is above 511.
    pub(super) fn digest(&self) -> Option<Digest> {
        let line = |l: &LineBody| {
            let [a, b, c] = l.1;
            let hours = u32::from_be_bytes([0, a, b, c]);
            Some(DigestLine { code: Code::new(l.0)?, hours, events: l.2, folded: l.3 })
        };
        Some(Digest {
            day: self.day,
            part: self.part,
            parts: self.parts,
            effort: self.effort,
            triggers: self.triggers,
            empties: self.empties,
            lines: self.lines.iter().map(line).collect::<Option<_>>()?,
        })
    }
}
