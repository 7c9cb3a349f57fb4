//! Camtrap DP deployments to configurations: a project's sites become traps' sites.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::DateTime;
use serde::Serialize;
use serde_json::Value;

use super::ExportError;
use super::folder::Folder;
use super::places::slug;
use crate::csv::{self, Row};
use crate::deployment::Setup;

/// Longest name of a site (as `config` has it), characters.
const NAME_MAX: usize = 64;

/// What stands for nothing (Camtrap DP 1.0.2, `missingValues`).
const MISSING: [&str; 4] = ["", "NA", "NaN", "nan"];

/// A place with the newest that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Unique among the sites, fit for `site.name` and a file's name.
    pub name: String,
    /// How the camera stood in its newest deployment; comments are left out, they are about that deployment.
    pub setup: Setup,
    /// That deployment's id.
    pub newest: String,
    /// How many deployments it had.
    pub deployments: usize,
}

/// Why deployments were refused.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error("{file}: {reason}; give a Camtrap DP folder, its datapackage.json or its deployments.csv")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
    /// A column is missing.
    #[error("{file}: no column `{column}`; a table of deployments has it (Camtrap DP 1.0)")]
    Column {
        /// Which file.
        file: String,
        /// Which column.
        column: &'static str,
    },
    /// A value is not allowed.
    #[error("{file}, line {line}: {reason}")]
    Value {
        /// Which file.
        file: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong and what is allowed.
        reason: String,
    },
}

/// Reads the deployments at `path`: a package's folder, its `datapackage.json`, or a table.
pub fn read(path: &Path) -> Result<Vec<Site>, ImportError> {
    let table = table_of(path)?;
    let file = table.display().to_string();
    let text = std::fs::read_to_string(&table).map_err(|e| unreadable(&table, e.to_string()))?;
    let rows = csv::rows(&text).map_err(|e| unreadable(&table, e.to_string()))?;
    let Some((head, rows)) = rows.split_first() else {
        return Err(unreadable(&table, "it is empty".to_owned()));
    };
    for column in ["deploymentID", "deploymentStart"] {
        if !head.fields.iter().any(|name| name == column) {
            return Err(ImportError::Column { file, column });
        }
    }
    let mut newest: BTreeMap<String, (i64, usize, Site)> = BTreeMap::new();
    let mut order = Vec::new();
    for row in rows {
        let fields = Fields { file: &file, head, row };
        let (begin, place, site) = fields.site()?;
        match newest.get_mut(&place) {
            None => {
                order.push(place.clone());
                newest.insert(place, (begin, 1, site));
            }
            Some(known) => {
                known.1 += 1;
                if begin >= known.0 {
                    (known.0, known.2) = (begin, site);
                }
            }
        }
    }
    let mut given = BTreeSet::new();
    let sites = order.into_iter().filter_map(|place| newest.remove(&place));
    let named = sites.map(|(_, deployments, site)| {
        let (plain, mut n) = (site.name.clone(), 1);
        let mut name = plain.clone();
        while !given.insert(name.clone()) {
            n += 1;
            name = format!("{plain}-{n}");
        }
        Site { name, deployments, ..site }
    });
    Ok(named.collect())
}

/// Writes one configuration per site, `NAME.toml`, and gives the files' names.
pub fn write(sites: &[Site], out: &Path, force: bool) -> Result<Vec<String>, ExportError> {
    let mut folder = Folder::begin(out)?;
    for site in sites {
        let name = format!("{}.toml", site.name);
        let fail = |reason: String| ExportError::Table { name: name.clone(), reason };
        folder.add(&name, configuration(site).map_err(|e| fail(e.to_string()))?.as_bytes())?;
    }
    folder.finish(force, &mut |_| ())
}

/// `[site]` as the configuration has it.
#[derive(Serialize)]
struct File<'a> {
    site: Written<'a>,
}

#[derive(Serialize)]
struct Written<'a> {
    name: &'a str,
    location: &'a str,
    location_id: Option<&'a str>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    coordinate_uncertainty_m: Option<u32>,
    setup_by: Option<&'a str>,
    camera_id: Option<&'a str>,
    camera_model: Option<&'a str>,
    height_m: Option<f64>,
    tilt_deg: Option<i32>,
    heading_deg: Option<u32>,
    detection_distance_m: Option<f64>,
    bait: Option<bool>,
    feature: Option<&'a str>,
    habitat: Option<&'a str>,
    groups: &'a [String],
    tags: &'a [String],
}

/// The text of a site's configuration; everything else is left at its default.
fn configuration(site: &Site) -> Result<String, toml::ser::Error> {
    let setup = &site.setup;
    let written = Written {
        name: &site.name,
        location: setup.location_name.as_deref().unwrap_or_default(),
        location_id: setup.location_id.as_deref(),
        latitude: setup.latitude,
        longitude: setup.longitude,
        coordinate_uncertainty_m: setup.coordinate_uncertainty_m,
        setup_by: setup.setup_by.as_deref(),
        camera_id: setup.camera_id.as_deref(),
        camera_model: setup.camera_model.as_deref(),
        height_m: setup.height_m,
        tilt_deg: setup.tilt_deg,
        heading_deg: setup.heading_deg,
        detection_distance_m: setup.detection_distance_m,
        bait: setup.bait,
        feature: setup.feature.as_deref(),
        habitat: setup.habitat.as_deref(),
        groups: &setup.groups,
        tags: &setup.tags,
    };
    let from = site.newest.replace(char::is_control, " ");
    Ok(format!(
        "# From deployment {from} of a Camtrap DP package; cross/trapline.toml shows what else can be set.\n\n{}",
        toml::to_string(&File { site: written })?
    ))
}

fn unreadable(file: &Path, reason: String) -> ImportError {
    ImportError::Unreadable { file: file.display().to_string(), reason }
}

/// The table of deployments that `path` leads to.
fn table_of(path: &Path) -> Result<PathBuf, ImportError> {
    let package = match path {
        path if path.is_dir() => path.join("datapackage.json"),
        path if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) => path.to_path_buf(),
        path => return Ok(path.to_path_buf()),
    };
    let text = std::fs::read_to_string(&package).map_err(|e| unreadable(&package, e.to_string()))?;
    let value: Value = serde_json::from_str(&text).map_err(|e| unreadable(&package, e.to_string()))?;
    let resources = value.get("resources").and_then(Value::as_array);
    let own = resources.into_iter().flatten().find(|r| r.get("name") == Some(&"deployments".into()));
    let Some(own) = own else { return Err(unreadable(&package, "no resource `deployments`".to_owned())) };
    match own.get("path").and_then(Value::as_str) {
        Some(name) if name.ends_with(".csv") && !name.contains("://") => {
            Ok(package.parent().unwrap_or(Path::new("")).join(name))
        }
        other => {
            let reason =
                format!("`path` of resource `deployments` is {other:?}; only a CSV file beside it is read");
            Err(unreadable(&package, reason))
        }
    }
}

/// One row by the names of its columns.
struct Fields<'a> {
    file: &'a str,
    head: &'a Row,
    row: &'a Row,
}

impl Fields<'_> {
    /// Begin (seconds), place, and what is known of it.
    fn site(&self) -> Result<(i64, String, Site), ImportError> {
        let start = self.text("deploymentStart").unwrap_or_default();
        let begin = DateTime::parse_from_str(&start, "%Y-%m-%dT%H:%M:%S%#z")
            .map_err(|_| self.refuse("deploymentStart", &start, "a time such as 2026-05-01T04:00:00Z"))?;
        let id = self.text("deploymentID").unwrap_or_default();
        if id.is_empty() {
            return Err(self.refuse("deploymentID", "", "a name"));
        }
        let (location_id, location_name) = (self.text("locationID"), self.text("locationName"));
        let place = location_id.clone().or_else(|| location_name.clone()).unwrap_or_else(|| id.clone());
        let name = slug(location_name.as_deref().or(location_id.as_deref()).unwrap_or(&id));
        let list = |text: Option<String>| -> Vec<String> {
            let parts = text.unwrap_or_default();
            parts.split('|').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
        };
        let setup = Setup {
            location_id: Some(place.clone()),
            location_name,
            latitude: self.number("latitude")?,
            longitude: self.number("longitude")?,
            coordinate_uncertainty_m: self.number("coordinateUncertainty")?,
            setup_by: self.text("setupBy"),
            camera_id: self.text("cameraID"),
            camera_model: self.text("cameraModel"),
            height_m: self.number("cameraHeight")?,
            tilt_deg: self.number("cameraTilt")?,
            heading_deg: self.number("cameraHeading")?,
            detection_distance_m: self.number("detectionDistance")?,
            bait: self.truth("baitUse")?,
            feature: self.text("featureType"),
            habitat: self.text("habitat"),
            groups: list(self.text("deploymentGroups")),
            tags: list(self.text("deploymentTags")),
            comments: None,
        };
        setup.check().map_err(|e| ImportError::Value {
            file: self.file.to_owned(),
            line: self.row.line,
            reason: e.to_string(),
        })?;
        // Room for what tells two of one name apart.
        let name: String = name.chars().take(NAME_MAX - 4).collect();
        Ok((begin.timestamp(), place, Site { name, setup, newest: id, deployments: 1 }))
    }

    fn text(&self, column: &str) -> Option<String> {
        let at = self.head.fields.iter().position(|name| name == column)?;
        let text = self.row.fields.get(at)?.trim();
        (!MISSING.contains(&text)).then(|| text.to_owned())
    }

    fn number<T: std::str::FromStr>(&self, column: &'static str) -> Result<Option<T>, ImportError> {
        let Some(text) = self.text(column) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.refuse(column, &text, "a number"))
    }

    fn truth(&self, column: &'static str) -> Result<Option<bool>, ImportError> {
        match self.text(column).as_deref() {
            None => Ok(None),
            // The spellings that Table Schema knows.
            Some("true" | "True" | "TRUE" | "1") => Ok(Some(true)),
            Some("false" | "False" | "FALSE" | "0") => Ok(Some(false)),
            Some(other) => Err(self.refuse(column, other, "true, false or nothing")),
        }
    }

    fn refuse(&self, column: &str, value: &str, allowed: &str) -> ImportError {
        let reason = format!("`{column}` is \"{value}\"; allowed: {allowed}");
        ImportError::Value { file: self.file.to_owned(), line: self.row.line, reason }
    }
}
