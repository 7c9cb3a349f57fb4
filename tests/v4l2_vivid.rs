//! The kernel's own simulated camera (vivid), by the driver for USB cameras: found by its card's name, a format
//! agreed on, its frames, and a burst by the camera that the boards use.
//!
//! Ignored, for it needs the module. With it (as root: `modprobe vivid n_devs=1 node_types=0x1 num_inputs=1
//! input_types=0x0`): `cargo test --test v4l2_vivid -- --ignored`. What is expected is of the kernel's documentation,
//! admin-guide/media/vivid.rst: the card is called "vivid", its webcam input has 640x360 among its sizes, offers YUYV and
//! no JPEG, and shows a test pattern.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trapline::drivers::stream::{Options, Recovery, Source, StreamCamera};
use trapline::drivers::system_clock::SystemClock;
use trapline::drivers::v4l2::{Places, V4l2, Wanted};
use trapline::hal::Camera;
use trapline::image::{Rgb, Want, decode};

fn wanted(device: &str) -> Wanted {
    let controls = vec!["brightness=100".to_owned(), "no_such_control=1".to_owned()];
    Wanted { device: device.to_owned(), width: 640, height: 360, rate: 5, quality: 90, controls }
}

const OPTIONS: Options = Options {
    command: Vec::new(),
    warm: true,
    before: 1,
    settle: 1,
    ring: 8 << 20,
    start: Duration::from_secs(30),
    frame: Duration::from_secs(20),
    burst: Duration::from_secs(60),
};

/// A picture that holds what a test pattern does: many levels, not one flat colour.
fn shows_something(jpeg: &[u8]) -> Rgb {
    let shown = decode(jpeg, Want::Full).unwrap();
    assert_eq!((shown.width, shown.height), (640, 360));
    let (least, most) = (shown.data.iter().min().unwrap(), shown.data.iter().max().unwrap());
    assert!(most - least > 100, "{least}..={most}");
    shown
}

/// One after the other: they share the camera.
#[test]
#[ignore = "needs the kernel's vivid module and root"]
fn the_kernels_simulated_camera() {
    it_is_found_by_its_cards_name();
    frames_are_whole_pictures_of_the_size_asked_for();
    a_size_it_has_not_becomes_its_nearest();
    bursts_of_it_are_whole_and_moving();
    brightness_is_set_between_bursts();
    a_camera_that_is_not_there_is_told_with_those_that_are();
}

fn it_is_found_by_its_cards_name() {
    let path = Places::default().find("vivid").unwrap();
    assert!(path.to_string_lossy().starts_with("/dev/video") && path.exists(), "{path:?}");
}

/// So many pictures of one run, and how long they took.
fn run(wanted: Wanted, pictures: usize) -> (Vec<Vec<u8>>, Duration) {
    let (mut reader, hold) = V4l2::new(wanted).start().unwrap();
    let (mut out, begun) = (Vec::new(), Instant::now());
    while out.len() < pictures && begun.elapsed() < Duration::from_secs(120) {
        assert!(reader.read(&mut out), "the run ended: {}", hold.end());
    }
    let took = begun.elapsed();
    assert_eq!((out.len(), reader.broken()), (pictures, 0));
    drop(reader);
    assert_eq!(hold.end(), "", "it closes at once and in peace");
    (out, took)
}

fn frames_are_whole_pictures_of_the_size_asked_for() {
    let (pictures, took) = run(wanted("vivid"), 6);
    for jpeg in &pictures {
        shows_something(jpeg);
    }
    // Five a second, whatever the camera's own rate: never faster, however slow the machine.
    assert!(took >= Duration::from_millis(800), "{took:?}");
}

fn a_size_it_has_not_becomes_its_nearest() {
    let (pictures, _) = run(Wanted { width: 630, height: 350, ..wanted("vivid") }, 1);
    let shown = decode(&pictures[0], Want::Full).unwrap();
    // A webcam has sizes, not any: vivid's are 16:9.
    assert_eq!(shown.width * 9, shown.height * 16, "{}x{}", shown.width, shown.height);
}

fn camera(wanted: Wanted) -> StreamCamera {
    let clock = Arc::new(SystemClock::new());
    StreamCamera::of(Arc::new(V4l2::new(wanted)), OPTIONS, clock, Recovery::default(), None)
}

fn bursts_of_it_are_whole_and_moving() {
    let mut camera = camera(wanted("vivid"));
    for _ in 0..2 {
        let shots = camera.burst(3, Duration::from_millis(400)).unwrap();
        let pictures: Vec<&Vec<u8>> = shots.iter().map(|shot| shot.jpeg.as_ref().unwrap()).collect();
        assert_eq!(pictures.len(), 3);
        assert!(shots.windows(2).all(|pair| pair[0].taken < pair[1].taken), "in their order");
        for jpeg in &pictures {
            shows_something(jpeg);
        }
        // It counts its frames in the picture, so no two are alike: none was given twice.
        assert!(pictures[0] != pictures[1] && pictures[1] != pictures[2]);
    }
}

/// A control reaches the camera: what is darker there is darker here.
fn brightness_is_set_between_bursts() {
    let mean = |level: u8| {
        let controls = vec![format!("brightness={level}")];
        let (pictures, _) = run(Wanted { controls, ..wanted("vivid") }, 2);
        let data = shows_something(&pictures[1]).data;
        data.iter().map(|level| u64::from(*level)).sum::<u64>() / data.len() as u64
    };
    let (dark, bright) = (mean(60), mean(180));
    assert!(bright > dark + 30, "{dark} and {bright}");
}

fn a_camera_that_is_not_there_is_told_with_those_that_are() {
    let said = V4l2::new(wanted("Nobody")).start().map(drop).unwrap_err();
    assert_eq!(said, "there is no such camera; there are: vivid, vivid-000-vid-cap");
}
