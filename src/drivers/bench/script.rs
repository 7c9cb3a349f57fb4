//! What the bench plays: scenes of one site of the bench world, in the order of their times.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::{Options, Scenery};
use crate::world::{BurstPlan, Day, Site, Truth, jpeg};

/// Which script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Play {
    /// A day and a night from six to six ([`Day`]); animals that stay fire the trigger again.
    #[default]
    Day,
    /// One burst a day at any hour, for ever if asked: thousands of unlike bursts.
    Random,
}

/// The scenes of one site.
#[derive(Debug)]
pub struct Script {
    play: Play,
    seed: u64,
    bursts: u32,
    scenery: Scenery,
    site: Site,
    day: Vec<BurstPlan>,
    truths: Mutex<BTreeMap<u64, Vec<Vec<Truth>>>>,
}

impl Script {
    /// The script that `options` ask for.
    pub fn new(options: &Options) -> Self {
        let (site, mut day) = match options.play {
            Play::Day => {
                let Day { site, bursts } = Day::new(options.seed);
                (site, bursts)
            }
            Play::Random => (Site::new(options.seed), Vec::new()),
        };
        if options.bursts > 0 {
            day.truncate(options.bursts as usize);
        }
        Script {
            play: options.play,
            seed: options.seed,
            bursts: options.bursts,
            scenery: options.scenery,
            site,
            day,
            truths: Mutex::default(),
        }
    }

    /// How many scenes there are; `None`: no end.
    pub fn len(&self) -> Option<u64> {
        match self.play {
            Play::Day => Some(self.day.len() as u64),
            Play::Random => (self.bursts > 0).then_some(u64::from(self.bursts)),
        }
    }

    /// True when there is not even one scene.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// When the trigger fires for scene `index`. Times rise with the index.
    pub fn at(&self, index: u64) -> DateTime<Utc> {
        self.plan(index).taken.and_utc()
    }

    /// Who was to be seen in each frame of scene `index`; `None` until its pictures were rendered. Told once.
    pub fn truth(&self, index: u64) -> Option<Vec<Vec<Truth>>> {
        self.truths().remove(&index)
    }

    /// The JPEG pictures of scene `index`.
    pub(super) fn pictures(&self, index: u64, frames: usize, interval: Duration) -> super::ahead::Pictures {
        let mut plan = self.plan(index);
        plan.frames = frames;
        plan.interval = interval.as_secs_f32();
        let Scenery { width, height, quality } = self.scenery;
        let rendered: Vec<_> = (0..frames).map(|k| self.site.render(&plan, k, (width, height))).collect();
        self.truths().insert(index, rendered.iter().map(|f| f.truth.clone()).collect());
        let camera = self.site.camera();
        rendered
            .iter()
            .enumerate()
            .map(|(k, frame)| jpeg(frame, plan.taken_at(k), camera, quality).map_err(|e| e.to_string()))
            .collect()
    }

    fn plan(&self, index: u64) -> BurstPlan {
        match self.play {
            Play::Day => usize::try_from(index).ok().and_then(|i| self.day.get(i)).cloned(),
            Play::Random => None,
        }
        .unwrap_or_else(|| random(&self.site, self.seed, index))
    }

    /// The truths stay usable even if a thread died while it held them: they are only ever inserted whole.
    fn truths(&self) -> MutexGuard<'_, BTreeMap<u64, Vec<Vec<Truth>>>> {
        self.truths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first day of every script: a day in early summer, with a short night.
fn first_day() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 5, 20).unwrap_or_default().and_time(chrono::NaiveTime::MIN)
}

/// Burst `index` of the random script: on a day of its own, at its plan's hour.
fn random(site: &Site, seed: u64, index: u64) -> BurstPlan {
    let mut plan = BurstPlan::draw(site, seed, index);
    let day = TimeDelta::try_days(i64::try_from(index).unwrap_or(i64::MAX)).unwrap_or_default();
    let midnight = first_day().checked_add_signed(day).unwrap_or_else(first_day);
    plan.taken = midnight.date().and_time(plan.taken.time());
    plan
}

#[cfg(test)]
mod tests {
    use super::super::Options;
    use super::*;

    fn small(play: Play, bursts: u32) -> Script {
        let scenery = Scenery { width: 160, height: 120, quality: 80 };
        Script::new(&Options { play, bursts, seed: 11, scenery, ..Options::default() })
    }

    #[test]
    fn a_day_runs_from_morning_to_morning_and_can_be_cut_short() {
        let script = small(Play::Day, 0);
        let len = script.len().unwrap();
        let times: Vec<_> = (0..len).map(|i| script.at(i)).collect();
        assert!(times.is_sorted());
        let whole = *times.last().unwrap() - times[0];
        assert!(whole > TimeDelta::hours(20) && whole <= TimeDelta::hours(24), "{whole}");
        assert_eq!(small(Play::Day, 5).len(), Some(5));
    }

    #[test]
    fn the_same_seed_plays_the_same_bytes() {
        let (a, b) = (small(Play::Random, 0), small(Play::Random, 0));
        let second = Duration::from_secs(1);
        assert_eq!(a.pictures(3, 2, second), b.pictures(3, 2, second));
        assert_ne!(a.pictures(3, 2, second), a.pictures(4, 2, second));
        assert!(a.at(3) < a.at(4));
        assert_eq!(a.len(), None);
    }

    #[test]
    fn the_truth_is_told_once_the_pictures_are_rendered() {
        let script = small(Play::Random, 0);
        assert_eq!(script.truth(0), None);
        script.pictures(0, 2, Duration::from_secs(1));
        assert_eq!(script.truth(0).map(|t| t.len()), Some(2));
        assert_eq!(script.truth(0), None);
    }
}
