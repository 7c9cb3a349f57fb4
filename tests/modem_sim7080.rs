//! A cellular modem that speaks MQTT itself, behind a pseudo terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod modem_support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use modem_support::scripts::sim7080;
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

/// What the modem heard.
type Heard = Arc<Mutex<Vec<String>>>;

fn modem(published: &'static str) -> (Modem, Heard) {
    let heard = Heard::default();
    (Modem::bytes(sim7080(published, heard.clone())), heard)
}

fn count(heard: &Heard, start: &str) -> usize {
    heard.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
}

fn parcel(body: &str) -> Parcel {
    let (name, body) = ("deadbeef-1".to_owned(), body.as_bytes().to_vec());
    Parcel { subject: Subject::Event, name, body, port: 1, confirm: true }
}

#[test]
fn a_letter_is_published_and_a_command_heard() {
    let published = "\r\nOK\r\n\r\n+SMSUB: \"traps/ridge/t7/command\",\"0102ff\"\r\n";
    let (modem, heard) = modem(published);
    let mut sim = driver(&modem);
    sim.ready(LONG).unwrap();
    assert_eq!(sim.send(&parcel("{\"a\":1}"), LONG).unwrap(), Receipt::Delivered);
    assert_eq!(sim.receive(LONG).unwrap(), [Downlink { port: 0, bytes: vec![1, 2, 0xff] }]);
    sim.ready(LONG).unwrap();
    assert_eq!(count(&heard, "AT+SMCONN"), 1, "it stays connected");
    sim.rest();
    assert_eq!(count(&heard, "AT+SMDISC"), 1);
    let heard = heard.lock().unwrap();
    for said in [
        "AT+SMCONF=\"URL\",\"broker.example\",\"1883\"",
        "AT+CGDCONT=1,\"IP\",\"iot.example\"",
        // A session that outlives the connection, the last will, and the topics of every other MQTT uplink.
        "AT+SMCONF=\"CLEANSS\",0",
        "AT+SMCONF=\"TOPIC\",\"traps/ridge/t7/status\"",
        "AT+SMCONF=\"MESSAGE\",\"offline\"",
        "AT+SMCONF=\"RETAIN\",1",
        "AT+SMSUB=\"traps/ridge/t7/command\",1",
        "AT+SMPUB=\"traps/ridge/t7/event\",7,1,0",
        ">{\"a\":1}",
    ] {
        assert!(heard.contains(&said.to_owned()), "{said}: {heard:?}");
    }
    let status = |word: &str| {
        let at = heard.iter().position(|line| line == word).unwrap();
        heard[at - 1].clone()
    };
    assert_eq!(status(">online"), "AT+SMPUB=\"traps/ridge/t7/status\",6,1,1");
    assert_eq!(status(">offline"), "AT+SMPUB=\"traps/ridge/t7/status\",7,1,1");
}

#[test]
fn a_failed_publication_is_down_and_a_long_one_refused() {
    let (modem, _) = modem("\r\nERROR\r\n");
    let mut sim = driver(&modem);
    assert!(matches!(sim.send(&parcel("{\"a\":1}"), LONG), Err(UplinkError::Down(_))));
    let long = sim.send(&parcel(&"x".repeat(513)), LONG);
    assert!(matches!(long, Err(UplinkError::Refused(error)) if error.what.contains("at most 512")));
}

#[test]
fn the_broker_that_goes_is_noticed_and_the_networks_time_is_told() {
    let (modem, heard) = modem("\r\nOK\r\n\r\n+SMSTATE: 0\r\n");
    let mut sim = driver(&modem);
    assert_eq!(sim.network_time(LONG).unwrap(), None, "no link");
    sim.ready(LONG).unwrap();
    let time = sim.network_time(LONG).unwrap().unwrap();
    assert_eq!(time.utc.to_rfc3339(), "2026-05-04T20:36:22+00:00");
    sim.send(&parcel("{\"a\":1}"), LONG).unwrap();
    assert_eq!(sim.receive(Duration::from_millis(100)).unwrap(), []);
    sim.send(&parcel("{\"a\":2}"), LONG).unwrap();
    assert_eq!(count(&heard, "AT+SMSTATE?"), 2, "it looks whether it is still connected");
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
