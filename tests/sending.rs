//! What is recorded goes out: once, in order of urgency, under the law, and whatever happens to link, clock and power.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sender_support;
mod store_support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use sender_support::{KEY, Post, World, sightings};
use trapline::airtime::{Limit, Region, time_on_air};
use trapline::event::command::{Command, Order, Threshold};
use trapline::event::wire::{Anchors, decode};
use trapline::event::{EPOCH, Message, When};
use trapline::hal::{Clock, Form, Receipt, UplinkError};
use trapline::units::ClockQuality;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn an_event_goes_out_once_as_json_and_leaves_the_outbox_when_it_arrived() {
    let world = World::letters();
    let mut trap = world.trap();
    trap.record(&["Canis lupus"]);
    trap.step();
    trap.step();
    let sent = world.letters_of("event");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["species"], "Canis lupus");
    assert_eq!(sent[0]["number"], 1);
    assert_eq!(sent[0]["boot"], 1);
    assert_eq!(sent[0]["time"], "2026-05-01T04:00:00Z");
    assert_eq!(sent[0]["device"], "ridge-3");
    assert_eq!(trap.sender.backlog().unwrap(), 0);
}

#[test]
fn ten_thousand_events_through_a_link_that_dies_all_arrive_under_the_same_keys() {
    let world = World::letters();
    let mut trap = world.trap();
    let mut dice = fastrand::Rng::with_seed(5);
    // Every other parcel fails, and one in ten of those did arrive: its acknowledgement was lost.
    world.answer(move |parcel, heard| match dice.u8(0..20) {
        0..=8 => Err(UplinkError::Down(sender_support::dead())),
        9 => {
            heard.push(parcel.clone());
            Err(UplinkError::Down(sender_support::dead()))
        }
        _ => {
            heard.push(parcel.clone());
            Ok(Receipt::Delivered)
        }
    });
    // Fewer here, for the disk's sake; the whole number runs against a real broker in tests/mqtt_backlog.rs.
    const EVENTS: usize = 1000;
    for _ in 0..EVENTS / 10 {
        trap.record(&["Sus scrofa"; 10]);
    }
    for _ in 0..20_000 {
        trap.step();
        world.pass(Duration::from_secs(60));
        if trap.sender.backlog().unwrap() == 0 {
            break;
        }
    }
    let mut by_key: BTreeMap<(u64, u64), BTreeSet<String>> = BTreeMap::new();
    for letter in world.letters_of("event") {
        let key = (letter["boot"].as_u64().unwrap(), letter["number"].as_u64().unwrap());
        by_key.entry(key).or_default().insert(letter.to_string());
    }
    assert_eq!(by_key.len(), EVENTS, "each arrived");
    assert!(by_key.values().all(|contents| contents.len() == 1), "a duplicate says the same");
    let numbers: Vec<u64> = by_key.keys().map(|(_, number)| *number).collect();
    assert_eq!(numbers, (1..=EVENTS as u64).collect::<Vec<_>>(), "the order can be restored");
}

#[test]
fn an_alert_does_not_wait_and_ten_deer_share_a_packet() {
    let world = World::packets(51);
    let mut trap = world.trap_alerting("Canis lupus");
    // The first health message would take them along.
    trap.step();
    trap.record(&["Capreolus capreolus"; 3]);
    trap.step();
    assert_eq!(world.sightings(), [], "three deer wait for company");
    trap.record(&["Canis lupus"]);
    trap.step();
    let first = world.posts(Post::is_event);
    let in_first = sightings(&first[0].body);
    assert!(in_first[0].alert, "the wolf stands first");
    assert!(first[0].confirm);
    assert_eq!(first.len(), 1, "the deer ride along");
    assert_eq!(in_first.len(), 4);
    trap.record(&["Capreolus capreolus"; 7]);
    trap.step();
    let packets = world.posts(Post::is_event);
    assert!(packets.iter().all(|p| p.body.len() <= 51));
    assert!(sightings(&packets[1].body).len() >= 6);
}

#[test]
fn what_nobody_acknowledged_goes_again_until_the_receiver_says_that_it_has_it() {
    let world = World::packets(222);
    world.answer(|parcel, heard| {
        heard.push(parcel.clone());
        Ok(Receipt::Passed)
    });
    let mut trap = world.trap();
    trap.record(&["Lynx lynx", "Sus scrofa", "Sus scrofa"]);
    world.pass(HOUR);
    trap.step();
    assert_eq!(world.sightings().len(), 3);
    trap.command(1, Command::Received { upto: 3, missing: 0b010 });
    trap.step();
    let again: Vec<u32> = world.sightings().iter().skip(3).map(|s| s.key.number).collect();
    assert_eq!(again, [2], "the missing one at once, the others never");
    for _ in 0..53 {
        world.pass(HOUR);
        trap.step();
    }
    let again: Vec<u32> = world.sightings().iter().skip(4).map(|s| s.key.number).collect();
    assert_eq!(again, [2], "after two days without a word (one, the first time), again");
    trap.command(2, Command::Received { upto: 3, missing: 0 });
    assert_eq!(trap.waiting_events(), 0);
}

#[test]
fn the_law_is_kept_over_restarts_and_what_it_leaves_no_room_for_stands_in_the_digest() {
    let world = World::packets(51).with_toll(
        Region::Eu868,
        0,
        vec![Limit::permille(trapline::airtime::Band::Any, 10)],
    );
    let mut trap = world.trap_alerting("Canis lupus");
    for hour in 0..30 {
        for _ in 0..6 {
            trap.record(&["Capreolus capreolus"; 12]);
            trap.step();
            world.pass(Duration::from_secs(600));
        }
        if hour % 7 == 3 {
            trap = trap.restart();
        }
    }
    trap.record(&["Canis lupus"]);
    for _ in 0..400 {
        world.pass(Duration::from_secs(600));
        trap.step();
    }
    // Brute force: no hour has more than 36 s on the air.
    let sent = world.posts(|_| true);
    let on_air: Vec<(i64, u64)> = sent
        .iter()
        .map(|p| (p.at.timestamp_micros(), time_on_air(Region::Eu868, 0, p.body.len()).unwrap()))
        .collect();
    for (start, _) in &on_air {
        let hour = on_air.iter().filter(|(at, _)| (*start..start + 3_600_000_000).contains(at));
        assert!(hour.map(|(_, micros)| micros).sum::<u64>() <= 36_000_000);
    }
    assert!(world.sightings().iter().any(|s| s.alert), "the wolf went");
    let mut told = 0;
    for message in sent.iter().flat_map(|p| decode(&p.body).unwrap().map(Result::unwrap).collect::<Vec<_>>())
    {
        if let Message::Digest(digest) = message {
            told += digest.lines.iter().map(|line| usize::from(line.folded)).sum::<usize>();
        }
    }
    let singly: BTreeSet<u32> = world.sightings().iter().map(|s| s.key.number).collect();
    assert!(told > 0, "some were told by the digest");
    assert_eq!(singly.len() + told, 30 * 6 * 12 + 1, "every deer went singly or stands in a digest");
}

#[test]
fn times_are_right_in_the_end_when_the_clock_was_not_set_at_first() {
    let world = World::packets(222);
    world.clock(TimeDelta::days(-20_000), ClockQuality::Unset);
    let mut trap = world.trap();
    trap.step();
    let mut truth = BTreeMap::new();
    for _ in 0..3 {
        world.pass(HOUR);
        truth.insert(trap.record(&["Vulpes vulpes"])[0], world.true_time());
        world.pass(HOUR);
        trap.step();
    }
    trap.command(1, Command::Time { utc: world.true_time().timestamp() });
    truth.insert(trap.record(&["Vulpes vulpes"])[0], world.true_time());
    world.pass(HOUR);
    trap.step();
    trap.step();
    assert_eq!(world.resolved(), truth.into_iter().map(|(n, t)| (n, Some(t.timestamp()))).collect());
}

#[test]
fn times_are_right_in_the_end_when_the_clock_was_three_hours_late() {
    let world = World::packets(222);
    world.clock(TimeDelta::hours(-3), ClockQuality::Rtc);
    let mut trap = world.trap();
    trap.step();
    let mut truth = BTreeMap::new();
    truth.insert(trap.record(&["Vulpes vulpes"])[0], world.true_time());
    world.pass(HOUR);
    trap.step();
    truth.insert(trap.record(&["Vulpes vulpes"])[0], world.true_time());
    trap.command(1, Command::Time { utc: world.true_time().timestamp() });
    truth.insert(trap.record(&["Vulpes vulpes"])[0], world.true_time());
    world.pass(HOUR);
    trap.step();
    trap.step();
    assert_eq!(world.resolved(), truth.into_iter().map(|(n, t)| (n, Some(t.timestamp()))).collect());
}

#[test]
fn times_are_right_in_the_end_when_the_network_told_the_time_with_the_first_packet_it_heard() {
    let world = World::packets(222);
    world.clock(TimeDelta::days(-20_000), ClockQuality::Unset);
    let mut truth = BTreeMap::new();
    let mut trap = world.trap();
    // The network does not tell it at first: it is asked again, but not with every packet.
    for _ in 0..6 {
        truth.insert(trap.record(&["Vulpes vulpes"])[0], world.true_time());
        world.pass(HOUR);
        trap.step();
    }
    assert_eq!(world.utc().1, ClockQuality::Unset);
    assert!((2..=14).contains(&world.questions()), "{}", world.questions());
    world.tells_time(true);
    truth.insert(trap.record(&["Vulpes vulpes"])[0], world.true_time());
    for _ in 0..3 {
        world.pass(HOUR);
        trap.record(&["Vulpes vulpes"]);
        truth.insert(truth.len() as u32 + 1, world.true_time());
        world.pass(HOUR);
        trap.step();
        trap.step();
    }
    assert_eq!(world.utc(), (world.true_time(), ClockQuality::Network));
    assert_eq!(world.resolved(), truth.into_iter().map(|(n, t)| (n, Some(t.timestamp()))).collect());
}

#[test]
fn the_network_is_asked_for_the_time_once_a_day_and_corrects_a_clock_that_drifts() {
    let world = World::packets(222);
    world.tells_time(true);
    let mut trap = world.trap();
    for day in 1..=4 {
        for _ in 0..24 {
            trap.record(&["Vulpes vulpes"; 6]);
            trap.step();
            world.pass(HOUR);
        }
        world.clock(TimeDelta::seconds(4), ClockQuality::Network);
        trap.record(&["Vulpes vulpes"; 6]);
        trap.step();
        trap.step();
        assert_eq!(world.utc().0, world.true_time(), "day {day}");
        assert!(world.questions() <= day + 1, "day {day}: {}", world.questions());
    }
    assert!(world.rests() > 90, "the modem rests between packets");
    // What satellites said is better.
    world.pass(25 * HOUR);
    world.clock(TimeDelta::seconds(4), ClockQuality::Gps);
    let asked = world.questions();
    trap.record(&["Vulpes vulpes"; 6]);
    trap.step();
    assert_eq!((world.questions(), world.utc().1), (asked, ClockQuality::Gps));
}

#[test]
fn join_requests_are_paid_for_so_that_reboots_cannot_break_the_law() {
    let law = vec![Limit::permille(trapline::airtime::Band::Any, 10)];
    let world = World::packets(51).with_toll(Region::Eu868, 0, law);
    world.shut();
    let mut trap = world.trap();
    // A supply that breaks down whenever the radio sends: the trap starts anew each minute, for three hours.
    for _ in 0..180 {
        trap.record(&["Lynx lynx"]);
        trap.step();
        world.pass(Duration::from_secs(60));
        trap = trap.restart();
    }
    let joins = world.joins();
    // 23 bytes at SF12: 1,482,752 us by Semtech's formula.
    let most = 36_000_000 / 1_482_752;
    for start in &joins {
        let hour = joins.iter().filter(|at| (*start..*start + TimeDelta::hours(1)).contains(*at));
        assert!(hour.count() <= most, "{joins:?}");
    }
    assert!(joins.len() > most, "it goes on trying: {}", joins.len());
}

#[test]
fn alerts_ask_for_an_acknowledgement_only_so_often_a_day() {
    let world = World::packets(51);
    let mut trap = world.trap_alerting("Canis lupus");
    for hour in 0..48 {
        trap.record(&["Canis lupus"]);
        trap.step();
        world.pass(HOUR);
        if hour % 5 == 4 {
            trap = trap.restart();
        }
    }
    let wolves = world.posts(Post::is_event);
    assert_eq!(wolves.len(), 48);
    let confirmed: Vec<_> = wolves.iter().filter(|post| post.confirm).map(|post| post.at).collect();
    for start in &confirmed {
        let day = confirmed.iter().filter(|at| (*start..*start + TimeDelta::hours(24)).contains(*at));
        assert!(day.count() <= 9);
    }
    assert_eq!(confirmed.len(), 18, "nine on each of two days");
}

#[test]
fn old_events_are_given_up_and_that_is_told() {
    let world = World::letters();
    world.answer(|_, _| Err(UplinkError::Down(sender_support::dead())));
    let mut trap = world.trap();
    trap.record(&["Lynx lynx", "Lynx lynx"]);
    trap.step();
    world.pass(Duration::from_secs(61 * 86_400));
    trap.step();
    world.heal();
    world.pass(2 * HOUR);
    trap.step();
    assert_eq!(world.letters_of("event").len(), 0);
    assert_eq!(world.letters_of("lost").last().unwrap()["expired"], 2);
}

#[test]
fn a_command_counts_once_and_only_from_the_owner_of_the_key() {
    let world = World::letters();
    let mut trap = world.trap();
    let results = |world: &World| -> Vec<String> {
        world
            .letters_of("ack")
            .iter()
            .map(|l| format!("{} {}", l["counter"], l["result"].as_str().unwrap()))
            .collect()
    };
    let sealed = trap.command(5, Command::Status);
    trap.sender.command(&sealed).unwrap();
    trap.step();
    let expired = Order { counter: 6, expires: 1, command: Command::Status };
    trap.sender.command(&expired.seal("ridge-3", KEY).unwrap()).unwrap();
    trap.step();
    let mut forged = sealed.clone();
    *forged.last_mut().unwrap() ^= 1;
    trap.sender.command(&forged).unwrap();
    trap.sender.command(b"reboot").unwrap();
    trap.step();
    assert_eq!(results(&world), ["5 done", "5 replayed", "6 expired"]);
    assert_eq!(world.letters_of("lost").last().unwrap()["commands"], 4);
    world.pass(Duration::from_secs(1));
    let mut trap = trap.restart();
    trap.sender.command(&sealed).unwrap();
    trap.step();
    assert_eq!(results(&world).last().unwrap(), "5 replayed", "a restart forgets no counter");
}

#[test]
fn a_change_is_kept_once_the_trap_reported_healthy_after_it() {
    let world = World::letters();
    let mut trap = world.trap();
    trap.command(1, Command::Threshold { which: Threshold::Species, thousandths: 900 });
    assert_eq!(trap.thresholds().unwrap().species.unwrap().get(), 0.9);
    trap.step();
    trap.step();
    let results: Vec<_> =
        world.letters_of("ack").iter().map(|l| l["result"].as_str().unwrap().to_owned()).collect();
    assert_eq!(results, ["trial", "kept"]);
    let mut trap = trap.restart();
    assert_eq!(trap.thresholds().unwrap().species.unwrap().get(), 0.9, "after a restart as well");
}

#[test]
fn a_change_is_taken_back_when_no_report_gets_out_or_the_trap_restarts() {
    let world = World::letters();
    let mut trap = world.trap();
    trap.step();
    world.answer(|_, _| Err(UplinkError::Down(sender_support::dead())));
    trap.command(1, Command::Threshold { which: Threshold::Species, thousandths: 900 });
    assert!(trap.thresholds().unwrap().species.is_some());
    world.pass(5 * HOUR);
    trap.step();
    assert_eq!(trap.thresholds().unwrap().species, None, "four hours without a report");

    trap.command(2, Command::Threshold { which: Threshold::Species, thousandths: 800 });
    assert!(trap.thresholds().unwrap().species.is_some());
    let mut trap = trap.restart();
    assert_eq!(trap.thresholds().unwrap().species, None, "a restart in the middle");
    world.heal();
    world.pass(2 * HOUR);
    trap.step();
    let acks = world.letters_of("ack");
    let of = |counter: u64| acks.iter().rev().find(|l| l["counter"] == counter).unwrap()["result"].clone();
    assert_eq!((of(1), of(2)), ("reverted".into(), "reverted".into()));
}

#[test]
fn a_command_marks_the_place_and_a_picture_that_is_not_there_is_no_picture_sent() {
    let world = World::letters();
    let mut trap = world.trap();
    trap.command(1, Command::Mark { latitude: 46_500_000, longitude: 25_300_000 });
    trap.command(2, Command::Picture { number: 0 });
    trap.step();
    let results: Vec<_> = world.letters_of("ack").iter().map(|l| l["result"].clone()).collect();
    assert_eq!(results, ["done", "failed"]);
    let setup = trap.reader().setups().unwrap().items.pop().unwrap();
    assert_eq!(
        (setup.source.as_str(), setup.setup.latitude, setup.setup.longitude),
        ("command", Some(46.5), Some(25.3))
    );
}

#[test]
fn a_burst_by_command_is_acknowledged_with_its_number_and_one_that_never_came_as_failed() {
    let world = World::letters();
    let mut trap = world.trap();
    let acks = || -> Vec<(u64, String, Option<u64>)> {
        let ack = |l: &serde_json::Value| {
            (l["counter"].as_u64().unwrap(), l["result"].as_str().unwrap().to_owned(), l["number"].as_u64())
        };
        world.letters_of("ack").iter().map(ack).collect()
    };
    trap.record(&["Lynx lynx"]);
    trap.command(1, Command::Burst);
    trap.step();
    assert_eq!(acks(), [], "not before the burst is in the journal");
    assert_eq!(trap.record_asked(1), 2);
    trap.step();
    assert_eq!(acks(), [(1, "done".to_owned(), Some(2))]);

    // Power goes: the burst of 2 made it into the journal, and the sender does not know yet.
    trap.command(2, Command::Burst);
    trap.record_asked(2);
    let mut trap = trap.restart();
    trap.step();
    assert_eq!(acks()[1], (2, "done".to_owned(), Some(3)));
    // The third is one too many for this trap, which says so at once.
    trap.command(3, Command::Burst);
    trap.step();
    assert_eq!(acks()[2], (3, "failed".to_owned(), None));
    assert_eq!(acks().len(), 3, "each is answered once");
}

#[test]
fn a_burst_that_a_power_cut_took_is_a_failure() {
    let world = World::letters();
    let mut trap = world.trap();
    trap.command(1, Command::Burst);
    let mut trap = trap.restart();
    trap.step();
    let acks = world.letters_of("ack");
    assert_eq!(
        (acks.len(), acks[0]["counter"].as_u64(), acks[0]["result"].as_str()),
        (1, Some(1), Some("failed"))
    );
    // And one whose burst the camera never gave, after a quarter of an hour.
    trap.command(2, Command::Burst);
    world.pass(Duration::from_secs(899));
    trap.step();
    assert_eq!(world.letters_of("ack").len(), 1);
    world.pass(Duration::from_secs(2));
    trap.step();
    assert_eq!(world.letters_of("ack")[1]["result"], "failed");
}

#[test]
fn what_one_uplink_refuses_goes_by_the_next() {
    let world = World::letters();
    world.answer(|_, _| Err(UplinkError::Refused(sender_support::dead())));
    let other = World::letters();
    let mut trap = world.trap_with(&[&other]);
    trap.record(&["Lynx lynx"]);
    trap.step();
    trap.step();
    assert_eq!(other.letters_of("event").len(), 1);
    assert_eq!(trap.waiting_events(), 0);
}

#[test]
fn the_day_ends_with_a_digest_of_species_hours_and_effort() {
    let world = World::letters();
    let mut trap = world.trap();
    trap.record(&["Lynx lynx", "Sus scrofa", "Sus scrofa"]);
    trap.step();
    world.pass(20 * HOUR);
    trap.heartbeat();
    trap.step();
    let digests = world.letters_of("digest");
    assert_eq!(digests.len(), 1);
    assert_eq!(digests[0]["day"], "2026-05-01");
    assert_eq!(digests[0]["effort_min"], 1200 - 1, "from 04:00:00.25 to midnight");
    let lines = digests[0]["lines"].as_array().unwrap();
    assert_eq!(lines[0]["species"], "Sus scrofa");
    assert_eq!(lines[0]["events"], 2);
    assert_eq!(lines[0]["hours"], serde_json::json!([4]));
    let mut trap = trap.restart();
    trap.step();
    assert_eq!(world.letters_of("digest").len(), 1, "a restart does not tell it again");
}

#[test]
fn what_does_not_fit_the_link_holds_no_sighting_up() {
    // SF10 in US915: eleven bytes, too few for any health message.
    let world = World::packets(11);
    let mut trap = world.trap();
    trap.step();
    trap.record(&["Lynx lynx", "Sus scrofa"]);
    for _ in 0..3 {
        world.pass(HOUR);
        trap.step();
    }
    assert_eq!(world.sightings().len(), 2);
    assert!(trap.sender.backlog().unwrap() > 0, "the health message waits for a better link");
}

#[test]
fn sightings_come_before_digests_and_health_and_alerts_before_all() {
    let world = World::letters();
    world.answer(|_, _| Err(UplinkError::Down(sender_support::dead())));
    let mut trap = world.trap_alerting("Canis lupus");
    trap.record(&["Sus scrofa", "Canis lupus"]);
    trap.step();
    world.pass(26 * HOUR);
    trap.heartbeat();
    trap.command(1, Command::Mark { latitude: 46_500_000, longitude: 25_300_000 });
    trap.step();
    world.heal();
    world.pass(2 * HOUR);
    trap.step();
    let order: Vec<String> = world.posts(|_| true).iter().map(|p| p.parcel.name.clone()).collect();
    let place = |start: &str| order.iter().position(|name| name.starts_with(start)).expect(start);
    assert_eq!(place("event-1-2"), 0, "{order:?}");
    assert!(place("ack-1-done") < place("event-1-1"), "{order:?}");
    assert!(place("event-1-1") < place("digest-2026-05-01"), "{order:?}");
    assert!(place("digest-2026-05-01") < place("health-"), "{order:?}");
}

#[test]
fn events_of_a_clock_that_was_never_set_do_not_grow_old_when_it_is() {
    let world = World::packets(222);
    world.clock(TimeDelta::days(-20_000), ClockQuality::Unset);
    world.answer(|_, _| Err(UplinkError::Down(sender_support::dead())));
    let mut trap = world.trap();
    trap.record(&["Lynx lynx"]);
    trap.step();
    world.pass(HOUR);
    trap.command(1, Command::Time { utc: world.true_time().timestamp() });
    world.pass(2 * HOUR);
    trap.step();
    world.heal();
    world.pass(2 * HOUR);
    trap.step();
    assert_eq!(world.sightings().len(), 1, "an hour old, whatever the clock said when it was seen");
    assert_eq!(trap.waiting_events(), 0);
}

#[test]
fn a_digest_that_stands_for_sightings_goes_again_until_it_arrived() {
    let world = World::packets(51).with_toll(
        Region::Eu868,
        0,
        vec![Limit::permille(trapline::airtime::Band::Any, 1)],
    );
    // Nobody acknowledges anything.
    world.answer(|parcel, heard| {
        heard.push(parcel.clone());
        Ok(Receipt::Passed)
    });
    let mut trap = world.trap();
    trap.record(&["Sus scrofa"; 40]);
    for _ in 0..72 {
        world.pass(HOUR);
        trap.step();
    }
    let digests = world.posts(|p| {
        decode(&p.body)
            .unwrap()
            .any(|m| matches!(m, Ok(Message::Digest(d)) if d.lines.iter().any(|l| l.folded > 0)))
    });
    assert!(digests.len() >= 2, "it goes again: {}", digests.len());
    assert!(digests.iter().all(|p| p.confirm), "with the network asked for an acknowledgement");
    assert!(trap.waiting_events() > 0, "the events that it stands for are not done");
    world.heal();
    for _ in 0..24 * 8 {
        world.pass(HOUR);
        trap.step();
    }
    let folded_left = trap.waiting_events();
    assert_eq!(folded_left, 0, "now they are");
}

#[test]
fn a_trap_without_power_at_midnight_still_owes_the_digests_of_the_days_before() {
    let world = World::letters();
    let mut trap = world.trap();
    trap.record(&["Lynx lynx"]);
    trap.step();
    world.pass(3 * HOUR);
    trap.heartbeat();
    // Two nights and a day without power.
    world.pass(50 * HOUR);
    let mut trap = trap.restart();
    trap.step();
    let days: Vec<String> =
        world.letters_of("digest").iter().map(|d| d["day"].as_str().unwrap().to_owned()).collect();
    assert_eq!(days, ["2026-05-01"], "and none of the day without watch");
}

#[test]
fn an_alert_wakes_a_link_that_rests_after_failures() {
    let world = World::letters();
    let mut trap = world.trap_alerting("Canis lupus");
    world.answer(|_, _| Err(UplinkError::Down(sender_support::dead())));
    trap.record(&["Sus scrofa"]);
    for _ in 0..20 {
        trap.step();
        world.pass(Duration::from_secs(1800));
    }
    trap.step();
    world.heal();
    trap.record(&["Sus scrofa"]);
    trap.step();
    assert_eq!(world.letters_of("event").len(), 0, "the link rests");
    trap.record(&["Canis lupus"]);
    trap.step();
    assert_eq!(world.letters_of("event")[0]["species"], "Canis lupus");
}

#[test]
fn an_alert_goes_alone_where_the_law_has_no_room_for_its_company() {
    let limit = Limit::permille(trapline::airtime::Band::Any, 1);
    // 3.6 s an hour at SF12: one packet of 11 bytes (1.48 s) and one of 51 (2.79 s) do not fit together.
    let world = World::packets(51).with_toll(Region::Eu868, 0, vec![limit]);
    let mut trap = world.trap_alerting("Canis lupus");
    // The first health message, and an hour to forget it.
    trap.step();
    world.pass(2 * HOUR);
    trap.record(&["Canis lupus"]);
    trap.step();
    assert_eq!(world.sightings().len(), 1);
    trap.record(&["Sus scrofa"; 8]);
    trap.record(&["Canis lupus"]);
    trap.step();
    assert_eq!(world.sightings().iter().filter(|s| s.alert).count(), 2, "within the same minute");
}

#[test]
fn the_anchors_form_and_epoch_are_those_of_the_wire() {
    // Guards the helper that the stories above judge by.
    assert_eq!(EPOCH, 1_704_067_200);
    let anchors = Anchors::<4>::new();
    let when = When::SinceBoot { seconds: 5 };
    assert_eq!(anchors.resolve(trapline::event::EventKey { boot: 1, number: 1 }, when), when);
    assert_eq!(World::packets(11).form(), Form::Packet);
}
