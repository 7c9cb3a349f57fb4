//! English names of genera, families, orders and classes, for what is rolled up.

use crate::units::Rank;

/// Families, orders and classes that a camera trap meets, by scientific name. The names are those in common use in
/// English field guides; a label file's own name for a taxon goes before this table.
const HIGHER: [(&str, &str); 92] = [
    ("Accipitridae", "hawk family"),
    ("Accipitriformes", "bird of prey"),
    ("Actinopterygii", "ray-finned fish"),
    ("Amphibia", "amphibian"),
    ("Anatidae", "duck family"),
    ("Anseriformes", "waterfowl"),
    ("Anura", "frog or toad"),
    ("Apodiformes", "swift or hummingbird"),
    ("Arachnida", "arachnid"),
    ("Araneae", "spider"),
    ("Ardeidae", "heron family"),
    ("Artiodactyla", "even-toed ungulate"),
    ("Aves", "bird"),
    ("Bovidae", "cattle family"),
    ("Camelidae", "camel family"),
    ("Canidae", "dog family"),
    ("Carnivora", "carnivore"),
    ("Castoridae", "beaver family"),
    ("Caudata", "salamander or newt"),
    ("Caviidae", "cavy family"),
    ("Cebidae", "capuchin family"),
    ("Cercopithecidae", "Old World monkey"),
    ("Cervidae", "deer family"),
    ("Charadriiformes", "wader or gull"),
    ("Chiroptera", "bat"),
    ("Ciconiidae", "stork family"),
    ("Cingulata", "armadillo"),
    ("Coleoptera", "beetle"),
    ("Colubridae", "colubrid snake"),
    ("Columbidae", "pigeon family"),
    ("Columbiformes", "pigeon or dove"),
    ("Corvidae", "crow family"),
    ("Cracidae", "guan family"),
    ("Cricetidae", "vole family"),
    ("Crocodylia", "crocodilian"),
    ("Cuniculidae", "paca family"),
    ("Dasyproctidae", "agouti family"),
    ("Dasyuridae", "quoll family"),
    ("Didelphidae", "opossum family"),
    ("Didelphimorphia", "opossum"),
    ("Diprotodontia", "diprotodont marsupial"),
    ("Elephantidae", "elephant"),
    ("Equidae", "horse family"),
    ("Erinaceidae", "hedgehog family"),
    ("Eulipotyphla", "hedgehog, shrew or mole"),
    ("Falconidae", "falcon family"),
    ("Felidae", "cat family"),
    ("Fringillidae", "finch family"),
    ("Galliformes", "landfowl"),
    ("Giraffidae", "giraffe family"),
    ("Gruiformes", "crane or rail"),
    ("Herpestidae", "mongoose"),
    ("Hominidae", "great ape"),
    ("Hyaenidae", "hyena"),
    ("Insecta", "insect"),
    ("Lagomorpha", "hare, rabbit or pika"),
    ("Lepidoptera", "butterfly or moth"),
    ("Leporidae", "hare and rabbit family"),
    ("Macropodidae", "kangaroo family"),
    ("Mammalia", "mammal"),
    ("Mephitidae", "skunk"),
    ("Muridae", "mouse family"),
    ("Mustelidae", "weasel family"),
    ("Passeriformes", "perching bird"),
    ("Pelecaniformes", "pelican or heron"),
    ("Perissodactyla", "odd-toed ungulate"),
    ("Phasianidae", "pheasant family"),
    ("Picidae", "woodpecker family"),
    ("Piciformes", "woodpecker or toucan"),
    ("Pilosa", "sloth or anteater"),
    ("Primates", "primate"),
    ("Proboscidea", "elephant"),
    ("Procyonidae", "raccoon family"),
    ("Psittaciformes", "parrot"),
    ("Rallidae", "rail family"),
    ("Reptilia", "reptile"),
    ("Rhinocerotidae", "rhinoceros"),
    ("Rodentia", "rodent"),
    ("Sciuridae", "squirrel family"),
    ("Squamata", "lizard or snake"),
    ("Strigidae", "owl family"),
    ("Strigiformes", "owl"),
    ("Suidae", "pig family"),
    ("Tapiridae", "tapir"),
    ("Tayassuidae", "peccary"),
    ("Testudines", "turtle"),
    ("Tinamidae", "tinamou"),
    ("Turdidae", "thrush family"),
    ("Ursidae", "bear family"),
    ("Varanidae", "monitor lizard"),
    ("Viperidae", "viper family"),
    ("Viverridae", "civet family"),
];

/// The English name of `scientific`; where none is known a genus is written `Vulpes sp.`, anything else as it is.
pub fn english(scientific: &str, rank: Rank) -> String {
    match HIGHER.binary_search_by_key(&scientific, |(name, _)| name) {
        Ok(i) => HIGHER.get(i).map_or(scientific, |(_, english)| english).to_owned(),
        Err(_) if rank == Rank::Genus => format!("{scientific} sp."),
        Err(_) => scientific.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found() {
        for (scientific, name) in HIGHER {
            assert_eq!(english(scientific, Rank::Family), name);
        }
    }

    #[test]
    fn unknown_names_stand_for_themselves() {
        assert_eq!(english("Vulpes", Rank::Genus), "Vulpes sp.");
        assert_eq!(english("Fossidae", Rank::Family), "Fossidae");
    }
}
