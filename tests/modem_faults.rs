//! A modem that works, and something that happens to it at every single word of the dialogue: the driver never hangs
//! past its deadline, never believes what was not said, and sends when the modem is well again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod modem_support;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use modem_support::scripts::{E5_JOINED, RUI3, iridium, rak4270, rn2483, rui3, sim7080, wio_e5};
use modem_support::{Modem, Script, Twist, bound, lines, twisted};
use trapline::drivers::gpio::Switch;
use trapline::drivers::iridium::{self as sbd, Iridium};
use trapline::drivers::lorawan::rak3172::Rak3172;
use trapline::drivers::lorawan::rak4270::Rak4270;
use trapline::drivers::lorawan::rn2483::Rn2483;
use trapline::drivers::lorawan::wio_e5::WioE5;
use trapline::drivers::lorawan::{Dialogue, Key, Limits, LoraWan, Options, Region};
use trapline::drivers::serial::Ladder;
use trapline::drivers::serial::uart::Uart;
use trapline::drivers::sim7080::{self as sim, Sim7080};
use trapline::hal::{Parcel, Receipt, Subject, Uplink, UplinkError};

/// For one call of the driver.
const DEADLINE: Duration = Duration::from_secs(2);

/// For one answer of the modem.
const ANSWER: Duration = Duration::from_millis(120);

fn parcel() -> Parcel {
    let (name, body) = ("deadbeef-1".to_owned(), b"{\"a\":1}".to_vec());
    Parcel { subject: Subject::Event, name, body, port: 1, confirm: true }
}

fn lorawan<D: Dialogue + Default + 'static>(path: &str, ladder: Ladder) -> Box<dyn Uplink> {
    let ms = Duration::from_millis;
    let options = Options {
        name: "lora".to_owned(),
        region: Region::Eu868,
        sub_band: None,
        dev_eui: [1; 8],
        join_eui: [1; 8],
        app_key: Key([0xab; 16]),
        adr: false,
        data_rate: Some(5),
        attempts: 1,
        max_payload: Arc::new(|_| 51),
        limits: Limits {
            answer: ANSWER,
            quiet: ms(15),
            join: ms(300),
            // A failed join is tried again after 100 ms.
            join_airtime: ms(1),
            windows: ms(10),
            busy: ms(10),
        },
    };
    Box::new(LoraWan::new(Box::new(Uart::open(path, D::BAUD).unwrap()), D::default(), options, ladder))
}

fn satellite(path: &str, ladder: Ladder) -> Box<dyn Uplink> {
    let retry = Duration::from_millis(10);
    let options = sbd::Options { answer: ANSWER, session: ANSWER, retry, ..sbd::Options::default() };
    Box::new(Iridium::new(Box::new(Uart::open(path, Iridium::BAUD).unwrap()), options, ladder))
}

fn cellular(path: &str, ladder: Ladder) -> Box<dyn Uplink> {
    let text = str::to_owned;
    let options = sim::Options {
        name: text("sim"),
        apn: text("iot.example"),
        host: text("broker.example"),
        port: 1883,
        login: None,
        prefix: text("traps"),
        site: text("ridge"),
        device: text("t7"),
        max_body: 512,
        answer: ANSWER,
        connect: ANSWER,
    };
    Box::new(Sim7080::new(Box::new(Uart::open(path, Sim7080::BAUD).unwrap()), options, ladder))
}

type Driver = fn(&str, Ladder) -> Box<dyn Uplink>;
type Make = fn() -> Script;

/// Every modem with its driver, and what it says when it is switched on.
fn modems() -> Vec<(&'static str, Driver, &'static str, Make)> {
    vec![
        ("RAK3172", lorawan::<Rak3172>, "\r\nRAKwireless RAK3172-E\r\nLoRaWAN.\r\n", || {
            let sent = "\r\nOK\r\n+EVT:SEND_CONFIRMED_OK\r\n";
            lines(b'\n', rui3(Arc::new(Mutex::new(modem_support::scripts::Rui3 { sent, ..RUI3 }))))
        }),
        ("Wio-E5", lorawan::<WioE5>, "\r\n+VER: 4.0.11\r\n", || {
            lines(b'\n', wio_e5("$Start\r\n$Wait ACK\r\n$ACK Received\r\n$Done", E5_JOINED))
        }),
        (
            "RAK4270",
            lorawan::<Rak4270>,
            "\r\nLoRa (R) is a registered trademark\r\nWelcome to RAK4270\r\n",
            || lines(b'\n', rak4270("OK\r\nat+recv=0,-105,-12,0", "OK Join Success")),
        ),
        ("RN2483", lorawan::<Rn2483>, "RN2483 1.0.5 Oct 31 2018 15:06:52\r\n", || {
            lines(b'\n', rn2483("ok\r\nmac_tx_ok", "accepted"))
        }),
        ("Iridium 9602", satellite, "\0\r\n", || iridium("0, 23, 0, 0, 0, 0", 4)),
        ("SIM7080", cellular, "\r\nRDY\r\n+CFUN: 1\r\nSMS Ready\r\n", || {
            sim7080("\r\nOK\r\n", Arc::default())
        }),
    ]
}

/// Tries until it is delivered, as the sender does; gives the tries, or `None` after 12.
fn deliver(uplink: &mut dyn Uplink, what: &str) -> Option<usize> {
    let mut timed = |call: &mut dyn FnMut(&mut dyn Uplink) -> Result<bool, UplinkError>| {
        let begun = Instant::now();
        let answer = call(uplink);
        assert!(begun.elapsed() < bound(DEADLINE), "{what}: a call took {:?}", begun.elapsed());
        answer
    };
    for n in 1..=12 {
        let ready = timed(&mut |uplink| uplink.ready(DEADLINE).map(|_| true));
        let sent = match ready {
            Ok(_) => timed(&mut |u| u.send(&parcel(), DEADLINE).map(|receipt| receipt == Receipt::Delivered)),
            Err(error) => Err(error),
        };
        match sent {
            Ok(true) => return Some(n),
            Ok(false) => panic!("{what}: a confirmed parcel was only passed"),
            Err(UplinkError::Wait(pause)) => std::thread::sleep(pause.min(Duration::from_millis(200))),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    None
}

/// How many words a modem hears until it has sent, from power-up.
fn words(driver: Driver, make: Make) -> usize {
    let heard = Arc::new(AtomicUsize::new(0));
    let (counted, mut script) = (heard.clone(), make());
    let modem = Modem::bytes(Box::new(move |bytes| {
        let word = bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        counted.fetch_add(usize::from(word), Ordering::Relaxed);
        script(bytes)
    }));
    deliver(&mut *driver(&modem.path, Ladder::bare()), "undisturbed").expect("it sends");
    heard.load(Ordering::Relaxed)
}

#[test]
fn every_modem_is_understood_through_echo_noise_and_answers_in_pieces() {
    for (name, driver, hello, make) in modems() {
        for twist in [Twist::Echo, Twist::Pieces, Twist::Noise] {
            // The satellite modem echoes by itself and speaks bytes: noise in them is damage.
            if name.starts_with("Iridium") && twist != Twist::Pieces {
                continue;
            }
            let modem = Modem::bytes(twisted(twist, hello, make));
            let what = format!("{name}, {twist:?}");
            let tries = deliver(&mut *driver(&modem.path, Ladder::bare()), &what);
            assert!(tries.is_some_and(|tries| tries <= 4), "{what}: {tries:?} tries");
        }
    }
}

/// Something at each word of the dialogue in turn, for one modem.
fn at_every_word(name: &str) {
    let (_, driver, hello, make) = modems().into_iter().find(|modem| modem.0 == name).unwrap();
    let words = words(driver, make);
    assert!(words > 5, "{name}: {words} words");
    std::thread::scope(|scope| {
        for twist in [Twist::Silence, Twist::Half, Twist::Garbage, Twist::Baud, Twist::Reboot] {
            scope.spawn(move || {
                for word in 1..=words {
                    let twist = twist(word);
                    let modem = Modem::bytes(twisted(twist, hello, make));
                    let what = format!("{name}, {twist:?} of {words}");
                    let tries = deliver(&mut *driver(&modem.path, Ladder::bare()), &what);
                    assert!(tries.is_some(), "{what}: never sent");
                }
            });
        }
    });
}

#[test]
fn rak3172_recovers_from_a_fault_at_every_word() {
    at_every_word("RAK3172");
}

#[test]
fn wio_e5_recovers_from_a_fault_at_every_word() {
    at_every_word("Wio-E5");
}

#[test]
fn rak4270_recovers_from_a_fault_at_every_word() {
    at_every_word("RAK4270");
}

#[test]
fn rn2483_recovers_from_a_fault_at_every_word() {
    at_every_word("RN2483");
}

#[test]
fn a_satellite_modem_recovers_from_a_fault_at_every_word() {
    at_every_word("Iridium 9602");
}

#[test]
fn sim7080_recovers_from_a_fault_at_every_word() {
    at_every_word("SIM7080");
}

/// A pin that revives a modem when it lets go.
struct Pin {
    name: &'static str,
    pulses: Arc<Mutex<Vec<String>>>,
    revives: Option<Arc<AtomicBool>>,
}

impl Switch for Pin {
    fn on(&mut self) -> io::Result<()> {
        self.pulses.lock().unwrap().push(format!("{} on", self.name));
        Ok(())
    }
    fn off(&mut self) -> io::Result<()> {
        self.pulses.lock().unwrap().push(format!("{} off", self.name));
        if let Some(alive) = &self.revives {
            alive.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[test]
fn a_modem_that_hangs_is_brought_back_by_reset_or_power_and_only_so_often() {
    for (name, driver, _, make) in modems() {
        let (alive, pulses) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let pin = |name, revives: Option<&Arc<AtomicBool>>| {
            let (pulses, revives) = (pulses.clone(), revives.cloned());
            Some(Box::new(Pin { name, pulses, revives }) as Box<dyn Switch>)
        };
        // Only power helps; three pulses a day are allowed.
        let ladder = Ladder::new(pin("reset", None), pin("power", Some(&alive)), 3, Duration::from_millis(1));
        let (living, mut script) = (alive.clone(), None::<Script>);
        let modem = Modem::bytes(Box::new(move |bytes| {
            if !living.load(Ordering::Relaxed) {
                script = None;
                return Vec::new();
            }
            script.get_or_insert_with(make)(bytes)
        }));
        let mut uplink = driver(&modem.path, ladder);
        assert!(deliver(&mut *uplink, name).is_some(), "{name}: power brought it back");
        assert_eq!(*pulses.lock().unwrap(), ["reset on", "reset off", "power on", "power off"], "{name}");
        // It hangs for good now: one pulse is left of the day, the reset, and what it costs is a few calls.
        alive.store(false, Ordering::Relaxed);
        pulses.lock().unwrap().clear();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            assert!(uplink.send(&parcel(), DEADLINE).is_err(), "{name}");
        }
        assert_eq!(*pulses.lock().unwrap(), ["reset on", "reset off"], "{name}: the day's share is used up");
    }
}
