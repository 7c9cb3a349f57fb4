//! What a classifier's outputs mean: one label per output, each with its place in the tree of life.

use crate::units::Rank;

/// One output of a classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The network's own name for the class.
    pub name: String,
    /// What it is, or `None` for a class that is to be ignored (no animal).
    pub taxon: Option<Lineage>,
}

/// A taxon with its known ancestors; an empty string means not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lineage {
    /// Scientific name.
    pub scientific: String,
    /// English name.
    pub english: String,
    /// Rank of `scientific`.
    pub rank: Rank,
    /// Genus.
    pub genus: String,
    /// Family.
    pub family: String,
    /// Order.
    pub order: String,
    /// Class.
    pub class: String,
}
