//! A trap with a gallery, as the whole program on the bench: a lynx that it knows is named in the journal, on the line, in the
//! message that leaves, and sets off the rule about it; a lynx that it does not know does none of that.
#![cfg(all(feature = "std", feature = "tract"))]
#![allow(clippy::unwrap_used, clippy::panic)]

mod daemon_support;
mod individuals_support;

use std::process::Output;

use daemon_support::{Trap, files, objects};
use individuals_support::{ENROLLED, MET, STRANGER, alone, bench, foreign, gallery, model, said, trapline};
use serde_json::{Value, json};

/// Rules about two lynx of the gallery, of which one comes by; messages are left in a folder.
const MORE: &str = "[retention]\nsightings = \"all\"\nfloor_mb = 0\n\
    [[alert]]\nname = \"eighteen\"\nindividual = \"18\"\n\
    [[alert]]\nname = \"nineteen\"\nindividual = \"19\"\n\
    [sending]\nuplinks = [\"directory\"]\n[directory]\npath = \"told\"\n";

/// A trap that takes one burst of the bench world under `seed`.
fn trap(seed: u64) -> Trap {
    let trap = Trap::new();
    std::fs::create_dir(trap.path("told")).unwrap();
    trap.write("site.toml", &individuals_support::site("lynx.gallery", MORE));
    trap.write("boards/fast.toml", &bench(seed));
    trap
}

/// The messages of a kind that were left in the folder.
fn messages(trap: &Trap, kind: &str) -> Vec<Value> {
    let folder = trap.path("told").join(kind);
    let read = |file: &String| serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
    files(&folder).iter().map(read).collect()
}

fn events(trap: &Trap, args: &[&str]) -> Output {
    trapline(&trap.path(""), &[&["events"], args, &["--journal", "trapline.db"]].concat())
}

#[test]
fn a_lynx_that_it_knows_is_named_on_every_way_and_sets_off_its_rule() {
    assert_eq!(alone(MET), 18, "whom the renderer shows");
    let trap = trap(MET);
    gallery(&trap.path(""), ENROLLED, 2, 1);
    let run = trap.run(&["--bursts", "1", "--json"]);
    assert!(run.status.success(), "{}", said(&run));
    let line = &objects(&run.stdout)[0];
    let identity = &line["sightings"][0]["individuals"][0];
    println!("{identity}");
    assert_eq!(
        (&identity["recognition"], &identity["individual"]),
        (&json!("known"), &json!("18")),
        "{line}"
    );
    assert_eq!(line["faults"], json!([]));

    let listed = objects(&events(&trap, &["list", "--json"]).stdout);
    assert_eq!(listed.len(), 1);
    assert_eq!(&listed[0]["sightings"][0]["individuals"][0], identity, "the journal has what was printed");
    let names: Vec<&str> = listed[0]["models"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(names.iter().any(|name| name.starts_with("gallery lynx@")), "{names:?}");
    let shown = events(&trap, &["show", listed[0]["key"].as_str().unwrap()]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("known    18 ("), "{shown}");

    let told = messages(&trap, "event");
    let [event] = &told[..] else { panic!("one event: {told:?}") };
    assert_eq!(
        (&event["species"], &event["alert"], &event["rule"]),
        (&json!("Lynx lynx"), &json!(true), &json!("eighteen"))
    );
    assert_eq!(event["individuals"][0]["individual"], "18");
    assert_eq!(event["individuals"][0]["recognition"], "known");

    // The same night again, for people.
    let columns = trap.run(&["--bursts", "1"]);
    let columns = String::from_utf8_lossy(&columns.stdout).into_owned();
    assert!(columns.contains("Eurasian lynx (18)"), "{columns}");
}

#[test]
fn a_lynx_that_it_does_not_know_sets_off_no_rule() {
    assert_eq!(alone(STRANGER), 15, "whom the renderer shows");
    let trap = trap(STRANGER);
    gallery(&trap.path(""), ENROLLED, 2, 1);
    let run = trap.run(&["--bursts", "1", "--json"]);
    assert!(run.status.success(), "{}", said(&run));
    let line = &objects(&run.stdout)[0];
    assert_eq!(line["sightings"][0]["taxon"], "Lynx lynx", "{line}");
    let identity = &line["sightings"][0]["individuals"][0];
    println!("{identity}");
    assert!(matches!(identity["recognition"].as_str(), Some("unsure" | "new")), "{identity}");
    assert_eq!(identity.get("individual"), None);
    let told = messages(&trap, "event");
    let [event] = &told[..] else { panic!("one event: {told:?}") };
    assert_eq!((&event["alert"], event.get("rule")), (&json!(false), None), "{event}");
    assert_eq!(event["individuals"][0]["individual"], Value::Null);
}

#[test]
fn a_gallery_that_does_not_fit_ends_the_start_as_wrong_input() {
    let trap = trap(MET);
    foreign(&trap.path(""));
    let site = individuals_support::site("other.gallery", MORE);
    let without = site.replace(&format!(", \"{}\"", model("embedder")), "");
    assert_ne!(site, without);
    for (site, words) in [
        (&site, ["other.gallery was made with other 2 (sha256 070707070707…)", "trapline gallery build"]),
        (&without, ["other.gallery needs the embedder", "(`models.manifests`"]),
        (&site.replace("other.gallery", "gone.gallery"), ["cannot read the gallery", "gone.gallery"]),
    ] {
        trap.write("site.toml", site);
        let run = trap.run(&["--bursts", "1"]);
        let told = said(&run);
        assert!(run.status.code() == Some(2) && run.stdout.is_empty(), "{told}");
        assert!(words.iter().all(|words| told.contains(words)), "{told}");
        assert!(!trap.journal().exists(), "nothing was begun");
    }
}
