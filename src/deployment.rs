//! How a camera stands: what people write down of a deployment, in the words of Camtrap DP 1.0.
//!
//! The configuration's `[site]` and the page's form fill it, the journal keeps it, the exports write it.

use serde::{Deserialize, Serialize};

/// What a deployment's surroundings are used for (Camtrap DP 1.0.2, deployments, `featureType`).
pub const FEATURES: [&str; 13] = [
    "roadPaved",
    "roadDirt",
    "trailHiking",
    "trailGame",
    "roadUnderpass",
    "roadOverpass",
    "roadBridge",
    "culvert",
    "burrow",
    "nestSite",
    "carcass",
    "waterSource",
    "fruitingTree",
];

/// What is known of a deployment. Everything may be left out. Names and meanings are those of the columns of Camtrap
/// DP 1.0.2's `deployments`; units stand in the names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Setup {
    /// Stable identifier of the place, the same in every season.
    pub location_id: Option<String>,
    /// Name of the place.
    pub location_name: Option<String>,
    /// Degrees north, -90..=90; with `longitude` or not at all.
    pub latitude: Option<f64>,
    /// Degrees east, -180..=180.
    pub longitude: Option<f64>,
    /// Radius around the coordinates within which the camera stands, metres, at least 1.
    pub coordinate_uncertainty_m: Option<u32>,
    /// Who put it up.
    pub setup_by: Option<String>,
    /// Serial number or name of the camera.
    pub camera_id: Option<String>,
    /// Maker and model, as `Maker-Model`.
    pub camera_model: Option<String>,
    /// Height above the ground, metres.
    pub height_m: Option<f64>,
    /// Angle to the horizontal, -90 (down) to 90.
    pub tilt_deg: Option<i32>,
    /// Compass direction it looks to, 0..=360.
    pub heading_deg: Option<u32>,
    /// Farthest distance at which an animal sets it off, metres.
    pub detection_distance_m: Option<f64>,
    /// Whether bait lies there.
    pub bait: Option<bool>,
    /// One of [`FEATURES`].
    pub feature: Option<String>,
    /// In one's own words.
    pub habitat: Option<String>,
    /// Groups it belongs to, such as a season or a grid.
    pub groups: Vec<String>,
    /// Tags, `word` or `key:value`.
    pub tags: Vec<String>,
    /// Anything else.
    pub comments: Option<String>,
}

/// A value of a [`Setup`] that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` is {value}; allowed: {allowed}")]
pub struct SetupError {
    /// The field.
    pub key: &'static str,
    /// What was given.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

impl Setup {
    /// Refuses the first value outside its range.
    pub fn check(&self) -> Result<(), SetupError> {
        let within = |key, value: Option<f64>, low: f64, high: f64, allowed| match value {
            Some(v) if !(low..=high).contains(&v) => Err(SetupError { key, value: v.to_string(), allowed }),
            _ => Ok(()),
        };
        if self.latitude.is_some() != self.longitude.is_some() {
            let (key, allowed) = ("latitude", "latitude and longitude, both or neither");
            return Err(SetupError { key, value: "alone".to_owned(), allowed });
        }
        within("latitude", self.latitude, -90.0, 90.0, "-90 to 90")?;
        within("longitude", self.longitude, -180.0, 180.0, "-180 to 180")?;
        let uncertainty = self.coordinate_uncertainty_m.map(f64::from);
        within("coordinate_uncertainty_m", uncertainty, 1.0, 1e6, "1 to 1000000")?;
        within("height_m", self.height_m, 0.0, 100.0, "0 to 100")?;
        within("tilt_deg", self.tilt_deg.map(f64::from), -90.0, 90.0, "-90 to 90")?;
        within("heading_deg", self.heading_deg.map(f64::from), 0.0, 360.0, "0 to 360")?;
        within("detection_distance_m", self.detection_distance_m, 0.0, 1000.0, "0 to 1000")?;
        match &self.feature {
            Some(given) if !FEATURES.contains(&given.as_str()) => Err(SetupError {
                key: "feature",
                value: format!("\"{given}\""),
                allowed: "roadPaved, roadDirt, trailHiking, trailGame, roadUnderpass, roadOverpass, roadBridge, culvert, \
                          burrow, nestSite, carcass, waterSource or fruitingTree",
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_their_range_are_refused_by_name() {
        assert_eq!(Setup::default().check(), Ok(()));
        let refused = |setup: Setup| setup.check().unwrap_err().to_string();
        let north = Setup { latitude: Some(46.0), ..Setup::default() };
        assert_eq!(refused(north), "`latitude` is alone; allowed: latitude and longitude, both or neither");
        let heading = Setup { heading_deg: Some(361), ..Setup::default() };
        assert_eq!(refused(heading), "`heading_deg` is 361; allowed: 0 to 360");
        let nowhere = Setup { latitude: Some(f64::NAN), longitude: Some(0.0), ..Setup::default() };
        assert_eq!(refused(nowhere), "`latitude` is NaN; allowed: -90 to 90");
        let feature = Setup { feature: Some("trailgame".to_owned()), ..Setup::default() };
        assert!(refused(feature).contains("trailGame"));
    }
}
