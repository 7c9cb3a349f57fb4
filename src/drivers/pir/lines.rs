//! GPIO lines by the kernel's character device (uAPI v2): found by name or label, debounced and stamped by the kernel.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use super::{Edge, Lines};
use crate::hal::DeviceError;

/// Where a line is: `GPIO17`, a line of that name on any chip; `pinctrl-rp1:17`, a line by its number or name on the
/// chip of that label. Never by the chip's number: that has changed between kernels on the same board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    chip: Option<String>,
    line: String,
}

/// What is no name of a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no GPIO line; allowed: its name (GPIO17), or label:number (pinctrl-rp1:17)")]
pub struct SpotError(String);

impl FromStr for Spot {
    type Err = SpotError;

    fn from_str(text: &str) -> Result<Self, SpotError> {
        // Labels may hold colons themselves.
        let (chip, line) = text.rsplit_once(':').map_or((None, text), |(chip, line)| (Some(chip), line));
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        let number = line.bytes().all(|b| b.is_ascii_digit());
        let numbered_chip = chip.and_then(|c| c.strip_prefix("gpiochip")).is_some();
        if !plain(line) || chip.is_some_and(|c| !plain(c)) || (number && chip.is_none()) || numbered_chip {
            return Err(SpotError(text.to_owned()));
        }
        Ok(Spot { chip: chip.map(str::to_owned), line: line.to_owned() })
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.chip {
            Some(chip) => write!(f, "{chip}:{}", self.line),
            None => f.write_str(&self.line),
        }
    }
}

/// The resistor that holds a line while nobody drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bias {
    /// As the system left it.
    #[default]
    None,
    /// To the supply.
    Up,
    /// To ground.
    Down,
}

/// How sensors are connected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wiring {
    /// The lines, all on one chip.
    pub lines: Vec<Spot>,
    /// A low level means that something moves.
    pub active_low: bool,
    /// The resistor.
    pub bias: Bias,
    /// A level must last so long to count; zero: no debounce.
    pub debounce: Duration,
}

fn fault(spot: &Spot, what: String) -> DeviceError {
    let cure = "gpioinfo lists the lines and who uses them; check the name in the board profile, and that the user is \
                in the group gpio";
    DeviceError { device: format!("GPIO line {spot}"), what, cure: cure.to_owned() }
}

/// Lines of sensors, ours until dropped.
pub struct GpioLines {
    #[cfg(target_os = "linux")]
    request: gpiocdev::Request,
    #[cfg(target_os = "linux")]
    offsets: Vec<u32>,
    #[cfg(target_os = "linux")]
    sequence: u32,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::PathBuf;

    use gpiocdev::line::{self, EdgeDetection, EdgeKind, Value};
    use gpiocdev::{Chip, Request};

    use super::*;

    /// Chip and number of a line.
    fn find(spot: &Spot) -> Result<(PathBuf, u32), DeviceError> {
        let chips = gpiocdev::chip::chips().map_err(|e| fault(spot, format!("no GPIO chips: {e}")))?;
        let mut seen = Vec::new();
        for path in chips {
            // A chip that may not be opened is somebody else's.
            let Ok(chip) = Chip::from_path(&path) else { continue };
            let label = chip.info().map(|info| info.label).unwrap_or_default();
            let number = spot.line.parse::<u32>().ok().filter(|_| spot.chip.is_some());
            let ours = spot.chip.as_ref().is_none_or(|wanted| *wanted == label);
            let found = match number {
                _ if !ours => None,
                Some(offset) => chip.line_info(offset).ok(),
                None => chip.find_line_info(&spot.line),
            };
            if let Some(info) = found {
                return Ok((path, info.offset));
            }
            seen.push(label);
        }
        Err(fault(spot, format!("there is no such line; chips that can be opened: {}", seen.join(", "))))
    }

    impl GpioLines {
        /// Takes the lines of `wiring` as inputs.
        pub fn open(wiring: &Wiring) -> Result<GpioLines, DeviceError> {
            let found = wiring.lines.iter().map(find).collect::<Result<Vec<_>, _>>()?;
            let (Some((chip, _)), Some(spot)) = (found.first(), wiring.lines.first()) else {
                let what = "no line is named".to_owned();
                return Err(fault(&Spot { chip: None, line: String::new() }, what));
            };
            if found.iter().any(|(other, _)| other != chip) {
                return Err(fault(spot, "the sensors' lines are on different chips".to_owned()));
            }
            let offsets: Vec<u32> = found.iter().map(|(_, offset)| *offset).collect();
            let mut request = Request::builder();
            request.on_chip(chip).with_consumer("trapline").with_lines(&offsets).as_input();
            if wiring.active_low {
                request.as_active_low();
            }
            request.with_bias(match wiring.bias {
                Bias::None => None,
                Bias::Up => Some(line::Bias::PullUp),
                Bias::Down => Some(line::Bias::PullDown),
            });
            request.with_edge_detection(EdgeDetection::BothEdges);
            if !wiring.debounce.is_zero() {
                request.with_debounce_period(wiring.debounce);
            }
            let request = request.request().map_err(|e| fault(spot, e.to_string()))?;
            Ok(GpioLines { request, offsets, sequence: 0 })
        }
    }

    /// The clock that the kernel stamps edges with.
    fn monotonic() -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
    }

    impl Lines for GpioLines {
        fn wait(&mut self, deadline: Duration) -> io::Result<Option<Edge>> {
            if !self.request.wait_edge_event(deadline).map_err(io::Error::other)? {
                return Ok(None);
            }
            // Not `read_edge_event`: built for one version of the interface, as here, gpiocdev 0.8.0 reads up to
            // eight edges there and gives the first.
            let mut edge = vec![0; self.request.edge_event_u64_size()];
            let read = self.request.read_edge_events_into_slice(&mut edge).map_err(io::Error::other)?;
            let edge = edge.get(..read).unwrap_or_default();
            let event = self.request.edge_event_from_slice(edge).map_err(io::Error::other)?;
            // The kernel drops the oldest edges when nobody reads; every other one would have been a trigger.
            let lost = event.seqno.wrapping_sub(self.sequence).wrapping_sub(1).div_ceil(2);
            self.sequence = event.seqno;
            let line = self.offsets.iter().position(|offset| *offset == event.offset);
            let stamp = Duration::from_nanos(event.timestamp_ns);
            Ok(Some(Edge {
                line: line.unwrap_or(usize::MAX),
                active: event.kind == EdgeKind::Rising,
                age: monotonic().saturating_sub(stamp),
                lost,
            }))
        }
    }

    /// Takes a line as an output that is active, and gives the switch for it.
    pub fn output(
        spot: &Spot,
        active_low: bool,
    ) -> Result<Box<dyn FnMut(bool) -> io::Result<()> + Send>, DeviceError> {
        let (chip, offset) = find(spot)?;
        let mut request = Request::builder();
        request.on_chip(chip).with_consumer("trapline").with_line(offset);
        if active_low {
            request.as_active_low();
        }
        request.as_output(Value::Active);
        let request = request.request().map_err(|e| fault(spot, e.to_string()))?;
        Ok(Box::new(move |on| {
            let value = if on { Value::Active } else { Value::Inactive };
            request.set_lone_value(value).map(drop).map_err(io::Error::other)
        }))
    }
}

#[cfg(target_os = "linux")]
pub use linux::output;

#[cfg(not(target_os = "linux"))]
impl GpioLines {
    /// Only Linux gives lines by name.
    pub fn open(wiring: &Wiring) -> Result<GpioLines, DeviceError> {
        let none = Spot { chip: None, line: String::new() };
        Err(fault(wiring.lines.first().unwrap_or(&none), "only Linux has GPIO lines".to_owned()))
    }
}

#[cfg(not(target_os = "linux"))]
impl Lines for GpioLines {
    fn wait(&mut self, _: Duration) -> io::Result<Option<Edge>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Only Linux gives lines by name.
#[cfg(not(target_os = "linux"))]
pub fn output(spot: &Spot, _: bool) -> Result<Box<dyn FnMut(bool) -> io::Result<()> + Send>, DeviceError> {
    Err(fault(spot, "only Linux has GPIO lines".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_by_name_or_label_and_never_by_a_chips_number() {
        for text in ["GPIO17", "pinctrl-rp1:17", "raspberrypi-exp-gpio:BT_ON", "a:b:3", "PAC.06"] {
            assert_eq!(text.parse::<Spot>().unwrap().to_string(), text);
        }
        for text in ["", "17", "gpiochip0:17", "gpiochip4:GPIO17", "a:", ":3", "GPIO 17"] {
            assert!(text.parse::<Spot>().unwrap_err().to_string().contains("pinctrl-rp1:17"), "{text}");
        }
    }

    #[test]
    fn a_line_that_is_not_there_is_told_with_its_cure() {
        let lines = vec!["no-such-chip:17".parse().unwrap()];
        let Err(error) = GpioLines::open(&Wiring { lines, ..Wiring::default() }) else { panic!("it opened") };
        assert!(error.device.contains("no-such-chip:17") && error.cure.contains("gpioinfo"), "{error}");
    }
}
