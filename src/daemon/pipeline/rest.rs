//! The pipeline under a power plan: it rests, sleeps, watches again, and keeps bursts unjudged.

use std::sync::Arc;

use super::Pipeline;
use crate::daemon::power::{Keeper, Level, Wish};
use crate::daemon::sender::UNVERIFIED;
use crate::hal::{Handed, Shot};
use crate::store::{EffortKind, JournalError};
use crate::vision::Judgement;

/// Under this name the journal keeps the battery's level, so that its hysteresis holds over sleeps.
const LEVEL: &str = "power.level";

/// Counter of triggers outside the hours of watch, which took no burst: they are no effort, and not lost silently.
pub const OUTSIDE: &str = "power.outside_hours";

/// Stands in every frame that was kept unjudged: `trapline sort` judges the pictures at home.
pub const NOT_JUDGED: &str = "not judged: the battery was low";

impl Pipeline {
    /// Follows a power plan from now on.
    pub fn keep(&mut self, mut keeper: Keeper) -> Result<(), JournalError> {
        let level = self.journal.state(LEVEL)?.and_then(|name| Level::parse(&String::from_utf8_lossy(&name)));
        keeper.begin(level.unwrap_or_default());
        self.keeper = Some(keeper);
        self.told_of_power()
    }

    /// After a run: whether it ended because the machine is to go off, by the power plan.
    pub fn goes_off(&self) -> bool {
        self.goes_off
    }

    /// The power plan, once the run has ended.
    pub fn keeper(&mut self) -> Option<&mut Keeper> {
        self.keeper.as_mut()
    }

    /// Does what the power plan wants; true when the run is over because the machine goes off.
    pub(super) fn power(&mut self) -> Result<bool, JournalError> {
        let clock = Arc::clone(&self.devices.clock);
        let Some(wish) = self.keeper.as_mut().and_then(|keeper| keeper.turn(&*clock)) else {
            return Ok(false);
        };
        match wish {
            Wish::Watch => self.watch_again()?,
            Wish::Rest => self.rest()?,
            Wish::Sleep => {
                self.rest()?;
                self.told_of_power()?;
                // An alarm that is not certain is told by the keeper, and the machine stays awake.
                let handed = self.keeper.as_mut().map(|keeper| keeper.hand_over(&*clock));
                self.goes_off = handed == Some(Ok(Handed::GoesOff));
            }
        }
        self.told_of_power()?;
        Ok(self.goes_off)
    }

    /// A run for one burst is over: sets the alarm for when the machine is to wake at the latest, where something wakes
    /// it, and hands over. Whether the machine is to go off; without an alarm that is certain it must not, unless a
    /// controller outside wakes it (`watched`).
    pub fn hand_over(&mut self, watched: bool) -> Result<bool, JournalError> {
        let clock = Arc::clone(&self.devices.clock);
        let handed = match &mut self.keeper {
            Some(keeper) if keeper.wakes() => {
                let after = keeper.next_alarm(&*clock);
                keeper.arm_for(after, &*clock).and_then(|()| keeper.hand_over(&*clock))
            }
            _ if watched => Ok(Handed::GoesOff),
            _ => Ok(Handed::Slept),
        };
        self.goes_off = handed == Ok(Handed::GoesOff);
        self.told_of_power()?;
        Ok(self.goes_off)
    }

    /// Ends the watch and stays awake.
    fn rest(&mut self) -> Result<(), JournalError> {
        if std::mem::replace(&mut self.resting, true) {
            return Ok(());
        }
        self.judge.end_sequence();
        self.effort(EffortKind::Stop)
    }

    /// Counts the triggers of a rest, once it is over: a sensor that fires all night costs no writing.
    pub(super) fn count_outside(&mut self) -> Result<(), JournalError> {
        let outside = std::mem::take(&mut self.outside);
        if outside == 0 {
            return Ok(());
        }
        if self.hands_over {
            log::warn!("switched on outside the hours of watch: the burst that was exposed is not kept");
        } else {
            log::info!("{outside} triggers outside the hours of watch took no burst");
        }
        let (at, clock) = self.devices.clock.utc();
        let (journal, hands_over) = (&mut self.journal, self.hands_over);
        let mut write = || -> Result<(), JournalError> {
            journal.count(OUTSIDE, outside)?;
            if hands_over {
                let text = "switched on outside the hours of watch: the burst is not kept";
                journal.happened(at, clock, "rest", text)?;
            }
            Ok(())
        };
        match write() {
            Err(error) if error.is_full() => {
                log::error!("{outside} triggers outside the hours of watch are not journaled: {error}");
                Ok(())
            }
            done => done,
        }
    }

    /// Takes the watch up after a rest.
    fn watch_again(&mut self) -> Result<(), JournalError> {
        if !std::mem::replace(&mut self.resting, false) {
            return Ok(());
        }
        // What was swallowed while nobody stood watch is no effort.
        self.outside += u64::from(self.devices.trigger.take_suppressed());
        self.count_outside()?;
        self.next_heartbeat = self.devices.clock.monotonic() + super::HEARTBEAT;
        self.effort(EffortKind::Start)
    }

    /// Writes what happened to battery, sleep and clock.
    fn told_of_power(&mut self) -> Result<(), JournalError> {
        let Some(keeper) = &mut self.keeper else { return Ok(()) };
        let (told, unverified) = (keeper.take_told(), keeper.take_unverified());
        let level = keeper.level().as_str();
        let (at, clock) = self.devices.clock.utc();
        let journal = &mut self.journal;
        let mut write = || -> Result<(), JournalError> {
            for told in &told {
                log::info!("{}: {}", told.kind, told.text);
                journal.happened(at, clock, told.kind, &told.text)?;
            }
            if unverified > 0 {
                journal.count(UNVERIFIED, unverified)?;
            }
            if told.iter().any(|told| told.kind == "battery") {
                journal.put_state(LEVEL, level.as_bytes())?;
            }
            Ok(())
        };
        match write() {
            Err(error) if error.is_full() => {
                log::error!("what happened to the power is not journaled: {error}");
                Ok(())
            }
            done => done,
        }
    }
}

/// A burst kept without a look at it: flagged in every frame, and never an empty.
pub(super) fn unjudged(shots: &[Shot]) -> Judgement {
    let mut judged = Judgement::failed(shots.len(), NOT_JUDGED);
    for (frame, shot) in judged.frames.iter_mut().zip(shots) {
        if let Err(reason) = &shot.jpeg {
            frame.failed = Some(reason.clone());
        }
    }
    judged
}
