//! Messages as JSON, one object each: what MQTT, HTTP and files carry. `docs/wire-format.md` lists the fields.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::event::{Code, Codebook, EPOCH, Message, Outcome, Sighting, When};
use crate::store::{Priority, Route};

/// Who says it.
#[derive(Debug, Clone)]
pub(super) struct From {
    /// The trap's name.
    pub device: String,
    /// The deployment's.
    pub site: String,
}

/// An event, with everything that is known of it.
pub(super) fn event(from: &From, event: &Sighting, route: &Route, when: When) -> Value {
    let mut out = head(from, "sighting");
    out.insert("boot".into(), event.key.boot.into());
    out.insert("number".into(), event.key.number.into());
    time(&mut out, when);
    out.insert("outcome".into(), event.outcome.as_str().into());
    let species = match event.outcome {
        Outcome::Person => "Homo sapiens",
        Outcome::Vehicle => "vehicle",
        _ if event.taxon.is_empty() => "Animalia",
        _ => event.taxon.as_str(),
    };
    out.insert("species".into(), species.into());
    out.insert("score".into(), json!((f64::from(event.score.get()) * 1000.0).round() / 1000.0));
    out.insert("count".into(), event.count.into());
    out.insert("alert".into(), (route.priority == Priority::Alert).into());
    if let Some(rule) = &route.rule {
        out.insert("rule".into(), rule.as_str().into());
    }
    Value::Object(out)
}

/// Any other message; `None` for one that has no JSON form of its own.
pub(super) fn notice(from: &From, names: &[String], message: &Message) -> Option<Value> {
    let out = match message {
        Message::Sighting(_) => return None,
        Message::Health(h) => {
            let mut out = head(from, "health");
            time(&mut out, h.at);
            let fields = json!({
                "boot": h.boot, "next": h.next, "codebook": format!("{:08x}", h.codebook), "uptime_s": h.uptime,
                "reset": format!("{:?}", h.reset).to_lowercase(),
                "version": h.version.map(|n| n.to_string()).join("."),
                "battery_mv": h.battery, "temperature_c": h.temperature, "card_free_percent": h.card_free,
                "triggers": h.triggers, "empties": h.empties, "suppressed": h.suppressed, "failed": h.failed,
                "waiting": h.waiting,
            });
            extend(&mut out, fields);
            out
        }
        Message::Digest(d) => {
            let mut out = head(from, "digest");
            let day = DateTime::from_timestamp(EPOCH + i64::from(d.day) * 86_400, 0).unwrap_or_default();
            let lines = d.lines.iter().map(|line| {
                let hours: Vec<u32> = (0..24).filter(|h| line.hours >> h & 1 == 1).collect();
                json!({"species": name(names, line.code), "code": line.code.get(), "hours": hours,
                       "events": line.events, "folded": line.folded})
            });
            let fields = json!({
                "day": day.format("%Y-%m-%d").to_string(), "part": d.part, "parts": d.parts,
                "effort_min": d.effort, "triggers": d.triggers, "empties": d.empties,
                "lines": lines.collect::<Vec<_>>(),
            });
            extend(&mut out, fields);
            out
        }
        Message::Lost(l) => {
            let mut out = head(from, "lost");
            let fields = json!({"expired": l.expired, "refused": l.refused, "bursts": l.bursts,
                                "captures": l.captures, "damaged": l.damaged, "commands": l.commands});
            extend(&mut out, fields);
            out
        }
        Message::Ack(a) => {
            let mut out = head(from, "ack");
            let result = format!("{:?}", a.result).to_lowercase();
            extend(&mut out, json!({"counter": a.counter, "result": result}));
            out
        }
        Message::Anchor(a) => {
            let mut out = head(from, "anchor");
            let started =
                DateTime::from_timestamp(a.started, 0).map(|t| t.to_rfc3339_opts(SecondsFormat::Secs, true));
            let fields = json!({"boot": a.boot, "started": started, "shift_s": a.shift, "before": a.before,
                                "clock": a.quality.as_str()});
            extend(&mut out, fields);
            out
        }
    };
    Some(Value::Object(out))
}

fn head(from: &From, kind: &str) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("type".into(), kind.into());
    out.insert("device".into(), from.device.as_str().into());
    out.insert("site".into(), from.site.as_str().into());
    out
}

fn time(out: &mut Map<String, Value>, when: When) {
    match when {
        When::Utc { seconds, quality } => {
            let time =
                DateTime::from_timestamp(seconds, 0).map(|t| t.to_rfc3339_opts(SecondsFormat::Secs, true));
            out.insert("time".into(), json!(time));
            out.insert("clock".into(), quality.as_str().into());
        }
        When::SinceBoot { seconds } => {
            out.insert("time".into(), Value::Null);
            out.insert("since_boot_s".into(), seconds.into());
            out.insert("clock".into(), "unset".into());
        }
    }
}

fn extend(out: &mut Map<String, Value>, fields: Value) {
    if let Value::Object(fields) = fields {
        out.extend(fields);
    }
}

fn name(names: &[String], code: Code) -> String {
    let known = Codebook::new(names).ok().and_then(|book| book.name(code).map(str::to_owned));
    known.unwrap_or_else(|| format!("code {}", code.get()))
}
