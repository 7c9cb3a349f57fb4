//! A network that fits its manifest: hash checked, loaded once, tried once.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::hash::{sha256, sha256_file};
use super::look::Look;
use super::manifest::{Dtype, Manifest, ManifestError};
use super::read::parse_with;
use super::{Data, Engine, EngineError, Network, Tensor, shapes, tflite};

/// A network and what is known of it. Opening is the only way to one, so every `Model` fits its manifest.
pub struct Model {
    manifest: Manifest,
    engine: String,
    network: Box<dyn Network>,
    busy: Duration,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({} {} on {})", self.manifest.name, self.manifest.version, self.engine)
    }
}

/// The files of a model that is part of the program.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    /// Stands for the manifest's path in errors.
    pub name: &'static str,
    /// The manifest.
    pub manifest: &'static str,
    /// The network.
    pub onnx: &'static [u8],
    /// The label file, if the manifest names one.
    pub labels: Option<&'static str>,
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
    /// to see that its output is what the manifest says. Of several forms the one for `engine` is taken. What an engine
    /// kept of an earlier start is taken as it is when neither manifest nor file has changed since.
    pub fn open(path: &Path, engine: &dyn Engine, threads: usize) -> Result<Model, ModelError> {
        Model::of_file(Manifest::load(path)?, engine, threads)
    }

    /// The same of a manifest that was read before.
    pub fn of_file(manifest: Manifest, engine: &dyn Engine, threads: usize) -> Result<Model, ModelError> {
        let manifest = manifest.suited(engine.kind());
        let unreadable = |manifest: &Manifest, e: std::io::Error| ModelError::File {
            manifest: manifest.path.clone(),
            file: manifest.file.clone(),
            reason: e.to_string(),
        };
        let (sha256, checks) = (manifest.sha256.clone(), checks(&manifest));
        let checked =
            |checks: &str| engine.note(&sha256, &manifest.input).is_some_and(|note| note.says(checks));
        let anew = |manifest: Manifest| {
            let onnx = std::fs::read(&manifest.file).map_err(|e| unreadable(&manifest, e))?;
            Model::from_manifest(manifest, &onnx, engine, threads)
        };
        let model = match engine.kept(&sha256, &manifest.input, threads) {
            // Nothing has changed since the file's hash was compared and the network tried.
            Some(network) if checks.as_deref().is_some_and(checked) => {
                return Ok(Model::of(manifest, network, engine));
            }
            // A kept network spares holding the file's own in memory.
            Some(network) if sha256_file(&manifest.file).map_err(|e| unreadable(&manifest, e))? == sha256 => {
                Model::tried(manifest.clone(), network, engine).or_else(|error| {
                    log::warn!("{error}; the kept network is made anew");
                    anew(manifest)
                })?
            }
            _ => anew(manifest)?,
        };
        if let (Some(checks), Some(note)) = (checks, engine.note(&sha256, &model.manifest.input)) {
            note.write(&checks);
        }
        Ok(model)
    }

    /// The same from memory, for models that are part of the program.
    pub fn embedded(files: &Embedded, engine: &dyn Engine, threads: usize) -> Result<Model, ModelError> {
        let read = |file: &Path| match files.labels {
            Some(text) => Ok(text.to_owned()),
            None => Err(std::io::Error::new(std::io::ErrorKind::NotFound, file.display().to_string())),
        };
        let manifest = parse_with(files.manifest, Path::new(files.name), &read)?;
        Model::from_manifest(manifest, files.onnx, engine, threads)
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
        let converted = tflite::is_tflite(onnx).then(|| tflite::to_onnx(onnx)).transpose().map_err(fail)?;
        let onnx = converted.as_deref().unwrap_or(onnx);
        let network = engine.load_known(onnx, &got, &manifest.input, threads).map_err(fail)?;
        Model::tried(manifest, network, engine)
    }

    /// Runs a network once, to see that it fits.
    fn tried(
        manifest: Manifest,
        network: Box<dyn Network>,
        engine: &dyn Engine,
    ) -> Result<Model, ModelError> {
        let path = manifest.path.clone();
        let mut model = Model::of(manifest, network, engine);
        model.dry_run().map_err(|error| ModelError::Engine { manifest: path, error })?;
        Ok(model)
    }

    fn of(manifest: Manifest, network: Box<dyn Network>, engine: &dyn Engine) -> Model {
        Model { engine: engine.name(), network, manifest, busy: Duration::ZERO }
    }

    /// What the model is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Has it look as closely as `look` says, in the place of its manifest.
    pub fn look(&mut self, look: Look) {
        self.manifest.look = look;
    }

    /// Which engine runs it.
    pub fn engine(&self) -> &str {
        &self.engine
    }

    /// Time spent in the network by [`Model::infer`] so far.
    pub fn busy(&self) -> Duration {
        self.busy
    }

    /// One forward pass: every output with its name, in the network's order.
    pub fn run(&mut self, input: &Tensor) -> Result<Vec<(String, Tensor)>, EngineError> {
        self.network.run(input)
    }

    /// One forward pass: the output the manifest names, real values (quantised outputs are turned back), and for
    /// RT-DETR the boxes. The shapes are those `output.decode` reads, and every number is finite.
    pub fn infer(&mut self, input: &Tensor) -> Result<(Tensor, Option<Tensor>), EngineError> {
        let began = Instant::now();
        let outputs = self.network.run(input);
        self.busy += began.elapsed();
        let outputs = outputs?;
        let picked = shapes::pick(&self.manifest, &outputs)?;
        shapes::classes(&self.manifest, &picked)?;
        Ok((self.real(picked.main)?, picked.boxes.map(|boxes| self.real(boxes)).transpose()?))
    }

    /// One pass on a blank (mid-grey) input, checking the output; gives how many numbers the main one holds.
    pub fn dry_run(&mut self) -> Result<usize, EngineError> {
        let outputs = self.network.run(&self.blank_input())?;
        let picked = shapes::pick(&self.manifest, &outputs)?;
        let classes = shapes::classes(&self.manifest, &picked)?;
        shapes::check_names(&self.manifest, classes)?;
        Ok(picked.main.len())
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

/// All that the hash and the trial of a model depend on, as one line: what its manifest says, its file (where it lies, how
/// long it is, when it and its entry were changed), and this program. `None` where the file cannot be asked.
fn checks(manifest: &Manifest) -> Option<String> {
    let file = std::fs::metadata(&manifest.file).ok()?;
    let entry = (
        file.dev(),
        file.ino(),
        file.len(),
        file.mtime(),
        file.mtime_nsec(),
        file.ctime(),
        file.ctime_nsec(),
    );
    Some(sha256(format!("{} {entry:?} {manifest:?}", env!("CARGO_PKG_VERSION")).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::Fake;
    use crate::engine::manifest::parse;

    /// A classifier of three labels; the hash is that of `abc` (FIPS 180-4's example).
    const MANIFEST: &str = r#"
        role = "classifier"
        name = "c"
        version = "1"
        file = "c.onnx"
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        licence = "MIT"
        source = "https://example.org/c.onnx"
        labels = ["fox", "hare", "empty"]
        [input]
        name = "image"
        width = 4
        height = 2
        layout = "nhwc"
        colour = "rgb"
        dtype = "u8"
        [input.resize]
        rule = "square"
        [output]
        name = "scores"
        decode = "logits"
        scale = 0.5
        zero_point = 2
    "#;

    fn scores(data: Data) -> Vec<(String, Tensor)> {
        let shape = vec![
            1,
            match &data {
                Data::F32(v) => v.len(),
                Data::U8(v) => v.len(),
            },
        ];
        let other = Tensor { shape: vec![1, 1], data: Data::F32(vec![9.0]) };
        vec![("features".into(), other), ("scores".into(), Tensor { shape, data })]
    }

    fn open(manifest: &str, onnx: &[u8], engine: &Fake) -> Result<Model, ModelError> {
        Model::from_manifest(parse(manifest, Path::new("c/model.toml"))?, onnx, engine, 1)
    }

    fn blank() -> Tensor {
        Tensor { shape: vec![1, 2, 4, 3], data: Data::U8(vec![0; 24]) }
    }

    #[test]
    fn quantised_outputs_are_turned_back_and_picked_by_name() {
        let engine = Fake::always(scores(Data::U8(vec![2, 4, 0])));
        let mut model = open(MANIFEST, b"abc", &engine).unwrap();
        let (main, boxes) = model.infer(&blank()).unwrap();
        // (byte - 2) * 0.5
        assert_eq!((main.data, boxes), (Data::F32(vec![0.0, 1.0, -1.0]), None));
        assert_eq!(model.engine(), "fake");
    }

    #[test]
    fn a_wrong_hash_refuses_to_open() {
        let engine = Fake::new(|_, _| panic!("a network with the wrong hash was run"));
        let error = open(MANIFEST, b"abd", &engine).unwrap_err();
        assert!(matches!(error, ModelError::Hash { .. }));
        let said = error.to_string();
        assert!(said.starts_with("c/model.toml: the SHA-256 of c/c.onnx is a52d159f"), "{said}");
    }

    #[test]
    fn labels_that_are_not_the_outputs_width_are_an_error() {
        let engine = Fake::always(scores(Data::U8(vec![0; 4])));
        let said = open(MANIFEST, b"abc", &engine).unwrap_err().to_string();
        assert_eq!(
            said,
            "c/model.toml: the manifest says `labels` is a list of 3, the network has 4 classes"
        );
    }

    #[test]
    fn an_output_that_is_not_there_is_named() {
        let engine = Fake::always(scores(Data::U8(vec![0; 3])));
        let said =
            open(&MANIFEST.replace("\"scores\"", "\"probs\""), b"abc", &engine).unwrap_err().to_string();
        assert_eq!(
            said,
            "c/model.toml: the manifest says `output.name` is probs, the network has features, scores"
        );
    }

    #[test]
    fn an_output_of_another_shape_than_its_decoding_reads_is_an_error() {
        let text = MANIFEST
            .replace("classifier", "detector")
            .replace("\"logits\"", "\"yolov5\"")
            .replace("\"square\"", "\"stretch\"")
            .replace("labels = [\"fox\", \"hare\", \"empty\"]", "")
            + "[classes]\nanimal = [1]\n[thresholds]\ndetection = 0.5";
        let engine = Fake::always(scores(Data::U8(vec![0; 3])));
        let said = open(&text, b"abc", &engine).unwrap_err().to_string();
        assert!(said.contains("it reads [1, n, 5 + classes], the network gives [1, 3]"), "{said}");
        // One class only, so index 1 is beyond the output.
        let boxes = Tensor { shape: vec![1, 2, 6], data: Data::F32(vec![0.0; 12]) };
        let said =
            open(&text, b"abc", &Fake::always(vec![("scores".into(), boxes)])).unwrap_err().to_string();
        assert!(
            said.contains("`classes.animal` is 1, among others, the network has 1 classes, 0 to 0"),
            "{said}"
        );
    }

    #[test]
    fn a_network_that_fails_or_gives_nan_is_an_error_of_that_pass_only() {
        let engine = Fake::new(|_, pass| match pass {
            1 => Err(Fake::failure("out of memory")),
            2 => Ok(scores(Data::F32(vec![0.0, f32::NAN, 1.0]))),
            _ => Ok(scores(Data::F32(vec![0.0, 1.0, 2.0]))),
        });
        let mut model = open(MANIFEST, b"abc", &engine).unwrap();
        assert_eq!(
            model.infer(&blank()).unwrap_err().to_string(),
            "fake failed in the network: out of memory"
        );
        assert!(model.infer(&blank()).unwrap_err().to_string().contains("number 1 of it is NaN"));
        assert_eq!(model.infer(&blank()).unwrap().0.data, Data::F32(vec![0.0, 1.0, 2.0]));
        let failing = Fake::new(|_, _| Err(Fake::failure("no")));
        assert!(matches!(open(MANIFEST, b"abc", &failing), Err(ModelError::Engine { .. })));
    }

    #[test]
    fn a_folder_with_one_manifest_is_a_model_and_a_missing_network_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Fake::always(scores(Data::U8(vec![0; 3])));
        let open = || Model::open(folder.path(), &engine, 1);
        assert!(open().unwrap_err().to_string().contains("holds no manifest"));
        std::fs::write(folder.path().join("model.toml"), MANIFEST).unwrap();
        let said = open().unwrap_err().to_string();
        assert!(said.contains("cannot read `file`") && said.contains("c.onnx"), "{said}");
        std::fs::write(folder.path().join("c.onnx"), b"abc").unwrap();
        assert_eq!(open().unwrap().manifest().name, "c");
        std::fs::write(folder.path().join("other.toml"), MANIFEST).unwrap();
        assert!(open().unwrap_err().to_string().contains("several .toml files"));
        assert!(matches!(
            Model::open(Path::new("no/such/model.toml"), &engine, 1),
            Err(ModelError::Manifest(ManifestError::Read { .. }))
        ));
    }

    #[test]
    #[cfg(feature = "tract")]
    fn what_was_checked_is_taken_as_it_is_until_something_changes() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["bench-classifier.onnx", "labels.csv", "manifest.toml"] {
            let from = Path::new("models/bench-classifier").join(file);
            std::fs::copy(from, folder.path().join(file)).unwrap();
        }
        let kept = folder.path().join("kept");
        let engine = crate::engine::tract::Tract::caching(Some(kept.clone()));
        let opened = || Model::open(folder.path(), &engine, 1);
        let noted = || {
            let network = std::fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
            std::fs::read_to_string(network.join("checked")).unwrap()
        };
        opened().unwrap();
        let first = noted();
        opened().unwrap();
        assert_eq!(noted(), first);
        // One byte of the network.
        let onnx = folder.path().join("bench-classifier.onnx");
        let mut bytes = std::fs::read(&onnx).unwrap();
        bytes[1000] ^= 1;
        std::fs::write(&onnx, &bytes).unwrap();
        assert!(matches!(opened().unwrap_err(), ModelError::Hash { .. }));
        bytes[1000] ^= 1;
        std::fs::write(&onnx, &bytes).unwrap();
        opened().unwrap();
        assert_ne!(noted(), first, "the file was written anew");
        // One label too few for the network.
        let labels = folder.path().join("labels.csv");
        let text = std::fs::read_to_string(&labels).unwrap();
        let shorter: Vec<&str> = text.lines().take(text.lines().count() - 1).collect();
        std::fs::write(&labels, shorter.join("\n")).unwrap();
        assert!(matches!(opened().unwrap_err(), ModelError::Engine { .. }));
    }

    #[test]
    #[cfg(feature = "tract")]
    fn a_kept_network_that_fails_its_trial_is_made_anew() {
        let kept = |name: &str, folder: &Path| {
            let engine = crate::engine::tract::Tract::caching(Some(folder.to_owned()));
            Model::open(Path::new(name), &engine, 1).unwrap();
            std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
        };
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let classifier = kept("models/bench-classifier", one.path());
        let detector = kept("models/bench-detector", two.path());
        let whole = std::fs::read(classifier.join("network")).unwrap();
        // Whole by its seal, and another network.
        for file in ["network", "seal"] {
            std::fs::copy(detector.join(file), classifier.join(file)).unwrap();
        }
        std::fs::remove_file(classifier.join("checked")).unwrap();
        assert_eq!(kept("models/bench-classifier", one.path()), classifier);
        assert_eq!(std::fs::read(classifier.join("network")).unwrap(), whole);
    }
}
