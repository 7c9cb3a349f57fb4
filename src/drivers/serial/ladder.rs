//! The way back from a silent modem: talk to it again, then its reset pin, then its power, so many times a day.

use std::io;
use std::time::Duration;

use crate::drivers::gpio::Switch;

/// What was done about a silent modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing but to talk to it again.
    Resync,
    /// Its reset pin was pulsed.
    Reset,
    /// Its power was cut and given again.
    Power,
}

/// How often what was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Climbs {
    /// Talked to again.
    pub resyncs: u64,
    /// Reset.
    pub resets: u64,
    /// Power cut.
    pub powers: u64,
    /// Not done, because the day's share was used up.
    pub capped: u64,
    /// A pin did not switch.
    pub failed: u64,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Climbs one rung per failure in a row.
pub struct Ladder {
    reset: Option<Box<dyn Switch>>,
    power: Option<Box<dyn Switch>>,
    /// Pulses of pins allowed in a day.
    cap: u32,
    /// How long a pin is held, and how long the modem boots after.
    hold: Duration,
    /// Failures in a row.
    failures: u32,
    day_began: Option<Duration>,
    used: u32,
    climbs: Climbs,
}

impl Ladder {
    /// With the pins there are. `cap` pulses a day in all; a pin is held for `hold`.
    pub fn new(
        reset: Option<Box<dyn Switch>>,
        power: Option<Box<dyn Switch>>,
        cap: u32,
        hold: Duration,
    ) -> Self {
        let climbs = Climbs::default();
        Ladder { reset, power, cap, hold, failures: 0, day_began: None, used: 0, climbs }
    }

    /// Without pins: only talking helps.
    pub fn bare() -> Self {
        Ladder::new(None, None, 0, Duration::ZERO)
    }

    /// The modem answered: the next failure is the first again.
    pub fn stands(&mut self) {
        self.failures = 0;
    }

    /// How often what was done.
    pub fn climbs(&self) -> Climbs {
        self.climbs
    }

    /// Cuts the power until [`Ladder::wake`], where there is a pin for it. This is rest, not repair: it is not
    /// counted.
    pub fn sleep(&mut self) -> io::Result<()> {
        self.power.as_mut().map_or(Ok(()), |pin| pin.on())
    }

    /// Gives the power back.
    pub fn wake(&mut self) -> io::Result<()> {
        self.power.as_mut().map_or(Ok(()), |pin| pin.off())
    }

    /// Whether there is a pin that cuts the power.
    pub fn cuts_power(&self) -> bool {
        self.power.is_some()
    }

    /// The modem was silent at `now` (monotonic): does the next thing, holding pins no longer than `most`.
    pub fn climb(&mut self, now: Duration, most: Duration) -> Step {
        self.failures = self.failures.saturating_add(1);
        let wanted = match (self.failures, &self.reset, &self.power) {
            (1, _, _) | (_, None, None) => Step::Resync,
            (2, Some(_), _) | (_, Some(_), None) => Step::Reset,
            _ => Step::Power,
        };
        if self.day_began.is_none_or(|began| now.saturating_sub(began) >= DAY) {
            (self.day_began, self.used) = (Some(now), 0);
        }
        let step = match wanted {
            Step::Resync => Step::Resync,
            _ if self.used >= self.cap => {
                self.climbs.capped += 1;
                log::warn!("a silent modem is not reset again: {} times today were allowed", self.cap);
                Step::Resync
            }
            step => step,
        };
        let (pin, count) = match step {
            Step::Resync => (None, &mut self.climbs.resyncs),
            Step::Reset => (self.reset.as_mut(), &mut self.climbs.resets),
            Step::Power => (self.power.as_mut(), &mut self.climbs.powers),
        };
        *count += 1;
        if let Some(pin) = pin {
            self.used += 1;
            log::warn!("a silent modem: {step:?}, {} of {} today", self.used, self.cap);
            let held = pin.on();
            std::thread::sleep(self.hold.min(most));
            // Let go even where holding failed: a modem must never stay off.
            if let Err(error) = held.and(pin.off()) {
                self.climbs.failed += 1;
                log::error!("a pin of the modem does not switch: {error}; check the wiring");
                if let Err(error) = pin.off() {
                    log::error!("the modem's pin does not let go: {error}");
                }
            }
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    struct Noted(&'static str, Arc<Mutex<Vec<String>>>);

    impl Switch for Noted {
        fn on(&mut self) -> io::Result<()> {
            self.1.lock().unwrap().push(format!("{} on", self.0));
            Ok(())
        }
        fn off(&mut self) -> io::Result<()> {
            self.1.lock().unwrap().push(format!("{} off", self.0));
            Ok(())
        }
    }

    #[test]
    fn rungs_are_climbed_in_order_and_the_day_has_an_end() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let pin = |name| Some(Box::new(Noted(name, seen.clone())) as Box<dyn Switch>);
        let mut ladder = Ladder::new(pin("reset"), pin("power"), 3, Duration::ZERO);
        let hours = |h: u64| Duration::from_secs(h * 3600);
        let mut climb = |h| ladder.climb(hours(h), Duration::ZERO);
        let steps: Vec<Step> = [1, 2, 3, 4, 5, 6, 24].into_iter().map(&mut climb).collect();
        use Step::*;
        assert_eq!(steps, [Resync, Reset, Power, Power, Resync, Resync, Resync]);
        assert_eq!(climb(25), Power, "a new day began 24 h after the first failure");
        ladder.stands();
        assert_eq!(ladder.climb(hours(26), Duration::ZERO), Resync);
        assert_eq!(ladder.climbs(), Climbs { resyncs: 5, resets: 1, powers: 3, capped: 3, failed: 0 });
        let pulses = ["reset on", "reset off", "power on", "power off"];
        assert_eq!(seen.lock().unwrap()[..4], pulses);
        assert_eq!(seen.lock().unwrap().len(), 8);
    }

    #[test]
    fn without_pins_only_talking_is_left() {
        let mut ladder = Ladder::bare();
        assert!((0..5).all(|h| ladder.climb(DAY * h, Duration::ZERO) == Step::Resync));
    }
}
