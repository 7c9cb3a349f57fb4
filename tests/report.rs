//! `trapline report`: one page from journals; its numbers, its manners with names, pictures, damage and nothing at all.
#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests are tests.

mod store_support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chrono::TimeDelta;
use rusqlite::Connection;
use serde_json::Value;
use store_support::{burst, dawn, observation, open, sighting, start};
use trapline::event::{EventKey, Outcome, Source};
use trapline::image::{Rgb, encode_jpeg};
use trapline::store::record::{Burst, Cause, MediaKind};
use trapline::store::{
    Deployment, Effort, EffortKind, Journal, Label, MediaStore, Notebook, Picture, Retention, Seen, Start,
};
use trapline::units::{ClockQuality, Score};

fn report(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trapline"))
        .arg("report")
        .args(args)
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The numbers and the page of the same journals.
fn made(journals: &[&Path], more: &[&str]) -> (Value, String) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("report.html");
    let mut args: Vec<&str> = vec!["--json", "--out", out.to_str().unwrap(), "--journal"];
    args.extend(journals.iter().map(|j| j.to_str().unwrap()));
    args.extend(more);
    let output = report(&args);
    assert!(output.status.success(), "{}", err(&output));
    (serde_json::from_slice(&output.stdout).unwrap(), std::fs::read_to_string(out).unwrap())
}

fn count(db: &Connection, sql: &str) -> u64 {
    u64::try_from(db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()).unwrap()
}

/// Two hundred bursts of everything, minutes to hours apart, with effort.
fn busy(path: &Path) {
    let (mut journal, _) = open(path);
    let kinds = ["Capreolus capreolus", "Vulpes vulpes", "Lynx lynx", "Sus scrofa"];
    let mut at = 0;
    for i in 0..200_i64 {
        at += [60, 600, 1799, 1801, 7200][(i * 7 % 5) as usize];
        let one = match i % 10 {
            0..5 => sighting(at, kinds[(i * i % 4) as usize]),
            5 | 6 => burst(at, Outcome::Empty),
            7 => burst(at, Outcome::Uncertain),
            8 => burst(at, Outcome::Person),
            _ => burst(at, [Outcome::Vehicle, Outcome::Failed][(i % 20 / 10) as usize]),
        };
        journal.record(&one, &[]).unwrap();
    }
    let counts = Effort { triggers: 200, bursts: 200, empties: 40, suppressed: 31, failed_captures: 2 };
    journal
        .log_effort(EffortKind::Stop, dawn() + TimeDelta::seconds(at + 60), ClockQuality::Rtc, &counts)
        .unwrap();
}

#[test]
fn the_numbers_are_those_that_sql_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ridge.db");
    busy(&path);
    let (json, page) = made(&[&path], &[]);
    let db = Connection::open(&path).unwrap();
    for outcome in Outcome::ALL.map(Outcome::as_str) {
        let wanted = count(&db, &format!("SELECT count(*) FROM burst WHERE outcome = '{outcome}'"));
        assert_eq!(json["totals"]["bursts"][outcome], wanted, "{outcome}");
        assert!(wanted > 0, "{outcome} is in the story");
    }
    // A record: no burst of the same kind at the same place within 30 minutes before it.
    let records = |taxon: &str| {
        count(
            &db,
            &format!(
                "WITH seen AS (SELECT b.triggered_us AS at FROM burst b JOIN observation o ON o.burst = b.id
                   WHERE b.outcome = 'sighting' AND o.taxon = '{taxon}')
                 SELECT count(*) FROM (SELECT at, lag(at) OVER (ORDER BY at) AS before FROM seen)
                   WHERE before IS NULL OR at - before > 1800 * 1000000"
            ),
        )
    };
    let species = json["species"].as_array().unwrap();
    let distinct = count(
        &db,
        "SELECT count(DISTINCT taxon) FROM observation o JOIN burst b ON o.burst = b.id WHERE b.outcome = 'sighting'",
    );
    assert_eq!(species.len() as u64, distinct);
    for kind in species {
        let taxon = kind["name"]["taxon"].as_str().unwrap();
        assert_eq!(kind["records"], records(taxon), "{taxon}");
        let bursts = format!(
            "SELECT count(DISTINCT burst) FROM observation o JOIN burst b ON o.burst = b.id
             WHERE b.outcome = 'sighting' AND taxon = '{taxon}'"
        );
        assert_eq!(kind["bursts"], count(&db, &bursts), "{taxon}");
        assert!(page.contains(&format!("<span class=\"taxon\">{taxon}</span>")), "{taxon}");
    }
    let nights = db
        .query_row("SELECT (max(at_us) - min(at_us)) / 86400e6 FROM effort", [], |r| r.get::<_, f64>(0))
        .unwrap();
    assert!((json["totals"]["nights"].as_f64().unwrap() - nights).abs() < 1e-9);
    assert_eq!(
        (json["totals"]["suppressed"].as_u64(), json["totals"]["failed_captures"].as_u64()),
        (Some(31), Some(2))
    );
    // Without a position the clock is UTC: hours and days as SQLite has them.
    let hour = "SELECT count(*) FROM burst WHERE CAST(strftime('%H', triggered_us / 1000000, 'unixepoch') AS INTEGER) =";
    for (h, hours) in json["hours"].as_array().unwrap().iter().enumerate() {
        let all: u64 = hours["bursts"].as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum();
        assert_eq!(all, count(&db, &format!("{hour} {h}")), "hour {h}");
    }
    assert_eq!(json["fired"].as_array().unwrap().len(), 1);
    assert_eq!(
        (json["fired"][0]["source"].as_str(), json["fired"][0]["detail"].as_str()),
        (Some("pir"), Some("GPIO17"))
    );
    assert_eq!(json["fired"][0]["bursts"], json["totals"]["bursts"]);
    let days = count(&db, "SELECT count(DISTINCT date(triggered_us / 1000000, 'unixepoch')) FROM burst");
    let with_bursts = json["days"].as_array().unwrap().iter();
    let with_bursts = with_bursts.filter(|d| d["bursts"].as_object().unwrap().values().any(|v| v != 0));
    assert_eq!(with_bursts.count() as u64, days);
    assert_eq!(json["uncertain"]["waiting"], json["totals"]["bursts"]["uncertain"]);
    assert!(page.contains("<dd>200</dd>"), "the page says the bursts");

    let (each, _) = made(&[&path], &["--independence", "0"]);
    let sum = |json: &Value, what: &str| -> u64 {
        json["species"].as_array().unwrap().iter().map(|s| s[what].as_u64().unwrap()).sum()
    };
    assert_eq!(sum(&each, "records"), sum(&each, "bursts"), "without an interval each burst counts");
}

#[test]
fn an_empty_time_lapse_is_no_false_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ridge.db");
    let (mut journal, _) = open(&path);
    let cause = |source, detail: Option<&str>| Some(Cause { source, detail: detail.map(str::to_owned) });
    for i in 0..9 {
        let cause = match i {
            0..4 => cause(Source::Timer, None),
            4..7 => cause(Source::Pir, Some("GPIO27")),
            7 => cause(Source::Asked, Some("page")),
            _ => None,
        };
        journal.record(&Burst { cause, ..burst(i * 60, Outcome::Empty) }, &[]).unwrap();
    }
    let (json, page) = made(&[&path], &[]);
    let fired: Vec<_> =
        json["fired"].as_array().unwrap().iter().map(|f| f["bursts"]["empty"].as_u64()).collect();
    assert_eq!(fired, [Some(4), Some(3), Some(1), Some(1)]);
    let sum = |rows: &Value, keys: [&str; 3]| -> u64 {
        let each = |row: &Value| keys.iter().map(|key| row[*key].as_u64().unwrap()).sum::<u64>();
        rows.as_array().unwrap().iter().map(each).sum()
    };
    // The PIR's three, and the one of which nobody knows better.
    assert_eq!(sum(&json["causes"], ["still", "little", "much"]), 4);
    assert_eq!(sum(&json["hours"], ["empty_still", "empty_little", "empty_much"]), 4);
    for name in ["Time-lapse", "PIR, GPIO27", "On request, page", "Not recorded"] {
        assert!(page.contains(name), "{name}");
    }
}

#[test]
fn names_cannot_break_the_page() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x&<b>.db");
    let hostile = "</svg><script>alert(1)</script><img src=x onerror='alert(2)'>";
    let deployment = Deployment::named(hostile);
    let (mut journal, _) = Journal::open(&path, &deployment, &start()).unwrap();
    let mut seen = sighting(0, hostile);
    seen.observations[0].label = format!("\"{hostile}");
    journal.record(&seen, &[]).unwrap();
    let mut unsure = burst(9000, Outcome::Uncertain);
    unsure.observations = vec![observation(hostile, 0.4)];
    journal.record(&unsure, &[]).unwrap();
    let later = dawn() + TimeDelta::hours(5);
    journal.log_effort(EffortKind::Stop, later, ClockQuality::Rtc, &Effort::default()).unwrap();
    let (_, page) = made(&[&path], &[]);
    for forbidden in ["<script", "<img src=x", "<b>"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.matches("&lt;script&gt;").count() >= 5, "the name is shown in table, figures and cards");
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_is_the_same_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ridge.db");
    busy(&path);
    let (_, page) = made(&[&path], &[]);
    for outside in ["http://", "https://", "<script", "<link", "@import", "url(", "src=\"/", "<iframe"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(made(&[&path], &[]).1, page);
    let (_, dated) = made(&[&path], &["--now", "2026-06-01T12:00:00Z"]);
    assert!(dated.contains("2026-06-01 12:00 UTC"));
    // Every figure has its words, and no element is named twice.
    let figures = page.matches("role=\"img\"").count();
    assert!(figures >= 12, "{figures}");
    assert_eq!(page.matches("<desc id=").count(), figures);
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    // Each colour that is drawn has its dark value.
    let style = page.split("</style>").next().unwrap();
    for attribute in ["fill=\"#", "stroke=\"#"] {
        for rest in page.split("<body>").nth(1).unwrap().split(attribute).skip(1) {
            let rule = format!("[{attribute}{}\"]", &rest[..6]);
            assert!(style.contains(&rule), "{rule}");
        }
    }
}

#[test]
fn many_journals_are_one_report() {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = ["a.db", "b.db", "c.db"].map(|n| dir.path().join(n)).to_vec();
    busy(&paths[0]);
    busy(&paths[1]);
    let east = Deployment { latitude: Some(46.0), longitude: Some(30.0), ..Deployment::named("hollow") };
    let (mut journal, _) = Journal::open(&paths[2], &east, &start()).unwrap();
    journal.record(&sighting(0, "Meles meles"), &[]).unwrap();
    drop(journal);
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let (one, _) = made(&paths[..1], &[]);
    let (all, page) = made(&paths, &[]);
    let sum = |json: &Value| -> u64 {
        json["totals"]["bursts"].as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum()
    };
    assert_eq!(sum(&all), 2 * sum(&one) + 1);
    let records = |json: &Value| json["totals"]["records"].as_u64().unwrap();
    // At another place the same kind is another record.
    assert_eq!(records(&all), 2 * records(&one) + 1);
    let names: Vec<&str> =
        all["stands"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ridge (a.db)", "ridge (b.db)", "hollow"]);
    assert!(page.contains("ridge (b.db)"));
    // 30 degrees east are two hours of sun: the badger came at 04:00 UTC.
    let badger =
        all["species"].as_array().unwrap().iter().find(|s| s["name"]["taxon"] == "Meles meles").unwrap();
    assert_eq!(badger["activity"]["hours"][6], 1);
    let (utc, _) = made(&paths, &["--utc-offset", "-01:00"]);
    let badger =
        utc["species"].as_array().unwrap().iter().find(|s| s["name"]["taxon"] == "Meles meles").unwrap();
    assert_eq!(badger["activity"]["hours"][3], 1);
    // The sunrise equation by hand, 1 May at 46° N: declination 15.0°, equation of time 2.9 min, upper rim at -0.833°:
    // half a day is 107.4° or 7.16 h, noon 11.95 in mean solar time.
    let sun = |what: &str| all["sun"][what].as_f64().unwrap();
    assert!((sun("rise") - 4.79).abs() < 0.05, "{}", sun("rise"));
    assert!((sun("set") - 19.11).abs() < 0.05, "{}", sun("set"));
}

#[test]
fn a_persons_word_counts_before_the_machines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ridge.db");
    let (mut journal, _) = open(&path);
    let keys: Vec<EventKey> = [
        sighting(0, "Canis lupus"),
        sighting(8000, "Canis lupus"),
        burst(16000, Outcome::Uncertain),
        burst(24000, Outcome::Uncertain),
    ]
    .iter()
    .map(|b| journal.record(b, &[]).unwrap().key)
    .collect();
    let mut desk = Notebook::open(&path).unwrap();
    let mut say = |key: EventKey, outcome, taxon: &str| {
        let seen = Seen { taxon: taxon.into(), rank: "species".into(), count: 1, ..Seen::default() };
        let seen = if taxon.is_empty() { Vec::new() } else { vec![seen] };
        let label = Label { at: dawn(), who: "anna".into(), outcome, seen, comment: String::new() };
        desk.label(key, &label).unwrap()
    };
    say(keys[0], Outcome::Sighting, "Canis lupus");
    say(keys[1], Outcome::Sighting, "Lynx lynx");
    say(keys[2], Outcome::Empty, "");
    let (json, page) = made(&[&path], &[]);
    let bursts = |taxon: &str| {
        let species = json["species"].as_array().unwrap();
        species.iter().find(|s| s["name"]["taxon"] == taxon).map(|s| s["bursts"].as_u64().unwrap())
    };
    assert_eq!((bursts("Canis lupus"), bursts("Lynx lynx")), (Some(1), Some(1)));
    assert_eq!(json["totals"]["bursts"]["empty"], 1);
    assert_eq!(json["uncertain"]["waiting"], 1);
    assert_eq!((&json["labels"]["confirmed"], &json["labels"]["corrected"]), (&1.into(), &2.into()));
    assert!(page.contains("People have labelled 3 bursts: 1 confirms the machine’s word, 2 correct it."));
}

fn jpeg(shade: u8) -> Vec<u8> {
    encode_jpeg(&Rgb { width: 960, height: 720, data: vec![shade; 960 * 720 * 3] }, 90).unwrap()
}

#[test]
fn the_best_picture_is_in_the_page_and_people_never_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trap.db");
    let (mut journal, _) = open(&path);
    // Even from a card on which pictures of people lie.
    let all = Retention { people_blurred: true, ..Retention::default() };
    let media = MediaStore::open(&dir.path().join("trap-media"), all).unwrap();
    let mut put = |mut burst: Burst, score: f32, shade: u8| {
        burst.observations.iter_mut().for_each(|o| o.score = Score::new(score));
        let bytes = jpeg(shade);
        let picture = Picture { frame: 1, kind: MediaKind::Frame, bytes: &bytes };
        media.record(&mut journal, &mut burst, &[picture]).unwrap()
    };
    put(sighting(0, "Lynx lynx"), 0.7, 40);
    let best = put(sighting(9000, "Lynx lynx"), 0.95, 90);
    let broken = put(sighting(18000, "Lynx lynx"), 0.99, 200);
    std::fs::write(dir.path().join("trap-media").join(&broken.kept[0].media.path), b"not a picture").unwrap();
    let person = put(burst(27000, Outcome::Person), 0.9, 120);
    assert!(!person.kept.is_empty(), "the card holds a picture of a person");
    let mut with_lynx = sighting(36000, "Lynx lynx");
    with_lynx.frames[0].boxes[0].category = "person".into();
    put(with_lynx, 1.0, 130);
    let mut unsure = burst(45000, Outcome::Uncertain);
    unsure.frames[0].boxes[0].category = "person".into();
    put(unsure, 0.5, 140);
    let (json, page) = made(&[&path], &[]);
    let shown = &json["species"][0]["best"];
    assert_eq!(
        shown["key"],
        format!("1-{}", best.recorded.key.number),
        "a broken file gives way to the next"
    );
    let pictures: Vec<&str> = page.split("data:image/jpeg;base64,").skip(1).collect();
    assert_eq!(pictures.len(), 1, "one kind, one picture; none of people");
    use base64::Engine;
    let text = pictures[0].split('"').next().unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let picture = trapline::image::decode(&bytes, trapline::image::Want::Full).unwrap();
    assert!(picture.width.max(picture.height) <= 640);
    assert!(picture.data[0].abs_diff(90) < 8, "the grey of the best: {}", picture.data[0]);
    assert!(page.contains("may show people"));
}

#[test]
fn nothing_and_damage_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.db");
    drop(open(&empty));
    let (json, page) = made(&[&empty], &[]);
    assert_eq!(json["totals"]["records"], 0);
    assert!(page.contains("No animals have been seen."));
    assert!(page.contains("No uncertain burst waits."));
    assert!(!page.contains("Not everything is in the numbers"));

    let hurt = dir.path().join("hurt.db");
    busy(&hurt);
    let db = Connection::open(&hurt).unwrap();
    db.execute("UPDATE burst SET triggered_us = triggered_us + 1 WHERE id IN (3, 4)", []).unwrap();
    drop(db);
    let (json, page) = made(&[&hurt], &[]);
    assert_eq!(json["journals"][0]["damaged"], 2);
    assert_eq!(json["journals"][0]["bursts"], 198);
    assert!(page.contains("2 rows do not match their checksum and are left out"));

    // A clock that was never set: counted, but at no hour and on no day.
    let unset = dir.path().join("unset.db");
    let begin = Start { clock: ClockQuality::Unset, ..start() };
    let (mut journal, _) = Journal::open(&unset, &Deployment::named("ridge"), &begin).unwrap();
    journal.record(&Burst { clock: ClockQuality::Unset, ..sighting(0, "Lynx lynx") }, &[]).unwrap();
    drop(journal);
    let (json, page) = made(&[&unset], &[]);
    assert_eq!((&json["totals"]["without_time"], &json["totals"]["records"]), (&1.into(), &1.into()));
    assert_eq!(json["days"], Value::Array(Vec::new()));
    assert!(page.contains("1 burst has no known time"));
}

#[test]
fn wrong_input_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (missing, out) = (dir.path().join("none.db"), dir.path().join("out.html"));
    let (missing, out) = (missing.to_str().unwrap(), out.to_str().unwrap());
    let refused = report(&["--journal", missing, "--out", out]);
    assert_eq!(refused.status.code(), Some(2), "{}", err(&refused));
    assert!(err(&refused).contains("none.db"));
    let path = dir.path().join("ridge.db");
    drop(open(&path));
    let path = path.to_str().unwrap();
    for (args, told) in [
        (vec!["--journal", path], "--out"),
        (vec!["--journal", path, "--out", out, "--utc-offset", "2"], "+02:00"),
        (
            vec!["--journal", path, "--out", out, "--media", "a", "b"],
            "--media names 2 folders for 1 journals",
        ),
        (vec!["--journal", path, "--out", "/nowhere/at/all.html"], "/nowhere/at/all.html"),
    ] {
        let refused = report(&args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {}", err(&refused));
        assert!(err(&refused).contains(told), "{told}: {}", err(&refused));
    }
}
