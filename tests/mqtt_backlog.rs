//! Ten thousand events through a real broker that dies every few seconds: each arrives, under one key, and the order
//! can be restored. What arrived is told by `mosquitto_sub`, which keeps its session over the broker's deaths.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broker_support;
mod sender_support;
mod store_support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use broker_support::{Broker, available, wait_until};
use sender_support::World;
use trapline::daemon::sender::channel::Channel;
use trapline::drivers::mqtt::Mqtt;

const EVENTS: u64 = 10_000;

/// The broker lives for so long; ten thousand events take it a few lives.
const LIFE: Duration = Duration::from_millis(1200);

#[test]
fn ten_thousand_events_through_a_broker_that_dies_every_few_seconds() {
    if !available() {
        return;
    }
    // In memory where there is such a place: the journal itself is tried on real cards elsewhere.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let broker = Broker::open();
    let listener = broker.listen_as(&["-c", "-i", "ecologist"]);
    let world = World::letters();
    let mqtt = Mqtt::new(broker.options()).unwrap();
    let mut trap = world.trap_sending(folder, vec![Channel::new(Box::new(mqtt), None, true)]);
    for _ in 0..EVENTS / 10 {
        trap.record_together(&["Sus scrofa"; 10]);
    }

    let (done, deaths) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                std::thread::sleep(LIFE);
                // SIGTERM: it writes down what it has accepted, which it must for the subscriber's sake.
                broker.signal("-TERM");
                broker.restart();
                deaths.fetch_add(1, Ordering::SeqCst);
            }
        });
        let begun = Instant::now();
        while trap.sender.backlog().unwrap() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(240), "{} wait", trap.sender.backlog().unwrap());
            trap.step();
            // The pauses after failures are the sender's own, and pass as the world says.
            world.pass(Duration::from_secs(600));
            std::thread::sleep(Duration::from_millis(20));
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(deaths.load(Ordering::SeqCst) >= 3, "the broker died in the middle");

    let numbers = || {
        let heard = listener.heard();
        let mut by_number: BTreeMap<u64, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for letter in heard.iter().filter(|h| h.topic == "trapline/rila/t1/event") {
            let event: serde_json::Value = serde_json::from_slice(&letter.body).unwrap();
            assert_eq!(event["boot"], 1);
            by_number.entry(event["number"].as_u64().unwrap()).or_default().insert(letter.body.clone());
        }
        by_number
    };
    wait_until("the last event", || numbers().len() as u64 >= EVENTS);
    let heard = numbers();
    assert!(heard.keys().copied().eq(1..=EVENTS), "each arrived");
    assert!(heard.values().all(|bodies| bodies.len() == 1), "what came twice says the same");
}
