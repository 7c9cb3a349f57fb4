//! Keys of what wakes the machine, and lines of the header that a power board takes.

use super::super::gauges::BatteryDriver;
use super::super::profile::{Power, Wired};
use super::super::raw::{Raw, RawPower};
use super::super::{BoardError, PowerDriver};
use super::Check;
use crate::drivers::battery::{PIJUICE, WITTY};
use crate::drivers::gpio::LineName;
use crate::drivers::rtc_alarm::Rest;

/// Lines that a Witty Pi has on the header (its manual): the one that its button pulls, and SYS_UP with its white LED.
const WITTYS: [&str; 2] = ["4", "17"];

impl Check<'_> {
    /// Who wakes the machine. A clock's name is one of those below /sys/class/rtc.
    pub fn power(&self, raw: &RawPower) -> Result<Power, BoardError> {
        let number = raw.rtc.strip_prefix("rtc").map(|digits| digits.parse::<u8>());
        if !matches!(number, Some(Ok(_))) {
            let allowed = "rtc0, rtc1 … (ls /sys/class/rtc)";
            return Err(self.refused("power.rtc", format!("\"{}\"", raw.rtc), allowed));
        }
        if raw.rest == Rest::Suspend && raw.driver != PowerDriver::Rtc && raw.driver != PowerDriver::None {
            return Err(self.refused(
                "power.rest",
                "suspend",
                "off, for only driver = \"rtc\" wakes from it",
            ));
        }
        let bus = self.bus("power.bus", &raw.bus)?;
        let address = |usual| match raw.address {
            0 => Ok(usual),
            address => self.whole("power.address", address, 0x08..=0x77),
        };
        let wired = |usual| Ok(Wired { bus: bus.clone(), address: address(usual)? });
        match raw.driver {
            PowerDriver::None => Ok(Power::None),
            PowerDriver::Rtc => Ok(Power::Rtc { name: raw.rtc.clone(), rest: raw.rest }),
            PowerDriver::WittyPi => wired(WITTY).map(Power::WittyPi),
            PowerDriver::PiJuice => wired(PIJUICE).map(Power::PiJuice),
            PowerDriver::Outside => Ok(Power::Outside),
            PowerDriver::Bench => Ok(Power::Bench),
        }
    }

    /// Lines that a Witty Pi takes are nobody else's: its white LED would be a motion sensor that fires, and a motion
    /// sensor its sign that the system is up.
    pub fn header(&self, raw: &Raw) -> Result<(), BoardError> {
        if raw.power.driver != PowerDriver::WittyPi && raw.battery.driver != BatteryDriver::Witty {
            return Ok(());
        }
        let one = |key, line: &String| (key, line.clone());
        let mut lines: Vec<(&'static str, String)> =
            raw.pir.lines.iter().map(|line| one("pir.lines", line)).collect();
        lines.extend(raw.light.filter_lines.iter().map(|line| one("light.filter_lines", line)));
        lines.push(one("light.lamp_line", &raw.light.lamp_line));
        lines.push(one("stream.power_line", &raw.stream.power_line));
        lines.push(one("gps.power_line", &raw.gps.power_line));
        let taken = |text: &str| {
            text.parse::<LineName>().is_ok_and(|name| {
                let number = name.line.strip_prefix("GPIO").unwrap_or(&name.line);
                // Chips of a Raspberry Pi's header, or any chip with a line of that name.
                let header = name.chip.as_deref().is_none_or(|chip| chip.starts_with("pinctrl-"));
                header && WITTYS.contains(&number)
            })
        };
        match lines.iter().find(|(_, line)| taken(line)) {
            None => Ok(()),
            Some((key, line)) => {
                let allowed = "any line but GPIO4 and GPIO17, which the Witty Pi takes; for a motion sensor GPIO27 (pin 13)";
                Err(self.refused(key, format!("\"{line}\""), allowed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::super::Profile;
    use super::*;

    fn read(text: &str) -> Result<Power, String> {
        Profile::parse(text, "b.toml").map(|profile| profile.power).map_err(|error| error.to_string())
    }

    #[test]
    fn power_boards_have_a_bus_and_an_address() {
        let wired = |bus: &str, address| Wired { bus: PathBuf::from(bus), address };
        assert_eq!(
            read("[power]\ndriver = \"witty-pi\"").unwrap(),
            Power::WittyPi(wired("/dev/i2c-1", 0x08))
        );
        let moved = "[power]\ndriver = \"pijuice\"\nbus = \"/dev/i2c-3\"\naddress = 21";
        assert_eq!(read(moved).unwrap(), Power::PiJuice(wired("/dev/i2c-3", 21)));
        for (keys, said) in [
            ("driver = \"witty\"", "witty-pi"),
            ("driver = \"pijuice\"\naddress = 3", "power.address"),
            ("driver = \"pijuice\"\nbus = \"1\"", "power.bus"),
            ("driver = \"witty-pi\"\nrest = \"suspend\"", "power.rest"),
            ("driver = \"rtc\"\nrtc = \"0\"", "power.rtc"),
        ] {
            let told = read(&format!("[power]\n{keys}")).unwrap_err();
            assert!(told.contains(said), "{keys}: {told}");
        }
    }

    #[test]
    fn a_sensor_on_a_witty_pis_line_is_refused_with_another() {
        let board = |lines: &str, power: &str| {
            read(&format!("trigger = \"pir\"\ncamera = \"rpicam\"\n[pir]\nlines = [{lines}]\n{power}"))
        };
        let witty = "[power]\ndriver = \"witty-pi\"";
        for (lines, power) in [
            ("\"GPIO17\"", witty),
            ("\"GPIO27\", \"!GPIO4\"", witty),
            ("\"pinctrl-rp1:17\"", witty),
            ("\"GPIO17\"", "[battery]\ndriver = \"witty\""),
            ("\"GPIO27\"", "[power]\ndriver = \"witty-pi\"\n[light]\nlamp_line = \"GPIO17\""),
        ] {
            let told = board(lines, power).unwrap_err();
            assert!(told.contains("GPIO27 (pin 13)"), "{lines}: {told}");
        }
        assert!(board("\"GPIO27\"", witty).is_ok());
        assert!(board("\"other-expander:17\"", witty).is_ok());
        assert!(board("\"GPIO17\"", "[power]\ndriver = \"pijuice\"").is_ok());
    }
}
