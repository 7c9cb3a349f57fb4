//! Which taxa can live at a site: allow and block lists of scientific names at any rank.

use serde::{Deserialize, Serialize};

use crate::engine::labels::{Label, Lineage};
use crate::units::Rank;

/// Taxa allowed and blocked at a site, by scientific name at any rank; the block list wins.
/// Empty lists permit everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fence {
    /// Only these and what belongs to them; empty: everything.
    pub allow: Vec<String>,
    /// Never these nor what belongs to them.
    pub block: Vec<String>,
}

impl Fence {
    /// Whether it permits everything.
    pub fn is_open(&self) -> bool {
        self.allow.is_empty() && self.block.is_empty()
    }

    /// For each label, whether its taxon may be named. Ignored labels are not.
    ///
    /// A label coarser than a species (`Lynx`, `Mustelidae`) is allowed if it belongs to an allowed taxon, if an
    /// allowed label belongs to it, or, for a genus, if an allowed species bears its name.
    pub fn permits(&self, labels: &[Label]) -> Vec<bool> {
        let allowed: Vec<bool> =
            labels.iter().map(|l| l.taxon.as_ref().is_some_and(|t| self.allows(t))).collect();
        let holds_allowed = |coarse: &Lineage| {
            coarse.rank > Rank::Species
                && labels.iter().zip(&allowed).any(|(label, &allowed)| {
                    allowed && label.taxon.as_ref().is_some_and(|t| t.is_within(&coarse.scientific))
                })
        };
        labels
            .iter()
            .zip(&allowed)
            .map(|(label, &allowed)| {
                label.taxon.as_ref().is_some_and(|t| !self.blocks(t) && (allowed || holds_allowed(t)))
            })
            .collect()
    }

    /// The listed names that no label belongs to: misspelt, or unknown to the classifier.
    pub fn unknown(&self, labels: &[Label]) -> Vec<&str> {
        let known = |name: &str| labels.iter().any(|l| l.taxon.as_ref().is_some_and(|t| t.is_within(name)));
        self.allow.iter().chain(&self.block).map(String::as_str).filter(|name| !known(name)).collect()
    }

    fn allows(&self, taxon: &Lineage) -> bool {
        let same_genus = |name: &str| {
            taxon.rank == Rank::Genus && name.split_once(' ').is_some_and(|(g, _)| g == taxon.genus)
        };
        self.allow.is_empty() || self.allow.iter().any(|name| taxon.is_within(name) || same_genus(name))
    }

    fn blocks(&self, taxon: &Lineage) -> bool {
        self.block.iter().any(|name| taxon.is_within(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn labels() -> Vec<Label> {
        let text = "label,scientific,rank,english,genus,family,order,class\n\
            stone,,,,,,,\n\
            red fox,Vulpes vulpes,species,red fox,Vulpes,Canidae,Carnivora,Mammalia\n\
            wolf,Canis lupus,species,grey wolf,Canis,Canidae,Carnivora,Mammalia\n\
            lynx,Lynx,genus,lynx,Lynx,Felidae,Carnivora,Mammalia\n\
            polecat,Mustela putorius,species,polecat,Mustela,Mustelidae,Carnivora,Mammalia\n\
            badger,Mustelidae,family,weasel family,,Mustelidae,Carnivora,Mammalia\n\
            jay,Corvidae,family,crow family,,Corvidae,Passeriformes,Aves\n";
        crate::engine::labels::parse(text, Path::new("t.csv")).unwrap()
    }

    fn permitted(allow: &[&str], block: &[&str]) -> Vec<&'static str> {
        const NAMES: [&str; 7] = ["stone", "red fox", "wolf", "lynx", "polecat", "badger", "jay"];
        let list = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
        let fence = Fence { allow: list(allow), block: list(block) };
        let permitted = fence.permits(&labels());
        NAMES.into_iter().zip(permitted).filter_map(|(n, p)| p.then_some(n)).collect()
    }

    #[test]
    fn an_open_fence_permits_every_animal_and_no_stone() {
        assert!(Fence::default().is_open());
        assert_eq!(permitted(&[], &[]), ["red fox", "wolf", "lynx", "polecat", "badger", "jay"]);
    }

    #[test]
    fn lists_hold_at_any_rank_and_block_wins() {
        assert_eq!(permitted(&["Canidae"], &[]), ["red fox", "wolf"]);
        assert_eq!(permitted(&["Canidae"], &["Canis"]), ["red fox"]);
        assert_eq!(permitted(&[], &["Mammalia"]), ["jay"]);
    }

    #[test]
    fn a_coarse_label_is_allowed_for_the_sake_of_what_it_may_be() {
        assert_eq!(permitted(&["Lynx lynx"], &[]), ["lynx"]);
        assert_eq!(permitted(&["Mustela putorius"], &[]), ["polecat", "badger"]);
        assert_eq!(permitted(&["Mustela putorius"], &["Mustelidae"]), Vec::<&str>::new());
    }

    #[test]
    fn names_the_classifier_does_not_know_are_told() {
        let fence =
            Fence { allow: vec!["Canidae".into(), "Vulpes vulpse".into()], block: vec!["Lynx".into()] };
        assert_eq!(fence.unknown(&labels()), ["Vulpes vulpse"]);
    }
}
