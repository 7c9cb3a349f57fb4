//! The truth: which photo shows what, and what each label stands for in the tree of life.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::EvalError;
use crate::csv;
use crate::engine::labels::{ANIMALIA, Label, Lineage};
use crate::units::Rank;

/// Columns of the table that says what truth labels stand for.
///
/// `accepts` holds what counts as right, several parted by `;`: scientific names at any rank (with all below them),
/// or one of `empty`, `person`, `vehicle`. The others name the ancestors, by which a prediction of a higher rank is
/// told from a wrong one.
pub const MAP_COLUMNS: [&str; 6] = ["label", "accepts", "genus", "family", "order", "class"];

/// What a truth label stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing living.
    Empty,
    /// People.
    Person,
    /// Vehicles.
    Vehicle,
    /// An animal.
    Animal {
        /// Scientific names that are right, with all below them.
        accepts: BTreeSet<String>,
        /// Names of higher taxa that contain it.
        ancestors: BTreeSet<String>,
    },
}

/// What is true of every photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// Label of each photo, by its path as the table writes it.
    pub photos: BTreeMap<PathBuf, String>,
    /// What each label stands for.
    pub meanings: BTreeMap<String, Meaning>,
}

/// Places of the scientific names that can be predicted, by name.
#[derive(Debug, Clone, Default)]
pub struct Taxa(HashMap<String, Lineage>);

impl Taxa {
    /// Adds the taxa of a classifier's labels.
    pub fn add(&mut self, labels: &[Label]) {
        for taxon in labels.iter().filter_map(|l| l.taxon.as_ref()) {
            for rank in Rank::ALL.into_iter().filter(|&r| r >= taxon.rank && !taxon.at(r).is_empty()) {
                let up = |at: Rank| if at >= rank { taxon.at(at).to_owned() } else { String::new() };
                self.0.entry(taxon.at(rank).to_owned()).or_insert_with(|| Lineage {
                    scientific: taxon.at(rank).to_owned(),
                    english: String::new(),
                    rank,
                    genus: up(Rank::Genus),
                    family: up(Rank::Family),
                    order: up(Rank::Order),
                    class: up(Rank::Class),
                });
            }
        }
    }

    /// Whether the place of `name` is known.
    pub fn knows(&self, name: &str) -> bool {
        name == ANIMALIA || self.0.contains_key(name)
    }

    /// Whether `name` is `above` or below it.
    pub fn is_within(&self, name: &str, above: &str) -> bool {
        name == above || self.0.get(name).is_some_and(|taxon| taxon.is_within(above))
    }
}

/// Reads the truth: a table with at least the columns `file` and `label`. `map` says what labels stand for; without
/// it `empty`, `person`, `human` and `vehicle` are understood, and names that `taxa` knows.
pub fn read(file: &Path, map: Option<&Path>, taxa: &Taxa) -> Result<Truth, EvalError> {
    let mapped = map.map(|map| parse_map(&text(map)?, map)).transpose()?.unwrap_or_default();
    parse(&text(file)?, file, mapped, taxa)
}

fn text(file: &Path) -> Result<String, EvalError> {
    std::fs::read_to_string(file).map_err(|source| EvalError::Read { file: file.to_owned(), source })
}

fn rows(text: &str, file: &Path) -> Result<Vec<csv::Row>, EvalError> {
    csv::rows(text).map_err(|source| EvalError::Table { file: file.to_owned(), source })
}

fn wrong(file: &Path, line: usize, problem: String) -> EvalError {
    EvalError::Line { file: file.to_owned(), line, problem }
}

/// The truth from the text of its table.
pub fn parse(
    text: &str,
    file: &Path,
    mut mapped: BTreeMap<String, Meaning>,
    taxa: &Taxa,
) -> Result<Truth, EvalError> {
    let rows = rows(text, file)?;
    let header = rows.first().map(|r| r.fields.as_slice()).unwrap_or_default();
    let column = |name: &str| {
        header.iter().position(|h| h == name).ok_or_else(|| {
            wrong(file, 1, format!("no column `{name}`; the truth needs `file` and `label`, more may follow"))
        })
    };
    let (photo, label) = (column("file")?, column("label")?);
    let mut truth = Truth { photos: BTreeMap::new(), meanings: BTreeMap::new() };
    for row in rows.iter().skip(1) {
        let (Some(photo), Some(label)) = (row.fields.get(photo), row.fields.get(label)) else {
            let problem = format!("{} columns, {} in the header", row.fields.len(), header.len());
            return Err(wrong(file, row.line, problem));
        };
        if !truth.meanings.contains_key(label) {
            let meaning = mapped.remove(label).or_else(|| plain(label, taxa)).ok_or_else(|| {
                let known = "a map is given with --map; without one only empty, person, human, vehicle and the \
                             scientific names of --taxa are";
                wrong(file, row.line, format!("label `{label}` is not understood; {known}"))
            })?;
            truth.meanings.insert(label.clone(), meaning);
        }
        if truth.photos.insert(PathBuf::from(photo), label.clone()).is_some() {
            return Err(wrong(file, row.line, format!("{photo} is listed twice")));
        }
    }
    Ok(truth)
}

/// What a label means that no map explains.
fn plain(label: &str, taxa: &Taxa) -> Option<Meaning> {
    match label {
        "empty" => Some(Meaning::Empty),
        "person" | "human" => Some(Meaning::Person),
        "vehicle" => Some(Meaning::Vehicle),
        name => {
            let taxon = taxa.0.get(name)?;
            let up = Rank::ALL.into_iter().filter(|&r| r > taxon.rank).map(|r| taxon.at(r).to_owned());
            Some(Meaning::Animal {
                accepts: BTreeSet::from([name.to_owned()]),
                ancestors: up.filter(|n| !n.is_empty()).collect(),
            })
        }
    }
}

/// The map from the text of its table.
pub fn parse_map(text: &str, file: &Path) -> Result<BTreeMap<String, Meaning>, EvalError> {
    let rows = rows(text, file)?;
    if rows.first().is_none_or(|header| header.fields != MAP_COLUMNS) {
        return Err(wrong(file, 1, format!("the header is not `{}`", MAP_COLUMNS.join(","))));
    }
    let mut map = BTreeMap::new();
    for row in rows.iter().skip(1) {
        let [label, accepts, ancestors @ ..] = row.fields.as_slice() else {
            return Err(wrong(file, row.line, "no `accepts`".into()));
        };
        if row.fields.len() != MAP_COLUMNS.len() {
            let problem = format!("{} columns; {} are needed", row.fields.len(), MAP_COLUMNS.len());
            return Err(wrong(file, row.line, problem));
        }
        let names = |fields: &mut dyn Iterator<Item = &str>| -> BTreeSet<String> {
            fields.map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect()
        };
        let accepts = names(&mut accepts.split(';'));
        let mut ancestors = names(&mut ancestors.iter().map(String::as_str));
        ancestors.insert(ANIMALIA.into());
        let only = if accepts.len() == 1 { accepts.first().map(String::as_str) } else { None };
        let meaning = match only {
            _ if accepts.is_empty() => return Err(wrong(file, row.line, "`accepts` is empty".into())),
            Some("empty") => Meaning::Empty,
            Some("person") => Meaning::Person,
            Some("vehicle") => Meaning::Vehicle,
            _ => Meaning::Animal { accepts, ancestors },
        };
        if map.insert(label.clone(), meaning).is_some() {
            return Err(wrong(file, row.line, format!("label `{label}` is listed twice")));
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::labels;

    fn taxa() -> Taxa {
        let text = "label,scientific,rank,english,genus,family,order,class\n\
            fox,Vulpes vulpes,species,red fox,Vulpes,Canidae,Carnivora,Mammalia\n";
        let mut taxa = Taxa::default();
        taxa.add(&labels::parse(text, Path::new("t.csv")).unwrap());
        taxa
    }

    fn refused(truth: &str, map: &str) -> String {
        parse_map(map, Path::new("map.csv"))
            .and_then(|map| parse(truth, Path::new("truth.csv"), map, &taxa()))
            .unwrap_err()
            .to_string()
    }

    const MAP: &str = "label,accepts,genus,family,order,class\n";

    #[test]
    fn labels_stand_for_what_the_map_says_or_for_themselves() {
        let map = format!("{MAP}nobody,empty,,,,\ndeer,Cervidae;Cervus elaphus,,,Artiodactyla,Mammalia\n");
        let truth = "file,burst,label\na.jpg,1,nobody\nb/c.jpg,1,deer\nd.jpg,2,human\ne.jpg,2,Vulpes\n";
        let map = parse_map(&map, Path::new("map.csv")).unwrap();
        let truth = parse(truth, Path::new("truth.csv"), map, &taxa()).unwrap();
        let set = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<BTreeSet<_>>();
        assert_eq!(truth.photos.len(), 4);
        assert_eq!(truth.meanings["nobody"], Meaning::Empty);
        assert_eq!(truth.meanings["human"], Meaning::Person);
        assert_eq!(
            truth.meanings["deer"],
            Meaning::Animal {
                accepts: set(&["Cervidae", "Cervus elaphus"]),
                ancestors: set(&["Artiodactyla", "Mammalia", "Animalia"]),
            }
        );
        assert_eq!(
            truth.meanings["Vulpes"],
            Meaning::Animal {
                accepts: set(&["Vulpes"]),
                ancestors: set(&["Canidae", "Carnivora", "Mammalia", "Animalia"]),
            }
        );
    }

    #[test]
    fn taxa_know_what_lies_in_what() {
        let taxa = taxa();
        assert!(taxa.is_within("Vulpes vulpes", "Canidae") && taxa.is_within("Canidae", "Canidae"));
        assert!(!taxa.is_within("Canidae", "Vulpes vulpes") && !taxa.is_within("Cervus", "Cervidae"));
        assert!(taxa.knows("Carnivora") && taxa.knows("Animalia") && !taxa.knows("Cervus"));
    }

    #[test]
    fn errors_name_file_line_and_label() {
        let unknown = refused("file,label\na.jpg,wolpertinger\n", MAP);
        assert!(
            unknown.starts_with("truth.csv: line 2: label `wolpertinger` is not understood"),
            "{unknown}"
        );
        assert!(refused("file,species\n", MAP).contains("line 1: no column `label`"));
        assert!(refused("", MAP).contains("no column `file`"));
        assert!(
            refused("file,label\na.jpg,empty\na.jpg,empty\n", MAP).contains("line 3: a.jpg is listed twice")
        );
        assert!(refused("file,label\na.jpg\n", MAP).contains("line 2: 1 columns, 2 in the header"));
        assert!(refused("", "label,taxon\n").contains("map.csv: line 1: the header is not"));
        assert!(refused("", &format!("{MAP}deer,,,,,\n")).contains("line 2: `accepts` is empty"));
        assert!(refused("", &format!("{MAP}a,empty,,,,\na,empty,,,,\n")).contains("`a` is listed twice"));
        assert!(refused("", &format!("{MAP}a,empty\n")).contains("2 columns; 6 are needed"));
    }
}
