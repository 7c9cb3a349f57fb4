//! Inference behind one trait: what a model is, and who can run it.
//!
//! Nothing outside this room names an inference library. [`Engine`] loads a network once; [`Network`] runs it.
//! [`model::Model`] is a network with its checked [`manifest::Manifest`]: what the rest of the house uses.
//!
//! | file | what it is |
//! |---|---|
//! | [`manifest`] | the manifest beside an `.onnx`: its types and its errors |
//! | `keys`, `read` | from its text to checked values |
//! | [`form`] | forms of one network, each for one engine, and which is taken |
//! | [`look`] | how closely a network looks, beyond one pass over the whole |
//! | [`attributes`] | what the outputs of a network for life stage and behaviour mean |
//! | [`individuals`] | what an embedder's similarities mean |
//! | [`labels`] | what a classifier's outputs mean |
//! | [`model`] | a network that fits its manifest, hash checked, tried once |
//! | [`hash`] | SHA-256 of files |
//! | [`install`], [`install_set`], `download` | models onto the card, whole or not at all |
//! | [`catalog`] | networks that can be fetched, pinned |
//! | [`pack`] | networks that work together: ensembles, second heads |
//! | `tract` | the built-in engine, pure Rust (feature `tract`) |
//! | `onnxruntime` | ONNX Runtime, its shared library found when the program runs (feature `onnxruntime`) |
//! | `cache`, [`note`] | optimised networks kept between starts, and what they passed |
//! | [`choose`] | which of them a site gets |
//! | `onnx` | what every engine checks of an ONNX file |
//! | `tflite`, `flatbuffer`, `protobuf` | TensorFlow Lite files made into ONNX when they are loaded |
//! | [`fake`] | an engine that answers what a test tells it to |

pub mod attributes;
#[cfg(any(feature = "tract", feature = "onnxruntime"))]
mod cache;
pub mod catalog;
pub mod choose;
mod download;
pub mod fake;
mod flatbuffer;
pub mod form;
pub mod hash;
pub mod individuals;
pub mod install;
pub mod install_set;
mod keys;
pub mod labels;
pub mod look;
pub mod manifest;
pub mod model;
pub mod note;
#[cfg(any(feature = "tract", feature = "onnxruntime"))]
mod onnx;
#[cfg(feature = "onnxruntime")]
pub mod onnxruntime;
pub mod pack;
mod protobuf;
mod read;
mod shapes;
mod tflite;
#[cfg(feature = "tract")]
pub mod tract;

/// Numbers of a tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// Bytes, as quantised networks take and give.
    U8(Vec<u8>),
}

/// A dense tensor: `shape.iter().product()` numbers, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Extent of each axis.
    pub shape: Vec<usize>,
    /// The numbers.
    pub data: Data,
}

impl Tensor {
    /// The numbers as floats: bytes are taken as 0..=255, unscaled.
    pub fn to_f32(&self) -> std::borrow::Cow<'_, [f32]> {
        match &self.data {
            Data::F32(v) => v.as_slice().into(),
            Data::U8(v) => v.iter().map(|&b| f32::from(b)).collect::<Vec<_>>().into(),
        }
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match &self.data {
            Data::F32(v) => v.len(),
            Data::U8(v) => v.len(),
        }
    }

    /// True when there is no number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Something that can load networks.
pub trait Engine: Send + Sync {
    /// Name and version, as told to the user: `tract 0.23`.
    fn name(&self) -> String;

    /// Whose forms of a network it is given; `None`: always the one every engine can run.
    fn kind(&self) -> Option<form::Kind> {
        None
    }

    /// Prepares the network in `onnx` for the input `spec` says, optimised once; `threads` is a hint (0: one per
    /// core). A network whose own input has another name, type or size is an error.
    fn load(
        &self,
        onnx: &[u8],
        spec: &manifest::Input,
        threads: usize,
    ) -> Result<Box<dyn Network>, EngineError>;

    /// The network whose SHA-256 this is (64 hexadecimal digits), if an earlier start kept what it made of it, for this
    /// `spec`.
    fn kept(&self, sha256: &str, spec: &manifest::Input, threads: usize) -> Option<Box<dyn Network>> {
        let _ = (sha256, spec, threads);
        None
    }

    /// The note of what the kept network passed, if one is kept.
    fn note(&self, sha256: &str, spec: &manifest::Input) -> Option<note::Note> {
        let _ = (sha256, spec);
        None
    }

    /// Like [`Engine::load`], of a network whose SHA-256 is known; keeps what was made of it where the engine does.
    fn load_known(
        &self,
        onnx: &[u8],
        sha256: &str,
        spec: &manifest::Input,
        threads: usize,
    ) -> Result<Box<dyn Network>, EngineError> {
        let _ = sha256;
        self.load(onnx, spec, threads)
    }
}

/// A network ready to run.
pub trait Network: Send {
    /// One forward pass. Outputs come in the network's own order, each with its name.
    fn run(&mut self, input: &Tensor) -> Result<Vec<(String, Tensor)>, EngineError>;
}

/// The engine that is built in, for callers that do not choose one.
///
/// Without the feature `tract` there is none, and the error says how to get one.
pub fn builtin() -> Result<Box<dyn Engine>, EngineError> {
    #[cfg(feature = "tract")]
    return Ok(Box::new(tract::Tract::usual()));
    #[cfg(not(feature = "tract"))]
    return Err(EngineError::NotBuiltIn {
        engine: "tract".into(),
        cure: "build with `--features tract`".into(),
    });
}

/// Why a network did not load or run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// The engine asked for is not part of this program.
    #[error("the engine {engine} is not built in; {cure}")]
    NotBuiltIn {
        /// Which engine.
        engine: String,
        /// How to get it.
        cure: String,
    },
    /// ONNX Runtime's library is missing, too old or broken.
    #[error(
        "no usable ONNX Runtime library ({tried}); install it (1.17 or newer) and name it in `models.onnxruntime` or \
         ORT_DYLIB_PATH"
    )]
    Library {
        /// What was tried, and why it did not do.
        tried: String,
    },
    /// The bytes are no network this engine can run.
    #[error("{engine} cannot load the network: {reason}; check that the file is a complete ONNX model")]
    Load {
        /// Which engine.
        engine: String,
        /// Its own words.
        reason: String,
    },
    /// The network takes another input than its manifest says.
    #[error("the manifest says `{key}` is {manifest}, the network has {network}")]
    Unfit {
        /// The manifest's key.
        key: String,
        /// What the manifest says.
        manifest: String,
        /// What the network has.
        network: String,
    },
    /// The input is not what the network was loaded for.
    #[error("the network takes input {expected:?}, was given {got:?}; check `input` in its manifest")]
    Shape {
        /// What the network was loaded for.
        expected: Vec<usize>,
        /// What came.
        got: Vec<usize>,
    },
    /// The output cannot be read the way the manifest says.
    #[error("the network's output does not fit `output.decode`: {0}")]
    Output(String),
    /// The picture cannot be made into the network's input.
    #[error("no network input can be made of the picture: {0}")]
    Picture(String),
    /// The forward pass failed.
    #[error("{engine} failed in the network: {reason}")]
    Run {
        /// Which engine.
        engine: String,
        /// Its own words.
        reason: String,
    },
}
