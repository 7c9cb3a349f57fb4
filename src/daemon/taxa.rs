//! The taxa a site can name: the codebook of its messages, and who descends from whom for its alert rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::labels::{Label, Lineage};
use crate::event::{CODEBOOK_MAX, Code};
use crate::units::Rank;
use crate::vision::fence::Fence;
use crate::vision::names::english;

/// Every taxon of the labels and above them that the site permits, sorted: the codebook's names. What has a code of
/// its own (animal, person) is left out. Where there are more than a codebook can hold, the finest ranks go first,
/// and it is told: what they stand for is then sent as their genus.
pub fn names(labels: &[Label], fence: &Fence) -> Vec<String> {
    let permitted = fence.permits(labels);
    let taxa: Vec<&Lineage> = labels
        .iter()
        .zip(permitted)
        .filter(|(_, permitted)| *permitted)
        .filter_map(|(l, _)| l.taxon.as_ref())
        .collect();
    let mut coarsest = BTreeSet::new();
    // Coarse ranks first, so that what does not fit is fine.
    for rank in Rank::ALL.into_iter().rev() {
        for taxon in &taxa {
            let name = taxon.at(rank);
            let fixed = [Code::ANIMAL, Code::PERSON].iter().any(|code| code.fixed_name() == Some(name));
            if name.is_empty() || fixed || coarsest.contains(name) {
                continue;
            }
            if coarsest.len() == CODEBOOK_MAX {
                log::warn!(
                    "more than {CODEBOOK_MAX} taxa: {name} has no code; list the site's own in [species] allow"
                );
                continue;
            }
            coarsest.insert(name.to_owned());
        }
    }
    coarsest.into_iter().collect()
}

/// A name that people may give to what they see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// Scientific name.
    pub taxon: String,
    /// Its rank.
    pub rank: Rank,
    /// English name; may be empty.
    pub label: String,
}

/// Every taxon of the labels and above them, by name, each once.
pub fn known(labels: &[Label]) -> Vec<Known> {
    let mut all: BTreeMap<&str, Known> = BTreeMap::new();
    for lineage in labels.iter().filter_map(|label| label.taxon.as_ref()) {
        for rank in Rank::ALL {
            let taxon = lineage.at(rank);
            if taxon.is_empty() {
                continue;
            }
            let english = match taxon == lineage.scientific {
                true => lineage.english.clone(),
                false => english(taxon, rank),
            };
            let known = all.entry(taxon).or_insert_with(|| Known {
                taxon: taxon.to_owned(),
                rank,
                label: String::new(),
            });
            if known.label.is_empty() {
                known.label = english;
            }
        }
    }
    all.into_values().collect()
}

/// The ancestors of every taxon of the labels and above them, by scientific name.
pub fn ancestors(labels: &[Label]) -> BTreeMap<String, Vec<String>> {
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for taxon in labels.iter().filter_map(|label| label.taxon.as_ref()) {
        let line: Vec<&str> =
            Rank::ALL.into_iter().map(|rank| taxon.at(rank)).filter(|name| !name.is_empty()).collect();
        for (i, name) in line.iter().enumerate() {
            let above = line.iter().skip(i + 1).map(|name| (*name).to_owned());
            known.entry((*name).to_owned()).or_insert_with(|| above.collect());
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(scientific: &str, genus: &str, family: &str) -> Label {
        Label {
            name: scientific.to_lowercase(),
            taxon: Some(Lineage {
                scientific: scientific.to_owned(),
                english: String::new(),
                rank: Rank::Species,
                genus: genus.to_owned(),
                family: family.to_owned(),
                order: "Carnivora".to_owned(),
                class: "Mammalia".to_owned(),
            }),
        }
    }

    #[test]
    fn the_codebook_holds_species_and_what_they_roll_up_to() {
        let labels = [label("Canis lupus", "Canis", "Canidae"), label("Lynx lynx", "Lynx", "Felidae")];
        let all = names(&labels, &Fence::default());
        let expected =
            ["Canidae", "Canis", "Canis lupus", "Carnivora", "Felidae", "Lynx", "Lynx lynx", "Mammalia"];
        assert_eq!(all, expected);
        let fence = Fence { allow: vec!["Felidae".to_owned()], block: Vec::new() };
        assert!(!names(&labels, &fence).contains(&"Canis".to_owned()), "what cannot occur needs no code");
        assert_eq!(ancestors(&labels)["Lynx"], ["Felidae", "Carnivora", "Mammalia", "Animalia"]);
    }
}
