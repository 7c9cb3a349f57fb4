//! Crops to embeddings: what tells one individual from another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::album::Album;
use super::classify::crop_region;
use super::judge::Frame;
use super::prepare::cut;
use super::{Judgement, Source};
use crate::engine::EngineError;
use crate::engine::manifest::{Manifest, Role};
use crate::engine::model::Model;
use crate::image::Pixels;
use crate::units::BBox;

/// Most crops looked at of one track: the most confident ones. Frames of a burst are alike, and a mean of six is
/// steady.
const CROPS: usize = 6;

/// Shortest side of a crop worth asking about, pixels: below it no coat has a pattern.
const SMALLEST: f32 = 32.0;

/// An embedder ready to look at boxes.
#[derive(Debug)]
pub struct Embedder {
    model: Model,
    dimension: usize,
}

impl Embedder {
    /// From an opened model, whose role must be embedder; looks at nothing once, to learn how long its embeddings are.
    pub fn new(mut model: Model) -> Result<Embedder, EngineError> {
        let role = model.manifest().role;
        if role != Role::Embedder {
            return Err(EngineError::Unfit {
                key: "role".into(),
                manifest: role.as_str().into(),
                network: "to be used as an embedder".into(),
            });
        }
        if model.manifest().look.mirror {
            return Err(EngineError::Unfit {
                key: "look.mirror".into(),
                manifest: "true".into(),
                network: "to tell individuals apart, and a mirrored animal is another one; take it out"
                    .into(),
            });
        }
        let dimension = model.dry_run()?;
        Ok(Embedder { model, dimension })
    }

    /// The model's manifest.
    pub fn manifest(&self) -> &Manifest {
        self.model.manifest()
    }

    /// Numbers in an embedding.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// What `bbox` shows on `picture`, of length 1. A network whose answer has no direction failed.
    pub fn embed(&mut self, picture: &impl Pixels, bbox: &BBox) -> Result<Vec<f32>, EngineError> {
        let manifest = self.model.manifest();
        let region = crop_region(picture.size(), bbox, manifest.input.resize);
        let cut = cut(picture, region, &manifest.input)?;
        let (tensor, _) = cut.tensor(&manifest.input);
        let (output, _) = self.model.infer(&tensor)?;
        let values = output.to_f32();
        let length = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        if values.len() != self.dimension || length < 1e-12 {
            return Err(EngineError::Output(format!("{} numbers of length {length}", values.len())));
        }
        Ok(values.iter().map(|v| (f64::from(*v) / length) as f32).collect())
    }

    /// Looks at the animals of the sightings that `wanted` (by their place) picks: puts the embedding on their boxes,
    /// the most confident of each track. `frames` are those that were judged. What fails is told in the judgement's
    /// faults and changes nothing else.
    pub fn look(&mut self, judged: &mut Judgement, frames: &[Frame<'_>], wanted: &[usize]) {
        let picked = wanted.iter().filter_map(|&at| judged.sightings.get(at));
        let tracks: Vec<u32> = picked.flat_map(|sighting| sighting.tracks.iter().copied()).collect();
        let mut boxes: BTreeMap<u32, Vec<(usize, usize, f32)>> = BTreeMap::new();
        for (f, frame) in judged.frames.iter().enumerate() {
            let (width, height) = (frame.size.0 as f32, frame.size.1 as f32);
            for (b, found) in frame.detections.iter().enumerate() {
                let side = (found.bbox.w * width).min(found.bbox.h * height);
                // Where motion alone is, nobody knows where the animal ends.
                if tracks.contains(&found.track) && found.source != Source::Motion && side >= SMALLEST {
                    boxes.entry(found.track).or_default().push((f, b, found.confidence.get()));
                }
            }
        }
        // By frame, so that each is opened once.
        let mut by_frame: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for mut of_track in boxes.into_values() {
            of_track.sort_by(|a, b| b.2.total_cmp(&a.2));
            for (f, b, _) in of_track.into_iter().take(CROPS) {
                by_frame.entry(f).or_default().push(b);
            }
        }
        let album = Album::new(frames);
        for (f, of_frame) in by_frame {
            let view = album.view(f);
            let Some(frame) = judged.frames.get_mut(f) else { continue };
            for b in of_frame {
                let Some(found) = frame.detections.get_mut(b) else { continue };
                let made = match &view {
                    Ok(view) => self.embed(view, &found.bbox).map_err(|error| error.to_string()),
                    Err(error) => Err(error.clone()),
                };
                match made {
                    Ok(embedding) => found.embedding = Some(Arc::from(embedding)),
                    Err(error) => {
                        let fault = format!("individuals: {error}");
                        if !judged.faults.contains(&fault) {
                            judged.faults.push(fault);
                        }
                    }
                }
            }
        }
    }
}
