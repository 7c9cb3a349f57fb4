//! What was sent, and how long the next packet must wait.
//!
//! An entry is written to the card before the radio is asked. A cut between the two costs budget, never the law.

use core::time::Duration;

use super::Micros;

const HOUR_US: Micros = 3_600_000_000;

/// A sub-band with a duty cycle of its own. Limits: LoRaMac-node `RegionEU868.{h,c}` after ETSI EN 300 220.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Band {
    /// The modem chose the channel: charged to every limit.
    Any,
    /// EU 863–865 MHz, 0.1 %.
    Eu863,
    /// EU 865–868 MHz, 1 %.
    Eu865,
    /// EU 868.0–868.6 MHz, 1 %: the three channels every network has.
    Eu868,
    /// EU 868.7–869.2 MHz, 0.1 %.
    Eu8687,
    /// EU 869.4–869.65 MHz, 10 %.
    Eu8694,
    /// EU 869.7–870 MHz, 1 %.
    Eu8697,
}

/// At most `budget` on the air within any `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Where it holds; [`Band::Any`]: for all bands together.
    pub band: Band,
    /// Length of the sliding window.
    pub window: Micros,
    /// Time on air allowed in it.
    pub budget: Micros,
}

/// The limits that hold, and how late a modem may send.
#[derive(Debug, Clone, Copy)]
pub struct Law<'a> {
    /// All must be kept.
    pub limits: &'a [Limit],
    /// The longest time from writing an entry to the packet's end; windows are this much longer.
    pub slack: Micros,
}

impl Band {
    /// All of them.
    pub const ALL: [Band; 7] =
        [Band::Any, Band::Eu863, Band::Eu865, Band::Eu868, Band::Eu8687, Band::Eu8694, Band::Eu8697];

    /// The name in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Band::Any => "any",
            Band::Eu863 => "eu-863.0-865.0",
            Band::Eu865 => "eu-865.0-868.0",
            Band::Eu868 => "eu-868.0-868.6",
            Band::Eu8687 => "eu-868.7-869.2",
            Band::Eu8694 => "eu-869.4-869.65",
            Band::Eu8697 => "eu-869.7-870.0",
        }
    }

    /// From the name in the journal; an unknown name is [`Band::Any`], which is charged everywhere.
    pub fn parse(name: &str) -> Band {
        Band::ALL.into_iter().find(|band| band.as_str() == name).unwrap_or(Band::Any)
    }
}

impl Limit {
    /// The bands that the usual European channel plans use: 1 % in 865–868 and in 868.0–868.6 MHz.
    pub const EU868: [Limit; 2] = [Limit::permille(Band::Eu865, 10), Limit::permille(Band::Eu868, 10)];

    /// The optional 1 % of AS923 (LoRaMac-node has the band, switched off).
    pub const AS923: Limit = Limit::permille(Band::Any, 10);

    /// Fair use of The Things Network: 30 s of uplink in 24 h (its forum, topic 1300).
    pub const FAIR_USE: Limit = Limit { band: Band::Any, window: 24 * HOUR_US, budget: 30_000_000 };

    /// A duty cycle per sliding hour, in thousandths.
    pub const fn permille(band: Band, permille: u64) -> Limit {
        Limit { band, window: HOUR_US, budget: HOUR_US / 1000 * permille }
    }
}

/// A moment: which boot, its monotonic clock, and UTC where a network or a satellite set the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The boot's number.
    pub boot: u64,
    /// Monotonic microseconds of that boot.
    pub up: Micros,
    /// Microseconds since 1970 UTC; `None` where the clock cannot be trusted.
    pub utc: Option<u64>,
}

/// One transmission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// When it was written, before sending.
    pub at: Now,
    /// Where it was sent.
    pub band: Band,
    /// Time on air.
    pub micros: Micros,
}

impl Entry {
    /// How long ago, at least. Monotonic time rules inside a boot. An entry of another boot that UTC cannot date
    /// counts as sent when this boot began.
    pub fn age(&self, now: &Now) -> Micros {
        if self.at.boot == now.boot {
            return now.up.saturating_sub(self.at.up);
        }
        let by_utc = self.at.utc.zip(now.utc).and_then(|(then, now)| now.checked_sub(then));
        by_utc.unwrap_or(0).max(now.up)
    }
}

/// How long a packet of `cost` on `band` must wait so that no window exceeds its limit. `None`: it never may, since
/// it alone is longer than a limit.
pub fn wait(law: &Law<'_>, entries: &[Entry], now: &Now, band: Band, cost: Micros) -> Option<Duration> {
    let meets = |a: Band, b: Band| a == Band::Any || b == Band::Any || a == b;
    let mut longest = 0;
    for limit in law.limits.iter().filter(|limit| meets(limit.band, band)) {
        if cost > limit.budget {
            return None;
        }
        let window = limit.window.saturating_add(law.slack);
        // What is left of each entry's stay in the window.
        let left = |e: &Entry| window.saturating_sub(e.age(now));
        let mut delay = 0;
        loop {
            let held = entries.iter().filter(|e| meets(limit.band, e.band) && left(e) > delay);
            let (used, next) = held.fold((0u64, Micros::MAX), |(sum, next), e| {
                (sum.saturating_add(e.micros), next.min(left(e)))
            });
            if used.saturating_add(cost) <= limit.budget || next == Micros::MAX {
                break;
            }
            delay = next;
        }
        longest = longest.max(delay);
    }
    Some(Duration::from_micros(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAW: Law<'static> = Law { limits: &Limit::EU868, slack: 0 };

    fn at(boot: u64, up: Micros, utc: Option<u64>) -> Now {
        Now { boot, up, utc }
    }

    #[test]
    fn a_full_hour_makes_the_next_packet_wait_until_the_first_leaves_it() {
        let entries = [Entry { at: at(1, 1_000_000, None), band: Band::Any, micros: 36_000_000 }];
        let waits = |up| wait(&LAW, &entries, &at(1, up, None), Band::Any, 1);
        assert_eq!(waits(2_000_000), Some(Duration::from_secs(3599)));
        assert_eq!(waits(3_601_000_000), Some(Duration::ZERO));
        assert_eq!(wait(&LAW, &[], &at(1, 0, None), Band::Eu868, 36_000_001), None);
    }

    #[test]
    fn after_a_reboot_without_a_clock_everything_was_sent_just_now() {
        let entries = [Entry { at: at(1, 9_000_000_000, Some(50)), band: Band::Eu868, micros: 36_000_000 }];
        let waits = |now| wait(&LAW, &entries, &now, Band::Any, 1);
        assert_eq!(waits(at(2, 600_000_000, None)), Some(Duration::from_secs(3000)));
        // A clock before the entry cannot date it either.
        assert_eq!(waits(at(2, 0, Some(49))), Some(Duration::from_secs(3600)));
        assert_eq!(waits(at(2, 0, Some(3_600_000_050))), Some(Duration::ZERO));
    }

    #[test]
    fn a_clock_that_jumps_within_a_boot_gives_nothing() {
        let entries = [Entry { at: at(1, 0, Some(0)), band: Band::Eu865, micros: 36_000_000 }];
        let jumped = at(1, 0, Some(u64::MAX));
        assert_eq!(wait(&LAW, &entries, &jumped, Band::Eu865, 1), Some(Duration::from_secs(3600)));
        assert_eq!(wait(&LAW, &entries, &jumped, Band::Eu868, 1), Some(Duration::ZERO));
    }
}
