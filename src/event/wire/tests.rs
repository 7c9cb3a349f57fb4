use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::event::{
    Anchor, Code, CommandAck, CommandResult, DIGEST_LINES, Digest, DigestLine, EPOCH, EventKey, Health, Lost,
    Message, Power, Reset, Seen, When,
};
use crate::units::{ClockQuality, Score};

/// 2026-11-25T03:12:00Z, by `date -u -d 2026-11-25T03:12:00Z +%s`.
const NIGHT: i64 = 1_795_576_320;

const GOLDEN_ONE: &[u8] = &[0x11, 0x06, 0x00, 0x25, 0x88, 0xae, 0x8a, 0x30, 0x01, 0x1e, 0x46];
const GOLDEN_THREE: &[u8] = &[
    0x11, 0x06, 0x00, 0x25, 0x88, 0xae, 0x8a, 0x30, 0x01, 0x1e, 0x46, 0x02, 0xd0, 0x13, 0xf0, 0x10, 0x57,
    0x8f, 0x87, 0xfc, 0x0f, 0x00,
];

fn wolf() -> Seen {
    Seen {
        key: EventKey { boot: 3, number: 300 },
        at: When::Utc { seconds: NIGHT, quality: ClockQuality::Rtc },
        code: Code::new(17).unwrap(),
        score: Score::new(57.0 / 63.0),
        count: 2,
        alert: true,
    }
}

fn all(frame: &[u8]) -> Vec<Message> {
    decode(frame).unwrap().map(Result::unwrap).collect()
}

fn health() -> Health {
    Health {
        at: When::Utc { seconds: NIGHT, quality: ClockQuality::Network },
        boot: u32::MAX,
        next: u32::MAX,
        codebook: u32::MAX,
        uptime: u32::MAX,
        reset: Reset::Watchdog,
        version: [255; 3],
        battery: Some(u16::MAX),
        temperature: Some(-128),
        card_free: Some(255),
        triggers: u32::MAX,
        empties: u32::MAX,
        suppressed: u32::MAX,
        failed: u32::MAX,
        waiting: u32::MAX,
    }
}

fn power() -> Power {
    Power {
        at: When::Utc { seconds: NIGHT, quality: ClockQuality::Network },
        boot: u32::MAX,
        next: u32::MAX,
        percent: Some(255),
        milliamps: Some(i32::MIN),
        strain: Some(255),
        lux: Some(u32::MAX),
        failures: u32::MAX,
        unjudged: u32::MAX,
        unverified: u32::MAX,
    }
}

#[test]
fn golden_sightings_both_ways() {
    // Put together bit by bit from the table in docs/wire-format.md, outside this program.
    let one = GOLDEN_ONE;
    let packed = pack(&[Message::Sighting(wolf())], SIGHTING_BYTES).unwrap();
    assert_eq!((packed.frame.as_slice(), packed.taken), (one, 1));
    assert_eq!(all(one), [Message::Sighting(wolf())]);

    let at = |seconds| When::Utc { seconds, quality: ClockQuality::Rtc };
    let lynx = Seen {
        key: EventKey { boot: 3, number: 301 },
        at: at(NIGHT + 90),
        code: Code::new(4).unwrap(),
        score: Score::ONE,
        count: 1,
        alert: false,
    };
    let herd = Seen {
        key: EventKey { boot: 3, number: 306 },
        at: at(NIGHT + 90 - 3600),
        code: Code::OTHER,
        score: Score::ZERO,
        count: 100,
        alert: false,
    };
    let three = [wolf(), lynx, herd].map(Message::Sighting);
    assert_eq!(pack(&three, 51).unwrap().frame, GOLDEN_THREE);
    assert_eq!(all(GOLDEN_THREE), three);
}

#[test]
fn a_golden_acknowledgement_both_ways() {
    // Header 0x12, tag 5, length 3, postcard's varint of 300, Reverted is the fourth result.
    let ack = Message::Ack(CommandAck { counter: 300, result: CommandResult::Reverted, number: None });
    let golden = [0x12, 5, 3, 0xac, 0x02, 3];
    assert_eq!(pack(std::slice::from_ref(&ack), 11).unwrap().frame, golden);
    assert_eq!(all(&golden), [ack]);
}

/// Put together from the tables in docs/wire-format.md by another program, in another language; the payload codec's
/// examples (`cross/lorawan/`) hold the same frames.
#[test]
fn golden_frames_of_the_other_messages_both_ways() {
    let utc = |quality| When::Utc { seconds: NIGHT, quality };
    let health = Health {
        at: utc(ClockQuality::Network),
        boot: 3,
        next: 301,
        codebook: 0xf8f5_20ff,
        uptime: 3600,
        reset: Reset::Power,
        version: [0, 1, 0],
        battery: Some(12_400),
        temperature: Some(-4),
        card_free: Some(87),
        triggers: 12,
        empties: 9,
        suppressed: 0,
        failed: 0,
        waiting: 2,
    };
    let line = DigestLine { code: Code::new(17).unwrap(), hours: 0x80_0001, events: 4, folded: 2 };
    let day = Digest {
        day: 1059,
        part: 0,
        parts: 1,
        effort: 1439,
        triggers: 9,
        empties: 5,
        lines: [line].into_iter().collect(),
    };
    let lost = Lost { expired: 1, captures: 2, ..Lost::default() };
    let reverted = CommandAck { counter: 300, result: CommandResult::Reverted, number: None };
    let person = Seen {
        key: EventKey { boot: 3, number: 299 },
        at: When::SinceBoot { seconds: 1000 },
        code: Code::PERSON,
        score: Score::ONE,
        count: 1,
        alert: false,
    };
    let anchor = Anchor { boot: 3, started: NIGHT - 1000, shift: 0, before: 301, quality: ClockQuality::Gps };
    let power = Power {
        at: utc(ClockQuality::Network),
        boot: 3,
        next: 301,
        percent: Some(64),
        milliamps: Some(-182),
        strain: Some(Power::UNDER_VOLTAGE_BEFORE),
        lux: None,
        failures: 4,
        unjudged: 7,
        unverified: 1,
    };
    let golden: [(&[u8], Vec<Message>); 5] = [
        (
            &[
                0x12, 0x07, 0x12, 0xc5, 0x74, 0x51, 0x80, 0x03, 0xad, 0x02, 0x01, 0x40, 0x01, 0xeb, 0x02,
                0x01, 0x02, 0x00, 0x04, 0x07, 0x01,
            ],
            std::vec![Message::Power(power)],
        ),
        (
            &[
                0x12, 0x02, 0x1d, 0xc5, 0x74, 0x51, 0x80, 0x03, 0xad, 0x02, 0xf8, 0xf5, 0x20, 0xff, 0x90,
                0x1c, 0x01, 0x00, 0x01, 0x00, 0x01, 0xf0, 0x60, 0x01, 0xfc, 0x01, 0x57, 0x0c, 0x09, 0x00,
                0x00, 0x02,
            ],
            std::vec![Message::Health(health)],
        ),
        (
            &[
                0x12, 0x03, 0x0f, 0xa3, 0x08, 0x00, 0x01, 0x9f, 0x0b, 0x09, 0x05, 0x01, 0x11, 0x80, 0x00,
                0x01, 0x04, 0x02,
            ],
            std::vec![Message::Digest(day)],
        ),
        (
            &[0x12, 0x04, 0x06, 0x01, 0x00, 0x00, 0x02, 0x00, 0x00, 0x05, 0x03, 0xac, 0x02, 0x03],
            std::vec![Message::Lost(lost), Message::Ack(reverted)],
        ),
        (
            &[
                0x12, 0x01, 0x0a, 0x06, 0x00, 0x25, 0x60, 0x00, 0x00, 0x7d, 0x00, 0x1f, 0xc0, 0x06, 0x0a,
                0x03, 0xb0, 0xb8, 0xb2, 0xb0, 0x0d, 0x00, 0xad, 0x02, 0x02,
            ],
            std::vec![Message::Sighting(person), Message::Anchor(anchor)],
        ),
    ];
    for (frame, messages) in golden {
        assert_eq!(pack(&messages, 51).unwrap().frame, frame, "{messages:?}");
        assert_eq!(all(frame), messages);
    }
}

#[test]
fn an_acknowledgement_of_a_burst_tells_its_number_at_its_end() {
    // By hand: version and kind, tag 5, length, counter 300, result 0 (done), number 70 000.
    let ack = Message::Ack(CommandAck { counter: 300, result: CommandResult::Done, number: Some(70_000) });
    let bytes = [0x12, 5, 6, 0xac, 0x02, 0, 0xf0, 0xa2, 0x04];
    assert_eq!(pack(std::slice::from_ref(&ack), FRAME_MAX).unwrap().frame, bytes);
    let mut read = decode(&bytes).unwrap();
    assert_eq!((read.next(), read.next(), read.longer()), (Some(Ok(ack)), None, 0));
}

#[test]
fn the_longest_of_each_fits_what_is_promised() {
    let longest = [
        (Message::Health(health()), HEALTH_MAX),
        (Message::Power(power()), POWER_MAX),
        (
            Message::Lost(Lost {
                expired: u32::MAX,
                refused: u32::MAX,
                bursts: u32::MAX,
                captures: u32::MAX,
                damaged: u32::MAX,
                commands: u32::MAX,
            }),
            LOST_MAX,
        ),
        (
            Message::Ack(CommandAck {
                counter: u32::MAX,
                result: CommandResult::Failed,
                number: Some(u32::MAX),
            }),
            ACK_MAX,
        ),
        (
            Message::Anchor(Anchor {
                boot: u32::MAX,
                started: i64::MIN,
                shift: i32::MIN,
                before: u32::MAX,
                quality: ClockQuality::Network,
            }),
            ANCHOR_MAX,
        ),
    ];
    for (message, max) in longest {
        assert_eq!(pack(std::slice::from_ref(&message), FRAME_MAX).unwrap().frame.len(), max, "{message:?}");
        assert_eq!(pack(std::slice::from_ref(&message), max - 1), Err(WireError::TooLong { max: max - 1 }));
        assert!(max <= 51);
    }
}

/// Neighbours 127 events and 6 days apart, the furthest that is promised for, and then the furthest there is.
#[test]
fn six_sightings_fit_51_bytes_and_thirty_222() {
    let rows = |number: u32, seconds: i64| -> Vec<Message> {
        let nth = |i: u32| Seen {
            key: EventKey { boot: 3, number: 300 + i * number },
            at: When::Utc { seconds: NIGHT + i64::from(i) * seconds, quality: ClockQuality::Rtc },
            code: Code::OTHER,
            ..wolf()
        };
        (0..60).map(|i| Message::Sighting(nth(i))).collect()
    };
    let typical = rows(127, 6 * 86_400);
    assert_eq!((pack(&typical, 51).unwrap().taken, pack(&typical, 222).unwrap().taken), (7, 32));
    let worst = rows(9_000, 7 * 86_400);
    assert_eq!((pack(&worst, 51).unwrap().taken, pack(&worst, 222).unwrap().taken), (5, 23));
}

#[test]
fn an_old_decoder_skips_what_is_new_and_counts_it() {
    // A later version's frame: an unknown tag, an acknowledgement with a field more, another unknown tag.
    let newer = [0x12, 99, 2, 7, 7, 5, 5, 0xac, 0x02, 3, 42, 9, 200, 0];
    let mut decoded = decode(&newer).unwrap();
    let messages: Vec<_> = decoded.by_ref().collect();
    assert_eq!(
        messages,
        [Ok(Message::Ack(CommandAck { counter: 300, result: CommandResult::Reverted, number: Some(42) }))]
    );
    assert_eq!((decoded.skipped(), decoded.longer()), (2, 1));
    let mut kind = decode(&[0x1f, 1, 2, 3]).unwrap();
    assert_eq!((kind.next(), kind.skipped()), (None, 1));
    assert_eq!(decode(&[0x21, 1]).err(), Some(WireError::Version(2)));
    assert_eq!(decode(&[]).err(), Some(WireError::Nothing));
    assert_eq!(decode(&GOLDEN_ONE[..10]).unwrap().next(), Some(Err(WireError::Cut)));
}

#[test]
fn an_item_that_cannot_be_read_hides_no_other_and_is_not_counted_as_longer() {
    // A result of a later version; a digest whose one line has code 512 (varint 80 04), with a byte more; an
    // acknowledgement.
    let frame =
        [0x12, 5, 2, 7, 11, 3, 15, 1, 0, 1, 0, 0, 0, 1, 0x80, 0x04, 0, 0, 0, 0, 0, 42, 5, 3, 0xac, 0x02, 3];
    let mut decoded = decode(&frame).unwrap();
    let read: Vec<_> = decoded.by_ref().collect();
    let ack = Message::Ack(CommandAck { counter: 300, result: CommandResult::Reverted, number: None });
    assert_eq!(read, [Err(WireError::Body(5)), Err(WireError::Body(3)), Ok(ack)]);
    assert_eq!((decoded.skipped(), decoded.longer()), (0, 0));
}

#[test]
fn a_long_day_is_split_and_nothing_is_lost() {
    let lines: Vec<DigestLine> = (0..60)
        .map(|i| DigestLine {
            code: Code::new(128 + i).unwrap(),
            hours: 0xff_ffff,
            events: 16_383,
            folded: 16_383,
        })
        .collect();
    let day = Digest {
        day: 16_383,
        part: 9,
        parts: 9,
        effort: 1440,
        triggers: 16_383,
        empties: 16_383,
        lines: heapless::Vec::new(),
    };
    // 14 bytes before the lines and 9 for each, by the table in docs/wire-format.md.
    for (max, first) in [(51, 4), (222, 23), (FRAME_MAX, DIGEST_LINES)] {
        let parts: Vec<Digest> = split_digest(&day, &lines, max).unwrap().collect();
        assert_eq!(parts[0].lines.len(), first, "{max}");
        assert!(parts.iter().enumerate().all(|(i, p)| usize::from(p.part) == i));
        assert!(parts.iter().all(|p| usize::from(p.parts) == parts.len()));
        let told: Vec<DigestLine> = parts
            .iter()
            .flat_map(|p| {
                let frame = pack(&[Message::Digest(p.clone())], max).unwrap().frame;
                match all(&frame).remove(0) {
                    Message::Digest(d) => d.lines,
                    other => panic!("{other:?}"),
                }
            })
            .collect();
        assert_eq!(told, lines);
    }
    assert_eq!(split_digest(&day, &[], 51).unwrap().count(), 1);
    assert!(matches!(split_digest(&day, &lines, 11), Err(WireError::TooLong { max: 11 })));
}

#[test]
fn a_clock_unset_at_first_and_a_clock_three_hours_wrong_come_right() {
    let (start, mut anchors) = (NIGHT - 1000, Anchors::<4>::new());
    // Boot 3: unset until event 10. Boot 4: three hours slow until event 20, then ten seconds slow until 25.
    let anchor = |boot, shift, before, quality| Anchor { boot, started: start, shift, before, quality };
    for a in [
        anchor(3, 0, 10, ClockQuality::Gps),
        anchor(4, 3 * 3600, 20, ClockQuality::Network),
        anchor(4, 10, 25, ClockQuality::Network),
        anchor(4, 10, 25, ClockQuality::Network),
    ] {
        anchors.add(a).unwrap();
    }
    let utc = |seconds, quality| When::Utc { seconds, quality };
    let at = |boot, number, told| {
        // Over the wire.
        let told = Message::Sighting(Seen { key: EventKey { boot, number }, at: told, ..wolf() });
        match all(&pack(&[told], 11).unwrap().frame).remove(0) {
            Message::Sighting(seen) => anchors.resolve(seen.key, seen.at),
            other => panic!("{other:?}"),
        }
    };
    let (rtc, gps, net) = (ClockQuality::Rtc, ClockQuality::Gps, ClockQuality::Network);
    assert_eq!(at(3, 9, When::SinceBoot { seconds: 1000 }), utc(NIGHT, gps));
    assert_eq!(at(3, 10, utc(NIGHT, gps)), utc(NIGHT, gps));
    assert_eq!(at(4, 19, utc(NIGHT - 3 * 3600 - 10, rtc)), utc(NIGHT, net));
    assert_eq!(at(4, 24, utc(NIGHT - 10, net)), utc(NIGHT, net));
    assert_eq!(at(4, 25, utc(NIGHT, net)), utc(NIGHT, net));
    assert_eq!(at(5, 9, When::SinceBoot { seconds: 7 }), When::SinceBoot { seconds: 7 });
}

fn clocks() -> impl Strategy<Value = When> {
    let quality = prop_oneof![Just(ClockQuality::Rtc), Just(ClockQuality::Gps), Just(ClockQuality::Network)];
    prop_oneof![
        (0i64..1 << 30, quality).prop_map(|(s, quality)| When::Utc { seconds: EPOCH + s, quality }),
        (0u32..1 << 30).prop_map(|seconds| When::SinceBoot { seconds }),
    ]
}

fn sightings() -> impl Strategy<Value = Seen> {
    (1u32..3, 0u32..1 << 20, clocks(), 0u16..512, 0u8..64, 0usize..16, any::<bool>()).prop_map(
        |(boot, number, at, code, score, count, alert)| Seen {
            key: EventKey { boot, number },
            at,
            code: Code::new(code).unwrap(),
            score: Score::new(f32::from(score) / 63.0),
            count: COUNTS[count],
            alert,
        },
    )
}

fn messages() -> impl Strategy<Value = Message> {
    let line =
        (0u16..512, 0u32..1 << 24, any::<u16>(), any::<u16>()).prop_map(|(code, hours, events, folded)| {
            DigestLine { code: Code::new(code).unwrap(), hours, events, folded }
        });
    let lines = proptest::collection::vec(line, 0..10);
    prop_oneof![
        5 => sightings().prop_map(Message::Sighting),
        1 => (clocks(), 0u32..1 << 28, 0u32..1 << 21, any::<u32>(), any::<Option<i8>>()).prop_map(
            |(at, big, small, codebook, temperature)| Message::Health(Health {
                at, boot: big, next: big, codebook, uptime: big, temperature,
                triggers: small, empties: small, suppressed: small, failed: small, waiting: small,
                ..health()
            })
        ),
        1 => (clocks(), 0u32..1 << 28, 0u32..1 << 21, any::<Option<i32>>(), any::<Option<u8>>()).prop_map(
            |(at, big, small, milliamps, byte)| Message::Power(Power {
                at, boot: big, next: big, percent: byte, milliamps, strain: byte, lux: None, failures: small,
                unjudged: small, unverified: small,
            })
        ),
        1 => (any::<u16>(), lines).prop_map(|(n, lines)| Message::Digest(Digest {
            day: n, part: 1, parts: 2, effort: n, triggers: n, empties: n, lines: lines.into_iter().collect(),
        })),
        1 => any::<u32>().prop_map(|n| Message::Lost(Lost { expired: n, ..Lost::default() })),
        1 => any::<u32>().prop_map(|counter| Message::Ack(CommandAck { counter, result: CommandResult::Invalid, number: None })),
        1 => (any::<u32>(), any::<i64>(), any::<i32>()).prop_map(|(n, started, shift)| Message::Anchor(Anchor {
            boot: n, started, shift, before: n, quality: ClockQuality::Gps,
        })),
    ]
}

proptest! {
    #[test]
    fn frames_bring_back_what_was_packed(row in proptest::collection::vec(messages(), 1..40), max in 150usize..400) {
        let mut rest = row.as_slice();
        while !rest.is_empty() {
            let packed = pack(rest, max).unwrap();
            prop_assert!(packed.taken > 0 && packed.frame.len() <= max);
            prop_assert_eq!(all(&packed.frame), &rest[..packed.taken]);
            rest = &rest[packed.taken..];
        }
    }

    #[test]
    fn what_was_rounded_stays_as_it_is(seconds: i64, boot: u32, number: u32, score: f32, count: u16) {
        let at = When::Utc { seconds, quality: ClockQuality::Rtc };
        let seen = Seen { key: EventKey { boot, number }, at, score: Score::new(score), count, ..wolf() };
        let frame = pack(&[Message::Sighting(seen)], 11).unwrap().frame;
        prop_assert_eq!(pack(&all(&frame), 11).unwrap().frame, frame);
    }

    #[test]
    fn cut_keys_become_whole(boot: u32, next: u32, behind in 0u32..100, before in 0u32..500_000) {
        let whole = EventKey { boot: boot.saturating_sub(behind), number: next.saturating_sub(before) };
        let cut = EventKey { boot: whole.boot & 0x7f, number: whole.number & 0xf_ffff };
        prop_assert_eq!(widen(cut, &Health { boot, next, ..health() }), whole);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0u8..4) {
        if let Some(first) = bytes.first_mut() {
            *first = if kind == 3 { *first } else { VERSION << 4 | kind };
        }
        if let Ok(decoded) = decode(&bytes) {
            prop_assert!(decoded.count() <= bytes.len() * 8);
        }
    }
}
