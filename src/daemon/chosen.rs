//! Which networks a site chose: manifests, packs, several classifiers, second heads; all manifests are read before the
//! first network is loaded.

use std::path::PathBuf;

use super::models::ModelsError;
use crate::config::{EnsembleMean, Models};
use crate::engine::manifest::{Manifest, Role};
use crate::engine::pack::{Mean, Pack, Second, is_pack};

/// The choice, as manifests.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// Of the detector and of the classifiers, in the order given.
    pub models: Vec<Manifest>,
    /// How several classifiers become one.
    pub mean: Mean,
    /// Second heads.
    pub seconds: Vec<(Second, Manifest)>,
}

/// What `models` says, packs taken apart.
pub(super) fn chosen(models: &Models) -> Result<Chosen, ModelsError> {
    let (mut paths, mut seconds, mut mean): (Vec<PathBuf>, Vec<Second>, Option<Mean>) = Default::default();
    for path in &models.manifests {
        if is_pack(path) {
            let pack = Pack::load(path)?;
            paths.extend(pack.models);
            seconds.extend(pack.seconds);
            mean = mean.or(pack.mean);
        } else {
            paths.push(path.clone());
        }
    }
    seconds.extend(models.seconds.iter().map(|second| Second {
        on: second.on.clone(),
        model: second.model.clone(),
        threshold: second.threshold.get(),
        temperature: second.temperature,
    }));
    let mean = models
        .ensemble
        .map(|mean| match mean {
            EnsembleMean::Probabilities => Mean::Probabilities,
            EnsembleMean::Logits => Mean::Logits,
        })
        .or(mean);
    let mut chosen = Chosen { mean: mean.unwrap_or_default(), ..Chosen::default() };
    for path in &paths {
        let manifest = Manifest::load(path)?;
        let averaged = manifest.role == Role::Classifier && mean.is_some();
        if let Some(first) = chosen.models.iter().find(|m| m.role == manifest.role && !averaged) {
            return Err(ModelsError::SameRole {
                role: manifest.role.as_str(),
                first: first.path.clone(),
                second: manifest.path,
                cure: match manifest.role {
                    Role::Classifier => {
                        "give one, or say in `models.ensemble` or in a pack how they become one"
                    }
                    _ => "give one model per role",
                },
            });
        }
        chosen.models.push(manifest);
    }
    if let Some(asked) = chosen.models.iter().find(|m| m.role == Role::Attributes) {
        first(asked, &chosen.models)?;
    }
    if let Some(embedder) =
        chosen.models.iter().find(|m| m.role == Role::Embedder && models.gallery.is_some())
    {
        first(embedder, &chosen.models)?;
    }
    for second in seconds {
        let manifest = Manifest::load(&second.model)?;
        head(&manifest, &chosen.models)?;
        chosen.seconds.push((second, manifest));
    }
    Ok(chosen)
}

/// Whether a second head is one, and has a first.
fn head(manifest: &Manifest, models: &[Manifest]) -> Result<(), ModelsError> {
    if manifest.role != Role::Classifier {
        let role = manifest.role.as_str();
        return Err(ModelsError::NoClassifier { manifest: manifest.path.clone(), role });
    }
    first(manifest, models)
}

/// Whether there is a classifier that tells when to ask the network of `manifest`.
fn first(manifest: &Manifest, models: &[Manifest]) -> Result<(), ModelsError> {
    if models.iter().all(|m| m.role != Role::Classifier) {
        return Err(ModelsError::NoFirst { manifest: manifest.path.clone() });
    }
    Ok(())
}
