//! Several classifiers as one: their probabilities per taxon, joined over the tree of life and averaged.
//!
//! Norouzzadeh et al. (2018, S.2) average the answers of networks with one list of classes. Here the lists may differ:
//!
//! 1. Each member's softmax (its own temperature, its own allowed labels) is summed per taxon; classes that stand for no
//!    animal are one, "none".
//! 2. A member all of whose taxa lie within one taxon below the kingdom (a network for birds) is a *specialist*: it says
//!    which bird, not whether it is one. It counts for as much as the others, on average, see of that taxon, its domain.
//! 3. A member with a coarse class (`Canidae`) lends its probability to finer taxa that only others know (`Vulpes vulpes`),
//!    to each as much as those see in it on average, and keeps the rest.
//! 4. A taxon's value is the mean over the members that know it or something below it: of probabilities, or of their
//!    logarithms. One that knows only something below gives nothing to the coarse class itself; in the mean of logarithms,
//!    where nothing would be a veto, what it sees below times the share that the lenders kept.
//! 5. What lies in a domain is brought to what the members that are no specialists see of it, and all to a sum of 1.
//!
//! The joint logits are the logarithms, so that averaging over frames, lists, roll-up and geofence work on them as on
//! those of one classifier. With one list of classes, step 4 is all there is.

use std::collections::{BTreeSet, HashMap};

use super::classify::LEAST_PROBABILITY;
use super::taxonomy::softmax;
use crate::engine::labels::{Label, Lineage};
use crate::engine::pack::Mean;
use crate::units::Rank;

/// Name of the joint class of everything that is no animal.
pub const NONE: &str = "none of these";

/// What is known of a member.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    /// Its labels, one per logit.
    pub labels: &'a [Label],
    /// What its logits are divided by, > 0.
    pub temperature: f32,
    /// The only labels of animals that take part; `None` for all.
    pub allowed: Option<&'a [String]>,
}

/// The joint list of labels, and how each member's answers are brought to it.
#[derive(Debug, Clone)]
pub struct Joint {
    labels: Vec<Label>,
    /// Per joint label: those below it.
    beneath: Vec<Vec<usize>>,
    members: Vec<Member>,
    mean: Mean,
}

#[derive(Debug, Clone)]
struct Member {
    temperature: f32,
    /// Per class: its joint label; `None` for a class that takes no part.
    classes: Vec<Option<usize>>,
    /// Per joint label: whether one of the classes stands for it.
    knows: Vec<bool>,
    /// Per joint label: whether a class stands for it or lends to it.
    gives: Vec<bool>,
    /// Joint labels of coarse classes, each with the finer ones that only others know.
    lends: Vec<(usize, Vec<usize>)>,
    /// Of a specialist: per joint label whether it lies in the domain.
    domain: Option<Vec<bool>>,
}

impl Joint {
    /// Joins the lists of `members`, in their order.
    pub fn new(members: &[Outputs<'_>], mean: Mean) -> Joint {
        let mut labels: Vec<Label> = Vec::new();
        let mut index: HashMap<&str, usize> = HashMap::new();
        let taxa = members.iter().flat_map(|m| m.labels).filter_map(|l| l.taxon.as_ref());
        for taxon in taxa {
            index.entry(&taxon.scientific).or_insert_with(|| {
                let name = if taxon.english.is_empty() { &taxon.scientific } else { &taxon.english };
                labels.push(Label { name: name.clone(), taxon: Some(taxon.clone()) });
                labels.len() - 1
            });
        }
        let none = labels.len();
        if members.iter().flat_map(|m| m.labels).any(|l| l.taxon.is_none()) {
            labels.push(Label { name: NONE.to_owned(), taxon: None });
        }
        let mut beneath: Vec<Vec<usize>> = vec![Vec::new(); labels.len()];
        for (j, taxon) in labels.iter().enumerate().filter_map(|(j, l)| Some((j, l.taxon.as_ref()?))) {
            let above = Rank::ALL.into_iter().filter(|rank| *rank > taxon.rank).map(|rank| taxon.at(rank));
            let above: BTreeSet<usize> = above.filter_map(|name| index.get(name).copied()).collect();
            for above in above.into_iter().filter(|&above| above != j) {
                if let Some(below) = beneath.get_mut(above) {
                    below.push(j);
                }
            }
        }
        let place = |label: &Label| {
            label.taxon.as_ref().map_or(Some(none), |t| index.get(t.scientific.as_str()).copied())
        };
        let mut joined: Vec<Member> = members.iter().map(|m| Member::new(m, &labels, place)).collect();
        let known: Vec<Vec<bool>> = joined.iter().map(|m| m.knows.clone()).collect();
        for member in &mut joined {
            member.lend(&beneath, |j| known.iter().any(|knows| is(knows, j)));
        }
        Joint { labels, beneath, members: joined, mean }
    }

    /// The joint labels, one per joint logit: every taxon once, in the order in which the members name them.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The joint logits: natural logarithms of the joint probabilities, of one vector of raw logits per member.
    pub fn logits<L: AsRef<[f32]>>(&self, of_members: &[L]) -> Vec<f32> {
        let of_members = self.members.iter().zip(of_members);
        let own: Vec<Vec<f32>> =
            of_members.map(|(m, logits)| m.probabilities(logits.as_ref(), self.labels.len())).collect();
        let lent = self.lent(&own);
        let masses: Vec<Option<f32>> = self.members.iter().map(|m| self.mass(m, &own)).collect();
        let mut joint: Vec<f32> =
            (0..self.labels.len()).map(|j| self.mean_of(j, &own, &lent, &masses)).collect();
        for (member, mass) in self.members.iter().zip(&masses) {
            let (Some(domain), Some(mass)) = (&member.domain, mass) else { continue };
            let sum: f32 = joint.iter().zip(domain).filter(|(_, inside)| **inside).map(|(p, _)| p).sum();
            if sum > 0.0 {
                joint
                    .iter_mut()
                    .zip(domain)
                    .filter(|(_, inside)| **inside)
                    .for_each(|(p, _)| *p *= mass / sum);
            }
        }
        let sum: f32 = joint.iter().sum();
        joint.iter().map(|p| (p / sum.max(f32::MIN_POSITIVE)).max(LEAST_PROBABILITY).ln()).collect()
    }

    /// What the members that are no specialists see of a specialist's domain, on average; `None` for those, and where
    /// there are only specialists.
    fn mass(&self, member: &Member, own: &[Vec<f32>]) -> Option<f32> {
        let domain = member.domain.as_ref()?;
        let others = self.members.iter().zip(own).filter(|(m, _)| m.domain.is_none());
        average(
            others.map(|(_, p)| p.iter().zip(domain).filter(|(_, inside)| **inside).map(|(p, _)| p).sum()),
        )
    }

    /// Each member's probabilities once it has lent.
    fn lent(&self, own: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let seen = |j: usize| {
            let knowing = self.members.iter().zip(own).filter(|(m, _)| is(&m.knows, j));
            average(knowing.map(|(_, p)| at(p, j))).unwrap_or_default()
        };
        let each = self.members.iter().zip(own).map(|(member, own)| {
            let mut lent = own.clone();
            for (coarse, finer) in &member.lends {
                let shares: Vec<f32> = finer.iter().map(|&j| seen(j)).collect();
                let all: f32 = shares.iter().sum();
                let scale = at(own, *coarse) / all.max(1.0);
                for (&j, share) in finer.iter().zip(shares) {
                    lent.get_mut(j).into_iter().for_each(|p| *p += share * scale);
                }
                lent.get_mut(*coarse).into_iter().for_each(|p| *p -= all * scale);
            }
            lent
        });
        each.collect()
    }

    /// The mean of joint label `j`, before anything is brought to a sum.
    fn mean_of(&self, j: usize, own: &[Vec<f32>], lent: &[Vec<f32>], masses: &[Option<f32>]) -> f32 {
        // A specialist's "none" is none of its own kind, which the others may know.
        let nothing = self.labels.get(j).is_some_and(|l| l.taxon.is_none());
        let finer = self.beneath.get(j).map(Vec::as_slice).unwrap_or_default();
        let kept = || {
            let of = |all: &[Vec<f32>]| -> f32 {
                self.members.iter().zip(all).filter(|(m, _)| is(&m.knows, j)).map(|(_, p)| at(p, j)).sum()
            };
            let before = of(own);
            if before > 0.0 { of(lent) / before } else { 0.0 }
        };
        let each = self.members.iter().zip(lent.iter().zip(masses));
        let values =
            each.filter(|(_, (_, mass))| !(nothing && mass.is_some())).filter_map(|(m, (p, mass))| {
                let value = if is(&m.gives, j) {
                    at(p, j)
                } else if !finer.iter().any(|&f| is(&m.gives, f)) {
                    return None;
                } else if self.mean == Mean::Probabilities {
                    0.0
                } else {
                    finer.iter().map(|&f| at(p, f)).sum::<f32>() * kept()
                };
                Some(value * mass.unwrap_or(1.0))
            });
        match self.mean {
            Mean::Probabilities => average(values).unwrap_or_default(),
            Mean::Logits => average(values.map(|p| p.max(LEAST_PROBABILITY).ln())).map_or(0.0, f32::exp),
        }
    }
}

impl Member {
    fn new(outputs: &Outputs<'_>, joint: &[Label], place: impl Fn(&Label) -> Option<usize>) -> Member {
        let takes_part = |label: &&Label| {
            label.taxon.is_none() || outputs.allowed.is_none_or(|names| names.contains(&label.name))
        };
        let place = |label: &Label| Some(label).filter(takes_part).and_then(&place);
        let classes: Vec<Option<usize>> = outputs.labels.iter().map(place).collect();
        let knows: Vec<bool> = (0..joint.len()).map(|j| classes.contains(&Some(j))).collect();
        let known = joint.iter().zip(&knows).filter(|(_, knows)| **knows);
        let taxa: Vec<&Lineage> = known.filter_map(|(l, _)| l.taxon.as_ref()).collect();
        let inside =
            |name: &str| joint.iter().map(|l| l.taxon.as_ref().is_some_and(|t| t.is_within(name))).collect();
        Member {
            temperature: outputs.temperature,
            domain: domain(&taxa).map(inside),
            gives: knows.clone(),
            lends: Vec::new(),
            classes,
            knows,
        }
    }

    /// Notes what it lends: to what lies below a class of it, that it does not know and somebody does.
    fn lend(&mut self, beneath: &[Vec<usize>], known: impl Fn(usize) -> bool) {
        for (coarse, finer) in beneath.iter().enumerate().filter(|(j, _)| is(&self.knows, *j)) {
            let finer: Vec<usize> =
                finer.iter().copied().filter(|&j| !is(&self.knows, j) && known(j)).collect();
            if !finer.is_empty() {
                for &j in &finer {
                    if let Some(gives) = self.gives.get_mut(j) {
                        *gives = true;
                    }
                }
                self.lends.push((coarse, finer));
            }
        }
    }

    /// The probability of each joint label by its own classes alone.
    fn probabilities(&self, logits: &[f32], joint: usize) -> Vec<f32> {
        let masked: Vec<f32> = logits
            .iter()
            .zip(&self.classes)
            .map(|(&l, class)| if class.is_some() { l } else { f32::NEG_INFINITY })
            .collect();
        let mut sums = vec![0.0; joint];
        for (class, p) in self.classes.iter().zip(softmax(&masked, self.temperature)) {
            class.and_then(|j| sums.get_mut(j)).into_iter().for_each(|sum| *sum += p);
        }
        sums
    }
}

/// The finest taxon, genus to class, that all of these lie within.
fn domain<'a>(taxa: &[&'a Lineage]) -> Option<&'a str> {
    let first = taxa.first()?;
    let levels = [Rank::Genus, Rank::Family, Rank::Order, Rank::Class].map(|rank| first.at(rank));
    levels.into_iter().find(|name| taxa.iter().all(|t| t.is_within(name)))
}

/// The mean; `None` of nothing.
fn average(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (sum, count) = values.fold((0.0f32, 0u32), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / count as f32)
}

fn is(flags: &[bool], at: usize) -> bool {
    flags.get(at).copied().unwrap_or(false)
}

fn at(values: &[f32], index: usize) -> f32 {
    values.get(index).copied().unwrap_or_default()
}
