//! From judged boxes to sightings: what was seen, how many, and what the burst is.
//!
//! 1. A track counts when its best box reaches the floor; its weaker boxes then count with it.
//! 2. Per animal the raw logits are averaged over its boxes (never over empty frames), the softmax taken with
//!    DeepFaune's temperature over the allowed classes, and the result named by [`Taxonomy::name`]; where a second
//!    head was asked, its finer name is taken if it is certain (`second`).
//! 3. Tracks never seen at once whose names agree (one is the other, or contains it) are taken for pieces of one
//!    animal: their logits are averaged together, as DeepFaune does over a whole sequence. The common name is kept
//!    unless a piece alone had a finer one. Where a vague piece agrees with two different species it stays alone.
//! 4. Animals of one taxon are one sighting; its count is the largest number at once. Two species are two sightings, and
//!    so are young and old where a network tells them apart (`traits`).
//! 5. People and vehicles are the detector's word. They are sightings of their own beside the animals', where
//!    DeepFaune drops them; the outcome is a sighting as soon as there is an animal, as in DeepFaune.

use std::collections::BTreeMap;

use super::fuse::Verdict;
use super::individual::{Animal, Track, join, tracks};
use super::taxonomy::{Taxonomy, Thresholds};
use super::traits::Traits;
use super::{Category, FrameJudgement, Sighting, track};
use crate::engine::labels::ANIMALIA;
use crate::event::Outcome;
use crate::units::{Rank, Score};

/// Labels kept of the classifier's own, SpeciesNet's number.
const TOP: usize = 5;

/// What makes a box count and a name hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Least confidence of a track's best box, 0..=1. Default 0.2: above it SpeciesNet takes its detector's word for
    /// an animal.
    pub floor: f32,
    /// When a taxon is named.
    pub thresholds: Thresholds,
    /// Divides the logits of an animal with a single classified box. Default 1.10, DeepFaune's for one image; a
    /// model's manifest may say otherwise.
    pub temperature_single: f32,
    /// Divides the mean logits of several boxes. Default 1.04, DeepFaune's for a sequence.
    pub temperature_mean: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            floor: 0.2,
            thresholds: Thresholds::default(),
            temperature_single: 1.10,
            temperature_mean: 1.04,
        }
    }
}

impl Settings {
    /// Why these numbers cannot be used, naming the key; `None` when they can.
    pub fn fault(&self) -> Option<&'static str> {
        let share = |v: f32| (0.0..=1.0).contains(&v);
        let thresholds = &self.thresholds;
        if !share(self.floor) {
            Some("floor must be 0..=1")
        } else if !share(thresholds.species) || !thresholds.overrides.values().all(|&v| share(v)) {
            Some("species thresholds must be 0..=1")
        } else if !share(thresholds.rollup) {
            Some("rollup must be 0..=1")
        } else if ![self.temperature_single, self.temperature_mean].iter().all(|&t| t.is_finite() && t > 0.0)
        {
            Some("temperatures must be above 0")
        } else {
            None
        }
    }
}

/// What the burst is, and what was seen in it. `probability`: that something living or a vehicle is in it;
/// `verdict`: what the fusion makes of that.
///
/// Nothing but judged frames makes a burst empty: with any failed frame or any fault it is `failed` instead.
pub fn conclude(
    frames: &[FrameJudgement],
    faults: &[String],
    probability: Score,
    verdict: Verdict,
    taxonomy: Option<&Taxonomy>,
    settings: &Settings,
) -> (Outcome, Vec<Sighting>) {
    let failed = frames.iter().filter(|f| f.failed.is_some()).count();
    match verdict {
        _ if failed == frames.len() => (Outcome::Failed, Vec::new()),
        Verdict::Alive => {
            let sightings = sightings(frames, probability, taxonomy, settings);
            (outcome(frames, &sightings), sightings)
        }
        Verdict::Uncertain => (Outcome::Uncertain, Vec::new()),
        Verdict::Empty if failed > 0 || !faults.is_empty() => (Outcome::Failed, Vec::new()),
        Verdict::Empty => (Outcome::Empty, Vec::new()),
    }
}

/// Everything seen on `frames`, whose boxes are linked to tracks and (with a classifier) carry logits; the most
/// certain first, never nothing: where no box reaches the floor the best one counts, and without any box an animal
/// of which only motion is known. `probability` is the score of what is only known to be an animal.
pub fn sightings(
    frames: &[FrameJudgement],
    probability: Score,
    taxonomy: Option<&Taxonomy>,
    settings: &Settings,
) -> Vec<Sighting> {
    let mut tracks = tracks(frames);
    let best = tracks.values().map(|t| t.confidence).fold(Score::ZERO, |a, b| if b > a { b } else { a });
    let floor = best.get().min(settings.floor);
    tracks.retain(|_, t| t.confidence.get() >= floor);

    let animals = tracks.values().filter(|t| t.category == Category::Animal);
    let animals = join(animals.map(|t| Animal::new(t, taxonomy, settings)).collect(), taxonomy, settings);
    let mut seen = by_taxon(frames, animals, probability, taxonomy, settings);
    for category in [Category::Person, Category::Vehicle] {
        let of: Vec<&Track> = tracks.values().filter(|t| t.category == category).collect();
        seen.extend(human(frames, category, &of));
    }
    if seen.is_empty() {
        seen.push(unnamed(probability, 1, Vec::new(), Vec::new()));
    }
    seen.sort_by(|a, b| b.score.get().total_cmp(&a.score.get()));
    seen
}

/// A sighting if there is an animal; else people if they are on at least as many frames as vehicles (DeepFaune's
/// rule), else vehicles.
pub fn outcome(frames: &[FrameJudgement], sightings: &[Sighting]) -> Outcome {
    let frames_with = |label: &str| {
        let tracks: Vec<u32> =
            sightings.iter().filter(|s| s.label == label).flat_map(|s| s.tracks.iter().copied()).collect();
        frames.iter().filter(|f| f.detections.iter().any(|d| tracks.contains(&d.track))).count()
    };
    if sightings.iter().any(|s| s.label != PERSON && s.label != VEHICLE) {
        Outcome::Sighting
    } else if frames_with(PERSON) >= frames_with(VEHICLE) {
        Outcome::Person
    } else {
        Outcome::Vehicle
    }
}

/// Label of people.
pub const PERSON: &str = "person";
/// Label of vehicles.
pub const VEHICLE: &str = "vehicle";
/// Label of an animal of which nothing finer is known.
pub const ANIMAL: &str = "animal";

/// One sighting per taxon.
fn by_taxon(
    frames: &[FrameJudgement],
    animals: Vec<Animal>,
    probability: Score,
    taxonomy: Option<&Taxonomy>,
    settings: &Settings,
) -> Vec<Sighting> {
    kinds(animals, taxonomy)
        .into_iter()
        .filter_map(|mut group| {
            group.sort_by(|(a, _), (b, _)| b.score().total_cmp(&a.score()));
            let traits = Traits::together(group.iter().map(|(_, traits)| traits));
            let group: Vec<Animal> = group.into_iter().map(|(animal, _)| animal).collect();
            let mut tracks: Vec<u32> = group.iter().flat_map(|a| a.tracks.iter().copied()).collect();
            tracks.sort_unstable();
            let count = track::at_once(frames, &tracks);
            let best = group.first()?;
            let mean = taxonomy.and_then(|t| Some((t, best.mean(t, settings)?)));
            let top5 =
                mean.map(|(t, (mean, temperature))| t.top(&mean, temperature, TOP)).unwrap_or_default();
            let Some(name) = &best.name else {
                return Some(Sighting { traits, ..unnamed(probability, count, top5, tracks) });
            };
            Some(Sighting {
                taxon: name.taxon.scientific.clone(),
                rank: name.taxon.rank,
                label: name.taxon.english.clone(),
                score: name.score,
                count,
                top5,
                tracks,
                traits,
                individuals: Vec::new(),
            })
        })
        .collect()
}

/// The animals of one taxon by their life stage, where that is known.
type Stages = BTreeMap<Option<String>, Vec<(Animal, Traits)>>;

/// Animals of one taxon together; where some are known to be of another life stage than others, each stage by itself,
/// and those of which that is not known with the most numerous.
fn kinds(animals: Vec<Animal>, taxonomy: Option<&Taxonomy>) -> Vec<Vec<(Animal, Traits)>> {
    let mut kinds: BTreeMap<String, Stages> = BTreeMap::new();
    for animal in animals {
        let traits = taxonomy.map(|t| animal.traits(t)).unwrap_or_default();
        let stages = kinds.entry(animal.taxon().to_owned()).or_default();
        stages.entry(traits.life_stage.clone()).or_default().push((animal, traits));
    }
    for stages in kinds.values_mut() {
        let unknown = stages.remove(&None).unwrap_or_default();
        let most = stages.iter().max_by_key(|(_, group)| group.len()).and_then(|(stage, _)| stage.clone());
        stages.entry(most).or_default().extend(unknown);
    }
    kinds.into_values().flat_map(BTreeMap::into_values).collect()
}

/// An animal of which nothing finer is known.
fn unnamed(score: Score, count: u16, top5: Vec<(String, Score)>, tracks: Vec<u32>) -> Sighting {
    Sighting {
        taxon: ANIMALIA.into(),
        rank: Rank::Kingdom,
        label: ANIMAL.into(),
        score,
        count,
        top5,
        tracks,
        traits: Traits::default(),
        individuals: Vec::new(),
    }
}

/// The people, or the vehicles; nothing if there are none.
fn human(frames: &[FrameJudgement], category: Category, of: &[&Track<'_>]) -> Option<Sighting> {
    let score = of.iter().map(|t| t.confidence).reduce(|a, b| if b > a { b } else { a })?;
    let tracks: Vec<u32> = of.iter().map(|t| t.number).collect();
    let (taxon, rank, label) = match category {
        Category::Vehicle => ("", Rank::Kingdom, VEHICLE),
        _ => ("Homo sapiens", Rank::Species, PERSON),
    };
    Some(Sighting {
        taxon: taxon.into(),
        rank,
        label: label.into(),
        score,
        count: track::at_once(frames, &tracks),
        top5: Vec::new(),
        tracks,
        traits: Traits::default(),
        individuals: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::BBox;
    use crate::vision::fence::Fence;
    use crate::vision::{Detection, Source};

    /// fox, kit fox, hare, stone.
    fn tree() -> Taxonomy {
        let text = "label,scientific,rank,english,genus,family,order,class\n\
            fox,Vulpes vulpes,species,red fox,Vulpes,Canidae,Carnivora,Mammalia\n\
            kit,Vulpes macrotis,species,kit fox,Vulpes,Canidae,Carnivora,Mammalia\n\
            hare,Lepus,genus,hare,Lepus,Leporidae,Lagomorpha,Mammalia\n\
            stone,,,,,,,\n";
        let labels = crate::engine::labels::parse(text, std::path::Path::new("t.csv")).unwrap();
        Taxonomy::new(labels, &Fence::default(), &Fence::default())
    }

    /// Temperatures of 1, so that logits `ln p` give p back.
    fn settings() -> Settings {
        Settings { temperature_single: 1.0, temperature_mean: 1.0, ..Settings::default() }
    }

    fn seen(category: Category, track: u32, confidence: f32, p: Option<[f32; 4]>) -> Detection {
        Detection {
            bbox: BBox::FULL,
            category,
            confidence: Score::new(confidence),
            moving: true,
            source: Source::Frame,
            track,
            logits: p.map(|p| p.map(f32::ln).into()),
            embedding: None,
        }
    }

    fn animal(track: u32, p: [f32; 4]) -> Detection {
        seen(Category::Animal, track, 0.9, Some(p))
    }

    fn frames(detections: Vec<Vec<Detection>>) -> Vec<FrameJudgement> {
        let frame = |detections| FrameJudgement { detections, ..FrameJudgement::default() };
        detections.into_iter().map(frame).collect()
    }

    /// Taxon, score in hundredths and count of each sighting.
    fn told(frames: &[FrameJudgement]) -> Vec<(String, i32, u16)> {
        sightings(frames, Score::new(0.97), Some(&tree()), &settings())
            .into_iter()
            .map(|s| (s.taxon, (s.score.get() * 100.0).round() as i32, s.count))
            .collect()
    }

    const FOX: [f32; 4] = [0.9, 0.05, 0.03, 0.02];
    const HARE: [f32; 4] = [0.02, 0.02, 0.95, 0.01];
    const VAGUE: [f32; 4] = [0.3, 0.1, 0.2, 0.4];

    #[test]
    fn logits_are_averaged_over_the_frames_that_show_the_animal() {
        // Geometric means by hand: fox sqrt(.6*.9)=.7348, kit sqrt(.3*.05)=.1225, hare sqrt(.05*.04)=.0447,
        // stone sqrt(.05*.01)=.0224; fox .7348 of .9244 = 0.795 is under 0.8, the foxes together are 0.93.
        let burst = frames(vec![
            vec![animal(0, [0.6, 0.3, 0.05, 0.05])],
            vec![],
            vec![animal(0, [0.9, 0.05, 0.04, 0.01])],
        ]);
        assert_eq!(told(&burst), [("Vulpes".to_owned(), 93, 1)]);
    }

    #[test]
    fn the_temperature_depends_on_the_number_of_classified_boxes() {
        let of = |boxes: Vec<Vec<Detection>>| {
            let seen = sightings(&frames(boxes), Score::ONE, Some(&tree()), &Settings::default());
            seen[0].score.get()
        };
        // softmax(ln p / T) is p^(1/T) over its sum.
        let p = |t: f64| {
            let w: Vec<f64> = FOX.iter().map(|&p| f64::from(p).powf(1.0 / t)).collect();
            w[0] / w.iter().sum::<f64>()
        };
        assert!((f64::from(of(vec![vec![animal(0, FOX)]])) - p(1.10)).abs() < 1e-5);
        assert!((f64::from(of(vec![vec![animal(0, FOX)], vec![animal(0, FOX)]])) - p(1.04)).abs() < 1e-5);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        assert_eq!(Settings::default().fault(), None);
        let cold = Settings { temperature_mean: 0.0, ..Settings::default() };
        assert_eq!(cold.fault(), Some("temperatures must be above 0"));
        let mut strict = Settings::default();
        strict.thresholds.overrides.insert("Lynx".into(), 95.0);
        assert_eq!(strict.fault(), Some("species thresholds must be 0..=1"));
        assert_eq!(Settings { floor: f32::NAN, ..Settings::default() }.fault(), Some("floor must be 0..=1"));
        strict = Settings::default();
        strict.thresholds.rollup = -0.1;
        assert_eq!(strict.fault(), Some("rollup must be 0..=1"));
    }

    #[test]
    fn two_species_are_two_sightings_and_a_herd_is_counted() {
        let burst = frames(vec![
            vec![animal(0, FOX), animal(1, HARE), animal(2, HARE)],
            vec![animal(0, FOX), animal(1, HARE)],
        ]);
        assert_eq!(told(&burst), [("Lepus".to_owned(), 95, 2), ("Vulpes vulpes".to_owned(), 90, 1)]);
    }

    #[test]
    fn pieces_of_one_animal_are_joined_unless_seen_at_once() {
        let apart = frames(vec![vec![animal(0, FOX)], vec![animal(1, VAGUE)]]);
        assert_eq!(told(&apart), [("Vulpes vulpes".to_owned(), 90, 1)]);
        let at_once = frames(vec![vec![animal(0, FOX), animal(1, VAGUE)]]);
        assert_eq!(told(&at_once), [("Animalia".to_owned(), 97, 1), ("Vulpes vulpes".to_owned(), 90, 1)]);
        // It may be either of the two, so it stays alone.
        let either = frames(vec![vec![animal(0, FOX), animal(1, HARE)], vec![animal(2, VAGUE)]]);
        assert_eq!(told(&either).len(), 3);
    }

    #[test]
    fn pieces_that_agree_are_more_certain_together() {
        // Each alone is only some fox; by hand together fox sqrt(.6*.6)=.6, kit sqrt(.3*.02)=.077,
        // hare sqrt(.02*.3)=.077, stone sqrt(.08*.08)=.08: 0.6 of 0.835 = 0.72 for the foxes 0.81.
        let burst =
            frames(vec![vec![animal(0, [0.6, 0.3, 0.02, 0.08])], vec![animal(1, [0.6, 0.02, 0.3, 0.08])]]);
        assert_eq!(told(&burst), [("Vulpes".to_owned(), 81, 1)]);
    }

    #[test]
    fn weak_boxes_count_only_with_their_track_or_when_there_is_nothing_else() {
        let weak = |track, p| seen(Category::Animal, track, 0.1, Some(p));
        let carried = frames(vec![vec![animal(0, FOX)], vec![weak(0, FOX), weak(1, HARE)]]);
        assert_eq!(told(&carried), [("Vulpes vulpes".to_owned(), 90, 1)]);
        assert_eq!(told(&frames(vec![vec![weak(1, HARE)]])), [("Lepus".to_owned(), 95, 1)]);
        assert_eq!(told(&frames(vec![vec![]])), [("Animalia".to_owned(), 97, 1)]);
    }

    #[test]
    fn without_a_classifier_it_is_an_animal() {
        let burst = frames(vec![vec![seen(Category::Animal, 0, 0.8, None)]]);
        let seen = sightings(&burst, Score::new(0.75), None, &settings());
        assert_eq!(
            (seen[0].taxon.as_str(), seen[0].rank, seen[0].label.as_str()),
            (ANIMALIA, Rank::Kingdom, ANIMAL)
        );
        assert_eq!((seen[0].score.get(), seen[0].tracks.as_slice()), (0.75, [0].as_slice()));
    }

    #[test]
    fn the_networks_own_labels_are_kept() {
        let burst = frames(vec![vec![animal(0, [0.1, 0.2, 0.3, 0.4])]]);
        let seen = sightings(&burst, Score::ONE, Some(&tree()), &settings());
        let names: Vec<&str> = seen[0].top5.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, ["stone", "hare", "kit", "fox"]);
    }

    #[test]
    fn people_and_vehicles_beside_an_animal_are_told_and_the_outcome_is_a_sighting() {
        let person = |track| seen(Category::Person, track, 0.8, None);
        let car = |track| seen(Category::Vehicle, track, 0.7, None);
        let outcome_of = |detections| {
            let frames = frames(detections);
            let seen = sightings(&frames, Score::ONE, Some(&tree()), &settings());
            (outcome(&frames, &seen), seen.len())
        };
        assert_eq!(outcome_of(vec![vec![animal(0, FOX), person(1)]]), (Outcome::Sighting, 2));
        assert_eq!(outcome_of(vec![vec![person(1)], vec![car(2)]]), (Outcome::Person, 2));
        assert_eq!(outcome_of(vec![vec![person(1), car(2)], vec![car(2)]]), (Outcome::Vehicle, 2));
    }

    #[test]
    fn a_failed_frame_or_a_fault_never_makes_an_empty() {
        let told = |frames: &[FrameJudgement], faults: &[String], verdict| {
            conclude(frames, faults, Score::ONE, verdict, None, &settings()).0
        };
        let good = FrameJudgement::default();
        let bad = FrameJudgement { failed: Some("cut".into()), ..FrameJudgement::default() };
        assert_eq!(told(std::slice::from_ref(&good), &[], Verdict::Empty), Outcome::Empty);
        assert_eq!(told(&[good.clone(), bad.clone()], &[], Verdict::Empty), Outcome::Failed);
        assert_eq!(told(std::slice::from_ref(&good), &["detector".into()], Verdict::Empty), Outcome::Failed);
        assert_eq!(told(&[good.clone(), bad.clone()], &[], Verdict::Uncertain), Outcome::Uncertain);
        assert_eq!(told(&[good, bad.clone()], &[], Verdict::Alive), Outcome::Sighting);
        assert_eq!(told(&[bad], &[], Verdict::Alive), Outcome::Failed);
        assert_eq!(told(&[], &[], Verdict::Empty), Outcome::Failed);
    }
}
