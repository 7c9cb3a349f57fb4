//! The judge of sequences: opened from what the user gave, bursts judged one by one, then merged.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use crate::cli::engine::EngineArgs;
use crate::cli::progress::warn;
use crate::config::{LookWord, Models};
use crate::daemon::identify::identify;
use crate::daemon::models::{self, Networks};
use crate::daemon::start;
use crate::engine::install::{default_dir, installed_packs};
use crate::engine::labels::Label;
use crate::gallery::identify::Identifier;
use crate::vision::cascade::Effort;
use crate::vision::fence::Fence;
use crate::vision::judge::{Judge, Settings};
use crate::vision::sequence::{self, Rule};
use crate::vision::{Judgement, deepfaune, megadetector};

/// How to judge.
#[derive(Debug, clap::Args)]
pub struct JudgingArgs {
    /// A model's manifest, or its folder; one per role (detector, classifier); or the folder of a pack. Without a
    /// detector motion alone judges, without a classifier every animal is just an animal [default: the installed pack,
    /// if there is one]
    #[arg(long = "model", value_name = "FILE")]
    models: Vec<PathBuf>,

    /// A gallery of individuals (`trapline gallery build`): animals of its species are compared with it by the embedder it
    /// was made with, which must be among the models
    #[arg(long, value_name = "FILE", conflicts_with = "no_model")]
    gallery: Option<PathBuf>,

    /// Let motion alone judge, even where a pack is installed
    #[arg(long, conflicts_with = "models")]
    no_model: bool,

    #[command(flatten)]
    engine: EngineArgs,

    /// Threads; 0: one per core. Cameras are judged side by side, each in order
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u16).range(0..=256))]
    threads: u16,

    /// Least score a species needs to be named, 0 to 1; below it the genus, family, … or just an animal is
    #[arg(long, value_name = "SCORE", value_parser = score)]
    threshold: Option<f32>,

    /// The species that can occur: scientific names at any rank, one per line, # begins a comment. Others are
    /// taken out before scores are made
    #[arg(long, value_name = "FILE")]
    species_list: Option<PathBuf>,

    /// How much of a burst is looked at: full shows every frame to the detector, cascade stops when the burst is
    /// decided, frugal trades some certainty for energy
    #[arg(long, value_name = "NAME", default_value = "full")]
    effort: EffortArg,

    /// How closely the networks look, in the place of what their manifests say; several words with commas between them
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    look: Vec<LookArg>,

    /// How a sequence gets its label: trapline follows individuals and names several species; the others are those
    /// programs' own rules, to compare with
    #[arg(long, default_value = "trapline")]
    rule: RuleChoice,
}

impl JudgingArgs {
    /// The gallery that was given.
    #[cfg_attr(not(feature = "console"), allow(dead_code))] // The page alone uses it.
    pub fn gallery(&self) -> Option<&Path> {
        self.gallery.as_deref()
    }

    /// Makes all paths whole, so that they stay true from another working directory.
    pub fn whole(&mut self) {
        for path in self.models.iter_mut().chain(&mut self.species_list).chain(&mut self.gallery) {
            if let Ok(whole) = std::path::absolute(&*path) {
                *path = whole;
            }
        }
    }
}

/// How much of a burst is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum EffortArg {
    /// Every frame, and again where something moved
    Full,
    /// Until the burst is decided
    Cascade,
    /// Less than that
    Frugal,
}

impl EffortArg {
    /// The judge's word for it.
    pub fn effort(self) -> Effort {
        match self {
            EffortArg::Full => Effort::Full,
            EffortArg::Cascade => Effort::Cascade,
            EffortArg::Frugal => Effort::Frugal,
        }
    }
}

/// What a network may do beyond one pass over the whole picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LookArg {
    /// Nothing
    Plain,
    /// Look at the four overlapping quarters of every frame as well
    Tiles,
    /// The same, of frames that show nothing as a whole
    TilesUnseen,
    /// The same, of such photos that stand alone
    TilesAlone,
    /// Level the contrast of infrared pictures
    Contrast,
    /// Detect once more as in a mirror
    Mirror,
    /// Classify once more as in a mirror
    MirrorNames,
}

impl LookArg {
    fn word(self) -> LookWord {
        match self {
            LookArg::Plain => LookWord::Plain,
            LookArg::Tiles => LookWord::Tiles,
            LookArg::TilesUnseen => LookWord::TilesUnseen,
            LookArg::TilesAlone => LookWord::TilesAlone,
            LookArg::Contrast => LookWord::Contrast,
            LookArg::Mirror => LookWord::Mirror,
            LookArg::MirrorNames => LookWord::MirrorNames,
        }
    }
}

/// How a sequence gets its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RuleChoice {
    /// Individuals followed, several species named
    Trapline,
    /// One label, from the mean of the best animal box of each photo
    Deepfaune,
    /// Each photo by SpeciesNet's combiner, with --species-list as its geofence; the label on most photos
    Speciesnet,
    /// Animals, people and vehicles from the detector's threshold on, unnamed
    Megadetector,
}

/// Judges ready to work, and what their results depend on.
pub struct Judges {
    /// One per thread.
    pub judges: Vec<SequenceJudge>,
    /// The models, `role name@sha256-prefix`.
    pub models: Vec<String>,
    /// Every setting that changes a result.
    pub settings: String,
}

impl Judges {
    /// The labels of the classifier and of its second heads, if there is one.
    pub fn labels(&self) -> Vec<Label> {
        self.judges.first().map(|j| labels(&j.judge)).unwrap_or_default()
    }
}

/// Opens what the user asked for. `cameras`: how many there are; more judges than that would idle, so their
/// threads go to the networks instead.
pub fn open(args: &JudgingArgs, cameras: usize) -> anyhow::Result<Judges> {
    let species = args.species_list.as_deref().map(species).transpose()?.unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if args.threads == 0 { cores } else { args.threads.into() };
    let count = threads.min(cameras).max(1);
    let manifests = manifests(args)?;
    let none = manifests.is_empty();
    let look = (!args.look.is_empty()).then(|| args.look.iter().map(|word| word.word()).collect());
    let gallery = args.gallery.clone();
    let chosen =
        Models { manifests, look, gallery, threads: threads.div_ceil(count), ..args.engine.models() };
    let engine = models::engine(&chosen)?;
    let mut names = Vec::new();
    let mut judges = Vec::with_capacity(count);
    for _ in 0..count {
        let networks = models::open_on(&*engine, &chosen)?;
        names = networks.names();
        judges.push(SequenceJudge::new(networks, args, &species, chosen.threads)?);
    }
    let labels = judges.first().map(|j| labels(&j.judge)).unwrap_or_default();
    if !labels.is_empty() {
        for name in species.unknown(&labels) {
            warn(&format!("species list: the classifier knows nothing called `{name}`"));
        }
    }
    if none && !args.no_model {
        warn("no --model was given: motion alone tells empty bursts from others, and no species is named");
    }
    start::reached("ready to judge");
    Ok(Judges {
        judges,
        models: names,
        settings: format!("{:?} {:?} {species:?}{}", args.threshold, args.rule, told(args)),
    })
}

/// The labels of a judge's classifier and second heads.
fn labels(judge: &Judge) -> Vec<Label> {
    let Some(taxonomy) = judge.taxonomy() else { return Vec::new() };
    let seconds = taxonomy.heads().iter().flat_map(|head| head.taxonomy.labels());
    taxonomy.labels().iter().chain(seconds).cloned().collect()
}

/// The models asked for, or those of the one pack that is installed.
fn manifests(args: &JudgingArgs) -> anyhow::Result<Vec<PathBuf>> {
    if args.no_model || !args.models.is_empty() {
        return Ok(args.models.clone());
    }
    let dir = default_dir(|name| std::env::var_os(name).map(PathBuf::from));
    let packs = dir.map(|dir| installed_packs(&dir)).unwrap_or_default();
    match packs.as_slice() {
        [] => Ok(Vec::new()),
        [only] => Ok(vec![only.clone()]),
        several => {
            let names: Vec<String> = several.iter().map(|pack| pack.display().to_string()).collect();
            Err(anyhow!("several packs are installed ({}); name the models with --model", names.join(", ")))
        }
    }
}

/// What a journal holds of the effort and the look: nothing where these are left out, so that journals of older programs
/// are taken up.
fn told(args: &JudgingArgs) -> String {
    let effort = (args.effort != EffortArg::Full).then(|| format!(" {:?}", args.effort));
    let look = (!args.look.is_empty()).then(|| format!(" {:?}", args.look));
    effort.unwrap_or_default() + &look.unwrap_or_default()
}

/// The species list: scientific names, one per line.
fn species(file: &Path) -> anyhow::Result<Fence> {
    let text = std::fs::read_to_string(file).with_context(|| format!("species list {}", file.display()))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let allow: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if allow.is_empty() {
        return Err(anyhow!("species list {} names nothing; one scientific name per line", file.display()));
    }
    Ok(Fence { allow, block: Vec::new() })
}

/// A number from 0 to 1.
fn score(text: &str) -> Result<f32, String> {
    let value: Option<f32> = text.parse().ok().filter(|v| (0.0..=1.0).contains(v));
    value.ok_or_else(|| format!("`{text}` is no number from 0 to 1"))
}

/// Judges the sequences of one camera after another.
pub struct SequenceJudge {
    judge: Judge,
    rule: Rule,
    identifier: Option<Identifier>,
}

impl SequenceJudge {
    fn new(
        mut networks: Networks,
        args: &JudgingArgs,
        species: &Fence,
        threads: usize,
    ) -> anyhow::Result<Self> {
        let mut settings = Settings { threads, effort: args.effort.effort(), ..Settings::default() };
        if let Some(threshold) = args.threshold {
            settings.decide.thresholds.species = threshold;
        }
        let threshold = networks.detector.as_ref().map(|d| d.manifest().thresholds.detection);
        let open = Fence::default();
        let (species, fence) =
            if args.rule == RuleChoice::Speciesnet { (&open, species) } else { (species, &open) };
        let identifier = networks.identifier();
        let judge = models::build(networks, settings, species, fence)?;
        let rule = match args.rule {
            RuleChoice::Trapline => judge.rule(),
            RuleChoice::Deepfaune => Rule::DeepFaune(deepfaune::Settings {
                threshold: args.threshold.unwrap_or(deepfaune::Settings::default().threshold),
                ..deepfaune::Settings::default()
            }),
            RuleChoice::Speciesnet => Rule::SpeciesNet,
            RuleChoice::Megadetector => Rule::MegaDetector(threshold.unwrap_or(megadetector::TYPICAL)),
        };
        Ok(SequenceJudge { judge, rule, identifier })
    }

    /// Forgets the scene and takes up what was learnt of another, if anything was and can be read.
    pub fn new_scene(&mut self, learnt: Option<&[u8]>) {
        self.judge.recall(learnt.and_then(|l| serde_json::from_slice(l).ok()).unwrap_or_default());
    }

    /// What was learnt of the scene.
    pub fn learnt(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self.judge.learnt()).ok()
    }

    /// Judges one burst.
    pub fn burst(&mut self, files: &[Result<Vec<u8>, String>]) -> Judgement {
        let frames: Vec<_> = files.iter().map(|f| f.as_deref().map_err(String::as_str)).collect();
        let mut judgement = self.judge.judge(&frames);
        if let Some(identifier) = &mut self.identifier {
            identify(identifier, &mut judgement, &frames);
        }
        // The stage table of `benches/against_python.sh` is made of these lines.
        let spent = &judgement.spent;
        log::debug!(
            "{} frames, ms: decode {:.2} motion {:.2} detect {:.2} classify {:.2} second {:.2} network {:.2}",
            frames.len(),
            spent.decode,
            spent.motion,
            spent.detect,
            spent.classify,
            spent.second,
            spent.network
        );
        judgement
    }

    /// One judgement for all bursts of a sequence, which ends with it.
    pub fn merge(&mut self, bursts: &[Judgement]) -> Judgement {
        self.judge.end_sequence();
        let mut merged = sequence::merge(bursts, self.judge.taxonomy(), &self.rule);
        if let Some(identifier) = &self.identifier {
            identifier.name(&mut merged);
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_species_list_has_names_comments_and_blank_lines() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("species.txt");
        std::fs::write(&file, "# Jura\nLynx lynx\n\n  Cervidae # all deer\n").unwrap();
        assert_eq!(species(&file).unwrap().allow, ["Lynx lynx", "Cervidae"]);
        std::fs::write(&file, "# nothing\n").unwrap();
        assert!(species(&file).unwrap_err().to_string().contains("names nothing"));
        assert!(species(&dir.path().join("none")).unwrap_err().to_string().contains("none"));
    }

    #[test]
    fn scores_are_read_strictly() {
        assert_eq!(score("0.5"), Ok(0.5));
        assert!(["-0.1", "1.1", "NaN", "high"].into_iter().all(|t| score(t).is_err()));
    }
}
