//! What was seen in a burst, by the word that counts: a person's where there is one, else the machine's.

use crate::event::Outcome;
use crate::store::record::{Box, Burst, Observation};
use crate::store::{Seen, StoredLabel};

/// Name of people in journals.
pub(super) const PEOPLE: &str = "Homo sapiens";

/// Camtrap DP's types of observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Animal,
    Human,
    Vehicle,
    Blank,
    /// Looked at, and it cannot be told.
    Unknown,
    /// Not looked at: no frame could be read, or a network failed.
    Unclassified,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Animal => "animal",
            Kind::Human => "human",
            Kind::Vehicle => "vehicle",
            Kind::Blank => "blank",
            Kind::Unknown => "unknown",
            Kind::Unclassified => "unclassified",
        }
    }
}

/// One kind seen in a burst, or that nothing was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub kind: Kind,
    /// Scientific name; may be empty.
    pub taxon: String,
    pub rank: String,
    /// In plain words; may be empty.
    pub label: String,
    /// Individuals.
    pub count: Option<u16>,
    /// How sure the machine was; of people's words nothing is said.
    pub score: Option<f32>,
    pub life_stage: Option<String>,
    pub sex: Option<String>,
    pub behavior: Option<String>,
    pub individual: Option<String>,
    /// The machine's tracks it is made of.
    pub tracks: Vec<u32>,
}

impl Word {
    /// Of this kind, and nothing more is known.
    pub fn of(kind: Kind) -> Word {
        Word {
            kind,
            taxon: String::new(),
            rank: String::new(),
            label: String::new(),
            count: None,
            score: None,
            life_stage: None,
            sex: None,
            behavior: None,
            individual: None,
            tracks: Vec::new(),
        }
    }

    /// Whether it has that scientific or plain name, in any case.
    pub fn is_called(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        [&self.taxon, &self.label].into_iter().any(|own| !own.is_empty() && own.to_lowercase() == name)
    }

    /// Whether it may be that species: it is called so, or was rolled up to its genus.
    pub fn may_be(&self, name: &str) -> bool {
        let genus = name.split_whitespace().next().unwrap_or_default();
        self.is_called(name) || (!genus.is_empty() && self.taxon.eq_ignore_ascii_case(genus))
    }

    /// An animal known to the species, or finer.
    pub fn is_species(&self) -> bool {
        let fine = matches!(self.rank.as_str(), "species" | "subspecies")
            || (self.rank.is_empty() && self.taxon.contains(' '));
        self.kind == Kind::Animal && !self.taxon.is_empty() && fine
    }

    /// For people to read: `Lynx lynx × 2 (0.97)`.
    pub fn told(&self) -> String {
        let name = [&self.taxon, &self.label].into_iter().find(|n| !n.is_empty());
        let mut out = name.map_or_else(|| self.kind.as_str().to_owned(), Clone::clone);
        if let Some(count) = self.count {
            out += &format!(" × {count}");
        }
        if let Some(score) = self.score {
            out += &format!(" ({score:.2})");
        }
        out
    }
}

/// What counts.
pub(super) fn words(burst: &Burst, label: Option<&StoredLabel>) -> Vec<Word> {
    label.map_or_else(|| machine(burst), human)
}

/// What the networks said.
pub(super) fn machine(burst: &Burst) -> Vec<Word> {
    let sure = Some(burst.probability.get());
    let alone = |kind, score| vec![Word { score, ..Word::of(kind) }];
    match burst.outcome {
        // The probability is that of something living: a blank is as sure as it is not.
        Outcome::Empty => alone(Kind::Blank, sure.map(|p| 1.0 - p)),
        Outcome::Failed => alone(Kind::Unclassified, None),
        Outcome::Uncertain => alone(Kind::Unknown, sure),
        Outcome::Sighting | Outcome::Person | Outcome::Vehicle if burst.observations.is_empty() => {
            let mut word = Word::of(kind_of(burst.outcome, ""));
            word.score = sure;
            vec![word]
        }
        Outcome::Sighting | Outcome::Person | Outcome::Vehicle => {
            burst.observations.iter().map(|seen| observed(burst.outcome, seen)).collect()
        }
    }
}

fn observed(outcome: Outcome, seen: &Observation) -> Word {
    Word {
        taxon: seen.taxon.clone(),
        rank: if seen.taxon.is_empty() { String::new() } else { seen.rank.clone() },
        label: seen.label.clone(),
        count: Some(seen.count.max(1)),
        score: Some(seen.score.get()),
        tracks: seen.tracks.clone(),
        life_stage: seen.traits.life_stage.clone(),
        behavior: seen.traits.behavior.clone(),
        individual: individual(seen),
        // The machine leaves the name empty for vehicles only.
        ..Word::of(if seen.taxon.is_empty() { Kind::Vehicle } else { kind_of(outcome, &seen.taxon) })
    }
}

/// The one animal that was seen, where a gallery knows it: a name beside several animals would be a name for all.
fn individual(seen: &Observation) -> Option<String> {
    let [only] = seen.individuals.as_slice() else { return None };
    only.individual.clone().filter(|_| seen.count <= 1)
}

/// What a person said.
fn human(stored: &StoredLabel) -> Vec<Word> {
    let label = &stored.label;
    match label.outcome {
        Outcome::Empty => vec![Word::of(Kind::Blank)],
        Outcome::Uncertain | Outcome::Failed => vec![Word::of(Kind::Unknown)],
        outcome if label.seen.is_empty() => {
            let mut word = Word::of(kind_of(outcome, ""));
            word.taxon = if word.kind == Kind::Human { PEOPLE.to_owned() } else { String::new() };
            vec![word]
        }
        outcome => label.seen.iter().map(|seen| said(outcome, seen)).collect(),
    }
}

fn said(outcome: Outcome, seen: &Seen) -> Word {
    let own = |text: &Option<String>| text.clone().filter(|t| !t.is_empty());
    Word {
        taxon: seen.taxon.clone(),
        rank: seen.rank.clone(),
        label: seen.label.clone(),
        count: (seen.count > 0).then_some(seen.count),
        life_stage: own(&seen.life_stage),
        sex: own(&seen.sex),
        behavior: own(&seen.behavior),
        individual: own(&seen.individual),
        ..Word::of(if seen.label == "vehicle" { Kind::Vehicle } else { kind_of(outcome, &seen.taxon) })
    }
}

/// A burst of people may show a dog, one of animals their herdsman: the name counts before the outcome.
fn kind_of(outcome: Outcome, taxon: &str) -> Kind {
    match (taxon, outcome) {
        (PEOPLE, _) => Kind::Human,
        ("", Outcome::Person) => Kind::Human,
        ("", Outcome::Vehicle) => Kind::Vehicle,
        _ => Kind::Animal,
    }
}

/// What a box shows, by the detector.
pub(super) fn kind_of_box(found: &Box) -> Kind {
    match found.category.as_str() {
        "person" => Kind::Human,
        "vehicle" => Kind::Vehicle,
        _ => Kind::Animal,
    }
}

/// The word that a box belongs to. The machine's words know their tracks; a person's word is about the whole burst, and
/// is that of its boxes where it is the only one of their kind.
pub(super) fn word_of_box<'a>(words: &'a [Word], found: &Box, by_person: bool) -> Option<&'a Word> {
    let kind = kind_of_box(found);
    if !by_person {
        return words.iter().find(|w| w.kind == kind && w.tracks.contains(&found.track));
    }
    let mut same = words.iter().filter(|w| w.kind == kind);
    let word = same.next()?;
    same.next().is_none().then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_genus_may_be_any_of_its_species() {
        let word = |taxon: &str| Word { taxon: taxon.to_owned(), ..Word::of(Kind::Animal) };
        assert!(word("Lynx").may_be("Lynx lynx") && word("Lynx lynx").may_be("lynx LYNX"));
        assert!(!word("Lynx pardinus").may_be("Lynx lynx") && !word("").may_be("Lynx lynx"));
    }

    #[test]
    fn names_tell_species_from_groups() {
        let word = |taxon: &str, rank: &str| Word {
            taxon: taxon.to_owned(),
            rank: rank.to_owned(),
            ..Word::of(Kind::Animal)
        };
        assert!(word("Lynx lynx", "species").is_species() && word("Lynx lynx", "").is_species());
        assert!(!word("Lynx", "genus").is_species() && !word("Felidae", "").is_species());
    }
}
