//! LoRaWAN modems on a serial port, each against a scripted modem behind a pseudo terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod modem_support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use modem_support::scripts::{E5_JOINED, RUI3, Rui3, rak4270, rn2483, rui3, wio_e5};
use modem_support::{Answer, Modem, bound, faults};
use trapline::drivers::lorawan::rak3172::Rak3172;
use trapline::drivers::lorawan::rak4270::Rak4270;
use trapline::drivers::lorawan::rn2483::Rn2483;
use trapline::drivers::lorawan::wio_e5::WioE5;
use trapline::drivers::lorawan::{Dialogue, Key, Limits, LoraWan, Options, Region};
use trapline::drivers::serial::Ladder;
use trapline::drivers::serial::uart::Uart;
use trapline::hal::{Downlink, Dues, Link, Parcel, Receipt, Subject, Uplink, UplinkError};

const LONG: Duration = Duration::from_secs(3);

fn options() -> Options {
    let ms = Duration::from_millis;
    let (windows, busy) = (ms(200), ms(7000));
    let limits =
        Limits { answer: ms(300), quiet: ms(20), join: ms(600), join_airtime: ms(10), windows, busy };
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

/// A modem of these answers.
fn modem(answer: Answer) -> Modem {
    Modem::lines(b'\n', answer)
}

fn rak3172(state: Rui3) -> (Modem, Arc<Mutex<Rui3>>) {
    let shared = Arc::new(Mutex::new(state));
    (modem(rui3(shared.clone())), shared)
}

/// Brings the link up; a join is paid for in between.
fn up<D: Dialogue>(lora: &mut LoraWan<D>) -> Result<Link, UplinkError> {
    match lora.ready(LONG) {
        Err(UplinkError::Unpaid) => {
            assert!(lora.dues().is_some());
            lora.ready(LONG)
        }
        answer => answer,
    }
}

fn parcel(bytes: usize, confirm: bool) -> Parcel {
    let name = "deadbeef-1".to_owned();
    Parcel { subject: Subject::Event, name, body: vec![0x5a; bytes], port: 1, confirm }
}

#[test]
fn rak3172_joins_sends_and_hears() {
    let (modem, _) = rak3172(Rui3 {
        sent: "\r\nOK\r\n+EVT:RX_1:-70:8:UNICAST:2:0A0B\r\n+EVT:TX_DONE\r\n",
        echo: true,
        ..RUI3
    });
    let mut lora = driver(&modem, Rak3172::default());
    let link = up(&mut lora).unwrap();
    assert_eq!((link.max_payload, link.data_rate), (242, Some(5)));
    assert_eq!(lora.send(&parcel(3, false), LONG).unwrap(), Receipt::Passed);
    assert_eq!(lora.receive(Duration::ZERO).unwrap(), [Downlink { port: 2, bytes: vec![10, 11] }]);
    assert!(modem.heard().contains(&"AT+DCS=1".to_owned()), "the modem's own fence");
    assert!(modem.heard().contains(&"AT+SEND=1:5A5A5A".to_owned()));
    assert!(modem.heard().contains(&"AT+BAND=4".to_owned()));
    assert!(lora.counts().noise.echoes > 5);
    lora.rest();
    lora.ready(LONG).unwrap();
    assert_eq!(modem.count("AT+JOIN="), 1, "sleep keeps the session");
}

#[test]
fn rak3172_keeps_its_session_over_our_reboot_and_rejoins_after_its_own() {
    let (modem, state) = rak3172(Rui3 { joined: true, ..RUI3 });
    let mut lora = driver(&modem, Rak3172::default());
    lora.ready(LONG).unwrap();
    assert_eq!((modem.count("AT+JOIN="), modem.count("AT+APPKEY")), (0, 0));
    state.lock().unwrap().joined = false;
    assert!(matches!(lora.send(&parcel(3, false), LONG), Err(UplinkError::Down(_))));
    assert_eq!(modem.count("AT+JOIN="), 0, "nobody paid for a join");
    // 23 bytes of a join request are 10 more than an empty frame; DR0 is the slowest.
    assert_eq!(lora.dues(), Some(Dues { bytes: 10, data_rate: 0 }));
    lora.ready(LONG).unwrap();
    assert_eq!((modem.count("AT+JOIN="), lora.dues()), (1, None));
    assert_eq!(lora.send(&parcel(3, false), LONG).unwrap(), Receipt::Passed);
}

#[test]
fn rak3172_old_firmware_answers_bare_values() {
    let (modem, state) = rak3172(Rui3 { old: true, ..RUI3 });
    let mut lora = driver(&modem, Rak3172::default());
    assert_eq!(up(&mut lora).unwrap().data_rate, Some(5));
    state.lock().unwrap().sent = "\r\nAT_DUTYCYLE_RESTRICTED\r\n";
    let refused = lora.send(&parcel(3, false), LONG);
    assert!(matches!(refused, Err(UplinkError::Wait(wait)) if wait == Duration::from_secs(7)));
}

#[test]
fn rak3172_waits_longer_between_failed_joins() {
    let (modem, state) = rak3172(Rui3 { joins: "+EVT:JOIN_FAILED_RX_TIMEOUT", ..RUI3 });
    let mut lora = driver(&modem, Rak3172::default());
    assert!(matches!(up(&mut lora), Err(UplinkError::Down(error)) if error.cure.contains("gateway")));
    assert_eq!(lora.dues(), None, "nothing to pay before its time");
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
    let (modem, state) = rak3172(RUI3);
    let mut lora = driver(&modem, Rak3172::default());
    up(&mut lora).unwrap();
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
    let (modem, state) = rak3172(RUI3);
    let mut lora = driver(&modem, Rak3172::default());
    assert_eq!(lora.network_time(LONG).unwrap(), None);
    assert!(modem.heard().is_empty(), "a question brings no link up");
    up(&mut lora).unwrap();
    assert_eq!(lora.network_time(LONG).unwrap(), None);
    state.lock().unwrap().sent = "\r\nOK\r\n+EVT:TIMEREQ_OK\r\n+EVT:TX_DONE\r\n";
    lora.send(&parcel(3, false), LONG).unwrap();
    let time = lora.network_time(LONG).unwrap().unwrap();
    assert_eq!(time.utc.to_rfc3339(), "2026-06-27T14:25:30+00:00");
}

#[test]
fn wio_e5_gives_the_networks_time_and_never_its_own_of_2020() {
    let modem = modem(wio_e5("$Start\r\n$Done", E5_JOINED));
    let mut lora = driver(&modem, WioE5::default());
    let _ = lora.send(&parcel(3, false), LONG);
    lora.ready(LONG).unwrap();
    lora.send(&parcel(3, false), LONG).unwrap();
    // Asked before the parcel that takes the question along, however often.
    assert_eq!(lora.network_time(LONG).unwrap(), None);
    assert_eq!(lora.network_time(LONG).unwrap(), None);
    lora.send(&parcel(3, false), LONG).unwrap();
    let time = lora.network_time(LONG).unwrap().unwrap();
    assert_eq!(time.utc.to_rfc3339(), "2026-04-30T12:30:49+00:00");
}

#[test]
fn what_a_modem_says_by_itself_between_commands_is_kept() {
    // The confirmation of an uplink comes before its downlink (LoRaMac-node), so that the line follows behind.
    let (modem, state) = rak3172(RUI3);
    let mut lora = driver(&modem, Rak3172::default());
    up(&mut lora).unwrap();
    let late = "\r\nOK\r\n+EVT:TX_DONE\r\n+EVT:RX_1:-70:8:UNICAST:2:0A0B\r\n";
    state.lock().unwrap().sent = late;
    lora.send(&parcel(3, false), LONG).unwrap();
    assert_eq!(lora.receive(Duration::ZERO).unwrap(), [Downlink { port: 2, bytes: vec![10, 11] }]);
    // And one that comes while nobody listens, before the modem is woken for the next parcel.
    lora.rest();
    modem.says("+EVT:RX_C:-70:8:UNICAST:3:0C\r\n");
    std::thread::sleep(Duration::from_millis(50));
    lora.ready(LONG).unwrap();
    assert_eq!(lora.receive(Duration::ZERO).unwrap(), [Downlink { port: 3, bytes: vec![12] }]);
}

#[test]
fn a_line_of_noise_is_not_taken_for_the_answer() {
    let (modem, _) = rak3172(Rui3 { joined: true, noise: true, ..RUI3 });
    let mut lora = driver(&modem, Rak3172::default());
    assert_eq!(lora.ready(LONG).unwrap().data_rate, Some(5));
    assert_eq!(lora.send(&parcel(3, false), LONG).unwrap(), Receipt::Passed);
    assert_eq!(modem.count("AT+JOIN="), 0);
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

#[test]
fn wio_e5_joins_when_sending_shows_that_it_must_and_hears() {
    let sent = "$Start\r\n$PORT: 1; RX: \"AABB\"\r\n$RXWIN1, RSSI -82, SNR 10.0\r\n$Done";
    let modem = modem(wio_e5(sent, E5_JOINED));
    let mut lora = driver(&modem, WioE5::default());
    let link = lora.ready(LONG).unwrap();
    assert_eq!((link.max_payload, link.data_rate), (242, Some(4)));
    // Only sending shows that it has no session.
    assert!(matches!(lora.send(&parcel(3, false), LONG), Err(UplinkError::Down(_))));
    lora.ready(LONG).unwrap();
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
        let modem = modem(wio_e5(sent, E5_JOINED));
        let mut lora = driver(&modem, WioE5::default());
        assert!(lora.send(&parcel(60, confirm), LONG).is_err());
        lora.ready(LONG)?;
        lora.send(&parcel(60, confirm), LONG)
    };
    let acked = send("$Start\r\n$Wait ACK\r\n$ACK Received\r\n$RXWIN1, RSSI -82, SNR 10.0\r\n$Done", true);
    assert_eq!(acked.unwrap(), Receipt::Delivered);
    let restricted = send("$No band in 13469ms", false);
    assert!(matches!(restricted, Err(UplinkError::Wait(wait)) if wait == Duration::from_millis(13_469)));
    let busy = send("$LoRaWAN modem is busy", false);
    assert!(matches!(busy, Err(UplinkError::Wait(wait)) if wait == Duration::from_secs(7)));
    let modem = modem(wio_e5("$Done", "+JOIN: Start\r\n+JOIN: Join failed\r\n+JOIN: Done"));
    let mut lora = driver(&modem, WioE5::default());
    assert!(matches!(lora.send(&parcel(3, false), LONG), Err(UplinkError::Down(_))));
    assert!(matches!(lora.ready(LONG), Err(UplinkError::Down(_))));
    assert!(matches!(lora.ready(LONG), Err(UplinkError::Wait(_))));
}

#[test]
fn wio_e5_survives_a_bad_line() {
    survives(WioE5::default);
}

#[test]
fn rak4270_joins_sends_and_tells() {
    let send = |sent, confirm| {
        let modem = modem(rak4270(sent, "OK Join Success"));
        let mut lora = driver(&modem, Rak4270::default());
        lora.ready(LONG).unwrap();
        assert!(lora.send(&parcel(3, confirm), LONG).is_err(), "only sending shows that it has no session");
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
    // A downlink in the receive windows, after the modem's OK, is heard before it sleeps.
    let talker = modem(rak4270("OK", "OK Join Success"));
    let mut lora = driver(&talker, Rak4270::default());
    let _ = lora.send(&parcel(3, false), LONG);
    lora.ready(LONG).unwrap();
    lora.send(&parcel(3, false), LONG).unwrap();
    talker.says("at+recv=2,-105,-12,1:0C\r\n");
    lora.rest();
    assert_eq!(talker.count("at+set_config=device:sleep:1"), 1);
    assert_eq!(lora.receive(Duration::ZERO).unwrap(), [Downlink { port: 2, bytes: vec![12] }]);
    let modem = modem(rak4270("OK", "ERROR: 99"));
    let mut lora = driver(&modem, Rak4270::default());
    assert!(lora.send(&parcel(3, false), LONG).is_err());
    assert!(matches!(lora.ready(LONG), Err(UplinkError::Down(error)) if error.what.contains("join")));
}

#[test]
fn rak4270_survives_a_bad_line() {
    survives(Rak4270::default);
}

#[test]
fn rn2483_joins_sends_and_tells() {
    let send = |sent, confirm| {
        let modem = modem(rn2483(sent, "accepted"));
        let mut lora = driver(&modem, Rn2483);
        assert_eq!(lora.ready(LONG).unwrap().data_rate, Some(5));
        assert!(lora.send(&parcel(3, confirm), LONG).is_err(), "only sending shows that it has no session");
        lora.ready(LONG).unwrap();
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
    let modem = modem(rn2483("ok", "denied"));
    let mut lora = driver(&modem, Rn2483);
    assert!(lora.send(&parcel(3, false), LONG).is_err());
    assert!(matches!(lora.ready(LONG), Err(UplinkError::Down(error)) if error.what.contains("join")));
}

#[test]
fn rn2483_survives_a_bad_line() {
    survives(|| Rn2483);
}
