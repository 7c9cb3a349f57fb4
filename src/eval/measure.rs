//! The numbers: confusion, sensitivity and specificity per class, what was dropped, accuracy against coverage.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::cases::{Case, Cases, Fit};
use super::truth::{Meaning, Truth};
use crate::event::Outcome;

/// Everything measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// One case per photo, which takes the labels of its sequence.
    pub images: Measures,
    /// One case per true label of each sequence.
    pub sequences: Measures,
    /// Photos of the truth that no prediction has: they are in none of the numbers.
    pub unanswered: Vec<String>,
    /// Predicted photos without truth: they are in none of the numbers.
    pub strangers: usize,
    /// Sightings that fit no true label of their sequence.
    pub extra: usize,
    /// Predicted names of unknown place, which match by name alone.
    pub unplaced: BTreeSet<String>,
}

/// The numbers of one kind of case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measures {
    /// Number of cases.
    pub cases: usize,
    /// Answered with the truth or something finer within it.
    pub right: usize,
    /// Answered with a higher taxon that contains the truth.
    pub above: usize,
    /// How often each truth (first key) got each answer (second key).
    pub confusion: BTreeMap<String, BTreeMap<String, usize>>,
    /// Per true label, as in DeepFaune's Tables 1 and 2.
    pub classes: Vec<Class>,
    /// What became of animals, people, vehicles and empties.
    pub kept: Vec<Kept>,
    /// Accuracy of the species against the share of animals named, as in Norouzzadeh's Figure 6.
    pub species_curve: Vec<Point>,
    /// Accuracy of empty against animal and the share decided, as in Norouzzadeh's Figure 5.
    pub empty_curve: Vec<Point>,
}

/// One class against all others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Class {
    /// The true label.
    pub label: String,
    /// Cases of it.
    pub cases: usize,
    /// Answered right.
    pub right: usize,
    /// Answered with a higher taxon that contains it; not among `right`.
    pub above: usize,
    /// Cases of other labels answered with this one.
    pub false_alarms: usize,
    /// right / cases.
    pub sensitivity: f64,
    /// Share of the other labels' cases that were not answered with this one; 1 if there are none.
    pub specificity: f64,
}

/// What became of one kind of truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kept {
    /// `animal`, `person`, `vehicle` or `empty`.
    pub kind: &'static str,
    /// Cases of it.
    pub cases: usize,
    /// By outcome of their sequence, in the order of [`Outcome::ALL`].
    pub outcomes: Vec<(Outcome, usize)>,
}

/// Accuracy among the cases whose confidence reaches a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Least confidence kept.
    pub threshold: f32,
    /// Cases kept.
    pub kept: usize,
    /// Cases kept / all cases.
    pub coverage: f64,
    /// Right / kept.
    pub accuracy: f64,
    /// Right or a higher taxon that contains the truth / kept.
    pub accuracy_or_above: f64,
}

/// Measures all cases.
pub fn report(cases: &Cases, truth: &Truth) -> Report {
    Report {
        images: measures(&cases.images, truth),
        sequences: measures(&cases.sequences, truth),
        unanswered: cases.unanswered.clone(),
        strangers: cases.strangers,
        extra: cases.extra,
        unplaced: cases.unplaced.clone(),
    }
}

fn measures(cases: &[Case], truth: &Truth) -> Measures {
    let mut confusion: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for case in cases {
        *confusion.entry(case.truth.clone()).or_default().entry(case.answer.clone()).or_default() += 1;
    }
    let kind = |case: &Case| kind(truth.meanings.get(&case.truth));
    let named = cases.iter().filter(|c| kind(c) == "animal").map(|c| (c.confidence, c.fit)).collect();
    let decided = cases
        .iter()
        .filter(|c| matches!(kind(c), "animal" | "empty"))
        .map(|c| {
            let right = (c.probability >= 0.5) == (kind(c) == "animal");
            (c.probability.max(1.0 - c.probability), if right { Fit::Right } else { Fit::Wrong })
        })
        .collect();
    Measures {
        cases: cases.len(),
        right: cases.iter().filter(|c| c.fit == Fit::Right).count(),
        above: cases.iter().filter(|c| c.fit == Fit::Above).count(),
        classes: confusion.keys().map(|label| class(label, cases)).collect(),
        confusion,
        kept: ["animal", "person", "vehicle", "empty"]
            .into_iter()
            .map(|of| kept(of, cases.iter().filter(|&c| kind(c) == of)))
            .filter(|k| k.cases > 0)
            .collect(),
        species_curve: curve(named),
        empty_curve: curve(decided),
    }
}

fn kind(meaning: Option<&Meaning>) -> &'static str {
    match meaning {
        Some(Meaning::Animal { .. }) => "animal",
        Some(Meaning::Person) => "person",
        Some(Meaning::Vehicle) => "vehicle",
        Some(Meaning::Empty) | None => "empty",
    }
}

fn class(label: &str, cases: &[Case]) -> Class {
    let (own, others): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|c| c.truth == label);
    let with = |fit: Fit| own.iter().filter(|c| c.fit == fit).count();
    let false_alarms = others.iter().filter(|c| c.answer == label).count();
    Class {
        label: label.to_owned(),
        cases: own.len(),
        right: with(Fit::Right),
        above: with(Fit::Above),
        false_alarms,
        sensitivity: share(with(Fit::Right), own.len()),
        specificity: share(others.len() - false_alarms, others.len()),
    }
}

fn kept<'a>(kind: &'static str, cases: impl Iterator<Item = &'a Case>) -> Kept {
    let outcomes: Vec<Outcome> = cases.map(|c| c.outcome).collect();
    let count = |of: Outcome| (of, outcomes.iter().filter(|&&o| o == of).count());
    Kept { kind, cases: outcomes.len(), outcomes: Outcome::ALL.map(count).to_vec() }
}

/// One point per distinct confidence above 0, the most certain first; none where nothing has a confidence.
fn curve(mut cases: Vec<(f32, Fit)>) -> Vec<Point> {
    cases.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut above) = (0, 0);
    let mut points = Vec::new();
    for (i, &(confidence, fit)) in cases.iter().enumerate() {
        right += usize::from(fit == Fit::Right);
        above += usize::from(fit == Fit::Above);
        let last_of_its_kind = cases.get(i + 1).is_none_or(|next| next.0 < confidence);
        if last_of_its_kind && confidence > 0.0 {
            points.push(Point {
                threshold: confidence,
                kept: i + 1,
                coverage: share(i + 1, cases.len()),
                accuracy: share(right, i + 1),
                accuracy_or_above: share(right + above, i + 1),
            });
        }
    }
    points
}

/// `part` of `whole`; 1 of nothing.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn truth() -> Truth {
        let animal = |name: &str| Meaning::Animal {
            accepts: BTreeSet::from([name.to_owned()]),
            ancestors: BTreeSet::new(),
        };
        Truth {
            photos: BTreeMap::from([(PathBuf::from("a"), "fox".to_owned())]),
            meanings: BTreeMap::from([
                ("fox".to_owned(), animal("Vulpes vulpes")),
                ("hare".to_owned(), animal("Lepus")),
                ("empty".to_owned(), Meaning::Empty),
            ]),
        }
    }

    fn case(
        truth: &str,
        answer: &str,
        fit: Fit,
        confidence: f32,
        outcome: Outcome,
        probability: f32,
    ) -> Case {
        Case { truth: truth.into(), answer: answer.into(), fit, confidence, outcome, probability }
    }

    fn cases() -> Vec<Case> {
        use Fit::*;
        use Outcome::{Empty, Sighting, Uncertain};
        vec![
            case("fox", "fox", Right, 0.9, Sighting, 0.9),
            case("fox", "fox", Right, 0.8, Sighting, 0.9),
            case("fox", "hare", Wrong, 0.8, Sighting, 0.8),
            case("fox", "Canidae", Above, 0.7, Sighting, 0.8),
            case("hare", "hare", Right, 0.95, Sighting, 0.6),
            case("hare", "empty", Wrong, 0.0, Empty, 0.1),
            case("empty", "empty", Right, 0.0, Empty, 0.2),
            case("empty", "fox", Wrong, 0.5, Sighting, 0.7),
            case("empty", "uncertain", Wrong, 0.0, Uncertain, 0.4),
        ]
    }

    // All expected numbers are counted by hand on the nine cases above.

    #[test]
    fn sensitivity_and_specificity_per_class() {
        let measures = measures(&cases(), &truth());
        assert_eq!((measures.cases, measures.right, measures.above), (9, 4, 1));
        let class = |label: &str| measures.classes.iter().find(|c| c.label == label).unwrap();
        let fox = class("fox");
        assert_eq!((fox.cases, fox.right, fox.above, fox.false_alarms), (4, 2, 1, 1));
        assert_eq!((fox.sensitivity, fox.specificity), (0.5, 0.8));
        let hare = class("hare");
        assert_eq!((hare.sensitivity, hare.specificity), (0.5, 6.0 / 7.0));
        let empty = class("empty");
        assert_eq!((empty.sensitivity, empty.specificity), (1.0 / 3.0, 5.0 / 6.0));
        assert_eq!(
            measures.confusion["fox"],
            BTreeMap::from([("Canidae".to_owned(), 1), ("fox".to_owned(), 2), ("hare".to_owned(), 1)])
        );
    }

    #[test]
    fn what_became_of_animals_and_empties() {
        let measures = measures(&cases(), &truth());
        let counts = |kind: &str, outcome| {
            let kept = measures.kept.iter().find(|k| k.kind == kind).unwrap();
            kept.outcomes.iter().find(|(o, _)| *o == outcome).unwrap().1
        };
        assert_eq!((counts("animal", Outcome::Sighting), counts("animal", Outcome::Empty)), (5, 1));
        assert_eq!((counts("empty", Outcome::Empty), counts("empty", Outcome::Uncertain)), (1, 1));
        assert!(measures.kept.iter().all(|k| k.kind != "person"));
    }

    #[test]
    fn accuracy_against_coverage_of_species() {
        let curve = measures(&cases(), &truth()).species_curve;
        // Six animals; in order 0.95 right, 0.9 right, 0.8 right and wrong together, 0.7 above.
        let rows: Vec<(f32, usize, f64, f64)> =
            curve.iter().map(|p| (p.threshold, p.kept, p.accuracy, p.accuracy_or_above)).collect();
        assert_eq!(rows, [(0.95, 1, 1.0, 1.0), (0.9, 2, 1.0, 1.0), (0.8, 4, 0.75, 0.75), (0.7, 5, 0.6, 0.8)]);
        assert_eq!(curve[3].coverage, 5.0 / 6.0);
    }

    #[test]
    fn accuracy_against_coverage_of_empties() {
        let curve = measures(&cases(), &truth()).empty_curve;
        // Confidences: .9 .9 .8 .8 .6 right, hare at p .1 is .9 wrong, empties .8 right, .7 wrong, .6 right.
        let rows: Vec<(f32, usize, f64)> = curve.iter().map(|p| (p.threshold, p.kept, p.accuracy)).collect();
        assert_eq!(
            rows,
            [(0.9, 3, 2.0 / 3.0), (0.8, 6, 5.0 / 6.0), (0.7, 7, 5.0 / 7.0), (0.6, 9, 7.0 / 9.0)]
        );
    }
}
