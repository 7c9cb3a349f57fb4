//! The colours and markings of the species, by eye.

use super::canvas::Rgb;
use super::species::Species;

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

impl Species {
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
