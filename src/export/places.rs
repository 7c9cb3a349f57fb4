//! Deployments and the places they stand at: one name for one place, coordinates as exact as they may be told.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::project::Project;
use super::{ExportError, Options};
use crate::deployment::Setup;

/// Metres in a degree of latitude: the Earth's mean circumference, 40,030 km, over 360.
const METRES_PER_DEGREE: f64 = 111_195.0;

/// Farther apart than this, metres, two cameras stand at two places: twice the error of a hand-held satellite receiver
/// under trees.
const SAME_PLACE: f64 = 30.0;

/// Degrees to which coordinates of sensitive species are rounded where nothing else is asked for (GBIF's guide for
/// sensitive species: its category 3, about 10 km).
const ROUNDING: f64 = 0.1;

/// One stretch of time during which a camera stood somewhere.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Deployment {
    /// Stable and unique: name and begin.
    pub id: String,
    /// Its name in the journal; of photos the camera's.
    pub name: String,
    /// Number of the journal, from 0, and its file.
    pub journal: usize,
    pub file: String,
    pub location_id: String,
    pub location_name: String,
    /// Whether the location was named, or only the deployment.
    pub located: bool,
    /// What is known of it, coordinates as they may be told.
    pub setup: Setup,
    /// Degrees to which coordinates were rounded.
    pub rounded: Option<f64>,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// Its dates are estimates.
    pub issues: bool,
    /// When it stood watch, in order and without overlap; nothing where its dates are estimates.
    pub watched: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// Starts in it, and how many ended without a stop.
    pub boots: usize,
    pub cuts: usize,
    /// From a folder of photos: when the camera stood watch is not known.
    pub photos: bool,
}

impl Deployment {
    /// Time on watch.
    pub fn watched(&self) -> TimeDelta {
        self.watched.iter().map(|(from, until)| *until - *from).sum()
    }

    /// Coordinates, north and east.
    pub fn coordinates(&self) -> Option<(f64, f64)> {
        self.setup.latitude.zip(self.setup.longitude)
    }

    /// How it went, for people to read.
    pub fn remarks(&self) -> String {
        let hours = |time: TimeDelta| time.as_seconds_f64() / 3600.0;
        let mut told: Vec<String> = self.setup.comments.iter().cloned().collect();
        if self.photos {
            told.push("from photos: begin and end are those of the first and last photo".to_owned());
        } else if self.issues {
            told.push(
                "the clock was not set: times are estimated, only their order and distance are known"
                    .to_owned(),
            );
        } else {
            let (watched, all) = (hours(self.watched()), hours(self.until - self.from));
            told.push(format!("stood watch {watched:.1} of {all:.1} h; starts: {}", self.boots));
            if self.cuts > 0 {
                told.push(format!(
                    "ended without a stop {} times, last sign of life taken as end",
                    self.cuts
                ));
            }
        }
        if let Some(step) = self.rounded {
            told.push(format!("coordinates rounded to {step} degrees"));
        }
        told.join("; ")
    }
}

/// What is known of a deployment: the journal's word under that of the project's file.
pub(super) fn known(project: &Project, file: &str, name: &str, journal: Setup) -> Setup {
    let name_of_file = Path::new(file).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let exact = format!("{name_of_file}:{name}");
    let given = [name, exact.as_str()].into_iter().filter_map(|key| project.deployment.get(key));
    given.fold(journal, over)
}

/// `upper` where it says something, else `lower`.
fn over(lower: Setup, upper: &Setup) -> Setup {
    let (Ok(Value::Object(mut whole)), Ok(Value::Object(said))) =
        (serde_json::to_value(&lower), serde_json::to_value(upper))
    else {
        return lower;
    };
    let silent = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    whole.extend(said.into_iter().filter(|(_, value)| !silent(value)));
    serde_json::from_value(Value::Object(whole)).unwrap_or(lower)
}

/// Letters, digits, `-`, `_` and `.` of a name; anything else becomes one dash.
pub(super) fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c.is_alphanumeric() || "_.".contains(c) {
            true => out.push(c),
            false if out.ends_with('-') => {}
            false => out.push('-'),
        }
    }
    let out = out.trim_matches(['-', '.']);
    if out.is_empty() { "unnamed".to_owned() } else { out.to_owned() }
}

/// Refuses the same journal twice, and two places under one name.
pub(super) fn check(deployments: &[Deployment]) -> Result<(), ExportError> {
    let mut ids: BTreeMap<&str, &Deployment> = BTreeMap::new();
    for one in deployments {
        if let Some(first) = ids.insert(&one.id, one) {
            let (first, second) = (first.file.clone(), one.file.clone());
            return Err(ExportError::Twice { id: one.id.clone(), first, second });
        }
    }
    for (i, one) in deployments.iter().enumerate() {
        let rest = deployments.iter().skip(i + 1);
        for other in rest.filter(|o| o.location_id == one.location_id && o.journal != one.journal) {
            if one.located && other.located {
                continue;
            }
            if let Some(how) = apart(one, other) {
                let (first, second) = (one.file.clone(), other.file.clone());
                return Err(ExportError::Apart { name: one.name.clone(), how, first, second });
            }
        }
    }
    Ok(())
}

/// Why two deployments of one name cannot be at one place.
fn apart(one: &Deployment, other: &Deployment) -> Option<String> {
    if let Some((a, b)) = one.coordinates().zip(other.coordinates()) {
        let metres = distance(a, b);
        if metres > SAME_PLACE {
            return Some(format!("stands at two places, {metres:.0} m apart,"));
        }
    }
    let together = one.watched.iter().any(|a| other.watched.iter().any(|b| a.0 < b.1 && b.0 < a.1));
    together.then(|| "was at work at the same time".to_owned())
}

/// Metres between two places, by the plane that touches the Earth between them.
fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    let north = (a.0 - b.0) * METRES_PER_DEGREE;
    let east = (a.1 - b.1) * METRES_PER_DEGREE * ((a.0 + b.0) / 2.0).to_radians().cos();
    north.hypot(east)
}

/// Rounds the coordinates of deployments at places where `seen` says that a sensitive species was seen, by location.
pub(super) fn round(deployments: &mut [Deployment], options: &Options, seen: &dyn Fn(&str) -> bool) {
    let step = match (options.round_to, options.round_for.is_empty()) {
        (None, true) => return,
        (step, _) => step.unwrap_or(ROUNDING),
    };
    for one in deployments {
        if !options.round_for.is_empty() && !seen(&one.location_id) {
            continue;
        }
        let Some((north, east)) = one.coordinates() else { continue };
        // Not past the pole or the date line.
        let to = |degrees: f64, limit: f64| ((degrees / step).round() * step).clamp(-limit, limit);
        one.setup.latitude = Some(to(north, 90.0));
        one.setup.longitude = Some(to(east, 180.0));
        // The farthest corner of the cell.
        let half = step / 2.0 * METRES_PER_DEGREE;
        let corner = half.hypot(half * north.to_radians().cos()).ceil();
        let before = one.setup.coordinate_uncertainty_m.unwrap_or(0);
        one.setup.coordinate_uncertainty_m = Some(before.saturating_add(corner as u32));
        one.rounded = Some(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_word_stands_before_the_journals() {
        let journal =
            Setup { latitude: Some(46.0), longitude: Some(7.0), bait: Some(true), ..Setup::default() };
        let (a, b) = (
            Setup { location_id: Some("N1".into()), ..Setup::default() },
            Setup { bait: Some(false), ..Setup::default() },
        );
        let deployment = [("ridge".to_owned(), a), ("a.db:ridge".to_owned(), b)].into();
        let project = Project { deployment, ..Project::default() };
        let found = known(&project, "/card/a.db", "ridge", journal.clone());
        assert_eq!(found.location_id.as_deref(), Some("N1"));
        assert_eq!((found.latitude, found.bait), (Some(46.0), Some(false)));
        assert_eq!(known(&project, "b.db", "ridge", journal).bait, Some(true));
    }

    #[test]
    fn names_become_identifiers() {
        assert_eq!(slug("card/DCIM (Reconyx HF2X)"), "card-DCIM-Reconyx-HF2X");
        assert_eq!(slug("Höhe 3"), "Höhe-3");
        assert_eq!(slug("../"), "unnamed");
    }

    #[test]
    fn a_degree_is_as_long_as_the_earth_says() {
        // Bern (46.948, 7.447) to Lausanne (46.520, 6.634): 78 km along the great circle.
        let metres = distance((46.948, 7.447), (46.520, 6.634));
        assert!((77_000.0..79_500.0).contains(&metres), "{metres}");
    }
}
