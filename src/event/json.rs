//! Messages and commands as JSON objects: what `trapline decode`, MQTT, HTTP and files say, under the same names.
//! `docs/wire-format.md` lists the fields; the payload codec in `cross/lorawan/` gives the same ones.

use std::string::{String, ToString};
use std::vec::Vec;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::command::{Command, Order, SEAL_BYTES, Threshold};
use super::wire::Anchors;
use super::{Code, Codebook, EPOCH, EventKey, Message, Power, When};

/// The largest whole number that every reader of JSON holds exactly (RFC 7493, 2.2): 2^53 − 1.
const EXACT: u64 = (1 << 53) - 1;

/// What a message says. `anchors` put its time right; `book` names the species, which are `null` without it.
pub fn message<const N: usize, T: AsRef<str>>(
    message: &Message,
    anchors: &Anchors<N>,
    book: Option<&Codebook<'_, T>>,
) -> Map<String, Value> {
    let name = |code: Code| match (code.fixed_name(), book) {
        (Some(fixed), _) => Value::from(fixed),
        (None, Some(book)) => book.name(code).map_or(Value::Null, Value::from),
        (None, None) => Value::Null,
    };
    match message {
        Message::Sighting(s) => {
            let mut out = head("sighting");
            extend(&mut out, when(anchors.resolve(s.key, s.at)));
            // Two digits: the wire has 64 steps.
            let score = (f64::from(s.score.get()) * 100.0).round() / 100.0;
            let fields = json!({"boot": s.key.boot, "number": s.key.number, "species": name(s.code),
                                "code": s.code.get(), "score": score, "count": s.count, "alert": s.alert});
            extend(&mut out, fields);
            out
        }
        Message::Health(h) => {
            let mut out = head("health");
            extend(&mut out, when(anchors.resolve(EventKey { boot: h.boot, number: h.next }, h.at)));
            let fields = json!({
                "boot": h.boot, "next": h.next, "codebook": std::format!("{:08x}", h.codebook),
                "uptime_s": h.uptime, "reset": lower(h.reset), "version": h.version.map(|n| n.to_string()).join("."),
                "battery_mv": h.battery, "temperature_c": h.temperature, "card_free_percent": h.card_free,
                "triggers": h.triggers, "empties": h.empties, "suppressed": h.suppressed, "failed": h.failed,
                "waiting": h.waiting,
            });
            extend(&mut out, fields);
            out
        }
        Message::Power(p) => {
            let mut out = head("power");
            extend(&mut out, when(anchors.resolve(EventKey { boot: p.boot, number: p.next }, p.at)));
            let strain = p.strain.map(|bits| {
                let words = Power::STRAINS.iter().enumerate();
                words.filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, word)| *word).collect::<Vec<_>>()
            });
            let fields = json!({
                "boot": p.boot, "next": p.next, "battery_percent": p.percent, "battery_ma": p.milliamps,
                "strain": strain, "lux": p.lux, "gauge_failures": p.failures, "unjudged": p.unjudged,
                "alarms_unverified": p.unverified,
            });
            extend(&mut out, fields);
            out
        }
        Message::Digest(d) => {
            let mut out = head("digest");
            let start = EPOCH + i64::from(d.day) * 86_400;
            let day = DateTime::from_timestamp(start, 0).map(|day| day.format("%Y-%m-%d").to_string());
            let lines = d.lines.iter().map(|line| {
                let hours: Vec<u32> = (0..24).filter(|h| line.hours >> h & 1 == 1).collect();
                json!({"species": name(line.code), "code": line.code.get(), "hours": hours,
                       "events": line.events, "folded": line.folded})
            });
            let fields = json!({
                "day": day, "day_s": start, "part": d.part, "parts": d.parts, "effort_min": d.effort,
                "triggers": d.triggers, "empties": d.empties, "lines": lines.collect::<Vec<_>>(),
            });
            extend(&mut out, fields);
            out
        }
        Message::Lost(l) => {
            let mut out = head("lost");
            let fields = json!({"expired": l.expired, "refused": l.refused, "bursts": l.bursts,
                                "captures": l.captures, "damaged": l.damaged, "commands": l.commands});
            extend(&mut out, fields);
            out
        }
        Message::Ack(a) => {
            let mut out = head("ack");
            extend(&mut out, json!({"counter": a.counter, "result": lower(a.result)}));
            if let Some(number) = a.number {
                extend(&mut out, json!({"number": number}));
            }
            out
        }
        Message::Anchor(a) => {
            let mut out = head("anchor");
            let fields = json!({"boot": a.boot, "started": iso(a.started), "started_s": exact(a.started),
                                "shift_s": a.shift, "before": a.before, "clock": a.quality.as_str()});
            extend(&mut out, fields);
            out
        }
    }
}

/// What a sealed command says, with the digits of its seal, which is not checked here.
pub fn order(order: &Order, seal: &[u8; SEAL_BYTES]) -> Map<String, Value> {
    let expires = EPOCH + i64::from(order.expires);
    let seal: String = seal.iter().map(|byte| std::format!("{byte:02x}")).collect();
    let mut out = Map::new();
    let head = json!({"counter": order.counter, "expires": iso(expires), "expires_s": expires, "seal": seal});
    extend(&mut out, head);
    let fields = match order.command {
        Command::Threshold { which, thousandths } => {
            let value = f64::from(thousandths) / 1000.0;
            match which {
                Threshold::Taxon(code) => {
                    json!({"command": "threshold", "which": "taxon", "code": code.get(), "value": value})
                }
                which => json!({"command": "threshold", "which": lower(which), "value": value}),
            }
        }
        Command::Rule { index, on } => json!({"command": "rule", "index": index, "on": on}),
        Command::Status => json!({"command": "status"}),
        Command::Picture { number } => json!({"command": "picture", "number": number}),
        Command::Mark { latitude, longitude } => json!({
            "command": "mark", "latitude": f64::from(latitude) / 1e6, "longitude": f64::from(longitude) / 1e6,
        }),
        Command::Reboot => json!({"command": "reboot"}),
        Command::Burst => json!({"command": "burst"}),
        Command::Time { utc } => json!({"command": "time", "time": iso(utc), "time_s": exact(utc)}),
        Command::Received { upto, missing } => {
            json!({"command": "received", "upto": upto, "missing": missing})
        }
    };
    extend(&mut out, fields);
    out
}

/// `time` and `time_s` (seconds since 1970-01-01 UTC), which are null where it is not known, and `clock`;
/// `since_boot_s` for a clock that was never set.
pub fn when(when: When) -> Value {
    match when {
        When::Utc { seconds, quality } => {
            let time = iso(seconds);
            let seconds = time.as_ref().map(|_| seconds);
            json!({"time": time, "time_s": seconds, "clock": quality.as_str()})
        }
        When::SinceBoot { seconds } => {
            json!({"time": null, "time_s": null, "clock": "unset", "since_boot_s": seconds})
        }
    }
}

/// RFC 3339, which has the years 0 to 9999 and no other.
fn iso(seconds: i64) -> Option<String> {
    let time = DateTime::from_timestamp(seconds, 0)?;
    let years = -62_167_219_200..=253_402_300_799;
    years.contains(&seconds).then(|| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// A number, or its digits as text where not every reader could hold it.
fn exact(value: i64) -> Value {
    if value.unsigned_abs() <= EXACT { value.into() } else { value.to_string().into() }
}

/// The name of a variant, in lower case.
fn lower(variant: impl core::fmt::Debug) -> String {
    std::format!("{variant:?}").to_lowercase()
}

fn head(kind: &str) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("type".into(), kind.into());
    out
}

/// Adds the fields of an object.
pub fn extend(out: &mut Map<String, Value>, fields: Value) {
    if let Value::Object(fields) = fields {
        out.extend(fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Anchor, CommandAck, CommandResult, Digest, DigestLine};
    use crate::units::ClockQuality;

    fn told(m: Message) -> Value {
        Value::Object(message::<1, String>(&m, &Anchors::new(), None))
    }

    #[test]
    fn a_day_has_its_date_and_its_hours() {
        let line = DigestLine { code: Code::PERSON, hours: 0x80_0001, events: 4, folded: 2 };
        let lines = heapless::Vec::from_slice(&[line]).unwrap();
        let digest = Digest { day: 1059, part: 0, parts: 1, effort: 1439, triggers: 9, empties: 5, lines };
        // date -u -d '2024-01-01 + 1059 days' +'%F %s'
        assert_eq!(
            told(Message::Digest(digest)),
            json!({"type": "digest", "day": "2026-11-25", "day_s": 1_795_564_800, "part": 0, "parts": 1,
                   "effort_min": 1439, "triggers": 9, "empties": 5, "lines": [
                       {"species": "Homo sapiens", "code": 1, "hours": [0, 23], "events": 4, "folded": 2}]})
        );
    }

    #[test]
    fn a_number_that_no_reader_holds_is_text_and_a_time_outside_the_calendar_is_null() {
        let anchor = |started| Anchor { boot: 1, started, shift: -1, before: 2, quality: ClockQuality::Gps };
        let huge = told(Message::Anchor(anchor(i64::MIN)));
        assert_eq!(huge["started_s"], "-9223372036854775808");
        assert_eq!(huge["started"], Value::Null);
        let far = told(Message::Anchor(anchor(253_402_300_800)));
        assert_eq!((&far["started_s"], &far["started"]), (&json!(253_402_300_800i64), &Value::Null));
        assert_eq!(told(Message::Anchor(anchor(253_402_300_799)))["started"], "9999-12-31T23:59:59Z");
        assert_eq!(told(Message::Anchor(anchor(-62_167_219_200)))["started"], "0000-01-01T00:00:00Z");
    }

    #[test]
    fn names_are_in_lower_case() {
        let ack = CommandAck { counter: 7, result: CommandResult::NoClock, number: None };
        assert_eq!(told(Message::Ack(ack)), json!({"type": "ack", "counter": 7, "result": "noclock"}));
    }
}
