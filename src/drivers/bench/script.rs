//! What the bench plays: scenes of one site of the bench world, in the order of their times.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::{Options, Scenery};
use crate::world::{BurstPlan, Cause, Site, Truth, jpeg};

/// Which script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Play {
    /// A day and a night from six to six; animals that stay fire the trigger again.
    #[default]
    Day,
    /// One burst a day at any hour, for ever if asked: thousands of unlike bursts.
    Random,
}

/// Scenes shown by a day's script where the options give none.
pub const DAY_BURSTS: u32 = 40;

/// Seconds after which a PIR fires again on an animal that stays: a usual hold-off.
const AGAIN_S: i64 = 8;

/// Share of visits that fire the trigger a second time.
const AGAIN_ONE_IN: u64 = 3;

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
        let site = Site::new(options.seed);
        let day = match options.play {
            Play::Day if options.bursts == 0 => day(&site, options.seed, DAY_BURSTS),
            Play::Day => day(&site, options.seed, options.bursts),
            Play::Random => Vec::new(),
        };
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

/// `bursts` scenes from six in the morning to six the next, sorted by time.
fn day(site: &Site, seed: u64, bursts: u32) -> Vec<BurstPlan> {
    let mut scenes = Vec::new();
    let mut drawn = 0;
    while scenes.len() < bursts as usize {
        let mut plan = BurstPlan::draw(site, seed, drawn);
        let six = TimeDelta::hours(6);
        let hour = plan.taken.time();
        let midnight =
            if hour - chrono::NaiveTime::MIN < six { first_day() + TimeDelta::days(1) } else { first_day() };
        plan.taken = midnight.date().and_time(hour);
        let stays = plan.cause == Cause::Animal && plan.seed % AGAIN_ONE_IN == 0;
        scenes.push(plan.clone());
        if stays && scenes.len() < bursts as usize {
            scenes.push(later(plan));
        }
        drawn += 1;
    }
    scenes.sort_by_key(|plan| plan.taken);
    scenes
}

/// The same animals [`AGAIN_S`] seconds later: they have turned round and stand about where they were.
fn later(mut plan: BurstPlan) -> BurstPlan {
    plan.taken += TimeDelta::seconds(AGAIN_S);
    plan.seed = plan.seed.wrapping_add(1);
    for actor in &mut plan.actors {
        actor.heading = std::f32::consts::PI - actor.heading;
    }
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
    fn a_day_has_the_asked_scenes_in_the_order_of_their_times_and_a_night() {
        let script = small(Play::Day, 30);
        assert_eq!(script.len(), Some(30));
        let times: Vec<_> = (0..30).map(|i| script.at(i)).collect();
        assert!(times.is_sorted());
        let hours = TimeDelta::hours(24);
        assert!(times[29] - times[0] <= hours, "one day and night");
        let night = |t: &DateTime<Utc>| t.time() < chrono::NaiveTime::from_hms_opt(3, 0, 0).unwrap();
        assert!(times.iter().any(night) && !times.iter().all(night));
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
