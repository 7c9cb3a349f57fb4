//! A card at home: sorted, looked through, corrected, and put into folders by what people say.
#![cfg(feature = "console")]
#![allow(clippy::unwrap_used)]

mod console_support;
mod sort_support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use console_support::{Client, raw, within};
use serde_json::{Value, json};
use sort_support::{card, state};

struct Review {
    child: Child,
    url: String,
}

impl Drop for Review {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn review(arguments: &[&Path]) -> Review {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.arg("review").args(arguments).args(["--no-open", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    Review { child, url: said["url"].as_str().unwrap().to_owned() }
}

impl Review {
    /// What a browser does with the address.
    fn open(&self) -> (Client, u16) {
        let rest = self.url.strip_prefix("http://").unwrap();
        let (at, query) = rest.split_once('/').unwrap();
        let mut client = Client::new(at.parse().unwrap());
        let request = format!("GET /{query} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
        let answer = raw(client.at, request.as_bytes()).unwrap();
        if let Some(cookie) = answer.header("set-cookie") {
            client.cookie = cookie.split(';').next().unwrap().to_owned();
            client.csrf = client.object("/api/me")["csrf"].as_str().unwrap().to_owned();
        }
        (client, answer.status)
    }
}

/// Waits until the job has ended; gives its last word.
fn done(client: &Client, wish: &Value) -> Value {
    let listener = client.clone();
    let heard = std::thread::spawn(move || listener.hear("job", |job| job["finished"] == true));
    std::thread::sleep(Duration::from_millis(500));
    let begun = client.post("/api/files", wish);
    assert_eq!(begun.status, 200, "{}", begun.text());
    heard.join().unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = walk.filter(|e| e.file_type().is_file());
    files.map(|e| e.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_card_is_looked_through_corrected_and_put_into_folders() {
    let dir = tempfile::tempdir().unwrap();
    let photos = card(&dir.path().join("card"), 3);
    let before = state(&photos);
    let page = review(&[&photos]);
    let (client, status) = page.open();
    assert_eq!(status, 303);
    assert_eq!(page.open().1, 200, "the address opens the door once");
    assert_eq!(page.open().0.get("/api/me").status, 401);
    assert_eq!(client.object("/api/me")["mode"], "desk");
    let bursts = client.object("/api/bursts?sort=old");
    assert_eq!(bursts["total"], 3);
    let items = bursts["items"].as_array().unwrap();
    assert!(items.iter().all(|b| b["frames"].as_array().unwrap().len() == 2));
    let picture = items[0]["frames"][0]["picture"].as_u64().unwrap();
    let stored = client.get(&format!("/api/picture/{picture}?w=0"));
    assert_eq!(stored.body, std::fs::read(photos.join("IMG_0000a.JPG")).unwrap());

    let said = |n: usize, taxon: &str, label: &str| {
        let seen = json!([{ "taxon": taxon, "rank": "species", "label": label, "count": 1 }]);
        let outcome = if taxon == "Homo sapiens" { "person" } else { "sighting" };
        let label = json!({ "bursts": [items[n]["id"]], "outcome": outcome, "seen": seen });
        assert_eq!(client.post("/api/label", &label).status, 200);
    };
    said(0, "Lynx lynx", "lynx");
    said(1, "Homo sapiens", "human");
    let empty = json!({ "bursts": [items[2]["id"]], "outcome": "empty" });
    assert_eq!(client.post("/api/label", &empty).status, 200);

    let to = dir.path().join("sorted");
    let wish = json!({ "action": "copy", "to": to, "by": "species", "people": "leave_out" });
    assert_eq!(done(&client, &wish)["error"], Value::Null);
    let expected = ["empty/IMG_0002a.JPG", "empty/IMG_0002b.JPG", "lynx/IMG_0000a.JPG", "lynx/IMG_0000b.JPG"];
    assert_eq!(files(&to), expected);
    let blurred = dir.path().join("blurred");
    let wish = json!({ "action": "copy", "to": blurred, "people": "blur", "bursts": [items[1]["id"]] });
    assert_eq!(done(&client, &wish)["error"], Value::Null);
    assert_eq!(files(&blurred), ["person/IMG_0001a.JPG", "person/IMG_0001b.JPG"]);
    let copy = std::fs::read(blurred.join("person/IMG_0001a.JPG")).unwrap();
    assert_ne!(copy, std::fs::read(photos.join("IMG_0001a.JPG")).unwrap());
    let after: Vec<_> =
        state(&photos).into_iter().filter(|f| f.0.extension().is_some_and(|e| e == "JPG")).collect();
    assert_eq!(after, before, "copying touches no original");

    let moved = dir.path().join("moved");
    let refused = json!({ "action": "move", "to": moved, "people": "blur" });
    assert_eq!(client.post("/api/files", &refused).status, 422);
    assert_eq!(client.post("/api/files", &json!({ "action": "copy", "to": "here" })).status, 422);
    assert_eq!(done(&client, &json!({ "action": "move", "to": moved }))["error"], Value::Null);
    assert_eq!(files(&moved).len(), 6);
    let there = client.get(&format!("/api/picture/{picture}?w=0"));
    assert_eq!(there.body, stored.body, "the journal knows where a photo went");
}

#[test]
fn what_was_judged_and_said_before_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let photos = card(&dir.path().join("card"), 2);
    {
        let (client, _) = review(&[&photos]).open_and_keep();
        let label = json!({ "bursts": ["1-1"], "outcome": "empty", "who": "Ana" });
        assert_eq!(client.0.post("/api/label", &label).status, 200);
        assert_eq!(client.0.object("/api/bursts")["total"], 2);
    }
    // The card is mounted elsewhere.
    let elsewhere = dir.path().join("usb");
    std::fs::create_dir(&elsewhere).unwrap();
    let again = elsewhere.join("card");
    std::fs::rename(&photos, &again).unwrap();
    let (client, _) = review(&[&again]).open_and_keep();
    let bursts = client.0.object("/api/bursts?sort=old");
    assert_eq!(bursts["total"], 2);
    assert_eq!(bursts["items"][0]["label"]["who"], "Ana");
    let picture = bursts["items"][0]["frames"][0]["picture"].as_u64().unwrap();
    assert_eq!(client.0.get(&format!("/api/picture/{picture}")).status, 200);
}

impl Review {
    fn open_and_keep(self) -> ((Client, Review), u16) {
        let (client, status) = self.open();
        ((client, self), status)
    }
}

#[test]
fn several_journals_are_one_list() {
    let dir = tempfile::tempdir().unwrap();
    let mut journals = Vec::new();
    for name in ["ridge", "creek"] {
        let photos = card(&dir.path().join(name), 2);
        drop(review(&[&photos]));
        journals.push(photos.join(".trapline.db"));
    }
    let page = review(&[&journals[0], &journals[1]]);
    let (client, _) = page.open();
    let bursts = client.object("/api/bursts");
    assert_eq!(bursts["total"], 4);
    let ids: Vec<&str> =
        bursts["items"].as_array().unwrap().iter().map(|b| b["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"0:1-1") && ids.contains(&"1:1-2"), "{ids:?}");
    let all: Vec<u64> = bursts["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["frames"][0]["picture"].as_u64().unwrap())
        .collect();
    assert!(all.iter().all(|n| client.get(&format!("/api/picture/{n}")).status == 200));
    let label = client.post("/api/label", &json!({ "bursts": ["0:1-1", "1:1-1"], "outcome": "empty" }));
    let labels = label.json()["labels"].clone();
    assert_eq!(client.object("/api/bursts?labelled=yes")["total"], 2);
    assert_eq!(client.post("/api/undo", &json!({ "labels": labels })).status, 204);
    assert!(within(Duration::from_secs(5), || client.object("/api/bursts?labelled=yes")["total"] == 0));
}

#[test]
fn what_is_not_there_is_told() {
    let missing =
        Command::new(env!("CARGO_BIN_EXE_trapline")).args(["review", "/no/such/card"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("mounted"));
}
