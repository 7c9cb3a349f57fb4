use std::time::Duration;

use super::*;
use crate::config::alerts::Hours;
use crate::event::EventKey;
use crate::store::record::{Box as Found, Burst, Frame, Identity};
use crate::units::{BBox, ClockQuality, Flank, Recognition, Score};

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-05-{text}Z").parse().unwrap()
}

fn rule(species: &[&str]) -> Rule {
    Rule {
        name: "wolf".into(),
        species: species.iter().map(|s| Subject::Taxon((*s).into())).collect(),
        individual: None,
        score: Score::ZERO,
        frames: 1,
        bursts: 1,
        within: Duration::from_secs(1800),
        hours: Hours::Any,
        cooldown: Duration::ZERO,
        first_of_day: false,
        uplinks: Vec::new(),
        picture: false,
        on: true,
    }
}

fn rules(list: Vec<Rule>) -> Rules {
    let lineage = |name: &str| match name {
        "Canis lupus" => ["Canis", "Canidae", "Carnivora", "Mammalia", "Animalia"].map(String::from).into(),
        _ => Vec::new(),
    };
    Rules::new(list, None, Box::new(lineage))
}

fn burst(time: &str, taxon: &str, score: f32, shown: usize) -> Stored {
    let frame = |i: usize| Frame {
        taken: at(time),
        failed: None,
        moved: 0.0,
        size: (100, 100),
        infrared: false,
        bytes: 1,
        boxes: (i < shown)
            .then(|| Found {
                bbox: BBox::FULL,
                category: "animal".into(),
                confidence: Score::ONE,
                moving: true,
                track: 7,
            })
            .into_iter()
            .collect(),
        media: None,
    };
    let seen = Observation {
        taxon: taxon.into(),
        rank: "species".into(),
        label: String::new(),
        score: Score::new(score),
        count: 1,
        top5: Vec::new(),
        traits: Default::default(),
        individuals: Vec::new(),
        tracks: vec![7],
    };
    Stored {
        key: EventKey { boot: 1, number: 1 },
        deployment: "ridge".into(),
        sequence: 1,
        burst: Burst {
            triggered: at(time),
            clock: ClockQuality::Rtc,
            outcome: Outcome::Sighting,
            probability: Score::ONE,
            frames: (0..3).map(frame).collect(),
            observations: vec![seen],
            faults: Vec::new(),
            millis: 0,
            suppressed: 0,
            models: Vec::new(),
            cause: None,
            source: None,
            report: None,
        },
        media: Vec::new(),
        events: Vec::new(),
    }
}

fn wolf(time: &str) -> Stored {
    burst(time, "Canis lupus", 0.9, 3)
}

fn held(rules: &mut Rules, burst: &Stored) -> Option<Held> {
    let verdict = rules.judge(burst, 0);
    assert!(verdict.alert.is_none() || verdict.held.is_empty());
    verdict.held.first().map(|(_, held)| *held)
}

#[test]
fn a_rule_holds_for_its_taxon_and_those_below_and_for_no_other() {
    for species in ["Canis lupus", "Canidae", "Mammalia"] {
        assert!(rules(vec![rule(&[species])]).judge(&wolf("01T03:12:00"), 0).alert.is_some(), "{species}");
    }
    let verdict = rules(vec![rule(&["Felidae"])]).judge(&wolf("01T03:12:00"), 0);
    assert_eq!(verdict, Verdict::default(), "no alert, and nothing held back");
}

#[test]
fn a_rule_about_an_individual_holds_for_nobody_else() {
    let identity = |recognition, individual: Option<&str>| Identity {
        recognition,
        individual: individual.map(str::to_owned),
        similarity: Some(0.8),
        probability: None,
        flank: Flank::Left,
        tracks: vec![7],
        nearest: vec![("W3".into(), 0.8)],
    };
    let alert = |identities: Vec<Identity>| {
        let mut burst = wolf("01T03:12:00");
        burst.burst.observations[0].individuals = identities;
        let about = Rule { individual: Some("W3".into()), ..rule(&["Canis lupus"]) };
        let verdict = rules(vec![about]).judge(&burst, 0);
        assert!(verdict.held.is_empty(), "nothing is held back of another's sighting");
        verdict.alert.is_some()
    };
    assert!(alert(vec![identity(Recognition::New, None), identity(Recognition::Known, Some("W3"))]));
    assert!(!alert(vec![identity(Recognition::Known, Some("W4"))]));
    assert!(!alert(vec![identity(Recognition::Unsure, None)]), "it may be W3; that is no alert");
    assert!(!alert(Vec::new()));
}

#[test]
fn people_vehicles_and_any_animal_have_words_of_their_own() {
    let of = |subject, outcome| {
        let mut burst = wolf("01T03:12:00");
        burst.burst.outcome = outcome;
        rules(vec![Rule { species: vec![subject], ..rule(&[]) }]).judge(&burst, 0).alert.is_some()
    };
    assert!(of(Subject::Animal, Outcome::Sighting));
    assert!(!of(Subject::Animal, Outcome::Person));
    assert!(of(Subject::Person, Outcome::Person));
    assert!(of(Subject::Vehicle, Outcome::Vehicle));
    assert!(!of(Subject::Taxon("Canis lupus".into()), Outcome::Uncertain), "an unsure name is no alert");
}

#[test]
fn each_clause_holds_a_rule_back_by_its_name() {
    let base = || rule(&["Canis lupus"]);
    let alone = |rule, burst: &Stored| held(&mut rules(vec![rule]), burst);
    let wolf = wolf("01T03:12:00");
    assert_eq!(alone(Rule { on: false, ..base() }, &wolf), Some(Held::Off));
    assert_eq!(alone(Rule { score: Score::new(0.95), ..base() }, &wolf), Some(Held::Score));
    let brief = burst("01T03:12:00", "Canis lupus", 0.9, 1);
    assert_eq!(alone(Rule { frames: 2, ..base() }, &brief), Some(Held::Frames));
    assert_eq!(alone(Rule { frames: 2, ..base() }, &wolf), None);
    assert_eq!(alone(Rule { bursts: 2, ..base() }, &wolf), Some(Held::Bursts));
    let noon = Hours::Between { from: 720, to: 780 };
    assert_eq!(alone(Rule { hours: noon, ..base() }, &wolf), Some(Held::Hours));
}

#[test]
fn two_bursts_confirm_only_within_their_time() {
    let mut site = rules(vec![Rule { bursts: 2, ..rule(&["Canis lupus"]) }]);
    assert_eq!(held(&mut site, &wolf("01T03:00:00")), Some(Held::Bursts));
    assert_eq!(held(&mut site, &wolf("01T03:31:00")), Some(Held::Bursts), "31 minutes later");
    assert_eq!(held(&mut site, &wolf("01T03:40:00")), None);
}

#[test]
fn cooldown_is_per_species_and_survives_a_restart() {
    let hour = Duration::from_secs(3600);
    let site = || rules(vec![Rule { cooldown: hour, ..rule(&["Canis lupus", "Lynx lynx"]) }]);
    let mut first = site();
    assert_eq!(held(&mut first, &wolf("01T03:00:00")), None);
    assert_eq!(held(&mut first, &wolf("01T03:59:59")), Some(Held::Cooldown));
    assert_eq!(held(&mut first, &burst("01T03:30:00", "Lynx lynx", 0.9, 3)), None, "another species");
    let mut second = site();
    second.restore(&first.save());
    assert_eq!(held(&mut second, &wolf("01T03:59:59")), Some(Held::Cooldown));
    assert_eq!(held(&mut second, &wolf("01T04:00:00")), None);
    second.restore(b"rubbish");
    assert_eq!(
        held(&mut second, &wolf("01T04:30:00")),
        Some(Held::Cooldown),
        "what is unreadable changes nothing"
    );
}

#[test]
fn first_of_day_is_once_per_utc_day() {
    let mut site = rules(vec![Rule { first_of_day: true, ..rule(&["Canis lupus"]) }]);
    assert_eq!(held(&mut site, &wolf("01T23:58:00")), None);
    assert_eq!(held(&mut site, &wolf("01T23:59:00")), Some(Held::NotFirst));
    assert_eq!(held(&mut site, &wolf("02T00:00:00")), None);
}

#[test]
fn a_clock_set_back_silences_nothing_for_ever() {
    let day = Duration::from_secs(86_400);
    let mut site = rules(vec![Rule { cooldown: day, ..rule(&["Canis lupus"]) }]);
    assert_eq!(held(&mut site, &wolf("20T00:00:00")), None);
    assert_eq!(held(&mut site, &wolf("01T00:00:00")), None);
}

#[test]
fn a_switch_stands_over_the_file_until_it_is_lifted() {
    let mut site = rules(vec![rule(&["Canis lupus"])]);
    site.switch(0, Some(false));
    assert_eq!(held(&mut site, &wolf("01T03:00:00")), Some(Held::Off));
    site.switch(0, None);
    assert_eq!(held(&mut site, &wolf("01T03:01:00")), None);
    site.switch(9, Some(true));
}

#[test]
fn the_first_rule_that_fires_decides() {
    let quiet = Rule { name: "strict".into(), score: Score::new(0.99), ..rule(&["Canis lupus"]) };
    let loud = Rule { name: "loose".into(), picture: true, ..rule(&["Canidae"]) };
    let verdict = rules(vec![quiet, loud]).judge(&wolf("01T03:00:00"), 0);
    assert_eq!(verdict.held, [("strict".to_owned(), Held::Score)]);
    let alert = verdict.alert.unwrap();
    assert_eq!((alert.rule.as_str(), alert.picture), ("loose", true));
}
