//! LoRaWAN modems on a serial port, each against a scripted modem behind a pseudo terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod modem_support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use modem_support::{Modem, bound, faults};
use trapline::drivers::lorawan::rak3172::Rak3172;
use trapline::drivers::lorawan::rak4270::Rak4270;
use trapline::drivers::lorawan::rn2483::Rn2483;
use trapline::drivers::lorawan::wio_e5::WioE5;
use trapline::drivers::lorawan::{Dialogue, Key, Limits, LoraWan, Options, Region};
use trapline::drivers::serial::Ladder;
use trapline::drivers::serial::uart::Uart;
use trapline::hal::{Downlink, Parcel, Receipt, Subject, Uplink, UplinkError};

const LONG: Duration = Duration::from_secs(3);

fn options() -> Options {
    let ms = Duration::from_millis;
    let limits =
        Limits { answer: ms(300), quiet: ms(20), join: ms(600), join_airtime: ms(10), busy: ms(7000) };
    Options {
        name: "lora".to_owned(),
        region: Region::Eu868,
        sub_band: None,
        dev_eui: [0x2c, 0xf7, 0xf1, 0xc0, 0x44, 0, 4, 0xa1],
        join_eui: [1; 8],
        app_key: Key([0xab; 16]),
        adr: false,
        data_rate: Some(5),
        attempts: 3,
        // RP002-1.0.4, EU868 without repeater: 51 bytes at DR0..2, 115 at DR3, 242 above.
        max_payload: Arc::new(|rate| [51, 51, 51, 115].get(usize::from(rate)).copied().unwrap_or(242)),
        limits,
    }
}

fn driver<D: Dialogue>(modem: &Modem, dialogue: D) -> LoraWan<D> {
    let port = Uart::open(&modem.path, D::BAUD).unwrap();
    LoraWan::new(Box::new(port), dialogue, options(), Ladder::bare())
}

fn parcel(bytes: usize, confirm: bool) -> Parcel {
    let name = "deadbeef-1".to_owned();
    Parcel { subject: Subject::Event, name, body: vec![0x5a; bytes], port: 1, confirm }
}

/// What a RAK3172 is like.
#[derive(Clone)]
struct Rui3 {
    joined: bool,
    joins: &'static str,
    sent: &'static str,
    old: bool,
    echo: bool,
}

const RUI3: Rui3 =
    Rui3 { joined: false, joins: "+EVT:JOINED", sent: "\r\nOK\r\n+EVT:TX_DONE\r\n", old: false, echo: false };

/// The firmware: reads `AT+X=<value>` + blank + OK, writes OK (atcmd.c).
fn rui3(state: Rui3) -> (Modem, Arc<Mutex<Rui3>>) {
    let shared = Arc::new(Mutex::new(state));
    let inside = shared.clone();
    let mut values = std::collections::HashMap::from([
        ("AT+VER".to_owned(), "RUI_4.0.6_RAK3172-E".to_owned()),
        ("AT+NWM".to_owned(), "1".to_owned()),
        ("AT+LTIME".to_owned(), "14h25m30s on 06/27/2026".to_owned()),
    ]);
    let modem = Modem::lines(b'\n', move |line| {
        let mut state = inside.lock().unwrap();
        let ok = "\r\nOK\r\n".to_owned();
        let answer = match line.split_once('=') {
            None if line == "AT" => ok,
            Some((verb, "?")) => {
                let value = match verb {
                    "AT+NJS" => u8::from(state.joined).to_string(),
                    "AT+VER" if state.old => "V1.0.4".to_owned(),
                    _ => values.get(verb).cloned().unwrap_or("0".to_owned()),
                };
                match state.old {
                    true => format!("{value}\r\n\r\nOK\r\n"),
                    false => format!("{verb}={value}\r\n\r\nOK\r\n"),
                }
            }
            Some(("AT+JOIN", _)) => {
                state.joined = state.joins == "+EVT:JOINED";
                format!("\r\nOK\r\n{}\r\n", state.joins)
            }
            Some(("AT+SEND", _)) if !state.joined => "\r\nAT_NO_NETWORK_JOINED\r\n".to_owned(),
            Some(("AT+SEND", _)) => state.sent.to_owned(),
            Some((verb, value)) => {
                values.insert(verb.to_owned(), value.to_owned());
                ok
            }
            None => "\r\nAT_COMMAND_NOT_FOUND\r\n".to_owned(),
        };
        if state.echo { format!("{line}\r\n{answer}") } else { answer }
    });
    (modem, shared)
}

#[test]
fn rak3172_joins_sends_and_hears() {
    let (modem, _) = rui3(Rui3 {
        sent: "\r\nOK\r\n+EVT:RX_1:-70:8:UNICAST:2:0A0B\r\n+EVT:TX_DONE\r\n",
        echo: true,
        ..RUI3
    });
    let mut lora = driver(&modem, Rak3172::default());
    let link = lora.ready(LONG).unwrap();
    assert_eq!((link.max_payload, link.data_rate), (242, Some(5)));
    assert_eq!(lora.send(&parcel(3, false), LONG).unwrap(), Receipt::Passed);
    assert_eq!(lora.receive(Duration::ZERO).unwrap(), [Downlink { port: 2, bytes: vec![10, 11] }]);
    assert!(modem.heard().contains(&"AT+SEND=1:5A5A5A".to_owned()));
    assert!(modem.heard().contains(&"AT+BAND=4".to_owned()));
    assert!(lora.counts().noise.echoes > 5);
    lora.rest();
    lora.ready(LONG).unwrap();
    assert_eq!(modem.count("AT+JOIN="), 1, "sleep keeps the session");
}

#[test]
fn rak3172_keeps_its_session_over_our_reboot_and_rejoins_after_its_own() {
    let (modem, state) = rui3(Rui3 { joined: true, ..RUI3 });
    let mut lora = driver(&modem, Rak3172::default());
    lora.ready(LONG).unwrap();
    assert_eq!((modem.count("AT+JOIN="), modem.count("AT+APPKEY")), (0, 0));
    state.lock().unwrap().joined = false;
    assert_eq!(lora.send(&parcel(3, false), LONG).unwrap(), Receipt::Passed);
    assert_eq!(modem.count("AT+JOIN="), 1);
}

#[test]
fn rak3172_old_firmware_answers_bare_values() {
    let (modem, state) = rui3(Rui3 { old: true, ..RUI3 });
    let mut lora = driver(&modem, Rak3172::default());
    assert_eq!(lora.ready(LONG).unwrap().data_rate, Some(5));
    state.lock().unwrap().sent = "\r\nAT_DUTYCYLE_RESTRICTED\r\n";
    let refused = lora.send(&parcel(3, false), LONG);
    assert!(matches!(refused, Err(UplinkError::Wait(wait)) if wait == Duration::from_secs(7)));
}

#[test]
fn rak3172_waits_longer_between_failed_joins() {
    let (modem, state) = rui3(Rui3 { joins: "+EVT:JOIN_FAILED_RX_TIMEOUT", ..RUI3 });
    let mut lora = driver(&modem, Rak3172::default());
    assert!(matches!(lora.ready(LONG), Err(UplinkError::Down(error)) if error.cure.contains("gateway")));
    // 10 ms on air, 1 %: at least a second, at most a fifth more.
    let Err(UplinkError::Wait(wait)) = lora.ready(LONG) else { panic!("it must wait") };
    assert!(wait <= Duration::from_millis(1200), "{wait:?}");
    assert_eq!(modem.count("AT+JOIN="), 1);
    state.lock().unwrap().joins = "+EVT:JOINED";
    std::thread::sleep(wait);
    lora.ready(LONG).unwrap();
    assert_eq!(lora.counts().joins, 2);
}

#[test]
fn rak3172_every_answer_to_a_parcel_is_told() {
    let (modem, state) = rui3(RUI3);
    let mut lora = driver(&modem, Rak3172::default());
    lora.ready(LONG).unwrap();
    let mut send = |answer, bytes, confirm| {
        state.lock().unwrap().sent = answer;
        lora.send(&parcel(bytes, confirm), LONG)
    };
    let acked = send("\r\nOK\r\n+EVT:SEND_CONFIRMED_OK\r\n", 3, true);
    assert_eq!(acked.unwrap(), Receipt::Delivered);
    let unheard = send("\r\nOK\r\n+EVT:SEND_CONFIRMED_FAILED(4)\r\n", 3, true);
    assert!(matches!(unheard, Err(UplinkError::Down(error)) if error.what.contains("acknowledged")));
    let restricted = send("Restricted_Wait_12345_ms\r\nAT_BUSY_ERROR\r\n", 3, false);
    assert!(matches!(restricted, Err(UplinkError::Wait(wait)) if wait == Duration::from_millis(12_345)));
    let busy = send("\r\nAT_BUSY_ERROR\r\n", 3, false);
    assert!(matches!(busy, Err(UplinkError::Wait(wait)) if wait == Duration::from_secs(7)));
    let long = send("\r\nAT_PARAM_ERROR\r\n", 250, false);
    assert!(matches!(long, Err(UplinkError::TooLong { max: 242 })));
    let pending = send("\r\nAT_PARAM_ERROR\r\n", 100, false);
    assert!(matches!(pending, Err(UplinkError::Wait(_))), "MAC answers were in the way");
    assert_eq!(lora.counts().empty_frames, 2);
}

#[test]
fn rak3172_gives_the_networks_time_after_an_uplink() {
    let (modem, state) = rui3(RUI3);
    let mut lora = driver(&modem, Rak3172::default());
    assert_eq!(lora.network_time(LONG).unwrap(), None);
    state.lock().unwrap().sent = "\r\nOK\r\n+EVT:TIMEREQ_OK\r\n+EVT:TX_DONE\r\n";
    lora.send(&parcel(3, false), LONG).unwrap();
    let time = lora.network_time(LONG).unwrap().unwrap();
    assert_eq!(time.utc.to_rfc3339(), "2026-06-27T14:25:30+00:00");
}

#[test]
fn another_device_is_told_apart() {
    let modem = Modem::lines(b'\n', |line| match line {
        "AT" => "\r\nOK\r\n".to_owned(),
        _ => "+CME ERROR: 100\r\nOK\r\n".to_owned(),
    });
    let error = driver(&modem, Rak3172::default()).ready(LONG).unwrap_err();
    assert!(matches!(error, UplinkError::Down(_)));
}

/// Every fault of a line against one kind of modem: an error in time, no panic.
fn survives<D: Dialogue>(dialogue: impl Fn() -> D) {
    let deadline = Duration::from_millis(500);
    for (name, script) in faults() {
        let modem = Modem::bytes(script);
        let mut lora = driver(&modem, dialogue());
        let mut timed = |what: &str, call: &mut dyn FnMut(&mut LoraWan<D>) -> bool| {
            let begun = Instant::now();
            let delivered = call(&mut lora);
            assert!(begun.elapsed() < bound(deadline), "{name}: {what} took {:?}", begun.elapsed());
            assert!(!delivered, "{name}: {what} believes that it was delivered");
        };
        timed("ready", &mut |lora| lora.ready(deadline).is_ok() && name != "OK to everything");
        let confirmed = parcel(3, true);
        timed("send", &mut |lora| matches!(lora.send(&confirmed, deadline), Ok(Receipt::Delivered)));
        timed("receive", &mut |lora| lora.receive(deadline).is_ok_and(|heard| !heard.is_empty()));
        timed("rest", &mut |lora| {
            lora.rest();
            false
        });
    }
}

#[test]
fn rak3172_survives_a_bad_line() {
    survives(Rak3172::default);
}

/// A Wio-E5 that is not joined until AT+JOIN; answers as in the LoRa-E5 library's captured sessions.
fn wio_e5(sent: &'static str, joins: &'static str) -> Modem {
    let mut joined = false;
    Modem::lines(b'\n', move |line| {
        let verb = line.trim_start_matches("AT+").split(['=', ' ']).next().unwrap_or_default();
        let answer = match (line, verb) {
            ("AT", _) => "+AT: OK".to_owned(),
            ("AT+ID=DevEui", _) => "+ID: DevEui, 2C:F7:F1:C0:44:00:04:A1".to_owned(),
            ("AT+ID=AppEui", _) => "+ID: AppEui, 80:00:00:00:00:00:00:06".to_owned(),
            ("AT+DR", _) => "+DR: EU868 DR4  SF8  BW125K".to_owned(),
            ("AT+LW=LEN", _) => "+LW: LEN, 242".to_owned(),
            ("AT+JOIN", _) => {
                joined |= joins.contains("Network joined");
                joins.to_owned()
            }
            (_, "MSGHEX" | "CMSGHEX") if !joined => format!("+{verb}: Please join network first"),
            (_, "MSGHEX" | "CMSGHEX") => sent.replace('$', &format!("+{verb}: ")),
            _ => format!("+{verb}: {}", line.split_once('=').map_or("4.0.11", |(_, value)| value)),
        };
        format!("{answer}\r\n")
    })
}

const E5_JOINED: &str = "+JOIN: Start\r\n+JOIN: NORMAL\r\n+JOIN: Network joined\r\n\
                         +JOIN: NetID 000013 DevAddr 26:01:5F:66\r\n+JOIN: Done";

#[test]
fn wio_e5_joins_when_sending_shows_that_it_must_and_hears() {
    let modem = wio_e5("$Start\r\n$PORT: 1; RX: \"AABB\"\r\n$RXWIN1, RSSI -82, SNR 10.0\r\n$Done", E5_JOINED);
    let mut lora = driver(&modem, WioE5::default());
    let link = lora.ready(LONG).unwrap();
    assert_eq!((link.max_payload, link.data_rate), (242, Some(4)));
    assert_eq!(lora.send(&parcel(3, false), LONG).unwrap(), Receipt::Passed);
    assert_eq!(lora.receive(Duration::ZERO).unwrap(), [Downlink { port: 1, bytes: vec![0xaa, 0xbb] }]);
    assert_eq!(modem.count("AT+JOIN"), 1);
    assert_eq!(modem.count("AT+ID=DevEui,"), 0, "it had the right one");
    assert_eq!(modem.count("AT+ID=AppEui,\"0101010101010101\""), 1);
    // "Done" alone acknowledges nothing.
    assert!(matches!(lora.send(&parcel(3, true), LONG), Err(UplinkError::Down(_))));
}

#[test]
fn wio_e5_every_answer_to_a_parcel_is_told() {
    let send = |sent, confirm| {
        let modem = wio_e5(sent, E5_JOINED);
        driver(&modem, WioE5::default()).send(&parcel(60, confirm), LONG)
    };
    let acked = send("$Start\r\n$Wait ACK\r\n$ACK Received\r\n$RXWIN1, RSSI -82, SNR 10.0\r\n$Done", true);
    assert_eq!(acked.unwrap(), Receipt::Delivered);
    let restricted = send("$No band in 13469ms", false);
    assert!(matches!(restricted, Err(UplinkError::Wait(wait)) if wait == Duration::from_millis(13_469)));
    let busy = send("$LoRaWAN modem is busy", false);
    assert!(matches!(busy, Err(UplinkError::Wait(wait)) if wait == Duration::from_secs(7)));
    let modem = wio_e5("$Done", "+JOIN: Start\r\n+JOIN: Join failed\r\n+JOIN: Done");
    let mut lora = driver(&modem, WioE5::default());
    assert!(matches!(lora.send(&parcel(3, false), LONG), Err(UplinkError::Down(_))));
    assert!(matches!(lora.send(&parcel(3, false), LONG), Err(UplinkError::Wait(_))));
}

#[test]
fn wio_e5_survives_a_bad_line() {
    survives(WioE5::default);
}

/// A RAK4270 by its manual.
fn rak4270(sent: &'static str, join: &'static str) -> Modem {
    let mut joined = false;
    Modem::lines(b'\n', move |line| match line {
        "at+version" => "OK V3.0.0.14.H\r\n".to_owned(),
        "at+set_config=device:sleep:1" => "OK Sleep\r\n".to_owned(),
        "at+set_config=device:sleep:0" => "OK Wake Up\r\n".to_owned(),
        "at+join" => {
            joined = join.starts_with("OK");
            format!("{join}\r\n")
        }
        _ if line.starts_with("at+send=") && !joined => "ERROR: 86\r\n".to_owned(),
        _ if line.starts_with("at+send=") => format!("{sent}\r\n"),
        _ if line.starts_with("at+set_config=lora:") => "OK\r\n".to_owned(),
        _ => "ERROR: 1\r\n".to_owned(),
    })
}

#[test]
fn rak4270_joins_sends_and_tells() {
    let send = |sent, confirm| {
        let modem = rak4270(sent, "OK Join Success");
        let mut lora = driver(&modem, Rak4270::default());
        lora.ready(LONG).unwrap();
        let answer = lora.send(&parcel(3, confirm), LONG);
        assert_eq!(modem.count("at+join"), 1);
        (answer, lora.receive(Duration::ZERO).unwrap())
    };
    assert_eq!(send("OK", false).0.unwrap(), Receipt::Passed);
    assert_eq!(send("OK\r\nat+recv=0,-105,-12,0", true).0.unwrap(), Receipt::Delivered);
    let (answer, heard) = send("OK\r\nat+recv=2,-105,-12,2:0A0B", true);
    assert_eq!(
        (answer.unwrap(), heard),
        (Receipt::Delivered, vec![Downlink { port: 2, bytes: vec![10, 11] }])
    );
    assert!(matches!(send("OK\r\nERROR: 95", true).0, Err(UplinkError::Down(_))));
    assert!(matches!(send("ERROR: 90", false).0, Err(UplinkError::Wait(_))));
    assert!(matches!(send("ERROR: 80", false).0, Err(UplinkError::Wait(_))));
    let modem = rak4270("OK", "ERROR: 99");
    assert!(matches!(
        driver(&modem, Rak4270::default()).send(&parcel(3, false), LONG),
        Err(UplinkError::Down(_))
    ));
}

#[test]
fn rak4270_survives_a_bad_line() {
    survives(Rak4270::default);
}

/// An RN2483 as the tests of the crate `rn2xx3` have it.
fn rn2483(sent: &'static str, join: &'static str) -> Modem {
    let mut joined = false;
    Modem::lines(b'\n', move |line| match line {
        "z" => "invalid_param\r\n".to_owned(),
        "sys get ver" => "RN2483 1.0.5 Oct 31 2018 15:06:52\r\n".to_owned(),
        "mac get dr" => "5\r\n".to_owned(),
        "mac join otaa" => {
            joined = join == "accepted";
            format!("ok\r\n{join}\r\n")
        }
        "mac save" => "ok\r\n".to_owned(),
        _ if line.starts_with("mac tx ") && !joined => "not_joined\r\n".to_owned(),
        _ if line.starts_with("mac tx ") => format!("{sent}\r\n"),
        _ if line.starts_with("mac set ") => "ok\r\n".to_owned(),
        _ if line.starts_with("sys sleep") => String::new(),
        _ => "invalid_param\r\n".to_owned(),
    })
}

#[test]
fn rn2483_joins_sends_and_tells() {
    let send = |sent, confirm| {
        let modem = rn2483(sent, "accepted");
        let mut lora = driver(&modem, Rn2483);
        assert_eq!(lora.ready(LONG).unwrap().data_rate, Some(5));
        let answer = lora.send(&parcel(3, confirm), LONG);
        assert_eq!(modem.count("mac join"), 1);
        (answer, lora.receive(Duration::ZERO).unwrap())
    };
    assert_eq!(send("ok\r\nmac_tx_ok", false).0.unwrap(), Receipt::Passed);
    let (answer, heard) = send("ok\r\nmac_rx 2 0A0B", true);
    assert_eq!(
        (answer.unwrap(), heard),
        (Receipt::Delivered, vec![Downlink { port: 2, bytes: vec![10, 11] }])
    );
    assert!(matches!(send("ok\r\nmac_err", true).0, Err(UplinkError::Down(_))));
    assert!(matches!(send("no_free_ch", false).0, Err(UplinkError::Wait(_))));
    let modem = rn2483("ok", "denied");
    assert!(matches!(driver(&modem, Rn2483).send(&parcel(3, false), LONG), Err(UplinkError::Down(_))));
}

#[test]
fn rn2483_survives_a_bad_line() {
    survives(|| Rn2483);
}
