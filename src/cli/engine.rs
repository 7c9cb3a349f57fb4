//! `--engine` and what belongs to it, for every verb that runs networks.

use std::path::PathBuf;

use crate::config::{self, Models};

/// Who runs the networks; what is left out stays as the configuration has it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct EngineArgs {
    /// Who runs the networks [default: auto]
    #[arg(long, global = true, value_name = "NAME")]
    engine: Option<EngineChoice>,
    /// ONNX Runtime's shared library, or the folder it lies in [default: $ORT_DYLIB_PATH, else beside the program, else
    /// where the system looks]
    #[arg(long, global = true, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// What ONNX Runtime computes with, where its library has it [default: cpu]
    #[arg(long, global = true, value_name = "NAME")]
    provider: Option<ProviderChoice>,
}

/// Who runs the networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum EngineChoice {
    /// ONNX Runtime where it is built in and found, else tract
    Auto,
    /// Pure Rust, built in
    Tract,
    /// Its shared library, 1.17 or newer
    Onnxruntime,
}

/// What ONNX Runtime computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ProviderChoice {
    /// The processor
    Cpu,
    /// The processor, by XNNPACK
    Xnnpack,
    /// A graphics card, by CUDA
    Cuda,
    /// A graphics card, by TensorRT
    Tensorrt,
}

impl EngineArgs {
    /// Puts what was given in the place of what the configuration says.
    pub fn change(&self, models: &mut Models) {
        if let Some(engine) = self.engine {
            models.engine = match engine {
                EngineChoice::Auto => config::EngineChoice::Auto,
                EngineChoice::Tract => config::EngineChoice::Tract,
                EngineChoice::Onnxruntime => config::EngineChoice::OnnxRuntime,
            };
        }
        if let Some(library) = &self.onnxruntime {
            models.onnxruntime = Some(library.clone());
        }
        if let Some(provider) = self.provider {
            models.provider = match provider {
                ProviderChoice::Cpu => config::ProviderChoice::Cpu,
                ProviderChoice::Xnnpack => config::ProviderChoice::Xnnpack,
                ProviderChoice::Cuda => config::ProviderChoice::Cuda,
                ProviderChoice::Tensorrt => config::ProviderChoice::TensorRt,
            };
        }
    }

    /// The defaults with what was given.
    pub fn models(&self) -> Models {
        let mut models = config::Config::default().models;
        self.change(&mut models);
        models
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        engine: EngineArgs,
    }

    #[test]
    fn what_is_given_overrides_the_rest_stays() {
        let site = Models {
            engine: config::EngineChoice::Tract,
            provider: config::ProviderChoice::Cuda,
            ..config::Config::default().models
        };
        let mut models = site.clone();
        Line::parse_from(["trapline"]).engine.change(&mut models);
        assert_eq!(models, site);
        let line = ["trapline", "--engine", "onnxruntime", "--onnxruntime", "lib"];
        Line::parse_from(line).engine.change(&mut models);
        assert_eq!(models.engine, config::EngineChoice::OnnxRuntime);
        assert_eq!(models.onnxruntime, Some(PathBuf::from("lib")));
        assert_eq!(models.provider, config::ProviderChoice::Cuda);
        assert!(Line::try_parse_from(["trapline", "--provider", "npu"]).is_err());
    }
}
