//! Events reach a real mosquitto, over MQTT 3.1.1 and 5, and commands come back.
//!
//! What arrived is told by `mosquitto_sub`, which knows nothing of Trapline. The programs are Debian's packages
//! `mosquitto` and `mosquitto-clients`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broker_support;

use std::time::{Duration, Instant};

use broker_support::{BOTH, Broker, PATIENCE, Wire, available, event, told, wait_until};
use trapline::drivers::Secret;
use trapline::drivers::mqtt::{Mqtt, Options, Version};
use trapline::hal::{Parcel, Receipt, Subject, Uplink};

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
fn a_retained_command_is_one_command_however_often_the_trap_connects() {
    if !available() {
        return;
    }
    for version in BOTH {
        let broker = Broker::open();
        let mut trap = Mqtt::new(Options { version, ..broker.options() }).unwrap();
        broker.publish("trapline/rila/t1/command", &[1, 9], &["-r"]);
        assert_eq!(trap.receive(PATIENCE).unwrap().len(), 1);
        for _ in 0..3 {
            assert_eq!(trap.receive(Duration::from_millis(100)).unwrap(), []);
            trap.rest();
        }
        broker.publish("trapline/rila/t1/command", &[1, 10], &["-r"]);
        assert_eq!(trap.receive(PATIENCE).unwrap()[0].bytes, [1, 10]);
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
