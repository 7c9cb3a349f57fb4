//! The trap as Home Assistant finds it by itself (MQTT device discovery, Home Assistant 2024.11 and later).

use serde_json::{Value, json};

use super::session::Letter;
use super::topics::Topics;
use crate::hal::Subject;

/// One sensor: key, name, subject of the messages that carry it, field, and what Home Assistant should know of it.
struct Sensor {
    key: &'static str,
    name: &'static str,
    subject: Subject,
    template: &'static str,
    unit: Option<&'static str>,
    class: Option<&'static str>,
}

/// Templates say `None`, "unknown" to Home Assistant, where a message lacks the field.
const SENSORS: [Sensor; 7] = [
    Sensor {
        key: "species",
        name: "Last species",
        subject: Subject::Event,
        template: "{{ value_json.species | default(value_json.outcome, true) | default('None', true) }}",
        unit: None,
        class: None,
    },
    Sensor {
        key: "score",
        name: "Last score",
        subject: Subject::Event,
        template: "{{ (value_json.score * 100) | round(0) if value_json.score is number else 'None' }}",
        unit: Some("%"),
        class: None,
    },
    Sensor {
        key: "battery",
        name: "Battery",
        subject: Subject::Health,
        template: "{{ value_json.battery_mv | default('None', true) }}",
        unit: Some("mV"),
        class: Some("voltage"),
    },
    Sensor {
        key: "charge",
        name: "Battery charge",
        subject: Subject::Power,
        template: "{{ value_json.battery_percent if value_json.battery_percent is number else 'None' }}",
        unit: Some("%"),
        class: Some("battery"),
    },
    Sensor {
        key: "temperature",
        name: "Temperature",
        subject: Subject::Health,
        template: "{{ value_json.temperature_c if value_json.temperature_c is number else 'None' }}",
        unit: Some("°C"),
        class: Some("temperature"),
    },
    Sensor {
        key: "card_free",
        name: "Card free",
        subject: Subject::Health,
        template: "{{ value_json.card_free_percent if value_json.card_free_percent is number else 'None' }}",
        unit: Some("%"),
        class: None,
    },
    Sensor {
        key: "waiting",
        name: "Waiting messages",
        subject: Subject::Health,
        template: "{{ value_json.waiting if value_json.waiting is number else 'None' }}",
        unit: None,
        class: None,
    },
];

/// The retained message that announces the trap.
pub(super) fn announcement(topics: &Topics, site: &str, device: &str) -> Letter {
    let id = format!("trapline-{}-{}", plain(site), plain(device));
    let components: serde_json::Map<String, Value> =
        SENSORS.iter().map(|sensor| (sensor.key.to_owned(), component(sensor, topics, &id))).collect();
    let body = json!({
        "dev": {
            "ids": [id], "name": device, "mf": "Trapline", "mdl": "camera trap",
            "sw": env!("CARGO_PKG_VERSION"), "sa": site,
        },
        "o": { "name": "trapline", "sw": env!("CARGO_PKG_VERSION") },
        "cmps": components,
        "availability": [{ "topic": topics.status() }],
        "state_topic": topics.of(Subject::Health),
        "qos": 1,
    });
    Letter {
        topic: format!("homeassistant/device/{id}/config"),
        body: body.to_string().into_bytes(),
        retain: true,
        content_type: Some("application/json"),
    }
}

fn component(sensor: &Sensor, topics: &Topics, id: &str) -> Value {
    let mut value = json!({
        "p": "sensor",
        "name": sensor.name,
        "unique_id": format!("{id}-{}", sensor.key),
        "state_topic": topics.of(sensor.subject),
        "value_template": sensor.template,
    });
    if let Some(unit) = sensor.unit {
        value["unit_of_measurement"] = unit.into();
        value["state_class"] = "measurement".into();
    }
    if let Some(class) = sensor.class {
        value["device_class"] = class.into();
    }
    value
}

/// `name` in the letters that Home Assistant takes in ids: `[a-zA-Z0-9_-]`.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_has_what_device_discovery_asks_for() {
        // Keys required by Home Assistant's "Device discovery payload": dev with ids, o with name, cmps whose
        // members each have a platform and a unique_id.
        let letter = announcement(&Topics::new("trapline", "rila", "T 1"), "rila", "T 1");
        assert_eq!(letter.topic, "homeassistant/device/trapline-rila-T_1/config");
        assert!(letter.retain);
        let body: Value = serde_json::from_slice(&letter.body).unwrap();
        assert_eq!(body["dev"]["ids"][0], "trapline-rila-T_1");
        assert_eq!(body["o"]["name"], "trapline");
        assert_eq!(body["availability"][0]["topic"], "trapline/rila/T 1/status");
        let components = body["cmps"].as_object().unwrap();
        assert_eq!(components.len(), 7);
        assert!(components.values().all(|c| c["p"] == "sensor" && c["unique_id"].is_string()));
        assert_eq!(components["species"]["state_topic"], "trapline/rila/T 1/event");
        assert_eq!(components["battery"]["unit_of_measurement"], "mV");
        assert_eq!(components["charge"]["state_topic"], "trapline/rila/T 1/power");
    }
}
