//! Passive infrared sensors on GPIO lines: one or more, with warm-up, hold-off and the kernel's own time stamps.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::trigger::Rule;
use crate::hal::{Clock, DeviceError, Source, Spent, Trigger, Triggered};

mod lines;
#[cfg(all(feature = "rppal", target_os = "linux"))]
mod rppal;

pub use lines::{Bias, By, GpioLines, Wiring};
#[cfg(all(feature = "rppal", target_os = "linux"))]
pub use rppal::RppalLines;

/// Takes the lines of `wiring` by what it names.
pub fn open(wiring: &Wiring) -> Result<Box<dyn Lines>, DeviceError> {
    match wiring.by {
        By::Gpiocdev => Ok(Box::new(GpioLines::open(wiring)?)),
        #[cfg(all(feature = "rppal", target_os = "linux"))]
        By::Rppal => Ok(Box::new(RppalLines::open(wiring)?)),
        #[cfg(not(all(feature = "rppal", target_os = "linux")))]
        By::Rppal => Err(DeviceError {
            device: "PIR".to_owned(),
            what: "this trapline was built without rppal".to_owned(),
            cure: "build it with `--features rppal`, or take `driver = \"gpiocdev\"` in [pir]".to_owned(),
        }),
    }
}

/// Most edges taken up in one go; the kernel's own queue holds 16 a line (gpio_v2_line_request in linux/gpio.h).
const MOST_QUEUED: usize = 1024;

/// A line changed its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Which, by its place in the options.
    pub line: usize,
    /// Active from now on, or no longer.
    pub active: bool,
    /// How long ago, by the kernel's time stamp.
    pub age: Duration,
    /// Triggers among the edges that the kernel dropped before this one.
    pub lost: u32,
}

/// The lines of the sensors.
pub trait Lines: Send {
    /// The next edge, if one comes within `deadline`.
    fn wait(&mut self, deadline: Duration) -> io::Result<Option<Edge>>;

    /// What a line is called, by its place in the options.
    fn name(&self, line: usize) -> String;
}

impl Lines for Box<dyn Lines> {
    fn wait(&mut self, deadline: Duration) -> io::Result<Option<Edge>> {
        (**self).wait(deadline)
    }

    fn name(&self, line: usize) -> String {
        (**self).name(line)
    }
}

/// How sensors are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many there are.
    pub sensors: usize,
    /// One suffices, or all must see it.
    pub rule: Rule,
    /// How far apart they may see it.
    pub window: Duration,
    /// No trigger for so long after one.
    pub hold_off: Duration,
    /// Sensors settle for so long after power came: what they say is counted and not answered.
    pub warm_up: Duration,
    /// A sensor that stays active fires again after so long; `None`: only its edges count.
    pub again: Option<Duration>,
}

/// Sensors as a trigger. Times are those of `clock` minus the age of the edge, so a busy trap is not a late one.
pub struct Pir<L> {
    lines: L,
    options: Options,
    clock: Arc<dyn Clock>,
    warm: Duration,
    /// When it fired last, and each sensor's last edge that was not answered.
    fired: Option<Duration>,
    seen: Vec<Option<Duration>>,
    active: Vec<bool>,
    /// The sensors that the last trigger came from.
    by: Vec<usize>,
    suppressed: u32,
}

impl<L: Lines> Pir<L> {
    /// Listens to `lines`.
    pub fn new(lines: L, options: Options, clock: Arc<dyn Clock>) -> Self {
        let warm = clock.monotonic() + options.warm_up;
        let (seen, active) = (vec![None; options.sensors], vec![false; options.sensors]);
        Pir { lines, options, clock, warm, fired: None, seen, active, by: Vec::new(), suppressed: 0 }
    }

    fn swallow(&mut self, triggers: u32) {
        self.suppressed = self.suppressed.saturating_add(triggers);
    }

    /// What an edge means: the age of a trigger.
    fn take(&mut self, edge: Edge) -> Option<Duration> {
        self.swallow(edge.lost);
        *self.active.get_mut(edge.line)? = edge.active;
        if !edge.active {
            return None;
        }
        let at = self.clock.monotonic().saturating_sub(edge.age);
        let held = self.fired.is_some_and(|fired| at < fired + self.options.hold_off);
        if at < self.warm || held {
            self.swallow(1);
            return None;
        }
        let mut by = vec![edge.line];
        if self.options.rule == Rule::Both {
            let unanswered = self.seen.get_mut(edge.line)?.replace(at).is_some();
            self.swallow(u32::from(unanswered));
            let window = self.options.window;
            if !self.seen.iter().all(|seen| seen.is_some_and(|seen| at.saturating_sub(seen) <= window)) {
                return None;
            }
            by = (0..self.seen.len()).collect();
            self.seen.fill(None);
        }
        (self.fired, self.by) = (Some(at), by);
        Some(edge.age)
    }

    /// Time until a sensor that stays active fires again, if one does.
    fn again_in(&self) -> Option<Duration> {
        let again = self.options.again?.max(self.options.hold_off);
        let enough = match self.options.rule {
            Rule::Any => self.active.contains(&true),
            Rule::Both => !self.active.contains(&false),
        };
        let due = self.fired.filter(|_| enough)? + again;
        Some(due.saturating_sub(self.clock.monotonic()))
    }

    /// What waits already. Of triggers that came while the trap was busy the newest is answered, the others counted.
    fn queued(&mut self) -> Result<Option<Duration>, DeviceError> {
        let mut newest = None;
        for _ in 0..MOST_QUEUED {
            let Some(edge) = self.lines.wait(Duration::ZERO).map_err(|e| fault(&e))? else { break };
            if let Some(age) = self.take(edge) {
                self.swallow(u32::from(newest.replace(age).is_some()));
            }
        }
        Ok(newest)
    }

    fn given(&mut self, age: Duration) -> Triggered {
        let suppressed = std::mem::take(&mut self.suppressed);
        let names: Vec<String> = self.by.iter().map(|line| self.lines.name(*line)).collect();
        let detail = (!names.is_empty()).then(|| names.join(" + ").into());
        Triggered { at: self.clock.utc().0 - age, source: Source::Pir, detail, suppressed }
    }
}

fn fault(error: &io::Error) -> DeviceError {
    DeviceError {
        device: "PIR".to_owned(),
        what: format!("its GPIO line cannot be read: {error}"),
        cure: "look with gpioinfo who uses it; check the line's name in the board profile".to_owned(),
    }
}

impl<L: Lines> Trigger for Pir<L> {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        if let Some(age) = self.queued()? {
            return Ok(Some(self.given(age)));
        }
        let begun = self.clock.monotonic();
        loop {
            let left = deadline.saturating_sub(self.clock.monotonic().saturating_sub(begun));
            let again = self.again_in();
            if again.is_some_and(|due| due.is_zero()) {
                self.fired = Some(self.clock.monotonic());
                self.by = (0..).zip(&self.active).filter(|(_, active)| **active).map(|(i, _)| i).collect();
                return Ok(Some(self.given(Duration::ZERO)));
            }
            if left.is_zero() {
                return Ok(None);
            }
            let nap = again.map_or(left, |due| left.min(due));
            if let Some(edge) = self.lines.wait(nap).map_err(|e| fault(&e))?
                && let Some(age) = self.take(edge)
            {
                return Ok(Some(self.given(age)));
            }
        }
    }

    fn spent(&self) -> Vec<Spent> {
        Spent::held_off(self.fired, self.options.hold_off, self.clock.monotonic())
    }

    /// What is left of the hold-off is like the warm-up: what the sensor says is counted and not answered.
    fn recall(&mut self, spent: &[Spent], passed: Duration, _cut_short: bool) {
        let now = self.clock.monotonic();
        self.warm = self.warm.max(now + Spent::held(spent, passed).min(self.options.hold_off));
    }

    fn take_suppressed(&mut self) -> u32 {
        std::mem::take(&mut self.suppressed)
    }
}

#[cfg(test)]
mod tests;
