//! Camtrap DP 1.0.2: three tables and `datapackage.json`. Columns stand in the order of the standard's schemas, all of
//! them, those that nothing is known for as well.

mod observations;
mod package;

pub(super) use observations::observations;

use std::collections::BTreeSet;

use super::folder::Folder;
use super::gather::{Gathered, Record};
use super::table::{Cell, Table, number};
use super::word::{Kind, kind_of_box};
use super::{ExportError, Options, Summary, photos};
use crate::event::Source;

/// Columns of `deployments`.
const DEPLOYMENTS: [&str; 24] = [
    "deploymentID",
    "locationID",
    "locationName",
    "latitude",
    "longitude",
    "coordinateUncertainty",
    "deploymentStart",
    "deploymentEnd",
    "setupBy",
    "cameraID",
    "cameraModel",
    "cameraDelay",
    "cameraHeight",
    "cameraDepth",
    "cameraTilt",
    "cameraHeading",
    "detectionDistance",
    "timestampIssues",
    "baitUse",
    "featureType",
    "habitat",
    "deploymentGroups",
    "deploymentTags",
    "deploymentComments",
];

/// Columns of `media`.
const MEDIA: [&str; 11] = [
    "mediaID",
    "deploymentID",
    "captureMethod",
    "timestamp",
    "filePath",
    "filePublic",
    "fileName",
    "fileMediatype",
    "exifData",
    "favorite",
    "mediaComments",
];

pub(super) fn write(
    all: &Gathered,
    options: &Options,
    folder: &mut Folder,
    summary: &mut Summary,
) -> Result<(), ExportError> {
    if let Some(lost) = all.deployments.iter().find(|d| d.coordinates().is_none()) {
        return Err(ExportError::NoCoordinates { name: lost.name.clone(), journal: lost.file.clone() });
    }
    let tables = [deployments(all), media(all), observations(all, options.level)];
    summary.observations = tables.last().map_or(0, |t| t.rows.len());
    let package = package::package(all, options, summary)?;
    for table in &tables {
        folder.add(&table.file(), &table.csv("")?)?;
    }
    // Last, so that whoever finds it finds the tables.
    folder.add("datapackage.json", package.as_bytes())
}

/// One row per stretch of time without more than a day of downtime.
pub(super) fn deployments(all: &Gathered) -> Table {
    let mut table = Table::new("deployments", &DEPLOYMENTS);
    let rows = all.deployments.iter().map(|place| {
        let setup = &place.setup;
        vec![
            place.id.as_str().into(),
            place.location_id.as_str().into(),
            place.location_name.as_str().into(),
            // 6 decimals are a tenth of a metre.
            setup.latitude.map(|v| number(v, 6)).into(),
            setup.longitude.map(|v| number(v, 6)).into(),
            setup.coordinate_uncertainty_m.into(),
            place.from.into(),
            place.until.into(),
            setup.setup_by.clone().into(),
            setup.camera_id.clone().into(),
            setup.camera_model.clone().into(),
            Cell::Empty,
            setup.height_m.map(|v| number(v, 2)).into(),
            Cell::Empty,
            setup.tilt_deg.into(),
            setup.heading_deg.into(),
            setup.detection_distance_m.map(|v| number(v, 2)).into(),
            place.issues.into(),
            setup.bait.into(),
            setup.feature.clone().into(),
            setup.habitat.clone().into(),
            setup.groups.join(" | ").into(),
            setup.tags.join(" | ").into(),
            place.remarks().into(),
        ]
    });
    table.rows = rows.collect();
    table
}

/// One row per picture that is kept.
pub(super) fn media(all: &Gathered) -> Table {
    let mut table = Table::new("media", &MEDIA);
    for record in &all.records {
        let id = all.deployments.get(record.deployment).map_or("", |d| d.id.as_str());
        let public = is_public(record);
        for picture in &record.pictures {
            let frame = record.stored.burst.frames.get(picture.frame);
            let taken = frame.map_or_else(|| record.at(), |f| f.taken + record.shift);
            let name = picture.path.rsplit('/').next().unwrap_or_default();
            let failed =
                frame.and_then(|f| f.failed.as_ref()).map(|why| format!("could not be judged: {why}"));
            table.rows.push(vec![
                media_id(record, picture.frame).into(),
                id.into(),
                capture_method(record).into(),
                taken.into(),
                picture.path.as_str().into(),
                public.into(),
                name.into(),
                photos::mediatype(&picture.path).into(),
                Cell::Empty,
                Cell::Empty,
                failed.into(),
            ]);
        }
    }
    table
}

/// How a burst came about, in the standard's words. Somebody's wish is neither of them; where nobody wrote down what it
/// was, cameras fire because something moves.
fn capture_method(record: &Record) -> Option<&'static str> {
    match record.source() {
        Some(Source::Timer) => Some("timeLapse"),
        Some(Source::Asked) => None,
        _ => Some("activityDetection"),
    }
}

/// Every method that was used; the usual one where no burst has any.
fn capture_methods(all: &Gathered) -> BTreeSet<&'static str> {
    let used: BTreeSet<_> = all.records.iter().filter_map(capture_method).collect();
    if used.is_empty() { BTreeSet::from(["activityDetection"]) } else { used }
}

/// Name of a picture.
pub(super) fn media_id(record: &Record, frame: usize) -> String {
    format!("{}:f{frame}", record.id)
}

/// Whether no person can be on the pictures of a burst: what nobody could tell may be a person, and so may be what a
/// detector took for one, unless a person said otherwise.
fn is_public(record: &Record) -> bool {
    let harmless = |kind: Kind| matches!(kind, Kind::Animal | Kind::Blank);
    let boxes = || record.stored.burst.frames.iter().flat_map(|f| &f.boxes);
    record.words.iter().all(|w| harmless(w.kind))
        && (record.label.is_some() || boxes().all(|b| kind_of_box(b) == Kind::Animal))
        && !record.words.is_empty()
}
