//! Keys of the satellite receiver.

use std::path::PathBuf;
use std::time::Duration;

use super::super::raw::RawGps;
use super::super::{BoardError, GpsDriver, GpsWiring};
use super::Check;

/// Speeds that receivers have, bits per second (NMEA 0183: 4800, its high-speed variant: 38400; most modules: 9600).
const SPEEDS: [i64; 6] = [4800, 9600, 19_200, 38_400, 57_600, 115_200];

impl Check<'_> {
    /// The receiver, if there is one; its keys are checked in any case.
    pub fn gps(&self, raw: &RawGps) -> Result<Option<GpsWiring>, BoardError> {
        if !raw.port.starts_with("/dev/") {
            let allowed = "a serial port, as /dev/serial0, /dev/ttyTHS1 or /dev/serial/by-id/…";
            return Err(self.refused("gps.port", format!("\"{}\"", raw.port), allowed));
        }
        if !SPEEDS.contains(&raw.baud) {
            let allowed = SPEEDS.map(|speed| speed.to_string()).join(", ");
            return Err(self.refused("gps.baud", raw.baud, allowed));
        }
        let power = match raw.power_line.as_str() {
            "" => None,
            line => Some(self.line("gps.power_line", line)?),
        };
        let wiring = GpsWiring {
            port: PathBuf::from(&raw.port),
            baud: self.whole("gps.baud", raw.baud, 4800..=115_200)?,
            power,
            decimals: self.whole("gps.decimals", raw.decimals, 0..=6)?,
            every: Duration::from_secs(3600 * self.whole::<u64>("gps.every_h", raw.every_h, 1..=720)?),
            wait: self.seconds("gps.wait_s", raw.wait_s, 10..=900)?,
            again: Duration::from_secs(60 * self.whole::<u64>("gps.again_min", raw.again_min, 1..=1440)?),
        };
        Ok((raw.driver != GpsDriver::None).then_some(wiring))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Profile;

    #[test]
    fn a_receiver_is_read_and_what_cannot_be_is_refused() {
        assert_eq!(Profile::parse("", "b.toml").unwrap().gps, None);
        let text = "[gps]\ndriver = \"nmea\"\npower_line = \"!GPIO22\"\ndecimals = 2\nevery_h = 6";
        let wiring = Profile::parse(text, "b.toml").unwrap().gps.unwrap();
        assert_eq!((wiring.baud, wiring.decimals, wiring.every.as_secs()), (9600, 2, 21_600));
        assert!(wiring.power.unwrap().active_low);
        for (keys, said) in [
            ("driver = \"ublox\"", "none, nmea"),
            ("port = \"serial0\"", "/dev/serial0"),
            ("baud = 1200", "4800, 9600, 19200, 38400, 57600, 115200"),
            ("power_line = \"gpiochip0:3\"", "gps.power_line"),
            ("decimals = 7", "0 to 6"),
            ("every_h = 0", "1 to 720"),
            ("wait_s = 5", "10 to 900"),
            ("again_min = 0", "1 to 1440"),
            ("rate = 1", "again_min"),
        ] {
            let told = Profile::parse(&format!("[gps]\n{keys}"), "b.toml").unwrap_err().to_string();
            assert!(told.contains(said), "{keys}: {told}");
        }
    }
}
