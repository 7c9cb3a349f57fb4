//! SpeciesNet's own rule, as a mode to compare with: what detector and classifier say of one photo becomes one answer.
//!
//! Source: google/cameratrapai at 6520b836, `ensemble_prediction_combiner.py`. With d the score of the best box and c
//! that of the best class, all comparisons strict, the first that holds answers:
//!
//! ```text
//! human box    d > 0.7                                             -> human, d
//!              d > 0.2 and class human or vehicle, c > 0.5         -> human, c
//! vehicle box  d > 0.2 and class human, c > 0.5                    -> human, c
//!              d > 0.7                                             -> vehicle, d
//!              d > 0.2 and class vehicle, c > 0.4                  -> vehicle, c
//! class blank  c > 0.99, or c > 0.5 and d < 0.2                    -> blank, c
//! other class  c > 0.8, or c > 0.65 and an animal box, d > 0.2     -> that class; where the geofence forbids it, the
//!                                                                     first of family, order, class, kingdom whose
//!                                                                     best permitted sum reaches c
//! otherwise    the first of genus, family, order, class, kingdom whose best permitted sum of the top five
//!              exceeds 0.65                                        -> that taxon
//!              animal box, d > 0.5                                 -> animal, d
//!              else                                                -> unknown, c
//! ```
//!
//! The labels are told apart by their lines in the label file: `blank` and `vehicle` by name, humans by *Homo sapiens*.
//! Three things differ from SpeciesNet. A higher rank is permitted where any label below it is, and any rank named in
//! the label file can be answered (SpeciesNet has a list for both). A photo without a box above 0.2 that was not
//! classified is blank: SpeciesNet classifies every photo, Trapline those that hold something. And SpeciesNet knows no
//! sequences: here the answer on most frames that is neither blank nor unknown counts, the highest score among equals.

use std::fmt;

use super::decide::{ANIMAL, PERSON, VEHICLE};
use super::taxonomy::{Taxonomy, softmax};
use super::traits::Traits;
use super::{Category, Detection, FrameJudgement, Sighting};
use crate::engine::labels::{ANIMALIA, Lineage};
use crate::event::Outcome;
use crate::units::{Rank, Score};

/// A box below it has no say; the least detector score SpeciesNet asks for.
const HEARD: f32 = 0.2;

/// A person or vehicle box above it needs no second opinion.
const SURE: f32 = 0.7;

/// Classes that are summed: SpeciesNet's classifier gives its five best.
const TOP: usize = 5;

/// A sum must exceed it for a higher rank to be answered.
const ROLL_UP: f32 = 0.65;

/// Ranks that are tried, finest first; the kingdom stands for any animal.
const LEVELS: [Rank; 5] = [Rank::Genus, Rank::Family, Rank::Order, Rank::Class, Rank::Kingdom];

/// What SpeciesNet makes of one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What it shows.
    pub what: What,
    /// Score of the network that said so; of a roll-up, the sum.
    pub score: f32,
    /// Who said so.
    pub source: Source,
}

/// What a photo shows.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Nothing.
    Blank,
    /// A human.
    Human,
    /// A vehicle.
    Vehicle,
    /// An animal of this taxon; `Animalia` where nothing finer is known.
    Animal(Lineage),
    /// Nothing that any rule accepts.
    Unknown,
}

/// Who an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The detector.
    Detector,
    /// The classifier.
    Classifier,
    /// The classifier, its classes summed at this rank.
    RolledUp(Rank),
    /// The same, because the best class cannot live here.
    Fenced(Rank),
    /// The best class cannot live here and no rank above it can.
    FencedOut,
}

impl fmt::Display for Source {
    /// As SpeciesNet writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Detector => f.write_str("detector"),
            Source::Classifier => f.write_str("classifier"),
            Source::RolledUp(rank) => write!(f, "classifier+rollup_to_{}", rank.as_str()),
            Source::Fenced(rank) => write!(f, "classifier+geofence+rollup_to_{}", rank.as_str()),
            Source::FencedOut => f.write_str("classifier+geofence+rollup_failed"),
        }
    }
}

/// One of the classifier's labels.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Blank,
    Human,
    Vehicle,
    Other,
}

/// Answers for one photo. `taxonomy`: the classifier's labels under the site's geofence.
pub fn answer(frame: &FrameJudgement, taxonomy: Option<&Taxonomy>) -> Answer {
    let best = frame.detections.iter().max_by(|a, b| a.confidence.get().total_cmp(&b.confidence.get()));
    let (category, d) = best.map_or((Category::Animal, 0.0), |b| (b.category, b.confidence.get()));
    let Some((taxonomy, ranked)) =
        taxonomy.and_then(|t| Some((t, ranked(t.own_part(best.and_then(|b| b.logits.as_deref())?)))))
    else {
        return match category {
            Category::Person if d > SURE => detector(What::Human, d),
            Category::Vehicle if d > SURE => detector(What::Vehicle, d),
            Category::Animal if d > 0.5 => detector(What::Animal(animalia()), d),
            _ if d <= HEARD => Answer { what: What::Blank, score: 1.0 - d, source: Source::Detector },
            _ => Answer { what: What::Unknown, score: 0.0, source: Source::Classifier },
        };
    };
    let (top, c) = ranked.first().copied().unwrap_or((0, 0.0));
    let class = class(taxonomy, top);
    let said = |what, score| Answer { what, score, source: Source::Classifier };
    match (category, class) {
        (Category::Person, _) if d > SURE => return detector(What::Human, d),
        (Category::Person, Class::Human | Class::Vehicle) if d > HEARD && c > 0.5 => {
            return said(What::Human, c);
        }
        (Category::Vehicle, Class::Human) if d > HEARD && c > 0.5 => return said(What::Human, c),
        (Category::Vehicle, _) if d > SURE => return detector(What::Vehicle, d),
        (Category::Vehicle, Class::Vehicle) if d > HEARD && c > 0.4 => return said(What::Vehicle, c),
        _ => {}
    }
    match class {
        Class::Blank if c > 0.99 || (c > 0.5 && d < HEARD) => return said(What::Blank, c),
        Class::Other if c > 0.8 || (c > 0.65 && category == Category::Animal && d > HEARD) => {
            return fenced(taxonomy, &ranked, top, c);
        }
        _ => {}
    }
    match roll_up(taxonomy, &ranked, &LEVELS, |sum| sum > ROLL_UP) {
        Some((taxon, rank, score)) => {
            Answer { what: What::Animal(taxon), score, source: Source::RolledUp(rank) }
        }
        None if category == Category::Animal && d > 0.5 => detector(What::Animal(animalia()), d),
        None => said(What::Unknown, c),
    }
}

fn detector(what: What, score: f32) -> Answer {
    Answer { what, score, source: Source::Detector }
}

/// The five most probable classes with their probabilities.
fn ranked(logits: &[f32]) -> Vec<(usize, f32)> {
    let mut ranked: Vec<(usize, f32)> = softmax(logits, 1.0).into_iter().enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.truncate(TOP);
    ranked
}

fn class(taxonomy: &Taxonomy, output: usize) -> Class {
    match taxonomy.labels().get(output).map(|label| (label.name.as_str(), &label.taxon)) {
        Some((_, Some(taxon))) if taxon.scientific == "Homo sapiens" => Class::Human,
        Some(("blank", None)) => Class::Blank,
        Some(("vehicle", None)) => Class::Vehicle,
        _ => Class::Other,
    }
}

/// The best class where it is permitted, else the first rank above its genus that is.
fn fenced(taxonomy: &Taxonomy, ranked: &[(usize, f32)], top: usize, c: f32) -> Answer {
    match taxonomy.own(top) {
        Some((taxon, true)) => {
            Answer { what: What::Animal(taxon.clone()), score: c, source: Source::Classifier }
        }
        // SpeciesNet asks for more than `c - 1e-10`.
        Some((_, false)) => match roll_up(taxonomy, ranked, &LEVELS[1..], |sum| sum >= c) {
            Some((taxon, rank, score)) => {
                Answer { what: What::Animal(taxon), score, source: Source::Fenced(rank) }
            }
            None => Answer { what: What::Unknown, score: c, source: Source::FencedOut },
        },
        None => Answer { what: What::Unknown, score: c, source: Source::Classifier },
    }
}

/// The best permitted taxon of the first of `levels` where `enough` holds of its sum.
fn roll_up(
    taxonomy: &Taxonomy,
    ranked: &[(usize, f32)],
    levels: &[Rank],
    enough: impl Fn(f32) -> bool,
) -> Option<(Lineage, Rank, f32)> {
    levels.iter().find_map(|&rank| {
        let mut sums: Vec<(Lineage, f32)> = Vec::with_capacity(TOP);
        for &(output, p) in ranked {
            let above = match rank {
                Rank::Kingdom => taxonomy.own(output).map(|_| animalia()),
                _ => taxonomy.above(output, rank).filter(|(_, permitted)| *permitted).map(|(t, _)| t.clone()),
            };
            let Some(taxon) = above else { continue };
            match sums.iter_mut().find(|(t, _)| t.scientific == taxon.scientific) {
                Some((_, sum)) => *sum += p,
                None => sums.push((taxon, p)),
            }
        }
        // The first of equals, as SpeciesNet's strict comparison has it.
        let best = sums.into_iter().reduce(|best, next| if next.1 > best.1 { next } else { best })?;
        enough(best.1).then_some((best.0, rank, best.1))
    })
}

fn animalia() -> Lineage {
    Lineage {
        scientific: ANIMALIA.into(),
        english: ANIMAL.into(),
        rank: Rank::Kingdom,
        genus: String::new(),
        family: String::new(),
        order: String::new(),
        class: String::new(),
    }
}

/// The one label of a sequence.
pub fn conclude(frames: &[FrameJudgement], taxonomy: Option<&Taxonomy>) -> (Outcome, Vec<Sighting>) {
    let read: Vec<(&FrameJudgement, Answer)> =
        frames.iter().filter(|f| f.failed.is_none()).map(|f| (f, answer(f, taxonomy))).collect();
    let told = |answer: &Answer| !matches!(answer.what, What::Blank | What::Unknown);
    let votes = |what: &What| read.iter().filter(|(_, a)| a.what == *what).count();
    let winner = read
        .iter()
        .filter(|(_, a)| told(a))
        .max_by(|(_, a), (_, b)| votes(&a.what).cmp(&votes(&b.what)).then(a.score.total_cmp(&b.score)));
    let Some((frame, winner)) = winner else {
        let unknown = read.iter().any(|(_, a)| a.what == What::Unknown);
        let failed = read.is_empty() || read.len() < frames.len();
        let outcome = match (unknown, failed) {
            (true, _) => Outcome::Uncertain,
            (false, true) => Outcome::Failed,
            (false, false) => Outcome::Empty,
        };
        return (outcome, Vec::new());
    };
    let (outcome, category, taxon, rank, label) = match &winner.what {
        What::Human => (Outcome::Person, Category::Person, "Homo sapiens", Rank::Species, PERSON),
        What::Vehicle => (Outcome::Vehicle, Category::Vehicle, "", Rank::Kingdom, VEHICLE),
        What::Animal(t) => {
            (Outcome::Sighting, Category::Animal, t.scientific.as_str(), t.rank, t.english.as_str())
        }
        What::Blank | What::Unknown => return (Outcome::Uncertain, Vec::new()),
    };
    let sighting = Sighting {
        taxon: taxon.into(),
        rank,
        label: label.into(),
        score: Score::new(winner.score),
        count: count(frames, category),
        top5: top5(frame, taxonomy),
        tracks: Vec::new(),
        traits: Traits::default(),
        individuals: Vec::new(),
    };
    (outcome, vec![sighting])
}

/// The largest number of boxes of `category` above 0.2 on one frame, at least 1.
fn count(frames: &[FrameJudgement], category: Category) -> u16 {
    let counts = |d: &&Detection| d.category == category && d.confidence.get() > HEARD;
    let on = |f: &FrameJudgement| f.detections.iter().filter(counts).count();
    u16::try_from(frames.iter().map(on).max().unwrap_or(0)).unwrap_or(u16::MAX).max(1)
}

fn top5(frame: &FrameJudgement, taxonomy: Option<&Taxonomy>) -> Vec<(String, Score)> {
    let best = frame.detections.iter().max_by(|a, b| a.confidence.get().total_cmp(&b.confidence.get()));
    match (best.and_then(|b| b.logits.as_deref()), taxonomy) {
        (Some(logits), Some(taxonomy)) => taxonomy.top(logits, 1.0, TOP),
        _ => Vec::new(),
    }
}
