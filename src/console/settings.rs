//! The configuration's keys that a technician may change, as data; the file keeps its comments.

use std::io::Write;
use std::path::Path;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use toml_edit::{Array, DocumentMut, Item, Table};

use super::refusal::Refusal;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Whole,
    Share,
    Bool,
    Text,
    List,
    Choice(&'static [&'static str]),
}

/// A key.
struct Key {
    name: &'static str,
    kind: Kind,
    /// As the configuration says it when it refuses.
    allowed: &'static str,
    /// What it is for.
    text: &'static str,
}

const fn key(name: &'static str, kind: Kind, allowed: &'static str, text: &'static str) -> Key {
    Key { name, kind, allowed, text }
}

/// Names and ranges are the configuration's; a test holds each against it.
const KEYS: [Key; 26] = [
    key("site.name", Kind::Text, "1 to 64 characters", "Name of this deployment"),
    key("burst.frames", Kind::Whole, "1 to 20", "Pictures per trigger"),
    key("burst.interval_ms", Kind::Whole, "0 to 60000", "Milliseconds between two pictures"),
    key("burst.gap_s", Kind::Whole, "0 to 86400", "Seconds without a picture that open a new sequence"),
    key("thresholds.empty", Kind::Share, "0 to 1", "Below this probability a burst is empty"),
    key("thresholds.sighting", Kind::Share, "0 to 1", "From this probability on it is a sighting"),
    key("thresholds.species", Kind::Share, "0 to 1", "Score from which a species is named"),
    key("species.allow", Kind::List, "scientific names", "What can occur here; none: anything"),
    key("species.block", Kind::List, "scientific names", "What cannot occur here"),
    key("strip.find", Kind::Bool, "true or false", "Look for the camera's own print"),
    key("strip.top", Kind::Share, "0 to 0.5", "Band at the top that is print"),
    key("strip.bottom", Kind::Share, "0 to 0.5", "Band at the bottom that is print"),
    key(
        "retention.sightings",
        Kind::Choice(&["best", "all"]),
        "best, all",
        "Frames of a sighting that are kept",
    ),
    key(
        "retention.people",
        Kind::Choice(&["count", "blur"]),
        "count, blur",
        "What becomes of pictures of people",
    ),
    key("retention.empties_one_in", Kind::Whole, "0 to 1000000", "Keep one empty burst in so many; 0: none"),
    key("retention.budget_mb", Kind::Whole, "0 to 100000000", "Most megabytes of pictures; 0: no limit"),
    key("retention.floor_mb", Kind::Whole, "0 to 100000000", "Megabytes left free for the system"),
    key("retention.rare_below", Kind::Whole, "0 to 1000000", "Species with fewer events keep all pictures"),
    key("retention.keep_unsent", Kind::Bool, "true or false", "Never delete pictures of unsent events"),
    key("sending.health_hours", Kind::Whole, "0 to 168", "Hours between health messages; 0: none"),
    key("sending.digest", Kind::Bool, "true or false", "A digest ends each day"),
    key("sending.expire_days", Kind::Whole, "1 to 3650", "Days after which an event is given up"),
    key("sending.gather_min", Kind::Whole, "0 to 1440", "Minutes a sighting may wait for others"),
    key("sending.singly_per_day", Kind::Whole, "0 to 100000", "Sightings sent singly per day"),
    key("console.on", Kind::Choice(&["start", "command"]), "start, command", "When this page can be reached"),
    key("console.minutes", Kind::Whole, "1 to 1440", "Minutes until this page goes off by itself"),
];

/// The annotated example: it shows every default.
const EXAMPLE: &str = include_str!("../../cross/trapline.toml");

/// Every key with its value in `text` and its default; null: left to the models.
pub(super) fn list(text: &str) -> Result<Vec<Value>, Refusal> {
    let (here, usual) = (parse(text)?, parse(EXAMPLE)?);
    let item = |key: &Key| {
        let default = get(&usual, key.name);
        let (kind, choices) = match key.kind {
            Kind::Whole | Kind::Share => ("number", None),
            Kind::Bool => ("bool", None),
            Kind::Text => ("text", None),
            Kind::List => ("list", None),
            Kind::Choice(choices) => ("choice", Some(choices)),
        };
        json!({
            "key": key.name,
            "value": get(&here, key.name).or_else(|| default.clone()),
            "default": default,
            "kind": kind,
            "whole": key.kind == Kind::Whole,
            "choices": choices,
            "allowed": key.allowed,
            "text": key.text,
        })
    };
    Ok(KEYS.iter().map(item).collect())
}

/// `text` with other values; null puts a key back to its default. Ranges are left to the configuration.
pub(super) fn change(text: &str, values: &Map<String, Value>) -> Result<String, Refusal> {
    let mut document = parse(text)?;
    for (name, value) in values {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
            return Err(Refusal::value(name, "not a setting of the page", &known.join(", ")));
        };
        let Some((section, field)) = name.split_once('.') else { continue };
        if value.is_null() {
            if let Some(table) = document.get_mut(section).and_then(Item::as_table_like_mut) {
                table.remove(field);
            }
            continue;
        }
        let refused = || Refusal::value(name, value, key.allowed);
        let mut new = written(key.kind, value).ok_or_else(refused)?;
        let table = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
        let table = table.as_table_like_mut().ok_or_else(refused)?;
        if let (Some(old), Some(new)) = (table.get(field).and_then(Item::as_value), new.as_value_mut()) {
            *new.decor_mut() = old.decor().clone();
        }
        match table.get_mut(field) {
            Some(place) => *place = new,
            None => drop(table.insert(field, new)),
        }
    }
    Ok(document.to_string())
}

fn written(kind: Kind, value: &Value) -> Option<Item> {
    let item = match kind {
        Kind::Whole => toml_edit::value(value.as_i64()?),
        Kind::Share => toml_edit::value(value.as_f64()?),
        Kind::Bool => toml_edit::value(value.as_bool()?),
        Kind::Text => toml_edit::value(value.as_str()?),
        Kind::Choice(known) => toml_edit::value(value.as_str().filter(|v| known.contains(v))?),
        Kind::List => {
            let names: Option<Array> = value.as_array()?.iter().map(Value::as_str).collect();
            toml_edit::value(names?)
        }
    };
    Some(item)
}

fn parse(text: &str) -> Result<DocumentMut, Refusal> {
    text.parse().map_err(|e: toml_edit::TomlError| {
        Refusal::new(StatusCode::CONFLICT, format!("the configuration file cannot be read: {e}"))
    })
}

fn get(document: &DocumentMut, name: &str) -> Option<Value> {
    let (section, field) = name.split_once('.')?;
    let value = document.get(section)?.get(field)?.as_value()?;
    let text = |v: &toml_edit::Value| v.as_str().map(Value::from);
    text(value)
        .or_else(|| value.as_integer().map(Value::from))
        .or_else(|| value.as_float().map(Value::from))
        .or_else(|| value.as_bool().map(Value::from))
        .or_else(|| Some(value.as_array()?.iter().filter_map(text).collect()))
}

/// Writes the file whole or not at all, with the rights it had.
pub(super) fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new().prefix(".trapline-").tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    if let Ok(meta) = std::fs::metadata(file) {
        // A card that knows no owners refuses; that is no loss.
        let _ = new.as_file().set_permissions(meta.permissions());
    }
    new.as_file().sync_all()?;
    new.persist(file).map_err(|e| e.error)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigError};

    fn values(pairs: &[(&str, Value)]) -> Map<String, Value> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect()
    }

    fn parse_config(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, "site.toml", Path::new(""))
    }

    #[test]
    fn every_key_is_the_configurations_and_its_range_too() {
        for key in &KEYS {
            let wrong = match key.kind {
                Kind::Whole => json!(-1),
                Kind::Share => json!(1.5),
                Kind::Text => json!(""),
                Kind::Bool => json!(true),
                Kind::List => json!(["Lynx lynx"]),
                Kind::Choice(known) => json!(known[0]),
            };
            let text = change("", &values(&[(key.name, wrong)])).unwrap();
            match parse_config(&text) {
                Err(ConfigError::Range { key: named, allowed, .. }) => {
                    assert_eq!((named.as_str(), allowed.as_str()), (key.name, key.allowed));
                }
                Err(other) => panic!("{}: {other}", key.name),
                Ok(_) => assert!(!matches!(key.kind, Kind::Whole | Kind::Share | Kind::Text), "{}", key.name),
            }
            if let Kind::Choice(known) = key.kind {
                for word in known {
                    parse_config(&change("", &values(&[(key.name, json!(word))])).unwrap()).unwrap();
                }
                assert_eq!(key.allowed, known.join(", "));
            }
        }
    }

    #[test]
    fn comments_and_what_was_not_changed_stay() {
        let before =
            "# Ridge.\n[thresholds] # mine\nsighting = 0.75 # from last year\n\n[mqtt]\npassword = 'x'\n";
        let after = change(
            before,
            &values(&[
                ("thresholds.sighting", json!(0.8)),
                ("burst.frames", json!(5)),
                ("strip.top", Value::Null),
            ]),
        );
        let expected = before.replace("0.75", "0.8") + "\n[burst]\nframes = 5\n";
        assert_eq!(after.unwrap(), expected);
        let back = change(&expected, &values(&[("burst.frames", Value::Null)])).unwrap();
        assert_eq!(parse_config(&back).unwrap().burst.frames, 3);
    }

    #[test]
    fn the_list_shows_value_and_default() {
        let keys = list("[burst]\nframes = 7\n[species]\nallow = ['Lynx lynx']").unwrap();
        let find = |name: &str| keys.iter().find(|k| k["key"] == name).unwrap();
        assert_eq!(
            (&find("burst.frames")["value"], &find("burst.frames")["default"]),
            (&json!(7), &json!(3))
        );
        assert_eq!(find("species.allow")["value"], json!(["Lynx lynx"]));
        assert_eq!(find("thresholds.empty")["value"], Value::Null);
        assert_eq!(find("retention.people")["choices"], json!(["count", "blur"]));
    }

    #[test]
    fn secrets_and_strangers_are_no_settings() {
        for name in ["mqtt.password", "commands.key", "console.listen", "burst", "x"] {
            let refused = change("", &values(&[(name, json!(1))])).unwrap_err();
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        }
        assert!(list("[mqtt]\npassword = 'x'").unwrap().iter().all(|k| !k.to_string().contains("mqtt")));
        assert!(change("", &values(&[("burst.frames", json!("three"))])).is_err());
    }
}
