//! The twelve species of the bench world: their names, bodies and coats.
//!
//! Shoulder heights and lengths are rounded mid-range values of field guides (metres); colours are by eye.

use super::canvas::Rgb;

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
            Species::RedSquirrel | Species::WoodPigeon => (0.05, 2.4),
            Species::EuropeanBadger => (1.5, 0.15),
            Species::EuropeanHare => (1.7, 1.2),
            Species::WildBoar | Species::RedFox => (1.3, 0.7),
            _ => (1.0, 1.0),
        }
    }

    /// The body of the species.
    pub(crate) fn build(self) -> Build {
        let b = Build::default();
        match self {
            Species::RedDeer => Build {
                shoulder: 1.2,
                length: 1.15,
                chest: 0.27,
                loin: 0.22,
                rump: 0.25,
                leg: 0.07,
                neck: [0.58, 0.12, 0.85],
                head: [0.24, 0.1],
                muzzle: [0.24, 0.055],
                ear: [0.2, 0.05, 0.6],
                tail: [0.14, 0.035, -1.2, 0.0],
                antlers: 0.85,
                pace: 1.3,
                ..b
            },
            Species::RoeDeer => Build {
                shoulder: 0.72,
                length: 0.72,
                chest: 0.155,
                loin: 0.135,
                rump: 0.165,
                leg: 0.05,
                neck: [0.33, 0.07, 0.95],
                head: [0.15, 0.065],
                muzzle: [0.13, 0.036],
                ear: [0.15, 0.04, 0.8],
                tail: [0.03, 0.02, -1.2, 0.0],
                antlers: 0.22,
                pace: 1.1,
                ..b
            },
            Species::WildBoar => Build {
                shoulder: 0.85,
                length: 0.95,
                chest: 0.27,
                loin: 0.21,
                rump: 0.22,
                leg: 0.075,
                neck: [0.22, 0.2, -0.12],
                head: [0.28, 0.165],
                muzzle: [0.3, 0.075],
                ear: [0.12, 0.045, 0.9],
                tail: [0.24, 0.018, -1.3, 0.0],
                hump: 0.06,
                fur: 0.16,
                ..b
            },
            Species::GreyWolf => Build {
                shoulder: 0.76,
                length: 0.8,
                chest: 0.175,
                loin: 0.135,
                rump: 0.145,
                leg: 0.05,
                neck: [0.26, 0.125, 0.4],
                head: [0.19, 0.1],
                muzzle: [0.17, 0.045],
                ear: [0.11, 0.04, 1.2],
                tail: [0.42, 0.055, -1.0, 0.1],
                fur: 0.14,
                pace: 1.4,
                ..b
            },
            Species::RedFox => Build {
                shoulder: 0.38,
                length: 0.5,
                chest: 0.095,
                loin: 0.08,
                rump: 0.088,
                leg: 0.026,
                neck: [0.14, 0.065, 0.4],
                head: [0.11, 0.06],
                muzzle: [0.1, 0.023],
                ear: [0.09, 0.032, 1.2],
                tail: [0.42, 0.062, -0.35, -0.1],
                fur: 0.14,
                pace: 1.0,
                ..b
            },
            Species::EurasianLynx => Build {
                shoulder: 0.65,
                length: 0.72,
                chest: 0.145,
                loin: 0.125,
                rump: 0.15,
                leg: 0.062,
                neck: [0.18, 0.1, 0.45],
                head: [0.13, 0.1],
                muzzle: [0.06, 0.05],
                ear: [0.1, 0.035, 1.4],
                tail: [0.17, 0.035, -0.5, 0.3],
                slope: -0.05,
                tufts: true,
                ..b
            },
            Species::Jaguar => Build {
                shoulder: 0.68,
                length: 0.95,
                chest: 0.19,
                loin: 0.165,
                rump: 0.175,
                leg: 0.078,
                neck: [0.2, 0.14, 0.25],
                head: [0.17, 0.125],
                muzzle: [0.09, 0.07],
                ear: [0.05, 0.035, 1.2],
                tail: [0.6, 0.036, -0.95, 0.55],
                ..b
            },
            Species::BrownBear => Build {
                shoulder: 1.0,
                length: 1.1,
                chest: 0.35,
                loin: 0.33,
                rump: 0.33,
                leg: 0.15,
                neck: [0.3, 0.24, 0.1],
                head: [0.24, 0.185],
                muzzle: [0.16, 0.085],
                ear: [0.07, 0.055, 1.5],
                tail: [0.06, 0.04, -1.0, 0.0],
                hump: 0.1,
                plantigrade: true,
                fur: 0.16,
                width: 0.85,
                ..b
            },
            Species::EuropeanBadger => Build {
                shoulder: 0.3,
                length: 0.48,
                chest: 0.11,
                loin: 0.12,
                rump: 0.12,
                leg: 0.045,
                neck: [0.1, 0.075, 0.05],
                head: [0.1, 0.065],
                muzzle: [0.09, 0.028],
                ear: [0.03, 0.02, 1.4],
                tail: [0.13, 0.035, -0.5, 0.0],
                plantigrade: true,
                fur: 0.18,
                width: 0.95,
                pace: 0.9,
                ..b
            },
            Species::EuropeanHare => Build {
                shoulder: 0.27,
                length: 0.34,
                chest: 0.068,
                loin: 0.085,
                rump: 0.095,
                leg: 0.028,
                neck: [0.075, 0.05, 0.8],
                head: [0.075, 0.048],
                muzzle: [0.045, 0.032],
                ear: [0.15, 0.026, 1.55],
                tail: [0.06, 0.026, 0.5, 0.0],
                slope: -0.03,
                hind: 1.7,
                pace: 0.7,
                ..b
            },
            Species::RedSquirrel => Build {
                shoulder: 0.1,
                length: 0.15,
                chest: 0.036,
                loin: 0.042,
                rump: 0.048,
                leg: 0.014,
                neck: [0.035, 0.028, 0.6],
                head: [0.042, 0.03],
                muzzle: [0.024, 0.017],
                ear: [0.04, 0.012, 1.5],
                tail: [0.22, 0.034, 1.2, -0.5],
                hind: 1.6,
                tufts: true,
                fur: 0.18,
                pace: 0.5,
                ..b
            },
            Species::WoodPigeon => Build {
                shoulder: 0.22,
                length: 0.2,
                chest: 0.078,
                loin: 0.065,
                rump: 0.045,
                leg: 0.012,
                neck: [0.1, 0.042, 1.05],
                head: [0.03, 0.032],
                muzzle: [0.035, 0.01],
                ear: [0.0, 0.0, 0.0],
                tail: [0.17, 0.036, 0.12, 0.0],
                fur: 0.04,
                pace: 0.35,
                ..b
            },
        }
    }

    /// The coat of the species.
    pub(crate) fn coat(self) -> Coat {
        let c = Coat::default();
        match self {
            Species::RedDeer => Coat {
                back: [0.2, 0.1, 0.05],
                flank: [0.26, 0.14, 0.07],
                belly: [0.25, 0.18, 0.12],
                leg: [0.17, 0.1, 0.06],
                head: [0.2, 0.12, 0.07],
                muzzle: [0.11, 0.08, 0.06],
                tail: [0.4, 0.28, 0.15],
                tip: [0.4, 0.28, 0.15],
                rump: Some([0.48, 0.35, 0.2]),
                ..c
            },
            Species::RoeDeer => Coat {
                back: [0.32, 0.14, 0.055],
                flank: [0.38, 0.19, 0.08],
                belly: [0.42, 0.3, 0.18],
                leg: [0.33, 0.18, 0.09],
                head: [0.28, 0.16, 0.09],
                muzzle: [0.04, 0.035, 0.03],
                tail: [0.6, 0.56, 0.48],
                tip: [0.6, 0.56, 0.48],
                rump: Some([0.68, 0.64, 0.56]),
                ..c
            },
            Species::WildBoar => Coat {
                back: [0.04, 0.034, 0.03],
                flank: [0.08, 0.066, 0.054],
                belly: [0.055, 0.046, 0.04],
                leg: [0.025, 0.022, 0.02],
                head: [0.075, 0.062, 0.05],
                muzzle: [0.05, 0.042, 0.038],
                tail: [0.04, 0.034, 0.03],
                tip: [0.02, 0.02, 0.02],
                grizzle: 0.9,
                ..c
            },
            Species::GreyWolf => Coat {
                back: [0.14, 0.125, 0.11],
                flank: [0.27, 0.24, 0.2],
                belly: [0.42, 0.37, 0.3],
                leg: [0.36, 0.29, 0.21],
                head: [0.24, 0.21, 0.17],
                muzzle: [0.45, 0.4, 0.33],
                tail: [0.23, 0.2, 0.17],
                tip: [0.05, 0.045, 0.04],
                grizzle: 0.8,
                saddle: 0.5,
                ..c
            },
            Species::RedFox => Coat {
                back: [0.4, 0.14, 0.035],
                flank: [0.45, 0.19, 0.06],
                belly: [0.6, 0.5, 0.4],
                leg: [0.05, 0.035, 0.03],
                head: [0.45, 0.19, 0.06],
                muzzle: [0.6, 0.5, 0.4],
                tail: [0.38, 0.17, 0.07],
                tip: [0.8, 0.76, 0.7],
                grizzle: 0.4,
                ..c
            },
            Species::EurasianLynx => Coat {
                back: [0.32, 0.2, 0.11],
                flank: [0.38, 0.27, 0.16],
                belly: [0.6, 0.53, 0.43],
                leg: [0.4, 0.29, 0.18],
                head: [0.38, 0.28, 0.18],
                muzzle: [0.58, 0.52, 0.44],
                tail: [0.35, 0.24, 0.14],
                tip: [0.02, 0.02, 0.02],
                pattern: Pattern::Spots,
                ..c
            },
            Species::Jaguar => Coat {
                back: [0.42, 0.23, 0.07],
                flank: [0.5, 0.31, 0.11],
                belly: [0.68, 0.58, 0.42],
                leg: [0.48, 0.32, 0.14],
                head: [0.45, 0.27, 0.1],
                muzzle: [0.6, 0.5, 0.36],
                tail: [0.45, 0.28, 0.1],
                tip: [0.03, 0.03, 0.03],
                pattern: Pattern::Rosettes,
                ..c
            },
            Species::BrownBear => Coat {
                back: [0.11, 0.062, 0.034],
                flank: [0.12, 0.068, 0.037],
                belly: [0.09, 0.05, 0.03],
                leg: [0.065, 0.038, 0.024],
                head: [0.16, 0.095, 0.052],
                muzzle: [0.2, 0.13, 0.08],
                tail: [0.1, 0.06, 0.035],
                tip: [0.1, 0.06, 0.035],
                grizzle: 0.6,
                ..c
            },
            Species::EuropeanBadger => Coat {
                back: [0.3, 0.29, 0.27],
                flank: [0.33, 0.32, 0.3],
                belly: [0.035, 0.033, 0.03],
                leg: [0.02, 0.02, 0.02],
                head: [0.75, 0.73, 0.68],
                muzzle: [0.75, 0.73, 0.68],
                tail: [0.5, 0.48, 0.44],
                tip: [0.6, 0.58, 0.55],
                grizzle: 0.8,
                pattern: Pattern::Mask,
                ..c
            },
            Species::EuropeanHare => Coat {
                back: [0.24, 0.17, 0.095],
                flank: [0.33, 0.23, 0.13],
                belly: [0.6, 0.55, 0.48],
                leg: [0.34, 0.23, 0.13],
                head: [0.29, 0.21, 0.12],
                muzzle: [0.34, 0.26, 0.18],
                tail: [0.7, 0.68, 0.64],
                tip: [0.7, 0.68, 0.64],
                ear: Some([0.24, 0.18, 0.12]),
                grizzle: 0.9,
                ..c
            },
            Species::RedSquirrel => Coat {
                back: [0.33, 0.11, 0.04],
                flank: [0.37, 0.13, 0.05],
                belly: [0.7, 0.64, 0.56],
                leg: [0.35, 0.13, 0.05],
                head: [0.33, 0.12, 0.05],
                muzzle: [0.36, 0.17, 0.09],
                tail: [0.34, 0.11, 0.04],
                tip: [0.28, 0.08, 0.03],
                ..c
            },
            Species::WoodPigeon => Coat {
                back: [0.19, 0.2, 0.24],
                flank: [0.25, 0.27, 0.32],
                belly: [0.4, 0.33, 0.37],
                leg: [0.45, 0.1, 0.08],
                head: [0.22, 0.25, 0.31],
                muzzle: [0.6, 0.35, 0.12],
                tail: [0.24, 0.25, 0.28],
                tip: [0.05, 0.05, 0.055],
                grizzle: 0.1,
                pattern: Pattern::Collar,
                ..c
            },
        }
    }
}

/// Proportions of a walking body, metres and radians.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Build {
    /// Height of the back at the shoulder.
    pub(crate) shoulder: f32,
    /// Chest to rump.
    pub(crate) length: f32,
    /// Radii along the trunk.
    pub(crate) chest: f32,
    pub(crate) loin: f32,
    pub(crate) rump: f32,
    /// Radius of the upper leg.
    pub(crate) leg: f32,
    /// Length, radius, angle above the horizon when alert.
    pub(crate) neck: [f32; 3],
    /// Length, radius.
    pub(crate) head: [f32; 2],
    /// Length, radius at its tip.
    pub(crate) muzzle: [f32; 2],
    /// Length, radius, angle above the horizon.
    pub(crate) ear: [f32; 3],
    /// Length, radius, angle at its root (0 straight back, positive up), bend per joint.
    pub(crate) tail: [f32; 4],
    /// Beam length of a male's antlers.
    pub(crate) antlers: f32,
    /// Extra height above the shoulder.
    pub(crate) hump: f32,
    /// Back higher (−) or lower (+) at the rump than at the shoulder.
    pub(crate) slope: f32,
    /// Width of the trunk against its height.
    pub(crate) width: f32,
    /// Thickness of the hind thigh against the foreleg.
    pub(crate) hind: f32,
    /// Walks on its soles.
    pub(crate) plantigrade: bool,
    /// Tufted ears.
    pub(crate) tufts: bool,
    /// Roughness of the outline, share of the radius.
    pub(crate) fur: f32,
    /// Walking speed, metres per second.
    pub(crate) pace: f32,
}

impl Default for Build {
    fn default() -> Self {
        Build {
            shoulder: 1.0,
            length: 1.0,
            chest: 0.2,
            loin: 0.2,
            rump: 0.2,
            leg: 0.07,
            neck: [0.2, 0.1, 0.5],
            head: [0.2, 0.1],
            muzzle: [0.15, 0.05],
            ear: [0.1, 0.04, 1.2],
            tail: [0.3, 0.04, -0.8, 0.0],
            antlers: 0.0,
            hump: 0.0,
            slope: 0.0,
            width: 0.68,
            hind: 1.35,
            plantigrade: false,
            tufts: false,
            fur: 0.08,
            pace: 1.2,
        }
    }
}

/// Markings over the ground colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    Plain,
    Spots,
    Rosettes,
    /// A badger's black stripes through the eyes.
    Mask,
    /// A pigeon's white neck patch and wing bar.
    Collar,
}

/// Colours of a coat by region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coat {
    pub(crate) back: Rgb,
    pub(crate) flank: Rgb,
    pub(crate) belly: Rgb,
    pub(crate) leg: Rgb,
    pub(crate) head: Rgb,
    pub(crate) muzzle: Rgb,
    pub(crate) tail: Rgb,
    pub(crate) tip: Rgb,
    pub(crate) rump: Option<Rgb>,
    pub(crate) ear: Option<Rgb>,
    /// How speckled the hairs are, 0..1.
    pub(crate) grizzle: f32,
    /// How dark a saddle lies over the back, 0..1.
    pub(crate) saddle: f32,
    pub(crate) pattern: Pattern,
}

impl Default for Coat {
    fn default() -> Self {
        let c = [0.3; 3];
        Coat {
            back: c,
            flank: c,
            belly: c,
            leg: c,
            head: c,
            muzzle: c,
            tail: c,
            tip: c,
            rump: None,
            ear: None,
            grizzle: 0.3,
            saddle: 0.0,
            pattern: Pattern::Plain,
        }
    }
}
