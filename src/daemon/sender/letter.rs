//! Messages as JSON, one object each: what MQTT, HTTP and files carry. `docs/wire-format.md` lists the fields.

use serde_json::{Map, Value, json};

use crate::event::wire::Anchors;
use crate::event::{Codebook, Message, Outcome, Sighting, When, json as named};
use crate::store::record::Identity;
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
pub(super) fn event(
    from: &From,
    event: &Sighting,
    route: &Route,
    when: When,
    individuals: &[Identity],
) -> Value {
    let mut out = head(from, "sighting");
    out.insert("boot".into(), event.key.boot.into());
    out.insert("number".into(), event.key.number.into());
    named::extend(&mut out, named::when(when));
    out.insert("outcome".into(), event.outcome.as_str().into());
    let species = match event.outcome {
        Outcome::Person => "Homo sapiens",
        Outcome::Vehicle => "vehicle",
        _ if event.taxon.is_empty() => "Animalia",
        _ => event.taxon.as_str(),
    };
    out.insert("species".into(), species.into());
    out.insert("score".into(), ((f64::from(event.score.get()) * 1000.0).round() / 1000.0).into());
    out.insert("count".into(), event.count.into());
    out.insert("alert".into(), (route.priority == Priority::Alert).into());
    if let Some(rule) = &route.rule {
        out.insert("rule".into(), rule.as_str().into());
    }
    if !individuals.is_empty() {
        let one = |of: &Identity| {
            json!({
                "recognition": of.recognition, "individual": of.individual, "flank": of.flank,
                "probability": of.probability.map(|p| rounded(p.get())), "similarity": of.similarity.map(rounded),
            })
        };
        out.insert("individuals".into(), individuals.iter().map(one).collect());
    }
    Value::Object(out)
}

fn rounded(number: f32) -> f64 {
    (f64::from(number) * 1000.0).round() / 1000.0
}

/// Any other message; `None` for one that has no JSON form of its own.
pub(super) fn notice(from: &From, names: &[String], message: &Message) -> Option<Value> {
    if let Message::Sighting(_) = message {
        return None;
    }
    let book = Codebook::new(names).ok();
    let mut out = named::message(message, &Anchors::<1>::new(), book.as_ref());
    out.insert("device".into(), from.device.as_str().into());
    out.insert("site".into(), from.site.as_str().into());
    Some(Value::Object(out))
}

fn head(from: &From, kind: &str) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("type".into(), kind.into());
    out.insert("device".into(), from.device.as_str().into());
    out.insert("site".into(), from.site.as_str().into());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventKey;
    use crate::units::{ClockQuality, Flank, Recognition, Score};

    #[test]
    fn an_event_tells_which_individual_it_is_where_that_was_asked() {
        let from = From { device: "ridge-1".into(), site: "ridge".into() };
        let sighting = Sighting {
            key: EventKey { boot: 3, number: 41 },
            at: 1_780_000_000,
            clock: ClockQuality::Rtc,
            outcome: Outcome::Sighting,
            taxon: crate::event::taxon("Lynx lynx"),
            score: Score::new(0.9),
            count: 1,
        };
        let route = Route {
            priority: Priority::Alert,
            rule: Some("seven".into()),
            uplinks: Vec::new(),
            picture: false,
        };
        let when = When::Utc { seconds: sighting.at, quality: ClockQuality::Rtc };
        assert!(event(&from, &sighting, &route, when, &[]).get("individuals").is_none());
        let identity = Identity {
            recognition: Recognition::Known,
            individual: Some("Luchs-07".into()),
            similarity: Some(0.875),
            probability: Some(Score::new(0.9375)),
            flank: Flank::Left,
            tracks: vec![0],
            nearest: vec![("Luchs-07".into(), 0.875)],
        };
        let told = event(&from, &sighting, &route, when, &[identity]);
        assert_eq!(
            told["individuals"],
            json!([{"recognition": "known", "individual": "Luchs-07", "flank": "left", "probability": 0.938,
                    "similarity": 0.875}])
        );
    }
}
