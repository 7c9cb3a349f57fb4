//! What a receiver puts right afterwards: times told by a clock that was not set or wrong, and numbers cut short.

use super::WireError;
use super::sighting::{BOOT_BITS, NUMBER_BITS};
use crate::event::{Anchor, EventKey, Health, When};

/// The anchors of one trap; at most `N` of them.
#[derive(Debug, Clone, Default)]
pub struct Anchors<const N: usize = 64> {
    all: heapless::Vec<Anchor, N>,
}

impl<const N: usize> Anchors<N> {
    /// None yet.
    pub const fn new() -> Self {
        Anchors { all: heapless::Vec::new() }
    }

    /// Takes one more; one that is there already counts once, since messages may come twice.
    ///
    /// # Errors
    /// [`WireError::Full`] where there are `N` already.
    pub fn add(&mut self, anchor: Anchor) -> Result<(), WireError> {
        if self.all.contains(&anchor) {
            return Ok(());
        }
        self.all.push(anchor).map_err(|_| WireError::Full(N))
    }

    /// The right time of what was told as `at`, as far as the anchors of its boot say. Boots are compared by
    /// their low 7 bits and numbers by their low 20, so keys may be cut or whole: give anchors and events of
    /// less than 128 boots and half a million events at a time.
    pub fn resolve(&self, key: EventKey, at: When) -> When {
        let of_boot = || self.all.iter().filter(|a| cut(a.boot, BOOT_BITS) == cut(key.boot, BOOT_BITS));
        match at {
            When::SinceBoot { seconds } => {
                // The newest correction knows the start best.
                let newest = of_boot().reduce(|a, b| if earlier(b.before, a.before) { a } else { b });
                newest.map_or(at, |a| When::Utc {
                    seconds: a.started.saturating_add(i64::from(seconds)),
                    quality: a.quality,
                })
            }
            When::Utc { seconds, quality } => {
                // Each correction moves everything that was told before it.
                let later = || of_boot().filter(|a| earlier(key.number, a.before));
                let shift = later().fold(0i64, |sum, a| sum.saturating_add(i64::from(a.shift)));
                let newest = later().reduce(|a, b| if earlier(b.before, a.before) { a } else { b });
                When::Utc {
                    seconds: seconds.saturating_add(shift),
                    quality: newest.map_or(quality, |a| a.quality),
                }
            }
        }
    }
}

/// The whole key of one that was cut on the wire, near what `health` of the same trap says: up to 15 boots after it
/// or 112 before, up to 524,288 events before or after.
pub fn widen(key: EventKey, health: &Health) -> EventKey {
    EventKey {
        boot: near(key.boot, health.boot, BOOT_BITS, 15),
        number: near(key.number, health.next, NUMBER_BITS, (1 << (NUMBER_BITS - 1)) - 1),
    }
}

/// The number with the low `bits` of `low` that is at most `ahead` after `around`, and otherwise before it.
fn near(low: u32, around: u32, bits: u32, ahead: u32) -> u32 {
    let step = cut(low.wrapping_sub(around), bits);
    if step <= ahead {
        around.wrapping_add(step)
    } else {
        // Nothing is before 0: then it must be after.
        around.checked_sub((1 << bits) - step).unwrap_or(around.wrapping_add(step))
    }
}

fn cut(value: u32, bits: u32) -> u32 {
    value & ((1 << bits) - 1)
}

/// Whether number `a` is before `b`, by their low 20 bits.
fn earlier(a: u32, b: u32) -> bool {
    let ahead = cut(b.wrapping_sub(a), NUMBER_BITS);
    ahead > 0 && ahead < 1 << (NUMBER_BITS - 1)
}
