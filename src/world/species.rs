//! The twelve species of the bench world: their names and habits.

/// A species that walks in the bench world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Species {
    RedDeer,
    RoeDeer,
    WildBoar,
    GreyWolf,
    RedFox,
    EurasianLynx,
    Jaguar,
    BrownBear,
    EuropeanBadger,
    EuropeanHare,
    RedSquirrel,
    WoodPigeon,
}

impl Species {
    /// All species, in the order of the bundled classifier's labels.
    pub const ALL: [Species; 12] = [
        Species::RedDeer,
        Species::RoeDeer,
        Species::WildBoar,
        Species::GreyWolf,
        Species::RedFox,
        Species::EurasianLynx,
        Species::Jaguar,
        Species::BrownBear,
        Species::EuropeanBadger,
        Species::EuropeanHare,
        Species::RedSquirrel,
        Species::WoodPigeon,
    ];

    /// Scientific name.
    pub fn scientific(self) -> &'static str {
        self.names().0
    }

    /// English name.
    pub fn english(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Species::RedDeer => ("Cervus elaphus", "red deer"),
            Species::RoeDeer => ("Capreolus capreolus", "roe deer"),
            Species::WildBoar => ("Sus scrofa", "wild boar"),
            Species::GreyWolf => ("Canis lupus", "grey wolf"),
            Species::RedFox => ("Vulpes vulpes", "red fox"),
            Species::EurasianLynx => ("Lynx lynx", "Eurasian lynx"),
            Species::Jaguar => ("Panthera onca", "jaguar"),
            Species::BrownBear => ("Ursus arctos", "brown bear"),
            Species::EuropeanBadger => ("Meles meles", "European badger"),
            Species::EuropeanHare => ("Lepus europaeus", "European hare"),
            Species::RedSquirrel => ("Sciurus vulgaris", "red squirrel"),
            Species::WoodPigeon => ("Columba palumbus", "wood pigeon"),
        }
    }

    /// Largest usual group.
    pub(crate) fn group(self) -> usize {
        match self {
            Species::WildBoar | Species::RedDeer => 6,
            Species::GreyWolf => 4,
            Species::RoeDeer | Species::WoodPigeon => 3,
            Species::BrownBear | Species::EuropeanBadger | Species::EuropeanHare => 2,
            _ => 1,
        }
    }

    /// How often it comes, at night and by day (relative).
    pub(crate) fn activity(self) -> (f32, f32) {
        match self {
            Species::RedSquirrel | Species::WoodPigeon => (0.08, 4.0),
            Species::EuropeanBadger => (1.5, 0.15),
            Species::EuropeanHare => (1.7, 1.2),
            Species::WildBoar | Species::RedFox => (1.3, 0.7),
            _ => (1.0, 1.0),
        }
    }
}
