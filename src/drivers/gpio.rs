//! GPIO lines by the kernel's character device (uAPI v2): how a line is named, how it is found, and lines that are
//! switched. Lines that are listened to are in [`super::pir`].

use std::fmt;
use std::io;
use std::str::FromStr;

use crate::hal::DeviceError;

/// Where a line is. `GPIO17`: a line of that name on any chip; `pinctrl-rp1:17` or `gpiochip0:17`: a line by its number
/// or name on the chip of that label or name. With `!` in front, a low level means on.
///
/// A chip's name ends with a number that has changed between kernels on the same board: see [`LineName::numbered`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineName {
    /// Label or name of the chip; `None`: any.
    pub chip: Option<String>,
    /// Number on its chip, or name.
    pub line: String,
    /// Low is on.
    pub active_low: bool,
}

/// What is no name of a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no GPIO line; give its name (GPIO17) or chip:number (pinctrl-rp1:17), with ! in front if low is on"
)]
pub struct LineNameError(String);

impl LineName {
    /// Names its chip by number (`gpiochip0:17`): good only as long as the kernel counts its chips the same way.
    pub fn numbered(&self) -> bool {
        self.chip.as_deref().and_then(|chip| chip.strip_prefix("gpiochip")).is_some()
    }

    /// The same line, the other way round where `active_low` is set: for the keys that turn all lines of a device.
    pub fn turned(mut self, active_low: bool) -> Self {
        self.active_low ^= active_low;
        self
    }

    /// What is wrong with it, and where a technician looks.
    pub(super) fn fault(&self, what: impl Into<String>) -> DeviceError {
        let cure = "look with gpioinfo for the line's name and for who uses it, and put the user into the group gpio";
        DeviceError { device: format!("GPIO line {self}"), what: what.into(), cure: cure.to_owned() }
    }
}

impl FromStr for LineName {
    type Err = LineNameError;

    fn from_str(text: &str) -> Result<Self, LineNameError> {
        let refused = || LineNameError(text.to_owned());
        let (active_low, place) = text.strip_prefix('!').map_or((false, text), |place| (true, place));
        // Labels of chips may hold colons themselves.
        let (chip, line) =
            place.rsplit_once(':').map_or((None, place), |(chip, line)| (Some(chip.to_owned()), line));
        let number = line.bytes().all(|b| b.is_ascii_digit());
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if !plain(line) || chip.as_deref().is_some_and(|chip| !plain(chip)) || (number && chip.is_none()) {
            return Err(refused());
        }
        Ok(LineName { chip, line: line.to_owned(), active_low })
    }
}

impl fmt::Display for LineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let low = if self.active_low { "!" } else { "" };
        match &self.chip {
            Some(chip) => write!(f, "{low}{chip}:{}", self.line),
            None => write!(f, "{low}{}", self.line),
        }
    }
}

/// Something that is switched: a modem's reset, a camera's power, a lamp.
pub trait Switch: Send {
    /// On, whatever level that is.
    fn on(&mut self) -> io::Result<()>;
    /// Off.
    fn off(&mut self) -> io::Result<()>;
}

/// A line that is switched, ours until it is dropped.
pub struct GpioLine {
    #[cfg(target_os = "linux")]
    request: gpiocdev::Request,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::PathBuf;

    use gpiocdev::line::Value;
    use gpiocdev::{Chip, Request};

    use super::*;

    /// Chip and number of a line.
    pub(in crate::drivers) fn find(name: &LineName) -> Result<(PathBuf, u32), DeviceError> {
        let chips = gpiocdev::chip::chips().map_err(|e| name.fault(format!("no GPIO chips: {e}")))?;
        let mut seen = Vec::new();
        for path in chips {
            // A chip that may not be opened is somebody else's.
            let Ok(chip) = Chip::from_path(&path) else { continue };
            let Ok(info) = chip.info() else { continue };
            let ours = name.chip.as_ref().is_none_or(|wanted| [&info.name, &info.label].contains(&wanted));
            let number = name.line.parse::<u32>().ok().filter(|_| name.chip.is_some());
            let found = match number {
                _ if !ours => None,
                Some(offset) => chip.line_info(offset).ok(),
                None => chip.find_line_info(&name.line),
            };
            if let Some(line) = found {
                return Ok((path, line.offset));
            }
            seen.push(info.label);
        }
        Err(name.fault(format!("there is no such line; chips that can be opened: {}", seen.join(", "))))
    }

    impl GpioLine {
        /// Takes the line as an output that is `on` or off. `user` is shown by `gpioinfo`.
        pub fn open(name: &LineName, user: &str, on: bool) -> Result<GpioLine, DeviceError> {
            let (chip, offset) = find(name)?;
            let mut request = Request::builder();
            request.on_chip(chip).with_consumer(user).with_line(offset);
            if name.active_low {
                request.as_active_low();
            }
            request.as_output(value(on));
            request.request().map(|request| GpioLine { request }).map_err(|e| name.fault(e.to_string()))
        }
    }

    fn value(on: bool) -> Value {
        if on { Value::Active } else { Value::Inactive }
    }

    impl Switch for GpioLine {
        fn on(&mut self) -> io::Result<()> {
            self.request.set_lone_value(value(true)).map(drop).map_err(io::Error::other)
        }

        fn off(&mut self) -> io::Result<()> {
            self.request.set_lone_value(value(false)).map(drop).map_err(io::Error::other)
        }
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::find;

#[cfg(not(target_os = "linux"))]
impl GpioLine {
    /// Only Linux gives lines by name.
    pub fn open(name: &LineName, _: &str, _: bool) -> Result<GpioLine, DeviceError> {
        Err(name.fault("only Linux has GPIO lines"))
    }
}

#[cfg(not(target_os = "linux"))]
impl Switch for GpioLine {
    fn on(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn off(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_lines() {
        let line = |text: &str| text.parse::<LineName>();
        let named = line("GPIO17").unwrap();
        assert_eq!((named.chip.as_deref(), named.line.as_str(), named.active_low), (None, "GPIO17", false));
        let low = LineName { chip: Some("gpiochip0".into()), line: "17".into(), active_low: true };
        assert_eq!(line("!gpiochip0:17").unwrap(), low);
        // A label of a Raspberry Pi's firmware expander, one with colons, a Jetson's line.
        assert_eq!(line("raspberrypi-exp-gpio:BT_ON").unwrap().line, "BT_ON");
        for text in ["GPIO17", "!gpiochip0:17", "a:b:3", "PAC.06", "pinctrl-rp1:17"] {
            assert_eq!(line(text).unwrap().to_string(), text);
        }
        for text in ["", "!", "17", "gpiochip0:", ":17", "GPIO 17"] {
            assert!(line(text).unwrap_err().to_string().contains("GPIO17"), "{text}");
        }
        let numbered = ["gpiochip0:17", "!gpiochip4:GPIO17", "pinctrl-rp1:17", "GPIO17"];
        assert_eq!(numbered.map(|text| line(text).unwrap().numbered()), [true, true, false, false]);
        assert_eq!(named.turned(true).to_string(), "!GPIO17");
        assert_eq!(line("!GPIO17").unwrap().turned(true).to_string(), "GPIO17");
    }

    #[test]
    fn a_line_that_is_not_there_is_told_with_its_cure() {
        let name = "no-such-chip:17".parse().unwrap();
        let Err(error) = GpioLine::open(&name, "test", false) else { panic!("it opened") };
        assert!(error.device.contains("no-such-chip:17") && error.cure.contains("gpioinfo"), "{error}");
    }
}
