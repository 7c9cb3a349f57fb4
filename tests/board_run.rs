//! Boards with other devices than the bench's, through the whole daemon: a camera program on a time-lapse, a burst
//! asked for by a signal, a trail camera's card, and a board chosen by its device tree.
#![allow(clippy::unwrap_used)] // Helpers of tests may unwrap.

mod daemon_support;

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::time::Duration;

use daemon_support::{SITE, Trap, files, objects};

const CAMERA: &str =
    "trigger = \"timer\"\ncamera = \"command\"\ncompatible = [\"example,board\"]\n[stream]\nsettle = 0\n";

/// A trap whose camera is a script that sends the same picture ten times a second.
fn with_camera(every: u32) -> Trap {
    let trap = Trap::new();
    trap.write_camera();
    let board = format!("{CAMERA}command = [\"./camera\"]\n[timer]\nevery_s = {every}\n");
    trap.write("boards/cam.toml", &board);
    trap
}

#[test]
fn a_camera_program_and_a_time_lapse_make_bursts() {
    let trap = with_camera(1);
    let out = trap.run(&["--board", "cam", "--bursts", "3", "--json"]);
    let lines = objects(&out.stdout);
    assert_eq!(lines.len(), 3, "{}", String::from_utf8_lossy(&out.stderr));
    for line in &lines {
        assert_eq!((line["trigger"].as_str(), line["frames"].as_u64()), (Some("timer"), Some(2)));
        assert_eq!(line["failed"].as_u64(), Some(0), "{line}");
    }
}

#[test]
fn a_signal_asks_for_a_burst_and_the_device_tree_names_the_board() {
    let trap = with_camera(86_400);
    std::fs::create_dir(trap.path("tree")).unwrap();
    trap.write("tree/model", "Example board\0");
    trap.write("tree/compatible", "example,board\0example,chip\0");
    let mut child = trap.start(&["--board", "auto", "--device-tree", "tree", "--bursts", "1", "--json"]);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // It is asked once the journal is there: before, nobody listens yet.
    while !trap.journal().exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-USR2", &child.id().to_string()]).status().unwrap().success());
    let lines: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success());
    assert!(lines.len() == 1 && lines[0].contains("\"trigger\":\"asked\""), "{lines:?}");
}

/// A photo with this EXIF time, as a trail camera writes it.
fn photo(time: &str) -> Vec<u8> {
    let plain = std::fs::read("tests/data/baseline.jpg").unwrap();
    // One IFD0 entry, DateTime (0x0132), ASCII, 20 bytes at offset 26 (Exif 2.32, 4.6.4).
    let mut tiff = b"II*\0\x08\0\0\0\x01\0\x32\x01\x02\0\x14\0\0\0\x1a\0\0\0\0\0\0\0".to_vec();
    tiff.extend(time.as_bytes());
    tiff.push(0);
    let length = u16::try_from(tiff.len() + 8).unwrap().to_be_bytes();
    [&plain[..2], &[0xFF, 0xE1], &length, b"Exif\0\0", &tiff, &plain[2..]].concat()
}

#[test]
fn a_trail_cameras_card_is_read_in_the_order_of_its_times_and_moved_once_it_is_in_the_journal() {
    let trap = Trap::new();
    std::fs::create_dir_all(trap.path("card/DCIM")).unwrap();
    let board = "trigger = \"spool\"\ncamera = \"spool\"\n[spool]\nfolder = \"card\"\nafter = \"move\"\n\
                 moved_to = \"card/done\"\nlook_ms = 100\nutc_offset_min = 120\n";
    trap.write("boards/spool.toml", board);
    // The names' order is not the times' order.
    for (name, time) in [
        ("B1", "2026:05:20 08:00:00"),
        ("A1", "2026:05:20 09:30:00"),
        ("A2", "2026:05:20 09:30:01"),
        ("Z9", "2026:05:20 07:00:00"),
    ] {
        std::fs::write(trap.path(&format!("card/DCIM/{name}.JPG")), photo(time)).unwrap();
    }
    // A file that is still being written, and one that is no photo.
    std::fs::write(trap.path("card/DCIM/C1.JPG"), &photo("2026:05:20 10:00:00")[..200]).unwrap();
    trap.write("card/DCIM/notes.txt", "battery changed");
    let out = trap.run(&["--board", "spool", "--bursts", "3", "--json"]);
    let lines = objects(&out.stdout);
    let told: Vec<(&str, u64)> = lines
        .iter()
        .map(|line| (line["triggered"].as_str().unwrap(), line["frames"].as_u64().unwrap()))
        .collect();
    // Two hours east of UTC.
    assert_eq!(
        told,
        [
            ("2026-05-20T05:00:00+00:00", 1),
            ("2026-05-20T06:00:00+00:00", 1),
            ("2026-05-20T07:30:00+00:00", 2)
        ],
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let done = ["A1", "A2", "B1", "Z9"].map(|name| format!("DCIM/{name}.JPG"));
    assert_eq!(files(&trap.path("card/done")), done);
    assert_eq!(files(&trap.path("card/DCIM")), ["C1.JPG", "notes.txt"]);
}

#[test]
fn photos_that_stay_are_not_taken_twice() {
    let trap = Trap::new();
    std::fs::create_dir(trap.path("card")).unwrap();
    let board = "trigger = \"spool\"\ncamera = \"spool\"\n[spool]\nfolder = \"card\"\nlook_ms = 100\n";
    trap.write("boards/spool.toml", board);
    std::fs::write(trap.path("card/1.jpg"), photo("2026:05:20 08:00:00")).unwrap();
    assert_eq!(objects(&trap.run(&["--board", "spool", "--bursts", "1", "--json"]).stdout).len(), 1);
    std::fs::write(trap.path("card/2.jpg"), photo("2026:05:20 09:00:00")).unwrap();
    let again = objects(&trap.run(&["--board", "spool", "--bursts", "1", "--json"]).stdout);
    assert_eq!(again[0]["triggered"], "2026-05-20T09:00:00+00:00");
}

#[test]
fn a_pir_that_is_not_there_is_a_failure_and_a_wrong_name_is_wrong_input() {
    let trap = Trap::new();
    trap.write("site.toml", SITE);
    for (line, code, words) in [("no-such-chip:17", 1, "gpioinfo"), ("gpiochip0:17", 2, "key `pir.lines`")] {
        let board = format!(
            "trigger = \"pir\"\ncamera = \"command\"\n[pir]\nlines = [\"{line}\"]\n[stream]\n\
                             command = [\"true\"]\nwarm = false\n"
        );
        trap.write("boards/pir.toml", &board);
        let out = trap.run(&["--board", "pir"]);
        let told = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(code) && told.contains(words), "{told}");
    }
}
