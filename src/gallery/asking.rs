//! Who an animal is most like, and whether that is enough.
//!
//! The similarity to an individual is the cosine to the nearest of its entries that shows a side which can be compared:
//! the same one, or one that is not known.

use super::{Gallery, Individual};
use crate::engine::individuals::Calibration;
use crate::units::{Flank, Recognition, Score};

/// An individual that can be compared, and how like it the question is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest<'a> {
    /// Who.
    pub individual: &'a Individual,
    /// Which of its entries is nearest.
    pub entry: usize,
    /// Cosine, -1..=1.
    pub similarity: f32,
}

/// What a gallery says to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<'a> {
    /// The decision.
    pub recognition: Recognition,
    /// Probability that it is the nearest individual; `None` where nobody can be compared or the network has no
    /// calibration.
    pub probability: Option<Score>,
    /// Those that can be compared, the most similar first.
    pub nearest: Vec<Nearest<'a>>,
    /// Individuals of which only the other side is known.
    pub hidden: usize,
}

impl<'a> Answer<'a> {
    /// Who it is, where that is certain.
    pub fn who(&self) -> Option<&'a Individual> {
        let known = self.recognition == Recognition::Known;
        self.nearest.first().filter(|_| known).map(|nearest| nearest.individual)
    }
}

impl Gallery {
    /// Answers a question of length 1 that shows `flank`, among the individuals that `among` lets pass.
    ///
    /// Without a calibration everything is unsure. So is an animal that is like nobody while the other side alone of
    /// somebody is known: it may be that one.
    pub fn ask(
        &self,
        question: &[f32],
        flank: Flank,
        among: impl Fn(&Individual) -> bool,
        calibration: Option<&Calibration>,
    ) -> Answer<'_> {
        let mut nearest = Vec::new();
        let mut hidden = 0;
        for individual in self.individuals().iter().filter(|individual| among(individual)) {
            let entries = individual.entries.iter().enumerate().filter(|(_, entry)| entry.flank.fits(flank));
            let best = entries
                .map(|(at, entry)| (at, cosine(question, &entry.embedding)))
                .max_by(|a, b| a.1.total_cmp(&b.1));
            match best {
                Some((entry, similarity)) => nearest.push(Nearest { individual, entry, similarity }),
                None => hidden += 1,
            }
        }
        nearest.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        let probability =
            nearest.first().zip(calibration).map(|(best, c)| Score::new(c.probability(best.similarity)));
        let recognition = match probability.zip(calibration) {
            Some((p, c)) if p.get() >= c.known => Recognition::Known,
            Some((p, c)) if p.get() < c.new && hidden == 0 => Recognition::New,
            _ => Recognition::Unsure,
        };
        Answer { recognition, probability, nearest, hidden }
    }
}

/// The cosine of two vectors of length 1, -1..=1.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>().clamp(-1.0, 1.0)
}

/// The mean of embeddings, each brought to length 1 first, at length 1; `None` where it has no direction.
pub fn mean<'a>(embeddings: impl IntoIterator<Item = &'a [f32]>) -> Option<Vec<f32>> {
    let mut sum: Vec<f32> = Vec::new();
    for embedding in embeddings {
        if sum.is_empty() {
            sum = vec![0.0; embedding.len()];
        }
        let length = length(embedding)?;
        for (total, value) in sum.iter_mut().zip(embedding) {
            *total += value / length;
        }
    }
    let length = length(&sum)?;
    sum.iter_mut().for_each(|value| *value /= length);
    Some(sum)
}

/// Its length, where it has one: not 0, not infinite, not NaN.
fn length(vector: &[f32]) -> Option<f32> {
    let length = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt() as f32;
    (length.is_finite() && length > 1e-12).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, Network};
    use super::*;

    const CURVE: Calibration = Calibration { slope: 20.0, intercept: -12.0, known: 0.9, new: 0.2 };

    /// `first` with photos of both sides, `second` of its left one alone, a jaguar that looks like `first`.
    fn gallery() -> Gallery {
        let network = Network { name: "n".into(), version: "1".into(), sha256: [0; 32], dimension: 3 };
        let mut gallery = Gallery::new(network);
        for (taxon, name, embedding, flank) in [
            ("Lynx lynx", "first", [1.0, 0.0, 0.0], Flank::Left),
            ("Lynx lynx", "first", [0.0, 1.0, 0.0], Flank::Right),
            ("Lynx lynx", "second", [0.0, 0.6, 0.8], Flank::Left),
            ("Panthera onca", "spot", [0.0, 1.0, 0.0], Flank::Unknown),
        ] {
            let embedding = embedding.to_vec();
            let entry = Entry { flank, when: None, photo: String::new(), embedding, thumbnail: None };
            gallery.add(taxon, name, entry).unwrap();
        }
        gallery
    }

    fn lynx(individual: &Individual) -> bool {
        individual.taxon == "Lynx lynx"
    }

    fn names(answer: &Answer<'_>) -> Vec<(String, f32)> {
        answer.nearest.iter().map(|n| (n.individual.name.clone(), (n.similarity * 100.0).round())).collect()
    }

    #[test]
    fn sides_that_cannot_be_compared_are_not() {
        let gallery = gallery();
        let question = [0.0, 0.8, 0.6];
        // By hand: to (0, 1, 0) 0.8; to (0, 0.6, 0.8) 0.48 + 0.48 = 0.96; to (1, 0, 0) 0.
        let ask = |flank| gallery.ask(&question, flank, lynx, Some(&CURVE));
        assert_eq!(names(&ask(Flank::Right)), [("first".into(), 80.0)]);
        assert_eq!(names(&ask(Flank::Left)), [("second".into(), 96.0), ("first".into(), 0.0)]);
        assert_eq!(names(&ask(Flank::Unknown)), [("second".into(), 96.0), ("first".into(), 80.0)]);
        assert_eq!((ask(Flank::Right).hidden, ask(Flank::Left).hidden), (1, 0));
    }

    #[test]
    fn the_decision_follows_the_curve() {
        let gallery = gallery();
        let ask = |similarity: f32, flank| {
            let question = [0.0, similarity, -(1.0 - similarity * similarity).sqrt()];
            gallery.ask(&question, flank, lynx, Some(&CURVE)).recognition
        };
        // By hand: 0.9 is reached at 20 s - 12 = 2.197, s = 0.710; 0.2 at -1.386, s = 0.531.
        assert_eq!(ask(0.72, Flank::Right), Recognition::Known);
        assert_eq!(ask(0.70, Flank::Right), Recognition::Unsure);
        // Like nobody's right side; but the second one's right side was never seen.
        assert_eq!(ask(0.1, Flank::Right), Recognition::Unsure);
        assert_eq!(ask(0.1, Flank::Left), Recognition::New);
        let answer = gallery.ask(&[0.0, 1.0, 0.0], Flank::Right, lynx, None);
        assert_eq!((answer.recognition, answer.probability), (Recognition::Unsure, None));
        let nobody = gallery.ask(&[0.0, 1.0, 0.0], Flank::Right, |_| false, Some(&CURVE));
        assert_eq!((nobody.recognition, nobody.nearest.len()), (Recognition::Unsure, 0));
    }

    #[test]
    fn only_those_let_pass_are_asked() {
        let gallery = gallery();
        let jaguar = gallery.ask(&[0.0, 1.0, 0.0], Flank::Left, |i| !lynx(i), Some(&CURVE));
        assert_eq!(jaguar.who().map(|i| i.name.as_str()), Some("spot"));
    }

    #[test]
    fn crops_are_averaged_by_direction() {
        // By hand: (1,0) and (0,1) whatever their lengths give the diagonal.
        let diagonal = mean([&[5.0, 0.0][..], &[0.0, 0.1][..]]).unwrap();
        assert!(diagonal.iter().all(|v| (v - 0.5f32.sqrt()).abs() < 1e-6), "{diagonal:?}");
        assert_eq!(mean([&[1.0, 0.0][..], &[-1.0, 0.0][..]]), None);
        assert_eq!(mean([&[f32::INFINITY][..]]), None);
        assert_eq!(mean(std::iter::empty()), None);
    }
}
