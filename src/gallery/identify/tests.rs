use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::engine::fake::Fake;
use crate::engine::manifest::parse;
use crate::engine::model::Model;
use crate::engine::{Data, EngineError, Tensor};
use crate::gallery::{Entry, Network};
use crate::image::{Rgb, encode_jpeg};
use crate::units::{BBox, Recognition, Score};
use crate::vision::{Category, FrameJudgement, Source};

/// The hash is that of `abc` (FIPS 180-4's example).
const MANIFEST: &str = r#"
    role = "embedder"
    name = "e"
    version = "1"
    file = "e.onnx"
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    licence = "MIT"
    source = "a test"
    [input]
    name = "image"
    width = 4
    height = 4
    layout = "nchw"
    colour = "rgb"
    dtype = "f32"
    scale = 0.00392156862745098
    [input.resize]
    rule = "stretch"
    [output]
    decode = "embedding"
    [individuals]
    slope = 20
    intercept = -12
    known = 0.9
    new = 0.2
"#;

/// Answers the mean colour of what it sees: red, green, blue.
fn colours(input: &Tensor, _: usize) -> Result<Vec<(String, Tensor)>, EngineError> {
    let values = input.to_f32();
    let means: Vec<f32> = values.chunks(16).map(|plane| plane.iter().sum::<f32>() / 16.0).collect();
    Ok(vec![("embedding".into(), Tensor { shape: vec![1, 3], data: Data::F32(means) })])
}

fn identifier(engine: &Fake) -> Identifier {
    let model =
        Model::from_manifest(parse(MANIFEST, Path::new("e.toml")).unwrap(), b"abc", engine, 1).unwrap();
    let embedder = Embedder::new(model).unwrap();
    let mut gallery = Gallery::new(Network::of(embedder.manifest(), embedder.dimension()));
    for (taxon, name, embedding) in [
        ("Lynx lynx", "Red", [1.0, 0.0, 0.0]),
        ("Lynx lynx", "Green", [0.0, 1.0, 0.0]),
        ("Panthera onca", "Blue", [0.0, 0.0, 1.0]),
    ] {
        let embedding = embedding.to_vec();
        let entry =
            Entry { flank: Flank::Unknown, when: None, photo: String::new(), embedding, thumbnail: None };
        gallery.add(taxon, name, entry).unwrap();
    }
    let above = |line: &[&str]| line.iter().map(|name| (*name).to_owned()).collect();
    let ancestors = [
        ("Lynx lynx".to_owned(), above(&["Lynx", "Felidae", "Carnivora", "Animalia"])),
        ("Panthera onca".to_owned(), above(&["Panthera", "Felidae", "Carnivora", "Animalia"])),
    ];
    Identifier::new(embedder, gallery, ancestors.into())
}

/// A picture of 400 x 200, its left half of one colour and its right half of another.
fn picture(left: [u8; 3], right: [u8; 3]) -> Vec<u8> {
    let row: Vec<u8> = (0..400).flat_map(|x| if x < 200 { left } else { right }).collect();
    encode_jpeg(&Rgb { width: 400, height: 200, data: row.repeat(200) }, 95).unwrap()
}

fn found(track: u32, x: f32) -> Detection {
    Detection {
        bbox: BBox { x, y: 0.1, w: 0.4, h: 0.8 },
        category: Category::Animal,
        confidence: Score::ONE,
        moving: true,
        source: Source::Frame,
        track,
        logits: None,
        embedding: None,
    }
}

fn seen(taxon: &str, rank: Rank, count: u16, tracks: &[u32]) -> Sighting {
    Sighting {
        taxon: taxon.into(),
        rank,
        label: String::new(),
        score: Score::ONE,
        count,
        top5: Vec::new(),
        tracks: tracks.to_vec(),
        traits: Default::default(),
        individuals: Vec::new(),
    }
}

/// One frame with track 0 in the left half and track 1 in the right half.
fn judged(sightings: Vec<Sighting>) -> Judgement {
    let frame = FrameJudgement {
        size: (400, 200),
        detections: vec![found(0, 0.05), found(1, 0.55)],
        ..FrameJudgement::default()
    };
    Judgement { frames: vec![frame], sightings, faults: Vec::new(), ..Judgement::failed(0, "") }
}

const RED: [u8; 3] = [250, 5, 5];
const GREEN: [u8; 3] = [5, 250, 5];

fn told(judged: &Judgement) -> Vec<(Recognition, Option<String>)> {
    let all = judged.sightings.iter().flat_map(|s| &s.individuals);
    all.map(|i| (i.recognition, i.individual.clone())).collect()
}

fn known(name: &str) -> (Recognition, Option<String>) {
    (Recognition::Known, Some(name.to_owned()))
}

#[test]
fn each_of_two_animals_is_named_by_its_own_box() {
    let mut judged = judged(vec![seen("Lynx lynx", Rank::Species, 2, &[0, 1])]);
    // Not quite green: less like Green than red is like Red.
    let picture = picture([80, 250, 5], RED);
    identifier(&Fake::new(colours)).identify(&mut judged, &[Ok(&picture)]);
    assert_eq!(told(&judged), [known("Red"), known("Green")]);
    let first = &judged.sightings[0].individuals[0];
    assert_eq!((first.tracks.as_slice(), first.flank), (&[1][..], Flank::Unknown));
    assert!(first.similarity.is_some_and(|s| s > 0.99), "{first:?}");
    assert_eq!(first.nearest.len(), 2, "the jaguar is no lynx");
    assert_eq!(judged.faults, Vec::<String>::new());
}

#[test]
fn pieces_of_one_animal_are_averaged_and_tracks_of_one_individual_are_one() {
    let picture = picture(RED, RED);
    let mut identifier = identifier(&Fake::new(colours));
    let mut one = judged(vec![seen("Lynx lynx", Rank::Species, 1, &[0, 1])]);
    identifier.identify(&mut one, &[Ok(&picture)]);
    assert_eq!(told(&one), [known("Red")]);
    let mut two = judged(vec![seen("Lynx lynx", Rank::Species, 2, &[0, 1])]);
    identifier.identify(&mut two, &[Ok(&picture)]);
    assert_eq!(told(&two), [known("Red")]);
}

#[test]
fn only_the_galleries_taxa_are_asked() {
    let picture = picture([5, 5, 250], RED);
    let mut identifier = identifier(&Fake::new(colours));
    let mut names = |taxon: &str, rank| {
        let mut judged = judged(vec![seen(taxon, rank, 1, &[0])]);
        identifier.identify(&mut judged, &[Ok(&picture)]);
        let asked = judged.frames[0].detections.iter().filter(|d| d.embedding.is_some()).count();
        (asked, told(&judged))
    };
    assert_eq!(names("Panthera onca", Rank::Species), (1, vec![known("Blue")]));
    assert_eq!(names("Felidae", Rank::Family), (1, vec![known("Blue")]));
    assert_eq!(names("Lynx lynx", Rank::Species), (1, vec![(Recognition::New, None)]), "blue is no lynx");
    assert_eq!(names("Panthera onca peruviana", Rank::Subspecies), (1, vec![known("Blue")]));
    for (taxon, rank) in
        [("Carnivora", Rank::Order), ("Animalia", Rank::Kingdom), ("Vulpes vulpes", Rank::Species)]
    {
        assert_eq!(names(taxon, rank), (0, Vec::new()), "{taxon}");
    }
}

#[test]
fn what_fails_is_told_and_changes_nothing_else() {
    let picture = picture(RED, GREEN);
    let engine = Fake::new(
        |input, pass| if pass < 2 { colours(input, pass) } else { Err(Fake::failure("no memory")) },
    );
    let before = judged(vec![seen("Lynx lynx", Rank::Species, 1, &[0, 1])]);
    let mut after = before.clone();
    identifier(&engine).identify(&mut after, &[Ok(&picture)]);
    assert_eq!(after.faults, ["individuals: fake failed in the network: no memory"], "once, not per crop");
    assert_eq!(Judgement { faults: Vec::new(), ..after }, before);
    let mut unread = before.clone();
    identifier(&Fake::new(colours)).identify(&mut unread, &[Ok(b"no picture")]);
    assert!(unread.faults[0].starts_with("individuals: "), "{:?}", unread.faults);
    assert_eq!(unread.sightings, before.sightings);
}

#[test]
fn merged_bursts_are_named_by_all_their_crops() {
    let mut merged = judged(vec![seen("Lynx lynx", Rank::Species, 1, &[0, 1])]);
    // As if two bursts had been looked at: nearly red, and red.
    for (found, embedding) in merged.frames[0].detections.iter_mut().zip([[0.8, 0.6, 0.0], [1.0, 0.0, 0.0]]) {
        found.embedding = Some(Arc::from(embedding));
    }
    identifier(&Fake::new(colours)).name(&mut merged);
    // By hand: the mean is (1.8, 0.6) / 1.897, its cosine to red 0.949.
    let identity = &merged.sightings[0].individuals[0];
    assert!(identity.similarity.is_some_and(|s| (s - 0.9487).abs() < 1e-3), "{identity:?}");
}
