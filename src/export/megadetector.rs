//! MegaDetector results, format 1.6: one entry per picture, for Timelapse, AddaxAI and MegaDetector's own tools.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::folder::Folder;
use super::gather::{Gathered, Picture, Record};
use super::table::time;
use super::word::{self, Kind, Word};
use super::{Ancestors, ExportError, Options, Summary};
use crate::event::Source;
use crate::store::record::Box;

/// The file.
pub(super) const FILE: &str = "megadetector.json";

/// Detection categories by id, as MegaDetector's own.
const CATEGORIES: [(&str, &str); 3] = [("1", "animal"), ("2", "person"), ("3", "vehicle")];

/// One picture.
#[derive(Debug, Serialize)]
struct Image {
    file: String,
    /// `None` where it could not be judged.
    detections: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    datetime: String,
    /// Who asked for the burst, in Trapline's words: the format allows more than it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<Source>,
}

/// Classes of the animals, numbered in the order of their names.
struct Classes<'a> {
    ids: BTreeMap<&'a str, usize>,
    labels: BTreeMap<&'a str, &'a str>,
}

impl<'a> Classes<'a> {
    fn of(all: &'a Gathered) -> Self {
        let animals = all.records.iter().flat_map(|r| &r.words);
        let animals = animals.filter(|w| w.kind == Kind::Animal && !name(w).is_empty());
        let mut labels: BTreeMap<&str, &str> = BTreeMap::new();
        for word in animals {
            let known = labels.entry(name(word)).or_default();
            *known = if known.is_empty() { &word.label } else { known };
        }
        let ids = labels.keys().enumerate().map(|(i, name)| (*name, i + 1)).collect();
        Classes { ids, labels }
    }

    fn id(&self, word: &Word) -> Option<String> {
        self.ids.get(name(word)).map(usize::to_string)
    }
}

/// The name of an animal.
fn name(word: &Word) -> &str {
    if word.taxon.is_empty() { &word.label } else { &word.taxon }
}

pub(super) fn write(
    all: &Gathered,
    options: &Options,
    folder: &mut Folder,
    summary: &mut Summary,
) -> Result<(), ExportError> {
    let classes = Classes::of(all);
    let mut images: Vec<Image> = Vec::new();
    for record in &all.records {
        images.extend(record.pictures.iter().filter_map(|p| image(record, p, &classes)));
    }
    images.sort_by(|a, b| a.file.cmp(&b.file));
    let machines: BTreeSet<&str> = all.records.iter().map(|r| r.machine.as_str()).collect();
    let machines = machines.into_iter().collect::<Vec<_>>().join("; ");
    let done = all.records.iter().map(Record::at).max().unwrap_or(options.now);
    // What stands in a journal was above its detector's threshold: nothing is to be hidden again.
    let boxes = all.records.iter().flat_map(|r| &r.stored.burst.frames).flat_map(|f| &f.boxes);
    let least = boxes.map(|b| b.confidence.get()).fold(1.0f32, f32::min);
    let least = (f64::from(least) * 100.0).floor() / 100.0;
    let categories: BTreeMap<&str, &str> = CATEGORIES.into();
    let common = |name: &str| -> String {
        classes
            .labels
            .get(name)
            .filter(|l| !l.is_empty())
            .map_or_else(|| name.to_owned(), |l| (*l).to_owned())
    };
    let names = classes.ids.iter().map(|(name, id)| (id.to_string(), json!(common(name).to_lowercase())));
    let descriptions = classes.ids.iter().map(|(name, id)| {
        let above = options.ancestors.get(*name).cloned().unwrap_or_default();
        (id.to_string(), json!(tokens(*id, name, &common(name), &above)))
    });
    let file = json!({
        "info": {
            "format_version": "1.6",
            "detector": machines,
            "classifier": machines,
            "detection_completion_time": time(done).replace('T', " ").trim_end_matches('Z'),
            "detector_metadata": {
                "megadetector_version": "unknown",
                "typical_detection_threshold": least,
                "conservative_detection_threshold": least,
            },
            "summary_report": format!(
                "Trapline {}: {} pictures of {} bursts; {} observations by people",
                env!("CARGO_PKG_VERSION"), images.len(), all.records.len(), summary.human
            ),
        },
        "detection_categories": categories,
        "classification_categories": names.collect::<serde_json::Map<_, _>>(),
        "classification_category_descriptions": descriptions.collect::<serde_json::Map<_, _>>(),
        "images": images,
    });
    let pictureless = all.records.iter().filter(|r| r.pictures.is_empty()).count();
    if pictureless > 0 {
        summary
            .notes
            .push(format!("{pictureless} bursts have no picture that is kept and are not in {FILE}"));
    }
    let text = serde_json::to_string_pretty(&file);
    let text = text.map_err(|e| ExportError::Table { name: FILE.to_owned(), reason: e.to_string() })?;
    folder.add(FILE, text.as_bytes())
}

fn image(record: &Record, picture: &Picture, classes: &Classes<'_>) -> Option<Image> {
    let frame = record.stored.burst.frames.get(picture.frame)?;
    let file = picture.path.clone();
    let datetime = (frame.taken + record.shift).format("%Y:%m:%d %H:%M:%S").to_string();
    let trigger = record.source();
    if let Some(why) = &frame.failed {
        return Some(Image { file, detections: None, failure: Some(why.clone()), datetime, trigger });
    }
    let blank = record.label.is_some() && record.words.iter().all(|w| w.kind == Kind::Blank);
    let boxes = if blank { &[] } else { frame.boxes.as_slice() };
    let detections = boxes.iter().map(|found| detection(record, found, classes)).collect();
    Some(Image { file, detections: Some(detections), failure: None, datetime, trigger })
}

fn detection(record: &Record, found: &Box, classes: &Classes<'_>) -> Value {
    let category = match found.category.as_str() {
        "person" => "2",
        "vehicle" => "3",
        _ => "1",
    };
    let bbox = <[f32; 4]>::from(found.bbox).map(|side| share(side, 4));
    let mut value = json!({"category": category, "conf": share(found.confidence.get(), 3), "bbox": bbox});
    let word = word::word_of_box(&record.words, found, record.label.is_some());
    let animal = word.filter(|w| w.kind == Kind::Animal);
    if let Some((word, id)) = animal.and_then(|w| Some((w, classes.id(w)?))) {
        // A person's word is as sure as this format can say.
        let sure = word.score.unwrap_or(1.0);
        value["classifications"] = json!([[id, share(sure, 3)]]);
    }
    value
}

/// Rounded; printed with a point even if whole, which the upstream validator insists on.
fn share(value: f32, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (f64::from(value) * scale).round() / scale
}

/// SpeciesNet's form, in lower case: `id;class;order;family;genus;species;common name`. What is not known is empty; of a
/// binomial the genus is its first word.
fn tokens(id: usize, name: &str, common: &str, above: &Ancestors) -> String {
    let mut words = name.split_whitespace();
    let binomial = (words.next(), words.next());
    let (genus, species) = match binomial {
        (Some(genus), Some(species)) if genus.starts_with(char::is_uppercase) => (genus, species),
        // A name of one word is that of a group, which its ancestors may say.
        _ => (above.genus.as_str(), ""),
    };
    let fields = [above.class.as_str(), &above.order, &above.family, genus, species, common];
    let clean = fields.map(|field| field.replace(';', ",").to_lowercase());
    format!("{id};{}", clean.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_have_seven_tokens_in_lower_case() {
        // SpeciesNet's labels: uuid;class;order;family;genus;species;common name.
        let above = Ancestors {
            class: "Mammalia".into(),
            order: "Carnivora".into(),
            family: "Felidae".into(),
            genus: "Lynx".into(),
        };
        assert_eq!(
            tokens(3, "Lynx lynx", "Eurasian lynx", &above),
            "3;mammalia;carnivora;felidae;lynx;lynx;eurasian lynx"
        );
        assert_eq!(tokens(1, "Felidae", "cat; any", &Ancestors::default()), "1;;;;;;cat, any");
    }

    #[test]
    fn whole_numbers_keep_their_point() {
        assert_eq!(json!(share(1.0, 3)).to_string(), "1.0");
        assert_eq!(json!(share(0.123_456, 4)).to_string(), "0.1235");
    }
}
