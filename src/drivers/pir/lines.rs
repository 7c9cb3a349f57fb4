//! Lines of sensors by the kernel's character device (uAPI v2): debounced and stamped by the kernel.

use std::io;
use std::time::Duration;

use super::{Edge, Lines};
use crate::drivers::gpio::LineName;
use crate::hal::DeviceError;

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

/// What reads the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The kernel's character device, on any board.
    #[default]
    Gpiocdev,
    /// The package `rppal`, on a Raspberry Pi; retired by its author, and only where it is built in.
    Rppal,
}

/// How sensors are connected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wiring {
    /// What reads them.
    pub by: By,
    /// The lines, all on one chip.
    pub lines: Vec<LineName>,
    /// The resistor.
    pub bias: Bias,
    /// A level must last so long to count; zero: no debounce.
    pub debounce: Duration,
}

/// Lines of sensors, ours until dropped.
pub struct GpioLines {
    #[cfg(target_os = "linux")]
    request: gpiocdev::Request,
    #[cfg(target_os = "linux")]
    offsets: Vec<u32>,
    #[cfg(target_os = "linux")]
    sequence: u32,
    #[cfg(target_os = "linux")]
    names: Vec<String>,
}

/// The clock that the kernel stamps edges with.
#[cfg(target_os = "linux")]
pub(super) fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(target_os = "linux")]
mod linux {
    use gpiocdev::Request;
    use gpiocdev::line::{self, EdgeDetection, EdgeKind};

    use super::*;
    use crate::drivers::gpio::find;

    impl GpioLines {
        /// Takes the lines of `wiring` as inputs.
        pub fn open(wiring: &Wiring) -> Result<GpioLines, DeviceError> {
            let found = wiring.lines.iter().map(find).collect::<Result<Vec<_>, _>>()?;
            let (Some((chip, _)), Some(name)) = (found.first(), wiring.lines.first()) else {
                return Err(no_line());
            };
            if found.iter().any(|(other, _)| other != chip) {
                return Err(name.fault("the sensors' lines are on different chips"));
            }
            let offsets: Vec<u32> = found.iter().map(|(_, offset)| *offset).collect();
            let mut request = Request::builder();
            request.on_chip(chip).with_consumer("trapline");
            let bias = match wiring.bias {
                Bias::None => None,
                Bias::Up => Some(line::Bias::PullUp),
                Bias::Down => Some(line::Bias::PullDown),
            };
            for (name, offset) in wiring.lines.iter().zip(&offsets) {
                request.with_line(*offset).as_input().with_bias(bias);
                if name.active_low {
                    request.as_active_low();
                }
                request.with_edge_detection(EdgeDetection::BothEdges);
                if !wiring.debounce.is_zero() {
                    request.with_debounce_period(wiring.debounce);
                }
            }
            let request = request.request().map_err(|e| name.fault(e.to_string()))?;
            let names = wiring.lines.iter().map(ToString::to_string).collect();
            Ok(GpioLines { request, offsets, sequence: 0, names })
        }
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

        fn name(&self, line: usize) -> String {
            self.names.get(line).cloned().unwrap_or_default()
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl GpioLines {
    /// Only Linux gives lines by name.
    pub fn open(wiring: &Wiring) -> Result<GpioLines, DeviceError> {
        Err(wiring.lines.first().map_or_else(no_line, |name| name.fault("only Linux has GPIO lines")))
    }
}

#[cfg(not(target_os = "linux"))]
impl Lines for GpioLines {
    fn wait(&mut self, _: Duration) -> io::Result<Option<Edge>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn name(&self, _: usize) -> String {
        String::new()
    }
}

pub(super) fn no_line() -> DeviceError {
    let cure = "name its lines in the board profile".to_owned();
    DeviceError { device: "PIR".to_owned(), what: "no line is named".to_owned(), cure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_not_there_is_told_with_its_cure() {
        let lines = vec!["no-such-chip:17".parse().unwrap()];
        let Err(error) = GpioLines::open(&Wiring { lines, ..Wiring::default() }) else { panic!("it opened") };
        assert!(error.device.contains("no-such-chip:17") && error.cure.contains("gpioinfo"), "{error}");
    }
}
