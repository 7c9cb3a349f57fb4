//! Which individuals a judged burst shows: the crops of its animals asked of the gallery.
//!
//! Only animals are asked whose taxon is in the gallery: the same species, one below it, or its genus or family, where
//! the classifier was not certain of more. What was decided about the species stays as it is.

use std::collections::BTreeMap;

use super::{Gallery, Individual, mean};
use crate::engine::individuals::Calibration;
use crate::units::{Flank, Rank};
use crate::vision::embed::Embedder;
use crate::vision::flank::flank;
use crate::vision::judge::Frame;
use crate::vision::{Detection, Identity, Judgement, NEAREST, Sighting};

/// The ancestors of taxa, finest first, by scientific name.
pub type Ancestors = BTreeMap<String, Vec<String>>;

/// A gallery with the network it was made with.
#[derive(Debug)]
pub struct Identifier {
    embedder: Embedder,
    gallery: Gallery,
    ancestors: Ancestors,
}

impl Identifier {
    /// Of a gallery that was checked against the embedder's network.
    pub fn new(embedder: Embedder, gallery: Gallery, ancestors: Ancestors) -> Identifier {
        Identifier { embedder, gallery, ancestors }
    }

    /// Puts embeddings on the boxes of the animals that may be in the gallery, then names them. `frames` are those
    /// that were judged; what fails is told in the judgement's faults.
    pub fn identify(&mut self, judged: &mut Judgement, frames: &[Frame<'_>]) {
        let wanted = self.wanted(judged);
        if !wanted.is_empty() {
            self.embedder.look(judged, frames, &wanted);
            self.name(judged);
        }
    }

    /// Names the animals of a judgement whose boxes have embeddings: one burst, or several merged.
    pub fn name(&self, judged: &mut Judgement) {
        for at in self.wanted(judged) {
            let Some(sighting) = judged.sightings.get(at) else { continue };
            let individuals = self.individuals(judged, sighting);
            if let Some(sighting) = judged.sightings.get_mut(at) {
                sighting.individuals = individuals;
            }
        }
    }

    /// The sightings that may be of somebody in the gallery, by their place.
    fn wanted(&self, judged: &Judgement) -> Vec<usize> {
        let may = |s: &Sighting| self.gallery.individuals().iter().any(|i| self.kin(s, &i.taxon));
        judged.sightings.iter().enumerate().filter(|(_, s)| may(s)).map(|(at, _)| at).collect()
    }

    /// Whether what was seen may be of the species `taxon`.
    fn kin(&self, seen: &Sighting, taxon: &str) -> bool {
        if seen.taxon == taxon {
            return true;
        }
        let above = |name: &str, of: &str| match self.ancestors.get(of) {
            Some(line) => line.iter().any(|ancestor| ancestor == name),
            // By its words: genus, species, subspecies.
            None => of.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')),
        };
        above(taxon, &seen.taxon) || (seen.rank <= Rank::Family && above(&seen.taxon, taxon))
    }

    /// One identity per animal that could be asked about, the most certain first.
    fn individuals(&self, judged: &Judgement, seen: &Sighting) -> Vec<Identity> {
        let animals: Vec<Vec<u32>> = match seen.count {
            0 | 1 => vec![seen.tracks.clone()],
            _ => seen.tracks.iter().map(|track| vec![*track]).collect(),
        };
        let mut told: Vec<Identity> =
            animals.iter().filter_map(|tracks| self.animal(judged, seen, tracks)).collect();
        told.sort_by(|a, b| {
            let sure = |i: &Identity| (i.recognition, i.similarity.unwrap_or(-2.0));
            sure(a).0.cmp(&sure(b).0).then(sure(b).1.total_cmp(&sure(a).1))
        });
        // Two tracks of one animal, before and after a trunk, are one animal.
        let mut names: Vec<String> = Vec::new();
        told.retain(|identity| match &identity.individual {
            Some(name) if names.contains(name) => false,
            Some(name) => {
                names.push(name.clone());
                true
            }
            None => true,
        });
        told.truncate(usize::from(seen.count.max(1)));
        told
    }

    /// What the gallery says of the animal of `tracks`; `None` where none of its boxes could be looked at.
    fn animal(&self, judged: &Judgement, seen: &Sighting, tracks: &[u32]) -> Option<Identity> {
        // A side with more crops is known better.
        let mut sides: BTreeMap<Flank, Vec<&[f32]>> = BTreeMap::new();
        for track in tracks {
            let boxes = judged.frames.iter().flat_map(|frame| &frame.detections);
            let asked = boxes.filter(|found: &&Detection| found.track == *track);
            let mut embeddings = asked.filter_map(|found| found.embedding.as_deref()).peekable();
            if embeddings.peek().is_some() {
                sides.entry(flank(&judged.frames, &[*track])).or_default().extend(embeddings);
            }
        }
        // Of as many, the first: left before right before unknown.
        let (side, embeddings) = sides.into_iter().rev().max_by_key(|(_, embeddings)| embeddings.len())?;
        let question = mean(embeddings)?;
        let among = |individual: &Individual| self.kin(seen, &individual.taxon);
        let answer = self.gallery.ask(&question, side, among, self.calibration());
        Some(Identity {
            recognition: answer.recognition,
            individual: answer.who().map(|individual| individual.name.clone()),
            similarity: answer.nearest.first().map(|nearest| nearest.similarity),
            probability: answer.probability,
            flank: side,
            tracks: tracks.to_vec(),
            nearest: answer
                .nearest
                .iter()
                .take(NEAREST)
                .map(|nearest| (nearest.individual.name.clone(), nearest.similarity))
                .collect(),
        })
    }

    fn calibration(&self) -> Option<&Calibration> {
        self.embedder.manifest().individuals.as_ref()
    }
}

#[cfg(test)]
mod tests;
