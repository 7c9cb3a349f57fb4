//! Which prediction answers which truth: one case per photo, and one per label of each sequence.
//!
//! A photo takes the labels of its sequence, as DeepFaune gives them. Where a sequence shows several things, each true
//! label is answered by the sighting that fits it best, so that two species rightly told apart are both right; a
//! sighting that is right for another label of the sequence is no answer to this one. `empty` is a label of a
//! sequence only where nothing else is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::EvalError;
use super::predicted::{Sequence, Sighting};
use super::truth::{Meaning, Taxa, Truth};
use crate::event::Outcome;
use crate::units::Rank;

/// How an answer stands to the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Something else.
    Wrong,
    /// A higher taxon that contains the truth.
    Above,
    /// The truth, or something finer within it.
    Right,
}

/// One truth and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The true label.
    pub truth: String,
    /// The answer: a true label where it is right for one, else a scientific name, or an outcome (`empty`,
    /// `uncertain`, `failed`, `person`, `vehicle`).
    pub answer: String,
    /// How it fits.
    pub fit: Fit,
    /// Score of the name; 0 where the answer names nothing finer than an animal.
    pub confidence: f32,
    /// Outcome of the sequence.
    pub outcome: Outcome,
    /// Probability that something is in the sequence.
    pub probability: f32,
}

/// All cases, and what could not be compared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cases {
    /// One per photo.
    pub images: Vec<Case>,
    /// One per true label of each sequence.
    pub sequences: Vec<Case>,
    /// Photos of the truth that no prediction has.
    pub unanswered: Vec<String>,
    /// Predicted photos without truth.
    pub strangers: usize,
    /// Sightings that fit no true label of their sequence.
    pub extra: usize,
    /// Predicted names whose place in the tree is not known, so that they match by name alone.
    pub unplaced: BTreeSet<String>,
}

/// Compares. A predicted photo is that of the truth if its path below `root` is the truth's; without a root, if its
/// path ends with the truth's, the longest such.
pub fn compare(
    truth: &Truth,
    predictions: &[Sequence],
    root: Option<&Path>,
    taxa: &Taxa,
) -> Result<Cases, EvalError> {
    let mut cases = Cases::default();
    let mut open: BTreeMap<&Path, &str> =
        truth.photos.iter().map(|(p, l)| (p.as_path(), l.as_str())).collect();
    for sequence in predictions {
        let mut labels: BTreeSet<&str> = BTreeSet::new();
        let mut photos: Vec<&str> = Vec::new();
        for frame in &sequence.frames {
            match place(&frame.file, root, &open).and_then(|photo| open.remove(photo)) {
                Some(label) => {
                    photos.push(label);
                    labels.insert(label);
                }
                None => cases.strangers += 1,
            }
        }
        if photos.is_empty() {
            continue;
        }
        if labels.iter().any(|&l| truth.meanings.get(l) != Some(&Meaning::Empty)) {
            labels.retain(|&l| truth.meanings.get(l) != Some(&Meaning::Empty));
        }
        let judge = Judge { truth, taxa, labels: &labels, sequence };
        cases.extra += judge.extra();
        let names = sequence.sightings.iter().filter(|s| !s.is_person() && !s.is_vehicle());
        cases.unplaced.extend(names.filter(|s| !taxa.knows(&s.taxon)).map(|s| s.taxon.clone()));
        let answers: HashMap<&str, Case> =
            photos.iter().chain(&labels).map(|&label| (label, judge.case(label))).collect();
        cases.sequences.extend(labels.iter().filter_map(|l| answers.get(l).cloned()));
        cases.images.extend(photos.iter().filter_map(|l| answers.get(l).cloned()));
    }
    if cases.images.is_empty() {
        return Err(EvalError::Nothing { predicted: cases.strangers, truth: truth.photos.len() });
    }
    cases.unanswered = open.keys().map(|p| p.display().to_string()).collect();
    Ok(cases)
}

/// The photo of the truth that `file` is.
fn place<'a>(file: &Path, root: Option<&Path>, open: &BTreeMap<&'a Path, &str>) -> Option<&'a Path> {
    let known = |path: &Path| open.get_key_value(path).map(|(&photo, _)| photo);
    if let Some(root) = root {
        return known(file.strip_prefix(root).ok()?);
    }
    let parts: Vec<_> = file.components().collect();
    (0..parts.len()).find_map(|skip| known(&parts.iter().skip(skip).collect::<std::path::PathBuf>()))
}

/// One sequence under judgement.
struct Judge<'a> {
    truth: &'a Truth,
    taxa: &'a Taxa,
    labels: &'a BTreeSet<&'a str>,
    sequence: &'a Sequence,
}

impl Judge<'_> {
    fn fit(&self, sighting: &Sighting, label: &str) -> Fit {
        let right = |is: bool| if is { Fit::Right } else { Fit::Wrong };
        match self.truth.meanings.get(label) {
            Some(Meaning::Person) => right(sighting.is_person()),
            Some(Meaning::Vehicle) => right(sighting.is_vehicle()),
            Some(Meaning::Animal { accepts, ancestors }) => {
                let name = sighting.taxon.as_str();
                if accepts.iter().any(|a| self.taxa.is_within(name, a)) {
                    Fit::Right
                } else if ancestors.contains(name) || accepts.iter().any(|a| self.taxa.is_within(a, name)) {
                    Fit::Above
                } else {
                    Fit::Wrong
                }
            }
            Some(Meaning::Empty) | None => Fit::Wrong,
        }
    }

    /// The answer to `label`.
    fn case(&self, label: &str) -> Case {
        let others = || self.labels.iter().filter(|&&other| other != label);
        let best = self
            .sequence
            .sightings
            .iter()
            .map(|s| (self.fit(s, label), s))
            .filter(|(fit, s)| *fit == Fit::Right || !others().any(|o| self.fit(s, o) == Fit::Right))
            .max_by(|a, b| a.0.cmp(&b.0).then(a.1.score.get().total_cmp(&b.1.score.get())));
        let (answer, fit, confidence) = match best {
            Some((fit, s)) => {
                let confidence = if s.rank < Rank::Kingdom { s.score.get() } else { 0.0 };
                (self.name(s, label, fit), fit, confidence)
            }
            None => self.nothing(label),
        };
        Case {
            truth: label.to_owned(),
            answer,
            fit,
            confidence,
            outcome: self.sequence.outcome,
            probability: self.sequence.probability.get(),
        }
    }

    /// The answer where no sighting is left for `label`.
    fn nothing(&self, label: &str) -> (String, Fit, f32) {
        let empty = matches!(self.truth.meanings.get(label), Some(Meaning::Empty));
        match self.sequence.outcome {
            Outcome::Empty if empty => (label.to_owned(), Fit::Right, 0.0),
            // Every sighting answers another label: this one was missed in a sequence that was kept.
            Outcome::Sighting | Outcome::Person | Outcome::Vehicle => ("missed".to_owned(), Fit::Wrong, 0.0),
            Outcome::Empty => (self.empty().to_owned(), Fit::Wrong, 0.0),
            outcome => (outcome.as_str().to_owned(), Fit::Wrong, 0.0),
        }
    }

    /// What the truth calls an empty.
    fn empty(&self) -> &str {
        let own = self.truth.meanings.iter().find(|(_, meaning)| **meaning == Meaning::Empty);
        own.map_or(Outcome::Empty.as_str(), |(label, _)| label)
    }

    /// What to call the answer: the true label if it is right; if it is wrong, the label of the truth that it would
    /// be right for; else its own name.
    fn name(&self, sighting: &Sighting, label: &str, fit: Fit) -> String {
        match fit {
            Fit::Right => return label.to_owned(),
            Fit::Above => return sighting.taxon.clone(),
            Fit::Wrong => {}
        }
        let other = self.truth.meanings.keys().find(|other| self.fit(sighting, other) == Fit::Right);
        match other {
            Some(other) => other.clone(),
            None if sighting.is_vehicle() => Outcome::Vehicle.as_str().to_owned(),
            None if sighting.is_person() => Outcome::Person.as_str().to_owned(),
            None => sighting.taxon.clone(),
        }
    }

    /// How many sightings fit no label.
    fn extra(&self) -> usize {
        let fits = |s: &&Sighting| self.labels.iter().all(|l| self.fit(s, l) == Fit::Wrong);
        self.sequence.sightings.iter().filter(fits).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::labels;
    use crate::eval::predicted::Frame;
    use crate::eval::truth;
    use crate::units::Score;

    fn taxa() -> Taxa {
        let text = "label,scientific,rank,english,genus,family,order,class\n\
            fox,Vulpes vulpes,species,red fox,Vulpes,Canidae,Carnivora,Mammalia\n\
            brown,Ursus arctos,species,brown bear,Ursus,Ursidae,Carnivora,Mammalia\n\
            hare,Lepus,genus,hare,Lepus,Leporidae,Lagomorpha,Mammalia\n";
        let mut taxa = Taxa::default();
        taxa.add(&labels::parse(text, Path::new("t.csv")).unwrap());
        taxa
    }

    fn sequence(files: &[&str], outcome: Outcome, sightings: &[(&str, Rank, f32)]) -> Sequence {
        Sequence {
            frames: files.iter().map(|f| Frame { file: f.into() }).collect(),
            outcome,
            probability: Score::new(0.9),
            sightings: sightings
                .iter()
                .map(|&(taxon, rank, score)| Sighting { taxon: taxon.into(), rank, score: Score::new(score) })
                .collect(),
        }
    }

    fn compared(truth: &str, predictions: &[Sequence]) -> Cases {
        let map = "label,accepts,genus,family,order,class\nbear,Ursidae,,,Carnivora,Mammalia\n";
        let map = truth::parse_map(map, Path::new("map.csv")).unwrap();
        let truth =
            truth::parse(&format!("file,label\n{truth}"), Path::new("truth.csv"), map, &taxa()).unwrap();
        compare(&truth, predictions, None, &taxa()).unwrap()
    }

    fn told(cases: &[Case]) -> Vec<(&str, &str, Fit)> {
        cases.iter().map(|c| (c.truth.as_str(), c.answer.as_str(), c.fit)).collect()
    }

    #[test]
    fn right_above_and_wrong() {
        let cases = compared(
            "a,bear\nb,bear\nc,bear\nd,bear\ne,empty\nf,bear\n",
            &[
                sequence(&["x/a"], Outcome::Sighting, &[("Ursus arctos", Rank::Species, 0.9)]),
                sequence(&["x/b"], Outcome::Sighting, &[("Carnivora", Rank::Order, 0.8)]),
                sequence(&["x/c"], Outcome::Sighting, &[("Lepus", Rank::Genus, 0.7)]),
                sequence(&["x/d"], Outcome::Empty, &[]),
                sequence(&["x/e"], Outcome::Empty, &[]),
                sequence(&["x/f"], Outcome::Sighting, &[("Animalia", Rank::Kingdom, 0.9)]),
            ],
        );
        assert_eq!(
            told(&cases.images),
            [
                ("bear", "bear", Fit::Right),
                ("bear", "Carnivora", Fit::Above),
                ("bear", "Lepus", Fit::Wrong),
                ("bear", "empty", Fit::Wrong),
                ("empty", "empty", Fit::Right),
                ("bear", "Animalia", Fit::Above),
            ]
        );
        assert_eq!(cases.images, cases.sequences);
        assert_eq!((cases.images[0].confidence, cases.images[5].confidence), (0.9, 0.0));
    }

    #[test]
    fn two_species_told_apart_are_both_right_and_a_third_is_extra() {
        let seen: &[(&str, Rank, f32)] = &[
            ("Vulpes vulpes", Rank::Species, 0.9),
            ("Ursus arctos", Rank::Species, 0.95),
            ("Lepus", Rank::Genus, 0.99),
        ];
        let cases = compared(
            "a,Vulpes vulpes\nb,bear\nc,empty\n",
            &[sequence(&["a", "b", "c"], Outcome::Sighting, seen)],
        );
        assert_eq!(
            told(&cases.sequences),
            [("Vulpes vulpes", "Vulpes vulpes", Fit::Right), ("bear", "bear", Fit::Right)]
        );
        assert_eq!(cases.images.len(), 3);
        assert_eq!(cases.extra, 1);
        // With only the fox told, the bear is missed, not called a fox.
        let cases =
            compared("a,Vulpes vulpes\nb,bear\n", &[sequence(&["a", "b"], Outcome::Sighting, &seen[..1])]);
        assert_eq!(told(&cases.sequences)[1], ("bear", "missed", Fit::Wrong));
    }

    #[test]
    fn a_wrong_answer_is_called_by_the_truths_own_label_where_it_has_one() {
        let cases = compared(
            "a,Vulpes vulpes\nb,bear\nc,person\nd,vehicle\n",
            &[
                sequence(&["a"], Outcome::Sighting, &[("Ursus arctos", Rank::Species, 0.9)]),
                sequence(&["b"], Outcome::Person, &[("Homo sapiens", Rank::Species, 0.9)]),
                sequence(&["c"], Outcome::Vehicle, &[("", Rank::Kingdom, 0.9)]),
                sequence(&["d"], Outcome::Uncertain, &[]),
            ],
        );
        assert_eq!(
            told(&cases.images),
            [
                ("Vulpes vulpes", "bear", Fit::Wrong),
                ("bear", "person", Fit::Wrong),
                ("person", "vehicle", Fit::Wrong),
                ("vehicle", "uncertain", Fit::Wrong),
            ]
        );
    }

    #[test]
    fn photos_without_an_answer_or_a_truth_are_told() {
        let cases = compared(
            "p/a,empty\nq/a,empty\nz,empty\n",
            &[
                sequence(&["/cards/q/a", "/cards/new"], Outcome::Empty, &[]),
                sequence(&["p/a"], Outcome::Sighting, &[("Cervus", Rank::Genus, 0.9)]),
            ],
        );
        assert_eq!(
            (cases.images.len(), cases.strangers, cases.unanswered.as_slice()),
            (2, 1, ["z".to_owned()].as_slice())
        );
        assert_eq!(cases.unplaced, BTreeSet::from(["Cervus".to_owned()]));
        let truth = Truth { photos: BTreeMap::new(), meanings: BTreeMap::new() };
        let nothing = compare(&truth, &[sequence(&["a"], Outcome::Empty, &[])], None, &taxa()).unwrap_err();
        assert!(nothing.to_string().contains("none of the 1 predicted photos"));
    }

    #[test]
    fn a_root_pins_paths_down() {
        let open = BTreeMap::from([(Path::new("p/a"), "x")]);
        let root = Some(Path::new("/cards"));
        assert_eq!(place(Path::new("/cards/p/a"), root, &open), Some(Path::new("p/a")));
        assert_eq!(place(Path::new("/other/p/a"), root, &open), None);
        assert_eq!(place(Path::new("/other/p/a"), None, &open), Some(Path::new("p/a")));
    }
}
