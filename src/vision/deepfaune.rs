//! DeepFaune's own rule (version 1.4.1), as a mode to compare with: one label for the whole sequence.
//!
//! ```text
//! no frame with a box                -> empty
//! at least one frame with an animal  -> the best animal box of each; mean of their logits over allowed classes;
//!                                       p = softmax(L / T), T = 1.10 for one frame and 1.04 for more;
//!                                       the best class if its p, cut to two decimals, reaches the threshold,
//!                                       else undefined (told here as an animal, the best class staying first of the top 5);
//!                                       a bird for certain gets the bird head's best class if that reaches it too
//! else                               -> human if on at least as many frames as vehicles, else vehicle
//! ```
//!
//! Classes are compared one by one, as DeepFaune does, without summing those of one taxon, roll-up or tracks. Three
//! things differ from it. An unreadable frame, which DeepFaune takes for an empty one, makes an otherwise empty
//! sequence `failed`. Classes that are no animal, of which DeepFaune's classifier has none, are deleted with those
//! that are not allowed. And its detectors' own thresholds (0.6 for its first, 0.5 for the later ones) are a setting.

use super::decide::{ANIMAL, PERSON, VEHICLE};
use super::taxonomy::{Taxonomy, softmax};
use super::traits::Traits;
use super::{Category, Detection, FrameJudgement, Sighting};
use crate::engine::labels::{ANIMALIA, Label, Lineage};
use crate::event::Outcome;
use crate::units::{Rank, Score};

/// What DeepFaune's window lets the user choose, and its constants.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Boxes below it are not there. Default 0.5, that of its later detectors (MDS, MDR); its first has 0.6.
    pub detector: f32,
    /// Least score of a class, else it is undefined. Default 0.8, its window's.
    pub threshold: f32,
    /// Temperature for a single frame with an animal. Default 1.10.
    pub temperature_single: f32,
    /// Temperature for several. Default 1.04.
    pub temperature_sequence: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { detector: 0.5, threshold: 0.8, temperature_single: 1.10, temperature_sequence: 1.04 }
    }
}

/// The one label of a sequence. Without a classifier any animal is an undefined one.
pub fn conclude(
    frames: &[FrameJudgement],
    taxonomy: Option<&Taxonomy>,
    settings: &Settings,
) -> (Outcome, Vec<Sighting>) {
    let best: Vec<Option<&Detection>> = frames.iter().map(|f| best_box(f, settings.detector)).collect();
    let frames_of = |category| best.iter().flatten().filter(|d| d.category == category).count();
    let (animals, people, vehicles) =
        (frames_of(Category::Animal), frames_of(Category::Person), frames_of(Category::Vehicle));
    if animals > 0 {
        let boxes = best.into_iter().flatten().filter(|d| d.category == Category::Animal);
        let logits: Vec<&[f32]> = boxes.filter_map(|d| d.logits.as_deref()).collect();
        let sighting = animal(&logits, count(frames, Category::Animal, settings), taxonomy, settings);
        (Outcome::Sighting, vec![sighting])
    } else if people + vehicles > 0 {
        let (outcome, category) = if people >= vehicles {
            (Outcome::Person, Category::Person)
        } else {
            (Outcome::Vehicle, Category::Vehicle)
        };
        (outcome, vec![human(category, count(frames, category, settings))])
    } else if frames.is_empty() || frames.iter().any(|f| f.failed.is_some()) {
        (Outcome::Failed, Vec::new())
    } else {
        (Outcome::Empty, Vec::new())
    }
}

/// The most confident animal box above the threshold, or if there is none the most confident of any kind.
fn best_box(frame: &FrameJudgement, threshold: f32) -> Option<&Detection> {
    let seen = || frame.detections.iter().filter(|d| d.confidence.get() >= threshold);
    let best = |a: &Detection, b: &Detection| a.confidence.get().total_cmp(&b.confidence.get());
    let animal = seen().filter(|d| d.category == Category::Animal).max_by(|a, b| best(a, b));
    animal.or_else(|| seen().max_by(|a, b| best(a, b)))
}

/// The largest number of boxes of `category` on one frame.
fn count(frames: &[FrameJudgement], category: Category, settings: &Settings) -> u16 {
    let counts = |d: &&Detection| d.category == category && d.confidence.get() >= settings.detector;
    let on = |f: &FrameJudgement| f.detections.iter().filter(counts).count();
    u16::try_from(frames.iter().map(on).max().unwrap_or(0)).unwrap_or(u16::MAX)
}

/// The sighting of an animal from the logits of its best boxes, one per frame.
fn animal(logits: &[&[f32]], count: u16, taxonomy: Option<&Taxonomy>, settings: &Settings) -> Sighting {
    let undefined = Sighting {
        taxon: ANIMALIA.into(),
        rank: Rank::Kingdom,
        label: ANIMAL.into(),
        score: Score::ZERO,
        count,
        top5: Vec::new(),
        tracks: Vec::new(),
        traits: Traits::default(),
        individuals: Vec::new(),
    };
    let Some(taxonomy) = taxonomy.filter(|_| !logits.is_empty()) else { return undefined };
    let temperature =
        if logits.len() > 1 { settings.temperature_sequence } else { settings.temperature_single };
    let own: Vec<&[f32]> = logits.iter().map(|l| taxonomy.own_part(l)).collect();
    let ranked = ranked(&own, taxonomy, temperature);
    let top5 = ranked.iter().take(5).map(|(l, p)| (l.name.clone(), Score::new(*p))).collect();
    let Some((label, p)) = ranked.first() else { return undefined };
    let score = truncated(*p);
    match &label.taxon {
        Some(taxon) if score.get() >= settings.threshold => {
            let (taxon, score) = refined(logits, taxon, taxonomy, settings).unwrap_or((taxon, score));
            Sighting {
                taxon: taxon.scientific.clone(),
                rank: taxon.rank,
                label: taxon.english.clone(),
                score,
                top5,
                ..undefined
            }
        }
        _ => Sighting { score, top5, ..undefined },
    }
}

/// The labels by the softmax of the mean logits over the allowed classes, the most probable first.
fn ranked<'a>(logits: &[&[f32]], taxonomy: &'a Taxonomy, temperature: f32) -> Vec<(&'a Label, f32)> {
    let classes = logits.first().map_or(0, |l| l.len());
    let mean = |class: usize| logits.iter().filter_map(|l| l.get(class)).sum::<f32>() / logits.len() as f32;
    let allowed: Vec<f32> =
        (0..classes)
            .map(|class| {
                if taxonomy.is_allowed_animal(class) { mean(class) / temperature } else { f32::NEG_INFINITY }
            })
            .collect();
    let mut ranked: Vec<(&Label, f32)> = taxonomy.labels().iter().zip(softmax(&allowed, 1.0)).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked
}

/// What a second head says of a label that holds, as its bird head of birds: the best class, if it reaches the
/// threshold as well.
fn refined<'a>(
    logits: &[&[f32]],
    first: &Lineage,
    taxonomy: &'a Taxonomy,
    settings: &Settings,
) -> Option<(&'a Lineage, Score)> {
    let heads = taxonomy.heads().iter().enumerate().filter(|(_, head)| head.refines(first));
    let answers = heads.filter_map(|(number, head)| {
        let asked: Vec<&[f32]> = logits.iter().filter_map(|l| taxonomy.part(l, number)).collect();
        let (label, p) = ranked(&asked, &head.taxonomy, head.temperature).into_iter().next()?;
        let finer = label.taxon.as_ref().filter(|t| t.rank < first.rank && t.is_within(&first.scientific))?;
        Some((finer, truncated(p)))
    });
    answers
        .filter(|(_, score)| score.get() >= settings.threshold)
        .max_by(|a, b| a.1.get().total_cmp(&b.1.get()))
}

/// DeepFaune cuts scores to two decimals.
fn truncated(p: f32) -> Score {
    Score::new((p * 100.0).trunc() / 100.0)
}

/// The sighting of people or vehicles; DeepFaune's score for them is 1.
fn human(category: Category, count: u16) -> Sighting {
    let (taxon, rank, label) = match category {
        Category::Vehicle => ("", Rank::Kingdom, VEHICLE),
        _ => ("Homo sapiens", Rank::Species, PERSON),
    };
    Sighting {
        taxon: taxon.into(),
        rank,
        label: label.into(),
        score: Score::ONE,
        count,
        top5: Vec::new(),
        tracks: Vec::new(),
        traits: Traits::default(),
        individuals: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::BBox;
    use crate::vision::Source;
    use crate::vision::fence::Fence;

    fn tree() -> Taxonomy {
        let text = "label,scientific,rank,english,genus,family,order,class\n\
            fox,Vulpes vulpes,species,red fox,Vulpes,Canidae,Carnivora,Mammalia\n\
            hare,Lepus,genus,hare,Lepus,Leporidae,Lagomorpha,Mammalia\n\
            stone,,,,,,,\n\
            wolf,Canis lupus,species,grey wolf,Canis,Canidae,Carnivora,Mammalia\n";
        let labels = crate::engine::labels::parse(text, std::path::Path::new("t.csv")).unwrap();
        let no_wolf = Fence { block: vec!["Canis lupus".into()], ..Fence::default() };
        Taxonomy::new(labels, &no_wolf, &Fence::default())
    }

    fn seen(category: Category, confidence: f32, logits: [f32; 4]) -> Detection {
        Detection {
            bbox: BBox::FULL,
            category,
            confidence: Score::new(confidence),
            moving: false,
            source: Source::Frame,
            track: 0,
            logits: Some(logits.as_slice().into()),
            embedding: None,
        }
    }

    fn told(frames: Vec<Vec<Detection>>) -> (Outcome, Vec<Sighting>) {
        let frame = |detections| FrameJudgement { detections, ..FrameJudgement::default() };
        let frames: Vec<_> = frames.into_iter().map(frame).collect();
        conclude(&frames, Some(&tree()), &Settings::default())
    }

    #[test]
    fn mean_logits_over_animal_frames_and_allowed_classes() {
        // The difference fox - hare is 3 and 1 on the two frames, 2 on average; wolf and stone are deleted.
        // By hand: 1 / (1 + exp(-2 / 1.04)) = 0.87247, cut to 0.87.
        let (outcome, sightings) = told(vec![
            vec![seen(Category::Animal, 0.9, [3.0, 0.0, 9.0, 9.0])],
            vec![],
            vec![seen(Category::Animal, 0.9, [1.0, 0.0, 9.0, 9.0])],
        ]);
        assert_eq!(outcome, Outcome::Sighting);
        assert_eq!((sightings[0].taxon.as_str(), sightings[0].score.get()), ("Vulpes vulpes", 0.87));
    }

    #[test]
    fn below_the_threshold_it_is_undefined_and_the_best_class_is_kept() {
        // One frame: 1 / (1 + exp(-1.5 / 1.10)) = 0.79633, cut to 0.79, under 0.8.
        let (outcome, sightings) = told(vec![vec![seen(Category::Animal, 0.9, [1.5, 0.0, 0.0, 0.0])]]);
        assert_eq!((outcome, sightings[0].taxon.as_str()), (Outcome::Sighting, ANIMALIA));
        assert_eq!((sightings[0].score.get(), sightings[0].top5[0].0.as_str()), (0.79, "fox"));
    }

    #[test]
    fn only_the_best_animal_box_of_a_frame_is_heard_and_animals_outrank_people() {
        let (_, sightings) = told(vec![vec![
            seen(Category::Person, 0.99, [0.0; 4]),
            seen(Category::Animal, 0.6, [0.0, 9.0, 0.0, 0.0]),
            seen(Category::Animal, 0.7, [9.0, 0.0, 0.0, 0.0]),
        ]]);
        assert_eq!((sightings[0].taxon.as_str(), sightings[0].count), ("Vulpes vulpes", 2));
        assert_eq!(sightings.len(), 1);
    }

    #[test]
    fn people_win_a_draw_against_vehicles_and_weak_boxes_are_not_there() {
        let person = || vec![seen(Category::Person, 0.9, [0.0; 4])];
        let car = || vec![seen(Category::Vehicle, 0.9, [0.0; 4])];
        assert_eq!(told(vec![person(), car()]).0, Outcome::Person);
        assert_eq!(told(vec![person(), car(), car()]).0, Outcome::Vehicle);
        assert_eq!(told(vec![vec![seen(Category::Animal, 0.49, [0.0; 4])], vec![]]).0, Outcome::Empty);
    }

    #[test]
    fn an_unreadable_frame_is_not_an_empty_one() {
        let bad = FrameJudgement { failed: Some("cut".into()), ..FrameJudgement::default() };
        let frames = [bad, FrameJudgement::default()];
        assert_eq!(conclude(&frames, None, &Settings::default()).0, Outcome::Failed);
    }
}
