//! A USB camera by the kernel's Video4Linux interface, as a source of [`super::stream`]: its own JPEG pictures where it
//! makes some (Motion JPEG), else YUYV pictures that are made into JPEG here.
//!
//! A camera is named by what does not change: its name in `/dev/v4l/by-id` or `by-path`, or its card's name; each
//! start looks for it anew, so one that was unplugged and plugged in again is found.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::stream::{Hold, Pictures, Run, Source};

mod find;
mod frame;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod kernel;
mod negotiate;

pub use find::{Places, is_number};
pub use negotiate::{Kind, Mode};

use frame::Sorter;

/// Longest wait in the kernel at a time, so that a wish to stop is noticed.
const GLANCE: Duration = Duration::from_millis(100);

/// A run that was asked to stop has so long to close the camera before the next start.
const CLOSING: Duration = Duration::from_secs(2);

/// What is asked of the camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name in `/dev/v4l/by-id` or `/dev/v4l/by-path`, or its card's name.
    pub device: String,
    /// Width of the pictures, pixels; the camera may give its nearest.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// Pictures a second; more than that are left out.
    pub rate: u32,
    /// JPEG quality of pictures that come uncompressed, 1..=100.
    pub quality: u8,
    /// Controls to set, `name=value`, named as `v4l2-ctl --list-ctrls` does.
    pub controls: Vec<String>,
}

/// A camera that is open: the kernel's, or a script's in tests.
pub trait Device: Send {
    /// The formats that it offers, as four characters each.
    fn formats(&self) -> io::Result<Vec<[u8; 4]>>;

    /// Asks for a mode; what the driver makes of it.
    fn set(&mut self, mode: Mode) -> io::Result<Mode>;

    /// Sets a control by name.
    fn control(&mut self, name: &str, value: i32) -> io::Result<()>;

    /// Starts the frames of the mode that was set last.
    fn begin(self: Box<Self>) -> io::Result<Box<dyn Frames>>;
}

/// Frames of a camera.
pub trait Frames: Send {
    /// The next frame into `buffer`, if one comes within `patience`: whether the driver calls it sound.
    fn next(&mut self, buffer: &mut Vec<u8>, patience: Duration) -> io::Result<Option<bool>>;
}

/// Opens a camera by its name.
pub type Opener = Box<dyn Fn(&str) -> Result<Box<dyn Device>, String> + Send + Sync>;

/// A camera.
pub struct V4l2 {
    wanted: Wanted,
    controls: Mutex<Vec<String>>,
    opener: Opener,
}

impl V4l2 {
    /// The kernel's camera that fits `wanted`.
    pub fn new(wanted: Wanted) -> V4l2 {
        V4l2::by(Box::new(open), wanted)
    }

    /// The camera that `opener` opens.
    pub fn by(opener: Opener, wanted: Wanted) -> V4l2 {
        let controls = Mutex::new(wanted.controls.clone());
        V4l2 { wanted, controls, opener }
    }

    /// Controls are only ever replaced whole, so they are good even if a thread died while it held them.
    fn controls(&self) -> Vec<String> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn open(name: &str) -> Result<Box<dyn Device>, String> {
    let path = Places::default().find(name)?;
    let opened = kernel::Opened::new(&path).map_err(|e| format!("{} does not open: {e}", path.display()))?;
    Ok(Box::new(opened))
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn open(_: &str) -> Result<Box<dyn Device>, String> {
    Err("USB cameras need a 64-bit Linux (the crate linuxvideo has no other)".to_owned())
}

impl Source for V4l2 {
    fn name(&self) -> String {
        format!("camera \"{}\"", self.wanted.device)
    }

    fn cure(&self) -> &'static str {
        "look with v4l2-ctl --list-devices whether it is there; check its cable and its hub's power, that no other \
         program uses it, and that the user is in the group video"
    }

    fn start(&self) -> Result<Run, String> {
        let mut device = (self.opener)(&self.wanted.device)?;
        let (kind, mode) = negotiate::negotiate(&mut *device, &self.wanted)?;
        for control in self.controls() {
            // A control that does not exist is no reason to have no pictures.
            if let Err(error) = negotiate::control(&mut *device, &control) {
                log::warn!("{}: control {control}: {error}", self.name());
            }
        }
        let frames = device.begin().map_err(|e| format!("it does not start: {e}"))?;
        let sorter = Sorter::new(kind, mode, self.wanted.quality);
        let pace = Duration::from_secs(1) / self.wanted.rate.max(1);
        let (stop, words) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(String::new())));
        let hold = Held { stop: Arc::clone(&stop), words: Arc::clone(&words) };
        let reader = Reader {
            frames,
            sorter,
            pace,
            kept: None,
            buffer: Vec::new(),
            stop: Ended(stop),
            words,
            broken: 0,
        };
        Ok((Box::new(reader), Box::new(hold)))
    }

    fn set(&self, words: &[String]) -> bool {
        let mut controls = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = *controls != words;
        if changed {
            *controls = words.to_vec();
        }
        changed
    }
}

/// The reader's share of the wish to stop: there as long as the camera is open.
struct Ended(Arc<AtomicBool>);

/// Frames of one run, as pictures.
struct Reader {
    frames: Box<dyn Frames>,
    sorter: Sorter,
    pace: Duration,
    /// When the last picture was kept.
    kept: Option<Instant>,
    buffer: Vec<u8>,
    words: Arc<Mutex<String>>,
    broken: u64,
    /// Dropped last, when the camera is closed.
    stop: Ended,
}

impl Pictures for Reader {
    fn read(&mut self, out: &mut Vec<Vec<u8>>) -> bool {
        if self.stop.0.load(Ordering::SeqCst) {
            return false;
        }
        match self.frames.next(&mut self.buffer, GLANCE) {
            Ok(None) => {}
            Ok(Some(sound)) => {
                // A camera that knows no slower rate than its own: nine tenths allow for its jitter.
                let early = self.kept.is_some_and(|kept| kept.elapsed() < self.pace * 9 / 10);
                if !early {
                    match self.sorter.picture(&self.buffer, sound) {
                        Some(jpeg) => {
                            self.kept = Some(Instant::now());
                            out.push(jpeg);
                        }
                        None => self.broken += 1,
                    }
                }
            }
            Err(error) => {
                *self.words.lock().unwrap_or_else(PoisonError::into_inner) = format!("; {error}");
                return false;
            }
        }
        true
    }

    fn broken(&self) -> u64 {
        self.broken
    }
}

struct Held {
    stop: Arc<AtomicBool>,
    words: Arc<Mutex<String>>,
}

impl Hold for Held {
    fn end(self: Box<Self>) -> String {
        self.stop.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        while Arc::strong_count(&self.stop) > 1 {
            if begun.elapsed() >= CLOSING {
                return "; it hangs in the kernel and cannot be closed".to_owned();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests;
