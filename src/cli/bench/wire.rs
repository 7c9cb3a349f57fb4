//! `trapline bench wire`: bytes, counts, time on air and time in the processor of the wire format.
//!
//! All but the two times is the same on every machine and in every run.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use crate::airtime::{Region, time_on_air};
use crate::cli::burst_line::say;
use crate::cli::{Done, Failure};
use crate::event::wire::{FRAME_MAX, WireError, decode, pack};
use crate::event::{Code, EventKey, Message, Seen, When};
use crate::units::{ClockQuality, Score};

/// Arguments of `trapline bench wire`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Payloads of slow and of fast data rates: EU868 DR0 to DR2, and DR4 up behind a repeater.
const SLOW: usize = 51;
const FAST: usize = 222;

/// Sightings of the typical list: a busy night and morning.
const EVENTS: u32 = 60;

/// How long each of the two is measured.
const MEASURE: Duration = Duration::from_millis(200);

/// 2026-11-25T03:12:00Z.
const NIGHT: i64 = 1_795_576_320;

/// An event as other formats would tell it.
#[derive(Serialize)]
struct Plain {
    boot: u32,
    number: u32,
    time: i64,
    clock: ClockQuality,
    code: u16,
    score: f32,
    count: u16,
    alert: bool,
}

/// Runs the measurement.
pub(super) fn run(args: &Args) -> Done {
    let told = measure().map_err(Failure::runtime)?;
    if args.json {
        say(&told.to_string());
    } else {
        for line in lines(&told) {
            say(&line);
        }
    }
    Ok(())
}

fn measure() -> anyhow::Result<Value> {
    let (typical, far, worst) = (typical(), spread(127, 6 * 86_400), spread(9_000, 7 * 86_400));
    let extreme = Message::Sighting(Seen {
        key: EventKey { boot: u32::MAX, number: u32::MAX },
        at: When::Utc { seconds: i64::MAX, quality: ClockQuality::Network },
        code: Code::OTHER,
        score: Score::ONE,
        count: u16::MAX,
        alert: true,
    });
    let frames = frames(&typical, FAST)?;
    let plain: Vec<Plain> = typical.iter().filter_map(plain).collect();
    let (mut json_bytes, mut cbor_bytes) = (0, 0);
    for event in &plain {
        let mut cbor = Vec::new();
        ciborium::into_writer(event, &mut cbor)?;
        cbor_bytes += cbor.len();
        json_bytes += serde_json::to_vec(event)?.len();
    }
    let air: Vec<Value> = (0..=6)
        .filter_map(|dr| {
            let modulation = Region::Eu868.modulation(dr)?;
            let us = time_on_air(Region::Eu868, dr, crate::event::wire::SIGHTING_BYTES)?;
            Some(json!({"dr": dr, "sf": modulation.sf, "khz": modulation.khz, "us": us}))
        })
        .collect();
    Ok(json!({
        "sighting_max_bytes": pack(&[extreme], FRAME_MAX)?.frame.len(),
        "sightings_in_51": pack(&far, SLOW)?.taken,
        "sightings_in_222": pack(&far, FAST)?.taken,
        "sightings_in_51_typical": pack(&typical, SLOW)?.taken,
        "sightings_in_222_typical": pack(&typical, FAST)?.taken,
        "sightings_in_51_worst": pack(&worst, SLOW)?.taken,
        "sightings_in_222_worst": pack(&worst, FAST)?.taken,
        "events": typical.len(),
        "wire_bytes": frames.iter().map(Vec::len).sum::<usize>(),
        "json_bytes": json_bytes,
        "cbor_bytes": cbor_bytes,
        "encode_ns_per_event": per_event(typical.len(), || {
            black_box(self::frames(black_box(&typical), FAST).map(|frames| frames.len()).unwrap_or(0));
        }),
        "decode_ns_per_event": per_event(typical.len(), || {
            for frame in black_box(&frames) {
                black_box(decode(frame).map_or(0, |decoded| decoded.filter(|m| black_box(m).is_ok()).count()));
            }
        }),
        "optimised": !cfg!(debug_assertions),
        "air_eu868": air,
    }))
}

/// Sightings of one boot a few minutes apart, most of them the next event, as a feeding ground gives them.
fn typical() -> Vec<Message> {
    // Minutes and numbers since the one before, codes and counts, each row over and over.
    const MINUTES: [i64; 7] = [1, 4, 2, 31, 1, 9, 3];
    const NUMBERS: [u32; 5] = [1, 1, 2, 1, 1];
    const CODES: [u16; 4] = [17, 17, 42, 5];
    const COUNTS: [u16; 3] = [1, 2, 1];
    let (mut number, mut seconds) = (300, NIGHT);
    let nth = |i: u32| {
        let i = i as usize;
        number += NUMBERS[i % NUMBERS.len()];
        seconds += MINUTES[i % MINUTES.len()] * 60 + i as i64 % 60;
        Message::Sighting(Seen {
            key: EventKey { boot: 3, number },
            at: When::Utc { seconds, quality: ClockQuality::Rtc },
            code: Code::new(CODES[i % CODES.len()]).unwrap_or(Code::OTHER),
            score: Score::new(0.6 + (i % 7) as f32 * 0.05),
            count: COUNTS[i % COUNTS.len()],
            alert: i.is_multiple_of(11),
        })
    };
    (0..EVENTS).map(nth).collect()
}

/// Sightings of one boot, each so far from the one before.
fn spread(number: u32, seconds: i64) -> Vec<Message> {
    let nth = |i: u32| {
        Message::Sighting(Seen {
            key: EventKey { boot: 3, number: 300 + i * number },
            at: When::Utc { seconds: NIGHT + i64::from(i) * seconds, quality: ClockQuality::Rtc },
            code: Code::OTHER,
            score: Score::ONE,
            count: 100,
            alert: true,
        })
    };
    (0..EVENTS).map(nth).collect()
}

fn plain(message: &Message) -> Option<Plain> {
    let Message::Sighting(seen) = message else { return None };
    let (time, clock) = match seen.at {
        When::Utc { seconds, quality } => (seconds, quality),
        When::SinceBoot { seconds } => (seconds.into(), ClockQuality::Unset),
    };
    Some(Plain {
        boot: seen.key.boot,
        number: seen.key.number,
        time,
        clock,
        code: seen.code.get(),
        score: (seen.score.get() * 100.0).round() / 100.0,
        count: seen.count,
        alert: seen.alert,
    })
}

fn frames(messages: &[Message], max: usize) -> Result<Vec<Vec<u8>>, WireError> {
    let (mut rest, mut out) = (messages, Vec::new());
    while !rest.is_empty() {
        let packed = pack(rest, max)?;
        out.push(packed.frame.to_vec());
        rest = rest.get(packed.taken..).unwrap_or_default();
    }
    Ok(out)
}

/// Nanoseconds for each of `events`, over as many rounds as [`MEASURE`] holds.
fn per_event(events: usize, mut round: impl FnMut()) -> f64 {
    // The first rounds fill the caches.
    for _ in 0..10 {
        round();
    }
    let (start, mut rounds) = (Instant::now(), 0u32);
    while start.elapsed() < MEASURE {
        round();
        rounds += 1;
    }
    let ns = start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds) / events as f64;
    (ns * 10.0).round() / 10.0
}

fn lines(told: &Value) -> Vec<String> {
    let events = told["events"].as_u64().unwrap_or(0).max(1) as f64;
    let bytes = |key: &str| {
        let all = told[key].as_f64().unwrap_or(0.0);
        format!("{all} bytes, {:.1} each", all / events)
    };
    let fit = |suffix: &str, what: &str| {
        let (slow, fast) =
            (&told[format!("sightings_in_51{suffix}")], &told[format!("sightings_in_222{suffix}")]);
        format!("  {slow:>2} in 51 bytes, {fast:>2} in 222   {what}")
    };
    let mut out = vec![
        format!("one sighting at most {} bytes", told["sighting_max_bytes"]),
        "sightings in a packet".to_owned(),
        fit("", "neighbours up to 127 events and 6 days apart, in any order: promised"),
        fit("_typical", "neighbours 1 or 2 events and up to half an hour apart"),
        fit("_worst", "any events at any times, of one start of the trap"),
        format!("the same {events} events"),
        format!("  this format {}", bytes("wire_bytes")),
        format!("  CBOR        {}", bytes("cbor_bytes")),
        format!("  JSON        {}", bytes("json_bytes")),
        format!(
            "encode {} ns, decode {} ns per event{}",
            told["encode_ns_per_event"],
            told["decode_ns_per_event"],
            if told["optimised"] == true { "" } else { " (a build that is not optimised)" }
        ),
        "one sighting on the air, EU868".to_owned(),
    ];
    for rate in told["air_eu868"].as_array().into_iter().flatten() {
        let ms = rate["us"].as_f64().unwrap_or(0.0) / 1000.0;
        out.push(format!(
            "  DR{} SF{:<2} {} kHz {ms:>7.1} ms",
            rate["dr"],
            rate["sf"].to_string(),
            rate["khz"]
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_issue_asks_for_fits() {
        let told = measure().unwrap();
        assert_eq!(told["sighting_max_bytes"], 11);
        // 8 bits of header, 80 of the first, 53 of each further one: docs/wire-format.md.
        assert_eq!(told["sightings_in_51"], 1 + (51 * 8 - 88) / 53);
        assert_eq!(told["sightings_in_222"], 1 + (222 * 8 - 88) / 53);
        assert_eq!(told["sightings_in_51_worst"], 1 + (51 * 8 - 88) / 75);
        assert_eq!(told["sightings_in_222_worst"], 1 + (222 * 8 - 88) / 75);
        assert!(told["sightings_in_51_typical"].as_u64() >= told["sightings_in_51"].as_u64());
        // Semtech's table and the calculators of TTN and avbentem: 11 bytes at SF12, SF10, SF7.
        let us: Vec<u64> =
            told["air_eu868"].as_array().unwrap().iter().map(|r| r["us"].as_u64().unwrap()).collect();
        assert_eq!((us[0], us[2], us[5]), (1_482_752, 370_688, 61_696));
    }

    #[test]
    fn all_but_the_times_is_the_same_in_every_run() {
        let still = |mut told: Value| {
            for key in ["encode_ns_per_event", "decode_ns_per_event"] {
                assert!(told[key].as_f64().unwrap() > 0.0);
                told[key] = Value::Null;
            }
            told
        };
        assert_eq!(still(measure().unwrap()), still(measure().unwrap()));
    }

    #[test]
    fn the_typical_events_come_back_from_their_frames() {
        let typical = typical();
        let frames = frames(&typical, FAST).unwrap();
        let back: Vec<Message> = frames.iter().flat_map(|f| decode(f).unwrap().map(Result::unwrap)).collect();
        assert_eq!(back.len(), typical.len());
        let keys = |all: &[Message]| -> Vec<EventKey> {
            all.iter().filter_map(|m| if let Message::Sighting(s) = m { Some(s.key) } else { None }).collect()
        };
        assert_eq!(keys(&back), keys(&typical));
    }
}
