//! A pin of the computer that is switched: the reset or the power of a modem.

use std::fmt;
use std::io;
use std::str::FromStr;

use crate::drivers::serial::Switch;
use crate::hal::DeviceError;

/// Where a pin is. `GPIO17`: a line of that name on any chip; `gpiochip0:17` or `pinctrl-rp1:17`: a line by its number
/// or name on the chip of that name or label. With `!` in front, low is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineName {
    /// Name or label of the chip; `None`: any.
    pub chip: Option<String>,
    /// Number on its chip, or name.
    pub line: String,
    /// Low is on.
    pub active_low: bool,
}

/// What is no name of a pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no GPIO line; give its name (GPIO17) or chip:number (gpiochip0:17), with ! in front if low is on"
)]
pub struct LineNameError(String);

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

/// A pin that is ours until it is dropped.
pub struct GpioLine {
    #[cfg(target_os = "linux")]
    request: gpiocdev::Request,
}

impl GpioLine {
    /// Takes the pin as an output that is off. `user` is shown by `gpioinfo`.
    pub fn open(name: &LineName, user: &str) -> Result<GpioLine, DeviceError> {
        let error = |what: String| {
            DeviceError {
            device: format!("GPIO line {name}"),
            what,
            cure: "look with gpioinfo for the line's name and for who uses it, and put the user into the group gpio"
                .to_owned(),
        }
        };
        open(name, user).map_err(error)
    }
}

#[cfg(not(target_os = "linux"))]
fn open(_: &LineName, _: &str) -> Result<GpioLine, String> {
    Err("only Linux gives pins by name".to_owned())
}

#[cfg(target_os = "linux")]
fn open(name: &LineName, user: &str) -> Result<GpioLine, String> {
    let text = |error: gpiocdev::Error| error.to_string();
    let (mut seen, mut found) = (0usize, None);
    for path in gpiocdev::chip::chips().map_err(text)? {
        // A chip that may not be opened is somebody else's.
        let Ok(chip) = gpiocdev::Chip::from_path(&path) else { continue };
        seen += 1;
        let ours = match &name.chip {
            None => true,
            Some(wanted) => chip.info().is_ok_and(|info| [info.name, info.label].contains(wanted)),
        };
        let by_number = name.chip.as_ref().and_then(|_| name.line.parse::<u32>().ok());
        let offset = match by_number {
            _ if !ours => None,
            Some(offset) => chip.line_info(offset).ok().map(|info| info.offset),
            None => chip.find_line_info(&name.line).map(|info| info.offset),
        };
        if let Some(offset) = offset {
            found = Some((path, offset));
            break;
        }
    }
    let Some((path, offset)) = found else {
        return Err(format!("there is no such line on the {seen} GPIO chips that can be opened"));
    };
    let mut request = gpiocdev::Request::builder();
    request.on_chip(path).with_consumer(user).with_line(offset);
    if name.active_low {
        request.as_active_low();
    }
    request.as_output(gpiocdev::line::Value::Inactive);
    request.request().map(|request| GpioLine { request }).map_err(text)
}

impl GpioLine {
    #[cfg(target_os = "linux")]
    fn put(&mut self, on: bool) -> io::Result<()> {
        let value = if on { gpiocdev::line::Value::Active } else { gpiocdev::line::Value::Inactive };
        self.request.set_lone_value(value).map(drop).map_err(io::Error::other)
    }

    #[cfg(not(target_os = "linux"))]
    fn put(&mut self, _: bool) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Switch for GpioLine {
    fn on(&mut self) -> io::Result<()> {
        self.put(true)
    }

    fn off(&mut self) -> io::Result<()> {
        self.put(false)
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
        let numbered = line("!gpiochip0:17").unwrap();
        assert_eq!(
            numbered,
            LineName { chip: Some("gpiochip0".into()), line: "17".into(), active_low: true }
        );
        // A label of a Raspberry Pi's firmware expander.
        assert_eq!(line("raspberrypi-exp-gpio:BT_ON").unwrap().line, "BT_ON");
        for text in ["GPIO17", "!gpiochip0:17", "a:b:3"] {
            assert_eq!(line(text).unwrap().to_string(), text);
        }
        for text in ["", "!", "17", "gpiochip0:", ":17", "GPIO 17"] {
            assert!(line(text).unwrap_err().to_string().contains("GPIO17"), "{text}");
        }
    }

    #[test]
    fn a_line_that_is_not_there_is_told_with_its_cure() {
        let name = "no-such-chip:17".parse().unwrap();
        let Err(error) = GpioLine::open(&name, "test") else { panic!("it opened") };
        assert!(error.device.contains("no-such-chip:17") && error.cure.contains("gpioinfo"), "{error}");
    }
}
