//! The page at home suggests which lynx it is, beside the gallery's pictures, and takes a person's word: in Chromium, at a
//! phone's width.
#![cfg(feature = "console")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod browser_support;
mod console_support;
mod store_support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use browser_support::Browser;
use console_support::within;
use serde_json::Value;
use trapline::gallery::{Entry, Gallery, Network};
use trapline::image::{Rgb, encode_jpeg};
use trapline::store::record::{Identity, Media, MediaKind};
use trapline::store::{Notebook, Seen, standing};
use trapline::units::{Flank, Recognition, Score};

/// Where CI runs everything is there.
fn skip(why: &str) {
    println!("skipped: {why}");
    assert!(std::env::var_os("CI").is_none(), "skipped: {why}");
}

const PHONE: (u32, u32) = (390, 844);

fn jpeg(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    encode_jpeg(&Rgb { width, height, data: colour.repeat((width * height) as usize) }, 90).unwrap()
}

fn identity(recognition: Recognition, individual: Option<&str>, nearest: &[(&str, f32)]) -> Identity {
    Identity {
        recognition,
        individual: individual.map(str::to_owned),
        similarity: nearest.first().map(|n| n.1),
        probability: Some(Score::new(0.93)),
        flank: Flank::Right,
        tracks: vec![0],
        nearest: nearest.iter().map(|(name, s)| ((*name).to_owned(), *s)).collect(),
    }
}

/// A journal of two bursts of a lynx with their pictures, and a gallery of two lynx.
fn card(dir: &Path) {
    let (mut journal, _) = store_support::open(&dir.join("trap.db"));
    let told = [
        identity(Recognition::Known, Some("Luchs-07"), &[("Luchs-07", 0.88), ("Luchs-03", 0.41)]),
        identity(Recognition::Unsure, None, &[("Luchs-03", 0.61), ("Luchs-07", 0.58)]),
    ];
    for (i, told) in told.into_iter().enumerate() {
        let mut burst = store_support::sighting(i as i64 * 600, "Lynx lynx");
        burst.observations[0].individuals = vec![told];
        for (f, frame) in burst.frames.iter_mut().enumerate() {
            let file = dir.join(format!("p{i}{f}.jpg"));
            let bytes = jpeg(960, 540, [90, 100, 80]);
            std::fs::write(&file, &bytes).unwrap();
            let path = file.to_string_lossy().into_owned();
            let sha256 = [i as u8; 32];
            frame.media = Some(Media { path, sha256, bytes: bytes.len() as u64, kind: MediaKind::Frame });
        }
        // As photos of a folder: their files are where they were.
        burst.source = Some(format!("s{i}"));
        journal.record(&burst, &[]).unwrap();
    }
    let mut gallery =
        Gallery::new(Network { name: "e".into(), version: "1".into(), sha256: [1; 32], dimension: 2 });
    for (name, colour) in [("Luchs-03", [200, 40, 40]), ("Luchs-07", [40, 160, 40])] {
        for flank in [Flank::Left, Flank::Right] {
            let thumbnail = Some(jpeg(120, 90, colour));
            let embedding = vec![1.0, 0.0];
            gallery
                .add(
                    "Lynx lynx",
                    name,
                    Entry { flank, when: None, photo: String::new(), embedding, thumbnail },
                )
                .unwrap();
        }
    }
    gallery.note("Lynx lynx", "Luchs-07", "notch in the left ear").unwrap();
    gallery.save(&dir.join("lynx.gallery")).unwrap();
}

struct Review(Child, String);

impl Drop for Review {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn review(dir: &Path) -> Review {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.arg("review").arg(dir.join("trap.db")).arg("--gallery").arg(dir.join("lynx.gallery"));
    let mut child = command.args(["--no-open", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    Review(child, said["url"].as_str().unwrap().to_owned())
}

/// What people say of the bursts, in order.
fn said(dir: &Path) -> Vec<(Vec<Seen>, String)> {
    let reader = Notebook::open(&dir.join("trap.db")).unwrap().reader().unwrap();
    let labels = standing(reader.labels().unwrap().items);
    labels.into_values().map(|l| (l.label.seen, l.label.comment)).collect()
}

#[test]
fn a_reviewer_confirms_one_lynx_and_says_that_another_is_none_of_these() {
    if let Some(why) = browser_support::missing() {
        return skip(&why);
    }
    let dir = tempfile::tempdir().unwrap();
    card(dir.path());
    let page = review(dir.path());
    let browser = Browser::new(PHONE.0, PHONE.1);
    browser.open(&page.1);
    browser.until("document.querySelector('nav')");
    let origin = page.1.split("/?").next().unwrap().to_owned();
    browser.open(&format!("{origin}/#/events"));
    // The newest first: the unsure one.
    browser.click(".grid .tile");
    browser.reads("Which individual?");
    browser.reads("May be one of these 93%");
    // The animal itself is cut out of the frame, and beside it the same side comes first.
    browser.until("document.querySelector('.who .cut img').naturalWidth > 0");
    browser
        .until("[...document.querySelectorAll('.faces img')].every((i) => i.complete && i.naturalWidth > 0)");
    let first = "[...document.querySelectorAll('.faces')].every((f) => f.querySelector('figcaption').textContent === 'right side')";
    assert!(browser.truth(first));
    let names = "[...document.querySelectorAll('.suggested h4')].map((h) => h.firstChild.textContent).join() === 'Luchs-03,Luchs-07'";
    assert!(browser.truth(names));
    assert!(browser.truth("document.documentElement.scrollWidth <= window.innerWidth"), "wider than a phone");
    match browser_support::axe() {
        Ok(axe) => assert_eq!(browser.violations(&axe), Vec::<String>::new()),
        Err(why) => skip(&why),
    }
    browser.press("None of these");
    assert!(within(Duration::from_secs(10), || said(dir.path()).len() == 1));
    let (seen, comment) = said(dir.path()).remove(0);
    assert_eq!((seen[0].taxon.as_str(), seen[0].count, &seen[0].individual), ("Lynx lynx", 2, &None));
    assert_eq!(comment, "None of Luchs-03, Luchs-07");
    // A name of one's own counts after it.
    browser.write(".who-other input", "Luchs-11");
    browser.press("Save");
    let own =
        |dir: &Path| said(dir).iter().any(|(seen, _)| seen[0].individual.as_deref() == Some("Luchs-11"));
    assert!(within(Duration::from_secs(10), || own(dir.path())));
    // The one that the machine knows: one click.
    browser.press("Next");
    browser.reads("Known: Luchs-07 93%");
    browser.reads("notch in the left ear");
    browser.press("It is Luchs-07");
    let known =
        |dir: &Path| said(dir).iter().any(|(seen, _)| seen[0].individual.as_deref() == Some("Luchs-07"));
    assert!(within(Duration::from_secs(10), || known(dir.path())));
    let table = dir.path().join("out");
    let mut export = Command::new(env!("CARGO_BIN_EXE_trapline"));
    export.args(["export", "csv", "--journal"]).arg(dir.path().join("trap.db")).arg("--out").arg(&table);
    assert!(export.status().unwrap().success());
    let rows: String = std::fs::read_dir(&table)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert!(rows.contains("Luchs-11") && rows.contains("Luchs-07"), "a person's word counts: {rows}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
