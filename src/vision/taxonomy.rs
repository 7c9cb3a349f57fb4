//! From a classifier's probabilities to the finest taxon that is certain enough: roll-up and geofence.
//!
//! The rule is SpeciesNet's (google/cameratrapai, `ensemble_prediction_combiner.py`), with two differences, both
//! because our classifiers give all their probabilities and SpeciesNet's only its five best: sums run over every
//! class instead of the top five, and the threshold of a species can be set per taxon.
//!
//! 1. Classes of one taxon are summed (a hundred dog breeds are one dog); the best taxon is the candidate.
//! 2. A permitted candidate at or above its threshold is named.
//! 3. A candidate at or above it that the geofence forbids is rolled up over family, order, class to the first
//!    permitted ancestor level whose best sum is at least the candidate's score (SpeciesNet's `c - 1e-10`).
//! 4. Otherwise the first of genus, family, order, class whose best permitted sum exceeds the roll-up threshold.
//! 5. Otherwise nothing finer than "an animal" is known.

use std::collections::{BTreeMap, HashMap};

use super::fence::Fence;
use super::names;
use super::second::Head;
use crate::engine::attributes::Attribute;
use crate::engine::labels::{Label, Lineage};
use crate::units::{Rank, Score};

/// Levels of the roll-up, as SpeciesNet's (its last, the kingdom, is what remains when none holds).
const LEVELS: [Rank; 4] = [Rank::Genus, Rank::Family, Rank::Order, Rank::Class];

/// When a taxon is certain enough to be named, all 0..=1.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// Least score of the best taxon. Default 0.8: what DeepFaune's window asks (its programming interface 0.5),
    /// and SpeciesNet of a label on which its detector has no say (0.65 where it saw an animal).
    pub species: f32,
    /// A summed score must exceed it for a higher rank to be named. Default 0.65, SpeciesNet's.
    pub rollup: f32,
    /// Other values of `species` by scientific name at any rank; the finest that applies counts.
    pub overrides: BTreeMap<String, f32>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds { species: 0.8, rollup: 0.65, overrides: BTreeMap::new() }
    }
}

/// How a name was arrived at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The best taxon, certain enough by itself.
    Best,
    /// Summed to a higher rank, because the best taxon was not certain enough.
    RolledUp,
    /// Summed to a higher rank, because the best taxon cannot live here.
    Fenced,
}

/// A taxon with the score it is named with.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// The taxon; its ancestors are those of the labels below it.
    pub taxon: Lineage,
    /// Its probability.
    pub score: Score,
    /// How it was arrived at.
    pub basis: Basis,
}

/// The labels of a classifier as a tree, under the lists of one site.
#[derive(Debug, Clone)]
pub struct Taxonomy {
    labels: Vec<Label>,
    /// Classes whose logits are used at all: not the animals outside the species list.
    kept: Vec<bool>,
    /// Every taxon that a label stands for or lies under.
    nodes: Vec<Node>,
    /// Per label: the node it stands for and those above it, by level.
    paths: Vec<Option<Path>>,
    /// Second heads; their logits follow the classifier's own, in this order.
    heads: Vec<Head>,
    /// Attributes; their logits come last.
    attributes: Vec<Attribute>,
}

/// One taxon of the tree.
#[derive(Debug, Clone)]
struct Node {
    taxon: Lineage,
    /// Whether the geofence permits any label at or below it.
    permitted: bool,
}

/// Where a label stands in the tree, as indices of nodes.
#[derive(Debug, Clone, Copy)]
struct Path {
    own: usize,
    levels: [Option<usize>; LEVELS.len()],
}

impl Taxonomy {
    /// Labels of a classifier, in the order of its outputs.
    ///
    /// `species` is DeepFaune's list: classes outside it are deleted before the softmax, as if the classifier had
    /// never known them, so that their probability goes to what is left. `geofence` is SpeciesNet's: classes
    /// outside it keep their probability, but are never named; what looks like one is rolled up. Classes without a
    /// taxon are never named either and keep their probability, like SpeciesNet's blank: a crop that looks like a
    /// stone is then no certain animal.
    pub fn new(labels: Vec<Label>, species: &Fence, geofence: &Fence) -> Self {
        let listed = species.permits(&labels);
        let kept: Vec<bool> =
            labels.iter().zip(listed).map(|(l, listed)| listed || l.taxon.is_none()).collect();
        let permitted = geofence.permits(&labels);
        let mut tree = Tree::default();
        let paths = labels
            .iter()
            .enumerate()
            .map(|(i, label)| {
                let taxon = label.taxon.as_ref().filter(|_| kept.get(i).copied().unwrap_or(false))?;
                Some(tree.path(taxon, permitted.get(i).copied().unwrap_or(false)))
            })
            .collect();
        Taxonomy { labels, kept, nodes: tree.nodes, paths, heads: Vec::new(), attributes: Vec::new() }
    }

    /// The same with second heads.
    pub fn with_heads(self, heads: Vec<Head>) -> Self {
        Taxonomy { heads, ..self }
    }

    /// The same with a network that tells these attributes.
    pub fn with_attributes(self, attributes: Vec<Attribute>) -> Self {
        Taxonomy { attributes, ..self }
    }

    /// What the network for attributes tells, if there is one.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The second heads.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// The classifier's own logits of what a detection carries.
    pub(super) fn own_part<'a>(&self, logits: &'a [f32]) -> &'a [f32] {
        logits.get(..self.labels.len()).unwrap_or(logits)
    }

    /// The logits of the second head numbered `head` in what a detection carries, those of attributes for the number
    /// after the last; `None` where it was not asked.
    pub(super) fn part<'a>(&self, logits: &'a [f32], head: usize) -> Option<&'a [f32]> {
        let (from, to) = self.place(head);
        logits.get(from..to).filter(|part| part.first().is_some_and(|first| !first.is_nan()))
    }

    /// What a detection carries, with the logits of the second head numbered `head` put in.
    pub(super) fn with_part(&self, logits: &[f32], head: usize, part: &[f32]) -> Vec<f32> {
        let (from, to) = self.place(head);
        let mut all = logits.to_vec();
        all.resize(all.len().max(to), f32::NAN);
        all.get_mut(from..to)
            .into_iter()
            .for_each(|place| place.iter_mut().zip(part).for_each(|(a, b)| *a = *b));
        all
    }

    fn place(&self, head: usize) -> (usize, usize) {
        let width = |head: &Head| head.taxonomy.labels.len();
        let from = self.labels.len() + self.heads.iter().take(head).map(width).sum::<usize>();
        (from, from + self.heads.get(head).map_or(self.attributes.len(), width))
    }

    /// The labels, in the order of the classifier's outputs.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// Whether output `class` is an animal of the species list.
    pub fn is_allowed_animal(&self, class: usize) -> bool {
        self.paths.get(class).is_some_and(Option::is_some)
    }

    /// The taxon that output `class` stands for, and whether the geofence permits it; `None` where it is no animal.
    pub(super) fn own(&self, class: usize) -> Option<(&Lineage, bool)> {
        let path = self.paths.get(class).copied().flatten()?;
        let taxon = self.labels.get(class)?.taxon.as_ref()?;
        Some((taxon, self.nodes.get(path.own)?.permitted))
    }

    /// The taxon at `rank`, genus to class, that output `class` stands for or lies under, and whether the geofence
    /// permits it.
    pub(super) fn above(&self, class: usize, rank: Rank) -> Option<(&Lineage, bool)> {
        let path = self.paths.get(class).copied().flatten()?;
        let level = LEVELS.iter().position(|level| *level == rank)?;
        let node = self.nodes.get(path.levels.get(level).copied().flatten()?)?;
        Some((&node.taxon, node.permitted))
    }

    /// Softmax of `logits / temperature` over the kept classes only; the others get 0.
    pub fn probabilities(&self, logits: &[f32], temperature: f32) -> Vec<f32> {
        let kept: Vec<f32> = logits
            .iter()
            .zip(&self.kept)
            .map(|(&logit, &kept)| if kept { logit } else { f32::NEG_INFINITY })
            .collect();
        softmax(&kept, temperature)
    }

    /// The `n` most probable of the network's own labels, over all its classes: before any list or roll-up.
    pub fn top(&self, logits: &[f32], temperature: f32, n: usize) -> Vec<(String, Score)> {
        let mut ranked: Vec<(&Label, f32)> = self
            .labels
            .iter()
            .zip(softmax(self.own_part(logits), temperature))
            .filter(|(_, p)| *p > 0.0)
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked.into_iter().take(n).map(|(label, p)| (label.name.clone(), Score::new(p))).collect()
    }

    /// The finest taxon that is certain enough, or `None` for "an animal". `probabilities`: one per label.
    pub fn name(&self, probabilities: &[f32], thresholds: &Thresholds) -> Option<Named> {
        let (own, summed) = self.sums(probabilities);
        let (best, score) = largest(own.iter().copied().enumerate())?;
        let node = self.nodes.get(best)?;
        if score < thresholds.of(&node.taxon) {
            return self.roll_up(&summed, &LEVELS, Basis::RolledUp, |sum| sum > thresholds.rollup);
        }
        if node.permitted {
            return Some(Named { taxon: node.taxon.clone(), score: Score::new(score), basis: Basis::Best });
        }
        self.roll_up(&summed, &LEVELS[1..], Basis::Fenced, |sum| sum >= score)
    }

    /// Per node: the probability of the labels that stand for it, and of all labels at or below it.
    fn sums(&self, probabilities: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut own = vec![0.0; self.nodes.len()];
        let mut summed = vec![0.0; self.nodes.len()];
        let add = |sums: &mut Vec<f32>, node: usize, p: f32| {
            if let Some(sum) = sums.get_mut(node) {
                *sum += p;
            }
        };
        for (path, &p) in self.paths.iter().zip(probabilities) {
            let Some(path) = path else { continue };
            add(&mut own, path.own, p);
            for node in path.levels.into_iter().flatten() {
                add(&mut summed, node, p);
            }
        }
        (own, summed)
    }

    /// The best permitted taxon of the first of `levels` where `enough` holds.
    fn roll_up(
        &self,
        summed: &[f32],
        levels: &[Rank],
        basis: Basis,
        enough: impl Fn(f32) -> bool,
    ) -> Option<Named> {
        levels.iter().find_map(|&level| {
            let at_level =
                self.nodes.iter().enumerate().filter(|(_, n)| n.permitted && n.taxon.rank == level);
            let scored = at_level.filter_map(|(i, _)| Some((i, *summed.get(i)?)));
            let (node, score) = largest(scored).filter(|&(_, sum)| enough(sum))?;
            let taxon = self.nodes.get(node)?.taxon.clone();
            Some(Named { taxon, score: Score::new(score), basis })
        })
    }

    /// The known taxon called `name`, at any rank.
    pub fn find(&self, name: &str) -> Option<&Lineage> {
        self.nodes.iter().map(|n| &n.taxon).find(|t| t.scientific == name)
    }
}

impl Thresholds {
    /// The threshold of `taxon`.
    fn of(&self, taxon: &Lineage) -> f32 {
        let named = |rank| self.overrides.get(taxon.at(rank)).copied();
        Rank::ALL.into_iter().find_map(named).unwrap_or(self.species)
    }
}

/// The largest positive value and its index; the first of equals.
fn largest(values: impl Iterator<Item = (usize, f32)>) -> Option<(usize, f32)> {
    values.filter(|(_, v)| *v > 0.0).fold(None, |best, next| match best {
        Some((_, b)) if b >= next.1 => best,
        _ => Some(next),
    })
}

/// Softmax of `logits / temperature`. NaN counts as minus infinity; all zeros when nothing is left.
pub fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    // Bounded, so that an infinite logit is certain instead of NaN.
    let bounded = |l: f32| if l.is_nan() { f32::NEG_INFINITY } else { l.min(1e30) };
    let top = logits.iter().copied().map(bounded).fold(f32::NEG_INFINITY, f32::max);
    if top == f32::NEG_INFINITY {
        return vec![0.0; logits.len()];
    }
    let weights: Vec<f32> = logits.iter().map(|&l| ((bounded(l) - top) / temperature).exp()).collect();
    let total: f32 = weights.iter().sum();
    weights.into_iter().map(|w| w / total).collect()
}

/// Builds the nodes.
#[derive(Default)]
struct Tree {
    nodes: Vec<Node>,
    index: HashMap<String, usize>,
}

impl Tree {
    fn path(&mut self, taxon: &Lineage, permitted: bool) -> Path {
        // A subspecies is counted as its species.
        let own = self.node(taxon, taxon.rank.max(Rank::Species), permitted).unwrap_or_default();
        Path { own, levels: LEVELS.map(|rank| self.node(taxon, rank, permitted)) }
    }

    /// The node of `taxon` at `rank`, made if need be; `None` where no name is known there.
    fn node(&mut self, taxon: &Lineage, rank: Rank, permitted: bool) -> Option<usize> {
        let name = taxon.at(rank);
        if name.is_empty() {
            return None;
        }
        let i = *self.index.entry(name.to_owned()).or_insert_with(|| {
            self.nodes.push(Node { taxon: ancestor(taxon, rank), permitted: false });
            self.nodes.len() - 1
        });
        let node = self.nodes.get_mut(i)?;
        node.permitted |= permitted;
        if rank == taxon.rank {
            node.taxon.english.clone_from(&taxon.english);
        }
        Some(i)
    }
}

/// The ancestor of `taxon` at `rank`, with its own ancestors.
fn ancestor(taxon: &Lineage, rank: Rank) -> Lineage {
    let up = |at: Rank| if at >= rank { taxon.at(at).to_owned() } else { String::new() };
    Lineage {
        scientific: taxon.at(rank).to_owned(),
        english: names::english(taxon.at(rank), rank),
        rank,
        genus: up(Rank::Genus),
        family: up(Rank::Family),
        order: up(Rank::Order),
        class: up(Rank::Class),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fence(allow: &[&str], block: &[&str]) -> Fence {
        let list = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
        Fence { allow: list(allow), block: list(block) }
    }

    fn tree(species: &Fence, geofence: &Fence) -> Taxonomy {
        let text = "label,scientific,rank,english,genus,family,order,class\n\
            stone,,,,,,,\n\
            red fox,Vulpes vulpes,species,red fox,Vulpes,Canidae,Carnivora,Mammalia\n\
            kit fox,Vulpes macrotis,species,kit fox,Vulpes,Canidae,Carnivora,Mammalia\n\
            beagle,Canis familiaris,species,domestic dog,Canis,Canidae,Carnivora,Mammalia\n\
            poodle,Canis familiaris,species,domestic dog,Canis,Canidae,Carnivora,Mammalia\n\
            lynx,Lynx,genus,lynx,Lynx,Felidae,Carnivora,Mammalia\n\
            boar,Sus scrofa,species,wild boar,Sus,Suidae,Artiodactyla,Mammalia\n\
            impala,Aepyceros melampus,species,impala,Aepyceros,Bovidae,Artiodactyla,Mammalia\n\
            white wolf,Canis lupus arctos,subspecies,Arctic wolf,Canis,Canidae,Carnivora,Mammalia\n";
        let labels = crate::engine::labels::parse(text, std::path::Path::new("t.csv")).unwrap();
        Taxonomy::new(labels, species, geofence)
    }

    /// Scientific name, score in hundredths and basis for probabilities in the order of the labels.
    fn named(tree: &Taxonomy, p: [f32; 9]) -> Option<(String, i32, Basis)> {
        let named = tree.name(&p, &Thresholds::default())?;
        Some((named.taxon.scientific, (named.score.get() * 100.0).round() as i32, named.basis))
    }

    fn open() -> Taxonomy {
        tree(&Fence::default(), &Fence::default())
    }

    #[test]
    fn classes_of_one_taxon_are_one_candidate() {
        let p = [0.0, 0.18, 0.0, 0.41, 0.41, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(named(&open(), p), Some(("Canis familiaris".into(), 82, Basis::Best)));
    }

    #[test]
    fn roll_up_takes_the_first_level_that_suffices() {
        // Two foxes make a genus; foxes and dogs a family; dogs and cats an order; ungulates too a class.
        let genus = [0.0, 0.4, 0.3, 0.2, 0.0, 0.1, 0.0, 0.0, 0.0];
        assert_eq!(named(&open(), genus), Some(("Vulpes".into(), 70, Basis::RolledUp)));
        let family = [0.0, 0.4, 0.1, 0.3, 0.0, 0.2, 0.0, 0.0, 0.0];
        assert_eq!(named(&open(), family), Some(("Canidae".into(), 80, Basis::RolledUp)));
        let order = [0.0, 0.4, 0.0, 0.2, 0.0, 0.3, 0.1, 0.0, 0.0];
        assert_eq!(named(&open(), order), Some(("Carnivora".into(), 90, Basis::RolledUp)));
        let class = [0.0, 0.4, 0.0, 0.0, 0.0, 0.1, 0.5, 0.0, 0.0];
        assert_eq!(named(&open(), class), Some(("Mammalia".into(), 100, Basis::RolledUp)));
        assert_eq!(named(&open(), [0.9, 0.02, 0.02, 0.0, 0.0, 0.02, 0.02, 0.02, 0.0]), None);
    }

    #[test]
    fn the_roll_up_threshold_must_be_exceeded_and_the_species_one_reached() {
        let mut thresholds = Thresholds { rollup: 0.5, ..Thresholds::default() };
        let p = [0.5, 0.25, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(open().name(&p, &thresholds), None);
        thresholds.species = 0.25;
        assert_eq!(open().name(&p, &thresholds).unwrap().taxon.scientific, "Vulpes vulpes");
    }

    #[test]
    fn a_forbidden_best_taxon_is_rolled_up_past_its_genus() {
        // No bovid lives here, so what looks like an impala is some even-toed ungulate.
        let here = tree(&Fence::default(), &fence(&["Sus scrofa", "Canidae"], &[]));
        let p = [0.0, 0.0, 0.0, 0.0, 0.0, 0.05, 0.05, 0.9, 0.0];
        assert_eq!(named(&here, p), Some(("Artiodactyla".into(), 95, Basis::Fenced)));
        // Congeners live here, but a forbidden species never becomes its genus: the family is the first level.
        let no_kit = tree(&Fence::default(), &fence(&[], &["Vulpes macrotis"]));
        let p = [0.0, 0.1, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(named(&no_kit, p), Some(("Canidae".into(), 100, Basis::Fenced)));
    }

    #[test]
    fn roll_up_skips_what_cannot_live_here() {
        let here = tree(&Fence::default(), &fence(&[], &["Canidae"]));
        let p = [0.0, 0.4, 0.4, 0.0, 0.0, 0.2, 0.0, 0.0, 0.0];
        assert_eq!(named(&here, p), Some(("Carnivora".into(), 100, Basis::RolledUp)));
        let nowhere = tree(&Fence::default(), &fence(&["Aves"], &[]));
        assert_eq!(named(&nowhere, p), None);
    }

    #[test]
    fn the_species_list_deletes_columns_before_the_softmax() {
        // By hand: weights 4, 6, 3 and 1; without the 6, 4 of 8, 3 of 8 and 1 of 8 remain.
        let logits = [4.0_f32, 6.0, 3.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0].map(f32::ln);
        let list = tree(&fence(&[], &["Vulpes vulpes"]), &Fence::default());
        let p = list.probabilities(&logits, 1.0);
        assert!((p[0] - 0.5).abs() < 1e-6 && (p[2] - 0.375).abs() < 1e-6 && (p[6] - 0.125).abs() < 1e-6);
        assert_eq!(p[1], 0.0);
        assert_eq!(
            list.top(&logits, 1.0, 2).iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(),
            ["red fox", "stone"]
        );
    }

    #[test]
    fn an_override_holds_for_its_taxon_and_all_below_the_finest_first() {
        let mut thresholds = Thresholds::default();
        thresholds.overrides.insert("Canidae".into(), 0.95);
        let p = [0.0, 0.9, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(open().name(&p, &thresholds).unwrap().taxon.scientific, "Vulpes");
        thresholds.overrides.insert("Vulpes vulpes".into(), 0.9);
        assert_eq!(open().name(&p, &thresholds).unwrap().taxon.scientific, "Vulpes vulpes");
    }

    #[test]
    fn a_subspecies_is_named_as_its_species() {
        let named =
            open().name(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], &Thresholds::default()).unwrap();
        assert_eq!((named.taxon.scientific.as_str(), named.taxon.rank), ("Canis lupus", Rank::Species));
    }

    #[test]
    fn higher_ranks_have_english_names_and_ancestors() {
        let tree = open();
        assert_eq!(tree.find("Canidae").unwrap().english, "dog family");
        assert_eq!(tree.find("Lynx").unwrap().english, "lynx");
        let vulpes = tree.find("Vulpes").unwrap();
        assert_eq!((vulpes.at(Rank::Family), vulpes.at(Rank::Species)), ("Canidae", ""));
    }

    #[test]
    fn strange_logits_are_never_a_certain_animal() {
        assert_eq!(softmax(&[f32::NAN, f32::NEG_INFINITY], 1.0), [0.0, 0.0]);
        assert_eq!(softmax(&[f32::INFINITY, 1.0], 1.0), [1.0, 0.0]);
        let p = softmax(&[f32::NAN, 2.0_f32.ln(), 0.0], 1.0);
        assert!((p[1] - 2.0 / 3.0).abs() < 1e-6 && p[0] == 0.0);
        assert_eq!(open().name(&softmax(&[f32::NAN; 9], 1.0), &Thresholds::default()), None);
    }
}
