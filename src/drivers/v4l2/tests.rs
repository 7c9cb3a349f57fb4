//! The camera with a script in the place of the kernel: negotiation, frames, faults, unplugging.

use std::collections::VecDeque;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::drivers::stream::{Options, Recovery, StreamCamera};
use crate::drivers::system_clock::SystemClock;
use crate::hal::Camera;
use crate::image::{Rgb, Want, decode, encode_jpeg};

/// What a run of the scripted camera gives, frame by frame.
#[derive(Clone)]
enum Turn {
    Frame(Vec<u8>),
    Flagged(Vec<u8>),
    Silence,
    Unplugged,
}

/// A camera that offers these formats, gives what `gives` says for one asked for, and plays one list of turns.
struct Scripted {
    offers: &'static [&'static [u8; 4]],
    gives: fn(Mode) -> io::Result<Mode>,
    turns: VecDeque<Turn>,
    controls: Arc<Mutex<Vec<(String, i32)>>>,
    open: Arc<AtomicUsize>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Device for Scripted {
    fn formats(&self) -> io::Result<Vec<[u8; 4]>> {
        Ok(self.offers.iter().map(|format| **format).collect())
    }

    fn set(&mut self, mode: Mode) -> io::Result<Mode> {
        (self.gives)(mode)
    }

    fn control(&mut self, name: &str, value: i32) -> io::Result<()> {
        if name == "focus" {
            return Err(io::Error::other("there is no such control"));
        }
        self.controls.lock().unwrap().push((name.to_owned(), value));
        Ok(())
    }

    fn begin(self: Box<Self>) -> io::Result<Box<dyn Frames>> {
        Ok(self)
    }
}

impl Frames for Scripted {
    fn next(&mut self, buffer: &mut Vec<u8>, patience: Duration) -> io::Result<Option<bool>> {
        std::thread::sleep(Duration::from_millis(20).min(patience));
        let (frame, sound) = match self.turns.pop_front() {
            Some(Turn::Frame(frame)) => (frame, true),
            Some(Turn::Flagged(frame)) => (frame, false),
            Some(Turn::Unplugged) => return Err(io::Error::other("it was unplugged, or its driver stopped")),
            Some(Turn::Silence) | None => return Ok(None),
        };
        *buffer = frame;
        Ok(Some(sound))
    }
}

/// A picture of 32x24 in this shade.
fn picture(shade: u8) -> Vec<u8> {
    let data = (0..32 * 24).flat_map(|i| [shade, shade, (i % 32) as u8]).collect();
    encode_jpeg(&Rgb { width: 32, height: 24, data }, 90).unwrap()
}

fn wanted() -> Wanted {
    let controls = vec!["exposure_auto=1".to_owned(), "focus=3".to_owned()];
    Wanted { device: "Webcam".into(), width: 32, height: 24, rate: 100, quality: 90, controls }
}

struct Bench {
    source: Arc<V4l2>,
    controls: Arc<Mutex<Vec<(String, i32)>>>,
    open: Arc<AtomicUsize>,
}

/// Runs play one after the other; `None`: nothing is plugged in.
fn bench(
    offers: &'static [&'static [u8; 4]],
    gives: fn(Mode) -> io::Result<Mode>,
    runs: Vec<Option<Vec<Turn>>>,
) -> Bench {
    let runs = Mutex::new(VecDeque::from(runs));
    let (controls, open) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    let (told, count) = (Arc::clone(&controls), Arc::clone(&open));
    let opener = move |name: &str| -> Result<Box<dyn Device>, String> {
        assert_eq!(name, "Webcam");
        let turns =
            runs.lock().unwrap().pop_front().flatten().ok_or("there is no such camera; there are: none")?;
        assert_eq!(count.fetch_add(1, Ordering::SeqCst), 0, "the run before has closed the camera");
        let (controls, open) = (Arc::clone(&told), Arc::clone(&count));
        Ok(Box::new(Scripted { offers, gives, turns: turns.into(), controls, open }))
    };
    Bench { source: Arc::new(V4l2::by(Box::new(opener), wanted())), controls, open }
}

fn camera(bench: &Bench) -> StreamCamera {
    let options = Options {
        command: Vec::new(),
        warm: true,
        before: 0,
        settle: 0,
        ring: 1 << 20,
        start: Duration::from_millis(500),
        frame: Duration::from_millis(500),
        burst: Duration::from_secs(5),
    };
    let source = Arc::clone(&bench.source) as Arc<dyn Source>;
    StreamCamera::of(source, options, Arc::new(SystemClock::new()), Recovery::default(), None)
}

fn frames(shades: std::ops::Range<u8>) -> Vec<Turn> {
    shades.map(|shade| Turn::Frame(picture(shade))).collect()
}

#[test]
fn its_own_jpeg_is_taken_before_yuyv_and_controls_are_set() {
    let bench = bench(&[b"YUYV", b"MJPG"], Ok, vec![Some(frames(1..60))]);
    let mut camera = camera(&bench);
    let shots = camera.burst(3, Duration::ZERO).unwrap();
    let first = shots[0].jpeg.clone().unwrap();
    assert!((1..60).map(picture).any(|jpeg| jpeg == first), "byte for byte");
    assert_eq!(
        *bench.controls.lock().unwrap(),
        [("exposure_auto".to_owned(), 1)],
        "one that is not there is told"
    );
    drop(camera);
    assert_eq!(bench.open.load(Ordering::SeqCst), 0);
}

#[test]
fn a_camera_without_jpeg_or_whose_driver_gives_another_is_read_as_yuyv() {
    fn only_yuyv(mode: Mode) -> io::Result<Mode> {
        Ok(Mode { format: *b"YUYV", width: 48, height: 24, stride: 100, ..mode })
    }
    let mut frame = [180, 128, 180, 128].repeat(25 * 24);
    frame[0] = 181;
    for offers in [&[b"GREY", b"YUYV"][..], &[b"MJPG", b"YUYV"]] {
        let bench = bench(offers, only_yuyv, vec![Some(vec![Turn::Frame(frame.clone()); 50])]);
        let shots = camera(&bench).burst(2, Duration::ZERO).unwrap();
        let shown = decode(shots[1].jpeg.as_ref().unwrap(), Want::Full).unwrap();
        // The nearest size that it has, its rows padded to 100 bytes.
        assert_eq!((shown.width, shown.height), (48, 24));
    }
}

#[test]
fn formats_that_cannot_be_read_are_told() {
    let refuse = |_: Mode| Err(io::Error::other("busy"));
    let none = bench(&[b"GREY", b"NV12"], Ok, vec![Some(Vec::new()), Some(Vec::new())]);
    let said = none.source.start().map(drop).unwrap_err();
    assert_eq!(said, "none of its formats can be read; it offers: GREY, NV12; read are MJPG, JPEG, YUYV");
    let busy = bench(&[b"MJPG"], refuse, vec![Some(Vec::new())]);
    let said = busy.source.start().map(drop).unwrap_err();
    assert!(said.ends_with("; it refuses MJPG: busy"), "{said}");
}

#[test]
fn one_that_is_unplugged_in_a_burst_is_found_again_when_it_is_plugged_in() {
    let mut first = frames(1..4);
    first.push(Turn::Unplugged);
    let bench = bench(&[b"MJPG"], Ok, vec![Some(first), None, Some(frames(100..160))]);
    let shots = camera(&bench).burst(6, Duration::ZERO).unwrap();
    assert!(shots.iter().all(|shot| shot.jpeg.is_ok()));
    let last = shots[5].jpeg.as_ref().unwrap();
    assert!((100..160).map(picture).any(|jpeg| jpeg == *last), "from after it was plugged in again");
}

#[test]
fn one_that_is_not_there_is_told_within_the_time_of_a_burst() {
    let bench = bench(&[b"MJPG"], Ok, Vec::new());
    let said = camera(&bench).burst(2, Duration::ZERO).unwrap_err().to_string();
    assert!(
        said.contains("camera \"Webcam\": there is no such camera") && said.contains("v4l2-ctl"),
        "{said}"
    );
}

#[test]
fn garbage_is_counted_and_told_and_silence_ends_the_run() {
    let jpeg = picture(9);
    let cut = jpeg[..jpeg.len() / 2].to_vec();
    let mut turns = vec![Turn::Flagged(jpeg.clone()), Turn::Frame(cut), Turn::Frame(vec![0; 500])];
    turns.extend([Turn::Frame(jpeg), Turn::Silence]);
    let bench = bench(&[b"MJPG"], Ok, vec![Some(turns)]);
    let mut camera = camera(&bench);
    let shots = camera.burst(2, Duration::ZERO).unwrap();
    assert!(shots[0].jpeg.is_ok());
    let said = shots[1].jpeg.as_ref().unwrap_err();
    assert!(said.contains("3 pictures were not whole"), "{said}");
}

#[test]
fn names_of_controls_are_those_of_v4l2_ctl() {
    for (name, plain) in [("Exposure Time, Absolute", "exposure_time_absolute"), ("Brightness", "brightness")]
    {
        assert_eq!(negotiate::plain(name), plain);
    }
}
