//! Tables for spreadsheets and maps, and the journal itself by SQL.

#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod export_support;

use std::path::{Path, PathBuf};

use export_support::{Spell, animal, burst, export, place, reads, rows, says};
use serde_json::{Value, json};
use trapline::event::Outcome;

/// A lynx, a wolf that Anna calls a jackal, people, an empty; 24 hours of watch, a pause of a day and a half, 12 more.
fn ridge(dir: &Path) -> PathBuf {
    let path = dir.join("ridge.db");
    let here = place("ridge", 46.5341, 7.1234);
    let mut spell = Spell::begin(&path, &here, "2026-05-01T00:00");
    spell.burst("2026-05-01T04:00", animal("Lynx lynx", "Eurasian lynx", 1, Some("a.jpg")));
    let wolf = spell.burst("2026-05-01T05:00", animal("Canis lupus", "wolf, grey", 2, Some("b.jpg")));
    spell.burst("2026-05-01T06:00", burst(Outcome::Person, &[("Homo sapiens", "human", 3)], None));
    spell.burst("2026-05-01T08:00", burst(Outcome::Empty, &[], None));
    spell.stop("2026-05-02T00:00");
    let mut spell = Spell::begin(&path, &here, "2026-05-03T12:00");
    spell.burst("2026-05-03T13:00", animal("Lynx lynx", "Eurasian lynx", 2, None));
    spell.cut("2026-05-04T00:00");
    says(&path, wolf, "Anna", Outcome::Sighting, &[("Canis aureus", 1)]);
    path
}

#[test]
fn a_sighting_is_a_row_and_an_empty_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = ridge(dir.path());
    let out = dir.path().join("out");
    export("csv", &[&path], &out, &["--media-url", "https://example.org/ridge"]);
    let found = rows(&out.join("sightings.csv"));
    let names: Vec<_> = found.iter().map(|r| r["scientific_name"].as_str()).collect();
    assert_eq!(names, ["Lynx lynx", "Canis aureus", "Homo sapiens", "Lynx lynx"]);
    assert_eq!((found[1]["method"].as_str(), found[1]["by"].as_str()), ("human", "Anna"));
    assert_eq!(found[1]["machine"], "Canis lupus × 2 (0.88)");
    assert_eq!((found[0]["trigger"].as_str(), found[0]["trigger_detail"].as_str()), ("pir", "GPIO17"));
    assert_eq!(found[0]["pictures"], "https://example.org/ridge/a.jpg");
    assert_eq!((found[0]["latitude"].as_str(), found[0]["count"].as_str()), ("46.5341", "1"));
    let lynx = dir.path().join("lynx");
    export("csv", &[&path], &lynx, &["--species", "eurasian LYNX", "--since", "2026-05-02T00:00:00Z"]);
    assert_eq!(rows(&lynx.join("sightings.csv")).len(), 1);
}

#[test]
fn deployments_are_points_on_a_map() {
    let dir = tempfile::tempdir().unwrap();
    let path = ridge(dir.path());
    let out = dir.path().join("out");
    export("geojson", &[&path], &out, &["--round-for", "Canis aureus", "--round-to", "0.05"]);
    let text = std::fs::read_to_string(out.join("deployments.geojson")).unwrap();
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["type"], "FeatureCollection");
    let features = found["features"].as_array().unwrap();
    assert_eq!(features.len(), 2);
    // RFC 7946: longitude first.
    assert_eq!(features[0]["geometry"], json!({"type": "Point", "coordinates": [7.1, 46.55]}));
    assert_eq!(features[0]["properties"]["species"], json!(["Canis aureus", "Lynx lynx"]));
    assert_eq!(features[1]["properties"]["trapDays"], 0.5);
}

#[test]
fn a_workbook_has_a_sheet_per_table() {
    let dir = tempfile::tempdir().unwrap();
    let path = ridge(dir.path());
    let out = dir.path().join("out");
    export("xlsx", &[&path], &out, &[]);
    let Some(book) = reads("read_xlsx.py", &[&out.join("trapline.xlsx")], "openpyxl") else { return };
    let sheets: Vec<_> = book.as_object().unwrap().keys().collect();
    assert_eq!(sheets, ["deployments", "media", "observations", "sightings"]);
    assert_eq!(book["sightings"]["rows"].as_array().unwrap().len(), 4);
    let column = |sheet: &str, name: &str| {
        let head = book[sheet]["head"].as_array().unwrap();
        let at = head.iter().position(|h| h == name).unwrap();
        book[sheet]["rows"][0][at].clone()
    };
    assert_eq!(column("deployments", "latitude"), 46.5341, "a number and no text");
    assert_eq!(column("sightings", "scientific_name"), "Lynx lynx");
}

#[test]
fn the_queries_of_the_documentation_answer() {
    let dir = tempfile::tempdir().unwrap();
    let path = ridge(dir.path());
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/exports.md");
    let text = std::fs::read_to_string(docs).unwrap();
    let queries: Vec<&str> =
        text.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(queries.len(), 3);
    let db = rusqlite::Connection::open(&path).unwrap();
    let answer = |sql: &str| -> Vec<Vec<rusqlite::types::Value>> {
        let mut statement = db.prepare(sql).unwrap();
        let width = statement.column_count();
        let read = |row: &rusqlite::Row<'_>| (0..width).map(|i| row.get(i)).collect();
        statement.query_map([], read).unwrap().map(Result::unwrap).collect()
    };
    let plain = |rows: Vec<Vec<rusqlite::types::Value>>| -> Vec<String> {
        let cell = |value: &rusqlite::types::Value| match value {
            rusqlite::types::Value::Null => "-".to_owned(),
            rusqlite::types::Value::Integer(i) => i.to_string(),
            rusqlite::types::Value::Real(r) => format!("{r:.1}"),
            rusqlite::types::Value::Text(t) => t.clone(),
            rusqlite::types::Value::Blob(_) => "blob".to_owned(),
        };
        rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" | ")).collect()
    };
    // What the networks saw, by deployment and species.
    let seen = plain(answer(queries[0]));
    assert_eq!(seen, ["ridge | Lynx lynx | 2 | 2", "ridge | Canis lupus | 1 | 2"]);
    // Where a person said something else.
    let said = plain(answer(queries[1]));
    assert_eq!(said, ["2 | 2026-05-01 05:00:00 | Canis lupus | Anna | Canis aureus"]);
    // Hours on watch per boot.
    let watched = plain(answer(queries[2]));
    assert_eq!(watched, ["1 | 2026-05-01 00:00:00 | 24.0 | 1", "2 | 2026-05-03 12:00:00 | 12.0 | 0"]);
}
