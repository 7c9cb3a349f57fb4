//! Camtrap DP: valid by the standard's own schemas, understood by a reader that knows nothing of Trapline.

#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod export_support;

use std::path::Path;

use export_support::{
    Spell, animal, at, burst, by, export, is_valid_camtrap_dp, place, python, reads, refused, rows, says,
    trapline,
};
use serde_json::json;
use trapline::event::{Outcome, Source};
use trapline::store::{Filter, Reader};
use trapline::units::ClockQuality;

/// Two seasons at the ridge with a pause of 30 h, one of them cut, with everything a trap can say; and a trap at the
/// brook that began without a clock.
fn two_sites(dir: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let (ridge, brook) = (dir.join("ridge.db"), dir.join("brook.db"));
    let here = place("ridge", 46.5341, 7.1234);
    let mut spell = Spell::begin(&ridge, &here, "2026-05-01T00:00");
    spell.burst("2026-05-01T04:00", animal("Lynx lynx", "Eurasian lynx", 1, Some("a.jpg")));
    let wolf = spell.burst("2026-05-01T05:00", animal("Canis lupus", "wolf", 2, Some("b.jpg")));
    spell.burst("2026-05-01T06:00", burst(Outcome::Person, &[("Homo sapiens", "human", 3)], Some("c.jpg")));
    spell.burst("2026-05-01T07:00", burst(Outcome::Vehicle, &[("", "vehicle", 1)], None));
    spell.burst("2026-05-01T08:00", burst(Outcome::Empty, &[], Some("d.jpg")));
    spell.burst("2026-05-01T09:00", burst(Outcome::Failed, &[], Some("e.jpg")));
    let unsure = spell.burst("2026-05-01T10:00", burst(Outcome::Uncertain, &[], Some("f.jpg")));
    spell.burst("2026-05-01T11:00", burst(Outcome::Uncertain, &[], None));
    spell.stop("2026-05-02T00:00");
    let mut spell = Spell::begin(&ridge, &here, "2026-05-03T06:00");
    spell.burst("2026-05-03T07:30", animal("Lynx lynx", "Eurasian lynx", 2, None));
    spell.cut("2026-05-03T18:00");
    says(&ridge, wolf, "Anna", Outcome::Sighting, &[("Canis aureus", 1)]);
    says(&ridge, unsure, "Ben", Outcome::Empty, &[]);

    let there = place("brook", 46.6, 7.2);
    let mut spell = Spell::with_clock(&brook, &there, "1970-01-01T00:01", ClockQuality::Unset);
    spell.burst("1970-01-01T00:31", animal("Meles meles", "badger", 1, None));
    spell.cut("1970-01-01T02:01");
    Spell::begin(&brook, &there, "2026-05-01T12:00").stop("2026-05-02T12:00");
    (ridge, brook)
}

#[test]
fn a_project_of_two_sites_is_valid_and_says_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let (ridge, brook) = two_sites(dir.path());
    for level in ["event", "both"] {
        let out = dir.path().join(level);
        let told = export("camtrap-dp", &[&ridge, &brook], &out, &["--level", level, "--title", "Two sites"]);
        assert_eq!((told["deployments"].as_u64(), told["locations"].as_u64()), (Some(4), Some(2)));
        is_valid_camtrap_dp(&out);
        let Some(read) = reads("read_camtrap_dp.py", &[&out], "pandas") else { continue };
        // By hand from the bursts above. The labels turned the wolf into a jackal and an uncertain burst into a blank.
        let types =
            json!({"animal": 4, "human": 1, "vehicle": 1, "blank": 2, "unclassified": 1, "unknown": 1});
        assert_eq!(read["types"], types);
        let seen = json!({
            "ridge: Lynx lynx": 3, "ridge: Canis aureus": 1, "brook: Meles meles": 1,
        });
        assert_eq!(read["seen"], seen);
        assert_eq!(read["human"], json!(["Anna", "Ben"]));
        // 24 h and 12 h at the ridge with 30 h between them; the brook's hours without a clock are no effort.
        assert_eq!(read["effort"], json!({"ridge": 36.0, "brook": 24.0}));
        assert_eq!(read["problems"], json!({"ridge": 1, "brook": 0}));
        assert_eq!(read["undated"], json!(["brook"]));
        // Private: the people, what failed; Ben saw that on the uncertain one there is nobody.
        assert_eq!((read["media"].as_u64(), read["private"].as_u64()), (Some(6), Some(2)));
        assert_eq!(read["boxes"].as_u64(), Some(if level == "both" { 3 } else { 0 }));
        let taxa = json!(["Canis aureus", "Homo sapiens", "Lynx lynx", "Meles meles"]);
        assert_eq!(read["taxa"], taxa);
    }
}

#[test]
fn a_persons_word_stands_before_the_machines_and_both_can_be_traced() {
    let dir = tempfile::tempdir().unwrap();
    let (ridge, _) = two_sites(dir.path());
    let out = dir.path().join("out");
    export("camtrap-dp", &[&ridge], &out, &["--level", "both"]);
    let found = rows(&out.join("observations.csv"));
    let jackals: Vec<_> = found.iter().filter(|r| r["scientificName"] == "Canis aureus").collect();
    assert_eq!(jackals.len(), 2, "the event and the box on its picture");
    let event = jackals.iter().find(|r| r["observationLevel"] == "event").unwrap();
    assert_eq!(event["classificationMethod"], "human");
    assert_eq!((event["classifiedBy"].as_str(), event["sex"].as_str()), ("Anna", "female"));
    assert_eq!(event["classificationTimestamp"], "2026-06-01T09:00:00Z");
    assert_eq!(event["classificationProbability"], "");
    assert!(event["observationTags"].contains("machine:Canis lupus"), "{event:?}");
    assert!(
        event["observationComments"].contains("machine: Canis lupus × 2 (0.88) by Trapline"),
        "{event:?}"
    );
    let lynx = found.iter().find(|r| r["scientificName"] == "Lynx lynx").unwrap();
    assert_eq!(lynx["classificationMethod"], "machine");
    assert!(lynx["classifiedBy"].ends_with("(detector bench@0123abcd)"), "{lynx:?}");
    assert_eq!(lynx["classificationProbability"], "0.875");
    assert_eq!(lynx["eventStart"], "2026-05-01T04:00:00Z");
    let failed = found.iter().find(|r| r["observationType"] == "unclassified").unwrap();
    assert_eq!(failed["classificationMethod"], "");
    assert!(failed["observationComments"].contains("3 of 3 frames could not be judged: not a JPEG"));
    let boxed = found.iter().find(|r| !r["bboxX"].is_empty()).unwrap();
    assert_eq!(
        [&boxed["bboxX"], &boxed["bboxY"], &boxed["bboxWidth"], &boxed["bboxHeight"]],
        ["0.25", "0.5", "0.5", "0.125"]
    );
}

#[test]
fn time_names_and_deployments_hold_still_while_the_journal_grows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ridge.db");
    let here = place("ridge", 46.5, 7.1);
    let mut spell = Spell::begin(&path, &here, "2026-05-01T00:00");
    spell.burst("2026-05-01T04:00", animal("Lynx lynx", "lynx", 1, None));
    spell.cut("2026-05-01T20:00");
    let names = |out: &str, more: &[&str]| {
        let out = dir.path().join(out);
        export("camtrap-dp", &[&path], &out, more);
        let ids =
            rows(&out.join("observations.csv")).into_iter().map(|mut r| r.remove("observationID").unwrap());
        (ids.collect::<Vec<_>>(), rows(&out.join("deployments.csv")))
    };
    let (first, _) = names("a", &[]);
    assert_eq!(first, ["ridge-20260501T000000Z:1-1:1"]);
    let mut spell = Spell::begin(&path, &here, "2026-05-02T10:00");
    spell.burst("2026-05-02T11:00", animal("Lynx lynx", "lynx", 1, None));
    spell.stop("2026-05-04T00:00");
    let (then, places) = names("b", &[]);
    assert_eq!(then[0], first[0]);
    assert_eq!(places.len(), 1, "14 h of downtime part nothing");
    assert!(places[0]["deploymentComments"].contains("stood watch 58.0 of 72.0 h; starts: 2"), "{places:?}");

    let (late, places) = names("c", &["--since", "2026-05-02T00:00:00Z", "--until", "2026-05-03T00:00:00Z"]);
    assert_eq!(late, ["ridge-20260501T000000Z:2-2:1"], "cut to a day, named as ever");
    assert_eq!(places[0]["deploymentStart"], "2026-05-02T00:00:00Z");
    assert_eq!(places[0]["deploymentEnd"], "2026-05-03T00:00:00Z");
    let (none, places) = names("d", &["--species", "Ursus arctos"]);
    assert_eq!((none.len(), places.len()), (0, 1), "effort without the bear is a finding");
    is_valid_camtrap_dp(&dir.path().join("d"));
}

#[test]
fn hours_without_a_clock_are_told_and_not_dated() {
    let dir = tempfile::tempdir().unwrap();
    let (_, brook) = two_sites(dir.path());
    let out = dir.path().join("out");
    let told = export("camtrap-dp", &[&brook], &out, &[]);
    assert!(told["notes"].to_string().contains("2.0 h without a set clock"), "{told}");
    let places = rows(&out.join("deployments.csv"));
    let undated = places.iter().find(|r| r["timestampIssues"] == "true").unwrap();
    // Two hours long, put right before the first hour with a date.
    assert_eq!(undated["deploymentStart"], "2026-05-01T10:00:00Z");
    assert_eq!(undated["deploymentEnd"], "2026-05-01T12:00:00Z");
    let badger = &rows(&out.join("observations.csv"))[0];
    assert_eq!(badger["eventStart"], "2026-05-01T10:30:00Z");
    assert!(badger["observationComments"].contains("time is an estimate"));
}

#[test]
fn where_a_sensitive_species_lives_is_told_to_a_tenth_of_a_degree() {
    let dir = tempfile::tempdir().unwrap();
    let (ridge, brook) = two_sites(dir.path());
    let out = dir.path().join("out");
    // Also where only a label or only the network named it, and where the filter leaves it out.
    let more = ["--round-for", "canis lupus", "--species", "Meles meles"];
    export("camtrap-dp", &[&ridge, &brook], &out, &more);
    is_valid_camtrap_dp(&out);
    let places = rows(&out.join("deployments.csv"));
    let of = |name: &str| places.iter().find(|r| r["locationID"] == name).unwrap();
    assert_eq!((of("ridge")["latitude"].as_str(), of("ridge")["longitude"].as_str()), ("46.5", "7.1"));
    // Half a cell at 46.5° N: 5,560 m to the north, 3,827 m to the east, 6,749 m to the corner.
    assert_eq!(of("ridge")["coordinateUncertainty"], "6749");
    assert_eq!(
        (of("brook")["latitude"].as_str(), of("brook")["coordinateUncertainty"].as_str()),
        ("46.6", "")
    );
    let package = std::fs::read_to_string(out.join("datapackage.json")).unwrap();
    let package: serde_json::Value = serde_json::from_str(&package).unwrap();
    assert_eq!(package["coordinatePrecision"], 0.1);
    assert!(!package.to_string().contains("46.53"), "no exact coordinate is left anywhere");
}

#[test]
fn photos_that_were_sorted_become_a_deployment_per_camera() {
    let dir = tempfile::tempdir().unwrap();
    let card = dir.path().join("card");
    assert!(
        trapline(&["world", card.to_str().unwrap(), "--bursts", "4", "--size", "320x240"]).status.success()
    );
    let journal = dir.path().join("card.db");
    let sorted =
        trapline(&["sort", card.to_str().unwrap(), "--journal", journal.to_str().unwrap(), "--quiet"]);
    assert!(sorted.status.success(), "{}", String::from_utf8_lossy(&sorted.stderr));
    let out = dir.path().join("out");
    let said = refused("camtrap-dp", &[&journal], &out, &[]);
    assert!(said.contains("has no coordinates") && said.contains("[deployment."), "{said}");
    let camera = said.split('`').nth(1).unwrap();
    let project = dir.path().join("jura.toml");
    let text = format!(
        "title = 'Jura'\nname = 'jura-2026'\nlicence_data = 'CC0-1.0'\nlicence_media = 'CC-BY-4.0'\n\
         [[contributor]]\ntitle = 'Ana'\nrole = 'contact'\n\
         [deployment.\"{camera}\"]\nlatitude = 46.5\nlongitude = 7.0\nlocation_id = 'J1'\n"
    );
    std::fs::write(&project, text).unwrap();
    export(
        "camtrap-dp",
        &[&journal],
        &out,
        &["--project", project.to_str().unwrap(), "--level", "both", "--media-root", card.to_str().unwrap()],
    );
    is_valid_camtrap_dp(&out);
    let media = rows(&out.join("media.csv"));
    assert!(media.len() >= 4, "{}", media.len());
    assert!(media.iter().all(|m| card.join(&m["filePath"]).is_file()), "{:?}", media[0]);
    let places = rows(&out.join("deployments.csv"));
    assert_eq!(places.len(), 1);
    assert_eq!(places[0]["locationID"], "J1");
    let first = media.iter().map(|m| at(&m["timestamp"])).min().unwrap();
    assert_eq!(at(&places[0]["deploymentStart"]), first);
}

#[test]
fn photos_that_were_judged_again_count_once_and_keep_what_people_said() {
    let dir = tempfile::tempdir().unwrap();
    let card = dir.path().join("card");
    assert!(
        trapline(&["world", card.to_str().unwrap(), "--bursts", "3", "--size", "320x240"]).status.success()
    );
    let journal = dir.path().join("card.db");
    let sort = |threshold: &str| {
        let (card, journal) = (card.to_str().unwrap(), journal.to_str().unwrap());
        let done = trapline(&["sort", card, "--journal", journal, "--threshold", threshold, "--quiet"]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    sort("0.8");
    let bursts = || Reader::open_readonly(&journal).unwrap().events(&Filter::default()).unwrap().items;
    let before = bursts();
    says(&journal, before[0].key, "Anna", Outcome::Sighting, &[("Lynx lynx", 1)]);
    sort("0.5");
    assert_eq!(bursts().len(), 2 * before.len(), "another threshold is another judgement");
    let out = dir.path().join("out");
    let told = export("csv", &[&journal], &out, &["--species", "Lynx lynx"]);
    assert!(told["notes"].to_string().contains("were judged again later"), "{told}");
    let lynx = rows(&out.join("sightings.csv"));
    assert_eq!(lynx.len(), 1);
    assert_eq!((lynx[0]["method"].as_str(), lynx[0]["by"].as_str()), ("human", "Anna"));
    let number = before.len() + 1;
    assert!(lynx[0]["event"].ends_with(&format!(":2-{number}")), "the newest: {:?}", lynx[0]["event"]);
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (ridge, brook) = two_sites(dir.path());
    let out = dir.path().join("out");
    let copy = dir.path().join("copy.db");
    std::fs::copy(&ridge, &copy).unwrap();
    let said = refused("csv", &[&ridge, &copy], &out, &[]);
    assert!(said.contains("ridge-20260501T000000Z") && said.contains("copy.db"), "{said}");

    let other = dir.path().join("other.db");
    Spell::begin(&other, &place("ridge", 46.6, 7.1234), "2026-07-01T00:00").stop("2026-07-02T00:00");
    let said = refused("csv", &[&ridge, &other], &out, &[]);
    assert!(said.contains("`ridge` stands at two places") && said.contains("location_id"), "{said}");
    let unnamed = dir.path().join("unnamed.db");
    Spell::begin(&unnamed, &trapline::store::Deployment::named("brook"), "2026-05-01T13:00")
        .stop("2026-05-01T15:00");
    let said = refused("occupancy", &[&brook, &unnamed], &out, &[]);
    assert!(said.contains("`brook` was at work at the same time in"), "{said}");

    let project = dir.path().join("p.toml");
    std::fs::write(&project, "titel = 'x'").unwrap();
    let said = refused("csv", &[&ridge], &out, &["--project", project.to_str().unwrap()]);
    assert!(said.contains("p.toml") && said.contains("`titel` (did you mean `title`?)"), "{said}");
    std::fs::write(&project, "[deployment.ridge]\nlatitude = 91\nlongitude = 0").unwrap();
    let said = refused("csv", &[&ridge], &out, &["--project", project.to_str().unwrap()]);
    assert!(
        said.contains("p.toml") && said.contains("deployment.ridge") && said.contains("-90 to 90"),
        "{said}"
    );

    let said = refused("csv", &[&dir.path().join("none.db")], &out, &[]);
    assert!(said.contains("none.db"), "{said}");
    let said = refused("csv", &[&ridge], &out, &["--since", "2030-01-01"]);
    assert!(said.contains("no deployment"), "{said}");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("thesis.doc"), "mine").unwrap();
    let said = refused("csv", &[&ridge], &out, &[]);
    assert!(said.contains("thesis.doc") && said.contains("--force"), "{said}");
    export("csv", &[&ridge], &out, &["--force"]);
    assert_eq!(std::fs::read_to_string(out.join("thesis.doc")).unwrap(), "mine");
}

#[test]
fn a_packages_sites_become_configurations() {
    let dir = tempfile::tempdir().unwrap();
    let (ridge, brook) = two_sites(dir.path());
    let (out, sites) = (dir.path().join("out"), dir.path().join("sites"));
    export("camtrap-dp", &[&ridge, &brook], &out, &[]);
    let import = |from: &Path, to: &Path| {
        trapline(&["import", from.to_str().unwrap(), "--out", to.to_str().unwrap(), "--json"])
    };
    let done = import(&out, &sites);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let config = trapline::config::Config::load(&sites.join("ridge.toml")).unwrap();
    assert_eq!(config.site.name, "ridge");
    assert_eq!(config.site.coordinates, Some((46.5341, 7.1234)));
    assert_eq!(config.site.setup.location_id.as_deref(), Some("ridge"));
    assert!(sites.join("brook.toml").is_file());

    // The standard's own example: 4 deployments at 4 locations, read by hand from its table.
    let shared =
        std::env::var_os("TRAPLINE_SHARED").map_or_else(|| "../shared".into(), std::path::PathBuf::from);
    let example = shared.join("reference/camtrap-dp/example");
    if example.is_dir() {
        let done = import(&example, &dir.path().join("mica"));
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(told["sites"].as_array().unwrap().len(), 4);
        let config =
            trapline::config::Config::load(&dir.path().join("mica/B_HS_val-2_processiepark.toml")).unwrap();
        let setup = &config.site.setup;
        assert_eq!((setup.height_m, setup.tilt_deg, setup.heading_deg), (Some(1.3), Some(-15), Some(285)));
        assert_eq!((setup.bait, setup.feature.as_deref()), (Some(false), Some("trailGame")));
        assert_eq!(setup.groups, ["area:HS", "season:spring"]);
    } else {
        let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty());
        assert!(!ci, "skipped under CI: no {}", example.display());
        println!("skipped: no {}", example.display());
    }

    let table = dir.path().join("deployments.csv");
    std::fs::write(&table, "deploymentID,deploymentStart,latitude,longitude\nx,2026-05-01T00:00:00Z,95,7\n")
        .unwrap();
    let done = import(&table, &dir.path().join("no"));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(2));
    assert!(said.contains("deployments.csv, line 2") && said.contains("`latitude` is 95"), "{said}");
}

#[test]
fn the_reader_notices_what_is_not_in_order() {
    // A reader that accepts everything would prove nothing: a row moved out of its deployment must stop it.
    let dir = tempfile::tempdir().unwrap();
    let (ridge, _) = two_sites(dir.path());
    let out = dir.path().join("out");
    export("camtrap-dp", &[&ridge], &out, &[]);
    let file = out.join("observations.csv");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("2026-05-01T04:00:00Z", "2025-05-01T04:00:00Z")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export_support/read_camtrap_dp.py");
    if let Some(output) = python(&script, &[&out], "pandas") {
        assert!(!output.status.success());
    }
}

#[test]
fn pictures_of_the_time_lapse_are_told_from_those_of_the_sensor() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ridge.db");
    let mut spell = Spell::begin(&path, &place("ridge", 46.5, 7.1), "2026-05-01T00:00");
    spell.burst("2026-05-01T04:00", animal("Lynx lynx", "Eurasian lynx", 1, Some("a.jpg")));
    spell.burst("2026-05-01T05:00", by(Source::Timer, burst(Outcome::Empty, &[], Some("b.jpg"))));
    spell.burst("2026-05-01T06:00", by(Source::Asked, burst(Outcome::Empty, &[], Some("c.jpg"))));
    spell.stop("2026-05-02T00:00");
    let out = dir.path().join("out");
    export("camtrap-dp", &[&path], &out, &[]);
    is_valid_camtrap_dp(&out);
    let media = rows(&out.join("media.csv"));
    let methods: Vec<_> = media.iter().map(|r| r["captureMethod"].as_str()).collect();
    // The standard's own words (camtrap-dp 1.0.2, media-table-schema.json); it has none for a picture on request.
    assert_eq!(methods, ["activityDetection", "timeLapse", ""]);
    let text = std::fs::read_to_string(out.join("datapackage.json")).unwrap();
    let package: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(package["project"]["captureMethod"], json!(["activityDetection", "timeLapse"]));
    let tags: Vec<_> =
        rows(&out.join("observations.csv")).iter().map(|r| r["observationTags"].clone()).collect();
    assert!(tags[0].contains("trigger:pir") && tags[2].contains("trigger:asked"), "{tags:?}");
}
