//! Forms of one network: which file is fast depends on who computes and on what.
//!
//! A manifest's `file` is the form that every engine can run. `[[form]]` names others, each for one engine: a graph
//! quantised for ONNX Runtime is up to twice as fast there and an order of magnitude slower on tract (docs/models.md).

use std::path::PathBuf;

use super::manifest::{Manifest, Role};

/// Who a form is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// tract.
    Tract,
    /// ONNX Runtime computing on the processor.
    OnnxRuntime,
}

impl Kind {
    /// The name used in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Tract => "tract",
            Kind::OnnxRuntime => "onnxruntime",
        }
    }
}

/// What a form asks of the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Instructions that multiply bytes and add the products to 32-bit sums: `dotprod` of ARMv8.2 (Cortex-A55, A76,
    /// A78AE; not the A53 of a Zero 2 W nor the A72 of a Pi 4), VNNI on x86. Without them bytes gain little, and x86
    /// before VNNI adds pairs of products in 16 bits, which overflow.
    DotProduct,
}

impl Need {
    /// The name used in manifests.
    pub fn as_str(self) -> &'static str {
        "dot-product"
    }

    /// Whether this processor has it.
    pub fn met(self) -> bool {
        dot_product()
    }
}

/// Another form of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Who it is for.
    pub engine: Kind,
    /// What it asks of the processor; `None`: nothing.
    pub needs: Option<Need>,
    /// Its file.
    pub file: PathBuf,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// The manifest with `file` and `sha256` of the first form that is made for `engine` and whose needs this
    /// processor meets; as it is where there is none, and for embedders: a gallery is of one network, and another form
    /// of it would see individuals a little differently.
    pub fn suited(self, engine: Option<Kind>) -> Manifest {
        self.suited_where(engine, Need::met)
    }

    fn suited_where(mut self, engine: Option<Kind>, met: impl Fn(Need) -> bool) -> Manifest {
        if self.role == Role::Embedder {
            return self;
        }
        let fits = |form: &&Form| Some(form.engine) == engine && form.needs.is_none_or(&met);
        if let Some(form) = self.forms.iter().find(fits) {
            self.file.clone_from(&form.file);
            self.sha256.clone_from(&form.sha256);
        }
        self
    }
}

#[cfg(target_arch = "aarch64")]
fn dot_product() -> bool {
    std::arch::is_aarch64_feature_detected!("dotprod")
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn dot_product() -> bool {
    is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni")
}

#[cfg(not(any(target_arch = "aarch64", target_arch = "x86", target_arch = "x86_64")))]
fn dot_product() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::manifest::parse;

    /// A model of three forms: for any engine, for ONNX Runtime on a processor that multiplies bytes, for tract.
    fn manifest() -> Manifest {
        let text = include_str!("../../models/bench-detector/manifest.toml");
        let form = |engine: &str, needs: &str| {
            let hash = "0".repeat(64);
            format!(
                "[[form]]\nengine = \"{engine}\"\n{needs}\nfile = \"{engine}.onnx\"\nsha256 = \"{hash}\"\n"
            )
        };
        let text = format!("{text}\n{}{}", form("onnxruntime", "needs = \"dot-product\""), form("tract", ""));
        parse(&text, std::path::Path::new("m.toml")).unwrap()
    }

    fn taken(engine: Option<Kind>, met: bool) -> String {
        manifest().suited_where(engine, |_| met).file.display().to_string()
    }

    #[test]
    fn the_form_for_the_engine_is_taken_where_the_processor_meets_its_needs() {
        assert_eq!(taken(Some(Kind::OnnxRuntime), true), "onnxruntime.onnx");
        assert_eq!(taken(Some(Kind::OnnxRuntime), false), "bench-detector.onnx");
        assert_eq!(taken(Some(Kind::Tract), false), "tract.onnx");
        assert_eq!(taken(None, true), "bench-detector.onnx");
    }

    #[test]
    fn an_embedder_is_the_same_network_on_every_engine() {
        let embedder = Manifest { role: Role::Embedder, ..manifest() };
        let taken = embedder.clone().suited_where(Some(Kind::Tract), |_| true);
        assert_eq!(taken, embedder);
    }

    #[test]
    fn the_hash_follows_the_file() {
        let plain = manifest();
        assert_ne!(plain.sha256, "0".repeat(64));
        assert_eq!(plain.suited(Some(Kind::Tract)).sha256, "0".repeat(64));
    }
}
