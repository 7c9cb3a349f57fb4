//! A satellite modem behind a pseudo terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod modem_support;

use std::time::{Duration, Instant};

use modem_support::scripts::iridium;
use modem_support::{Modem, bound, faults};
use trapline::drivers::iridium::{Iridium, Options};
use trapline::drivers::serial::Ladder;
use trapline::drivers::serial::uart::Uart;
use trapline::hal::{Downlink, Parcel, Receipt, Subject, Uplink, UplinkError};

const LONG: Duration = Duration::from_secs(3);

fn modem(sbdix: &'static str, signal: u8) -> Modem {
    Modem::bytes(iridium(sbdix, signal))
}

fn driver(modem: &Modem) -> Iridium {
    let ms = Duration::from_millis;
    let options = Options { answer: ms(300), session: ms(600), ..Options::default() };
    Iridium::new(Box::new(Uart::open(&modem.path, Iridium::BAUD).unwrap()), options, Ladder::bare())
}

fn parcel(bytes: usize) -> Parcel {
    let name = "deadbeef-1".to_owned();
    Parcel { subject: Subject::Event, name, body: vec![0xa5; bytes], port: 1, confirm: true }
}

#[test]
fn a_message_goes_up_and_a_command_comes_down() {
    let modem = modem("0, 23, 1, 7, 2, 0", 4);
    let mut iridium = driver(&modem);
    assert_eq!(iridium.ready(LONG).unwrap().max_payload, 340);
    assert_eq!(iridium.send(&parcel(340), LONG).unwrap(), Receipt::Delivered);
    assert_eq!(iridium.receive(Duration::ZERO).unwrap(), [Downlink { port: 0, bytes: vec![1, 2] }]);
    assert!(matches!(iridium.send(&parcel(341), LONG), Err(UplinkError::TooLong { max: 340 })));
    // The next session waits for its turn.
    assert!(matches!(iridium.send(&parcel(3), LONG), Err(UplinkError::Wait(wait)) if wait > LONG));
}

#[test]
fn no_satellite_means_later_and_no_subscription_means_never() {
    let no_network = modem("32, 23, 0, 0, 0, 0", 4);
    assert!(matches!(driver(&no_network).send(&parcel(3), LONG), Err(UplinkError::Wait(_))));
    let no_signal = modem("0, 23, 0, 0, 0, 0", 0);
    assert!(matches!(driver(&no_signal).send(&parcel(3), LONG), Err(UplinkError::Wait(_))));
    let fatal = modem("16, 23, 0, 0, 0, 0", 4);
    assert!(matches!(driver(&fatal).send(&parcel(3), LONG), Err(UplinkError::Refused(_))));
}

#[test]
fn it_survives_a_bad_line() {
    let deadline = Duration::from_millis(500);
    for (name, script) in faults() {
        let modem = Modem::bytes(script);
        let mut iridium = driver(&modem);
        let begun = Instant::now();
        let _ = iridium.ready(deadline);
        assert!(begun.elapsed() < bound(deadline), "{name}: {:?}", begun.elapsed());
        let begun = Instant::now();
        assert!(iridium.send(&parcel(340), deadline).is_err(), "{name}");
        assert!(begun.elapsed() < bound(deadline), "{name}: {:?}", begun.elapsed());
    }
}
