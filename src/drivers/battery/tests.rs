//! Battery gauges on a scripted bus and in a folder of the kernel's files.

use std::fs;

use embedded_hal_mock::eh1::delay::NoopDelay;
use embedded_hal_mock::eh1::i2c::{Mock, Transaction};

use super::*;
use crate::hal::{Battery, Charge, DeviceError};

const INA: u8 = 0x40;

fn word(register: u8, value: u16) -> Transaction {
    Transaction::write_read(INA, vec![register], value.to_be_bytes().to_vec())
}

fn put(register: u8, value: u16) -> Transaction {
    let [high, low] = value.to_be_bytes();
    Transaction::write(INA, vec![register, high, low])
}

fn told(millivolts: u16, milliamps: i32) -> Charge {
    Charge { millivolts: Some(millivolts), milliamps: Some(milliamps), percent: None }
}

fn shunt(milliohms: u16, reversed: bool) -> Shunt {
    Shunt { milliohms, reversed }
}

/// Opens an INA, reads it once and sees that all of the script was played.
fn ina(kind: Kind, shunt: Shunt, script: Vec<Transaction>) -> Result<Charge, DeviceError> {
    let bus = Mock::new(&script);
    let (mut watched, result) = (bus.clone(), Ina::new(bus, NoopDelay, INA, kind, shunt));
    let result = result.and_then(|mut ina| {
        let read = ina.read();
        ina.release();
        read
    });
    watched.done();
    result
}

fn opens_219() -> Vec<Transaction> {
    vec![put(0, 0x8000), word(0, 0x399f), put(0, 0x3fff), word(0, 0x3fff)]
}

fn opens_226() -> Vec<Transaction> {
    let ids = [word(0xfe, 0x5449), word(0xff, 0x2260)];
    [&ids[..], &[put(0, 0x8000), word(0, 0x4127), put(0, 0x4727), word(0, 0x4727)]].concat()
}

// The worked examples of both data sheets (SBOS448G table 8, SBOS547A table 5): 10 A over 2 mohm from a 12 V supply,
// with 20 mV over the shunt (07D0h, 1F40h) and 11.98 V behind it (5D98h, 2570h). In the INA219's bus register bit 1
// says that a conversion has ended.
#[test]
fn the_worked_examples_of_the_data_sheets() {
    let mut script = opens_219();
    script.extend([word(0, 0x3fff), word(2, 0x5d98 | 2), word(1, 0x07d0), word(3, 0)]);
    assert_eq!(ina(Kind::Ina219, shunt(2, false), script.clone()).unwrap(), told(12_000, 10_000));
    assert_eq!(ina(Kind::Ina219, shunt(2, true), script).unwrap(), told(11_980, -10_000));
    let mut script = opens_226();
    script.extend([word(0, 0x4727), word(6, 8), word(2, 0x2570), word(1, 0x1f40)]);
    assert_eq!(ina(Kind::Ina226, shunt(2, false), script).unwrap(), told(11_980, 10_000));
}

#[test]
fn a_current_into_the_battery_is_negative_and_one_beyond_the_scale_unknown() {
    // -8000 and -32768 steps of 2.5 uV over 100 mohm: -200 mA, and the end of the scale.
    for (raw, milliamps) in [(0xe0c0, Some(-200)), (0x8000, None), (0x7fff, None)] {
        let mut script = opens_226();
        script.extend([word(0, 0x4727), word(6, 8), word(2, 0x2570), word(1, raw)]);
        assert_eq!(ina(Kind::Ina226, shunt(100, false), script).unwrap().milliamps, milliamps);
    }
}

#[test]
fn another_chip_is_refused() {
    let refused = |kind, script| ina(kind, shunt(100, false), script).unwrap_err().to_string();
    let said = refused(Kind::Ina226, vec![word(0xfe, 0x5449), word(0xff, 0x2270)]);
    assert!(said.contains("0x5449 0x2270") && said.contains("i2cdetect"), "{said}");
    // An INA226 where an INA219 is looked for; something that is no register file at all.
    let said = refused(Kind::Ina219, vec![put(0, 0x8000), word(0, 0x4127)]);
    assert!(said.contains("this is an INA226"), "{said}");
    let said = refused(Kind::Ina219, vec![put(0, 0x8000), word(0, 0x399f), put(0, 0x3fff), word(0, 0x399f)]);
    assert!(said.contains("another chip"), "{said}");
}

#[test]
fn a_chip_that_lost_its_supply_is_set_again_and_one_that_stands_still_is_not_believed() {
    let mut script = opens_219();
    script.extend([word(0, 0x399f), put(0, 0x3fff), word(0, 0x3fff)]);
    script.extend([word(2, 0x1f40), word(2, 0x1f42), word(1, 100), word(3, 0)]);
    // 1000 steps of 4 mV; 100 of 10 uV over 100 mohm are 10 mA.
    assert_eq!(ina(Kind::Ina219, shunt(100, false), script).unwrap(), told(4001, 10));
    let mut script = opens_226();
    script.push(word(0, 0x4727));
    script.extend(vec![word(6, 0); 30]);
    let said = ina(Kind::Ina226, shunt(100, false), script).unwrap_err().to_string();
    assert!(said.contains("measures nothing new"), "{said}");
}

#[test]
fn a_bus_that_fails_is_a_fault_and_no_value() {
    use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
    let silent = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
    let script = vec![put(0, 0x8000).with_error(silent)];
    let said = ina(Kind::Ina219, shunt(100, false), script).unwrap_err().to_string();
    assert!(said.starts_with("INA219 at 0x40: register 0x00 cannot be written"), "{said}");
}

fn witty(id: u8, script: &[(u8, u8)]) -> Result<Charge, DeviceError> {
    let byte = |(register, value): &(u8, u8)| Transaction::write_read(0x08, vec![*register], vec![*value]);
    let script: Vec<_> = [(0, id)].iter().chain(script).map(byte).collect();
    let bus = Mock::new(&script);
    let (mut watched, witty) = (bus.clone(), Witty::new(bus, 0x08));
    let result = witty.and_then(|mut witty| {
        let read = witty.read();
        witty.release();
        read
    });
    watched.done();
    result
}

#[test]
fn a_witty_pi_tells_its_input_and_computes_the_current() {
    // 12.34 V in, 5.06 V and 0.61 A out: 3.0866 W, that is 250 mA at the input.
    let script = [(7, 1), (1, 12), (2, 34), (3, 5), (4, 6), (5, 0), (6, 61)];
    assert_eq!(witty(0x26, &script).unwrap(), told(12_340, 250));
    // The one with a cell of its own tells it whatever feeds it.
    let script = [(1, 3), (2, 80), (3, 5), (4, 0), (5, 0), (6, 50)];
    assert_eq!(witty(0x37, &script).unwrap().millivolts, Some(3800));
}

#[test]
fn a_witty_pi_that_does_not_see_the_battery_says_so() {
    let said = |id, script: &[(u8, u8)]| witty(id, script).unwrap_err().to_string();
    assert!(said(0x27, &[]).contains("it says 0x27"));
    assert!(said(0x26, &[(7, 0)]).contains("USB socket"));
    assert!(said(0x26, &[(7, 1), (1, 12), (2, 255)]).contains("255 hundredths"));
    assert!(said(0x26, &[(7, 1), (1, 0), (2, 0), (3, 5), (4, 0), (5, 0), (6, 9)]).contains("0 V"));
}

/// Data with its checksum as the maker's pijuice.py computes it: 0xff and every byte, exclusive or.
fn juice(command: u8, bytes: &[u8]) -> Transaction {
    Transaction::write_read(0x14, vec![command], bytes.to_vec())
}

fn pijuice(script: Vec<Transaction>) -> Result<Charge, DeviceError> {
    let bus = Mock::new(&script);
    let (mut watched, opened) = (bus.clone(), PiJuice::new(bus, 0x14));
    let result = opened.and_then(|mut juice| {
        let read = juice.read();
        juice.release();
        read
    });
    watched.done();
    result
}

#[test]
fn a_pijuice_is_believed_with_a_right_checksum_only() {
    // 57 %: 0xff ^ 0x39 = 0xc6. 3812 mV is e4 0e: 0xff ^ 0xe4 ^ 0x0e = 0x15. 420 mA is a4 01: 0x5a. Status 0: 0xff.
    let rest =
        [juice(0x41, &[0x39, 0xc6]), juice(0x49, &[0xe4, 0x0e, 0x15]), juice(0x4b, &[0xa4, 0x01, 0x5a])];
    let script = |status: [u8; 2]| {
        let status = juice(0x40, &status);
        [&[status.clone(), status], &rest[..]].concat()
    };
    let charge = pijuice(script([0x00, 0xff])).unwrap();
    assert_eq!(charge, Charge { percent: Some(57), ..told(3812, 420) });
    // Bits 3 and 2 are 01: charging from its own input.
    assert_eq!(pijuice(script([0x04, 0xfb])).unwrap().milliamps, Some(-420));
    let absent = vec![juice(0x40, &[0x0c, 0xf3]), juice(0x40, &[0x0c, 0xf3])];
    assert!(pijuice(absent).unwrap_err().to_string().contains("no battery"));
    let said = pijuice(vec![juice(0x40, &[0x00, 0x00])]).unwrap_err().to_string();
    assert!(said.contains("checksum of its answer to 0x40"), "{said}");
    let flipped = vec![juice(0x40, &[0, 0xff]), juice(0x40, &[0, 0xff]), juice(0x41, &[0x38, 0xc6])];
    assert!(pijuice(flipped).unwrap_err().to_string().contains("0x41"));
}

#[test]
fn the_kernels_supplies_and_monitors_are_found_by_name() {
    let root = tempfile::tempdir().unwrap();
    let put = |file: &str, text: &str| {
        let path = root.path().join("class").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    };
    let supply = |name: &str| Supply::new(root.path(), name).read();
    assert!(supply("").unwrap_err().to_string().contains("ls /sys/class/power_supply"));
    put("power_supply/ac/type", "Mains");
    put("power_supply/hid-mouse/type", "Battery");
    put("power_supply/hid-mouse/scope", "Device");
    put("power_supply/hid-mouse/capacity", "3");
    assert!(!Supply::new(root.path(), "").exists(), "a mouse does not feed the trap");
    put("power_supply/max17040/type", "Battery");
    assert!(supply("").unwrap_err().to_string().contains("neither voltage nor charge"));
    put("power_supply/max17040/voltage_now", "3812500");
    put("power_supply/max17040/current_now", "-420000");
    put("power_supply/max17040/capacity", "101");
    assert_eq!(supply("").unwrap(), told(3812, 420));
    put("power_supply/max17040/status", "Charging");
    put("power_supply/max17040/capacity", "41");
    assert_eq!(supply("max17040").unwrap(), Charge { percent: Some(41), ..told(3812, -420) });
    put("power_supply/max17040/present", "0");
    assert!(supply("").unwrap_err().to_string().contains("not there"));

    put("hwmon/hwmon0/name", "cpu_thermal");
    put("hwmon/hwmon3/name", "ina226");
    put("hwmon/hwmon3/in1_input", "12810");
    let hwmon = |name: &str, input| Hwmon::new(root.path(), name, input, 1).read();
    assert_eq!(hwmon("ina226", 1).unwrap(), Charge { milliamps: None, ..told(12_810, 0) });
    put("hwmon/hwmon3/curr1_input", "-350");
    assert_eq!(hwmon("ina226", 1).unwrap(), told(12_810, -350));
    assert!(hwmon("ina226", 0).unwrap_err().to_string().contains("is no voltage"));
    assert!(hwmon("ina219", 1).unwrap_err().to_string().contains("no such chip"));
}

#[test]
fn curves_rise_and_go_through_their_sources_points() {
    for chemistry in Chemistry::ALL {
        assert_eq!(Chemistry::parse(chemistry.as_str()), Some(chemistry));
        let name = serde_json::to_value(chemistry).unwrap();
        assert_eq!(name, chemistry.as_str());
        let all: Vec<u8> = (0..=5000).map(|mv| chemistry.percent(mv)).collect();
        assert!(all.is_sorted() && all[0] == 0 && all[5000] == 100, "{chemistry:?}");
        for percent in 0..=100 {
            let back = chemistry.percent(chemistry.millivolts(percent));
            // Where a step of a millivolt is more than a percent, it is the next that can be had.
            assert!(back >= percent && back <= percent + 2, "{chemistry:?} {percent} {back}");
        }
    }
    // candlepowerforums.com thread 167673, good above 3.8 V:
    // 100 (0.1966 + sqrt(0.0387 - 1.4523 (3.7835 - V))).
    for mv in (3800..=4200).step_by(50) {
        let volts = f64::from(mv) / 1000.0;
        let formula = 100.0 * (0.1966 + (0.0387 - 1.4523 * (3.7835 - volts)).sqrt());
        assert!((f64::from(Chemistry::LiIon.percent(mv)) - formula).abs() < 3.5, "{mv} {formula}");
    }
    // Trojan's table for six cells.
    for (mv, percent) in [(12_730, 100), (12_500, 80), (12_240, 60), (12_100, 50), (11_960, 40), (11_660, 20)]
    {
        let found = Chemistry::Lead.percent(mv / 6);
        assert!(found.abs_diff(percent) <= 2, "{mv} {found}");
    }
    // voltagebasics.com's table.
    let lifepo4 = [3400, 3300, 3200, 2500].map(|mv| Chemistry::LiFePo4.percent(mv));
    assert_eq!(lifepo4, [100, 50, 20, 0]);
}

struct Told(Charge);

impl Battery for Told {
    fn read(&mut self) -> Result<Charge, DeviceError> {
        Ok(self.0)
    }
}

#[test]
fn a_reading_under_load_is_told_apart_and_one_that_cannot_be_is_no_charge() {
    let lead = |charge| Pack::new(Told(charge), Some((Chemistry::Lead, 6)), 50).read();
    // 12.1 V at rest is half full; 1 A over 50 mohm a cell sags it by 0.3 V, and is added again.
    assert_eq!(lead(told(12_102, 0)).unwrap().percent, Some(50));
    assert_eq!(lead(told(11_802, 1000)).unwrap().percent, Some(50));
    // In the sun the panel lifts it, by too much to say anything; so does a burst pull it down.
    assert_eq!(lead(told(14_400, -3000)).unwrap().percent, None);
    assert_eq!(lead(told(11_000, 3000)).unwrap(), told(11_000, 3000));
    // A wire that is off, another number of cells: neither full nor empty.
    for mv in [0, 800, 6100, 24_500] {
        let said = lead(told(mv, 0)).unwrap_err().to_string();
        assert!(said.contains("6 lead cells") && said.contains("check the gauge's wires"), "{said}");
    }
    // What the gauge itself knows goes first; without chemistry there is a voltage only.
    let counted = Charge { percent: Some(81), ..told(12_102, 0) };
    assert_eq!(lead(counted).unwrap().percent, Some(81));
    assert_eq!(Pack::new(Told(told(12_102, 0)), None, 0).read().unwrap(), told(12_102, 0));
    let strange = Charge { percent: Some(140), ..told(12_102, 0) };
    assert_eq!(Pack::new(Told(strange), None, 0).read().unwrap().percent, None);
}
