//! Opens the networks that a site chose, one per role, and builds the judge.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

use super::chosen::Chosen;
use super::identify::Identifying;
use super::pipeline::Judges;
use super::taxa::ancestors;
use crate::config::{Config, EffortChoice, EngineChoice, LookWord, Models, ProviderChoice, Thresholds};
use crate::engine::choose::{Choice, Provider, Wish, choose};
use crate::engine::hash::sha256_file;
use crate::engine::labels::Label;
use crate::engine::look::Word;
use crate::engine::manifest::{Manifest, ManifestError, Role};
use crate::engine::model::{Embedded, Model, ModelError};
use crate::engine::pack::{Mean, Second};
use crate::engine::{Engine, EngineError};
use crate::gallery::identify::Identifier;
use crate::gallery::{Gallery, GalleryError, Network};
use crate::units::Score;
use crate::vision::cascade::Effort;
use crate::vision::classify::Classifier;
use crate::vision::decide;
use crate::vision::detect::Detector;
use crate::vision::embed::Embedder;
use crate::vision::fence::Fence;
use crate::vision::fuse::{Clues, Fusion};
use crate::vision::judge::{self, Judge};
use crate::vision::namer::Namer;
use crate::vision::second::Head;
use crate::vision::strip::Strip;
use crate::vision::taxonomy::Taxonomy;

/// Why the models could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// A manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A network is wrong.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Two models for one task.
    #[error("{} and {} are both {role}s; {cure}", first.display(), second.display())]
    SameRole {
        /// Their role.
        role: &'static str,
        /// The first manifest.
        first: PathBuf,
        /// The second manifest.
        second: PathBuf,
        /// What to do.
        cure: &'static str,
    },
    /// A model that is to be asked for names is no classifier.
    #[error("{} is a {role}; a second head must be a classifier", manifest.display())]
    NoClassifier {
        /// Its manifest.
        manifest: PathBuf,
        /// What it is.
        role: &'static str,
    },
    /// A network that is only asked about what a classifier saw.
    #[error("{} needs a classifier that tells when to ask it; add one", manifest.display())]
    NoFirst {
        /// Its manifest.
        manifest: PathBuf,
    },
    /// A gallery without the network it was made with.
    #[error(
        "the gallery {} needs the embedder it was made with among the models (`models.manifests`, --model); add it, or \
         leave the gallery out",
        .0.display()
    )]
    NoEmbedder(PathBuf),
    /// The gallery cannot be used.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    /// The thresholds contradict each other.
    #[error("`thresholds`: {0}")]
    Thresholds(&'static str),
    /// The engine is not part of this program.
    #[error("`models.engine`: {0}")]
    Engine(#[from] EngineError),
}

/// The networks of a site; without a detector motion judges alone.
#[derive(Debug, Default)]
pub struct Networks {
    /// Finds boxes.
    pub detector: Option<Model>,
    /// Names what is in them.
    pub classifier: Option<Model>,
    /// Further classifiers, averaged with the first.
    pub more: Vec<Model>,
    /// How.
    pub mean: Mean,
    /// Asked for a finer name where the classifiers see a certain taxon.
    pub seconds: Vec<(Second, Model)>,
    /// Tells life stage and behaviour.
    pub attributes: Option<Model>,
    /// Tells individuals apart.
    pub embedder: Option<Embedder>,
    /// Those that were met before, made with the embedder, and what the record calls them.
    pub gallery: Option<(String, Gallery)>,
}

impl Networks {
    /// The models for the record: `role name@sha256-prefix`.
    pub fn names(&self) -> Vec<String> {
        [&self.detector, &self.classifier]
            .into_iter()
            .flatten()
            .chain(self.classifiers().skip(1))
            .chain(&self.attributes)
            .map(Model::manifest)
            .chain(self.embedder.as_ref().map(Embedder::manifest))
            .map(name)
            .chain(self.gallery.as_ref().map(|(name, _)| format!("gallery {name}")))
            .collect()
    }

    /// The gallery with its network, taken out; `None` where a site has none.
    pub fn identifier(&mut self) -> Option<Identifier> {
        let ancestors = ancestors(&self.labels());
        let (_, gallery) = self.gallery.take()?;
        Some(Identifier::new(self.embedder.take()?, gallery, ancestors))
    }

    /// The first classifier, those averaged with it, and second heads.
    fn classifiers(&self) -> impl Iterator<Item = &Model> {
        self.classifier.iter().chain(&self.more).chain(self.seconds.iter().map(|(_, model)| model))
    }

    /// Everything that can be named, by the labels of every classifier.
    pub fn labels(&self) -> Vec<Label> {
        self.classifiers().flat_map(|model| model.manifest().labels.iter().cloned()).collect()
    }

    fn take(&mut self, model: Model) -> Result<(), ModelsError> {
        match model.manifest().role {
            Role::Detector => self.detector = Some(model),
            Role::Classifier if self.classifier.is_some() => self.more.push(model),
            Role::Classifier => self.classifier = Some(model),
            Role::Attributes => self.attributes = Some(model),
            Role::Embedder => {
                let manifest = model.manifest().path.clone();
                let embedder =
                    Embedder::new(model).map_err(|error| ModelError::Engine { manifest, error })?;
                self.embedder = Some(embedder);
            }
        }
        Ok(())
    }

    /// Takes the gallery in `file`, which must be of the embedder that is there.
    fn meet(&mut self, file: &Path) -> Result<(), ModelsError> {
        let embedder = self.embedder.as_ref().ok_or_else(|| ModelsError::NoEmbedder(file.to_owned()))?;
        let gallery = Gallery::load(file)?;
        gallery.check(&Network::of(embedder.manifest(), embedder.dimension()), file)?;
        let unread = |e: std::io::Error| GalleryError::Read { file: file.to_owned(), reason: e.to_string() };
        let prefix: String = sha256_file(file).map_err(unread)?.chars().take(12).collect();
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        self.gallery = Some((format!("{stem}@{prefix}"), gallery));
        Ok(())
    }
}

fn name(manifest: &Manifest) -> String {
    let prefix: String = manifest.sha256.chars().take(12).collect();
    format!("{} {}@{prefix}", manifest.role.as_str(), manifest.name)
}

/// Opens the models that a site chose. All manifests are read before the first network is loaded.
pub fn open(chosen: &Models) -> Result<Networks, ModelsError> {
    open_on(&*engine(chosen)?, chosen)
}

/// The same on an engine that [`engine`] gave, for callers that open them several times.
pub fn open_on(engine: &dyn Engine, chosen: &Models) -> Result<Networks, ModelsError> {
    let words: Option<Vec<Word>> =
        chosen.look.as_ref().map(|words| words.iter().copied().map(word).collect());
    let Chosen { models, mean, seconds } = super::chosen::chosen(chosen)?;
    let (seconds, heads): (Vec<Second>, Vec<Manifest>) = seconds.into_iter().unzip();
    let firsts = models.len();
    // Side by side: loading is most of a start.
    let opened: Vec<Result<Model, ModelError>> = std::thread::scope(|scope| {
        let open = |manifest| scope.spawn(move || Model::of_file(manifest, engine, chosen.threads));
        let opening: Vec<_> = models.into_iter().chain(heads).map(open).collect();
        opening.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let mut networks = Networks { mean, ..Networks::default() };
    let mut opened = opened.into_iter().map(|model| {
        let mut model = model?;
        if let Some(words) = &words {
            let manifest = model.manifest();
            model.look(manifest.look.asked(words, manifest.role));
        }
        Ok::<Model, ModelError>(model)
    });
    for model in opened.by_ref().take(firsts) {
        networks.take(model?)?;
    }
    for (second, model) in seconds.into_iter().zip(opened) {
        networks.seconds.push((second, model?));
    }
    if let Some(file) = &chosen.gallery {
        networks.meet(file)?;
    }
    Ok(networks)
}

/// The network's word for a site's.
fn word(chosen: LookWord) -> Word {
    match chosen {
        LookWord::Plain => Word::Plain,
        LookWord::Tiles => Word::Tiles,
        LookWord::TilesUnseen => Word::TilesUnseen,
        LookWord::TilesAlone => Word::TilesAlone,
        LookWord::Contrast => Word::Contrast,
        LookWord::Mirror => Word::Mirror,
        LookWord::MirrorNames => Word::MirrorNames,
    }
}

/// The networks trained on the bench world; they know no real animal.
const BUNDLED: [Embedded; 2] = [
    Embedded {
        name: "models/bench-detector/manifest.toml",
        manifest: include_str!("../../models/bench-detector/manifest.toml"),
        onnx: include_bytes!("../../models/bench-detector/bench-detector.onnx"),
        labels: None,
    },
    Embedded {
        name: "models/bench-classifier/manifest.toml",
        manifest: include_str!("../../models/bench-classifier/manifest.toml"),
        onnx: include_bytes!("../../models/bench-classifier/bench-classifier.onnx"),
        labels: Some(include_str!("../../models/bench-classifier/labels.csv")),
    },
];

/// Opens the networks that are part of the program, on the engine that `chosen` names.
pub fn bundled(chosen: &Models) -> Result<Networks, ModelsError> {
    let engine = engine(chosen)?;
    let mut networks = Networks::default();
    for files in &BUNDLED {
        networks.take(Model::embedded(files, &*engine, chosen.threads)?)?;
    }
    Ok(networks)
}

/// The engine that a site chose.
pub fn engine(chosen: &Models) -> Result<Box<dyn Engine>, EngineError> {
    choose(&Wish {
        engine: match chosen.engine {
            EngineChoice::Auto => Choice::Auto,
            EngineChoice::Tract => Choice::Tract,
            EngineChoice::OnnxRuntime => Choice::OnnxRuntime,
        },
        library: chosen.onnxruntime.clone(),
        provider: match chosen.provider {
            ProviderChoice::Cpu => Provider::Cpu,
            ProviderChoice::Xnnpack => Provider::Xnnpack,
            ProviderChoice::Cuda => Provider::Cuda,
            ProviderChoice::TensorRt => Provider::TensorRt,
        },
    })
}

/// Threads, with 0 for one per core put into a number.
fn threads(chosen: usize) -> usize {
    if chosen == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { chosen }
}

/// How much the judge looks at for what a site chose.
pub fn effort(chosen: EffortChoice) -> Effort {
    match chosen {
        EffortChoice::Full => Effort::Full,
        EffortChoice::Cascade => Effort::Cascade,
        EffortChoice::Frugal => Effort::Frugal,
    }
}

/// The judge of a site.
pub fn judge(networks: Networks, config: &Config) -> Result<Judge, ModelsError> {
    let mut settings = judge::Settings {
        strip: Strip { top: config.strip.top, bottom: config.strip.bottom },
        find_strip: config.strip.find,
        threads: threads(config.models.threads),
        effort: effort(config.models.effort),
        ..judge::Settings::default()
    };
    tune(&mut settings, &config.thresholds);
    if let Some(fault) = settings.fusion.fault().or_else(|| settings.decide.fault()) {
        return Err(ModelsError::Thresholds(fault));
    }
    let fence = Fence { allow: config.species.allow.clone(), block: config.species.block.clone() };
    Ok(build(networks, settings, &Fence::default(), &fence)?)
}

/// The judge of a site, who also knows the individuals of its gallery where it has one.
pub fn judges(mut networks: Networks, config: &Config) -> Result<Box<dyn Judges>, ModelsError> {
    let identifier = networks.identifier();
    if let Some(embedder) = &networks.embedder {
        let manifest = embedder.manifest().path.display();
        log::warn!("{manifest} is an embedder and `individuals.gallery` names no gallery: it is not used");
    }
    let judge = judge(networks, config)?;
    Ok(match identifier {
        Some(identifier) => Box::new(Identifying::new(judge, identifier)),
        None => Box::new(judge),
    })
}

/// Puts the thresholds that a site chose in force; what it left out is the default.
pub fn tune(settings: &mut judge::Settings, chosen: &Thresholds) {
    let (fusion, decide) = (Fusion::default(), decide::Settings::default());
    settings.fusion.floor = chosen.empty.map_or(fusion.floor, Score::get);
    settings.fusion.threshold = chosen.sighting.map_or(fusion.threshold, Score::get);
    let thresholds = &mut settings.decide.thresholds;
    thresholds.species = chosen.species.map_or(decide.thresholds.species, Score::get);
    thresholds.overrides = chosen.per_species.iter().map(|(n, s)| (n.clone(), s.get())).collect();
}

/// A judge with these networks. `species` is the list that classes are deleted by before the softmax, `fence` what
/// may be named at the site. The temperature is the classifier's own; so is the list of species where none is given,
/// and the fusion weights are the detector's where it has any.
pub fn build(
    networks: Networks,
    mut settings: judge::Settings,
    species: &Fence,
    fence: &Fence,
) -> Result<Judge, EngineError> {
    let detector = networks.detector.map(Detector::new).transpose()?;
    if let Some(fitted) = detector.as_ref().and_then(|d| d.model().manifest().fusion) {
        settings.fusion.bias = fitted.bias;
        settings.fusion.weights = Clues {
            motion: fitted.motion,
            moving_box: fitted.moving_box,
            still_box: fitted.still_box,
            persistence: fitted.persistence,
            upheaval: fitted.upheaval,
            silence: fitted.silence,
        };
    }
    let members = networks.classifier.into_iter().chain(networks.more).map(Classifier::new);
    let namer = Namer::new(members.collect::<Result<Vec<_>, _>>()?, networks.mean);
    if let Some(temperature) = namer.as_ref().map(Namer::temperature) {
        settings.decide.temperature_single = temperature;
        settings.decide.temperature_mean = temperature;
    }
    let (mut seconds, mut heads) = (Vec::new(), Vec::new());
    for (second, model) in networks.seconds {
        let classifier = Classifier::new(model)?;
        let temperature = second.temperature.unwrap_or(classifier.temperature());
        let taxonomy = taxonomy(classifier.labels(), classifier.allowed(), species, fence);
        heads.push(Head { on: second.on, taxonomy, threshold: second.threshold, temperature });
        seconds.push(classifier);
    }
    let attributes = networks.attributes.map(|m| (m.manifest().attributes.clone(), m));
    let attributes = attributes.map(|(told, model)| Ok::<_, EngineError>((told, Classifier::new(model)?)));
    let (told, asked) = attributes.transpose()?.unzip();
    seconds.extend(asked);
    let named = namer.map(|namer| {
        let taxonomy = taxonomy(namer.labels(), namer.allowed(), species, fence);
        let taxonomy = taxonomy.with_heads(heads).with_attributes(told.unwrap_or_default());
        (namer.with_seconds(seconds), taxonomy)
    });
    Ok(Judge::new(detector, named, settings))
}

/// The tree of `labels`; where a site lists no species, the labels that the manifest allows are the list.
fn taxonomy(labels: &[Label], allowed: Option<&[String]>, species: &Fence, fence: &Fence) -> Taxonomy {
    let species = match allowed.filter(|_| species.is_open()) {
        Some(names) => {
            let labels = labels.iter().filter(|label| names.contains(&label.name));
            let taxa = labels.filter_map(|label| label.taxon.as_ref().map(|taxon| taxon.scientific.clone()));
            &Fence { allow: taxa.collect(), block: Vec::new() }
        }
        None => species,
    };
    Taxonomy::new(labels.to_vec(), species, fence)
}
