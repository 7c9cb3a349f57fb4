//! Photos as cameras write them, in: sequences as people count visits, out; and not one original touched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sort_support;

use sort_support::*;

#[test]
fn exif_time_parts_of_a_second_zone_and_camera_decide() {
    let dir = tempfile::tempdir().unwrap();
    let one = Stamp { make: "RECONYX ", model: "HC500", ..Stamp::default() };
    let files = [
        // Names against time; the gap of exactly 20 s belongs, 20.25 s do not.
        ("d", Stamp { time: "2024:05:01 10:00:00", ..one }),
        ("c", Stamp { time: "2024:05:01 10:00:20", ..one }),
        ("b", Stamp { time: "2024:05:01 10:00:40", fraction: "25", ..one }),
        // 12:00:41 +02:00 is 10:00:41 UTC.
        ("a", Stamp { time: "2024:05:01 12:00:41", offset: "+02:00", ..one }),
        ("e", Stamp { time: "2024:05:01 10:00:00", make: "OTHER", ..Stamp::default() }),
    ];
    for (i, (name, stamp)) in files.into_iter().enumerate() {
        put(&dir.path().join("station7").join(format!("{name}.JPG")), &photo(i as u32, stamp));
    }
    let before = state(dir.path());
    let output = sort(&[dir.path().join("station7").to_str().unwrap(), "--json", "--quiet"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let reports = reports(&output);
    assert_eq!(shape(&reports), "d c // b a // e");
    assert_eq!(reports[0]["camera"], "station7 (RECONYX HC500)");
    assert_eq!(reports[1]["first"], "2024-05-01T10:00:40.250Z");
    assert_eq!(reports[1]["last"], "2024-05-01T12:00:41+02:00");
    assert_eq!(reports[2]["camera"], "station7 (OTHER)");
    assert_eq!(state(dir.path()), before, "originals were touched");
}

#[test]
fn the_object_has_the_fields_of_the_schema_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    card(dir.path(), 1);
    put(&dir.path().join("IMG_0000aa.JPG"), b"");
    let output = sort(&[dir.path().to_str().unwrap(), "--json", "--quiet"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let places: Vec<usize> = [
        "sequence",
        "camera",
        "first",
        "last",
        "frames",
        "file",
        "taken",
        "failed",
        "detections",
        "outcome",
        "probability",
        "sightings",
    ]
    .iter()
    .map(|key| text.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key} is missing: {text}")))
    .collect();
    assert!(places.is_sorted(), "{text}");
    let report = &reports(&output)[0];
    assert!(
        report["outcome"].as_str().is_some_and(|o| {
            ["empty", "sighting", "uncertain", "person", "vehicle", "failed"].contains(&o)
        })
    );
    assert!((0.0..=1.0).contains(&report["probability"].as_f64().unwrap()));
    // The empty file between two photos of one burst is part of it, with a reason; whole photos have none.
    assert_eq!(shape(&reports(&output)), "IMG_0000a IMG_0000aa IMG_0000b");
    assert!(report["frames"][1]["failed"].is_string(), "{report}");
    assert!(report["frames"][1]["taken"].is_null());
    assert!(report["frames"][0]["failed"].is_null(), "{report}");
}

#[test]
fn photos_without_a_time_follow_file_order_and_are_told() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        put(&dir.path().join(format!("{name}.jpeg")), &picture(1));
    }
    let path = dir.path().to_str().unwrap();
    let alone = sort(&[path, "--json"]);
    assert_eq!(shape(&reports(&alone)), "a // b // c");
    assert!(said(&alone).contains("3 of 3 photos tell no time"), "{}", said(&alone));
    assert!(reports(&alone)[0]["first"].is_null());
    let pairs = sort(&[path, "--json", "--burst", "2"]);
    assert_eq!(shape(&reports(&pairs)), "a b // c");
}

#[test]
fn the_zone_of_clocks_that_tell_none_is_the_users() {
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join("a.jpg"), &photo(1, Stamp { time: "2024:05:01 10:00:00", ..Stamp::default() }));
    let output = sort(&[dir.path().to_str().unwrap(), "--json", "--utc-offset", "-05:00"]);
    assert_eq!(reports(&output)[0]["first"], "2024-05-01T10:00:00-05:00");
}

#[test]
fn the_table_is_for_people_and_the_summary_for_stderr() {
    let dir = tempfile::tempdir().unwrap();
    card(dir.path(), 2);
    let output = sort(&[dir.path()]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("time") && lines[0].ends_with("first file"), "{text}");
    assert!(
        lines[1].starts_with("2024-05-01 10:00:00 +00:00") && lines[1].ends_with("IMG_0000a.JPG"),
        "{text}"
    );
    assert!(said(&output).contains("4 photos in 2 sequences"), "{}", said(&output));
    let quiet = sort(&[dir.path().as_os_str(), "--quiet".as_ref()]);
    assert!(!said(&quiet).contains("sequences:"), "{}", said(&quiet));
}

#[test]
fn the_order_does_not_depend_on_threads() {
    let dir = tempfile::tempdir().unwrap();
    for station in ["s1", "s2", "s3", "s4"] {
        card(&dir.path().join(station), 3);
    }
    let run = |threads: &str| {
        sort(&[dir.path().to_str().unwrap(), "--json", "--quiet", "--threads", threads]).stdout
    };
    let one = run("1");
    assert!(one.len() > 100);
    assert_eq!(one, run("4"));
}

#[test]
fn a_real_camera_takes_three_photos_per_trigger() {
    let shared = std::env::var("TRAPLINE_SHARED").unwrap_or_else(|_| "../shared".into());
    let peru = std::path::Path::new(&shared).join("photos/peru");
    if !peru.is_dir() {
        assert!(std::env::var("CI").unwrap_or_default().is_empty(), "{} is missing", peru.display());
        println!("skipped: {} is missing", peru.display());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for n in 4..13 {
        let name = format!("EK{n:06}.JPG");
        std::fs::copy(peru.join(&name), dir.path().join(&name)).unwrap();
    }
    let before = state(dir.path());
    let output = sort(&[dir.path().to_str().unwrap(), "--json"]);
    // labels.csv: bursts peru-004, peru-007, peru-010 of three photos each.
    assert_eq!(
        shape(&reports(&output)),
        "EK000004 EK000005 EK000006 // EK000007 EK000008 EK000009 // EK000010 EK000011 EK000012"
    );
    assert_eq!(reports(&output)[0]["first"], "2014-07-02T02:54:52Z");
    assert_eq!(state(dir.path()), before, "originals were touched");
}
