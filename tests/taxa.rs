//! The label tables for the shared classifiers say what each class is, and agree with the networks' own label files.
//!
//! The counts and taxa expected here are ILSVRC 2012's: 1000 classes of which the first 398 are animals, two of them
//! extinct, behind one background class.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use trapline::engine::labels::{self, Label};
use trapline::units::Rank;

fn table(name: &str) -> Vec<Label> {
    labels::load(&Path::new("models/starter").join(name)).unwrap_or_else(|e| panic!("{e}"))
}

/// A file of the shared folder, or `None` with a word why; absent is an error on CI.
fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TRAPLINE_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let file = root.join(path);
    if file.exists() {
        return Some(file);
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{} is needed on CI", file.display());
    println!("skipped: {} is not there", file.display());
    None
}

fn same_names(table: &[Label], file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let names: Vec<&str> = text.lines().collect();
    assert_eq!(table.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), names);
}

#[test]
fn imagenet_has_396_living_animals_among_1001_classes() {
    let table = table("imagenet_taxa.csv");
    assert_eq!(table.len(), 1001);
    let animals: Vec<usize> = (0..table.len()).filter(|&i| table[i].taxon.is_some()).collect();
    assert_eq!(animals.len(), 396);
    assert_eq!((animals.first(), animals.last()), (Some(&1), Some(&398)));
    for extinct in [52, 70] {
        assert!(["triceratops", "trilobite"].contains(&table[extinct].name.as_str()));
    }
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    for taxon in table.iter().filter_map(|l| l.taxon.as_ref()) {
        *classes.entry(taxon.at(Rank::Class)).or_default() += 1;
    }
    // Counted by eye on the list: 59 birds, 118 dogs and 100 other mammals, 5 salamanders and 3 frogs.
    assert_eq!((classes["Aves"], classes["Mammalia"], classes["Amphibia"]), (59, 218, 8));
    let dogs = table.iter().filter_map(|l| l.taxon.as_ref()).filter(|t| t.scientific == "Canis familiaris");
    assert_eq!(dogs.count(), 118);
}

#[test]
fn imagenet_names_are_the_networks_own() {
    if let Some(file) = shared("models/imagenet_labels.txt") {
        same_names(&table("imagenet_taxa.csv"), &file);
    }
}

#[test]
fn imagenet_classes_stand_where_they_belong() {
    let table = table("imagenet_taxa.csv");
    // Output of the network, scientific name, rank, family, class.
    let spots = [
        (1, "Tinca tinca", Rank::Species, "Cyprinidae", "Actinopterygii"),
        (9, "Gallus gallus", Rank::Species, "Phasianidae", "Aves"),
        (18, "Corvidae", Rank::Family, "Corvidae", "Aves"),
        (71, "Phalangium opilio", Rank::Species, "Phalangiidae", "Arachnida"),
        (152, "Canis familiaris", Rank::Species, "Canidae", "Mammalia"),
        (269, "Canis familiaris", Rank::Species, "Canidae", "Mammalia"),
        (270, "Canis lupus", Rank::Species, "Canidae", "Mammalia"),
        (271, "Canis lupus tundrarum", Rank::Subspecies, "Canidae", "Mammalia"),
        (281, "Urocyon cinereoargenteus", Rank::Species, "Canidae", "Mammalia"),
        (286, "Felis catus", Rank::Species, "Felidae", "Mammalia"),
        (287, "Puma concolor", Rank::Species, "Felidae", "Mammalia"),
        (288, "Lynx", Rank::Genus, "Felidae", "Mammalia"),
        (296, "Ursus americanus", Rank::Species, "Ursidae", "Mammalia"),
        (326, "Pieridae", Rank::Family, "Pieridae", "Insecta"),
        (343, "Sus scrofa", Rank::Species, "Suidae", "Mammalia"),
        (362, "Mephitidae", Rank::Family, "Mephitidae", "Mammalia"),
        (398, "Tetraodontidae", Rank::Family, "Tetraodontidae", "Actinopterygii"),
    ];
    for (class, scientific, rank, family, above) in spots {
        let taxon = table[class].taxon.as_ref().unwrap();
        assert_eq!((taxon.scientific.as_str(), taxon.rank), (scientific, rank), "{}", table[class].name);
        assert_eq!((taxon.at(Rank::Family), taxon.at(Rank::Class)), (family, above), "{}", table[class].name);
    }
    for thing in ["background", "crane", "minivan", "groom, bridegroom", "scuba diver", "teddy, teddy bear"] {
        assert!(table.iter().any(|l| l.name == thing && l.taxon.is_none()), "{thing}");
    }
}

/// The reader refuses a genus with two families and so on; this counts the other way round: no name at two ranks.
#[test]
fn no_name_stands_at_two_ranks() {
    for file in ["imagenet_taxa.csv", "inat_birds_taxa.csv"] {
        let mut ranks: BTreeMap<String, BTreeSet<Rank>> = BTreeMap::new();
        for taxon in table(file).iter().filter_map(|l| l.taxon.as_ref()) {
            for rank in Rank::ALL.into_iter().filter(|&r| !taxon.at(r).is_empty()) {
                ranks.entry(taxon.at(rank).to_owned()).or_default().insert(rank);
            }
        }
        let twice: Vec<_> = ranks.iter().filter(|(_, r)| r.len() > 1).collect();
        assert!(twice.is_empty(), "{file}: {twice:?}");
    }
}

#[test]
fn every_bird_of_the_bird_classifier_is_a_bird() {
    let table = table("inat_birds_taxa.csv");
    assert_eq!(table.len(), 965);
    assert_eq!(
        table.iter().filter(|l| l.taxon.is_none()).map(|l| l.name.as_str()).collect::<Vec<_>>(),
        ["background"]
    );
    assert!(table.iter().filter_map(|l| l.taxon.as_ref()).all(|t| t.at(Rank::Class) == "Aves"));
    let turkey = table.iter().find(|l| l.name.contains("Rio Grande")).and_then(|l| l.taxon.as_ref()).unwrap();
    assert_eq!((turkey.at(Rank::Species), turkey.at(Rank::Genus)), ("Meleagris gallopavo", "Meleagris"));
    if let Some(file) = shared("models/inat_bird_labels.txt") {
        same_names(&table, &file);
    }
}
