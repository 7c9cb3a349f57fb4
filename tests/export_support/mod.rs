//! Journals to export, the real binary, and readers that know nothing of Trapline.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chrono::{DateTime, TimeDelta, Utc};
use trapline::deployment::Setup;
use trapline::event::{EventKey, Outcome, Source};
use trapline::store::record::{Box, Burst, Cause, Frame, Media, MediaKind, Observation};
use trapline::store::{Deployment, Effort, EffortKind, Journal, JournalError, Label, Notebook, Seen, Start};
use trapline::units::{BBox, ClockQuality, Score};

pub fn at(text: &str) -> DateTime<Utc> {
    let whole = if text.len() == 16 { format!("{text}:00Z") } else { text.to_owned() };
    whole.parse().unwrap()
}

/// A deployment that stands somewhere.
pub fn place(name: &str, north: f64, east: f64) -> Deployment {
    let setup = Setup { latitude: Some(north), longitude: Some(east), ..Setup::default() };
    Deployment { latitude: Some(north), longitude: Some(east), setup, ..Deployment::named(name) }
}

/// One start of a trap, with a heartbeat every hour.
pub struct Spell {
    journal: Journal,
    from: DateTime<Utc>,
    clock: ClockQuality,
}

impl Spell {
    pub fn begin(path: &Path, deployment: &Deployment, from: &str) -> Spell {
        Spell::with_clock(path, deployment, from, ClockQuality::Rtc)
    }

    pub fn with_clock(path: &Path, deployment: &Deployment, from: &str, clock: ClockQuality) -> Spell {
        let from = at(from);
        let start = Start { at: from, clock, kernel_boot: String::new() };
        // A program that another test is just starting holds copies of all open files for a moment, locks included.
        for _ in 0..100 {
            match Journal::open(path, deployment, &start) {
                Ok((journal, _)) => return Spell { journal, from, clock },
                Err(JournalError::Locked(_)) => std::thread::sleep(std::time::Duration::from_millis(20)),
                Err(error) => panic!("{error}"),
            }
        }
        panic!("{} stays locked", path.display())
    }

    pub fn burst(&mut self, time: &str, what: Burst) -> EventKey {
        let moved = at(time) - what.triggered;
        let mut burst = Burst { triggered: at(time), clock: self.clock, ..what };
        burst.frames.iter_mut().for_each(|f| f.taken += moved);
        self.journal.record(&burst, &[]).unwrap().key
    }

    /// Heartbeats up to the power cut.
    pub fn cut(mut self, last: &str) {
        self.beat(at(last));
    }

    pub fn stop(mut self, end: &str) {
        self.beat(at(end));
        self.row(EffortKind::Stop, at(end));
    }

    /// An orderly end without the heartbeats before it: a row each on the card, too many for a season of many traps.
    pub fn stop_at_once(mut self, end: &str) {
        self.row(EffortKind::Stop, at(end));
    }

    fn beat(&mut self, end: DateTime<Utc>) {
        let mut hour = self.from + TimeDelta::hours(1);
        while hour <= end {
            self.row(EffortKind::Heartbeat, hour);
            hour += TimeDelta::hours(1);
        }
    }

    fn row(&mut self, kind: EffortKind, time: DateTime<Utc>) {
        self.journal.log_effort(kind, time, self.clock, &Effort::default()).unwrap();
    }
}

/// Three frames a second apart, the middle one kept, each with a box of that category.
pub fn frames(category: Option<&str>, path: Option<&str>) -> Vec<Frame> {
    let found = |i: i64, category: &str| Box {
        bbox: BBox::from_corners(0.25, 0.5, 0.75, 0.625),
        category: category.to_owned(),
        confidence: Score::new(if i == 1 { 0.9 } else { 0.7 }),
        moving: true,
        track: 0,
    };
    (0..3)
        .map(|i| Frame {
            taken: DateTime::UNIX_EPOCH + TimeDelta::milliseconds(i * 1000 + 250),
            failed: None,
            moved: 0.1,
            size: (1920, 1080),
            infrared: false,
            bytes: 1000,
            boxes: category.iter().map(|c| found(i, c)).collect(),
            media: path.filter(|_| i == 1).map(|path| Media {
                path: path.to_owned(),
                sha256: [7; 32],
                bytes: 1000,
                kind: MediaKind::Frame,
            }),
        })
        .collect()
}

/// A burst at the epoch; [`Spell::burst`] moves it to its time.
pub fn burst(outcome: Outcome, seen: &[(&str, &str, u16)], path: Option<&str>) -> Burst {
    let category = match outcome {
        Outcome::Person => Some("person"),
        Outcome::Vehicle => Some("vehicle"),
        Outcome::Empty | Outcome::Failed => None,
        Outcome::Sighting | Outcome::Uncertain => Some("animal"),
    };
    let observation = |(i, (taxon, label, count)): (usize, &(&str, &str, u16))| Observation {
        taxon: (*taxon).to_owned(),
        rank: "species".to_owned(),
        label: (*label).to_owned(),
        score: Score::new(0.875),
        count: *count,
        top5: vec![((*label).to_owned(), Score::new(0.875))],
        tracks: vec![i as u32],
        traits: Default::default(),
        individuals: Vec::new(),
    };
    let mut frames = frames(category, path);
    if outcome == Outcome::Failed {
        frames.iter_mut().for_each(|f| f.failed = Some("not a JPEG".to_owned()));
    }
    Burst {
        triggered: DateTime::UNIX_EPOCH,
        clock: ClockQuality::Rtc,
        outcome,
        probability: Score::new(if outcome == Outcome::Empty { 0.125 } else { 0.9375 }),
        frames,
        observations: seen.iter().enumerate().map(observation).collect(),
        faults: Vec::new(),
        millis: 800,
        suppressed: 0,
        models: vec!["detector bench@0123abcd".to_owned()],
        cause: Some(Cause { source: Source::Pir, detail: Some("GPIO17".into()) }),
        source: None,
        report: None,
    }
}

/// The same burst, asked for by another.
pub fn by(source: Source, burst: Burst) -> Burst {
    Burst { cause: Some(Cause { source, detail: None }), ..burst }
}

pub fn animal(taxon: &str, label: &str, count: u16, path: Option<&str>) -> Burst {
    burst(Outcome::Sighting, &[(taxon, label, count)], path)
}

/// Writes what a person says of a burst.
pub fn says(path: &Path, key: EventKey, who: &str, outcome: Outcome, seen: &[(&str, u16)]) {
    let seen = seen.iter().map(|(taxon, count)| Seen {
        taxon: (*taxon).to_owned(),
        rank: "species".to_owned(),
        count: *count,
        sex: Some("female".to_owned()),
        ..Seen::default()
    });
    let label = Label {
        at: at("2026-06-01T09:00"),
        who: who.to_owned(),
        outcome,
        seen: seen.collect(),
        comment: "seen before".to_owned(),
    };
    Notebook::open(path).unwrap().label(key, &label).unwrap();
}

/// `trapline` with these arguments.
pub fn trapline<A: AsRef<std::ffi::OsStr>>(args: &[A]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trapline")).args(args).output().unwrap()
}

/// `trapline export FORMAT --journal … --out …`, which must end well; gives its summary.
pub fn export(format: &str, journals: &[&Path], out: &Path, more: &[&str]) -> serde_json::Value {
    let output = try_export(format, journals, out, more);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn try_export(format: &str, journals: &[&Path], out: &Path, more: &[&str]) -> Output {
    let mut args: Vec<&std::ffi::OsStr> = vec!["export".as_ref(), format.as_ref(), "--json".as_ref()];
    args.push("--journal".as_ref());
    args.extend(journals.iter().map(|p| p.as_os_str()));
    args.extend(["--out".as_ref(), out.as_os_str()]);
    args.extend(more.iter().map(|m| -> &std::ffi::OsStr { m.as_ref() }));
    trapline(&args)
}

/// What it said when it refused: exit code 2, and nothing at `out`.
pub fn refused(format: &str, journals: &[&Path], out: &Path, more: &[&str]) -> String {
    let before = out.exists();
    let output = try_export(format, journals, out, more);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(out.exists(), before);
    String::from_utf8(output.stderr).unwrap()
}

/// Rows of a table by the names of its columns.
pub fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let row = |record: Result<csv::StringRecord, csv::Error>| {
        head.iter().cloned().zip(record.unwrap().iter().map(str::to_owned)).collect()
    };
    reader.records().map(row).collect()
}

/// A script in Python, whose output is JSON. `None`, told as skipped, where Python has not what it needs: the program is
/// `TRAPLINE_PYTHON`, else `python3`.
pub fn python(script: &Path, args: &[&Path], needs: &str) -> Option<Output> {
    let program = std::env::var_os("TRAPLINE_PYTHON").unwrap_or_else(|| "python3".into());
    let there = Command::new(&program).args(["-c", &format!("import {needs}")]).output();
    if !there.is_ok_and(|o| o.status.success()) {
        let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty());
        assert!(!ci, "skipped under CI: no Python with {needs}");
        println!("skipped: no Python with {needs} (set TRAPLINE_PYTHON)");
        return None;
    }
    Some(Command::new(program).arg(script).args(args).output().unwrap())
}

/// A script beside this file; its JSON.
pub fn reads(script: &str, args: &[&Path], needs: &str) -> Option<serde_json::Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export_support").join(script);
    let output = python(&script, args, needs)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// The standard's own schemas must find nothing wrong with the package at `out`.
pub fn is_valid_camtrap_dp(out: &Path) {
    let shared = std::env::var_os("TRAPLINE_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
    let script = shared.join("tools/validate_camtrap_dp.py");
    if !script.is_file() {
        let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty());
        assert!(!ci, "skipped under CI: no {}", script.display());
        println!("skipped: no {}", script.display());
        return;
    }
    let script = script.canonicalize().unwrap();
    let Some(output) = python(&script, &[&out.join("datapackage.json")], "frictionless, requests") else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("valid: True"), "{said}");
}
