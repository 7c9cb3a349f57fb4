//! How well an embedder tells individuals apart, half of them enrolled in a gallery.
//!
//! The individuals of each species are taken by turns, in the order of their names: one is enrolled, the next is a
//! stranger. Of each side of an individual the first half of its encounters (rounded up, in the order of their names) is
//! for the gallery, where it is enrolled; the later ones are questions. An encounter is the mean of its photos, in the
//! gallery as in a question, and shows the side its folder says. It is asked as the trap asks: among its species, side by
//! side.
//!
//! - **rank-1**: share of the questions about enrolled individuals whose nearest individual is the right one.
//! - **mAP**: for each such question the encounters of the gallery that can be compared are ranked by cosine; the mean over
//!   the right ones of the share of right ones down to there (average precision), and its mean over the questions.
//! - **AUROC**: the probability that the highest similarity of a question about an enrolled individual is above that of one
//!   about a stranger, ties counting half.

use std::collections::BTreeMap;

use serde::Serialize;

use super::sure::{Sure, bootstrap, share};
use crate::engine::individuals::Calibration;
use crate::gallery::{Entry, Gallery, GalleryError, Network, cosine, mean};
use crate::units::{Flank, Recognition};

/// A photo whose individual is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// Scientific name of its species.
    pub taxon: String,
    /// Who it shows.
    pub name: String,
    /// Which side.
    pub flank: Flank,
    /// Which encounter, by name.
    pub encounter: String,
    /// What the network made of it.
    pub embedding: Vec<f32>,
}

/// Everything measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Individuals in the gallery.
    pub enrolled: usize,
    /// Individuals that are not.
    pub strangers: usize,
    /// Encounters in the gallery.
    pub encounters: usize,
    /// Questions about enrolled individuals.
    pub known_questions: usize,
    /// Questions about strangers.
    pub new_questions: usize,
    /// Rank-1, with Wilson's bounds.
    pub rank1: Option<Sure>,
    /// Mean average precision, with bounds by drawing questions anew.
    pub map: Option<Sure>,
    /// AUROC of enrolled against strangers, likewise.
    pub auroc: Option<Sure>,
    /// What was decided, where the network has a calibration.
    pub decisions: Option<Decisions>,
}

/// Decisions by the network's calibration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decisions {
    /// Of the questions about enrolled individuals: told as the right one.
    pub right: usize,
    /// Told as another one.
    pub wrong: usize,
    /// Unsure.
    pub unsure: usize,
    /// Told as new.
    pub missed: usize,
    /// Of the questions about strangers: told as somebody of the gallery.
    pub mistaken: usize,
    /// Unsure.
    pub unsure_new: usize,
    /// Told as new.
    pub new: usize,
    /// Of all that were told as somebody, those that are.
    pub told_right: Option<Sure>,
}

/// A question and what came of it.
struct Asked {
    enrolled: bool,
    right: bool,
    precision: f64,
    similarity: f64,
    recognition: Recognition,
}

/// Measures `photos`; an embedding that no gallery takes is an error.
pub fn measure(
    photos: &[Photo],
    network: &Network,
    calibration: Option<&Calibration>,
) -> Result<Report, GalleryError> {
    let mut gallery = Gallery::new(network.clone());
    let mut questions: Vec<(bool, Vec<&Photo>)> = Vec::new();
    let mut people: BTreeMap<&str, BTreeMap<&str, Vec<&Photo>>> = BTreeMap::new();
    for photo in photos {
        people.entry(&photo.taxon).or_default().entry(&photo.name).or_default().push(photo);
    }
    let (mut enrolled, mut strangers) = (0, 0);
    for of_taxon in people.values() {
        for (turn, of_individual) in of_taxon.values().enumerate() {
            let is_enrolled = turn % 2 == 0;
            if is_enrolled {
                enrolled += 1;
            } else {
                strangers += 1;
            }
            for flank in Flank::ALL {
                let mut encounters: BTreeMap<&str, Vec<&Photo>> = BTreeMap::new();
                for photo in of_individual.iter().filter(|photo| photo.flank == flank) {
                    encounters.entry(&photo.encounter).or_default().push(photo);
                }
                let first = encounters.len().div_ceil(2);
                for (at, of_encounter) in encounters.into_values().enumerate() {
                    if at >= first {
                        questions.push((is_enrolled, of_encounter));
                    } else if is_enrolled {
                        enrol(&mut gallery, &of_encounter)?;
                    }
                }
            }
        }
    }
    let asked: Vec<Asked> =
        questions.iter().filter_map(|(enrolled, of)| ask(&gallery, *enrolled, of, calibration)).collect();
    Ok(report(&asked, enrolled, strangers, gallery.len(), calibration.is_some()))
}

fn enrol(gallery: &mut Gallery, of: &[&Photo]) -> Result<(), GalleryError> {
    let all = mean(of.iter().map(|photo| photo.embedding.as_slice()));
    let (Some(first), Some(embedding)) = (of.first(), all) else { return Ok(()) };
    let (flank, photo) = (first.flank, first.encounter.clone());
    gallery.add(&first.taxon, &first.name, Entry { flank, when: None, photo, embedding, thumbnail: None })
}

/// `None` where nothing can be compared.
fn ask(gallery: &Gallery, enrolled: bool, of: &[&Photo], calibration: Option<&Calibration>) -> Option<Asked> {
    let first = of.first()?;
    let question = mean(of.iter().map(|photo| photo.embedding.as_slice()))?;
    let answer = gallery.ask(&question, first.flank, |i| i.taxon == first.taxon, calibration);
    let best = answer.nearest.first()?;
    let mut ranked: Vec<(f32, bool)> = Vec::new();
    for individual in gallery.individuals().iter().filter(|i| i.taxon == first.taxon) {
        for entry in individual.entries.iter().filter(|entry| entry.flank.fits(first.flank)) {
            ranked.push((cosine(&question, &entry.embedding), individual.name == first.name));
        }
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    Some(Asked {
        enrolled,
        right: best.individual.name == first.name,
        precision: average_precision(ranked.into_iter().map(|(_, right)| right)),
        similarity: best.similarity.into(),
        recognition: answer.recognition,
    })
}

/// Over the right ones: the share of right ones down to there; 0 where none is right.
fn average_precision(ranked: impl Iterator<Item = bool>) -> f64 {
    let (mut right, mut sum) = (0, 0.0);
    for (place, _) in ranked.enumerate().filter(|(_, is_right)| *is_right) {
        right += 1;
        sum += f64::from(right) / (place + 1) as f64;
    }
    if right == 0 { 0.0 } else { sum / f64::from(right) }
}

/// The probability that one of `high` is above one of `low`, ties counting half.
fn auroc(high: &[f64], low: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> =
        high.iter().map(|v| (*v, true)).chain(low.iter().map(|v| (*v, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut sum) = (0.0, 0.0);
    for tied in all.chunk_by(|a, b| a.0 == b.0) {
        let lows = tied.iter().filter(|(_, is_high)| !is_high).count() as f64;
        sum += (tied.len() as f64 - lows) * (below + lows / 2.0);
        below += lows;
    }
    sum / (high.len() as f64 * low.len() as f64)
}

fn report(asked: &[Asked], enrolled: usize, strangers: usize, encounters: usize, decided: bool) -> Report {
    let (known, new): (Vec<&Asked>, Vec<&Asked>) = asked.iter().partition(|one| one.enrolled);
    let mean_precision = |draw: &[Vec<usize>]| {
        let places = draw.first().map(Vec::as_slice).unwrap_or_default();
        let sum: f64 = places.iter().filter_map(|at| known.get(*at)).map(|one| one.precision).sum();
        sum / places.len() as f64
    };
    let above = |draw: &[Vec<usize>]| {
        let of = |group: usize, all: &[&Asked]| -> Vec<f64> {
            let places = draw.get(group).map(Vec::as_slice).unwrap_or_default();
            places.iter().filter_map(|at| all.get(*at)).map(|one| one.similarity).collect()
        };
        auroc(&of(0, &known), &of(1, &new))
    };
    Report {
        enrolled,
        strangers,
        encounters,
        known_questions: known.len(),
        new_questions: new.len(),
        rank1: share(known.iter().filter(|one| one.right).count(), known.len()),
        map: bootstrap(&[known.len()], mean_precision),
        auroc: bootstrap(&[known.len(), new.len()], above),
        decisions: decided.then(|| decisions(&known, &new)),
    }
}

fn decisions(known: &[&Asked], new: &[&Asked]) -> Decisions {
    let count = |all: &[&Asked], of: &dyn Fn(&Asked) -> bool| all.iter().filter(|one| of(one)).count();
    let is = |recognition| move |one: &Asked| one.recognition == recognition;
    let right = count(known, &|one| one.right && one.recognition == Recognition::Known);
    let told = count(known, &is(Recognition::Known));
    let mistaken = count(new, &is(Recognition::Known));
    Decisions {
        right,
        wrong: told - right,
        unsure: count(known, &is(Recognition::Unsure)),
        missed: count(known, &is(Recognition::New)),
        mistaken,
        unsure_new: count(new, &is(Recognition::Unsure)),
        new: count(new, &is(Recognition::New)),
        told_right: share(right, told + mistaken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(name: &str, flank: Flank, encounter: &str, embedding: [f32; 2]) -> Photo {
        let (taxon, embedding) = ("Lynx lynx".to_owned(), embedding.to_vec());
        Photo { taxon, name: name.to_owned(), flank, encounter: encounter.to_owned(), embedding }
    }

    #[test]
    fn average_precision_and_auroc_are_those_of_the_textbook() {
        // By hand: right at places 1 and 4: (1/1 + 2/4) / 2.
        assert_eq!(average_precision([true, false, false, true].into_iter()), 0.75);
        assert_eq!(average_precision([false].into_iter()), 0.0);
        // By hand: of 6 pairs 4 are in order and one is tied.
        assert!((auroc(&[0.9, 0.5], &[0.4, 0.5, 0.6]) - 4.5 / 6.0).abs() < 1e-12);
        assert_eq!(auroc(&[1.0], &[0.0]), 1.0);
    }

    #[test]
    fn half_is_enrolled_and_the_other_encounters_are_asked() {
        let network = Network { name: "n".into(), version: "1".into(), sha256: [0; 32], dimension: 2 };
        let photos = [
            // Enrolled by its first encounter; the second is asked, as the mean of its two photos.
            photo("A", Flank::Left, "e0", [1.0, 0.0]),
            photo("A", Flank::Left, "e1", [0.8, 0.6]),
            photo("A", Flank::Left, "e1", [0.8, -0.6]),
            // A stranger, of whom the later half is asked: once like A, once not.
            photo("B", Flank::Left, "e2", [1.0, 0.0]),
            photo("B", Flank::Left, "e3", [1.0, 0.0]),
            photo("B", Flank::Left, "e5", [0.6, 0.8]),
            photo("B", Flank::Left, "e6", [0.0, 1.0]),
            // Enrolled; its right side alone is known.
            photo("C", Flank::Right, "e4", [0.0, 1.0]),
        ];
        let curve = Calibration { slope: 20.0, intercept: -12.0, known: 0.9, new: 0.2 };
        let report = measure(&photos, &network, Some(&curve)).unwrap();
        assert_eq!((report.enrolled, report.strangers, report.encounters), (2, 1, 2));
        assert_eq!((report.known_questions, report.new_questions), (1, 2));
        assert_eq!(report.rank1.unwrap().value, 1.0);
        assert_eq!((report.map.unwrap().value, report.auroc.unwrap().value), (1.0, 1.0));
        // By hand: A's question is (1, 0), 1.0; B's are 0.6 (p = 0.5) and 0 (p = 0, but C's left side is not known).
        let decisions = report.decisions.unwrap();
        assert_eq!((decisions.right, decisions.wrong, decisions.missed), (1, 0, 0));
        assert_eq!((decisions.mistaken, decisions.unsure_new, decisions.new), (0, 2, 0));
    }

    #[test]
    fn nothing_to_ask_is_no_number() {
        let network = Network { name: "n".into(), version: "1".into(), sha256: [0; 32], dimension: 2 };
        let report = measure(&[photo("A", Flank::Left, "e0", [1.0, 0.0])], &network, None).unwrap();
        assert_eq!((report.rank1, report.map, report.auroc, report.decisions), (None, None, None, None));
    }
}
