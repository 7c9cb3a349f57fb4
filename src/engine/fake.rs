//! An engine that answers what a test tells it to.
//!
//! ```
//! use trapline::engine::{Data, Engine, Tensor, fake::Fake};
//!
//! // Every pass of every network answers one output of two numbers.
//! let engine = Fake::always(vec![(
//!     "scores".to_owned(),
//!     Tensor { shape: vec![1, 2], data: Data::F32(vec![0.0, 1.0]) },
//! )]);
//! assert_eq!(engine.name(), "fake");
//! ```
//!
//! [`super::model::Model`] tries every network once when it is opened: that dry pass is pass 0.

use std::sync::Arc;

use super::manifest::Input;
use super::{Engine, EngineError, Network, Tensor};

/// What a network gives: named outputs in order.
pub type Outputs = Vec<(String, Tensor)>;

type Script = dyn Fn(&Tensor, usize) -> Result<Outputs, EngineError> + Send + Sync;

/// The engine. Every network it loads counts its own passes from 0.
#[derive(Clone)]
pub struct Fake {
    script: Arc<Script>,
}

impl Fake {
    /// Answers by `script`, which is given the input and the number of the pass.
    pub fn new(
        script: impl Fn(&Tensor, usize) -> Result<Outputs, EngineError> + Send + Sync + 'static,
    ) -> Self {
        Fake { script: Arc::new(script) }
    }

    /// Answers the same on every pass.
    pub fn always(outputs: Outputs) -> Self {
        Fake::new(move |_, _| Ok(outputs.clone()))
    }

    /// A failure as a script may answer it.
    pub fn failure(reason: &str) -> EngineError {
        EngineError::Run { engine: "fake".into(), reason: reason.into() }
    }
}

impl Engine for Fake {
    fn name(&self) -> String {
        "fake".into()
    }

    fn load(&self, _onnx: &[u8], spec: &Input, _threads: usize) -> Result<Box<dyn Network>, EngineError> {
        Ok(Box::new(FakeNetwork { script: self.script.clone(), shape: spec.shape().to_vec(), pass: 0 }))
    }
}

struct FakeNetwork {
    script: Arc<Script>,
    shape: Vec<usize>,
    pass: usize,
}

impl Network for FakeNetwork {
    fn run(&mut self, input: &Tensor) -> Result<Outputs, EngineError> {
        if input.shape != self.shape {
            return Err(EngineError::Shape { expected: self.shape.clone(), got: input.shape.clone() });
        }
        let pass = self.pass;
        self.pass += 1;
        (self.script)(input, pass)
    }
}
