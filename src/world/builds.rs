//! The proportions of the species' bodies.
//!
//! Shoulder heights and lengths are rounded mid-range values of field guides, metres.

use super::species::Species;

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

impl Species {
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
}
