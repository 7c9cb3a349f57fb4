//! Crops to learn from: what people named, cut out of the pictures that are kept, in a folder per taxon.
//!
//! `choose` says which boxes show what, `cut` makes a picture of each; `crops.csv` tells of every one whose word it is,
//! which burst, sequence and place it is of, and where on the crop the box lies.

mod choose;
mod cut;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::folder::Folder;
use super::gather::{Gathered, Record};
use super::table::{Cell, Table, number};
use super::{ExportError, Options, Step, Summary, media};
use crate::store::record::MediaKind;
use crate::units::BBox;
use choose::{Choice, Chosen};
use cut::{Cut, Shape};

/// The table beside the folders.
const NAME: &str = "crops";

/// Columns of the table; those that Camtrap DP has bear its names and hold what its tables hold.
const COLUMNS: [&str; 26] = [
    "filePath",
    "class",
    "observationType",
    "scientificName",
    "taxonRank",
    "vernacularName",
    "mediaID",
    "eventID",
    "sequenceID",
    "deploymentID",
    "locationID",
    "timestamp",
    "bboxX",
    "bboxY",
    "bboxWidth",
    "bboxHeight",
    "cropX",
    "cropY",
    "cropWidth",
    "cropHeight",
    "infrared",
    "classificationMethod",
    "classifiedBy",
    "classificationProbability",
    "detectionConfidence",
    "sourceFile",
];

/// Decimals of boxes and probabilities, as in Camtrap DP's tables.
const DECIMALS: usize = 5;

/// Which crops, and how they are cut.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// The media folder of each journal, in their order; a journal without one has its own beside it.
    pub media: Vec<PathBuf>,
    /// What the networks alone said, from this probability on; `None`: people's words only.
    pub machine_from: Option<f32>,
    /// People and vehicles as well, and animals on pictures beside people.
    pub people: bool,
    /// Added on each side of the box, as a share of its longer side, 0..=2.
    pub margin: f32,
    /// A crop's longest side in pixels at most; what is larger is made smaller.
    pub side: u32,
}

impl Default for Wish {
    fn default() -> Self {
        // Half of the longer side around: a training picture may be moved and be cut wider than the box and a fifth.
        Wish { media: Vec::new(), machine_from: None, people: false, margin: 0.5, side: 512 }
    }
}

/// What was cut, and why other boxes were not.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Crops {
    /// Crops written.
    pub written: usize,
    /// Of them by class.
    pub classes: BTreeMap<String, usize>,
    /// Bursts that they are of.
    pub bursts: usize,
    /// Pictures that are there and cannot be read.
    pub unreadable: usize,
    /// Pictures that were not found.
    pub missing: usize,
    /// Boxes of people and vehicles, and of animals beside people, left out for privacy.
    pub people: usize,
    /// Boxes that only the networks named.
    pub machine: usize,
    /// Boxes of bursts in which a person named several kinds, so that it is not known which is which.
    pub several: usize,
    /// Boxes of animals without a name, or of what nobody could tell.
    pub unnamed: usize,
    /// Bursts that somebody named, of which no picture or no box is kept.
    pub bare: usize,
}

pub(super) fn write(
    all: &Gathered,
    options: &Options,
    journals: &[PathBuf],
    folder: &mut Folder,
    summary: &mut Summary,
    told: &mut dyn FnMut(Step<'_>),
) -> Result<(), ExportError> {
    let wish = &options.crops;
    let mut table = Table::new(NAME, &COLUMNS);
    let mut crops = Crops::default();
    let mut names = BTreeSet::new();
    for (done, record) in all.records.iter().enumerate() {
        let before = table.rows.len();
        each(all, record, wish, journals, folder, &mut names, &mut table, &mut crops, &mut summary.notes)?;
        crops.bursts += usize::from(table.rows.len() > before);
        told(Step::Looked { done: done + 1, of: all.records.len() });
    }
    crops.written = table.rows.len();
    notes(&crops, &mut summary.notes);
    summary.crops = Some(crops);
    // Last, so that whoever finds it finds the crops.
    folder.add(&table.file(), &table.csv("")?)
}

/// The crops of one burst.
#[allow(clippy::too_many_arguments)] // One call.
fn each(
    all: &Gathered,
    record: &Record,
    wish: &Wish,
    journals: &[PathBuf],
    folder: &mut Folder,
    names: &mut BTreeSet<String>,
    table: &mut Table,
    crops: &mut Crops,
    notes: &mut Vec<String>,
) -> Result<(), ExportError> {
    let Some(place) = all.deployments.get(record.deployment) else { return Ok(()) };
    let chosen: Vec<(usize, Vec<Chosen<'_>>)> = choose::boxes(record, wish, crops);
    let Some(journal) = journals.get(place.journal) else { return Ok(()) };
    let root = wish.media.get(place.journal).cloned().unwrap_or_else(|| media::beside(journal));
    for (frame, boxes) in chosen {
        let kept = || record.stored.media.iter().filter(|m| m.frame == frame && m.gone.is_none());
        let whole = kept().find(|m| m.media.kind == MediaKind::Frame);
        // Of several boxes it is not known which one a crop shows.
        let alone =
            boxes.len() == 1 && record.stored.burst.frames.get(frame).is_some_and(|f| f.boxes.len() == 1);
        let Some(file) = whole.or_else(|| kept().find(|_| alone)) else { continue };
        let at =
            media::places(&root, journal, &file.media.path, file.owned).into_iter().find(|p| p.is_file());
        let Some(path) = at else {
            crops.missing += 1;
            if crops.missing == 1 {
                notes.push(format!(
                    "the first picture that was not found: {}; say where with --media",
                    file.media.path
                ));
            }
            continue;
        };
        let uncut = file.media.kind == MediaKind::Crop;
        let shapes: Vec<Shape> = boxes
            .iter()
            .map(|b| if uncut { Shape::whole() } else { Shape::around(b.found.bbox, wish.margin) })
            .collect();
        let cuts = match cut::cut(&path, &shapes, wish.side) {
            Ok(cuts) => cuts,
            Err(why) => {
                crops.unreadable += 1;
                if crops.unreadable == 1 {
                    notes.push(format!("the first picture that cannot be read: {}: {why}", path.display()));
                }
                continue;
            }
        };
        for (nth, (choice, Cut { jpeg, inside })) in boxes.iter().zip(cuts).enumerate() {
            let class = choice.choice.class();
            let directory = directory(&class);
            let mut stem = format!("{}-f{frame}-b{nth}", super::places::slug(&record.id));
            while !names.insert(format!("{directory}/{stem}").to_lowercase()) {
                stem.push('x');
            }
            let name = format!("{directory}/{stem}.jpg");
            folder.add(&name, &jpeg)?;
            *crops.classes.entry(class.clone()).or_default() += 1;
            table.rows.push(row(all, record, frame, choice, name, class, inside, &file.media.path));
        }
    }
    crops.bare += usize::from(choose::is_named(record, wish) && !choose::has_boxes(record));
    Ok(())
}

#[allow(clippy::too_many_arguments)] // One call.
fn row(
    all: &Gathered,
    record: &Record,
    frame: usize,
    chosen: &Chosen<'_>,
    name: String,
    class: String,
    inside: BBox,
    source: &str,
) -> Vec<Cell> {
    let place = all.deployments.get(record.deployment);
    let id = place.map_or("", |d| d.id.as_str());
    let word = chosen.choice.word();
    let shot = record.stored.burst.frames.get(frame);
    let side = |value: f32| number(f64::from(value), DECIMALS);
    let (b, by_person) = (chosen.found.bbox, record.label.is_some());
    let who = record.label.as_ref().map_or(record.machine.as_str(), |l| l.label.who.as_str());
    let score = word.and_then(|w| w.score).filter(|_| !by_person);
    vec![
        name.into(),
        class.into(),
        chosen.choice.kind().as_str().into(),
        word.map_or("", |w| w.taxon.as_str()).into(),
        word.map_or("", |w| w.rank.as_str()).into(),
        word.map_or("", |w| w.label.as_str()).into(),
        super::camtrap::media_id(record, frame).into(),
        record.id.as_str().into(),
        format!("{id}:s{}", record.stored.sequence).into(),
        id.into(),
        place.map_or("", |d| d.location_id.as_str()).into(),
        shot.map_or_else(|| record.at(), |f| f.taken + record.shift).into(),
        side(b.x),
        side(b.y),
        side(b.w),
        side(b.h),
        side(inside.x),
        side(inside.y),
        side(inside.w),
        side(inside.h),
        shot.is_some_and(|f| f.infrared).into(),
        if by_person { "human" } else { "machine" }.into(),
        who.into(),
        score.map(|s| number(f64::from(s), DECIMALS)).into(),
        side(chosen.found.confidence.get()),
        source.into(),
    ]
}

/// A folder's name: that of the class, without what a file system may refuse.
fn directory(class: &str) -> String {
    let clean: String =
        class.chars().map(|c| if c.is_alphanumeric() || " -_()".contains(c) { c } else { '-' }).collect();
    let clean = clean.trim();
    if clean.is_empty() { "unnamed".to_owned() } else { clean.to_owned() }
}

fn notes(crops: &Crops, notes: &mut Vec<String>) {
    let mut say = |count: usize, what: &str| {
        if count > 0 {
            notes.push(format!("{count} {what}"));
        }
    };
    say(crops.unreadable, "pictures cannot be read and gave no crop");
    say(crops.missing, "pictures were not found and gave no crop");
    say(
        crops.people,
        "boxes of people, of vehicles and beside people are left out; --people takes them as well",
    );
    say(
        crops.machine,
        "boxes were named by the networks alone and are left out; --machine-from takes the sure ones",
    );
    say(crops.several, "boxes are left out since a person named several kinds in one burst");
    say(crops.unnamed, "boxes have no name and are left out");
    say(crops.bare, "bursts with a name have no picture with a box that is kept");
    if crops.written == 0 {
        notes.push("no crop was written: label bursts with `trapline review` first".to_owned());
    }
}

impl Choice<'_> {
    /// The folder's name: the scientific name, else the plain one, else the kind.
    fn class(&self) -> String {
        let named = self.word().and_then(|w| [&w.taxon, &w.label].into_iter().find(|n| !n.is_empty()));
        named.map_or_else(|| self.kind().as_str().to_owned(), Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_bear_names_that_a_disk_takes() {
        assert_eq!(directory("Lynx lynx"), "Lynx lynx");
        assert_eq!(directory("../etc"), "---etc");
        assert_eq!(directory("  "), "unnamed");
        assert_eq!(directory("Réh: büren?"), "Réh- büren-");
    }
}
