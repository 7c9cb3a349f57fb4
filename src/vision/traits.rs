//! Life stage and behaviour: what a network for attributes says of an animal, averaged over its boxes.

use serde::{Deserialize, Serialize};

use crate::engine::attributes::{Attribute, Term};

/// What is known of the animals of a sighting besides their name, in Camtrap DP's terms.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traits {
    /// `adult`, `subadult` or `juvenile`.
    pub life_stage: Option<String>,
    /// Behaviours, the most certain first, with `|` between them as in Camtrap DP.
    pub behavior: Option<String>,
}

impl Traits {
    /// From the mean log-odds of each attribute, in their order: the most probable life stage that reaches its threshold,
    /// and every behaviour that does.
    pub(super) fn of(attributes: &[Attribute], mean: &[f32]) -> Traits {
        let scored = attributes.iter().zip(mean).map(|(a, logit)| (a, 1.0 / (1.0 + (-logit).exp())));
        let mut told: Vec<(&Attribute, f32)> = scored.filter(|(a, p)| *p >= a.threshold).collect();
        told.sort_by(|a, b| b.1.total_cmp(&a.1));
        let of = |term| told.iter().filter(move |(a, _)| a.term == term).map(|(a, _)| a.value.as_str());
        let behavior = of(Term::Behavior).collect::<Vec<_>>().join("|");
        Traits {
            life_stage: of(Term::LifeStage).next().map(str::to_owned),
            behavior: Some(behavior).filter(|text| !text.is_empty()),
        }
    }

    /// Those of several animals of one kind and stage: the behaviours of all.
    pub(super) fn together<'a>(all: impl Iterator<Item = &'a Traits>) -> Traits {
        let mut words: Vec<&str> = Vec::new();
        let mut life_stage = None;
        for traits in all {
            life_stage = life_stage.or(traits.life_stage.clone());
            for word in traits.behavior.iter().flat_map(|text| text.split('|')) {
                if !words.contains(&word) {
                    words.push(word);
                }
            }
        }
        Traits { life_stage, behavior: Some(words.join("|")).filter(|text| !text.is_empty()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes() -> Vec<Attribute> {
        let one = |term, value: &str, threshold| Attribute { term, value: value.to_owned(), threshold };
        vec![
            one(Term::LifeStage, "adult", 0.5),
            one(Term::LifeStage, "juvenile", 0.5),
            one(Term::Behavior, "eating", 0.5),
            one(Term::Behavior, "resting", 0.9),
            one(Term::Behavior, "standing", 0.5),
        ]
    }

    #[test]
    fn each_value_has_its_own_threshold_and_of_stages_the_best_is_told() {
        // Log-odds 2 are 0.88, 1 are 0.73, 0.5 are 0.62, -1 are 0.27.
        let traits = Traits::of(&attributes(), &[0.5, 1.0, 1.0, 2.0, 2.0]);
        assert_eq!(traits.life_stage.as_deref(), Some("juvenile"));
        assert_eq!(traits.behavior.as_deref(), Some("standing|eating"));
        assert_eq!(Traits::of(&attributes(), &[-1.0; 5]), Traits::default());
    }

    #[test]
    fn behaviours_of_all_are_told_once() {
        let of = |words: &str| Traits { life_stage: Some("adult".into()), behavior: Some(words.to_owned()) };
        let all = [of("eating"), Traits::default(), of("standing|eating")];
        assert_eq!(Traits::together(all.iter()), of("eating|standing"));
        assert_eq!(Traits::together([].iter()), Traits::default());
    }
}
