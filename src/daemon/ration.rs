//! Certainty traded for energy: with little left in the battery, bursts are looked at less.

use super::models;
use crate::config::Models;
use crate::hal::Gauges;
use crate::vision::cascade::Effort;

/// The battery must rise so far above the limit before more is looked at again, millivolts: a camera's flash alone pulls
/// an old battery down by a tenth of a volt and more.
const RECOVERED: u16 = 100;

/// Watches the battery and says when the effort changes.
pub(super) struct Ration {
    gauges: Box<dyn Gauges>,
    below: u16,
    usual: Effort,
    sparing: bool,
}

impl Ration {
    /// What the site chose; `None` where it chose nothing.
    pub(super) fn new(chosen: &Models, gauges: Box<dyn Gauges>) -> Option<Ration> {
        let usual = models::effort(chosen.effort);
        if chosen.frugal_below_mv > 0 && gauges.battery().is_none() {
            log::warn!("no battery can be read: `models.frugal_below_mv` changes nothing");
        }
        (chosen.frugal_below_mv > 0).then_some(Ration {
            gauges,
            below: chosen.frugal_below_mv,
            usual,
            sparing: false,
        })
    }

    /// The effort from now on, if it is another than before. A battery that cannot be read changes nothing.
    pub(super) fn change(&mut self) -> Option<Effort> {
        let millivolts = self.gauges.battery()?;
        let limit = if self.sparing { self.below.saturating_add(RECOVERED) } else { self.below };
        let sparing = millivolts < limit;
        if sparing == self.sparing {
            return None;
        }
        self.sparing = sparing;
        let effort = if sparing { Effort::Frugal } else { self.usual };
        log::warn!("{millivolts} mV in the battery: {effort:?} looks at bursts from now on");
        Some(effort)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, EffortChoice};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU16, Ordering};

    struct Battery(Arc<AtomicU16>);

    impl Gauges for Battery {
        fn battery(&self) -> Option<u16> {
            Some(self.0.load(Ordering::SeqCst)).filter(|mv| *mv > 0)
        }

        fn temperature(&self) -> Option<i8> {
            None
        }
    }

    #[test]
    fn a_low_battery_is_spared_until_it_has_risen_well_above_the_limit() {
        let level = Arc::new(AtomicU16::new(3700));
        let mut chosen = Config::default().models;
        assert!(Ration::new(&chosen, Box::new(Battery(level.clone()))).is_none());
        chosen.frugal_below_mv = 3500;
        chosen.effort = EffortChoice::Cascade;
        let mut ration = Ration::new(&chosen, Box::new(Battery(level.clone()))).unwrap();
        let mut at = |mv| {
            level.store(mv, Ordering::SeqCst);
            ration.change()
        };
        assert_eq!([at(3700), at(3500)], [None, None]);
        assert_eq!(at(3499), Some(Effort::Frugal));
        // It cannot be read, rises a little, rises enough.
        assert_eq!([at(0), at(3590)], [None, None]);
        assert_eq!(at(3600), Some(Effort::Cascade));
    }
}
