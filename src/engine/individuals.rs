//! What an embedder's similarities mean: `[individuals]` in its manifest, fitted on individuals it did not learn from.
//!
//! The similarity is that of a question (the mean of an animal's crops in one burst, of unit length) to the nearest
//! entry of the individual of a gallery that it is most like: the cosine, -1..=1. A logistic curve makes it the
//! probability that both are the same individual:
//!
//! ```text
//! p = 1 / (1 + exp(-(slope * similarity + intercept)))
//! ```

use super::keys::Section;
use super::manifest::{ManifestError, Role};

/// From a similarity to a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// How fast the odds rise with the similarity, > 0.
    pub slope: f32,
    /// The log-odds at similarity 0.
    pub intercept: f32,
    /// From this probability on it is told as that individual, 0..=1.
    pub known: f32,
    /// Below this probability it is told as none of the gallery, 0..=1, at most `known`.
    pub new: f32,
}

impl Calibration {
    /// The probability that a question is the individual it is that similar to, 0..=1.
    pub fn probability(&self, similarity: f32) -> f32 {
        let odds = f64::from(self.slope) * f64::from(similarity) + f64::from(self.intercept);
        (1.0 / (1.0 + (-odds).exp())) as f32
    }

    /// The section of a manifest; `None` where it has none, and for a network with another role.
    pub(super) fn read(top: &Section<'_>, role: Role) -> Result<Option<Calibration>, ManifestError> {
        let Some(section) = top.section("individuals", &["slope", "intercept", "known", "new"])? else {
            return Ok(None);
        };
        if role != Role::Embedder {
            return Err(top.wrong_value(
                "individuals",
                "set",
                "nothing: only an embedder tells individuals apart",
            ));
        }
        let number = |key: &str, low: f32, high: f32| {
            let allowed = format!("a number from {low} to {high}");
            section.number(key, low, high)?.ok_or_else(|| section.missing(key, &allowed))
        };
        let calibration = Calibration {
            slope: number("slope", 0.01, 1000.0)?,
            intercept: number("intercept", -1000.0, 1000.0)?,
            known: number("known", 0.0, 1.0)?,
            new: number("new", 0.0, 1.0)?,
        };
        if calibration.new > calibration.known {
            let allowed = "at most `individuals.known`";
            return Err(section.wrong_value("new", &calibration.new.to_string(), allowed));
        }
        Ok(Some(calibration))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str, role: Role) -> Result<Option<Calibration>, String> {
        let table: toml::Table = text.parse().unwrap();
        let top = Section::new(Path::new("m.toml"), "", &table, &["individuals"]).unwrap();
        Calibration::read(&top, role).map_err(|e| e.to_string())
    }

    const KEYS: &str = "[individuals]\nslope = 20\nintercept = -10\nknown = 0.9\nnew = 0.2\n";

    #[test]
    fn the_section_is_read_strictly() {
        assert_eq!(read("", Role::Embedder), Ok(None));
        let expected = Calibration { slope: 20.0, intercept: -10.0, known: 0.9, new: 0.2 };
        assert_eq!(read(KEYS, Role::Embedder), Ok(Some(expected)));
        let said = |from: &str, to: &str| read(&KEYS.replace(from, to), Role::Embedder).unwrap_err();
        assert!(said("slope = 20", "slope = 0").contains("`individuals.slope` is 0"));
        assert!(said("known = 0.9\n", "").contains("`individuals.known` is missing"));
        assert!(
            said("new = 0.2", "new = 0.95")
                .contains("`individuals.new` is 0.95; allowed: at most `individuals.known`")
        );
        assert!(said("known", "sure").contains("unknown key `individuals.sure`"));
        assert!(read(KEYS, Role::Classifier).unwrap_err().contains("only an embedder"));
    }

    #[test]
    fn the_curve_is_the_logistic_one() {
        let c = Calibration { slope: 20.0, intercept: -10.0, known: 0.9, new: 0.2 };
        assert_eq!(c.probability(0.5), 0.5);
        // By hand: 20 * 0.6 - 10 = 2, 1 / (1 + e^-2) = 0.880797.
        assert!((c.probability(0.6) - 0.880_797).abs() < 1e-5);
        assert!(c.probability(1.0) <= 1.0 && c.probability(-1.0) >= 0.0);
    }
}
