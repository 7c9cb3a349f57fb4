//! What a bench burst was, against what it was taken for.

use std::collections::BTreeSet;

use crate::event::Outcome;
use crate::store::record::Burst;
use crate::world::{Category, Species, Truth};

/// Who could be seen in a burst.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scene {
    species: BTreeSet<Species>,
    person: bool,
    vehicle: bool,
}

/// How a burst was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// As it was.
    Right,
    /// An animal as an animal, by a name wider than its species.
    Wider,
    /// Left to human eyes.
    Unsure,
    /// As something else.
    Wrong,
    /// Not judged; kept.
    Failed,
}

impl Mark {
    /// Every mark, best first.
    pub const ALL: [Mark; 5] = [Mark::Right, Mark::Wider, Mark::Unsure, Mark::Wrong, Mark::Failed];

    /// As it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Mark::Right => "right",
            Mark::Wider => "wider",
            Mark::Unsure => "unsure",
            Mark::Wrong => "WRONG",
            Mark::Failed => "failed",
        }
    }
}

impl Scene {
    /// From the truth of each frame.
    pub fn of(frames: &[Vec<Truth>]) -> Self {
        let mut scene = Scene::default();
        for truth in frames.iter().flatten() {
            match (truth.category, truth.species) {
                (Category::Person, _) => scene.person = true,
                (Category::Vehicle, _) => scene.vehicle = true,
                (Category::Animal, species) => scene.species.extend(species),
            }
        }
        scene
    }

    /// Who is in it, in words; `nothing` for an empty scene.
    pub fn words(&self) -> String {
        let mut words: Vec<&str> = self.species.iter().map(|s| s.english()).collect();
        words.extend(self.person.then_some("person"));
        words.extend(self.vehicle.then_some("vehicle"));
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }

    /// How well `burst` says it.
    pub fn mark(&self, burst: &Burst) -> Mark {
        let right = |fits: bool| if fits { Mark::Right } else { Mark::Wrong };
        match burst.outcome {
            Outcome::Failed => Mark::Failed,
            Outcome::Uncertain => Mark::Unsure,
            Outcome::Empty => right(*self == Scene::default()),
            Outcome::Person => right(self.person),
            Outcome::Vehicle => right(self.vehicle),
            Outcome::Sighting => self.mark_sighting(burst),
        }
    }

    fn mark_sighting(&self, burst: &Burst) -> Mark {
        let there = |taxon: &str| self.species.iter().any(|s| s.scientific() == taxon);
        let mut named = burst.observations.iter().filter(|seen| seen.rank == "species");
        if self.species.is_empty() {
            Mark::Wrong
        } else if named.clone().any(|seen| there(&seen.taxon)) {
            Mark::Right
        } else if named.all(|seen| seen.taxon == "Homo sapiens") {
            Mark::Wider
        } else {
            Mark::Wrong
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::Observation;
    use crate::units::{ClockQuality, Score};

    fn burst(outcome: Outcome, seen: &[(&str, &str)]) -> Burst {
        let observation = |&(taxon, rank): &(&str, &str)| Observation {
            taxon: taxon.to_owned(),
            rank: rank.to_owned(),
            label: String::new(),
            score: Score::ONE,
            count: 1,
            top5: Vec::new(),
            traits: Default::default(),
            individuals: Vec::new(),
            tracks: Vec::new(),
        };
        Burst {
            triggered: Default::default(),
            clock: ClockQuality::Rtc,
            outcome,
            probability: Score::ONE,
            frames: Vec::new(),
            observations: seen.iter().map(observation).collect(),
            faults: Vec::new(),
            millis: 0,
            suppressed: 0,
            models: Vec::new(),
            cause: None,
            source: None,
            report: None,
        }
    }

    #[test]
    fn marks_by_hand() {
        let fox = Scene { species: [Species::RedFox].into(), ..Scene::default() };
        let sighting = |seen: &[(&str, &str)]| burst(Outcome::Sighting, seen);
        assert_eq!(fox.mark(&sighting(&[("Vulpes vulpes", "species")])), Mark::Right);
        assert_eq!(fox.mark(&sighting(&[("Canis lupus", "species")])), Mark::Wrong);
        assert_eq!(fox.mark(&sighting(&[("Canidae", "family")])), Mark::Wider);
        assert_eq!(fox.mark(&burst(Outcome::Empty, &[])), Mark::Wrong);
        assert_eq!(fox.mark(&burst(Outcome::Uncertain, &[])), Mark::Unsure);
        let nothing = Scene::default();
        assert_eq!(nothing.mark(&burst(Outcome::Empty, &[])), Mark::Right);
        assert_eq!(nothing.mark(&sighting(&[("Animalia", "kingdom")])), Mark::Wrong);
        assert_eq!(nothing.words(), "nothing");
        assert_eq!(Scene { person: true, ..fox }.words(), "red fox, person");
    }
}
