//! The keeper against a controller that lies in every way seen in the field, and a clock moved by hand.

use std::sync::{Mutex, MutexGuard};

use super::*;
use crate::hal::DeviceError;

/// A clock moved by hand, and what the controller shall do.
#[derive(Default)]
struct Bench {
    up: Duration,
    utc: DateTime<Utc>,
    quality: ClockQuality,
    percent: Option<u8>,
    alarm: Option<Duration>,
    /// The controller's own clock, where it has one.
    board: Option<Option<DateTime<Utc>>>,
    /// What reading the alarm back gives instead.
    reads: Option<Option<Duration>>,
    dead: bool,
    handed: u32,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Bench>>);

impl Shared {
    fn new(utc: &str) -> Shared {
        let shared = Shared::default();
        shared.lock().utc = utc.parse().unwrap();
        shared.lock().quality = ClockQuality::Rtc;
        shared.lock().percent = Some(80);
        shared
    }

    fn lock(&self) -> MutexGuard<'_, Bench> {
        self.0.lock().unwrap()
    }

    fn pass(&self, minutes: u64) {
        let mut bench = self.lock();
        bench.up += Duration::from_secs(60 * minutes);
        bench.utc += TimeDelta::minutes(minutes as i64);
    }

    fn keeper(&self, plan: Power) -> Keeper {
        let control: Box<dyn PowerControl> = Box::new(self.clone());
        Keeper::new(plan, Some((46.5, 25.3)), Box::new(self.clone()), Some(control), Duration::ZERO)
    }
}

impl Clock for Shared {
    fn monotonic(&self) -> Duration {
        self.lock().up
    }

    fn utc(&self) -> (DateTime<Utc>, ClockQuality) {
        let bench = self.lock();
        (bench.utc, bench.quality)
    }

    fn correct(&self, utc: DateTime<Utc>, quality: ClockQuality) -> TimeDelta {
        let mut bench = self.lock();
        let behind = utc - bench.utc;
        (bench.utc, bench.quality) = (utc, quality);
        behind
    }
}

impl Gauges for Shared {
    fn battery(&self) -> Option<u16> {
        None
    }

    fn temperature(&self) -> Option<i8> {
        None
    }

    fn charge(&self) -> Option<Charge> {
        Some(Charge { percent: self.lock().percent, ..Charge::default() })
    }

    fn fault(&self) -> Option<String> {
        self.lock().percent.is_none().then(|| "the bus is dead".to_owned())
    }
}

impl PowerControl for Shared {
    fn name(&self) -> &str {
        "controller"
    }

    fn longest(&self) -> Duration {
        Duration::from_secs(27 * 86_400)
    }

    fn arm(&mut self, after: Duration) -> Result<Duration, DeviceError> {
        if self.lock().dead {
            let word = |text: &str| text.to_owned();
            return Err(DeviceError {
                device: word("controller"),
                what: word("no answer"),
                cure: word("wire it"),
            });
        }
        self.lock().alarm = Some(after);
        Ok(after)
    }

    fn armed(&mut self) -> Result<Option<Duration>, DeviceError> {
        let bench = self.lock();
        Ok(bench.reads.unwrap_or(bench.alarm))
    }

    fn disarm(&mut self) -> Result<(), DeviceError> {
        self.lock().alarm = None;
        Ok(())
    }

    fn hand_over(&mut self) -> Result<Handed, DeviceError> {
        self.lock().handed += 1;
        Ok(Handed::GoesOff)
    }

    fn tells_time(&self) -> bool {
        self.lock().board.is_some()
    }

    fn time(&mut self) -> Result<Option<DateTime<Utc>>, DeviceError> {
        Ok(self.lock().board.flatten())
    }

    fn set_time(&mut self, utc: DateTime<Utc>) -> Result<(), DeviceError> {
        self.lock().board = Some(Some(utc));
        Ok(())
    }
}

fn nights() -> Power {
    Power { hours: vec!["20:00..06:00".parse().unwrap()], ..Power::default() }
}

fn kinds(keeper: &mut Keeper) -> Vec<&'static str> {
    keeper.take_told().iter().map(|told| told.kind).collect()
}

#[test]
fn it_sleeps_outside_its_hours_once_the_grace_is_over_and_wakes_a_little_early() {
    let bench = Shared::new("2026-05-01T07:00:00Z");
    let mut keeper = bench.keeper(nights());
    assert_eq!(keeper.turn(&bench), Some(Wish::Rest), "somebody may stand before it");
    assert_eq!(keeper.turn(&bench), None, "not before the next look");
    bench.pass(5);
    assert_eq!(keeper.turn(&bench), Some(Wish::Sleep));
    // 20:00 less 90 s, from 07:05.
    assert_eq!(bench.lock().alarm, Some(Duration::from_secs(12 * 3600 + 55 * 60 - 90)));
    assert_eq!(keeper.take_told()[0].text, "outside the hours of watch: sleeps until 2026-05-01T19:58:30Z");
    assert_eq!(keeper.hand_over(&bench), Ok(Handed::GoesOff));
    bench.pass(12 * 60 + 54);
    assert_eq!(
        keeper.turn(&bench),
        Some(Wish::Watch),
        "a minute before its window it does not go back to sleep"
    );
}

#[test]
fn no_alarm_that_is_not_right_lets_it_sleep() {
    let hour = Duration::from_secs(3600);
    // Disarmed silently, a wrong day, a time in the past (which reads as none), nearly right.
    for reads in [None, Some(hour), Some(Duration::ZERO), Some(12 * hour)] {
        let bench = Shared::new("2026-05-01T07:00:00Z");
        let mut keeper = bench.keeper(nights());
        bench.pass(6);
        bench.lock().reads = Some(reads);
        assert_eq!(keeper.turn(&bench), Some(Wish::Rest), "{reads:?}");
        assert_eq!((kinds(&mut keeper), keeper.take_unverified()), (vec!["unverified"], 1));
        // Not every minute anew, but again.
        bench.pass(2);
        assert_eq!(keeper.turn(&bench), Some(Wish::Rest));
        assert_eq!(keeper.take_unverified(), 0);
        bench.pass(9);
        bench.lock().reads = None;
        assert_eq!(keeper.turn(&bench), Some(Wish::Sleep));
        // The alarm is lost between the two: no hand-over.
        bench.lock().reads = Some(None);
        assert!(keeper.hand_over(&bench).is_err());
        bench.lock().reads = Some(Some(Duration::from_secs(3)));
        assert!(keeper.hand_over(&bench).unwrap_err().contains("fires in 3 s"));
        assert_eq!((bench.lock().handed, keeper.take_unverified()), (0, 2));
    }
}

#[test]
fn a_dead_controller_and_none_at_all_keep_the_trap_awake() {
    let bench = Shared::new("2026-05-01T07:00:00Z");
    bench.lock().dead = true;
    let mut keeper = bench.keeper(nights());
    bench.pass(6);
    assert_eq!(keeper.turn(&bench), Some(Wish::Rest));
    assert_eq!(keeper.take_unverified(), 1);
    let mut alone = Keeper::new(nights(), None, Box::new(bench.clone()), None, Duration::ZERO);
    assert_eq!((alone.turn(&bench), alone.take_unverified()), (Some(Wish::Rest), 0));
    assert!(alone.hand_over(&bench).is_err());
}

#[test]
fn hours_by_the_sun_are_kept_as_soon_as_the_place_is_found() {
    // At noon of the first of May in the Carpathians, a window of the night is shut.
    let bench = Shared::new("2026-05-01T10:00:00Z");
    let plan = Power { hours: vec!["sunset..sunrise".parse().unwrap()], ..Power::default() };
    let place = Place::default();
    let mut keeper = Keeper::new(plan, place.clone(), Box::new(bench.clone()), None, Duration::ZERO);
    for minute in 0..2 {
        bench.pass(1);
        assert_eq!(keeper.turn(&bench), Some(Wish::Watch), "{minute}");
    }
    let told = keeper.take_told();
    assert!(told.len() == 1 && told[0].kind == "place" && told[0].text.contains("not known yet"), "{told:?}");
    place.find((46.5, 25.3));
    bench.pass(1);
    assert_eq!(keeper.turn(&bench), Some(Wish::Rest));
    // The trap was carried to where it is night: 10 hours east of Greenwich.
    place.find((46.5, 150.0));
    bench.pass(1);
    assert_eq!(keeper.turn(&bench), Some(Wish::Watch));
}

#[test]
fn a_falling_battery_sheds_first_and_sleeps_at_last() {
    let bench = Shared::new("2026-05-01T00:00:00Z");
    let plan = Power { settle: Duration::ZERO, ..Power::default() };
    let mut keeper = bench.keeper(plan);
    let shedding = keeper.shedding();
    let mut seen = Vec::new();
    for percent in [80, 29, 35, 9, 25, 41] {
        bench.lock().percent = Some(percent);
        bench.pass(10);
        let wish = keeper.turn(&bench).unwrap();
        seen.push((percent, wish, keeper.spares_judge(), shedding.uplink()));
    }
    use Wish::{Sleep, Watch};
    assert_eq!(
        seen,
        [
            (80, Watch, false, false),
            (29, Watch, true, true),
            (35, Watch, true, true),
            (9, Sleep, true, true),
            (25, Watch, true, true),
            (41, Watch, false, false),
        ]
    );
    assert_eq!(bench.lock().alarm, Some(Duration::from_secs(12 * 3600)));
    assert_eq!(kinds(&mut keeper), ["battery", "battery", "sleep", "battery", "battery"]);
}

#[test]
fn a_battery_that_cannot_be_read_is_told_once_and_is_not_empty() {
    let bench = Shared::new("2026-05-01T00:00:00Z");
    let mut keeper = bench.keeper(Power { settle: Duration::ZERO, ..Power::default() });
    for (percent, told) in [(None, 1), (None, 0), (Some(70), 1), (Some(70), 0)] {
        bench.lock().percent = percent;
        bench.pass(1);
        assert_eq!(keeper.turn(&bench), Some(Wish::Watch));
        assert_eq!(keeper.take_told().len(), told, "{percent:?}");
    }
    assert_eq!(keeper.level(), Level::Full);
}

#[test]
fn a_clock_that_was_never_set_keeps_no_hours_and_one_that_is_set_is_told() {
    let bench = Shared::new("1970-01-01T07:00:00Z");
    bench.lock().quality = ClockQuality::Unset;
    let mut keeper = bench.keeper(nights());
    bench.pass(10);
    assert_eq!(keeper.turn(&bench), Some(Wish::Watch));
    assert_eq!(kinds(&mut keeper), ["clock"]);
    bench.pass(1);
    bench.lock().utc = "2026-05-01T22:00:00Z".parse().unwrap();
    bench.lock().quality = ClockQuality::Gps;
    assert_eq!(keeper.turn(&bench), Some(Wish::Watch));
    let told = keeper.take_told();
    assert!(told[0].text.starts_with("unset to gps, moved by 1777"), "{told:?}");
}

#[test]
fn a_trap_that_was_charged_again_leaves_critical_by_the_defaults() {
    let bench = Shared::new("2026-05-31T12:00:00Z");
    bench.lock().percent = Some(60);
    let mut keeper = bench.keeper(Power::default());
    keeper.begin(Level::Critical);
    // The level needs ten minutes, the machine would sleep after five.
    let mut wishes = Vec::new();
    for _ in 0..15 {
        wishes.push(keeper.turn(&bench).unwrap());
        bench.pass(1);
    }
    assert!(!wishes.contains(&Wish::Sleep), "{wishes:?}");
    assert_eq!(wishes.last(), Some(&Wish::Watch));
    assert_eq!(keeper.level(), Level::Full);
}

#[test]
fn a_power_boards_clock_gives_the_time_after_a_start_and_is_set_from_a_better_one() {
    let mut bench = Shared::new("2000-01-01T00:00:07Z");
    let real: DateTime<Utc> = "2026-11-26T20:00:00Z".parse().unwrap();
    bench.lock().quality = ClockQuality::Unset;
    bench.lock().board = Some(Some(real));
    adopt(&bench.clone(), &mut bench);
    assert_eq!(bench.utc(), (real, ClockQuality::Rtc));
    // A clock that is known is left alone, and so is one whose board has lost the time, or has none.
    let set = |quality, board| {
        let mut bench = Shared::new("2027-01-01T00:00:00Z");
        bench.lock().quality = quality;
        bench.lock().board = board;
        adopt(&bench.clone(), &mut bench);
        bench.lock().quality
    };
    assert_eq!(set(ClockQuality::Rtc, Some(Some(real))), ClockQuality::Rtc);
    assert_eq!(set(ClockQuality::Unset, Some(None)), ClockQuality::Unset);
    assert_eq!(set(ClockQuality::Unset, None), ClockQuality::Unset);

    // By a battery-backed clock nobody else's is set; by a satellite's it is, at once and then hourly.
    let board = |bench: &Shared| bench.lock().board.flatten();
    let mut keeper = bench.keeper(Power::default());
    bench.lock().board = Some(None);
    keeper.turn(&bench);
    assert_eq!(board(&bench), None);
    bench.lock().quality = ClockQuality::Gps;
    bench.pass(1);
    keeper.turn(&bench);
    assert_eq!(board(&bench), Some(bench.lock().utc));
    assert!(
        keeper.take_told().iter().any(|told| told.kind == "clock" && told.text.contains("lost the time"))
    );
    bench.lock().board = Some(Some(real));
    bench.pass(30);
    keeper.turn(&bench);
    assert_eq!(board(&bench), Some(real), "not within the hour");
    bench.pass(30);
    keeper.turn(&bench);
    assert_eq!(board(&bench), Some(bench.lock().utc));
}
