//! Inference behind one trait: what a model is, and who can run it.
//!
//! Nothing outside this room names an inference library. [`Engine`] loads a network once; [`Network`] runs it.

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
}

/// Something that can load networks.
pub trait Engine: Send + Sync {
    /// Name and version, as told to the user: `tract 0.23`.
    fn name(&self) -> String;

    /// Prepares the network in `onnx` for the input `spec` says, optimised once; `threads` is a hint (0: one per core).
    fn load(
        &self,
        onnx: &[u8],
        spec: &manifest::Input,
        threads: usize,
    ) -> Result<Box<dyn Network>, EngineError>;
}

/// A network ready to run.
pub trait Network: Send {
    /// One forward pass. Outputs come in the network's own order, each with its name.
    fn run(&mut self, input: Tensor) -> Result<Vec<(String, Tensor)>, EngineError>;
}

pub mod labels;
pub mod manifest;

/// Why a network did not load or run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The bytes are no network this engine can run.
    #[error("{engine} cannot load the network: {reason}; check that the file is a complete ONNX model")]
    Load {
        /// Which engine.
        engine: String,
        /// Its own words.
        reason: String,
    },
    /// The input is not what the network was loaded for.
    #[error("the network takes input {expected:?}, was given {got:?}; check `input` in its manifest")]
    Shape {
        /// What the network was loaded for.
        expected: Vec<usize>,
        /// What came.
        got: Vec<usize>,
    },
    /// The forward pass failed.
    #[error("{engine} failed in the network: {reason}")]
    Run {
        /// Which engine.
        engine: String,
        /// Its own words.
        reason: String,
    },
}
