//! Lynx on a card at home, sorted with a gallery: a known one is named, a stranger is not, and a gallery that does not fit
//! is refused with its cure.
//!
//! The card is rendered, with the bundled networks to look at it. The visits are such that the classifier takes for a cat;
//! what it takes for a dog nobody is asked about.
#![cfg(all(feature = "std", feature = "tract"))]
#![allow(clippy::unwrap_used, clippy::panic)]

mod individuals_support;

use std::path::Path;

use individuals_support::{Visit, foreign, gallery, model, said, trapline};
use serde_json::Value;

/// In the gallery are 3000, 3001 and 3002.
const VISITS: [Visit; 6] = [
    Visit { individual: 3001, to_the_right: true, night: true, seed: 3_001_400 },
    Visit { individual: 3002, to_the_right: false, night: true, seed: 3_002_100 },
    Visit { individual: 3002, to_the_right: true, night: true, seed: 3_002_400 },
    Visit { individual: 3004, to_the_right: true, night: true, seed: 3_004_400 },
    Visit { individual: 3005, to_the_right: true, night: false, seed: 3_005_300 },
    Visit { individual: 3005, to_the_right: true, night: true, seed: 3_005_400 },
];

fn known(visit: &Visit) -> bool {
    (3000..3003).contains(&visit.individual)
}

/// `trapline sort` on the card with the bundled networks and a gallery.
fn sort(dir: &Path, gallery: &str, roles: &[&str], more: &[&str]) -> std::process::Output {
    let models: Vec<String> = roles.iter().map(|role| model(role)).collect();
    let mut args = vec!["sort", "card", "--quiet", "--gallery", gallery];
    args.extend(models.iter().flat_map(|model| ["--model", model.as_str()]));
    trapline(dir, &[&args[..], more].concat())
}

/// What was told of the individuals of each visit, by the number of its folder.
fn told(stdout: &[u8]) -> Vec<Vec<Value>> {
    let mut told = vec![Vec::new(); VISITS.len()];
    for line in String::from_utf8_lossy(stdout).lines() {
        let sequence: Value = serde_json::from_str(line).unwrap();
        let file = Path::new(sequence["frames"][0]["file"].as_str().unwrap()).to_owned();
        let visit: usize = file.parent().unwrap().file_name().unwrap().to_str().unwrap().parse().unwrap();
        assert_eq!(sequence["faults"], serde_json::json!([]), "{sequence}");
        let sightings = sequence["sightings"].as_array().unwrap();
        told[visit].extend(sightings.iter().filter_map(|s| s["individuals"].as_array()).flatten().cloned());
    }
    told
}

#[test]
fn a_known_lynx_is_named_in_every_form_and_a_stranger_in_none() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    gallery(dir, 3000, 3, 2);
    for (i, visit) in VISITS.iter().enumerate() {
        visit.write(&dir.join(format!("card/{i}")));
    }
    let roles = ["detector", "classifier", "embedder"];
    let done = sort(dir, "lynx.gallery", &roles, &["--json", "--journal", "card.db"]);
    assert!(done.status.success(), "{}", said(&done));
    for (visit, told) in VISITS.iter().zip(told(&done.stdout)) {
        let [told] = &told[..] else { panic!("one animal: {visit:?} {told:?}") };
        println!("{visit:?}: {told}");
        // It walks by: the renderer was told where to.
        assert_eq!(told["flank"], visit.flank(), "{visit:?} {told}");
        assert!(told["nearest"].as_array().is_some_and(|n| n.len() == 3), "{told}");
        if known(visit) {
            assert_eq!(
                (told["recognition"].as_str(), told["individual"].as_str()),
                (Some("known"), Some(visit.individual.to_string().as_str())),
                "{visit:?} {told}"
            );
        } else {
            assert!(matches!(told["recognition"].as_str(), Some("unsure" | "new")), "{visit:?} {told}");
            assert!(told.get("individual").is_none(), "{visit:?} {told}");
        }
    }

    // From the journal, nothing judged again: the same objects, and the table names the same three.
    let again = sort(dir, "lynx.gallery", &roles, &["--json", "--journal", "card.db"]);
    assert_eq!(String::from_utf8_lossy(&again.stdout), String::from_utf8_lossy(&done.stdout));
    let table = sort(dir, "lynx.gallery", &roles, &["--journal", "card.db"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    for (i, visit) in VISITS.iter().enumerate() {
        let row = table.lines().find(|row| row.contains(&format!("card/{i}/"))).unwrap();
        assert_eq!(row.contains(&format!("({})", visit.individual)), known(visit), "{table}");
    }
    let shown = trapline(dir, &["events", "list", "--journal", "card.db", "--json"]);
    let mut named: Vec<String> = String::from_utf8_lossy(&shown.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .flat_map(|burst| burst["sightings"].as_array().unwrap().clone())
        .flat_map(|seen| seen["individuals"].as_array().unwrap().clone())
        .filter_map(|identity| identity["individual"].as_str().map(str::to_owned))
        .collect();
    named.sort();
    assert_eq!(named, ["3001", "3002", "3002"]);
    // Another gallery is another question: nothing of the journal answers it.
    std::fs::remove_dir_all(dir.join("coats/Lynx lynx/3002")).unwrap();
    let fewer = ["gallery", "build", "coats", "-o", "fewer.gallery", "--model", &model("embedder")];
    assert!(trapline(dir, &fewer).status.success());
    let fewer = sort(dir, "fewer.gallery", &roles, &["--json", "--journal", "card.db"]);
    for (visit, told) in VISITS.iter().zip(told(&fewer.stdout)) {
        let name = told[0]["individual"].as_str();
        assert_eq!(name, (visit.individual == 3001).then_some("3001"), "{visit:?} {told:?}");
    }
}

#[test]
fn a_gallery_that_does_not_fit_is_refused_before_any_photo_is_judged() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    foreign(dir);
    std::fs::create_dir(dir.join("card")).unwrap();
    std::fs::copy("tests/data/baseline.jpg", dir.join("card/a.jpg")).unwrap();
    std::fs::write(dir.join("none.gallery"), "no gallery").unwrap();
    let all = ["detector", "classifier", "embedder"];
    for (gallery, roles, words) in [
        (
            "other.gallery",
            &all[..],
            ["other.gallery was made with other 2 (sha256 070707070707…)", "trapline gallery build"],
        ),
        ("other.gallery", &all[..2], ["other.gallery needs the embedder", "--model); add it"]),
        ("other.gallery", &["detector", "embedder"][..], ["bench-embedder", "needs a classifier"]),
        ("none.gallery", &all[..], ["none.gallery is no gallery", "trapline gallery build"]),
        ("missing.gallery", &all[..], ["cannot read the gallery", "missing.gallery"]),
    ] {
        let refused = sort(dir, gallery, roles, &["--json"]);
        let told = said(&refused);
        assert_eq!(
            (refused.status.code(), refused.stdout.len()),
            (Some(2), 0),
            "{gallery} {roles:?}: {told}"
        );
        assert!(words.iter().all(|words| told.contains(words)), "{gallery} {roles:?}: {told}");
    }
}
