//! Photos to embeddings: the networks a user gave, the animal cut out, the embedder asked.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use super::bytes;
use crate::cli::Failure;
use crate::cli::engine::EngineArgs;
use crate::config::Models;
use crate::daemon::models;
use crate::engine::individuals::Calibration;
use crate::gallery::Network;
use crate::image::{Header, Source, Want, decode, thumbnail};
use crate::units::BBox;
use crate::vision::Category;
use crate::vision::detect::Detector;
use crate::vision::embed::Embedder;

/// Longest small picture kept in a gallery, bytes: enough for 240 pixels, and a hundred of them are 600 kB.
const THUMBNAIL: usize = 6_000;

/// Which networks, and what the photos are.
#[derive(Debug, clap::Args)]
pub struct LookingArgs {
    /// The embedder: its manifest or its folder; with a second --model a detector, where photos are whole
    #[arg(long = "model", value_name = "FILE")]
    models: Vec<PathBuf>,
    /// The photos are cut to one animal, whatever models are given
    #[arg(long)]
    crop: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

/// The networks, open.
pub struct Looker {
    embedder: Embedder,
    detector: Option<Detector>,
}

/// What is known of the animal on a photo.
pub struct Looked {
    /// Of length 1.
    pub embedding: Vec<f32>,
    /// A small JPEG of it.
    pub thumbnail: Vec<u8>,
    /// Seconds since 1970, by the camera's clock.
    pub taken: Option<i64>,
}

impl Looker {
    /// Opens the networks.
    pub fn open(args: &LookingArgs) -> Result<Looker, Failure> {
        let chosen = Models { manifests: args.models.clone(), ..args.engine.models() };
        let networks = models::open(&chosen).map_err(Failure::input)?;
        let embedder = networks.embedder.ok_or_else(|| {
            let given: Vec<String> = args.models.iter().map(|file| file.display().to_string()).collect();
            let given = if given.is_empty() { "none was given".to_owned() } else { given.join(", ") };
            let cure = "give one with --model (docs/individuals.md says where to get one)";
            Failure::Input(anyhow!("no embedder among the models ({given}); {cure}"))
        })?;
        let detector = networks.detector.filter(|_| !args.crop).map(Detector::new).transpose();
        Ok(Looker { embedder, detector: detector.map_err(Failure::input)? })
    }

    /// The embedder, as galleries name it.
    pub fn network(&self) -> Network {
        Network::of(self.embedder.manifest(), self.embedder.dimension())
    }

    /// What the embedder's similarities mean.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.embedder.manifest().individuals.as_ref()
    }

    /// Looks at a photo: all of it, or the animal that the detector is surest of; `None` where it finds none.
    pub fn look(&mut self, file: &Path) -> anyhow::Result<Option<Looked>> {
        let jpeg = bytes(file)?;
        let of = || format!("the photo {}", file.display());
        let bbox = match &mut self.detector {
            None => BBox::FULL,
            Some(detector) => {
                let picture = decode(&jpeg, Want::Full).with_context(of)?;
                let found = detector.detect(&picture).with_context(of)?;
                let least = detector.threshold();
                let animals = found
                    .into_iter()
                    .filter(|b| b.category == Category::Animal && b.confidence.get() >= least);
                match animals.max_by(|a, b| a.confidence.get().total_cmp(&b.confidence.get())) {
                    Some(best) => best.bbox,
                    None => return Ok(None),
                }
            }
        };
        let source = Source::open(&jpeg).with_context(of)?;
        let embedding = self.embedder.embed(&source.view(), &bbox).with_context(of)?;
        let thumbnail = thumbnail(&jpeg, &bbox, THUMBNAIL).with_context(of)?;
        let taken = Header::read(&jpeg).ok().and_then(|header| header.taken).map(|taken| {
            let offset = taken.offset.map_or(0, |offset| offset.local_minus_utc());
            taken.local.and_utc().timestamp() - i64::from(offset)
        });
        Ok(Some(Looked { embedding, thumbnail, taken }))
    }
}
