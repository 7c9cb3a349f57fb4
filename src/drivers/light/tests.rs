//! The camera by the light, with scripted lines, a camera that notes what it is asked, and a clock moved by hand.

use std::io;
use std::sync::Mutex;

use super::*;
use crate::drivers::trigger::HandClock;
use crate::image::{Rgb, encode_jpeg};

/// What happened, in order.
type Notes = Arc<Mutex<Vec<String>>>;

struct Line(&'static str, Notes);

impl Switch for Line {
    fn on(&mut self) -> io::Result<()> {
        self.1.lock().unwrap().push(format!("{} on", self.0));
        Ok(())
    }

    fn off(&mut self) -> io::Result<()> {
        self.1.lock().unwrap().push(format!("{} off", self.0));
        Ok(())
    }
}

/// Gives pictures of a brightness, or fails, after a while.
struct Noted {
    notes: Notes,
    brightness: Arc<Mutex<Result<u8, String>>>,
    takes: Duration,
}

impl Camera for Noted {
    fn burst(&mut self, frames: usize, _: Duration) -> Result<Vec<Shot>, DeviceError> {
        std::thread::sleep(self.takes);
        self.notes.lock().unwrap().push(format!("burst {frames}"));
        let told = |text: &str| text.to_owned();
        let brightness = self.brightness.lock().unwrap().clone();
        let level =
            brightness.map_err(|what| DeviceError { device: told("camera"), what, cure: told("none") })?;
        let data = (0..32 * 24 * 3).map(|i| level.saturating_add((i % 2) as u8)).collect();
        let jpeg = encode_jpeg(&Rgb { width: 32, height: 24, data }, 90).map_err(|e| e.to_string());
        Ok(vec![Shot { taken: chrono::DateTime::UNIX_EPOCH, jpeg }; frames])
    }
}

impl Adjusts for Noted {
    fn adjust(&mut self, words: &[String]) {
        self.notes.lock().unwrap().push(words.join(" "));
    }

    fn lit(&mut self) {
        self.notes.lock().unwrap().push("fresh".to_owned());
    }
}

struct Bench {
    camera: ByLight<Noted>,
    notes: Notes,
    brightness: Arc<Mutex<Result<u8, String>>>,
    clock: Arc<HandClock>,
}

const GREENWICH: Option<(f64, f64)> = Some((51.48, 0.0));

fn bench(at: &str, place: impl Into<Place>, takes: Duration, filter: impl Fn(&Notes) -> Filter) -> Bench {
    let (notes, clock) = (Notes::default(), HandClock::at(at));
    let brightness = Arc::new(Mutex::new(Ok(120)));
    let options = Options {
        day_above: 0.0,
        night_below: -6.0,
        day_above_lux: 100.0,
        night_below_lux: 10.0,
        words: ["by day", "at dusk", "by night"].map(|words| vec![words.to_owned()]),
        lamp_from: Level::Night,
        settle: Duration::from_millis(1),
        most: Duration::from_millis(200),
        dark_below: 40,
        bright_above: 90,
    };
    let inner = Noted { notes: Arc::clone(&notes), brightness: Arc::clone(&brightness), takes };
    let lamp = Box::new(Line("lamp", Arc::clone(&notes)));
    let filter = filter(&notes);
    let camera = ByLight::new(inner, options, clock.clone(), place.into(), Some(lamp), filter);
    Bench { camera, notes, brightness, clock }
}

fn held(notes: &Notes) -> Filter {
    Filter::Held(Box::new(Line("filter", Arc::clone(notes))))
}

impl Bench {
    /// What happened since the last time this was asked.
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap())
    }

    fn burst(&mut self) -> Vec<String> {
        let _ = self.camera.burst(3, Duration::ZERO);
        self.heard()
    }
}

#[test]
fn the_lamp_is_on_around_bursts_of_the_night_only_and_settings_change_with_the_sun() {
    // Greenwich at the equinox: the sun sets at about 18:13 and passes −6 degrees at about 18:45.
    let mut bench = bench("2026-03-20T17:30:00Z", GREENWICH, Duration::ZERO, held);
    assert_eq!(bench.heard(), ["lamp off"], "whatever it was before the start");
    assert_eq!(bench.burst(), ["by day", "filter on", "fresh", "burst 3"]);
    assert_eq!(bench.burst(), ["burst 3"]);
    bench.clock.pass(Duration::from_secs(3600));
    assert_eq!(bench.burst(), ["at dusk", "fresh", "burst 3"]);
    bench.clock.pass(Duration::from_secs(3600));
    // Nobody waits for a camera that is made ready between bursts.
    bench.camera.idle();
    assert_eq!(bench.heard(), ["by night", "filter off", "fresh"]);
    assert_eq!(bench.burst(), ["lamp on", "fresh", "burst 3", "lamp off"]);
    assert_eq!(bench.burst(), ["lamp on", "fresh", "burst 3", "lamp off"]);
    bench.clock.pass(Duration::from_secs(12 * 3600));
    assert_eq!(bench.burst(), ["by day", "filter on", "fresh", "burst 3"]);
}

#[test]
fn a_place_that_is_found_meanwhile_counts_from_then_on() {
    let place = Place::default();
    let mut bench = bench("2026-03-20T22:00:00Z", place.clone(), Duration::ZERO, held);
    assert_eq!(
        bench.burst()[1..3],
        ["by day", "filter on"],
        "nobody knows better, and the picture is bright"
    );
    place.find((51.48, 0.0));
    bench.clock.pass(Duration::from_secs(60));
    bench.camera.idle();
    assert_eq!(bench.heard(), ["by night", "filter off", "fresh"]);
}

#[test]
fn a_latching_filter_gets_one_pulse_a_change() {
    let pulsed = |notes: &Notes| {
        let line = |name| Box::new(Line(name, Arc::clone(notes)));
        Filter::Pulsed(line("in"), line("out"), Duration::from_millis(1))
    };
    let mut bench = bench("2026-03-20T12:00:00Z", GREENWICH, Duration::ZERO, pulsed);
    assert_eq!(bench.burst()[1..4], ["by day", "in on", "in off"]);
    bench.clock.pass(Duration::from_secs(12 * 3600));
    assert_eq!(bench.burst()[..3], ["by night", "out on", "out off"]);
    assert!(!bench.burst().iter().any(|note| note.starts_with("out")));
}

#[test]
fn the_lamp_is_off_after_a_failure_a_panic_and_at_the_end() {
    let mut bench = bench("2026-03-20T00:00:00Z", GREENWICH, Duration::ZERO, held);
    *bench.brightness.lock().unwrap() = Err("no answer".to_owned());
    assert_eq!(bench.burst().last().unwrap(), "lamp off");
    // A camera that panics: its mutex is held by a thread that died.
    let brightness = Arc::clone(&bench.brightness);
    let died = std::thread::spawn(move || {
        let _held = brightness.lock().unwrap();
        panic!("as a test");
    });
    assert!(died.join().is_err());
    let camera = &mut bench.camera;
    let burst =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| camera.burst(3, Duration::ZERO).is_ok()));
    assert!(burst.is_err());
    assert_eq!(bench.heard().last().unwrap(), "lamp off");
    let notes = Arc::clone(&bench.notes);
    drop(bench);
    assert_eq!(*notes.lock().unwrap(), ["lamp off"]);
}

#[test]
fn a_burst_that_takes_too_long_goes_on_in_the_dark() {
    let mut bench = bench("2026-03-20T00:00:00Z", GREENWICH, Duration::from_millis(600), held);
    let heard = bench.burst();
    let off = heard.iter().rposition(|note| note == "burst 3").unwrap();
    assert!(heard[..off].contains(&"lamp off".to_owned()), "off while the camera was still at it: {heard:?}");
    assert_eq!(bench.camera.lamp.as_ref().unwrap().overdue(), 1);
}

#[test]
fn without_a_place_the_last_bursts_brightness_tells_night_from_day() {
    let mut bench = bench("2026-03-20T00:00:00Z", None, Duration::ZERO, held);
    // It is taken for day until a burst is dark.
    assert_eq!(bench.burst(), ["lamp off", "by day", "filter on", "fresh", "burst 3"]);
    *bench.brightness.lock().unwrap() = Ok(20);
    assert_eq!(bench.burst(), ["burst 3"]);
    // By night one picture more without the lamp, every ten minutes, tells whether it is day yet.
    let night =
        ["by night", "filter off", "fresh", "lamp on", "fresh", "burst 3", "lamp off", "fresh", "burst 1"];
    assert_eq!(bench.burst(), night);
    *bench.brightness.lock().unwrap() = Ok(150);
    assert_eq!(
        bench.burst(),
        ["lamp on", "fresh", "burst 3", "lamp off"],
        "lit by the lamp, it says nothing"
    );
    bench.clock.pass(Duration::from_secs(600));
    assert_eq!(bench.burst().last().unwrap(), "burst 1");
    assert_eq!(bench.burst(), ["by day", "filter on", "fresh", "burst 3"]);
}

/// A light sensor in the test's hand.
struct Sensor(Mutex<Option<f32>>);

impl Gauges for Sensor {
    fn battery(&self) -> Option<u16> {
        None
    }

    fn temperature(&self) -> Option<i8> {
        None
    }

    fn light(&self) -> Option<f32> {
        *self.0.lock().unwrap()
    }
}

#[test]
fn a_light_sensor_goes_before_the_sun_and_a_dead_one_leaves_it_to_the_sun() {
    // Noon at Greenwich; under thick trees, or in a cave's mouth, the sensor knows better.
    let mut bench = bench("2026-03-20T12:00:00Z", GREENWICH, Duration::ZERO, held);
    let sensor = Arc::new(Sensor(Mutex::new(Some(5.0))));
    bench.camera = bench.camera.sees(sensor.clone());
    let mut at = |lux: Option<f32>| {
        *sensor.0.lock().unwrap() = lux;
        bench.camera.set()
    };
    assert_eq!(at(Some(5.0)), Level::Night);
    // It stays until the light is well beyond the limit, in both directions.
    assert_eq!([at(Some(13.0)), at(Some(15.0))], [Level::Night, Level::Dusk]);
    assert_eq!([at(Some(11.0)), at(Some(99.0)), at(Some(101.0))], [Level::Dusk, Level::Dusk, Level::Day]);
    assert_eq!([at(Some(80.0)), at(Some(60.0))], [Level::Day, Level::Dusk]);
    assert_eq!(at(None), Level::Day, "by the sun");
}
