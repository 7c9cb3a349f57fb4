//! The power plan at work: looks at battery, clock and hours once a minute and says whether to watch, rest or sleep.
//!
//! `hours` knows the windows of watch, `level` how full the battery is. Nothing here writes: what is to be journaled is
//! told to the pipeline. The one rule above all: no machine goes off without an alarm that was read back and is right.

mod hours;
mod level;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use hours::{open, opens, sun};
pub use level::{Battery, Level};

use crate::config::power::{Power, Window};
use crate::hal::{Charge, Clock, Gauges, Handed, Place, PowerControl, Woken};
use crate::units::ClockQuality;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(60);

/// After an alarm that was not right, so long until the next attempt to sleep.
const AGAIN: Duration = Duration::from_secs(600);

/// So far an alarm that was read back may be from what was wanted: two seconds of the slowest controller's clock, and
/// what the reading takes.
const TOLERANCE: Duration = Duration::from_secs(5);

/// An alarm closer than this at the hand-over might fire while the system still goes down, and be lost.
const MARGIN: Duration = Duration::from_secs(30);

/// A step of the clock by more than this against the monotonic one is told.
const STEP: TimeDelta = TimeDelta::seconds(2);

/// Between two comparisons of the trap's clock with that of a power board.
const TUNE: Duration = Duration::from_secs(3600);

/// What happened, for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `battery`, `gauge`, `clock`, `place`, `rest`, `watch`, `sleep`, `wake` or `unverified`.
    pub kind: &'static str,
    /// In plain words.
    pub text: String,
}

/// What the plan wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Stand watch.
    Watch,
    /// Take no pictures, stay awake.
    Rest,
    /// The alarm is set and verified: end the watch, and go off.
    Sleep,
}

/// What the other threads are to leave be, shared with them.
#[derive(Debug, Default)]
pub struct Shedding {
    uplink: AtomicBool,
}

impl Shedding {
    /// Whether messages wait.
    pub fn uplink(&self) -> bool {
        self.uplink.load(Ordering::Relaxed)
    }

    /// With a low battery.
    #[cfg(test)]
    pub(in crate::daemon) fn low() -> Shedding {
        Shedding { uplink: AtomicBool::new(true) }
    }
}

/// Takes up the time of a power board's own clock, which the system does not read, where nobody else knows the time.
pub fn adopt(clock: &dyn Clock, control: &mut dyn PowerControl) {
    if !control.tells_time() || clock.utc().1 != ClockQuality::Unset {
        return;
    }
    match control.time() {
        Ok(Some(told)) => {
            let behind = clock.correct(told, ClockQuality::Rtc);
            log::info!("clock: by {}, it was {:.1} s behind", control.name(), behind.as_seconds_f64());
        }
        Ok(None) => log::warn!("{}: its clock was not set by this trap, and is not believed", control.name()),
        Err(fault) => log::warn!("{fault}"),
    }
}

/// Keeps the power plan.
pub struct Keeper {
    plan: Power,
    place: Place,
    gauges: Box<dyn Gauges>,
    control: Option<Box<dyn PowerControl>>,
    battery: Battery,
    shedding: Arc<Shedding>,
    told: Vec<Told>,
    /// Monotonic times.
    awake_since: Duration,
    next_look: Duration,
    not_again_before: Duration,
    /// The clock at the last look.
    seen: Option<(Duration, DateTime<Utc>, ClockQuality)>,
    gauge_fails: bool,
    unset_told: bool,
    nowhere_told: bool,
    /// The place was known at the last look.
    placed: bool,
    unverified: u64,
    /// When the power board's clock is compared next, and by what quality it was last.
    next_tune: Duration,
    tuned: ClockQuality,
}

impl Keeper {
    /// Begins at `now` (monotonic) with the battery's level of the last run.
    pub fn new(
        plan: Power,
        place: impl Into<Place>,
        gauges: Box<dyn Gauges>,
        control: Option<Box<dyn PowerControl>>,
        now: Duration,
    ) -> Keeper {
        Keeper {
            plan,
            place: place.into(),
            gauges,
            control,
            battery: Battery::default(),
            shedding: Arc::default(),
            told: Vec::new(),
            awake_since: now,
            next_look: now,
            not_again_before: now,
            seen: None,
            gauge_fails: false,
            unset_told: false,
            nowhere_told: false,
            placed: false,
            unverified: 0,
            next_tune: now,
            tuned: ClockQuality::Unset,
        }
    }

    /// What the other threads look at.
    pub fn shedding(&self) -> Arc<Shedding> {
        Arc::clone(&self.shedding)
    }

    /// Takes up the level of the last run, and tells the controller that the system is up.
    pub fn begin(&mut self, level: Level) {
        self.battery = Battery::at(level);
        self.shed();
        let Some(control) = &mut self.control else { return };
        if let Err(fault) = control.greet() {
            log::error!("{fault}");
            self.told.push(Told { kind: "unverified", text: fault.to_string() });
        }
        match control.woken() {
            Ok(Woken::Unknown) => {}
            Ok(woken) => {
                let text = match woken {
                    Woken::Alarm => "woken by the alarm",
                    Woken::Recovered => "the battery came back",
                    _ => "switched on by hand",
                };
                self.told.push(Told { kind: "wake", text: text.to_owned() });
            }
            Err(fault) => log::warn!("{fault}"),
        }
    }

    /// The battery's level.
    pub fn level(&self) -> Level {
        self.battery.level()
    }

    /// Whether bursts are to be kept unjudged.
    pub fn spares_judge(&self) -> bool {
        self.plan.shed_judge && self.level() >= Level::Low
    }

    /// What happened since the last call.
    pub fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Sleeps that were called off since the last call.
    pub fn take_unverified(&mut self) -> u64 {
        std::mem::take(&mut self.unverified)
    }

    /// What is wanted now; `None` as long as it is not time for a look. [`Wish::Sleep`] comes with an alarm that is set
    /// and was read back.
    pub fn turn(&mut self, clock: &dyn Clock) -> Option<Wish> {
        let now = clock.monotonic();
        // A place that was found just now is a reason not to wait.
        let placed = self.place.get().is_some();
        if now < self.next_look && self.placed == placed {
            return None;
        }
        (self.next_look, self.placed) = (now + LOOK, placed);
        self.tune(clock);
        let (utc, quality) = clock.utc();
        self.watch_clock(now, utc, quality);
        self.look(now);
        let (after, why) = match self.wanted(utc, quality) {
            None => return Some(Wish::Watch),
            Some(wanted) => wanted,
        };
        let up = now.saturating_sub(self.awake_since);
        let short = after < self.plan.shortest || up < self.plan.grace || now < self.not_again_before;
        if short || self.battery.changing() || self.control.is_none() {
            return Some(Wish::Rest);
        }
        match self.arm(after) {
            Ok(()) => {
                let text = format!("{why}: sleeps until {}", stamp(utc, after));
                self.told.push(Told { kind: "sleep", text });
                Some(Wish::Sleep)
            }
            Err(fault) => {
                self.call_off(now, fault);
                Some(Wish::Rest)
            }
        }
    }

    /// How long to sleep and why; `None`: stand watch.
    fn wanted(&mut self, utc: DateTime<Utc>, quality: ClockQuality) -> Option<(Duration, &'static str)> {
        let cap = |time: Duration| time.min(self.plan.longest);
        if self.level() == Level::Critical {
            return Some((cap(self.plan.critical_sleep), "the battery is critical"));
        }
        let low = self.level() == Level::Low && !self.plan.low_hours.is_empty();
        let windows = if low { &self.plan.low_hours } else { &self.plan.hours };
        if windows.is_empty() {
            return None;
        }
        if quality == ClockQuality::Unset {
            // By a clock that was never set every hour is as good as any: stand watch and miss nothing.
            if !std::mem::replace(&mut self.unset_told, true) {
                let text = "the clock was never set: the hours of watch cannot be kept, the watch goes on";
                self.told.push(Told { kind: "clock", text: text.to_owned() });
            }
            return None;
        }
        let place = self.place.get();
        if place.is_none() && windows.iter().any(Window::by_the_sun) {
            // Nor is any hour better than another where nobody knows how the sun stands.
            if !std::mem::replace(&mut self.nowhere_told, true) {
                let text = "where the trap stands is not known yet: the hours by the sun cannot be kept, the watch goes on";
                self.told.push(Told { kind: "place", text: text.to_owned() });
            }
            return None;
        }
        let early = TimeDelta::from_std(self.plan.early).unwrap_or_default();
        if open(windows, utc, place) || open(windows, utc + early, place) {
            return None;
        }
        let next = opens(windows, utc, place).map(|at| (at - early - utc).to_std().unwrap_or_default());
        Some((cap(next.unwrap_or(self.plan.longest)), "outside the hours of watch"))
    }

    /// Sets the alarm and believes it only once it was read back.
    fn arm(&mut self, after: Duration) -> Result<(), String> {
        let Some(control) = &mut self.control else { return Err("nothing wakes this board".to_owned()) };
        let after = after.min(control.longest());
        let told = control.arm(after).map_err(|fault| fault.to_string())?;
        let left = control.armed().map_err(|fault| fault.to_string())?;
        let right = |left: Duration| left.abs_diff(after) <= TOLERANCE;
        match left {
            Some(left) if right(told) && right(left) => Ok(()),
            left => {
                let read = left.map_or("no alarm".to_owned(), |left| format!("{} s", left.as_secs()));
                Err(format!(
                    "{}: the alarm is to be in {} s and reads {read}",
                    control.name(),
                    after.as_secs()
                ))
            }
        }
    }

    /// A sleep is called off: told, counted, and the machine keeps running.
    fn call_off(&mut self, now: Duration, fault: String) {
        log::error!("no sleep, for the wake alarm is not certain: {fault}");
        self.told.push(Told { kind: "unverified", text: fault });
        self.unverified += 1;
        self.not_again_before = now + AGAIN;
    }

    /// Whether something wakes the machine.
    pub fn wakes(&self) -> bool {
        self.control.is_some()
    }

    /// The watch has ended: looks at the alarm once more, and tells the controller that the system goes off. An error
    /// means that the system must not be switched off.
    pub fn hand_over(&mut self, clock: &dyn Clock) -> Result<Handed, String> {
        let now = clock.monotonic();
        let handed = self.last_look().and_then(|()| match &mut self.control {
            Some(control) => control.hand_over().map_err(|fault| fault.to_string()),
            None => Err("nothing wakes this board".to_owned()),
        });
        match &handed {
            Err(fault) => self.call_off(now, fault.clone()),
            Ok(Handed::GoesOff) => {}
            Ok(Handed::Slept) => {
                self.awake_since = clock.monotonic();
                self.next_look = self.awake_since;
                self.seen = None;
                self.told.push(Told { kind: "wake", text: "woken by the alarm".to_owned() });
            }
        }
        handed
    }

    fn last_look(&mut self) -> Result<(), String> {
        let Some(control) = &mut self.control else { return Ok(()) };
        match control.armed().map_err(|fault| fault.to_string())? {
            Some(left) if left >= MARGIN => Ok(()),
            left => {
                let read =
                    left.map_or("is not set".to_owned(), |left| format!("fires in {} s", left.as_secs()));
                Err(format!("{}: the alarm {read}", control.name()))
            }
        }
    }

    /// Sets the alarm to `after` from now, verified, whatever the plan says; for a run that ends at once.
    pub fn arm_for(&mut self, after: Duration, clock: &dyn Clock) -> Result<(), String> {
        let armed = self.arm(after);
        if let Err(fault) = &armed {
            self.call_off(clock.monotonic(), fault.clone());
        }
        armed
    }

    /// Sets the clock of a power board from a better one: after a start its own is all that is left of the time.
    fn tune(&mut self, clock: &dyn Clock) {
        let Some(control) = self.control.as_deref_mut().filter(|control| control.tells_time()) else {
            return;
        };
        let (now, (utc, quality)) = (clock.monotonic(), clock.utc());
        if quality < ClockQuality::Gps || (now < self.next_tune && quality <= self.tuned) {
            return;
        }
        (self.next_tune, self.tuned) = (now + TUNE, quality);
        let name = control.name().to_owned();
        let set = control.time().and_then(|told| match told.map(|told| utc - told) {
            Some(apart) if apart.abs() <= STEP => Ok(None),
            apart => control.set_time(utc).map(|()| Some(apart)),
        });
        match set {
            Ok(None) => {}
            Ok(Some(apart)) => {
                let by = apart.map_or("it had lost the time".to_owned(), |apart| {
                    format!("it was {:.0} s behind", apart.as_seconds_f64())
                });
                let text = format!("the clock of the {name} is set ({}): {by}", quality.as_str());
                self.told.push(Told { kind: "clock", text });
            }
            Err(fault) => log::warn!("{fault}"),
        }
    }

    /// When the alarm of a run that ends at once is to fire: the next window, at the longest `plan.longest`.
    pub fn next_alarm(&mut self, clock: &dyn Clock) -> Duration {
        self.tune(clock);
        let (utc, quality) = clock.utc();
        let wanted = self.wanted(utc, quality).map(|(after, _)| after);
        wanted.unwrap_or(self.plan.longest).clamp(self.plan.shortest, self.plan.longest)
    }

    /// Reads the battery.
    fn look(&mut self, now: Duration) {
        let charge = self.gauges.charge();
        let fault = self.gauges.fault();
        if fault.is_some() != self.gauge_fails {
            self.gauge_fails = fault.is_some();
            let text = fault.unwrap_or_else(|| "the battery can be read again".to_owned());
            self.told.push(Told { kind: "gauge", text });
        }
        let percent = charge.and_then(|charge| charge.percent);
        if let Some(level) = self.battery.read(percent, now, &self.plan) {
            let text = format!("{}: {}", level.as_str(), described(charge.unwrap_or_default()));
            log::warn!("battery {text}");
            self.told.push(Told { kind: "battery", text });
            self.shed();
        }
    }

    fn shed(&self) {
        let uplink = self.plan.shed_uplink && self.level() >= Level::Low;
        self.shedding.uplink.store(uplink, Ordering::Relaxed);
    }

    /// Tells when somebody set the clock.
    fn watch_clock(&mut self, now: Duration, utc: DateTime<Utc>, quality: ClockQuality) {
        let before = self.seen.replace((now, utc, quality));
        let Some((then, told, before)) = before else { return };
        let passed = TimeDelta::from_std(now.saturating_sub(then)).unwrap_or_default();
        let moved = utc - told - passed;
        if moved.abs() > STEP || quality > before {
            let text = format!(
                "{} to {}, moved by {:.1} s",
                before.as_str(),
                quality.as_str(),
                moved.as_seconds_f64()
            );
            log::warn!("clock: {text}");
            self.told.push(Told { kind: "clock", text });
        }
    }
}

/// `3812 mV, 25 %, 310 mA`
fn described(charge: Charge) -> String {
    let value = |value: Option<i64>, unit: &str| value.map(|value| format!("{value} {unit}"));
    let parts = [
        value(charge.millivolts.map(i64::from), "mV"),
        value(charge.percent.map(i64::from), "%"),
        value(charge.milliamps.map(i64::from), "mA"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The minute that is `after` from `utc`.
fn stamp(utc: DateTime<Utc>, after: Duration) -> String {
    let at = TimeDelta::from_std(after).ok().and_then(|after| utc.checked_add_signed(after));
    at.map_or_else(|| "an unknown time".to_owned(), |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests;
