//! All the steps in order: the one door through which a burst becomes a [`Judgement`].

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::album::{self, Album};
use super::classify::Classifier;
use super::decide;
use super::detect::{Detector, RawBox};
use super::fuse::{self, Clues, Evidence, Fusion, Verdict};
use super::memory::{SceneMemory, Seen};
use super::motion::{self, Motion};
use super::regions::{self, Crop, Look};
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
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            strip: Strip::default(),
            find_strip: true,
            fusion: Fusion::default(),
            track: track::Settings::default(),
            decide: decide::Settings::default(),
        }
    }
}

/// What was learnt of the scene; outlives the power.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Learnt {
    scene: SceneMemory,
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
    detector: Option<Detector>,
    classifier: Option<(Classifier, Taxonomy)>,
    settings: Settings,
    learnt: Learnt,
    lesson: Option<Lesson>,
    clues: Clues,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Boxes on one spot are one object when they overlap so much; the usual value for merging two detector passes.
const SAME_OBJECT: f32 = 0.5;

/// Most still boxes whose inside is looked at closely; each costs as much as motion on a small picture.
const CLOSE_LOOKS: usize = 4;

/// A frame shows a region that moved when at least this share of what changed there is its own.
const SHOWS_REGION: f32 = 0.3;

/// Motion inside a box from which it counts as moving: where [`Fusion::default`] holds motion alone for even.
const MOVES_INSIDE: f32 = 4.9;

/// Most boxes classified on one frame, the most confident first: a herd is named by its nearest animals.
const CLASSIFIED: usize = 8;

impl Judge {
    /// With the networks a site has: without a detector motion alone decides, without a classifier every animal is
    /// an `animal`.
    pub fn new(
        detector: Option<Detector>,
        classifier: Option<(Classifier, Taxonomy)>,
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

    /// Judges one burst. Never fails: what could not be read or run is in the judgement.
    pub fn judge(&mut self, frames: &[Frame<'_>]) -> Judgement {
        let mut spent = Spent::default();
        let mut faults = Vec::new();
        let mut album = Album::new(frames);

        let began = Instant::now();
        let mut looks: Vec<FirstLook> = (0..frames.len()).map(|i| self.first_look(&album, i)).collect();
        spent.decode = millis(began);

        let began = Instant::now();
        let lumas: Vec<Option<&Gray>> = looks.iter().map(|l| l.luma.as_ref()).collect();
        let strip = self.strip(&lumas);
        let motion = motion::evidence(&lumas, strip);
        spent.motion = millis(began);

        let began = Instant::now();
        for look in &mut looks {
            self.detect(look, &motion, strip, &mut faults);
        }
        self.look_again(&mut looks, &mut album, &motion, strip, &mut faults);
        let inside = self.look_inside(&mut looks, &album, &mut faults);
        let seen = self.discount(&mut looks);
        spent.detect = millis(began);

        let probability = self.fuse(&looks, &motion, inside);
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
            let began = Instant::now();
            self.classify(&mut judged, &mut album, &mut faults);
            spent.classify = millis(began);
        }
        let (outcome, sightings) =
            decide::conclude(&judged, &faults, probability, verdict, self.taxonomy(), &self.settings.decide);
        Judgement { outcome, probability, frames: judged, sightings, faults, spent }
    }

    /// Decodes a frame as small as motion and the detector allow.
    fn first_look(&self, album: &Album<'_>, index: usize) -> FirstLook {
        let side = self.detector.as_ref().map_or(0, |d| d.input_size().0.max(d.input_size().1));
        let look = album.small(index, motion::WIDTH.max(side)).and_then(|picture| {
            let luma = album::motion_luma(&picture).map_err(|e| e.to_string())?;
            Ok((picture, luma))
        });
        match look {
            Ok((picture, luma)) => {
                let judgement = FrameJudgement {
                    size: (picture.width, picture.height),
                    infrared: album::is_infrared(&picture),
                    ..FrameJudgement::default()
                };
                FirstLook { picture: Some(picture), luma: Some(luma), judgement }
            }
            Err(reason) => FirstLook {
                picture: None,
                luma: None,
                judgement: FrameJudgement { failed: Some(reason), ..FrameJudgement::default() },
            },
        }
    }

    fn strip(&self, lumas: &[Option<&Gray>]) -> Strip {
        if !self.settings.find_strip {
            return self.settings.strip;
        }
        let found = lumas.iter().flatten().map(|l| Strip::find(l));
        found.fold(self.settings.strip.with(self.learnt.strip.strip()), Strip::with)
    }

    /// The detector on the whole frame.
    fn detect(&mut self, look: &mut FirstLook, motion: &Motion, strip: Strip, faults: &mut Vec<String>) {
        let (Some(detector), Some(picture)) = (&mut self.detector, &look.picture) else { return };
        match detector.detect(picture) {
            Ok(found) => look.add(found, Source::Frame, motion, strip),
            Err(error) => {
                faults.push(error.to_string());
                look.judgement.failed = Some(error.to_string());
            }
        }
    }

    /// The detector at native resolution where something moved and the first pass saw nothing.
    fn look_again(
        &mut self,
        looks: &mut [FirstLook],
        album: &mut Album<'_>,
        motion: &Motion,
        strip: Strip,
        faults: &mut Vec<String>,
    ) {
        let Some(detector) = &mut self.detector else { return };
        let side = detector.input_size().0.max(detector.input_size().1);
        let Some(first) = motion
            .compared
            .checked_sub(2)
            .and_then(|_| looks.iter().position(|l| l.judgement.failed.is_none()))
        else {
            return;
        };
        let size = match album.full(first) {
            Ok(picture) => (picture.width, picture.height),
            Err(reason) => return faults.push(reason),
        };
        let seen: Vec<&[Detection]> = looks.iter().map(|l| l.judgement.detections.as_slice()).collect();
        for Look { frame, crop, .. } in regions::plan(motion, &seen, size, side) {
            let Some(look) = looks.get_mut(frame).filter(|l| l.judgement.failed.is_none()) else { continue };
            let region = image::Region { x: crop.x, y: crop.y, width: crop.width, height: crop.height };
            let found = match album.full(frame) {
                Ok(picture) => {
                    detector.detect_in(picture, &region.to_bbox(size.0, size.1)).map_err(|e| e.to_string())
                }
                Err(reason) => Err(reason),
            };
            match found {
                Ok(found) => look.add(found, Source::Region, motion, strip),
                Err(reason) => faults.push(reason),
            }
        }
    }

    /// Still boxes that come back in every sequence lose their weight. Returns what the boxes were before.
    fn discount(&self, looks: &mut [FirstLook]) -> Vec<Seen> {
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
    fn look_inside(&self, looks: &mut [FirstLook], album: &Album<'_>, faults: &mut Vec<String>) -> f32 {
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
        let readable =
            (0..looks.len()).filter(|&i| looks.get(i).is_some_and(|l| l.judgement.failed.is_none()));
        let mut close: Vec<Rgb> = Vec::new();
        for index in readable {
            match album.small(index, 2 * motion::WIDTH) {
                Ok(picture) => close.push(picture),
                Err(reason) => faults.push(reason),
            }
        }
        let mut strongest = 0.0f32;
        for spot in spots {
            let inside = motion_inside(&close, &spot);
            if inside >= MOVES_INSIDE {
                let here = looks.iter_mut().flat_map(|l| &mut l.judgement.detections);
                here.filter(|d| d.bbox.iou(&spot) >= SAME_OBJECT).for_each(|d| d.moving = true);
            }
            strongest = strongest.max(inside);
        }
        strongest
    }

    fn fuse(&mut self, looks: &[FirstLook], motion: &Motion, inside: f32) -> Score {
        let readable = looks.iter().filter(|l| l.judgement.failed.is_none());
        let frames: Vec<&[Detection]> = readable.map(|l| l.judgement.detections.as_slice()).collect();
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

    /// The classifier on every animal box, at full resolution.
    fn classify(&mut self, frames: &mut [FrameJudgement], album: &mut Album<'_>, faults: &mut Vec<String>) {
        let Some((classifier, _)) = &mut self.classifier else { return };
        for (index, frame) in frames.iter_mut().enumerate() {
            let mut animals = frame
                .detections
                .iter_mut()
                .filter(|d| d.category == Category::Animal)
                .take(CLASSIFIED)
                .peekable();
            if animals.peek().is_none() {
                continue;
            }
            let picture = match album.full(index) {
                Ok(picture) => picture,
                Err(reason) => {
                    faults.push(reason);
                    continue;
                }
            };
            for detection in animals {
                match classifier.logits(picture, &detection.bbox) {
                    Ok(logits) => detection.logits = Some(logits),
                    Err(error) => faults.push(error.to_string()),
                }
            }
        }
    }
}

/// A frame while it is judged.
struct FirstLook {
    picture: Option<Rgb>,
    luma: Option<Gray>,
    judgement: FrameJudgement,
}

impl FirstLook {
    /// Takes boxes in, most confident first: none on the info strip, one per object.
    fn add(&mut self, found: Vec<RawBox>, source: Source, motion: &Motion, strip: Strip) {
        for RawBox { bbox, category, confidence } in found {
            let (_, y) = bbox.centre();
            if y < strip.top || y > 1.0 - strip.bottom {
                continue;
            }
            let moving = motion.overlaps(&bbox, regions::BELONGS);
            let new = Detection { bbox, category, confidence, moving, source, track: 0, logits: None };
            let boxes = &mut self.judgement.detections;
            match boxes.iter_mut().find(|d| d.category == category && d.bbox.iou(&bbox) >= SAME_OBJECT) {
                Some(known) if known.confidence >= confidence => {}
                Some(known) => *known = new,
                None => boxes.push(new),
            }
        }
        self.judgement.detections.sort_by(|a, b| b.confidence.get().total_cmp(&a.confidence.get()));
    }
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

/// How far something inside `spot` moved over frames about twice [`motion::WIDTH`] wide.
fn motion_inside(frames: &[Rgb], spot: &BBox) -> f32 {
    let Some(size) = frames.first().map(|f| (f.width, f.height)) else { return 0.0 };
    let around = Crop::around(spot, size);
    let region = image::Region { x: around.x, y: around.y, width: around.width, height: around.height };
    let same = frames.iter().filter(|f| (f.width, f.height) == size);
    let crops: Vec<Gray> =
        same.filter_map(|f| image::crop(f, region).ok()).map(|c| image::luma(&c)).collect();
    motion::inside(&crops.iter().collect::<Vec<_>>(), around.from_picture(spot, size))
}

fn millis(since: Instant) -> f32 {
    since.elapsed().as_secs_f32() * 1000.0
}
