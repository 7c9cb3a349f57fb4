//! A cellular modem that speaks MQTT itself, behind a pseudo terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod modem_support;

use std::time::{Duration, Instant};

use modem_support::{Modem, bound, faults};
use trapline::drivers::serial::Ladder;
use trapline::drivers::serial::uart::Uart;
use trapline::drivers::sim7080::{Options, Sim7080};
use trapline::hal::{Downlink, Parcel, Receipt, Subject, Uplink, UplinkError};

const LONG: Duration = Duration::from_secs(3);

fn driver(modem: &Modem) -> Sim7080 {
    let text = str::to_owned;
    let options = Options {
        name: text("sim"),
        apn: text("iot.example"),
        host: text("broker.example"),
        port: 1883,
        login: None,
        prefix: text("traps"),
        site: text("ridge"),
        device: text("t7"),
        max_body: 512,
        answer: Duration::from_millis(300),
        connect: Duration::from_millis(600),
    };
    Sim7080::new(Box::new(Uart::open(&modem.path, Sim7080::BAUD).unwrap()), options, Ladder::bare())
}

fn parcel(body: &str) -> Parcel {
    let (name, body) = ("deadbeef-1".to_owned(), body.as_bytes().to_vec());
    Parcel { subject: Subject::Event, name, body, port: 1, confirm: true }
}

/// A SIM7080 whose bodies end with `}`, so that lines are enough.
fn sim7080(published: &'static str) -> Modem {
    let mut connected = false;
    let mut seen = Vec::new();
    Modem::lines(b'\n', move |line| {
        seen.push(line.to_owned());
        match line {
            "AT+SMSTATE?" => format!("\r\n+SMSTATE: {}\r\n\r\nOK\r\n", u8::from(connected)),
            "AT+SMCONN" => {
                connected = true;
                "\r\nOK\r\n".to_owned()
            }
            "AT+SMDISC" => {
                connected = false;
                "\r\nOK\r\n".to_owned()
            }
            "AT+SMPUB=\"traps/ridge/t7/event\",8,1,0" => "\r\n>".to_owned(),
            "{\"a\":1}" => published.to_owned(),
            _ if line.starts_with("AT+SMPUB") => "\r\nERROR\r\n".to_owned(),
            _ => "\r\nOK\r\n".to_owned(),
        }
    })
}

#[test]
fn a_letter_is_published_and_a_command_heard() {
    let modem = sim7080("\r\nOK\r\n\r\n+SMSUB: \"traps/ridge/t7/cmd\",\"abc\"\r\n");
    let mut sim = driver(&modem);
    sim.ready(LONG).unwrap();
    assert_eq!(sim.send(&parcel("{\"a\":1}\n"), LONG).unwrap(), Receipt::Delivered);
    assert_eq!(sim.receive(LONG).unwrap(), [Downlink { port: 0, bytes: b"abc".to_vec() }]);
    sim.ready(LONG).unwrap();
    assert_eq!(modem.count("AT+SMCONN"), 1, "it stays connected");
    sim.rest();
    assert_eq!(modem.count("AT+SMDISC"), 1);
    for setting in ["AT+SMCONF=\"URL\",\"broker.example\",\"1883\"", "AT+CGDCONT=1,\"IP\",\"iot.example\""] {
        assert!(modem.heard().contains(&setting.to_owned()), "{setting}");
    }
}

#[test]
fn a_failed_publication_is_down_and_a_long_one_refused() {
    let modem = sim7080("\r\nERROR\r\n");
    let mut sim = driver(&modem);
    assert!(matches!(sim.send(&parcel("{\"a\":1}\n"), LONG), Err(UplinkError::Down(_))));
    let long = sim.send(&parcel(&"x".repeat(513)), LONG);
    assert!(matches!(long, Err(UplinkError::Refused(error)) if error.what.contains("at most 512")));
}

#[test]
fn it_survives_a_bad_line() {
    let deadline = Duration::from_millis(500);
    for (name, script) in faults() {
        let modem = Modem::bytes(script);
        let mut sim = driver(&modem);
        let begun = Instant::now();
        let _ = sim.ready(deadline);
        assert!(begun.elapsed() < bound(deadline), "{name}: {:?}", begun.elapsed());
        let begun = Instant::now();
        assert!(sim.send(&parcel("{\"a\":1}\n"), deadline).is_err(), "{name}");
        assert!(begun.elapsed() < bound(deadline), "{name}: {:?}", begun.elapsed());
    }
}
