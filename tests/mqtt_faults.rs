//! Whatever the broker does - dies, freezes, stays silent, talks nonsense -, no call outlives its deadline and no event
//! is lost.
//!
//! The broker is a real mosquitto; what arrived is told by `mosquitto_sub`. The programs are Debian's packages
//! `mosquitto` and `mosquitto-clients`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broker_support;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use broker_support::{BOTH, Broker, PATIENCE, available, event, told, wait_until};
use trapline::drivers::mqtt::{Mqtt, Options};
use trapline::hal::{Parcel, Receipt, Uplink, UplinkError};

/// For a busy machine; far less than the minutes that TCP itself would wait.
const SLACK: Duration = Duration::from_secs(2);

#[test]
fn no_call_outlives_its_deadline() {
    let deadline = Duration::from_millis(700);
    // Accepts and stays silent: the backlog of a listener that nobody asks.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    // Nothing listens on the port of tcpmux.
    let closed = 1;
    let cases = [
        (format!("mqtt://127.0.0.1:{}", silent.local_addr().unwrap().port()), "did not answer in time"),
        (format!("mqtt://127.0.0.1:{closed}"), "check host and port in broker"),
        ("mqtt://no-such-broker.invalid".to_owned(), "broker"),
        // A network for documentation (RFC 5737): packets to it go nowhere.
        ("mqtt://192.0.2.1:1883".to_owned(), "; "),
    ];
    for version in BOTH {
        for (url, cure) in &cases {
            let options = Options { version, ..Options::new(url.parse().unwrap(), "rila", "t1") };
            let mut trap = Mqtt::new(options).unwrap();
            for attempt in 0..2 {
                let begun = Instant::now();
                let error = match attempt {
                    0 => trap.send(&event("a", "{}"), deadline).unwrap_err(),
                    _ => trap.receive(deadline).unwrap_err(),
                };
                let took = begun.elapsed();
                let (refused, told) = told(error);
                assert!(!refused && told.contains(cure), "{url}: {told}");
                assert!(took < deadline + SLACK, "{url}: {took:?}");
            }
        }
    }
}

#[test]
fn after_the_broker_died_a_send_says_so_in_time_and_nothing_follows_behind() {
    if !available() {
        return;
    }
    for version in BOTH {
        let broker = Broker::open();
        let mut trap = Mqtt::new(Options { version, ..broker.options() }).unwrap();
        trap.send(&event("a", "first"), PATIENCE).unwrap();
        broker.kill();
        let begun = Instant::now();
        let (refused, _) = told(trap.send(&event("b", "lost"), Duration::from_secs(2)).unwrap_err());
        assert!(!refused && begun.elapsed() < Duration::from_secs(2) + SLACK);
        broker.restart();
        let listener = broker.listen();
        // A parcel that failed is the caller's again: only what is asked now is sent.
        trap.send(&event("c", "third"), PATIENCE).unwrap();
        listener.wait_for("trapline/rila/t1/event", "third");
        let heard = listener.heard();
        assert_eq!(heard.iter().filter(|h| h.topic.ends_with("/event")).count(), 1, "{heard:?}");
    }
}

#[test]
fn a_broker_that_freezes_is_down_in_time_and_what_it_had_is_sent_again() {
    if !available() {
        return;
    }
    for version in BOTH {
        let broker = Broker::open();
        let listener = broker.listen();
        let mut trap = Mqtt::new(Options { version, ..broker.options() }).unwrap();
        trap.ready(PATIENCE).unwrap();
        let parcels: Vec<Parcel> = (0..50).map(|n| event(&format!("e{n}"), &format!("{n}"))).collect();
        broker.signal("-STOP");
        let begun = Instant::now();
        let answers = trap.send_all(&parcels, Duration::from_millis(800));
        assert!(begun.elapsed() < Duration::from_millis(800) + SLACK);
        assert!(matches!(answers.as_slice(), [Err(UplinkError::Down(_))]), "{answers:?}");
        broker.signal("-CONT");
        let answers = trap.send_all(&parcels, PATIENCE);
        assert_eq!(answers.iter().filter(|a| matches!(a, Ok(Receipt::Delivered))).count(), 50);
        for n in 0..50 {
            listener.wait_for("trapline/rila/t1/event", &n.to_string());
        }
    }
}

#[test]
fn a_broker_that_talks_nonsense_is_down_whatever_it_says() {
    // Noise by a linear congruence, after a CONNACK of either version or none.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let mut state = 7u32;
        for (n, mut stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let _ = stream.read(&mut [0; 512]);
            let hello: &[u8] = [&[0x20, 2, 0, 0][..], &[0x20, 3, 0, 0, 0], &[]][n / 2 % 3];
            let noise = (0..2_000).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            });
            let _ = stream.write_all(&[hello, &noise.collect::<Vec<_>>()].concat());
        }
    });
    for round in 0..60 {
        let url = format!("mqtt://127.0.0.1:{port}").parse().unwrap();
        let options = Options { version: BOTH[round % 2], ..Options::new(url, "rila", "t1") };
        let mut trap = Mqtt::new(options).unwrap();
        let begun = Instant::now();
        let answer = trap.send(&event("a", "{}"), Duration::from_millis(500));
        assert!(matches!(answer, Err(UplinkError::Down(_) | UplinkError::Refused(_))), "{answer:?}");
        assert!(begun.elapsed() < Duration::from_millis(500) + SLACK);
    }
}

#[test]
fn two_thousand_events_through_a_broker_that_is_killed_again_and_again() {
    if !available() {
        return;
    }
    for version in BOTH {
        let broker = Broker::open();
        // Listeners that acknowledge nothing: the kernel throws away what a killed broker had sent to one whose
        // acknowledgements it had not read.
        let mut listeners = vec![broker.listen_as(&["-q", "0"])];
        let mut trap = Mqtt::new(Options { version, ..broker.options() }).unwrap();
        let parcels: Vec<Parcel> =
            (0..2_000).map(|n| event(&format!("t1-3-{n}"), &format!("{{\"number\":{n}}}"))).collect();
        let (mut next, mut kills, mut interrupted) = (0, 0u64, 0);
        while next < parcels.len() {
            // At most 100 events between two kills, at a moment that varies.
            let after = Duration::from_micros(kills * 1_511 % 5_000);
            let killer = (kills < 20 && next > 0).then(|| broker.kill_after(after));
            let batch = &parcels[next..(next + 100).min(parcels.len())];
            let answers = trap.send_all(batch, Duration::from_secs(5));
            for answer in &answers {
                match answer {
                    Ok(Receipt::Delivered) => next += 1,
                    Err(UplinkError::Down(_)) => interrupted += usize::from(answers.len() > 1),
                    other => panic!("{other:?}"),
                }
            }
            if let Some(killer) = killer {
                killer.join().unwrap();
                kills += 1;
                broker.restart();
                listeners.push(broker.listen_as(&["-q", "0"]));
            }
        }
        assert_eq!(kills, 20);
        println!("{version:?}: {kills} kills, {interrupted} of them between two PUBACKs of one call");
        assert!(interrupted >= 3);
        let mut heard: BTreeSet<Vec<u8>> = BTreeSet::new();
        wait_until("every event", || {
            let all = listeners.iter().flat_map(|listener| listener.heard());
            heard.extend(all.filter(|h| h.topic.ends_with("/event")).map(|h| h.body));
            heard.len() >= parcels.len()
        });
        // Nothing but what was sent: a duplicate has the same content.
        assert!(heard.iter().eq(parcels.iter().map(|p| &p.body).collect::<BTreeSet<_>>()));
    }
}
