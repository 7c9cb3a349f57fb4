//! A camera that is another program, played by shell scripts that do what such programs do when all is well and when
//! not: hang, die, cut pictures, write noise, flood, leave children behind.
#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod camera_support;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use camera_support::{Played, numbers};
use trapline::drivers::stream::{Options, Picture, Reboots, Recovery, StreamCamera, nvargus};
use trapline::drivers::system_clock::SystemClock;
use trapline::hal::Camera;

/// A camera program.
struct Bench(Played);

impl std::ops::Deref for Bench {
    type Target = Played;

    fn deref(&self) -> &Played {
        &self.0
    }
}

/// Sends numbered pictures from `$1` to `$2`, 20 a second.
const PLAY: &str =
    "play() { i=$1; while [ $i -le $2 ]; do cat $dir/$i.jpg; i=$((i+1)); sleep 0.05; done; }\n";

impl Bench {
    /// `script` runs with `$run` (1 at the first start), `$dir` and the function `play`.
    fn new(script: &str) -> Bench {
        Bench(Played::new("camera", &format!("{PLAY}{script}")))
    }

    fn options(&self) -> Options {
        Options {
            command: vec![self.path("camera").display().to_string()],
            warm: true,
            before: 0,
            settle: 2,
            ring: 1 << 20,
            start: Duration::from_millis(1500),
            frame: Duration::from_millis(1000),
            burst: Duration::from_secs(20),
        }
    }

    fn camera(&self, options: Options) -> StreamCamera {
        StreamCamera::new(options, Arc::new(SystemClock::new()), Recovery::default(), None)
    }
}

fn consecutive(numbers: &[u8]) -> bool {
    numbers.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

#[test]
fn a_warm_camera_gives_pictures_without_a_gap_and_some_from_before_the_trigger() {
    let bench = Bench::new("play 1 120; sleep 100");
    let mut camera = bench.camera(Options { before: 2, ..bench.options() });
    std::thread::sleep(Duration::from_millis(1200));
    let triggered = chrono::Utc::now();
    let shots = camera.burst(5, Duration::ZERO).unwrap();
    let got = numbers(&shots);
    assert!(consecutive(&got) && got[0] > 2, "{got:?}");
    let earlier = shots.iter().filter(|shot| shot.taken < triggered).count();
    assert_eq!(earlier, 2);
    // Spaced pictures keep their distance.
    let spaced = camera.burst(3, Duration::from_millis(300)).unwrap();
    let apart = spaced[2].taken - spaced[1].taken;
    assert!(apart >= chrono::TimeDelta::milliseconds(250), "{apart}");
    drop(camera);
    assert_eq!((bench.runs(), bench.alive()), (1, 0));
}

#[test]
fn a_cold_camera_runs_for_the_burst_only() {
    let bench = Bench::new("play 1 60; sleep 100");
    let mut camera = bench.camera(Options { warm: false, ..bench.options() });
    assert_eq!(bench.runs(), 0);
    for burst in 1..=2 {
        // The first two settle.
        assert_eq!(numbers(&camera.burst(3, Duration::ZERO).unwrap()), [3, 4, 5]);
        assert_eq!((bench.runs(), bench.alive()), (burst, 0));
    }
}

#[test]
fn one_that_hangs_is_killed_with_its_children_and_started_anew() {
    // It takes no notice of being asked to end, and has a child that does the same.
    let hang =
        "trap '' TERM; (trap '' TERM; sh -c 'echo $PPID' >>$dir/pids; sleep 100) & sleep 100; sleep 100";
    let bench = Bench::new(&format!("if [ $run = 1 ]; then {hang}; fi; play 1 100"));
    let mut camera = bench.camera(bench.options());
    assert_eq!(numbers(&camera.burst(3, Duration::ZERO).unwrap()), [3, 4, 5]);
    assert_eq!((bench.runs(), bench.alive()), (2, 1), "of the first nothing is left");
}

#[test]
fn one_that_stops_in_the_middle_of_a_burst_is_brought_back_and_the_burst_goes_on() {
    for fault in ["exit 3", "sleep 100", "head -c 500 $dir/7.jpg; exit 0"] {
        let bench = Bench::new(&format!("if [ $run = 1 ]; then play 1 6; {fault}; fi; play 11 100"));
        let mut camera = bench.camera(Options { warm: false, ..bench.options() });
        let got = numbers(&camera.burst(6, Duration::ZERO).unwrap());
        assert_eq!(got, [3, 4, 5, 6, 13, 14], "{fault}");
    }
}

#[test]
fn noise_between_pictures_costs_none_and_noise_alone_is_a_fault() {
    let noisy = "i=1; while [ $i -le 40 ]; do head -c 3000 /dev/urandom; cat $dir/$i.jpg; i=$((i+1)); sleep 0.05; done";
    let bench = Bench::new(&format!("if [ $run = 1 ]; then cat /dev/urandom; fi; {noisy}; sleep 100"));
    let mut camera = bench.camera(Options { warm: false, settle: 0, ..bench.options() });
    let got = numbers(&camera.burst(5, Duration::ZERO).unwrap());
    // Noise may by chance begin a picture and swallow what follows up to the next.
    assert!(got.is_sorted() && !got.contains(&0) && got[4] <= 8, "{got:?}");
    assert!(bench.runs() >= 2);
}

#[test]
fn a_flood_of_pictures_fits_in_the_ring() {
    let bench = Bench::new("while :; do cat $dir/1.jpg $dir/2.jpg $dir/3.jpg; done");
    let mut camera = bench.camera(Options { ring: 4096, ..bench.options() });
    std::thread::sleep(Duration::from_millis(300));
    let got = numbers(&camera.burst(4, Duration::ZERO).unwrap());
    assert!(got.iter().all(|n| (1..=3).contains(n)), "{got:?}");
}

#[test]
fn the_second_failure_in_a_row_has_the_camera_recovered() {
    let bench = Bench::new("[ -e $dir/powered ] && play 1 100; exit 1");
    let cycles = Arc::new(AtomicU32::new(0));
    let (counted, powered, runs) = (Arc::clone(&cycles), bench.path("powered"), bench.path("runs"));
    let recover = move || {
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            assert_eq!(std::fs::read_to_string(&runs).unwrap().trim(), "2");
            return Err("the relay is stuck".to_owned());
        }
        std::fs::write(&powered, "").map_err(|error| error.to_string())
    };
    let recovery: Recovery = Arc::new(Mutex::new(Some(Box::new(recover))));
    let options = Options { warm: false, ..bench.options() };
    let mut camera = StreamCamera::new(options, Arc::new(SystemClock::new()), recovery, None);
    assert_eq!(numbers(&camera.burst(2, Duration::ZERO).unwrap()), [3, 4]);
    assert_eq!((cycles.load(Ordering::SeqCst), bench.runs()), (2, 4));
}

#[test]
fn bursts_that_keep_failing_ask_for_a_restart_and_tell_what_the_program_said() {
    let bench = Bench::new("echo 'no cameras available' >&2; exit 1");
    let options = Options { warm: false, burst: Duration::from_millis(300), ..bench.options() };
    let wish = Arc::new(AtomicBool::new(false));
    let reboots = Reboots { ledger: bench.path("ledger"), per_day: 1, after: 2, wish: Arc::clone(&wish) };
    let clock = Arc::new(SystemClock::new());
    let mut camera = StreamCamera::new(options, clock, Recovery::default(), Some(reboots));
    let told = camera.burst(2, Duration::ZERO).unwrap_err().to_string();
    assert!(told.contains("it said: no cameras available") && told.contains("exit status: 1"), "{told}");
    assert!(!wish.load(Ordering::SeqCst));
    camera.burst(2, Duration::ZERO).unwrap_err();
    assert!(wish.load(Ordering::SeqCst), "two bursts without a picture");
    assert_eq!(std::fs::read_to_string(bench.path("ledger")).unwrap().lines().count(), 1);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let bench = Bench::new("");
    let command = vec!["/no/such/rpicam-vid".to_owned()];
    let mut camera =
        bench.camera(Options { command, burst: Duration::from_millis(200), warm: false, ..bench.options() });
    let told = camera.burst(1, Duration::ZERO).unwrap_err().to_string();
    assert!(told.contains("/no/such/rpicam-vid does not start: No such file"), "{told}");
}

#[test]
fn what_argus_says_on_standard_output_does_not_fall_into_the_pictures() {
    // As GStreamer does: words to standard output, pictures to the descriptor that fdsink names.
    let script = "case \"$*\" in *fd=3*) ;; *) exit 9;; esac\n\
                  i=1; while [ $i -le 40 ]; do echo 'GST_ARGUS: Running with following settings:'; \
                  cat $dir/$i.jpg >&3; i=$((i+1)); sleep 0.05; done";
    let bench = Bench::new(script);
    let picture = Picture { width: 640, height: 480, rate: 20, quality: 90, extra: Vec::new() };
    let command = nvargus(&bench.path("camera").display().to_string(), &picture);
    let mut camera = bench.camera(Options { command, ..bench.options() });
    assert_eq!(numbers(&camera.burst(4, Duration::ZERO).unwrap()), [3, 4, 5, 6]);
}

#[test]
fn a_camera_that_fails_for_good_says_so_within_its_time() {
    let bench = Bench::new("sleep 100");
    let options =
        Options { start: Duration::from_millis(200), burst: Duration::from_secs(1), ..bench.options() };
    let mut camera = bench.camera(options);
    let begun = Instant::now();
    let told = camera.burst(3, Duration::ZERO).unwrap_err().to_string();
    assert!(told.contains("no picture after its start"), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}
