//! The boards against registers that behave as their makers' programs say, and against exact bytes on the wire.

use std::sync::{Arc, Mutex};

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, Operation};
use embedded_hal_mock::eh1::delay::NoopDelay;
use embedded_hal_mock::eh1::i2c::{Mock, Transaction};

use super::pijuice::PiJuice;
use super::witty::Witty;
use super::*;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_alarm_by_day_of_the_month_comes_once_in_four_weeks() {
    let now = utc("2027-01-31T23:59:50Z");
    let at = |text: &str| left(now, alarm(utc(text)));
    assert_eq!(at("2027-02-01T00:00:10Z"), Some(seconds(20)));
    // The end of a short month: the alarm of the 27th of February is 27 days off, less some seconds.
    assert_eq!(at("2027-02-27T23:59:49Z"), Some(seconds(27 * 86_400 - 1)));
    assert_eq!(at("2027-02-27T23:59:51Z"), None, "more than 27 days");
    // What lies in the past would be the next month's.
    assert_eq!(at("2027-01-31T23:59:50Z"), None);
    assert_eq!(at("2027-01-31T23:00:00Z"), None);
    for never in [[0, 0, 0, 0], [0, 0, 0, 0x32], [0x60, 0, 0, 1], [0, 0, 0x24, 1], [0x0a, 0, 0, 1], [0xff; 4]]
    {
        assert_eq!(left(now, never), None, "{never:02x?}");
    }
    assert_eq!([bcd(0), bcd(9), bcd(10), bcd(59), bcd(31)], [0, 9, 0x10, 0x59, 0x31]);
    assert_eq!([number(0x59), number(0x0a), number(0xa0)], [Some(59), None, None]);
}

/// A board whose time passes with the driver's pauses.
struct Bench {
    now: DateTime<Utc>,
    registers: [u8; 256],
    /// The clock moves on.
    runs: bool,
    /// Writes to this register are lost.
    deaf: Option<u8>,
    /// Every transfer fails.
    dead: bool,
    written: Vec<u8>,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Bench>>);

impl Shared {
    fn at(now: &str) -> Shared {
        let bench = Bench {
            now: utc(now),
            registers: [0; 256],
            runs: true,
            deaf: None,
            dead: false,
            written: Vec::new(),
        };
        Shared(Arc::new(Mutex::new(bench)))
    }

    fn set(&self, register: u8, byte: u8) {
        self.0.lock().unwrap().registers[usize::from(register)] = byte;
    }

    fn get(&self, register: u8) -> u8 {
        self.0.lock().unwrap().registers[usize::from(register)]
    }

    fn with<T>(&self, with: impl FnOnce(&mut Bench) -> T) -> T {
        with(&mut self.0.lock().unwrap())
    }
}

impl DelayNs for Shared {
    fn delay_ns(&mut self, ns: u32) {
        self.with(|bench| {
            if bench.runs {
                bench.now += TimeDelta::nanoseconds(ns.into());
            }
        });
    }
}

#[derive(Debug)]
struct Dead;

impl embedded_hal::i2c::Error for Dead {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

/// A Witty Pi: single bytes, the clock behind registers 58 to 64, flags that a new alarm clears.
#[derive(Clone)]
struct WittyBus(Shared);

impl ErrorType for WittyBus {
    type Error = Dead;
}

impl I2c for WittyBus {
    fn transaction(&mut self, _: u8, operations: &mut [Operation<'_>]) -> Result<(), Dead> {
        self.0.with(|bench| {
            if bench.dead {
                return Err(Dead);
            }
            let mut register = 0;
            for operation in operations {
                match operation {
                    Operation::Write([at]) => register = *at,
                    Operation::Write([at, byte]) => {
                        bench.written.push(*at);
                        if bench.deaf != Some(*at) {
                            bench.registers[usize::from(*at)] = *byte;
                        }
                        if (27..=31).contains(at) {
                            bench.registers[9] = 0;
                        }
                        if (58..=64).contains(at) {
                            bench.take_clock();
                        }
                    }
                    Operation::Read([byte]) => {
                        bench.show_clock();
                        *byte = bench.registers[usize::from(register)];
                    }
                    // Several registers at once: the microcontroller gives nothing.
                    Operation::Read(bytes) => bytes.fill(0xff),
                    Operation::Write(_) => return Err(Dead),
                }
            }
            Ok(())
        })
    }
}

impl Bench {
    fn show_clock(&mut self) {
        if self.registers[58] & 0x80 != 0 {
            return;
        }
        let now = self.now;
        let year = u32::try_from(now.year() - 2000).unwrap();
        let digits = [now.second(), now.minute(), now.hour(), now.day(), 0, now.month(), year].map(bcd);
        self.registers[58..65].copy_from_slice(&digits);
    }

    fn take_clock(&mut self) {
        let [s, m, h, d, _, mo, y] = <[u8; 7]>::try_from(&self.registers[58..65]).unwrap().map(number);
        let taken = || moment(y?, mo?, d?, (h?, m?, s?));
        if let Some(now) = taken() {
            self.now = now;
        }
    }
}

fn witty(now: &str) -> (Shared, Witty<WittyBus, Shared>) {
    let bench = Shared::at(now);
    for (register, byte) in [(0, 0x26), (7, 1), (19, 255), (21, 70), (22, 255), (11, 1)] {
        bench.set(register, byte);
    }
    let witty = Witty::new(WittyBus(bench.clone()), bench.clone(), 0x08);
    (bench, witty)
}

#[test]
fn a_witty_pi_is_armed_by_its_own_clock_and_cuts_the_power_once_the_system_is_down() {
    let (bench, mut witty) = witty("2026-11-30T22:00:00Z");
    // What the last night left: a cut, and its flags.
    for (register, byte) in [(32, 0x30), (35, 0x01), (39, 1), (40, 1), (54, 0x20)] {
        bench.set(register, byte);
    }
    witty.greet().unwrap();
    assert_eq!([32, 33, 34, 35, 39, 40, 54].map(|register| bench.get(register)), [0; 7]);
    assert_eq!(witty.woken().unwrap(), Woken::Alarm);
    assert_eq!(witty.armed().unwrap(), None);
    let told = witty.arm(seconds(8 * 3600)).unwrap();
    assert!(told.abs_diff(seconds(8 * 3600)) <= seconds(2), "{told:?}");
    // Over the end of the month: the first, six in the morning and a second or two, in decimal digits.
    assert_eq!([bench.get(29), bench.get(30)], [0x06, 0x01]);
    assert!(witty.armed().unwrap().unwrap().abs_diff(seconds(8 * 3600)) <= seconds(2));
    assert_eq!(witty.hand_over().unwrap(), Handed::GoesOff);
    let cut =
        left(bench.with(|bench| bench.now), [32, 33, 34, 35].map(|register| bench.get(register))).unwrap();
    assert!(cut.abs_diff(OFF_AFTER) <= seconds(3), "{cut:?}");
    // The day is written last each time: until then the alarm is none.
    let written = bench.with(|bench| std::mem::take(&mut bench.written));
    let on: Vec<u8> = written.iter().copied().filter(|register| (27..=30).contains(register)).collect();
    assert_eq!(on, [30, 27, 28, 29, 30]);
    witty.disarm().unwrap();
    assert_eq!(witty.armed().unwrap(), None);
}

#[test]
fn no_witty_pi_that_is_not_certain_takes_the_machine_off() {
    type Wrong = (&'static str, fn(&mut Bench));
    let wrongs: [Wrong; 8] = [
        ("it says 0x25", |bench| bench.registers[0] = 0x25),
        ("stands still", |bench| bench.runs = false),
        ("lost the time", |bench| bench.registers[58] = 0x80),
        ("lost the time", |bench| {
            bench.registers[58] = 0x80;
            bench.registers[64] = 0xaa;
        }),
        ("register 28", |bench| bench.deaf = Some(28)),
        ("register 30", |bench| bench.deaf = Some(30)),
        ("11.5 V", |bench| bench.registers[19] = 115),
        ("cannot be read", |bench| bench.dead = true),
    ];
    for (said, wrong) in wrongs {
        let (bench, mut witty) = witty("2026-11-26T22:17:00Z");
        bench.set(30, 0x15);
        bench.with(wrong);
        let told = witty.arm(seconds(3600)).unwrap_err().to_string();
        assert!(told.contains(said), "{said}: {told}");
    }
    for wrong in [Duration::ZERO, LONGEST + seconds(1)] {
        let (_, mut witty) = witty("2026-11-26T22:00:00Z");
        assert!(witty.arm(wrong).unwrap_err().to_string().contains("27 days"));
    }
    // A recovery voltage brings it back.
    let (bench, mut well) = witty("2026-11-26T22:00:00Z");
    bench.set(19, 115);
    bench.set(22, 120);
    well.arm(seconds(3600)).unwrap();
}

#[test]
fn a_witty_pi_hands_over_only_with_time_between_the_cut_and_the_alarm() {
    // Without an alarm, with one that has fired, with one too near: 90 s, 7 s and 30 s are needed.
    for (after, fired, said) in [(0, 0, "is not set"), (3600, 1, "is not set"), (120, 0, "127 s are needed")]
    {
        let (bench, mut witty) = witty("2026-11-26T22:00:00Z");
        if after > 0 {
            witty.arm(seconds(after)).unwrap();
        }
        bench.set(9, fired);
        let told = witty.hand_over().unwrap_err().to_string();
        assert!(told.contains(said), "{after}: {told}");
        assert_eq!([32, 33, 34, 35].map(|register| bench.get(register)), [0; 4], "nothing cuts the power");
    }
    // The cut cannot be set: it is taken back as far as that goes.
    let (bench, mut witty) = witty("2026-11-26T22:00:00Z");
    witty.arm(seconds(3600)).unwrap();
    bench.with(|bench| bench.deaf = Some(33));
    assert!(witty.hand_over().unwrap_err().to_string().contains("register 33"));
    assert_eq!(bench.get(35), 0);
}

#[test]
fn a_witty_pis_time_is_believed_only_where_this_trap_has_set_it() {
    let (bench, mut witty) = witty("2026-11-26T22:00:00Z");
    assert_eq!(witty.time().unwrap(), None, "the maker's tools may have set it to local time");
    bench.set(58, 0x80);
    // Not across the end of a minute.
    for (text, read) in
        [("2027-02-28T23:59:58Z", "2027-03-01T00:00:0"), ("2026-11-26T21:00:07Z", "2026-11-26T21:00:0")]
    {
        bench.with(|bench| bench.registers[58] = 0);
        witty.set_time(utc(text)).unwrap();
        let told = witty.time().unwrap().unwrap().to_rfc3339();
        assert!(told.starts_with(read), "{told}");
    }
    bench.set(58, 0x80);
    assert_eq!(witty.time().unwrap(), None, "it has stood still since");
    let (bench, mut stands) = self::witty("2026-11-26T22:00:00Z");
    bench.with(|bench| bench.deaf = Some(63));
    assert!(stands.set_time(utc("2027-02-28T10:00:00Z")).is_err());
    assert_eq!(stands.time().unwrap(), None);
}

#[test]
fn a_witty_pis_bytes_on_the_wire() {
    let get = |register, byte| Transaction::write_read(0x08, vec![register], vec![byte]);
    let put = |register, byte| Transaction::write(0x08, vec![register, byte]);
    let mut script = vec![get(0, 0x37), put(30, 0), get(30, 0)];
    script.extend((27..=30).flat_map(|register| [put(register, 0), get(register, 0)]));
    // A board that does not answer is told with where to look; another chip is refused.
    script.push(get(0, 0x40));
    script.push(
        get(0, 0x26).with_error(ErrorKind::NoAcknowledge(embedded_hal::i2c::NoAcknowledgeSource::Address)),
    );
    let bus = Mock::new(&script);
    let mut watched = bus.clone();
    let mut witty = Witty::new(bus, NoopDelay::new(), 0x08);
    witty.disarm().unwrap();
    assert!(witty.woken().unwrap_err().to_string().contains("0x40"));
    assert!(witty.armed().unwrap_err().to_string().contains("i2cdetect"));
    witty.release();
    watched.done();
}

/// A PiJuice: commands with their checksum.
#[derive(Clone)]
struct JuiceBus(Shared);

impl ErrorType for JuiceBus {
    type Error = Dead;
}

fn sealed(data: &[u8]) -> Vec<u8> {
    data.iter().copied().chain([data.iter().fold(0xff, |sum, byte| sum ^ byte)]).collect()
}

impl I2c for JuiceBus {
    fn transaction(&mut self, _: u8, operations: &mut [Operation<'_>]) -> Result<(), Dead> {
        self.0.with(|bench| {
            if bench.dead {
                return Err(Dead);
            }
            let mut command = 0;
            for operation in operations {
                match operation {
                    Operation::Write([at]) => command = *at,
                    Operation::Write([at, bytes @ ..]) => {
                        let (data, sum) = bytes.split_at(bytes.len() - 1);
                        assert_eq!(sealed(data).last(), sum.first(), "the checksum of what is written");
                        if bench.deaf != Some(*at) {
                            bench.registers[usize::from(*at)..][..data.len()].copy_from_slice(data);
                        }
                        if *at == 0xb0 {
                            let [s, m, h, _, d, mo, y] = <[u8; 7]>::try_from(&data[..7]).unwrap().map(number);
                            let taken = || moment(y?, mo?, d?, (h?, m?, s?));
                            bench.now = taken().unwrap();
                        }
                    }
                    Operation::Read(bytes) => {
                        let now = bench.now;
                        let year = u32::try_from(now.year() - 2000).unwrap();
                        let time =
                            [now.second(), now.minute(), now.hour(), 1, now.day(), now.month(), year, 0, 0];
                        if command == 0xb0 {
                            bench.registers[0xb0..0xb9].copy_from_slice(&time.map(bcd));
                        }
                        let data = &bench.registers[usize::from(command)..][..bytes.len() - 1];
                        bytes.copy_from_slice(&sealed(data));
                    }
                    Operation::Write([]) => return Err(Dead),
                }
            }
            Ok(())
        })
    }
}

fn juice(now: &str) -> (Shared, PiJuice<JuiceBus, Shared>) {
    let bench = Shared::at(now);
    bench.set(0x62, 0xff);
    let juice = PiJuice::new(JuiceBus(bench.clone()), bench.clone(), 0x14);
    (bench, juice)
}

#[test]
fn a_pijuice_is_armed_by_its_own_clock_and_cuts_the_power() {
    let (bench, mut juice) = juice("2026-12-31T22:00:00Z");
    bench.set(0x62, 12);
    // An alarm of yesterday that has fired, and waking not allowed, as after every start.
    bench.set(0xc3, 1);
    bench.set(0xc2, 0x10);
    juice.greet().unwrap();
    assert_eq!(bench.get(0x62), 0xff, "no cut is left over");
    assert_eq!(juice.armed().unwrap(), None);
    let told = juice.arm(seconds(8 * 3600)).unwrap();
    assert!(told.abs_diff(seconds(8 * 3600)) <= seconds(3), "{told:?}");
    assert_eq!([0xc2, 0xc3].map(|register| bench.get(register)), [0x15, 0], "other bits are left alone");
    assert_eq!([0xbb, 0xbc].map(|register| bench.get(register)), [0x06, 0x01]);
    assert_eq!(juice.hand_over().unwrap(), Handed::GoesOff);
    assert_eq!(bench.get(0x62), 90);
    juice.disarm().unwrap();
    assert_eq!(juice.armed().unwrap(), None);
    assert!(juice.hand_over().unwrap_err().to_string().contains("is not set"));
    juice.set_time(utc("2027-02-28T23:59:59Z")).unwrap();
    assert_eq!(juice.time().unwrap().unwrap().to_rfc3339(), "2027-02-28T23:59:59+00:00");
}

#[test]
fn no_pijuice_that_is_not_certain_takes_the_machine_off() {
    type Wrong = (&'static str, fn(&mut Bench));
    let wrongs: [Wrong; 4] = [
        ("stands still", |bench| bench.runs = false),
        ("the alarm was set", |bench| bench.deaf = Some(0xb9)),
        ("waking was allowed", |bench| bench.deaf = Some(0xc2)),
        ("cannot be read", |bench| bench.dead = true),
    ];
    for (said, wrong) in wrongs {
        let (bench, mut juice) = juice("2026-11-26T22:00:00Z");
        bench.with(wrong);
        let told = juice.arm(seconds(3600)).unwrap_err().to_string();
        assert!(told.contains(said), "{said}: {told}");
    }
    // An alarm too near the cut, and a cut that is not taken up.
    let (bench, mut near) = juice("2026-11-26T22:00:00Z");
    near.arm(seconds(100)).unwrap();
    assert!(near.hand_over().unwrap_err().to_string().contains("cut in 90 s"));
    near.arm(seconds(3600)).unwrap();
    bench.with(|bench| bench.deaf = Some(0x62));
    assert!(near.hand_over().unwrap_err().to_string().contains("it says 255"));
    // Alarms that the maker's tools set are none of ours: every day, by weekday, by hours.
    for (at, byte) in [(0xbc, 0x80), (0xbc, 0x41), (0xbb, 0x80), (0xbd, 0x01)] {
        let (bench, mut juice) = juice("2026-11-26T22:00:00Z");
        juice.arm(seconds(3600)).unwrap();
        bench.set(at, byte);
        assert_eq!(juice.armed().unwrap(), None, "{at:02x}");
    }
}

#[test]
fn a_pijuice_is_believed_with_a_right_checksum_only() {
    let get = |command, bytes: &[u8]| Transaction::write_read(0x14, vec![command], bytes.to_vec());
    // Version 1.6 as 0x16 and variant 0: 0xff ^ 0x16 is 0xe9. Twelve hours: 11 in the evening is 0x71.
    let late = sealed(&[0x05, 0x04, 0x71, 0x04, 0x26, 0x11, 0x26, 0, 0]);
    let script = [
        get(0xfd, &[0x16, 0x00, 0xe9]),
        get(0x62, &[0xff, 0x00]),
        get(0xfd, &[0x16, 0x00, 0xe8]),
        get(0xb0, &late),
    ];
    let bus = Mock::new(&script);
    let mut watched = bus.clone();
    let mut juice = PiJuice::new(bus, NoopDelay::new(), 0x14);
    juice.greet().unwrap();
    assert!(juice.greet().unwrap_err().to_string().contains("0xfd is wrong"));
    assert_eq!(juice.time().unwrap().unwrap().to_rfc3339(), "2026-11-26T23:04:05+00:00");
    juice.release();
    watched.done();
}

#[test]
fn a_board_that_is_not_there_is_opened_anew_each_time() {
    let tries = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&tries);
    let open: Opener = Box::new(move || {
        *counted.lock().unwrap() += 1;
        if *counted.lock().unwrap() < 3 {
            let text = |text: &str| text.to_owned();
            return Err(DeviceError {
                device: text("bus"),
                what: text("is not there"),
                cure: text("plug it in"),
            });
        }
        let (_, juice) = juice("2026-11-26T22:00:00Z");
        Ok(Box::new(juice) as Box<dyn PowerControl>)
    });
    let mut late = Late::new("PiJuice", open);
    assert!(late.greet().is_err() && late.arm(seconds(3600)).is_err());
    late.arm(seconds(3600)).unwrap();
    assert!(late.armed().unwrap().is_some() && late.tells_time());
    assert_eq!(*tries.lock().unwrap(), 3);
}

#[test]
fn a_cut_that_cannot_be_taken_back_is_told() {
    let fault = |what: &str| DeviceError { device: "board".into(), what: what.into(), cure: "look".into() };
    assert_eq!(taken_back(fault("no alarm"), Ok(())).what, "no alarm");
    let told = taken_back(fault("no alarm"), Err(fault("the bus is dead"))).to_string();
    assert!(
        told.contains("no alarm; the cut cannot be taken back and may come within 90 s (the bus is dead)"),
        "{told}"
    );
}
