//! A second head is asked for a finer name where the first classifier sees its taxon, and nowhere else.
//!
//! The networks are a fake engine's: it tells them apart by the width of their input. Expected scores are by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use trapline::config::{Config, Models, SecondHead};
use trapline::daemon::models::{Networks, build, open_on};
use trapline::engine::fake::Fake;
use trapline::engine::{Data, Tensor};
use trapline::units::Score;
use trapline::vision::fence::Fence;
use trapline::vision::judge::{Judge, Settings};
use trapline::vision::{Judgement, Sighting};

/// Widths of the networks' inputs.
const DETECTOR: usize = 32;
const FIRST: usize = 16;
const SECOND: usize = 24;
const TRAITS: usize = 40;

const FIRST_LABELS: &str = "label,scientific,rank,english,genus,family,order,class\n\
    fox,Vulpes vulpes,species,red fox,Vulpes,Canidae,Carnivora,Mammalia\n\
    bird,Aves,class,bird,,,,Aves\n\
    crow,Corvidae,family,crow family,,Corvidae,Passeriformes,Aves\n";

const SECOND_LABELS: &str = "label,scientific,rank,english,genus,family,order,class\n\
    robin,Turdus migratorius,species,American robin,Turdus,Turdidae,Passeriformes,Aves\n\
    crow,Corvus brachyrhynchos,species,American crow,Corvus,Corvidae,Passeriformes,Aves\n\
    raven,Corvus corax,species,raven,Corvus,Corvidae,Passeriformes,Aves\n";

/// SHA-256 of `abc`, FIPS 180-4's example.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn put(dir: &Path, name: &str, width: usize, role: &str, labels: Option<&str>) {
    let folder = dir.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("net.onnx"), "abc").unwrap();
    let more = match labels {
        Some(text) if role == "attributes" => &format!("[output]\ndecode = \"probabilities\"\n{text}"),
        Some(text) => {
            std::fs::write(folder.join("labels.csv"), text).unwrap();
            "[output]\ndecode = \"softmax\"\n"
        }
        None => {
            "[output]\ndecode = \"yolov8\"\n[classes]\nanimal = [0]\n[thresholds]\ndetection = 0.25\nlow = 0.05\n"
        }
    };
    let named =
        if labels.is_some() && role != "attributes" { "labels = { file = \"labels.csv\" }\n" } else { "" };
    let rule = if labels.is_some() { "square" } else { "stretch" };
    let manifest = format!(
        "role = \"{role}\"\nname = \"{name}\"\nversion = \"1\"\nfile = \"net.onnx\"\nsha256 = \"{ABC}\"\n\
         licence = \"MIT\"\nsource = \"here\"\n{named}[input]\nname = \"i\"\nwidth = {width}\nheight = {width}\n\
         layout = \"nchw\"\ncolour = \"rgb\"\ndtype = \"u8\"\n[input.resize]\nrule = \"{rule}\"\n{more}"
    );
    std::fs::write(folder.join("model.toml"), manifest).unwrap();
}

fn pack(dir: &Path) {
    put(dir, "d", DETECTOR, "detector", None);
    put(dir, "c", FIRST, "classifier", Some(FIRST_LABELS));
    put(dir, "b", SECOND, "classifier", Some(SECOND_LABELS));
    let text =
        "pack = \"p\"\nversion = \"1\"\nmodels = [\"d\", \"c\"]\n[[second]]\non = \"Aves\"\nmodel = \"b\"\n";
    std::fs::write(dir.join("pack.toml"), text).unwrap();
}

/// What the networks answer, and how often the second ran (its dry pass included).
#[derive(Clone)]
struct Answers {
    first: Arc<Mutex<[f32; 3]>>,
    second: Arc<Mutex<[f32; 3]>>,
    asked: Arc<AtomicUsize>,
}

impl Answers {
    fn new(first: [f32; 3], second: [f32; 3]) -> Self {
        let asked = Arc::default();
        Answers { first: Arc::new(Mutex::new(first)), second: Arc::new(Mutex::new(second)), asked }
    }

    fn engine(&self) -> Fake {
        let answers = self.clone();
        Fake::new(move |input, _| {
            let row = |p: [f32; 3]| Tensor { shape: vec![1, 3], data: Data::F32(p.to_vec()) };
            let out = match input.shape[3] {
                // One box in the middle, 16 of 32 pixels wide, class 0 with 0.9.
                DETECTOR => {
                    Tensor { shape: vec![1, 5, 1], data: Data::F32(vec![16.0, 16.0, 16.0, 16.0, 0.9]) }
                }
                FIRST => row(*answers.first.lock().unwrap()),
                TRAITS => row([0.2, 0.9, 0.8]),
                _ => {
                    answers.asked.fetch_add(1, Ordering::SeqCst);
                    row(*answers.second.lock().unwrap())
                }
            };
            Ok(vec![("o".to_owned(), out)])
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst) - 1
    }
}

fn chosen(path: &Path) -> Models {
    Models { manifests: vec![path.to_owned()], threads: 1, ..Config::default().models }
}

fn judge(networks: Networks) -> Judge {
    build(networks, Settings::default(), &Fence::default(), &Fence::default()).unwrap()
}

/// A judge of the pack with these answers, and what it makes of one photo.
fn judged(answers: &Answers) -> (Judge, Judgement) {
    let dir = tempfile::tempdir().unwrap();
    pack(dir.path());
    let networks = open_on(&answers.engine(), &chosen(dir.path())).unwrap();
    let names = networks.names();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names[2].starts_with("classifier b@ba7816bf8f01"), "{names:?}");
    let mut judge = judge(networks);
    let judgement = look(&mut judge);
    (judge, judgement)
}

fn look(judge: &mut Judge) -> Judgement {
    let jpeg = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/baseline.jpg")).unwrap();
    let judgement = judge.judge(&[Ok(jpeg.as_slice())]);
    assert_eq!(judgement.faults, Vec::<String>::new());
    judgement
}

fn told(sightings: &[Sighting]) -> (&str, i32) {
    let [only] = sightings else { panic!("{sightings:?}") };
    (&only.taxon, (only.score.get() * 100.0).round() as i32)
}

#[test]
fn a_bird_gets_the_name_of_its_species() {
    let answers = Answers::new([0.02, 0.95, 0.03], [0.05, 0.92, 0.03]);
    let (_, judgement) = judged(&answers);
    assert_eq!(told(&judgement.sightings), ("Corvus brachyrhynchos", 92));
    assert_eq!(judgement.sightings[0].label, "American crow");
    // The five most probable stay the first classifier's.
    assert_eq!(judgement.sightings[0].top5[0].0, "bird");
    assert_eq!((answers.asked(), judgement.looked.classifier), (1, 2));
    assert!(judgement.spent.second > 0.0);
}

#[test]
fn a_fox_is_not_shown_to_the_head() {
    let answers = Answers::new([0.95, 0.03, 0.02], [0.05, 0.92, 0.03]);
    let (_, judgement) = judged(&answers);
    assert_eq!(told(&judgement.sightings), ("Vulpes vulpes", 95));
    assert_eq!((answers.asked(), judgement.looked.classifier), (0, 1));
    assert_eq!(judgement.spent.second, 0.0);
}

#[test]
fn an_answer_that_is_not_certain_goes_as_high_as_it_is_and_no_higher_than_the_first() {
    // Crow and raven are 0.85 together: the genus. Half a robin is nothing.
    let (_, judgement) = judged(&Answers::new([0.02, 0.95, 0.03], [0.15, 0.45, 0.40]));
    assert_eq!(told(&judgement.sightings), ("Corvus", 85));
    let (_, judgement) = judged(&Answers::new([0.02, 0.95, 0.03], [0.5, 0.3, 0.2]));
    // All three are of one order, which is finer than the class.
    assert_eq!(told(&judgement.sightings), ("Passeriformes", 100));
}

#[test]
fn an_answer_outside_the_first_name_is_not_taken() {
    // The first is sure of the crow family; the head sees a robin.
    let answers = Answers::new([0.01, 0.04, 0.95], [0.97, 0.02, 0.01]);
    let (_, judgement) = judged(&answers);
    assert_eq!(told(&judgement.sightings), ("Corvidae", 95));
    assert_eq!(answers.asked(), 1);
}

#[test]
fn its_logits_are_averaged_over_the_bursts_of_a_sequence() {
    let answers = Answers::new([0.02, 0.95, 0.03], [0.30, 0.69, 0.01]);
    let (mut judge, first) = judged(&answers);
    assert_eq!(told(&first.sightings).0, "Passeriformes");
    *answers.second.lock().unwrap() = [0.01, 0.75, 0.24];
    let second = look(&mut judge);
    assert_eq!(told(&second.sightings), ("Corvus", 99));
    // Geometric means: sqrt(.30 * .01) = .0548, sqrt(.69 * .75) = .7194, sqrt(.01 * .24) = .0490; of .8232 the crow has 0.87.
    assert_eq!(told(&judge.merge(&[first, second]).sightings), ("Corvus brachyrhynchos", 87));
}

#[test]
fn the_species_list_holds_for_the_head_as_well() {
    let dir = tempfile::tempdir().unwrap();
    pack(dir.path());
    let answers = Answers::new([0.02, 0.95, 0.03], [0.05, 0.60, 0.35]);
    let networks = open_on(&answers.engine(), &chosen(dir.path())).unwrap();
    let ravens = Fence {
        allow: vec!["Corvus corax".into(), "Aves".into()],
        block: vec!["Corvus brachyrhynchos".into()],
    };
    let mut judge = build(networks, Settings::default(), &ravens, &Fence::default()).unwrap();
    // Without crows 0.35 of 0.40 is a raven: 0.875.
    assert_eq!(told(&look(&mut judge).sightings), ("Corvus corax", 88));
}

#[test]
fn the_configuration_names_heads_without_a_pack() {
    let dir = tempfile::tempdir().unwrap();
    pack(dir.path());
    let answers = Answers::new([0.02, 0.95, 0.03], [0.05, 0.92, 0.03]);
    let head = |model: &str| SecondHead {
        on: "Aves".to_owned(),
        model: dir.path().join(model),
        threshold: Score::new(0.95),
        temperature: Some(0.5),
    };
    let with = |models: &[&str], head: SecondHead| Models {
        manifests: models.iter().map(|m| dir.path().join(m)).collect(),
        seconds: vec![head],
        ..chosen(dir.path())
    };
    let networks = open_on(&answers.engine(), &with(&["d", "c"], head("b"))).unwrap();
    // At temperature 0.5: .92² of .92² + .05² + .03² = 0.996.
    assert_eq!(told(&look(&mut judge(networks)).sightings), ("Corvus brachyrhynchos", 100));
    let refused =
        |models: &[&str], head| open_on(&answers.engine(), &with(models, head)).unwrap_err().to_string();
    assert!(refused(&["d", "c"], head("d")).contains("a second head must be a classifier"));
    assert!(refused(&["d"], head("b")).contains("needs a classifier that tells when to ask it"));
    let two = Models { manifests: vec![dir.path().join("c"), dir.path().join("b")], ..chosen(dir.path()) };
    let said = open_on(&answers.engine(), &two).unwrap_err().to_string();
    assert!(said.contains("are both classifiers; give one, or say in `models.ensemble`"), "{said}");
}

#[test]
fn a_network_for_attributes_tells_life_stage_and_behaviour_for_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    pack(dir.path());
    let told_by = "[[attribute]]\nlife_stage = \"adult\"\n[[attribute]]\nlife_stage = \"juvenile\"\nthreshold = 0.7\n\
                   [[attribute]]\nbehavior = \"eating\"\n";
    put(dir.path(), "t", TRAITS, "attributes", Some(told_by));
    let answers = Answers::new([0.95, 0.03, 0.02], [0.05, 0.92, 0.03]);
    let models = |names: &[&str]| Models {
        manifests: names.iter().map(|name| dir.path().join(name)).collect(),
        ..chosen(dir.path())
    };
    let networks = open_on(&answers.engine(), &models(&["d", "c", "t"])).unwrap();
    assert!(networks.names()[2].starts_with("attributes t@"), "{:?}", networks.names());
    let judgement = look(&mut judge(networks));
    assert_eq!(told(&judgement.sightings), ("Vulpes vulpes", 95));
    assert_eq!(judgement.looked.classifier, 2);
    let kept = trapline::daemon::record::observation(&judgement.sightings[0]).traits;
    assert_eq!(kept.life_stage.as_deref(), Some("juvenile"));
    assert_eq!(kept.behavior.as_deref(), Some("eating"));
    let said = open_on(&answers.engine(), &models(&["d", "t"])).unwrap_err().to_string();
    assert!(said.contains("needs a classifier that tells when to ask it"), "{said}");
}
