//! Second heads: classifiers that are asked for a finer name where the first one sees a certain taxon.
//!
//! DeepFaune asks its bird head where a sequence is a bird for certain, and takes its answer if that is certain too. So
//! here: once an animal has a name within [`Head::on`] that the head could make finer, its boxes are shown to the head,
//! whose logits are averaged over the burst like the first's. Its name is taken if it reaches the head's threshold, is
//! finer than the first's and lies within it; otherwise the first's stays.

use std::time::Instant;

use super::album::each_ahead;
use super::judge::{Judge, Work, millis};
use super::looks::Cuts;
use super::prepare::Cut;
use super::taxonomy::{Named, Taxonomy, Thresholds};
use super::{Category, FrameJudgement, decide};
use crate::engine::EngineError;
use crate::engine::labels::Lineage;
use crate::units::{BBox, Rank, Score};

/// What is known of a second head besides its network.
#[derive(Debug, Clone)]
pub struct Head {
    /// Asked where the first classifier's name is this taxon or lies within it.
    pub on: String,
    /// Its labels, under the site's lists.
    pub taxonomy: Taxonomy,
    /// Least score of its name, 0..=1; for a higher rank its sum must exceed it.
    pub threshold: f32,
    /// What its logits are divided by, > 0.
    pub temperature: f32,
}

impl Head {
    /// Whether it may find a finer name for what the first classifier calls `name`.
    pub fn refines(&self, name: &Lineage) -> bool {
        name.is_within(&self.on) && name.rank > Rank::Species
    }

    /// Its name for what the first classifier calls `first`, from the mean of its logits over all boxes; `None` where
    /// that is not certain, not finer or another animal. `chosen`: the site's thresholds, whose overrides hold here too.
    pub fn name(&self, mean: &[f32], first: &Lineage, chosen: &Thresholds) -> Option<Named> {
        let thresholds = Thresholds {
            species: self.threshold,
            rollup: self.threshold,
            overrides: chosen.overrides.clone(),
        };
        let named = self.taxonomy.name(&self.taxonomy.probabilities(mean, self.temperature), &thresholds)?;
        (named.taxon.rank < first.rank && named.taxon.is_within(&first.scientific)).then_some(named)
    }
}

/// A box to be shown to a head: head, frame, box.
type Wanted = (usize, usize, BBox);

impl Judge {
    /// Shows the boxes of every animal that a head may find a finer name for to that head, and those of all animals to
    /// the network for attributes.
    pub(super) fn ask_seconds(
        &mut self,
        frames: &mut [FrameJudgement],
        cuts: &Cuts,
        probability: Score,
        work: &mut Work<'_>,
    ) {
        let wanted = self.wanted(frames, probability);
        let Some((namer, taxonomy)) = self.classifier.as_mut().filter(|_| !wanted.is_empty()) else { return };
        let mut crops: Vec<(Wanted, Result<Cut, EngineError>)> = Vec::new();
        let mut missing: Vec<usize> = Vec::new();
        for &(head, frame, bbox) in &wanted {
            let cut = cuts.find(frame, &bbox).and_then(|crop| namer.for_second(head, crop.as_ref().ok()?));
            match cut {
                Some(cut) => crops.push(((head, frame, bbox), Ok(cut.clone()))),
                None => missing.push(frame),
            }
        }
        missing.sort_unstable();
        missing.dedup();
        let album = work.album;
        each_ahead(
            &missing,
            work.threads,
            |frame| album.view(frame),
            |frame, view| match view {
                Ok(view) => {
                    let here = wanted.iter().filter(|w| w.1 == frame && crops.iter().all(|(c, _)| c != *w));
                    let made: Vec<_> =
                        here.filter_map(|&w| Some((w, namer.seconds.get(w.0)?.cut(&view, &w.2)))).collect();
                    crops.extend(made);
                    work.spent.decode += view.took().as_secs_f32() * 1000.0;
                }
                Err(reason) => work.faults.push(reason),
            },
        );
        let began = Instant::now();
        for ((head, frame, bbox), cut) in crops {
            let Some(second) = namer.seconds.get_mut(head) else { continue };
            work.looked.classifier += second.runs();
            match cut.and_then(|cut| second.logits_of(&cut)) {
                Ok(logits) => {
                    let boxes = frames.get_mut(frame).map(|f| f.detections.iter_mut()).into_iter().flatten();
                    for found in boxes.filter(|d| d.bbox == bbox && d.category == Category::Animal) {
                        let before = found.logits.as_deref().unwrap_or_default();
                        found.logits = Some(taxonomy.with_part(before, head, &logits).into());
                    }
                }
                Err(error) => work.faults.push(error.to_string()),
            }
        }
        work.spent.second += millis(began);
    }

    /// Which boxes are to be shown to which head.
    fn wanted(&self, frames: &[FrameJudgement], probability: Score) -> Vec<Wanted> {
        let some = |t: &Taxonomy| !t.heads().is_empty() || !t.attributes().is_empty();
        let Some((_, taxonomy)) = self.classifier.as_ref().filter(|(_, t)| some(t)) else {
            return Vec::new();
        };
        let mut wanted = Vec::new();
        let mut want = |head: usize, tracks: &[u32]| {
            for (index, frame) in frames.iter().enumerate() {
                let boxes = frame.detections.iter().filter(|d| tracks.contains(&d.track));
                let classified = boxes.filter(|d| d.category == Category::Animal && d.logits.is_some());
                wanted.extend(classified.map(|d| (head, index, d.bbox)));
            }
        };
        for seen in decide::sightings(frames, probability, Some(taxonomy), &self.settings.decide) {
            if !taxonomy.attributes().is_empty() {
                want(taxonomy.heads().len(), &seen.tracks);
            }
            let Some(name) = taxonomy.find(&seen.taxon) else { continue };
            let heads = taxonomy.heads().iter().enumerate().filter(|(_, head)| head.refines(name));
            heads.for_each(|(head, _)| want(head, &seen.tracks));
        }
        wanted
    }
}
