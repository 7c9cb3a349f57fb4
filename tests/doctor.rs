//! `trapline doctor` as a technician sees it.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may unwrap.

mod bundle_support;

use bundle_support::{Trap, said};

#[test]
fn a_trap_of_the_bench_is_looked_through_and_its_faults_are_red_with_a_cure() {
    let trap = Trap::new("");
    let checks =
        ["configuration", "permissions", "journal", "models", "judging", "camera", "picture", "modem"];
    let ask = |more: &[&str]| {
        let mut args = vec!["doctor", "--config", "site.toml", "--only"];
        args.extend(checks);
        args.extend(more);
        trap.trapline(&args)
    };
    let well = ask(&[]);
    assert!(well.status.success(), "{}", said(&well));
    let text = said(&well);
    assert!(
        text.contains("green  Camera: 2 pictures of 96 × 64") && text.contains("grey   Journal:"),
        "{text}"
    );
    assert!(text.contains("green  Judging: A burst of the bench world (2 frames"), "{text}");
    assert!(text.contains("amber  Models: None: motion alone judges"), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("0 red, ") && last.ends_with(" not known"), "{last}");

    let broken = trap.trapline(&[
        "doctor",
        "--config",
        "site.toml",
        "--model",
        "/no/model",
        "--only",
        "models",
        "--json",
    ]);
    assert_eq!(broken.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_slice(&broken.stdout).unwrap();
    assert_eq!((&told["counts"]["red"], &told["checks"][0]["state"]), (&1.into(), &"red".into()), "{told}");
    assert!(told["checks"][0]["cure"].as_str().unwrap().contains("trapline models verify"));
}

#[test]
fn other_languages_unknown_names_and_a_wrong_file_are_answered() {
    let trap = Trap::new("");
    let german = trap.trapline(&["doctor", "--config", "site.toml", "--only", "models", "--language", "de"]);
    assert!(said(&german).contains("Modelle: Keine: Nur Bewegung urteilt"), "{}", said(&german));
    let stray = trap.trapline(&["doctor", "--only", "camra"]);
    assert_eq!(stray.status.code(), Some(2));
    assert!(said(&stray).contains("there are: configuration, permissions"), "{}", said(&stray));
    std::fs::write(trap.path("site.toml"), "[burst]\nframes = 99").unwrap();
    let wrong = trap.trapline(&["doctor", "--config", "site.toml"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        said(&wrong).contains("red    Configuration:") && said(&wrong).contains("burst.frames"),
        "{}",
        said(&wrong)
    );
}

#[test]
fn beside_a_running_trap_the_journal_is_asked() {
    let trap = Trap::new("");
    assert_eq!(trap.run(2), Ok(2));
    // The lock is what tells that a trap runs.
    let lock = std::fs::OpenOptions::new().write(true).open(trap.path("trapline.db.lock")).unwrap();
    lock.try_lock().unwrap();
    let out = trap.trapline(&["doctor", "--config", "site.toml", "--quick", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let cause = |id: &str| {
        let checks = told["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == id).map(|check| check["cause"].as_str().unwrap().to_owned())
    };
    assert_eq!(cause("camera").as_deref(), Some("answered"), "{told}");
    assert_eq!(cause("judging").as_deref(), Some("last"), "{told}");
    assert_eq!(cause("models").as_deref(), Some("held"), "{told}");
    assert_eq!(cause("journal").as_deref(), Some("well"), "{told}");
    assert_eq!(cause("pir"), None, "--quick leaves out what needs somebody to wave");
}
