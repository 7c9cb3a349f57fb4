//! The kernel's side, through the crate linuxvideo: pure Rust, so no C headers or libclang when cross-building.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use linuxvideo::controls::Cid;
use linuxvideo::format::{PixFormat, PixelFormat};
use linuxvideo::stream::ReadStream;
use linuxvideo::{BufType, CapabilityFlags, Fract, VideoCaptureDevice};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::negotiate::plain;
use super::{Device, Frames, Mode};

/// The library asserts what drivers promise; a driver that breaks its promise is a camera that failed.
fn guarded<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(io::Error::other("its driver breaks the rules")))
}

/// What the card behind a device file that gives pictures is called.
pub(super) fn card(path: &Path) -> Option<String> {
    let asked = guarded(|| {
        let about = linuxvideo::Device::open(path)?.capabilities()?;
        let pictures = about.device_capabilities().contains(CapabilityFlags::VIDEO_CAPTURE);
        Ok(pictures.then(|| about.card().trim().to_owned()))
    });
    asked.ok().flatten()
}

/// A camera that is open.
pub(super) struct Opened {
    path: PathBuf,
    device: linuxvideo::Device,
    ready: Option<VideoCaptureDevice>,
}

impl Opened {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let device = guarded(|| linuxvideo::Device::open(path))?;
        Ok(Opened { path: path.to_owned(), device, ready: None })
    }
}

impl Device for Opened {
    fn formats(&self) -> io::Result<Vec<[u8; 4]>> {
        guarded(|| {
            let formats = self.device.formats(BufType::VIDEO_CAPTURE);
            formats.map(|format| Ok(format?.pixel_format().as_fourcc())).collect()
        })
    }

    fn set(&mut self, mode: Mode) -> io::Result<Mode> {
        // A device file is given up to its mode; one that was given before is closed first.
        self.ready = None;
        let device = guarded(|| linuxvideo::Device::open(&self.path))?;
        let format = PixFormat::new(mode.width, mode.height, PixelFormat::from_fourcc(mode.format));
        let ready = guarded(|| device.video_capture(format))?;
        // Cameras that know one rate only say so here; pictures beyond the wish are left out later.
        if let Err(error) = guarded(|| ready.set_frame_interval(Fract::new(1, mode.rate.max(1)))) {
            log::debug!("{}: keeps its rate: {error}", self.path.display());
        }
        let got = ready.format();
        let set = Mode {
            format: got.pixel_format().as_fourcc(),
            width: got.width(),
            height: got.height(),
            stride: got.bytes_per_line(),
            rate: mode.rate,
        };
        self.ready = Some(ready);
        Ok(set)
    }

    fn control(&mut self, name: &str, value: i32) -> io::Result<()> {
        let found = guarded(|| {
            let mut controls = self.device.controls().filter_map(Result::ok);
            Ok(controls.find(|control| plain(control.name()) == name).map(|control| control.id()))
        })?;
        // The list of linuxvideo 0.3.5 begins behind the first control there is, which is this one.
        let first = (name == "brightness").then_some(Cid::BRIGHTNESS);
        let first = first.filter(|id| guarded(|| self.device.read_control_raw(*id)).is_ok());
        let id = found.or(first).ok_or_else(|| io::Error::other("there is no such control"))?;
        guarded(|| self.device.write_control_raw(id, value))
    }

    fn begin(self: Box<Self>) -> io::Result<Box<dyn Frames>> {
        let ready = self.ready.ok_or_else(|| io::Error::other("no format is set"))?;
        let stream = guarded(|| ready.into_stream())?;
        Ok(Box::new(Streaming(stream)))
    }
}

struct Streaming(ReadStream);

impl Frames for Streaming {
    fn next(&mut self, buffer: &mut Vec<u8>, patience: Duration) -> io::Result<Option<bool>> {
        let nanos = i64::from(patience.subsec_nanos());
        let seconds = i64::try_from(patience.as_secs()).unwrap_or(i64::MAX);
        let time = Timespec { tv_sec: seconds, tv_nsec: nanos as _ };
        let mut waiting = [PollFd::new(&self.0, PollFlags::IN)];
        if poll(&mut waiting, Some(&time))? == 0 {
            return Ok(None);
        }
        // Unplugged: the kernel says so at once, and would for ever.
        let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        if waiting.iter().any(|w| w.revents().intersects(gone) && !w.revents().contains(PollFlags::IN)) {
            return Err(io::Error::other("it was unplugged, or its driver stopped"));
        }
        let stream = &mut self.0;
        guarded(|| {
            stream.dequeue(|frame| {
                buffer.clear();
                buffer.extend_from_slice(&frame);
                Ok(Some(!frame.is_error()))
            })
        })
    }
}
