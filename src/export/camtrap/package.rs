//! `datapackage.json`: what the package is, who made it, where, when and of what.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::export::gather::Gathered;
use crate::export::project::{Contributor, Role};
use crate::export::table::time;
use crate::export::word::Kind;
use crate::export::{Ancestors, ExportError, Level, Options, Summary};

/// Where the standard's files lie; readers know the version by it.
const BASE: &str = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2";

/// Ranks that the standard knows.
const RANKS: [&str; 8] = ["kingdom", "phylum", "class", "order", "family", "genus", "species", "subspecies"];

/// The file's text.
pub(super) fn package(
    all: &Gathered,
    options: &Options,
    summary: &mut Summary,
) -> Result<String, ExportError> {
    let project = &options.project;
    let title = project.title.clone().unwrap_or_else(|| {
        summary
            .notes
            .push("the package has no title of its own: give one with --title or --project".to_owned());
        "Camera trap data".to_owned()
    });
    let resources: Vec<Value> = ["deployments", "media", "observations"]
        .iter()
        .map(|name| {
            json!({
                "name": name,
                "path": format!("{name}.csv"),
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": format!("{BASE}/{name}-table-schema.json"),
            })
        })
        .collect();
    let levels = match options.level {
        Level::Event => vec!["event"],
        Level::Both => vec!["event", "media"],
    };
    let mut package = json!({
        "resources": resources,
        "profile": format!("{BASE}/camtrap-dp-profile.json"),
        "created": time(options.now),
        "title": title,
        "contributors": contributors(all, options, summary),
        "sources": [{"title": "Trapline", "version": env!("CARGO_PKG_VERSION")}],
        "project": {
            "title": title,
            "samplingDesign": project.sampling_design,
            "captureMethod": super::capture_methods(all),
            "individualAnimals": project.individual_animals,
            "observationLevel": levels,
        },
        "spatial": spatial(all),
        "temporal": temporal(all),
        "taxonomic": taxonomic(all, options),
    });
    let mut put = |key: &str, value: Option<Value>| {
        if let (Some(package), Some(value)) = (package.as_object_mut(), value) {
            package.insert(key.to_owned(), value);
        }
    };
    put("name", project.name.as_ref().map(|n| json!(n)));
    put("description", project.description.as_ref().map(|d| json!(d)));
    put("keywords", (!project.keywords.is_empty()).then(|| json!(project.keywords)));
    let licence = |name: &String, scope: &str| json!({"name": name, "scope": scope});
    let licences = project.licence_data.as_ref().zip(project.licence_media.as_ref());
    put("licenses", licences.map(|(data, media)| json!([licence(data, "data"), licence(media, "media")])));
    let coarsest = all.deployments.iter().filter_map(|d| d.rounded).reduce(f64::max);
    put("coordinatePrecision", coarsest.map(|step| json!(step)));
    let text = serde_json::to_string_pretty(&package);
    text.map_err(|e| ExportError::Table { name: "datapackage.json".to_owned(), reason: e.to_string() })
}

/// Those of the project, else those who put cameras up.
fn contributors(all: &Gathered, options: &Options, summary: &mut Summary) -> Vec<Contributor> {
    if !options.project.contributor.is_empty() {
        return options.project.contributor.clone();
    }
    let mut names: Vec<&str> = all.deployments.iter().filter_map(|d| d.setup.setup_by.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        summary.notes.push("no contributor is named: give one with --contributor or --project".to_owned());
        names.push("Not named");
    }
    let role = Some(Role::Contributor);
    names.into_iter().map(|n| Contributor { title: n.to_owned(), role, ..Contributor::default() }).collect()
}

/// The smallest box around all deployments (RFC 7946), or the point where there is but one.
fn spatial(all: &Gathered) -> Value {
    let (north, east): (Vec<f64>, Vec<f64>) = all.deployments.iter().filter_map(|d| d.coordinates()).unzip();
    let low = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (south, north, west, east) = (low(&north), high(&north), low(&east), high(&east));
    if south == north && west == east {
        return json!({"type": "Point", "coordinates": [west, south]});
    }
    json!({
        "type": "Polygon",
        "bbox": [west, south, east, north],
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    })
}

/// First and last day; estimates only where there is nothing better.
fn temporal(all: &Gathered) -> Value {
    let sure = all.deployments.iter().any(|d| !d.issues);
    let used = || all.deployments.iter().filter(|d| !(sure && d.issues));
    let day = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|t| t.date_naive().to_string());
    json!({"start": day(used().map(|d| d.from).min()), "end": day(used().map(|d| d.until).max())})
}

/// Every scientific name of `observations`, with what is known of it.
fn taxonomic(all: &Gathered, options: &Options) -> Vec<Value> {
    let named = || all.records.iter().flat_map(|r| &r.words).filter(|w| !w.taxon.is_empty());
    let mut taxa: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for word in named() {
        let known = taxa.entry(&word.taxon).or_default();
        known.0 = if known.0.is_empty() { &word.rank } else { known.0 };
        known.1 = if known.1.is_empty() { &word.label } else { known.1 };
    }
    // People get their name on boxes, too.
    let people = all.records.iter().flat_map(|r| &r.words).any(|w| w.kind == Kind::Human);
    if people || options.level == Level::Both {
        taxa.entry(crate::export::word::PEOPLE).or_insert(("species", "human"));
    }
    let value = |(name, (rank, label)): (&str, (&str, &str))| {
        let mut taxon = Map::new();
        taxon.insert("scientificName".to_owned(), json!(name));
        let mut put = |key: &str, value: &str| {
            if !value.is_empty() {
                taxon.insert(key.to_owned(), json!(value));
            }
        };
        put("taxonRank", if RANKS.contains(&rank) { rank } else { "" });
        let none = Ancestors::default();
        let above = options.ancestors.get(name).unwrap_or(&none);
        put("class", &above.class);
        put("order", &above.order);
        put("family", &above.family);
        put("genus", &above.genus);
        if !label.is_empty() {
            taxon.insert("vernacularNames".to_owned(), json!({"eng": label}));
        }
        Value::Object(taxon)
    };
    taxa.into_iter().map(value).collect()
}
