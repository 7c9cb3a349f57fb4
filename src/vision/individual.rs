//! Individuals: the boxes of a track, the name its logits give, and tracks that are pieces of one animal.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::Settings;
use super::taxonomy::{Named, Taxonomy};
use super::{Category, Detection, FrameJudgement};
use crate::engine::labels::ANIMALIA;
use crate::units::{Rank, Score};

/// The boxes of one track.
pub(super) struct Track<'a> {
    /// Its number in [`Detection::track`].
    pub(super) number: u32,
    /// What the detector takes it for.
    pub(super) category: Category,
    /// Of its best box.
    pub(super) confidence: Score,
    /// Indices of the frames it is on.
    frames: BTreeSet<usize>,
    boxes: Vec<&'a Detection>,
}

/// The tracks of all boxes on `frames`, by number.
pub(super) fn tracks(frames: &[FrameJudgement]) -> BTreeMap<u32, Track<'_>> {
    let mut tracks: BTreeMap<u32, Track<'_>> = BTreeMap::new();
    for (index, frame) in frames.iter().enumerate() {
        for found in &frame.detections {
            let track = tracks.entry(found.track).or_insert_with(|| Track {
                number: found.track,
                category: found.category,
                confidence: Score::ZERO,
                frames: BTreeSet::new(),
                boxes: Vec::new(),
            });
            track.frames.insert(index);
            track.boxes.push(found);
            if found.confidence > track.confidence {
                track.confidence = found.confidence;
            }
        }
    }
    tracks
}

/// One animal: one or more tracks, what the classifier said of all of them, and the name that follows.
pub(super) struct Animal {
    pub(super) tracks: Vec<u32>,
    frames: BTreeSet<usize>,
    /// Sum of the logits of all classified boxes.
    logits: Vec<f32>,
    /// How many boxes were classified.
    classified: usize,
    /// `None` when nothing finer than an animal is known.
    pub(super) name: Option<Named>,
}

impl Animal {
    /// What one track tells.
    pub(super) fn new(track: &Track<'_>, taxonomy: Option<&Taxonomy>, settings: &Settings) -> Self {
        let mut animal = Animal {
            tracks: vec![track.number],
            frames: track.frames.clone(),
            logits: Vec::new(),
            classified: 0,
            name: None,
        };
        for logits in track.boxes.iter().filter_map(|d| d.logits.as_deref()) {
            add(&mut animal.logits, logits);
            animal.classified += 1;
        }
        animal.name = animal.named(taxonomy, settings);
        animal
    }

    /// Mean logits and the temperature for them; `None` if no box was classified.
    pub(super) fn mean(&self, settings: &Settings) -> Option<(Vec<f32>, f32)> {
        let boxes = self.classified as f32;
        let temperature =
            if self.classified > 1 { settings.temperature_mean } else { settings.temperature_single };
        (self.classified > 0).then(|| (self.logits.iter().map(|l| l / boxes).collect(), temperature))
    }

    fn named(&self, taxonomy: Option<&Taxonomy>, settings: &Settings) -> Option<Named> {
        let (taxonomy, (mean, temperature)) = (taxonomy?, self.mean(settings)?);
        let named = taxonomy.name(&taxonomy.probabilities(&mean, temperature), &settings.thresholds)?;
        (named.taxon.rank < Rank::Kingdom).then_some(named)
    }

    fn rank(&self) -> Rank {
        self.name.as_ref().map_or(Rank::Kingdom, |n| n.taxon.rank)
    }

    /// Score of the name; 0 without one.
    pub(super) fn score(&self) -> f32 {
        self.name.as_ref().map_or(0.0, |n| n.score.get())
    }

    /// Scientific name.
    pub(super) fn taxon(&self) -> &str {
        self.name.as_ref().map_or(ANIMALIA, |n| &n.taxon.scientific)
    }

    /// Whether both may be pieces of one animal: never on one frame, and one name is or contains the other.
    fn may_be(&self, other: &Animal) -> bool {
        let agree = match (&self.name, &other.name) {
            (Some(a), Some(b)) => {
                a.taxon.is_within(&b.taxon.scientific) || b.taxon.is_within(&a.taxon.scientific)
            }
            _ => true,
        };
        agree && self.frames.is_disjoint(&other.frames)
    }

    /// Takes `piece` in. The name is that of the mean of all boxes, unless this one had a finer name.
    fn take(&mut self, piece: Animal, taxonomy: Option<&Taxonomy>, settings: &Settings) {
        self.tracks.extend(piece.tracks);
        self.frames.extend(piece.frames);
        if piece.classified > 0 {
            add(&mut self.logits, &piece.logits);
            self.classified += piece.classified;
        }
        let common = self.named(taxonomy, settings).filter(|n| n.taxon.rank <= self.rank());
        self.name = common.or(self.name.take());
    }
}

/// Adds `more` to `sum`, element by element.
fn add(sum: &mut Vec<f32>, more: &[f32]) {
    if sum.is_empty() {
        sum.resize(more.len(), 0.0);
    }
    sum.iter_mut().zip(more).for_each(|(s, m)| *s += m);
}

/// Joins pieces of one animal, the most certain first.
pub(super) fn join(mut pieces: Vec<Animal>, taxonomy: Option<&Taxonomy>, settings: &Settings) -> Vec<Animal> {
    pieces.sort_by(|a, b| a.rank().cmp(&b.rank()).then(b.score().total_cmp(&a.score())));
    let mut whole: Vec<Animal> = Vec::new();
    for piece in pieces {
        let fitting: Vec<usize> = (0..whole.len()).filter(|&i| whole[i].may_be(&piece)).collect();
        let one_taxon = fitting.windows(2).all(|w| whole[w[0]].taxon() == whole[w[1]].taxon());
        match fitting.first().filter(|_| one_taxon).and_then(|&i| whole.get_mut(i)) {
            Some(animal) => animal.take(piece, taxonomy, settings),
            None => whole.push(piece),
        }
    }
    whole
}
