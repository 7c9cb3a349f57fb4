//! Detection histories: an occupancy model fitted to what the export wrote finds the truth that the journals were made of.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests may unwrap.

mod export_support;
mod store_support;

use std::path::Path;

use chrono::TimeDelta;
use export_support::{Spell, animal, at, burst, by, export, place, python, rows};
use store_support::Dice;
use trapline::event::{Outcome, Source};

const SITES: usize = 150;
const OCCASIONS: usize = 8;
const PSI: f64 = 0.6;
const P: f64 = 0.35;

/// The history of every site, by the dice: `None` where the trap was off for the whole occasion (two days).
fn truth(dice: &mut Dice) -> Vec<Vec<Option<bool>>> {
    let mut chance = |p: f64| (dice.roll(1 << 20) as f64) < p * f64::from(1 << 20);
    (0..SITES)
        .map(|site| {
            let occupied = chance(PSI);
            (0..OCCASIONS)
                .map(|occasion| {
                    let detected = occupied && chance(P);
                    // Every fifth trap was dead for one occasion, and so could see nothing.
                    (!site.is_multiple_of(5) || occasion != 3).then_some(detected)
                })
                .collect()
        })
        .collect()
}

/// One journal per 50 sites, as a project has many cards.
fn journals(dir: &Path, truth: &[Vec<Option<bool>>]) -> Vec<std::path::PathBuf> {
    let begin = at("2026-05-01T00:00");
    let day = |n: usize| (begin + TimeDelta::days(n as i64)).format("%Y-%m-%dT%H:%M").to_string();
    for (site, history) in truth.iter().enumerate() {
        let path = dir.join(format!("card{}.db", site / 50));
        let here = place(&format!("site{site:03}"), 46.0 + site as f64 / 100.0, 7.0);
        let gap = history.iter().position(Option::is_none);
        let spells = gap.map_or(vec![(0, OCCASIONS)], |gap| vec![(0, gap), (gap + 1, OCCASIONS)]);
        for (from, to) in spells {
            let mut spell = Spell::begin(&path, &here, &day(from * 2));
            for (occasion, seen) in history.iter().enumerate().take(to).skip(from) {
                let time = begin + TimeDelta::days(occasion as i64 * 2) + TimeDelta::hours(5);
                let time =
                    |minutes| (time + TimeDelta::minutes(minutes)).format("%Y-%m-%dT%H:%M").to_string();
                if *seen == Some(true) {
                    // Twice within the half hour is once.
                    spell.burst(&time(0), animal("Lynx lynx", "lynx", 1, None));
                    spell.burst(&time(20), animal("Lynx lynx", "lynx", 1, None));
                }
                spell.burst(&time(300), burst(Outcome::Empty, &[], None));
                spell.burst(&time(400), animal("Vulpes vulpes", "fox", 1, None));
            }
            spell.stop_at_once(&day(to * 2));
        }
    }
    (0..SITES.div_ceil(50)).map(|n| dir.join(format!("card{n}.db"))).collect()
}

/// Log-likelihood of the single-season model (MacKenzie et al. 2002): a site is occupied with ψ and then detected with p
/// in each occasion that was watched.
fn likelihood(histories: &[Vec<Option<bool>>], psi: f64, p: f64) -> f64 {
    let site = |history: &Vec<Option<bool>>| {
        let seen = history.iter().flatten().any(|y| *y);
        let given: f64 = history.iter().flatten().map(|y| if *y { p } else { 1.0 - p }).product();
        (psi * given + if seen { 0.0 } else { 1.0 - psi }).ln()
    };
    histories.iter().map(site).sum()
}

/// ψ and p of the greatest likelihood, to a thousandth.
fn fit(histories: &[Vec<Option<bool>>]) -> (f64, f64) {
    let (mut best, mut step) = ((0.5, 0.5), 0.1);
    while step > 0.000_5 {
        let around = |v: f64| (-5..=5).map(move |i| (v + f64::from(i) * step).clamp(0.001, 0.999));
        let all = around(best.0).flat_map(|psi| around(best.1).map(move |p| (psi, p)));
        best = all
            .max_by(|a, b| likelihood(histories, a.0, a.1).total_cmp(&likelihood(histories, b.0, b.1)))
            .unwrap();
        step /= 4.0;
    }
    best
}

fn read(path: &Path) -> Vec<Vec<Option<bool>>> {
    let cell = |text: &str| match text {
        "NA" => None,
        "0" => Some(false),
        "1" => Some(true),
        other => panic!("{other} is none of 0, 1, NA"),
    };
    let row = |row: std::collections::BTreeMap<String, String>| {
        (1..=OCCASIONS).map(|o| cell(&row[&format!("o{o}")])).collect()
    };
    rows(path).into_iter().map(row).collect()
}

#[test]
fn a_model_fitted_to_the_export_finds_occupancy_and_detection() {
    let dir = tempfile::tempdir().unwrap();
    let truth = truth(&mut Dice(7));
    let journals = journals(dir.path(), &truth);
    let journals: Vec<&Path> = journals.iter().map(|p| p.as_path()).collect();
    let out = dir.path().join("out");
    let told = export("occupancy", &journals, &out, &["--occasion", "2"]);
    assert_eq!(told["locations"], SITES);
    let histories = read(&out.join("history_Lynx-lynx.csv"));
    assert_eq!(histories, truth, "every 0, 1 and NA as the dice fell");
    let (psi, p) = fit(&histories);
    // Large-sample standard errors for these sites and occasions (MacKenzie & Royle 2005): 0.042 and 0.020.
    assert!((psi - PSI).abs() < 0.1, "ψ {psi}");
    assert!((p - P).abs() < 0.05, "p {p}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/occupancy.py");
    if let Some(output) = python(&script, &[&out.join("history_Lynx-lynx.csv")], "csv, math") {
        let told = String::from_utf8(output.stdout).unwrap();
        let value = |name: &str| -> f64 {
            let line = told.lines().find(|l| l.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        // Two programs, one maximum.
        assert!((value("psi") - psi).abs() < 0.002 && (value("p ") - p).abs() < 0.002, "{told}");
    }
    // A fox passed every trap that was awake, always.
    assert!(read(&out.join("history_Vulpes-vulpes.csv")).iter().flatten().all(|y| *y != Some(false)));

    for row in rows(&out.join("effort.csv")) {
        let site: usize = row["site"].strip_prefix("site").unwrap().parse().unwrap();
        let gap = site.is_multiple_of(5);
        for occasion in 1..=OCCASIONS {
            let expected = if gap && occasion == 4 { "NA" } else { "2" };
            assert_eq!(row[&format!("o{occasion}")], expected, "{site} {occasion}");
        }
    }
    let records = rows(&out.join("records.csv"));
    let lynx = records.iter().filter(|r| r["Species"] == "Lynx lynx").count();
    assert_eq!(
        lynx,
        truth.iter().flatten().filter(|y| **y == Some(true)).count(),
        "two within 30 min are one"
    );
    let sites = rows(&out.join("sites.csv"));
    assert_eq!(
        (sites.len(), sites[0]["trap_days"].as_str(), sites[1]["trap_days"].as_str()),
        (SITES, "14", "16")
    );
    assert_eq!((sites[0]["deployments"].as_str(), sites[1]["deployments"].as_str()), ("2", "1"));
}

#[test]
fn occasions_begin_where_they_are_told_to_and_gaps_are_not_zeros() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.db"), dir.path().join("b.db"));
    let mut spell = Spell::begin(&a, &place("a", 46.0, 7.0), "2026-05-01T12:00");
    spell.burst("2026-05-02T23:40", animal("Lynx lynx", "lynx", 1, None));
    // Its second bite, past midnight: the same visit.
    spell.burst("2026-05-02T23:55", animal("Lynx lynx", "lynx", 1, None));
    spell.burst("2026-05-03T00:05", animal("Lynx lynx", "lynx", 1, None));
    spell.stop("2026-05-03T06:00");
    Spell::begin(&b, &place("b", 46.1, 7.0), "2026-05-03T00:00").stop("2026-05-05T00:00");
    let history = |out: &str, more: &[&str]| {
        let out = dir.path().join(out);
        export("occupancy", &[&a, &b], &out, more);
        let line = |row: &std::collections::BTreeMap<String, String>| {
            let days = row.len() - 1;
            (1..=days).map(|o| row[&format!("o{o}")].clone()).collect::<Vec<_>>().join(" ")
        };
        let table = |name: &str| rows(&out.join(name)).iter().map(line).collect::<Vec<_>>();
        (table("history_Lynx-lynx.csv"), table("effort.csv"), rows(&out.join("camera_operation.csv")))
    };
    let (y, effort, operation) = history("survey", &[]);
    assert_eq!(y, ["0 1 0 NA NA", "NA NA 0 0 NA"]);
    // Half a day, a day, a quarter; nothing after.
    assert_eq!(effort, ["0.5 1 0.25 NA NA", "NA NA 1 1 NA"]);
    assert_eq!((operation[0]["2026-05-03"].as_str(), operation[0]["2026-05-04"].as_str()), ("0.25", "NA"));
    assert_eq!(operation[1]["2026-05-01"], "NA");
    assert_eq!(history("station", &["--align", "station"]).0, ["0 1 0", "0 0 NA"]);
    assert_eq!(history("day", &["--align", "2026-05-03"]).0, ["0 NA NA", "0 0 NA"]);
    assert_eq!(history("least", &["--min-effort", "0.5"]).0, ["0 1 NA NA NA", "NA NA 0 0 NA"]);
    assert_eq!(history("each", &["--independence", "0"]).0[0], "0 1 1 NA NA");
    // Twenty to midnight by Greenwich is the next day two hours east.
    assert_eq!(history("east", &["--utc-offset", "+02:00"]).0[0], "0 0 1 NA NA");
}

#[test]
fn the_time_lapse_is_no_detection_of_the_sensor_and_a_wish_is_no_sample() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let lynx = || animal("Lynx lynx", "lynx", 1, None);
    let mut spell = Spell::begin(&path, &place("a", 46.0, 7.0), "2026-05-01T00:00");
    spell.burst("2026-05-01T05:00", lynx());
    spell.burst("2026-05-02T05:00", by(Source::Timer, lynx()));
    spell.burst("2026-05-03T05:00", by(Source::Asked, lynx()));
    spell.burst("2026-05-04T05:00", by(Source::Motion, lynx()));
    spell.stop("2026-05-05T00:00");
    let history = |capture: &[&str]| {
        let out = dir.path().join(format!("out{}", capture.join("")));
        let told = export("occupancy", &[&path], &out, capture);
        let row = rows(&out.join("history_Lynx-lynx.csv")).remove(0);
        let days = (1..=4).map(|o| row[&format!("o{o}")].clone()).collect::<Vec<_>>().join(" ");
        (days, told["notes"].to_string(), rows(&out.join("records.csv")).len())
    };
    let (days, notes, records) = history(&[]);
    assert_eq!((days.as_str(), records), ("1 0 0 1", 2));
    assert!(
        notes.contains("1 bursts of the time-lapse") && notes.contains("1 bursts that somebody"),
        "{notes}"
    );
    assert_eq!(history(&["--capture", "time-lapse"]).0, "0 1 0 0");
    assert_eq!(history(&["--capture", "both"]).0, "1 1 0 1");
}
