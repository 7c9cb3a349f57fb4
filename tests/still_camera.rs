//! A camera that is `rpicam-still`, played by a shell script that does what that program does when all is well (a file
//! for each SIGUSR1, an orderly end at SIGUSR2, neither before the camera is open) and when not: hang, flood, die, write
//! garbage, halves, other names, or to a full disk.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod camera_support;

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use camera_support::{Played, numbers};
use trapline::drivers::still::{Options, StillCamera, pattern};
use trapline::drivers::stream::{Picture, Reboots, Recovery, rpicam_still};
use trapline::drivers::system_clock::SystemClock;
use trapline::hal::Camera;

/// An `rpicam-still`.
struct Bench(Played);

impl std::ops::Deref for Bench {
    type Target = Played;

    fn deref(&self) -> &Played {
        &self.0
    }
}

/// What the program is: `shot` is what it does with the first frame after a SIGUSR1, `$n` counts its pictures from 0 over one run, `$run` its runs.
const PROGRAM: &str = r#"
while [ "$1" != --output ]; do shift; done
pattern=$2; n=0
name() { printf "$pattern" $n; }
shot() { cat $dir/$((run*10+n)).jpg >$(name); n=$((n+1)); }
"#;

impl Bench {
    /// `script` runs before the program takes signals.
    fn new(script: &str) -> Bench {
        let text = format!(
            "{PROGRAM}\n{script}\ntrap shoot=1 USR1\ntrap 'echo quit >>$dir/quit; exit 0' USR2\n\
             while :; do if [ \"$shoot\" ]; then shoot=; shot; fi; sleep 0.02; done"
        );
        Bench(Played::new("rpicam-still", &text))
    }

    fn options(&self) -> Options {
        let folder = self.path("run");
        let picture = Picture { width: 640, height: 480, rate: 20, quality: 90, extra: Vec::new() };
        let program = self.path("rpicam-still").display().to_string();
        Options {
            command: rpicam_still(&program, &picture, &pattern(&folder)),
            folder,
            most: 1 << 20,
            warm: true,
            settle: Duration::ZERO,
            start: Duration::from_secs(10),
            frame: Duration::from_secs(5),
            burst: Duration::from_secs(40),
        }
    }

    fn camera(&self, options: Options) -> StillCamera {
        StillCamera::new(options, Arc::new(SystemClock::new()), Recovery::default(), None)
    }

    fn left(&self) -> usize {
        std::fs::read_dir(self.path("run/trapline-stills")).map_or(0, Iterator::count)
    }
}

#[test]
fn each_signal_is_a_picture_and_a_warm_program_runs_once() {
    let bench = Bench::new("");
    let mut camera = bench.camera(bench.options());
    let triggered = chrono::Utc::now();
    let shots = camera.burst(3, Duration::from_millis(200)).unwrap();
    assert_eq!(numbers(&shots), [10, 11, 12]);
    assert!(shots[0].taken >= triggered, "there is none from before the trigger");
    // The first may be picked up late on a busy machine; the last is not asked for before its time.
    assert!(shots[2].taken - triggered >= chrono::TimeDelta::milliseconds(390));
    assert_eq!(numbers(&camera.burst(2, Duration::ZERO).unwrap()), [13, 14]);
    assert_eq!((bench.runs(), bench.left()), (1, 0), "what was picked up is deleted");
    drop(camera);
    assert_eq!((bench.text("quit").as_str(), bench.alive()), ("quit\n", 0), "ended by its own signal");
    assert!(!bench.path("run/trapline-stills").exists());
}

#[test]
fn a_cold_program_runs_for_the_burst_only_and_old_files_are_not_its_pictures() {
    let bench = Bench::new("");
    std::fs::create_dir_all(bench.path("run/trapline-stills")).unwrap();
    std::fs::copy(bench.path("99.jpg"), bench.path("run/trapline-stills/still-00000007.jpg")).unwrap();
    let mut camera = bench.camera(Options { warm: false, ..bench.options() });
    assert_eq!(bench.runs(), 0);
    for burst in 1..=2 {
        assert_eq!(numbers(&camera.burst(2, Duration::ZERO).unwrap()), [burst * 10, burst * 10 + 1]);
        assert_eq!((bench.runs(), bench.alive(), bench.left()), (burst.into(), 0, 0));
    }
}

#[test]
fn a_file_is_taken_once_it_is_whole() {
    let slow = "shot() { f=$(name); j=$dir/$((run*10+n)).jpg; head -c 500 $j >$f; sleep 0.3; tail -c +501 $j >>$f; n=$((n+1)); }";
    let bench = Bench::new(slow);
    assert_eq!(numbers(&bench.camera(bench.options()).burst(3, Duration::ZERO).unwrap()), [10, 11, 12]);
    assert_eq!(bench.runs(), 1);
}

#[test]
fn one_that_takes_signals_late_is_not_killed_by_ours() {
    let bench = Bench::new("sleep 1");
    assert_eq!(numbers(&bench.camera(bench.options()).burst(1, Duration::ZERO).unwrap()), [10]);
    assert_eq!(bench.runs(), 1);
}

#[test]
fn what_goes_wrong_is_started_anew_with_nothing_left_and_the_burst_goes_on() {
    for (fault, script) in [
        ("dies at once", "[ $run = 1 ] && exit 3"),
        ("dies at a signal", "[ $run = 1 ] && shot() { exit 4; }"),
        // It takes no notice of being asked to end, and has a child that does the same.
        (
            "hangs",
            "[ $run = 1 ] && shot() { trap '' TERM USR1 USR2; sh -c \"trap '' TERM; echo \\$\\$ >>$dir/pids; sleep 100\"; }",
        ),
        ("never listens", "[ $run = 1 ] && { trap '' TERM; sleep 100; }"),
        ("half a picture", "[ $run = 1 ] && shot() { head -c 500 $dir/10.jpg >$(name); }"),
        ("garbage", "[ $run = 1 ] && shot() { head -c 9000 /dev/urandom >$(name); }"),
        ("another name", "[ $run = 1 ] && shot() { cat $dir/10.jpg >$(dirname $pattern)/image.jpg; }"),
        // What jpeg_save of rpicam-apps does then: words to standard error, and the end.
        (
            "a full disk",
            "[ $run = 1 ] && shot() { head -c 100 $dir/10.jpg >$(name); echo 'ERROR: *** failed to write file ***' >&2; exit 255; }",
        ),
        (
            "floods files",
            "[ $run = 1 ] && shot() { while :; do head -c 90000 /dev/zero >$(name); n=$((n+1)); done; }",
        ),
        (
            "floods words",
            "shot() { head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; [ $run = 1 ] || cat $dir/$((run*10+n)).jpg >$(name); n=$((n+1)); }",
        ),
    ] {
        let bench = Bench::new(script);
        let times = (Duration::from_secs(2), Duration::from_millis(1500));
        let mut camera = bench.camera(Options { start: times.0, frame: times.1, ..bench.options() });
        assert_eq!(numbers(&camera.burst(2, Duration::ZERO).unwrap()), [20, 21], "{fault}");
        assert_eq!((bench.runs(), bench.alive(), bench.left()), (2, 1, 0), "{fault}");
    }
}

#[test]
fn one_that_stops_in_the_middle_of_a_burst_costs_no_picture_that_was_taken() {
    let bench =
        Bench::new("[ $run = 1 ] && shot() { [ $n = 2 ] && exit 5; cat $dir/1$n.jpg >$(name); n=$((n+1)); }");
    assert_eq!(numbers(&bench.camera(bench.options()).burst(4, Duration::ZERO).unwrap()), [10, 11, 20, 21]);
}

#[test]
fn a_warm_one_that_dies_between_bursts_is_there_again_before_the_next() {
    let bench = Bench::new("");
    let mut camera = bench.camera(bench.options());
    assert_eq!(numbers(&camera.burst(1, Duration::ZERO).unwrap()), [10]);
    let pid = bench.text("pids");
    assert!(Command::new("kill").args(["-9", pid.trim()]).status().unwrap().success());
    let begun = Instant::now();
    while bench.runs() < 2 && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
        camera.idle();
    }
    assert_eq!(bench.runs(), 2);
    assert_eq!(numbers(&camera.burst(1, Duration::ZERO).unwrap()), [20]);
}

#[test]
fn the_second_failure_in_a_row_has_the_camera_recovered_and_bursts_that_fail_ask_for_a_restart() {
    let bench =
        Bench::new("[ -e $dir/powered ] || { echo 'ERROR: *** no cameras available ***' >&2; exit 255; }");
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
    let wish = Arc::new(AtomicBool::new(false));
    let reboots = || Reboots { ledger: bench.path("ledger"), per_day: 1, after: 2, wish: Arc::clone(&wish) };
    let options = Options { warm: false, ..bench.options() };
    let mut camera =
        StillCamera::new(options.clone(), Arc::new(SystemClock::new()), recovery, Some(reboots()));
    assert_eq!(numbers(&camera.burst(1, Duration::ZERO).unwrap()), [40]);
    assert_eq!((cycles.load(Ordering::SeqCst), bench.runs(), wish.load(Ordering::SeqCst)), (2, 4, false));

    std::fs::remove_file(bench.path("powered")).unwrap();
    let options = Options { burst: Duration::from_millis(500), ..options };
    let mut camera =
        StillCamera::new(options, Arc::new(SystemClock::new()), Recovery::default(), Some(reboots()));
    let told = camera.burst(1, Duration::ZERO).unwrap_err().to_string();
    assert!(told.contains("no cameras available") && told.contains("exit status: 255"), "{told}");
    assert!(!wish.load(Ordering::SeqCst));
    std::thread::sleep(Duration::from_secs(2));
    camera.burst(1, Duration::ZERO).unwrap_err();
    assert!(wish.load(Ordering::SeqCst), "two bursts without a picture");
    assert_eq!(bench.text("ledger").lines().count(), 1);
}

#[test]
fn a_camera_that_fails_for_good_says_so_within_its_time() {
    let bench = Bench::new("shot() { :; }");
    let options =
        Options { frame: Duration::from_millis(300), burst: Duration::from_secs(2), ..bench.options() };
    let mut camera = bench.camera(options);
    let begun = Instant::now();
    let told = camera.burst(3, Duration::ZERO).unwrap_err().to_string();
    assert!(told.contains("no picture after a signal"), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(12));
    let command = vec!["/no/such/rpicam-still".to_owned()];
    let options = Options { command, burst: Duration::from_millis(200), ..bench.options() };
    let told = bench.camera(options).burst(1, Duration::ZERO).unwrap_err().to_string();
    assert!(told.contains("/no/such/rpicam-still does not start: No such file"), "{told}");
}

#[test]
fn the_daemon_takes_bursts_by_it() {
    let bench = Bench::new("");
    let profile = format!(
        "trigger = \"timer\"\ncamera = \"rpicam-still\"\n[timer]\nevery_s = 1\n[stream]\nprogram = \"{}\"\n\
         still_folder = \"{}\"\nwidth = 640\nheight = 480\n",
        bench.path("rpicam-still").display(),
        bench.path("run").display()
    );
    std::fs::write(bench.path("stills.toml"), profile).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["run", "--board", "stills", "--bursts", "2", "--json", "--boards"])
        .arg(bench.path(""))
        .arg("--journal")
        .arg(bench.path("trap.db"))
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((line["trigger"].as_str(), line["failed"].as_u64()), (Some("timer"), Some(0)), "{line}");
    }
    let asked = "--signal --zsl --timeout 0 --nopreview --thumb none --encoding jpg --width 640 --height 480";
    assert!(bench.text("args").starts_with(asked), "{}", bench.text("args"));
    assert_eq!((bench.runs(), bench.alive()), (1, 0));
}
