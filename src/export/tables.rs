//! For people with a spreadsheet or a map: sightings, deployments as points, a workbook.

use chrono::SecondsFormat;
use rust_xlsxwriter::{Format as Style, Workbook, XlsxError};
use serde_json::{Value, json};

use super::camtrap;
use super::folder::Folder;
use super::gather::Gathered;
use super::table::{Cell, Table, number, time};
use super::word::{self, Kind, Word};
use super::{ExportError, Level};
use crate::event::Source;

/// Columns of the table of sightings.
const SIGHTINGS: [&str; 29] = [
    "event",
    "time",
    "end",
    "dated",
    "deployment",
    "location",
    "location_name",
    "latitude",
    "longitude",
    "type",
    "scientific_name",
    "rank",
    "name",
    "count",
    "life_stage",
    "sex",
    "behavior",
    "individual",
    "score",
    "method",
    "by",
    "said_at",
    "machine",
    "sequence",
    "frames",
    "infrared",
    "trigger",
    "trigger_detail",
    "pictures",
];

/// Rows of a sheet, the header included (Excel's specification).
const ROWS_MAX: usize = 1_048_576;

/// Characters of a cell (Excel's specification).
const CELL_MAX: usize = 32_767;

/// `sightings.csv`.
pub(super) fn csv(all: &Gathered, folder: &mut Folder) -> Result<(), ExportError> {
    let table = sightings(all);
    folder.add(&table.file(), &table.csv("")?)
}

/// One row per kind seen in a burst; blanks are none.
fn sightings(all: &Gathered) -> Table {
    let mut table = Table::new("sightings", &SIGHTINGS);
    for record in &all.records {
        let Some(place) = all.deployments.get(record.deployment) else { continue };
        let said = record.label.as_ref().map(|l| &l.label);
        let pictures: Vec<_> = record.pictures.iter().map(|p| p.path.as_str()).collect();
        let burst = &record.stored.burst;
        let machine: Vec<_> = word::machine(burst).iter().map(Word::told).collect();
        let infrared = burst.frames.iter().any(|f| f.infrared);
        for word in record.words.iter().filter(|w| w.kind != Kind::Blank) {
            table.rows.push(vec![
                record.id.as_str().into(),
                record.from().into(),
                record.until().into(),
                record.dated.into(),
                place.id.as_str().into(),
                place.location_id.as_str().into(),
                place.location_name.as_str().into(),
                place.setup.latitude.map(|v| number(v, 6)).into(),
                place.setup.longitude.map(|v| number(v, 6)).into(),
                word.kind.as_str().into(),
                word.taxon.as_str().into(),
                word.rank.as_str().into(),
                word.label.as_str().into(),
                word.count.into(),
                word.life_stage.clone().into(),
                word.sex.clone().into(),
                word.behavior.clone().into(),
                word.individual.clone().into(),
                word.score.map(|s| number(f64::from(s), 4)).into(),
                if said.is_some() { "human" } else { "machine" }.into(),
                said.map_or_else(|| record.machine.clone(), |s| s.who.clone()).into(),
                said.map(|s| time(s.at)).into(),
                machine.join(", ").into(),
                record.stored.sequence.into(),
                burst.frames.len().into(),
                infrared.into(),
                record.source().map(Source::as_str).into(),
                burst.cause.as_ref().and_then(|c| c.detail.clone()).into(),
                pictures.join(" | ").into(),
            ]);
        }
    }
    table
}

/// `deployments.geojson` (RFC 7946); a deployment without coordinates has no geometry.
pub(super) fn geojson(all: &Gathered, folder: &mut Folder) -> Result<(), ExportError> {
    let features: Vec<Value> = all
        .deployments
        .iter()
        .enumerate()
        .map(|(number, place)| {
            let own = || all.records.iter().filter(|r| r.deployment == number);
            let species: std::collections::BTreeSet<&str> = own()
                .flat_map(|r| &r.words)
                .filter(|w| w.kind == Kind::Animal && !w.taxon.is_empty())
                .map(|w| w.taxon.as_str())
                .collect();
            let point = place.coordinates().map(|(north, east)| {
                let short = |v: f64| (v * 1e6).round() / 1e6;
                json!({"type": "Point", "coordinates": [short(east), short(north)]})
            });
            let at = |t: chrono::DateTime<chrono::Utc>| t.to_rfc3339_opts(SecondsFormat::Secs, true);
            json!({
                "type": "Feature",
                "id": place.id,
                "geometry": point,
                "properties": {
                    "deploymentID": place.id,
                    "locationID": place.location_id,
                    "locationName": place.location_name,
                    "coordinateUncertainty": place.setup.coordinate_uncertainty_m,
                    "deploymentStart": at(place.from),
                    "deploymentEnd": at(place.until),
                    "timestampIssues": place.issues,
                    "trapDays": (place.watched().as_seconds_f64() / 864.0).round() / 100.0,
                    "bursts": own().count(),
                    "species": species,
                },
            })
        })
        .collect();
    let name = "deployments.geojson";
    let text = serde_json::to_string_pretty(&json!({"type": "FeatureCollection", "features": features}));
    let text = text.map_err(|e| ExportError::Table { name: name.to_owned(), reason: e.to_string() })?;
    folder.add(name, text.as_bytes())
}

/// `trapline.xlsx`: sightings and the tables of Camtrap DP, a sheet each.
pub(super) fn xlsx(all: &Gathered, folder: &mut Folder) -> Result<(), ExportError> {
    let tables = [
        sightings(all),
        camtrap::deployments(all),
        camtrap::media(all),
        camtrap::observations(all, Level::Event),
    ];
    let name = "trapline.xlsx";
    let fail = |reason: String| ExportError::Table { name: name.to_owned(), reason };
    for table in &tables {
        if table.rows.len() >= ROWS_MAX {
            let (rows, sheet) = (table.rows.len(), &table.name);
            return Err(fail(format!(
                "{rows} rows of {sheet} do not fit a sheet; give --since and --until, or use csv"
            )));
        }
    }
    let bytes = workbook(&tables).map_err(|e| fail(e.to_string()))?;
    folder.add(name, &bytes)
}

fn workbook(tables: &[Table]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let head = Style::new().set_bold();
    for table in tables {
        let sheet = book.add_worksheet().set_name(&table.name)?;
        sheet.set_freeze_panes(1, 0)?;
        for (column, name) in (0u16..).zip(&table.columns) {
            sheet.write_string_with_format(0, column, name, &head)?;
        }
        for (row, cells) in (1u32..).zip(&table.rows) {
            for (column, cell) in (0u16..).zip(cells) {
                match cell {
                    Cell::Empty => {}
                    Cell::Number(text) => match text.parse::<f64>() {
                        Ok(value) => sheet.write_number(row, column, value).map(|_| ())?,
                        Err(_) => sheet.write_string(row, column, text).map(|_| ())?,
                    },
                    Cell::Text(text) => {
                        let mut short: String = text.chars().take(CELL_MAX).collect();
                        if short.len() < text.len() {
                            short = text.chars().take(CELL_MAX - 1).chain(['…']).collect();
                        }
                        sheet.write_string(row, column, short).map(|_| ())?;
                    }
                }
            }
        }
        if let Some(last) = table.columns.len().checked_sub(1).and_then(|n| u16::try_from(n).ok()) {
            sheet.autofilter(0, 0, u32::try_from(table.rows.len()).unwrap_or(0), last)?;
        }
    }
    book.save_to_buffer()
}
