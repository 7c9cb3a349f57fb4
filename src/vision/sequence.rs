//! Bursts closer together than the gap are one sequence, whose label is recomputed from all their frames.
//!
//! The outcome is the strongest of the bursts': sighting, then people or vehicles, then uncertain, then failed, and
//! empty only if every burst is. A failed burst so neither hides another one nor passes for an empty one. The
//! sightings are those of the bursts that were judged alive; an uncertain burst adds its frames to them, but no
//! sighting of its own, and what an empty or failed one still holds in weak boxes was judged not to be there. Logits
//! are averaged over bursts where tracks agree (see `decide`), and the probability is the highest of any burst, not
//! their product: what deceives one burst deceives the next.

use std::collections::BTreeSet;

use super::cascade::Looked;
use super::decide::{self, Settings};
use super::taxonomy::Taxonomy;
use super::{FrameJudgement, Judgement, Sighting, Spent, deepfaune, megadetector, speciesnet};
use crate::event::Outcome;
use crate::units::Score;

/// How the label of a sequence is found.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Ours: tracks, roll-up, several sightings.
    Tracks(Settings),
    /// DeepFaune's: one label.
    DeepFaune(deepfaune::Settings),
    /// SpeciesNet's: the label of most photos.
    SpeciesNet,
    /// MegaDetector's: whatever has a box from this threshold (0..=1) on.
    MegaDetector(f32),
}

/// Merges the judgements of `bursts`, in order of time, into one over all their frames. Tracks are renumbered so that
/// no two bursts share one; faults say which burst they come from. No bursts at all is a failure.
pub fn merge(bursts: &[Judgement], taxonomy: Option<&Taxonomy>, rule: &Rule) -> Judgement {
    let frames = joined(bursts);
    let probability = highest(bursts.iter().map(|b| b.probability));
    let (outcome, sightings) = match rule {
        Rule::Tracks(settings) => by_tracks(bursts, &frames, probability, taxonomy, settings),
        Rule::DeepFaune(settings) => deepfaune::conclude(&frames, taxonomy, settings),
        Rule::SpeciesNet => speciesnet::conclude(&frames, taxonomy),
        Rule::MegaDetector(threshold) => megadetector::conclude(&frames, *threshold),
    };
    // Those programs' rules know no failures; ours is that they never pass for an empty.
    let broken = bursts.iter().any(|b| b.outcome == Outcome::Failed || !b.faults.is_empty());
    let outcome = if outcome == Outcome::Empty && broken { Outcome::Failed } else { outcome };
    Judgement {
        outcome,
        probability,
        frames,
        sightings,
        faults: faults(bursts),
        looked: Looked::all(bursts.iter().map(|b| b.looked)),
        spent: bursts.iter().fold(Spent::default(), |sum, b| Spent {
            decode: sum.decode + b.spent.decode,
            motion: sum.motion + b.spent.motion,
            detect: sum.detect + b.spent.detect,
            classify: sum.classify + b.spent.classify,
            second: sum.second + b.spent.second,
            network: sum.network + b.spent.network,
        }),
    }
}

fn by_tracks(
    bursts: &[Judgement],
    frames: &[FrameJudgement],
    probability: Score,
    taxonomy: Option<&Taxonomy>,
    settings: &Settings,
) -> (Outcome, Vec<Sighting>) {
    let any = |outcome| bursts.iter().any(|b| b.outcome == outcome);
    if any(Outcome::Sighting) || any(Outcome::Person) || any(Outcome::Vehicle) {
        let of = |outcomes: &[Outcome]| -> Vec<FrameJudgement> {
            let from = bursts.iter().flat_map(|b| b.frames.iter().map(|_| b.outcome));
            from.zip(frames).filter(|(o, _)| outcomes.contains(o)).map(|(_, frame)| frame.clone()).collect()
        };
        let alive = of(&[Outcome::Sighting, Outcome::Person, Outcome::Vehicle]);
        let heard = of(&[Outcome::Sighting, Outcome::Person, Outcome::Vehicle, Outcome::Uncertain]);
        let tracks: BTreeSet<u32> = alive.iter().flat_map(|f| f.detections.iter().map(|d| d.track)).collect();
        let mut sightings = decide::sightings(&heard, probability, taxonomy, settings);
        sightings.retain(|s| s.tracks.iter().any(|t| tracks.contains(t)));
        if sightings.is_empty() {
            sightings = decide::sightings(&alive, probability, taxonomy, settings);
        }
        return (decide::outcome(&heard, &sightings), sightings);
    }
    let outcome = [Outcome::Uncertain, Outcome::Failed, Outcome::Empty].into_iter().find(|&o| any(o));
    (outcome.unwrap_or(Outcome::Failed), Vec::new())
}

/// All frames in order, the tracks of each burst numbered after those before it.
fn joined(bursts: &[Judgement]) -> Vec<FrameJudgement> {
    let mut next = 0;
    let mut frames = Vec::with_capacity(bursts.iter().map(|b| b.frames.len()).sum());
    for burst in bursts {
        let first = next;
        for mut frame in burst.frames.iter().cloned() {
            for found in &mut frame.detections {
                found.track = found.track.saturating_add(first);
                next = next.max(found.track.saturating_add(1));
            }
            frames.push(frame);
        }
    }
    frames
}

fn highest(scores: impl Iterator<Item = Score>) -> Score {
    scores.fold(Score::ZERO, |a, b| if b > a { b } else { a })
}

fn faults(bursts: &[Judgement]) -> Vec<String> {
    if let [only] = bursts {
        return only.faults.clone();
    }
    let told = |(i, b): (usize, &Judgement)| {
        b.faults.iter().map(move |f| format!("burst {}: {f}", i + 1)).collect::<Vec<_>>()
    };
    bursts.iter().enumerate().flat_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::labels;
    use crate::units::BBox;
    use crate::vision::fence::Fence;
    use crate::vision::{Category, Detection, Source};

    fn tree() -> Taxonomy {
        let text = "label,scientific,rank,english,genus,family,order,class\n\
            fox,Vulpes vulpes,species,red fox,Vulpes,Canidae,Carnivora,Mammalia\n\
            wolf,Canis lupus,species,grey wolf,Canis,Canidae,Carnivora,Mammalia\n\
            hare,Lepus,genus,hare,Lepus,Leporidae,Lagomorpha,Mammalia\n";
        let labels = labels::parse(text, std::path::Path::new("t.csv")).unwrap();
        Taxonomy::new(labels, &Fence::default(), &Fence::default())
    }

    fn seen(category: Category, p: [f32; 3]) -> Detection {
        Detection {
            bbox: BBox::FULL,
            category,
            confidence: Score::new(0.9),
            moving: true,
            source: Source::Frame,
            track: 0,
            logits: Some(p.map(f32::ln).as_slice().into()),
            embedding: None,
        }
    }

    /// A burst of one frame.
    fn burst(outcome: Outcome, probability: f32, detections: Vec<Detection>) -> Judgement {
        let failed = (outcome == Outcome::Failed).then(|| "cut".to_owned());
        Judgement {
            outcome,
            probability: Score::new(probability),
            frames: vec![FrameJudgement { detections, failed, ..FrameJudgement::default() }],
            sightings: Vec::new(),
            faults: Vec::new(),
            looked: Looked::default(),
            spent: Spent { detect: 2.0, ..Spent::default() },
        }
    }

    fn rule() -> Rule {
        Rule::Tracks(Settings { temperature_single: 1.0, temperature_mean: 1.0, ..Settings::default() })
    }

    fn outcome_of(outcomes: &[Outcome]) -> Outcome {
        let detections = |o: Outcome| match o {
            Outcome::Sighting => vec![seen(Category::Animal, [0.9, 0.05, 0.05])],
            Outcome::Person => vec![seen(Category::Person, [1.0; 3])],
            Outcome::Vehicle => vec![seen(Category::Vehicle, [1.0; 3])],
            _ => vec![],
        };
        let bursts: Vec<_> = outcomes.iter().map(|&o| burst(o, 0.5, detections(o))).collect();
        merge(&bursts, Some(&tree()), &rule()).outcome
    }

    #[test]
    fn the_strongest_burst_gives_the_outcome() {
        use Outcome::*;
        assert_eq!(outcome_of(&[Empty, Failed, Sighting, Person]), Sighting);
        assert_eq!(outcome_of(&[Uncertain, Person, Vehicle]), Person);
        assert_eq!(outcome_of(&[Vehicle, Person, Vehicle]), Vehicle);
        assert_eq!(outcome_of(&[Empty, Failed, Uncertain]), Uncertain);
        assert_eq!(outcome_of(&[Empty, Failed, Empty]), Failed);
        assert_eq!(outcome_of(&[Empty, Empty]), Empty);
        assert_eq!(outcome_of(&[]), Failed);
    }

    #[test]
    fn the_label_is_recomputed_from_all_frames() {
        // Alone each burst is only a dog-like animal or a fox or hare; by hand fox .7, wolf sqrt(.28*.02)=.075,
        // hare sqrt(.02*.28)=.075 together: 0.7 of 0.85 = 0.82.
        let bursts = [
            burst(Outcome::Sighting, 0.9, vec![seen(Category::Animal, [0.7, 0.28, 0.02])]),
            burst(Outcome::Uncertain, 0.4, vec![seen(Category::Animal, [0.7, 0.28, 0.02])]),
            burst(Outcome::Sighting, 0.8, vec![seen(Category::Animal, [0.7, 0.02, 0.28])]),
            burst(Outcome::Sighting, 0.8, vec![seen(Category::Animal, [0.7, 0.02, 0.28])]),
        ];
        let merged = merge(&bursts, Some(&tree()), &rule());
        assert_eq!(merged.sightings.len(), 1);
        assert_eq!(merged.sightings[0].taxon, "Vulpes vulpes");
        assert!((merged.sightings[0].score.get() - 0.7 / (0.7 + 2.0 * 0.0056_f32.sqrt())).abs() < 1e-4);
        assert_eq!((merged.sightings[0].count, merged.probability.get()), (1, 0.9));
        let tracks: Vec<u32> = merged.frames.iter().map(|f| f.detections[0].track).collect();
        assert_eq!(tracks, [0, 1, 2, 3]);
        assert_eq!(merged.spent.detect, 8.0);
    }

    #[test]
    fn what_an_empty_burst_holds_is_not_counted() {
        let bursts = [
            burst(Outcome::Sighting, 0.9, vec![seen(Category::Animal, [0.9, 0.05, 0.05])]),
            burst(Outcome::Empty, 0.1, vec![seen(Category::Animal, [0.01, 0.01, 0.98])]),
        ];
        let merged = merge(&bursts, Some(&tree()), &rule());
        assert_eq!(merged.sightings.iter().map(|s| s.taxon.as_str()).collect::<Vec<_>>(), ["Vulpes vulpes"]);
        assert_eq!(merged.frames.len(), 2);
    }

    #[test]
    fn an_uncertain_burst_adds_evidence_but_never_a_sighting() {
        let unsure = || burst(Outcome::Uncertain, 0.4, vec![seen(Category::Animal, [0.02, 0.03, 0.95])]);
        let person = burst(Outcome::Person, 0.9, vec![seen(Category::Person, [1.0; 3])]);
        let merged = merge(&[unsure(), person], Some(&tree()), &rule());
        assert_eq!((merged.outcome, merged.sightings.len()), (Outcome::Person, 1));
        // Only motion was seen in the burst that is certain.
        let motion = burst(Outcome::Sighting, 0.9, vec![]);
        let merged = merge(&[unsure(), motion], Some(&tree()), &rule());
        assert_eq!(
            (merged.outcome, merged.sightings[0].taxon.as_str()),
            (Outcome::Sighting, labels::ANIMALIA)
        );
    }

    #[test]
    fn faults_say_their_burst_and_deepfaunes_rule_gives_one_label() {
        let mut bursts = [
            burst(Outcome::Sighting, 0.9, vec![seen(Category::Animal, [0.9, 0.05, 0.05])]),
            burst(Outcome::Sighting, 0.9, vec![seen(Category::Animal, [0.05, 0.05, 0.9])]),
        ];
        bursts[1].faults.push("the classifier failed".into());
        assert_eq!(merge(&bursts, Some(&tree()), &rule()).sightings.len(), 2);
        let theirs = merge(&bursts, Some(&tree()), &Rule::DeepFaune(deepfaune::Settings::default()));
        assert_eq!(theirs.sightings.len(), 1);
        assert_eq!(theirs.faults, ["burst 2: the classifier failed"]);
    }
}
