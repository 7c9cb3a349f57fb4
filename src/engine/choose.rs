//! Which engine runs the networks: what a site asks for, of what is built in and what is there.

use std::path::PathBuf;

use super::{Engine, EngineError, builtin};

/// What may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// ONNX Runtime where it is built in and its library is found, else tract.
    #[default]
    Auto,
    /// tract.
    Tract,
    /// ONNX Runtime; tract, with a warning, where its library cannot be used.
    OnnxRuntime,
}

/// What ONNX Runtime computes with; one that its library lacks is told to the log, and the processor does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Provider {
    /// The processor, by ONNX Runtime's own kernels.
    #[default]
    Cpu,
    /// The processor, by XNNPACK's kernels.
    Xnnpack,
    /// A graphics card, by CUDA.
    Cuda,
    /// A graphics card, by TensorRT.
    TensorRt,
}

/// What a site asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// The engine.
    pub engine: Choice,
    /// ONNX Runtime's shared library, or the folder it lies in; `None`: `ORT_DYLIB_PATH`, beside the program, where
    /// the system looks.
    pub library: Option<PathBuf>,
    /// What ONNX Runtime computes with.
    pub provider: Provider,
}

/// The engine that serves `wish`. What it is goes to the log once; so does why it is not the one asked for.
pub fn choose(wish: &Wish) -> Result<Box<dyn Engine>, EngineError> {
    if wish.engine == Choice::Tract {
        return builtin();
    }
    let engine = match onnxruntime(wish) {
        Ok(engine) => engine,
        Err(reason @ EngineError::NotBuiltIn { .. }) => match wish.engine {
            Choice::OnnxRuntime => return Err(reason),
            _ => builtin()?,
        },
        Err(reason) => {
            // Without tract the reason is all there is to say.
            let engine = builtin().map_err(|_| reason.clone())?;
            if wish.engine == Choice::OnnxRuntime || wish.library.is_some() {
                log::warn!("{reason}; {} runs the networks", engine.name());
            } else {
                log::info!("{reason}; {} runs the networks", engine.name());
            }
            return Ok(engine);
        }
    };
    log::info!("{} runs the networks", engine.name());
    Ok(engine)
}

#[cfg(feature = "onnxruntime")]
fn onnxruntime(wish: &Wish) -> Result<Box<dyn Engine>, EngineError> {
    Ok(Box::new(super::onnxruntime::OnnxRuntime::open(wish.library.as_deref(), wish.provider)?))
}

#[cfg(not(feature = "onnxruntime"))]
fn onnxruntime(_wish: &Wish) -> Result<Box<dyn Engine>, EngineError> {
    Err(EngineError::NotBuiltIn {
        engine: "onnxruntime".into(),
        cure: "build with `--features onnxruntime`, or choose \"tract\"".into(),
    })
}

#[cfg(all(test, any(feature = "tract", not(feature = "onnxruntime"))))]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "tract")]
    fn tract_is_what_it_says() {
        let wish = Wish { engine: Choice::Tract, ..Wish::default() };
        assert!(choose(&wish).unwrap().name().starts_with("tract"));
    }

    #[test]
    #[cfg(not(feature = "onnxruntime"))]
    fn an_engine_that_is_not_built_in_says_how_to_get_it() {
        let wish = Wish { engine: Choice::OnnxRuntime, ..Wish::default() };
        let said = choose(&wish).map(|_| ()).unwrap_err().to_string();
        assert_eq!(
            said,
            "the engine onnxruntime is not built in; build with `--features onnxruntime`, or choose \"tract\""
        );
    }
}
