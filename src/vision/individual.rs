//! Individuals: the boxes of a track, the name its logits give, and tracks that are pieces of one animal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::decide::Settings;
use super::taxonomy::{Named, Taxonomy};
use super::traits::Traits;
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
    /// What every classified box carries.
    logits: Vec<Arc<[f32]>>,
    /// `None` when nothing finer than an animal is known.
    pub(super) name: Option<Named>,
}

impl Animal {
    /// What one track tells.
    pub(super) fn new(track: &Track<'_>, taxonomy: Option<&Taxonomy>, settings: &Settings) -> Self {
        let mut animal = Animal {
            tracks: vec![track.number],
            frames: track.frames.clone(),
            logits: track.boxes.iter().filter_map(|d| d.logits.clone()).collect(),
            name: None,
        };
        animal.name = animal.named(taxonomy, settings);
        animal
    }

    /// Mean logits of the classifier itself, and the temperature for them; `None` if no box was classified.
    pub(super) fn mean(&self, taxonomy: &Taxonomy, settings: &Settings) -> Option<(Vec<f32>, f32)> {
        let boxes = self.logits.len();
        let temperature = if boxes > 1 { settings.temperature_mean } else { settings.temperature_single };
        Some((mean(self.logits.iter().map(|l| taxonomy.own_part(l)))?, temperature))
    }

    fn named(&self, taxonomy: Option<&Taxonomy>, settings: &Settings) -> Option<Named> {
        let taxonomy = taxonomy?;
        let (own, temperature) = self.mean(taxonomy, settings)?;
        let first = taxonomy.name(&taxonomy.probabilities(&own, temperature), &settings.thresholds)?;
        let first = Some(first).filter(|named| named.taxon.rank < Rank::Kingdom)?;
        let refined = taxonomy.heads().iter().enumerate().filter(|(_, head)| head.refines(&first.taxon));
        let refined = refined.filter_map(|(number, head)| {
            let asked = mean(self.logits.iter().filter_map(|l| taxonomy.part(l, number)))?;
            head.name(&asked, &first.taxon, &settings.thresholds)
        });
        let best = refined.max_by(|a, b| a.score.get().total_cmp(&b.score.get()));
        Some(best.unwrap_or(first))
    }

    /// What the network for attributes says of it.
    pub(super) fn traits(&self, taxonomy: &Taxonomy) -> Traits {
        let told = self.logits.iter().filter_map(|l| taxonomy.part(l, taxonomy.heads().len()));
        mean(told).map(|mean| Traits::of(taxonomy.attributes(), &mean)).unwrap_or_default()
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
        self.logits.extend(piece.logits);
        let common = self.named(taxonomy, settings).filter(|n| n.taxon.rank <= self.rank());
        self.name = common.or(self.name.take());
    }
}

/// The mean, element by element; `None` of nothing.
fn mean<'a>(each: impl Iterator<Item = &'a [f32]>) -> Option<Vec<f32>> {
    let mut sum: Vec<f32> = Vec::new();
    let mut count = 0u32;
    for logits in each {
        if sum.is_empty() {
            sum.resize(logits.len(), 0.0);
        }
        sum.iter_mut().zip(logits).for_each(|(s, l)| *s += l);
        count += 1;
    }
    (count > 0).then(|| sum.iter().map(|s| s / count as f32).collect())
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
