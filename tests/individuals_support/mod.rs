//! Lynx of the bench world that pass a camera, and galleries of some of them: which it is, the story says to the renderer.
#![allow(dead_code, missing_docs, clippy::unwrap_used)] // Each story uses what it needs; helpers of tests may unwrap.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chrono::{NaiveDate, NaiveDateTime};
use trapline::gallery::{Entry, Gallery, Network};
use trapline::units::Flank;
use trapline::world::{Actor, Being, BurstPlan, Cause, Frame, Site, Species, jpeg};

/// Width and height of the pictures: small, and an animal that takes a third of them is large enough to be known.
pub const SIZE: (u32, u32) = (480, 360);

/// The networks of the bench world, as `--model` and `models.manifests` take them.
pub fn models() -> [String; 3] {
    ["detector", "classifier", "embedder"].map(model)
}

/// One of them.
pub fn model(role: &str) -> String {
    format!("{}/models/bench-{role}", env!("CARGO_MANIFEST_DIR"))
}

/// One lynx walks by.
#[derive(Debug, Clone, Copy)]
pub struct Visit {
    /// Which: the same number has the same coat everywhere.
    pub individual: u32,
    /// Where to, and so which side it shows.
    pub to_the_right: bool,
    /// By infrared flash.
    pub night: bool,
    /// The first site that is tried.
    pub seed: u64,
}

impl Visit {
    /// The side towards the camera.
    pub fn flank(&self) -> &'static str {
        if self.to_the_right { "right" } else { "left" }
    }

    /// The pictures, at the first site from `seed` on where the renderer says that the whole burst shows it well: four
    /// fifths of the animal, a quarter to half of the picture wide, gone by six tenths of its length at least.
    pub fn frames(&self) -> (Site, BurstPlan, Vec<Frame>) {
        for seed in self.seed..self.seed + 100 {
            let site = Site::new(seed);
            for z in [2.6, 3.2, 4.0, 5.0] {
                let plan = self.plan(&site, z, seed);
                let seen = |k: usize| self.well_seen(&site.render(&plan, k, (160, 120)));
                if (0..plan.frames).all(|k| seen(k).is_some()) {
                    let gone = seen(plan.frames - 1).unwrap()[0] - seen(0).unwrap()[0];
                    if gone.abs() > 0.6 * seen(0).unwrap()[2] {
                        let frames = (0..plan.frames).map(|k| site.render(&plan, k, SIZE)).collect();
                        return (site, plan, frames);
                    }
                }
            }
        }
        unreachable!("no site shows {self:?}")
    }

    /// Its box, where it is seen well.
    fn well_seen(&self, frame: &Frame) -> Option<[f32; 4]> {
        let [seen] = &frame.truth[..] else { return None };
        let large = (0.24..0.5).contains(&seen.bbox[2]) && seen.bbox[0] > 0.01;
        (large && seen.visible > 0.8 && seen.individual == self.individual).then_some(seen.bbox)
    }

    fn plan(&self, site: &Site, z: f32, seed: u64) -> BurstPlan {
        let mut plan = BurstPlan::quiet(self.taken(), seed);
        plan.cause = Cause::Animal;
        plan.interval = 0.7;
        let heading = if self.to_the_right { 0.0 } else { std::f32::consts::PI };
        let mut actor = Actor::new(site, Being::Animal(Species::EurasianLynx), self.individual, z, 0.0);
        actor = actor.walking(heading);
        actor.speed *= 0.6;
        // In the middle of the picture in the middle of the burst.
        actor.x -= actor.speed * plan.interval * heading.cos();
        plan.actors.push(actor);
        plan
    }

    /// Each visit at a time of its own.
    fn taken(&self) -> NaiveDateTime {
        let day = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap() + chrono::Days::new(self.seed % 28);
        day.and_hms_opt(if self.night { 23 } else { 11 }, 30, 0).unwrap()
    }

    /// Writes the photos into `folder`, as its camera would; their files.
    pub fn write(&self, folder: &Path) -> Vec<PathBuf> {
        let (site, plan, frames) = self.frames();
        std::fs::create_dir_all(folder).unwrap();
        let write = |(k, frame): (usize, &Frame)| {
            let file = folder.join(format!("IMG_{k}.jpg"));
            std::fs::write(&file, jpeg(frame, plan.taken_at(k), site.camera(), 88).unwrap()).unwrap();
            file
        };
        frames.iter().enumerate().map(write).collect()
    }
}

/// A gallery `lynx.gallery` in `dir` of so many lynx from `first` on, from crops of both sides at sites of their own.
pub fn gallery(dir: &Path, first: u32, individuals: u32, encounters: u32) {
    let [first, individuals, encounters] = [first, individuals, encounters].map(|n| n.to_string());
    let crops =
        ["world", "coats", "--first", &first, "--individuals", &individuals, "--encounters", &encounters];
    let made = trapline(dir, &[&crops[..], &["--size", "320x240"]].concat());
    assert!(made.status.success(), "{}", said(&made));
    std::fs::remove_dir_all(dir.join("coats/Panthera onca")).unwrap();
    let built = ["gallery", "build", "coats", "-o", "lynx.gallery", "--model", &model("embedder")];
    let built = trapline(dir, &built);
    assert!(built.status.success(), "{}", said(&built));
}

/// A gallery `other.gallery` in `dir`, made with another network than those of the bench world.
pub fn foreign(dir: &Path) {
    let network = Network { name: "other".into(), version: "2".into(), sha256: [7; 32], dimension: 2 };
    let mut gallery = Gallery::new(network);
    let embedding = vec![1.0, 0.0];
    let entry = Entry { flank: Flank::Left, when: None, photo: String::new(), embedding, thumbnail: None };
    gallery.add("Lynx lynx", "Luchs-07", entry).unwrap();
    gallery.save(&dir.join("other.gallery")).unwrap();
}

/// The program.
pub fn trapline(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trapline")).current_dir(dir).args(args).output().unwrap()
}

/// What it said on stderr.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The first of two lynx in the gallery of the traps' stories.
pub const ENROLLED: u32 = 18;

/// Seeds of the bench whose first burst shows one lynx that walks by, large and in the open: this one is in the gallery.
pub const MET: u64 = 15_472;

/// This one is not.
pub const STRANGER: u64 = 1991;

/// The lynx that the bench's first burst shows under `seed`, by the plan that the renderer gets.
pub fn alone(seed: u64) -> u32 {
    let plan = BurstPlan::draw(&Site::new(seed), seed, 0);
    assert!(
        matches!(plan.actors[..], [Actor { being: Being::Animal(Species::EurasianLynx), .. }]),
        "{plan:?}"
    );
    plan.actors[0].individual
}

/// A board profile that plays `seed`.
pub fn bench(seed: u64) -> String {
    let (width, height) = SIZE;
    format!(
        "trigger = \"bench\"\ncamera = \"bench\"\nclock = \"bench\"\n[bench]\nplay = \"random\"\nseed = {seed}\n\
         width = {width}\nheight = {height}\n"
    )
}

/// A site with the bundled networks and a gallery.
pub fn site(gallery: &str, more: &str) -> String {
    let models = models().map(|model| format!("\"{model}\"")).join(", ");
    format!(
        "board = \"fast\"\n[site]\nname = \"story\"\n[models]\nthreads = 1\nmanifests = [{models}]\n\
         [individuals]\ngallery = \"{gallery}\"\n{more}"
    )
}
