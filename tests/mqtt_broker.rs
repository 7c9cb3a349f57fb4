//! Events reach a real mosquitto, over MQTT 3.1.1 and 5, whatever happens to the broker, and commands come back.
//!
//! What arrived is told by `mosquitto_sub`, which knows nothing of Trapline. The programs are Debian's packages
//! `mosquitto`, `mosquitto-clients` and `openssl`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broker_support;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use broker_support::{Broker, PATIENCE, Wire, available, event, free_port, wait_until};
use trapline::drivers::Secret;
use trapline::drivers::mqtt::{Mqtt, Options, Version};
use trapline::hal::{Parcel, Receipt, Subject, Uplink, UplinkError};

const BOTH: [Version; 2] = [Version::V3, Version::V5];

fn told(error: UplinkError) -> (bool, String) {
    match error {
        UplinkError::Down(e) => (false, e.to_string()),
        UplinkError::Refused(e) => (true, e.to_string()),
        other => panic!("neither down nor refused: {other:?}"),
    }
}

#[test]
fn events_and_pictures_arrive_as_they_are_on_topics_of_their_own() {
    if !available() {
        return;
    }
    for version in BOTH {
        let broker = Broker::open();
        let listener = broker.listen();
        let mut trap = Mqtt::new(Options { version, ..broker.options() }).unwrap();
        let body = r#"{"type":"sighting","species":"Canis lupus"}"#;
        assert_eq!(trap.send(&event("t1-3-300", body), PATIENCE).unwrap(), Receipt::Delivered);
        let jpeg = [&[0xFF, 0xD8][..], &[0, 9, 10, 13, 200].repeat(2_400)].concat();
        let picture = Parcel { subject: Subject::Picture, body: jpeg.clone(), ..event("t1-3-300", "") };
        assert_eq!(trap.send(&picture, PATIENCE).unwrap(), Receipt::Delivered);
        listener.wait_for("trapline/rila/t1/event", body);
        wait_until("the picture", || {
            let heard = listener.heard();
            let picture = heard.iter().find(|h| h.topic == "trapline/rila/t1/picture/t1-3-300");
            picture
                .is_some_and(|h| h.body == jpeg && (version == Version::V3 || h.content_type == "image/jpeg"))
        });
        assert_eq!(listener.last("trapline/rila/t1/status").as_deref(), Some("online"));
        trap.rest();
        listener.wait_for("trapline/rila/t1/status", "offline");
        // Whoever comes later reads it too.
        let late = broker.listen();
        wait_until("the retained status", || {
            late.heard().iter().any(|h| h.retained && h.topic.ends_with("/status") && h.body == b"offline")
        });
    }
}

#[test]
fn the_last_will_is_spoken_when_the_trap_vanishes() {
    if !available() {
        return;
    }
    for version in BOTH {
        let broker = Broker::open();
        let listener = broker.listen();
        let wire = Wire::to(broker.port);
        let url = format!("mqtt://127.0.0.1:{}", wire.port);
        let mut trap =
            Mqtt::new(Options { version, broker: url.parse().unwrap(), ..broker.options() }).unwrap();
        trap.ready(PATIENCE).unwrap();
        listener.wait_for("trapline/rila/t1/status", "online");
        wire.cut();
        listener.wait_for("trapline/rila/t1/status", "offline");
        // And the next call brings it back.
        trap.ready(PATIENCE).unwrap();
        wait_until("the trap's return", || {
            listener.last("trapline/rila/t1/status").as_deref() == Some("online")
        });
    }
}

#[test]
fn a_command_waits_for_a_trap_that_is_away_and_comes_once() {
    if !available() {
        return;
    }
    for version in BOTH {
        let broker = Broker::open();
        let options = Options { version, ..broker.options() };
        let mut trap = Mqtt::new(options.clone()).unwrap();
        trap.ready(PATIENCE).unwrap();
        trap.rest();
        // Bytes with a zero, a newline and no UTF-8, then the same as text.
        let sealed = [1, 0, b'\n', 0xFE, 7];
        broker.publish("trapline/rila/t1/command", &sealed, &[]);
        broker.publish("trapline/rila/t1/command", b"01000afe07", &[]);
        let received = trap.receive(PATIENCE).unwrap();
        assert_eq!(received.iter().map(|d| d.bytes.as_slice()).collect::<Vec<_>>(), [sealed; 2]);
        assert_eq!(trap.receive(Duration::from_millis(300)).unwrap(), []);
        trap.rest();
        assert_eq!(trap.receive(Duration::from_millis(300)).unwrap(), []);
        // A trap that lost power before it dealt with a command gets it again.
        broker.publish("trapline/rila/t1/command", &sealed, &[]);
        assert_eq!(trap.receive(PATIENCE).unwrap().len(), 1);
        drop(trap);
        let mut trap = Mqtt::new(options).unwrap();
        assert_eq!(trap.receive(PATIENCE).unwrap().len(), 1);
    }
}

#[test]
fn a_wrong_password_is_refused_and_names_its_keys() {
    if !available() {
        return;
    }
    let broker = Broker::with(|dir| {
        let file = dir.join("passwords");
        std::fs::write(&file, "").unwrap();
        let done = broker_support::command("mosquitto_passwd")
            .args(["-b", file.to_str().unwrap(), "trap", "wolf"])
            .status();
        assert!(done.unwrap().success());
        format!("allow_anonymous false\npassword_file {}\n", file.display())
    });
    for version in BOTH {
        let with = |user: Option<&str>, password: &str| Options {
            version,
            user: user.map(str::to_owned),
            password: user.map(|_| Secret::new(password)),
            ..broker.options()
        };
        let mut trap = Mqtt::new(with(Some("trap"), "wolf")).unwrap();
        assert_eq!(trap.send(&event("a", "{}"), PATIENCE).unwrap(), Receipt::Delivered);
        for wrong in [with(Some("trap"), "sheep"), with(None, "")] {
            let mut trap = Mqtt::new(wrong).unwrap();
            let (refused, told) = told(trap.send(&event("a", "{}"), PATIENCE).unwrap_err());
            assert!(refused && told.contains("check user, password") && !told.contains("sheep"), "{told}");
        }
    }
}

#[test]
fn a_message_the_broker_refuses_is_not_delivered_and_the_others_are() {
    if !available() {
        return;
    }
    let broker = Broker::with(|dir| {
        let file = dir.join("access");
        let rules = "topic readwrite trapline/rila/t1/event\ntopic readwrite trapline/rila/t1/status\n\
                     topic read #\ntopic write ready\n";
        std::fs::write(&file, rules).unwrap();
        format!("allow_anonymous true\nacl_file {}\n", file.display())
    });
    let mut trap = Mqtt::new(Options { version: Version::V5, ..broker.options() }).unwrap();
    let health = Parcel { subject: Subject::Health, ..event("b", "{}") };
    let mut answers = trap.send_all(&[event("a", "{}"), health, event("c", "{}")], PATIENCE);
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert!(matches!(answers.remove(2), Ok(Receipt::Delivered)));
    let (refused, told) = told(answers.remove(1).unwrap_err());
    assert!(refused && told.contains("NotAuthorized") && told.contains("/health"), "{told}");
    assert!(matches!(answers.remove(0), Ok(Receipt::Delivered)));
}

#[test]
fn no_call_outlives_its_deadline() {
    let deadline = Duration::from_millis(700);
    // Accepts and stays silent: the backlog of a listener that nobody asks.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = free_port();
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
                // Half a second for a busy machine.
                assert!(took < deadline + Duration::from_millis(500), "{url}: {took:?}");
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
        assert!(!refused && begun.elapsed() < Duration::from_millis(2_500));
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
        assert!(begun.elapsed() < Duration::from_millis(1_300));
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
        assert!(begun.elapsed() < Duration::from_millis(1_000));
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
        let (mut next, mut kills) = (0, 0u64);
        while next < parcels.len() {
            // At most 100 events between two kills, at a moment that varies.
            let after = Duration::from_micros(kills * 2_311 % 25_000);
            let killer = (kills < 20 && next > 0).then(|| broker.kill_after(after));
            let batch = &parcels[next..(next + 100).min(parcels.len())];
            let answers = trap.send_all(batch, Duration::from_secs(5));
            for answer in &answers {
                match answer {
                    Ok(Receipt::Delivered) => next += 1,
                    Err(UplinkError::Down(_)) => break,
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
        let mut bodies: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        wait_until("every event", || {
            bodies.clear();
            for heard in listeners.iter().flat_map(|l| l.heard()).filter(|h| h.topic.ends_with("/event")) {
                *bodies.entry(heard.body).or_default() += 1;
            }
            bodies.len() >= parcels.len()
        });
        // Nothing but what was sent: a duplicate has the same content.
        assert!(bodies.keys().eq(parcels.iter().map(|p| &p.body).collect::<std::collections::BTreeSet<_>>()));
    }
}

/// Authority, server and client certificates, made by `openssl`.
fn certificates(dir: &Path) {
    let openssl = |args: &str| {
        let done =
            broker_support::command("openssl").args(args.split(' ')).current_dir(dir).output().unwrap();
        assert!(done.status.success(), "{args}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    std::fs::write(dir.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
    for authority in ["ca", "other"] {
        openssl(&format!(
            "req -x509 {key} -keyout {authority}.key -out {authority}.pem -days 2 -subj /CN={authority}"
        ));
    }
    for (name, authority, days) in
        [("server", "ca", "2"), ("old", "ca", "-1"), ("trap", "ca", "2"), ("stranger", "other", "2")]
    {
        openssl(&format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -out {name}.pem \
             -days {days} -extfile names"
        ));
    }
}

/// A broker that speaks TLS only, with the certificate `server`, and asks for the trap's.
fn tls_broker(server: &str) -> Broker {
    Broker::with(|dir| {
        certificates(dir);
        let file = |name: &str| dir.join(name).display().to_string();
        format!(
            "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
            file("ca.pem"),
            file(&format!("{server}.pem")),
            file(&format!("{server}.key"))
        )
    })
}

fn tls_options(broker: &Broker, version: Version, authority: &str, own: Option<&str>) -> Options {
    let file = |name: String| broker.dir.path().join(name);
    Options {
        version,
        broker: format!("mqtts://localhost:{}", broker.port).parse().unwrap(),
        ca_file: Some(file(format!("{authority}.pem"))),
        certificate_file: own.map(|name| file(format!("{name}.pem"))),
        key_file: own.map(|name| file(format!("{name}.key"))),
        ..broker.options()
    }
}

#[test]
fn over_tls_both_sides_show_certificates() {
    if !available() {
        return;
    }
    let broker = tls_broker("server");
    for version in BOTH {
        let mut trap = Mqtt::new(tls_options(&broker, version, "ca", Some("trap"))).unwrap();
        assert_eq!(trap.send(&event("a", "{}"), PATIENCE).unwrap(), Receipt::Delivered);
        let by_address = format!("mqtts://127.0.0.1:{}", broker.port).parse().unwrap();
        let options = Options { broker: by_address, ..tls_options(&broker, version, "ca", Some("trap")) };
        assert_eq!(
            Mqtt::new(options).unwrap().send(&event("b", "{}"), PATIENCE).unwrap(),
            Receipt::Delivered
        );
    }
}

#[test]
fn over_tls_a_wrong_certificate_on_either_side_stops_the_trap_with_its_cure() {
    if !available() {
        return;
    }
    let (good, old) = (tls_broker("server"), tls_broker("old"));
    for version in BOTH {
        for (broker, authority, own, cure) in [
            (&good, "other", Some("trap"), "set ca_file"),
            (&old, "ca", Some("trap"), "renew the broker's certificate"),
            (&good, "ca", None, "certificate_file"),
            (&good, "ca", Some("stranger"), "certificate_file"),
        ] {
            let mut trap = Mqtt::new(tls_options(broker, version, authority, own)).unwrap();
            let (refused, told) = told(trap.send(&event("a", "{}"), PATIENCE).unwrap_err());
            assert!(!refused && told.contains(cure), "{version:?} {authority} {own:?}: {told}");
        }
        let mut plain = Mqtt::new(Options { version, ..good.options() }).unwrap();
        told(plain.send(&event("a", "{}"), Duration::from_secs(2)).unwrap_err());
        // And TLS to a port that speaks plainly.
        let open = Broker::open();
        let broker = format!("mqtts://localhost:{}", open.port).parse().unwrap();
        let options = Options { broker, ..tls_options(&good, version, "ca", None) };
        told(Mqtt::new(options).unwrap().send(&event("a", "{}"), Duration::from_secs(2)).unwrap_err());
    }
}

#[test]
fn home_assistant_hears_of_the_trap_when_either_starts() {
    if !available() {
        return;
    }
    let broker = Broker::open();
    let listener = broker.listen();
    let mut trap = Mqtt::new(Options { home_assistant: true, ..broker.options() }).unwrap();
    trap.ready(PATIENCE).unwrap();
    let topic = "homeassistant/device/trapline-rila-t1/config";
    let times = || listener.heard().iter().filter(|h| h.topic == topic).count();
    wait_until("the announcement", || times() == 1);
    broker.publish("homeassistant/status", b"online", &[]);
    let begun = Instant::now();
    while times() < 2 && begun.elapsed() < PATIENCE {
        assert_eq!(trap.receive(Duration::from_millis(100)).unwrap(), []);
    }
    assert_eq!(times(), 2);
}
