//! A network that fits its manifest: hash checked, loaded once, tried once.

use std::path::{Path, PathBuf};

use super::hash::sha256;
use super::manifest::{Dtype, Manifest, ManifestError, parse};
use super::{Data, Engine, EngineError, Network, Tensor, shapes};

/// A network and what is known of it. Opening is the only way to one, so every `Model` fits its manifest.
pub struct Model {
    manifest: Manifest,
    engine: String,
    network: Box<dyn Network>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({} {} on {})", self.manifest.name, self.manifest.version, self.engine)
    }
}

/// Why a model cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// Its manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The network's file cannot be read.
    #[error("{}: cannot read `file`, {}: {reason}", manifest.display(), file.display())]
    File {
        /// The manifest.
        manifest: PathBuf,
        /// The network's file.
        file: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The network's file is not the one the manifest was written for.
    #[error(
        "{}: the SHA-256 of {} is {got}, `sha256` says {expected}; fetch the file again or correct the manifest",
        manifest.display(),
        file.display()
    )]
    Hash {
        /// The manifest.
        manifest: PathBuf,
        /// The network's file.
        file: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What the file has.
        got: String,
    },
    /// The network does not load, does not run, or is another than the manifest says.
    #[error("{}: {error}", manifest.display())]
    Engine {
        /// The manifest.
        manifest: PathBuf,
        /// What the engine says.
        error: EngineError,
    },
}

impl Model {
    /// Opens the model at `path` (a manifest, or a folder with one): reads and checks the manifest, checks the
    /// network's SHA-256, loads it on `engine` with `threads` (0: one per core) and runs it once on a blank input
    /// to see that its output is what the manifest says.
    pub fn open(path: &Path, engine: &dyn Engine, threads: usize) -> Result<Model, ModelError> {
        let manifest = Manifest::load(path)?;
        let onnx = std::fs::read(&manifest.file).map_err(|e| ModelError::File {
            manifest: manifest.path.clone(),
            file: manifest.file.clone(),
            reason: e.to_string(),
        })?;
        Model::from_manifest(manifest, &onnx, engine, threads)
    }

    /// The same from memory, for models that are part of the program: `name` stands for the manifest's path in
    /// errors.
    pub fn from_bytes(
        name: &str,
        manifest: &str,
        onnx: &[u8],
        engine: &dyn Engine,
        threads: usize,
    ) -> Result<Model, ModelError> {
        Model::from_manifest(parse(manifest, Path::new(name))?, onnx, engine, threads)
    }

    /// The same from a checked manifest and the bytes of its network.
    pub fn from_manifest(
        manifest: Manifest,
        onnx: &[u8],
        engine: &dyn Engine,
        threads: usize,
    ) -> Result<Model, ModelError> {
        let got = sha256(onnx);
        if got != manifest.sha256 {
            return Err(ModelError::Hash {
                manifest: manifest.path,
                file: manifest.file,
                expected: manifest.sha256,
                got,
            });
        }
        let fail = |error| ModelError::Engine { manifest: manifest.path.clone(), error };
        let network = engine.load(onnx, &manifest.input, threads).map_err(fail)?;
        let mut model = Model { engine: engine.name(), network, manifest: manifest.clone() };
        model.dry_run().map_err(fail)?;
        Ok(model)
    }

    /// What the model is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Which engine runs it.
    pub fn engine(&self) -> &str {
        &self.engine
    }

    /// One forward pass: every output with its name, in the network's order.
    pub fn run(&mut self, input: Tensor) -> Result<Vec<(String, Tensor)>, EngineError> {
        self.network.run(input)
    }

    /// One forward pass: the output the manifest names, real values (quantised outputs are turned back), and for
    /// RT-DETR the boxes. The shapes are those `output.decode` reads, and every number is finite.
    pub fn infer(&mut self, input: Tensor) -> Result<(Tensor, Option<Tensor>), EngineError> {
        let outputs = self.network.run(input)?;
        let picked = shapes::pick(&self.manifest, &outputs)?;
        shapes::classes(&self.manifest, &picked)?;
        Ok((self.real(picked.main)?, picked.boxes.map(|boxes| self.real(boxes)).transpose()?))
    }

    /// One pass on a blank (mid-grey) input, checking the output.
    pub fn dry_run(&mut self) -> Result<(), EngineError> {
        let outputs = self.network.run(self.blank_input())?;
        let picked = shapes::pick(&self.manifest, &outputs)?;
        let classes = shapes::classes(&self.manifest, &picked)?;
        shapes::check_names(&self.manifest, classes)
    }

    /// A mid-grey input.
    fn blank_input(&self) -> Tensor {
        let input = &self.manifest.input;
        let shape = input.shape().to_vec();
        let count = shape.iter().product();
        let data = match input.dtype {
            Dtype::F32 => {
                let mean = (128.0 * input.scale - input.mean[0]) / input.std[0];
                Data::F32(vec![mean; count])
            }
            Dtype::U8 => Data::U8(vec![128; count]),
        };
        Tensor { shape, data }
    }

    /// Real values of an output. One that is not finite makes the pass a failed one: NaN is below every threshold
    /// and would pass for an empty picture.
    fn real(&self, tensor: &Tensor) -> Result<Tensor, EngineError> {
        let output = &self.manifest.output;
        let data: Vec<f32> = match &tensor.data {
            Data::F32(values) => values.clone(),
            Data::U8(bytes) => {
                bytes.iter().map(|&b| (f32::from(b) - output.zero_point) * output.scale).collect()
            }
        };
        match data.iter().position(|value| !value.is_finite()) {
            None => Ok(Tensor { shape: tensor.shape.clone(), data: Data::F32(data) }),
            Some(at) => Err(EngineError::Output(format!("number {at} of it is {}", data[at]))),
        }
    }
}
