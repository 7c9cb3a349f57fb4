//! All the steps in order: the one door through which a burst becomes a [`Judgement`].

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::album::Album;
use super::cascade::{Effort, Exits, Looked, Stop};
use super::decide;
use super::detect::{Detector, RawBox};
use super::fuse::{self, Clues, Evidence, Fusion, Verdict};
use super::looks::{Cuts, FirstLook};
use super::memory::{SceneMemory, Seen};
use super::motion::Motion;
use super::namer::Namer;
use super::sequence::{self, Rule};
use super::steps::Step;
use super::strip::{Strip, StripMemory};
use super::taxonomy::Taxonomy;
use super::{Detection, Judgement, Source, Spent, track};
use crate::image::{Gray, Rgb};
use crate::units::Score;

/// A frame to judge: its JPEG bytes, or why the camera gave none.
pub type Frame<'a> = Result<&'a [u8], &'a str>;

/// What a site may choose about judging.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the camera writes on its pictures.
    pub strip: Strip,
    /// Whether to look for more such rows.
    pub find_strip: bool,
    /// How clues become a probability, and where `empty` ends and `sighting` begins.
    pub fusion: Fusion,
    /// How boxes are linked to individuals.
    pub track: track::Settings,
    /// What makes a box count and a name hold.
    pub decide: decide::Settings,
    /// From 2 on the next picture is decoded while one is in a network; no result depends on it.
    pub threads: usize,
    /// How much is looked at.
    pub effort: Effort,
    /// When looking ends early, in place of what `effort` says; for measuring each exit by itself.
    pub exits: Option<Exits>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            strip: Strip::default(),
            find_strip: true,
            fusion: Fusion::default(),
            track: track::Settings::default(),
            decide: decide::Settings::default(),
            threads: 1,
            effort: Effort::Full,
            exits: None,
        }
    }
}

/// What was learnt of the scene; outlives the power.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Learnt {
    pub(super) scene: SceneMemory,
    pub(super) strip: StripMemory,
}

/// What the last burst of a sequence leaves to be learnt once the sequence has ended.
struct Lesson {
    luma: Gray,
    infrared: bool,
    seen: Vec<Seen>,
}

/// Judges bursts; holds the networks and what was learnt of the scene.
pub struct Judge {
    pub(super) detector: Option<Detector>,
    pub(super) classifier: Option<(Namer, Taxonomy)>,
    pub(super) settings: Settings,
    pub(super) learnt: Learnt,
    lesson: Option<Lesson>,
    clues: Clues,
    pub(super) steps: Vec<Step>,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Most boxes classified on one frame, the most confident first: a herd is named by its nearest animals.
pub(super) const CLASSIFIED: usize = 8;

impl Judge {
    /// With the networks a site has: without a detector motion alone decides, without a classifier every animal is
    /// an `animal`.
    pub fn new(
        detector: Option<Detector>,
        classifier: Option<(Namer, Taxonomy)>,
        settings: Settings,
    ) -> Self {
        Judge {
            detector,
            classifier,
            settings,
            learnt: Learnt::default(),
            lesson: None,
            clues: Clues::default(),
            steps: Vec::new(),
        }
    }

    /// What the probability of the last burst was made of, for fitting the weights.
    pub fn clues(&self) -> Clues {
        self.clues
    }

    /// How the last burst was looked at, step by step; none where it was looked at as a whole.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Judges a sequence anew from all its bursts, in order of time.
    pub fn merge(&self, bursts: &[Judgement]) -> Judgement {
        sequence::merge(bursts, self.taxonomy(), &self.rule())
    }

    /// The rule that [`Judge::merge`] follows.
    pub fn rule(&self) -> Rule {
        Rule::Tracks(self.settings.decide.clone())
    }

    /// Changes what a site may choose, from the next burst on; a change that contradicts itself is left out and its
    /// fault given.
    pub fn tune(&mut self, change: impl FnOnce(&mut Settings)) -> Option<&'static str> {
        let mut settings = self.settings.clone();
        change(&mut settings);
        let fault = settings.fusion.fault().or_else(|| settings.decide.fault());
        if fault.is_none() {
            self.settings = settings;
        }
        fault
    }

    /// The names the classifier can give, if there is one.
    pub fn taxonomy(&self) -> Option<&Taxonomy> {
        self.classifier.as_ref().map(|(_, taxonomy)| taxonomy)
    }

    /// What was learnt so far, for keeping.
    pub fn learnt(&self) -> &Learnt {
        &self.learnt
    }

    /// Goes on from what was learnt before; the default value forgets everything.
    pub fn recall(&mut self, learnt: Learnt) {
        self.learnt = learnt;
        self.lesson = None;
    }

    /// The sequence that the last burst belonged to is over: learn from it. An animal that rests before the camera
    /// for an hour is one sequence, a stump comes back in all of them.
    pub fn end_sequence(&mut self) {
        let Some(lesson) = self.lesson.take() else { return };
        self.learnt.strip.learn(&lesson.luma);
        self.learnt.scene.recognise(&lesson.luma, lesson.infrared);
        self.learnt.scene.learn(&lesson.seen);
    }

    /// What the detector sees on one picture by itself; nothing is learnt from it. `None` without a detector.
    pub fn glance(&mut self, picture: &Rgb) -> Option<Result<Vec<Detection>, String>> {
        let found = self.detector.as_mut()?.detect(picture).map_err(|error| error.to_string());
        let detection = |raw: RawBox| Detection {
            bbox: raw.bbox,
            category: raw.category,
            confidence: raw.confidence,
            moving: false,
            source: Source::Frame,
            track: 0,
            logits: None,
            embedding: None,
        };
        Some(found.map(|boxes| boxes.into_iter().map(detection).collect()))
    }

    /// Judges one burst. Never fails: what could not be read or run is in the judgement.
    pub fn judge(&mut self, frames: &[Frame<'_>]) -> Judgement {
        let album = Album::new(frames);
        let busy = self.busy();
        self.steps.clear();
        self.detector.iter_mut().for_each(|detector| detector.stands_alone(frames.len() < 2));
        let mut work = Work {
            album: &album,
            threads: self.settings.threads,
            faults: Vec::new(),
            spent: Spent::default(),
            looked: Looked::default(),
        };
        let exits = self.settings.exits.or_else(|| self.settings.effort.exits());
        let by_steps = exits.and_then(|exits| self.look_by_steps(&exits, &mut work));
        let Gathered { mut looks, motion, cuts, inside, seen } =
            by_steps.unwrap_or_else(|| self.look_at_all(&mut work));
        let crops = exits.map_or(usize::MAX, |exits| exits.crops);

        let mut probability = self.fuse(&looks, &motion, inside);
        if work.looked.stopped == Stop::Moved {
            probability = Score::new(probability.get().max(self.settings.fusion.floor));
        }
        self.keep_lesson(&mut looks, seen);
        self.weigh_weak(&mut looks);
        let mut judged = looks.into_iter().map(|l| l.judgement).collect::<Vec<_>>();
        for (frame, moved) in judged.iter_mut().zip(&motion.frames) {
            frame.moved = *moved;
        }
        let verdict = self.settings.fusion.verdict(probability);
        if verdict != Verdict::Empty {
            self.box_motion(&mut judged, &motion, probability);
            track::link(&mut judged, &self.settings.track);
        }
        if verdict == Verdict::Alive {
            let cuts = self.classify(&mut judged, cuts, crops, &mut work);
            self.ask_seconds(&mut judged, &cuts, probability, &mut work);
        }
        let Work { faults, mut spent, looked, .. } = work;
        spent.network = (self.busy() - busy).as_secs_f32() * 1000.0;
        let (outcome, sightings) =
            decide::conclude(&judged, &faults, probability, verdict, self.taxonomy(), &self.settings.decide);
        Judgement { outcome, probability, frames: judged, sightings, faults, looked, spent }
    }

    /// Time spent in the networks so far.
    fn busy(&self) -> Duration {
        let detector = self.detector.as_ref().map(|d| d.model().busy());
        let classifier = self.classifier.as_ref().map(|(c, _)| c.busy());
        detector.unwrap_or_default() + classifier.unwrap_or_default()
    }

    pub(super) fn fuse(&mut self, looks: &[FirstLook], motion: &Motion, inside: f32) -> Score {
        let looked_at = looks.iter().filter(|l| l.judgement.failed.is_none() && !l.judgement.skipped);
        let frames: Vec<&[Detection]> = looked_at.map(|l| l.judgement.detections.as_slice()).collect();
        let evidence = Evidence { motion, frames: &frames, threshold: self.threshold(), inside };
        self.clues = fuse::clues(&evidence);
        self.settings.fusion.probability(&self.clues)
    }

    pub(super) fn threshold(&self) -> Option<Score> {
        self.detector.as_ref().map(|d| Score::new(d.threshold()))
    }

    fn keep_lesson(&mut self, looks: &mut [FirstLook], seen: Vec<Seen>) {
        let last =
            looks.iter_mut().rev().find_map(|l| l.luma.take().map(|luma| (luma, l.judgement.infrared)));
        if let Some((luma, infrared)) = last {
            self.lesson = Some(Lesson { luma, infrared, seen });
        }
    }
}

/// What the steps of one burst share.
pub(super) struct Work<'a> {
    pub(super) album: &'a Album<'a>,
    pub(super) threads: usize,
    pub(super) faults: Vec<String>,
    pub(super) spent: Spent,
    pub(super) looked: Looked,
}

impl Work<'_> {
    /// Tells of a fault, once.
    pub(super) fn fault(&mut self, fault: String) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

/// What looking at a burst gave.
pub(super) struct Gathered {
    pub(super) looks: Vec<FirstLook>,
    pub(super) motion: Motion,
    pub(super) cuts: Cuts,
    /// The strongest motion inside a still box.
    pub(super) inside: f32,
    /// The boxes before the memory's discount.
    pub(super) seen: Vec<Seen>,
}

/// What `work` gives, and the milliseconds it took.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, f32) {
    let began = Instant::now();
    let done = work();
    (done, millis(began))
}

pub(super) fn millis(since: Instant) -> f32 {
    since.elapsed().as_secs_f32() * 1000.0
}
