//! Several triggers as one: any of them fires, or all must within a window.

use std::sync::Arc;
use std::time::Duration;

use crate::hal::{Clock, DeviceError, Spent, Trigger, Triggered};

/// How long one of several that may fire at any moment is listened to before it is the next one's turn.
const SLICE: Duration = Duration::from_millis(20);

/// A trigger that failed is left alone for so long: long enough not to fill the log, short against a day's effort.
const LEAVE_ALONE: Duration = Duration::from_secs(30);

/// Which triggers must fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Each by itself.
    #[default]
    Any,
    /// All of them, within the window.
    Both,
}

struct Member {
    trigger: Box<dyn Trigger>,
    fired: Option<(Duration, Triggered)>,
    failed: Option<Duration>,
}

/// Several triggers as one.
///
/// A trigger that fails is told in the log and tried again later; the others go on without it, also under
/// [`Rule::Both`]: a dead sensor must not blind the trap.
pub struct Combined {
    members: Vec<Member>,
    rule: Rule,
    window: Duration,
    clock: Arc<dyn Clock>,
    suppressed: u32,
}

impl Combined {
    /// `members` by `rule`; `window` is how far apart triggers may be under [`Rule::Both`], by `clock`.
    pub fn new(members: Vec<Box<dyn Trigger>>, rule: Rule, window: Duration, clock: Arc<dyn Clock>) -> Self {
        let members =
            members.into_iter().map(|trigger| Member { trigger, fired: None, failed: None }).collect();
        Combined { members, rule, window, clock, suppressed: 0 }
    }

    /// Listens to each once; only those that may fire at any moment are waited for.
    fn round(&mut self, left: Duration) -> Result<Option<Triggered>, DeviceError> {
        let now = self.clock.monotonic();
        let resting = |m: &Member| m.failed.is_some_and(|at| now < at + LEAVE_ALONE) || m.trigger.exhausted();
        let open = self.members.iter().filter(|m| !resting(m) && m.trigger.silent_for().is_none()).count();
        let due = self.members.iter().filter(|m| !resting(m)).filter_map(|m| m.trigger.silent_for()).min();
        let nap = due.map_or(left, |due| left.min(due));
        let turn = if open > 1 { nap.min(SLICE) } else { nap };
        if open == 0 {
            std::thread::sleep(nap);
        }
        let mut fault = None;
        let mut well = false;
        for index in 0..self.members.len() {
            let Some(member) = self.members.get_mut(index).filter(|m| !resting(m)) else { continue };
            let patience = if member.trigger.silent_for().is_none() { turn } else { Duration::ZERO };
            match member.trigger.wait(patience) {
                Ok(fired) => {
                    well = true;
                    if member.failed.take().is_some() {
                        log::info!("a trigger that had failed works again");
                    }
                    if let Some(given) = fired.and_then(|fired| self.take(index, fired)) {
                        return Ok(Some(given));
                    }
                }
                Err(error) => {
                    member.failed = Some(self.clock.monotonic());
                    log::error!("{error}; the other triggers go on");
                    fault = Some(error);
                }
            }
        }
        match fault {
            Some(error) if !well && self.members.iter().all(|m| m.failed.is_some()) => Err(error),
            _ => Ok(None),
        }
    }

    /// What becomes of a member's trigger.
    fn take(&mut self, index: usize, fired: Triggered) -> Option<Triggered> {
        if self.rule == Rule::Any {
            return Some(self.given(fired));
        }
        let now = self.clock.monotonic();
        let window = self.window;
        if let Some((_, unanswered)) = self.members.get_mut(index)?.fired.replace((now, fired.clone())) {
            self.suppressed = self.suppressed.saturating_add(unanswered.suppressed).saturating_add(1);
        }
        let fresh = |m: &Member| m.fired.as_ref().is_some_and(|(at, _)| now.saturating_sub(*at) <= window);
        if !self.members.iter().all(|m| m.failed.is_some() || fresh(m)) {
            return None;
        }
        for member in &mut self.members {
            let others = member.fired.take().map_or(0, |(_, t)| t.suppressed);
            self.suppressed = self.suppressed.saturating_add(others);
        }
        Some(self.given(Triggered { suppressed: 0, ..fired }))
    }

    fn given(&mut self, fired: Triggered) -> Triggered {
        let earlier = std::mem::take(&mut self.suppressed);
        Triggered { suppressed: fired.suppressed.saturating_add(earlier), ..fired }
    }
}

impl Trigger for Combined {
    fn wait(&mut self, deadline: Duration) -> Result<Option<Triggered>, DeviceError> {
        let begun = self.clock.monotonic();
        loop {
            let left = deadline.saturating_sub(self.clock.monotonic().saturating_sub(begun));
            if let Some(fired) = self.round(left)? {
                return Ok(Some(fired));
            }
            if self.clock.monotonic().saturating_sub(begun) >= deadline || self.exhausted() {
                return Ok(None);
            }
        }
    }

    fn exhausted(&self) -> bool {
        match self.rule {
            Rule::Any => self.members.iter().all(|m| m.trigger.exhausted()),
            Rule::Both => self.members.iter().any(|m| m.trigger.exhausted()),
        }
    }

    fn silent_for(&self) -> Option<Duration> {
        self.members.iter().map(|m| m.trigger.silent_for()).collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    fn take_suppressed(&mut self) -> u32 {
        let members = self.members.iter_mut().map(|m| m.trigger.take_suppressed());
        members.fold(std::mem::take(&mut self.suppressed), u32::saturating_add)
    }

    fn spent(&self) -> Vec<Spent> {
        self.members.iter().flat_map(|member| member.trigger.spent()).collect()
    }

    fn recall(&mut self, spent: &[Spent], passed: Duration, cut_short: bool) {
        for member in &mut self.members {
            member.trigger.recall(spent, passed, cut_short);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::storm::tests::{HandClock, Scripted};
    use super::*;
    use crate::hal::Source;

    const SECOND: Duration = Duration::from_secs(1);

    /// When a combination of triggers at these seconds (negative: a failure) fires within a minute.
    fn fires(scripts: &[&[i32]], rule: Rule) -> (Vec<i64>, u32) {
        let clock = HandClock::at("2026-05-20T00:00:00Z");
        let members: Vec<Box<dyn Trigger>> = scripts
            .iter()
            .map(|at| Box::new(Scripted::new(at, Source::Pir, clock.clone())) as Box<dyn Trigger>)
            .collect();
        let mut combined = Combined::new(members, rule, 5 * SECOND, clock.clone());
        let (mut at, mut swallowed) = (Vec::new(), 0);
        for second in 0..60 {
            while let Ok(Some(fired)) = combined.wait(Duration::ZERO) {
                at.push(second);
                swallowed += fired.suppressed;
            }
            clock.pass(SECOND);
        }
        (at, swallowed + combined.take_suppressed())
    }

    #[test]
    fn any_gives_each_and_both_gives_what_came_together() {
        assert_eq!(fires(&[&[3, 20], &[6, 40]], Rule::Any), (vec![3, 6, 20, 40], 0));
        assert_eq!(fires(&[&[3, 20], &[6, 40]], Rule::Both), (vec![6], 0));
        // 10 and 16 are six seconds apart; 16 was answered by 18; 10 is counted once 18 takes its place.
        assert_eq!(fires(&[&[10, 18], &[16]], Rule::Both), (vec![18], 1));
    }

    #[test]
    fn a_dead_sensor_does_not_blind_the_others() {
        assert_eq!(fires(&[&[-1], &[6, 40]], Rule::Any).0, [6, 40]);
        assert_eq!(fires(&[&[-1], &[6, 40]], Rule::Both).0, [6, 40]);
    }

    #[test]
    fn a_fault_is_given_when_nothing_works() {
        let clock = HandClock::at("2026-05-20T00:00:00Z");
        let dead = Scripted::new(&[-1], Source::Pir, clock.clone());
        let mut combined = Combined::new(vec![Box::new(dead)], Rule::Any, SECOND, clock);
        assert!(combined.wait(Duration::ZERO).is_err());
    }
}
