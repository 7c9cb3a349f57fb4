//! Signed bundles as who makes them and who visits the trap sees them.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may unwrap.

mod bundle_support;

use bundle_support::{Trap, said};
use trapline::bundle::{Kind, MAGIC, key_pair};

#[test]
fn a_bundle_is_made_verified_installed_and_in_force_from_the_next_start_on() {
    let trap = Trap::new("");
    // Made by the verbs, as a person does.
    assert!(trap.trapline(&["bundle", "keygen", "--out", "ranger", "--no-password"]).status.success());
    let public = std::fs::read_to_string(trap.path("ranger.pub")).unwrap().lines().last().unwrap().to_owned();
    let site = std::fs::read_to_string(trap.path("site.toml")).unwrap().replace(&trap.public, &public);
    std::fs::write(trap.path("site.toml"), site).unwrap();
    std::fs::create_dir(trap.path("overlay")).unwrap();
    std::fs::write(trap.path("overlay/trapline.toml"), "[burst]\nframes = 4\n").unwrap();
    let made = trap.trapline(&[
        "bundle",
        "make",
        "--kind",
        "config",
        "--version",
        "1",
        "--site",
        "ridge-*",
        "--key",
        "ranger.key",
        "--out",
        "c1.bundle",
        "overlay",
    ]);
    assert!(made.status.success(), "{}", said(&made));
    let verified = trap.trapline(&["bundle", "verify", "c1.bundle", "--public", &public]);
    assert!(verified.status.success() && said(&verified).contains("sites ridge-*"), "{}", said(&verified));

    assert_eq!(trap.run(1), Ok(2));
    let installed = trap.install(&trap.path("c1.bundle"));
    assert!(
        installed.status.success() && said(&installed).contains("a bench burst was judged"),
        "{}",
        said(&installed)
    );
    assert_eq!(trap.status()["kinds"]["config"]["trial"]["bursts"], 0);
    assert_eq!(trap.run(3), Ok(4));
    let status = trap.status();
    assert!(status["kinds"]["config"]["trial"].is_null(), "three healthy bursts make it good: {status}");

    let reverted = trap.trapline(&["bundle", "revert", "config", "--config", "site.toml"]);
    assert!(reverted.status.success(), "{}", said(&reverted));
    assert_eq!(trap.run(1), Ok(2));
    let journaled = trapline::store::Reader::open_readonly(&trap.path("trapline.db")).unwrap();
    let log = String::from_utf8(journaled.state("bundles").unwrap().unwrap()).unwrap();
    for word in ["installed", "good", "reverted"] {
        assert!(log.contains(word), "{log}");
    }
}

#[test]
fn what_is_not_in_order_is_refused_with_its_cause_and_changes_nothing() {
    let trap = Trap::new("max_mb = 1\n");
    let good = trap.config(5, 3);
    assert!(trap.install(&good).status.success());
    let bytes = std::fs::read(&good).unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let file = trap.path(name);
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let mut damaged = bytes.clone();
    let middle = damaged.len() - 700;
    damaged[middle] ^= 4;
    let overlay: &[(&str, &[u8])] = &[("trapline.toml", b"[burst]\nframes = 3\n")];
    let any = || vec!["*".to_owned()];
    let stranger = key_pair(None).unwrap().1;
    for (file, cause) in [
        (trap.config(5, 3), "5 was taken before"),
        (trap.config(4, 3), "5 was taken before"),
        (put("damaged.bundle", &damaged), "its signature does not hold"),
        (put("cut.bundle", &bytes[..bytes.len() / 2]), "its signature does not hold"),
        (put("zip.bundle", b"PK\x03\x04 is another kind of file"), "is no bundle"),
        (put("large.bundle", &[MAGIC, vec![0; 1_100_000].as_slice()].concat()), "at most 1000000 are taken"),
        (trap.bundle_for("other.bundle", (Kind::Config, 9, any()), &stranger, overlay), "another key"),
        (
            trap.bundle_for(
                "valley.bundle",
                (Kind::Config, 9, vec!["valley-*".into()]),
                &trap.secret,
                overlay,
            ),
            "is for sites valley-*",
        ),
        (
            trap.bundle("frames.bundle", Kind::Config, 9, &[("trapline.toml", b"[burst]\nframes = 99\n")]),
            "burst.frames",
        ),
        (
            trap.bundle("own.bundle", Kind::Config, 9, &[("trapline.toml", b"[bundles]\nkeys = []\n")]),
            "sets `bundles`",
        ),
        (
            trap.bundle("bad.bundle", Kind::Models, 1, &[("d/manifest.toml", b"role = 'detector'\n")]),
            "failed its self-test",
        ),
    ] {
        let out = trap.install(&file);
        assert_eq!(out.status.code(), Some(2), "{}: {}", file.display(), said(&out));
        assert!(said(&out).contains(cause), "{}: {}", file.display(), said(&out));
        assert_eq!(trap.run(1), Ok(3), "{}", file.display());
    }
    let log = trap.status()["log"].to_string();
    assert!(log.matches("refused").count() >= 11 && log.contains("another key"), "{log}");
}

#[test]
fn a_bundle_in_the_cards_folder_is_taken_in_at_the_next_start() {
    let trap = Trap::new("");
    std::fs::create_dir(trap.path("bundles")).unwrap();
    std::fs::rename(trap.config(1, 5), trap.path("bundles/1.bundle")).unwrap();
    std::fs::write(trap.path("bundles/2.bundle"), b"trapline bundle 1\nand then nothing\n").unwrap();
    assert_eq!(trap.run(1), Ok(5));
    assert!(
        trap.path("bundles/1.bundle.installed").exists() && trap.path("bundles/2.bundle.refused").exists()
    );
    assert_eq!(trap.run(1), Ok(5));
}

#[test]
fn a_bundle_whose_starts_bring_no_burst_is_taken_back() {
    let trap = Trap::new("starts = 2\n");
    assert!(trap.install(&trap.config(1, 5)).status.success());
    // The power goes before the first burst, again and again.
    for _ in 0..2 {
        let slots = trapline::bundle::Slots::new(&trap.path("installed-bundles"), trapline::bundle::RealDisk);
        slots.begin(2, chrono::Utc::now()).unwrap();
    }
    assert_eq!(trap.run(1), Ok(2));
    let log = trap.status()["log"].to_string();
    assert!(log.contains("2 starts in a row without a healthy burst"), "{log}");
    // It is not taken again.
    assert_eq!(trap.install(&trap.config(1, 5)).status.code(), Some(2));
}

#[test]
fn a_slot_that_rots_is_taken_back_at_the_next_start() {
    let trap = Trap::new("");
    assert!(trap.install(&trap.config(1, 5)).status.success());
    assert_eq!(trap.run(3), Ok(5));
    assert!(trap.install(&trap.config(2, 4)).status.success());
    assert_eq!(trap.run(1), Ok(4));
    let file = trap.path("installed-bundles/slots/config-2/trapline.toml");
    std::fs::write(&file, "[burst]\nframes = 9\n").unwrap();
    assert_eq!(trap.run(1), Ok(5), "the good one before it");
    assert!(trap.status()["log"].to_string().contains("is damaged"));
}

#[test]
fn models_that_load_no_more_are_taken_back_at_once() {
    let trap = Trap::new("");
    let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/bench-detector");
    let files: Vec<(String, Vec<u8>)> = std::fs::read_dir(&model)
        .unwrap()
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|e| e == "toml" || e == "onnx"))
        .map(|e| (format!("d/{}", e.file_name().to_string_lossy()), std::fs::read(e.path()).unwrap()))
        .collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    let out = trap.install(&trap.bundle("m1.bundle", Kind::Models, 1, &files));
    assert!(out.status.success() && said(&out).contains("detector bench-detector@"), "{}", said(&out));
    assert_eq!(trap.run(1), Ok(2));
    assert_eq!(trap.status()["kinds"]["models"]["trial"]["bursts"], 1);
}
