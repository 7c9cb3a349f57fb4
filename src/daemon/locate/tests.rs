use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::hal::Sky;
use crate::store::{Deployment, Journal, Start};

/// Time that passes when the receiver is waited for, and a time of day that can be wrong.
struct Hand(Mutex<(Duration, DateTime<Utc>, ClockQuality)>);

impl Hand {
    fn at(utc: &str, quality: ClockQuality) -> Arc<Hand> {
        Arc::new(Hand(Mutex::new((Duration::ZERO, utc.parse().unwrap(), quality))))
    }
    fn pass(&self, time: Duration) {
        let mut now = self.0.lock().unwrap();
        (now.0, now.1) = (now.0 + time, now.1 + time);
    }
}

impl Clock for Hand {
    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().0
    }
    fn utc(&self) -> (DateTime<Utc>, ClockQuality) {
        let now = self.0.lock().unwrap();
        (now.1, now.2)
    }
    fn correct(&self, utc: DateTime<Utc>, quality: ClockQuality) -> TimeDelta {
        let mut now = self.0.lock().unwrap();
        let behind = utc - now.1;
        (now.1, now.2) = (utc, quality);
        behind
    }
}

/// Answers by a script; then it finds nothing. Each listening takes its time.
struct Script {
    answers: Arc<Mutex<VecDeque<Result<Fix, ()>>>>,
    clock: Arc<Hand>,
    asked: Arc<Mutex<(u32, bool)>>,
}

impl Locator for Script {
    fn fix(&mut self, wait: Duration) -> Result<Option<Fix>, DeviceError> {
        self.clock.pass(wait);
        let mut asked = self.asked.lock().unwrap();
        *asked = (asked.0 + 1, true);
        match self.answers.lock().unwrap().pop_front() {
            None => Ok(None),
            Some(Ok(fix)) => Ok(Some(fix)),
            Some(Err(())) => {
                let text = |text: &str| text.to_owned();
                Err(DeviceError { device: text("gps"), what: text("nothing came"), cure: text("mend it") })
            }
        }
    }
    fn rest(&mut self) {
        self.asked.lock().unwrap().1 = false;
    }
    fn sky(&self) -> Sky {
        Sky { sentences: 0, damaged: 3, satellites: Some(2) }
    }
}

const PLAN: Plan = Plan {
    every: Duration::from_secs(24 * 3600),
    wait: Duration::from_secs(180),
    again: Duration::from_secs(3600),
    decimals: 3,
};

struct Trap {
    folder: tempfile::TempDir,
    clock: Arc<Hand>,
    answers: Arc<Mutex<VecDeque<Result<Fix, ()>>>>,
    asked: Arc<Mutex<(u32, bool)>>,
    journal: Journal,
    place: Place,
}

impl Trap {
    fn new(quality: ClockQuality, place: Option<(f64, f64)>) -> Trap {
        let folder = tempfile::tempdir().unwrap();
        let clock = Hand::at("2026-11-26T10:00:00Z", quality);
        let journal = open(folder.path(), place, &clock);
        Trap {
            folder,
            clock,
            answers: Arc::default(),
            asked: Arc::default(),
            journal,
            place: Place::default(),
        }
    }
    fn start(&self) -> Whereabouts {
        let script = Script {
            answers: Arc::clone(&self.answers),
            clock: Arc::clone(&self.clock),
            asked: Arc::clone(&self.asked),
        };
        let around = Around {
            clock: self.clock.clone(),
            outbox: self.outbox(),
            shedding: Arc::default(),
            boot: self.journal.boot(),
            deployment: "trap".to_owned(),
            place: self.place.clone(),
        };
        Whereabouts::new(Box::new(script), PLAN, around).unwrap()
    }
    fn outbox(&self) -> Outbox {
        Outbox::beside(&self.folder.path().join("trap.db")).unwrap()
    }
    fn will_say(&self, utc: &str, place: (f64, f64)) {
        let fix = Fix { utc: utc.parse().unwrap(), place: Some(place) };
        self.answers.lock().unwrap().push_back(Ok(fix));
    }
    fn told(&self) -> Vec<(String, String)> {
        let all = self.journal.reader().unwrap().happenings().unwrap().items;
        all.into_iter().map(|told| (told.kind, told.text)).collect()
    }
    /// Where the journal says that the trap stands, and who says so.
    fn stands(&self) -> Option<(f64, f64, String)> {
        let setups = self.journal.reader().unwrap().setups().unwrap().items;
        let newest = setups.into_iter().next_back()?;
        newest.setup.latitude.zip(newest.setup.longitude).map(|(n, e)| (n, e, newest.source))
    }
}

fn open(folder: &std::path::Path, place: Option<(f64, f64)>, clock: &Hand) -> Journal {
    let (latitude, longitude) = place.unzip();
    let setup = crate::deployment::Setup { latitude, longitude, ..Default::default() };
    let deployment =
        Deployment { name: "trap".to_owned(), latitude, longitude, gap: TimeDelta::seconds(60), setup };
    let (at, quality) = clock.utc();
    let start = Start { at, clock: quality, kernel_boot: String::new() };
    Journal::open(&folder.join("trap.db"), &deployment, &start).unwrap().0
}

/// Steps until nothing is due; gives the pause.
fn turn(whereabouts: &mut Whereabouts) -> Duration {
    loop {
        let pause = whereabouts.step().unwrap();
        if !pause.is_zero() {
            return pause;
        }
    }
}

#[test]
fn a_first_fix_sets_time_and_place_and_the_receiver_rests_until_the_next_day() {
    let trap = Trap::new(ClockQuality::Unset, None);
    trap.will_say("2026-11-26T12:00:00Z", (46.512, 25.301));
    let mut whereabouts = trap.start();
    assert_eq!(turn(&mut whereabouts), PLAN.every);
    let (utc, quality) = trap.clock.utc();
    assert_eq!((utc.to_string().as_str(), quality), ("2026-11-26 12:00:00 UTC", ClockQuality::Gps));
    assert_eq!(trap.stands(), Some((46.512, 25.301, "gps".to_owned())));
    let told = trap.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0 == "place" && told[0].1.contains("46.512 N 25.301 E, by satellite"), "{told:?}");
    assert_eq!(*trap.asked.lock().unwrap(), (1, false), "asked once, without power now");
    assert_eq!(Last::place(&trap.outbox(), "trap"), Some((46.512, 25.301)));
    assert_eq!(Last::place(&trap.outbox(), "another"), None, "another deployment was somewhere else");

    // A day later it is at the border of two roundings: no other place.
    trap.clock.pass(PLAN.every);
    trap.will_say("2026-11-27T12:00:00Z", (46.513, 25.301));
    turn(&mut whereabouts);
    assert_eq!((trap.told().len(), trap.stands().unwrap().0), (1, 46.512));
    // Then it was carried: 0.01 degrees of latitude are 1112 m.
    trap.clock.pass(PLAN.every);
    trap.will_say("2026-11-28T12:00:00Z", (46.522, 25.301));
    turn(&mut whereabouts);
    assert!(trap.told()[1].1.contains("carried 1112 m"), "{:?}", trap.told());
    assert_eq!(trap.stands().unwrap().0, 46.522);
    assert_eq!(trap.place.get(), Some((46.522, 25.301)), "who goes by the sun knows it at once");
}

#[test]
fn a_restart_does_not_ask_again_within_the_day_unless_the_clock_is_unset() {
    let trap = Trap::new(ClockQuality::Rtc, None);
    trap.will_say("2026-11-26T10:00:00Z", (46.512, 25.301));
    turn(&mut trap.start());
    trap.clock.pass(Duration::from_secs(6 * 3600));
    let left = turn(&mut trap.start());
    assert_eq!(left, Duration::from_secs(18 * 3600));
    assert_eq!(trap.asked.lock().unwrap().0, 1);
    // The clock lost the time: it says a day in 2000.
    trap.clock.correct("2000-01-01T00:00:00Z".parse().unwrap(), ClockQuality::Unset);
    trap.will_say("2026-11-26T16:00:05Z", (46.512, 25.301));
    turn(&mut trap.start());
    assert_eq!(trap.asked.lock().unwrap().0, 2);
    assert_eq!(trap.clock.utc().0.to_string(), "2026-11-26 16:00:05 UTC");
    // A last fix that lies ahead of the clock tells nothing of its age.
    trap.clock.correct("2026-11-20T00:00:00Z".parse().unwrap(), ClockQuality::Rtc);
    trap.will_say("2026-11-26T16:00:30Z", (46.512, 25.301));
    turn(&mut trap.start());
    assert_eq!(trap.asked.lock().unwrap().0, 3);
}

#[test]
fn what_people_said_of_the_place_stays_and_a_receiver_far_from_it_is_told_once() {
    let trap = Trap::new(ClockQuality::Rtc, Some((46.6, 25.301)));
    let mut whereabouts = trap.start();
    for day in 26..29 {
        trap.will_say(&format!("2026-11-{day}T10:00:00Z"), (46.512, 25.301));
        turn(&mut whereabouts);
        trap.clock.pass(PLAN.every);
    }
    assert_eq!(trap.stands(), Some((46.6, 25.301, "configuration".to_owned())));
    let told = trap.told();
    assert_eq!(told.len(), 1, "{told:?}");
    // 0.088 degrees of latitude times 111 195 m.
    assert!(told[0].1.contains("9785 m from where the configuration says"), "{told:?}");
}

#[test]
fn a_networks_time_is_kept_and_a_receiver_that_says_another_is_told() {
    let trap = Trap::new(ClockQuality::Network, Some((46.512, 25.301)));
    trap.will_say("2026-11-26T10:02:00Z", (46.512, 25.301));
    turn(&mut trap.start());
    assert_eq!(trap.clock.utc().1, ClockQuality::Network);
    let told = trap.told();
    assert!(told.len() == 1 && told[0].1.contains("the network's time, which is kept"), "{told:?}");
}

#[test]
fn a_receiver_that_finds_nothing_is_counted_each_time_and_told_once() {
    let trap = Trap::new(ClockQuality::Rtc, None);
    let mut whereabouts = trap.start();
    let begun = trap.clock.monotonic();
    assert_eq!(turn(&mut whereabouts), PLAN.again);
    assert_eq!(trap.clock.monotonic() - begun, PLAN.wait, "not longer than it is to be waited for");
    trap.clock.pass(PLAN.again);
    trap.answers.lock().unwrap().push_back(Err(()));
    assert_eq!(turn(&mut whereabouts), PLAN.again);
    assert!(!trap.asked.lock().unwrap().1, "it has no power while it rests");
    assert_eq!(trap.outbox().counter(WITHOUT_FIX).unwrap(), 2);
    let word = || Word::of(&trap.journal.reader().unwrap(), "trap").unwrap();
    let missed = word().missed.unwrap();
    assert!(missed.why.contains("nothing came"), "the last of the two: {missed:?}");
    // 10:00, a wait of 180 s, and an hour.
    assert_eq!(missed.at, Some("2026-11-26T11:03:00Z".parse::<DateTime<Utc>>().unwrap().timestamp()));
    assert_eq!(word().last, None);
    let told = trap.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].1.contains("no fix in 180 s: 2 satellites used, 3 sentences damaged"), "{told:?}");
    assert_eq!(trap.clock.utc().1, ClockQuality::Rtc);
    trap.clock.pass(PLAN.again);
    trap.will_say("2026-11-26T13:00:00Z", (46.512, 25.301));
    turn(&mut whereabouts);
    assert_eq!((word().last.unwrap().place, word().missed), (Some((46.512, 25.301)), None));
    assert_eq!(Word::of(&trap.journal.reader().unwrap(), "another").unwrap(), Word::default());
    assert!(
        trap.told().iter().any(|(kind, text)| kind == "gps" && text.contains("again")),
        "{:?}",
        trap.told()
    );
}

#[test]
fn a_low_battery_asks_no_receiver_unless_the_clock_is_unset() {
    for (quality, asked) in [(ClockQuality::Rtc, 0), (ClockQuality::Unset, 360)] {
        let trap = Trap::new(quality, None);
        let mut whereabouts = trap.start();
        whereabouts.around.shedding = Arc::new(Shedding::low());
        turn(&mut whereabouts);
        assert_eq!(trap.asked.lock().unwrap().0, asked, "{quality:?}");
    }
}
