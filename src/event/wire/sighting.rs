//! Sightings in bits: the first of a run takes 80, each further one of the same boot and clock 34 to 75.

use super::bits::{Reader, Writer};
use crate::event::{Code, EPOCH, EventKey, Seen, When};
use crate::units::{ClockQuality, Score};

/// Bits of a boot's number on the wire.
pub const BOOT_BITS: u32 = 7;
/// Bits of an event's number on the wire.
pub const NUMBER_BITS: u32 = 20;
/// Bits of a time on the wire, seconds: 34 years.
pub const TIME_BITS: u32 = 30;

/// Individuals that the 16 count codes stand for; a count between two is rounded down, so that no herd is made
/// larger than it was seen.
pub const COUNTS: [u16; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30, 50, 100];

/// Widths of a difference in number, by class; class 0 stands for "the next one".
const NUMBER_WIDTHS: [u32; 4] = [0, 8, 14, NUMBER_BITS];
/// Widths of a difference in time, by class: 4 minutes, 4.5 hours, 6 days, any.
const TIME_WIDTHS: [u32; 4] = [9, 15, 20, TIME_BITS];

/// The shortest further sighting, bits: fewer than these at the end of a run are padding.
const SHORTEST: usize = 2 + 2 + 9 + 21;

/// A sighting in the wire's steps. Two of the same `boot` and `clock` may share a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Raw {
    boot: u32,
    number: u32,
    clock: u32,
    time: u32,
    /// Code 9, score 6, count 4, alert 1, reserved 1.
    rest: u32,
}

/// Clock and time of `when`; times before 2024-01-01 and after 2058-01-10 become those.
pub(super) fn time_to_wire(when: When) -> (u32, u32) {
    let most = (1u32 << TIME_BITS) - 1;
    match when {
        When::Utc { seconds, quality } => {
            let since = seconds.saturating_sub(EPOCH).clamp(0, i64::from(most));
            let clock = match quality {
                ClockQuality::Unset | ClockQuality::Rtc => 1,
                ClockQuality::Gps => 2,
                ClockQuality::Network => 3,
            };
            (clock, u32::try_from(since).unwrap_or(most))
        }
        When::SinceBoot { seconds } => (0, seconds.min(most)),
    }
}

/// The inverse of [`time_to_wire`].
pub(super) fn time_from_wire(clock: u32, time: u32) -> When {
    let quality = match clock {
        0 => return When::SinceBoot { seconds: time },
        1 => ClockQuality::Rtc,
        2 => ClockQuality::Gps,
        _ => ClockQuality::Network,
    };
    When::Utc { seconds: EPOCH + i64::from(time), quality }
}

impl Raw {
    pub(super) fn new(seen: &Seen) -> Self {
        let (clock, time) = time_to_wire(seen.at);
        // A score is within 0..=1, so the sum is within 0.5..=63.5.
        let score = (seen.score.get() * 63.0 + 0.5) as u32;
        let count = COUNTS.iter().rposition(|&step| step <= seen.count).unwrap_or(0) as u32;
        Raw {
            boot: seen.key.boot & ones(BOOT_BITS),
            number: seen.key.number & ones(NUMBER_BITS),
            clock,
            time,
            rest: u32::from(seen.code.get()) << 12 | score << 6 | count << 2 | u32::from(seen.alert) << 1,
        }
    }

    pub(super) fn seen(self) -> Option<Seen> {
        let score = (self.rest >> 6) & 0x3f;
        Some(Seen {
            key: EventKey { boot: self.boot, number: self.number },
            at: time_from_wire(self.clock, self.time),
            code: Code::new(u16::try_from(self.rest >> 12).ok()?)?,
            score: Score::new(score as f32 / 63.0),
            count: *COUNTS.get(((self.rest >> 2) & 15) as usize)?,
            alert: self.rest & 2 != 0,
        })
    }

    /// Whether `self` can follow `before` in a run.
    pub(super) fn follows(&self, before: &Raw) -> bool {
        self.boot == before.boot && self.clock == before.clock
    }

    /// Bits that [`Raw::put_next`] writes.
    pub(super) fn next_bits(&self, before: &Raw) -> u32 {
        let (number, time) = self.classes(before);
        4 + width(&NUMBER_WIDTHS, number) + width(&TIME_WIDTHS, time) + 21
    }

    fn classes(&self, before: &Raw) -> (u32, u32) {
        let number = self.number.wrapping_sub(before.number) & ones(NUMBER_BITS);
        let time = self.time.wrapping_sub(before.time) & ones(TIME_BITS);
        let number = if number == 1 { 0 } else { class(number, NUMBER_BITS, &NUMBER_WIDTHS, 1) };
        (number, class(time, TIME_BITS, &TIME_WIDTHS, 0))
    }

    /// Writes the first of a run.
    #[must_use]
    pub(super) fn put_first(&self, out: &mut Writer<'_>) -> bool {
        out.put(self.boot, BOOT_BITS)
            && out.put(self.number, NUMBER_BITS)
            && out.put(self.clock, 2)
            && out.put(self.time, TIME_BITS)
            && out.put(self.rest, 21)
    }

    /// Writes one that follows `before`.
    #[must_use]
    pub(super) fn put_next(&self, before: &Raw, out: &mut Writer<'_>) -> bool {
        let (number, time) = self.classes(before);
        out.put(number, 2)
            && out.put(self.number.wrapping_sub(before.number), width(&NUMBER_WIDTHS, number))
            && out.put(time, 2)
            && out.put(self.time.wrapping_sub(before.time), width(&TIME_WIDTHS, time))
            && out.put(self.rest, 21)
    }
}

/// A run being read.
#[derive(Debug, Clone)]
pub(super) struct Run<'a> {
    bits: Reader<'a>,
    before: Option<Raw>,
}

impl<'a> Run<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Run { bits: Reader::new(bytes), before: None }
    }

    /// The next one; `Some(None)` where the bytes end within it.
    pub(super) fn next(&mut self) -> Option<Option<Seen>> {
        let raw = match self.before {
            None => self.first(),
            Some(_) if self.bits.left() < SHORTEST => return None,
            Some(before) => self.further(before),
        };
        self.before = raw;
        Some(raw.and_then(Raw::seen))
    }

    fn first(&mut self) -> Option<Raw> {
        Some(Raw {
            boot: self.bits.take(BOOT_BITS)?,
            number: self.bits.take(NUMBER_BITS)?,
            clock: self.bits.take(2)?,
            time: self.bits.take(TIME_BITS)?,
            rest: self.bits.take(21)?,
        })
    }

    fn further(&mut self, before: Raw) -> Option<Raw> {
        let class = self.bits.take(2)?;
        let number = match class {
            0 => 1,
            class => self.difference(width(&NUMBER_WIDTHS, class))?,
        };
        let class = self.bits.take(2)?;
        let time = self.difference(width(&TIME_WIDTHS, class))?;
        Some(Raw {
            number: before.number.wrapping_add(number) & ones(NUMBER_BITS),
            time: before.time.wrapping_add(time) & ones(TIME_BITS),
            rest: self.bits.take(21)?,
            ..before
        })
    }

    /// A two's complement difference.
    fn difference(&mut self, width: u32) -> Option<u32> {
        let value = self.bits.take(width)?;
        let negative = (value >> (width - 1)) & 1 == 1;
        Some(if negative { value | !ones(width) } else { value })
    }
}

fn ones(width: u32) -> u32 {
    (1 << width) - 1
}

fn width(widths: &[u32; 4], class: u32) -> u32 {
    widths[(class & 3) as usize]
}

/// The first class from `from` whose width holds a difference of `whole` bits in two's complement.
fn class(difference: u32, whole: u32, widths: &[u32; 4], from: u32) -> u32 {
    let fits = |class: &u32| {
        let half = 1u32 << (width(widths, *class) - 1);
        difference < half || difference >= (1 << whole) - half
    };
    (from..3).find(fits).unwrap_or(3)
}
