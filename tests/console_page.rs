//! The page on the trap's Wi-Fi, from a phone: in by the secret, a look at what was seen, a word on it, how it stands,
//! its settings, its time, and off.
#![cfg(feature = "console")]
#![allow(clippy::unwrap_used)]

mod console_support;
mod daemon_support;

use std::process::Command;
use std::time::Duration;

use console_support::{Client, Daemon, free_port, within};
use daemon_support::{SITE, Trap};
use serde_json::json;
use trapline::event::Outcome;
use trapline::store::standing;

/// A trap whose page is on from the start.
fn trap(more: &str) -> (Trap, u16) {
    let (trap, port) = (Trap::new(), free_port());
    let console = format!("[console]\non = \"start\"\nlisten = \"127.0.0.1:{port}\"\n");
    trap.write("site.toml", &format!("# The ridge.\n{SITE}{console}{more}"));
    (trap, port)
}

/// A few bursts, then none for a day: a trap on a quiet afternoon.
fn quiet(trap: &Trap) {
    trap.write("boards/fast.toml", &format!("{}pace = \"real\"\n", daemon_support::FAST));
}

fn started(trap: &Trap, port: u16) -> Daemon {
    Daemon::of(trap.start(&["--json"]), port)
}

#[test]
fn a_phone_comes_in_looks_corrects_and_takes_it_back() {
    let (trap, port) = trap("");
    let daemon = started(&trap, port);
    let stranger = Client::new(daemon.at);
    assert_eq!(stranger.get("/").status, 200);
    assert_eq!(stranger.get("/api/bursts").status, 401);
    let mut client = stranger.clone();
    // As a phone's keyboard writes it.
    let answer = client.login(&format!(" {} ", daemon.secret.to_uppercase().replace('-', " ")));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let me = client.object("/api/me");
    assert_eq!((me["mode"].as_str(), me["site"].as_str()), (Some("trap"), Some("story")));

    assert!(within(Duration::from_secs(20), || client.object("/api/bursts")["total"].as_u64() > Some(3)));
    let page = client.object("/api/bursts?sort=old&limit=2");
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let id = items[0]["id"].as_str().unwrap();
    assert_eq!(id, "1-1");
    let kept = client.object("/api/bursts?sort=old&limit=50");
    let picture = kept["items"].as_array().unwrap().iter().flat_map(|b| b["frames"].as_array().unwrap());
    let picture = picture.filter_map(|f| f["picture"].as_u64()).next().unwrap();
    let jpeg = client.get(&format!("/api/picture/{picture}?w=96"));
    assert_eq!((jpeg.status, jpeg.header("content-type")), (200, Some("image/jpeg")));
    assert!(jpeg.body.starts_with(&[0xff, 0xd8]));

    let lynx =
        json!([{ "taxon": "Lynx lynx", "rank": "species", "label": "lynx", "count": 2, "sex": "female" }]);
    let said = json!({ "bursts": [id, "1-2"], "outcome": "sighting", "seen": lynx, "who": "Ana" });
    let labels = client.post("/api/label", &said);
    assert_eq!(labels.status, 200, "{}", labels.text());
    let labels = labels.json()["labels"].clone();
    assert_eq!(labels.as_array().unwrap().len(), 2);
    let found = client.object("/api/bursts?taxon=lynx%20lynx&labelled=yes");
    assert_eq!(found["total"], 2);
    let burst = client.object("/api/burst/1-1");
    assert_eq!(burst["decided"]["seen"][0]["count"], 2);
    assert_eq!(burst["outcome"], items[0]["outcome"], "the machine's word stays beside it");
    let stored = standing(trap.reader().labels().unwrap().items);
    assert_eq!((stored[&1].label.who.as_str(), stored[&1].label.outcome), ("Ana", Outcome::Sighting));

    assert_eq!(client.post("/api/undo", &json!({ "labels": labels })).status, 204);
    assert_eq!(client.object("/api/bursts?labelled=yes")["total"], 0);
    let wrong = client.post("/api/label", &json!({ "bursts": ["1-1"], "outcome": "ghost" }));
    assert_eq!((wrong.status, wrong.json()["key"].clone()), (422, json!("outcome")));

    assert_eq!(client.post("/api/logout", &json!({})).status, 204);
    assert_eq!(client.get("/api/me").status, 401);
    assert!(daemon.captures());
}

#[test]
fn how_it_stands_and_what_it_does_are_set_and_checked() {
    let (trap, port) = trap("");
    quiet(&trap);
    let daemon = started(&trap, port);
    let client = daemon.client();
    let mut setup = client.object("/api/setup");
    setup["heading_deg"] = 340.into();
    setup["bait"] = true.into();
    assert_eq!(client.put("/api/setup", &setup).status, 200);
    let stored = trap.reader().setups().unwrap().items.pop().unwrap();
    assert_eq!((stored.source.as_str(), stored.setup.heading_deg), ("page", Some(340)));
    setup["heading_deg"] = 361.into();
    let refused = client.put("/api/setup", &setup);
    assert_eq!((refused.status, refused.json()["allowed"].clone()), (422, json!("0 to 360")));

    let before = std::fs::read_to_string(trap.path("site.toml")).unwrap();
    let wrong = client.put("/api/settings", &json!({ "values": { "burst.frames": 99, "burst.gap_s": 30 } }));
    assert_eq!((wrong.status, wrong.json()["key"].clone()), (422, json!("burst.frames")), "{}", wrong.text());
    assert_eq!(std::fs::read_to_string(trap.path("site.toml")).unwrap(), before, "all or nothing");
    let done = client.put("/api/settings", &json!({ "values": { "burst.frames": 4 } }));
    assert_eq!((done.status, done.json()["restart"].clone()), (200, json!(true)));
    let after = std::fs::read_to_string(trap.path("site.toml")).unwrap();
    assert_eq!(after, before.replace("frames = 2", "frames = 4"), "comments and all else stay");

    assert_eq!(client.post("/api/time", &json!({ "utc": "1999-01-01T00:00:00Z" })).status, 422);
    assert_eq!(client.post("/api/time", &json!({ "utc": "2026-06-01T00:00:00Z" })).json()["moved_s"], 0.0);
    let power = client.post("/api/power", &json!({ "action": "off" }));
    assert_eq!(power.status, 409);
    assert!(power.text().contains("bench"), "{}", power.text());
    let checks = client.object("/api/doctor");
    let red = checks["checks"].as_array().unwrap().iter().find(|c| c["state"] == "red");
    assert_eq!(red.filter(|c| c["id"] != "card"), None);
}

#[test]
fn the_aim_view_shows_pictures_while_nothing_triggers() {
    let (trap, port) = trap("");
    quiet(&trap);
    let daemon = started(&trap, port);
    let client = daemon.client();
    assert!(within(Duration::from_secs(20), || client.object("/api/bursts")["total"] == 1));
    assert_eq!(client.post("/api/aim", &json!({ "on": true })).status, 200);
    let frame = client.hear("frame", |frame| frame["picture"].is_string());
    assert_eq!((frame["width"].as_u64(), frame["height"].as_u64()), (Some(96), Some(64)));
    let jpeg = client.get(frame["picture"].as_str().unwrap());
    assert!(jpeg.status == 200 && jpeg.body.starts_with(&[0xff, 0xd8]));
    assert_eq!(client.object("/api/status")["aim"]["on"], true);
    client.post("/api/aim", &json!({ "on": false }));
    assert_eq!(client.object("/api/status")["aim"]["on"], false);
    assert_eq!(client.object("/api/bursts")["total"], 1, "aim frames are kept nowhere");
}

#[test]
fn a_burst_is_told_as_it_comes() {
    let (trap, port) = trap("");
    let daemon = started(&trap, port);
    let burst = daemon.client().hear("burst", |_| true);
    assert!(burst["id"].as_str().is_some_and(|id| id.starts_with("1-")));
}

#[test]
fn power_off_ends_the_watch_in_order_and_then_the_machine() {
    let (trap, port) = trap("power_off = \"touch went-off\"\n");
    quiet(&trap);
    let mut daemon = started(&trap, port);
    let client = daemon.client();
    assert_eq!(client.post("/api/power", &json!({ "action": "off" })).status, 202);
    assert!(daemon.child.wait().unwrap().success());
    assert!(trap.path("went-off").exists());
    let last = trap.reader().effort().unwrap().items.pop().unwrap();
    assert_eq!(last.kind, trapline::store::EffortKind::Stop);
}

#[test]
fn nothing_listens_until_asked_and_then_for_a_while() {
    let (trap, port) = trap("");
    let site = std::fs::read_to_string(trap.path("site.toml")).unwrap();
    trap.write("site.toml", &site.replace("\"start\"", "\"command\""));
    let console = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
        command.current_dir(trap.path("")).arg("console").args(arguments).args(["--config", "site.toml"]);
        command.output().unwrap()
    };
    assert_eq!(console(&["on"]).status.code(), Some(2), "no journal yet");
    let at = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut child = trap.start(&[]);
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    std::thread::spawn(move || std::io::copy(&mut { out }, &mut std::io::sink()));
    std::thread::spawn(move || std::io::copy(&mut { err }, &mut std::io::sink()));
    let listens = || std::net::TcpStream::connect(at).is_ok();
    assert!(within(Duration::from_secs(20), || trap.journal().exists()));
    assert!(!within(Duration::from_secs(2), listens), "off by default");
    assert!(console(&["on", "--minutes", "5"]).status.success());
    assert!(within(Duration::from_secs(10), listens));
    let secret = String::from_utf8(console(&["secret"]).stdout).unwrap();
    assert_eq!(Client::new(at).login(secret.trim()).status, 200);
    let again = String::from_utf8(console(&["secret"]).stdout).unwrap();
    assert_eq!(Client::new(at).login(secret.trim()).status, 401, "a new secret replaces the one before");
    assert_eq!(Client::new(at).login(again.trim()).status, 200);
    assert!(console(&["off"]).status.success());
    assert!(within(Duration::from_secs(10), || !listens()));
    let usr1 = Command::new("kill").args(["-USR1", &child.id().to_string()]).status().unwrap();
    assert!(usr1.success());
    assert!(within(Duration::from_secs(10), listens), "the signal switches it on");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(console(&["on"]).status.code(), Some(1), "nobody is there to take it up");
}

#[test]
fn downloads_are_whole_and_hold_no_secret() {
    let (trap, port) = trap("");
    let daemon = started(&trap, port);
    let client = daemon.client();
    assert!(within(Duration::from_secs(20), || client.object("/api/bursts")["total"].as_u64() > Some(3)));
    let lynx = json!([{ "taxon": "Lynx lynx", "rank": "species", "label": "lynx", "count": 1 }]);
    let said = json!({ "bursts": ["1-1"], "outcome": "sighting", "seen": lynx, "who": "Ana" });
    assert_eq!(client.post("/api/label", &said).status, 200);
    let journal = client.get("/api/download/journal");
    assert_eq!(journal.status, 200);
    assert!(journal.header("content-disposition").unwrap().contains("attachment"));
    let copy = trap.path("copy.db");
    std::fs::write(&copy, &journal.body).unwrap();
    let reader = trapline::store::Reader::open_readonly(&copy).unwrap();
    assert_eq!(reader.verify().unwrap(), []);
    assert!(reader.events(&Default::default()).unwrap().items.len() > 3);
    assert_eq!(reader.labels().unwrap().items.len(), 1);
    assert_eq!(reader.state(trapline::console::secret::STATE).unwrap(), None);
    assert!(trap.reader().state(trapline::console::secret::STATE).unwrap().is_some());
    let csv = client.get("/api/download/csv").text();
    let mut table = csv::Reader::from_reader(csv.as_bytes());
    let heads = table.headers().unwrap().clone();
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    let by = heads.iter().position(|head| head == "by").unwrap();
    assert!(rows.iter().any(|row| row.get(by) == Some("Ana")), "{csv}");
    let titles = client.get("/api/downloads").json();
    let formats: Vec<&str> =
        titles["items"].as_array().unwrap().iter().map(|f| f["format"].as_str().unwrap()).collect();
    for format in &formats {
        let got = client.get(&format!("/api/download/{format}"));
        // Without coordinates Camtrap DP cannot be written, and the page says so.
        if *format == "camtrap-dp" {
            assert_eq!(got.status, 409);
            assert!(got.text().contains("site.latitude"), "{}", got.text());
            continue;
        }
        assert_eq!(got.status, 200, "{format}: {}", got.text());
        match *format {
            "xlsx" | "occupancy" => assert!(got.body.starts_with(b"PK"), "{format}"),
            "geojson" | "megadetector" => assert!(got.json().is_object(), "{format}"),
            _ => {}
        }
    }
    assert!(formats.len() >= 7, "{formats:?}");
    assert_eq!(client.get("/api/download/etc").status, 404);
}

#[test]
fn a_signed_bundle_is_sent_by_the_page_and_a_forged_one_refused() {
    use trapline::bundle::{Kind, Recipe, key_pair, pack, seal, sign};
    let (public, secret) = key_pair(None).unwrap();
    let (trap, port) = trap(&format!("[bundles]\nkeys = [\"{public}\"]\nmax_mb = 1\n"));
    quiet(&trap);
    let daemon = started(&trap, port);
    let client = daemon.client();
    std::fs::create_dir(trap.path("overlay")).unwrap();
    trap.write("overlay/trapline.toml", "[burst]\nframes = 3\n");
    let any = || vec!["*".to_owned()];
    let recipe =
        Recipe { kind: Kind::Config, version: 1, sites: any(), boards: any(), description: String::new() };
    let (_, archive) = pack(&trap.path("overlay"), &recipe).unwrap();
    let bundle = |secret: &str| {
        String::from_utf8(seal(&sign(&archive, secret, None, "config 1").unwrap(), &archive)).unwrap()
    };
    let send = |client: &Client, body: &str| {
        client.with("POST", "/api/bundle", &[("Content-Type", "application/octet-stream")], body)
    };
    assert_eq!(send(&Client::new(daemon.at), &bundle(&secret)).status, 401, "behind the session");
    let forged = send(&client, &bundle(&key_pair(None).unwrap().1));
    assert!(forged.status == 422 && forged.text().contains("another key"), "{}", forged.text());
    assert_eq!(send(&client, &"x".repeat(1_100_000)).status, 413);
    let taken = send(&client, &bundle(&secret));
    assert_eq!(taken.status, 200, "{}", taken.text());
    assert_eq!(taken.json()["kinds"]["config"]["current"]["version"], 1);
    assert_eq!(client.object("/api/bundle")["log"].as_array().unwrap().len(), 2);
    let again = send(&client, &bundle(&secret));
    assert!(again.status == 422 && again.text().contains("1 was taken before"), "{}", again.text());
}
