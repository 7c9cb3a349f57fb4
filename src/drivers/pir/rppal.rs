//! Lines of sensors by the package `rppal`, on a Raspberry Pi only: for those who built their trap around it.
//!
//! rppal is retired (its README: unmaintained since 1 July 2025, and no board after the Raspberry Pi 5), so this driver
//! is off by default (feature `rppal`); [`super::GpioLines`] is the one that is kept. It opens the chip's registers
//! (`/dev/gpiomem`), which tells the resistor apart from the kernel's interface; edges come by the kernel's interface all
//! the same, debounced and stamped there.

use std::io;
use std::time::Duration;

use ::rppal::gpio::{Gpio, InputPin, Trigger};

use super::lines::monotonic;
use super::{Bias, Edge, Lines, Wiring};
use crate::drivers::gpio::LineName;
use crate::hal::DeviceError;

/// A line as rppal has it.
struct Line {
    pin: InputPin,
    name: String,
    active_low: bool,
    /// Number of its last edge; rppal numbers those of each line from 1.
    sequence: u32,
}

/// Lines of sensors, ours until dropped.
pub struct RppalLines {
    gpio: Gpio,
    lines: Vec<Line>,
}

impl RppalLines {
    /// Takes the lines of `wiring` as inputs.
    pub fn open(wiring: &Wiring) -> Result<RppalLines, DeviceError> {
        let debounce = (!wiring.debounce.is_zero()).then_some(wiring.debounce);
        let mut gpio = None;
        let mut lines = Vec::new();
        for name in &wiring.lines {
            let number = number(name)
                .ok_or_else(|| name.fault("rppal knows lines by their BCM number only, as in GPIO17"))?;
            let failed = |error: ::rppal::gpio::Error| name.fault(format!("rppal: {error}"));
            let chip = match gpio.take() {
                Some(chip) => chip,
                None => Gpio::new().map_err(failed)?,
            };
            let pin = chip.get(number).map_err(failed)?;
            let mut pin = match wiring.bias {
                Bias::None => pin.into_input(),
                Bias::Up => pin.into_input_pullup(),
                Bias::Down => pin.into_input_pulldown(),
            };
            pin.set_interrupt(Trigger::Both, debounce).map_err(failed)?;
            lines.push(Line { pin, name: name.to_string(), active_low: name.active_low, sequence: 0 });
            gpio = Some(chip);
        }
        let gpio = gpio.ok_or_else(super::lines::no_line)?;
        Ok(RppalLines { gpio, lines })
    }
}

/// The BCM number that a line's name tells: `GPIO17`.
pub fn number(name: &LineName) -> Option<u8> {
    name.line.strip_prefix("GPIO")?.parse().ok().filter(|_| name.chip.is_none())
}

impl Lines for RppalLines {
    fn wait(&mut self, deadline: Duration) -> io::Result<Option<Edge>> {
        let pins: Vec<&InputPin> = self.lines.iter().map(|line| &line.pin).collect();
        let polled = self.gpio.poll_interrupts(&pins, false, Some(deadline)).map_err(io::Error::other)?;
        let Some((number, event)) = polled.map(|(pin, event)| (pin.pin(), event)) else { return Ok(None) };
        let found = self.lines.iter_mut().enumerate().find(|(_, line)| line.pin.pin() == number);
        let Some((place, line)) = found else { return Ok(None) };
        let rises = event.trigger == Trigger::RisingEdge;
        // The kernel drops the oldest edges when nobody reads; every other one would have been a trigger.
        let lost = event.seqno.wrapping_sub(line.sequence).wrapping_sub(1).div_ceil(2);
        line.sequence = event.seqno;
        Ok(Some(Edge {
            line: place,
            active: rises != line.active_low,
            age: monotonic().saturating_sub(event.timestamp),
            lost,
        }))
    }

    fn name(&self, line: usize) -> String {
        self.lines.get(line).map(|line| line.name.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_known_by_their_bcm_number() {
        let of = |text: &str| number(&text.parse::<LineName>().unwrap());
        assert_eq!(
            (of("GPIO17"), of("!GPIO4"), of("pinctrl-rp1:17"), of("PAC.06")),
            (Some(17), Some(4), None, None)
        );
    }

    #[test]
    fn a_machine_that_is_no_raspberry_pi_is_told_and_nothing_panics() {
        let lines = vec!["GPIO17".parse().unwrap()];
        let Err(error) = RppalLines::open(&Wiring { lines, ..Wiring::default() }) else {
            // On a Raspberry Pi it opens.
            return;
        };
        assert!(error.what.starts_with("rppal: "), "{error}");
    }
}
