//! A trap that knows a lynx: from a burst to the journal, the alert, `trapline events` and the exports.
//!
//! The networks are a fake engine's: it tells them apart by the width of their input. The embedder answers the mean colour
//! of a crop, so that who is whom can be said by hand.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod store_support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use trapline::config::Config;
use trapline::daemon::models::{Networks, judges, open_on};
use trapline::daemon::record::{self, Circumstances};
use trapline::daemon::rules::Rules;
use trapline::engine::fake::Fake;
use trapline::engine::{Data, Tensor};
use trapline::event::{Outcome, Source};
use trapline::gallery::{Entry, Gallery, Network};
use trapline::hal::Shot;
use trapline::image::{Rgb, encode_jpeg};
use trapline::store::Reader;
use trapline::store::record::Cause;
use trapline::units::{ClockQuality, Flank};

/// Widths of the networks' inputs.
const DETECTOR: usize = 32;
const CLASSIFIER: usize = 16;
const EMBEDDER: usize = 8;

const LABELS: &str = "label,scientific,rank,english,genus,family,order,class\n\
    lynx,Lynx lynx,species,Eurasian lynx,Lynx,Felidae,Carnivora,Mammalia\n\
    fox,Vulpes vulpes,species,red fox,Vulpes,Canidae,Carnivora,Mammalia\n";

/// SHA-256 of `abc`, FIPS 180-4's example.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

const CURVE: &str = "[individuals]\nslope = 20\nintercept = -12\nknown = 0.9\nnew = 0.2\n";

/// Colours that no JPEG confuses.
const RED: [u8; 3] = [250, 5, 5];
const BLUE: [u8; 3] = [5, 5, 250];

struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        let site = Site { dir: tempfile::tempdir().unwrap() };
        let output = |decode: &str| format!("[output]\ndecode = \"{decode}\"\n");
        let detector =
            output("yolov8") + "[classes]\nanimal = [0]\n[thresholds]\ndetection = 0.25\nlow = 0.05\n";
        site.network("d", "detector", DETECTOR, "", &detector);
        std::fs::write(site.path("labels.csv"), LABELS).unwrap();
        site.network(
            "c",
            "classifier",
            CLASSIFIER,
            "labels = { file = \"../labels.csv\" }\n",
            &output("softmax"),
        );
        site.network("e", "embedder", EMBEDDER, "", &(output("embedding") + CURVE));
        site.gallery([0xba, 0x78, 0x16, 0xbf]).save(&site.path("lynx.gallery")).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn network(&self, name: &str, role: &str, width: usize, named: &str, more: &str) {
        std::fs::create_dir(self.path(name)).unwrap();
        std::fs::write(self.path(name).join("net.onnx"), "abc").unwrap();
        let manifest = format!(
            "role = \"{role}\"\nname = \"{name}\"\nversion = \"1\"\nfile = \"net.onnx\"\nsha256 = \"{ABC}\"\n\
             licence = \"MIT\"\nsource = \"here\"\n{named}[input]\nname = \"i\"\nwidth = {width}\nheight = {width}\n\
             layout = \"nchw\"\ncolour = \"rgb\"\ndtype = \"u8\"\n[input.resize]\nrule = \"stretch\"\n{more}"
        );
        std::fs::write(self.path(name).join("manifest.toml"), manifest).unwrap();
    }

    /// Luchs-07 is red, Luchs-03 green; made with a network whose hash begins so.
    fn gallery(&self, begins: [u8; 4]) -> Gallery {
        let mut sha256 = [0; 32];
        for (byte, two) in sha256.iter_mut().zip(ABC.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
        }
        sha256[..4].copy_from_slice(&begins);
        let mut gallery =
            Gallery::new(Network { name: "e".into(), version: "1".into(), sha256, dimension: 3 });
        for (name, embedding) in [("Luchs-07", [1.0, 0.0, 0.0]), ("Luchs-03", [0.0, 1.0, 0.0])] {
            let embedding = embedding.to_vec();
            let entry = Entry {
                flank: Flank::Unknown,
                when: None,
                photo: "a.jpg".into(),
                embedding,
                thumbnail: None,
            };
            gallery.add("Lynx lynx", name, entry).unwrap();
        }
        gallery
    }

    fn config(&self, more: &str) -> Config {
        let text = format!("[models]\nmanifests = [\"d\", \"c\", \"e\"]\nthreads = 1\n{more}");
        Config::parse(&text, "site.toml", self.dir.path()).unwrap()
    }

    fn networks(&self, lynx: bool, more: &str) -> Result<Networks, String> {
        open_on(&engine(lynx), &self.config(more).models).map_err(|e| e.to_string())
    }
}

const GALLERY: &str = "[individuals]\ngallery = \"lynx.gallery\"\n";

/// One box in the middle of every frame; a lynx or a fox; the mean colour.
fn engine(lynx: bool) -> Fake {
    Fake::new(move |input, _| {
        let out = match input.shape[3] {
            DETECTOR => Tensor { shape: vec![1, 5, 1], data: Data::F32(vec![16.0, 16.0, 16.0, 16.0, 0.95]) },
            CLASSIFIER => {
                let p = if lynx { vec![0.98, 0.02] } else { vec![0.02, 0.98] };
                Tensor { shape: vec![1, 2], data: Data::F32(p) }
            }
            _ => {
                let means = |plane: &[f32]| plane.iter().sum::<f32>() / plane.len() as f32;
                let values = input.to_f32();
                let colours = values.chunks(EMBEDDER * EMBEDDER).map(means).collect();
                Tensor { shape: vec![1, 3], data: Data::F32(colours) }
            }
        };
        Ok(vec![("o".to_owned(), out)])
    })
}

/// A picture of one colour with some noise, for pictures must differ.
fn picture(colour: [u8; 3], at: u8) -> Vec<u8> {
    let data = (0..320 * 240u32).flat_map(|i| colour.map(|c| c.saturating_add((i % 7) as u8 + at))).collect();
    encode_jpeg(&Rgb { width: 320, height: 240, data }, 95).unwrap()
}

/// What a trap of `site` records of two frames of that colour.
fn recorded(site: &Site, lynx: bool, colour: [u8; 3]) -> trapline::store::record::Burst {
    let mut networks = site.networks(lynx, GALLERY);
    let names = networks.as_mut().unwrap().names();
    assert!(names.iter().any(|name| name.starts_with("embedder e@ba7816bf8f01")), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("gallery lynx@")), "{names:?}");
    let mut judge = judges(networks.unwrap(), &site.config(GALLERY)).unwrap();
    let taken = store_support::dawn();
    let shots: Vec<Shot> = (0..2).map(|i| Shot { taken, jpeg: Ok(picture(colour, i * 5)) }).collect();
    let frames: Vec<_> = shots.iter().map(|s| s.jpeg.as_deref().map_err(String::as_str)).collect();
    let judged = judge.judge(&frames);
    assert_eq!((judged.outcome, &judged.faults), (Outcome::Sighting, &Vec::new()));
    // The sequence of one burst says the same.
    let merged = judge.merge(std::slice::from_ref(&judged));
    assert_eq!(merged.sightings[0].individuals, judged.sightings[0].individuals);
    let around = Circumstances {
        triggered: taken,
        cause: Cause { source: Source::Pir, detail: None },
        clock: ClockQuality::Rtc,
        millis: 1,
        suppressed: 0,
        models: &names,
    };
    record::burst(&around, &shots, &judged)
}

fn trapline(args: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_trapline")).args(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn a_known_lynx_is_in_the_journal_the_alert_and_the_exports() {
    let site = Site::new();
    let journal = site.path("trap.db");
    let shown = journal.to_string_lossy().into_owned();
    {
        let (mut journal, _) = store_support::open(&journal);
        for burst in [recorded(&site, true, RED), recorded(&site, true, BLUE), recorded(&site, false, RED)] {
            journal.record(&burst, &[]).unwrap();
        }
    }
    let lines = trapline(&["events", "list", "--journal", &shown, "--json"]);
    let bursts: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |i: usize| &bursts[i]["sightings"][0];
    assert_eq!(told(0)["taxon"], "Lynx lynx");
    let known = &told(0)["individuals"][0];
    assert_eq!(
        (&known["recognition"], &known["individual"]),
        (&json!("known"), &json!("Luchs-07")),
        "{known}"
    );
    assert!(known["similarity"].as_f64().is_some_and(|s| s > 0.98) && known["flank"] == "unknown", "{known}");
    let new = &told(1)["individuals"][0];
    assert_eq!((&new["recognition"], &new["individual"]), (&json!("new"), &Value::Null), "{new}");
    assert_eq!(
        (&told(2)["taxon"], &told(2)["individuals"]),
        (&json!("Vulpes vulpes"), &json!([])),
        "a red fox"
    );
    let key = bursts[0]["key"].as_str().unwrap();
    let detail = trapline(&["events", "show", key, "--journal", &shown]);
    assert!(detail.contains("known    Luchs-07 ("), "{detail}");

    // The rule about Luchs-07 fires for it and for nobody else.
    let text = "[[alert]]\nname = \"seven\"\nindividual = \"Luchs-07\"\n";
    let rules = Config::parse(text, "site.toml", Path::new("")).unwrap().alerts;
    let mut rules = Rules::new(rules, None, Box::new(|_| Vec::new()));
    let stored = Reader::open_readonly(&journal).unwrap().events(&Default::default()).unwrap().items;
    let alerts: Vec<bool> = stored.iter().map(|burst| rules.judge(burst, 0).alert.is_some()).collect();
    assert_eq!(alerts, [true, false, false]);

    let package = site.path("dp");
    let project = site.path("project.toml");
    std::fs::write(&project, "[deployment.\"ridge\"]\nlatitude = 46.5\nlongitude = 25.3\n").unwrap();
    let (out, project) = (package.to_string_lossy(), project.to_string_lossy());
    trapline(&["export", "camtrap-dp", "--journal", &shown, "--out", &out, "--project", &project]);
    let table = std::fs::read_to_string(package.join("observations.csv")).unwrap();
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let place = |name: &str, head: &csv::StringRecord| head.iter().position(|column| column == name).unwrap();
    let head = rows.headers().unwrap().clone();
    let (name, id) = (place("scientificName", &head), place("individualID", &head));
    let rows: Vec<(String, String)> = rows
        .records()
        .map(|row| row.unwrap())
        .map(|row| (row[name].to_owned(), row[id].to_owned()))
        .collect();
    assert!(rows.contains(&("Lynx lynx".to_owned(), "Luchs-07".to_owned())), "{rows:?}");
    assert_eq!(rows.iter().filter(|row| !row.1.is_empty()).count(), 1, "{rows:?}");
}

#[test]
fn a_trap_says_at_its_start_what_does_not_fit() {
    let site = Site::new();
    site.gallery([0; 4]).save(&site.path("other.gallery")).unwrap();
    let other = site.networks(true, "[individuals]\ngallery = \"other.gallery\"\n").unwrap_err();
    assert!(
        other.contains("was made with e 1 (sha256 00000000") && other.contains("gallery build"),
        "{other}"
    );
    let missing = site.networks(true, "[individuals]\ngallery = \"none.gallery\"\n").unwrap_err();
    assert!(missing.contains("cannot read the gallery") && missing.contains("none.gallery"), "{missing}");
    let open = |manifests: &str| {
        let text = format!("[models]\nmanifests = {manifests}\n{GALLERY}");
        let config = Config::parse(&text, "site.toml", site.dir.path()).unwrap();
        open_on(&engine(true), &config.models).map(|_| ()).unwrap_err().to_string()
    };
    assert!(open("['d', 'c']").contains("needs the embedder it was made with among the models"));
    assert!(open("['d', 'e']").contains("needs a classifier that tells when to ask it"));
    assert!(site.networks(true, "").is_ok(), "an embedder alone does no harm");
}
