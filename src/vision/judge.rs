//! All the steps in order: the one door through which a burst becomes a [`Judgement`].

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::album::{Album, each_ahead};
use super::cascade::{Effort, Exits, Looked, Stop, chosen};
use super::decide;
use super::detect::{Detector, RawBox};
use super::fuse::{self, Clues, Evidence, Fusion, Verdict};
use super::looks::{CloseUps, Cuts, FirstLook, SAME_OBJECT, first_look};
use super::memory::{SceneMemory, Seen};
use super::motion::{self, Motion};
use super::namer::Namer;
use super::regions::{self, Look};
use super::sequence::{self, Rule};
use super::strip::{Strip, StripMemory};
use super::taxonomy::Taxonomy;
use super::{Category, Detection, FrameJudgement, Judgement, Source, Spent, track};
use crate::image::{self, Gray, Rgb};
use crate::units::{BBox, Score};

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
    strip: StripMemory,
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
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Most still boxes whose inside is looked at closely; each costs as much as motion on a small picture.
const CLOSE_LOOKS: usize = 4;

/// A frame shows a region that moved when at least this share of what changed there is its own.
const SHOWS_REGION: f32 = 0.3;

/// Motion inside a box from which it counts as moving: where [`Fusion::default`] holds motion alone for even.
const MOVES_INSIDE: f32 = 4.9;

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
        }
    }

    /// What the probability of the last burst was made of, for fitting the weights.
    pub fn clues(&self) -> Clues {
        self.clues
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
        };
        Some(found.map(|boxes| boxes.into_iter().map(detection).collect()))
    }

    /// Judges one burst. Never fails: what could not be read or run is in the judgement.
    pub fn judge(&mut self, frames: &[Frame<'_>]) -> Judgement {
        let album = Album::new(frames);
        let busy = self.busy();
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

    /// Everything there is to see: the detector on every frame, again where something moved, and close looks.
    fn look_at_all(&mut self, work: &mut Work<'_>) -> Gathered {
        let (mut looks, found) = self.first_looks(work);
        let (motion, strip) = self.motion(&looks, work);
        for (look, found) in looks.iter_mut().zip(found) {
            look.add(found, Source::Frame, &motion, strip);
        }
        let cuts = self.look_again(&mut looks, &motion, strip, regions::LOOKS_MAX, work);
        let inside = self.look_inside(&mut looks, work);
        let seen = self.discount(&mut looks);
        Gathered { looks, motion, cuts, inside, seen }
    }

    /// What moved outside of the strip, and the strip.
    pub(super) fn motion(&self, looks: &[FirstLook], work: &mut Work<'_>) -> (Motion, Strip) {
        let began = Instant::now();
        let lumas: Vec<Option<&Gray>> = looks.iter().map(|l| l.luma.as_ref()).collect();
        let strip = self.strip(&lumas);
        let motion = motion::evidence(&lumas, strip);
        work.spent.motion += millis(began);
        (motion, strip)
    }

    /// Time spent in the networks so far.
    fn busy(&self) -> Duration {
        let detector = self.detector.as_ref().map(|d| d.model().busy());
        let classifier = self.classifier.as_ref().map(|(c, _)| c.busy());
        detector.unwrap_or_default() + classifier.unwrap_or_default()
    }

    fn strip(&self, lumas: &[Option<&Gray>]) -> Strip {
        if !self.settings.find_strip {
            return self.settings.strip;
        }
        let found = lumas.iter().flatten().map(|l| Strip::find(l));
        found.fold(self.settings.strip.with(self.learnt.strip.strip()), Strip::with)
    }

    /// Every frame decoded as small as motion and the detector allow, and the detector's boxes on it.
    fn first_looks(&mut self, work: &mut Work<'_>) -> (Vec<FirstLook>, Vec<Vec<RawBox>>) {
        let side = self.detector.as_ref().map_or(0, Detector::side);
        let album = work.album;
        let count = album.len();
        let (mut looks, mut boxes) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let indexes: Vec<usize> = (0..count).collect();
        each_ahead(
            &indexes,
            work.threads,
            |index| timed(|| first_look(album, index, motion::WIDTH, side)),
            |_, ((mut look, picture), took)| {
                work.spent.decode += took;
                let began = Instant::now();
                let found = match (&mut self.detector, &picture) {
                    (Some(detector), Some(picture)) => {
                        let found = detector.detect(picture);
                        work.looked.detector += detector.runs();
                        found
                    }
                    _ => Ok(Vec::new()),
                };
                boxes.push(found.unwrap_or_else(|error| {
                    work.faults.push(error.to_string());
                    look.judgement.failed = Some(error.to_string());
                    Vec::new()
                }));
                looks.push(look);
                work.spent.detect += millis(began);
            },
        );
        (looks, boxes)
    }

    /// The detector at native resolution where something moved and the first pass saw nothing. Returns what the
    /// classifier may want of the frames it decoded.
    pub(super) fn look_again(
        &mut self,
        looks: &mut [FirstLook],
        motion: &Motion,
        strip: Strip,
        most: usize,
        work: &mut Work<'_>,
    ) -> Cuts {
        let mut cuts = Cuts::default();
        let Some(detector) = &mut self.detector else { return cuts };
        let side = detector.input_size().0.max(detector.input_size().1);
        let Some(first) = motion
            .compared
            .checked_sub(2)
            .and_then(|_| looks.iter().position(|l| l.judgement.failed.is_none()))
        else {
            return cuts;
        };
        let album = work.album;
        let size = match album.size(first) {
            Ok(size) => size,
            Err(reason) => {
                work.faults.push(reason);
                return cuts;
            }
        };
        let seen: Vec<&[Detection]> = looks.iter().map(|l| l.judgement.detections.as_slice()).collect();
        let mut plan = regions::plan(motion, &seen, size, side);
        plan.truncate(most);
        let planned = |frame: usize| plan.iter().any(|look| look.frame == frame);
        let sound = |(frame, look): (usize, &FirstLook)| {
            (planned(frame) && look.judgement.failed.is_none()).then_some(frame)
        };
        let frames: Vec<usize> = looks.iter().enumerate().filter_map(sound).collect();
        let classifier = self.classifier.as_ref().map(|(classifier, _)| classifier);
        each_ahead(
            &frames,
            work.threads,
            |frame| album.view(frame),
            |frame, view| {
                let began = Instant::now();
                let (Some(look), Ok(whole)) = (looks.get_mut(frame), &view) else {
                    work.faults.extend(view.err());
                    return;
                };
                for Look { crop, .. } in plan.iter().filter(|look| look.frame == frame) {
                    let region =
                        image::Region { x: crop.x, y: crop.y, width: crop.width, height: crop.height };
                    work.looked.detector += 1;
                    match detector.detect_in(whole, &region.to_bbox(size.0, size.1)) {
                        Ok(found) => look.add(found, Source::Region, motion, strip),
                        Err(error) => work.faults.push(error.to_string()),
                    }
                }
                if let Some(classifier) = classifier {
                    let boxes = look.judgement.detections.iter().take(CLASSIFIED);
                    boxes.for_each(|d| cuts.add(classifier, frame, whole, d.bbox));
                }
                let took = whole.took().as_secs_f32() * 1000.0;
                work.spent.decode += took;
                work.spent.detect += millis(began) - took;
            },
        );
        cuts
    }

    /// Still boxes that come back in every sequence lose their weight. Returns what the boxes were before.
    pub(super) fn discount(&self, looks: &mut [FirstLook]) -> Vec<Seen> {
        let mut all = Vec::new();
        for detection in looks.iter_mut().flat_map(|l| &mut l.judgement.detections) {
            let Detection { bbox, category, confidence, moving, .. } = *detection;
            let seen = Seen { bbox, category, confidence, moving };
            detection.confidence = Score::new(confidence.get() * self.learnt.scene.weight(&seen));
            all.push(seen);
        }
        all
    }

    /// Looks closely into the most confident still boxes: a bird that turns its head moves too little for
    /// [`motion::evidence`], a stump not at all. Returns the strongest motion inside a box.
    pub(super) fn look_inside(&self, looks: &mut [FirstLook], work: &mut Work<'_>) -> f32 {
        let Some(threshold) = self.threshold() else { return 0.0 };
        let mut still: Vec<(f32, BBox)> = looks
            .iter()
            .flat_map(|l| &l.judgement.detections)
            .filter(|d| !d.moving && fuse::worth_a_look(d, threshold))
            .map(|d| (d.confidence.get(), d.bbox))
            .collect();
        still.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut spots: Vec<BBox> = Vec::new();
        for (_, bbox) in still {
            if spots.len() < CLOSE_LOOKS && spots.iter().all(|s| s.iou(&bbox) < SAME_OBJECT) {
                spots.push(bbox);
            }
        }
        if spots.is_empty() {
            return 0.0;
        }
        let sound = |(index, look): (usize, &FirstLook)| look.judgement.failed.is_none().then_some(index);
        let readable: Vec<usize> = looks.iter().enumerate().filter_map(sound).collect();
        let album = work.album;
        let mut close = CloseUps::new(&spots);
        each_ahead(
            &readable,
            work.threads,
            |index| album.view(index),
            |_, view| match view {
                Ok(view) => {
                    work.faults.extend(close.add(&view).err());
                    work.spent.decode += view.took().as_secs_f32() * 1000.0;
                }
                Err(reason) => work.faults.push(reason),
            },
        );
        let began = Instant::now();
        let mut strongest = 0.0f32;
        for (at, spot) in spots.iter().enumerate() {
            let inside = close.motion_inside(at);
            if inside >= MOVES_INSIDE {
                let here = looks.iter_mut().flat_map(|l| &mut l.judgement.detections);
                here.filter(|d| d.bbox.iou(spot) >= SAME_OBJECT).for_each(|d| d.moving = true);
            }
            strongest = strongest.max(inside);
        }
        work.spent.motion += millis(began);
        strongest
    }

    pub(super) fn fuse(&mut self, looks: &[FirstLook], motion: &Motion, inside: f32) -> Score {
        let looked_at = looks.iter().filter(|l| l.judgement.failed.is_none() && !l.judgement.skipped);
        let frames: Vec<&[Detection]> = looked_at.map(|l| l.judgement.detections.as_slice()).collect();
        let evidence = Evidence { motion, frames: &frames, threshold: self.threshold(), inside };
        self.clues = fuse::clues(&evidence);
        self.settings.fusion.probability(&self.clues)
    }

    /// Boxes too weak to have counted for anything are noise. Weak boxes of people and vehicles stand for something
    /// that is there but say little of what it is: they become boxes of animals, unless the burst shows people or
    /// vehicles for sure, whose parts they then are.
    fn weigh_weak(&self, looks: &mut [FirstLook]) {
        let Some(threshold) = self.threshold() else { return };
        let doubtful = |d: &Detection| d.confidence.get() < believed(d.category, threshold);
        let all = || looks.iter().flat_map(|l| &l.judgement.detections);
        let sure = |category| all().any(|d| d.category == category && !doubtful(d));
        let sure = [Category::Person, Category::Vehicle].map(|category| (category, sure(category)));
        for boxes in looks.iter_mut().map(|l| &mut l.judgement.detections) {
            boxes.retain(|d| fuse::counts(d, threshold));
            for found in boxes.iter_mut().filter(|d| doubtful(d)) {
                if !sure.contains(&(found.category, true)) {
                    found.category = Category::Animal;
                }
            }
        }
    }

    fn threshold(&self) -> Option<Score> {
        self.detector.as_ref().map(|d| Score::new(d.threshold()))
    }

    fn keep_lesson(&mut self, looks: &mut [FirstLook], seen: Vec<Seen>) {
        let last =
            looks.iter_mut().rev().find_map(|l| l.luma.take().map(|luma| (luma, l.judgement.infrared)));
        if let Some((luma, infrared)) = last {
            self.lesson = Some(Lesson { luma, infrared, seen });
        }
    }

    /// Where something living moved and no box says what, the most salient region is the box.
    fn box_motion(&self, frames: &mut [FrameJudgement], motion: &Motion, probability: Score) {
        let Some(region) = motion.regions.first().filter(|_| frames.iter().all(|f| f.detections.is_empty()))
        else {
            return;
        };
        let most = region.frames.iter().copied().fold(0.0, f32::max);
        for (frame, share) in frames.iter_mut().zip(&region.frames) {
            if frame.failed.is_none() && most > 0.0 && *share >= SHOWS_REGION * most {
                frame.detections.push(Detection {
                    bbox: region.bbox,
                    category: Category::Animal,
                    confidence: probability,
                    moving: true,
                    source: Source::Motion,
                    track: 0,
                    logits: None,
                });
            }
        }
    }

    /// The classifier on every animal box, at full resolution: on what was cut before, or on the frame decoded again.
    /// Returns what was cut.
    fn classify(
        &mut self,
        frames: &mut [FrameJudgement],
        mut cuts: Cuts,
        crops: usize,
        work: &mut Work<'_>,
    ) -> Cuts {
        let Some((classifier, _)) = &mut self.classifier else { return cuts };
        let wanted = chosen(frames, crops);
        let mut missing: Vec<usize> =
            wanted.iter().filter(|(at, bbox)| cuts.find(*at, bbox).is_none()).map(|(at, _)| *at).collect();
        missing.dedup();
        let album = work.album;
        each_ahead(
            &missing,
            work.threads,
            |index| album.view(index),
            |index, view| match view {
                Ok(view) => {
                    let here = wanted.iter().filter(|(at, _)| *at == index);
                    here.for_each(|(at, bbox)| cuts.add(classifier, *at, &view, *bbox));
                    work.spent.decode += view.took().as_secs_f32() * 1000.0;
                }
                Err(reason) => work.faults.push(reason),
            },
        );
        let began = Instant::now();
        for (index, frame) in frames.iter_mut().enumerate() {
            let animals = frame.detections.iter_mut().filter(|d| d.category == Category::Animal);
            for detection in animals.filter(|d| wanted.contains(&(index, d.bbox))) {
                let logits = match cuts.find(index, &detection.bbox) {
                    Some(Ok(cut)) => {
                        work.looked.classifier += classifier.runs();
                        classifier.logits_of(cut)
                    }
                    Some(Err(error)) => Err(error.clone()),
                    None => continue,
                };
                match logits {
                    Ok(logits) => detection.logits = Some(logits),
                    Err(error) => work.faults.push(error.to_string()),
                }
            }
        }
        work.spent.classify += millis(began);
        cuts
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

/// Confidence from which the detector is believed about the category. A person is believed at half the threshold:
/// taking an animal for a person costs a picture, the other way round somebody's privacy.
fn believed(category: Category, threshold: Score) -> f32 {
    match category {
        Category::Animal => 0.0,
        Category::Person => threshold.get() / 2.0,
        Category::Vehicle => threshold.get(),
    }
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
