//! How much of a burst is looked at, and when looking ends. `steps` does the looking; what each exit saves and what it
//! misses is measured in `docs/cascade.md`.

use serde::{Deserialize, Serialize};

use super::fuse::{self, Verdict};
#[cfg(doc)]
use super::motion;
use super::motion::WIDTH;
use super::regions;
use crate::units::Score;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// Everything: each frame, again where something moved.
    #[default]
    Full,
    /// Until the burst is decided: what a trap does unless its configuration says otherwise.
    Cascade,
    /// Less than that: some certainty is traded for energy.
    Frugal,
}

/// When looking ends early. Fitted on bursts of the bench world, see `docs/cascade.md`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exits {
    /// Width of the pictures that motion is looked for on, pixels; [`motion::WIDTH`] is the plain path's.
    pub width: u32,
    /// A burst whose salience stays below this, in a scene that is known, is empty without any look; 0: never.
    pub still: f32,
    /// A burst whose salience stays below this may be empty before all of it was looked at.
    pub calm: f32,
    /// Below this probability a burst is empty; 0: never before all was looked at.
    pub empty: f32,
    /// From this probability on a burst that is empty by the plain path's measure is kept as uncertain after all was
    /// looked at: fewer second looks than there make it less probable. 1: never.
    pub last: f32,
    /// Boxes get a close look from so many times the odds of the detector's threshold on.
    pub close: f32,
    /// Frames that are looked at before a burst that is livelier than that, and in which nothing was recognised, is kept
    /// as uncertain: what moved is never empty without a look at everything. 0: all.
    pub frames: usize,
    /// Frames that are looked at before a burst that may be alive is kept as it is: further ones may make it surer, and
    /// hardly ever empty. 0: all.
    pub doubt: usize,
    /// From this probability on it is alive; above 1: never.
    pub alive: f32,
    /// Most second looks at what moved.
    pub looks: usize,
    /// Most boxes classified of one individual, the most confident.
    pub crops: usize,
}

impl Exits {
    /// No exit at all.
    pub const NONE: Exits = Exits {
        width: WIDTH,
        still: 0.0,
        calm: 0.0,
        empty: 0.0,
        last: 1.0,
        close: fuse::REACH_LOOK,
        frames: 0,
        doubt: 0,
        alive: 2.0,
        looks: regions::LOOKS_MAX,
        crops: usize::MAX,
    };
    /// Those of [`Effort::Cascade`].
    pub const CASCADE: Exits = Exits {
        width: WIDTH / 2,
        still: 0.0,
        calm: 3.0,
        empty: 0.15,
        last: 0.2,
        close: 0.02,
        frames: 1,
        doubt: 3,
        alive: 0.75,
        looks: 3,
        crops: 2,
    };
    /// Those of [`Effort::Frugal`].
    pub const FRUGAL: Exits = Exits {
        still: 1.0,
        calm: 4.5,
        empty: 0.2,
        last: 0.25,
        doubt: 1,
        looks: 0,
        crops: 1,
        ..Exits::CASCADE
    };
}

impl Exits {
    /// What a burst is after `frames` frames, if further looks would not change it. `lively`: it is not calm; `due`: a
    /// closer look is wanted at what was seen so far.
    pub(super) fn decided(
        &self,
        verdict: Verdict,
        probability: Score,
        lively: bool,
        due: bool,
        frames: usize,
    ) -> Option<Stop> {
        let reached = |limit: usize| limit > 0 && frames >= limit;
        match verdict {
            // A hand over the lens is surely alive, and only a look at it says that it is a person's.
            _ if due => None,
            Verdict::Alive if probability.get() >= self.alive => Some(Stop::Alive),
            Verdict::Empty if !lively && probability.get() < self.empty => Some(Stop::Empty),
            Verdict::Empty if !lively => None,
            Verdict::Empty => reached(self.frames).then_some(Stop::Moved),
            _ => reached(self.doubt).then_some(Stop::Moved),
        }
    }
}

impl Default for Exits {
    fn default() -> Self {
        Exits::NONE
    }
}

impl Effort {
    /// When looking ends early; `None`: never.
    pub fn exits(self) -> Option<Exits> {
        match self {
            Effort::Full => None,
            Effort::Cascade => Some(Exits::CASCADE),
            Effort::Frugal => Some(Exits::FRUGAL),
        }
    }
}

/// Why looking ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// Nothing moved in a known scene: no frame was shown to the detector.
    Still,
    /// What was seen so far was decided to be empty.
    Empty,
    /// What was seen so far was decided to be alive.
    Alive,
    /// Neither surely alive nor surely empty: it was kept as it was, and further looks were spared.
    Moved,
    /// All frames were looked at.
    #[default]
    All,
}

impl Stop {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Stop::Still => "still",
            Stop::Empty => "decided as empty",
            Stop::Alive => "decided as alive",
            Stop::Moved => "undecided, kept",
            Stop::All => "undecided until the last",
        }
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Looked {
    /// Runs of the detector.
    pub detector: u32,
    /// Runs of the classifier.
    pub classifier: u32,
    /// Why it ended there; of several bursts the one that looked longest.
    pub stopped: Stop,
}

impl Looked {
    /// Of several bursts together.
    pub(super) fn all(bursts: impl Iterator<Item = Looked>) -> Looked {
        let of = bursts.reduce(|sum, one| Looked {
            detector: sum.detector + one.detector,
            classifier: sum.classifier + one.classifier,
            stopped: sum.stopped.max(one.stopped),
        });
        of.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(frames: usize, probability: f32, lively: bool, due: bool) -> Option<Stop> {
        let verdict = fuse::Fusion::default().verdict(Score::new(probability));
        Exits::CASCADE.decided(verdict, Score::new(probability), lively, due, frames)
    }

    #[test]
    fn a_burst_that_is_surely_alive_ends_once_what_moved_was_looked_at() {
        assert_eq!(after(1, 0.8, true, false), Some(Stop::Alive));
        assert_eq!(after(1, 0.8, false, false), Some(Stop::Alive));
        assert_eq!(after(1, 0.8, true, true), None, "nobody has looked at what moved");
    }

    #[test]
    fn a_calm_burst_ends_empty_only_when_no_closer_look_is_due() {
        assert_eq!(after(1, 0.01, false, true), None);
        assert_eq!(after(1, 0.01, false, false), Some(Stop::Empty));
        assert_eq!(after(2, 0.16, false, false), None, "not sure enough");
    }

    #[test]
    fn what_moved_and_was_not_recognised_is_kept_and_never_empty() {
        assert_eq!(after(1, 0.01, true, true), None);
        assert_eq!(after(1, 0.01, true, false), Some(Stop::Moved));
    }

    #[test]
    fn what_may_be_alive_is_looked_at_longer() {
        assert_eq!(after(2, 0.5, true, false), None);
        assert_eq!(after(3, 0.5, true, false), Some(Stop::Moved));
        assert_eq!(after(3, 0.5, false, false), Some(Stop::Moved));
    }

    #[test]
    fn without_exits_nothing_ends_early() {
        for (probability, lively) in [(0.0, false), (0.5, true), (0.999, true)] {
            let verdict = fuse::Fusion::default().verdict(Score::new(probability));
            assert_eq!(Exits::NONE.decided(verdict, Score::new(probability), lively, false, 9), None);
        }
    }

    #[test]
    fn of_several_bursts_the_longest_look_counts() {
        let one = |detector, stopped| Looked { detector, classifier: 1, stopped };
        let all = Looked::all([one(1, Stop::Empty), one(3, Stop::All), one(0, Stop::Still)].into_iter());
        assert_eq!(all, Looked { detector: 4, classifier: 3, stopped: Stop::All });
    }
}
