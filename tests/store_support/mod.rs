//! Bursts to record, and small cards to record them on.
#![allow(dead_code, clippy::unwrap_used)] // Each story uses its own part; helpers of tests are tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use trapline::event::{Outcome, Source};
use trapline::store::record::{Box, Burst, Cause, Frame, Observation};
use trapline::store::{Deployment, Journal, Opened, Start};
use trapline::units::{BBox, ClockQuality, Score};

/// The start of every story.
pub fn dawn() -> DateTime<Utc> {
    "2026-05-01T04:00:00.25Z".parse().unwrap()
}

pub fn start() -> Start {
    Start { at: dawn(), clock: ClockQuality::Rtc, kernel_boot: "5f7c".into() }
}

pub fn open(path: &Path) -> (Journal, Opened) {
    Journal::open(path, &Deployment::named("ridge"), &start()).unwrap()
}

/// A burst of three frames, 1 s apart, `seconds` after dawn, that shows `taxon`; everything filled in.
pub fn sighting(seconds: i64, taxon: &str) -> Burst {
    let triggered = dawn() + TimeDelta::seconds(seconds);
    let frames = (0..3)
        .map(|i| Frame {
            taken: triggered + TimeDelta::seconds(i),
            failed: None,
            moved: 0.1,
            size: (1920, 1080),
            infrared: false,
            bytes: 1000,
            boxes: vec![Box {
                bbox: BBox::from_corners(0.1, 0.2, 0.3, 0.5),
                category: "animal".into(),
                confidence: Score::new(if i == 1 { 0.9 } else { 0.7 }),
                moving: true,
                track: 0,
            }],
            media: None,
        })
        .collect();
    Burst {
        triggered,
        clock: ClockQuality::Rtc,
        outcome: Outcome::Sighting,
        probability: Score::new(0.97),
        frames,
        observations: vec![observation(taxon, 0.8)],
        faults: Vec::new(),
        millis: 800,
        suppressed: 2,
        models: vec!["detector bench@0123abcd".into()],
        cause: Some(Cause { source: Source::Pir, detail: Some("GPIO17".into()) }),
        source: None,
        report: None,
    }
}

pub fn observation(taxon: &str, score: f32) -> Observation {
    Observation {
        taxon: taxon.into(),
        rank: "species".into(),
        label: format!("the {taxon}"),
        score: Score::new(score),
        count: 2,
        top5: vec![(taxon.into(), Score::new(score)), ("other".into(), Score::new(0.1))],
        tracks: vec![0],
        traits: Default::default(),
        individuals: Vec::new(),
    }
}

/// A burst of another outcome.
pub fn burst(seconds: i64, outcome: Outcome) -> Burst {
    let mut burst = sighting(seconds, "Canis lupus");
    burst.outcome = outcome;
    match outcome {
        Outcome::Sighting | Outcome::Uncertain => {}
        Outcome::Person => burst.observations = vec![observation("Homo sapiens", 0.9)],
        Outcome::Vehicle => burst.observations = vec![observation("", 0.9)],
        Outcome::Empty | Outcome::Failed => {
            burst.observations.clear();
            burst.frames.iter_mut().for_each(|f| f.boxes.clear());
        }
    }
    burst
}

/// Says why a story is not told here; where CI is set that is a failure.
pub fn skip(why: &str) {
    let ci = std::env::var_os("CI").is_some_and(|v| !v.is_empty());
    assert!(!ci, "skipped under CI: {why}");
    println!("skipped: {why}");
}

/// A file system of its own, of a few megabytes, unmounted at the end.
pub struct Card {
    dir: tempfile::TempDir,
}

impl Card {
    /// `None`, with the reason told, where mounting is not permitted.
    pub fn new(kilobytes: u32) -> Option<Card> {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={kilobytes}k");
        let mounted = mount(&["-t", "tmpfs", "-o", &options, "trapline-test"], dir.path());
        if !mounted {
            skip("a small file system cannot be mounted here (needs root)");
            return None;
        }
        Some(Card { dir })
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().to_path_buf()
    }

    pub fn read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], self.dir.path()));
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.dir.path()).status();
    }
}

fn mount(options: &[&str], at: &Path) -> bool {
    Command::new("mount").args(options).arg(at).output().is_ok_and(|o| o.status.success())
}

/// Numbers that look random and are the same on every machine (splitmix64, Steele et al. 2014).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % below as u64) as usize
    }
}
