//! Quantities with a unit or a range, so that a number cannot be taken for another. `no_std`.

use serde::{Deserialize, Serialize};

/// A probability or a confidence, always finite and within 0..=1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(f32);

impl Score {
    /// Nothing speaks for it.
    pub const ZERO: Score = Score(0.0);
    /// Everything speaks for it.
    pub const ONE: Score = Score(1.0);

    /// Clamps to 0..=1; NaN becomes 0, so that a broken network can never look certain.
    pub fn new(value: f32) -> Self {
        if value.is_nan() { Score::ZERO } else { Score(value.clamp(0.0, 1.0)) }
    }

    /// The value, 0..=1.
    pub fn get(self) -> f32 {
        self.0
    }
}

/// A box on a picture, normalised to the picture's size: `x`, `y` is the top-left corner, all in 0..=1
/// (the convention of MegaDetector and Camtrap DP). Serialised as `[x, y, w, h]`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "[f32; 4]", into = "[f32; 4]")]
pub struct BBox {
    /// Left edge, 0..=1 of the width.
    pub x: f32,
    /// Top edge, 0..=1 of the height.
    pub y: f32,
    /// Width, 0..=1 of the picture's width.
    pub w: f32,
    /// Height, 0..=1 of the picture's height.
    pub h: f32,
}

impl BBox {
    /// The whole picture.
    pub const FULL: BBox = BBox { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };

    /// From two corners, in any order, clipped to the picture; NaN counts as 0.
    pub fn from_corners(x0: f32, y0: f32, x1: f32, y1: f32) -> Self {
        let clip = |v: f32| if v.is_nan() { 0.0 } else { v.clamp(0.0, 1.0) };
        let (x0, y0, x1, y1) = (clip(x0), clip(y0), clip(x1), clip(y1));
        BBox { x: x0.min(x1), y: y0.min(y1), w: (x1 - x0).abs(), h: (y1 - y0).abs() }
    }

    /// Right edge.
    pub fn right(&self) -> f32 {
        self.x + self.w
    }

    /// Bottom edge.
    pub fn bottom(&self) -> f32 {
        self.y + self.h
    }

    /// Centre, (x, y).
    pub fn centre(&self) -> (f32, f32) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// Share of the picture, 0..=1.
    pub fn area(&self) -> f32 {
        self.w * self.h
    }

    /// Area shared with `other`, as a share of the picture.
    pub fn intersection(&self, other: &BBox) -> f32 {
        let w = self.right().min(other.right()) - self.x.max(other.x);
        let h = self.bottom().min(other.bottom()) - self.y.max(other.y);
        w.max(0.0) * h.max(0.0)
    }

    /// Intersection over union, 0..=1; 0 for two empty boxes.
    pub fn iou(&self, other: &BBox) -> f32 {
        let shared = self.intersection(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// Share of this box that `other` covers, 0..=1.
    pub fn covered_by(&self, other: &BBox) -> f32 {
        let area = self.area();
        if area > 0.0 { self.intersection(other) / area } else { 0.0 }
    }

    /// The smallest box around both.
    pub fn union(&self, other: &BBox) -> BBox {
        BBox::from_corners(
            self.x.min(other.x),
            self.y.min(other.y),
            self.right().max(other.right()),
            self.bottom().max(other.bottom()),
        )
    }
}

impl From<[f32; 4]> for BBox {
    fn from([x, y, w, h]: [f32; 4]) -> Self {
        BBox { x, y, w, h }
    }
}

impl From<BBox> for [f32; 4] {
    fn from(b: BBox) -> Self {
        [b.x, b.y, b.w, b.h]
    }
}

/// A clock that was never set, or lost its battery, says a time before this: 2024-01-01, seconds since 1970.
pub const SET_AFTER: i64 = 1_704_067_200;

/// How far the trap's idea of the time can be trusted, worst first. Every record carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockQuality {
    /// Never set since power came: only the order of records is known.
    #[default]
    Unset,
    /// From a battery-backed clock.
    Rtc,
    /// From a satellite fix.
    Gps,
    /// From the network (NTP, LoRaWAN DeviceTime).
    Network,
}

impl ClockQuality {
    /// The name used in the journal and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            ClockQuality::Unset => "unset",
            ClockQuality::Rtc => "rtc",
            ClockQuality::Gps => "gps",
            ClockQuality::Network => "network",
        }
    }

    /// The inverse of [`ClockQuality::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        [ClockQuality::Unset, ClockQuality::Rtc, ClockQuality::Gps, ClockQuality::Network]
            .into_iter()
            .find(|q| q.as_str() == name)
    }
}

/// A taxonomic rank, from the finest to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// Subspecies and breeds.
    Subspecies,
    /// Species.
    Species,
    /// Genus.
    Genus,
    /// Family.
    Family,
    /// Order.
    Order,
    /// Class.
    Class,
    /// Nothing finer than "an animal".
    Kingdom,
}

impl Rank {
    /// Every rank, finest first.
    pub const ALL: [Rank; 7] =
        [Rank::Subspecies, Rank::Species, Rank::Genus, Rank::Family, Rank::Order, Rank::Class, Rank::Kingdom];

    /// The name used in manifests, the journal and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Rank::Subspecies => "subspecies",
            Rank::Species => "species",
            Rank::Genus => "genus",
            Rank::Family => "family",
            Rank::Order => "order",
            Rank::Class => "class",
            Rank::Kingdom => "kingdom",
        }
    }

    /// The inverse of [`Rank::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Rank::ALL.into_iter().find(|r| r.as_str() == name)
    }
}

/// The side of an animal that is towards the camera: coats differ from side to side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flank {
    /// Its left one: it stands with its nose to the left.
    Left,
    /// Its right one.
    Right,
    /// Not known, or neither (from the front, from behind).
    #[default]
    Unknown,
}

impl Flank {
    /// All of them.
    pub const ALL: [Flank; 3] = [Flank::Left, Flank::Right, Flank::Unknown];

    /// The name used in folders, the journal and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Flank::Left => "left",
            Flank::Right => "right",
            Flank::Unknown => "unknown",
        }
    }

    /// The inverse of [`Flank::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Flank::ALL.into_iter().find(|flank| flank.as_str() == name)
    }

    /// Whether coats of these sides can be compared: not those of left and right.
    pub fn fits(self, other: Flank) -> bool {
        self == other || self == Flank::Unknown || other == Flank::Unknown
    }
}

/// Whether an animal was met before, as far as a gallery tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recognition {
    /// It is one of the gallery's.
    Known,
    /// It may be one of them.
    Unsure,
    /// It is none of them.
    New,
}

impl Recognition {
    /// The name used in the journal and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Recognition::Known => "known",
            Recognition::Unsure => "unsure",
            Recognition::New => "new",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_never_outside_zero_to_one_nor_nan() {
        assert_eq!(Score::new(f32::NAN), Score::ZERO);
        assert_eq!(Score::new(7.0), Score::ONE);
        assert_eq!(Score::new(-1.0), Score::ZERO);
        assert_eq!(Score::new(0.25).get(), 0.25);
    }

    #[test]
    fn iou_of_two_halves_overlapping_by_a_third() {
        // By hand: [0,0.5] and [0.25,0.75] on one axis share 0.25 of a union of 0.75.
        let a = BBox::from_corners(0.0, 0.0, 0.5, 1.0);
        let b = BBox::from_corners(0.25, 0.0, 0.75, 1.0);
        assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-6);
        assert!((a.covered_by(&b) - 0.5).abs() < 1e-6);
        assert_eq!(BBox::default().iou(&BBox::default()), 0.0);
    }

    #[test]
    fn corners_are_sorted_and_clipped() {
        let b = BBox::from_corners(1.5, 0.5, 0.25, f32::NAN);
        assert_eq!(b, BBox { x: 0.25, y: 0.0, w: 0.75, h: 0.5 });
    }

    #[test]
    fn flanks_round_trip_and_left_is_never_compared_with_right() {
        for flank in Flank::ALL {
            assert_eq!(Flank::parse(flank.as_str()), Some(flank));
            assert!(flank.fits(Flank::Unknown) && Flank::Unknown.fits(flank) && flank.fits(flank));
        }
        assert!(!Flank::Left.fits(Flank::Right) && !Flank::Right.fits(Flank::Left));
        assert_eq!(Flank::parse("both"), None);
    }

    #[test]
    fn clock_quality_names_round_trip() {
        for q in [ClockQuality::Unset, ClockQuality::Rtc, ClockQuality::Gps, ClockQuality::Network] {
            assert_eq!(ClockQuality::parse(q.as_str()), Some(q));
        }
        assert_eq!(ClockQuality::parse("ntp"), None);
    }
}
