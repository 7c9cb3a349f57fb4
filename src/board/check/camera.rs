//! Keys of the cameras.

use std::path::PathBuf;

use super::super::raw::{RawLight, RawStream};
use super::super::{BoardError, CameraDriver, Light, Stream};
use super::Check;
use crate::drivers::light;
use crate::drivers::still;
use crate::drivers::stream::{self, Picture};
use crate::drivers::v4l2::{self, Wanted};

impl Check<'_> {
    pub fn stream(&self, raw: RawStream, camera: CameraDriver) -> Result<Stream, BoardError> {
        let picture = self.picture(&raw, &[])?;
        let device = match camera {
            CameraDriver::V4l2 => Some(self.v4l2(&raw.device, &picture)?),
            _ => None,
        };
        let before = self.before(&raw, camera)?;
        let files = match camera {
            CameraDriver::RpicamStill => Some(self.still_folder(&raw.still_folder)?),
            _ => None,
        };
        let ring: usize = self.whole("stream.ring_mb", raw.ring_mb, 1..=1024)?;
        let options = stream::Options {
            command: self.command(&raw, camera, &[])?,
            warm: raw.warm,
            before,
            settle: self.whole("stream.settle", raw.settle, 0..=1000)?,
            ring: ring << 20,
            start: self.millis("stream.start_ms", raw.start_ms, 100..=120_000)?,
            frame: self.millis("stream.frame_ms", raw.frame_ms, 50..=120_000)?,
            burst: self.millis("stream.burst_ms", raw.burst_ms, 100..=300_000)?,
        };
        let off = self.millis("stream.power_off_ms", raw.power_off_ms, 1..=60_000)?;
        let power = match raw.power_line.as_str() {
            "" => None,
            line => Some((self.line("stream.power_line", line)?.turned(raw.power_active_low), off)),
        };
        let reboots = (
            self.whole("stream.reboots_per_day", raw.reboots_per_day, 0..=24)?,
            self.whole("stream.reboot_after", raw.reboot_after, 1..=1000)?,
            PathBuf::from(raw.reboot_ledger),
        );
        let size = (picture.width, picture.height);
        Ok(Stream { size, rate: picture.rate, options, device, files, power, recover: raw.recover, reboots })
    }

    /// Pictures from before the trigger: of a warm stream.
    fn before(&self, raw: &RawStream, camera: CameraDriver) -> Result<usize, BoardError> {
        let key = "stream.before";
        match (camera, raw.before) {
            (CameraDriver::RpicamStill, Some(given @ 1..)) => {
                Err(self.refused(key, given, "0, for rpicam-still has no picture from before its signal"))
            }
            (CameraDriver::RpicamStill, given) => self.whole(key, given.unwrap_or(0), 0..=0),
            (_, given) => {
                let before = self.whole(key, given.unwrap_or(1), 0..=19)?;
                Ok(if raw.warm { before } else { 0 })
            }
        }
    }

    /// A folder whose pictures' names the program does not cut.
    fn still_folder(&self, folder: &str) -> Result<PathBuf, BoardError> {
        let path = PathBuf::from(folder);
        // %08d is eight digits and no sign.
        let longest = still::pattern(&path).len() + "00000000".len() - "%08d".len();
        let printf = folder.contains('%');
        if !path.is_absolute() || printf || longest > still::NAME_MAX {
            let allowed = "an absolute path without %, short enough for names of 127 bytes, on a tmpfs";
            return Err(self.refused("stream.still_folder", format!("\"{folder}\""), allowed));
        }
        Ok(path)
    }

    /// What is asked of the camera, with `more` behind its extra words.
    fn picture(&self, raw: &RawStream, more: &[String]) -> Result<Picture, BoardError> {
        Ok(Picture {
            width: self.whole("stream.width", raw.width, 64..=16_384)?,
            height: self.whole("stream.height", raw.height, 64..=16_384)?,
            rate: self.whole("stream.rate", raw.rate, 1..=120)?,
            quality: self.whole("stream.quality", raw.quality, 1..=100)?,
            extra: raw.extra.iter().chain(more).cloned().collect(),
        })
    }

    /// The words that the camera is run by: a program and its arguments, or the controls of a device.
    fn command(
        &self,
        raw: &RawStream,
        camera: CameraDriver,
        more: &[String],
    ) -> Result<Vec<String>, BoardError> {
        let picture = self.picture(raw, more)?;
        let program = |usual: &'static str| if raw.program.is_empty() { usual } else { &raw.program };
        Ok(match camera {
            CameraDriver::Rpicam => stream::rpicam(program("rpicam-vid"), &picture),
            CameraDriver::RpicamStill => {
                let folder = self.still_folder(&raw.still_folder)?;
                stream::rpicam_still(program("rpicam-still"), &picture, &still::pattern(&folder))
            }
            CameraDriver::Nvargus => stream::nvargus(program("gst-launch-1.0"), &picture),
            CameraDriver::V4l2 => self.v4l2(&raw.device, &picture)?.controls,
            _ => raw.command.iter().chain(more).cloned().collect(),
        })
    }

    pub fn light(
        &self,
        raw: &RawLight,
        stream: &RawStream,
        camera: CameraDriver,
    ) -> Result<Option<Light>, BoardError> {
        let lamp = match raw.lamp_line.as_str() {
            "" => None,
            line => Some(self.line("light.lamp_line", line)?),
        };
        if raw.filter_lines.len() > 2 {
            let given = format!("{} lines", raw.filter_lines.len());
            return Err(self.refused("light.filter_lines", given, "none, 1 or 2 lines"));
        }
        let lines = raw.filter_lines.iter().map(|line| self.line("light.filter_lines", line));
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        let words = [&raw.day, &raw.dusk, &raw.night];
        let unused = lamp.is_none() && lines.is_empty() && words.iter().all(|words| words.is_empty());
        let day_above: i8 = self.whole("light.day_above_deg", raw.day_above_deg, -20..=40)?;
        let night_below: i8 = self.whole("light.night_below_deg", raw.night_below_deg, -20..=40)?;
        if night_below > day_above {
            return Err(self.refused("light.night_below_deg", night_below, "light.day_above_deg and less"));
        }
        let dark_below: u8 = self.whole("light.dark_below", raw.dark_below, 0..=254)?;
        let bright_above: u8 = self.whole("light.bright_above", raw.bright_above, 1..=255)?;
        if dark_below >= bright_above {
            return Err(self.refused("light.bright_above", bright_above, "more than light.dark_below"));
        }
        let day_lux: u16 = self.whole("light.day_above_lux", raw.day_above_lux, 1..=50_000)?;
        let night_lux: u16 = self.whole("light.night_below_lux", raw.night_below_lux, 1..=50_000)?;
        if night_lux > day_lux {
            return Err(self.refused("light.night_below_lux", night_lux, "light.day_above_lux and less"));
        }
        let [day, dusk, night] = words.map(|words| self.command(stream, camera, words));
        let options = light::Options {
            day_above: day_above.into(),
            night_below: night_below.into(),
            day_above_lux: f32::from(day_lux),
            night_below_lux: f32::from(night_lux),
            words: [day?, dusk?, night?],
            lamp_from: raw.lamp_from,
            settle: self.millis("light.lamp_settle_ms", raw.lamp_settle_ms, 0..=10_000)?,
            most: self.millis("light.lamp_most_ms", raw.lamp_most_ms, 100..=300_000)?,
            dark_below,
            bright_above,
        };
        let pulse = self.millis("light.filter_pulse_ms", raw.filter_pulse_ms, 1..=1000)?;
        if !unused && matches!(camera, CameraDriver::Bench | CameraDriver::Spool) {
            return Err(self.refused(
                "light",
                "given",
                "no key of it, for this camera has no light of its own",
            ));
        }
        Ok((!unused).then_some(Light { options, lamp, filter: (lines, pulse) }))
    }

    fn v4l2(&self, device: &str, picture: &Picture) -> Result<Wanted, BoardError> {
        if v4l2::is_number(device) {
            let allowed = "the camera's name in /dev/v4l/by-id or by-path, or its card's name (v4l2-ctl --list-devices)";
            return Err(self.refused("stream.device", format!("\"{device}\""), allowed));
        }
        for control in &picture.extra {
            if control.split_once('=').is_none_or(|(_, value)| value.trim().parse::<i32>().is_err()) {
                let allowed = "controls as name=number (v4l2-ctl --list-ctrls)";
                return Err(self.refused("stream.extra", format!("\"{control}\""), allowed));
            }
        }
        Ok(Wanted {
            device: device.to_owned(),
            width: picture.width,
            height: picture.height,
            rate: picture.rate,
            quality: picture.quality,
            controls: picture.extra.clone(),
        })
    }
}
