//! What a classifier's outputs mean: one label per output, each with its place in the tree of life.
//!
//! A label file is either a plain list, one label a line, or a table with the header
//! `label,scientific,rank,english,genus,family,order,class`. Lines stand in the order of the network's outputs.
//! In a table an empty `scientific` marks a class to be ignored (no animal); an empty ancestor means not known.
//! A plain list says nothing of taxa, so every class of it is ignored and only its name is reported.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::csv;
use crate::units::Rank;

/// Columns of a label table, in order.
pub const COLUMNS: [&str; 8] =
    ["label", "scientific", "rank", "english", "genus", "family", "order", "class"];

/// The kingdom, reported when nothing finer is certain.
pub const ANIMALIA: &str = "Animalia";

/// One output of a classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The network's own name for the class.
    pub name: String,
    /// What it is, or `None` for a class that is to be ignored (no animal).
    pub taxon: Option<Lineage>,
}

/// A taxon with its known ancestors; an empty string means not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lineage {
    /// Scientific name.
    pub scientific: String,
    /// English name.
    pub english: String,
    /// Rank of `scientific`.
    pub rank: Rank,
    /// Genus.
    pub genus: String,
    /// Family.
    pub family: String,
    /// Order.
    pub order: String,
    /// Class.
    pub class: String,
}

impl Lineage {
    /// The name at `rank`: its own, an ancestor's, or empty when not known or finer than the taxon itself.
    /// The species of a subspecies is the first two words of its name.
    pub fn at(&self, rank: Rank) -> &str {
        if rank < self.rank {
            return "";
        }
        if rank == self.rank {
            return &self.scientific;
        }
        match rank {
            Rank::Subspecies => "",
            Rank::Species => binomial(&self.scientific),
            Rank::Genus => &self.genus,
            Rank::Family => &self.family,
            Rank::Order => &self.order,
            Rank::Class => &self.class,
            Rank::Kingdom => ANIMALIA,
        }
    }

    /// Whether `name` is this taxon or one of its ancestors.
    pub fn is_within(&self, name: &str) -> bool {
        !name.is_empty() && Rank::ALL.into_iter().any(|rank| self.at(rank) == name)
    }
}

/// The first two words of a scientific name.
fn binomial(name: &str) -> &str {
    name.match_indices(' ').nth(1).map_or(name, |(end, _)| &name[..end])
}

/// Why a label file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// The file cannot be read.
    #[error("{}: {source}; check `labels` in the model's manifest", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// The system's words (not UTF-8 counts as invalid data).
        source: std::io::Error,
    },
    /// There is no label in it.
    #[error("{}: no label in it; write one a line, in the order of the network's outputs", file.display())]
    Empty {
        /// Which file.
        file: PathBuf,
    },
    /// Not a table.
    #[error("{}: {source}", file.display())]
    Table {
        /// Which file.
        file: PathBuf,
        /// What is wrong, with its line.
        source: csv::CsvError,
    },
    /// One line is wrong.
    #[error("{}: line {line}: `{key}` {problem}", file.display())]
    Line {
        /// Which file.
        file: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Which column.
        key: &'static str,
        /// What is wrong with it, and what is allowed.
        problem: String,
    },
}

/// Reads and checks the label file at `path`.
pub fn load(path: &Path) -> Result<Vec<Label>, LabelError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| LabelError::Read { file: path.to_owned(), source })?;
    parse(&text, path)
}

/// Checks the text of a label file; `file` names it in errors, and an ending `.csv` makes it a table.
pub fn parse(text: &str, file: &Path) -> Result<Vec<Label>, LabelError> {
    let named_table = file.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    let labels = if named_table || text.trim_start_matches('\u{feff}').starts_with("label,scientific") {
        table(text, file)?
    } else {
        list(text, file)?
    };
    if labels.is_empty() {
        return Err(LabelError::Empty { file: file.to_owned() });
    }
    Ok(labels)
}

/// A plain list: a blank line in the middle would shift every class after it, so it is an error.
fn list(text: &str, file: &Path) -> Result<Vec<Label>, LabelError> {
    let named = |(i, line): (usize, &str)| match line.trim() {
        "" => Err(LabelError::Line {
            file: file.to_owned(),
            line: i + 1,
            key: COLUMNS[0],
            problem: "is empty; every output of the network needs a name".into(),
        }),
        name => Ok(Label { name: name.to_owned(), taxon: None }),
    };
    text.trim_end().trim_start_matches('\u{feff}').lines().enumerate().map(named).collect()
}

/// A table with [`COLUMNS`].
fn table(text: &str, file: &Path) -> Result<Vec<Label>, LabelError> {
    let rows = csv::rows(text).map_err(|source| LabelError::Table { file: file.to_owned(), source })?;
    let at = |line: usize| {
        move |(key, problem): Problem| LabelError::Line { file: file.to_owned(), line, key, problem }
    };
    let Some((header, body)) = rows.split_first() else { return Ok(Vec::new()) };
    if header.fields != COLUMNS {
        let problem = format!("opens a header that is not `{}`", COLUMNS.join(","));
        return Err(at(header.line)((COLUMNS[0], problem)));
    }
    let mut tree = Tree::default();
    body.iter()
        .map(|row| {
            let label = label(&row.fields).map_err(at(row.line))?;
            if let Some(taxon) = &label.taxon {
                tree.check(taxon, row.line).map_err(at(row.line))?;
            }
            Ok(label)
        })
        .collect()
}

/// A column and what is wrong with it.
type Problem = (&'static str, String);

/// One record of the table.
fn label(fields: &[String]) -> Result<Label, Problem> {
    let [name, scientific, rank, english, genus, family, order, class] = fields else {
        let problem = format!("begins a record of {} columns; {} are needed", fields.len(), COLUMNS.len());
        return Err((COLUMNS[0], problem));
    };
    if name.is_empty() {
        return Err((COLUMNS[0], "is empty; every output of the network needs a name".into()));
    }
    if scientific.is_empty() {
        return match COLUMNS.iter().zip(fields).skip(1).find(|(_, value)| !value.is_empty()) {
            Some((key, _)) => {
                Err((key, "is given, but `scientific` is empty; a class to ignore has neither".into()))
            }
            None => Ok(Label { name: name.clone(), taxon: None }),
        };
    }
    let rank = Rank::parse(rank).ok_or_else(|| {
        let allowed = Rank::ALL.map(Rank::as_str).join(", ");
        ("rank", format!("is `{rank}`; allowed: {allowed}"))
    })?;
    let taxon = Lineage {
        scientific: scientific.clone(),
        english: english.clone(),
        rank,
        genus: genus.clone(),
        family: family.clone(),
        order: order.clone(),
        class: class.clone(),
    };
    check_ranks(&taxon)?;
    Ok(Label { name: name.clone(), taxon: Some(taxon) })
}

/// The taxon's own column must repeat its name and finer ones be empty; a species has two words, the first its genus.
fn check_ranks(taxon: &Lineage) -> Result<(), Problem> {
    if taxon.english.is_empty() {
        return Err(("english", "is empty; people read this name".into()));
    }
    let words = taxon.scientific.split_whitespace().count();
    let wanted = match taxon.rank {
        Rank::Subspecies => 3,
        Rank::Species => 2,
        _ => 1,
    };
    if words != wanted {
        let problem = format!("is `{}`; a {} has {wanted} word(s)", taxon.scientific, taxon.rank.as_str());
        return Err(("scientific", problem));
    }
    if taxon.rank == Rank::Kingdom && taxon.scientific != ANIMALIA {
        return Err(("scientific", format!("is `{}`; the only kingdom is {ANIMALIA}", taxon.scientific)));
    }
    for (key, rank, value) in ancestors(taxon) {
        if rank < taxon.rank && !value.is_empty() {
            return Err((key, format!("is `{value}`, finer than the {} it stands for", taxon.rank.as_str())));
        }
        if rank == taxon.rank && value != taxon.scientific {
            return Err((key, format!("is `{value}`; it must repeat `{}`", taxon.scientific)));
        }
    }
    let genus = taxon.scientific.split(' ').next().unwrap_or_default();
    if taxon.rank < Rank::Genus && taxon.genus != genus {
        return Err(("genus", format!("is `{}`; it must be `{genus}`", taxon.genus)));
    }
    Ok(())
}

/// The columns of the ancestors, finest first.
fn ancestors(taxon: &Lineage) -> [(&'static str, Rank, &str); 4] {
    [
        ("genus", Rank::Genus, &taxon.genus),
        ("family", Rank::Family, &taxon.family),
        ("order", Rank::Order, &taxon.order),
        ("class", Rank::Class, &taxon.class),
    ]
}

/// What earlier lines said of each name, so that one genus has one family, one family one order, and so on.
#[derive(Default)]
struct Tree {
    parents: HashMap<String, (String, usize)>,
    english: HashMap<String, (String, usize)>,
}

impl Tree {
    fn check(&mut self, taxon: &Lineage, line: usize) -> Result<(), Problem> {
        let chain = ancestors(taxon);
        for pair in chain.windows(2) {
            if let [(_, _, child), (key, _, parent)] = *pair {
                agree(&mut self.parents, child, key, parent, line)?;
            }
        }
        agree(&mut self.english, &taxon.scientific, "english", &taxon.english, line)
    }
}

/// Notes that `name` has `value` in column `key`, or tells who said otherwise. Empty means not known.
fn agree(
    said: &mut HashMap<String, (String, usize)>,
    name: &str,
    key: &'static str,
    value: &str,
    line: usize,
) -> Result<(), Problem> {
    if name.is_empty() || value.is_empty() {
        return Ok(());
    }
    let (before, earlier) = said.entry(name.to_owned()).or_insert_with(|| (value.to_owned(), line));
    if before == value {
        return Ok(());
    }
    Err((key, format!("of {name} is `{value}` here and `{before}` on line {earlier}; one of them is wrong")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "label,scientific,rank,english,genus,family,order,class\n";
    const FOX: &str = "fox,Vulpes vulpes,species,red fox,Vulpes,Canidae,Carnivora,Mammalia\n";

    fn refused(body: &str) -> String {
        parse(&format!("{HEADER}{body}"), Path::new("taxa.csv")).unwrap_err().to_string()
    }

    #[test]
    fn a_plain_list_has_names_and_no_taxa() {
        let labels = parse("background\nfox, red\n\n", Path::new("names.txt")).unwrap();
        assert_eq!(labels.len(), 2);
        assert_eq!(labels[1], Label { name: "fox, red".into(), taxon: None });
        let gap = parse("a\n\nb\n", Path::new("names.txt")).unwrap_err().to_string();
        assert!(gap.starts_with("names.txt: line 2: `label` is empty"), "{gap}");
        assert!(matches!(parse("\n", Path::new("n.txt")), Err(LabelError::Empty { .. })));
        assert!(matches!(parse(HEADER, Path::new("n.csv")), Err(LabelError::Empty { .. })));
    }

    #[test]
    fn a_table_gives_every_class_its_lineage() {
        let text = format!("{HEADER}stone,,,,,,,\n{FOX}dog,Canis familiaris,species,dog,Canis,,,Mammalia\n");
        let labels = parse(&text, Path::new("taxa.csv")).unwrap();
        assert_eq!(labels[0].taxon, None);
        let fox = labels[1].taxon.as_ref().unwrap();
        assert_eq!(
            Rank::ALL.map(|r| fox.at(r)),
            ["", "Vulpes vulpes", "Vulpes", "Canidae", "Carnivora", "Mammalia", "Animalia"]
        );
        assert!(fox.is_within("Carnivora") && fox.is_within(ANIMALIA));
        assert!(!fox.is_within("Canis") && !fox.is_within(""));
        assert_eq!(labels[2].taxon.as_ref().unwrap().at(Rank::Family), "");
    }

    #[test]
    fn a_subspecies_belongs_to_its_species_and_a_family_has_no_genus() {
        let text = format!(
            "{HEADER}w,Canis lupus tundrarum,subspecies,tundra wolf,Canis,Canidae,Carnivora,Mammalia\n\
             d,Canidae,family,dog family,,Canidae,Carnivora,Mammalia\n"
        );
        let labels = parse(&text, Path::new("taxa.csv")).unwrap();
        let wolf = labels[0].taxon.as_ref().unwrap();
        assert_eq!(wolf.at(Rank::Species), "Canis lupus");
        assert_eq!(wolf.at(Rank::Subspecies), "Canis lupus tundrarum");
        let family = labels[1].taxon.as_ref().unwrap();
        assert_eq!((family.at(Rank::Genus), family.at(Rank::Family)), ("", "Canidae"));
    }

    #[test]
    fn errors_name_file_line_key_and_what_is_allowed() {
        let rank = refused("fox,Vulpes vulpes,specie,red fox,Vulpes,,,\n");
        assert_eq!(
            rank,
            "taxa.csv: line 2: `rank` is `specie`; allowed: subspecies, species, genus, family, order, class, kingdom"
        );
        assert!(refused("fox,,species,,,,,\n").contains("line 2: `rank` is given"));
        assert!(refused("fox,Vulpes\n").contains("2 columns; 8 are needed"));
        assert!(refused("fox,Vulpes vulpes,species,red fox,Canis,,,\n").contains("`genus` is `Canis`"));
        assert!(refused("fox,Vulpes,species,red fox,Vulpes,,,\n").contains("`scientific` is `Vulpes`"));
        assert!(refused("fox,Vulpes vulpes,species,,Vulpes,,,\n").contains("`english` is empty"));
        assert!(refused("x,Canidae,family,dogs,Canis,Canidae,,\n").contains("`genus` is `Canis`, finer"));
        assert!(refused("x,Canidae,family,dogs,,Felidae,,\n").contains("must repeat `Canidae`"));
        assert!(refused("x,Plantae,kingdom,plants,,,,\n").contains("only kingdom"));
        assert!(refused("\"x").contains("1 columns; 8 are needed"));
        let header = parse("label,latin\nfox,\n", Path::new("taxa.csv")).unwrap_err().to_string();
        assert!(header.contains("line 1") && header.contains(&COLUMNS.join(",")), "{header}");
    }

    #[test]
    fn one_genus_has_one_family_and_one_name_one_english_name() {
        let split =
            refused(&format!("{FOX}kit,Vulpes macrotis,species,kit fox,Vulpes,Felidae,Carnivora,Mammalia\n"));
        assert!(
            split.contains("line 3: `family` of Vulpes is `Felidae` here and `Canidae` on line 2"),
            "{split}"
        );
        let twice = refused(&format!("{FOX}f2,Vulpes vulpes,species,fox,Vulpes,,,\n"));
        assert!(twice.contains("`english` of Vulpes vulpes"), "{twice}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = load(Path::new("no/such/labels.csv")).unwrap_err().to_string();
        assert!(error.starts_with("no/such/labels.csv:"), "{error}");
    }
}
